#include "serve/classic.h"

#include <stddef.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "schemas/alert.h"

enum { STATE_MAX = 64 };

/* ---- entities: one flat record, always the same keys in this order (service.md 6.7) */

static const char *const entity_keys[CLASSIC_ENTITY_KEYS] = {
    "entityType",
    "sha1",
    "sha256",
    "fileName",
    "filePath",
    "processId",
    "processCommandLine",
    "processCreationTime",
    "parentProcessId",
    "parentProcessCreationTime",
    "ipAddress",
    "url",
    "accountName",
    "domainName",
    "userSid",
    "aadUserId",
    "userPrincipalName",
    "mailboxDisplayName",
    "mailboxAddress",
    "clusterBy",
    "sender",
    "recipient",
    "subject",
    "deliveryAction",
    "securityGroupId",
    "securityGroupName",
    "registryHive",
    "registryKey",
    "registryValueType",
    "registryValue",
    "deviceId",
};

/* Where a key's value lies in Graph's evidence; `other` when the first is not there. */
struct entity_row {
    const char *key; /* NULL ends the list */
    const char *path, *other;
};

static const struct entity_row user_rows[] = {
    {"accountName", "userAccount.accountName", NULL},
    {"domainName", "userAccount.domainName", NULL},
    {"userSid", "userAccount.userSid", NULL},
    {"aadUserId", "userAccount.azureAdUserId", NULL},
    {"userPrincipalName", "userAccount.userPrincipalName", NULL},
    {"mailboxAddress", "userAccount.userPrincipalName", NULL},
    {NULL, NULL, NULL},
};
static const struct entity_row process_rows[] = {
    {"sha1", "imageFile.sha1", NULL},
    {"sha256", "imageFile.sha256", NULL},
    {"fileName", "imageFile.fileName", NULL},
    {"filePath", "imageFile.filePath", NULL},
    {"processId", "processId", NULL},
    {"processCommandLine", "processCommandLine", NULL},
    {"processCreationTime", "processCreationDateTime", NULL},
    {"parentProcessId", "parentProcessId", NULL},
    {"parentProcessCreationTime", "parentProcessCreationDateTime", NULL},
    {"deviceId", "mdeDeviceId", NULL},
    {NULL, NULL, NULL},
};
static const struct entity_row file_rows[] = {
    {"sha1", "fileDetails.sha1", NULL},         {"sha256", "fileDetails.sha256", NULL},
    {"fileName", "fileDetails.fileName", NULL}, {"filePath", "fileDetails.filePath", NULL},
    {"deviceId", "mdeDeviceId", NULL},          {NULL, NULL, NULL},
};
static const struct entity_row sha1_rows[] = {{"sha1", "value", NULL}, {NULL, NULL, NULL}};
static const struct entity_row sha256_rows[] = {{"sha256", "value", NULL}, {NULL, NULL, NULL}};
static const struct entity_row ip_rows[] = {{"ipAddress", "ipAddress", NULL}, {NULL, NULL, NULL}};
static const struct entity_row url_rows[] = {{"url", "url", NULL}, {NULL, NULL, NULL}};
static const struct entity_row registry_rows[] = {
    {"registryHive", "registryHive", NULL},
    {"registryKey", "registryKey", NULL},
    {"registryValueType", "registryValueType", NULL},
    {"registryValue", "registryValue", NULL},
    {"deviceId", "mdeDeviceId", NULL},
    {NULL, NULL, NULL},
};
static const struct entity_row mailbox_rows[] = {
    {"userPrincipalName", "upn", "userAccount.userPrincipalName"},
    {"mailboxDisplayName", "displayName", NULL},
    {"mailboxAddress", "primaryAddress", NULL},
    {NULL, NULL, NULL},
};
static const struct entity_row message_rows[] = {
    {"userPrincipalName", "recipientEmailAddress", NULL},
    {"mailboxAddress", "recipientEmailAddress", NULL},
    {"sender", "p2Sender.emailAddress", "p1Sender.emailAddress"},
    {"recipient", "recipientEmailAddress", NULL},
    {"subject", "subject", NULL},
    {"deliveryAction", "deliveryAction", NULL},
    {NULL, NULL, NULL},
};
static const struct entity_row cluster_rows[] = {{"clusterBy", "clusterBy", NULL},
                                                 {NULL, NULL, NULL}};
