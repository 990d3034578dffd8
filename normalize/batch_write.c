/* batch_write.c: what a window becomes in the store: rows, events, offsets, one commit. */
#include "common/metric.h"
#include "normalize/batch_internal.h"
#include "normalize/rows.h"
#include "store/progress.h"

/* How long a document of one channel of identity waits for the other's, 100 ns. */
#define TWIN_WAIT (7 * 86400 * INT64_C(10000000))

static void
write_twins(struct batch *b, struct share *s, struct err *e)
{
    struct twins_row *rows;
    size_t n;
    *e = rows_twins(s, b->env->seal, b->work, &rows, &n);
    if (e->kind || n == 0)
        return;
    twins_upsert(b->env->db, b->work, &s->tenant->oid, rows, n, DB_UNTOLD);
    twins_prune(b->env->db, b->work, &s->tenant->oid, s->newest - TWIN_WAIT, DB_UNTOLD);
}

static void
write_share(struct batch *b, struct share *s, struct err *e)
{
    struct db *db = b->env->db;
    struct arena *a = b->work;
    const struct oid *oid = &s->tenant->oid;
    struct alerts_mail *mail;
    struct alerts_dead *dead;
    struct alerts_ignored *ignored;
    struct alerts_row *rows;
    size_t n_mail, n_dead, n_ignored, n_rows;
    *e = rows_alerts(s, a, &rows, &n_rows);
    if (e->kind == ERR_NONE)
        *e = rows_mail(s, b->env->seal, a, &mail, &n_mail);
    if (e->kind == ERR_NONE)
        *e = rows_dead(s, b->env->seal, a, &dead, &n_dead);
    if (e->kind == ERR_NONE)
        *e = rows_ignored(s, a, &ignored, &n_ignored);
    if (e->kind)
        return;
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
    return b->records[b->at + s->first].partition;
}

static void
add_decisions(struct batch_decisions *d, const struct incident_changes *c)
{
    d->added_new += (int64_t)c->added_new;
    d->added_joined += (int64_t)c->added_joined;
    d->added_merged += (int64_t)c->added_merged;
    d->identity_conflicts += (int64_t)c->identity_conflicts;
}

/* Before memberships: what moves is remembered from where. */
static void
write_memory(struct batch *b, const struct oid *oid, const struct rows_changes *rows,
             const struct rows_memory *m, int64_t at)
{
    struct db *db = b->env->db;
    struct arena *a = b->work;
    correlator_save(db, a, oid, &m->clock, DB_UNTOLD);
    if (m->n_days > 0)
        correlator_days_add(db, a, oid, m->days, m->n_days, DB_UNTOLD);
    if (m->kept != INT32_MIN)
        correlator_days_prune(db, a, oid, m->kept, DB_UNTOLD);
    if (m->n_aliases > 0)
        correlator_aliases_add(db, a, oid, m->aliases, m->n_aliases, DB_UNTOLD);
    if (m->n_free > 0)
        pins_delete(db, a, oid, m->free, m->n_free, DB_UNTOLD);
    if (m->n_pins > 0)
        pins_upsert(db, a, oid, m->pins, m->n_pins, DB_UNTOLD);
    if (m->n_splits > 0)
        splits_upsert(db, a, oid, m->splits, m->n_splits, DB_UNTOLD);
    if (m->moved && rows->n_members > 0)
        moves_add(db, a, oid, rows->members, rows->n_members, at, DB_UNTOLD);
}

/* What people wrote goes along with incidents that become part of others. */
static struct err
carry(struct batch *b, const struct oid *oid, const struct rows_changes *rows)
{
    size_t n = 0;
    int64_t *ids = arena_alloc(b->work, (rows->n_incidents + 1) * sizeof *ids);
    int64_t *into = arena_alloc(b->work, (rows->n_incidents + 1) * sizeof *into);
    if (ids == NULL || into == NULL)
        return err_make(ERR_RETRY, "normalize.memory", "no memory left");
    for (size_t i = 0; i < rows->n_incidents; i++) {
        if (rows->incidents[i].redirect_to == 0)
            continue;
        ids[n] = rows->incidents[i].id;
        into[n++] = rows->incidents[i].redirect_to;
    }
    if (n > 0)
        incidents_carry(b->env->db, b->work, oid, ids, into, n, DB_UNTOLD);
    return ERR_OK;
}

