#include "ingest/poll.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/plant.h"
#include "ingest/poll_parts.h"
#include "ingest/trouble.h"

enum {
    SETTINGS_LIMIT = 1024 * 1024,
    LOADING_LIMIT = 64 * 1024 * 1024,  /* the most notes, as JSON and read */
    NOTES_KEPT_BYTES = 16 * 1024,      /* more are read again for the next round */
    SERVICE_WAIT_MAX_MS = 3600 * 1000, /* however long a service asks us to wait */
    MERGE_LIMIT = 64 * 1024 * 1024,
    WAKE_MS = 1000,      /* a burst of notifications is one round */
    NEWS_SEEN_MS = 6000, /* a round so long after one shows what it told of, though clocks differ by
                            CLOCK_OFF_S and windows end at whole seconds */
};

int64_t
poll_backoff(unsigned tries, uint32_t random)
{
    unsigned doublings = tries == 0 ? 0 : tries - 1;
    int64_t wait_ms = doublings >= 9 ? 300000 : (int64_t)1000 << doublings;
    wait_ms = wait_ms < 300000 ? wait_ms : 300000;
    return wait_ms - wait_ms / 5 + (int64_t)(random % (uint32_t)(wait_ms / 5 + 1));
}

/* ---- life */

static void load(struct poll *p);

static void
finish(struct poll *p)
{
    if (!p->closing || !p->timer_closed || p->busy > 0)
        return;
    arena_free(p->settings);
    arena_free(p->loading);
    notes_free(&p->notes);
    notes_free(&p->next_notes);
    free(p->limits);
    free(p);
}

static void
on_timer_closed(uv_handle_t *h)
{
    struct poll *p = h->data;
    p->timer_closed = true;
    finish(p);
}

void
poll_close(struct poll *p)
{
    if (p == NULL || p->closing)
        return;
    p->closing = true;
    round_forget(p);
    token_free(p->token);
    p->token = NULL;
    out_free(p->out);
    p->out = NULL;
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}

/* ---- waits */

static void
on_timer(uv_timer_t *t)
{
    struct poll *p = t->data;
    if (p->closing)
        return;
    if (p->phase == PHASE_LOADING)
        load(p);
    else
        poll_step(p);
}

bool
poll_waits(const struct poll *p)
{
    return uv_is_active((const uv_handle_t *)&p->timer);
}

void
poll_wait(struct poll *p, int64_t ms)
{
    if (!poll_waits(p) || uv_timer_get_due_in(&p->timer) < (uint64_t)ms)
        uv_timer_start(&p->timer, on_timer, (uint64_t)ms, 0);
}

void
poll_hide(const struct poll *p, struct err *e)
{
    secret_hide(p->conf.client_secret, e->text);
    secret_hide(p->conf.static_token, e->text);
    if (p->token != NULL)
        token_hide(p->token, e->text);
}

/* Says so once for each new trouble. */
void
poll_pause(struct poll *p, struct err e, unsigned tries)
{
    uint32_t random;
    poll_hide(p, &e);
    crypto_random(&random, sizeof random);
    int64_t ms = poll_backoff(tries, random);
    if (e.kind == ERR_STOP)
        ms = conf_int(p->env->conf, "ingest.refused_wait_s") * 1000;
    else if (e.after_ms > 0)
        ms = (e.after_ms < SERVICE_WAIT_MAX_MS ? e.after_ms : SERVICE_WAIT_MAX_MS) +
             (int64_t)(random % 1000);
    const struct err said = trouble_for_log(&e);
    if (p->trouble == NULL || strcmp(p->trouble, e.code) != 0)
        log_err("ingest.trouble", &said, LOG_STR("source", p->env->source->name),
                LOG_OID(&p->tenant.oid), LOG_INT("wait_ms", ms));
    p->trouble = e.code;
    status_trouble(p, &e);
    metric_add(METRIC_weir_ingest_requests_total, 1, p->env->source->name,
               e.kind == ERR_STOP ? "refused" : "retry");
    poll_wait(p, ms);
}

void
poll_lose(struct poll *p, struct err e)
{
    round_forget(p);
    uv_timer_stop(&p->timer);
    if (p->phase != PHASE_LOADING)
        p->phase = PHASE_IDLE;
    if (!out_fatal(p->env, &e))
        poll_pause(p, e, ++p->tries);
}

