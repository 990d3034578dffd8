/* The token of a tenant at a source: ingest/token.c. */
#include "ingest/token.h"

#include "capture.h"
#include "ingest_bench.h"

/* ---- what an endpoint answers */

static const struct {
    long status;
    const char *body;
    enum err_kind kind;
    const char *code, *says; /* in the text */
} refusals[] = {
    {401, "{\"error\":\"invalid_client\",\"error_codes\":[7000215]}", ERR_STOP, "token.refused",
     "secret's value"},
    {401, "{\"error\":\"invalid_client\",\"error_codes\":[7000222]}", ERR_STOP, "token.refused",
     "expired"},
    {400, "{\"error\":\"unauthorized_client\",\"error_codes\":[700016]}", ERR_STOP, "token.refused",
     "consent"},
    {401, "{\"error\":\"invalid_client\",\"error_codes\":[700027]}", ERR_STOP, "token.refused",
     "signature"},
    {400, "{\"error\":\"invalid_request\",\"error_codes\":[90002]}", ERR_STOP, "token.refused",
     "directory"},
    {400, "{\"error\":\"invalid_request\",\"error_codes\":[900144]}", ERR_STOP, "token.refused",
     "token_url"},
    {400, "{\"error\":\"invalid_scope\",\"error_codes\":[70011]}", ERR_STOP, "token.refused",
     "resource"},
    {400, "{\"error\":\"invalid_request\",\"error_codes\":[90011]}", ERR_STOP, "token.refused",
     "malformed"},
    {400, "{\"error\":\"invalid_request\",\"error_codes\":[9002313]}", ERR_STOP, "token.refused",
     "malformed"},
    {400, "{\"error\":\"brand_new\",\"error_codes\":[123]}", ERR_STOP, "token.refused",
     "brand_new (AADSTS123)"},
    {401, "{\"error\":\"invalid_client\",\"error_codes\":[7000112]}", ERR_STOP, "token.refused",
     "Enterprise"},
    {400, "{\"error\":\"invalid_resource\",\"error_codes\":[500011]}", ERR_STOP, "token.refused",
     "license"},
    {403, "{\"error\":\"access_denied\",\"error_codes\":[53003]}", ERR_STOP, "token.refused",
     "conditional"},
    {401,
     "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222: The provided client "
     "secret keys are expired.\\r\\nTrace ID: 1\"}",
     ERR_STOP, "token.refused", "AADSTS7000222"},
    {400, "{\"error\":\"x\",\"error_description\":\"AADSTS\"}", ERR_STOP, "token.refused",
     "AADSTS0"},
    {400, "{\"error\":\"<b>hush</b>\"}", ERR_STOP, "token.refused", "said no "},
    {400, "{\"error\":\"temporarily_unavailable\"}", ERR_RETRY, "token.status", "400"},
    {429, "{\"error\":\"slow_down\"}", ERR_RETRY, "token.status", "429"},
    {401, "{}", ERR_STOP, "token.refused", "AADSTS0"},
    {400, "[]", ERR_STOP, "token.refused", "AADSTS0"},
    {400, "{\"error\":7,\"error_codes\":{}}", ERR_STOP, "token.refused", "AADSTS0"},
    {400, "<html>bad gateway</html>", ERR_RETRY, "token.status", "400"},
    {401, "", ERR_RETRY, "token.status", "401"},
    {302, "", ERR_RETRY, "token.status", "302"},
    {403, "{}", ERR_RETRY, "token.status", "403"},
    {429, "{}", ERR_RETRY, "token.status", "429"},
    {503, "<html/>", ERR_RETRY, "token.status", "503"},
    {200, "", ERR_RETRY, "token.answer", "JSON"},
    {200, "<html>sign in</html>", ERR_RETRY, "token.answer", "JSON"},
    {200, "{\"access_token\":\"abc", ERR_RETRY, "token.answer", "JSON"},
    {200, "{\"expires_in\":3599}", ERR_RETRY, "token.answer", "no token"},
    {200, "{\"access_token\":\"\"}", ERR_RETRY, "token.answer", "no token"},
    {200, "{\"access_token\":7}", ERR_RETRY, "token.answer", "no token"},
    {200, "{\"access_token\":\"a\\nX-Evil: 1\"}", ERR_RETRY, "token.answer", "no token"},
    {200, "{\"access_token\":\"a\\rb\"}", ERR_RETRY, "token.answer", "no token"},
    {200, "{\"access_token\":\"a\\u0000b\"}", ERR_RETRY, "token.answer", "no token"},
    {200, "{\"access_token\":\"a b\"}", ERR_RETRY, "token.answer", "no token"},
    {200, "{\"access_token\":\"caf\\u00e9\"}", ERR_RETRY, "token.answer", "no token"},
};

