/*
 * db.h: libpq on the loop: connect, prepare, pipeline, transaction, SQLSTATE to error kind.
 *
 * A connection runs batches: statements are queued, sent in pipeline mode, and answered in order.
 * SQL comes only from store/sql (sql_<stem>); the one thing put into its text is the schema of the
 * tenant at hand for the prefix "tenant." Statements are prepared on first use, per connection and
 * tenant, in a least-recently-used table. libpq shows only in db.c.
 * Every callback runs on the loop's thread. Ref: design.md 6, libraries.md 5.2 and 2.6.
 */
#ifndef WEIR_DB_H
#define WEIR_DB_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/loop.h"
#include "common/oid.h"
#include "common/slice.h"

extern const struct opt db_opts[]; /* control.database, region.*.database, db.statements, ... */

struct db; /* one connection */

struct db_events {
    void *arg;
    void (*up)(void *arg);                 /* connected and checked; also after a reconnection */
    void (*down)(void *arg, struct err e); /* lost or refused: ERR_RETRY "db.connect"; it goes on
                                              trying, waits 0.1 to 5 s between tries */
    void (*notified)(void *arg, const char *channel, const char *payload); /* after db_listen */
};

/* db_open - conninfo as libpq takes it (kept by copy); application_name is added. Returns at once.
 * events copied; NULL members are skipped. ERR_STOP "db.conf". */
MUST_CHECK struct err db_open(struct loop *l, const struct conf *c, const char *conninfo,
                              const char *application, const struct db_events *events,
                              struct db **out);
/* db_open_control / _region - with the conninfo of the configuration. ERR_STOP "conf.value": none.
 */
MUST_CHECK struct err db_open_control(struct loop *l, const struct conf *c, const char *application,
                                      const struct db_events *events, struct db **out);
MUST_CHECK struct err db_open_region(struct loop *l, const struct conf *c, const char *region,
                                     const char *application, const struct db_events *events,
                                     struct db **out);
bool db_is_up(const struct db *db);
/* db_close - what is queued is answered with ERR_RETRY "db.closed"; then closed(arg). */
void db_close(struct db *db, void (*closed)(void *arg), void *arg);
void db_listen(struct db *db, const char *channel); /* again by itself after a reconnection */

/* ---- parameters */

struct db_param {
    uint32_t type;       /* PostgreSQL type oid; db_* below set it */
    struct slice binary; /* binary format; p NULL: null */
};

/* A value that did not fit the arena makes its statement fail with ERR_RETRY "db.memory". */
struct db_param db_i64(struct arena *a, int64_t v);
struct db_param db_i32(struct arena *a, int32_t v);
struct db_param db_bool(struct arena *a, bool v);
struct db_param db_text(struct slice v); /* absent: null; borrowed until the statement was sent */
struct db_param db_bytes(struct slice v);
struct db_param db_oid(const struct oid *v); /* bytea */
/* arrays of one length n; the value is built in the arena */
struct db_param db_i64s(struct arena *a, const int64_t *v, size_t n);
struct db_param db_i32s(struct arena *a, const int32_t *v, size_t n);
struct db_param db_texts(struct arena *a, const struct slice *v, size_t n); /* absent: null */
struct db_param db_byteses(struct arena *a, const struct slice *v, size_t n);

/* ---- results: rows in binary; columns from 0 */

struct db_rows; /* lives until the callback returns */

size_t db_count(const struct db_rows *r);
bool db_null(const struct db_rows *r, size_t row, size_t column);
int64_t db_get_i64(const struct db_rows *r, size_t row,
                   size_t column); /* int2, int4, int8, bool; null: 0 */
struct slice db_get(const struct db_rows *r, size_t row,
                    size_t column); /* text or bytea, borrowed; null: SLICE_NONE */
/* db_get_texts - the items of a text[] in the arena, n of them; null items are SLICE_NONE. NULL and
 * *n 0: null, empty, not such an array, or the arena is full. */
