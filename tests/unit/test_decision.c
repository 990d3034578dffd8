#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/alert.h"
#include "schemas/decision.h"

static struct arena *arena;

static int
setup(void **state)
{
    (void)state;
    arena = arena_new(16 * 1024 * 1024);
    return arena == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct err
read_text(const char *kind, int64_t id, const char *payload, struct decision *d)
{
    return decision_read(slice_of(kind), id, slice_of(payload), arena, d);
}

static void
test_what_was_read_is_written_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *payload;
        int64_t id;
    } cases[] = {
        {"update", "{\"status\":\"resolved\"}", 7},
        {"update", "{\"assignedTo\":\"\"}", 7},
        {"update",
         "{\"status\":\"inProgress\",\"assignedTo\":\"anna@contoso.com\",\"classification\":"
         "\"truePositive\",\"determination\":\"phishing\",\"tags\":[\"red\",\"bl\\u00fc\"],"
         "\"comment\":\"it was \\\"he\\\"\"}",
         7},
        {"update", "{\"tags\":[]}", 7},
        {"update", "{\"classification\":\"unknown\",\"determination\":\"unknown\"}", 7},
        {"merge", "{\"into\":3}", 7},
        {"merge", "{\"into\":3,\"comment\":\"one attack\"}", 7},
        {"move", "{\"into\":3,\"alerts\":[[\"endpoint\",\"da1\"],[\"mail\",\"x\"]]}", 7},
        {"split", "{\"alerts\":[[\"apps\",\"1\"]]}", 7},
        {"free", "{\"comment\":\"c\",\"alerts\":[[\"apps\",\"1\"]]}", 7},
        {"parameters", "{\"parameters\":{\"threshold\":1100}}", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct decision d, again;
        struct err e = read_text(cases[i].kind, cases[i].id, cases[i].payload, &d);
        if (e.kind)
            fail_msg("case %zu: %s", i, e.text);
        assert_string_equal(decision_kind_word(d.kind), cases[i].kind);
        assert_int_equal(d.incident_id, cases[i].id);
        struct slice first = decision_payload(&d, arena);
        assert_non_null(first.p);
        e = decision_read(slice_of(cases[i].kind), cases[i].id, first, arena, &again);
        if (e.kind)
            fail_msg("case %zu, again: %s", i, e.text);
        struct slice second = decision_payload(&again, arena);
        assert_true(slice_eq(first, second));
        assert_int_equal(again.n_alerts, d.n_alerts);
        assert_int_equal(again.n_tags, d.n_tags);
        assert_int_equal(again.has_tags, d.has_tags);
        assert_int_equal(again.assigned_to.p != NULL, d.assigned_to.p != NULL);
    }
}

static void
test_half_a_decision_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *payload, *code;
        int64_t id;
    } cases[] = {
        {"close", "{\"status\":\"resolved\"}", "decision.kind", 7},
        {"", "{}", "decision.kind", 7},
        {"update", "", "decision.json", 7},
        {"update", "[]", "decision.json", 7},
        {"update", "{\"status\":\"resolved\"", "decision.json", 7},
        {"update", "{}", "decision.empty", 7},
        {"update", "{\"status\":\"resolved\",\"colour\":\"red\"}", "decision.member", 7},
        {"update", "{\"status\":\"redirected\"}", "decision.member", 7},
        {"update", "{\"status\":1}", "decision.member", 7},
        {"update", "{\"status\":\"resolved\",\"into\":3}", "decision.member", 7},
        {"update", "{\"assignedTo\":null}", "decision.member", 7},
        {"update", "{\"assignedTo\":\"a\\u0000b\"}", "decision.text", 7},
        {"update", "{\"comment\":\"a\\u0000b\"}", "decision.text", 7},
        {"update", "{\"classification\":\"TruePositive\"}", "decision.member", 7},
        {"update", "{\"classification\":\"mine\"}", "decision.member", 7},
        {"update", "{\"determination\":\"mine\"}", "decision.member", 7},
        {"update", "{\"classification\":\"falsePositive\",\"determination\":\"phishing\"}",
         "decision.class", 7},
        {"update", "{\"tags\":[1]}", "decision.member", 7},
        {"update", "{\"tags\":[\"\"]}", "decision.tags", 7},
        {"update", "{\"tags\":[\"a\"],\"tags\":[\"b\"]}", "decision.member", 7},
        {"update", "{\"status\":\"resolved\"}", "decision.incident", 0},
        {"update", "{\"status\":\"resolved\"}", "decision.incident", -7},
        {"merge", "{}", "decision.into", 7},
        {"merge", "{\"into\":7}", "decision.into", 7},
        {"merge", "{\"into\":\"8\"}", "decision.member", 7},
        {"merge", "{\"into\":-8}", "decision.into", 7},
        {"move", "{\"into\":8}", "decision.alerts", 7},
        {"move", "{\"into\":8,\"alerts\":[]}", "decision.alerts", 7},
        {"move", "{\"into\":8,\"alerts\":[[\"endpoint\"]]}", "decision.member", 7},
        {"move", "{\"into\":8,\"alerts\":[[\"endpoint\",\"a\",\"b\"]]}", "decision.member", 7},
        {"move", "{\"into\":8,\"alerts\":[\"da1\"]}", "decision.member", 7},
        {"move", "{\"into\":8,\"alerts\":[[\"endpoint\",1]]}", "decision.alerts", 7},
        {"move", "{\"into\":8,\"alerts\":[[\"endpoint\",\"\"]]}", "decision.alerts", 7},
        {"split", "{\"into\":8,\"alerts\":[[\"a\",\"b\"]]}", "decision.member", 7},
        {"free", "{}", "decision.alerts", 7},
        {"parameters", "{}", "decision.parameters", 0},
        {"parameters", "{\"parameters\":[]}", "decision.member", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct decision d;
        struct err e = read_text(cases[i].kind, cases[i].id, cases[i].payload, &d);
        if (e.kind != ERR_REJECT || strcmp(e.code, cases[i].code) != 0)
            fail_msg("%s %s: %s, expected %s", cases[i].kind, cases[i].payload,
                     e.kind ? e.code : "taken", cases[i].code);
        assert_true(e.text[0] != '\0');
    }
}

