/*
 * arena.h: memory that dies together.
 *
 * One arena serves one unit of work: a page fetched, a batch consumed, a request answered.
 * Nothing in it is freed alone; nothing in it outlives the unit.
 */
#ifndef WEIR_ARENA_H
#define WEIR_ARENA_H
#include <stddef.h>

struct arena; /* opaque: the fields live in arena.c */

/* arena_new - limit in bytes; the caller owns the arena. NULL: out of memory. */
struct arena *arena_new(size_t limit);

/* arena_alloc - zeroed, aligned for any type, owned by the arena. NULL: limit reached. */
void *arena_alloc(struct arena *a, size_t bytes);

/* arena_grow - a larger copy of an array of items; *capacity doubles (at least 8). The old array
 * stays where it is until the reset. NULL: limit reached, *capacity is left alone. */
void *arena_grow(struct arena *a, const void *items, size_t item_bytes, size_t *capacity);

/* arena_defer - call release(thing) at the reset or free, last deferred first: for what a library
 * allocated for this unit. Out of memory: false, and release was called at once. */
_Bool arena_defer(struct arena *a, void (*release)(void *thing), void *thing);

/* arena_used - bytes given out since the last reset. */
size_t arena_used(const struct arena *a);

/* arena_short - an allocation was refused since the last reset: what was made of the answers that
 * were not given may lack a part. */
_Bool arena_short(const struct arena *a);

/* arena_take - n bytes that a library allocated for this unit count as given out. False: limit
 * reached, and nothing was counted. */
_Bool arena_take(struct arena *a, size_t bytes);

/* Memory that many arenas share, beside their own limits; lives longer than they. */
struct arena_pool {
    size_t used, max; /* bytes */
};

/* arena_share - a new arena takes from the pool: `least` bytes now, whatever is left in it, and
 * more as it grows, while there is some. All is given back at the reset or free. */
void arena_share(struct arena *a, struct arena_pool *pool, size_t least);

/* arena_pool_short - as arena_short, and because the pool had no more: the bytes of the largest
 * allocation that was refused. 0: none was. */
size_t arena_pool_short(const struct arena *a);

/* arena_secret - its bytes are wiped before they are given back. */
void arena_secret(struct arena *a);

/* arena_reset - end of the unit: earlier pointers are dead, the memory serves the next. */
void arena_reset(struct arena *a);

void arena_free(struct arena *a); /* NULL is fine */

#endif