static void
well(struct poll *p)
{
    int64_t newest = p->round.newest != CLOCK_NONE ? p->round.newest : p->round.at.since;
    status_well(p, p->round.sent, newest);
    p->tries = 0;
    if (p->trouble != NULL)
        log_info("ingest.well", LOG_STR("source", p->env->source->name), LOG_OID(&p->tenant.oid));
    p->trouble = NULL;
}

/* The tenant's schema is gone: it was turned off, and the control topic will say so. */
static bool
is_gone(struct poll *p, struct err e)
{
    if (e.kind != ERR_REJECT ||
        (strcmp(e.code, "db.undefined") != 0 && strcmp(e.code, "db.fenced") != 0))
        return false;
    log_info("ingest.gone", LOG_STR("source", p->env->source->name), LOG_OID(&p->tenant.oid));
    p->gone(p->arg, &p->tenant.oid);
    return true;
}

/* ---- settings and cursor */

/* Full only for a tenant that nobody asked before, who would have said so in the status. */
static struct err
limits_new(struct poll *p)
{
    size_t n = 0;
    const struct source_call *calls = p->env->source->calls;
    int64_t percent = conf_int(p->env->conf, "ingest.quota_percent");
    while (calls != NULL && calls[n].name != NULL)
        n++;
    if (n == 0 || p->limits != NULL)
        return ERR_OK;
    p->limits = calloc(n, sizeof *p->limits);
    if (p->limits == NULL)
        return err_make(ERR_RETRY, "ingest.memory", "out of memory");
    for (size_t i = 0; i < n; i++)
        limit_init(&p->limits[i], &calls[i], percent > 0 ? (int)percent : calls[i].share_percent,
                   !p->load.asked_before || PLANT(full_quota_after_restart), clock_mono_ms());
    return ERR_OK;
}

/* What was loaded is dropped, and what is kept is small: a worker has 10,000 idle tenants. */
static struct err
take_loaded(struct poll *p)
{
    struct source_conf c = {.conf = p->env->conf};
    struct err e = source_conf_read(p->env->source, p->load.settings, p->loading, &c);
    c.directory_id = p->load.directory_id;
    if (e.kind == ERR_NONE)
        e = source_conf_copy(&c, p->settings, &p->conf);
    if (e.kind == ERR_NONE)
        e = notes_merge(&p->load.notes, NULL, 0, clock_now(), p->loading, &p->notes);
    if (e.kind == ERR_NONE)
        e = limits_new(p);
    if (e.kind == ERR_NONE && p->token == NULL)
        p->token = token_new(p->env->fetch, &p->conf);
    if (e.kind == ERR_NONE && p->token == NULL)
        e = err_make(ERR_RETRY, "ingest.memory", "out of memory");
    p->stored = p->load.cursor;
    if (PLANT(restart_goes_on_from_now))
        p->stored.since = clock_now();
    return e;
}

/* After a restart the first rounds of all tenants are spread over the interval. */
static void
begin(struct poll *p)
{
    uint32_t random;
    if (p->conf.base_url.n == 0) {
        const struct err e = err_make(ERR_REJECT, "ingest.not_asked",
                                      "the settings give no base_url: its alerts are sent to us");
        p->phase = PHASE_ASLEEP;
        status_trouble(p, &e);
        log_info("ingest.not_asked", LOG_STR("source", p->env->source->name),
                 LOG_OID(&p->tenant.oid));
        return;
    }
    p->phase = PHASE_IDLE;
    crypto_random(&random, sizeof random);
    bool first = !p->began;
    p->began = true;
    if (first && p->load.asked_before && !p->tenant.at_once)
        poll_wait(p, (int64_t)random % (conf_int(p->env->conf, "ingest.poll_s") * 1000));
    else
        poll_step(p);
}

void
poll_status_saved(struct poll *p, struct err e)
{
    p->busy--;
    if (p->closing) {
        finish(p);
        return;
    }
    if ((e.kind && is_gone(p, e)) || !p->first)
        return;
    if (e.kind == ERR_NONE && p->status.urgent) { /* that was an earlier one */
        status_tell(p);
        return;
    }
    p->first = false;
    if (e.kind) {
        p->status.row.asked = CLOCK_NONE; /* nobody would know: so nothing is asked yet */
        poll_lose(p, e);
    } else {
        begin(p);
    }
}

