/* test_store_twins.c: documents of identity in a tenant's tables, against a real server. */
#include "tests/integration/store.h"

#include "store/alerts.h"
#include "store/twins.h"

enum { HOUR = 3600, TWINS_SEEN = 8 };

struct twins_seen {
    size_t n;
    struct {
        int32_t source;
        char id[8], mate[8];
        int64_t version, alert_version;
        bool kept, stored;
    } row[TWINS_SEEN];
};

static void
twin_rows(void *arg, const struct db_rows *rows, struct err e)
{
    struct twins_seen *s = arg;
    pg_ok(e);
    s->n = db_count(rows);
    for (size_t i = 0; i < s->n && i < TWINS_SEEN; i++) {
        struct twins_found f;
        twins_found_row(rows, i, &f);
        s->row[i].source = f.row.source;
        snprintf(s->row[i].id, sizeof s->row[i].id, "%.*s", SLICE_ARG(f.row.native_id));
        snprintf(s->row[i].mate, sizeof s->row[i].mate, "%.*s", SLICE_ARG(f.row.mate));
        s->row[i].version = f.row.version;
        s->row[i].kept = f.row.sha256.p != NULL;
        s->row[i].stored = f.alert_sha256.p != NULL;
        s->row[i].alert_version = f.alert_version;
    }
}

static struct twins_row
twin(int32_t source, const char *id, const char *detection, int64_t hour, const char *mate)
{
    return (struct twins_row){.source = source,
                              .native_id = slice_of(id),
                              .version = 5,
                              .received = 100 + hour,
                              .sha256 = SLICE("h"),
                              .detection = slice_of(detection),
                              .moment = hour * HOUR,
                              .mate = slice_of(mate),
                              .sealed = SLICE("sealed\0x")};
}

static struct alerts_row
alert(const char *id, int64_t version)
{
    return (struct alerts_row){.source = 3,
                               .native_id = slice_of(id),
                               .version = version,
                               .sha256 = SLICE("x"),
                               .id = slice_of(id),
                               .title = SLICE("t"),
                               .category = SLICE("Malware"),
                               .detector = SLICE("d"),
                               .resolved = INT64_MIN,
                               .evidence = SLICE("[]")};
}

static size_t
twins_of(struct pg *pg, const struct twins_place *places, size_t n, int64_t most,
         struct twins_seen *out)
{
    *out = (struct twins_seen){0};
    twins_near(pg->db, pg->arena, &tenant, places, n, 10 * HOUR, most,
               (struct db_answer){twin_rows, out});
    pg_ok(wait(pg));
    return out->n;
}

static void
test_what_is_near_a_document_now_or_before_is_found(void **state)
{
    struct pg *pg = server(state);
    const struct twins_row rows[] = {
        twin(3, "a", "2014", 0, "l"),   twin(4, "l", "2014", 100, "a"),
        twin(4, "x", "2014", 10, NULL), twin(4, "y", "2014", 11, NULL),
        twin(4, "z", "2003", 0, NULL),  twin(3, "b", "2014", 100, NULL),
    };
    struct twins_seen s;
    const struct alerts_row alerts[] = {alert("a", 7), alert("old", 3)};
    alerts_upsert(pg->db, pg->arena, &tenant, alerts, 2, DB_UNTOLD);
    twins_upsert(pg->db, pg->arena, &tenant, rows, 6, DB_UNTOLD);
    pg_ok(wait(pg));
    /* a is told to be at hour 95 now: what is near hour 0 and near hour 95 */
    const struct twins_place moved[] = {{3, SLICE("a"), SLICE("2014"), 95 * HOUR},
                                        {3, SLICE("a"), SLICE("2014"), 95 * HOUR},
                                        {3, SLICE("old"), SLICE(""), 0},
                                        {4, SLICE("new"), SLICE(""), 0}};
    assert_int_equal(twins_of(pg, moved, 4, 100, &s), 5);
    const struct {
        const char *id;
        bool kept, stored;
    } want[] = {{"a", true, true},
                {"old", false, true}, /* an alert of which no document is kept */
                {"l", true, false},   /* a mate goes before the others */
                {"b", true, false},
                {"x", true, false}};
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(s.row[i].id, want[i].id);
        assert_int_equal(s.row[i].kept, want[i].kept);
        assert_int_equal(s.row[i].stored, want[i].stored);
    }
    assert_int_equal(s.row[0].alert_version, 7);
    assert_int_equal(s.row[0].version, 5);
    assert_string_equal(s.row[0].mate, "l");
    assert_int_equal(twins_of(pg, moved, 4, 3, &s), 3);
    assert_string_equal(s.row[2].id, "l");
}

static void
test_an_older_document_changes_nothing_and_the_lonely_go(void **state)
{
    struct pg *pg = server(state);
    const struct {
        int64_t version;
        const char *mate;
        size_t affected;
    } rows[] = {{5, NULL, 1}, {4, "m", 0}, {5, "m", 1}, {6, NULL, 1}, {7, "m", 1}};
    struct got g;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct twins_row r = twin(4, "v", "1106", 500, rows[i].mate);
        r.version = rows[i].version;
        twins_upsert(pg->db, pg->arena, &tenant, &r, 1, into(&g));
        pg_ok(wait(pg));
        assert_int_equal(g.affected, rows[i].affected);
    }
    const struct twins_row lonely[] = {twin(4, "p", "1106", 500, NULL),
                                       twin(4, "q", "1106", 501, NULL)};
    twins_upsert(pg->db, pg->arena, &tenant, lonely, 2, DB_UNTOLD);
    twins_prune(pg->db, pg->arena, &tenant, 601, into(&g));
    pg_ok(wait(pg));
    const struct twins_place at[] = {{4, SLICE("v"), SLICE("1106"), 500 * HOUR}};
    struct twins_seen s;
    assert_int_equal(twins_of(pg, at, 1, 100, &s), 2);
    assert_string_equal(s.row[0].id, "v"); /* it has a mate */
    assert_string_equal(s.row[1].id, "q");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_near_a_document_now_or_before_is_found),
        cmocka_unit_test(test_an_older_document_changes_nothing_and_the_lonely_go),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
