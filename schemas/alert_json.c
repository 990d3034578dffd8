/* The alert in Graph's JSON. Ref: service.md 8.3 and 8.4, sources.md 6.1 and 6.3. */
#include "schemas/alert.h"

#include <stddef.h>

#include "common/clock.h"

enum row_kind {
    ROW_END = 0,
    ROW_TEXT,  /* a slice */
    ROW_INT,   /* a slice that is an integer on the wire; what is none becomes null */
    ROW_NAME,  /* a slice where an integer had its place: what is one becomes null */
    ROW_COUNT, /* an int64_t; -1: null */
    ROW_TIME,  /* an int64_t, 100 ns */
    ROW_LIST,  /* a slice * and its count at `count` */
    ROW_GROUP, /* an object of its own: the rows at `group` */
    ROW_NULL,  /* a member that clients expect and we never know */
    ROW_EMPTY, /* the same for a list */
};

struct row {
    enum row_kind kind;
    const char *name;
    size_t offset, count;
    const struct row *group;
};

#define TEXT(n, m)                                                                                 \
    {                                                                                              \
        .kind = ROW_TEXT, .name = (n), .offset = offsetof(struct evidence, m)                      \
    }
#define INT(n, m)                                                                                  \
    {                                                                                              \
        .kind = ROW_INT, .name = (n), .offset = offsetof(struct evidence, m)                       \
    }
#define NAME(n, m)                                                                                 \
    {                                                                                              \
        .kind = ROW_NAME, .name = (n), .offset = offsetof(struct evidence, m)                      \
    }
#define COUNT(n, m)                                                                                \
    {                                                                                              \
        .kind = ROW_COUNT, .name = (n), .offset = offsetof(struct evidence, m)                     \
    }
#define TIME(n, m)                                                                                 \
    {                                                                                              \
        .kind = ROW_TIME, .name = (n), .offset = offsetof(struct evidence, m)                      \
    }
