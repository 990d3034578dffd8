#include "normalize/tree.h"

#include <assert.h>
#include <stdlib.h>

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "tree.memory", "no room for the links of an incident");
}

static struct err
check_size(const struct tree_nodes *in)
{
    return in->n <= TREE_NODES_MAX
               ? ERR_OK
               : err_make(ERR_REJECT, "tree.size",
                          "%zu alerts are more than the %d that a tree has", in->n, TREE_NODES_MAX);
}

bool
tree_link_before(const struct tree_link *x, const struct tree_link *y)
{
    if (x->score != y->score)
        return x->score > y->score;
    if (x->gap_s != y->gap_s)
        return x->gap_s < y->gap_s;
    return x->a != y->a ? x->a < y->a : x->b < y->b;
}

static struct tree_link
link_of(const struct tree_nodes *in, uint32_t x, uint32_t y)
{
    struct link_score s;
    uint32_t a = x < y ? x : y, b = x < y ? y : x;
    link_score(&in->nodes[a], &in->nodes[b], in->params, in->before, in->ctx, &s);
    return (struct tree_link){a, b, s.score, s.gap_s};
}

/* ---- the tree, grown from each root by the strongest link that leads out (Prim) */

/* The strongest link from the tree so far to each node outside; a == b: none. */
struct growth {
    const struct tree_nodes *in;
    struct tree *out;
    struct tree_link *best;
};

static void
step_add(struct growth *g, uint32_t node, struct tree_link l)
{
    struct tree *t = g->out;
    t->at[node] = (uint32_t)t->n;
    t->steps[t->n++] = (struct tree_step){.node = node, .parent = TREE_NONE};
    if (l.a == l.b)
        t->parts++;
    else
        t->steps[t->n - 1] = (struct tree_step){node, l.a == node ? l.b : l.a, l.score, l.gap_s};
    for (uint32_t i = 0; i < g->in->n; i++) {
        if (t->at[i] != TREE_NONE)
            continue;
        struct tree_link x = link_of(g->in, node, i);
        bool none = g->best[i].a == g->best[i].b;
        if (x.score >= g->in->params->threshold && (none || tree_link_before(&x, &g->best[i])))
            g->best[i] = x;
    }
}

/* The node outside with the strongest link to the tree so far; without one, the next root. */
static uint32_t
next_node(const struct growth *g)
{
    uint32_t nearest = TREE_NONE, root = TREE_NONE;
    for (uint32_t i = 0; i < g->in->n; i++) {
        if (g->out->at[i] != TREE_NONE)
            continue;
        if (root == TREE_NONE || g->in->nodes[i].first_s < g->in->nodes[root].first_s)
            root = i;
        if (g->best[i].a != g->best[i].b &&
            (nearest == TREE_NONE || tree_link_before(&g->best[i], &g->best[nearest])))
            nearest = i;
    }
    return nearest != TREE_NONE ? nearest : root;
}

struct err
tree_of(const struct tree_nodes *in, struct arena *a, struct tree *out)
{
    *out = (struct tree){.n = 0};
    struct err e = check_size(in);
    if (e.kind)
        return e;
    struct growth g = {in, out, arena_alloc(a, (in->n + 1) * sizeof *g.best)};
    out->steps = arena_alloc(a, (in->n + 1) * sizeof *out->steps);
    out->at = arena_alloc(a, (in->n + 1) * sizeof *out->at);
    if (g.best == NULL || out->steps == NULL || out->at == NULL)
        return no_memory();
    for (size_t i = 0; i < in->n; i++)
        out->at[i] = TREE_NONE;
    for (size_t i = 0; i < in->n; i++) {
        uint32_t node = next_node(&g);
        step_add(&g, node, g.best[node]);
    }
    return ERR_OK;
}

/* ---- all links */

static int
link_order(const void *x, const void *y)
{
    return tree_link_before(x, y) ? -1 : tree_link_before(y, x) ? 1 : 0;
}

struct err
tree_links(const struct tree_nodes *in, struct arena *a, struct tree_link **out, size_t *n)
{
    size_t room = 0;
    *out = NULL;
    *n = 0;
    struct err e = check_size(in);
    if (e.kind)
        return e;
    for (uint32_t i = 0; i < in->n; i++) {
        for (uint32_t k = i + 1; k < in->n; k++) {
            struct tree_link x = link_of(in, i, k);
            if (x.score < in->params->threshold)
                continue;
            if (*n == room) {
                struct tree_link *more = arena_grow(a, *out, sizeof **out, &room);
                if (more == NULL)
                    return no_memory();
                *out = more;
            }
            (*out)[(*n)++] = x;
        }
    }
    if (*n > 1)
        qsort(*out, *n, sizeof **out, link_order);
    return ERR_OK;
}

/* ---- ways through the tree */

static uint32_t
parent_of(const struct tree *t, uint32_t node)
{
    return t->steps[t->at[node]].parent;
}

/* Steps up to the root. */
static size_t
depth_of(const struct tree *t, uint32_t node)
{
    size_t depth = 0;
    for (uint32_t at = parent_of(t, node); at != TREE_NONE; at = parent_of(t, at))
        depth++;
    return depth;
}

size_t
tree_path(const struct tree *t, uint32_t from, uint32_t to, uint32_t *path)
{
    assert(from < t->n && to < t->n);
    size_t up = depth_of(t, from), down = depth_of(t, to), n = 0;
    uint32_t x = from, y = to;
    for (; up > down; up--, x = parent_of(t, x))
        path[n++] = x;
    size_t tail = t->n; /* what is above `to`, from the end of the room */
    for (; down > up; down--, y = parent_of(t, y))
        path[--tail] = y;
    for (; x != y; x = parent_of(t, x), y = parent_of(t, y)) {
        if (parent_of(t, x) == TREE_NONE)
            return 0;
        path[n++] = x;
        path[--tail] = y;
    }
    path[n++] = x;
    while (tail < t->n)
        path[n++] = path[tail++];
    return n;
}

/* ---- where it is weakest */

struct err
tree_weakest(const struct tree *t, const uint32_t *alerts, struct arena *a, struct tree_cut *out,
             bool *found)
{
    *found = false;
    /* of each step: the alerts that hang by it; of each root: those of its part */
    uint64_t *below = arena_alloc(a, (t->n + 1) * sizeof *below);
    uint32_t *root = arena_alloc(a, (t->n + 1) * sizeof *root);
    if (below == NULL || root == NULL)
        return no_memory();
    for (size_t i = 0; i < t->n; i++) {
        uint32_t parent = t->steps[i].parent;
        below[i] = alerts[t->steps[i].node];
        root[i] = parent != TREE_NONE ? root[t->at[parent]] : (uint32_t)i;
    }
    for (size_t i = t->n; i-- > 0;)
        if (t->steps[i].parent != TREE_NONE)
            below[t->at[t->steps[i].parent]] += below[i];
    for (size_t i = 0; i < t->n; i++) {
        const struct tree_step *s = &t->steps[i];
        uint64_t above = below[root[i]] - below[i];
        if (s->parent == TREE_NONE || below[i] < 2 || above < 2)
            continue;
        bool up = s->node < s->parent; /* is the node link.a? */
        struct tree_cut cut = {
            {up ? s->node : s->parent, up ? s->parent : s->node, s->score, s->gap_s},
            up ? below[i] : above,
            up ? above : below[i]};
        if (!*found || tree_link_before(&out->link, &cut.link))
            *out = cut;
        *found = true;
    }
    return ERR_OK;
}