struct slice *db_get_texts(const struct db_rows *r, size_t row, size_t column, struct arena *a,
                           size_t *n);
int64_t db_affected(const struct db_rows *r); /* of insert, update, delete */

/* Who is told of a statement's answer: the last two members of struct db_statement. */
struct db_answer {
    void (*answered)(void *arg, const struct db_rows *rows, struct err e);
    void *arg;
};

#define DB_UNTOLD ((struct db_answer){0}) /* nobody: an error still shows in db_sync's */

/* ---- statements */

enum { DB_PARAMS_MAX = 48 };

struct db_statement {
    const char *sql;          /* sql_<stem>: static text; its address is its identity */
    const struct oid *tenant; /* for "tenant."; NULL: the statement has none */
    struct db_param params[DB_PARAMS_MAX];
    size_t n_params;
    /* answered(arg, rows, e) exactly once; rows NULL unless e is ERR_OK. May be NULL. */
    void (*answered)(void *arg, const struct db_rows *rows, struct err e);
    void *arg;
};

/*
 * db_send - queue one statement; parameters are copied into the pipeline before it returns.
 *
 * Errors a statement can be answered with:
 *   ERR_RETRY  "db.connect" connection lost; "db.busy" serialization, deadlock, lock or statement
 *              timeout; "db.aborted" an earlier statement of the batch failed; "db.closed";
 *              "db.memory" a parameter did not fit its arena, or over 256 MiB are on their way
 *   ERR_REJECT "db.fenced" (TF001), "db.fenced_partition" (TF002), "db.undefined" (42P01, 3F000:
 * the tenant's schema is gone; its statements are forgotten), "db.conflict" (unique or check
 * violation), "db.data" (class 22) ERR_STOP   "db.full" (class 53), "db.auth" (28), "db.sql" (all
 * else: our bug) Texts hold SQLSTATE and constraint, never values.
 */
void db_send(struct db *db, const struct db_statement *s);

/*
 * db_sync - end of a batch: everything since the last sync is flushed. Without db_begin the batch
 * is one implicit transaction. done(arg, e) after all its answers: ERR_OK, or the first error.
 */
void db_sync(struct db *db, void (*done)(void *arg, struct err e), void *arg);

/* db_begin / db_commit / db_rollback - queue the words of a transaction that spans several syncs.
 * After an error in a batch of such a transaction: db_rollback, db_sync. */
void db_begin(struct db *db);
void db_commit(struct db *db);
void db_rollback(struct db *db);

/* db_script - a built-in file of several statements without parameters (migrations), in simple
 * protocol, one transaction unless it says otherwise; only when nothing is queued. tenant: as in a
 * statement; "tenant." and the word "tenant" after "schema" become the schema's name. */
void db_script(struct db *db, const char *sql, const struct oid *tenant,
               void (*done)(void *arg, struct err e), void *arg);

/* ---- for commands: run the loop until the answer is there */

/* db_wait_up - ERR_RETRY "db.connect" after wait_ms. */
MUST_CHECK struct err db_wait_up(struct db *db, struct loop *l, int64_t wait_ms);
/* db_wait - db_sync, and run the loop until it is done. */
MUST_CHECK struct err db_wait(struct db *db, struct loop *l);
MUST_CHECK struct err db_wait_script(struct db *db, struct loop *l, const char *sql,
                                     const struct oid *tenant);
/* db_wait_closed - db_close, and run the loop until it is. NULL is fine. */
void db_wait_closed(struct db *db, struct loop *l);
/* db_create - make the database that the string names, through the database "postgres" of the same
 * server. *made: false when it was there. ERR_RETRY "db.connect"; ERR_STOP "db.auth" (not allowed,
 * or the string names no database). */
MUST_CHECK struct err db_create(struct loop *l, const struct conf *c, const char *conninfo,
                                bool *made);

#endif