static void
on_loaded(void *arg, struct err e)
{
    struct poll *p = arg;
    p->busy--;
    if (p->closing) {
        finish(p);
        return;
    }
    if (e.kind != ERR_RETRY) /* the rows are there, whatever is wrong with what they say */
        status_begin(p);
    if (e.kind == ERR_NONE)
        e = take_loaded(p);
    arena_free(p->loading);
    p->loading = NULL;
    if (e.kind) {
        if (!is_gone(p, e))
            poll_lose(p, e);
        return;
    }
    p->first = status_first(p); /* who comes after us has to know before we ask */
    if (!p->first)
        begin(p);
}

static void
load(struct poll *p)
{
    arena_reset(p->settings);
    p->conf = (struct source_conf){.conf = p->env->conf};
    notes_free(&p->notes);
    p->loading = arena_new(LOADING_LIMIT);
    if (p->loading == NULL) {
        poll_lose(p, err_make(ERR_RETRY, "ingest.memory", "out of memory"));
        return;
    }
    arena_secret(p->loading);
    p->busy++;
    state_load_start(&p->load, p->env, &p->tenant, p->loading, on_loaded, p);
}

/* ---- rounds */

/* What we were told of just before a round or within it may be missing there: how long to wait for
 * one more; INT64_MAX: none is needed. */
static int64_t
news_wait_ms(const struct poll *p)
{
    const int64_t after[] = {WAKE_MS, NEWS_SEEN_MS};
    for (size_t i = 0; i < sizeof after / sizeof *after; i++) {
        int64_t left = p->news_ms + after[i] - clock_mono_ms();
        if (p->round_ms < p->news_ms + after[i])
            return left > 0 ? left : 0;
    }
    return INT64_MAX;
}

static void
rest(struct poll *p)
{
    int64_t ms = p->round.again ? 0 : conf_int(p->env->conf, "ingest.poll_s") * 1000;
    int64_t news_ms = news_wait_ms(p);
    well(p);
    p->one_by_one = false;
    round_forget(p);
    p->phase = p->notes.bytes > NOTES_KEPT_BYTES ? PHASE_LOADING : PHASE_IDLE;
    if (p->phase == PHASE_LOADING)
        notes_free(&p->notes);
    poll_wait(p, news_ms < ms ? news_ms : ms);
}

static void
on_saved(void *arg, struct err e)
{
    struct poll *p = arg;
    p->busy--;
    if (p->closing) {
        finish(p);
        return;
    }
    if (e.kind) {
        notes_free(&p->next_notes);
        p->phase = PHASE_IDLE;
        if (!is_gone(p, e))
            poll_lose(p, e);
        return;
    }
    notes_free(&p->notes);
    p->notes = p->next_notes;
    p->next_notes = (struct notes){.n = 0};
    p->stored = p->round.at;
    rest(p);
}

static bool
cursor_eq(const struct cursor *a, const struct cursor *b)
{
    return a->since == b->since && a->closed == b->closed && a->until == b->until &&
           a->started == b->started;
}

/* Notes that only ended are not worth a transaction. */
static struct err
merge_notes(struct poll *p, struct arena *a, bool *changed)
{
    *changed = false;
    struct err e = notes_merge(&p->conf.notes, p->round.notes, p->round.n_notes, p->conf.now, a,
                               &p->next_notes);
    if (e.kind == ERR_NONE)
        *changed = p->round.n_notes > 0 && !notes_eq(&p->notes, &p->next_notes);
    return e;
}

static struct err
save(struct poll *p, struct arena *a)
{
    struct source_notes notes;
    struct err e = notes_list(&p->next_notes, a, &notes);
    if (e.kind)
        return e;
    p->busy++;
    p->phase = PHASE_SAVING;
    state_save(p->env, &p->tenant, &p->round.at, &notes, on_saved, p);
    return ERR_OK;
}

