#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/json.h"
#include "schemas/alert.h"

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

static struct json
parsed(struct arena *a, struct slice text)
{
    struct json v;
    assert_non_null(text.p);
    struct err e = json_parse(text, a, &v);
    if (e.kind)
        fail_msg("%s in %.*s", e.text, SLICE_ARG(text));
    return v;
}

static void
least(struct alert *al)
{
    alert_init(al);
    al->native_id = al->id = SLICE("da1");
    al->title = SLICE("title");
    al->created = 1000 * CLOCK_SECOND;
}

static struct json
item(struct json list, size_t at)
{
    struct slice name;
    struct json v = {{0, 0}};
    struct json_iter it = json_items(list);
    for (size_t i = 0; i <= at; i++)
        assert_true(json_next(&it, &name, &v));
    return v;
}

/* Every text of an evidence item is its own member's name, so that what lands where is seen. */
static void
fill(struct evidence *ev)
{
    static struct slice messages[] = {{"m1", 2}, {"m2", 2}};
    ev->account_name = SLICE("account");
    ev->domain_name = SLICE("domain");
    ev->user_sid = SLICE("sid");
    ev->aad_user_id = SLICE("aad");
    ev->upn = SLICE("upn");
    ev->display_name = SLICE("display");
    ev->mde_device_id = SLICE("mde");
    ev->aad_device_id = SLICE("aadd");
    ev->dns_name = SLICE("dns");
    ev->host_name = SLICE("host");
    ev->file_name = SLICE("file");
    ev->sha1 = SLICE("sha1");
    ev->sha256 = SLICE("sha256");
    ev->file_size = SLICE("17");
    ev->process_id = SLICE("4104");
    ev->parent_process_id = SLICE("no number");
    ev->command_line = SLICE("command");
    ev->parent_file_name = SLICE("parent");
    ev->process_created = 1000 * CLOCK_SECOND + 5;
    ev->ip = SLICE("192.0.2.1");
    ev->country = SLICE("NL");
    ev->url = SLICE("http://x/");
    ev->registry_key = SLICE("key");
    ev->registry_value_name = SLICE("value name");
    ev->mailbox_address = SLICE("box");
    ev->network_message_id = SLICE("nmid");
    ev->subject = SLICE("subject");
    ev->p2_sender = SLICE("p2");
    ev->recipient = SLICE("recipient");
    ev->cluster_by = SLICE("by");
    ev->message_ids = messages;
    ev->n_message_ids = 2;
    ev->urls = messages;
    ev->n_urls = 1;
    ev->mail_count = 3;
    ev->saas_app_id = SLICE("20940");
    ev->app_id = SLICE("5");
    ev->app_name = SLICE("app");
    ev->group_id = SLICE("group");
    ev->malware_name = SLICE("malware");
    ev->session_id = SLICE("session");
    ev->resource_id = SLICE("resource");
}

