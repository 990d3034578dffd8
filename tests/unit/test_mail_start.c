/* The subscription and the webhook. Ref: sources.md 3.1, 3.2, 3.4, 3.10. */
#include <unistd.h>

#include "ingest/hook.h"
#include "ingest/mail_hook.h"
#include "tests/unit/mail_rig.h"

#define START FEED "/subscriptions/start?contentType=Audit.General&PublisherIdentifier=p1"

static void
test_a_round_begins_with_the_subscription_and_already_enabled_is_success(void **state)
{
    static const struct {
        long status;
        const char *body;
    } rows[] = {
        {200, "{\"contentType\":\"audit.general\",\"status\":\"enabled\",\"webhook\":null}"},
        {400, "{\"error\":{\"code\":\"AF20024\",\"message\":\"already enabled\"}}"},
    };
    struct source_conf c = conf_at("2020-01-14T10:00:00.5Z");
    struct source_request r = first(&c, &never, *state);
    assert_string_equal(r.http.method, "POST");
    assert_slice(r.http.url, START);
    assert_slice(r.http.body, "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct page p = taken(&c, &r, rows[i].status, slice_of(rows[i].body), *state);
        assert_true(p.at.started);
        assert_true(p.at.since == CLOCK_NONE);
        assert_int_equal(p.n_next, 1);
        assert_string_equal(p.next[0].http.method, "GET");
        assert_slice(p.next[0].http.url,
                     FEED "/subscriptions/content?contentType=Audit.General&startTime="
                          "2020-01-12T10:00:00&endTime=2020-01-13T10:00:00&PublisherIdentifier=p1");
    }
}

static void
test_a_lost_subscription_is_started_again_but_not_within_15_minutes(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct cursor on = cursor_at("2020-01-14T09:00:00Z", NULL);
    struct slice off = refusal("AF20022", *state);
    struct source_request r = first(&c, &on, *state);
    struct page p = taken(&c, &r, 400, off, *state), q, s;
    assert_string_equal(p.next[0].http.method, "POST");
    assert_string_equal(p.warn.code, "mail.subscription");
    q = taken(&c, &p.next[0], 200, SLICE("{}"), *state);
    s = taken(&c, &q.next[0], 400, off, *state); /* not on yet: the round ends, and is noted */
    assert_int_equal(s.n_next, 0);
    assert_true(s.at.since == on.since);
    remember(&c, &q, *state);
    c.now += 60 * SECOND;
    r = first(&c, &on, *state);
    struct err e = answer(&c, &r, 400, "", off, *state, &s);
    assert_int_equal(e.kind, ERR_RETRY);
    assert_string_equal(e.code, "mail.subscription");
    assert_in_range(e.after_ms, 14 * 60000, 14 * 60000 + 1000);
    c.now += 14 * 60 * SECOND;
    r = first(&c, &on, *state);
    p = taken(&c, &r, 400, refusal("AF20023", *state), *state);
    assert_string_equal(p.next[0].http.method, "POST");
    assert_non_null(strstr(p.warn.text, "administrator"));
}

static void
test_a_start_just_after_a_stop_waits(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct source_request r = first(&c, &never, *state);
    struct page p;
    struct err e = answer(&c, &r, 400, "", refusal("AF20023", *state), *state, &p);
    assert_int_equal(e.kind, ERR_RETRY);
    assert_int_equal(e.after_ms, 15 * 60000);
    e = answer(&c, &r, 400, "", refusal("AF20020", *state), *state, &p);
    assert_string_equal(e.code, "mail.request");
    e = answer(&c, &r, 400, "", refusal("AF20021", *state), *state, &p);
    assert_int_equal(e.kind, ERR_NONE);
}

/* ---- the webhook */

struct rig {
    char key_file[64];
    struct conf *conf;
};

static struct rig
rig_with(const char *url, const char *key)
{
    struct rig rig = {.key_file = "/tmp/weir-mail-key-XXXXXX"};
    int f = mkstemp(rig.key_file);
    assert_true(f >= 0 && write(f, key, strlen(key)) == (ssize_t)strlen(key));
    close(f);
    char flags[2][200];
    (void)snprintf(flags[0], sizeof flags[0], "ingest.mail.webhook_key_file=%s", rig.key_file);
    (void)snprintf(flags[1], sizeof flags[1], "ingest.mail.webhook_url=%s", url);
    const char *const list[] = {flags[0], url[0] != '\0' ? flags[1] : NULL, NULL};
    static const struct opt poll[] = {OPT_INT("ingest.poll_s", "s", 60, 1, 3600, "x"), OPT_END};
    const struct opt *const tables[] = {source_mail.opts, poll, NULL};
    struct err e = conf_load(tables, "/dev/null", list, &rig.conf);
    if (e.kind)
        fail_msg("%s", e.text);
    return rig;
}

