/*
 * lifecycle.h: on and off.
 *
 * none -> provisioning -> active -> purging -> purged. Each function may be interrupted anywhere
 * and be run again: it goes on from what the databases say. Ref: design.md 7, erasure.md 6 and 7.
 */
#ifndef WEIR_LIFECYCLE_H
#define WEIR_LIFECYCLE_H
#include "tenant/session.h"
#include "tenant/settings.h"

struct lifecycle_consent {
    struct slice version, by, role; /* by: a person's name, sealed */
};

struct lifecycle_on {
    struct session_tenant tenant;
    bool was_on; /* it was active before; nothing was changed */
};

/*
 * lifecycle_opt_in - provision a tenant and turn it on.
 *
 * name       for people; sealed
 * settings   checked by settings_read
 * by_staff   actor of the audit entry: "operator", or a directory role
 *
 * Errors: ERR_STOP "refused.region": it is on in another region, which never changes;
 *         "refused.purging": it is being erased, come back when that is done; "usage.*";
 *         ERR_RETRY "tenant.busy": somebody else turns it on or off at this moment; "db.*",
 *         "bus.connect": run it again, it goes on where it was.
 */
MUST_CHECK struct err lifecycle_opt_in(struct session *s, const struct directory *d,
                                       struct slice region, struct slice name,
                                       const struct settings *settings,
                                       const struct lifecycle_consent *consent, struct slice actor,
                                       struct lifecycle_on *out);

/* lifecycle_opt_out - the fence in the control database, and the purge's row: from here on nobody
 * can undo it. purge_id (at least 37 bytes) names what `purge_run` is to do. A second call for the
 * same tenant gives the same purge. */
MUST_CHECK struct err lifecycle_opt_out(struct session *s, const struct session_tenant *t,
                                        struct slice actor, char *purge_id);

#endif
