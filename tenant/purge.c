#include "tenant/purge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/health.h"
#include "common/json.h"
#include "common/log.h"
#include "common/metric.h"
#include "store/alerts.h"
#include "store/clients.h"
#include "store/correlator.h"
#include "store/fence.h"
#include "store/purges.h"

enum { FENCE_TRIES = 20 };

/* ---- small questions */

struct number {
    int64_t value;
    bool there;
};

static void
on_number(void *arg, const struct db_rows *rows, struct err e)
{
    struct number *n = arg;
    if (e.kind || db_count(rows) != 1)
        return;
    n->there = !db_null(rows, 0, 0);
    n->value = db_get_i64(rows, 0, 0);
}

struct left {
    int64_t schemas, rows;
};

static void
on_left(void *arg, const struct db_rows *rows, struct err e)
{
    struct left *l = arg;
    if (e.kind || db_count(rows) != 1)
        return;
    l->schemas = db_get_i64(rows, 0, 0);
    l->rows = db_get_i64(rows, 0, 1);
}

static struct err
left_of(struct session *s, const struct oid *oid, struct left *out)
{
    *out = (struct left){-1, -1};
    purges_left(s->region, s->arena, oid, (struct db_answer){on_left, out});
    struct err e = db_wait(s->region, s->loop);
    if (e.kind == ERR_NONE && out->schemas < 0)
        return err_make(ERR_STOP, "purge.left", "the database did not say what is left");
    return e;
}

/* ---- inventory */

static void
on_tables(void *arg, const struct db_rows *rows, struct err e)
{
    struct purge_report *r = arg;
    r->n_tables = 0;
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows) && i < PURGE_TABLES_MAX; i++)
        (void)snprintf(r->tables[r->n_tables++].name, PURGE_NAME_MAX, "%.*s",
                       SLICE_ARG(db_get(rows, i, 0)));
}

struct err
purge_inventory(struct session *s, const struct tenants_row *t, struct purge_report *out)
{
    struct left left;
    *out = (struct purge_report){.n_tables = 0};
    tenants_tables(s->region, s->arena, &t->oid, (struct db_answer){on_tables, out});
    struct err e = db_wait(s->region, s->loop);
    for (size_t i = 0; e.kind == ERR_NONE && i < out->n_tables; i++) {
        struct number n = {.there = false};
        purges_count(s->region, s->arena, &t->oid, slice_of(out->tables[i].name),
                     (struct db_answer){on_number, &n});
        e = db_wait(s->region, s->loop);
        out->tables[i].rows = n.there ? n.value : -1;
        out->rows += n.there ? n.value : 0;
    }
    if (e.kind == ERR_NONE)
        e = left_of(s, &t->oid, &left);
    if (e.kind == ERR_NONE)
        out->shared_rows = left.rows;
    return e;
}

/* ---- steps */

struct purge {
    struct session *session;
    struct tenants_purge row;
    struct tenants_row tenant;
    struct purge_report *report;
    bool found;
    struct err failed;
};

static struct slice
inventory_json(const struct purge_report *r, struct arena *a)
{
    struct json_out *o = json_out_object(a), *tables = json_out_object(a);
    for (size_t i = 0; i < r->n_tables; i++)
        json_out_int(tables, r->tables[i].name, r->tables[i].rows);
    json_out_set(o, "tables", tables);
    json_out_int(o, "rows", r->rows);
    json_out_int(o, "shared_rows", r->shared_rows);
    return json_out_print(o, a);
}

static struct err
journal(struct purge *p, const char *step, struct slice evidence)
{
    struct session *s = p->session;
    const struct tenants_purge_step row = {
        .purge_id = p->row.id, .step = slice_of(step), .at = clock_now(), .evidence = evidence};
    tenants_purge_step_add(s->control, s->arena, &row, DB_UNTOLD);
    metric_add(METRIC_weir_purge_steps_total, 1, step);
    log_info("purge.step", LOG_STR("step", step), LOG_OID(&p->row.oid));
    return db_wait(s->control, s->loop);
}

static struct err
step_inventory(struct purge *p)
{
    struct err e = purge_inventory(p->session, &p->tenant, p->report);
    return e.kind ? e : journal(p, "inventory", inventory_json(p->report, p->session->arena));
}

