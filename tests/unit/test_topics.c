#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/topics.h"

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
test_names_begin_with_prefix_and_region(void **state)
{
    static const char *const flags[] = {"kafka.prefix=weir-run-7", NULL};
    static const struct oid zero = {{0}};
    struct conf *plain = conf_of(NULL), *own = conf_of(flags);
    (void)state;
    assert_string_equal(topic_control(plain, "eu").s, "weir.eu.control");
    assert_string_equal(topic_alerts(plain, "eu").s, "weir.eu.alerts");
    assert_string_equal(topic_incidents(own, "us").s, "weir-run-7.us.incidents");
    assert_string_equal(topic_incidents_of(plain, "uk", &zero).s,
                        "weir.uk.incidents.aaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_string_equal(topic_group_ingest(plain, "eu", "mail").s, "weir.eu.ingest.mail");
    assert_string_equal(topic_group_normalize(own, "eu").s, "weir-run-7.eu.normalize");
    conf_free(plain);
    conf_free(own);
}

static bool
has(const struct bus_topic *t, const char *setting)
{
    for (size_t i = 0; t->settings[i] != NULL; i++)
        if (strcmp(t->settings[i], setting) == 0)
            return true;
    return false;
}

static void
test_a_region_has_three_topics_with_as_many_partitions(void **state)
{
    static const char *const flags[] = {"kafka.partitions=12", NULL};
    static const struct {
        const char *name;
        const char *settings[3];
    } rows[TOPICS_PER_REGION] = {
        {"weir.eu.control", {"cleanup.policy=compact", NULL}},
        {"weir.eu.alerts",
         {"cleanup.policy=delete", "retention.ms=86400000", "segment.ms=3600000"}},
        {"weir.eu.incidents", {"cleanup.policy=compact,delete", "retention.ms=604800000", NULL}},
    };
    struct topic_name names[TOPICS_PER_REGION];
    struct bus_topic topics[TOPICS_PER_REGION];
    struct conf *c = conf_of(flags);
    (void)state;
    topic_wanted(c, "eu", names, topics);
    for (size_t i = 0; i < TOPICS_PER_REGION; i++) {
        assert_string_equal(topics[i].name, rows[i].name);
        assert_int_equal(topics[i].partitions, 12);
        for (size_t j = 0; j < 3 && rows[i].settings[j] != NULL; j++)
            assert_true(has(&topics[i], rows[i].settings[j]));
    }
    conf_free(c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_begin_with_prefix_and_region),
        cmocka_unit_test(test_a_region_has_three_topics_with_as_many_partitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
