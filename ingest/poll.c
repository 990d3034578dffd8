#include "ingest/poll.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/metric.h"
#include "ingest/out.h"
#include "ingest/state.h"
#include "ingest/token.h"

enum {
    SETTINGS_LIMIT = 1024 * 1024,
    ROUND_LIMIT = 32 * 1024 * 1024,
    ANSWER_TIMES = 8, /* of the largest answer: the body, its JSON tape, its items */
    REQUESTS_PER_ROUND_MAX = 20000,
    SAME_REQUEST_TRIES = 8, /* of one request, before its round begins again */
    CLOCK_OFF_S = 5,        /* a difference to the source's clock that does not matter */
    HALF_DAY_S = 43200,
    REFUSED_WAIT_S = 300, /* until somebody may have repaired a secret or permission */
};

struct poll {
    const struct ingest *env;
    struct ingest_tenant tenant;
    ingest_gone *gone;
    void *arg;
    struct arena *settings; /* texts of conf */
    struct source_conf conf;
    int64_t ahead_s;  /* the source's clock before ours, when that matters */
    bool clock_known; /* the source has told its time */
    struct token *token;
    struct out *out;
    struct state_load load;
    bool loaded;
    struct cursor stored; /* as the database has it */
    struct cursor next;   /* what this round will store */
    struct arena *round;  /* the requests of this round; NULL between rounds */
    struct source_request *queue;
    size_t n_queue, queue_at, capacity;
    struct arena *answer; /* the page at hand; its alerts are sent from here; as round */
    struct page page;
    size_t page_at;
    bool asked_again; /* the request at hand was refused with 401 once */
    bool waiting_room, waiting_token;
    bool again;          /* the source has more: no pause after this round */
    struct err failed;   /* this round: why a record was not confirmed */
    unsigned tries;      /* failed rounds in a row */
    size_t sent;         /* raw alerts of this round */
    const char *trouble; /* code that was logged last; NULL: all is well */
    uv_timer_t timer;
    unsigned busy; /* answers of fetch and db that will come */
    bool closing, timer_closed;
};

static void step(struct poll *p);
static void load(struct poll *p);

int64_t
poll_backoff(unsigned tries, uint32_t random)
{
    unsigned doublings = tries == 0 ? 0 : tries - 1;
    int64_t wait_ms = doublings >= 9 ? 300000 : (int64_t)1000 << doublings;
    wait_ms = wait_ms < 300000 ? wait_ms : 300000;
    return wait_ms - wait_ms / 5 + (int64_t)(random % (uint32_t)(wait_ms / 5 + 1));
}

/* ---- life */

static void
finish(struct poll *p)
{
    if (!p->closing || !p->timer_closed || p->busy > 0)
        return;
    arena_free(p->settings);
    arena_free(p->round);
    arena_free(p->answer);
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
    token_free(p->token);
    p->token = NULL;
    out_free(p->out);
    p->out = NULL;
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}

static void
on_timer(uv_timer_t *t)
{
    struct poll *p = t->data;
    if (p->closing)
        return;
    if (p->loaded)
        step(p);
    else
        load(p);
}

static void
wait_ms(struct poll *p, int64_t ms)
{
    uv_timer_start(&p->timer, on_timer, (uint64_t)ms, 0);
}

/* Something went wrong: say so once for each new trouble, and go on later. */
static void
pause_after(struct poll *p, struct err e)
{
    uint32_t random;
    crypto_random(&random, sizeof random);
    p->tries++;
    int64_t ms = poll_backoff(p->tries, random);
    if (e.kind == ERR_STOP)
        ms = (int64_t)REFUSED_WAIT_S * 1000;
    else if (e.after_ms > 0)
        ms = e.after_ms + (int64_t)(random % 1000);
    if (p->trouble == NULL || strcmp(p->trouble, e.code) != 0)
        log_err("ingest.trouble", &e, LOG_STR("source", p->env->source->name),
                LOG_OID(&p->tenant.oid), LOG_INT("wait_ms", ms));
    p->trouble = e.code;
    metric_add(METRIC_weir_ingest_requests_total, 1, p->env->source->name,
               e.kind == ERR_STOP ? "refused" : "retry");
    wait_ms(p, ms);
}

static void
well(struct poll *p)
{
    p->tries = 0;
    if (p->trouble != NULL)
        log_info("ingest.well", LOG_STR("source", p->env->source->name), LOG_OID(&p->tenant.oid));
    p->trouble = NULL;
}

