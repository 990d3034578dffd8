/* Real records of the two sources, read in place: what becomes of each, and some in detail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/json.h"
#include "ingest/source.h"

extern const struct source source_mail, source_identity;

enum { LINE_MAX_BYTES = 1 << 20, ARENA_BYTES = 64 << 20, REASONS_MAX = 16 };

struct counts {
    size_t records, alerts, ignored, dead;
    struct {
        const char *code;
        size_t n;
    } reasons[REASONS_MAX];
    size_t n_reasons;
};

static void
reason(struct counts *c, const char *code)
{
    for (size_t i = 0; i < c->n_reasons; i++)
        if (strcmp(c->reasons[i].code, code) == 0) {
            c->reasons[i].n++;
            return;
        }
    assert_true(c->n_reasons < REASONS_MAX);
    c->reasons[c->n_reasons].code = code;
    c->reasons[c->n_reasons++].n = 1;
}

static size_t
reasons_of(const struct counts *c, const char *code)
{
    for (size_t i = 0; i < c->n_reasons; i++)
        if (strcmp(c->reasons[i].code, code) == 0)
            return c->reasons[i].n;
    return 0;
}

static void
print_counts(const char *what, const struct counts *c)
{
    printf("%s: %zu records, %zu alerts, %zu ignored, %zu dead;", what, c->records, c->alerts,
           c->ignored, c->dead);
    for (size_t i = 0; i < c->n_reasons; i++)
        printf(" %s %zu", c->reasons[i].code, c->reasons[i].n);
    printf("\n");
}

/* The file under the shared folder; skips the test without one. */
static FILE *
shared(const char *name)
{
    const char *folder = getenv("SHARED");
    char path[512];
    (void)snprintf(path, sizeof path, "%s/data/%s", folder != NULL ? folder : "../shared", name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        printf("skipped, no ../shared/data\n");
        skip();
    }
    return f;
}

static bool
next_line(FILE *f, char *buffer, struct slice *out)
{
    if (fgets(buffer, LINE_MAX_BYTES, f) == NULL)
        return false;
    *out = slice_trim(slice_of(buffer));
    return true;
}

/* ident, then map of this document alone. */
static void
take(const struct source *s, struct slice payload, struct arena *a, struct counts *c,
     struct alert *al)
{
    struct source_ident id;
    const struct source_document doc = {.payload = payload, .received = CLOCK_SECOND};
    c->records++;
    struct err e = s->ident(payload, IDENTITY_SYSLOG, a, &id);
    if (e.kind == ERR_NONE && id.fate == FATE_IGNORE) {
        c->ignored++;
        reason(c, id.reason);
        al->title = SLICE_NONE;
        return;
    }
    if (e.kind == ERR_NONE)
        e = s->map(&doc, 1, SLICE("directory"), a, al);
    if (e.kind) {
        c->dead++;
        reason(c, e.code);
        al->title = SLICE_NONE;
        printf("dead: %s %s\n", e.code, e.text);
        return;
    }
    c->alerts++;
    assert_true(slice_eq(al->native_id, id.native_id));
    assert_true(alert_json(al, a).n > 0);
}

static void
each_record(const struct source *s, const char *const *files, bool wrapped, struct counts *c)
{
    char *buffer = malloc(LINE_MAX_BYTES);
    struct arena *a = arena_new(ARENA_BYTES);
    assert_non_null(buffer);
    for (; *files != NULL; files++) {
        FILE *f = shared(*files);
        struct slice line;
        while (next_line(f, buffer, &line)) {
            struct json doc;
            struct alert al = {.title = SLICE_NONE};
            if (wrapped) {
                assert_int_equal(json_parse(line, a, &doc).kind, ERR_NONE);
                line = json_get_text(doc, "line");
            }
            take(s, line, a, c, &al);
            arena_reset(a);
        }
        fclose(f);
    }
    arena_free(a);
    free(buffer);
}

