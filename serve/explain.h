/*
 * explain.h: why each alert of an incident is where it is, from the stored reasons. Pure.
 *
 * Ref: correlation.md 12. The points of an alert's parts add up to its score.
 */
#ifndef WEIR_EXPLAIN_H
#define WEIR_EXPLAIN_H
#include "common/arena.h"
#include "common/err.h"
#include "normalize/incident.h"
#include "serve/bundle.h"
#include "serve/scene.h"
#include "store/alerts.h"
#include "store/incidents.h"

struct explain_alert {
    const struct alerts_full *alert;
    bool pinned;     /* a person keeps it in this incident */
    bool has_reason; /* false: none is stored, the rest below is absent */
    struct incident_reason reason;
    struct slice partner;  /* unified id of the partner, else as stored; NONE: it opened */
    struct slice sentence; /* never absent */
};

/*
 * explain_of - the story of an incident: its alerts in the order of their first activity.
 *
 * links  of these alerts, in any order
 * out    n_alerts of them, in the arena; borrowed: alerts and links
 *
 * Errors: ERR_RETRY "explain.memory". A reason that cannot be read counts as not stored.
 */
MUST_CHECK struct err explain_of(const struct alerts_full *alerts, size_t n_alerts,
                                 const struct incidents_link *links, size_t n_links,
                                 struct arena *a, struct explain_alert **out);

/*
 * explain_canonical - the same, but of the strongest links that hold the incident together today,
 * whatever order its alerts came in. links: the stored reasons, told of alerts that no link
 * reaches.
 *
 * what  one live incident, with all its alerts
 *
 * Errors: as explain_of, scene_engine and incident_canonical.
 * Ref:    correlation.md 12, explain --canonical.
 */
MUST_CHECK struct err explain_canonical(const struct scene *what,
                                        const struct incidents_link *links, size_t n_links,
                                        struct arena *a, struct explain_alert **out);

/* explain_pins - says of alerts that a person put into the incident, or split off others, that it
 * was so, before their sentences. ERR_RETRY "explain.memory". */
MUST_CHECK struct err explain_pins(struct explain_alert *alerts, size_t n,
                                   const struct pins_row *pins, size_t n_pins, struct arena *a);

/* explain_bundle - what a bundle read of one incident: the stored reasons, or, with parameters, the
 * strongest links (it must have its aliases then); and what people said. Errors as above. */
MUST_CHECK struct err explain_bundle(const struct bundle *b, const struct alerts_full *alerts,
                                     size_t n, const struct params *canonical,
                                     struct explain_alert **out);

/* explain_json - {"incidentId","name","alerts":[{"alertId","title","source","time","score",
 * "partner","sentence","parts":[{"part","key","value","weight","decay","points"}]}]}; stable.
 * SLICE_NONE: the arena is full. */
struct slice explain_json(const struct incidents_row *incident, const struct explain_alert *alerts,
                          size_t n, struct arena *a);

#endif
