/* correlator.c: what the correlator remembers of a tenant beside alerts and incidents. */
#include "store/correlator.h"

#include "common/clock.h"
#include "sql.h"
#include "store/columns.h"

/* CLOCK_NONE is what a column of times reads from a null. */
_Static_assert(CLOCK_NONE == INT64_MIN, "no watermark");

static const struct column clock_columns[] = {
    COLUMN(TIME, struct correlator_clock, watermark_s),
    COLUMN(I32, struct correlator_clock, jump_day),
    COLUMN(I32, struct correlator_clock, jump_alerts),
    COLUMN(I32, struct correlator_clock, days_told),
    COLUMN(I64, struct correlator_clock, next_seq),
    {COLUMN_END, 0, 0},
};

void
correlator_load(struct db *db, struct arena *a, const struct oid *tenant, struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_correlator_load, tenant, answer, NO_PARAMS);
}

void
correlator_loaded_row(const struct db_rows *rows, size_t row, struct correlator_loaded *out)
{
    static const struct column columns[] = {
        COLUMN(I64, struct correlator_loaded, last_id),
        COLUMN(I64, struct correlator_loaded, last_updated),
        {COLUMN_END, 0, 0},
    };
    columns_read(rows, row, 0, clock_columns, NULL, &out->clock);
    columns_read(rows, row, sizeof clock_columns / sizeof *clock_columns - 1, columns, NULL, out);
}

void
correlator_save(struct db *db, struct arena *a, const struct oid *tenant,
                const struct correlator_clock *c, struct db_answer answer)
{
    columns_send_row(db, a, sql_correlator_save, tenant, clock_columns, c, answer);
}

static const struct column day_columns[] = {
    COLUMN(I32, struct correlator_day, day),
    COLUMN(I32, struct correlator_day, part),
    COLUMN(I32, struct correlator_day, keys),
    COLUMN(BYTES, struct correlator_day, packed),
    {COLUMN_END, 0, 0},
};

void
correlator_days_add(struct db *db, struct arena *a, const struct oid *tenant,
                    const struct correlator_day *rows, size_t n, struct db_answer answer)
{
    columns_send_rows(db, a, sql_correlator_days_add, tenant, day_columns, rows, sizeof *rows, n,
                      answer);
}

void
correlator_days_load(struct db *db, struct arena *a, const struct oid *tenant,
                     struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_correlator_days_load, tenant, answer, NO_PARAMS);
}

void
correlator_day_row(const struct db_rows *rows, size_t row, struct correlator_day *out)
{
    columns_read(rows, row, 0, day_columns, NULL, out);
}

void
correlator_days_prune(struct db *db, struct arena *a, const struct oid *tenant, int32_t before,
                      struct db_answer answer)
{
    columns_send(db, sql_correlator_days_prune, tenant, answer, PARAMS(db_i32(a, before)));
}

static const struct column alias_columns[] = {
    COLUMN(I32, struct correlator_alias, type),
    COLUMN(TEXT, struct correlator_alias, a),
    COLUMN(TEXT, struct correlator_alias, b),
    {COLUMN_END, 0, 0},
};

void
correlator_aliases_add(struct db *db, struct arena *a, const struct oid *tenant,
                       const struct correlator_alias *rows, size_t n, struct db_answer answer)
{
    columns_send_rows(db, a, sql_correlator_aliases_add, tenant, alias_columns, rows, sizeof *rows,
                      n, answer);
}

void
correlator_aliases_load(struct db *db, struct arena *a, const struct oid *tenant,
                        struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_correlator_aliases_load, tenant, answer, NO_PARAMS);
}

void
correlator_alias_row(const struct db_rows *rows, size_t row, struct correlator_alias *out)
{
    columns_read(rows, row, 0, alias_columns, NULL, out);
}
