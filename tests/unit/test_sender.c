#include "ingest/sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_rules_are_brought_to_one_form(void **state)
{
    static const struct {
        const char *text, *rule; /* NULL: none */
    } rows[] = {
        {"10.0.3.7", "10.0.3.7"},
        {"10.0.3.7/32", "10.0.3.7"},
        {"10.0.3.7/24", "10.0.3.0/24"},
        {"10.255.255.255/9", "10.128.0.0/9"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"::ffff:10.0.3.7", "10.0.3.7"},
        {"::ffff:10.0.3.7/120", "10.0.3.0/24"},
        {"2001:DB8:0::1", "2001:db8::1"},
        {"2001:db8:ffff::/33", "2001:db8:8000::/33"},
        {"::/0", "::/0"},
        {"10.0.3.7/33", NULL},
        {"2001:db8::/129", NULL},
        {"::ffff:10.0.3.7/95", NULL},
        {"10.0.3.7/", NULL},
        {"10.0.3.7/-1", NULL},
        {"10.0.3.7/+1", NULL},
        {"10.0.3.7/8/8", NULL},
        {"10.0.3.7/ 8", NULL},
        {"10.0.3", NULL},
        {"host.example", NULL},
        {"", NULL},
        {"/8", NULL},
    };
    struct arena *a = arena_new(1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice rule = sender_rule(slice_of(rows[i].text), a);
        if (rows[i].rule == NULL ? rule.p != NULL : !slice_eq(rule, slice_of(rows[i].rule)))
            fail_msg("%s became \"%.*s\"", rows[i].text, SLICE_ARG(rule));
    }
    assert_null(sender_rule((struct slice){"10.0.3.7\0", 9}, a).p);
    arena_free(a);
    (void)state;
}

static void
test_an_address_matches_its_networks_only(void **state)
{
    static const struct {
        const char *rule, *address;
        bool matches;
    } rows[] = {
        {"10.0.3.7", "10.0.3.7", true},
        {"10.0.3.7", "10.0.3.8", false},
        {"10.0.3.7", "::ffff:10.0.3.7", true},
        {"10.0.2.0/23", "10.0.3.255", true},
        {"10.0.2.0/23", "10.0.4.0", false},
        {"10.128.0.0/9", "10.127.255.255", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "10.0.3.7", false},
        {"2001:db8:8000::/33", "2001:db8:ffff::9", true},
        {"2001:db8:8000::/33", "2001:db8:7fff::9", false},
        {"10.0.3.7", "", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (sender_matches(slice_of(rows[i].rule), rows[i].address) != rows[i].matches)
            fail_msg("%s and %s", rows[i].rule, rows[i].address);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_are_brought_to_one_form),
        cmocka_unit_test(test_an_address_matches_its_networks_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
