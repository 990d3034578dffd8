/* The Management Activity API: its calls. What it knows is in mail_feed. Ref: sources.md 3. */
#include <string.h>

#include "tests/simulator/mail_feed.h"
#include "tests/simulator/mail_hook.h"
#include "tests/simulator/sim.h"

#define JSON_TYPE "application/json; charset=utf-8"

static const struct quota_limit quota = {2000, 0};

static struct clock_text
milli(int64_t t)
{
    struct clock_text full = clock_format_full(t);
    memcpy(full.s + 23, "Z", 2); /* "2015-05-23T17:35:00.000Z" */
    return full;
}

/* True: refused, and answered. */
static bool
refused(struct sim_call *c, struct mail_refusal why)
{
    if (why.code != NULL)
        sim_error(c->r, why.status, why.code, "%s", why.text);
    return why.code != NULL;
}

static struct mail_feed *
feed_of(struct sim_tenant *t)
{
    if (t->mail == NULL && (t->mail = arena_alloc(t->plan.arena, sizeof(*t->mail))) != NULL) {
        mail_feed_init(t->mail, t->id);
        if (t->sim->scenario != NULL)
            t->mail->traits = t->sim->scenario->mail;
    }
    return t->mail;
}

/* The content type that the call names; false: answered. */
static bool
type_asked(struct sim_call *c, size_t *type)
{
    struct slice name = http_query(c->r, "contentType");
    *type = mail_type(name);
    if (name.p == NULL)
        sim_error(c->r, 400, "AF20001", "Missing parameter: contentType.");
    else if (*type == MAIL_TYPES)
        sim_error(c->r, 400, "AF20020", "The specified content type is not valid.");
    return name.p != NULL && *type < MAIL_TYPES;
}

/* ---- subscriptions */

static struct json_out *
subscription(struct mail_subscription *s, struct slice name, int64_t now, struct arena *a)
{
    struct json_out *o = json_out_object(a);
    json_out_text(o, "contentType", name);
    json_out_text(o, "status", slice_of(s->on ? "enabled" : "disabled"));
    mail_hook_look(&s->hook, now);
    if (s->hook.status == MAIL_HOOK_NONE) {
        json_out_null(o, "webhook");
        return o;
    }
    struct json_out *w = json_out_object(a);
    json_out_text(w, "status", slice_of(mail_hook_word(&s->hook)));
    json_out_text(w, "address", slice_of(s->hook.address));
    json_out_text(w, "authId", slice_of(s->hook.auth_id));
    if (s->hook.expiration[0] != '\0')
        json_out_text(w, "expiration", slice_of(s->hook.expiration));
    else
        json_out_null(w, "expiration");
    json_out_set(o, "webhook", w);
    return o;
}

/* Now the start takes effect; the content type comes back in the caller's letter case. */
static void
started(struct sim_call *c, const struct mail_hook *hook, const char *why)
{
    struct http_request *r = c->r;
    struct slice name = http_query(r, "contentType");
    struct mail_feed *f = c->tenant->mail;
    size_t type = mail_type(name);
    int64_t now = sim_now(c->sim);
    if (why != NULL) {
        sim_error(r, 400, "AF20021", "The webhook endpoint (%s) could not be validated. %s",
                  hook->address, why);
        return;
    }
    mail_start(f, type, hook, now);
    sim_send(r, 200, JSON_TYPE,
             json_out_print(subscription(&f->subs[type], name, now, r->arena), r->arena), NULL);
}

static void
start_answer(struct sim_call *c, struct mail_feed *f)
{
    size_t type;
    bool given;
    struct mail_hook hook;
    int64_t now = sim_now(c->sim);
    if (!type_asked(c, &type) ||
        refused(c, mail_hook_read(c->r->body, now, c->r->arena, &given, &hook)))
        return;
    mail_hook_look(&f->subs[type].hook, now);
    if (refused(c, mail_start_check(f, type, given ? &hook : NULL, now)))
        return;
    if (given)
        mail_hook_validate(c, &hook, started);
    else
        started(c, NULL, NULL);
}

