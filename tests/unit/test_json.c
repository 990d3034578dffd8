#include "common/json.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int
arena_setup(void **state)
{
    *state = arena_new((size_t)64 << 20);
    return *state == NULL ? -1 : 0;
}

static int
arena_teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static struct json
parsed(struct arena *a, const char *text)
{
    struct json v;
    struct err e = json_parse(slice_of(text), a, &v);
    if (e.kind)
        fail_msg("%s: %s", text, e.text);
    return v;
}

static void
assert_slice(struct slice got, const char *expected)
{
    if (expected == NULL) {
        assert_null(got.p);
        return;
    }
    assert_non_null(got.p);
    if (!slice_eq(got, slice_of(expected)))
        fail_msg("got \"%.*s\", expected \"%s\"", SLICE_ARG(got), expected);
}

static void
test_members_are_found_by_name_and_type(void **state)
{
    struct json v =
        parsed(*state, "{\"a\":\"x\",\"b\":-7,\"c\":true,\"d\":null,\"e\":[1,2],\"f\":{},"
                       "\"g\":1.5,\"h\":\"\",\"i\":\"12\",\"j\":18446744073709551615}");
    static const struct {
        const char *name;
        enum json_type type;
    } rows[] = {
        {"a", JSON_TEXT},    {"b", JSON_INT},    {"c", JSON_BOOL}, {"d", JSON_NULL},
        {"e", JSON_ARRAY},   {"f", JSON_OBJECT}, {"g", JSON_REAL}, {"h", JSON_TEXT},
        {"no", JSON_ABSENT}, {"", JSON_ABSENT},  {"j", JSON_REAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(json_type(json_get(v, rows[i].name)), rows[i].type);
    assert_slice(json_get_text(v, "a"), "x");
    assert_slice(json_get_text(v, "h"), "");
    assert_slice(json_get_text(v, "b"), NULL);
    assert_true(json_bool(json_get(v, "c"), false));
    assert_true(json_bool(json_get(v, "a"), true));
    assert_int_equal(json_count(v), 10);
    assert_int_equal(json_count(json_get(v, "e")), 2);
    assert_int_equal(json_count(json_get(v, "a")), 0);
}

static void
test_members_are_picked_in_one_walk_whatever_their_order(void **state)
{
    const struct slice names[] = {SLICE("a"), SLICE("b"), SLICE("c"), SLICE("no"), SLICE("")};
    enum { N = sizeof names / sizeof names[0] };
    static const struct {
        const char *text;
        int64_t want[N]; /* 0: absent */
    } rows[] = {
        {"{}", {0}},
        {"{\"a\":1,\"b\":2,\"c\":3}", {1, 2, 3, 0, 0}},
        {"{\"c\":3,\"x\":9,\"b\":2,\"a\":1,\"\":5}", {1, 2, 3, 0, 5}},
        {"{\"b\":2,\"b\":7,\"aa\":8,\"A\":8}", {0, 2, 0, 0, 0}},
        {"[1,2]", {0}},
        {"7", {0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json got[N];
        json_pick(parsed(*state, rows[i].text), names, N, got);
        for (size_t k = 0; k < N; k++) {
            int64_t v = 0;
            assert_int_equal(json_int(got[k], &v), rows[i].want[k] != 0);
            assert_int_equal(v, rows[i].want[k]);
        }
    }
}

static void
test_a_list_is_copied_as_far_as_there_is_room(void **state)
{
    struct json items[3];
    int64_t v;
    struct json list = parsed(*state, "[10,20,30,40]");
    assert_int_equal(json_list(list, items, 3), 4);
    for (size_t i = 0; i < 3; i++) {
        assert_true(json_int(items[i], &v));
        assert_int_equal(v, 10 * (int64_t)(i + 1));
    }
    assert_int_equal(json_list(list, NULL, 0), 4);
    assert_int_equal(json_list(parsed(*state, "[]"), items, 3), 0);
    assert_int_equal(json_list(parsed(*state, "{\"a\":1}"), items, 3), 0);
}

static void
test_a_parser_that_is_kept_reads_one_document_after_the_other(void **state)
{
    struct json_parser *p = json_parser_new();
    struct json v;
    int64_t n;
    assert_non_null(p);
    for (size_t size = 1; size < 400000; size = size * 3 + 1) { /* shorter and longer ones */
        char *text = malloc(size + 8);
        assert_non_null(text);
        memcpy(text, "[7,\"", 4);
        memset(text + 4, 'x', size);
        memcpy(text + 4 + size, "\"]", 2);
        assert_int_equal(json_parser_parse(p, (struct slice){text, size + 6}, &v).kind, ERR_NONE);
        assert_int_equal(json_count(v), 2);
        free(text);
        struct err e = json_parser_parse(p, SLICE("[1"), &v);
        assert_string_equal(e.code, "json.syntax");
        assert_true(strlen(e.text) > 20 && strstr(e.text, "null") == NULL);
        e = json_parse(SLICE("[1"), *state, &v);
        assert_string_equal(e.code, "json.syntax");
        assert_true(strlen(e.text) > 20 && strstr(e.text, "null") == NULL);
        assert_int_equal(json_type(v), JSON_ABSENT);
        assert_int_equal(json_parser_parse(p, SLICE("\xef\xbb\xbf 12 "), &v).kind, ERR_NONE);
        assert_true(json_int(v, &n) && n == 12);
        assert_string_equal(json_parser_parse(p, SLICE_NONE, &v).code, "json.syntax");
    }
    char deep[300];
    memset(deep, '[', 150);
    memset(deep + 150, ']', 150);
    assert_string_equal(json_parser_parse(p, (struct slice){deep, 300}, &v).code, "json.depth");
    assert_int_equal(json_parser_parse(p, SLICE("[[1]]"), &v).kind, ERR_NONE);
    json_parser_free(p);
    json_parser_free(NULL);
}

static void
test_an_int_is_an_int_or_a_text_that_is_one(void **state)
{
    struct json v =
        parsed(*state, "[9223372036854775807,-9223372036854775808,\"42\",1.0,\"4x\",true,"
                       "9223372036854775808]");
    static const struct {
        bool ok;
        int64_t n;
    } rows[] = {{true, INT64_MAX}, {true, INT64_MIN}, {true, 42}, {false, 5},
                {false, 5},        {false, 5},        {false, 5}};
    struct slice name;
    struct json item;
    size_t i = 0;
    for (struct json_iter it = json_items(v); json_next(&it, &name, &item); i++) {
        int64_t n = 5;
        assert_int_equal(json_int(item, &n), rows[i].ok);
        assert_int_equal(n, rows[i].n);
    }
    assert_int_equal(i, 7);
}

static void
test_a_path_walks_objects_and_what_is_not_there_is_absent(void **state)
{
    struct json v = parsed(*state, "{\"error\":{\"code\":\"x\",\"in\":{\"deep\":3}}}");
    assert_slice(json_text(json_path(v, "error.code")), "x");
    int64_t n = 0;
    assert_true(json_int(json_path(v, "error.in.deep"), &n));
    assert_int_equal(n, 3);
    assert_int_equal(json_type(json_path(v, "error.code.more")), JSON_ABSENT);
    assert_int_equal(json_type(json_path(v, "nothing.at.all")), JSON_ABSENT);
    assert_int_equal(json_type(json_get((struct json){0}, "a")), JSON_ABSENT);
}

static void
test_the_first_of_a_duplicate_key_wins(void **state)
{
    struct json v = parsed(*state, "{\"a\":1,\"\\u0061\":2,\"a\":3}");
    int64_t n = 0;
    assert_true(json_get_int(v, "a", &n));
    assert_int_equal(n, 1);
    assert_int_equal(json_count(v), 3);
}

static void
test_members_come_in_the_order_of_the_document(void **state)
{
    struct json v = parsed(*state, "{\"z\":1,\"a\":2,\"\":3}");
    static const char *const names[] = {"z", "a", ""};
    struct slice name;
    struct json value;
    size_t i = 0;
    for (struct json_iter it = json_items(v); json_next(&it, &name, &value); i++)
        assert_slice(name, names[i]);
    assert_int_equal(i, 3);
    struct json_iter none = json_items(json_get(v, "z"));
    assert_false(json_next(&none, &name, &value));
}

/* The innermost list is not empty: the library does not count one that is. */
static struct slice
nested(struct arena *a, size_t depth)
{
    char *text = arena_alloc(a, 2 * depth + 1);
    memset(text, '[', depth);
    text[depth] = '1';
    memset(text + depth + 1, ']', depth);
    return (struct slice){text, 2 * depth + 1};
}

static void
test_depth_is_limited(void **state)
{
    struct json v;
    struct err e = json_parse(nested(*state, JSON_DEPTH_MAX), *state, &v);
    assert_int_equal(e.kind, ERR_NONE);
    e = json_parse(nested(*state, JSON_DEPTH_MAX + 1), *state, &v);
    assert_int_equal(e.kind, ERR_REJECT);
    assert_string_equal(e.code, "json.depth");
    assert_int_equal(json_type(v), JSON_ABSENT);
    e = json_parse(nested(*state, 1000000), *state, &v);
    assert_string_equal(e.code, "json.depth");
}

static void
test_what_is_not_json_is_refused_with_a_reason(void **state)
{
    static const char *const rows[] = {"",         " ",       "{",        "[1,]",
                                       "{\"a\":}", "nul",     "\"\xff\"", "[1] 2",
                                       "{'a':1}",  "\"\\x\"", "01",       "\"a\nb\""};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json v;
        struct err e = json_parse(slice_of(rows[i]), *state, &v);
        assert_int_equal(e.kind, ERR_REJECT);
        assert_string_equal(e.code, "json.syntax");
        assert_true(strlen(e.text) > strlen("not JSON: "));
        assert_int_equal(json_type(v), JSON_ABSENT);
    }
}

static void
test_text_needs_no_padding_and_is_not_needed_later(void **state)
{
    char *exact = malloc(9);
    memcpy(exact, "{\"a\":\"b\"}", 9);
    struct json v;
    struct err e = json_parse((struct slice){exact, 9}, *state, &v);
    memset(exact, '#', 9);
    free(exact);
    assert_int_equal(e.kind, ERR_NONE);
    assert_slice(json_get_text(v, "a"), "b");
}

static void
test_a_byte_order_mark_is_skipped(void **state)
{
    assert_int_equal(json_count(parsed(*state, "\xef\xbb\xbf[1,2]")), 2);
    struct slice item;
    assert_int_equal(json_raw_items(SLICE("\xef\xbb\xbf[ 1 ]"), NULL, &item, 1), 1);
    assert_slice(item, "1");
}

static void
test_a_full_arena_is_a_reason_to_try_again(void **state)
{
    struct arena *small = arena_new(0);
    struct json v;
    struct err e = json_parse(SLICE("{}"), small, &v);
    assert_int_equal(e.kind, ERR_RETRY);
    assert_string_equal(e.code, "json.memory");
    assert_int_equal(json_type(v), JSON_ABSENT);
    arena_free(small);
    (void)state;
}

static void
test_minified_text_keeps_order_duplicates_and_numbers(void **state)
{
    struct json v =
        parsed(*state, "{ \"b\" : [ 1 , -2, 18446744073709551615 ],\n\"a\":\"\\u0000\\n\xc3\xa9\","
                       "\"b\":null }");
    assert_slice(json_minify(v, *state),
                 "{\"b\":[1,-2,18446744073709551615],\"a\":\"\\u0000\\n\xc3\xa9\",\"b\":null}");
    assert_slice(json_minify((struct json){0}, *state), NULL);
}

static void
test_items_are_given_byte_for_byte(void **state)
{
    static const struct {
        const char *text, *name;
        size_t n;
        const char *items[3];
    } rows[] = {
        {"[]", NULL, 0, {NULL}},
        {" [ ] ", NULL, 0, {NULL}},
        {"[1]", NULL, 1, {"1"}},
        {" [ {\"a\": [1, 2]} ,\t\"x,]\\\"\" ,-1.50e3 ] ",
         NULL,
         3,
         {"{\"a\": [1, 2]}", "\"x,]\\\"\"", "-1.50e3"}},
        {"{\"x\":[9],\"value\" : [ true,null ]}", "value", 2, {"true", "null"}},
        {"{\"value\":[1],\"value\":[2,3]}", "value", 1, {"1"}},
        {"{\"v\\u0061lue\":[{}],\"value\":[]}", "value", 1, {"{}"}},
        {"{\"valu\":[1],\"values\":[2],\"\\u00e9value\":[3]}", "value", 0, {NULL}},
        {"{\"a\":{\"value\":[1]},\"b\":[{\"value\":[2]}]}", "value", 0, {NULL}},
        {"{\"value\":{\"0\":1}}", "value", 0, {NULL}},
        {"{\"\\\\\\\"\":1,\"value\":[\"\\\\\",\"]\"]}", "value", 2, {"\"\\\\\"", "\"]\""}},
        {"{}", "value", 0, {NULL}},
        {"7", NULL, 0, {NULL}},
        {"{\"\":[[[]],[]]}", "", 2, {"[[]]", "[]"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice items[3] = {SLICE_NONE, SLICE_NONE, SLICE_NONE};
        (void)parsed(*state, rows[i].text);
        assert_int_equal(json_raw_items(slice_of(rows[i].text), rows[i].name, items, 3), rows[i].n);
        struct json doc, list;
        struct slice *parsed_items;
        size_t n;
        struct err e = json_parse_items(slice_of(rows[i].text), rows[i].name, *state, &doc, &list,
                                        &parsed_items, &n);
        assert_int_equal(e.kind, ERR_NONE);
        assert_int_equal(n, rows[i].n);
        assert_int_equal(json_count(list), n);
        for (size_t j = 0; j < rows[i].n; j++) {
            assert_slice(items[j], rows[i].items[j]);
            assert_slice(parsed_items[j], rows[i].items[j]);
        }
    }
}

static void
test_no_more_items_are_written_than_there_is_room_for(void **state)
{
    struct slice items[2] = {SLICE_NONE, SLICE("untouched")};
    assert_int_equal(json_raw_items(SLICE("[1,2,3]"), NULL, items, 1), 3);
    assert_slice(items[0], "1");
    assert_slice(items[1], "untouched");
    assert_int_equal(json_raw_items(SLICE("[1,2,3]"), NULL, NULL, 0), 3);
    (void)state;
}

/* Broken text, which json_parse refuses, may give nonsense but no bad read (AddressSanitizer). */
static void
test_items_of_broken_text_do_no_harm(void **state)
{
    static const char *const rows[] = {
        "",      "[",          "[\"", "[\"\\", "[{\"a",     "{\"value\"",        "{\"value\":",
        "{\"",   "[1,",        "[[[", "]",     "{\"v\\u00", "{\"value\":[\"\\u", "[}}}",
        "{\"\\", "{\"a\":\"\\"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i]);
        char *exact = malloc(n + 1);
        memcpy(exact + 1, rows[i], n);
        struct slice items[4];
        assert_true(json_raw_items((struct slice){exact + 1, n}, NULL, items, 4) <= 4);
        assert_true(json_raw_items((struct slice){exact + 1, n}, "value", items, 4) <= 4);
        free(exact);
    }
    (void)state;
}

/* ---- out */

static void
test_members_are_printed_in_the_order_they_were_set(void **state)
{
    struct arena *a = *state;
    struct json_out *o = json_out_object(a), *list = json_out_array(a);
    json_out_int(o, "z", INT64_MIN);
    json_out_text(o, "a", SLICE("x\"\n"));
    json_out_text(o, "none", SLICE_NONE);
    json_out_bool(o, "yes", true);
    json_out_null(o, "nil");
    json_out_add_text(list, SLICE(""));
    json_out_add_raw(list, SLICE(" { \"k\" : 1 } "));
    json_out_set(o, "list", list);
    json_out_add(list, json_out_object(a)); /* a part may still grow */
    json_out_int(o, "z", 5);
    assert_slice(json_out_print(o, a), "{\"z\":5,\"a\":\"x\\\"\\n\",\"none\":null,\"yes\":true,"
                                       "\"nil\":null,\"list\":[\"\",{\"k\":1},{}]}");
    assert_slice(json_out_print_indented(json_out_array(a), a), "[]");
    struct json_out *small = json_out_object(a);
    json_out_int(small, "a", 1);
    assert_slice(json_out_print_indented(small, a), "{\n  \"a\": 1\n}");
}

static void
test_text_that_is_not_utf8_is_made_so(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"plain", "plain"},
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"end\xe2\x82", "end\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe2\x28\xa1", "\xef\xbf\xbd(\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json_out *list = json_out_array(*state);
        json_out_add_text(list, slice_of(rows[i].in));
        struct json v = parsed(*state, json_out_print(list, *state).p);
        struct slice name;
        struct json item;
        struct json_iter it = json_items(v);
        assert_true(json_next(&it, &name, &item));
        assert_slice(json_text(item), rows[i].out);
    }
    struct json_out *nul = json_out_array(*state);
    json_out_add_text(nul, (struct slice){"a\0b", 3});
    assert_slice(json_out_print(nul, *state), "[\"a\\u0000b\"]");
}

static void
test_raw_text_is_taken_over_or_becomes_null(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"{\"b\":[1,true,null,\"x\"],\"a\":{}}", "{\"b\":[1,true,null,\"x\"],\"a\":{}}"},
        {"{\"a\":1,\"a\":2}", "{\"a\":1}"},
        {"not json", "null"},
        {"", "null"},
        {"0.5", "0.5"},
        {"{\"\\u0000k\":1}", "{\"\\u0000k\":1}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json_out *o = json_out_object(*state);
        json_out_set_raw(o, "v", slice_of(rows[i].in));
        struct slice expected = slice_printf(*state, "{\"v\":%s}", rows[i].out);
        assert_slice(json_out_print(o, *state), expected.p);
    }
}

