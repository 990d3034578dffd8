#include "normalize/incident_internal.h"

uint32_t
incident_group(struct incident_engine *e, uint32_t group)
{
    uint32_t live = group;
    while (e->groups[live].parent != live)
        live = e->groups[live].parent;
    while (e->groups[group].parent != live) {
        uint32_t next = e->groups[group].parent;
        e->groups[group].parent = live;
        group = next;
    }
    return live;
}

uint32_t
incident_group_of_id(const struct incident_engine *e, int64_t id)
{
    struct slice text = {(const char *)&id, sizeof(id)};
    uint32_t entry = incident_table_find(e, ENTRY_INCIDENT, text);
    return entry != INCIDENT_NONE ? e->entries[entry].ref : INCIDENT_NONE;
}

void
incident_group_touch(struct incident_engine *e, uint32_t group)
{
    struct group *g = &e->groups[group];
    if (!g->stirred && incident_table_grow(e, (void **)&e->stirred, sizeof(*e->stirred),
                                           e->n_stirred, &e->cap_stirred)) {
        g->stirred = true;
        e->stirred[e->n_stirred++] = group;
    }
    if (!g->touched && incident_table_grow(e, (void **)&e->touched, sizeof(*e->touched),
                                           e->n_touched, &e->cap_touched)) {
        g->touched = true;
        e->touched[e->n_touched++] = group;
    }
}

/* Versions count records, not batches, so that they do not depend on where a batch ended. */
void
incident_group_settle(struct incident_engine *e, int64_t at)
{
    for (uint32_t i = 1; i < e->n_stirred; i++) /* by id; mostly one or two */
        for (uint32_t k = i; k > 0 && e->groups[e->stirred[k - 1]].id > e->groups[e->stirred[k]].id;
             k--) {
            uint32_t swap = e->stirred[k];
            e->stirred[k] = e->stirred[k - 1];
            e->stirred[k - 1] = swap;
        }
    for (uint32_t i = 0; i < e->n_stirred; i++) {
        struct group *g = &e->groups[e->stirred[i]];
        e->updated = at > e->updated ? at : e->updated + 1;
        g->updated = e->updated;
        g->version++;
        g->stirred = false;
        incident_split_look(e, e->stirred[i]);
    }
    e->n_stirred = 0;
}

uint32_t
incident_group_new(struct incident_engine *e, int64_t id)
{
    struct slice text = {(const char *)&id, sizeof(id)};
    uint32_t entry = incident_table_intern(e, ENTRY_INCIDENT, text);
    if (entry == INCIDENT_NONE || !incident_table_grow(e, (void **)&e->groups, sizeof(*e->groups),
                                                       e->n_groups, &e->cap_groups))
        return INCIDENT_NONE;
    uint32_t group = e->n_groups++;
    e->entries[entry].ref = group;
    e->groups[group] = (struct group){
        .id = id,
        .parent = group,
        .node = INCIDENT_NONE,
        .redirected = INCIDENT_NONE,
        .next_redirected = INCIDENT_NONE,
        .name = INCIDENT_NONE,
        .first_name = INCIDENT_NONE,
        .next_name = INCIDENT_NONE,
        .owner = INCIDENT_NONE,
        .by_rule = true,
    };
    return group;
}

static void
count_identities(const struct node *n, uint32_t *users, uint32_t *devices)
{
    for (uint16_t i = 0; i < n->n_keys; i++) {
        *users += n->keys[i].type == KEY_USER;
        *devices += n->keys[i].type == KEY_DEVICE;
    }
}

void
incident_group_join(struct incident_engine *e, uint32_t group, uint32_t node)
{
    struct group *g = &e->groups[group];
    struct node *n = &e->nodes[node];
    n->group = group;
    n->next = node;
    if (g->node != INCIDENT_NONE) {
        n->next = e->nodes[g->node].next;
        e->nodes[g->node].next = node;
    }
    g->node = node;
    g->nodes++;
    g->alerts += n->alerts;
    count_identities(n, &g->users_most, &g->devices_most);
    for (uint32_t m = n->member; m != INCIDENT_NONE; m = e->members[m].next)
        incident_node_fresh(e, m);
    incident_group_touch(e, group);
}

/* Each identity of a node not yet marked, once. */
static void
count_node(struct incident_engine *e, const struct node *n, uint32_t mark, uint32_t *users,
           uint32_t *devices)
{
    for (uint16_t i = 0; i < n->n_keys; i++) {
        struct entry *x = &e->entries[n->keys[i].id];
        if (n->keys[i].type > KEY_DEVICE || x->mark == mark)
            continue;
        x->mark = mark;
        *users += n->keys[i].type == KEY_USER;
        *devices += n->keys[i].type == KEY_DEVICE;
    }
}

