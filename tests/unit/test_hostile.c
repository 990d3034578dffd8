/*
 * What a source can be sent by somebody who means harm, written by hand.
 *
 * Every document goes through ident() and map() and comes out as a good alert, as something to
 * ignore or as a refusal with a code, inside a limited arena.
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

extern const struct source source_apps, source_endpoint, source_identity, source_mail;

enum { ARENA_LIMIT = 64 << 20, ID_MAX_BYTES = 4096, TITLE_MAX_BYTES = 1024, MIB = 1 << 20 };

#define DIRECTORY "206e2965-6533-48a6-ba9e-794364a84bf9"
#define NOON ((int64_t)1575288000 * CLOCK_SECOND)

/* A good record of each kind. In a mail record, `data` is the document inside its text Data. */
struct good {
    const char *name;
    const struct source *source;
    const char *record, *data;
};

static const struct good goods[] = {
    {"endpoint", &source_endpoint,
     "{\"id\":\"da637111\",\"incidentId\":7,\"investigationId\":3,\"assignedTo\":\"a@x.example\","
     "\"severity\":\"High\",\"status\":\"New\",\"classification\":\"TruePositive\","
     "\"determination\":\"Malware\",\"investigationState\":\"Running\","
     "\"detectionSource\":\"WindowsDefenderAtp\",\"detectorId\":\"d-1\",\"category\":\"Execution\","
     "\"threatFamilyName\":\"Fam\",\"threatName\":\"Fam.A\",\"title\":\"Odd process\","
     "\"description\":\"Text\",\"recommendedAction\":\"Look\","
     "\"alertCreationTime\":\"2019-12-02T10:00:00Z\",\"firstEventTime\":\"2019-12-02T09:00:00Z\","
     "\"lastEventTime\":\"2019-12-02T09:30:00Z\",\"lastUpdateTime\":\"2019-12-02T10:01:00Z\","
     "\"resolvedTime\":null,\"machineId\":\"f0f0\",\"computerDnsName\":\"pc1.x.example\","
     "\"rbacGroupName\":\"G\",\"aadTenantId\":\"t\",\"mitreTechniques\":[\"T1059\",\"T1064\"],"
     "\"relatedUser\":{\"userName\":\"u1\",\"domainName\":\"X\"},\"alertUser\":\"X\\\\u2\","
     "\"loggedOnUsers\":[{\"accountName\":\"u3\",\"domainName\":\"X\"}],"
     "\"comments\":[{\"comment\":\"c\",\"createdBy\":\"b\",\"createdTime\":\"2019-12-02T10:00:"
     "00Z\"}],"
     "\"alertFiles\":[{\"sha1\":\"aa\",\"fileName\":\"f\"}],\"alertDomains\":[{\"host\":\"h."
     "example\"}],"
     "\"alertIps\":[\"192.0.2.1\",{\"id\":\"192.0.2.2\"}],"
     "\"evidence\":[{\"entityType\":\"Process\",\"evidenceCreationTime\":\"2019-12-02T09:00:00Z\","
     "\"sha1\":\"b6d237154f2e528f0b503b58b025862d66b02b73\",\"fileName\":\"p.exe\","
     "\"filePath\":\"C:\\\\\",\"processId\":12,\"processCommandLine\":\"p\",\"parentProcessId\":1,"
     "\"accountName\":\"u4\",\"detectionStatus\":\"Blocked\"},"
     "{\"entityType\":\"Registry\",\"registryKey\":\"k\",\"registryHive\":\"h\","
     "\"registryValue\":\"v\"},{\"entityType\":\"Ip\",\"ipAddress\":\"192.0.2.3\"},"
     "{\"entityType\":\"Url\",\"url\":\"http://u.example/\"},"
     "{\"entityType\":\"User\",\"userPrincipalName\":\"u5@x.example\",\"userSid\":\"S-1-5-7\"}],"
     "\"unheardOf\":{\"a\":[1,2]}}",
     NULL},
    {"apps", &source_apps,
     "{\"_id\":\"603f704aaf7417985bbf3b22\",\"contextId\":\"" DIRECTORY "\",\"title\":\"Impossible "
     "travel\",\"description\":\"seen (T1078.004)\",\"severityValue\":1,\"statusValue\":1,"
     "\"resolutionStatusValue\":0,\"is_open\":true,\"idValue\":15859716,\"intent\":[2,6],"
     "\"timestamp\":1575280000000,\"resolveTime\":\"2019-12-03T00:00:00Z\",\"comment\":\"c\","
     "\"handledByUser\":\"h@x.example\",\"URL\":\"https://x.example/\",\"stories\":[0],"
     "\"entities\":[{\"type\":\"account\",\"id\":\"6204bdaf-ad46-4e99-a25d-374a0532c666\","
     "\"inst\":0,\"label\":\"U One\",\"pa\":\"u1@x.example\",\"em\":\"u1@x.example\","
     "\"entityRole\":\"Source\"},{\"type\":\"device\",\"id\":\"d\",\"label\":\"pc1.x.example\"},"
     "{\"type\":\"ip\",\"id\":\"192.0.2.1\",\"label\":\"192.0.2.1\"},"
     "{\"type\":\"service\",\"id\":20893,\"label\":\"S\",\"inst\":1},"
     "{\"type\":\"policyRule\",\"id\":\"p\",\"label\":\"P\"},{\"type\":\"file\",\"name\":\"f\"},"
     "{\"type\":\"country\",\"id\":\"NL\"},{\"type\":\"groupTag\",\"id\":\"g\",\"label\":\"G\"}]}",
     NULL},
    {"mail policy", &source_mail,
     "{\"CreationTime\":\"2019-12-02T10:00:00\",\"Id\":\"r-1\",\"Operation\":\"AlertTriggered\","
     "\"RecordType\":40,\"AlertId\":\"A-1\",\"AlertLinks\":[{\"AlertLinkHref\":\"https://x/\"}],"
     "\"AlertType\":\"System\",\"Category\":\"ThreatManagement\",\"Comments\":\"seen\","
     "\"EntityType\":\"Recipients\",\"AlertEntityId\":\"a@x.example;b@x.example\","
     "\"Name\":\"Phish delivered\",\"PolicyId\":\"p-1\",\"Severity\":\"High\","
     "\"Source\":\"Office 365 Security & Compliance\",\"Status\":\"Active\"}",
     "{\"ts\":\"2019-12-02T09:00:00Z\",\"te\":\"2019-12-02T09:01:00Z\",\"f3u\":\"u@x.example\","
     "\"an\":\"n\",\"ad\":\"d -V1.0.0.5\",\"sev\":\"Low\",\"trc\":\"a@x.example\","
     "\"tsd\":\"s@y.example\",\"aii\":\"d6c7276b-3a65-43c7-9e25-525f7e289543\",\"imsgid\":\"<m@y>"
     "\","
     "\"ms\":\"Hi\",\"sip\":\"192.0.2.9\",\"zu\":\"http://u.example/\",\"zfn\":\"f.doc\","
     "\"zfh\":\"b6d237154f2e528f0b503b58b025862d66b02b73\",\"thn\":\"Fam\",\"dn\":\"pc1\","
     "\"ofph\":\"C:\\\\a\\\\b.txt\",\"ecip\":\"192.0.2.8\",\"etype\":\"MaliciousUrl\","
     "\"eid\":\"http://v.example/\"}"},
    {"mail investigation", &source_mail,
     "{\"CreationTime\":\"2019-12-02T11:00:00\",\"Id\":\"r-2\",\"Operation\":"
     "\"AirInvestigationData\",\"RecordType\":64,\"InvestigationId\":\"urn:Z:1\","
     "\"InvestigationName\":\"Mail zapped\",\"InvestigationType\":\"Z\",\"Status\":\"Remediated\","
     "\"LastUpdateTimeUtc\":\"2019-12-02T11:00:00\",\"DeepLinkUrl\":\"https://x/\","
     "\"Actions\":[\"{\\\"Entities\\\":[{\\\"Type\\\":\\\"ip\\\","
     "\\\"Address\\\":\\\"192.0.2.5\\\"}]}\"]}",
     "{\"ProviderAlertId\":\"A-1\",\"AlertType\":\"t\",\"StartTimeUtc\":\"2019-12-02T09:00:00Z\","
     "\"EndTimeUtc\":\"0001-01-01T00:00:00\",\"TimeGenerated\":\"2019-12-02T09:05:00Z\","
     "\"Status\":\"InProgress\",\"Severity\":\"Medium\",\"Intent\":\"Probing\","
     "\"AlertDisplayName\":\"Mail zapped\",\"Description\":\"d\",\"Category\":\"ThreatManagement\","
     "\"ExtendedLinks\":[{\"Href\":\"https://y/\"}],"
     "\"Entities\":[{\"$id\":\"1\",\"Type\":\"mailMessage\",\"Recipient\":\"a@x.example\","
     "\"Sender\":\"s@y.example\",\"SenderIP\":\"192.0.2.4\",\"Urls\":[\"http://u.example/\"],"
     "\"Threats\":[\"Phish\"],\"NetworkMessageId\":\"d6c7276b-3a65-43c7-9e25-525f7e289543\","
     "\"ReceivedDate\":\"2019-12-02T08:00:00\",\"Subject\":\"Hi\",\"Files\":[{\"$ref\":\"2\"}]},"
     "{\"$id\":\"2\",\"Type\":\"file\",\"Name\":\"f\",\"FileHashes\":[{\"Algorithm\":\"SHA1\","
     "\"Value\":\"B6D237154F2E528F0B503B58B025862D66B02B73\"}],\"MalwareFamily\":\"Fam\"},"
     "{\"Type\":\"mailCluster\",\"MailCount\":3,\"NetworkMessageIds\":[\"x\"],\"Query\":\"q\"},"
     "{\"Type\":\"mailbox\",\"MailboxPrimaryAddress\":\"a@x.example\",\"Upn\":\"a@x.example\"},"
     "{\"Type\":\"url\",\"Url\":\"http://u.example/\"},{\"$ref\":\"1\"},"
     "{\"Type\":\"process\",\"ProcessId\":\"4\",\"Account\":{\"Name\":\"n\",\"UPNSuffix\":\"x\"},"
     "\"ImageFile\":{\"$ref\":\"2\"},\"ParentProcess\":{\"ProcessId\":\"1\"}},"
     "{\"Type\":\"host\",\"HostName\":\"pc1\",\"DnsDomain\":\"x.example\"},"
     "{\"Type\":\"registry-value\",\"Key\":{\"Hive\":\"h\",\"Key\":\"k\"},\"Name\":\"n\"},"
     "{\"Type\":\"malware\",\"Name\":\"Fam\"},{\"Type\":\"security-group\",\"SID\":\"S-1\"}]}"},
    {"mail message", &source_mail,
     "{\"CreationTime\":\"2019-12-02T10:00:00\",\"Id\":\"r-3\",\"Operation\":\"TIMailData\","
     "\"RecordType\":28,\"MessageTime\":\"2019-12-02T09:00:00\",\"Verdict\":\"Malware\","
     "\"NetworkMessageId\":\"d6c7276b-3a65-43c7-9e25-525f7e289543\",\"P1Sender\":\"s@y.example\","
     "\"P2Sender\":\"s@y.example\",\"SenderIp\":\"192.0.2.4\",\"Subject\":\"Hi\","
     "\"DeliveryAction\":\"Blocked\",\"EventDeepLink\":\"https://x/\","
     "\"Recipients\":[\"a@x.example\"],\"AttachmentData\":[{\"FileName\":\"f\",\"SHA256\":\"aa\","
     "\"MalwareFamily\":\"Fam\"}]}",
     NULL},
    {"mail click", &source_mail,
     "{\"CreationTime\":\"2019-12-02T10:00:00\",\"Id\":\"r-4\",\"Operation\":\"TIUrlClickData\","
     "\"RecordType\":41,\"TimeOfClick\":\"2019-12-02T09:00:00\",\"Url\":\"http://u.example/\","
     "\"URLClickAction\":4,\"UserId\":\"a@x.example\",\"UserIp\":\"192.0.2.3\","
     "\"SourceId\":\"d6c7276b-3a65-43c7-9e25-525f7e289543\"}",
     NULL},
    {"mail file", &source_mail,
     "{\"CreationTime\":\"2019-12-02T10:00:00\",\"Id\":\"r-5\",\"Operation\":\"AtpDetection\","
     "\"RecordType\":47,\"DetectionDate\":\"2019-12-02T09:00:00\",\"LastModifiedBy\":"
     "\"a@x.example\",\"SourceWorkload\":1,\"FileData\":{\"FileName\":\"f\",\"FilePath\":\"p\","
     "\"FileSize\":\"7\",\"SHA256\":\"aa\",\"MalwareFamily\":\"Fam\"}}",
     NULL},
};
enum { GOODS = sizeof goods / sizeof *goods };

