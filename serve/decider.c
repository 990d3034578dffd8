#include "serve/decider.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/seal.h"
#include "schemas/codec.h"
#include "schemas/topics.h"
#include "store/decisions.h"

enum { RECORD_ARENA = 4 * 1024 * 1024, GUID_SIZE = 37, CODE_SIZE = 64, DETAIL_SIZE = 512 };

/* One that waits. Answers of Kafka and the store may come after its end: it stays until they have
 * (`held`). */
struct waiter {
    struct decider *d;
    struct waiter *prev, *next;
    struct oid oid;
    char id[GUID_SIZE];
    int64_t until_ms;
    unsigned held;
    bool ended, sent, confirmed, asking, again;
    struct slice value; /* until it was sent; on the heap */
    struct err failed;  /* of the question under way */
    bool found;
    struct decider_result result;
    char outcome[CODE_SIZE], detail[DETAIL_SIZE];
    void (*done)(void *arg, const struct decider_result *r, struct err e);
    void *arg;
};

struct decider {
    struct loop *loop;
    const struct conf *conf;
    struct db *db;
    struct codec *codec;
    struct seal *seal;
    struct bus_producer *producer;
    struct topic_name topic;
    struct waiter *first, *last; /* in the order of their ends: all wait as long */
    size_t n, alive;             /* alive: also those that are only held */
    int64_t wait_ms;
    uv_timer_t timer;
    bool timer_open, producer_open, closing;
    void (*closed)(void *arg);
    void *closed_arg;
};

static void ask_store(struct waiter *w);

/* ---- the end of one, and of all */

static void
end_all(struct decider *d)
{
    if (!d->closing || d->timer_open || d->producer_open || d->alive > 0)
        return;
    void (*closed)(void *arg) = d->closed;
    void *arg = d->closed_arg;
    codec_free(d->codec);
    seal_free(d->seal);
    free(d);
    if (closed != NULL)
        closed(arg);
}

static void
release(struct waiter *w)
{
    struct decider *d = w->d;
    if (!w->ended || w->held > 0)
        return;
    free((void *)(uintptr_t)w->value.p);
    free(w);
    d->alive--;
    end_all(d);
}

static void
finish(struct waiter *w, struct err e)
{
    struct decider *d = w->d;
    if (w->ended)
        return;
    w->ended = true;
    if (w->prev != NULL)
        w->prev->next = w->next;
    else
        d->first = w->next;
    if (w->next != NULL)
        w->next->prev = w->prev;
    else
        d->last = w->prev;
    d->n--;
    w->done(w->arg, e.kind ? NULL : &w->result, e);
}

static struct err
late(const struct waiter *w)
{
    if (w->confirmed)
        return err_make(ERR_RETRY, "decider.late", "taken, but not worked on yet");
    return err_make(ERR_RETRY, "decider.unsent", "Kafka has not confirmed it");
}

static void
on_timer(uv_timer_t *t)
{
    struct decider *d = t->data;
    int64_t now_ms = clock_mono_ms();
    while (d->first != NULL && d->first->until_ms <= now_ms) {
        struct waiter *w = d->first;
        w->held++;
        finish(w, late(w));
        assert(d->first != w); /* it is out of the list, whatever was called */
        w->held--;
        release(w);
    }
    if (d->first != NULL && !d->closing)
        uv_timer_start(&d->timer, on_timer, (uint64_t)(d->first->until_ms - now_ms), 0);
}

/* ---- into the log */

static struct err
open_producer(struct decider *d)
{
    struct err e = bus_producer_open(d->loop, d->conf, &d->producer);
    d->producer_open = e.kind == ERR_NONE;
    return e;
}

static void
on_confirmed(void *arg, struct err e)
{
    struct waiter *w = arg;
    struct decider *d = w->d;
    w->held--;
    w->confirmed = e.kind == ERR_NONE;
    if (e.kind == ERR_STOP && !d->closing && d->producer != NULL) {
        log_err("decider.producer", &e);
        bus_producer_close(d->producer, 0, NULL, NULL);
        d->producer = NULL; /* the next one that sends opens another */
    }
    if (e.kind == ERR_STOP)
        e = err_make(ERR_RETRY, "bus.produce", "Kafka did not confirm a record");
    if (e.kind)
        finish(w, e);
    release(w);
}

