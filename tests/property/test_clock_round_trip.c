/* Law: clock_parse(clock_format(t)) is t for every time of the years 1 to 9999, in both forms and
 * in any zone. SEED chooses the times; the seed is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/clock.h"

enum { ROUNDS = 100000 };

static const int64_t FIRST = INT64_C(-621355968000000000) + 1; /* the very first means none */
static const int64_t LAST = INT64_C(2534023007999999999);

static uint64_t state_of_random;

/* splitmix64 */
static uint64_t
next(void)
{
    uint64_t z = (state_of_random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Half of them whole seconds or tenths, as sources write them. */
static int64_t
any_time(void)
{
    int64_t t = FIRST + (int64_t)(next() % (uint64_t)(LAST - FIRST + 1));
    static const int64_t UNITS[] = {1, 1, 1, 1, 10, 1000000, 10000000, INT64_C(864000000000)};
    int64_t unit = UNITS[next() % 8];
    return t - t % unit == FIRST - 1 ? t : t - t % unit;
}

static void
assert_same(const char *text, int64_t expected)
{
    int64_t got = 0;
    if (!clock_parse(slice_of(text), &got) || got != expected)
        fail_msg("%s read as %lld, not %lld", text, (long long)got, (long long)expected);
}

static void
test_what_is_written_reads_as_the_same_time(void **state)
{
    for (int i = 0; i < ROUNDS; i++) {
        int64_t t = any_time();
        assert_same(clock_format(t).s, t);
        assert_same(clock_format_full(t).s, t);
    }
    assert_same(clock_format(FIRST).s, FIRST);
    assert_same(clock_format(LAST).s, LAST);
    (void)state;
}

static void
test_a_zone_moves_the_time_by_its_offset(void **state)
{
    for (int i = 0; i < ROUNDS; i++) {
        int64_t t = any_time(), minutes = (int64_t)(next() % 1681) - 840;
        int64_t moved = t - minutes * 60 * CLOCK_SECOND;
        if (moved < FIRST || moved > LAST)
            continue;
        char text[48];
        int64_t off = minutes < 0 ? -minutes : minutes;
        struct clock_text written = clock_format_full(t);
        (void)snprintf(text, sizeof text, "%.*s%c%02d:%02d", (int)strlen(written.s) - 1, written.s,
                       minutes < 0 ? '-' : '+', (int)(off / 60), (int)(off % 60));
        assert_same(text, moved);
    }
    (void)state;
}

/* glibc has a calendar of its own. */
static void
test_the_calendar_is_that_of_the_c_library(void **state)
{
    for (int i = 0; i < ROUNDS; i++) {
        int64_t t = any_time();
        time_t s = (time_t)(t / CLOCK_SECOND - (t % CLOCK_SECOND < 0));
        struct tm tm;
        char expected[96];
        assert_non_null(gmtime_r(&s, &tm));
        (void)snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d",
                       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                       tm.tm_sec);
        assert_memory_equal(clock_format_full(t).s, expected, 19);
    }
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_reads_as_the_same_time),
        cmocka_unit_test(test_a_zone_moves_the_time_by_its_offset),
        cmocka_unit_test(test_the_calendar_is_that_of_the_c_library),
    };
    const char *seed = getenv("SEED");
    state_of_random = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
    printf("SEED=%llu\n", (unsigned long long)state_of_random);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
