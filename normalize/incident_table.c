#include <stdlib.h>
#include <string.h>

#include "normalize/incident_internal.h"

enum { CHUNK_BYTES = 64 * 1024, SLOTS_FIRST = 256, ITEMS_FIRST = 16, FEW = 2, ALIGN = 8 };

struct chunk {
    struct chunk *older;
    size_t used, size;
    char bytes[];
};

bool
incident_table_take(struct incident_engine *e, size_t bytes)
{
    if (e->dead || bytes > e->limit_bytes || e->bytes > e->limit_bytes - bytes) {
        e->dead = true;
        return false;
    }
    e->bytes += bytes;
    return true;
}

bool
incident_table_grow(struct incident_engine *e, void **items, size_t item_bytes, uint32_t n,
                    uint32_t *cap)
{
    if (n < *cap)
        return !e->dead;
    if (*cap > INCIDENT_NONE / 4) {
        e->dead = true;
        return false;
    }
    uint32_t more = *cap == 0 ? ITEMS_FIRST : *cap * 2;
    if (!incident_table_take(e, item_bytes * (more - *cap)))
        return false;
    void *moved = realloc(*items, item_bytes * more);
    if (moved == NULL) {
        e->dead = true;
        return false;
    }
    *items = moved;
    *cap = more;
    return true;
}

/* Bytes of the pool; texts need no alignment and get none. */
static void *
pool(struct incident_engine *e, size_t bytes, size_t align)
{
    struct chunk *c = e->chunk;
    size_t at = c != NULL ? (c->used + align - 1) & ~(align - 1) : 0;
    if (c == NULL || at > c->size || bytes > c->size - at) {
        size_t size = bytes > CHUNK_BYTES / 4 ? bytes : CHUNK_BYTES;
        if (!incident_table_take(e, sizeof(*c) + size))
            return NULL;
        c = malloc(sizeof(*c) + size);
        if (c == NULL) {
            e->dead = true;
            return NULL;
        }
        *c = (struct chunk){.size = size};
        if (e->chunk != NULL && size != CHUNK_BYTES) { /* a large one goes behind the current */
            c->older = e->chunk->older;
            e->chunk->older = c;
        } else {
            c->older = e->chunk;
            e->chunk = c;
        }
        at = 0;
    }
    c->used = at + bytes;
    return c->bytes + at;
}

void *
incident_table_alloc(struct incident_engine *e, size_t bytes)
{
    void *p = e->dead ? NULL : pool(e, bytes, ALIGN);
    return p != NULL ? memset(p, 0, bytes) : NULL;
}

void
incident_table_free(struct incident_engine *e)
{
    while (e->chunk != NULL) {
        struct chunk *older = e->chunk->older;
        free(e->chunk);
        e->chunk = older;
    }
    free(e->entries);
    free(e->slots);
    free(e->members);
    free(e->nodes);
    free(e->folds);
    free(e->groups);
    free(e->touched);
    free(e->stirred);
    free(e->fresh);
    free(e->reasons);
    free(e->related);
    free(e->dirty);
    free(e->severities);
    free(e->aliases);
    free(e->carried);
    free(e->pins);
    free(e->splits);
    free(e->walk);
    free(e->ids);
    free(e->shadow);
    days_free(e->days);
}

/* ---- texts */

static uint64_t
mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t
hash_of(const struct incident_engine *e, uint8_t type, struct slice text)
{
    uint64_t h = mix(e->seed ^ type, 0x9e3779b97f4a7c15U ^ text.n);
    for (size_t i = 0; i < text.n; i += 8) {
        uint64_t word = 0;
        memcpy(&word, text.p + i, text.n - i < 8 ? text.n - i : 8);
        h = mix(h ^ word, 0xd6e8feb86659fd93U ^ e->seed);
    }
    return (uint32_t)(h ^ h >> 32);
}

/* The slot that holds the text, or the empty one where it would go. */
static uint32_t
slot_of(const struct incident_engine *e, uint8_t type, struct slice text, uint32_t hash)
{
    uint32_t at = hash & (e->n_slots - 1);
    for (; e->slots[at] != 0; at = (at + 1) & (e->n_slots - 1)) {
        const struct entry *x = &e->entries[e->slots[at] - 1];
        if (x->hash == hash && x->type == type && x->n == text.n &&
            (text.n == 0 || memcmp(x->text, text.p, text.n) == 0))
            break;
    }
    return at;
}

static bool
more_slots(struct incident_engine *e)
{
    uint32_t n = e->n_slots == 0 ? SLOTS_FIRST : e->n_slots * 2;
    if (!incident_table_take(e, sizeof(*e->slots) * (n - e->n_slots)))
        return false;
    uint32_t *slots = calloc(n, sizeof(*slots));
    if (slots == NULL) {
        e->dead = true;
        return false;
    }
    for (uint32_t i = 0; i < e->n_entries; i++) {
        uint32_t at = e->entries[i].hash & (n - 1);
        while (slots[at] != 0)
            at = (at + 1) & (n - 1);
        slots[at] = i + 1;
    }
    free(e->slots);
    e->slots = slots;
    e->n_slots = n;
    return true;
}

