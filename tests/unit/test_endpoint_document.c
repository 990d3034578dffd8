#include "tests/unit/endpoint_rig.h"

#include "ingest/endpoint_document.h"

static struct endpoint_document
read_text(struct world *w, struct slice text)
{
    struct endpoint_document doc;
    struct err e = endpoint_document_read(text, w->arena, &doc);
    if (e.kind)
        fail_msg("%s in %.*s", e.text, SLICE_ARG(text));
    return doc;
}

static void
test_an_alert_and_its_parts_keep_their_bytes(void **state)
{
    struct world *w = *state;
    struct slice alert = SLICE("{ \"id\":\"da1\",\"lastUpdateTime\" : \"2019-12-01T01:00:00Z\"}");
    struct slice doc = endpoint_document_begin(alert, w->arena);
    doc = endpoint_document_add(doc, PART_FILES, SLICE("{\"value\" : [ ]}\n"), w->arena);
    doc = endpoint_document_add(doc, PART_MACHINE, SLICE("null"), w->arena);
    assert_slice(doc, "{\"alert\":{ \"id\":\"da1\",\"lastUpdateTime\" : "
                      "\"2019-12-01T01:00:00Z\"},\"files\":{\"value\" : [ ]}\n,\"machine\":null}");
    struct endpoint_document got = read_text(w, doc);
    assert_slice(json_get_text(got.alert, "id"), "da1");
    assert_int_equal(json_type(got.parts[PART_FILES]), JSON_OBJECT);
    assert_int_equal(json_type(got.parts[PART_MACHINE]), JSON_NULL);
    assert_int_equal(json_type(got.parts[PART_USER]), JSON_ABSENT);
}

static void
test_an_alert_with_a_member_called_alert_is_an_alert(void **state)
{
    struct endpoint_document got =
        read_text(*state, SLICE("{\"Id\":\"da1\",\"alert\":{\"id\":\"da2\"},\"files\":[]}"));
    assert_slice(json_get_text(got.alert, "id"), "da1");
    assert_int_equal(json_type(got.parts[PART_FILES]), JSON_ABSENT);
}

static void
test_names_in_any_letter_case_are_read_as_documented(void **state)
{
    static const char *const texts[] = {
        "{\"ID\":\"a\\\"Title\",\"AlertCreationTime\":\"x\",\"LASTUPDATETIME\":\"y\",\"Evidence\":"
        "[{\"EntityType\":\"Ip\",\"IPAddress\":\"192.0.2.1\",\"URL\":\"Title\"}],\"Odd\":1}",
        "{\"id\":\"a\\\"Title\",\"alertcreationtime\":\"x\",\"lastupdatetime\":\"y\",\"evidence\":"
        "[{\"entitytype\":\"Ip\",\"ipaddress\":\"192.0.2.1\",\"url\":\"Title\"}],\"Odd\":1}",
        "{\"id\":\"a\\\"Title\",\"alertCreationTime\":\"x\",\"lastUpdateTime\":\"y\",\"evidence\":"
        "[{\"EntityType\":\"Ip\",\"IpAddress\":\"192.0.2.1\",\"Url\":\"Title\"}],\"Odd\":1}",
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct json alert = read_text(w, slice_of(texts[i])).alert;
        assert_slice(json_minify(alert, w->arena),
                     "{\"id\":\"a\\\"Title\",\"alertCreationTime\":\"x\",\"lastUpdateTime\":\"y\","
                     "\"evidence\":[{\"entityType\":\"Ip\",\"ipAddress\":\"192.0.2.1\",\"url\":"
                     "\"Title\"}],\"Odd\":1}");
    }
}

static void
test_the_exact_name_goes_before_another_letter_case(void **state)
{
    struct world *w = *state;
    struct json doc = read_text(w, SLICE("{\"Other\":1,\"other\":2,\"lastUpdateTime\":0}")).alert;
    int64_t n = 0;
    assert_true(json_int(endpoint_member(doc, "other"), &n));
    assert_int_equal(n, 2);
    assert_true(json_int(endpoint_member(doc, "OTHER"), &n));
    assert_int_equal(n, 1);
    assert_int_equal(json_type(endpoint_member(doc, "none")), JSON_ABSENT);
}

static void
test_a_print_tells_contents_apart_not_where_they_came_from(void **state)
{
    static const struct {
        const char *x, *y;
        bool evidence, same;
    } rows[] = {
        {"{\"id\":\"a\",\"t\":1}", "{ \"id\" : \"a\", \"t\" : 1 }", true, true},
        {"{\"id\":\"a\"}", "{\"@odata.context\":\"x\",\"id\":\"a\"}", true, true},
        {"{\"id\":\"a\",\"t\":1}", "{\"id\":\"a\",\"t\":2}", true, false},
        {"{\"id\":\"a\",\"evidence\":[]}", "{\"id\":\"a\",\"evidence\":[1]}", true, false},
        {"{\"id\":\"a\",\"evidence\":[]}", "{\"id\":\"a\",\"evidence\":[1]}", false, true},
        {"{\"id\":\"a\"}", "{\"id\":\"a\",\"evidence\":[1]}", false, true},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t x =
            endpoint_print(read_text(w, slice_of(rows[i].x)).alert, rows[i].evidence, w->arena);
        int64_t y =
            endpoint_print(read_text(w, slice_of(rows[i].y)).alert, rows[i].evidence, w->arena);
        assert_int_equal(x == y, rows[i].same);
        assert_int_not_equal(x, 0);
    }
}

static void
test_what_is_no_document_is_refused(void **state)
{
    static const char *const texts[] = {"", "7", "[]", "null", "{\"alert\":", "{\"alert\":{}}x"};
    struct world *w = *state;
    struct endpoint_document doc;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct err e = endpoint_document_read(slice_of(texts[i]), w->arena, &doc);
        assert_int_equal(e.kind, ERR_REJECT);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_an_alert_and_its_parts_keep_their_bytes),
        T(test_an_alert_with_a_member_called_alert_is_an_alert),
        T(test_names_in_any_letter_case_are_read_as_documented),
        T(test_the_exact_name_goes_before_another_letter_case),
        T(test_a_print_tells_contents_apart_not_where_they_came_from),
        T(test_what_is_no_document_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
