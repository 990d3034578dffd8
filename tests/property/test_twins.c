/*
 * The same detection through two channels: in whatever order documents of both come, however often
 * they are repeated and cut into batches, and whenever the worker restarts, the tables end up the
 * same: one alert a detection, with what the other channel adds. Who is whose mate is told once
 * more here, from what was made up. Ref: sources.md 5.9; docs/analysts.md.
 */
#include "tests/unit/twins.h"

enum { DETECTIONS = 30, DOCS_MOST = DETECTIONS * 2 * 3, SENT_MOST = DOCS_MOST * 2, ROUNDS = 20 };

static const struct {
    const char *title;
    int id;
} kinds[] = {{"Honeytoken activity", 2014},
             {"Suspected brute force attack (LDAP)", 2004},
             {"A detection that is not in the table", 9999}};
static const char *const accounts[] = {"anna", "bert"}, *const computers[] = {"CLIENT1", "CLIENT2"};

static uint64_t
next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

static size_t
below(uint64_t *state, size_t n)
{
    return (size_t)(next(state) % n);
}

/* One document: an edition of a detection in a channel. */
struct doc {
    struct seen seen;
    bool apps;
    int64_t received;
};

/* What was made up, and what follows from it. */
struct world {
    struct seen seen[2 * DETECTIONS]; /* by number, each of one channel */
    bool apps[2 * DETECTIONS];
    int last[2 * DETECTIONS]; /* newest edition */
    size_t n_seen, n_docs;
    struct doc docs[DOCS_MOST];
};

/* alone: accounts of their own, so that nobody has two who may be its mate. Else many come by one
 * channel only, and a later edition of a line may tell another time. */
static void
make(struct world *w, uint64_t *r, bool alone, struct arena *a)
{
    *w = (struct world){.n_seen = 0};
    for (int i = 0; i < DETECTIONS; i++) {
        size_t kind = below(r, 3);
        struct seen s = {.title = kinds[kind].title,
                         .external_id = kinds[kind].id,
                         .account = accounts[below(r, 2)],
                         .computer = computers[below(r, 2)],
                         .minute = (int64_t)below(r, 3 * 24 * 60)};
        if (alone)
            s.account = slice_printf(a, "user%d%c", i, 0).p;
        size_t which = below(r, alone ? 6 : 3);
        for (int apps = 0; apps < 2; apps++) {
            if (which == (size_t)apps)
                continue;
            int n = (int)w->n_seen++;
            s.number = n;
            w->seen[n] = s;
            w->seen[n].minute += apps == 0 ? 0 : (int64_t)below(r, 40);
            w->apps[n] = apps == 1;
            w->last[n] = alone ? 0 : (int)below(r, 3);
            for (int edition = 0; edition <= w->last[n]; edition++) {
                struct doc *doc = &w->docs[w->n_docs++];
                *doc = (struct doc){w->seen[n], w->apps[n], 0};
                doc->seen.edition = edition;
                if (apps == 0 && edition > 0 && below(r, 3) == 0)
                    doc->seen.minute += (int64_t)below(r, 120 * 60) - 60 * 60;
                w->seen[n].minute = doc->seen.minute;
                doc->received = TWINS_T0 + n * 1000 + edition;
            }
        }
    }
}

static int64_t
apart(const struct seen *x, const struct seen *y)
{
    return x->minute < y->minute ? y->minute - x->minute : x->minute - y->minute;
}

/* The nearest that fits, in the test's own words; -1: none. */
static int
nearest(const struct world *w, int of, struct arena *a)
{
    const struct seen *s = &w->seen[of];
    int best = -1;
    for (int i = 0; i < (int)w->n_seen; i++) {
        const struct seen *o = &w->seen[i];
        if (w->apps[i] == w->apps[of] || o->external_id != s->external_id ||
            strcmp(o->account, s->account) != 0 || strcmp(o->computer, s->computer) != 0 ||
            apart(o, s) > 12 * 60)
            continue;
        int64_t now = best >= 0 ? apart(&w->seen[best], s) : INT64_MAX;
        if (best < 0 || apart(o, s) < now ||
            (apart(o, s) == now && w->apps[i] &&
             slice_cmp(seen_apps_id(a, o), seen_apps_id(a, &w->seen[best])) < 0))
            best = i; /* ids of lines grow with the number */
    }
    return best;
}

static int
mate(const struct world *w, int of, struct arena *a)
{
    int other = nearest(w, of, a);
    return other >= 0 && nearest(w, other, a) == of ? other : -1;
}

