#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "normalize/correlate_log.h"

#define TIMES "\"created\":90,\"first\":80,\"last\":85,"
#define HEAD "{\"tenant\":\"t\",\"source\":\"mde\",\"id\":\"1\"," TIMES
#define ALERT HEAD "\"severity\":\"low\",\"detector\":\"d\",\"tactics\":[],"

/* What was taken, as text. */
struct taken {
    struct correlate_log log;
    char text[4000];
    size_t n;
};

__attribute__((format(printf, 2, 3))) static void
say(struct taken *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->text + t->n, sizeof(t->text) - t->n, format, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < sizeof(t->text) - t->n);
    t->n += (size_t)n;
}

static struct err
take_params(void *ctx, struct correlate_line *line, struct arena *a)
{
    say(ctx, "params %.*s\n", SLICE_ARG(json_minify(line->params, a)));
    return ERR_OK;
}

static struct err
take_tenant(void *ctx, struct correlate_line *line, struct arena *a)
{
    struct taken *t = ctx;
    struct correlate_tenant *tenant;
    (void)a;
    struct err e = correlate_log_tenant(&t->log, line->tenant, &tenant);
    return e.kind ? e : correlate_read_lists(line, t->log.all, &tenant->lists);
}

static struct err
take_alert(void *ctx, struct correlate_line *line, struct arena *a)
{
    struct taken *t = ctx;
    struct correlate_tenant *tenant;
    struct key_set set;
    struct incident_alert al;
    struct err e = correlate_log_tenant(&t->log, line->tenant, &tenant);
    if (!e.kind)
        e = correlate_log_add(&t->log, tenant, line, a);
    if (!e.kind)
        e = correlate_log_alert(&t->log, &tenant->alerts[tenant->n_alerts - 1], a, &set, &al);
    if (e.kind)
        return e;
    say(t, "%.*s %.*s v%lld %lld %lld %lld level %d tactics %x:", SLICE_ARG(al.source),
        SLICE_ARG(al.native_id), (long long)al.version, (long long)al.created_s,
        (long long)al.first_s, (long long)al.last_s, al.level, al.tactics);
    for (size_t i = 0; i < set.n_identities; i++) {
        say(t, " [");
        for (size_t k = 0; k < set.identities[i].n_ids; k++)
            say(t, "%s%.*s", k > 0 ? " " : "", SLICE_ARG(set.identities[i].ids[k]));
        say(t, "]");
    }
    for (size_t i = 0; i < set.n_keys; i++)
        say(t, " %s=%.*s*%d", key_type_word(set.keys[i].type), SLICE_ARG(set.keys[i].value),
            (int)set.keys[i].weight);
    say(t, "\n");
    return ERR_OK;
}

static struct err
read_text(const char *text, struct taken *t)
{
    const struct correlate_sink sink = {t, take_params, take_tenant, take_alert};
    FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    assert_non_null(in);
    t->n = 0;
    t->text[0] = '\0';
    assert_int_equal(correlate_log_init(&t->log).kind, ERR_NONE);
    struct err e = correlate_read_all(in, "input", &sink);
    correlate_log_fini(&t->log);
    (void)fclose(in);
    return e;
}

static void
test_an_alert_is_taken_as_the_format_has_it(void **state)
{
    static const struct {
        const char *lines, *taken;
    } ROWS[] = {
        {ALERT "\"identities\":[],\"keys\":[]}", "mde 1 v1 90 80 85 level 1 tactics 0:\n"},
        {HEAD "\"version\":7,\"severity\":\"high\",\"detector\":\"d\",\"tactics\":[0,12,12],"
              "\"identities\":[],\"keys\":[],\"more\":{\"of\":[1]}}",
         "mde 1 v7 90 80 85 level 3 tactics 1001:\n"},
        /* all strong identifiers of an entity, the first stands for it; a short name beside them
         * says nothing */
        {ALERT
         "\"identities\":[[\"user\",[\"upn:b\",\"aad:a\",\"upn:b\"]],"
         "[\"device\",[\"nb:pc\",\"mde:1\"]]],\"keys\":[[\"sha\",\"x\"],[\"ip\",\"9.9.9.9\"]]}",
         "mde 1 v1 90 80 85 level 1 tactics 0: [upn:b aad:a] [mde:1] user=upn:b*1000 "
         "device=mde:1*1000 ip=9.9.9.9*1000 sha=x*1000\n"},
        {ALERT "\"identities\":[[\"device\",[\"nb:pc\",\"nb:srv\"]]],\"keys\":[[\"nb\",\"pc\"]]}",
         "mde 1 v1 90 80 85 level 1 tactics 0: nb=pc*1000 nb=srv*1000\n"},
        /* of a member that comes twice the first counts */
        {"{\"tenant\":\"t\",\"tenant\":\"u\",\"source\":\"a\",\"source\":\"b\",\"id\":\"1\"," TIMES
         "\"severity\":\"low\",\"detector\":\"d\",\"tactics\":[],\"identities\":[],\"keys\":[]}",
         "a 1 v1 90 80 85 level 1 tactics 0:\n"},
        {"{\"params\":{\"threshold\": 1150}}\n\n" ALERT "\"identities\":[],\"keys\":[]}",
         "params {\"threshold\":1150}\nmde 1 v1 90 80 85 level 1 tactics 0:\n"},
    };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct taken t;
        struct err e = read_text(ROWS[i].lines, &t);
        assert_string_equal(e.text, "");
        assert_string_equal(t.text, ROWS[i].taken);
    }
    (void)state;
}