#define LINE_HEAD                                                                                  \
    "1 2019-12-02T10:00:00.000001+00:00 DC1 CEF 1 X CEF:0|Microsoft|Azure ATP|2.1|"                \
    "DnsReconnaissanceSecurityAlert|Reconnaissance using DNS|5|"
#define LINE_URL                                                                                   \
    "cs1Label=url cs1=https\\://w.atp.azure.com/securityAlert/"                                    \
    "6f69e1e7-304a-4054-8edf-33f26c1f004c "

/* ---- what must hold for any document */

enum fate { ALERT, IGNORED, REFUSED };

static void
assert_text(const char *what, struct slice s, size_t most)
{
    if (s.n > most)
        fail_msg("%s has %zu bytes", what, s.n);
    if (s.n > 0 && memchr(s.p, '\0', s.n) != NULL)
        fail_msg("%s holds a NUL", what);
}

static void
assert_good(const struct alert *al, struct arena *a)
{
    struct json doc;
    assert_true(al->id.n > 0 && al->native_id.n > 0 && al->title.n > 0 && al->category.n > 0);
    assert_true(al->detector.n > 0);
    assert_text("title", al->title, TITLE_MAX_BYTES);
    assert_text("id", al->id, ID_MAX_BYTES);
    assert_text("detector", al->detector, ID_MAX_BYTES);
    assert_true(al->created != CLOCK_NONE && al->updated != CLOCK_NONE);
    assert_true(al->first_activity != CLOCK_NONE && al->last_activity != CLOCK_NONE);
    assert_true(al->version != CLOCK_NONE);
    assert_true(al->n_evidence <= ALERT_EVIDENCE_MAX);
    assert_true(al->n_techniques <= ALERT_TECHNIQUES_MAX);
    struct slice text = alert_json(al, a);
    if (text.p == NULL)
        fail_msg("no room for its JSON");
    struct err e = json_parse(text, a, &doc);
    if (e.kind)
        fail_msg("its JSON: %s %s", e.code, e.text);
    assert_int_equal(json_count(json_get(doc, "evidence")), al->n_evidence);
    if (json_type(json_get(doc, "id")) != JSON_TEXT)
        fail_msg("no id in its JSON");
}

