#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "schemas/alert.h"
#include "serve/classic.h"

static struct arena *arena, *scratch;

static int
setup(void **state)
{
    (void)state;
    arena = arena_new(16 * 1024 * 1024);
    scratch = arena_new(16 * 1024 * 1024);
    return arena == NULL || scratch == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    arena_free(arena);
    arena_free(scratch);
    return 0;
}

static int64_t
time_of(const char *text)
{
    int64_t t;
    assert_true(clock_parse(slice_of(text), &t));
    return t;
}

static struct incidents_row
row_of(void)
{
    return (struct incidents_row){.id = 1042,
                                  .version = 3,
                                  .name = SLICE("Phishing on \"ws-1\""),
                                  .severity = SEVERITY_HIGH,
                                  .status = SLICE("active"),
                                  .created = time_of("2020-09-06T12:07:54.8133333Z"),
                                  .updated = time_of("2020-09-06T12:18:03.29Z")};
}

/* Evidence as the mappers store it: one item of each type that has a classic word, and others. */
static struct slice
evidence(void)
{
    static struct alert al;
    static const enum evidence_type types[] = {EVIDENCE_DEVICE,
                                               EVIDENCE_USER,
                                               EVIDENCE_PROCESS,
                                               EVIDENCE_FILE,
                                               EVIDENCE_FILE_HASH,
                                               EVIDENCE_IP,
                                               EVIDENCE_URL,
                                               EVIDENCE_REGISTRY_VALUE,
                                               EVIDENCE_MAILBOX,
                                               EVIDENCE_MESSAGE,
                                               EVIDENCE_MAIL_CLUSTER,
                                               EVIDENCE_SECURITY_GROUP,
                                               EVIDENCE_CLOUD_APPLICATION,
                                               EVIDENCE_MALWARE};
    alert_init(&al);
    al.created = time_of("2020-09-06T12:00:00Z");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct evidence *ev = alert_add(&al, arena, types[i]);
        assert_non_null(ev);
        ev->account_name = SLICE("anna");
        ev->domain_name = SLICE("CONTOSO");
        ev->user_sid = SLICE("S-1-5-21-1-2-3-1104");
        ev->aad_user_id = SLICE("545c2572-62ab-45de-adea-1e3d0fc644d9");
        ev->upn = SLICE("anna@contoso.com");
        ev->display_name = SLICE("Anna");
        ev->mde_device_id = SLICE("3a13aa0f2c454cccaecb55319512d0e0992c1cfc");
        ev->host_name = SLICE("ws-1");
        ev->os_platform = SLICE("Windows10");
        ev->sha1 = SLICE("ff836cfb1af40252bd2a2ea843032e99a5b262ed");
        ev->sha256 = SLICE_NONE;
        ev->file_name = SLICE("evil.exe");
        ev->file_path = SLICE("C:\\tmp");
        ev->process_id = SLICE("4711");
        ev->parent_process_id = SLICE("12");
        ev->command_line = SLICE("evil.exe /x");
        ev->process_created = time_of("2020-09-06T11:59:57.0733333Z");
        ev->ip = SLICE("203.0.113.9");
        ev->url = SLICE("https://fabrikam.example/x");
        ev->registry_hive = SLICE("HKEY_CURRENT_USER");
        ev->registry_key = SLICE("Run");
        ev->registry_value = SLICE("evil");
        ev->registry_value_type = SLICE("String");
        ev->mailbox_address = SLICE("box@contoso.com");
        ev->p1_sender = SLICE("p1@fabrikam.example");
        ev->recipient = SLICE("eva@contoso.com");
        ev->subject = SLICE("Invoice");
        ev->delivery_action = SLICE("Delivered");
        ev->cluster_by = SLICE("Subject;P2SenderDomain");
        ev->group_id = SLICE("g-1");
        ev->group_name = SLICE("Admins");
    }
    return alert_evidence_json(&al, arena);
}

