/* Windows, pages and refusals of the Management Activity API. Ref: sources.md 3.2 to 3.5, 3.10. */
#include "tests/unit/mail_rig.h"

static void
test_windows_begin_where_no_more_is_expected_and_end_a_width_further(void **state)
{
    static const struct {
        const char *since, *closed, *times;
    } rows[] = {
        {"2020-01-14T09:58:00Z", "2020-01-14T08:58:00Z",
         "startTime=2020-01-14T08:58:00&endTime=2020-01-14T10:00:00&"},
        {"2020-01-14T09:00:00Z", NULL,
         "startTime=2020-01-14T09:00:00&endTime=2020-01-14T10:00:00&"},
        {"2020-01-10T00:00:00.7Z", NULL,
         "startTime=2020-01-10T00:00:00&endTime=2020-01-11T00:00:00&"},
        /* after three days without a worker: the overlap, and a day in all */
        {"2020-01-11T10:00:00Z", "2020-01-11T09:00:00Z",
         "startTime=2020-01-11T09:00:00&endTime=2020-01-12T09:00:00&"},
        {"2019-01-01T00:00:00Z", NULL,
         "startTime=2020-01-07T10:05:00&endTime=2020-01-08T10:05:00&"},
        {"2021-01-01T00:00:00Z", NULL,
         "startTime=2020-01-14T09:59:59&endTime=2020-01-14T10:00:00&"},
    };
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cursor cursor = cursor_at(rows[i].since, rows[i].closed);
        struct source_request r = first(&c, &cursor, *state);
        assert_holds(r.http.url, rows[i].times);
        assert_false(r.together);
    }
}

static void
test_a_listed_window_moves_both_ends_of_the_cursor(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct cursor cursor = cursor_at("2020-01-10T00:00:00Z", NULL);
    struct source_request r = first(&c, &cursor, *state);
    struct page p = taken(&c, &r, 200, SLICE("[]"), *state);
    assert_true(p.at.since == at("2020-01-11T00:00:00Z"));
    assert_true(p.at.closed == p.at.since); /* nothing of five days ago is still to come */
    assert_true(p.again);
    cursor = cursor_at("2020-01-14T09:58:00Z", "2020-01-14T08:58:00Z");
    r = first(&c, &cursor, *state);
    p = taken(&c, &r, 200, SLICE("[]"), *state);
    assert_true(p.at.since == at("2020-01-14T10:00:00Z"));
    assert_true(p.at.closed == at("2020-01-14T09:00:00Z"));
    assert_false(p.again);
    cursor = cursor_at("2020-01-14T10:30:00Z", "2020-01-14T09:30:00Z"); /* the clock was set back */
    r = first(&c, &cursor, *state);
    p = taken(&c, &r, 200, SLICE("[]"), *state);
    assert_true(p.at.since == cursor.since && p.at.closed == cursor.closed);
}

#define ITEM(id, created)                                                                          \
    "{\"contentUri\":\"" FEED "/audit/" id "\",\"contentId\":\"" id                                \
    "\",\"contentType\":\"Audit.General\",\"contentCreated\":\"" created "\"}"

static void
test_new_blobs_of_all_pages_are_fetched_together_in_order_and_noted(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct cursor cursor = cursor_at("2020-01-14T09:58:00Z", "2020-01-14T08:58:00Z");
    struct source_request r = first(&c, &cursor, *state);
    struct page p, q;
    struct slice one = SLICE("[" ITEM("c$3", "2020-01-14T09:59:00.000Z") "," ITEM(
        "b$2",
        "2020-01-14T09:30:00.000Z") ",{\"contentUri\":\"https://evil.example/audit/3\"},{},7]");
    struct slice two = SLICE("[" ITEM("a$1", "2020-01-14T09:30:00.000Z") "," ITEM(
        "b$2", "2020-01-14T09:30:00.000Z") "," ITEM("d$4", "2020-01-14T08:59:00.000Z") "]");
    assert_int_equal(
        answer(&c, &r, 200, "NextPageUri: " BASE "/api/v1/x?nextPage=2\r\n", one, *state, &p).kind,
        ERR_NONE);
    assert_string_equal(p.warn.code, "mail.content_uri");
    assert_int_equal(p.n_next, 1); /* the whole list first */
    assert_true(p.at.since == cursor.since);
    q = taken(&c, &p.next[0], 200, two, *state);
    static const char *const order[] = {"d$4", "a$1", "b$2", "c$3"};
    assert_int_equal(q.n_next, 4);
    for (size_t i = 0; i < 4; i++) {
        struct source_request *blob = &q.next[i];
        assert_holds(blob->http.url, order[i]);
        assert_holds(blob->http.url, "?PublisherIdentifier=p1");
        assert_true(blob->together);
        struct page done = taken(&c, blob, 200, SLICE("[]"), *state);
        assert_int_equal(done.n_notes, i == 0 ? 0 : 1); /* the first is not listed any more */
        assert_true(done.at.since == q.at.since && done.at.closed == q.at.closed);
        if (i > 0)
            remember(&c, &done, *state);
    }
    r = first(&c, &q.at, *state); /* the next round lists the overlap, and fetches nothing twice */
    p = taken(&c, &r, 200, one, *state);
    assert_int_equal(p.n_next, 0);
}

