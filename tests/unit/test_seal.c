#include "common/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct oid TENANT = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
static const char PLACE[] = "pg|alert|raw|1:abc";

struct bench {
    struct arena *a;
    struct conf *conf;
    struct seal *seal;
};

static int
setup(void **state)
{
    static const struct opt *const tables[] = {seal_opts, NULL};
    struct bench *b = calloc(1, sizeof *b);
    b->a = arena_new((size_t)256 << 20);
    struct err e = conf_load(tables, "/dev/null", NULL, &b->conf);
    if (!e.kind)
        e = seal_new(b->conf, &b->seal);
    *state = b;
    return e.kind ? -1 : 0;
}

static int
teardown(void **state)
{
    struct bench *b = *state;
    seal_free(b->seal);
    conf_free(b->conf);
    arena_free(b->a);
    free(b);
    return 0;
}

static struct slice
sealed(struct bench *b, struct slice plain)
{
    struct slice out;
    struct err e = seal_close(b->seal, &TENANT, 7, SEAL_RAW, slice_of(PLACE), plain, b->a, &out);
    assert_int_equal(e.kind, ERR_NONE);
    return out;
}

static struct err
opened(struct bench *b, struct slice envelope, struct slice *out)
{
    return seal_open(b->seal, &TENANT, 7, SEAL_RAW, slice_of(PLACE), envelope, b->a, out);
}

static void
test_what_was_sealed_opens_again(void **state)
{
    struct bench *b = *state;
    static char many[100000];
    const struct slice rows[] = {
        SLICE(""), SLICE("x"), SLICE("abcd"), SLICE("a\0b"), {many, sizeof many}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice out;
        struct err e = opened(b, sealed(b, rows[i]), &out);
        assert_int_equal(e.kind, ERR_NONE);
        assert_non_null(out.p);
        assert_true(slice_eq(out, rows[i]));
    }
}

static void
test_the_header_is_laid_out_as_agreed(void **state)
{
    struct slice s = sealed(*state, SLICE("payload"));
    static const char expected[60] =
        "WEI1\0\0\0\1\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\0\0\0\7";
    assert_int_equal(s.n, 60 + 7 + 16);
    assert_memory_equal(s.p, expected, 60);
    assert_memory_equal(s.p + 60, "payload", 7);
}

static void
test_lz4_is_used_where_it_makes_it_smaller(void **state)
{
    static char zeros[4096];
    struct slice small = sealed(*state, (struct slice){zeros, sizeof zeros});
    assert_true(small.n < 200);
    assert_int_equal(small.p[5], 1);
    assert_memory_equal(small.p + 60, "\0\0\x10\0", 4);
    struct slice plain = sealed(*state, SLICE("0123456789abcdefghijk"));
    assert_int_equal(plain.p[5], 0);
    assert_int_equal(plain.n, 60 + 21 + 16);
}

static void
assert_bad(struct err e, struct slice out)
{
    assert_int_equal(e.kind, ERR_REJECT);
    assert_string_equal(e.code, "seal.bad");
    assert_null(out.p);
}

static void
test_another_tenant_epoch_purpose_or_place_does_not_open(void **state)
{
    struct bench *b = *state;
    struct slice s = sealed(b, SLICE("secret")), out;
    struct oid other = TENANT;
    other.b[15] ^= 1;
    struct slice place = slice_of(PLACE);
    assert_bad(seal_open(b->seal, &other, 7, SEAL_RAW, place, s, b->a, &out), out);
    assert_bad(seal_open(b->seal, &TENANT, 8, SEAL_RAW, place, s, b->a, &out), out);
    assert_bad(seal_open(b->seal, &TENANT, 7, SEAL_DEAD, place, s, b->a, &out), out);
    assert_bad(seal_open(b->seal, &TENANT, 7, SEAL_RAW, SLICE("pg|alert|raw|1:abd"), s, b->a, &out),
               out);
    assert_bad(seal_open(b->seal, &TENANT, 7, SEAL_RAW, SLICE_NONE, s, b->a, &out), out);
}