/* Every document once or twice, in any order. */
static size_t
shuffle(const struct world *w, uint64_t *r, const struct doc **out)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_docs; i++)
        for (size_t k = 0; k < 1 + below(r, 2); k++)
            out[n++] = &w->docs[i];
    for (size_t i = n; i > 1; i--) {
        size_t k = below(r, i);
        const struct doc *x = out[k];
        out[k] = out[i - 1];
        out[i - 1] = x;
    }
    return n;
}

static void
run(struct desk *d, const struct doc **docs, size_t n, uint64_t *r, size_t most)
{
    struct delivery list[SENT_MOST];
    for (size_t i = 0; i < n;) {
        size_t batch = 1 + below(r, most);
        batch = batch < n - i ? batch : n - i;
        for (size_t k = 0; k < batch; k++)
            list[k] =
                seen_delivery(d, docs[i + k]->apps, &docs[i + k]->seen, docs[i + k]->received);
        desk_take(d, list, batch);
        for (size_t k = 0; k < batch; k++) { /* the loser's are ignored, whatever they say */
            bool wins = docs[i + k]->apps == (d->t.channel == IDENTITY_APPS);
            bool ignored = list[k].outcome == OUTCOME_IGNORED;
            assert_true(wins ? !ignored && list[k].outcome != OUTCOME_DEAD : ignored);
        }
        i += batch;
        if (below(r, 4) == 0)
            desk_restart(d);
    }
    desk_restart(d);
}

static bool
same(struct slice x, struct slice y)
{
    return (x.p == NULL) == (y.p == NULL) && slice_eq(x, y);
}

static bool
has_identifier(const struct key_set *set, enum key_type type, struct slice id)
{
    for (size_t i = 0; i < set->n_identities; i++)
        for (size_t k = 0; set->identities[i].type == type && k < set->identities[i].n_ids; k++)
            if (slice_eq(set->identities[i].ids[k], id))
                return true;
    return false;
}

static bool
has_key(const struct key_set *set, const struct key *key)
{
    bool of_identity = key->type == KEY_USER || key->type == KEY_DEVICE; /* any of its names */
    for (size_t i = 0; i < set->n_keys; i++)
        if (set->keys[i].type == key->type && set->keys[i].weight == key->weight &&
            (of_identity || slice_eq(set->keys[i].value, key->value)))
            return true;
    return false;
}

/* The same sets; in which order the correlator met them shows in the column. */
static void
compare_keys(const struct desk *d, const struct alerts_row *p, const struct alerts_row *q)
{
    struct incident_alert one[2] = {{.keys = NULL}};
    fine(rows_state_read(p->keys, d->a, &one[0]));
    fine(rows_state_read(q->keys, d->a, &one[1]));
    assert_int_equal(p->leads, q->leads);
    assert_int_equal(one[0].first_s, one[1].first_s);
    assert_int_equal(one[0].last_s, one[1].last_s);
    assert_int_equal(one[0].level, one[1].level);
    assert_int_equal(one[0].keys->n_keys, one[1].keys->n_keys);
    for (size_t i = 0; i < one[0].keys->n_keys; i++)
        assert_true(has_key(one[1].keys, &one[0].keys->keys[i]));
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < one[side].keys->n_identities; i++) {
            const struct key_identity *id = &one[side].keys->identities[i];
            for (size_t k = 0; k < id->n_ids; k++)
                assert_true(has_identifier(one[1 - side].keys, id->type, id->ids[k]));
        }
}

/* Rows of two desks, byte for byte; keys and leads are of all versions met on the way:
 * compared when each document has one. */
