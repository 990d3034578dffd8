/* test_store_correlator.c: what the correlator remembers, in a tenant's tables, on a real server.
 */
#include "tests/integration/store.h"

#include "store/correlator.h"
#include "store/pins.h"

enum { SEEN = 8, TEXT_BYTES = 64 };

struct seen {
    size_t n;
    char text[SEEN][TEXT_BYTES];
};

/* Each row as text, by one of the functions below. */
struct reading {
    void (*print)(const struct db_rows *rows, size_t row, char *out);
    struct seen *out;
};

static void
on_rows(void *arg, const struct db_rows *rows, struct err e)
{
    struct reading *r = arg;
    pg_ok(e);
    r->out->n = db_count(rows);
    for (size_t i = 0; i < r->out->n && i < SEEN; i++)
        r->print(rows, i, r->out->text[i]);
}

static void
assert_seen(const struct seen *s, size_t n, const char *const *want)
{
    assert_int_equal(s->n, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(s->text[i], want[i]);
}

static void
on_loaded(void *arg, const struct db_rows *rows, struct err e)
{
    pg_ok(e);
    assert_int_equal(db_count(rows), 1);
    correlator_loaded_row(rows, 0, arg);
}

static void
test_the_clock_comes_back_and_none_is_told_from_the_first(void **state)
{
    struct pg *pg = server(state);
    struct correlator_loaded got;
    struct correlator_clock c = {INT64_C(1575158400), 18231, 7, 18229, 42};
    correlator_load(pg->db, pg->arena, &tenant, (struct db_answer){on_loaded, &got});
    pg_ok(wait(pg));
    assert_true(got.clock.watermark_s == INT64_MIN);
    assert_int_equal(got.clock.next_seq, 0);
    assert_int_equal(got.last_id, 0);
    for (int i = 0; i < 2; i++) {
        c.next_seq++;
        correlator_save(pg->db, pg->arena, &tenant, &c, DB_UNTOLD);
        correlator_load(pg->db, pg->arena, &tenant, (struct db_answer){on_loaded, &got});
        pg_ok(wait(pg));
        assert_int_equal(got.clock.watermark_s, c.watermark_s);
        assert_int_equal(got.clock.jump_day, c.jump_day);
        assert_int_equal(got.clock.jump_alerts, c.jump_alerts);
        assert_int_equal(got.clock.days_told, c.days_told);
        assert_int_equal(got.clock.next_seq, c.next_seq);
    }
}

static void
print_day(const struct db_rows *rows, size_t row, char *out)
{
    struct correlator_day d;
    correlator_day_row(rows, row, &d);
    snprintf(out, TEXT_BYTES, "%d.%d %d %.*s", d.day, d.part, d.keys, SLICE_ARG(d.packed));
}

static void
test_a_closed_day_is_written_once_and_forgotten_when_old(void **state)
{
    struct pg *pg = server(state);
    struct seen s;
    struct reading r = {print_day, &s};
    const struct correlator_day days[] = {
        {11, 1, 3, SLICE("b")}, {11, 0, 9, SLICE("a")}, {10, 0, 1, SLICE("old")}};
    const struct correlator_day again = {11, 0, 9, SLICE("other")};
    correlator_days_add(pg->db, pg->arena, &tenant, days, 3, DB_UNTOLD);
    correlator_days_add(pg->db, pg->arena, &tenant, &again, 1, DB_UNTOLD);
    correlator_days_load(pg->db, pg->arena, &tenant, (struct db_answer){on_rows, &r});
    pg_ok(wait(pg));
    assert_seen(&s, 3, (const char *[]){"10.0 1 old", "11.0 9 a", "11.1 3 b"});
    correlator_days_prune(pg->db, pg->arena, &tenant, 11, DB_UNTOLD);
    correlator_days_load(pg->db, pg->arena, &tenant, (struct db_answer){on_rows, &r});
    pg_ok(wait(pg));
    assert_seen(&s, 2, (const char *[]){"11.0 9 a", "11.1 3 b"});
}

static void
print_alias(const struct db_rows *rows, size_t row, char *out)
{
    struct correlator_alias x;
    correlator_alias_row(rows, row, &x);
    snprintf(out, TEXT_BYTES, "%d %.*s %.*s", x.type, SLICE_ARG(x.a), SLICE_ARG(x.b));
}

static void
test_names_that_are_one_come_back(void **state)
{
    struct pg *pg = server(state);
    struct seen s;
    struct reading r = {print_alias, &s};
    const struct correlator_alias pair = {0, SLICE("upn:anna@contoso.com"), SLICE("sid:S-1-5-21")};
    correlator_aliases_add(pg->db, pg->arena, &tenant, &pair, 1, DB_UNTOLD);
    correlator_aliases_load(pg->db, pg->arena, &tenant, (struct db_answer){on_rows, &r});
    pg_ok(wait(pg));
    assert_seen(&s, 1, (const char *[]){"0 upn:anna@contoso.com sid:S-1-5-21"});
}

static void
print_pin(const struct db_rows *rows, size_t row, char *out)
{
    struct pins_row p;
    pins_load_row(rows, row, &p);
    snprintf(out, TEXT_BYTES, "%d/%.*s %lld %d", p.source, SLICE_ARG(p.native_id),
             (long long)p.incident_id, p.together);
}

static void
test_pins_of_an_incident_are_those_to_it_and_those_of_its_alerts(void **state)
{
    struct pg *pg = server(state);
    struct seen s;
    struct reading r = {print_pin, &s};
    const struct incidents_member members[] = {{1, SLICE("a"), 7}, {1, SLICE("b"), 8}};
    const struct pins_row pins[] = {
        {1, SLICE("b"), 7, 0}, {1, SLICE("a"), 7, 1}, {2, SLICE("c"), 9, 1}};
    const int64_t seven = 7, eight = 8;
    incidents_members_upsert(pg->db, pg->arena, &tenant, members, 2, DB_UNTOLD);
    pins_upsert(pg->db, pg->arena, &tenant, pins, 3, DB_UNTOLD);
    pins_load(pg->db, pg->arena, &tenant, NULL, 0, (struct db_answer){on_rows, &r});
    pg_ok(wait(pg));
    assert_seen(&s, 3, (const char *[]){"1/a 7 1", "1/b 7 0", "2/c 9 1"});
    pins_load(pg->db, pg->arena, &tenant, &seven, 1, (struct db_answer){on_rows, &r});
    pg_ok(wait(pg));
    assert_seen(&s, 2, (const char *[]){"1/a 7 1", "1/b 7 0"});
    pins_load(pg->db, pg->arena, &tenant, &eight, 1, (struct db_answer){on_rows, &r});
    pg_ok(wait(pg));
    assert_seen(&s, 1, (const char *[]){"1/b 7 0"});
    pins_load(pg->db, pg->arena, &tenant, &eight, 0, (struct db_answer){on_rows, &r});
    pg_ok(wait(pg));
    assert_int_equal(s.n, 0); /* of no incident, not of all */
    pins_delete(pg->db, pg->arena, &tenant, pins, 2, DB_UNTOLD);
    pins_load(pg->db, pg->arena, &tenant, NULL, 0, (struct db_answer){on_rows, &r});
    pg_ok(wait(pg));
    assert_seen(&s, 1, (const char *[]){"2/c 9 1"});
}

static void
print_move(const struct db_rows *rows, size_t row, char *out)
{
    struct moves_row m;
    moves_row(rows, row, &m);
    snprintf(out, TEXT_BYTES, "%d/%.*s %lld at %lld", m.source, SLICE_ARG(m.native_id),
             (long long)m.incident_id, (long long)m.at);
}

static void
test_where_an_alert_was_before_is_remembered(void **state)
{
    struct pg *pg = server(state);
    struct seen s;
    struct reading r = {print_move, &s};
    const struct incidents_member first[] = {{3, SLICE("x"), 20}, {3, SLICE("y"), 20}};
    const struct incidents_member then[] = {
        {3, SLICE("x"), 21}, {3, SLICE("y"), 20}, {3, SLICE("z"), 21}};
    for (int i = 0; i < 2; i++) { /* a repeat remembers nothing more */
        moves_add(pg->db, pg->arena, &tenant, first, 2, 5, DB_UNTOLD);
        incidents_members_upsert(pg->db, pg->arena, &tenant, first, 2, DB_UNTOLD);
    }
    moves_add(pg->db, pg->arena, &tenant, then, 3, 6, DB_UNTOLD);
    incidents_members_upsert(pg->db, pg->arena, &tenant, then, 3, DB_UNTOLD);
    moves_of(pg->db, pg->arena, &tenant, 20, (struct db_answer){on_rows, &r});
    pg_ok(wait(pg));
    assert_seen(&s, 1, (const char *[]){"3/x 20 at 6"});
}

static void
print_split(const struct db_rows *rows, size_t row, char *out)
{
    struct splits_row x;
    splits_row(rows, row, &x);
    snprintf(out, TEXT_BYTES, "%lld %d/%.*s %d/%.*s %d %d+%d", (long long)x.incident_id, x.a_source,
             SLICE_ARG(x.a_id), x.b_source, SLICE_ARG(x.b_id), x.score, x.a_alerts, x.b_alerts);
}

static void
test_the_last_suggestion_for_an_incident_is_kept(void **state)
{
    struct pg *pg = server(state);
    struct seen s;
    struct reading r = {print_split, &s};
    const struct splits_row first = {30, 1, SLICE("a"), 2, SLICE("b"), 1100, 100, 51, 5};
    const struct splits_row then = {30, 1, SLICE("a"), 2, SLICE("c"), 1050, 120, 51, 6};
    splits_upsert(pg->db, pg->arena, &tenant, &first, 1, DB_UNTOLD);
    splits_upsert(pg->db, pg->arena, &tenant, &then, 1, DB_UNTOLD);
    splits_of(pg->db, pg->arena, &tenant, 30, (struct db_answer){on_rows, &r});
    pg_ok(wait(pg));
    assert_seen(&s, 1, (const char *[]){"30 1/a 2/c 1050 120+51"});
}

/* ---- the live window and what is behind it */

static void
print_alert(const struct db_rows *rows, size_t row, char *out)
{
    struct alerts_loaded x;
    alerts_loaded_row(rows, row, &x);
    snprintf(out, TEXT_BYTES, "%.*s in %lld", SLICE_ARG(x.native_id), (long long)x.incident_id);
}

static void
print_incident(const struct db_rows *rows, size_t row, char *out)
{
    struct incidents_loaded x;
    incidents_loaded_row(rows, row, &x);
    snprintf(out, TEXT_BYTES, "%lld to %lld %.*s %.*s %d %.*s %lld", (long long)x.id,
             (long long)x.redirect_to, SLICE_ARG(x.status), SLICE_ARG(x.assigned_to), x.worked,
             SLICE_ARG(x.params), (long long)x.updated);
}

static void
print_near(const struct db_rows *rows, size_t row, char *out)
{
    struct alerts_near x;
    alerts_near_row(rows, row, &x);
    snprintf(out, TEXT_BYTES, "%lld %.*s", (long long)x.incident_id, SLICE_ARG(x.keys));
}

static struct incidents_row
incident(int64_t id, int64_t first, int64_t last, int64_t redirect_to)
{
    return (struct incidents_row){.id = id,
                                  .version = 1,
                                  .redirect_to = redirect_to,
                                  .name = SLICE("n"),
                                  .first_name = SLICE("n"),
                                  .status = redirect_to ? SLICE("redirected") : SLICE("active"),
                                  .assigned_to = id == 101 ? SLICE("Anna") : SLICE_NONE,
                                  .worked = id == 101,
                                  .params = SLICE("abc"),
                                  .updated = id,
                                  .first_activity = first,
                                  .last_activity = last};
}

static struct alerts_row
alert(const char *id, int64_t last)
{
    return (struct alerts_row){.source = 1,
                               .native_id = slice_of(id),
                               .version = 1,
                               .sha256 = SLICE("x"),
                               .id = slice_of(id),
                               .title = SLICE("t"),
                               .category = SLICE("Malware"),
                               .detector = SLICE("d"),
                               .resolved = INT64_MIN,
                               .last_activity = last,
                               .evidence = SLICE("[]"),
                               .keys = slice_of(id)};
}

static void
test_the_live_window_is_incidents_as_a_whole(void **state)
{
    struct pg *pg = server(state);
    struct seen s;
    struct reading alerts = {print_alert, &s}, incidents = {print_incident, &s};
    const struct incidents_row rows[] = {incident(100, 10, 20, 0), incident(101, 15, 50, 0),
                                         incident(102, 15, 50, 101), incident(103, 5, 9, 100)};
    const struct alerts_row of[] = {alert("k", 20), alert("l", 15), alert("m", 50)};
    const struct incidents_member in[] = {
        {1, SLICE("k"), 100}, {1, SLICE("l"), 101}, {1, SLICE("m"), 101}};
    const int64_t merged = 103;
    incidents_upsert(pg->db, pg->arena, &tenant, rows, 4, DB_UNTOLD);
    alerts_upsert(pg->db, pg->arena, &tenant, of, 3, DB_UNTOLD);
    incidents_members_upsert(pg->db, pg->arena, &tenant, in, 3, DB_UNTOLD);
    incidents_load(pg->db, pg->arena, &tenant, 21, (struct db_answer){on_rows, &incidents});
    pg_ok(wait(pg));
    assert_seen(
        &s, 2,
        (const char *[]){"101 to 0 active Anna 1 abc 101", "102 to 101 redirected  0 abc 102"});
    alerts_load(pg->db, pg->arena, &tenant, 50, (struct db_answer){on_rows, &alerts});
    pg_ok(wait(pg));
    assert_int_equal(s.n, 2); /* l, too, though it is older */
    alerts_load(pg->db, pg->arena, &tenant, INT64_MIN, (struct db_answer){on_rows, &alerts});
    pg_ok(wait(pg));
    assert_int_equal(s.n, 3);
    incidents_load_ids(pg->db, pg->arena, &tenant, &merged, 1,
                       (struct db_answer){on_rows, &incidents});
    pg_ok(wait(pg)); /* the one it became part of */
    assert_seen(&s, 2,
                (const char *[]){"100 to 0 active  0 abc 100", "103 to 100 redirected  0 abc 103"});
    alerts_load_ids(pg->db, pg->arena, &tenant, &merged, 1, (struct db_answer){on_rows, &alerts});
    pg_ok(wait(pg));
    assert_seen(&s, 1, (const char *[]){"k in 100"});
}

static void
test_what_is_near_in_time_is_found_newest_first(void **state)
{
    struct pg *pg = server(state);
    struct seen s;
    struct reading r = {print_near, &s};
    const struct incidents_row rows[] = {incident(110, 1010, 1020, 0),
                                         incident(111, 1015, 1050, 0)};
    const struct alerts_row of[] = {alert("p", 1020), alert("q", 1015), alert("r", 1050)};
    const struct incidents_member in[] = {
        {1, SLICE("p"), 110}, {1, SLICE("q"), 111}, {1, SLICE("r"), 111}};
    const struct alerts_key keys[] = {{1, SLICE("q")}, {1, SLICE("none")}, {2, SLICE("p")}};
    struct got g;
    incidents_upsert(pg->db, pg->arena, &tenant, rows, 2, DB_UNTOLD);
    alerts_upsert(pg->db, pg->arena, &tenant, of, 3, DB_UNTOLD);
    incidents_members_upsert(pg->db, pg->arena, &tenant, in, 3, DB_UNTOLD);
    alerts_near(pg->db, pg->arena, &tenant, 1020, 2000, 1012, 10, (struct db_answer){on_rows, &r});
    pg_ok(wait(pg));
    assert_seen(&s, 1, (const char *[]){"110 p"});
    alerts_near(pg->db, pg->arena, &tenant, 1020, 2000, 1015, 10, (struct db_answer){on_rows, &r});
    pg_ok(wait(pg));
    assert_seen(&s, 3, (const char *[]){"111 r", "110 p", "111 q"});
    alerts_near(pg->db, pg->arena, &tenant, 1020, 1050, 1015, 10, (struct db_answer){on_rows, &r});
    pg_ok(wait(pg));
    assert_seen(&s, 1, (const char *[]){"110 p"});
    alerts_near(pg->db, pg->arena, &tenant, 1020, 2000, 1015, 1, (struct db_answer){on_rows, &r});
    pg_ok(wait(pg));
    assert_seen(&s, 1, (const char *[]){"111 r"});
    incidents_members_of(pg->db, pg->arena, &tenant, keys, 3, into(&g));
    pg_ok(wait(pg));
    assert_int_equal(g.rows, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_clock_comes_back_and_none_is_told_from_the_first),
        cmocka_unit_test(test_a_closed_day_is_written_once_and_forgotten_when_old),
        cmocka_unit_test(test_names_that_are_one_come_back),
        cmocka_unit_test(test_pins_of_an_incident_are_those_to_it_and_those_of_its_alerts),
        cmocka_unit_test(test_where_an_alert_was_before_is_remembered),
        cmocka_unit_test(test_the_last_suggestion_for_an_incident_is_kept),
        cmocka_unit_test(test_the_live_window_is_incidents_as_a_whole),
        cmocka_unit_test(test_what_is_near_in_time_is_found_newest_first),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
