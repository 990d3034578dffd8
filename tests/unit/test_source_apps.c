#include "apps_world.h"

static const struct cursor never = {CLOCK_NONE, CLOCK_NONE, CLOCK_NONE, false};

static struct source_request *
first(struct world *w, struct cursor cursor)
{
    struct source_request *r = NULL;
    size_t n = 0;
    struct err e = source_apps.first(&w->c, &cursor, w->arena, &r, &n);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(n, 2);
    return r;
}

static struct err
parse(struct world *w, const struct source_request *asked, long status, const char *headers,
      struct slice body, struct page *out)
{
    const struct answer got = {.asked = asked,
                               .conf = &w->c,
                               .status = status,
                               .headers = slice_of(headers),
                               .body = body};
    return source_apps.parse(&got, w->arena, out);
}

static struct page
page(struct world *w, const struct source_request *asked, struct slice body)
{
    struct page out;
    struct err e = parse(w, asked, 200, "", body, &out);
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
    return out;
}

/* n alerts raised a second apart from the time. */
static struct slice
rows(struct world *w, int64_t from, int n, bool more)
{
    size_t room = (size_t)n * 80 + 100;
    char *body = arena_alloc(w->arena, room);
    size_t used = (size_t)snprintf(body, room, "{\"data\":[");
    for (int i = 0; i < n; i++)
        used +=
            (size_t)snprintf(body + used, room - used, "%s{\"_id\":\"%024x\",\"timestamp\":%lld}",
                             i > 0 ? "," : "", i, (long long)(from / 10000 + i * 1000));
    used += (size_t)snprintf(body + used, room - used, "],\"hasNext\":%s,\"total\":%d}",
                             more ? "true" : "false", n);
    return (struct slice){body, used};
}

/* ---- asking */

static void
test_a_round_asks_for_what_was_raised_and_what_was_closed(void **state)
{
    struct world *w = *state;
    struct cursor cursor = never;
    cursor.since = at("2020-01-19T00:00:00Z");
    struct source_request *r = first(w, cursor);
    assert_string_equal(r[0].http.method, "POST");
    assert_slice(r[0].http.url, BASE "/api/v1/alerts/");
    /* one day before the watermark; the other one has none and begins at the start */
    assert_slice(r[0].http.body,
                 "{\"filters\":{\"date\":{\"range\":[{\"start\":1579305600000,\"end\":"
                 "1579478400000}]}},\"sortField\":\"date\","
                 "\"sortDirection\":\"asc\",\"skip\":0,\"limit\":100}");
    assert_slice(r[1].http.body,
                 "{\"filters\":{\"resolutionDate\":{\"range\":[{\"start\":1578960000000,\"end\":"
                 "1579478400000}]}},\"sortField\":\"date\",\"sortDirection\":\"asc\",\"skip\":0,"
                 "\"limit\":100}");
    struct json doc;
    struct err e = json_parse(r[1].http.body, w->arena, &doc);
    assert_int_equal(e.kind, ERR_NONE);
    w->c.base_url = SLICE("https://portal.example.com/cas/api/v1");
    assert_slice(first(w, never)[0].http.url, "https://portal.example.com/cas/api/v1/alerts/");
    w->c.base_url = SLICE("https://portal.example.com/cas");
    assert_slice(first(w, never)[0].http.url, "https://portal.example.com/cas/api/v1/alerts/");
}

/* ---- pages */

static void
test_pages_follow_until_there_is_no_next(void **state)
{
    struct world *w = *state;
    struct source_request *r = first(w, never);
    struct page p = page(w, &r[0], rows(w, at("2020-01-15T00:00:00Z"), 100, true));
    assert_int_equal(p.n_alerts, 100);
    assert_int_equal(p.n_next, 1);
    assert_int_equal(p.next[0].skip, 100);
    assert_true(slice_find(p.next[0].http.body, SLICE("\"skip\":100"), 0) < p.next[0].http.body.n);
    assert_int_equal(p.at.since, CLOCK_NONE); /* not before the chain's end */
    struct source_request second = p.next[0];
    p = page(w, &second, rows(w, at("2020-01-14T12:00:00Z"), 2, false));
    assert_int_equal(p.n_next, 0);
    assert_int_equal(p.at.since, at("2020-01-15T00:01:39Z")); /* the newest of both pages */
    assert_int_equal(p.at.closed, CLOCK_NONE);
    assert_false(p.again);
}

static void
test_an_empty_page_ends_the_chain_whatever_it_says(void **state)
{
    struct world *w = *state;
    struct cursor cursor = never;
    cursor.since = at("2020-01-19T00:00:00Z");
    struct source_request *r = first(w, cursor);
    struct page p = page(w, &r[0], SLICE("{\"data\":[],\"hasNext\":true}"));
    assert_int_equal(p.n_next + p.n_alerts, 0);
    assert_int_equal(p.at.since, cursor.since);
}

