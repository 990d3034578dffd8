/* The Management Activity API. Ref: sources.md 3.2, 3.3, 3.10. */
#include <string.h>

#include "tests/simulator/sim.h"

#define HOUR (3600 * CLOCK_SECOND)
#define DAY (24 * HOUR)

enum { BLOBS_A_PAGE = 4 };

static struct clock_text
milli(int64_t t)
{
    struct clock_text full = clock_format_full(t);
    memcpy(full.s + 23, "Z", 2); /* "2015-05-23T17:35:00.000Z" */
    return full;
}

/* The content type that the call names; only one has content here, the other four are empty. */
static bool
type_asked(struct http_request *r, struct slice *type)
{
    static const char *const known[] = {"Audit.General", "Audit.AzureActiveDirectory",
                                        "Audit.Exchange", "Audit.SharePoint", "DLP.All"};
    *type = http_query(r, "contentType");
    if (type->p == NULL) {
        sim_error(r, 400, "AF20001", "Missing parameter: contentType.");
        return false;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (slice_eq_nocase(*type, slice_of(known[i])))
            return true;
    sim_error(r, 400, "AF20020", "The specified content type is not valid.");
    return false;
}

static void
start_answer(struct sim_tenant *t, struct http_request *r)
{
    struct slice type;
    if (!type_asked(r, &type))
        return;
    if (slice_eq_nocase(type, SLICE("Audit.General"))) {
        if (t->mail_on) {
            sim_error(r, 400, "AF20024",
                      "The subscription is already enabled. No property change.");
            return;
        }
        t->mail_on = true;
    }
    struct json_out *o = json_out_object(r->arena);
    json_out_text(o, "contentType", type);
    json_out_text(o, "status", SLICE("enabled"));
    json_out_null(o, "webhook");
    sim_send(r, 200, "application/json; charset=utf-8", json_out_print(o, r->arena), NULL);
}

static void
stop_answer(struct sim_tenant *t, struct http_request *r)
{
    struct slice type;
    if (!type_asked(r, &type))
        return;
    if (slice_eq_nocase(type, SLICE("Audit.General")))
        t->mail_on = false;
    sim_send(r, 200, "application/json; charset=utf-8", SLICE(""), NULL);
}

static void
subscriptions_answer(struct sim_tenant *t, struct http_request *r)
{
    struct json_out *list = json_out_array(r->arena);
    if (t->mail_on)
        json_out_add_raw(
            list,
            SLICE("{\"contentType\":\"Audit.General\",\"status\":\"enabled\",\"webhook\":null}"));
    sim_send(r, 200, "application/json; charset=utf-8", json_out_print(list, r->arena), NULL);
}

/* ---- windows */

struct window {
    int64_t from, to; /* 100 ns; from <= contentCreated < to */
};

/* A time of a window: a date, or one with minutes, or with seconds. */
static bool
window_time(struct http_request *r, struct slice text, int64_t *out)
{
    if (text.n == sizeof("2020-01-01T10:00") - 1)
        text = slice_join(r->arena, text, SLICE(":00"));
    return clock_parse(text, out);
}

/* The window asked for; both times or none, at most a day, not older than a week and an hour. */
static bool
window_asked(const struct sim_tenant *t, struct http_request *r, struct window *w)
{
    struct slice from = http_query(r, "startTime");
    struct slice to = http_query(r, "endTime");
    int64_t now = sim_now(t->sim);
    if (from.p == NULL && to.p == NULL) {
        *w = (struct window){now - DAY, now + CLOCK_SECOND};
        return true;
    }
    if (from.p == NULL || to.p == NULL) {
        sim_error(r, 400, "AF20030", "startTime and endTime must both be specified or omitted.");
        return false;
    }
    if (!window_time(r, from, &w->from) || !window_time(r, to, &w->to)) {
        sim_error(r, 400, "AF20002",
                  "Invalid parameter type: startTime or endTime, expected datetime.");
        return false;
    }
    if (w->to <= w->from) {
        sim_error(r, 400, "AF20055", "Start time must be before end time.");
        return false;
    }
    if (w->to - w->from > DAY || w->from < now - 7 * DAY - HOUR) {
        sim_error(r, 400, "AF20030",
                  "Start time and end time must be at most 24 hours apart and start time no more "
                  "than 7 days in the past.");
        return false;
    }
    return true;
}

/* When a blob was made available: with the last of its records. CLOCK_NONE: not yet. */
static int64_t
blob_created(const struct plan *p, size_t blob)
{
    int64_t created = CLOCK_NONE;
    for (size_t i = 0; i < p->n; i++) {
        const struct delivery *d = &p->items[i];
        if (d->source != SIM_MAIL || d->blob != blob)
            continue;
        if (d->released == CLOCK_NONE)
            return CLOCK_NONE;
        if (d->released > created)
            created = d->released;
    }
    return created;
}

static struct slice
blob_id(const struct sim_tenant *t, size_t blob, int64_t created, struct arena *a)
{
    struct clock_text at = clock_format_full(created);
    return slice_printf(a,
                        "%.4s%.2s%.2s%.2s%.2s%.2s%.3s%06zu$%.4s%.2s%.2s%.2s%.2s%.2s%.3s%06zu"
                        "$audit_general$Audit_General$emea%.4s",
                        at.s, at.s + 5, at.s + 8, at.s + 11, at.s + 14, at.s + 17, at.s + 20, blob,
                        at.s, at.s + 5, at.s + 8, at.s + 11, at.s + 14, at.s + 17, at.s + 20, blob,
                        t->id.p);
}

static void
blob_list(struct sim_tenant *t, struct http_request *r, struct json_out *list, size_t blob,
          int64_t created)
{
    struct arena *a = r->arena;
    struct slice id = blob_id(t, blob, created, a);
    struct json_out *o = json_out_object(a);
    json_out_text(o, "contentType", SLICE("Audit.General"));
    json_out_text(o, "contentId", id);
    json_out_text(o, "contentUri",
                  slice_printf(a, "%s/mail/api/v1.0/%.*s/activity/feed/audit/%.*s", t->sim->origin,
                               SLICE_ARG(t->id), SLICE_ARG(id)));
    json_out_text(o, "contentCreated", slice_of(milli(created).s));
    json_out_text(o, "contentExpiration", slice_of(milli(created + 7 * DAY).s));
    json_out_add(list, o);
}

struct blob_at {
    size_t blob;
    int64_t created;
};

/* Blobs of the window in order of availability; returns how many. */
static size_t
window_blobs(const struct sim_tenant *t, const struct window *w, struct blob_at *out)
{
    size_t n = 0;
    for (size_t blob = 1; blob <= t->plan.blobs; blob++) {
        int64_t created = blob_created(&t->plan, blob);
        if (created == CLOCK_NONE || created < w->from || created >= w->to)
            continue;
        size_t at = n++;
        for (; at > 0 && out[at - 1].created > created; at--)
            out[at] = out[at - 1];
        out[at] = (struct blob_at){blob, created};
    }
    return n;
}

/*
 * The page's header, in any spelling and with both forms of the version, as servers have sent it.
 * The name of the next page is the number of blobs before it, times two; the odd numbers are empty
 * pages, which a client has to walk through.
 */
static void
page_send(struct sim_tenant *t, struct http_request *r, struct json_out *list, int64_t next)
{
    static const char *const spellings[] = {"NextPageUri", "nextpageuri", "Nextpageuri"};
    struct http_header headers[2] = {{NULL, NULL}, {NULL, NULL}};
    if (next >= 0) {
        struct slice uri = slice_printf(
            r->arena,
            "%s/mail/api/%s/%.*s/activity/feed/subscriptions/content?contentType=%.*s"
            "&startTime=%.*s&endTime=%.*s&nextPage=%lld",
            t->sim->origin, t->pages % 2 == 0 ? "v1" : "v1.0", SLICE_ARG(t->id),
            SLICE_ARG(http_query(r, "contentType")), SLICE_ARG(http_query(r, "startTime")),
            SLICE_ARG(http_query(r, "endTime")), (long long)next);
        headers[0] = (struct http_header){spellings[t->pages % 3], uri.p};
    }
    t->pages++;
    sim_send(r, 200, "application/json; charset=utf-8", json_out_print(list, r->arena), headers);
}

static void
content_answer(struct sim_tenant *t, struct http_request *r)
{
    struct slice type;
    struct window w;
    int64_t page = 0;
    struct slice asked = http_query(r, "nextPage");
    if (!type_asked(r, &type) || !window_asked(t, r, &w))
        return;
    if (asked.p != NULL && (!slice_int(asked, &page) || page < 0 || page > 1000000)) {
        sim_error(r, 400, "AF20031", "Invalid nextPage Input: %.*s.", SLICE_ARG(asked));
        return;
    }
    struct json_out *list = json_out_array(r->arena);
    if (!slice_eq_nocase(type, SLICE("Audit.General"))) {
        page_send(t, r, list, -1);
        return;
    }
    if (!t->mail_on) {
        sim_error(r, 400, "AF20022", "No subscription found for the specified content type.");
        return;
    }
    struct blob_at *blobs = arena_alloc(r->arena, (t->plan.blobs + 1) * sizeof(*blobs));
    size_t n = blobs != NULL ? window_blobs(t, &w, blobs) : 0;
    size_t from = (size_t)page / 2;
    size_t to = from + BLOBS_A_PAGE < n ? from + BLOBS_A_PAGE : n;
    if (page % 2 != 0) { /* an empty page that is not the last */
        page_send(t, r, list, page - 1);
        return;
    }
    for (size_t i = from; i < to; i++)
        blob_list(t, r, list, blobs[i].blob, blobs[i].created);
    page_send(t, r, list, to < n ? (int64_t)(to * 2 + 1) : -1);
}

static void
blob_answer(struct sim_tenant *t, struct http_request *r, struct slice id)
{
    size_t n = 0;
    struct delivery **list = arena_alloc(r->arena, (t->plan.n + 1) * sizeof(struct delivery *));
    for (size_t blob = 1; list != NULL && n == 0 && blob <= t->plan.blobs; blob++) {
        int64_t created = blob_created(&t->plan, blob);
        if (created == CLOCK_NONE || !slice_eq(blob_id(t, blob, created, r->arena), id))
            continue;
        for (size_t i = 0; i < t->plan.n; i++)
            if (t->plan.items[i].source == SIM_MAIL && t->plan.items[i].blob == blob)
                list[n++] = &t->plan.items[i];
    }
    if (n == 0) {
        sim_error(r, 404, "AF20050", "The specified content (%.*s) does not exist.", SLICE_ARG(id));
        return;
    }
    struct slice body = sim_join(r->arena, "[", list, n, "]");
    if (body.p == NULL) {
        sim_error(r, 500, "AF50000", "An internal server error occurred. Retry the request.");
        return;
    }
    for (size_t i = 0; i < n; i++)
        sim_serve(r->data, list[i]);
    sim_send(r, 200, "application/json; charset=utf-8", body, NULL);
}

/* /api/v1.0/{tenant}/activity/feed in front; false: answered already. */
static bool
root_take(struct sim_tenant *t, struct http_request *r, struct slice *path)
{
    struct slice rest = slice_sub(*path, 1, path->n);
    struct slice api = slice_split(&rest, '/');
    struct slice version = slice_split(&rest, '/');
    struct slice tenant = slice_split(&rest, '/');
    if (!slice_eq(api, SLICE("api")) ||
        (!slice_eq(version, SLICE("v1.0")) && !slice_eq(version, SLICE("v1"))) ||
        !slice_starts(rest, SLICE("activity/feed/"))) {
        sim_error(r, 404, "AF20052", "No such address.");
        return false;
    }
    if (!slice_eq_nocase(tenant, t->id)) {
        sim_error(r, 400, tenant.n == 36 ? "AF20010" : "AF20013",
                  "The tenant ID passed in the URL (%.*s) does not match the access token.",
                  SLICE_ARG(tenant));
        return false;
    }
    *path = slice_sub(rest, strlen("activity/feed/"), rest.n);
    return true;
}

void
mail_caller(struct sim_call *c)
{
    static const char *const roles[] = {"ActivityFeed.Read", NULL};
    token_check(c, roles);
}

const char *
mail_call(struct slice method, struct slice path)
{
    static const char *const names[] = {"start", "stop", "list", "content", "notifications"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_ends(path, slice_of(names[i])) && path.p[path.n - strlen(names[i]) - 1] == '/')
            return names[i];
    (void)method;
    return slice_find(path, SLICE("/audit/"), 0) < path.n ? "blob" : "other";
}

void
mail_answer(struct sim_call *c, struct slice path)
{
    static const struct {
        const char *method, *path;
        void (*answer)(struct sim_tenant *t, struct http_request *r);
    } calls[] = {
        {"POST", "subscriptions/start", start_answer},
        {"POST", "subscriptions/stop", stop_answer},
        {"GET", "subscriptions/list", subscriptions_answer},
        {"GET", "subscriptions/content", content_answer},
    };
    struct http_request *r = c->r;
    struct sim_tenant *t = c->tenant;
    if (t == NULL) {
        sim_error(r, c->status, "AF10001",
                  "The permission set () sent in the request did not include "
                  "the expected permission ActivityFeed.Read. %s",
                  c->why);
        return;
    }
    struct slice publisher = http_query(r, "PublisherIdentifier");
    if (publisher.p != NULL && publisher.n != 36) {
        sim_error(r, 400, "AF20002", "Invalid parameter type: PublisherIdentifier, expected guid.");
        return;
    }
    if (!root_take(t, r, &path))
        return;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (slice_eq(path, slice_of(calls[i].path)) &&
            slice_eq(r->method, slice_of(calls[i].method))) {
            calls[i].answer(t, r);
            return;
        }
    if (slice_starts(path, SLICE("audit/")) && slice_eq(r->method, SLICE("GET")))
        blob_answer(t, r, slice_sub(path, strlen("audit/"), path.n));
    else
        sim_error(r, 404, "AF20052", "No such address.");
}
