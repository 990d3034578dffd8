/* Blobs: taken byte for byte, gone, broken, too large. Ref: sources.md 3.5, 3.10, 3.12, 8.2.5. */
#include "ingest/mail_wire.h"
#include "tests/unit/mail_rig.h"

#define BLOB FEED "/audit/20201121063048785077405$x$audit_general$Audit_General$na0030$na0030"

static struct source_request
blob_at(const struct source_conf *c, const char *uri, struct arena *a)
{
    struct cursor on = cursor_at("2020-01-14T09:00:00Z", NULL);
    struct source_request r;
    assert_int_equal(mail_blob_request(c, &on, slice_of(uri), c->now + HOUR, a, &r).kind, ERR_NONE);
    return r;
}

static void
test_records_are_taken_byte_for_byte(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct source_request blob = blob_at(&c, BLOB, *state);
    struct slice body =
        SLICE("\xef\xbb\xbf [ {\"Id\":\"r1\", \"CreationTime\":\"2020-01-14T09:31:07\"} ,"
              "{\"RecordType\":40},{\"RecordType\":41}, 5] \r\n");
    struct page p = taken(&c, &blob, 200, body, *state);
    assert_int_equal(p.n_alerts, 4);
    assert_slice(p.alerts[0].native_id, "r1");
    assert_slice(p.alerts[0].payload, "{\"Id\":\"r1\", \"CreationTime\":\"2020-01-14T09:31:07\"}");
    assert_true(p.alerts[0].version == at("2020-01-14T09:31:07Z"));
    assert_true(p.alerts[1].version == CLOCK_NONE);
    assert_true(slice_starts(p.alerts[1].native_id, SLICE("record:")));
    assert_false(slice_eq(p.alerts[1].native_id, p.alerts[2].native_id));
    assert_true(p.at.since == blob.at.since);
    assert_int_equal(p.n_notes, 1);
    assert_true(mail_blob_known(&c, SLICE(BLOB), *state) == false);
    remember(&c, &p, *state);
    assert_true(mail_blob_known(&c, SLICE(BLOB "?PublisherIdentifier=p1"), *state));
    assert_int_equal(taken(&c, &blob, 200, SLICE(" [ ] "), *state).n_alerts, 0);
}

static void
test_a_record_nested_too_deep_is_one_dead_record_not_a_dead_blob(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct source_request blob = blob_at(&c, BLOB, *state);
    char deep[600], body[800];
    memset(deep, '[', 300);
    memset(deep + 300, ']', 300);
    (void)snprintf(body, sizeof body, "[{\"Id\":\"r1\"},%.600s,{\"Id\":\"r2\"}]", deep);
    struct page p = taken(&c, &blob, 200, slice_of(body), *state);
    assert_int_equal(p.n_alerts, 3);
    assert_slice(p.alerts[2].native_id, "r2");
    assert_int_equal(p.n_next, 0);
}

static void
test_a_blob_that_is_gone_is_skipped_and_told(void **state)
{
    static const struct {
        long status;
        const char *code;
    } rows[] = {{404, "AF20050"}, {404, ""},        {400, "AF20051"},
                {410, "x"},       {400, "AF20052"}, {404, "AF20051"}};
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct source_request blob = blob_at(&c, BLOB, *state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct page p = taken(&c, &blob, rows[i].status, refusal(rows[i].code, *state), *state);
        assert_int_equal(p.n_alerts + p.n_next, 0);
        assert_string_equal(p.warn.code, "mail.blob_gone");
        assert_int_equal(p.n_notes, 1);
    }
}

static const char *const broken[] = {
    "",
    "<html>busy</html>",
    "{\"Id\":\"r1\"}",
    "[{\"Id\":\"r1\"},{\"Id\":\"r2\"},{\"Id\":\"r",
    "[{\"Id\":\"r1\"},{\"Id\":\"r2\"}",
    "[{\"Id\":\"r1\"},{\"Id\":\"r2\"}] x",
    "[{\"Id\":\"r1\"} {\"Id\":\"r2\"}]",
    "[{\"Id\":\"r1\"},]",
    "[{\"Id\":\"r1\"},{\"Id\":\"\xff\"}]",
    "[",
    "7",
};

static void
test_a_blob_that_is_no_list_of_json_is_asked_for_again_and_nothing_of_it_taken(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct source_request blob = blob_at(&c, BLOB, *state);
        for (int at_once = 0; at_once < 2; at_once++) {
            struct page p = taken(&c, &blob, 200, slice_of(broken[i]), *state);
            if (p.n_next != 1 || p.n_alerts != 0 || p.n_notes != 0)
                fail_msg("\"%s\" was taken", broken[i]);
            assert_true(slice_eq(p.next[0].http.url, blob.http.url));
            blob = p.next[0];
        }
        struct page p = taken(&c, &blob, 200, slice_of(broken[i]), *state);
        assert_int_equal(p.n_next + p.n_alerts, 0); /* the others go on */
        assert_string_equal(p.warn.code, "mail.blob_broken");
        assert_true(p.at.since == blob.at.since && p.n_notes == 1);
    }
}

