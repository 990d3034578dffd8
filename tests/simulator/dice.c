#include "tests/simulator/dice.h"

/* One step of SplitMix64: passes the usual tests and needs one word of state. */
uint64_t
dice_next(struct dice *d)
{
    uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct dice
dice_of(uint64_t seed, uint64_t purpose, uint64_t number)
{
    struct dice d = {seed};
    d.state = dice_next(&d) ^ purpose;
    d.state = dice_next(&d) ^ number;
    (void)dice_next(&d);
    return d;
}

uint64_t
dice_below(struct dice *d, uint64_t n)
{
    return n > 0 ? dice_next(d) % n : 0;
}

int64_t
dice_between(struct dice *d, int64_t least, int64_t most)
{
    return most > least ? least + (int64_t)dice_below(d, (uint64_t)(most - least) + 1) : least;
}

bool
dice_chance(struct dice *d, int64_t percent)
{
    return dice_between(d, 0, 99) < percent;
}

const char *
dice_word(struct dice *d, const char *const *words, size_t n)
{
    return words[dice_below(d, n)];
}

struct slice
dice_hex(struct dice *d, size_t digits, struct arena *a)
{
    char *p = arena_alloc(a, digits + 1);
    for (size_t i = 0; p != NULL && i < digits; i++)
        p[i] = "0123456789abcdef"[dice_below(d, 16)];
    return p != NULL ? (struct slice){p, digits} : SLICE_NONE;
}

struct slice
dice_guid(struct dice *d, struct arena *a)
{
    uint64_t x = dice_next(d);
    uint64_t y = dice_next(d);
    return slice_printf(a, "%08x-%04x-4%03x-%x%03x-%012llx", (unsigned)(x >> 32),
                        (unsigned)(x >> 16 & 0xffff), (unsigned)(x & 0xfff),
                        (unsigned)(8 + (x >> 12 & 3)), (unsigned)(y >> 48 & 0xfff),
                        (unsigned long long)(y & UINT64_C(0xffffffffffff)));
}
