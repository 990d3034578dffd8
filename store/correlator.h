/*
 * correlator.h: what the correlator remembers of a tenant beside alerts and incidents: its clock,
 * how ordinary values have been, which names are one.
 *
 * Conventions as in alerts.h. Only normalize writes here. Ref: correlation.md 13.
 */
#ifndef WEIR_STORE_CORRELATOR_H
#define WEIR_STORE_CORRELATOR_H
#include "store/db.h"

/* How far the tenant's own time has come. */
struct correlator_clock {
    int64_t watermark_s; /* INT64_MIN: nothing was correlated yet */
    int32_t jump_day, jump_alerts;
    int32_t days_told; /* days before it are closed and kept */
    int64_t next_seq;
};

/* correlator_load - one row: the clock, and what only the store knows: the newest incident's id and
 * the time of the newest change (0: none). */
struct correlator_loaded {
    struct correlator_clock clock;
    int64_t last_id, last_updated;
};
void correlator_load(struct db *db, struct arena *a, const struct oid *tenant,
                     struct db_answer answer);
void correlator_loaded_row(const struct db_rows *rows, size_t row, struct correlator_loaded *out);
void correlator_save(struct db *db, struct arena *a, const struct oid *tenant,
                     const struct correlator_clock *c, struct db_answer answer);

/* A part of a closed day: values and whom they were met with, as normalize packs them. */
struct correlator_day {
    int32_t day, part;
    int32_t keys; /* how many are in it */
    struct slice packed;
};
/* correlator_days_add - a part that is there stays as it is. correlator_days_load - all, by day.
 * correlator_days_prune - forgets days before. */
void correlator_days_add(struct db *db, struct arena *a, const struct oid *tenant,
                         const struct correlator_day *rows, size_t n, struct db_answer answer);
void correlator_days_load(struct db *db, struct arena *a, const struct oid *tenant,
                          struct db_answer answer);
void correlator_day_row(const struct db_rows *rows, size_t row, struct correlator_day *out);
void correlator_days_prune(struct db *db, struct arena *a, const struct oid *tenant, int32_t before,
                           struct db_answer answer);

/* Two names of one user or device. */
struct correlator_alias {
    int32_t type; /* KEY_USER or KEY_DEVICE */
    struct slice a, b;
};
/* correlator_aliases_add - each pair is given once. correlator_aliases_load - all, in no order. */
void correlator_aliases_add(struct db *db, struct arena *a, const struct oid *tenant,
                            const struct correlator_alias *rows, size_t n, struct db_answer answer);
void correlator_aliases_load(struct db *db, struct arena *a, const struct oid *tenant,
                             struct db_answer answer);
void correlator_alias_row(const struct db_rows *rows, size_t row, struct correlator_alias *out);

#endif