/* When this commits, every write of the tenant is either committed, and erased below, or refused
 * (erasure.md 6). A writer that holds the lock is waited for, lock_timeout each time. */
static struct err
step_fence(struct purge *p)
{
    struct session *s = p->session;
    const struct fence_row row = {
        .oid = p->row.oid, .epoch = p->row.epoch, .state = TENANT_PURGING};
    struct left left;
    struct err e = left_of(s, &p->row.oid, &left);
    if (e.kind || left.rows == 0) /* the fence's row is gone: an earlier run came this far */
        return e;
    for (int i = 0; i < FENCE_TRIES; i++) {
        db_begin(s->region);
        fence_set(s->region, s->arena, &row, DB_UNTOLD);
        db_commit(s->region);
        e = db_wait(s->region, s->loop);
        if (e.kind == ERR_NONE)
            return journal(p, "fence", SLICE("{}"));
        db_rollback(s->region);
        struct err rolled = db_wait(s->region, s->loop);
        if (rolled.kind || strcmp(e.code, "db.busy") != 0)
            return e;
    }
    return e;
}

static struct tenant_record
record_of(const struct purge *p, enum tenant_state state)
{
    return (struct tenant_record){.oid = p->row.oid,
                                  .epoch = p->row.epoch,
                                  .state = state,
                                  .shard = p->tenant.shard,
                                  .settings_version = p->tenant.settings_version};
}

/* The fast path: workers drop the tenant at once. Data goes even when Kafka is away. */
static struct err
step_broadcast(struct purge *p)
{
    const struct tenant_record r = record_of(p, TENANT_PURGING);
    struct err e = session_publish(p->session, p->row.region, &r);
    if (e.kind == ERR_NONE)
        return journal(p, "broadcast", SLICE("{}"));
    log_err("purge.broadcast", &e, LOG_OID(&p->row.oid));
    return ERR_OK;
}

static void
on_last_id(void *arg, const struct db_rows *rows, struct err e)
{
    struct number *n = arg;
    struct correlator_loaded last = {.last_id = 0};
    if (e.kind == ERR_NONE && db_count(rows) > 0)
        correlator_loaded_row(rows, 0, &last);
    if (last.last_id == 0)
        return;
    n->there = true;
    n->value = last.last_id;
}

/* Ids go on counting when the directory opts in again. */
static struct err
step_last_id(struct purge *p)
{
    struct session *s = p->session;
    struct number last = {.there = false};
    struct left left;
    struct err e = left_of(s, &p->row.oid, &left);
    if (e.kind || left.schemas == 0)
        return e;
    correlator_load(s->region, s->arena, &p->row.oid, (struct db_answer){on_last_id, &last});
    e = db_wait(s->region, s->loop);
    if (e.kind == ERR_REJECT && strcmp(e.code, "db.undefined") == 0)
        return ERR_OK; /* an earlier run dropped that table, after it had noted the id */
    if (e.kind || !last.there)
        return e;
    tenants_directory_set_last(s->control, s->arena, p->tenant.directory_hmac, last.value,
                               DB_UNTOLD);
    return db_wait(s->control, s->loop);
}

/* One table a transaction, the big ones last: a neighbour's latency is not touched. */
static struct err
step_drop(struct purge *p)
{
    struct session *s = p->session;
    struct purge_report now = {.n_tables = 0};
    tenants_tables(s->region, s->arena, &p->row.oid, (struct db_answer){on_tables, &now});
    struct err e = db_wait(s->region, s->loop);
    for (size_t i = 0; e.kind == ERR_NONE && i < now.n_tables; i++) {
        tenants_drop_table(s->region, s->arena, &p->row.oid, slice_of(now.tables[i].name),
                           DB_UNTOLD);
        e = db_wait(s->region, s->loop);
    }
    if (e.kind == ERR_NONE) {
        tenants_drop_schema(s->region, s->arena, &p->row.oid, DB_UNTOLD);
        e = db_wait(s->region, s->loop);
    }
    return e.kind ? e : journal(p, "drop", SLICE("{}"));
}