static void
assert_refusal(struct err e)
{
    if (e.kind != ERR_REJECT || e.code == NULL || strchr(e.code, '.') == NULL || e.text[0] == '\0')
        fail_msg("kind %d, code %s, text '%s'", (int)e.kind, e.code != NULL ? e.code : "-", e.text);
}

/* A document of its own through ident() and map(). */
static enum fate
take(const struct source *s, struct slice payload)
{
    enum fate fate = REFUSED;
    struct arena *a = arena_new(ARENA_LIMIT);
    struct source_ident id = {.fate = FATE_ALERT};
    const struct source_document doc = {.payload = payload, .received = NOON};
    enum identity_channel channel = s->listens ? IDENTITY_SYSLOG : IDENTITY_APPS;
    struct alert *al = arena_alloc(a, sizeof *al);
    assert_non_null(al);
    struct err e = s->ident(payload, channel, a, &id);
    if (e.kind == ERR_NONE && id.fate == FATE_IGNORE) {
        assert_non_null(id.reason);
        fate = IGNORED;
    } else if (e.kind == ERR_NONE) {
        assert_true(id.native_id.n > 0);
        e = s->map(&doc, 1, SLICE(DIRECTORY), a, al);
    }
    if (e.kind) {
        assert_refusal(e);
    } else if (fate != IGNORED) {
        assert_good(al, a);
        fate = ALERT;
    }
    assert_true(arena_used(a) <= ARENA_LIMIT);
    arena_free(a);
    return fate;
}

