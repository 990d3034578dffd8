#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "normalize/keys.h"

enum { LIST_MAX = 10000, DAMP_ONE = 1000, ADDRESS_BITS = 128, V4_BITS = 96 };

static const uint8_t V4_MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* ---- addresses */

bool
keys_address(struct slice text, uint8_t out[16])
{
    char cstr[INET6_ADDRSTRLEN];
    if (text.n == 0 || text.n >= sizeof(cstr))
        return false;
    memcpy(cstr, text.p, text.n);
    cstr[text.n] = '\0';
    if (inet_pton(AF_INET, cstr, out + 12) == 1) {
        memcpy(out, V4_MAPPED, sizeof(V4_MAPPED));
        return true;
    }
    return inet_pton(AF_INET6, cstr, out) == 1;
}

static bool
inside(const uint8_t address[16], const uint8_t net[16], unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;
    if (memcmp(address, net, bytes) != 0)
        return false;
    return rest == 0 || (address[bytes] ^ net[bytes]) >> (8 - rest) == 0;
}

/* Blocks with a meaning of their own: text, length, and what an address in it is. */
static const struct {
    const char *net;
    unsigned bits;
    enum key_type type;
} SPECIAL[] = {
    {"0.0.0.0", 8, KEY_TYPES},
    {"127.0.0.0", 8, KEY_TYPES},
    {"169.254.0.0", 16, KEY_TYPES},
    {"224.0.0.0", 4, KEY_TYPES},
    {"255.255.255.255", 32, KEY_TYPES},
    {"10.0.0.0", 8, KEY_IP_PRIVATE},
    {"172.16.0.0", 12, KEY_IP_PRIVATE},
    {"192.168.0.0", 16, KEY_IP_PRIVATE},
    {"100.64.0.0", 10, KEY_IP_PRIVATE},
    {"::", 128, KEY_TYPES},
    {"::1", 128, KEY_TYPES},
    {"fe80::", 10, KEY_TYPES},
    {"ff00::", 8, KEY_TYPES},
    {"fc00::", 7, KEY_IP_PRIVATE},
    {"fec0::", 10, KEY_IP_PRIVATE},
};

enum key_type
keys_address_type(const uint8_t address[16])
{
    for (size_t i = 0; i < sizeof(SPECIAL) / sizeof(SPECIAL[0]); i++) {
        uint8_t net[16];
        bool v6 = strchr(SPECIAL[i].net, ':') != NULL;
        if (keys_address(slice_of(SPECIAL[i].net), net) &&
            inside(address, net, SPECIAL[i].bits + (v6 ? 0 : V4_BITS)))
            return SPECIAL[i].type;
    }
    return KEY_IP;
}

/* ---- asking */

static int
hub_cmp(enum key_type type, struct slice value, const struct key_hub *h)
{
    if (type != h->type)
        return type < h->type ? -1 : 1;
    return slice_cmp(value, h->value);
}

static int
hub_order(const void *a, const void *b)
{
    const struct key_hub *x = a;
    return hub_cmp(x->type, x->value, b);
}

static int32_t
block_damp(const struct key_tenant *t, struct slice value)
{
    int32_t damp = DAMP_ONE;
    uint8_t address[16];
    if (t->n_blocks == 0 || !keys_address(value, address))
        return damp;
    for (size_t i = 0; i < t->n_blocks; i++)
        if (inside(address, t->blocks[i].net, t->blocks[i].bits) && t->blocks[i].damp < damp)
            damp = t->blocks[i].damp;
    return damp;
}

int32_t
keys_damp(const struct key_tenant *t, enum key_type type, struct slice value)
{
    if (t == NULL)
        return DAMP_ONE;
    bool address = type == KEY_IP || type == KEY_IP_PRIVATE;
    int32_t damp = address ? block_damp(t, value) : DAMP_ONE;
    size_t low = 0, high = t->n_hubs;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = hub_cmp(type, value, &t->hubs[mid]);
        if (order == 0)
            return t->hubs[mid].damp < damp ? t->hubs[mid].damp : damp;
        low = order > 0 ? mid + 1 : low;
        high = order < 0 ? mid : high;
    }
    return damp;
}

static int
domain_order(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

bool
keys_own_address(const struct key_tenant *t, struct slice address)
{
    size_t at = address.n;
    while (at > 0 && address.p[at - 1] != '@')
        at--;
    if (at == 0 || t == NULL || t->n_domains == 0)
        return false;
    struct slice domain = slice_sub(address, at, address.n);
    return bsearch(&domain, t->domains, t->n_domains, sizeof(domain), domain_order) != NULL;
}

/* ---- reading */

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "keys.memory", "no room for a tenant's lists");
}

static struct err
bad_hub(size_t i, const char *what)
{
    return err_make(ERR_REJECT, "settings.hubs", "hubs[%zu]: %s", i, what);
}

static struct err
read_domains(struct json list, struct arena *a, struct key_tenant *out)
{
    size_t n = json_count(list);
    if (json_type(list) == JSON_ABSENT)
        return ERR_OK;
    if (json_type(list) != JSON_ARRAY || n > LIST_MAX)
        return err_make(ERR_REJECT, "settings.domains", "domains: a list of at most %d", LIST_MAX);
    struct slice *domains = arena_alloc(a, sizeof(*domains) * (n + 1)), name;
    struct json v;
    if (domains == NULL)
        return no_memory();
    out->domains = domains;
    for (struct json_iter it = json_items(list); json_next(&it, &name, &v);) {
        struct slice text = slice_trim(json_text(v));
        if (text.n == 0 || text.n > 253 || slice_find(text, SLICE("@"), 0) < text.n)
            return err_make(ERR_REJECT, "settings.domains", "domains[%zu]: not a domain name",
                            out->n_domains);
        domains[out->n_domains] = slice_lower(a, text);
        if (domains[out->n_domains++].p == NULL)
            return no_memory();
    }
    qsort(domains, out->n_domains, sizeof(*domains), domain_order);
    return ERR_OK;
}

