#include "ingest/map_endpoint.h"

#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "ingest/endpoint_document.h"
#include "ingest/endpoint_evidence.h"

enum { COMMENTS_MAX = 1000 };

/* ---- words */

static const struct {
    const char *word;
    enum service_source service;
    enum detection_source detection;
} detections[] = {
    {"WindowsDefenderAtp", SERVICE_ENDPOINT, DETECTION_ENDPOINT},
    {"WindowsDefenderAv", SERVICE_ENDPOINT, DETECTION_ANTIVIRUS},
    {"WindowsDefenderSmartScreen", SERVICE_ENDPOINT, DETECTION_SMART_SCREEN},
    {"CustomerTI", SERVICE_ENDPOINT, DETECTION_CUSTOM_TI},
    {"CustomDetection", SERVICE_ENDPOINT, DETECTION_CUSTOM_DETECTION},
    {"AutomatedInvestigation", SERVICE_ENDPOINT, DETECTION_AUTOMATED_INVESTIGATION},
    {"ThreatExperts", SERVICE_ENDPOINT, DETECTION_THREAT_EXPERTS},
    {"OfficeATP", SERVICE_OFFICE365, DETECTION_OFFICE365},
    {"MTP", SERVICE_M365, DETECTION_M365},
    {"ThirdPartySensors", SERVICE_ENDPOINT, DETECTION_UNKNOWN},
};

/* Old words and their successors (2.7); a word of today stands for itself. */
static const struct {
    const char *sent, *unified;
} categories[] = {
    {"Collection", "Collection"},
    {"CommandAndControl", "CommandAndControl"},
    {"CredentialAccess", "CredentialAccess"},
    {"DefenseEvasion", "DefenseEvasion"},
    {"Discovery", "Discovery"},
    {"Execution", "Execution"},
    {"Exfiltration", "Exfiltration"},
    {"Exploit", "Exploit"},
    {"Impact", "Impact"},
    {"InitialAccess", "InitialAccess"},
    {"LateralMovement", "LateralMovement"},
    {"Malware", "Malware"},
    {"Persistence", "Persistence"},
    {"PrivilegeEscalation", "PrivilegeEscalation"},
    {"Ransomware", "Ransomware"},
    {"SuspiciousActivity", "SuspiciousActivity"},
    {"UnwantedSoftware", "UnwantedSoftware"},
    {"CredentialTheft", "CredentialAccess"},
    {"Reconnaissance", "Discovery"},
    {"WebFingerprinting", "Discovery"},
    {"ExplorationEnumeration", "Discovery"},
    {"Delivery", "Execution"},
    {"MalwareDownload", "Execution"},
    {"SocialEngineering", "InitialAccess"},
    {"WebExploit", "InitialAccess"},
    {"DocumentExploit", "InitialAccess"},
    {"NetworkPropagation", "LateralMovement"},
    {"Backdoor", "Malware"},
    {"Trojan", "Malware"},
    {"TrojanDownloader", "Malware"},
    {"CredentialStealing", "Malware"},
    {"Weaponization", "Malware"},
    {"RemoteAccessTool", "Malware"},
    {"Installation", "Persistence"},
    {"General", "SuspiciousActivity"},
    {"None", "SuspiciousActivity"},
    {"NotApplicable", "SuspiciousActivity"},
    {"EnterprisePolicy", "SuspiciousActivity"},
    {"SuspiciousNetworkTraffic", "SuspiciousActivity"},
};

/* The member's word, remembered as it was sent. */
static struct slice
raw_word(struct json doc, const char *member, struct alert *out)
{
    struct slice word = json_get_text(doc, member);
    if (word.n > 0)
        alert_word(out, member, word);
    return source_word(doc, member);
}

static void
map_category(struct slice word, struct alert *out)
{
    for (size_t i = 0; i < sizeof categories / sizeof categories[0]; i++)
        if (slice_eq_nocase(slice_of(categories[i].sent), word))
            out->category = slice_of(categories[i].unified);
    int bit = alert_tactic(out->category);
    if (bit >= 0)
        out->tactics = (uint16_t)(1U << bit);
}

static void
map_detection(struct slice word, struct alert *out)
{
    out->service = SERVICE_ENDPOINT;
    out->detection = DETECTION_UNKNOWN;
    for (size_t i = 0; i < sizeof detections / sizeof detections[0]; i++)
        if (slice_eq_nocase(slice_of(detections[i].word), word)) {
            out->service = detections[i].service;
            out->detection = detections[i].detection;
        }
}

static void
map_words(struct json doc, struct arena *a, struct alert *out)
{
    out->severity = severity_of(raw_word(doc, "severity", out));
    out->status = alert_status_of(raw_word(doc, "status", out));
    out->classification = classification_of(raw_word(doc, "classification", out));
    out->determination = determination_of(raw_word(doc, "determination", out));
    map_detection(raw_word(doc, "detectionSource", out), out);
    map_category(raw_word(doc, "category", out), out);
    struct slice state = raw_word(doc, "investigationState", out);
    if (state.n > 0)
        out->investigation_state =
            slice_join(a, slice_lower(a, slice_sub(state, 0, 1)), slice_sub(state, 1, state.n));
}

/* ---- the alert */

static void
map_comments(struct json doc, struct arena *a, struct alert *out)
{
    struct json list = json_get(doc, "comments"), item;
    struct slice name;
    size_t n = json_count(list) < COMMENTS_MAX ? json_count(list) : COMMENTS_MAX;
    out->comments = n > 0 ? arena_alloc(a, n * sizeof *out->comments) : NULL;
    if (out->comments == NULL)
        return;
    for (struct json_iter it = json_items(list);
         out->n_comments < n && json_next(&it, &name, &item);) {
        struct slice text = json_get_text(item, "comment");
        if (text.n > 0)
            out->comments[out->n_comments++] = (struct alert_comment){
                text, source_word(item, "createdBy"), source_time(item, "createdTime")};
    }
}

