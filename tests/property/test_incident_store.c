/*
 * What the engine tells the store: complete, in small steps, and enough to start from again.
 * Ref: correlation.md 9, 10, 12, 13 and 18.
 */
#include "tests/property/story.h"

enum { ALERTS = 120, PEOPLE = 12, DAYS = 5, INCIDENTS_MAX = 1000, MOST = 20000 };

/* A store as plain as can be. */
struct model {
    struct incident_stored rows[INCIDENTS_MAX]; /* by id */
    int64_t member[ALERTS];
    size_t related, reasons, refused;
    struct incident_day days[MOST];
    struct incident_alias aliases[MOST];
    size_t n_days, n_aliases;
};

static size_t
number_of(struct slice native_id)
{
    int64_t n;
    assert_true(slice_int(slice_sub(native_id, 1, native_id.n), &n));
    assert_in_range(n, 0, ALERTS - 1);
    return (size_t)n;
}

static void
apply_rows(struct model *m, struct story *s, const struct incident_changes *c)
{
    for (size_t i = 0; i < c->n_rows; i++) {
        const struct incident_row *r = &c->rows[i];
        assert_in_range(r->id, 1, INCIDENTS_MAX - 1);
        struct incident_stored *row = &m->rows[r->id];
        assert_true(r->version > row->version);
        assert_int_equal(row->redirect_to != 0 && r->redirect_to == 0, 0);
        if (row->version == 0)
            assert_string_equal(r->kind, r->redirect_to != 0 ? "merged" : "created");
        *row = (struct incident_stored){.id = r->id,
                                        .version = r->version,
                                        .redirect_to = r->redirect_to,
                                        .name = slice_dup(s->a, r->name),
                                        .first_name = slice_dup(s->a, r->first_name),
                                        .by_rule = true,
                                        .updated = r->updated};
        if (r->redirect_to == 0)
            assert_true(r->name.n > 0 && r->alerts > 0 && r->first_s <= r->last_s);
    }
}

/* The parts are the score, and the sentence says each of them. */
static void
check_reason(struct story *s, const struct incident_reason *r)
{
    if (r->partner_id.p == NULL || r->score.n_parts == 0)
        return; /* opened, or a repeat */
    int64_t sum = 0, spoken = 0;
    for (size_t i = 0; i < r->score.n_parts; i++)
        sum += r->score.parts[i].points;
    assert_int_equal(sum, r->score.score);
    assert_true(sum >= params_default.threshold);
    struct slice text = incident_sentence(r, &params_default, s->a);
    for (size_t at = 0; at < text.n; at++) {
        if (text.p[at] != '(')
            continue;
        int64_t points;
        size_t end = slice_find(text, SLICE(")"), at);
        assert_true(slice_int(slice_sub(text, at + 1, end - at - 1), &points));
        spoken += points;
    }
    assert_int_equal(spoken, sum);
}

static void
apply(struct model *m, struct story *s, struct incident_engine *e)
{
    struct incident_changes c;
    struct err err = incident_changes(e, s->a, &c);
    assert_int_equal(err.kind, ERR_NONE);
    apply_rows(m, s, &c);
    for (size_t i = 0; i < c.n_members; i++)
        m->member[number_of(c.members[i].native_id)] = c.members[i].incident_id;
    for (size_t i = 0; i < c.n_reasons; i++)
        check_reason(s, &c.reasons[i]);
    for (size_t i = 0; i < c.n_related; i++)
        assert_true(c.related[i].a < c.related[i].b);
    assert_true(m->n_days + c.n_days < MOST && m->n_aliases + c.n_aliases < MOST);
    for (size_t i = 0; i < c.n_days; i++)
        m->days[m->n_days++] = c.days[i];
    for (size_t i = 0; i < c.n_aliases; i++)
        m->aliases[m->n_aliases++] = c.aliases[i];
    m->reasons += c.n_reasons;
    m->related += c.n_related;
    m->refused += c.refused;
    incident_commit(e);
}

