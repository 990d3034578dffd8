/* columns.c: rows as structs to arrays of parameters, and back. */
#include "store/columns.h"

#include <assert.h>
#include <string.h>

#include "common/clock.h"
#include "schemas/codec.h"

static const struct db_param unbuilt = {0}; /* db_send answers ERR_RETRY "db.memory" */

static int64_t
number_at(const struct column *c, const void *row)
{
    const char *p = (const char *)row + c->offset;
    if (c->kind == COLUMN_I32)
        return *(const int32_t *)(const void *)p;
    return *(const int64_t *)(const void *)p;
}

static size_t
count_at(const struct column *c, const void *row)
{
    return *(const size_t *)(const void *)((const char *)row + c->count_offset);
}

static const struct slice *
list_at(const struct column *c, const void *row)
{
    return *(struct slice *const *)(const void *)((const char *)row + c->offset);
}

/* literal - {"a","b"} with quotes and backslashes escaped. */
static bool
literal(struct arena *a, const struct slice *v, size_t n, struct slice *out)
{
    size_t bytes = 2;
    for (size_t i = 0; i < n; i++)
        bytes += 2 * v[i].n + 3;
    char *start = arena_alloc(a, bytes), *p = start;
    if (start == NULL)
        return false;
    *p++ = '{';
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            *p++ = ',';
        *p++ = '"';
        for (size_t k = 0; k < v[i].n; k++) {
            if (v[i].p[k] == '"' || v[i].p[k] == '\\')
                *p++ = '\\';
            *p++ = v[i].p[k];
        }
        *p++ = '"';
    }
    *p++ = '}';
    *out = (struct slice){start, (size_t)(p - start)};
    return true;
}

/* text_at - what a column of one row is as text or bytes. */
static bool
text_at(struct arena *a, const struct column *c, const void *row, struct slice *out)
{
    const char *p = (const char *)row + c->offset;
    switch (c->kind) {
    case COLUMN_OID:
        *out = oid_slice((const struct oid *)(const void *)p);
        return true;
    case COLUMN_STATE:
        *out = slice_of(tenant_state_word(*(const enum tenant_state *)(const void *)p));
        return true;
    case COLUMN_TEXTS:
        return literal(a, list_at(c, row), count_at(c, row), out);
    default:
        *out = *(const struct slice *)(const void *)p;
        return true;
    }
}

static struct db_param
texts_of(struct arena *a, const struct column *c, const char *rows, size_t size, size_t n)
{
    struct slice *v = arena_alloc(a, (n + 1) * sizeof *v);
    if (v == NULL)
        return unbuilt;
    for (size_t i = 0; i < n; i++)
        if (!text_at(a, c, rows + i * size, &v[i]))
            return unbuilt;
    bool bytes = c->kind == COLUMN_BYTES || c->kind == COLUMN_OID;
    return bytes ? db_byteses(a, v, n) : db_texts(a, v, n);
}

static struct db_param
array_of(struct arena *a, const struct column *c, const char *rows, size_t size, size_t n)
{
    if (c->kind == COLUMN_I32) {
        int32_t *v = arena_alloc(a, (n + 1) * sizeof *v);
        for (size_t i = 0; v != NULL && i < n; i++)
            v[i] = (int32_t)number_at(c, rows + i * size);
        return v != NULL ? db_i32s(a, v, n) : unbuilt;
    }
    if (c->kind == COLUMN_I64 || c->kind == COLUMN_TIME) {
        int64_t *v = arena_alloc(a, (n + 1) * sizeof *v);
        for (size_t i = 0; v != NULL && i < n; i++)
            v[i] = number_at(c, rows + i * size);
        return v != NULL ? db_i64s(a, v, n) : unbuilt;
    }
    assert(c->kind != COLUMN_BOOL);
    return texts_of(a, c, rows, size, n);
}

