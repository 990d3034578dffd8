/* batch.c: gathering records, and the window that is worked on. */
#include "normalize/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metric.h"
#include "normalize/batch_internal.h"
#include "store/fence.h"

enum { GATHER_OVERHEAD = 4 * 1024 * 1024, WORK_LIMIT = 1024 * 1024 * 1024 };

static void window_begin(struct batch *b);

/* ---- gathering */

struct batch *
batch_new(const struct batch_env *env)
{
    struct batch *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    b->env = env;
    /* an array that doubles leaves its halves behind: four times what it holds at the end */
    b->records_arena = arena_new(env->bytes_max * 2 + CODEC_VALUE_MAX + GATHER_OVERHEAD +
                                 env->records_max * 4 * sizeof *b->records);
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
count_outcome(const struct gathered *g, const struct delivery *d)
{
    if (d->decide != NULL) {
        metric_add(METRIC_weir_normalize_decisions_total, 1,
                   decide_outcome_word(d->decide->outcome));
        if (d->decide->outcome == DECIDE_REFUSED)
            log_info("normalize.refused", LOG_OID(&d->record.oid),
                     LOG_STR("code", d->decide->why.code));
        return;
    }
    metric_add(METRIC_weir_normalize_deliveries_total, 1,
               d->source != NULL ? d->source->name : "unknown", outcome_word(d->outcome));
    if (d->outcome != OUTCOME_DEAD)
        return;
    if (d->nobodys)
        log_err("normalize.passed_over", &d->why, LOG_INT("partition", g->partition),
                LOG_INT("offset", g->offset));
    else
        log_err("normalize.dead", &d->why, LOG_OID(&d->record.oid),
                LOG_SLICE("source", d->record.source));
}

static void
count_decisions(const struct batch_decisions *d)
{
    metric_add(METRIC_weir_correlation_decisions_total, d->added_new, "new");
    metric_add(METRIC_weir_correlation_decisions_total, d->added_joined, "joined");
    metric_add(METRIC_weir_correlation_decisions_total, d->added_merged, "merged");
    metric_add(METRIC_weir_correlation_identity_conflicts_total, d->identity_conflicts);
}

void
batch_committed(struct batch *b)
{
    struct batch_part *p = NULL;
    for (size_t i = 0; i < b->n_shares; i++)
        if (!b->shares[i].fenced && b->shares[i].tenant->engine != NULL) {
            incident_commit(b->shares[i].tenant->engine);
            incident_evict(b->shares[i].tenant->engine);
            tenants_weigh(b->shares[i].tenant);
        }
    for (size_t i = 0; i < b->n_window; i++) {
        const struct gathered *g = &b->records[b->at + i];
        if (p == NULL || p->partition != g->partition)
            p = part_of(b, g->partition);
        if (p != NULL)
            p->next_offset = g->offset + 1;
        count_outcome(g, &b->deliveries[i]);
    }
    count_decisions(&b->decisions);
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

/* A tenant that is not active in its epoch is left out from now on. */
static void
on_states(void *arg, const struct db_rows *rows, struct err e)
{
    struct batch *b = arg;
    if (e.kind)
        return;
    for (size_t i = 0; i < b->n_shares; i++) {
        struct tenant *t = b->shares[i].tenant;
        bool active = false, later = false;
        for (size_t k = 0; k < db_count(rows) && !active; k++) {
            struct fence_row row;
            fence_states_row(rows, k, &row);
            bool on = oid_eq(&row.oid, &t->oid) && row.state == TENANT_ACTIVE;
            active = on && row.epoch == t->epoch;
            later = on && row.epoch > t->epoch;
        }
        if (active || b->shares[i].fenced)
            continue;
        if (later && b->shares[i].decide != NULL) { /* its alerts are not to be left out with it */
            b->records[b->at + b->shares[i].first].old = true;
            b->n_passed++;
            continue;
        }
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
    if (e.kind == ERR_NONE && b->n_fenced == b->n_fenced_before && b->n_passed == 0)
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
    b->n_passed = 0;
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

/* Fewer records may help: one of them cannot be stored, or together they need too much memory. */
static bool
halving_helps(struct err e)
{
    if (e.kind == ERR_RETRY)
        return slice_ends(slice_of(e.code), SLICE(".memory"));
    return e.kind == ERR_REJECT && (is(e, "db.data") || is(e, "db.conflict"));
}

/* Until the record stands alone; then it is dead, whatever it says. */
static void
halve(struct batch *b, struct err why)
{
    struct gathered *first = &b->records[b->at];
    if (b->n_window == 1 && first->poison) {
        finish(b, err_make(ERR_STOP, "normalize.poison",
                           "partition %d, offset %lld cannot even be kept as dead: %.60s",
                           first->partition, (long long)first->offset, why.text));
        return;
    }
    if (b->n_window == 1)
        first->poison = true;
    b->n_window = (b->n_window + 1) / 2;
    window_begin(b);
}

static void
after_failure(struct batch *b, struct err why)
{
    drop_engines(b);
    if (why.kind == ERR_REJECT && (is(why, "db.fenced") || is(why, "db.undefined")))
        ask_fence(b);
    else if (halving_helps(why))
        halve(b, why);
    else
        finish(b, why);
}

static void
after_rollback(void *arg, struct err e)
{
    struct batch *b = arg;
    /* the statements under way failed, too, or the connection went */
    after_failure(b, e.kind && b->failed.kind != ERR_STOP ? e : b->failed);
}

/* The words of a transaction are for a lost connection, too: until they are said, db takes whatever
 * comes for a part of it. */
void
batch_fail(struct batch *b, struct err e)
{
    b->failed = e;
    db_rollback(b->env->db);
    db_sync(b->env->db, after_rollback, b);
}

/* ---- the beginning of a window */

static void
window_begin(struct batch *b)
{
    arena_reset(b->work);
    b->failed = ERR_OK;
    b->decisions = (struct batch_decisions){0};
    b->began_ms = clock_mono_ms();
    struct err e = batch_share_out(b);
    if (e.kind)
        after_failure(b, e);
    else
        batch_read(b);
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
