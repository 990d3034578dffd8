/* Defender ATP's alerts API: addresses, quotas, lists. Ref: sources.md 2.3 to 2.5, 2.10. */
#include "tests/simulator/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/edit.h"
#include "tests/simulator/odata.h"

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

struct slice
endpoint_option(const struct http_request *r, const char *name)
{
    char escaped[32];
    struct slice v = http_query(r, name);
    snprintf(escaped, sizeof(escaped), "%%24%s", name + 1);
    return v.p != NULL ? v : http_query(r, escaped);
}

/* ---- what was asked */

struct asked {
    const struct odata *filter;
    struct odata_order order;
    bool expand;
    bool top_given;
    int64_t top, skip;
    struct slice select;
};

static struct err
number_asked(const struct http_request *r, const char *name, int64_t least, int64_t most,
             int64_t *out)
{
    struct slice text = endpoint_option(r, name);
    if (text.p == NULL || (slice_int(text, out) && *out >= least && *out <= most))
        return ERR_OK;
    return err_make(ERR_REJECT, "ODataError", "The limit of '%lld' for %s query has been exceeded.",
                    (long long)most, name);
}

/* An option that nobody knows is refused, not passed over. */
static struct err
options_known(const struct http_request *r)
{
    static const char *const known[] = {"$filter",  "$expand", "$top",  "$skip",
                                        "$orderby", "$select", "$count"};
    struct slice rest = r->query;
    while (rest.n > 0) {
        struct slice pair = slice_split(&rest, '&');
        struct slice name = slice_split(&pair, '=');
        bool dollar = slice_starts(name, SLICE("%24"));
        bool good = !dollar && !slice_starts(name, SLICE("$"));
        for (size_t i = 0; !good && i < sizeof(known) / sizeof(known[0]); i++)
            good = slice_eq(slice_sub(name, dollar ? 3 : 1, name.n), slice_of(known[i] + 1));
        if (!good)
            return err_make(ERR_REJECT, "ODataError",
                            "The query parameter '%.*s' is not supported.", SLICE_ARG(name));
    }
    return ERR_OK;
}

static struct err
filter_asked(const struct sim_call *c, struct asked *q)
{
    const struct scenario *sc = c->sim->scenario;
    struct slice text = endpoint_option(c->r, "$filter");
    struct err e = odata_parse(text, c->r->arena, &q->filter);
    if (e.kind && strcmp(e.code, "odata.literal") == 0)
        return err_make(ERR_REJECT, "BadRequest", "%s", e.text);
    if (e.kind)
        return err_make(ERR_REJECT, "ODataError", "%s", e.text);
    if (sc != NULL && !sc->update_filter && odata_uses(q->filter, "lastUpdateTime"))
        return err_make(
            ERR_REJECT, "ODataError",
            "The property 'lastUpdateTime' cannot be used in the $filter query option.");
    return ERR_OK;
}

static struct err
expand_asked(const struct sim_call *c, struct asked *q)
{
    const struct scenario *sc = c->sim->scenario;
    struct slice text = endpoint_option(c->r, "$expand");
    if (text.p == NULL)
        return ERR_OK;
    q->expand = slice_eq_nocase(text, SLICE("evidence")) && (sc == NULL || sc->era >= 2020);
    if (q->expand)
        return ERR_OK;
    return err_make(ERR_REJECT, "ODataError",
                    "The query specified in the URI is not valid. Could not find a property named "
                    "'%.*s' on type 'Alert' to $expand.",
                    SLICE_ARG(slice_sub(text, 0, 40)));
}

