#include "tests/unit/endpoint_rig.h"

/* ---- asking */

static void
test_a_first_round_reaches_back_to_the_start(void **state)
{
    struct source_request r = first(*state, never);
    assert_slice(r.http.url,
                 BASE "/alerts?$filter=lastUpdateTime%20ge%202019-12-01T00:00:00Z%20and%20"
                      "lastUpdateTime%20lt%202019-12-02T12:00:00Z&$expand=evidence&$top=3");
    assert_string_equal(r.http.method, "GET");
    assert_null(r.http.body.p);
}

static void
test_a_later_round_begins_five_minutes_before_the_watermark(void **state)
{
    struct cursor cursor = never;
    cursor.since = at("2019-12-02T11:00:00.1234567Z");
    struct source_request r = first(*state, cursor);
    assert_true(slice_find(r.http.url, SLICE("ge%202019-12-02T10:55:00.1234567Z"), 0) <
                r.http.url.n);
}

static void
test_the_base_may_end_at_the_host_the_api_or_the_list(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *base, *url;
    } rows[] = {
        {"http://127.0.0.1:8080", "http://127.0.0.1:8080/api/alerts?$filter="},
        {"https://api.securitycenter.windows.com/api",
         "https://api.securitycenter.windows.com/api/alerts?$filter="},
        {"https://api-eu.securitycenter.microsoft.com/api/v1.0",
         "https://api-eu.securitycenter.microsoft.com/api/v1.0/alerts?$filter="},
        {"https://api.security.microsoft.com",
         "https://api.security.microsoft.com/api/alerts?$filter="},
        {"https://h/api/alerts", "https://h/api/alerts?$filter="},
        {"http://api", "http://api/api/alerts?$filter="},
        {"http://127.0.0.1:1/endpoint/api", "http://127.0.0.1:1/endpoint/api/alerts?$filter="},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        w->c.base_url = slice_of(rows[i].base);
        struct source_request r = first(w, never);
        if (!slice_starts(r.http.url, slice_of(rows[i].url)))
            fail_msg("%s gives %.*s", rows[i].base, SLICE_ARG(r.http.url));
    }
}

static void
test_a_watermark_ahead_of_the_clock_still_asks_for_a_window(void **state)
{
    struct world *w = *state;
    struct cursor cursor = never;
    cursor.since = at("2019-12-03T00:00:00Z");
    struct source_request r = first(w, cursor);
    assert_true(r.from < r.until);
}

/* ---- pages */

static void
test_a_page_is_sorted_and_raises_the_watermark(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    struct page p =
        page(w, &r,
             "{\"value\":[{\"id\":\"da2\", "
             "\"lastUpdateTime\":\"2019-12-01T10:00:00.5Z\",\"evidence\":[]},"
             "{\"Id\":\"da1\",\"LastUpdateTime\":\"2019-12-01T09:00:00Z\",\"evidence\":[]}]}");
    assert_int_equal(p.n_alerts, 2);
    assert_slice(p.alerts[0].native_id, "da1");
    assert_slice(p.alerts[1].native_id, "da2");
    assert_int_equal(p.alerts[1].version, at("2019-12-01T10:00:00.5Z"));
    /* byte for byte: the blank is still there */
    assert_slice(p.alerts[1].payload,
                 "{\"id\":\"da2\", \"lastUpdateTime\":\"2019-12-01T10:00:00.5Z\",\"evidence\":[]}");
    assert_int_equal(p.n_next, 0);
    assert_int_equal(p.at.since, at("2019-12-01T10:00:00.5Z"));
    assert_int_equal(p.at.until, CLOCK_NONE);
}

static void
test_an_empty_page_leaves_the_watermark_alone(void **state)
{
    struct world *w = *state;
    struct cursor cursor = never;
    cursor.since = at("2019-12-02T11:00:00Z");
    struct source_request r = first(w, cursor);
    struct page p = page(w, &r, "{\"@odata.context\":\"x\",\"value\":[]}");
    assert_int_equal(p.n_alerts + p.n_next, 0);
    assert_int_equal(p.at.since, cursor.since);
    /* older ones than the watermark, out of the overlap, do not lower it */
    p = page(w, &r, "{\"value\":[{\"id\":\"da1\",\"lastUpdateTime\":\"2019-12-02T10:59:00Z\"}]}");
    assert_int_equal(p.at.since, cursor.since);
}

