/* What a poller does for a source that asks several things at once, remembers, and has a quota. */
#include "ingest/poll.h"

#include "capture.h"
#include "poll_rig.h"

/* ---- a source of its own: each answer is {"next":["/a","+/b"],"carry":"x","notes":["k=1","k"]} */

enum { NOTE_LIFE = 3600 };

static const struct source_call calls[] = {
    {"list", 100, 0, 100}, {"blob", 100, 0, 100}, {"rare", 8, 0, 100}, {NULL, 0, 0, 0}};

/* "+/path": together with others, counted as a blob; "-/path": the same, as a rare one. */
static struct err
request_of(const struct source_conf *c, struct slice word, struct slice carry, struct arena *a,
           struct source_request *out)
{
    bool rare = slice_starts(word, SLICE("-"));
    bool together = rare || slice_starts(word, SLICE("+"));
    struct err e = fake_request(c, together ? slice_sub(word, 1, word.n) : word, a, out);
    out->together = together;
    out->call = rare ? 2 : together ? 1 : 0;
    out->carry = carry;
    return e;
}

static struct err
first(const struct source_conf *c, const struct cursor *at, struct arena *a,
      struct source_request **out, size_t *n)
{
    struct slice path = SLICE("/list");
    for (size_t i = 0; i < c->notes.n && i < 4; i++) {
        const struct source_note *note = source_note(c, c->notes.list[i].key);
        assert_ptr_equal(note, &c->notes.list[i]);
        path = slice_printf(a, "%.*s%s%.*s=%lld", SLICE_ARG(path), i == 0 ? "?" : "&",
                            SLICE_ARG(note->key), (long long)note->value);
    }
    *out = arena_alloc(a, sizeof **out);
    *n = 1;
    struct err e = request_of(c, path, SLICE_NONE, a, *out);
    (*out)->at = *at;
    return e;
}

static void
take_notes(const struct answer *got, struct json list, struct arena *a, struct page *out)
{
    struct json item;
    out->notes = arena_alloc(a, (json_count(list) + 1) * sizeof *out->notes);
    for (struct json_iter it = json_items(list); json_next(&it, NULL, &item);) {
        struct slice value = json_text(item), key = slice_split(&value, '=');
        struct source_note *note = &out->notes[out->n_notes++];
        *note = (struct source_note){.key = key, .until = CLOCK_NONE};
        if (slice_int(value, &note->value))
            note->until = got->conf->now + NOTE_LIFE * CLOCK_SECOND;
    }
}

static struct err
parse(const struct answer *got, struct arena *a, struct page *out)
{
    struct json doc, next;
    if (got->status == 418) /* a service that repeats what it was sent */
        return err_make(ERR_RETRY, "endpoint.echo", "it said %.*s", SLICE_ARG(got->body));
    struct err e = source_status(got, "endpoint");
    if (e.kind == ERR_NONE)
        e = source_page(got->body, a, &doc);
    if (e.kind)
        return e;
    struct slice carry = slice_join(a, got->asked->carry.p != NULL ? got->asked->carry : SLICE(""),
                                    json_get_text(doc, "carry"));
    out->alerts = arena_alloc(a, sizeof *out->alerts);
    if (json_type(json_get(doc, "alert")) != JSON_ABSENT) {
        struct slice id = json_get_text(doc, "alert");
        out->alerts[out->n_alerts++] = (struct raw_alert){
            .native_id = id,
            .version = CLOCK_NONE,
            .payload = slice_printf(a, "%.*s:%.*s", SLICE_ARG(id), SLICE_ARG(got->asked->carry))};
    }
    take_notes(got, json_get(doc, "notes"), a, out);
    (void)json_get_int(doc, "since", &out->at.since);
    out->next = arena_alloc(a, (json_count(json_get(doc, "next")) + 1) * sizeof *out->next);
    for (struct json_iter it = json_items(json_get(doc, "next"));
         e.kind == ERR_NONE && json_next(&it, NULL, &next);) {
        e = request_of(got->conf, json_text(next), carry, a, &out->next[out->n_next]);
        out->next[out->n_next++].at = got->asked->at;
    }
    return e;
}

