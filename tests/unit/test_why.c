#include "normalize/why.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { HOUR_S = 3600, LIMIT_BYTES = 1 << 20, SHARED_MAX = 4 };

/* Two alerts of one product and stage, low severities, that share these keys. */
static struct why
why_made(struct arena *a, const struct link_key *shared, size_t n, int64_t gap_s,
         struct link_node *x, struct link_node *y)
{
    struct link_key keys[SHARED_MAX];
    struct why w;
    assert_true(n <= SHARED_MAX);
    if (n > 0)
        memcpy(keys, shared, n * sizeof *keys);
    x->keys = y->keys = keys;
    x->n_keys = y->n_keys = n;
    x->first_s = x->last_s = 0;
    y->first_s = y->last_s = gap_s;
    assert_int_equal(why_of(x, y, &params_default, NULL, NULL, a, &w).kind, ERR_NONE);
    return w;
}

static const struct why_term *
term(const struct why *w, enum link_part_kind kind)
{
    for (size_t i = 0; i < WHY_TERMS; i++)
        if (w->terms[i].kind == kind)
            return &w->terms[i];
    fail();
    return NULL;
}

static void
test_each_key_says_why_it_counts_or_not(void **state)
{
    static const struct {
        struct link_key key;
        int64_t gap_s;
        enum why_key_state want;
    } rows[] = {
        {{1, KEY_USER, 800}, 0, WHY_COUNTS},
        {{1, KEY_USER, 119}, 0, WHY_LIGHT},
        {{1, KEY_USER, 800}, 72 * HOUR_S, WHY_COUNTS},
        {{1, KEY_USER, 800}, 73 * HOUR_S, WHY_FAR},
        {{1, KEY_DEVICE, 120}, 30 * HOUR_S, WHY_FADED}, /* ten half-lives leave less than one */
    };
    struct arena *a = arena_new(LIMIT_BYTES);
    assert_non_null(a);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct link_node x = {.level = 1, .points = -150}, y = x;
        struct why w = why_made(a, &rows[i].key, 1, rows[i].gap_s, &x, &y);
        assert_int_equal(w.n_keys, 1);
        assert_int_equal(w.keys[0].state, rows[i].want);
        assert_false(w.links);
    }
    arena_free(a);
    (void)state;
}

static void
test_the_best_of_a_class_counts_and_comes_first(void **state)
{
    static const struct link_key keys[] = {
        {1, KEY_DOMAIN, 350}, {2, KEY_IP, 300}, {3, KEY_URL, 1250}, {4, KEY_USER, 200}};
    struct arena *a = arena_new(LIMIT_BYTES);
    assert_non_null(a);
    struct link_node x = {.level = 1, .points = -150}, y = x;
    y.detector = 1;
    struct why w = why_made(a, keys, 4, 0, &x, &y);
    static const uint32_t order[] = {3, 4, 1, 2};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(w.keys[i].key, order[i]);
    assert_int_equal(w.keys[1].state, WHY_COUNTS);
    assert_int_equal(w.keys[2].state, WHY_OUTDONE);
    assert_int_equal(w.base, 1450);
    assert_int_equal(w.score.score, 1450 - 300);
    assert_true(w.links);
    assert_int_equal(w.missing, 0);
    arena_free(a);
    (void)state;
}

static void
test_a_weak_key_alone_is_no_link_and_its_score_is_told(void **state)
{
    static const struct link_key weak[] = {{1, KEY_USER, 549}};
    static const struct link_key two[] = {{1, KEY_USER, 549}, {2, KEY_DOMAIN, 350}};
    struct arena *a = arena_new(LIMIT_BYTES);
    assert_non_null(a);
    struct link_node x = {.level = 3, .points = 100, .leads = 1},
                     y = {.level = 3, .points = 100, .leads = 2, .product = 1};
    struct why w = why_made(a, weak, 1, 0, &x, &y);
    assert_true(w.weak);
    assert_false(w.links);
    assert_int_equal(w.score.score, 549 + 150 + 80 + 200);
    assert_int_equal(w.missing, 21);
    w = why_made(a, two, 2, 0, &x, &y);
    assert_false(w.weak);
    assert_true(w.links);
    arena_free(a);
    (void)state;
}

static void
test_each_term_says_why_it_was_given_or_not(void **state)
{
    static const struct link_key file[] = {{1, KEY_FILE, 800}}, user[] = {{1, KEY_USER, 800}},
                                 faint[] = {{1, KEY_USER, 299}};
    static const struct {
        const struct link_key *key;
        struct link_node x, y;
        enum link_part_kind kind;
        enum why_term_state want;
    } rows[] = {
        {user, {.leads = 1}, {.leads = 2}, LINK_STAGE, WHY_GIVEN},
        {user, {.leads = 2}, {.leads = 2}, LINK_STAGE, WHY_SAME},
        {user, {.leads = 3}, {.leads = 0}, LINK_STAGE, WHY_NONE},
        {faint, {.leads = 1}, {.leads = 2}, LINK_STAGE, WHY_UNMET},
        {user, {.product = 1}, {.product = 2}, LINK_PRODUCT, WHY_GIVEN},
        {user, {.product = 1}, {.product = 1}, LINK_PRODUCT, WHY_SAME},
        {file, {.detector = 4}, {.detector = 4}, LINK_TWIN, WHY_GIVEN},
        {file, {.detector = 4}, {.detector = 5}, LINK_TWIN, WHY_SAME},
        {user, {.detector = 4}, {.detector = 4}, LINK_TWIN, WHY_NONE},
        {user, {.level = 3, .points = 100}, {.level = 1, .points = -150}, LINK_SEVERITY, WHY_GIVEN},
        {faint,
         {.level = 3, .points = 100},
         {.level = 1, .points = -150},
         LINK_SEVERITY,
         WHY_UNMET},
    };
    struct arena *a = arena_new(LIMIT_BYTES);
    assert_non_null(a);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct link_node x = rows[i].x, y = rows[i].y;
        struct why w = why_made(a, rows[i].key, 1, 0, &x, &y);
        assert_int_equal(term(&w, rows[i].kind)->state, rows[i].want);
    }
    arena_free(a);
    (void)state;
}

static void
test_nothing_shared_says_nothing(void **state)
{
    struct arena *a = arena_new(LIMIT_BYTES);
    assert_non_null(a);
    struct link_node x = {.level = 3, .points = 100}, y = x;
    struct why w = why_made(a, NULL, 0, 0, &x, &y);
    assert_int_equal(w.n_keys, 0);
    assert_int_equal(w.score.score, 0);
    assert_int_equal(w.missing, params_default.threshold);
    assert_false(w.weak);
    struct arena *tiny = arena_new(8);
    assert_non_null(tiny);
    assert_string_equal(why_of(&x, &y, &params_default, NULL, NULL, tiny, &w).code, "why.memory");
    arena_free(tiny);
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_key_says_why_it_counts_or_not),
        cmocka_unit_test(test_the_best_of_a_class_counts_and_comes_first),
        cmocka_unit_test(test_a_weak_key_alone_is_no_link_and_its_score_is_told),
        cmocka_unit_test(test_each_term_says_why_it_was_given_or_not),
        cmocka_unit_test(test_nothing_shared_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
