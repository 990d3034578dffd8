#include <stdlib.h>
#include <string.h>

#include "normalize/keys.h"
#include "normalize/packing.h"

/* Packed: version 2, cut, identities (type, sender, count, texts), keys (type, later, weight,
 * text); numbers in groups of seven bits, least first; texts with their length in front. */
enum { PACK_VERSION = 2, SORT_SMALL = 24 };

static void
put_set(struct packing_out *o, const struct key_set *set)
{
    packing_put(o, PACK_VERSION);
    packing_put(o, set->cut);
    packing_put(o, (uint32_t)set->n_identities);
    for (size_t i = 0; i < set->n_identities; i++) {
        const struct key_identity *id = &set->identities[i];
        packing_put(o, (uint32_t)id->type << 1 | (id->sender ? 1 : 0));
        packing_put(o, (uint32_t)id->n_ids);
        for (size_t k = 0; k < id->n_ids; k++)
            packing_put_text(o, id->ids[k]);
    }
    packing_put(o, (uint32_t)set->n_keys);
    for (size_t i = 0; i < set->n_keys; i++) {
        packing_put(o, (uint32_t)set->keys[i].type << 1 | (set->keys[i].later ? 1 : 0));
        packing_put(o, (uint32_t)set->keys[i].weight);
        packing_put_text(o, set->keys[i].value);
    }
}

struct slice
keys_pack(const struct key_set *set, struct arena *a)
{
    struct packing_out count = {NULL, 0};
    put_set(&count, set);
    struct packing_out made = {arena_alloc(a, count.n), 0};
    if (made.p == NULL)
        return SLICE_NONE;
    put_set(&made, set);
    return (struct slice){(const char *)made.p, made.n};
}

/* ---- back */

static bool
get_identities(struct packing_in *in, struct arena *a, struct key_set *out)
{
    out->n_identities = packing_get(in, KEYS_NODE_MAX);
    out->identities = arena_alloc(a, sizeof(*out->identities) * (out->n_identities + 1));
    if (out->identities == NULL)
        return false;
    for (size_t i = 0; i < out->n_identities && !in->bad; i++) {
        struct key_identity *id = &out->identities[i];
        uint32_t type = packing_get(in, 2 * KEY_DEVICE + 1);
        id->type = (enum key_type)(type >> 1);
        id->sender = (type & 1) != 0;
        id->n_ids = packing_get(in, KEYS_IDENTIFIERS_MAX);
        in->bad |= id->n_ids == 0;
        for (size_t k = 0; k < id->n_ids && !in->bad; k++)
            id->ids[k] = packing_get_text(in, KEYS_VALUE_MAX * 4);
    }
    return true;
}

static bool
get_keys(struct packing_in *in, struct arena *a, struct key_set *out)
{
    out->n_keys = packing_get(in, KEYS_NODE_MAX);
    out->keys = arena_alloc(a, sizeof(*out->keys) * (out->n_keys + 1));
    if (out->keys == NULL)
        return false;
    for (size_t i = 0; i < out->n_keys && !in->bad; i++) {
        uint32_t type = packing_get(in, 2 * KEY_TYPES - 1);
        out->keys[i].type = (enum key_type)(type >> 1);
        out->keys[i].later = (type & 1) != 0;
        out->keys[i].weight = (int32_t)packing_get(in, INT32_MAX);
        out->keys[i].value = packing_get_text(in, KEYS_VALUE_MAX * 4);
    }
    return true;
}

struct err
keys_unpack(struct slice packed, struct arena *a, struct key_set *out)
{
    struct packing_in in = {(const uint8_t *)packed.p, packed.n, false};
    *out = (struct key_set){.cut = 0};
    if (packing_get(&in, UINT32_MAX) != PACK_VERSION)
        return err_make(ERR_REJECT, "keys.packed", "packed keys of a version not known here");
    out->cut = packing_get(&in, UINT32_MAX);
    if (!get_identities(&in, a, out) || !get_keys(&in, a, out))
        return err_make(ERR_RETRY, "keys.memory", "no room for an alert's keys");
    if (in.bad || in.n != 0)
        return err_make(ERR_REJECT, "keys.packed", "packed keys are cut off or damaged");
    return ERR_OK;
}

/* ---- what holds for every set */

static int
key_order(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    int order = slice_cmp(x->value, y->value);
    return order != 0 ? order : (x->weight < y->weight) - (x->weight > y->weight);
}

static bool
has_key(const struct key_set *set, enum key_type type, struct slice value)
{
    for (size_t i = 0; i < set->n_keys && set->keys[i].type <= type; i++)
        if (set->keys[i].type == type && slice_eq(set->keys[i].value, value))
            return true;
    return false;
}

/* Most sets are small and nearly in order. */
static void
keys_sort(struct key *keys, size_t n)
{
    if (n > SORT_SMALL) {
        qsort(keys, n, sizeof(*keys), key_order);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        struct key k = keys[i];
        size_t at = i;
        for (; at > 0 && key_order(&keys[at - 1], &k) > 0; at--)
            keys[at] = keys[at - 1];
        keys[at] = k;
    }
}

void
keys_finish(struct key_set *set, size_t most)
{
    size_t n = 0;
    keys_sort(set->keys, set->n_keys);
    for (size_t i = 0; i < set->n_keys; i++) /* of equal ones the heaviest comes first */
        if (n == 0 || set->keys[n - 1].type != set->keys[i].type ||
            !slice_eq(set->keys[n - 1].value, set->keys[i].value))
            set->keys[n++] = set->keys[i];
    set->n_keys = n < most ? n : most;
    set->cut += (uint32_t)(n - set->n_keys);
    n = 0;
    for (size_t i = 0; i < set->n_identities; i++)
        if (has_key(set, set->identities[i].type, set->identities[i].ids[0]))
            set->identities[n++] = set->identities[i];
    set->n_identities = n;
}

static const char *const TYPE_WORDS[KEY_TYPES] = {
    "user", "device", "nb",  "nmid", "imid", "mcl",  "sender", "url", "dom",
    "ip",   "ipint",  "sha", "cmd",  "proc", "sess", "oauth",  "app", "res",
};

const char *
key_type_word(enum key_type type)
{
    return TYPE_WORDS[type];
}

enum key_type
key_type_of(struct slice name)
{
    if (name.n == 0)
        return KEY_TYPES;
    for (int i = 0; i < KEY_TYPES; i++) {
        const char *word = TYPE_WORDS[i]; /* nearly all differ in the first letter */
        if (word[0] == name.p[0] && slice_eq(name, slice_of(word)))
            return (enum key_type)i;
    }
    return KEY_TYPES;
}
