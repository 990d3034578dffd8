/*
 * Real records of the endpoint and the apps source, read in place from $SHARED/data.
 *
 * What is expected was read from the records by a person and typed here; PROVENANCE.jsonl beside
 * them names where each comes from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/json.h"
#include "ingest/source.h"

extern const struct source source_apps, source_endpoint;

#define DIRECTORY "206e2965-6533-48a6-ba9e-794364a84bf9"
enum { FILE_MAX = 8 << 20 };

/* The text of a file of alerts; NONE: there is none here. */
static struct slice
load(struct arena *a, const char *name)
{
    const char *shared = getenv("SHARED");
    const char *path =
        slice_printf(a, "%s/data/alerts/%s", shared != NULL ? shared : "../shared", name).p;
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return SLICE_NONE;
    char *text = arena_alloc(a, FILE_MAX);
    size_t n = text != NULL ? fread(text, 1, FILE_MAX, f) : 0;
    fclose(f);
    return (struct slice){text, n};
}

static void
skip_without_data(struct slice text)
{
    if (text.p == NULL) {
        print_message("skipped, no ../shared/data\n");
        skip();
    }
}

static struct slice
line_of(struct slice text, size_t at)
{
    struct slice line = SLICE_NONE;
    for (size_t i = 0; i <= at; i++)
        line = slice_split(&text, '\n');
    return line;
}

static int64_t
at(const char *text)
{
    int64_t t = CLOCK_NONE;
    if (text != NULL && !clock_parse(slice_of(text), &t))
        fail_msg("not a time: %s", text);
    return t;
}

static void
assert_slice(const char *what, struct slice got, const char *expected)
{
    struct slice want = slice_of(expected);
    if (got.n != want.n || (got.n > 0 && !slice_eq(got, want)))
        fail_msg("%s is \"%.*s\", expected \"%s\"", what, SLICE_ARG(got),
                 expected != NULL ? expected : "");
}

static void
assert_time(const char *what, int64_t got, const char *expected)
{
    if (got != at(expected))
        fail_msg("%s is %s, expected %s", what, clock_format(got).s, expected);
}

/* The first item of a type; NULL: there is none. */
static const struct evidence *
find(const struct alert *al, enum evidence_type type)
{
    for (size_t i = 0; i < al->n_evidence; i++)
        if (al->evidence[i].type == type)
            return &al->evidence[i];
    return NULL;
}

static size_t
count(const struct alert *al, enum evidence_type type)
{
    size_t n = 0;
    for (size_t i = 0; i < al->n_evidence; i++)
        n += al->evidence[i].type == type ? 1 : 0;
    return n;
}

/* A mapped alert in Graph's JSON is JSON and says the same. */
static void
assert_json_agrees(const struct alert *al, struct arena *a)
{
    struct json doc;
    struct slice text = alert_json(al, a);
    struct err e = json_parse(text, a, &doc);
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(slice_eq(json_get_text(doc, "id"), al->id));
    assert_true(slice_eq(json_get_text(doc, "title"), al->title));
    assert_slice("severity", json_get_text(doc, "severity"), severity_graph(al->severity));
    assert_slice("createdDateTime", json_get_text(doc, "createdDateTime"),
                 clock_format(al->created).s);
    assert_int_equal(json_count(json_get(doc, "evidence")), al->n_evidence);
    struct slice name;
    struct json item;
    for (struct json_iter it = json_items(json_get(doc, "evidence")); json_next(&it, &name, &item);)
        assert_true(
            slice_starts(json_get_text(item, "@odata.type"), SLICE("#microsoft.graph.security.")));
}

static struct alert
mapped(const struct source *s, struct slice raw, struct arena *a)
{
    struct source_ident ident;
    struct err e = s->ident(raw, IDENTITY_APPS, a, &ident);
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
    assert_int_equal(ident.fate, FATE_ALERT);
    struct alert al;
    struct source_document doc = {raw, at("2022-01-01T00:00:00Z")};
    e = s->map(&doc, 1, SLICE(DIRECTORY), a, &al);
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
    assert_true(slice_eq(al.native_id, ident.native_id));
    assert_json_agrees(&al, a);
    return al;
}

#define DOCS "defender-endpoint/MicrosoftDocs__microsoft-365-docs-pr.nl-NL.jsonl"
#define DEMISTO "defender-endpoint/demisto__content.jsonl"
#define BEATS "defender-endpoint/elastic__beats.jsonl"
#define RAPID7 "defender-endpoint/rapid7__insightconnect-plugins.jsonl"
#define APPS "cloud-app-security/MicrosoftDocs__CloudAppSecurityDocs.jsonl"

