#include "normalize/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metric.h"
#include "normalize/judge.h"
#include "normalize/rows.h"
#include "store/fence.h"
#include "store/progress.h"

enum { GATHER_OVERHEAD = 4 * 1024 * 1024, WORK_LIMIT = 1024 * 1024 * 1024 };

/* A record as it came, copied. */
struct gathered {
    int32_t partition;
    int64_t offset;
    struct slice key, value;
    bool poison; /* PostgreSQL refused it, alone */
};

struct batch {
    const struct batch_env *env;
    struct arena *records_arena;
    struct gathered *records;
    size_t n_records, records_capacity, bytes;
    /* the window that is worked on: all, or less when PostgreSQL refused something in it */
    size_t at, n_window;
    struct arena *work;
    struct delivery *deliveries;
    size_t n_deliveries;
    struct share *shares;
    size_t n_shares;
    struct oid *fenced; /* tenants that are not to be written any more; in records_arena */
    size_t n_fenced, fenced_capacity, n_fenced_before;
    struct err failed; /* the first error of the statements under way */
    void (*done)(void *arg, struct err e);
    void *arg;
    int64_t began_ms;
};

static void window_begin(struct batch *b);

/* ---- gathering */

struct batch *
batch_new(const struct batch_env *env)
{
    struct batch *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    b->env = env;
    b->records_arena = arena_new(env->bytes_max * 2 + CODEC_VALUE_MAX + GATHER_OVERHEAD);
    b->work = arena_new(WORK_LIMIT);
    if (b->records_arena != NULL && b->work != NULL)
        return b;
    batch_free(b);
    return NULL;
}

void
batch_free(struct batch *b)
{
    if (b == NULL)
        return;
    arena_free(b->records_arena);
    arena_free(b->work);
    free(b);
}

void
batch_clear(struct batch *b)
{
    arena_reset(b->records_arena);
    b->records = NULL;
    b->fenced = NULL;
    b->n_records = b->records_capacity = b->bytes = 0;
    b->n_fenced = b->fenced_capacity = 0;
}

size_t
batch_count(const struct batch *b)
{
    return b->n_records;
}

struct err
batch_add(struct batch *b, const struct bus_record *r, bool *full)
{
    if (b->n_records == b->records_capacity) {
        void *larger =
            arena_grow(b->records_arena, b->records, sizeof *b->records, &b->records_capacity);
        if (larger == NULL)
            return err_make(ERR_STOP, "normalize.memory", "no memory for one more record");
        b->records = larger;
    }
    struct gathered *g = &b->records[b->n_records];
    *g = (struct gathered){.partition = r->partition, .offset = r->offset};
    g->key = slice_dup(b->records_arena, r->key);
    g->value = slice_dup(b->records_arena, r->value);
    if ((r->key.p != NULL && g->key.p == NULL) || (r->value.p != NULL && g->value.p == NULL))
        return err_make(ERR_STOP, "normalize.memory", "no memory for one more record");
    b->n_records++;
    b->bytes += r->key.n + r->value.n;
    *full = b->n_records >= b->env->records_max || b->bytes >= b->env->bytes_max;
    return ERR_OK;
}

/* ---- the end of a window */

static void
drop_engines(struct batch *b)
{
    for (size_t i = 0; i < b->n_shares; i++)
        tenants_drop(b->shares[i].tenant);
}

static void
finish(struct batch *b, struct err e)
{
    if (e.kind)
        metric_add(METRIC_weir_normalize_batches_total, 1,
                   e.kind == ERR_RETRY ? "retried" : "failed");
    batch_clear(b);
    b->n_shares = b->n_deliveries = 0;
    b->done(b->arg, e);
}

static struct batch_part *
part_of(struct batch *b, int32_t partition)
{
    for (size_t i = 0; i < b->env->n_parts; i++)
        if (b->env->parts[i].partition == partition)
            return &b->env->parts[i];
    return NULL;
}

