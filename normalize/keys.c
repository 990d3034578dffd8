#include "normalize/keys.h"

#include "common/clock.h"
#include "normalize/keys_internal.h"

enum { COMMAND_MIN = 24 };

/* One alert on its way to a set. */
struct build {
    const struct key_tenant *t;
    struct arena *a;
    struct key_set *set;
    size_t cap_identities, cap_keys;
    bool full; /* the arena is */
};

/* One entity's identifiers while they are collected. */
struct entity {
    struct key_identity id;
    struct slice short_name; /* used only when there is nothing stronger */
};

/* ---- the set */

static void
add_key(struct build *b, enum key_type type, struct slice value, int32_t damp)
{
    if (value.n == 0 || value.n > KEYS_VALUE_MAX || b->full)
        return;
    struct key_set *set = b->set;
    if (set->n_keys == b->cap_keys) {
        void *more = arena_grow(b->a, set->keys, sizeof(*set->keys), &b->cap_keys);
        if (more == NULL) {
            b->full = true;
            return;
        }
        set->keys = more;
    }
    set->keys[set->n_keys++] = (struct key){.type = type, .weight = damp, .value = value};
}

static void
add_value(struct build *b, enum key_type type, struct slice value)
{
    add_key(b, type, value, keys_damp(b->t, type, value));
}

/* What else this identity is called, if it came before under the same first name. */
static struct key_identity *
known_identity(struct build *b, const struct key_identity *id)
{
    for (size_t i = 0; i < b->set->n_identities; i++) {
        struct key_identity *old = &b->set->identities[i];
        if (old->type == id->type && slice_eq(old->ids[0], id->ids[0]))
            return old;
    }
    return NULL;
}

static void
merge_names(struct key_identity *old, const struct key_identity *id)
{
    for (size_t i = 1; i < id->n_ids; i++) {
        size_t k = 0;
        while (k < old->n_ids && !slice_eq(old->ids[k], id->ids[i]))
            k++;
        if (k == old->n_ids && k < KEYS_IDENTIFIERS_MAX)
            old->ids[old->n_ids++] = id->ids[i];
    }
}

/* The weight is the least that any of its names has: what this alert carries decides, not what is
 * known of the identity by now (correlation.md 6). */
static void
add_entity(struct build *b, const struct entity *e)
{
    const struct key_identity *id = &e->id;
    if (id->n_ids == 0) {
        if (id->type == KEY_DEVICE)
            add_value(b, KEY_SHORT_NAME, e->short_name);
        return;
    }
    int32_t damp = 1000;
    for (size_t i = 0; i < id->n_ids; i++) {
        int32_t one = keys_damp(b->t, id->type, id->ids[i]);
        damp = one < damp ? one : damp;
    }
    struct key_identity *old = known_identity(b, id);
    struct key_set *set = b->set;
    if (old != NULL) {
        old->sender = old->sender && id->sender;
        merge_names(old, id);
    } else {
        if (set->n_identities == b->cap_identities) {
            void *more =
                arena_grow(b->a, set->identities, sizeof(*set->identities), &b->cap_identities);
            if (more == NULL) {
                b->full = true;
                return;
            }
            set->identities = more;
        }
        set->identities[set->n_identities++] = *id;
    }
    add_key(b, id->type, id->ids[0], damp);
}

static void
add_name(struct build *b, struct entity *e, struct slice kind, struct slice value)
{
    if (value.n == 0 || value.n > KEYS_VALUE_MAX - kind.n || e->id.n_ids == KEYS_IDENTIFIERS_MAX)
        return;
    struct slice name = slice_join(b->a, kind, value);
    if (name.p == NULL) {
        b->full = true;
        return;
    }
    for (size_t i = 0; i < e->id.n_ids; i++)
        if (slice_eq(e->id.ids[i], name))
            return;
    e->id.ids[e->id.n_ids++] = name;
}

/* ---- users */

static void
add_guid(struct build *b, struct entity *e, struct slice kind, struct slice raw)
{
    struct slice guid = alert_fold_guid(raw, b->a);
    if (!keys_stop_guid(guid))
        add_name(b, e, kind, guid);
}

