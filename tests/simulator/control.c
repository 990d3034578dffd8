/* /sim: what a test asks and tells the simulator. */
#include <string.h>

#include "tests/simulator/sim.h"

static void
answer_json(struct sim_call *c, const struct json_out *o)
{
    sim_send(c->r, 200, "application/json", json_out_print(o, c->r->arena), NULL);
}

static struct slice
asked_at(int64_t t, struct arena *a)
{
    struct clock_text text = clock_format(t);
    return t == CLOCK_NONE ? SLICE_NONE : slice_dup(a, slice_of(text.s));
}

struct totals {
    size_t planned, released, unserved, skipped;
    bool done;
};

static struct totals
totals_of(struct sim *s)
{
    struct totals n = {.done = s->started != CLOCK_NONE};
    for (size_t i = 0; i < s->n_tenants; i++) {
        struct plan *p = &s->tenants[i].plan;
        plan_release(p, sim_now(s));
        n.planned += p->n;
        n.released += p->n_released;
        n.skipped += p->n_skipped;
        n.done = n.done && plan_done(p);
        for (size_t k = 0; k < p->n; k++)
            n.unserved += p->items[k].served == 0 ? 1 : 0;
    }
    return n;
}

static void
state_answer(struct sim_call *c)
{
    struct sim *s = c->sim;
    struct arena *a = c->r->arena;
    struct json_out *o = json_out_object(a);
    struct json_out *requests = json_out_object(a);
    struct json_out *first = json_out_object(a);
    struct slice id = http_query(c->r, "tenant");
    struct sim_tenant *only = id.p != NULL ? tenant_find(s, id) : NULL;
    if (id.p != NULL && only == NULL) {
        sim_error(c->r, 404, "sim.tenant", "no tenant '%.*s'", SLICE_ARG(id));
        return;
    }
    struct totals n = totals_of(s);
    for (size_t i = 0; i < SIM_SOURCES; i++) {
        json_out_int(requests, sim_source_names[i], (int64_t)s->requests[i]);
        json_out_text(first, sim_source_names[i], asked_at(s->first_asked[i], a));
    }
    json_out_bool(o, "started", s->started != CLOCK_NONE);
    json_out_text(o, "now", asked_at(sim_now(s), a));
    json_out_int(o, "tenants", (int64_t)s->n_tenants);
    json_out_int(o, "planned", (int64_t)n.planned);
    json_out_int(o, "released", (int64_t)n.released);
    json_out_int(o, "unserved", (int64_t)n.unserved);
    json_out_int(o, "skipped", (int64_t)n.skipped);
    json_out_int(o, "violations", (int64_t)s->n_wrongs);
    json_out_bool(o, "done", n.done);
    if (only != NULL)
        json_out_int(o, "tenant_requests", (int64_t)only->requests);
    json_out_set(o, "requests", requests);
    json_out_set(o, "first_asked", first);
    answer_json(c, o);
}

/* The tenant that ?tenant= names by directory id; without it the first. NULL: answered. */
static struct sim_tenant *
tenant_asked(struct sim_call *c)
{
    struct slice id = http_query(c->r, "tenant");
    struct sim_tenant *t = id.p == NULL ? &c->sim->tenants[0] : tenant_find(c->sim, id);
    if (t == NULL)
        sim_error(c->r, 404, "sim.tenant", "no tenant '%.*s'", SLICE_ARG(id));
    return t;
}

static void
deliveries_answer(struct sim_call *c)
{
    struct sim_tenant *t = tenant_asked(c);
    if (t == NULL)
        return;
    struct slice *lines = arena_alloc(c->r->arena, (t->plan.n + 1) * sizeof(*lines));
    for (size_t i = 0; lines != NULL && i < t->plan.n; i++)
        lines[i] = plan_line(&t->plan.items[i], c->r->arena);
    struct slice text = sim_lines(lines, lines != NULL ? t->plan.n : 0, c->r->arena);
    if (lines == NULL || text.p == NULL)
        sim_error(c->r, 500, "sim.memory", "out of memory");
    else
        sim_send(c->r, 200, "application/x-ndjson", text, NULL);
}

static void
violations_answer(struct sim_call *c)
{
    struct sim *s = c->sim;
    struct arena *a = c->r->arena;
    struct json_out *o = json_out_object(a);
    struct json_out *list = json_out_array(a);
    struct json_out *calls = json_out_array(a);
    for (size_t i = 0; i < s->n_wrongs && i < SIM_WRONGS_MAX; i++) {
        const struct sim_wrong *w = &s->wrongs[i];
        struct json_out *row = json_out_object(a);
        json_out_text(row, "kind", slice_of(w->kind));
        json_out_text(row, "source", slice_of(w->source));
        json_out_text(row, "tenant", s->tenants[w->tenant].id);
        json_out_text(row, "text", w->what);
        json_out_text(row, "at", asked_at(w->at, a));
        json_out_add(list, row);
    }
    for (size_t i = 0; i < s->n_counts; i++) {
        struct json_out *row = json_out_object(a);
        json_out_text(row, "source", slice_of(s->counts[i].source));
        json_out_text(row, "call", slice_of(s->counts[i].name));
        json_out_int(row, "requests", (int64_t)s->counts[i].n);
        json_out_int(row, "wrong", (int64_t)s->counts[i].refused);
        json_out_add(calls, row);
    }
    json_out_int(o, "violations", (int64_t)s->n_wrongs);
    json_out_set(o, "first", list);
    json_out_set(o, "calls", calls);
    answer_json(c, o);
}

static void
start_answer(struct sim_call *c)
{
    struct err e = sim_start(c->sim);
    if (e.kind)
        sim_error(c->r, 500, e.code, "%s", e.text);
    else
        sim_send(c->r, 200, "application/json", SLICE("{\"started\":true}"), NULL);
}

/* POST /sim/advance?seconds=N: so much service time passes at once. */
static void
advance_answer(struct sim_call *c)
{
    enum { MOST_S = 30 * 86400 };
    int64_t seconds = 0;
    if (!slice_int(http_query(c->r, "seconds"), &seconds) || seconds < 0 || seconds > MOST_S) {
        sim_error(c->r, 400, "sim.seconds", "?seconds= must be 0 to %d", MOST_S);
        return;
    }
    c->sim->ahead += seconds * CLOCK_SECOND;
    state_answer(c);
}

void
control_answer(struct sim_call *c, struct slice path)
{
    static const struct {
        const char *method, *path;
        void (*answer)(struct sim_call *c);
    } calls[] = {
        {"GET", "/state", state_answer},           {"GET", "/truth", truth_answer},
        {"GET", "/violations", violations_answer}, {"GET", "/deliveries", deliveries_answer},
        {"POST", "/start", start_answer},          {"POST", "/advance", advance_answer},
    };
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (slice_eq(path, slice_of(calls[i].path)) &&
            slice_eq(c->r->method, slice_of(calls[i].method))) {
            calls[i].answer(c);
            return;
        }
    sim_error(c->r, 404, "sim.path",
              "GET /sim/state, truth, violations, deliveries; POST /sim/start, advance");
}
