#include "ingest/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "ingest/mail_wire.h"

#define TENANT "8a1a1157-0272-492d-ab10-3f9853ac8183"

static const struct source_conf conf = {
    .directory_id = {TENANT, sizeof TENANT - 1},
    .base_url = {"https://host", 12},
    .publisher_id = {"p", 1},
    .now = INT64_C(1579000000) * CLOCK_SECOND,
    .start = INT64_C(1578999100) * CLOCK_SECOND,
};

struct row {
    long status;
    const char *body;
    const char *code; /* of the error or the warning; NULL: well */
    bool warns;
    const char *words; /* in what is said */
};

static void
judge(const struct source_probe *p, const struct row *row, struct arena *a)
{
    struct source_request asked;
    struct slice says = SLICE("");
    struct err warn = ERR_OK, e = p->ask(&conf, a, &asked);
    assert_int_equal(e.kind, ERR_NONE);
    const struct answer got = {.asked = &asked,
                               .conf = &conf,
                               .status = row->status,
                               .headers = SLICE(""),
                               .body = slice_of(row->body)};
    e = p->read(&got, a, &says, &warn);
    const struct err *bad = row->warns ? &warn : &e, *none = row->warns ? &e : &warn;
    struct slice text = bad->kind ? slice_of(bad->text) : says;
    if (none->kind || (row->code == NULL) != (bad->kind == ERR_NONE) ||
        (row->code != NULL && strcmp(row->code, bad->code) != 0) ||
        slice_find(text, slice_of(row->words), 0) >= text.n)
        fail_msg("%ld %s: %s \"%.*s\"", row->status, row->body, bad->kind ? bad->code : "well",
                 SLICE_ARG(text));
}

static void
test_the_state_of_a_mail_subscription_is_told(void **state)
{
#define ONE(status, hook)                                                                          \
    "[{\"contentType\":\"Audit.Exchange\",\"status\":\"disabled\"},{\"contentType\":"              \
    "\"audit.general\"," status "\"webhook\":" hook "}]"
    static const struct row rows[] = {
        {200, ONE("\"status\":\"enabled\",", "null"), NULL, false, "enabled; webhook: none"},
        {200, ONE("", "null"), NULL, false, "enabled"},
        {200, ONE("\"status\":\"enabled\",", "{\"status\":\"enabled\"}"), NULL, false,
         "webhook: enabled"},
        {200, ONE("\"status\":\"enabled\",", "{\"status\":\"expired\"}"), "mail.webhook", true,
         "expired"},
        {200, ONE("\"status\":\"disabled\",", "null"), "mail.subscription", false, "turned it off"},
        {200, "[]", "mail.subscription", true, "not subscribed yet"},
        {200, "<html>", "json.syntax", false, "JSON"},
        {403, "{\"error\":{\"code\":\"AF10001\"}}", "mail.forbidden", false, "ActivityFeed.Read"},
        {403, "{\"error\":{\"code\":\"AF429\"}}", "mail.busy", false, "too many"},
        {401, "", "mail.token", false, "token"},
        {400, "{\"error\":{\"code\":\"AF20010\"}}", "mail.tenant", false, "token_url"},
        {404, "", "mail.status", false, "404"},
        {503, "", "mail.server", false, "503"},
    };
    struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        judge(&probe_mail, &rows[i], a);
    arena_free(a);
    (void)state;
}

static void
test_the_view_of_an_apps_token_is_told(void **state)
{
    static const struct row rows[] = {
        {200, "{\"data\":[{\"_id\":\"5e1d8b2a0c204203a335a3fb\"}],\"hasNext\":true,\"total\":250}",
         NULL, false, "250 alerts"},
        {200, "{\"data\":[],\"hasNext\":false,\"total\":1000,\"moreThanTotal\":true}", NULL, false,
         "1000 alerts and more"},
        {200, "{\"data\":[],\"hasNext\":false,\"total\":0}", "apps.scope", true, "limited"},
        {200, "{\"data\":[],\"hasNext\":false}", NULL, false, "may read"},
        {200, "<html>", "json.syntax", false, "JSON"},
        {200, "{\"name\":\"a portal\"}", "apps.address", false, "no list"},
        {302, "", "apps.address", false, "base_url"},
        {401, "", "apps.token", false, "401"},
        {403, "", "apps.forbidden", false, "403"},
        {429, "", "apps.busy", false, "429"},
    };
    struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        judge(&probe_apps, &rows[i], a);
    arena_free(a);
    (void)state;
}

static void
test_nothing_is_started_unless_it_shall(void **state)
{
    struct arena *a = arena_new(1 << 20);
    struct source_request r;
    struct err e = probe_mail.first(&conf, false, a, &r);
    assert_int_equal(e.kind, ERR_NONE);
    assert_string_equal(r.http.method, "GET");
    assert_false(probe_mail.changes(&r));
    assert_string_equal(probe_mail.name(&r), "list of blobs");
    assert_true(slice_find(r.http.url, SLICE("startTime=2020-01-14T10:51:40"), 0) < r.http.url.n);
    e = probe_mail.first(&conf, true, a, &r);
    assert_int_equal(e.kind, ERR_NONE);
    assert_string_equal(r.http.method, "POST");
    assert_true(probe_mail.changes(&r));
    assert_string_equal(probe_mail.name(&r), "start");
    e = probe_mail.ask(&conf, a, &r);
    assert_int_equal(e.kind, ERR_NONE);
    assert_string_equal(r.http.method, "GET");
    assert_true(slice_eq(r.http.url, SLICE("https://host/api/v1.0/" TENANT "/activity/feed/"
                                           "subscriptions/list?PublisherIdentifier=p")));
    arena_free(a);
    (void)state;
}

static void
test_each_source_says_how_it_is_set_up(void **state)
{
    for (size_t i = 0; sources[i] != NULL; i++) {
        const struct source_probe *p = sources[i]->probe;
        assert_non_null(p);
        assert_non_null(p->address);
        if (sources[i]->listens)
            continue;
        assert_non_null(p->grant);
        assert_non_null(p->secret);
        assert_non_null(strstr(p->grant, p->roles[0])); /* the least right is the one named */
    }
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_state_of_a_mail_subscription_is_told),
        cmocka_unit_test(test_the_view_of_an_apps_token_is_told),
        cmocka_unit_test(test_nothing_is_started_unless_it_shall),
        cmocka_unit_test(test_each_source_says_how_it_is_set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
