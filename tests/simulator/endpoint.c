/* Defender ATP's alerts API. Ref: sources.md 2.3 to 2.5, 2.10. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/odata.h"
#include "tests/simulator/sim.h"

enum { ENDPOINT_PAGE_MAX = 10000 };

struct row {
    struct delivery *d;
    int64_t key; /* what it is ordered by */
    bool descending;
};

static int
row_cmp(const void *x, const void *y)
{
    const struct row *a = x;
    const struct row *b = y;
    int order = (a->key > b->key) - (a->key < b->key);
    if (order == 0)
        order = slice_cmp(a->d->native_id, b->d->native_id);
    if (order == 0)
        order = (a->d->n > b->d->n) - (a->d->n < b->d->n);
    return a->descending ? -order : order;
}

/* An option of the address; some clients write its dollar as %24. */
static struct slice
option(const struct http_request *r, const char *name)
{
    char escaped[32];
    struct slice v = http_query(r, name);
    snprintf(escaped, sizeof(escaped), "%%24%s", name + 1);
    return v.p != NULL ? v : http_query(r, escaped);
}

static bool
number_asked(const struct http_request *r, const char *name, int64_t least, int64_t most,
             int64_t *out)
{
    struct slice text = option(r, name);
    if (text.p == NULL)
        return true;
    return slice_int(text, out) && *out >= least && *out <= most;
}

/* The row without its evidence, as a list shows it that was not asked to expand it: the bytes
 * before and after the member's array stay as they are. */
static struct slice
without_evidence(struct slice payload, struct arena *a)
{
    struct slice member = SLICE("\"evidence\":[");
    size_t from = slice_find(payload, member, 0) + member.n;
    if (from > payload.n)
        return payload;
    size_t to = from;
    int depth = 1;
    bool text = false;
    for (; to < payload.n && depth > 0; to++) {
        char c = payload.p[to];
        if (text && c == '\\')
            to++;
        else if (c == '"')
            text = !text;
        else if (!text)
            depth += c == '[' ? 1 : c == ']' ? -1 : 0;
    }
    return slice_join(a, slice_sub(payload, 0, from), slice_sub(payload, to - 1, payload.n));
}

static void
list_send(struct sim_call *c, struct row *rows, size_t n)
{
    struct http_request *r = c->r;
    bool expand = slice_eq(option(r, "$expand"), SLICE("evidence"));
    struct delivery *shown = arena_alloc(r->arena, (n + 1) * sizeof(*shown));
    struct delivery **list = arena_alloc(r->arena, (n + 1) * sizeof(*list));
    for (size_t i = 0; shown != NULL && list != NULL && i < n; i++) {
        shown[i] = *rows[i].d;
        if (!expand)
            shown[i].payload = without_evidence(shown[i].payload, r->arena);
        list[i] = &shown[i];
        sim_serve(c, rows[i].d);
    }
    struct slice open = slice_printf(
        r->arena, "{\"@odata.context\":\"%s/endpoint/api/$metadata#Alerts\",\"value\":[",
        c->sim->origin);
    struct slice body = SLICE_NONE;
    if (list != NULL && open.p != NULL)
        body = sim_join(r->arena, open.p, list, n, "]}");
    if (body.p == NULL)
        sim_error(r, 500, "InternalServerError", "The answer is too large.");
    else
        sim_send(r, 200, "application/json; odata.metadata=minimal", body, NULL);
}

static void
list_answer(struct sim_call *c)
{
    struct http_request *r = c->r;
    struct plan *p = &c->tenant->plan;
    const struct odata *filter = NULL;
    struct odata_order order;
    int64_t top = ENDPOINT_PAGE_MAX;
    int64_t skip = 0;
    struct err e = odata_parse(option(r, "$filter"), r->arena, &filter);
    if (e.kind == ERR_NONE)
        e = odata_order_parse(option(r, "$orderby"), &order);
    if (e.kind) {
        sim_error(r, 400, strcmp(e.code, "odata.literal") == 0 ? "BadRequest" : "ODataError", "%s",
                  e.text);
        return;
    }
    if (!number_asked(r, "$top", 1, ENDPOINT_PAGE_MAX, &top) ||
        !number_asked(r, "$skip", 0, INT32_MAX, &skip)) {
        sim_error(r, 400, "ODataError", "$top must be 1 to 10000, $skip a number.");
        return;
    }
    struct row *rows = arena_alloc(r->arena, (p->n + 1) * sizeof(*rows));
    size_t n = 0;
    for (size_t i = 0; rows != NULL && i < p->n; i++) {
        struct delivery *d = &p->items[i];
        if (!plan_shows(d, SIM_ENDPOINT))
            continue;
        struct json row = plan_row(p, d, r->arena);
        if (odata_match(filter, row))
            rows[n++] = (struct row){d, odata_time(row, order.property), order.descending};
    }
    if (n > 1)
        qsort(rows, n, sizeof(*rows), row_cmp);
    size_t from = (size_t)skip < n ? (size_t)skip : n;
    size_t count = n - from < (size_t)top ? n - from : (size_t)top;
    list_send(c, rows != NULL ? rows + from : NULL, count);
}

static void
single_answer(struct sim_call *c, struct slice id)
{
    struct http_request *r = c->r;
    struct plan *p = &c->tenant->plan;
    for (size_t i = p->n; i-- > 0;) {
        struct delivery *d = &p->items[i];
        if (!plan_shows(d, SIM_ENDPOINT) || !slice_eq(d->native_id, id))
            continue;
        struct slice body = slice_printf(
            r->arena, "{\"@odata.context\":\"%s/endpoint/api/$metadata#Alerts/$entity\",%.*s",
            c->sim->origin, SLICE_ARG(slice_sub(d->payload, 1, d->payload.n)));
        sim_send(r, 200, "application/json; odata.metadata=minimal", body, NULL);
        return;
    }
    sim_error(r, 404, "ResourceNotFound", "Alert %.*s was not found.", SLICE_ARG(id));
}

void
endpoint_caller(struct sim_call *c)
{
    static const char *const roles[] = {"Alert.Read.All", "Alert.ReadWrite.All", NULL};
    token_check(c, roles);
}

const char *
endpoint_call(struct slice method, struct slice path)
{
    (void)method;
    return slice_ends(path, SLICE("/alerts")) ? "list" : "alert";
}

void
endpoint_answer(struct sim_call *c, struct slice path)
{
    static const char *const roots[] = {"/api/v1.0/alerts", "/api/alerts", "/v1.0/alerts",
                                        "/alerts"};
    struct http_request *r = c->r;
    if (c->tenant == NULL) {
        sim_error(r, c->status, c->status == 401 ? "Unauthorized" : "Forbidden", "%s", c->why);
        return;
    }
    if (!slice_eq(r->method, SLICE("GET"))) {
        sim_error(r, 405, "BadRequest", "Only GET is served.");
        return;
    }
    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        struct slice root = slice_of(roots[i]);
        if (slice_eq(path, root)) {
            list_answer(c);
            return;
        }
        if (slice_starts(path, root) && path.p[root.n] == '/') {
            single_answer(c, slice_sub(path, root.n + 1, path.n));
            return;
        }
    }
    sim_error(r, 404, "NotFound", "No such resource.");
}
