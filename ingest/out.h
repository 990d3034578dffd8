/*
 * out.h: raw alerts to Kafka, each confirmed.
 *
 * Seals, encodes and produces; counts what is under way for its owner, who may go on (store a
 * cursor, read the next line) when nothing is. What was confirmed lately is remembered by hash, so
 * that the overlap of the next round is not sent again.
 */
#ifndef WEIR_OUT_H
#define WEIR_OUT_H
#include "ingest/ingest.h"

struct out; /* one tenant's; opaque */

struct out_owner {
    void *arg;
    /* nothing is under way any more; failed: at least one record since the last time was not
     * confirmed */
    void (*idle)(void *arg, bool failed);
    void (*room)(void *arg); /* after out_send said ERR_RETRY "bus.full" */
};

/* out_new - env and tenant are borrowed. NULL: out of memory. */
struct out *out_new(const struct ingest *env, const struct ingest_tenant *tenant,
                    const struct out_owner *owner);

/*
 * out_send - one raw alert, received now (100 ns).
 *
 * A raw alert that was confirmed lately with the same bytes is not sent again (*sent = false).
 * Errors: ERR_RETRY "bus.full": wait for owner.room; ERR_REJECT: it can never be sent (too large).
 */
MUST_CHECK struct err out_send(struct out *o, const struct raw_alert *r, int64_t now, bool *sent);

size_t out_waiting(const struct out *o); /* records sent and not yet confirmed */

/* out_free - no callback comes any more; records under way are confirmed into nothing. */
void out_free(struct out *o);

#endif
