#include "tests/unit/endpoint_rig.h"

static void
test_ids_get_their_prefix(void **state)
{
    struct world *w = *state;
    struct alert al = map(w, "{\"id\":\"636688558380765161_2136280442\",\"title\":\"t\"}");
    assert_slice(al.id, "da636688558380765161_2136280442");
    assert_slice(al.native_id, "636688558380765161_2136280442");
    assert_slice(al.provider_alert_id, "636688558380765161_2136280442");
    assert_slice(map(w, "{\"id\":\"da1_-2\",\"title\":\"t\"}").id, "da1_-2");
    assert_slice(map(w, "{\"id\":\"ed1_-2\",\"title\":\"t\"}").id, "ed1_-2");
}

static void
test_old_and_unknown_categories_are_mapped(void **state)
{
    static const struct {
        const char *sent, *unified;
        uint16_t tactics;
    } rows[] = {
        {"CredentialTheft", "CredentialAccess", 1 << 6},
        {"Reconnaissance", "Discovery", 1 << 7},
        {"MalwareDownload", "Execution", 1 << 2},
        {"WebExploit", "InitialAccess", 1 << 1},
        {"Backdoor", "Malware", 0},
        {"Installation", "Persistence", 1 << 3},
        {"general", "SuspiciousActivity", 0},
        {"null", "SuspiciousActivity", 0},
        {"Ransomware", "Ransomware", 1 << 12},
        {"Exfiltration", "Exfiltration", 1 << 11},
        {"Sorcery", "SuspiciousActivity", 0},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct alert al =
            map(w, slice_printf(w->arena, "{\"id\":\"da1\",\"category\":\"%s\"}", rows[i].sent).p);
        assert_slice(al.category, rows[i].unified);
        assert_int_equal(al.tactics, rows[i].tactics);
        assert_string_equal(al.raw_words[0].member, "category");
        assert_slice(al.raw_words[0].word, rows[i].sent);
    }
}

static void
test_services_follow_from_the_detection_source(void **state)
{
    static const struct {
        const char *word;
        enum service_source service;
        enum detection_source detection;
    } rows[] = {
        {"WindowsDefenderAtp", SERVICE_ENDPOINT, DETECTION_ENDPOINT},
        {"CustomerTI", SERVICE_ENDPOINT, DETECTION_CUSTOM_TI},
        {"MTP", SERVICE_M365, DETECTION_M365},
        {"OfficeATP", SERVICE_OFFICE365, DETECTION_OFFICE365},
        {"ThirdPartySensors", SERVICE_ENDPOINT, DETECTION_UNKNOWN},
        {"Something", SERVICE_ENDPOINT, DETECTION_UNKNOWN},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct alert al = map(
            w,
            slice_printf(w->arena, "{\"id\":\"da1\",\"detectionSource\":\"%s\"}", rows[i].word).p);
        assert_int_equal(al.service, rows[i].service);
        assert_int_equal(al.detection, rows[i].detection);
    }
}

static void
test_wrong_types_nulls_and_unknown_members_are_accepted(void **state)
{
    static const char *const texts[] = {
        "{\"id\":12345}",
        "{\"id\":\"da1\",\"title\":7,\"severity\":null,\"status\":[],\"classification\":{},"
        "\"alertCreationTime\":12,\"evidence\":\"none\",\"comments\":3,\"mitreTechniques\":\"T1\","
        "\"relatedUser\":[1],\"machineId\":{\"a\":1},\"loggedOnUsers\":{},\"incidentId\":\"x\"}",
        "{\"id\":\"da1\",\"evidence\":[null,1,\"x\",[],{},{\"entityType\":\"Ip\",\"ipAddress\":"
        "null},"
        "{\"entityType\":\"Martian\"},{\"entityType\":7,\"url\":8}]}",
        "{\"id\":\"da1\",\"mitreTechniques\":[null,1,\"T1064\",\"\"],\"comments\":[null,{}]}",
        "{\"id\":\"da1\",\"comments\":[{\"comment\":null}],\"loggedOnUsers\":[null,{}]}",
        "{\"id\":\"da1\",\"severity\":\"Catastrophic\",\"status\":\"Pending\"}",
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct alert al = map(w, texts[i]);
        assert_int_equal(al.n_evidence, 0);
        assert_int_equal(al.severity, SEVERITY_UNKNOWN);
        assert_true(al.title.n > 0);
        assert_int_equal(al.created, at("2019-12-02T12:00:00Z"));
        struct json doc;
        struct err e = json_parse(alert_json(&al, w->arena), w->arena, &doc);
        assert_int_equal(e.kind, ERR_NONE);
    }
    struct alert al = map(w, "{\"id\":\"da1\",\"severity\":\"Hoog\",\"novelty\":{\"a\":[1]}}");
    assert_string_equal(al.raw_words[0].member, "severity");
    assert_slice(al.raw_words[0].word, "Hoog");
    assert_slice(al.additional, "{\"novelty\":{\"a\":[1]}}");
}