static void
test_closures_raise_their_own_watermark(void **state)
{
    struct world *w = *state;
    struct source_request *r = first(w, never);
    struct page p = page(w, &r[1],
                         SLICE("{\"data\":[{\"_id\":\"a\",\"timestamp\":1579000000000,"
                               "\"resolveTime\":\"2020-01-16T14:02:34.904Z\"},"
                               "{\"_id\":\"b\",\"resolveTime\":\"null\"}],"
                               "\"hasNext\":false}"));
    assert_int_equal(p.at.since, CLOCK_NONE);
    assert_int_equal(p.at.closed, at("2020-01-16T14:02:34.904Z"));
    assert_int_equal(p.n_alerts, 2);
    assert_int_equal(p.alerts[0].version, CLOCK_NONE);
}

static void
test_closures_that_do_not_say_when_are_not_read_for_ever(void **state)
{
    struct world *w = *state;
    struct source_request *r = first(w, never);
    struct page p = page(w, &r[1], SLICE("{\"data\":[{\"_id\":\"b\",\"resolveTime\":\"null\"}]}"));
    assert_int_equal(p.at.closed, w->c.now);
    p = page(w, &r[1], SLICE("{\"data\":[]}"));
    assert_int_equal(p.at.closed, CLOCK_NONE);
}

static void
test_the_end_of_a_chain_is_found_in_whatever_the_answer_has(void **state)
{
    static const struct {
        int rows;
        const char *end;
        bool more;
    } table[] = {
        {3, "\"hasNext\":true,\"total\":3", true},
        {3, "\"hasNext\":\"true\"", true},
        {3, "\"hasNext\":1", true},
        {100, "\"hasNext\":false,\"total\":7000,\"moreThanTotal\":true", false},
        {100, "\"hasNext\":\"false\"", false},
        {100, "\"total\":5", true},
        {99, "\"max\":99", false},
        {99, "\"hasNext\":null,\"total\":\"200\"", true},
        {0, "\"hasNext\":true", false},
        {0, "\"total\":9", false},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct source_request *r = first(w, never);
        struct slice body = rows(w, at("2020-01-15T00:00:00Z"), table[i].rows, true);
        body = slice_printf(w->arena, "%.*s],%s}",
                            SLICE_ARG(slice_sub(body, 0, slice_find(body, SLICE("],"), 0))),
                            table[i].end);
        struct page p = page(w, &r[0], body);
        if ((p.n_next == 1) != table[i].more)
            fail_msg("row %zu", i);
    }
}

static void
test_a_page_that_comes_again_is_not_the_next_one(void **state)
{
    struct world *w = *state;
    struct source_request *r = first(w, never), second;
    struct slice body = rows(w, at("2020-01-15T00:00:00Z"), 100, true);
    second = page(w, &r[0], body).next[0];
    struct page p;
    struct err e = parse(w, &second, 200, "", body, &p);
    assert_int_equal(e.kind, ERR_RETRY);
    assert_string_equal(e.code, "apps.repeats");
    p = page(w, &second, rows(w, at("2020-01-15T00:10:00Z"), 100, true));
    assert_int_equal(p.next[0].skip, 200);
}

static void
test_a_time_from_the_future_cannot_hide_what_comes(void **state)
{
    struct world *w = *state;
    struct source_request *r = first(w, never);
    struct page p =
        page(w, &r[0], SLICE("{\"data\":[{\"_id\":\"a\",\"timestamp\":99999999999999}]}"));
    assert_int_equal(p.at.since, w->c.now);
}

static struct err
parse_too_large(struct world *w, const struct source_request *asked, struct page *out)
{
    const struct answer got = {
        .asked = asked,
        .conf = &w->c,
        .headers = SLICE(""),
        .body = SLICE(""),
        .failed = err_make(ERR_REJECT, "fetch.too_large", "POST: the answer is too large")};
    return source_apps.parse(&got, w->arena, out);
}

