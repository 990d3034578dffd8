/* source_status.c: how each source of a tenant is doing. */
#include "store/source_status.h"

#include "sql.h"
#include "store/columns.h"

static const struct column columns[] = {
    COLUMN(I32, struct source_status_row, source),
    COLUMN(TIME, struct source_status_row, asked),
    COLUMN(TIME, struct source_status_row, tried),
    COLUMN(TIME, struct source_status_row, succeeded),
    COLUMN(TIME, struct source_status_row, newest),
    COLUMN(I64, struct source_status_row, clock_ahead),
    COLUMN(TEXT, struct source_status_row, code),
    COLUMN(BYTES, struct source_status_row, sealed),
    COLUMN(I64, struct source_status_row, alerts),
    COLUMN(I64, struct source_status_row, requests),
    COLUMN(TEXT, struct source_status_row, quota),
    COLUMN(I64, struct source_status_row, updated),
    {COLUMN_END, 0, 0},
};

void
source_status_load(struct db *db, struct arena *a, const struct oid *tenant,
                   struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_source_status_load, tenant, answer, NO_PARAMS);
}

void
source_status_load_row(const struct db_rows *rows, size_t row, struct source_status_row *out)
{
    columns_read(rows, row, 0, columns, NULL, out);
}

void
source_status_save(struct db *db, struct arena *a, const struct oid *tenant,
                   const struct source_status_row *row, struct db_answer answer)
{
    columns_send_row(db, a, sql_source_status_save, tenant, columns, row, answer);
}
