#include "common/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Blocks double, so that the many small arenas of a worker stay small. */
enum { BLOCK_LEAST = 4 * 1024, BLOCK_BYTES = 64 * 1024, ALIGN = 16 };

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
    size_t ordinary; /* size of the next block */
    bool refused;
    bool secret;
    struct arena_pool *pool; /* NULL: none */
    size_t credit;           /* taken from the pool and not in use */
    size_t taken;            /* from the pool, in all */
    size_t pool_refused;     /* the largest */
};

struct arena *
arena_new(size_t limit)
{
    struct arena *a = calloc(1, sizeof *a);
    if (a != NULL)
        *a = (struct arena){.limit = limit, .ordinary = BLOCK_LEAST};
    return a;
}

void
arena_share(struct arena *a, struct arena_pool *pool, size_t least)
{
    a->pool = pool;
    a->credit = a->taken = least;
    pool->used += least;
}

/* From what was taken, then from what the pool has left. */
static bool
pool_take(struct arena *a, size_t bytes)
{
    size_t more = bytes > a->credit ? bytes - a->credit : 0;
    if (a->pool == NULL)
        return true;
    if (more > 0 && (a->pool->used > a->pool->max || more > a->pool->max - a->pool->used)) {
        a->pool_refused = bytes > a->pool_refused ? bytes : a->pool_refused;
        return false;
    }
    a->credit -= bytes - more;
    a->taken += more;
    a->pool->used += more;
    return true;
}

static void
pool_give_back(struct arena *a)
{
    if (a->pool != NULL)
        a->pool->used -= a->taken;
    a->pool = NULL;
    a->credit = a->taken = 0;
    a->pool_refused = 0;
}

static struct block *
block_add(struct arena *a, size_t bytes)
{
    size_t size = bytes > a->ordinary ? bytes : a->ordinary;
    struct block *b = pool_take(a, size) ? malloc(sizeof *b + size) : NULL;
    if (b == NULL)
        return NULL;
    if (a->ordinary < BLOCK_BYTES)
        a->ordinary *= 2;
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

bool
arena_take(struct arena *a, size_t bytes)
{
    if (bytes > a->limit || a->used > a->limit - bytes || !pool_take(a, bytes)) {
        a->refused = true;
        return false;
    }
    a->used += bytes;
    return true;
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
arena_pool_short(const struct arena *a)
{
    return a->pool_refused;
}

void
arena_secret(struct arena *a)
{
    a->secret = true;
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

static void
block_free(const struct arena *a, struct block *b)
{
    if (a->secret)
        explicit_bzero(b->data, b->used);
    free(b);
}

/* Frees all blocks but the largest of the ordinary sizes, which the next unit starts with. */
void
arena_reset(struct arena *a)
{
    release_deferred(a);
    struct block *kept = NULL;
    for (struct block *b = a->blocks, *next; b != NULL; b = next) {
        next = b->next;
        struct block *spare = b;
        if (b->size <= BLOCK_BYTES && (kept == NULL || kept->size < b->size)) {
            spare = kept;
            kept = b;
        }
        if (spare != NULL)
            block_free(a, spare);
    }
    if (kept != NULL) {
        if (a->secret)
            explicit_bzero(kept->data, kept->used);
        kept->next = NULL;
        kept->used = 0;
    }
    pool_give_back(a);
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
