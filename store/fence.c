/* fence.c: no write of a tenant that is not active. Ref: erasure.md 6. */
#include "store/fence.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "sql.h"
#include "store/columns.h"

enum { LOCK_CLASS = 0x77656972 }; /* "weir" */

/* lock_key - the oid is random, so its first bytes are as good as a hash. Two tenants with one key
 * only wait for each other's opt-out. */
static int32_t
lock_key(const struct oid *oid)
{
    uint32_t be;
    memcpy(&be, oid->b, sizeof be);
    return (int32_t)be32toh(be);
}

static int
compare(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static const struct column fence_columns[] = {
    COLUMN(OID, struct fence_row, oid),
    COLUMN(I32, struct fence_row, epoch),
    {COLUMN_END, 0, 0},
};

static const struct column state_columns[] = {
    COLUMN(OID, struct fence_row, oid),
    COLUMN(I32, struct fence_row, epoch),
    COLUMN(STATE, struct fence_row, state),
    {COLUMN_END, 0, 0},
};

void
fence_check(struct db *db, struct arena *a, const struct fence_row *rows, size_t n,
            struct db_answer answer)
{
    int32_t *keys = arena_alloc(a, (n + 1) * sizeof *keys);
    struct db_param locks = {0}; /* type 0: out of memory */
    if (keys != NULL) {
        for (size_t i = 0; i < n; i++)
            keys[i] = lock_key(&rows[i].oid);
        qsort(keys, n, sizeof *keys, compare);
        locks = db_i32s(a, keys, n);
    }
    columns_send(db, sql_fence_lock, NULL, DB_UNTOLD, PARAMS(db_i32(a, LOCK_CLASS), locks));
    columns_send_rows(db, a, sql_fence_check, NULL, fence_columns, rows, sizeof *rows, n, answer);
}

void
fence_states(struct db *db, struct arena *a, const struct oid *oids, size_t n,
             struct db_answer answer)
{
    static const struct column columns[] = {{COLUMN_OID, 0, 0}, {COLUMN_END, 0, 0}};
    columns_send_rows(db, a, sql_fence_states, NULL, columns, oids, sizeof *oids, n, answer);
}

void
fence_states_row(const struct db_rows *rows, size_t row, struct fence_row *out)
{
    columns_read(rows, row, 0, state_columns, NULL, out);
}

void
fence_schema(struct db *db, struct arena *a, const struct oid *oid, struct db_answer answer)
{
    struct slice name = slice_printf(a, "t_%s", oid_format(oid).s);
    struct db_param p = db_text(name);
    if (name.p == NULL)
        p.type = 0; /* out of memory: db_send says it */
    columns_send(db, sql_fence_schema, NULL, answer, PARAMS(p));
}

bool
fence_schema_row(const struct db_rows *rows)
{
    return db_get_i64(rows, 0, 0) != 0;
}

void
fence_set(struct db *db, struct arena *a, const struct fence_row *row, struct db_answer answer)
{
    columns_send(db, sql_fence_lock_exclusive, NULL, DB_UNTOLD,
                 PARAMS(db_i32(a, LOCK_CLASS), db_i32(a, lock_key(&row->oid))));
    columns_send_row(db, a, sql_fence_set, NULL, state_columns, row, answer);
}

void
fence_delete(struct db *db, struct arena *a, const struct oid *oid, struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_fence_delete, NULL, answer, PARAMS(db_oid(oid)));
}