/* ---- a record with one value exchanged */

static const char *const other_values[] = {
    "null",
    "true",
    "0",
    "-1",
    "3",
    "9223372036854775807",
    "18446744073709551615",
    "1e300",
    "0.5",
    "\"\"",
    "\" \"",
    "\"null\"",
    "\"0\"",
    "\"40\"",
    "\"-9223372036854775808\"",
    "\"\\u0000\"",
    "\"a\\u0000b\"",
    "\"\\u200b\"",
    "\"x@y\"",
    "\"\\\\\"",
    "\"%s%n|=]\"",
    "[]",
    "{}",
    "[null]",
    "[[[]]]",
    "[1,\"a\",{}]",
    "{\"a\":{\"b\":null}}",
    "[{\"$ref\":\"1\",\"$id\":\"1\"}]",
    "\"0000-00-00T00:00:00Z\"",
    "\"0001-01-01T00:00:00\"",
    "\"9999-12-31T23:59:59.9999999Z\"",
    "\"2019-13-45T99:99:99Z\"",
    "\"1969-12-31T23:59:59Z\"",
    "\"99999999-01-01T00:00:00Z\"",
    "\"10/31/2024 1:31:54 PM\"",
};
enum { OTHERS = sizeof other_values / sizeof *other_values };

struct writer {
    FILE *out;
    size_t at, target; /* values are counted as they are written */
    const char *other; /* stands for the value of that number */
    struct arena *a;
};

/* The document has the depth of the records above. */
static void
write_value(struct writer *w, struct json v)
{
    enum json_type t = json_type(v);
    if (w->at++ == w->target && w->other != NULL) {
        (void)fputs(w->other, w->out);
        return;
    }
    if (t != JSON_ARRAY && t != JSON_OBJECT) {
        struct slice text = json_minify(v, w->a);
        (void)fwrite(text.p, 1, text.n, w->out);
        return;
    }
    struct slice name;
    struct json item;
    bool first = true;
    (void)fputc(t == JSON_ARRAY ? '[' : '{', w->out);
    for (struct json_iter it = json_items(v); json_next(&it, &name, &item); first = false) {
        (void)fputs(first ? "" : ",", w->out);
        if (t == JSON_OBJECT)
            (void)fprintf(w->out, "\"%.*s\":", SLICE_ARG(name));
        write_value(w, item);
    }
    (void)fputc(t == JSON_ARRAY ? ']' : '}', w->out);
}

/* The text with value number `target` exchanged; *n becomes how many values there are. */
static struct slice
exchanged(const char *text, size_t target, const char *other, struct arena *a, size_t *n)
{
    char *out = NULL;
    size_t bytes = 0;
    struct json doc;
    struct writer w = {.target = target, .other = other, .a = a};
    assert_int_equal(json_parse(slice_of(text), a, &doc).kind, ERR_NONE);
    w.out = open_memstream(&out, &bytes);
    assert_non_null(w.out);
    write_value(&w, doc);
    assert_int_equal(fclose(w.out), 0);
    struct slice copy = slice_dup(a, (struct slice){out, bytes});
    free(out);
    if (n != NULL)
        *n = w.at;
    return copy;
}