static void
add_sid(struct build *b, struct entity *e, struct slice raw)
{
    struct slice sid = slice_lower(b->a, slice_trim(raw));
    struct slice object = keys_cloud_sid(sid, b->a);
    if (object.n == KEYS_GUID_LENGTH)
        add_guid(b, e, SLICE("aad:"), object);
    else if (sid.n > 0 && !keys_stop_sid(sid))
        add_name(b, e, SLICE("sid:"), sid);
}

static void
add_upn(struct build *b, struct entity *e, struct slice raw)
{
    add_name(b, e, SLICE("upn:"), alert_fold_upn(raw, b->a));
}

/* name or DOMAIN\name; the bare name alone is weak and becomes nothing. */
static void
add_account(struct build *b, struct entity *e, struct slice name, struct slice domain)
{
    size_t slash = slice_find(name, SLICE("\\"), 0);
    if (slash < name.n) {
        domain = slice_sub(name, 0, slash);
        name = slice_sub(name, slash + 1, name.n);
    }
    name = slice_trim(name);
    domain = slice_trim(domain);
    if (name.n == 0 || domain.n == 0 || keys_stop_account(name) || keys_stop_account(domain) ||
        slice_eq_nocase(domain, SLICE(".")) || slice_eq_nocase(domain, SLICE("workgroup")))
        return;
    struct slice both = slice_printf(b->a, "%.*s\\%.*s", SLICE_ARG(domain), SLICE_ARG(name));
    add_name(b, e, SLICE("sam:"), slice_lower(b->a, both));
}

/* The computer's own account: it names the device, not a user. */
static void
add_computer(struct build *b, struct slice name, struct slice sid)
{
    struct entity e = {.id = {.type = KEY_DEVICE}};
    size_t slash = slice_find(name, SLICE("\\"), 0);
    name = slash < name.n ? slice_sub(name, slash + 1, name.n) : name;
    add_sid(b, &e, sid);
    e.short_name = alert_fold_host(slice_sub(name, 0, name.n - 1), b->a);
    add_entity(b, &e);
}

static void
add_user(struct build *b, const struct evidence *v, struct slice address)
{
    struct slice name = slice_trim(v->account_name);
    if (name.n > 1 && name.p[name.n - 1] == '$') {
        add_computer(b, name, v->user_sid);
        return;
    }
    struct entity e = {.id = {.type = KEY_USER}};
    add_guid(b, &e, SLICE("aad:"), v->aad_user_id);
    add_sid(b, &e, v->user_sid);
    add_upn(b, &e, v->upn);
    add_upn(b, &e, address);
    add_account(b, &e, name, v->domain_name);
    add_entity(b, &e);
}

/* ---- devices */

static void
add_device(struct build *b, const struct evidence *v)
{
    struct entity e = {.id = {.type = KEY_DEVICE}};
    struct slice dns = alert_fold_host(v->dns_name, b->a);
    struct slice host = alert_fold_host(v->host_name, b->a);
    uint8_t address[16];
    bool named = dns.n > 0 && !keys_stop_host(dns) && !keys_address(dns, address);
    add_name(b, &e, SLICE("mde:"), slice_lower(b->a, slice_trim(v->mde_device_id)));
    add_guid(b, &e, SLICE("aadd:"), v->aad_device_id);
    add_sid(b, &e, v->device_sid);
    if (named && slice_find(dns, SLICE("."), 0) < dns.n)
        add_name(b, &e, SLICE("dns:"), dns);
    else if (named)
        e.short_name = dns;
    if (slice_find(host, SLICE("."), 0) < host.n && !keys_address(host, address))
        add_name(b, &e, SLICE("dns:"), host);
    else if (host.n > 0 && !keys_stop_host(host) && !keys_address(host, address))
        e.short_name = host;
    add_entity(b, &e);
}

/* Where a file, process or registry item was seen. */
static struct slice
add_place(struct build *b, const struct evidence *v)
{
    struct entity e = {.id = {.type = KEY_DEVICE}};
    struct slice id = slice_lower(b->a, slice_trim(v->mde_device_id));
    add_name(b, &e, SLICE("mde:"), id);
    add_entity(b, &e);
    return id;
}