#define FULL                                                                                       \
    "{\"value\":[" ROW("a", "2019-12-01T01:00:00Z") "," ROW("b", "2019-12-01T02:00:00Z") "," ROW(  \
        "c", "2019-12-02T03:00:00Z") "]}"

static void
test_a_full_page_is_not_taken_and_its_window_halved(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    struct page p = page(w, &r, FULL);
    assert_int_equal(p.n_alerts, 0);
    assert_int_equal(p.at.since, CLOCK_NONE);
    assert_int_equal(p.n_next, 1);
    struct source_request half = p.next[0];
    assert_int_equal(half.from, w->c.start);
    assert_int_equal(half.until, at("2019-12-01T18:00:00Z"));
    assert_true(slice_find(half.http.url, SLICE("lt%202019-12-01T18:00:00Z"), 0) < half.http.url.n);

    p = page(w, &half, "{\"value\":[" ROW("a", "2019-12-01T01:00:00Z") "]}");
    assert_int_equal(p.n_alerts, 1);
    assert_int_equal(p.at.since, at("2019-12-01T01:00:00Z"));
    assert_int_equal(p.n_next, 1);
    struct source_request rest = p.next[0];
    assert_int_equal(rest.from, at("2019-12-01T18:00:00Z"));
    assert_int_equal(rest.until, w->c.now);

    p = page(w, &rest, "{\"value\":[" ROW("c", "2019-12-02T03:00:00Z") "]}");
    assert_int_equal(p.n_next, 0);
    assert_int_equal(p.at.since, at("2019-12-02T03:00:00Z"));
}

static void
test_one_instant_that_overflows_is_paged_with_skip(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    size_t halvings = 0;
    struct page p = page(w, &r, FULL);
    for (; p.n_alerts == 0 && halvings < 64; halvings++) {
        r = p.next[0];
        p = page(w, &r, FULL);
    }
    assert_in_range(halvings, 10, 40);
    assert_int_equal(p.n_alerts, 3);
    assert_int_equal(p.next[0].skip, 3);
    assert_true(slice_ends(p.next[0].http.url, SLICE("&$skip=3")));
    assert_int_equal(p.next[0].from, r.from);
    struct source_request skipped = p.next[0];
    p = page(w, &skipped, "{\"value\":[]}");
    assert_int_equal(p.next[0].skip, 0);
    assert_int_equal(p.next[0].from, r.until);
}

/* A page that was too large: what is asked for instead. */
static struct source_request
instead(struct world *w, const struct source_request *asked, struct page *out)
{
    struct err e = parse_too_large(w, asked, out);
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
    assert_int_equal(out->n_alerts, 0);
    assert_int_equal(out->n_next, 1);
    assert_int_equal(out->at.since, asked->at.since);
    return out->next[0];
}

static void
test_a_window_that_is_too_large_is_halved(void **state)
{
    struct world *w = *state;
    struct page p;
    struct source_request r = first(w, never), half = instead(w, &r, &p);
    assert_int_equal(half.from, w->c.start);
    assert_int_equal(half.until, at("2019-12-01T18:00:00Z"));
    assert_true(has(half.http.url, "&$top=3"));
    assert_int_equal(p.warn.kind, ERR_NONE);
    p = page(w, &half, "{\"value\":[" ROW("a", "2019-12-01T01:00:00Z") "]}");
    assert_int_equal(p.next[0].from, half.until);
}

static void
test_one_instant_that_is_too_large_is_read_in_smaller_pages(void **state)
{
    struct world *w = *state;
    struct page p;
    struct source_request r = first(w, never);
    size_t halvings = 0;
    for (; has(r.http.url, "&$top=3"); halvings++) {
        assert_in_range(halvings, 0, 40);
        r = instead(w, &r, &p);
    }
    assert_true(r.until - r.from <= CLOCK_SECOND / 100);
    assert_true(slice_ends(r.http.url, SLICE("&$top=1")));
    p = page(w, &r, "{\"value\":[" ROW("a", "2019-12-01T00:00:00Z") "]}");
    assert_int_equal(p.n_alerts, 1);
    struct source_request next = p.next[0]; /* and larger ones again after one that came */
    assert_true(slice_ends(next.http.url, SLICE("&$top=3&$skip=1")));
    p = page(w, &next, "{\"value\":[]}");
    assert_true(slice_ends(p.next[0].http.url, SLICE("&$top=3")));
}