/* The record with the document as the text of its member Data. */
static struct slice
with_data(const char *record, struct slice data, struct arena *a)
{
    struct json_out *o = json_out_object(a);
    json_out_text(o, "Data", data);
    struct slice head = json_out_print(o, a);
    struct slice rest = slice_of(record);
    return slice_printf(a, "%.*s,%.*s", SLICE_ARG(slice_sub(head, 0, head.n - 1)),
                        SLICE_ARG(slice_sub(rest, 1, rest.n)));
}

static struct slice
whole(const struct good *g, struct arena *a)
{
    return g->data != NULL ? with_data(g->record, slice_of(g->data), a) : slice_of(g->record);
}

static void
test_the_records_are_good_ones(void **state)
{
    for (size_t i = 0; i < GOODS; i++) {
        struct arena *a = arena_new(ARENA_LIMIT);
        print_message("%s\n", goods[i].name);
        assert_int_equal(take(goods[i].source, whole(&goods[i], a)), ALERT);
        arena_free(a);
    }
    assert_int_equal(
        take(&source_identity, SLICE(LINE_HEAD "shost=PC1 suser=u externalId=2007 " LINE_URL)),
        ALERT);
    (void)state;
}

/* Each value of a record by each value of another kind; counts what became of it. */
static void
exchange_all(const struct good *g, bool inside, size_t counts[3])
{
    struct arena *a = arena_new(ARENA_LIMIT);
    const char *text = inside ? g->data : g->record;
    size_t values = 0;
    (void)exchanged(text, 0, NULL, a, &values);
    for (size_t target = 0; target < values; target++)
        for (size_t k = 0; k < OTHERS; k++) {
            arena_reset(a);
            struct slice s = exchanged(text, target, other_values[k], a, NULL);
            if (inside)
                s = with_data(g->record, s, a);
            else if (g->data != NULL && s.p[0] == '{' && s.n > 2)
                s = with_data(slice_cstr(a, s), slice_of(g->data), a);
            counts[take(g->source, s)]++;
        }
    arena_free(a);
}

static void
test_any_value_may_be_of_any_kind(void **state)
{
    for (size_t i = 0; i < GOODS; i++) {
        size_t counts[3] = {0, 0, 0};
        exchange_all(&goods[i], false, counts);
        if (goods[i].data != NULL)
            exchange_all(&goods[i], true, counts);
        print_message("%s: %zu alerts, %zu ignored, %zu refused\n", goods[i].name, counts[ALERT],
                      counts[IGNORED], counts[REFUSED]);
        /* the document, its Data, and what names the record, its kind and its alert: no more */
        assert_true(counts[IGNORED] + counts[REFUSED] <= 5 * OTHERS);
    }
    (void)state;
}

static void
test_null_everywhere_is_refused(void **state)
{
    for (size_t i = 0; i < GOODS; i++) {
        struct arena *a = arena_new(ARENA_LIMIT);
        struct json doc;
        struct slice name;
        struct json v;
        char *out = NULL;
        size_t bytes = 0;
        FILE *f = open_memstream(&out, &bytes);
        assert_int_equal(json_parse(slice_of(goods[i].record), a, &doc).kind, ERR_NONE);
        for (struct json_iter it = json_items(doc); json_next(&it, &name, &v);)
            (void)fprintf(f, "%c\"%.*s\":null", ftell(f) == 0 ? '{' : ',', SLICE_ARG(name));
        (void)fputc('}', f);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(take(goods[i].source, (struct slice){out, bytes}), REFUSED);
        free(out);
        arena_free(a);
    }
    (void)state;
}

/* ---- what is no record at all */

static void
test_what_is_no_record_is_refused(void **state)
{
    static const struct slice texts[] = {
        {"", 0},
        {"\0", 1},
        {"null", 4},
        {"0", 1},
        {"\"a\"", 3},
        {"[]", 2},
        {"{}", 2},
        {"[{}]", 4},
        {"{", 1},
        {"{\"id\":", 6},
        {"{\"id\":\"\xff\"}", 10},
        {"{\"id\":\"\xc0\x80\"}", 11},
        {"{\"id\":\"\xed\xa0\x80\"}", 12},
        {"{\"id\":\"a\nb\"}", 12},
        {"{\"id\":\"a\0b\"}", 12},
        {"{\"id\":\"a\"}{}", 12},
        {"\xef\xbb\xbf", 3},
        {"<html></html>", 13},
        {"{\"_id\":NaN}", 11},
        {"{\"RecordType\":40}", 17},
        {"{\"RecordType\":40,\"Id\":\"a\\u0000\"}", 33},
        {"{\"RecordType\":40,\"Id\":\"a\"}", 27},
    };
    static const struct source *const all[] = {&source_endpoint, &source_mail, &source_apps,
                                               &source_identity};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
            enum fate fate = take(all[k], texts[i]);
            /* the one that has an id is an alert of the endpoint, if a poor one */
            assert_true(fate == REFUSED);
        }
    (void)state;
}

/* ---- deep, long, many */

static struct slice
repeated(const char *text, size_t n, struct arena *a)
{
    size_t len = strlen(text);
    char *p = arena_alloc(a, n * len + 1);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        memcpy(p + i * len, text, len);
    return (struct slice){p, n * len};
}