/* Between rounds a tenant holds no memory but its settings: a worker has 1,000 of them. */
static void
forget_round(struct poll *p)
{
    p->queue = NULL;
    p->n_queue = p->queue_at = p->capacity = 0;
    p->page = (struct page){.n_alerts = 0};
    p->page_at = 0;
    arena_free(p->round);
    arena_free(p->answer);
    p->round = p->answer = NULL;
}

/* The round is lost: it begins again from the stored cursor. */
static void
wait_after(struct poll *p, struct err e)
{
    forget_round(p);
    if (!out_fatal(p->env, &e))
        pause_after(p, e);
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

static void
on_loaded(void *arg, struct err e)
{
    struct poll *p = arg;
    p->busy--;
    if (p->closing) {
        finish(p);
        return;
    }
    if (e.kind == ERR_NONE)
        e = source_conf_read(p->env->source, p->load.settings, p->settings, &p->conf);
    if (e.kind == ERR_NONE)
        p->token = token_new(p->env->fetch, &p->conf);
    if (e.kind == ERR_NONE && p->token == NULL)
        e = err_make(ERR_RETRY, "ingest.memory", "out of memory");
    if (e.kind) {
        if (!is_gone(p, e))
            wait_after(p, e);
        return;
    }
    p->conf.directory_id = p->load.directory_id;
    p->stored = p->load.cursor;
    p->loaded = true;
    step(p);
}

static void
load(struct poll *p)
{
    arena_reset(p->settings);
    p->conf = (struct source_conf){.conf = p->env->conf};
    p->busy++;
    state_load_start(&p->load, p->env, &p->tenant, p->settings, on_loaded, p);
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
        if (!is_gone(p, e))
            wait_after(p, e);
        return;
    }
    p->stored = p->next;
    well(p);
    wait_ms(p, p->again ? 0 : conf_int(p->env->conf, "ingest.poll_s") * 1000);
}

/* ---- a round */

static struct err
enqueue(struct poll *p, const struct source_request *list, size_t n)
{
    if (p->n_queue + n > REQUESTS_PER_ROUND_MAX)
        return err_make(ERR_RETRY, "ingest.round", "a round of over %d requests",
                        REQUESTS_PER_ROUND_MAX);
    for (size_t i = 0; i < n; i++) {
        if (p->n_queue == p->capacity) {
            void *larger = arena_grow(p->round, p->queue, sizeof *p->queue, &p->capacity);
            if (larger == NULL)
                return err_make(ERR_RETRY, "ingest.memory", "too many requests in a round");
            p->queue = larger;
        }
        struct source_request *r = &p->queue[p->n_queue];
        *r = list[i];
        r->http.url = slice_dup(p->round, list[i].http.url);
        r->http.body = slice_dup(p->round, list[i].http.body);
        for (size_t h = 0; h < r->http.n_headers; h++)
            r->http.headers[h] = slice_dup(p->round, list[i].http.headers[h]);
        if (r->http.url.p == NULL || (list[i].http.body.p != NULL && r->http.body.p == NULL))
            return err_make(ERR_RETRY, "ingest.memory", "too many requests in a round");
        p->n_queue++;
    }
    return ERR_OK;
}

static struct err
begin_round(struct poll *p)
{
    forget_round(p);
    p->round = arena_new(ROUND_LIMIT);
    p->answer = arena_new((size_t)conf_int(p->env->conf, "fetch.answer_max_bytes") * ANSWER_TIMES);
    if (p->round == NULL || p->answer == NULL)
        return err_make(ERR_RETRY, "ingest.memory", "out of memory");
    p->failed = ERR_OK;
    p->again = p->asked_again = false;
    p->sent = 0;
    p->next = p->stored;
    p->conf.now = clock_now() + p->ahead_s * CLOCK_SECOND;
    p->conf.start =
        p->conf.now - conf_int(p->env->conf, "ingest.backfill_days") * 86400 * CLOCK_SECOND;
    struct source_request *list;
    size_t n;
    struct err e = p->env->source->first(&p->conf, &p->stored, p->round, &list, &n);
    return e.kind ? e : enqueue(p, list, n);
}

static bool
cursor_eq(const struct cursor *a, const struct cursor *b)
{
    return a->since == b->since && a->closed == b->closed && a->until == b->until &&
           a->started == b->started;
}

