/*
 * tenants.h: the control database: tenants, directories, consent, purges, audit.
 *
 * No content: names are sealed, a directory id is its HMAC (32 bytes). Functions queue statements
 * (db_send) and build parameters in the arena. Times: 100 ns since 1970.
 * Ref: design.md 6 and 7, erasure.md 7.
 */
#ifndef WEIR_TENANTS_H
#define WEIR_TENANTS_H
#include "schemas/codec.h"
#include "store/db.h"

struct tenants_row {
    struct oid oid;
    int32_t epoch;
    struct slice directory_hmac;
    struct slice directory, name; /* sealed */
    struct slice region;
    int32_t shard;
    enum tenant_state state;
    int32_t sources;          /* mask: bit source number */
    int32_t identity_channel; /* enum identity_channel */
    int64_t settings_version;
    int64_t created, changed; /* changed: of the state */
};

/* tenants_insert - ERR_REJECT "db.conflict": the directory has a tenant that is not purged. */
void tenants_insert(struct db *db, struct arena *a, const struct tenants_row *row,
                    struct db_answer answer);
/* tenants_get_by_hmac - the one that is not purged; no row: there is none. */
void tenants_get_by_hmac(struct db *db, struct arena *a, struct slice directory_hmac,
                         struct db_answer answer);
void tenants_get_by_oid(struct db *db, struct arena *a, const struct oid *oid,
                        struct db_answer answer);
/* tenants_list - by creation; region NONE: of all regions; purged ones only when asked. */
void tenants_list(struct db *db, struct arena *a, struct slice region, bool purged,
                  struct db_answer answer);
void tenants_get_row(const struct db_rows *rows, size_t row, struct tenants_row *out);

/* tenants_set_state - only the moves of erasure.md 6; affected 0: not in one of the states that
 * lead there. A purged tenant's sealed names are removed. */
void tenants_set_state(struct db *db, struct arena *a, const struct oid *oid, enum tenant_state to,
                       int64_t at, struct db_answer answer);
/* tenants_set_settings - sources and identity channel; -1 leaves one alone. Raises the settings
 * version, also when nothing else changed (credentials did), and answers one row: the version. */
void tenants_set_settings(struct db *db, struct arena *a, const struct oid *oid, int32_t sources,
                          int32_t identity_channel, int64_t at, struct db_answer answer);

/* ---- directories: what outlives an opt-out */

struct tenants_directory {
    int32_t epochs;           /* opt-ins so far */
    int64_t last_incident_id; /* ids go on counting */
};
/* tenants_directory_next - count one more opt-in; one row: its epoch and the last incident id. */
void tenants_directory_next(struct db *db, struct arena *a, struct slice directory_hmac,
                            struct db_answer answer);
void tenants_directory_get(struct db *db, struct arena *a, struct slice directory_hmac,
                           struct db_answer answer);
void tenants_directory_row(const struct db_rows *rows, size_t row, struct tenants_directory *out);
/* tenants_directory_set_last - never lowers it. */
void tenants_directory_set_last(struct db *db, struct arena *a, struct slice directory_hmac,
                                int64_t last_incident_id, struct db_answer answer);

/* ---- consent, audit */

struct tenants_consent {
    struct oid oid;
    struct slice version; /* of the text */
    struct slice by;      /* sealed */
    struct slice role;
    int64_t at;
};
void tenants_consent_add(struct db *db, struct arena *a, const struct tenants_consent *row,
                         struct db_answer answer);
void tenants_consent_of(struct db *db, struct arena *a, const struct oid *oid,
                        struct db_answer answer); /* newest first */
void tenants_consent_row(const struct db_rows *rows, size_t row, struct tenants_consent *out);

struct tenants_audit {
    int64_t at;
    struct slice actor; /* role or "operator"; never a name of a person of the tenant */
    struct slice action;
    bool has_oid;
    struct oid oid;
    int32_t epoch;
    struct slice detail; /* no content */
};
void tenants_audit_add(struct db *db, struct arena *a, const struct tenants_audit *row,
                       struct db_answer answer);

/* ---- purges */

struct tenants_purge {
    struct slice id; /* GUID text */
    struct oid oid;
    int32_t epoch;
    struct slice region;
    int64_t requested_at;
    struct slice requested_by; /* role */
    struct slice state;        /* "running", "done" */
    int64_t finished_at;       /* CLOCK_NONE: not yet */
};
/* tenants_purge_add - a second one for the same oid changes nothing; one row: the id that counts.
 */
void tenants_purge_add(struct db *db, struct arena *a, const struct tenants_purge *row,
                       struct db_answer answer);
/* tenants_purge_list - region NONE: all; done ones only when asked; oldest first. */
void tenants_purge_list(struct db *db, struct arena *a, struct slice region, bool done,
                        struct db_answer answer);
void tenants_purge_get(struct db *db, struct arena *a, struct slice id, struct db_answer answer);
void tenants_purge_row(const struct db_rows *rows, size_t row, struct tenants_purge *out);
/* tenants_purge_done - state done. */
void tenants_purge_done(struct db *db, struct arena *a, struct slice id, int64_t at,
                        struct db_answer answer);

struct tenants_purge_step {
    struct slice purge_id, step;
    int64_t at;
    struct slice evidence; /* JSON */
};
/* tenants_purge_step_add - a repeat keeps the first. */
void tenants_purge_step_add(struct db *db, struct arena *a, const struct tenants_purge_step *row,
                            struct db_answer answer);
void tenants_purge_steps(struct db *db, struct arena *a, struct slice purge_id,
                         struct db_answer answer); /* in order of time */
void tenants_purge_step_row(const struct db_rows *rows, size_t row, struct tenants_purge_step *out);

/* ---- a tenant's schema, in the region's database (erasure.md 4 and 7) */

/* tenants_tables - one row a table of the tenant's schema: its name; the big ones last. */
void tenants_tables(struct db *db, struct arena *a, const struct oid *oid, struct db_answer answer);
/* tenants_drop_table - drop one table (a name that tenants_tables gave) if it is there; each in a
 * transaction of its own. tenants_drop_schema - the schema, which must be empty. */
void tenants_drop_table(struct db *db, struct arena *a, const struct oid *oid, struct slice table,
                        struct db_answer answer);
void tenants_drop_schema(struct db *db, struct arena *a, const struct oid *oid,
                         struct db_answer answer);
/* tenants_delete_shared - rows of the region's shared tables that carry the oid. */
void tenants_delete_shared(struct db *db, struct arena *a, const struct oid *oid,
                           struct db_answer answer);

#endif
