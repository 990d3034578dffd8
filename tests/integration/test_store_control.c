/* test_store_control.c: what the control tables promise, against a real server. */
#include "tests/integration/store.h"

#include "store/alerts.h"
#include "store/clients.h"
#include "store/progress.h"
#include "store/tenants.h"

static void
state_row(void *arg, const struct db_rows *rows, struct err e)
{
    pg_ok(e);
    assert_int_equal(db_count(rows), 1);
    tenants_get_row(rows, 0, arg);
    ((struct tenants_row *)arg)->region = SLICE_NONE;
}

static void
test_a_directory_has_one_living_tenant_and_only_allowed_moves(void **state)
{
    struct pg *pg = server(state);
    struct slice hmac = SLICE("0123456789abcdef0123456789abcdef");
    struct tenants_row t = {.oid = pg_oid(1),
                            .epoch = 1,
                            .directory_hmac = hmac,
                            .directory = SLICE("sealed"),
                            .region = SLICE("eu"),
                            .state = TENANT_PROVISIONING,
                            .created = 5};
    struct got g;
    tenants_directory_next(pg->db, pg->arena, hmac, into(&g));
    tenants_insert(pg->db, pg->arena, &t, DB_UNTOLD);
    pg_ok(wait(pg));
    assert_int_equal(g.first, 1);
    t.oid = pg_oid(2), t.epoch = 2;
    tenants_insert(pg->db, pg->arena, &t, DB_UNTOLD);
    pg_is(wait(pg), ERR_REJECT, "db.conflict");
    static const struct {
        enum tenant_state to;
        int64_t affected;
    } moves[] = {
        {TENANT_SUSPENDED, 0}, {TENANT_PURGED, 0},  {TENANT_ACTIVE, 1},  {TENANT_PROVISIONING, 0},
        {TENANT_SUSPENDED, 1}, {TENANT_ACTIVE, 1},  {TENANT_PURGING, 1}, {TENANT_ACTIVE, 0},
        {TENANT_PURGED, 1},    {TENANT_PURGING, 0},
    };
    struct oid oid = pg_oid(1);
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        tenants_set_state(pg->db, pg->arena, &oid, moves[i].to, 9, into(&g));
        pg_ok(wait(pg));
        assert_int_equal(g.affected, moves[i].affected);
    }
    struct tenants_row got;
    tenants_get_by_oid(pg->db, pg->arena, &oid, (struct db_answer){state_row, &got});
    pg_ok(wait(pg));
    assert_int_equal(got.state, TENANT_PURGED);
    assert_null(got.directory.p);
    tenants_directory_set_last(pg->db, pg->arena, hmac, 40, DB_UNTOLD);
    tenants_directory_set_last(pg->db, pg->arena, hmac, 30, DB_UNTOLD);
    tenants_directory_next(pg->db, pg->arena, hmac, into(&g));
    tenants_insert(pg->db, pg->arena, &t, DB_UNTOLD);
    pg_ok(wait(pg));
    assert_int_equal(g.first, 2);
    tenants_set_settings(pg->db, pg->arena, &t.oid, 3, -1, 1, into(&g));
    pg_ok(wait(pg));
    assert_int_equal(g.first, 1);
}