static const struct source many = {
    .name = "endpoint", .number = 1, .calls = calls, .first = first, .parse = parse};

static int
setup_many(void **state)
{
    int code = setup(state);
    struct rig *r = *state;
    r->env.source = &many;
    bench_script(r->bench, "/token", {200, TOKEN("one"), NULL}, {200, TOKEN("two"), NULL});
    return code;
}

static size_t
asked(struct rig *r, const char *path)
{
    return bench_asked(r->bench, path);
}

#define RARE "\"-/b\",\"-/b\",\"-/b\",\"-/b\",\"-/b\",\"-/b\""

/* ---- together */

static void
test_requests_that_say_so_run_together_up_to_the_setting_and_others_alone(void **state)
{
    static const struct reply done = {200, "{}", NULL};
    struct rig *r = *state;
    struct bench *b = r->bench;
    r->db.status = (struct source_status_row){.source = 0};
    bench_script(b, "/list", {200, "{\"since\":5,\"next\":[\"+/b\",\"+/c\",\"/last\"]}", NULL});
    bench_script(b, "/b", {0, NULL, NULL});
    bench_script(b, "/c", {200, "{}", NULL});
    struct poll *p = start(r);
    /* the second one does not wait for the first, the last one for both */
    bench_until(b, asked(r, "/c") == 1 && b->held != NULL);
    bench_settle(b);
    assert_int_equal(asked(r, "/last"), 0);
    assert_int_equal(r->db.n_saves, 0);
    bench_reply(b->held, &done);
    b->held = NULL;
    bench_until(b, asked(r, "/last") == 1); /* 404, which this source takes for an answer */
    poll_close(p);
}

static void
test_one_of_many_that_fails_is_asked_again_alone(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/list", {200, "{\"since\":5,\"next\":[\"+/b\",\"+/c\"]}", NULL});
    bench_script(r->bench, "/b", {503, "", NULL}, {200, "{\"alert\":\"b\"}", NULL});
    bench_script(r->bench, "/c", {200, "{\"alert\":\"c\"}", NULL});
    struct poll *p = start(r);
    assert_due(r, p, 800, 1000);
    bench_until(r->bench, r->producer.n_sent == 1);
    double_confirm_all(&r->producer);
    bench_settle(r->bench);
    assert_due(r, p, 500, 1000); /* what the other one brought does not cut the wait short */
    hurry(r, p);
    bench_until(r->bench, r->producer.n_sent == 2);
    double_confirm_all(&r->producer);
    assert_well(r, p);
    assert_int_equal(asked(r, "/list"), 1);
    assert_int_equal(asked(r, "/b"), 2);
    assert_int_equal(asked(r, "/c"), 1);
    assert_int_equal(rig_since(r), 5);
    poll_close(p);
}

static void
test_many_that_are_refused_at_once_ask_for_one_new_token(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/list", {200, "{\"since\":5,\"next\":[\"+/b\",\"+/c\"]}", NULL});
    bench_script(r->bench, "/b", {401, "", NULL}, {200, "{}", NULL});
    bench_script(r->bench, "/c", {401, "", NULL}, {200, "{}", NULL});
    struct poll *p = start(r);
    assert_well(r, p);
    assert_int_equal(asked(r, "/token"), 2);
    assert_int_equal(asked(r, "/b"), 2);
    assert_int_equal(asked(r, "/c"), 2);
    poll_close(p);
}

static void
test_a_round_that_is_lost_ends_what_is_under_way(void **state)
{
    static const struct reply late = {200, "{\"alert\":\"late\"}", NULL};
    struct rig *r = *state;
    struct bench *b = r->bench;
    bench_script(b, "/list", {200, "{\"next\":[\"+/b\",\"+/c\"]}", NULL});
    bench_script(b, "/b", {0, NULL, NULL});
    bench_script(b, "/c", {403, "{}", NULL});
    struct poll *p = start(r);
    assert_due(r, p, 300000, 300000);
    bench_until(b, b->held != NULL);
    bench_reply(b->held, &late);
    b->held = NULL;
    bench_settle(b);
    assert_int_equal(r->producer.n_sent, 0);
    assert_int_equal(r->db.n_saves, 0);
    poll_close(p);
}