static void
end_round(struct poll *p)
{
    forget_round(p);
    if (p->sent > 0)
        log_info("ingest.round", LOG_STR("source", p->env->source->name), LOG_OID(&p->tenant.oid),
                 LOG_INT("alerts", (int64_t)p->sent));
    if (cursor_eq(&p->next, &p->stored)) {
        well(p);
        wait_ms(p, p->again ? 0 : conf_int(p->env->conf, "ingest.poll_s") * 1000);
        return;
    }
    p->busy++;
    state_save(p->env, &p->tenant, &p->next, on_saved, p);
}

/* Each number of a cursor only grows; a page says how far its own knowledge goes. */
static void
advance(struct cursor *to, const struct cursor *page)
{
    to->since = page->since > to->since ? page->since : to->since;
    to->closed = page->closed > to->closed ? page->closed : to->closed;
    to->until = page->until;
    to->started = to->started || page->started;
}

static struct err
take_answer(struct poll *p, const struct fetch_answer *answer)
{
    const struct answer got = {.asked = &p->queue[p->queue_at],
                               .conf = &p->conf,
                               .status = answer->status,
                               .headers = answer->headers,
                               .body = answer->body};
    p->page = (struct page){.at = got.asked->at};
    p->page_at = 0;
    struct err e = p->env->source->parse(&got, p->answer, &p->page);
    if (e.kind) {
        p->page = (struct page){.n_alerts = 0};
        return e;
    }
    if (p->page.warn.kind)
        log_err("ingest.warning", &p->page.warn, LOG_STR("source", p->env->source->name),
                LOG_OID(&p->tenant.oid));
    metric_add(METRIC_weir_ingest_requests_total, 1, p->env->source->name, "ok");
    e = enqueue(p, p->page.next, p->page.n_next);
    if (e.kind)
        return e;
    p->again = p->again || p->page.again;
    advance(&p->next, &p->page.at);
    return ERR_OK;
}

/* design.md 10: nothing is taken of such an answer, it is asked for again with growing waits. */
static struct err
reject_answer(struct poll *p, struct err e)
{
    metric_add(METRIC_weir_ingest_rejected_total, 1, p->env->source->name, e.code);
    e.kind = ERR_RETRY;
    return e;
}

static bool
is_token_refused(const struct poll *p, struct err e)
{
    const char *dot = e.kind == ERR_STOP ? strrchr(e.code, '.') : NULL;
    return dot != NULL && strcmp(dot, ".token") == 0 && !p->asked_again;
}

/* Windows end at the source's time (sources.md 1.2): with a clock ahead of it a cursor would pass
 * alerts that are yet to come. Over half a day the source's clock is broken, and ours stays. */
static void
note_clock(struct poll *p, const struct fetch_answer *answer)
{
    int64_t ms = 0;
    struct slice date = fetch_header(answer->headers, "Date");
    if (date.n == 0 || (date.p[0] >= '0' && date.p[0] <= '9'))
        return;
    struct err e = fetch_retry_after(date, clock_now() / CLOCK_SECOND - HALF_DAY_S, &ms);
    if (e.kind || ms <= 0 || ms >= INT64_C(2000) * HALF_DAY_S)
        return;
    int64_t ahead_s = ms / 1000 - HALF_DAY_S;
    p->ahead_s = ahead_s > CLOCK_OFF_S || ahead_s < -CLOCK_OFF_S ? ahead_s : 0;
}

/* The first round was begun with a wrong clock: its requests are made anew, once. */
static bool
clock_was_wrong(struct poll *p, const struct fetch_answer *answer)
{
    note_clock(p, answer);
    bool first = !p->clock_known && answer->status >= 200 && answer->status <= 299;
    p->clock_known = p->clock_known || first;
    return first && p->ahead_s != 0;
}