/* The good record with one more member in front, which being first is the one that counts. */
static struct slice
with_member(const struct good *g, const char *name, struct slice value, struct arena *a)
{
    struct slice all = whole(g, a);
    size_t n = all.n + value.n + strlen(name) + 8;
    char *p = arena_alloc(a, n);
    assert_non_null(p);
    int head = snprintf(p, n, "{\"%s\":", name);
    memcpy(p + head, value.p, value.n);
    p[(size_t)head + value.n] = ',';
    memcpy(p + (size_t)head + value.n + 1, all.p + 1, all.n - 1);
    return (struct slice){p, (size_t)head + value.n + all.n};
}

static void
test_depth_is_bounded(void **state)
{
    static const size_t depths[] = {10, 60, 63, 64, 65, 100, 120, 130, 1000, 100000};
    for (size_t i = 0; i < GOODS; i++)
        for (size_t k = 0; k < sizeof depths / sizeof *depths; k++) {
            struct arena *a = arena_new(ARENA_LIMIT);
            struct slice nest =
                slice_join(a, repeated("[", depths[k], a), repeated("]", depths[k], a));
            struct slice objects =
                slice_join(a, slice_join(a, repeated("{\"a\":", depths[k], a), SLICE("1")),
                           repeated("}", depths[k], a));
            enum fate x = take(goods[i].source, with_member(&goods[i], "more", nest, a));
            enum fate y = take(goods[i].source, with_member(&goods[i], "more", objects, a));
            assert_int_equal(x, depths[k] < JSON_DEPTH_MAX ? ALERT : REFUSED);
            assert_int_equal(y, depths[k] < JSON_DEPTH_MAX ? ALERT : REFUSED);
            if (goods[i].data != NULL) /* inside Data it costs Data, not more */
                (void)take(goods[i].source, with_data(goods[i].record, nest, a));
            arena_free(a);
        }
    (void)state;
}

static void
test_strings_of_a_mebibyte_are_cut(void **state)
{
    static const struct {
        size_t good;
        const char *member;
    } rows[] = {
        {0, "title"},         {0, "description"},   {0, "machineId"},
        {0, "alertUser"},     {0, "category"},      {0, "unheardOf"},
        {1, "title"},         {1, "handledByUser"}, {1, "comment"},
        {2, "AlertEntityId"}, {2, "Comments"},      {2, "Name"},
        {4, "Verdict"},       {4, "Subject"},       {3, "InvestigationName"},
        {5, "Url"},           {5, "UserId"},        {6, "LastModifiedBy"},
    };
    static const char *const fill[] = {"A", "\\u0000", "\xe2\x82\xac", "a@b;", "http://h/", "\\\\"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = i % 2; k < sizeof fill / sizeof *fill; k += 2) {
            const struct good *g = &goods[rows[i].good];
            struct arena *a = arena_new(ARENA_LIMIT);
            struct slice body = repeated(fill[k], (size_t)MIB / strlen(fill[k]), a);
            struct slice text = slice_join(a, slice_join(a, SLICE("\""), body), SLICE("\""));
            assert_int_equal(take(g->source, with_member(g, rows[i].member, text, a)), ALERT);
            arena_free(a);
        }
    (void)state;
}

static void
test_an_id_of_a_mebibyte_makes_no_key_of_that_size(void **state)
{
    static const char *const members[] = {"id", "_id", "Id", "AlertId"};
    for (size_t i = 0; i < GOODS; i++)
        for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
            struct arena *a = arena_new(ARENA_LIMIT);
            struct slice text =
                slice_join(a, slice_join(a, SLICE("\""), repeated("A", MIB, a)), SLICE("\""));
            (void)take(goods[i].source, with_member(&goods[i], members[m], text, a));
            arena_free(a);
        }
    (void)state;
}

/* Value by its number: "%zu" in the item's text. */
static struct slice
list_of(const char *item, size_t n, struct arena *a)
{
    char *out = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&out, &bytes);
    assert_non_null(f);
    (void)fputc('[', f);
    for (size_t i = 0; i < n; i++) {
        const char *mark = strchr(item, '#');
        (void)fprintf(f, "%s%.*s%zu%s", i > 0 ? "," : "", (int)(mark - item), item, i, mark + 1);
    }
    (void)fputc(']', f);
    assert_int_equal(fclose(f), 0);
    struct slice copy = slice_dup(a, (struct slice){out, bytes});
    free(out);
    return copy;
}

