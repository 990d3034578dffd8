/* Open alerts listed again (source_apps.c and apps_listing.c). */
#include "apps_world.h"

#include "ingest/apps_listing.h"
#include "ingest/notes.h"

/* A tenant as the poller keeps it: notes go from round to round. */
struct tenant {
    struct world *w;
    struct notes kept;
    struct source_note said[256];
    size_t n_said;
    struct cursor at;
};

#define ID(n) "5e1d8b2a0c204203a335a30" n
#define A_MS 1579300000000 /* 2020-01-17 */
#define B_MS 1579310000000

static void
begin(struct tenant *t, struct world *w)
{
    *t = (struct tenant){.w = w, .at = {CLOCK_NONE, CLOCK_NONE, CLOCK_NONE, false}};
    t->at.since = at("2020-01-19T00:00:00Z");
}

/* A round begins: its requests. */
static struct source_request *
round_of(struct tenant *t, size_t *n)
{
    struct source_request *r = NULL;
    t->n_said = 0;
    struct err e = notes_list(&t->kept, t->w->arena, &t->w->c.notes);
    if (e.kind == ERR_NONE)
        e = source_apps.first(&t->w->c, &t->at, t->w->arena, &r, n);
    assert_int_equal(e.kind, ERR_NONE);
    return r;
}

static struct page
answer(struct tenant *t, const struct source_request *asked, long status, const char *body)
{
    const struct answer got = {
        .asked = asked, .conf = &t->w->c, .status = status, .body = slice_of(body)};
    struct page out;
    struct err e = source_apps.parse(&got, t->w->arena, &out);
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
    for (size_t i = 0; i < out.n_notes; i++) {
        assert_true(t->n_said < 256);
        t->said[t->n_said++] = out.notes[i];
    }
    return out;
}

static void
end(struct tenant *t)
{
    struct notes next;
    struct err e = notes_merge(&t->w->c.notes, t->said, t->n_said, t->w->c.now, t->w->arena, &next);
    assert_int_equal(e.kind, ERR_NONE);
    notes_free(&t->kept);
    t->kept = next;
    t->w->c.now += 60 * CLOCK_SECOND;
}

static void
later(struct tenant *t, int64_t seconds)
{
    t->w->c.now += seconds * CLOCK_SECOND;
}

static const char *
body_of(struct world *w, const char *rows, const char *rest)
{
    return slice_printf(w->arena, "{\"data\":[%s]%s}", rows, rest).p;
}

static const char *
row(struct world *w, const char *id, int64_t ms, const char *rest)
{
    return slice_printf(w->arena, "{\"_id\":\"%s\",\"timestamp\":%lld%s}", id, (long long)ms, rest)
        .p;
}

static bool
knows(struct tenant *t, const char *key)
{
    struct source_notes list;
    struct err e = notes_list(&t->kept, t->w->arena, &list);
    assert_int_equal(e.kind, ERR_NONE);
    struct source_conf c = {.notes = list};
    return source_note(&c, slice_of(key)) != NULL;
}

/* A round that lists these rows, all that is open, and finds nothing new. */
static struct page
list(struct tenant *t, const char *rows)
{
    size_t n;
    struct source_request *r = round_of(t, &n);
    assert_int_equal(n, 1);
    struct page p = answer(t, &r[0], 200, body_of(t->w, rows, ",\"hasNext\":false"));
    end(t);
    return p;
}

/* ---- */

static void
test_open_alerts_are_listed_before_the_news_and_then_rest_for_a_while(void **state)
{
    struct world *w = *state;
    struct tenant t;
    size_t n;
    begin(&t, w);
    struct source_request *r = round_of(&t, &n);
    assert_int_equal(n, 1);
    assert_slice(r[0].http.body,
                 "{\"filters\":{\"alertOpen\":{\"eq\":true},\"date\":{\"gte\":1576886400000}},"
                 "\"sortField\":\"date\",\"sortDirection\":\"asc\",\"skip\":0,\"limit\":100}");
    struct page p = answer(&t, &r[0], 200, body_of(w, row(w, ID("a"), A_MS, ""), ""));
    assert_int_equal(p.n_alerts, 1);
    assert_int_equal(p.n_next, 2); /* what was raised, what was closed */
    assert_true(slice_find(p.next[0].http.body, SLICE("\"date\""), 0) < p.next[0].http.body.n);
    assert_true(slice_find(p.next[1].http.body, SLICE("resolutionDate"), 0) <
                p.next[1].http.body.n);
    assert_int_equal(p.at.since, t.at.since);
    end(&t);
    assert_true(knows(&t, "o." ID("a")));
    (void)round_of(&t, &n);
    assert_int_equal(n, 2);
    later(&t, 540);
    (void)round_of(&t, &n);
    assert_int_equal(n, 1);
    later(&t, -86400); /* a clock that was set back puts nothing off */
    (void)round_of(&t, &n);
    assert_int_equal(n, 1);
    notes_free(&t.kept);
}

