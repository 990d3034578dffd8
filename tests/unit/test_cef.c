#include "ingest/cef.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/identity_table.h"

static int
arena_setup(void **state)
{
    *state = arena_new((size_t)16 << 20);
    return *state == NULL ? -1 : 0;
}

static int
arena_teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static void
assert_slice(struct slice got, const char *expected)
{
    if (expected == NULL) {
        assert_null(got.p);
        return;
    }
    if (!slice_eq(got, slice_of(expected)))
        fail_msg("got \"%.*s\", expected \"%s\"", SLICE_ARG(got), expected);
}

static void
test_header_fields_are_found_behind_anything(void **state)
{
    static const char *const before[] = {
        "<36>1 2020-01-14T09:19:27.540731+00:00 DC1 CEF 6076 X \xef\xbb\xbf"
        "0",
        "<36>Feb 21 14:19:27 CENTER CEF:0",
        "May  3 10:35:01 CENTER ATA:CEF:0",
        "CEF[6076]: 0",
        "\xc3\xaf\xc2\xbb\xc2\xbf"
        "0",
        "",
    };
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        struct cef c;
        struct slice line = slice_printf(
            *state, "%s|Microsoft|Azure ATP|2.1| C |A \\| B\\\\|5|start=1 suser=a\\=b", before[i]);
        assert_int_equal(cef_parse(line, *state, &c).kind, ERR_NONE);
        assert_slice(c.before, before[i]);
        assert_slice(c.vendor, "Microsoft");
        assert_slice(c.product, "Azure ATP");
        assert_slice(c.version, "2.1");
        assert_slice(c.class_id, "C");
        assert_slice(c.name, "A | B\\");
        assert_slice(c.severity, "5");
        assert_slice(cef_get(&c, "suser"), "a=b");
    }
}

