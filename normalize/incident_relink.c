#include <string.h>

#include "normalize/incident_internal.h"

struct link_node
incident_relink_view(const struct node *n)
{
    return (struct link_node){.first_s = n->first_s,
                              .last_s = n->last_s,
                              .leads = n->leads,
                              .level = n->level,
                              .points = n->points,
                              .rarity = n->rarity,
                              .product = n->product,
                              .detector = n->detector,
                              .keys = n->keys,
                              .n_keys = n->n_keys};
}

static bool
before(const void *ctx, uint32_t a, uint32_t b)
{
    return incident_identity_before(ctx, a, b);
}

void
incident_relink_related(struct incident_engine *e, uint32_t a, uint32_t b, int32_t score,
                        const char *why)
{
    if (e->shadow != NULL || !incident_table_grow(e, (void **)&e->related, sizeof(*e->related),
                                                  e->n_related, &e->cap_related))
        return;
    e->related[e->n_related++] = (struct related){a, b, score, why};
}

void
incident_relink_reason(struct incident_engine *e, uint32_t member, uint32_t partner,
                       const struct link_score *s)
{
    if (e->shadow != NULL || !incident_table_grow(e, (void **)&e->reasons, sizeof(*e->reasons),
                                                  e->n_reasons, &e->cap_reasons))
        return;
    struct reason *r = &e->reasons[e->n_reasons++];
    *r = (struct reason){.member = member, .partner = partner};
    r->level = e->nodes[e->members[member].node].level;
    if (partner == INCIDENT_NONE)
        return;
    r->partner_level = e->nodes[e->members[partner].node].level;
    if (s != NULL)
        r->score = *s;
}

static void
join(struct incident_engine *e, uint32_t node, uint32_t partner, const struct link_score *s)
{
    uint32_t own = e->nodes[node].group;
    own = own != INCIDENT_NONE ? incident_group(e, own) : own;
    uint32_t other = incident_group(e, e->nodes[partner].group);
    if (own == other)
        return;
    if (e->shadow != NULL && !e->groups[own].by_rule && !e->groups[other].by_rule)
        return; /* nobody linked them when they came, under the parameters of then */
    const char *why = incident_group_blocked(e, other, own, node);
    if (why != NULL && strcmp(why, "cap") == 0 && incident_rebuild(e, other, own, node)) {
        if (own == INCIDENT_NONE && !e->dead)
            incident_relink_reason(e, e->nodes[node].member, e->nodes[partner].member, s);
        return;
    }
    if (why != NULL) {
        e->refused += strcmp(why, "cap") == 0;
        incident_relink_related(e, node, partner, s->score, why);
        return;
    }
    incident_relink_reason(e, e->nodes[node].member, e->nodes[partner].member, s);
    if (own == INCIDENT_NONE) {
        incident_group_join(e, other, node);
        e->joined++;
    } else {
        incident_group_merge(e, own, other);
        e->merged++;
    }
}

void
incident_relink_continues(struct incident_engine *e, uint32_t node)
{
    for (uint32_t i = e->n_related; i-- > 0 && e->related[i].a == node;)
        if (strcmp(e->related[i].why, "closed") == 0)
            e->related[i].why = "continues";
}

static uint32_t
shadow_root(uint32_t *parent, uint32_t node)
{
    while (parent[node] != node)
        node = parent[node] = parent[parent[node]];
    return node;
}

/* Nothing to learn from scoring these two: they are together already. */
static bool
together(struct incident_engine *e, uint32_t a, uint32_t b)
{
    if (e->shadow != NULL)
        return shadow_root(e->shadow, a) == shadow_root(e->shadow, b);
    uint32_t group = e->nodes[a].group;
    return group != INCIDENT_NONE &&
           incident_group(e, group) == incident_group(e, e->nodes[b].group);
}

/* The five strongest of one relinking are kept, a partner incident once. */
enum { RELATED_MAX = 5 };
struct candidates {
    struct related list[RELATED_MAX];
    size_t n;
};

static void
offer_related(struct incident_engine *e, struct candidates *c, uint32_t node, uint32_t partner,
              int32_t score)
{
    uint32_t group = incident_group(e, e->nodes[partner].group);
    size_t at = c->n;
    for (size_t i = 0; i < c->n; i++)
        if (incident_group(e, e->nodes[c->list[i].b].group) == group)
            at = i;
    if (at == c->n && c->n == RELATED_MAX) {
        at = 0;
        for (size_t i = 1; i < c->n; i++)
            if (c->list[i].score < c->list[at].score)
                at = i;
    }
    if (at < c->n && c->list[at].score >= score)
        return;
    c->list[at] = (struct related){node, partner, score, "score"};
    c->n += at == c->n;
}