static void
test_bounds_hold_at_the_edge_and_not_beyond(void **state)
{
    (void)state;
    char *text = arena_alloc(arena, DECISION_COMMENT_BYTES + 1);
    assert_non_null(text);
    memset(text, 'x', DECISION_COMMENT_BYTES + 1);
    struct decision d;
    for (size_t over = 0; over < 2; over++) {
        decision_init(&d, DECIDED_UPDATE, 1);
        d.comment = (struct slice){text, DECISION_COMMENT_BYTES + over};
        assert_int_equal(decision_check(&d).kind != ERR_NONE, over);
        decision_init(&d, DECIDED_UPDATE, 1);
        d.assigned_to = (struct slice){text, DECISION_NAME_BYTES + over};
        assert_int_equal(decision_check(&d).kind != ERR_NONE, over);
        decision_init(&d, DECIDED_UPDATE, 1);
        struct slice tags[DECISION_TAGS_MAX + 1];
        for (size_t i = 0; i < DECISION_TAGS_MAX + 1; i++)
            tags[i] = (struct slice){text, DECISION_TAG_BYTES};
        d.has_tags = true;
        d.tags = tags;
        d.n_tags = DECISION_TAGS_MAX + over;
        assert_int_equal(decision_check(&d).kind != ERR_NONE, over);
        d.n_tags = 1;
        tags[0].n += over;
        assert_int_equal(decision_check(&d).kind != ERR_NONE, over);
        struct decision_alert alerts[DECISION_ALERTS_MAX + 1];
        for (size_t i = 0; i < DECISION_ALERTS_MAX + 1; i++)
            alerts[i] = (struct decision_alert){SLICE("endpoint"), {text, DECISION_ID_BYTES}};
        decision_init(&d, DECIDED_SPLIT, 1);
        d.alerts = alerts;
        d.n_alerts = DECISION_ALERTS_MAX + over;
        assert_int_equal(decision_check(&d).kind != ERR_NONE, over);
    }
    decision_init(&d, DECIDED_UPDATE, 1);
    d.comment = SLICE("\xff");
    assert_int_equal(decision_check(&d).kind, ERR_REJECT);
}

/* service.md 6.4, old words and new ones. */
static void
test_a_determination_goes_with_its_classification(void **state)
{
    (void)state;
    static const struct {
        int32_t determination;
        bool positive, expected, negative, unset;
    } rows[] = {
        {DET_UNKNOWN, true, true, true, true},
        {DET_OTHER, true, true, true, false},
        {DET_PHISHING, true, false, false, false},
        {DET_APT, true, false, false, false},
        {DET_MALWARE, true, false, false, false},
        {DET_MULTI_STAGED_ATTACK, true, false, false, false},
        {DET_SECURITY_TESTING, true, true, false, false},
        {DET_CONFIRMED_ACTIVITY, false, true, false, false},
        {DET_LINE_OF_BUSINESS, false, true, false, false},
        {DET_NOT_MALICIOUS, false, false, true, false},
        {DET_NOT_ENOUGH_DATA, false, false, true, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int32_t det = rows[i].determination;
        assert_int_equal(decision_fits(CLASS_TRUE_POSITIVE, det), rows[i].positive);
        assert_int_equal(decision_fits(CLASS_EXPECTED_ACTIVITY, det), rows[i].expected);
        assert_int_equal(decision_fits(CLASS_FALSE_POSITIVE, det), rows[i].negative);
        assert_int_equal(decision_fits(CLASS_UNKNOWN, det), rows[i].unset);
    }
}

static void
test_a_request_has_a_guid_in_lower_case(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        bool ok;
    } cases[] = {{"206e2965-6533-48a6-ba9e-794364a84bf9", true},
                 {"206E2965-6533-48a6-ba9e-794364a84bf9", false},
                 {"206e2965-6533-48a6-ba9e-794364a84bf", false},
                 {"206e2965-6533-48a6-ba9e-794364a84bf99", false},
                 {"206e296576533-48a6-ba9e-794364a84bf9", false},
                 {"206e2965-6533-48a6-ba9e-794364a84bf'", false},
                 {"", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(decision_id_ok(slice_of(cases[i].id)), cases[i].ok);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_read_is_written_the_same),
        cmocka_unit_test(test_half_a_decision_is_none),
        cmocka_unit_test(test_bounds_hold_at_the_edge_and_not_beyond),
        cmocka_unit_test(test_a_determination_goes_with_its_classification),
        cmocka_unit_test(test_a_request_has_a_guid_in_lower_case),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