static const struct entity_row group_rows[] = {
    {"securityGroupId", "securityGroupId", NULL},
    {"securityGroupName", "displayName", NULL},
    {NULL, NULL, NULL},
};

/* What has no word among the classic entity types (applications, malware, sessions) is left out;
 * devices have a list of their own. */
static const struct {
    const char *graph;     /* "#microsoft.graph.security.<this>Evidence" */
    const char *algorithm; /* of a hash; NULL: any evidence of the type */
    const char *type;
    const struct entity_row *rows;
} entity_types[] = {
    {"user", NULL, "User", user_rows},
    {"process", NULL, "Process", process_rows},
    {"file", NULL, "File", file_rows},
    {"fileHash", "sha1", "File", sha1_rows},
    {"fileHash", "sha256", "File", sha256_rows},
    {"ip", NULL, "Ip", ip_rows},
    {"url", NULL, "Url", url_rows},
    {"registryKey", NULL, "Registry", registry_rows},
    {"registryValue", NULL, "Registry", registry_rows},
    {"mailbox", NULL, "MailBox", mailbox_rows},
    {"analyzedMessage", NULL, "MailMessage", message_rows},
    {"mailCluster", NULL, "MailCluster", cluster_rows},
    {"securityGroup", NULL, "SecurityGroup", group_rows},
};
enum { ENTITY_TYPES_N = sizeof entity_types / sizeof entity_types[0] };

/* "process" of "#microsoft.graph.security.processEvidence"; SLICE_NONE: it is none of these. */
static struct slice
graph_type(struct json evidence)
{
    static const struct slice before = {"#microsoft.graph.security.", 26}, after = {"Evidence", 8};
    struct slice s = json_get_text(evidence, "@odata.type");
    if (!slice_starts(s, before) || !slice_ends(s, after) || s.n <= before.n + after.n)
        return SLICE_NONE;
    return slice_sub(s, before.n, s.n - before.n - after.n);
}

static void
put_value(struct wire *w, const char *name, struct json v)
{
    int64_t number;
    if (json_type(v) == JSON_INT && json_int(v, &number))
        wire_int(w, name, number);
    else
        wire_text(w, name, json_text(v));
}

/* Paths need not be texts of one kind: what is neither text nor int is null. */
static struct json
entity_value(struct json evidence, const struct entity_row *rows, const char *key)
{
    for (const struct entity_row *r = rows; r->key != NULL; r++) {
        if (strcmp(r->key, key) != 0)
            continue;
        struct json v = json_path(evidence, r->path);
        bool absent = json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL;
        return absent && r->other != NULL ? json_path(evidence, r->other) : v;
    }
    return (struct json){{0, 0}};
}

static void
put_entity(struct wire *w, struct json evidence)
{
    struct slice graph = graph_type(evidence);
    struct slice algorithm = json_get_text(evidence, "algorithm");
    for (size_t t = 0; t < ENTITY_TYPES_N; t++) {
        if (!slice_eq(graph, slice_of(entity_types[t].graph)) ||
            (entity_types[t].algorithm != NULL &&
             !slice_eq(algorithm, slice_of(entity_types[t].algorithm))))
            continue;
        wire_open(w, NULL, '{');
        wire_text(w, entity_keys[0], slice_of(entity_types[t].type));
        for (size_t k = 1; k < CLASSIC_ENTITY_KEYS; k++)
            put_value(w, entity_keys[k],
                      entity_value(evidence, entity_types[t].rows, entity_keys[k]));
        wire_close(w, '}');
        return;
    }
}

/* ---- devices (service.md 6.6) */

