/*
 * Laws of the tree of strongest links, and of what a score is made of, on random nodes.
 * Ref: correlation.md 12; tests 8, 17 and 18 of its section 18.
 */
#include "normalize/tree.h"
#include "normalize/why.h"
#include "tests/property/story.h"

enum { NODES = 60, KEYS = 6, VALUES = 30, ROUNDS = 60, PROFILES = 4, LIMIT_BYTES = 16 << 20 };

struct world {
    struct link_key keys[NODES][KEYS];
    struct link_node nodes[NODES];
    struct tree_nodes in;
};

static void
world_make(struct story *s, struct world *w, const struct params *p)
{
    w->in = (struct tree_nodes){w->nodes, NODES, p, NULL, NULL};
    for (size_t i = 0; i < NODES; i++) {
        int64_t first = (int64_t)story_below(s, 72) * STORY_HOUR_S;
        w->nodes[i] = (struct link_node){.first_s = first,
                                         .last_s = first + (int64_t)story_below(s, 7200),
                                         .leads = (uint16_t)(1U << story_below(s, 13)),
                                         .level = (uint8_t)story_below(s, 4),
                                         .product = (uint8_t)story_below(s, 3),
                                         .detector = (uint32_t)story_below(s, 4),
                                         .keys = w->keys[i]};
        for (uint32_t id = 0; id < VALUES && w->nodes[i].n_keys < KEYS; id++) {
            enum key_type type = (enum key_type)(id % KEY_TYPES);
            if (story_below(s, VALUES / 3) != 0)
                continue;
            int32_t weight = p->rules[type].weight * (int32_t)(1 + story_below(s, 10)) / 10;
            w->keys[i][w->nodes[i].n_keys++] = (struct link_key){id, type, weight};
        }
    }
}

static uint32_t
root_of(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i)
        i = parent[i] = parent[parent[i]];
    return i;
}

/* The same tree another way: all links, the strongest first, unless they close a ring. */
static size_t
by_links(const struct tree_link *links, size_t n, uint32_t *parent, struct tree_link *taken)
{
    size_t found = 0;
    for (uint32_t i = 0; i < NODES; i++)
        parent[i] = i;
    for (size_t i = 0; i < n; i++) {
        uint32_t x = root_of(parent, links[i].a), y = root_of(parent, links[i].b);
        if (x == y)
            continue;
        parent[x] = y;
        taken[found++] = links[i];
    }
    return found;
}

static bool
has_link(const struct tree *t, const struct tree_link *l)
{
    const struct tree_step *a = &t->steps[t->at[l->a]], *b = &t->steps[t->at[l->b]];
    const struct tree_step *s = a->parent == l->b ? a : b->parent == l->a ? b : NULL;
    return s != NULL && s->score == l->score && s->gap_s == l->gap_s;
}

static void
test_the_tree_grown_from_its_root_is_the_one_taken_from_all_links(void **state)
{
    struct story s = story_new(story_seed());
    size_t links_met = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct params p = story_profile(round % PROFILES);
        struct world w;
        struct tree t;
        struct tree_link *links, taken[NODES];
        uint32_t parent[NODES];
        size_t n;
        struct arena *a = arena_new(LIMIT_BYTES);
        world_make(&s, &w, &p);
        assert_int_equal(tree_of(&w.in, a, &t).kind, ERR_NONE);
        assert_int_equal(tree_links(&w.in, a, &links, &n).kind, ERR_NONE);
        for (size_t i = 1; i < n; i++)
            assert_true(tree_link_before(&links[i - 1], &links[i]));
        size_t found = by_links(links, n, parent, taken);
        assert_int_equal(found + t.parts, NODES);
        for (size_t i = 0; i < found; i++)
            assert_true(has_link(&t, &taken[i]));
        links_met += found;
        arena_free(a);
    }
    assert_true(links_met > ROUNDS * 5); /* else the law says nothing */
    story_free(&s);
    (void)state;
}