/* Of all nodes of a ring. */
static void
count_marked(struct incident_engine *e, uint32_t first, uint32_t mark, uint32_t *users,
             uint32_t *devices)
{
    uint32_t at = first;
    do {
        count_node(e, &e->nodes[at], mark, users, devices);
        at = e->nodes[at].next;
    } while (at != first && at != INCIDENT_NONE);
}

/*
 * Would the two together pass a cap? other is a group, or NONE with a node that has none yet.
 * Only where sums of what each may have pass it, is it counted who is really in both.
 */
static bool
over_caps(struct incident_engine *e, uint32_t group, uint32_t other, uint32_t node)
{
    struct group *a = &e->groups[group];
    uint32_t alerts = e->nodes[node].alerts, users = 0, devices = 0;
    if (other != INCIDENT_NONE) {
        alerts = e->groups[other].alerts;
        users = e->groups[other].users_most;
        devices = e->groups[other].devices_most;
    } else {
        count_identities(&e->nodes[node], &users, &devices);
    }
    if ((int64_t)a->alerts + alerts > e->p->cap_alerts)
        return true;
    if ((int64_t)a->users_most + users <= e->p->cap_users &&
        (int64_t)a->devices_most + devices <= e->p->cap_devices)
        return false;
    users = devices = 0;
    uint32_t mark = incident_table_mark(e);
    if (a->node != INCIDENT_NONE)
        count_marked(e, a->node, mark, &users, &devices);
    a->users_most = users;
    a->devices_most = devices;
    uint32_t first = other != INCIDENT_NONE ? e->groups[other].node : node;
    if (first != INCIDENT_NONE)
        count_marked(e, first, mark, &users, &devices);
    return users > (uint32_t)e->p->cap_users || devices > (uint32_t)e->p->cap_devices;
}

const char *
incident_group_blocked(struct incident_engine *e, uint32_t group, uint32_t other, uint32_t node)
{
    const char *why = NULL;
    if (other != INCIDENT_NONE)
        why = incident_life_apart(e, group, other);
    else if (incident_life_sealed(&e->groups[group]))
        why = "closed";
    return why == NULL && over_caps(e, group, other, node) ? "cap" : why;
}

bool
incident_group_open(struct incident_engine *e, uint32_t node)
{
    const struct node *n = &e->nodes[node];
    if (n->group == INCIDENT_NONE || e->restoring)
        return true;
    return !n->pinned && !incident_life_sealed(&e->groups[incident_group(e, n->group)]);
}

/* All that pointed to `gone` points to what `gone` points to: redirects are one long. */
static void
redirect(struct incident_engine *e, uint32_t gone, uint32_t kept)
{
    struct group *g = &e->groups[gone], *k = &e->groups[kept];
    for (uint32_t i = g->redirected; i != INCIDENT_NONE;) {
        struct group *child = &e->groups[i];
        uint32_t next = child->next_redirected;
        child->parent = kept;
        child->next_redirected = k->redirected;
        k->redirected = i;
        incident_group_touch(e, i);
        i = next;
    }
    g->redirected = INCIDENT_NONE;
    g->parent = kept;
    g->next_redirected = k->redirected;
    k->redirected = gone;
}

/* What moves has to be stored at its new place. */
static void
moved(struct incident_engine *e, uint32_t first)
{
    uint32_t at = first;
    do {
        for (uint32_t m = e->nodes[at].member; m != INCIDENT_NONE; m = e->members[m].next)
            incident_node_fresh(e, m);
        at = e->nodes[at].next;
    } while (at != first && at != INCIDENT_NONE);
}

void
incident_group_merge(struct incident_engine *e, uint32_t a, uint32_t b)
{
    uint32_t kept = incident_life_survives(e, a, b);
    incident_group_merge_into(e, kept == a ? b : a, kept);
}

void
incident_group_merge_into(struct incident_engine *e, uint32_t gone, uint32_t kept)
{
    incident_life_take_over(e, gone, kept);
    incident_pin_redirect(e, e->groups[gone].id, e->groups[kept].id);
    if (e->groups[gone].node != INCIDENT_NONE)
        moved(e, e->groups[gone].node);
    redirect(e, gone, kept);
    struct group *k = &e->groups[kept], *g = &e->groups[gone];
    if (g->node != INCIDENT_NONE && k->node != INCIDENT_NONE) { /* two rings become one */
        uint32_t next = e->nodes[k->node].next;
        e->nodes[k->node].next = e->nodes[g->node].next;
        e->nodes[g->node].next = next;
    } else if (g->node != INCIDENT_NONE) {
        k->node = g->node;
    }
    k->nodes += g->nodes;
    k->alerts += g->alerts;
    k->users_most += g->users_most;
    k->devices_most += g->devices_most;
    k->by_rule = k->by_rule && g->by_rule;
    g->node = INCIDENT_NONE;
    g->nodes = g->alerts = g->users_most = g->devices_most = 0;
    incident_group_touch(e, gone);
    incident_group_touch(e, kept);
}

