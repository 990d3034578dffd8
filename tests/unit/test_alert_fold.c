#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/alert.h"

struct row {
    const char *text, *folded; /* NULL: none */
};

static void
assert_rows(struct slice (*fold)(struct slice s, struct arena *a), const struct row *rows, size_t n)
{
    struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < n; i++) {
        struct slice got = fold(slice_of(rows[i].text), a);
        struct slice want = slice_of(rows[i].folded);
        if ((got.p == NULL) != (want.p == NULL) || got.n != want.n ||
            (got.n > 0 && !slice_eq(got, want)))
            fail_msg("\"%s\" gave \"%.*s\", expected \"%s\"", rows[i].text, SLICE_ARG(got),
                     rows[i].folded != NULL ? rows[i].folded : "(none)");
    }
    assert_null(fold(SLICE_NONE, a).p);
    arena_free(a);
}

#define ASSERT_ROWS(fold, rows) assert_rows(fold, rows, sizeof(rows) / sizeof(rows)[0])

static void
test_an_address_of_a_user_is_lower_case_without_brackets(void **state)
{
    static const struct row rows[] = {
        {" <Anna@Contoso.COM> ", "anna@contoso.com"},
        {"anna@contoso.com", "anna@contoso.com"},
        {"ext_x.org#EXT#@c.onmicrosoft.com", "ext_x.org#ext#@c.onmicrosoft.com"},
        {"anna", NULL},
        {"@contoso.com", NULL},
        {"anna@", NULL},
        {"a@b@c", NULL},
        {"Anna <anna@contoso.com>", NULL},
        {"an na@contoso.com", NULL},
        {"", NULL},
    };
    ASSERT_ROWS(alert_fold_upn, rows);
    (void)state;
}

static void
test_a_host_is_lower_case_without_the_final_dot(void **state)
{
    static const struct row rows[] = {
        {" Host1.Contoso.COM. ", "host1.contoso.com"}, {"DC1", "dc1"}, {".", NULL}, {"  ", NULL}};
    ASSERT_ROWS(alert_fold_host, rows);
    (void)state;
}

static void
test_a_guid_is_lower_case_without_braces(void **state)
{
    static const struct row rows[] = {
        {"{6204BDAF-AD46-4E99-A25D-374A0532C666}", "6204bdaf-ad46-4e99-a25d-374a0532c666"},
        {"6204bdaf-ad46-4e99-a25d-374a0532c666", "6204bdaf-ad46-4e99-a25d-374a0532c666"},
        {"6204bdaf-ad46-4e99-a25d-374a0532c66", NULL}, /* 35 characters were printed once */
        {"6204bdafaad46-4e99-a25d-374a0532c666", NULL},
        {"6204bdaf-ad46-4e99-a25d-374a0532c66g", NULL},
        {"", NULL},
    };
    ASSERT_ROWS(alert_fold_guid, rows);
    (void)state;
}

static void
test_a_hash_is_lower_hex_of_a_known_length(void **state)
{
    static const struct row rows[] = {
        {"B6D237154F2E528F0B503B58B025862D66B02B73", "b6d237154f2e528f0b503b58b025862d66b02b73"},
        {"d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e"},
        {"FD46705C4F67A8EF16E76259CA6D6253241E51A1F8952223145F92AA1907D356",
         "fd46705c4f67a8ef16e76259ca6d6253241e51a1f8952223145f92aa1907d356"},
        {"111", NULL},
        {"b6d237154f2e528f0b503b58b025862d66b02b7z", NULL},
        {"", NULL},
    };
    ASSERT_ROWS(alert_fold_hash, rows);
    (void)state;
}

static void
test_an_address_is_canonical_and_mapped_ones_are_version_4(void **state)
{
    static const struct row rows[] = {
        {" 192.0.2.1 ", "192.0.2.1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::FFFF:c000:0201", "192.0.2.1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"[2001:db8::1]:443", "2001:db8::1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"192.0.2.1:51234", "192.0.2.1"},
        {"fe80::1%eth0", "fe80::1"},
        {"192.0.2.256", NULL},
        {"192.0.2", NULL},
        {"192.0.2.1:http", NULL},
        {"[2001:db8::1", NULL},
        {"host", NULL},
        {"", NULL},
    };
    ASSERT_ROWS(alert_fold_ip, rows);
    (void)state;
}

