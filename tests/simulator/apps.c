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
    http_answer(r, status, "application/json", json_out_print(o, r->arena), NULL);
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
rows_find(struct sim *s, const struct apps_query *q, struct apps_row *rows)
{
    bool severity = slice_eq(q->sort, SLICE("severity"));
    size_t n = 0;
    for (size_t i = 0; i < s->plan.n; i++) {
        struct delivery *d = &s->plan.items[i];
        int64_t key = 0;
        if (d->source != SIM_APPS || d->released == CLOCK_NONE || d->hidden ||
            !apps_filter_match(q->filters, d->row, clock_now() / 10000))
            continue;
        if (!json_get_int(d->row, severity ? "severityValue" : "timestamp", &key))
            key = 0;
        rows[n++] = (struct apps_row){d, key, q->descending};
    }
    if (n > 1)
        qsort(rows, n, sizeof(*rows), apps_row_cmp);
    return n;
}

static void
apps_list(struct sim *s, struct http_request *r)
{
    struct apps_query q;
    struct err e = query_read(r, &q);
    if (e.kind) {
        apps_error(r, 400, e.text);
        return;
    }
    struct apps_row *rows = arena_alloc(r->arena, (s->plan.n + 1) * sizeof(*rows));
    struct delivery **list = arena_alloc(r->arena, (s->plan.n + 1) * sizeof(*list));
    if (rows == NULL || list == NULL) {
        apps_error(r, 500, "out of memory");
        return;
    }
    size_t n = rows_find(s, &q, rows);
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
        plan_serve(list[i]);
    http_answer(r, 200, "application/json", body, NULL);
}

static void
apps_single(struct sim *s, struct http_request *r, struct slice id)
{
    for (size_t i = s->plan.n; i-- > 0;) {
        struct delivery *d = &s->plan.items[i];
        if (d->source == SIM_APPS && d->released != CLOCK_NONE && !d->hidden &&
            slice_eq(d->native_id, id)) {
            http_answer(r, 200, "application/json", d->payload, NULL);
            return;
        }
    }
    apps_error(r, 404, "Not found.");
}

void
apps_answer(struct sim *s, struct http_request *r, struct slice path)
{
    struct slice root = SLICE("/api/v1/alerts/");
    struct slice given = http_header(r, "Authorization");
    if (!slice_starts(given, SLICE("Token ")) ||
        !slice_eq_nocase(slice_sub(given, strlen("Token "), given.n), s->apps_token)) {
        apps_error(r, 401, "Invalid token.");
        return;
    }
    if (slice_eq(path, SLICE("/api/v1/alerts"))) {
        const struct http_header where[] = {{"Location", "/apps/api/v1/alerts/"}, {NULL, NULL}};
        http_answer(r, 301, "text/html", SLICE(""), where);
        return;
    }
    if (!slice_starts(path, root)) {
        apps_error(r, 404, "Not found.");
        return;
    }
    struct slice id = slice_sub(path, root.n, path.n);
    if (id.n == 0)
        apps_list(s, r);
    else if (slice_ends(id, SLICE("/")) && slice_eq(r->method, SLICE("GET")))
        apps_single(s, r, slice_sub(id, 0, id.n - 1));
    else
        apps_error(r, 404, "Not found.");
}
