#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/oid.h"

static const struct {
    uint8_t first, others;
    const char *text;
} KNOWN[] = {
    /* Python: base64.b32encode(...).lower().rstrip("=") */
    {0x00, 0x00, "aaaaaaaaaaaaaaaaaaaaaaaaaa"},
    {0xff, 0xff, "77777777777777777777777774"},
    {0x12, 0xab, "ckv2xk5lvov2xk5lvov2xk5lvm"},
};

static void
test_an_oid_is_written_as_base32_in_lower_case(void **state)
{
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        struct oid oid, back;
        memset(oid.b, KNOWN[i].others, sizeof oid.b);
        oid.b[0] = KNOWN[i].first;
        assert_string_equal(oid_format(&oid).s, KNOWN[i].text);
        assert_true(oid_parse(slice_of(KNOWN[i].text), &back));
        assert_true(oid_eq(&oid, &back));
    }
    (void)state;
}

static void
test_what_is_no_oid_is_refused_and_the_output_left_alone(void **state)
{
    static const char *const BAD[] = {
        "",
        "aaaaaaaaaaaaaaaaaaaaaaaaa",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "1aaaaaaaaaaaaaaaaaaaaaaaaa",
        "aaaaaaaaaaaaaaaaaaaaaaaaab", /* bits beyond the sixteenth byte */
        "aaaaaaaaaaaaaaaaaaaaaaaaa=",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct oid oid = {{7}}, same = oid;
        assert_false(oid_parse(slice_of(BAD[i]), &oid));
        assert_true(oid_eq(&oid, &same));
    }
    struct oid oid;
    assert_false(oid_parse(SLICE("aaaaaaaaaaaaaaaaaaaaaaaaa\0"), &oid));
    (void)state;
}

static void
test_order_is_that_of_the_bytes(void **state)
{
    struct oid low = {{0x7f}}, high = {{0x80}};
    assert_true(oid_cmp(&low, &high) < 0);
    assert_true(oid_cmp(&high, &low) > 0);
    assert_int_equal(oid_cmp(&low, &low), 0);
    assert_false(oid_eq(&low, &high));
    (void)state;
}

static void
test_sixteen_bytes_and_no_others_are_an_oid(void **state)
{
    struct oid oid = {{1, 2, 3}}, back = {{0}};
    assert_int_equal(oid_slice(&oid).n, OID_BYTES);
    assert_true(oid_from(oid_slice(&oid), &back));
    assert_true(oid_eq(&oid, &back));
    assert_false(oid_from(slice_sub(oid_slice(&oid), 0, 15), &back));
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_oid_is_written_as_base32_in_lower_case),
        cmocka_unit_test(test_what_is_no_oid_is_refused_and_the_output_left_alone),
        cmocka_unit_test(test_order_is_that_of_the_bytes),
        cmocka_unit_test(test_sixteen_bytes_and_no_others_are_an_oid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
