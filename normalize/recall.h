/*
 * recall.h: what a share's alerts need from the store before the correlator is told of them:
 * incidents that left memory, of alerts that come again and of those that late alerts may meet.
 *
 * Alerts are noted first, then one question is asked, then the incidents are known by id. Bounded:
 * of each key at most RECALL_KEY_MAX alerts are met, newest first, and RECALL_ROWS_MAX are looked
 * at. Ref: correlation.md 8 and 13.
 */
#ifndef WEIR_RECALL_H
#define WEIR_RECALL_H
#include "normalize/incident.h"
#include "store/alerts.h"

enum { RECALL_KEY_MAX = 256, RECALL_ROWS_MAX = 100000 };

/* A key of late alerts, as its identity is called now. */
struct recall_key {
    enum key_type type;
    struct slice text;
    int64_t from_s, to_s; /* activity that a partner may have */
    size_t met;
};

struct recall {
    struct incident_engine *engine; /* borrowed, like the arena */
    struct arena *a;
    struct alerts_key *alerts; /* that the store knows and the engine does not */
    size_t n_alerts, alerts_capacity;
    struct recall_key *keys; /* after recall_ask: sorted, no repeats */
    size_t n_keys, keys_capacity;
    int64_t from_s, to_s, memory_s; /* of all keys; what is newer than memory_s is in memory */
    int64_t *incidents;             /* the answer; may repeat */
    size_t n_incidents, incidents_capacity;
    size_t cut; /* keys that had more partners than were met, and answers that were too long */
    struct err failed;
};

/* recall_begin - nothing is noted. */
void recall_begin(struct recall *r, struct incident_engine *e, struct arena *a);

/* recall_alert - an alert that the engine will be told of; known: the store has it. recall_member -
 * one that a person speaks of. recall_incident - an incident that a person speaks of. ERR_RETRY
 * "normalize.memory". */
MUST_CHECK struct err recall_alert(struct recall *r, const struct incident_alert *al, bool known);
MUST_CHECK struct err recall_member(struct recall *r, struct slice source, struct slice native_id);
MUST_CHECK struct err recall_incident(struct recall *r, int64_t id);

/* recall_ask - queues the questions, if there is any; true: after the sync recall_answered says
 * whether the incidents are known. */
bool recall_ask(struct recall *r, struct db *db, const struct oid *oid);
MUST_CHECK struct err recall_answered(const struct recall *r);

#endif