static void
stop_answer(struct sim_call *c, struct mail_feed *f)
{
    size_t type;
    if (!type_asked(c, &type))
        return;
    mail_stop(f, type, sim_now(c->sim));
    sim_send(c->r, 200, JSON_TYPE, SLICE(""), NULL);
}

static void
list_answer(struct sim_call *c, struct mail_feed *f)
{
    struct arena *a = c->r->arena;
    struct json_out *list = json_out_array(a);
    for (size_t i = 0; i < MAIL_TYPES; i++)
        if (f->subs[i].known)
            json_out_add(list,
                         subscription(&f->subs[i], slice_of(mail_types[i]), sim_now(c->sim), a));
    sim_send(c->r, 200, JSON_TYPE, json_out_print(list, a), NULL);
}

/* ---- listing */

struct json_out *
mail_item(const struct sim_tenant *t, const struct mail_blob *b, struct arena *a)
{
    struct slice id = mail_blob_id(t->mail, b, a);
    struct json_out *o = json_out_object(a);
    json_out_text(o, "contentType", slice_of(mail_types[0]));
    json_out_text(o, "contentId", id);
    json_out_text(o, "contentUri",
                  slice_printf(a, "%s/mail/api/v1.0/%.*s/activity/feed/audit/%.*s", t->sim->origin,
                               SLICE_ARG(t->id), SLICE_ARG(id)));
    json_out_text(o, "contentCreated", slice_of(milli(b->created).s));
    json_out_text(o, "contentExpiration", slice_of(milli(b->created + 7 * MAIL_DAY).s));
    return o;
}

/* A header's name as HTTP stacks send it: any letter case. */
static const char *
next_name(struct mail_feed *f, struct arena *a)
{
    char *name = slice_cstr(a, SLICE("NextPageUri"));
    struct dice d = dice_of(f->pages, f->tenant.n, 3);
    for (size_t i = 0; name != NULL && name[i] != '\0' && f->pages > 0; i++)
        if (dice_chance(&d, 50))
            name[i] ^= 0x20;
    return name;
}

/* As the service gives it: with v1 or v1.0, and without the PublisherIdentifier. */
static struct slice
next_uri(struct sim_call *c, struct mail_feed *f, const struct mail_window *w, size_t page)
{
    struct http_request *r = c->r;
    struct slice from = http_query(r, "startTime");
    struct slice to = http_query(r, "endTime");
    struct slice name = mail_page_name(f, w, page, sim_now(c->sim), r->arena);
    if (from.p == NULL) { /* the server's own window; the next call must name the same */
        struct clock_text begin = clock_format(w->from);
        struct clock_text end = clock_format(w->to);
        from = slice_dup(r->arena, slice_sub(slice_of(begin.s), 0, 19));
        to = slice_dup(r->arena, slice_sub(slice_of(end.s), 0, 19));
    }
    const char *call = strcmp(c->name, "notifications") == 0 ? "notifications" : "content";
    struct slice type = http_query(r, "contentType");
    return slice_printf(r->arena,
                        "%s/mail/api/%s/%.*s/activity/feed/subscriptions/%s?contentType=%.*s"
                        "&startTime=%.*s&endTime=%.*s&nextPage=%.*s",
                        c->sim->origin, f->pages % 2 == 0 ? "v1" : "v1.0", SLICE_ARG(f->tenant),
                        call, SLICE_ARG(type), SLICE_ARG(from), SLICE_ARG(to), SLICE_ARG(name));
}

/* Even pages are full ones, odd ones empty ones between them, which a client has to walk through.
 */