static void
put_device(struct wire *w, struct json evidence)
{
    static const char *const names[][2] = {
        {"mdatpDeviceId", "mdeDeviceId"},
        {"aadDeviceId", "azureAdDeviceId"},
        {"deviceDnsName", "deviceDnsName"},
        {"osPlatform", "osPlatform"},
        {"version", "version"},
        {"osProcessor", "osProcessor"},
        {"osBuild", "osBuild"},
        {"healthStatus", "healthStatus"},
        {"riskScore", "riskScore"},
        {"rbacGroupName", "rbacGroupName"},
        {"rbacGroupId", "rbacGroupId"},
        {"firstSeen", "firstSeenDateTime"},
    };
    wire_open(w, NULL, '{');
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct json v = json_get(evidence, names[i][1]);
        if (i == 2 && json_type(v) != JSON_TEXT)
            v = json_get(evidence, "hostName");
        put_value(w, names[i][0], v);
    }
    wire_open(w, "tags", '[');
    wire_close(w, ']');
    put_value(w, "defenderAvStatus", json_get(evidence, "defenderAvStatus"));
    put_value(w, "onboardingStatus", json_get(evidence, "onboardingStatus"));
    wire_null(w, "vmMetadata");
    wire_close(w, '}');
}

static struct err
put_evidence(struct wire *w, struct slice text, struct arena *scratch)
{
    struct json list = {{0, 0}}, item;
    arena_reset(scratch);
    struct err e = text.n > 0 ? json_parse(text, scratch, &list) : ERR_OK;
    if (e.kind == ERR_RETRY)
        return err_make(ERR_RETRY, "classic.memory", "an alert's evidence is too large");
    wire_open(w, "devices", '[');
    for (struct json_iter it = json_items(list); json_next(&it, NULL, &item);)
        if (slice_eq(graph_type(item), SLICE("device")))
            put_device(w, item);
    wire_close(w, ']');
    wire_open(w, "entities", '[');
    for (struct json_iter it = json_items(list); json_next(&it, NULL, &item);)
        put_entity(w, item);
    wire_close(w, ']');
    return ERR_OK;
}

/* ---- alerts (service.md 6.5) */

static char
upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* The stored words begin with a small letter, the classic ones with a capital. */
static void
put_capital(struct wire *w, const char *name, struct slice word, const char *fallback)
{
    char text[STATE_MAX];
    if (word.n == 0 || word.n > sizeof text) {
        wire_text(w, name, slice_of(fallback));
        return;
    }
    memcpy(text, word.p, word.n);
    text[0] = upper(text[0]);
    wire_text(w, name, (struct slice){text, word.n});
}

static void
put_number(struct wire *w, const char *name, struct slice text)
{
    int64_t v;
    if (slice_int(text, &v))
        wire_int(w, name, v);
    else
        wire_null(w, name);
}

static void
put_techniques(struct wire *w, struct slice words)
{
    wire_open(w, "mitreTechniques", '[');
    while (words.p != NULL) {
        struct slice word = slice_split(&words, ' ');
        if (word.n > 0)
            wire_text(w, NULL, word);
    }
    wire_close(w, ']');
}

static struct slice
or_empty(struct slice s)
{
    return s.p != NULL ? s : SLICE("");
}

/* Who resolves an incident, or takes it, does so for its alerts (service.md 4.3). What their
 * sources say stays in the store: it counts again when the incident is reopened. */