static void
test_one_alert_that_is_too_large_does_not_hold_up_the_others(void **state)
{
    struct world *w = *state;
    struct page p;
    struct source_request r = first(w, never);
    r.until = r.from + 1;
    r = instead(w, &r, &p);
    assert_int_equal(p.warn.kind, ERR_NONE);
    r = instead(w, &r, &p);
    assert_string_equal(p.warn.code, "fetch.too_large");
    assert_true(slice_ends(r.http.url, SLICE("&$top=1&$skip=1")));
    r = instead(w, &r, &p);
    assert_true(slice_ends(r.http.url, SLICE("&$top=1&$skip=2")));
    struct page ok = page(w, &r, "{\"value\":[" ROW("a", "2019-12-01T00:00:00Z") "]}");
    assert_int_equal(ok.n_alerts, 1);
    /* a server that answers so whatever is asked is in trouble, and no alert is passed over */
    struct err e = parse_too_large(w, &r, &p);
    assert_int_equal(e.kind, ERR_RETRY);
    assert_string_equal(e.code, "fetch.too_large");
}

static void
test_more_rows_than_asked_for_are_a_full_page(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    size_t room = 10001 * 80 + 100;
    char *body = arena_alloc(w->arena, room);
    size_t n = (size_t)snprintf(body, room, "{\"value\":[");
    for (int i = 0; i < 10001; i++)
        n += (size_t)snprintf(body + n, room - n, "%s" ROW("da%d", "2019-12-01T01:00:00Z"),
                              i > 0 ? "," : "", i);
    n += (size_t)snprintf(body + n, room - n, "]}");
    struct page p;
    struct err e = parse(w, &r, 200, "", (struct slice){body, n}, &p);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(p.n_alerts, 0);
    assert_int_equal(p.n_next, 1);
    r.until = r.from + 1; /* and when it cannot be halved, all of them are taken */
    e = parse(w, &r, 200, "", (struct slice){body, n}, &p);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(p.n_alerts, 10001);
    assert_int_equal(p.next[0].skip, 10001);
}

static void
test_a_link_ahead_is_followed_at_the_same_server_only(void **state)
{
    static const struct {
        const char *link;
        bool followed;
    } rows[] = {
        {BASE "/alerts?$skiptoken=x", true},
        {"https://api.example.com/apix/alerts", false},
        {"https://evil.example/api/alerts", false},
        {"https://api.example.com.evil.example/api/alerts", false},
    };
    struct world *w = *state;
    struct source_request r = first(w, never);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice body = slice_printf(w->arena, "{\"@odata.nextLink\":\"%s\",\"value\":[%s]}",
                                         rows[i].link, ROW("a", "2019-12-01T01:00:00Z"));
        struct page p;
        struct err e = parse(w, &r, 200, "", body, &p);
        assert_int_equal(e.kind, ERR_NONE);
        assert_int_equal(p.n_alerts, 1);
        assert_int_equal(p.n_next, 1);
        assert_int_equal(slice_eq(p.next[0].http.url, slice_of(rows[i].link)), rows[i].followed);
        assert_true(slice_starts(p.next[0].http.url, SLICE(BASE "/alerts?")));
    }
}

static void
test_the_watermark_waits_for_the_last_page_of_a_window(void **state)
{
#define LINKED "\"@odata.nextLink\":\"" BASE "/alerts?$skiptoken=1\",\"value\":["
    struct world *w = *state;
    struct source_request r = first(w, never);
    /* newest first, as the service orders: a page alone says nothing of what is older */
    struct page p = page(w, &r, "{" LINKED ROW("b", "2019-12-02T03:00:00Z") "]}");
    assert_int_equal(p.n_alerts, 1);
    assert_int_equal(p.at.since, CLOCK_NONE);
    r = p.next[0];
    assert_slice(r.http.url, BASE "/alerts?$skiptoken=1");
    p = page(w, &r, "{" LINKED ROW("a", "2019-12-02T02:00:00Z") "]}");
    assert_int_equal(p.at.since, CLOCK_NONE);
    r = p.next[0];
    p = page(w, &r, "{\"value\":[]}");
    assert_int_equal(p.at.since, at("2019-12-02T03:00:00Z"));
    assert_int_equal(p.n_next, 0);
}

