/*
 * incident_decide.c: what people decide, at its place in the log.
 *
 * First everything is looked at, then it is done: a decision that is refused has changed nothing.
 * Ref: correlation.md 10 and 11.
 */
#include <string.h>

#include "normalize/incident_internal.h"

static struct err
unknown_incident(int64_t id)
{
    return err_make(ERR_REJECT, "incident.unknown", "there is no live incident %lld",
                    (long long)id);
}

static struct err
closed(int64_t id)
{
    return err_make(ERR_REJECT, "incident.closed", "incident %lld is closed and takes no alert",
                    (long long)id);
}

static struct err
too_large(int64_t id)
{
    return err_make(ERR_REJECT, "incident.cap",
                    "incident %lld would hold too many alerts, users or devices", (long long)id);
}

static struct err
nothing(void)
{
    return err_make(ERR_REJECT, "incident.nothing", "this would change nothing");
}

/* A live incident in memory; NONE: there is none of that id. */
static uint32_t
live(const struct incident_engine *e, int64_t id)
{
    uint32_t group = incident_group_of_id(e, id);
    if (group == INCIDENT_NONE || e->groups[group].parent != group || e->groups[group].dead)
        return INCIDENT_NONE;
    return group;
}

/* ---- the alerts of a decision, as nodes: repeats go together */

/* Their nodes, each once, in e->walk. */
static struct err
nodes_of(struct incident_engine *e, const struct incident_decision *d)
{
    uint32_t mark = incident_table_mark(e);
    e->n_walk = 0;
    if (d->n_alerts == 0)
        return nothing();
    for (size_t i = 0; i < d->n_alerts; i++) {
        uint32_t m = incident_node_find(e, d->alerts[i].source, d->alerts[i].native_id);
        if (m == INCIDENT_NONE || e->nodes[e->members[m].node].group == INCIDENT_NONE)
            return err_make(ERR_REJECT, "incident.unknown", "there is no alert '%.*s' of %.*s",
                            SLICE_ARG(slice_sub(d->alerts[i].native_id, 0, 60)),
                            SLICE_ARG(slice_sub(d->alerts[i].source, 0, 20)));
        uint32_t node = e->members[m].node;
        if (e->nodes[node].mark == mark)
            continue;
        e->nodes[node].mark = mark;
        if (!incident_table_grow(e, (void **)&e->walk, sizeof(*e->walk), e->n_walk, &e->cap_walk))
            return incident_dead();
        e->walk[e->n_walk++] = node;
    }
    return ERR_OK;
}

static void
pin_alerts(struct incident_engine *e, const struct incident_decision *d, int64_t incident_id,
           bool together)
{
    for (size_t i = 0; i < d->n_alerts && !e->dead; i++)
        incident_pin_set(e, incident_node_find(e, d->alerts[i].source, d->alerts[i].native_id),
                         incident_id, together);
}

/* Out of where it was; an incident that is empty then became part of `into`. */
static void
transfer(struct incident_engine *e, uint32_t node, uint32_t into)
{
    uint32_t from = incident_group(e, e->nodes[node].group);
    if (from == into)
        return;
    incident_group_leave(e, node);
    e->groups[from].by_rule = e->groups[into].by_rule = false;
    incident_group_touch(e, from);
    incident_group_join(e, into, node);
    if (e->groups[from].nodes == 0)
        incident_group_merge_into(e, from, into);
}

/* ---- one function a kind */

static bool
status_is_news(const struct incident_engine *e, uint32_t group, int status)
{
    bool seal = status == INCIDENT_RESOLVED && !incident_life_sealed(&e->groups[group]);
    return status >= 0 && ((int)incident_life_status(e, group) != status || seal);
}

static bool
owner_is_news(const struct incident_engine *e, const struct group *g, struct slice owner)
{
    if (owner.p == NULL)
        return false;
    if (g->owner == INCIDENT_NONE)
        return owner.n > 0;
    return !slice_eq(incident_table_text(e, g->owner), owner);
}

static struct err
update(struct incident_engine *e, struct incident_decision *d)
{
    uint32_t group = live(e, d->incident_id);
    if (group == INCIDENT_NONE)
        return unknown_incident(d->incident_id);
    struct group *g = &e->groups[group];
    bool status = status_is_news(e, group, d->status), owner = owner_is_news(e, g, d->assigned_to);
    bool class = d->classification >= 0 && d->classification != g->classification;
    bool determination = d->determination >= 0 && d->determination != g->determination;
    if (!status && !owner && !class && !determination && !d->worked)
        return nothing();
    if (!g->worked)
        g->status = (uint8_t)incident_life_status(e, group);
    g->worked = true;
    if (status)
        g->status = (uint8_t)d->status;
    if (class)
        g->classification = d->classification;
    if (determination)
        g->determination = d->determination;
    if (owner) {
        uint32_t name = d->assigned_to.n > 0 ? incident_table_intern(e, ENTRY_TEXT, d->assigned_to)
                                             : INCIDENT_NONE;
        e->groups[group].owner = name;
    }
    incident_group_touch(e, group);
    return ERR_OK;
}

