/*
 * incident_evict.c: what no alert can reach any more leaves memory.
 *
 * An incident leaves as a whole, when the watermark is further from its newest activity than the
 * longest window and a day: until then everything of it is here, so names, counts and caps need no
 * store. What left is only marked at first; when half of the nodes are, the tables are made anew
 * without them. Identities that an alias joined stay: they decide about alerts to come.
 */
#include <stdlib.h>
#include <string.h>

#include "normalize/incident_internal.h"

enum { COMPACT_MIN = 256 };

/* How far an alert can look for partners. */
static int64_t
horizon_s(const struct incident_engine *e)
{
    int32_t most = 0;
    for (int i = 0; i < KEY_TYPES; i++)
        most = e->p->rules[i].window_s > most ? e->p->rules[i].window_s : most;
    most = e->p->fold_gap_s > most ? e->p->fold_gap_s : most;
    return (int64_t)most + INCIDENT_DAY_S;
}

bool
incident_has(const struct incident_engine *e, struct slice source, struct slice native_id)
{
    return incident_node_find(e, source, native_id) != INCIDENT_NONE;
}

bool
incident_behind(const struct incident_engine *e, const struct incident_alert *al, int64_t *from_s,
                int64_t *to_s)
{
    int64_t reach = horizon_s(e) - INCIDENT_DAY_S;
    *from_s = al->first_s - reach;
    *to_s = al->last_s + reach;
    return e->watermark_s != INT64_MIN && *from_s < e->watermark_s - horizon_s(e);
}

int64_t
incident_memory_from(const struct incident_engine *e)
{
    return e->watermark_s == INT64_MIN ? INT64_MIN : e->watermark_s - horizon_s(e);
}

struct slice
incident_stands(struct incident_engine *e, enum key_type type, struct slice text)
{
    uint32_t entry =
        type > KEY_DEVICE ? INCIDENT_NONE : incident_table_find(e, (uint8_t)type, text);
    return entry == INCIDENT_NONE ? text : incident_table_text(e, incident_identity_root(e, entry));
}

static int64_t
newest_s(const struct incident_engine *e, const struct group *g)
{
    int64_t newest = INT64_MIN;
    uint32_t at = g->node;
    for (uint32_t i = 0; i < g->nodes; i++, at = e->nodes[at].next)
        newest = e->nodes[at].last_s > newest ? e->nodes[at].last_s : newest;
    return newest;
}

static void
forget_group(struct incident_engine *e, uint32_t group)
{
    struct group *g = &e->groups[group];
    uint32_t at = g->node;
    for (uint32_t i = 0; i < g->nodes; i++) {
        struct node *n = &e->nodes[at];
        for (uint32_t m = n->member; m != INCIDENT_NONE; m = e->members[m].next) {
            e->members[m].dead = true;
            e->entries[e->members[m].name].ref = INCIDENT_NONE;
        }
        n->dead = true;
        e->n_dead++;
        at = n->next;
    }
    g->dead = true;
    for (uint32_t r = group; r != INCIDENT_NONE;
         r = r == group ? g->redirected : e->groups[r].next_redirected) {
        struct slice text = {(const char *)&e->groups[r].id, sizeof(e->groups[r].id)};
        e->groups[r].dead = true;
        e->entries[incident_table_find(e, ENTRY_INCIDENT, text)].ref = INCIDENT_NONE;
    }
    g->node = INCIDENT_NONE;
    g->nodes = g->alerts = 0;
}

/* ---- the tables anew */

/* From the old engine to the new one; NONE: not carried over yet. */
struct moves {
    struct incident_engine *from, *to;
    uint32_t *entries, *groups;
    const struct own *own_from, *own_to; /* the last one */
};

static uint32_t
move_entry(struct moves *m, uint32_t entry)
{
    if (entry == INCIDENT_NONE || m->entries[entry] != INCIDENT_NONE)
        return entry == INCIDENT_NONE ? entry : m->entries[entry];
    const struct entry *x = &m->from->entries[entry];
    uint32_t made = incident_table_intern(m->to, x->type, (struct slice){x->text, x->n});
    if (made != INCIDENT_NONE)
        m->entries[entry] = made;
    return made;
}

/* Identities of several names are kept: the root first, so that it stands for them again. */
static void
move_identities(struct moves *m)
{
    struct incident_engine *f = m->from;
    for (uint32_t i = 0; i < f->n_entries && !m->to->dead; i++) {
        if (f->entries[i].type > KEY_DEVICE)
            continue;
        uint32_t root = incident_identity_root(f, i);
        if (root == i)
            continue;
        uint32_t to = move_entry(m, root), own = move_entry(m, i);
        uint32_t ref = move_entry(m, f->entries[root].ref), face = f->entries[root].face;
        face = move_entry(m, face);
        if (m->to->dead)
            return;
        m->to->entries[own].parent = to;
        m->to->entries[to].ref = ref;
        m->to->entries[to].face = face;
    }
}

