/*
 * What people decide holds, whatever comes after it, and across restarts.
 *
 * Random alerts and random decisions, played to two engines, of which one is thrown away and made
 * anew from what it told the store, again and again. Ref: correlation.md 9 to 11; tests 9 to 12
 * and 21 of its section 18.
 */
#include "tests/property/story.h"

enum {
    ALERTS = 120,
    PEOPLE = 12,
    DAYS = 4,
    INCIDENTS_MAX = 1000,
    PROFILES = 4,
    ROUNDS = 3,
    CAP_ALERTS = 14,
    NAMED_MAX = 3,
    APART_MAX = 600,
    KEPT_MAX = 4000,
    BATCH_BYTES = 8 << 20
};

/* The alert is apart from the incident. */
struct apart {
    size_t alert;
    int64_t incident_id;
};

/* A store as plain as can be, and what people said, kept apart from what the engine makes of it. */
struct model {
    struct incident_stored rows[INCIDENTS_MAX]; /* by id */
    int64_t member[ALERTS];
    bool closed[INCIDENTS_MAX];
    int64_t together[ALERTS];
    struct apart apart[APART_MAX], pins[APART_MAX]; /* pins: as stored; incident negative: held */
    size_t n_apart, n_pins;
    struct incident_day days[KEPT_MAX];
    struct incident_alias aliases[KEPT_MAX];
    size_t n_days, n_aliases;
    size_t refused, done[DECISION_PINS_OFF + 1], rejected;
};

struct play {
    struct story s;
    struct params p;
    struct model m;
    struct incident_engine *e, *whole; /* whole: never restarted */
    size_t known;                      /* versions that were played */
    struct arena *batch;
};

static size_t
number_of(struct slice native_id)
{
    int64_t n;
    assert_true(slice_int(slice_sub(native_id, 1, native_id.n), &n));
    assert_in_range(n, 0, ALERTS - 1);
    return (size_t)n;
}

static const struct incident_alert *
alert_of(const struct play *g, size_t alert)
{
    size_t v = 0;
    while (g->s.alert[v] != alert)
        v++;
    return &g->s.versions[v];
}

static int64_t
place_of(const struct play *g, struct incident_engine *e, size_t alert)
{
    const struct incident_alert *al = alert_of(g, alert);
    return incident_of(e, al->source, al->native_id);
}

static int64_t
resolved(const struct model *m, int64_t id)
{
    return m->rows[id].redirect_to != 0 ? m->rows[id].redirect_to : id;
}

/* ---- the store */

static void
store_row(struct play *g, const struct incident_row *r)
{
    struct incident_stored *row = &g->m.rows[r->id];
    assert_in_range(r->id, 1, INCIDENTS_MAX - 1);
    assert_true(r->version > row->version);
    assert_int_equal(row->redirect_to != 0 && r->redirect_to == 0, 0); /* gone for ever */
    assert_true(r->redirect_to != 0 || r->alerts <= CAP_ALERTS);
    *row = (struct incident_stored){.id = r->id,
                                    .version = r->version,
                                    .redirect_to = r->redirect_to,
                                    .name = slice_dup(g->s.a, r->name),
                                    .first_name = slice_dup(g->s.a, r->first_name),
                                    .status = r->status,
                                    .assigned_to = slice_dup(g->s.a, r->assigned_to),
                                    .classification = r->classification,
                                    .determination = r->determination,
                                    .worked = r->worked,
                                    .by_rule = r->by_rule,
                                    .updated = r->updated};
}

static void
store_pin(struct model *m, const struct incident_pin *pin)
{
    size_t alert = number_of(pin->native_id), at = 0;
    while (at < m->n_pins &&
           (m->pins[at].alert != alert || llabs(m->pins[at].incident_id) != pin->incident_id))
        at++;
    if (pin->off) {
        if (at < m->n_pins)
            m->pins[at] = m->pins[--m->n_pins];
        return;
    }
    assert_true(at < APART_MAX);
    m->pins[at] = (struct apart){alert, pin->together ? -pin->incident_id : pin->incident_id};
    m->n_pins += at == m->n_pins;
}

