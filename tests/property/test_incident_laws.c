/*
 * Laws of the correlator: what is true of any alerts, in any number, at any time.
 * Ref: correlation.md 6 to 8 and 18.
 */
#include "tests/property/story.h"

enum { ALERTS = 150, PEOPLE = 14, DAYS = 12, PAIRS = 4000, KEYS_POOL = 12, STORM = 500000 };

/* ---- the score of a pair */

/* Few key numbers, so that much is shared; a weight of any size, times near each other. */
static void
random_node(struct story *s, struct link_node *n, struct link_key *keys)
{
    *n = (struct link_node){.keys = keys};
    n->first_s = (int64_t)story_below(s, 100 * STORY_HOUR_S);
    n->last_s = n->first_s + (int64_t)story_below(s, 30 * STORY_HOUR_S);
    n->leads = (uint16_t)(1U << story_below(s, 13) | (story_below(s, 3) == 0 ? 1U << 5 : 0));
    n->leads = story_below(s, 4) == 0 ? 0 : n->leads;
    n->level = (uint8_t)story_below(s, 4);
    n->product = (uint8_t)story_below(s, 3);
    n->detector = (uint32_t)story_below(s, 3);
    for (uint32_t id = 0; id < KEYS_POOL; id++)
        if (story_below(s, 3) == 0)
            keys[n->n_keys++] = (struct link_key){id, (enum key_type)(id % KEY_TYPES),
                                                  (int32_t)story_below(s, 1600)};
}

/* The node learns something: every field that can grow does, now and then. */
static void
grow(struct story *s, struct link_node *n, struct link_key *keys)
{
    if (story_below(s, 2) == 0)
        n->first_s -= (int64_t)story_below(s, 9 * STORY_HOUR_S);
    if (story_below(s, 2) == 0)
        n->last_s += (int64_t)story_below(s, 9 * STORY_HOUR_S);
    if (story_below(s, 2) == 0)
        n->leads |= (uint16_t)(1U << story_below(s, 13));
    if (story_below(s, 2) == 0 && n->level < 3)
        n->level++;
    for (size_t i = 0; i < n->n_keys; i++)
        keys[i].weight += story_below(s, 3) == 0 ? (int32_t)story_below(s, 500) : 0;
    uint32_t more = (uint32_t)story_below(s, KEYS_POOL);
    size_t at = 0;
    while (at < n->n_keys && keys[at].id < more)
        at++;
    if (at < n->n_keys && keys[at].id == more)
        return;
    memmove(keys + at + 1, keys + at, sizeof(*keys) * (n->n_keys - at));
    keys[at] =
        (struct link_key){more, (enum key_type)(more % KEY_TYPES), (int32_t)story_below(s, 1600)};
    n->n_keys++;
}

static int32_t
sum_of(const struct link_score *x)
{
    int32_t sum = 0;
    for (size_t i = 0; i < x->n_parts; i++)
        sum += x->parts[i].points;
    return sum;
}

static void
test_a_pair_scores_the_same_either_way_round_and_the_parts_are_the_score(void **state)
{
    struct story s = story_new(story_seed());
    for (int profile = 0; profile < STORY_PROFILES; profile++) {
        struct params p = story_profile(profile);
        size_t linked = 0;
        for (int i = 0; i < PAIRS; i++) {
            struct link_key ka[KEYS_POOL + 1], kb[KEYS_POOL + 1];
            struct link_node a, b;
            struct link_score x, y;
            random_node(&s, &a, ka);
            random_node(&s, &b, kb);
            link_score(&a, &b, &p, NULL, NULL, &x);
            link_score(&b, &a, &p, NULL, NULL, &y);
            assert_int_equal(x.score, y.score);
            assert_int_equal(x.gap_s, y.gap_s);
            assert_int_equal(x.n_parts, y.n_parts);
            assert_int_equal(sum_of(&x), x.score);
            linked += x.score >= p.threshold;
        }
        assert_in_range(linked, PAIRS / 50, PAIRS - PAIRS / 50);
    }
    story_free(&s);
    (void)state;
}

