/*
 * progress.h: how far each partition was consumed, and which workers live.
 *
 * Rows, events and a partition's next offset are one transaction. A new owner raises the
 * partition's epoch; a worker that lost it matches no row and its transaction fails.
 * All functions queue statements (db_send) for the region's database; the caller syncs.
 * Parameters are built in the arena and copied before the function returns.
 * Ref: design.md 5, promise 2; libraries.md 4.2.
 */
#ifndef WEIR_PROGRESS_H
#define WEIR_PROGRESS_H
#include "store/db.h"

enum { PROGRESS_BEGINNING = -2 }; /* next_offset of a partition nobody consumed yet */

struct progress_claimed {
    int64_t epoch;       /* the claimer's from now on */
    int64_t next_offset; /* where to go on; PROGRESS_BEGINNING: at the start of the log */
};

/* progress_claim - raise the epoch of a partition, making its row when it is new; owner names the
 * worker. Answered with one row: progress_claimed_row. In a batch of its own, before reading. */
void progress_claim(struct db *db, struct arena *a, struct slice consumer, struct slice topic,
                    int32_t part, struct slice owner, struct db_answer answer);
void progress_claimed_row(const struct db_rows *rows, size_t row, struct progress_claimed *out);

struct progress_row {
    int32_t part;
    int64_t next_offset, epoch;
};

/* progress_advance - the last statement before db_commit. Offsets only grow. Fails with ERR_REJECT
 * "db.fenced_partition" unless every row matched its epoch: roll back, drop the partitions' state,
 * claim again what is still assigned. */
void progress_advance(struct db *db, struct arena *a, struct slice consumer, struct slice topic,
                      const struct progress_row *rows, size_t n, struct db_answer answer);

/* A living worker; for doctor and for the purge, which waits for all of them. */
struct progress_worker {
    struct slice name, role;
    struct slice claims; /* free text: partitions */
    int64_t seen;        /* 100 ns */
};

/* progress_beat - this worker lives; repeat every few seconds. */
void progress_beat(struct db *db, struct arena *a, const struct progress_worker *w,
                   struct db_answer answer);
/* progress_alive - workers seen since (100 ns), sorted by name; older ones are deleted. */
void progress_alive(struct db *db, struct arena *a, int64_t since, struct db_answer answer);
void progress_worker_row(const struct db_rows *rows, size_t row, struct progress_worker *out);

#endif
