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

/* The alert with one member more. */
static struct alert
with(struct world *w, const char *member, const char *word)
{
    return map(w, slice_printf(w->arena, "{\"id\":\"da1\",\"%s\":\"%s\"}", member, word).p);
}

static void
test_every_word_of_every_era_is_mapped_and_kept_as_it_was_sent(void **state)
{
    static const struct {
        const char *member, *word;
        int value;
    } rows[] = {
        {"determination", "NotAvailable", DET_UNKNOWN},
        {"determination", "Apt", DET_APT},
        {"determination", "Malware", DET_MALWARE},
        {"determination", "SecurityPersonnel", DET_SECURITY_PERSONNEL},
        {"determination", "SecurityTesting", DET_SECURITY_TESTING},
        {"determination", "UnwantedSoftware", DET_UNWANTED_SOFTWARE},
        {"determination", "Other", DET_OTHER},
        {"determination", "MultiStagedAttack", DET_MULTI_STAGED_ATTACK},
        {"determination", "MaliciousUserActivity", DET_MALICIOUS_USER_ACTIVITY},
        {"determination", "CompromisedUser", DET_COMPROMISED_ACCOUNT},
        {"determination", "CompromisedAccount", DET_COMPROMISED_ACCOUNT},
        {"determination", "Phishing", DET_PHISHING},
        {"determination", "LineOfBusinessApplication", DET_LINE_OF_BUSINESS},
        {"determination", "ConfirmedUserActivity", DET_CONFIRMED_ACTIVITY},
        {"determination", "ConfirmedActivity", DET_CONFIRMED_ACTIVITY},
        {"determination", "Clean", DET_NOT_MALICIOUS},
        {"determination", "NotMalicious", DET_NOT_MALICIOUS},
        {"determination", "InsufficientData", DET_NOT_ENOUGH_DATA},
        {"determination", "NotEnoughDataToValidate", DET_NOT_ENOUGH_DATA},
        {"determination", "NoEnoughDataToValidate", DET_NOT_ENOUGH_DATA},
        {"determination", "Sunny", DET_UNKNOWN},
        {"classification", "Unknown", CLASS_UNKNOWN},
        {"classification", "FalsePositive", CLASS_FALSE_POSITIVE},
        {"classification", "TruePositive", CLASS_TRUE_POSITIVE},
        {"classification", "InformationalExpectedActivity", CLASS_EXPECTED_ACTIVITY},
        {"severity", "UnSpecified", SEVERITY_UNKNOWN},
        {"severity", "Informational", SEVERITY_INFORMATIONAL},
        {"severity", "Low", SEVERITY_LOW},
        {"severity", "Medium", SEVERITY_MEDIUM},
        {"severity", "High", SEVERITY_HIGH},
        {"status", "Unknown", STATUS_UNKNOWN},
        {"status", "New", STATUS_NEW},
        {"status", "InProgress", STATUS_IN_PROGRESS},
        {"status", "Resolved", STATUS_RESOLVED},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct alert al = with(w, rows[i].member, rows[i].word);
        int got = rows[i].member[0] == 'd'   ? (int)al.determination
                  : rows[i].member[0] == 'c' ? (int)al.classification
                  : rows[i].member[1] == 'e' ? (int)al.severity
                                             : (int)al.status;
        if (got != rows[i].value)
            fail_msg("%s %s gives %d", rows[i].member, rows[i].word, got);
        assert_string_equal(al.raw_words[0].member, rows[i].member);
        assert_slice(al.raw_words[0].word, rows[i].word);
    }
}

