#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/conf.h"
#include "common/conf_file.h"

static const struct opt INGEST[] = {
    OPT_INT("ingest.poll_s", "s", 60, 5, 3600, "How often."),
    OPT_BOOL("ingest.demo", 0, "A demonstration."),
    OPT_TEXT("ingest.key_file", NULL, "Where a key is."),
    OPT_END,
};
static const struct opt REGION[] = {
    OPT_TEXT("region.*.database", NULL, "Where a region is."),
    OPT_TEXT("region.*.admin_database", "none", "Where its administration is."),
    OPT_INT("region.*.size", "rows", 3, 0, 9, "How large."),
    OPT_TEXT("log.level", "info", "How much."),
    OPT_END,
};
static const struct opt *const TABLES[] = {INGEST, REGION, NULL};

/* A file of this text; NULL: no file. The environment is that of the test alone. */
static struct err
load(const char *text, const char *const *flags, struct conf **out)
{
    char path[] = "/tmp/weir-conf-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    struct err e = conf_load(TABLES, path, flags, out);
    unlink(path);
    return e;
}

/* What stands after the path that the test made up. */
static const char *
after_path(const struct err *e)
{
    const char *at = strstr(e->text, "/tmp/weir-conf-");
    return at == e->text ? e->text + strlen("/tmp/weir-conf-XXXXXX") : e->text;
}

static void
test_a_file_gives_values_nested_or_dotted(void **state)
{
    static const char *const FILES[] = {
        "ingest: {poll_s: 7, demo: true}\n",
        "ingest.poll_s: 7\ningest.demo: yes\n",
        "# a comment\ningest:\n  poll_s: 7\n  demo: ON\nregion:\n",
        "\"ingest\":\n  'poll_s': '7'\ningest.demo: true\n",
    };
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        struct conf *c = NULL;
        struct err e = load(FILES[i], NULL, &c);
        assert_string_equal(e.text, "");
        assert_int_equal(conf_int(c, "ingest.poll_s"), 7);
        assert_true(conf_bool(c, "ingest.demo"));
        assert_null(conf_text(c, "ingest.key_file"));
        assert_string_equal(conf_text(c, "log.level"), "info");
        conf_free(c);
    }
    (void)state;
}

static void
test_an_empty_file_leaves_the_defaults(void **state)
{
    static const char *const FILES[] = {"", "\n", "# nothing\n", "---\n", "~\n"};
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        struct conf *c = NULL;
        assert_int_equal(load(FILES[i], NULL, &c).kind, ERR_NONE);
        assert_int_equal(conf_int(c, "ingest.poll_s"), 60);
        assert_false(conf_bool(c, "ingest.demo"));
        conf_free(c);
    }
    (void)state;
}

