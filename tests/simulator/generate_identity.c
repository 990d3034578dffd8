/*
 * Identity lines made up for a scenario: each alert's lines come by one sensor and one way, in
 * their order, as only that order is kept. Ref: sources.md 5.2 to 5.7.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/identity_make.h"
#include "tests/simulator/sim.h"

struct planned_line {
    int64_t planned;
    size_t order;  /* among all: what was made first */
    size_t repeat; /* order of the line with these bytes, from 1; 0: none */
    enum sim_transport transport;
    size_t sensor;
    struct slice payload;
    const char *expect;
};

struct maker {
    struct generator *g;
    struct planned_line *lines;
    size_t n, capacity;
};

static void
keep(struct maker *m, struct planned_line l)
{
    if (m->n == m->capacity) {
        struct planned_line *more =
            arena_grow(m->g->arena, m->lines, sizeof(*m->lines), &m->capacity);
        if (more == NULL)
            return; /* scenario_plan sees that the arena is short */
        m->lines = more;
    }
    l.order = m->n + 1;
    m->lines[m->n++] = l;
}

static struct planned_line
way_of(struct maker *m)
{
    struct generator *g = m->g;
    int64_t sensors = g->scenario->identity.sensors > 0 ? g->scenario->identity.sensors : 1;
    struct planned_line l = {.planned = g->start + dice_between(&g->dice, 0, g->length)};
    l.sensor = (size_t)dice_between(&g->dice, 0, sensors - 1);
    l.transport = dice_chance(&g->dice, 50) ? SIM_LF : SIM_COUNTED;
    if (dice_chance(&g->dice, g->scenario->identity.udp_percent))
        l.transport = SIM_UDP;
    return l;
}

/* An update may come first, or alone: the listener was down, or only updates are switched on. */
static void
alert_lines(struct maker *m)
{
    struct generator *g = m->g;
    struct dice *d = &g->dice;
    struct planned_line l = way_of(m);
    int64_t end = g->start + g->length;
    struct identity_case c = identity_case_make(
        d, g->arena, g->tenant->number == 0 ? SLICE("contoso-corp") : g->tenant->domain,
        l.planned - dice_between(d, 1, 900 + g->g->history_s) * CLOCK_SECOND);
    c.missing_percent = (int)g->g->missing_percent;
    c.odd_percent = (int)g->g->wrong_percent;
    c.note = generator_big(g, c.note);
    int first = dice_chance(d, 15) ? 1 : 0;
    int64_t lines = 1;
    while (lines < g->g->versions && dice_chance(d, g->g->update_percent))
        lines++;
    for (int64_t i = 0; i < lines; i++) {
        int which = (int)i + first;
        if (first == 1 && i == 1)
            which = 0; /* "new" behind its update */
        l.payload =
            identity_line(&c, (enum identity_form)dice_below(d, IDENTITY_FORMS), l.planned, which);
        l.expect = "stored";
        keep(m, l);
        l.planned += dice_between(d, 0, g->length / 4);
        if (l.planned > end)
            l.planned = end;
    }
    if (!dice_chance(d, g->g->repeat_percent))
        return;
    l.repeat = m->n; /* the last line once more */
    l.expect = "unchanged";
    keep(m, l);
}

static void
health_line(struct maker *m)
{
    struct planned_line l = way_of(m);
    struct identity_case c =
        identity_case_make(&m->g->dice, m->g->arena, SLICE("contoso-corp"), l.planned);
    l.payload = identity_health(&c, l.planned);
    l.expect = "ignored";
    keep(m, l);
}

static int
line_cmp(const void *x, const void *y)
{
    const struct planned_line *a = x;
    const struct planned_line *b = y;
    if (a->planned != b->planned)
        return a->planned < b->planned ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

struct err
generate_identity(struct generator *g)
{
    struct maker m = {.g = g};
    for (int64_t i = 0; i < g->g->alerts; i++) {
        alert_lines(&m);
        if (dice_chance(&g->dice, g->g->other_percent))
            health_line(&m);
    }
    if (m.n > 1)
        qsort(m.lines, m.n, sizeof(*m.lines), line_cmp);
    size_t *numbers = arena_alloc(g->arena, (m.n + 1) * sizeof(*numbers)); /* by order */
    for (size_t i = 0; numbers != NULL && i < m.n; i++) {
        const struct planned_line *l = &m.lines[i];
        struct delivery d = {.source = SIM_IDENTITY, .released = CLOCK_NONE};
        d.transport = l->transport;
        d.sensor = l->sensor;
        d.planned = l->planned;
        d.payload = l->payload;
        d.expect = slice_of(l->expect);
        d.repeat_of = l->repeat > 0 ? numbers[l->repeat] : 0;
        numbers[l->order] = generator_add(g, d);
        if (numbers[l->order] == 0)
            return err_make(ERR_STOP, "generate.identity", "a line could not be planned");
    }
    return numbers != NULL ? ERR_OK
                           : err_make(ERR_STOP, "generate.memory", "identity: out of memory");
}
