#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/clock.h"
#include "serve/odata.h"

static struct arena *arena;

static int
setup(void **state)
{
    (void)state;
    arena = arena_new(1024 * 1024);
    return arena == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static int64_t
time_of(const char *text)
{
    int64_t t;
    assert_true(clock_parse(slice_of(text), &t));
    return t;
}

static struct err
read_filter(const char *text, struct odata_query *q)
{
    odata_init(q);
    return odata_filter(slice_of(text), arena, q);
}

static void
test_a_time_is_read_however_clients_write_it(void **state)
{
    static const char *const same[] = {
        "lastUpdateTime gt 2021-04-05T10:20:30.1234567Z",
        "lastUpdateTime+gt+2021-04-05T10:20:30.1234567Z",
        "lastUpdateTime gt 2021-04-05T10:20:30.1234567",
        "lastUpdateTime gt 2021-04-05T10:20:30.1234567+00:00",
        "lastUpdateTime gt 2021-04-05T10:20:30.1234567 00:00",
        "lastUpdateTime+gt+2021-04-05T12:20:30.1234567+02:00",
        "lastUpdateTime gt 2021-04-05T08:20:30.1234567-02:00",
        "  lastUpdateTime  GT  '2021-04-05T10:20:30.1234567Z' ",
        "lastUpdateTime+gt+2021-04-05T10:20:30.1234567+00:00+and+lastUpdateTime+gt+2020-01-01",
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        struct odata_query q;
        struct err e = read_filter(same[i], &q);
        if (e.kind)
            fail_msg("%s: %s", same[i], e.text);
        assert_int_equal(q.filter.updated_gt, time_of("2021-04-05T10:20:30.1234567Z"));
        assert_int_equal(q.filter.updated_ge, INT64_MIN);
    }
    (void)state;
}

static void
test_each_operator_sets_its_bound(void **state)
{
    int64_t t = time_of("2021-04-05T00:00:00Z"), none = INT64_MIN;
    const struct {
        const char *text;
        int64_t gt, ge, lt, le;
    } cases[] = {
        {"createdTime gt 2021-04-05T00:00:00Z", t, none, none, none},
        {"createdTime ge 2021-04-05T00:00:00Z", none, t, none, none},
        {"createdTime lt 2021-04-05T00:00:00Z", none, none, t, none},
        {"createdTime le 2021-04-05T00:00:00Z", none, none, none, t},
        {"createdTime eq 2021-04-05T00:00:00Z", none, t, none, t},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct odata_query q;
        assert_int_equal(read_filter(cases[i].text, &q).kind, ERR_NONE);
        assert_int_equal(q.filter.created_gt, cases[i].gt);
        assert_int_equal(q.filter.created_ge, cases[i].ge);
        assert_int_equal(q.filter.created_lt, cases[i].lt);
        assert_int_equal(q.filter.created_le, cases[i].le);
    }
    (void)state;
}

static void
test_of_several_bounds_the_tightest_counts(void **state)
{
    struct odata_query q;
    assert_int_equal(read_filter("createdTime gt 2021-01-01 and createdTime gt 2021-03-01 and "
                                 "createdTime lt 2022-01-01 and createdTime lt 2021-06-01",
                                 &q)
                         .kind,
                     ERR_NONE);
    assert_int_equal(q.filter.created_gt, time_of("2021-03-01"));
    assert_int_equal(q.filter.created_lt, time_of("2021-06-01"));
    (void)state;
}

static void
test_words_become_the_stored_ones(void **state)
{
    struct odata_query q;
    assert_int_equal(read_filter("status eq 'InProgress' and severity eq 'High' and assignedTo eq "
                                 "'o''neill+soc@contoso.com' and incidentId eq 42",
                                 &q)
                         .kind,
                     ERR_NONE);
    assert_true(slice_eq(q.filter.status, SLICE("inProgress")));
    assert_int_equal(q.filter.severity, 256);
    assert_true(slice_eq(q.filter.assigned_to, SLICE("o'neill+soc@contoso.com")));
    assert_int_equal(q.filter.id, 42);
    assert_false(q.nothing);
    assert_int_equal(read_filter("status eq 'redirected'", &q).kind, ERR_NONE);
    assert_true(q.filter.redirected);
    (void)state;
}

static void
test_conditions_that_contradict_fit_nothing(void **state)
{
    static const char *const texts[] = {
        "status eq 'Active' and status eq 'Resolved'",
        "severity eq 'Low' and severity eq 'High'",
        "assignedTo eq 'a' and assignedTo eq 'b'",
        "incidentId eq 1 and incidentId eq 2",
        "incidentId eq 0",
        "incidentId eq -4",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct odata_query q;
        assert_int_equal(read_filter(texts[i], &q).kind, ERR_NONE);
        assert_true(q.nothing);
    }
    (void)state;
}

static void
test_what_is_not_wanted_is_collected(void **state)
{
    struct odata_query q;
    assert_int_equal(read_filter("status ne 'active' and status ne 'Resolved' and severity ne "
                                 "'High' and assignedTo ne 'a@b.example' and assignedTo ne null",
                                 &q)
                         .kind,
                     ERR_NONE);
    assert_int_equal(q.filter.n_not_status, 2);
    assert_true(slice_eq(q.filter.not_status[0], SLICE("active")));
    assert_true(slice_eq(q.filter.not_status[1], SLICE("resolved")));
    assert_int_equal(q.filter.n_not_severity, 1);
    assert_int_equal(q.filter.not_severity[0], 256);
    assert_int_equal(q.filter.n_not_assigned_to, 2);
    assert_true(slice_eq(q.filter.not_assigned_to[0], SLICE("a@b.example")));
    assert_true(q.filter.not_assigned_to[1].p != NULL && q.filter.not_assigned_to[1].n == 0);
    assert_true(q.filter.status.p == NULL && q.filter.assigned_to.p == NULL);
    assert_false(q.nothing);
    (void)state;
}

static void
test_null_is_nobody_and_a_text_is_not(void **state)
{
    struct odata_query q;
    assert_int_equal(read_filter("assignedTo eq null", &q).kind, ERR_NONE);
    assert_true(q.filter.assigned_to.p != NULL && q.filter.assigned_to.n == 0);
    assert_int_equal(read_filter("assignedTo eq 'null'", &q).kind, ERR_NONE);
    assert_true(slice_eq(q.filter.assigned_to, SLICE("null")));
    (void)state;
}

static void
test_a_wrong_filter_is_refused_and_its_part_named(void **state)
{
    static const struct {
        const char *text, *named;
    } cases[] = {
        {"", "property"},
        {"foo eq 1", "'foo'"},
        {"LastUpdateTime gt 2021-01-01", "'LastUpdateTime'"},
        {"status", "operator"},
        {"status has 'Active'", "'has'"},
        {"status eq", "value"},
        {"status eq 'Active", "quote"},
        {"status eq 'Open'", "'Open'"},
        {"status gt 'Active'", "'status'"},
        {"severity eq 'Huge'", "'Huge'"},
        {"severity eq 'unknownFutureValue'", "'unknownFutureValue'"},
        {"incidentId eq one", "'one'"},
        {"incidentId gt 1", "'incidentId'"},
        {"assignedTo eq nobody", "single quotes"},
        {"assignedTo eq ''", "single quotes"},
        {"assignedTo gt 'a'", "'assignedTo'"},
        {"status ne 'Open'", "'Open'"},
        {"incidentId ne 1", "'incidentId'"},
        {"createdTime gt yesterday", "'yesterday'"},
        {"createdTime gt 2021-02-30T00:00:00Z", "2021-02-30"},
        {"createdTime ne 2021-02-03", "'createdTime'"},
        {"status eq 'Active' or status eq 'Resolved'", "'or'"},
        {"status eq 'Active' and", "property"},
        {"status eq 'Active' 'x'", "'and'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct odata_query q;
        struct err e = read_filter(cases[i].text, &q);
        assert_int_equal(e.kind, ERR_REJECT);
        assert_string_equal(e.code, "odata.filter");
        if (strstr(e.text, cases[i].named) == NULL)
            fail_msg("%s: '%s' does not name %s", cases[i].text, e.text, cases[i].named);
    }
    (void)state;
}

static void
test_a_filter_of_very_many_conditions_is_refused(void **state)
{
    char text[64 * 80] = "incidentId eq 1";
    struct odata_query q;
    for (int i = 1; i <= ODATA_CONDITIONS_MAX; i++)
        strcat(text, " and incidentId eq 1");
    assert_string_equal(read_filter(text, &q).code, "odata.filter");
    (void)state;
}

static void
test_top_and_skip_have_limits(void **state)
{
    static const struct {
        const char *top, *skip, *code;
        int64_t top_is, skip_is;
    } cases[] = {
        {NULL, NULL, NULL, 100, 0},
        {"100", "0", NULL, 100, 0},
        {"1", "200", NULL, 1, 200},
        {"0", NULL, NULL, 0, 0},
        {"101", NULL, "odata.top", 0, 0},
        {"-1", NULL, "odata.top", 0, 0},
        {"ten", NULL, "odata.top", 0, 0},
        {"", NULL, "odata.top", 0, 0},
        {"5", "-1", "odata.skip", 0, 0},
        {"5", "1e3", "odata.skip", 0, 0},
        {"5", "9999999999999999999", "odata.skip", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct odata_query q;
        odata_init(&q);
        struct err e = odata_page(slice_of(cases[i].top), slice_of(cases[i].skip), &q);
        assert_int_equal(e.kind, cases[i].code != NULL ? ERR_REJECT : ERR_NONE);
        if (cases[i].code != NULL) {
            assert_string_equal(e.code, cases[i].code);
            continue;
        }
        assert_int_equal(q.filter.top, cases[i].top_is);
        assert_int_equal(q.filter.skip, cases[i].skip_is);
    }
    (void)state;
}

static void
test_the_order_is_newest_first_unless_the_filter_is_a_cursor(void **state)
{
    struct odata_query q;
    odata_init(&q);
    odata_order_default(&q);
    assert_true(q.filter.descending);
    assert_int_equal(q.filter.order, INCIDENTS_BY_UPDATED);
    assert_int_equal(read_filter("lastUpdateTime gt 2021-01-01", &q).kind, ERR_NONE);
    odata_order_default(&q);
    assert_false(q.filter.descending);
    assert_int_equal(read_filter("createdTime gt 2021-01-01", &q).kind, ERR_NONE);
    odata_order_default(&q);
    assert_true(q.filter.descending);
    (void)state;
}

static void
test_an_order_can_be_asked_for(void **state)
{
    struct odata_query q;
    odata_init(&q);
    assert_int_equal(odata_order(SLICE("createdTime asc"), &q).kind, ERR_NONE);
    assert_int_equal(q.filter.order, INCIDENTS_BY_CREATED);
    assert_false(q.filter.descending);
    assert_int_equal(odata_order(SLICE("lastUpdateTime+desc"), &q).kind, ERR_NONE);
    assert_int_equal(q.filter.order, INCIDENTS_BY_UPDATED);
    assert_true(q.filter.descending);
    assert_int_equal(odata_order(SLICE("lastUpdateTime"), &q).kind, ERR_NONE);
    assert_false(q.filter.descending);
    assert_string_equal(odata_order(SLICE("severity desc"), &q).code, "odata.orderby");
    assert_string_equal(odata_order(SLICE("createdTime up"), &q).code, "odata.orderby");
    assert_string_equal(odata_order(SLICE("createdTime asc, x"), &q).code, "odata.orderby");
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_time_is_read_however_clients_write_it),
        cmocka_unit_test(test_each_operator_sets_its_bound),
        cmocka_unit_test(test_of_several_bounds_the_tightest_counts),
        cmocka_unit_test(test_words_become_the_stored_ones),
        cmocka_unit_test(test_conditions_that_contradict_fit_nothing),
        cmocka_unit_test(test_what_is_not_wanted_is_collected),
        cmocka_unit_test(test_null_is_nobody_and_a_text_is_not),
        cmocka_unit_test(test_a_wrong_filter_is_refused_and_its_part_named),
        cmocka_unit_test(test_a_filter_of_very_many_conditions_is_refused),
        cmocka_unit_test(test_top_and_skip_have_limits),
        cmocka_unit_test(test_the_order_is_newest_first_unless_the_filter_is_a_cursor),
        cmocka_unit_test(test_an_order_can_be_asked_for),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
