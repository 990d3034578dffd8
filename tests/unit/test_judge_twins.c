/* What becomes of a detection that comes by two channels. Ref: sources.md 5.9; design.md 5 and 7.
 */
#include "tests/unit/twins.h"

static const struct seen honey = {.title = "Honeytoken activity",
                                  .external_id = 2014,
                                  .account = "honey",
                                  .computer = "CLIENT1",
                                  .number = 1};

static enum outcome
take(struct desk *d, bool apps, const struct seen *s, int64_t received)
{
    struct delivery x = seen_delivery(d, apps, s, received);
    desk_take(d, &x, 1);
    return x.outcome;
}

static bool
says(struct slice text, const char *part)
{
    return text.p != NULL && slice_find(text, slice_of(part), 0) < text.n;
}

/* The one alert of a desk: of that source, with or without what the other channel adds. */
static const struct alerts_row *
only(const struct desk *d, int32_t source, bool enriched)
{
    assert_int_equal(d->n_alerts, 1);
    assert_int_equal(d->alerts[0].source, source);
    assert_int_equal(says(d->alerts[0].additional, "sameDetection"), enriched);
    return &d->alerts[0];
}

static void
test_syslog_adds_to_the_alert_of_apps(void **state)
{
    for (int line_first = 0; line_first < 2; line_first++) {
        struct desk *d = desk_new();
        for (int turn = 0; turn < 2; turn++) {
            size_t events = d->n_events;
            bool apps = turn != line_first;
            enum outcome o = take(d, !apps, &honey, TWINS_T0 + turn);
            assert_string_equal(outcome_word(o), !apps ? "stored" : "ignored");
            /* it is a change of its incident, if there is one */
            assert_int_equal(d->n_events - events, turn == 0 && line_first ? 0 : 1);
        }
        const struct alerts_row *r = only(d, 3, true);
        assert_true(slice_eq(r->native_id, seen_apps_id(d->a, &honey)));
        assert_true(says(r->evidence, "client1.corp.contoso.com")); /* the line's */
        assert_true(says(r->evidence, "6204bdaf-0000-4e99"));       /* its own */
        assert_true(says(r->additional, "\"app\":\"Kerberos\""));
        assert_true(says(r->additional, "\"cnt\":\"2\""));
        assert_true(says(r->additional, "\"outcome\":\"Success\""));
        assert_true(says(r->additional, "\"externalId\":\"2014\""));
        assert_true(says(r->additional, "atp.azure.com/securityAlert/eb6a35da-"));
        assert_true(slice_eq(r->detector_id, SLICE("1")));
        assert_int_equal(d->incidents[1].alerts, 1);
        assert_int_equal(d->n_ignored, 1);
        assert_true(slice_eq(d->ignored[0].reason, SLICE("identity.by_apps")));
        desk_restart(d);
        /* again: nothing */
        size_t events = d->n_events;
        assert_int_equal(take(d, true, &honey, TWINS_T0 + 9), OUTCOME_UNCHANGED);
        assert_int_equal(take(d, false, &honey, TWINS_T0 + 9), OUTCOME_IGNORED);
        assert_int_equal(d->n_events, events);
        desk_free(d);
    }
    (void)state;
}

static void
test_apps_adds_to_the_alert_of_syslog(void **state)
{
    for (int apps_first = 0; apps_first < 2; apps_first++) {
        struct desk *d = desk_new();
        struct seen handled = honey;
        handled.edition = 1;
        d->t.channel = IDENTITY_SYSLOG;
        for (int turn = 0; turn < 2; turn++) {
            bool apps = (turn == 0) == apps_first;
            enum outcome o = take(d, apps, apps ? &handled : &honey, TWINS_T0 + turn);
            assert_string_equal(outcome_word(o), apps ? "ignored" : "stored");
        }
        const struct alerts_row *r = only(d, 4, true);
        assert_true(slice_eq(r->native_id, seen_line_id(d->a, &honey)));
        assert_true(says(r->evidence, "6204bdaf-0000-4e99")); /* the account's id */
        assert_true(says(r->evidence, "honey@contoso.com"));
        assert_true(says(r->evidence, "dc1") || says(r->evidence, "DC1"));
        assert_false(says(r->evidence, "20940")); /* the channel is no evidence */
        assert_int_equal(r->status, STATUS_IN_PROGRESS);
        assert_true(slice_eq(r->assigned_to, SLICE("anna@contoso.com")));
        assert_true(slice_eq(r->policy_id, SLICE("5bfd18bfab73c36ba10d38ca")));
        assert_true(slice_eq(r->detector_id, SLICE("2014")));
        assert_true(slice_eq(d->ignored[0].reason, SLICE("apps.identity_by_syslog")));
        desk_free(d);
    }
    (void)state;
}