static struct err
produce(struct waiter *w)
{
    struct decider *d = w->d;
    struct err e = d->producer == NULL ? open_producer(d) : ERR_OK;
    const struct bus_record r = {
        .topic = d->topic.s, .partition = -1, .key = oid_slice(&w->oid), .value = w->value};
    if (e.kind == ERR_NONE)
        e = bus_produce(d->producer, &r, on_confirmed, w);
    if (e.kind == ERR_NONE)
        w->held++;
    return e;
}

/* ---- what became of it */

static void
on_row(void *arg, const struct db_rows *rows, struct err e)
{
    struct waiter *w = arg;
    struct decisions_row row;
    if (e.kind || db_count(rows) == 0)
        return;
    decisions_get_row(rows, 0, &row);
    (void)snprintf(w->outcome, sizeof w->outcome, "%.*s", SLICE_ARG(row.outcome));
    (void)snprintf(w->detail, sizeof w->detail, "%.*s", SLICE_ARG(row.detail));
    w->result = (struct decider_result){.applied = slice_eq(row.outcome, SLICE(DECISIONS_APPLIED)),
                                        .incident_id = row.result_id,
                                        .outcome = slice_of(w->outcome),
                                        .detail = slice_of(w->detail)};
    w->found = true;
}

/* Nothing became of it so far: it is sent, once. */
static struct err
send_once(struct waiter *w)
{
    if (w->sent)
        return ERR_OK;
    w->sent = true;
    return produce(w);
}

static void
on_asked(void *arg, struct err e)
{
    struct waiter *w = arg;
    w->held--;
    w->asking = false;
    if (!w->ended && w->found)
        finish(w, ERR_OK);
    else if (!w->ended && e.kind == ERR_NONE && (e = send_once(w)).kind != ERR_NONE)
        finish(w, e);
    else if (!w->ended && e.kind != ERR_NONE && (e.kind != ERR_RETRY || w->d->closing || !w->sent))
        finish(w, e); /* one that was sent goes on waiting: the store may come back */
    if (!w->ended && w->again)
        ask_store(w);
    release(w);
}

static void
ask_store(struct waiter *w)
{
    w->again = w->asking;
    if (w->asking)
        return;
    w->asking = true;
    w->held++;
    decisions_get(w->d->db, NULL, &w->oid, slice_of(w->id), (struct db_answer){on_row, w});
    db_sync(w->d->db, on_asked, w);
}

void
decider_notified(struct decider *d, const char *payload)
{
    for (struct waiter *w = d->first, *next; w != NULL; w = next) {
        next = w->next;
        if (strcmp(w->id, payload) == 0)
            ask_store(w);
    }
}

void
decider_up(struct decider *d)
{
    for (struct waiter *w = d->first, *next; w != NULL; w = next) {
        next = w->next;
        if (w->sent)
            ask_store(w);
    }
}

/* ---- sending */

static struct err
compose(struct decider *d, const struct decider_ask *ask, struct arena *a, struct slice *out)
{
    struct control_record r = {.oid = ask->oid,
                               .epoch = ask->epoch,
                               .id = ask->id,
                               .kind = slice_of(decision_kind_word(ask->decision->kind)),
                               .incident_id = ask->decision->incident_id,
                               .time = clock_now()};
    struct slice payload = decision_payload(ask->decision, a);
    struct slice place = decision_place(d->topic.s, ask->id, "", a);
    struct slice place_by = decision_place(d->topic.s, ask->id, "/by", a);
    if (payload.p == NULL || place.p == NULL || place_by.p == NULL)
        return err_make(ERR_RETRY, "decider.memory", "out of memory");
    struct err e = seal_close(d->seal, &r.oid, r.epoch, SEAL_EVENT, place, payload, a, &r.payload);
    if (e.kind == ERR_NONE)
        e = seal_close(d->seal, &r.oid, r.epoch, SEAL_EVENT, place_by, ask->by, a, &r.by);
    return e.kind ? e : codec_control(d->codec, &r, a, out);
}

