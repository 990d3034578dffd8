#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/cli.h"
#include "common/log.h"
#include "tests/unit/capture.h"

enum { ARGS_MAX = 12 };

static int
show_run(struct cli *cli)
{
    printf("show %s %s %s %d\n", cli_flag(cli, "tenant"),
           cli_flag(cli, "deep") != NULL ? "deep" : "shallow",
           cli_argument(cli) != NULL ? cli_argument(cli) : "-",
           (int)conf_int(cli_conf(cli), "ingest.poll_s"));
    cli_say(cli, "said %d%s", 1, cli_flag(cli, "deep") != NULL ? "\n\x1b[2J" : "");
    return cli_json(cli) ? CLI_PARTLY : CLI_DONE;
}

static int
fail_run(struct cli *cli)
{
    return cli_fail(cli, err_make(ERR_STOP, cli_flag(cli, "code"), "it \"broke\"\x1b[1m\xff"));
}

static int
log_run(struct cli *cli)
{
    log_info("test.quiet");
    log_warn("test.loud");
    return cli_program(cli)[0] == '/' ? CLI_DONE : CLI_FAILED;
}

static const struct cli_flag SHOW_FLAGS[] = {
    {.name = "tenant", .value = "GUID", .help = "Which tenant.", .required = true},
    {.name = "deep", .help = "All of it."},
    {.name = NULL},
};
static const struct cli_flag FAIL_FLAGS[] = {
    {.name = "code", .value = "CODE", .help = "How it fails.", .required = true},
    {.name = NULL},
};
static const struct cli_command SHOW = {.noun = "tenant",
                                        .verb = "show",
                                        .summary = "one tenant",
                                        .example = "weir tenant show --tenant X",
                                        .flags = SHOW_FLAGS,
                                        .run = show_run};
static const struct cli_command LIST = {.noun = "incident",
                                        .verb = "show",
                                        .argument = "ID",
                                        .summary = "one incident",
                                        .example = "weir incident show --tenant X 7",
                                        .flags = SHOW_FLAGS,
                                        .run = show_run};
static const struct cli_command DOCTOR = {
    .noun = "doctor", .summary = "what is wrong", .example = "weir doctor", .run = log_run};
static const struct cli_command RUN = {.noun = "run",
                                       .verb = "ingest",
                                       .summary = "asks a source",
                                       .example = "weir run ingest",
                                       .run = log_run};
static const struct cli_command FAIL = {.noun = "test",
                                        .verb = "fail",
                                        .summary = "fails",
                                        .example = "weir test fail --code X",
                                        .flags = FAIL_FLAGS,
                                        .run = fail_run};
static const struct cli_command *const COMMANDS[] = {&SHOW, &LIST, &DOCTOR, &RUN, &FAIL, NULL};
static const struct opt OPTS[] = {OPT_INT("ingest.poll_s", "s", 60, 5, 3600, "How often."),
                                  OPT_TEXT("odd.text", "a\"b\\c|d", "A | b."),
                                  OPT_TEXT("region.*.database", NULL, "Where."), OPT_END};
static const struct opt *const TABLES[] = {OPTS, NULL};

static struct capture out, err; /* large; of the run at hand */

