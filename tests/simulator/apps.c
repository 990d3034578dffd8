/* Cloud App Security's alerts API: addresses and lists. Ref: sources.md 4.2 to 4.4, 4.8. */
#include "tests/simulator/apps.h"

#include <stdlib.h>
#include <string.h>

#include "tests/simulator/apps_filter.h"

enum { TOTAL_MAX = 5000 };

static const struct quota_limit apps_quota = {30, 0};

struct apps_row {
    struct delivery *d;
    int64_t key;
    bool descending;
};

void
apps_error(struct http_request *r, int status, const char *text)
{
    struct json_out *o = json_out_object(r->arena);
    json_out_text(o, "detail", slice_of(text));
    sim_send(r, status, "application/json", json_out_print(o, r->arena), NULL);
}

static int
apps_row_cmp(const void *x, const void *y)
{
    const struct apps_row *a = x;
    const struct apps_row *b = y;
    int order = (a->key > b->key) - (a->key < b->key);
    if (order == 0)
        order = slice_cmp(a->d->native_id, b->d->native_id);
    if (order == 0)
        order = (a->d->n > b->d->n) - (a->d->n < b->d->n);
    return a->descending ? -order : order;
}

/* ---- what was asked */

static struct err
body_json(struct slice body, const struct http_request *r, struct apps_body *out)
{
    struct err e = json_parse(body, r->arena, &out->doc);
    if (e.kind)
        return e;
    out->filters = json_get(out->doc, "filters");
    out->sort = json_get_text(out->doc, "sortField");
    out->direction = json_get_text(out->doc, "sortDirection");
    if (!json_get_int(out->doc, "skip", &out->skip))
        out->skip = -1;
    if (!json_get_int(out->doc, "limit", &out->limit))
        out->limit = -1;
    return ERR_OK;
}

/* What is asked: a JSON body (of a GET, too), a form, or parameters of the address. */
struct err
apps_body_read(const struct http_request *r, struct apps_body *out)
{
    struct slice body = slice_trim(r->body);
    *out = (struct apps_body){.skip = -1, .limit = -1};
    if (body.n > 0 && body.p[0] == '{')
        return body_json(body, r, out);
    struct slice (*get)(const struct http_request *, const char *) =
        body.n > 0 ? http_form : http_query;
    struct slice text = get(r, "filters");
    struct err e = text.p != NULL ? json_parse(text, r->arena, &out->filters) : ERR_OK;
    out->sort = get(r, "sortField");
    out->direction = get(r, "sortDirection");
    if (!slice_int(get(r, "skip"), &out->skip))
        out->skip = -1;
    if (!slice_int(get(r, "limit"), &out->limit))
        out->limit = -1;
    return e;
}

struct apps_query {
    struct json filters;
    bool severity, descending;
    int64_t skip, limit;
};

/* Seconds in place of milliseconds match everything: no error, but a client's mistake. */
static void
seconds_blame(struct sim_call *c, struct json filters)
{
    static const char *const times[] = {"date", "resolutionDate"};
    struct slice name;
    struct json value;
    int64_t n = 0;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        for (struct json_iter it = json_items(json_get(filters, times[i]));
             json_next(&it, &name, &value);)
            if (json_int(value, &n) && n > 1000000000 && n < INT64_C(100000000000))
                sim_blame(c, "apps.seconds", "%s in seconds, not milliseconds", times[i]);
}