static struct alerts_full
alert_of(void)
{
    return (struct alerts_full){.incident_id = 1042,
                                .row = {.source = 1,
                                        .native_id = SLICE("637349914833441527_-393341063"),
                                        .id = SLICE("da637349914833441527_-393341063"),
                                        .title = SLICE("Suspicious PowerShell command line"),
                                        .description = SLICE("line 1\nline 2"),
                                        .category = SLICE("Execution"),
                                        .severity = SEVERITY_MEDIUM,
                                        .status = STATUS_NEW,
                                        .service = SERVICE_ENDPOINT,
                                        .detection = DETECTION_ANTIVIRUS,
                                        .investigation_id = SLICE("9"),
                                        .investigation_state = SLICE("pendingApproval"),
                                        .techniques = SLICE("T1059 T1566.002"),
                                        .created = time_of("2020-09-06T12:07:54.3716642Z"),
                                        .updated = time_of("2020-09-06T12:07:59Z"),
                                        .first_activity = time_of("2020-09-06T12:05:00.29Z"),
                                        .last_activity = time_of("2020-09-06T12:05:00.0000001Z"),
                                        .resolved = CLOCK_NONE,
                                        .evidence = evidence()}};
}

static struct slice
composed(const struct classic_incident *i, const char *context)
{
    struct wire w;
    wire_init(&w, arena);
    struct err e = classic_incident(&w, i, context, scratch);
    if (e.kind)
        fail_msg("%s", e.text);
    return wire_done(&w);
}

static struct json
document(struct slice text)
{
    struct json doc;
    struct err e = json_parse(text, arena, &doc);
    if (e.kind)
        fail_msg("%s: %.*s", e.text, SLICE_ARG(text));
    return doc;
}

static void
assert_members(struct json object, const char *const *names, size_t n)
{
    size_t i = 0;
    struct slice name;
    struct json value;
    for (struct json_iter it = json_items(object); json_next(&it, &name, &value); i++) {
        assert_true(i < n);
        if (!slice_eq(name, slice_of(names[i])))
            fail_msg("member %zu is %.*s, not %s", i, SLICE_ARG(name), names[i]);
    }
    assert_int_equal(i, n);
}
#define ASSERT_MEMBERS(object, names)                                                              \
    assert_members((object), (names), sizeof(names) / sizeof((names)[0]))

static struct json
item(struct json list, size_t n)
{
    struct json value = {{0, 0}};
    for (struct json_iter it = json_items(list); json_next(&it, NULL, &value) && n > 0; n--)
        ;
    return value;
}

static void
assert_text(struct json object, const char *name, const char *text)
{
    struct slice got = json_get_text(object, name);
    if (text == NULL)
        assert_int_equal(json_type(json_get(object, name)), JSON_NULL);
    else if (!slice_eq(got, slice_of(text)))
        fail_msg("%s is '%.*s', not '%s'", name, SLICE_ARG(got), text);
}

static void
test_an_incident_without_alerts_is_written_letter_by_letter(void **state)
{
    struct incidents_row row = row_of();
    struct slice tags[] = {SLICE("vip"), SLICE("t\xff")};
    const struct incidents_comment comment = {
        .incident_id = 1042, .text = SLICE("seen"), .by = SLICE("eva@contoso.com"), .at = 0};
    row.tags = tags;
    row.n_tags = 2;
    const struct classic_incident i = {.row = &row, .comments = &comment, .n_comments = 1};
    struct slice text = composed(&i, "https://h/api/$metadata#Incidents/$entity");
    static const char golden[] =
        "{\"@odata.context\":\"https://h/api/$metadata#Incidents/$entity\",\"incidentId\":1042,"
        "\"redirectIncidentId\":null,\"incidentName\":\"Phishing on \\\"ws-1\\\"\","
        "\"createdTime\":\"2020-09-06T12:07:54.8133333Z\","
        "\"lastUpdateTime\":\"2020-09-06T12:18:03.29Z\",\"assignedTo\":null,"
        "\"classification\":\"Unknown\",\"determination\":\"NotAvailable\",\"status\":\"Active\","
        "\"severity\":\"High\",\"tags\":[\"vip\",\"t\xef\xbf\xbd\"],\"comments\":[{\"comment\":"
        "\"seen\",\"createdBy\":\"eva@contoso.com\",\"createdTime\":\"1970-01-01T00:00:00Z\"}],"
        "\"alerts\":[]}";
    if (!slice_eq(text, slice_of(golden)))
        fail_msg("%.*s", SLICE_ARG(text));
    (void)state;
}

static void
test_a_merged_incident_says_where_it_went(void **state)
{
    struct incidents_row row = row_of();
    row.redirect_to = 7;
    row.status = SLICE("redirected");
    const struct classic_incident i = {.row = &row};
    struct json doc = document(composed(&i, NULL));
    int64_t to = 0;
    assert_text(doc, "status", "Redirected");
    assert_true(json_get_int(doc, "redirectIncidentId", &to));
    assert_int_equal(to, 7);
    assert_int_equal(json_type(json_get(doc, "@odata.context")), JSON_ABSENT);
    (void)state;
}

