/*
 * incident_rebuild.c: what a cap takes apart, it takes apart at the weakest links (caps.mode
 * rebuild).
 *
 * Two incidents that a link would join beyond a cap are put together anew: all their links, the
 * strongest first, unite what a cap lets them. For two incidents that depends on their alerts only,
 * not on their order; which two meet does. Alerts may change their incident then. Where people, or
 * other parameters, had a hand in one of the two, the link is refused as in the other mode. The
 * work grows with the square of what the two hold. Ref: correlation.md 9.
 */
#include <stdlib.h>
#include <string.h>

#include "normalize/incident_internal.h"
#include "normalize/tree.h"

enum { ARENA_BYTES = 256 * 1024 * 1024 };

/* Nodes of both, in the order of their ids, and the parts that links make of them. */
struct anew {
    struct incident_engine *e;
    uint32_t *nodes, *parent; /* parent: towards the node that stands for the part */
    uint64_t *alerts;         /* of each part, by the one that stands for it */
    uint64_t *refused;        /* a bit for each pair of them: a cap says no, for good */
    size_t n, row;            /* row: words of a line of `refused` */
};

static uint32_t
part_of(const struct anew *x, uint32_t i)
{
    while (x->parent[i] != i)
        i = x->parent[i] = x->parent[x->parent[i]];
    return i;
}

static bool
is_refused(const struct anew *x, uint32_t a, uint32_t b)
{
    return (x->refused[a * x->row + b / 64] >> b % 64 & 1) != 0;
}

static void
refuse(struct anew *x, uint32_t a, uint32_t b)
{
    x->refused[a * x->row + b / 64] |= (uint64_t)1 << b % 64;
    x->refused[b * x->row + a / 64] |= (uint64_t)1 << a % 64;
}

/* Would the two parts together pass a cap? */
static bool
too_much(struct anew *x, uint32_t a, uint32_t b)
{
    const struct params *p = x->e->p;
    uint32_t mark = incident_table_mark(x->e), users = 0, devices = 0;
    if (x->alerts[a] + x->alerts[b] > (uint64_t)p->cap_alerts)
        return true;
    for (uint32_t i = 0; i < x->n; i++) {
        uint32_t part = part_of(x, i);
        if (part == a || part == b)
            incident_group_count_node(x->e, x->nodes[i], mark, &users, &devices);
    }
    return users > (uint32_t)p->cap_users || devices > (uint32_t)p->cap_devices;
}

static void
unite(struct anew *x, uint32_t a, uint32_t b)
{
    uint32_t kept = a < b ? a : b, gone = a < b ? b : a;
    x->parent[gone] = kept;
    x->alerts[kept] += x->alerts[gone];
    for (uint32_t i = 0; i < x->n; i++) /* what refused the one refuses both: parts only grow */
        if (is_refused(x, gone, i))
            refuse(x, kept, i);
}

static void
unite_by_links(struct anew *x, const struct tree_link *links, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t a = part_of(x, links[i].a), b = part_of(x, links[i].b);
        if (a == b || is_refused(x, a, b))
            continue;
        if (!too_much(x, a, b)) {
            unite(x, a, b);
            continue;
        }
        refuse(x, a, b);
        incident_relink_related(x->e, x->nodes[links[i].a], x->nodes[links[i].b], links[i].score,
                                "cap");
        x->e->refused++;
    }
}

/* ---- which part keeps which id */

/* The part that the oldest node of a group is in. */
static uint32_t
part_of_oldest(const struct anew *x, uint32_t group)
{
    uint32_t oldest = INCIDENT_NONE;
    for (uint32_t i = 0; i < x->n; i++) {
        const struct node *n = &x->e->nodes[x->nodes[i]];
        if (n->group != INCIDENT_NONE && incident_group(x->e, n->group) == group &&
            (oldest == INCIDENT_NONE || n->seq < x->e->nodes[x->nodes[oldest]].seq))
            oldest = i;
    }
    return part_of(x, oldest);
}

