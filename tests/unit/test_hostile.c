/* Records whose values are of other kinds than they should be, or that are no records at all. */
#include "tests/unit/hostile.h"

/* ---- a record with one value exchanged */

static const char *const other_values[] = {
    "null",
    "true",
    "0",
    "-1",
    "3",
    "9223372036854775807",
    "18446744073709551615",
    "1e300",
    "0.5",
    "\"\"",
    "\" \"",
    "\"null\"",
    "\"0\"",
    "\"40\"",
    "\"-9223372036854775808\"",
    "\"\\u0000\"",
    "\"a\\u0000b\"",
    "\"\\u200b\"",
    "\"x@y\"",
    "\"\\\\\"",
    "\"%s%n|=]\"",
    "[]",
    "{}",
    "[null]",
    "[[[]]]",
    "[1,\"a\",{}]",
    "{\"a\":{\"b\":null}}",
    "[{\"$ref\":\"1\",\"$id\":\"1\"}]",
    "\"0000-00-00T00:00:00Z\"",
    "\"0001-01-01T00:00:00\"",
    "\"9999-12-31T23:59:59.9999999Z\"",
    "\"2019-13-45T99:99:99Z\"",
    "\"1969-12-31T23:59:59Z\"",
    "\"99999999-01-01T00:00:00Z\"",
    "\"10/31/2024 1:31:54 PM\"",
};
enum { OTHERS = sizeof other_values / sizeof *other_values };

struct writer {
    FILE *out;
    size_t at, target; /* values are counted as they are written */
    const char *other; /* stands for the value of that number */
    struct arena *a;
};

/* The document has the depth of the records above. */
static void
write_value(struct writer *w, struct json v)
{
    enum json_type t = json_type(v);
    if (w->at++ == w->target && w->other != NULL) {
        (void)fputs(w->other, w->out);
        return;
    }
    if (t != JSON_ARRAY && t != JSON_OBJECT) {
        struct slice text = json_minify(v, w->a);
        (void)fwrite(text.p, 1, text.n, w->out);
        return;
    }
    struct slice name;
    struct json item;
    bool first = true;
    (void)fputc(t == JSON_ARRAY ? '[' : '{', w->out);
    for (struct json_iter it = json_items(v); json_next(&it, &name, &item); first = false) {
        (void)fputs(first ? "" : ",", w->out);
        if (t == JSON_OBJECT)
            (void)fprintf(w->out, "\"%.*s\":", SLICE_ARG(name));
        write_value(w, item);
    }
    (void)fputc(t == JSON_ARRAY ? ']' : '}', w->out);
}

/* The text with value number `target` exchanged; *n becomes how many values there are. */
static struct slice
exchanged(const char *text, size_t target, const char *other, struct arena *a, size_t *n)
{
    char *out = NULL;
    size_t bytes = 0;
    struct json doc;
    struct writer w = {.target = target, .other = other, .a = a};
    assert_int_equal(json_parse(slice_of(text), a, &doc).kind, ERR_NONE);
    w.out = open_memstream(&out, &bytes);
    assert_non_null(w.out);
    write_value(&w, doc);
    assert_int_equal(fclose(w.out), 0);
    struct slice copy = slice_dup(a, (struct slice){out, bytes});
    free(out);
    if (n != NULL)
        *n = w.at;
    return copy;
}

static void
test_the_records_are_good_ones(void **state)
{
    for (size_t i = 0; i < GOODS; i++) {
        struct arena *a = arena_new(ARENA_LIMIT);
        print_message("%s\n", goods[i].name);
        assert_int_equal(take(goods[i].source, whole(&goods[i], a)), ALERT);
        arena_free(a);
    }
    assert_int_equal(
        take(&source_identity, SLICE(LINE_HEAD "shost=PC1 suser=u externalId=2007 " LINE_URL)),
        ALERT);
    (void)state;
}