/* The weakest link of the path between two is as strong as that of any other way. */
static void
test_no_way_between_two_is_stronger_than_the_path(void **state)
{
    struct story s = story_new(story_seed() + 1);
    for (int round = 0; round < ROUNDS; round++) {
        struct world w;
        struct tree t;
        struct tree_link *links;
        uint32_t parent[NODES], path[NODES];
        size_t n;
        struct arena *a = arena_new(LIMIT_BYTES);
        world_make(&s, &w, &params_default);
        assert_int_equal(tree_of(&w.in, a, &t).kind, ERR_NONE);
        assert_int_equal(tree_links(&w.in, a, &links, &n).kind, ERR_NONE);
        uint32_t from = (uint32_t)story_below(&s, NODES), to = (uint32_t)story_below(&s, NODES);
        size_t steps = tree_path(&t, from, to, path);
        int32_t weakest = INT32_MAX;
        for (size_t i = 1; i < steps; i++) {
            const struct tree_step *x = &t.steps[t.at[path[i]]], *y = &t.steps[t.at[path[i - 1]]];
            int32_t score = x->parent == path[i - 1] ? x->score : y->score;
            weakest = score < weakest ? score : weakest;
        }
        int32_t best = from == to ? INT32_MAX : 0; /* links are added until they meet */
        for (uint32_t i = 0; i < NODES; i++)
            parent[i] = i;
        for (size_t i = 0; i < n && root_of(parent, from) != root_of(parent, to); i++) {
            parent[root_of(parent, links[i].a)] = root_of(parent, links[i].b);
            best = links[i].score;
        }
        bool meet = root_of(parent, from) == root_of(parent, to);
        assert_int_equal(steps > 0, meet);
        assert_true(!meet || weakest == best);
        arena_free(a);
    }
    story_free(&s);
    (void)state;
}

static void
test_the_parts_of_what_two_alerts_share_add_up_to_the_score(void **state)
{
    struct story s = story_new(story_seed() + 2);
    struct arena *a = arena_new(LIMIT_BYTES);
    size_t links = 0, weak = 0;
    for (int round = 0; round < ROUNDS * 20; round++) {
        struct params p = story_profile(round % PROFILES);
        struct world w;
        struct why y;
        struct link_score score, back;
        world_make(&s, &w, &p);
        const struct link_node *m = &w.nodes[0], *n = &w.nodes[1];
        arena_reset(a);
        assert_int_equal(why_of(m, n, &p, NULL, NULL, a, &y).kind, ERR_NONE);
        link_score(m, n, &p, NULL, NULL, &score);
        link_score(n, m, &p, NULL, NULL, &back);
        assert_int_equal(score.score, back.score);
        int32_t sum = 0, parts = 0, points = 0;
        for (size_t i = 0; i < y.n_keys; i++)
            sum += y.keys[i].state == WHY_COUNTS ? y.keys[i].points : 0;
        assert_int_equal(sum, y.base);
        for (size_t i = 0; i < WHY_TERMS; i++)
            sum += y.terms[i].state == WHY_GIVEN ? y.terms[i].points : 0;
        for (size_t i = 0; i < score.n_parts; i++)
            parts += score.parts[i].points;
        for (size_t i = 0; i < y.score.n_parts; i++)
            points += y.score.parts[i].points;
        assert_int_equal(parts, score.score);
        assert_int_equal(points, y.score.score);
        assert_int_equal(sum, y.score.score);
        assert_int_equal(y.weak ? 0 : y.score.score, score.score);
        assert_int_equal(y.links, score.score >= p.threshold);
        links += y.links;
        weak += y.weak;
    }
    assert_true(links > 0 && weak > 0);
    arena_free(a);
    story_free(&s);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_tree_grown_from_its_root_is_the_one_taken_from_all_links),
        cmocka_unit_test(test_no_way_between_two_is_stronger_than_the_path),
        cmocka_unit_test(test_the_parts_of_what_two_alerts_share_add_up_to_the_score),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