/* Into the group of its part, which is made when there is none yet. */
static void
place(struct anew *x, uint32_t i, uint32_t *group_of)
{
    struct incident_engine *e = x->e;
    uint32_t node = x->nodes[i], part = part_of(x, i);
    if (group_of[part] == INCIDENT_NONE) {
        group_of[part] = incident_group_new(e, e->next_id);
        if (group_of[part] == INCIDENT_NONE)
            return;
        e->next_id++;
        e->opened++;
    }
    uint32_t was = e->nodes[node].group;
    if (was != INCIDENT_NONE && incident_group(e, was) == group_of[part])
        return;
    if (was != INCIDENT_NONE) {
        incident_group_touch(e, incident_group(e, was));
        incident_group_leave(e, node);
    }
    incident_group_join(e, group_of[part], node);
}

/* In the order of the log, so that new ids are given in it. */
static void
place_all(struct anew *x, uint32_t a, uint32_t b)
{
    struct incident_engine *e = x->e;
    uint32_t *group_of = malloc(sizeof *group_of * (x->n + 1));
    bool *done = calloc(x->n + 1, sizeof *done);
    if (group_of == NULL || done == NULL) {
        e->dead = true;
        goto out;
    }
    memset(group_of, 0xff, sizeof *group_of * (x->n + 1));
    uint32_t first = part_of_oldest(x, a);
    group_of[first] = a;
    if (b != INCIDENT_NONE) {
        uint32_t second = part_of_oldest(x, b);
        group_of[second] = second == first ? incident_life_survives(e, a, b) : b;
    }
    for (size_t k = 0; k < x->n && !e->dead; k++) {
        uint32_t next = INCIDENT_NONE;
        for (uint32_t i = 0; i < x->n; i++)
            if (!done[i] &&
                (next == INCIDENT_NONE || e->nodes[x->nodes[i]].seq < e->nodes[x->nodes[next]].seq))
                next = i;
        done[next] = true;
        place(x, next, group_of);
    }
    if (b != INCIDENT_NONE && !e->dead && e->groups[a].nodes + e->groups[b].nodes > 0) {
        if (e->groups[a].nodes == 0)
            incident_group_merge_into(e, a, b);
        else if (e->groups[b].nodes == 0)
            incident_group_merge_into(e, b, a);
    }
out:
    free(group_of);
    free(done);
}

/* ---- the two incidents */

static bool
may_rebuild(const struct incident_engine *e, uint32_t group)
{
    const struct group *g = &e->groups[group];
    return g->by_rule && !g->worked;
}

static struct err
rebuild(struct incident_engine *e, uint32_t a, uint32_t b, uint32_t node, struct arena *arena)
{
    struct incident_picture p;
    struct tree_link *links;
    size_t n;
    struct err err = incident_why_picture(e, a, b, node, arena, &p);
    if (err.kind == ERR_NONE)
        err = tree_links(&p.in, arena, &links, &n);
    if (err.kind)
        return err;
    struct anew x = {.e = e, .n = p.in.n, .row = p.in.n / 64 + 1};
    x.nodes = arena_alloc(arena, sizeof *x.nodes * (x.n + 1));
    x.parent = arena_alloc(arena, sizeof *x.parent * (x.n + 1));
    x.alerts = arena_alloc(arena, sizeof *x.alerts * (x.n + 1));
    x.refused = arena_alloc(arena, sizeof *x.refused * (x.n * x.row + 1));
    if (x.nodes == NULL || x.parent == NULL || x.alerts == NULL || x.refused == NULL)
        return incident_dead();
    for (uint32_t i = 0; i < x.n; i++) {
        x.nodes[i] = p.ranked[i].node;
        x.parent[i] = i;
        x.alerts[i] = e->nodes[x.nodes[i]].alerts;
    }
    unite_by_links(&x, links, n);
    place_all(&x, a, b);
    return ERR_OK;
}

bool
incident_rebuild(struct incident_engine *e, uint32_t a, uint32_t b, uint32_t node)
{
    if (e->p->caps_mode != CAPS_REBUILD || e->shadow != NULL || e->restoring ||
        !may_rebuild(e, a) || (b != INCIDENT_NONE && !may_rebuild(e, b)))
        return false;
    struct arena *arena = arena_new(ARENA_BYTES);
    struct err err = arena != NULL ? rebuild(e, a, b, node, arena) : incident_dead();
    arena_free(arena);
    e->dead |= err.kind == ERR_RETRY;
    return err.kind == ERR_NONE; /* too many nodes for it: refused as in the other mode */
}