struct expected {
    const struct source *source;
    const char *file;
    size_t line; /* from 0 */
    const char *title;
    enum severity severity;
    enum alert_status status;
    enum classification classification;
    const char *category;
    enum detection_source detection;
    const char *created, *first, *last, *updated, *resolved; /* NULL: CLOCK_NONE */
    const char *machine, *host;                              /* device: mdeDeviceId, name */
    const char *user, *domain;                               /* first user: account name or UPN */
    size_t n_evidence, n_techniques, n_comments;
    const char *assigned, *incident, *state;
};

static const struct expected records[] = {
    {&source_endpoint,
     DOCS,
     0,
     "Suspicious 'Meterpreter' behavior was detected",
     SEVERITY_LOW,
     STATUS_NEW,
     CLASS_TRUE_POSITIVE,
     "SuspiciousActivity",
     DETECTION_ANTIVIRUS,
     "2020-07-20T10:53:48.7657932Z",
     "2020-07-20T10:52:17.6654369Z",
     "2020-07-20T10:52:18.1362905Z",
     "2020-07-20T10:53:50.19Z",
     NULL,
     "12ee6dd8c833c8a052ea231ec1b19adaf497b625",
     "temp123.middleeast.corp.microsoft.com",
     "temp123",
     "MIDDLEEAST",
     3 /* device, user, malware family */,
     3,
     1,
     "secop123@contoso.com",
     "7587",
     "queued"},
    {&source_endpoint,
     DEMISTO,
     0,
     "Demisto Alert",
     SEVERITY_MEDIUM,
     STATUS_NEW,
     CLASS_UNKNOWN,
     "SuspiciousActivity" /* the text null */,
     DETECTION_CUSTOM_TI,
     "2019-09-01T13:31:08.0252869Z",
     "2019-08-05T00:53:51.1469367Z",
     "2019-08-05T00:53:51.1469367Z",
     "2019-09-01T13:31:08.57Z",
     NULL,
     "43df73d1dac43593d1275e20422f44a949f6dfc3",
     NULL,
     NULL,
     NULL,
     1,
     0,
     0,
     NULL,
     "14",
     "unsupportedAlertType"},
    {&source_endpoint,
     DEMISTO,
     1,
     "test alert2",
     SEVERITY_LOW,
     STATUS_NEW,
     CLASS_UNKNOWN,
     "SuspiciousActivity",
     DETECTION_CUSTOM_TI,
     "2019-09-01T13:29:37.2356916Z",
     "2019-08-05T00:53:51.1469367Z",
     "2019-08-05T00:53:51.1469367Z",
     "2019-09-01T13:29:38.32Z",
     NULL,
     "43df73d1dac43593d1275e20422f44a949f6dfc3",
     NULL,
     NULL,
     NULL,
     1,
     0,
     0,
     NULL,
     "14",
     "unsupportedAlertType"},
    {&source_endpoint,
     BEATS,
     0,
     "An active 'Exeselrun' malware was detected",
     SEVERITY_LOW,
     STATUS_RESOLVED,
     CLASS_UNKNOWN,
     "Malware",
     DETECTION_ANTIVIRUS,
     "2020-06-30T10:09:01.1569718Z",
     "2020-06-30T10:07:44.333733Z",
     "2020-06-30T10:07:44.333733Z",
     "2020-07-03T15:15:39.13Z",
     "2020-06-30T11:13:12.2680434Z",
     "c5a964f417c11f6277d5bf9489f0d",
     "testserver4",
     NULL,
     NULL,
     2,
     0,
     0,
     "elastic@elasticuser.com",
     "12",
     "benign"},
    {&source_endpoint,
     BEATS,
     1,
     "Suspicious process injection observed",
     SEVERITY_MEDIUM,
     STATUS_NEW,
     CLASS_UNKNOWN,
     "DefenseEvasion",
     DETECTION_ENDPOINT,
     "2020-06-30T09:08:11.1084877Z",
     "2020-06-30T09:04:56.8490679Z",
     "2020-06-30T09:45:39.5484377Z",
     "2020-06-30T15:29:44.7733333Z",
     NULL,
     "543bc5a964f417c11f6277d5bf9489f0d",
     "testserver4",
     "administrator1",
     "TestServer4",
     4 /* device, process, its image, related user */,
     0,
     0,
     NULL,
     "11",
     "terminatedByUser"},
    {&source_endpoint,
     BEATS,
     2,
     "Suspicious process injection observed",
     SEVERITY_MEDIUM,
     STATUS_NEW,
     CLASS_UNKNOWN,
     "DefenseEvasion",
     DETECTION_ENDPOINT,
     "2020-06-30T09:08:11.1084877Z",
     "2020-06-30T09:04:56.8490679Z",
     "2020-06-30T09:45:39.5484377Z",
     "2020-06-30T15:29:44.7733333Z",
     NULL,
     "53425a964f417c11f6277d5bf9489f0d",
     "testserver4",
     "administrator1",
     "TestServer4",
     2 /* the related user is the evidence's */,
     0,
     0,
     NULL,
     "11",
     "terminatedByUser"},
    {&source_endpoint,
     BEATS,
     3,
     "'Mountsi' malware was detected",
     SEVERITY_INFORMATIONAL,
     STATUS_RESOLVED,
     CLASS_UNKNOWN,
     "Malware",
     DETECTION_ANTIVIRUS,
     "2020-06-30T09:32:31.4579225Z",
     "2020-06-30T09:31:22.5729558Z",
     "2020-06-30T09:46:15.0876676Z",
     "2020-06-30T11:13:12.9Z",
     "2020-06-30T11:13:12.2680434Z",
     "t4563234bc5a964f417c11f6277d5bf9489f0d",
     "testserver4",
     NULL,
     NULL,
     2,
     0,
     0,
     "Automation",
     "12",
     "benign"},
    {&source_endpoint,
     RAPID7,
     0,
     "Example Title",
     SEVERITY_LOW,
     STATUS_NEW,
     CLASS_UNKNOWN,
     "Execution",
     DETECTION_ENDPOINT,
     "2021-01-26T20:33:57.7220239Z",
     "2021-01-26T20:31:32.9562661Z",
     "2021-01-26T20:31:33.0577322Z",
     "2021-01-26T20:33:59.2Z",
     NULL,
     "111e6dd8c833c8a052ea231ec1b19adaf497b625",
     "test.example.com",
     "name",
     "DOMAIN",
     5 /* device, user, process, file, related user */,
     3,
     1,
     NULL,
     "1126093",
     "queued"},
    {&source_apps,
     APPS,
     0,
     "Honeytoken activity",
     SEVERITY_MEDIUM,
     STATUS_IN_PROGRESS,
     CLASS_UNKNOWN,
     "CredentialAccess",
     DETECTION_IDENTITY,
     "2021-03-03T11:17:30Z",
     "2021-05-25T11:25:16.475Z",
     "2021-05-25T11:25:16.475Z",
     "2022-01-01T00:00:00Z",
     NULL,
     NULL,
     "DC3",
     "user1@contoso.com",
     NULL,
     6 /* account, four computers, service */,
     2,
     0,
     "administrator@contoso.com",
     NULL,
     NULL},
};