static void
test_what_could_not_be_composed_is_not_printed(void **state)
{
    struct arena *small = arena_new(256);
    struct json_out *o = json_out_object(*state), *list = json_out_array(*state);
    json_out_set(o, "list", list);
    json_out_add(list, NULL);
    assert_slice(json_out_print(o, *state), NULL);
    assert_slice(json_out_print(NULL, *state), NULL);
    json_out_int(NULL, "a", 1);
    json_out_set_raw(NULL, "a", SLICE("1"));
    struct json_out *tight = json_out_object(small);
    assert_non_null(tight);
    json_out_text(tight, "a",
                  SLICE("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xff"));
    assert_slice(json_out_print(tight, *state), NULL);
    arena_free(small);
}

static void
test_a_value_is_given_away_once_so_there_are_no_cycles(void **state)
{
    struct json_out *o = json_out_object(*state), *list = json_out_array(*state);
    json_out_set(o, "a", list);
    json_out_set(o, "self", o);
    assert_slice(json_out_print(o, *state), NULL);
}

/* ---- other people's collections */

static const char *
shared(void)
{
    const char *dir = getenv("SHARED");
    return dir != NULL ? dir : "../shared";
}

static struct slice
file_read(struct arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = arena_alloc(a, 1 << 20);
    assert_non_null(text);
    size_t n = fread(text, 1, 1 << 20, f);
    fclose(f);
    return (struct slice){text, n};
}