static void
move_group(struct moves *m, uint32_t group)
{
    const struct group *g = &m->from->groups[group];
    uint32_t made = incident_group_new(m->to, g->id);
    if (made == INCIDENT_NONE)
        return;
    m->groups[group] = made;
    struct group *n = &m->to->groups[made];
    uint32_t name = move_entry(m, g->name), first = move_entry(m, g->first_name);
    uint32_t owner = move_entry(m, g->owner);
    n = &m->to->groups[made];
    n->version = g->version;
    n->updated = g->updated;
    n->stored = g->stored;
    n->by_rule = g->by_rule;
    n->worked = g->worked;
    n->status = g->status;
    n->stored_status = g->stored_status;
    n->classification = g->classification;
    n->determination = g->determination;
    n->suggested = g->suggested;
    n->name = name;
    n->first_name = first;
    n->owner = owner;
}

static void
move_redirect(struct moves *m, uint32_t group)
{
    const struct group *g = &m->from->groups[group];
    if (g->parent == group || g->dead)
        return;
    uint32_t kept = m->groups[incident_group(m->from, group)], made = m->groups[group];
    struct group *n = &m->to->groups[made];
    n->parent = kept;
    n->next_redirected = m->to->groups[kept].redirected;
    m->to->groups[kept].redirected = made;
}

