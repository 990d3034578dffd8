/*
 * batch_internal.h: a batch under way, shared by batch.c (gathering, the window, trouble),
 * batch_read.c (from records to what the store knows of them) and batch_write.c (the transaction's
 * rows). One window goes read, write, commit; each step calls the next from the loop.
 */
#ifndef WEIR_BATCH_INTERNAL_H
#define WEIR_BATCH_INTERNAL_H
#include "normalize/batch.h"
#include "normalize/judge.h"

/* A record as it came, copied. */
struct gathered {
    int32_t partition;
    int64_t offset;
    struct slice key, value;
    bool poison; /* it cannot be stored, not even alone */
    bool old;    /* a decision of an epoch that is over: passed over */
};

/* Decisions of the correlator in the window; they count when it is committed. */
struct batch_decisions {
    int64_t added_new, added_joined, added_merged, identity_conflicts;
};

struct batch {
    const struct batch_env *env;
    struct arena *records_arena;
    struct gathered *records;
    size_t n_records, records_capacity, bytes;
    /* the window that is worked on: all, or less when something in it could not be stored */
    size_t at, n_window;
    struct arena *work;
    struct delivery *deliveries; /* one a record of the window */
    size_t n_deliveries;
    struct share *shares;
    size_t n_shares;
    struct batch_decisions decisions;
    struct oid *fenced; /* tenants that are not to be written any more; in records_arena */
    size_t n_fenced, fenced_capacity, n_fenced_before;
    size_t n_passed;   /* decisions of old epochs found by the last question */
    struct err failed; /* the first error of the statements under way */
    void (*done)(void *arg, struct err e);
    void *arg;
    int64_t began_ms;
};

/* batch_share_out - decode the window's records and give each to its tenant. The window ends before
 * a decision whose tenant has something in it already, and before whatever follows a decision of
 * the same tenant: a decision has a transaction, and a version, of its own. ERR_RETRY: memory. */
MUST_CHECK struct err batch_share_out(struct batch *b);

/* batch_read - one transaction begins: fence, tenants met for the first time, what is known of the
 * alerts at hand. Then batch_recall, or batch_fail. */
void batch_read(struct batch *b);

/* batch_recall - incidents that left memory and are needed come back. Then batch_write, or
 * batch_fail. */
void batch_recall(struct batch *b);

/* batch_write - judge, queue rows and offsets, commit. Then batch_committed, or batch_fail. */
void batch_write(struct batch *b);

void batch_committed(struct batch *b);
void batch_fail(struct batch *b, struct err e); /* roll back, and what follows from that */

#endif