/* The record is kept on the heap: who asked may be gone before the store has answered. */
static struct err
keep_value(struct waiter *w, const struct decider_ask *ask)
{
    struct slice value = SLICE_NONE;
    struct arena *a = arena_new(RECORD_ARENA);
    struct err e = a == NULL ? err_make(ERR_RETRY, "decider.memory", "out of memory") : ERR_OK;
    if (e.kind == ERR_NONE)
        e = compose(w->d, ask, a, &value);
    char *copy = e.kind == ERR_NONE ? malloc(value.n + 1) : NULL;
    if (e.kind == ERR_NONE && copy == NULL)
        e = err_make(ERR_RETRY, "decider.memory", "out of memory");
    if (copy != NULL && value.n > 0)
        memcpy(copy, value.p, value.n);
    if (copy != NULL)
        w->value = (struct slice){copy, value.n};
    arena_free(a);
    return e;
}

static void
enqueue(struct decider *d, struct waiter *w)
{
    w->until_ms = clock_mono_ms() + d->wait_ms;
    w->prev = d->last;
    if (d->last != NULL)
        d->last->next = w;
    else
        d->first = w;
    d->last = w;
    d->n++;
    d->alive++;
    if (d->first == w)
        uv_timer_start(&d->timer, on_timer, (uint64_t)d->wait_ms, 0);
}

void
decider_send(struct decider *d, const struct decider_ask *ask,
             void (*done)(void *arg, const struct decider_result *r, struct err e), void *arg)
{
    struct waiter *w = d->n < DECIDER_WAITING_MAX && !d->closing ? calloc(1, sizeof *w) : NULL;
    if (w == NULL) {
        done(arg, NULL, err_make(ERR_RETRY, "decider.full", "too many decisions wait"));
        return;
    }
    w->d = d;
    w->oid = ask->oid;
    w->done = done;
    w->arg = arg;
    (void)snprintf(w->id, sizeof w->id, "%.*s", SLICE_ARG(ask->id));
    struct err e = keep_value(w, ask);
    if (e.kind) {
        free(w);
        done(arg, NULL, e);
        return;
    }
    enqueue(d, w);
    ask_store(w);
}

/* ---- start and stop */

static void
on_timer_closed(uv_handle_t *h)
{
    struct decider *d = h->data;
    d->timer_open = false;
    end_all(d);
}

static void
on_producer_closed(void *arg)
{
    struct decider *d = arg;
    d->producer_open = false;
    end_all(d);
}

struct err
decider_open(struct loop *l, const struct conf *c, const char *region, struct db *db,
             int64_t wait_ms, struct decider **out)
{
    struct decider *d = calloc(1, sizeof *d);
    if (d == NULL)
        return err_make(ERR_STOP, "decider.memory", "out of memory");
    d->loop = l;
    d->conf = c;
    d->db = db;
    d->wait_ms = wait_ms;
    d->topic = topic_alerts(c, region);
    struct err e = seal_new(c, &d->seal);
    if (e.kind == ERR_NONE)
        e = codec_new(&d->codec);
    if (e.kind == ERR_NONE)
        e = open_producer(d);
    if (e.kind) {
        codec_free(d->codec);
        seal_free(d->seal);
        free(d);
        return e;
    }
    uv_timer_init(loop_uv(l), &d->timer);
    d->timer.data = d;
    d->timer_open = true;
    db_listen(db, DECISIONS_CHANNEL);
    *out = d;
    return ERR_OK;
}

void
decider_close(struct decider *d, void (*closed)(void *arg), void *arg)
{
    if (d == NULL) {
        if (closed != NULL)
            closed(arg);
        return;
    }
    if (d->closing)
        return;
    d->closing = true;
    d->closed = closed;
    d->closed_arg = arg;
    d->alive++; /* until all is begun */
    while (d->first != NULL) {
        struct waiter *w = d->first;
        w->held++;
        finish(w, err_make(ERR_RETRY, "decider.closed", "this service is going down"));
        assert(d->first != w);
        w->held--;
        release(w);
    }
    uv_close((uv_handle_t *)&d->timer, on_timer_closed);
    if (d->producer != NULL)
        bus_producer_close(d->producer, 0, on_producer_closed, d);
    else
        d->producer_open = false;
    d->alive--;
    end_all(d);
}