static struct err
query_read(struct sim_call *c, struct apps_query *q)
{
    struct apps_body body;
    struct err e = apps_body_read(c->r, &body);
    if (e.kind == ERR_NONE)
        e = apps_filter_check(body.filters);
    if (e.kind)
        return e;
    bool date = body.sort.p == NULL || slice_eq(body.sort, SLICE("date")) ||
                slice_eq(body.sort, SLICE("status"));
    *q = (struct apps_query){.filters = body.filters,
                             .severity = slice_eq(body.sort, SLICE("severity")),
                             .descending = !slice_eq(body.direction, SLICE("asc")),
                             .skip = body.skip < 0 ? 0 : body.skip,
                             .limit = body.limit < 1 || body.limit > APPS_PAGE_MAX ? APPS_PAGE_MAX
                                                                                   : body.limit};
    if (!date && !q->severity)
        return err_make(ERR_REJECT, "apps.sort", "no sort by '%.*s'", SLICE_ARG(body.sort));
    if (body.limit > APPS_PAGE_MAX)
        sim_blame(c, "apps.limit", "limit %lld is cut to %d", (long long)body.limit, APPS_PAGE_MAX);
    seconds_blame(c, body.filters);
    return ERR_OK;
}

/* ---- lists */

static size_t
rows_find(struct sim_call *c, const struct apps_query *q, struct apps_row *rows)
{
    struct plan *p = &c->tenant->plan;
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        struct delivery *d = &p->items[i];
        int64_t key = 0;
        if (!plan_shows(d, SIM_APPS))
            continue;
        struct json row = plan_row(p, d, c->r->arena);
        if (!apps_filter_match(q->filters, row, sim_now(c->sim) / 10000))
            continue;
        if (!json_get_int(row, q->severity ? "severityValue" : "timestamp", &key))
            key = 0;
        rows[n++] = (struct apps_row){d, key, q->descending};
    }
    if (n > 1)
        qsort(rows, n, sizeof(*rows), apps_row_cmp);
    return n;
}

/* FAULT_REPEAT: the first row stands at the end once more. */
static size_t
rows_repeat(const struct sim_call *c, struct delivery **list, size_t n)
{
    if (c->fault != NULL && c->fault->what == FAULT_REPEAT && n > 0 && n < APPS_PAGE_MAX)
        list[n++] = list[0];
    return n;
}

static void
apps_list(struct sim_call *c)
{
    struct http_request *r = c->r;
    struct plan *p = &c->tenant->plan;
    struct apps_query q = {.limit = 0};
    struct err e = query_read(c, &q);
    if (e.kind) {
        sim_blame(c, "apps.query", "%s", e.text);
        apps_error(r, 400, e.text);
        return;
    }
    struct apps_row *rows = arena_alloc(r->arena, (p->n + 1) * sizeof(*rows));
    struct delivery **list = arena_alloc(r->arena, (p->n + 2) * sizeof(*list));
    if (rows == NULL || list == NULL) {
        apps_error(r, 500, "out of memory");
        return;
    }
    size_t n = rows_find(c, &q, rows);
    size_t from = (size_t)q.skip < n ? (size_t)q.skip : n;
    size_t count = n - from < (size_t)q.limit ? n - from : (size_t)q.limit;
    for (size_t i = 0; i < count; i++)
        list[i] = rows[from + i].d;
    struct slice close =
        slice_printf(r->arena, "],\"hasNext\":%s,\"max\":%zu,\"total\":%zu,\"moreThanTotal\":%s}",
                     from + count < n ? "true" : "false", (size_t)q.limit,
                     n < TOTAL_MAX ? n : TOTAL_MAX, n > TOTAL_MAX ? "true" : "false");
    struct slice body = SLICE_NONE;
    if (close.p != NULL)
        body = sim_join(r->arena, "{\"data\":[", list, rows_repeat(c, list, count), close.p);
    if (body.p == NULL) {
        apps_error(r, 500, "out of memory");
        return;
    }
    for (size_t i = 0; i < count; i++)
        sim_serve(c, list[i]);
    if (c->fault != NULL && c->fault->what == FAULT_TOUCH && count > 0) {
        struct dice d = dice_of(c->sim->scenario->seed, c->sim->requests[SIM_APPS], 6);
        apps_touch(c, list[dice_below(&d, count)]);
    }
    sim_send(r, 200, "application/json", body, NULL);
}

