/*
 * pins.h: where people, and merges, put alerts: pins, moves, suggested splits.
 *
 * Conventions as in alerts.h. Only normalize writes here. Ref: correlation.md 10 and 11.
 */
#ifndef WEIR_STORE_PINS_H
#define WEIR_STORE_PINS_H
#include "store/incidents.h"

struct pins_row {
    int32_t source;
    struct slice native_id;
    int64_t incident_id;
    int32_t together; /* 1: the alert stays in the incident; 0: it is kept apart from it */
};
void pins_upsert(struct db *db, struct arena *a, const struct oid *tenant,
                 const struct pins_row *rows, size_t n, struct db_answer answer);
/* pins_delete - `together` does not matter. */
void pins_delete(struct db *db, struct arena *a, const struct oid *tenant,
                 const struct pins_row *rows, size_t n, struct db_answer answer);
/* pins_load - pins to these incidents, and of alerts that are in them now; ids NULL: all. */
void pins_load(struct db *db, struct arena *a, const struct oid *tenant,
               const int64_t *incident_ids, size_t n, struct db_answer answer);
void pins_load_row(const struct db_rows *rows, size_t row, struct pins_row *out);

/* moves_add - before incidents_members_upsert with the same rows, in one transaction: remembers
 * where each alert leaves. moves_of - alerts that left an incident, oldest first; incident_id of
 * its rows is that incident. */
struct moves_row {
    int32_t source;
    struct slice native_id;
    int64_t incident_id;
    int64_t at;
};
void moves_add(struct db *db, struct arena *a, const struct oid *tenant,
               const struct incidents_member *rows, size_t n, int64_t at, struct db_answer answer);
void moves_of(struct db *db, struct arena *a, const struct oid *tenant, int64_t incident_id,
              struct db_answer answer);
void moves_row(const struct db_rows *rows, size_t row, struct moves_row *out);

/* Where an incident would come apart first: the two alerts that hold it together, and how many are
 * on either side. */
struct splits_row {
    int64_t incident_id;
    int32_t a_source;
    struct slice a_id;
    int32_t b_source;
    struct slice b_id;
    int32_t score, a_alerts, b_alerts;
    int64_t at;
};
void splits_upsert(struct db *db, struct arena *a, const struct oid *tenant,
                   const struct splits_row *rows, size_t n, struct db_answer answer);
/* splits_of - one row, or none. */
void splits_of(struct db *db, struct arena *a, const struct oid *tenant, int64_t incident_id,
               struct db_answer answer);
void splits_row(const struct db_rows *rows, size_t row, struct splits_row *out);

#endif