static void
end_round(struct poll *p)
{
    bool changed = false;
    if (p->round.sent > 0)
        log_info("ingest.round", LOG_STR("source", p->env->source->name), LOG_OID(&p->tenant.oid),
                 LOG_INT("alerts", (int64_t)p->round.sent));
    struct arena *a = arena_new(MERGE_LIMIT);
    struct err e = a != NULL ? merge_notes(p, a, &changed)
                             : err_make(ERR_RETRY, "ingest.memory", "out of memory");
    if (e.kind == ERR_NONE && (changed || !cursor_eq(&p->round.at, &p->stored))) {
        e = save(p, a);
    } else if (e.kind == ERR_NONE) {
        notes_free(&p->next_notes);
        rest(p);
    }
    arena_free(a);
    if (e.kind)
        poll_lose(p, e);
}

bool
poll_wake(struct poll *p, struct slice directory_id)
{
    bool loading = p->phase == PHASE_LOADING && p->conf.directory_id.n == 0; /* perhaps ours */
    if (p->closing || (!loading && !slice_eq_nocase(p->conf.directory_id, directory_id)))
        return false;
    p->news_ms = clock_mono_ms(); /* rest() sees whether a round under way came too early */
    if ((p->phase == PHASE_IDLE || p->phase == PHASE_LOADING) && p->tries == 0 && poll_waits(p) &&
        uv_timer_get_due_in(&p->timer) > WAKE_MS)
        uv_timer_start(&p->timer, on_timer, WAKE_MS, 0);
    return !loading;
}

/* What has to be asked for again, with the producer's own words. */
static struct err
unconfirmed(const struct poll *p)
{
    if (p->failed.kind == ERR_STOP)
        return p->failed;
    return err_make(ERR_RETRY, "ingest.unconfirmed", "an alert was not confirmed: %.120s",
                    p->failed.text);
}

static void
begin_round(struct poll *p)
{
    p->failed = ERR_OK;
    p->phase = PHASE_ROUND;
    p->round_ms = clock_mono_ms();
    struct err e = round_begin(p);
    if (e.kind)
        poll_lose(p, e);
}

void
poll_step(struct poll *p)
{
    if (p->closing || (p->phase != PHASE_IDLE && p->phase != PHASE_ROUND))
        return;
    if (p->phase == PHASE_IDLE && !poll_waits(p))
        begin_round(p);
    if (p->phase != PHASE_ROUND || p->waiting_room || !round_send(p) || poll_waits(p))
        return;
    if (p->phase != PHASE_ROUND) /* lost while its pages were sent */
        return;
    if (p->failed.kind == ERR_NONE && !round_ask(p))
        return;
    if (p->failed.kind == ERR_NONE && (!round_done(p) || poll_waits(p)))
        return; /* an answer or the timer goes on */
    if (out_waiting(p->out) > 0 && !PLANT(cursor_before_confirmation))
        return; /* on_idle goes on */
    if (p->failed.kind)
        poll_lose(p, unconfirmed(p));
    else
        end_round(p);
}

/* Kafka refuses a record for good only for its size, and with it all that it came with: the round
 * is made again and each of its alerts sent alone, until that one is met and left out. */
static void
on_idle(void *arg, struct err e)
{
    struct poll *p = arg;
    bool large = e.kind == ERR_REJECT;
    if (large && p->one_by_one && p->phase == PHASE_ROUND)
        round_rejected(p, e);
    else if (p->failed.kind == ERR_NONE && !PLANT(lost_records_count_as_sent))
        p->failed = e;
    p->one_by_one = p->one_by_one || large;
    if (p->phase == PHASE_ROUND)
        poll_step(p);
}

static void
on_room(void *arg)
{
    struct poll *p = arg;
    p->waiting_room = false;
    poll_step(p);
}

struct poll *
poll_start(const struct ingest *env, const struct ingest_tenant *tenant, ingest_gone *gone,
           void *arg)
{
    struct poll *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    *p = (struct poll){.env = env,
                       .tenant = *tenant,
                       .gone = gone,
                       .arg = arg,
                       .phase = PHASE_LOADING,
                       .news_ms = -NEWS_SEEN_MS};
    const struct out_owner owner = {.arg = p, .idle = on_idle, .room = on_room};
    p->settings = arena_new(SETTINGS_LIMIT);
    p->out = out_new(env, &p->tenant, &owner);
    if (p->settings == NULL || p->out == NULL) {
        arena_free(p->settings);
        out_free(p->out);
        free(p);
        return NULL;
    }
    arena_secret(p->settings);
    uv_timer_init(loop_uv(env->loop), &p->timer);
    p->timer.data = p;
    load(p);
    return p;
}
