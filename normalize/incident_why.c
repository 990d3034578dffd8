#include "normalize/incident_why.h"

#include <stdlib.h>

#include "normalize/incident_internal.h"
#include "normalize/tree.h"

static struct err
unknown(const char *what)
{
    return err_make(ERR_REJECT, "incident.unknown", "the correlator knows no such %s", what);
}

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "incident.memory", "no room for an explanation");
}

static bool
face_before(const void *ctx, uint32_t a, uint32_t b)
{
    return incident_identity_before(ctx, a, b);
}

/* ---- the nodes of an incident, in the order of their alerts' ids */

struct picture {
    struct incident_engine *e;
    struct incident_ranked *ranked;
    struct tree_nodes in;
    struct tree tree;
};

static int
ranked_order(const void *a, const void *b)
{
    const struct incident_ranked *x = a, *y = b;
    int order = slice_cmp(x->source, y->source);
    return order != 0 ? order : slice_cmp(x->native_id, y->native_id);
}

static struct incident_ranked
rank_of(const struct incident_engine *e, uint32_t node)
{
    struct incident_ranked least = {.node = node, .member = INCIDENT_NONE};
    for (uint32_t m = e->nodes[node].member; m != INCIDENT_NONE; m = e->members[m].next) {
        struct incident_ranked r = {incident_node_source(e, m), incident_node_native_id(e, m), node,
                                    m};
        if (least.member == INCIDENT_NONE || ranked_order(&r, &least) < 0)
            least = r;
    }
    return least;
}

static void
rank_ring(const struct incident_engine *e, uint32_t group, struct incident_picture *out)
{
    uint32_t at = e->groups[group].node;
    for (uint32_t i = 0; i < e->groups[group].nodes; i++, at = e->nodes[at].next)
        out->ranked[out->in.n++] = rank_of(e, at);
}

struct err
incident_why_picture(struct incident_engine *e, uint32_t group, uint32_t other, uint32_t node,
                     struct arena *a, struct incident_picture *out)
{
    size_t most = (size_t)e->groups[group].nodes + 1;
    most += other != INCIDENT_NONE ? e->groups[other].nodes : 0;
    struct link_node *views = arena_alloc(a, sizeof *views * (most + 1));
    *out = (struct incident_picture){.in = {views, 0, e->p, face_before, e}};
    out->ranked = arena_alloc(a, sizeof *out->ranked * (most + 1));
    if (views == NULL || out->ranked == NULL)
        return no_memory();
    rank_ring(e, group, out);
    if (other != INCIDENT_NONE)
        rank_ring(e, other, out);
    else if (node != INCIDENT_NONE)
        out->ranked[out->in.n++] = rank_of(e, node);
    qsort(out->ranked, out->in.n, sizeof *out->ranked, ranked_order);
    for (size_t i = 0; i < out->in.n; i++)
        views[i] = incident_relink_view(&e->nodes[out->ranked[i].node]);
    return ERR_OK;
}

static struct err
picture_make(struct incident_engine *e, uint32_t group, struct arena *a, struct picture *out)
{
    struct incident_picture p;
    struct err err = incident_why_picture(e, group, INCIDENT_NONE, INCIDENT_NONE, a, &p);
    *out = (struct picture){.e = e, .ranked = p.ranked, .in = p.in};
    return err.kind ? err : tree_of(&out->in, a, &out->tree);
}

/* ---- reasons */

static struct incident_reason
reason_of(const struct incident_engine *e, uint32_t member, uint32_t partner)
{
    struct incident_reason r = {
        .alert_source = incident_node_source(e, member),
        .alert_id = incident_node_native_id(e, member),
        .level = e->nodes[e->members[member].node].level,
    };
    if (partner == INCIDENT_NONE)
        return r;
    r.partner_source = incident_node_source(e, partner);
    r.partner_id = incident_node_native_id(e, partner);
    r.partner_level = e->nodes[e->members[partner].node].level;
    return r;
}

static struct slice
name_of(struct incident_engine *e, uint32_t key)
{
    return incident_table_text(e, e->entries[incident_identity_root(e, key)].face);
}

/* The link of two nodes as a reason. */
static struct incident_reason
link_reason(const struct picture *p, uint32_t from, uint32_t to)
{
    struct incident_engine *e = p->e;
    struct incident_reason r = reason_of(e, p->ranked[from].member, p->ranked[to].member);
    link_score(&p->in.nodes[from], &p->in.nodes[to], p->in.params, face_before, e, &r.score);
    for (size_t i = 0; i < r.score.n_parts; i++)
        if (r.score.parts[i].kind == LINK_KEY)
            r.key_values[i] = name_of(e, r.score.parts[i].key);
    return r;
}

struct err
incident_canonical(struct incident_engine *e, int64_t incident_id, struct arena *a,
                   struct incident_reason **out, size_t *n)
{
    struct picture p;
    *n = 0;
    uint32_t group = incident_group_of_id(e, incident_id);
    if (group == INCIDENT_NONE)
        return unknown("incident");
    group = incident_group(e, group);
    struct err err = picture_make(e, group, a, &p);
    if (err.kind)
        return err;
    *out = arena_alloc(a, sizeof **out * ((size_t)e->groups[group].alerts + 1));
    if (*out == NULL)
        return no_memory();
    for (size_t i = 0; i < p.tree.n; i++) {
        const struct tree_step *s = &p.tree.steps[i];
        const struct incident_ranked *r = &p.ranked[s->node];
        (*out)[(*n)++] = s->parent != TREE_NONE ? link_reason(&p, s->node, s->parent)
                                                : reason_of(e, r->member, INCIDENT_NONE);
        for (uint32_t m = e->nodes[r->node].member; m != INCIDENT_NONE; m = e->members[m].next)
            if (m != r->member)
                (*out)[(*n)++] = reason_of(e, m, r->member);
    }
    return ERR_OK;
}