static void
compare(const struct desk *x, const struct desk *y, bool with_keys)
{
    assert_int_equal(x->n_alerts, y->n_alerts);
    assert_int_equal(x->n_twins, y->n_twins);
    assert_int_equal(x->n_ignored, y->n_ignored);
    assert_int_equal(x->n_dead + y->n_dead, 0);
    for (size_t i = 0; i < x->n_alerts; i++) {
        struct alerts_row p = x->alerts[i];
        size_t at = desk_alert(y, p.source, p.native_id);
        assert_true(at < y->n_alerts);
        struct alerts_row q = y->alerts[at];
        if (with_keys)
            compare_keys(x, &p, &q);
        p.keys = q.keys;
        p.leads = q.leads;
        /* texts one by one, then what is left as a whole */
        struct slice *const s[] = {&p.native_id,
                                   &p.sha256,
                                   &p.id,
                                   &p.provider_alert_id,
                                   &p.title,
                                   &p.description,
                                   &p.recommended_actions,
                                   &p.web_url,
                                   &p.category,
                                   &p.detector_id,
                                   &p.detector,
                                   &p.investigation_id,
                                   &p.investigation_state,
                                   &p.assigned_to,
                                   &p.threat_name,
                                   &p.threat_family,
                                   &p.actor,
                                   &p.policy_id,
                                   &p.native_incident_id,
                                   &p.techniques,
                                   &p.comments,
                                   &p.additional,
                                   &p.raw_words,
                                   &p.evidence,
                                   &p.raw};
        for (size_t k = 0; k < sizeof s / sizeof *s; k++) {
            struct slice *other =
                (struct slice *)(void *)((char *)&q + ((char *)s[k] - (char *)&p));
            if (!same(*s[k], *other))
                fail_msg("column %zu of %.*s: %.*s, not %.*s", k, SLICE_ARG(p.native_id),
                         SLICE_ARG(*s[k]), SLICE_ARG(*other));
            *s[k] = *other;
        }
        assert_memory_equal(&p, &q, sizeof p);
    }
    for (size_t i = 0; i < x->n_twins; i++) {
        const struct twins_row *p = &x->twins[i];
        const struct twins_row *q = &y->twins[desk_twin(y, p->source, p->native_id)];
        assert_true(p->version == q->version && p->received == q->received &&
                    p->moment == q->moment && same(p->sha256, q->sha256) &&
                    same(p->detection, q->detection) && same(p->mate, q->mate) &&
                    same(p->sealed, q->sealed));
    }
}

/* Against what was made up: one alert a document of the winning channel, with its mate's id. */
static void
check(const struct desk *d, const struct world *w, size_t *mates)
{
    size_t alerts = 0;
    bool apps_win = d->t.channel == IDENTITY_APPS;
    for (int i = 0; i < (int)w->n_seen; i++) {
        const struct seen *s = &w->seen[i];
        if (w->apps[i] != apps_win)
            continue;
        alerts++;
        struct slice id = apps_win ? seen_apps_id(d->a, s) : seen_line_id(d->a, s);
        size_t at = desk_alert(d, apps_win ? 3 : 4, id);
        assert_true(at < d->n_alerts);
        const struct alerts_row *row = &d->alerts[at];
        int other = mate(w, i, d->a);
        struct slice add = row->additional.p != NULL ? row->additional : SLICE("");
        assert_int_equal(slice_find(add, SLICE("\"sameDetection\""), 0) < add.n, other >= 0);
        if (other < 0)
            continue;
        (*mates)++;
        struct slice of =
            apps_win ? seen_line_id(d->a, &w->seen[other]) : seen_apps_id(d->a, &w->seen[other]);
        assert_true(slice_find(add, of, 0) < add.n);
    }
    assert_int_equal(d->n_alerts, alerts);
}

static uint64_t
seed_of(void)
{
    const char *text = getenv("SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 20191202;
    printf("SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static void
rounds(bool alone)
{
    uint64_t seed = seed_of();
    size_t mates = 0, winners = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        uint64_t r = seed + round;
        const struct doc *order[SENT_MOST];
        struct arena *a = arena_new(DESK_BYTES);
        struct world *w = arena_alloc(a, sizeof *w);
        struct desk *x = desk_new(), *y = desk_new();
        x->t.channel = y->t.channel = round % 2 == 0 ? IDENTITY_APPS : IDENTITY_SYSLOG;
        make(w, &r, alone, a);
        size_t n = shuffle(w, &r, order);
        run(x, order, n, &r, 1);
        n = shuffle(w, &r, order);
        run(y, order, n, &r, 30);
        check(x, w, &mates);
        check(y, w, &mates);
        winners += x->n_alerts;
        compare(x, y, alone);
        desk_free(y);
        desk_free(x);
        arena_free(a);
    }
    assert_in_range(mates, winners / 3, winners * 2 - 1); /* else it looks at less than it says */
}

static void
test_the_order_of_both_channels_does_not_matter(void **state)
{
    rounds(false);
    (void)state;
}

static void
test_also_not_to_the_correlator_when_each_has_one_mate(void **state)
{
    rounds(true);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_order_of_both_channels_does_not_matter),
        cmocka_unit_test(test_also_not_to_the_correlator_when_each_has_one_mate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