/* verdict: 'y' accept, 'n' refuse, 'i' either. Returns how many files there were. */
static size_t
judge_folder(struct arena *a, const char *folder, char (*verdict)(const char *name))
{
    char dir[512];
    (void)snprintf(dir, sizeof dir, "%s/data/json-malformed/%s", shared(), folder);
    DIR *d = opendir(dir);
    if (d == NULL) {
        print_message("skipped, no %s/data\n", shared());
        skip();
    }
    size_t n = 0;
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        char wanted = entry->d_name[0] == '.' ? '.' : verdict(entry->d_name);
        if (wanted == '.')
            continue;
        char path[1024];
        (void)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        struct json v;
        struct err e = json_parse(file_read(a, path), a, &v);
        if ((wanted == 'y' && e.kind != ERR_NONE) || (wanted == 'n' && e.kind != ERR_REJECT))
            fail_msg("%s: %s %s", path, e.kind ? e.code : "accepted", e.text);
        arena_reset(a);
        n++;
    }
    closedir(d);
    return n;
}

static char
suite_verdict(const char *name)
{
    return name[0];
}

static void
test_the_parsing_suite_is_judged_right(void **state)
{
    assert_true(judge_folder(*state, "JSONTestSuite-parsing", suite_verdict) >= 180);
}

