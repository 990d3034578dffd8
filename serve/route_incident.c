#include "serve/route_incident.h"

#include <stdio.h>

#include "common/form.h"
#include "serve/bundle.h"
#include "serve/classic.h"
#include "serve/explain.h"
#include "serve/graph.h"
#include "serve/odata.h"

/* An answer that grows beyond ends its page; evidence of one alert is read in the scratch arena. */
enum { ANSWER_MAX = 16 * 1024 * 1024, SCRATCH_LIMIT = 64 * 1024 * 1024 };

struct asked {
    struct bundle bundle; /* first: compose gets its address */
    struct call *call;
    struct odata_query query;
    struct slice base; /* "https://host:port" */
    struct arena *scratch;
};

static void
scratch_free(void *arena)
{
    arena_free(arena);
}

static struct asked *
asked_new(struct call *c)
{
    struct asked *k = arena_alloc(c->r->arena, sizeof *k);
    if (k == NULL)
        return NULL;
    k->call = c;
    k->base = call_base(c);
    k->bundle = (struct bundle){.db = c->api->db, .oid = &c->oid, .arena = c->r->arena, .arg = k};
    k->scratch = arena_new(SCRATCH_LIMIT);
    if (k->scratch == NULL || !arena_defer(c->r->arena, scratch_free, k->scratch))
        return NULL;
    return k;
}

static void
no_memory(struct call *c)
{
    call_fail(c, 500, "InternalServerError", "Out of memory.");
}

static void
on_done(void *arg, struct err e)
{
    struct asked *k = arg;
    if (e.kind)
        call_err(k->call, e);
    else
        call_answer(k->call, 200, k->bundle.text, NULL);
}

/* ---- the list */

/* The query as it was sent, without what the next page changes. */
static struct slice
query_rest(struct asked *k)
{
    struct slice rest = k->call->r->query, kept = SLICE("");
    while (rest.p != NULL) {
        struct slice pair = slice_split(&rest, '&'), value = pair;
        struct slice raw = slice_split(&value, '='), name;
        if (pair.n == 0 || !form_decode(raw, true, k->bundle.arena, &name) ||
            slice_eq(name, SLICE("$skip")) || slice_eq(name, SLICE("$top")))
            continue;
        kept = slice_printf(k->bundle.arena, "%.*s%.*s&", SLICE_ARG(kept), SLICE_ARG(pair));
    }
    return kept;
}

static void
put_next(struct wire *w, struct asked *k, size_t taken)
{
    const struct incidents_filter *f = &k->query.filter;
    struct slice rest = query_rest(k);
    struct slice link = slice_printf(k->bundle.arena, "%.*s/api/incidents?%.*s$top=%lld&$skip=%lld",
                                     SLICE_ARG(k->base), SLICE_ARG(rest), (long long)f->top,
                                     (long long)f->skip + (long long)taken);
    wire_text(w, "@odata.nextLink", link);
}

static struct slice
context(struct asked *k, const char *what)
{
    return slice_printf(k->bundle.arena, "%.*s/api/$metadata#Incidents%s", SLICE_ARG(k->base),
                        what);
}

/* The rows of one incident among those sorted by incident. */
static void
parts_of(const struct bundle *p, const struct alerts_full *alerts, size_t n_alerts, size_t i,
         struct classic_incident *out)
{
    *out = (struct classic_incident){.row = &p->rows[i]};
    for (size_t k = 0; k < n_alerts; k++) {
        if (alerts[k].incident_id != out->row->id)
            continue;
        out->alerts = out->n_alerts == 0 ? &alerts[k] : out->alerts;
        out->n_alerts++;
    }
    for (size_t k = 0; k < p->n_comments; k++) {
        if (p->comments[k].incident_id != out->row->id)
            continue;
        out->comments = out->n_comments == 0 ? &p->comments[k] : out->comments;
        out->n_comments++;
    }
}

static struct err
compose_list(struct bundle *p, const struct alerts_full *alerts, size_t n_alerts)
{
    struct asked *k = (struct asked *)p;
    struct wire w;
    struct err e = ERR_OK;
    size_t i = 0;
    wire_init(&w, p->arena);
    wire_open(&w, NULL, '{');
    wire_text(&w, "@odata.context", context(k, ""));
    wire_open(&w, "value", '[');
    for (; i < p->n && e.kind == ERR_NONE && w.line.n < ANSWER_MAX; i++) {
        struct classic_incident one;
        parts_of(p, alerts, n_alerts, i, &one);
        e = classic_incident(&w, &one, NULL, k->scratch);
    }
    wire_close(&w, ']');
    if (k->query.filter.top > 0 && (p->more || i < p->n))
        put_next(&w, k, i);
    wire_close(&w, '}');
    p->text = wire_done(&w);
    if (e.kind == ERR_NONE && p->text.p == NULL)
        e = err_make(ERR_RETRY, "bundle.memory", "the page is too large");
    return e;
}