/* ---- files and processes */

static void
add_file(struct build *b, const struct evidence *v)
{
    struct slice hash = alert_fold_hash(v->sha256, b->a);
    if (hash.n != 64)
        hash = alert_fold_hash(v->sha1, b->a);
    if (hash.n != 64 && hash.n != 40)
        return;
    if (!keys_stop_hash(hash))
        add_value(b, KEY_FILE, hash);
}

static void
add_command(struct build *b, struct slice text)
{
    if (text.n >= COMMAND_MIN)
        add_value(b, KEY_COMMAND, keys_command(slice_trim(text), b->a));
}

static void
add_process(struct build *b, const struct evidence *v)
{
    struct slice place = add_place(b, v), pid = slice_trim(v->process_id);
    if (place.n > 0 && pid.n > 0 && v->process_created != CLOCK_NONE)
        add_value(b, KEY_PROCESS,
                  slice_printf(b->a, "%.*s/%.*s/%lld", SLICE_ARG(place), SLICE_ARG(pid),
                               (long long)v->process_created));
    add_command(b, v->command_line);
    add_file(b, v);
    add_user(b, v, SLICE_NONE);
}

/* ---- network */

static void
add_address(struct build *b, struct slice raw)
{
    uint8_t address[16];
    struct slice text = alert_fold_ip(raw, b->a);
    enum key_type type = keys_address(text, address) ? keys_address_type(address) : KEY_TYPES;
    if (type != KEY_TYPES)
        add_value(b, type, text);
}

static void
add_url(struct build *b, struct slice raw)
{
    struct slice url = alert_fold_url(raw, b->a);
    uint8_t address[16];
    if (url.n == 0)
        return;
    add_value(b, KEY_URL, url);
    struct slice host = alert_fold_host(keys_url_host(url), b->a);
    if (keys_address(host, address)) {
        add_address(b, host);
        return;
    }
    /* the tenant's own domains are everywhere in its mail */
    struct slice own = slice_join(b->a, SLICE("@"), host);
    if (slice_find(host, SLICE("."), 0) < host.n && !keys_own_address(b->t, own))
        add_value(b, KEY_DOMAIN, host);
}

/* ---- mail */

static void
add_message_id(struct build *b, struct slice raw)
{
    struct slice guid = alert_fold_guid(raw, b->a);
    if (!keys_stop_guid(guid))
        add_value(b, KEY_NETWORK_MESSAGE, guid);
}

static void
add_mailbox(struct build *b, struct slice address, bool sender)
{
    struct entity e = {.id = {.type = KEY_USER, .sender = sender}};
    add_upn(b, &e, address);
    add_entity(b, &e);
}

/* A colleague's address is that user; the list of domains decides, never what was seen. */
static void
add_sender(struct build *b, const struct evidence *v)
{
    struct slice raw = v->sender.n > 0      ? v->sender
                       : v->p1_sender.n > 0 ? v->p1_sender
                                            : v->p2_sender;
    struct slice address = alert_fold_upn(raw, b->a);
    if (keys_own_address(b->t, address))
        add_mailbox(b, address, true);
    else
        add_value(b, KEY_SENDER, address);
}

static void
add_message(struct build *b, const struct evidence *v)
{
    add_message_id(b, v->network_message_id);
    struct slice id = slice_trim(v->internet_message_id);
    if (id.n > 2 && id.p[0] == '<' && id.p[id.n - 1] == '>')
        id = slice_sub(id, 1, id.n - 2);
    add_value(b, KEY_INTERNET_MESSAGE, id);
    add_sender(b, v);
    add_mailbox(b, v->recipient, false);
    for (size_t i = 0; i < v->n_urls; i++)
        add_url(b, v->urls[i]);
}

static void
add_cluster(struct build *b, const struct evidence *v)
{
    if (v->cluster_value.n > 0)
        add_value(
            b, KEY_MAIL_CLUSTER,
            slice_printf(b->a, "%.*s:%.*s", SLICE_ARG(v->cluster_by), SLICE_ARG(v->cluster_value)));
    for (size_t i = 0; i < v->n_message_ids; i++)
        add_message_id(b, v->message_ids[i]);
}

