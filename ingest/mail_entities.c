/* Entities of an investigation: the older Azure alert form with $id and $ref. Ref: sources.md 3.8.
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "ingest/mail_map.h"
#include "ingest/mail_record.h"

enum { DEPTH_MAX = JSON_DEPTH_MAX, LIST_MAX = 500 };

struct node {
    struct slice id;
    size_t order; /* of the document: where an id stands twice, the first holds */
    struct json value;
};

struct nodes {
    struct node *items;
    size_t n, capacity, seen;
};

/* ---- $id and $ref */

static int
by_id(const void *x, const void *y)
{
    const struct node *a = x, *b = y;
    int order = slice_cmp(a->id, b->id);
    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

static struct err
remember(struct nodes *all, struct json v, struct arena *a)
{
    struct slice id = json_get_text(v, "$id");
    if (id.n == 0)
        return ERR_OK;
    if (all->n == all->capacity) {
        void *larger = arena_grow(a, all->items, sizeof *all->items, &all->capacity);
        if (larger == NULL)
            return err_make(ERR_RETRY, "mail.memory", "no room for entities");
        all->items = larger;
    }
    all->items[all->n] = (struct node){.id = id, .order = all->n, .value = v};
    all->n++;
    return ERR_OK;
}

/* Every object with a $id, wherever it stands; json_parse has bounded the depth. */
static struct err
index_all(struct nodes *all, struct json root, struct arena *a)
{
    struct json_iter stack[DEPTH_MAX + 1];
    size_t depth = 1;
    struct slice name;
    struct json v;
    struct err e = remember(all, root, a);
    stack[0] = json_items(root);
    while (e.kind == ERR_NONE && depth > 0 && all->seen++ < MAIL_NODES_MAX) {
        if (!json_next(&stack[depth - 1], &name, &v)) {
            depth--;
            continue;
        }
        enum json_type t = json_type(v);
        if (t == JSON_OBJECT)
            e = remember(all, v, a);
        if ((t == JSON_OBJECT || t == JSON_ARRAY) && depth < DEPTH_MAX)
            stack[depth++] = json_items(v);
    }
    if (all->n > 0)
        qsort(all->items, all->n, sizeof *all->items, by_id);
    return e;
}

/* The object that v stands for; absent when it is a reference to nothing. */
static struct json
resolve(const struct nodes *all, struct json v)
{
    struct slice ref = json_get_text(v, "$ref");
    if (ref.n == 0)
        return v;
    size_t low = 0, high = all->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_cmp(all->items[middle].id, ref) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < all->n && slice_eq(all->items[low].id, ref);
    return found ? all->items[low].value : (struct json){{0, 0}};
}

static struct json
member(const struct nodes *all, struct json v, const char *name)
{
    return resolve(all, json_get(v, name));
}

/* ---- one function a kind of entity */

struct work {
    const struct nodes *all;
    struct arena *a;
    struct alert *out;
    struct json e;
};

static struct slice
word(const struct work *w, const char *name)
{
    return source_word(w->e, name);
}

static struct slice
lower(struct slice s, struct arena *a)
{
    return slice_lower(a, s);
}

/* Message ids of samples are not always whole GUIDs; what is compared is lower case anyhow. */
static struct slice
message_id(struct slice s, struct arena *a)
{
    struct slice guid = mail_fold(alert_fold_guid, s, a);
    return guid.n > 0 ? guid : mail_fold(lower, s, a);
}

static struct slice *
texts(const struct work *w, const char *name, struct slice (*fold)(struct slice, struct arena *),
      size_t *n)
{
    struct json list = json_get(w->e, name);
    size_t most = json_count(list) < LIST_MAX ? json_count(list) : LIST_MAX;
    struct slice *out = most > 0 ? arena_alloc(w->a, most * sizeof *out) : NULL;
    struct slice unused;
    struct json v;
    *n = 0;
    struct json_iter it = json_items(list);
    while (out != NULL && *n < most && json_next(&it, &unused, &v)) {
        struct slice s = slice_trim(json_text(v));
        s = s.n > 0 ? fold(s, w->a) : SLICE_NONE;
        if (s.n > 0)
            out[(*n)++] = s;
    }
    return out;
}

/* Threats were named: the message or cluster is what the alert is about. */
static enum evidence_verdict
verdict_of(const struct work *w)
{
    struct json threats = json_get(w->e, "Threats");
    return json_type(threats) == JSON_ARRAY && json_count(threats) > 0 ? VERDICT_MALICIOUS
                                                                       : VERDICT_UNKNOWN;
}

static void
add_file(const struct work *w, struct json file)
{
    struct evidence *v =
        json_type(file) == JSON_OBJECT ? alert_add(w->out, w->a, EVIDENCE_FILE) : NULL;
    if (v == NULL)
        return;
    v->file_name = source_word(file, "Name");
    v->file_path = source_word(file, "Directory");
    struct slice family = source_word(file, "MalwareFamily");
    v->verdict = family.n > 0 ? VERDICT_MALICIOUS : VERDICT_UNKNOWN;
    struct slice unused;
    struct json item;
    struct json_iter it = json_items(member(w->all, file, "FileHashes"));
    while (json_next(&it, &unused, &item)) {
        item = resolve(w->all, item);
        struct slice hash = mail_fold(alert_fold_hash, source_word(item, "Value"), w->a);
        struct slice *place = hash.n == 64 ? &v->sha256 : hash.n == 40 ? &v->sha1 : &v->md5;
        if (hash.n > 0 && place->n == 0)
            *place = hash;
    }
    mail_add_malware(w->out, w->a, family);
}

static void
on_file(const struct work *w)
{
    add_file(w, w->e);
}

static void
on_message(const struct work *w)
{
    struct evidence *v = alert_add(w->out, w->a, EVIDENCE_MESSAGE);
    if (v == NULL)
        return;
    v->verdict = verdict_of(w);
    v->network_message_id = message_id(word(w, "NetworkMessageId"), w->a);
    v->internet_message_id = word(w, "InternetMessageId");
    v->subject = word(w, "Subject");
    v->sender = mail_fold(alert_fold_upn, word(w, "Sender"), w->a);
    v->p1_sender = mail_fold(alert_fold_upn, word(w, "P1Sender"), w->a);
    v->p2_sender = mail_fold(alert_fold_upn, word(w, "P2Sender"), w->a);
    v->display_name = word(w, "P2SenderDisplayName");
    v->sender_ip = mail_fold(alert_fold_ip, word(w, "SenderIP"), w->a);
    v->recipient = mail_fold(alert_fold_upn, word(w, "Recipient"), w->a);
    v->delivery_action = word(w, "DeliveryAction");
    v->delivery_location = word(w, "DeliveryLocation");
    v->urn = word(w, "Urn");
    v->received = source_time(w->e, "ReceivedDate");
    v->urls = texts(w, "Urls", alert_fold_url, &v->n_urls);
    struct slice unused;
    struct json file;
    struct json_iter it = json_items(member(w->all, w->e, "Files"));
    for (size_t n = 0; n < LIST_MAX && json_next(&it, &unused, &file); n++)
        add_file(w, resolve(w->all, file));
    mail_add_ip(w->out, w->a, word(w, "SenderIP"));
}

static void
on_cluster(const struct work *w)
{
    struct evidence *v = alert_add(w->out, w->a, EVIDENCE_MAIL_CLUSTER);
    if (v == NULL)
        return;
    v->verdict = verdict_of(w);
    v->cluster_by = word(w, "ClusterBy");
    v->cluster_value = word(w, "ClusterByValue");
    v->cluster_query = word(w, "Query");
    v->urn = word(w, "Urn");
    if (!json_get_int(w->e, "MailCount", &v->mail_count))
        v->mail_count = -1;
    v->message_ids = texts(w, "NetworkMessageIds", lower, &v->n_message_ids);
}

static void
on_mailbox(const struct work *w)
{
    struct evidence *v = alert_add(w->out, w->a, EVIDENCE_MAILBOX);
    if (v == NULL)
        return;
    v->mailbox_address = mail_fold(alert_fold_upn, word(w, "MailboxPrimaryAddress"), w->a);
    v->upn = mail_fold(alert_fold_upn, word(w, "Upn"), w->a);
    v->display_name = word(w, "DisplayName");
    v->aad_user_id = mail_fold(alert_fold_guid, word(w, "AadId"), w->a);
    mail_add_user(w->out, w->a, word(w, "Upn"));
}

static void
on_url(const struct work *w)
{
    struct slice url = mail_fold(alert_fold_url, word(w, "Url"), w->a);
    struct evidence *v = url.n > 0 ? alert_add(w->out, w->a, EVIDENCE_URL) : NULL;
    if (v != NULL) {
        v->url = url;
        v->verdict = verdict_of(w);
    }
}

static void
on_hash(const struct work *w)
{
    struct slice hash = mail_fold(alert_fold_hash, word(w, "Value"), w->a);
    struct evidence *v = hash.n > 0 ? alert_add(w->out, w->a, EVIDENCE_FILE_HASH) : NULL;
    if (v != NULL)
        *(hash.n == 64 ? &v->sha256 : hash.n == 40 ? &v->sha1 : &v->md5) = hash;
}

static void
on_ip(const struct work *w)
{
    struct slice ip = mail_fold(alert_fold_ip, word(w, "Address"), w->a);
    struct evidence *v = ip.n > 0 ? alert_add(w->out, w->a, EVIDENCE_IP) : NULL;
    if (v != NULL)
        v->ip = ip;
}

static void
fill_account(const struct work *w, struct json account, struct evidence *v)
{
    struct slice suffix = source_word(account, "UPNSuffix");
    v->account_name = source_word(account, "Name");
    v->domain_name = source_word(account, "NTDomain");
    v->user_sid = source_word(account, "Sid");
    v->aad_user_id = mail_fold(alert_fold_guid, source_word(account, "AadUserId"), w->a);
    v->display_name = source_word(account, "DisplayName");
    if (suffix.n > 0 && v->account_name.n > 0)
        v->upn = mail_fold(
            alert_fold_upn,
            slice_printf(w->a, "%.*s@%.*s", SLICE_ARG(v->account_name), SLICE_ARG(suffix)), w->a);
}

static void
on_account(const struct work *w)
{
    struct evidence *v = alert_add(w->out, w->a, EVIDENCE_USER);
    if (v != NULL)
        fill_account(w, w->e, v);
}

static void
on_host(const struct work *w)
{
    struct slice name = word(w, "HostName"), domain = word(w, "DnsDomain");
    if (name.n == 0)
        name = word(w, "NetBiosName");
    struct evidence *v = name.n > 0 ? alert_add(w->out, w->a, EVIDENCE_DEVICE) : NULL;
    if (v == NULL)
        return;
    v->host_name = name;
    v->nt_domain = word(w, "NTDomain");
    v->os_platform = word(w, "OSFamily");
    if (domain.n > 0)
        v->dns_name =
            mail_fold(alert_fold_host,
                      slice_printf(w->a, "%.*s.%.*s", SLICE_ARG(name), SLICE_ARG(domain)), w->a);
}

static void
on_process(const struct work *w)
{
    struct evidence *v = alert_add(w->out, w->a, EVIDENCE_PROCESS);
    if (v == NULL)
        return;
    struct json image = member(w->all, w->e, "ImageFile");
    v->process_id = word(w, "ProcessId");
    v->command_line = word(w, "CommandLine");
    v->process_created = source_time(w->e, "CreationTimeUtc");
    v->file_name = source_word(image, "Name");
    v->file_path = source_word(image, "Directory");
    fill_account(w, member(w->all, w->e, "Account"), v);
    struct json parent = member(w->all, w->e, "ParentProcess");
    v->parent_process_id = source_word(parent, "ProcessId");
    v->parent_file_name = source_word(member(w->all, parent, "ImageFile"), "Name");
}

static void
on_registry(const struct work *w)
{
    struct json key = member(w->all, w->e, "Key");
    bool value = json_type(key) == JSON_OBJECT;
    struct evidence *v =
        alert_add(w->out, w->a, value ? EVIDENCE_REGISTRY_VALUE : EVIDENCE_REGISTRY_KEY);
    if (v == NULL)
        return;
    v->registry_hive = value ? source_word(key, "Hive") : word(w, "Hive");
    v->registry_key = value ? source_word(key, "Key") : word(w, "Key");
    v->registry_value_name = word(w, "Name");
    v->registry_value = word(w, "Value");
    v->registry_value_type = word(w, "ValueType");
}

static void
on_application(const struct work *w)
{
    struct evidence *v = alert_add(w->out, w->a, EVIDENCE_CLOUD_APPLICATION);
    if (v != NULL) {
        v->app_name = word(w, "Name");
        v->app_id = word(w, "AppId");
        v->instance_id = word(w, "InstanceName");
    }
}

static void
on_malware(const struct work *w)
{
    struct slice name = word(w, "Name");
    struct evidence *v = name.n > 0 ? alert_add(w->out, w->a, EVIDENCE_MALWARE) : NULL;
    if (v != NULL) {
        v->malware_name = name;
        v->malware_category = word(w, "Category");
    }
}

static void
on_group(const struct work *w)
{
    struct evidence *v = alert_add(w->out, w->a, EVIDENCE_SECURITY_GROUP);
    if (v != NULL) {
        v->group_name = word(w, "DistinguishedName");
        v->group_id = word(w, "ObjectGuid");
        v->user_sid = word(w, "SID");
    }
}

/* ---- the table */

/* Type without dashes, any letter case: "mailMessage" and "mail-message" are one. */
static const struct {
    const char *type;
    void (*take)(const struct work *w);
} kinds[] = {
    {"mailmessage", on_message},
    {"mailcluster", on_cluster},
    {"mailbox", on_mailbox},
    {"submissionmail", on_message},
    {"url", on_url},
    {"file", on_file},
    {"filehash", on_hash},
    {"ip", on_ip},
    {"account", on_account},
    {"host", on_host},
    {"process", on_process},
    {"registrykey", on_registry},
    {"registryvalue", on_registry},
    {"cloudapplication", on_application},
    {"malware", on_malware},
    {"securitygroup", on_group},
};

static bool
type_is(struct slice type, const char *name)
{
    for (size_t i = 0; i < type.n; i++) {
        char c = type.p[i];
        if (c == '-')
            continue;
        c = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
        if (*name == '\0' || *name++ != c)
            return false;
    }
    return *name == '\0';
}

static void
take(const struct work *w)
{
    struct slice type = word(w, "Type");
    /* some records lost the type; a message shows by its recipient */
    if (type.n == 0 && word(w, "Recipient").n > 0)
        type = SLICE("mailMessage");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (type_is(type, kinds[i].type)) {
            kinds[i].take(w);
            return;
        }
    }
}

struct err
mail_entities(struct json doc, struct arena *a, struct alert *out)
{
    struct nodes all = {.n = 0};
    struct err e = index_all(&all, doc, a);
    if (e.kind)
        return e;
    struct slice unused;
    struct json v;
    struct json_iter it = json_items(member(&all, doc, "Entities"));
    for (size_t n = 0; n < ALERT_EVIDENCE_MAX && json_next(&it, &unused, &v); n++) {
        struct work w = {.all = &all, .a = a, .out = out, .e = resolve(&all, v)};
        if (json_type(w.e) == JSON_OBJECT)
            take(&w);
    }
    return ERR_OK;
}
