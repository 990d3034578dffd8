/* db_wait.c: for commands: run the loop until the answer is there. */
#include "store/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/db_internal.h"

static void
up_or_late(uv_timer_t *t)
{
    struct db *db = t->data;
    db->wait_done = db_is_up(db) || uv_now(t->loop) >= db->wait_until_ms;
    if (!db->wait_done)
        return;
    uv_timer_stop(t);
    uv_stop(t->loop); /* else the turn would go on to sleep */
}

struct err
db_wait_up(struct db *db, struct loop *l, int64_t wait_ms)
{
    enum { LOOK_MS = 5 };
    db->wait_done = db_is_up(db);
    if (!db->wait_done) {
        db->wait_until_ms = uv_now(loop_uv(l)) + (uint64_t)wait_ms;
        uv_timer_start(&db->wait, up_or_late, LOOK_MS, LOOK_MS);
        (void)loop_turn(l, &db->wait_done);
        uv_timer_stop(&db->wait);
    }
    if (db_is_up(db))
        return ERR_OK;
    return db->last.kind != ERR_NONE ? db->last
                                     : err_make(ERR_RETRY, "db.connect",
                                                "no connection within %lld ms", (long long)wait_ms);
}

static void
wait_over(void *arg, struct err e)
{
    struct db *db = arg;
    db->wait_done = true;
    db->wait_error = e;
    uv_stop(loop_uv(db->loop)); /* answered by a timer the turn would go on to sleep */
}

static struct err
turn(struct db *db, struct loop *l)
{
    if (!loop_turn(l, &db->wait_done))
        return err_make(ERR_RETRY, "db.closed", "stopped while waiting for the database");
    return db->wait_error;
}

struct err
db_wait(struct db *db, struct loop *l)
{
    db->wait_done = false;
    db_sync(db, wait_over, db);
    return turn(db, l);
}

struct err
db_wait_script(struct db *db, struct loop *l, const char *sql, const struct oid *tenant)
{
    db->wait_done = false;
    db_script(db, sql, tenant, wait_over, db);
    return turn(db, l);
}

static void
closed_now(void *arg)
{
    *(bool *)arg = true;
}

void
db_wait_closed(struct db *db, struct loop *l)
{
    bool closed = false;
    if (db == NULL)
        return;
    db_close(db, closed_now, &closed);
    /* also when the loop was stopped: the callback must not find this frame gone */
    while (!closed)
        uv_run(loop_uv(l), UV_RUN_ONCE);
}

/* ---- a database that is missing */

/* name_of - the database that a string names; NULL: none. The caller frees it. */
static char *
name_of(const char *conninfo)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    char *name = NULL;
    for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
        if (strcmp(o->keyword, "dbname") == 0 && o->val != NULL)
            name = db_must(strdup(o->val));
    PQconninfoFree(options);
    return name;
}

static void
found(void *arg, const struct db_rows *rows, struct err e)
{
    *(bool *)arg = e.kind == ERR_NONE && db_count(rows) > 0;
}

static struct err
create(struct db *db, struct loop *l, const char *name, bool *made)
{
    struct db_statement look = {.sql = "select from pg_database where datname = $1",
                                .params = {db_text(slice_of(name))},
                                .n_params = 1,
                                .answered = found};
    bool there = false;
    look.arg = &there;
    db_send(db, &look);
    struct err e = db_wait(db, l);
    if (e.kind != ERR_NONE || there)
        return e;
    char *quoted = PQescapeIdentifier(db->conn, name, strlen(name));
    size_t room = strlen(db_must(quoted)) + 40;
    char *text = db_must(malloc(room));
    snprintf(text, room, "create database %s", quoted);
    e = db_wait_script(db, l, text, NULL);
    *made = e.kind == ERR_NONE;
    PQfreemem(quoted);
    free(text);
    return e;
}

struct err
db_create(struct loop *l, const struct conf *c, const char *conninfo, bool *made)
{
    enum { WAIT_MS = 3000 };
    struct db *db = NULL;
    *made = false;
    char *name = name_of(conninfo);
    if (name == NULL)
        return err_make(ERR_STOP, "db.auth", "the connection string names no database");
    struct err e = db_open_at(l, c, conninfo, "create", NULL, "other", "postgres", &db);
    if (e.kind == ERR_NONE) {
        e = db_wait_up(db, l, WAIT_MS);
        if (e.kind == ERR_NONE)
            e = create(db, l, name, made);
        db_wait_closed(db, l);
    }
    free(name);
    return e;
}
