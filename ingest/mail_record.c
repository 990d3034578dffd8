#include "ingest/mail_record.h"

#include "common/clock.h"
#include "ingest/mail_map.h"

enum { NAMES_MAX = 100 };

/* Equal without blanks and letter case: sources.md 7.3. */
bool
mail_word_is(struct slice s, const char *squeezed)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == ' ')
            continue;
        c = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
        if (*squeezed == '\0' || *squeezed++ != c)
            return false;
    }
    return *squeezed == '\0';
}

struct slice
mail_either(struct slice x, struct slice y)
{
    return x.n > 0 ? x : y;
}

void
mail_set_category(struct alert *out, struct slice category)
{
    out->category = category.n > 0 ? category : SLICE("SuspiciousActivity");
    int tactic = alert_tactic(out->category);
    out->tactics = (uint16_t)(tactic >= 0 ? 1U << tactic : 0);
}

/* ---- evidence of a record of type 40: sources.md 7.5 */

struct slice
mail_fold(struct slice (*fold)(struct slice, struct arena *), struct slice s, struct arena *a)
{
    return s.n > 0 ? fold(s, a) : SLICE_NONE;
}

void
mail_add_user(struct alert *out, struct arena *a, struct slice who)
{
    struct slice upn = mail_fold(alert_fold_upn, who, a);
    struct evidence *v = upn.n > 0 ? alert_add(out, a, EVIDENCE_USER) : NULL;
    if (v == NULL)
        return;
    v->upn = upn;
    v->account_name = slice_sub(upn, 0, slice_find(upn, SLICE("@"), 0));
}

void
mail_add_mailbox(struct alert *out, struct arena *a, struct slice address)
{
    address = mail_fold(alert_fold_upn, address, a);
    struct evidence *v = address.n > 0 ? alert_add(out, a, EVIDENCE_MAILBOX) : NULL;
    if (v != NULL) {
        v->mailbox_address = address;
        v->upn = address;
    }
}

void
mail_add_url(struct alert *out, struct arena *a, struct slice url)
{
    url = mail_fold(alert_fold_url, url, a);
    struct evidence *v = url.n > 0 ? alert_add(out, a, EVIDENCE_URL) : NULL;
    if (v != NULL)
        v->url = url;
}

void
mail_add_ip(struct alert *out, struct arena *a, struct slice ip)
{
    ip = mail_fold(alert_fold_ip, ip, a);
    struct evidence *v = ip.n > 0 ? alert_add(out, a, EVIDENCE_IP) : NULL;
    if (v != NULL)
        v->ip = ip;
}

/* For phishing the service writes a verdict or the message's id where a family belongs; taken as
 * names they would tie all such alerts together. */
static bool
is_family(struct slice name, struct arena *a)
{
    static const char *const verdicts[] = {"phish", "malicious", "spam"};
    struct slice lower = slice_lower(a, name);
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
        if (slice_find(lower, slice_of(verdicts[i]), 0) < lower.n)
            return false;
    return name.n > 0 && mail_fold(alert_fold_guid, slice_sub(name, 0, 36), a).n == 0;
}

void
mail_add_malware(struct alert *out, struct arena *a, struct slice name)
{
    struct evidence *v = is_family(name, a) ? alert_add(out, a, EVIDENCE_MALWARE) : NULL;
    if (v != NULL)
        v->malware_name = name;
}

void
mail_add_file(struct alert *out, struct arena *a, struct slice name, struct slice hash)
{
    hash = mail_fold(alert_fold_hash, hash, a);
    struct evidence *v = name.n > 0 || hash.n > 0 ? alert_add(out, a, EVIDENCE_FILE) : NULL;
    if (v == NULL)
        return;
    v->file_name = name;
    if (hash.n > 0)
        *(hash.n == 64 ? &v->sha256 : hash.n == 40 ? &v->sha1 : &v->md5) = hash;
}

