/* Alerts of Defender ATP made up for a scenario. Ref: sources.md 2.5 to 2.8. */
#include <stdio.h>
#include <string.h>

#include "tests/simulator/edit.h"
#include "tests/simulator/sim.h"
#include "tests/simulator/template.h"

enum { VERSIONS_MOST = 32, EVIDENCE_MOST = 5 };

#define TICKS_1970 INT64_C(621355968000000000)

/* What stays the same over the versions of one alert. */
struct subject {
    struct slice id, title, description, machine, dns, user, sid, aad, sha1, sha256, ip, url;
    const char *category, *severity, *detector;
    int64_t born;
    int64_t incident;
};

static const char *const titles[] = {"Suspicious PowerShell command line",
                                     "Credential dumping tool",
                                     "Malware was detected",
                                     "Connection to a custom network indicator",
                                     "Unexpected behavior of a process run with no "
                                     "command line arguments",
                                     "Suspicious 'Meterpreter' behavior was detected",
                                     "Anomaly \"detected\" in \\ASEP registry",
                                     "Verd\xc3\xa4"
                                     "chtige Anmeldung \xe2\x80\x93 Stufe 2"};

static void
subject_make(struct generator *g, int64_t born, struct subject *s)
{
    static const char *const categories[] = {"Execution",         "Malware", "CredentialAccess",
                                             "LateralMovement",   "null",    "SuspiciousActivity",
                                             "CommandAndControl", "Delivery"};
    static const char *const severities[] = {"Informational", "Low", "Medium", "High",
                                             "UnSpecified"};
    static const char *const detectors[] = {"WindowsDefenderAtp", "WindowsDefenderAv", "CustomerTI",
                                            "OfficeATP", "ThirdPartySensors"};
    struct dice *d = &g->dice;
    struct arena *a = g->arena;
    unsigned person = (unsigned)dice_below(d, 20);
    s->born = born;
    s->id = slice_printf(a, "da%lld_%d", (long long)(born + TICKS_1970), (int32_t)dice_next(d));
    s->title = slice_of(DICE_PICK(d, titles));
    s->description = generator_big(g, SLICE("Something was seen.\r\nLook at it.\n"));
    s->machine = dice_hex(d, 40, a);
    s->dns =
        slice_printf(a, "pc%u.%.*s", (unsigned)dice_below(d, 50), SLICE_ARG(g->tenant->domain));
    s->user = slice_printf(a, "user%u", person);
    s->sid = slice_printf(a, "S-1-5-21-1000-2000-3000-%u", 1100 + person);
    s->aad = slice_printf(a, "6204bdaf-0000-4000-8000-%012u", person);
    s->sha1 = dice_hex(d, 40, a);
    s->sha256 = dice_hex(d, 64, a);
    s->ip = slice_printf(a, "203.0.113.%u", 1 + (unsigned)dice_below(d, 254));
    s->url = slice_printf(a, "http://evil%u.example/payload", (unsigned)dice_below(d, 30));
    s->category = DICE_PICK(d, categories);
    s->severity = DICE_PICK(d, severities);
    s->detector = DICE_PICK(d, detectors);
    s->incident = dice_between(d, 1, 10000);
}

/* ---- evidence: every key always there */

static const char *const evidence_keys[] = {"evidenceCreationTime",
                                            "sha1",
                                            "sha256",
                                            "fileName",
                                            "filePath",
                                            "processId",
                                            "processCommandLine",
                                            "processCreationTime",
                                            "parentProcessId",
                                            "parentProcessCreationTime",
                                            "parentProcessFileName",
                                            "parentProcessFilePath",
                                            "ipAddress",
                                            "url",
                                            "registryKey",
                                            "registryHive",
                                            "registryValueType",
                                            "registryValue",
                                            "accountName",
                                            "domainName",
                                            "userSid",
                                            "aadUserId",
                                            "userPrincipalName",
                                            "detectionStatus"};

static struct json_out *
evidence_new(const char *type, int64_t at, struct arena *a)
{
    struct json_out *o = json_out_object(a);
    json_out_text(o, "entityType", slice_of(type));
    for (size_t i = 0; i < sizeof(evidence_keys) / sizeof(evidence_keys[0]); i++)
        json_out_null(o, evidence_keys[i]);
    struct clock_text t = clock_format(template_sql_time(at));
    json_out_text(o, "evidenceCreationTime", slice_of(t.s));
    return o;
}

