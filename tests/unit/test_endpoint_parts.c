#include "tests/unit/endpoint_rig.h"

#include "ingest/endpoint_document.h"

enum { CALL_PARTS = 2 };

#define OLD(id, time)                                                                              \
    "{\"id\":\"" id "\", \"lastUpdateTime\":\"" time "\",\"alertFiles\":[],\"alertUser\":null}"
#define LIST_OF_ONE "{\"value\":[" OLD("da1_-2", "2019-12-01T01:00:00.57Z") "]}"

/* The first request of the chain that completes the one alert of a list. */
static struct source_request
begin(struct world *w)
{
    struct source_request r = first(w, never);
    struct page p = page(w, &r, LIST_OF_ONE);
    assert_int_equal(p.n_alerts, 0);
    assert_int_equal(p.n_next, 1);
    return p.next[0];
}

static struct page
answer(struct world *w, const struct source_request *r, long status, const char *body)
{
    struct page p;
    struct err e = parse(w, r, status, "", slice_of(body), &p);
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
    return p;
}

static void
test_an_alert_without_evidence_is_completed_from_its_sub_resources(void **state)
{
    static const struct {
        const char *url;
        long status;
        const char *body;
    } rows[] = {
        {BASE "/alerts/da1_-2/files", 200, "{\"value\": [{\"sha1\":\"a\"}]}"},
        {BASE "/alerts/da1_-2/ips", 200, "{\"value\":[{\"id\":\"192.0.2.1\"}]}"},
        {BASE "/alerts/da1_-2/domains", 404, "{\"error\":{\"code\":\"NotFound\"}}"},
        {BASE "/alerts/da1_-2/user", 204, ""},
        {BASE "/alerts/da1_-2/machine", 200, "{\"id\":\"m1\"}"},
    };
    struct world *w = *state;
    struct source_request r = begin(w);
    struct page p = {.n_next = 1};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_slice(r.http.url, rows[i].url);
        assert_int_equal(r.call, CALL_PARTS + (int)i);
        assert_true(r.together);
        assert_int_equal(p.n_alerts, 0);
        assert_int_equal(p.n_next, 1);
        p = answer(w, &r, rows[i].status, rows[i].body);
        assert_int_equal(p.warn.kind, ERR_NONE);
        if (p.n_next > 0)
            r = p.next[0];
    }
    assert_int_equal(p.n_next, 0);
    assert_int_equal(p.n_alerts, 1);
    assert_slice(p.alerts[0].native_id, "da1_-2");
    assert_int_equal(p.alerts[0].version, at("2019-12-01T01:00:00.57Z"));
    assert_slice(
        p.alerts[0].payload,
        "{\"alert\":" OLD(
            "da1_-2", "2019-12-01T01:00:00.57Z") ",\"files\":{\"value\": "
                                                 "[{\"sha1\":\"a\"}]},\"ips\":{\"value\":[{\"id\":"
                                                 "\"192.0.2.1\"}]},\"domains\":"
                                                 "null,\"user\":null,\"machine\":{\"id\":\"m1\"}}");
    struct source_ident ident;
    struct err e = source_endpoint.ident(p.alerts[0].payload, IDENTITY_OFF, w->arena, &ident);
    assert_int_equal(e.kind, ERR_NONE);
    assert_slice(ident.native_id, "da1_-2");
    assert_int_equal(ident.version, at("2019-12-01T01:00:00.57Z"));
}

/* Answers every request of a chain with 404; the page that ends it. */
static struct page
finish(struct world *w, struct source_request r)
{
    for (int i = 0; i < PARTS; i++) {
        struct page p = answer(w, &r, 404, "");
        if (p.n_next == 0)
            return p;
        r = p.next[0];
    }
    fail_msg("the chain does not end");
    return (struct page){.n_next = 0};
}

static void
test_what_was_completed_is_not_asked_for_again_until_it_changes(void **state)
{
    struct world *w = *state;
    struct page p = finish(w, begin(w));
    keep_notes(w, &p);
    struct source_request r = first(w, never);
    p = page(w, &r, LIST_OF_ONE);
    assert_int_equal(p.n_alerts + p.n_next, 0);
    assert_int_equal(p.at.since, at("2019-12-01T01:00:00.57Z"));
    /* the same time, other content: sources.md 2.11 */
    p = page(w, &r,
             "{\"value\":[{\"id\":\"da1_-2\",\"lastUpdateTime\":\"2019-12-01T01:00:00.57Z\","
             "\"comments\":[1]}]}");
    assert_int_equal(p.n_next, 1);
    /* seen for long, it stays known */
    w->c.now += 36 * 3600 * CLOCK_SECOND;
    r = first(w, never);
    p = page(w, &r, LIST_OF_ONE);
    assert_int_equal(p.n_next, 0);
    assert_int_equal(p.n_notes, 1);
    assert_int_equal(p.notes[0].until, w->c.now + 48 * 3600 * CLOCK_SECOND);
}

