/*
 * expect.h: what must be true at a line of a story.
 */
#ifndef WEIR_TESTS_EXPECT_H
#define WEIR_TESTS_EXPECT_H
#include "schemas/alert.h"
#include "tests/replay/words.h"

static inline bool
says_key(const struct incident_reason *x, struct slice key)
{
    struct slice value = key, type_name = slice_split(&value, ':');
    enum key_type type = key_type_of(type_name);
    for (size_t k = 0; k < x->score.n_parts; k++) {
        struct slice got = x->key_values[k];
        if (x->score.parts[k].kind == LINK_KEY && x->score.parts[k].type == type &&
            (slice_eq(got, value) || (got.n > value.n && slice_ends(got, value))))
            return true;
    }
    return false;
}

/* "device:d1": some alert of the incident was linked by that key. */
static inline void
expect_because(struct replay *r, const struct name *n, struct slice key)
{
    for (size_t i = 0; i < r->w->n_reasons; i++) {
        const struct incident_reason *x = &r->w->reasons[i];
        if (r->w->reason_of[i] == n->tenant && says_key(x, key) &&
            world_alert_of(n->tenant, x->alert_source, x->alert_id)->incident == n->id)
            return;
    }
    MUST(r, false, "nothing was linked because of %.*s", SLICE_ARG(key));
}

static inline void
expect_member(struct replay *r, struct name *n, struct world_alert *x)
{
    if (n->id == 0) {
        n->id = x->incident;
        n->tenant = x->tenant;
        for (struct name *m = r->names; m < r->names + r->n_names; m++)
            MUST(r, m == n || m->id != n->id || m->tenant != n->tenant,
                 "%.*s is in an incident that has a name already: %.*s", SLICE_ARG(x->name),
                 SLICE_ARG(m->text));
    }
    MUST(r, x->incident == n->id && x->tenant == n->tenant, "%.*s is in another incident than %.*s",
         SLICE_ARG(x->name), SLICE_ARG(n->text));
}

static inline void
expect_incident(struct replay *r, struct slice rest)
{
    struct name *n = incident_named(r, word(&rest));
    bool *listed = arena_alloc(r->w->a, r->w->n_alerts + 1);
    assert_non_null(listed);
    want(r, &rest, "=");
    for (struct slice w = word(&rest); w.n > 0; w = word(&rest)) {
        if (slice_eq(w, SLICE("because"))) {
            expect_because(r, n, word(&rest));
            continue;
        }
        struct range x = range_of(r, w);
        for (int64_t i = x.from; i <= x.to; i++) {
            struct world_alert *al = alert_named(r, range_name(r, x, i));
            listed[al - r->w->alerts] = true;
            expect_member(r, n, al);
        }
    }
    for (size_t i = 0; i < r->w->n_alerts; i++)
        MUST(r,
             listed[i] || r->w->alerts[i].incident != n->id || r->w->alerts[i].tenant != n->tenant,
             "%.*s is in %.*s too", SLICE_ARG(r->w->alerts[i].name), SLICE_ARG(n->text));
}

static inline void
expect_redirect(struct replay *r, struct slice rest)
{
    struct world_incident *from = stored_named(r, word(&rest));
    want(r, &rest, "->");
    struct world_incident *to = stored_named(r, word(&rest));
    MUST(r, from->row.redirect_to == to->row.id, "it redirects to %lld, not %lld",
         (long long)from->row.redirect_to, (long long)to->row.id);
}

static inline void
expect_text(struct replay *r, struct slice expected, struct slice got)
{
    MUST(r, slice_eq(expected, got), "it is '%.*s'", SLICE_ARG(got));
}

static inline void
expect_name(struct replay *r, struct slice rest)
{
    struct world_incident *i = stored_named(r, word(&rest));
    want(r, &rest, "=");
    expect_text(r, slice_trim(rest), i->row.name);
}

static inline void
expect_severity(struct replay *r, struct slice rest)
{
    struct world_incident *i = stored_named(r, word(&rest));
    want(r, &rest, "=");
    expect_text(r, slice_trim(rest), slice_of(severity_graph(i->severity)));
}

/* Alerts, users, devices of an incident as it is shown. */
static inline void
expect_counts(struct replay *r, struct slice rest)
{
    struct world_incident *i = stored_named(r, word(&rest));
    want(r, &rest, "=");
    struct slice got =
        slice_printf(r->w->a, "%d alerts %d users %d devices", i->alerts, i->users, i->devices);
    expect_text(r, slice_trim(rest), got);
}

static inline void
expect_versions(struct replay *r, struct slice rest)
{
    struct world_incident *i = stored_named(r, word(&rest));
    want(r, &rest, "at");
    want(r, &rest, "most");
    int64_t most = number(r, word(&rest));
    MUST(r, i->row.version <= most, "it is at version %lld", (long long)i->row.version);
}

