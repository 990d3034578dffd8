/* Cloud App Security's alerts API. Ref: sources.md 4.2 to 4.4. */
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/apps_filter.h"
#include "tests/simulator/sim.h"

enum { APPS_PAGE_MAX = 100 };

struct apps_row {
    struct delivery *d;
    int64_t key;
    bool descending;
};

static void
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

/* What is asked: a JSON body (of a GET, too), a form, or parameters of the address. */
struct apps_query {
    struct json filters;
    struct slice sort;
    bool descending;
    int64_t skip, limit;
};

static struct err
query_read(const struct http_request *r, struct apps_query *q)
{
    struct slice body = slice_trim(r->body);
    struct json doc = {{0, 0}};
    struct json filters = {{0, 0}};
    struct slice direction;
    *q = (struct apps_query){.limit = APPS_PAGE_MAX, .descending = true};
    if (body.n > 0 && body.p[0] == '{') {
        struct err e = json_parse(body, r->arena, &doc);
        if (e.kind)
            return e;
        filters = json_get(doc, "filters");
        q->sort = json_get_text(doc, "sortField");
        direction = json_get_text(doc, "sortDirection");
        if (!json_get_int(doc, "skip", &q->skip))
            q->skip = 0;
        if (!json_get_int(doc, "limit", &q->limit))
            q->limit = APPS_PAGE_MAX;
    } else {
        struct slice (*get)(const struct http_request *, const char *) =
            body.n > 0 ? http_form : http_query;
        struct slice text = get(r, "filters");
        struct err e = text.p != NULL ? json_parse(text, r->arena, &filters) : ERR_OK;
        if (e.kind)
            return e;
        q->sort = get(r, "sortField");
        direction = get(r, "sortDirection");
        if (!slice_int(get(r, "skip"), &q->skip))
            q->skip = 0;
        if (!slice_int(get(r, "limit"), &q->limit))
            q->limit = APPS_PAGE_MAX;
    }
    q->filters = filters;
    q->descending = !slice_eq(direction, SLICE("asc"));
    q->skip = q->skip < 0 ? 0 : q->skip;
    q->limit = q->limit < 1 || q->limit > APPS_PAGE_MAX ? APPS_PAGE_MAX : q->limit;
    return apps_filter_check(filters);
}

static size_t
rows_find(struct sim_call *c, const struct apps_query *q, struct apps_row *rows)
{
    struct plan *p = &c->tenant->plan;
    bool severity = slice_eq(q->sort, SLICE("severity"));
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        struct delivery *d = &p->items[i];
        int64_t key = 0;
        if (!plan_shows(d, SIM_APPS))
            continue;
        struct json row = plan_row(p, d, c->r->arena);
        if (!apps_filter_match(q->filters, row, sim_now(c->sim) / 10000))
            continue;
        if (!json_get_int(row, severity ? "severityValue" : "timestamp", &key))
            key = 0;
        rows[n++] = (struct apps_row){d, key, q->descending};
    }
    if (n > 1)
        qsort(rows, n, sizeof(*rows), apps_row_cmp);
    return n;
}

static void
apps_list(struct sim_call *c)
{
    struct http_request *r = c->r;
    struct plan *p = &c->tenant->plan;
    struct apps_query q;
    struct err e = query_read(r, &q);
    if (e.kind) {
        apps_error(r, 400, e.text);
        return;
    }
    struct apps_row *rows = arena_alloc(r->arena, (p->n + 1) * sizeof(*rows));
    struct delivery **list = arena_alloc(r->arena, (p->n + 1) * sizeof(*list));
    if (rows == NULL || list == NULL) {
        apps_error(r, 500, "out of memory");
        return;
    }
    size_t n = rows_find(c, &q, rows);
    size_t from = (size_t)q.skip < n ? (size_t)q.skip : n;
    size_t count = n - from < (size_t)q.limit ? n - from : (size_t)q.limit;
    for (size_t i = 0; i < count; i++)
        list[i] = rows[from + i].d;
    struct slice close = slice_printf(
        r->arena, "],\"hasNext\":%s,\"max\":%zu,\"total\":%zu,\"moreThanTotal\":false}",
        from + count < n ? "true" : "false", (size_t)q.limit, n);
    struct slice body = SLICE_NONE;
    if (close.p != NULL)
        body = sim_join(r->arena, "{\"data\":[", list, count, close.p);
    if (body.p == NULL) {
        apps_error(r, 500, "out of memory");
        return;
    }
    for (size_t i = 0; i < count; i++)
        sim_serve(c, list[i]);
    sim_send(r, 200, "application/json", body, NULL);
}

static void
apps_single(struct sim_call *c, struct slice id)
{
    struct http_request *r = c->r;
    struct plan *p = &c->tenant->plan;
    for (size_t i = p->n; i-- > 0;) {
        struct delivery *d = &p->items[i];
        if (plan_shows(d, SIM_APPS) && slice_eq(d->native_id, id)) {
            sim_send(r, 200, "application/json", d->payload, NULL);
            return;
        }
    }
    apps_error(r, 404, "Not found.");
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
                  "Authorization must be "
                  "'Token' and 64 hex digits of a tenant");
}

const char *
apps_call(struct slice method, struct slice path)
{
    (void)method;
    return slice_eq(path, SLICE("/api/v1/alerts/")) ? "list" : "alert";
}

void
apps_answer(struct sim_call *c, struct slice path)
{
    struct slice root = SLICE("/api/v1/alerts/");
    struct http_request *r = c->r;
    if (c->tenant == NULL) {
        apps_error(r, c->status, c->why);
        return;
    }
    if (slice_eq(path, SLICE("/api/v1/alerts"))) {
        const struct http_header where[] = {{"Location", "/apps/api/v1/alerts/"}, {NULL, NULL}};
        sim_send(r, 301, "text/html", SLICE(""), where);
        return;
    }
    if (!slice_starts(path, root)) {
        apps_error(r, 404, "Not found.");
        return;
    }
    struct slice id = slice_sub(path, root.n, path.n);
    if (id.n == 0)
        apps_list(c);
    else if (slice_ends(id, SLICE("/")) && slice_eq(r->method, SLICE("GET")))
        apps_single(c, slice_sub(id, 0, id.n - 1));
    else
        apps_error(r, 404, "Not found.");
}
