#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/json.h"
#include "serve/explain.h"

static struct arena *arena;

static int
setup(void **state)
{
    (void)state;
    arena = arena_new(4 * 1024 * 1024);
    return arena == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* The reason that the correlator would store: a user, a damped address, two terms, severities. */
static struct slice
stored_reason(const char *id, const char *partner)
{
    struct incident_reason r = {.alert_source = SLICE("endpoint"),
                                .alert_id = slice_of(id),
                                .partner_source = SLICE("mail"),
                                .partner_id = slice_of(partner),
                                .level = 3,
                                .partner_level = 2};
    if (partner == NULL)
        return incident_reason_json(&r, &params_default, arena);
    static const struct link_part parts[] = {
        {.kind = LINK_KEY, .type = KEY_USER, .weight = 800, .decay = 980, .points = 766},
        {.kind = LINK_KEY, .type = KEY_IP, .weight = 400, .decay = 1000, .points = 391},
        {.kind = LINK_STAGE, .points = 150},
        {.kind = LINK_PRODUCT, .points = 80},
        {.kind = LINK_SEVERITY, .points = -50},
    };
    memcpy(r.score.parts, parts, sizeof parts);
    r.score.n_parts = sizeof parts / sizeof parts[0];
    for (size_t i = 0; i < r.score.n_parts; i++)
        r.score.score += parts[i].points;
    r.score.gap_s = 7200;
    r.key_values[0] = SLICE("upn:anna@contoso.com");
    r.key_values[1] = SLICE("203.0.113.9");
    return incident_reason_json(&r, &params_default, arena);
}

static struct alerts_full
alert_of(int32_t source, const char *native, const char *id, int64_t first)
{
    return (struct alerts_full){.incident_id = 5,
                                .row = {.source = source,
                                        .native_id = slice_of(native),
                                        .id = slice_of(id),
                                        .title = SLICE("a title"),
                                        .created = first,
                                        .first_activity = first}};
}

static void
test_alerts_come_in_the_order_of_their_activity_with_their_reasons(void **state)
{
    const struct alerts_full alerts[] = {alert_of(1, "n2", "da2", 20), alert_of(2, "n1", "fa1", 10),
                                         alert_of(1, "n3", "da3", 30)};
    const struct incidents_link links[] = {
        {.source = 1,
         .native_id = SLICE("n2"),
         .partner_source = 2,
         .partner_id = SLICE("n1"),
         .reason = stored_reason("n2", "n1")},
        {.source = 2, .native_id = SLICE("n1"), .reason = stored_reason("n1", NULL)},
    };
    struct explain_alert *x;
    assert_int_equal(explain_of(alerts, 3, links, 2, arena, &x).kind, ERR_NONE);
    assert_ptr_equal(x[0].alert, &alerts[1]);
    assert_ptr_equal(x[1].alert, &alerts[0]);
    assert_ptr_equal(x[2].alert, &alerts[2]);
    assert_true(x[0].has_reason);
    assert_null(x[0].partner.p);
    assert_true(slice_starts(x[0].sentence, SLICE("Opened the incident")));
    assert_true(slice_eq(x[1].partner, SLICE("fa1")));
    assert_true(slice_starts(x[1].sentence, SLICE("Linked to alert fa1 with 1337 of 1000")));
    assert_false(x[2].has_reason);
    assert_true(x[2].sentence.n > 0);
    (void)state;
}

static void
test_a_partner_outside_the_incident_keeps_its_own_id(void **state)
{
    const struct alerts_full alert = alert_of(1, "n2", "da2", 20);
    const struct incidents_link link = {.source = 1,
                                        .native_id = SLICE("n2"),
                                        .partner_source = 2,
                                        .partner_id = SLICE("n1"),
                                        .reason = stored_reason("n2", "n1")};
    struct explain_alert *x;
    assert_int_equal(explain_of(&alert, 1, &link, 1, arena, &x).kind, ERR_NONE);
    assert_true(slice_eq(x[0].partner, SLICE("n1")));
    (void)state;
}

static void
test_a_reason_that_cannot_be_read_counts_as_none(void **state)
{
    const struct alerts_full alert = alert_of(1, "n2", "da2", 20);
    const struct incidents_link link = {
        .source = 1, .native_id = SLICE("n2"), .reason = SLICE("{\"score\":")};
    struct explain_alert *x;
    assert_int_equal(explain_of(&alert, 1, &link, 1, arena, &x).kind, ERR_NONE);
    assert_false(x[0].has_reason);
    assert_int_equal(x[0].reason.score.score, 0);
    (void)state;
}

static void
test_what_a_person_pinned_is_told_first(void **state)
{
    const struct alerts_full alerts[] = {alert_of(1, "n1", "da1", 10),
                                         alert_of(2, "n1", "fa1", 20)};
    const struct pins_row pin = {.source = 2, .native_id = SLICE("n1"), .incident_id = 5};
    struct explain_alert *x;
    assert_int_equal(explain_of(alerts, 2, NULL, 0, arena, &x).kind, ERR_NONE);
    assert_int_equal(explain_pins(x, 2, &pin, 1, arena).kind, ERR_NONE);
    assert_true(slice_eq(x[0].sentence, SLICE("No reason is stored.")));
    assert_true(slice_eq(x[1].sentence, SLICE("A person put it here. No reason is stored.")));
    assert_true(x[1].pinned && !x[0].pinned);
    (void)state;
}

static void
test_the_points_of_the_parts_add_up_to_the_score(void **state)
{
    const struct incidents_row row = {.id = 5, .name = SLICE("a name")};
    const struct alerts_full alerts[] = {alert_of(1, "n2", "da2", 20),
                                         alert_of(2, "n1", "fa1", 10)};
    const struct incidents_link link = {.source = 1,
                                        .native_id = SLICE("n2"),
                                        .partner_source = 2,
                                        .partner_id = SLICE("n1"),
                                        .reason = stored_reason("n2", "n1")};
    struct explain_alert *x;
    struct json doc, alert, part;
    size_t seen = 0;
    assert_int_equal(explain_of(alerts, 2, &link, 1, arena, &x).kind, ERR_NONE);
    struct slice text = explain_json(&row, x, 2, arena);
    assert_int_equal(json_parse(text, arena, &doc).kind, ERR_NONE);
    for (struct json_iter it = json_items(json_get(doc, "alerts")); json_next(&it, NULL, &alert);) {
        int64_t score = -1, sum = 0, points;
        assert_true(json_get_int(alert, "score", &score));
        for (struct json_iter p = json_items(json_get(alert, "parts"));
             json_next(&p, NULL, &part);) {
            assert_true(json_get_int(part, "points", &points));
            sum += points;
            seen++;
        }
        assert_int_equal(sum, score);
    }
    assert_int_equal(seen, 5);
    (void)state;
}

static void
test_the_json_has_its_stable_members(void **state)
{
    const struct incidents_row row = {.id = 5, .name = SLICE("a name")};
    const struct alerts_full alert = alert_of(1, "n2", "da2", 0);
    const struct incidents_link link = {
        .source = 1, .native_id = SLICE("n2"), .reason = stored_reason("n2", NULL)};
    struct explain_alert *x;
    assert_int_equal(explain_of(&alert, 1, &link, 1, arena, &x).kind, ERR_NONE);
    struct slice text = explain_json(&row, x, 1, arena);
    assert_true(slice_eq(
        text, SLICE("{\"incidentId\":5,\"name\":\"a name\",\"alerts\":[{\"alertId\":\"da2\","
                    "\"title\":\"a title\",\"source\":\"endpoint\","
                    "\"time\":\"1970-01-01T00:00:00Z\",\"score\":0,\"partner\":null,\"sentence\":"
                    "\"Opened the incident: no known alert was near enough.\",\"parts\":[]}]}")));
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alerts_come_in_the_order_of_their_activity_with_their_reasons),
        cmocka_unit_test(test_a_partner_outside_the_incident_keeps_its_own_id),
        cmocka_unit_test(test_a_reason_that_cannot_be_read_counts_as_none),
        cmocka_unit_test(test_what_a_person_pinned_is_told_first),
        cmocka_unit_test(test_the_points_of_the_parts_add_up_to_the_score),
        cmocka_unit_test(test_the_json_has_its_stable_members),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