/* "expect bridge i1 = a3 b1": where a large incident would come apart first */
static inline void
expect_bridge(struct replay *r, struct slice rest)
{
    struct world_incident *i = stored_named(r, word(&rest));
    want(r, &rest, "=");
    struct slice a = word(&rest), b = word(&rest);
    bool same = slice_eq(a, i->bridge[0]) && slice_eq(b, i->bridge[1]);
    MUST(r, same || (slice_eq(a, i->bridge[1]) && slice_eq(b, i->bridge[0])),
         "it is between '%.*s' and '%.*s'", SLICE_ARG(i->bridge[0]), SLICE_ARG(i->bridge[1]));
}

/* "expect related i1 i2 because continues" */
static inline void
expect_related(struct replay *r, struct slice rest)
{
    const struct name *a = incident_named(r, word(&rest)), *b = incident_named(r, word(&rest));
    want(r, &rest, "because");
    struct slice why = word(&rest);
    int64_t low = a->id < b->id ? a->id : b->id, high = a->id < b->id ? b->id : a->id;
    for (size_t i = 0; i < r->w->n_related; i++) {
        const struct incident_related *x = &r->w->related[i];
        if (r->w->related_of[i] == a->tenant && x->a == low && x->b == high &&
            slice_eq(slice_of(x->why), why))
            return;
    }
    MUST(r, false, "nobody told that they are related because of %.*s", SLICE_ARG(why));
}

static inline const struct incident_reason *
reason_of(struct replay *r, struct slice alert)
{
    struct world_alert *x = alert_named(r, alert);
    for (size_t i = 0; i < r->w->n_reasons; i++)
        if (r->w->reason_of[i] == x->tenant && slice_eq(r->w->reasons[i].alert_id, x->native_id) &&
            slice_eq(r->w->reasons[i].alert_source, x->source))
            return &r->w->reasons[i];
    MUST(r, false, "%.*s has no reason", SLICE_ARG(alert));
    return NULL;
}

static inline void
expect_score(struct replay *r, struct slice rest)
{
    const struct incident_reason *x = reason_of(r, word(&rest));
    want(r, &rest, "=");
    MUST(r, x->score.score == number(r, word(&rest)), "the score is %d", x->score.score);
}

static inline void
expect_sentence(struct replay *r, struct slice rest)
{
    struct slice alert = word(&rest);
    const struct incident_reason *x = reason_of(r, alert);
    want(r, &rest, "=");
    expect_text(r, slice_trim(rest),
                incident_sentence(x, alert_named(r, alert)->tenant->params, r->w->a));
}

/* "expect counted folded = 499" */
static inline void
expect_counted(struct replay *r, struct slice rest)
{
    static const char *const words[] = {"conflicts", "refused", "cut", "folded", "fetched"};
    size_t what = index_of(r, word(&rest), words, 5);
    const struct world_counts *c = &r->t->counts;
    size_t counts[] = {c->conflicts, c->refused, c->cut, c->folded, r->w->brought_back};
    want(r, &rest, "=");
    if (r->way == IN_BATCHES && what == 4)
        return; /* what comes in one batch has not left memory yet */
    MUST(r, counts[what] == (size_t)number(r, word(&rest)), "%zu were counted", counts[what]);
}

/* "expect refused incident.closed": what became of the decision before */
static inline void
expect_refused(struct replay *r, struct slice rest)
{
    expect_text(r, word(&rest), slice_of(r->refused.kind != ERR_NONE ? r->refused.code : "done"));
    r->refused = ERR_OK;
}

static inline void
expect_status(struct replay *r, struct slice rest)
{
    static const char *const words[] = {"active", "in progress", "resolved"};
    struct world_incident *i = stored_named(r, word(&rest));
    want(r, &rest, "=");
    expect_text(r, slice_trim(rest), slice_of(words[i->row.status]));
}

static const struct {
    const char *what;
    void (*check)(struct replay *r, struct slice rest);
} EXPECTATIONS[] = {
    {"incident", expect_incident}, {"redirect", expect_redirect}, {"name", expect_name},
    {"severity", expect_severity}, {"counts", expect_counts},     {"versions", expect_versions},
    {"related", expect_related},   {"bridge", expect_bridge},     {"score", expect_score},
    {"sentence", expect_sentence}, {"counted", expect_counted},   {"refused", expect_refused},
    {"status", expect_status},
};
enum { EXPECTATIONS_N = sizeof(EXPECTATIONS) / sizeof(EXPECTATIONS[0]) };

static inline void
expect(struct replay *r, struct slice rest)
{
    struct slice what = word(&rest);
    r->expectations++;
    for (size_t i = 0; i < r->w->n_tenants; i++)
        world_commit(r->w->tenants[i]);
    for (size_t i = 0; i < EXPECTATIONS_N; i++) {
        if (!slice_eq(what, slice_of(EXPECTATIONS[i].what)))
            continue;
        EXPECTATIONS[i].check(r, rest);
        return;
    }
    MUST(r, false, "unknown expectation '%.*s'", SLICE_ARG(what));
}

#endif
