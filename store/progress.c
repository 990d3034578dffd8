/* progress.c: how far each partition was consumed, and which workers live. */
#include "store/progress.h"

#include "sql.h"
#include "store/columns.h"

void
progress_claim(struct db *db, struct arena *a, struct slice consumer, struct slice topic,
               int32_t part, struct slice owner, struct db_answer answer)
{
    columns_send(db, sql_progress_claim, NULL, answer,
                 PARAMS(db_text(consumer), db_text(topic), db_i32(a, part), db_text(owner)));
}

void
progress_claimed_row(const struct db_rows *rows, size_t row, struct progress_claimed *out)
{
    out->epoch = db_get_i64(rows, row, 0);
    out->next_offset = db_get_i64(rows, row, 1);
}

void
progress_advance(struct db *db, struct arena *a, struct slice consumer, struct slice topic,
                 const struct progress_row *rows, size_t n, struct db_answer answer)
{
    int32_t *parts = arena_alloc(a, (n + 1) * sizeof *parts);
    int64_t *offsets = arena_alloc(a, (n + 1) * sizeof *offsets);
    int64_t *epochs = arena_alloc(a, (n + 1) * sizeof *epochs);
    struct db_param params[5] = {db_text(consumer), db_text(topic)}; /* type 0: out of memory */
    if (parts != NULL && offsets != NULL && epochs != NULL) {
        for (size_t i = 0; i < n; i++) {
            parts[i] = rows[i].part;
            offsets[i] = rows[i].next_offset;
            epochs[i] = rows[i].epoch;
        }
        params[2] = db_i32s(a, parts, n);
        params[3] = db_i64s(a, offsets, n);
        params[4] = db_i64s(a, epochs, n);
    }
    columns_send(db, sql_progress_advance, NULL, answer, params, 5);
}

static const struct column worker_columns[] = {
    COLUMN(TEXT, struct progress_worker, name),
    COLUMN(TEXT, struct progress_worker, role),
    COLUMN(TEXT, struct progress_worker, claims),
    COLUMN(I64, struct progress_worker, seen),
    {COLUMN_END, 0, 0},
};

void
progress_beat(struct db *db, struct arena *a, const struct progress_worker *w,
              struct db_answer answer)
{
    columns_send_row(db, a, sql_progress_beat, NULL, worker_columns, w, answer);
}

void
progress_alive(struct db *db, struct arena *a, int64_t since, struct db_answer answer)
{
    columns_send(db, sql_progress_alive, NULL, answer, PARAMS(db_i64(a, since)));
}

void
progress_worker_row(const struct db_rows *rows, size_t row, struct progress_worker *out)
{
    columns_read(rows, row, 0, worker_columns, NULL, out);
}
