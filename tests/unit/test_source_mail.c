#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/arena.h"
#include "common/clock.h"
#include "ingest/mail_map.h"
#include "ingest/source.h"

extern const struct source source_mail;

#define TENANT "8a1a1157-0272-492d-ab10-3f9853ac8183"
#define ALERT "F8EDC936-85f8-a603-b800-08d798b19f01"
#define ALERT_LOWER "f8edc936-85f8-a603-b800-08d798b19f01"

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
    if (expected == NULL) {
        assert_null(got.p);
        return;
    }
    if (!slice_eq(got, slice_of(expected)))
        fail_msg("got \"%.*s\", expected \"%s\"", SLICE_ARG(got), expected);
}

static int64_t
at(const char *text)
{
    int64_t t = CLOCK_NONE;
    assert_true(clock_parse(slice_of(text), &t));
    return t;
}

/* ---- ident */

static void
test_each_record_has_its_fate(void **state)
{
    static const struct {
        const char *record, *native_id, *reason; /* both NULL: rejected */
    } rows[] = {
        {"{\"Id\":\"R\",\"RecordType\":40,\"AlertId\":\"" ALERT "\"}", ALERT_LOWER, NULL},
        {"{\"Id\":\"R\",\"RecordType\":\"40\",\"AlertId\":\"" ALERT "\"}", ALERT_LOWER, NULL},
        {"{\"Id\":\"R\",\"RecordType\":40,\"AlertId\":\"x\",\"Source\":\"Cloud App Security\"}",
         NULL, "mail.cloud_app_mirror"},
        {"{\"Id\":\"R\",\"RecordType\":64,\"Data\":\"{\\\"ProviderAlertId\\\":\\\"" ALERT
         "\\\"}\"}",
         ALERT_LOWER, NULL},
        {"{\"Id\":\"R\",\"RecordType\":64,\"Data\":\"{}\"}", NULL, "mail.investigation"},
        {"{\"Id\":\"R\",\"RecordType\":28}", "r", NULL},
        {"{\"Id\":\"R\",\"RecordType\":41}", "r", NULL},
        {"{\"Id\":\"R\",\"RecordType\":47}", "r", NULL},
        {"{\"Id\":\"R\",\"RecordType\":98}", NULL, "mail.mirror"},
        {"{\"Id\":\"R\",\"RecordType\":294}", NULL, "mail.mirror"},
        {"{\"Id\":\"R\",\"RecordType\":15}", NULL, "mail.record_type"},
        {"{\"Id\":\"R\",\"RecordType\":-9223372036854775808}", NULL, "mail.record_type"},
        {"{\"Id\":\"R\",\"RecordType\":64,\"Data\":\"{\"}", NULL, NULL},
        {"{\"Id\":\"R\",\"RecordType\":40}", NULL, NULL},
        {"{\"Id\":\"R\"}", NULL, NULL},
        {"{\"contentId\":\"1$a\",\"reason\":\"over 9 bytes\",\"bytes\":0}", NULL, NULL},
        {"{\"RecordType\":40,\"AlertId\":\"x\"}", NULL, NULL},
        {"{\"Id\":7,\"RecordType\":40}", NULL, NULL},
        {"{\"Id\":\"a\\u0000b\",\"RecordType\":28}", NULL, NULL},
        {"{\"Id\":\"R\",\"RecordType\":40,\"AlertId\":\"a\\u0000b\"}", NULL, NULL},
        {"[]", NULL, NULL},
        {"{", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct source_ident id;
        struct err e = source_mail.ident(slice_of(rows[i].record), IDENTITY_OFF, *state, &id);
        bool rejected = rows[i].native_id == NULL && rows[i].reason == NULL;
        assert_int_equal(e.kind, rejected ? ERR_REJECT : ERR_NONE);
        if (rejected)
            continue;
        assert_int_equal(id.fate, rows[i].reason != NULL ? FATE_IGNORE : FATE_ALERT);
        if (rows[i].reason != NULL)
            assert_string_equal(id.reason, rows[i].reason);
        else
            assert_slice(id.native_id, rows[i].native_id);
    }
}

/* ---- map */

#define COMMON                                                                                     \
    "\"RecordType\":40,\"AlertId\":\"" ALERT                                                       \
    "\",\"AlertType\":\"System\",\"Category\":\"ThreatManagement\",\"Name\":"                      \
    "\"A potentially malicious URL click was detected\xe2\x80\x8b\","                              \
    "\"PolicyId\":\"471d921d-0000-41c4-be33-000000000001\",\"Severity\":\"High\""
#define TRIGGERED                                                                                  \
    "{\"Id\":\"r1\",\"Operation\":\"AlertTriggered\",\"CreationTime\":\"2020-01-14T09:31:07\","    \
    "\"Status\":\"Active\",\"Comments\":\"New alert\",\"Data\":\"{\\\"ts\\\":"                     \
    "\\\"2020-01-14T09:20:00.0000000Z\\\",\\\"te\\\":\\\"2020-01-14T09:21:00Z\\\",\\\"ad\\\":"     \
    "\\\"This alert\\nfires -V1.0.0.5\\\"}\"," COMMON "}"
#define ENTITY                                                                                     \
    "{\"Id\":\"r2\",\"Operation\":\"AlertEntityGenerated\",\"CreationTime\":"                      \
    "\"2020-01-14T09:32:00\",\"Status\":\"Active\",\"EntityType\":\"MaliciousUrl\","               \
    "\"AlertEntityId\":\"https://Evil.example/x\",\"Data\":\"{\\\"te\\\":"                         \
    "\\\"2020-01-14T09:25:00Z\\\",\\\"aii\\\":\\\"D6C7276B-3a65-43c7-9e25-525f7e289543\\\","       \
    "\\\"trc\\\":\\\"Anna@contoso.com; bob@contoso.com\\\",\\\"sip\\\":\\\"1.2.3.4\\\","           \
    "\\\"thn\\\":\\\"Phish, Malicious\\\"}\"," COMMON "}"
#define UPDATED                                                                                    \
    "{\"Id\":\"r3\",\"Operation\":\"AlertUpdated\",\"CreationTime\":\"2020-01-14T12:00:00\","      \
    "\"Status\":\"Dismissed\",\"Comments\":\"a drill\",\"Data\":\"\"," COMMON "}"
#define AIR                                                                                        \
    "{\"Id\":\"r4\",\"RecordType\":64,\"CreationTime\":\"2020-01-14T10:24:41\",\"InvestigationId"  \
    "\":\"urn:Zapped:1\",\"LastUpdateTimeUtc\":\"2020-01-14T10:20:19\",\"Status\":\"Pending "      \
    "Action\",\"Actions\":[\"{\\\"$id\\\":\\\"1\\\",\\\"Entities\\\":[{\\\"$id\\\":\\\"2\\\","     \
    "\\\"Address\\\":\\\"5.6.7.8\\\",\\\"Type\\\":\\\"ip\\\"}]}\",\"broken\"],\"Data\":\""         \
    "{\\\"ProviderAlertId\\\":\\\"" ALERT "\\\",\\\"AlertDisplayName\\\":\\\"From AIR\\\","        \
    "\\\"Severity\\\":\\\"Low\\\",\\\"Status\\\":\\\"InProgress\\\",\\\"Intent\\\":"               \
    "\\\"Probing\\\",\\\"TimeGenerated\\\":\\\"2020-01-14T09:30:00Z\\\",\\\"EndTimeUtc\\\":"       \
    "\\\"0001-01-01T00:00:00\\\",\\\"Entities\\\":[{\\\"$ref\\\":\\\"5\\\"},{\\\"$id\\\":"         \
    "\\\"4\\\",\\\"Type\\\":\\\"mail-message\\\",\\\"NetworkMessageId\\\":"                        \
    "\\\"D6C7276B-3a65-43c7-9e25-525f7e289543\\\",\\\"Recipient\\\":\\\"anna@contoso.com\\\","     \
    "\\\"Files\\\":[{\\\"$id\\\":\\\"5\\\",\\\"Type\\\":\\\"file\\\",\\\"Name\\\":\\\"a.exe\\\","  \
    "\\\"FileHashes\\\":[{\\\"$ref\\\":\\\"6\\\"}]}]},{\\\"$id\\\":\\\"6\\\",\\\"Value\\\":"       \
    "\\\"01BA4719C80B6FE911B091A7C05124B64EEECE964E09C058EF8F9805DACA546B\\\"},"                   \
    "{\\\"$ref\\\":\\\"99\\\"},{\\\"Type\\\":\\\"mailCluster\\\",\\\"MailCount\\\":12,"            \
    "\\\"NetworkMessageIds\\\":[\\\"A\\\",\\\"b\\\"],\\\"QueryTime\\\":\\\"x\\\","                 \
    "\\\"QueryTime\\\":\\\"y\\\"},{\\\"Type\\\":\\\"unheard-of\\\"},7,null]}\"}"

static struct err
map(const char *const *records, size_t n, struct arena *a, struct alert *out)
{
    struct source_document docs[8];
    for (size_t i = 0; i < n; i++)
        docs[i] = (struct source_document){.payload = slice_of(records[i]), .received = 1};
    return source_mail.map(docs, n, SLICE(TENANT), a, out);
}

static const struct evidence *
item(const struct alert *al, enum evidence_type type)
{
    for (size_t i = 0; i < al->n_evidence; i++)
        if (al->evidence[i].type == type)
            return &al->evidence[i];
    fail_msg("no evidence of type %d", (int)type);
    return NULL;
}

static void
test_a_set_of_records_is_one_alert(void **state)
{
    static const char *const records[] = {TRIGGERED, ENTITY, UPDATED, AIR};
    struct alert al;
    assert_int_equal(map(records, 4, *state, &al).kind, ERR_NONE);
    assert_slice(al.source, "mail");
    assert_slice(al.native_id, ALERT_LOWER);
    assert_slice(al.id, "fa" ALERT_LOWER);
    assert_slice(al.provider_alert_id, ALERT);
    assert_slice(al.title, "A potentially malicious URL click was detected");
    assert_slice(al.description, "This alert\nfires");
    assert_int_equal(al.severity, SEVERITY_HIGH);
    assert_int_equal(al.status, STATUS_RESOLVED);
    assert_int_equal(al.classification, CLASS_FALSE_POSITIVE);
    assert_slice(al.category, "InitialAccess");
    assert_int_equal(al.tactics, 1 << 1);
    assert_int_equal(al.service, SERVICE_OFFICE365);
    assert_int_equal(al.detection, DETECTION_OFFICE365);
    assert_slice(al.policy_id, "471d921d-0000-41c4-be33-000000000001");
    assert_slice(al.investigation_id, "urn:Zapped:1");
    assert_slice(al.investigation_state, "pendingApproval");
    assert_true(al.created == at("2020-01-14T09:31:07Z"));
    assert_true(al.first_activity == at("2020-01-14T09:20:00Z"));
    assert_true(al.last_activity == at("2020-01-14T09:25:00Z"));
    assert_true(al.updated == at("2020-01-14T12:00:00Z"));
    assert_true(al.resolved == at("2020-01-14T12:00:00Z"));
    assert_true(al.version == at("2020-01-14T12:00:00Z"));
    assert_slice(al.comments[0].text, "a drill");
    assert_slice(item(&al, EVIDENCE_USER)->upn, "anna@contoso.com");
    assert_slice(item(&al, EVIDENCE_URL)->url, "https://evil.example/x");
    assert_slice(item(&al, EVIDENCE_MESSAGE)->network_message_id,
                 "d6c7276b-3a65-43c7-9e25-525f7e289543");
    assert_slice(item(&al, EVIDENCE_FILE)->sha256,
                 "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b");
    assert_int_equal(item(&al, EVIDENCE_MAIL_CLUSTER)->mail_count, 12);
    assert_slice(item(&al, EVIDENCE_MAIL_CLUSTER)->message_ids[0], "a");
    for (size_t i = 0; i < al.n_evidence; i++)
        assert_true(al.evidence[i].type != EVIDENCE_MALWARE); /* a verdict is no family */
}

static void
test_the_order_of_records_does_not_matter(void **state)
{
    static const char *const records[] = {TRIGGERED, ENTITY, UPDATED, AIR};
    struct slice want = SLICE_NONE;
    for (size_t order = 0; order < 256; order++) {
        const char *list[4];
        unsigned used = 0;
        for (size_t i = 0; i < 4; i++) {
            size_t k = order >> (2 * i) & 3;
            list[i] = records[k];
            used |= 1U << k;
        }
        if (used != 15)
            continue; /* not an order of all four */
        struct alert al;
        assert_int_equal(map(list, 4, *state, &al).kind, ERR_NONE);
        struct slice json = alert_json(&al, *state);
        assert_true(json.n > 0);
        if (want.p == NULL)
            want = json;
        assert_true(slice_eq(json, want));
    }
}

static void
test_each_kind_of_record_is_an_alert_alone(void **state)
{
    static const struct {
        const char *record, *title;
        enum severity severity;
        enum detection_source detection;
        const char *created, *rest;
    } rows[] = {
        {TRIGGERED, "A potentially malicious URL click was detected", SEVERITY_HIGH,
         DETECTION_OFFICE365, "2020-01-14T09:31:07Z", NULL},
        {ENTITY, "A potentially malicious URL click was detected", SEVERITY_HIGH,
         DETECTION_OFFICE365, "2020-01-14T09:32:00Z", NULL},
        {AIR, "From AIR", SEVERITY_LOW, DETECTION_AUTOMATED_INVESTIGATION, "2020-01-14T09:30:00Z",
         NULL},
        {"{\"Id\":\"r\",\"RecordType\":28,\"CreationTime\":\"2020-01-14T09:30:00\",\"Verdict\":"
         "\"Phish\",\"NetworkMessageId\":\"X\",\"Recipients\":[\"a@b.c\"]}",
         "Email with verdict Phish was detected", SEVERITY_LOW, DETECTION_OFFICE365,
         "2020-01-14T09:30:00Z", "{\"Verdict\":\"Phish\"}"},
        {"{\"Id\":\"r\",\"RecordType\":41,\"CreationTime\":\"2020-01-14T09:30:00\",\"Url\":"
         "\"http://x.y/\",\"UserId\":\"a@b.c\",\"URLClickAction\":4}",
         "A user clicked through the warning about a malicious URL", SEVERITY_MEDIUM,
         DETECTION_OFFICE365, "2020-01-14T09:30:00Z", "{\"URLClickAction\":4}"},
        {"{\"Id\":\"r\",\"RecordType\":47,\"CreationTime\":\"2020-01-14T09:30:00\",\"FileData\":"
         "{\"FileName\":\"a.exe\",\"MalwareFamily\":\"W/X\"}}",
         "Malicious file detected: a.exe", SEVERITY_LOW, DETECTION_OFFICE365,
         "2020-01-14T09:30:00Z",
         "{\"FileData\":{\"FileName\":\"a.exe\",\"MalwareFamily\":\"W/X\"}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct alert al;
        assert_int_equal(map(&rows[i].record, 1, *state, &al).kind, ERR_NONE);
        assert_slice(al.title, rows[i].title);
        assert_int_equal(al.severity, rows[i].severity);
        assert_int_equal(al.detection, rows[i].detection);
        assert_string_equal(clock_format(al.created).s, rows[i].created);
        if (rows[i].rest != NULL)
            assert_slice(al.additional, rows[i].rest);
    }
}

static void
test_data_is_read_tolerantly(void **state)
{
    static const struct {
        const char *text, *member; /* member NULL: absent; "!": rejected */
    } rows[] = {
        {"{\"a\":\"x\"}", "x"},
        {"{\"a\":\"x\ny\tz\"}", "x\ny\tz"},
        {"{\n\"a\":\"q\\\"\n\"}", "q\"\n"},
        {"{\"a\":\"first\",\"a\":\"last\"}", "first"},
        {"", NULL},
        {" null ", NULL},
        {"{\"a\":", "!"},
        {"[]", "!"},
        {"\"x", "!"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json v;
        struct err e = mail_data(slice_of(rows[i].text), *state, &v);
        bool rejected = rows[i].member != NULL && strcmp(rows[i].member, "!") == 0;
        assert_int_equal(e.kind, rejected ? ERR_REJECT : ERR_NONE);
        if (!rejected)
            assert_slice(json_get_text(v, "a"), rows[i].member);
    }
    const char *bad =
        "{\"Id\":\"r\",\"CreationTime\":\"2020-01-14T09:31:07\",\"Data\":\"{oops\"," COMMON "}";
    struct alert al;
    assert_int_equal(map(&bad, 1, *state, &al).kind, ERR_NONE);
    struct json more;
    assert_int_equal(json_parse(al.additional, *state, &more).kind, ERR_NONE);
    assert_slice(json_get_text(more, "DataUnreadable"), "{oops");
}

static void
test_policies_have_their_category(void **state)
{
    static const char T[] = "ThreatManagement";
    static const struct {
        const char *name, *category, *unified;
    } rows[] = {
        {"A potentially malicious URL click was detected", T, "InitialAccess"},
        {"Email messages containing malware removed after delivery", T, "InitialAccess"},
        {"Email messages containing phish URLs removed after delivery", T, "InitialAccess"},
        {"Email reported by user as malware or phish", T, "InitialAccess"},
        {"Malware campaign detected after delivery", T, "InitialAccess"},
        {"Malware campaign detected and blocked", T, "InitialAccess"},
        {"Malware campaign detected in SharePoint and OneDrive", T, "Malware"},
        {"Phish delivered due to tenant or user override", T, "InitialAccess"},
        {"Phish delivered due to an ETR override", T, "InitialAccess"},
        {"Phish not zapped because ZAP is disabled", T, "InitialAccess"},
        {"Suspicious email sending patterns detected", T, "SuspiciousActivity"},
        {"Suspicious email forwarding activity", T, "Exfiltration"},
        {"Tenant restricted from sending email", T, "SuspiciousActivity"},
        {"User restricted from sending email", T, "SuspiciousActivity"},
        {"Creation of forwarding/redirect rule", T, "Exfiltration"},
        {"Email sending limit exceeded", T, "SuspiciousActivity"},
        {"Elevation of Exchange admin privilege", "AccessGovernance", "PrivilegeEscalation"},
        {"Anything", "AccessGovernance", "PrivilegeEscalation"},
        {"eDiscovery search started or exported", T, "Collection"},
        {"Messages have been delayed", "MailFlow", "SuspiciousActivity"},
        {"Unusual external user file activity", "DataGovernance", "Exfiltration"},
        {"Unusual volume of external file sharing", "DataGovernance", "Exfiltration"},
        {"Unusual volume of file deletion", "DataGovernance", "Impact"},
        {"Unusual increase in email reported as phish", T, "InitialAccess"},
        {"Leaver copies files", "InsiderRiskManagement", "SuspiciousActivity"},
        {"Low volume of content", "DataLossPrevention", "Exfiltration"},
        {"Something", "Other", "SuspiciousActivity"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct alert al;
        struct slice r =
            slice_printf(*state,
                         "{\"Id\":\"r\",\"RecordType\":40,\"AlertId\":\"x\",\"CreationTime\":"
                         "\"2020-01-14T09:31:07\",\"Name\":\"%s\",\"Category\":\"%s\"}",
                         rows[i].name, rows[i].category);
        assert_int_equal(map(&r.p, 1, *state, &al).kind, ERR_NONE);
        assert_slice(al.category, rows[i].unified);
    }
}

/* Whatever comes first must be kept, or what comes later would not find it. */
static void
test_an_alert_without_a_name_is_one_and_an_odd_entity_may_be_a_message(void **state)
{
    struct alert al;
    const char *record = "{\"Id\":\"r\",\"RecordType\":\"40\",\"AlertId\":\"x\",\"CreationTime\":"
                         "\"2020-01-14T09:31:07\",\"EntityType\":\"MailMessage\",\"AlertEntityId\":"
                         "\"D6C7276B-3a65-43c7-9e25-525f7e289543\"}";
    assert_int_equal(map(&record, 1, *state, &al).kind, ERR_NONE);
    assert_slice(al.title, "Office 365 alert without a name");
    assert_slice(item(&al, EVIDENCE_MESSAGE)->network_message_id,
                 "d6c7276b-3a65-43c7-9e25-525f7e289543");
    record = "{\"Id\":\"r\",\"RecordType\":64,\"CreationTime\":\"2020-01-14T09:31:07\",\"Data\":"
             "\"{\\\"ProviderAlertId\\\":\\\"x\\\",\\\"AlertDisplayName\\\":\\\"From "
             "AIR\xe2\x80\x8b\\\"}\"}";
    assert_int_equal(map(&record, 1, *state, &al).kind, ERR_NONE);
    assert_slice(al.title, "From AIR");
}

static void
test_a_set_that_makes_no_alert_is_rejected(void **state)
{
    static const char *const rows[] = {
        "{", "{}", "{\"Id\":\"r\",\"RecordType\":15}",
        "{\"Id\":\"r\",\"RecordType\":40,\"CreationTime\":\"2020-01-14T09:31:07\",\"Name\":\"x\"}",
        "{\"RecordType\":28,\"CreationTime\":\"2020-01-14\"}"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct alert al;
        assert_int_equal(map(&rows[i], 1, *state, &al).kind, ERR_REJECT);
    }
    struct alert al;
    assert_int_equal(source_mail.map(NULL, 0, SLICE("t"), *state, &al).kind, ERR_REJECT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_record_has_its_fate),
        cmocka_unit_test(test_a_set_of_records_is_one_alert),
        cmocka_unit_test(test_the_order_of_records_does_not_matter),
        cmocka_unit_test(test_each_kind_of_record_is_an_alert_alone),
        cmocka_unit_test(test_data_is_read_tolerantly),
        cmocka_unit_test(test_policies_have_their_category),
        cmocka_unit_test(test_an_alert_without_a_name_is_one_and_an_odd_entity_may_be_a_message),
        cmocka_unit_test(test_a_set_that_makes_no_alert_is_rejected),
    };
    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
