#include <string.h>

#include "normalize/incident_internal.h"

/* WEIGHT_MAX: sums of one for each class and the terms fit 32 bits */
enum { NAME_MAX_BYTES = 8192, WEIGHT_MAX = 100000000, DAMP_ONE = 1000 };

static int64_t
clamp(int64_t v, int64_t least, int64_t most)
{
    return v < least ? least : v > most ? most : v;
}

/* Room for one more in a node's list; lists at most KEYS_NODE_MAX long. */
static bool
node_reserve(struct incident_engine *e, void **items, size_t item_bytes, uint16_t n, uint16_t *cap)
{
    if (n < *cap)
        return true;
    if (n >= KEYS_NODE_MAX) {
        e->cut++;
        return false;
    }
    uint16_t more = *cap < 4 ? 4 : (uint16_t)(*cap * 2);
    void *p = incident_table_alloc(e, item_bytes * more);
    if (p == NULL)
        return false;
    if (n > 0)
        memcpy(p, *items, item_bytes * n);
    *items = p;
    *cap = more;
    return true;
}

/* The node has the key with at least this weight; true when that is news. */
static bool
node_learn_key(struct incident_engine *e, uint32_t node, uint32_t entry, enum key_type type,
               int64_t wide)
{
    struct node *n = &e->nodes[node];
    uint32_t id = incident_table_root(e, entry);
    int32_t weight = (int32_t)clamp(wide, 0, WEIGHT_MAX);
    uint16_t at = 0;
    while (at < n->n_keys && n->keys[at].id < id)
        at++;
    if (at < n->n_keys && n->keys[at].id == id) {
        bool more = weight > n->keys[at].weight;
        n->keys[at].weight = more ? weight : n->keys[at].weight;
        return more;
    }
    if (!node_reserve(e, (void **)&n->keys, sizeof(*n->keys), n->n_keys, &n->cap_keys))
        return false;
    memmove(n->keys + at + 1, n->keys + at, sizeof(*n->keys) * (size_t)(n->n_keys - at));
    n->keys[at] = (struct link_key){id, type, weight};
    n->n_keys++;
    incident_table_post(e, id, node);
    if (n->group != INCIDENT_NONE && type <= KEY_DEVICE) {
        struct group *g = &e->groups[incident_group(e, n->group)];
        g->users_most += type == KEY_USER;
        g->devices_most += type == KEY_DEVICE;
    }
    return true;
}

static bool
node_learn_raw(struct incident_engine *e, uint32_t node, uint32_t entry)
{
    struct node *n = &e->nodes[node];
    for (uint16_t i = 0; i < n->n_raw; i++)
        if (n->raw[i] == entry)
            return false;
    if (!node_reserve(e, (void **)&n->raw, sizeof(*n->raw), n->n_raw, &n->cap_raw))
        return false;
    n->raw[n->n_raw++] = entry;
    return true;
}

/* Lists of the size that the first version needs: most alerts never need more. */
static void
node_size(struct incident_engine *e, struct node *n, const struct key_set *set)
{
    size_t raw = 0;
    for (size_t i = 0; i < set->n_identities; i++)
        raw += set->identities[i].n_ids;
    size_t keys = set->n_keys < KEYS_NODE_MAX ? set->n_keys : KEYS_NODE_MAX;
    raw = raw < KEYS_NODE_MAX ? raw : KEYS_NODE_MAX;
    if (keys > 0 && (n->keys = incident_table_alloc(e, sizeof(*n->keys) * keys)) != NULL)
        n->cap_keys = (uint16_t)keys;
    if (raw > 0 && (n->raw = incident_table_alloc(e, sizeof(*n->raw) * raw)) != NULL)
        n->cap_raw = (uint16_t)raw;
}

/* What a key of an alert that comes now weighs in links. */
static int64_t
weigh(const struct incident_engine *e, const struct key *k)
{
    return (int64_t)e->p->rules[k->type].weight * k->weight / DAMP_ONE;
}

/* Identifiers are united first, so that the keys are written down resolved. */
static bool
node_learn_keys(struct incident_engine *e, uint32_t node, const struct incident_alert *al,
                bool *news)
{
    const struct key_set *set = al->keys;
    bool grown = false;
    for (size_t i = 0; i < set->n_identities && !e->dead; i++) {
        const struct key_identity *id = &set->identities[i];
        uint32_t first = INCIDENT_NONE;
        for (size_t k = 0; k < id->n_ids && !e->dead; k++) {
            uint32_t entry = incident_table_intern(e, (uint8_t)id->type, id->ids[k]);
            if (entry == INCIDENT_NONE)
                return false;
            if (node_learn_raw(e, node, entry))
                *news = true;
            if (k > 0)
                incident_table_unite(e, first, entry);
            first = k == 0 ? entry : first;
        }
    }
    for (size_t i = 0; i < set->n_keys && !e->dead; i++) {
        const struct key *k = &set->keys[i];
        uint32_t entry = incident_table_intern(e, (uint8_t)k->type, k->value);
        if (entry == INCIDENT_NONE)
            return false;
        if (k->type <= KEY_DEVICE && node_learn_raw(e, node, entry))
            *news = true;
        int64_t weight = al->weighed ? k->weight : weigh(e, k);
        grown |= node_learn_key(e, node, entry, k->type, weight);
    }
    return grown;
}

uint16_t
incident_node_lead(uint16_t tactics)
{
    uint16_t lead = 0;
    for (uint16_t bit = 1; bit <= INCIDENT_TACTICS && bit != 0; bit = (uint16_t)(bit << 1))
        lead = tactics & bit ? bit : lead;
    return lead;
}