static void
test_five_thousand_items_are_cut_to_the_limit(void **state)
{
    static const struct {
        size_t good;
        const char *member, *item;
    } rows[] = {
        {0, "evidence", "{\"entityType\":\"File\",\"fileName\":\"f#\",\"sha1\":\"x\"}"},
        {0, "evidence", "{\"entityType\":\"Process\",\"processId\":#}"},
        {0, "alertIps", "\"10.0.0.#\""},
        {0, "loggedOnUsers", "{\"accountName\":\"u#\"}"},
        {0, "mitreTechniques", "\"T#\""},
        {0, "comments", "{\"comment\":\"c#\"}"},
        {1, "entities", "{\"type\":\"account\",\"pa\":\"u#@x.example\",\"em\":\"u#@x\"}"},
        {1, "entities", "{\"type\":\"groupTag\",\"id\":\"u#\"}"},
        {1, "intent", "#"},
        {2, "AlertLinks", "{\"AlertLinkHref\":\"\",\"n\":#}"},
        {3, "Actions",
         "\"{\\\"Entities\\\":[{\\\"Type\\\":\\\"url\\\",\\\"Url\\\":\\\"http://h/#\\\"}]}\""},
        {4, "Recipients", "\"u#@x.example\""},
        {4, "AttachmentData", "{\"FileName\":\"f#\",\"MalwareFamily\":\"F\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena *a = arena_new(ARENA_LIMIT);
        const struct good *g = &goods[rows[i].good];
        struct slice s = with_member(g, rows[i].member, list_of(rows[i].item, 5000, a), a);
        print_message("%s\n", rows[i].member);
        assert_int_equal(take(g->source, s), ALERT);
        arena_free(a);
    }
    struct arena *a = arena_new(ARENA_LIMIT);
    struct slice list = list_of("{\"$id\":\"1\",\"Type\":\"url\",\"Url\":\"http://h/#\"}", 5000, a);
    struct slice data = slice_printf(a,
                                     "{\"ProviderAlertId\":\"A-1\",\"AlertDisplayName\":\"n\","
                                     "\"Entities\":%.*s}",
                                     SLICE_ARG(list));
    assert_int_equal(take(&source_mail, with_data(goods[3].record, data, a)), ALERT);
    arena_free(a);
    (void)state;
}

static void
test_of_a_member_that_stands_twice_the_first_counts(void **state)
{
    static const char *const members[] = {"title",   "title", "Name",          "InvestigationName",
                                          "Verdict", "Url",   "LastModifiedBy"};
    for (size_t i = 0; i < GOODS; i++) {
        struct arena *a = arena_new(ARENA_LIMIT);
        struct slice s = with_member(&goods[i], members[i], SLICE("\"Other\""), a);
        assert_int_equal(take(goods[i].source, with_member(&goods[i], members[i], SLICE("1"), a)),
                         ALERT);
        assert_int_equal(take(goods[i].source, s), ALERT);
        struct alert al;
        const struct source_document doc = {s, NOON};
        assert_int_equal(goods[i].source->map(&doc, 1, SLICE(DIRECTORY), a, &al).kind, ERR_NONE);
        bool titled = i < 3;
        assert_true(!titled || slice_eq(al.title, SLICE("Other")));
        arena_free(a);
    }
    (void)state;
}

static void
test_references_that_go_in_circles_end(void **state)
{
    static const char *const texts[] = {
        "{\"ProviderAlertId\":\"A\",\"AlertDisplayName\":\"n\",\"Entities\":{\"$ref\":\"1\"},"
        "\"$id\":\"1\"}",
        "{\"ProviderAlertId\":\"A\",\"AlertDisplayName\":\"n\",\"Entities\":[{\"$id\":\"1\","
        "\"$ref\":\"1\"},{\"$ref\":\"2\"},{\"$id\":\"2\",\"$ref\":\"1\",\"Type\":\"ip\"}]}",
        "{\"ProviderAlertId\":\"A\",\"AlertDisplayName\":\"n\",\"Entities\":[{\"$id\":\"1\","
        "\"Type\":\"mailMessage\",\"Files\":[{\"$ref\":\"1\"}]},{\"$id\":\"2\",\"Type\":"
        "\"process\","
        "\"ParentProcess\":{\"$ref\":\"2\"},\"ImageFile\":{\"$ref\":\"2\"}}]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct arena *a = arena_new(ARENA_LIMIT);
        struct slice s = with_data(goods[3].record, slice_of(texts[i]), a);
        assert_int_equal(take(&source_mail, s), ALERT);
        arena_free(a);
    }
    (void)state;
}

/* ---- lines */

static void
test_lines_of_any_kind_end_well(void **state)
{
    const struct {
        struct slice line;
        enum fate fate;
    } rows[] = {
        {SLICE(LINE_HEAD LINE_URL), ALERT},
        {SLICE(LINE_HEAD), ALERT},
        {SLICE(LINE_HEAD "cs1=" LINE_URL LINE_URL), ALERT},
        {SLICE(LINE_HEAD "shost=a\0b suser=\0 " LINE_URL), ALERT},
        {SLICE(LINE_HEAD "shost=\xff\xfe suser=\xed\xa0\x80 " LINE_URL), ALERT},
        {SLICE(LINE_HEAD "shost=. dhost=... suser=\\ duser=@ src=::: " LINE_URL), ALERT},
        {SLICE(LINE_HEAD "suser=\\\\\\\\ duser=a\\ " LINE_URL), ALERT},
        {SLICE(LINE_HEAD "start=99999-99-99T99:99:99Z " LINE_URL), ALERT},
        {SLICE(LINE_HEAD "start=0001-01-01T00:00:00Z " LINE_URL), ALERT},
        {SLICE(LINE_HEAD "externalId=99999999999999999999999 " LINE_URL), ALERT},
        {SLICE(LINE_HEAD "cs3Label=cs3Label cs3=cs3Label cs2Label=cs2 cs2= " LINE_URL), ALERT},
        {SLICE("|Microsoft|Azure ATP|1|XSecurityAlert|T|5|start=2019-12-02T10:00:00Z"), ALERT},
        {SLICE("|Microsoft|Azure ATP|1|XSecurityAlert|T|5|msg=no time"), REFUSED},
        {SLICE("|Microsoft|Azure ATP|1|||5|start=2019-12-02T10:00:00Z"), REFUSED},
        {SLICE("|Microsoft|Azure ATP"), REFUSED},
        {SLICE("CEF:0||||||"), REFUSED},
        {SLICE("CEF:0|Other|P|1|EVENT_X|n|3|"), IGNORED},
        {SLICE("TTTTTTTTTTTTTTTTTTTTTTTTTTTT"), REFUSED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("row %zu\n", i);
        assert_int_equal(take(&source_identity, rows[i].line), rows[i].fate);
    }
    (void)state;
}

static void
test_long_lines_end_well(void **state)
{
    static const char *const fill[] = {"a",  "T",        " cs1=", "|",
                                       "\\", " shost=x", "\\=",   "2019-12-02T"};
    for (size_t k = 0; k < sizeof fill / sizeof *fill; k++) {
        struct arena *a = arena_new(ARENA_LIMIT);
        struct slice head = SLICE(LINE_HEAD LINE_URL "msg=");
        struct slice most = repeated(fill[k], 200000 / strlen(fill[k]), a);
        struct slice more = repeated(fill[k], MIB / strlen(fill[k]), a);
        assert_int_equal(take(&source_identity, slice_join(a, head, most)), ALERT);
        assert_int_equal(take(&source_identity, slice_join(a, head, more)), REFUSED);
        (void)take(&source_identity, slice_join(a, most, head));
        arena_free(a);
    }
    (void)state;
}

/* ---- memory */

/*
 * With less memory than it needs a document is put off or refused; an alert that lacks a part of
 * itself is never the answer.
 */
static void
assert_whole_or_nothing(const struct source *s, struct slice payload, size_t step)
{
    struct arena *large = arena_new(ARENA_LIMIT), *text = arena_new(ARENA_LIMIT);
    struct alert want, got;
    const struct source_document doc = {.payload = payload, .received = NOON};
    assert_int_equal(s->map(&doc, 1, SLICE(DIRECTORY), large, &want).kind, ERR_NONE);
    size_t need = arena_used(large), good = 0;
    struct slice expected = alert_json(&want, text);
    for (size_t limit = 0; limit <= need + step; limit += step) {
        struct arena *small = arena_new(limit);
        struct err e = s->map(&doc, 1, SLICE(DIRECTORY), small, &got);
        if (e.kind == ERR_NONE) {
            struct slice is = alert_json(&got, text);
            if (!slice_eq(is, expected))
                fail_msg("with %zu of %zu bytes: %.*s", limit, need, SLICE_ARG(is));
            good++;
        } else {
            assert_int_equal(e.kind, ERR_RETRY);
            assert_non_null(e.code);
        }
        arena_free(small);
    }
    assert_true(good > 0);
    arena_free(text);
    arena_free(large);
}

static void
test_with_too_little_memory_no_alert_loses_a_part(void **state)
{
    for (size_t i = 0; i < GOODS; i++) {
        struct arena *a = arena_new(ARENA_LIMIT);
        print_message("%s\n", goods[i].name);
        assert_whole_or_nothing(goods[i].source, whole(&goods[i], a), 16);
        arena_free(a);
    }
    assert_whole_or_nothing(&source_identity,
                            SLICE(LINE_HEAD "shost=PC1 shostfqdn=pc1.x.example suser=u@x.example "
                                            "src=192.0.2.1 externalId=2007 " LINE_URL),
                            16);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_records_are_good_ones),
        cmocka_unit_test(test_any_value_may_be_of_any_kind),
        cmocka_unit_test(test_null_everywhere_is_refused),
        cmocka_unit_test(test_what_is_no_record_is_refused),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_strings_of_a_mebibyte_are_cut),
        cmocka_unit_test(test_an_id_of_a_mebibyte_makes_no_key_of_that_size),
        cmocka_unit_test(test_five_thousand_items_are_cut_to_the_limit),
        cmocka_unit_test(test_of_a_member_that_stands_twice_the_first_counts),
        cmocka_unit_test(test_references_that_go_in_circles_end),
        cmocka_unit_test(test_lines_of_any_kind_end_well),
        cmocka_unit_test(test_long_lines_end_well),
        cmocka_unit_test(test_with_too_little_memory_no_alert_loses_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
