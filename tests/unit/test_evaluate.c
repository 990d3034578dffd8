#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "normalize/evaluate.h"

/* True groups and incidents as letters, products as digits; capitals are attacks. */
static void
measure(const char *truth, const char *found, const char *source, struct evaluate_measures *m)
{
    struct evaluate_alert alerts[32];
    size_t n = strlen(truth);
    bool of_attacks, of_joined;
    for (size_t i = 0; i < n; i++)
        alerts[i] = (struct evaluate_alert){.truth = truth[i],
                                            .found = found[i],
                                            .source = source[i] == '?' ? -1 : source[i],
                                            .order = i,
                                            .attack = truth[i] < 'a'};
    evaluate_group(alerts, n, m, &of_attacks, &of_joined);
    assert_int_equal(of_attacks, m->attacks > 0);
    assert_true(of_joined || m->joined > 0.99);
}

static int
thousandths(double v)
{
    return (int)(v * 1000 + (v < 0 ? -0.5 : 0.5));
}

static void
test_measures_of_groupings_that_can_be_counted_by_hand(void **state)
{
    static const struct {
        const char *truth, *found;
        int pair_p, pair_r, b3_p, b3_r, rand, v, over, largest, reduction;
    } ROWS[] = {
        {"a", "x", 1000, 1000, 1000, 1000, 1000, 1000, 0, 1000, 0},
        {"aabb", "xxyy", 1000, 1000, 1000, 1000, 1000, 1000, 0, 500, 500},
        {"aabb", "wxyz", 1000, 0, 1000, 500, 0, 667, 0, 250, 0},
        {"aabb", "xxxx", 333, 1000, 500, 1000, 0, 0, 1000, 1000, 750},
        {"aabb", "xxxy", 333, 500, 667, 750, 0, 344, 1000, 750, 500},
        {"abcd", "wxyz", 1000, 1000, 1000, 1000, 1000, 1000, 0, 250, 0},
    };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct evaluate_measures m;
        measure(ROWS[i].truth, ROWS[i].found, "????????", &m);
        assert_int_equal(thousandths(m.pair_precision), ROWS[i].pair_p);
        assert_int_equal(thousandths(m.pair_recall), ROWS[i].pair_r);
        assert_int_equal(thousandths(m.b3_precision), ROWS[i].b3_p);
        assert_int_equal(thousandths(m.b3_recall), ROWS[i].b3_r);
        assert_int_equal(thousandths(m.adjusted_rand), ROWS[i].rand);
        assert_int_equal(thousandths(m.v_measure), ROWS[i].v);
        assert_int_equal(thousandths(m.over_merge), ROWS[i].over);
        assert_int_equal(thousandths(m.largest), ROWS[i].largest);
        assert_int_equal(thousandths(m.reduction), ROWS[i].reduction);
    }
    (void)state;
}

static void
test_an_attack_is_judged_by_the_incident_with_most_of_it(void **state)
{
    static const struct {
        const char *truth, *found, *source;
        int attacks, completeness, purity, exact, fragments, joined;
    } ROWS[] = {
        {"AAAb", "xxxy", "1212", 1, 1000, 1000, 1000, 1000, 1000},
        {"AAAb", "xxxx", "1212", 1, 1000, 750, 0, 1000, 1000},
        {"AAAA", "xxyz", "1122", 1, 500, 1000, 0, 3000, 0},
        /* of two halves the one that was met first */
        {"AAAAb", "xxyyx", "11111", 1, 500, 667, 0, 2000, 1000},
        {"AAAAb", "yyxxx", "11111", 1, 500, 1000, 0, 2000, 1000},
        {"AABB", "xxyz", "1212", 2, 750, 1000, 500, 1500, 500},
        {"ab", "xy", "12", 0, 0, 0, 0, 0, 1000},
    };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct evaluate_measures m;
        measure(ROWS[i].truth, ROWS[i].found, ROWS[i].source, &m);
        assert_int_equal(thousandths(m.attacks), 1000 * ROWS[i].attacks);
        assert_int_equal(thousandths(m.completeness), ROWS[i].completeness);
        assert_int_equal(thousandths(m.purity), ROWS[i].purity);
        assert_int_equal(thousandths(m.exact), ROWS[i].exact);
        assert_int_equal(thousandths(m.fragments), ROWS[i].fragments);
        assert_int_equal(thousandths(m.joined), ROWS[i].joined);
    }
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measures_of_groupings_that_can_be_counted_by_hand),
        cmocka_unit_test(test_an_attack_is_judged_by_the_incident_with_most_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
