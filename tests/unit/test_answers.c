#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/answers.h"

enum { MAX = 1 << 20, LIMIT = 1 << 30, MANY = 40 };

/* One who wants; leaves at once when told to. */
struct guest {
    struct answers_want want;
    struct answers *h;
    struct arena *a;
    int turns;
    bool hasty;
};

static void
on_turn(void *arg, struct arena *a)
{
    struct guest *g = arg;
    g->turns++;
    g->a = a;
    if (!g->hasty)
        return;
    g->a = NULL;
    answers_leave(g->h, a);
}

static void
enter(struct answers *h, struct guest *g, size_t need)
{
    g->h = h;
    g->want = (struct answers_want){.turn = on_turn, .arg = g, .need = need, .limit = LIMIT};
    answers_enter(h, &g->want);
}

static void
leave(struct guest *g)
{
    struct arena *a = g->a;
    g->a = NULL;
    answers_leave(g->h, a);
}

static size_t
inside(const struct guest *g, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += g[i].a != NULL;
    return count;
}

static void
test_as_many_are_let_in_as_there_is_room_for_and_the_rest_in_turn(void **state)
{
    struct answers *h = answers_new(MAX);
    struct guest g[MANY] = {{.turns = 0}};
    for (size_t i = 0; i < MANY; i++)
        enter(h, &g[i], 0);
    assert_int_equal(inside(g, MANY), MAX / ANSWERS_LEAST);
    for (size_t i = 0; i + MAX / ANSWERS_LEAST < MANY; i++) {
        leave(&g[i]);
        assert_non_null(g[i + MAX / ANSWERS_LEAST].a); /* who has waited longest */
    }
    for (size_t i = 0; i < MANY; i++) {
        leave(&g[i]);
        assert_int_equal(g[i].turns, 1);
    }
    answers_free(h);
    (void)state;
}

static void
test_one_large_answer_is_in_at_a_time_and_holds_up_no_small_one(void **state)
{
    struct answers *h = answers_new(MAX);
    struct guest large[3] = {{.turns = 0}}, small = {.turns = 0};
    for (size_t i = 0; i < 3; i++)
        enter(h, &large[i], (size_t)MAX * 10);
    assert_int_equal(inside(large, 3), 1);
    assert_non_null(arena_alloc(large[0].a, (size_t)MAX * 10)); /* outside of the budget */
    enter(h, &small, 0);
    assert_non_null(small.a);
    leave(&large[0]);
    assert_non_null(large[1].a);
    answers_unwant(h, &large[2].want);
    leave(&large[1]);
    assert_int_equal(large[2].turns, 0);
    leave(&small);
    answers_free(h);
    (void)state;
}

static void
test_who_finds_no_room_wants_more_until_it_is_large(void **state)
{
    struct answers *h = answers_new(MAX);
    struct guest full = {.turns = 0}, g = {.turns = 0};
    enter(h, &full, MAX / 4);
    while (arena_alloc(full.a, 4096) != NULL) /* takes all there is */
        ;
    leave(&full);
    enter(h, &g, 0);
    assert_non_null(g.a);
    size_t need = 0;
    for (int i = 0; i < 10 && arena_alloc(g.a, MAX + 1) == NULL; i++) {
        assert_true(arena_pool_short(g.a) > MAX);
        size_t more = answers_need(g.a, need);
        assert_true(more > need);
        need = more;
        leave(&g);
        enter(h, &g, need);
        assert_non_null(g.a);
    }
    assert_true(need > MAX / 4); /* and then it was let in */
    leave(&g);
    answers_free(h);
    (void)state;
}

static void
test_who_leaves_at_once_lets_the_next_in(void **state)
{
    struct answers *h = answers_new(MAX);
    struct guest first = {.turns = 0}, g[MANY] = {{.turns = 0}};
    enter(h, &first, MAX / 4);
    while (arena_alloc(first.a, 4096) != NULL)
        ;
    for (size_t i = 0; i < MANY; i++) {
        g[i].hasty = true;
        enter(h, &g[i], MAX / 4);
    }
    assert_int_equal(g[0].turns, 0);
    leave(&first);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(g[i].turns, 1);
    answers_free(h);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_many_are_let_in_as_there_is_room_for_and_the_rest_in_turn),
        cmocka_unit_test(test_one_large_answer_is_in_at_a_time_and_holds_up_no_small_one),
        cmocka_unit_test(test_who_finds_no_room_wants_more_until_it_is_large),
        cmocka_unit_test(test_who_leaves_at_once_lets_the_next_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