/* The requests of blobs that wait, in the round that begins now. */
static size_t
waiting(const struct source_conf *c, struct arena *a, struct source_request **list)
{
    struct cursor on = cursor_at("2020-01-14T09:00:00Z", NULL);
    size_t n;
    assert_int_equal(source_mail.first(c, &on, a, list, &n).kind, ERR_NONE);
    return n - 1;
}

static void
test_a_broken_blob_becomes_a_dead_letter_after_its_tries_and_what_can_be_read_is_taken(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct source_request blob = blob_at(&c, BLOB, *state), *list;
    struct slice body = slice_of(broken[3]);
    blob.skip = 2;
    struct page p = taken(&c, &blob, 200, body, *state);
    int rounds = 1;
    for (; p.n_alerts == 0; rounds++) {
        remember(&c, &p, *state);
        assert_int_equal(c.notes.n, 1);
        assert_true(mail_blob_known(&c, SLICE(BLOB), *state));
        assert_int_equal(waiting(&c, *state, &list), 0); /* not without a pause */
        c.now += 60 * SECOND;
        assert_int_equal(waiting(&c, *state, &list), 1);
        assert_slice(list[0].http.url, BLOB "?PublisherIdentifier=p1");
        p = taken(&c, &list[0], 200, body, *state);
    }
    assert_int_equal(rounds, 8);
    assert_string_equal(p.warn.code, "mail.blob_given_up");
    assert_int_equal(p.n_alerts, 3);
    assert_slice(p.alerts[1].native_id, "r2");
    assert_true(slice_starts(p.alerts[2].native_id, SLICE("blob:")));
    assert_true(slice_eq(p.alerts[2].payload, body));
    remember(&c, &p, *state);
    assert_int_equal(waiting(&c, *state, &list), 0);
    struct source_ident id; /* it is dead: no reader takes it for a record */
    assert_int_equal(source_mail.ident(body, IDENTITY_OFF, *state, &id).kind, ERR_REJECT);
}

static void
test_a_broken_blob_that_is_whole_later_is_taken_and_waits_no_more(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct source_request blob = blob_at(&c, BLOB, *state), *list;
    blob.skip = 2;
    struct page p = taken(&c, &blob, 200, SLICE("[{"), *state);
    remember(&c, &p, *state);
    c.now += 60 * SECOND;
    assert_int_equal(waiting(&c, *state, &list), 1);
    p = taken(&c, &list[0], 200, SLICE("[{\"Id\":\"r1\"}]"), *state);
    assert_int_equal(p.n_alerts, 1);
    remember(&c, &p, *state);
    assert_int_equal(waiting(&c, *state, &list), 0);
    assert_int_equal(c.notes.n, 0);
}

static void
test_an_id_too_long_to_be_noted_is_given_up_in_its_round(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    char uri[400];
    (void)snprintf(uri, sizeof uri, "%s/audit/%0200d", FEED, 7);
    struct source_request blob = blob_at(&c, uri, *state);
    blob.skip = 2;
    struct page p = taken(&c, &blob, 200, SLICE("<html>"), *state);
    assert_int_equal(p.n_alerts, 1);
    assert_string_equal(p.warn.code, "mail.blob_given_up");
}

static void
test_a_large_dead_letter_holds_reason_and_id_not_the_bytes(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct source_request blob = blob_at(&c, BLOB, *state);
    struct page p;
    struct answer got = {.asked = &blob,
                         .conf = &c,
                         .failed = err_make(ERR_REJECT, "fetch.too_large", "over %d bytes", 9)};
    assert_int_equal(source_mail.parse(&got, *state, &p).kind, ERR_NONE);
    assert_int_equal(p.n_alerts, 1);
    assert_holds(p.alerts[0].payload, "over 9 bytes");
    assert_holds(p.alerts[0].payload, "20201121063048785077405$x$audit_general");
    assert_string_equal(p.warn.code, "mail.blob_given_up");
    struct source_ident id;
    assert_int_equal(source_mail.ident(p.alerts[0].payload, IDENTITY_OFF, *state, &id).kind,
                     ERR_REJECT);
    char *large = arena_alloc(*state, 300001);
    memset(large, 'x', 300000);
    char uri[400];
    (void)snprintf(uri, sizeof uri, "%s/audit/%0200d", FEED, 7);
    blob = blob_at(&c, uri, *state);
    blob.skip = 2;
    p = taken(&c, &blob, 200, slice_of(large), *state);
    assert_true(p.alerts[0].payload.n < 1000);
    assert_holds(p.alerts[0].payload, "\"bytes\":300000");
}

