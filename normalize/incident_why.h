/*
 * incident_why.h: what holds alerts together in the engine, and what is missing between two.
 *
 * The stored reason of an alert is the first that was found; what is told here depends on the
 * alerts only, whatever order they came in. Of alerts and incidents that are in memory. Pure.
 * Ref: correlation.md 12.
 */
#ifndef WEIR_INCIDENT_WHY_H
#define WEIR_INCIDENT_WHY_H
#include "normalize/incident.h"
#include "normalize/why.h"

/*
 * incident_canonical - the strongest links that hold an incident together, whatever order its
 * alerts came in: one reason an alert, an alert after its partner.
 *
 * A reason without a partner: the tree, or a part of it that no link reaches, begins with this
 * alert. With a partner and no parts: it repeats that alert.
 *
 * Owns:    everything in the arena, texts are borrowed from the engine.
 * Errors:  ERR_REJECT "incident.unknown", "tree.size"; ERR_RETRY "incident.memory", "tree.memory".
 * Ref:     correlation.md 12; tree.h.
 */
MUST_CHECK struct err incident_canonical(struct incident_engine *e, int64_t incident_id,
                                         struct arena *a, struct incident_reason **out, size_t *n);

/* incident_path - the way from one alert to another of the same incident through that tree: each
 * reason's partner is the next one's alert. *n 0: there is none. Errors as incident_canonical. */
MUST_CHECK struct err incident_path(struct incident_engine *e,
                                    const struct incident_alert_ref *from,
                                    const struct incident_alert_ref *to, struct arena *a,
                                    struct incident_reason **out, size_t *n);

/* What two alerts share, with the canonical value of each of why.keys. */
struct incident_shared {
    struct why why;
    struct slice *values;
    int32_t *days; /* of each key: on how many days of the history it was seen before; 0: none */
    uint8_t level, other_level;
    bool repeat; /* one repeats the other: they are one node */
};

/* incident_shared - of two alerts in memory, each with all that its repeats know. Errors as
 * incident_canonical. */
MUST_CHECK struct err incident_shared(struct incident_engine *e, const struct incident_alert_ref *x,
                                      const struct incident_alert_ref *y, struct arena *a,
                                      struct incident_shared *out);

#endif