/* Each address of "a@x;b@y" or "a@x, b@y". */
static void
each_address(struct alert *out, struct arena *a, struct slice list,
             void (*add)(struct alert *, struct arena *, struct slice))
{
    for (size_t n = 0; list.n > 0 && n < NAMES_MAX; n++) {
        size_t semicolon = slice_find(list, SLICE(";"), 0), comma = slice_find(list, SLICE(","), 0);
        size_t end = semicolon < comma ? semicolon : comma;
        add(out, a, slice_trim(slice_sub(list, 0, end)));
        list = slice_sub(list, end + 1, list.n);
    }
}

/* An entity that a record names by type and id. */
static void
add_entity(struct alert *out, struct arena *a, struct slice type, struct slice id)
{
    if (id.n == 0)
        return;
    if (mail_word_is(type, "user")) {
        mail_add_user(out, a, id);
    } else if (mail_word_is(type, "recipients")) {
        each_address(out, a, id, mail_add_user);
        each_address(out, a, id, mail_add_mailbox);
    } else if (mail_word_is(type, "malwarefamily")) {
        mail_add_malware(out, a, id);
    } else if (mail_word_is(type, "maliciousurl")) {
        mail_add_url(out, a, id);
    } else if (mail_word_is(type, "sender")) {
        struct slice sender = mail_fold(alert_fold_upn, id, a);
        struct evidence *v = sender.n > 0 ? alert_add(out, a, EVIDENCE_MESSAGE) : NULL;
        if (v != NULL)
            v->sender = sender;
    } else if (slice_find(slice_lower(a, type), SLICE("message"), 0) < type.n) {
        struct slice message = mail_fold(alert_fold_guid, id, a);
        struct evidence *v = message.n > 0 ? alert_add(out, a, EVIDENCE_MESSAGE) : NULL;
        if (v != NULL)
            v->network_message_id = message;
    }
}

static void
add_message(struct alert *out, struct arena *a, struct json data)
{
    struct slice id = source_word(data, "aii"), internet = source_word(data, "imsgid");
    struct evidence *v = id.n > 0 || internet.n > 0 ? alert_add(out, a, EVIDENCE_MESSAGE) : NULL;
    if (v == NULL)
        return;
    v->network_message_id = id.n > 0 ? slice_lower(a, id) : SLICE_NONE;
    v->internet_message_id = internet;
    v->sender = mail_fold(alert_fold_upn, source_word(data, "tsd"), a);
    v->recipient = mail_fold(alert_fold_upn, source_word(data, "trc"), a);
    v->subject = source_word(data, "ms");
    v->sender_ip = mail_fold(alert_fold_ip, source_word(data, "sip"), a);
    v->delivery_action = source_word(data, "ttr");
}

/* Endpoint DLP names the computer; its rule names differ from those of mail. */
static void
add_device(struct alert *out, struct arena *a, struct json data)
{
    struct slice name = source_word(data, "dn");
    struct evidence *v = name.n > 0 ? alert_add(out, a, EVIDENCE_DEVICE) : NULL;
    if (v != NULL) {
        struct slice id = mail_fold(alert_fold_hash, source_word(data, "mddid"), a);
        v->host_name = name;
        v->mde_device_id = id.n == 40 ? id : SLICE_NONE;
    }
    mail_add_ip(out, a, source_word(data, "ecip"));
    struct slice path = source_word(data, "ofph");
    size_t end = path.n;
    while (end > 0 && path.p[end - 1] != '\\' && path.p[end - 1] != '/')
        end--;
    size_t before = out->n_evidence;
    mail_add_file(out, a, slice_sub(path, end, path.n), SLICE_NONE);
    if (out->n_evidence > before && end > 1)
        out->evidence[before].file_path = slice_sub(path, 0, end - 1);
}