static void
test_place_and_payload_cannot_trade_bytes(void **state)
{
    struct bench *b = *state;
    struct slice one, two;
    struct err e = seal_close(b->seal, &TENANT, 7, SEAL_RAW, SLICE("ab"), SLICE("c"), b->a, &one);
    assert_int_equal(e.kind, ERR_NONE);
    e = seal_close(b->seal, &TENANT, 7, SEAL_RAW, SLICE("a"), SLICE("bc"), b->a, &two);
    assert_int_equal(e.kind, ERR_NONE);
    assert_memory_not_equal(one.p + one.n - 16, two.p + two.n - 16, 16);
}

static void
test_every_change_of_one_byte_is_refused(void **state)
{
    struct bench *b = *state;
    static char zeros[300];
    const struct slice rows[] = {SLICE("some text"), {zeros, sizeof zeros}};
    for (size_t row = 0; row < 2; row++) {
        struct slice s = sealed(b, rows[row]);
        char *copy = malloc(s.n);
        memcpy(copy, s.p, s.n);
        for (size_t i = 0; i < s.n; i++)
            for (int bit = 0; bit < 8; bit++) {
                struct slice out;
                copy[i] = (char)(copy[i] ^ (1 << bit));
                assert_bad(opened(b, (struct slice){copy, s.n}, &out), out);
                copy[i] = (char)(copy[i] ^ (1 << bit));
            }
        free(copy);
    }
}

static void
test_every_cut_and_addition_is_refused(void **state)
{
    struct bench *b = *state;
    struct slice s = sealed(b, SLICE("some text")), out;
    for (size_t n = 0; n < s.n; n++)
        assert_bad(opened(b, slice_sub(s, 0, n), &out), out);
    assert_bad(opened(b, slice_join(b->a, s, SLICE("x")), &out), out);
    assert_bad(opened(b, SLICE_NONE, &out), out);
}

static void
test_too_much_is_refused_and_no_memory_is_tried_again(void **state)
{
    struct bench *b = *state;
    struct slice out;
    struct err e = seal_close(b->seal, &TENANT, 7, SEAL_RAW, SLICE("p"),
                              (struct slice){"", ((size_t)64 << 20) + 1}, b->a, &out);
    assert_int_equal(e.kind, ERR_REJECT);
    assert_string_equal(e.code, "seal.size");
    struct arena *small = arena_new(64);
    e = seal_close(b->seal, &TENANT, 7, SEAL_RAW, SLICE("p"), SLICE("x"), small, &out);
    assert_int_equal(e.kind, ERR_RETRY);
    assert_string_equal(e.code, "seal.memory");
    static char zeros[300];
    struct slice s = sealed(b, (struct slice){zeros, sizeof zeros});
    e = seal_open(b->seal, &TENANT, 7, SEAL_RAW, slice_of(PLACE), s, small, &out);
    assert_int_equal(e.kind, ERR_RETRY);
    arena_free(small);
}

static void
test_a_mode_this_build_does_not_know_stops_the_start(void **state)
{
    static const struct opt *const tables[] = {seal_opts, NULL};
    static const char *const flags[] = {"keys.mode=service", NULL};
    struct conf *c = NULL;
    struct seal *s = NULL;
    struct err e = conf_load(tables, "/dev/null", flags, &c);
    assert_int_equal(e.kind, ERR_NONE);
    e = seal_new(c, &s);
    assert_int_equal(e.kind, ERR_STOP);
    assert_string_equal(e.code, "seal.mode");
    assert_null(s);
    conf_free(c);
    (void)state;
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_what_was_sealed_opens_again),
        TEST(test_the_header_is_laid_out_as_agreed),
        TEST(test_lz4_is_used_where_it_makes_it_smaller),
        TEST(test_another_tenant_epoch_purpose_or_place_does_not_open),
        TEST(test_place_and_payload_cannot_trade_bytes),
        TEST(test_every_change_of_one_byte_is_refused),
        TEST(test_every_cut_and_addition_is_refused),
        TEST(test_too_much_is_refused_and_no_memory_is_tried_again),
        TEST(test_a_mode_this_build_does_not_know_stops_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