static void
count_outcomes(struct batch *b)
{
    for (size_t i = 0; i < b->n_deliveries; i++) {
        const struct delivery *d = &b->deliveries[i];
        metric_add(METRIC_weir_normalize_deliveries_total, 1,
                   d->source != NULL ? d->source->name : "unknown", outcome_word(d->outcome));
        if (d->outcome == OUTCOME_DEAD)
            log_err("normalize.dead", &d->why, LOG_OID(&d->record.oid),
                    LOG_SLICE("source", d->record.source));
    }
}

static void
on_committed(void *arg, struct err e)
{
    struct batch *b = arg;
    (void)e; /* on_written looked at it */
    for (size_t i = 0; i < b->n_shares; i++)
        if (!b->shares[i].fenced && b->shares[i].tenant->engine != NULL)
            incident_commit(b->shares[i].tenant->engine);
    for (size_t i = 0; i < b->n_window; i++) {
        const struct gathered *g = &b->records[b->at + i];
        struct batch_part *p = part_of(b, g->partition);
        if (p != NULL)
            p->next_offset = g->offset + 1;
    }
    count_outcomes(b);
    metric_add(METRIC_weir_normalize_batches_total, 1, "committed");
    metric_observe(METRIC_weir_normalize_batch_seconds,
                   (double)(clock_mono_ms() - b->began_ms) / 1000.0);
    b->at += b->n_window;
    b->n_window = b->n_records - b->at;
    if (b->n_window > 0)
        window_begin(b);
    else
        finish(b, ERR_OK);
}

/* ---- trouble */

static void
on_states(void *arg, const struct db_rows *rows, struct err e)
{
    struct batch *b = arg;
    if (e.kind)
        return;
    for (size_t i = 0; i < b->n_shares; i++) {
        struct tenant *t = b->shares[i].tenant;
        bool active = false;
        for (size_t k = 0; k < db_count(rows) && !active; k++) {
            struct fence_row row;
            fence_states_row(rows, k, &row);
            active = oid_eq(&row.oid, &t->oid) && row.state == TENANT_ACTIVE &&
                     row.epoch == t->epoch;
        }
        if (active)
            continue;
        if (b->n_fenced == b->fenced_capacity) {
            void *larger =
                arena_grow(b->records_arena, b->fenced, sizeof *b->fenced, &b->fenced_capacity);
            if (larger == NULL) /* the next try meets the fence again, with an empty batch */
                continue;
            b->fenced = larger;
        }
        b->fenced[b->n_fenced++] = t->oid;
    }
}

static void
on_states_known(void *arg, struct err e)
{
    struct batch *b = arg;
    if (e.kind == ERR_NONE && b->n_fenced == b->n_fenced_before)
        e = err_make(ERR_RETRY, "normalize.fence", "a tenant is active but cannot be written: %s",
                     b->failed.text);
    if (e.kind)
        finish(b, e);
    else
        window_begin(b);
}

/* Which tenants may not be written any more? Then once again without them. */
static void
ask_fence(struct batch *b)
{
    struct oid *oids = arena_alloc(b->work, (b->n_shares + 1) * sizeof *oids);
    if (oids == NULL) {
        finish(b, err_make(ERR_RETRY, "normalize.memory", "no memory left"));
        return;
    }
    b->n_fenced_before = b->n_fenced;
    for (size_t i = 0; i < b->n_shares; i++)
        oids[i] = b->shares[i].tenant->oid;
    fence_states(b->env->db, b->work, oids, b->n_shares, (struct db_answer){on_states, b});
    db_sync(b->env->db, on_states_known, b);
}

static bool
is(struct err e, const char *code)
{
    return strcmp(e.code, code) == 0;
}

static void
after_rollback(void *arg, struct err e)
{
    struct batch *b = arg;
    struct err why = b->failed;
    drop_engines(b);
    if (e.kind && why.kind != ERR_STOP)
        why = e; /* the connection went meanwhile */
    if (why.kind == ERR_REJECT && (is(why, "db.fenced") || is(why, "db.undefined"))) {
        ask_fence(b);
    } else if (why.kind == ERR_REJECT && (is(why, "db.data") || is(why, "db.conflict"))) {
        /* one of the window's records cannot be stored: halve until it stands alone */
        if (b->n_window == 1)
            b->records[b->at].poison = true;
        b->n_window = (b->n_window + 1) / 2;
        window_begin(b);
    } else {
        finish(b, why);
    }
}

