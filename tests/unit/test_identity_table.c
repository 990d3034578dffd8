#include "ingest/identity_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { OF_2019 = 34, LATER = 35, FIRST_2019 = 2002, LAST_2019 = 2039 };

/* Bits of alert.tactics: correlation.md 3. */
enum { EX = 1 << 2, PE = 1 << 3, PR = 1 << 4, DE = 1 << 5, CA = 1 << 6, DI = 1 << 7, LM = 1 << 8 };
enum { XF = 1 << 11, C2 = 1 << 10, IA = 1 << 1, CO = 1 << 9 };

static void
test_all_types_of_2019_and_the_later_ones_are_there(void **state)
{
    size_t n, of_2019 = 0;
    const struct identity_type *t = identity_table(&n);
    for (size_t i = 0; i < n; i++) {
        of_2019 += t[i].id >= FIRST_2019 && t[i].id <= LAST_2019 ? 1 : 0;
        assert_true(i == 0 || t[i].id > t[i - 1].id);
        assert_true(t[i].tactics != 0 && t[i].severity != SEVERITY_UNKNOWN);
    }
    assert_int_equal(of_2019, OF_2019);
    assert_int_equal(n - of_2019, LATER);
    (void)state;
}

static void
test_rows_say_what_the_guide_says(void **state)
{
    static const struct {
        int id;
        enum severity severity;
        const char *category;
        int tactics;
        const char *techniques;
    } rows[] = {
        {2002, SEVERITY_MEDIUM, "LateralMovement", LM, "T1210 T1550.002 T1550.003"},
        {2006, SEVERITY_HIGH, "CredentialAccess", CA | PE, "T1003.006"},
        {2009, SEVERITY_MEDIUM, "Persistence", PE | PR | LM, "T1558.001"},
        {2013, SEVERITY_HIGH, "CredentialAccess", CA, "T1558.001"},
        {2026, SEVERITY_MEDIUM, "Execution", EX | PE | PR | DE | LM,
         "T1021 T1059 T1569.002 T1543.003"},
        {2030, SEVERITY_HIGH, "Exfiltration", XF | LM | C2, "T1048.003 T1570"},
        {2036, SEVERITY_MEDIUM, "LateralMovement", LM | PR, "T1068 T1210"},
        {2038, SEVERITY_MEDIUM, "Discovery", DI | CA, "T1087.002"},
        {1106, SEVERITY_HIGH, "PrivilegeEscalation", PR, "T1134.005"},
        {2047, SEVERITY_HIGH, "LateralMovement", LM | PE | PR, ""},
        {2418, SEVERITY_HIGH, "CredentialAccess", CA | CO, "T1557.001"},
        {2429, SEVERITY_LOW, "Discovery", DI, "T1087.002"},
        {2432, SEVERITY_HIGH, "DefenseEvasion", DE | PE | PR | IA, "T1078"},
        {2434, SEVERITY_MEDIUM, "DefenseEvasion", DE, "T1562.002"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct identity_type *t = identity_type_of_id(rows[i].id);
        assert_non_null(t);
        assert_int_equal(t->severity, rows[i].severity);
        assert_string_equal(t->category, rows[i].category);
        assert_int_equal(t->tactics, rows[i].tactics);
        assert_string_equal(t->techniques, rows[i].techniques);
    }
    (void)state;
}

/* The class ids of the product, with the type each names; 0: several share it. */
static void
test_each_class_id_names_its_type_or_none(void **state)
{
    static const struct {
        const char *name;
        int id;
    } rows[] = {
        {"AccountEnumeration", 2003},
        {"DnsReconnaissance", 2007},
        {"SamrReconnaissance", 2021},
        {"LdapSearchReconnaissance", 2038},
        {"HoneytokenActivity", 2014},
        {"BruteForce", 2023},
        {"LdapBruteForce", 2004},
        {"AbnormalVpn", 2025},
        {"AbnormalProtocol", 0},
        {"EncryptionDowngrade", 0},
        {"GoldenTicketEncryptionDowngrade", 2009},
        {"ForgedPac", 2013},
        {"ForgedPrincipal", 2027},
        {"GoldenTicket", 2022},
        {"GoldenTicketSizeAnomaly", 2032},
        {"PassTheHash", 2017},
        {"PassTheTicket", 2018},
        {"AbnormalNtlmSigning", 2039},
        {"RemoteExecution", 2019},
        {"DnsRemoteCodeExecution", 2036},
        {"MaliciousServiceCreation", 2026},
        {"AbnormalSensitiveGroupMembershipChange", 2024},
        {"RetrieveDataProtectionBackupKey", 2020},
        {"DirectoryServicesReplication", 2006},
        {"DirectoryServicesRoguePromotion", 2028},
        {"DirectoryServicesRogueReplication", 2029},
        {"SmbDataExfiltration", 2030},
        {"DnsSuspiciousCommunication", 2031},
    };
    struct arena *a = arena_new(1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct identity_type *t =
            identity_type_of_title(slice_printf(a, "%sSecurityAlert", rows[i].name));
        if ((t != NULL ? t->id : 0) != rows[i].id)
            fail_msg("%s: %d", rows[i].name, t != NULL ? t->id : 0);
    }
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_types_of_2019_and_the_later_ones_are_there),
        cmocka_unit_test(test_rows_say_what_the_guide_says),
        cmocka_unit_test(test_each_class_id_names_its_type_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
