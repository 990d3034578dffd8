/*
 * why_not.h: what two alerts share, what was missing for a link, and what else keeps them apart.
 *
 * The words and the JSON of `weir incident why-not` and /api/alerts/{id}/whyNot. Pure.
 * Ref: correlation.md 7, 10 and 12. The points that count add up to the score.
 */
#ifndef WEIR_WHY_NOT_H
#define WEIR_WHY_NOT_H
#include "common/arena.h"
#include "common/err.h"
#include "normalize/incident_why.h"
#include "store/alerts.h"
#include "store/incidents.h"

enum why_not_verdict {
    WHY_NOT_REPEAT,   /* one repeats the other */
    WHY_NOT_LINKED,   /* together, by a link of their own */
    WHY_NOT_TOGETHER, /* together through other alerts, or because a person said so */
    WHY_NOT_APART,    /* their link is refused: a cap, a closed incident, an owner, a person */
    WHY_NOT_WEAK,     /* enough points, but weak keys never link alone */
    WHY_NOT_LITTLE,   /* not enough points */
    WHY_NOT_NOTHING,  /* they share nothing */
};

/* Everything about the two; the caller fills it. */
struct why_not {
    const struct alerts_full *alert, *other;
    const struct incidents_row *incident, *other_incident; /* the same row: they are together */
    const struct params *params;
    struct incident_shared shared;
    const struct incident_reason *path; /* of incident_path; n 0: none */
    size_t n_path;
    const struct incidents_relation *related; /* between the two incidents; NULL: none is stored */
    /* texts of people for the alerts on the path: unified id of a reason's partner */
    struct slice (*id_of)(void *arg, struct slice source, struct slice native_id);
    void *arg;
};

enum why_not_verdict why_not_verdict(const struct why_not *w);
const char *why_not_word(enum why_not_verdict v); /* stable: "linked", "too_little" */

/* why_not_sentence - what it comes to: "They share 786 of 1000: 214 points are missing. ..." */
struct slice why_not_sentence(const struct why_not *w, struct arena *a);
/* why_not_key - of one shared key: "same user anna@contoso.com: weight 310 of 800, it is ordinary:
 * seen on 9 of 12 days before; 2 h apart leave 93 %: 289 points". why_not_term - of one term. */
struct slice why_not_key(const struct why_not *w, size_t i, struct arena *a);
struct slice why_not_term(const struct why_not *w, size_t i, struct arena *a);
/* why_not_step - one link of the path, as incident_sentence, with ids that people know. */
struct slice why_not_step(const struct why_not *w, size_t i, struct arena *a);

/* why_not_json - {"alertId","otherId","incidentId","otherIncidentId","verdict","sentence","score",
 * "threshold","missing","gapSeconds","keys":[{"key","value","weight","otherWeight","of","days",
 * "decay","points","state","words"}],"terms":[{"term","state","points","words"}],"path":[{"alertId",
 * "partner","score","sentence"}],"related":{"why","score"}}; stable. SLICE_NONE: no room. */
struct slice why_not_json(const struct why_not *w, struct arena *a);

#endif
