#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/crypto.h"
#include "serve/token.h"
#include "serve/token_form.h"

enum { NOW_S = 1575288000, HOUR_S = 3600 };

static struct arena *arena;
static struct token_key key, other;

static int
setup(void **state)
{
    (void)state;
    arena = arena_new(8 * 1024 * 1024);
    if (arena == NULL)
        return 1;
    key.kid = SLICE("weir-1");
    other.kid = SLICE("weir-1"); /* the same name, another key */
    struct err e = crypto_signing_key(arena, &key.private_pem, &key.public_pem);
    if (e.kind == ERR_NONE)
        e = crypto_signing_key(arena, &other.private_pem, &other.public_pem);
    return (int)e.kind;
}

static int
teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct slice roles[] = {{"Incident.Read.All", 17}, {"AdvancedHunting.Read.All", 24}};
static const struct slice ours[] = {{"https://api.security.microsoft.com", 34},
                                    {"https://127.0.0.1:8443", 22}};
static const struct token_audiences audiences = {ours, 2};

static struct token_claims
claims(void)
{
    return (struct token_claims){.issuer = SLICE("https://127.0.0.1:8443/x/"),
                                 .audience = SLICE("https://api.security.microsoft.com"),
                                 .tenant = SLICE("0b6f2c1e-8d24-4f6c-9c0a-3f1f2a7d5e11"),
                                 .client = SLICE("6c1f0f2e-52a1-4f0d-9d7b-0f6b7f0c9a11"),
                                 .roles = roles,
                                 .n_roles = 2,
                                 .issued_s = NOW_S,
                                 .not_before_s = NOW_S,
                                 .expires_s = NOW_S + HOUR_S};
}

static struct slice
signed_by(const struct token_key *k, const struct token_claims *c)
{
    struct slice token;
    struct err e = token_sign(k, c, arena, &token);
    assert_int_equal(e.kind, ERR_NONE);
    return token;
}

static struct err
verify(struct slice token, int64_t now_s, struct token_claims *out)
{
    return token_verify(token, &key, 1, &audiences, now_s, arena, out);
}

static void
test_what_was_signed_is_read_again(void **state)
{
    struct token_claims c = claims(), got;
    struct slice token = signed_by(&key, &c);
    assert_true(slice_eq(token_kid(token, arena), SLICE("weir-1")));
    assert_int_equal(verify(token, NOW_S, &got).kind, ERR_NONE);
    assert_true(slice_eq(got.tenant, c.tenant));
    assert_true(slice_eq(got.client, c.client));
    assert_true(slice_eq(got.audience, c.audience));
    assert_int_equal(got.n_roles, 2);
    assert_true(slice_eq(got.roles[1], roles[1]));
    assert_int_equal(got.expires_s, NOW_S + HOUR_S);
    (void)state;
}

static void
test_a_token_counts_between_its_times_and_a_minute_around(void **state)
{
    static const struct {
        int64_t now_s;
        const char *code;
    } cases[] = {
        {NOW_S - TOKEN_LEEWAY_S - 1, "token.early"},
        {NOW_S - TOKEN_LEEWAY_S, NULL},
        {NOW_S + HOUR_S + TOKEN_LEEWAY_S, NULL},
        {NOW_S + HOUR_S + TOKEN_LEEWAY_S + 1, "token.expired"},
    };
    struct token_claims c = claims(), got;
    struct slice token = signed_by(&key, &c);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err e = verify(token, cases[i].now_s, &got);
        assert_int_equal(e.kind, cases[i].code != NULL ? ERR_REJECT : ERR_NONE);
        if (cases[i].code != NULL)
            assert_string_equal(e.code, cases[i].code);
    }
    (void)state;
}

static void
test_a_token_for_another_service_is_refused(void **state)
{
    struct token_claims c = claims(), got;
    c.audience = SLICE("https://vault.azure.net");
    assert_string_equal(verify(signed_by(&key, &c), NOW_S, &got).code, "token.audience");
    c.audience = SLICE("https://API.security.microsoft.com/");
    assert_int_equal(verify(signed_by(&key, &c), NOW_S, &got).kind, ERR_NONE);
    (void)state;
}

