/*
 * packing.h: numbers and texts one behind the other, for columns that only this program reads.
 * Numbers in groups of seven bits, least first, one spelling of each; texts with their length in
 * front. Pure.
 */
#ifndef WEIR_PACKING_H
#define WEIR_PACKING_H
#include <stdbool.h>
#include <stdint.h>

#include "common/slice.h"

struct packing_out {
    uint8_t *p; /* room for it all, which a first pass has counted; NULL: only counting */
    size_t n;
};

void packing_put(struct packing_out *o, uint32_t v);
void packing_put_text(struct packing_out *o, struct slice s);

struct packing_in {
    const uint8_t *p;
    size_t n;
    bool bad; /* from then on everything reads as 0 and "" */
};

/* packing_get - larger than `most`, cut off or spelled in a longer way: bad. */
uint32_t packing_get(struct packing_in *in, uint32_t most);
/* packing_get_text - borrowed; longer than `most` or cut off: bad. */
struct slice packing_get_text(struct packing_in *in, uint32_t most);

#endif
