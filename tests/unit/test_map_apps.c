#include "apps_world.h"

static struct alert
map(struct world *w, const char *members)
{
    struct alert out;
    struct source_document doc = {
        slice_printf(w->arena, "{\"_id\":\"5e1d8b2a0c204203a335a3fb\",\"title\":\"t\"%s%s}",
                     members[0] != 0 ? "," : "", members),
        at("2020-01-20T00:00:00Z")};
    struct err e = source_apps.map(&doc, 1, SLICE(DIRECTORY), w->arena, &out);
    if (e.kind)
        fail_msg("%s: %s in %s", e.code, e.text, members);
    return out;
}

static void
test_an_identity_detection_is_mapped_whole(void **state)
{
    struct world *w = *state;
    struct alert al = map(
        w,
        "\"contextId\":\"x\",\"timestamp\":1578994474000,\"title\":\"ignored, the first counts\","
        "\"description\":\"Account Discovery (T1087), Domain Account (T1087.002), T108, XT1000\","
        "\"idValue\":15795464,\"severityValue\":1,\"statusValue\":1,\"resolutionStatusValue\":0,"
        "\"handledByUser\":\"admin@contoso.com\",\"threatScore\":34,\"entities\":["
        "{\"type\":\"account\",\"id\":\"6204bdaf-0000-4e99-a25d-374a0532c666\",\"inst\":0,"
        "\"label\":\"honey\",\"pa\":\"honey@contoso.com\",\"em\":\"h@contoso.com\","
        "\"entityRole\":\"Source\"},"
        "{\"type\":\"user\",\"id\":\"HONEY@contoso.com\",\"label\":\"honey\"},"
        "{\"type\":\"device\",\"id\":\"34f3ecc9-0000-4df7-af79-14fe2d0d4553\",\"label\":"
        "\"CLIENT1.contoso.com\",\"entityRole\":\"Source\"}," AD ","
        "{\"type\":\"policyRule\",\"id\":\"5bfd18bfab73c36ba10d38ca\",\"label\":\"Honeytoken "
        "activity\"},{\"type\":\"ip\",\"id\":\"192.0.2.7\",\"label\":\"192.0.2.7\"},"
        "{\"type\":\"country\",\"id\":\"NL\"},{\"type\":\"groupTag\",\"id\":\"g\"},{\"type\":"
        "\"file\",\"id\":1,\"name\":\"x.docx\"}],\"URL\":\"https://u/\"");
    assert_true(slice_starts(al.id, SLICE("aa")));
    assert_int_equal(al.id.n, 38);
    assert_int_equal(al.service, SERVICE_IDENTITY);
    assert_int_equal(al.detection, DETECTION_IDENTITY);
    assert_int_equal(al.severity, SEVERITY_MEDIUM);
    assert_int_equal(al.status, STATUS_IN_PROGRESS);
    assert_slice(al.assigned_to, "admin@contoso.com");
    assert_int_equal(al.created, at("2020-01-14T09:34:34Z"));
    assert_int_equal(al.first_activity, at("2020-01-14T09:34:34Z"));
    assert_int_equal(al.updated, at("2020-01-20T00:00:00Z"));
    assert_int_equal(al.n_techniques, 2);
    assert_slice(al.techniques[1], "T1087.002");
    assert_slice(al.policy_id, "5bfd18bfab73c36ba10d38ca");
    assert_slice(al.detector, "5bfd18bfab73c36ba10d38ca");
    assert_slice(al.detector_id, "15795464");
    assert_slice(al.web_url, "https://u/");
    assert_int_equal(al.n_evidence, 6); /* the user is the account again */
    assert_slice(al.evidence[0].upn, "honey@contoso.com");
    assert_slice(al.evidence[0].aad_user_id, "6204bdaf-0000-4e99-a25d-374a0532c666");
    assert_int_equal(al.evidence[0].role, ROLE_SOURCE);
    assert_int_equal(al.evidence[1].type, EVIDENCE_MAILBOX);
    assert_slice(al.evidence[1].mailbox_address, "h@contoso.com");
    assert_slice(al.evidence[2].host_name, "CLIENT1");
    assert_slice(al.evidence[2].dns_name, "CLIENT1.contoso.com");
    assert_null(al.evidence[2].mde_device_id.p);
    assert_slice(al.evidence[3].saas_app_id, "20940");
    assert_slice(al.evidence[4].ip, "192.0.2.7");
    assert_slice(al.evidence[4].country, "NL");
    assert_slice(al.evidence[5].file_name, "x.docx");
    assert_slice(al.additional,
                 "{\"threatScore\":34,\"groupTags\":[\"g\"],\"otherEntities\":[{\"type\":"
                 "\"country\",\"id\":\"NL\"}]}");
}