/* The store says what the engine says; every id resolves in at most one step. */
static void
check_model(const struct model *m, struct story *s, struct incident_engine *e, size_t versions)
{
    for (size_t v = 0; v < versions; v++)
        assert_int_equal(m->member[s->alert[v]],
                         incident_of(e, s->versions[v].source, s->versions[v].native_id));
    for (int64_t id = 1; id < incident_next_id(e); id++) {
        assert_int_equal(m->rows[id].id, id);
        int64_t to = m->rows[id].redirect_to;
        if (to != 0)
            assert_int_equal(m->rows[to].redirect_to, 0);
    }
    for (size_t v = 0; v < versions; v++)
        assert_int_equal(m->rows[m->member[s->alert[v]]].redirect_to, 0);
}

static void
test_the_store_follows_the_engine_at_every_batch_size(void **state)
{
    struct story s = story_new(story_seed());
    size_t batches[] = {1, 7, 100000}, first[ALERTS], got[ALERTS];
    story_make(&s, ALERTS, PEOPLE, DAYS);
    for (size_t b = 0; b < 3; b++) {
        static struct model m;
        m = (struct model){.related = 0};
        struct incident_engine *e = story_engine(&params_default);
        for (size_t v = 0; v < s.n_versions; v++) {
            story_add(e, &s.versions[v]);
            if ((v + 1) % batches[b] == 0) {
                apply(&m, &s, e);
                check_model(&m, &s, e, v + 1);
            }
        }
        apply(&m, &s, e);
        check_model(&m, &s, e, s.n_versions);
        assert_true(m.reasons >= ALERTS);
        story_partition(&s, e, b == 0 ? first : got);
        if (b > 0)
            assert_memory_equal(got, first, sizeof(first));
        incident_engine_free(e);
    }
    story_free(&s);
    (void)state;
}

static void
test_asking_twice_before_a_commit_gives_the_same_answer(void **state)
{
    struct story s = story_new(story_seed());
    struct incident_changes a, b;
    story_make(&s, ALERTS, PEOPLE, DAYS);
    struct incident_engine *e = story_engine(&params_default);
    for (size_t v = 0; v < s.n_versions; v++)
        story_add(e, &s.versions[v]);
    assert_int_equal(incident_changes(e, s.a, &a).kind, ERR_NONE);
    assert_int_equal(incident_changes(e, s.a, &b).kind, ERR_NONE);
    assert_int_equal(a.n_rows, b.n_rows);
    assert_int_equal(a.n_members, b.n_members);
    for (size_t i = 0; i < a.n_rows; i++) {
        assert_int_equal(a.rows[i].version, b.rows[i].version);
        assert_true(slice_eq(a.rows[i].name, b.rows[i].name));
    }
    incident_commit(e);
    assert_int_equal(incident_changes(e, s.a, &b).kind, ERR_NONE);
    assert_int_equal(b.n_rows + b.n_members + b.n_reasons + b.n_related, 0);
    incident_engine_free(e);
    story_free(&s);
    (void)state;
}

/* A new engine from what the model and incident_state hold. */
static struct incident_engine *
restore(struct model *m, struct story *s, struct incident_engine *old, size_t versions,
        const struct params *p, size_t *diff)
{
    struct incident_engine *e = incident_engine_new(p, 1, STORY_LIMIT_BYTES);
    bool done[ALERTS] = {false};
    assert_non_null(e);
    for (size_t i = 0; i < m->n_days; i++)
        assert_int_equal(incident_restore_day(e, &m->days[i]).kind, ERR_NONE);
    for (size_t i = 0; i < m->n_aliases; i++)
        assert_int_equal(incident_restore_alias(e, &m->aliases[i]).kind, ERR_NONE);
    struct incident_clock clock = incident_clock(old);
    incident_restore_clock(e, &clock);
    for (int64_t id = incident_next_id(old) - 1; id > 0; id--)
        assert_int_equal(incident_restore_incident(e, &m->rows[id]).kind, ERR_NONE);
    for (size_t v = 0; v < versions; v++) {
        struct incident_alert al;
        uint16_t leads;
        if (done[s->alert[v]])
            continue;
        done[s->alert[v]] = true;
        assert_int_equal(
            incident_state(old, s->versions[v].source, s->versions[v].native_id, s->a, &al, &leads)
                .kind,
            ERR_NONE);
        struct slice packed = keys_pack(al.keys, s->a);
        struct key_set keys;
        assert_int_equal(keys_unpack(packed, s->a, &keys).kind, ERR_NONE);
        al.keys = &keys;
        assert_int_equal(incident_restore_alert(e, &al, leads, m->member[s->alert[v]]).kind,
                         ERR_NONE);
    }
    assert_int_equal(incident_restored(e, diff).kind, ERR_NONE);
    return e;
}