static void
page_send(struct sim_call *c, struct mail_feed *f, const struct mail_window *w,
          struct json_out *list, size_t next)
{
    struct http_header headers[2] = {{NULL, NULL}, {NULL, NULL}};
    if (next > 0)
        headers[0] = (struct http_header){next_name(f, c->r->arena), next_uri(c, f, w, next).p};
    f->pages++;
    sim_send(c->r, 200, JSON_TYPE, json_out_print(list, c->r->arena), headers);
}

/* The window and page that a listing asks for; false: answered. */
static bool
listing_asked(struct sim_call *c, struct mail_feed *f, size_t *type, struct mail_window *w,
              size_t *page)
{
    struct http_request *r = c->r;
    struct slice asked = http_query(r, "nextPage");
    int64_t now = sim_now(c->sim);
    *page = 0;
    if (!type_asked(c, type))
        return false;
    struct mail_refusal why =
        mail_window(http_query(r, "startTime"), http_query(r, "endTime"), now, w);
    if (why.code != NULL)
        sim_blame(c, "mail.window", "%s: %s", why.code, why.text);
    return !refused(c, why) &&
           (asked.p == NULL || !refused(c, mail_page_find(f, w, asked, now, page))) &&
           !refused(c, mail_content_check(f, *type));
}

/* What the default window is has whole seconds, so that its next page can name it. */
static void
whole_seconds(struct mail_window *w)
{
    w->from -= w->from % CLOCK_SECOND;
    w->to -= w->to % CLOCK_SECOND;
}

static void
content_answer(struct sim_call *c, struct mail_feed *f)
{
    struct arena *a = c->r->arena;
    struct mail_window w;
    size_t type, page, n_atoms, n = 0;
    if (!listing_asked(c, f, &type, &w, &page))
        return;
    whole_seconds(&w);
    struct json_out *list = json_out_array(a);
    struct mail_atom *atoms = mail_atoms(f, &c->tenant->plan, sim_now(c->sim), a, &n_atoms);
    struct mail_blob *blobs =
        atoms != NULL && type == 0 ? mail_list(f, &w, atoms, n_atoms, a, &n) : NULL;
    if (page % 2 != 0) {
        page_send(c, f, &w, list, page - 1);
        return;
    }
    bool repeats = c->fault != NULL && c->fault->what == FAULT_REPEAT;
    size_t from = page / 2;
    size_t to = from + MAIL_PAGE_BLOBS < n ? from + MAIL_PAGE_BLOBS : n;
    for (size_t i = from; i < to; i++)
        for (int times = repeats ? 2 : 1; times > 0; times--)
            json_out_add(list, mail_item(c->tenant, &blobs[i], a));
    page_send(c, f, &w, list, to < n ? to * 2 + 1 : 0);
}

/* As content, with when the webhook was told. */
static void
notifications_answer(struct sim_call *c, struct mail_feed *f)
{
    struct arena *a = c->r->arena;
    struct mail_window w;
    size_t type, page, n_atoms;
    if (!listing_asked(c, f, &type, &w, &page))
        return;
    struct json_out *list = json_out_array(a);
    const struct mail_atom *atoms = mail_atoms(f, &c->tenant->plan, sim_now(c->sim), a, &n_atoms);
    for (size_t i = 1; type == 0 && atoms != NULL && i < n_atoms && i < f->told_room; i++) {
        struct mail_blob b = {&atoms[i], NULL, 0, atoms[i].created};
        if (atoms[i].number == 0 || f->told[i] == CLOCK_NONE || f->told[i] < w.from ||
            f->told[i] >= w.to)
            continue;
        struct json_out *o = mail_item(c->tenant, &b, a);
        json_out_text(o, "notificationSent", slice_of(milli(f->told[i]).s));
        json_out_text(o, "notificationStatus", SLICE("success"));
        json_out_add(list, o);
    }
    page_send(c, f, &w, list, 0);
}

/* ---- content */

