/*
 * correlate_link.h: a kept log of alerts through the engine, tenant by tenant.
 */
#ifndef WEIR_CORRELATE_LINK_H
#define WEIR_CORRELATE_LINK_H
#include "normalize/correlate_log.h"
#include "normalize/correlate_write.h"

struct correlate_reason {
    struct slice id; /* the alert */
    size_t order;    /* in which it was given */
    struct correlate_why why;
};

/* What became of a tenant's alerts. */
struct correlate_result {
    int64_t *incident_of; /* of each kept alert; 0: a further version of an earlier one */
    struct correlate_reason *reasons; /* by id, then order */
    size_t n_reasons, cap_reasons;
    size_t refused; /* links that a cap refused */
};

/*
 * correlate_link - the tenant's alerts become incidents: first the day tables learn from all of
 * them, then they are linked in order.
 *
 * explain  also collect the reasons
 * a        the result lies there; reset by the caller
 * Errors:  ERR_RETRY "correlate.memory", "incident.memory", "days.memory", "keys.memory".
 */
MUST_CHECK struct err correlate_link(const struct correlate_log *log,
                                     const struct correlate_tenant *t, const struct params *p,
                                     bool explain, struct arena *a, struct correlate_result *out);

/* correlate_link_reasons - adds what an engine says since its last commit: the links of alerts that
 * joined. Also for a stream. Errors as above. */
MUST_CHECK struct err correlate_link_reasons(struct incident_engine *e, const struct params *p,
                                             struct arena *a, struct correlate_result *out);

/* correlate_link_why - the first reason of an alert, NULL: it opened its incident. */
const struct correlate_why *correlate_link_why(const struct correlate_result *r, struct slice id);

#endif