static struct err
put_alert(struct wire *w, const struct alerts_full *f, const struct incidents_row *in,
          struct arena *scratch)
{
    const struct alerts_row *al = &f->row;
    bool closed = slice_eq(in->status, SLICE("resolved"));
    enum alert_status status = closed ? STATUS_RESOLVED : (enum alert_status)al->status;
    wire_open(w, NULL, '{');
    wire_text(w, "alertId", al->id);
    wire_int(w, "incidentId", f->incident_id);
    wire_text(w, "serviceSource", slice_of(service_classic((enum service_source)al->service)));
    wire_time(w, "creationTime", al->created);
    wire_time(w, "lastUpdatedTime", al->updated);
    wire_time(w, "resolvedTime", closed && al->resolved == CLOCK_NONE ? in->updated : al->resolved);
    wire_time(w, "firstActivity", al->first_activity);
    wire_time(w, "lastActivity", al->last_activity);
    wire_text(w, "title", or_empty(al->title));
    wire_text(w, "description", or_empty(al->description));
    wire_text(w, "category", al->category);
    wire_text(w, "status", slice_of(alert_status_classic(status)));
    wire_text(w, "severity", slice_of(severity_classic((enum severity)al->severity)));
    put_number(w, "investigationId", al->investigation_id);
    put_capital(w, "investigationState", al->investigation_state, "Unknown");
    wire_text(w, "classification",
              al->classification == CLASS_UNKNOWN
                  ? SLICE_NONE
                  : slice_of(classification_classic((enum classification)al->classification)));
    wire_text(w, "determination",
              al->determination == DET_UNKNOWN
                  ? SLICE_NONE
                  : slice_of(determination_classic((enum determination)al->determination)));
    wire_text(w, "detectionSource",
              slice_of(detection_classic((enum detection_source)al->detection)));
    wire_text(w, "detectorId", al->detector_id);
    wire_text(w, "assignedTo", al->assigned_to.n > 0 ? al->assigned_to : in->assigned_to);
    wire_text(w, "actorName", al->actor);
    wire_text(w, "threatFamilyName", al->threat_family);
    put_techniques(w, al->techniques);
    struct err e = put_evidence(w, al->evidence, scratch);
    wire_close(w, '}');
    return e;
}

/* ---- incidents (service.md 6.3) */

struct slice
classic_status(struct slice stored)
{
    static const struct slice words[] = {
        {"Active", 6}, {"InProgress", 10}, {"Resolved", 8}, {"Redirected", 10}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (slice_eq_nocase(words[i], stored))
            return words[i];
    return words[0];
}

static void
put_row(struct wire *w, const struct incidents_row *r)
{
    wire_int(w, "incidentId", r->id);
    if (r->redirect_to != 0)
        wire_int(w, "redirectIncidentId", r->redirect_to);
    else
        wire_null(w, "redirectIncidentId");
    wire_text(w, "incidentName", or_empty(r->name));
    wire_time(w, "createdTime", r->created);
    wire_time(w, "lastUpdateTime", r->updated);
    wire_text(w, "assignedTo", r->assigned_to);
    wire_text(w, "classification",
              slice_of(classification_classic((enum classification)r->classification)));
    wire_text(w, "determination",
              slice_of(determination_classic((enum determination)r->determination)));
    wire_text(w, "status", r->redirect_to != 0 ? SLICE("Redirected") : classic_status(r->status));
    wire_text(w, "severity", slice_of(severity_classic((enum severity)r->severity)));
    wire_open(w, "tags", '[');
    for (size_t i = 0; i < r->n_tags; i++)
        wire_text(w, NULL, or_empty(r->tags[i]));
    wire_close(w, ']');
}

static void
put_comment(struct wire *w, const struct incidents_comment *c)
{
    wire_open(w, NULL, '{');
    wire_text(w, "comment", or_empty(c->text));
    wire_text(w, "createdBy", c->by);
    wire_time(w, "createdTime", c->at);
    wire_close(w, '}');
}

struct err
classic_incident(struct wire *w, const struct classic_incident *i, const char *context,
                 struct arena *scratch)
{
    struct err e = ERR_OK;
    wire_open(w, NULL, '{');
    if (context != NULL)
        wire_text(w, "@odata.context", slice_of(context));
    put_row(w, i->row);
    wire_open(w, "comments", '[');
    for (size_t k = 0; k < i->n_comments; k++)
        put_comment(w, &i->comments[k]);
    wire_close(w, ']');
    wire_open(w, "alerts", '[');
    for (size_t k = 0; k < i->n_alerts && e.kind == ERR_NONE; k++)
        e = put_alert(w, &i->alerts[k], i->row, scratch);
    wire_close(w, ']');
    wire_close(w, '}');
    if (e.kind == ERR_NONE && w->failed)
        e = err_make(ERR_RETRY, "classic.memory", "the incident is too large for one answer");
    return e;
}
