/* What a poller does when the service, the database or Kafka say no. */
#include "ingest/poll.h"

#include <stdio.h>

#include "common/metric.h"
#include "poll_rig.h"

/* ---- what the service says */

static void
test_a_401_is_answered_once_with_a_new_token(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL}, {200, TOKEN("two"), NULL});
    bench_script(r->bench, "/list", {401, "{}", NULL}, {200, NONE_NEW, NULL});
    struct poll *p = start(r);
    assert_well(r, p);
    assert_int_equal(bench_asked(r->bench, "/token"), 2);
    assert_string_equal(r->bench->asked[1].authorization, "Bearer one");
    assert_string_equal(r->bench->asked[3].authorization, "Bearer two");
    poll_close(p);
}

static void
test_a_second_401_waits_for_somebody_to_repair_it(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list", {401, "{}", NULL});
    struct poll *p = start(r);
    assert_due(r, p, 300000, 300000);
    assert_int_equal(bench_asked(r->bench, "/list"), 2);
    hurry(r, p); /* and then again: one more token, one more try */
    bench_until(r->bench, bench_asked(r->bench, "/list") == 4);
    poll_close(p);
}

static void
test_a_429_repeats_the_same_request_after_the_wait_it_asked_for(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list",
                 {200, "{\"since\":5,\"alerts\":[{\"id\":\"a\"}],\"next\":[\"/more\"]}", NULL});
    bench_script(r->bench, "/more", {429, "{}", "120"}, {200, NONE_NEW, NULL});
    struct poll *p = start(r);
    assert_due(r, p, 120000, 121000);
    /* a record lost meanwhile does not cut the wait short */
    double_confirm(&r->producer, ERR_OK);
    bench_settle(r->bench);
    assert_due(r, p, 120000, 121000);
    hurry(r, p);
    assert_well(r, p);
    assert_int_equal(bench_asked(r->bench, "/list"), 1);
    assert_int_equal(bench_asked(r->bench, "/more"), 2);
    assert_int_equal(r->producer.n_sent, 1);
    assert_int_equal(rig_since(r), 5);
    poll_close(p);
}

static void
test_a_loss_during_a_wait_does_not_cut_it_short(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list",
                 {200, "{\"since\":5,\"alerts\":[{\"id\":\"a\"}],\"next\":[\"/more\"]}", NULL});
    bench_script(r->bench, "/more", {429, "{}", "120"});
    struct poll *p = start(r);
    bench_until(r->bench, timer_of(r, p) != NULL);
    double_confirm(&r->producer, err_make(ERR_RETRY, "bus.produce", "lost"));
    bench_settle(r->bench);
    assert_due(r, p, 120000, 121000);
    hurry(r, p);
    bench_until(r->bench, due_ms(r, p) > 0);
    assert_int_equal(bench_asked(r->bench, "/more"), 1); /* the round is lost: it begins again */
    hurry(r, p);
    bench_until(r->bench, bench_asked(r->bench, "/list") == 2);
    assert_int_equal(r->db.n_saves, 0);
    poll_close(p);
}

static void
test_a_bad_answer_is_asked_for_again_and_never_passed_over(void **state)
{
    static const char *const bad[] = {"", "<html/>",
                                      "{\"since\":9,\"alerts\":[{\"id\":", "{\"since\":9}"};
    struct rig *r = *state;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list",
                 {200, "{\"since\":5,\"alerts\":[{\"id\":\"a\"}],\"next\":[\"/more\"]}", NULL});
    bench_script(r->bench, "/more", {200, bad[0], NULL}, {200, bad[1], NULL}, {200, bad[2], NULL},
                 {200, bad[3], NULL}, {500, "", NULL}, {200, TWO, NULL});
    struct poll *p = start(r);
    for (size_t i = 1; i <= 5; i++) {
        bench_until(r->bench, bench_asked(r->bench, "/more") == i && timer_of(r, p) != NULL);
        double_confirm_all(&r->producer);
        bench_settle(r->bench);
        assert_int_equal(r->db.n_saves, 0);
        assert_due(r, p, 800 << (i - 1), 1000 << (i - 1));
        hurry(r, p);
    }
    bench_until(r->bench, r->producer.n_waiting == 1); /* a is known to be there */
    double_confirm_all(&r->producer);
    assert_well(r, p);
    assert_int_equal(bench_asked(r->bench, "/list"), 1);
    assert_int_equal(rig_since(r), 5);
    poll_close(p);
}

