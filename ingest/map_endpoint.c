#include "ingest/map_endpoint.h"

#include <string.h>

#include "common/clock.h"
#include "common/json.h"

enum { COMMENTS_MAX = 1000 };

/* Members with a place of their own; all others are kept in `additional`. */
static const char *const known[] = {"id",
                                    "incidentId",
                                    "investigationId",
                                    "assignedTo",
                                    "severity",
                                    "status",
                                    "classification",
                                    "determination",
                                    "investigationState",
                                    "detectionSource",
                                    "detectorId",
                                    "category",
                                    "threatFamilyName",
                                    "title",
                                    "description",
                                    "alertCreationTime",
                                    "firstEventTime",
                                    "lastEventTime",
                                    "lastUpdateTime",
                                    "resolvedTime",
                                    "machineId",
                                    "computerDnsName",
                                    "rbacGroupName",
                                    "aadTenantId",
                                    "threatName",
                                    "mitreTechniques",
                                    "relatedUser",
                                    "alertUser",
                                    "loggedOnUsers",
                                    "comments",
                                    "evidence",
                                    "alertFiles",
                                    "alertDomains",
                                    "alertIps",
                                    "recommendedAction",
                                    NULL};

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

/* ---- evidence */

static struct slice
first_of(struct slice x, struct slice y)
{
    return x.n > 0 ? x : y;
}

static bool
same_or_none(struct slice x, struct slice y)
{
    return x.n == 0 || y.n == 0 || slice_eq_nocase(x, y);
}

static void
split_domain(struct evidence *ev)
{
    size_t back = slice_find(ev->account_name, SLICE("\\"), 0);
    if (ev->domain_name.n > 0 || back == 0 || back >= ev->account_name.n)
        return;
    ev->domain_name = slice_sub(ev->account_name, 0, back);
    ev->account_name = slice_sub(ev->account_name, back + 1, ev->account_name.n);
}

static void
put_account(struct json o, struct evidence *ev)
{
    ev->account_name = first_of(source_word(o, "accountName"), source_word(o, "userName"));
    ev->domain_name = source_word(o, "domainName");
    ev->user_sid = source_word(o, "userSid");
    ev->aad_user_id = source_word(o, "aadUserId");
    ev->upn = source_word(o, "userPrincipalName");
    split_domain(ev);
}

static bool
has_account(const struct evidence *ev)
{
    return ev->account_name.n > 0 || ev->user_sid.n > 0 || ev->aad_user_id.n > 0 || ev->upn.n > 0;
}

static void
put_file(struct json o, struct evidence *ev)
{
    ev->sha1 = source_word(o, "sha1");
    ev->sha256 = source_word(o, "sha256");
    ev->md5 = source_word(o, "md5");
    ev->file_name = source_word(o, "fileName");
    ev->file_path = source_word(o, "filePath");
}

static void
put_process(struct json o, struct evidence *ev, struct arena *a)
{
    put_file(o, ev);
    put_account(o, ev);
    ev->process_id = source_id(o, "processId", a);
    ev->command_line = source_word(o, "processCommandLine");
    ev->process_created = source_time(o, "processCreationTime");
    ev->parent_process_id = source_id(o, "parentProcessId", a);
    ev->parent_created = source_time(o, "parentProcessCreationTime");
    ev->parent_file_name = source_word(o, "parentProcessFileName");
    ev->parent_file_path = source_word(o, "parentProcessFilePath");
}

static void
put_registry(struct json o, struct evidence *ev)
{
    ev->registry_key = source_word(o, "registryKey");
    ev->registry_hive = source_word(o, "registryHive");
    ev->registry_value = source_word(o, "registryValue");
    ev->registry_value_name = source_word(o, "registryValueName");
    ev->registry_value_type = source_word(o, "registryValueType");
}

/* A hash of the right length: what is none (masked, cut) makes no two files the same. */
static bool
has_sha1(const struct evidence *ev)
{
    return ev->sha1.n == 40;
}

static bool
has_sha256(const struct evidence *ev)
{
    return ev->sha256.n == 64;
}