void
mail_policy_entities(const struct mail_record *r, struct arena *a, struct alert *out)
{
    struct json d = r->data;
    add_message(out, a, d);
    each_address(out, a, source_word(d, "suid"), mail_add_user);
    each_address(out, a, source_word(d, "f3u"), mail_add_user);
    each_address(out, a, source_word(d, "trc"), mail_add_user);
    each_address(out, a, source_word(d, "trc"), mail_add_mailbox);
    mail_add_ip(out, a, source_word(d, "sip"));
    mail_add_url(out, a, source_word(d, "zu"));
    mail_add_url(out, a, source_word(d, "pud"));
    mail_add_file(out, a, source_word(d, "zfn"), source_word(d, "zfh"));
    mail_add_file(out, a, source_word(d, "zmfn"), source_word(d, "zmfh"));
    mail_add_malware(out, a, source_word(d, "thn"));
    add_device(out, a, d);
    add_entity(out, a, source_word(d, "etype"), source_word(d, "eid"));
    add_entity(out, a, source_word(r->json, "EntityType"), source_word(r->json, "AlertEntityId"));
}

/* ---- types 28, 41 and 47: alerts of their own */

static void
map_message(const struct mail_record *r, struct arena *a, struct alert *out)
{
    struct slice verdict = source_word(r->json, "Verdict"), unused;
    struct evidence *v = alert_add(out, a, EVIDENCE_MESSAGE);
    struct json list, item;
    out->title = slice_printf(a, "Email with verdict %.*s was detected",
                              SLICE_ARG(mail_either(verdict, SLICE("unknown"))));
    out->detector = SLICE("ThreatIntelligence");
    out->first_activity = source_time(r->json, "MessageTime");
    mail_set_category(out, SLICE("InitialAccess"));
    if (v != NULL) {
        v->network_message_id = slice_lower(a, source_word(r->json, "NetworkMessageId"));
        v->internet_message_id = source_word(r->json, "InternetMessageId");
        v->p1_sender = mail_fold(alert_fold_upn, source_word(r->json, "P1Sender"), a);
        v->p2_sender = mail_fold(alert_fold_upn, source_word(r->json, "P2Sender"), a);
        v->sender = mail_either(v->p2_sender, v->p1_sender);
        v->sender_ip = mail_fold(alert_fold_ip, source_word(r->json, "SenderIp"), a);
        v->subject = source_word(r->json, "Subject");
        v->received = out->first_activity;
        v->delivery_action = mail_either(source_word(r->json, "DeliveryAction"),
                                         source_word(r->json, "PolicyAction"));
        v->delivery_location = source_word(r->json, "LatestDeliveryLocation");
        v->verdict = verdict.n > 0 ? VERDICT_MALICIOUS : VERDICT_UNKNOWN;
    }
    mail_add_ip(out, a, source_word(r->json, "SenderIp"));
    size_t n = 0;
    list = json_get(r->json, "Recipients");
    for (struct json_iter it = json_items(list); n < NAMES_MAX && json_next(&it, &unused, &item);
         n++) {
        struct slice to = json_text(item);
        if (n == 0 && v != NULL)
            v->recipient = mail_fold(alert_fold_upn, to, a);
        mail_add_user(out, a, to);
        mail_add_mailbox(out, a, to);
    }
    n = 0;
    list = json_get(r->json, "AttachmentData");
    for (struct json_iter it = json_items(list); n < NAMES_MAX && json_next(&it, &unused, &item);
         n++) {
        mail_add_file(out, a, source_word(item, "FileName"), source_word(item, "SHA256"));
        mail_add_malware(out, a, source_word(item, "MalwareFamily"));
    }
}

