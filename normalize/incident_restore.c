#include <stdlib.h>
#include <string.h>

#include "normalize/incident_internal.h"

static struct slice
id_text(const int64_t *id)
{
    return (struct slice){(const char *)id, sizeof(*id)};
}

static uint32_t
group_of_id(const struct incident_engine *e, int64_t id)
{
    uint32_t entry = incident_table_find(e, ENTRY_INCIDENT, id_text(&id));
    return entry != INCIDENT_NONE ? e->entries[entry].ref : INCIDENT_NONE;
}

struct err
incident_restore_incident(struct incident_engine *e, const struct incident_stored *s)
{
    uint32_t entry = incident_table_intern(e, ENTRY_INCIDENT, id_text(&s->id));
    if (entry == INCIDENT_NONE)
        return incident_dead();
    if (e->entries[entry].ref != INCIDENT_NONE)
        return err_make(ERR_REJECT, "incident.restore", "incident %lld comes twice",
                        (long long)s->id);
    uint32_t group = incident_group_new(e, s->id);
    if (group == INCIDENT_NONE)
        return incident_dead();
    e->entries[entry].ref = group;
    struct group *g = &e->groups[group];
    g->version = s->version;
    g->redirect_id = s->redirect_to;
    g->name = s->name.n > 0 ? incident_table_intern(e, ENTRY_TEXT, s->name) : INCIDENT_NONE;
    g->first_name =
        s->first_name.n > 0 ? incident_table_intern(e, ENTRY_TEXT, s->first_name) : g->name;
    if (s->id >= e->next_id)
        e->next_id = s->id + 1;
    return e->dead ? incident_dead() : ERR_OK;
}

struct err
incident_restore_alert(struct incident_engine *e, const struct incident_alert *al, uint16_t leads,
                       int64_t incident_id)
{
    uint32_t group = group_of_id(e, incident_id);
    if (group == INCIDENT_NONE)
        return err_make(ERR_REJECT, "incident.restore", "an alert names incident %lld, not stored",
                        (long long)incident_id);
    uint32_t alert = incident_node_alert(e, al);
    if (alert == INCIDENT_NONE)
        return incident_dead();
    if (e->entries[alert].ref != INCIDENT_NONE)
        return err_make(ERR_REJECT, "incident.restore", "an alert of incident %lld comes twice",
                        (long long)incident_id);
    struct incident_alert stored = *al;
    stored.weighed = true;
    uint32_t node = incident_node_new(e, &stored, alert, leads & INCIDENT_TACTICS);
    e->n_dirty = 0; /* incident_restored links all anyway */
    if (node == INCIDENT_NONE || e->dead)
        return incident_dead();
    incident_group_join(e, group, node);
    e->nodes[node].stored_group = group;
    return e->dead ? incident_dead() : ERR_OK;
}

static void
restore_redirects(struct incident_engine *e)
{
    for (uint32_t i = 0; i < e->n_groups; i++) {
        if (e->groups[i].redirect_id == 0)
            continue;
        uint32_t target = group_of_id(e, e->groups[i].redirect_id);
        e->groups[i].redirect_id = 0;
        target = target != INCIDENT_NONE ? incident_group(e, target) : target;
        if (target == INCIDENT_NONE || target == incident_group(e, i))
            continue; /* a cycle or nothing: it stays an incident of its own */
        e->groups[i].parent = target;
        e->groups[i].next_redirected = e->groups[target].redirected;
        e->groups[target].redirected = i;
    }
}

/* An incident's alerts are one by its stored membership and, if nothing is wrong, by the rule:
 * each part too many is a difference. */
static size_t
parts_too_many(struct incident_engine *e)
{
    size_t parts = 0, incidents = 0;
    for (uint32_t i = 0; i < e->n_nodes; i++)
        parts += e->shadow[i] == i;
    for (uint32_t i = 0; i < e->n_groups; i++)
        incidents += e->groups[i].parent == i && e->groups[i].member != INCIDENT_NONE;
    return parts - incidents;
}

static void
untouch_all(struct incident_engine *e)
{
    for (uint32_t i = 0; i < e->n_touched; i++)
        e->groups[e->touched[i]].touched = false;
    e->n_touched = 0;
}

struct err
incident_restored(struct incident_engine *e, size_t *diff)
{
    *diff = 0;
    if (e->dead)
        return incident_dead();
    restore_redirects(e);
    untouch_all(e);
    e->shadow = malloc(sizeof(*e->shadow) * ((size_t)e->n_nodes + 1));
    if (e->shadow == NULL) {
        e->dead = true;
        return incident_dead();
    }
    for (uint32_t i = 0; i < e->n_nodes; i++)
        e->shadow[i] = i;
    for (uint32_t i = 0; i < e->n_nodes && !e->dead; i++)
        incident_relink(e, i, INCIDENT_NONE);
    *diff = parts_too_many(e) + e->merged;
    free(e->shadow);
    e->shadow = NULL;
    e->conflicts = e->refused = 0; /* told when they happened */
    return e->dead ? incident_dead() : ERR_OK;
}
