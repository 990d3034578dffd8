/*
 * The partition depends on what arrived, not on when: any order, batching or restart gives the
 * same incidents. Ref: correlation.md 8 and 18.
 */
#include "tests/property/story.h"

enum { ALERTS = 150, PEOPLE = 14, DAYS = 6, SHUFFLES = 30 };

static void
run_all(struct story *s, const struct params *p, const size_t *order, size_t n, size_t batch,
        size_t *partition)
{
    struct incident_engine *e = story_learned(s, p);
    for (size_t i = 0; i < n; i++) {
        story_add(e, &s->versions[order != NULL ? order[i] : i]);
        if (batch > 0 && (i + 1) % batch == 0)
            incident_commit(e);
    }
    story_partition(s, e, partition);
    incident_engine_free(e);
}

static void
test_any_order_of_arrival_gives_the_same_incidents(void **state)
{
    size_t expected[ALERTS], got[ALERTS], order[6 * ALERTS];
    uint64_t seed = story_seed();
    for (int profile = 0; profile < STORY_PROFILES; profile++) {
        struct story s = story_new(seed + (uint64_t)profile);
        struct params p = story_profile(profile);
        story_make(&s, ALERTS, PEOPLE, DAYS);
        run_all(&s, &p, NULL, s.n_versions, 0, expected);
        for (int i = 0; i < SHUFFLES; i++) {
            size_t n = story_shuffle(&s, order);
            run_all(&s, &p, order, n, 1 + story_below(&s, 50), got);
            assert_memory_equal(got, expected, sizeof(got));
        }
        story_free(&s);
    }
    (void)state;
}

/* The test above would be empty if nothing, or everything, met. */
static void
test_the_stories_have_incidents_of_several_alerts_and_merges(void **state)
{
    struct story s = story_new(story_seed());
    size_t got[ALERTS], alone = 0;
    story_make(&s, ALERTS, PEOPLE, DAYS);
    run_all(&s, &params_default, NULL, s.n_versions, 0, got);
    size_t incidents = 0;
    for (size_t i = 0; i < ALERTS; i++) {
        incidents += got[i] == i;
        size_t n = 0;
        for (size_t k = 0; k < ALERTS; k++)
            n += got[k] == got[i];
        alone += n == 1;
    }
    assert_in_range(incidents, 10, ALERTS - 20);
    assert_in_range(alone, 1, ALERTS - 20);
    story_free(&s);
    (void)state;
}

static void
test_more_alerts_never_part_what_was_together(void **state)
{
    struct story s = story_new(story_seed());
    size_t now[ALERTS], before[ALERTS];
    story_make(&s, ALERTS, PEOPLE, DAYS);
    struct incident_engine *e = story_engine(&params_default);
    for (size_t v = 0; v < s.n_versions; v++) {
        story_add(e, &s.versions[v]);
        story_partition(&s, e, now);
        for (size_t i = 0; v > 0 && i < s.alert[v - 1]; i++)
            for (size_t k = 0; k < i; k++)
                assert_true(before[i] != before[k] || now[i] == now[k]);
        memcpy(before, now, sizeof(before));
    }
    incident_engine_free(e);
    story_free(&s);
    (void)state;
}

static void
test_two_tenants_with_the_same_values_never_meet(void **state)
{
    struct story s = story_new(story_seed());
    size_t alone[ALERTS], first[ALERTS], second[ALERTS];
    story_make(&s, ALERTS, PEOPLE, DAYS);
    run_all(&s, &params_default, NULL, s.n_versions, 0, alone);
    struct incident_engine *a = story_learned(&s, &params_default),
                           *b = story_learned(&s, &params_default);
    for (size_t v = 0; v < s.n_versions; v++) {
        story_add(a, &s.versions[v]);
        assert_int_equal(incident_of(b, s.versions[v].source, s.versions[v].native_id) != 0,
                         v > 0 && s.alert[v] == s.alert[v - 1]);
        story_add(b, &s.versions[v]);
    }
    story_partition(&s, a, first);
    story_partition(&s, b, second);
    assert_memory_equal(first, alone, sizeof(alone));
    assert_memory_equal(second, alone, sizeof(alone));
    incident_engine_free(a);
    incident_engine_free(b);
    story_free(&s);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order_of_arrival_gives_the_same_incidents),
        cmocka_unit_test(test_the_stories_have_incidents_of_several_alerts_and_merges),
        cmocka_unit_test(test_more_alerts_never_part_what_was_together),
        cmocka_unit_test(test_two_tenants_with_the_same_values_never_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
