#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/limit.h"

enum { START_MS = 1000000, FOREVER = 100000 };

/* How many are granted at once. */
static int
burst(struct limit *l, int64_t mono_ms)
{
    int n = 0;
    while (n < FOREVER && limit_take(l, mono_ms) == 0)
        n++;
    return n;
}

static void
test_a_full_bucket_is_a_quarter_of_the_share_and_the_smaller_window_counts(void **state)
{
    static const struct {
        struct source_call call;
        int percent;
        bool full;
        int granted;
    } rows[] = {
        {{"alerts", 100, 1500, 0}, 100, true, 25}, {{"alerts", 100, 1500, 0}, 75, true, 18},
        {{"alerts", 100, 1500, 0}, 100, false, 0}, {{"alerts", 1000, 40, 0}, 100, true, 10},
        {{"list", 30, 0, 0}, 50, true, 3},         {{"hour", 0, 1500, 0}, 50, true, 187},
        {{"one", 1, 0, 0}, 50, true, 1},           {{"free", 0, 0, 0}, 50, false, FOREVER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct limit l;
        limit_init(&l, &rows[i].call, rows[i].percent, rows[i].full, START_MS);
        assert_int_equal(limit_left(&l, START_MS),
                         rows[i].granted == FOREVER ? -1 : rows[i].granted);
        assert_int_equal(burst(&l, START_MS), rows[i].granted);
    }
    (void)state;
}

static void
test_a_minute_brings_the_rest_of_the_share(void **state)
{
    const struct source_call apps = {"list", 30, 0, 0};
    struct limit l;
    limit_init(&l, &apps, 50, false, START_MS);
    int64_t now_ms = START_MS;
    int granted = 0;
    while (now_ms <= START_MS + 65000) {
        int64_t wait_ms = limit_take(&l, now_ms);
        granted += wait_ms == 0;
        now_ms += wait_ms;
    }
    assert_int_equal(granted, 12);
    (void)state;
}

static void
test_a_429_empties_the_bucket(void **state)
{
    const struct source_call c = {"alerts", 100, 1500, 0};
    struct limit l;
    limit_init(&l, &c, 100, true, START_MS);
    limit_empty(&l, START_MS);
    assert_int_equal(limit_left(&l, START_MS), 0);
    assert_true(limit_take(&l, START_MS) > 0);
    assert_int_equal(limit_left(&l, START_MS + 10 * 3600 * INT64_C(1000)), 25);
    (void)state;
}

static void
test_a_clock_that_goes_back_brings_nothing(void **state)
{
    const struct source_call c = {"alerts", 100, 0, 0};
    struct limit l;
    limit_init(&l, &c, 100, true, START_MS);
    assert_int_equal(burst(&l, START_MS), 25);
    assert_int_equal(burst(&l, 0), 0);
    assert_int_equal(burst(&l, START_MS), 0);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_a_full_bucket_is_a_quarter_of_the_share_and_the_smaller_window_counts),
        cmocka_unit_test(test_a_minute_brings_the_rest_of_the_share),
        cmocka_unit_test(test_a_429_empties_the_bucket),
        cmocka_unit_test(test_a_clock_that_goes_back_brings_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