uint32_t
incident_table_find(const struct incident_engine *e, uint8_t type, struct slice text)
{
    if (e->n_slots == 0)
        return INCIDENT_NONE;
    uint32_t found = e->slots[slot_of(e, type, text, hash_of(e, type, text))];
    return found != 0 ? found - 1 : INCIDENT_NONE;
}

/* A directory's object id in an identity: two of them are a conflict for people to look at. */
static bool
is_object_id(const struct entry *x)
{
    struct slice text = {x->text, x->n};
    return (x->type == KEY_USER && slice_starts(text, SLICE("aad:"))) ||
           (x->type == KEY_DEVICE && slice_starts(text, SLICE("aadd:")));
}

uint32_t
incident_table_intern(struct incident_engine *e, uint8_t type, struct slice text)
{
    if (e->dead || text.n > UINT32_MAX / 2 ||
        (e->n_entries >= e->n_slots / 4 * 3 && !more_slots(e)))
        return INCIDENT_NONE;
    uint32_t hash = hash_of(e, type, text);
    uint32_t at = slot_of(e, type, text, hash);
    if (e->slots[at] != 0)
        return e->slots[at] - 1;
    if (!incident_table_grow(e, (void **)&e->entries, sizeof(*e->entries), e->n_entries,
                             &e->cap_entries))
        return INCIDENT_NONE;
    char *copy = pool(e, text.n + 1, 1);
    if (copy == NULL)
        return INCIDENT_NONE;
    if (text.n > 0)
        memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    uint32_t entry = e->n_entries++;
    struct entry *x = &e->entries[entry];
    *x = (struct entry){.text = copy, .n = (uint32_t)text.n, .hash = hash, .type = type};
    x->parent = x->face = entry;
    x->ref = is_object_id(x) ? entry : INCIDENT_NONE;
    x->cap_nodes = FEW;
    e->slots[at] = entry + 1;
    if (type == INCIDENT_SEVERITY &&
        incident_table_grow(e, (void **)&e->severities, sizeof(*e->severities), e->n_severities,
                            &e->cap_severities))
        e->severities[e->n_severities++] = entry;
    return entry;
}

struct slice
incident_table_alert(struct slice source, struct slice native_id, char *out, size_t n)
{
    size_t s = source.n < n / 2 ? source.n : n / 2;
    size_t id = native_id.n < n - s - 1 ? native_id.n : n - s - 1;
    if (s > 0)
        memcpy(out, source.p, s);
    out[s] = '\0';
    if (id > 0)
        memcpy(out + s + 1, native_id.p, id);
    return (struct slice){out, s + 1 + id};
}

struct slice
incident_table_text(const struct incident_engine *e, uint32_t entry)
{
    if (entry == INCIDENT_NONE)
        return SLICE_NONE;
    return (struct slice){e->entries[entry].text, e->entries[entry].n};
}

uint32_t
incident_table_mark(struct incident_engine *e)
{
    if (++e->mark == 0) { /* it went round: all marks are forgotten */
        for (uint32_t i = 0; i < e->n_nodes; i++)
            e->nodes[i].mark = 0;
        for (uint32_t i = 0; i < e->n_entries; i++)
            e->entries[i].mark = 0;
        e->mark = 1;
    }
    return e->mark;
}

/* ---- lists of nodes */

const uint32_t *
incident_table_nodes(const struct entry *entry)
{
    return entry->cap_nodes == FEW ? entry->nodes.few : entry->nodes.many;
}

static uint32_t *
nodes_of(struct entry *x)
{
    return x->cap_nodes == FEW ? x->nodes.few : x->nodes.many;
}

bool
incident_table_reserve(struct incident_engine *e, struct entry *x, uint32_t want)
{
    if (want <= x->cap_nodes)
        return true;
    uint32_t cap = x->cap_nodes;
    while (cap < want)
        cap *= 2;
    uint32_t *many = incident_table_alloc(e, sizeof(*many) * cap);
    if (many == NULL)
        return false;
    memcpy(many, nodes_of(x), sizeof(*many) * x->n_nodes);
    x->nodes.many = many;
    x->cap_nodes = cap;
    return true;
}

void
incident_table_post(struct incident_engine *e, uint32_t key, uint32_t node)
{
    struct entry *x = &e->entries[key];
    if (!incident_table_reserve(e, x, x->n_nodes + 1))
        return;
    uint32_t *nodes = nodes_of(x), at = x->n_nodes;
    int64_t seq = e->nodes[node].seq;
    while (at > 0 && e->nodes[nodes[at - 1]].seq > seq) /* the end, but for a late key */
        at--;
    for (uint32_t i = at; i > 0 && e->nodes[nodes[i - 1]].seq == seq; i--)
        if (nodes[i - 1] == node)
            return;
    memmove(nodes + at + 1, nodes + at, sizeof(*nodes) * (x->n_nodes - at));
    nodes[at] = node;
    x->n_nodes++;
}