/* Texts live as long as the story: engines come and go. */
static void
store_rest(struct play *g, const struct incident_changes *c)
{
    struct model *m = &g->m;
    assert_true(m->n_days + c->n_days <= KEPT_MAX && m->n_aliases + c->n_aliases <= KEPT_MAX);
    for (size_t i = 0; i < c->n_days; i++) {
        struct incident_day *d = &m->days[m->n_days++];
        *d = c->days[i];
        d->value = slice_dup(g->s.a, d->value);
        struct slice *with = arena_alloc(g->s.a, (d->n_with + 1) * sizeof *with);
        for (size_t k = 0; k < d->n_with; k++)
            with[k] = slice_dup(g->s.a, d->with[k]);
        d->with = with;
    }
    for (size_t i = 0; i < c->n_aliases; i++)
        m->aliases[m->n_aliases++] =
            (struct incident_alias){c->aliases[i].type, slice_dup(g->s.a, c->aliases[i].a),
                                    slice_dup(g->s.a, c->aliases[i].b)};
}

static void
same_rows(const struct incident_changes *x, const struct incident_changes *y)
{
    assert_int_equal(x->n_rows, y->n_rows);
    assert_int_equal(x->n_members, y->n_members);
    assert_int_equal(x->n_pins, y->n_pins);
    assert_int_equal(x->n_related, y->n_related);
    for (size_t i = 0; i < x->n_rows; i++) {
        assert_int_equal(x->rows[i].id, y->rows[i].id);
        assert_int_equal(x->rows[i].version, y->rows[i].version);
        assert_int_equal(x->rows[i].updated, y->rows[i].updated);
        assert_int_equal(x->rows[i].status, y->rows[i].status);
        assert_int_equal(x->rows[i].redirect_to, y->rows[i].redirect_to);
        assert_string_equal(x->rows[i].kind, y->rows[i].kind);
        assert_true(slice_eq(x->rows[i].name, y->rows[i].name));
        assert_true(slice_eq(x->rows[i].assigned_to, y->rows[i].assigned_to));
    }
}

/* Both engines tell the same; the model stores it. */
static void
commit(struct play *g)
{
    struct incident_changes c, whole;
    arena_reset(g->batch);
    assert_int_equal(incident_changes(g->e, g->batch, &c).kind, ERR_NONE);
    assert_int_equal(incident_changes(g->whole, g->batch, &whole).kind, ERR_NONE);
    same_rows(&c, &whole);
    for (size_t i = 0; i < c.n_rows; i++)
        store_row(g, &c.rows[i]);
    for (size_t i = 0; i < c.n_members; i++)
        g->m.member[number_of(c.members[i].native_id)] = c.members[i].incident_id;
    for (size_t i = 0; i < c.n_pins; i++)
        store_pin(&g->m, &c.pins[i]);
    store_rest(g, &c);
    g->m.refused += c.refused;
    assert_true(c.refused == 0 || c.n_related > 0 || c.added_merged > 0);
    incident_commit(g->e);
    incident_commit(g->whole);
}

static void
restart(struct play *g)
{
    size_t diff = 99;
    bool done[ALERTS] = {false};
    struct incident_engine *e = story_engine(&g->p);
    for (size_t i = 0; i < g->m.n_days; i++)
        assert_int_equal(incident_restore_day(e, &g->m.days[i]).kind, ERR_NONE);
    for (size_t i = 0; i < g->m.n_aliases; i++)
        assert_int_equal(incident_restore_alias(e, &g->m.aliases[i]).kind, ERR_NONE);
    struct incident_clock clock = incident_clock(g->e);
    incident_restore_clock(e, &clock);
    for (int64_t id = 1; id < incident_next_id(g->e); id++)
        assert_int_equal(incident_restore_incident(e, &g->m.rows[id]).kind, ERR_NONE);
    for (size_t i = 0; i < g->m.n_pins; i++) {
        const struct apart *pin = &g->m.pins[i];
        const struct incident_alert *al = alert_of(g, pin->alert);
        assert_int_equal(incident_restore_pin(e, al->source, al->native_id, llabs(pin->incident_id),
                                              pin->incident_id < 0)
                             .kind,
                         ERR_NONE);
    }
    for (size_t v = 0; v < g->known; v++) {
        struct incident_alert al;
        uint16_t leads;
        if (done[g->s.alert[v]])
            continue;
        done[g->s.alert[v]] = true;
        assert_int_equal(incident_state(g->e, g->s.versions[v].source, g->s.versions[v].native_id,
                                        g->s.a, &al, &leads)
                             .kind,
                         ERR_NONE);
        assert_int_equal(incident_restore_alert(e, &al, leads, g->m.member[g->s.alert[v]]).kind,
                         ERR_NONE);
    }
    assert_int_equal(incident_restored(e, &diff).kind, ERR_NONE);
    assert_int_equal(diff, 0);
    incident_engine_free(g->e);
    g->e = e;
}