static void
test_a_title_of_azure_atp_gives_tactic_and_techniques(void **state)
{
    struct world *w = *state;
    struct alert al;
    struct source_document doc = {SLICE("{\"_id\":\"5e1d8b2a0c204203a335a3fb\",\"title\":"
                                        "\"Honeytoken activity\",\"entities\":[" AD "]}"),
                                  at("2020-01-20T00:00:00Z")};
    struct err e = source_apps.map(&doc, 1, SLICE(DIRECTORY), w->arena, &al);
    assert_int_equal(e.kind, ERR_NONE);
    assert_slice(al.category, "CredentialAccess");
    assert_true((al.tactics & 1 << 6) != 0);
    assert_int_equal(al.n_techniques, 1);
    assert_slice(al.techniques[0], "T1087.002");
}

static void
test_the_unified_id_is_stable_and_the_tenants_own(void **state)
{
    struct world *w = *state;
    struct slice id = slice_dup(w->arena, map(w, "").id);
    assert_true(slice_starts(id, SLICE("ca")));
    assert_true(slice_eq(map(w, "\"timestamp\":1578994474000").id, id));
    for (size_t i = 2; i < id.n; i++)
        assert_true(strchr("0123456789ABCDEF-", id.p[i]) != NULL);
    struct alert al;
    struct source_document doc = {SLICE("{\"_id\":\"5e1d8b2a0c204203a335a3fb\",\"title\":\"t\"}"),
                                  1};
    struct err e = source_apps.map(&doc, 1, SLICE("{" DIRECTORY "}"), w->arena, &al);
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(slice_eq(al.id, id));
    e = source_apps.map(&doc, 1, SLICE("another"), w->arena, &al);
    assert_int_equal(e.kind, ERR_NONE);
    assert_false(slice_eq(al.id, id));
}

static void
test_status_and_classification_follow_the_resolution(void **state)
{
    static const struct {
        const char *members;
        enum alert_status status;
        enum classification classification;
    } table[] = {
        {"\"resolutionStatusValue\":0,\"statusValue\":0", STATUS_NEW, CLASS_UNKNOWN},
        {"\"resolutionStatusValue\":0,\"statusValue\":1", STATUS_NEW, CLASS_UNKNOWN},
        {"\"resolutionStatusValue\":0,\"statusValue\":1,\"handledByUser\":\"x\"",
         STATUS_IN_PROGRESS, CLASS_UNKNOWN},
        {"\"resolutionStatusValue\":0,\"statusValue\":1,\"handledByUser\":\"null\"", STATUS_NEW,
         CLASS_UNKNOWN},
        {"\"resolutionStatusValue\":1", STATUS_RESOLVED, CLASS_UNKNOWN},
        {"\"resolutionStatusValue\":2", STATUS_RESOLVED, CLASS_UNKNOWN},
        {"\"resolutionStatusValue\":3", STATUS_RESOLVED, CLASS_FALSE_POSITIVE},
        {"\"resolutionStatusValue\":4", STATUS_RESOLVED, CLASS_EXPECTED_ACTIVITY},
        {"\"resolutionStatusValue\":5", STATUS_RESOLVED, CLASS_TRUE_POSITIVE},
        {"\"is_open\":false", STATUS_RESOLVED, CLASS_UNKNOWN},
        {"\"is_open\":true,\"statusValue\":2", STATUS_NEW, CLASS_UNKNOWN},
        {"\"statusValue\":2", STATUS_RESOLVED, CLASS_UNKNOWN},
        {"\"resolutionStatusValue\":\"2\"", STATUS_RESOLVED, CLASS_UNKNOWN},
        {"\"resolutionStatusValue\":\"null\",\"is_open\":false", STATUS_RESOLVED, CLASS_UNKNOWN},
        {"\"resolutionStatusValue\":null,\"is_open\":\"False\"", STATUS_RESOLVED, CLASS_UNKNOWN},
        {"\"is_open\":1,\"statusValue\":2", STATUS_NEW, CLASS_UNKNOWN},
        {"\"is_open\":\"null\",\"statusValue\":\"2\"", STATUS_RESOLVED, CLASS_UNKNOWN},
        {"", STATUS_NEW, CLASS_UNKNOWN},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct alert al = map(w, table[i].members);
        if (al.status != table[i].status || al.classification != table[i].classification)
            fail_msg("%s: status %d, classification %d", table[i].members, (int)al.status,
                     (int)al.classification);
    }
    assert_int_equal(
        map(w, "\"resolutionStatusValue\":2,\"resolveTime\":\"2020-01-16T14:02:34.904Z\"").resolved,
        at("2020-01-16T14:02:34.904Z"));
    assert_int_equal(
        map(w, "\"resolutionStatusValue\":0,\"resolveTime\":\"2020-01-16T14:02:34.904Z\"").resolved,
        CLOCK_NONE);
}

