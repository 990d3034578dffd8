#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/bus.h"
#include "common/bus_internal.h"

static const struct opt *const tables[] = {bus_opts, NULL};

static struct conf *
conf_of(const char *const *flags)
{
    struct conf *c = NULL;
    struct err e = conf_load(tables, "/dev/null", flags, &c);
    if (e.kind != ERR_NONE)
        fail_msg("%s", e.text);
    return c;
}

static void
test_a_wrong_setting_opens_nothing(void **state)
{
    static const char *const rows[][3] = {
        {"kafka.prefix=a b", NULL},
        {"kafka.prefix=", NULL},
        {"kafka.prefix=0123456789012345678901234567890123456789012345678901234567890123456789",
         NULL},
        {"kafka.security=maybe", NULL},
        {"kafka.security=sasl_ssl", NULL},                        /* without a name */
        {"kafka.security=sasl_ssl", "kafka.username=weir", NULL}, /* without a password */
        {"kafka.security=ssl", "kafka.ca_file=/nonexistent/ca.pem", NULL},
    };
    struct loop *l = NULL;
    (void)state;
    assert_int_equal(loop_new(false, &l).kind, ERR_NONE);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct conf *c = conf_of(rows[i]);
        struct bus_producer *p = NULL;
        struct bus_consumer *k = NULL;
        static const char *const topics[] = {"t", NULL};
        struct bus_listener nobody = {.arg = NULL};
        struct err e = bus_producer_open(l, c, &p);
        if (e.kind != ERR_STOP || strcmp(e.code, "bus.conf") != 0)
            fail_msg("row %zu is taken", i);
        e = bus_consumer_open(l, c, "g", topics, &nobody, &k);
        assert_string_equal(e.code, "bus.conf");
        assert_null(p);
        assert_null(k);
        conf_free(c);
    }
    loop_free(l);
}

static void
test_the_session_is_shorter_on_the_demo_broker(void **state)
{
    static const struct {
        const char *flags[3];
        int64_t ms;
    } rows[] = {
        {{NULL}, 10000},
        {{"kafka.demo=true", NULL}, 4000},
        {{"kafka.demo=true", "kafka.session_ms=7000", NULL}, 7000},
        {{"kafka.session_ms=30000", NULL}, 30000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct conf *c = conf_of(rows[i].flags);
        assert_int_equal(bus_session_ms(c), rows[i].ms);
        conf_free(c);
    }
}

static void
test_the_statistics_tell_whether_a_connection_stands(void **state)
{
    static const char up[] = "{\"brokers\":{\"a\":{\"state\":\"INIT\"},\"b\":{\"state\":\"UP\"}}}";
    static const char down[] = "{\"brokers\":{\"a\":{\"state\":\"DOWN\"}}}";
    (void)state;
    assert_true(bus_stats_up(up, sizeof up - 1));
    assert_false(bus_stats_up(down, sizeof down - 1));
    assert_false(bus_stats_up(up, 20)); /* the length counts, not a NUL */
}

static void
count(void *arg)
{
    ++*(int *)arg;
}

static void
test_closing_nothing_is_told_at_once(void **state)
{
    int closed = 0;
    (void)state;
    bus_producer_close(NULL, 1000, count, &closed);
    bus_consumer_close(NULL, count, &closed);
    bus_demo_stop(NULL);
    assert_int_equal(closed, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wrong_setting_opens_nothing),
        cmocka_unit_test(test_the_session_is_shorter_on_the_demo_broker),
        cmocka_unit_test(test_the_statistics_tell_whether_a_connection_stands),
        cmocka_unit_test(test_closing_nothing_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
