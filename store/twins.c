/* twins.c: a tenant's documents of identity. */
#include "store/twins.h"

#include "sql.h"
#include "store/columns.h"

/* in the order of twins_upsert.sql and of the results of twins_near.sql */
static const struct column twin_columns[] = {
    COLUMN(I32, struct twins_row, source),   COLUMN(TEXT, struct twins_row, native_id),
    COLUMN(I64, struct twins_row, version),  COLUMN(I64, struct twins_row, received),
    COLUMN(BYTES, struct twins_row, sha256), COLUMN(TEXT, struct twins_row, detection),
    COLUMN(I64, struct twins_row, moment),   COLUMN(TEXT, struct twins_row, mate),
    COLUMN(BYTES, struct twins_row, sealed), {COLUMN_END, 0, 0},
};

void
twins_near(struct db *db, struct arena *a, const struct oid *tenant,
           const struct twins_place *places, size_t n, int64_t reach, int64_t most,
           struct db_answer answer)
{
    int32_t *source = arena_alloc(a, (n + 1) * sizeof *source);
    int64_t *moment = arena_alloc(a, (n + 1) * sizeof *moment);
    struct slice *id = arena_alloc(a, (n + 1) * sizeof *id);
    struct slice *detection = arena_alloc(a, (n + 1) * sizeof *detection);
    bool room = source != NULL && moment != NULL && id != NULL && detection != NULL;
    for (size_t i = 0; room && i < n; i++) {
        source[i] = places[i].source;
        moment[i] = places[i].moment;
        id[i] = places[i].native_id;
        detection[i] = places[i].detection;
    }
    n = room ? n : 0; /* the caller's arena is short, and says so */
    columns_send(db, sql_twins_near, tenant, answer,
                 PARAMS(db_i32s(a, source, n), db_texts(a, id, n), db_texts(a, detection, n),
                        db_i64s(a, moment, n), db_i64(a, reach), db_i64(a, most)));
}

void
twins_found_row(const struct db_rows *rows, size_t row, struct twins_found *out)
{
    static const struct column columns[] = {
        COLUMN(I64, struct twins_found, alert_version),
        COLUMN(BYTES, struct twins_found, alert_sha256),
        {COLUMN_END, 0, 0},
    };
    columns_read(rows, row, 0, twin_columns, NULL, &out->row);
    columns_read(rows, row, sizeof twin_columns / sizeof *twin_columns - 1, columns, NULL, out);
}

void
twins_upsert(struct db *db, struct arena *a, const struct oid *tenant, const struct twins_row *rows,
             size_t n, struct db_answer answer)
{
    columns_send_rows(db, a, sql_twins_upsert, tenant, twin_columns, rows, sizeof *rows, n, answer);
}

void
twins_prune(struct db *db, struct arena *a, const struct oid *tenant, int64_t before,
            struct db_answer answer)
{
    columns_send(db, sql_twins_prune, tenant, answer, PARAMS(db_i64(a, before)));
}