static void
test_extension_values_end_at_the_next_known_key(void **state)
{
    static const struct {
        const char *extension, *key, *value;
    } rows[] = {
        {"app= Samr shost=C1", "app", "Samr"},
        {"msg=a, b and x=1 in C\\r\\nline externalId=2003", "msg", "a, b and x=1 in C\r\nline"},
        {"msg=a externalId=2003", "externalId", "2003"},
        {"suser=CONTOSO\\nina msg=x", "suser", "CONTOSO\\nina"},
        {"suser=CONTOSO\\\\nina msg=x", "suser", "CONTOSO\\nina"},
        {"cs3 = cs1Label = url cs1 = = https://h/1", "cs1", "= https://h/1"},
        {"cs3 = cs1Label = url", "cs3", NULL},
        {"CNT\xc2\xa0=\xc2\xa0"
         "76\xe3\x80\x80"
         "cs1=x",
         "cnt", "76"},
        {"cs1Label=url cs1=https\\://h/2", "cs1", "https://h/2"},
        {"shost=A shost=B", "shost", "A"},
        {"shost=bad\xff\xfe", "shost", "bad??"},
        {"noshost=A", "shost", NULL},
        {"", "shost", NULL},
        {"=", "shost", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cef c;
        struct slice line = slice_printf(*state, "0|Microsoft|ATA|1|C|N|5|%s", rows[i].extension);
        assert_int_equal(cef_parse(line, *state, &c).kind, ERR_NONE);
        assert_slice(cef_get(&c, rows[i].key), rows[i].value);
    }
}

static void
test_a_custom_string_is_found_by_its_label(void **state)
{
    struct cef c;
    struct slice line = SLICE("|Microsoft|ATA|1|C|N|5|cs2Label=trigger cs2=new cs3=h.x "
                              "cs3Label=shostfqdn cs4Label=none");
    assert_int_equal(cef_parse(line, *state, &c).kind, ERR_NONE);
    assert_slice(cef_custom(&c, "trigger"), "new");
    assert_slice(cef_custom(&c, "shostfqdn"), "h.x");
    assert_slice(cef_custom(&c, "none"), NULL);
    assert_slice(cef_custom(&c, "other"), NULL);
}

static void
test_what_is_no_cef_is_rejected(void **state)
{
    static const struct slice rows[] = {
        {NULL, 0},
        {"", 0},
        {"\0\0", 2},
        {"hello", 5},
        {"|Microsoft|", 11},
        {"CEF:0|V|P|1|C", 13},
        {"|Microsoft|Azure ATP|1|C|N\\|5", 29},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cef c;
        struct err e = cef_parse(rows[i], *state, &c);
        assert_int_equal(e.kind, ERR_REJECT);
        assert_string_equal(e.code, "cef.header");
    }
    char *big = calloc(1, CEF_LINE_MAX + 1);
    struct cef c;
    assert_string_equal(cef_parse((struct slice){big, CEF_LINE_MAX + 1}, *state, &c).code,
                        "cef.size");
    free(big);
}

static void
test_more_pairs_than_the_most_are_left_out(void **state)
{
    struct cef c;
    struct slice line = SLICE("|Microsoft|ATA|1|C|N|5|");
    for (int i = 0; i < CEF_PAIRS_MAX + 3; i++)
        line = slice_join(*state, line, SLICE("cs1=a "));
    assert_int_equal(cef_parse(line, *state, &c).kind, ERR_NONE);
    assert_int_equal(c.n, CEF_PAIRS_MAX);
}

static void
test_too_small_an_arena_is_no_rejection(void **state)
{
    struct arena *small = arena_new(16);
    struct cef c;
    struct err e =
        cef_parse(SLICE("|Microsoft|ATA|1|C|N|5|suser=\xff-a-name-that-needs-a-copy"), small, &c);
    assert_int_equal(e.kind, ERR_RETRY);
    arena_free(small);
    (void)state;
}

/* ---- the table of types */

static void
test_types_are_sorted_and_complete(void **state)
{
    size_t n, of_2019 = 0;
    const struct identity_type *t = identity_table(&n);
    for (size_t i = 0; i < n; i++) {
        struct slice techniques[8];
        assert_true(i == 0 || t[i - 1].id < t[i].id);
        assert_ptr_equal(identity_type_of_id(t[i].id), &t[i]);
        assert_ptr_equal(identity_type_of_title(slice_of(t[i].name)), &t[i]);
        assert_true(t[i].tactics != 0);
        int tactic = alert_tactic(slice_of(t[i].category));
        assert_true(tactic >= 0 ? (t[i].tactics >> tactic & 1) == 1 : t[i].id == 2035);
        for (size_t k = identity_techniques(&t[i], techniques, 8); k-- > 0;)
            assert_true(techniques[k].n >= 5 && techniques[k].p[0] == 'T');
        of_2019 += t[i].id >= 2002 && t[i].id <= 2039;
    }
    assert_int_equal(of_2019, 34);
    assert_null(identity_type_of_id(1));
    assert_null(identity_type_of_id(INT64_MAX));
    (void)state;
}

static void
test_titles_of_all_years_are_known(void **state)
{
    static const struct {
        const char *title;
        int id;
    } rows[] = {
        {" **Suspicious domain controller promotion (potential DcShadow attack)**", 2028},
        {"[PREVIEW] Suspected Golden Ticket usage (ticket anomaly)", 2032},
        {"Remote code execution attempt over DNS (preview)", 2036},
        {"SuspectedWannaCryRansomwareAttack", 2035},
        {"SUSPECTED BRUTE-FORCE ATTACK (Kerberos, NTLM)", 2023},
        {"Suspected Brute Force attack (SMB)", 2033},
        {"DnsReconnaissanceSecurityAlert", 2007},
        {"SamrReconnaissanceSuspiciousActivity", 2021},
        {"Encryption downgrade activity", 0},
        {"AbnormalProtocolSecurityAlert", 0},
        {"Impossible travel", 0},
        {"", 0},
        {"[", 0},
        {"]**[", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct identity_type *t = identity_type_of_title(slice_of(rows[i].title));
        assert_int_equal(t != NULL ? t->id : 0, rows[i].id);
    }
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_fields_are_found_behind_anything),
        cmocka_unit_test(test_extension_values_end_at_the_next_known_key),
        cmocka_unit_test(test_a_custom_string_is_found_by_its_label),
        cmocka_unit_test(test_what_is_no_cef_is_rejected),
        cmocka_unit_test(test_more_pairs_than_the_most_are_left_out),
        cmocka_unit_test(test_too_small_an_arena_is_no_rejection),
        cmocka_unit_test(test_types_are_sorted_and_complete),
        cmocka_unit_test(test_titles_of_all_years_are_known),
    };
    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