/* "10.0.0.0/8" */
static bool
read_block(struct slice value, struct key_block *out)
{
    struct slice rest = value, net = slice_split(&rest, '/');
    int64_t bits;
    bool v4 = slice_find(net, SLICE(":"), 0) == net.n;
    if (!keys_address(net, out->net) || !slice_int(rest, &bits) || bits < 0 ||
        bits > (v4 ? ADDRESS_BITS - V4_BITS : ADDRESS_BITS))
        return false;
    out->bits = (uint8_t)(bits + (v4 ? V4_BITS : 0));
    return true;
}

/* A value as keys_of writes it. */
static struct slice
hub_value(enum key_type *type, struct slice value, struct arena *a)
{
    uint8_t address[16];
    switch (*type) {
    case KEY_IP:
    case KEY_IP_PRIVATE:
        if (!keys_address(value, address) || keys_address_type(address) == KEY_TYPES)
            return SLICE_NONE;
        *type = keys_address_type(address);
        return alert_fold_ip(value, a);
    case KEY_URL:
        return alert_fold_url(value, a);
    case KEY_USER:
    case KEY_DEVICE:
        return slice_find(value, SLICE(":"), 0) < value.n ? slice_lower(a, value) : SLICE_NONE;
    case KEY_FILE:
        return alert_fold_hash(value, a);
    case KEY_INTERNET_MESSAGE:
    case KEY_COMMAND:
        return value;
    default:
        return slice_lower(a, value);
    }
}

static struct err
read_hub(struct json v, size_t i, struct arena *a, struct key_hub *hubs, struct key_block *blocks,
         struct key_tenant *out)
{
    enum key_type type = key_type_of(json_get_text(v, "type"));
    struct slice value = slice_trim(json_get_text(v, "value"));
    int64_t damp;
    if (type == KEY_TYPES)
        return bad_hub(i, "'type' is none of the key types (user, device, ip, sha, ...)");
    if (value.n == 0 || value.n > KEYS_VALUE_MAX)
        return bad_hub(i, "'value' is missing or too long");
    if (!json_get_int(v, "damp", &damp) || damp < 0 || damp > DAMP_ONE)
        return bad_hub(i, "'damp' must be 0 to 1000");
    if ((type == KEY_IP || type == KEY_IP_PRIVATE) && slice_find(value, SLICE("/"), 0) < value.n) {
        struct key_block *block = &blocks[out->n_blocks++];
        block->damp = (int32_t)damp;
        return read_block(value, block) ? ERR_OK
                                        : bad_hub(i, "'value' is no address block like 10.0.0.0/8");
    }
    struct slice canonical = hub_value(&type, value, a);
    if (canonical.n == 0)
        return bad_hub(i, "'value' is not one of its type, or is never a key");
    hubs[out->n_hubs++] = (struct key_hub){type, canonical, (int32_t)damp};
    return ERR_OK;
}

/* Of entries for one value the strongest damping counts. */
static size_t
hubs_unique(struct key_hub *hubs, size_t n)
{
    size_t out = 0;
    qsort(hubs, n, sizeof(*hubs), hub_order);
    for (size_t i = 0; i < n; i++) {
        if (out > 0 && hub_order(&hubs[out - 1], &hubs[i]) == 0) {
            if (hubs[i].damp < hubs[out - 1].damp)
                hubs[out - 1].damp = hubs[i].damp;
            continue;
        }
        hubs[out++] = hubs[i];
    }
    return out;
}

static struct err
read_hubs(struct json list, struct arena *a, struct key_tenant *out)
{
    size_t n = json_count(list), i = 0;
    if (json_type(list) == JSON_ABSENT)
        return ERR_OK;
    if (json_type(list) != JSON_ARRAY || n > LIST_MAX)
        return err_make(ERR_REJECT, "settings.hubs", "hubs: a list of at most %d", LIST_MAX);
    struct key_hub *hubs = arena_alloc(a, sizeof(*hubs) * (n + 1));
    struct key_block *blocks = arena_alloc(a, sizeof(*blocks) * (n + 1));
    if (hubs == NULL || blocks == NULL)
        return no_memory();
    struct slice name;
    struct json v;
    for (struct json_iter it = json_items(list); json_next(&it, &name, &v); i++) {
        struct err e = read_hub(v, i, a, hubs, blocks, out);
        if (e.kind)
            return e;
    }
    out->n_hubs = hubs_unique(hubs, out->n_hubs);
    out->hubs = hubs;
    out->blocks = blocks;
    return ERR_OK;
}

struct err
keys_tenant_read(struct slice json, struct arena *a, struct key_tenant *out)
{
    struct json doc;
    *out = (struct key_tenant){.hubs = NULL};
    struct err e = json_parse(json, a, &doc);
    if (e.kind == ERR_REJECT || (!e.kind && json_type(doc) != JSON_OBJECT))
        return err_make(ERR_REJECT, "settings.json", "settings are not a JSON object");
    if (!e.kind)
        e = read_domains(json_get(doc, "domains"), a, out);
    if (!e.kind)
        e = read_hubs(json_get(doc, "hubs"), a, out);
    if (e.kind)
        *out = (struct key_tenant){.hubs = NULL};
    return e;
}