struct err
incident_why_weakest(struct incident_engine *e, uint32_t group, struct arena *a, struct split *out,
                     bool *found)
{
    struct picture p;
    struct tree_cut cut;
    *found = false;
    struct err err = picture_make(e, group, a, &p);
    uint32_t *alerts = arena_alloc(a, sizeof *alerts * ((size_t)e->groups[group].nodes + 1));
    if (err.kind || alerts == NULL)
        return err.kind ? err : no_memory();
    for (size_t i = 0; i < p.tree.n; i++)
        alerts[i] = e->nodes[p.ranked[i].node].alerts;
    err = tree_weakest(&p.tree, alerts, a, &cut, found);
    if (err.kind == ERR_NONE && *found)
        *out = (struct split){group,
                              p.ranked[cut.link.a].member,
                              p.ranked[cut.link.b].member,
                              cut.link.score,
                              cut.alerts_a,
                              cut.alerts_b};
    return err;
}

/* ---- between two alerts */

static uint32_t
index_of(const struct picture *p, uint32_t node)
{
    uint32_t i = 0;
    while (p->ranked[i].node != node)
        i++;
    return i;
}

struct err
incident_path(struct incident_engine *e, const struct incident_alert_ref *from,
              const struct incident_alert_ref *to, struct arena *a, struct incident_reason **out,
              size_t *n)
{
    struct picture p;
    *n = 0;
    uint32_t x = incident_node_find(e, from->source, from->native_id);
    uint32_t y = incident_node_find(e, to->source, to->native_id);
    if (x == INCIDENT_NONE || y == INCIDENT_NONE)
        return unknown("alert");
    uint32_t node = e->members[x].node, other = e->members[y].node;
    uint32_t group = incident_group(e, e->nodes[node].group);
    if (x == y || group != incident_group(e, e->nodes[other].group))
        return ERR_OK;
    struct err err = picture_make(e, group, a, &p);
    if (err.kind)
        return err;
    uint32_t *path = arena_alloc(a, sizeof *path * (p.tree.n + 1));
    *out = arena_alloc(a, sizeof **out * (p.tree.n + 2));
    if (path == NULL || *out == NULL)
        return no_memory();
    size_t steps = tree_path(&p.tree, index_of(&p, node), index_of(&p, other), path);
    if (steps == 0)
        return ERR_OK;
    if (p.ranked[path[0]].member != x) /* it is a repeat of the one that stands for its node */
        (*out)[(*n)++] = reason_of(e, x, p.ranked[path[0]].member);
    for (size_t i = 1; i < steps; i++)
        (*out)[(*n)++] = link_reason(&p, path[i - 1], path[i]);
    if (p.ranked[path[steps - 1]].member != y)
        (*out)[(*n)++] = reason_of(e, p.ranked[path[steps - 1]].member, y);
    return ERR_OK;
}

/* The day tables know identifiers as they are carried: the most ordinary of those of the node. */
static int32_t
days_of(struct incident_engine *e, const struct node *n, uint32_t key, int32_t day)
{
    int32_t most = days_seen(e->days, key, day);
    for (uint16_t i = 0; i < n->n_raw; i++) {
        uint32_t raw = n->raw[i] & NODE_ENTRY;
        int32_t days = incident_identity_root(e, raw) == key ? days_seen(e->days, raw, day) : 0;
        most = days > most ? days : most;
    }
    return most;
}

struct err
incident_shared(struct incident_engine *e, const struct incident_alert_ref *x,
                const struct incident_alert_ref *y, struct arena *a, struct incident_shared *out)
{
    uint32_t m = incident_node_find(e, x->source, x->native_id);
    uint32_t k = incident_node_find(e, y->source, y->native_id);
    *out = (struct incident_shared){.repeat = false};
    if (m == INCIDENT_NONE || k == INCIDENT_NONE)
        return unknown("alert");
    const struct node *p = &e->nodes[e->members[m].node], *q = &e->nodes[e->members[k].node];
    struct link_node u = incident_relink_view(p), v = incident_relink_view(q);
    struct err err = why_of(&u, &v, e->p, face_before, e, a, &out->why);
    if (err.kind)
        return err;
    out->repeat = p == q;
    out->level = p->level;
    out->other_level = q->level;
    out->values = arena_alloc(a, sizeof *out->values * (out->why.n_keys + 1));
    out->days = arena_alloc(a, sizeof *out->days * (out->why.n_keys + 1));
    if (out->values == NULL || out->days == NULL)
        return no_memory();
    int64_t newer = e->members[m].created_s;
    newer = newer > e->members[k].created_s ? newer : e->members[k].created_s;
    for (size_t i = 0; i < out->why.n_keys; i++) {
        uint32_t key = out->why.keys[i].key;
        int32_t day = (int32_t)(newer / INCIDENT_DAY_S), days = days_of(e, p, key, day);
        int32_t other = days_of(e, q, key, day);
        out->values[i] = name_of(e, key);
        out->days[i] = days > other ? days : other;
    }
    return ERR_OK;
}
