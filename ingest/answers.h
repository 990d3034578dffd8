/*
 * answers.h: memory for the answers of all tenants of a worker.
 *
 * What an answer needs is known when it is there, so a request begins with a little, or what the
 * tenant's last answer took, and its arena grows while the worker's budget has room. One that found
 * none is asked again with room for twice as much, and when that is a large part of the budget
 * outside of it, one at a time: so memory stays bounded, the largest answer comes in, and neither
 * holds up the small ones. Who waits does so in turn.
 */
#ifndef WEIR_ANSWERS_H
#define WEIR_ANSWERS_H
#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"

struct answers; /* opaque: a worker's */

enum { ANSWERS_LEAST = 32 * 1024 }; /* bytes of one answer, and what curl keeps for its request */

/* Who waits for its turn; lives in its owner until turn() or answers_unwant(). */
struct answers_want {
    void (*turn)(void *arg, struct arena *a); /* a: for answers_leave; NULL: out of memory */
    void *arg;
    size_t need;               /* bytes */
    size_t limit;              /* of the arena */
    struct answers_want *next; /* answers.c's */
};

/* answers_new - max_bytes for all together. NULL: out of memory. */
struct answers *answers_new(size_t max_bytes);
void answers_free(struct answers *h); /* nothing may be left in it; NULL is fine */

/* answers_enter - w->turn() runs once: at once when there is room and nobody waits. */
void answers_enter(struct answers *h, struct answers_want *w);
void answers_unwant(struct answers *h, struct answers_want *w); /* harmless when it does not wait */

/* answers_leave - the arena is freed, and others may have their turn at once. NULL is fine. */
void answers_leave(struct answers *h, struct arena *a);

/* answers_need - what to want after an answer for which there was no room. */
size_t answers_need(const struct arena *a, size_t before);

#endif
