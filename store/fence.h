/*
 * fence.h: no write of a tenant that is not active, however late it comes.
 *
 * A writing transaction first takes the tenants' advisory locks shared, then checks state and
 * epoch; the purge takes the lock exclusively in the transaction that closes the tenant. So a write
 * is either committed before the fence, and erased, or refused. Region database.
 * Ref: erasure.md 6.
 */
#ifndef WEIR_FENCE_H
#define WEIR_FENCE_H
#include "schemas/codec.h"
#include "store/db.h"

struct fence_row {
    struct oid oid;
    int32_t epoch;
    enum tenant_state state; /* not looked at by fence_check */
};

/* fence_check - right after db_begin, once a batch for all its tenants. Queues two statements: the
 * locks, then the check (its own snapshot, taken after the locks). answer: of the check; ERR_REJECT
 * "db.fenced" when one tenant is not (active, that epoch): ask fence_states which. */
void fence_check(struct db *db, struct arena *a, const struct fence_row *rows, size_t n,
                 struct db_answer answer);

/* fence_states - a row for each of the tenants that is known: fence_states_row. */
void fence_states(struct db *db, struct arena *a, const struct oid *oids, size_t n,
                  struct db_answer answer);
void fence_states_row(const struct db_rows *rows, size_t row, struct fence_row *out);

/* fence_schema - whether the tenant has a schema, whatever is in it: fence_schema_row. Before other
 * statements it tells what their "db.undefined" means: no tenant, or a table that is missing. */
void fence_schema(struct db *db, struct arena *a, const struct oid *oid, struct db_answer answer);
bool fence_schema_row(const struct db_rows *rows);

/* fence_set - lock exclusively and write the tenant's state; in a transaction (db_begin). For
 * opt-in (active), suspension, and opt-out (purging): when that commits no writer is under way.
 * ERR_RETRY "db.busy": a writer holds the lock longer than lock_timeout. */
void fence_set(struct db *db, struct arena *a, const struct fence_row *row,
               struct db_answer answer);

/* fence_delete - forget a tenant that was purged (erasure.md 7, step 8). */
void fence_delete(struct db *db, struct arena *a, const struct oid *oid, struct db_answer answer);

#endif
