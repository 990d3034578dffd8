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

void
incident_group_touch(struct incident_engine *e, uint32_t group)
{
    struct group *g = &e->groups[group];
    if (g->touched || !incident_table_grow(e, (void **)&e->touched, sizeof(*e->touched),
                                           e->n_touched, &e->cap_touched))
        return;
    g->touched = true;
    e->touched[e->n_touched++] = group;
}

uint32_t
incident_group_new(struct incident_engine *e, int64_t id)
{
    if (!incident_table_grow(e, (void **)&e->groups, sizeof(*e->groups), e->n_groups,
                             &e->cap_groups))
        return INCIDENT_NONE;
    uint32_t group = e->n_groups++;
    e->groups[group] = (struct group){
        .id = id,
        .parent = group,
        .member = INCIDENT_NONE,
        .redirected = INCIDENT_NONE,
        .next_redirected = INCIDENT_NONE,
        .name = INCIDENT_NONE,
        .first_name = INCIDENT_NONE,
        .next_name = INCIDENT_NONE,
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
    if (g->member != INCIDENT_NONE) {
        n->next = e->nodes[g->member].next;
        e->nodes[g->member].next = node;
    }
    g->member = node;
    g->alerts++;
    count_identities(n, &g->users_most, &g->devices_most);
    incident_group_touch(e, group);
}

/* Each identity of the members not yet marked, once. */
static void
count_marked(struct incident_engine *e, uint32_t member, uint32_t mark, uint32_t *users,
             uint32_t *devices)
{
    uint32_t at = member;
    do {
        const struct node *n = &e->nodes[at];
        for (uint16_t i = 0; i < n->n_keys; i++) {
            struct entry *x = &e->entries[n->keys[i].id];
            if (n->keys[i].type > KEY_DEVICE || x->mark == mark)
                continue;
            x->mark = mark;
            *users += n->keys[i].type == KEY_USER;
            *devices += n->keys[i].type == KEY_DEVICE;
        }
        at = n->next;
    } while (at != member && at != INCIDENT_NONE);
}

/*
 * Would the two together pass a cap? other is a group, or NONE with a node that has none yet.
 * Only where sums of what each may have pass it, is it counted who is really in both.
 */
bool
incident_group_over_caps(struct incident_engine *e, uint32_t group, uint32_t other, uint32_t node)
{
    struct group *a = &e->groups[group];
    uint32_t alerts = 1, users = 0, devices = 0;
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
    if (a->member != INCIDENT_NONE)
        count_marked(e, a->member, mark, &users, &devices);
    a->users_most = users;
    a->devices_most = devices;
    uint32_t member = other != INCIDENT_NONE ? e->groups[other].member : node;
    if (member != INCIDENT_NONE)
        count_marked(e, member, mark, &users, &devices);
    return users > (uint32_t)e->p->cap_users || devices > (uint32_t)e->p->cap_devices;
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

/* The incident opened first survives: that moves the fewest alerts (correlation.md 10). */
void
incident_group_merge(struct incident_engine *e, uint32_t a, uint32_t b)
{
    uint32_t kept = e->groups[a].id < e->groups[b].id ? a : b;
    uint32_t gone = kept == a ? b : a;
    redirect(e, gone, kept);
    struct group *k = &e->groups[kept], *g = &e->groups[gone];
    if (g->member != INCIDENT_NONE && k->member != INCIDENT_NONE) { /* two rings become one */
        uint32_t next = e->nodes[k->member].next;
        e->nodes[k->member].next = e->nodes[g->member].next;
        e->nodes[g->member].next = next;
    } else if (g->member != INCIDENT_NONE) {
        k->member = g->member;
    }
    k->alerts += g->alerts;
    k->users_most += g->users_most;
    k->devices_most += g->devices_most;
    g->member = INCIDENT_NONE;
    g->alerts = g->users_most = g->devices_most = 0;
    incident_group_touch(e, gone);
    incident_group_touch(e, kept);
}
