/* What a tenant's stored settings do to the normalizer; its functions are static, so they come in
 * with the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "normalize/tenants.c"

static void
test_a_wrong_list_is_empty_and_no_error(void **state)
{
    static const struct {
        const char *text;
        size_t n_hubs, n_domains;
    } ROWS[] = {
        {"{\"domains\":[\"a.com\"],\"hubs\":[{\"type\":\"ip\",\"value\":\"203.0.113.9\","
         "\"damp\":100}]}",
         1, 1},
        {"{\"domains\":[\"a.com\"],\"hubs\":[{\"type\":\"foo\",\"value\":\"x\",\"damp\":1}]}", 0,
         0},
        {"{\"domains\":[\"a.com\"],\"hubs\":[{\"type\":\"ip\",\"value\":\"x\",\"damp\":1}]}", 0, 0},
        {"no JSON", 0, 0},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct tenant t = {.settings = arena_new(SETTINGS_LIMIT)};
        assert_non_null(t.settings);
        struct err e = take_setting(&t, SLICE("correlation"), slice_of(ROWS[i].text));
        assert_int_equal(e.kind, ERR_NONE);
        assert_int_equal(t.keys.n_hubs, ROWS[i].n_hubs);
        assert_int_equal(t.keys.n_domains, ROWS[i].n_domains);
        arena_free(t.settings);
    }
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wrong_list_is_empty_and_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
