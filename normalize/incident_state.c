#include <stdlib.h>
#include <string.h>

#include "normalize/incident_internal.h"

static int
state_order(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    if (x->type != y->type)
        return (x->type > y->type) - (x->type < y->type);
    return slice_cmp(x->value, y->value);
}

/* An entity's first name is a key; the other names that were carried of that identity go with the
 * first of its keys, in further entries when they are too many for one. */
static void
state_identity(struct incident_engine *e, const struct own *own, uint16_t at, bool with_rest,
               struct key_set *out)
{
    uint32_t first = own->raw[at] & NODE_ENTRY, root = incident_identity_root(e, first);
    struct key_identity *id = &out->identities[out->n_identities++];
    enum key_type type = (enum key_type)e->entries[first].type;
    struct slice name = incident_table_text(e, first);
    bool sender = (own->raw[at] & NODE_AT_WORK) == 0;
    *id = (struct key_identity){.type = type, .ids = {name}, .n_ids = 1, .sender = sender};
    for (uint16_t i = 0; i < own->n_raw && with_rest; i++) {
        if ((own->raw[i] & NODE_IS_KEY) != 0 ||
            incident_identity_root(e, own->raw[i] & NODE_ENTRY) != root)
            continue;
        if (id->n_ids == KEYS_IDENTIFIERS_MAX) {
            id = &out->identities[out->n_identities++];
            *id = (struct key_identity){.type = type, .ids = {name}, .n_ids = 1, .sender = sender};
        }
        id->ids[id->n_ids++] = incident_table_text(e, own->raw[i] & NODE_ENTRY);
    }
}

static bool
root_is_new(struct incident_engine *e, const struct own *own, uint16_t at)
{
    uint32_t root = incident_identity_root(e, own->raw[at] & NODE_ENTRY);
    for (uint16_t i = 0; i < at; i++)
        if ((own->raw[i] & NODE_IS_KEY) != 0 &&
            incident_identity_root(e, own->raw[i] & NODE_ENTRY) == root)
            return false;
    return true;
}

static bool
state_keys(struct incident_engine *e, const struct own *own, struct arena *a, struct key_set *out)
{
    out->identities = arena_alloc(a, sizeof(*out->identities) * ((size_t)own->n_raw + 1));
    out->keys = arena_alloc(a, sizeof(*out->keys) * ((size_t)own->n_keys + 1));
    if (out->identities == NULL || out->keys == NULL)
        return false;
    for (uint16_t i = 0; i < own->n_raw; i++)
        if ((own->raw[i] & NODE_IS_KEY) != 0)
            state_identity(e, own, i, root_is_new(e, own, i), out);
    for (uint16_t i = 0; i < own->n_keys; i++)
        out->keys[out->n_keys++] = (struct key){.type = own->keys[i].type,
                                                .weight = own->keys[i].weight,
                                                .value = incident_table_text(e, own->keys[i].entry),
                                                .later = own->keys[i].later};
    if (out->n_keys > 1)
        qsort(out->keys, out->n_keys, sizeof(*out->keys), state_order);
    return true;
}

struct err
incident_state(struct incident_engine *e, struct slice source, struct slice native_id,
               struct arena *a, struct incident_alert *out, uint16_t *leads)
{
    uint32_t member = incident_node_find(e, source, native_id);
    if (member == INCIDENT_NONE)
        return err_make(ERR_REJECT, "incident.unknown", "the correlator knows no such alert");
    const struct member *m = &e->members[member];
    const struct node *n = &e->nodes[m->node];
    struct carried room[INCIDENT_OWN_ROOM];
    const struct own own = incident_own_of(e, member, room);
    struct key_set *set = arena_alloc(a, sizeof(*set));
    if (set == NULL || !state_keys(e, &own, a, set))
        return err_make(ERR_RETRY, "incident.memory", "no room for an alert's state");
    *out = (struct incident_alert){
        .source = incident_node_source(e, member),
        .source_number = n->source,
        .product_number = n->product,
        .seq = m->seq,
        .native_id = incident_node_native_id(e, member),
        .version = m->version,
        .created_s = m->created_s,
        .first_s = m->first_s,
        .last_s = m->last_s,
        .level = m->level,
        .tactics = n->tactics,
        .detector = incident_table_text(e, n->detector_text),
        .title = incident_table_text(e, n->title),
        .product = incident_table_text(e, n->product_name),
        .category = incident_table_text(e, n->category),
        .threat = incident_table_text(e, n->threat),
        .false_positive = m->false_positive,
        .resolved = m->resolved,
        .points = own.points,
        .rarity = own.rarity,
        .keys = set,
    };
    *leads = own.leads;
    return ERR_OK;
}