/* sources.md 8.2, line 6: the feed counts by tenant, whatever is asked. */
static void
test_every_request_counts_on_the_tenants_one_quota(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct cursor cursor = cursor_at("2020-01-14T09:58:00Z", "2020-01-14T08:58:00Z");
    struct source_request start = first(&c, &never, *state), list = first(&c, &cursor, *state);
    struct page pages, blobs;
    assert_int_equal(answer(&c, &list, 200, "NextPageUri: " BASE "/api/v1/x?nextPage=2\r\n",
                            SLICE("[]"), *state, &pages)
                         .kind,
                     ERR_NONE);
    blobs = taken(&c, &list, 200, SLICE("[" ITEM("c$3", "2020-01-14T09:59:00.000Z") "]"), *state);
    assert_int_equal(pages.n_next, 1);
    assert_int_equal(blobs.n_next, 1);
    const int calls[] = {start.call, list.call, pages.next[0].call, blobs.next[0].call};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        assert_int_equal(calls[i], 0);
    assert_int_equal(source_mail.calls[0].per_minute, 2000);
    assert_null(source_mail.calls[1].name);
}

static void
test_next_pages_are_followed_also_from_an_empty_one(void **state)
{
    static const char *const headers[] = {
        "HTTP/1.1 200 OK\r\nNextPageUri: " BASE "/api/v1/x?nextPage=2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nnextpageuri: " BASE "/api/v1/x?nextPage=2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nNextpageuri: " BASE "/api/v1/x?nextPage=2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nNextPageUrl: " BASE "/api/v1/x?nextPage=2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nNEXTPAGEURI:" BASE "/api/v1/x?nextPage=2\r\n\r\n",
    };
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct cursor on = cursor_at("2020-01-14T09:00:00Z", NULL);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct page p, q;
        struct source_request r = first(&c, &on, *state);
        assert_int_equal(answer(&c, &r, 200, headers[i], SLICE("[]"), *state, &p).kind, ERR_NONE);
        assert_int_equal(p.n_next, 1);
        assert_slice(p.next[0].http.url, BASE "/api/v1/x?nextPage=2&PublisherIdentifier=p1");
        assert_true(p.at.since == on.since); /* not before the last page */
        q = taken(&c, &p.next[0], 200, SLICE("[]"), *state);
        assert_true(q.at.since > on.since);
    }
}

static void
test_a_next_page_elsewhere_or_in_a_circle_is_refused(void **state)
{
    static const char *const urls[] = {
        "https://manage.office.com.evil.example/api",
        "https://evil.example/" BASE,
        "http://manage.office.com/api",
        "https://manage.office.com@evil.example/a",
        "https://manage.office.com",
        "/api/v1/x",
        "https://manage.office.com\\@evil/",
        "https://manage.office.com/a b",
    };
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct cursor on = cursor_at("2020-01-14T09:00:00Z", NULL);
    struct source_request r = first(&c, &on, *state);
    struct page p;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct slice h = slice_printf(*state, "A: b\r\nNextPageUri: %s\r\n\r\n", urls[i]);
        struct err e = answer(&c, &r, 200, h.p, SLICE("[]"), *state, &p);
        assert_int_equal(e.kind, ERR_RETRY); /* the window must not count as listed */
        assert_string_equal(e.code, "mail.next_page");
    }
    struct slice self = slice_printf(*state, "NextPageUri: %.*s\r\n", SLICE_ARG(r.http.url));
    assert_string_equal(answer(&c, &r, 200, self.p, SLICE("[]"), *state, &p).code,
                        "mail.next_page");
    r.skip = 10000;
    assert_string_equal(
        answer(&c, &r, 200, "NextPageUri: " BASE "/x\r\n", SLICE("[]"), *state, &p).code,
        "mail.next_page");
}