static void
test_a_tenants_lists_make_colleagues_users_and_damp_hubs(void **state)
{
    struct taken t;
    struct err e = read_text("{\"tenant\":\"t\",\"domains\":[\"b.example\"]}\n"
                             "{\"tenant\":\"t\",\"domains\":[\"a.example\"],\"hubs\":["
                             "{\"type\":\"ip\",\"value\":\"9.9.9.9\",\"damp\":100},"
                             "{\"type\":\"device\",\"value\":\"dns:dc1\",\"damp\":50}]}\n" ALERT
                             "\"identities\":[[\"device\",[\"mde:1\",\"dns:dc1\"]]],"
                             "\"keys\":[[\"sender\",\"x@a.example\"],[\"sender\",\"x@c.example\"],"
                             "[\"sender\",\"y@b.example\"],[\"ip\",\"9.9.9.9\"]]}\n",
                             &t);
    assert_string_equal(e.text, "");
    assert_string_equal(t.text, "mde 1 v1 90 80 85 level 1 tactics 0: [mde:1 dns:dc1] "
                                "[upn:x@a.example] [upn:y@b.example] "
                                "user=upn:x@a.example*1000 user=upn:y@b.example*1000 "
                                "device=mde:1*50 sender=x@c.example*1000 ip=9.9.9.9*100\n");
    (void)state;
}

static void
test_an_entity_with_many_identifiers_stays_one(void **state)
{
    struct taken t;
    struct err e = read_text(ALERT "\"identities\":[[\"user\",[\"upn:0\",\"upn:1\",\"upn:2\",\"upn:"
                                   "3\",\"upn:4\",\"upn:5\",\"upn:6\",\"upn:7\",\"upn:8\",\"upn:9\""
                                   "]]],\"keys\":[]}",
                             &t);
    assert_string_equal(e.text, "");
    assert_string_equal(t.text, "mde 1 v1 90 80 85 level 1 tactics 0: [upn:0 upn:1 upn:2 upn:3 "
                                "upn:4 upn:5 upn:6 upn:7] [upn:0 upn:8 upn:9] user=upn:0*1000\n");
    (void)state;
}

static void
test_a_bad_line_is_refused_with_its_place_and_what_is_wrong(void **state)
{
#define KEYS "\"identities\":[],\"keys\":"
    static const struct {
        const char *line, *text;
    } ROWS[] = {
        {"{", "not JSON"},
        {"[]", "not a JSON object"},
        {"{}", "'tenant' is missing or no text"},
        {"{\"tenant\":7,\"domains\":[]}", "'tenant' is missing or no text"},
        {"{\"tenant\":\"t\"}", "'source' is missing or no text"},
        {"{\"tenant\":\"t\",\"domains\":\"a\"}", "'domains' is a list of names"},
        {"{\"tenant\":\"t\",\"domains\":[1]}", "'domains' is a list of names"},
        {"{\"tenant\":\"t\",\"hubs\":[{\"type\":\"x\"}]}", "hubs[0]: 'type' is none"},
        {"{\"tenant\":\"t\",\"source\":\"s\"}", "'id' is missing or no text"},
        {"{\"tenant\":\"t\",\"source\":\"s\",\"id\":1}", "'id' is missing or no text"},
        {"{\"tenant\":\"t\",\"source\":\"s\",\"id\":\"1\"}", "'detector' is missing or no text"},
        {"{\"tenant\":\"t\",\"source\":\"s\",\"id\":\"1\",\"detector\":\"d\",\"created\":1.5}",
         "'created', 'first' and 'last' are whole seconds"},
        {HEAD "\"detector\":\"d\",\"version\":\"1\"}", "'version' is a whole number"},
        {HEAD "\"detector\":\"d\",\"severity\":\"High\"}", "'severity' is informational, low"},
        {HEAD "\"detector\":\"d\",\"severity\":\"low\"}", "'tactics' is a list"},
        {HEAD "\"detector\":\"d\",\"severity\":\"low\",\"tactics\":[13]}", "a tactic is a number"},
        {HEAD "\"detector\":\"d\",\"severity\":\"low\",\"tactics\":[-1]}", "a tactic is a number"},
        {ALERT "\"keys\":[]}", "'identities' and 'keys' are lists"},
        {ALERT "\"identities\":[]}", "'identities' and 'keys' are lists"},
        {ALERT "\"identities\":[[\"ip\",[\"a\"]]],\"keys\":[]}", "an identity is"},
        {ALERT "\"identities\":[[\"user\",[]]],\"keys\":[]}", "an identity is"},
        {ALERT "\"identities\":[[\"user\",[\"a\"],1]],\"keys\":[]}", "an identity is"},
        {ALERT "\"identities\":[[\"user\",[1]]],\"keys\":[]}", "an identifier is text"},
        {ALERT "\"identities\":[7],\"keys\":[]}", "an identity is"},
        {ALERT KEYS "[[\"user\",\"upn:a\"]]}", "a key is [type, value]"},
        {ALERT KEYS "[[\"what\",\"a\"]]}", "a key is [type, value]"},
        {ALERT KEYS "[[\"ip\"]]}", "a key is [type, value]"},
        {ALERT KEYS "[[\"ip\",null]]}", "a key's value is text"},
        {ALERT KEYS "[{\"ip\":\"a\"}]}", "a key is [type, value]"},
        {ALERT KEYS "[]}\n{\"params\":{}}", "parameters must come before the first alert"},
    };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct taken t;
        bool second = strchr(ROWS[i].line, '\n') != NULL;
        struct err e = read_text(ROWS[i].line, &t);
        const char *place = second ? "input, line 2: " : "input, line 1: ";
        assert_int_equal(e.kind, ERR_REJECT);
        assert_memory_equal(e.text, place, strlen(place));
        if (strncmp(e.text + strlen(place), ROWS[i].text, strlen(ROWS[i].text)) != 0)
            fail_msg("%s: %s", ROWS[i].line, e.text);
    }
    (void)state;
}