static void
test_a_refusal_says_what_an_administrator_has_to_do(void **state)
{
    struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct slice token = SLICE("untouched");
        int64_t life_s = -7;
        arena_reset(a);
        struct err e =
            token_read(refusals[i].status, slice_of(refusals[i].body), a, &token, &life_s);
        if (e.kind != refusals[i].kind || strcmp(e.code, refusals[i].code) != 0 ||
            strstr(e.text, refusals[i].says) == NULL)
            fail_msg("%ld %s gave %s '%s'", refusals[i].status, refusals[i].body, e.code, e.text);
        assert_true(slice_eq(token, SLICE("untouched")));
        assert_int_equal(life_s, -7);
    }
    arena_free(a);
    (void)state;
}

static const struct {
    const char *body;
    int64_t life_s;
} tokens[] = {
    {"{\"token_type\":\"Bearer\",\"expires_in\":3599,\"ext_expires_in\":3599,"
     "\"access_token\":\"eyJ0.e30.x-_~\"}",
     3599},
    {"{\"token_type\":\"Bearer\",\"expires_in\":\"3599\",\"expires_on\":\"1578666084\","
     "\"not_before\":\"1578662184\",\"resource\":\"https://r\",\"access_token\":\"eyJ0.e30.x-_~\"}",
     3599},
    {"{\"access_token\":\"eyJ0.e30.x-_~\"}", 60},
    {"{\"access_token\":\"eyJ0.e30.x-_~\",\"expires_in\":null}", 60},
    {"{\"access_token\":\"eyJ0.e30.x-_~\",\"expires_in\":\"soon\"}", 60},
    {"{\"access_token\":\"eyJ0.e30.x-_~\",\"expires_in\":-5}", 60},
    {"{\"access_token\":\"eyJ0.e30.x-_~\",\"expires_in\":9223372036854775807}", 86400},
};

static void
test_a_token_lives_as_long_as_a_number_or_text_says(void **state)
{
    struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        struct slice token;
        int64_t life_s;
        struct err e = token_read(200, slice_of(tokens[i].body), a, &token, &life_s);
        if (e.kind)
            fail_msg("%s: %s", tokens[i].body, e.text);
        assert_true(slice_eq(token, SLICE("eyJ0.e30.x-_~")));
        if (life_s != tokens[i].life_s)
            fail_msg("%s lives %lld s", tokens[i].body, (long long)life_s);
    }
    arena_free(a);
    (void)state;
}

static void
test_a_token_too_long_for_a_header_is_none(void **state)
{
    struct arena *a = arena_new(1 << 20);
    char *body = arena_alloc(a, 20000), *at = stpcpy(body, "{\"access_token\":\"");
    memset(at, 'a', 16 * 1024 + 1);
    at += 16 * 1024 + 1;
    struct slice token;
    int64_t life_s;
    memcpy(at, "\"}", 3);
    struct err e = token_read(200, slice_of(body), a, &token, &life_s);
    assert_string_equal(e.code, "token.answer");
    memcpy(at - 1, "\"}", 3);
    e = token_read(200, slice_of(body), a, &token, &life_s);
    assert_int_equal(e.kind, ERR_NONE);
    arena_free(a);
    (void)state;
}