static void
test_each_type_has_its_graph_members(void **state)
{
    static const struct {
        enum evidence_type type;
        const char *name, *path, *value;
    } rows[] = {
        {EVIDENCE_DEVICE, "deviceEvidence", "deviceDnsName", "\"dns\""},
        {EVIDENCE_DEVICE, "deviceEvidence", "azureAdDeviceId", "\"aadd\""},
        {EVIDENCE_DEVICE, "deviceEvidence", "loggedOnUsers", "[]"},
        {EVIDENCE_USER, "userEvidence", "userAccount.userPrincipalName", "\"upn\""},
        {EVIDENCE_USER, "userEvidence", "userAccount.azureAdUserId", "\"aad\""},
        {EVIDENCE_PROCESS, "processEvidence", "processId", "4104"},
        {EVIDENCE_PROCESS, "processEvidence", "parentProcessId", "null"},
        {EVIDENCE_PROCESS, "processEvidence", "imageFile.sha256", "\"sha256\""},
        {EVIDENCE_PROCESS, "processEvidence", "parentProcessImageFile.fileName", "\"parent\""},
        {EVIDENCE_PROCESS, "processEvidence", "processCreationDateTime",
         "\"1970-01-01T00:16:40.0000005Z\""},
        {EVIDENCE_FILE, "fileEvidence", "fileDetails.fileSize", "17"},
        {EVIDENCE_FILE, "fileEvidence", "mdeDeviceId", "\"mde\""},
        {EVIDENCE_FILE_HASH, "fileHashEvidence", "algorithm", "\"sha256\""},
        {EVIDENCE_IP, "ipEvidence", "ipAddress", "\"192.0.2.1\""},
        {EVIDENCE_IP, "ipEvidence", "countryLetterCode", "\"NL\""},
        {EVIDENCE_URL, "urlEvidence", "url", "\"http://x/\""},
        {EVIDENCE_REGISTRY_KEY, "registryKeyEvidence", "registryKey", "\"key\""},
        {EVIDENCE_REGISTRY_VALUE, "registryValueEvidence", "registryValueName", "\"value name\""},
        {EVIDENCE_MAILBOX, "mailboxEvidence", "primaryAddress", "\"box\""},
        {EVIDENCE_MESSAGE, "analyzedMessageEvidence", "recipientEmailAddress", "\"recipient\""},
        {EVIDENCE_MESSAGE, "analyzedMessageEvidence", "p2Sender.emailAddress", "\"p2\""},
        {EVIDENCE_MESSAGE, "analyzedMessageEvidence", "urls", "[\"m1\"]"},
        {EVIDENCE_MAIL_CLUSTER, "mailClusterEvidence", "networkMessageIds", "[\"m1\",\"m2\"]"},
        {EVIDENCE_MAIL_CLUSTER, "mailClusterEvidence", "emailCount", "3"},
        {EVIDENCE_CLOUD_APPLICATION, "cloudApplicationEvidence", "saasAppId", "20940"},
        {EVIDENCE_OAUTH_APPLICATION, "oauthApplicationEvidence", "appId", "\"5\""},
        {EVIDENCE_SECURITY_GROUP, "securityGroupEvidence", "securityGroupId", "\"group\""},
        {EVIDENCE_MALWARE, "malwareEvidence", "name", "\"malware\""},
        {EVIDENCE_LOGON_SESSION, "hostLogonSessionEvidence", "sessionId", "\"session\""},
        {EVIDENCE_RESOURCE, "azureResourceEvidence", "resourceId", "\"resource\""},
    };
    struct arena *a = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct alert al;
        least(&al);
        fill(alert_add(&al, a, rows[i].type));
        struct slice text = alert_evidence_json(&al, a);
        struct json ev = item(parsed(a, text), 0);
        assert_true(slice_starts(text, SLICE("[{\"@odata.type\":")));
        assert_slice(json_get_text(ev, "@odata.type"),
                     slice_printf(a, "#microsoft.graph.security.%s", rows[i].name).p);
        assert_slice(json_minify(json_path(ev, rows[i].path), a), rows[i].value);
        assert_slice(json_get_text(ev, "createdDateTime"), "1970-01-01T00:16:40Z");
        assert_slice(json_get_text(ev, "verdict"), "unknown");
        assert_slice(json_get_text(ev, "remediationStatus"), "none");
        assert_int_equal(json_type(json_get(ev, "roles")), JSON_ARRAY);
    }
}

static void
test_every_type_is_written_even_when_empty(void **state)
{
    struct alert al;
    least(&al);
    for (int t = EVIDENCE_NONE + 1; t < EVIDENCE_TYPES; t++)
        alert_add(&al, *state, (enum evidence_type)t);
    struct json list = parsed(*state, alert_evidence_json(&al, *state));
    assert_int_equal(json_count(list), EVIDENCE_TYPES - 1);
}

