#include "common/fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const int64_t NOON_S = INT64_C(1575288000); /* Mon, 02 Dec 2019 12:00:00 GMT */

static void
test_retry_after_reads_seconds_and_dates(void **state)
{
    static const struct {
        const char *value;
        int64_t ms; /* -1: refused */
    } rows[] = {
        {"0", 0},
        {"120", 120000},
        {" 7 ", 7000},
        {"86401", 86400000},
        {"99999999999999999999999999", 86400000},
        {"Mon, 02 Dec 2019 12:01:00 GMT", 60000},
        {"Monday, 02-Dec-19 12:01:00 GMT", 60000},
        {"Mon Dec  2 12:01:00 2019", 60000},
        {"Mon, 02 Dec 2019 11:59:00 GMT", 0},
        {"Fri, 31 Dec 9999 23:59:59 GMT", 86400000},
        {"soon", -1},
        {"", -1},
        {"-5", -1},
        {"1.5", -1},
        {"12 s", -1},
        {"Mon, 31 Feb 2019 12:00:00 GMT", -1},
        {"Mon, 02 Dec 2019 12:01:00", -1},
        {"Mon, 02 Dec 2019 12:01:00 GMT and more", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = 77;
        struct err e = fetch_retry_after(slice_of(rows[i].value), NOON_S, &ms);
        if (e.kind != (rows[i].ms < 0 ? ERR_REJECT : ERR_NONE) ||
            ms != (rows[i].ms < 0 ? 77 : rows[i].ms))
            fail_msg("\"%s\" gave %lld", rows[i].value, (long long)ms);
    }
    int64_t ms = 77;
    struct err e = fetch_retry_after(SLICE_NONE, NOON_S, &ms);
    assert_string_equal(e.code, "fetch.retry_after");
    e = fetch_retry_after(SLICE("Mon, 02 Dec 2019 12:01:00 GMT"), INT64_MIN, &ms);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(ms, 86400000);
    (void)state;
}

static void
test_the_clock_of_a_server_is_its_date(void **state)
{
    int64_t s = 7;
    assert_true(
        fetch_date(SLICE("HTTP/1.1 200 OK\r\ndate: Mon, 02 Dec 2019 12:01:00 GMT\r\n\r\n"), &s));
    assert_int_equal(s, 1575288060);
    assert_false(fetch_date(SLICE("HTTP/1.1 200 OK\r\nDate: 12\r\n\r\n"), &s));
    assert_false(fetch_date(SLICE("HTTP/1.1 200 OK\r\n\r\n"), &s));
    assert_false(fetch_date(SLICE_NONE, &s));
    (void)state;
}

static void
test_url_encoding_leaves_only_the_unreserved(void **state)
{
    struct arena *a = arena_new(4096);
    static const struct {
        const char *in, *out;
    } rows[] = {{"aZ09-._~", "aZ09-._~"},
                {"a b&c=/?#%+", "a%20b%26c%3D%2F%3F%23%25%2B"},
                {"\xc3\xa9", "%C3%A9"},
                {"", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_true(slice_eq(fetch_url_encode(a, slice_of(rows[i].in)), slice_of(rows[i].out)));
    assert_true(slice_eq(fetch_url_encode(a, (struct slice){"\0", 1}), SLICE("%00")));
    arena_free(a);
    (void)state;
}

static void
test_header_blocks_are_read_as_they_come(void **state)
{
    static const struct {
        const char *block, *name, *value;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\n\r\n", "A", "2"},
        {"HTTP/1.1 200 OK\r\nA:\r\n\r\n", "a", ""},
        {"HTTP/1.1 200 OK\r\nAB: 1\r\n\r\n", "a", NULL},
        {"A:x:y\r\n", "a", "x:y"},
        {"", "a", NULL},
        {"a", "a", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice got = fetch_header(slice_of(rows[i].block), rows[i].name);
        assert_int_equal(got.p != NULL, rows[i].value != NULL);
        assert_true(slice_eq(got, slice_of(rows[i].value)));
    }
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry_after_reads_seconds_and_dates),
        cmocka_unit_test(test_the_clock_of_a_server_is_its_date),
        cmocka_unit_test(test_url_encoding_leaves_only_the_unreserved),
        cmocka_unit_test(test_header_blocks_are_read_as_they_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
