/* The engine's state in a column, and rows of which each key stands once. */
#include "tests/unit/judging.h"

#define T1 INT64_C(132195000000000000)

static struct incident_alert
sample(struct arena *a, uint8_t level, bool false_positive)
{
    struct key_set *keys = arena_alloc(a, sizeof *keys);
    struct alert *al = arena_alloc(a, sizeof *al);
    const struct key_tenant tenant = {.n_hubs = 0};
    const struct slice doc =
        SLICE("{\"id\":\"a\",\"title\":\"t\",\"severity\":\"High\",\"machineId\":"
              "\"f70f9fe6b29cd9511652434919c6530618f06606\",\"computerDnsName\":\"cont-jonathanw\","
              "\"relatedUser\":{\"userName\":\"jonathan\",\"domainName\":\"CONTOSO\"},"
              "\"alertCreationTime\":\"2019-12-02T10:00:00Z\"}");
    const struct source_document one = {doc, T1};
    struct incident_alert out = {0};
    fine(source_by_name(SLICE("endpoint"))->map(&one, 1, SLICE("d"), a, al));
    fine(keys_of(al, &tenant, a, keys));
    incident_alert_of(al, 1, keys, &out);
    out.level = level;
    out.false_positive = false_positive;
    return out;
}

static void
test_a_state_read_is_the_state_written(void **state)
{
    struct arena *a = arena_new(DESK_BYTES);
    for (uint8_t i = 0; i < 8; i++) {
        struct incident_alert in = sample(a, i & 3, (i & 4) != 0), out = {0};
        in.first_s = i % 2 == 0 ? INT64_MIN : 1575280740;
        in.last_s = i % 2 == 0 ? INT64_MAX : -1;
        in.seq = i % 2 == 0 ? INT64_MAX : 7;
        in.resolved = i < 3;
        in.tactics = (uint16_t)(1U << i | 1U << 12);
        in.product_number = i;
        in.detector = i % 2 == 0 ? SLICE("") : in.detector;
        struct slice column = rows_state(&in, a);
        fine(rows_state_read(column, a, &out));
        assert_int_equal(out.first_s, in.first_s);
        assert_int_equal(out.last_s, in.last_s);
        assert_int_equal(out.created_s, in.created_s);
        assert_int_equal(out.seq, in.seq);
        assert_int_equal(out.tactics, in.tactics);
        assert_int_equal(out.product_number, in.product_number);
        assert_true(slice_eq(out.detector, in.detector));
        assert_int_equal(out.resolved, in.resolved);
        assert_int_equal(out.level, in.level);
        assert_int_equal(out.false_positive, in.false_positive);
        assert_true(out.keys->n_keys > 0 && out.keys->n_keys == in.keys->n_keys);
        assert_true(slice_eq(rows_state(&out, a), column));
    }
    arena_free(a);
    (void)state;
}

/* Whatever one byte is changed to, a part is cut off or one is added: refused, or another state
 * that is written as just these bytes. */
static void
test_no_two_columns_are_the_same_state(void **state)
{
    struct arena *a = arena_new(DESK_BYTES), *b = arena_new(DESK_BYTES);
    struct incident_alert in = sample(a, 3, true);
    struct slice column = rows_state(&in, a);
    size_t refused = 0;
    for (size_t at = 0; at < column.n; at++) {
        for (unsigned v = 0; v < 256; v++) {
            char *bytes = arena_alloc(b, column.n);
            memcpy(bytes, column.p, column.n);
            bytes[at] = (char)v;
            const struct slice changed = {bytes, column.n};
            struct incident_alert out = {0};
            struct err e = rows_state_read(changed, b, &out);
            refused += e.kind != ERR_NONE;
            if (e.kind == ERR_NONE)
                assert_true(slice_eq(rows_state(&out, b), changed));
            else
                assert_string_equal(e.code, "normalize.state");
            arena_reset(b);
        }
    }
    assert_true(refused > 248); /* each wrong level, at least */
    for (size_t n = 0; n < column.n; n++) {
        struct incident_alert out = {0};
        assert_int_equal(rows_state_read(slice_sub(column, 0, n), b, &out).kind, ERR_REJECT);
        assert_null(out.keys);
        arena_reset(b);
    }
    struct incident_alert out = {0};
    assert_int_equal(rows_state_read(slice_join(b, column, SLICE("x")), b, &out).kind, ERR_REJECT);
    assert_int_equal(rows_state_read(SLICE_NONE, b, &out).kind, ERR_REJECT);
    arena_free(b);
    arena_free(a);
    (void)state;
}

enum { MANY = 20000 };

/* What a source sends twice in one batch is one row: the first. Also of very many. */
static void
test_each_key_of_dead_and_ignored_stands_once(void **state)
{
    struct arena *a = arena_new(DESK_BYTES);
    struct tenant t = {.epoch = 1};
    struct delivery *list = calloc(MANY, sizeof *list), **all = calloc(MANY, sizeof *all);
    assert_non_null(list);
    assert_non_null(all);
    for (size_t i = 0; i < MANY; i++) {
        all[i] = &list[i];
        list[i] = (struct delivery){.source = source_by_number(1 + (int)(i % 2)),
                                    .outcome = i % 3 == 0 ? OUTCOME_IGNORED : OUTCOME_DEAD,
                                    .ident.reason = "mail.mirror"};
        list[i].record.native_id = slice_printf(a, "id-%zu", i % 6000);
        list[i].record.received = (int64_t)i;
        list[i].sha256[0] = (uint8_t)(i / 12000);
        list[i].why = err_make(ERR_REJECT, "mail.record", "no");
    }
    const struct share s = {.tenant = &t, .deliveries = all, .n_deliveries = MANY};
    struct alerts_dead *dead;
    struct alerts_ignored *ignored;
    size_t n;
    fine(rows_dead(&s, NULL, a, &dead, &n));
    assert_int_equal(n, 4000 * 2); /* of the first 12000 and of the rest, by their bytes */
    for (size_t i = 0; i < n; i++)
        assert_true(dead[i].received < 6000 ||
                    (dead[i].received >= 12000 && dead[i].received < 18000));
    fine(rows_ignored(&s, a, &ignored, &n));
    assert_int_equal(n, 2000);
    for (size_t i = 0; i < n; i++)
        assert_true(ignored[i].received < 6000);
    free(all);
    free(list);
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_state_read_is_the_state_written),
        cmocka_unit_test(test_no_two_columns_are_the_same_state),
        cmocka_unit_test(test_each_key_of_dead_and_ignored_stands_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
