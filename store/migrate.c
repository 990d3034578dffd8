/*
 * migrate.c: schemas of the databases, one file a step.
 *
 * A run goes through scopes: control; or region and then each tenant. In each it reads what was
 * made, refuses what it does not know, and makes what is missing, one transaction a step: the file
 * and its row in schema_version go to the server as one text. Ref: operators.md 1.4.
 */
#include "store/migrate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "sql.h"
#include "store/columns.h"
#include "store/db_internal.h"

enum { STEPS_MAX = 64 };

struct run {
    struct db *db;
    bool dry_run, with_tenants;
    struct migrate_report report;
    char next[80]; /* text of report.next */

    bool exists; /* the table of steps */
    bool locked;
    const char *scope;
    const struct migration *steps;
    uint64_t made; /* bit i: steps[i] */
    struct oid *tenants;
    size_t n_tenants, at;
    const struct oid *tenant; /* of the scope; NULL: none */
    struct err e;

    void (*done)(struct run *r);
    void *arg;
    void (*told)(void *arg, struct err e); /* migrate_tenant_start */
    bool finished;
};

static void scope_begin(struct run *r);

/* ---- end */

static void
unlocked(void *arg, struct err e)
{
    struct run *r = arg;
    if (r->e.kind == ERR_NONE)
        r->e = e;
    free(r->tenants);
    r->tenants = NULL;
    r->done(r);
}

static void
finish(struct run *r, struct err e)
{
    r->e = e;
    if (!r->locked) {
        unlocked(r, ERR_OK);
        return;
    }
    columns_send(r->db, sql_migrate_unlock, NULL, DB_UNTOLD, NO_PARAMS);
    db_sync(r->db, unlocked, r);
}

/* ---- steps of a scope */

static void step_next(struct run *r);

static void
step_made(void *arg, struct err e)
{
    struct run *r = arg;
    if (e.kind != ERR_NONE) {
        finish(r, e);
        return;
    }
    r->report.applied++;
    for (size_t i = 0; i < STEPS_MAX; i++)
        if ((r->made & UINT64_C(1) << i) == 0) {
            r->made |= UINT64_C(1) << i;
            break;
        }
    step_next(r);
}