/* Else a row that an update moves to a page already read is missed, and with it all of its later
 * updates where they cannot be asked for. */
static void
test_a_page_with_more_behind_a_link_is_halved_like_a_full_one(void **state)
{
#define TWO ROW("a", "2019-12-01T00:00:01Z") "," ROW("b", "2019-12-01T00:00:01Z") "]}"
    struct world *w = *state;
    struct source_request r = first(w, never);
    struct page p = page(w, &r, "{" LINKED TWO);
    assert_int_equal(p.n_alerts, 0);
    assert_int_equal(p.n_next, 1);
    assert_int_equal(p.next[0].from, r.from);
    assert_int_equal(p.next[0].until, r.from + (r.until - r.from) / 2);
    assert_true(has(p.next[0].http.url, "$filter="));
    int64_t length = p.next[0].until - p.next[0].from;
    while (p.n_alerts == 0) { /* its one instant is all that is paged */
        r = p.next[0];
        p = page(w, &r, "{" LINKED TWO);
    }
    assert_in_range(r.until - r.from, 1, CLOCK_SECOND / 100);
    assert_true(length > r.until - r.from);
    assert_slice(p.next[0].http.url, BASE "/alerts?$skiptoken=1");
    assert_int_equal(p.at.since, CLOCK_NONE);
}

static void
test_windows_grow_slowly_where_pages_are_smaller_than_asked_for(void **state)
{
    static const char *const flags[] = {"ingest.endpoint.top=10000", NULL};
    const struct opt *const tables[] = {source_endpoint.opts, NULL};
    struct world *w = *state;
    conf_free(w->conf);
    assert_int_equal(conf_load(tables, "/dev/null", flags, &w->conf).kind, ERR_NONE);
    w->c.conf = w->conf;
    struct source_request r = first(w, never);
    for (int i = 0; i < 8; i++) {
        struct page p = page(w, &r, "{" LINKED TWO);
        r = p.next[0];
    }
    int64_t length = r.until - r.from;
    struct page p = page(w, &r, "{\"value\":[" TWO);
    assert_int_equal(p.n_alerts, 2);
    r = p.next[0];
    assert_int_equal(r.until - r.from, 2 * length);
    p = page(w, &r, "{\"value\":[]}");
    r = p.next[0];
    assert_int_equal(r.until - r.from, 16 * length);
}

static void
test_equal_versions_with_other_bytes_are_both_sent(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    struct page p = page(
        w, &r,
        "{\"value\":[" ROW(
            "a", "2019-12-01T01:00:00Z") ",{\"comments\":[1],"
                                         "\"id\":\"a\",\"lastUpdateTime\":\"2019-12-01T01:00:00Z\","
                                         "\"evidence\":[]}]}");
    assert_int_equal(p.n_alerts, 2);
    assert_int_equal(p.alerts[0].version, p.alerts[1].version);
}

static void
test_windows_grow_where_there_is_little(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    for (int i = 0; i < 6; i++) {
        struct page full = page(w, &r, FULL);
        r = full.next[0];
    }
    int64_t length = r.until - r.from;
    struct page p = page(w, &r, "{\"value\":[" ROW("a", "2019-12-01T00:00:01Z") "]}");
    r = p.next[0];
    assert_int_equal(r.until - r.from, 2 * length);
    int requests = 0;
    for (; p.n_next > 0; requests++) {
        r = p.next[0];
        p = page(w, &r, "{\"value\":[]}");
        assert_true(r.until <= w->c.now);
    }
    assert_in_range(requests, 2, 8);
    assert_int_equal(r.until, w->c.now);
}

static void
test_a_time_from_the_future_cannot_hide_what_comes(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    struct page p = page(w, &r, "{\"value\":[" ROW("a", "9999-01-01T00:00:00Z") "]}");
    assert_int_equal(p.n_alerts, 1);
    assert_int_equal(p.at.since, CLOCK_NONE); /* neither its time nor our clock */
}