/* Each value of a record by each value of another kind; counts what became of it. */
static void
exchange_all(const struct good *g, bool inside, size_t counts[3])
{
    struct arena *a = arena_new(ARENA_LIMIT);
    const char *text = inside ? g->data : g->record;
    size_t values = 0;
    (void)exchanged(text, 0, NULL, a, &values);
    for (size_t target = 0; target < values; target++)
        for (size_t k = 0; k < OTHERS; k++) {
            arena_reset(a);
            struct slice s = exchanged(text, target, other_values[k], a, NULL);
            if (inside)
                s = with_data(g->record, s, a);
            else if (g->data != NULL && s.p[0] == '{' && s.n > 2)
                s = with_data(slice_cstr(a, s), slice_of(g->data), a);
            counts[take(g->source, s)]++;
        }
    arena_free(a);
}

static void
test_any_value_may_be_of_any_kind(void **state)
{
    for (size_t i = 0; i < GOODS; i++) {
        size_t counts[3] = {0, 0, 0};
        exchange_all(&goods[i], false, counts);
        if (goods[i].data != NULL)
            exchange_all(&goods[i], true, counts);
        print_message("%s: %zu alerts, %zu ignored, %zu refused\n", goods[i].name, counts[ALERT],
                      counts[IGNORED], counts[REFUSED]);
        /* the document, its Data, and what names the record, its kind and its alert: no more */
        assert_true(counts[IGNORED] + counts[REFUSED] <= 5 * OTHERS);
    }
    (void)state;
}

static void
test_null_everywhere_is_refused(void **state)
{
    for (size_t i = 0; i < GOODS; i++) {
        struct arena *a = arena_new(ARENA_LIMIT);
        struct json doc;
        struct slice name;
        struct json v;
        char *out = NULL;
        size_t bytes = 0;
        FILE *f = open_memstream(&out, &bytes);
        assert_int_equal(json_parse(slice_of(goods[i].record), a, &doc).kind, ERR_NONE);
        for (struct json_iter it = json_items(doc); json_next(&it, &name, &v);)
            (void)fprintf(f, "%c\"%.*s\":null", ftell(f) == 0 ? '{' : ',', SLICE_ARG(name));
        (void)fputc('}', f);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(take(goods[i].source, (struct slice){out, bytes}), REFUSED);
        free(out);
        arena_free(a);
    }
    (void)state;
}

/* ---- what is no record at all */

static void
test_what_is_no_record_is_refused(void **state)
{
    static const struct slice texts[] = {
        {"", 0},
        {"\0", 1},
        {"null", 4},
        {"0", 1},
        {"\"a\"", 3},
        {"[]", 2},
        {"{}", 2},
        {"[{}]", 4},
        {"{", 1},
        {"{\"id\":", 6},
        {"{\"id\":\"\xff\"}", 10},
        {"{\"id\":\"\xc0\x80\"}", 11},
        {"{\"id\":\"\xed\xa0\x80\"}", 12},
        {"{\"id\":\"a\nb\"}", 12},
        {"{\"id\":\"a\0b\"}", 12},
        {"{\"id\":\"a\"}{}", 12},
        {"\xef\xbb\xbf", 3},
        {"<html></html>", 13},
        {"{\"_id\":NaN}", 11},
        {"{\"RecordType\":40}", 17},
        {"{\"RecordType\":40,\"Id\":\"a\\u0000\"}", 33},
        {"{\"RecordType\":40,\"Id\":\"a\"}", 27},
    };
    static const struct source *const all[] = {&source_endpoint, &source_mail, &source_apps,
                                               &source_identity};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
            enum fate fate = take(all[k], texts[i]);
            /* the one that has an id is an alert of the endpoint, if a poor one */
            assert_true(fate == REFUSED);
        }
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_records_are_good_ones),
        cmocka_unit_test(test_any_value_may_be_of_any_kind),
        cmocka_unit_test(test_null_everywhere_is_refused),
        cmocka_unit_test(test_what_is_no_record_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
