#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "normalize/names.h"

static void
test_equal_texts_are_one_number_in_the_order_of_first_use(void **state)
{
    enum { MANY = 5000 };
    struct names *n = names_new();
    char text[32];
    assert_non_null(n);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < MANY; i++) {
            int length = snprintf(text, sizeof(text), "%d-%.*s", i, i % 12, "abcdefghijkl");
            assert_int_equal(names_add(n, (struct slice){text, (size_t)length}), i);
        }
    assert_int_equal(names_count(n), MANY);
    for (int i = 0; i < MANY; i++) {
        int length = snprintf(text, sizeof(text), "%d-%.*s", i, i % 12, "abcdefghijkl");
        struct slice want = {text, (size_t)length};
        assert_int_equal(names_find(n, want), i);
        assert_true(slice_eq(names_text(n, i), want));
    }
    names_free(n);
    (void)state;
}

static void
test_the_empty_text_and_bytes_of_nothing_are_texts_too(void **state)
{
    const struct slice ROWS[] = {SLICE(""),  SLICE("\0"),       SLICE("\0\0"),      SLICE("a\0b"),
                                 SLICE("a"), SLICE("12345678"), SLICE("12345678\0")};
    enum { N = sizeof(ROWS) / sizeof(ROWS[0]) };
    struct names *n = names_new();
    assert_non_null(n);
    assert_int_equal(names_find(n, SLICE("")), NAMES_NONE);
    for (int i = 0; i < N; i++)
        assert_int_equal(names_add(n, ROWS[i]), i);
    for (int i = 0; i < N; i++)
        assert_int_equal(names_find(n, ROWS[i]), i);
    assert_int_equal(names_find(n, SLICE("b")), NAMES_NONE);
    names_free(n);
    names_free(NULL);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_texts_are_one_number_in_the_order_of_first_use),
        cmocka_unit_test(test_the_empty_text_and_bytes_of_nothing_are_texts_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
