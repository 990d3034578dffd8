#include "store/purges.h"

#include "sql.h"

static struct slice
schema_of(struct arena *a, const struct oid *tenant)
{
    return slice_printf(a, "t_%s", oid_format(tenant).s);
}

static void
send_one(struct db *db, const char *sql, struct db_param p, struct db_answer answer)
{
    const struct db_statement s = {
        .sql = sql, .params = {p}, .n_params = 1, .answered = answer.answered, .arg = answer.arg};
    db_send(db, &s);
}

void
purges_lock(struct db *db, struct arena *a, struct slice name, struct db_answer answer)
{
    (void)a;
    send_one(db, sql_purges_lock, db_text(name), answer);
}

void
purges_unlock(struct db *db, struct arena *a, struct slice name, struct db_answer answer)
{
    (void)a;
    send_one(db, sql_purges_unlock, db_text(name), answer);
}

void
purges_count(struct db *db, struct arena *a, const struct oid *tenant, struct slice table,
             struct db_answer answer)
{
    const struct db_statement s = {.sql = sql_purges_count,
                                   .params = {db_text(schema_of(a, tenant)), db_text(table)},
                                   .n_params = 2,
                                   .answered = answer.answered,
                                   .arg = answer.arg};
    db_send(db, &s);
}

void
purges_left(struct db *db, struct arena *a, const struct oid *tenant, struct db_answer answer)
{
    const struct db_statement s = {.sql = sql_purges_left,
                                   .params = {db_text(schema_of(a, tenant)), db_oid(tenant)},
                                   .n_params = 2,
                                   .answered = answer.answered,
                                   .arg = answer.arg};
    db_send(db, &s);
}
