/*
 * members.h: which tenants a worker works for, as the control topic says.
 *
 * A table by oid; what is done for a tenant is begun and ended by its owner. Pure but for those
 * calls. Ref: design.md 5 and 7.
 */
#ifndef WEIR_MEMBERS_H
#define WEIR_MEMBERS_H
#include "ingest/ingest.h"

struct members; /* opaque */

struct members_owner {
    void *arg;
    /* begin to work for a tenant; what is returned is given to end. NULL: out of memory */
    void *(*begin)(void *arg, const struct ingest_tenant *tenant);
    void (*end)(void *arg, const struct ingest_tenant *tenant, void *work);
};

/* members_new - owner is copied. NULL: out of memory. */
struct members *members_new(const struct source *source, const struct members_owner *owner);

/*
 * members_tell - one record of the control topic.
 *
 * A tenant that is active with this source on is begun; one that was begun already is ended and
 * begun anew when its epoch or settings changed, and left alone when not; any other is ended.
 *
 * Errors: ERR_STOP "ingest.memory": the tenant is on, and nothing is done for it.
 */
MUST_CHECK struct err members_tell(struct members *m, const struct tenant_record *r);

/* members_keeps - may what the tenant has sent to us stay here? It is on, or suspended and was. */
bool members_keeps(const struct members *m, const struct tenant_record *r);

void members_gone(struct members *m, const struct oid *oid); /* it was purged, or its schema is */
void members_clear(struct members *m);                       /* all are ended */
bool members_has(const struct members *m, const struct oid *oid);
/* members_each - the work of each tenant, in no order; it must not change who is a member. */
void members_each(struct members *m, void (*each)(void *arg, void *work), void *arg);
size_t members_count(const struct members *m);
void members_free(struct members *m); /* none may be left; NULL is fine */

#endif
