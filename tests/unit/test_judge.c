/* What becomes of each raw alert. Ref: design.md 5, promises 3 and 4. */
#include "tests/unit/judging.h"

#define ALERT "da637551227677560813_-961444813"
#define T1 INT64_C(132195000000000000)

static struct slice
endpoint(struct desk *d, const char *id, const char *title, int minute)
{
    return slice_printf(d->a,
                        "{\"id\":\"%s\",\"title\":\"%s\",\"severity\":\"High\",\"category\":"
                        "\"Malware\",\"detectionSource\":\"WindowsDefenderAtp\",\"machineId\":"
                        "\"f70f9fe6b29cd9511652434919c6530618f06606\",\"computerDnsName\":"
                        "\"cont-jonathanw\",\"alertCreationTime\":\"2019-12-02T10:00:00Z\","
                        "\"firstEventTime\":\"2019-12-02T09:59:00Z\",\"lastEventTime\":"
                        "\"2019-12-02T10:00:00Z\",\"lastUpdateTime\":\"2019-12-02T10:%02d:00Z\"}",
                        id, title, minute);
}

static enum outcome
one(struct desk *d, const char *source, const char *id, int64_t received, struct slice payload)
{
    struct delivery x = desk_delivery(d, source, id, received, received, payload);
    desk_take(d, &x, 1);
    return x.outcome;
}

static void
test_a_newer_version_is_stored_and_the_rest_changes_nothing(void **state)
{
    static const struct {
        const char *title;
        int minute;
        enum outcome outcome;
        const char *stored; /* title afterwards */
    } rows[] = {
        {"first", 10, OUTCOME_STORED, "first"},
        {"first", 10, OUTCOME_UNCHANGED, "first"}, /* the same page again */
        {"older", 5, OUTCOME_UNCHANGED, "first"},
        {"newer", 20, OUTCOME_STORED, "newer"},
        {"first", 10, OUTCOME_UNCHANGED, "newer"},
        {"other bytes", 20, OUTCOME_STORED, "other bytes"}, /* of the same version: they win */
        {"other bytes", 20, OUTCOME_UNCHANGED, "other bytes"},
    };
    struct desk *d = desk_new();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t events = d->n_events;
        enum outcome o = one(d, "endpoint", ALERT, T1 + (int64_t)i,
                             endpoint(d, ALERT, rows[i].title, rows[i].minute));
        assert_string_equal(outcome_word(o), outcome_word(rows[i].outcome));
        assert_int_equal(d->n_alerts, 1);
        assert_true(slice_eq(d->alerts[0].title, slice_of(rows[i].stored)));
        if (o == OUTCOME_UNCHANGED)
            assert_int_equal(d->n_events, events);
    }
    desk_free(d);
    (void)state;
}

/* A mapping that was wrong can be repaired from it: sources.md 8.2, line 4. */
static void
test_the_raw_document_is_kept_beside_what_was_made_of_it(void **state)
{
    struct desk *d = desk_new();
    struct slice alert = slice_printf(d->a, " %.*s\n", SLICE_ARG(endpoint(d, ALERT, "t", 1)));
    struct slice record = SLICE("{\"Id\":\"r1\", \"RecordType\":41,\"CreationTime\":"
                                "\"2019-12-02T10:00:00\",\"Operation\":\"TIUrlClickData\","
                                "\"Url\":\"https://a.example/\",\"UserId\":\"a@b.example\"}");
    struct slice nonsense = SLICE("{\"title\":");
    assert_int_equal(one(d, "endpoint", ALERT, T1, alert), OUTCOME_STORED);
    assert_int_equal(one(d, "mail", "r1", T1, record), OUTCOME_STORED);
    assert_int_equal(one(d, "endpoint", "x", T1, nonsense), OUTCOME_DEAD);
    assert_int_equal(d->n_mail, 1);
    assert_int_equal(d->n_dead, 1);
    const struct {
        enum seal_purpose purpose;
        const char *place;
        struct slice sealed, want;
    } rows[] = {
        {SEAL_RAW, "pg|alert|raw|1/" ALERT, d->alerts[0].raw, alert},
        {SEAL_RAW, "pg|mail_record|sealed|r1", d->mail[0].sealed, record},
        {SEAL_DEAD, "pg|dead|sealed|1/x", d->dead[0].sealed, nonsense},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice plain;
        assert_non_null(rows[i].sealed.p);
        fine(seal_open(d->seal, &d->t.oid, 1, rows[i].purpose, slice_of(rows[i].place),
                       rows[i].sealed, d->a, &plain));
        assert_true(slice_eq(plain, rows[i].want));
    }
    desk_free(d);
    (void)state;
}

