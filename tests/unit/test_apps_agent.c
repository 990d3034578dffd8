/* The SIEM agent's CEF lines (apps_agent.c, through the source). */
#include "apps_world.h"

#define HEAD "2020-01-14T09:34:34.101Z CEF:0|MCAS|SIEM_Agent|0.111.85|"
#define TYPE "ALERT_CABINET_EVENT_MATCH_AUDIT"
#define URL "https://contoso.portal.cloudappsecurity.com/#/alerts/5e1d8b2a0c204203a335a3fb"
#define EXTENSION                                                                                  \
    "externalId=5e1d8b2a0c204203a335a3fb start=1578994474101 end=1578994480000 msg=Policy ''Mass " \
    "download'' matched for ''anna@contoso.com'', a\\=b suser=anna@contoso.com "                   \
    "destinationServiceName=Box cn1Label=riskScore cn1= cs1Label=portalURL cs1=" URL               \
    " cs2Label=uniqueServiceAppIds cs2=APPID_BOX cs3Label=relatedAudits "                          \
    "cs3=1578994411183_0e1f8f3a cs4Label=policyIDs cs4=59f0ab820000fa0681e9b1c7,second "           \
    "c6a1Label=\"Device IPv6 Address\" c6a1="
#define ALERT HEAD TYPE "|Mass download|3|" EXTENSION

static struct err
parse(struct world *w, const char *line, struct page *out)
{
    const struct answer got = {.conf = &w->c, .body = slice_of(line)};
    return source_apps.parse(&got, w->arena, out);
}

static struct alert
map(struct world *w, const char *line)
{
    struct alert out;
    struct source_document doc = {slice_of(line), at("2020-01-20T00:00:00Z")};
    struct err e = source_apps.map(&doc, 1, SLICE(DIRECTORY), w->arena, &out);
    if (e.kind)
        fail_msg("%s: %s in %s", e.code, e.text, line);
    return out;
}

static void
test_a_line_of_an_alert_is_taken_whole_under_its_id(void **state)
{
    struct world *w = *state;
    struct page p;
    struct err e = parse(w, ALERT, &p);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(p.n_alerts, 1);
    assert_slice(p.alerts[0].native_id, "5e1d8b2a0c204203a335a3fb");
    assert_slice(p.alerts[0].payload, ALERT);
    assert_int_equal(p.alerts[0].version, CLOCK_NONE);
    e = parse(w, " \r\n", &p);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(p.n_alerts, 0);
}

static void
test_what_is_no_alert_is_counted_by_its_reason(void **state)
{
    static const struct {
        const char *line, *code;
    } table[] = {
        {HEAD "EVENT_CATEGORY_LOGIN|Log on|0|externalId=1499800495894_e453 rt=1 suser=a@x.example",
         "apps.activity"},
        {HEAD "SOMETHING_NEW|x|0|cs1=https://x/#/audits?activity.id\\=eq(1,)", "apps.activity"},
        {"<36>1 - - CEF - - 0|Microsoft|Azure ATP|2|DnsReconnaissanceSecurityAlert|x|5|msg=x",
         "apps.other"},
        {"CEF:0|Check Point|VPN|1|2|n|3|src=192.0.2.1", "apps.other"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct page p;
        struct err e = parse(w, table[i].line, &p);
        assert_int_equal(e.kind, ERR_REJECT);
        assert_string_equal(e.code, table[i].code);
        assert_int_equal(p.n_alerts, 0);
    }
}

static void
test_a_line_that_cannot_be_read_is_kept_to_be_dead(void **state)
{
    static const char *const lines[] = {"hello", "CEF:0|MCAS|SIEM_Agent|1", "{\"_id\":\"a\""};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct page p;
        struct source_ident ident;
        struct err e = parse(w, lines[i], &p);
        assert_int_equal(e.kind, ERR_NONE);
        assert_true(slice_starts(p.alerts[0].native_id, SLICE("line:")));
        e = source_apps.ident(slice_of(lines[i]), IDENTITY_APPS, w->arena, &ident);
        assert_int_equal(e.kind, ERR_REJECT);
    }
}