static void
rig_end(struct rig *rig)
{
    (void)unlink(rig->key_file);
    conf_free(rig->conf);
}

static void
test_a_webhook_is_told_at_the_start_again_daily_and_after_a_change(void **state)
{
    struct rig rig = rig_with("https://weir.example/mail/", "0123456789abcdef0123");
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct cursor on = cursor_at("2020-01-14T09:00:00Z", NULL);
    c.conf = rig.conf;
    struct source_request r = first(&c, &never, *state);
    assert_holds(r.http.body, "{\"webhook\":{\"address\":\"https://weir.example/mail/" TENANT
                              "\",\"authId\":\"");
    assert_holds(r.http.body, "\",\"expiration\":\"\"}}");
    assert_slice(r.http.headers[0], "Content-Type: application/json");
    struct page p = taken(&c, &r, 200, SLICE("{}"), *state);
    remember(&c, &p, *state);
    c.now += HOUR;
    assert_string_equal(first(&c, &on, *state).http.method, "GET");
    c.now += DAY;
    r = first(&c, &on, *state);
    assert_string_equal(r.http.method, "POST"); /* a disabled one is revived by it */
    p = taken(&c, &r, 400, refusal("AF20024", *state), *state);
    remember(&c, &p, *state);
    c.now += HOUR;
    struct rig other = rig_with("https://other.example", "0123456789abcdef0123");
    c.conf = other.conf;
    assert_holds(first(&c, &on, *state).http.body, "https://other.example/" TENANT);
    struct rig none = rig_with("", "x");
    c.conf = none.conf;
    r = first(&c, &on, *state); /* to be removed */
    assert_string_equal(r.http.method, "POST");
    assert_slice(r.http.body, "");
    p = taken(&c, &r, 200, SLICE("{}"), *state);
    remember(&c, &p, *state);
    c.now += HOUR;
    assert_string_equal(first(&c, &on, *state).http.method, "GET");
    rig_end(&rig);
    rig_end(&other);
    rig_end(&none);
}

static void
test_a_webhook_that_cannot_be_reached_is_dropped_for_a_day(void **state)
{
    struct rig rig = rig_with("https://weir.example/mail", "0123456789abcdef0123");
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct cursor on = cursor_at("2020-01-14T09:00:00Z", NULL);
    c.conf = rig.conf;
    struct source_request r = first(&c, &never, *state);
    struct page p = taken(&c, &r, 400, refusal("AF20021", *state), *state);
    assert_string_equal(p.warn.code, "mail.webhook");
    assert_string_equal(p.next[0].http.method, "POST");
    assert_slice(p.next[0].http.body, "");
    struct page q;
    assert_int_equal(answer(&c, &p.next[0], 400, "", refusal("AF20021", *state), *state, &q).kind,
                     ERR_RETRY);
    q = taken(&c, &p.next[0], 200, SLICE("{}"), *state);
    assert_true(q.at.started);
    remember(&c, &q, *state);
    c.now += HOUR;
    assert_string_equal(first(&c, &on, *state).http.method, "GET");
    c.now += DAY;
    assert_holds(first(&c, &on, *state).http.body, "webhook");
    rig_end(&rig);
}

#define NEWS                                                                                       \
    "[{\"tenantId\":\"8A1A1157-0272-492d-ab10-3f9853ac8183\",\"clientId\":\"x\","                  \
    "\"contentType\":\"Audit.General\",\"contentId\":\"1\",\"contentUri\":\"https://evil.example/" \
    "1\"}]"

