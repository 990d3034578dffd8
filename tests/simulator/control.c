/* /sim: start, state, deliveries. */
#include <string.h>

#include "tests/simulator/sim.h"

static struct slice
asked_at(int64_t t, struct arena *a)
{
    struct clock_text text = clock_format(t);
    return t == CLOCK_NONE ? SLICE_NONE : slice_dup(a, slice_of(text.s));
}

static void
state_answer(struct sim *s, struct http_request *r)
{
    struct arena *a = r->arena;
    struct json_out *o = json_out_object(a);
    struct json_out *requests = json_out_object(a);
    struct json_out *first = json_out_object(a);
    size_t unserved = 0;
    for (size_t i = 0; i < s->plan.n; i++)
        unserved += s->plan.items[i].served == 0 ? 1 : 0;
    for (size_t i = 0; i < SIM_SOURCES; i++) {
        json_out_int(requests, sim_source_names[i], (int64_t)s->requests[i]);
        json_out_text(first, sim_source_names[i], asked_at(s->first_asked[i], a));
    }
    json_out_bool(o, "started", s->plan.started != CLOCK_NONE);
    json_out_int(o, "planned", (int64_t)s->plan.n);
    json_out_int(o, "released", (int64_t)s->plan.n_released);
    json_out_int(o, "unserved", (int64_t)unserved);
    json_out_int(o, "skipped", (int64_t)s->plan.n_skipped);
    json_out_bool(o, "done", plan_done(&s->plan));
    json_out_set(o, "requests", requests);
    json_out_set(o, "first_asked", first);
    http_answer(r, 200, "application/json", json_out_print(o, a), NULL);
}

static void
deliveries_answer(struct sim *s, struct http_request *r)
{
    struct slice *lines = arena_alloc(r->arena, (s->plan.n + 1) * sizeof(*lines));
    size_t bytes = 0;
    for (size_t i = 0; lines != NULL && i < s->plan.n; i++) {
        lines[i] = plan_line(&s->plan.items[i], r->arena);
        bytes += lines[i].n + 1;
    }
    char *text = arena_alloc(r->arena, bytes + 1);
    if (lines == NULL || text == NULL) {
        sim_error(r, 500, "sim.memory", "out of memory");
        return;
    }
    size_t n = 0;
    for (size_t i = 0; i < s->plan.n; i++) {
        memcpy(text + n, lines[i].p, lines[i].n);
        n += lines[i].n;
        text[n++] = '\n';
    }
    http_answer(r, 200, "application/x-ndjson", (struct slice){text, n}, NULL);
}

void
control_answer(struct sim *s, struct http_request *r, struct slice path)
{
    if (slice_eq(path, SLICE("/state")))
        state_answer(s, r);
    else if (slice_eq(path, SLICE("/deliveries")))
        deliveries_answer(s, r);
    else if (slice_eq(path, SLICE("/start")) && slice_eq(r->method, SLICE("POST"))) {
        struct err e = sim_start(s);
        if (e.kind)
            sim_error(r, 500, e.code, "%s", e.text);
        else
            http_answer(r, 200, "application/json", SLICE("{\"started\":true}"), NULL);
    } else
        sim_error(r, 404, "sim.path", "POST /sim/start, GET /sim/state, GET /sim/deliveries");
}