/* The words of the newest version: for names only, nothing is decided by them. */
static bool
node_learn_words(struct incident_engine *e, uint32_t node, const struct incident_alert *al)
{
    const struct slice texts[] = {al->title, al->product, al->category, al->threat};
    uint32_t words[4];
    for (size_t i = 0; i < 4; i++) {
        struct slice cut = {texts[i].p, texts[i].n < NAME_MAX_BYTES ? texts[i].n : NAME_MAX_BYTES};
        words[i] = cut.n > 0 ? incident_table_intern(e, ENTRY_TEXT, cut) : INCIDENT_NONE;
    }
    struct node *n = &e->nodes[node];
    bool news = words[0] != n->title || words[1] != n->product || words[2] != n->category ||
                words[3] != n->threat || al->false_positive != n->false_positive;
    n->title = words[0];
    n->product = words[1];
    n->category = words[2];
    n->threat = words[3];
    n->false_positive = al->false_positive;
    return news;
}

static uint32_t
detector_of(struct incident_engine *e, const struct incident_alert *al)
{
    char text[NAME_MAX_BYTES];
    struct slice name = incident_table_alert(al->source, al->detector, text, sizeof(text));
    return incident_table_intern(e, ENTRY_DETECTOR, name);
}

uint32_t
incident_node_new(struct incident_engine *e, const struct incident_alert *al, uint32_t alert,
                  uint16_t leads)
{
    uint32_t detector = detector_of(e, al);
    uint32_t detector_text =
        incident_table_intern(e, ENTRY_TEXT, slice_sub(al->detector, 0, NAME_MAX_BYTES));
    uint32_t source =
        incident_table_intern(e, ENTRY_TEXT, slice_sub(al->source, 0, NAME_MAX_BYTES));
    if (e->dead ||
        !incident_table_grow(e, (void **)&e->nodes, sizeof(*e->nodes), e->n_nodes, &e->cap_nodes))
        return INCIDENT_NONE;
    uint32_t node = e->n_nodes++;
    struct node *n = &e->nodes[node];
    *n = (struct node){
        .first_s = clamp(al->first_s, -INCIDENT_TIME_MAX_S, INCIDENT_TIME_MAX_S),
        .last_s = clamp(al->last_s, -INCIDENT_TIME_MAX_S, INCIDENT_TIME_MAX_S),
        .created_s = al->created_s,
        .version = al->version,
        .alert = alert,
        .source_name = source,
        .detector = detector,
        .detector_text = detector_text,
        .group = INCIDENT_NONE,
        .stored_group = INCIDENT_NONE,
        .next = INCIDENT_NONE,
        .leads = leads,
        .tactics = al->tactics & INCIDENT_TACTICS,
        .level = al->level & 3,
        .source = al->source_number & 31,
    };
    e->entries[alert].ref = node;
    bool news = false;
    node_size(e, n, al->keys);
    (void)node_learn_words(e, node, al);
    (void)node_learn_keys(e, node, al, &news);
    return node;
}

/* A new version of a known alert: nothing it knew is forgotten. grown: it may link to more. */
bool
incident_node_absorb(struct incident_engine *e, uint32_t node, const struct incident_alert *al,
                     bool *news)
{
    struct node *n = &e->nodes[node];
    struct node before = *n;
    n->version = al->version;
    int64_t first = clamp(al->first_s, -INCIDENT_TIME_MAX_S, INCIDENT_TIME_MAX_S);
    int64_t last = clamp(al->last_s, -INCIDENT_TIME_MAX_S, INCIDENT_TIME_MAX_S);
    n->first_s = first < n->first_s ? first : n->first_s;
    n->last_s = last > n->last_s ? last : n->last_s;
    n->leads |= incident_node_lead(al->tactics);
    n->tactics |= al->tactics & INCIDENT_TACTICS;
    n->level = (al->level & 3) > n->level ? al->level & 3 : n->level;
    bool grown = n->leads != before.leads || n->level != before.level;
    *news = grown || n->tactics != before.tactics || n->first_s != before.first_s ||
            n->last_s != before.last_s;
    /* seconds inside one time step cannot change a gap; a longer interval in steps can */
    struct link_node was = {.first_s = before.first_s, .last_s = before.last_s};
    struct link_node head = {.first_s = n->first_s, .last_s = n->first_s};
    struct link_node tail = {.first_s = n->last_s, .last_s = n->last_s};
    grown |= link_gap(&head, &was, e->p->time_step_s) > 0 ||
             link_gap(&was, &tail, e->p->time_step_s) > 0;
    grown |= node_learn_keys(e, node, al, news);
    *news |= node_learn_words(e, node, al) || grown;
    return grown;
}

uint32_t
incident_node_alert(struct incident_engine *e, const struct incident_alert *al)
{
    char text[2 * NAME_MAX_BYTES];
    struct slice name = incident_table_alert(al->source, al->native_id, text, sizeof(text));
    return incident_table_intern(e, ENTRY_ALERT, name);
}

uint32_t
incident_node_find(const struct incident_engine *e, struct slice source, struct slice native_id)
{
    char text[2 * NAME_MAX_BYTES];
    struct slice name = incident_table_alert(source, native_id, text, sizeof(text));
    uint32_t alert = incident_table_find(e, ENTRY_ALERT, name);
    return alert != INCIDENT_NONE ? e->entries[alert].ref : INCIDENT_NONE;
}