/* The records' payloads as one array, filler at its end. SLICE_NONE: out of memory. */
static struct slice
body_of(const struct mail_feed *f, const struct mail_blob *b, struct delivery *const *list,
        size_t n, struct arena *a)
{
    struct slice filler = mail_filler(f, b, a);
    if (filler.p == NULL)
        return SLICE_NONE;
    if (filler.n == 0)
        return sim_join(a, "[", list, n, "]");
    char *end = arena_alloc(a, filler.n + 2);
    if (end == NULL)
        return SLICE_NONE;
    memcpy(end, filler.p, filler.n);
    memcpy(end + filler.n, "]", 2);
    return sim_join(a, "[", list, n, end);
}

static void
blob_answer(struct sim_call *c, struct mail_feed *f, struct slice id)
{
    struct arena *a = c->r->arena;
    struct mail_blob b;
    size_t n_atoms = 0;
    size_t n = 0;
    int64_t now = sim_now(c->sim);
    const struct mail_atom *atoms = mail_atoms(f, &c->tenant->plan, now, a, &n_atoms);
    if (atoms == NULL || refused(c, mail_blob_find(f, id, atoms, n_atoms, now, a, &b))) {
        if (atoms == NULL)
            sim_error(c->r, 500, "AF50000", "An internal server error occurred.");
        return;
    }
    struct delivery **list = mail_blob_records(f, &c->tenant->plan, &b, a, &n);
    struct slice body = list != NULL ? body_of(f, &b, list, n, a) : SLICE_NONE;
    if (body.p == NULL) {
        sim_error(c->r, 500, "AF50000", "An internal server error occurred. Retry the request.");
        return;
    }
    for (size_t i = 0; i < n; i++)
        sim_serve(c, list[i]);
    sim_send(c->r, 200, JSON_TYPE, body, NULL);
}

/* ---- friendly names */

static void
names_answer(struct sim_call *c, struct mail_feed *f)
{
    struct slice asked = slice_trim(http_header(c->r, "Accept-Language"));
    (void)f;
    if (slice_find(asked, SLICE(","), 0) < asked.n) {
        sim_error(c->r, 400, "AF20053", "Several languages in Accept-Language are not supported.");
        return;
    }
    for (size_t i = 0; i < asked.n; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", asked.p[i]) ==
            NULL) {
            sim_error(c->r, 400, "AF20054", "The syntax of Accept-Language is not valid.");
            return;
        }
    bool german = slice_eq_nocase(slice_sub(asked, 0, 2), SLICE("de"));
    struct slice body =
        slice_printf(c->r->arena,
                     "[{\"id\":\"50842eb7-edc8-4019-85dd-5a5c1f2bb085\",\"name\":\"%s\"},"
                     "{\"id\":\"a44669fe-0d48-453d-a9b1-2cc83f2cba77\",\"name\":\"%s\"}]",
                     german ? "Kreditkartennummer" : "Credit Card Number",
                     german ? "US-Sozialversicherungsnummer" : "U.S. Social Security Number (SSN)");
    sim_send(c->r, 200, JSON_TYPE, body, NULL);
}

/* ---- any call */

/* /api/v1.0/{tenant}/activity/feed in front; false: answered already. */
static bool
root_take(struct sim_call *c, struct slice *path)
{
    struct slice rest = slice_sub(*path, 1, path->n);
    struct slice api = slice_split(&rest, '/');
    struct slice version = slice_split(&rest, '/');
    struct slice tenant = slice_split(&rest, '/');
    if (!slice_eq(api, SLICE("api")) ||
        (!slice_eq(version, SLICE("v1.0")) && !slice_eq(version, SLICE("v1"))) ||
        !slice_starts(rest, SLICE("activity/feed/"))) {
        sim_error(c->r, 404, "AF20052", "No such address.");
        return false;
    }
    if (!slice_eq_nocase(tenant, c->tenant->id)) {
        sim_blame(c, "mail.tenant", "the address names another tenant than the token");
        sim_error(c->r, 400, tenant.n == 36 ? "AF20010" : "AF20013",
                  "The tenant ID passed in the URL (%.*s) does not match the access token.",
                  SLICE_ARG(tenant));
        return false;
    }
    *path = slice_sub(rest, strlen("activity/feed/"), rest.n);
    return true;
}