/* A feed with `blobs` of them, one each `step` of time; one page. */
static struct slice
listing(const struct source_request *r, int64_t begin, int64_t step, int blobs, struct arena *a)
{
    char *text = arena_alloc(a, (size_t)blobs * 200 + 3);
    size_t n = 1;
    text[0] = '[';
    for (int i = 0; i < blobs; i++) {
        int64_t t = begin + i * step;
        if (t >= r->from && t < r->until)
            n += (size_t)sprintf(
                text + n, "%s{\"contentUri\":\"" FEED "/audit/%d\",\"contentCreated\":\"%s\"}",
                n == 1 ? "" : ",", i, clock_format(t).s);
    }
    text[n++] = ']';
    return (struct slice){text, n};
}

/* Rounds until the feed is read to its end; returns how many, and counts each blob. */
static int
read_all(struct source_conf *c, struct cursor *cursor, int64_t begin, int64_t step, int blobs,
         unsigned *fetched, struct arena *a)
{
    int rounds = 0;
    for (bool again = true; again && rounds < 200; rounds++) {
        struct source_request r = first(c, cursor, a);
        struct page list = taken(c, &r, 200, listing(&r, begin, step, blobs, a), a);
        for (int relisted = 0; list.n_next == 1 && !list.next[0].together; relisted++) {
            assert_true(relisted < 40);
            assert_true(list.next[0].from == r.from && list.next[0].until < r.until);
            r = list.next[0];
            list = taken(c, &r, 200, listing(&r, begin, step, blobs, a), a);
        }
        assert_true(list.n_next <= SOURCE_REQUESTS_MAX - 40);
        for (size_t i = 0; i < list.n_next; i++) {
            struct page done = taken(c, &list.next[i], 200, SLICE("[]"), a);
            struct slice url = list.next[i].http.url;
            fetched[atoi(url.p + slice_find(url, SLICE("/audit/"), 0) + 7)]++;
            remember(c, &done, a);
        }
        *cursor = list.at;
        again = list.again;
    }
    return rounds;
}

static void
test_very_many_blobs_are_read_in_narrower_windows_each_once(void **state)
{
    static const struct {
        const char *begin;
        int64_t step;
        int most;
    } rows[] = {
        {"2020-01-12T11:00:00Z", 60 * SECOND, 8},  /* two days, listed late */
        {"2020-01-14T09:30:00Z", SECOND / 2, 8},   /* all within the overlap */
        {"2020-01-14T09:40:00Z", SECOND / 700, 8}, /* more in a second than a round fetches */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned fetched[1500] = {0};
        struct source_conf c = conf_at("2020-01-14T10:00:00Z");
        struct cursor cursor = cursor_at("2020-01-12T10:00:00Z", NULL);
        int rounds = read_all(&c, &cursor, at(rows[i].begin), rows[i].step, 1500, fetched, *state);
        for (int k = 0; k < 1500; k++)
            if (fetched[k] != 1)
                fail_msg("row %zu: blob %d was fetched %u times", i, k, fetched[k]);
        assert_in_range(rounds, 5, rows[i].most + 6);
        assert_true(cursor.since == at("2020-01-14T10:00:00Z"));
    }
}

static void
test_with_very_many_notes_the_overlap_gets_shorter(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct cursor cursor = cursor_at("2020-01-14T09:58:00Z", "2020-01-14T08:58:00Z");
    static const struct {
        size_t notes;
        int64_t overlap_s;
    } rows[] = {{0, 3600}, {4096, 900}, {8192, 225}};
    struct source_note *many = arena_alloc(*state, 8192 * sizeof *many);
    for (size_t i = 0; i < 8192; i++)
        many[i] = (struct source_note){.key = slice_printf(*state, "n%08zu", i), .until = c.now};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        c.notes = (struct source_notes){many, rows[i].notes};
        struct source_request r = first(&c, &cursor, *state);
        struct page p = taken(&c, &r, 200, SLICE("[]"), *state);
        assert_true(p.at.closed == c.now - rows[i].overlap_s * SECOND);
    }
}

