#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/metric.h"

enum { ARENA_MAX = 4 * 1024 * 1024 };

static struct arena *arena;

static const char *
text_now(void)
{
    arena_reset(arena);
    struct slice s = metric_text(arena);
    assert_non_null(s.p);
    const char *text = slice_cstr(arena, s);
    assert_non_null(text);
    return text;
}

static void
assert_holds(const char *text, const char *line)
{
    if (strstr(text, line) == NULL)
        fail_msg("not there: %s", line);
}

static void
test_counters_and_gauges_are_written_with_help_and_type(void **state)
{
    static const char *const STORED[] = {"mail", "stored", NULL};
    metric_add(METRIC_weir_normalize_deliveries_total, 2, "mail", "stored");
    metric_add(METRIC_weir_normalize_deliveries_total, 3, "mail", "stored");
    metric_add(METRIC_weir_normalize_deliveries_total, 1, "apps", "stored");
    metric_set(METRIC_weir_normalize_partitions, 64);
    metric_set(METRIC_weir_normalize_partitions, -1);
    const char *text = text_now();
    assert_holds(text, "\n# TYPE weir_normalize_deliveries_total counter\n"
                       "weir_normalize_deliveries_total{source=\"mail\",outcome=\"stored\"} 5\n"
                       "weir_normalize_deliveries_total{source=\"apps\",outcome=\"stored\"} 1\n");
    assert_holds(text, "\n# TYPE weir_normalize_partitions gauge\nweir_normalize_partitions -1\n");
    assert_holds(text, "\n# HELP weir_kafka_connected 1 while a broker answers.\n");
    assert_holds(text, "\nweir_bus_buffer_full_total 0\n"); /* nothing happened yet is a number */
    assert_int_equal(metric_get(METRIC_weir_normalize_deliveries_total, STORED), 5);
    (void)state;
}

static void
test_a_histogram_has_rising_buckets_a_sum_and_a_count(void **state)
{
    metric_observe(METRIC_weir_api_request_seconds, 0.0005, "incidents");
    metric_observe(METRIC_weir_api_request_seconds, 0.001, "incidents"); /* le means at most */
    metric_observe(METRIC_weir_api_request_seconds, 0.25, "incidents");
    metric_observe(METRIC_weir_api_request_seconds, 1000, "incidents");
    metric_observe(METRIC_weir_api_request_seconds, -5, "incidents"); /* counts as 0 */
    const char *text = text_now();
    assert_holds(text, "\n# TYPE weir_api_request_seconds histogram\n"
                       "weir_api_request_seconds_bucket{route=\"incidents\",le=\"0.001\"} 3\n"
                       "weir_api_request_seconds_bucket{route=\"incidents\",le=\"0.0025\"} 3\n");
    assert_holds(text, "{route=\"incidents\",le=\"0.1\"} 3\n");
    assert_holds(text, "{route=\"incidents\",le=\"0.25\"} 4\n");
    assert_holds(text, "{route=\"incidents\",le=\"300\"} 4\n");
    assert_holds(text, "{route=\"incidents\",le=\"+Inf\"} 5\n"
                       "weir_api_request_seconds_sum{route=\"incidents\"} 1000.2515\n"
                       "weir_api_request_seconds_count{route=\"incidents\"} 5\n");
    (void)state;
}

static void
test_label_values_are_escaped(void **state)
{
    metric_set(METRIC_weir_db_connected, 1, "a\"b\\c\nd");
    assert_holds(text_now(), "\nweir_db_connected{database=\"a\\\"b\\\\c\\nd\"} 1\n");
    (void)state;
}

