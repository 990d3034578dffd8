/*
 * judge_internal.h: what judge.c (alerts that are one document, or many) and judge_twins.c
 * (detections that come by two channels) have from each other.
 */
#ifndef WEIR_JUDGE_INTERNAL_H
#define WEIR_JUDGE_INTERNAL_H
#include "normalize/judge.h"

void judge_dead(struct delivery *d, struct err why);

/* judge_nothing_new - design.md 5, promise 3: a lower version or the same bytes change nothing. */
bool judge_nothing_new(int64_t version, struct slice sha, const struct delivery *d);

/* judge_map - what documents say together. judge_keys - the alert gets its key, and *keys are what
 * it can share with others. judge_feed - an alert in our words into the engine; keys NULL: it has
 * none yet. judge_take - the same, and its row into the item. */
MUST_CHECK struct err judge_map(const struct share *s, const struct source *source,
                                const struct source_document *docs, size_t n, struct arena *a,
                                struct alert **out);
MUST_CHECK struct err judge_keys(const struct share *s, const struct item *i,
                                 const struct source *source, struct alert *al, struct arena *a,
                                 struct key_set **keys);
MUST_CHECK struct err judge_feed(struct share *s, const struct item *i, const struct source *source,
                                 struct alert *al, struct key_set *keys, struct arena *a);
MUST_CHECK struct err judge_take(struct share *s, struct item *i, const struct source *source,
                                 struct alert *al, struct key_set *keys, struct seal *seal,
                                 struct arena *a);

/* judge_twin_open - what a document of identity says. judge_twin_hand - the twins at hand, from the
 * open deliveries. Errors: ERR_RETRY: memory. */
MUST_CHECK struct err judge_twin_open(struct delivery *d, const struct tenant *t, struct arena *a);
MUST_CHECK struct err judge_twin_hand(struct share *s, struct arena *a);

/* judge_twins - one open delivery, in the order of the log: into its twin, or dead; then who is
 * whose mate, which are alerts, and what these say. */
MUST_CHECK struct err judge_twins(struct share *s, struct delivery *d, struct seal *seal,
                                  struct arena *a);

#endif