static void
fail(struct batch *b, struct err e)
{
    b->failed = e;
    if (e.kind == ERR_RETRY && is(e, "db.connect")) { /* nothing to roll back */
        after_rollback(b, ERR_OK);
        return;
    }
    db_rollback(b->env->db);
    db_sync(b->env->db, after_rollback, b);
}

/* ---- writing */

static void
write_share(struct batch *b, struct share *s, struct err *e)
{
    struct db *db = b->env->db;
    struct arena *a = b->work;
    const struct oid *oid = &s->tenant->oid;
    struct alerts_mail *mail;
    struct alerts_dead *dead;
    struct alerts_ignored *ignored;
    size_t n_mail, n_dead, n_ignored, n_rows = 0;
    struct alerts_row *rows = arena_alloc(a, (s->n_items + 1) * sizeof *rows);
    *e = rows == NULL ? err_make(ERR_RETRY, "normalize.memory", "no memory left")
                      : rows_mail(s, b->env->seal, a, &mail, &n_mail);
    if (e->kind == ERR_NONE)
        *e = rows_dead(s, b->env->seal, a, &dead, &n_dead);
    if (e->kind == ERR_NONE)
        *e = rows_ignored(s, a, &ignored, &n_ignored);
    if (e->kind)
        return;
    for (size_t i = 0; i < s->n_items; i++)
        if (s->items[i].row != NULL)
            rows[n_rows++] = *s->items[i].row;
    if (n_rows > 0)
        alerts_upsert(db, a, oid, rows, n_rows, DB_UNTOLD);
    if (n_mail > 0)
        alerts_mail_upsert(db, a, oid, mail, n_mail, DB_UNTOLD);
    if (n_dead > 0)
        alerts_dead_add(db, a, oid, dead, n_dead, DB_UNTOLD);
    if (n_ignored > 0)
        alerts_ignored_add(db, a, oid, ignored, n_ignored, DB_UNTOLD);
}

static int32_t
partition_of(const struct batch *b, const struct share *s)
{
    size_t first = (size_t)(s->deliveries[0] - b->deliveries);
    return b->records[b->at + first].partition;
}

static void
count_decisions(const struct incident_changes *c)
{
    metric_add(METRIC_weir_correlation_decisions_total, (int64_t)c->added_new, "new");
    metric_add(METRIC_weir_correlation_decisions_total, (int64_t)c->added_joined, "joined");
    metric_add(METRIC_weir_correlation_decisions_total, (int64_t)c->added_merged, "merged");
    metric_add(METRIC_weir_correlation_identity_conflicts_total, (int64_t)c->identity_conflicts);
}

static void
write_changes(struct batch *b, struct share *s, struct err *e)
{
    struct db *db = b->env->db;
    struct arena *a = b->work;
    const struct oid *oid = &s->tenant->oid;
    struct incident_changes changes;
    struct rows_changes rows;
    *e = incident_changes(s->tenant->engine, a, &changes);
    if (e->kind == ERR_NONE)
        *e = rows_changes(s->tenant, &changes, partition_of(b, s), s->newest, a, &rows);
    if (e->kind)
        return;
    count_decisions(&changes);
    if (rows.n_incidents > 0)
        incidents_upsert(db, a, oid, rows.incidents, rows.n_incidents, DB_UNTOLD);
    if (rows.n_members > 0)
        incidents_members_upsert(db, a, oid, rows.members, rows.n_members, DB_UNTOLD);
    if (rows.n_links > 0)
        incidents_links_add(db, a, oid, rows.links, rows.n_links, DB_UNTOLD);
    if (rows.n_related > 0)
        incidents_related_upsert(db, a, oid, rows.related, rows.n_related, DB_UNTOLD);
    if (rows.n_incidents > 0)
        events_add(db, a, oid, rows.events, rows.n_incidents, DB_UNTOLD);
}

