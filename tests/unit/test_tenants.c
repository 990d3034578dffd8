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

static void
test_a_tenants_parameters_lie_over_the_installations(void **state)
{
    static const struct {
        const char *text;
        int32_t threshold, related;
    } ROWS[] = {
        {"{\"threshold\":1200}", 1200, 650},
        {"{\"profile\":\"flat\",\"related\":800}", 1150, 800},
        {"{}", 1100, 650},
        {"{\"related\":800,\"treshold\":1200}", 1100, 650}, /* nothing of what is wrong */
        {"{\"threshold\":0}", 1100, 650},
        {"no JSON", 1100, 650},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct tenant t = {.settings = arena_new(SETTINGS_LIMIT), .params = params_default};
        assert_non_null(t.settings);
        t.params.threshold = 1100;
        t.params.related = 650;
        struct err e = take_setting(&t, SLICE("parameters"), slice_of(ROWS[i].text));
        assert_int_equal(e.kind, ERR_NONE);
        assert_int_equal(t.params.threshold, ROWS[i].threshold);
        assert_int_equal(t.params.related, ROWS[i].related);
        arena_free(t.settings);
    }
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wrong_list_is_empty_and_no_error),
        cmocka_unit_test(test_a_tenants_parameters_lie_over_the_installations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