/* ---- one function for each type of evidence that has keys */

static void
of_device(struct build *b, const struct evidence *v)
{
    add_device(b, v);
}

static void
of_user(struct build *b, const struct evidence *v)
{
    add_user(b, v, SLICE_NONE);
}

static void
of_file(struct build *b, const struct evidence *v)
{
    (void)add_place(b, v);
    add_file(b, v);
}

static void
of_place(struct build *b, const struct evidence *v)
{
    (void)add_place(b, v);
}

static void
of_ip(struct build *b, const struct evidence *v)
{
    add_address(b, v->ip);
}

static void
of_url(struct build *b, const struct evidence *v)
{
    add_url(b, v->url);
}

static void
of_mailbox(struct build *b, const struct evidence *v)
{
    add_user(b, v, v->mailbox_address);
}

static void
of_oauth(struct build *b, const struct evidence *v)
{
    add_value(b, KEY_OAUTH_APP, slice_lower(b->a, slice_trim(v->app_id)));
}

static void
of_cloud_app(struct build *b, const struct evidence *v)
{
    struct slice id = v->saas_app_id.n > 0 ? v->saas_app_id
                      : v->app_id.n > 0    ? v->app_id
                                           : v->app_name;
    add_value(b, KEY_CLOUD_APP, slice_lower(b->a, slice_trim(id)));
}

/* A session's number means something on its device only. */
static void
of_session(struct build *b, const struct evidence *v)
{
    struct slice id = slice_lower(b->a, slice_trim(v->session_id)), place = add_place(b, v);
    if (id.n > 0 && !keys_stop_session(id))
        add_value(b, KEY_SESSION,
                  slice_printf(b->a, "%.*s%s%.*s", SLICE_ARG(place), place.n > 0 ? "/" : "",
                               SLICE_ARG(id)));
    add_user(b, v, SLICE_NONE);
}

static void
of_resource(struct build *b, const struct evidence *v)
{
    add_value(b, KEY_RESOURCE, slice_lower(b->a, slice_trim(v->resource_id)));
}

static void (*const EVIDENCE_KEYS[EVIDENCE_TYPES])(struct build *, const struct evidence *) = {
    [EVIDENCE_DEVICE] = of_device,
    [EVIDENCE_USER] = of_user,
    [EVIDENCE_PROCESS] = add_process,
    [EVIDENCE_FILE] = of_file,
    [EVIDENCE_FILE_HASH] = of_file,
    [EVIDENCE_IP] = of_ip,
    [EVIDENCE_URL] = of_url,
    [EVIDENCE_REGISTRY_KEY] = of_place,
    [EVIDENCE_REGISTRY_VALUE] = of_place,
    [EVIDENCE_MAILBOX] = of_mailbox,
    [EVIDENCE_MESSAGE] = add_message,
    [EVIDENCE_MAIL_CLUSTER] = add_cluster,
    [EVIDENCE_CLOUD_APPLICATION] = of_cloud_app,
    [EVIDENCE_OAUTH_APPLICATION] = of_oauth,
    [EVIDENCE_LOGON_SESSION] = of_session,
    [EVIDENCE_RESOURCE] = of_resource,
};

struct err
keys_of(const struct alert *al, const struct key_tenant *t, struct arena *a, struct key_set *out)
{
    struct build b = {.t = t, .a = a, .set = out};
    *out = (struct key_set){.cut = 0};
    for (size_t i = 0; i < al->n_evidence && !b.full; i++)
        if (al->evidence[i].type < EVIDENCE_TYPES && EVIDENCE_KEYS[al->evidence[i].type] != NULL)
            EVIDENCE_KEYS[al->evidence[i].type](&b, &al->evidence[i]);
    if (b.full || arena_alloc(a, 1) == NULL)
        return err_make(ERR_RETRY, "keys.memory", "no room for an alert's keys");
    keys_finish(out, KEYS_MAX);
    return ERR_OK;
}