static void
test_what_did_not_change_is_not_produced_again_and_what_did_is(void **state)
{
    struct world *w = *state;
    struct tenant t;
    begin(&t, w);
    const char *same = row(w, ID("a"), A_MS, ""), *other = row(w, ID("a"), A_MS, ",\"x\":1");
    assert_int_equal(list(&t, same).n_alerts, 1);
    later(&t, 600);
    struct page p = list(&t, same);
    assert_int_equal(p.n_alerts, 0);
    assert_int_equal(p.n_notes, 1); /* that it was listed */
    later(&t, 600);
    assert_int_equal(list(&t, other).n_alerts, 1);
    later(&t, 600);
    assert_int_equal(list(&t, other).n_alerts, 0);
    later(&t, 600);
    assert_int_equal(list(&t, same).n_alerts, 1);
    later(&t, 600); /* twice in one listing: what came between is not known to be confirmed */
    p = list(&t, slice_printf(w->arena, "%s,%s,%s", same, other, same).p);
    assert_int_equal(p.n_alerts, 2);
    notes_free(&t.kept);
}

static void
test_an_alert_missing_from_a_whole_listing_is_fetched_and_published_as_closed(void **state)
{
    struct world *w = *state;
    struct tenant t;
    begin(&t, w);
    const char *a = row(w, ID("a"), A_MS, ""), *b = row(w, ID("b"), B_MS, "");
    (void)list(&t, slice_printf(w->arena, "%s,%s", a, b).p);
    later(&t, 600);
    size_t n;
    struct source_request *r = round_of(&t, &n);
    struct page p = answer(&t, &r[0], 200, body_of(w, b, ",\"hasNext\":false,\"total\":1"));
    assert_int_equal(p.n_next, 3);
    assert_string_equal(p.next[2].http.method, "GET");
    assert_slice(p.next[2].http.url, BASE "/api/v1/alerts/" ID("a") "/");
    struct source_request one = p.next[2];
    const char *closed = row(w, ID("a"), A_MS, ",\"resolutionStatusValue\":2");
    p = answer(&t, &one, 200, closed);
    assert_int_equal(p.n_alerts, 1);
    assert_slice(p.alerts[0].payload, closed);
    assert_slice(p.alerts[0].native_id, ID("a"));
    end(&t);
    assert_false(knows(&t, "o." ID("a")));
    assert_true(knows(&t, "o." ID("b")));
    later(&t, 600);
    assert_int_equal(list(&t, b).n_next, 2); /* it is asked for once */
    notes_free(&t.kept);
}

static void
test_an_id_is_one_step_of_a_path_whatever_it_holds(void **state)
{
    struct world *w = *state;
    struct tenant t;
    begin(&t, w);
    (void)list(&t, row(w, "../x?y=1#", A_MS, ""));
    later(&t, 600);
    size_t n;
    struct source_request *r = round_of(&t, &n);
    struct page p = answer(&t, &r[0], 200, body_of(w, "", ",\"hasNext\":false,\"total\":0"));
    assert_int_equal(p.n_next, 3);
    assert_slice(p.next[2].http.url, BASE "/api/v1/alerts/..%2Fx%3Fy%3D1%23/");
    notes_free(&t.kept);
}

static void
test_what_a_missing_alert_may_be(void **state)
{
    static const struct {
        long status;
        const char *body;
        size_t n_alerts;
        bool known, warns;
    } table[] = {
        {200, "{\"_id\":\"" ID("a") "\",\"timestamp\":1579300000000,\"is_open\":true}", 1, true,
         false},
        {200, " {\"_id\":\"" ID("a") "\",\"is_open\":\"false\"}\n", 1, false, false},
        {404, "{\"detail\":\"Not found.\"}", 0, false, true},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct tenant t;
        size_t n;
        begin(&t, w);
        (void)list(&t, row(w, ID("a"), A_MS, ""));
        later(&t, 600);
        struct source_request *r = round_of(&t, &n);
        struct page p = answer(&t, &r[0], 200, "{\"data\":[]}");
        assert_int_equal(p.n_next, 3);
        struct source_request one = p.next[2];
        p = answer(&t, &one, table[i].status, table[i].body);
        assert_int_equal(p.n_alerts, table[i].n_alerts);
        assert_int_equal(p.warn.kind != ERR_NONE, table[i].warns);
        end(&t);
        assert_int_equal(knows(&t, "o." ID("a")), table[i].known);
        notes_free(&t.kept);
    }
}

