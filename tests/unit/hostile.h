/*
 * hostile.h: records to do harm with, and what must hold for whatever is made of them.
 *
 * Every document goes through ident() and map() and comes out as a good alert, as something to
 * ignore or as a refusal with a code, inside a limited arena.
 */
#ifndef WEIR_TESTS_HOSTILE_H
#define WEIR_TESTS_HOSTILE_H
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

static inline void
assert_text(const char *what, struct slice s, size_t most)
{
    if (s.n > most)
        fail_msg("%s has %zu bytes", what, s.n);
    if (s.n > 0 && memchr(s.p, '\0', s.n) != NULL)
        fail_msg("%s holds a NUL", what);
}

static inline void
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

static inline void
assert_refusal(struct err e)
{
    if (e.kind != ERR_REJECT || e.code == NULL || strchr(e.code, '.') == NULL || e.text[0] == '\0')
        fail_msg("kind %d, code %s, text '%s'", (int)e.kind, e.code != NULL ? e.code : "-", e.text);
}

/* A document of its own through ident() and map(). */
static inline enum fate
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

/* The record with the document as the text of its member Data. */
static inline struct slice
with_data(const char *record, struct slice data, struct arena *a)
{
    struct json_out *o = json_out_object(a);
    json_out_text(o, "Data", data);
    struct slice head = json_out_print(o, a);
    struct slice rest = slice_of(record);
    return slice_printf(a, "%.*s,%.*s", SLICE_ARG(slice_sub(head, 0, head.n - 1)),
                        SLICE_ARG(slice_sub(rest, 1, rest.n)));
}

static inline struct slice
whole(const struct good *g, struct arena *a)
{
    return g->data != NULL ? with_data(g->record, slice_of(g->data), a) : slice_of(g->record);
}

#endif