static void
test_versions_within_one_batch_are_as_if_one_by_one(void **state)
{
    struct desk *d = desk_new();
    struct delivery list[] = {
        desk_delivery(d, "endpoint", ALERT, T1, T1, endpoint(d, ALERT, "a", 10)),
        desk_delivery(d, "endpoint", ALERT, T1, T1 + 1, endpoint(d, ALERT, "b", 30)),
        desk_delivery(d, "endpoint", ALERT, T1, T1 + 2, endpoint(d, ALERT, "c", 20)),
        desk_delivery(d, "endpoint", ALERT, T1, T1 + 3, endpoint(d, ALERT, "b", 30)),
    };
    desk_take(d, list, 4);
    assert_int_equal(list[0].outcome, OUTCOME_STORED);
    assert_int_equal(list[1].outcome, OUTCOME_STORED);
    assert_int_equal(list[2].outcome, OUTCOME_UNCHANGED);
    assert_int_equal(list[3].outcome, OUTCOME_UNCHANGED);
    assert_int_equal(d->n_alerts, 1);
    assert_int_equal(d->n_events, 1); /* one batch, one version of the incident */
    assert_true(slice_eq(d->alerts[0].title, SLICE("b")));
    assert_int_equal(d->alerts[0].received, T1 + 1);
    desk_free(d);
    (void)state;
}