static struct err
read_options(struct call *c, struct odata_query *q)
{
    struct slice filter = http_query(c->r, "$filter"), order = http_query(c->r, "$orderby");
    struct err e = odata_page(http_query(c->r, "$top"), http_query(c->r, "$skip"), q);
    if (e.kind == ERR_NONE && slice_trim(filter).n > 0)
        e = odata_filter(filter, c->r->arena, q);
    odata_order_default(q);
    if (e.kind == ERR_NONE && slice_trim(order).n > 0)
        e = odata_order(order, q);
    return e;
}

void
route_incident_list(struct call *c)
{
    struct asked *k = asked_new(c);
    if (k == NULL) {
        no_memory(c);
        return;
    }
    odata_init(&k->query);
    k->bundle.compose = compose_list;
    k->bundle.done = on_done;
    struct err e = read_options(c, &k->query);
    if (e.kind == ERR_NONE && k->query.nothing)
        e = compose_list(&k->bundle, NULL, 0);
    if (e.kind || k->query.nothing)
        on_done(k, e);
    else
        bundle_list(&k->bundle, &k->query.filter);
}

/* ---- one incident */

static struct err
compose_one(struct bundle *p, const struct alerts_full *alerts, size_t n_alerts)
{
    struct asked *k = (struct asked *)p;
    struct classic_incident one;
    struct wire w;
    char *what = slice_cstr(p->arena, context(k, "/$entity"));
    parts_of(p, alerts, n_alerts, 0, &one);
    wire_init(&w, p->arena);
    struct err e = classic_incident(&w, &one, what, k->scratch);
    p->text = wire_done(&w);
    return e;
}

static struct graph_incident
graph_of(struct asked *k)
{
    const struct bundle *p = &k->bundle;
    struct slice tenant = k->call->who.tenant;
    return (struct graph_incident){
        .row = &p->rows[0],
        .comments = p->comments,
        .n_comments = p->n_comments,
        .tenant = tenant,
        .web_url = slice_printf(p->arena, "%.*s/incidents/%lld?tid=%.*s", SLICE_ARG(k->base),
                                (long long)p->rows[0].id, SLICE_ARG(tenant))};
}

static struct err
compose_graph(struct bundle *p,
              void (*put)(struct wire *, const struct graph_incident *, const char *),
              const char *what)
{
    struct asked *k = (struct asked *)p;
    struct wire w;
    struct graph_incident one = graph_of(k);
    struct slice line = slice_printf(p->arena, "%.*s/v1.0/$metadata#security/incidents%s",
                                     SLICE_ARG(k->base), what);
    wire_init(&w, p->arena);
    put(&w, &one, slice_cstr(p->arena, line));
    p->text = wire_done(&w);
    return p->text.p != NULL ? ERR_OK
                             : err_make(ERR_RETRY, "bundle.memory", "the incident is too large");
}

static struct err
compose_graph_one(struct bundle *p, const struct alerts_full *alerts, size_t n_alerts)
{
    (void)alerts;
    (void)n_alerts;
    return compose_graph(p, graph_incident, "/$entity");
}

static struct err
compose_graph_comments(struct bundle *p, const struct alerts_full *alerts, size_t n_alerts)
{
    (void)alerts;
    (void)n_alerts;
    char what[64];
    (void)snprintf(what, sizeof what, "('%lld')/comments", (long long)p->rows[0].id);
    return compose_graph(p, graph_comments, what);
}

static struct err
compose_explain(struct bundle *p, const struct alerts_full *alerts, size_t n_alerts)
{
    const struct asked *k = (const struct asked *)p;
    struct explain_alert *story;
    struct err e =
        explain_bundle(p, alerts, n_alerts, p->with_aliases ? &k->call->api->params : NULL, &story);
    if (e.kind)
        return e;
    p->text = explain_json(&p->rows[0], story, n_alerts, p->arena);
    return p->text.p != NULL ? ERR_OK
                             : err_make(ERR_RETRY, "bundle.memory", "the story is too large");
}

static void
answer(struct call *c, int64_t id, bool explain,
       struct err (*compose)(struct bundle *, const struct alerts_full *, size_t))
{
    struct asked *k = asked_new(c);
    if (k == NULL) {
        no_memory(c);
        return;
    }
    k->bundle.with_aliases = explain && slice_eq(http_query(c->r, "canonical"), SLICE("true"));
    k->bundle.with_links = explain;
    k->bundle.compose = compose;
    k->bundle.done = on_done;
    bundle_get(&k->bundle, id);
}

void
route_incident_answer(struct call *c, int64_t id, bool comments)
{
    if (!c->route->graph)
        answer(c, id, false, compose_one);
    else
        answer(c, id, false, comments ? compose_graph_comments : compose_graph_one);
}

static bool
id_of(struct call *c, int64_t *id)
{
    if (slice_int(c->argument, id))
        return true;
    call_fail(c, 400, "InvalidInput", "The id of an incident must be a number; found '%.*s'.",
              SLICE_ARG(slice_sub(c->argument, 0, 40)));
    return false;
}

void
route_incident_get(struct call *c)
{
    int64_t id;
    if (id_of(c, &id))
        route_incident_answer(c, id, false);
}

void
route_incident_explain(struct call *c)
{
    int64_t id;
    if (id_of(c, &id))
        answer(c, id, true, compose_explain);
}
