#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/loop.h"

/* Every test frees its loop, and loop_free asserts that uv_loop_close gave 0. */
struct worker {
    struct loop *loop;
    uv_timer_t tick;
    struct loop_hook hook;
    int stops, order, *count;
    bool done;
};

static void
worker_stop(struct loop_hook *hook)
{
    struct worker *w = hook->data;
    w->stops++;
    w->order = ++*w->count;
    if (!uv_is_closing((uv_handle_t *)&w->tick))
        uv_close((uv_handle_t *)&w->tick, NULL);
}

static void
ticked(uv_timer_t *t)
{
    struct worker *w = t->data;
    w->done = true;
}

static void
tick_signal(uv_timer_t *t)
{
    struct worker *w = t->data;
    kill(getpid(), w->done ? SIGINT : SIGTERM);
}

static void
tick_stop_twice(uv_timer_t *t)
{
    struct worker *w = t->data;
    loop_stop(w->loop, 4);
    loop_stop(w->loop, 5);
}

static void
worker_start(struct worker *w, struct loop *l, int *count, uv_timer_cb on_tick)
{
    *w = (struct worker){.loop = l, .count = count};
    assert_int_equal(uv_timer_init(loop_uv(l), &w->tick), 0);
    w->tick.data = w;
    assert_int_equal(uv_timer_start(&w->tick, on_tick, 0, 0), 0);
    w->hook = (struct loop_hook){.stop = worker_stop, .data = w};
    loop_on_stop(l, &w->hook);
}

static struct loop *
loop_get(bool signals)
{
    struct loop *l = NULL;
    assert_int_equal(loop_new(signals, &l).kind, ERR_NONE);
    return l;
}

static void
test_hooks_run_once_and_the_last_registered_first(void **state)
{
    struct loop *l = loop_get(false);
    struct worker first, second;
    int count = 0;
    worker_start(&first, l, &count, tick_stop_twice);
    worker_start(&second, l, &count, tick_stop_twice);
    assert_false(loop_stopping(l));
    assert_int_equal(loop_run(l), 4); /* the code of the first stop */
    assert_true(loop_stopping(l));
    assert_int_equal(first.stops, 1);
    assert_int_equal(second.stops, 1);
    assert_int_equal(second.order, 1);
    assert_int_equal(first.order, 2);
    loop_free(l);
    (void)state;
}

static void
test_a_signal_stops_the_loop_with_its_code(void **state)
{
    static const struct {
        bool interrupt;
        int code;
    } ROWS[] = {{false, 0}, {true, 130}};
    for (size_t i = 0; i < 2; i++) {
        struct loop *l = loop_get(true);
        struct worker w;
        int count = 0;
        worker_start(&w, l, &count, tick_signal);
        w.done = ROWS[i].interrupt;
        assert_int_equal(loop_run(l), ROWS[i].code);
        assert_int_equal(w.stops, 1);
        loop_free(l);
    }
    (void)state;
}

static void
test_a_turn_ends_when_what_was_waited_for_is_done(void **state)
{
    struct loop *l = loop_get(true);
    struct worker w;
    int count = 0;
    worker_start(&w, l, &count, ticked);
    assert_true(loop_turn(l, &w.done));
    assert_false(loop_stopping(l));
    loop_stop(l, 0);
    assert_int_equal(loop_run(l), 0);
    loop_free(l);
    (void)state;
}

static void
test_a_turn_without_work_ends_although_signals_are_watched(void **state)
{
    struct loop *l = loop_get(true);
    bool never = false;
    assert_false(loop_turn(l, &never));
    loop_free(l);
    (void)state;
}

static void
test_a_turn_ends_when_the_loop_is_stopped(void **state)
{
    struct loop *l = loop_get(true);
    struct worker w;
    int count = 0;
    bool never = false;
    worker_start(&w, l, &count, tick_stop_twice);
    assert_false(loop_turn(l, &never));
    assert_int_equal(loop_run(l), 4);
    loop_free(l);
    (void)state;
}

static void
test_who_comes_after_the_stop_is_stopped_at_once(void **state)
{
    struct loop *l = loop_get(false);
    struct worker w;
    int count = 0;
    loop_stop(l, 3);
    worker_start(&w, l, &count, ticked);
    assert_int_equal(w.stops, 1);
    assert_int_equal(loop_run(l), 3);
    loop_free(l);
    (void)state;
}

static void
test_a_loop_that_never_ran_can_be_freed(void **state)
{
    loop_free(loop_get(true));
    loop_free(NULL);
    (void)state;
}

static void
test_a_closed_pipe_is_an_error_and_not_a_death(void **state)
{
    struct loop *l = loop_get(false);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    close(ends[1]);
    loop_free(l);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hooks_run_once_and_the_last_registered_first),
        cmocka_unit_test(test_a_signal_stops_the_loop_with_its_code),
        cmocka_unit_test(test_a_turn_ends_when_what_was_waited_for_is_done),
        cmocka_unit_test(test_a_turn_without_work_ends_although_signals_are_watched),
        cmocka_unit_test(test_a_turn_ends_when_the_loop_is_stopped),
        cmocka_unit_test(test_who_comes_after_the_stop_is_stopped_at_once),
        cmocka_unit_test(test_a_loop_that_never_ran_can_be_freed),
        cmocka_unit_test(test_a_closed_pipe_is_an_error_and_not_a_death),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
