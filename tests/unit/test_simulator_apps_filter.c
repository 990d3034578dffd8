#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/simulator/apps_filter.h"

static const char *const OPEN =
    "{\"_id\":\"5e1d8b2a0c204203a335a3fb\",\"timestamp\":1578990000000,\"severityValue\":1,"
    "\"idValue\":15859716,\"resolutionStatusValue\":0}";
static const char *const CLOSED =
    "{\"_id\":\"5e1d8b2a0c204203a335a3fc\",\"timestamp\":1578990000000,\"severityValue\":2,"
    "\"resolutionStatusValue\":5,\"resolveTime\":\"2020-01-14T09:00:00.000Z\"}";
static const char *const OLD = /* a recording of 2020 has no resolutionStatusValue */
    "{\"_id\":\"x\",\"timestamp\":1578990000000,\"is_open\":false,\"resolveTime\":\"null\"}";

static int
setup(void **state)
{
    *state = arena_new(1 << 20);
    return *state == NULL;
}

static int
teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static struct json
parse(struct arena *a, const char *text)
{
    struct json v;
    assert_int_equal(json_parse(slice_of(text), a, &v).kind, ERR_NONE);
    return v;
}

static void
test_filters_pass_the_alerts_they_mean(void **state)
{
    static const struct {
        const char *filters;
        bool open, closed, old;
    } cases[] = {
        {"{}", true, true, true},
        {"{\"date\":{\"gte\":1578990000000}}", true, true, true},
        {"{\"date\":{\"gt\":1578990000000}}", false, false, false},
        {"{\"date\":{\"gte\":1578990000001}}", false, false, false},
        {"{\"date\":{\"lte\":1578990000000}}", true, true, true},
        {"{\"date\":{\"lt\":1578990000000}}", false, false, false},
        {"{\"date\":{\"range\":[{\"start\":1578980000000,\"end\":1578990000000}]}}", true, true,
         true},
        {"{\"date\":{\"range\":{\"start\":1578980000000,\"end\":1578989999999}}}", false, false,
         false},
        {"{\"date\":{\"gte_ndays\":1}}", true, true, true},
        {"{\"date\":{\"lte_ndays\":1}}", false, false, false},
        {"{\"date\":{\"gte\":1578990000000,\"lt\":1578990000001}}", true, true, true},
        {"{\"resolutionDate\":{\"gte\":1578992400000}}", false, true, false},
        {"{\"resolutionDate\":{\"gte\":1578992400001}}", false, false, false},
        {"{\"alertOpen\":{\"eq\":true}}", true, false, false},
        {"{\"alertOpen\":{\"eq\":[false]}}", false, true, true},
        {"{\"alertOpen\":{\"neq\":true}}", false, true, true},
        {"{\"severity\":{\"eq\":[1,2]}}", true, true, false},
        {"{\"severity\":{\"neq\":[2]}}", true, false, true},
        {"{\"resolutionStatus\":{\"eq\":5}}", false, true, false},
        {"{\"alertType\":{\"eq\":[15859716]}}", true, false, false},
        {"{\"id\":{\"eq\":[\"5e1d8b2a0c204203a335a3fb\",\"x\"]}}", true, false, true},
        {"{\"alertOpen\":{\"eq\":true},\"severity\":{\"eq\":2}}", false, false, false},
    };
    struct json open = parse(*state, OPEN);
    struct json closed = parse(*state, CLOSED);
    struct json old = parse(*state, OLD);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json f = parse(*state, cases[i].filters);
        struct err e = apps_filter_check(f);
        if (e.kind || apps_filter_match(f, open, 1579000000000) != cases[i].open ||
            apps_filter_match(f, closed, 1579000000000) != cases[i].closed ||
            apps_filter_match(f, old, 1579000000000) != cases[i].old)
            fail_msg("%s: %s", cases[i].filters, e.kind ? e.text : "judged wrong");
    }
}

static void
test_wrong_filters_are_refused(void **state)
{
    static const char *const cases[] = {
        "[]",
        "{\"lastModified\":{\"gte\":1}}",
        "{\"date\":5}",
        "{\"date\":{\"after\":1}}",
        "{\"date\":{\"gte\":\"yesterday\"}}",
        "{\"date\":{\"range\":[]}}",
        "{\"date\":{\"range\":[{\"start\":1}]}}",
        "{\"severity\":{\"gte\":1}}",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err e = apps_filter_check(parse(*state, cases[i]));
        if (e.kind != ERR_REJECT)
            fail_msg("%s was taken", cases[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_filters_pass_the_alerts_they_mean, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_filters_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