static void
test_an_alert_that_was_not_asked_for_is_refused(void **state)
{
    struct world *w = *state;
    struct tenant t;
    size_t n;
    begin(&t, w);
    (void)list(&t, row(w, ID("a"), A_MS, ""));
    later(&t, 600);
    struct source_request *r = round_of(&t, &n), one;
    one = answer(&t, &r[0], 200, "{\"data\":[]}").next[2];
    const struct answer got = {
        .asked = &one, .conf = &w->c, .status = 200, .body = SLICE("{\"_id\":\"" ID("b") "\"}")};
    struct page p;
    struct err e = source_apps.parse(&got, w->arena, &p);
    assert_int_equal(e.kind, ERR_REJECT);
    assert_string_equal(e.code, "apps.other");
    notes_free(&t.kept);
}

static void
test_a_listing_cut_short_proves_nothing_of_what_lies_behind(void **state)
{
    struct world *w = *state;
    struct tenant t;
    size_t n;
    begin(&t, w);
    const char *a = row(w, ID("a"), A_MS, ""), *b = row(w, ID("b"), B_MS, "");
    const char *c = row(w, ID("c"), B_MS + 1, "");
    (void)list(&t, slice_printf(w->arena, "%s,%s,%s", a, b, c).p);
    later(&t, 600);
    struct source_request *r = round_of(&t, &n), second;
    struct page p = answer(&t, &r[0], 200, body_of(w, b, ",\"hasNext\":true"));
    assert_int_equal(p.n_next, 1);
    second = p.next[0];
    p = answer(&t, &second, 200, body_of(w, "", ",\"hasNext\":true"));
    assert_int_equal(p.n_next, 3); /* the first is missing, of the third nobody knows */
    assert_slice(p.next[2].carry, ID("a"));
    notes_free(&t.kept);
}

static void
test_a_long_listing_is_read_in_parts_with_the_news_between(void **state)
{
    struct world *w = *state;
    struct tenant t;
    size_t n;
    begin(&t, w);
    struct source_request *r = round_of(&t, &n), asked = r[0];
    asked.skip = 999;
    asked.seen = at("2020-01-05T00:00:00Z");
    struct page p = answer(&t, &asked, 200,
                           body_of(w, row(w, ID("a"), 1578268800000, ""), ",\"hasNext\":true"));
    assert_int_equal(p.n_next, 2);
    end(&t);
    r = round_of(&t, &n); /* goes on where that part ended, at once */
    assert_int_equal(n, 1);
    assert_int_equal(r[0].from, at("2020-01-06T00:00:00Z"));
    p = answer(&t, &r[0], 200, body_of(w, row(w, ID("a"), 1578268800000, ""), ""));
    assert_int_equal(p.n_alerts, 0);
    end(&t);
    assert_false(knows(&t, "at"));
    (void)round_of(&t, &n);
    assert_int_equal(n, 2);
    notes_free(&t.kept);
}

static void
test_a_listing_that_cannot_be_read_does_not_hold_up_the_news(void **state)
{
    static const struct {
        long status;
        const char *body;
    } table[] = {{400, "bad filter"},
                 {404, ""},
                 {200, "<html>"},
                 {200, "{\"data\":7}"},
                 {200, "{\"data\":[{\"_id\":"}};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct tenant t;
        size_t n;
        begin(&t, w);
        struct source_request *r = round_of(&t, &n);
        struct page p = answer(&t, &r[0], table[i].status, table[i].body);
        assert_string_equal(p.warn.code, "apps.listing");
        assert_int_equal(p.n_next, 2);
        end(&t);
        (void)round_of(&t, &n);
        assert_int_equal(n, 2); /* not again at once */
        notes_free(&t.kept);
    }
}

static void
test_a_busy_service_is_waited_for_in_a_listing_too(void **state)
{
    static const long statuses[] = {429, 408, 500, 502, 401, 403};
    struct world *w = *state;
    struct tenant t;
    size_t n;
    begin(&t, w);
    struct source_request *r = round_of(&t, &n);
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        const struct answer got = {.asked = r, .conf = &w->c, .status = statuses[i]};
        struct page p;
        struct err e = source_apps.parse(&got, w->arena, &p);
        assert_int_equal(e.kind, i < 4 ? ERR_RETRY : ERR_STOP);
    }
}

static void
test_closed_alerts_among_the_open_ones_are_taken_and_forgotten(void **state)
{
    struct world *w = *state;
    struct tenant t;
    begin(&t, w);
    (void)list(&t, row(w, ID("a"), A_MS, ""));
    later(&t, 600);
    struct page p = list(&t, row(w, ID("a"), A_MS, ",\"resolutionStatusValue\":5"));
    assert_int_equal(p.n_alerts, 1);
    assert_int_equal(p.n_next, 2);
    assert_false(knows(&t, "o." ID("a")));
    notes_free(&t.kept);
}