static void
test_the_stored_statuses_have_classic_words(void **state)
{
    static const char *const words[][2] = {{"active", "Active"},
                                           {"inProgress", "InProgress"},
                                           {"resolved", "Resolved"},
                                           {"redirected", "Redirected"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        assert_true(slice_eq(classic_status(slice_of(words[i][0])), slice_of(words[i][1])));
    (void)state;
}

static void
test_an_alert_has_its_members_in_order_and_its_words(void **state)
{
    static const char *const names[] = {
        "alertId",         "incidentId",       "serviceSource",      "creationTime",
        "lastUpdatedTime", "resolvedTime",     "firstActivity",      "lastActivity",
        "title",           "description",      "category",           "status",
        "severity",        "investigationId",  "investigationState", "classification",
        "determination",   "detectionSource",  "detectorId",         "assignedTo",
        "actorName",       "threatFamilyName", "mitreTechniques",    "devices",
        "entities"};
    struct incidents_row row = row_of();
    const struct alerts_full al = alert_of();
    const struct classic_incident i = {.row = &row, .alerts = &al, .n_alerts = 1};
    struct json doc = document(composed(&i, NULL)), got = item(json_get(doc, "alerts"), 0);
    int64_t n = 0;
    ASSERT_MEMBERS(got, names);
    assert_text(got, "serviceSource", "MicrosoftDefenderATP");
    assert_text(got, "detectionSource", "WindowsDefenderAv");
    assert_text(got, "status", "New");
    assert_text(got, "severity", "Medium");
    assert_text(got, "investigationState", "PendingApproval");
    assert_text(got, "classification", NULL);
    assert_text(got, "determination", NULL);
    assert_text(got, "resolvedTime", NULL);
    assert_text(got, "firstActivity", "2020-09-06T12:05:00.29Z");
    assert_text(got, "lastActivity", "2020-09-06T12:05:00.0000001Z");
    assert_text(got, "description", "line 1\nline 2");
    assert_true(json_get_int(got, "investigationId", &n));
    assert_int_equal(n, 9);
    assert_int_equal(json_count(json_get(got, "mitreTechniques")), 2);
    (void)state;
}

static const char *const entity_names[] = {"entityType",
                                           "sha1",
                                           "sha256",
                                           "fileName",
                                           "filePath",
                                           "processId",
                                           "processCommandLine",
                                           "processCreationTime",
                                           "parentProcessId",
                                           "parentProcessCreationTime",
                                           "ipAddress",
                                           "url",
                                           "accountName",
                                           "domainName",
                                           "userSid",
                                           "aadUserId",
                                           "userPrincipalName",
                                           "mailboxDisplayName",
                                           "mailboxAddress",
                                           "clusterBy",
                                           "sender",
                                           "recipient",
                                           "subject",
                                           "deliveryAction",
                                           "securityGroupId",
                                           "securityGroupName",
                                           "registryHive",
                                           "registryKey",
                                           "registryValueType",
                                           "registryValue",
                                           "deviceId"};

static void
test_an_entity_always_has_its_31_members_in_order(void **state)
{
    static const char *const types[] = {"User",        "Process",     "File",         "File",
                                        "Ip",          "Url",         "Registry",     "MailBox",
                                        "MailMessage", "MailCluster", "SecurityGroup"};
    struct incidents_row row = row_of();
    const struct alerts_full al = alert_of();
    const struct classic_incident i = {.row = &row, .alerts = &al, .n_alerts = 1};
    struct json alert = item(json_get(document(composed(&i, NULL)), "alerts"), 0);
    struct json list = json_get(alert, "entities");
    assert_int_equal(json_count(list), sizeof types / sizeof types[0]);
    for (size_t k = 0; k < sizeof types / sizeof types[0]; k++) {
        ASSERT_MEMBERS(item(list, k), entity_names);
        assert_text(item(list, k), "entityType", types[k]);
    }
    (void)state;
}

static void
test_each_entity_is_filled_with_what_is_its_own(void **state)
{
    /* which entity, member, value; NULL is null: a file's owner is not the file's */
    static const struct {
        size_t which;
        const char *name, *text;
    } cases[] = {
        {0, "accountName", "anna"},
        {0, "userPrincipalName", "anna@contoso.com"},
        {0, "mailboxAddress", "anna@contoso.com"},
        {0, "deviceId", NULL},
        {1, "sha1", "ff836cfb1af40252bd2a2ea843032e99a5b262ed"},
        {1, "processCommandLine", "evil.exe /x"},
        {1, "processCreationTime", "2020-09-06T11:59:57.0733333Z"},
        {1, "parentProcessCreationTime", NULL},
        {1, "accountName", NULL},
        {1, "deviceId", "3a13aa0f2c454cccaecb55319512d0e0992c1cfc"},
        {2, "fileName", "evil.exe"},
        {2, "filePath", "C:\\tmp"},
        {3, "sha1", "ff836cfb1af40252bd2a2ea843032e99a5b262ed"},
        {3, "fileName", NULL},
        {4, "ipAddress", "203.0.113.9"},
        {5, "url", "https://fabrikam.example/x"},
        {6, "registryHive", "HKEY_CURRENT_USER"},
        {6, "registryValueType", "String"},
        {7, "mailboxDisplayName", "Anna"},
        {7, "mailboxAddress", "box@contoso.com"},
        {8, "sender", "p1@fabrikam.example"},
        {8, "recipient", "eva@contoso.com"},
        {8, "deliveryAction", "Delivered"},
        {9, "clusterBy", "Subject;P2SenderDomain"},
        {10, "securityGroupName", "Admins"},
    };
    struct incidents_row row = row_of();
    const struct alerts_full al = alert_of();
    const struct classic_incident i = {.row = &row, .alerts = &al, .n_alerts = 1};
    struct json alert = item(json_get(document(composed(&i, NULL)), "alerts"), 0);
    struct json list = json_get(alert, "entities"), device = item(json_get(alert, "devices"), 0);
    int64_t pid = 0;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++)
        assert_text(item(list, cases[k].which), cases[k].name, cases[k].text);
    assert_true(json_get_int(item(list, 1), "processId", &pid));
    assert_int_equal(json_type(json_get(item(list, 1), "processId")), JSON_INT);
    assert_int_equal(pid, 4711);
    assert_int_equal(json_count(json_get(alert, "devices")), 1);
    assert_text(device, "mdatpDeviceId", "3a13aa0f2c454cccaecb55319512d0e0992c1cfc");
    assert_text(device, "deviceDnsName", "ws-1");
    assert_int_equal(json_type(json_get(device, "tags")), JSON_ARRAY);
    (void)state;
}

static void
test_lists_are_never_null(void **state)
{
    struct incidents_row row = row_of();
    const struct alerts_full al = {.row = {.id = SLICE("aa1"), .resolved = CLOCK_NONE},
                                   .incident_id = 1042};
    const struct classic_incident i = {.row = &row, .alerts = &al, .n_alerts = 1};
    struct json doc = document(composed(&i, NULL)), alert = item(json_get(doc, "alerts"), 0);
    assert_int_equal(json_type(json_get(doc, "tags")), JSON_ARRAY);
    assert_int_equal(json_type(json_get(doc, "comments")), JSON_ARRAY);
    assert_int_equal(json_type(json_get(alert, "devices")), JSON_ARRAY);
    assert_int_equal(json_type(json_get(alert, "entities")), JSON_ARRAY);
    assert_int_equal(json_type(json_get(alert, "mitreTechniques")), JSON_ARRAY);
    (void)state;
}

static void
test_an_answer_larger_than_its_arena_is_an_error(void **state)
{
    struct arena *little = arena_new(16 * 1024);
    struct incidents_row row = row_of();
    struct alerts_full al[8];
    struct wire w;
    assert_non_null(little);
    for (size_t k = 0; k < 8; k++)
        al[k] = alert_of();
    const struct classic_incident i = {.row = &row, .alerts = al, .n_alerts = 8};
    wire_init(&w, little);
    struct err e = classic_incident(&w, &i, NULL, scratch);
    assert_int_equal(e.kind, ERR_RETRY);
    assert_string_equal(e.code, "classic.memory");
    assert_null(wire_done(&w).p);
    arena_free(little);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_incident_without_alerts_is_written_letter_by_letter),
        cmocka_unit_test(test_a_merged_incident_says_where_it_went),
        cmocka_unit_test(test_the_stored_statuses_have_classic_words),
        cmocka_unit_test(test_an_alert_has_its_members_in_order_and_its_words),
        cmocka_unit_test(test_an_entity_always_has_its_31_members_in_order),
        cmocka_unit_test(test_each_entity_is_filled_with_what_is_its_own),
        cmocka_unit_test(test_lists_are_never_null),
        cmocka_unit_test(test_an_answer_larger_than_its_arena_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