/* ---- with an endpoint on the same loop */

/* The clock of this test (linked with --wrap): hours pass when the test says so. */
static int64_t ahead_ms;

int64_t __real_clock_mono_ms(void);
int64_t __wrap_clock_mono_ms(void);

int64_t
__wrap_clock_mono_ms(void)
{
    return __real_clock_mono_ms() + ahead_ms;
}

#define GOOD(token) "{\"access_token\":\"" token "\",\"expires_in\":3599}"

struct outcome {
    struct token_want want;
    unsigned times;
    char header[128];
    struct err e;
};

static void
on_ready(void *arg, struct slice header, struct err e)
{
    struct outcome *o = arg;
    o->times++;
    o->e = e;
    bench_copy(o->header, sizeof o->header, header);
}

static void
want(struct token *t, struct outcome *o)
{
    o->want = (struct token_want){.ready = on_ready, .arg = o};
    token_get(t, &o->want);
}

static struct source_conf
conf_of(struct bench *b, const char *path)
{
    return (struct source_conf){.token_url = bench_url(b, path),
                                .resource = SLICE("https://r/.default"),
                                .client_id = SLICE("me"),
                                .client_secret = SLICE("hush&hush=")};
}

static void
ask(struct bench *b, struct token *t, struct outcome *o)
{
    *o = (struct outcome){.times = 0};
    want(t, o);
    bench_until(b, o->times > 0);
    bench_settle(b);
    assert_int_equal(o->times, 1);
}

static int
setup(void **state)
{
    ahead_ms = 0;
    *state = bench_new(NULL);
    return 0;
}

static int
teardown(void **state)
{
    bench_free(*state);
    return 0;
}

static void
test_each_version_of_the_endpoint_gets_its_own_form(void **state)
{
    static const struct {
        const char *path, *form;
    } rows[] = {
        {"/oauth2/token", "grant_type=client_credentials&client_id=me&"
                          "client_secret=hush%26hush%3D&resource=https%3A%2F%2Fr"},
        {"/oauth2/v2.0/token", "grant_type=client_credentials&client_id=me&"
                               "client_secret=hush%26hush%3D&scope=https%3A%2F%2Fr%2F.default"},
    };
    struct bench *b = *state;
    for (size_t i = 0; i < 2; i++) {
        struct source_conf c = conf_of(b, rows[i].path);
        struct token *t = token_new(b->fetch, &c);
        struct outcome o;
        bench_script(b, rows[i].path, {200, GOOD("one"), NULL});
        ask(b, t, &o);
        bench_need(o.e);
        assert_string_equal(o.header, "Authorization: Bearer one");
        assert_string_equal(b->asked[i].body, rows[i].form);
        token_free(t);
    }
}

static void
test_a_token_at_hand_is_not_asked_for_until_it_is_dropped(void **state)
{
    struct bench *b = *state;
    struct source_conf c = conf_of(b, "/t");
    struct token *t = token_new(b->fetch, &c);
    struct outcome o = {.times = 0};
    bench_script(b, "/t", {200, GOOD("one"), NULL}, {200, GOOD("two"), NULL});
    ask(b, t, &o);
    o.times = 0;
    want(t, &o);
    assert_int_equal(o.times, 1); /* at once */
    assert_string_equal(o.header, "Authorization: Bearer one");
    assert_int_equal(bench_asked(b, "/t"), 1);
    token_drop(t, token_serial(t));
    ask(b, t, &o);
    assert_string_equal(o.header, "Authorization: Bearer two");
    assert_int_equal(bench_asked(b, "/t"), 2);
    token_free(t);
}

