#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "normalize/incident_internal.h"

static struct slice
native_id_of(const struct incident_engine *e, uint32_t node)
{
    struct slice text = incident_table_text(e, e->nodes[node].alert);
    (void)slice_split(&text, '\0'); /* source, NUL, id */
    return text;
}

static struct slice
source_of(const struct incident_engine *e, uint32_t node)
{
    return incident_table_text(e, e->nodes[node].source_name);
}

static int64_t
id_of_node(struct incident_engine *e, uint32_t node)
{
    return e->groups[incident_group(e, e->nodes[node].group)].id;
}

/* ---- rows */

static int
key_order(const void *a, const void *b)
{
    const struct entry *x = *(const struct entry *const *)a, *y = *(const struct entry *const *)b;
    if (x->type != y->type)
        return (x->type > y->type) - (x->type < y->type);
    return slice_cmp((struct slice){x->text, x->n}, (struct slice){y->text, y->n});
}

/* Each entry of the members once: identifiers as carried, other keys as they are. */
static size_t
collect_entries(struct incident_engine *e, const struct incident_summary *s,
                const struct entry **out)
{
    size_t n = 0;
    uint32_t mark = incident_table_mark(e);
    for (size_t i = 0; i < s->n_members; i++) {
        const struct node *node = &e->nodes[s->members[i]];
        for (uint16_t k = 0; k < node->n_raw + node->n_keys; k++) {
            bool raw = k < node->n_raw;
            struct entry *x = &e->entries[raw ? node->raw[k] : node->keys[k - node->n_raw].id];
            if ((!raw && x->type <= KEY_DEVICE) || x->mark == mark)
                continue;
            x->mark = mark;
            out[n++] = x;
        }
    }
    return n;
}

static bool
row_entities(struct incident_engine *e, const struct incident_summary *s, struct arena *a,
             struct incident_row *row)
{
    size_t most = 0;
    for (size_t i = 0; i < s->n_members; i++)
        most += (size_t)e->nodes[s->members[i]].n_raw + e->nodes[s->members[i]].n_keys;
    const struct entry **found = arena_alloc(a, sizeof(*found) * (most + 1));
    if (found == NULL)
        return false;
    size_t n = collect_entries(e, s, found);
    qsort(found, n, sizeof(*found), key_order);
    n = n < INCIDENT_ENTITIES_MAX ? n : INCIDENT_ENTITIES_MAX;
    row->entities = arena_alloc(a, sizeof(*row->entities) * (n + 1));
    if (row->entities == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct slice text = {found[i]->text, found[i]->n};
        if (found[i]->type > KEY_DEVICE)
            text = slice_printf(a, "%s:%.*s", e->p->rules[found[i]->type].name, SLICE_ARG(text));
        if (text.p == NULL)
            return false;
        row->entities[row->n_entities++] = text;
    }
    return true;
}

static bool
row_live(struct incident_engine *e, uint32_t group, struct arena *a, struct incident_row *row)
{
    struct incident_summary s;
    if (!incident_name_summary(e, group, a, &s))
        return false;
    struct slice name = incident_name(e, &s, a);
    struct group *g = &e->groups[group];
    uint32_t entry = name.p != NULL ? incident_table_intern(e, ENTRY_TEXT, name) : INCIDENT_NONE;
    if (entry == INCIDENT_NONE)
        return false;
    g->next_name = entry;
    row->kind = g->version == 0 ? "created" : "updated";
    row->name = incident_table_text(e, entry);
    row->first_name =
        g->first_name != INCIDENT_NONE ? incident_table_text(e, g->first_name) : row->name;
    row->severity = incident_name_severity(&s);
    row->stage_score = s.stage_score;
    row->tactics = s.tactics;
    row->sources = s.sources;
    row->alerts = (int32_t)s.n_members;
    row->users = (int32_t)s.users;
    row->devices = (int32_t)s.devices;
    row->first_s = s.first_s;
    row->last_s = s.last_s;
    row->created_s = s.created_s;
    return row_entities(e, &s, a, row);
}

static bool
row_of(struct incident_engine *e, uint32_t group, struct arena *a, struct incident_row *row)
{
    struct group *g = &e->groups[group];
    *row = (struct incident_row){.id = g->id, .version = g->version + 1};
    if (g->parent == group)
        return row_live(e, group, a, row);
    row->kind = "merged";
    row->redirect_to = e->groups[incident_group(e, group)].id;
    row->name = g->name != INCIDENT_NONE ? incident_table_text(e, g->name) : SLICE("");
    row->first_name =
        g->first_name != INCIDENT_NONE ? incident_table_text(e, g->first_name) : row->name;
    return true;
}

