#include "serve/claims.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto.h"

#define BEARER "Authorization: Bearer "

/* base64url without padding, as a token has it. */
static struct slice
base64url(struct arena *a, const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t n = strlen(text), out = 0;
    char *made = arena_alloc(a, n * 2 + 4);
    assert_non_null(made);
    for (size_t bit = 0; bit < n * 8; bit += 6) {
        unsigned value = 0;
        for (size_t b = bit; b < bit + 6; b++)
            value = value << 1 |
                    (b < n * 8 ? (unsigned)(unsigned char)text[b / 8] >> (7 - b % 8) & 1U : 0);
        made[out++] = digits[value];
    }
    return (struct slice){made, out};
}

static bool
read(struct arena *a, const char *claims, struct claims *out)
{
    struct slice body = base64url(a, claims);
    return claims_read(slice_printf(a, BEARER "eyJhbGciOiJub25lIn0.%.*s.c2ln", SLICE_ARG(body)), a,
                       out);
}

static void
test_what_a_token_says_of_itself_is_read(void **state)
{
    struct arena *a = arena_new(1 << 20);
    struct claims c;
    assert_true(
        read(a,
             "{\"aud\":\"https://manage.office.com\",\"tid\":\"3f2a8c1e\",\"exp\":1579000000,"
             "\"roles\":[\"ActivityFeed.Read\",7,\"\",\"Other\"],\"x\":\"\xc3\xbf~?\"}",
             &c));
    assert_true(slice_eq(c.audience, SLICE("https://manage.office.com")));
    assert_true(slice_eq(c.tenant, SLICE("3f2a8c1e")));
    assert_int_equal(c.expires_s, 1579000000);
    assert_int_equal(c.n_roles, 2);
    assert_true(slice_eq(c.roles[0], SLICE("ActivityFeed.Read")));
    assert_true(slice_eq(c.roles[1], SLICE("Other")));
    arena_free(a);
    (void)state;
}

static void
test_wrong_types_are_as_if_they_were_not_there(void **state)
{
    struct arena *a = arena_new(1 << 20);
    struct claims c;
    assert_true(read(a, "{\"aud\":7,\"roles\":\"Alert.Read.All\",\"exp\":-5}", &c));
    assert_null(c.audience.p);
    assert_int_equal(c.n_roles, 0);
    assert_int_equal(c.expires_s, 0);
    arena_free(a);
    (void)state;
}

static void
test_more_roles_than_are_kept_are_left_out(void **state)
{
    struct arena *a = arena_new(1 << 20);
    struct claims c;
    struct slice list = SLICE("\"r\"");
    for (int i = 0; i < 3 * CLAIMS_ROLES_MAX; i++)
        list = slice_join(a, list, SLICE(",\"r\""));
    assert_true(read(a, slice_printf(a, "{\"roles\":[%.*s]}", SLICE_ARG(list)).p, &c));
    assert_int_equal(c.n_roles, CLAIMS_ROLES_MAX);
    arena_free(a);
    (void)state;
}

static void
test_a_token_that_is_no_jwt_says_nothing(void **state)
{
    static const char *const rows[] = {
        "",
        "Authorization: Token 0123456789abcdef",
        BEARER,
        BEARER "opaque",
        BEARER "a.b",
        BEARER "a..c",
        BEARER ".e30.c",
        BEARER "a.e.c",
        BEARER "a.e3.c",
        BEARER "a.####.c",
        BEARER "a.W10.c", /* a list */
        BEARER "a.N3w.c",
    };
    struct arena *a = arena_new(1 << 20);
    struct claims c;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (claims_read(slice_of(rows[i]), a, &c))
            fail_msg("\"%s\" was read", rows[i]);
    assert_true(claims_read(SLICE(BEARER "a.e30.c"), a, &c)); /* {} */
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_token_says_of_itself_is_read),
        cmocka_unit_test(test_wrong_types_are_as_if_they_were_not_there),
        cmocka_unit_test(test_more_roles_than_are_kept_are_left_out),
        cmocka_unit_test(test_a_token_that_is_no_jwt_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
