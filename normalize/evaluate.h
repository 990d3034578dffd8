/*
 * evaluate.h: how good a grouping is, measured against the right answer.
 *
 * Pure. It measures and decides nothing, so it may use floating point. Ref: correlation.md 17.1.
 */
#ifndef WEIR_EVALUATE_H
#define WEIR_EVALUATE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An alert with its answers; labels and sources are numbers, equal ones are the same. */
struct evaluate_alert {
    int64_t truth, found; /* the true group, the incident */
    int64_t source;       /* the product; negative: not known */
    size_t order;         /* in the truth file */
    size_t found_size;    /* set by evaluate_group */
    bool attack;          /* its true group is an attack, not noise */
};

/* The measures of one tenant, or a mean of several. Shares are 0 to 1. */
struct evaluate_measures {
    double alerts, incidents, true_groups;
    double pair_precision, pair_recall, pair_f1;
    double b3_precision, b3_recall, b3_f1; /* B-cubed */
    double adjusted_rand, v_measure;
    double over_merge; /* of the incidents of two alerts or more: how many hold two true groups */
    double largest;    /* share of all alerts in the largest incident */
    double reduction;  /* 1 - incidents / alerts */
    /* over the attacks; all 0, joined 1, when there is none */
    double attacks;
    double completeness; /* the largest share of an attack in one incident */
    double purity;       /* the attack's share of that incident */
    double exact;        /* attacks that are one incident with nothing else in it */
    double fragments;    /* incidents an attack lies in */
    double joined;       /* of those that two products saw: with two of them in one incident */
};

/* evaluate_group - the measures of one tenant's alerts, at least one, which are put in another
 * order. of_attacks, of_joined: whether there was anything to measure. */
void evaluate_group(struct evaluate_alert *alerts, size_t n, struct evaluate_measures *out,
                    bool *of_attacks, bool *of_joined);

#endif