static void
write_changes(struct batch *b, struct share *s, struct err *e)
{
    struct db *db = b->env->db;
    struct arena *a = b->work;
    const struct oid *oid = &s->tenant->oid;
    struct incident_changes changes;
    struct rows_changes rows;
    struct rows_memory memory;
    *e = incident_changes(s->tenant->engine, a, &changes);
    if (e->kind == ERR_NONE)
        *e = rows_changes(s->tenant, &changes, partition_of(b, s), s->newest, a, &rows);
    if (e->kind == ERR_NONE)
        *e = rows_memory(s->tenant, &changes, s->newest, a, &memory);
    if (e->kind == ERR_NONE)
        *e = carry(b, oid, &rows);
    if (e->kind)
        return;
    write_memory(b, oid, &rows, &memory, s->newest);
    add_decisions(&b->decisions, &changes);
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
    size_t n_parts = b->env->n_parts, n = 0, p = 0;
    struct progress_row *rows = arena_alloc(b->work, (n_parts + 1) * sizeof *rows);
    if (rows == NULL)
        return err_make(ERR_RETRY, "normalize.memory", "no memory left");
    for (size_t i = 0; i < n_parts; i++)
        rows[i] = (struct progress_row){b->env->parts[i].partition, -1, b->env->parts[i].epoch};
    for (size_t i = 0; i < b->n_window; i++) {
        const struct gathered *g = &b->records[b->at + i];
        for (size_t k = 0; k < n_parts && rows[p].part != g->partition; k++)
            p = (p + 1) % n_parts; /* they come in runs of one partition */
        if (n_parts > 0 && rows[p].part == g->partition)
            rows[p].next_offset = g->offset + 1;
    }
    for (size_t i = 0; i < n_parts; i++)
        if (rows[i].next_offset >= 0)
            rows[n++] = rows[i];
    progress_advance(b->env->db, b->work, slice_of(b->env->consumer), slice_of(b->env->topic), rows,
                     n, DB_UNTOLD);
    return ERR_OK;
}

static void
on_written(void *arg, struct err e)
{
    struct batch *b = arg;
    if (e.kind)
        batch_fail(b, e);
    else
        batch_committed(b);
}

static void
write_decision(struct batch *b, struct share *s, struct err *e)
{
    s->newest = s->decide->record.time;
    *e = decide_apply(s->decide, s->tenant, b->work);
    if (e->kind == ERR_NONE && s->decide->outcome == DECIDE_APPLIED)
        write_changes(b, s, e);
    if (e->kind == ERR_NONE)
        *e = decide_write(s->decide, b->env->seal, b->env->db, b->work);
}

static void
write_alerts(struct batch *b, struct share *s, struct err *e)
{
    *e = judge_share(s, b->env->seal, b->work);
    if (e->kind == ERR_NONE)
        write_share(b, s, e);
    if (e->kind == ERR_NONE)
        write_twins(b, s, e);
    if (e->kind == ERR_NONE)
        write_changes(b, s, e);
}

void
batch_write(struct batch *b)
{
    struct err e = ERR_OK;
    for (size_t i = 0; e.kind == ERR_NONE && i < b->n_shares; i++) {
        struct share *s = &b->shares[i];
        if (s->fenced)
            continue;
        if (s->decide != NULL)
            write_decision(b, s, &e);
        else
            write_alerts(b, s, &e);
    }
    if (e.kind == ERR_NONE)
        e = write_progress(b);
    if (e.kind) {
        batch_fail(b, e);
        return;
    }
    db_commit(b->env->db);
    db_sync(b->env->db, on_written, b);
}