static void
test_a_tenant_switched_off_cuts_its_requests(void **state)
{
    struct rig *r = *state;
    struct bench *b = r->bench;
    bench_script(b, "/list", {200, "{\"next\":[\"+/b\"]}", NULL});
    bench_script(b, "/b", {0, NULL, NULL});
    struct poll *p = start(r);
    bench_until(b, b->held != NULL);
    poll_close(p);
    bench_settle(b);
    /* nothing of it is left on the loop, though the service has not answered */
    assert_null(timer_of(r, p));
}

/* ---- chains */

static void
test_what_a_chain_carries_comes_back_with_each_answer(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/list",
                 {200, "{\"since\":5,\"carry\":\"one\",\"next\":[\"/a\",\"/b\"]}", NULL});
    bench_script(r->bench, "/a",
                 {200, "{\"alert\":\"a\",\"carry\":\"two\",\"next\":[\"/c\"]}", NULL});
    bench_script(r->bench, "/b", {200, "{\"alert\":\"b\"}", NULL});
    bench_script(r->bench, "/c", {503, "", NULL}, {200, "{\"alert\":\"c\"}", NULL});
    struct poll *p = start(r);
    assert_due(r, p, 800, 1000);
    hurry(r, p);
    bench_until(r->bench, r->producer.n_sent == 3);
    double_confirm_all(&r->producer);
    assert_well(r, p);
    assert_string_equal(r->producer.sent[0], "a:one");
    assert_string_equal(r->producer.sent[1], "b:one");
    assert_string_equal(r->producer.sent[2], "c:onetwo");
    poll_close(p);
}

static void
test_what_a_long_chain_carries_is_given_back_step_by_step(void **state)
{
    enum { STEP = 1024 * 1024 };
    struct rig *r = *state;
    char *x = arena_alloc(r->bench->a, STEP + 1);
    memset(x, 'x', STEP);
    const char *body = slice_printf(r->bench->a, "{\"carry\":\"%s\",\"next\":[\"+/a\"]}", x).p;
    bench_script(r->bench, "/list", {200, "{\"since\":5,\"next\":[\"+/a\"]}", NULL});
    bench_script(r->bench, "/a", {200, body, NULL}, {200, body, NULL}, {200, body, NULL},
                 {200, body, NULL}, {200, body, NULL}, {200, body, NULL}, {200, body, NULL},
                 {200, body, NULL}, {200, body, NULL}, {200, "{\"since\":9}", NULL});
    struct poll *p = start(r); /* together its copies are 45 MiB, over what a round may have */
    assert_well(r, p);
    assert_int_equal(asked(r, "/a"), 10);
    assert_int_equal(rig_since(r), 9);
    poll_close(p);
}

/* ---- notes */

static void
test_notes_come_back_sorted_with_the_next_round_and_after_a_restart(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/list",
                 {200, "{\"notes\":[\"b=2\",\"a=1\",\"c=3\"],\"next\":[\"/more\"]}", NULL},
                 {200, "{\"notes\":[\"b\",\"a=7\"]}", NULL}, {200, "{}", NULL});
    bench_script(r->bench, "/more", {200, "{\"notes\":[\"c=4\"]}", NULL});
    struct poll *p = start(r);
    assert_well(r, p);
    assert_int_equal(r->db.n_saves, 1); /* for the notes alone */
    hurry(r, p);
    bench_until(r->bench, asked(r, "/list") == 2);
    assert_well(r, p);
    assert_string_equal(r->bench->asked[r->bench->n_asked - 1].query, "a=1&b=2&c=4");
    assert_int_equal(r->db.n_saves, 2);
    poll_close(p);
    p = start(r);
    bench_until(r->bench, asked(r, "/list") == 3);
    assert_well(r, p);
    assert_string_equal(r->bench->asked[r->bench->n_asked - 1].query, "a=7&c=4");
    assert_int_equal(r->db.n_saves, 2); /* nothing was said */
    poll_close(p);
}