/* Its API clients end with it: after a new opt-in nobody holds an old secret. */
static struct err
step_clients(struct purge *p)
{
    struct session *s = p->session;
    clients_delete(s->control, s->arena, p->tenant.directory_hmac, DB_UNTOLD);
    struct err e = db_wait(s->control, s->loop);
    return e.kind ? e : journal(p, "clients", SLICE("{}"));
}

static struct err
step_shared(struct purge *p)
{
    struct session *s = p->session;
    tenants_delete_shared(s->region, s->arena, &p->row.oid, DB_UNTOLD);
    fence_delete(s->region, s->arena, &p->row.oid, DB_UNTOLD);
    struct err e = db_wait(s->region, s->loop);
    return e.kind ? e : journal(p, "shared", SLICE("{}"));
}

static struct err
step_check(struct purge *p)
{
    struct left left;
    struct err e = left_of(p->session, &p->row.oid, &left);
    if (e.kind == ERR_NONE && (left.schemas != 0 || left.rows != 0))
        return err_make(ERR_STOP, "purge.left", "%lld schemas and %lld shared rows are left",
                        (long long)left.schemas, (long long)left.rows);
    return e.kind ? e : journal(p, "check", SLICE("{\"schemas\":0,\"rows\":0}"));
}

static struct err
step_tombstone(struct purge *p)
{
    const struct tenant_record r = record_of(p, TENANT_PURGED);
    struct err e = session_publish(p->session, p->row.region, &r);
    return e.kind ? e : journal(p, "tombstone", SLICE("{}"));
}

static struct err
step_done(struct purge *p)
{
    struct session *s = p->session;
    const struct tenants_audit row = {.at = clock_now(),
                                      .actor = SLICE("purge"),
                                      .action = SLICE("purge finished"),
                                      .has_oid = true,
                                      .oid = p->row.oid,
                                      .epoch = p->row.epoch};
    tenants_set_state(s->control, s->arena, &p->row.oid, TENANT_PURGED, row.at, DB_UNTOLD);
    tenants_audit_add(s->control, s->arena, &row, DB_UNTOLD);
    tenants_purge_done(s->control, s->arena, p->row.id, row.at, DB_UNTOLD);
    return db_wait(s->control, s->loop);
}

/* Order matters: fence before drop, drop before what Kafka must confirm (erasure.md 7). */
static struct err (*const steps[])(struct purge *p) = {
    step_inventory, step_fence,  step_broadcast, step_clients,   step_last_id,
    step_drop,      step_shared, step_check,     step_tombstone, step_done,
};

/* ---- a purge */

static void
on_purge(void *arg, const struct db_rows *rows, struct err e)
{
    struct purge *p = arg;
    if (e.kind || db_count(rows) != 1)
        return;
    tenants_purge_row(rows, 0, &p->row);
    p->row.id = slice_dup(p->session->arena, p->row.id);
    p->row.region = slice_dup(p->session->arena, p->row.region);
    p->row.state = slice_dup(p->session->arena, p->row.state);
    p->found = true;
}

static void
on_tenant(void *arg, const struct db_rows *rows, struct err e)
{
    struct purge *p = arg;
    if (e.kind || db_count(rows) != 1)
        return;
    tenants_get_row(rows, 0, &p->tenant);
    p->tenant.directory_hmac = slice_dup(p->session->arena, p->tenant.directory_hmac);
}

static struct err
load(struct purge *p, struct slice purge_id)
{
    struct session *s = p->session;
    tenants_purge_get(s->control, s->arena, purge_id, (struct db_answer){on_purge, p});
    struct err e = db_wait(s->control, s->loop);
    if (e.kind == ERR_NONE && !p->found)
        e = err_make(ERR_STOP, "refused.unknown_purge", "there is no purge of that id");
    if (e.kind)
        return e;
    tenants_get_by_oid(s->control, s->arena, &p->row.oid, (struct db_answer){on_tenant, p});
    e = db_wait(s->control, s->loop);
    return e.kind ? e : session_region(s, p->row.region);
}

