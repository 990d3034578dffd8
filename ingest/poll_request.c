/* poll_request.c: the requests of one round of one tenant, from the queue to Kafka. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/plant.h"
#include "ingest/poll_parts.h"
#include "ingest/trouble.h"

enum {
    ROUND_LIMIT = 32 * 1024 * 1024,
    CARRY_LIMIT = 40 * 1024 * 1024, /* what requests of a round that are not done yet carry */
    ANSWER_TIMES = 16, /* of the largest answer: twice the body, JSON_TIMES, its items */
    JSON_TIMES = 6,    /* of a body, while it is read as JSON: its copy, index and values */
    ANSWER_MAX_MIB = 64,
    REQUESTS_PER_ROUND_MAX = 20000,
    NOTES_PER_ROUND_MAX = 4 * SOURCE_NOTES_MAX,
    SAME_REQUEST_TRIES = 8, /* of one request, before its round begins again */
    CLOCK_OFF_S = 5,        /* a difference to the source's clock that does not matter */
    HALF_DAY_S = 43200,
};

/* ---- the queue */

static struct err
too_many(void)
{
    return err_make(ERR_RETRY, "ingest.memory", "too many requests in a round");
}

/* What a request carries lives as long as the request: a chain of them repeats a document. */
static bool
carry_copy(struct round *r, struct slice from, struct slice *to)
{
    *to = SLICE_NONE;
    if (from.p == NULL)
        return true;
    char *copy = from.n <= CARRY_LIMIT - r->carried ? malloc(from.n > 0 ? from.n : 1) : NULL;
    if (copy == NULL)
        return false;
    memcpy(copy, from.p, from.n);
    r->carried += from.n;
    *to = (struct slice){copy, from.n};
    return true;
}

static void
carry_free(struct round *r, struct source_request *q)
{
    r->carried -= q->carry.n;
    free((char *)q->carry.p);
    q->carry = SLICE_NONE;
}

/* All else that it points to lives as long as the round. */
static bool
request_copy(struct round *r, const struct source_request *from, struct source_request *to)
{
    struct arena *a = r->arena;
    *to = *from;
    to->http.url = slice_dup(a, from->http.url);
    to->http.body = slice_dup(a, from->http.body);
    bool whole = to->http.url.p != NULL && (to->http.body.p != NULL || from->http.body.p == NULL);
    for (size_t i = 0; i < to->http.n_headers; i++) {
        to->http.headers[i] = slice_dup(a, from->http.headers[i]);
        whole = whole && to->http.headers[i].p != NULL;
    }
    return carry_copy(r, from->carry, &to->carry) && whole;
}

static struct err
enqueue(struct round *r, const struct source_request *list, size_t n)
{
    if (n > REQUESTS_PER_ROUND_MAX || r->n_queue + n > REQUESTS_PER_ROUND_MAX)
        return err_make(ERR_RETRY, "ingest.round", "a round of over %d requests",
                        REQUESTS_PER_ROUND_MAX);
    size_t before = r->n_queue;
    bool whole = true;
    for (size_t i = 0; i < n && whole; i++) {
        if (r->n_queue == r->capacity) {
            void *larger = arena_grow(r->arena, r->queue, sizeof *r->queue, &r->capacity);
            if (larger == NULL) {
                whole = false;
                break;
            }
            r->queue = larger;
        }
        whole = request_copy(r, &list[i], &r->queue[r->n_queue++]);
    }
    while (!whole && r->n_queue > before) /* all of them, or none */
        carry_free(r, &r->queue[--r->n_queue]);
    return whole ? ERR_OK : too_many();
}

static struct err
keep_notes(struct round *r, const struct source_note *list, size_t n)
{
    if (n > NOTES_PER_ROUND_MAX || r->n_notes + n > NOTES_PER_ROUND_MAX)
        return err_make(ERR_RETRY, "ingest.round", "a round with over %d notes",
                        NOTES_PER_ROUND_MAX);
    for (size_t i = 0; i < n; i++) {
        if (r->n_notes == r->notes_capacity) {
            void *larger = arena_grow(r->arena, r->notes, sizeof *r->notes, &r->notes_capacity);
            if (larger == NULL)
                return too_many();
            r->notes = larger;
        }
        struct source_note *note = &r->notes[r->n_notes];
        *note = list[i];
        note->key = slice_dup(r->arena, list[i].key);
        if (note->key.p == NULL)
            return too_many();
        r->n_notes++;
    }
    return ERR_OK;
}