/* ---- what has to hold */

static void
check(struct play *g)
{
    struct model *m = &g->m;
    for (size_t v = 0; v < g->known; v++) {
        size_t alert = g->s.alert[v];
        int64_t at = place_of(g, g->e, alert);
        assert_int_equal(at, place_of(g, g->whole, alert));
        assert_int_equal(m->member[alert], at);
        assert_int_equal(m->rows[at].redirect_to, 0);
        if (m->together[alert] != 0)
            assert_int_equal(resolved(m, m->together[alert]), at);
    }
    for (size_t i = 0; i < m->n_apart; i++)
        assert_int_not_equal(resolved(m, m->apart[i].incident_id), m->member[m->apart[i].alert]);
    for (int64_t id = 1; id < incident_next_id(g->e); id++) {
        assert_int_equal(m->rows[id].id, id); /* each id that was given is known */
        int64_t to = m->rows[id].redirect_to;
        assert_true(to == 0 || m->rows[to].redirect_to == 0);
        if (to == 0 && m->closed[id])
            assert_int_equal(m->rows[id].status, INCIDENT_RESOLVED);
    }
}

/* ---- decisions */

static void
apart_drop(struct model *m, size_t alert, int64_t incident_id)
{
    for (size_t i = 0; i < m->n_apart; i++)
        if (m->apart[i].alert == alert &&
            (incident_id == 0 || m->apart[i].incident_id == incident_id))
            m->apart[i--] = m->apart[--m->n_apart];
}

/* A person who puts two incidents together takes back what kept them apart. */
static void
apart_settle(struct model *m)
{
    for (size_t i = 0; i < m->n_apart; i++)
        if (resolved(m, m->apart[i].incident_id) == m->member[m->apart[i].alert])
            m->apart[i--] = m->apart[--m->n_apart];
}

static void
learn(struct play *g, const struct incident_decision *d)
{
    struct model *m = &g->m;
    m->done[d->kind]++;
    if (d->kind == DECISION_UPDATE && d->status >= 0)
        m->closed[d->incident_id] = d->status == INCIDENT_RESOLVED;
    else if (d->kind == DECISION_UPDATE && m->rows[d->incident_id].status == INCIDENT_RESOLVED)
        m->closed[d->incident_id] = true; /* it was resolved; now it is theirs */
    for (size_t i = 0; i < d->n_alerts; i++) {
        size_t alert = number_of(d->alerts[i].native_id);
        if (d->kind == DECISION_MOVE)
            apart_drop(m, alert, d->into);
        if (d->kind == DECISION_PINS_OFF)
            apart_drop(m, alert, 0);
        m->together[alert] = d->kind == DECISION_MOVE ? d->into : 0;
        if (d->kind == DECISION_SPLIT) {
            assert_true(m->n_apart < APART_MAX);
            apart_drop(m, alert, d->incident_id);
            m->apart[m->n_apart++] = (struct apart){alert, d->incident_id};
        }
    }
}

static struct incident_decision
decision_make(struct play *g, struct incident_alert_ref *refs)
{
    static const char *const owners[] = {"", "olga", "omar"};
    static const int32_t classes[] = {0, 10, 20};
    struct story *s = &g->s;
    struct incident_decision d = {
        .kind = (enum incident_decision_kind)story_below(s, DECISION_PINS_OFF + 1),
        .status = -1,
        .classification = -1,
        .determination = -1,
        .at = 5000};
    d.incident_id = place_of(g, g->e, s->alert[story_below(s, g->known)]);
    d.into = place_of(g, g->e, s->alert[story_below(s, g->known)]);
    if (d.kind == DECISION_UPDATE) {
        d.status = (int)story_below(s, 5) - 2;
        d.status = d.status < 0 ? -1 : d.status;
        d.assigned_to = story_below(s, 3) == 0 ? slice_of(owners[story_below(s, 3)]) : SLICE_NONE;
        d.classification = story_below(s, 3) == 0 ? classes[story_below(s, 3)] : -1;
        d.worked = story_below(s, 4) == 0;
        return d;
    }
    d.alerts = refs;
    for (size_t n = 1 + story_below(s, NAMED_MAX); d.kind != DECISION_MERGE && n > 0; n--) {
        const struct incident_alert *al = &s->versions[story_below(s, g->known)];
        bool in = place_of(g, g->e, number_of(al->native_id)) == d.incident_id;
        if (in || d.kind != DECISION_SPLIT || story_below(s, 20) == 0)
            refs[d.n_alerts++] = (struct incident_alert_ref){al->source, al->native_id};
    }
    return d;
}