static void
test_what_cannot_be_an_alert_is_kept_with_a_reason(void **state)
{
    char long_id[700];
    memset(long_id, 'x', sizeof long_id);
    long_id[sizeof long_id - 1] = '\0';
    struct desk *d = desk_new();
    const struct {
        const char *source, *id;
        struct slice payload;
        const char *reason;
        bool own_id; /* kept under its own id, else under the hash */
    } rows[] = {
        {"endpoint", ALERT, SLICE("{\"id\":"), "json.parse", true},
        {"endpoint", ALERT, SLICE("[]"), "endpoint.shape", true},
        {"endpoint", ALERT, SLICE("{\"title\":\"x\"}"), "endpoint.no_id", true},
        {"endpoint", "", SLICE("{\"title\":\"y\"}"), "endpoint.no_id", false},
        {"endpoint", long_id, endpoint(d, long_id, "long", 1), "normalize.native_id", false},
        {"endpoint", "bad \xff utf-8", SLICE("{\"title\":\"z\"}"), "endpoint.no_id", false},
        {"oracle", ALERT, SLICE("{}"), "normalize.source", true},
        {"mail", "R", SLICE("{\"RecordType\":40,\"AlertId\":\"x\"}"), "mail.record", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum outcome o = one(d, rows[i].source, rows[i].id, T1, rows[i].payload);
        assert_string_equal(outcome_word(o), "dead");
        assert_int_equal(d->n_dead, i + 1);
        const struct alerts_dead *r = &d->dead[i];
        if (strcmp(rows[i].reason, "json.parse") != 0)
            assert_true(slice_eq(r->reason, slice_of(rows[i].reason)));
        assert_true(rows[i].own_id ? slice_eq(r->native_id, slice_of(rows[i].id))
                                   : slice_starts(r->native_id, SLICE("sha256:")));
        assert_int_equal(r->sha256.n, CRYPTO_SHA256);
        assert_non_null(r->sealed.p);
        /* again: nothing new */
        assert_int_equal(one(d, rows[i].source, rows[i].id, T1, rows[i].payload), OUTCOME_DEAD);
        assert_int_equal(d->n_dead, i + 1);
    }
    assert_int_equal(d->n_alerts, 0);
    assert_int_equal(d->n_events, 0);
    desk_free(d);
    (void)state;
}

static void
test_a_record_of_a_foreign_place_is_dead_without_its_content(void **state)
{
    struct desk *d = desk_new();
    struct delivery x = desk_delivery(d, "endpoint", ALERT, T1, T1, endpoint(d, ALERT, "t", 1));
    x.record.payload = SLICE("no envelope at all");
    desk_take(d, &x, 1);
    assert_int_equal(x.outcome, OUTCOME_DEAD);
    assert_true(slice_eq(d->dead[0].reason, SLICE("seal.bad")));
    assert_null(d->dead[0].sealed.p);
    desk_free(d);
    (void)state;
}

static void
test_poison_is_dead_whatever_it_says(void **state)
{
    struct desk *d = desk_new();
    struct delivery list[] = {
        desk_delivery(d, "endpoint", "a", T1, T1, endpoint(d, "a", "t", 1)),
        desk_delivery(d, "endpoint", "b", T1, T1, endpoint(d, "b", "t", 1)),
    };
    list[0].poison = true;
    desk_take(d, list, 2);
    assert_int_equal(list[0].outcome, OUTCOME_DEAD);
    assert_int_equal(list[1].outcome, OUTCOME_STORED);
    assert_true(slice_eq(d->dead[0].reason, SLICE("normalize.refused")));
    assert_true(slice_starts(d->dead[0].native_id, SLICE("sha256:")));
    desk_free(d);
    (void)state;
}

static void
test_mirrors_and_other_records_are_ignored_once(void **state)
{
    struct desk *d = desk_new();
    const struct slice mirror = SLICE("{\"Id\":\"m1\",\"RecordType\":98}");
    struct delivery list[] = {
        desk_delivery(d, "mail", "m1", T1, T1, mirror),
        desk_delivery(d, "mail", "m2", T1, T1, SLICE("{\"Id\":\"m2\",\"RecordType\":15}")),
        desk_delivery(d, "mail", "m1", T1, T1 + 1, mirror),
    };
    desk_take(d, list, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(list[i].outcome, OUTCOME_IGNORED);
    assert_int_equal(d->n_ignored, 2);
    assert_int_equal(d->ignored[0].received, T1); /* the first stays */
    desk_free(d);
    (void)state;
}

/* What the engine knows of an alert beyond its text must survive a restart. */
static void
test_a_false_positive_still_says_nothing_of_severity_after_a_restart(void **state)
{
#define ON_ONE_DEVICE(id, words)                                                                   \
    SLICE("{\"id\":\"" id "\"," words ",\"category\":\"Malware\",\"title\":\"t\",\"relatedUser\":" \
          "{\"userName\":\"anna\",\"domainName\":\"C\"},"                                          \
          "\"machineId\":\"f70f9fe6b29cd9511652434919c6530618f06606\",\"alertCreationTime\":"      \
          "\"2019-12-02T10:00:00Z\"}")
    struct desk *d = desk_new();
    one(d, "endpoint", "a", T1,
        ON_ONE_DEVICE("a", "\"severity\":\"High\",\"status\":\"Resolved\",\"classification\":"
                           "\"FalsePositive\""));
    one(d, "endpoint", "b", T1 + 1, ON_ONE_DEVICE("b", "\"severity\":\"Medium\""));
    assert_int_equal(d->member[0], d->member[1]);
    int32_t before = d->incidents[d->member[0]].severity;
    desk_restart(d);
    one(d, "endpoint", "c", T1 + 2, ON_ONE_DEVICE("c", "\"severity\":\"Medium\""));
    assert_int_equal(d->member[2], d->member[0]);
    assert_int_equal(d->incidents[d->member[0]].severity, before);
    assert_int_equal(before, SEVERITY_MEDIUM);
    desk_free(d);
    (void)state;
}

/* ---- mail: an alert is the set of its records, in whatever order they come */

#define MAIL_ALERT "37ccc7e4-e8b9-4b4e-1c3d-08d776f0d1f8"
#define MAIL_RECORD(id, time, operation, entity)                                                   \
    "{\"Id\":\"" id "\",\"RecordType\":40,\"CreationTime\":\"2019-12-02T10:" time                  \
    "\",\"Operation\":\"" operation "\",\"Source\":\"Office 365 Security & Compliance\","          \
    "\"AlertId\":\"" MAIL_ALERT "\",\"AlertType\":\"System\",\"Name\":\"Email messages "           \
    "containing malware removed after delivery\",\"Category\":\"ThreatManagement\","               \
    "\"Severity\":\"Informational\",\"AlertEntityId\":\"" entity "\"}"

static const char *const mail_records[] = {
    MAIL_RECORD("00000000-0000-4000-8000-000000000001", "00:00", "AlertTriggered", ""),
    MAIL_RECORD("00000000-0000-4000-8000-000000000002", "00:05", "AlertEntityGenerated",
                "anna@contoso.com"),
    MAIL_RECORD("00000000-0000-4000-8000-000000000003", "00:06", "AlertEntityGenerated",
                "ben@contoso.com"),
    MAIL_RECORD("00000000-0000-4000-8000-000000000004", "09:00", "AlertUpdated", ""),
};
enum { MAIL_RECORDS = 4 };

static void
mail_in_order(struct desk *d, const size_t *order, size_t batch)
{
    struct delivery list[MAIL_RECORDS];
    for (size_t i = 0; i < MAIL_RECORDS; i++) {
        const char *id =
            slice_printf(d->a, "00000000-0000-4000-8000-00000000000%zu", order[i] + 1).p;
        list[i] = desk_delivery(d, "mail", id, T1, T1 + (int64_t)order[i],
                                slice_of(mail_records[order[i]]));
    }
    for (size_t i = 0; i < MAIL_RECORDS; i += batch)
        desk_take(d, list + i, i + batch > MAIL_RECORDS ? MAIL_RECORDS - i : batch);
    for (size_t i = 0; i < MAIL_RECORDS; i++)
        if (list[i].outcome != OUTCOME_STORED)
            fail_msg("%s: %s %s", outcome_word(list[i].outcome), list[i].why.code,
                     list[i].why.text);
}

static void
test_mail_records_in_any_order_give_the_same_alert(void **state)
{
    static const size_t in_order[] = {0, 1, 2, 3};
    struct desk *expected = desk_new();
    mail_in_order(expected, in_order, MAIL_RECORDS);
    const struct alerts_row *x = &expected->alerts[0];
    for (size_t code = 0; code < 24; code++) {
        size_t order[MAIL_RECORDS], rest[] = {0, 1, 2, 3}, n = MAIL_RECORDS, left = code;
        for (size_t i = 0; i < MAIL_RECORDS; i++, n--) {
            size_t take = left % n;
            left /= n;
            order[i] = rest[take];
            memmove(rest + take, rest + take + 1, (n - take - 1) * sizeof rest[0]);
        }
        struct desk *d = desk_new();
        mail_in_order(d, order, 1 + code % 3);
        assert_int_equal(d->n_alerts, 1);
        assert_int_equal(d->n_mail, MAIL_RECORDS);
        const struct alerts_row *y = &d->alerts[0];
        assert_int_equal(x->version, y->version);
        assert_int_equal(x->received, y->received);
        assert_true(slice_eq(x->sha256, y->sha256));
        assert_true(slice_eq(x->title, y->title));
        assert_true(slice_eq(x->evidence, y->evidence));
        assert_int_equal(x->created, y->created);
        assert_null(y->raw.p);
        desk_restart(d);
        desk_free(d);
    }
    desk_free(expected);
    (void)state;
}

static void
test_a_mail_record_that_repeats_changes_nothing(void **state)
{
    static const size_t in_order[] = {0, 1, 2, 3};
    struct desk *d = desk_new();
    mail_in_order(d, in_order, 2);
    size_t events = d->n_events;
    assert_int_equal(
        one(d, "mail", "00000000-0000-4000-8000-000000000002", T1 + 50, slice_of(mail_records[1])),
        OUTCOME_UNCHANGED);
    assert_int_equal(d->n_events, events);
    assert_int_equal(d->alerts[0].received, T1 + 3);
    desk_free(d);
    (void)state;
}

static void
test_a_mail_record_that_two_versions_of_are_at_hand_counts_twice(void **state)
{
    struct desk *d = desk_new();
    const char *id = "00000000-0000-4000-8000-000000000001";
    struct delivery list[] = {
        desk_delivery(d, "mail", id, T1, T1, slice_of(mail_records[0])),
        desk_delivery(d, "mail", id, T1, T1,
                      slice_of(MAIL_RECORD("00000000-0000-4000-8000-000000000001", "01:00",
                                           "AlertTriggered", ""))),
    };
    desk_take(d, list, 2);
    assert_int_equal(list[0].outcome, OUTCOME_STORED);
    assert_int_equal(list[1].outcome, OUTCOME_STORED);
    assert_int_equal(d->n_mail, 1);
    desk_free(d);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_newer_version_is_stored_and_the_rest_changes_nothing),
        cmocka_unit_test(test_the_raw_document_is_kept_beside_what_was_made_of_it),
        cmocka_unit_test(test_versions_within_one_batch_are_as_if_one_by_one),
        cmocka_unit_test(test_what_cannot_be_an_alert_is_kept_with_a_reason),
        cmocka_unit_test(test_a_record_of_a_foreign_place_is_dead_without_its_content),
        cmocka_unit_test(test_poison_is_dead_whatever_it_says),
        cmocka_unit_test(test_mirrors_and_other_records_are_ignored_once),
        cmocka_unit_test(test_a_false_positive_still_says_nothing_of_severity_after_a_restart),
        cmocka_unit_test(test_mail_records_in_any_order_give_the_same_alert),
        cmocka_unit_test(test_a_mail_record_that_repeats_changes_nothing),
        cmocka_unit_test(test_a_mail_record_that_two_versions_of_are_at_hand_counts_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