static void
test_every_investigation_state_keeps_its_word(void **state)
{
    static const struct {
        const char *sent, *unified;
    } rows[] = {
        {"Unknown", "unknown"},
        {"Terminated", "terminated"},
        {"SuccessfullyRemediated", "successfullyRemediated"},
        {"Benign", "benign"},
        {"Failed", "failed"},
        {"PartiallyRemediated", "partiallyRemediated"},
        {"Running", "running"},
        {"PendingApproval", "pendingApproval"},
        {"PendingResource", "pendingResource"},
        {"PartiallyInvestigated", "partiallyInvestigated"},
        {"TerminatedByUser", "terminatedByUser"},
        {"TerminatedBySystem", "terminatedBySystem"},
        {"Queued", "queued"},
        {"InnerFailure", "innerFailure"},
        {"PreexistingAlert", "preexistingAlert"},
        {"UnsupportedOs", "unsupportedOs"},
        {"UnsupportedAlertType", "unsupportedAlertType"},
        {"SuppressedAlert", "suppressedAlert"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_slice(with(w, "investigationState", rows[i].sent).investigation_state,
                     rows[i].unified);
}

static void
test_every_category_of_2019_has_its_successor(void **state)
{
    static const struct {
        const char *unified, *sent[9];
    } rows[] = {
        {"CredentialAccess", {"CredentialTheft"}},
        {"Discovery", {"Reconnaissance", "WebFingerprinting", "ExplorationEnumeration"}},
        {"Execution", {"Delivery", "MalwareDownload"}},
        {"InitialAccess", {"SocialEngineering", "WebExploit", "DocumentExploit"}},
        {"LateralMovement", {"LateralMovement", "NetworkPropagation"}},
        {"Malware",
         {"Malware", "Backdoor", "Trojan", "TrojanDownloader", "CredentialStealing",
          "Weaponization", "RemoteAccessTool"}},
        {"Persistence", {"Installation", "Persistence"}},
        {"SuspiciousActivity",
         {"General", "None", "NotApplicable", "EnterprisePolicy", "SuspiciousNetworkTraffic",
          "SuspiciousActivity", "null"}},
        {"CommandAndControl", {"CommandAndControl"}},
        {"Exfiltration", {"Exfiltration"}},
        {"Exploit", {"Exploit"}},
        {"PrivilegeEscalation", {"PrivilegeEscalation"}},
        {"Ransomware", {"Ransomware"}},
        {"UnwantedSoftware", {"UnwantedSoftware"}},
        {"DefenseEvasion", {"DefenseEvasion"}},
        {"Collection", {"Collection"}},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t k = 0; k < 9 && rows[i].sent[k] != NULL; k++)
            assert_slice(with(w, "category", rows[i].sent[k]).category, rows[i].unified);
}

static void
test_names_in_another_letter_case_and_ids_of_both_types_are_read(void **state)
{
    static const char *const texts[] = {
        "{\"Id\":\"da1\",\"AlertCreationTime\":\"2019-12-01T01:00:00Z\",\"Title\":\"t\","
        "\"IncidentId\":14,\"MachineId\":\"m1\",\"Evidence\":[{\"EntityType\":\"Url\",\"Url\":"
        "\"http://a.example/\"}]}",
        "{\"id\":\"da1\",\"AlertCreationTime\":\"2019-12-01T01:00:00Z\",\"title\":\"t\","
        "\"incidentId\":\"14\",\"machineId\":\"m1\",\"lastUpdateTime\":null,\"evidence\":[{"
        "\"entityType\":\"Url\",\"url\":\"http://a.example/\"}]}",
    };
    struct world *w = *state;
    for (size_t i = 0; i < 2; i++) {
        struct alert al = map(w, texts[i]);
        assert_int_equal(al.created, at("2019-12-01T01:00:00Z"));
        assert_slice(al.native_incident_id, "14");
        assert_slice(al.title, "t");
        assert_int_equal(al.n_evidence, 2);
        assert_slice(al.evidence[0].mde_device_id, "m1");
        assert_slice(al.evidence[1].url, "http://a.example/");
        assert_null(al.additional.p);
    }
}

static void
test_evidence_with_gaps_says_what_it_can(void **state)
{
    struct world *w = *state;
    struct alert al = map(
        w,
        "{\"id\":\"da1\",\"evidence\":["
        "{\"entityType\":\"Ip\",\"ipAddress\":null},"
        "{\"entityType\":\"Registry\",\"registryKey\":\"SOFTWARE\\\\Run\",\"registryHive\":"
        "\"HKEY_LOCAL_MACHINE\",\"registryValueType\":\"Sz\",\"registryValue\":\"a.exe\","
        "\"registryValueName\":\"A\"},"
        "{\"entityType\":\"RegistryKey\",\"registryKey\":\"SOFTWARE\"},"
        "{\"entityType\":\"User\",\"accountName\":\"ANNA\",\"domainName\":\"CONTOSO\"},"
        "{\"entityType\":\"User\",\"accountName\":\"anna\",\"domainName\":\"contoso\",\"userSid\":"
        "\"S-1\"},"
        "{\"entityType\":\"User\",\"accountName\":\"anna\",\"userSid\":\"S-2\"},"
        "{\"entityType\":\"File\",\"sha1\":null,\"sha256\":null,\"fileName\":\"a\",\"filePath\":"
        "\"C:\\\\\"}]}");
    assert_int_equal(al.n_evidence, 5);
    assert_int_equal(al.evidence[0].type, EVIDENCE_REGISTRY_VALUE);
    assert_slice(al.evidence[0].registry_hive, "HKEY_LOCAL_MACHINE");
    assert_slice(al.evidence[0].registry_value_name, "A");
    assert_int_equal(al.evidence[1].type, EVIDENCE_REGISTRY_KEY);
    assert_slice(al.evidence[2].account_name, "ANNA");
    assert_slice(al.evidence[2].user_sid, "S-1"); /* what the other one added */
    assert_slice(al.evidence[3].user_sid, "S-2"); /* another person of that name */
    assert_slice(al.evidence[4].file_name, "a");
}

static void
test_the_parts_of_an_old_alert_become_its_evidence(void **state)
{
    struct world *w = *state;
    struct alert al = map(
        w, "{\"alert\":{\"id\":\"da1\",\"lastUpdateTime\":\"2019-12-01T01:00:00Z\",\"machineId\":"
           "\"m1\",\"alertUser\":null,\"alertFiles\":[],\"oddity\":1},"
           "\"files\":{\"@odata.context\":\"x\",\"value\":[{\"sha1\":"
           "\"b6d237154f2e528f0b503b58b025862d66b02b73\",\"size\":123,\"md5\":\"m\",\"signer\":"
           "\"s\"}]},"
           "\"ips\":{\"value\":[{\"id\":\"104.80.104.128\"},{\"id\":null}]},"
           "\"domains\":{\"value\":[{\"host\":\"www.example.com\"}]},"
           "\"user\":{\"@odata.context\":\"x\",\"id\":\"contoso\\\\user1\",\"accountName\":"
           "\"user1\",\"accountDomain\":\"contoso\",\"accountSid\":\"S-1-5\",\"isDomainAdmin\":"
           "true},"
           "\"machine\":{\"id\":\"m1\",\"computerDnsName\":\"h1.contoso.com\",\"osPlatform\":"
           "\"Windows10\",\"aadDeviceId\":\"80fe8ff8-2624-418e-9591-41f0491218f9\","
           "\"rbacGroupName\":\"G\",\"lastIpAddress\":\"172.17.230.209\",\"riskScore\":\"Low\"}}");
    assert_slice(al.native_id, "da1");
    assert_int_equal(al.version, at("2019-12-01T01:00:00Z"));
    assert_int_equal(al.n_evidence, 5);
    assert_int_equal(al.evidence[0].type, EVIDENCE_DEVICE);
    assert_slice(al.evidence[0].dns_name, "h1.contoso.com");
    assert_slice(al.evidence[0].host_name, "h1");
    assert_slice(al.evidence[0].os_platform, "Windows10");
    assert_slice(al.evidence[0].aad_device_id, "80fe8ff8-2624-418e-9591-41f0491218f9");
    assert_slice(al.evidence[0].rbac_group, "G");
    assert_slice(al.evidence[1].sha1, "b6d237154f2e528f0b503b58b025862d66b02b73");
    assert_slice(al.evidence[1].file_size, "123");
    assert_slice(al.evidence[1].mde_device_id, "m1");
    assert_slice(al.evidence[2].ip, "104.80.104.128");
    assert_slice(al.evidence[3].url, "www.example.com");
    assert_slice(al.evidence[4].account_name, "user1");
    assert_slice(al.evidence[4].domain_name, "contoso");
    assert_slice(al.evidence[4].user_sid, "S-1-5");
    struct json rest;
    struct err e = json_parse(al.additional, w->arena, &rest);
    assert_int_equal(e.kind, ERR_NONE);
    assert_slice(al.additional, "{\"oddity\":1,\"user\":{\"isDomainAdmin\":true},\"machine\":{"
                                "\"lastIpAddress\":\"172.17.230.209\",\"riskScore\":\"Low\"}}");
}

static void
test_parts_that_are_none_or_nonsense_add_nothing(void **state)
{
    static const char *const parts[] = {
        "null", "7", "[]", "{}", "{\"value\":null}", "{\"value\":[null,7,{}]}",
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct alert al = map(
            w, slice_printf(w->arena,
                            "{\"alert\":{\"id\":\"da1\"},\"files\":%s,\"ips\":%s,\"domains\":%s,"
                            "\"user\":%s,\"machine\":%s}",
                            parts[i], parts[i], parts[i], parts[i], parts[i])
                   .p);
        assert_int_equal(al.n_evidence, 0);
    }
}

static void
test_a_user_of_2019_may_have_an_id_only(void **state)
{
    struct world *w = *state;
    struct alert al =
        map(w, "{\"alert\":{\"id\":\"da1\",\"relatedUser\":{\"userName\":\"USER1\",\"domainName\":"
               "\"CONTOSO\"}},\"user\":{\"id\":\"contoso\\\\user1\"}}");
    assert_int_equal(al.n_evidence, 1);
    assert_slice(al.evidence[0].account_name, "user1");
    assert_slice(al.evidence[0].domain_name, "contoso");
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
        T(test_every_word_of_every_era_is_mapped_and_kept_as_it_was_sent),
        T(test_every_investigation_state_keeps_its_word),
        T(test_every_category_of_2019_has_its_successor),
        T(test_names_in_another_letter_case_and_ids_of_both_types_are_read),
        T(test_evidence_with_gaps_says_what_it_can),
        T(test_the_parts_of_an_old_alert_become_its_evidence),
        T(test_parts_that_are_none_or_nonsense_add_nothing),
        T(test_a_user_of_2019_may_have_an_id_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