static const char *const cef_files[] = {
    "syslog-cef/azure-atp--MicrosoftDocs__ATADocs.jsonl",
    "syslog-cef/azure-atp-localized--MicrosoftDocs__ATADocs.fr-fr.jsonl",
    "syslog-cef/azure-atp-localized--MicrosoftDocs__ATADocs.zh-tw.jsonl",
    "syslog-cef/azure-atp-localized--Microsoft__ATADocs.de-de.jsonl",
    "syslog-cef/azure-atp-localized--Microsoft__ATADocs.pt-br.jsonl",
    "syslog-cef/azure-atp-localized--Microsoft__ATADocs.ru-ru.jsonl",
    "syslog-cef/azure-atp-localized--grzmak__ATADocs.pl-pl.jsonl",
    "syslog-cef/azure-atp-localized--iTechsTR__ATADocs.tr-tr.jsonl",
    NULL,
};

static void
test_all_362_lines_have_their_outcome(void **state)
{
    struct counts c = {0};
    each_record(&source_identity, cef_files, true, &c);
    print_counts("azure-atp", &c);
    assert_int_equal(c.records, 362);
    assert_int_equal(c.records, c.alerts + c.ignored + c.dead);
    assert_int_equal(c.ignored, reasons_of(&c, "identity.health"));
    assert_int_equal(c.dead, 0);
    (void)state;
}

static void
test_other_products_lines_are_none_of_ours(void **state)
{
    static const char *const files[] = {
        "syslog-cef/cloud-app-security--MicrosoftDocs__CloudAppSecurityDocs.jsonl",
        "syslog-cef/cef--SEKOIA-IO__intake-formats.jsonl", "syslog-cef/cef--apache__metron.jsonl",
        "syslog-cef/syslog--SEKOIA-IO__intake-formats.jsonl", NULL};
    struct counts c = {0};
    each_record(&source_identity, files, true, &c);
    print_counts("other lines", &c);
    assert_int_equal(c.alerts, 0);
    assert_true(reasons_of(&c, "identity.activity") > 0);
    assert_true(reasons_of(&c, "identity.other") > 0);
    (void)state;
}

static void
test_audit_records_that_are_no_alerts_are_ignored(void **state)
{
    static const char *const files[] = {"o365-audit/o365--SEKOIA-IO__intake-formats.jsonl",
                                        "o365-audit/o365--invictus-ir__o365_dataset.jsonl",
                                        "o365-audit/o365--panther-labs__panther-analysis.jsonl",
                                        NULL};
    struct counts c = {0};
    each_record(&source_mail, files, false, &c);
    print_counts("o365-audit", &c);
    assert_int_equal(c.records, 582);
    assert_int_equal(c.ignored, c.records);
    assert_int_equal(reasons_of(&c, "mail.record_type"), c.records);
    (void)state;
}

static void
test_alert_records_of_mail_become_alerts(void **state)
{
    static const char *const files[] = {"alerts/office365-atp/SEKOIA-IO__intake-formats.jsonl",
                                        "alerts/office365-atp/elastic__integrations.jsonl",
                                        "alerts/office365-atp/invictus-ir__o365_dataset.jsonl",
                                        NULL};
    struct counts c = {0};
    each_record(&source_mail, files, false, &c);
    print_counts("office365-atp", &c);
    assert_int_equal(c.records, 21);
    /* one line is of another product's stream; two investigations name no alert */
    assert_int_equal(reasons_of(&c, "mail.record"), 1);
    assert_int_equal(c.dead, 1);
    assert_int_equal(reasons_of(&c, "mail.investigation"), 2);
    assert_int_equal(c.alerts, 18);
    (void)state;
}

/* What Cloud App Security raised reaches the feed twice: as its own alert and mirrored in it. */
static void
test_mirrors_of_cloud_app_alerts_are_left_to_the_apps_source(void **state)
{
    static const char *const files[] = {"alerts/cloud-app-security/SEKOIA-IO__intake-formats.jsonl",
                                        NULL};
    struct counts c = {0};
    each_record(&source_mail, files, false, &c);
    assert_int_equal(c.records, 2);
    assert_int_equal(c.ignored, 2);
    assert_int_equal(reasons_of(&c, "mail.mirror"), 1);
    assert_int_equal(reasons_of(&c, "mail.cloud_app_mirror"), 1);
    (void)state;
}

