/* Records that are too deep, too long or too many, lines of any kind, and too little memory. */
#include "tests/unit/hostile.h"

/* ---- deep, long, many */

static struct slice
repeated(const char *text, size_t n, struct arena *a)
{
    size_t len = strlen(text);
    char *p = arena_alloc(a, n * len + 1);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        memcpy(p + i * len, text, len);
    return (struct slice){p, n * len};
}

/* The good record with one more member in front, which being first is the one that counts. */
static struct slice
with_member(const struct good *g, const char *name, struct slice value, struct arena *a)
{
    struct slice all = whole(g, a);
    size_t n = all.n + value.n + strlen(name) + 8;
    char *p = arena_alloc(a, n);
    assert_non_null(p);
    int head = snprintf(p, n, "{\"%s\":", name);
    memcpy(p + head, value.p, value.n);
    p[(size_t)head + value.n] = ',';
    memcpy(p + (size_t)head + value.n + 1, all.p + 1, all.n - 1);
    return (struct slice){p, (size_t)head + value.n + all.n};
}

static void
test_depth_is_bounded(void **state)
{
    static const size_t depths[] = {10, 60, 63, 64, 65, 100, 120, 130, 1000, 100000};
    for (size_t i = 0; i < GOODS; i++)
        for (size_t k = 0; k < sizeof depths / sizeof *depths; k++) {
            struct arena *a = arena_new(ARENA_LIMIT);
            struct slice nest =
                slice_join(a, repeated("[", depths[k], a), repeated("]", depths[k], a));
            struct slice objects =
                slice_join(a, slice_join(a, repeated("{\"a\":", depths[k], a), SLICE("1")),
                           repeated("}", depths[k], a));
            enum fate x = take(goods[i].source, with_member(&goods[i], "more", nest, a));
            enum fate y = take(goods[i].source, with_member(&goods[i], "more", objects, a));
            assert_int_equal(x, depths[k] < JSON_DEPTH_MAX ? ALERT : REFUSED);
            assert_int_equal(y, depths[k] < JSON_DEPTH_MAX ? ALERT : REFUSED);
            if (goods[i].data != NULL) /* inside Data it costs Data, not more */
                (void)take(goods[i].source, with_data(goods[i].record, nest, a));
            arena_free(a);
        }
    (void)state;
}

static void
test_strings_of_a_mebibyte_are_cut(void **state)
{
    static const struct {
        size_t good;
        const char *member;
    } rows[] = {
        {0, "title"},         {0, "description"},   {0, "machineId"},
        {0, "alertUser"},     {0, "category"},      {0, "unheardOf"},
        {1, "title"},         {1, "handledByUser"}, {1, "comment"},
        {2, "AlertEntityId"}, {2, "Comments"},      {2, "Name"},
        {4, "Verdict"},       {4, "Subject"},       {3, "InvestigationName"},
        {5, "Url"},           {5, "UserId"},        {6, "LastModifiedBy"},
    };
    static const char *const fill[] = {"A", "\\u0000", "\xe2\x82\xac", "a@b;", "http://h/", "\\\\"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = i % 2; k < sizeof fill / sizeof *fill; k += 2) {
            const struct good *g = &goods[rows[i].good];
            struct arena *a = arena_new(ARENA_LIMIT);
            struct slice body = repeated(fill[k], (size_t)MIB / strlen(fill[k]), a);
            struct slice text = slice_join(a, slice_join(a, SLICE("\""), body), SLICE("\""));
            assert_int_equal(take(g->source, with_member(g, rows[i].member, text, a)), ALERT);
            arena_free(a);
        }
    (void)state;
}

static void
test_an_id_of_a_mebibyte_makes_no_key_of_that_size(void **state)
{
    static const char *const members[] = {"id", "_id", "Id", "AlertId"};
    for (size_t i = 0; i < GOODS; i++)
        for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
            struct arena *a = arena_new(ARENA_LIMIT);
            struct slice text =
                slice_join(a, slice_join(a, SLICE("\""), repeated("A", MIB, a)), SLICE("\""));
            (void)take(goods[i].source, with_member(&goods[i], members[m], text, a));
            arena_free(a);
        }
    (void)state;
}

/* Value by its number: "%zu" in the item's text. */
static struct slice
list_of(const char *item, size_t n, struct arena *a)
{
    char *out = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&out, &bytes);
    assert_non_null(f);
    (void)fputc('[', f);
    for (size_t i = 0; i < n; i++) {
        const char *mark = strchr(item, '#');
        (void)fprintf(f, "%s%.*s%zu%s", i > 0 ? "," : "", (int)(mark - item), item, i, mark + 1);
    }
    (void)fputc(']', f);
    assert_int_equal(fclose(f), 0);
    struct slice copy = slice_dup(a, (struct slice){out, bytes});
    free(out);
    return copy;
}

