#include "tests/unit/endpoint_rig.h"

enum { CALL_ALERT = 1 };

#define MINUTE (60 * CLOCK_SECOND)
#define ALERT(id, status, time)                                                                    \
    "{\"id\":\"" id "\",\"status\":\"" status "\",\"alertCreationTime\":\"2019-12-01T01:00:00Z\"," \
    "\"lastUpdateTime\":\"" time "\",\"evidence\":[]}"
#define ALONE(id, status, time)                                                                    \
    "{\"@odata.context\":\"https://h/api/$metadata#Alerts/$entity\",\"id\":\"" id                  \
    "\",\"status\":\"" status "\",\"alertCreationTime\":\"2019-12-01T01:00:00Z\","                 \
    "\"lastUpdateTime\":\"" time "\",\"evidence\":[]}"

static void
put_note(struct world *w, const char *key, int64_t value)
{
    struct source_note one = {slice_of(key), value, w->c.now + 1000 * MINUTE};
    struct page p = {.notes = &one, .n_notes = 1};
    keep_notes(w, &p);
}

/* A round's requests: the list and the open alerts that are due. */
static size_t
requests(struct world *w, struct source_request **out)
{
    size_t n = 0;
    struct err e = source_endpoint.first(&w->c, &never, w->arena, out, &n);
    assert_int_equal(e.kind, ERR_NONE);
    return n;
}

/* A server that filters no updates has shown one alert, which is open. */
static void
show_one(struct world *w)
{
    put_note(w, "m:created", 1);
    struct source_request *r;
    assert_int_equal(requests(w, &r), 1);
    struct page p = page(w, r, "{\"value\":[" ALERT("da1", "New", "2019-12-01T01:00:00Z") "]}");
    assert_int_equal(p.n_alerts, 1);
    keep_notes(w, &p);
    assert_non_null(note(w, "o:da1"));
    assert_non_null(note(w, "e:da1"));
}

static struct source_request
read_again(struct world *w)
{
    struct source_request *r;
    w->c.now += 16 * MINUTE;
    assert_int_equal(requests(w, &r), 2);
    assert_slice(r[1].http.url, BASE "/alerts/da1");
    assert_int_equal(r[1].call, CALL_ALERT);
    assert_true(r[1].together);
    return r[1];
}

static void
test_an_open_alert_is_read_again_after_a_quarter_of_an_hour(void **state)
{
    struct world *w = *state;
    struct source_request *r;
    show_one(w);
    w->c.now += 14 * MINUTE;
    assert_int_equal(requests(w, &r), 1);
    w->c.now -= 14 * MINUTE;
    struct source_request again = read_again(w);
    /* nothing new: nothing is sent, its turn comes again */
    struct page p = page(w, &again, ALONE("da1", "New", "2019-12-01T01:00:00Z"));
    assert_int_equal(p.n_alerts + p.n_next, 0);
    keep_notes(w, &p);
    assert_int_equal(requests(w, &r), 1);
    again = read_again(w);
    p = page(w, &again, ALONE("da1", "InProgress", "2019-12-01T02:00:00Z"));
    assert_int_equal(p.n_alerts, 1);
    assert_slice(p.alerts[0].native_id, "da1");
    assert_int_equal(p.alerts[0].version, at("2019-12-01T02:00:00Z"));
    assert_slice(p.alerts[0].payload, ALONE("da1", "InProgress", "2019-12-01T02:00:00Z"));
    keep_notes(w, &p);
    /* the list shows the same: it was sent */
    assert_int_equal(requests(w, &r), 1);
    p = page(w, r, "{\"value\":[" ALERT("da1", "InProgress", "2019-12-01T02:00:00Z") "]}");
    assert_int_equal(p.n_alerts, 0);
}

static void
test_a_resolved_or_vanished_alert_is_read_no_more(void **state)
{
    static const struct {
        long status;
        const char *body;
        size_t alerts;
    } rows[] = {
        {200, ALONE("da1", "Resolved", "2019-12-01T02:00:00Z"), 1},
        {404, "{\"error\":{\"code\":\"ResourceNotFound\"}}", 0},
    };
    struct world *w = *state;
    for (size_t i = 0; i < 2; i++) {
        w->c.notes.n = 0;
        show_one(w);
        struct source_request again = read_again(w);
        struct page p;
        struct err e = parse(w, &again, rows[i].status, "", slice_of(rows[i].body), &p);
        assert_int_equal(e.kind, ERR_NONE);
        assert_int_equal(p.n_alerts, rows[i].alerts);
        keep_notes(w, &p);
        assert_null(note(w, "o:da1"));
    }
}

