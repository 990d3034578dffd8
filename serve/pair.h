/*
 * pair.h: two alerts with their incidents, read in two round trips, for why-not.
 *
 * First the alerts by the ids that people know, then their incidents with all alerts, and what is
 * stored of the two incidents together. `compose` runs while the alerts' rows are there.
 */
#ifndef WEIR_PAIR_H
#define WEIR_PAIR_H
#include "normalize/incident.h"
#include "store/alerts.h"
#include "store/incidents.h"
#include "store/pins.h"

struct why_not;

struct pair {
    /* the caller's; must stay until done */
    struct db *db;
    const struct oid *oid;
    struct arena *arena;
    const struct params *params;
    struct slice ids[2];
    /* what the two have in common is known: make what is asked of it */
    struct err (*compose)(struct pair *p, const struct why_not *w);
    void (*done)(void *arg, struct err e); /* once, on the loop */
    void *arg;
    struct slice text; /* for compose to fill */
    /* what was read; texts in the arena */
    int64_t incident_ids[2];
    size_t found;
    struct incidents_row rows[2];
    size_t n_rows;
    struct pins_row *pins; /* of both incidents */
    size_t n_pins;
    struct incident_alias *aliases;
    size_t n_aliases;
    struct incidents_relation related;
    bool has_related;
    const struct alerts_full *alerts; /* of both incidents, while compose runs */
    size_t n_alerts;
    struct err failed;
};

/* pair_get - done(ERR_OK) after compose; its errors, those of the store, scene_engine and
 * incident_shared; ERR_REJECT "pair.none": there is no alert of that id; "pair.same": it is one. */
void pair_get(struct pair *p);

#endif