static void
test_a_process_brings_its_image_once(void **state)
{
#define SHA "\"sha1\":\"b6d237154f2e528f0b503b58b025862d66b02b73\""
    struct world *w = *state;
    struct alert al = map(
        w,
        "{\"id\":\"da1\",\"machineId\":\"m1\",\"evidence\":["
        "{\"entityType\":\"Process\"," SHA ",\"fileName\":\"notepad.exe\",\"processId\":4104,"
        "\"parentProcessId\":6012,\"detectionStatus\":\"Prevented\",\"accountName\":\"anna\"},"
        "{\"entityType\":\"File\"," SHA ",\"fileName\":\"notepad.exe\",\"sha256\":null},"
        "{\"entityType\":\"Process\"," SHA ",\"fileName\":\"notepad.exe\",\"processId\":4105}]}");
    assert_int_equal(al.n_evidence, 4); /* device, process, its image, process */
    assert_int_equal(al.evidence[0].type, EVIDENCE_DEVICE);
    assert_int_equal(al.evidence[1].type, EVIDENCE_PROCESS);
    assert_slice(al.evidence[1].process_id, "4104");
    assert_slice(al.evidence[1].account_name, "anna");
    assert_slice(al.evidence[1].mde_device_id, "m1");
    assert_int_equal(al.evidence[1].remediation, REMEDIATION_PREVENTED);
    assert_slice(al.evidence[1].detection_status, "prevented");
    assert_int_equal(al.evidence[2].type, EVIDENCE_FILE);
    assert_slice(al.evidence[2].file_name, "notepad.exe");
    assert_int_equal(al.evidence[3].type, EVIDENCE_PROCESS);
}

static void
test_users_are_read_in_all_forms_and_named_once(void **state)
{
    struct world *w = *state;
    struct alert al = map(
        w, "{\"id\":\"da1\",\"relatedUser\":{\"userName\":\"Anna\",\"domainName\":\"CONTOSO\"},"
           "\"alertUser\":\"CONTOSO\\\\berta\",\"loggedOnUsers\":[{\"accountName\":\"carla\","
           "\"domainName\":\"CONTOSO\"}],\"evidence\":[{\"entityType\":\"User\",\"accountName\":"
           "\"anna\",\"domainName\":\"contoso\",\"userPrincipalName\":\"anna@contoso.com\"}]}");
    assert_int_equal(al.n_evidence, 3);
    assert_slice(al.evidence[0].upn, "anna@contoso.com");
    assert_slice(al.evidence[1].account_name, "berta");
    assert_slice(al.evidence[1].domain_name, "CONTOSO");
    assert_slice(al.evidence[2].account_name, "carla");
    assert_int_equal(al.evidence[2].role, ROLE_CONTEXTUAL);
    al = map(w, "{\"id\":\"da1\",\"alertUser\":\"dora@contoso.com\"}");
    assert_slice(al.evidence[0].upn, "dora@contoso.com");
    al = map(w, "{\"id\":\"da1\",\"alertUser\":null}");
    assert_int_equal(al.n_evidence, 0);
}

static void
test_the_newest_of_several_deliveries_counts_in_any_order(void **state)
{
    struct world *w = *state;
    struct source_document docs[] = {
        {SLICE("{\"id\":\"da1\",\"title\":\"old\",\"lastUpdateTime\":\"2019-12-01T01:00:00Z\"}"),
         2},
        {SLICE("{\"id\":\"da1\",\"title\":\"new\",\"lastUpdateTime\":\"2019-12-01T02:00:00Z\"}"),
         1},
    };
    for (int i = 0; i < 2; i++) {
        struct alert al;
        struct err e = source_endpoint.map(docs, 2, SLICE_NONE, w->arena, &al);
        assert_int_equal(e.kind, ERR_NONE);
        assert_slice(al.title, "new");
        struct source_document swap = docs[0];
        docs[0] = docs[1];
        docs[1] = swap;
    }
}

static void
test_what_is_no_alert_is_dead(void **state)
{
    static const char *const texts[] = {
        "", "[]", "7", "{", "{\"id\":null}", "{\"AlertId\":\"da1\"}", "{\"id\":\"null\"}"};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct alert al;
        struct source_document doc = {slice_of(texts[i]), 0};
        struct err e = source_endpoint.map(&doc, 1, SLICE_NONE, w->arena, &al);
        assert_int_equal(e.kind, ERR_REJECT);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_ids_get_their_prefix),
        T(test_old_and_unknown_categories_are_mapped),
        T(test_services_follow_from_the_detection_source),
        T(test_wrong_types_nulls_and_unknown_members_are_accepted),
        T(test_a_process_brings_its_image_once),
        T(test_users_are_read_in_all_forms_and_named_once),
        T(test_the_newest_of_several_deliveries_counts_in_any_order),
        T(test_what_is_no_alert_is_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
