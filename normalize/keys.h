/*
 * keys.h: what two alerts can share.
 *
 * An alert is reduced to identities (users, devices with all their identifiers) and keys, each
 * with an integer weight. Pure: no clock, no float, no random, no I/O. Ref: correlation.md 3 to 6.
 */
#ifndef WEIR_KEYS_H
#define WEIR_KEYS_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/slice.h"
#include "schemas/alert.h"

/* Order is the priority of correlation.md 5; the names are those of the offline format. */
enum key_type {
    KEY_USER,
    KEY_DEVICE,
    KEY_SHORT_NAME,
    KEY_NETWORK_MESSAGE,
    KEY_INTERNET_MESSAGE,
    KEY_MAIL_CLUSTER,
    KEY_SENDER,
    KEY_URL,
    KEY_DOMAIN,
    KEY_IP,
    KEY_IP_PRIVATE,
    KEY_FILE,
    KEY_COMMAND,
    KEY_PROCESS,
    KEY_SESSION,
    KEY_OAUTH_APP,
    KEY_CLOUD_APP,
    KEY_RESOURCE,
    KEY_TYPES
};
enum key_class {
    CLASS_USER,
    CLASS_DEVICE,
    CLASS_MESSAGE,
    CLASS_NETWORK,
    CLASS_FILE,
    CLASS_APP,
    KEY_CLASSES
};

/* KEYS_NODE_MAX: what one alert may hold after many versions; packed sets may be as large. */
enum { KEYS_MAX = 64, KEYS_NODE_MAX = 1024, KEYS_IDENTIFIERS_MAX = 8, KEYS_VALUE_MAX = 4096 };

/* An identifier or key: type and canonical value. For KEY_USER and KEY_DEVICE the value has its
 * kind in front: "upn:", "aad:", "sid:", "sam:"; "mde:", "aadd:", "dns:". */
struct key {
    enum key_type type;
    int32_t weight; /* keys_of: what the tenant's hub list leaves of it, thousandths. Of a stored
                     * alert: what it weighs in links, fixed when it came */
    struct slice value;
    bool later; /* of a stored alert: its first version did not have it */
};

/* All strong identifiers that one entity of one alert carries: they are one identity. The first
 * one stands for it among the keys. */
struct key_identity {
    enum key_type type; /* KEY_USER or KEY_DEVICE */
    struct slice ids[KEYS_IDENTIFIERS_MAX];
    size_t n_ids;
    bool sender; /* a colleague as the sender of a message: named, not seen at work */
};

/* What the correlator knows of one alert version. */
struct key_set {
    struct key_identity *identities;
    size_t n_identities;
    struct key *keys; /* sorted by (type, value), no repeats; identities' first ids included */
    size_t n_keys;    /* keys_of gives KEYS_MAX at most; the offline format may have more */
    uint32_t cut;     /* keys beyond KEYS_MAX that were left out */
};

/* A value known to be ordinary (correlation.md 6, the known-hub list): damp in thousandths. */
struct key_hub {
    enum key_type type;
    struct slice value; /* canonical, identifiers with their kind */
    int32_t damp;
};

/* A block of addresses known to be ordinary: 16 bytes, IPv4 in its mapped form. */
struct key_block {
    uint8_t net[16];
    uint8_t bits; /* of 128 */
    int32_t damp;
};

/* A tenant's own data for the correlator; sorted, borrowed. All zero: nothing known. */
struct key_tenant {
    const struct key_hub *hubs; /* by (type, value) */
    size_t n_hubs;
    const struct key_block *blocks; /* for both address types */
    size_t n_blocks;
    const struct slice *domains; /* accepted mail domains, lower case */
    size_t n_domains;
};

/* keys_tenant_read - from the tenant's settings JSON: {"domains":[..],"hubs":[{"type":"ip",
 * "value":"203.0.113.9","damp":100}]}; "value" may be an address block "10.0.0.0/8" for ip types.
 * Values are brought to their canonical form; damp is 0 to 1000. Absent members: empty lists.
 * ERR_REJECT "settings.hubs", "settings.domains" or "settings.json" names the entry that is wrong;
 * ERR_RETRY "keys.memory". In the arena. */
MUST_CHECK struct err keys_tenant_read(struct slice json, struct arena *a, struct key_tenant *out);

/*
 * keys_of - identities and keys of an alert.
 *
 * Canonical forms (correlation.md 4, sources.md 7.5), stop values left out, cloud SIDs turned into
 * object ids, names ending in '$' taken as devices, a sender in an accepted domain as that user,
 * damped by the hub list. At most KEYS_MAX keys by (type, value).
 *
 * Owns: everything in the arena. Errors: ERR_RETRY "keys.memory".
 * Thread: any.  Ref: correlation.md 3 to 6 and 20.
 */
MUST_CHECK struct err keys_of(const struct alert *al, const struct key_tenant *t, struct arena *a,
                              struct key_set *out);

/* keys_pack / keys_unpack - identities and keys in one column (design.md 6), version byte first.
 * unpack(pack(x)) = x. ERR_REJECT "keys.packed": not such bytes. */
struct slice keys_pack(const struct key_set *set, struct arena *a); /* SLICE_NONE: out of memory */
MUST_CHECK struct err keys_unpack(struct slice packed, struct arena *a, struct key_set *out);

/* keys_damp - what the hub list says of a value, in thousandths; 1000: it is not on it. */
int32_t keys_damp(const struct key_tenant *t, enum key_type type, struct slice value);
/* keys_own_address - is the part behind the @ one of the tenant's accepted domains? */
bool keys_own_address(const struct key_tenant *t, struct slice address);
/* keys_finish - what holds for every set: keys sorted by (type, value), of equal ones the larger
 * weight; beyond `most` cut and counted; identities whose key was cut go too. */
void keys_finish(struct key_set *set, size_t most);
/* keys_address - an address as 16 bytes, IPv4 mapped; false: not one. */
bool keys_address(struct slice text, uint8_t out[16]);
/* keys_address_type - KEY_IP or KEY_IP_PRIVATE; KEY_TYPES: a stop value (loopback, link-local,
 * unspecified, multicast, broadcast). */
enum key_type keys_address_type(const uint8_t address[16]);

/* key_type_word - "user", "nmid", "ip". key_type_of - the type of a word; KEY_TYPES: none. */
const char *key_type_word(enum key_type type);
enum key_type key_type_of(struct slice name);

#endif