static void
test_a_record_without_an_id_is_kept_under_its_hash(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    struct page p = page(w, &r, "{\"value\":[7,{\"title\":\"x\"}]}");
    assert_int_equal(p.n_alerts, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(slice_starts(p.alerts[i].native_id, SLICE("sha256:")));
        struct source_ident ident;
        struct err e = source_endpoint.ident(p.alerts[i].payload, IDENTITY_OFF, w->arena, &ident);
        assert_int_equal(e.kind, ERR_REJECT);
    }
}

static void
test_an_unreadable_row_is_sent_and_holds_up_no_watermark(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    struct page p = page(w, &r, "{\"value\":[7," ROW("da1_2", "2019-12-01T01:00:00Z") "]}");
    assert_int_equal(p.n_alerts, 2);
    assert_int_equal(p.at.since, at("2019-12-01T01:00:00Z"));
}

/* ---- refusals */

#define TARGET "b3a1f0a2-0000-4000-8000-0123456789ab"

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
    } rows[] = {
        {429, "Retry-After: 37\r\n", "", ERR_RETRY, "endpoint.busy", 37000, ""},
        {429, "Retry-After: Mon, 02 Dec 2019 12:00:37 GMT\r\n", "", ERR_RETRY, "endpoint.busy",
         37000, ""},
        {429, "",
         "{\"error\":{\"code\":\"429\",\"message\":\"API calls quota exceeded! Maximum allowed 30 "
         "per "
         "00:01:00 for the key Destination+TenantID+AppID. You can send requests again in 8 "
         "seconds.\"}}",
         ERR_RETRY, "endpoint.busy", 8000, ""},
        {429, "", "", ERR_RETRY, "endpoint.busy", 10000, ""},
        {401, "", "{\"error\":{\"code\":\"Unauthorized\"}}", ERR_STOP, "endpoint.token", 0, ""},
        {403, "", "{\"error\":{\"code\":\"Forbidden\"}}", ERR_STOP, "endpoint.forbidden", 0,
         "Alert.Read.All"},
        {403, "", "{\"error\":{\"code\":\"Forbidden\"}}", ERR_STOP, "endpoint.forbidden", 0,
         "admin consent"},
        {403, "", "{\"error\":{\"code\":\"DisabledFeature\"}}", ERR_STOP, "endpoint.forbidden", 0,
         "DisabledFeature"},
        {403, "", "<html>", ERR_STOP, "endpoint.forbidden", 0, "Alert.Read.All"},
        {404, "", "", ERR_RETRY, "endpoint.address", 300000, "base_url"},
        {429, "",
         "{\"error\":{\"code\":\"TooManyRequests\",\"message\":\"busy\",\"target\":\"" TARGET
         "\"}}",
         ERR_RETRY, "endpoint.busy", 10000,
         "TooManyRequests too many requests; id " TARGET ": busy"},
        {401, "", "{\"error\":{\"code\":\"Unauthorized\",\"target\":\"" TARGET "\"}}", ERR_STOP,
         "endpoint.token", 0, TARGET},
        {403, "", "{\"error\":{\"code\":\"DisallowedOperation\",\"target\":\"" TARGET "\"}}",
         ERR_STOP, "endpoint.forbidden", 0, TARGET},
        {403, "", "{\"Error\":{\"Code\":\"Forbidden\",\"Target\":\"" TARGET "\"}}", ERR_STOP,
         "endpoint.forbidden", 0, "admin consent; id " TARGET},
        {403, "", "{\"error\":{\"code\":\"DisabledFeature\",\"target\":\"" TARGET "\"}}", ERR_STOP,
         "endpoint.forbidden", 0, TARGET},
        {500, "", "{\"error\":{\"code\":\"InternalServerError\",\"target\":\"" TARGET "\"}}",
         ERR_RETRY, "endpoint.server", 0, TARGET},
        {409, "", "{\"error\":{\"code\":\"Odd\",\"message\":\"why\"}}", ERR_RETRY,
         "endpoint.refused", 60000, "Odd: why"},
        {500, "", "", ERR_RETRY, "endpoint.server", 0, ""},
        {503, "Retry-After: 5\r\n", "", ERR_RETRY, "endpoint.server", 5000, ""},
        {408, "", "", ERR_RETRY, "endpoint.server", 0, ""},
        {200, "", "{\"value\":[{\"id\":\"da1\"},", ERR_RETRY, "json.syntax", 0, ""},
        {200, "", "<html><body>Sign in</body></html>", ERR_RETRY, "json.syntax", 0, ""},
        {200, "", "", ERR_RETRY, "json.syntax", 0, ""},
        {200, "", "{\"values\":[]}", ERR_RETRY, "source.shape", 0, "value"},
        {200, "", "{\"value\":{}}", ERR_RETRY, "source.shape", 0, "value"},
        {200, "", "[]", ERR_RETRY, "source.shape", 0, "value"},
    };
    struct world *w = *state;
    struct source_request r = first(w, never);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct page p;
        struct err e = parse(w, &r, rows[i].status, rows[i].headers, slice_of(rows[i].body), &p);
        if (e.kind != rows[i].kind || strcmp(e.code, rows[i].code) != 0 ||
            e.after_ms != rows[i].after_ms || strstr(e.text, rows[i].text) == NULL)
            fail_msg("row %zu: kind %d, %s, %lld ms: %s", i, (int)e.kind,
                     e.kind ? e.code : "no error", (long long)e.after_ms, e.text);
    }
}

