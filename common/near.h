/*
 * near.h: "did you mean ...?"
 *
 * The nearest of some known words to one that was mistyped.
 */
#ifndef WEIR_NEAR_H
#define WEIR_NEAR_H
#include <stddef.h>

struct near {
    const char *wanted; /* as it was typed; borrowed */
    const char *best;   /* NULL: nothing is near enough; borrowed from the caller of near_try */
    size_t distance;    /* letters to change from wanted to best */
};

/* near_init - nothing is near yet. wanted is borrowed; only its first 64 bytes are compared. */
void near_init(struct near *n, const char *wanted);

/* near_try - one known word; the first of equally near ones stays. */
void near_try(struct near *n, const char *known);

#endif
