#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "normalize/incident_internal.h"

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
    for (size_t i = 0; i < s->n_nodes; i++) {
        const struct node *node = &e->nodes[s->nodes[i]];
        for (uint16_t k = 0; k < node->n_raw + node->n_keys; k++) {
            bool raw = k < node->n_raw;
            struct entry *x =
                &e->entries[raw ? node->raw[k] & NODE_ENTRY : node->keys[k - node->n_raw].id];
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
    for (size_t i = 0; i < s->n_nodes; i++)
        most += (size_t)e->nodes[s->nodes[i]].n_raw + e->nodes[s->nodes[i]].n_keys;
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
            text = slice_printf(a, "%s:%.*s", key_type_word((enum key_type)found[i]->type),
                                SLICE_ARG(text));
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
    incident_life_row(e, group, row);
    row->name = incident_table_text(e, entry);
    row->first_name =
        g->first_name != INCIDENT_NONE ? incident_table_text(e, g->first_name) : row->name;
    row->severity = incident_name_severity(&s);
    row->stage_score = s.stage_score;
    row->tactics = s.tactics;
    row->sources = s.sources;
    row->alerts = (int32_t)s.alerts;
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
    *row = (struct incident_row){
        .id = g->id, .version = g->version, .updated = g->updated, .by_rule = g->by_rule};
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
members(struct incident_engine *e, struct arena *a, struct incident_changes *out)
{
    out->members = arena_alloc(a, sizeof(*out->members) * (e->n_fresh + 1));
    if (out->members == NULL)
        return false;
    for (uint32_t i = 0; i < e->n_fresh; i++) {
        const struct member *m = &e->members[e->fresh[i]];
        uint32_t group = incident_group(e, e->nodes[m->node].group);
        if (m->stored_group != group)
            out->members[out->n_members++] = (struct incident_membership){
                incident_node_source(e, e->fresh[i]), incident_node_native_id(e, e->fresh[i]),
                e->groups[group].id};
    }
    qsort(out->members, out->n_members, sizeof(*out->members), member_order);
    return true;
}

/* ---- reasons and related incidents */

static void
fill_reason(struct incident_engine *e, const struct reason *r, struct incident_reason *out)
{
    *out = (struct incident_reason){
        .alert_source = incident_node_source(e, r->member),
        .alert_id = incident_node_native_id(e, r->member),
        .level = r->level,
        .partner_level = r->partner_level,
        .score = r->score,
    };
    if (r->partner == INCIDENT_NONE)
        return;
    out->partner_source = incident_node_source(e, r->partner);
    out->partner_id = incident_node_native_id(e, r->partner);
    for (size_t i = 0; i < r->score.n_parts; i++) {
        if (r->score.parts[i].kind != LINK_KEY)
            continue;
        uint32_t root = incident_identity_root(e, r->score.parts[i].key);
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

static bool
aliases(struct incident_engine *e, struct arena *a, struct incident_changes *out)
{
    out->aliases = arena_alloc(a, sizeof(*out->aliases) * (e->n_aliases + 1));
    if (out->aliases == NULL)
        return false;
    for (uint32_t i = 0; i < e->n_aliases; i++)
        out->aliases[out->n_aliases++] = (struct incident_alias){
            (enum key_type)e->entries[e->aliases[i].a].type,
            incident_table_text(e, e->aliases[i].a), incident_table_text(e, e->aliases[i].b)};
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
        .folded = e->folded,
    };
    if (e->dead)
        return incident_dead();
    if (!rows(e, a, out) || !members(e, a, out) || !reasons(e, a, out) || !related(e, a, out) ||
        !incident_days_changes(e, a, out) || !aliases(e, a, out) ||
        !incident_pin_changes(e, a, out) || !incident_split_changes(e, a, out))
        return err_make(ERR_RETRY, "incident.memory", "no room for what a batch changed");
    return ERR_OK;
}

void
incident_commit(struct incident_engine *e)
{
    for (uint32_t i = 0; i < e->n_fresh; i++) {
        struct member *m = &e->members[e->fresh[i]];
        m->stored_group = incident_group(e, e->nodes[m->node].group);
        m->fresh = false;
    }
    for (uint32_t i = 0; i < e->n_touched; i++) {
        struct group *g = &e->groups[e->touched[i]];
        g->touched = g->parted = false;
        g->stored = true;
        g->stored_status = (uint8_t)incident_life_status(e, e->touched[i]);
        if (g->parent == e->touched[i] && g->next_name != INCIDENT_NONE)
            g->name = g->next_name;
        if (g->first_name == INCIDENT_NONE)
            g->first_name = g->name;
    }
    incident_pin_commit(e);
    e->n_splits = 0;
    e->days_told = e->days_complete ? e->days_told : days_open(e->days);
    e->n_aliases = e->n_fresh = e->n_touched = e->n_reasons = e->n_related = 0;
    e->conflicts = e->opened = e->joined = e->merged = e->refused = e->cut = e->folded = 0;
}
