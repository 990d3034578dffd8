/*
 * events.h: incident events between normalize and deliver; no content.
 *
 * Normalize adds them in its transaction, with a NOTIFY on EVENTS_CHANNEL (empty payload); deliver
 * reads them by partition in the order of seq, and deletes what was delivered. One writer a
 * partition (progress.h), so the order of seq is the order of commits there. Region database.
 */
#ifndef WEIR_EVENTS_H
#define WEIR_EVENTS_H
#include "store/db.h"

#define EVENTS_CHANNEL "weir_event"

struct events_row {
    int32_t partition; /* of the alerts topic */
    int64_t seq;       /* given by the store */
    struct oid oid;
    int32_t epoch;
    int64_t incident_id, version;
    struct slice kind, severity, status;                     /* Graph words */
    int32_t alerts, users, devices, sources;                 /* sources: mask */
    int64_t created, updated, first_activity, last_activity; /* 100 ns */
    int64_t merged_into;                                     /* 0: not merged */
    int64_t at;
};

/* events_add - all rows are of `tenant`. */
void events_add(struct db *db, struct arena *a, const struct oid *tenant,
                const struct events_row *rows, size_t n, struct db_answer answer);
/* events_partitions - rows of one column: the partitions that hold events, in order. */
void events_partitions(struct db *db, struct arena *a, struct db_answer answer);
/* events_lock / _unlock - this session alone delivers a partition; one row: true when it does. */
void events_lock(struct db *db, struct arena *a, int32_t partition, struct db_answer answer);
void events_unlock(struct db *db, struct arena *a, int32_t partition, struct db_answer answer);
void events_read(struct db *db, struct arena *a, int32_t partition, int64_t after, int64_t most,
                 struct db_answer answer);
void events_read_row(const struct db_rows *rows, size_t row, struct events_row *out);
/* events_delete - those of the partition up to and with seq. */
void events_delete(struct db *db, struct arena *a, int32_t partition, int64_t upto,
                   struct db_answer answer);

#endif
