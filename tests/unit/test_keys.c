#include "normalize/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"

enum { ARENA_BYTES = 16 << 20 };

struct bench {
    struct arena *a;
    struct alert al;
    struct key_tenant tenant;
    struct key_set set;
};

static struct bench
bench_new(const char *settings)
{
    struct bench b = {.a = arena_new(ARENA_BYTES)};
    assert_non_null(b.a);
    alert_init(&b.al);
    struct err e = keys_tenant_read(slice_of(settings), b.a, &b.tenant);
    assert_int_equal(e.kind, ERR_NONE);
    return b;
}

static struct evidence *
add(struct bench *b, enum evidence_type type)
{
    struct evidence *v = alert_add(&b->al, b->a, type);
    assert_non_null(v);
    v->process_created = v->process_created != 0 ? v->process_created : CLOCK_NONE;
    return v;
}

/* The keys as one text: "user upn:a@b 1000; ip 1.2.3.4 1000" */
static const char *
keys_text(struct bench *b)
{
    struct err e = keys_of(&b->al, &b->tenant, b->a, &b->set);
    assert_int_equal(e.kind, ERR_NONE);
    struct slice s = SLICE("");
    for (size_t i = 0; i < b->set.n_keys; i++)
        s = slice_printf(b->a, "%.*s%s%s %.*s %d", SLICE_ARG(s), i > 0 ? "; " : "",
                         key_type_word(b->set.keys[i].type), SLICE_ARG(b->set.keys[i].value),
                         b->set.keys[i].weight);
    return slice_cstr(b->a, s);
}

static void
test_a_user_has_all_names_under_the_first(void **state)
{
    struct bench b = bench_new("{}");
    struct evidence *v = add(&b, EVIDENCE_USER);
    v->upn = SLICE(" <Anna@Contoso.COM> ");
    v->aad_user_id = SLICE("{8D3B1A2C-0000-4000-8000-000000000001}");
    v->user_sid = SLICE("S-1-5-21-1-2-3-1104");
    v->account_name = SLICE("CONTOSO\\Anna");
    assert_string_equal(keys_text(&b), "user aad:8d3b1a2c-0000-4000-8000-000000000001 1000");
    assert_int_equal(b.set.n_identities, 1);
    assert_int_equal(b.set.identities[0].n_ids, 4);
    assert_true(slice_eq(b.set.identities[0].ids[1], SLICE("sid:s-1-5-21-1-2-3-1104")));
    assert_true(slice_eq(b.set.identities[0].ids[2], SLICE("upn:anna@contoso.com")));
    assert_true(slice_eq(b.set.identities[0].ids[3], SLICE("sam:contoso\\anna")));
    arena_free(b.a);
    (void)state;
}

static void
test_a_cloud_sid_is_the_object_id_it_holds(void **state)
{
    struct bench b = bench_new("{}");
    /* 8d3b1a2c-0102-4304-8506-0708090a0b0c as four words, least byte first */
    add(&b, EVIDENCE_USER)->user_sid = SLICE("S-1-12-1-2369460780-1124335874-134678149-202050057");
    const char *text = keys_text(&b);
    assert_string_equal(text, "user aad:8d3b1a2c-0102-4304-8506-0708090a0b0c 1000");
    arena_free(b.a);
    (void)state;
}

