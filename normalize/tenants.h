/*
 * tenants.h: what the normalizer keeps in memory of each tenant it met: settings and the
 * correlator's engine, loaded from the region's database at the tenant's first record.
 *
 * Bounded: beyond normalize.tenants those unused for longest are forgotten, when a batch begins;
 * they are loaded again when they are met again. Ref: correlation.md 13.
 */
#ifndef WEIR_NORMALIZE_TENANTS_H
#define WEIR_NORMALIZE_TENANTS_H
#include "common/seal.h"
#include "ingest/source.h"
#include "normalize/incident.h"
#include "store/db.h"

struct tenants; /* opaque: all of them */

struct tenant {
    struct oid oid;
    int32_t epoch;
    struct incident_engine *engine; /* NULL: not loaded */
    struct arena *settings;         /* of what follows */
    struct key_tenant keys;
    struct params params; /* the installation's, and over them the tenant's own */
    char params_digest[PARAMS_DIGEST_TEXT];
    struct slice directory_id;
    enum identity_channel channel;
    int64_t first_id;            /* of its incidents in this epoch */
    struct incident_clock clock; /* as it was loaded */
    bool loading;
    struct err failed; /* loading: the first error */
    uint64_t used;     /* turn of its last use */
    size_t share;      /* the batch's own: where in its window this tenant's share is */
    size_t bytes;      /* of its engine, as last weighed */
    struct tenants *all;
    struct tenant *next;
};

/* tenants_new - p: the installation's parameters, copied. NULL: out of memory. */
struct tenants *tenants_new(struct seal *seal, const struct conf *c, const struct params *p);
void tenants_free(struct tenants *t);

/* tenants_get - the tenant epoch, loaded or not; NULL: out of memory. Another epoch of the same oid
 * does not exist (design.md 1); a different number is taken as it is. */
struct tenant *tenants_get(struct tenants *t, const struct oid *oid, int32_t epoch);

/* tenants_load - queues what has to be known of the tenant first; tenants_load_live, after the
 * sync, what its live window holds. When that is done, too, tenants_loaded says whether it is there
 * (else the errors of db_send, of seal_open, "settings.*", "days.*", "incident.memory"). One that
 * was loaded before is left alone by the last two. */
void tenants_load(struct tenant *t, struct db *db, struct arena *a);
void tenants_load_live(struct tenant *t, struct db *db, struct arena *a);
MUST_CHECK struct err tenants_loaded(struct tenant *t);

/* tenants_recall - queues what brings incidents back into the memory of a tenant that is loaded,
 * with all their alerts; tenants_loaded, after the sync, ends it. Before a batch's first alert. */
void tenants_recall(struct tenant *t, struct db *db, struct arena *a, const int64_t *incident_ids,
                    size_t n);

/* tenants_parameters - a loaded tenant's own parameters from now on, for its engine, too: the
 * document over the installation's. ERR_REJECT: of params_read; ERR_RETRY: memory. They are left
 * alone then. */
MUST_CHECK struct err tenants_parameters(struct tenant *t, struct slice json);

/* tenants_drop - its memory is not what the store holds, or the tenant is gone. */
void tenants_drop(struct tenant *t);
void tenants_drop_all(struct tenants *t);

/* tenants_weigh - the tenant's engine has changed: weir_correlation_bytes. */
void tenants_weigh(struct tenant *t);

/* tenants_turn - a batch begins: what was not used for longest may go now; older pointers to
 * tenants are dead. */
void tenants_turn(struct tenants *t);

#endif
