/* Making plans up: what is alike for all sources. */
#include "tests/simulator/sim.h"

#define SCRATCH_BYTES ((size_t)8 << 30) /* a limit, not a need */

size_t
generator_add(struct generator *g, struct delivery d)
{
    struct plan *p = &g->tenant->plan;
    d.released = CLOCK_NONE;
    d.payload = slice_dup(p->arena, d.payload); /* what it was made from ends with the generator */
    d.related = slice_dup(p->arena, d.related);
    if (d.payload.p == NULL)
        return 0;
    struct err e = plan_name(p, &d);
    if (d.expect.p == NULL)
        d.expect = SLICE("stored");
    struct delivery *added = e.kind == ERR_NONE ? plan_add(p, &d) : NULL;
    return added != NULL ? added->n : 0;
}

/* Most come soon after the one before, some much later, none after the end. */
static int64_t
next_moment(struct generator *g, int64_t after)
{
    int64_t end = g->start + g->length;
    int64_t room = end - after;
    int64_t most = dice_chance(&g->dice, 70) ? room / 8 : room;
    return room > 0 ? after + dice_between(&g->dice, 0, most) : after;
}

size_t
generator_moments(struct generator *g, struct moment *out, size_t most)
{
    const struct generate *want = g->g;
    int64_t at = g->start + dice_between(&g->dice, 0, g->length);
    size_t n = 0;
    if (want->history_s > 0 && dice_chance(&g->dice, 30))
        at = g->start - dice_between(&g->dice, 1, want->history_s * CLOCK_SECOND);
    most = most < (size_t)want->versions ? most : (size_t)want->versions;
    while (n < most && (n == 0 || dice_chance(&g->dice, want->update_percent))) {
        bool there = at <= g->start; /* what was there before is not late as well */
        int64_t late = dice_chance(&g->dice, want->late_percent) && !there
                           ? dice_between(&g->dice, 0, want->late_s * CLOCK_SECOND)
                           : 0;
        int64_t released = at > g->start ? at : g->start;
        if (n > 0 && released < out[n - 1].released)
            released = out[n - 1].released;
        out[n++] = (struct moment){.at = at, .released = released + late};
        at = next_moment(g, at > g->start ? at + CLOCK_SECOND / 100 : g->start);
    }
    return n;
}

struct slice
generator_big(struct generator *g, struct slice text)
{
    size_t n = (size_t)g->g->big_bytes;
    if (!dice_chance(&g->dice, g->g->big_percent) || n <= text.n)
        return text;
    char *p = arena_alloc(g->arena, n + 1);
    for (size_t i = 0; p != NULL && i < n; i++)
        p[i] = i < text.n ? text.p[i] : "lorem ipsum "[i % 12];
    return p != NULL ? (struct slice){p, n} : SLICE_NONE;
}

struct err
scenario_plan(const struct scenario *c, struct sim_tenant *t, int64_t start, int64_t speed)
{
    static struct err (*const make[SIM_SOURCES])(struct generator * g) = {
        [SIM_ENDPOINT] = generate_endpoint,
        [SIM_MAIL] = generate_mail,
        [SIM_APPS] = generate_apps,
        [SIM_IDENTITY] = generate_identity,
    };
    struct err e = ERR_OK;
    if (json_type(c->steps) == JSON_ARRAY)
        e = story_steps(&t->plan, c->steps, t->id, start, speed);
    for (size_t i = 0; e.kind == ERR_NONE && i < SIM_SOURCES; i++) {
        struct generator g = {.tenant = t,
                              .g = &c->generate[i],
                              .scenario = c,
                              .dice = dice_of(c->seed, t->number, i),
                              .start = start,
                              .length = c->length_s * CLOCK_SECOND / speed};
        if (g.g->alerts == 0)
            continue;
        g.arena = arena_new(SCRATCH_BYTES);
        e = g.arena != NULL ? make[i](&g) : err_make(ERR_STOP, "scenario.memory", "out of memory");
        if (e.kind == ERR_NONE && arena_short(g.arena))
            e = err_make(ERR_STOP, "scenario.memory", "the scenario needs too much memory");
        arena_free(g.arena);
    }
    if (e.kind == ERR_NONE && arena_short(t->plan.arena))
        e = err_make(ERR_STOP, "scenario.memory", "the scenario needs too much memory");
    return e;
}
