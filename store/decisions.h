/*
 * decisions.h: what became of people's requests, each once.
 *
 * Normalize writes a row in the transaction that holds what was decided, with a NOTIFY on
 * DECISIONS_CHANNEL whose payload is the request's id. Conventions as in alerts.h.
 */
#ifndef WEIR_STORE_DECISIONS_H
#define WEIR_STORE_DECISIONS_H
#include "store/db.h"

#define DECISIONS_CHANNEL "weir_decision"
#define DECISIONS_APPLIED "applied"

struct decisions_row {
    struct slice id; /* GUID */
    int64_t at;
    struct slice kind;
    int64_t incident_id, result_id; /* result_id: to look at afterwards; 0: none */
    struct slice outcome;           /* DECISIONS_APPLIED, or a code */
    struct slice detail;            /* a sentence; NONE: none */
};

/* decisions_add - the first row of an id stays; wakes who waits for it. */
void decisions_add(struct db *db, struct arena *a, const struct oid *tenant,
                   const struct decisions_row *row, struct db_answer answer);
/* decisions_get - one row, or none: nothing became of it yet. Texts are borrowed. */
void decisions_get(struct db *db, struct arena *a, const struct oid *tenant, struct slice id,
                   struct db_answer answer);
void decisions_get_row(const struct db_rows *rows, size_t row, struct decisions_row *out);

/* decisions_alerts - what unified ids name; one that nothing has is left out. */
struct decisions_alert {
    struct slice id;
    int32_t source;
    struct slice native_id;
    int64_t incident_id; /* 0: none yet */
};
void decisions_alerts(struct db *db, struct arena *a, const struct oid *tenant,
                      const struct slice *ids, size_t n, struct db_answer answer);
void decisions_alert_row(const struct db_rows *rows, size_t row, struct decisions_alert *out);

#endif