static void
test_a_wrong_file_is_refused_with_line_and_column(void **state)
{
    static const struct {
        const char *file, *code, *text;
    } ROWS[] = {
        {"\n\n  ingest.pol_s: 5\n", "conf.unknown",
         ":3:3: unknown setting ingest.pol_s (did you mean ingest.poll_s?)"},
        {"nonsense_of_mine: 5\n", "conf.unknown", ":1:1: unknown setting nonsense_of_mine"},
        {"region:\n  eu:\n    databse: x\n", "conf.unknown",
         ":3:5: unknown setting region.eu.databse (did you mean region.eu.database?)"},
        {"region: {E U: {database: x}}\n", "conf.unknown",
         ":1:16: unknown setting region.E U.database"},
        {"ingest:\n  poll_s: 4\n", "conf.value",
         ":2:11: ingest.poll_s is '4', expected 5 to 3600 s"},
        {"ingest.poll_s: 5s\n", "conf.value", ":1:16: ingest.poll_s is '5s', expected 5 to 3600 s"},
        {"ingest.demo: maybe\n", "conf.value",
         ":1:14: ingest.demo is 'maybe', expected true or false"},
        {"ingest.poll_s:\n", "conf.value", ":1:1: ingest.poll_s has no value"},
        {"ingest.poll_s: 5\nlog.level: info\ningest: {poll_s: 5}\n", "conf.yaml",
         ":3:10: ingest.poll_s is already set in line 1"},
        {"ingest: {demo: true}\ningest: {poll_s: 5}\n", "conf.yaml",
         ":2:1: ingest is already set in line 1"},
        {"ingest: [1, 2]\n", "conf.yaml", ":1:9: a list; expected one value"},
        {"ingest: &a {poll_s: 5}\nx: *a\n", "conf.yaml",
         ":2:4: an alias; expected the value itself"},
        {"poll\n", "conf.yaml", ":1:1: expected lines like 'name: value'"},
        {"--- {}\n--- {}\n", "conf.yaml", ":2:1: a second document in one file"},
        {"{a: {b: {c: {d: {e: {f: {g: {h: {i: 1}}}}}}}}}\n", "conf.yaml", ":1:33: too many levels"},
        {"? {a: 1}\n: 2\n", "conf.yaml", ":1:3: expected the name of a setting"},
        {"\"\": 1\n", "conf.yaml", ":1:1: a setting without a name"},
        {"log.level: \"a\\0b\"\n", "conf.yaml", ":1:12: a NUL inside a value"},
        {"ingest: {\n", "conf.yaml", ":2:1: did not find expected node content"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct conf *c = NULL;
        struct err e = load(ROWS[i].file, NULL, &c);
        assert_int_equal(e.kind, ERR_STOP);
        assert_string_equal(e.code, ROWS[i].code);
        assert_string_equal(after_path(&e), ROWS[i].text);
        assert_null(c);
    }
    (void)state;
}

static void
test_a_file_has_limits(void **state)
{
    char *large = malloc(CONF_FILE_MAX + 2);
    assert_non_null(large);
    memset(large, '#', CONF_FILE_MAX + 1);
    large[CONF_FILE_MAX + 1] = '\0';
    struct conf *c = NULL;
    struct err e = load(large, NULL, &c);
    assert_string_equal(e.code, "conf.yaml");
    large[CONF_FILE_MAX] = '\0';
    assert_int_equal(load(large, NULL, &c).kind, ERR_NONE);
    conf_free(c);
    memset(large, 'n', CONF_FILE_NAME_MAX + 1);
    strcpy(large + CONF_FILE_NAME_MAX + 1, ": 1\n");
    e = load(large, NULL, &c);
    assert_string_equal(after_path(&e), ":1:1: the name of a setting is too long");
    free(large);
    (void)state;
}

static void
test_a_missing_file_is_an_error_only_when_it_was_named(void **state)
{
    struct conf *c = NULL;
    struct err e = conf_load(TABLES, "/nowhere/weir.yaml", NULL, &c);
    assert_string_equal(e.code, "conf.open");
    assert_string_equal(e.text, "/nowhere/weir.yaml: No such file or directory");
    e = conf_load(TABLES, "/", NULL, &c);
    assert_string_equal(e.code, "conf.open");
    setenv("WEIR_CONFIG", "/nowhere/weir.yaml", 1);
    e = conf_load(TABLES, NULL, NULL, &c);
    assert_string_equal(e.code, "conf.open");
    unsetenv("WEIR_CONFIG");
    (void)state;
}

static void
test_flags_go_before_the_environment_and_that_before_the_file(void **state)
{
    static const char *const FLAGS[] = {"ingest.poll_s=8", "ingest.poll_s=9", NULL};
    struct conf *c = NULL;
    setenv("WEIR_INGEST_POLL_S", "6", 1);
    assert_int_equal(load("ingest.poll_s: 5\n", FLAGS, &c).kind, ERR_NONE);
    assert_int_equal(conf_int(c, "ingest.poll_s"), 9);
    conf_free(c);
    assert_int_equal(load("ingest.poll_s: 5\n", NULL, &c).kind, ERR_NONE);
    assert_int_equal(conf_int(c, "ingest.poll_s"), 6);
    conf_free(c);
    unsetenv("WEIR_INGEST_POLL_S");
    (void)state;
}

static void
test_a_wrong_value_is_refused_though_a_later_one_would_win(void **state)
{
    static const char *const FLAGS[] = {"ingest.poll_s=8", NULL};
    struct conf *c = NULL;
    assert_string_equal(load("ingest.poll_s: 1\n", FLAGS, &c).code, "conf.value");
    (void)state;
}

static void
test_wrong_flags_and_environment_are_refused_by_name(void **state)
{
    static const struct {
        const char *flag, *env, *code, *text;
    } ROWS[] = {
        {"ingest.pol_s=5", NULL, "conf.unknown",
         "command line: unknown setting ingest.pol_s (did you mean ingest.poll_s?)"},
        {"ingest.poll_s", NULL, "conf.value", "command line: --ingest.poll_s needs =value"},
        {"ingest.poll_s=x", NULL, "conf.value",
         "command line: ingest.poll_s is 'x', expected 5 to 3600 s"},
        {NULL, "WEIR_INGEST_POL_S", "conf.unknown",
         "environment: unknown setting WEIR_INGEST_POL_S (did you mean WEIR_INGEST_POLL_S?)"},
        {NULL, "WEIR_INGEST_POLL_S", "conf.value",
         "WEIR_INGEST_POLL_S: ingest.poll_s is 'soon', expected 5 to 3600 s"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const char *const flags[] = {ROWS[i].flag, NULL};
        struct conf *c = NULL;
        if (ROWS[i].env != NULL)
            setenv(ROWS[i].env, "soon", 1);
        struct err e = load("", flags, &c);
        if (ROWS[i].env != NULL)
            unsetenv(ROWS[i].env);
        assert_int_equal(e.kind, ERR_STOP);
        assert_string_equal(e.code, ROWS[i].code);
        assert_string_equal(e.text, ROWS[i].text);
    }
    setenv("WEIR_TEST_SOMETHING", "1", 1);
    struct conf *c = NULL;
    assert_int_equal(load("", NULL, &c).kind, ERR_NONE);
    conf_free(c);
    unsetenv("WEIR_TEST_SOMETHING");
    (void)state;
}

static void
test_names_of_a_pattern_are_those_that_any_source_gave(void **state)
{
    static const char *const FLAGS[] = {"region.us.database=c", NULL};
    struct conf *c = NULL;
    setenv("WEIR_REGION_EU_DATABASE", "b", 1);
    setenv("WEIR_REGION_FR_ADMIN_DATABASE", "d", 1);
    struct err e = load("region: {uk: {database: a}, eu: {database: x, size: 5}}", FLAGS, &c);
    unsetenv("WEIR_REGION_EU_DATABASE");
    unsetenv("WEIR_REGION_FR_ADMIN_DATABASE");
    assert_string_equal(e.text, "");
    const char *const *names;
    assert_int_equal(conf_names(c, "region.*.database", &names), 3);
    assert_string_equal(names[0], "eu");
    assert_string_equal(names[1], "uk");
    assert_string_equal(names[2], "us");
    assert_string_equal(conf_text(c, "region.eu.database"), "b");
    assert_string_equal(conf_text(c, "region.us.database"), "c");
    assert_int_equal(conf_int(c, "region.eu.size"), 5);
    assert_int_equal(conf_int(c, "region.uk.size"), 3); /* the row's default */
    assert_null(conf_text(c, "region.nowhere.database"));
    assert_int_equal(conf_names(c, "region.*.admin_database", &names), 1);
    assert_string_equal(names[0], "fr");
    conf_free(c);
    (void)state;
}

static void
test_an_empty_text_is_no_text(void **state)
{
    struct conf *c = NULL;
    assert_int_equal(load("log.level: ''\n", NULL, &c).kind, ERR_NONE);
    assert_null(conf_text(c, "log.level"));
    conf_free(c);
    (void)state;
}

struct seen {
    size_t n;
    char text[1024];
};

static void
note(void *ctx, const struct opt *o, const char *name, const char *value, const char *origin)
{
    struct seen *s = ctx;
    size_t used = strlen(s->text);
    (void)snprintf(s->text + used, sizeof s->text - used, "%s=%s (%s)\n", name,
                   value != NULL ? value : "-", origin);
    s->n += o != NULL;
}

static void
test_each_setting_says_where_it_came_from(void **state)
{
    static const char *const FLAGS[] = {"log.level=debug", NULL};
    struct conf *c = NULL;
    struct seen seen = {0};
    setenv("WEIR_REGION_EU_SIZE", "+4", 1);
    struct err e = load("ingest:\n  poll_s: 007\n", FLAGS, &c);
    unsetenv("WEIR_REGION_EU_SIZE");
    assert_string_equal(e.text, "");
    conf_each(c, note, &seen);
    assert_int_equal(seen.n, 5);
    assert_string_equal(seen.text, "ingest.poll_s=7 (file 2:11)\n"
                                   "ingest.demo=false (default)\n"
                                   "ingest.key_file=- (default)\n"
                                   "log.level=debug (flag)\n"
                                   "region.eu.size=4 (environment)\n");
    conf_free(c);
    (void)state;
}

static struct err
secret(const char *content, size_t n, struct arena *a, struct slice *out)
{
    char path[] = "/tmp/weir-secret-XXXXXX", flag[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, n), (ssize_t)n);
    close(fd);
    (void)snprintf(flag, sizeof flag, "ingest.key_file=%s", path);
    const char *const flags[] = {flag, NULL};
    struct conf *c = NULL;
    assert_int_equal(load("", flags, &c).kind, ERR_NONE);
    struct err e = conf_read_secret(c, "ingest.key_file", a, out);
    conf_free(c);
    unlink(path);
    return e;
}

static void
test_a_secret_is_the_first_line_of_its_file(void **state)
{
    static const struct {
        const char *content, *secret;
    } ROWS[] = {{"s3cret\nsecond\n", "s3cret"}, {"s3cret", "s3cret"},
                {"s3cret\r\n", "s3cret"},       {"", NULL},
                {"\nsecond\n", NULL},           {"  \n", NULL}};
    struct arena *a = arena_new(65536 * 4);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct slice got = SLICE_NONE;
        struct err e = secret(ROWS[i].content, strlen(ROWS[i].content), a, &got);
        assert_true(slice_eq(got, slice_of(ROWS[i].secret)));
        if (ROWS[i].secret == NULL)
            assert_string_equal(e.code, "conf.secret");
        assert_null(strstr(e.text, "s3cret"));
    }
    static char large[64 * 1024 + 1];
    memset(large, 'x', sizeof large);
    struct slice got;
    assert_int_equal(secret(large, sizeof large - 1, a, &got).kind, ERR_NONE);
    assert_string_equal(secret(large, sizeof large, a, &got).code, "conf.secret");
    arena_free(a);
    (void)state;
}

