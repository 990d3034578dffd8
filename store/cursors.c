/* cursors.c: sealed small things of a tenant: cursors, credentials, settings. */
#include "store/cursors.h"

#include "sql.h"
#include "store/columns.h"

static const struct column cursor_columns[] = {
    COLUMN(I32, struct cursors_row, source),
    COLUMN(BYTES, struct cursors_row, sealed),
    COLUMN(I64, struct cursors_row, updated),
    {COLUMN_END, 0, 0},
};

static const struct column credential_columns[] = {
    COLUMN(I32, struct cursors_row, source),
    COLUMN(BYTES, struct cursors_row, sealed),
    {COLUMN_END, 0, 0},
};

static const struct column setting_columns[] = {
    COLUMN(TEXT, struct settings_row, name),
    COLUMN(BYTES, struct settings_row, sealed),
    {COLUMN_END, 0, 0},
};

void
cursors_load(struct db *db, struct arena *a, const struct oid *tenant, struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_cursors_load, tenant, answer, NO_PARAMS);
}

void
cursors_save(struct db *db, struct arena *a, const struct oid *tenant,
             const struct cursors_row *rows, size_t n, struct db_answer answer)
{
    columns_send_rows(db, a, sql_cursors_save, tenant, cursor_columns, rows, sizeof *rows, n,
                      answer);
}

void
credentials_load(struct db *db, struct arena *a, const struct oid *tenant, struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_credentials_load, tenant, answer, NO_PARAMS);
}

void
credentials_save(struct db *db, struct arena *a, const struct oid *tenant,
                 const struct cursors_row *rows, size_t n, struct db_answer answer)
{
    columns_send_rows(db, a, sql_credentials_save, tenant, credential_columns, rows, sizeof *rows,
                      n, answer);
}

void
credentials_delete(struct db *db, struct arena *a, const struct oid *tenant, int32_t source,
                   struct db_answer answer)
{
    columns_send(db, sql_credentials_delete, tenant, answer, PARAMS(db_i32(a, source)));
}

void
cursors_load_row(const struct db_rows *rows, size_t row, struct cursors_row *out)
{
    columns_read(rows, row, 0, cursor_columns, NULL, out);
}

void
settings_load(struct db *db, struct arena *a, const struct oid *tenant, struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_settings_load, tenant, answer, NO_PARAMS);
}

void
settings_save(struct db *db, struct arena *a, const struct oid *tenant,
              const struct settings_row *rows, size_t n, struct db_answer answer)
{
    columns_send_rows(db, a, sql_settings_save, tenant, setting_columns, rows, sizeof *rows, n,
                      answer);
}

void
settings_load_row(const struct db_rows *rows, size_t row, struct settings_row *out)
{
    columns_read(rows, row, 0, setting_columns, NULL, out);
}