static struct err
read_asked(const struct sim_call *c, struct asked *q)
{
    *q = (struct asked){.top = ENDPOINT_PAGE_MAX};
    struct err e = options_known(c->r);
    if (e.kind == ERR_NONE)
        e = filter_asked(c, q);
    if (e.kind == ERR_NONE)
        e = expand_asked(c, q);
    if (e.kind == ERR_NONE) {
        e = odata_order_parse(endpoint_option(c->r, "$orderby"), &q->order);
        if (e.kind)
            e = err_make(ERR_REJECT, "ODataError", "%s", e.text);
    }
    q->top_given = endpoint_option(c->r, "$top").p != NULL;
    if (e.kind == ERR_NONE)
        e = number_asked(c->r, "$top", 1, ENDPOINT_PAGE_MAX, &q->top);
    if (e.kind == ERR_NONE)
        e = number_asked(c->r, "$skip", 0, INT32_MAX, &q->skip);
    q->select = endpoint_option(c->r, "$select");
    return e;
}

/* ---- rows */

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

static struct slice
selected(struct slice payload, struct slice select, struct arena *a)
{
    struct json row;
    struct err e = json_parse(payload, a, &row);
    struct json_out *o = json_out_object(a);
    while (e.kind == ERR_NONE && select.n > 0) {
        const char *name = slice_cstr(a, slice_trim(slice_split(&select, ',')));
        if (name != NULL && json_type(json_get(row, name)) != JSON_ABSENT)
            json_out_set_raw(o, name, json_minify(json_get(row, name), a));
    }
    return json_out_print(o, a);
}

/* FAULT_REPEAT: some rows stand twice, while the page has room. */
static size_t
rows_repeat(struct sim_call *c, struct row *rows, size_t n, size_t most, struct row **out)
{
    struct row *twice = arena_alloc(c->r->arena, (2 * n + 1) * sizeof(*twice));
    struct dice d = dice_of(c->sim->scenario->seed, c->sim->requests[SIM_ENDPOINT], 5);
    size_t count = 0;
    size_t spare = most > n ? most - n : 0;
    if (twice == NULL)
        return n;
    for (size_t i = 0; i < n; i++) {
        twice[count++] = rows[i];
        if (spare > 0 && dice_chance(&d, 30)) {
            twice[count++] = rows[i];
            spare--;
        }
    }
    *out = twice;
    return count;
}

static struct row *
rows_find(struct sim_call *c, const struct asked *q, endpoint_keep *keep, struct slice arg,
          size_t *n)
{
    struct plan *p = &c->tenant->plan;
    struct arena *a = c->r->arena;
    struct row *rows = arena_alloc(a, (p->n + 1) * sizeof(*rows));
    *n = 0;
    for (size_t i = 0; rows != NULL && i < p->n; i++) {
        struct delivery *d = &p->items[i];
        if (!plan_shows(d, SIM_ENDPOINT))
            continue;
        struct json row = plan_row(p, d, a);
        if (odata_match(q->filter, row) && (keep == NULL || keep(row, arg, a)))
            rows[(*n)++] = (struct row){d, odata_time(row, q->order.property), q->order.descending};
    }
    if (*n > 1)
        qsort(rows, *n, sizeof(*rows), row_cmp);
    return rows;
}

/* The link to the rest; only who leaves $top out is given one. */
static struct slice
next_link(const struct sim_call *c, const struct asked *q, size_t n)
{
    struct slice rest = c->r->query;
    struct slice kept = SLICE("");
    while (rest.n > 0) {
        struct slice pair = slice_split(&rest, '&');
        if (!slice_starts(pair, SLICE("$skip=")) && !slice_starts(pair, SLICE("%24skip=")))
            kept = slice_printf(c->r->arena, "%.*s%.*s&", SLICE_ARG(kept), SLICE_ARG(pair));
    }
    return slice_printf(c->r->arena, "],\"@odata.nextLink\":\"%s%.*s?%.*s$skip=%lld\"}",
                        c->sim->origin, SLICE_ARG(c->r->path), SLICE_ARG(kept),
                        (long long)(q->skip + (int64_t)n));
}

