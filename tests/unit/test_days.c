#include "normalize/days.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KEY = 7, D = 18000 };

static void
learn(struct days *d, uint32_t key, int32_t day, uint32_t with)
{
    assert_int_equal(days_learn(d, key, day, &with, 1).kind, ERR_NONE);
}

static struct days *
tables(const struct params *p)
{
    struct days *d = days_new(p);
    assert_non_null(d);
    return d;
}

static void
test_the_factor_is_that_of_the_design(void **state)
{
    static const struct {
        enum key_type type;
        int days; /* D-3, D-4 .. */
        int with; /* distinct counterparts of each, the same on every day */
        int32_t want;
    } rows[] = {
        {KEY_IP, 0, 0, 1150},
        {KEY_USER, 0, 0, 1000},
        {KEY_DEVICE, 0, 0, 1000},
        {KEY_SHORT_NAME, 0, 0, 1000},
        {KEY_CLOUD_APP, 0, 0, 1000},
        {KEY_NETWORK_MESSAGE, 0, 0, 1150},
        {KEY_IP, 1, 0, 1000},
        {KEY_IP, 1, 1, 1000},
        {KEY_IP, 1, 2, 666},
        {KEY_IP, 2, 3, 500 * 20 / 21},
        {KEY_USER, 12, 4, 500 * 20 / 31},
        {KEY_NETWORK_MESSAGE, 3, 9, 1000 * 20 / 22},
        {KEY_SENDER, 12, 32, 1000 * 15 / 46 * 20 / 31},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct days *d = tables(&params_default);
        for (int day = 0; day < rows[i].days; day++) {
            assert_int_equal(days_learn(d, KEY, D - 3 - day, NULL, 0).kind, ERR_NONE);
            for (int with = rows[i].with; with > 0; with--)
                learn(d, KEY, D - 3 - day, (uint32_t)with);
        }
        days_close(d, D - 2);
        for (int again = 0; again < 2; again++)
            assert_int_equal(days_damp(d, KEY, rows[i].type, D), rows[i].want);
        assert_int_equal(days_seen(d, KEY, D), rows[i].days);
        days_free(d);
    }
    (void)state;
}

static void
test_a_history_goes_from_fourteen_days_before_to_three(void **state)
{
    static const struct {
        int32_t day;
        int32_t seen;
    } rows[] = {{D, 0}, {D - 1, 0}, {D - 2, 0}, {D - 3, 1}, {D - 14, 1}, {D - 15, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct days *d = tables(&params_default);
        learn(d, KEY, rows[i].day, 1);
        days_close_all(d);
        assert_int_equal(days_seen(d, KEY, D), rows[i].seen);
        assert_int_equal(days_damp(d, KEY, KEY_IP, D), rows[i].seen ? 1000 : 1150);
        days_free(d);
    }
    (void)state;
}

static void
test_a_day_that_is_not_closed_says_nothing_and_a_closed_one_learns_nothing(void **state)
{
    struct days *d = tables(&params_default);
    assert_int_equal(days_open(d), INT32_MIN);
    learn(d, KEY, D - 3, 1);
    assert_int_equal(days_damp(d, KEY, KEY_IP, D), 1150);
    days_close(d, D - 2);
    assert_int_equal(days_open(d), D - 2);
    assert_int_equal(days_damp(d, KEY, KEY_IP, D), 1000);
    learn(d, KEY, D - 3, 2);
    learn(d, KEY, D - 4, 2);
    assert_int_equal(days_damp(d, KEY, KEY_IP, D), 1000);
    days_close(d, D - 5); /* it never goes back */
    assert_int_equal(days_open(d), D - 2);
    days_close_all(d);
    learn(d, KEY, D + 3, 2);
    assert_int_equal(days_seen(d, KEY, D + 6), 1); /* D - 3 is in that history, D + 3 is closed */
    assert_int_equal(days_open(d), INT32_MAX);
    days_free(d);
    (void)state;
}

static void
test_what_was_asked_for_too_early_is_not_remembered(void **state)
{
    struct days *d = tables(&params_default);
    learn(d, KEY, D - 4, 1);
    learn(d, KEY, D - 3, 1);
    days_close(d, D - 3);
    assert_int_equal(days_damp(d, KEY, KEY_IP, D), 1000); /* D - 3 is still open */
    days_close(d, D - 2);
    assert_int_equal(days_damp(d, KEY, KEY_IP, D), 952);
    days_close(d, D + 1); /* D - 14 and D - 15 are forgotten, not these */
    assert_int_equal(days_damp(d, KEY, KEY_IP, D), 952);
    days_close(d, D + 11); /* D - 4 is forgotten, so that memory and store say the same */
    assert_int_equal(days_damp(d, KEY, KEY_IP, D), 1000);
    days_free(d);
    (void)state;
}

static void
test_beyond_the_limit_of_a_day_no_counterpart_is_told_apart(void **state)
{
    struct params p = params_default;
    p.counterparts_day = 5;
    struct days *d = tables(&p);
    for (uint32_t with = 100; with > 0; with--)
        learn(d, KEY, D - 3, with);
    for (uint32_t with = 200; with < 300; with++)
        learn(d, KEY, D - 4, with);
    days_close(d, D - 2);
    assert_int_equal(days_damp(d, KEY, KEY_IP, D), 1000 * 2 / (2 + 9) * 20 / 21);
    days_free(d);
    (void)state;
}

static void
count(void *arg, const struct days_row *r)
{
    size_t *found = arg;
    assert_int_equal(r->day, D + 1);
    for (size_t i = 1; i < r->n_with; i++)
        assert_true(r->with[i - 1] < r->with[i]);
    found[0]++;
    found[1] += r->n_with;
}

static void
test_rows_of_a_day_are_those_that_were_learned(void **state)
{
    struct days *d = tables(&params_default);
    static const uint32_t with[] = {9, 3, 3, 7};
    size_t found[2] = {0};
    for (uint32_t key = 0; key < 10; key++)
        for (int32_t day = D; day < D + 3; day++)
            assert_int_equal(days_learn(d, key, day, with, key % 5).kind, ERR_NONE);
    days_each(d, D + 1, D + 2, count, found);
    assert_int_equal(found[0], 10);
    assert_int_equal(found[1], 2 * (0 + 1 + 2 + 2 + 3));
    days_free(d);
    (void)state;
}

static void
test_extreme_days_and_unknown_keys_are_answered(void **state)
{
    static const int32_t days[] = {INT32_MIN, INT32_MIN + 1, -1, 0, INT32_MAX - 1, INT32_MAX};
    struct days *d = tables(&params_default);
    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        learn(d, KEY, days[i], 1);
        days_close(d, days[i]);
        assert_int_equal(days_damp(d, KEY, KEY_IP, days[i]), 1150);
        assert_int_equal(days_damp(d, 4000000, KEY_USER, days[i]), 1000);
        assert_int_equal(days_seen(d, UINT32_MAX, days[i]), 0);
    }
    assert_int_equal(days_learn(d, UINT32_MAX, INT32_MAX, NULL, 0).kind, ERR_RETRY);
    days_free(d);
    days_free(NULL);
    (void)state;
}

