/*
 * The records of one Office 365 alert come hours apart, in any order and in any batches; the alert
 * is a function of their set. SEED=n repeats a run.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "ingest/mail_map.h"
#include "ingest/source.h"

extern const struct source source_mail;

enum { SETS = 300, ORDERS = 6, RECORDS_MAX = 12, ARENA_BYTES = 32 << 20 };

#define ALERT_ID "6EE36A84-0cb9-0e51-0c00-08d92fe5bc22"
#define NOON ((int64_t)1575288000 * CLOCK_SECOND)

static uint64_t
next(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static const char *
pick(uint64_t *state, const char *const *words, size_t n)
{
    return words[next(state) % n];
}
#define PICK(state, words) pick(state, words, sizeof(words) / sizeof *(words))

/* Few moments, so that many records share one. */
static const char *
moment(uint64_t *state, struct arena *a)
{
    return slice_printf(a, "2019-12-0%uT1%u:0%u:00", (unsigned)(next(state) % 3 + 1),
                        (unsigned)(next(state) % 2), (unsigned)(next(state) % 3))
        .p;
}

static const char *const people[] = {"a@x.example", "b@x.example", "C@x.example", ""};
static const char *const severities[] = {"Low", "Medium", "High", ""};
static const char *const statuses[] = {"Active", "Investigating", "Resolved", "Dismissed", ""};

static struct json_out *
policy_data(uint64_t *state, struct arena *a)
{
    static const char *const urls[] = {"http://u.example/", "http://v.example/a", ""};
    struct json_out *d = json_out_object(a);
    json_out_text(d, "ts", slice_of(moment(state, a)));
    json_out_text(d, "te", slice_of(moment(state, a)));
    json_out_text(d, "f3u", slice_of(PICK(state, people)));
    json_out_text(d, "trc", slice_of(PICK(state, people)));
    json_out_text(d, "zu", slice_of(PICK(state, urls)));
    json_out_text(d, "an", slice_of("Phish delivered"));
    json_out_text(d, "sev", slice_of(PICK(state, severities)));
    json_out_text(d, "ad", slice_printf(a, "text %u -V1.0.0.5", (unsigned)(next(state) % 2)));
    return d;
}

static struct json_out *
air_data(uint64_t *state, struct arena *a)
{
    struct json_out *d = json_out_object(a), *list = json_out_array(a);
    json_out_text(d, "ProviderAlertId", SLICE(ALERT_ID));
    json_out_text(d, "StartTimeUtc", slice_of(moment(state, a)));
    json_out_text(d, "TimeGenerated", slice_of(moment(state, a)));
    json_out_text(d, "Status", slice_of(PICK(state, statuses)));
    json_out_text(d, "Severity", slice_of(PICK(state, severities)));
    json_out_text(d, "AlertDisplayName", SLICE("Mail was zapped"));
    json_out_text(d, "Description", slice_printf(a, "d%u", (unsigned)(next(state) % 3)));
    for (uint64_t n = next(state) % 4; n > 0; n--) {
        struct json_out *e = json_out_object(a);
        json_out_text(e, "Type", SLICE("mailMessage"));
        json_out_text(e, "Recipient", slice_of(PICK(state, people)));
        json_out_text(e, "Subject", slice_printf(a, "s%u", (unsigned)(next(state) % 2)));
        if (next(state) % 2 == 0)
            json_out_set_raw(e, "Threats", SLICE("[\"Phish\"]"));
        json_out_add(list, e);
    }
    json_out_set(d, "Entities", list);
    return d;
}