static struct db_param
value_of(struct arena *a, const struct column *c, const void *row)
{
    struct slice text;
    switch (c->kind) {
    case COLUMN_I32:
        return db_i32(a, (int32_t)number_at(c, row));
    case COLUMN_I64:
        return db_i64(a, number_at(c, row));
    case COLUMN_TIME:
        return number_at(c, row) == CLOCK_NONE ? (struct db_param){db_i64(a, 0).type, SLICE_NONE}
                                               : db_i64(a, number_at(c, row));
    case COLUMN_BOOL:
        return db_bool(a, *(const bool *)(const void *)((const char *)row + c->offset));
    case COLUMN_TEXTS:
        return db_texts(a, list_at(c, row), count_at(c, row));
    default:
        (void)text_at(a, c, row, &text); /* only a list can fail */
        return c->kind == COLUMN_BYTES || c->kind == COLUMN_OID ? db_bytes(text) : db_text(text);
    }
}

void
columns_send(struct db *db, const char *sql, const struct oid *tenant, struct db_answer answer,
             const struct db_param *params, size_t n_params)
{
    struct db_statement s = {.sql = sql,
                             .tenant = tenant,
                             .n_params = n_params,
                             .answered = answer.answered,
                             .arg = answer.arg};
    assert(n_params <= DB_PARAMS_MAX);
    if (n_params > 0)
        memcpy(s.params, params, n_params * sizeof *params);
    db_send(db, &s);
}

void
columns_send_rows(struct db *db, struct arena *a, const char *sql, const struct oid *tenant,
                  const struct column *columns, const void *rows, size_t size, size_t n,
                  struct db_answer answer)
{
    struct db_param params[DB_PARAMS_MAX];
    size_t n_params = 0;
    for (const struct column *c = columns; c->kind != COLUMN_END; c++) {
        assert(n_params < DB_PARAMS_MAX);
        params[n_params++] = array_of(a, c, rows, size, n);
    }
    columns_send(db, sql, tenant, answer, params, n_params);
}

void
columns_send_row(struct db *db, struct arena *a, const char *sql, const struct oid *tenant,
                 const struct column *columns, const void *row, struct db_answer answer)
{
    struct db_param params[DB_PARAMS_MAX];
    size_t n_params = 0;
    for (const struct column *c = columns; c->kind != COLUMN_END; c++) {
        assert(n_params < DB_PARAMS_MAX);
        params[n_params++] = value_of(a, c, row);
    }
    columns_send(db, sql, tenant, answer, params, n_params);
}

static void
read_one(const struct db_rows *rows, size_t row, size_t column, const struct column *c,
         struct arena *a, void *out)
{
    void *p = (char *)out + c->offset;
    switch (c->kind) {
    case COLUMN_I32:
        *(int32_t *)p = (int32_t)db_get_i64(rows, row, column);
        break;
    case COLUMN_I64:
        *(int64_t *)p = db_get_i64(rows, row, column);
        break;
    case COLUMN_TIME:
        *(int64_t *)p = db_null(rows, row, column) ? CLOCK_NONE : db_get_i64(rows, row, column);
        break;
    case COLUMN_BOOL:
        *(bool *)p = db_get_i64(rows, row, column) != 0;
        break;
    case COLUMN_OID:
        if (!oid_from(db_get(rows, row, column), p))
            memset(p, 0, sizeof(struct oid)); /* null */
        break;
    case COLUMN_STATE:
        *(enum tenant_state *)p = tenant_state_of(db_get(rows, row, column));
        break;
    case COLUMN_TEXTS:
        *(struct slice **)p =
            db_get_texts(rows, row, column, a, (size_t *)(void *)((char *)out + c->count_offset));
        break;
    default:
        *(struct slice *)p = db_get(rows, row, column);
    }
}

void
columns_read(const struct db_rows *rows, size_t row, size_t first, const struct column *columns,
             struct arena *a, void *out)
{
    size_t column = first;
    for (const struct column *c = columns; c->kind != COLUMN_END; c++)
        read_one(rows, row, column++, c, a, out);
}
