/* Made-up records and lines: what is promised of them, and that weir itself can read every one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "ingest/source.h"
#include "tests/simulator/compose.h"
#include "tests/simulator/identity_make.h"
#include "tests/simulator/mail_make.h"

#define AT INT64_C(15789900001234567) /* 2020-01-14T08:20:00.1234567Z */
#define MINUTE (60 * CLOCK_SECOND)
#define TENANT SLICE("3f2a8c1e-6b7d-4e59-9a40-1c5d7e8f9b20")

enum { SEEDS = 200 };

static int
setup(void **state)
{
    *state = arena_new((size_t)256 << 20);
    return *state == NULL;
}

static int
teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static struct mail_case
case_of(uint64_t seed, struct dice *dice, struct arena *a)
{
    *dice = dice_of(seed, 2, 0);
    struct mail_case c = mail_case_make(dice, a, TENANT, AT);
    c.missing_percent = c.wrong_percent = seed % 2 == 0 ? 25 : 0;
    return c;
}

static struct json
parsed(struct slice text, struct arena *a)
{
    struct json v;
    struct err e = json_parse(text, a, &v);
    if (e.kind)
        fail_msg("%s: %.*s", e.text, SLICE_ARG(text));
    return v;
}

static size_t
count(struct slice text, const char *what)
{
    size_t n = 0;
    for (size_t at = 0; (at = slice_find(text, slice_of(what), at)) < text.n; at++)
        n++;
    return n;
}

/* ---- composing */

static void
test_texts_are_escaped_and_members_may_come_twice(void **state)
{
    struct compose o = compose_begin(*state);
    compose_raw(&o, "{");
    compose_text(&o, "a", SLICE("\"\\\r\n\t\x01\xc3\xa9"));
    compose_text(&o, "a", SLICE_NONE);
    compose_name(&o, "l");
    compose_raw(&o, "[");
    compose_item(&o, SLICE(""));
    compose_item_json(&o, SLICE("{}"));
    compose_raw(&o, "]");
    compose_int(&o, "i", -7);
    compose_json(&o, "j", SLICE("[1]"));
    compose_raw(&o, "}");
    struct slice want = SLICE("{\"a\":\"\\\"\\\\\\r\\n\\t\\u0001\xc3\xa9\",\"a\":null,"
                              "\"l\":[\"\",{}],\"i\":-7,\"j\":[1]}");
    struct slice got = compose_end(&o);
    assert_true(slice_eq(got, want));
}

static void
test_a_full_arena_gives_nothing(void **state)
{
    struct arena *small = arena_new(8192);
    struct compose o = compose_begin(small);
    for (int i = 0; i < 10000; i++)
        compose_raw(&o, "0123456789");
    assert_null(compose_end(&o).p);
    arena_free(small);
    (void)state;
}

/* ---- mail */

static void
test_data_and_actions_are_texts_with_references_and_query_time_twice(void **state)
{
    struct arena *a = *state;
    struct dice dice;
    struct mail_case c = case_of(1, &dice, a);
    struct json r = parsed(mail_air(&c, AT + 9 * MINUTE, 3), a);
    struct slice data = json_get_text(r, "Data");
    struct json inner = parsed(data, a);
    assert_true(slice_eq(json_get_text(inner, "ProviderAlertId"), c.alert_id));
    assert_int_equal(count(data, "\"QueryTime\":"), 2);
    assert_true(slice_find(data, SLICE("AM\""), 0) < data.n);
    assert_int_equal(count(data, "{\"$ref\":\""), 2);
    struct json actions = json_get(r, "Actions");
    struct slice name;
    struct json action;
    struct json_iter it = json_items(actions);
    assert_true(json_next(&it, &name, &action));
    struct json inside = parsed(json_text(action), a);
    assert_true(slice_eq(json_get_text(inside, "ActionType"), SLICE("EmailRemediation")));
}

static void
test_the_three_operations_share_their_alert_and_nothing_else(void **state)
{
    struct arena *a = *state;
    struct dice dice;
    struct mail_case c = case_of(3, &dice, a);
    struct json r[3] = {parsed(mail_triggered(&c, AT + MINUTE), a),
                        parsed(mail_entity(&c, AT + 200 * MINUTE, 0), a),
                        parsed(mail_updated(&c, AT + 90 * MINUTE, "Resolved"), a)};
    for (size_t i = 0; i < 3; i++) {
        assert_true(slice_eq(json_get_text(r[i], "AlertId"), c.alert_id));
        assert_false(slice_eq(json_get_text(r[i], "Id"), json_get_text(r[(i + 1) % 3], "Id")));
        assert_int_equal(json_type(json_get(r[i], "Data")), JSON_TEXT);
    }
    assert_true(slice_eq(json_get_text(r[0], "ObjectId"), c.alert_id));
    assert_true(slice_eq(json_get_text(r[2], "Status"), SLICE("Resolved")));
}

/* Some in each of what real feeds vary in. */
static void
test_records_vary(void **state)
{
    size_t zulu = 0, bare = 0, text_type = 0, no_json = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct dice dice;
        struct mail_case c = case_of(seed, &dice, *state);
        struct json r = parsed(mail_triggered(&c, AT), *state);
        struct slice created = json_get_text(r, "CreationTime");
        struct json data;
        bool z = created.p[created.n - 1] == 'Z';
        zulu += z;
        bare += !z;
        text_type += json_type(json_get(r, "RecordType")) == JSON_TEXT;
        struct err e = json_parse(json_get_text(r, "Data"), *state, &data);
        no_json += e.kind != ERR_NONE;
    }
    assert_true(zulu > SEEDS / 4 && bare > SEEDS / 4 && text_type > 5 && no_json > 5);
}

