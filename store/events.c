/* events.c: incident events between normalize and deliver. */
#include "store/events.h"

#include "sql.h"
#include "store/columns.h"

#define EVENT(kind, member) COLUMN(kind, struct events_row, member)

void
events_add(struct db *db, struct arena *a, const struct oid *tenant, const struct events_row *rows,
           size_t n, struct db_answer answer)
{
    static const struct column columns[] = {
        EVENT(I32, partition),     EVENT(OID, oid),         EVENT(I32, epoch),
        EVENT(I64, incident_id),   EVENT(I64, version),     EVENT(TEXT, kind),
        EVENT(TEXT, severity),     EVENT(TEXT, status),     EVENT(I32, alerts),
        EVENT(I32, users),         EVENT(I32, devices),     EVENT(I32, sources),
        EVENT(I64, created),       EVENT(I64, updated),     EVENT(I64, first_activity),
        EVENT(I64, last_activity), EVENT(I64, merged_into), EVENT(I64, at),
        {COLUMN_END, 0, 0},
    };
    columns_send_rows(db, a, sql_events_add, tenant, columns, rows, sizeof *rows, n, answer);
    if (n > 0)
        columns_send(db, sql_events_notify, NULL, DB_UNTOLD, NO_PARAMS);
}

void
events_partitions(struct db *db, struct arena *a, struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_events_partitions, NULL, answer, NO_PARAMS);
}

void
events_lock(struct db *db, struct arena *a, int32_t partition, struct db_answer answer)
{
    columns_send(db, sql_events_lock, NULL, answer, PARAMS(db_i32(a, partition)));
}

void
events_unlock(struct db *db, struct arena *a, int32_t partition, struct db_answer answer)
{
    columns_send(db, sql_events_unlock, NULL, answer, PARAMS(db_i32(a, partition)));
}

void
events_read(struct db *db, struct arena *a, int32_t partition, int64_t after, int64_t most,
            struct db_answer answer)
{
    columns_send(db, sql_events_read, NULL, answer,
                 PARAMS(db_i32(a, partition), db_i64(a, after), db_i64(a, most)));
}

void
events_read_row(const struct db_rows *rows, size_t row, struct events_row *out)
{
    static const struct column columns[] = {
        EVENT(I32, partition),
        EVENT(I64, seq),
        EVENT(OID, oid),
        EVENT(I32, epoch),
        EVENT(I64, incident_id),
        EVENT(I64, version),
        EVENT(TEXT, kind),
        EVENT(TEXT, severity),
        EVENT(TEXT, status),
        EVENT(I32, alerts),
        EVENT(I32, users),
        EVENT(I32, devices),
        EVENT(I32, sources),
        EVENT(I64, created),
        EVENT(I64, updated),
        EVENT(I64, first_activity),
        EVENT(I64, last_activity),
        EVENT(I64, merged_into),
        EVENT(I64, at),
        {COLUMN_END, 0, 0},
    };
    columns_read(rows, row, 0, columns, NULL, out);
}

void
events_delete(struct db *db, struct arena *a, int32_t partition, int64_t upto,
              struct db_answer answer)
{
    columns_send(db, sql_events_delete, NULL, answer,
                 PARAMS(db_i32(a, partition), db_i64(a, upto)));
}