static void
test_many_notes_are_not_kept_in_memory_but_read_again(void **state)
{
    enum { N = 300 };
    struct rig *r = *state;
    struct slice list = SLICE("");
    for (int i = 0; i < N; i++)
        list = slice_printf(r->bench->a, "%.*s%s\"%0100d=%d\"", SLICE_ARG(list), i > 0 ? "," : "",
                            i, i);
    const char *said = slice_printf(r->bench->a, "{\"notes\":[%.*s]}", SLICE_ARG(list)).p;
    bench_script(r->bench, "/list", {200, said, NULL}, {200, "{}", NULL});
    struct poll *p = start(r);
    assert_well(r, p);
    assert_int_equal(r->db.n_loads, 1);
    hurry(r, p);
    bench_until(r->bench, asked(r, "/list") == 2);
    assert_well(r, p);
    assert_int_equal(r->db.n_loads, 2);
    assert_int_equal(asked(r, "/token"), 1); /* which is still good */
    assert_string_equal(r->bench->asked[r->bench->n_asked - 1].path, "/list");
    assert_int_equal(strncmp(r->bench->asked[r->bench->n_asked - 1].query, "000000", 6), 0);
    poll_close(p);
}

static void
test_notes_of_a_round_that_failed_are_forgotten(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/list", {200, "{\"notes\":[\"a=1\"],\"next\":[\"/more\"]}", NULL},
                 {200, "{}", NULL});
    bench_script(r->bench, "/more", {403, "{}", NULL});
    struct poll *p = start(r);
    assert_due(r, p, 300000, 300000);
    hurry(r, p);
    assert_well(r, p);
    assert_string_equal(r->bench->asked[r->bench->n_asked - 1].query, "");
    assert_int_equal(r->db.n_saves, 0);
    poll_close(p);
}

/* ---- quotas */

static void
test_a_quota_is_kept_and_a_full_bucket_is_for_those_never_asked(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/list", {200, "{\"next\":[" RARE "]}", NULL});
    bench_script(r->bench, "/b", {200, "{}", NULL});
    struct poll *p = start(r);
    /* 8 a minute: 2 at once, then one in 65 s / 6 */
    assert_due(r, p, 10000, 10834);
    bench_until(r->bench, asked(r, "/b") == 2);
    bench_settle(r->bench);
    assert_int_equal(asked(r, "/b"), 2);
    poll_close(p);
    assert_true(r->db.status.asked != CLOCK_NONE);
    p = start(r); /* another worker: it begins with nothing */
    assert_due(r, p, 500, 900);
    assert_int_equal(asked(r, "/list"), 1);
    poll_close(p);
}

static void
test_a_429_takes_the_quota_of_its_call_only(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/list", {200, "{\"next\":[\"-/b\"]}", NULL});
    bench_script(r->bench, "/b", {429, "", "1"}, {200, "{}", NULL});
    struct poll *p = start(r);
    assert_due(r, p, 1000, 2000);
    hurry(r, p);
    assert_due(r, p, 10000, 10834); /* its bucket is empty */
    assert_int_equal(asked(r, "/b"), 1);
    assert_string_equal(r->db.status_quota, "{\"list\":24,\"blob\":25,\"rare\":0}");
    assert_string_equal(r->db.status_code, "endpoint.busy");
    poll_close(p);
}

/* ---- memory */

static void
test_an_answer_that_found_no_memory_is_asked_for_again_when_there_is(void **state)
{
    enum { BYTES = 300000 };
    struct rig *r = *state;
    struct bench *b = r->bench;
    answers_free(r->env.answers);
    r->env.answers = answers_new(128 << 10);
    char *large = arena_alloc(b->a, BYTES + 1);
    memset(large, ' ', BYTES);
    memcpy(large, "{\"alert\":\"a\"}", 13);
    bench_script(b, "/list", {200, large, NULL});
    struct poll *p = start(r);
    bench_until(b, r->producer.n_sent == 1);
    double_confirm_all(&r->producer);
    assert_well(r, p);
    assert_in_range(asked(r, "/list"), 2, 4);
    assert_int_equal(asked(r, "/token"), 1);
    poll_close(p);
}