static void
test_beyond_256_series_everything_counts_as_other(void **state)
{
    static char names[400][8];
    static const char *const OTHER[] = {"other", NULL};
    for (size_t i = 0; i < 400; i++) {
        (void)snprintf(names[i], sizeof names[i], "n%zu", i);
        metric_add(METRIC_weir_deliver_events_total, 1, names[i]);
    }
    metric_add(METRIC_weir_deliver_events_total, 1, "n0"); /* an old one still counts */
    assert_int_equal(metric_get(METRIC_weir_deliver_events_total, OTHER), 400 - 255);
    const char *const first[] = {"n0", NULL}, *const last[] = {"n399", NULL};
    assert_int_equal(metric_get(METRIC_weir_deliver_events_total, first), 2);
    assert_int_equal(metric_get(METRIC_weir_deliver_events_total, last), 0);
    (void)state;
}

/* The number behind "\nname "; what /proc says of this process, so only its sense is checked. */
static double
number_of(const char *text, const char *name)
{
    char wanted[80];
    (void)snprintf(wanted, sizeof wanted, "\n%s ", name);
    const char *at = strstr(text, wanted);
    if (at == NULL)
        fail_msg("not there: %s", name);
    return strtod(at + strlen(wanted), NULL);
}

static void
test_the_process_is_described_as_prometheus_does(void **state)
{
    const char *text = text_now();
    assert_holds(text, "\n# TYPE process_cpu_seconds_total counter\n");
    assert_true(number_of(text, "process_cpu_seconds_total") >= 0);
    assert_true(number_of(text, "process_resident_memory_bytes") > 100000);
    assert_true(number_of(text, "process_virtual_memory_bytes") >
                number_of(text, "process_resident_memory_bytes"));
    assert_true(number_of(text, "process_open_fds") >= 3);
    assert_true(number_of(text, "process_max_fds") >= 3);
    assert_true(number_of(text, "process_start_time_seconds") > 1.5e9);
    (void)state;
}

/* A label's value from its opening quote on; NULL: not closed, or an unknown escape. */
static const char *
after_value(const char *p)
{
    if (*p++ != '"')
        return NULL;
    for (; *p != '"'; p++)
        if (*p == '\0' || (*p == '\\' && (*++p == '\0' || strchr("\\\"n", *p) == NULL)))
            return NULL;
    return p + 1;
}

/* name{label="value",...} and a blank: the grammar of version 0.0.4, as far as we use it. */
static bool
is_sample(const char *p)
{
    static const char NAME[] = "abcdefghijklmnopqrstuvwxyz_";
    if (strspn(p, NAME) == 0)
        return false;
    p += strspn(p, NAME);
    for (bool more = *p == '{'; more;) {
        p++;
        p += strspn(p, NAME);
        p = *p == '=' ? after_value(p + 1) : NULL;
        if (p == NULL || (*p != ',' && *p != '}'))
            return false;
        more = *p == ',';
        p += !more;
    }
    return *p == ' ';
}

static void
test_every_line_is_of_the_format(void **state)
{
    size_t samples = 0;
    char *save = NULL, *text = slice_cstr(arena, slice_of(text_now()));
    assert_int_equal(text[strlen(text) - 1], '\n');
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (strncmp(line, "# HELP ", 7) == 0 || strncmp(line, "# TYPE ", 7) == 0)
            continue;
        char *end = strrchr(line, ' ');
        assert_non_null(end);
        assert_true(is_sample(line));
        char *rest;
        (void)strtod(end + 1, &rest);
        assert_true(rest != end + 1 && *rest == '\0');
        samples++;
    }
    assert_true(samples > 20);
    (void)state;
}

static void
test_a_full_arena_gives_nothing(void **state)
{
    struct arena *small = arena_new(100);
    assert_null(metric_text(small).p);
    arena_free(small);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters_and_gauges_are_written_with_help_and_type),
        cmocka_unit_test(test_a_histogram_has_rising_buckets_a_sum_and_a_count),
        cmocka_unit_test(test_label_values_are_escaped),
        cmocka_unit_test(test_beyond_256_series_everything_counts_as_other),
        cmocka_unit_test(test_the_process_is_described_as_prometheus_does),
        cmocka_unit_test(test_every_line_is_of_the_format),
        cmocka_unit_test(test_a_full_arena_gives_nothing),
    };
    arena = arena_new(ARENA_MAX);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
