#include "ingest/poll.h"

#include <stdio.h>
#include <time.h>

#include "common/metric.h"
#include "ingest_doubles.h"

enum { NOTHING_DUE = -1 };

/* ---- a source of the test: {"since":5,"alerts":[{"id":"a"}],"next":["/more"],"again":false} */

static struct err
fake_request(const struct source_conf *c, struct slice path, struct arena *a,
             struct source_request *out)
{
    *out = (struct source_request){.http = {.method = "GET"}};
    out->http.url = slice_join(a, c->base_url, path);
    return out->http.url.p != NULL ? ERR_OK : err_make(ERR_RETRY, "fake.memory", "full");
}

static struct err
fake_first(const struct source_conf *c, const struct cursor *at, struct arena *a,
           struct source_request **out, size_t *n)
{
    struct slice path = at->since == CLOCK_NONE
                            ? SLICE("/list")
                            : slice_printf(a, "/list?since=%lld", (long long)at->since);
    if (at->until != CLOCK_NONE) /* the test wants to see the clock */
        path = slice_printf(a, "/list?now=%lld", (long long)(c->now / CLOCK_SECOND));
    *out = arena_alloc(a, sizeof **out);
    *n = 1;
    struct err e = fake_request(c, path, a, *out);
    (*out)->at = *at;
    return e;
}

static struct err
fake_parse(const struct answer *got, struct arena *a, struct page *out)
{
    struct json doc, item, next;
    struct err e = source_status(got, "endpoint");
    if (e.kind == ERR_NONE)
        e = source_page(got->body, a, &doc);
    if (e.kind == ERR_NONE)
        e = source_take(got->body, "alerts", out, a);
    if (e.kind)
        return e;
    size_t i = 0;
    for (struct json_iter it = json_items(json_get(doc, "alerts")); json_next(&it, NULL, &item);)
        out->alerts[i++].native_id = json_get_text(item, "id");
    (void)json_get_int(doc, "since", &out->at.since);
    out->again = json_bool(json_get(doc, "again"), false);
    out->next = arena_alloc(a, (json_count(json_get(doc, "next")) + 1) * sizeof *out->next);
    for (struct json_iter it = json_items(json_get(doc, "next"));
         e.kind == ERR_NONE && json_next(&it, NULL, &next);) {
        e = fake_request(got->conf, json_text(next), a, &out->next[out->n_next]);
        out->next[out->n_next++].at = got->asked->at;
    }
    return e;
}

static const struct source fake = {
    .name = "endpoint", .number = 1, .first = fake_first, .parse = fake_parse};

#define TWO "{\"since\":5,\"alerts\":[{\"id\":\"a\"},{\"id\":\"b\"}]}"
#define THREE "{\"since\":6,\"alerts\":[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"c\"}]}"
#define NONE_NEW "{\"alerts\":[]}"
#define TOKEN(t) "{\"access_token\":\"" t "\",\"expires_in\":3599}"

static int
setup(void **state)
{
    struct rig *r = rig_new(&fake, NULL);
    struct bench *b = r->bench;
    rig_settings(r,
                 slice_printf(b->a,
                              "{\"base_url\":\"%.*s\",\"token_url\":\"%.*s\",\"client_id\":\"c\","
                              "\"client_secret\":\"s\",\"resource\":\"r\"}",
                              SLICE_ARG(bench_url(b, "")), SLICE_ARG(bench_url(b, "/token"))));
    *state = r;
    return 0;
}

static int
teardown(void **state)
{
    rig_free(*state);
    return 0;
}

static struct poll *
start(struct rig *r)
{
    const struct ingest_tenant t = rig_tenant(1);
    struct poll *p = poll_start(&r->env, &t, rig_gone, r);
    assert_non_null(p);
    return p;
}

/* ---- the poller's timer, found on the loop: tests look at a wait and end it, none waits */

