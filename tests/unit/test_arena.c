/* Memory that dies together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/arena.h"

static void
test_the_limit_is_kept_and_remembered(void **state)
{
    struct arena *a = arena_new(1024);
    assert_non_null(arena_alloc(a, 1000));
    assert_false(arena_short(a));
    assert_null(arena_alloc(a, 1000));
    assert_true(arena_short(a));
    assert_non_null(arena_alloc(a, 8)); /* what fits is still given, but it was short */
    assert_true(arena_short(a));
    assert_true(arena_used(a) <= 1024);
    arena_free(a);
    (void)state;
}

static void
test_a_reset_makes_it_new(void **state)
{
    struct arena *a = arena_new(1024);
    size_t capacity = SIZE_MAX / 8;
    assert_null(arena_grow(a, NULL, 64, &capacity));
    assert_int_equal(capacity, SIZE_MAX / 8);
    assert_true(arena_short(a));
    arena_reset(a);
    assert_false(arena_short(a));
    assert_int_equal(arena_used(a), 0);
    assert_non_null(arena_alloc(a, 1024));
    arena_free(a);
    (void)state;
}

static void
test_sizes_that_cannot_be_are_refused(void **state)
{
    struct arena *a = arena_new(SIZE_MAX);
    assert_null(arena_alloc(a, SIZE_MAX));
    assert_null(arena_alloc(a, SIZE_MAX - 8));
    assert_true(arena_short(a));
    arena_free(a);
    (void)state;
}

static void
test_a_pool_is_shared_up_to_its_end_and_given_back(void **state)
{
    struct arena_pool pool = {.max = 100000};
    struct arena *a = arena_new(1 << 20), *b = arena_new(1 << 20);
    arena_share(a, &pool, 60000);
    arena_share(b, &pool, 10000);
    assert_int_equal(pool.used, 70000);
    assert_non_null(arena_alloc(a, 50000)); /* of what it took */
    assert_int_equal(pool.used, 70000);
    assert_null(arena_alloc(b, 50000));
    assert_true(arena_short(b));
    assert_int_equal(arena_pool_short(b), 50000);
    assert_int_equal(arena_pool_short(a), 0);
    assert_true(arena_take(b, 20000)); /* 10000 of its own, 10000 more */
    assert_int_equal(pool.used, 80000);
    assert_false(arena_take(b, 20001));
    arena_reset(a);
    assert_int_equal(pool.used, 20000);
    arena_free(b);
    assert_int_equal(pool.used, 0);
    assert_non_null(arena_alloc(a, 200000)); /* it shares no longer */
    assert_int_equal(pool.used, 0);
    arena_free(a);
    (void)state;
}

static void
test_many_small_arenas_are_small(void **state)
{
    struct arena_pool pool = {.max = 1 << 20};
    struct arena *a = arena_new(1 << 20);
    arena_share(a, &pool, 0);
    assert_non_null(arena_alloc(a, 100));
    assert_true(pool.used <= 4096);
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pool_is_shared_up_to_its_end_and_given_back),
        cmocka_unit_test(test_many_small_arenas_are_small),
        cmocka_unit_test(test_the_limit_is_kept_and_remembered),
        cmocka_unit_test(test_a_reset_makes_it_new),
        cmocka_unit_test(test_sizes_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
