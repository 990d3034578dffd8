/*
 * What holds an incident together is told alike for every order of arrival, and adds up.
 * Ref: correlation.md 12; test 17 of its section 18.
 */
#include "normalize/incident_why.h"
#include "tests/property/story.h"

enum { ALERTS = 150, PEOPLE = 14, DAYS = 6, SHUFFLES = 12, PROFILES = 4, LIMIT_BYTES = 64 << 20 };

/* What is told of one alert, by its number. */
struct told {
    size_t partner; /* ALERTS: none */
    int32_t score;
    size_t root; /* the alert that its part begins with */
};

static size_t
number_of(struct slice native_id)
{
    int64_t n;
    assert_true(slice_int(slice_sub(native_id, 1, native_id.n), &n));
    return (size_t)n;
}

static void
check_sum(const struct incident_reason *r)
{
    int32_t sum = 0;
    for (size_t i = 0; i < r->score.n_parts; i++) {
        sum += r->score.parts[i].points;
        assert_true(r->score.parts[i].kind != LINK_KEY || r->key_values[i].n > 0);
    }
    assert_int_equal(sum, r->score.score);
}

static void
tell(struct story *s, struct incident_engine *e, const struct params *p, struct told *out)
{
    struct arena *a = arena_new(LIMIT_BYTES);
    for (size_t i = 0; i < s->n_alerts; i++)
        out[i].partner = SIZE_MAX;
    for (size_t v = 0; v < s->n_versions; v++) {
        struct incident_reason *reasons;
        size_t n;
        if (out[s->alert[v]].partner != SIZE_MAX)
            continue;
        int64_t id = incident_of(e, s->versions[v].source, s->versions[v].native_id);
        arena_reset(a);
        assert_int_equal(incident_canonical(e, id, a, &reasons, &n).kind, ERR_NONE);
        for (size_t i = 0; i < n; i++) {
            const struct incident_reason *r = &reasons[i];
            size_t alert = number_of(r->alert_id);
            size_t partner = r->partner_id.p != NULL ? number_of(r->partner_id) : ALERTS;
            check_sum(r);
            assert_int_equal(incident_of(e, r->alert_source, r->alert_id), id);
            assert_true(partner == ALERTS || out[partner].partner != SIZE_MAX); /* it came before */
            assert_true(partner == ALERTS || r->score.n_parts == 0 ||
                        r->score.score >= p->threshold);
            out[alert] = (struct told){partner, r->score.score,
                                       partner == ALERTS ? alert : out[partner].root};
        }
    }
    arena_free(a);
}

/* How ordinary a value was is known first: else it depends on which days were closed when. */
static void
learn(const struct story *s, struct incident_engine *e)
{
    for (size_t v = 0; v < s->n_versions; v++)
        assert_int_equal(incident_learn(e, &s->versions[v]).kind, ERR_NONE);
    incident_learned(e);
}

static void
test_the_strongest_links_are_told_alike_for_every_order(void **state)
{
    uint64_t seed = story_seed();
    size_t links = 0;
    for (int profile = 0; profile < PROFILES; profile++) {
        struct story s = story_new(seed + (uint64_t)profile);
        struct params p = story_profile(profile);
        struct told want[ALERTS], got[ALERTS];
        size_t order[6 * ALERTS], partition[ALERTS];
        story_make(&s, ALERTS, PEOPLE, DAYS);
        for (int round = 0; round < SHUFFLES; round++) {
            struct incident_engine *e = story_engine(&p);
            size_t n = story_shuffle(&s, order);
            learn(&s, e);
            for (size_t i = 0; i < n; i++)
                story_add(e, &s.versions[round == 0 && i < s.n_versions ? i : order[i]]);
            tell(&s, e, &p, round == 0 ? want : got);
            story_partition(&s, e, partition);
            incident_engine_free(e);
            for (size_t i = 0; i < ALERTS && round > 0; i++) {
                assert_int_equal(got[i].partner, want[i].partner);
                assert_int_equal(got[i].score, want[i].score);
            }
        }
        for (size_t i = 0; i < ALERTS; i++) { /* without caps, links alone hold each together */
            links += want[i].partner != ALERTS;
            for (size_t k = 0; k < i; k++)
                assert_int_equal(partition[i] == partition[k], want[i].root == want[k].root);
        }
        story_free(&s);
    }
    assert_true(links > 20);
    (void)state;
}

/* Each step of a path is a link or a repeat, and it leads where it should; none between strangers.
 */
static void
test_a_path_leads_from_any_alert_to_any_of_its_incident(void **state)
{
    struct story s = story_new(story_seed());
    struct arena *a = arena_new(LIMIT_BYTES);
    struct incident_engine *e = story_engine(&params_default);
    size_t ways = 0;
    story_make(&s, ALERTS, PEOPLE, DAYS);
    for (size_t v = 0; v < s.n_versions; v++)
        story_add(e, &s.versions[v]);
    for (size_t v = 0; v < s.n_versions; v++) {
        const struct incident_alert *x = &s.versions[v],
                                    *y = &s.versions[story_below(&s, s.n_versions)];
        struct incident_alert_ref from = {x->source, x->native_id}, to = {y->source, y->native_id};
        struct incident_reason *path;
        struct incident_shared shared;
        size_t n;
        arena_reset(a);
        assert_int_equal(incident_path(e, &from, &to, a, &path, &n).kind, ERR_NONE);
        assert_int_equal(incident_shared(e, &from, &to, a, &shared).kind, ERR_NONE);
        bool same = slice_eq(x->native_id, y->native_id);
        bool together =
            incident_of(e, x->source, x->native_id) == incident_of(e, y->source, y->native_id);
        assert_int_equal(n > 0, together && !same);
        assert_true(!shared.why.links || together);
        for (size_t i = 0; i < n; i++) {
            check_sum(&path[i]);
            assert_true(path[i].score.n_parts == 0 ||
                        path[i].score.score >= params_default.threshold);
            assert_true(
                slice_eq(path[i].partner_id, i + 1 < n ? path[i + 1].alert_id : to.native_id));
        }
        assert_true(n == 0 || slice_eq(path[0].alert_id, from.native_id));
        ways += n > 1;
    }
    assert_true(ways > 0);
    incident_engine_free(e);
    arena_free(a);
    story_free(&s);
    (void)state;
}

static void
test_what_is_not_there_is_an_error(void **state)
{
    struct story s = story_new(1);
    struct incident_engine *e = story_engine(&params_default);
    struct incident_reason *r;
    struct incident_shared shared;
    size_t n;
    story_make(&s, 1, 1, 1);
    story_add(e, &s.versions[0]);
    struct incident_alert_ref x = {s.versions[0].source, s.versions[0].native_id};
    struct incident_alert_ref none = {SLICE("endpoint"), SLICE("nobody")};
    assert_string_equal(incident_canonical(e, 99, s.a, &r, &n).code, "incident.unknown");
    assert_string_equal(incident_path(e, &x, &none, s.a, &r, &n).code, "incident.unknown");
    assert_string_equal(incident_shared(e, &none, &x, s.a, &shared).code, "incident.unknown");
    incident_engine_free(e);
    story_free(&s);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_strongest_links_are_told_alike_for_every_order),
        cmocka_unit_test(test_a_path_leads_from_any_alert_to_any_of_its_incident),
        cmocka_unit_test(test_what_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
