#include "normalize/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { HOUR_S = 3600, NODES_MAX = 16, LIMIT_BYTES = 1 << 20 };

/* Nodes on a line of time; each may have two keys that only its neighbours have. */
struct world {
    struct arena *a;
    struct link_key keys[NODES_MAX][4];
    struct link_node nodes[NODES_MAX];
    struct tree_nodes in;
};

static void
world_new(struct world *w, size_t n)
{
    *w = (struct world){.a = arena_new(LIMIT_BYTES)};
    assert_non_null(w->a);
    w->in = (struct tree_nodes){w->nodes, n, &params_default, NULL, NULL};
    for (size_t i = 0; i < n; i++)
        w->nodes[i] = (struct link_node){.first_s = (int64_t)i * HOUR_S,
                                         .last_s = (int64_t)i * HOUR_S,
                                         .level = 1,
                                         .detector = (uint32_t)i,
                                         .keys = w->keys[i]};
}

/* Both get a message of this weight: it links alone, less 300 for two low severities. */
static void
share(struct world *w, size_t x, size_t y, int32_t weight)
{
    uint32_t id = (uint32_t)(x * NODES_MAX + y);
    const struct link_key key = {id, KEY_MAIL_CLUSTER, weight};
    size_t nodes[2] = {x, y};
    for (size_t i = 0; i < 2; i++) {
        struct link_node *n = &w->nodes[nodes[i]];
        size_t at = n->n_keys++;
        for (; at > 0 && w->keys[nodes[i]][at - 1].id > id; at--)
            w->keys[nodes[i]][at] = w->keys[nodes[i]][at - 1];
        w->keys[nodes[i]][at] = key;
    }
}

static struct tree
tree_made(struct world *w)
{
    struct tree t;
    assert_int_equal(tree_of(&w->in, w->a, &t).kind, ERR_NONE);
    assert_int_equal(t.n, w->in.n);
    return t;
}

static void
test_the_tree_takes_the_strongest_links_and_leaves_the_ring_open(void **state)
{
    struct world w;
    world_new(&w, 3);
    share(&w, 0, 1, 1500);
    share(&w, 1, 2, 1900);
    share(&w, 0, 2, 1400); /* the weakest of a ring of three */
    struct tree t = tree_made(&w);
    assert_int_equal(t.parts, 1);
    assert_int_equal(t.steps[0].node, 0);
    assert_int_equal(t.steps[0].parent, TREE_NONE);
    assert_int_equal(t.steps[t.at[1]].parent, 0);
    assert_int_equal(t.steps[t.at[2]].parent, 1);
    assert_int_equal(t.steps[t.at[2]].gap_s, HOUR_S);
    arena_free(w.a);
    (void)state;
}

static void
test_a_part_is_rooted_where_it_began(void **state)
{
    struct world w;
    world_new(&w, 4);
    share(&w, 0, 1, 1500);
    w.nodes[1].first_s = -HOUR_S;
    struct tree t = tree_made(&w);
    assert_int_equal(t.parts, 3);
    assert_int_equal(t.steps[0].node, 1);
    assert_int_equal(t.steps[1].node, 0);
    assert_int_equal(t.steps[2].node, 2);
    assert_int_equal(t.steps[2].parent, TREE_NONE);
    assert_int_equal(t.steps[3].node, 3);
    arena_free(w.a);
    (void)state;
}