static void
test_weir_reads_every_record_of_mail(void **state)
{
    const struct source *s = source_by_name(SLICE("mail"));
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct arena *a = *state;
        struct dice dice;
        struct mail_case c = case_of(seed, &dice, a);
        const struct {
            struct slice text;
            enum source_fate fate;
        } records[] = {
            {mail_triggered(&c, AT), FATE_ALERT},
            {mail_entity(&c, AT, (int)seed), FATE_ALERT},
            {mail_updated(&c, AT, "Investigating"), FATE_ALERT},
            {mail_air(&c, AT + MINUTE, (int)(seed % 6)), FATE_ALERT},
            {mail_message(&c, AT, "Delayed"), FATE_ALERT},
            {mail_click(&c, AT), FATE_ALERT},
            {mail_content(&c, AT), FATE_ALERT},
            {mail_mirror(&c, AT), FATE_IGNORE},
            {mail_unrelated(&c, AT), FATE_IGNORE},
        };
        for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
            struct source_ident ident = {0};
            struct alert out;
            struct err e = s->ident(records[i].text, IDENTITY_SYSLOG, a, &ident);
            if (e.kind || ident.fate != records[i].fate)
                fail_msg("seed %d, record %zu: %s\n%.*s", (int)seed, i, e.kind ? e.text : "fate",
                         SLICE_ARG(records[i].text));
            if (ident.fate == FATE_IGNORE)
                continue;
            struct source_document doc = {records[i].text, AT};
            e = s->map(&doc, 1, TENANT, a, &out);
            if (e.kind)
                fail_msg("seed %d, record %zu: %s\n%.*s", (int)seed, i, e.text,
                         SLICE_ARG(records[i].text));
        }
        arena_reset(a);
    }
}

/* ---- identity */

static struct identity_case
line_case(uint64_t seed, struct dice *dice, struct arena *a)
{
    *dice = dice_of(seed, 4, 0);
    struct identity_case c = identity_case_make(dice, a, SLICE("contoso-corp"), AT);
    c.missing_percent = c.odd_percent = seed % 2 == 0 ? 25 : 0;
    return c;
}

static void
test_a_line_has_no_structured_data_and_a_short_msgid(void **state)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct dice dice;
        struct identity_case c = line_case(seed, &dice, *state);
        for (int form = 0; form < IDENTITY_FORMS; form++) {
            struct slice line =
                identity_line(&c, (enum identity_form)form, AT + MINUTE, (int)seed % 3);
            struct slice rest = line;
            assert_true(line.n > 100 && line.p[0] == '<');
            assert_int_equal(slice_find(line, SLICE("\n"), 0), line.n);
            if (form == IDENTITY_3164 || form == IDENTITY_3164_PID)
                continue;
            for (int i = 0; i < 5; i++) /* PRI and version, time, host, app, process */
                slice_split(&rest, ' ');
            struct slice msgid = slice_split(&rest, ' ');
            assert_true(msgid.n <= 32);
            assert_false(slice_starts(rest, SLICE("-")));
            assert_int_equal(slice_starts(rest, SLICE("\xef\xbb\xbf")), form == IDENTITY_BOM);
        }
    }
}

static void
test_an_update_repeats_the_line_with_new_text(void **state)
{
    struct dice dice;
    struct identity_case c = line_case(1, &dice, *state);
    c.ata = false;
    struct slice first = identity_line(&c, IDENTITY_BOM, AT, 0);
    struct slice later = identity_line(&c, IDENTITY_BOM, AT + MINUTE, 1);
    assert_true(slice_ends(first, SLICE("cs2=new")) || c.later);
    assert_true(slice_find(first, SLICE("cs2=new"), 0) < first.n);
    assert_true(slice_find(later, SLICE("cs2=update"), 0) < later.n);
    assert_true(slice_find(later, c.id, 0) < later.n);
    assert_true(slice_find(later, SLICE("7 times"), 0) < later.n);
}

static void
test_weir_reads_every_line_of_identity(void **state)
{
    const struct source *s = source_by_name(SLICE("identity"));
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct arena *a = *state;
        struct dice dice;
        struct identity_case c = line_case(seed, &dice, a);
        for (int form = 0; form < IDENTITY_FORMS; form++) {
            struct slice line = identity_line(&c, (enum identity_form)form, AT + MINUTE, 0);
            struct source_ident ident = {0};
            struct alert out;
            struct source_document doc = {line, AT};
            struct err e = s->ident(line, IDENTITY_SYSLOG, a, &ident);
            if (e.kind == ERR_NONE)
                e = s->map(&doc, 1, TENANT, a, &out);
            if (e.kind || ident.fate != FATE_ALERT || !slice_eq(ident.native_id, c.id))
                fail_msg("seed %d, form %d: %s\n%.*s", (int)seed, form, e.kind ? e.text : "ident",
                         SLICE_ARG(line));
        }
        struct source_ident ident = {0};
        struct err e = s->ident(identity_health(&c, AT), IDENTITY_SYSLOG, a, &ident);
        assert_true(e.kind == ERR_NONE && ident.fate == FATE_IGNORE);
        arena_reset(a);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_texts_are_escaped_and_members_may_come_twice),
        TEST(test_a_full_arena_gives_nothing),
        TEST(test_data_and_actions_are_texts_with_references_and_query_time_twice),
        TEST(test_the_three_operations_share_their_alert_and_nothing_else),
        TEST(test_records_vary),
        TEST(test_weir_reads_every_record_of_mail),
        TEST(test_a_line_has_no_structured_data_and_a_short_msgid),
        TEST(test_an_update_repeats_the_line_with_new_text),
        TEST(test_weir_reads_every_line_of_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