static void
map_techniques(struct json doc, struct alert *out)
{
    struct json item;
    struct slice name;
    for (struct json_iter it = json_items(json_get(doc, "mitreTechniques"));
         out->n_techniques < ALERT_TECHNIQUES_MAX && json_next(&it, &name, &item);) {
        struct slice word = slice_trim(json_text(item));
        if (word.n > 0)
            out->techniques[out->n_techniques++] = word;
    }
}

static int64_t
earliest_known(struct json doc, const struct source_document *of)
{
    static const char *const members[] = {"alertCreationTime", "firstEventTime", "lastEventTime",
                                          "lastUpdateTime"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        int64_t t = source_time(doc, members[i]);
        if (t != CLOCK_NONE)
            return t;
    }
    return of->received;
}

static void
map_head(struct json doc, const struct source_document *of, struct slice directory_id,
         struct arena *a, struct alert *out)
{
    out->source = SLICE("endpoint");
    out->native_id = source_id(doc, "id", a);
    out->provider_alert_id = out->native_id;
    bool bare = out->native_id.n > 0 && out->native_id.p[0] >= '0' && out->native_id.p[0] <= '9';
    out->id = bare ? slice_join(a, SLICE("da"), out->native_id) : out->native_id;
    out->title = source_word(doc, "title");
    if (out->title.n == 0)
        out->title = SLICE("Alert without a title");
    out->description = json_get_text(doc, "description");
    out->recommended_actions = source_word(doc, "recommendedAction");
    out->web_url = slice_printf(a, "https://security.microsoft.com/alerts/%.*s?tid=%.*s",
                                SLICE_ARG(out->id), SLICE_ARG(directory_id));
    out->detector_id = source_word(doc, "detectorId");
    out->investigation_id = source_id(doc, "investigationId", a);
    out->native_incident_id = source_id(doc, "incidentId", a);
    out->assigned_to = source_word(doc, "assignedTo");
    out->threat_name = source_word(doc, "threatName");
    out->threat_family = source_word(doc, "threatFamilyName");
    out->created = earliest_known(doc, of);
    out->first_activity = source_time(doc, "firstEventTime");
    out->last_activity = source_time(doc, "lastEventTime");
    out->updated = source_time(doc, "lastUpdateTime");
    out->resolved = source_time(doc, "resolvedTime");
    out->version = out->updated != CLOCK_NONE ? out->updated : of->received;
}

/* Of several deliveries the newest counts, whatever order they come in. */
static struct err
newest_document(const struct source_document *docs, size_t n, struct arena *a,
                struct endpoint_document *out, const struct source_document **of)
{
    int64_t best = CLOCK_NONE;
    *of = NULL;
    for (size_t i = 0; i < n; i++) {
        struct endpoint_document doc;
        struct err e = endpoint_document_read(docs[i].payload, a, &doc);
        if (e.kind)
            return e;
        int64_t t = source_time(doc.alert, "lastUpdateTime");
        if (*of == NULL || t > best ||
            (t == best && slice_cmp(docs[i].payload, (*of)->payload) > 0)) {
            *of = &docs[i];
            *out = doc;
            best = t;
        }
    }
    return *of != NULL ? ERR_OK : err_make(ERR_REJECT, "endpoint.shape", "no document");
}

/* What has no place: of the alert, and of the user and machine that were asked for. */
static void
map_rest(const struct endpoint_document *doc, struct arena *a, struct alert *out)
{
    static const char *const of_user[] = {"id",         "accountName",    "accountDomain",
                                          "accountSid", "@odata.context", NULL};
    static const char *const of_machine[] = {"id",          "computerDnsName", "osPlatform",
                                             "aadDeviceId", "rbacGroupName",   "@odata.context",
                                             NULL};
    out->additional = source_rest(doc->alert, endpoint_members, a);
    struct slice user = source_rest(doc->parts[PART_USER], of_user, a);
    struct slice machine = source_rest(doc->parts[PART_MACHINE], of_machine, a);
    struct json rest;
    if (user.n == 0 && machine.n == 0)
        return;
    struct json_out *o = json_out_object(a);
    struct slice name;
    struct json value;
    if (out->additional.n > 0 && json_parse(out->additional, a, &rest).kind == ERR_NONE)
        for (struct json_iter it = json_items(rest); json_next(&it, &name, &value);)
            json_out_set_raw(o, slice_cstr(a, name), json_minify(value, a));
    if (user.n > 0)
        json_out_set_raw(o, "user", user);
    if (machine.n > 0)
        json_out_set_raw(o, "machine", machine);
    out->additional = json_out_print(o, a);
}

struct err
endpoint_map(const struct source_document *docs, size_t n, struct slice directory_id,
             struct arena *a, struct alert *out)
{
    struct endpoint_document whole;
    const struct source_document *of = NULL;
    struct err e = newest_document(docs, n, a, &whole, &of);
    if (e.kind)
        return e;
    struct json doc = whole.alert;
    alert_init(out);
    map_head(doc, of, directory_id, a, out);
    if (arena_short(a))
        return err_make(ERR_RETRY, "endpoint.memory", "no room for an alert");
    if (out->native_id.n == 0)
        return err_make(ERR_REJECT, "endpoint.no_id", "the alert has no id");
    map_words(doc, a, out);
    map_comments(doc, a, out);
    map_techniques(doc, out);
    endpoint_evidence(&whole, a, out);
    map_rest(&whole, a, out);
    return alert_finish(out, a);
}
