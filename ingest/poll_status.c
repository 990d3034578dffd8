/* poll_status.c: what people are told of one tenant's source: counted here, stored now and then. */
#include "common/clock.h"
#include "ingest/poll_parts.h"

enum { STATUS_MS = 60000, IDLE_MS = 300000, QUOTA_ARENA = 64 * 1024 };

void
status_begin(struct poll *p)
{
    struct status *s = &p->status;
    if (s->begun)
        return;
    s->begun = true;
    s->row = p->load.status;
    s->was_bad = s->row.code.p != NULL;
    s->row.code = s->row.sealed = s->row.quota = SLICE_NONE;
}

/* {"alerts":37}; SLICE_NONE: no quota is known. */
static struct slice
quota_text(struct poll *p, struct arena *a)
{
    const struct source_call *calls = p->env->source->calls;
    if (p->limits == NULL || a == NULL)
        return SLICE_NONE;
    struct json_out *o = json_out_object(a);
    for (size_t i = 0; calls[i].name != NULL; i++) {
        int64_t left = limit_left(&p->limits[i], clock_mono_ms());
        if (left >= 0)
            json_out_int(o, calls[i].name, left);
    }
    return json_out_print(o, a);
}

static void
on_saved(void *arg, struct err e)
{
    struct poll *p = arg;
    p->status.saving = false;
    if (e.kind)
        p->status.urgent = true; /* told again with the next occasion */
    poll_status_saved(p, e);
}

void
status_tell(struct poll *p)
{
    struct status *s = &p->status;
    int64_t now_ms = clock_mono_ms();
    /* 10,000 idle tenants are 10,000 transactions each time */
    int64_t pause_ms = s->row.alerts != s->saved_alerts || s->trouble.kind ? STATUS_MS : IDLE_MS;
    if (!s->begun || s->saving || (!s->urgent && now_ms - s->saved_ms < pause_ms))
        return;
    s->saved_alerts = s->row.alerts;
    s->saving = true;
    s->urgent = false;
    s->saved_ms = now_ms;
    struct arena *a = arena_new(QUOTA_ARENA);
    struct source_status_row row = s->row;
    bool bad = s->trouble.kind != ERR_NONE;
    row.clock_ahead = p->ahead_s * CLOCK_SECOND;
    row.quota = quota_text(p, a);
    row.code = bad ? slice_of(s->trouble.code) : SLICE_NONE;
    p->busy++;
    state_status_save(p->env, &p->tenant, &row, bad ? slice_of(s->trouble.text) : SLICE_NONE,
                      on_saved, p);
    arena_free(a);
}

bool
status_first(struct poll *p)
{
    if (p->status.row.asked != CLOCK_NONE)
        return false;
    p->status.row.asked = clock_now();
    p->status.urgent = true;
    status_tell(p);
    return true;
}

void
status_trouble(struct poll *p, const struct err *e)
{
    struct status *s = &p->status;
    bool same =
        s->trouble.kind != ERR_NONE && slice_eq(slice_of(s->trouble.code), slice_of(e->code));
    s->trouble = *e;
    s->urgent = s->urgent || !same;
    status_tell(p);
}

void
status_well(struct poll *p, size_t alerts, int64_t newest)
{
    struct status *s = &p->status;
    s->urgent =
        s->urgent || s->was_bad || s->trouble.kind != ERR_NONE || s->row.succeeded == CLOCK_NONE;
    s->was_bad = false;
    s->trouble = ERR_OK;
    s->row.succeeded = clock_now();
    s->row.alerts += (int64_t)alerts;
    s->row.newest = newest > s->row.newest ? newest : s->row.newest;
    status_tell(p);
}

void
status_asked(struct poll *p)
{
    p->status.row.tried = clock_now();
    p->status.row.requests++;
}