/* Two files carry EXCLUDE in their names: fail01 is a top-level text, which RFC 8259 allows, and
 * fail18 is only nested 20 deep. */
static char
checker_verdict(const char *name)
{
    if (strstr(name, "EXCLUDE") != NULL)
        return 'y';
    return strncmp(name, "pass", 4) == 0 ? 'y' : 'n';
}

static void
test_the_json_checker_is_judged_right(void **state)
{
    assert_true(judge_folder(*state, "nativejson-jsonchecker", checker_verdict) >= 15);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, arena_setup, arena_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_members_are_found_by_name_and_type),
        TEST(test_members_are_picked_in_one_walk_whatever_their_order),
        TEST(test_a_list_is_copied_as_far_as_there_is_room),
        TEST(test_a_parser_that_is_kept_reads_one_document_after_the_other),
        TEST(test_an_int_is_an_int_or_a_text_that_is_one),
        TEST(test_a_path_walks_objects_and_what_is_not_there_is_absent),
        TEST(test_the_first_of_a_duplicate_key_wins),
        TEST(test_members_come_in_the_order_of_the_document),
        TEST(test_depth_is_limited),
        TEST(test_what_is_not_json_is_refused_with_a_reason),
        TEST(test_text_needs_no_padding_and_is_not_needed_later),
        TEST(test_a_byte_order_mark_is_skipped),
        TEST(test_a_full_arena_is_a_reason_to_try_again),
        TEST(test_minified_text_keeps_order_duplicates_and_numbers),
        TEST(test_items_are_given_byte_for_byte),
        TEST(test_no_more_items_are_written_than_there_is_room_for),
        TEST(test_items_of_broken_text_do_no_harm),
        TEST(test_members_are_printed_in_the_order_they_were_set),
        TEST(test_text_that_is_not_utf8_is_made_so),
        TEST(test_raw_text_is_taken_over_or_becomes_null),
        TEST(test_what_could_not_be_composed_is_not_printed),
        TEST(test_a_value_is_given_away_once_so_there_are_no_cycles),
        TEST(test_the_parsing_suite_is_judged_right),
        TEST(test_the_json_checker_is_judged_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