struct err
purge_run(struct session *s, struct slice purge_id, struct purge_report *out)
{
    struct purge p = {.session = s, .report = out};
    bool ours = false;
    *out = (struct purge_report){.n_tables = 0};
    struct err e = load(&p, purge_id);
    if (e.kind || slice_eq(p.row.state, SLICE("done")))
        return e;
    e = session_lock(s, &p.row.oid, &ours);
    if (e.kind)
        return e;
    if (!ours)
        return err_make(ERR_RETRY, "purge.taken", "another process works on this tenant");
    for (size_t i = 0; e.kind == ERR_NONE && i < sizeof steps / sizeof steps[0]; i++)
        e = steps[i](&p);
    struct err unlocked = session_unlock(s, &p.row.oid);
    return e.kind ? e : unlocked;
}

/* ---- the worker: one thing after the other, then it waits */

struct pending {
    char (*ids)[40];
    size_t n;
    bool no_memory;
};

static void
on_pending(void *arg, const struct db_rows *rows, struct err e)
{
    struct pending *p = arg;
    if (e.kind)
        return;
    p->ids = calloc(db_count(rows) + 1, sizeof *p->ids);
    p->no_memory = p->ids == NULL;
    for (size_t i = 0; p->ids != NULL && i < db_count(rows); i++) {
        struct tenants_purge row;
        tenants_purge_row(rows, i, &row);
        (void)snprintf(p->ids[p->n++], sizeof p->ids[0], "%.*s", SLICE_ARG(row.id));
    }
}

/* All of them: one that cannot be finished now must not keep others waiting. */
static void
work_once(struct session *s, struct health *h)
{
    struct pending todo = {.n = 0};
    arena_reset(s->arena);
    tenants_purge_list(s->control, s->arena, SLICE_NONE, false,
                       (struct db_answer){on_pending, &todo});
    struct err e = db_wait(s->control, s->loop);
    if (e.kind == ERR_NONE && todo.no_memory)
        e = err_make(ERR_RETRY, "tenant.memory", "no memory for the list of purges");
    health_set(h, "database", e.kind == ERR_NONE, "the control database does not answer");
    for (size_t i = 0; e.kind == ERR_NONE && i < todo.n && !loop_stopping(s->loop); i++) {
        struct purge_report report;
        arena_reset(s->arena);
        struct err bad = purge_run(s, slice_of(todo.ids[i]), &report);
        if (bad.kind && strcmp(bad.code, "purge.taken") != 0)
            log_err("purge.unfinished", &bad, LOG_STR("purge", todo.ids[i]));
    }
    free(todo.ids);
}

struct pause {
    uv_timer_t timer;
    bool over, closed;
};

static void
on_pause_over(uv_timer_t *t)
{
    struct pause *p = t->data;
    p->over = true;
}

static void
on_pause_closed(uv_handle_t *h)
{
    struct pause *p = h->data;
    p->closed = true;
}

static void
pause_for(struct loop *l, int64_t ms)
{
    struct pause p = {.over = false};
    uv_timer_init(loop_uv(l), &p.timer);
    p.timer.data = &p;
    uv_timer_start(&p.timer, on_pause_over, (uint64_t)ms, 0);
    (void)loop_turn(l, &p.over);
    uv_close((uv_handle_t *)&p.timer, on_pause_closed);
    while (!p.closed)
        uv_run(loop_uv(l), UV_RUN_ONCE);
}

static int
run_purge(struct cli *cli)
{
    struct session s;
    struct health *h = NULL;
    char name[32];
    (void)snprintf(name, sizeof name, "purge-%d", (int)getpid());
    struct err e = session_open(&s, cli_conf(cli), true);
    if (e.kind == ERR_RETRY)
        e = ERR_OK; /* it waits for the database, as every worker does */
    if (e.kind == ERR_NONE)
        e = health_start(s.loop, s.conf, name, &h);
    if (e.kind) {
        session_close(&s);
        return cli_fail(cli, e);
    }
    while (!loop_stopping(s.loop)) {
        if (db_is_up(s.control))
            work_once(&s, h);
        else
            health_set(h, "database", false, "the control database does not answer");
        pause_for(s.loop, conf_int(s.conf, "purge.poll_s") * 1000);
    }
    health_close(h);
    session_close(&s);
    return CLI_DONE;
}

static const struct cli_flag run_purge_flags[] = {{NULL, NULL, NULL, false}};

const struct cli_command run_purge_command = {
    .noun = "run",
    .verb = "purge",
    .summary = "finish the purges that somebody left unfinished",
    .example = "weir run purge",
    .flags = run_purge_flags,
    .run = run_purge,
};
