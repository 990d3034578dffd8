/*
 * purges.h: what a purge asks of the databases beside tenants.h: its lock, and what is left.
 *
 * Functions queue statements (db_send). Ref: erasure.md 7.
 */
#ifndef WEIR_PURGES_H
#define WEIR_PURGES_H
#include "store/db.h"

/* purges_lock - take what is named for this session, so that another process goes on with it when
 * the session dies; one row: true when it is ours. Control database. */
void purges_lock(struct db *db, struct arena *a, struct slice name, struct db_answer answer);
void purges_unlock(struct db *db, struct arena *a, struct slice name, struct db_answer answer);

/* purges_count - one row: the rows of a tenant's table; null when the table is not there. */
void purges_count(struct db *db, struct arena *a, const struct oid *tenant, struct slice table,
                  struct db_answer answer);

/* purges_left - one row: schemas of the tenant; rows of shared tables that carry its oid. */
void purges_left(struct db *db, struct arena *a, const struct oid *tenant, struct db_answer answer);

#endif