static void
test_one_bad_answer_leaves_the_round_and_the_alerts_turn_alone(void **state)
{
    static const struct {
        long status;
        const char *body;
        enum err_kind kind;
        const char *code;
    } rows[] = {
        {500, "", ERR_REJECT, "endpoint.server"},
        {400, "{}", ERR_REJECT, "endpoint.refused"},
        {200, "{\"id\":", ERR_REJECT, "json.syntax"},
        {200, "[]", ERR_REJECT, "endpoint.shape"},
        {200, ALONE("da2", "New", "2019-12-01T02:00:00Z"), ERR_REJECT, "endpoint.shape"},
        {429, "", ERR_RETRY, "endpoint.busy"},
        {503, "", ERR_RETRY, "endpoint.server"},
        {401, "", ERR_STOP, "endpoint.token"},
        {403, "", ERR_STOP, "endpoint.forbidden"},
    };
    struct world *w = *state;
    show_one(w);
    struct source_request again = read_again(w);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct page p;
        struct err e = parse(w, &again, rows[i].status, "", slice_of(rows[i].body), &p);
        if (e.kind != rows[i].kind || strcmp(e.code, rows[i].code) != 0)
            fail_msg("row %zu: %d %s", i, (int)e.kind, e.kind ? e.code : "");
    }
}

static void
test_those_unread_longest_come_first_and_not_all_at_once(void **state)
{
    struct world *w = *state;
    struct source_request *r;
    put_note(w, "m:created", 1);
    for (int i = 0; i < 60; i++) /* da07 was read last, 1 minute after da00 ... */
        put_note(w, slice_printf(w->arena, "o:da%02d", i * 7 % 60).p,
                 w->c.now - 100 * MINUTE + i * MINUTE);
    put_note(w, "o:#0123456789abcdef0123456789abcdef", 0); /* a hash cannot be asked for */
    assert_int_equal(requests(w, &r), 1 + 25);
    for (int i = 0; i < 25; i++) {
        struct slice url = slice_printf(w->arena, BASE "/alerts/da%02d", i * 7 % 60);
        assert_slice(r[i + 1].http.url, url.p);
    }
}

static void
test_an_alert_that_changed_without_evidence_is_completed(void **state)
{
    struct world *w = *state;
    show_one(w);
    struct source_request again = read_again(w);
    struct page p = page(w, &again, "{\"id\":\"da1\",\"lastUpdateTime\":\"2019-12-01T02:00:00Z\"}");
    assert_int_equal(p.n_alerts, 0);
    assert_slice(p.next[0].http.url, BASE "/alerts/da1/files");
}

static void
test_when_updates_can_be_asked_for_the_open_ones_are_forgotten(void **state)
{
    struct world *w = *state;
    struct source_request *r;
    show_one(w);
    assert_non_null(note(w, "m:open"));
    w->c.now += 20 * MINUTE;
    struct source_note gone = {SLICE("m:created"), 0, CLOCK_NONE};
    struct page p = {.notes = &gone, .n_notes = 1};
    keep_notes(w, &p);
    assert_int_equal(requests(w, &r), 1);
    assert_true(has(r->http.url, "lastUpdateTime"));
    p = page(w, r, "{\"value\":[]}");
    keep_notes(w, &p);
    assert_null(note(w, "o:da1"));
    assert_null(note(w, "m:open"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_an_open_alert_is_read_again_after_a_quarter_of_an_hour),
        T(test_a_resolved_or_vanished_alert_is_read_no_more),
        T(test_one_bad_answer_leaves_the_round_and_the_alerts_turn_alone),
        T(test_those_unread_longest_come_first_and_not_all_at_once),
        T(test_an_alert_that_changed_without_evidence_is_completed),
        T(test_when_updates_can_be_asked_for_the_open_ones_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
