/*
 * dice.h: chance that a seed repeats.
 *
 * Two dice of the same seed fall alike, on every machine. Nothing here is fit for secrets.
 */
#ifndef SIM_DICE_H
#define SIM_DICE_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/slice.h"

struct dice {
    uint64_t state;
};

/* dice_of - a die for one purpose: other numbers give another one. */
struct dice dice_of(uint64_t seed, uint64_t purpose, uint64_t number);

uint64_t dice_next(struct dice *d);
/* dice_below - 0 to n - 1; 0 for n = 0. */
uint64_t dice_below(struct dice *d, uint64_t n);
/* dice_between - from least to most, both included. */
int64_t dice_between(struct dice *d, int64_t least, int64_t most);
/* dice_chance - true in `percent` of 100 throws. */
bool dice_chance(struct dice *d, int64_t percent);
/* dice_word - one of n texts. */
const char *dice_word(struct dice *d, const char *const *words, size_t n);
/* dice_hex - so many lower-case hexadecimal digits. SLICE_NONE: the arena is full. */
struct slice dice_hex(struct dice *d, size_t digits, struct arena *a);
/* dice_guid - of version 4. SLICE_NONE: the arena is full. */
struct slice dice_guid(struct dice *d, struct arena *a);

#define DICE_PICK(d, list) dice_word((d), (list), sizeof(list) / sizeof((list)[0]))

#endif
