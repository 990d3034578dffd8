/*
 * Whatever is asked, whoever asks, whoever dies: no window of a minute or an hour sees more
 * requests than its quota, and who waits as long as told gets on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "ingest/limit.h"

enum { RUNS = 60, REQUESTS = 4000, MINUTE_MS = 60000, HOUR_MS = 3600000, TRAVEL_MS = 4000 };

static uint64_t
next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t x = *state;
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint64_t
seed(void)
{
    const char *given = getenv("SEED");
    uint64_t s = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000003;
    printf("SEED=%llu\n", (unsigned long long)s);
    return s;
}

static int64_t
below(uint64_t *state, int64_t n)
{
    return (int64_t)(next(state) % (uint64_t)n);
}

static int
by_time(const void *x, const void *y)
{
    int64_t l = *(const int64_t *)x, r = *(const int64_t *)y;
    return (l > r) - (l < r);
}

/* The most requests that any window saw: the one that ends with request i begins window_ms before.
 */
static size_t
most_in_window(const int64_t *at_ms, size_t n, int64_t window_ms)
{
    size_t most = 0, first = 0;
    for (size_t i = 0; i < n; i++) {
        while (at_ms[first] <= at_ms[i] - window_ms)
            first++;
        most = i - first + 1 > most ? i - first + 1 : most;
    }
    return most;
}

/* One tenant's life: bursts and pauses, refusals, workers that die and are followed by others. */
static size_t
live(uint64_t *random, const struct source_call *call, int percent, int64_t *at_ms)
{
    struct limit l;
    int64_t now_ms = below(random, INT64_C(1) << 40);
    size_t n = 0;
    limit_init(&l, call, percent, true, now_ms);
    for (int steps = 0; n < REQUESTS && steps < 40 * REQUESTS; steps++) {
        int64_t dice = below(random, 1000);
        if (dice < 2) /* another worker, whose clock has nothing to do with the first one's */
            limit_init(&l, call, percent, false, now_ms);
        else if (dice < 4)
            limit_empty(&l, now_ms);
        else if (dice < 30)
            now_ms += below(random, dice < 6 ? 2 * HOUR_MS : MINUTE_MS);
        int64_t said_ms = limit_wait(&l, now_ms);
        int64_t wait_ms = limit_take(&l, now_ms);
        assert_int_equal(wait_ms, said_ms);
        if (wait_ms == 0) {
            at_ms[n++] = now_ms + below(random, TRAVEL_MS);
            continue;
        }
        assert_true(wait_ms > 0 && wait_ms <= 2 * HOUR_MS);
        if (below(random, 3) == 0) { /* too early */
            now_ms += below(random, wait_ms);
            continue;
        }
        now_ms += wait_ms;
        assert_int_equal(limit_wait(&l, now_ms), 0);
    }
    qsort(at_ms, n, sizeof *at_ms, by_time);
    return n;
}

static void
test_no_window_sees_more_than_its_quota(void **state)
{
    uint64_t random = seed();
    int64_t *at_ms = calloc(REQUESTS, sizeof *at_ms);
    assert_non_null(at_ms);
    for (int run = 0; run < RUNS; run++) {
        const struct source_call call = {.name = "x",
                                         .per_minute = (int)below(&random, 200),
                                         .per_hour = (int)below(&random, 3000)};
        int percent = 1 + (int)below(&random, 100);
        size_t n = live(&random, &call, percent, at_ms);
        int64_t minute = (int64_t)call.per_minute * percent / 100;
        int64_t hour = (int64_t)call.per_hour * percent / 100;
        size_t in_minute = most_in_window(at_ms, n, MINUTE_MS);
        size_t in_hour = most_in_window(at_ms, n, HOUR_MS);
        if (call.per_minute > 0 && in_minute > (size_t)(minute > 0 ? minute : 1))
            fail_msg("run %d: %zu of %lld in a minute", run, in_minute, (long long)minute);
        if (call.per_hour > 0 && in_hour > (size_t)(hour > 0 ? hour : 1))
            fail_msg("run %d: %zu of %lld in an hour", run, in_hour, (long long)hour);
    }
    free(at_ms);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_window_sees_more_than_its_quota),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