static void
decide(struct play *g)
{
    struct incident_alert_ref refs[NAMED_MAX];
    struct incident_decision d = decision_make(g, refs), again = d;
    int64_t before[ALERTS];
    memcpy(before, g->m.member, sizeof(before));
    bool sealed = d.kind == DECISION_MOVE || d.kind == DECISION_MERGE ? g->m.closed[d.into] : false;
    struct err err = incident_decide(g->e, &d), other = incident_decide(g->whole, &again);
    assert_int_equal(err.kind, other.kind);
    assert_int_equal(d.into, again.into);
    bool merged = err.kind == ERR_NONE && d.kind != DECISION_UPDATE;
    if (err.kind == ERR_NONE) {
        assert_false(sealed);
        learn(g, &d);
    } else {
        assert_int_equal(err.kind, ERR_REJECT);
        g->m.rejected++;
        for (size_t i = 0; i < ALERTS && before[i] != 0; i++) /* nothing happened */
            assert_int_equal(place_of(g, g->e, i), before[i]);
    }
    commit(g);
    if (merged && (d.kind == DECISION_MERGE || d.kind == DECISION_MOVE))
        apart_settle(&g->m);
}

static void
arrive(struct play *g)
{
    struct model *m = &g->m;
    int64_t before[ALERTS];
    const struct incident_alert *al = &g->s.versions[g->known];
    memcpy(before, m->member, sizeof(before));
    story_add(g->e, al);
    story_add(g->whole, al);
    g->known++;
    commit(g);
    for (size_t i = 0; i < ALERTS; i++) { /* what is closed neither gains nor loses one */
        bool was = before[i] != 0 && m->closed[before[i]];
        bool is = m->member[i] != 0 && m->closed[m->member[i]];
        assert_true((!was && !is) || before[i] == m->member[i]);
    }
}

static void
test_decisions_hold_whatever_comes_after_them(void **state)
{
    uint64_t seed = story_seed();
    size_t refused = 0, rejected = 0, done[DECISION_PINS_OFF + 1] = {0};
    for (int round = 0; round < PROFILES * ROUNDS; round++) {
        struct play *g = calloc(1, sizeof(*g));
        assert_non_null(g);
        g->s = story_new(seed + (uint64_t)round);
        g->p = story_profile(round % PROFILES);
        g->p.cap_alerts = CAP_ALERTS;
        g->p.caps_mode = round / PROFILES % 2 == 0 ? CAPS_REFUSE : CAPS_REBUILD;
        g->p.fold_gap_s = -1; /* folding passes caps */
        g->p.lag_days =
            g->p.history_days; /* a story's alerts change the day they were created on */
        g->batch = arena_new(BATCH_BYTES);
        g->e = story_engine(&g->p);
        g->whole = story_engine(&g->p);
        story_make(&g->s, ALERTS, PEOPLE, DAYS);
        while (g->known < g->s.n_versions) {
            if (g->known == 0 || story_below(&g->s, 3) != 0)
                arrive(g);
            else
                decide(g);
            check(g);
            if (story_below(&g->s, 20) == 0)
                restart(g);
        }
        refused += g->m.refused;
        rejected += g->m.rejected;
        for (size_t i = 0; i <= DECISION_PINS_OFF; i++)
            done[i] += g->m.done[i];
        incident_engine_free(g->e);
        incident_engine_free(g->whole);
        arena_free(g->batch);
        story_free(&g->s);
        free(g);
    }
    assert_true(refused > 0 && rejected > 0);
    for (size_t i = 0; i <= DECISION_PINS_OFF; i++)
        assert_true(done[i] > 0);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decisions_hold_whatever_comes_after_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