static void
test_without_its_twin_a_document_of_the_other_channel_is_nothing(void **state)
{
    struct desk *d = desk_new();
    struct seen far = honey;
    far.minute = 13 * 60;
    assert_int_equal(take(d, false, &honey, TWINS_T0), OUTCOME_IGNORED);
    assert_int_equal(d->n_alerts, 0);
    assert_int_equal(d->n_events, 0);
    assert_int_equal(take(d, true, &far, TWINS_T0 + 1), OUTCOME_STORED);
    only(d, 3, false);
    desk_free(d);
    (void)state;
}

static void
test_off_stores_and_keeps_nothing(void **state)
{
    struct desk *d = desk_new();
    d->t.channel = IDENTITY_OFF;
    assert_int_equal(take(d, false, &honey, TWINS_T0), OUTCOME_IGNORED);
    assert_int_equal(take(d, true, &honey, TWINS_T0), OUTCOME_IGNORED);
    assert_int_equal(d->n_alerts + d->n_twins, 0);
    desk_free(d);
    (void)state;
}

static void
test_an_update_of_either_is_an_update_of_the_alert(void **state)
{
    struct desk *d = desk_new();
    struct seen newer = honey;
    newer.edition = 1;
    take(d, true, &honey, TWINS_T0);
    take(d, false, &honey, TWINS_T0 + 1);
    assert_int_equal(take(d, false, &newer, TWINS_T0 + 2), OUTCOME_IGNORED);
    assert_true(says(only(d, 3, true)->additional, "\"cnt\":\"3\""));
    assert_int_equal(d->alerts[0].version, TWINS_T0);
    assert_int_equal(take(d, false, &honey, TWINS_T0 + 1), OUTCOME_IGNORED); /* an older one */
    assert_true(says(only(d, 3, true)->additional, "\"cnt\":\"3\""));
    assert_int_equal(take(d, true, &newer, TWINS_T0 + 3), OUTCOME_STORED);
    assert_true(says(only(d, 3, true)->additional, "\"cnt\":\"3\""));
    assert_int_equal(d->alerts[0].version, TWINS_T0 + 3);
    assert_int_equal(d->alerts[0].status, STATUS_IN_PROGRESS);
    desk_free(d);
    (void)state;
}

static void
test_a_nearer_twin_takes_the_place_of_another(void **state)
{
    struct desk *d = desk_new();
    struct seen near = honey, far = honey;
    near.minute = 1, near.number = 2;
    far.minute = 30, far.number = 3;
    take(d, true, &honey, TWINS_T0);
    take(d, false, &far, TWINS_T0 + 1);
    assert_true(says(only(d, 3, true)->additional, "a1b5-000000000003"));
    take(d, false, &near, TWINS_T0 + 2);
    assert_true(says(only(d, 3, true)->additional, "a1b5-000000000002"));
    size_t at = desk_twin(d, 4, seen_line_id(d->a, &far));
    assert_null(d->twins[at].mate.p);
    desk_restart(d);
    /* the nearer one is told to be elsewhere: the other is the nearest again */
    struct seen moved = near;
    moved.edition = 1, moved.minute = 300;
    take(d, false, &moved, TWINS_T0 + 3);
    assert_true(says(only(d, 3, true)->additional, "a1b5-000000000003"));
    desk_free(d);
    (void)state;
}

/* Whatever the tenant chooses and when: one detection is one alert. */
static void
test_a_change_of_the_channel_stores_nothing_twice(void **state)
{
    struct desk *d = desk_new();
    struct seen newer = honey, newest = honey;
    newer.edition = 1, newest.edition = 2;
    assert_int_equal(take(d, true, &honey, TWINS_T0), OUTCOME_STORED);
    assert_int_equal(take(d, false, &honey, TWINS_T0 + 1), OUTCOME_IGNORED);
    d->t.channel = IDENTITY_SYSLOG;
    assert_int_equal(take(d, false, &newer, TWINS_T0 + 2), OUTCOME_IGNORED); /* it is stored */
    assert_true(says(only(d, 3, true)->additional, "\"cnt\":\"3\""));
    assert_int_equal(take(d, true, &newer, TWINS_T0 + 3), OUTCOME_STORED); /* and goes on */
    assert_int_equal(only(d, 3, true)->version, TWINS_T0 + 3);
    d->t.channel = IDENTITY_OFF;
    assert_int_equal(take(d, true, &newest, TWINS_T0 + 4), OUTCOME_IGNORED);
    assert_int_equal(only(d, 3, true)->version, TWINS_T0 + 3);
    desk_free(d);
    (void)state;
}