/* The next offset of each partition of the window: one past its last record there. */
static struct err
write_progress(struct batch *b)
{
    struct progress_row *rows = arena_alloc(b->work, (b->env->n_parts + 1) * sizeof *rows);
    size_t n = 0;
    if (rows == NULL)
        return err_make(ERR_RETRY, "normalize.memory", "no memory left");
    for (size_t p = 0; p < b->env->n_parts; p++) {
        const struct batch_part *part = &b->env->parts[p];
        int64_t next = -1;
        for (size_t i = 0; i < b->n_window; i++)
            if (b->records[b->at + i].partition == part->partition)
                next = b->records[b->at + i].offset + 1;
        if (next >= 0)
            rows[n++] = (struct progress_row){part->partition, next, part->epoch};
    }
    progress_advance(b->env->db, b->work, slice_of(b->env->consumer), slice_of(b->env->topic), rows,
                     n, DB_UNTOLD);
    return ERR_OK;
}

static void
on_written(void *arg, struct err e)
{
    struct batch *b = arg;
    if (e.kind)
        fail(b, e);
    else
        on_committed(b, e);
}

static void
write_all(struct batch *b)
{
    struct err e = ERR_OK;
    for (size_t i = 0; e.kind == ERR_NONE && i < b->n_shares; i++) {
        struct share *s = &b->shares[i];
        if (s->fenced)
            continue;
        e = judge_share(s, b->env->seal, b->work);
        if (e.kind == ERR_NONE)
            write_share(b, s, &e);
        if (e.kind == ERR_NONE)
            write_changes(b, s, &e);
    }
    if (e.kind == ERR_NONE)
        e = write_progress(b);
    if (e.kind) {
        fail(b, e);
        return;
    }
    db_commit(b->env->db);
    db_sync(b->env->db, on_written, b);
}

/* ---- reading what the store knows of the alerts at hand */

static void
on_known(void *arg, const struct db_rows *rows, struct err e)
{
    struct share *s = arg;
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++) {
        struct alerts_known k;
        alerts_known_row(rows, i, &k);
        struct item *item = judge_find(s, k.source, k.native_id);
        if (item == NULL)
            continue;
        item->known = true;
        item->version = k.version;
        item->received = k.received;
        if (k.sha256.n == sizeof item->sha256)
            memcpy(item->sha256, k.sha256.p, sizeof item->sha256);
    }
}

/* Stored mail records of the alerts at hand; the callback needs batch and share. */
struct mail_ctx {
    struct batch *batch;
    struct share *share;
    int32_t source;
};

static struct err
take_mail(struct mail_ctx *c, const struct db_rows *rows, size_t i)
{
    struct batch *b = c->batch;
    struct alerts_mail m;
    alerts_mail_row(rows, i, &m);
    struct item *item = judge_find(c->share, c->source, m.alert_id);
    if (item == NULL)
        return ERR_OK;
    struct document d = {.record_id = slice_dup(b->work, m.record_id),
                         .version = m.version,
                         .received = m.received,
                         .sha256 = slice_dup(b->work, m.sha256)};
    struct slice place = slice_printf(b->work, "pg|mail_record|sealed|%.*s", SLICE_ARG(m.record_id));
    struct err e = seal_open(b->env->seal, &c->share->tenant->oid, c->share->tenant->epoch,
                             SEAL_RAW, place, m.sealed, b->work, &d.plain);
    return e.kind ? e : judge_document(item, &d, b->work);
}

static void
on_mail(void *arg, const struct db_rows *rows, struct err e)
{
    struct mail_ctx *c = arg;
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++)
        e = take_mail(c, rows, i);
    if (c->batch->failed.kind == ERR_NONE)
        c->batch->failed = e;
}

