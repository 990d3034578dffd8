/*
 * A worker dies anywhere in a round and another one begins with what the database has. Ref:
 * sources.md 8.2, line 1; design.md 5, promise 1.
 */
#include "ingest/poll.h"

#include "poll_rig.h"

#define PAGE "{\"since\":5,\"alerts\":[{\"id\":\"a\"}],\"next\":[\"/more\"]}"
#define MORE "{\"alerts\":[{\"id\":\"b\"}]}"

/* Where the worker dies. */
enum death { FIRST_UNCONFIRMED, SECOND_ASKED, SECOND_UNCONFIRMED, UNSAVED, SAVED, DEATHS };

static void
run_to(struct rig *r, enum death death)
{
    struct bench *b = r->bench;
    bench_until(b, r->producer.n_waiting == 1);
    if (death == FIRST_UNCONFIRMED)
        return;
    double_confirm_all(&r->producer);
    if (death == SECOND_ASKED) {
        bench_until(b, b->held != NULL);
        return;
    }
    bench_until(b, r->producer.n_sent == 2);
    if (death == SECOND_UNCONFIRMED)
        return;
    if (death == UNSAVED) /* what it was to store never came to the database */
        r->db.fail = err_make(ERR_RETRY, "db.connect", "gone");
    double_confirm_all(&r->producer);
    bench_until(b, r->db.n_saves == 1);
    bench_settle(b);
}

static void
die(struct rig *r, struct poll *p)
{
    static const struct reply late = {200, MORE, NULL};
    poll_close(p);
    if (r->bench->held != NULL)
        bench_reply(r->bench->held, &late);
    r->bench->held = NULL;
    bench_settle(r->bench);
    while (r->producer.n_waiting > 0) /* nobody is there to be told */
        double_confirm(&r->producer, err_make(ERR_RETRY, "bus.produce", "closed"));
    bench_settle(r->bench);
}

static const char *
last_list(const struct bench *b)
{
    const char *query = NULL;
    for (size_t i = 0; i < b->n_asked; i++)
        if (strcmp(b->asked[i].path, "/list") == 0)
            query = b->asked[i].query;
    return query;
}

static void
test_a_worker_that_dies_anywhere_loses_nothing(void **state)
{
    for (int death = FIRST_UNCONFIRMED; death < DEATHS; death++) {
        struct rig *r = *state;
        struct bench *b = r->bench;
        bool saved = death == SAVED;
        bench_script(b, "/token", {200, TOKEN("one"), NULL});
        bench_script(b, "/list", {200, PAGE, NULL});
        bench_script(b, "/more", {death == SECOND_ASKED ? 0 : 200, MORE, NULL}, {200, MORE, NULL});
        struct poll *p = start(r);
        run_to(r, (enum death)death);
        die(r, p);
        assert_true((rig_since(r) == 5) == saved);
        size_t before = r->producer.n_sent;
        p = start(r);
        bench_until(b, bench_asked(b, "/list") == 2);
        assert_string_equal(last_list(b), saved ? "since=5" : "");
        bench_until(b, r->producer.n_sent == before + 1);
        double_confirm_all(&r->producer);
        bench_until(b, r->producer.n_sent == before + 2);
        double_confirm_all(&r->producer);
        assert_well(r, p);
        assert_int_equal(rig_since(r), 5);
        assert_string_equal(r->producer.sent[before], "{\"id\":\"a\"}");
        assert_string_equal(r->producer.sent[before + 1], "{\"id\":\"b\"}");
        poll_close(p);
        if (death + 1 < DEATHS) {
            rig_free(r);
            setup(state);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(test_a_worker_that_dies_anywhere_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