#define LIST(n, m)                                                                                 \
    {                                                                                              \
        .kind = ROW_LIST, .name = (n), .offset = offsetof(struct evidence, m),                     \
        .count = offsetof(struct evidence, n_##m)                                                  \
    }
#define GROUP(n, rows)                                                                             \
    {                                                                                              \
        .kind = ROW_GROUP, .name = (n), .group = (rows)                                            \
    }
#define NONE(n)                                                                                    \
    {                                                                                              \
        .kind = ROW_NULL, .name = (n)                                                              \
    }
#define EMPTY(n)                                                                                   \
    {                                                                                              \
        .kind = ROW_EMPTY, .name = (n)                                                             \
    }
#define END                                                                                        \
    {                                                                                              \
        .kind = ROW_END                                                                            \
    }

static const struct row account_rows[] = {
    TEXT("accountName", account_name),
    TEXT("domainName", domain_name),
    TEXT("userSid", user_sid),
    TEXT("azureAdUserId", aad_user_id),
    TEXT("userPrincipalName", upn),
    TEXT("displayName", display_name),
    END,
};

static const struct row file_rows[] = {
    TEXT("sha1", sha1),
    TEXT("sha256", sha256),
    TEXT("md5", md5),
    TEXT("fileName", file_name),
    TEXT("filePath", file_path),
    INT("fileSize", file_size),
    NONE("filePublisher"),
    NONE("signer"),
    NONE("issuer"),
    END,
};

static const struct row parent_rows[] = {
    NONE("sha1"),
    NONE("sha256"),
    NONE("md5"),
    TEXT("fileName", parent_file_name),
    TEXT("filePath", parent_file_path),
    NONE("fileSize"),
    NONE("filePublisher"),
    NONE("signer"),
    NONE("issuer"),
    END,
};

static const struct row p1_rows[] = {
    TEXT("emailAddress", p1_sender),
    NONE("displayName"),
    NONE("domainName"),
    END,
};

static const struct row p2_rows[] = {
    TEXT("emailAddress", p2_sender),
    TEXT("displayName", display_name),
    NONE("domainName"),
    END,
};

static const struct row location_rows[] = {TEXT("countryName", country), END};

static const struct row device[] = {
    NONE("firstSeenDateTime"),
    TEXT("mdeDeviceId", mde_device_id),
    TEXT("azureAdDeviceId", aad_device_id),
    TEXT("deviceDnsName", dns_name),
    TEXT("hostName", host_name),
    TEXT("ntDomain", nt_domain),
    TEXT("osPlatform", os_platform),
    NONE("osBuild"),
    NONE("version"),
    NONE("healthStatus"),
    NONE("riskScore"),
    NONE("rbacGroupId"),
    TEXT("rbacGroupName", rbac_group),
    NONE("onboardingStatus"),
    NONE("defenderAvStatus"),
    EMPTY("ipInterfaces"),
    EMPTY("loggedOnUsers"),
    NONE("vmMetadata"),
    END,
};

static const struct row user[] = {GROUP("userAccount", account_rows), END};

static const struct row process[] = {
    INT("processId", process_id),
    INT("parentProcessId", parent_process_id),
    TEXT("processCommandLine", command_line),
    TIME("processCreationDateTime", process_created),
    TIME("parentProcessCreationDateTime", parent_created),
    TEXT("detectionStatus", detection_status),
    TEXT("mdeDeviceId", mde_device_id),
    GROUP("imageFile", file_rows),
    GROUP("parentProcessImageFile", parent_rows),
    GROUP("userAccount", account_rows),
    END,
};

static const struct row file[] = {
    TEXT("detectionStatus", detection_status),
    TEXT("mdeDeviceId", mde_device_id),
    GROUP("fileDetails", file_rows),
    END,
};

/* Graph gives a hash as algorithm and value: see hash_members */
static const struct row file_hash[] = {END};

static const struct row ip[] = {
    TEXT("ipAddress", ip),
    TEXT("countryLetterCode", country),
    GROUP("location", location_rows),
    END,
};

static const struct row url[] = {TEXT("url", url), END};

static const struct row registry_key[] = {
    TEXT("registryKey", registry_key),
    TEXT("registryHive", registry_hive),
    TEXT("mdeDeviceId", mde_device_id),
    END,
};

static const struct row registry_value[] = {
    TEXT("registryKey", registry_key),
    TEXT("registryHive", registry_hive),
    TEXT("mdeDeviceId", mde_device_id),
    TEXT("registryValue", registry_value),
    TEXT("registryValueName", registry_value_name),
    TEXT("registryValueType", registry_value_type),
    END,
};

static const struct row mailbox[] = {
    TEXT("displayName", display_name),
    TEXT("primaryAddress", mailbox_address),
    TEXT("upn", upn),
    GROUP("userAccount", account_rows),
    END,
};

static const struct row message[] = {
    TEXT("networkMessageId", network_message_id),
    TEXT("internetMessageId", internet_message_id),
    TEXT("subject", subject),
    NONE("language"),
    TEXT("senderIp", sender_ip),
    TEXT("recipientEmailAddress", recipient),
    NONE("antiSpamDirection"),
    TEXT("deliveryAction", delivery_action),
    TEXT("deliveryLocation", delivery_location),
    TEXT("urn", urn),
    EMPTY("threats"),
    EMPTY("threatDetectionMethods"),
    LIST("urls", urls),
    NONE("attachmentsCount"),
    TIME("receivedDateTime", received),
    GROUP("p1Sender", p1_rows),
    GROUP("p2Sender", p2_rows),
    END,
};

static const struct row mail_cluster[] = {
    TEXT("clusterBy", cluster_by),
    TEXT("clusterByValue", cluster_value),
    TEXT("query", cluster_query),
    TEXT("urn", urn),
    COUNT("emailCount", mail_count),
    LIST("networkMessageIds", message_ids),
    END,
};

static const struct row cloud_application[] = {
    INT("appId", app_id),           TEXT("displayName", app_name),
    INT("instanceId", instance_id), NAME("instanceName", instance_id),
    INT("saasAppId", saas_app_id),  END,
};

static const struct row oauth_application[] = {
    TEXT("appId", app_id), TEXT("displayName", app_name), NONE("objectId"), NONE("publisher"), END,
};

static const struct row security_group[] = {
    TEXT("securityGroupId", group_id),
    TEXT("displayName", group_name),
    TEXT("sid", user_sid),
    END,
};

static const struct row malware[] = {
    TEXT("name", malware_name),
    TEXT("category", malware_category),
    EMPTY("files"),
    EMPTY("processes"),
    END,
};

static const struct row logon_session[] = {
    TEXT("sessionId", session_id),
    GROUP("account", account_rows),
    END,
};

static const struct row resource[] = {TEXT("resourceId", resource_id), END};

static const struct {
    const char *type;
    const struct row *rows;
} shapes[EVIDENCE_TYPES] = {
#define SHAPE(name, rows)                                                                          \
    {                                                                                              \
        "#microsoft.graph.security." name "Evidence", rows                                         \
    }
    [EVIDENCE_DEVICE] = SHAPE("device", device),
    [EVIDENCE_USER] = SHAPE("user", user),
    [EVIDENCE_PROCESS] = SHAPE("process", process),
    [EVIDENCE_FILE] = SHAPE("file", file),
    [EVIDENCE_FILE_HASH] = SHAPE("fileHash", file_hash),
    [EVIDENCE_IP] = SHAPE("ip", ip),
    [EVIDENCE_URL] = SHAPE("url", url),
    [EVIDENCE_REGISTRY_KEY] = SHAPE("registryKey", registry_key),
    [EVIDENCE_REGISTRY_VALUE] = SHAPE("registryValue", registry_value),
    [EVIDENCE_MAILBOX] = SHAPE("mailbox", mailbox),
    [EVIDENCE_MESSAGE] = SHAPE("analyzedMessage", message),
    [EVIDENCE_MAIL_CLUSTER] = SHAPE("mailCluster", mail_cluster),
    [EVIDENCE_CLOUD_APPLICATION] = SHAPE("cloudApplication", cloud_application),
    [EVIDENCE_OAUTH_APPLICATION] = SHAPE("oauthApplication", oauth_application),
    [EVIDENCE_SECURITY_GROUP] = SHAPE("securityGroup", security_group),
    [EVIDENCE_MALWARE] = SHAPE("malware", malware),
    [EVIDENCE_LOGON_SESSION] = SHAPE("hostLogonSession", logon_session),
    [EVIDENCE_RESOURCE] = SHAPE("azureResource", resource),
};

static const char *
verdict_graph(enum evidence_verdict v)
{
    static const char *const words[] = {"unknown", "suspicious", "malicious", "noThreatsFound"};
    return words[v];
}

static const char *
remediation_graph(enum remediation_status v)
{
    static const char *const words[] = {"none", "remediated", "prevented", "blocked", "notFound"};
    return words[v];
}

static const char *
role_graph(enum evidence_role v)
{
    static const char *const words[] = {
        [ROLE_UNKNOWN] = "unknown",         [ROLE_CONTEXTUAL] = "contextual",
        [ROLE_SCANNED] = "scanned",         [ROLE_SOURCE] = "source",
        [ROLE_DESTINATION] = "destination", [ROLE_COMPROMISED] = "compromised",
        [ROLE_ATTACKED] = "attacked",       [ROLE_ATTACKER] = "attacker",
        [ROLE_SUSPICIOUS] = "suspicious"};
    return words[v];
}

static void
put_time(struct json_out *o, const char *name, int64_t time)
{
    if (time == CLOCK_NONE) {
        json_out_null(o, name);
        return;
    }
    struct clock_text text = clock_format(time);
    json_out_text(o, name, slice_of(text.s));
}

static void
put_int(struct json_out *o, const char *name, struct slice text)
{
    int64_t v = 0;
    if (slice_int(text, &v))
        json_out_int(o, name, v);
    else
        json_out_null(o, name);
}

static bool
is_int(struct slice text)
{
    int64_t v = 0;
    return slice_int(text, &v);
}

static struct json_out *
list_of(const struct slice *items, size_t n, struct arena *a)
{
    struct json_out *list = json_out_array(a);
    for (size_t i = 0; i < n; i++)
        json_out_add_text(list, items[i]);
    return list;
}

/* One row that is no group. */
static void
put_row(struct json_out *o, const struct row *r, const struct evidence *ev, struct arena *a)
{
    const void *field = (const char *)ev + r->offset;
    const void *count = (const char *)ev + r->count;
    switch (r->kind) {
    case ROW_TEXT:
        json_out_text(o, r->name, *(const struct slice *)field);
        break;
    case ROW_INT:
        put_int(o, r->name, *(const struct slice *)field);
        break;
    case ROW_NAME:
        json_out_text(o, r->name,
                      is_int(*(const struct slice *)field) ? SLICE_NONE
                                                           : *(const struct slice *)field);
        break;
    case ROW_COUNT:
        if (*(const int64_t *)field >= 0)
            json_out_int(o, r->name, *(const int64_t *)field);
        else
            json_out_null(o, r->name);
        break;
    case ROW_TIME:
        put_time(o, r->name, *(const int64_t *)field);
        break;
    case ROW_LIST:
        json_out_set(o, r->name, list_of(*(struct slice *const *)field, *(const size_t *)count, a));
        break;
    case ROW_EMPTY:
        json_out_set(o, r->name, json_out_array(a));
        break;
    default:
        json_out_null(o, r->name);
        break;
    }
}

/* Groups hold no groups: two levels and no recursion. */
static void
put_rows(struct json_out *o, const struct row *rows, const struct evidence *ev, struct arena *a)
{
    for (const struct row *r = rows; r->kind != ROW_END; r++) {
        if (r->kind != ROW_GROUP) {
            put_row(o, r, ev, a);
            continue;
        }
        struct json_out *group = json_out_object(a);
        for (const struct row *m = r->group; m->kind != ROW_END; m++)
            put_row(group, m, ev, a);
        json_out_set(o, r->name, group);
    }
}

static void
hash_members(struct json_out *o, const struct evidence *ev)
{
    struct slice value = ev->sha256.n > 0 ? ev->sha256 : ev->sha1.n > 0 ? ev->sha1 : ev->md5;
    const char *algorithm = ev->sha256.n > 0 ? "sha256" : ev->sha1.n > 0 ? "sha1" : "md5";
    json_out_text(o, "algorithm", slice_of(value.n > 0 ? algorithm : "unknown"));
    json_out_text(o, "value", value);
}

static struct json_out *
evidence_object(const struct alert *al, const struct evidence *ev, struct arena *a)
{
    struct json_out *o = json_out_object(a);
    json_out_text(o, "@odata.type", slice_of(shapes[ev->type].type));
    put_time(o, "createdDateTime", ev->created != CLOCK_NONE ? ev->created : al->created);
    json_out_text(o, "verdict", slice_of(verdict_graph(ev->verdict)));
    json_out_text(o, "remediationStatus", slice_of(remediation_graph(ev->remediation)));
    json_out_null(o, "remediationStatusDetails");
    struct json_out *roles = json_out_array(a);
    if (ev->role != ROLE_UNKNOWN)
        json_out_add_text(roles, slice_of(role_graph(ev->role)));
    json_out_set(o, "roles", roles);
    json_out_set(o, "detailedRoles", json_out_array(a));
    json_out_set(o, "tags", json_out_array(a));
    struct evidence told = *ev;
    if (told.p2_sender.n == 0) /* what a source calls the sender is what people see */
        told.p2_sender = told.sender;
    put_rows(o, shapes[ev->type].rows, &told, a);
    if (ev->type == EVIDENCE_FILE_HASH)
        hash_members(o, ev);
    return o;
}

static struct json_out *
evidence_array(const struct alert *al, struct arena *a)
{
    struct json_out *list = json_out_array(a);
    for (size_t i = 0; i < al->n_evidence; i++)
        if (al->evidence[i].type > EVIDENCE_NONE && al->evidence[i].type < EVIDENCE_TYPES)
            json_out_add(list, evidence_object(al, &al->evidence[i], a));
    return list;
}

struct slice
alert_evidence_json(const struct alert *al, struct arena *a)
{
    struct json_out *list = evidence_array(al, a);
    return list != NULL ? json_out_print(list, a) : SLICE_NONE;
}

/* ---- the whole alert */

/* What has no place in Graph's alert, with the words that were mapped. NULL: nothing. */
static struct json_out *
additional_data(const struct alert *al, struct arena *a)
{
    if (al->additional.n == 0 && al->n_raw_words == 0)
        return NULL;
    struct json_out *o = json_out_object(a);
    struct json doc;
    struct err e = al->additional.n > 0 ? json_parse(al->additional, a, &doc) : ERR_OK;
    if (al->additional.n > 0 && e.kind == ERR_NONE) {
        struct slice name;
        struct json value;
        for (struct json_iter it = json_items(doc); json_next(&it, &name, &value);) {
            const char *key = slice_cstr(a, name);
            if (key != NULL)
                json_out_set_raw(o, key, json_minify(value, a));
        }
    }
    struct json_out *words = json_out_object(a);
    for (size_t i = 0; i < al->n_raw_words; i++)
        json_out_text(words, al->raw_words[i].member, al->raw_words[i].word);
    json_out_set(o, "rawWords", words);
    return o;
}

static struct json_out *
comments_array(const struct alert *al, struct arena *a)
{
    struct json_out *list = json_out_array(a);
    for (size_t i = 0; i < al->n_comments; i++) {
        struct json_out *o = json_out_object(a);
        json_out_text(o, "comment", al->comments[i].text);
        json_out_text(o, "createdByDisplayName", al->comments[i].by);
        put_time(o, "createdDateTime", al->comments[i].created);
        json_out_add(list, o);
    }
    return list;
}

/* Graph's null where nothing is known, its word otherwise. */
static void
put_word(struct json_out *o, const char *name, bool known, const char *word)
{
    json_out_text(o, name, known ? slice_of(word) : SLICE_NONE);
}

static void
put_words(struct json_out *o, const struct alert *al)
{
    json_out_text(o, "category", al->category);
    json_out_text(o, "status", slice_of(alert_status_graph(al->status)));
    json_out_text(o, "severity", slice_of(severity_graph(al->severity)));
    put_word(o, "classification", al->classification != CLASS_UNKNOWN,
             classification_graph(al->classification));
    put_word(o, "determination", al->determination != DET_UNKNOWN,
             determination_graph(al->determination));
    json_out_text(o, "investigationState", al->investigation_state);
    json_out_text(o, "serviceSource", slice_of(service_graph(al->service)));
    json_out_text(o, "detectionSource", slice_of(detection_graph(al->detection)));
    json_out_text(o, "productName", slice_of(service_product(al->service)));
    json_out_text(o, "detectorId", al->detector_id);
}

struct slice
alert_json(const struct alert *al, struct arena *a)
{
    struct json_out *o = json_out_object(a);
    json_out_text(o, "id", al->id);
    json_out_text(o, "providerAlertId", al->provider_alert_id);
    json_out_null(o, "incidentId"); /* the correlator's answer is not part of the alert */
    json_out_null(o, "incidentWebUrl");
    json_out_text(o, "alertWebUrl", al->web_url);
    json_out_null(o, "tenantId");
    json_out_text(o, "title", al->title);
    json_out_text(o, "description", al->description);
    json_out_text(o, "recommendedActions", al->recommended_actions);
    put_words(o, al);
    json_out_text(o, "assignedTo", al->assigned_to);
    json_out_text(o, "actorDisplayName", al->actor);
    json_out_text(o, "alertPolicyId", al->policy_id);
    json_out_text(o, "threatDisplayName", al->threat_name);
    json_out_text(o, "threatFamilyName", al->threat_family);
    json_out_set(o, "mitreTechniques", list_of(al->techniques, al->n_techniques, a));
    put_time(o, "createdDateTime", al->created);
    put_time(o, "lastUpdateDateTime", al->updated);
    put_time(o, "resolvedDateTime", al->resolved);
    put_time(o, "firstActivityDateTime", al->first_activity);
    put_time(o, "lastActivityDateTime", al->last_activity);
    json_out_set(o, "systemTags", json_out_array(a));
    json_out_set(o, "comments", comments_array(al, a));
    json_out_set(o, "evidence", evidence_array(al, a));
    struct json_out *more = additional_data(al, a);
    if (more != NULL)
        json_out_set(o, "additionalData", more);
    else
        json_out_null(o, "additionalData");
    return o != NULL ? json_out_print(o, a) : SLICE_NONE;
}
