#include "normalize/keys.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

enum { COMMAND_MIN = 24, COMMAND_KEPT = 256, HEX_RUN = 6, SID_PARTS = 4, GUID_LENGTH = 36 };

/* One alert on its way to a set. */
struct build {
    const struct link_params *p;
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

/* ---- stop values: what everybody has says nothing (correlation.md 3) */

static const char *const STOP_ACCOUNTS[] = {"system",
                                            "local system",
                                            "localsystem",
                                            "local service",
                                            "localservice",
                                            "network service",
                                            "networkservice",
                                            "nt authority",
                                            "root",
                                            "guest",
                                            "admin",
                                            "administrator",
                                            "user",
                                            "anonymous",
                                            "anonymous logon",
                                            "everyone",
                                            "-",
                                            "n/a",
                                            "null",
                                            "unknown",
                                            "none"};
static const char *const STOP_SIDS[] = {"s-1-0-0",  "s-1-5-7", "s-1-5-11", "s-1-5-18", "s-1-5-19",
                                        "s-1-5-20", "s-1-0",   "s-1-1",    "s-1-2",    "s-1-3"};
static const char *const STOP_SID_STARTS[] = {"s-1-0-",    "s-1-1-",    "s-1-2-",
                                              "s-1-3-",    "s-1-5-32-", "s-1-5-80-",
                                              "s-1-5-82-", "s-1-5-90-", "s-1-5-96-"};
static const char *const STOP_HOSTS[] = {
    "localhost", "localhost.localdomain", "unknown", "null", "none", "n/a", "-"};
static const char *const STOP_HASHES[] = {
    "da39a3ee5e6b4b0d3255bfef95601890afd80709", /* the empty file */
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"};

#define IN(list, s) in_list(list, sizeof(list) / sizeof(list[0]), s)

static bool
in_list(const char *const *list, size_t n, struct slice s)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq_nocase(s, slice_of(list[i])))
            return true;
    return false;
}

static bool
only(struct slice s, const char *chars)
{
    for (size_t i = 0; i < s.n; i++)
        if (strchr(chars, s.p[i]) == NULL || s.p[i] == '\0')
            return false;
    return true;
}

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
    int32_t weight = (int32_t)((int64_t)b->p->rules[type].weight * damp / 1000);
    set->keys[set->n_keys++] = (struct key){type, weight, value};
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

/* S-1-12-1-a-b-c-d is an object id: its 16 bytes as four words, least byte first; a GUID's text
 * shows the first three groups with the largest byte first. SLICE_NONE: not such a SID. */
static struct slice
cloud_sid(struct slice sid, struct arena *a)
{
    struct slice prefix = SLICE("s-1-12-1-");
    if (!slice_starts(sid, prefix))
        return SLICE_NONE;
    struct slice rest = slice_sub(sid, prefix.n, sid.n);
    uint8_t bytes[16];
    for (int i = 0; i < SID_PARTS; i++) {
        int64_t word;
        if (!slice_int(slice_split(&rest, '-'), &word) || word < 0 || word > UINT32_MAX)
            return SLICE_NONE;
        for (int k = 0; k < 4; k++)
            bytes[4 * i + k] = (uint8_t)(word >> 8 * k);
    }
    if (rest.p != NULL)
        return SLICE_NONE;
    return slice_printf(a, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                        bytes[3], bytes[2], bytes[1], bytes[0], bytes[5], bytes[4], bytes[7],
                        bytes[6], bytes[8], bytes[9], bytes[10], bytes[11], bytes[12], bytes[13],
                        bytes[14], bytes[15]);
}

static bool
sid_stops(struct slice sid)
{
    for (size_t i = 0; i < sizeof(STOP_SID_STARTS) / sizeof(STOP_SID_STARTS[0]); i++)
        if (slice_starts(sid, slice_of(STOP_SID_STARTS[i])))
            return true;
    return IN(STOP_SIDS, sid) || !slice_starts(sid, SLICE("s-1-"));
}

static void
add_guid(struct build *b, struct entity *e, struct slice kind, struct slice raw)
{
    struct slice guid = alert_fold_guid(raw, b->a);
    if (!only(guid, "0-"))
        add_name(b, e, kind, guid);
}