static void
test_a_token_without_a_tenant_is_refused(void **state)
{
    struct token_claims c = claims(), got;
    c.tenant = SLICE_NONE;
    assert_string_equal(verify(signed_by(&key, &c), NOW_S, &got).code, "token.claims");
    (void)state;
}

static void
test_a_key_of_the_same_name_is_not_the_same_key(void **state)
{
    struct token_claims c = claims(), got;
    assert_string_equal(verify(signed_by(&other, &c), NOW_S, &got).code, "token.bad");
    (void)state;
}

static void
test_each_changed_letter_is_found(void **state)
{
    struct token_claims c = claims(), got;
    struct slice token = signed_by(&key, &c);
    for (size_t i = 0; i + 1 < token.n; i += 7) { /* the last letter holds unused bits */
        char *changed = slice_cstr(arena, token);
        assert_non_null(changed);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        if (changed[i] == token.p[i])
            continue;
        assert_int_equal(verify(slice_of(changed), NOW_S, &got).kind, ERR_REJECT);
    }
    (void)state;
}

/* {"typ":"JWT","alg":"none","kid":"weir-1"} and the like, with the claims of a good token. */
static struct slice
with_header(const char *header, const char *signature)
{
    struct token_claims c = claims();
    struct slice token = signed_by(&key, &c), rest = token;
    (void)slice_split(&rest, '.');
    struct slice body = slice_split(&rest, '.');
    return slice_printf(arena, "%s.%.*s.%s", header, SLICE_ARG(body), signature);
}

static void
test_the_token_does_not_choose_its_algorithm(void **state)
{
    static const char none[] = "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIiwia2lkIjoid2Vpci0xIn0";
    static const char hs256[] = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiIsImtpZCI6IndlaXItMSJ9";
    static const char es256[] = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiIsImtpZCI6IndlaXItMSJ9";
    struct token_claims got;
    assert_int_equal(verify(with_header(none, ""), NOW_S, &got).kind, ERR_REJECT);
    assert_int_equal(verify(with_header(none, "AAAA"), NOW_S, &got).kind, ERR_REJECT);
    assert_int_equal(verify(with_header(hs256, "AAAA"), NOW_S, &got).kind, ERR_REJECT);
    assert_int_equal(verify(with_header(es256, ""), NOW_S, &got).kind, ERR_REJECT);
    assert_true(slice_eq(token_kid(with_header(es256, "AAAA"), arena), key.kid));
    assert_null(token_kid(with_header(es256, ""), arena).p); /* libjwt must not see it */
    assert_null(token_kid(with_header(hs256, "AAAA"), arena).p);
    (void)state;
}

static void
test_what_is_no_token_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        ".",
                                        "..",
                                        "...",
                                        "a.b.c",
                                        "a.b",
                                        "e30.e30.e30",
                                        "eyJhbGciOiJFUzI1NiJ9.e30.AA",
                                        "\xff.\xff.\xff"};
    struct token_claims got;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_string_equal(verify(slice_of(texts[i]), NOW_S, &got).code, "token.bad");
    (void)state;
}