static void
test_a_token_is_renewed_before_it_expires(void **state)
{
    struct bench *b = *state;
    struct source_conf c = conf_of(b, "/t");
    struct token *t = token_new(b->fetch, &c);
    struct outcome o;
    bench_script(b, "/t", {200, GOOD("one"), NULL}, {200, GOOD("two"), NULL});
    ask(b, t, &o);
    ahead_ms = INT64_C(3500) * 1000;
    ask(b, t, &o);
    assert_string_equal(o.header, "Authorization: Bearer one");
    ahead_ms = INT64_C(3510) * 1000; /* 89 s of its life are left, an answer takes a while */
    ask(b, t, &o);
    assert_string_equal(o.header, "Authorization: Bearer two");
    token_free(t);
}

static void
test_a_dropped_token_is_not_given_when_the_endpoint_fails(void **state)
{
    struct bench *b = *state;
    struct source_conf c = conf_of(b, "/t");
    struct token *t = token_new(b->fetch, &c);
    struct outcome o;
    bench_script(b, "/t", {200, GOOD("one"), NULL}, {503, "", "120"},
                 {401, "{\"error_codes\":[7000222]}", NULL}, {200, GOOD("two"), NULL});
    ask(b, t, &o);
    token_drop(t, token_serial(t));
    ask(b, t, &o);
    assert_int_equal(o.e.kind, ERR_RETRY);
    assert_int_equal(o.e.after_ms, 120000);
    assert_string_equal(o.header, "");
    ask(b, t, &o);
    assert_int_equal(o.e.kind, ERR_STOP);
    assert_string_equal(o.header, "");
    ask(b, t, &o);
    assert_string_equal(o.header, "Authorization: Bearer two");
    token_free(t);
}

static void
test_a_static_token_needs_no_endpoint(void **state)
{
    struct bench *b = *state;
    struct source_conf c = {.static_token = SLICE("0123abcd")};
    struct token *t = token_new(b->fetch, &c);
    struct outcome o = {.times = 0};
    for (int i = 0; i < 2; i++) {
        want(t, &o);
        assert_string_equal(o.header, "Authorization: Token 0123abcd");
        token_drop(t, token_serial(t));
    }
    assert_int_equal(o.times, 2);
    assert_int_equal(b->n_asked, 0);
    token_free(t);
}

static void
test_many_who_want_a_token_share_one_request(void **state)
{
    struct bench *b = *state;
    struct source_conf c = conf_of(b, "/t");
    struct token *t = token_new(b->fetch, &c);
    static const struct reply late = {200, GOOD("one"), NULL};
    struct outcome o[4] = {{.times = 0}};
    bench_script(b, "/t", {0, NULL, NULL});
    for (size_t i = 0; i < 4; i++)
        want(t, &o[i]);
    bench_until(b, b->held != NULL);
    token_unwant(t, &o[2].want);
    bench_reply(b->held, &late);
    b->held = NULL;
    bench_until(b, o[3].times > 0);
    assert_int_equal(bench_asked(b, "/t"), 1);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(o[i].times, i == 2 ? 0 : 1);
        assert_string_equal(o[i].header, i == 2 ? "" : "Authorization: Bearer one");
    }
    token_free(t);
}

static void
test_only_the_token_that_was_refused_is_dropped(void **state)
{
    struct bench *b = *state;
    struct source_conf c = conf_of(b, "/t");
    struct token *t = token_new(b->fetch, &c);
    struct outcome o;
    bench_script(b, "/t", {200, GOOD("one"), NULL}, {200, GOOD("two"), NULL});
    ask(b, t, &o);
    unsigned first = token_serial(t);
    token_drop(t, first);
    ask(b, t, &o);
    token_drop(t, first); /* by somebody whose request was slower */
    ask(b, t, &o);
    assert_string_equal(o.header, "Authorization: Bearer two");
    assert_int_equal(bench_asked(b, "/t"), 2);
    token_free(t);
}

