/*
 * why.h: what two alerts share, and what of it was missing for a link.
 *
 * link_score says whether two nodes link; this says of each key and each term why it counted or
 * not, so that a person can see what a link would have needed. Pure. Ref: correlation.md 7 and 12.
 */
#ifndef WEIR_WHY_H
#define WEIR_WHY_H
#include "common/arena.h"
#include "common/err.h"
#include "normalize/link.h"

enum why_key_state {
    WHY_COUNTS,  /* the best of its class */
    WHY_OUTDONE, /* another key of its class says more */
    WHY_LIGHT,   /* too ordinary: one of the weights is under min_key_weight */
    WHY_FAR,     /* the gap is beyond its window */
    WHY_FADED,   /* nothing is left of its weight after so long */
};

struct why_key {
    uint32_t key;
    enum key_type type;
    int32_t weight_a, weight_b; /* in either alert */
    int32_t decay;              /* of 1024, by the gap; 0 beyond the window too */
    int32_t points;             /* of the lesser weight after decay, whether it counts or not */
    enum why_key_state state;
};

enum why_term_state {
    WHY_GIVEN,
    WHY_SAME,  /* stage: both show the same one; product: the same; twin: other detectors */
    WHY_NONE,  /* stage: one of the alerts has none; twin: no content weighs enough */
    WHY_UNMET, /* the keys say less than term_base: no term applies */
};

struct why_term {
    enum link_part_kind kind; /* LINK_STAGE, LINK_PRODUCT, LINK_TWIN, LINK_SEVERITY */
    enum why_term_state state;
    int32_t points; /* what it gave; else what it would give */
};

enum { WHY_TERMS = 4 };

struct why {
    struct why_key *keys; /* shared ones: those that count, then by points, then by type and name */
    size_t n_keys;
    struct why_term terms[WHY_TERMS]; /* in the order above */
    struct link_score
        score;       /* parts add up to the score also when `weak`: what it would have been */
    int32_t base;    /* of the keys alone */
    bool weak;       /* nothing strong, and one class only: no link whatever the score */
    bool links;      /* it is a link */
    int32_t missing; /* points up to the threshold; 0: none */
};

/* why_of - the two nodes under the parameters; in the arena. before, ctx as in link_score.
 * Symmetric but for weight_a and weight_b. ERR_RETRY "why.memory". */
MUST_CHECK struct err why_of(const struct link_node *x, const struct link_node *y,
                             const struct params *p,
                             bool (*before)(const void *ctx, uint32_t key_a, uint32_t key_b),
                             const void *ctx, struct arena *a, struct why *out);

#endif
