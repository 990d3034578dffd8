/* test_store.c: what the tables of a region and a tenant promise, against a real server. */
#include "tests/integration/store.h"

#include "store/alerts.h"
#include "store/cursors.h"
#include "store/events.h"
#include "store/fence.h"
#include "store/incidents.h"
#include "store/progress.h"
#include "store/source_status.h"

/* ---- fence and progress */

static void
test_only_an_active_tenant_of_that_epoch_passes_the_fence(void **state)
{
    struct pg *pg = server(state);
    const struct fence_row on = {pg_oid(1), 3, TENANT_ACTIVE}, off = {pg_oid(2), 1, TENANT_PURGING};
    fence_set(pg->db, pg->arena, &on, DB_UNTOLD);
    fence_set(pg->db, pg->arena, &off, DB_UNTOLD);
    pg_ok(wait(pg));
    const struct {
        struct fence_row rows[2];
        size_t n;
        bool passes;
    } rows[] = {
        {{on}, 1, true},   {{{pg_oid(1), 2, 0}}, 1, false}, {{{pg_oid(1), 4, 0}}, 1, false},
        {{off}, 1, false}, {{{pg_oid(7), 1, 0}}, 1, false}, {{on, off}, 2, false},
        {{on}, 0, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct got g;
        db_begin(pg->db);
        fence_check(pg->db, pg->arena, rows[i].rows, rows[i].n, into(&g));
        db_commit(pg->db);
        struct err e = wait(pg);
        if (rows[i].passes)
            pg_ok(e);
        else
            pg_is(e, ERR_REJECT, "db.fenced");
    }
}

static void
test_the_fence_waits_for_a_writer_and_then_holds(void **state)
{
    struct pg *pg = server(state);
    struct fence_row row = {pg_oid(5), 1, TENANT_ACTIVE};
    struct db *purge;
    struct got g, w;
    fence_set(pg->db, pg->arena, &row, DB_UNTOLD);
    pg_ok(wait(pg));
    pg_ok(db_open(pg->loop, pg->conf, pg->conninfo, "purge", NULL, &purge));
    pg_ok(db_wait_up(purge, pg->loop, 10000));
    db_begin(pg->db);
    fence_check(pg->db, pg->arena, &row, 1, into(&w));
    pg_ok(wait(pg));
    row.state = TENANT_PURGING;
    db_begin(purge);
    fence_set(purge, pg->arena, &row, into(&g));
    db_commit(purge);
    db_sync(purge, NULL, NULL);
    /* the writer still works: a round trip of its own does not let the purge in */
    fence_check(pg->db, pg->arena, &row, 1, into(&w));
    pg_ok(wait(pg));
    assert_int_equal(g.answers, 0);
    db_commit(pg->db);
    pg_ok(wait(pg));
    while (g.answers == 0)
        uv_run(loop_uv(pg->loop), UV_RUN_ONCE);
    pg_ok(g.e);
    pg_ok(db_wait(purge, pg->loop));
    db_begin(pg->db);
    fence_check(pg->db, pg->arena, &row, 1, into(&w));
    pg_is(wait(pg), ERR_REJECT, "db.fenced");
    db_rollback(pg->db);
    pg_ok(wait(pg));
    db_wait_closed(purge, pg->loop);
}

static void
claimed(void *arg, const struct db_rows *rows, struct err e)
{
    pg_ok(e);
    assert_int_equal(db_count(rows), 1);
    progress_claimed_row(rows, 0, arg);
}

static struct progress_claimed
claim(struct pg *pg, int32_t part)
{
    struct progress_claimed c = {0};
    progress_claim(pg->db, pg->arena, SLICE("normalize"), SLICE("t"), part, SLICE("me"),
                   (struct db_answer){claimed, &c});
    pg_ok(wait(pg));
    return c;
}

static struct err
advance(struct pg *pg, const struct progress_row *rows, size_t n)
{
    db_begin(pg->db);
    progress_advance(pg->db, pg->arena, SLICE("normalize"), SLICE("t"), rows, n, DB_UNTOLD);
    db_commit(pg->db);
    return wait(pg);
}

static void
test_a_partition_has_one_owner_and_offsets_only_grow(void **state)
{
    struct pg *pg = server(state);
    struct progress_claimed first = claim(pg, 1);
    assert_int_equal(first.next_offset, PROGRESS_BEGINNING);
    struct progress_row rows[2] = {{1, 10, first.epoch}, {2, 5, claim(pg, 2).epoch}};
    pg_ok(advance(pg, rows, 2));
    rows[0].next_offset = 9;
    pg_is(advance(pg, rows, 2), ERR_REJECT, "db.fenced_partition");
    rows[0].next_offset = 20;
    struct progress_claimed second = claim(pg, 1);
    assert_int_equal(second.epoch, first.epoch + 1);
    assert_int_equal(second.next_offset, 10);
    pg_is(advance(pg, rows, 2), ERR_REJECT, "db.fenced_partition");
    assert_int_equal(claim(pg, 2).next_offset, 5); /* nothing of the batch stayed */
}

/* ---- alerts */

static struct alerts_row
alert(const char *id, int64_t version, const char *sha)
{
    return (struct alerts_row){
        .source = 1,
        .native_id = slice_of(id),
        .version = version,
        .received = 100,
        .sha256 = slice_of(sha),
        .id = slice_of("da1"),
        .title = SLICE("A title \xc3\xa9"),
        .category = SLICE("Malware"),
        .tactics = 5,
        .severity = 128,
        .status = 2,
        .detector = SLICE("d"),
        .techniques = SLICE("T1 T2"),
        .created = 1,
        .first_activity = 2,
        .last_activity = 3,
        .updated = version,
        .resolved = CLOCK_NONE,
        .evidence = SLICE("[{}]"),
        .raw = SLICE("raw\0raw"),
        .keys = SLICE("k"),
        .leads = 1,
    };
}

struct full {
    size_t n;
    struct alerts_full first;
    struct arena *a;
};

static void
full_rows(void *arg, const struct db_rows *rows, struct err e)
{
    struct full *f = arg;
    pg_ok(e);
    f->n = db_count(rows);
    if (f->n == 0)
        return;
    alerts_full_row(rows, 0, &f->first);
    struct alerts_row *r = &f->first.row;
    r->title = slice_dup(f->a, r->title);
    r->raw = slice_dup(f->a, r->raw);
    r->techniques = slice_dup(f->a, r->techniques);
}

static void
test_an_older_version_or_the_same_bytes_change_nothing(void **state)
{
    struct pg *pg = server(state);
    const struct {
        int64_t version;
        const char *sha;
        int32_t leads;
        size_t changed;
    } rows[] = {
        {10, "a", 1, 1}, {10, "a", 1, 0}, {9, "b", 8, 0},   {11, "a", 1, 0},
        {10, "c", 2, 1}, {12, "d", 4, 1}, {12, "d", 16, 1}, /* leads are of all versions */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct alerts_row r = alert("one", rows[i].version, rows[i].sha);
        struct got g;
        r.leads = rows[i].leads;
        alerts_upsert(pg->db, pg->arena, &tenant, &r, 1, into(&g));
        pg_ok(wait(pg));
        assert_int_equal(g.rows, rows[i].changed);
    }
    struct full f = {.a = pg->arena};
    struct slice id = SLICE("da1");
    alerts_by_ids(pg->db, pg->arena, &tenant, &id, 1, true, (struct db_answer){full_rows, &f});
    pg_ok(wait(pg));
    assert_int_equal(f.n, 1);
    assert_int_equal(f.first.row.version, 12);
    assert_int_equal(f.first.row.leads, 23);
    assert_true(f.first.row.resolved == CLOCK_NONE);
    assert_true(slice_eq(f.first.row.title, SLICE("A title \xc3\xa9")));
    assert_true(slice_eq(f.first.row.techniques, SLICE("T1 T2")));
    assert_true(slice_eq(f.first.row.raw, SLICE("raw\0raw")));
    assert_null(f.first.row.description.p);
    assert_int_equal(f.first.incident_id, 0);
}

static void
test_many_alerts_are_one_statement(void **state)
{
    struct pg *pg = server(state);
    enum { MANY = 3000 };
    struct alerts_row *rows = calloc(MANY, sizeof *rows);
    struct alerts_key *keys = calloc(MANY, sizeof *keys);
    for (int i = 0; i < MANY; i++) {
        rows[i] = alert(slice_printf(pg->arena, "m%d%c", MANY - i, 0).p, 1, "x");
        rows[i].last_activity = 1000 + i;
        keys[i] = (struct alerts_key){1, rows[i].native_id};
    }
    struct got g;
    alerts_upsert(pg->db, pg->arena, &tenant, rows, MANY, into(&g));
    pg_ok(wait(pg));
    assert_int_equal(g.rows, MANY);
    alerts_known(pg->db, pg->arena, &tenant, keys, MANY, into(&g));
    pg_ok(wait(pg));
    assert_int_equal(g.rows, MANY);
    alerts_page(pg->db, pg->arena, &tenant, &(struct alerts_key){0, SLICE_NONE}, 7, into(&g));
    pg_ok(wait(pg));
    assert_int_equal(g.rows, 7);
    free(rows);
    free(keys);
}

static void
test_mail_records_dead_and_ignored_documents_are_kept_once(void **state)
{
    struct pg *pg = server(state);
    const struct alerts_mail mail[] = {
        {SLICE("r1"), SLICE("al"), 1, 1, SLICE("h1"), SLICE("s1")},
        {SLICE("r2"), SLICE("al"), 1, 1, SLICE("h2"), SLICE("s2")},
    };
    const struct alerts_dead dead = {
        1, SLICE("d"), SLICE("h"), 1, SLICE("x.y"), SLICE("text"), SLICE("sealed"), 5};
    const struct alerts_ignored ignored = {2, SLICE("i"), SLICE("mail.record_type"), 1};
    struct got m, d, i, of;
    for (int round = 0; round < 2; round++) {
        alerts_mail_upsert(pg->db, pg->arena, &tenant, mail, 2, into(&m));
        alerts_dead_add(pg->db, pg->arena, &tenant, &dead, 1, into(&d));
        alerts_ignored_add(pg->db, pg->arena, &tenant, &ignored, 1, into(&i));
        pg_ok(wait(pg));
        assert_int_equal(m.affected, round == 0 ? 2 : 0);
        assert_int_equal(d.affected, round == 0 ? 1 : 0);
        assert_int_equal(i.affected, round == 0 ? 1 : 0);
    }
    struct slice al = SLICE("al");
    alerts_mail_of(pg->db, pg->arena, &tenant, &al, 1, into(&of));
    alerts_dead_list(pg->db, pg->arena, &tenant, SLICE_NONE, 10, into(&d));
    pg_ok(wait(pg));
    assert_int_equal(of.rows, 2);
    assert_int_equal(d.rows, 1);
    alerts_dead_delete(pg->db, pg->arena, &tenant, &dead, into(&d));
    pg_ok(wait(pg));
    assert_int_equal(d.affected, 1);
}

/* ---- incidents and events */

static struct incidents_row
incident(int64_t id, int64_t version, int64_t updated)
{
    static struct slice entities[] = {{"upn:\"anna\\,{}\"@contoso.com", 26}, {"dns:d1", 6}};
    return (struct incidents_row){.id = id,
                                  .version = version,
                                  .name = SLICE("name"),
                                  .first_name = SLICE("first"),
                                  .severity = 256,
                                  .status = SLICE("active"),
                                  .updated = updated,
                                  .created = id,
                                  .alerts = 1,
                                  .entities = entities,
                                  .n_entities = 2};
}

static void
times_of_two(void *arg, const struct db_rows *rows, struct err e)
{
    struct arena *a = arg;
    pg_ok(e);
    assert_int_equal(db_count(rows), 2);
    for (size_t i = 0; i < 2; i++) {
        struct incidents_row r;
        incidents_full_row(rows, i, a, &r);
        assert_int_equal(r.updated, i == 0 ? 700 : 501);
        assert_int_equal(r.worked, i == 0);
        assert_true(slice_eq(r.params, i == 0 ? SLICE("two") : SLICE("one")));
    }
}

static void
test_an_incident_is_stored_as_the_correlator_has_it(void **state)
{
    struct pg *pg = server(state);
    struct incidents_row rows[] = {incident(2, 1, 501), incident(1, 1, 500)};
    struct incidents_filter f = incidents_filter_all();
    rows[0].params = rows[1].params = SLICE("one");
    incidents_upsert(pg->db, pg->arena, &tenant, rows, 2, DB_UNTOLD);
    rows[1].updated = 700;
    rows[1].params = SLICE("two");
    rows[1].worked = 1;
    rows[0].params = SLICE_NONE; /* other parameters explain it: the stored digest stays */
    for (int again = 0; again < 2; again++)
        incidents_upsert(pg->db, pg->arena, &tenant, rows, 2, DB_UNTOLD);
    incidents_list(pg->db, pg->arena, &tenant, &f, (struct db_answer){times_of_two, pg->arena});
    pg_ok(wait(pg));
}

static void
one_incident(void *arg, const struct db_rows *rows, struct err e)
{
    struct full *f = arg;
    pg_ok(e);
    f->n = db_count(rows);
    struct incidents_row r;
    incidents_full_row(rows, 0, f->a, &r);
    assert_int_equal(r.n_entities, 2);
    assert_true(slice_eq(r.entities[0], slice_of("upn:\"anna\\,{}\"@contoso.com")));
    assert_int_equal(r.n_tags, 1);
    assert_true(slice_eq(r.tags[0], SLICE("red")));
    assert_true(slice_eq(r.assigned_to, SLICE("Anna")));
    assert_true(slice_eq(r.status, SLICE("resolved")));
    assert_int_equal(r.classification, 20);
    assert_int_equal(r.version, 8);
}

static void
test_tags_stay_while_the_correlator_writes_what_else_was_decided(void **state)
{
    struct pg *pg = server(state);
    struct incidents_row row = incident(50, 6, 1);
    struct slice tag = SLICE("red");
    incidents_upsert(pg->db, pg->arena, &tenant, &row, 1, DB_UNTOLD);
    incidents_tags(pg->db, pg->arena, &tenant, 50, &tag, 1, DB_UNTOLD);
    row.version = 8;
    row.status = SLICE("resolved");
    row.assigned_to = SLICE("Anna");
    row.classification = 20;
    incidents_upsert(pg->db, pg->arena, &tenant, &row, 1, DB_UNTOLD);
    struct full f = {.a = pg->arena};
    incidents_get(pg->db, pg->arena, &tenant, 50, (struct db_answer){one_incident, &f});
    pg_ok(wait(pg));
    assert_int_equal(f.n, 1);
}

static void
test_lists_filter_order_and_page(void **state)
{
    struct pg *pg = server(state);
    struct incidents_row rows[10];
    for (int i = 0; i < 10; i++)
        rows[i] = incident(100 + i, 1, 100000 + i);
    rows[9].redirect_to = 100;
    rows[9].status = SLICE("redirected");
    incidents_upsert(pg->db, pg->arena, &tenant, rows, 10, DB_UNTOLD);
    pg_ok(wait(pg));
    struct incidents_filter all = incidents_filter_all();
    all.created_ge = 100;
    struct incidents_filter f[8];
    for (size_t i = 0; i < 8; i++)
        f[i] = all;
    const size_t want[8] = {9, 10, 1, 4, 2, 0, 9, 0};
    const int64_t first[8] = {108, 109, 103, 107, 103, 0, 100, 0};
    f[1].redirected = true;
    f[2].id = 103;
    f[3].created_lt = 108, f[3].created_gt = 103;
    f[4].order = INCIDENTS_BY_ID, f[4].descending = false, f[4].skip = 3, f[4].top = 2;
    f[5].status = SLICE("resolved");
    f[6].entity = SLICE("dns:d1"), f[6].order = INCIDENTS_BY_CREATED, f[6].descending = false;
    f[7].entity = SLICE("dns:other");
    for (size_t i = 0; i < 8; i++) {
        struct got g, n;
        incidents_list(pg->db, pg->arena, &tenant, &f[i], into(&g));
        incidents_count(pg->db, pg->arena, &tenant, &f[i], into(&n));
        pg_ok(wait(pg));
        if (g.rows != want[i] || (g.rows > 0 && g.first != first[i]))
            fail_msg("filter %zu: %zu rows, first %lld", i, g.rows, (long long)g.first);
        assert_int_equal(n.first, f[i].top == 2 ? 9 : want[i]);
    }
}

static void
event_rows(void *arg, const struct db_rows *rows, struct err e)
{
    struct events_row *out = arg;
    pg_ok(e);
    assert_int_equal(db_count(rows), 2);
    for (size_t i = 0; i < 2; i++)
        events_read_row(rows, i, &out[i]);
    assert_true(slice_eq(out[0].kind, SLICE("created")));
}

static void
test_events_of_a_partition_are_read_and_deleted_in_order(void **state)
{
    struct pg *pg = server(state);
    struct events_row e[2];
    for (int i = 0; i < 2; i++)
        e[i] = (struct events_row){.partition = 6,
                                   .oid = tenant,
                                   .epoch = 1,
                                   .incident_id = 200,
                                   .version = 4 - i,
                                   .kind = SLICE("created"),
                                   .severity = SLICE("high"),
                                   .status = SLICE("active"),
                                   .updated = 1 + i};
    struct events_row got[2];
    struct got g;
    events_add(pg->db, pg->arena, &tenant, e, 2, DB_UNTOLD);
    events_read(pg->db, pg->arena, 6, 0, 10, (struct db_answer){event_rows, got});
    pg_ok(wait(pg));
    assert_int_equal(got[0].version, 4);
    assert_int_equal(got[0].updated, 1);
    assert_int_equal(got[1].updated, 2);
    assert_true(oid_eq(&got[0].oid, &tenant));
    events_delete(pg->db, pg->arena, 6, got[0].seq, into(&g));
    pg_ok(wait(pg));
    assert_int_equal(g.affected, 1);
}

static void
test_members_links_relations_comments_and_activity_come_back(void **state)
{
    struct pg *pg = server(state);
    const struct incidents_member m = {1, SLICE("one"), 1};
    const struct incidents_link l = {1, SLICE("one"), 0, SLICE_NONE, 1, 1500, SLICE("{}"), 9};
    const struct incidents_relation r = {1, 2, 700, SLICE("score")};
    const struct incidents_comment c = {1, 0, SLICE("text"), SLICE("Anna"), 5, 0};
    const struct incidents_activity v[2] = {
        {0, 1, 5, SLICE("status"), SLICE("Anna"), SLICE_NONE, 0},
        {0, 0, 6, SLICE("x"), SLICE("weir"), SLICE("{}"), 0}};
    struct got g[6];
    int64_t id = 1;
    incidents_members_upsert(pg->db, pg->arena, &tenant, &m, 1, into(&g[0]));
    incidents_links_add(pg->db, pg->arena, &tenant, &l, 1, DB_UNTOLD);
    incidents_related_upsert(pg->db, pg->arena, &tenant, &r, 1, DB_UNTOLD);
    incidents_comment_add(pg->db, pg->arena, &tenant, &c, DB_UNTOLD);
    incidents_activity_add(pg->db, pg->arena, &tenant, v, 2, DB_UNTOLD);
    incidents_links_of(pg->db, pg->arena, &tenant, 1, into(&g[1]));
    incidents_related_of(pg->db, pg->arena, &tenant, 2, into(&g[2]));
    incidents_comments_of(pg->db, pg->arena, &tenant, &id, 1, into(&g[3]));
    incidents_activity_of(pg->db, pg->arena, &tenant, 1, into(&g[4]));
    alerts_of_incidents(pg->db, pg->arena, &tenant, &id, 1, false, into(&g[5]));
    pg_ok(wait(pg));
    for (size_t i = 1; i < 6; i++)
        assert_int_equal(g[i].rows, 1);
    incidents_members_upsert(pg->db, pg->arena, &tenant, &m, 1, into(&g[0]));
    pg_ok(wait(pg));
    assert_int_equal(g[0].affected, 0);
}

static void
test_sealed_things_are_kept_by_source_and_name(void **state)
{
    struct pg *pg = server(state);
    const struct cursors_row c = {3, SLICE("\0\xff"), 7};
    const struct settings_row s = {SLICE("hubs"), SLICE("sealed")};
    struct got g[4];
    for (int i = 0; i < 2; i++) {
        cursors_save(pg->db, pg->arena, &tenant, &c, 1, DB_UNTOLD);
        credentials_save(pg->db, pg->arena, &tenant, &c, 1, DB_UNTOLD);
        settings_save(pg->db, pg->arena, &tenant, &s, 1, DB_UNTOLD);
    }
    cursors_load(pg->db, pg->arena, &tenant, into(&g[0]));
    credentials_load(pg->db, pg->arena, &tenant, into(&g[1]));
    settings_load(pg->db, pg->arena, &tenant, into(&g[2]));
    credentials_delete(pg->db, pg->arena, &tenant, 3, into(&g[3]));
    pg_ok(wait(pg));
    assert_int_equal(g[0].first, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(g[i].rows, 1);
    assert_int_equal(g[3].affected, 1);
}

/* The one row; its texts are gone when this returns, but not their lengths. */
static void
on_status(void *arg, const struct db_rows *rows, struct err e)
{
    pg_ok(e);
    assert_int_equal(db_count(rows), 1);
    source_status_load_row(rows, 0, arg);
}

static void
test_how_a_source_is_doing_is_one_row_that_remembers_when_it_was_first_asked(void **state)
{
    struct pg *pg = server(state);
    struct source_status_row r = {.source = 3,
                                  .asked = CLOCK_NONE,
                                  .tried = CLOCK_NONE,
                                  .succeeded = CLOCK_NONE,
                                  .newest = CLOCK_NONE,
                                  .code = SLICE("token.refused"),
                                  .sealed = SLICE("\0\xff"),
                                  .updated = 1};
    struct source_status_row got;
    const struct db_answer load = {on_status, &got};
    source_status_save(pg->db, pg->arena, &tenant, &r, DB_UNTOLD);
    source_status_load(pg->db, pg->arena, &tenant, load);
    pg_ok(wait(pg));
    assert_true(got.asked == CLOCK_NONE && got.tried == CLOCK_NONE && got.code.n == 13);
    r.asked = 7;
    source_status_save(pg->db, pg->arena, &tenant, &r, DB_UNTOLD);
    r = (struct source_status_row){.source = 3,
                                   .asked = 8,
                                   .tried = 9,
                                   .succeeded = 10,
                                   .newest = 11,
                                   .clock_ahead = -12,
                                   .alerts = 13,
                                   .requests = 14,
                                   .quota = SLICE("{\"list\":3}"),
                                   .updated = 15};
    source_status_save(pg->db, pg->arena, &tenant, &r, DB_UNTOLD);
    source_status_load(pg->db, pg->arena, &tenant, load);
    pg_ok(wait(pg));
    assert_int_equal(got.source, 3);
    assert_int_equal(got.asked, 7);
    assert_true(got.tried == 9 && got.succeeded == 10 && got.newest == 11);
    assert_true(got.clock_ahead == -12 && got.alerts == 13 && got.requests == 14);
    assert_true(got.code.p == NULL && got.updated == 15);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_an_active_tenant_of_that_epoch_passes_the_fence),
        cmocka_unit_test(test_the_fence_waits_for_a_writer_and_then_holds),
        cmocka_unit_test(test_a_partition_has_one_owner_and_offsets_only_grow),
        cmocka_unit_test(test_an_older_version_or_the_same_bytes_change_nothing),
        cmocka_unit_test(test_many_alerts_are_one_statement),
        cmocka_unit_test(test_mail_records_dead_and_ignored_documents_are_kept_once),
        cmocka_unit_test(test_an_incident_is_stored_as_the_correlator_has_it),
        cmocka_unit_test(test_tags_stay_while_the_correlator_writes_what_else_was_decided),
        cmocka_unit_test(test_lists_filter_order_and_page),
        cmocka_unit_test(test_events_of_a_partition_are_read_and_deleted_in_order),
        cmocka_unit_test(test_members_links_relations_comments_and_activity_come_back),
        cmocka_unit_test(test_sealed_things_are_kept_by_source_and_name),
        cmocka_unit_test(
            test_how_a_source_is_doing_is_one_row_that_remembers_when_it_was_first_asked),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