/* Days that are still open are learned anew from the alerts as they are by then. Of alerts with one
 * version that is the same; so every second round has these, and in the others days count not. */
static void
test_a_restart_in_the_middle_changes_nothing(void **state)
{
    uint64_t seed = story_seed();
    for (uint64_t round = 0; round < 24; round++) {
        struct story s = story_new(seed + round);
        struct params p = params_default;
        s.once = round % 2 == 0;
        p.history_days = s.once ? p.history_days : 0;
        size_t expected[ALERTS], got[ALERTS], diff = 99;
        static struct model m;
        m = (struct model){.related = 0};
        story_make(&s, ALERTS, PEOPLE, DAYS);
        size_t half = 1 + story_below(&s, s.n_versions - 1);
        struct incident_engine *whole = story_engine(&p), *old = story_engine(&p);
        for (size_t v = 0; v < s.n_versions; v++)
            story_add(whole, &s.versions[v]);
        for (size_t v = 0; v < half; v++)
            story_add(old, &s.versions[v]);
        apply(&m, &s, old);
        struct incident_engine *e = restore(&m, &s, old, half, &p, &diff);
        assert_int_equal(diff, 0);
        struct incident_changes none;
        assert_int_equal(incident_changes(e, s.a, &none).kind, ERR_NONE);
        assert_int_equal(none.n_rows + none.n_members + none.n_reasons + none.n_related, 0);
        assert_int_equal(incident_next_id(e), incident_next_id(old));
        for (size_t v = half; v < s.n_versions; v++)
            story_add(e, &s.versions[v]);
        apply(&m, &s, e);
        check_model(&m, &s, e, s.n_versions);
        story_partition(&s, whole, expected);
        story_partition(&s, e, got);
        assert_memory_equal(got, expected, sizeof(got));
        incident_engine_free(e);
        incident_engine_free(old);
        incident_engine_free(whole);
        story_free(&s);
    }
    (void)state;
}

/* A store that has lost a merge: it is counted and made good. */
static void
test_a_difference_from_the_store_is_counted_and_repaired(void **state)
{
    struct story s = story_new(story_seed());
    size_t diff = 0, expected[ALERTS], got[ALERTS];
    static struct model m;
    m = (struct model){.related = 0};
    story_make(&s, ALERTS, PEOPLE, DAYS);
    struct incident_engine *old = story_engine(&params_default);
    for (size_t v = 0; v < s.n_versions; v++)
        story_add(old, &s.versions[v]);
    apply(&m, &s, old);
    for (int64_t id = 1; id < incident_next_id(old); id++)
        m.rows[id].redirect_to = 0;
    size_t lost = 0;
    for (size_t i = 0; i < ALERTS; i++)
        for (int64_t id = 1; id < incident_next_id(old) && lost == 0; id++) {
            size_t same = 0;
            for (size_t k = 0; k < ALERTS; k++)
                same += m.member[k] == m.member[i];
            if (same < 3 || id == m.member[i])
                continue;
            m.member[i] = id; /* torn out of its incident */
            lost = 1;
        }
    assert_int_equal(lost, 1);
    struct incident_engine *e = restore(&m, &s, old, s.n_versions, &params_default, &diff);
    assert_true(diff > 0);
    story_partition(&s, old, expected);
    story_partition(&s, e, got);
    for (size_t i = 0; i < ALERTS; i++) /* what belongs together is together again */
        assert_int_equal(got[expected[i]], got[i]);
    incident_engine_free(e);
    incident_engine_free(old);
    story_free(&s);
    (void)state;
}