static struct json_out *
evidence_user(const struct generator *g, const struct subject *s, int64_t at)
{
    struct json_out *o = evidence_new("User", at, g->arena);
    json_out_text(o, "accountName", s->user);
    json_out_text(o, "domainName", SLICE("CORP"));
    json_out_text(o, "userSid", s->sid);
    json_out_text(o, "aadUserId", s->aad);
    json_out_text(
        o, "userPrincipalName",
        slice_printf(g->arena, "%.*s@%.*s", SLICE_ARG(s->user), SLICE_ARG(g->tenant->domain)));
    return o;
}

static struct json_out *
evidence_file(const struct generator *g, const struct subject *s, int64_t at, bool process)
{
    struct json_out *o = evidence_new(process ? "Process" : "File", at, g->arena);
    struct clock_text t = clock_format(s->born - CLOCK_SECOND);
    json_out_text(o, "sha1", s->sha1);
    if (s->sha1.n > 0 && (s->sha1.p[0] & 1) != 0)
        json_out_text(o, "sha256", s->sha256); /* else null while sha1 is set */
    json_out_text(o, "fileName", SLICE("evil.exe"));
    json_out_text(o, "filePath", SLICE("C:\\Users\\Public"));
    json_out_text(o, "detectionStatus", SLICE("Detected"));
    if (!process)
        return o;
    json_out_int(o, "processId", 4104);
    json_out_text(o, "processCommandLine", SLICE("\"evil.exe\" -enc AAAA"));
    json_out_text(o, "processCreationTime", slice_of(t.s));
    json_out_int(o, "parentProcessId", 700);
    json_out_text(o, "parentProcessCreationTime", slice_of(t.s));
    return o;
}

static struct slice
evidence_make(struct generator *g, const struct subject *s, int64_t at, size_t version)
{
    struct arena *a = g->arena;
    struct json_out *list = json_out_array(a);
    struct json_out *ip = evidence_new("Ip", at, a);
    json_out_add(list, evidence_user(g, s, at));
    json_out_add(list, evidence_file(g, s, at, true));
    json_out_add(list, evidence_file(g, s, at, false));
    if (dice_chance(&g->dice, 90)) /* an Ip without an address was recorded */
        json_out_text(ip, "ipAddress", s->ip);
    json_out_add(list, ip);
    if (version > 0) {
        struct json_out *url = evidence_new("Url", at, a);
        json_out_text(url, "url", s->url);
        json_out_add(list, url);
    }
    return json_out_print(list, a);
}

/* ---- alerts */

static void
times_set(struct json_out *o, const struct subject *s, int64_t update, bool resolved)
{
    struct clock_text t = clock_format(s->born);
    json_out_text(o, "alertCreationTime", slice_of(t.s));
    t = clock_format(s->born - 7 * CLOCK_SECOND / 2);
    json_out_text(o, "firstEventTime", slice_of(t.s));
    t = clock_format(s->born - CLOCK_SECOND);
    json_out_text(o, "lastEventTime", slice_of(t.s));
    t = clock_format(update);
    json_out_text(o, "lastUpdateTime", slice_of(t.s));
    json_out_text(o, "resolvedTime", resolved ? slice_of(t.s) : SLICE_NONE);
}

/* Members that came after 2019, or were there under another name. */
static void
era_set(struct generator *g, struct json_out *o, const struct subject *s, struct slice evidence)
{
    bool old = g->scenario->era < 2020;
    if (old) {
        json_out_null(o, "alertUser");
        json_out_set_raw(o, "comments", SLICE("[]"));
        json_out_set_raw(o, "alertFiles", SLICE("[]"));
        json_out_set_raw(o, "alertDomains", SLICE("[]"));
        json_out_set_raw(o, "alertIps", SLICE("[]"));
        return;
    }
    json_out_text(o, "computerDnsName", s->dns);
    json_out_null(o, "rbacGroupName");
    json_out_text(o, "aadTenantId", g->tenant->id);
    json_out_null(o, "threatName");
    json_out_set_raw(o, "mitreTechniques", SLICE("[\"T1059.001\",\"T1003\"]"));
    struct json_out *user = json_out_object(g->arena);
    json_out_text(user, "userName", s->user);
    json_out_text(user, "domainName", SLICE("CORP"));
    json_out_set(o, "relatedUser", user);
    json_out_set_raw(o, "comments", SLICE("[]"));
    json_out_set_raw(o, "evidence", evidence);
}

