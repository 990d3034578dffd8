/*
 * migrate.h: schemas of the databases, one file a step.
 *
 * Steps live in store/migrations/{control,region,tenant}/NNNN_<what>.sql, built in. Each step and
 * its row in schema_version are one transaction; an advisory lock lets one runner work. A database
 * newer than this program is refused. Ref: operators.md 1.4, erasure.md 4.
 */
#ifndef WEIR_MIGRATE_H
#define WEIR_MIGRATE_H
#include <stddef.h>

#include "common/cli.h"
#include "store/db.h"

struct migration {
    const char *name; /* "0001_progress"; NULL ends the table */
    const char *sql;
};

extern const struct migration migrations_control[];
extern const struct migration migrations_region[];
extern const struct migration migrations_tenant[]; /* once for each tenant's schema */

/* What was done, or is left to do. */
struct migrate_report {
    size_t databases, tenants; /* looked at */
    size_t applied;            /* steps made */
    size_t pending;            /* steps missing; after a run: 0 */
    struct slice next;         /* the first missing one: "region 0002_x"; in the arena */
};

/*
 * migrate_control / migrate_region - bring a database up to date; a region's with all its tenants.
 *
 * db       connected; nothing may be queued
 * dry_run  only count what is missing
 *
 * Errors: ERR_RETRY "db.busy": another runner holds the lock; ERR_STOP "migrate.newer": the
 * database has a step that this program does not know; others of db.h. Both run the loop until they
 * are done: for commands, not for workers.
 */
MUST_CHECK struct err migrate_control(struct db *db, struct loop *l, bool dry_run, struct arena *a,
                                      struct migrate_report *out);
MUST_CHECK struct err migrate_region(struct db *db, struct loop *l, bool dry_run, struct arena *a,
                                     struct migrate_report *out);

/* migrate_tenant - make or bring up to date one tenant's schema: opt-in, and its repeat after a
 * crash. As migrate_region, but for one tenant. */
MUST_CHECK struct err migrate_tenant(struct db *db, struct loop *l, const struct oid *oid,
                                     bool dry_run, struct arena *a, struct migrate_report *out);

/* migrate_tenant_start - the same without running the loop, for the API: done(arg, e) once. db must
 * be idle and stay untouched until then. */
void migrate_tenant_start(struct db *db, struct loop *l, const struct oid *oid,
                          void (*done)(void *arg, struct err e), void *arg);

/*
 * migrate_require - a worker's region database has come up: does it have what this program was
 * built with? If not, the worker ends by loop_stop(l, CLI_CONFIGURATION), and the log says what to
 * do; else nothing happens. A newer database is none of its business: that is migrated first,
 * workers follow. Queues one statement; called again each time the database comes back.
 */
void migrate_require(struct db *db, struct loop *l);

/* migrate_check - steps missing in all databases of the configuration; for doctor and run. */
MUST_CHECK struct err migrate_check(const struct conf *c, struct loop *l, struct arena *a,
                                    struct migrate_report *out);

extern const struct cli_command db_migrate_command; /* weir db migrate [--dry-run] [--json] */

#endif