static void
test_five_thousand_items_are_cut_to_the_limit(void **state)
{
    static const struct {
        size_t good;
        const char *member, *item;
    } rows[] = {
        {0, "evidence", "{\"entityType\":\"File\",\"fileName\":\"f#\",\"sha1\":\"x\"}"},
        {0, "evidence", "{\"entityType\":\"Process\",\"processId\":#}"},
        {0, "alertIps", "\"10.0.0.#\""},
        {0, "loggedOnUsers", "{\"accountName\":\"u#\"}"},
        {0, "mitreTechniques", "\"T#\""},
        {0, "comments", "{\"comment\":\"c#\"}"},
        {1, "entities", "{\"type\":\"account\",\"pa\":\"u#@x.example\",\"em\":\"u#@x\"}"},
        {1, "entities", "{\"type\":\"groupTag\",\"id\":\"u#\"}"},
        {1, "intent", "#"},
        {2, "AlertLinks", "{\"AlertLinkHref\":\"\",\"n\":#}"},
        {3, "Actions",
         "\"{\\\"Entities\\\":[{\\\"Type\\\":\\\"url\\\",\\\"Url\\\":\\\"http://h/#\\\"}]}\""},
        {4, "Recipients", "\"u#@x.example\""},
        {4, "AttachmentData", "{\"FileName\":\"f#\",\"MalwareFamily\":\"F\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena *a = arena_new(ARENA_LIMIT);
        const struct good *g = &goods[rows[i].good];
        struct slice s = with_member(g, rows[i].member, list_of(rows[i].item, 5000, a), a);
        print_message("%s\n", rows[i].member);
        assert_int_equal(take(g->source, s), ALERT);
        arena_free(a);
    }
    struct arena *a = arena_new(ARENA_LIMIT);
    struct slice list = list_of("{\"$id\":\"1\",\"Type\":\"url\",\"Url\":\"http://h/#\"}", 5000, a);
    struct slice data = slice_printf(a,
                                     "{\"ProviderAlertId\":\"A-1\",\"AlertDisplayName\":\"n\","
                                     "\"Entities\":%.*s}",
                                     SLICE_ARG(list));
    assert_int_equal(take(&source_mail, with_data(goods[3].record, data, a)), ALERT);
    arena_free(a);
    (void)state;
}

static void
test_of_a_member_that_stands_twice_the_first_counts(void **state)
{
    static const char *const members[] = {"title",   "title", "Name",          "InvestigationName",
                                          "Verdict", "Url",   "LastModifiedBy"};
    for (size_t i = 0; i < GOODS; i++) {
        struct arena *a = arena_new(ARENA_LIMIT);
        struct slice s = with_member(&goods[i], members[i], SLICE("\"Other\""), a);
        assert_int_equal(take(goods[i].source, with_member(&goods[i], members[i], SLICE("1"), a)),
                         ALERT);
        assert_int_equal(take(goods[i].source, s), ALERT);
        struct alert al;
        const struct source_document doc = {s, NOON};
        assert_int_equal(goods[i].source->map(&doc, 1, SLICE(DIRECTORY), a, &al).kind, ERR_NONE);
        bool titled = i < 3;
        assert_true(!titled || slice_eq(al.title, SLICE("Other")));
        arena_free(a);
    }
    (void)state;
}

static void
test_references_that_go_in_circles_end(void **state)
{
    static const char *const texts[] = {
        "{\"ProviderAlertId\":\"A\",\"AlertDisplayName\":\"n\",\"Entities\":{\"$ref\":\"1\"},"
        "\"$id\":\"1\"}",
        "{\"ProviderAlertId\":\"A\",\"AlertDisplayName\":\"n\",\"Entities\":[{\"$id\":\"1\","
        "\"$ref\":\"1\"},{\"$ref\":\"2\"},{\"$id\":\"2\",\"$ref\":\"1\",\"Type\":\"ip\"}]}",
        "{\"ProviderAlertId\":\"A\",\"AlertDisplayName\":\"n\",\"Entities\":[{\"$id\":\"1\","
        "\"Type\":\"mailMessage\",\"Files\":[{\"$ref\":\"1\"}]},{\"$id\":\"2\",\"Type\":"
        "\"process\","
        "\"ParentProcess\":{\"$ref\":\"2\"},\"ImageFile\":{\"$ref\":\"2\"}}]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct arena *a = arena_new(ARENA_LIMIT);
        struct slice s = with_data(goods[3].record, slice_of(texts[i]), a);
        assert_int_equal(take(&source_mail, s), ALERT);
        arena_free(a);
    }
    (void)state;
}

/* ---- lines */

static void
test_lines_of_any_kind_end_well(void **state)
{
    const struct {
        struct slice line;
        enum fate fate;
    } rows[] = {
        {SLICE(LINE_HEAD LINE_URL), ALERT},
        {SLICE(LINE_HEAD), ALERT},
        {SLICE(LINE_HEAD "cs1=" LINE_URL LINE_URL), ALERT},
        {SLICE(LINE_HEAD "shost=a\0b suser=\0 " LINE_URL), ALERT},
        {SLICE(LINE_HEAD "shost=\xff\xfe suser=\xed\xa0\x80 " LINE_URL), ALERT},
        {SLICE(LINE_HEAD "shost=. dhost=... suser=\\ duser=@ src=::: " LINE_URL), ALERT},
        {SLICE(LINE_HEAD "suser=\\\\\\\\ duser=a\\ " LINE_URL), ALERT},
        {SLICE(LINE_HEAD "start=99999-99-99T99:99:99Z " LINE_URL), ALERT},
        {SLICE(LINE_HEAD "start=0001-01-01T00:00:00Z " LINE_URL), ALERT},
        {SLICE(LINE_HEAD "externalId=99999999999999999999999 " LINE_URL), ALERT},
        {SLICE(LINE_HEAD "cs3Label=cs3Label cs3=cs3Label cs2Label=cs2 cs2= " LINE_URL), ALERT},
        {SLICE("|Microsoft|Azure ATP|1|XSecurityAlert|T|5|start=2019-12-02T10:00:00Z"), ALERT},
        {SLICE("|Microsoft|Azure ATP|1|XSecurityAlert|T|5|msg=no time"), REFUSED},
        {SLICE("|Microsoft|Azure ATP|1|||5|start=2019-12-02T10:00:00Z"), REFUSED},
        {SLICE("|Microsoft|Azure ATP"), REFUSED},
        {SLICE("CEF:0||||||"), REFUSED},
        {SLICE("CEF:0|Other|P|1|EVENT_X|n|3|"), IGNORED},
        {SLICE("TTTTTTTTTTTTTTTTTTTTTTTTTTTT"), REFUSED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("row %zu\n", i);
        assert_int_equal(take(&source_identity, rows[i].line), rows[i].fate);
    }
    (void)state;
}

static void
test_long_lines_end_well(void **state)
{
    static const char *const fill[] = {"a",  "T",        " cs1=", "|",
                                       "\\", " shost=x", "\\=",   "2019-12-02T"};
    for (size_t k = 0; k < sizeof fill / sizeof *fill; k++) {
        struct arena *a = arena_new(ARENA_LIMIT);
        struct slice head = SLICE(LINE_HEAD LINE_URL "msg=");
        struct slice most = repeated(fill[k], 200000 / strlen(fill[k]), a);
        struct slice more = repeated(fill[k], MIB / strlen(fill[k]), a);
        assert_int_equal(take(&source_identity, slice_join(a, head, most)), ALERT);
        assert_int_equal(take(&source_identity, slice_join(a, head, more)), REFUSED);
        (void)take(&source_identity, slice_join(a, most, head));
        arena_free(a);
    }
    (void)state;
}

/* ---- memory */

/*
 * With less memory than it needs a document is put off or refused; an alert that lacks a part of
 * itself is never the answer.
 */
static void
assert_whole_or_nothing(const struct source *s, struct slice payload, size_t step)
{
    struct arena *large = arena_new(ARENA_LIMIT), *text = arena_new(ARENA_LIMIT);
    struct alert want, got;
    const struct source_document doc = {.payload = payload, .received = NOON};
    assert_int_equal(s->map(&doc, 1, SLICE(DIRECTORY), large, &want).kind, ERR_NONE);
    size_t need = arena_used(large), good = 0;
    struct slice expected = alert_json(&want, text);
    for (size_t limit = 0; limit <= need + step; limit += step) {
        struct arena *small = arena_new(limit);
        struct err e = s->map(&doc, 1, SLICE(DIRECTORY), small, &got);
        if (e.kind == ERR_NONE) {
            struct slice is = alert_json(&got, text);
            if (!slice_eq(is, expected))
                fail_msg("with %zu of %zu bytes: %.*s", limit, need, SLICE_ARG(is));
            good++;
        } else {
            assert_int_equal(e.kind, ERR_RETRY);
            assert_non_null(e.code);
        }
        arena_free(small);
    }
    assert_true(good > 0);
    arena_free(text);
    arena_free(large);
}

static void
test_with_too_little_memory_no_alert_loses_a_part(void **state)
{
    for (size_t i = 0; i < GOODS; i++) {
        struct arena *a = arena_new(ARENA_LIMIT);
        print_message("%s\n", goods[i].name);
        assert_whole_or_nothing(goods[i].source, whole(&goods[i], a), 16);
        arena_free(a);
    }
    assert_whole_or_nothing(&source_identity,
                            SLICE(LINE_HEAD "shost=PC1 shostfqdn=pc1.x.example suser=u@x.example "
                                            "src=192.0.2.1 externalId=2007 " LINE_URL),
                            16);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_strings_of_a_mebibyte_are_cut),
        cmocka_unit_test(test_an_id_of_a_mebibyte_makes_no_key_of_that_size),
        cmocka_unit_test(test_five_thousand_items_are_cut_to_the_limit),
        cmocka_unit_test(test_of_a_member_that_stands_twice_the_first_counts),
        cmocka_unit_test(test_references_that_go_in_circles_end),
        cmocka_unit_test(test_lines_of_any_kind_end_well),
        cmocka_unit_test(test_long_lines_end_well),
        cmocka_unit_test(test_with_too_little_memory_no_alert_loses_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