static void
assert_record(const struct expected *r, struct arena *a)
{
    struct slice text = load(a, r->file);
    skip_without_data(text);
    struct alert al = mapped(r->source, line_of(text, r->line), a);
    print_message("%s line %zu\n", r->file, r->line + 1);
    assert_slice("title", al.title, r->title);
    assert_int_equal(al.severity, r->severity);
    assert_int_equal(al.status, r->status);
    assert_int_equal(al.classification, r->classification);
    assert_slice("category", al.category, r->category);
    assert_int_equal(al.detection, r->detection);
    assert_time("created", al.created, r->created);
    assert_time("first activity", al.first_activity, r->first);
    assert_time("last activity", al.last_activity, r->last);
    assert_time("updated", al.updated, r->updated);
    assert_time("resolved", al.resolved, r->resolved);
    const struct evidence *device = find(&al, EVIDENCE_DEVICE);
    assert_non_null(device);
    assert_slice("device id", device->mde_device_id, r->machine);
    assert_slice("device name", device->dns_name.n > 0 ? device->dns_name : device->host_name,
                 r->host);
    const struct evidence *user = find(&al, EVIDENCE_USER);
    assert_int_equal(user != NULL, r->user != NULL);
    if (user != NULL) {
        assert_slice("user", user->account_name.n > 0 ? user->account_name : user->upn, r->user);
        assert_slice("domain", user->domain_name, r->domain);
    }
    assert_int_equal(al.n_evidence, r->n_evidence);
    assert_int_equal(al.n_techniques, r->n_techniques);
    assert_int_equal(al.n_comments, r->n_comments);
    assert_slice("assigned to", al.assigned_to, r->assigned);
    assert_slice("incident", al.native_incident_id, r->incident);
    assert_slice("investigation state", al.investigation_state, r->state);
}