static void
test_a_notification_is_believed_only_with_its_tenants_word(void **state)
{
    static const struct {
        const char *method, *path, *auth, *code, *body;
        int status;
        bool wakes;
    } rows[] = {
        {"POST", "/" TENANT, "right", NULL, NEWS, 200, true},
        {"POST", "/mail/8A1A1157-0272-492D-AB10-3F9853AC8183", "right", NULL, NEWS, 200, true},
        {"POST", "/mail/" TENANT, "right", "x", "{\"validationCode\":\"x\"}", 200, false},
        {"POST", "/mail/" TENANT, "right", NULL, "{\"validationCode\":\"x\"}", 200, false},
        {"POST", "/mail/" TENANT, "right", "y", "{\"validationCode\":\"x\"}", 400, false},
        {"POST", "/mail/" TENANT, "right", NULL, "{\"validationCode\":\"\"}", 400, false},
        {"POST", "/mail/" TENANT, "right", NULL, "{}", 400, false},
        {"POST", "/mail/" TENANT, "right", NULL, "[{", 400, false},
        {"POST", "/mail/" TENANT, "right", NULL, "", 400, false},
        {"POST", "/mail/" TENANT, "right", NULL, "[]", 200, false},
        {"POST", "/mail/" TENANT, "right", NULL, "[7,{\"tenantId\":3}]", 200, false},
        {"POST", "/mail/" TENANT, "right", NULL,
         "[{\"tenantId\":\"9a1a1157-0272-492d-ab10-3f9853ac8183\",\"contentType\":"
         "\"Audit.General\"}]",
         200, false},
        {"POST", "/mail/" TENANT, "right", NULL,
         "[{\"tenantId\":\"" TENANT "\",\"contentType\":\"Audit.Exchange\"}]", 200, false},
        {"POST", "/mail/" TENANT, "wrong", NULL, NEWS, 403, false},
        {"POST", "/mail/" TENANT, NULL, NULL, NEWS, 403, false},
        {"POST", "/mail/" TENANT, "", NULL, "{\"validationCode\":\"x\"}", 403, false},
        {"POST", "/mail/9a1a1157-0272-492d-ab10-3f9853ac8183", "right", NULL, NEWS, 403, false},
        {"GET", "/mail/" TENANT, "right", NULL, "", 405, false},
        {"POST", "/mail/" TENANT "/x", "right", NULL, NEWS, 404, false},
        {"POST", "/", "right", NULL, NEWS, 404, false},
        {"POST", "", "right", NULL, NEWS, 404, false},
        {"POST", TENANT, "right", NULL, NEWS, 404, false},
        {"POST", "/8a1a11570272-492d-ab10-3f9853ac81833", "right", NULL, NEWS, 404, false},
    };
    struct rig rig = rig_with("https://weir.example/mail", "0123456789abcdef0123");
    struct mail_hook hook;
    assert_int_equal(mail_hook_of(rig.conf, SLICE(TENANT), *state, &hook).kind, ERR_NONE);
    assert_int_equal(hook.auth_id.n, 64);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool right = rows[i].auth != NULL && strcmp(rows[i].auth, "right") == 0;
        const struct hook_request r = {
            .conf = rig.conf,
            .method = slice_of(rows[i].method),
            .path = slice_of(rows[i].path),
            .body = slice_of(rows[i].body),
            .auth_id = right ? hook.auth_id : slice_of(rows[i].auth),
            .validation_code = slice_of(rows[i].code),
        };
        struct hook_reply reply = mail_hook_kind.judge(&r, *state);
        if (reply.status != rows[i].status || (reply.wake.n > 0) != rows[i].wakes)
            fail_msg("row %zu: %d, wakes %d", i, reply.status, reply.wake.n > 0);
    }
    rig_end(&rig);
}

static void
test_a_key_that_can_be_guessed_is_refused_when_the_worker_starts(void **state)
{
    struct rig rig = rig_with("https://weir.example/mail", "short");
    struct err e = mail_hook_kind.ready(rig.conf, *state);
    assert_int_equal(e.kind, ERR_STOP);
    assert_string_equal(e.code, "mail.webhook_key");
    assert_null(strstr(e.text, "short"));
    rig_end(&rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_round_begins_with_the_subscription_and_already_enabled_is_success),
        cmocka_unit_test(test_a_lost_subscription_is_started_again_but_not_within_15_minutes),
        cmocka_unit_test(test_a_start_just_after_a_stop_waits),
        cmocka_unit_test(test_a_webhook_is_told_at_the_start_again_daily_and_after_a_change),
        cmocka_unit_test(test_a_webhook_that_cannot_be_reached_is_dropped_for_a_day),
        cmocka_unit_test(test_a_notification_is_believed_only_with_its_tenants_word),
        cmocka_unit_test(test_a_key_that_can_be_guessed_is_refused_when_the_worker_starts),
    };
    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