struct err
round_begin(struct poll *p)
{
    struct round *r = &p->round;
    size_t n_slots = (size_t)conf_int(p->env->conf, "ingest.concurrency");
    *r = (struct round){.arena = arena_new(ROUND_LIMIT), .at = p->stored, .newest = CLOCK_NONE};
    if (r->arena != NULL)
        r->slots = arena_alloc(r->arena, n_slots * sizeof *r->slots);
    if (r->slots == NULL)
        return err_make(ERR_RETRY, "ingest.memory", "out of memory");
    r->n_slots = n_slots;
    for (size_t i = 0; i < n_slots; i++)
        r->slots[i].poll = p;
    p->conf.now = clock_now() + p->ahead_s * CLOCK_SECOND;
    p->conf.start =
        p->conf.now - conf_int(p->env->conf, "ingest.backfill_days") * 86400 * CLOCK_SECOND;
    struct source_request *list = NULL;
    size_t n = 0;
    struct err e = notes_list(&p->notes, r->arena, &p->conf.notes);
    if (e.kind == ERR_NONE)
        e = p->env->source->first(&p->conf, &p->stored, r->arena, &list, &n);
    return e.kind ? e : enqueue(r, list, n);
}

/* ---- slots */

/* With the memory given back others may begin, also of this round: s may be gone afterwards. */
static void
slot_rest(struct slot *s, enum slot_state state)
{
    struct arena *a = s->arena;
    s->arena = NULL;
    s->page = (struct page){.n_alerts = 0};
    s->page_at = 0;
    s->state = state;
    answers_leave(s->poll->env->answers, a);
}

static void
slot_done(struct slot *s)
{
    struct round *r = &s->poll->round;
    r->busy--;
    carry_free(r, &r->queue[s->at]);
    slot_rest(s, SLOT_FREE);
}

void
round_forget(struct poll *p)
{
    struct round *r = &p->round;
    for (size_t i = 0; i < r->n_slots; i++) { /* all of them, before memory is given back */
        struct slot *s = &r->slots[i];
        if (s->state == SLOT_TOKEN && p->token != NULL)
            token_unwant(p->token, &s->want);
        if (s->state == SLOT_ROOM)
            answers_unwant(p->env->answers, &s->room);
        if (s->state == SLOT_ASKED)
            fetch_cancel(p->env->fetch, s);
        s->state = SLOT_FREE;
    }
    for (size_t i = 0; i < r->n_slots; i++)
        slot_rest(&r->slots[i], SLOT_FREE);
    for (size_t i = 0; i < r->n_queue; i++)
        carry_free(r, &r->queue[i]);
    arena_free(r->arena);
    *r = (struct round){.arena = NULL};
    p->conf.notes = (struct source_notes){.n = 0};
}

bool
round_done(const struct poll *p)
{
    return p->round.busy == 0 && p->round.next == p->round.n_queue;
}

/* ---- answers */

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
take_answer(struct slot *s, const struct fetch_answer *answer, struct err failed)
{
    struct poll *p = s->poll;
    struct round *r = &p->round;
    const struct answer got = {.asked = &r->queue[s->at],
                               .conf = &p->conf,
                               .status = answer->status,
                               .headers = answer->headers,
                               .body = answer->body,
                               .tries = s->tries,
                               .failed = failed};
    struct page page = {.at = got.asked->at};
    if (!arena_take(s->arena, got.body.n * JSON_TIMES))
        return err_make(ERR_RETRY, "ingest.memory", "no memory for an answer of %zu bytes",
                        got.body.n);
    struct err e = p->env->source->parse(&got, s->arena, &page);
    if (e.kind)
        return e;
    if (page.warn.kind) {
        poll_hide(p, &page.warn);
        const struct err said = trouble_for_log(&page.warn);
        log_err("ingest.warning", &said, LOG_STR("source", p->env->source->name),
                LOG_OID(&p->tenant.oid));
        metric_add(METRIC_weir_ingest_warnings_total, 1, p->env->source->name, page.warn.code);
    }
    e = keep_notes(r, page.notes, page.n_notes);
    if (e.kind == ERR_NONE)
        e = enqueue(r, page.next, page.n_next);
    if (e.kind)
        return e;
    metric_add(METRIC_weir_ingest_requests_total, 1, p->env->source->name, "ok");
    r->again = r->again || page.again;
    advance(&r->at, &page.at);
    if (page.n_alerts > 0)
        p->usual = arena_used(s->arena);
    else /* alerts may lie in what was carried */
        carry_free(r, &r->queue[s->at]);
    s->page = page;
    s->state = SLOT_SENDING;
    return ERR_OK;
}

static void
note_rejected(const struct poll *p, struct err *e)
{
    poll_hide(p, e);
    const struct err said = trouble_for_log(e);
    log_err("ingest.rejected", &said, LOG_STR("source", p->env->source->name),
            LOG_OID(&p->tenant.oid));
    metric_add(METRIC_weir_ingest_rejected_total, 1, p->env->source->name, e->code);
}