static bool
same_group(struct incident_engine *e, uint32_t a, uint32_t b)
{
    uint32_t x = e->nodes[a].group, y = e->nodes[b].group;
    return x != INCIDENT_NONE && y != INCIDENT_NONE && incident_group(e, x) == incident_group(e, y);
}

bool
incident_relink_links(struct incident_engine *e, uint32_t a, uint32_t b)
{
    struct link_node x = incident_relink_view(&e->nodes[a]), y = incident_relink_view(&e->nodes[b]);
    struct link_score s;
    link_score(&x, &y, e->p, before, e, &s);
    return s.score >= e->p->threshold;
}

static void
try_link(struct incident_engine *e, uint32_t node, uint32_t partner, struct candidates *c)
{
    struct link_node a = incident_relink_view(&e->nodes[node]),
                     b = incident_relink_view(&e->nodes[partner]);
    struct link_score s;
    link_score(&a, &b, e->p, before, e, &s);
    if (s.score >= e->p->threshold && (e->nodes[node].pinned || e->nodes[partner].pinned)) {
        if (!same_group(e, node, partner)) /* its place is a person's word */
            incident_relink_related(e, node, partner, s.score, "pin");
    } else if (s.score >= e->p->threshold) {
        join(e, node, partner, &s);
        if (e->shadow != NULL &&
            incident_group(e, e->nodes[node].group) == incident_group(e, e->nodes[partner].group))
            e->shadow[shadow_root(e->shadow, node)] = shadow_root(e->shadow, partner);
    } else if (s.score >= e->p->related) {
        offer_related(e, c, node, partner, s.score);
    }
}

/* One key of a node: those who have it too, newest first. */
static void
relink_key(struct incident_engine *e, uint32_t node, const struct link_key *key, uint32_t mark,
           struct candidates *c)
{
    const struct entry *x = &e->entries[key->id];
    const uint32_t *list = incident_table_nodes(x);
    struct link_node self = incident_relink_view(&e->nodes[node]);
    int32_t window = e->p->rules[key->type].window_s;
    int32_t scored = 0, looked = 0;
    for (uint32_t i = x->n_nodes; i-- > 0 && !e->dead;) {
        struct node *m = &e->nodes[list[i]];
        if (list[i] == node || m->mark == mark || m->dead)
            continue;
        /* of two that are restored the newer one looks at the older, as when it came */
        if (e->shadow != NULL && list[i] >= e->n_linked && m->seq > e->nodes[node].seq)
            continue;
        looked++;
        struct link_node other = {.first_s = m->first_s, .last_s = m->last_s};
        if (link_gap(&self, &other, e->p->time_step_s) > window)
            continue;
        m->mark = mark;
        if (together(e, node, list[i]))
            continue;
        if (scored++ >= e->p->scan_max || looked >= INCIDENT_LOOK_MAX) {
            e->cut++;
            return;
        }
        try_link(e, node, list[i], c);
    }
}

/* The keys worth looking at, in an order that no number decides: who is found first gives the
 * reason that is stored. */
static size_t
keys_in_order(struct incident_engine *e, uint32_t node, uint32_t only, struct link_key *out)
{
    const struct node *n = &e->nodes[node];
    size_t count = 0;
    for (uint16_t i = 0; i < n->n_keys; i++) {
        if ((only != INCIDENT_NONE && n->keys[i].id != only) ||
            n->keys[i].weight < e->p->min_key_weight)
            continue;
        size_t at = count++;
        for (; at > 0 && incident_identity_before(e, n->keys[i].id, out[at - 1].id); at--)
            out[at] = out[at - 1];
        out[at] = n->keys[i];
    }
    return count;
}

/* Score a node against all that share a key with it, or only one key. */
void
incident_relink(struct incident_engine *e, uint32_t node, uint32_t only)
{
    struct link_key keys[KEYS_NODE_MAX];
    uint32_t mark = incident_table_mark(e);
    struct candidates c = {.n = 0};
    if (e->nodes[node].dead)
        return;
    size_t n = keys_in_order(e, node, only, keys);
    for (size_t i = 0; i < n && !e->dead; i++)
        relink_key(e, node, &keys[i], mark, &c);
    for (size_t i = 0; i < c.n; i++)
        incident_relink_related(e, c.list[i].a, c.list[i].b, c.list[i].score, c.list[i].why);
}