static struct page
refuse(struct world *w, const struct source_request *r, const char *message)
{
    struct page p;
    struct slice body =
        slice_printf(w->arena, "{\"error\":{\"code\":\"ODataError\",\"message\":\"%s\"}}", message);
    struct err e = parse(w, r, 400, "", body, &p);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(p.n_next, 1);
    assert_int_equal(p.n_notes, 0);
    return p;
}

#define NO_EXPAND "Could not find a property named 'evidence' ($expand)"
#define NO_UPDATES "The property 'LastUpdateTime' cannot be used in the $filter query option."
#define EMPTY "{\"value\":[]}"

static void
test_a_server_without_expand_is_asked_without_it_for_a_day(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    struct page p = refuse(w, &r, NO_EXPAND);
    assert_false(has(p.next[0].http.url, "expand"));
    assert_true(has(p.next[0].http.url, "lastUpdateTime%20ge%202019-12-01T00:00:00Z"));
    struct source_request plain = p.next[0];
    p = page(w, &plain, EMPTY);
    assert_string_equal(p.warn.code, "endpoint.no_evidence");
    keep_notes(w, &p);
    r = first(w, never);
    assert_false(has(r.http.url, "expand"));
    p = page(w, &r, EMPTY); /* said once */
    assert_int_equal(p.warn.kind + p.n_notes, 0);
    w->c.now += 25 * 3600 * CLOCK_SECOND;
    assert_true(has(first(w, never).http.url, "$expand=evidence"));
}

static void
test_a_server_that_filters_no_updates_is_asked_for_new_alerts(void **state)
{
    struct world *w = *state;
    struct cursor cursor = never;
    cursor.since = at("2019-12-02T11:00:00Z");
    struct source_request r = first(w, cursor);
    struct page p = refuse(w, &r, NO_UPDATES);
    r = p.next[0];
    /* from the start: which of the older ones are open is not known yet */
    assert_true(has(r.http.url, "alertCreationTime%20ge%202019-12-01T00:00:00Z%20and%20"
                                "alertCreationTime%20lt%202019-12-02T12:00:00Z"));
    p = page(w, &r,
             "{\"value\":[{\"id\":\"da1\",\"alertCreationTime\":\"2019-12-01T08:00:00Z\","
             "\"lastUpdateTime\":\"2019-12-02T09:00:00Z\",\"evidence\":[]}]}");
    assert_string_equal(p.warn.code, "endpoint.no_update_filter");
    assert_int_equal(p.at.since, cursor.since); /* for the day when updates can be asked for */
    keep_notes(w, &p);
    r = first(w, cursor);
    assert_true(has(r.http.url, "alertCreationTime%20ge%202019-12-01T07:55:00Z"));
    w->c.now += 25 * 3600 * CLOCK_SECOND; /* tried again each day, the open ones stay known */
    r = first(w, cursor);
    assert_true(has(r.http.url, "lastUpdateTime%20ge"));
    p = refuse(w, &r, NO_UPDATES);
    assert_true(has(p.next[0].http.url, "alertCreationTime%20ge%202019-12-01T07:55:00Z"));
}