void
round_rejected(const struct poll *p, struct err e)
{
    note_rejected(p, &e);
}

static bool
code_ends(struct err e, const char *end)
{
    return e.kind && slice_ends(slice_of(e.code), slice_of(end));
}

/* Windows end at the source's time (sources.md 1.2): with a clock ahead of it a cursor would pass
 * alerts that are yet to come. Over half a day the source's clock is broken, and ours stays. */
static void
note_clock(struct poll *p, const struct fetch_answer *answer)
{
    int64_t ms = 0;
    struct slice date = fetch_header(answer->headers, "Date");
    if (PLANT(server_date_is_ignored) || date.n == 0 || (date.p[0] >= '0' && date.p[0] <= '9'))
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

/* What the round has so far stays good: the same request once more, unless that is hopeless. */
static void
ask_again(struct slot *s, struct err e)
{
    struct poll *p = s->poll;
    s->tries++;
    unsigned tries = s->tries > p->tries ? s->tries : p->tries + 1;
    if (e.kind != ERR_RETRY || s->tries >= SAME_REQUEST_TRIES) {
        p->tries = tries - 1;
        poll_lose(p, e);
        return;
    }
    slot_rest(s, SLOT_AGAIN);
    poll_pause(p, e, tries);
    poll_step(p); /* pages of others go on */
}

static void
on_failed(struct slot *s, long status, struct err e)
{
    struct poll *p = s->poll;
    int call = p->round.queue[s->at].call;
    if (p->limits != NULL && (status == 429 || code_ends(e, ".busy")))
        limit_empty(&p->limits[call], clock_mono_ms());
    if (e.kind == ERR_STOP && code_ends(e, ".token") && !s->asked_again) {
        s->asked_again = true; /* sources.md 1.2: a new token, and the same once more */
        token_drop(p->token, s->token);
        slot_rest(s, SLOT_AGAIN);
        poll_step(p);
        return;
    }
    ask_again(s, e);
}

/* The worker's memory was used up by others: again, when there is enough. */
static void
more_room(struct slot *s)
{
    struct poll *p = s->poll;
    s->need = answers_need(s->arena, s->need);
    metric_add(METRIC_weir_ingest_requests_total, 1, p->env->source->name, "memory");
    slot_rest(s, SLOT_AGAIN);
    poll_step(p);
}

static void
on_answer(void *arg, const struct fetch_answer *answer, struct err e)
{
    struct slot *s = arg;
    struct poll *p = s->poll;
    const struct fetch_answer none = {.status = 0};
    long status = answer != NULL ? answer->status : 0;
    if (e.kind == ERR_NONE && answer != NULL && clock_was_wrong(p, answer)) {
        round_forget(p);
        p->phase = PHASE_IDLE;
        poll_step(p);
        return;
    }
    if (e.kind && arena_pool_short(s->arena) > 0) {
        more_room(s);
        return;
    }
    if (e.kind == ERR_REJECT) /* too large: nothing is taken of it (design.md 10) */
        metric_add(METRIC_weir_ingest_rejected_total, 1, p->env->source->name, e.code);
    /* without an answer the source decides too: most have it asked for again, see source_status */
    e = take_answer(s, answer != NULL ? answer : &none, e);
    if (e.kind && arena_pool_short(s->arena) > 0) {
        more_room(s);
        return;
    }
    if (e.kind == ERR_RETRY && PLANT(bad_pages_are_passed_over))
        e.kind = ERR_REJECT;
    if (e.kind == ERR_REJECT) { /* nothing can be taken of this answer: the rest goes on */
        note_rejected(p, &e);
        slot_done(s);
    } else if (e.kind) {
        on_failed(s, status, e);
        return;
    }
    p->tries = 0;
    poll_step(p);
}

/* ---- asking */

static size_t
answer_max(const struct poll *p)
{
    size_t mib = p->env->source->answer_max_mib > 0 ? (size_t)p->env->source->answer_max_mib
                                                    : ANSWER_MAX_MIB;
    return mib << 20;
}

static struct err
send_request(struct slot *s, struct slice header)
{
    struct poll *p = s->poll;
    struct fetch_request r = p->round.queue[s->at].http;
    if (r.n_headers == FETCH_HEADERS_MAX)
        return err_make(ERR_STOP, "ingest.headers", "a request with too many headers");
    r.headers[r.n_headers++] = header;
    r.answer_max_bytes = answer_max(p);
    s->token = token_serial(p->token);
    return fetch_start(p->env->fetch, &r, s->arena, on_answer, s);
}

static int64_t
take_quota(struct limit *shared)
{
    struct limit own = *shared;
    return limit_take(PLANT(a_limiter_for_each_request) ? &own : shared, clock_mono_ms());
}

static void
on_token(void *arg, struct slice header, struct err e)
{
    struct slot *s = arg;
    struct poll *p = s->poll;
    int64_t wait_ms = 0;
    if (e.kind == ERR_NONE && p->limits != NULL)
        wait_ms = take_quota(&p->limits[p->round.queue[s->at].call]);
    if (wait_ms > 0) { /* others were faster while the token came */
        poll_wait(p, wait_ms);
        slot_rest(s, SLOT_AGAIN);
        return;
    }
    if (e.kind == ERR_NONE)
        e = send_request(s, header);
    if (e.kind) {
        poll_lose(p, e);
        return;
    }
    s->state = SLOT_ASKED;
    status_asked(p);
}

static void
on_turn(void *arg, struct arena *a)
{
    struct slot *s = arg;
    struct poll *p = s->poll;
    s->arena = a;
    s->state = SLOT_TOKEN;
    s->want = (struct token_want){.ready = on_token, .arg = s};
    if (a == NULL)
        poll_lose(p, err_make(ERR_RETRY, "ingest.memory", "out of memory"));
    else
        token_get(p->token, &s->want);
}

static void
begin(struct slot *s)
{
    struct poll *p = s->poll;
    s->state = SLOT_ROOM;
    s->room = (struct answers_want){.turn = on_turn,
                                    .arg = s,
                                    .need = s->need > p->usual ? s->need : p->usual,
                                    .limit = answer_max(p) * ANSWER_TIMES};
    answers_enter(p->env->answers, &s->room);
}

/* The request that may begin now: one that is asked again, or the next one of the queue when it may
 * run beside those under way. n_queue: none. */
static size_t
next_request(const struct round *r, struct slot **slot)
{
    struct slot *spare = NULL;
    for (size_t i = 0; i < r->n_slots; i++) {
        if (r->slots[i].state == SLOT_AGAIN) {
            *slot = &r->slots[i];
            return (*slot)->at;
        }
        if (r->slots[i].state == SLOT_FREE)
            spare = &r->slots[i];
    }
    *slot = spare;
    if (spare == NULL || r->next == r->n_queue)
        return r->n_queue;
    if (r->busy == 0)
        return r->next;
    if (!r->queue[r->next].together)
        return r->n_queue;
    for (size_t i = 0; i < r->n_slots; i++)
        if (r->slots[i].state != SLOT_FREE && !r->queue[r->slots[i].at].together)
            return r->n_queue;
    return r->next;
}

bool
round_ask(struct poll *p)
{
    struct round *r = &p->round;
    while (p->phase == PHASE_ROUND && r->arena != NULL && !poll_waits(p)) {
        struct slot *s;
        size_t at = next_request(r, &s);
        if (at == r->n_queue)
            break;
        int64_t wait_ms =
            p->limits != NULL ? limit_wait(&p->limits[r->queue[at].call], clock_mono_ms()) : 0;
        if (wait_ms > 0) {
            poll_wait(p, wait_ms);
            break;
        }
        if (s->state == SLOT_FREE) {
            *s = (struct slot){.poll = p, .at = at};
            r->busy++;
            r->next++;
        }
        begin(s);
    }
    return p->phase == PHASE_ROUND;
}

/* ---- sending */

static bool
send_page(struct slot *s)
{
    struct poll *p = s->poll;
    int64_t now = clock_now();
    while (s->page_at < s->page.n_alerts) {
        bool sent;
        if (p->one_by_one && out_waiting(p->out) > 0)
            return false;
        const struct raw_alert *alert = &s->page.alerts[s->page_at];
        struct err e = out_send(p->out, alert, now, &sent);
        if (e.kind == ERR_RETRY && strcmp(e.code, "bus.full") == 0) {
            p->waiting_room = true;
            return false;
        }
        if (e.kind == ERR_REJECT) /* too large for Kafka: the page goes on without it */
            note_rejected(p, &e);
        else if (e.kind && p->failed.kind == ERR_NONE)
            p->failed = e;
        if (alert->version > p->round.newest)
            p->round.newest = alert->version;
        p->round.sent += sent ? 1 : 0;
        s->page_at++;
    }
    return true;
}

bool
round_send(struct poll *p)
{
    for (size_t i = 0; i < p->round.n_slots; i++) {
        struct slot *s = &p->round.slots[i];
        if (s->state != SLOT_SENDING)
            continue;
        if (!send_page(s))
            return false;
        slot_done(s);
    }
    return true;
}
