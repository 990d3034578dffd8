#include <string.h>

#include "normalize/incident_internal.h"

static int64_t
clamp(int64_t v, int64_t least, int64_t most)
{
    return v < least ? least : v > most ? most : v;
}

/* The highest bit. */
static uint16_t
lead_of(uint16_t tactics)
{
    uint16_t lead = 0;
    for (uint16_t bit = 1; bit <= INCIDENT_TACTICS && bit != 0; bit = (uint16_t)(bit << 1))
        lead = tactics & bit ? bit : lead;
    return lead;
}

/* ---- a version in numbers */

static bool
number_ids(struct incident_engine *e, const struct key_set *set)
{
    e->n_ids = 0;
    for (size_t i = 0; i < set->n_identities; i++)
        for (size_t k = 0; k < set->identities[i].n_ids; k++) {
            if (!incident_table_grow(e, (void **)&e->ids, sizeof(*e->ids), e->n_ids, &e->cap_ids))
                return false;
            uint32_t entry = incident_table_intern(e, (uint8_t)set->identities[i].type,
                                                   set->identities[i].ids[k]);
            if (entry == INCIDENT_NONE)
                return false;
            e->ids[e->n_ids++] = (struct named){entry, k == 0, set->identities[i].sender};
        }
    return true;
}

static bool
number_keys(struct incident_engine *e, const struct key_set *set)
{
    e->n_carried = 0;
    for (size_t i = 0; i < set->n_keys && i < KEYS_NODE_MAX; i++) {
        const struct key *k = &set->keys[i];
        if (!incident_table_grow(e, (void **)&e->carried, sizeof(*e->carried), e->n_carried,
                                 &e->cap_carried))
            return false;
        uint32_t entry = incident_table_intern(e, (uint8_t)k->type, k->value);
        if (entry == INCIDENT_NONE)
            return false;
        e->carried[e->n_carried++] = (struct carried){
            entry, k->type, (int32_t)clamp(k->weight, 0, INCIDENT_WEIGHT_MAX), k->later};
    }
    e->cut += set->n_keys > KEYS_NODE_MAX ? set->n_keys - KEYS_NODE_MAX : 0;
    return true;
}

/* Detectors are told apart by who has them. */
static uint32_t
detector_entry(struct incident_engine *e, const struct incident_alert *al)
{
    char text[2 * INCIDENT_NAME_BYTES + 1];
    text[0] = (char)(al->product_number & 31);
    struct slice name = incident_table_alert(al->source, al->detector, text + 1, sizeof(text) - 1);
    return incident_table_intern(e, INCIDENT_DETECTOR, (struct slice){text, name.n + 1});
}

bool
incident_node_number(struct incident_engine *e, const struct incident_alert *al,
                     struct arrival *out)
{
    *out = (struct arrival){
        .al = al,
        .seq = al->seq,
        .first_s = clamp(al->first_s, -INCIDENT_TIME_MAX_S, INCIDENT_TIME_MAX_S),
        .last_s = clamp(al->last_s, -INCIDENT_TIME_MAX_S, INCIDENT_TIME_MAX_S),
        .tactics = al->tactics & INCIDENT_TACTICS,
        .leads = lead_of(al->tactics & INCIDENT_TACTICS),
        .level = al->level & 3,
        .detector = detector_entry(e, al),
    };
    return out->detector != INCIDENT_NONE && number_ids(e, al->keys) && number_keys(e, al->keys);
}

void
incident_node_unite(struct incident_engine *e, const struct incident_alert *al)
{
    size_t at = 0;
    for (size_t i = 0; i < al->keys->n_identities; at += al->keys->identities[i++].n_ids)
        for (size_t k = 1; k < al->keys->identities[i].n_ids && !e->dead; k++)
            incident_identity_unite(e, e->ids[at].entry, e->ids[at + k].entry);
}

