#include <stdlib.h>
#include <string.h>

#include "normalize/incident_internal.h"

struct err
incident_restore_incident(struct incident_engine *e, const struct incident_stored *s)
{
    if (incident_group_of_id(e, s->id) != INCIDENT_NONE) /* it is here: its alerts are, too */
        return ERR_OK;
    uint32_t group = e->dead ? INCIDENT_NONE : incident_group_new(e, s->id);
    if (group == INCIDENT_NONE)
        return incident_dead();
    struct group *g = &e->groups[group];
    g->version = s->version;
    g->updated = s->updated;
    g->stored = true;
    g->by_rule = s->by_rule;
    g->worked = s->worked;
    g->status = s->worked ? (uint8_t)s->status : INCIDENT_ACTIVE;
    g->stored_status = (uint8_t)s->status;
    g->classification = s->classification;
    g->determination = s->determination;
    uint32_t owner =
        s->assigned_to.n > 0 ? incident_table_intern(e, ENTRY_TEXT, s->assigned_to) : INCIDENT_NONE;
    g = &e->groups[group];
    g->owner = owner;
    g->redirect_id = s->redirect_to;
    g->name = s->name.n > 0 ? incident_table_intern(e, ENTRY_TEXT, s->name) : INCIDENT_NONE;
    g->first_name =
        s->first_name.n > 0 ? incident_table_intern(e, ENTRY_TEXT, s->first_name) : g->name;
    e->next_id = s->id >= e->next_id ? s->id + 1 : e->next_id;
    e->updated = s->updated > e->updated ? s->updated : e->updated;
    return e->dead ? incident_dead() : ERR_OK;
}

/* Folded as when it came, but never out of the incident that is stored. */
static uint32_t
place(struct incident_engine *e, const struct arrival *v, uint32_t name, uint32_t group)
{
    bool news = false;
    uint32_t node = incident_fold_partner(e, v);
    uint32_t live = incident_group(e, group);
    bool pinned = incident_pin_holds(e, name);
    if (node != INCIDENT_NONE &&
        (incident_group(e, e->nodes[node].group) != live || e->nodes[node].pinned != pinned))
        node = INCIDENT_NONE;
    bool folded = node != INCIDENT_NONE;
    if (folded)
        incident_own_split(e, node);
    if (folded)
        (void)incident_node_absorb(e, node, v, &news);
    else
        node = incident_node_new(e, v);
    uint32_t member = node == INCIDENT_NONE ? node : incident_node_member(e, node, name, v);
    if (member == INCIDENT_NONE)
        return INCIDENT_NONE;
    if (folded) {
        incident_own_learn(e, member, v);
    } else {
        incident_fold_add(e, node);
        incident_group_join(e, live, node);
    }
    e->members[member].stored_group = group;
    e->nodes[node].pinned = pinned;
    return node;
}

struct err
incident_restore_alert(struct incident_engine *e, const struct incident_alert *al, uint16_t leads,
                       int64_t incident_id)
{
    struct arrival v;
    uint32_t group = incident_group_of_id(e, incident_id);
    if (group == INCIDENT_NONE)
        return err_make(ERR_REJECT, "incident.restore", "an alert names incident %lld, not stored",
                        (long long)incident_id);
    uint32_t name = e->dead ? INCIDENT_NONE : incident_node_alert(e, al);
    if (name == INCIDENT_NONE)
        return incident_dead();
    if (e->entries[name].ref != INCIDENT_NONE) /* it is here */
        return ERR_OK;
    e->restoring = true;
    if (!incident_node_number(e, al, &v))
        return incident_dead();
    v.leads = leads & INCIDENT_TACTICS;
    v.seq = al->seq > 0 ? al->seq : e->next_seq;
    v.points = al->points;
    v.rarity = al->rarity;
    incident_days_learn(e, &v);
    incident_node_unite(e, al);
    e->n_dirty = 0; /* incident_restored links all anyway */
    uint32_t node = place(e, &v, name, group);
    if (node != INCIDENT_NONE)
        (void)incident_fold_bridge(e, &node);
    e->next_seq = v.seq >= e->next_seq ? v.seq + 1 : e->next_seq;
    return e->dead || node == INCIDENT_NONE ? incident_dead() : ERR_OK;
}

struct err
incident_restore_alias(struct incident_engine *e, const struct incident_alias *x)
{
    uint32_t a = e->dead ? INCIDENT_NONE : incident_table_intern(e, (uint8_t)x->type, x->a);
    uint32_t b = a == INCIDENT_NONE ? a : incident_table_intern(e, (uint8_t)x->type, x->b);
    if (b == INCIDENT_NONE || x->type > KEY_DEVICE)
        return incident_dead();
    e->restoring = true;
    incident_identity_unite(e, a, b);
    e->n_dirty = 0;
    return e->dead ? incident_dead() : ERR_OK;
}