static void
test_a_link_is_folded_and_safe_links_are_unwrapped(void **state)
{
    static const struct row rows[] = {
        {"HTTP://Example.COM:80/A/b?C=d#top", "http://example.com/A/b?C=d"},
        {"https://example.com:443", "https://example.com"},
        {"https://example.com:8443/x", "https://example.com:8443/x"},
        {"http://example.com:443/", "http://example.com:443/"},
        {"https://User:Pw@Example.com/x", "https://User:Pw@example.com/x"},
        {"Example.com/Path", "example.com/Path"},
        {"https://[2001:DB8::1]:443/x", "https://[2001:db8::1]/x"},
        {"https://EUR01.safelinks.protection.outlook.com/?url="
         "https%3A%2F%2FWww.Contoso.com%2Fa%3Fb%3Dc&data=02%7C01&reserved=0",
         "https://www.contoso.com/a?b=c"},
        {"https://nam.safelinks.protection.outlook.com/?data=1&amp;url=http%3a%2f%2fa.example%2f",
         "http://a.example/"},
        /* wrapped twice */
        {"https://a.safelinks.protection.outlook.com/?url=https%3A%2F%2Fb.safelinks.protection."
         "outlook.com%2F%3Furl%3Dhttp%253A%252F%252Fx.example%252F",
         "http://x.example/"},
        /* not Safe Links: another host that only looks so */
        {"https://evilsafelinks.protection.outlook.com/?url=http%3A%2F%2Fx",
         "https://evilsafelinks.protection.outlook.com/?url=http%3A%2F%2Fx"},
        /* broken wrapping stays as it is */
        {"https://a.safelinks.protection.outlook.com/?url=http%3",
         "https://a.safelinks.protection.outlook.com/?url=http%3"},
        {"https://a.safelinks.protection.outlook.com/?url=a%00b",
         "https://a.safelinks.protection.outlook.com/?url=a%00b"},
        {"https://a.safelinks.protection.outlook.com/",
         "https://a.safelinks.protection.outlook.com/"},
        {"mailto:Anna@contoso.com", "mailto:Anna@contoso.com"},
        {"  ", NULL},
        {"", NULL},
        {"#only", NULL},
    };
    ASSERT_ROWS(alert_fold_url, rows);
    (void)state;
}

/* Found by fuzzing: a link that was unwrapped half was another one each time it was folded. */
static void
test_a_link_that_is_wrapped_without_end_stays_wrapped(void **state)
{
    struct arena *a = arena_new(4 << 20);
    for (size_t layers = 1; layers < 40; layers++) {
        struct slice link = SLICE("http://x.example/");
        for (size_t i = 0; i < layers; i++)
            link = slice_printf(a, "https://a.safelinks.protection.outlook.com/?url=%.*s",
                                SLICE_ARG(link));
        struct slice once = alert_fold_url(link, a), twice = alert_fold_url(once, a);
        assert_true(slice_eq(once, twice));
        assert_true(slice_eq(once, layers <= 16 ? SLICE("http://x.example/") : link));
    }
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_address_of_a_user_is_lower_case_without_brackets),
        cmocka_unit_test(test_a_host_is_lower_case_without_the_final_dot),
        cmocka_unit_test(test_a_guid_is_lower_case_without_braces),
        cmocka_unit_test(test_a_hash_is_lower_hex_of_a_known_length),
        cmocka_unit_test(test_an_address_is_canonical_and_mapped_ones_are_version_4),
        cmocka_unit_test(test_a_link_is_folded_and_safe_links_are_unwrapped),
        cmocka_unit_test(test_a_link_that_is_wrapped_without_end_stays_wrapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