static struct err
move(struct incident_engine *e, struct incident_decision *d)
{
    uint32_t into = live(e, d->into), coming = 0;
    if (into == INCIDENT_NONE)
        return unknown_incident(d->into);
    struct err err = nodes_of(e, d);
    if (err.kind)
        return err;
    if (incident_life_sealed(&e->groups[into]))
        return closed(d->into);
    bool news = false;
    for (size_t i = 0; i < d->n_alerts; i++)
        news |= !incident_pin_has(
            e, incident_node_find(e, d->alerts[i].source, d->alerts[i].native_id), d->into, true);
    for (uint32_t i = 0; i < e->n_walk; i++) { /* those that are there already: behind the others */
        uint32_t node = e->walk[i];
        if (incident_group(e, e->nodes[node].group) == into)
            continue;
        e->walk[i] = e->walk[coming];
        e->walk[coming++] = node;
    }
    if (!news && coming == 0)
        return nothing();
    if (coming > 0 && incident_group_over_caps(e, into, e->walk, coming))
        return too_large(d->into);
    for (uint32_t i = 0; i < coming && !e->dead; i++)
        transfer(e, e->walk[i], into);
    pin_alerts(e, d, d->into, true);
    e->groups[into].by_rule = false; /* also where only a pin is new: it may have linked others */
    incident_group_touch(e, into);
    return ERR_OK;
}

static struct err
merge(struct incident_engine *e, struct incident_decision *d)
{
    uint32_t gone = live(e, d->incident_id), kept = live(e, d->into);
    if (gone == INCIDENT_NONE || kept == INCIDENT_NONE)
        return unknown_incident(gone == INCIDENT_NONE ? d->incident_id : d->into);
    if (gone == kept)
        return nothing();
    if (incident_life_sealed(&e->groups[kept]))
        return closed(d->into);
    incident_group_walk(e, gone);
    if (incident_group_over_caps(e, kept, e->walk, e->n_walk))
        return too_large(d->into);
    incident_pin_unite(e, gone, kept);
    incident_group_merge_into(e, gone, kept);
    e->groups[kept].by_rule = false;
    return ERR_OK;
}

static struct err
split(struct incident_engine *e, struct incident_decision *d)
{
    uint32_t from = live(e, d->incident_id);
    if (from == INCIDENT_NONE)
        return unknown_incident(d->incident_id);
    struct err err = nodes_of(e, d);
    if (err.kind)
        return err;
    for (uint32_t i = 0; i < e->n_walk; i++)
        if (incident_group(e, e->nodes[e->walk[i]].group) != from)
            return err_make(ERR_REJECT, "incident.unknown",
                            "not all of these alerts are in incident %lld",
                            (long long)d->incident_id);
    if (e->n_walk == e->groups[from].nodes)
        return nothing();
    uint32_t into = incident_group_new(e, e->next_id);
    if (into == INCIDENT_NONE)
        return incident_dead();
    d->into = e->next_id++;
    for (uint32_t i = 0; i < e->n_walk && !e->dead; i++)
        transfer(e, e->walk[i], into);
    pin_alerts(e, d, d->incident_id, false);
    e->groups[from].parted = true;
    e->opened++;
    return ERR_OK;
}

static struct err
pins_off(struct incident_engine *e, struct incident_decision *d)
{
    struct err err = nodes_of(e, d);
    bool any = false;
    if (err.kind)
        return err;
    for (size_t i = 0; i < d->n_alerts; i++)
        any |=
            incident_pin_off(e, incident_node_find(e, d->alerts[i].source, d->alerts[i].native_id));
    if (!any)
        return nothing();
    for (uint32_t i = 0; i < e->n_walk && !e->dead; i++) {
        uint32_t group = incident_group(e, e->nodes[e->walk[i]].group);
        e->groups[group].by_rule = false;
        incident_group_touch(e, group);
    }
    return ERR_OK;
}

/* What kept these incidents apart from others may be gone: a cap, an owner, a pin, the seal. */
static void
relink_stirred(struct incident_engine *e)
{
    for (uint32_t i = 0, n = e->n_stirred; i < n && !e->dead; i++) {
        uint32_t group = e->stirred[i];
        if (e->groups[group].parent == group && !incident_life_sealed(&e->groups[group]))
            incident_life_relink(e, group);
    }
}

struct err
incident_decide(struct incident_engine *e, struct incident_decision *d)
{
    static struct err (*const kinds[])(struct incident_engine *, struct incident_decision *) = {
        [DECISION_UPDATE] = update, [DECISION_MOVE] = move,         [DECISION_MERGE] = merge,
        [DECISION_SPLIT] = split,   [DECISION_PINS_OFF] = pins_off,
    };
    if (e->dead)
        return incident_dead();
    struct err err = kinds[d->kind](e, d);
    if (err.kind == ERR_NONE)
        relink_stirred(e);
    incident_group_settle(e, d->at);
    return e->dead ? incident_dead() : err;
}

void
incident_params(struct incident_engine *e, const struct params *p)
{
    char before[PARAMS_DIGEST_TEXT], after[PARAMS_DIGEST_TEXT];
    params_digest_text(e->p, before);
    params_digest_text(p, after);
    bool same = strcmp(before, after) == 0;
    e->p = p;
    days_params(e->days, p);
    for (uint32_t i = 0; i < e->n_groups && !same; i++)
        e->groups[i].by_rule = false;
}