static void
step_make(struct run *r, const struct migration *m)
{
    char hex[2 * OID_BYTES + 1] = "";
    for (size_t i = 0; r->tenant != NULL && i < OID_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", r->tenant->b[i]);
    size_t room = strlen(m->sql) + 256;
    char *text = db_must(malloc(room));
    /* scope, step and oid are words of ours */
    snprintf(
        text, room,
        "%s\n;\ninsert into schema_version (scope, oid, step, at) values ('%s', '\\x%s', '%s', "
        "%lld);",
        m->sql, r->scope, hex, m->name, (long long)clock_now());
    db_script(r->db, text, r->tenant, step_made, r);
    free(text);
}

static void
scope_end(struct run *r)
{
    if (r->with_tenants && r->tenant != NULL)
        r->at++;
    if (r->at < r->n_tenants) {
        r->scope = "tenant";
        r->steps = migrations_tenant;
        r->tenant = &r->tenants[r->at];
        scope_begin(r);
        return;
    }
    finish(r, ERR_OK);
}

static void
tenants_rows(void *arg, const struct db_rows *rows, struct err e)
{
    struct run *r = arg;
    if (e.kind != ERR_NONE)
        return; /* the sync says it */
    r->tenants = db_must(calloc(db_count(rows) + 1, sizeof *r->tenants));
    for (size_t i = 0; i < db_count(rows); i++)
        if (oid_from(db_get(rows, i, 0), &r->tenants[r->n_tenants]))
            r->n_tenants++;
}

static void
tenants_known(void *arg, struct err e)
{
    struct run *r = arg;
    r->report.tenants = r->n_tenants;
    if (e.kind != ERR_NONE)
        finish(r, e);
    else
        scope_end(r);
}

static void
step_next(struct run *r)
{
    for (size_t i = 0; r->steps[i].name != NULL; i++) {
        if ((r->made & UINT64_C(1) << i) != 0)
            continue;
        if (!r->dry_run) {
            step_make(r, &r->steps[i]);
            return;
        }
        if (r->report.pending++ == 0)
            snprintf(r->next, sizeof r->next, "%s %s", r->scope, r->steps[i].name);
    }
    if (r->with_tenants && r->tenant == NULL && (r->made & 1) != 0) {
        columns_send(r->db, sql_migrate_tenants, NULL, (struct db_answer){tenants_rows, r},
                     NO_PARAMS);
        db_sync(r->db, tenants_known, r);
        return;
    }
    scope_end(r);
}

/* ---- what was made */

static void
steps_rows(void *arg, const struct db_rows *rows, struct err e)
{
    struct run *r = arg;
    for (size_t row = 0; e.kind == ERR_NONE && row < db_count(rows); row++) {
        struct slice name = db_get(rows, row, 0);
        size_t i = 0;
        while (r->steps[i].name != NULL && !slice_eq(slice_of(r->steps[i].name), name))
            i++;
        assert(i < STEPS_MAX);
        if (r->steps[i].name != NULL)
            r->made |= UINT64_C(1) << i;
        else if (r->e.kind == ERR_NONE)
            r->e = err_make(ERR_STOP, "migrate.newer",
                            "the database has step %s %.*s, which this program does not know",
                            r->scope, SLICE_ARG(name));
    }
}

static void
steps_known(void *arg, struct err e)
{
    struct run *r = arg;
    if (e.kind == ERR_NONE)
        e = r->e;
    if (e.kind != ERR_NONE)
        finish(r, e);
    else
        step_next(r);
}

static void
scope_begin(struct run *r)
{
    r->made = 0;
    if (!r->exists) {
        step_next(r); /* a dry run: all is missing */
        return;
    }
    struct slice oid = r->tenant != NULL ? oid_slice(r->tenant) : SLICE("");
    columns_send(r->db, sql_migrate_steps, NULL, (struct db_answer){steps_rows, r},
                 PARAMS(db_text(slice_of(r->scope)), db_bytes(oid)));
    db_sync(r->db, steps_known, r);
}

/* ---- begin */

static void
table_made(void *arg, struct err e)
{
    struct run *r = arg;
    r->exists = true;
    if (e.kind != ERR_NONE)
        finish(r, e);
    else
        scope_begin(r);
}

static void
locked(void *arg, struct err e)
{
    struct run *r = arg;
    r->locked = e.kind == ERR_NONE;
    if (e.kind != ERR_NONE)
        finish(r, e);
    else
        db_script(r->db, sql_migrate_create, NULL, table_made, r);
}

static void
exists_rows(void *arg, const struct db_rows *rows, struct err e)
{
    struct run *r = arg;
    r->exists = e.kind == ERR_NONE && db_get_i64(rows, 0, 0) != 0;
}

static void
exists_known(void *arg, struct err e)
{
    struct run *r = arg;
    if (e.kind != ERR_NONE)
        finish(r, e);
    else
        scope_begin(r);
}

static void
run_start(struct run *r)
{
    r->report.databases = 1;
    if (r->dry_run) {
        columns_send(r->db, sql_migrate_exists, NULL, (struct db_answer){exists_rows, r},
                     NO_PARAMS);
        db_sync(r->db, exists_known, r);
        return;
    }
    columns_send(r->db, sql_migrate_lock, NULL, DB_UNTOLD, NO_PARAMS);
    db_sync(r->db, locked, r);
}

/* ---- the functions of the header */

static void
waited(struct run *r)
{
    r->finished = true;
    uv_stop(loop_uv(r->db->loop)); /* answered by a timer the turn would go on to sleep */
}

static struct err
run_wait(struct run *r, struct loop *l, struct arena *a, struct migrate_report *out)
{
    r->done = waited;
    run_start(r);
    while (!r->finished) /* also when the loop was stopped: r is in our frame */
        uv_run(loop_uv(l), UV_RUN_ONCE);
    *out = r->report;
    out->next = r->next[0] != '\0' ? slice_dup(a, slice_of(r->next)) : SLICE_NONE;
    return r->e;
}

struct err
migrate_control(struct db *db, struct loop *l, bool dry_run, struct arena *a,
                struct migrate_report *out)
{
    struct run r = {.db = db, .dry_run = dry_run, .scope = "control", .steps = migrations_control};
    return run_wait(&r, l, a, out);
}

struct err
migrate_region(struct db *db, struct loop *l, bool dry_run, struct arena *a,
               struct migrate_report *out)
{
    struct run r = {.db = db,
                    .dry_run = dry_run,
                    .with_tenants = true,
                    .scope = "region",
                    .steps = migrations_region};
    return run_wait(&r, l, a, out);
}

struct err
migrate_tenant(struct db *db, struct loop *l, const struct oid *oid, bool dry_run, struct arena *a,
               struct migrate_report *out)
{
    struct run r = {
        .db = db, .dry_run = dry_run, .scope = "tenant", .steps = migrations_tenant, .tenant = oid};
    struct err e = run_wait(&r, l, a, out);
    out->tenants = 1;
    return e;
}

struct started {
    struct run run;
    struct oid oid;
};

static void
started_done(struct run *r)
{
    struct started *s = (struct started *)r; /* its first member */
    void (*told)(void *arg, struct err e) = r->told;
    void *arg = r->arg;
    struct err e = r->e;
    free(s);
    if (told != NULL)
        told(arg, e);
}

void
migrate_tenant_start(struct db *db, struct loop *l, const struct oid *oid,
                     void (*done)(void *arg, struct err e), void *arg)
{
    (void)l;
    struct started *s = db_must(calloc(1, sizeof *s));
    s->oid = *oid;
    s->run = (struct run){.db = db,
                          .scope = "tenant",
                          .steps = migrations_tenant,
                          .tenant = &s->oid,
                          .done = started_done,
                          .told = done,
                          .arg = arg};
    run_start(&s->run);
}
