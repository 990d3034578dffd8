#include "ingest/endpoint_evidence.h"

#include <string.h>

#include "common/clock.h"
#include "ingest/source.h"

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
    ev->domain_name = first_of(source_word(o, "domainName"), source_word(o, "accountDomain"));
    ev->user_sid = first_of(source_word(o, "userSid"), source_word(o, "accountSid"));
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
put_file(struct json o, struct evidence *ev, struct arena *a)
{
    ev->sha1 = source_word(o, "sha1");
    ev->sha256 = source_word(o, "sha256");
    ev->md5 = source_word(o, "md5");
    ev->file_name = source_word(o, "fileName");
    ev->file_path = source_word(o, "filePath");
    ev->file_size = source_id(o, "size", a);
}

static void
put_process(struct json o, struct evidence *ev, struct arena *a)
{
    put_file(o, ev, a);
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
        ev->md5 = first_of(ev->md5, last->md5);
        ev->file_size = first_of(ev->file_size, last->file_size);
        if (ev->remediation == REMEDIATION_NONE)
            ev->remediation = last->remediation;
        ev->detection_status = first_of(ev->detection_status, last->detection_status);
        out->n_evidence--;
        return;
    }
}

/* The strongest name that both have decides; a name's letter case is random (2.8). */
static bool
same_user(const struct evidence *x, const struct evidence *y)
{
    if (x->user_sid.n > 0 && y->user_sid.n > 0)
        return slice_eq_nocase(x->user_sid, y->user_sid);
    if (x->aad_user_id.n > 0 && y->aad_user_id.n > 0)
        return slice_eq_nocase(x->aad_user_id, y->aad_user_id);
    if (x->upn.n > 0 && y->upn.n > 0)
        return slice_eq_nocase(x->upn, y->upn);
    return x->account_name.n > 0 && slice_eq_nocase(x->account_name, y->account_name) &&
           same_or_none(x->domain_name, y->domain_name);
}

/* Takes back the last item when it is a user who is already there, and keeps what it adds. */
static void
drop_known_user(struct alert *out)
{
    struct evidence *last = &out->evidence[out->n_evidence - 1];
    for (size_t i = 0; i + 1 < out->n_evidence; i++) {
        struct evidence *ev = &out->evidence[i];
        if (ev->type != EVIDENCE_USER || !same_user(ev, last))
            continue;
        ev->account_name = first_of(ev->account_name, last->account_name);
        ev->domain_name = first_of(ev->domain_name, last->domain_name);
        ev->user_sid = first_of(ev->user_sid, last->user_sid);
        ev->aad_user_id = first_of(ev->aad_user_id, last->aad_user_id);
        ev->upn = first_of(ev->upn, last->upn);
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
        put_file(o, ev, a);
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
    if (type == EVIDENCE_USER)
        drop_known_user(out);
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
    if (!has_account(ev))
        put_name(source_word(o, "id"), ev);
    ev->role = role;
    if (has_account(ev))
        drop_known_user(out);
    else
        out->n_evidence--;
}

/* The device as the alert names it, and as /machine knows it. */
static void
add_device(struct json doc, struct json about, struct arena *a, struct alert *out)
{
    struct slice machine = first_of(source_word(doc, "machineId"), source_word(about, "id"));
    struct slice name =
        first_of(source_word(doc, "computerDnsName"), source_word(about, "computerDnsName"));
    struct evidence *ev = machine.n > 0 || name.n > 0 ? alert_add(out, a, EVIDENCE_DEVICE) : NULL;
    if (ev == NULL)
        return;
    ev->mde_device_id = machine;
    ev->dns_name = name;
    ev->rbac_group =
        first_of(source_word(doc, "rbacGroupName"), source_word(about, "rbacGroupName"));
    ev->os_platform = source_word(about, "osPlatform");
    ev->aad_device_id = source_word(about, "aadDeviceId");
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

/* Addresses and domains of 2019: texts, or objects of one member. */
static void
add_named(struct json list, enum evidence_type type, const char *member, struct arena *a,
          struct alert *out)
{
    struct json item;
    struct slice name;
    for (struct json_iter it = json_items(list); json_next(&it, &name, &item);) {
        struct slice text = first_of(slice_trim(json_text(item)), source_word(item, member));
        struct evidence *ev = text.n > 0 ? alert_add(out, a, type) : NULL;
        if (ev == NULL)
            continue;
        if (type == EVIDENCE_IP)
            ev->ip = text;
        else
            ev->url = text;
    }
}

static void
add_files(struct json list, struct slice machine, struct arena *a, struct alert *out)
{
    struct json item;
    struct slice name;
    for (struct json_iter it = json_items(list); json_next(&it, &name, &item);)
        add_item(item, machine, a, out);
}

/* The list of a sub-resource. */
static struct json
values(const struct endpoint_document *doc, enum endpoint_part part)
{
    struct json list = json_get(doc->parts[part], "value");
    return json_type(list) == JSON_ARRAY ? list : doc->parts[part];
}

/* Lists of a server that has no evidence: in the alert, or asked for beside it. */
static void
add_lists_of_2019(const struct endpoint_document *doc, struct slice machine, struct arena *a,
                  struct alert *out)
{
    add_files(json_get(doc->alert, "alertFiles"), machine, a, out);
    add_files(values(doc, PART_FILES), machine, a, out);
    add_named(json_get(doc->alert, "alertIps"), EVIDENCE_IP, "id", a, out);
    add_named(values(doc, PART_IPS), EVIDENCE_IP, "id", a, out);
    add_named(json_get(doc->alert, "alertDomains"), EVIDENCE_URL, "host", a, out);
    add_named(values(doc, PART_DOMAINS), EVIDENCE_URL, "host", a, out);
}

void
endpoint_evidence(const struct endpoint_document *whole, struct arena *a, struct alert *out)
{
    struct json doc = whole->alert;
    struct json item;
    struct slice name;
    add_device(doc, whole->parts[PART_MACHINE], a, out);
    struct slice machine =
        first_of(source_word(doc, "machineId"), source_word(whole->parts[PART_MACHINE], "id"));
    struct json list = json_get(doc, "evidence");
    if (json_type(list) == JSON_OBJECT) /* a collector in between split it, one item a record */
        add_item(list, machine, a, out);
    else
        for (struct json_iter it = json_items(list); json_next(&it, &name, &item);)
            add_item(item, machine, a, out);
    add_lists_of_2019(whole, machine, a, out);
    add_user(whole->parts[PART_USER], ROLE_UNKNOWN, a, out);
    add_user(json_get(doc, "relatedUser"), ROLE_UNKNOWN, a, out);
    add_user(json_get(doc, "alertUser"), ROLE_UNKNOWN, a, out);
    for (struct json_iter it = json_items(json_get(doc, "loggedOnUsers"));
         json_next(&it, &name, &item);)
        add_user(item, ROLE_CONTEXTUAL, a, out); /* was there, took no known part */
    add_malware(out, a);
}