static void
test_the_key_is_external_id_or_in_the_address_or_a_hash(void **state)
{
    static const struct {
        const char *extension, *key;
    } table[] = {
        {"externalId=abc cs1=" URL, "abc"},
        {"externalId= cs1=" URL, "5e1d8b2a0c204203a335a3fb"},
        {"externalId=two words cs1=" URL "/", "5e1d8b2a0c204203a335a3fb"},
        {"cs1=https://x/ msg=m", NULL},
        {"", NULL},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct slice line =
            slice_printf(w->arena, HEAD TYPE "|Mass download|3|%s", table[i].extension);
        struct source_ident ident;
        struct err e = source_apps.ident(line, IDENTITY_OFF, w->arena, &ident);
        assert_int_equal(e.kind, ERR_NONE);
        assert_int_equal(ident.fate, FATE_ALERT);
        if (table[i].key != NULL)
            assert_slice(ident.native_id, table[i].key);
        else
            assert_true(slice_starts(ident.native_id, SLICE("line:")));
        assert_true(slice_eq(map(w, line.p).native_id, ident.native_id));
    }
}

static void
test_a_line_is_mapped_whole_and_is_the_same_alert_as_the_apis(void **state)
{
    struct world *w = *state;
    struct alert al = map(w, ALERT), same;
    struct source_document doc = {SLICE("{\"_id\":\"5e1d8b2a0c204203a335a3fb\",\"title\":\"t\"}"),
                                  1};
    struct err e = source_apps.map(&doc, 1, SLICE(DIRECTORY), w->arena, &same);
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(slice_eq(al.id, same.id));
    assert_true(slice_eq(al.native_id, same.native_id));
    assert_slice(al.source, "apps");
    assert_slice(al.title, "Mass download");
    assert_slice(al.description, "Policy 'Mass download' matched for 'anna@contoso.com', a=b");
    assert_int_equal(al.severity, SEVERITY_LOW);
    assert_int_equal(al.status, STATUS_NEW);
    assert_int_equal(al.service, SERVICE_CLOUD_APPS);
    assert_int_equal(al.detection, DETECTION_CLOUD_APP_SECURITY);
    assert_slice(al.category, "Exfiltration");
    assert_slice(al.web_url, URL);
    assert_slice(al.policy_id, "59f0ab820000fa0681e9b1c7");
    assert_slice(al.detector, "59f0ab820000fa0681e9b1c7");
    assert_slice(al.detector_id, TYPE);
    assert_int_equal(al.created, at("2020-01-14T09:34:34Z"));
    assert_int_equal(al.first_activity, at("2020-01-14T09:34:34.101Z"));
    assert_int_equal(al.last_activity, at("2020-01-14T09:34:40Z"));
    assert_int_equal(al.version, at("2020-01-20T00:00:00Z"));
    assert_int_equal(al.n_evidence, 2);
    assert_slice(al.evidence[0].upn, "anna@contoso.com");
    assert_slice(al.evidence[1].app_name, "Box");
    assert_slice(al.additional,
                 "{\"classId\":\"" TYPE "\",\"agentVersion\":\"0.111.85\","
                 "\"uniqueServiceAppIds\":\"APPID_BOX\",\"relatedAudits\":"
                 "\"1578994411183_0e1f8f3a\",\"policyIDs\":\"59f0ab820000fa0681e9b1c7,second\"}");
}