/* Out of its ring; the group keeps its alerts. */
static void
leave(struct incident_engine *e, uint32_t node)
{
    struct group *g = &e->groups[incident_group(e, e->nodes[node].group)];
    uint32_t before = node;
    while (e->nodes[before].next != node)
        before = e->nodes[before].next;
    e->nodes[before].next = e->nodes[node].next;
    if (g->node == node)
        g->node = before == node ? INCIDENT_NONE : before;
    g->nodes--;
    e->nodes[node].next = INCIDENT_NONE;
}

void
incident_group_leave(struct incident_engine *e, uint32_t node)
{
    e->groups[incident_group(e, e->nodes[node].group)].alerts -= e->nodes[node].alerts;
    leave(e, node);
    e->nodes[node].group = INCIDENT_NONE;
}

bool
incident_group_over_caps(struct incident_engine *e, uint32_t group, const uint32_t *nodes,
                         uint32_t n)
{
    uint32_t mark = incident_table_mark(e), users = 0, devices = 0;
    uint64_t alerts = e->groups[group].alerts;
    if (e->groups[group].node != INCIDENT_NONE)
        count_marked(e, e->groups[group].node, mark, &users, &devices);
    for (uint32_t i = 0; i < n; i++) {
        alerts += e->nodes[nodes[i]].alerts;
        count_node(e, &e->nodes[nodes[i]], mark, &users, &devices);
    }
    return alerts > (uint64_t)e->p->cap_alerts || users > (uint32_t)e->p->cap_users ||
           devices > (uint32_t)e->p->cap_devices;
}

void
incident_group_count_node(struct incident_engine *e, uint32_t node, uint32_t mark, uint32_t *users,
                          uint32_t *devices)
{
    count_node(e, &e->nodes[node], mark, users, devices);
}

void
incident_group_count(struct incident_engine *e, uint32_t group)
{
    struct group *g = &e->groups[group];
    uint32_t mark = incident_table_mark(e);
    g->users_most = g->devices_most = 0;
    if (g->node != INCIDENT_NONE)
        count_marked(e, g->node, mark, &g->users_most, &g->devices_most);
}

void
incident_group_walk(struct incident_engine *e, uint32_t group)
{
    uint32_t at = e->groups[group].node;
    e->n_walk = 0;
    for (uint32_t i = 0; i < e->groups[group].nodes; i++, at = e->nodes[at].next) {
        if (!incident_table_grow(e, (void **)&e->walk, sizeof(*e->walk), e->n_walk, &e->cap_walk))
            return;
        e->walk[e->n_walk++] = at;
    }
    /* as in incident_name.c: shell sort needs few steps, and no context */
    for (uint32_t gap = e->n_walk / 2; gap > 0; gap /= 2)
        for (uint32_t i = gap; i < e->n_walk; i++) {
            uint32_t moving = e->walk[i], k = i;
            for (; k >= gap && e->nodes[e->walk[k - gap]].seq > e->nodes[moving].seq; k -= gap)
                e->walk[k] = e->walk[k - gap];
            e->walk[k] = moving;
        }
}

void
incident_group_replace(struct incident_engine *e, uint32_t gone, uint32_t kept)
{
    bool has = e->nodes[gone].group != INCIDENT_NONE, had = e->nodes[kept].group != INCIDENT_NONE;
    if (has && had) {
        uint32_t a = incident_group(e, e->nodes[gone].group);
        uint32_t b = incident_group(e, e->nodes[kept].group);
        e->merged += a != b;
        if (a != b)
            incident_group_merge(e, a, b);
        else
            incident_group_touch(e, a);
        leave(e, gone);
    } else if (has) { /* kept is new and takes its place */
        uint32_t group = incident_group(e, e->nodes[gone].group);
        leave(e, gone);
        e->groups[group].alerts -= e->nodes[gone].alerts;
        incident_group_join(e, group, kept);
        e->groups[group].alerts += e->nodes[gone].alerts;
    } else if (had) {
        uint32_t group = incident_group(e, e->nodes[kept].group);
        e->groups[group].alerts += e->nodes[gone].alerts;
        for (uint32_t m = e->nodes[gone].member; m != INCIDENT_NONE; m = e->members[m].next)
            incident_node_fresh(e, m);
        incident_group_touch(e, group);
    }
}
