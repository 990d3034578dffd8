/* weir params: what an operator is shown, and the pages made from the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "normalize/normalize.h"
#include "normalize/params.h"
#include "serve/params_command.h"
#include "tests/unit/capture.h"

static struct capture out, err; /* large; of the run at hand */
static char file[] = "/tmp/weir-params-XXXXXX";

static int
setup(void **state)
{
    static const char TEXT[] = "profile: flat\nterms: {product: 60}\n";
    int fd = mkstemp(file);
    if (fd < 0 || write(fd, TEXT, sizeof TEXT - 1) != sizeof TEXT - 1)
        return -1;
    (void)state;
    return close(fd);
}

static int
teardown(void **state)
{
    (void)state;
    return unlink(file);
}

/* FILE stands for the file's name. */
static int
run(const char *line)
{
    static const struct cli_command *const COMMANDS[] = {
        &params_show_command, &params_check_command, &params_diff_command, &params_document_command,
        NULL};
    static const struct opt *const TABLES[] = {normalize_opts, NULL};
    char words[512], option[64], *argv[16] = {"weir", "params"}, *save = NULL;
    int argc = 2;
    (void)snprintf(words, sizeof words, "%s", line);
    (void)snprintf(option, sizeof option, "--correlation.params_file=%s", file);
    for (char *w = strtok_r(words, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
        argv[argc++] = strcmp(w, "FILE") == 0 ? file : strcmp(w, "--INSTALLED") == 0 ? option : w;
    setenv("WEIR_CONFIG", "/dev/null", 1);
    capture_begin(&out, STDOUT_FILENO);
    capture_begin(&err, STDERR_FILENO);
    int code = cli_main(argc, argv, COMMANDS, TABLES);
    capture_end(&err);
    capture_end(&out);
    return code;
}

/* A table without its columns. */
static void
squeeze(char *text)
{
    char *to = text;
    for (char *from = text; *from != '\0'; from++)
        if (*from != ' ' || from[1] != ' ')
            *to++ = *from;
    *to = '\0';
}

static void
test_show_tells_which_parameters_hold_and_what_they_change(void **state)
{
    static const struct {
        const char *line, *holds, *lacks;
    } ROWS[] = {
        {"show", "\nthreshold 1000 1000\n", "\nthreshold 1150"},
        {"show --changed", "PARAMETER", "threshold"},
        {"show --changed --of flat", "\nthreshold 1150 1000\n", "terms.product"},
        {"show --changed --of FILE", "\nterms.product 60 80\n", "terms.stage"},
        {"show --changed --INSTALLED", "\nterms.product 60 80\n", "terms.stage"},
        {"show --json --of ids", "\"parameters\":{\"caps\":{\"alerts\":1000,", "PARAMETER"},
        {"show --json --of ids", "{\"profile\":\"ids\",\"digest\":\"", "PARAMETER"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        assert_int_equal(run(ROWS[i].line), 0);
        squeeze(out.text);
        if (strstr(out.text, ROWS[i].holds) == NULL || strstr(out.text, ROWS[i].lacks) != NULL)
            fail_msg("%s: %s", ROWS[i].line, out.text);
    }
    assert_int_equal(run("show --of FILE"), 0);
    assert_non_null(strstr(err.text, "parameters: profile flat, digest "));
    (void)state;
}

static void
test_check_says_what_is_wrong_and_where(void **state)
{
    assert_int_equal(run("check FILE"), 0);
    assert_non_null(strstr(out.text, " is right: profile flat, 1 value changed, digest "));
    assert_int_equal(run("check FILE --json"), 0);
    assert_non_null(strstr(out.text, "\"changed\":1}"));
    FILE *f = fopen(file, "a");
    assert_non_null(f);
    fputs("threshold: high\n", f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(run("check FILE"), 3);
    assert_string_equal(out.text, "");
    assert_non_null(strstr(err.text, ":3:1: threshold: must be a whole number from 1 to"));
    assert_int_equal(run("show --INSTALLED"), 3);
    assert_int_equal(run("check /nowhere"), 3);
    f = fopen(file, "w");
    assert_non_null(f);
    fputs("profile: flat\nterms: {product: 60}\n", f);
    assert_int_equal(fclose(f), 0);
    (void)state;
}

static void
test_diff_shows_what_would_change(void **state)
{
    assert_int_equal(run("diff FILE --of flat"), 0);
    assert_string_equal(out.text, "PARAMETER      FROM  TO\nterms.product  80    60\n");
    assert_int_equal(run("diff cautious --json"), 0);
    assert_non_null(strstr(out.text, "\"changes\":[{\"parameter\":\"profile\",\"from\":\"default\","
                                     "\"to\":\"cautious\"},{\"parameter\":\"terms.severity.high\","
                                     "\"from\":100,\"to\":50}]}"));
    assert_int_equal(run("diff flat --of flat"), 0);
    assert_string_equal(out.text, "");
    assert_int_equal(run("diff --of flat"), 2);
    assert_int_equal(run("diff flat --of flat --tenant x"), 2);
    (void)state;
}

/* Each line without its '#' sets the default. */
static void
test_the_yaml_page_is_a_file_that_changes_nothing(void **state)
{
    struct params p, none = params_default;
    char a[PARAMS_DIGEST_TEXT], b[PARAMS_DIGEST_TEXT];
    size_t lines = 0;
    assert_int_equal(run("document yaml"), 0);
    struct err e = params_read_text("page", slice_of(out.text), &none);
    assert_string_equal(e.text, "");
    for (char *at = out.text; (at = strchr(at, '#')) != NULL; at++)
        if ((at == out.text || at[-1] == '\n') && at[1] >= 'a' && at[1] <= 'z') {
            *at = ' ';
            memmove(at, at + 1, strlen(at));
            lines++;
        }
    assert_true(lines > 60);
    assert_true(params_profile(SLICE("ids"), &p)); /* so that each line has to do something */
    e = params_read_text("page", slice_of(out.text), &p);
    assert_string_equal(e.text, "");
    params_digest_text(&p, a);
    params_digest_text(&params_default, b);
    assert_string_equal(a, b);
    (void)state;
}

static void
find_row(void *ctx, const struct params_value *v)
{
    char row[96];
    (void)ctx;
    if (strncmp(v->path, "types.", 6) == 0 || strncmp(v->path, "prevalence.fan0.", 16) == 0 ||
        strncmp(v->path, "prevalence.novel_of.", 20) == 0)
        return;
    (void)snprintf(row, sizeof row, "| `%s` | ", v->path);
    if (strstr(out.text, row) == NULL)
        fail_msg("no %s", v->path);
}

static void
test_the_markdown_page_has_a_row_for_every_parameter(void **state)
{
    assert_int_equal(run("document markdown"), 0);
    params_each(&params_default, find_row, NULL);
    assert_non_null(strstr(out.text, "\n| device | 930 | 10800 | 172800 | device | false | 6 | "));
    assert_non_null(strstr(out.text, "\n| flat | "));
    assert_int_equal(run("document word"), 2);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_show_tells_which_parameters_hold_and_what_they_change),
        cmocka_unit_test(test_check_says_what_is_wrong_and_where),
        cmocka_unit_test(test_diff_shows_what_would_change),
        cmocka_unit_test(test_the_yaml_page_is_a_file_that_changes_nothing),
        cmocka_unit_test(test_the_markdown_page_has_a_row_for_every_parameter),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