static void
test_an_empty_evidence_list_counts_only_when_it_was_asked_for(void **state)
{
    static const struct {
        bool plain;
        const char *evidence;
        bool completed;
    } rows[] = {
        {false, "[]", false},
        {false, "null", true},
        {true, "[]", true},
        {true, "[{\"entityType\":\"Ip\"}]", false},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct source_request r = first(w, never);
        r.step = rows[i].plain ? 1 : 0;
        struct slice body =
            slice_printf(w->arena,
                         "{\"value\":[{\"id\":\"da1\",\"lastUpdateTime\":\"2019-12-01T01:00:00Z\","
                         "\"evidence\":%s}]}",
                         rows[i].evidence);
        struct page p = page(w, &r, body.p);
        assert_int_equal(p.n_next, rows[i].completed);
        assert_int_equal(p.n_alerts, !rows[i].completed);
    }
}

/* ---- how many at once */

static struct slice
list_of(struct world *w, int n)
{
    struct slice body = SLICE("{\"value\":[");
    for (int i = n; i-- > 0;)
        body = slice_printf(w->arena,
                            "%.*s%s{\"id\":\"da%d\",\"lastUpdateTime\":\"2019-12-01T01:%02d:00Z\"}",
                            SLICE_ARG(body), i + 1 < n ? "," : "", i, i);
    return slice_printf(w->arena, "%.*s]}", SLICE_ARG(body));
}

static void
large_pages(struct world *w, const char *complete_max)
{
    const char *const flags[] = {complete_max, NULL};
    const struct opt *const tables[] = {source_endpoint.opts, NULL};
    conf_free(w->conf);
    struct err e = conf_load(tables, "/dev/null", flags, &w->conf);
    assert_int_equal(e.kind, ERR_NONE);
    w->c.conf = w->conf;
}

static void
test_a_round_completes_so_many_and_the_next_goes_on(void **state)
{
    struct world *w = *state;
    large_pages(w, "ingest.endpoint.complete_max=4");
    struct source_request r = first(w, never);
    struct page p;
    struct err e = parse(w, &r, 200, "", list_of(w, 10), &p);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(p.n_next, 1); /* the first shows what may be read */
    assert_true(p.again);
    assert_slice(p.next[0].http.url, BASE "/alerts/da0/files");
    assert_int_equal(p.at.since, at("2019-12-01T01:00:00Z"));
    p = finish(w, p.next[0]);
    keep_notes(w, &p);
    assert_non_null(note(w, "m:parts"));

    r = first(w, never);
    assert_true(has(r.http.url, "$top=1000"));
    e = parse(w, &r, 200, "", list_of(w, 10), &p);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(p.n_next, 4);
    assert_true(p.again);
    assert_slice(p.next[3].http.url, BASE "/alerts/da4/files");
    assert_int_equal(p.at.since, at("2019-12-01T01:04:00Z"));
}

static void
test_large_alerts_are_completed_few_at_a_time_or_not_at_all(void **state)
{
    struct world *w = *state;
    large_pages(w, "ingest.endpoint.complete_max=200");
    struct page p = finish(w, begin(w));
    keep_notes(w, &p);
    struct source_request r = first(w, never);
    static const struct {
        int size, n, chains, alerts;
    } rows[] = {{20 * 1024, 30, 24, 0}, {140 * 1024, 30, 21, 0}, {600 * 1024, 9, 0, 9}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice body = SLICE("{\"value\":[");
        char *blank = arena_alloc(w->arena, (size_t)rows[i].size + 1);
        memset(blank, ' ', (size_t)rows[i].size);
        for (int k = 0; k < rows[i].n; k++)
            body = slice_printf(w->arena, "%.*s%s{\"id\":\"da%d\"%s}", SLICE_ARG(body),
                                k > 0 ? "," : "", k, blank);
        struct err e = parse(w, &r, 200, "", slice_join(w->arena, body, SLICE("]}")), &p);
        assert_int_equal(e.kind, ERR_NONE);
        assert_int_equal(p.n_next, rows[i].chains);
        assert_int_equal(p.n_alerts, rows[i].alerts);
    }
}

static void
test_none_are_completed_when_the_operator_says_so(void **state)
{
    struct world *w = *state;
    large_pages(w, "ingest.endpoint.complete_max=0");
    struct source_request r = first(w, never);
    struct page p = page(w, &r, LIST_OF_ONE);
    assert_int_equal(p.n_alerts, 1);
    assert_int_equal(p.n_next, 0);
}

static void
test_an_id_that_is_no_step_of_a_path_is_not_asked_for(void **state)
{
    static const struct {
        const char *id;
        const char *url; /* NULL: the alert goes as it came */
    } rows[] = {
        {"..", NULL},
        {"da1/../x?y#z", BASE "/alerts/da1%2F..%2Fx%3Fy%23z/files"},
        {"d\xc3\xa4", BASE "/alerts/d%C3%A4/files"},
    };
    struct world *w = *state;
    struct source_request r = first(w, never);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct page p =
            page(w, &r, slice_printf(w->arena, "{\"value\":[{\"id\":\"%s\"}]}", rows[i].id).p);
        assert_int_equal(p.n_next, rows[i].url != NULL);
        if (rows[i].url == NULL)
            continue;
        assert_slice(p.next[0].http.url, rows[i].url);
        p = finish(w, p.next[0]);
        keep_notes(w, &p); /* a key of printable ASCII, whatever the id */
    }
}

