/*
 * incident_fold.c: repeats are one node.
 *
 * A storm of one finding is one node with many members: same detector, the same keys in the first
 * version, activity at most fold_gap_s apart. The table holds, for each such set of keys, the list
 * of its nodes, which lie further apart than that: a node that grows joins those it touches then.
 */
#include <stdlib.h>
#include <string.h>

#include "normalize/incident_internal.h"

enum { FOLDS_FIRST = 256 };

static int
number_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void
incident_fold_sort(uint32_t *keys, size_t n)
{
    if (n > 1)
        qsort(keys, n, sizeof(*keys), number_order);
}

static uint32_t
fold_hash(uint32_t detector, const uint32_t *keys, size_t n)
{
    uint64_t h = (uint64_t)detector * 0x9e3779b97f4a7c15U;
    for (size_t i = 0; i < n; i++) {
        h ^= keys[i];
        h *= 0xd6e8feb86659fd93U;
        h ^= h >> 32;
    }
    return (uint32_t)(h ^ h >> 29);
}

static uint32_t
hash_of(const struct node *n)
{
    return fold_hash(n->detector, n->fold, n->n_fold);
}

/* The slot of a fold key: its newest node + 1, or 0. */
static uint32_t
slot_of(const struct incident_engine *e, const struct node *n)
{
    uint32_t at = hash_of(n) & (e->cap_folds - 1);
    for (; e->folds[at] != 0; at = (at + 1) & (e->cap_folds - 1)) {
        const struct node *o = &e->nodes[e->folds[at] - 1];
        if (o->detector == n->detector && o->n_fold == n->n_fold &&
            (n->n_fold == 0 || memcmp(o->fold, n->fold, sizeof(*n->fold) * n->n_fold) == 0))
            break;
    }
    return at;
}

static bool
more_slots(struct incident_engine *e)
{
    uint32_t *old = e->folds, n_old = e->cap_folds;
    uint32_t n = n_old == 0 ? FOLDS_FIRST : n_old * 2;
    if (!incident_table_take(e, sizeof(*old) * (n - n_old)))
        return false;
    e->folds = calloc(n, sizeof(*old));
    if (e->folds == NULL) {
        e->folds = old;
        e->dead = true;
        return false;
    }
    e->cap_folds = n;
    for (uint32_t i = 0; i < n_old; i++)
        if (old[i] != 0)
            e->folds[slot_of(e, &e->nodes[old[i] - 1])] = old[i];
    free(old);
    return true;
}

/* A repeat: folding looks at whole seconds, not at time steps. */
static bool
touches(const struct incident_engine *e, int64_t first_s, int64_t last_s, const struct node *n)
{
    int64_t late = first_s > n->first_s ? first_s : n->first_s;
    int64_t early = last_s < n->last_s ? last_s : n->last_s;
    return late - early <= e->p->fold_gap_s;
}

static bool
may_fold(const struct incident_engine *e, const struct node *n)
{
    return e->p->fold_gap_s >= 0 && (n->n_fold > 0 || e->p->fold_without_keys);
}

uint32_t
incident_fold_partner(struct incident_engine *e, const struct arrival *v)
{
    uint32_t keys[KEYS_NODE_MAX];
    struct node like = {.detector = v->detector, .fold = keys};
    for (uint32_t i = 0; i < e->n_carried; i++)
        if (!e->carried[i].later)
            keys[like.n_fold++] = e->carried[i].entry;
    if (e->n_folds == 0 || !may_fold(e, &like))
        return INCIDENT_NONE;
    incident_fold_sort(keys, like.n_fold);
    uint32_t found = e->folds[slot_of(e, &like)];
    for (uint32_t at = found == 0 ? INCIDENT_NONE : found - 1; at != INCIDENT_NONE;
         at = e->nodes[at].fold_next)
        if (!e->nodes[at].dead && incident_group_open(e, at) &&
            touches(e, v->first_s, v->last_s, &e->nodes[at]))
            return at;
    return INCIDENT_NONE;
}

void
incident_fold_add(struct incident_engine *e, uint32_t node)
{
    struct node *n = &e->nodes[node];
    if (!may_fold(e, n) || (e->n_folds >= e->cap_folds / 2 && !more_slots(e)))
        return;
    uint32_t at = slot_of(e, n);
    e->n_folds += e->folds[at] == 0;
    n->fold_next = e->folds[at] == 0 ? INCIDENT_NONE : e->folds[at] - 1;
    e->folds[at] = node + 1;
}

uint32_t
incident_fold_next(struct incident_engine *e, uint32_t node, uint32_t at)
{
    if (at != INCIDENT_NONE)
        return e->nodes[at].fold_next;
    if (e->n_folds == 0 || !may_fold(e, &e->nodes[node]))
        return INCIDENT_NONE;
    uint32_t newest = e->folds[slot_of(e, &e->nodes[node])];
    return newest == 0 ? INCIDENT_NONE : newest - 1;
}

/* May the two be one node? Not across what keeps their incidents apart; caps do not matter. */
static bool
may_bridge(struct incident_engine *e, uint32_t node, uint32_t other)
{
    uint32_t a = e->nodes[node].group, b = e->nodes[other].group;
    if (!incident_group_open(e, other) || e->nodes[node].pinned != e->nodes[other].pinned)
        return false;
    if (a == INCIDENT_NONE || b == INCIDENT_NONE)
        return true;
    a = incident_group(e, a);
    b = incident_group(e, b);
    if (e->restoring) /* incident_restored sees to what is in two incidents */
        return a == b;
    return a == b || incident_life_apart(e, a, b) == NULL;
}

/* The next node that this one, as it is now, touches; dead ones are dropped on the way. */
static uint32_t
next_bridge(struct incident_engine *e, uint32_t node)
{
    const struct node *n = &e->nodes[node];
    uint32_t slot = slot_of(e, n), *link = NULL;
    if (e->folds[slot] == 0)
        return INCIDENT_NONE;
    for (uint32_t at = e->folds[slot] - 1; at != INCIDENT_NONE; at = e->nodes[at].fold_next) {
        if (e->nodes[at].dead && link != NULL) {
            *link = e->nodes[at].fold_next;
            continue;
        }
        link = &e->nodes[at].fold_next;
        if (at != node && !e->nodes[at].dead && may_bridge(e, node, at) &&
            touches(e, n->first_s, n->last_s, &e->nodes[at]))
            return at;
    }
    return INCIDENT_NONE;
}

bool
incident_fold_bridge(struct incident_engine *e, uint32_t *node)
{
    bool bridged = false;
    if (e->n_folds == 0 || !may_fold(e, &e->nodes[*node]) || !incident_group_open(e, *node))
        return false;
    for (uint32_t other = next_bridge(e, *node); other != INCIDENT_NONE && !e->dead;
         other = next_bridge(e, *node)) {
        /* the older one stays, so that its place in every list is that of its first alert */
        bool older = e->nodes[other].seq < e->nodes[*node].seq;
        uint32_t kept = older ? other : *node, gone = older ? *node : other;
        incident_group_replace(e, gone, kept);
        incident_node_swallow(e, kept, gone);
        *node = kept;
        bridged = true;
    }
    return bridged;
}