static void
test_each_code_of_the_feed_means_what_the_sheet_says(void **state)
{
    static const struct {
        long status;
        const char *code;
        enum err_kind kind; /* ERR_NONE: the round goes on */
        const char *is, *text;
        int64_t after_ms;
    } rows[] = {
        {403, "AF10001", ERR_STOP, "mail.forbidden", "ActivityFeed.Read", 0},
        {401, "AF10001", ERR_STOP, "mail.forbidden", "grant admin consent", 0},
        {403, "", ERR_STOP, "mail.forbidden", "ActivityFeed.Read", 0},
        {401, "x", ERR_STOP, "mail.token", "", 0},
        {400, "AF20001", ERR_STOP, "mail.request", "missing", 0},
        {400, "AF20002", ERR_STOP, "mail.request", "publisher_id", 0},
        {400, "AF20003", ERR_STOP, "mail.request", "expiration", 0},
        {400, "AF20010", ERR_STOP, "mail.tenant", "token_url", 0},
        {400, "AF20011", ERR_STOP, "mail.tenant", "deleted", 0},
        {400, "AF20012", ERR_STOP, "mail.tenant", "misconfigured", 0},
        {400, "AF20013", ERR_STOP, "mail.tenant", "GUID", 0},
        {400, "AF20020", ERR_STOP, "mail.request", "Audit.General", 0},
        {400, "AF20021", ERR_RETRY, "mail.status", "", 0}, /* of a list it says nothing */
        {400, "AF20022", ERR_NONE, "mail.subscription", "starting it", 0},
        {400, "AF20023", ERR_NONE, "mail.subscription", "administrator", 0},
        {400, "AF20024", ERR_RETRY, "mail.status", "", 0},
        {400, "AF20030", ERR_NONE, NULL, "", 0},
        {400, "AF20055", ERR_NONE, NULL, "", 0},
        {400, "AF20031", ERR_NONE, NULL, "", 0},
        {400, "AF20050", ERR_RETRY, "mail.status", "", 0},
        {400, "AF20053", ERR_STOP, "mail.request", "languages", 0},
        {400, "AF20054", ERR_STOP, "mail.request", "malformed", 0},
        {403, "AF429", ERR_RETRY, "mail.busy", "", 60000},
        {429, "AF429", ERR_RETRY, "mail.busy", "", 60000},
        {429, "", ERR_RETRY, "mail.busy", "", 60000},
        {500, "AF50000", ERR_RETRY, "mail.server", "", 0},
        {503, "AF50005", ERR_RETRY, "mail.server", "", 0},
        {403, "AF50006", ERR_RETRY, "mail.server", "", 0},
        {503, "", ERR_RETRY, "mail.server", "", 0},
        {400, "AF99999", ERR_RETRY, "mail.status", "AF99999", 0},
        {200, "x", ERR_RETRY, "mail.shape", "", 0},
    };
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct cursor on = cursor_at("2020-01-07T10:05:00Z", NULL);
    struct source_request r = first(&c, &on, *state);
    r.skip = 1; /* a second page, so that it has a nextPage */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct page p;
        struct err e =
            answer(&c, &r, rows[i].status, "", refusal(rows[i].code, *state), *state, &p);
        if (e.kind != rows[i].kind)
            fail_msg("%ld %s: %s %s", rows[i].status, rows[i].code, e.code, e.text);
        if (rows[i].kind == ERR_NONE) {
            assert_int_equal(p.n_next, 1);
            e = p.warn;
        }
        if (rows[i].is != NULL)
            assert_string_equal(e.code, rows[i].is);
        assert_non_null(strstr(e.text, rows[i].text));
        assert_true(e.after_ms == rows[i].after_ms);
    }
    struct page p;
    assert_int_equal(answer(&c, &r, 200, "", SLICE("[{\"cut"), *state, &p).kind, ERR_RETRY);
}

static void
test_throttling_waits_double_and_retry_after_is_kept(void **state)
{
    static const int64_t minutes[] = {1, 2, 4, 8, 16, 16, 16};
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct cursor on = cursor_at("2020-01-14T09:00:00Z", NULL);
    struct source_request r = first(&c, &on, *state);
    struct page p;
    for (unsigned i = 0; i < sizeof minutes / sizeof *minutes; i++) {
        struct answer got = {
            .asked = &r, .conf = &c, .status = 403, .body = refusal("AF429", *state), .tries = i};
        assert_int_equal(source_mail.parse(&got, *state, &p).after_ms, minutes[i] * 60000);
    }
    struct err e = answer(&c, &r, 429, "Retry-After: 7\r\n", refusal("AF429", *state), *state, &p);
    assert_int_equal(e.after_ms, 7000);
    e = answer(&c, &r, 403, "Retry-After: 7\r\n", refusal("AF429", *state), *state, &p);
    assert_int_equal(e.after_ms, 7000); /* with either status */
    e = answer(&c, &r, 403, "Retry-After: Thu, 01 Jan 1970 00:00:09 GMT\r\n",
               refusal("AF429", *state), *state, &p);
    assert_int_equal(e.after_ms, 1000); /* has passed */
}

