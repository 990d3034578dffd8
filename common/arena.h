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

/* arena_reset - end of the unit: earlier pointers are dead, the memory serves the next. */
void arena_reset(struct arena *a);

void arena_free(struct arena *a); /* NULL is fine */

#endif