static void
test_a_bearer_token_is_found_however_it_is_sent(void **state)
{
    static const struct {
        const char *header, *token;
    } cases[] = {
        {"Bearer abc", "abc"},      {"bearer abc", "abc"}, {"abc", "abc"},
        {"  Bearer   abc ", "abc"}, {"Basic abc", NULL},   {"", NULL},
        {"Bearer ", "Bearer"},      {NULL, NULL},          {"Bearer a b", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice got = token_bearer(slice_of(cases[i].header));
        assert_int_equal(got.p != NULL, cases[i].token != NULL);
        if (cases[i].token != NULL)
            assert_true(slice_eq(got, slice_of(cases[i].token)));
    }
    (void)state;
}

static void
test_one_of_the_roles_is_enough_and_the_plural_counts(void **state)
{
    static const char *const wanted[] = {"Incident.Read.All", "Incident.ReadWrite.All", NULL};
    static const struct {
        const char *role;
        bool enough;
    } cases[] = {{"Incident.Read.All", true},
                 {"Incident.ReadWrite.All", true},
                 {"Incidents.Read.All", true},
                 {"Incidents.ReadWrite.All", true},
                 {"AdvancedHunting.Read.All", false},
                 {"incident.read.all", false},
                 {"Incident.Read", false},
                 {"Incidents.", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice role = slice_of(cases[i].role);
        const struct token_claims c = {.roles = &role, .n_roles = 1};
        assert_int_equal(token_has_role(&c, wanted), cases[i].enough);
    }
    assert_false(token_has_role(&(const struct token_claims){.n_roles = 0}, wanted));
    (void)state;
}

/* ---- the form of a token request */

static void
test_a_token_form_gives_client_and_audience(void **state)
{
    struct token_form f;
    struct token_refusal why;
    assert_true(token_form_read(SLICE("grant_type=client_credentials&client_id=ABC&client_secret="
                                      "s%2Bx&scope=https%3A%2F%2Fapi%2F.default"),
                                true, arena, &f, &why));
    assert_true(slice_eq(f.client_id, SLICE("abc")));
    assert_true(slice_eq(f.secret, SLICE("s+x")));
    assert_true(slice_eq(f.audience, SLICE("https://api")));
    assert_true(token_form_read(SLICE("grant_type=client_credentials&client_id=ABC&client_secret="
                                      "s&resource=https://api"),
                                false, arena, &f, &why));
    assert_true(slice_eq(f.audience, SLICE("https://api")));
    (void)state;
}

static void
test_a_wrong_token_form_is_refused_as_the_directory_does(void **state)
{
    static const struct {
        const char *body, *error;
        int32_t code;
    } cases[] = {
        {"", "invalid_request", 900144},
        {"grant_type=", "invalid_request", 900144},
        {"grant_type=%zz", "invalid_request", 90011},
        {"grant_type=password", "unsupported_grant_type", 70003},
        {"grant_type=client_credentials&client_secret=s&scope=x/.default", "invalid_request",
         900144},
        {"grant_type=client_credentials&client_id=c&scope=x/.default", "invalid_request", 900144},
        {"grant_type=client_credentials&client_id=c&client_secret=s", "invalid_request", 900144},
        {"grant_type=client_credentials&client_id=c&client_secret=s&scope=openid", "invalid_scope",
         70011},
        {"grant_type=client_credentials&client_id=c&client_secret=s&scope=/.default",
         "invalid_scope", 70011},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct token_form f;
        struct token_refusal why;
        assert_false(token_form_read(slice_of(cases[i].body), true, arena, &f, &why));
        assert_string_equal(why.error, cases[i].error);
        assert_int_equal(why.code, cases[i].code);
        assert_int_equal(why.status, 400);
        assert_true(strlen(why.text) > 10);
    }
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_signed_is_read_again),
        cmocka_unit_test(test_a_token_counts_between_its_times_and_a_minute_around),
        cmocka_unit_test(test_a_token_for_another_service_is_refused),
        cmocka_unit_test(test_a_token_without_a_tenant_is_refused),
        cmocka_unit_test(test_a_key_of_the_same_name_is_not_the_same_key),
        cmocka_unit_test(test_each_changed_letter_is_found),
        cmocka_unit_test(test_the_token_does_not_choose_its_algorithm),
        cmocka_unit_test(test_what_is_no_token_is_refused),
        cmocka_unit_test(test_a_bearer_token_is_found_however_it_is_sent),
        cmocka_unit_test(test_one_of_the_roles_is_enough_and_the_plural_counts),
        cmocka_unit_test(test_a_token_form_gives_client_and_audience),
        cmocka_unit_test(test_a_wrong_token_form_is_refused_as_the_directory_does),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
