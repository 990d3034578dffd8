#include "schemas/alert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"

static int
arena_setup(void **state)
{
    *state = arena_new((size_t)64 << 20);
    return *state == NULL ? -1 : 0;
}

static int
arena_teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static void
assert_slice(struct slice got, const char *expected)
{
    if (!slice_eq(got, slice_of(expected)))
        fail_msg("got \"%.*s\", expected \"%s\"", SLICE_ARG(got), expected);
}

/* The least that alert_finish takes. */
static void
least(struct alert *al)
{
    alert_init(al);
    al->native_id = SLICE("n1");
    al->id = SLICE("da1");
    al->title = SLICE("title");
    al->created = 1000 * CLOCK_SECOND;
}

static void
finish(struct alert *al, struct arena *a)
{
    struct err e = alert_finish(al, a);
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
}

/* ---- words */

static void
test_words_are_read_in_both_spellings_and_any_case(void **state)
{
    (void)state;
    assert_int_equal(severity_of(SLICE("HIGH")), SEVERITY_HIGH);
    assert_int_equal(severity_of(SLICE("UnSpecified")), SEVERITY_UNKNOWN);
    assert_int_equal(alert_status_of(SLICE("inprogress")), STATUS_IN_PROGRESS);
    assert_int_equal(classification_of(SLICE("InformationalExpectedActivity")),
                     CLASS_EXPECTED_ACTIVITY);
    static const struct {
        const char *word;
        enum determination value;
    } rows[] = {
        {"Clean", DET_NOT_MALICIOUS},
        {"notMalicious", DET_NOT_MALICIOUS},
        {"InsufficientData", DET_NOT_ENOUGH_DATA},
        {"NoEnoughDataToValidate", DET_NOT_ENOUGH_DATA},
        {"notenoughdatatovalidate", DET_NOT_ENOUGH_DATA},
        {"CompromisedUser", DET_COMPROMISED_ACCOUNT},
        {"CompromisedAccount", DET_COMPROMISED_ACCOUNT},
        {"ConfirmedUserActivity", DET_CONFIRMED_ACTIVITY},
        {"Apt", DET_APT},
        {"NotAvailable", DET_UNKNOWN},
        {"", DET_UNKNOWN},
        {"Nonsense", DET_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(determination_of(slice_of(rows[i].word)), rows[i].value);
    assert_int_equal(severity_of(SLICE_NONE), SEVERITY_UNKNOWN);
}

static void
test_written_words_are_read_back(void **state)
{
    (void)state;
    for (int v = 0; v <= 256; v++) {
        enum severity s = severity_of(slice_of(severity_graph((enum severity)v)));
        assert_int_equal(severity_of(slice_of(severity_classic((enum severity)v))), s);
        enum determination d =
            determination_of(slice_of(determination_graph((enum determination)v)));
        assert_int_equal(determination_of(slice_of(determination_classic((enum determination)v))),
                         d);
        assert_true(d == DET_UNKNOWN || (int)d == v);
    }
}

static void
test_a_word_for_every_value_even_an_unknown_one(void **state)
{
    (void)state;
    assert_string_equal(service_graph(SERVICE_OFFICE365), "microsoftDefenderForOffice365");
    assert_string_equal(service_classic(SERVICE_ENDPOINT), "MicrosoftDefenderATP");
    assert_string_equal(service_product(SERVICE_IDENTITY), "Azure ATP");
    assert_string_equal(detection_classic(DETECTION_CLOUD_APP_SECURITY), "MCAS");
    assert_string_equal(detection_graph(DETECTION_CUSTOM_TI), "customTi");
    assert_string_equal(service_graph((enum service_source)777), "unknown");
    assert_string_equal(determination_classic(DET_NOT_ENOUGH_DATA), "NoEnoughDataToValidate");
    assert_string_equal(severity_classic(SEVERITY_UNKNOWN), "UnSpecified");
}

static void
test_categories_that_are_tactics_have_a_bit(void **state)
{
    (void)state;
    assert_int_equal(alert_tactic(SLICE("Reconnaissance")), 0);
    assert_int_equal(alert_tactic(SLICE("initialaccess")), 1);
    assert_int_equal(alert_tactic(SLICE("CommandAndControl")), 10);
    assert_int_equal(alert_tactic(SLICE("Impact")), 12);
    assert_int_equal(alert_tactic(SLICE("Ransomware")), 12);
    assert_int_equal(alert_tactic(SLICE("Malware")), -1);
    assert_int_equal(alert_tactic(SLICE("SuspiciousActivity")), -1);
    assert_int_equal(alert_tactic(SLICE_NONE), -1);
}

/* ---- finish */

static void
test_missing_times_come_from_the_creation(void **state)
{
    struct alert al;
    least(&al);
    finish(&al, *state);
    assert_int_equal(al.first_activity, al.created);
    assert_int_equal(al.last_activity, al.created);
    assert_int_equal(al.updated, al.created);
    assert_int_equal(al.resolved, CLOCK_NONE);
    assert_slice(al.detector, "title");
    assert_slice(al.category, "SuspiciousActivity");
    assert_slice(al.provider_alert_id, "n1");
}

static void
test_an_alert_without_id_title_or_time_is_rejected(void **state)
{
    for (int missing = 0; missing < 4; missing++) {
        struct alert al;
        least(&al);
        if (missing == 0)
            al.id = SLICE_NONE;
        if (missing == 1)
            al.title = SLICE(" \xe2\x80\x8b ");
        if (missing == 2)
            al.created = CLOCK_NONE;
        if (missing == 3)
            al.native_id = SLICE("");
        struct err e = alert_finish(&al, *state);
        assert_int_equal(e.kind, ERR_REJECT);
        assert_string_equal(e.code, "alert.incomplete");
    }
}

static void
test_invisible_blanks_at_a_titles_end_are_dropped(void **state)
{
    struct alert al;
    least(&al);
    al.title = SLICE(" Malware \xe2\x80\x8b\xef\xbb\xbf \xe2\x80\x8b");
    finish(&al, *state);
    assert_slice(al.title, "Malware");
}

static void
test_long_texts_are_cut_at_a_character(void **state)
{
    struct arena *a = *state;
    struct alert al;
    least(&al);
    char *text = arena_alloc(a, 40000);
    for (size_t i = 0; i + 3 <= 40000; i += 3) /* a three-byte character, over and over */
        memcpy(text + i, "\xe2\x82\xac", 3);
    al.title = al.description = al.threat_name = (struct slice){text, 39999};
    struct evidence *ev = alert_add(&al, a, EVIDENCE_PROCESS);
    ev->command_line = al.title;
    finish(&al, a);
    assert_int_equal(al.title.n, 1023);
    assert_int_equal(al.description.n, 16383);
    assert_int_equal(al.threat_name.n, 4095);
    assert_int_equal(al.evidence[0].command_line.n, 4095);
}

static void
test_equal_evidence_is_one_item_with_the_worst_verdict(void **state)
{
    struct arena *a = *state;
    struct alert al;
    least(&al);
    for (int i = 0; i < 3; i++) {
        struct evidence *ev = alert_add(&al, a, EVIDENCE_IP);
        ev->ip = SLICE("192.0.2.1");
        ev->created = 100 - i;
        ev->verdict = i == 1 ? VERDICT_MALICIOUS : VERDICT_NO_THREATS;
        ev->role = i == 2 ? ROLE_SOURCE : ROLE_UNKNOWN;
    }
    struct evidence *other = alert_add(&al, a, EVIDENCE_IP);
    other->ip = SLICE("192.0.2.2");
    other = alert_add(&al, a, EVIDENCE_URL);
    other->url = SLICE("192.0.2.1");
    finish(&al, a);
    assert_int_equal(al.n_evidence, 3);
    assert_slice(al.evidence[0].ip, "192.0.2.1");
    assert_int_equal(al.evidence[0].verdict, VERDICT_MALICIOUS);
    assert_int_equal(al.evidence[0].role, ROLE_SOURCE);
    assert_int_equal(al.evidence[0].created, 98);
    assert_slice(al.evidence[1].ip, "192.0.2.2");
    assert_int_equal(al.evidence[2].type, EVIDENCE_URL);
}

static void
test_a_text_in_another_member_is_another_thing(void **state)
{
    struct arena *a = *state;
    struct alert al;
    least(&al);
    alert_add(&al, a, EVIDENCE_USER)->account_name = SLICE("x");
    alert_add(&al, a, EVIDENCE_USER)->domain_name = SLICE("x");
    alert_add(&al, a, EVIDENCE_PROCESS)->process_created = 5;
    alert_add(&al, a, EVIDENCE_PROCESS)->process_created = 6;
    finish(&al, a);
    assert_int_equal(al.n_evidence, 4);
}

static void
test_evidence_has_a_limit_and_the_alert_is_marked(void **state)
{
    struct arena *a = *state;
    struct alert al;
    least(&al);
    for (int i = 0; i < ALERT_EVIDENCE_MAX; i++) {
        struct evidence *ev = alert_add(&al, a, EVIDENCE_IP);
        assert_non_null(ev);
        ev->ip = slice_printf(a, "10.0.%d.%d", i / 256, i % 256);
    }
    assert_null(alert_add(&al, a, EVIDENCE_IP));
    assert_null(alert_add(&al, a, EVIDENCE_IP));
    finish(&al, a);
    assert_int_equal(al.n_evidence, ALERT_EVIDENCE_MAX);
    assert_int_equal(al.n_raw_words, 1);
    assert_string_equal(al.raw_words[0].member, "evidence");
    assert_slice(al.evidence[ALERT_EVIDENCE_MAX - 1].ip, "10.0.7.207");
}

static void
test_raw_words_beyond_the_limit_are_dropped(void **state)
{
    (void)state;
    struct alert al;
    alert_init(&al);
    for (int i = 0; i < 2 * ALERT_RAW_WORDS_MAX; i++)
        alert_word(&al, "severity", SLICE("x"));
    assert_int_equal(al.n_raw_words, ALERT_RAW_WORDS_MAX);
}

static void
test_a_full_arena_is_an_error_and_no_crash(void **state)
{
    (void)state;
    struct arena *a = arena_new(40000);
    struct alert al;
    least(&al);
    size_t n = 0;
    while (alert_add(&al, a, EVIDENCE_IP) != NULL)
        n++;
    assert_in_range(n, 8, 60);
    while (arena_alloc(a, 64) != NULL)
        ;
    struct err e = alert_finish(&al, a);
    assert_int_equal(e.kind, ERR_RETRY);
    assert_null(alert_json(&al, a).p);
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_are_read_in_both_spellings_and_any_case),
        cmocka_unit_test(test_written_words_are_read_back),
        cmocka_unit_test(test_a_word_for_every_value_even_an_unknown_one),
        cmocka_unit_test(test_categories_that_are_tactics_have_a_bit),
        cmocka_unit_test(test_missing_times_come_from_the_creation),
        cmocka_unit_test(test_an_alert_without_id_title_or_time_is_rejected),
        cmocka_unit_test(test_invisible_blanks_at_a_titles_end_are_dropped),
        cmocka_unit_test(test_long_texts_are_cut_at_a_character),
        cmocka_unit_test(test_equal_evidence_is_one_item_with_the_worst_verdict),
        cmocka_unit_test(test_a_text_in_another_member_is_another_thing),
        cmocka_unit_test(test_evidence_has_a_limit_and_the_alert_is_marked),
        cmocka_unit_test(test_raw_words_beyond_the_limit_are_dropped),
        cmocka_unit_test(test_a_full_arena_is_an_error_and_no_crash),
    };
    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