static void
test_a_refusal_that_says_nothing_is_answered_with_ever_simpler_requests(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    static const struct {
        bool expand, created;
    } steps[] = {{false, false}, {true, true}, {false, true}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct page p = refuse(w, &r, "bad filter");
        r = p.next[0];
        assert_int_equal(has(r.http.url, "$expand"), steps[i].expand);
        assert_int_equal(has(r.http.url, "alertCreationTime"), steps[i].created);
    }
    struct page p;
    struct err e = parse(w, &r, 400, "", SLICE("{\"error\":{\"message\":\"bad filter\"}}"), &p);
    assert_int_equal(e.kind, ERR_RETRY);
    assert_string_equal(e.code, "endpoint.refused");
    assert_non_null(strstr(e.text, "bad filter"));
    p = page(w, &r, EMPTY); /* what was guessed is kept for an hour only */
    keep_notes(w, &p);
    assert_int_equal(note(w, "m:plain")->until, w->c.now + 3600 * CLOCK_SECOND);
}

static void
test_every_call_has_its_quota(void **state)
{
    (void)state;
    size_t n = 0;
    for (const struct source_call *c = source_endpoint.calls; c->name != NULL; c++, n++) {
        assert_int_equal(c->per_minute, 100);
        assert_int_equal(c->per_hour, 1500);
        assert_in_range(c->share_percent, 1, 100);
    }
    assert_int_equal(n, 7);
}

/* ---- ident */

static void
test_ident_gives_id_and_version(void **state)
{
    struct world *w = *state;
    struct source_ident ident;
    struct err e = source_endpoint.ident(SLICE(ROW("da1_2", "2019-12-01T01:00:00.57Z")),
                                         IDENTITY_OFF, w->arena, &ident);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(ident.fate, FATE_ALERT);
    assert_slice(ident.native_id, "da1_2");
    assert_null(ident.part_id.p);
    assert_int_equal(ident.version, at("2019-12-01T01:00:00.57Z"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_first_round_reaches_back_to_the_start),
        T(test_a_later_round_begins_five_minutes_before_the_watermark),
        T(test_the_base_may_end_at_the_host_the_api_or_the_list),
        T(test_a_watermark_ahead_of_the_clock_still_asks_for_a_window),
        T(test_a_page_is_sorted_and_raises_the_watermark),
        T(test_an_empty_page_leaves_the_watermark_alone),
        T(test_a_full_page_is_not_taken_and_its_window_halved),
        T(test_one_instant_that_overflows_is_paged_with_skip),
        T(test_a_window_that_is_too_large_is_halved),
        T(test_one_instant_that_is_too_large_is_read_in_smaller_pages),
        T(test_one_alert_that_is_too_large_does_not_hold_up_the_others),
        T(test_more_rows_than_asked_for_are_a_full_page),
        T(test_a_link_ahead_is_followed_at_the_same_server_only),
        T(test_the_watermark_waits_for_the_last_page_of_a_window),
        T(test_equal_versions_with_other_bytes_are_both_sent),
        T(test_windows_grow_where_there_is_little),
        T(test_a_page_with_more_behind_a_link_is_halved_like_a_full_one),
        T(test_windows_grow_slowly_where_pages_are_smaller_than_asked_for),
        T(test_a_time_from_the_future_cannot_hide_what_comes),
        T(test_a_record_without_an_id_is_kept_under_its_hash),
        T(test_an_unreadable_row_is_sent_and_holds_up_no_watermark),
        T(test_refusals_say_what_to_do),
        T(test_a_server_without_expand_is_asked_without_it_for_a_day),
        T(test_a_server_that_filters_no_updates_is_asked_for_new_alerts),
        T(test_a_refusal_that_says_nothing_is_answered_with_ever_simpler_requests),
        T(test_every_call_has_its_quota),
        T(test_ident_gives_id_and_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
