#include "common/form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
test_escapes_are_undone_or_refused(void **state)
{
    static const struct {
        const char *in;
        bool plus;
        const char *out; /* NULL: refused */
    } rows[] = {
        {"", true, ""},           {"abc", true, "abc"},   {"a+b", true, "a b"},
        {"a+b", false, "a+b"},    {"%41%7a", true, "Az"}, {"%c3%A9", false, "\xc3\xa9"},
        {"100%25", true, "100%"}, {"%", true, NULL},      {"a%4", true, NULL},
        {"%4g", true, NULL},      {"%g4", true, NULL},    {"%00", true, NULL},
        {"%2500", true, "%00"},   {"%-1", true, NULL},
    };
    struct arena *a = arena_new(4096);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice out = SLICE("untouched");
        bool good = form_decode(slice_of(rows[i].in), rows[i].plus, a, &out);
        const char *expected = rows[i].out != NULL ? rows[i].out : "untouched";
        if (good != (rows[i].out != NULL) || !slice_eq(out, slice_of(expected)))
            fail_msg("%s: %.*s", rows[i].in, SLICE_ARG(out));
    }
    struct slice out;
    assert_false(form_decode((struct slice){"a\0b", 3}, true, a, &out));
    assert_false(form_decodes((struct slice){"a\0b", 3}));
    assert_true(form_decodes(SLICE_NONE));
    arena_free(a);
    (void)state;
}

static void
test_a_value_is_that_of_the_first_of_its_name(void **state)
{
    static const struct {
        const char *form, *name, *value;
    } rows[] = {
        {"a=1&b=2", "b", "2"},
        {"a=1&a=2", "a", "1"},
        {"a=&b", "a", ""},
        {"a=&b", "b", ""},
        {"%61=x", "a", "x"},
        {"$filter=x", "$filter", "x"},
        {"%24filter=x", "$filter", "x"},
        {"A=1", "a", NULL},
        {"ab=1", "a", NULL},
        {"a=b=c", "a", "b=c"},
        {"&&a=1&", "a", "1"},
        {"=1", "", NULL},
        {"a=%zz", "a", NULL},
        {"%6=1&a=2", "a", "2"},
        {"a+b=1", "a b", "1"},
        {"", "a", NULL},
    };
    struct arena *a = arena_new(4096);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice got = form_value(slice_of(rows[i].form), rows[i].name, a);
        if ((got.p != NULL) != (rows[i].value != NULL) || !slice_eq(got, slice_of(rows[i].value)))
            fail_msg("%s: %.*s", rows[i].form, SLICE_ARG(got));
    }
    assert_null(form_value(SLICE_NONE, "a", a).p);
    arena_free(a);
    (void)state;
}

static void
test_a_full_arena_gives_no_value(void **state)
{
    struct arena *a = arena_new(0);
    assert_null(form_value(SLICE("a=%41"), "a", a).p);
    assert_true(slice_eq(form_value(SLICE("a=A"), "a", a), SLICE("A")));
    arena_free(a);
    (void)state;
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes_are_undone_or_refused),
        cmocka_unit_test(test_a_value_is_that_of_the_first_of_its_name),
        cmocka_unit_test(test_a_full_arena_gives_no_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
