#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "normalize/correlate_diff.h"

/* Incidents of alerts as digits, before and after; '.': a further version, left out. */
static size_t
read_row(const char *digits, int64_t *out)
{
    size_t n = strlen(digits);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[i] == '.' ? 0 : digits[i] - '0';
    return n;
}

static void
list(char *out, size_t size, const struct diff_incident *incidents, size_t n)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%lld:%zu", i > 0 ? "+" : "",
                                 (long long)incidents[i].id, incidents[i].alerts);
}

/* "merged 1:2+2:1>1:3 moved 1 first 2" for each change. */
static void
tell(const struct diff *d, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < d->n_changes; i++) {
        const struct diff_change *c = &d->changes[i];
        char before[100] = "", after[100] = "";
        list(before, sizeof(before), c->before, c->n_before);
        list(after, sizeof(after), c->after, c->n_after);
        used += (size_t)snprintf(out + used, size - used, "%s%s %s>%s moved %zu first %zu",
                                 i > 0 ? "; " : "", diff_kind_word(c->kind), before, after,
                                 c->moved, c->first);
    }
}

static void
test_changes_are_told_as_people_would_see_them(void **state)
{
    static const struct {
        const char *before, *after, *changes;
        size_t moved, redirected;
    } ROWS[] = {
        {"", "", "", 0, 0},
        {"112233", "112233", "", 0, 0},
        /* numbers are no names: the same groups under others are no change */
        {"112233", "445566", "", 0, 0},
        {"112", "111", "merged 1:2+2:1>1:3 moved 1 first 2", 1, 1},
        /* the oldest survives a merge, not the largest */
        {"12222", "11111", "merged 2:4+1:1>1:5 moved 4 first 1", 4, 1},
        {"11111", "11122", "split 1:5>1:3+2:2 moved 2 first 3", 2, 0},
        /* in equal halves the older half keeps the name */
        {"1111", "2211", "split 1:4>1:2+2:2 moved 2 first 0", 2, 0},
        {"112233", "122223", "regrouped 1:2+2:2+3:2>2:4+1:1+3:1 moved 3 first 1", 3, 1},
        {"1.1.22", "1.1.11", "merged 1:2+2:2>1:4 moved 2 first 4", 2, 1},
        /* the change that moves most comes first */
        {"1122223334", "1122224444", "merged 3:3+4:1>4:4 moved 1 first 9", 1, 1},
        {"12344555", "11344333",
         "merged 5:3+3:1>3:4 moved 3 first 5; merged 1:1+2:1>1:2 moved 1 first 1", 4, 2},
    };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        int64_t before[16], after[16];
        char told[400];
        struct diff d;
        struct arena *a = arena_new(1 << 20);
        size_t n = read_row(ROWS[i].before, before);
        assert_int_equal(read_row(ROWS[i].after, after), n);
        assert_int_equal(correlate_diff(before, after, n, a, &d).kind, ERR_NONE);
        tell(&d, told, sizeof(told));
        assert_string_equal(told, ROWS[i].changes);
        assert_int_equal(d.moved, ROWS[i].moved);
        assert_int_equal(d.redirected, ROWS[i].redirected);
        assert_int_equal(d.merged + d.split + d.regrouped, d.n_changes);
        arena_free(a);
    }
    (void)state;
}

/* What holds for any two groupings. */
static void
test_both_sides_of_any_change_hold_the_same_alerts(void **state)
{
    const char *text = getenv("SEED");
    unsigned seed = text != NULL ? (unsigned)strtoul(text, NULL, 10) : 1;
    print_message("SEED=%u\n", seed);
    for (int round = 0; round < 300; round++) {
        enum { N = 120 };
        int64_t before[N], after[N];
        unsigned groups = 1 + (seed = seed * 1664525 + 1013904223) / 65536 % 40;
        struct diff d;
        size_t moved = 0;
        struct arena *a = arena_new(1 << 20);
        for (size_t i = 0; i < N; i++) {
            before[i] = 1 + (seed = seed * 1664525 + 1013904223) / 65536 % groups;
            seed = seed * 1664525 + 1013904223;
            after[i] = seed / 65536 % 8 == 0 ? 1 + seed / 1048576 % groups : before[i];
        }
        assert_int_equal(correlate_diff(before, after, N, a, &d).kind, ERR_NONE);
        for (size_t i = 0; i < d.n_changes; i++) {
            const struct diff_change *c = &d.changes[i];
            size_t was = 0, is = 0;
            for (size_t k = 0; k < c->n_before; k++)
                was += c->before[k].alerts;
            for (size_t k = 0; k < c->n_after; k++)
                is += c->after[k].alerts;
            assert_int_equal(was, is);
            assert_int_equal(was, c->alerts);
            assert_true(c->moved > 0 && c->moved <= c->alerts && c->first < N);
            assert_true(c->n_before + c->n_after > 2);
            moved += c->moved;
        }
        assert_int_equal(moved, d.moved);
        assert_int_equal(d.alerts, N);
        arena_free(a);
    }
    (void)state;
}

static void
test_too_little_memory_is_an_error(void **state)
{
    int64_t before[] = {1, 1, 2}, after[] = {1, 2, 2};
    struct arena *a = arena_new(100);
    struct diff d;
    assert_string_equal(correlate_diff(before, after, 3, a, &d).code, "correlate.memory");
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_are_told_as_people_would_see_them),
        cmocka_unit_test(test_both_sides_of_any_change_hold_the_same_alerts),
        cmocka_unit_test(test_too_little_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