static void
test_a_secret_in_a_text_is_hidden(void **state)
{
    static const struct {
        const char *secret, *text, *after;
    } rows[] = {
        {"s3cr3t-value", "said s3cr3t-value twice: s3cr3t-values3cr3t-value",
         "said ************ twice: ************************"},
        {"********", "already ********", "already ********"},
        {"short", "a short one stays", "a short one stays"},
        {"", "nothing", "nothing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[160];
        (void)strcpy(text, rows[i].text);
        secret_hide(slice_of(rows[i].secret), text);
        assert_string_equal(text, rows[i].after);
    }
    (void)state;
}

static void
test_a_token_freed_while_it_is_asked_for_calls_nobody(void **state)
{
    struct bench *b = *state;
    struct source_conf c = conf_of(b, "/t");
    struct token *t = token_new(b->fetch, &c);
    static const struct reply late = {200, GOOD("late"), NULL};
    struct outcome o = {.times = 0};
    bench_script(b, "/t", {0, NULL, NULL});
    want(t, &o);
    bench_until(b, b->held != NULL);
    token_free(t);
    bench_reply(b->held, &late);
    b->held = NULL;
    bench_settle(b);
    assert_int_equal(o.times, 0);
}

static void
test_an_endpoint_that_is_no_address_is_told(void **state)
{
    struct bench *b = *state;
    struct source_conf c = {.token_url = SLICE("nowhere"), .client_id = SLICE("me")};
    struct token *t = token_new(b->fetch, &c);
    struct outcome o = {.times = 0};
    want(t, &o);
    assert_int_equal(o.times, 1);
    assert_string_equal(o.e.code, "fetch.url");
    token_free(t);
}

static void
test_no_token_and_no_secret_is_logged_or_told(void **state)
{
    struct bench *b = *state;
    struct source_conf c = conf_of(b, "/t");
    struct token *t = token_new(b->fetch, &c);
    struct outcome o, refused;
    static struct capture out, err;
    bench_script(b, "/t", {200, GOOD("one"), NULL},
                 {401, "{\"error\":\"invalid_client\",\"error_description\":\"hush\"}", NULL});
    log_setup("test", LOG_DEBUG);
    capture_begin(&out, STDOUT_FILENO);
    capture_begin(&err, STDERR_FILENO);
    ask(b, t, &o);
    token_drop(t, token_serial(t));
    ask(b, t, &refused);
    capture_end(&err);
    capture_end(&out);
    assert_int_equal(refused.e.kind, ERR_STOP);
    assert_null(strstr(refused.e.text, "hush"));
    assert_null(strstr(out.text, "hush"));
    assert_null(strstr(out.text, "Bearer"));
    assert_null(strstr(err.text, "hush"));
    assert_null(strstr(err.text, "Bearer"));
    token_free(t);
}

int
main(void)
{
#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_a_refusal_says_what_an_administrator_has_to_do),
        cmocka_unit_test(test_a_token_lives_as_long_as_a_number_or_text_says),
        cmocka_unit_test(test_a_token_too_long_for_a_header_is_none),
        WITH_BENCH(test_each_version_of_the_endpoint_gets_its_own_form),
        WITH_BENCH(test_a_token_at_hand_is_not_asked_for_until_it_is_dropped),
        WITH_BENCH(test_a_token_is_renewed_before_it_expires),
        WITH_BENCH(test_a_dropped_token_is_not_given_when_the_endpoint_fails),
        WITH_BENCH(test_a_static_token_needs_no_endpoint),
        WITH_BENCH(test_many_who_want_a_token_share_one_request),
        WITH_BENCH(test_only_the_token_that_was_refused_is_dropped),
        cmocka_unit_test(test_a_secret_in_a_text_is_hidden),
        WITH_BENCH(test_a_token_freed_while_it_is_asked_for_calls_nobody),
        WITH_BENCH(test_an_endpoint_that_is_no_address_is_told),
        WITH_BENCH(test_no_token_and_no_secret_is_logged_or_told),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