/* One record of the alert; number makes its Id its own. */
static struct slice
record(uint64_t *state, unsigned number, struct arena *a)
{
    static const char *const operations[] = {"AlertTriggered", "AlertEntityGenerated",
                                             "AlertUpdated", "AirInvestigationData"};
    static const char *const air[] = {"Investigation Started", "Pending Action", "Remediated"};
    struct json_out *o = json_out_object(a), *data;
    const char *operation = PICK(state, operations);
    bool investigation = strcmp(operation, "AirInvestigationData") == 0;
    /* ids do not follow the order of time */
    json_out_text(o, "Id", slice_printf(a, "%02u-%u", (unsigned)(next(state) % 50), number));
    json_out_int(o, "RecordType", investigation ? 64 : 40);
    json_out_text(o, "Operation", slice_of(operation));
    json_out_text(o, "CreationTime", slice_of(next(state) % 8 == 0 ? "" : moment(state, a)));
    json_out_text(o, "Status", slice_of(investigation ? PICK(state, air) : PICK(state, statuses)));
    if (investigation) {
        json_out_text(o, "InvestigationId", slice_printf(a, "urn:%u", (unsigned)(next(state) % 2)));
        data = air_data(state, a);
    } else {
        json_out_text(o, "AlertId",
                      next(state) % 2 == 0 ? SLICE(ALERT_ID) : slice_lower(a, SLICE(ALERT_ID)));
        json_out_text(o, "Name", SLICE("Phish delivered"));
        json_out_text(o, "Severity", slice_of(PICK(state, severities)));
        json_out_text(o, "Category", SLICE("ThreatManagement"));
        json_out_text(o, "EntityType", SLICE("User"));
        json_out_text(o, "AlertEntityId", slice_of(PICK(state, people)));
        json_out_text(o, "Comments", slice_printf(a, "c%u", (unsigned)(next(state) % 3)));
        data = policy_data(state, a);
    }
    if (!investigation && next(state) % 8 == 0) /* an investigation without Data names no alert */
        json_out_text(o, "Data", SLICE("{broken"));
    else
        json_out_text(o, "Data", json_out_print(data, a));
    return json_out_print(o, a);
}

static void
shuffle(uint64_t *state, struct source_document *docs, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t k = next(state) % i;
        struct source_document d = docs[k];
        docs[k] = docs[i - 1];
        docs[i - 1] = d;
    }
}

static struct slice
mapped(const struct source_document *docs, size_t n, struct arena *a)
{
    struct alert al;
    struct err e = source_mail.map(docs, n, SLICE("t"), a, &al);
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
    assert_true(slice_eq_nocase(al.native_id, SLICE(ALERT_ID)));
    assert_true(al.created != CLOCK_NONE && al.version != CLOCK_NONE);
    return slice_join(a, slice_printf(a, "%lld ", (long long)al.version), alert_json(&al, a));
}

static void
assert_same(struct slice got, struct slice want, const char *what, uint64_t seed)
{
    if (!slice_eq(got, want))
        fail_msg("%s: SEED=%" PRIu64 "\n%.*s\n%.*s", what, seed, SLICE_ARG(got), SLICE_ARG(want));
}

/*
 * As the normalizer does it: batch by batch what has come so far is mapped anew, the known records
 * in the order of their ids and the new ones behind them. Only the last answer is compared, those
 * on the way must be alerts.
 */
static struct slice
in_batches(uint64_t *state, const struct source_document *docs, size_t n, struct arena *a)
{
    struct slice last = SLICE_NONE;
    for (size_t have = 0; have < n;) {
        have += next(state) % (n - have) + 1;
        last = mapped(docs, have, a);
    }
    return last;
}

static void
one_set(uint64_t *state)
{
    uint64_t seed = *state;
    struct arena *a = arena_new(ARENA_BYTES);
    struct source_document docs[RECORDS_MAX];
    size_t n = next(state) % RECORDS_MAX + 1;
    for (size_t i = 0; i < n; i++)
        docs[i] = (struct source_document){record(state, (unsigned)i, a),
                                           NOON + (int64_t)(next(state) % 3) * CLOCK_SECOND};
    struct slice want = mapped(docs, n, a);
    for (int i = 0; i < ORDERS; i++) {
        shuffle(state, docs, n);
        assert_same(mapped(docs, n, a), want, "another order", seed);
        assert_same(in_batches(state, docs, n, a), want, "other batches", seed);
    }
    arena_free(a);
}

static void
test_any_order_and_any_batches_give_the_same_alert(void **state)
{
    const char *given = getenv("SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 1;
    print_message("SEED=%" PRIu64 "\n", seed);
    for (int i = 0; i < SETS; i++)
        one_set(&seed);
    (void)state;
}

/* The law above would hold for a map that looks at nothing: the set does change the alert. */
static void
test_a_record_more_is_seen(void **state)
{
    uint64_t seed = 7;
    size_t changed = 0;
    for (int i = 0; i < 50; i++) {
        struct arena *a = arena_new(ARENA_BYTES);
        struct source_document docs[2] = {{record(&seed, 0, a), NOON}, {record(&seed, 1, a), NOON}};
        changed += !slice_eq(mapped(docs, 1, a), mapped(docs, 2, a));
        arena_free(a);
    }
    assert_int_equal(changed, 50);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order_and_any_batches_give_the_same_alert),
        cmocka_unit_test(test_a_record_more_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