static void
test_severities_are_numbers(void **state)
{
    static const enum severity severities[] = {SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH,
                                               SEVERITY_INFORMATIONAL, SEVERITY_UNKNOWN};
    struct world *w = *state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(map(w, slice_printf(w->arena, "\"severityValue\":%d", i).p).severity,
                         severities[i]);
    assert_int_equal(map(w, "\"severityValue\":\"2\"").severity, SEVERITY_HIGH);
    assert_int_equal(map(w, "\"severityValue\":-1").severity, SEVERITY_UNKNOWN);
    assert_int_equal(map(w, "\"severityValue\":{}").severity, SEVERITY_UNKNOWN);
}

static void
test_the_category_comes_from_intent_or_else_from_the_title(void **state)
{
    static const struct {
        const char *title, *members, *category;
        uint16_t tactics;
    } table[] = {
        {"x", "\"intent\":[0,6,8]", "CredentialAccess", 1 << 6 | 1 << 8},
        {"x", "\"intent\":[1]", "InitialAccess", 1 << 1},
        {"x", "\"intent\":[13]", "Impact", 1 << 12},
        {"x", "\"intent\":[0]", "SuspiciousActivity", 0},
        {"x", "\"intent\":[99,-1,null,\"a\"]", "SuspiciousActivity", 0},
        {"Impossible travel activity", "\"a\":1", "InitialAccess", 1 << 1},
        {"Multiple failed login attempts", "\"a\":1", "CredentialAccess", 1 << 6},
        {"Suspicious inbox forwarding", "\"a\":1", "Exfiltration", 1 << 11},
        {"Suspicious inbox manipulation rule", "\"a\":1", "DefenseEvasion", 1 << 5},
        {"Malware detection", "\"a\":1", "Malware", 0},
        {"Ransomware activity", "\"a\":1", "Ransomware", 1 << 12},
        {"Activity performed by terminated user", "\"a\":1", "Persistence", 1 << 3},
        {"Shared with everyone", "\"idValue\":15728642", "Exfiltration", 1 << 11},
        {"Anything", "\"idValue\":15795457", "InitialAccess", 1 << 1},
        {"Reise", "\"idValue\":15859716", "InitialAccess", 1 << 1},
        {"Malware of an admin", "\"idValue\":\"15859721\"", "PrivilegeEscalation", 1 << 4},
        {"Anything", "\"stories\":[0]", "SuspiciousActivity", 0},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct alert al;
        struct source_document doc = {slice_printf(w->arena, "{\"_id\":\"x\",\"title\":\"%s\",%s}",
                                                   table[i].title, table[i].members),
                                      1};
        struct err e = source_apps.map(&doc, 1, SLICE(DIRECTORY), w->arena, &al);
        assert_int_equal(e.kind, ERR_NONE);
        assert_slice(al.category, table[i].category);
        assert_int_equal(al.tactics, table[i].tactics);
    }
}

