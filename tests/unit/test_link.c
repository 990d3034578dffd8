#include "normalize/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { HOUR_S = 3600 };

/* Two nodes that share one user and, when `second` is a type, one more key. */
static struct link_score
score_of(int64_t gap_s, int32_t weight, enum key_type second, struct link_node *a,
         struct link_node *b)
{
    const struct params *p = &params_default;
    struct link_key keys[2] = {{1, KEY_USER, weight}, {2, KEY_USER, 0}};
    if (second != KEY_TYPES)
        keys[1] = (struct link_key){2, second, p->rules[second].weight};
    a->keys = b->keys = keys;
    a->n_keys = b->n_keys = second != KEY_TYPES ? 2 : 1;
    a->first_s = a->last_s = 0;
    b->first_s = b->last_s = gap_s;
    struct link_score s, back;
    link_score(a, b, p, NULL, NULL, &s);
    link_score(b, a, p, NULL, NULL, &back);
    assert_int_equal(s.score, back.score);
    assert_int_equal(s.n_parts, back.n_parts);
    int32_t sum = 0;
    for (size_t i = 0; i < s.n_parts; i++)
        sum += s.parts[i].points;
    assert_int_equal(sum, s.score);
    return s;
}

static void
test_decay_halves_with_each_half_life_and_ends_after_twelve(void **state)
{
    static const struct {
        int64_t gap_s;
        int32_t want;
    } rows[] = {{-5, 1024},        {0, 1024},        {HOUR_S, 512},
                {2 * HOUR_S, 256}, {10 * HOUR_S, 1}, {12 * HOUR_S + 300, 0},
                {13 * HOUR_S, 0},  {INT64_MAX, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(link_decay(rows[i].gap_s, HOUR_S), rows[i].want);
    assert_int_equal(link_decay(1, 0), 0);
    (void)state;
}

static void
test_the_gap_is_between_intervals_in_whole_steps(void **state)
{
    struct link_node a = {.first_s = 0, .last_s = 119}, b = {.first_s = 120, .last_s = 500};
    assert_int_equal(link_gap(&a, &b, 60), 60);
    assert_int_equal(link_gap(&b, &a, 60), 60);
    b.first_s = 110; /* they overlap */
    assert_int_equal(link_gap(&a, &b, 60), 0);
    struct link_node before = {.first_s = -61, .last_s = -61},
                     after = {.first_s = -1, .last_s = -1};
    assert_int_equal(link_gap(&before, &after, 60), 60); /* steps are even below zero */
    (void)state;
}

static void
test_the_parts_of_a_score_are_those_of_the_design(void **state)
{
    struct link_node a = {.leads = 1 << 1, .level = 3, .points = 100, .product = 0, .detector = 1};
    struct link_node b = {.leads = 1 << 6, .level = 2, .points = -50, .product = 1, .detector = 2};
    struct link_score s = score_of(2 * HOUR_S, 800, KEY_IP, &a, &b);
    /* user 2 h: 800 * 981 / 1024; address 2 h: 800 * 981 / 1024; stage, product, severities */
    assert_int_equal(s.n_parts, 5);
    assert_int_equal(s.parts[0].points + s.parts[1].points,
                     800 * link_decay(2 * HOUR_S, 18 * HOUR_S) / 1024 +
                         800 * link_decay(2 * HOUR_S, 32 * HOUR_S) / 1024);
    assert_int_equal(s.parts[2].points, 150);
    assert_int_equal(s.parts[3].points, 80);
    assert_int_equal(s.parts[4].points, 50);
    (void)state;
}

static void
test_what_never_links(void **state)
{
    struct link_node a = {.level = 3, .points = 100, .product = 0},
                     b = {.level = 3, .points = 100, .product = 1};
    /* beyond the window of 72 h; too light to count; light and alone */
    assert_int_equal(score_of(73 * HOUR_S, 800, KEY_TYPES, &a, &b).score, 0);
    assert_int_equal(score_of(0, 119, KEY_TYPES, &a, &b).score, 0);
    assert_int_equal(score_of(0, 549, KEY_TYPES, &a, &b).score, 0);
    assert_true(score_of(0, 550, KEY_TYPES, &a, &b).score > 0);
    assert_true(score_of(0, 549, KEY_DOMAIN, &a, &b).score > 0); /* two classes may be light */
    (void)state;
}

static void
test_terms_need_a_base_and_each_its_condition(void **state)
{
    struct link_node a = {.leads = 2, .level = 3, .points = 100, .product = 1}, b = a;
    struct link_score s = score_of(30 * HOUR_S, 600, KEY_TYPES, &a, &b);
    assert_int_equal(s.n_parts, 1); /* below 300: no terms */
    s = score_of(0, 800, KEY_TYPES, &a, &b);
    assert_int_equal(s.score, 1000); /* one stage, one product: severities only */
    b.leads = 0;
    assert_int_equal(score_of(0, 800, KEY_TYPES, &a, &b).score, 1000); /* no tactic: no stage */
    a.detector = b.detector = 7;
    assert_int_equal(score_of(0, 800, KEY_FILE, &a, &b).score, 800 + 800 + 350 + 200);
    b.detector = 8;
    assert_int_equal(score_of(0, 800, KEY_FILE, &a, &b).score, 800 + 800 + 200);
    (void)state;
}

static void
test_only_the_best_key_of_a_class_counts(void **state)
{
    struct link_key keys[3] = {{1, KEY_URL, 1250}, {2, KEY_IP, 800}, {3, KEY_DOMAIN, 350}};
    struct link_node a = {.level = 1, .points = -150, .keys = keys, .n_keys = 3}, b = a;
    b.detector = 1;
    struct link_score s;
    link_score(&a, &b, &params_default, NULL, NULL, &s);
    assert_int_equal(s.n_parts, 2);
    assert_int_equal(s.parts[0].type, KEY_URL);
    assert_int_equal(s.score, 1250 - 300);
    (void)state;
}

static bool
by_name(const void *ctx, uint32_t a, uint32_t b)
{
    const char *const *names = ctx;
    return strcmp(names[a], names[b]) < 0;
}

static void
test_of_equal_keys_the_larger_name_is_shown_whatever_its_number(void **state)
{
    struct link_key keys[2] = {{0, KEY_USER, 800}, {1, KEY_USER, 800}};
    struct link_node a = {.keys = keys, .n_keys = 2}, b = a;
    const char *const up[] = {"anna", "berta"}, *const down[] = {"berta", "anna"};
    struct link_score s;
    link_score(&a, &b, &params_default, by_name, up, &s);
    assert_int_equal(s.parts[0].key, 1);
    link_score(&a, &b, &params_default, by_name, down, &s);
    assert_int_equal(s.parts[0].key, 0);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decay_halves_with_each_half_life_and_ends_after_twelve),
        cmocka_unit_test(test_the_gap_is_between_intervals_in_whole_steps),
        cmocka_unit_test(test_the_parts_of_a_score_are_those_of_the_design),
        cmocka_unit_test(test_what_never_links),
        cmocka_unit_test(test_terms_need_a_base_and_each_its_condition),
        cmocka_unit_test(test_only_the_best_key_of_a_class_counts),
        cmocka_unit_test(test_of_equal_keys_the_larger_name_is_shown_whatever_its_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