/* ---- some in detail */

struct expected {
    const char *file;
    size_t line; /* from 1 */
    const char *native_id, *title, *severity, *category;
    const char *created, *first, *last;
    const char *user;   /* account name, UPN or display name of some evidence */
    const char *device; /* host name */
    const char *address;
};

static const struct evidence *
find(const struct alert *al, const char *user, const char *device, const char *address)
{
    for (size_t i = 0; i < al->n_evidence; i++) {
        const struct evidence *v = &al->evidence[i];
        if (user != NULL &&
            (slice_eq(v->upn, slice_of(user)) || slice_eq(v->account_name, slice_of(user)) ||
             slice_eq(v->display_name, slice_of(user))))
            return v;
        if (device != NULL && slice_eq(v->host_name, slice_of(device)))
            return v;
        if (address != NULL &&
            (slice_eq(v->ip, slice_of(address)) || slice_eq(v->sender_ip, slice_of(address))))
            return v;
    }
    return NULL;
}

static void
assert_text(struct slice got, const char *want)
{
    if (!slice_eq(got, slice_of(want)))
        fail_msg("'%.*s' is not '%s'", SLICE_ARG(got), want);
}

static void
check(const struct source *s, const struct expected *x, bool wrapped)
{
    char *buffer = malloc(LINE_MAX_BYTES);
    struct arena *a = arena_new(ARENA_BYTES);
    FILE *f = shared(x->file);
    struct slice line = SLICE_NONE;
    struct json doc;
    struct alert al = {.title = SLICE_NONE};
    struct counts c = {0};
    assert_non_null(buffer);
    for (size_t i = 0; i < x->line; i++)
        assert_true(next_line(f, buffer, &line));
    fclose(f);
    if (wrapped) {
        assert_int_equal(json_parse(line, a, &doc).kind, ERR_NONE);
        line = json_get_text(doc, "line");
    }
    take(s, line, a, &c, &al);
    assert_int_equal(c.alerts, 1);
    printf("%s %zu\n", x->file, x->line);
    assert_text(al.native_id, x->native_id);
    assert_text(al.title, x->title);
    assert_string_equal(severity_graph(al.severity), x->severity);
    assert_text(al.category, x->category);
    assert_string_equal(clock_format(al.created).s, x->created);
    assert_string_equal(clock_format(al.first_activity).s, x->first);
    assert_string_equal(clock_format(al.last_activity).s, x->last);
    assert_true(x->user == NULL || find(&al, x->user, NULL, NULL) != NULL);
    assert_true(x->device == NULL || find(&al, NULL, x->device, NULL) != NULL);
    assert_true(x->address == NULL || find(&al, NULL, NULL, x->address) != NULL);
    arena_free(a);
    free(buffer);
}

#define DOCS "syslog-cef/azure-atp--MicrosoftDocs__ATADocs.jsonl"
#define SEKOIA "alerts/office365-atp/SEKOIA-IO__intake-formats.jsonl"
#define GERMAN "syslog-cef/azure-atp-localized--Microsoft__ATADocs.de-de.jsonl"
#define INVICTUS "alerts/office365-atp/invictus-ir__o365_dataset.jsonl"
#define ELASTIC "alerts/office365-atp/elastic__integrations.jsonl"