static void
on_all_known(void *arg, struct err e)
{
    struct batch *b = arg;
    if (e.kind == ERR_NONE)
        e = b->failed;
    if (e.kind)
        fail(b, e);
    else
        write_all(b);
}

/* Alerts of which the window has parts: their other parts are asked for. */
static struct err
ask_mail(struct batch *b, struct share *s)
{
    struct slice *ids = arena_alloc(b->work, (s->n_items + 1) * sizeof *ids);
    struct mail_ctx *c = arena_alloc(b->work, sizeof *c);
    size_t n = 0;
    if (ids == NULL || c == NULL)
        return err_make(ERR_RETRY, "normalize.memory", "no memory left");
    *c = (struct mail_ctx){.batch = b, .share = s};
    for (size_t i = 0; i < s->n_deliveries; i++) {
        const struct delivery *d = s->deliveries[i];
        if (d->outcome != OUTCOME_OPEN || d->ident.part_id.p == NULL)
            continue;
        bool before = false;
        for (size_t k = 0; k < n && !before; k++)
            before = slice_eq(ids[k], d->ident.native_id);
        if (!before)
            ids[n++] = d->ident.native_id;
        c->source = d->source->number; /* one source only has parts */
    }
    if (n > 0)
        alerts_mail_of(b->env->db, b->work, &s->tenant->oid, ids, n, (struct db_answer){on_mail, c});
    return ERR_OK;
}

static struct err
ask_known(struct batch *b, struct share *s)
{
    struct err e = ERR_OK;
    for (size_t i = 0; e.kind == ERR_NONE && i < s->n_deliveries; i++)
        e = judge_open(s->deliveries[i], s->tenant, b->env->seal, b->env->topic, b->work);
    if (e.kind == ERR_NONE)
        e = judge_items(s, b->work);
    if (e.kind || s->n_items == 0)
        return e;
    struct alerts_key *keys = arena_alloc(b->work, s->n_items * sizeof *keys);
    if (keys == NULL)
        return err_make(ERR_RETRY, "normalize.memory", "no memory left");
    for (size_t i = 0; i < s->n_items; i++)
        keys[i] = (struct alerts_key){s->items[i].source, s->items[i].native_id};
    alerts_known(b->env->db, b->work, &s->tenant->oid, keys, s->n_items,
                 (struct db_answer){on_known, s});
    return ask_mail(b, s);
}

static void
ask_all_known(struct batch *b)
{
    struct err e = ERR_OK;
    for (size_t i = 0; e.kind == ERR_NONE && i < b->n_shares; i++)
        if (!b->shares[i].fenced)
            e = ask_known(b, &b->shares[i]);
    if (e.kind)
        fail(b, e);
    else
        db_sync(b->env->db, on_all_known, b);
}

/* ---- the beginning of a window */

static void
on_loaded(void *arg, struct err e)
{
    struct batch *b = arg;
    for (size_t i = 0; e.kind == ERR_NONE && i < b->n_shares; i++)
        if (!b->shares[i].fenced)
            e = tenants_loaded(b->shares[i].tenant);
    if (e.kind)
        fail(b, e);
    else
        ask_all_known(b);
}

static bool
is_fenced(const struct batch *b, const struct oid *oid)
{
    for (size_t i = 0; i < b->n_fenced; i++)
        if (oid_eq(&b->fenced[i], oid))
            return true;
    return false;
}

static struct share *
share_of(struct batch *b, const struct raw_record *r)
{
    for (size_t i = 0; i < b->n_shares; i++)
        if (oid_eq(&b->shares[i].tenant->oid, &r->oid))
            return &b->shares[i];
    struct tenant *t = tenants_get(b->env->tenants, &r->oid, r->epoch);
    struct share *s = &b->shares[b->n_shares];
    if (t == NULL)
        return NULL;
    *s = (struct share){.tenant = t, .fenced = is_fenced(b, &r->oid)};
    s->deliveries = arena_alloc(b->work, b->n_window * sizeof(struct delivery *));
    if (s->deliveries == NULL)
        return NULL;
    b->n_shares++;
    return s;
}

