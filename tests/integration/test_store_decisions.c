/* test_store_decisions.c: what people decided, in a tenant's tables, against a real server. */
#include "tests/integration/store.h"

#include "store/alerts.h"
#include "store/decisions.h"
#include "store/incidents.h"

static struct incidents_row
incident(int64_t id, int64_t version, int64_t updated)
{
    return (struct incidents_row){.id = id,
                                  .version = version,
                                  .name = SLICE("name"),
                                  .first_name = SLICE("first"),
                                  .severity = 256,
                                  .status = SLICE("active"),
                                  .updated = updated,
                                  .created = id};
}

static void
carried_comments(void *arg, const struct db_rows *rows, struct err e)
{
    int64_t *origins = arg;
    pg_ok(e);
    for (size_t i = 0; i < db_count(rows) && i < 8; i++) {
        struct incidents_comment c;
        incidents_comment_row(rows, i, &c);
        origins[0]++;
        origins[i + 1] = c.origin;
    }
}

static void
carried_tags(void *arg, const struct db_rows *rows, struct err e)
{
    struct arena *a = arg;
    struct incidents_row r;
    pg_ok(e);
    incidents_full_row(rows, 0, a, &r);
    assert_int_equal(r.n_tags, 2);
    assert_true(slice_eq(r.tags[0], SLICE("blue")) && slice_eq(r.tags[1], SLICE("red")));
}

/* 61 into 62, then 62 (and with it 61, again) into 63. */
static void
test_comments_history_and_tags_go_along_once(void **state)
{
    struct pg *pg = server(state);
    struct incidents_row rows[] = {incident(61, 1, 1), incident(62, 1, 1), incident(63, 1, 1)};
    const struct incidents_comment c[] = {{61, 0, SLICE("first"), SLICE("Anna"), 5, 0},
                                          {62, 0, SLICE("second"), SLICE("Ben"), 6, 0}};
    const struct incidents_activity v = {0, 61, 5, SLICE("update"), SLICE("Anna"), SLICE_NONE, 0};
    const int64_t ids[] = {61, 62, 63}, into63[] = {63, 63};
    struct slice red = SLICE("red"), blue = SLICE("blue");
    int64_t origins[9] = {0};
    struct got g;
    incidents_upsert(pg->db, pg->arena, &tenant, rows, 3, DB_UNTOLD);
    for (size_t i = 0; i < 2; i++)
        incidents_comment_add(pg->db, pg->arena, &tenant, &c[i], DB_UNTOLD);
    incidents_activity_add(pg->db, pg->arena, &tenant, &v, 1, DB_UNTOLD);
    incidents_tags(pg->db, pg->arena, &tenant, 61, &red, 1, DB_UNTOLD);
    incidents_tags(pg->db, pg->arena, &tenant, 63, &blue, 1, DB_UNTOLD);
    incidents_carry(pg->db, pg->arena, &tenant, ids, ids + 1, 1, DB_UNTOLD);
    rows[0].redirect_to = 62;
    incidents_upsert(pg->db, pg->arena, &tenant, rows, 1, DB_UNTOLD);
    incidents_carry(pg->db, pg->arena, &tenant, ids, into63, 2, DB_UNTOLD);
    incidents_comments_of(pg->db, pg->arena, &tenant, &ids[2], 1,
                          (struct db_answer){carried_comments, origins});
    incidents_activity_of(pg->db, pg->arena, &tenant, 63, into(&g));
    incidents_get(pg->db, pg->arena, &tenant, 63, (struct db_answer){carried_tags, pg->arena});
    pg_ok(wait(pg));
    assert_int_equal(origins[0], 2);
    assert_int_equal(origins[1], 61);
    assert_int_equal(origins[2], 62);
    assert_int_equal(g.rows, 1);
}

static void
decision_row(void *arg, const struct db_rows *rows, struct err e)
{
    struct decisions_row *out = arg;
    pg_ok(e);
    if (db_count(rows) == 0)
        return;
    decisions_get_row(rows, 0, out);
    assert_true(slice_eq(out->outcome, SLICE("incident.closed")));
    assert_true(slice_eq(out->detail, SLICE("a sentence")));
}

static void
test_a_request_has_one_outcome(void **state)
{
    struct pg *pg = server(state);
    struct decisions_row first = {.id = SLICE("206e2965-6533-48a6-ba9e-794364a84bf9"),
                                  .at = 5,
                                  .kind = SLICE("merge"),
                                  .incident_id = 1,
                                  .result_id = 2,
                                  .outcome = SLICE("incident.closed"),
                                  .detail = SLICE("a sentence")};
    struct decisions_row second = first, got = {.at = 0}, none = {.at = 0};
    second.outcome = SLICE(DECISIONS_APPLIED);
    decisions_add(pg->db, pg->arena, &tenant, &first, DB_UNTOLD);
    decisions_add(pg->db, pg->arena, &tenant, &second, DB_UNTOLD);
    decisions_get(pg->db, pg->arena, &tenant, first.id, (struct db_answer){decision_row, &got});
    decisions_get(pg->db, pg->arena, &tenant, SLICE("other"),
                  (struct db_answer){decision_row, &none});
    pg_ok(wait(pg));
    assert_int_equal(got.incident_id, 1);
    assert_int_equal(got.result_id, 2);
    assert_int_equal(got.at, 5);
    assert_int_equal(none.at, 0);
}

static void
named_alerts(void *arg, const struct db_rows *rows, struct err e)
{
    struct decisions_alert *out = arg;
    pg_ok(e);
    assert_int_equal(db_count(rows), 2);
    for (size_t i = 0; i < 2; i++)
        decisions_alert_row(rows, i, &out[i]);
    assert_true(slice_eq(out[0].id, SLICE("da1")) && slice_eq(out[0].native_id, SLICE("one")));
}

static void
test_alerts_are_found_by_their_ids_with_where_they_are(void **state)
{
    struct pg *pg = server(state);
    struct alerts_row rows[2];
    for (size_t i = 0; i < 2; i++)
        rows[i] = (struct alerts_row){.source = 1,
                                      .native_id = i == 0 ? SLICE("one") : SLICE("two"),
                                      .version = 1,
                                      .sha256 = SLICE("x"),
                                      .id = i == 0 ? SLICE("da1") : SLICE("da2"),
                                      .title = SLICE("t"),
                                      .category = SLICE("Malware"),
                                      .detector = SLICE("d"),
                                      .resolved = INT64_MIN,
                                      .evidence = SLICE("[]")};
    const struct incidents_member m = {1, SLICE("one"), 7};
    const struct slice ids[] = {SLICE("da2"), SLICE("nobody"), SLICE("da1")};
    struct decisions_alert got[2];
    alerts_upsert(pg->db, pg->arena, &tenant, rows, 2, DB_UNTOLD);
    incidents_members_upsert(pg->db, pg->arena, &tenant, &m, 1, DB_UNTOLD);
    decisions_alerts(pg->db, pg->arena, &tenant, ids, 3, (struct db_answer){named_alerts, got});
    pg_ok(wait(pg));
    assert_int_equal(got[0].incident_id, 7);
    assert_int_equal(got[1].incident_id, 0);
    assert_int_equal(got[1].source, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comments_history_and_tags_go_along_once),
        cmocka_unit_test(test_a_request_has_one_outcome),
        cmocka_unit_test(test_alerts_are_found_by_their_ids_with_where_they_are),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