static void
test_other_parameters_hold_from_now_on(void **state)
{
    struct params p = params_default;
    p.novel = 1300;
    p.days0 = 10;
    struct days *d = tables(&params_default);
    learn(d, KEY, D - 3, 1);
    learn(d, KEY, D - 4, 1);
    days_close(d, D - 2);
    assert_int_equal(days_damp(d, KEY, KEY_IP, D), 952);
    assert_int_equal(days_damp(d, KEY + 1, KEY_IP, D), 1150);
    days_params(d, &p);
    assert_int_equal(days_damp(d, KEY, KEY_IP, D), 909);
    assert_int_equal(days_damp(d, KEY + 1, KEY_IP, D), 1300);
    days_free(d);
    (void)state;
}

static void
test_a_million_keys_of_one_day_and_counterpart_take_32_bytes_each(void **state)
{
    enum { KEYS = 1 << 20 };
    struct days *d = tables(&params_default);
    for (uint32_t key = 0; key < KEYS; key++)
        learn(d, key, D + (int32_t)(key >> 16), key / 8);
    assert_true(days_bytes(d) <= (size_t)KEYS * 40 + 4096); /* 8 of them are the key's own */
    size_t full = days_bytes(d);
    for (uint32_t round = 1; round < 4; round++) { /* what was forgotten is used again */
        days_close(d, D + (int32_t)round * 100);
        for (uint32_t key = 0; key < KEYS; key++)
            learn(d, key, D + (int32_t)round * 100 + (int32_t)(key >> 16), key / 8);
    }
    assert_int_equal(days_bytes(d), full);
    days_free(d);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_factor_is_that_of_the_design),
        cmocka_unit_test(test_a_history_goes_from_fourteen_days_before_to_three),
        cmocka_unit_test(
            test_a_day_that_is_not_closed_says_nothing_and_a_closed_one_learns_nothing),
        cmocka_unit_test(test_what_was_asked_for_too_early_is_not_remembered),
        cmocka_unit_test(test_beyond_the_limit_of_a_day_no_counterpart_is_told_apart),
        cmocka_unit_test(test_rows_of_a_day_are_those_that_were_learned),
        cmocka_unit_test(test_extreme_days_and_unknown_keys_are_answered),
        cmocka_unit_test(test_other_parameters_hold_from_now_on),
        cmocka_unit_test(test_a_million_keys_of_one_day_and_counterpart_take_32_bytes_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
