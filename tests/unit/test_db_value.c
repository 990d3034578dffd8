/* test_db_value.c: parameters and results in binary, without a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/db_internal.h"

static struct db_param
texts_param(struct arena *a, const struct slice *v, size_t n)
{
    return db_texts(a, v, n);
}

/* rows_of - one row with one column that holds the bytes; NULL p: null. */
static PGresult *
rows_of(struct slice v)
{
    static PGresAttDesc column = {.name = (char *)(uintptr_t) "c", .format = 1, .typid = 25};
    PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    assert_int_not_equal(PQsetResultAttrs(r, 1, &column), 0);
    assert_int_not_equal(PQsetvalue(r, 0, 0, (char *)(uintptr_t)v.p, v.p == NULL ? -1 : (int)v.n),
                         0);
    return r;
}

static void
test_numbers_come_back_as_they_went(void **state)
{
    static const int64_t numbers[] = {0, 1, -1, 255, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    struct arena *a = arena_new(1 << 16);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        PGresult *r = rows_of(db_i64(a, numbers[i]).binary);
        assert_true(db_get_i64(&(struct db_rows){r}, 0, 0) == numbers[i]);
        PQclear(r);
        r = rows_of(db_i32(a, (int32_t)numbers[i]).binary);
        assert_int_equal(db_get_i64(&(struct db_rows){r}, 0, 0), (int32_t)numbers[i]);
        PQclear(r);
    }
    PGresult *r = rows_of(SLICE_NONE);
    assert_true(db_null(&(struct db_rows){r}, 0, 0));
    assert_int_equal(db_get_i64(&(struct db_rows){r}, 0, 0), 0);
    assert_null(db_get(&(struct db_rows){r}, 0, 0).p);
    PQclear(r);
    arena_free(a);
    (void)state;
}

static void
test_an_array_is_written_as_the_server_reads_it(void **state)
{
    struct arena *a = arena_new(1 << 16);
    static const int32_t two[] = {1, -2};
    static const char want[] = "\0\0\0\1"
                               "\0\0\0\0"
                               "\0\0\0\x17"
                               "\0\0\0\2"
                               "\0\0\0\1"
                               "\0\0\0\4\0\0\0\1"
                               "\0\0\0\4\xff\xff\xff\xfe";
    struct db_param p = db_i32s(a, two, 2);
    assert_int_equal(p.type, 1007);
    assert_int_equal(p.binary.n, sizeof want - 1);
    assert_memory_equal(p.binary.p, want, sizeof want - 1);
    assert_int_equal(db_i64s(a, NULL, 0).binary.n, 12);
    arena_free(a);
    (void)state;
}

static void
test_texts_come_back_with_their_nulls(void **state)
{
    struct arena *a = arena_new(1 << 16);
    const struct slice in[] = {SLICE("a"), SLICE_NONE, SLICE(""), SLICE("\xc3\xa9")};
    PGresult *r = rows_of(texts_param(a, in, 4).binary);
    size_t n;
    struct slice *out = db_get_texts(&(struct db_rows){r}, 0, 0, a, &n);
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) {
        assert_true(slice_eq(out[i], in[i]));
        assert_int_equal(out[i].p == NULL, in[i].p == NULL);
    }
    PQclear(r);
    arena_free(a);
    (void)state;
}

static void
test_bytes_that_are_no_array_give_nothing(void **state)
{
    struct arena *a = arena_new(1 << 20);
    const struct slice in[] = {SLICE("first"), SLICE("second")};
    struct slice whole = texts_param(a, in, 2).binary;
    size_t n;
    for (size_t cut = 0; cut < whole.n; cut++) {
        PGresult *r = rows_of((struct slice){whole.p, cut});
        assert_null(db_get_texts(&(struct db_rows){r}, 0, 0, a, &n));
        assert_int_equal(n, 0);
        PQclear(r);
    }
    char *bad = malloc(whole.n);
    for (size_t at = 0; at < whole.n; at++) {
        memcpy(bad, whole.p, whole.n);
        bad[at] = (char)0x7f; /* whatever it says, it stays within the bytes */
        PGresult *r = rows_of((struct slice){bad, whole.n});
        (void)db_get_texts(&(struct db_rows){r}, 0, 0, a, &n);
        PQclear(r);
    }
    free(bad);
    arena_free(a);
    (void)state;
}

static void
test_what_does_not_fit_the_arena_has_no_type(void **state)
{
    static int64_t many[100000];
    static struct slice texts[100000];
    struct arena *a = arena_new(1000);
    assert_int_equal(db_i64s(a, many, 100000).type, 0);
    assert_int_equal(db_texts(a, texts, 100000).type, 0);
    arena_free(a);
    (void)state;
}

