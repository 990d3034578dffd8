#include "ingest/trouble.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
test_the_log_names_nobody(void **state)
{
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"https://contoso.portal.example/api/v1/alerts/: Timeout was reached",
         "...: Timeout was reached"},
        {"https://login.example/0f0f0f0f-1111-2222-3333-444444444444/oauth2/token: cut",
         "...: cut"},
        {"403 Forbidden: anna@contoso.com and CONTOSO\\anna may not read",
         "403 Forbidden: ... and ... may not read"},
        {"the machine 4899036531e374137f63289c3267bad772c13fef is gone", "the machine ... is gone"},
        {"id 11111111-2222-3333-4444-555555555555; (11111111-2222-3333-4444-555555555555)",
         "id ...; ...)"},
        {"caf\xc3\xa9s are words of somebody", "... are words of somebody"},
        /* what an administrator has to do stays */
        {"403: grant Alert.Read.All (WindowsDefenderATP) in App registrations > API permissions, "
         "with admin consent",
         "403: grant Alert.Read.All (WindowsDefenderATP) in App registrations > API permissions, "
         "with admin consent"},
        {"audit logging is off: run Set-AdminAuditLogConfig -UnifiedAuditLogIngestionEnabled $true",
         "audit logging is off: run Set-AdminAuditLogConfig -UnifiedAuditLogIngestionEnabled "
         "$true"},
        {"AADSTS7000222: the client secret has expired: make a new one",
         "AADSTS7000222: the client secret has expired: make a new one"},
        {"available from 2019-12-02T10:15:04.1234567Z to 2019-12-03T00:00:00Z is lost",
         "available from 2019-12-02T10:15:04.1234567Z to 2019-12-03T00:00:00Z is lost"},
        {"two  blanks and one at the end ", "two  blanks and one at the end "},
        {"::", "::"},
        {"", ""},
        {"\x01", "\x01"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = err_make(ERR_RETRY, "mail.server", "%s", rows[i].text);
        e.after_ms = 7;
        struct err said = trouble_for_log(&e);
        assert_string_equal(said.text, rows[i].said);
        assert_int_equal(said.kind, ERR_RETRY);
        assert_string_equal(said.code, "mail.server");
        assert_int_equal(said.after_ms, 7);
    }
}

static void
test_a_text_of_any_words_does_not_grow(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof((struct err *)0)->text; n++)
        for (int of = 0; of < 4; of++) {
            struct err e = {.kind = ERR_RETRY, .code = "x"};
            memset(e.text, "@ :1"[of], n);
            struct err said = trouble_for_log(&e);
            assert_true(strlen(said.text) <= n);
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_log_names_nobody),
        cmocka_unit_test(test_a_text_of_any_words_does_not_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
