/*
 * cursors.h: sealed small things of a tenant: cursors, credentials, settings.
 *
 * Conventions as in alerts.h. What is sealed is sealed by the caller (common/seal), place
 * "pg|cursor|sealed|<source number>", "pg|credential|sealed|<source number>",
 * "pg|setting|sealed|<name>".
 */
#ifndef WEIR_CURSORS_H
#define WEIR_CURSORS_H
#include "store/db.h"

struct cursors_row {
    int32_t source; /* number */
    struct slice sealed;
    int64_t updated; /* 100 ns; 0 of a credential */
};

/* All rows of the tenant: at most one a source. */
void cursors_load(struct db *db, struct arena *a, const struct oid *tenant,
                  struct db_answer answer);
void cursors_save(struct db *db, struct arena *a, const struct oid *tenant,
                  const struct cursors_row *rows, size_t n, struct db_answer answer);
void credentials_load(struct db *db, struct arena *a, const struct oid *tenant,
                      struct db_answer answer);
void credentials_save(struct db *db, struct arena *a, const struct oid *tenant,
                      const struct cursors_row *rows, size_t n, struct db_answer answer);
void credentials_delete(struct db *db, struct arena *a, const struct oid *tenant, int32_t source,
                        struct db_answer answer);
void cursors_load_row(const struct db_rows *rows, size_t row,
                      struct cursors_row *out); /* of both */

struct settings_row {
    struct slice name, sealed;
};
void settings_load(struct db *db, struct arena *a, const struct oid *tenant,
                   struct db_answer answer);
void settings_save(struct db *db, struct arena *a, const struct oid *tenant,
                   const struct settings_row *rows, size_t n, struct db_answer answer);
void settings_load_row(const struct db_rows *rows, size_t row, struct settings_row *out);

#endif