static void
test_no_evidence_is_an_empty_list(void **state)
{
    struct alert al;
    least(&al);
    assert_slice(alert_evidence_json(&al, *state), "[]");
}

static void
test_hostile_text_is_still_json(void **state)
{
    struct arena *a = *state;
    struct alert al;
    least(&al);
    al.title = (struct slice){"\"\\\n\0<\xff\xfe", 7};
    alert_add(&al, a, EVIDENCE_URL)->url = (struct slice){"http://\xc3(/\x01", 11};
    struct json doc = parsed(a, alert_json(&al, a));
    struct slice title = json_get_text(doc, "title");
    assert_int_equal(title.p[3], 0);
    assert_memory_equal(title.p, "\"\\\n\0<", 5);
    assert_int_equal(json_count(json_get(doc, "evidence")), 1);
}

static void
test_an_alert_has_the_members_of_graph(void **state)
{
    static const char *const members[] = {"id",
                                          "providerAlertId",
                                          "incidentId",
                                          "incidentWebUrl",
                                          "alertWebUrl",
                                          "tenantId",
                                          "title",
                                          "description",
                                          "recommendedActions",
                                          "category",
                                          "status",
                                          "severity",
                                          "classification",
                                          "determination",
                                          "serviceSource",
                                          "detectionSource",
                                          "detectorId",
                                          "assignedTo",
                                          "actorDisplayName",
                                          "threatDisplayName",
                                          "threatFamilyName",
                                          "mitreTechniques",
                                          "createdDateTime",
                                          "lastUpdateDateTime",
                                          "resolvedDateTime",
                                          "firstActivityDateTime",
                                          "lastActivityDateTime",
                                          "comments",
                                          "evidence",
                                          "systemTags",
                                          "productName",
                                          "alertPolicyId",
                                          "additionalData",
                                          "investigationState"};
    struct arena *a = *state;
    struct alert al;
    least(&al);
    struct err e = alert_finish(&al, a);
    assert_int_equal(e.kind, ERR_NONE);
    struct json doc = parsed(a, alert_json(&al, a));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (json_type(json_get(doc, members[i])) == JSON_ABSENT)
            fail_msg("no member %s", members[i]);
    assert_int_equal(json_type(json_get(doc, "classification")), JSON_NULL);
    assert_int_equal(json_type(json_get(doc, "resolvedDateTime")), JSON_NULL);
    assert_int_equal(json_type(json_get(doc, "additionalData")), JSON_NULL);
    assert_slice(json_get_text(doc, "severity"), "unknown");
}

static void
test_raw_words_and_other_members_are_in_the_additional_data(void **state)
{
    struct arena *a = *state;
    struct alert al;
    least(&al);
    alert_word(&al, "severity", SLICE("Hoog"));
    al.additional = SLICE("{\"threatScore\":34,\"stories\":[0]}");
    al.comments = &(struct alert_comment){SLICE("text"), SLICE("me"), 2000 * CLOCK_SECOND};
    al.n_comments = 1;
    struct json doc = parsed(a, alert_json(&al, a));
    assert_slice(json_text(json_path(doc, "additionalData.rawWords.severity")), "Hoog");
    assert_slice(json_minify(json_path(doc, "additionalData.stories"), a), "[0]");
    assert_slice(json_minify(json_get(doc, "comments"), a),
                 "[{\"comment\":\"text\",\"createdByDisplayName\":\"me\","
                 "\"createdDateTime\":\"1970-01-01T00:33:20Z\"}]");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_type_has_its_graph_members),
        cmocka_unit_test(test_every_type_is_written_even_when_empty),
        cmocka_unit_test(test_no_evidence_is_an_empty_list),
        cmocka_unit_test(test_hostile_text_is_still_json),
        cmocka_unit_test(test_an_alert_has_the_members_of_graph),
        cmocka_unit_test(test_raw_words_and_other_members_are_in_the_additional_data),
    };
    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
