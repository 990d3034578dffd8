/*
 * incident_split.c: where a large incident would come apart.
 *
 * Nothing is ever split by the rule: an id given out stays valid. Past a soft cap, and each time it
 * has grown by a quarter since, people are shown the weakest link that holds the incident together.
 * When that is depends on its size alone, not on where a batch or a life of the process ended.
 * Ref: correlation.md 9 and 11.
 */
#include "normalize/incident_internal.h"

enum { ARENA_BYTES = 64 * 1024 * 1024 };

/* How many marks a number has passed: the soft cap, and each a quarter further. */
static uint32_t
marks_passed(uint64_t n, int32_t soft)
{
    uint32_t marks = 0;
    for (uint64_t mark = (uint64_t)(soft > 0 ? soft : 0); n > mark; mark += mark / 4 + 1)
        marks++;
    return marks;
}

/* By the true number of users, which is only counted where it may matter. */
static uint32_t
passed(struct incident_engine *e, uint32_t group)
{
    const struct group *g = &e->groups[group];
    uint32_t by_alerts = marks_passed(g->alerts, e->p->soft_alerts);
    uint32_t by_users = marks_passed(g->users_most, e->p->soft_users);
    if (by_users > by_alerts && by_users > g->suggested) {
        incident_group_count(e, group);
        by_users = marks_passed(g->users_most, e->p->soft_users);
    }
    return by_alerts > by_users ? by_alerts : by_users;
}

void
incident_split_known(struct incident_engine *e, uint32_t group)
{
    e->groups[group].suggested = 0;
    e->groups[group].suggested = passed(e, group);
}

static void
suggest(struct incident_engine *e, uint32_t group)
{
    struct split found;
    struct arena *a = arena_new(ARENA_BYTES);
    bool any = false;
    if (a == NULL) {
        e->dead = true;
        return;
    }
    struct err err = incident_why_weakest(e, group, a, &found, &any);
    arena_free(a);
    if (err.kind == ERR_RETRY)
        e->dead = true;
    else if (err.kind == ERR_NONE && any && /* too many nodes: nothing is suggested */
             incident_table_grow(e, (void **)&e->splits, sizeof(*e->splits), e->n_splits,
                                 &e->cap_splits))
        e->splits[e->n_splits++] = found;
}

void
incident_split_look(struct incident_engine *e, uint32_t group)
{
    const struct group *g = &e->groups[group];
    if (g->parent != group || e->dead)
        return;
    uint32_t marks = passed(e, group);
    bool more = marks > g->suggested;
    e->groups[group].suggested = marks;
    if (more)
        suggest(e, group);
}

/* The newest of each incident; one that became part of another has none. */
bool
incident_split_changes(struct incident_engine *e, struct arena *a, struct incident_changes *out)
{
    out->splits = arena_alloc(a, sizeof(*out->splits) * (e->n_splits + 1));
    for (uint32_t i = 0; out->splits != NULL && i < e->n_splits; i++) {
        const struct split *s = &e->splits[i];
        bool last = e->groups[s->group].parent == s->group;
        for (uint32_t k = i + 1; k < e->n_splits && last; k++)
            last = e->splits[k].group != s->group;
        if (!last)
            continue;
        out->splits[out->n_splits++] = (struct incident_split){
            .incident_id = e->groups[s->group].id,
            .a = {incident_node_source(e, s->a), incident_node_native_id(e, s->a)},
            .b = {incident_node_source(e, s->b), incident_node_native_id(e, s->b)},
            .score = s->score,
            .alerts_a = (size_t)s->alerts_a,
            .alerts_b = (size_t)s->alerts_b,
        };
    }
    return out->splits != NULL;
}