static void
test_what_everybody_has_is_no_key(void **state)
{
    static const struct {
        enum evidence_type type;
        const char *field, *value;
    } rows[] = {
        {EVIDENCE_USER, "sid", "S-1-5-18"},
        {EVIDENCE_USER, "sid", "S-1-5-32-544"},
        {EVIDENCE_USER, "name", "NT AUTHORITY\\SYSTEM"},
        {EVIDENCE_USER, "name", "CONTOSO\\Administrator"},
        {EVIDENCE_USER, "name", "anna"},
        {EVIDENCE_IP, "ip", "127.0.0.1"},
        {EVIDENCE_IP, "ip", "::1"},
        {EVIDENCE_IP, "ip", "fe80::1"},
        {EVIDENCE_IP, "ip", "224.0.0.5"},
        {EVIDENCE_IP, "ip", "0.0.0.0"},
        {EVIDENCE_IP, "ip", "nonsense"},
        {EVIDENCE_FILE, "sha1", "0000000000000000000000000000000000000000"},
        {EVIDENCE_FILE, "sha1", "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709"},
        {EVIDENCE_DEVICE, "dns", "localhost"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench b = bench_new("{}");
        struct evidence *v = add(&b, rows[i].type);
        struct slice value = slice_of(rows[i].value);
        struct slice *field = strcmp(rows[i].field, "sid") == 0    ? &v->user_sid
                              : strcmp(rows[i].field, "name") == 0 ? &v->account_name
                              : strcmp(rows[i].field, "ip") == 0   ? &v->ip
                              : strcmp(rows[i].field, "sha1") == 0 ? &v->sha1
                                                                   : &v->dns_name;
        *field = value;
        assert_string_equal(keys_text(&b), "");
        arena_free(b.a);
    }
    (void)state;
}

static void
test_a_short_name_counts_only_when_there_is_nothing_better(void **state)
{
    struct bench b = bench_new("{}");
    add(&b, EVIDENCE_DEVICE)->host_name = SLICE("PC1");
    struct evidence *v = add(&b, EVIDENCE_DEVICE);
    v->host_name = SLICE("PC2");
    v->dns_name = SLICE("pc2.contoso.com.");
    add(&b, EVIDENCE_USER)->account_name = SLICE("CONTOSO\\PC3$"); /* a computer's own account */
    assert_string_equal(keys_text(&b), "device dns:pc2.contoso.com 1000; nb pc1 1000; nb pc3 1000");
    arena_free(b.a);
    (void)state;
}

static void
test_mail_names_its_people_and_a_colleague_is_no_sender(void **state)
{
    struct bench b = bench_new("{\"domains\":[\"Contoso.com\"]}");
    struct evidence *v = add(&b, EVIDENCE_MESSAGE);
    v->network_message_id = SLICE("AAAAAAAA-0000-4000-8000-000000000001");
    v->internet_message_id = SLICE("<Id1@mail>");
    v->sender = SLICE("Evil@example.org");
    v->recipient = SLICE("anna@contoso.com");
    v = add(&b, EVIDENCE_MESSAGE);
    v->sender = SLICE("bert@contoso.com");
    assert_string_equal(keys_text(&b), "user upn:anna@contoso.com 1000; "
                                       "user upn:bert@contoso.com 1000; "
                                       "nmid aaaaaaaa-0000-4000-8000-000000000001 1000; "
                                       "imid Id1@mail 1000; sender evil@example.org 1000");
    arena_free(b.a);
    (void)state;
}

static void
test_addresses_are_public_or_private_and_hubs_are_damped(void **state)
{
    struct bench b =
        bench_new("{\"hubs\":[{\"type\":\"ip\",\"value\":\"203.0.113.9\",\"damp\":100},"
                  "{\"type\":\"ip\",\"value\":\"10.1.0.0/16\",\"damp\":0},"
                  "{\"type\":\"user\",\"value\":\"upn:Admin1@contoso.com\","
                  "\"damp\":500}]}");
    static const char *const addresses[] = {"203.0.113.9", "198.51.100.7", "10.1.2.3",
                                            "10.2.2.3",    "100.64.1.1",   "::ffff:172.16.0.1",
                                            "fd00::1"};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        add(&b, EVIDENCE_IP)->ip = slice_of(addresses[i]);
    struct evidence *v = add(&b, EVIDENCE_USER);
    v->upn = SLICE("admin1@contoso.com");
    v->user_sid = SLICE("S-1-5-21-1-2-3-500");
    assert_string_equal(
        keys_text(&b), "user sid:s-1-5-21-1-2-3-500 500; ip 198.51.100.7 1000; ip 203.0.113.9 100; "
                       "ipint 10.1.2.3 0; ipint 10.2.2.3 1000; ipint 100.64.1.1 1000; "
                       "ipint 172.16.0.1 1000; ipint fd00::1 1000");
    arena_free(b.a);
    (void)state;
}

static void
test_a_command_is_the_same_when_only_numbers_and_names_of_temporary_files_differ(void **state)
{
    static const char *const rows[] = {
        "powershell -enc x C:\\Temp\\a8f3e2b1.tmp -p 4711 8d3b1a2c-0000-4000-8000-000000000001",
        "PowerShell  -enc x c:\\temp\\77aa10cc.tmp -p 12 11111111-2222-4333-8444-555555555555"};
    char first[512];
    for (size_t i = 0; i < 2; i++) {
        struct bench b = bench_new("{}");
        add(&b, EVIDENCE_PROCESS)->command_line = slice_of(rows[i]);
        const char *text = keys_text(&b);
        if (i == 0)
            (void)snprintf(first, sizeof(first), "%s", text);
        assert_string_equal(text, first);
        assert_string_equal(text, "cmd powershell -enc x c:\\temp\\#.tmp -p # # 1000");
        arena_free(b.a);
    }
    struct bench b = bench_new("{}");
    add(&b, EVIDENCE_PROCESS)->command_line = SLICE("cmd /c dir");
    assert_string_equal(keys_text(&b), ""); /* too short to say anything */
    arena_free(b.a);
    (void)state;
}

static void
test_a_url_brings_its_domain_unless_it_is_the_tenants_own(void **state)
{
    struct bench b = bench_new("{\"domains\":[\"contoso.com\"]}");
    add(&b, EVIDENCE_URL)->url = SLICE("HTTPS://Evil.example.org:443/a");
    add(&b, EVIDENCE_URL)->url = SLICE("https://contoso.com/b");
    const char *text = keys_text(&b);
    assert_non_null(strstr(text, "dom evil.example.org 1000"));
    assert_null(strstr(text, "dom contoso.com"));
    arena_free(b.a);
    (void)state;
}

static void
test_more_than_64_keys_are_cut_and_counted(void **state)
{
    struct bench b = bench_new("{}");
    for (int i = 0; i < 70; i++)
        add(&b, EVIDENCE_IP)->ip = slice_printf(b.a, "198.51.100.%d", i + 1);
    add(&b, EVIDENCE_USER)->upn = SLICE("anna@contoso.com");
    (void)keys_text(&b);
    assert_int_equal(b.set.n_keys, KEYS_MAX);
    assert_int_equal(b.set.cut, 7);
    assert_int_equal(b.set.keys[0].type, KEY_USER); /* the first type is the last to be cut */
    arena_free(b.a);
    (void)state;
}

static void
test_packed_keys_come_back_and_no_prefix_of_them_is_taken(void **state)
{
    struct bench b = bench_new("{}");
    add(&b, EVIDENCE_IP)->ip = SLICE("198.51.100.7");
    add(&b, EVIDENCE_USER)->upn = SLICE("anna@contoso.com");
    (void)keys_text(&b);
    struct slice packed = keys_pack(&b.set, b.a);
    struct key_set back;
    assert_int_equal(keys_unpack(packed, b.a, &back).kind, ERR_NONE);
    assert_int_equal(back.n_keys, 2);
    assert_true(slice_eq(back.keys[1].value, SLICE("198.51.100.7")));
    assert_true(slice_eq(back.identities[0].ids[0], SLICE("upn:anna@contoso.com")));
    for (size_t n = 0; n < packed.n; n++) {
        struct err e = keys_unpack(slice_sub(packed, 0, n), b.a, &back);
        assert_int_equal(e.kind, ERR_REJECT);
        assert_string_equal(e.code, "keys.packed");
    }
    arena_free(b.a);
    (void)state;
}

static void
test_wrong_settings_are_refused_by_the_entry(void **state)
{
    static const struct {
        const char *json, *code;
    } rows[] = {
        {"[", "settings.json"},
        {"[]", "settings.json"},
        {"{\"domains\":\"contoso.com\"}", "settings.domains"},
        {"{\"domains\":[\"a@b\"]}", "settings.domains"},
        {"{\"hubs\":[{\"type\":\"nose\",\"value\":\"x\",\"damp\":1}]}", "settings.hubs"},
        {"{\"hubs\":[{\"type\":\"ip\",\"value\":\"10.0.0.0/33\",\"damp\":1}]}", "settings.hubs"},
        {"{\"hubs\":[{\"type\":\"ip\",\"value\":\"ten\",\"damp\":1}]}", "settings.hubs"},
        {"{\"hubs\":[{\"type\":\"ip\",\"value\":\"10.0.0.1\",\"damp\":1001}]}", "settings.hubs"},
        {"{\"hubs\":[{\"type\":\"user\",\"value\":\"anna\",\"damp\":1}]}", "settings.hubs"},
    };
    struct arena *a = arena_new(ARENA_BYTES);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct key_tenant t;
        struct err e = keys_tenant_read(slice_of(rows[i].json), a, &t);
        assert_int_equal(e.kind, ERR_REJECT);
        assert_string_equal(e.code, rows[i].code);
        assert_int_equal(t.n_hubs + t.n_domains + t.n_blocks, 0);
    }
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_user_has_all_names_under_the_first),
        cmocka_unit_test(test_a_cloud_sid_is_the_object_id_it_holds),
        cmocka_unit_test(test_what_everybody_has_is_no_key),
        cmocka_unit_test(test_a_short_name_counts_only_when_there_is_nothing_better),
        cmocka_unit_test(test_mail_names_its_people_and_a_colleague_is_no_sender),
        cmocka_unit_test(test_addresses_are_public_or_private_and_hubs_are_damped),
        cmocka_unit_test(
            test_a_command_is_the_same_when_only_numbers_and_names_of_temporary_files_differ),
        cmocka_unit_test(test_a_url_brings_its_domain_unless_it_is_the_tenants_own),
        cmocka_unit_test(test_more_than_64_keys_are_cut_and_counted),
        cmocka_unit_test(test_packed_keys_come_back_and_no_prefix_of_them_is_taken),
        cmocka_unit_test(test_wrong_settings_are_refused_by_the_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