/* Every call has to carry it: without, all strangers share one quota. */
static bool
publisher_good(struct sim_call *c)
{
    struct slice publisher = http_query(c->r, "PublisherIdentifier");
    if (publisher.p == NULL)
        sim_blame(c, "mail.publisher", "a call without PublisherIdentifier");
    if (publisher.p == NULL || publisher.n == 36)
        return true;
    sim_blame(c, "mail.publisher", "PublisherIdentifier is no GUID");
    sim_error(c->r, 400, "AF20002", "Invalid parameter type: PublisherIdentifier, expected guid.");
    return false;
}

/* What an administrator does by the scenario; false: answered. */
static bool
scenario_good(struct sim_call *c, struct mail_feed *f)
{
    const struct sim *s = c->sim;
    int64_t since_ms = s->started == CLOCK_NONE
                           ? -1
                           : (sim_now(s) - s->started) * s->speed / (CLOCK_SECOND / 1000);
    if (f->subs[0].on && f->traits.stop_ms > 0 && since_ms >= f->traits.stop_ms) {
        mail_stop(f, 0, sim_now(s));
        f->traits.stop_ms = 0;
    }
    if (since_ms >= f->traits.audit_off_ms || f->traits.audit_off_ms == 0)
        return true;
    sim_error(c->r, 500, "AF50000",
              "Microsoft.Office.Compliance.Audit.DataServiceException: Tenant %.*s does not exist.",
              SLICE_ARG(c->tenant->id));
    return false;
}

void
mail_caller(struct sim_call *c)
{
    static const char *const roles[] = {"ActivityFeed.Read", NULL};
    token_check(c, roles);
}

static const struct {
    const char *name, *method, *path;
    void (*answer)(struct sim_call *c, struct mail_feed *f);
} calls[] = {
    {"start", "POST", "subscriptions/start", start_answer},
    {"stop", "POST", "subscriptions/stop", stop_answer},
    {"list", "GET", "subscriptions/list", list_answer},
    {"content", "GET", "subscriptions/content", content_answer},
    {"notifications", "GET", "subscriptions/notifications", notifications_answer},
    {"names", "GET", "resources/dlpSensitiveTypes", names_answer},
};

const char *
mail_call(struct slice method, struct slice path)
{
    (void)method;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (slice_ends(path, slice_of(calls[i].path)))
            return calls[i].name;
    return slice_find(path, SLICE("/audit/"), 0) < path.n ? "blob" : "other";
}

void
mail_answer(struct sim_call *c, struct slice path)
{
    struct mail_feed *f = c->tenant != NULL ? feed_of(c->tenant) : NULL;
    if (c->tenant == NULL) {
        sim_error(c->r, c->status, "AF10001",
                  "The permission set () sent in the request did not include "
                  "the expected permission ActivityFeed.Read. %s",
                  c->why);
        return;
    }
    if (f == NULL) {
        sim_error(c->r, 500, "AF50000", "An internal server error occurred. Retry the request.");
        return;
    }
    /* the quota's refusal comes as 403 and 429 in turn */
    if (!quota_spend(c, "mail", quota, f->refused++ % 2 == 0 ? 403 : 429) || !publisher_good(c) ||
        !root_take(c, &path) || !scenario_good(c, f))
        return;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (slice_eq(path, slice_of(calls[i].path)) &&
            slice_eq(c->r->method, slice_of(calls[i].method))) {
            calls[i].answer(c, f);
            return;
        }
    if (slice_starts(path, SLICE("audit/")) && slice_eq(c->r->method, SLICE("GET")))
        blob_answer(c, f, slice_sub(path, strlen("audit/"), path.n));
    else
        sim_error(c->r, 404, "AF20052", "No such address.");
}
