/*
 * classic.h: rows of the store as the incidents of /api/incidents. Pure.
 *
 * The wire's members, their order and their spelling: service.md 6.3 to 6.8. Lists are never null
 * (consumers.md Q12).
 */
#ifndef WEIR_CLASSIC_H
#define WEIR_CLASSIC_H
#include "common/err.h"
#include "serve/wire.h"
#include "store/alerts.h"
#include "store/incidents.h"

enum { CLASSIC_ENTITY_KEYS = 31 };

/* An incident with all that is inlined in it; alerts in the order they shall stand in. */
struct classic_incident {
    const struct incidents_row *row;
    const struct alerts_full *alerts;
    size_t n_alerts;
    const struct incidents_comment *comments;
    size_t n_comments;
};

/*
 * classic_incident - one incident as an object.
 *
 * context  value of @odata.context, which a single answer begins with; NULL: an item of a page
 * scratch  reset again and again: evidence is read in it
 *
 * Errors:  ERR_RETRY "classic.memory": the answer or an alert's evidence did not fit.
 */
MUST_CHECK struct err classic_incident(struct wire *w, const struct classic_incident *i,
                                       const char *context, struct arena *scratch);

/* classic_status - "active" as "Active"; the classic spelling of an incident's status. */
struct slice classic_status(struct slice stored);

#endif