static void
test_a_blob_that_the_feed_cannot_give_waits_and_holds_nothing_up(void **state)
{
    static const struct {
        long status;
        const char *code;
        bool waits;
    } rows[] = {
        {500, "AF50000", true}, {503, "", true},         {400, "AF20024", true},
        {403, "AF429", false},  {403, "AF10001", false},
    };
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct source_request blob = blob_at(&c, BLOB, *state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (unsigned tries = 0; tries < 7; tries++) {
            struct page p;
            struct answer got = {.asked = &blob,
                                 .conf = &c,
                                 .status = rows[i].status,
                                 .body = refusal(rows[i].code, *state),
                                 .tries = tries};
            struct err e = source_mail.parse(&got, *state, &p);
            assert_int_equal(e.kind == ERR_NONE, rows[i].waits && tries >= 5);
            if (e.kind == ERR_NONE)
                assert_string_equal(p.warn.code, "mail.blob_waits");
        }
    }
    struct page p; /* no answer at all, again and again: the same */
    struct answer got = {.asked = &blob,
                         .conf = &c,
                         .tries = 5,
                         .failed = err_make(ERR_RETRY, "fetch.timeout", "nothing for 30 s")};
    assert_int_equal(source_mail.parse(&got, *state, &p).kind, ERR_NONE);
    assert_string_equal(p.warn.code, "mail.blob_waits");
}

static void
test_when_very_many_blobs_fail_it_is_not_the_blobs(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct source_note *many = arena_alloc(*state, 64 * sizeof *many);
    for (size_t i = 0; i < 64; i++)
        many[i] = (struct source_note){.key = slice_printf(*state, "wait:%04zu", i),
                                       .until = c.now + DAY};
    c.notes = (struct source_notes){many, 64};
    struct source_request blob = blob_at(&c, BLOB, *state), *list;
    struct page p;
    struct answer got = {
        .asked = &blob, .conf = &c, .status = 500, .body = SLICE("{}"), .tries = 7};
    assert_int_equal(source_mail.parse(&got, *state, &p).kind, ERR_RETRY);
    assert_int_equal(waiting(&c, *state, &list), 32);
    blob = list[0]; /* one that waits already goes on waiting, each round, and is never given up */
    assert_int_equal(source_mail.parse(&got, *state, &p).kind, ERR_NONE);
    assert_int_equal(p.n_alerts, 0);
}

static void
test_a_blob_of_many_megabytes_is_taken(void **state)
{
    enum { RECORDS = 30000, EACH = 1200 };
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct source_request blob = blob_at(&c, BLOB, *state);
    char *text = arena_alloc(*state, (size_t)RECORDS * (EACH + 60));
    size_t n = 0;
    for (int i = 0; i < RECORDS; i++)
        n += (size_t)sprintf(text + n, "%c{\"Id\":\"r%d\",\"Data\":\"%0*d\"}", i == 0 ? '[' : ',',
                             i, EACH, i);
    text[n++] = ']';
    size_t before = arena_used(*state);
    struct page p = taken(&c, &blob, 200, (struct slice){text, n}, *state);
    assert_int_equal(p.n_alerts, RECORDS);
    assert_slice(p.alerts[RECORDS - 1].native_id, "r29999");
    assert_true(arena_used(*state) - before < n / 4); /* not a second copy of it */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_are_taken_byte_for_byte),
        cmocka_unit_test(test_a_record_nested_too_deep_is_one_dead_record_not_a_dead_blob),
        cmocka_unit_test(test_a_blob_that_is_gone_is_skipped_and_told),
        cmocka_unit_test(
            test_a_blob_that_is_no_list_of_json_is_asked_for_again_and_nothing_of_it_taken),
        cmocka_unit_test(
            test_a_broken_blob_becomes_a_dead_letter_after_its_tries_and_what_can_be_read_is_taken),
        cmocka_unit_test(test_a_broken_blob_that_is_whole_later_is_taken_and_waits_no_more),
        cmocka_unit_test(test_an_id_too_long_to_be_noted_is_given_up_in_its_round),
        cmocka_unit_test(test_a_large_dead_letter_holds_reason_and_id_not_the_bytes),
        cmocka_unit_test(test_a_blob_that_the_feed_cannot_give_waits_and_holds_nothing_up),
        cmocka_unit_test(test_when_very_many_blobs_fail_it_is_not_the_blobs),
        cmocka_unit_test(test_a_blob_of_many_megabytes_is_taken),
    };
    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