static void
test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(void **state)
{
    static const int limits[] = {50, 25, 12, 6, 3, 1};
    struct world *w = *state;
    struct source_request r = first(w, never)[0];
    struct page p;
    struct err e;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        e = parse_too_large(w, &r, &p);
        assert_int_equal(e.kind, ERR_NONE);
        assert_int_equal(p.warn.kind, ERR_NONE);
        assert_int_equal(p.n_next, 1);
        r = p.next[0];
        char expected[40];
        (void)snprintf(expected, sizeof expected, "\"skip\":0,\"limit\":%d}", limits[i]);
        assert_true(slice_ends(r.http.body, slice_of(expected)));
    }
    e = parse_too_large(w, &r, &p); /* one alone: the others must not wait for it */
    assert_int_equal(e.kind, ERR_NONE);
    assert_string_equal(p.warn.code, "fetch.too_large");
    assert_true(slice_ends(p.next[0].http.body, SLICE("\"skip\":1,\"limit\":1}")));
    r = p.next[0];
    p = page(w, &r, rows(w, w->c.start, 1, true));
    assert_int_equal(p.n_alerts, 1);
    assert_true(slice_ends(p.next[0].http.body, SLICE("\"skip\":2,\"limit\":3}")));
}

static void
test_a_long_chain_goes_on_in_the_next_round(void **state)
{
    struct world *w = *state;
    struct source_request *r = first(w, never), asked = r[0];
    asked.skip = 900; /* nine pages were read */
    struct page p = page(w, &asked, rows(w, at("2020-01-17T00:00:00Z"), 100, true));
    assert_int_equal(p.n_next, 0);
    assert_true(p.again);
    assert_int_equal(p.at.since, at("2020-01-17T00:01:39Z"));
    /* but not when the next round would begin where this one did */
    p = page(w, &asked, rows(w, at("2020-01-14T01:00:00Z"), 100, true));
    assert_int_equal(p.n_next, 1);
    assert_false(p.again);
}

static void
test_refusals_say_what_to_do(void **state)
{
    static const struct {
        long status;
        const char *headers, *body;
        enum err_kind kind;
        const char *code;
        int64_t after_ms;
        const char *text; /* part of it */
    } table[] = {
        {429, "Retry-After: 42\r\n", "", ERR_RETRY, "apps.busy", 42000, ""},
        {429, "", "{\"detail\":\"Request was throttled. Expected available in 42 seconds.\"}",
         ERR_RETRY, "apps.busy", 42000, ""},
        {429, "", "", ERR_RETRY, "apps.busy", 60000, ""},
        {401, "", "Invalid token", ERR_STOP, "apps.token", 0, "role does. Invalid token"},
        {403, "", "no", ERR_STOP, "apps.forbidden", 0, "API token"},
        {403, "", "<html>", ERR_STOP, "apps.forbidden", 0, "a security reader makes one"},
        {504, "Retry-After: 7\r\n", "", ERR_RETRY, "apps.server", 7000, ""},
        {404, "", "", ERR_RETRY, "apps.address", 300000, "base_url"},
        {301, "Location: /x\r\n", "", ERR_RETRY, "apps.address", 300000, "base_url"},
        {400, "", "bad filter", ERR_RETRY, "apps.refused", 60000, "bad filter"},
        {502, "", "<html>", ERR_RETRY, "apps.server", 0, ""},
        {200, "", "<html>", ERR_RETRY, "json.syntax", 0, ""},
        {200, "", "{\"data\":[{\"_id\":", ERR_RETRY, "json.syntax", 0, ""},
        {200, "", "{\"data\":null}", ERR_RETRY, "source.shape", 0, "data"},
    };
    struct world *w = *state;
    struct source_request *r = first(w, never);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct page p;
        struct err e =
            parse(w, &r[0], table[i].status, table[i].headers, slice_of(table[i].body), &p);
        if (e.kind != table[i].kind || strcmp(e.code, table[i].code) != 0 ||
            e.after_ms != table[i].after_ms || strstr(e.text, table[i].text) == NULL)
            fail_msg("row %zu: kind %d, %s, %lld ms: %s", i, (int)e.kind,
                     e.kind ? e.code : "no error", (long long)e.after_ms, e.text);
    }
}