static int
key_by_id(const void *a, const void *b)
{
    const struct link_key *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static bool
move_lists(struct moves *m, const struct node *o, struct node *n)
{
    struct incident_engine *t = m->to;
    n->keys = incident_table_alloc(t, sizeof(*n->keys) * ((size_t)o->n_keys + 1));
    n->raw = incident_table_alloc(t, sizeof(*n->raw) * ((size_t)o->n_raw + 1));
    n->fold = incident_table_alloc(t, sizeof(*n->fold) * ((size_t)o->n_fold + 1));
    if (n->keys == NULL || n->raw == NULL || n->fold == NULL)
        return false;
    n->cap_keys = (uint16_t)(o->n_keys + 1);
    n->cap_raw = (uint16_t)(o->n_raw + 1);
    for (uint16_t i = 0; i < o->n_keys; i++)
        n->keys[i] =
            (struct link_key){move_entry(m, o->keys[i].id), o->keys[i].type, o->keys[i].weight};
    for (uint16_t i = 0; i < o->n_raw; i++)
        n->raw[i] = move_entry(m, o->raw[i] & NODE_ENTRY) | (o->raw[i] & ~NODE_ENTRY);
    for (uint16_t i = 0; i < o->n_fold; i++)
        n->fold[i] = move_entry(m, o->fold[i]);
    if (o->n_keys > 1)
        qsort(n->keys, o->n_keys, sizeof(*n->keys), key_by_id);
    incident_fold_sort(n->fold, o->n_fold);
    return !t->dead;
}

/* Repeats share what they know, and follow one another. */
static const struct own *
move_own(struct moves *m, const struct own *own)
{
    if (own == NULL || own == m->own_from)
        return own == NULL ? NULL : m->own_to;
    struct carried *keys = incident_table_alloc(m->to, sizeof(*keys) * ((size_t)own->n_keys + 1));
    uint32_t *raw = incident_table_alloc(m->to, sizeof(*raw) * ((size_t)own->n_raw + 1));
    struct own *made = incident_table_alloc(m->to, sizeof(*made));
    if (keys == NULL || raw == NULL || made == NULL)
        return NULL;
    for (uint16_t i = 0; i < own->n_keys; i++) {
        keys[i] = own->keys[i];
        keys[i].entry = move_entry(m, keys[i].entry);
    }
    for (uint16_t i = 0; i < own->n_raw; i++)
        raw[i] = move_entry(m, own->raw[i] & NODE_ENTRY) | (own->raw[i] & ~NODE_ENTRY);
    *made = (struct own){keys, raw, own->n_keys, own->n_raw, own->leads, own->points, own->rarity};
    incident_own_sort(keys, made->n_keys);
    m->own_from = own;
    m->own_to = made;
    return made;
}

static void
move_members(struct moves *m, const struct node *o, uint32_t node)
{
    struct incident_engine *t = m->to;
    uint32_t *link = &t->nodes[node].member;
    for (uint32_t i = o->member; i != INCIDENT_NONE; i = m->from->members[i].next) {
        uint32_t name = move_entry(m, m->from->members[i].name);
        if (name == INCIDENT_NONE ||
            !incident_table_grow(t, (void **)&t->members, sizeof(*t->members), t->n_members,
                                 &t->cap_members))
            return;
        uint32_t made = t->n_members++;
        t->members[made] = m->from->members[i];
        t->members[made].name = name;
        t->members[made].own = move_own(m, m->from->members[i].own);
        t->members[made].node = node;
        t->members[made].next = INCIDENT_NONE;
        t->members[made].stored_group =
            m->groups[incident_group(m->from, m->from->members[i].stored_group)];
        t->entries[name].ref = made;
        link = i == o->member ? &t->nodes[node].member : link;
        *link = made;
        link = &t->members[made].next;
    }
}

static void
move_node(struct moves *m, uint32_t old)
{
    struct incident_engine *t = m->to;
    const struct node *o = &m->from->nodes[old];
    struct node n = *o;
    n.detector = move_entry(m, o->detector);
    n.detector_text = move_entry(m, o->detector_text);
    n.title = move_entry(m, o->title);
    n.product_name = move_entry(m, o->product_name);
    n.category = move_entry(m, o->category);
    n.threat = move_entry(m, o->threat);
    n.fold_next = n.next = n.member = n.group = INCIDENT_NONE;
    n.mark = 0;
    if (!move_lists(m, o, &n) ||
        !incident_table_grow(t, (void **)&t->nodes, sizeof(*t->nodes), t->n_nodes, &t->cap_nodes))
        return;
    uint32_t node = t->n_nodes++;
    t->nodes[node] = n;
    for (uint16_t i = 0; i < n.n_keys; i++)
        incident_table_post(t, n.keys[i].id, node);
    incident_fold_add(t, node);
    incident_group_join(t, m->groups[incident_group(m->from, o->group)], node);
    move_members(m, o, node);
}

static void
move_day(void *arg, const struct days_row *r)
{
    struct moves *m = arg;
    uint32_t with[INCIDENT_WITH_MAX];
    size_t n = 0;
    for (size_t i = 0; i < r->n_with && n < INCIDENT_WITH_MAX; i++)
        with[n++] = move_entry(m, r->with[i]);
    uint32_t key = move_entry(m, r->key);
    if (m->to->dead)
        return;
    struct err err = days_learn(m->to->days, key, r->day, with, n);
    m->to->dead |= err.kind != ERR_NONE;
}

static void
move_pin(struct moves *m, const struct pin *p)
{
    struct incident_engine *t = m->to;
    uint32_t name = move_entry(m, p->name);
    if (name == INCIDENT_NONE ||
        !incident_table_grow(t, (void **)&t->pins, sizeof(*t->pins), t->n_pins, &t->cap_pins))
        return;
    t->pins[t->n_pins] = *p;
    t->pins[t->n_pins++].name = name;
}

/* Everything that is still needed into `to`, in the order of the log. */
static void
move_all(struct moves *m)
{
    struct incident_engine *f = m->from, *t = m->to;
    move_identities(m);
    days_each(f->days, INT32_MIN, INT32_MAX, move_day, m);
    days_close(t->days, days_open(f->days));
    for (uint32_t i = 0; i < f->n_groups && !t->dead; i++)
        if (!f->groups[i].dead)
            move_group(m, i);
    for (uint32_t i = 0; i < f->n_groups && !t->dead; i++)
        move_redirect(m, i);
    for (uint32_t i = 0; i < f->n_nodes && !t->dead; i++)
        if (!f->nodes[i].dead)
            move_node(m, i);
    for (uint32_t i = 0; i < f->n_pins && !t->dead; i++) /* others come back with their alert */
        if (f->entries[f->pins[i].name].ref != INCIDENT_NONE)
            move_pin(m, &f->pins[i]);
    t->n_touched = t->n_stirred = t->n_fresh = 0;
    for (uint32_t i = 0; i < t->n_groups; i++)
        t->groups[i].touched = t->groups[i].stirred = false;
    for (uint32_t i = 0; i < t->n_members; i++)
        t->members[i].fresh = false;
    t->next_id = f->next_id;
    t->next_seq = f->next_seq;
    t->updated = f->updated;
    t->watermark_s = f->watermark_s;
    t->jump_day = f->jump_day;
    t->jump_alerts = f->jump_alerts;
    t->days_told = f->days_told;
    t->n_linked = t->n_nodes;
}

/* Not enough memory for both: it stays as it is, and is tried again later. */
static void
compact(struct incident_engine *e)
{
    struct moves m = {.from = e, .to = incident_engine_new(e->p, e->next_id, e->limit_bytes)};
    m.entries = malloc(sizeof(*m.entries) * ((size_t)e->n_entries + 1));
    m.groups = malloc(sizeof(*m.groups) * ((size_t)e->n_groups + 1));
    bool made = m.to != NULL && m.entries != NULL && m.groups != NULL;
    if (made) {
        memset(m.entries, 0xff, sizeof(*m.entries) * ((size_t)e->n_entries + 1));
        memset(m.groups, 0xff, sizeof(*m.groups) * ((size_t)e->n_groups + 1));
        move_all(&m);
    }
    if (made && !m.to->dead) {
        struct incident_engine swap = *e;
        *e = *m.to;
        *m.to = swap;
    }
    free(m.entries);
    free(m.groups);
    incident_engine_free(m.to);
}

void
incident_evict(struct incident_engine *e)
{
    if (e->dead || e->watermark_s == INT64_MIN || e->n_touched > 0)
        return;
    int64_t hour = e->watermark_s / 3600;
    if (hour == e->evicted_hour)
        return;
    e->evicted_hour = hour;
    int64_t before_s = e->watermark_s - horizon_s(e);
    for (uint32_t i = 0; i < e->n_groups; i++)
        if (e->groups[i].parent == i && !e->groups[i].dead && e->groups[i].nodes > 0 &&
            newest_s(e, &e->groups[i]) < before_s)
            forget_group(e, i);
    if (e->n_dead >= COMPACT_MIN && e->n_dead > e->n_nodes / 2)
        compact(e);
}