static void
test_a_score_that_links_still_links_when_a_node_learns_anything(void **state)
{
    struct story s = story_new(story_seed());
    for (int profile = 0; profile < STORY_PROFILES; profile++) {
        struct params p = story_profile(profile);
        for (int i = 0; i < PAIRS; i++) {
            struct link_key ka[KEYS_POOL + 1], kb[KEYS_POOL + 1];
            struct link_node a, b;
            struct link_score before, after;
            random_node(&s, &a, ka);
            random_node(&s, &b, kb);
            link_score(&a, &b, &p, NULL, NULL, &before);
            grow(&s, &a, ka);
            link_score(&a, &b, &p, NULL, NULL, &after);
            assert_true(before.score < p.threshold || after.score >= p.threshold);
        }
    }
    story_free(&s);
    (void)state;
}

/* ---- one log, one answer */

/* Everything that the engine says, as text. */
static struct slice
said(struct arena *a, struct slice so_far, const struct incident_changes *c)
{
    struct slice t = so_far;
    for (size_t i = 0; i < c->n_rows; i++) {
        const struct incident_row *r = &c->rows[i];
        t = slice_join(
            a, t,
            slice_printf(a, "row %lld %lld %s %lld %lld %.*s|%.*s %d %d %x %x %d %d %d %lld %lld\n",
                         (long long)r->id, (long long)r->version, r->kind, (long long)r->updated,
                         (long long)r->redirect_to, SLICE_ARG(r->name), SLICE_ARG(r->first_name),
                         (int)r->severity, r->stage_score, r->tactics, r->sources, r->alerts,
                         r->users, r->devices, (long long)r->first_s, (long long)r->last_s));
        for (size_t k = 0; k < r->n_entities; k++)
            t = slice_join(a, t, slice_printf(a, " %.*s", SLICE_ARG(r->entities[k])));
    }
    for (size_t i = 0; i < c->n_members; i++)
        t = slice_join(a, t,
                       slice_printf(a, "member %.*s %lld\n", SLICE_ARG(c->members[i].native_id),
                                    (long long)c->members[i].incident_id));
    for (size_t i = 0; i < c->n_reasons; i++)
        t = slice_join(a, t, incident_reason_json(&c->reasons[i], &params_default, a));
    for (size_t i = 0; i < c->n_related; i++)
        t = slice_join(a, t,
                       slice_printf(a, "related %lld %lld %d %s\n", (long long)c->related[i].a,
                                    (long long)c->related[i].b, c->related[i].score,
                                    c->related[i].why));
    for (size_t i = 0; i < c->n_aliases; i++)
        t = slice_join(a, t,
                       slice_printf(a, "alias %.*s %.*s\n", SLICE_ARG(c->aliases[i].a),
                                    SLICE_ARG(c->aliases[i].b)));
    return t;
}

static int
day_order(const void *x, const void *y)
{
    const struct incident_day *a = x, *b = y;
    if (a->day != b->day)
        return a->day < b->day ? -1 : 1;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    return slice_cmp(a->value, b->value);
}

/* Days come in no order: it is the set that counts. */
static struct slice
said_days(struct arena *a, struct slice so_far, const struct incident_changes *c)
{
    struct slice t = so_far;
    if (c->n_days > 1)
        qsort(c->days, c->n_days, sizeof(*c->days), day_order);
    for (size_t i = 0; i < c->n_days; i++)
        t = slice_join(a, t,
                       slice_printf(a, "day %d %d %.*s %zu\n", c->days[i].day, (int)c->days[i].type,
                                    SLICE_ARG(c->days[i].value), c->days[i].n_with));
    return t;
}

/* What an engine has to say now; stored, and what is old leaves. */
static struct slice
tell(struct incident_engine *e, struct arena *a)
{
    struct incident_changes c;
    assert_int_equal(incident_changes(e, a, &c).kind, ERR_NONE);
    struct slice text = said_days(a, said(a, SLICE(""), &c), &c);
    incident_commit(e);
    incident_evict(e);
    return text;
}