static void
test_a_secret_that_is_not_there_is_an_error_that_names_the_setting(void **state)
{
    static const char *const FLAGS[] = {"ingest.key_file=/nowhere/key", NULL};
    struct arena *a = arena_new(1024);
    struct conf *c = NULL;
    struct slice got;
    assert_int_equal(load("", FLAGS, &c).kind, ERR_NONE);
    struct err e = conf_read_secret(c, "ingest.key_file", a, &got);
    assert_string_equal(e.code, "conf.secret");
    assert_string_equal(e.text, "ingest.key_file: No such file or directory");
    conf_free(c);
    assert_int_equal(load("", NULL, &c).kind, ERR_NONE);
    assert_string_equal(conf_read_secret(c, "ingest.key_file", a, &got).text,
                        "ingest.key_file is not set");
    conf_free(c);
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_gives_values_nested_or_dotted),
        cmocka_unit_test(test_an_empty_file_leaves_the_defaults),
        cmocka_unit_test(test_a_wrong_file_is_refused_with_line_and_column),
        cmocka_unit_test(test_a_file_has_limits),
        cmocka_unit_test(test_a_missing_file_is_an_error_only_when_it_was_named),
        cmocka_unit_test(test_flags_go_before_the_environment_and_that_before_the_file),
        cmocka_unit_test(test_a_wrong_value_is_refused_though_a_later_one_would_win),
        cmocka_unit_test(test_wrong_flags_and_environment_are_refused_by_name),
        cmocka_unit_test(test_names_of_a_pattern_are_those_that_any_source_gave),
        cmocka_unit_test(test_an_empty_text_is_no_text),
        cmocka_unit_test(test_each_setting_says_where_it_came_from),
        cmocka_unit_test(test_a_secret_is_the_first_line_of_its_file),
        cmocka_unit_test(test_a_secret_that_is_not_there_is_an_error_that_names_the_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
