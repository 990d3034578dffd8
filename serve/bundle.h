/*
 * bundle.h: incidents with all that belongs to them, read in two round trips.
 *
 * First the incidents, then the comments, links and alerts of all of them in one batch. What is
 * made of them is the caller's `compose`, which runs while the alerts' rows are there, so that no
 * page of alerts is copied. For the API and for the commands.
 */
#ifndef WEIR_BUNDLE_H
#define WEIR_BUNDLE_H
#include "common/arena.h"
#include "common/err.h"
#include "normalize/incident.h"
#include "store/alerts.h"
#include "store/incidents.h"
#include "store/pins.h"

enum { BUNDLE_ALERTS_MAX = 10000 }; /* of all incidents of a page but the first */

struct bundle {
    /* the caller's; must stay until done */
    struct db *db;
    const struct oid *oid;
    struct arena *arena;
    bool with_links;   /* of one incident: also links and pins */
    bool with_aliases; /* and which names are one */
    struct err (*compose)(struct bundle *p, const struct alerts_full *alerts, size_t n_alerts);
    void (*done)(void *arg, struct err e); /* once, on the loop */
    void *arg;
    /* what was read; texts in the arena */
    struct incidents_row *rows;
    size_t n;
    int64_t top;
    bool more;                          /* further incidents fit the filter behind these */
    struct incidents_comment *comments; /* by incident, oldest first */
    size_t n_comments;
    struct incidents_link *links;
    size_t n_links;
    struct pins_row *pins;
    size_t n_pins;
    struct incident_alias *aliases;
    size_t n_aliases;
    struct slice text; /* for compose to fill */
    struct err failed;
};

/* bundle_aliases - the answer of correlator_aliases_load as the engine takes it; texts are copied.
 * False: the arena is full. */
bool bundle_aliases(const struct db_rows *rows, struct arena *a, struct incident_alias **out,
                    size_t *n);

/* bundle_list - the incidents of a filter, at most its top. An incident whose alerts would make the
 * page larger than BUNDLE_ALERTS_MAX ends it, and `more` says so. done(ERR_OK) after compose; its
 * errors, those of the store, ERR_RETRY "bundle.memory". */
void bundle_list(struct bundle *p, const struct incidents_filter *f);

/* bundle_get - one incident; ERR_REJECT "bundle.none": there is none of that id. */
void bundle_get(struct bundle *p, int64_t id);

#endif