static void
add_sid(struct build *b, struct entity *e, struct slice raw)
{
    struct slice sid = slice_lower(b->a, slice_trim(raw));
    struct slice object = cloud_sid(sid, b->a);
    if (object.n == GUID_LENGTH)
        add_guid(b, e, SLICE("aad:"), object);
    else if (sid.n > 0 && !sid_stops(sid))
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
    if (name.n == 0 || domain.n == 0 || IN(STOP_ACCOUNTS, name) || IN(STOP_ACCOUNTS, domain) ||
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
    bool named = dns.n > 0 && !IN(STOP_HOSTS, dns) && !keys_address(dns, address);
    add_name(b, &e, SLICE("mde:"), slice_lower(b->a, slice_trim(v->mde_device_id)));
    add_guid(b, &e, SLICE("aadd:"), v->aad_device_id);
    add_sid(b, &e, v->device_sid);
    if (named && slice_find(dns, SLICE("."), 0) < dns.n)
        add_name(b, &e, SLICE("dns:"), dns);
    else if (named)
        e.short_name = dns;
    if (slice_find(host, SLICE("."), 0) < host.n && !keys_address(host, address))
        add_name(b, &e, SLICE("dns:"), host);
    else if (host.n > 0 && !IN(STOP_HOSTS, host) && !keys_address(host, address))
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
    if (!only(hash, "0") && !IN(STOP_HASHES, hash))
        add_value(b, KEY_FILE, hash);
}

static bool
is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool
is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

static bool
is_guid(struct slice s)
{
    for (size_t i = 0; i < GUID_LENGTH; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (i >= s.n || (dash ? s.p[i] != '-' : !is_hex(s.p[i])))
            return false;
    }
    return true;
}

/* The length of the volatile word that text begins with, or 0; *word is the length of the word. */
static size_t
volatile_run(struct slice text, size_t *word)
{
    size_t digits = 0, hex = 0, n = 0;
    for (; n < text.n && is_word(text.p[n]); n++) {
        digits += text.p[n] >= '0' && text.p[n] <= '9';
        hex += is_hex(text.p[n]);
    }
    *word = n;
    if (n > 0 && is_guid(text))
        return GUID_LENGTH;
    bool mixed = n >= HEX_RUN && digits >= 2;
    return n > 0 && (digits == n || (hex == n && n >= HEX_RUN) || mixed) ? n : 0;
}

/*
 * What is new each time a command runs becomes one '#': numbers, GUIDs, long runs of hex digits,
 * and long words in which digits are mixed, as names of temporary files are. Short ones such as
 * "x64" or "ps1" stay. White space is one blank.
 */
static struct slice
mask_command(struct slice text, struct arena *a)
{
    struct slice low = slice_lower(a, text);
    char *out = low.p != NULL ? arena_alloc(a, low.n + 1) : NULL;
    size_t n = 0, word;
    if (out == NULL)
        return SLICE_NONE;
    for (size_t i = 0; i < low.n;) {
        size_t run = volatile_run(slice_sub(low, i, low.n), &word);
        if (run > 0) {
            out[n++] = '#';
            i += run;
        } else if (word > 0) {
            memcpy(out + n, low.p + i, word);
            n += word;
            i += word;
        } else {
            char c = low.p[i] == '\t' || low.p[i] == '\n' || low.p[i] == '\r' ? ' ' : low.p[i];
            if (c != ' ' || (n > 0 && out[n - 1] != ' '))
                out[n++] = c;
            i++;
        }
    }
    return slice_trim((struct slice){out, n});
}

/* Long commands: the beginning for people, and a sum over all of it. */
static void
add_command(struct build *b, struct slice text)
{
    struct slice masked = mask_command(slice_trim(text), b->a);
    if (text.n < COMMAND_MIN || masked.n == 0)
        return;
    if (masked.n > COMMAND_KEPT) {
        uint64_t h = 0xcbf29ce484222325U;
        for (size_t i = 0; i < masked.n; i++)
            h = (h ^ (uint8_t)masked.p[i]) * 0x100000001b3U;
        size_t kept = COMMAND_KEPT;
        while (kept > 0 && ((unsigned char)masked.p[kept] & 0xc0) == 0x80)
            kept--;
        masked = slice_printf(b->a, "%.*s... %016llx", (int)kept, masked.p, (unsigned long long)h);
    }
    add_value(b, KEY_COMMAND, masked);
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

/* host of "scheme://user@host:port/path" */
static struct slice
url_host(struct slice url)
{
    size_t at = slice_find(url, SLICE("://"), 0);
    struct slice rest = at < url.n ? slice_sub(url, at + 3, url.n) : url;
    size_t end = 0;
    while (end < rest.n && strchr("/?#\\", rest.p[end]) == NULL)
        end++;
    rest.n = end;
    for (size_t i = 0; i < rest.n; i++)
        if (rest.p[i] == '@') {
            rest = slice_sub(rest, i + 1, rest.n);
            i = (size_t)-1;
        }
    if (rest.n > 0 && rest.p[0] == '[') {
        struct slice v6 = slice_sub(rest, 1, rest.n);
        return slice_split(&v6, ']');
    }
    return slice_split(&rest, ':');
}

static void
add_url(struct build *b, struct slice raw)
{
    struct slice url = alert_fold_url(raw, b->a);
    uint8_t address[16];
    if (url.n == 0)
        return;
    add_value(b, KEY_URL, url);
    struct slice host = alert_fold_host(url_host(url), b->a);
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
    if (!only(guid, "0-"))
        add_value(b, KEY_NETWORK_MESSAGE, guid);
}

static void
add_mailbox(struct build *b, struct slice address)
{
    struct entity e = {.id = {.type = KEY_USER}};
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
        add_mailbox(b, address);
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
    add_mailbox(b, v->recipient);
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

/* A session's number means something on its device only; 0x3e4, 0x3e5, 0x3e7 are the system's. */
static void
of_session(struct build *b, const struct evidence *v)
{
    struct slice id = slice_lower(b->a, slice_trim(v->session_id)), place = add_place(b, v);
    static const char *const system[] = {"0x3e4", "0x3e5", "0x3e7", "996",
                                         "997",   "999",   "0",     "0x0"};
    if (id.n > 0 && !IN(system, id))
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
keys_of(const struct alert *al, const struct link_params *p, const struct key_tenant *t,
        struct arena *a, struct key_set *out)
{
    struct build b = {.p = p, .t = t, .a = a, .set = out};
    *out = (struct key_set){.cut = 0};
    for (size_t i = 0; i < al->n_evidence && !b.full; i++)
        if (al->evidence[i].type < EVIDENCE_TYPES && EVIDENCE_KEYS[al->evidence[i].type] != NULL)
            EVIDENCE_KEYS[al->evidence[i].type](&b, &al->evidence[i]);
    if (b.full || arena_alloc(a, 1) == NULL)
        return err_make(ERR_RETRY, "keys.memory", "no room for an alert's keys");
    keys_finish(out, KEYS_MAX);
    return ERR_OK;
}
