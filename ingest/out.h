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

struct out;        /* one tenant's; opaque */
struct out_shared; /* of all tenants of a worker: memory for one record, who waits for room; opaque
                    */

/* out_shared_new - producer is borrowed. The caller frees it after every out. NULL: out of memory.
 */
struct out_shared *out_shared_new(struct bus_producer *producer);
void out_shared_free(struct out_shared *h); /* NULL is fine */

struct out_owner {
    void *arg;
    /* nothing is under way any more; e: of the first record since the last time that was not
     * confirmed, ERR_OK when all were. ERR_REJECT: one of them is too large for the broker, which
     * refuses all that came with it; of one that was sent alone it is certain, and it is never sent
     * again */
    void (*idle)(void *arg, struct err e);
    void (*room)(void *arg); /* after out_send said ERR_RETRY "bus.full" */
};

/* out_new - env and tenant are borrowed. NULL: out of memory. */
struct out *out_new(const struct ingest *env, const struct ingest_tenant *tenant,
                    const struct out_owner *owner);

/*
 * out_send - one raw alert, received now (100 ns).
 *
 * A raw alert whose last confirmed bytes are the same is not sent again (*sent = false).
 * Errors: ERR_RETRY "bus.full": wait for owner.room; "ingest.memory", those of seal_close,
 *         codec_raw and bus_produce; ERR_REJECT: it can never be sent (too large).
 */
MUST_CHECK struct err out_send(struct out *o, const struct raw_alert *r, int64_t now, bool *sent);

size_t out_waiting(const struct out *o); /* records sent and not yet confirmed */

/* out_fatal - true for an error after which the producer can do no more (ERR_STOP "bus.fatal"): the
 * worker ends with loop_stop, another process begins anew. Its hooks close the caller. */
bool out_fatal(const struct ingest *env, const struct err *e);

/* out_free - no callback comes any more; records under way are confirmed into nothing. */
void out_free(struct out *o);

#endif
