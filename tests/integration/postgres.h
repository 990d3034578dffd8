/*
 * postgres.h: a database of its own for each test program.
 *
 * WEIR_TEST_POSTGRES holds a connection string without a database ("host=... port=... user=...");
 * unset: the tests are skipped and say so. `deploy/postgres/start DIR` prints one that fits.
 */
#ifndef WEIR_TEST_POSTGRES_H
#define WEIR_TEST_POSTGRES_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <postgresql/libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/conf.h"
#include "store/db.h"
#include "store/migrate.h"

struct pg {
    const char *base;
    char name[64], conninfo[512];
    struct conf *conf;
    struct loop *loop;
    struct arena *arena;
    struct db *db; /* a connection that is up, for tests that need one only */
};

static void
pg_admin(const struct pg *pg, const char *database, const char *sql)
{
    char conninfo[512];
    snprintf(conninfo, sizeof conninfo, "%s dbname=%s", pg->base, database);
    PGconn *c = PQconnectdb(conninfo);
    PGresult *r = PQexec(c, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(c));
    PQclear(r);
    PQfinish(c);
}

/* pg_open - NULL: no server was named; the test is to be skipped. flags as conf_load. */
static struct pg *
pg_open(const char *what, const char *const *flags)
{
    const char *base = getenv("WEIR_TEST_POSTGRES");
    if (base == NULL || base[0] == '\0') {
        puts("skipped, no WEIR_TEST_POSTGRES");
        return NULL;
    }
    struct pg *pg = calloc(1, sizeof *pg);
    assert_non_null(pg);
    pg->base = base;
    snprintf(pg->name, sizeof pg->name, "weir_test_%s_%ld", what, (long)getpid());
    snprintf(pg->conninfo, sizeof pg->conninfo, "%s dbname=%s", base, pg->name);
    char sql[128];
    snprintf(sql, sizeof sql, "create database %s", pg->name);
    pg_admin(pg, "postgres", sql);
    static const struct opt *const tables[] = {db_opts, NULL};
    struct err e = conf_load(tables, "/dev/null", flags, &pg->conf);
    assert_int_equal(e.kind, ERR_NONE);
    e = loop_new(false, &pg->loop);
    assert_int_equal(e.kind, ERR_NONE);
    pg->arena = arena_new(64 << 20);
    e = db_open(pg->loop, pg->conf, pg->conninfo, "test", NULL, &pg->db);
    assert_int_equal(e.kind, ERR_NONE);
    e = db_wait_up(pg->db, pg->loop, 10000);
    if (e.kind != ERR_NONE)
        fail_msg("%s", e.text);
    return pg;
}

static void
pg_close(struct pg *pg)
{
    if (pg == NULL)
        return;
    db_wait_closed(pg->db, pg->loop);
    loop_stop(pg->loop, 0);
    (void)loop_run(pg->loop);
    loop_free(pg->loop);
    conf_free(pg->conf);
    arena_free(pg->arena);
    char sql[128];
    snprintf(sql, sizeof sql, "drop database %s with (force)", pg->name);
    pg_admin(pg, "postgres", sql);
    free(pg);
}

/* What a statement was answered with; rows beyond the first are counted only. */
struct got {
    int answers;
    struct err e;
    size_t rows;
    int64_t affected, first;
};

static void
pg_got(void *arg, const struct db_rows *rows, struct err e)
{
    struct got *g = arg;
    g->answers++;
    g->e = e;
    assert_int_equal(rows == NULL, e.kind != ERR_NONE);
    if (rows == NULL)
        return;
    g->rows = db_count(rows);
    g->affected = db_affected(rows);
    if (g->rows > 0)
        g->first = db_get_i64(rows, 0, 0);
}

static inline void
pg_send(struct db *db, const char *sql, const struct oid *tenant, struct got *g)
{
    *g = (struct got){0};
    db_send(db, &(struct db_statement){.sql = sql, .tenant = tenant, .answered = pg_got, .arg = g});
}

static inline void
pg_script(struct pg *pg, const char *sql, const struct oid *tenant)
{
    struct err e = db_wait_script(pg->db, pg->loop, sql, tenant);
    if (e.kind != ERR_NONE)
        fail_msg("%s: %s", e.code, e.text);
}

static inline struct oid
pg_oid(unsigned n)
{
    struct oid o = {{0}};
    memcpy(o.b, &n, sizeof n);
    o.b[15] = 0xee;
    return o;
}

static inline void
pg_ok(struct err e)
{
    if (e.kind != ERR_NONE)
        fail_msg("%s: %s", e.code, e.text);
}

static inline void
pg_is(struct err e, enum err_kind kind, const char *code)
{
    if (e.kind != kind || e.code == NULL || strcmp(e.code, code) != 0)
        fail_msg("not %s but kind %d %s: %s", code, (int)e.kind, e.code != NULL ? e.code : "ok",
                 e.text);
}

#endif