static void
test_wrong_types_nulls_and_odd_ids_are_accepted(void **state)
{
    static const char *const texts[] = {
        "{\"_id\":7}",
        "{\"_id\":\"ffffffffffffffffffffffff\",\"timestamp\":null,\"entities\":{},\"intent\":5,"
        "\"description\":[],\"severityValue\":\"high\",\"URL\":3,\"comment\":{}}",
        "{\"_id\":\"a\",\"title\":null,\"entities\":[null,1,[],{},{\"type\":null},{\"type\":"
        "\"account\"},"
        "{\"type\":\"ip\"},{\"type\":\"device\",\"label\":\"\"},{\"type\":\"service\"},"
        "{\"type\":\"file\",\"id\":{}}]}",
        "{\"_id\":\"a\",\"timestamp\":-5}",
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct alert al;
        struct source_document doc = {slice_of(texts[i]), at("2020-01-20T00:00:00Z")};
        struct err e = source_apps.map(&doc, 1, SLICE(DIRECTORY), w->arena, &al);
        assert_int_equal(e.kind, ERR_NONE);
        assert_int_equal(al.n_evidence, 0);
        assert_int_equal(al.created, at("2020-01-20T00:00:00Z"));
        struct json out;
        e = json_parse(alert_json(&al, w->arena), w->arena, &out);
        assert_int_equal(e.kind, ERR_NONE);
    }
}

static void
test_markup_is_taken_off_what_people_read_and_techniques_are_found_in_it(void **state)
{
    struct world *w = *state;
    struct alert al =
        map(w, "\"description\":\"<b>Anna</b> &amp; &lt;x&gt; used <a href='https://x/T9999'>"
               "T1087.002</a><br/>from __siteIcon__ Box\"");
    assert_slice(al.description, "Anna & <x> used T1087.002\nfrom  Box");
    assert_int_equal(al.n_techniques, 1);
    assert_slice(al.techniques[0], "T1087.002");
    al = map(w, "\"isMarkdown\":true,\"description\":\"**Bold** [T1078](https://x/)\"");
    assert_slice(al.description, "**Bold** [T1078](https://x/)");
}

static void
test_several_countries_say_nothing_of_an_address(void **state)
{
    struct world *w = *state;
    struct alert al = map(w, "\"entities\":[{\"type\":\"ip\",\"id\":\"192.0.2.7\"},{\"type\":"
                             "\"country\",\"id\":\"NL\"},{\"type\":\"country\",\"id\":\"FR\"}]");
    assert_int_equal(al.evidence[0].country.n, 0);
}

static void
test_a_risk_of_the_directory_is_identity_protections(void **state)
{
    struct world *w = *state;
    struct alert al = map(w, "\"idValue\":15795457");
    assert_int_equal(al.service, SERVICE_IDENTITY_PROTECTION);
    assert_int_equal(al.detection, DETECTION_IDENTITY_PROTECTION);
    assert_true(slice_starts(al.id, SLICE("ca")));
}

static void
test_the_last_received_of_several_deliveries_counts_in_any_order(void **state)
{
    struct world *w = *state;
    struct source_document docs[] = {
        {SLICE("{\"_id\":\"a\",\"title\":\"old\"}"), at("2020-01-19T00:00:00Z")},
        {SLICE("{\"_id\":\"a\",\"title\":\"new\"}"), at("2020-01-20T00:00:00Z")},
    };
    for (int i = 0; i < 2; i++) {
        struct alert al;
        struct err e = source_apps.map(docs, 2, SLICE(DIRECTORY), w->arena, &al);
        assert_int_equal(e.kind, ERR_NONE);
        assert_slice(al.title, "new");
        struct source_document swap = docs[0];
        docs[0] = docs[1];
        docs[1] = swap;
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_an_identity_detection_is_mapped_whole),
        T(test_a_title_of_azure_atp_gives_tactic_and_techniques),
        T(test_the_unified_id_is_stable_and_the_tenants_own),
        T(test_status_and_classification_follow_the_resolution),
        T(test_severities_are_numbers),
        T(test_the_category_comes_from_intent_or_else_from_the_title),
        T(test_wrong_types_nulls_and_odd_ids_are_accepted),
        T(test_markup_is_taken_off_what_people_read_and_techniques_are_found_in_it),
        T(test_several_countries_say_nothing_of_an_address),
        T(test_a_risk_of_the_directory_is_identity_protections),
        T(test_the_last_received_of_several_deliveries_counts_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