static void
test_the_same_log_gives_the_same_bytes(void **state)
{
    uint64_t seed = story_seed();
    static const size_t batches[] = {1, 17, 1000};
    for (size_t b = 0; b < 3; b++) {
        struct story s = story_new(seed + b);
        story_make(&s, ALERTS, PEOPLE, 3 * DAYS);
        struct incident_engine *one = story_engine(&params_default),
                               *two = story_engine(&params_default);
        size_t bytes = 0;
        for (size_t v = 0; v < s.n_versions; v++) {
            story_add(one, &s.versions[v]);
            story_add(two, &s.versions[v]);
            if ((v + 1) % batches[b] != 0 && v + 1 < s.n_versions)
                continue;
            struct arena *a = arena_new(STORY_ARENA_BYTES);
            struct slice x = tell(one, a), y = tell(two, a);
            assert_int_equal(x.n, y.n);
            assert_memory_equal(x.p, y.p, x.n);
            bytes += x.n;
            arena_free(a);
        }
        assert_in_range(bytes, 100 * ALERTS, 100000 * ALERTS);
        incident_engine_free(one);
        incident_engine_free(two);
        story_free(&s);
    }
    (void)state;
}

/* ---- arrival */

/* In order of creation with delays up to 40 hours: each before its day is closed. */
static size_t
delayed(struct story *s, size_t *order)
{
    int64_t *due_s = arena_alloc(s->a, sizeof(*due_s) * s->n_versions);
    assert_non_null(due_s);
    for (size_t i = 0; i < s->n_versions; i++) {
        due_s[i] = s->versions[i].created_s + (int64_t)story_below(s, 40 * STORY_HOUR_S);
        if (i > 0 && s->alert[i] == s->alert[i - 1] && due_s[i] < due_s[i - 1])
            due_s[i] = due_s[i - 1];
        size_t at = i;
        for (; at > 0 && due_s[order[at - 1]] > due_s[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    return s->n_versions;
}

static void
test_closing_days_on_the_way_gives_what_reading_to_the_end_gives(void **state)
{
    uint64_t seed = story_seed();
    for (int profile = 0; profile < STORY_PROFILES; profile++) {
        struct story s = story_new(seed + (uint64_t)profile);
        struct params p = story_profile(profile);
        size_t expected[ALERTS], got[ALERTS], order[6 * ALERTS];
        story_make(&s, ALERTS, PEOPLE / 2, DAYS);
        struct incident_engine *whole = story_learned(&s, &p), *line = story_engine(&p);
        for (size_t v = 0; v < s.n_versions; v++)
            story_add(whole, &s.versions[v]);
        size_t n = delayed(&s, order);
        for (size_t i = 0; i < n; i++)
            story_add(line, &s.versions[order[i]]);
        story_partition(&s, whole, expected);
        story_partition(&s, line, got);
        assert_memory_equal(got, expected, sizeof(got));
        incident_engine_free(whole);
        incident_engine_free(line);
        story_free(&s);
    }
    (void)state;
}

static void
test_tenants_that_come_interleaved_are_each_as_if_alone(void **state)
{
    struct story s = story_new(story_seed());
    size_t expected[ALERTS], one[ALERTS], two[ALERTS], first[6 * ALERTS], second[6 * ALERTS];
    story_make(&s, ALERTS, PEOPLE, DAYS);
    struct incident_engine *alone = story_learned(&s, &params_default);
    for (size_t v = 0; v < s.n_versions; v++)
        story_add(alone, &s.versions[v]);
    story_partition(&s, alone, expected);
    for (int round = 0; round < 10; round++) {
        struct incident_engine *a = story_learned(&s, &params_default),
                               *b = story_learned(&s, &params_default);
        size_t n = story_shuffle(&s, first), m = story_shuffle(&s, second), i = 0, k = 0;
        while (i < n || k < m)
            if (k == m || (i < n && story_below(&s, 2) == 0))
                story_add(a, &s.versions[first[i++]]);
            else
                story_add(b, &s.versions[second[k++]]);
        story_partition(&s, a, one);
        story_partition(&s, b, two);
        assert_memory_equal(one, expected, sizeof(one));
        assert_memory_equal(two, expected, sizeof(two));
        incident_engine_free(a);
        incident_engine_free(b);
    }
    incident_engine_free(alone);
    story_free(&s);
    (void)state;
}

/* ---- storms */

static struct key_set *
one_device(struct story *s, const char *name)
{
    struct key_set *set = arena_alloc(s->a, sizeof(*set));
    assert_non_null(set);
    set->identities = arena_alloc(s->a, sizeof(*set->identities));
    set->keys = arena_alloc(s->a, sizeof(*set->keys));
    assert_non_null(set->keys);
    struct slice value = slice_dup(s->a, slice_of(name));
    set->identities[0] = (struct key_identity){.type = KEY_DEVICE, .ids = {value}, .n_ids = 1};
    set->keys[0] = (struct key){.type = KEY_DEVICE, .weight = 1000, .value = value};
    set->n_identities = set->n_keys = 1;
    return set;
}

static struct incident_alert
finding(struct story *s, const char *id, const struct key_set *keys, int64_t at_s)
{
    return (struct incident_alert){
        .source = SLICE("endpoint"),
        .native_id = slice_printf(s->a, "%s", id),
        .version = 1,
        .created_s = at_s,
        .first_s = at_s,
        .last_s = at_s,
        .level = 3,
        .detector = SLICE("Noise"),
        .title = SLICE("Noise"),
        .product = SLICE("endpoint"),
        .category = SLICE("Malware"),
        .at = at_s * STORY_UNITS_A_S,
        .keys = keys,
    };
}

static void
test_half_a_million_repeats_are_one_node_told_of_once_a_batch(void **state)
{
    enum { BATCH = 5000, BYTES_A_REPEAT = 200 };
    struct story s = story_new(story_seed());
    const struct key_set *keys = one_device(&s, "dns:pc1");
    struct incident_engine *e = story_engine(&params_default);
    size_t rows = 0, folded = 0, members = 0;
    for (int64_t i = 0; i < STORM; i++) {
        char id[24];
        (void)snprintf(id, sizeof(id), "s%lld", (long long)i);
        struct incident_alert al = finding(&s, "", keys, i / 10);
        al.native_id = slice_of(id);
        story_add(e, &al);
        if ((i + 1) % BATCH != 0)
            continue;
        struct incident_changes c;
        struct arena *a = arena_new(STORY_ARENA_BYTES);
        assert_int_equal(incident_changes(e, a, &c).kind, ERR_NONE);
        rows += c.n_rows;
        folded += c.folded;
        members += c.n_members;
        assert_int_equal(c.cut + c.refused, 0);
        incident_commit(e);
        arena_free(a);
    }
    assert_int_equal(rows, STORM / BATCH);
    assert_int_equal(members, STORM);
    assert_int_equal(folded, STORM - 1);
    assert_in_range(incident_engine_bytes(e), 0, (size_t)STORM * BYTES_A_REPEAT);
    assert_int_equal(incident_next_id(e), 2);
    incident_engine_free(e);
    story_free(&s);
    (void)state;
}

static void
test_an_update_that_widens_a_run_of_repeats_joins_it_with_the_next(void **state)
{
    struct story s = story_new(story_seed());
    const struct key_set *keys = one_device(&s, "dns:pc1");
    for (int64_t gap_s = 1; gap_s <= 3 * STORY_HOUR_S; gap_s += 1799) {
        struct incident_engine *e = story_engine(&params_default);
        struct incident_alert a = finding(&s, "a", keys, 0);
        struct incident_alert b = finding(&s, "b", keys, 10 * STORY_HOUR_S);
        a.level = b.level = 0; /* too little to be linked */
        story_add(e, &a);
        story_add(e, &b);
        assert_int_not_equal(incident_of(e, a.source, a.native_id),
                             incident_of(e, b.source, b.native_id));
        a.version = 2;
        a.last_s = b.first_s - gap_s;
        story_add(e, &a);
        bool one = incident_of(e, a.source, a.native_id) == incident_of(e, b.source, b.native_id);
        assert_int_equal(one, gap_s <= params_default.fold_gap_s);
        incident_engine_free(e);
    }
    story_free(&s);
    (void)state;
}

static void
test_names_that_turn_out_to_be_one_persons_join_what_was_apart(void **state)
{
    struct story s = story_new(story_seed());
    const char *const names[] = {"sid:s1", "aad:o1", "upn:anna@contoso.com"};
    struct incident_engine *e = story_engine(&params_default);
    int64_t ids[3];
    for (int i = 0; i < 3; i++) {
        struct key_set *keys = one_device(&s, names[i]);
        keys->identities[0].type = keys->keys[0].type = KEY_USER;
        struct incident_alert al = finding(&s, names[i], keys, 60 * i);
        al.detector = slice_of(names[i]);
        story_add(e, &al);
        ids[i] = incident_of(e, al.source, al.native_id);
        assert_int_equal(ids[i], i + 1);
    }
    struct key_set *all = one_device(&s, names[0]);
    all->identities[0].type = all->keys[0].type = KEY_USER;
    for (int i = 1; i < 3; i++)
        all->identities[0].ids[all->identities[0].n_ids++] = slice_of(names[i]);
    struct incident_alert al = finding(&s, "all", all, 100 * STORY_HOUR_S);
    al.level = 0; /* too late and too low to belong to them */
    story_add(e, &al);
    for (int i = 0; i < 3; i++)
        assert_int_equal(incident_of(e, al.source, slice_of(names[i])), 1);
    assert_int_equal(incident_of(e, al.source, al.native_id), 4);
    incident_engine_free(e);
    story_free(&s);
    (void)state;
}

/* ---- the tenant's clock */

static void
test_a_wrong_clock_closes_no_day_and_empties_no_memory(void **state)
{
    struct story s = story_new(story_seed());
    static const int64_t wrong_s[] = {(int64_t)1 << 40, INT64_MAX, 40000LL * 24 * 3600,
                                      30LL * 24 * 3600};
    for (int received = 0; received < 2; received++) /* with a time of receipt, and without */
        for (size_t i = 0; i < sizeof(wrong_s) / sizeof(wrong_s[0]); i++) {
            struct incident_engine *e = story_engine(&params_default);
            struct incident_alert a = finding(&s, "a", one_device(&s, "dns:pc1"), STORY_HOUR_S);
            struct incident_alert x = finding(&s, "x", one_device(&s, "dns:pc2"), STORY_HOUR_S);
            a.at = x.at = received != 0 ? STORY_HOUR_S * (int64_t)STORY_UNITS_A_S : 0;
            x.created_s = wrong_s[i];
            story_add(e, &a);
            int64_t before_s = incident_watermark(e);
            story_add(e, &x);
            struct incident_changes c;
            assert_int_equal(incident_changes(e, s.a, &c).kind, ERR_NONE);
            incident_commit(e);
            incident_evict(e);
            assert_int_equal(incident_watermark(e), before_s);
            assert_int_equal(c.n_days, 0);
            assert_true(incident_has(e, a.source, a.native_id));
            incident_engine_free(e);
        }
    story_free(&s);
    (void)state;
}

/* Many that agree are believed: a tenant that was silent for a month is not stuck. */
static void
test_many_alerts_that_agree_move_the_clock_even_without_a_time_of_receipt(void **state)
{
    struct story s = story_new(story_seed());
    struct params p = params_default;
    p.watermark_alerts = 50;
    struct incident_engine *e = story_engine(&p);
    struct incident_alert a = finding(&s, "a", one_device(&s, "dns:pc1"), STORY_HOUR_S);
    a.at = 0;
    story_add(e, &a);
    for (int i = 0; i < 50; i++) {
        struct incident_alert x =
            finding(&s, "", one_device(&s, "dns:pc2"), (30 * 24 + i) * (int64_t)STORY_HOUR_S);
        x.native_id = slice_printf(s.a, "x%d", i);
        x.at = 0;
        assert_int_equal(incident_watermark(e), STORY_HOUR_S);
        story_add(e, &x);
    }
    assert_in_range(incident_watermark(e), 30 * 24 * STORY_HOUR_S, 31 * 24 * STORY_HOUR_S);
    incident_engine_free(e);
    story_free(&s);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pair_scores_the_same_either_way_round_and_the_parts_are_the_score),
        cmocka_unit_test(test_a_score_that_links_still_links_when_a_node_learns_anything),
        cmocka_unit_test(test_the_same_log_gives_the_same_bytes),
        cmocka_unit_test(test_closing_days_on_the_way_gives_what_reading_to_the_end_gives),
        cmocka_unit_test(test_tenants_that_come_interleaved_are_each_as_if_alone),
        cmocka_unit_test(test_half_a_million_repeats_are_one_node_told_of_once_a_batch),
        cmocka_unit_test(test_an_update_that_widens_a_run_of_repeats_joins_it_with_the_next),
        cmocka_unit_test(test_names_that_turn_out_to_be_one_persons_join_what_was_apart),
        cmocka_unit_test(test_a_wrong_clock_closes_no_day_and_empties_no_memory),
        cmocka_unit_test(test_many_alerts_that_agree_move_the_clock_even_without_a_time_of_receipt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
