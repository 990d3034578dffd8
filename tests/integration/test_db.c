/* test_db.c: libpq on the loop against a real server. */
#include "tests/integration/postgres.h"

static const char *const few_statements[] = {"db.statements=16", NULL};

static int
setup(void **state)
{
    *state = pg_open("db", few_statements);
    return 0;
}

static int
teardown(void **state)
{
    pg_close(*state);
    return 0;
}

static struct pg *
server(void **state)
{
    if (*state == NULL)
        skip();
    return *state;
}

static const char one[] = "select 1::int8";
static const char add[] = "insert into thing values ($1::int8)";
static const char count[] = "select count(*) from thing";

static void
thing(struct pg *pg)
{
    pg_script(pg, "drop table if exists thing; create table thing (n int8 primary key)", NULL);
}

static void
add_thing(struct pg *pg, int64_t n, struct got *g)
{
    struct db_statement s = {.sql = add, .n_params = 1, .answered = pg_got, .arg = g};
    *g = (struct got){0};
    s.params[0] = db_i64(pg->arena, n);
    db_send(pg->db, &s);
}

static int64_t
things(struct pg *pg)
{
    struct got g;
    pg_send(pg->db, count, NULL, &g);
    pg_ok(db_wait(pg->db, pg->loop));
    return g.first;
}

static void
test_a_statement_is_answered_once_and_a_second_time_from_the_book(void **state)
{
    struct pg *pg = server(state);
    for (int i = 0; i < 3; i++) {
        struct got g;
        pg_send(pg->db, one, NULL, &g);
        pg_ok(db_wait(pg->db, pg->loop));
        assert_int_equal(g.answers, 1);
        assert_int_equal(g.first, 1);
    }
    struct got prepared;
    pg_send(pg->db,
            "select count(*) from pg_prepared_statements where statement = 'select 1::int8'", NULL,
            &prepared);
    pg_ok(db_wait(pg->db, pg->loop));
    assert_int_equal(prepared.first, 1);
}

static void
test_a_batch_without_words_is_one_transaction(void **state)
{
    struct pg *pg = server(state);
    struct got a, b, c;
    thing(pg);
    add_thing(pg, 1, &a);
    add_thing(pg, 1, &b);
    add_thing(pg, 2, &c);
    pg_is(db_wait(pg->db, pg->loop), ERR_REJECT, "db.conflict");
    pg_ok(a.e);
    pg_is(b.e, ERR_REJECT, "db.conflict");
    pg_is(c.e, ERR_RETRY, "db.aborted");
    assert_non_null(strstr(b.e.text, "thing_pkey"));
    assert_int_equal(things(pg), 0);
}

static void
test_a_transaction_that_failed_before_its_commit_does_not_stay_open(void **state)
{
    struct pg *pg = server(state);
    struct got a, b;
    thing(pg);
    db_begin(pg->db);
    add_thing(pg, 1, &a);
    add_thing(pg, 1, &b);
    db_commit(pg->db);
    pg_is(db_wait(pg->db, pg->loop), ERR_REJECT, "db.conflict");
    add_thing(pg, 5, &a);
    pg_ok(db_wait(pg->db, pg->loop));
    assert_int_equal(things(pg), 1);
}

static void
test_a_transaction_spans_syncs_and_a_rollback_undoes_it(void **state)
{
    struct pg *pg = server(state);
    struct got a;
    thing(pg);
    db_begin(pg->db);
    add_thing(pg, 1, &a);
    pg_ok(db_wait(pg->db, pg->loop));
    add_thing(pg, 2, &a);
    pg_ok(db_wait(pg->db, pg->loop));
    db_rollback(pg->db);
    pg_ok(db_wait(pg->db, pg->loop));
    assert_int_equal(things(pg), 0);
    db_begin(pg->db);
    add_thing(pg, 1, &a);
    pg_ok(db_wait(pg->db, pg->loop));
    add_thing(pg, 1, &a);
    pg_is(db_wait(pg->db, pg->loop), ERR_REJECT, "db.conflict");
    add_thing(pg, 2, &a);
    pg_is(db_wait(pg->db, pg->loop), ERR_RETRY, "db.aborted");
    db_rollback(pg->db);
    pg_ok(db_wait(pg->db, pg->loop));
    assert_int_equal(things(pg), 0);
}