struct incident_clock
incident_clock(const struct incident_engine *e)
{
    /* days closed just now are among the changes that it is stored with */
    int32_t days_told = e->days_complete ? e->days_told : days_open(e->days);
    return (struct incident_clock){.watermark_s = e->watermark_s,
                                   .updated = e->updated,
                                   .next_seq = e->next_seq,
                                   .jump_day = e->jump_day,
                                   .jump_alerts = e->jump_alerts,
                                   .days_told = days_told};
}

void
incident_restore_clock(struct incident_engine *e, const struct incident_clock *c)
{
    e->watermark_s = c->watermark_s;
    e->updated = c->updated > e->updated ? c->updated : e->updated;
    e->next_seq = c->next_seq > e->next_seq ? c->next_seq : e->next_seq;
    e->jump_day = c->jump_day;
    e->jump_alerts = c->jump_alerts;
    e->days_told = c->days_told;
    if (c->days_told != INT32_MIN)
        days_close(e->days, c->days_told);
}

static void
restore_redirects(struct incident_engine *e)
{
    for (uint32_t i = 0; i < e->n_groups; i++) {
        if (e->groups[i].redirect_id == 0)
            continue;
        uint32_t target = incident_group_of_id(e, e->groups[i].redirect_id);
        e->groups[i].redirect_id = 0;
        target = target != INCIDENT_NONE ? incident_group(e, target) : target;
        if (target == INCIDENT_NONE || target == incident_group(e, i))
            continue; /* a cycle or nothing: it stays an incident of its own */
        e->groups[i].parent = target;
        e->groups[i].next_redirected = e->groups[target].redirected;
        e->groups[target].redirected = i;
    }
}

/* What the rule need not explain: nodes linked before, and incidents made under other parameters.
 */
static void
shadow_known(struct incident_engine *e)
{
    for (uint32_t g = 0; g < e->n_groups; g++) {
        uint32_t first = INCIDENT_NONE, at = e->groups[g].node;
        for (uint32_t k = 0; k < e->groups[g].nodes; k++, at = e->nodes[at].next) {
            if (e->groups[g].by_rule && at >= e->n_linked && !e->nodes[at].pinned &&
                !incident_life_sealed(&e->groups[g]))
                continue;
            first = first == INCIDENT_NONE ? at : first;
            e->shadow[at] = first;
        }
    }
}

/* An incident's alerts are one by its stored membership and, if nothing is wrong, by the rule:
 * each part too many is a difference. */
static size_t
parts_too_many(struct incident_engine *e)
{
    size_t parts = 0, incidents = 0;
    for (uint32_t i = 0; i < e->n_nodes; i++)
        parts += e->shadow[i] == i && !e->nodes[i].dead;
    for (uint32_t i = 0; i < e->n_groups; i++)
        incidents += e->groups[i].parent == i && e->groups[i].node != INCIDENT_NONE;
    return parts - incidents;
}

/* What restoring did is known to the store. */
static void
forget_changes(struct incident_engine *e)
{
    for (uint32_t i = 0; i < e->n_touched; i++)
        e->groups[e->touched[i]].touched = e->groups[e->touched[i]].stirred = false;
    for (uint32_t i = 0; i < e->n_fresh; i++)
        e->members[e->fresh[i]].fresh = false;
    e->n_touched = e->n_stirred = e->n_fresh = e->n_reasons = e->n_aliases = 0;
}

/* Repeats that the store has in two incidents: a difference like any other. */
static void
join_repeats(struct incident_engine *e)
{
    for (uint32_t i = e->n_linked; i < e->n_nodes && !e->dead; i++) {
        uint32_t node = i;
        if (!e->nodes[i].dead)
            (void)incident_fold_bridge(e, &node);
    }
}

struct err
incident_restored(struct incident_engine *e, size_t *diff)
{
    *diff = 0;
    if (e->dead)
        return incident_dead();
    restore_redirects(e);
    forget_changes(e);
    e->restoring = false;
    size_t merged = e->merged;
    join_repeats(e);
    e->shadow = malloc(sizeof(*e->shadow) * ((size_t)e->n_nodes + 1));
    if (e->shadow == NULL) {
        e->dead = true;
        return incident_dead();
    }
    for (uint32_t i = 0; i < e->n_nodes; i++)
        e->shadow[i] = i;
    shadow_known(e);
    for (uint32_t i = e->n_linked; i < e->n_nodes && !e->dead; i++)
        incident_relink(e, i, INCIDENT_NONE);
    *diff = parts_too_many(e) + e->merged - merged;
    free(e->shadow);
    e->shadow = NULL;
    e->n_linked = e->n_nodes;
    for (uint32_t i = 0; i < e->n_groups; i++)
        if (e->groups[i].parent == i)
            incident_split_known(e, i);
    incident_group_settle(e, 0);
    e->conflicts = e->refused = e->folded = 0; /* told when they happened */
    return e->dead ? incident_dead() : ERR_OK;
}