static int
row_order(const void *a, const void *b)
{
    const struct incident_row *x = a, *y = b;
    if ((x->redirect_to != 0) != (y->redirect_to != 0))
        return x->redirect_to != 0 ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static bool
rows(struct incident_engine *e, struct arena *a, struct incident_changes *out)
{
    out->rows = arena_alloc(a, sizeof(*out->rows) * (e->n_touched + 1));
    if (out->rows == NULL)
        return false;
    for (uint32_t i = 0; i < e->n_touched; i++)
        if (!row_of(e, e->touched[i], a, &out->rows[out->n_rows++]))
            return false;
    qsort(out->rows, out->n_rows, sizeof(*out->rows), row_order);
    return true;
}

/* ---- members */

static int
member_order(const void *a, const void *b)
{
    const struct incident_membership *x = a, *y = b;
    if (x->incident_id != y->incident_id)
        return x->incident_id < y->incident_id ? -1 : 1;
    int order = slice_cmp(x->source, y->source);
    return order != 0 ? order : slice_cmp(x->native_id, y->native_id);
}

static bool
moved(struct incident_engine *e, uint32_t node)
{
    uint32_t stored = e->nodes[node].stored_group;
    return stored == INCIDENT_NONE || stored != incident_group(e, e->nodes[node].group);
}

static bool
members(struct incident_engine *e, struct arena *a, struct incident_changes *out)
{
    size_t most = 0;
    for (uint32_t i = 0; i < e->n_touched; i++)
        most += e->groups[e->touched[i]].alerts;
    out->members = arena_alloc(a, sizeof(*out->members) * (most + 1));
    if (out->members == NULL)
        return false;
    for (uint32_t i = 0; i < e->n_touched; i++) {
        const struct group *g = &e->groups[e->touched[i]];
        uint32_t at = g->member;
        for (uint32_t k = 0; k < g->alerts; k++, at = e->nodes[at].next)
            if (moved(e, at))
                out->members[out->n_members++] =
                    (struct incident_membership){source_of(e, at), native_id_of(e, at), g->id};
    }
    qsort(out->members, out->n_members, sizeof(*out->members), member_order);
    return true;
}

/* ---- reasons and related incidents */

static void
fill_reason(struct incident_engine *e, const struct reason *r, struct incident_reason *out)
{
    *out = (struct incident_reason){
        .alert_source = source_of(e, r->node),
        .alert_id = native_id_of(e, r->node),
        .level = r->level,
        .partner_level = r->partner_level,
        .score = r->score,
    };
    if (r->partner == INCIDENT_NONE)
        return;
    out->partner_source = source_of(e, r->partner);
    out->partner_id = native_id_of(e, r->partner);
    for (size_t i = 0; i < r->score.n_parts; i++) {
        if (r->score.parts[i].kind != LINK_KEY)
            continue;
        uint32_t root = incident_table_root(e, r->score.parts[i].key);
        out->key_values[i] = incident_table_text(e, e->entries[root].face);
    }
}

static bool
reasons(struct incident_engine *e, struct arena *a, struct incident_changes *out)
{
    out->reasons = arena_alloc(a, sizeof(*out->reasons) * (e->n_reasons + 1));
    if (out->reasons == NULL)
        return false;
    for (uint32_t i = 0; i < e->n_reasons; i++)
        fill_reason(e, &e->reasons[i], &out->reasons[out->n_reasons++]);
    return true;
}

/* By pair, the strongest first, a refusal before a mere score. */
static int
related_order(const void *a, const void *b)
{
    const struct incident_related *x = a, *y = b;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    if (x->b != y->b)
        return x->b < y->b ? -1 : 1;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return strcmp(x->why, y->why);
}

static bool
related(struct incident_engine *e, struct arena *a, struct incident_changes *out)
{
    out->related = arena_alloc(a, sizeof(*out->related) * (e->n_related + 1));
    if (out->related == NULL)
        return false;
    size_t n = 0;
    for (uint32_t i = 0; i < e->n_related; i++) {
        int64_t x = id_of_node(e, e->related[i].a), y = id_of_node(e, e->related[i].b);
        if (x != y) /* they may have met after all */
            out->related[n++] = (struct incident_related){x < y ? x : y, x < y ? y : x,
                                                          e->related[i].score, e->related[i].why};
    }
    qsort(out->related, n, sizeof(*out->related), related_order);
    for (size_t i = 0; i < n; i++) {
        const struct incident_related *last =
            out->n_related > 0 ? &out->related[out->n_related - 1] : NULL;
        if (last == NULL || last->a != out->related[i].a || last->b != out->related[i].b)
            out->related[out->n_related++] = out->related[i];
    }
    return true;
}

struct err
incident_changes(struct incident_engine *e, struct arena *a, struct incident_changes *out)
{
    *out = (struct incident_changes){
        .identity_conflicts = e->conflicts,
        .added_new = e->opened,
        .added_joined = e->joined,
        .added_merged = e->merged,
        .refused = e->refused,
        .cut = e->cut,
    };
    if (e->dead)
        return incident_dead();
    if (!rows(e, a, out) || !members(e, a, out) || !reasons(e, a, out) || !related(e, a, out))
        return err_make(ERR_RETRY, "incident.memory", "no room for what a batch changed");
    return ERR_OK;
}

void
incident_commit(struct incident_engine *e)
{
    for (uint32_t i = 0; i < e->n_touched; i++) {
        struct group *g = &e->groups[e->touched[i]];
        uint32_t at = g->member;
        for (uint32_t k = 0; k < g->alerts; k++, at = e->nodes[at].next)
            e->nodes[at].stored_group = e->touched[i];
        g->version++;
        g->touched = false;
        if (g->parent == e->touched[i] && g->next_name != INCIDENT_NONE)
            g->name = g->next_name;
        if (g->first_name == INCIDENT_NONE)
            g->first_name = g->name;
    }
    e->n_touched = e->n_reasons = e->n_related = 0;
    e->conflicts = e->opened = e->joined = e->merged = e->refused = e->cut = 0;
}

/* ---- the state of one alert, for the store */

static int
state_order(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    if (x->type != y->type)
        return (x->type > y->type) - (x->type < y->type);
    return slice_cmp(x->value, y->value);
}

/* The identifiers of one identity that the node carried, the first named by its key; more than
 * fit go on in a further entry that begins with the same first one. */
static void
state_identity(struct incident_engine *e, const struct node *n, struct link_key key,
               struct key_set *out, struct slice *first)
{
    struct key_identity *id = NULL;
    *first = SLICE_NONE;
    for (uint16_t i = 0; i < n->n_raw; i++) {
        if (incident_table_root(e, n->raw[i]) != key.id)
            continue;
        struct slice text = incident_table_text(e, n->raw[i]);
        if (first->p == NULL)
            *first = text;
        if (id == NULL || id->n_ids == KEYS_IDENTIFIERS_MAX) {
            id = &out->identities[out->n_identities++];
            *id = (struct key_identity){.type = key.type, .ids = {*first}, .n_ids = 1};
        }
        if (!slice_eq(text, *first))
            id->ids[id->n_ids++] = text;
    }
}

static bool
state_keys(struct incident_engine *e, const struct node *n, struct arena *a, struct key_set *out)
{
    out->identities = arena_alloc(a, sizeof(*out->identities) * ((size_t)n->n_raw + 1));
    out->keys = arena_alloc(a, sizeof(*out->keys) * ((size_t)n->n_keys + 1));
    if (out->identities == NULL || out->keys == NULL)
        return false;
    for (uint16_t i = 0; i < n->n_keys; i++) {
        struct slice value = incident_table_text(e, n->keys[i].id);
        if (n->keys[i].type <= KEY_DEVICE)
            state_identity(e, n, n->keys[i], out, &value);
        if (value.p != NULL)
            out->keys[out->n_keys++] = (struct key){n->keys[i].type, n->keys[i].weight, value};
    }
    qsort(out->keys, out->n_keys, sizeof(*out->keys), state_order);
    return true;
}

struct err
incident_state(struct incident_engine *e, struct slice source, struct slice native_id,
               struct arena *a, struct incident_alert *out, uint16_t *leads)
{
    uint32_t node = incident_node_find(e, source, native_id);
    if (node == INCIDENT_NONE)
        return err_make(ERR_REJECT, "incident.unknown", "the correlator knows no such alert");
    const struct node *n = &e->nodes[node];
    struct key_set *set = arena_alloc(a, sizeof(*set));
    if (set == NULL || !state_keys(e, n, a, set))
        return err_make(ERR_RETRY, "incident.memory", "no room for an alert's state");
    *out = (struct incident_alert){
        .source = source_of(e, node),
        .source_number = n->source,
        .native_id = native_id_of(e, node),
        .version = n->version,
        .created_s = n->created_s,
        .first_s = n->first_s,
        .last_s = n->last_s,
        .level = n->level,
        .tactics = n->tactics,
        .detector = incident_table_text(e, n->detector_text),
        .title = incident_table_text(e, n->title),
        .product = incident_table_text(e, n->product),
        .category = incident_table_text(e, n->category),
        .threat = incident_table_text(e, n->threat),
        .false_positive = n->false_positive,
        .keys = set,
    };
    *leads = n->leads;
    return ERR_OK;
}
