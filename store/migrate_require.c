/* migrate_require.c: workers newer than the tables do not start. Ref: operators.md 1.4. */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "sql.h"
#include "store/columns.h"
#include "store/migrate.h"

enum { ARENA_LIMIT = 64 * 1024, STEPS_MAX = 64 };

struct look {
    struct loop *loop;
    bool undefined; /* not even the tables that tell */
    int64_t missing;
    char next[80];
};

static void
on_rows(void *arg, const struct db_rows *rows, struct err e)
{
    struct look *k = arg;
    if (e.kind) {
        k->undefined = strcmp(e.code, "db.undefined") == 0;
        return;
    }
    k->missing = db_get_i64(rows, 0, 0);
    struct slice next = db_get(rows, 0, 1);
    next.n = next.n < sizeof k->next ? next.n : sizeof k->next - 1;
    if (next.n > 0)
        memcpy(k->next, next.p, next.n);
}

static void
on_looked(void *arg, struct err e)
{
    struct look *k = arg;
    if (k->undefined)
        e = err_make(ERR_STOP, "migrate.missing",
                     "the region's database has no tables yet: run weir db migrate");
    else if (k->missing > 0)
        e = err_make(ERR_STOP, "migrate.missing",
                     "the region's database lacks %lld steps of this version, the first is %s: "
                     "run weir db migrate",
                     (long long)k->missing, k->next);
    if (e.kind == ERR_STOP && !loop_stopping(k->loop)) {
        log_err("db.tables", &e);
        loop_stop(k->loop, CLI_CONFIGURATION);
    }
    free(k); /* ERR_RETRY: asked again when the database comes back */
}

static struct db_param
names(struct arena *a, const struct migration *m)
{
    struct slice list[STEPS_MAX];
    size_t n = 0;
    for (; n < STEPS_MAX && m[n].name != NULL; n++)
        list[n] = slice_of(m[n].name);
    return db_texts(a, list, n);
}

void
migrate_require(struct db *db, struct loop *l)
{
    struct look *k = calloc(1, sizeof *k);
    struct arena *a = arena_new(ARENA_LIMIT);
    if (k != NULL && a != NULL) {
        k->loop = l;
        columns_send(db, sql_migrate_missing, NULL, (struct db_answer){on_rows, k},
                     PARAMS(names(a, migrations_region), names(a, migrations_tenant)));
        db_sync(db, on_looked, k);
    } else {
        free(k);
        struct err e = err_make(ERR_STOP, "migrate.memory", "out of memory");
        log_err("db.tables", &e);
        loop_stop(l, CLI_FAILED);
    }
    arena_free(a);
}
