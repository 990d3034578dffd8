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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_limit_is_kept_and_remembered),
        cmocka_unit_test(test_a_reset_makes_it_new),
        cmocka_unit_test(test_sizes_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