static void
list_send(struct sim_call *c, const struct asked *q, struct row *rows, size_t n, bool more)
{
    struct http_request *r = c->r;
    struct delivery *shown = arena_alloc(r->arena, (n + 1) * sizeof(*shown));
    struct delivery **list = arena_alloc(r->arena, (n + 1) * sizeof(*list));
    for (size_t i = 0; shown != NULL && list != NULL && i < n; i++) {
        shown[i] = *rows[i].d;
        if (!q->expand)
            shown[i].payload = without_evidence(shown[i].payload, r->arena);
        if (q->select.p != NULL)
            shown[i].payload = selected(shown[i].payload, q->select, r->arena);
        list[i] = &shown[i];
    }
    struct slice open = slice_printf(
        r->arena, "{\"@odata.context\":\"%s/endpoint/api/$metadata#Alerts\",\"value\":[",
        c->sim->origin);
    struct slice close = more && !q->top_given ? next_link(c, q, n) : SLICE("]}");
    struct slice body = SLICE_NONE;
    if (shown != NULL && list != NULL && open.p != NULL && close.p != NULL)
        body = sim_join(r->arena, open.p, list, n, close.p);
    if (body.p == NULL) {
        sim_error(r, 500, "InternalServerError", "The answer is too large.");
        return;
    }
    for (size_t i = 0; i < n; i++)
        sim_serve(c, rows[i].d);
    if (c->fault != NULL && c->fault->what == FAULT_TOUCH && n > 0) {
        struct dice d = dice_of(c->sim->scenario->seed, c->sim->requests[SIM_ENDPOINT], 6);
        endpoint_touch(c, rows[dice_below(&d, n)].d);
    }
    sim_send(r, 200, "application/json; odata.metadata=minimal", body, NULL);
}

static bool
asked_well(struct sim_call *c, struct asked *q)
{
    struct err e = read_asked(c, q);
    if (e.kind == ERR_NONE)
        return true;
    sim_blame(c, "endpoint.query", "%s", e.text);
    sim_error(c->r, 400, e.code, "%s", e.text);
    return false;
}

void
endpoint_list(struct sim_call *c, endpoint_keep *keep, struct slice arg)
{
    struct asked q;
    size_t n = 0;
    if (!asked_well(c, &q))
        return;
    struct row *rows = rows_find(c, &q, keep, arg, &n);
    size_t from = (size_t)q.skip < n ? (size_t)q.skip : n;
    size_t count = n - from < (size_t)q.top ? n - from : (size_t)q.top;
    bool more = from + count < n;
    struct row *page = rows != NULL ? rows + from : NULL;
    if (c->fault != NULL && c->fault->what == FAULT_REPEAT)
        count = rows_repeat(c, page, count, (size_t)q.top, &page);
    list_send(c, &q, page, count, more);
}

void
endpoint_count(struct sim_call *c, endpoint_keep *keep, struct slice arg)
{
    struct asked q;
    size_t n = 0;
    if (!asked_well(c, &q))
        return;
    (void)rows_find(c, &q, keep, arg, &n);
    sim_send(c->r, 200, "text/plain", slice_printf(c->r->arena, "%zu", n), NULL);
}

/* ---- addresses */

/* What follows the API's root: "alerts/da1_2/files". NONE: another address. */
static struct slice
path_within(struct slice path)
{
    static const char *const roots[] = {"/api/v1.0/", "/api/", "/v1.0/", "/"};
    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
        if (slice_starts(path, slice_of(roots[i])))
            return slice_sub(path, strlen(roots[i]), path.n);
    return SLICE_NONE;
}

struct call {
    const char *name; /* of the quota, too */
    struct quota_limit most;
};

static const struct call calls[] = {
    {"list", {100, 1500}},    {"alert", {100, 1500}},    {"patch", {100, 1500}},
    {"batch", {10, 500}},     {"create", {15, 0}},       {"user", {100, 1500}},
    {"machine", {100, 1500}}, {"files", {100, 1500}},    {"ips", {100, 1500}},
    {"domains", {100, 1500}}, {"machines", {100, 1500}}, {"users", {100, 1500}},
    {"count", {100, 1500}},   {"other", {100, 1500}},
};

static const struct call *
call_find(struct slice name)
{
    size_t i = 0;
    while (i < sizeof(calls) / sizeof(calls[0]) - 1 && !slice_eq(name, slice_of(calls[i].name)))
        i++;
    return &calls[i];
}

