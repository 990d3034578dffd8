/*
 * incident_own.c: what an alert among repeats knew by itself.
 *
 * A node of several alerts knows what all of them do. The store has to have each one's own, or what
 * it holds of an alert would depend on which others came first.
 */
#include <stdlib.h>
#include <string.h>

#include "normalize/incident_internal.h"

static int
key_order(const void *a, const void *b)
{
    const struct carried *x = a, *y = b;
    return (x->entry > y->entry) - (x->entry < y->entry);
}

void
incident_own_sort(struct carried *keys, size_t n)
{
    if (n > 1)
        qsort(keys, n, sizeof(*keys), key_order);
}

/* In room of the engine's; NULL: it is dead. */
static const struct own *
keep(struct incident_engine *e, const struct own *own)
{
    struct own *kept = incident_table_alloc(e, sizeof(*kept));
    struct carried *keys = incident_table_alloc(e, sizeof(*keys) * ((size_t)own->n_keys + 1));
    uint32_t *raw = incident_table_alloc(e, sizeof(*raw) * ((size_t)own->n_raw + 1));
    if (kept == NULL || keys == NULL || raw == NULL)
        return NULL;
    if (own->n_keys > 0)
        memcpy(keys, own->keys, sizeof(*keys) * own->n_keys);
    if (own->n_raw > 0)
        memcpy(raw, own->raw, sizeof(*raw) * own->n_raw);
    incident_own_sort(keys, own->n_keys);
    *kept = *own;
    kept->keys = keys;
    kept->raw = raw;
    return kept;
}

static int32_t
weight_in(struct incident_engine *e, const struct node *n, uint32_t entry)
{
    uint32_t id = incident_identity_root(e, entry);
    for (uint16_t i = 0; i < n->n_keys; i++)
        if (n->keys[i].id == id)
            return n->keys[i].weight;
    return 0;
}

static bool
in_first(const struct node *n, uint32_t entry)
{
    for (uint16_t i = 0; i < n->n_fold; i++)
        if (n->fold[i] == entry)
            return true;
    return false;
}

struct own
incident_own_of(struct incident_engine *e, uint32_t member, struct carried *room)
{
    const struct node *n = &e->nodes[e->members[member].node];
    if (e->members[member].own != NULL)
        return *e->members[member].own;
    struct own own = {room, n->raw, 0, n->n_raw, n->leads, n->points, n->rarity};
    for (uint16_t i = 0; i < n->n_raw + n->n_keys; i++) {
        bool raw = i < n->n_raw;
        uint32_t entry = raw ? n->raw[i] & NODE_ENTRY : n->keys[i - n->n_raw].id;
        enum key_type type = (enum key_type)e->entries[entry].type;
        if (raw ? (n->raw[i] & NODE_IS_KEY) == 0 : type <= KEY_DEVICE)
            continue;
        room[own.n_keys++] =
            (struct carried){entry, type, weight_in(e, n, entry), !in_first(n, entry)};
    }
    return own;
}

void
incident_own_split(struct incident_engine *e, uint32_t node)
{
    const struct node *n = &e->nodes[node];
    struct carried room[INCIDENT_OWN_ROOM];
    if (n->member == INCIDENT_NONE || n->alerts != 1 || e->members[n->member].own != NULL)
        return;
    struct own own = incident_own_of(e, n->member, room);
    e->members[n->member].own = keep(e, &own);
}

/* What it knew and what the version at hand says, together. */
static size_t
join_keys(const struct incident_engine *e, const struct own *old, bool known, struct carried *out)
{
    size_t n = 0;
    for (uint16_t i = 0; i < old->n_keys; i++)
        out[n++] = old->keys[i];
    for (uint32_t i = 0; i < e->n_carried; i++) {
        size_t k = 0;
        while (k < old->n_keys && out[k].entry != e->carried[i].entry)
            k++;
        if (k < old->n_keys) {
            if (e->carried[i].weight > out[k].weight)
                out[k].weight = e->carried[i].weight;
        } else if (n < KEYS_NODE_MAX) {
            out[n] = e->carried[i];
            out[n++].later = known || e->carried[i].later;
        }
    }
    return n;
}

static uint32_t
bits_of(const struct named *x)
{
    return (x->first ? NODE_IS_KEY : 0) | (x->sender ? 0 : NODE_AT_WORK);
}

static size_t
join_raw(const struct incident_engine *e, const struct own *old, uint32_t *out)
{
    size_t n = 0;
    for (uint16_t i = 0; i < old->n_raw; i++)
        out[n++] = old->raw[i];
    for (uint32_t i = 0; i < e->n_ids; i++) {
        size_t k = 0;
        while (k < n && (out[k] & NODE_ENTRY) != e->ids[i].entry)
            k++;
        if (k < n)
            out[k] |= bits_of(&e->ids[i]);
        else if (n < KEYS_NODE_MAX)
            out[n++] = e->ids[i].entry | bits_of(&e->ids[i]);
    }
    return n;
}

static bool
same(const struct own *a, const struct own *b)
{
    if (a == NULL || a->n_keys != b->n_keys || a->n_raw != b->n_raw || a->leads != b->leads ||
        a->points != b->points || a->rarity != b->rarity ||
        (a->n_raw > 0 && memcmp(a->raw, b->raw, sizeof(*a->raw) * a->n_raw) != 0))
        return false;
    for (uint16_t i = 0; i < a->n_keys; i++)
        if (a->keys[i].entry != b->keys[i].entry || a->keys[i].weight != b->keys[i].weight ||
            a->keys[i].later != b->keys[i].later)
            return false;
    return true;
}

void
incident_own_learn(struct incident_engine *e, uint32_t member, const struct arrival *v)
{
    static const struct own nothing = {.points = INT32_MIN, .rarity = INT32_MIN};
    struct member *m = &e->members[member];
    const struct own *old = m->own != NULL ? m->own : &nothing;
    const struct own *beside = m->next != INCIDENT_NONE ? e->members[m->next].own : NULL;
    struct carried keys[INCIDENT_OWN_ROOM];
    uint32_t raw[INCIDENT_OWN_ROOM];
    struct own now = {.keys = keys, .raw = raw, .leads = old->leads | v->leads};
    now.n_keys = (uint16_t)join_keys(e, old, m->own != NULL, keys);
    now.n_raw = (uint16_t)join_raw(e, old, raw);
    now.points = v->points > old->points ? v->points : old->points;
    now.rarity = v->rarity > old->rarity ? v->rarity : old->rarity;
    incident_own_sort(keys, now.n_keys);
    m->own = same(beside, &now) ? beside : keep(e, &now);
}