static void
test_purges_clients_keys_consent_and_audit_come_back(void **state)
{
    struct pg *pg = server(state);
    struct tenants_purge p = {.id = SLICE("6f2c1a80-0000-4000-8000-000000000001"),
                              .oid = pg_oid(1),
                              .epoch = 1,
                              .region = SLICE("eu"),
                              .requested_by = SLICE("operator")};
    const struct tenants_purge_step step = {p.id, SLICE("fence"), 4, SLICE("{}")};
    struct slice role = SLICE("Incident.Read.All");
    const struct clients_row c = {.client_id = SLICE("c1"),
                                  .directory_hmac = SLICE("h"),
                                  .name = SLICE("n"),
                                  .secret_sha256 = SLICE("s"),
                                  .salt = SLICE("t"),
                                  .roles = &role,
                                  .n_roles = 1};
    const struct clients_token_key k = {SLICE("kid"), SLICE("private"), SLICE("public"), 3};
    const struct tenants_consent consent = {pg_oid(1), SLICE("1"), SLICE("by"), SLICE("role"), 8};
    const struct tenants_audit audit = {1, SLICE("operator"), SLICE("opt-in"), false, {{0}},
                                        0, SLICE_NONE};
    struct got g[6];
    tenants_purge_add(pg->db, pg->arena, &p, DB_UNTOLD);
    p.id = SLICE("6f2c1a80-0000-4000-8000-000000000002");
    tenants_purge_add(pg->db, pg->arena, &p, DB_UNTOLD);
    tenants_purge_step_add(pg->db, pg->arena, &step, DB_UNTOLD);
    tenants_purge_step_add(pg->db, pg->arena, &step, DB_UNTOLD);
    tenants_purge_steps(pg->db, pg->arena, step.purge_id, into(&g[0]));
    tenants_purge_list(pg->db, pg->arena, SLICE("eu"), false, into(&g[1]));
    clients_add(pg->db, pg->arena, &c, DB_UNTOLD);
    clients_get(pg->db, pg->arena, SLICE("c1"), into(&g[2]));
    clients_token_key_add(pg->db, pg->arena, &k, DB_UNTOLD);
    clients_token_keys(pg->db, pg->arena, into(&g[3]));
    tenants_consent_add(pg->db, pg->arena, &consent, DB_UNTOLD);
    tenants_consent_of(pg->db, pg->arena, &consent.oid, into(&g[4]));
    tenants_audit_add(pg->db, pg->arena, &audit, into(&g[5]));
    pg_ok(wait(pg));
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(g[i].rows, 1);
    assert_int_equal(g[5].affected, 1);
    tenants_purge_done(pg->db, pg->arena, step.purge_id, 9, into(&g[0]));
    clients_disable(pg->db, pg->arena, SLICE("c1"), into(&g[1]));
    pg_ok(wait(pg));
    assert_int_equal(g[0].affected, 1);
    assert_int_equal(g[1].affected, 1);
    clients_add(pg->db, pg->arena, &c, DB_UNTOLD);
    pg_is(wait(pg), ERR_REJECT, "db.conflict");
}

static void
table_name(void *arg, const struct db_rows *rows, struct err e)
{
    struct slice *out = arg;
    pg_ok(e);
    *out = SLICE_NONE;
    if (db_count(rows) > 0) {
        static char name[64];
        struct slice s = db_get(rows, 0, 0);
        snprintf(name, sizeof name, "%.*s", SLICE_ARG(s));
        *out = slice_of(name);
    }
}

static void
test_a_tenants_schema_is_dropped_table_by_table(void **state)
{
    struct pg *pg = server(state);
    struct oid gone = pg_oid(77);
    struct migrate_report r;
    struct got g;
    struct slice table;
    pg_ok(migrate_tenant(pg->db, pg->loop, &gone, false, pg->arena, &r));
    size_t dropped = 0;
    for (;; dropped++) {
        tenants_tables(pg->db, pg->arena, &gone, (struct db_answer){table_name, &table});
        pg_ok(wait(pg));
        if (table.p == NULL)
            break;
        tenants_drop_table(pg->db, pg->arena, &gone, table, DB_UNTOLD);
        pg_ok(wait(pg));
    }
    assert_true(dropped >= 13);
    tenants_drop_table(pg->db, pg->arena, &gone, SLICE("alert"), DB_UNTOLD);
    tenants_drop_schema(pg->db, pg->arena, &gone, DB_UNTOLD);
    tenants_drop_schema(pg->db, pg->arena, &gone, DB_UNTOLD);
    tenants_delete_shared(pg->db, pg->arena, &gone, DB_UNTOLD);
    pg_ok(wait(pg));
    alerts_counts(pg->db, pg->arena, &gone, into(&g));
    pg_is(wait(pg), ERR_REJECT, "db.undefined");
}

static void
test_workers_that_beat_are_alive(void **state)
{
    struct pg *pg = server(state);
    const struct progress_worker w[2] = {{SLICE("a"), SLICE("api"), SLICE(""), 100},
                                         {SLICE("b"), SLICE("api"), SLICE(""), 200}};
    struct got g;
    progress_beat(pg->db, pg->arena, &w[0], DB_UNTOLD);
    progress_beat(pg->db, pg->arena, &w[1], DB_UNTOLD);
    progress_beat(pg->db, pg->arena, &w[1], DB_UNTOLD);
    progress_alive(pg->db, pg->arena, 150, into(&g));
    pg_ok(wait(pg));
    assert_int_equal(g.rows, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_directory_has_one_living_tenant_and_only_allowed_moves),
        cmocka_unit_test(test_purges_clients_keys_consent_and_audit_come_back),
        cmocka_unit_test(test_a_tenants_schema_is_dropped_table_by_table),
        cmocka_unit_test(test_workers_that_beat_are_alive),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
