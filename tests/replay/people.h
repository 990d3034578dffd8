/*
 * people.h: what people decide in a story: close, reopen, assign, classify, comment, merge, move,
 * split, unpin.
 */
#ifndef WEIR_TESTS_PEOPLE_H
#define WEIR_TESTS_PEOPLE_H
#include "schemas/alert.h"
#include "tests/replay/words.h"

enum { PEOPLE_ALERTS = 100 };

/* A decision that says nothing yet. */
static inline struct incident_decision
people_decision(struct replay *r, enum incident_decision_kind kind)
{
    return (struct incident_decision){.kind = kind,
                                      .status = -1,
                                      .classification = -1,
                                      .determination = -1,
                                      .at = r->now_s * UNITS_A_S};
}

/* The incident of the story, and whose it is. */
static inline int64_t
people_incident(struct replay *r, struct slice name)
{
    struct name *n = incident_named(r, name);
    MUST(r, n->id > 0, "which incident is '%.*s'?", SLICE_ARG(name));
    r->t = n->tenant;
    return n->id;
}

/* Alerts up to one of the words, or to the end; the word that ended it. */
static inline struct slice
people_alerts(struct replay *r, struct slice *rest, struct incident_decision *d)
{
    struct incident_alert_ref *refs = arena_alloc(r->w->a, sizeof(*refs) * PEOPLE_ALERTS);
    struct slice w = word(rest);
    assert_non_null(refs);
    d->alerts = refs;
    for (; w.n > 0 && !slice_eq(w, SLICE("into")) && !slice_eq(w, SLICE("out")); w = word(rest)) {
        struct range x = range_of(r, w);
        for (int64_t i = x.from; i <= x.to; i++) {
            struct world_alert *al = alert_named(r, range_name(r, x, i));
            MUST(r, d->n_alerts < PEOPLE_ALERTS, "too many alerts");
            refs[d->n_alerts++] = (struct incident_alert_ref){al->source, al->native_id};
            r->t = al->tenant;
        }
    }
    return w;
}

static inline struct incident_decision
people_update(struct replay *r, struct slice verb, struct slice *rest)
{
    struct incident_decision d = people_decision(r, DECISION_UPDATE);
    d.incident_id = people_incident(r, word(rest));
    if (slice_eq(verb, SLICE("close"))) {
        d.status = INCIDENT_RESOLVED;
    } else if (slice_eq(verb, SLICE("reopen"))) {
        d.status = INCIDENT_ACTIVE;
    } else if (slice_eq(verb, SLICE("comment"))) {
        d.worked = true;
    } else if (slice_eq(verb, SLICE("assign"))) {
        want(r, rest, "to");
        d.assigned_to = word(rest);
        if (slice_eq(d.assigned_to, SLICE("nobody")))
            d.assigned_to = SLICE("");
    } else {
        want(r, rest, "as");
        d.classification = (int32_t)classification_of(word(rest));
    }
    return d;
}

static inline struct incident_decision
people_place(struct replay *r, struct slice verb, struct slice *rest)
{
    struct incident_decision d = people_decision(r, DECISION_PINS_OFF);
    if (slice_eq(verb, SLICE("merge"))) {
        d.kind = DECISION_MERGE;
        d.incident_id = people_incident(r, word(rest));
        want(r, rest, "into");
        d.into = people_incident(r, word(rest));
        return d;
    }
    struct slice end = people_alerts(r, rest, &d);
    if (slice_eq(verb, SLICE("move"))) {
        MUST(r, slice_eq(end, SLICE("into")), "'into' expected");
        d.kind = DECISION_MOVE;
        d.into = people_incident(r, word(rest));
    } else if (slice_eq(verb, SLICE("split"))) {
        MUST(r, slice_eq(end, SLICE("out")), "'out of' expected");
        want(r, rest, "of");
        d.kind = DECISION_SPLIT;
        d.incident_id = people_incident(r, word(rest));
    }
    return d;
}

/* people_decide - false: no such verb. A refusal must be expected by the next line. */
static inline bool
people_decide(struct replay *r, struct slice verb, struct slice rest)
{
    static const char *const updates[] = {"close", "reopen", "comment", "assign", "classify"};
    static const char *const places[] = {"merge", "move", "split", "unpin"};
    struct incident_decision d;
    bool known = false;
    for (size_t i = 0; i < sizeof(updates) / sizeof(updates[0]) && !known; i++)
        if ((known = slice_eq(verb, slice_of(updates[i]))))
            d = people_update(r, verb, &rest);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !known; i++)
        if ((known = slice_eq(verb, slice_of(places[i]))))
            d = people_place(r, verb, &rest);
    if (!known)
        return false;
    r->refused = incident_decide(r->t->e, &d);
    MUST(r, r->refused.kind == ERR_NONE || r->refused.kind == ERR_REJECT, "%s", r->refused.text);
    if (r->way != IN_BATCHES)
        world_commit(r->t);
    return true;
}

#endif
