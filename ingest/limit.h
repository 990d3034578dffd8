/*
 * limit.h: how fast one tenant's calls may be asked, so that a service's quota is never exceeded.
 *
 * A token bucket for the minute and one for the hour. A bucket holds at most a quarter of what the
 * quota allows and gains the rest of it within the window, so that no window, wherever it begins,
 * sees more than the quota: neither of one worker, nor of one after another, for who takes over a
 * tenant begins with empty buckets. Pure: the time is an argument. Ref: sources.md 2.10, 3.9, 4.8.
 */
#ifndef WEIR_LIMIT_H
#define WEIR_LIMIT_H
#include "ingest/source.h"

struct limit_bucket {
    int64_t window_ms; /* of the quota, and a margin; one request costs so much; 0: no quota */
    int64_t gain;      /* requests that a window brings, so also what one ms adds to level */
    int64_t most;      /* the level of a full bucket */
    int64_t level;
    int64_t at_ms; /* when level was true */
};

struct limit {
    struct limit_bucket minute, hour;
};

/* limit_init - percent: how much of the call's quota is used, 1 to 100. full: the tenant was never
 * asked before, by nobody; else the buckets are empty. */
void limit_init(struct limit *l, const struct source_call *call, int percent, bool full,
                int64_t mono_ms);

/* limit_wait - ms until limit_take will be granted; 0: now. Takes nothing. */
int64_t limit_wait(struct limit *l, int64_t mono_ms);

/* limit_take - one request; or how many ms to wait until it may be tried again, at least 1, and
 * then nothing was taken. */
int64_t limit_take(struct limit *l, int64_t mono_ms);

/* limit_empty - the service said 429: somebody else uses the same quota, or counts otherwise. */
void limit_empty(struct limit *l, int64_t mono_ms);

/* limit_left - requests that would be granted at once; -1: no quota is known. */
int64_t limit_left(struct limit *l, int64_t mono_ms);

#endif