static void
test_what_a_refusal_says_holds_no_secret(void **state)
{
    static const char *const bodies[] = {
        "Token 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef is not known",
        "{\"token\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    };
    static const long statuses[] = {400, 401, 403};
    struct world *w = *state;
    struct source_request *r = first(w, never);
    for (size_t i = 0; i < 9; i++) {
        struct page p;
        struct err e = parse(w, &r[0], statuses[i % 3], "", slice_of(bodies[i / 3]), &p);
        assert_int_not_equal(e.kind, ERR_NONE);
        if (strstr(e.text, "0123") != NULL || strstr(e.text, "cdef") != NULL)
            fail_msg("%s", e.text);
        assert_true(i != 0 || strstr(e.text, "is not known") != NULL);
    }
}

static void
test_an_application_is_told_of_its_own_permissions(void **state)
{
    struct world *w = *state;
    struct source_request *r = first(w, never);
    struct page p;
    w->c.token_url = SLICE("https://login.example.com/t/oauth2/token");
    struct err e = parse(w, &r[0], 403, "", SLICE_NONE, &p);
    assert_non_null(strstr(e.text, "Investigation.read"));
    e = parse(w, &r[0], 401, "", SLICE_NONE, &p);
    assert_non_null(strstr(e.text, "resource"));
}

/* sources.md 8.2, line 6: 30 a minute for all that the tenant's applications ask. */
static void
test_every_request_counts_on_the_tenants_one_quota(void **state)
{
    struct world *w = *state;
    struct source_request *r = first(w, never);
    struct page p = page(w, &r[0], rows(w, at("2020-01-15T00:00:00Z"), 100, true));
    assert_int_equal(r[0].call + r[1].call + p.next[0].call, 0);
    assert_int_equal(source_apps.calls[0].per_minute, 30);
    assert_in_range(source_apps.calls[0].share_percent, 1, 50); /* half is for others */
    assert_null(source_apps.calls[1].name);
}

static void
test_a_tenant_whose_agent_sends_is_not_asked(void **state)
{
    struct world *w = *state;
    struct source_request *r = NULL;
    size_t n = 7;
    w->c.base_url = SLICE_NONE;
    w->c.port = 6515;
    struct err e = source_apps.first(&w->c, &never, w->arena, &r, &n);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(n, 0);
}

/* ---- ident */

static void
test_identity_detections_go_the_way_the_tenant_chose(void **state)
{
    static const struct {
        const char *entities;
        enum identity_channel channel;
        enum source_fate fate;
        const char *reason;
    } table[] = {
        {AD, IDENTITY_APPS, FATE_ALERT, NULL},
        {AD, IDENTITY_SYSLOG, FATE_IGNORE, "apps.identity_by_syslog"},
        {AD, IDENTITY_OFF, FATE_IGNORE, "apps.identity_off"},
        {"{\"type\":\"service\",\"id\":\"20940\"}", IDENTITY_OFF, FATE_IGNORE, "apps.identity_off"},
        {"{\"type\":\"ip\",\"id\":20940}", IDENTITY_OFF, FATE_ALERT, NULL},
        {"{\"type\":\"service\",\"id\":11161}", IDENTITY_OFF, FATE_ALERT, NULL},
        {"null", IDENTITY_SYSLOG, FATE_ALERT, NULL},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct source_ident ident;
        struct slice text =
            slice_printf(w->arena, "{\"_id\":\"5e1d8b2a0c204203a335a3fb\",\"entities\":[%s]}",
                         table[i].entities);
        struct err e = source_apps.ident(text, table[i].channel, w->arena, &ident);
        assert_int_equal(e.kind, ERR_NONE);
        assert_int_equal(ident.fate, table[i].fate);
        if (table[i].reason != NULL)
            assert_string_equal(ident.reason, table[i].reason);
        assert_slice(ident.native_id, "5e1d8b2a0c204203a335a3fb");
        assert_int_equal(ident.version, CLOCK_NONE);
    }
}

static void
test_what_is_no_alert_is_dead(void **state)
{
    static const char *const texts[] = {"", "7", "[]", "{}", "{\"_id\":null}", "{\"_id\":\"a\""};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct source_ident ident;
        struct alert al;
        struct source_document doc = {slice_of(texts[i]), 0};
        struct err e = source_apps.ident(doc.payload, IDENTITY_APPS, w->arena, &ident);
        assert_int_equal(e.kind, ERR_REJECT);
        e = source_apps.map(&doc, 1, SLICE(DIRECTORY), w->arena, &al);
        assert_int_equal(e.kind, ERR_REJECT);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_round_asks_for_what_was_raised_and_what_was_closed),
        T(test_pages_follow_until_there_is_no_next),
        T(test_an_empty_page_ends_the_chain_whatever_it_says),
        T(test_closures_raise_their_own_watermark),
        T(test_closures_that_do_not_say_when_are_not_read_for_ever),
        T(test_the_end_of_a_chain_is_found_in_whatever_the_answer_has),
        T(test_a_page_that_comes_again_is_not_the_next_one),
        T(test_a_time_from_the_future_cannot_hide_what_comes),
        T(test_a_page_that_is_too_large_is_asked_for_in_smaller_ones),
        T(test_a_long_chain_goes_on_in_the_next_round),
        T(test_refusals_say_what_to_do),
        T(test_what_a_refusal_says_holds_no_secret),
        T(test_an_application_is_told_of_its_own_permissions),
        T(test_every_request_counts_on_the_tenants_one_quota),
        T(test_a_tenant_whose_agent_sends_is_not_asked),
        T(test_identity_detections_go_the_way_the_tenant_chose),
        T(test_what_is_no_alert_is_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
