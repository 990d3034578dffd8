/*
 * columns.h: rows as structs to arrays of parameters, and back.
 *
 * A family of tables lists the members of its struct in the order of the statement's parameters
 * (or of the result's columns); the rest is the same for all. Internal to store/.
 */
#ifndef WEIR_COLUMNS_H
#define WEIR_COLUMNS_H
#include "store/db.h"

enum column_kind {
    COLUMN_END = 0,
    COLUMN_I32,   /* int32_t */
    COLUMN_I64,   /* int64_t; null reads as 0 */
    COLUMN_TIME,  /* int64_t; null reads as CLOCK_NONE */
    COLUMN_BOOL,  /* bool; not in arrays */
    COLUMN_TEXT,  /* struct slice */
    COLUMN_BYTES, /* struct slice */
    COLUMN_OID,   /* struct oid */
    COLUMN_STATE, /* enum tenant_state, stored as its word */
    COLUMN_TEXTS, /* struct slice *; in arrays as an array literal */
};

struct column {
    enum column_kind kind;
    size_t offset;
    size_t count_offset; /* COLUMN_TEXTS: where its size_t is */
};

#define COLUMN(kind_, type, member)                                                                \
    {                                                                                              \
        .kind = COLUMN_##kind_, .offset = offsetof(type, member)                                   \
    }
#define COLUMN_LIST(type, member)                                                                  \
    {                                                                                              \
        .kind = COLUMN_TEXTS, .offset = offsetof(type, member),                                    \
        .count_offset = offsetof(type, n_##member)                                                 \
    }

/* Parameters of columns_send: PARAMS(db_i64(a, x), db_text(y)). */
#define PARAMS(...)                                                                                \
    (const struct db_param[]){__VA_ARGS__},                                                        \
        sizeof((const struct db_param[]){__VA_ARGS__}) / sizeof(struct db_param)
#define NO_PARAMS NULL, 0

/* columns_send - queue a statement with these parameters. */
void columns_send(struct db *db, const char *sql, const struct oid *tenant, struct db_answer answer,
                  const struct db_param *params, size_t n_params);

/* columns_send_rows - one array parameter a column. rows: n structs of `size` bytes. */
void columns_send_rows(struct db *db, struct arena *a, const char *sql, const struct oid *tenant,
                       const struct column *columns, const void *rows, size_t size, size_t n,
                       struct db_answer answer);

/* columns_send_row - one plain parameter a column. */
void columns_send_row(struct db *db, struct arena *a, const char *sql, const struct oid *tenant,
                      const struct column *columns, const void *row, struct db_answer answer);

/* columns_read - result columns from `first` on; a is for lists only and may be NULL without. */
void columns_read(const struct db_rows *rows, size_t row, size_t first,
                  const struct column *columns, struct arena *a, void *out);

#endif