/* The same file, by hash: a process repeats the hashes of its image (2.8). */
static bool
same_file(const struct evidence *x, const struct evidence *y)
{
    if (has_sha256(x) && has_sha256(y))
        return slice_eq_nocase(x->sha256, y->sha256);
    if (has_sha1(x) && has_sha1(y))
        return slice_eq_nocase(x->sha1, y->sha1);
    bool hashed = has_sha1(x) || has_sha256(x) || has_sha1(y) || has_sha256(y);
    return !hashed && x->file_name.n > 0 && slice_eq_nocase(x->file_name, y->file_name) &&
           slice_eq_nocase(x->file_path, y->file_path);
}

/* Takes back the last item when it is a file that is already there, and keeps what it adds. */
static void
drop_known_file(struct alert *out)
{
    struct evidence *last = &out->evidence[out->n_evidence - 1];
    for (size_t i = 0; i + 1 < out->n_evidence; i++) {
        struct evidence *ev = &out->evidence[i];
        if (ev->type != EVIDENCE_FILE || !same_file(ev, last))
            continue;
        ev->sha1 = first_of(ev->sha1, last->sha1);
        ev->sha256 = first_of(ev->sha256, last->sha256);
        ev->file_name = first_of(ev->file_name, last->file_name);
        ev->file_path = first_of(ev->file_path, last->file_path);
        if (ev->remediation == REMEDIATION_NONE)
            ev->remediation = last->remediation;
        ev->detection_status = first_of(ev->detection_status, last->detection_status);
        out->n_evidence--;
        return;
    }
}

static void
put_detection_status(struct json o, struct evidence *ev, struct arena *a)
{
    struct slice word = source_word(o, "detectionStatus");
    ev->detection_status = slice_lower(a, word);
    if (slice_eq_nocase(word, SLICE("Blocked")))
        ev->remediation = REMEDIATION_BLOCKED;
    if (slice_eq_nocase(word, SLICE("Prevented")))
        ev->remediation = REMEDIATION_PREVENTED;
}

/* A word that we do not know is judged by what the item holds. */
static enum evidence_type
evidence_type_of(struct json o)
{
    static const struct {
        const char *word, *member; /* the member that makes it likely */
        enum evidence_type type;
    } types[] = {
        {"Process", "processId", EVIDENCE_PROCESS},
        {"File", "sha1", EVIDENCE_FILE},
        {"File", "sha256", EVIDENCE_FILE},
        {"Ip", "ipAddress", EVIDENCE_IP},
        {"Url", "url", EVIDENCE_URL},
        {"Registry", "registryKey", EVIDENCE_REGISTRY_KEY},
        {"RegistryKey", "registryKey", EVIDENCE_REGISTRY_KEY},
        {"RegistryValue", "registryValue", EVIDENCE_REGISTRY_VALUE},
        {"User", "accountName", EVIDENCE_USER},
        {"User", "userSid", EVIDENCE_USER},
    };
    size_t n = sizeof types / sizeof types[0];
    struct slice word = source_word(o, "entityType");
    for (size_t i = 0; i < n; i++)
        if (slice_eq_nocase(slice_of(types[i].word), word))
            return types[i].type;
    for (size_t i = 0; i < n; i++)
        if (json_type(json_get(o, types[i].member)) > JSON_NULL)
            return types[i].type;
    return EVIDENCE_NONE;
}

/* False: the item says nothing, which happens (an Ip without an address was recorded). */
static bool
fill_evidence(struct json o, struct evidence *ev, struct arena *a)
{
    switch (ev->type) {
    case EVIDENCE_PROCESS:
        put_process(o, ev, a);
        return ev->process_id.n > 0 || ev->command_line.n > 0 || ev->file_name.n > 0;
    case EVIDENCE_FILE:
        put_file(o, ev);
        return ev->sha1.n > 0 || ev->sha256.n > 0 || ev->md5.n > 0 || ev->file_name.n > 0;
    case EVIDENCE_USER:
        put_account(o, ev);
        return has_account(ev);
    case EVIDENCE_IP:
        ev->ip = source_word(o, "ipAddress");
        return ev->ip.n > 0;
    case EVIDENCE_URL:
        ev->url = source_word(o, "url");
        return ev->url.n > 0;
    default:
        put_registry(o, ev);
        if (ev->registry_value.n > 0 || ev->registry_value_name.n > 0)
            ev->type = EVIDENCE_REGISTRY_VALUE;
        return ev->registry_key.n > 0 || ev->registry_value.n > 0;
    }
}