static void
test_an_answer_that_is_too_large_is_asked_for_again(void **state)
{
    struct rig *r = *state;
    struct bench *b = r->bench;
    size_t n = (size_t)conf_int(b->conf, "fetch.answer_max_bytes") + 1;
    char *large = malloc(n + 1);
    memset(large, ' ', n);
    large[n] = '\0';
    bench_script(b, "/token", {200, TOKEN("one"), NULL});
    bench_script(b, "/list", {200, "{\"since\":5,\"alerts\":[],\"next\":[\"/more\"]}", NULL});
    bench_script(b, "/more", {200, large, NULL}, {200, NONE_NEW, NULL});
    struct poll *p = start(r);
    assert_due(r, p, 800, 1000);
    assert_int_equal(r->db.n_saves, 0);
    hurry(r, p);
    assert_well(r, p);
    assert_int_equal(rig_since(r), 5);
    poll_close(p);
    free(large);
}

static void
clock_is(struct rig *r, int64_t ahead_s, int64_t seen_s, size_t requests)
{
    struct bench *b = r->bench;
    char date[40];
    time_t at = (time_t)(clock_now() / CLOCK_SECOND + ahead_s);
    struct tm tm;
    assert_true(strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &tm)) > 0);
    const struct cursor c = {.since = 1, .closed = CLOCK_NONE, .until = 1};
    struct slice sealed;
    const struct ingest_tenant t = rig_tenant(1);
    bench_need(seal_close(r->env.seal, &t.oid, t.epoch, SEAL_CURSOR, SLICE("pg|cursor|sealed|1"),
                          state_cursor_text(&c, &(struct source_notes){.n = 0}, b->a), b->a,
                          &sealed));
    double_keep(&r->db, 0, &r->db.cursor, 1, sealed);
    b->date = date;
    bench_script(b, "/token", {200, TOKEN("one"), NULL});
    bench_script(b, "/list", {200, NONE_NEW, NULL});
    struct poll *p = start(r);
    assert_well(r, p);
    assert_int_equal(bench_asked(b, "/list"), requests);
    long long now = 0;
    assert_int_equal(sscanf(b->asked[b->n_asked - 1].query, "now=%lld", &now), 1);
    int64_t off = now - (clock_now() / CLOCK_SECOND + seen_s);
    assert_true(off >= -2 && off <= 2);
    b->date = NULL;
    poll_close(p);
}

