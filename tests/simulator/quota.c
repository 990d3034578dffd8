#include "tests/simulator/quota.h"

#include <string.h>

#include "common/clock.h"

/* Forgets what has left the window. A clock that went back stays in the newest step. */
static void
window_move(struct quota_window *w, int64_t step)
{
    if (step - w->newest_step >= QUOTA_STEPS) {
        memset(w->n, 0, sizeof(w->n));
        w->sum = 0;
        w->newest_step = step;
    }
    while (w->newest_step < step) {
        uint32_t *slot = &w->n[++w->newest_step % QUOTA_STEPS];
        w->sum -= *slot;
        *slot = 0;
    }
}

/* Steps until enough has left the window for one more; 0: there is room now. */
static int64_t
window_wait(const struct quota_window *w, uint32_t most)
{
    uint32_t left = w->sum;
    int64_t steps = 0;
    while (left >= most && steps < QUOTA_STEPS)
        left -= w->n[(w->newest_step + ++steps) % QUOTA_STEPS];
    return steps;
}

enum quota_verdict
quota_take(struct quota *q, struct quota_limit most, int64_t now, int64_t *wait_s)
{
    int64_t second = now / CLOCK_SECOND;
    int64_t wait;
    window_move(&q->minute, second);
    window_move(&q->hour, second / 60);
    *wait_s = 0;
    if (most.per_hour > 0 && (wait = window_wait(&q->hour, most.per_hour)) > 0) {
        *wait_s = wait * 60 - second % 60;
        return QUOTA_HOUR;
    }
    if (most.per_minute > 0 && (wait = window_wait(&q->minute, most.per_minute)) > 0) {
        *wait_s = wait;
        return QUOTA_MINUTE;
    }
    q->minute.n[q->minute.newest_step % QUOTA_STEPS]++;
    q->minute.sum++;
    q->hour.n[q->hour.newest_step % QUOTA_STEPS]++;
    q->hour.sum++;
    return QUOTA_GOOD;
}
