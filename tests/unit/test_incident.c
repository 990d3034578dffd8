#include "normalize/incident.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"

enum { ARENA_BYTES = 16 << 20, DAY_S = 86400 };
#define NOON_S ((int64_t)1575288000)
#define UNITS_A_S ((int64_t)10000000)

static void
test_activity_times_are_made_plausible(void **state)
{
    static const struct {
        int64_t first_s, last_s, want_first_s, want_last_s; /* after the alert was created */
    } rows[] = {
        {-300, -60, -300, -60},
        {-60, -300, -300, -60},               /* the wrong way round */
        {-60, 600, -60, 600},                 /* a little late is fine */
        {-60, 601, -60, 0},                   /* more is a wrong clock */
        {700, 800, 0, 0},                     /* all of it in the future */
        {-91 * DAY_S, -60, -90 * DAY_S, -60}, /* older than anybody knows */
        {-200 * DAY_S, -100 * DAY_S, -90 * DAY_S, -90 * DAY_S},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct alert al;
        struct key_set keys = {.cut = 0};
        struct incident_alert out;
        alert_init(&al);
        al.created = NOON_S * UNITS_A_S;
        al.first_activity = (NOON_S + rows[i].first_s) * UNITS_A_S;
        al.last_activity = (NOON_S + rows[i].last_s) * UNITS_A_S;
        incident_alert_of(&al, 1, &keys, &out);
        assert_int_equal(out.first_s - NOON_S, rows[i].want_first_s);
        assert_int_equal(out.last_s - NOON_S, rows[i].want_last_s);
    }
    struct alert al;
    struct key_set keys = {.cut = 0};
    struct incident_alert out;
    alert_init(&al);
    al.created = NOON_S * UNITS_A_S; /* no activity at all: when it was created */
    incident_alert_of(&al, 1, &keys, &out);
    assert_int_equal(out.first_s, NOON_S);
    assert_int_equal(out.last_s, NOON_S);
    assert_int_equal(out.level, 1); /* unknown severity counts as low */
    (void)state;
}

/* Alerts that share a device at one moment, one stage and one product each. */
static void
feed(struct incident_engine *e, size_t i, uint8_t level, int stage, bool false_positive)
{
    static const char *const ids[] = {"a0", "a1", "a2", "a3"};
    struct key key = {KEY_DEVICE, 1000, SLICE("dns:pc1.contoso.com"), false};
    struct key_identity id = {.type = KEY_DEVICE, .ids = {key.value}, .n_ids = 1};
    struct key second = {KEY_FILE, 1000, SLICE("f1"), false};
    struct key both[2] = {key, second};
    struct key_set keys = {.identities = &id, .n_identities = 1, .keys = both, .n_keys = 2};
    struct incident_alert al = {
        .source = slice_of(i % 2 == 0 ? "endpoint" : "identity"),
        .source_number = (uint8_t)(i % 2),
        .product_number = (uint8_t)(i % 2),
        .native_id = slice_of(ids[i]),
        .version = 1,
        .created_s = NOON_S,
        .first_s = NOON_S,
        .last_s = NOON_S,
        .level = level,
        .tactics = (uint16_t)(1 << stage),
        .detector = SLICE("Detection"),
        .title = SLICE("Detection"),
        .product = SLICE("Product"),
        .false_positive = false_positive,
        .keys = &keys,
    };
    assert_int_equal(incident_add(e, &al).kind, ERR_NONE);
}

static struct incident_row
only_row(struct incident_engine *e, struct arena *a)
{
    struct incident_changes c;
    assert_int_equal(incident_changes(e, a, &c).kind, ERR_NONE);
    assert_int_equal(c.n_rows, 1);
    return c.rows[0];
}

static void
test_severity_is_the_highest_and_rises_when_many_stages_say_so(void **state)
{
    struct arena *a = arena_new(ARENA_BYTES);
    struct incident_engine *e = incident_engine_new(&params_default, 7, ARENA_BYTES);
    feed(e, 0, 2, 8, false);
    struct incident_row row = only_row(e, a);
    assert_int_equal(row.id, 7);
    assert_int_equal(row.severity, SEVERITY_MEDIUM);
    assert_int_equal(row.stage_score, 1000 - (1000 - 300 * 75 / 100)); /* one stage, one product */
    feed(e, 1, 2, 12, false);
    feed(e, 2, 2, 11, false);
    feed(e, 3, 2, 6, false);
    row = only_row(e, a);
    assert_int_equal(row.alerts, 4);
    assert_true(row.stage_score >= 700);
    assert_int_equal(row.severity, SEVERITY_HIGH); /* four stages in two products */
    assert_int_equal(row.sources, 3);
    assert_int_equal(row.devices, 1);
    incident_engine_free(e);
    arena_free(a);
    (void)state;
}

static void
test_a_false_positive_says_nothing_about_severity(void **state)
{
    struct arena *a = arena_new(ARENA_BYTES);
    struct incident_engine *e = incident_engine_new(&params_default, 1, ARENA_BYTES);
    feed(e, 0, 3, 2, true);
    assert_int_equal(only_row(e, a).severity, SEVERITY_HIGH); /* there is nothing else */
    feed(e, 1, 2, 3, false);
    assert_int_equal(only_row(e, a).severity, SEVERITY_MEDIUM);
    incident_engine_free(e);
    arena_free(a);
    (void)state;
}

