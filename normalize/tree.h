/*
 * tree.h: what holds alerts together, whatever order they came in.
 *
 * Of all links between some nodes the strongest that connect them: their maximum spanning tree.
 * Between links there is one order, by score, then the smaller gap, then the smaller ids, so there
 * is one tree, the same for every order of arrival. It explains an incident, and its weakest link
 * is where a large one would come apart first. Pure. Ref: correlation.md 9, 11 and 12.
 */
#ifndef WEIR_TREE_H
#define WEIR_TREE_H
#include "common/arena.h"
#include "common/err.h"
#include "normalize/link.h"

enum { TREE_NODES_MAX = 8192 };
#define TREE_NONE UINT32_MAX

/* Nodes in the order of their ids: a node's number stands for its id where links are equal. */
struct tree_nodes {
    const struct link_node *nodes;
    size_t n; /* at most TREE_NODES_MAX */
    const struct params *params;
    bool (*before)(const void *ctx, uint32_t key_a, uint32_t key_b); /* as link_score wants it */
    const void *ctx;
};

struct tree_link {
    uint32_t a, b; /* nodes, a < b */
    int32_t score;
    int64_t gap_s;
};

/* A node and the link that it hangs by; nodes after the one they hang by. */
struct tree_step {
    uint32_t node;
    uint32_t parent; /* TREE_NONE: the root of its part; score and gap are 0 then */
    int32_t score;
    int64_t gap_s;
};

struct tree {
    struct tree_step *steps; /* one a node, part by part */
    size_t n;
    uint32_t *at; /* of each node: the index of its step */
    size_t parts; /* 1: links connect all */
};

/* tree_link_before - is x the stronger link? Exactly one of two different links is. */
bool tree_link_before(const struct tree_link *x, const struct tree_link *y);

/*
 * tree_of - the tree of the links that reach the threshold.
 *
 * A part is rooted at its node that was active first (of equal ones the first), so the root too
 * depends on the nodes only.
 *
 * Owns: everything in the arena. Scores each pair once: n * n / 2 calls of link_score.
 * Errors: ERR_REJECT "tree.size": more than TREE_NODES_MAX; ERR_RETRY "tree.memory".
 */
MUST_CHECK struct err tree_of(const struct tree_nodes *in, struct arena *a, struct tree *out);

/* tree_links - every link that reaches the threshold, the strongest first. Errors as tree_of. */
MUST_CHECK struct err tree_links(const struct tree_nodes *in, struct arena *a,
                                 struct tree_link **out, size_t *n);

/* tree_path - the nodes from one to another, both included; path has room for tree->n. How many; 0:
 * they are in different parts. */
size_t tree_path(const struct tree *t, uint32_t from, uint32_t to, uint32_t *path);

/* Where a tree is cut in two. */
struct tree_cut {
    struct tree_link link;
    uint64_t alerts_a, alerts_b; /* on the side of link.a, of link.b */
};

/* tree_weakest - the weakest link that has two alerts or more on both sides; alerts: of each node.
 * *found false: there is none. Errors: ERR_RETRY "tree.memory". */
MUST_CHECK struct err tree_weakest(const struct tree *t, const uint32_t *alerts, struct arena *a,
                                   struct tree_cut *out, bool *found);

#endif
