#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/line.h"
#include "common/near.h"

#define BAD "\xef\xbf\xbd"

static void
test_text_is_escaped_for_json_and_for_terminals(void **state)
{
    static const struct {
        const char *text, *json, *plain;
    } ROWS[] = {
        {"plain", "\"plain\"", "plain"},
        {"", "\"\"", ""},
        {"a\"b\\c", "\"a\\\"b\\\\c\"", "a\"b\\c"},
        {"\n\x1b\x7f", "\"\\u000a\\u001b\\u007f\"", "\\x0a\\x1b\\x7f"},
        {"\xc2\x9b", "\"\xc2\x9b\"", "\\x9b"},
        {"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\"",
         "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"a\xff", "\"a" BAD "\"", "a" BAD},
        {"\xc0\xaf", "\"" BAD BAD "\"", BAD BAD},             /* overlong */
        {"\xed\xa0\x80", "\"" BAD BAD BAD "\"", BAD BAD BAD}, /* a surrogate */
        {"\xf4\x90\x80\x80", "\"" BAD BAD BAD BAD "\"", BAD BAD BAD BAD},
        {"\xe2\x82", "\"" BAD BAD "\"", BAD BAD}, /* ends too early */
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char space[64];
        struct line l = {.p = space, .size = sizeof space};
        line_json(&l, slice_of(ROWS[i].text));
        assert_true(slice_eq((struct slice){l.p, l.n}, slice_of(ROWS[i].json)));
        l.n = 0;
        line_plain(&l, slice_of(ROWS[i].text));
        assert_true(slice_eq((struct slice){l.p, l.n}, slice_of(ROWS[i].plain)));
        assert_false(l.full);
    }
    (void)state;
}

static void
test_what_does_not_fit_is_not_half_written(void **state)
{
    char space[8];
    struct line l = {.p = space, .size = sizeof space};
    line_json(&l, SLICE("1234567"));
    assert_true(l.full);
    assert_int_equal(l.n, 0);
    line_json(&l, SLICE("123456"));
    assert_true(l.full); /* stays until it is looked at */
    assert_int_equal(l.n, 8);
    l = (struct line){.p = space, .size = sizeof space};
    line_printf(&l, "%d", 12345678);
    assert_true(l.full);
    assert_int_equal(l.n, 0);
    line_plain(&l, SLICE("\n\n\n"));
    assert_int_equal(l.n, 0);
    line_put(&l, SLICE("123456789"));
    assert_int_equal(l.n, 0);
    (void)state;
}

static void
test_the_nearest_word_is_found_and_a_far_one_is_not(void **state)
{
    static const char *const KNOWN[] = {"tenant", "incident", "correlate", "db"};
    static const struct {
        const char *wanted, *best;
    } ROWS[] = {
        {"tenat", "tenant"},
        {"tenatn", "tenant"},
        {"tenants", "tenant"},
        {"inicdent", "incident"},
        {"corelat", "correlate"},
        {"bd", "db"},
        {"bx", NULL},
        {"", NULL},
        {"frobnicate", NULL},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct near n;
        near_init(&n, ROWS[i].wanted);
        for (size_t k = 0; k < sizeof KNOWN / sizeof KNOWN[0]; k++)
            near_try(&n, KNOWN[k]);
        if (ROWS[i].best == NULL)
            assert_null(n.best);
        else
            assert_string_equal(n.best, ROWS[i].best);
    }
    char endless[300];
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    struct near n;
    near_init(&n, endless);
    near_try(&n, endless);
    assert_ptr_equal(n.best, endless);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_escaped_for_json_and_for_terminals),
        cmocka_unit_test(test_what_does_not_fit_is_not_half_written),
        cmocka_unit_test(test_the_nearest_word_is_found_and_a_far_one_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
