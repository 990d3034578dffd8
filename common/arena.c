#include "common/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 64 * 1024, ALIGN = 16 };

struct block {
    struct block *next;
    size_t size;
    size_t used;
    _Alignas(ALIGN) char data[];
};

struct deferred {
    struct deferred *next;
    void (*release)(void *thing);
    void *thing;
};

struct arena {
    struct block *blocks; /* the newest first; it serves */
    struct deferred *deferred;
    size_t limit;
    size_t used;
    bool refused;
};

struct arena *
arena_new(size_t limit)
{
    struct arena *a = calloc(1, sizeof *a);
    if (a != NULL)
        a->limit = limit;
    return a;
}

static struct block *
block_add(struct arena *a, size_t bytes)
{
    size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    struct block *b = malloc(sizeof *b + size);
    if (b == NULL)
        return NULL;
    *b = (struct block){.next = a->blocks, .size = size};
    a->blocks = b;
    return b;
}

static void *
refuse(struct arena *a)
{
    a->refused = true;
    return NULL;
}

void *
arena_alloc(struct arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return refuse(a);
    size_t need = bytes == 0 ? ALIGN : (bytes + ALIGN - 1) / ALIGN * ALIGN;
    if (need > a->limit || a->used > a->limit - need)
        return refuse(a);
    struct block *b = a->blocks;
    if (b == NULL || b->size - b->used < need)
        b = block_add(a, need);
    if (b == NULL)
        return refuse(a);
    void *p = b->data + b->used;
    b->used += need;
    a->used += need;
    return memset(p, 0, need);
}

void *
arena_grow(struct arena *a, const void *items, size_t item_bytes, size_t *capacity)
{
    size_t wanted = *capacity < 4 ? 8 : *capacity * 2;
    if (wanted > SIZE_MAX / 4 / item_bytes)
        return refuse(a);
    void *larger = arena_alloc(a, wanted * item_bytes);
    if (larger == NULL)
        return NULL;
    if (*capacity > 0)
        memcpy(larger, items, *capacity * item_bytes);
    *capacity = wanted;
    return larger;
}

bool
arena_defer(struct arena *a, void (*release)(void *thing), void *thing)
{
    struct deferred *d = arena_alloc(a, sizeof *d);
    if (d == NULL) {
        release(thing);
        return false;
    }
    *d = (struct deferred){.next = a->deferred, .release = release, .thing = thing};
    a->deferred = d;
    return true;
}

bool
arena_short(const struct arena *a)
{
    return a->refused;
}

size_t
arena_used(const struct arena *a)
{
    return a->used;
}

static void
release_deferred(struct arena *a)
{
    for (struct deferred *d = a->deferred; d != NULL; d = d->next)
        d->release(d->thing);
    a->deferred = NULL;
}

/* Frees all blocks but one of the ordinary size, which the next unit starts with. */
void
arena_reset(struct arena *a)
{
    release_deferred(a);
    struct block *kept = NULL;
    for (struct block *b = a->blocks, *next; b != NULL; b = next) {
        next = b->next;
        if (kept == NULL && b->size == BLOCK_BYTES)
            kept = b;
        else
            free(b);
    }
    if (kept != NULL) {
        kept->next = NULL;
        kept->used = 0;
    }
    a->blocks = kept;
    a->used = 0;
    a->refused = false;
}

void
arena_free(struct arena *a)
{
    if (a == NULL)
        return;
    arena_reset(a);
    free(a->blocks);
    free(a);
}
