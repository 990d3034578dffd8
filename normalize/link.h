/*
 * link.h: when what two alerts share is enough.
 *
 * The score of two nodes: symmetric, integer, never falling when a node learns more. Pure.
 * Ref: correlation.md 5 and 7.
 */
#ifndef WEIR_LINK_H
#define WEIR_LINK_H
#include "normalize/params.h"

/* A key of a node after identity resolution: id names the canonical key within the tenant. */
struct link_key {
    uint32_t id;
    enum key_type type;
    int32_t weight;
};

/* What of a node the score looks at. keys sorted by id, one entry an id. */
struct link_node {
    int64_t first_s, last_s; /* activity */
    uint16_t leads;          /* mask of lead tactics of each version */
    uint8_t level;           /* 0 informational .. 3 high */
    int32_t points, rarity;  /* what its severity counts; of 1000: how rare its detector is */
    uint8_t product;         /* number: what found it */
    uint32_t detector;       /* id of (source, detector) within the tenant */
    const struct link_key *keys;
    size_t n_keys;
};

enum link_part_kind { LINK_KEY, LINK_STAGE, LINK_PRODUCT, LINK_TWIN, LINK_SEVERITY, LINK_RARE };

struct link_part {
    enum link_part_kind kind;
    uint32_t key;       /* LINK_KEY: id */
    enum key_type type; /* LINK_KEY */
    int32_t weight;     /* LINK_KEY: the lesser of the two, after damping */
    int32_t decay;      /* LINK_KEY: of 1024 */
    int32_t points;     /* what it adds to the score; may be negative for severity */
};

enum { LINK_PARTS_MAX = KEY_CLASSES + 5 };

struct link_score {
    int32_t score; /* the sum of the parts; 0 when nothing is shared that could link */
    int64_t gap_s;
    struct link_part parts[LINK_PARTS_MAX];
    size_t n_parts;
};

/* link_decay - DEC of correlation.md 7: 1024 at no gap, half of it each half-life, 0 beyond 12. */
int32_t link_decay(int64_t gap_s, int32_t half_life_s);

/* link_gap - between activity intervals, in whole time steps, as seconds. */
int64_t link_gap(const struct link_node *a, const struct link_node *b, int32_t step_s);

/* link_score - key names must be equal for equal ids in both nodes. Deterministic: of equal keys of
 * a class the one with the larger (type, id-independent) value wins by `before`, which orders two
 * key ids by canonical value. */
void link_score(const struct link_node *a, const struct link_node *b, const struct params *p,
                bool (*before)(const void *ctx, uint32_t key_a, uint32_t key_b), const void *ctx,
                struct link_score *out);

#endif