/* ---- secrets */

static void
test_no_secret_is_shown_even_if_the_service_repeats_it(void **state)
{
    struct rig *r = *state;
    struct bench *b = r->bench;
    static struct capture out, err;
    rig_settings(r, slice_printf(b->a,
                                 "{\"base_url\":\"%.*s\",\"token_url\":\"%.*s\","
                                 "\"client_id\":\"c\",\"client_secret\":\"s3cr3t-of-contoso\","
                                 "\"resource\":\"r\"}",
                                 SLICE_ARG(bench_url(b, "")), SLICE_ARG(bench_url(b, "/secret"))));
    bench_script(b, "/secret", {200, TOKEN("t0ken-of-contoso"), NULL});
    bench_script(b, "/list", {418, "s3cr3t-of-contoso, t0ken-of-contoso", NULL},
                 {403, "t0ken-of-contoso", NULL});
    log_setup("test", LOG_DEBUG);
    capture_begin(&out, STDOUT_FILENO);
    capture_begin(&err, STDERR_FILENO);
    struct poll *p = start(r);
    bench_until(b, timer_of(r, p) != NULL);
    hurry(r, p);
    bench_until(b, asked(r, "/list") == 2 && timer_of(r, p) != NULL);
    capture_end(&err);
    capture_end(&out);
    assert_non_null(strstr(out.text, "it said *****************, ****************"));
    static const char *const secrets[] = {"s3cr3t", "t0ken-of"};
    for (size_t i = 0; i < 2; i++) {
        assert_null(strstr(out.text, secrets[i]));
        assert_null(strstr(err.text, secrets[i]));
    }
    poll_close(p);
}

/* ---- what people are told */

static void
test_trouble_and_its_end_are_told_at_once_and_nothing_else_is(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/list", {200, "{\"alert\":\"a\"}", NULL}, {200, "{}", NULL},
                 {503, "", NULL}, {503, "", NULL}, {200, "{}", NULL});
    struct poll *p = start(r);
    bench_until(r->bench, r->producer.n_waiting == 1);
    assert_int_equal(r->db.n_status_saves, 1); /* before the first request */
    assert_true(r->db.status.asked != CLOCK_NONE && r->db.status.tried == CLOCK_NONE);
    double_confirm_all(&r->producer);
    assert_well(r, p);
    bench_settle(r->bench);
    assert_int_equal(r->db.n_status_saves, 2); /* the first success */
    assert_true(r->db.status.succeeded != CLOCK_NONE && r->db.status.alerts == 1);
    hurry(r, p);
    assert_well(r, p);
    bench_settle(r->bench);
    assert_int_equal(r->db.n_status_saves, 2);
    hurry(r, p);
    assert_due(r, p, 800, 1000);
    bench_settle(r->bench);
    assert_int_equal(r->db.n_status_saves, 3);
    assert_string_equal(r->db.status_code, "endpoint.server");
    hurry(r, p);
    assert_due(r, p, 1600, 2000);
    bench_settle(r->bench);
    assert_int_equal(r->db.n_status_saves, 3);
    hurry(r, p);
    assert_well(r, p);
    bench_settle(r->bench);
    assert_int_equal(r->db.n_status_saves, 4);
    assert_null(r->db.status.code.p);
    assert_int_equal(r->db.status.requests, 5);
    poll_close(p);
}

static void
test_a_status_that_cannot_be_stored_is_told_later_and_holds_up_nothing(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/list", {503, "", NULL}, {503, "", NULL}, {200, "{}", NULL});
    struct poll *p = start(r);
    bench_until(r->bench, r->bench->n_asked > 1);
    r->db.fail = err_make(ERR_RETRY, "db.busy", "busy");
    assert_due(r, p, 800, 1000);
    bench_settle(r->bench);
    assert_string_equal(r->db.status_code, "");
    hurry(r, p);
    assert_due(r, p, 1600, 2000);
    bench_settle(r->bench);
    assert_string_equal(r->db.status_code, "endpoint.server");
    poll_close(p);
}

