#include "normalize/incident_internal.h"

enum { FEW = 2 };

uint32_t
incident_identity_root(struct incident_engine *e, uint32_t entry)
{
    uint32_t root = entry;
    while (e->entries[root].parent != root)
        root = e->entries[root].parent;
    while (e->entries[entry].parent != root) {
        uint32_t next = e->entries[entry].parent;
        e->entries[entry].parent = root;
        entry = next;
    }
    return root;
}

/* Names before numbers; among equals the smaller text, so that no order of arrival shows. */
static int
face_rank(const struct entry *x)
{
    static const char *const ranks[] = {"upn:", "dns:", "sam:", "aad:", "mde:", "aadd:"};
    for (int i = 0; i < (int)(sizeof(ranks) / sizeof(ranks[0])); i++)
        if (slice_starts((struct slice){x->text, x->n}, slice_of(ranks[i])))
            return i;
    return INT8_MAX;
}

static uint32_t
better_face(const struct incident_engine *e, uint32_t a, uint32_t b)
{
    int rank_a = face_rank(&e->entries[a]), rank_b = face_rank(&e->entries[b]);
    if (rank_a != rank_b)
        return rank_a < rank_b ? a : b;
    return slice_cmp(incident_table_text(e, a), incident_table_text(e, b)) <= 0 ? a : b;
}

/* In a node's keys one identity takes the place of another; its weight is the larger one. */
static void
rename_key(struct node *n, uint32_t from, uint32_t to)
{
    uint16_t out = 0;
    struct link_key moved = {.weight = -1};
    for (uint16_t i = 0; i < n->n_keys; i++) {
        if (n->keys[i].id == from || n->keys[i].id == to) {
            int32_t most = n->keys[i].weight > moved.weight ? n->keys[i].weight : moved.weight;
            moved = (struct link_key){to, n->keys[i].type, most};
        } else {
            n->keys[out++] = n->keys[i];
        }
    }
    uint16_t at = out;
    for (; at > 0 && n->keys[at - 1].id > to; at--)
        n->keys[at] = n->keys[at - 1];
    n->keys[at] = moved;
    n->n_keys = (uint16_t)(out + 1);
}

/* The smaller list into the larger, in order. Only its nodes can have new partners, or, where they
 * had both names, a larger weight: they alone are linked again. */
static void
move_nodes(struct incident_engine *e, uint32_t from, uint32_t to)
{
    struct entry *x = &e->entries[from], *y = &e->entries[to];
    const uint32_t *small = incident_table_nodes(x);
    uint32_t n_small = x->n_nodes, n_large = y->n_nodes;
    if (n_small == 0 || !incident_table_reserve(e, y, n_small + n_large))
        return;
    for (uint32_t i = 0; i < n_small; i++) {
        rename_key(&e->nodes[small[i]], from, to);
        if (n_large > 0 && !e->nodes[small[i]].dead) {
            if (!incident_table_grow(e, (void **)&e->dirty, sizeof(*e->dirty), e->n_dirty,
                                     &e->cap_dirty))
                return;
            e->dirty[e->n_dirty++] = (struct dirty){small[i], to};
        }
    }
    uint32_t *large = y->cap_nodes == FEW ? y->nodes.few : y->nodes.many;
    uint32_t i = n_small, k = n_large, at = n_small + n_large;
    while (i > 0) { /* from the back, in place; a node in both comes twice */
        if (k > 0 && e->nodes[large[k - 1]].seq >= e->nodes[small[i - 1]].seq)
            large[--at] = large[--k];
        else
            large[--at] = small[--i];
    }
    uint32_t out = 0;
    for (uint32_t j = 0; j < n_small + n_large; j++)
        if (out == 0 || large[out - 1] != large[j])
            large[out++] = large[j];
    y->n_nodes = out;
    *x = (struct entry){.text = x->text,
                        .n = x->n,
                        .hash = x->hash,
                        .parent = x->parent,
                        .ref = x->ref,
                        .face = x->face,
                        .mark = x->mark,
                        .cap_nodes = FEW,
                        .type = x->type};
}

/* Who of the list is still there. */
static uint32_t
count_live(const struct incident_engine *e, uint32_t entry)
{
    const struct entry *x = &e->entries[entry];
    const uint32_t *nodes = incident_table_nodes(x);
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->n_nodes; i++)
        n += !e->nodes[nodes[i]].dead;
    return n;
}

bool
incident_identity_before(const struct incident_engine *e, uint32_t a, uint32_t b)
{
    const struct entry *x = &e->entries[a], *y = &e->entries[b];
    if (x->type != y->type)
        return x->type < y->type;
    return slice_cmp(incident_table_text(e, x->face), incident_table_text(e, y->face)) < 0;
}

void
incident_identity_unite(struct incident_engine *e, uint32_t a, uint32_t b)
{
    uint32_t to = incident_identity_root(e, a), from = incident_identity_root(e, b);
    if (to == from)
        return;
    uint32_t n_to = count_live(e, to), n_from = count_live(e, from);
    if (n_to < n_from || (n_to == n_from && incident_identity_before(e, from, to))) {
        uint32_t swap = to;
        to = from;
        from = swap;
    }
    e->entries[to].face = better_face(e, e->entries[to].face, e->entries[from].face);
    if (e->entries[to].ref == INCIDENT_NONE)
        e->entries[to].ref = e->entries[from].ref;
    else if (e->entries[from].ref != INCIDENT_NONE)
        e->conflicts++;
    e->entries[from].parent = to;
    if (!e->restoring && incident_table_grow(e, (void **)&e->aliases, sizeof(*e->aliases),
                                             e->n_aliases, &e->cap_aliases))
        e->aliases[e->n_aliases++] = (struct alias){a, b};
    move_nodes(e, from, to);
}