/* A finding about two people; later names the first one's further name. */
static void
feed_pair(struct incident_engine *e, const char *id, int64_t version, const char *later)
{
    struct key_identity ids[2] = {{.type = KEY_USER, .ids = {SLICE("upn:anna@c.com")}, .n_ids = 1},
                                  {.type = KEY_USER, .ids = {SLICE("upn:bert@c.com")}, .n_ids = 1}};
    struct key keys[2] = {{.type = KEY_USER, .weight = 1000, .value = ids[0].ids[0]},
                          {.type = KEY_USER, .weight = 1000, .value = ids[1].ids[0]}};
    if (later != NULL)
        ids[0].ids[ids[0].n_ids++] = slice_of(later);
    struct key_set set = {.identities = ids, .n_identities = 2, .keys = keys, .n_keys = 2};
    struct incident_alert al = {.source = SLICE("identity"),
                                .native_id = slice_of(id),
                                .version = version,
                                .created_s = NOON_S,
                                .first_s = NOON_S,
                                .last_s = NOON_S,
                                .detector = SLICE("d"),
                                .title = SLICE("t"),
                                .keys = &set};
    assert_int_equal(incident_add(e, &al).kind, ERR_NONE);
}

static void
check_names(struct incident_engine *e, const char *id, struct arena *a)
{
    struct incident_alert state;
    uint16_t leads;
    bool later = false;
    assert_int_equal(incident_state(e, SLICE("identity"), slice_of(id), a, &state, &leads).kind,
                     ERR_NONE);
    assert_int_equal(state.keys->n_identities, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct key_identity *x = &state.keys->identities[i];
        bool anna = slice_eq(x->ids[0], SLICE("upn:anna@c.com"));
        assert_true(anna || x->n_ids == 1); /* bert has one name, whatever came later */
        for (size_t k = 1; k < x->n_ids; k++)
            later |= slice_eq(x->ids[k], SLICE("aad:a"));
    }
    assert_true(later);
}

static void
test_a_name_that_comes_later_stays_with_its_person(void **state)
{
    struct arena *a = arena_new(ARENA_BYTES);
    struct incident_engine *e = incident_engine_new(&params_default, 1, ARENA_BYTES);
    feed_pair(e, "a", 1, NULL);
    feed_pair(e, "a", 2, "aad:a"); /* alone, and then one of two repeats */
    check_names(e, "a", a);
    feed_pair(e, "b", 1, NULL);
    check_names(e, "a", a);
    feed_pair(e, "b", 2, "aad:a"); /* one of two repeats already */
    check_names(e, "b", a);
    incident_engine_free(e);
    arena_free(a);
    (void)state;
}

static void
test_a_reason_is_read_as_it_was_written(void **state)
{
    struct arena *a = arena_new(ARENA_BYTES);
    struct incident_engine *e = incident_engine_new(&params_default, 1, ARENA_BYTES);
    struct incident_changes c;
    feed(e, 0, 3, 2, false);
    feed(e, 1, 2, 3, false);
    assert_int_equal(incident_changes(e, a, &c).kind, ERR_NONE);
    assert_int_equal(c.n_reasons, 2);
    for (size_t i = 0; i < c.n_reasons; i++) {
        const struct incident_reason *x = &c.reasons[i];
        struct incident_reason back;
        struct slice json = incident_reason_json(x, &params_default, a);
        assert_int_equal(incident_reason_read(json, a, &back).kind, ERR_NONE);
        assert_true(slice_eq(back.alert_id, x->alert_id));
        assert_true((back.partner_id.p == NULL) == (x->partner_id.p == NULL));
        assert_int_equal(back.score.n_parts, x->score.n_parts);
        assert_true(slice_eq(incident_sentence(&back, &params_default, a),
                             incident_sentence(x, &params_default, a)));
        assert_true(slice_eq(incident_reason_json(&back, &params_default, a), json));
    }
    struct slice text = incident_sentence(&c.reasons[1], &params_default, a);
    assert_true(slice_eq(text, SLICE("Linked to alert a0 with 1970 of 1000: same device "
                                     "pc1.contoso.com (930) + same file f1 (760) + next stage "
                                     "(150) + other product (80) + severities medium and high "
                                     "(50).")));
    incident_engine_free(e);
    arena_free(a);
    (void)state;
}

static void
test_a_damaged_reason_is_refused(void **state)
{
    static const char *const rows[] = {
        "", "[]", "{}", "{\"alert\":{\"source\":\"a\",\"id\":\"b\"}}",
        "{\"alert\":{\"source\":\"a\",\"id\":\"b\",\"severity\":\"low\"},\"score\":1}"};
    struct arena *a = arena_new(ARENA_BYTES);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct incident_reason out;
        assert_int_equal(incident_reason_read(slice_of(rows[i]), a, &out).kind, ERR_REJECT);
    }
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activity_times_are_made_plausible),
        cmocka_unit_test(test_severity_is_the_highest_and_rises_when_many_stages_say_so),
        cmocka_unit_test(test_a_false_positive_says_nothing_about_severity),
        cmocka_unit_test(test_a_name_that_comes_later_stays_with_its_person),
        cmocka_unit_test(test_a_reason_is_read_as_it_was_written),
        cmocka_unit_test(test_a_damaged_reason_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