static void
test_audit_logging_that_is_off_is_explained(void **state)
{
    static const char *const bodies[] = {
        "{\"error\":{\"code\":\"StartSubscription [CorrId=x] "
        "[TenantId=y,ContentType=z]\",\"message\":"
        "\"Microsoft.Office.Compliance.Audit.DataServiceException: Tenant " TENANT
        " does not exist.\\r\\n   at x\"}}",
        "Microsoft.Office.Compliance.Audit.DataServiceException: Tenant x does not exist."};
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct source_request r = first(&c, &never, *state);
    for (size_t i = 0; i < 2; i++) {
        struct page p;
        struct err e = answer(&c, &r, 400, "", slice_of(bodies[i]), *state, &p);
        assert_int_equal(e.kind, ERR_STOP);
        assert_string_equal(e.code, "mail.audit_off");
        assert_non_null(strstr(e.text, "Set-AdminAuditLogConfig"));
    }
}

static void
test_a_window_too_old_is_cut_once_and_the_gap_is_told(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct cursor cursor = cursor_at("2020-01-01T00:00:00Z", NULL);
    struct source_request r = first(&c, &cursor, *state);
    struct slice old = refusal("AF20055", *state);
    struct page p = taken(&c, &r, 400, old, *state), q;
    assert_holds(p.next[0].http.url, "startTime=2020-01-07T11:00:00");
    assert_int_equal(answer(&c, &p.next[0], 400, "", old, *state, &q).kind, ERR_RETRY);
    q = taken(&c, &p.next[0], 200, SLICE("[]"), *state);
    assert_string_equal(q.warn.code, "mail.gap");
    assert_non_null(strstr(q.warn.text, "2020-01-01T00:00:00Z to 2020-01-07T11:00:00Z"));
    cursor = cursor_at("2020-01-07T10:30:00Z", NULL);
    r = first(&c, &cursor, *state);
    r.until = at("2020-01-07T10:50:00Z"); /* nothing is left of it */
    q = taken(&c, &r, 400, old, *state);
    assert_string_equal(q.warn.code, "mail.gap");
    assert_true(q.at.since == at("2020-01-07T11:00:00Z"));
    assert_true(q.again);
}

static void
test_a_page_that_is_not_known_lists_the_window_again(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct cursor on = cursor_at("2020-01-14T09:00:00Z", NULL);
    struct source_request r = first(&c, &on, *state), list = r;
    struct page p;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(answer(&c, &list, 200, "NextPageUri: " BASE "/api/v1/x?nextPage=2\r\n",
                                SLICE("[" ITEM("a$1", "2020-01-14T09:30:00.000Z") "]"), *state, &p)
                             .kind,
                         ERR_NONE);
        p = taken(&c, &p.next[0], 400, refusal("AF20031", *state), *state);
        assert_int_equal(p.n_next, 1);
        assert_true(slice_eq(p.next[0].http.url, r.http.url)); /* the same start: 3.3 */
        assert_int_equal(p.next[0].carry.n, 0);
        list = p.next[0];
    }
    list.skip++;
    assert_int_equal(answer(&c, &list, 400, "", refusal("AF20031", *state), *state, &p).kind,
                     ERR_RETRY);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows_begin_where_no_more_is_expected_and_end_a_width_further),
        cmocka_unit_test(test_a_listed_window_moves_both_ends_of_the_cursor),
        cmocka_unit_test(test_new_blobs_of_all_pages_are_fetched_together_in_order_and_noted),
        cmocka_unit_test(test_every_request_counts_on_the_tenants_one_quota),
        cmocka_unit_test(test_next_pages_are_followed_also_from_an_empty_one),
        cmocka_unit_test(test_a_next_page_elsewhere_or_in_a_circle_is_refused),
        cmocka_unit_test(test_very_many_blobs_are_read_in_narrower_windows_each_once),
        cmocka_unit_test(test_with_very_many_notes_the_overlap_gets_shorter),
        cmocka_unit_test(test_each_code_of_the_feed_means_what_the_sheet_says),
        cmocka_unit_test(test_throttling_waits_double_and_retry_after_is_kept),
        cmocka_unit_test(test_audit_logging_that_is_off_is_explained),
        cmocka_unit_test(test_a_window_too_old_is_cut_once_and_the_gap_is_told),
        cmocka_unit_test(test_a_page_that_is_not_known_lists_the_window_again),
    };
    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
