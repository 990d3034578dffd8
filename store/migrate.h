/*
 * migrate.h: schemas of the databases, one file a step.
 *
 * Steps live in store/migrations/{control,region,tenant}/NNNN_<what>.sql, built in. Each step and
 * its row in schema_version are one transaction; an advisory lock lets one runner work. A database
 * newer than this program is refused. Ref: operators.md 1.4, erasure.md 4.
 */
#ifndef WEIR_MIGRATE_H
#define WEIR_MIGRATE_H

struct migration {
    const char *name; /* "0001_progress"; NULL ends the table */
    const char *sql;
};

extern const struct migration migrations_control[];
extern const struct migration migrations_region[];
extern const struct migration migrations_tenant[]; /* once for each tenant's schema */

#endif
