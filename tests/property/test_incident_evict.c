/*
 * What leaves memory is what no alert can reach: the incidents are the same as if all stayed.
 * Ref: correlation.md 13.
 */
#include <stdlib.h>

#include "tests/property/story.h"

enum { ALERTS = 600, PEOPLE = 150, DAYS = 120, EVERY = 7 };

static int
by_created(const void *a, const void *b)
{
    const struct incident_alert *x = a, *y = b;
    if (x->created_s != y->created_s)
        return x->created_s < y->created_s ? -1 : 1;
    return slice_cmp(x->native_id, y->native_id);
}

/* The last incident each version's alert was known in. */
static void
look(struct incident_engine *e, const struct story *s, size_t n, int64_t *ids)
{
    for (size_t v = 0; v < n; v++) {
        int64_t id = incident_of(e, s->versions[v].source, s->versions[v].native_id);
        ids[v] = id != 0 ? id : ids[v];
    }
}

static void
run(const struct story *s, bool evict, int64_t *ids, size_t *most_bytes, size_t *gone)
{
    struct incident_engine *e = story_engine(&params_default);
    *most_bytes = *gone = 0;
    for (size_t v = 0; v < s->n_versions; v++) {
        story_add(e, &s->versions[v]);
        if ((v + 1) % EVERY != 0)
            continue;
        incident_commit(e);
        look(e, s, v + 1, ids);
        if (evict)
            incident_evict(e);
        size_t bytes = incident_engine_bytes(e);
        *most_bytes = bytes > *most_bytes ? bytes : *most_bytes;
    }
    incident_commit(e);
    look(e, s, s->n_versions, ids);
    for (size_t v = 0; v < s->n_versions; v++)
        *gone += !incident_has(e, s->versions[v].source, s->versions[v].native_id);
    incident_engine_free(e);
}

static void
test_incidents_are_the_same_when_old_ones_leave_memory(void **state)
{
    uint64_t seed = story_seed();
    for (uint64_t round = 0; round < 4; round++) {
        struct story s = story_new(seed + round);
        s.one_name = true; /* a name that comes later joins only what is still in memory */
        story_make(&s, ALERTS, PEOPLE, DAYS);
        qsort(s.versions, s.n_versions, sizeof(*s.versions), by_created);
        int64_t *all = calloc(s.n_versions, sizeof(*all)), *some = calloc(s.n_versions, 8);
        assert_non_null(all);
        assert_non_null(some);
        size_t bytes_all, bytes_some, gone;
        run(&s, false, all, &bytes_all, &gone);
        assert_int_equal(gone, 0);
        run(&s, true, some, &bytes_some, &gone);
        assert_true(gone > s.n_versions / 2); /* else the test looks at nothing */
        assert_memory_equal(all, some, sizeof(*all) * s.n_versions);
        assert_true(bytes_some < bytes_all);
        free(all);
        free(some);
        story_free(&s);
    }
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_incidents_are_the_same_when_old_ones_leave_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