static void
test_news_are_remembered_when_open_and_forgotten_when_closed(void **state)
{
    struct world *w = *state;
    struct tenant t;
    size_t n;
    begin(&t, w);
    (void)list(&t, "");
    struct source_request *r = round_of(&t, &n);
    assert_int_equal(n, 2);
    const char *a = row(w, ID("a"), A_MS, "");
    struct page p = answer(&t, &r[0], 200, body_of(w, a, ""));
    assert_int_equal(p.n_alerts, 1);
    end(&t);
    assert_true(knows(&t, "o." ID("a")));
    r = round_of(&t, &n);
    p = answer(&t, &r[0], 200, body_of(w, a, ""));
    assert_int_equal(p.n_alerts, 1); /* the overlap: whoever sends it knows */
    assert_int_equal(p.n_notes, 0);  /* nothing to store */
    p = answer(&t, &r[1], 200,
               body_of(w, row(w, ID("a"), A_MS, ",\"resolutionStatusValue\":1"), ""));
    end(&t);
    assert_false(knows(&t, "o." ID("a")));
    notes_free(&t.kept);
}

static void
test_old_and_odd_alerts_are_not_remembered(void **state)
{
    static const char *const rows[] = {
        "{\"_id\":\"" ID("a") "\",\"timestamp\":1500000000000}", /* older than a listing reaches */
        "{\"_id\":\"a b\",\"timestamp\":1579300000000}",
        "{\"_id\":\"\\u0001\",\"timestamp\":1579300000000}",
        "{\"timestamp\":1579300000000}",
        "{\"_id\":\"x\"}",
        "null",
        "7",
    };
    struct world *w = *state;
    struct tenant t;
    begin(&t, w);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct page p = list(&t, rows[i]);
        assert_int_equal(p.n_alerts, 1);
        assert_int_equal(p.n_notes, 1);
        later(&t, 600);
    }
    notes_free(&t.kept);
}

static void
test_of_many_missing_alerts_a_few_are_fetched_each_time_and_all_in_the_end(void **state)
{
    struct world *w = *state;
    struct tenant t;
    size_t n, fetched = 0;
    begin(&t, w);
    struct slice rows = SLICE("");
    for (int i = 0; i < 50; i++)
        rows = slice_printf(w->arena, "%.*s%s{\"_id\":\"%024x\",\"timestamp\":%lld}",
                            SLICE_ARG(rows), i > 0 ? "," : "", i, (long long)A_MS);
    (void)list(&t, rows.p);
    for (int round = 0; round < 3; round++) {
        later(&t, 600);
        struct source_request *r = round_of(&t, &n);
        struct page p = answer(&t, &r[0], 200, "{\"data\":[],\"hasNext\":false}");
        assert_true(p.n_next <= 2 + APPS_PER_ROUND_MAX);
        struct source_request *next = p.next;
        for (size_t i = 2, all = p.n_next; i < all; i++, fetched++)
            (void)answer(&t, &next[i], 404, "");
        end(&t);
    }
    assert_int_equal(fetched, 50);
    assert_int_equal(t.kept.n, 1);
    notes_free(&t.kept);
}

static void
test_listing_can_be_turned_off(void **state)
{
    struct world *w = *state;
    const struct opt *const tables[] = {source_apps.opts, NULL};
    const char *const flags[] = {"ingest.apps.open_every_s=0", NULL};
    struct conf *conf = NULL;
    struct err e = conf_load(tables, "/dev/null", flags, &conf);
    assert_int_equal(e.kind, ERR_NONE);
    w->c.conf = conf;
    struct tenant t;
    size_t n;
    begin(&t, w);
    (void)round_of(&t, &n);
    assert_int_equal(n, 2);
    conf_free(conf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_open_alerts_are_listed_before_the_news_and_then_rest_for_a_while),
        T(test_what_did_not_change_is_not_produced_again_and_what_did_is),
        T(test_an_alert_missing_from_a_whole_listing_is_fetched_and_published_as_closed),
        T(test_an_id_is_one_step_of_a_path_whatever_it_holds),
        T(test_what_a_missing_alert_may_be),
        T(test_an_alert_that_was_not_asked_for_is_refused),
        T(test_a_listing_cut_short_proves_nothing_of_what_lies_behind),
        T(test_a_long_listing_is_read_in_parts_with_the_news_between),
        T(test_a_listing_that_cannot_be_read_does_not_hold_up_the_news),
        T(test_a_busy_service_is_waited_for_in_a_listing_too),
        T(test_closed_alerts_among_the_open_ones_are_taken_and_forgotten),
        T(test_news_are_remembered_when_open_and_forgotten_when_closed),
        T(test_old_and_odd_alerts_are_not_remembered),
        T(test_of_many_missing_alerts_a_few_are_fetched_each_time_and_all_in_the_end),
        T(test_listing_can_be_turned_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
