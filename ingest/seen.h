/*
 * seen.h: which bytes of an alert Kafka confirmed last, by hash, for the alerts of one tenant.
 *
 * The hash is a polynomial over the field of 2^61 - 1 at points that each process draws: two texts
 * of 2.4 kB have the same one with a probability below 2^-50, and nobody outside can look for such.
 * It costs a quarter of SHA-256, which would be a third of a worker's time. Ref: Carter and Wegman,
 * Universal classes of hash functions.
 */
#ifndef WEIR_SEEN_H
#define WEIR_SEEN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/slice.h"

struct seen_key {
    uint64_t lane, point; /* below 2^58, so that a step need not be reduced to the end */
};

void seen_key_make(struct seen_key *out); /* another one each time */

/* The bytes that were confirmed last for one native id. */
struct seen_pair {
    uint64_t id;    /* hash of the native id; 0: a free slot */
    uint64_t bytes; /* hash of the payload; 0: not known */
};

struct seen_pair seen_pair_of(const struct seen_key *k, struct slice native_id,
                              struct slice payload);

struct seen_table {
    struct seen_pair *slots;
    size_t n, size; /* size is 0 or a power of two */
};

/* Two generations: when the young one is full, the old one is forgotten. What is met again moves
 * to the young one, so what every round sees stays. All zero: nothing was seen. */
struct seen {
    struct seen_table young, old;
};

/* seen_again - these bytes were the last ones of the id. */
bool seen_again(struct seen *s, struct seen_pair pair);

/* seen_put - they are now. Without memory nothing is remembered: then it is sent again. */
void seen_put(struct seen *s, struct seen_pair pair);

/* seen_doubt - nobody knows which are the last of this id. */
void seen_doubt(struct seen *s, uint64_t id);

void seen_fini(struct seen *s);

#endif
