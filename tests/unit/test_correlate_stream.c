#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "normalize/correlate_stream.h"

enum { TEXT_BYTES = 4 << 20, DAY_S = 86400 };

/* Input being written, and what came of it. */
struct rig {
    char *in, *out;
    size_t n, out_n;
    struct correlate_stream_counts counts;
};

static int
setup(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    if (r == NULL || (r->in = malloc(TEXT_BYTES)) == NULL)
        return -1;
    r->in[0] = '\0';
    *state = r;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *r = *state;
    free(r->in);
    free(r->out);
    free(r);
    return 0;
}

__attribute__((format(printf, 2, 3))) static void
say(struct rig *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(r->in + r->n, TEXT_BYTES - r->n, format, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < TEXT_BYTES - r->n);
    r->n += (size_t)n;
}

/* An alert of high severity at a second; user and message may be "". */
static void
alert(struct rig *r, const char *tenant, const char *id, int version, long long at,
      const char *user, const char *message)
{
    say(r,
        "{\"tenant\":\"%s\",\"source\":\"s\",\"id\":\"%s\",\"version\":%d,\"created\":%lld,"
        "\"first\":%lld,\"last\":%lld,\"severity\":\"high\",\"detector\":\"d%s\",\"tactics\":[],",
        tenant, id, version, at, at, at, id);
    if (user[0] != '\0')
        say(r, "\"identities\":[[\"user\",[\"upn:%s\"]]],", user);
    else
        say(r, "\"identities\":[],");
    if (message[0] != '\0')
        say(r, "\"keys\":[[\"nmid\",\"%s\"]]}\n", message);
    else
        say(r, "\"keys\":[]}\n");
}

static struct err
run(struct rig *r)
{
    struct params p = params_default;
    struct correlate_out out;
    FILE *in = fmemopen(r->in, r->n, "r"), *kept = tmpfile();
    FILE *to = open_memstream(&r->out, &r->out_n);
    assert_true(in != NULL && kept != NULL && to != NULL);
    assert_int_equal(correlate_write_init(&out, to).kind, ERR_NONE);
    struct err e = correlate_stream(in, &p, kept, &out, &r->counts);
    if (!e.kind)
        e = correlate_write_flush(&out);
    correlate_write_fini(&out);
    (void)fclose(to);
    (void)fclose(kept);
    (void)fclose(in);
    return e;
}

/* The incident of an alert, which has one line; "" when it has none. */
static struct slice
incident_of_alert(const struct rig *r, const char *id)
{
    char start[80];
    struct slice found = SLICE("");
    struct slice rest = {r->out, r->out_n};
    (void)snprintf(start, sizeof(start), "{\"id\":\"%s\",\"incident\":\"", id);
    while (rest.n > 0) {
        struct slice line = slice_split(&rest, '\n');
        if (!slice_starts(line, slice_of(start)))
            continue;
        assert_int_equal(found.n, 0);
        found = slice_sub(line, strlen(start), SIZE_MAX);
        found.n = slice_find(found, SLICE("\""), 0);
    }
    return found;
}

static void
assert_together(const struct rig *r, const char *a, const char *b, bool together)
{
    struct slice x = incident_of_alert(r, a), y = incident_of_alert(r, b);
    assert_true(x.n > 0 && y.n > 0);
    assert_int_equal(slice_eq(x, y), together);
}

/* Days of alerts that have nothing to do with each other, more than one batch of them. */
static void
pass_time(struct rig *r, const char *prefix, int from_day, int to_day, int a_day)
{
    for (int day = from_day; day < to_day; day++)
        for (int i = 0; i < a_day; i++) {
            char id[40], user[40];
            (void)snprintf(id, sizeof(id), "%s%d.%d", prefix, day, i);
            (void)snprintf(user, sizeof(user), "u%s%d.%d", prefix, day, i);
            alert(r, "t", id, 1, day * (long long)DAY_S + i * 60, user, "");
        }
}

static void
test_merges_are_followed_to_the_survivor(void **state)
{
    struct rig *r = *state;
    alert(r, "t", "a", 1, 0, "", "m1");
    alert(r, "t", "b", 1, 60, "", "m2");
    alert(r, "t", "c", 1, 120, "", "m3");
    alert(r, "t", "ab", 1, 180, "", "m1");
    /* one alert joins what were three */
    say(r, "{\"tenant\":\"t\",\"source\":\"s\",\"id\":\"all\",\"created\":300,\"first\":300,"
           "\"last\":300,\"severity\":\"high\",\"detector\":\"all\",\"tactics\":[],"
           "\"identities\":[],\"keys\":[[\"nmid\",\"m2\"],[\"nmid\",\"m3\"],[\"nmid\",\"m1\"]]}\n");
    alert(r, "t", "other", 1, 400, "", "m9");
    assert_string_equal(run(r).text, "");
    assert_int_equal(r->counts.alerts, 6);
    assert_int_equal(r->counts.late, 0);
    assert_together(r, "a", "b", true);
    assert_together(r, "a", "c", true);
    assert_together(r, "a", "ab", true);
    assert_together(r, "a", "all", true);
    assert_together(r, "a", "other", false);
    assert_true(slice_eq(incident_of_alert(r, "a"), SLICE("t/1")));
}

static void
test_tenants_with_the_same_values_never_meet(void **state)
{
    struct rig *r = *state;
    alert(r, "t", "a", 1, 0, "", "m1");
    alert(r, "v", "b", 1, 0, "", "m1");
    alert(r, "t", "c", 1, 60, "", "m1");
    assert_string_equal(run(r).text, "");
    assert_together(r, "a", "c", true);
    assert_together(r, "a", "b", false);
    assert_true(slice_eq(incident_of_alert(r, "b"), SLICE("v/1")));
}

static void
test_an_update_of_what_has_left_memory_is_no_second_line(void **state)
{
    struct rig *r = *state;
    alert(r, "t", "old", 1, 10, "anna", "m1");
    alert(r, "t", "with", 1, 70, "anna", "m1");
    pass_time(r, "x", 1, 40, 250);
    alert(r, "t", "old", 2, 20, "anna", "m1");
    alert(r, "t", "late", 1, 30, "berta", "");
    assert_string_equal(run(r).text, "");
    assert_int_equal(r->counts.alerts, 2 + 39 * 250 + 2);
    assert_int_equal(r->counts.late, 2);
    assert_together(r, "old", "with", true); /* by their first versions */
    assert_true(incident_of_alert(r, "late").n > 0);
}

static void
test_what_is_known_of_a_tenant_comes_before_its_alerts(void **state)
{
    struct rig *r = *state;
    say(r, "{\"tenant\":\"t\",\"domains\":[\"a.example\"]}\n");
    alert(r, "t", "a", 1, 0, "", "m1");
    say(r, "{\"tenant\":\"v\",\"domains\":[\"a.example\"]}\n");
    say(r, "{\"tenant\":\"t\",\"domains\":[\"b.example\"]}\n");
    struct err e = run(r);
    assert_string_equal(e.code, "correlate.input");
    assert_memory_equal(e.text, "standard input, line 4: ", 24);
    assert_int_equal(r->out_n, 0);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_merges_are_followed_to_the_survivor),
        TEST(test_tenants_with_the_same_values_never_meet),
        TEST(test_an_update_of_what_has_left_memory_is_no_second_line),
        TEST(test_what_is_known_of_a_tenant_comes_before_its_alerts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