/* ---- what a node learns */

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
               int32_t weight)
{
    struct node *n = &e->nodes[node];
    uint32_t id = incident_identity_root(e, entry);
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
node_learn_raw(struct incident_engine *e, uint32_t node, uint32_t entry, uint32_t bits)
{
    struct node *n = &e->nodes[node];
    for (uint16_t i = 0; i < n->n_raw; i++)
        if ((n->raw[i] & NODE_ENTRY) == entry) {
            bool news = (n->raw[i] | bits) != n->raw[i];
            n->raw[i] |= bits;
            return news;
        }
    if (!node_reserve(e, (void **)&n->raw, sizeof(*n->raw), n->n_raw, &n->cap_raw))
        return false;
    n->raw[n->n_raw++] = entry | bits;
    return true;
}

/* True when it may now link to more; *news when anything changed. */
static bool
node_learn_keys(struct incident_engine *e, uint32_t node, bool *news)
{
    bool grown = false;
    for (uint32_t i = 0; i < e->n_ids && !e->dead; i++)
        *news |= node_learn_raw(e, node, e->ids[i].entry,
                                (e->ids[i].first ? NODE_IS_KEY : 0) |
                                    (e->ids[i].sender ? 0 : NODE_AT_WORK));
    for (uint32_t i = 0; i < e->n_carried && !e->dead; i++) {
        const struct carried *c = &e->carried[i];
        grown |= node_learn_key(e, node, c->entry, c->type, c->weight);
    }
    return grown;
}

static struct slice
cut(struct slice s)
{
    return (struct slice){s.p, s.n < INCIDENT_NAME_BYTES ? s.n : INCIDENT_NAME_BYTES};
}

/* The words of the newest version: for names only, nothing is decided by them. */
static bool
node_learn_words(struct incident_engine *e, uint32_t node, const struct incident_alert *al)
{
    const struct slice texts[] = {al->title, al->product, al->category, al->threat};
    struct node *n = &e->nodes[node];
    uint32_t *const words[] = {&n->title, &n->product_name, &n->category, &n->threat};
    bool news = false;
    for (size_t i = 0; i < 4; i++) {
        uint32_t word =
            texts[i].n == 0 ? INCIDENT_NONE : incident_table_intern(e, ENTRY_TEXT, cut(texts[i]));
        news |= *words[i] != word;
        *words[i] = word;
    }
    return news;
}

/* ---- nodes */

/* Lists of the size that the first version needs: most alerts never need more. */
static bool
node_size(struct incident_engine *e, struct node *n)
{
    uint32_t raw = e->n_ids < KEYS_NODE_MAX ? e->n_ids : KEYS_NODE_MAX;
    if (e->n_carried > 0) {
        n->keys = incident_table_alloc(e, sizeof(*n->keys) * e->n_carried);
        n->fold = incident_table_alloc(e, sizeof(*n->fold) * e->n_carried);
        n->cap_keys = (uint16_t)e->n_carried;
    }
    if (raw > 0) {
        n->raw = incident_table_alloc(e, sizeof(*n->raw) * raw);
        n->cap_raw = (uint16_t)raw;
    }
    if (e->dead)
        return false;
    for (uint32_t i = 0; i < e->n_carried; i++)
        if (!e->carried[i].later)
            n->fold[n->n_fold++] = e->carried[i].entry;
    incident_fold_sort(n->fold, n->n_fold);
    return true;
}

uint32_t
incident_node_new(struct incident_engine *e, const struct arrival *v)
{
    const struct incident_alert *al = v->al;
    uint32_t detector_text = incident_table_intern(e, ENTRY_TEXT, cut(al->detector));
    if (e->dead ||
        !incident_table_grow(e, (void **)&e->nodes, sizeof(*e->nodes), e->n_nodes, &e->cap_nodes))
        return INCIDENT_NONE;
    uint32_t node = e->n_nodes++;
    struct node *n = &e->nodes[node];
    *n = (struct node){
        .seq = v->seq,
        .first_s = v->first_s,
        .last_s = v->last_s,
        .created_s = al->created_s,
        .detector = v->detector,
        .detector_text = detector_text,
        .title = INCIDENT_NONE,
        .product_name = INCIDENT_NONE,
        .category = INCIDENT_NONE,
        .threat = INCIDENT_NONE,
        .fold_next = INCIDENT_NONE,
        .member = INCIDENT_NONE,
        .group = INCIDENT_NONE,
        .next = INCIDENT_NONE,
        .leads = v->leads,
        .tactics = v->tactics,
        .level = v->level,
        .points = v->points,
        .rarity = v->rarity,
        .source = al->source_number & 31,
        .product = al->product_number & 31,
    };
    bool news = false;
    if (!node_size(e, n))
        return INCIDENT_NONE;
    (void)node_learn_words(e, node, al);
    (void)node_learn_keys(e, node, &news);
    return e->dead ? INCIDENT_NONE : node;
}

/* Seconds inside one time step cannot change a gap; a longer interval in steps can. */
static bool
longer_in_steps(const struct incident_engine *e, int64_t first_s, int64_t last_s,
                const struct node *n)
{
    struct link_node was = {.first_s = n->first_s, .last_s = n->last_s};
    struct link_node head = {.first_s = first_s, .last_s = first_s};
    struct link_node tail = {.first_s = last_s, .last_s = last_s};
    return (first_s < n->first_s && link_gap(&head, &was, e->p->time_step_s) > 0) ||
           (last_s > n->last_s && link_gap(&was, &tail, e->p->time_step_s) > 0);
}

/* What of it is neither keys nor words. */
static bool
learn_rest(struct incident_engine *e, struct node *n, int64_t first_s, int64_t last_s,
           uint16_t leads, uint16_t tactics, uint8_t level, int32_t points, int32_t rarity,
           bool *news)
{
    struct node before = *n;
    bool grown = longer_in_steps(e, first_s, last_s, n);
    n->first_s = first_s < n->first_s ? first_s : n->first_s;
    n->last_s = last_s > n->last_s ? last_s : n->last_s;
    n->leads |= leads;
    n->tactics |= tactics;
    n->level = level > n->level ? level : n->level;
    n->points = points > n->points ? points : n->points;
    n->rarity = rarity > n->rarity ? rarity : n->rarity;
    grown |= n->leads != before.leads || n->level != before.level || n->points != before.points ||
             n->rarity != before.rarity;
    *news |= grown || n->tactics != before.tactics || n->first_s != before.first_s ||
             n->last_s != before.last_s;
    return grown;
}

bool
incident_node_absorb(struct incident_engine *e, uint32_t node, const struct arrival *v, bool *news)
{
    bool grown = learn_rest(e, &e->nodes[node], v->first_s, v->last_s, v->leads, v->tactics,
                            v->level, v->points, v->rarity, news);
    grown |= node_learn_keys(e, node, news);
    *news |= node_learn_words(e, node, v->al) || grown;
    return grown;
}

void
incident_node_swallow(struct incident_engine *e, uint32_t node, uint32_t other)
{
    incident_own_split(e, node);
    incident_own_split(e, other);
    struct node *n = &e->nodes[node], *o = &e->nodes[other];
    bool news = false;
    (void)learn_rest(e, n, o->first_s, o->last_s, o->leads, o->tactics, o->level, o->points,
                     o->rarity, &news);
    for (uint16_t i = 0; i < o->n_raw && !e->dead; i++)
        (void)node_learn_raw(e, node, o->raw[i] & NODE_ENTRY, o->raw[i] & ~NODE_ENTRY);
    for (uint16_t i = 0; i < o->n_keys && !e->dead; i++)
        (void)node_learn_key(e, node, o->keys[i].id, o->keys[i].type, o->keys[i].weight);
    uint32_t last = o->member;
    for (uint32_t m = o->member; m != INCIDENT_NONE; m = e->members[m].next) {
        e->members[m].node = node;
        last = m;
    }
    if (last != INCIDENT_NONE) {
        e->members[last].next = n->member;
        n->member = o->member;
    }
    n->alerts += o->alerts;
    n->false_positives += o->false_positives;
    n->resolved += o->resolved;
    n->believed = o->believed > n->believed ? o->believed : n->believed;
    n->created_s = o->created_s < n->created_s ? o->created_s : n->created_s;
    o->member = INCIDENT_NONE;
    o->alerts = o->false_positives = o->resolved = 0;
    o->dead = true;
    e->n_dead++;
}

/* ---- members */

uint32_t
incident_node_alert(struct incident_engine *e, const struct incident_alert *al)
{
    char text[2 * INCIDENT_NAME_BYTES];
    struct slice name = incident_table_alert(al->source, al->native_id, text, sizeof(text));
    return incident_table_intern(e, ENTRY_ALERT, name);
}

uint32_t
incident_node_find(const struct incident_engine *e, struct slice source, struct slice native_id)
{
    char text[2 * INCIDENT_NAME_BYTES];
    struct slice name = incident_table_alert(source, native_id, text, sizeof(text));
    uint32_t alert = incident_table_find(e, ENTRY_ALERT, name);
    return alert != INCIDENT_NONE ? e->entries[alert].ref : INCIDENT_NONE;
}

void
incident_node_fresh(struct incident_engine *e, uint32_t member)
{
    if (e->members[member].fresh ||
        !incident_table_grow(e, (void **)&e->fresh, sizeof(*e->fresh), e->n_fresh, &e->cap_fresh))
        return;
    e->members[member].fresh = true;
    e->fresh[e->n_fresh++] = member;
}

uint32_t
incident_node_member(struct incident_engine *e, uint32_t node, uint32_t name,
                     const struct arrival *v)
{
    if (e->dead || !incident_table_grow(e, (void **)&e->members, sizeof(*e->members), e->n_members,
                                        &e->cap_members))
        return INCIDENT_NONE;
    uint32_t member = e->n_members++;
    struct node *n = &e->nodes[node];
    const struct incident_alert *al = v->al;
    e->members[member] = (struct member){
        .seq = v->seq,
        .version = al->version,
        .created_s = al->created_s,
        .first_s = v->first_s,
        .last_s = v->last_s,
        .name = name,
        .node = node,
        .next = n->member,
        .stored_group = INCIDENT_NONE,
        .source = al->source_number & 31,
        .level = v->level,
        .false_positive = al->false_positive,
        .resolved = al->resolved,
    };
    n->member = member;
    n->alerts++;
    n->false_positives += al->false_positive;
    n->resolved += al->resolved;
    n->created_s = al->created_s < n->created_s ? al->created_s : n->created_s;
    if (!al->false_positive && v->level > n->believed)
        n->believed = v->level;
    n->seq = v->seq < n->seq ? v->seq : n->seq;
    e->entries[name].ref = member;
    if (n->group != INCIDENT_NONE)
        e->groups[incident_group(e, n->group)].alerts++;
    return member;
}

/* A verdict may be taken back: then all of them are asked again. */
static uint8_t
believed(const struct incident_engine *e, const struct node *n)
{
    uint8_t most = 0;
    for (uint32_t m = n->member; m != INCIDENT_NONE; m = e->members[m].next)
        if (!e->members[m].false_positive && e->members[m].level > most)
            most = e->members[m].level;
    return most;
}

void
incident_node_update(struct incident_engine *e, uint32_t member, const struct arrival *v)
{
    struct member *m = &e->members[member];
    struct node *n = &e->nodes[m->node];
    m->version = v->al->version;
    m->first_s = v->first_s < m->first_s ? v->first_s : m->first_s;
    m->last_s = v->last_s > m->last_s ? v->last_s : m->last_s;
    m->level = v->level > m->level ? v->level : m->level;
    n->false_positives += (uint32_t)v->al->false_positive - m->false_positive;
    n->resolved += (uint32_t)v->al->resolved - m->resolved;
    bool verdict = m->false_positive != v->al->false_positive;
    m->false_positive = v->al->false_positive;
    m->resolved = v->al->resolved;
    if (verdict)
        n->believed = believed(e, n);
    else if (!m->false_positive && m->level > n->believed)
        n->believed = m->level;
}

/* An alert's name: source, NUL, native id. */
struct slice
incident_node_source(const struct incident_engine *e, uint32_t member)
{
    struct slice text = incident_table_text(e, e->members[member].name);
    return slice_split(&text, '\0');
}

struct slice
incident_node_native_id(const struct incident_engine *e, uint32_t member)
{
    struct slice text = incident_table_text(e, e->members[member].name);
    (void)slice_split(&text, '\0');
    return text;
}