static void
apps_single(struct sim_call *c, struct slice id)
{
    struct plan *p = &c->tenant->plan;
    for (size_t i = p->n; i-- > 0;) {
        struct delivery *d = &p->items[i];
        if (plan_shows(d, SIM_APPS) && slice_eq(d->native_id, id)) {
            sim_serve(c, d);
            sim_send(c->r, 200, "application/json", d->payload, NULL);
            return;
        }
    }
    apps_error(c->r, 404, "Not found.");
}

/* ---- addresses */

/* What follows the API's root; the generic host of the OAuth form has one more folder in front. */
static struct slice
path_within(struct slice path)
{
    static const char *const roots[] = {"/api/v1/", "/cas/api/v1/"};
    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
        if (slice_starts(path, slice_of(roots[i])))
            return slice_sub(path, strlen(roots[i]), path.n);
    return SLICE_NONE;
}

void
apps_caller(struct sim_call *c)
{
    static const char *const roles[] = {"Investigation.read", "Investigation.manage", NULL};
    struct slice given = http_header(c->r, "Authorization");
    if (slice_starts(given, SLICE("Bearer "))) {
        token_check(c, roles);
        return;
    }
    if (slice_starts(given, SLICE("Token ")))
        c->tenant = tenant_of_token(c->sim, slice_sub(given, strlen("Token "), given.n));
    c->status = 401;
    c->why = "Invalid token.";
    if (c->tenant == NULL)
        sim_blame(c, given.p == NULL ? "auth.missing" : "auth.token",
                  "Authorization must be 'Token' and 64 hex digits of a tenant");
}

const char *
apps_call(struct slice method, struct slice path)
{
    struct slice rest = path_within(path);
    if (slice_eq(rest, SLICE("alerts/")))
        return "list";
    if (!slice_starts(rest, SLICE("alerts/")))
        return "other";
    return slice_eq(method, SLICE("GET")) ? "alert" : "change";
}

/* A path without its slash is redirected, as such a site does. */
static bool
redirected(struct sim_call *c)
{
    struct slice path = c->r->path;
    struct http_header where[] = {{"Location", NULL}, {NULL, NULL}};
    if (slice_ends(path, SLICE("/")) || slice_ends(path, SLICE("/close_true_positive")))
        return false;
    where[0].value = slice_printf(c->r->arena, "%.*s/", SLICE_ARG(path)).p;
    sim_blame(c, "apps.slash", "%.*s lacks the final slash", SLICE_ARG(path));
    sim_send(c->r, 301, "text/html", SLICE(""), where);
    return true;
}

void
apps_answer(struct sim_call *c, struct slice path)
{
    struct http_request *r = c->r;
    struct slice rest = path_within(path);
    bool get = slice_eq(r->method, SLICE("GET"));
    bool post = slice_eq(r->method, SLICE("POST"));
    if (c->tenant == NULL) {
        apps_error(r, c->status, c->why);
        return;
    }
    if (!quota_spend(c, "apps", apps_quota, 429) || (rest.p != NULL && redirected(c)))
        return;
    if (slice_eq(rest, SLICE("activities/")) || slice_eq(rest, SLICE("entities/")) ||
        slice_eq(rest, SLICE("files/")) || slice_eq(rest, SLICE("subnet/")))
        sim_send(r, 200, "application/json",
                 SLICE("{\"data\":[],\"hasNext\":false,\"max\":100,\"total\":0,"
                       "\"moreThanTotal\":false}"),
                 NULL);
    else if ((get || post) && slice_eq(rest, SLICE("alerts/")))
        apps_list(c);
    else if (get && slice_starts(rest, SLICE("alerts/")) &&
             slice_find(rest, SLICE("/"), strlen("alerts/")) == rest.n - 1)
        apps_single(c, slice_sub(rest, strlen("alerts/"), rest.n - strlen("alerts/") - 1));
    else if (!post || !slice_starts(rest, SLICE("alerts/")) ||
             !apps_change(c, slice_sub(rest, strlen("alerts/"), rest.n))) {
        sim_blame(c, "apps.path", "%.*s %.*s", SLICE_ARG(r->method), SLICE_ARG(path));
        apps_error(r, 404, "Not found.");
    }
}
