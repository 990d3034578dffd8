#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metric.h"
#include "tests/unit/capture.h"

static struct capture out; /* large */

/* The captured text after its time, which is checked and left away. */
static const char *
after_ts(const char *line)
{
    struct slice ts = {line + strlen("{\"ts\":\""), strlen("2019-12-02T10:15:04.123Z")};
    int64_t time = 0;
    assert_memory_equal(line, "{\"ts\":\"", 7);
    assert_true(clock_parse(ts, &time));
    assert_int_equal(ts.p[19], '.');
    assert_int_equal(time % 10000, 0); /* milliseconds */
    assert_int_equal(ts.p[ts.n - 1], 'Z');
    return ts.p + ts.n + 1;
}

static void
test_a_line_is_a_json_object_with_its_fields_in_order(void **state)
{
    struct oid oid = {{0}};
    log_setup("ingest", LOG_INFO);
    capture_begin(&out, STDOUT_FILENO);
    log_info("ingest.page", LOG_STR("source", "identity"), LOG_INT("alerts", -100), LOG_OID(&oid),
             LOG_SLICE("odd", SLICE("a\"\n\xff")), LOG_SLICE("none", SLICE_NONE));
    capture_end(&out);
    assert_string_equal(after_ts(out.text),
                        ",\"level\":\"info\",\"role\":\"ingest\",\"event\":\"ingest.page\","
                        "\"source\":\"identity\",\"alerts\":-100,"
                        "\"oid\":\"aaaaaaaaaaaaaaaaaaaaaaaaaa\","
                        "\"odd\":\"a\\\"\\u000a\xef\xbf\xbd\",\"none\":null}\n");
    (void)state;
}

static void
test_an_error_is_logged_with_code_and_text_and_a_retry_as_a_warning(void **state)
{
    static const struct {
        enum err_kind kind;
        const char *level;
    } ROWS[] = {{ERR_RETRY, "warn"}, {ERR_REJECT, "error"}, {ERR_STOP, "error"}};
    log_setup("weir", LOG_INFO);
    for (size_t i = 0; i < 3; i++) {
        char expected[256];
        struct err e = err_make(ROWS[i].kind, "fetch.status", "answer %d", 503);
        capture_begin(&out, STDOUT_FILENO);
        log_err("ingest.refused", &e, LOG_INT("tries", 2));
        capture_end(&out);
        (void)snprintf(expected, sizeof expected,
                       ",\"level\":\"%s\",\"role\":\"weir\",\"event\":\"ingest.refused\","
                       "\"code\":\"fetch.status\",\"text\":\"answer 503\",\"tries\":2}\n",
                       ROWS[i].level);
        assert_string_equal(after_ts(out.text), expected);
    }
    (void)state;
}

static void
test_lines_below_the_level_are_not_written(void **state)
{
    log_setup("weir", LOG_WARN);
    capture_begin(&out, STDOUT_FILENO);
    log_debug("a");
    log_info("b");
    capture_end(&out);
    assert_string_equal(out.text, "");
    log_setup("weir", LOG_DEBUG);
    capture_begin(&out, STDOUT_FILENO);
    log_debug("a");
    capture_end(&out);
    assert_non_null(strstr(out.text, "\"level\":\"debug\""));
    (void)state;
}

static void
test_a_long_line_stays_one_whole_object(void **state)
{
    static char text[3000];
    for (size_t i = 0; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xbc", 2);
    struct slice s = {text, sizeof text};
    log_setup("weir", LOG_INFO);
    capture_begin(&out, STDOUT_FILENO);
    log_info("long", LOG_SLICE("a", s), LOG_SLICE("b", s), LOG_SLICE("c", s), LOG_SLICE("d", s),
             LOG_INT("e", 7));
    capture_end(&out);
    size_t n = strlen(out.text);
    assert_true(n > 3000 && n <= 4096);
    assert_null(strstr(out.text, "\xef\xbf\xbd")); /* no half characters */
    assert_non_null(strstr(out.text, "\"c\":"));
    assert_null(strstr(out.text, "\"d\":"));
    const char *end = "\",\"e\":7,\"cut\":1}\n";
    assert_string_equal(out.text + n - strlen(end), end);
    (void)state;
}

static void
test_a_closed_pipe_costs_the_line_and_is_counted(void **state)
{
    static const char *const LOST[] = {"lost", NULL};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    (void)signal(SIGPIPE, SIG_DFL);
    int64_t before = metric_get(METRIC_weir_log_lines_total, LOST);
    log_output(ends[1]);
    errno = ENOENT;
    log_warn("nobody.reads");
    assert_int_equal(errno, ENOENT);
    log_output(STDOUT_FILENO);
    close(ends[1]);
    assert_int_equal(metric_get(METRIC_weir_log_lines_total, LOST), before + 1);
    (void)state;
}

static void
test_a_full_pipe_costs_the_line_and_not_the_process(void **state)
{
    static const char *const LOST[] = {"lost", NULL};
    int ends[2];
    char block[4096] = {0};
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    while (write(ends[1], block, sizeof block) > 0)
        ;
    int64_t before = metric_get(METRIC_weir_log_lines_total, LOST);
    log_output(ends[1]);
    log_warn("nobody.reads");
    log_output(STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(metric_get(METRIC_weir_log_lines_total, LOST), before + 1);
    (void)state;
}

/* What a terminal gets: the other side of a pseudo terminal reads it. */
static void
terminal(const char *no_colour, char *text, size_t size)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int slave = open(ptsname(master), O_WRONLY | O_NOCTTY);
    assert_true(slave >= 0);
    if (no_colour != NULL)
        setenv("NO_COLOR", no_colour, 1);
    else
        unsetenv("NO_COLOR");
    log_setup("ingest", LOG_INFO);
    log_output(slave);
    log_warn("ingest.page", LOG_STR("source", "mail"), LOG_INT("alerts", 3),
             LOG_STR("note", "two words\x1b[2J"), LOG_STR("none", NULL));
    log_output(STDOUT_FILENO);
    ssize_t n = read(master, text, size - 1);
    assert_true(n > 0);
    text[n] = '\0';
    close(slave);
    close(master);
}

static void
test_a_terminal_gets_text_with_colour_unless_no_color(void **state)
{
    static const char REST[] = " ingest ingest.page source=mail alerts=3 "
                               "note='two words\\x1b[2J' none=-\r\n";
    char text[512];
    terminal(NULL, text, sizeof text);
    assert_non_null(strstr(text, "\033[33mwarn \033[0m"));
    assert_string_equal(strstr(text, " ingest"), REST);
    assert_int_equal(text[8], '.'); /* 10:15:04.123 */
    terminal("1", text, sizeof text);
    assert_null(strchr(text, '\033'));
    assert_string_equal(strstr(text, " ingest"), REST);
    unsetenv("NO_COLOR");
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_is_a_json_object_with_its_fields_in_order),
        cmocka_unit_test(test_an_error_is_logged_with_code_and_text_and_a_retry_as_a_warning),
        cmocka_unit_test(test_lines_below_the_level_are_not_written),
        cmocka_unit_test(test_a_long_line_stays_one_whole_object),
        cmocka_unit_test(test_a_closed_pipe_costs_the_line_and_is_counted),
        cmocka_unit_test(test_a_full_pipe_costs_the_line_and_not_the_process),
        cmocka_unit_test(test_a_terminal_gets_text_with_colour_unless_no_color),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
