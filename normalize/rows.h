/*
 * rows.h: alerts and the correlator's changes as rows of the store.
 */
#ifndef WEIR_ROWS_H
#define WEIR_ROWS_H
#include "normalize/judge.h"
#include "store/correlator.h"
#include "store/events.h"
#include "store/pins.h"

/* rows_alert - the row of an alert that the tenant's engine has taken, in the arena; the payload of
 * a whole document is sealed into it. ERR_RETRY "normalize.memory", or of seal_close. */
MUST_CHECK struct err rows_alert(const struct tenant *t, const struct item *i,
                                 const struct alert *al, struct seal *seal, struct arena *a,
                                 struct alerts_row **out);

/* rows_alerts - the rows of all alerts of a share that are to be stored. */
MUST_CHECK struct err rows_alerts(const struct share *s, struct arena *a, struct alerts_row **out,
                                  size_t *n);

/* rows_state / rows_state_read - what the engine knows of an alert over all its versions, in the
 * column `keys`: times, seq, tactics, level, product, detector, the two flags, then keys_pack. read
 * gives back these; the rest of *al is left alone. Texts are borrowed. ERR_REJECT
 * "normalize.state".
 */
struct slice rows_state(const struct incident_alert *al, struct arena *a); /* NONE: no memory */
MUST_CHECK struct err rows_state_read(struct slice column, struct arena *a,
                                      struct incident_alert *al);

/* rows_alert_stored / rows_incident_stored - for incident_restore_*; texts are borrowed from the
 * row, keys are in the arena. digest: of the tenant's parameters now. Errors as rows_state_read;
 * ERR_STOP "normalize.source". */
MUST_CHECK struct err rows_alert_stored(const struct alerts_loaded *row, struct arena *a,
                                        struct incident_alert *out);
void rows_incident_stored(const struct incidents_loaded *row, struct slice digest,
                          struct incident_stored *out);

/* rows_mail / rows_dead / rows_ignored - what a share adds to those tables; n rows in *out. */
MUST_CHECK struct err rows_mail(const struct share *s, struct seal *seal, struct arena *a,
                                struct alerts_mail **out, size_t *n);
MUST_CHECK struct err rows_dead(const struct share *s, struct seal *seal, struct arena *a,
                                struct alerts_dead **out, size_t *n);
MUST_CHECK struct err rows_ignored(const struct share *s, struct arena *a,
                                   struct alerts_ignored **out, size_t *n);

/* rows_twins - documents of identity that are new, or have another mate. rows_twin_place - where
 * such a document is sealed for; NONE: no memory. */
MUST_CHECK struct err rows_twins(const struct share *s, struct seal *seal, struct arena *a,
                                 struct twins_row **out, size_t *n);
struct slice rows_twin_place(int32_t source, struct slice native_id, struct arena *a);

/* What the correlator changed, as rows. */
struct rows_changes {
    struct incidents_row *incidents;
    struct events_row *events; /* one an incident */
    size_t n_incidents;
    struct incidents_member *members;
    size_t n_members;
    struct incidents_link *links;
    size_t n_links;
    struct incidents_relation *related;
    size_t n_related;
};

/* rows_changes - partition: of the alerts topic, where the tenant is; at: when it changed. */
MUST_CHECK struct err rows_changes(const struct tenant *t, const struct incident_changes *c,
                                   int32_t partition, int64_t at, struct arena *a,
                                   struct rows_changes *out);

/* What the correlator remembers beside incidents, as rows. */
struct rows_memory {
    struct correlator_clock clock;
    struct correlator_day *days;
    size_t n_days;
    int32_t kept; /* days before are asked for no more; INT32_MIN: nothing was closed */
    struct correlator_alias *aliases;
    size_t n_aliases;
    struct pins_row *pins, *free; /* free: off from now on */
    size_t n_pins, n_free;
    struct splits_row *splits;
    size_t n_splits;
    bool moved; /* alerts may have left an incident */
};

/* rows_memory - at: when it changed. c->days are put in order. ERR_RETRY: memory. */
MUST_CHECK struct err rows_memory(const struct tenant *t, const struct incident_changes *c,
                                  int64_t at, struct arena *a, struct rows_memory *out);

#endif