struct hunt {
    void *owner;
    uv_timer_t *found;
};

static void
look(uv_handle_t *h, void *arg)
{
    struct hunt *hunt = arg;
    if (h->type == UV_TIMER && h->data == hunt->owner && uv_is_active(h))
        hunt->found = (uv_timer_t *)h;
}

static uv_timer_t *
timer_of(struct rig *r, struct poll *p)
{
    struct hunt hunt = {p, NULL};
    uv_walk(loop_uv(r->bench->loop), look, &hunt);
    return hunt.found;
}

static int64_t
due_ms(struct rig *r, struct poll *p)
{
    uv_timer_t *t = timer_of(r, p);
    return t != NULL ? (int64_t)uv_timer_get_due_in(t) : NOTHING_DUE;
}

static void
hurry(struct rig *r, struct poll *p)
{
    uv_timer_t *t = timer_of(r, p);
    assert_non_null(t);
    uv_timer_stop(t);
    t->timer_cb(t);
}

#define assert_due(r, p, least, most)                                                              \
    do {                                                                                           \
        bench_until((r)->bench, timer_of((r), (p)) != NULL);                                       \
        int64_t due = due_ms((r), (p));                                                            \
        if (due < (least)-500 || due > (most))                                                     \
            fail_msg("due in %lld ms", (long long)due);                                            \
    } while (0)

#define assert_well(r, p) assert_due((r), (p), 3600000, 3600000)

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
    bench_script(r->bench, "/list", {200, bad[0], NULL}, {200, bad[1], NULL}, {200, bad[2], NULL},
                 {500, "", NULL}, {200, TWO, NULL});
    struct poll *p = start(r);
    for (size_t i = 1; i <= 4; i++) {
        bench_until(r->bench, bench_asked(r->bench, "/list") == i && timer_of(r, p) != NULL);
        assert_int_equal(r->db.n_saves, 0);
        hurry(r, p);
    }
    bench_until(r->bench, r->producer.n_waiting == 2);
    double_confirm_all(&r->producer);
    assert_well(r, p);
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
                          state_cursor_text(&c, b->a), b->a, &sealed));
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
#define RIGGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_double_to_five_minutes_and_are_spread_by_a_fifth),
        RIGGED(test_the_cursor_is_stored_after_the_last_confirmation_and_not_before),
        RIGGED(test_the_cursor_waits_for_every_further_request),
        RIGGED(test_a_lost_record_repeats_the_round_and_only_that_record),
        RIGGED(test_a_loss_just_before_room_is_not_forgotten),
        RIGGED(test_a_cursor_that_is_not_stored_is_the_start_of_the_next_round),
        RIGGED(test_a_round_that_found_nothing_stores_nothing),
        RIGGED(test_more_at_the_source_is_asked_for_without_a_pause),
        RIGGED(test_bytes_that_came_back_are_sent_again),
        RIGGED(test_a_401_is_answered_once_with_a_new_token),
        RIGGED(test_a_second_401_waits_for_somebody_to_repair_it),
        RIGGED(test_a_429_repeats_the_same_request_after_the_wait_it_asked_for),
        RIGGED(test_a_loss_during_a_wait_does_not_cut_it_short),
        RIGGED(test_a_bad_answer_is_asked_for_again_and_never_passed_over),
        RIGGED(test_an_answer_that_is_too_large_is_asked_for_again),
        RIGGED(test_a_round_is_made_with_the_time_of_the_source),
        RIGGED(test_a_tenant_whose_schema_is_gone_is_told_once),
        RIGGED(test_a_fenced_tenant_stores_no_cursor_and_is_gone),
        RIGGED(test_settings_that_cannot_be_used_are_read_again_later),
        RIGGED(test_all_who_wait_for_room_go_on),
        RIGGED(test_a_producer_that_is_broken_for_good_ends_the_worker),
        RIGGED(test_a_poller_can_be_closed_in_the_middle_of_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
