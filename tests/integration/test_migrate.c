/* test_migrate.c: the steps of the databases against a real server. */
#include "tests/integration/postgres.h"

#include "store/fence.h"

static int
setup(void **state)
{
    *state = pg_open("migrate", NULL);
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

static size_t
steps(const struct migration *m)
{
    size_t n = 0;
    while (m[n].name != NULL)
        n++;
    return n;
}

static void
test_a_dry_run_says_what_is_missing_and_makes_nothing(void **state)
{
    struct pg *pg = server(state);
    struct migrate_report r;
    for (int i = 0; i < 2; i++) {
        pg_ok(migrate_region(pg->db, pg->loop, true, pg->arena, &r));
        assert_int_equal(r.pending, steps(migrations_region));
        assert_int_equal(r.applied, 0);
        assert_true(slice_eq(r.next, SLICE("region 0001_base")));
    }
}

static void
test_a_region_and_its_tenants_are_brought_up_to_date_once(void **state)
{
    struct pg *pg = server(state);
    struct migrate_report r;
    pg_ok(migrate_region(pg->db, pg->loop, false, pg->arena, &r));
    assert_int_equal(r.applied, steps(migrations_region));
    struct fence_row on[3] = {{pg_oid(1), 1, TENANT_ACTIVE},
                              {pg_oid(2), 1, TENANT_SUSPENDED},
                              {pg_oid(3), 1, TENANT_PURGING}};
    for (size_t i = 0; i < 3; i++)
        fence_set(pg->db, pg->arena, &on[i], DB_UNTOLD);
    pg_ok(db_wait(pg->db, pg->loop));
    pg_ok(migrate_region(pg->db, pg->loop, true, pg->arena, &r));
    assert_int_equal(r.pending, 2 * steps(migrations_tenant)); /* not of the one being erased */
    pg_ok(migrate_region(pg->db, pg->loop, false, pg->arena, &r));
    assert_int_equal(r.tenants, 2);
    assert_int_equal(r.applied, 2 * steps(migrations_tenant));
    pg_ok(migrate_region(pg->db, pg->loop, false, pg->arena, &r));
    assert_int_equal(r.applied, 0);
    pg_ok(migrate_region(pg->db, pg->loop, true, pg->arena, &r));
    assert_int_equal(r.pending, 0);
    assert_null(r.next.p);
}

static void
note(void *arg, struct err e)
{
    struct got *g = arg;
    g->answers++;
    g->e = e;
}

static void
test_a_tenant_is_made_on_the_loop_and_again_without_effect(void **state)
{
    struct pg *pg = server(state);
    struct oid oid = pg_oid(9);
    struct got g;
    for (int i = 0; i < 2; i++) {
        g = (struct got){0};
        migrate_tenant_start(pg->db, pg->loop, &oid, note, &g);
        while (g.answers == 0)
            uv_run(loop_uv(pg->loop), UV_RUN_ONCE);
        pg_ok(g.e);
    }
    pg_send(pg->db, "select count(*) from tenant.alert", &oid, &g);
    pg_ok(db_wait(pg->db, pg->loop));
    assert_int_equal(g.first, 0);
    struct migrate_report r;
    pg_ok(migrate_tenant(pg->db, pg->loop, &oid, true, pg->arena, &r));
    assert_int_equal(r.pending, 0);
}

static void
test_content_columns_keep_no_statistics(void **state)
{
    struct pg *pg = server(state);
    struct got g;
    /* every text, bytea and text[] column but coded ones (erasure.md R4) */
    pg_send(pg->db,
            "select count(*) from pg_attribute a join pg_class c on c.oid = a.attrelid"
            " join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname like 't\\_%' and c.relkind = 'r' and a.attnum > 0"
            " and a.atttypid in (17, 25, 1009) and a.attstattarget <> 0"
            " and (c.relname, a.attname) not in (('incident', 'status'), ('related', 'why'),"
            " ('dead', 'reason'), ('ignored', 'reason'), ('setting', 'name'),"
            " ('decision', 'kind'), ('decision', 'outcome'))",
            NULL, &g);
    pg_ok(db_wait(pg->db, pg->loop));
    assert_int_equal(g.first, 0);
}

static void
test_the_control_database_is_made(void **state)
{
    struct pg *pg = server(state);
    struct migrate_report r;
    pg_ok(migrate_control(pg->db, pg->loop, false, pg->arena, &r));
    assert_int_equal(r.applied, steps(migrations_control));
    pg_ok(migrate_control(pg->db, pg->loop, false, pg->arena, &r));
    assert_int_equal(r.applied, 0);
}

static void
test_a_newer_database_is_refused_and_left_alone(void **state)
{
    struct pg *pg = server(state);
    struct migrate_report r;
    pg_script(pg, "insert into schema_version values ('control', '', '9999_later', 0)", NULL);
    pg_is(migrate_control(pg->db, pg->loop, false, pg->arena, &r), ERR_STOP, "migrate.newer");
    pg_is(migrate_control(pg->db, pg->loop, true, pg->arena, &r), ERR_STOP, "migrate.newer");
    pg_script(pg, "delete from schema_version where step = '9999_later'", NULL);
    pg_ok(migrate_control(pg->db, pg->loop, false, pg->arena, &r));
}

/* A loop of its own with the worker's look at the region on it; its exit code. */
static int
look(struct pg *pg)
{
    static const struct opt *const tables[] = {db_opts, NULL};
    struct conf *conf;
    struct loop *l;
    struct db *db;
    pg_ok(conf_load(tables, "/dev/null", NULL, &conf));
    pg_ok(loop_new(true, &l));
    pg_ok(db_open(l, conf, pg->conninfo, "worker", NULL, &db));
    pg_ok(db_wait_up(db, l, 10000));
    migrate_require(db, l);
    struct err e = db_wait(db, l);
    bool stopped = loop_stopping(l);
    db_wait_closed(db, l);
    if (!stopped)
        loop_stop(l, 0);
    int code = loop_run(l);
    loop_free(l);
    conf_free(conf);
    (void)e; /* the look has said what it has to say */
    return code;
}

static void
test_a_worker_newer_than_the_tables_does_not_start(void **state)
{
    static const struct {
        const char *undo, *redo;
    } rows[] = {
        {"update schema_version set step = 'x' where scope = 'region' and step = '0001_base'",
         "update schema_version set step = '0001_base' where step = 'x'"},
        {"update schema_version set step = 'x' where scope = 'tenant' and step = '0001_base' and"
         " oid = (select oid from tenant_fence where state = 'suspended' limit 1)",
         "update schema_version set step = '0001_base' where step = 'x'"},
        {"alter table schema_version rename to away", "alter table away rename to schema_version"},
    };
    struct pg *pg = server(state);
    struct migrate_report r;
    struct fence_row begun = {pg_oid(4), 1, TENANT_PROVISIONING}; /* its tables are being made */
    pg_ok(migrate_region(pg->db, pg->loop, false, pg->arena, &r));
    fence_set(pg->db, pg->arena, &begun, DB_UNTOLD);
    pg_ok(db_wait(pg->db, pg->loop));
    assert_int_equal(look(pg), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pg_script(pg, rows[i].undo, NULL);
        assert_int_equal(look(pg), CLI_CONFIGURATION);
        pg_script(pg, rows[i].redo, NULL);
        assert_int_equal(look(pg), 0);
    }
    fence_delete(pg->db, pg->arena, &begun.oid, DB_UNTOLD);
    pg_ok(db_wait(pg->db, pg->loop));
}

static void
note_schema(void *arg, const struct db_rows *rows, struct err e)
{
    pg_ok(e);
    *(bool *)arg = fence_schema_row(rows);
}

static void
test_a_schema_is_there_whatever_is_in_it(void **state)
{
    struct pg *pg = server(state);
    const struct oid there = pg_oid(1), not_there = pg_oid(99);
    const struct oid *const oids[] = {&there, &not_there};
    for (size_t i = 0; i < 2; i++) {
        bool have = i != 0;
        fence_schema(pg->db, pg->arena, oids[i], (struct db_answer){note_schema, &have});
        pg_ok(db_wait(pg->db, pg->loop));
        assert_int_equal(have, i == 0);
    }
}

static void
test_two_runners_do_not_meet(void **state)
{
    struct pg *pg = server(state);
    static const char *const hasty[] = {"db.lock_timeout_ms=50", NULL};
    static const struct opt *const tables[] = {db_opts, NULL};
    struct conf *conf;
    struct db *other;
    struct got g;
    struct migrate_report r;
    pg_ok(conf_load(tables, "/dev/null", hasty, &conf));
    pg_ok(db_open(pg->loop, conf, pg->conninfo, "other", NULL, &other));
    pg_ok(db_wait_up(other, pg->loop, 10000));
    pg_send(pg->db, "select pg_advisory_lock(1464158541, 1)", NULL, &g);
    pg_ok(db_wait(pg->db, pg->loop));
    pg_is(migrate_control(other, pg->loop, false, pg->arena, &r), ERR_RETRY, "db.busy");
    pg_send(pg->db, "select pg_advisory_unlock(1464158541, 1)", NULL, &g);
    pg_ok(db_wait(pg->db, pg->loop));
    pg_ok(migrate_control(other, pg->loop, false, pg->arena, &r));
    db_wait_closed(other, pg->loop);
    conf_free(conf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_dry_run_says_what_is_missing_and_makes_nothing),
        cmocka_unit_test(test_a_region_and_its_tenants_are_brought_up_to_date_once),
        cmocka_unit_test(test_a_tenant_is_made_on_the_loop_and_again_without_effect),
        cmocka_unit_test(test_content_columns_keep_no_statistics),
        cmocka_unit_test(test_the_control_database_is_made),
        cmocka_unit_test(test_a_newer_database_is_refused_and_left_alone),
        cmocka_unit_test(test_a_worker_newer_than_the_tables_does_not_start),
        cmocka_unit_test(test_a_schema_is_there_whatever_is_in_it),
        cmocka_unit_test(test_two_runners_do_not_meet),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
