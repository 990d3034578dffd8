#include "ingest/poll.h"

#include "poll_rig.h"

static int64_t ahead_ms; /* of the real monotonic clock */

int64_t __real_clock_mono_ms(void);
int64_t __wrap_clock_mono_ms(void);

int64_t
__wrap_clock_mono_ms(void)
{
    return __real_clock_mono_ms() + ahead_ms;
}

/* ---- waits */

static void
test_waits_double_to_five_minutes_and_are_spread_by_a_fifth(void **state)
{
    static const struct {
        unsigned tries;
        int64_t most_ms;
    } rows[] = {{0, 1000},   {1, 1000},    {2, 2000},    {3, 4000},           {5, 16000},
                {9, 256000}, {10, 300000}, {11, 300000}, {UINT32_MAX, 300000}};
    static const uint32_t randoms[] = {0, 1, 12345, 59999, 60000, 60001, UINT32_MAX};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(poll_backoff(rows[i].tries, 0), rows[i].most_ms * 4 / 5);
        assert_int_equal(poll_backoff(rows[i].tries, (uint32_t)rows[i].most_ms / 5),
                         rows[i].most_ms);
        for (size_t j = 0; j < sizeof randoms / sizeof randoms[0]; j++)
            assert_in_range(poll_backoff(rows[i].tries, randoms[j]), rows[i].most_ms * 4 / 5,
                            rows[i].most_ms);
    }
    (void)state;
}

/* ---- promise 1: the cursor comes last */

static void
test_the_cursor_is_stored_after_the_last_confirmation_and_not_before(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list", {200, TWO, NULL});
    struct poll *p = start(r);
    bench_until(r->bench, r->producer.n_waiting == 2);
    bench_settle(r->bench);
    assert_int_equal(r->db.n_saves, 0);
    double_confirm(&r->producer, ERR_OK);
    bench_settle(r->bench);
    assert_int_equal(r->db.n_saves, 0);
    double_confirm(&r->producer, ERR_OK);
    assert_well(r, p);
    assert_int_equal(r->db.n_saves, 1);
    assert_int_equal(r->db.fenced_epoch, RIG_EPOCH);
    assert_int_equal(rig_since(r), 5);
    assert_string_equal(r->producer.sent[0], "{\"id\":\"a\"}");
    poll_close(p);
}

static void
test_the_cursor_waits_for_every_further_request(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list",
                 {200, "{\"since\":9,\"alerts\":[{\"id\":\"a\"}],\"next\":[\"/more\"]}", NULL});
    bench_script(r->bench, "/more", {0, NULL, NULL}, {200, NONE_NEW, NULL});
    struct poll *p = start(r);
    bench_until(r->bench, r->bench->held != NULL);
    double_confirm_all(&r->producer);
    bench_settle(r->bench);
    assert_int_equal(r->db.n_saves, 0);
    static const struct reply last = {200, "{\"alerts\":[{\"id\":\"z\"}]}", NULL};
    bench_reply(r->bench->held, &last);
    r->bench->held = NULL;
    bench_until(r->bench, r->producer.n_waiting == 1);
    bench_settle(r->bench);
    assert_int_equal(r->db.n_saves, 0);
    double_confirm_all(&r->producer);
    assert_well(r, p);
    assert_int_equal(rig_since(r), 9);
    poll_close(p);
}

static void
test_a_lost_record_repeats_the_round_and_only_that_record(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list", {200, TWO, NULL});
    struct poll *p = start(r);
    bench_until(r->bench, r->producer.n_waiting == 2);
    double_confirm(&r->producer, err_make(ERR_RETRY, "bus.produce", "lost"));
    double_confirm(&r->producer, ERR_OK);
    assert_due(r, p, 800, 1000);
    assert_int_equal(r->db.n_saves, 0);
    hurry(r, p);
    bench_until(r->bench, r->producer.n_waiting == 1);
    assert_int_equal(r->producer.n_sent, 3);
    assert_string_equal(r->producer.sent[2], "{\"id\":\"a\"}");
    assert_int_equal(bench_asked(r->bench, "/list"), 2);
    double_confirm_all(&r->producer);
    assert_well(r, p);
    assert_int_equal(rig_since(r), 5);
    poll_close(p);
}

/* The queue is full after a; a is lost; b was confirmed in an earlier round or can never be sent.
 */
static void
test_a_loss_just_before_room_is_not_forgotten(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list", {200, TWO, NULL});
    r->producer.most = 1;
    struct poll *p = start(r);
    bench_until(r->bench, r->producer.room != NULL);
    double_confirm(&r->producer, err_make(ERR_RETRY, "bus.produce", "lost"));
    r->producer.refuse = err_make(ERR_REJECT, "bus.too_large", "never");
    assert_true(double_room(&r->producer));
    assert_due(r, p, 800, 1000);
    assert_int_equal(r->db.n_saves, 0);
    poll_close(p);
}

static void
test_a_cursor_that_is_not_stored_is_the_start_of_the_next_round(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list", {200, TWO, NULL});
    struct poll *p = start(r);
    bench_until(r->bench, r->producer.n_waiting == 2);
    r->db.fail = err_make(ERR_RETRY, "db.busy", "busy");
    double_confirm_all(&r->producer);
    assert_due(r, p, 800, 1000);
    assert_int_equal(rig_since(r), CLOCK_NONE);
    hurry(r, p);
    assert_well(r, p);
    assert_int_equal(rig_since(r), 5);
    assert_int_equal(r->producer.n_sent, 2); /* both are known to be there */
    poll_close(p);
}