static void
test_a_round_is_made_with_the_time_of_the_source(void **state)
{
    static const struct {
        int64_t ahead_s, seen_s;
        size_t requests;
    } rows[] = {{-600, -600, 2}, {7200, 7200, 2}, {-2, 0, 1},
                {2, 0, 1},       {-90000, 0, 1},  {90000, 0, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (i > 0) {
            rig_free(*state);
            setup(state);
        }
        clock_is(*state, rows[i].ahead_s, rows[i].seen_s, rows[i].requests);
    }
}

/* ---- the database and Kafka say no */

static void
test_a_tenant_whose_schema_is_gone_is_told_once(void **state)
{
    struct rig *r = *state;
    r->db.fail = err_make(ERR_REJECT, "db.undefined", "gone");
    struct poll *p = start(r);
    bench_until(r->bench, r->gone > 0);
    bench_settle(r->bench);
    assert_int_equal(r->gone, 1);
    assert_int_equal(due_ms(r, p), NOTHING_DUE);
    poll_close(p);
}

static void
test_a_missing_table_is_trouble_and_the_tenant_goes_on_when_it_is_there(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list", {200, TWO, NULL});
    r->db.fail = err_make(ERR_REJECT, "db.undefined", "no such table");
    r->db.no_tables = true;
    struct poll *p = start(r);
    bench_until(r->bench, due_ms(r, p) != NOTHING_DUE);
    assert_int_equal(r->gone, 0);
    hurry(r, p); /* migrated meanwhile */
    bench_until(r->bench, r->producer.n_waiting == 2);
    r->db.fail = err_make(ERR_REJECT, "db.undefined", "no such table");
    double_confirm_all(&r->producer);
    bench_until(r->bench, due_ms(r, p) != NOTHING_DUE);
    assert_int_equal(r->gone, 0);
    assert_int_equal(rig_since(r), CLOCK_NONE);
    assert_string_equal(r->db.status_code, "db.tables");
    poll_close(p);
}

static int64_t
too_large(void)
{
    const char *const labels[] = {"endpoint", "bus.too_large", NULL};
    return metric_get(METRIC_weir_ingest_rejected_total, labels);
}

static void
test_what_the_broker_finds_too_large_is_left_out_and_the_page_goes_on(void **state)
{
    struct rig *r = *state;
    const struct err large = err_make(ERR_REJECT, "bus.too_large", "too large");
    int64_t before = too_large();
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list", {200, THREE, NULL}, {200, THREE, NULL}, {200, THREE, NULL});
    struct poll *p = start(r);
    bench_until(r->bench, r->producer.n_waiting == 3);
    double_confirm(&r->producer, ERR_OK);
    double_confirm(&r->producer, large); /* of b and c one is, and nobody says which */
    double_confirm(&r->producer, large);
    hurry(r, p);
    bench_until(r->bench, r->producer.n_waiting == 1); /* b, alone */
    double_confirm(&r->producer, large);
    assert_int_equal(r->producer.n_waiting, 1); /* c */
    double_confirm(&r->producer, ERR_OK);
    bench_until(r->bench, rig_since(r) == 6);
    assert_int_equal(r->producer.n_sent, 5);
    assert_int_equal(too_large(), before + 1);
    bench_settle(r->bench);
    hurry(r, p); /* the next round has them all again, and sends none */
    bench_until(r->bench, bench_asked(r->bench, "/list") == 3);
    bench_settle(r->bench);
    assert_int_equal(r->producer.n_sent, 5);
    poll_close(p);
}

static void
test_a_fenced_tenant_stores_no_cursor_and_is_gone(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list", {200, TWO, NULL});
    struct poll *p = start(r);
    bench_until(r->bench, r->producer.n_waiting == 2);
    r->db.fail = err_make(ERR_REJECT, "db.fenced", "purging");
    double_confirm_all(&r->producer);
    bench_until(r->bench, r->gone > 0);
    assert_int_equal(rig_since(r), CLOCK_NONE);
    poll_close(p);
}

static void
test_settings_that_cannot_be_used_are_read_again_later(void **state)
{
    struct rig *r = *state;
    struct cursors_row good = r->db.credential;
    r->db.credential = (struct cursors_row){.source = 0};
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list", {200, NONE_NEW, NULL});
    struct poll *p = start(r);
    assert_due(r, p, 800, 1000);
    r->db.credential = good;
    hurry(r, p);
    assert_well(r, p);
    assert_int_equal(r->db.n_loads, 2);
    poll_close(p);
}

static void
test_all_who_wait_for_room_go_on(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
    bench_script(r->bench, "/list", {200, TWO, NULL});
    r->producer.most = 1;
    struct poll *p[3];
    for (size_t i = 0; i < 3; i++) {
        p[i] = start(r);
        bench_until(r->bench, bench_asked(r->bench, "/list") == i + 1);
        bench_settle(r->bench);
    }
    bench_until(r->bench, r->producer.room != NULL);
    for (int i = 0; i < 6; i++) {
        bench_until(r->bench, r->producer.n_waiting == 1);
        double_confirm(&r->producer, ERR_OK);
        bench_settle(r->bench);
        (void)double_room(&r->producer);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_well(r, p[i]);
        poll_close(p[i]);
    }
    assert_int_equal(r->producer.n_sent, 6);
}

static void
on_stop(struct loop_hook *hook)
{
    poll_close(hook->data);
}

static void
test_a_producer_that_is_broken_for_good_ends_the_worker(void **state)
{
    static const bool later[] = {false, true};
    for (size_t i = 0; i < 2; i++) {
        struct rig *r = *state;
        if (i == 0)
            bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
        if (i == 0)
            bench_script(r->bench, "/list", {200, TWO, NULL});
        const struct err fatal = err_make(ERR_STOP, "bus.fatal", "fenced");
        struct poll *p = start(r);
        struct loop_hook hook = {.stop = on_stop, .data = p};
        loop_on_stop(r->env.loop, &hook);
        if (!later[i])
            r->producer.refuse = fatal;
        else
            bench_until(r->bench, r->producer.n_waiting == 2);
        while (r->producer.n_waiting > 0)
            double_confirm(&r->producer, fatal);
        bench_until(r->bench, loop_stopping(r->env.loop));
        assert_int_equal(r->db.n_saves, 0);
        if (i == 0) { /* a loop stops once: the other case needs another one */
            rig_free(r);
            setup(state);
            r = *state;
            bench_script(r->bench, "/token", {200, TOKEN("one"), NULL});
            bench_script(r->bench, "/list", {200, TWO, NULL});
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(test_a_401_is_answered_once_with_a_new_token),
        RIGGED(test_a_second_401_waits_for_somebody_to_repair_it),
        RIGGED(test_a_429_repeats_the_same_request_after_the_wait_it_asked_for),
        RIGGED(test_a_loss_during_a_wait_does_not_cut_it_short),
        RIGGED(test_a_bad_answer_is_asked_for_again_and_never_passed_over),
        RIGGED(test_an_answer_that_is_too_large_is_asked_for_again),
        RIGGED(test_a_round_is_made_with_the_time_of_the_source),
        RIGGED(test_a_tenant_whose_schema_is_gone_is_told_once),
        RIGGED(test_what_the_broker_finds_too_large_is_left_out_and_the_page_goes_on),
        RIGGED(test_a_missing_table_is_trouble_and_the_tenant_goes_on_when_it_is_there),
        RIGGED(test_a_fenced_tenant_stores_no_cursor_and_is_gone),
        RIGGED(test_settings_that_cannot_be_used_are_read_again_later),
        RIGGED(test_all_who_wait_for_room_go_on),
        RIGGED(test_a_producer_that_is_broken_for_good_ends_the_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