/* Whoever comes after us could think that nobody has used up the quota. */
static void
test_nothing_is_asked_before_it_is_stored_that_it_will_be(void **state)
{
    struct rig *r = *state;
    bench_script(r->bench, "/list", {200, "{}", NULL});
    r->db.hold = true;
    struct poll *p = start(r);
    double_answer(&r->db); /* settings */
    assert_int_equal(r->db.n_status_saves, 1);
    r->db.fail = err_make(ERR_RETRY, "db.connect", "away");
    double_answer(&r->db);
    r->db.fail = err_make(ERR_RETRY, "db.connect", "away");
    double_answer(&r->db); /* that there is trouble */
    r->db.status = (struct source_status_row){.source = 0};
    hurry(r, p);
    double_answer(&r->db);
    assert_int_equal(r->db.n_status_saves, 3);
    bench_settle(r->bench);
    assert_int_equal(r->bench->n_asked, 0);
    r->db.hold = false;
    double_answer(&r->db);
    assert_true(r->db.status.asked != CLOCK_NONE);
    assert_well(r, p);
    poll_close(p);
}

static void
test_a_tenant_asked_before_waits_its_turn_after_a_restart(void **state)
{
    struct rig *r = *state;
    const struct ingest_tenant t = {.oid = {{1, 2, 3}}, .epoch = RIG_EPOCH};
    r->db.status = (struct source_status_row){.source = 1, .asked = 5, .alerts = 40};
    struct poll *p = poll_start(&r->env, &t, rig_gone, r);
    assert_due(r, p, 500, 3600000);
    assert_int_equal(r->bench->n_asked, 0);
    poll_close(p);
}

static void
test_without_an_address_nothing_is_asked_and_the_status_says_so(void **state)
{
    struct rig *r = *state;
    static const struct source agent = {
        .name = "identity", .number = 1, .listens = true, .first = first, .parse = parse};
    r->env.source = &agent; /* whose settings need no base_url */
    rig_settings(r, SLICE("{\"port\":5514}"));
    struct poll *p = start(r);
    bench_until(r->bench, r->db.n_status_saves == 2);
    bench_settle(r->bench);
    assert_string_equal(r->db.status_code, "ingest.not_asked");
    assert_int_equal(r->bench->n_asked, 0);
    assert_int_equal(due_ms(r, p), NOTHING_DUE);
    poll_close(p);
}

int
main(void)
{
#define MANY(test) cmocka_unit_test_setup_teardown(test, setup_many, teardown)
    const struct CMUnitTest tests[] = {
        MANY(test_what_a_long_chain_carries_is_given_back_step_by_step),
        MANY(test_requests_that_say_so_run_together_up_to_the_setting_and_others_alone),
        MANY(test_one_of_many_that_fails_is_asked_again_alone),
        MANY(test_many_that_are_refused_at_once_ask_for_one_new_token),
        MANY(test_a_round_that_is_lost_ends_what_is_under_way),
        MANY(test_a_tenant_switched_off_cuts_its_requests),
        MANY(test_what_a_chain_carries_comes_back_with_each_answer),
        MANY(test_notes_come_back_sorted_with_the_next_round_and_after_a_restart),
        MANY(test_many_notes_are_not_kept_in_memory_but_read_again),
        MANY(test_notes_of_a_round_that_failed_are_forgotten),
        MANY(test_a_quota_is_kept_and_a_full_bucket_is_for_those_never_asked),
        MANY(test_a_429_takes_the_quota_of_its_call_only),
        MANY(test_an_answer_that_found_no_memory_is_asked_for_again_when_there_is),
        MANY(test_no_secret_is_shown_even_if_the_service_repeats_it),
        MANY(test_trouble_and_its_end_are_told_at_once_and_nothing_else_is),
        MANY(test_a_status_that_cannot_be_stored_is_told_later_and_holds_up_nothing),
        MANY(test_nothing_is_asked_before_it_is_stored_that_it_will_be),
        MANY(test_a_tenant_asked_before_waits_its_turn_after_a_restart),
        MANY(test_without_an_address_nothing_is_asked_and_the_status_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
