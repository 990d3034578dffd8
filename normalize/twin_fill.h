/*
 * twin_fill.h: what one document of a detection adds to the alert made of the other.
 */
#ifndef WEIR_TWIN_FILL_H
#define WEIR_TWIN_FILL_H
#include "schemas/alert.h"

/*
 * twin_fill - fills what the alert lacks from its twin, and overrides nothing.
 *
 * al    its evidence is copied before it is changed. Ids, title, times of activity, severity and
 *       version stay its own; `updated` is the later of both; a status counts as lacking while it
 *       is new and nobody has judged the alert. Accounts and computers of both are one when they
 *       are named alike, others are added. All else that the twin says is in `additional` as
 *       "sameDetection": its id, address, title and its own additional members.
 * twin  borrowed, left alone; al borrows its texts.
 *
 * Errors: ERR_RETRY "alert.memory".
 * Ref:    sources.md 5.4 and 5.9; docs/mapping.md.
 */
MUST_CHECK struct err twin_fill(struct alert *al, const struct alert *twin, struct arena *a);

#endif
