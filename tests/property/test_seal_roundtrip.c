/* Law: open(close(x)) = x for any bytes at any place; any damage and any other place is refused. */
#include "common/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CASES = 2000, PLAIN_MAX = 5000, PLACE_MAX = 40 };

static uint64_t
seed_print(void)
{
    const char *text = getenv("SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* splitmix64 */
static uint64_t
next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Few different bytes, so that some pack and some do not. */
static struct slice
bytes(uint64_t *state, struct arena *a, size_t most)
{
    size_t n = next(state) % (most + 1);
    uint64_t kinds = next(state) % 2 == 0 ? 256 : 1 + next(state) % 4;
    char *p = arena_alloc(a, n);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(next(state) % kinds);
    return (struct slice){p, n};
}

static void
one_case(struct seal *s, struct arena *a, uint64_t *state)
{
    struct slice plain = bytes(state, a, PLAIN_MAX), place = bytes(state, a, PLACE_MAX), sealed,
                 out;
    struct oid oid;
    for (size_t i = 0; i < OID_BYTES; i++)
        oid.b[i] = (uint8_t)next(state);
    int32_t epoch = (int32_t)(next(state) % 1000);
    enum seal_purpose purpose = (enum seal_purpose)(1 + next(state) % 9);
    struct err e = seal_close(s, &oid, epoch, purpose, place, plain, a, &sealed);
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(sealed.n <= plain.n + 76);
    e = seal_open(s, &oid, epoch, purpose, place, sealed, a, &out);
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(out.p != NULL && slice_eq(out, plain));

    struct slice other = slice_join(a, place, SLICE("x"));
    e = seal_open(s, &oid, epoch, purpose, other, sealed, a, &out);
    assert_string_equal(e.code, "seal.bad");
    struct slice copy = slice_dup(a, sealed);
    ((char *)(uintptr_t)copy.p)[next(state) % copy.n] ^= (char)(1 + next(state) % 255);
    e = seal_open(s, &oid, epoch, purpose, place, copy, a, &out);
    assert_string_equal(e.code, "seal.bad");
    assert_null(out.p);
}

static void
test_what_was_sealed_opens_and_nothing_else_does(void **unused)
{
    static const struct opt *const tables[] = {seal_opts, NULL};
    struct conf *c = NULL;
    struct seal *s = NULL;
    uint64_t state = seed_print();
    struct arena *a = arena_new(1 << 20);
    struct err e = conf_load(tables, "/dev/null", NULL, &c);
    assert_int_equal(e.kind, ERR_NONE);
    e = seal_new(c, &s);
    assert_int_equal(e.kind, ERR_NONE);
    for (int i = 0; i < CASES; i++) {
        one_case(s, a, &state);
        arena_reset(a);
    }
    seal_free(s);
    conf_free(c);
    arena_free(a);
    (void)unused;
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_sealed_opens_and_nothing_else_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