static void
test_hand_picked_records_are_mapped_as_a_person_reads_them(void **state)
{
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        struct arena *a = arena_new((size_t)64 << 20);
        assert_record(&records[i], a);
        arena_free(a);
    }
    (void)state;
}

static void
test_a_process_of_a_real_record_is_whole(void **state)
{
    struct arena *a = arena_new((size_t)64 << 20);
    struct slice text = load(a, BEATS);
    skip_without_data(text);
    struct alert al = mapped(&source_endpoint, line_of(text, 1), a);
    const struct evidence *p = find(&al, EVIDENCE_PROCESS);
    assert_non_null(p);
    assert_slice("process", p->process_id, "4104");
    assert_slice("parent", p->parent_process_id, "6012");
    assert_slice("command", p->command_line, "\"notepad.exe\"");
    assert_slice("hash", p->sha1, "b6d237154f2e528f0b503b58b025862d66b02b73");
    assert_time("start", p->process_created, "2020-06-30T09:45:38.9784654Z");
    const struct evidence *f = find(&al, EVIDENCE_FILE);
    assert_non_null(f);
    assert_slice("image", f->file_name, "notepad.exe");
    assert_slice("directory", f->file_path, "C:\\Windows\\System32");
    arena_free(a);
    (void)state;
}

static void
test_the_official_apps_alert_keeps_all_its_entities(void **state)
{
    struct arena *a = arena_new((size_t)64 << 20);
    struct slice text = load(a, APPS);
    skip_without_data(text);
    struct alert al = mapped(&source_apps, line_of(text, 0), a);
    assert_true(slice_starts(al.id, SLICE("aa")));
    assert_slice("techniques", al.techniques[0], "T1087");
    assert_slice("techniques", al.techniques[1], "T1087.002");
    assert_int_equal(count(&al, EVIDENCE_DEVICE), 4);
    const struct evidence *user = find(&al, EVIDENCE_USER);
    assert_slice("user", user->aad_user_id, "6204bdaf-ad46-4e99-a25d-374a0532c666");
    assert_slice("policy", al.policy_id, "5bfd18bfab73c36ba10d38ca");
    assert_slice("service", find(&al, EVIDENCE_CLOUD_APPLICATION)->saas_app_id, "20940");
    assert_true(slice_find(al.additional, SLICE("All Users"), 0) < al.additional.n);
    arena_free(a);
    (void)state;
}

/* Every record of those files that has the API's form; the others are rejected, not crashed on. */
static void
test_no_native_record_is_dead(void **state)
{
    static const char *const files[] = {
        DOCS,
        DEMISTO,
        BEATS,
        RAPID7,
        "defender-endpoint/SEKOIA-IO__intake-formats.jsonl",
        "defender-endpoint/elastic__integrations.jsonl",
        "defender-endpoint/microsoft__SecRL.jsonl",
        "office365-atp/SEKOIA-IO__intake-formats.jsonl",
    };
    size_t native = 0, other = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct arena *a = arena_new((size_t)256 << 20);
        struct slice rest = load(a, files[i]);
        skip_without_data(rest);
        while (rest.n > 0) {
            struct slice line = slice_split(&rest, '\n');
            struct source_ident ident;
            if (line.n == 0)
                continue;
            if (slice_find(line, SLICE("\"alertCreationTime\":"), 0) < line.n) {
                mapped(&source_endpoint, line, a);
                native++;
                continue;
            }
            struct err e = source_endpoint.ident(line, IDENTITY_OFF, a, &ident);
            other += e.kind == ERR_REJECT ? 1 : 0;
        }
        arena_free(a);
    }
    assert_int_equal(native, 8);
    assert_true(other > 10);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hand_picked_records_are_mapped_as_a_person_reads_them),
        cmocka_unit_test(test_a_process_of_a_real_record_is_whole),
        cmocka_unit_test(test_the_official_apps_alert_keeps_all_its_entities),
        cmocka_unit_test(test_no_native_record_is_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