static void
test_text_that_postgresql_refuses_is_mended(void **state)
{
    const struct {
        struct slice in, out;
    } rows[] = {
        {SLICE("plain text of more than eight"), SLICE("plain text of more than eight")},
        {SLICE("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
         SLICE("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80")},
        {SLICE("a\0b"), SLICE("a?b")},
        {SLICE("12345678\0"), SLICE("12345678?")},
        {SLICE("\xff"), SLICE("?")},
        {SLICE("\xc3"), SLICE("?")},                /* cut */
        {SLICE("\xc0\xaf"), SLICE("??")},           /* overlong */
        {SLICE("\xe0\x80\xaf"), SLICE("???")},      /* overlong */
        {SLICE("\xed\xa0\x80"), SLICE("???")},      /* surrogate */
        {SLICE("\xf4\x90\x80\x80"), SLICE("????")}, /* beyond 10ffff */
        {SLICE("\xe2\x82z"), SLICE("??z")},
        {SLICE(""), SLICE("")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[64];
        assert_int_equal(db_text_is_clean(rows[i].in.p, rows[i].in.n),
                         slice_eq(rows[i].in, rows[i].out));
        db_text_clean(out, rows[i].in.p, rows[i].in.n);
        assert_memory_equal(out, rows[i].out.p, rows[i].out.n);
    }
    (void)state;
}

static void
test_the_schema_is_put_in_front_of_tables_and_nowhere_else(void **state)
{
    static const struct {
        const char *in, *out;
        bool script;
    } rows[] = {
        {"select tenant.a from tenant.alert", "select S.a from S.alert", false},
        {"tenant.x", "S.x", false},
        {"select mytenant.x, x.tenant.y, \"tenant.z\", tenant",
         "select mytenant.x, x.tenant.y, \"tenant.z\", tenant", false},
        {"create schema tenant", "create schema tenant", false},
        {"create schema tenant;\ncreate table tenant.a", "create schema S;\ncreate table S.a",
         true},
        {"drop schema\n tenant", "drop schema\n S", true},
        {"schema tenants", "schema tenants", true},
        {"myschema tenant", "myschema tenant", true},
    };
    struct oid oid = {{1, 2, 3}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char want[400], *at = want;
        for (const char *p = rows[i].out; *p != '\0'; p++)
            at += *p == 'S' ? sprintf(at, "t_%s", oid_format(&oid).s) : sprintf(at, "%c", *p);
        char *got = db_text_of(rows[i].in, &oid, rows[i].script);
        assert_string_equal(got, want);
        free(got);
        got = db_text_of(rows[i].in, NULL, rows[i].script);
        assert_string_equal(got, rows[i].in);
        free(got);
    }
    (void)state;
}

static void
test_the_book_drops_what_was_used_longest_ago_and_never_what_is_under_way(void **state)
{
    struct db_book b;
    struct oid t[4] = {{{1}}, {{2}}, {{3}}, {{4}}};
    static const char sql[] = "x";
    db_book_init(&b, 3);
    for (int i = 0; i < 3; i++)
        assert_non_null(db_book_add(&b, sql, &t[i], 1));
    assert_null(db_book_add(&b, sql, &t[3], 1)); /* all are under way */
    for (int i = 0; i < 3; i++)
        db_book_find(&b, sql, &t[i])->state = PREPARED_READY;
    assert_non_null(db_book_find(&b, sql, &t[0])); /* 1 is the oldest now */
    assert_non_null(db_book_add(&b, sql, &t[3], 2));
    assert_null(db_book_find(&b, sql, &t[1]));
    assert_int_equal(b.n_drops, 1);
    assert_int_equal(b.drops[0], 2);
    db_book_forget_tenant(&b, &t[3]); /* under way: forgotten when its answer comes */
    assert_true(db_book_find(&b, sql, &t[3])->doomed);
    db_book_forget_tenant(&b, &t[0]);
    assert_null(db_book_find(&b, sql, &t[0]));
    db_book_clear(&b);
    assert_int_equal(b.count, 0);
    db_book_fini(&b);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_come_back_as_they_went),
        cmocka_unit_test(test_an_array_is_written_as_the_server_reads_it),
        cmocka_unit_test(test_texts_come_back_with_their_nulls),
        cmocka_unit_test(test_bytes_that_are_no_array_give_nothing),
        cmocka_unit_test(test_what_does_not_fit_the_arena_has_no_type),
        cmocka_unit_test(test_text_that_postgresql_refuses_is_mended),
        cmocka_unit_test(test_the_schema_is_put_in_front_of_tables_and_nowhere_else),
        cmocka_unit_test(test_the_book_drops_what_was_used_longest_ago_and_never_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
