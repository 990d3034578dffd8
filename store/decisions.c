/* decisions.c: what became of people's requests. */
#include "store/decisions.h"

#include "sql.h"
#include "store/columns.h"

/* in the order of decisions_add.sql and of the result of decisions_get.sql */
static const struct column columns[] = {
    COLUMN(TEXT, struct decisions_row, id),       COLUMN(I64, struct decisions_row, at),
    COLUMN(TEXT, struct decisions_row, kind),     COLUMN(I64, struct decisions_row, incident_id),
    COLUMN(I64, struct decisions_row, result_id), COLUMN(TEXT, struct decisions_row, outcome),
    COLUMN(TEXT, struct decisions_row, detail),   {COLUMN_END, 0, 0},
};

void
decisions_add(struct db *db, struct arena *a, const struct oid *tenant,
              const struct decisions_row *row, struct db_answer answer)
{
    columns_send_row(db, a, sql_decisions_add, tenant, columns, row, answer);
    columns_send(db, sql_decisions_notify, NULL, DB_UNTOLD, PARAMS(db_text(row->id)));
}

void
decisions_get(struct db *db, struct arena *a, const struct oid *tenant, struct slice id,
              struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_decisions_get, tenant, answer, PARAMS(db_text(id)));
}

void
decisions_get_row(const struct db_rows *rows, size_t row, struct decisions_row *out)
{
    columns_read(rows, row, 0, columns, NULL, out);
}

void
decisions_alerts(struct db *db, struct arena *a, const struct oid *tenant, const struct slice *ids,
                 size_t n, struct db_answer answer)
{
    columns_send(db, sql_decisions_alerts, tenant, answer, PARAMS(db_texts(a, ids, n)));
}

void
decisions_alert_row(const struct db_rows *rows, size_t row, struct decisions_alert *out)
{
    static const struct column alert_columns[] = {
        COLUMN(TEXT, struct decisions_alert, id),
        COLUMN(I32, struct decisions_alert, source),
        COLUMN(TEXT, struct decisions_alert, native_id),
        COLUMN(I64, struct decisions_alert, incident_id),
        {COLUMN_END, 0, 0},
    };
    columns_read(rows, row, 0, alert_columns, NULL, out);
}