static void
map_click(const struct mail_record *r, struct arena *a, struct alert *out)
{
    int64_t action = 0;
    struct slice url = mail_either(source_word(r->json, "Url"), source_word(r->json, "URL"));
    struct slice message = source_word(r->json, "SourceId");
    bool went_on = json_get_int(r->json, "URLClickAction", &action) && (action == 4 || action == 5);
    out->title = went_on ? SLICE("A user clicked through the warning about a malicious URL")
                         : SLICE("A click on a malicious URL was blocked");
    out->detector = SLICE("ThreatIntelligenceUrl");
    out->severity = went_on ? SEVERITY_MEDIUM : SEVERITY_LOW;
    out->first_activity = source_time(r->json, "TimeOfClick");
    mail_set_category(out, SLICE("InitialAccess"));
    mail_add_url(out, a, url);
    mail_add_user(out, a, source_word(r->json, "UserId"));
    mail_add_ip(out, a, source_word(r->json, "UserIp"));
    struct slice guid = mail_fold(alert_fold_guid, message, a);
    struct evidence *v = guid.n > 0 ? alert_add(out, a, EVIDENCE_MESSAGE) : NULL;
    if (v != NULL)
        v->network_message_id = guid;
}

static void
map_file(const struct mail_record *r, struct arena *a, struct alert *out)
{
    static const char *const workloads[] = {"SharePoint", "OneDrive", "Teams"};
    struct json file = json_get(r->json, "FileData");
    struct slice name = source_word(file, "FileName");
    int64_t workload = -1;
    out->title = slice_printf(a, "Malicious file detected: %.*s",
                              SLICE_ARG(mail_either(name, SLICE("unnamed"))));
    out->detector = SLICE("ThreatIntelligenceAtpContent");
    out->first_activity = source_time(r->json, "DetectionDate");
    mail_set_category(out, SLICE("Malware"));
    size_t before = out->n_evidence;
    mail_add_file(out, a, name, source_word(file, "SHA256"));
    if (out->n_evidence > before) {
        struct evidence *v = &out->evidence[before];
        v->file_path = source_word(file, "FilePath");
        v->file_size = source_word(file, "FileSize");
        v->verdict = VERDICT_MALICIOUS;
    }
    mail_add_malware(out, a, source_word(file, "MalwareFamily"));
    mail_add_user(
        out, a,
        mail_either(source_word(r->json, "LastModifiedBy"), source_word(r->json, "UserId")));
    if (json_get_int(r->json, "SourceWorkload", &workload) && workload >= 0 && workload <= 2) {
        struct evidence *v = alert_add(out, a, EVIDENCE_CLOUD_APPLICATION);
        if (v != NULL)
            v->app_name = slice_of(workloads[workload]);
    }
}

/* What is in the alert's own members already, or says the same in every record. */
static const char *const told[] = {"Id",
                                   "RecordType",
                                   "CreationTime",
                                   "Operation",
                                   "OrganizationId",
                                   "UserType",
                                   "UserKey",
                                   "UserId",
                                   "Workload",
                                   "Version",
                                   "ObjectId",
                                   "NetworkMessageId",
                                   "P1Sender",
                                   "P2Sender",
                                   "InternetMessageId",
                                   "SenderIp",
                                   "Subject",
                                   "MessageTime",
                                   "Recipients",
                                   "LatestDeliveryLocation",
                                   "Url",
                                   "URL",
                                   "UserIp",
                                   "TimeOfClick",
                                   "SourceId",
                                   "EventDeepLink",
                                   "LastModifiedBy",
                                   "DetectionDate",
                                   "SourceWorkload",
                                   NULL};

void
mail_record_alert(const struct mail_record *r, struct arena *a, struct alert *out)
{
    out->provider_alert_id = r->id;
    out->native_id = slice_lower(a, r->id);
    out->severity = SEVERITY_LOW;
    out->status = STATUS_NEW;
    out->service = SERVICE_OFFICE365;
    out->detection = DETECTION_OFFICE365;
    out->created = out->updated = out->version = r->created;
    out->web_url = source_word(r->json, "EventDeepLink");
    out->additional = source_rest(r->json, told, a);
    if (r->type == MAIL_MESSAGE)
        map_message(r, a, out);
    else if (r->type == MAIL_CLICK)
        map_click(r, a, out);
    else
        map_file(r, a, out);
}