static void
test_lines_say_what_a_person_reads_in_them(void **state)
{
    static const struct expected rows[] = {
        {DOCS, 1, "eb6a35da-ff7f-4ab5-a1b5-a07529a89e6d",
         "Reconnaissance using account enumeration", "medium", "Discovery",
         "2018-02-21T14:19:27.540731Z", "2018-02-21T14:19:02.6045416Z",
         "2018-02-21T14:19:27.540731Z", "LMaldonado", "CLIENT1", NULL},
        {DOCS, 10, "511f1487-2915-477d-be2e-04cfba702ccd",
         "Identity theft using Pass-the-Hash attack", "high", "LateralMovement",
         "2018-02-21T15:02:22.2577465Z", "2018-02-21T15:02:22.2577465Z",
         "2018-02-21T15:04:33.537583Z", "Eugene Jenkins", "client1", NULL},
        {DOCS, 17, "97c59b43-dc18-44ee-9826-8fd5d03bd53",
         "Suspicious domain controller promotion (potential DcShadow attack)", "high",
         "DefenseEvasion", "2018-07-12T08:17:55.4067092Z", "2018-07-12T08:17:55.4067092Z",
         "2018-07-12T08:18:06.88388Z", NULL, "CLIENT1", NULL},
        {DOCS, 20, "40fe98dd-aa42-4540-9d73-831486fdd1e4", "Suspected brute force attack (SMB)",
         "medium", "LateralMovement", "2018-02-21T14:21:13.91605Z", "2018-02-21T14:19:03.1981155Z",
         "2018-02-21T14:21:13.91605Z", NULL, "CLIENT2", NULL},
        {DOCS, 155, "5c113d028ca1ec1250ca0491", "Abnormal modification of sensitive groups",
         "medium", "Persistence", "2018-12-12T16:53:22.925757Z", "2018-12-12T18:52:58Z",
         "2018-12-12T18:52:58Z", "krbtgt", NULL, NULL},
        {DOCS, 198, "5909b8c48ca1ec04d05ed28d", "Malicious replication of directory services",
         "high", "CredentialAccess", "2017-05-03T11:00:13.6560919Z", "2017-05-03T11:00:13.6560919Z",
         "2017-05-03T11:00:13.6560919Z", "user1", "CLIENT1", NULL},
        {DOCS, 209, "5909dc5f8ca1ec04d05fa8b1", "Services exposing account credentials", "low",
         "SuspiciousActivity", "2017-05-03T13:28:36.5159194Z", "2017-05-03T13:28:36.5159194Z",
         "2017-05-03T13:28:36.5159194Z", NULL, NULL, "daf::220"},
        {"syslog-cef/azure-atp-localized--Microsoft__ATADocs.pt-br.jsonl", 6,
         "3ca2ec9d-2c67-44cc-a2d6-391716611bb6", "Exporta\xc3\xa7\xc3\xa3o de dados por SMB",
         "high", "Exfiltration", "2018-12-19T12:17:34.645993Z", "2018-12-19T12:14:12.4932821Z",
         "2018-12-19T12:17:34.645993Z", NULL, "CLIENT1", NULL},
        {"syslog-cef/azure-atp-localized--iTechsTR__ATADocs.tr-tr.jsonl", 7,
         "590b29168ca1ec0ba438acf6",
         "Pass-the-Ticket sald\xc4\xb1r\xc4\xb1s\xc4\xb1 ile kimlik "
         "h\xc4\xb1rs\xc4\xb1zl\xc4\xb1\xc4\x9f\xc4\xb1",
         "high", "LateralMovement", "2017-05-04T13:13:44.516Z", "2017-05-04T13:13:44.516Z",
         "2017-05-04T13:13:44.516Z", "Administrator", "CLIENT1", NULL},
        {"syslog-cef/azure-atp-localized--grzmak__ATADocs.pl-pl.jsonl", 9,
         "5909ae198ca1ec04d05e65fa", "Rekonesans przy u\xc5\xbcyciu systemu DNS", "medium",
         "Discovery", "2017-05-03T10:16:41.8297467Z", "2017-05-03T10:16:41.8297467Z",
         "2017-05-03T10:16:41.8297467Z", NULL, "KLIENT1", NULL},
        {DOCS, 3, "23937d33-ff71-484d-be0a-3c417fe573ce", "Reconnaissance using DNS", "medium",
         "Discovery", "2018-10-29T09:19:59.056894Z", "2018-10-29T09:19:43.5033765Z",
         "2018-10-29T09:19:59.056894Z", NULL, "CLIENT1", NULL},
        {DOCS, 5, "81ea99c4-ce1f-4581-ac8f-7440fbed7cd0", "Reconnaissance using LDAP Queries",
         "medium", "Discovery", "2019-02-18T14:48:02.912264Z", "2019-02-18T14:46:29.4644276Z",
         "2019-02-18T14:48:02.912264Z", NULL, "CLIENT1", NULL},
        {DOCS, 30, "85042c8e-27fa-49b3-8667-dabc1aa31580", "Suspicious authentication failures",
         "medium", "CredentialAccess", "2018-10-29T09:20:44.478827Z",
         "2018-10-29T09:19:44.9512286Z", "2018-10-29T09:20:44.478827Z", NULL, "CLIENT1", NULL},
        /* a class id where the name belongs: the guide's name stands for it */
        {DOCS, 90, "40fe98dd-aa42-4540-9d73-831486fdd1e4",
         "Suspected use of Metasploit hacking framework", "medium", "LateralMovement",
         "2018-02-21T14:21:13.91605Z", "2018-02-21T14:19:03.1981155Z", "2018-02-21T14:21:13.91605Z",
         NULL, "CLIENT2", NULL},
        /* an update does not say when the alert was made: its start does not move */
        {DOCS, 120, "6f69e1e7-304a-4054-8edf-33f26c1f004c", "Reconnaissance using DNS", "medium",
         "Discovery", "2018-02-21T14:19:41.9417776Z", "2018-02-21T14:19:41.9417776Z",
         "2018-02-21T14:19:54.063994Z", NULL, "CLIENT1", NULL},
        {GERMAN, 3, "5c113df08ca1ec1250ca074c",
         "Reconnaissance \xc3\xbc"
         "ber DNS",
         "medium", "Discovery", "2018-12-12T16:57:20.743634Z", "2018-12-12T16:57:20.2556472Z",
         "2018-12-12T16:57:20.743634Z", NULL, "W2012R2-000000-Server", NULL},
        /* the header is older than the start of the activity */
        {GERMAN, 8, "591f9769-d904-40b1-89fa-c307c2ca814f", "Remote code execution over DNS",
         "medium", "LateralMovement", "2019-01-17T08:24:54.100856Z", "2019-01-17T08:24:54.52938Z",
         "2019-01-17T08:24:54.52938Z", NULL, "CLIENT1", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(&source_identity, &rows[i], true);
    (void)state;
}

static void
test_audit_records_say_what_a_person_reads_in_them(void **state)
{
    static const struct expected rows[] = {
        {SEKOIA, 5, "2c7f6c46-33d7-4101-b2fc-0af27eaf308a",
         "Email reported by user as malware or phish", "low", "InitialAccess",
         "2024-05-24T06:29:22Z", "2024-05-24T05:44:00Z", "2024-05-24T05:45:00Z",
         "john.doe@example.com", NULL, NULL},
        {SEKOIA, 8, "uuid-10", "DLP-HIGH: C3 File Network Share", "medium", "Exfiltration",
         "2025-08-08T02:03:24Z", "2025-08-08T01:59:00Z", "2025-08-08T02:00:00Z",
         "user2@example.com", "device-2", "192.0.2.2"},
        {SEKOIA, 9, "266f5962-ffad-4fce-a101-3197581af3d4", "Malicious file detected: malware",
         "low", "Malware", "2022-07-07T22:38:49Z", "2022-07-07T22:38:11Z", "2022-07-07T22:38:11Z",
         NULL, NULL, NULL},
        {SEKOIA, 10, "50906475-74dd-4447-ae4d-595d225d0055",
         "Email with verdict Malware was detected", "low", "InitialAccess", "2022-07-08T09:10:19Z",
         "2022-07-08T09:07:47Z", "2022-07-08T09:07:47Z", "human@example.com", NULL, "1.2.3.4"},
        {SEKOIA, 12, "178fa649-642f-4d41-943c-451e2266f4a7", "Phishing detected", "low",
         "InitialAccess", "2024-04-04T08:09:07Z", "2024-04-04T08:06:58Z", "2024-04-04T08:08:58Z",
         "john.doe@example.org", NULL, "217.182.111.68"},
        {ELASTIC, 2, "5ba6e029-8b6e-13bd-b800-08d7b180173c",
         "Elevation of Exchange admin privilege", "low", "PrivilegeEscalation",
         "2020-02-14T19:00:00Z", "2020-02-14T18:45:00Z", "2020-02-14T19:00:00Z",
         "asr@testsiem.onmicrosoft.com", NULL, NULL},
        {SEKOIA, 6, "31f138b3-da55-d6c2-123123123213-08ddd663dfb8",
         "DLP-Low volume of content detected National ID Web", "low", "Exfiltration",
         "2025-08-08T10:12:51Z", "2025-08-08T10:10:00Z", "2025-08-08T10:11:00Z",
         "john.doe@example.com", "lt-pf463p9n", "1.2.3.4"},
        {SEKOIA, 7, "uuid-3", "DLP-HIGH: C3 File Web", "medium", "Exfiltration",
         "2025-08-08T09:55:45Z", "2025-08-08T09:53:00Z", "2025-08-08T09:54:00Z",
         "user1@example.com", "device-1", "192.0.2.1"},
        {SEKOIA, 11, "anonymized", "Phish delivered due to an ETR override", "informational",
         "InitialAccess", "2023-08-31T07:24:24Z", "2023-08-31T07:23:13Z", "2023-08-31T07:23:13Z",
         NULL, NULL, NULL},
        /* an entity alone, with no Data: its time is the record's */
        {SEKOIA, 13, "a3ce0859-c92c-4f57-b50b-a63dad75ec4a",
         "Email reported by user as malware or phish", "low", "InitialAccess",
         "2024-04-16T08:01:42Z", "2024-04-16T08:01:42Z", "2024-04-16T08:01:42Z", "jdoe@example.org",
         NULL, NULL},
        {SEKOIA, 14, "657fb16a-ee7f-4939-a218-33ba3c72805e",
         "A potentially malicious URL click was detected", "high", "InitialAccess",
         "2024-10-07T20:29:25Z", "2024-10-07T20:07:11Z", "2024-10-07T20:07:11Z",
         "user1@example.org", NULL, NULL},
        {ELASTIC, 1, "5ba6e029-8b6e-13bd-b800-08d7b180173c",
         "Elevation of Exchange admin privilege", "low", "PrivilegeEscalation",
         "2020-02-14T19:00:00Z", "2020-02-14T18:54:45Z", "2020-02-14T18:54:45Z",
         "asr@testsiem.onmicrosoft.com", NULL, NULL},
        {ELASTIC, 3, "1233344-8b6e-13bd-b800-08d7b180173c", "Phony Malware Alert", "high",
         "InitialAccess", "2020-02-14T19:00:00Z", "2020-02-14T19:00:00Z", "2020-02-14T19:00:00Z",
         NULL, NULL, NULL},
        {INVICTUS, 1, "6ee36a84-0cb9-0e51-ca00-08d94772b2b9",
         "Creation of forwarding/redirect rule", "informational", "Exfiltration",
         "2021-07-15T09:29:31Z", "2021-07-15T09:26:09Z", "2021-07-15T09:26:09Z",
         "joey@dutchmasterz.onmicrosoft.com", NULL, NULL},
        {INVICTUS, 2, "6ee36a84-0cb9-0e51-0c00-08d92fe5bc22",
         "Creation of forwarding/redirect rule", "informational", "Exfiltration",
         "2021-06-15T10:12:53Z", "2021-06-15T10:09:00Z", "2021-06-15T10:10:00Z",
         "joey@dutchmasterz.onmicrosoft.com", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(&source_mail, &rows[i], false);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_362_lines_have_their_outcome),
        cmocka_unit_test(test_other_products_lines_are_none_of_ours),
        cmocka_unit_test(test_audit_records_that_are_no_alerts_are_ignored),
        cmocka_unit_test(test_alert_records_of_mail_become_alerts),
        cmocka_unit_test(test_mirrors_of_cloud_app_alerts_are_left_to_the_apps_source),
        cmocka_unit_test(test_lines_say_what_a_person_reads_in_them),
        cmocka_unit_test(test_audit_records_say_what_a_person_reads_in_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
