#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/json.h"
#include "ingest/source.h"

extern const struct source source_identity;

#define GUID "eb6a35da-0000-4ab5-a1b5-a07529a89e6d"
#define HEAD                                                                                       \
    "<36>1 2020-01-14T09:19:27.540731+00:00 DC1 CEF 6076 AccountEnumerationSecurityAlert "         \
    "\xef\xbb\xbf"                                                                                 \
    "0|Microsoft|Azure ATP|2.105.7617.9427|"
#define TYPE "AccountEnumerationSecurityAlert|Account enumeration reconnaissance|5|"
#define URL "cs1Label=url cs1=https\\://contoso-corp.atp.azure.com/securityAlert/" GUID
#define LINE                                                                                       \
    HEAD TYPE "start=2020-01-14T09:19:02.6045416Z app=Kerberos shost=CLIENT1 suser=anna "          \
              "msg=CLIENT1 probed. externalId=2003 " URL " cs2Label=trigger cs2=new"

static int
arena_setup(void **state)
{
    *state = arena_new((size_t)16 << 20);
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

static struct err
parse(const char *line, const char *workspace, struct arena *a, struct page *out)
{
    struct source_conf c = {.workspace = slice_of(workspace)};
    struct source_request asked = {.at = {.since = CLOCK_NONE}};
    struct answer got = {.asked = &asked, .conf = &c, .status = 200, .body = slice_of(line)};
    return source_identity.parse(&got, a, out);
}

static struct err
map(const char *line, struct arena *a, struct alert *out)
{
    struct source_document doc = {.payload = slice_of(line), .received = 7};
    return source_identity.map(&doc, 1, SLICE("tenant"), a, out);
}

static void
test_a_frame_is_one_raw_alert_byte_for_byte(void **state)
{
    struct page p;
    assert_int_equal(parse(LINE, NULL, *state, &p).kind, ERR_NONE);
    assert_int_equal(p.n_alerts, 1);
    assert_slice(p.alerts[0].native_id, GUID);
    assert_true(p.alerts[0].version == CLOCK_NONE);
    assert_slice(p.alerts[0].payload, LINE);
}

static void
test_the_key_is_the_last_segment_of_the_url(void **state)
{
    static const struct {
        const char *cs1, *key;
    } rows[] = {
        {"https\\://x.atp.azure.com:13000/securityAlert/EB6A35DA-0000-4AB5-A1B5-A07529A89E6D",
         GUID},
        {"https\\://security.microsoft.com/alerts/aa" GUID, GUID},
        {"https\\:////contoso-corp.atp.azure..com/securityAlert/" GUID, GUID},
        {"https\\://h/97c59b43-dc18-44ee-9826-8fd5d03bd53", "97c59b43-dc18-44ee-9826-8fd5d03bd53"},
        {"https\\://h/aa97c59b43-dc18-44ee-9826-8fd5d03bd53",
         "97c59b43-dc18-44ee-9826-8fd5d03bd53"},
        {"https\\://h/aa6a35da-0000-4ab5-a1b5-a07529a89e6d",
         "aa6a35da-0000-4ab5-a1b5-a07529a89e6d"},
        {"https\\://192.168.0.220/suspiciousActivity/5c114a938ca1ec1250ca7f48",
         "5c114a938ca1ec1250ca7f48"},
        {"https\\://h/securityAlert/" GUID "/?tid=1", GUID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct page p;
        struct slice line = slice_printf(*state, HEAD TYPE "cs1Label=url cs1=%s", rows[i].cs1);
        assert_int_equal(parse(line.p, NULL, *state, &p).kind, ERR_NONE);
        assert_slice(p.alerts[0].native_id, rows[i].key);
    }
}

static void
test_a_line_without_a_url_is_named_by_its_bytes(void **state)
{
    struct page p, q, r;
    assert_int_equal(parse(HEAD TYPE "suser=a", NULL, *state, &p).kind, ERR_NONE);
    assert_int_equal(parse(HEAD TYPE "suser=a", NULL, *state, &q).kind, ERR_NONE);
    assert_int_equal(parse("no line of ours", NULL, *state, &r).kind, ERR_NONE);
    assert_int_equal(p.alerts[0].native_id.n, 37);
    assert_true(slice_starts(p.alerts[0].native_id, SLICE("line:")));
    assert_true(slice_eq(p.alerts[0].native_id, q.alerts[0].native_id));
    assert_false(slice_eq(p.alerts[0].native_id, r.alerts[0].native_id));
    assert_int_equal(parse(" \r\n", NULL, *state, &p).kind, ERR_NONE);
    assert_int_equal(p.n_alerts, 0);
}

static void
test_a_line_of_another_workspace_is_refused(void **state)
{
    struct page p;
    assert_int_equal(parse(LINE, "Contoso-Corp", *state, &p).kind, ERR_NONE);
    assert_string_equal(parse(LINE, "fabrikam", *state, &p).code, "identity.workspace");
    assert_int_equal(parse(LINE, "contoso", *state, &p).kind, ERR_REJECT);
    /* later URLs name no workspace */
    assert_int_equal(parse(HEAD TYPE "cs1=https\\://security.microsoft.com/alerts/aa" GUID,
                           "fabrikam", *state, &p)
                         .kind,
                     ERR_NONE);
}

static void
test_each_line_has_its_fate(void **state)
{
    static const struct {
        const char *line;
        enum identity_channel channel;
        const char *reason; /* NULL: an alert */
    } rows[] = {
        {LINE, IDENTITY_SYSLOG, NULL},
        {LINE, IDENTITY_APPS, "identity.by_apps"},
        {LINE, IDENTITY_OFF, "identity.off"},
        {HEAD "SensorDisconnectedMonitoringAlert|SensorDisconnectedMonitoringAlert|5|"
              "externalId=1011 cs1=https://x.atp.azure.com/monitoring",
         IDENTITY_SYSLOG, "identity.health"},
        {HEAD "New|New|5|externalId=1011", IDENTITY_SYSLOG, "identity.health"},
        {HEAD "New|New|5|cs1=https://x.atp.azure.com/monitoring", IDENTITY_OFF, "identity.health"},
        {HEAD TYPE "suser=mallory externalId=1011 " URL, IDENTITY_SYSLOG, NULL},
        /* no start and nothing that names an alert */
        {HEAD "NewKind|Sensor is tired|5|externalId=3 cs1=https://x.atp.azure.com/health",
         IDENTITY_SYSLOG, "identity.health"},
        {HEAD "NewKind|Sensor is tired|5|externalId=3 " URL, IDENTITY_SYSLOG, NULL},
        {HEAD "NewKind|Honeytoken activity|5|externalId=3", IDENTITY_SYSLOG, NULL},
        {HEAD "NewKindSecurityAlert|Not known|5|externalId=3", IDENTITY_SYSLOG, NULL},
        {HEAD "NewKind|Not known|5|start=2020-01-14T09:19:02Z", IDENTITY_SYSLOG, NULL},
        {HEAD "SidHistory|x|10|start=2020-01-14T09:19:02Z externalId=1106", IDENTITY_SYSLOG, NULL},
        {"CEF:0|MCAS|SIEM_Agent|0.1|EVENT_CATEGORY_LOGIN|log on|0|x", IDENTITY_SYSLOG,
         "identity.activity"},
        {"CEF:0|MCAS|SIEM_Agent|0.1|ALERT_X|Mass download|3|x", IDENTITY_SYSLOG, "identity.other"},
        {"CEF:0|Microsoft|ATP do Azure|1|X|Y|5|start=2020-01-14T09:19:02Z", IDENTITY_SYSLOG, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct source_ident id;
        struct err e = source_identity.ident(slice_of(rows[i].line), rows[i].channel, *state, &id);
        assert_int_equal(e.kind, ERR_NONE);
        assert_int_equal(id.fate, rows[i].reason == NULL ? FATE_ALERT : FATE_IGNORE);
        if (rows[i].reason != NULL)
            assert_string_equal(id.reason, rows[i].reason);
        assert_true(id.version == CLOCK_NONE);
    }
    struct source_ident id;
    struct err e = source_identity.ident(SLICE("<36>su: hello"), IDENTITY_SYSLOG, *state, &id);
    assert_int_equal(e.kind, ERR_REJECT);
    assert_string_equal(e.code, "identity.header");
}

static void
test_a_line_becomes_an_alert(void **state)
{
    struct alert al;
    assert_int_equal(map(LINE, *state, &al).kind, ERR_NONE);
    assert_slice(al.source, "identity");
    assert_slice(al.native_id, GUID);
    assert_slice(al.id, "aa" GUID);
    assert_slice(al.provider_alert_id, GUID);
    assert_slice(al.title, "Account enumeration reconnaissance");
    assert_slice(al.description, "CLIENT1 probed.");
    assert_slice(al.category, "Discovery");
    assert_int_equal(al.tactics, 1 << 7);
    assert_slice(al.detector_id, "2003");
    assert_slice(al.techniques[0], "T1087.002");
    assert_int_equal(al.severity, SEVERITY_MEDIUM);
    assert_int_equal(al.status, STATUS_NEW);
    assert_int_equal(al.service, SERVICE_IDENTITY);
    assert_slice(al.web_url, "https://contoso-corp.atp.azure.com/securityAlert/" GUID);
    assert_string_equal(clock_format(al.created).s, "2020-01-14T09:19:27.540731Z");
    assert_string_equal(clock_format(al.first_activity).s, "2020-01-14T09:19:02.6045416Z");
    assert_int_equal(al.version, 7);
    struct json more;
    assert_int_equal(json_parse(al.additional, *state, &more).kind, ERR_NONE);
    assert_slice(json_get_text(more, "app"), "Kerberos");
}

static void
test_the_type_is_told_by_title_then_class_then_id(void **state)
{
    static const struct {
        const char *class_name, *id, *detector; /* class id and name as in the header */
    } rows[] = {
        /* samples that hold the id of a neighbour */
        {"SamrReconnaissanceSecurityAlert|Reconnaissance using directory services queries", "2019",
         "2021"},
        {"AbnormalProtocolSecurityAlert|Reconnaissance using SMB Session Enumeration", "2034",
         "2012"},
        {"SamrReconnaissanceSecurityAlert|Aufklärung", "2019", "2021"},
        {"PassTheTicketSecurityAlert|Identitätsdiebstahl", "2017", "2018"},
        /* what several types share says nothing */
        {"AbnormalProtocolSecurityAlert|Neu", "2034", "2034"},
        {"AbnormalProtocolSecurityAlert|Neu", "2002", "2002"},
        {"EncryptionDowngradeSecurityAlert|Neu", "2010", "2010"},
        {"EncryptionDowngradeSecurityAlert|Neu", "2008", "2008"},
        {"AbnormalProtocolSecurityAlert|Neu", "77", "77"},
        /* an id that is not known, or that is later than its class */
        {"LdapBruteForceSecurityAlert|Neu", "77", "2004"},
        {"LdapSearchReconnaissanceSecurityAlert|Neu", "2210", "2210"},
        {"BruteForceSuspiciousActivity|Neu", "2004", "2004"}, /* the predecessor's is wider */
        {"PassTheHashSuspiciousActivity|Neu", "", "2017"},
        /* how a name is written does not count */
        {"X|  ** [PREVIEW] Data exfiltration over SMB ** ", "77", "2030"},
        {"X|[PREVIEW] **Remote code execution over DNS**", "77", "2036"},
        {"X|SuspectedWannaCryRansomwareAttack", "77", "2035"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct alert al;
        struct slice line =
            slice_printf(*state, HEAD "%s|5|start=2020-01-14T07:00:00Z %s%s " URL,
                         rows[i].class_name, rows[i].id[0] ? "externalId=" : "", rows[i].id);
        assert_int_equal(map(line.p, *state, &al).kind, ERR_NONE);
        if (!slice_eq(al.detector, slice_of(rows[i].detector)))
            fail_msg("%s, %s: \"%.*s\"", rows[i].class_name, rows[i].id, SLICE_ARG(al.detector));
    }
}

static void
test_what_the_documentation_misprints_does_no_harm(void **state)
{
    static const char *const lines[] = {
        /* a viewer's columns before the line, with a date of nine digits */
        "002-21-2018 16:19:35 Auth.Warning 192.168.0.220 1 2018-02-21T14:19:27.540731+00:00 CENTER "
        "CEF 6076 AccountEnumerationSecurityAlert \xc3\xaf\xc2\xbb\xc2\xbf"
        "0|Microsoft|Azure ATP|2.22|" TYPE "start=2018-02-21T14:19:02Z " URL,
        /* no zero before the bar; slashes and dots too many */
        "1 2018-02-21T14:19:27.540731+00:00 CENTER CEF 6076 X |Microsoft|Azure ATP|2.22|" TYPE
        "start=2018-02-21T14:19:02Z cs1Label=url "
        "cs1=https\\:////contoso-corp.atp.azure..com/securityAlert/" GUID,
        "<36>Feb 21 14:19:27 CENTER CEF[6076]: 0|Microsoft|Azure ATP|2.22|" TYPE
        "start= 2018-02-21T14:19:02Z app= Samr " URL,
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct alert al;
        assert_int_equal(map(lines[i], *state, &al).kind, ERR_NONE);
        assert_slice(al.native_id, GUID);
        assert_string_equal(clock_format(al.first_activity).s, "2018-02-21T14:19:02Z");
    }
}

static const struct evidence *
item(const struct alert *al, enum evidence_type type, size_t nth)
{
    for (size_t i = 0; i < al->n_evidence; i++)
        if (al->evidence[i].type == type && nth-- == 0)
            return &al->evidence[i];
    fail_msg("no evidence of type %d", (int)type);
    return NULL;
}

static void
test_accounts_come_in_four_forms(void **state)
{
    static const struct {
        const char *suser, *upn, *domain, *account, *display;
    } rows[] = {
        {"Anna@Contoso.com", "anna@contoso.com", NULL, "anna", NULL},
        {"CONTOSO\\nina", NULL, "CONTOSO", "nina", NULL},
        {"domain1.test.local\\\\fake", NULL, "domain1.test.local", "fake", NULL},
        {"krbtgt", NULL, NULL, "krbtgt", NULL},
        {"Eugene Jenkins", NULL, NULL, NULL, "Eugene Jenkins"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct alert al;
        struct slice line = slice_printf(*state, HEAD TYPE "suser=%s msg=x " URL, rows[i].suser);
        assert_int_equal(map(line.p, *state, &al).kind, ERR_NONE);
        const struct evidence *v = item(&al, EVIDENCE_USER, 0);
        assert_slice(v->upn, rows[i].upn);
        assert_slice(v->domain_name, rows[i].domain);
        assert_slice(v->account_name, rows[i].account);
        assert_slice(v->display_name, rows[i].display);
    }
}

static void
test_computers_have_short_and_full_names(void **state)
{
    static const struct {
        const char *extension, *host, *dns;
    } rows[] = {
        {"shost=CLIENT1", "CLIENT1", NULL},
        {"shost=CLIENT1 shostfqdn=Client1.contoso.com", "CLIENT1", "client1.contoso.com"},
        {"shost=CLIENT1 cs3Label=shostfqdn cs3=client1.contoso.com", "CLIENT1",
         "client1.contoso.com"},
        {"cs3Label=shostfqdn cs3=client1.contoso.com", "client1", "client1.contoso.com"},
        {"shost=dc1.contoso.com.", "dc1", "dc1.contoso.com"},
        {"dhost=DC2", "DC2", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct alert al;
        struct slice line = slice_printf(*state, HEAD TYPE "%s " URL, rows[i].extension);
        assert_int_equal(map(line.p, *state, &al).kind, ERR_NONE);
        const struct evidence *v = item(&al, EVIDENCE_DEVICE, 0);
        assert_slice(v->host_name, rows[i].host);
        assert_slice(v->dns_name, rows[i].dns);
    }
    struct alert al;
    assert_int_equal(map(HEAD TYPE "shost=10.0.0.7 " URL, *state, &al).kind, ERR_NONE);
    assert_slice(item(&al, EVIDENCE_IP, 0)->ip, "10.0.0.7");
    assert_int_equal(map(HEAD "DnsSuspiciousCommunicationSecurityAlert|Suspicious communication "
                              "over DNS|5|dhost= bad.example externalId=2031 " URL,
                         *state, &al)
                         .kind,
                     ERR_NONE);
    assert_slice(item(&al, EVIDENCE_URL, 0)->url, "bad.example");
}

static void
test_an_update_is_not_the_moment_of_making(void **state)
{
    struct alert al;
    assert_int_equal(
        map(HEAD TYPE "start=2020-01-14T07:00:00Z " URL " cs2Label=trigger cs2=update", *state, &al)
            .kind,
        ERR_NONE);
    assert_string_equal(clock_format(al.created).s, "2020-01-14T07:00:00Z");
    assert_string_equal(clock_format(al.updated).s, "2020-01-14T09:19:27.540731Z");
}

static void
test_only_a_line_without_name_or_time_is_dead(void **state)
{
    static const struct {
        const char *line, *code; /* NULL: an alert */
    } rows[] = {
        {"CEF:0|Microsoft|ATA|1|||5|start=2020-01-14T07:00:00Z", "identity.title"},
        {"CEF:0|Microsoft|ATA|1|X|Y|5|suser=a", "identity.time"},
        {"CEF:0|Microsoft|ATA|1|X|Y|5|start=0001-01-01T00:00:00", "identity.time"},
        {"CEF:0|Microsoft|ATA|1|X||5|start=2020-01-14T07:00:00Z", NULL},
        {"CEF:0|Microsoft|ATA|1||Y||start=2020-01-14T07:00:00Z", NULL},
        {"CEF:0|Microsoft|ATA|1|||x|start=2020-01-14T07:00:00Z externalId=2002", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct alert al;
        struct err e = map(rows[i].line, *state, &al);
        assert_int_equal(e.kind, rows[i].code != NULL ? ERR_REJECT : ERR_NONE);
        if (rows[i].code != NULL)
            assert_string_equal(e.code, rows[i].code);
        else
            assert_true(al.title.n > 0 && al.detector.n > 0);
    }
}

static void
test_of_several_lines_the_last_received_counts_in_any_order(void **state)
{
    const struct source_document old = {.payload = SLICE(LINE), .received = 1};
    const struct source_document new = {.payload = SLICE(HEAD TYPE "msg=later " URL),
                                        .received = 2};
    const struct source_document orders[2][2] = {{old, new}, {new, old}};
    for (size_t i = 0; i < 2; i++) {
        struct alert al;
        assert_int_equal(source_identity.map(orders[i], 2, SLICE("t"), *state, &al).kind, ERR_NONE);
        assert_slice(al.description, "later");
        assert_int_equal(al.version, 2);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_frame_is_one_raw_alert_byte_for_byte),
        cmocka_unit_test(test_the_key_is_the_last_segment_of_the_url),
        cmocka_unit_test(test_a_line_without_a_url_is_named_by_its_bytes),
        cmocka_unit_test(test_a_line_of_another_workspace_is_refused),
        cmocka_unit_test(test_each_line_has_its_fate),
        cmocka_unit_test(test_a_line_becomes_an_alert),
        cmocka_unit_test(test_the_type_is_told_by_title_then_class_then_id),
        cmocka_unit_test(test_what_the_documentation_misprints_does_no_harm),
        cmocka_unit_test(test_accounts_come_in_four_forms),
        cmocka_unit_test(test_computers_have_short_and_full_names),
        cmocka_unit_test(test_an_update_is_not_the_moment_of_making),
        cmocka_unit_test(test_only_a_line_without_name_or_time_is_dead),
        cmocka_unit_test(test_of_several_lines_the_last_received_counts_in_any_order),
    };
    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
