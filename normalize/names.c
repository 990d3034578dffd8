#include "normalize/names.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 64, NUMBERS_MAX = INT32_MAX };

struct name {
    const char *p; /* in the arena */
    uint32_t n, hash;
};

struct names {
    struct arena *texts;
    struct name *all;
    uint32_t *slots; /* number + 1; 0: empty */
    size_t count, cap, n_slots;
    uint64_t seed; /* an address: hostile texts cannot be made to share a slot */
};

struct names *
names_new(void)
{
    struct names *n = calloc(1, sizeof(*n));
    if (n == NULL)
        return NULL;
    n->seed = (uint64_t)(uintptr_t)n * 0x9e3779b97f4a7c15U;
    n->texts = arena_new(SIZE_MAX / 2);
    n->slots = calloc(SLOTS_FIRST, sizeof(*n->slots));
    n->n_slots = SLOTS_FIRST;
    if (n->texts != NULL && n->slots != NULL)
        return n;
    names_free(n);
    return NULL;
}

void
names_free(struct names *n)
{
    if (n == NULL)
        return;
    arena_free(n->texts);
    free(n->all);
    free(n->slots);
    free(n);
}

/* Eight bytes at a time, multiplied and folded. */
static uint32_t
hash_of(const struct names *n, struct slice text)
{
    uint64_t h = n->seed ^ text.n, word = 0;
    while (text.n >= sizeof(word)) {
        memcpy(&word, text.p, sizeof(word));
        h = (h ^ word) * 0x9fb21c651e98df25U;
        h ^= h >> 32;
        text.p += sizeof(word);
        text.n -= sizeof(word);
    }
    word = 0;
    if (text.n > 0)
        memcpy(&word, text.p, text.n);
    h = (h ^ word) * 0x9fb21c651e98df25U;
    h ^= h >> 29;
    return (uint32_t)(h ^ (h >> 32));
}

/* The slot of a text, or the empty one where it would go. */
static size_t
slot_of(const struct names *n, struct slice text, uint32_t hash)
{
    size_t at = hash & (n->n_slots - 1);
    for (; n->slots[at] != 0; at = (at + 1) & (n->n_slots - 1)) {
        const struct name *x = &n->all[n->slots[at] - 1];
        if (x->hash == hash && x->n == text.n && (text.n == 0 || memcmp(x->p, text.p, text.n) == 0))
            break;
    }
    return at;
}

static bool
slots_double(struct names *n)
{
    size_t more = n->n_slots * 2;
    uint32_t *slots = calloc(more, sizeof(*slots));
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < n->count; i++) {
        size_t at = n->all[i].hash & (more - 1);
        while (slots[at] != 0)
            at = (at + 1) & (more - 1);
        slots[at] = (uint32_t)i + 1;
    }
    free(n->slots);
    n->slots = slots;
    n->n_slots = more;
    return true;
}

static bool
make_room(struct names *n)
{
    if (n->count == NUMBERS_MAX || (n->count >= n->n_slots / 2 && !slots_double(n)))
        return false;
    if (n->count < n->cap)
        return true;
    size_t cap = n->cap == 0 ? SLOTS_FIRST / 2 : n->cap * 2;
    struct name *more = realloc(n->all, cap * sizeof(*more));
    if (more == NULL)
        return false;
    n->all = more;
    n->cap = cap;
    return true;
}

int64_t
names_add(struct names *n, struct slice text)
{
    uint32_t hash = hash_of(n, text);
    size_t at = slot_of(n, text, hash);
    if (n->slots[at] != 0)
        return (int64_t)n->slots[at] - 1;
    struct slice kept = {"", 0};
    if (text.n > UINT32_MAX || !make_room(n))
        return NAMES_NONE;
    if (text.n > 0)
        kept = slice_dup(n->texts, text);
    if (kept.p == NULL)
        return NAMES_NONE;
    n->all[n->count] = (struct name){kept.p, (uint32_t)kept.n, hash};
    n->slots[slot_of(n, text, hash)] = (uint32_t)n->count + 1;
    return (int64_t)n->count++;
}

int64_t
names_find(const struct names *n, struct slice text)
{
    return (int64_t)n->slots[slot_of(n, text, hash_of(n, text))] - 1;
}

struct slice
names_text(const struct names *n, int64_t number)
{
    return (struct slice){n->all[number].p, n->all[number].n};
}

int64_t
names_count(const struct names *n)
{
    return (int64_t)n->count;
}