/* An alert with a list of n items, or a text of n bytes, in place of %s. */
static struct err
read_long(const char *before, const char *item, size_t n, const char *after)
{
    size_t bytes = strlen(item) * n;
    char *text = malloc(strlen(before) + bytes + strlen(after) + 1);
    assert_non_null(text);
    char *at = stpcpy(text, before);
    for (size_t i = 0; i < n; i++)
        at = stpcpy(at, item + (i == 0 && item[0] == ','));
    (void)stpcpy(at, after);
    const struct correlate_sink sink = {.ctx = NULL};
    FILE *in = fmemopen(text, strlen(text), "r");
    struct correlate_line line;
    struct key_set set;
    struct key_tenant lists = {.n_hubs = 0};
    struct arena *a = arena_new(64 << 20);
    struct json_parser *parser = json_parser_new();
    assert_true(in != NULL && a != NULL && parser != NULL);
    struct err e = correlate_read_all(in, "input", &sink);
    if (!e.kind)
        e = correlate_read((struct slice){text, strlen(text)}, parser, &line);
    if (!e.kind)
        e = correlate_read_keys(&line, &lists, a, &set);
    json_parser_free(parser);
    arena_free(a);
    (void)fclose(in);
    free(text);
    return e;
}

static void
test_what_is_too_large_is_refused_and_what_fits_is_not(void **state)
{
    static const struct {
        const char *before, *item, *after;
        size_t most;
    } ROWS[] = {
        {ALERT "\"identities\":[],\"keys\":[", ",[\"ip\",\"1.1.1.1\"]", "]}", CORRELATE_KEYS},
        {ALERT "\"identities\":[", ",[\"user\",[\"upn:a\"]]", "],\"keys\":[]}", KEYS_NODE_MAX},
        {ALERT "\"identities\":[[\"user\",[\"upn:a\",", ",\"upn:b\"", "]]],\"keys\":[]}",
         KEYS_NODE_MAX * (KEYS_IDENTIFIERS_MAX - 1)},
        {ALERT "\"identities\":[],\"keys\":[[\"url\",\"", "x", "\"]]}", CORRELATE_VALUE_MAX},
        {"{\"domains\":[],\"tenant\":\"", "x", "\"}", CORRELATE_TEXT_MAX},
    };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct err e = read_long(ROWS[i].before, ROWS[i].item, ROWS[i].most, ROWS[i].after);
        assert_string_equal(e.text, "");
        e = read_long(ROWS[i].before, ROWS[i].item, ROWS[i].most + 1, ROWS[i].after);
        assert_string_equal(e.code, "correlate.input");
    }
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_alert_is_taken_as_the_format_has_it),
        cmocka_unit_test(test_a_tenants_lists_make_colleagues_users_and_damp_hubs),
        cmocka_unit_test(test_an_entity_with_many_identifiers_stays_one),
        cmocka_unit_test(test_a_bad_line_is_refused_with_its_place_and_what_is_wrong),
        cmocka_unit_test(test_what_is_too_large_is_refused_and_what_fits_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