static void
test_a_round_that_found_nothing_stores_nothing(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list", {200, NONE_NEW, NULL});
    struct poll *p = start(r);
    assert_well(r, p);
    assert_int_equal(r->db.n_saves, 0);
    poll_close(p);
}

static void
test_more_at_the_source_is_asked_for_without_a_pause(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list", {200, "{\"since\":4,\"alerts\":[],\"again\":true}", NULL},
                 {200, THREE, NULL});
    struct poll *p = start(r);
    bench_until(r->bench, r->producer.n_waiting == 3);
    assert_int_equal(rig_since(r), 4);
    double_confirm_all(&r->producer);
    assert_well(r, p);
    assert_int_equal(rig_since(r), 6);
    poll_close(p);
}

/* A list may end before what was notified: at a whole second, by a clock that is behind. */
static void
test_news_begin_a_round_and_more_until_even_a_slow_clock_shows_them(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list", {200, NONE_NEW, NULL});
    struct poll *p = start(r);
    assert_well(r, p);
    assert_false(poll_wake(p, SLICE("b-guid")));
    assert_well(r, p);
    assert_true(poll_wake(p, SLICE("A-GUID")));
    assert_due(r, p, 1000, 1000);
    ahead_ms += 1000;
    hurry(r, p);
    assert_due(r, p, 5000, 5000); /* 6 s after the news */
    hurry(r, p);                  /* the next poll, and in its middle there is news */
    assert_true(poll_wake(p, SLICE("a-guid")));
    assert_due(r, p, 1000, 1000);
    ahead_ms += 6000;
    hurry(r, p);
    assert_well(r, p);
    assert_int_equal(bench_asked(r->bench, "/list"), 4);
    poll_close(p);
}

static void
test_bytes_that_came_back_are_sent_again(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list",
                 {200, "{\"since\":1,\"alerts\":[{\"id\":\"a\",\"s\":0}],\"again\":true}", NULL},
                 {200, "{\"since\":2,\"alerts\":[{\"id\":\"a\",\"s\":1}],\"again\":true}", NULL},
                 {200, "{\"since\":3,\"alerts\":[{\"id\":\"a\",\"s\":0}]}", NULL});
    struct poll *p = start(r);
    for (size_t i = 1; i <= 3; i++) {
        bench_until(r->bench, r->producer.n_sent == i);
        double_confirm_all(&r->producer);
    }
    assert_well(r, p);
    assert_string_equal(r->producer.sent[2], "{\"id\":\"a\",\"s\":0}");
    poll_close(p);
}

/* ---- closing: each stage is left as it is; teardown asserts that nothing stays on the loop */

enum stage { LOADING, TOKEN_ASKED, LIST_ASKED, UNCONFIRMED, FULL, SAVING, PAUSED, IDLE, STAGES };

static void
run_to(struct rig *r, struct poll *p, enum stage stage)
{
    struct bench *b = r->bench;
    switch (stage) {
    case TOKEN_ASKED:
    case LIST_ASKED:
        bench_until(b, b->held != NULL);
        break;
    case UNCONFIRMED:
        bench_until(b, r->producer.n_waiting == 2);
        break;
    case FULL:
        bench_until(b, r->producer.room != NULL);
        break;
    case SAVING:
        bench_until(b, r->producer.n_waiting == 2);
        r->db.hold = true;
        double_confirm_all(&r->producer);
        bench_until(b, r->db.n_saves == 1);
        break;
    case PAUSED:
    case IDLE:
        bench_until(b, timer_of(r, p) != NULL);
        break;
    default:
        break;
    }
}

static void
test_a_poller_can_be_closed_in_the_middle_of_everything(void **state)
{
    static const struct reply late = {200, TWO, NULL};
    for (int stage = LOADING; stage < STAGES; stage++) {
        struct rig *r = *state;
        struct bench *b = r->bench;
        r->db.hold = stage == LOADING;
        r->producer.most = stage == FULL ? 1 : DELIVERIES_MAX;
        bench_script(b, "/token", {stage == TOKEN_ASKED ? 0 : 200, TOKEN("one"), NULL});
        bench_script(b, "/list",
                     {stage == LIST_ASKED ? 0
                      : stage == PAUSED   ? 503
                                          : 200,
                      stage == IDLE ? NONE_NEW : TWO, NULL});
        struct poll *p = start(r);
        run_to(r, p, (enum stage)stage);
        poll_close(p);
        poll_close(NULL);
        if (b->held != NULL)
            bench_reply(b->held, &late);
        b->held = NULL;
        bench_settle(b);
        (void)double_room(&r->producer);
        assert_int_equal(r->gone, 0);
        if (stage + 1 < STAGES) {
            rig_free(r);
            setup(state);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_double_to_five_minutes_and_are_spread_by_a_fifth),
        RIGGED(test_the_cursor_is_stored_after_the_last_confirmation_and_not_before),
        RIGGED(test_the_cursor_waits_for_every_further_request),
        RIGGED(test_a_lost_record_repeats_the_round_and_only_that_record),
        RIGGED(test_a_loss_just_before_room_is_not_forgotten),
        RIGGED(test_a_cursor_that_is_not_stored_is_the_start_of_the_next_round),
        RIGGED(test_a_round_that_found_nothing_stores_nothing),
        RIGGED(test_more_at_the_source_is_asked_for_without_a_pause),
        RIGGED(test_news_begin_a_round_and_more_until_even_a_slow_clock_shows_them),
        RIGGED(test_bytes_that_came_back_are_sent_again),
        RIGGED(test_a_poller_can_be_closed_in_the_middle_of_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