/* ---- what a sub-resource cannot give */

static void
test_a_part_without_permission_is_left_out_for_an_hour_and_named(void **state)
{
    static const char *const permissions[] = {
        "/files: grant File.Read.All", "/ips: grant Ip.Read.All", "/domains: grant URL.Read.All",
        "/user: grant User.Read.All", "/machine: grant Machine.Read.All"};
    struct world *w = *state;
    struct source_request r = begin(w);
    struct page p = {.n_next = 0};
    for (size_t i = 0; i < PARTS; i++) {
        p = answer(w, &r, 403, "{\"error\":{\"code\":\"Forbidden\"}}");
        assert_string_equal(p.warn.code, "endpoint.part_forbidden");
        if (strstr(p.warn.text, permissions[i]) == NULL || strstr(p.warn.text, "consent") == NULL)
            fail_msg("%s", p.warn.text);
        keep_notes(w, &p);
        if (p.n_next > 0)
            r = p.next[0];
    }
    assert_int_equal(p.n_alerts, 1);
    assert_slice(p.alerts[0].payload, "{\"alert\":" OLD("da1_-2", "2019-12-01T01:00:00.57Z") "}");
    r = first(w, never);
    p = page(w, &r, "{\"value\":[{\"id\":\"da2\"}]}"); /* as it came: there is nothing to ask */
    assert_int_equal(p.n_alerts, 1);
    assert_int_equal(p.n_next, 0);
    w->c.now += 3601 * CLOCK_SECOND;
    r = first(w, never);
    p = page(w, &r, "{\"value\":[{\"id\":\"da2\"}]}");
    assert_int_equal(p.n_next, 1);
}

static void
test_a_broken_part_is_tried_three_times_and_then_left_out(void **state)
{
    static const struct {
        long status;
        const char *body;
        int tries;
    } rows[] = {
        {500, "", 3}, {200, "{\"value\":[", 3}, {200, "<html>", 3}, {400, "{}", 1}, {409, "", 1},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct source_request r = begin(w);
        struct page p = {.n_next = 0};
        for (int k = 0; k < rows[i].tries; k++) {
            assert_true(slice_ends(r.http.url, SLICE("/files")));
            p = answer(w, &r, rows[i].status, rows[i].body);
            assert_int_equal(p.n_next, 1);
            r = p.next[0];
        }
        assert_string_equal(p.warn.code, "endpoint.part");
        assert_true(slice_ends(r.http.url, SLICE("/ips")));
        p = finish(w, r);
        assert_int_equal(p.n_alerts, 1);
        assert_false(has(p.alerts[0].payload, "\"files\""));
    }
}

static void
test_a_part_that_is_too_large_or_too_deep_is_left_out(void **state)
{
    struct world *w = *state;
    struct source_request r = begin(w);
    char *text = arena_alloc(w->arena, 400 * 1024);
    memset(text, ' ', 399 * 1024);
    text[0] = '[';
    text[399 * 1024 - 1] = ']';
    struct page p = answer(w, &r, 200, text);
    assert_string_equal(p.warn.code, "endpoint.part");
    memset(text, '[', 100);
    memset(text + 100, ']', 100);
    text[200] = '\0';
    p = answer(w, &r, 200, text);
    assert_string_equal(p.warn.code, "endpoint.part");
    assert_true(slice_ends(p.next[0].http.url, SLICE("/ips")));
}

static void
test_a_busy_service_is_waited_for(void **state)
{
    static const struct {
        long status;
        enum err_kind kind;
        const char *code;
    } rows[] = {
        {429, ERR_RETRY, "endpoint.busy"},
        {503, ERR_RETRY, "endpoint.server"},
        {408, ERR_RETRY, "endpoint.server"},
        {401, ERR_STOP, "endpoint.token"},
    };
    struct world *w = *state;
    struct source_request r = begin(w);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct page p;
        struct err e = parse(w, &r, rows[i].status, "", SLICE(""), &p);
        assert_int_equal(e.kind, rows[i].kind);
        assert_string_equal(e.code, rows[i].code);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_an_alert_without_evidence_is_completed_from_its_sub_resources),
        T(test_what_was_completed_is_not_asked_for_again_until_it_changes),
        T(test_an_empty_evidence_list_counts_only_when_it_was_asked_for),
        T(test_a_round_completes_so_many_and_the_next_goes_on),
        T(test_large_alerts_are_completed_few_at_a_time_or_not_at_all),
        T(test_none_are_completed_when_the_operator_says_so),
        T(test_an_id_that_is_no_step_of_a_path_is_not_asked_for),
        T(test_a_part_without_permission_is_left_out_for_an_hour_and_named),
        T(test_a_broken_part_is_tried_three_times_and_then_left_out),
        T(test_a_part_that_is_too_large_or_too_deep_is_left_out),
        T(test_a_busy_service_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