static void
test_a_statement_that_cannot_be_sent_takes_its_batch_along(void **state)
{
    struct pg *pg = server(state);
    struct arena *small = arena_new(1);
    struct got a, b, c;
    thing(pg);
    for (int words = 0; words < 2; words++) {
        if (words)
            db_begin(pg->db);
        add_thing(pg, 1, &a);
        struct db_statement s = {.sql = add, .n_params = 1, .answered = pg_got, .arg = &b};
        static int64_t many[1 << 20];
        s.params[0] = db_i64s(small, many, 1 << 20);
        b = (struct got){0};
        db_send(pg->db, &s);
        add_thing(pg, 2, &c);
        if (words)
            db_commit(pg->db);
        pg_is(db_wait(pg->db, pg->loop), ERR_RETRY, "db.memory");
        pg_ok(a.e);
        pg_is(b.e, ERR_RETRY, "db.memory");
        pg_is(c.e, ERR_RETRY, "db.aborted");
        assert_int_equal(things(pg), 0);
    }
    arena_free(small);
}

static void
test_errors_have_the_kind_of_their_class(void **state)
{
    struct pg *pg = server(state);
    static const struct {
        const char *sql;
        enum err_kind kind;
        const char *code;
    } rows[] = {
        {"select 1/0", ERR_REJECT, "db.data"},
        {"select nonsense", ERR_STOP, "db.sql"},
        {"select * from nowhere", ERR_REJECT, "db.undefined"},
        {"select * from no_schema.nowhere", ERR_REJECT, "db.undefined"},
        {"do $$ begin raise exception 'x' using errcode = 'TF001'; end $$", ERR_REJECT,
         "db.fenced"},
        {"do $$ begin raise exception 'x' using errcode = 'TF002'; end $$", ERR_REJECT,
         "db.fenced_partition"},
        {"do $$ begin raise exception 'x' using errcode = '40001'; end $$", ERR_RETRY, "db.busy"},
        {"do $$ begin raise exception 'x' using errcode = '40P01'; end $$", ERR_RETRY, "db.busy"},
        {"do $$ begin raise exception 'x' using errcode = '55P03'; end $$", ERR_RETRY, "db.busy"},
        {"do $$ begin raise exception 'x' using errcode = '57014'; end $$", ERR_RETRY, "db.busy"},
        {"do $$ begin raise exception 'x' using errcode = '53100'; end $$", ERR_STOP, "db.full"},
        {"do $$ begin raise exception 'x' using errcode = '28000'; end $$", ERR_STOP, "db.auth"},
        {"do $$ begin raise exception 'x' using errcode = '54000'; end $$", ERR_REJECT, "db.data"},
        {"do $$ begin raise exception 'x' using errcode = 'XX000'; end $$", ERR_STOP, "db.sql"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct got g;
        pg_send(pg->db, rows[i].sql, NULL, &g);
        pg_is(db_wait(pg->db, pg->loop), rows[i].kind, rows[i].code);
        pg_is(g.e, rows[i].kind, rows[i].code);
    }
}

static void
test_foreign_text_with_nul_and_broken_utf8_is_taken(void **state)
{
    struct pg *pg = server(state);
    struct slice bad = {"a\0b\xff\xc3\xa9", 6};
    struct got g = {0};
    struct db_statement s = {.sql = "select length($1::text)::int8 + length(($2::text[])[1])",
                             .n_params = 2,
                             .answered = pg_got,
                             .arg = &g};
    s.params[0] = db_text(bad);
    s.params[1] = db_texts(pg->arena, &bad, 1);
    db_send(pg->db, &s);
    pg_ok(db_wait(pg->db, pg->loop));
    assert_int_equal(g.first, 10);
}

static void
test_sixteen_megabytes_go_in_and_out(void **state)
{
    struct pg *pg = server(state);
    enum { BYTES = 16 << 20 };
    char *p = malloc(BYTES);
    assert_non_null(p);
    memset(p, 'x', BYTES);
    struct got g[4] = {{0}};
    for (int i = 0; i < 4; i++) {
        struct db_statement s = {.sql = "select length($1::text)::int8, $1::text",
                                 .n_params = 1,
                                 .answered = pg_got,
                                 .arg = &g[i]};
        s.params[0] = db_text((struct slice){p, BYTES});
        db_send(pg->db, &s);
    }
    memset(p, 'y', BYTES);
    free(p);
    pg_ok(db_wait(pg->db, pg->loop));
    for (int i = 0; i < 4; i++)
        assert_int_equal(g[i].first, BYTES);
}

/* ---- tenants */

static const char tenant_count[] = "select count(*) from tenant.thing";
static const char tenant_make[] = "create schema tenant; create table tenant.thing (n int8);"
                                  " insert into tenant.thing values (1)";

static void
test_more_tenants_than_the_book_holds_are_served_and_the_server_forgets_too(void **state)
{
    struct pg *pg = server(state);
    enum { TENANTS = 40 };
    for (unsigned t = 0; t < TENANTS; t++) {
        struct oid o = pg_oid(t);
        pg_script(pg, tenant_make, &o);
    }
    for (int round = 0; round < 3; round++) {
        struct got g[TENANTS];
        struct oid o[TENANTS];
        for (unsigned t = 0; t < TENANTS; t++) {
            o[t] = pg_oid(t);
            pg_send(pg->db, tenant_count, &o[t], &g[t]);
        }
        pg_ok(db_wait(pg->db, pg->loop));
        for (unsigned t = 0; t < TENANTS; t++) {
            assert_int_equal(g[t].answers, 1);
            assert_int_equal(g[t].first, 1);
        }
    }
    struct got prepared;
    for (int i = 0; i < 2; i++) { /* the first sync sends what is to be dropped */
        pg_send(pg->db, "select count(*) from pg_prepared_statements", NULL, &prepared);
        pg_ok(db_wait(pg->db, pg->loop));
    }
    assert_in_range(prepared.first, 1, 17);
}

static void
test_a_tenant_that_is_gone_is_undefined_and_comes_back_when_made_again(void **state)
{
    struct pg *pg = server(state);
    struct oid o = pg_oid(1000), other = pg_oid(1001);
    struct got g, h;
    pg_script(pg, tenant_make, &o);
    pg_script(pg, tenant_make, &other);
    pg_send(pg->db, tenant_count, &o, &g);
    pg_ok(db_wait(pg->db, pg->loop));
    for (int i = 0; i < 2; i++) {
        pg_script(pg, "drop table tenant.thing; drop schema tenant", &o);
        pg_send(pg->db, tenant_count, &o, &g);
        pg_send(pg->db, tenant_count, &other, &h);
        pg_is(db_wait(pg->db, pg->loop), ERR_REJECT, "db.undefined");
        pg_is(g.e, ERR_REJECT, "db.undefined");
        pg_is(h.e, ERR_RETRY, "db.aborted");
        pg_send(pg->db, tenant_count, &other, &h);
        pg_ok(db_wait(pg->db, pg->loop));
        pg_script(pg, tenant_make, &o);
        pg_send(pg->db, tenant_count, &o, &g);
        pg_ok(db_wait(pg->db, pg->loop));
        assert_int_equal(g.first, 1);
    }
}

static void
test_statements_prepared_in_a_batch_that_failed_are_prepared_again(void **state)
{
    struct pg *pg = server(state);
    struct got a, b;
    static const char late[] = "select 7::int8";
    pg_send(pg->db, "select 1/0", NULL, &a);
    pg_send(pg->db, late, NULL, &b);
    db_sync(pg->db, NULL, NULL);
    /* the next batch is queued before anything was answered */
    struct got c;
    pg_send(pg->db, late, NULL, &c);
    pg_ok(db_wait(pg->db, pg->loop));
    pg_is(b.e, ERR_RETRY, "db.aborted");
    assert_int_equal(c.first, 7);
    pg_send(pg->db, late, NULL, &c);
    pg_ok(db_wait(pg->db, pg->loop));
    assert_int_equal(c.first, 7);
}

/* ---- connections that break */

static void
kill_sessions(struct pg *pg)
{
    char sql[200];
    snprintf(sql, sizeof sql,
             "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '%s'",
             pg->name);
    pg_admin(pg, "postgres", sql);
}

static void
test_a_session_that_is_killed_answers_retry_and_comes_back(void **state)
{
    struct pg *pg = server(state);
    struct got a, b;
    thing(pg);
    db_begin(pg->db);
    add_thing(pg, 1, &a);
    pg_ok(db_wait(pg->db, pg->loop));
    kill_sessions(pg);
    add_thing(pg, 2, &a);
    db_commit(pg->db);
    pg_is(db_wait(pg->db, pg->loop), ERR_RETRY, "db.connect");
    pg_is(a.e, ERR_RETRY, "db.connect");
    pg_ok(db_wait_up(pg->db, pg->loop, 10000));
    assert_int_equal(things(pg), 0);
    (void)b;
}

static void
test_the_rest_of_a_batch_does_not_run_on_the_next_connection(void **state)
{
    struct pg *pg = server(state);
    struct got a, b;
    thing(pg);
    add_thing(pg, 1, &a); /* sent, but its batch is still open */
    kill_sessions(pg);
    struct got probe;
    pg_send(pg->db, "select pg_sleep(0)", NULL, &probe);
    while (db_is_up(pg->db))
        uv_run(loop_uv(pg->loop), UV_RUN_ONCE);
    pg_ok(db_wait_up(pg->db, pg->loop, 10000));
    add_thing(pg, 2, &b);
    pg_is(db_wait(pg->db, pg->loop), ERR_RETRY, "db.connect");
    pg_is(b.e, ERR_RETRY, "db.connect");
    assert_int_equal(things(pg), 0);
    add_thing(pg, 3, &b);
    pg_ok(db_wait(pg->db, pg->loop));
    assert_int_equal(things(pg), 1);
}

struct seen {
    int ups, downs, notes;
    struct err e;
};

static void
on_up(void *arg)
{
    ((struct seen *)arg)->ups++;
}

static void
on_down(void *arg, struct err e)
{
    ((struct seen *)arg)->downs++;
    ((struct seen *)arg)->e = e;
}

static void
on_note(void *arg, const char *channel, const char *payload)
{
    assert_string_equal(channel, "weir_event");
    assert_string_equal(payload, "");
    ((struct seen *)arg)->notes++;
}

static void
test_a_listener_hears_and_hears_again_after_a_reconnection(void **state)
{
    struct pg *pg = server(state);
    struct seen seen = {0};
    struct db_events events = {&seen, on_up, on_down, on_note};
    struct db *db;
    pg_ok(db_open(pg->loop, pg->conf, pg->conninfo, "listener", &events, &db));
    db_listen(db, "weir_event");
    pg_ok(db_wait_up(db, pg->loop, 10000));
    struct got g;
    pg_send(db, one, NULL, &g); /* after it the server knows of the LISTEN */
    pg_ok(db_wait(db, pg->loop));
    for (int round = 1; round <= 2; round++) {
        pg_send(pg->db, "select pg_notify('weir_event', '')", NULL, &g);
        pg_ok(db_wait(pg->db, pg->loop));
        while (seen.notes < round)
            uv_run(loop_uv(pg->loop), UV_RUN_ONCE);
        if (round == 2)
            break;
        kill_sessions(pg);
        while (seen.downs == 0)
            uv_run(loop_uv(pg->loop), UV_RUN_ONCE);
        pg_ok(db_wait_up(db, pg->loop, 10000));
        do { /* the other connection may find out later than this one */
            pg_ok(db_wait_up(pg->db, pg->loop, 10000));
            pg_send(pg->db, one, NULL, &g);
        } while (db_wait(pg->db, pg->loop).kind != ERR_NONE);
        pg_send(db, one, NULL, &g); /* after it the server knows of the LISTEN too */
        pg_ok(db_wait(db, pg->loop));
    }
    assert_int_equal(seen.ups, 2);
    assert_int_equal(seen.downs, 1);
    db_wait_closed(db, pg->loop);
}

static void
test_a_closed_connection_answers_everything_queued(void **state)
{
    struct pg *pg = server(state);
    struct got g[3];
    struct db *db;
    pg_ok(db_open(pg->loop, pg->conf, pg->conninfo, "closed", NULL, &db));
    pg_ok(db_wait_up(db, pg->loop, 10000));
    pg_send(db, one, NULL, &g[0]);
    db_sync(db, NULL, NULL);
    pg_send(db, one, NULL, &g[1]);
    db_wait_closed(db, pg->loop);
    pg_is(g[0].e, ERR_RETRY, "db.closed");
    pg_is(g[1].e, ERR_RETRY, "db.closed");
}

static void
set_done(void *arg, struct err e)
{
    (void)e;
    *(bool *)arg = true;
}

static void
test_no_server_is_said_once_and_statements_are_refused(void **state)
{
    struct pg *pg = server(state);
    struct seen seen = {0};
    struct db_events events = {&seen, on_up, on_down, NULL};
    struct db *db;
    struct got g;
    pg_ok(db_open(pg->loop, pg->conf, "host=127.0.0.1 port=1 dbname=x", "none", &events, &db));
    pg_is(db_wait_up(db, pg->loop, 700), ERR_RETRY, "db.connect");
    assert_int_equal(seen.downs, 1);
    pg_send(db, one, NULL, &g);
    assert_int_equal(g.answers, 0); /* never from inside the call */
    pg_is(db_wait(db, pg->loop), ERR_RETRY, "db.connect");
    pg_is(g.e, ERR_RETRY, "db.connect");
    bool done = false;
    db_sync(db, set_done, &done);
    assert_true(loop_turn(pg->loop, &done)); /* it does not go on to sleep after the answer */
    db_wait_closed(db, pg->loop);
    assert_int_equal(db_open(pg->loop, pg->conf, "nonsense", "none", NULL, &db).kind, ERR_STOP);
    assert_int_equal(db_open(pg->loop, pg->conf, "host=a,b", "none", NULL, &db).kind, ERR_STOP);
}

static void
test_a_missing_database_is_made(void **state)
{
    struct pg *pg = server(state);
    char conninfo[600], sql[100];
    bool made = false;
    snprintf(conninfo, sizeof conninfo, "%s dbname=%s_new", pg->base, pg->name);
    pg_ok(db_create(pg->loop, pg->conf, conninfo, &made));
    assert_true(made);
    pg_ok(db_create(pg->loop, pg->conf, conninfo, &made));
    assert_false(made);
    snprintf(sql, sizeof sql, "drop database %s_new", pg->name);
    pg_admin(pg, "postgres", sql);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_statement_is_answered_once_and_a_second_time_from_the_book),
        cmocka_unit_test(test_a_batch_without_words_is_one_transaction),
        cmocka_unit_test(test_a_transaction_that_failed_before_its_commit_does_not_stay_open),
        cmocka_unit_test(test_a_transaction_spans_syncs_and_a_rollback_undoes_it),
        cmocka_unit_test(test_a_statement_that_cannot_be_sent_takes_its_batch_along),
        cmocka_unit_test(test_errors_have_the_kind_of_their_class),
        cmocka_unit_test(test_foreign_text_with_nul_and_broken_utf8_is_taken),
        cmocka_unit_test(test_sixteen_megabytes_go_in_and_out),
        cmocka_unit_test(
            test_more_tenants_than_the_book_holds_are_served_and_the_server_forgets_too),
        cmocka_unit_test(test_a_tenant_that_is_gone_is_undefined_and_comes_back_when_made_again),
        cmocka_unit_test(test_statements_prepared_in_a_batch_that_failed_are_prepared_again),
        cmocka_unit_test(test_a_session_that_is_killed_answers_retry_and_comes_back),
        cmocka_unit_test(test_the_rest_of_a_batch_does_not_run_on_the_next_connection),
        cmocka_unit_test(test_a_listener_hears_and_hears_again_after_a_reconnection),
        cmocka_unit_test(test_a_closed_connection_answers_everything_queued),
        cmocka_unit_test(test_no_server_is_said_once_and_statements_are_refused),
        cmocka_unit_test(test_a_missing_database_is_made),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