static void
add_image(const struct evidence *process, struct arena *a, struct alert *out)
{
    if (!has_sha1(process) && !has_sha256(process))
        return;
    struct evidence image = *process; /* before alert_add, which may move the list */
    struct evidence *ev = alert_add(out, a, EVIDENCE_FILE);
    if (ev == NULL)
        return;
    ev->sha1 = image.sha1;
    ev->sha256 = image.sha256;
    ev->md5 = image.md5;
    ev->file_name = image.file_name;
    ev->file_path = image.file_path;
    ev->mde_device_id = image.mde_device_id;
    ev->created = image.created;
    ev->remediation = image.remediation;
    ev->detection_status = image.detection_status;
    drop_known_file(out);
}

static void
add_item(struct json o, struct slice machine, struct arena *a, struct alert *out)
{
    enum evidence_type type = evidence_type_of(o);
    if (type == EVIDENCE_NONE) {
        bool told = out->n_raw_words > 0 &&
                    strcmp(out->raw_words[out->n_raw_words - 1].member, "entityType") == 0;
        if (!told) /* one of them is enough to know */
            alert_word(out, "entityType", source_word(o, "entityType"));
        return;
    }
    struct evidence *ev = alert_add(out, a, type);
    if (ev == NULL)
        return;
    if (!fill_evidence(o, ev, a)) {
        out->n_evidence--;
        return;
    }
    ev->created = source_time(o, "evidenceCreationTime");
    put_detection_status(o, ev, a);
    if (type != EVIDENCE_USER && type != EVIDENCE_IP && type != EVIDENCE_URL)
        ev->mde_device_id = machine;
    if (type == EVIDENCE_FILE)
        drop_known_file(out);
    if (type == EVIDENCE_PROCESS)
        add_image(ev, a, out);
}

/* The alertUser of 2019 is one text where it is no object: DOMAIN\name, an address or a name. */
static void
put_name(struct slice name, struct evidence *ev)
{
    if (name.n == 0 || slice_eq_nocase(name, SLICE("null")))
        return;
    if (slice_find(name, SLICE("@"), 0) < name.n) {
        ev->upn = name;
        return;
    }
    ev->account_name = name;
    split_domain(ev);
}

/* A user that the alert itself names, unless an item says more of the same one. */
static void
add_user(struct json o, enum evidence_role role, struct arena *a, struct alert *out)
{
    struct evidence *ev = alert_add(out, a, EVIDENCE_USER);
    if (ev == NULL)
        return;
    put_account(o, ev);
    if (json_type(o) == JSON_TEXT)
        put_name(slice_trim(json_text(o)), ev);
    ev->role = role;
    bool drop = !has_account(ev);
    for (size_t i = 0; i + 1 < out->n_evidence && !drop; i++) {
        const struct evidence *other = &out->evidence[i];
        drop = other->type == EVIDENCE_USER && other->account_name.n > 0 &&
               slice_eq_nocase(other->account_name, ev->account_name) &&
               same_or_none(other->domain_name, ev->domain_name);
    }
    if (drop)
        out->n_evidence--;
}

static void
add_device(struct json doc, struct arena *a, struct alert *out)
{
    struct slice machine = source_word(doc, "machineId");
    struct slice name = source_word(doc, "computerDnsName");
    struct evidence *ev = machine.n > 0 || name.n > 0 ? alert_add(out, a, EVIDENCE_DEVICE) : NULL;
    if (ev == NULL)
        return;
    ev->mde_device_id = machine;
    ev->dns_name = name;
    ev->rbac_group = source_word(doc, "rbacGroupName");
    if (name.n > 0)
        ev->host_name = slice_sub(name, 0, slice_find(name, SLICE("."), 0));
}

static void
add_malware(struct alert *out, struct arena *a)
{
    struct slice name = first_of(out->threat_name, out->threat_family);
    struct evidence *ev = name.n > 0 ? alert_add(out, a, EVIDENCE_MALWARE) : NULL;
    if (ev == NULL)
        return;
    ev->malware_name = name;
    if (slice_eq(out->category, SLICE("Malware")) || slice_eq(out->category, SLICE("Ransomware")))
        ev->malware_category = out->category;
}

