/* What a tenant's settings may say: source_conf_read of ingest/, settings_read of tenant/. */
#include "tenant/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto.h"
#include "common/json.h"

#define SECRETS "\"client_id\":\"c\",\"client_secret\":\"hush\",\"resource\":\"r\""
#define ASKED "\"base_url\":\"https://h\",\"token_url\":\"https://l/t\"," SECRETS

static int
setup(void **state)
{
    *state = arena_new(4 << 20);
    return *state != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static const struct source *
named(const char *name)
{
    const struct source *s = source_by_name(slice_of(name));
    assert_non_null(s);
    return s;
}

static void
test_a_source_that_is_asked_keeps_each_member(void **state)
{
    struct source_conf c = {.now = 5, .start = 6};
    struct err e = source_conf_read(
        named("mail"), SLICE("{" ASKED ",\"publisher_id\":\"p\",\"token\":\"t\"}"), *state, &c);
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(slice_eq(c.base_url, SLICE("https://h")));
    assert_true(slice_eq(c.token_url, SLICE("https://l/t")));
    assert_true(slice_eq(c.client_id, SLICE("c")));
    assert_true(slice_eq(c.client_secret, SLICE("hush")));
    assert_true(slice_eq(c.resource, SLICE("r")));
    assert_true(slice_eq(c.publisher_id, SLICE("p")));
    assert_true(slice_eq(c.static_token, SLICE("t")));
    assert_true(c.now == 5 && c.start == 6);
}

static void
test_a_source_that_listens_keeps_port_workspace_and_senders(void **state)
{
    struct source_conf c = {.port = 0};
    struct err e =
        source_conf_read(named("identity"),
                         SLICE("{\"channel\":\"syslog\",\"port\":5514,\"workspace\":\"w\","
                               "\"senders\":[\"10.0.0.1\",\"0:0::0001\",\"::ffff:10.0.0.2\"]}"),
                         *state, &c);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(c.port, 5514);
    assert_true(slice_eq(c.workspace, SLICE("w")));
    assert_int_equal(c.n_senders, 3);
    assert_true(slice_eq(c.senders[1], SLICE("::1"))); /* as the system writes a peer's name */
    assert_true(slice_eq(c.senders[2], SLICE("10.0.0.2")));
}

static void
test_a_client_ca_is_read_with_its_switch(void **state)
{
    static const char *const names[] = {"ca", NULL};
    struct source_conf c = {.port = 0};
    struct slice cert, key;
    struct err e = crypto_self_signed(names, 1, *state, &cert, &key);
    assert_int_equal(e.kind, ERR_NONE);
    struct json_out *o = json_out_object(*state);
    json_out_int(o, "port", 6514);
    json_out_bool(o, "tls", true);
    json_out_text(o, "client_ca", cert);
    e = source_conf_read(named("identity"), json_out_print(o, *state), *state, &c);
    assert_string_equal(e.text, "");
    assert_true(c.tls);
    assert_true(slice_eq(c.client_ca, cert));
    /* a key is no certificate, and none is shown in the error */
    json_out_text(o, "client_ca", key);
    e = source_conf_read(named("identity"), json_out_print(o, *state), *state, &c);
    assert_int_equal(e.kind, ERR_REJECT);
    assert_null(strstr(e.text, "BEGIN"));
}

static void
test_slashes_at_the_end_of_an_address_are_dropped(void **state)
{
    struct source_conf c = {.port = 0};
    struct err e = source_conf_read(
        named("apps"), SLICE("{\"base_url\":\"http://h/p//\",\"token\":\"t\"}"), *state, &c);
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(slice_eq(c.base_url, SLICE("http://h/p")));
}

#define SENDERS_17                                                                                 \
    "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\",\"14\","   \
    "\"15\",\"16\",\"17\"]"

static const struct {
    const char *source, *json, *named;
} bad_sources[] = {
    {"endpoint", "[]", "object"},
    {"endpoint", "null", "object"},
    {"endpoint", "{}", "base_url"},
    {"endpoint", "{\"base_url\":\"https://h\"}", "token_url"},
    {"endpoint", "{\"base_url\":\"ftp://h\",\"token\":\"t\"}", "base_url"},
    {"endpoint", "{\"base_url\":\"https://\",\"token\":\"t\"}", "base_url"},
    {"endpoint", "{\"base_url\":\"https://h h\",\"token\":\"t\"}", "base_url"},
    {"endpoint", "{\"base_url\":\"h\",\"token\":\"t\"}", "base_url"},
    {"endpoint", "{\"base_url\":7,\"token\":\"t\"}", "base_url"},
    {"endpoint", "{\"base_url\":null,\"token\":\"t\"}", "base_url"},
    {"endpoint", "{\"base_url\":\"\",\"token\":\"t\"}", "base_url"},
    {"endpoint", "{\"base_url\":\"https://h\",\"token_url\":\"file:///etc\"}", "token_url"},
    {"endpoint", "{\"base_url\":\"https://h\",\"token_url\":\"https://l\"}", "client_id"},
    {"endpoint",
     "{\"base_url\":\"https://h\",\"token_url\":\"https://l\",\"client_id\":\"c\","
     "\"resource\":\"r\"}",
     "client_secret"},
    {"endpoint",
     "{\"base_url\":\"https://h\",\"token_url\":\"https://l\",\"client_id\":\"c\","
     "\"client_secret\":\"hush\"}",
     "resource"},
    {"endpoint", "{" ASKED ",\"colour\":\"blue\"}", "colour"},
    {"endpoint", "{" ASKED ",\"\":1}", "no setting"},
    {"apps", "{\"base_url\":\"https://h\",\"token\":[]}", "token"},
    {"apps", "{\"base_url\":\"https://h\",\"port\":6515}", "port"},
    {"apps", "{\"port\":6515,\"token\":\"t\"}", "port"},
    {"apps", "{\"senders\":[\"192.0.2.1\"]}", "base_url"},
    {"mail", "{\"port\":6515}", "base_url"},
    {"identity", "{}", "port"},
    {"identity", "{\"port\":0}", "port"},
    {"identity", "{\"port\":65536}", "port"},
    {"identity", "{\"port\":-1}", "port"},
    {"identity", "{\"port\":\"x\"}", "port"},
    {"identity", "{\"port\":514,\"senders\":\"10.0.0.1\"}", "senders"},
    {"identity", "{\"port\":514,\"senders\":[7]}", "senders"},
    {"identity", "{\"port\":514,\"senders\":[\"host.name\"]}", "senders"},
    {"identity", "{\"port\":514,\"senders\":[\"10.0.0.0/33\"]}", "senders"},
    {"identity", "{\"port\":514,\"senders\":[\"\"]}", "senders"},
    {"identity", "{\"port\":514,\"senders\":" SENDERS_17 "}", "senders"},
    {"identity", "{\"port\":514,\"senders\":[\"10.0.0.1\"],\"senders\":" SENDERS_17 "}", "senders"},
    {"identity", "{\"port\":514,\"tls\":\"yes\"}", "tls"},
    {"identity", "{\"port\":514,\"client_ca\":\"x\"}", "client_ca"},
    {"identity", "{\"port\":514,\"tls\":false,\"client_ca\":\"x\"}", "tls"},
    {"identity", "{\"port\":514,\"tls\":true,\"client_ca\":\"hush\"}", "client_ca"},
    {"identity", "{\"port\":514,\"tls\":true,\"client_ca\":7}", "client_ca"},
};

static void
test_a_wrong_member_of_a_source_is_named_and_no_secret_shown(void **state)
{
    for (size_t i = 0; i < sizeof bad_sources / sizeof bad_sources[0]; i++) {
        struct source_conf c = {.port = 0};
        struct err e = source_conf_read(named(bad_sources[i].source), slice_of(bad_sources[i].json),
                                        *state, &c);
        if (e.kind != ERR_REJECT || strstr(e.text, bad_sources[i].named) == NULL)
            fail_msg("%s gave '%s'", bad_sources[i].json, e.text);
        assert_string_equal(e.code, "settings.source");
        assert_null(strstr(e.text, "hush"));
    }
}

static void
test_senders_given_twice_stay_within_their_bound(void **state)
{
    struct source_conf c = {.port = 0};
    struct err e = source_conf_read(
        named("identity"),
        SLICE("{\"port\":514,\"senders\":[\"10.0.0.1\",\"10.0.0.2\",\"10.0.0.3\",\"10.0.0.4\","
              "\"10.0.0.5\",\"10.0.0.6\",\"10.0.0.7\",\"10.0.0.8\",\"10.0.0.9\"],\"senders\":["
              "\"10.0.0.1\",\"10.0.0.2\",\"10.0.0.3\",\"10.0.0.4\",\"10.0.0.5\",\"10.0.0.6\","
              "\"10.0.0.7\",\"10.0.0.8\"]}"),
        *state, &c);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(c.n_senders, 8); /* the last one counts, as with every other member */
}

/* ---- the whole of a tenant */

static void
test_the_settings_of_a_tenant_are_split_by_source(void **state)
{
    struct settings s;
    struct err e = settings_read(
        SLICE("{\"domains\":[\"contoso.com\"],\"hubs\":[{\"type\":\"ip\",\"value\":\"203.0.113.9\","
              "\"damp\":100}],\"sources\":{\"endpoint\": {" ASKED "},\"identity\":"
              "{\"channel\":\"syslog\",\"port\":5514}}}"),
        *state, &s);
    if (e.kind)
        fail_msg("%s", e.text);
    assert_int_equal(s.n_sources, 2);
    assert_ptr_equal(s.sources[0].source, named("endpoint"));
    assert_true(slice_eq(s.sources[0].json, SLICE("{" ASKED "}")));
    assert_int_equal(s.mask, 1 << named("endpoint")->number | 1 << named("identity")->number);
    assert_int_equal(s.channel, IDENTITY_SYSLOG);
    assert_true(
        slice_eq(s.correlation, SLICE("{\"domains\":[\"contoso.com\"],\"hubs\":[{\"type\":\"ip\","
                                      "\"value\":\"203.0.113.9\",\"damp\":100}]}")));
}

static void
test_identity_listens_when_its_sensors_may_send(void **state)
{
    static const struct {
        const char *json;
        enum identity_channel channel;
        size_t listens;
    } rows[] = {
        {"{\"sources\":{}}", IDENTITY_OFF, 0},
        {"{\"sources\":{\"identity\":{\"channel\":\"off\"}}}", IDENTITY_OFF, 0},
        {"{\"sources\":{\"identity\":{\"channel\":\"off\",\"port\":5514}}}", IDENTITY_OFF, 0},
        {"{\"sources\":{\"identity\":{\"channel\":\"apps\"}}}", IDENTITY_APPS, 0},
        {"{\"sources\":{\"identity\":{\"channel\":\"apps\",\"port\":5514}}}", IDENTITY_APPS, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct settings s;
        struct err e = settings_read(slice_of(rows[i].json), *state, &s);
        assert_int_equal(e.kind, ERR_NONE);
        assert_int_equal(s.channel, rows[i].channel);
        assert_int_equal(s.n_sources, rows[i].listens);
        assert_int_equal(s.mask, rows[i].listens << 4);
        assert_true(slice_eq(s.correlation, SLICE("{\"domains\":[],\"hubs\":[]}")));
    }
}

#define HUB(members) "{\"sources\":{},\"hubs\":[{" members "}]}"

static const struct {
    const char *json, *named;
} bad_tenants[] = {
    {"", ""},
    {"{", ""},
    {"[]", "object"},
    {"{}", "sources"},
    {"{\"sources\":[]}", "sources"},
    {"{\"sources\":{},\"domains\":\"contoso.com\"}", "domains"},
    {"{\"sources\":{},\"domains\":[7]}", "domains"},
    {"{\"sources\":{},\"domains\":[\"\"]}", "domains"},
    {"{\"sources\":{},\"hubs\":{}}", "hubs"},
    {"{\"sources\":{},\"hubs\":[7]}", "hubs"},
    {HUB("\"value\":\"v\",\"damp\":1"), "type"},
    {HUB("\"type\":\"ip\",\"damp\":1"), "value"},
    {HUB("\"type\":\"ip\",\"value\":\"v\""), "damp"},
    {HUB("\"type\":\"ip\",\"value\":\"v\",\"damp\":1001"), "damp"},
    {HUB("\"type\":\"ip\",\"value\":\"v\",\"damp\":-1"), "damp"},
    {"{\"sources\":{},\"domain\":[]}", "domain"},
    {"{\"sources\":{\"paper\":{}}}", "paper"},
    {"{\"sources\":{\"endpoint\":{}}}", "base_url"},
    {"{\"sources\":{\"endpoint\":7}}", "endpoint"},
    {"{\"sources\":{\"identity\":{}}}", "channel"},
    {"{\"sources\":{\"identity\":{\"channel\":\"mail\"}}}", "channel"},
    {"{\"sources\":{\"identity\":{\"channel\":\"syslog\"}}}", "port"},
    {"{\"sources\":{\"endpoint\":{" ASKED "},\"endpoint\":{" ASKED "}}}", "endpoint"},
};

static void
test_wrong_settings_of_a_tenant_name_the_member_and_show_no_secret(void **state)
{
    for (size_t i = 0; i < sizeof bad_tenants / sizeof bad_tenants[0]; i++) {
        struct settings s;
        struct err e = settings_read(slice_of(bad_tenants[i].json), *state, &s);
        if (e.kind != ERR_STOP || strstr(e.text, bad_tenants[i].named) == NULL)
            fail_msg("%s gave '%s'", bad_tenants[i].json, e.text);
        assert_string_equal(e.code, "usage.settings");
        assert_null(strstr(e.text, "hush"));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_source_that_is_asked_keeps_each_member),
        cmocka_unit_test(test_a_source_that_listens_keeps_port_workspace_and_senders),
        cmocka_unit_test(test_a_client_ca_is_read_with_its_switch),
        cmocka_unit_test(test_slashes_at_the_end_of_an_address_are_dropped),
        cmocka_unit_test(test_a_wrong_member_of_a_source_is_named_and_no_secret_shown),
        cmocka_unit_test(test_senders_given_twice_stay_within_their_bound),
        cmocka_unit_test(test_the_settings_of_a_tenant_are_split_by_source),
        cmocka_unit_test(test_identity_listens_when_its_sensors_may_send),
        cmocka_unit_test(test_wrong_settings_of_a_tenant_name_the_member_and_show_no_secret),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