static void
on_answer(void *arg, const struct fetch_answer *answer, struct err e)
{
    struct poll *p = arg;
    p->busy--;
    if (p->closing) {
        finish(p);
        return;
    }
    if (e.kind == ERR_NONE && clock_was_wrong(p, answer)) {
        forget_round(p);
        step(p);
        return;
    }
    if (e.kind == ERR_NONE)
        e = take_answer(p, answer);
    else if (e.kind == ERR_REJECT) /* too large: it has to be asked for again, never passed over */
        e = reject_answer(p, e);
    if (is_token_refused(p, e)) {
        p->asked_again = true; /* sources.md 1.2: a new token, and the same once more */
        token_drop(p->token);
        step(p);
        return;
    }
    if (e.kind == ERR_REJECT) { /* nothing can be taken of this answer: the rest goes on */
        log_err("ingest.rejected", &e, LOG_STR("source", p->env->source->name),
                LOG_OID(&p->tenant.oid));
        metric_add(METRIC_weir_ingest_rejected_total, 1, p->env->source->name, e.code);
    } else if (e.kind == ERR_RETRY && p->tries < SAME_REQUEST_TRIES) {
        pause_after(p, e); /* what the round has so far stays good: the same request once more */
        return;
    } else if (e.kind) {
        wait_after(p, e);
        return;
    }
    p->asked_again = false;
    p->tries = 0;
    p->queue_at++;
    step(p);
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
on_token(void *arg, struct slice header, struct err e)
{
    struct poll *p = arg;
    p->waiting_token = false;
    if (p->closing)
        return;
    if (p->failed.kind && e.kind == ERR_NONE)
        e = unconfirmed(p);
    struct fetch_request r = p->queue[p->queue_at].http;
    if (e.kind == ERR_NONE && r.n_headers == FETCH_HEADERS_MAX)
        e = err_make(ERR_STOP, "ingest.headers", "a request with too many headers");
    if (e.kind == ERR_NONE) {
        r.headers[r.n_headers++] = header;
        arena_reset(p->answer);
        e = fetch_start(p->env->fetch, &r, p->answer, on_answer, p);
    }
    if (e.kind)
        wait_after(p, e);
    else
        p->busy++;
}

/* The raw alerts of the page at hand; false when Kafka has no room: on_room goes on. */
static bool
send_page(struct poll *p)
{
    int64_t now = clock_now();
    while (p->page_at < p->page.n_alerts) {
        bool sent;
        struct err e = out_send(p->out, &p->page.alerts[p->page_at], now, &sent);
        if (e.kind == ERR_RETRY && strcmp(e.code, "bus.full") == 0) {
            p->waiting_room = true;
            return false;
        }
        if (e.kind == ERR_REJECT) { /* too large for Kafka: the page goes on without it */
            log_err("ingest.rejected", &e, LOG_STR("source", p->env->source->name),
                    LOG_OID(&p->tenant.oid));
            metric_add(METRIC_weir_ingest_rejected_total, 1, p->env->source->name, e.code);
        } else if (e.kind && p->failed.kind == ERR_NONE) {
            p->failed = e;
        }
        p->sent += sent ? 1 : 0;
        p->page_at++;
    }
    return true;
}

/* What is next? Every callback ends here. */
static void
step(struct poll *p)
{
    if (p->closing)
        return;
    if (p->n_queue == 0) {
        struct err e = begin_round(p);
        if (e.kind) {
            wait_after(p, e);
            return;
        }
    }
    if (!send_page(p))
        return;
    if (p->queue_at < p->n_queue && p->failed.kind == ERR_NONE) {
        p->waiting_token = true;
        token_get(p->token, on_token, p);
        return;
    }
    if (out_waiting(p->out) > 0)
        return; /* on_idle goes on */
    if (p->failed.kind)
        wait_after(p, unconfirmed(p));
    else
        end_round(p);
}

static void
on_idle(void *arg, struct err e)
{
    struct poll *p = arg;
    if (p->failed.kind == ERR_NONE)
        p->failed = e;
    /* in the middle of a round requests go on by themselves, after a wait its timer does */
    if (!p->waiting_room && !p->waiting_token && p->n_queue > 0 && p->busy == 0 &&
        !uv_is_active((uv_handle_t *)&p->timer) && (p->queue_at == p->n_queue || p->failed.kind) &&
        p->page_at == p->page.n_alerts)
        step(p);
}

static void
on_room(void *arg)
{
    struct poll *p = arg;
    p->waiting_room = false;
    step(p);
}

struct poll *
poll_start(const struct ingest *env, const struct ingest_tenant *tenant, ingest_gone *gone,
           void *arg)
{
    struct poll *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    *p = (struct poll){.env = env, .tenant = *tenant, .gone = gone, .arg = arg};
    const struct out_owner owner = {.arg = p, .idle = on_idle, .room = on_room};
    p->settings = arena_new(SETTINGS_LIMIT);
    p->out = out_new(env, &p->tenant, &owner);
    if (p->settings == NULL || p->out == NULL) {
        arena_free(p->settings);
        out_free(p->out);
        free(p);
        return NULL;
    }
    uv_timer_init(loop_uv(env->loop), &p->timer);
    p->timer.data = p;
    load(p);
    return p;
}
