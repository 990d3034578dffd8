/*
 * quota.h: how often a service lets one key ask, and what it has been asked.
 *
 * A window slides in steps of a sixtieth: a minute by seconds, an hour by minutes. Requests that
 * were refused do not count, as a client that only waits must get through.
 */
#ifndef SIM_QUOTA_H
#define SIM_QUOTA_H
#include <stdbool.h>
#include <stdint.h>

enum { QUOTA_STEPS = 60 };

struct quota_window {
    int64_t newest_step; /* number of the step that `n` ends with */
    uint32_t n[QUOTA_STEPS];
    uint32_t sum;
};

struct quota {
    const char *name; /* static: the call, or the service when all its calls share one */
    struct quota *next;
    struct quota_window minute, hour;
};

struct quota_limit {
    uint32_t per_minute, per_hour; /* 0: none */
};

enum quota_verdict { QUOTA_GOOD, QUOTA_MINUTE, QUOTA_HOUR };

/* quota_take - one more request at `now` (100 ns): counted when it is within both limits. *wait_s
 * is when the next would be, from 1. */
enum quota_verdict quota_take(struct quota *q, struct quota_limit most, int64_t now,
                              int64_t *wait_s);

#endif