/* The line came while apps was the channel, the alert after syslog became it. */
static void
test_a_change_of_the_channel_loses_nothing(void **state)
{
    struct desk *d = desk_new();
    assert_int_equal(take(d, false, &honey, TWINS_T0), OUTCOME_IGNORED);
    d->t.channel = IDENTITY_SYSLOG;
    assert_int_equal(take(d, true, &honey, TWINS_T0 + 1), OUTCOME_IGNORED);
    assert_true(slice_eq(only(d, 4, true)->native_id, seen_line_id(d->a, &honey)));
    desk_free(d);
    /* or the line comes again, without a twin */
    d = desk_new();
    assert_int_equal(take(d, false, &honey, TWINS_T0), OUTCOME_IGNORED);
    d->t.channel = IDENTITY_SYSLOG;
    assert_int_equal(take(d, false, &honey, TWINS_T0), OUTCOME_STORED);
    assert_int_equal(take(d, false, &honey, TWINS_T0), OUTCOME_UNCHANGED);
    only(d, 4, false);
    desk_free(d);
    (void)state;
}

static void
test_what_cannot_be_mapped_is_dead_only_in_the_tenants_channel(void **state)
{
    const struct slice timeless =
        SLICE("0|Microsoft|Azure ATP|2|XSecurityAlert|Honeytoken activity|5|"
              "externalId=2014 shost=C1 cs1Label=url cs1=https\\://c.atp."
              "azure.com/securityAlert/eb6a35da-0000-4ab5-a1b5-"
              "a07529a89e6d cs2Label=trigger cs2=new");
    struct desk *d = desk_new();
    struct delivery x = desk_delivery(d, "identity", "g", TWINS_T0, TWINS_T0, timeless);
    desk_take(d, &x, 1);
    assert_int_equal(x.outcome, OUTCOME_IGNORED);
    d->t.channel = IDENTITY_SYSLOG;
    x = desk_delivery(d, "identity", "g", TWINS_T0, TWINS_T0, timeless);
    desk_take(d, &x, 1);
    assert_int_equal(x.outcome, OUTCOME_DEAD);
    assert_string_equal(x.why.code, "identity.time");
    assert_int_equal(d->n_twins, 0);
    desk_free(d);
    (void)state;
}

/* More than can be compared: everything is stored, mates are as they were. */
static void
test_a_storm_costs_what_the_other_channel_adds_and_no_more(void **state)
{
    enum { STORM = JUDGE_TWINS_MAX, AT_ONCE = 500 };
    struct desk *d = desk_new();
    struct delivery *list = calloc(AT_ONCE, sizeof *list);
    struct seen s = honey, newer = honey;
    take(d, true, &honey, TWINS_T0);
    take(d, false, &honey, TWINS_T0 + 1);
    for (int i = 0; i < STORM / AT_ONCE; i++) {
        for (int k = 0; k < AT_ONCE; k++) {
            s.number = 10 + i * AT_ONCE + k;
            s.minute = 20 + k % 50;
            list[k] = seen_delivery(d, false, &s, TWINS_T0 + s.number);
        }
        desk_take(d, list, AT_ONCE);
    }
    assert_int_equal(d->n_twins, STORM + 2);
    newer.edition = 1;
    assert_int_equal(take(d, true, &newer, TWINS_T0 + 99999), OUTCOME_STORED);
    assert_true(says(only(d, 3, true)->additional, "a1b5-000000000001"));
    assert_int_equal(d->alerts[0].status, STATUS_IN_PROGRESS);
    free(list);
    desk_free(d);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syslog_adds_to_the_alert_of_apps),
        cmocka_unit_test(test_apps_adds_to_the_alert_of_syslog),
        cmocka_unit_test(test_without_its_twin_a_document_of_the_other_channel_is_nothing),
        cmocka_unit_test(test_off_stores_and_keeps_nothing),
        cmocka_unit_test(test_an_update_of_either_is_an_update_of_the_alert),
        cmocka_unit_test(test_a_nearer_twin_takes_the_place_of_another),
        cmocka_unit_test(test_a_change_of_the_channel_stores_nothing_twice),
        cmocka_unit_test(test_a_change_of_the_channel_loses_nothing),
        cmocka_unit_test(test_what_cannot_be_mapped_is_dead_only_in_the_tenants_channel),
        cmocka_unit_test(test_a_storm_costs_what_the_other_channel_adds_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
