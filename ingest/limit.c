#include "ingest/limit.h"

enum {
    MINUTE_MS = 60000,
    HOUR_MS = 3600000,
    UNDER_WAY_MS = 5000, /* requests reach a service closer together than they were sent */
    BURST_PART = 4,      /* a full bucket: this part of the quota */
};

/* A window sees at most the burst and what it gains: of a quota of one, one. */
static void
bucket_init(struct limit_bucket *b, int quota, int percent, int64_t window_ms, bool full,
            int64_t mono_ms)
{
    *b = (struct limit_bucket){.at_ms = mono_ms};
    if (quota <= 0)
        return;
    int64_t share = (int64_t)quota * percent / 100;
    share = share > 0 ? share : 1;
    int64_t burst = share >= BURST_PART ? share / BURST_PART : 1;
    b->window_ms = window_ms + UNDER_WAY_MS;
    b->gain = share > burst ? share - burst : 1;
    b->most = burst * b->window_ms;
    b->level = full ? b->most : 0;
}

void
limit_init(struct limit *l, const struct source_call *call, int percent, bool full, int64_t mono_ms)
{
    bucket_init(&l->minute, call->per_minute, percent, MINUTE_MS, full, mono_ms);
    bucket_init(&l->hour, call->per_hour, percent, HOUR_MS, full, mono_ms);
}

static void
bucket_fill(struct limit_bucket *b, int64_t mono_ms)
{
    if (b->window_ms == 0 || mono_ms <= b->at_ms)
        return;
    int64_t lacking_ms = (b->most - b->level + b->gain - 1) / b->gain;
    int64_t passed_ms = mono_ms - b->at_ms;
    b->level = passed_ms >= lacking_ms ? b->most : b->level + passed_ms * b->gain;
    b->at_ms = mono_ms;
}

static int64_t
bucket_wait(struct limit_bucket *b, int64_t mono_ms)
{
    bucket_fill(b, mono_ms);
    if (b->window_ms == 0 || b->level >= b->window_ms)
        return 0;
    return (b->window_ms - b->level + b->gain - 1) / b->gain;
}

int64_t
limit_wait(struct limit *l, int64_t mono_ms)
{
    int64_t minute_ms = bucket_wait(&l->minute, mono_ms);
    int64_t hour_ms = bucket_wait(&l->hour, mono_ms);
    return minute_ms > hour_ms ? minute_ms : hour_ms;
}

int64_t
limit_take(struct limit *l, int64_t mono_ms)
{
    int64_t wait_ms = limit_wait(l, mono_ms);
    if (wait_ms > 0)
        return wait_ms;
    l->minute.level -= l->minute.window_ms;
    l->hour.level -= l->hour.window_ms;
    return 0;
}

void
limit_empty(struct limit *l, int64_t mono_ms)
{
    bucket_fill(&l->minute, mono_ms);
    bucket_fill(&l->hour, mono_ms);
    l->minute.level = l->hour.level = 0;
}

int64_t
limit_left(struct limit *l, int64_t mono_ms)
{
    int64_t left = -1;
    struct limit_bucket *const both[] = {&l->minute, &l->hour};
    for (size_t i = 0; i < 2; i++) {
        if (both[i]->window_ms == 0)
            continue;
        bucket_fill(both[i], mono_ms);
        int64_t n = both[i]->level / both[i]->window_ms;
        left = left < 0 || n < left ? n : left;
    }
    return left;
}