static void
test_severities_are_numbers_from_0_to_10(void **state)
{
    static const struct {
        const char *word;
        enum severity severity;
    } table[] = {
        {"0", SEVERITY_INFORMATIONAL}, {"1", SEVERITY_LOW},      {"3", SEVERITY_LOW},
        {"4", SEVERITY_MEDIUM},        {"6", SEVERITY_MEDIUM},   {"7", SEVERITY_HIGH},
        {"10", SEVERITY_HIGH},         {"11", SEVERITY_UNKNOWN}, {"-1", SEVERITY_UNKNOWN},
        {"", SEVERITY_UNKNOWN},        {"High", SEVERITY_HIGH},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct slice line = slice_printf(w->arena, HEAD TYPE "|n|%s|" EXTENSION, table[i].word);
        assert_int_equal(map(w, line.p).severity, table[i].severity);
    }
}

static void
test_the_alert_type_says_what_it_is_a_sign_of(void **state)
{
    static const struct {
        const char *type, *title, *category;
    } table[] = {
        {"ALERT_ANUBIS_DETECTION_VELOCITY", "x", "InitialAccess"},
        {"MCAS_ALERT_ANUBIS_DETECTION_NEW_COUNTRY", "x", "InitialAccess"},
        {"ALERT_GEOLOCATION_NEW_COUNTRY", "x", "InitialAccess"},
        {"ALERT_NEW_ADMIN_LOCATION", "x", "InitialAccess"},
        {"ALERT_ANUBIS_DETECTION_RANSOMWARE", "x", "Ransomware"},
        {"ALERT_ADMIN_USER", "x", "PrivilegeEscalation"},
        {"ALERT_ZOMBIE_USER", "x", "Persistence"},
        {"ALERT_CABINET_EVENT_MATCH_FILE", "x", "Exfiltration"},
        {TYPE, "Malware detection", "Malware"},
        {"ALERT_CABINET_DISCOVERY_NEW_SERVICE", "x", "SuspiciousActivity"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct slice line =
            slice_printf(w->arena, HEAD "%s|%s|3|" EXTENSION, table[i].type, table[i].title);
        assert_slice(map(w, line.p).category, table[i].category);
    }
}

static void
test_entities_come_in_the_ways_that_agents_write_them(void **state)
{
    struct world *w = *state;
    struct alert al = map(w, HEAD TYPE "|n|3|externalId=a src=192.0.2.7 dvc= c6a1=2001:db8::1 "
                                       "suser=CONTOSO\\nina destinationServiceName=Office 365 "
                                       "cs2=APPID_11161");
    assert_int_equal(al.n_evidence, 4);
    assert_slice(al.evidence[0].domain_name, "CONTOSO");
    assert_slice(al.evidence[0].account_name, "nina");
    assert_slice(al.evidence[1].ip, "192.0.2.7");
    assert_slice(al.evidence[2].ip, "2001:db8::1");
    assert_slice(al.evidence[3].saas_app_id, "11161");
    al = map(w, HEAD TYPE "|n|3|externalId=a suser=o''brien@contoso.com");
    assert_slice(al.evidence[0].upn, "o'brien@contoso.com");
    al = map(w, HEAD TYPE "|n|3|externalId=a suser=Nina Ricci src=not an address");
    assert_int_equal(al.n_evidence, 1);
    assert_slice(al.evidence[0].display_name, "Nina Ricci");
    al = map(w, HEAD TYPE "|n|3|externalId=a suser=");
    assert_int_equal(al.n_evidence, 0);
    assert_int_equal(al.created, at("2020-01-20T00:00:00Z"));
}

static void
test_a_text_that_names_microsoft_between_bars_does_not_hide_the_header(void **state)
{
    struct world *w = *state;
    struct alert al = map(w, HEAD TYPE "|n|3|externalId=a msg=found |Microsoft|Azure ATP|1|x|y|5|");
    assert_slice(al.title, "n");
    assert_slice(al.native_id, "a");
}

static void
test_detections_of_azure_atp_go_the_way_the_tenant_chose(void **state)
{
    static const struct {
        const char *service;
        enum identity_channel channel;
        enum source_fate fate;
    } table[] = {
        {"destinationServiceName=Active Directory", IDENTITY_APPS, FATE_ALERT},
        {"destinationServiceName=Active Directory", IDENTITY_SYSLOG, FATE_IGNORE},
        {"cs2=APPID_20940", IDENTITY_OFF, FATE_IGNORE},
        {"destinationServiceName=Azure Active Directory", IDENTITY_OFF, FATE_ALERT},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct slice line = slice_printf(
            w->arena, HEAD TYPE "|Honeytoken activity|3|externalId=a %s", table[i].service);
        struct source_ident ident;
        struct err e = source_apps.ident(line, table[i].channel, w->arena, &ident);
        assert_int_equal(e.kind, ERR_NONE);
        assert_int_equal(ident.fate, table[i].fate);
        assert_int_equal(slice_starts(map(w, line.p).id, SLICE("aa")), i < 3);
    }
    struct source_ident ident;
    struct err e = source_apps.ident(SLICE(HEAD "EVENT_CATEGORY_LOGIN|Log on|0|externalId=1"),
                                     IDENTITY_APPS, w->arena, &ident);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(ident.fate, FATE_IGNORE);
    assert_string_equal(ident.reason, "apps.activity");
}

static void
test_of_a_line_and_an_object_the_later_counts(void **state)
{
    struct world *w = *state;
    struct source_document docs[] = {
        {SLICE(ALERT), at("2020-01-19T00:00:00Z")},
        {SLICE("{\"_id\":\"5e1d8b2a0c204203a335a3fb\",\"title\":\"t\"}"),
         at("2020-01-20T00:00:00Z")},
    };
    for (int i = 0; i < 2; i++) {
        struct alert al;
        struct err e = source_apps.map(docs, 2, SLICE(DIRECTORY), w->arena, &al);
        assert_int_equal(e.kind, ERR_NONE);
        assert_slice(al.title, i == 0 ? "t" : "Mass download");
        docs[0].received = at("2020-01-21T00:00:00Z");
    }
}

/* Real lines of documentation: all of them are activities. */
static void
test_real_lines_are_activities(void **state)
{
    struct world *w = *state;
    const char *shared = getenv("SHARED");
    struct slice path = slice_printf(
        w->arena,
        "%s/data/syslog-cef/cloud-app-security--MicrosoftDocs__CloudAppSecurityDocs.jsonl",
        shared != NULL ? shared : "../shared");
    FILE *f = fopen(path.p, "r");
    if (f == NULL) {
        print_message("skipped, no ../shared/data\n");
        skip();
    }
    char *line = NULL;
    size_t size = 0, n = 0;
    while (getline(&line, &size, f) > 0) {
        struct json doc;
        struct page p;
        struct err e = json_parse(slice_of(line), w->arena, &doc);
        assert_int_equal(e.kind, ERR_NONE);
        e = parse(w, slice_cstr(w->arena, json_get_text(doc, "line")), &p);
        assert_string_equal(e.code, "apps.activity");
        n++;
    }
    free(line);
    fclose(f);
    assert_true(n >= 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_line_of_an_alert_is_taken_whole_under_its_id),
        T(test_what_is_no_alert_is_counted_by_its_reason),
        T(test_a_line_that_cannot_be_read_is_kept_to_be_dead),
        T(test_the_key_is_external_id_or_in_the_address_or_a_hash),
        T(test_a_line_is_mapped_whole_and_is_the_same_alert_as_the_apis),
        T(test_severities_are_numbers_from_0_to_10),
        T(test_the_alert_type_says_what_it_is_a_sign_of),
        T(test_entities_come_in_the_ways_that_agents_write_them),
        T(test_a_text_that_names_microsoft_between_bars_does_not_hide_the_header),
        T(test_detections_of_azure_atp_go_the_way_the_tenant_chose),
        T(test_of_a_line_and_an_object_the_later_counts),
        T(test_real_lines_are_activities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