static void
test_of_equal_links_the_nearer_then_the_smaller_ids_win(void **state)
{
    static const struct {
        struct tree_link x, y;
    } rows[] = {
        {{5, 6, 1001, 900}, {0, 1, 1000, 0}},
        {{5, 6, 1000, 0}, {0, 1, 1000, 60}},
        {{0, 9, 1000, 60}, {1, 2, 1000, 60}},
        {{1, 2, 1000, 60}, {1, 3, 1000, 60}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(tree_link_before(&rows[i].x, &rows[i].y));
        assert_false(tree_link_before(&rows[i].y, &rows[i].x));
    }
    assert_false(tree_link_before(&rows[0].x, &rows[0].x));
    (void)state;
}

static void
test_a_path_leads_from_one_to_the_other_through_the_tree(void **state)
{
    struct world w;
    uint32_t path[NODES_MAX];
    world_new(&w, 7);
    share(&w, 0, 1, 1900);
    share(&w, 1, 2, 1900);
    share(&w, 0, 3, 1900);
    share(&w, 3, 4, 1900);
    share(&w, 4, 5, 1900);
    struct tree t = tree_made(&w);
    static const uint32_t want[] = {2, 1, 0, 3, 4, 5};
    assert_int_equal(tree_path(&t, 2, 5, path), 6);
    assert_memory_equal(path, want, sizeof want);
    assert_int_equal(tree_path(&t, 5, 2, path), 6);
    assert_int_equal(path[0], 5);
    assert_int_equal(path[5], 2);
    assert_int_equal(tree_path(&t, 3, 3, path), 1);
    assert_int_equal(tree_path(&t, 0, 4, path), 3);
    assert_int_equal(tree_path(&t, 2, 6, path), 0); /* 6 hangs by nothing */
    arena_free(w.a);
    (void)state;
}

static void
test_the_cut_is_at_the_weakest_link_with_two_alerts_on_either_side(void **state)
{
    struct world w;
    struct tree_cut cut;
    bool found;
    world_new(&w, 5);
    share(&w, 0, 1, 1900);
    share(&w, 1, 2, 1500);
    share(&w, 2, 3, 1900);
    share(&w, 3, 4, 1400); /* weaker, but 4 would be alone */
    struct tree t = tree_made(&w);
    uint32_t alerts[5] = {1, 1, 1, 1, 1};
    assert_int_equal(tree_weakest(&t, alerts, w.a, &cut, &found).kind, ERR_NONE);
    assert_true(found);
    assert_int_equal(cut.link.a, 1);
    assert_int_equal(cut.link.b, 2);
    assert_int_equal(cut.alerts_a, 2);
    assert_int_equal(cut.alerts_b, 3);
    alerts[4] = 7; /* a node of repeats is not alone */
    assert_int_equal(tree_weakest(&t, alerts, w.a, &cut, &found).kind, ERR_NONE);
    assert_int_equal(cut.link.a, 3);
    assert_int_equal(cut.alerts_a, 4);
    assert_int_equal(cut.alerts_b, 7);
    arena_free(w.a);
    (void)state;
}

static void
test_three_alerts_cannot_be_cut(void **state)
{
    struct world w;
    struct tree_cut cut;
    bool found = true;
    const uint32_t alerts[3] = {1, 1, 1};
    world_new(&w, 3);
    share(&w, 0, 1, 1900);
    share(&w, 1, 2, 1900);
    struct tree t = tree_made(&w);
    assert_int_equal(tree_weakest(&t, alerts, w.a, &cut, &found).kind, ERR_NONE);
    assert_false(found);
    arena_free(w.a);
    (void)state;
}

static void
test_too_many_or_too_little_memory_is_an_error(void **state)
{
    struct world w;
    struct tree t;
    struct tree_link *links;
    size_t n;
    world_new(&w, 4);
    w.in.n = TREE_NODES_MAX + 1;
    assert_string_equal(tree_of(&w.in, w.a, &t).code, "tree.size");
    assert_string_equal(tree_links(&w.in, w.a, &links, &n).code, "tree.size");
    w.in.n = 4;
    struct arena *tiny = arena_new(64);
    assert_non_null(tiny);
    assert_string_equal(tree_of(&w.in, tiny, &t).code, "tree.memory");
    w.in.n = 0;
    assert_int_equal(tree_of(&w.in, w.a, &t).kind, ERR_NONE);
    assert_int_equal(t.n, 0);
    arena_free(tiny);
    arena_free(w.a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_tree_takes_the_strongest_links_and_leaves_the_ring_open),
        cmocka_unit_test(test_a_part_is_rooted_where_it_began),
        cmocka_unit_test(test_of_equal_links_the_nearer_then_the_smaller_ids_win),
        cmocka_unit_test(test_a_path_leads_from_one_to_the_other_through_the_tree),
        cmocka_unit_test(test_the_cut_is_at_the_weakest_link_with_two_alerts_on_either_side),
        cmocka_unit_test(test_three_alerts_cannot_be_cut),
        cmocka_unit_test(test_too_many_or_too_little_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