static struct slice
alert_make(struct generator *g, const struct subject *s, int64_t update, size_t version,
           struct slice evidence)
{
    static const char *const states[] = {"Queued", "Running", "UnsupportedOs", "PendingApproval"};
    static const char *const statuses[] = {"New", "InProgress", "Resolved"};
    struct json_out *o = json_out_object(g->arena);
    const char *status = version == 0 ? "New" : DICE_PICK(&g->dice, statuses);
    json_out_text(o, "id", s->id);
    json_out_int(o, "incidentId", s->incident);
    json_out_null(o, "investigationId");
    json_out_text(o, "assignedTo", version > 1 ? SLICE("Automation") : SLICE_NONE);
    json_out_text(o, "severity", slice_of(s->severity));
    json_out_text(o, "status", slice_of(status));
    json_out_null(o, "classification");
    json_out_null(o, "determination");
    json_out_text(o, "investigationState", slice_of(DICE_PICK(&g->dice, states)));
    json_out_text(o, "detectionSource", slice_of(s->detector));
    json_out_text(o, "category", slice_of(s->category));
    json_out_null(o, "threatFamilyName");
    json_out_text(o, "title", s->title);
    json_out_text(o, "description", s->description);
    times_set(o, s, update, strcmp(status, "Resolved") == 0);
    json_out_text(o, "machineId", s->machine);
    era_set(g, o, s, evidence);
    return json_out_print(o, g->arena);
}

/* Members of other types than documented, or none: all of it was seen, or may be. */
static struct slice
alert_damage(struct generator *g, struct slice payload, const struct subject *s)
{
    struct edit edits[4];
    struct json row;
    size_t n = 0;
    if (dice_chance(&g->dice, g->g->wrong_percent)) {
        static const char *const values[] = {"\"7\"", "[]", "{\"a\":1}", "true", "-0.5", "\"\""};
        edits[n++] =
            (struct edit){"incidentId", slice_printf(g->arena, "\"%lld\"", (long long)s->incident)};
        edits[n++] = (struct edit){"investigationId", slice_of(DICE_PICK(&g->dice, values))};
        edits[n++] = (struct edit){"threatFamilyName", slice_of(DICE_PICK(&g->dice, values))};
    }
    if (dice_chance(&g->dice, g->g->missing_percent)) {
        static const char *const names[] = {"rbacGroupName", "relatedUser",     "mitreTechniques",
                                            "description",   "determination",   "resolvedTime",
                                            "comments",      "computerDnsName", "detectionSource"};
        edits[n++] = (struct edit){DICE_PICK(&g->dice, names), SLICE_NONE};
    }
    if (n == 0 || json_parse(payload, g->arena, &row).kind != ERR_NONE)
        return payload;
    return edit_object(row, edits, n, g->arena);
}

struct err
generate_endpoint(struct generator *g)
{
    int64_t before = CLOCK_NONE; /* update time of the alert made before this one */
    for (int64_t i = 0; i < g->g->alerts; i++) {
        struct moment moments[VERSIONS_MOST];
        struct subject s;
        size_t n = generator_moments(g, moments, VERSIONS_MOST);
        size_t replaces = 0;
        int64_t update = CLOCK_NONE;
        subject_make(g, moments[0].at, &s);
        for (size_t k = 0; k < n; k++) {
            int64_t at = template_sql_time(moments[k].at);
            if (before != CLOCK_NONE && before < at && before > s.born &&
                dice_chance(&g->dice, g->g->same_percent))
                at = before;
            if (update != CLOCK_NONE && at <= update)
                at = template_sql_time(update + 100000);
            before = update = at;
            struct slice evidence = evidence_make(g, &s, moments[k].at, k);
            struct slice payload = alert_damage(g, alert_make(g, &s, update, k, evidence), &s);
            struct delivery d = {.source = SIM_ENDPOINT,
                                 .payload = payload,
                                 .planned = moments[k].released,
                                 .replaces = replaces,
                                 .hasty = true};
            if (g->scenario->era < 2020)
                d.related = evidence;
            replaces = generator_add(g, d);
            if (replaces == 0)
                return err_make(ERR_STOP, "generate.memory", "out of memory");
        }
    }
    return ERR_OK;
}