static void
test_links_never_pass_a_cap_and_every_refusal_is_related(void **state)
{
    struct story s = story_new(story_seed());
    struct params p = params_default;
    static struct model m;
    m = (struct model){.related = 0};
    p.fold_gap_s = -1; /* repeats may pass a cap: it is about links */
    p.cap_alerts = 4;
    p.cap_users = 2;
    p.cap_devices = 2;
    story_make(&s, ALERTS, 5, 3); /* dense, so that caps are met */
    struct incident_engine *e = story_engine(&p);
    for (size_t v = 0; v < s.n_versions; v++) {
        if (v > 0 && s.alert[v] == s.alert[v - 1])
            continue; /* updates may pass a cap: it is about links */
        story_add(e, &s.versions[v]);
        size_t related = m.related, refused = m.refused;
        apply(&m, &s, e);
        assert_true((m.refused > refused) <= (m.related > related));
        size_t n = 0;
        for (size_t i = 0; i < ALERTS; i++)
            n += m.member[i] != 0 && m.member[i] == m.member[s.alert[v]];
        assert_in_range(n, 1, 4);
    }
    assert_true(m.refused > 0);
    incident_engine_free(e);
    story_free(&s);
    (void)state;
}

static void
test_extreme_numbers_overflow_nothing(void **state)
{
    struct story s = story_new(story_seed());
    static const int64_t times[] = {0, (int64_t)1 << 40, INT64_MAX, INT64_MIN, -1, 1575158400};
    static const int32_t weights[] = {0, 1, 1000000000, 120, INT32_MAX};
    struct params p = params_default;
    p.severity[0] = -1000000000;
    p.severity[3] = 100000000;
    story_make(&s, ALERTS, PEOPLE, DAYS);
    struct incident_engine *e = story_engine(&p);
    for (size_t v = 0; v < s.n_versions; v++) {
        struct incident_alert *al = &s.versions[v];
        al->first_s = times[story_below(&s, 6)];
        al->last_s = times[story_below(&s, 6)];
        al->created_s = times[story_below(&s, 6)];
        for (size_t i = 0; i < al->keys->n_keys; i++)
            al->keys->keys[i].weight = weights[story_below(&s, 5)];
        story_add(e, al);
    }
    struct incident_changes c;
    assert_int_equal(incident_changes(e, s.a, &c).kind, ERR_NONE);
    assert_true(c.n_rows > 0);
    incident_engine_free(e);
    story_free(&s);
    (void)state;
}

static void
test_memory_is_bounded_and_the_engine_says_when_it_is_full(void **state)
{
    struct story s = story_new(story_seed());
    story_make(&s, ALERTS, PEOPLE, DAYS);
    struct incident_engine *e = incident_engine_new(&params_default, 1, 200000);
    struct err err = ERR_OK;
    size_t v = 0;
    for (; v < s.n_versions && !err.kind; v++) {
        err = incident_add(e, &s.versions[v]);
        assert_in_range(incident_engine_bytes(e), 0, 300000);
    }
    assert_int_equal(err.kind, ERR_RETRY);
    assert_string_equal(err.code, "incident.memory");
    assert_int_equal(incident_add(e, &s.versions[0]).kind, ERR_RETRY);
    incident_engine_free(e);
    story_free(&s);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_store_follows_the_engine_at_every_batch_size),
        cmocka_unit_test(test_asking_twice_before_a_commit_gives_the_same_answer),
        cmocka_unit_test(test_a_restart_in_the_middle_changes_nothing),
        cmocka_unit_test(test_a_difference_from_the_store_is_counted_and_repaired),
        cmocka_unit_test(test_links_never_pass_a_cap_and_every_refusal_is_related),
        cmocka_unit_test(test_extreme_numbers_overflow_nothing),
        cmocka_unit_test(test_memory_is_bounded_and_the_engine_says_when_it_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