/* A record that is no raw alert under its tenant's key: nobody's, logged, and passed over. */
static bool
decode(struct batch *b, const struct gathered *g, struct delivery *d)
{
    struct oid oid;
    const char *schema = codec_schema(b->env->codec, g->value);
    struct err e = schema == NULL ? err_make(ERR_REJECT, "normalize.frame", "no frame of ours")
                                  : ERR_OK;
    if (e.kind == ERR_NONE && strcmp(schema, "control_event") == 0)
        e = err_make(ERR_REJECT, "normalize.control", "control events come with a later version");
    if (e.kind == ERR_NONE)
        e = codec_raw_read(b->env->codec, g->value, b->work, &d->record);
    if (e.kind == ERR_NONE && (!oid_from(g->key, &oid) || !oid_eq(&oid, &d->record.oid)))
        e = err_make(ERR_REJECT, "normalize.key", "the key is not the tenant of the record");
    if (e.kind == ERR_NONE)
        return true;
    log_err("normalize.passed_over", &e, LOG_INT("partition", g->partition),
            LOG_INT("offset", g->offset));
    metric_add(METRIC_weir_normalize_deliveries_total, 1, "unknown", "dead");
    return false;
}

static struct err
share_out(struct batch *b)
{
    b->shares = arena_alloc(b->work, b->n_window * sizeof *b->shares);
    b->deliveries = arena_alloc(b->work, b->n_window * sizeof *b->deliveries);
    b->n_shares = 0;
    b->n_deliveries = b->n_window;
    if (b->shares == NULL || b->deliveries == NULL)
        return err_make(ERR_RETRY, "normalize.memory", "no memory left");
    for (size_t i = 0; i < b->n_window; i++) {
        struct delivery *d = &b->deliveries[i];
        *d = (struct delivery){.poison = b->records[b->at + i].poison};
        if (!decode(b, &b->records[b->at + i], d)) {
            d->outcome = OUTCOME_IGNORED;
            continue;
        }
        struct share *s = share_of(b, &d->record);
        if (s == NULL)
            return err_make(ERR_RETRY, "normalize.memory", "no memory left");
        s->deliveries[s->n_deliveries++] = d;
        if (s->fenced)
            d->outcome = OUTCOME_FENCED;
    }
    return ERR_OK;
}

static void
check_fence(struct batch *b)
{
    struct fence_row *rows = arena_alloc(b->work, (b->n_shares + 1) * sizeof *rows);
    size_t n = 0;
    for (size_t i = 0; rows != NULL && i < b->n_shares; i++)
        if (!b->shares[i].fenced)
            rows[n++] = (struct fence_row){.oid = b->shares[i].tenant->oid,
                                           .epoch = b->shares[i].tenant->epoch};
    if (n > 0)
        fence_check(b->env->db, b->work, rows, n, DB_UNTOLD);
}

/* One transaction: fence, load tenants met for the first time, what is known, rows, offsets. */
static void
window_begin(struct batch *b)
{
    arena_reset(b->work);
    b->failed = ERR_OK;
    b->began_ms = clock_mono_ms();
    struct err e = share_out(b);
    if (e.kind) {
        drop_engines(b);
        finish(b, e);
        return;
    }
    bool loading = false;
    db_begin(b->env->db);
    check_fence(b);
    for (size_t i = 0; i < b->n_shares; i++) {
        if (b->shares[i].fenced || b->shares[i].tenant->engine != NULL)
            continue;
        tenants_load(b->shares[i].tenant, b->env->db, b->work);
        loading = true;
    }
    if (loading)
        db_sync(b->env->db, on_loaded, b);
    else
        ask_all_known(b);
}

void
batch_run(struct batch *b, void (*done)(void *arg, struct err e), void *arg)
{
    assert(b->n_records > 0);
    b->done = done;
    b->arg = arg;
    b->at = 0;
    b->n_window = b->n_records;
    tenants_turn(b->env->tenants);
    window_begin(b);
}
