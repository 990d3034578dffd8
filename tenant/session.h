/*
 * session.h: what a command that works on tenants needs: databases, keys, the control topic.
 *
 * A session runs its own loop and waits for each answer: for commands and for the purge worker,
 * which does one thing after the other; never inside a callback.
 */
#ifndef WEIR_SESSION_H
#define WEIR_SESSION_H
#include "common/bus.h"
#include "common/cli.h"
#include "common/loop.h"
#include "common/seal.h"
#include "schemas/codec.h"
#include "store/db.h"
#include "store/tenants.h"
#include "tenant/directory.h"

enum { SESSION_WAIT_MS = 5000, SESSION_REGION_MAX = 32 };

struct session {
    const struct conf *conf;
    struct loop *loop;
    struct arena *arena; /* what is read; reset by its owner */
    struct db *control;
    struct db *region; /* of the region asked for last; NULL: none yet */
    char region_name[SESSION_REGION_MAX];
    struct bus_producer *producer; /* NULL: not needed yet */
    struct seal *seal;
    struct codec *codec;
};

/* session_open - connects to the control database. Errors: ERR_STOP "conf.*"; ERR_RETRY
 * "db.connect": it does not answer. The session is open in either case: close it. */
MUST_CHECK struct err session_open(struct session *s, const struct conf *c, bool signals);
void session_close(struct session *s);

/* session_region - connects s->region to a region's database. ERR_STOP "usage.region": no such
 * region in the configuration; ERR_RETRY "db.connect". */
MUST_CHECK struct err session_region(struct session *s, struct slice region);

/* A tenant as the control database has it; texts in the session's arena, names opened. */
struct session_tenant {
    struct tenants_row row;
    struct slice directory, name; /* plain; NONE: purged */
};

/* session_find - the tenant of a directory that is not purged; *found tells. */
MUST_CHECK struct err session_find(struct session *s, const struct directory *d, bool *found,
                                   struct session_tenant *out);
/* session_need - as session_find; ERR_STOP "refused.unknown_tenant" when it is not on. Also opens
 * its region. */
MUST_CHECK struct err session_need(struct session *s, const char *guid, struct session_tenant *out);
/* session_list - all tenants of a region (NONE: all), purged ones only when asked. */
MUST_CHECK struct err session_list(struct session *s, struct slice region, bool purged,
                                   struct session_tenant **out, size_t *n);

/* session_lock - this session alone turns a tenant epoch on or erases it, until session_unlock or
 * its end. *ours false: another one does. Errors of db_send. */
MUST_CHECK struct err session_lock(struct session *s, const struct oid *oid, bool *ours);
MUST_CHECK struct err session_unlock(struct session *s, const struct oid *oid);

/* session_publish - the tenant's state to weir.R.control, confirmed; a tombstone when state is
 * TENANT_PURGED. ERR_RETRY "bus.connect": not confirmed within SESSION_WAIT_MS. */
MUST_CHECK struct err session_publish(struct session *s, struct slice region,
                                      const struct tenant_record *r);

#endif