/* The lists of 2019, before there was evidence: files, addresses, domains. */
static void
add_lists_of_2019(struct json doc, struct slice machine, struct arena *a, struct alert *out)
{
    struct json item;
    struct slice name;
    for (struct json_iter it = json_items(json_get(doc, "alertFiles"));
         json_next(&it, &name, &item);)
        add_item(item, machine, a, out);
    for (struct json_iter it = json_items(json_get(doc, "alertIps"));
         json_next(&it, &name, &item);) {
        struct slice text = first_of(slice_trim(json_text(item)), source_word(item, "id"));
        struct evidence *ev = text.n > 0 ? alert_add(out, a, EVIDENCE_IP) : NULL;
        if (ev != NULL)
            ev->ip = text;
    }
    for (struct json_iter it = json_items(json_get(doc, "alertDomains"));
         json_next(&it, &name, &item);) {
        struct slice text = first_of(slice_trim(json_text(item)), source_word(item, "host"));
        struct evidence *ev = text.n > 0 ? alert_add(out, a, EVIDENCE_URL) : NULL;
        if (ev != NULL)
            ev->url = text;
    }
}

static void
map_evidence(struct json doc, struct arena *a, struct alert *out)
{
    struct slice machine = source_word(doc, "machineId");
    struct json item;
    struct slice name;
    add_device(doc, a, out);
    struct json list = json_get(doc, "evidence");
    if (json_type(list) == JSON_OBJECT) /* a collector in between split it, one item a record */
        add_item(list, machine, a, out);
    else
        for (struct json_iter it = json_items(list); json_next(&it, &name, &item);)
            add_item(item, machine, a, out);
    add_lists_of_2019(doc, machine, a, out);
    add_user(json_get(doc, "relatedUser"), ROLE_UNKNOWN, a, out);
    add_user(json_get(doc, "alertUser"), ROLE_UNKNOWN, a, out);
    for (struct json_iter it = json_items(json_get(doc, "loggedOnUsers"));
         json_next(&it, &name, &item);)
        add_user(item, ROLE_CONTEXTUAL, a, out); /* was there, took no known part */
    add_malware(out, a);
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
    out->title = first_of(source_word(doc, "title"), SLICE("Alert without a title"));
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
newest_document(const struct source_document *docs, size_t n, struct arena *a, struct json *out,
                const struct source_document **of)
{
    int64_t best = CLOCK_NONE;
    *of = NULL;
    for (size_t i = 0; i < n; i++) {
        struct json doc;
        struct err e = json_parse(docs[i].payload, a, &doc);
        if (e.kind)
            return e;
        if (json_type(doc) != JSON_OBJECT)
            return err_make(ERR_REJECT, "endpoint.shape", "the alert is no object");
        int64_t t = source_time(doc, "lastUpdateTime");
        if (*of == NULL || t > best ||
            (t == best && slice_cmp(docs[i].payload, (*of)->payload) > 0)) {
            *of = &docs[i];
            *out = doc;
            best = t;
        }
    }
    return *of != NULL ? ERR_OK : err_make(ERR_REJECT, "endpoint.shape", "no document");
}

struct err
endpoint_map(const struct source_document *docs, size_t n, struct slice directory_id,
             struct arena *a, struct alert *out)
{
    struct json doc = {{0, 0}};
    const struct source_document *of = NULL;
    struct err e = newest_document(docs, n, a, &doc, &of);
    if (e.kind)
        return e;
    alert_init(out);
    map_head(doc, of, directory_id, a, out);
    if (arena_short(a))
        return err_make(ERR_RETRY, "endpoint.memory", "no room for an alert");
    if (out->native_id.n == 0)
        return err_make(ERR_REJECT, "endpoint.no_id", "the alert has no id");
    map_words(doc, a, out);
    map_comments(doc, a, out);
    map_techniques(doc, out);
    map_evidence(doc, a, out);
    out->additional = source_rest(doc, known, a);
    return alert_finish(out, a);
}
