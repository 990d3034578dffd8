/*
 * correlate_diff.h: two groupings of the same alerts: what differs, as people would see it.
 *
 * Pure. Incidents are numbers, a smaller one was opened earlier. An incident lives on in the one
 * that holds most of its alerts; of those that live on in the same one the oldest survives, as in a
 * merge. An alert moves when the incident that it is in does not survive where it is afterwards.
 */
#ifndef WEIR_CORRELATE_DIFF_H
#define WEIR_CORRELATE_DIFF_H
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"

enum diff_kind { DIFF_MERGED, DIFF_SPLIT, DIFF_REGROUPED };

struct diff_incident {
    int64_t id;
    size_t alerts;
};

/* Incidents whose alerts went among each other, and no one else's. */
struct diff_change {
    enum diff_kind kind;
    struct diff_incident *before, *after; /* largest first */
    size_t n_before, n_after;
    size_t alerts, moved;
    size_t first; /* an alert that moved, the first in order */
};

struct diff {
    size_t alerts, before, after; /* incidents */
    size_t merged, split, regrouped;
    size_t moved;                /* alerts */
    size_t redirected;           /* incidents that would not live on under their name */
    struct diff_change *changes; /* by alerts that moved, most first; then by first */
    size_t n_changes;
};

/* correlate_diff - before and after of n alerts; 0 in both: left out. All in the arena. ERR_RETRY
 * "correlate.memory". */
MUST_CHECK struct err correlate_diff(const int64_t *before, const int64_t *after, size_t n,
                                     struct arena *a, struct diff *out);

const char *diff_kind_word(enum diff_kind kind); /* "merged" */

#endif