/* Runs "tenant show ..." split at blanks; no file, so that the machine's own does not matter. */
static int
run(const char *line)
{
    char words[512], *argv[ARGS_MAX + 2] = {"weir"}, *save = NULL;
    int argc = 1;
    (void)snprintf(words, sizeof words, "%s", line);
    for (char *w = strtok_r(words, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
        assert_true(argc <= ARGS_MAX);
        argv[argc++] = w;
    }
    setenv("WEIR_CONFIG", "/dev/null", 1);
    capture_begin(&out, STDOUT_FILENO);
    capture_begin(&err, STDERR_FILENO);
    int code = cli_main(argc, argv, COMMANDS, TABLES);
    capture_end(&err);
    capture_end(&out);
    log_setup("weir", LOG_INFO);
    log_output(STDOUT_FILENO);
    return code;
}

static void
test_words_flags_and_settings_reach_the_command(void **state)
{
    static const struct {
        const char *line;
        int code;
        const char *out, *err;
    } ROWS[] = {
        {"tenant show --tenant X", 0, "show X shallow - 60\n", "said 1\n"},
        {"tenant show --tenant=X --deep", 0, "show X deep - 60\n", "said 1\n\\x1b[2J\n"},
        {"--quiet tenant show --tenant=", 0, "show  shallow - 60\n", ""},
        {"tenant -q show --tenant X", 0, "show X shallow - 60\n", ""},
        {"incident show 7 --tenant X", 0, "show X shallow 7 60\n", "said 1\n"},
        {"incident show --tenant X --deep 7", 0, "show X deep 7 60\n", "said 1\n\\x1b[2J\n"},
        {"incident show --tenant X -- --deep", 0, "show X shallow --deep 60\n", "said 1\n"},
        {"incident show --tenant X -", 0, "show X shallow - 60\n", "said 1\n"},
        {"tenant show --tenant X --ingest.poll_s=7", 0, "show X shallow - 7\n", "said 1\n"},
        {"tenant show --ingest.poll_s 8 --tenant X", 0, "show X shallow - 8\n", "said 1\n"},
        {"--config /dev/null tenant show --tenant X", 0, "show X shallow - 60\n", "said 1\n"},
        {"tenant show --tenant X --json", 6, "show X shallow - 60\n", "said 1\n"},
        {"--version", 0, "weir " WEIR_VERSION "\n", ""},
        {"version", 0, "weir " WEIR_VERSION "\n", ""},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        assert_int_equal(run(ROWS[i].line), ROWS[i].code);
        assert_string_equal(out.text, ROWS[i].out);
        assert_string_equal(err.text, ROWS[i].err);
    }
    (void)state;
}

static void
test_a_wrong_command_line_is_told_in_one_sentence(void **state)
{
    static const struct {
        const char *line;
        int code;
        const char *err;
    } ROWS[] = {
        {"tenat show", 2, "weir: there is no 'weir tenat'; did you mean 'weir tenant'?\n"},
        {"tenant shwo", 2,
         "weir: there is no 'weir tenant shwo'; did you mean 'weir tenant show'?\n"},
        {"tenant destroy", 2,
         "weir: there is no 'weir tenant destroy'; 'weir help tenant' lists what there is\n"},
        {"frobnicate", 2, "weir: there is no 'weir frobnicate'; 'weir help' lists what there is\n"},
        {"help tenant shwo", 2,
         "weir: there is no 'weir tenant shwo'; did you mean 'weir tenant show'?\n"},
        {"tenant show", 2,
         "weir: --tenant GUID is missing; for example: weir tenant show --tenant X\n"},
        {"incident show --tenant X", 2,
         "weir: ID is missing; for example: weir incident show --tenant X 7\n"},
        {"tenant show --tenant", 2, "weir: --tenant needs a value\n"},
        {"tenant show --tenant --deep", 2, "weir: --tenant needs a value\n"},
        {"tenant show --tenant X --tenant Y", 2, "weir: --tenant is given twice\n"},
        {"tenant show --tenant X --deep=1", 2, "weir: --deep takes no value\n"},
        {"tenant show --tenant X --json=1", 2, "weir: --json takes no value\n"},
        {"tenant show --tennant X", 2, "weir: unknown flag --tennant; did you mean --tenant?\n"},
        {"tenant show -x", 2, "weir: unknown flag -x; --help lists what there is\n"},
        {"tenant show --tenant X 7", 2, "weir: '7' is one word too many\n"},
        {"tenant show --tenant X --config", 2, "weir: --config needs a value\n"},
        {"tenant show --tenant X --ingest.pol_s=7", 3,
         "weir: command line: unknown setting ingest.pol_s (did you mean ingest.poll_s?)\n"},
        {"tenant show --tenant X --log.level=loud", 3,
         "weir: log.level is 'loud', expected debug, info, warn or error\n"},
        {"tenant show --tenant X --config /nowhere", 3,
         "weir: /nowhere: No such file or directory\n"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        assert_int_equal(run(ROWS[i].line), ROWS[i].code);
        assert_string_equal(err.text, ROWS[i].err);
        assert_string_equal(out.text, "");
    }
    (void)state;
}

static void
test_with_json_an_error_is_an_object_on_stdout(void **state)
{
    assert_int_equal(run("tenant shwo --json"), 2);
    assert_string_equal(out.text,
                        "{\"error\":{\"code\":\"usage.command\",\"message\":\"there is no 'weir "
                        "tenant shwo'; did you mean 'weir tenant show'?\"}}\n");
    assert_string_equal(err.text, "");
    assert_int_equal(run("--json"), 2);
    assert_string_equal(
        out.text, "{\"error\":{\"code\":\"usage.command\",\"message\":\"no command is given\"}}\n");
    assert_int_equal(run("test fail --code x.y --json"), 1);
    assert_string_equal(out.text, "{\"error\":{\"code\":\"x.y\",\"message\":\"it \\\"broke\\\""
                                  "\\u001b[1m\xef\xbf\xbd\"}}\n");
    (void)state;
}

static void
test_the_code_of_an_error_decides_the_exit_code(void **state)
{
    static const struct {
        const char *code;
        int exit;
    } ROWS[] = {
        {"x.y", 1},         {"usage.flag", 2},      {"conf.value", 3},  {"db.connect", 4},
        {"bus.connect", 4}, {"refused.confirm", 5}, {"x.forbidden", 5}, {"config.x", 1},
        {"x.connected", 1}, {"forbidden.x", 1},     {"bus.conf", 3},    {"seal.mode", 3},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "test fail --code %s", ROWS[i].code);
        assert_int_equal(run(line), ROWS[i].exit);
        assert_string_equal(err.text, "weir: it \"broke\"\\x1b[1m\xef\xbf\xbd\n");
    }
    (void)state;
}

static void
test_help_starts_with_an_example_and_ends_with_the_exit_codes(void **state)
{
    static const struct {
        const char *line;
        int code;
        bool on_stdout;
        const char *first, *holds;
    } ROWS[] = {
        {"tenant show --help", 0, true, "Example:\n  weir tenant show --tenant X\n",
         "Usage: weir tenant show --tenant GUID [--deep]\n"},
        {"help tenant show", 0, true, "Example:\n  weir tenant show --tenant X\n",
         "  --tenant GUID          Which tenant. (required)\n"},
        {"help tenant", 0, true, "Example:\n", "  weir tenant show         one tenant\n"},
        {"tenant", 2, false, "Example:\n", "  weir tenant show         one tenant\n"},
        {"help doctor", 0, true, "Example:\n  weir doctor\n", "Usage: weir doctor\n"},
        {"help run", 0, true, "Example:\n", "Roles, each started by weir run ROLE:\n"},
        {"help", 0, true, "weir collects", "  weir run ingest          asks a source\n"},
        {"-h", 0, true, "weir collects", "\nExample:\n"},
        {"", 2, false, "weir collects", "\nExample:\n"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        assert_int_equal(run(ROWS[i].line), ROWS[i].code);
        const char *text = ROWS[i].on_stdout ? out.text : err.text;
        assert_string_equal(ROWS[i].on_stdout ? err.text : out.text, "");
        assert_memory_equal(text, ROWS[i].first, strlen(ROWS[i].first));
        assert_non_null(strstr(text, ROWS[i].holds));
        const char *last = "  130  interrupted\n";
        assert_string_equal(text + strlen(text) - strlen(last), last);
    }
    (void)state;
}

static void
test_logs_of_a_role_are_its_output_and_those_of_a_command_are_words(void **state)
{
    assert_int_equal(run("run ingest"), 0);
    assert_non_null(strstr(out.text, "\"role\":\"ingest\",\"event\":\"test.quiet\"}\n"));
    assert_non_null(strstr(out.text, "\"event\":\"test.loud\"}\n"));
    assert_string_equal(err.text, "");
    assert_int_equal(run("doctor"), 0);
    assert_string_equal(out.text, "");
    assert_null(strstr(err.text, "test.quiet"));
    assert_non_null(strstr(err.text, "\"role\":\"weir\",\"event\":\"test.loud\"}\n"));
    assert_int_equal(run("doctor --log.level=debug"), 0);
    assert_non_null(strstr(err.text, "test.quiet"));
    assert_int_equal(run("run ingest --log.level=error"), 0);
    assert_string_equal(out.text, "");
    (void)state;
}

static void
test_a_full_disk_is_an_error_and_a_reader_who_left_is_none(void **state)
{
    char *argv[] = {"weir", "--version", NULL};
    int saved = dup(STDOUT_FILENO), full = -1, ends[2];
    FILE *f = fopen("/dev/full", "w");
    assert_non_null(f);
    full = fileno(f);
    fflush(stdout);
    dup2(full, STDOUT_FILENO);
    capture_begin(&err, STDERR_FILENO);
    int code = cli_main(2, argv, COMMANDS, TABLES);
    capture_end(&err);
    clearerr(stdout);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    int left = cli_main(2, argv, COMMANDS, TABLES);
    clearerr(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    fclose(f);
    assert_int_equal(code, CLI_FAILED);
    assert_string_equal(err.text,
                        "weir: the output could not be written: No space left on device\n");
    assert_int_equal(left, CLI_DONE);
    (void)state;
}

static void
test_a_table_is_aligned_and_free_of_control_characters(void **state)
{
    static const char *const HEADINGS[] = {"ID", "NAME", NULL};
    static const char *const CELLS[] = {"1",  "plain", "22222", "gr\xc3\xbc\xc3\x9f\x1b[2J",
                                        NULL, "x"};
    capture_begin(&out, STDOUT_FILENO);
    cli_table(&(struct cli_table){.headings = HEADINGS, .cells = CELLS, .rows = 3});
    capture_end(&out);
    assert_string_equal(out.text, "ID     NAME\n"
                                  "1      plain\n"
                                  "22222  gr\xc3\xbc\xc3\x9f\\x1b[2J\n"
                                  "-      x\n");
    (void)state;
}

static void
test_the_manual_is_made_from_the_tables(void **state)
{
    static const struct {
        const char *page, *holds;
    } ROWS[] = {
        {"settings", "| `ingest.poll_s` | 60 | 5 | 3600 | s | How often. |\n"},
        {"settings", "| `odd.text` | a\"b\\c\\|d | | | | A \\| b. |\n"},
        {"weir.yaml", "\n#odd.text: \"a\\\"b\\\\c|d\"\n"},
        {"weir.yaml", "\n#region.eu.database: \"\"\n"},
        {"settings", "| `log.level` | info | | | | "},
        {"weir.yaml", "\n# How often. From 5 to 3600 s.\n#ingest.poll_s: 60\n"},
        {"weir.yaml", "\n#log.level: \"info\"\n"},
        {"commands", "## weir tenant show\n"},
        {"commands", "| `--tenant` | GUID | Which tenant. (required) |\n"},
        {"exit-codes", "| 130 | interrupted |\n"},
        {"metrics", "| `weir_log_lines_total` | counter | level | "},
        {"man", "\n.TP\n\\fBweir tenant show\\fR\n"},
        {"man", "\n\\fB\\-\\-tenant GUID\\fR\nWhich tenant. (required)\n"},
        {"man", "\n\\fBodd.text\\fR\nA | b. Default: a\"b\\\\c|d.\n"},
        {"man", "\n\\fB130\\fR\ninterrupted\n"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "config document %s", ROWS[i].page);
        assert_int_equal(run(line), 0);
        assert_non_null(strstr(out.text, ROWS[i].holds));
    }
    assert_int_equal(run("config document poems"), 2);
    (void)state;
}

/* Each line of the sample, uncommented, is read, and says what was the default anyway. */
static void
test_the_sample_configuration_holds_the_defaults(void **state)
{
    char path[] = "/tmp/weir-sample-XXXXXX", flag[64];
    size_t settings = 0;
    assert_int_equal(run("config document weir.yaml"), 0);
    FILE *f = fdopen(mkstemp(path), "w");
    assert_non_null(f);
    char *save = NULL;
    for (char *l = strtok_r(out.text, "\n", &save); l != NULL; l = strtok_r(NULL, "\n", &save)) {
        bool setting = l[0] == '#' && l[1] != ' ' && l[1] != '\0';
        fprintf(f, "%s\n", l + setting);
        settings += setting;
    }
    fclose(f);
    (void)snprintf(flag, sizeof flag, "--config=%s", path);
    char *argv[] = {"weir", "tenant", "show", "--tenant=X", flag, NULL};
    capture_begin(&out, STDOUT_FILENO);
    int code = cli_main(5, argv, COMMANDS, TABLES);
    capture_end(&out);
    unlink(path);
    assert_int_equal(code, 0);
    assert_string_equal(out.text, "show X shallow - 60\n");
    assert_int_equal(settings, 5);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_flags_and_settings_reach_the_command),
        cmocka_unit_test(test_a_wrong_command_line_is_told_in_one_sentence),
        cmocka_unit_test(test_with_json_an_error_is_an_object_on_stdout),
        cmocka_unit_test(test_the_code_of_an_error_decides_the_exit_code),
        cmocka_unit_test(test_help_starts_with_an_example_and_ends_with_the_exit_codes),
        cmocka_unit_test(test_logs_of_a_role_are_its_output_and_those_of_a_command_are_words),
        cmocka_unit_test(test_a_full_disk_is_an_error_and_a_reader_who_left_is_none),
        cmocka_unit_test(test_a_table_is_aligned_and_free_of_control_characters),
        cmocka_unit_test(test_the_manual_is_made_from_the_tables),
        cmocka_unit_test(test_the_sample_configuration_holds_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
