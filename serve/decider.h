/*
 * decider.h: a person's decision on its way: into the log, and back as what became of it.
 *
 * Only normalize writes incidents. A decision is sent to the tenant's partition of weir.R.alerts;
 * the row of its outcome, told by DECISIONS_CHANNEL, ends the wait. A request that was decided
 * before is not sent again, so whoever heard nothing may ask again with the same id. For the API
 * and for the commands. Ref: design.md 5, promise 5.
 */
#ifndef WEIR_DECIDER_H
#define WEIR_DECIDER_H
#include "common/conf.h"
#include "common/loop.h"
#include "common/oid.h"
#include "schemas/decision.h"
#include "store/db.h"

enum { DECIDER_WAITING_MAX = 1000 };

struct decider; /* opaque */

/* decider_open - db: the region's, listening on DECISIONS_CHANNEL from now on, whose notifications
 * the owner hands on; borrowed, like loop and conf. ERR_STOP "decider.memory", of seal_new,
 * codec_new and bus_producer_open. */
MUST_CHECK struct err decider_open(struct loop *l, const struct conf *c, const char *region,
                                   struct db *db, int64_t wait_ms, struct decider **out);
/* decider_close - who waits is told ERR_RETRY "decider.closed"; then closed(arg), which may be
 * NULL. NULL is fine. Before db is closed. */
void decider_close(struct decider *d, void (*closed)(void *arg), void *arg);

/* What is sent; borrowed until decider_send returns. */
struct decider_ask {
    struct oid oid;
    int32_t epoch;
    struct slice id; /* GUID, lower case: one decision */
    struct slice by;
    const struct decision *decision; /* checked */
};

/* What became of it; texts live until done returns. */
struct decider_result {
    bool applied;
    int64_t incident_id;          /* to look at now; 0: none */
    struct slice outcome, detail; /* refused: a code and a sentence */
};

/*
 * decider_send - done(arg, result, e) once, later; result NULL unless e is ERR_OK.
 *
 * Errors: given to done: ERR_RETRY "decider.late" (in the log, but not stored within wait_ms: it
 *         will be), "decider.full" (too many wait), "decider.unsent" or "bus.*" (Kafka has not
 *         confirmed it: it may be in the log or not), "decider.closed", "decider.memory";
 * ERR_REJECT and ERR_STOP: of seal_close, codec_control and the store.
 */
void decider_send(struct decider *d, const struct decider_ask *ask,
                  void (*done)(void *arg, const struct decider_result *r, struct err e), void *arg);

/* decider_notified - a notification of DECISIONS_CHANNEL. decider_up - the database is there
 * again: what was told meanwhile is asked for. */
void decider_notified(struct decider *d, const char *payload);
void decider_up(struct decider *d);

#endif
