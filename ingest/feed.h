/*
 * feed.h: one tenant's lines to Kafka, by way of its spool.
 *
 * A line that was taken lies in the spool (spool.h) until Kafka has confirmed it: neither a Kafka
 * that is away nor the end of this process loses it. When the spool is full nothing more is taken.
 * Ref: design.md 5.
 */
#ifndef WEIR_FEED_H
#define WEIR_FEED_H
#include "ingest/ingest.h"

struct feed; /* opaque */

struct feed_owner {
    void *arg;
    void (*room)(void *arg);   /* after feed_take said ERR_RETRY: try again */
    void (*synced)(void *arg); /* feed_safe may say true of more */
};

/* feed_new - env is borrowed. NULL: out of memory. */
struct feed *feed_new(const struct ingest *env, const struct ingest_tenant *tenant,
                      const struct feed_owner *owner);

/* feed_exists - a spool was made before. */
bool feed_exists(const struct feed *f);

/* feed_open - the spool, once; what lies there goes to Kafka first. Errors: those of spool_open:
 * try again later. */
MUST_CHECK struct err feed_open(struct feed *f);

/*
 * feed_take - one raw alert, received now (100 ns).
 *
 * Errors: ERR_RETRY "spool.full", "spool.behind" (the disk is slow), "spool.write", "seal.key":
 *         it was not taken, owner.room will be called; ERR_REJECT: it can never be.
 */
MUST_CHECK struct err feed_take(struct feed *f, const struct raw_alert *r, int64_t now);

/* feed_mark - names all that was taken so far; feed_safe - whether that survives a power cut. */
int64_t feed_mark(const struct feed *f);
bool feed_safe(const struct feed *f, int64_t mark);

/* feed_close - no callback comes any more; the feed frees itself. While the loop stops it first
 * waits for the confirmations under way. NULL is fine. */
void feed_close(struct feed *f);

/* feed_forget - deletes the spool of a tenant that is off, if there is one. */
void feed_forget(const struct ingest *env, const struct oid *oid);

/* feed_folder - where all spools of the worker are; a folder in it is named by a tenant's oid.
 * False: the path does not fit. */
bool feed_folder(const struct ingest *env, char *out, size_t size);

#endif
