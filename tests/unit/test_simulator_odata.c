#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/simulator/odata.h"

static const char *const ROW =
    "{\"id\":\"da1_2\",\"incidentId\":7,\"severity\":\"High\",\"status\":\"New\","
    "\"assignedTo\":null,\"alertCreationTime\":\"2020-01-14T09:00:00.5Z\","
    "\"lastUpdateTime\":\"2020-01-14T10:00:00.1233333Z\",\"resolvedTime\":null}";

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
row(struct arena *a, const char *text)
{
    struct json v;
    assert_int_equal(json_parse(slice_of(text), a, &v).kind, ERR_NONE);
    return v;
}

static void
test_a_filter_passes_the_rows_it_means(void **state)
{
    static const struct {
        const char *filter;
        bool passes;
    } cases[] = {
        {"", true},
        {"lastUpdateTime ge 2020-01-14T10:00:00.1233333Z", true},
        {"lastUpdateTime gt 2020-01-14T10:00:00.1233333Z", false},
        {"lastUpdateTime lt 2020-01-14T10:00:00.1233334Z", true},
        {"LastUpdateTime le 2020-01-14T10:00:00Z", false},
        {"alertCreationTime eq 2020-01-14T09:00:00.5Z", true},
        {"alertCreationTime ne 2020-01-14T09:00:00.5Z", false},
        {"lastUpdateTime ge 2020-01-14T00:00:00Z and lastUpdateTime lt 2020-01-15T00:00:00Z", true},
        {"lastUpdateTime ge 2020-01-15T00:00:00Z and severity eq 'High'", false},
        {"lastUpdateTime ge 2020-01-15T00:00:00Z or severity eq 'High'", true},
        {"severity eq 'Low' or severity eq 'High' and status eq 'Resolved'", false},
        {"(severity eq 'Low' or severity eq 'High') and status eq 'New'", true},
        {"not (severity eq 'High')", false},
        {"not severity eq 'Low'", true},
        {"incidentId eq 7", true},
        {"incidentId gt 7", false},
        {"assignedTo eq null", true},
        {"assignedTo ne null", false},
        {"severity ne null", true},
        {"assignedTo eq 'x'", false},
        {"resolvedTime lt 2030-01-01T00:00:00Z", false},
        {"alertCreationTime gt 2018-08-01Z", true},
        {"startswith(id,'da1')", true},
        {"not startswith(severity, 'Hi') or startswith(id,'x')", false},
        {"startswith(assignedTo,'')", true},
        {"id ne 'it''s'", true},
    };
    struct json v = row(*state, ROW);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct odata *f = NULL;
        struct err e = odata_parse(slice_of(cases[i].filter), *state, &f);
        if (e.kind || odata_match(f, v) != cases[i].passes)
            fail_msg("%s: %s", cases[i].filter, e.kind ? e.text : "judged wrong");
    }
}

static void
test_a_wrong_filter_is_refused_with_its_code(void **state)
{
    static const struct {
        const char *filter, *code;
    } cases[] = {
        {"severity eq High", "odata.literal"},
        {"lastUpdateTime ge '2020-01-14T10:00:00Z'", "odata.literal"},
        {"lastUpdateTime ge yesterday", "odata.literal"},
        {"incidentId eq seven", "odata.literal"},
        {"title eq 'x'", "odata.property"},
        {"Severity/any()", "odata.property"},
        {"severity is 'High'", "odata.syntax"},
        {"severity eq 'High", "odata.syntax"},
        {"severity eq 'High''", "odata.syntax"},
        {"startswith(incidentId,'7')", "odata.property"},
        {"startswith(id)", "odata.property"},
        {"startswith(id,7)", "odata.literal"},
        {"startswith(id,'7'", "odata.syntax"},
        {"(severity eq 'High'", "odata.syntax"},
        {"severity eq 'High' severity eq 'Low'", "odata.syntax"},
        {"and", "odata.property"},
        {"((((((((((((((((((((severity eq 'High'))))))))))))))))))))", "odata.depth"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct odata *f = NULL;
        struct err e = odata_parse(slice_of(cases[i].filter), *state, &f);
        if (e.kind != ERR_REJECT || strcmp(e.code, cases[i].code) != 0)
            fail_msg("%s: %s", cases[i].filter, e.kind ? e.code : "was taken");
    }
}

static void
test_a_filter_tells_which_properties_it_uses(void **state)
{
    const struct odata *f = NULL;
    struct err e = odata_parse(
        slice_of("id eq 'x' and not (lastupdatetime lt 2020-01-01T00:00:00Z)"), *state, &f);
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(odata_uses(f, "lastUpdateTime"));
    assert_true(odata_uses(f, "id"));
    assert_false(odata_uses(f, "severity"));
    assert_false(odata_uses(NULL, "id"));
}

static void
test_an_alert_of_2019_is_judged_by_its_creation(void **state)
{
    const struct odata *f = NULL;
    struct json v = row(*state, "{\"alertCreationTime\":\"2019-09-01T13:31:08Z\"}");
    struct err e = odata_parse(slice_of("lastUpdateTime ge 2019-09-01T00:00:00Z"), *state, &f);
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(odata_match(f, v));
}

static void
test_the_order_is_newest_first_unless_asked_otherwise(void **state)
{
    struct odata_order order;
    (void)state;
    assert_int_equal(odata_order_parse(SLICE_NONE, &order).kind, ERR_NONE);
    assert_string_equal(order.property, "alertCreationTime");
    assert_true(order.descending);
    assert_int_equal(odata_order_parse(SLICE("lastupdatetime asc"), &order).kind, ERR_NONE);
    assert_string_equal(order.property, "lastUpdateTime");
    assert_false(order.descending);
    assert_int_equal(odata_order_parse(SLICE("title desc"), &order).kind, ERR_REJECT);
    assert_int_equal(odata_order_parse(SLICE("lastUpdateTime up"), &order).kind, ERR_REJECT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_filter_passes_the_rows_it_means, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_wrong_filter_is_refused_with_its_code, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_filter_tells_which_properties_it_uses, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_an_alert_of_2019_is_judged_by_its_creation, setup,
                                        teardown),
        cmocka_unit_test(test_the_order_is_newest_first_unless_asked_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