const char *
endpoint_call(struct slice method, struct slice path)
{
    struct slice rest = path_within(path);
    struct slice head = slice_split(&rest, '/');
    struct slice id = slice_split(&rest, '/');
    if (slice_eq(rest, SLICE("alerts/$count")))
        return "count";
    if (!slice_eq(head, SLICE("alerts"))) /* /files/{sha1}/alerts: a key of its own */
        return slice_eq(head, SLICE("machines")) || slice_eq(head, SLICE("users"))
                   ? call_find(head)->name
                   : "other";
    if (id.n == 0)
        return "list";
    if (rest.n > 0)
        return call_find(rest)->name;
    if (slice_eq(method, SLICE("PATCH")))
        return "patch";
    if (slice_eq_nocase(id, SLICE("batchUpdate")))
        return "batch";
    return slice_eq_nocase(id, SLICE("CreateAlertByReference")) ? "create" : "alert";
}

void
endpoint_caller(struct sim_call *c)
{
    static const char *const read[] = {"Alert.Read.All", "Alert.ReadWrite.All", NULL};
    static const char *const write[] = {"Alert.ReadWrite.All", NULL};
    token_check(c, slice_eq(c->r->method, SLICE("GET")) ? read : write);
}

/* /machines/{id}/alerts and its like, with /$count. */
static bool
neighbour_answer(struct sim_call *c, struct slice head, struct slice id, struct slice rest)
{
    static const struct {
        const char *head;
        endpoint_keep *keep;
    } neighbours[] = {
        {"machines", endpoint_has_machine}, {"users", endpoint_has_user},
        {"files", endpoint_has_file},       {"domains", endpoint_has_domain},
        {"ips", endpoint_has_ip},
    };
    bool counts = slice_eq(rest, SLICE("alerts/$count"));
    if (!slice_eq(c->r->method, SLICE("GET")) || (!counts && !slice_eq(rest, SLICE("alerts"))))
        return false;
    for (size_t i = 0; i < sizeof(neighbours) / sizeof(neighbours[0]); i++)
        if (slice_eq(head, slice_of(neighbours[i].head))) {
            (counts ? endpoint_count : endpoint_list)(c, neighbours[i].keep, id);
            return true;
        }
    return false;
}

static bool
alerts_answer(struct sim_call *c, struct slice id, struct slice rest)
{
    bool get = slice_eq(c->r->method, SLICE("GET"));
    bool post = slice_eq(c->r->method, SLICE("POST"));
    if (get && id.n == 0)
        endpoint_list(c, NULL, SLICE_NONE);
    else if (get && rest.n == 0)
        endpoint_single(c, id);
    else if (get)
        endpoint_related(c, id, rest);
    else if (strcmp(c->name, "patch") == 0 && rest.n == 0)
        endpoint_patch(c, id);
    else if (post && strcmp(c->name, "batch") == 0)
        endpoint_batch(c);
    else if (post && strcmp(c->name, "create") == 0)
        endpoint_create(c);
    else
        return false;
    return true;
}

void
endpoint_answer(struct sim_call *c, struct slice path)
{
    struct http_request *r = c->r;
    if (c->tenant == NULL) {
        sim_error(r, c->status, c->status == 401 ? "Unauthorized" : "Forbidden", "%s", c->why);
        return;
    }
    const struct call *call = call_find(slice_of(c->name));
    if (!quota_spend(c, call->name, call->most, 429))
        return;
    struct slice rest = path_within(path);
    struct slice head = slice_split(&rest, '/');
    struct slice id = slice_split(&rest, '/');
    bool done = slice_eq(head, SLICE("alerts")) ? alerts_answer(c, id, rest)
                                                : neighbour_answer(c, head, id, rest);
    if (done)
        return;
    sim_blame(c, "endpoint.path", "%.*s %.*s", SLICE_ARG(r->method), SLICE_ARG(path));
    sim_error(r, 404, "NotFound", "No such resource.");
}
