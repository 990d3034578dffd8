/*
 * incident_life.c: what people and sources say of an incident as a whole.
 *
 * An incident is a person's as soon as one gave it an owner, a status, a verdict, a comment or a
 * tag. Until then it is resolved when all its alerts are at their sources, and active again when
 * one more comes: that depends on the alerts only, and seals nothing. What a person closed is
 * sealed: it gains no alert, and one that links only to it opens a new incident. Ref:
 * correlation.md 10 and 11.
 */
#include "normalize/incident_internal.h"

bool
incident_life_sealed(const struct group *g)
{
    return g->worked && g->status == INCIDENT_RESOLVED;
}

enum incident_status
incident_life_status(const struct incident_engine *e, uint32_t group)
{
    const struct group *g = &e->groups[group];
    uint64_t resolved = 0;
    uint32_t at = g->node;
    if (g->worked)
        return (enum incident_status)g->status;
    for (uint32_t i = 0; i < g->nodes; i++, at = e->nodes[at].next)
        resolved += e->nodes[at].resolved;
    return g->alerts > 0 && resolved == g->alerts ? INCIDENT_RESOLVED : INCIDENT_ACTIVE;
}

const char *
incident_life_apart(struct incident_engine *e, uint32_t a, uint32_t b)
{
    const struct group *x = &e->groups[a], *y = &e->groups[b];
    if (incident_life_sealed(x) || incident_life_sealed(y))
        return "closed";
    if (x->owner != INCIDENT_NONE && y->owner != INCIDENT_NONE && x->owner != y->owner)
        return "owner";
    if (x->classification != CLASS_UNKNOWN && y->classification != CLASS_UNKNOWN &&
        x->classification != y->classification)
        return "classification";
    return incident_pin_apart(e, a, b) ? "pin" : NULL;
}

/* One with a person's work, then the one opened first: that moves the fewest alerts. */
uint32_t
incident_life_survives(const struct incident_engine *e, uint32_t a, uint32_t b)
{
    const struct group *x = &e->groups[a], *y = &e->groups[b];
    if (x->worked != y->worked)
        return x->worked ? a : b;
    return x->id < y->id ? a : b;
}

void
incident_life_take_over(struct incident_engine *e, uint32_t gone, uint32_t kept)
{
    enum incident_status was = incident_life_status(e, gone), is = incident_life_status(e, kept);
    struct group *g = &e->groups[gone], *k = &e->groups[kept];
    if (!g->worked)
        return;
    if (is == INCIDENT_RESOLVED && was != INCIDENT_RESOLVED)
        is = INCIDENT_ACTIVE;
    k->status = (uint8_t)(was == INCIDENT_IN_PROGRESS ? INCIDENT_IN_PROGRESS : is);
    k->worked = true;
    k->owner = k->owner != INCIDENT_NONE ? k->owner : g->owner;
    if (k->classification == CLASS_UNKNOWN) {
        k->classification = g->classification;
        k->determination = g->determination;
    }
}

void
incident_life_relink(struct incident_engine *e, uint32_t group)
{
    incident_group_walk(e, group);
    for (uint32_t i = 0; i < e->n_walk && !e->dead; i++) {
        uint32_t node = e->walk[i];
        if (e->nodes[node].dead)
            continue;
        (void)incident_fold_bridge(e, &node);
        incident_relink(e, node, INCIDENT_NONE);
    }
}

/* Soon after: by what the two have done, not by when somebody closed it. */
static bool
soon(const struct incident_engine *e, const struct node *n, const struct node *old)
{
    int64_t late = n->first_s > old->first_s ? n->first_s : old->first_s;
    int64_t early = n->last_s < old->last_s ? n->last_s : old->last_s;
    return late - early <= e->p->reopen_s;
}

uint32_t
incident_life_reopen(struct incident_engine *e, uint32_t node)
{
    uint32_t at = INCIDENT_NONE;
    if (e->p->reopen_s <= 0 || e->nodes[node].group != INCIDENT_NONE)
        return INCIDENT_NONE;
    while ((at = incident_fold_next(e, node, at)) != INCIDENT_NONE) {
        const struct node *old = &e->nodes[at];
        uint32_t group = old->group != INCIDENT_NONE ? incident_group(e, old->group) : old->group;
        if (at == node || old->dead || old->pinned || group == INCIDENT_NONE ||
            !incident_life_sealed(&e->groups[group]) || !soon(e, &e->nodes[node], old) ||
            !incident_relink_links(e, node, at))
            continue;
        e->groups[group].status = INCIDENT_ACTIVE;
        incident_group_touch(e, group);
        return group;
    }
    return INCIDENT_NONE;
}

void
incident_life_row(struct incident_engine *e, uint32_t group, struct incident_row *row)
{
    const struct group *g = &e->groups[group];
    row->status = incident_life_status(e, group);
    row->assigned_to = g->owner != INCIDENT_NONE ? incident_table_text(e, g->owner) : SLICE_NONE;
    row->classification = g->classification;
    row->determination = g->determination;
    row->worked = g->worked;
    row->by_rule = g->by_rule;
    if (!g->stored)
        row->kind = "created";
    else if (g->parted)
        row->kind = "split";
    else if (row->status == INCIDENT_RESOLVED && g->stored_status != INCIDENT_RESOLVED)
        row->kind = "closed";
    else if (row->status != INCIDENT_RESOLVED && g->stored_status == INCIDENT_RESOLVED)
        row->kind = "reopened";
    else
        row->kind = "updated";
}
