/*
 * listen_status.c: what people are told of one tenant's listener: counted here, stored now and
 * then. Where several hosts listen for a tenant, the row is that of whoever stored it last.
 */
#include <string.h>

#include "common/clock.h"
#include "ingest/listen_internal.h"

enum { STATUS_MS = 60000 };

static void
on_saved(void *arg, struct err e)
{
    struct listener *l = arg;
    l->status.saving = false;
    l->status.urgent = l->status.urgent || e.kind; /* told again with the next occasion */
    listener_answered(l);
}

static void
tell(struct listener *l)
{
    struct listener_status *s = &l->status;
    if (!s->begun || s->saving || l->closing)
        return;
    struct source_status_row row = s->row;
    bool bad = s->trouble.kind != ERR_NONE;
    row.code = bad ? slice_of(s->trouble.code) : SLICE_NONE;
    row.quota = SLICE_NONE;
    s->saving = true;
    s->urgent = false;
    l->busy++;
    state_status_save(l->env, &l->tenant, &row, bad ? slice_of(s->trouble.text) : SLICE_NONE,
                      on_saved, l);
}

static void
on_time(uv_timer_t *t)
{
    tell(t->data);
}

void
listener_status_loaded(struct listener *l)
{
    struct listener_status *s = &l->status;
    if (s->begun)
        return;
    s->begun = s->urgent = true;
    s->row = l->load.status;
    s->row.code = s->row.sealed = s->row.quota = SLICE_NONE;
    s->row.clock_ahead = 0; /* each sensor has a clock of its own */
    if (s->row.asked == CLOCK_NONE)
        s->row.asked = clock_now();
    uv_timer_start(&s->timer, on_time, STATUS_MS, STATUS_MS);
}

void
listener_status_now(struct listener *l, struct err e)
{
    struct listener_status *s = &l->status;
    bool same = s->trouble.kind == e.kind && (!e.kind || strcmp(s->trouble.code, e.code) == 0);
    s->trouble = e;
    s->urgent = s->urgent || !same;
    if (s->urgent)
        tell(l);
}

void
listener_status_taken(struct listener *l, int64_t version, int64_t now)
{
    struct listener_status *s = &l->status;
    bool first = s->row.succeeded == CLOCK_NONE;
    s->row.succeeded = s->row.tried = now;
    s->row.alerts++;
    if (version > s->row.newest)
        s->row.newest = version;
    if (first) /* whoever has just set a sensor up waits for it */
        tell(l);
}
