/* pins.c: where people, and merges, put alerts. */
#include "store/pins.h"

#include "sql.h"
#include "store/columns.h"

static const struct column pin_columns[] = {
    COLUMN(I32, struct pins_row, source),
    COLUMN(TEXT, struct pins_row, native_id),
    COLUMN(I64, struct pins_row, incident_id),
    COLUMN(I32, struct pins_row, together),
    {COLUMN_END, 0, 0},
};

void
pins_upsert(struct db *db, struct arena *a, const struct oid *tenant, const struct pins_row *rows,
            size_t n, struct db_answer answer)
{
    columns_send_rows(db, a, sql_pins_upsert, tenant, pin_columns, rows, sizeof *rows, n, answer);
}

void
pins_delete(struct db *db, struct arena *a, const struct oid *tenant, const struct pins_row *rows,
            size_t n, struct db_answer answer)
{
    static const struct column columns[] = {
        COLUMN(I32, struct pins_row, source),
        COLUMN(TEXT, struct pins_row, native_id),
        COLUMN(I64, struct pins_row, incident_id),
        {COLUMN_END, 0, 0},
    };
    columns_send_rows(db, a, sql_pins_delete, tenant, columns, rows, sizeof *rows, n, answer);
}

void
pins_load(struct db *db, struct arena *a, const struct oid *tenant, const int64_t *incident_ids,
          size_t n, struct db_answer answer)
{
    struct db_param ids = db_i64s(a, incident_ids, incident_ids != NULL ? n : 0);
    if (incident_ids == NULL && ids.type != 0)
        ids.binary = SLICE_NONE;
    columns_send(db, sql_pins_load, tenant, answer, PARAMS(ids));
}

void
pins_load_row(const struct db_rows *rows, size_t row, struct pins_row *out)
{
    columns_read(rows, row, 0, pin_columns, NULL, out);
}

void
moves_add(struct db *db, struct arena *a, const struct oid *tenant,
          const struct incidents_member *rows, size_t n, int64_t at, struct db_answer answer)
{
    int32_t *source = arena_alloc(a, (n + 1) * sizeof *source);
    struct slice *id = arena_alloc(a, (n + 1) * sizeof *id);
    int64_t *incident = arena_alloc(a, (n + 1) * sizeof *incident);
    bool room = source != NULL && id != NULL && incident != NULL;
    for (size_t i = 0; room && i < n; i++) {
        source[i] = rows[i].source;
        id[i] = rows[i].native_id;
        incident[i] = rows[i].incident_id;
    }
    n = room ? n : 0; /* the caller's arena is short, and says so */
    columns_send(
        db, sql_moves_add, tenant, answer,
        PARAMS(db_i32s(a, source, n), db_texts(a, id, n), db_i64s(a, incident, n), db_i64(a, at)));
}

void
moves_of(struct db *db, struct arena *a, const struct oid *tenant, int64_t incident_id,
         struct db_answer answer)
{
    columns_send(db, sql_moves_of, tenant, answer, PARAMS(db_i64(a, incident_id)));
}

void
moves_row(const struct db_rows *rows, size_t row, struct moves_row *out)
{
    static const struct column columns[] = {
        COLUMN(I32, struct moves_row, source),
        COLUMN(TEXT, struct moves_row, native_id),
        COLUMN(I64, struct moves_row, incident_id),
        COLUMN(I64, struct moves_row, at),
        {COLUMN_END, 0, 0},
    };
    columns_read(rows, row, 0, columns, NULL, out);
}

static const struct column split_columns[] = {
    COLUMN(I64, struct splits_row, incident_id), COLUMN(I32, struct splits_row, a_source),
    COLUMN(TEXT, struct splits_row, a_id),       COLUMN(I32, struct splits_row, b_source),
    COLUMN(TEXT, struct splits_row, b_id),       COLUMN(I32, struct splits_row, score),
    COLUMN(I32, struct splits_row, a_alerts),    COLUMN(I32, struct splits_row, b_alerts),
    COLUMN(I64, struct splits_row, at),          {COLUMN_END, 0, 0},
};

void
splits_upsert(struct db *db, struct arena *a, const struct oid *tenant,
              const struct splits_row *rows, size_t n, struct db_answer answer)
{
    columns_send_rows(db, a, sql_splits_upsert, tenant, split_columns, rows, sizeof *rows, n,
                      answer);
}

void
splits_of(struct db *db, struct arena *a, const struct oid *tenant, int64_t incident_id,
          struct db_answer answer)
{
    columns_send(db, sql_splits_of, tenant, answer, PARAMS(db_i64(a, incident_id)));
}

void
splits_row(const struct db_rows *rows, size_t row, struct splits_row *out)
{
    columns_read(rows, row, 0, split_columns, NULL, out);
}
