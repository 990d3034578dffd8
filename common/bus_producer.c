/* The producing half of the bus: idempotent, acks=all; each record is confirmed or given back. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "common/bus_internal.h"
#include "common/clock.h"
#include "common/metric.h"

/* A record on its way: what dr_msg_cb gets back, and a link of the list of all of them, because
 * done runs exactly once even when the library is torn down around it. */
struct delivery {
    struct bus_producer *p;
    struct delivery *prev, *next;
    size_t bytes;
    void (*done)(void *arg, struct err e);
    void *arg;
};

struct bus_producer {
    struct loop *loop; /* borrowed */
    rd_kafka_t *rk;
    struct bus_wake wake;
    uv_work_t destroy;
    struct delivery *first;
    size_t waiting, waiting_bytes;
    size_t most, most_bytes;
    void (*room)(void *arg);
    void *room_arg;
    int64_t close_at_ms; /* then what waits is given back */
    int64_t force_at_ms;
    bool closing, purged, ended;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* What becomes of it; it is in the list no more. */
static void
delivery_tell(struct delivery *d, struct err e)
{
    if (d->done != NULL)
        d->done(d->arg, e);
    free(d);
}

static void
delivery_end(struct delivery *d, struct err e)
{
    struct bus_producer *p = d->p;
    if (d->prev != NULL)
        d->prev->next = d->next;
    else
        p->first = d->next;
    if (d->next != NULL)
        d->next->prev = d->prev;
    p->waiting--;
    p->waiting_bytes -= d->bytes;
    delivery_tell(d, e);
}

static struct err
delivery_err(rd_kafka_t *rk, rd_kafka_resp_err_t code)
{
    char text[120] = "";
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return ERR_OK;
    if (rd_kafka_fatal_error(rk, text, sizeof text) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_make(ERR_STOP, "bus.fatal", "Kafka producer: %s", text);
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        return err_make(ERR_REJECT, "bus.too_large", "the broker takes no record of this size");
    return err_make(ERR_RETRY, "bus.produce", "Kafka did not confirm a record: %s",
                    rd_kafka_err2str(code));
}

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)opaque;
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        metric_set(METRIC_weir_kafka_connected, 1);
    delivery_end(m->_private, delivery_err(rk, m->err));
}

static void
on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    (void)rk;
    (void)reason;
    (void)opaque; /* a fatal error reaches each record through its delivery report */
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        metric_set(METRIC_weir_kafka_connected, 0);
}

static int
on_stats(rd_kafka_t *rk, char *json, size_t n, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (bus_stats_up(json, n))
        metric_set(METRIC_weir_kafka_connected, 1);
    return 0;
}

/* ---- closing */

static void
destroy_work(uv_work_t *w)
{
    struct bus_producer *p = w->data;
    rd_kafka_destroy(p->rk); /* joins the library's threads: not on the loop */
}

static void
destroy_done(uv_work_t *w, int status)
{
    struct bus_producer *p = w->data;
    (void)status;
    while (p->first != NULL) {
        struct delivery *d = p->first;
        p->first = d->next;
        p->waiting--;
        p->waiting_bytes -= d->bytes;
        delivery_tell(d, err_make(ERR_RETRY, "bus.produce", "closed before Kafka confirmed"));
    }
    if (p->closed != NULL)
        p->closed(p->closed_arg);
    free(p);
}

static void
wake_closed(void *owner)
{
    struct bus_producer *p = owner;
    p->destroy.data = p;
    int bad = uv_queue_work(loop_uv(p->loop), &p->destroy, destroy_work, destroy_done);
    assert(bad == 0);
    (void)bad;
}

static void
close_turn(struct bus_producer *p)
{
    int64_t now_ms = clock_mono_ms();
    if (p->waiting > 0 && !p->purged && now_ms >= p->close_at_ms) {
        p->purged = true;
        p->force_at_ms = now_ms + BUS_CLOSE_MS;
        rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                  RD_KAFKA_PURGE_F_NON_BLOCKING);
    }
    if (p->ended || (p->waiting > 0 && (!p->purged || now_ms < p->force_at_ms)))
        return;
    p->ended = true;
    bus_wake_close(&p->wake, wake_closed);
}

static bool
has_room(const struct bus_producer *p)
{
    return p->waiting <= p->most / 2 && p->waiting_bytes <= p->most_bytes / 2;
}

static void
producer_turn(void *owner)
{
    struct bus_producer *p = owner;
    rd_kafka_poll(p->rk, 0); /* serves delivery reports until the queue is empty */
    if (p->room != NULL && !p->closing && has_room(p)) {
        void (*room)(void *arg) = p->room;
        p->room = NULL;
        room(p->room_arg);
    }
    if (p->closing)
        close_turn(p);
}

/* ---- what bus.h offers */

static void
producer_settings(struct bus_setup *s, const struct conf *c, struct bus_producer *p)
{
    bus_setup_put(s, "acks", "all");
    bus_setup_put(s, "enable.idempotence", "true");
    bus_setup_put(s, "partitioner", "murmur2");
    bus_setup_put_int(s, "linger.ms", conf_int(c, "kafka.linger_ms"));
    bus_setup_put_int(s, "message.timeout.ms", conf_int(c, "kafka.confirm_ms"));
    bus_setup_put_int(s, "queue.buffering.max.messages", (int64_t)p->most);
    /* at least one record of the largest size must fit */
    bus_setup_put_int(s, "queue.buffering.max.kbytes",
                      (int64_t)(p->most_bytes > BUS_RECORD_MAX ? p->most_bytes : BUS_RECORD_MAX) /
                          1024);
    bus_setup_put(s, "statistics.interval.ms", "2000");
    if (s->e.kind != ERR_NONE)
        return;
    rd_kafka_conf_set_dr_msg_cb(s->conf, on_delivery);
    rd_kafka_conf_set_error_cb(s->conf, on_error);
    rd_kafka_conf_set_stats_cb(s->conf, on_stats);
    rd_kafka_conf_set_opaque(s->conf, p);
}

struct err
bus_producer_open(struct loop *l, const struct conf *c, struct bus_producer **out)
{
    struct bus_setup s;
    struct bus_producer *p = calloc(1, sizeof *p);
    struct err e = ERR_OK;
    if (p == NULL)
        return err_make(ERR_STOP, "bus.conf", "out of memory");
    p->loop = l;
    p->most = (size_t)conf_int(c, "kafka.buffer_records");
    p->most_bytes = (size_t)conf_int(c, "kafka.buffer_bytes");
    e = bus_setup_init(&s, c);
    if (e.kind != ERR_NONE)
        goto out;
    producer_settings(&s, c, p);
    e = bus_setup_new(&s, RD_KAFKA_PRODUCER, &p->rk);
    if (e.kind != ERR_NONE)
        goto out;
    rd_kafka_queue_t *q = rd_kafka_queue_get_main(p->rk);
    e = bus_wake_start(&p->wake, l, q, p, producer_turn);
    if (e.kind != ERR_NONE) {
        rd_kafka_queue_destroy(q);
        rd_kafka_destroy(p->rk);
    }
out:
    if (e.kind != ERR_NONE) {
        free(p);
        return e;
    }
    *out = p;
    return ERR_OK;
}

/* The library copies names and values. NULL: out of memory. */
static rd_kafka_headers_t *
headers_of(const struct bus_record *r)
{
    rd_kafka_headers_t *list = rd_kafka_headers_new(r->n_headers);
    for (size_t i = 0; list != NULL && i < r->n_headers; i++) {
        const struct bus_header *h = &r->headers[i];
        if (rd_kafka_header_add(list, h->name, -1, h->value.p, (ssize_t)h->value.n) !=
            RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_headers_destroy(list);
            list = NULL;
        }
    }
    return list;
}

static struct err
produce_err(struct bus_producer *p, const char *topic, rd_kafka_resp_err_t code)
{
    char text[120] = "";
    switch (code) {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        metric_add(METRIC_weir_bus_buffer_full_total, 1);
        return err_make(ERR_RETRY, "bus.full", "too many records wait for Kafka");
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return err_make(ERR_REJECT, "bus.too_large", "a record of over %d bytes", BUS_RECORD_MAX);
    case RD_KAFKA_RESP_ERR__FATAL:
        rd_kafka_fatal_error(p->rk, text, sizeof text);
        return err_make(ERR_STOP, "bus.fatal", "Kafka producer: %s", text);
    default:
        return err_make(ERR_RETRY, "bus.produce", "%s: %s", topic, rd_kafka_err2str(code));
    }
}

static struct delivery *
delivery_new(struct bus_producer *p, size_t bytes, void (*done)(void *arg, struct err e), void *arg)
{
    struct delivery *d = malloc(sizeof *d);
    if (d == NULL)
        return NULL;
    *d = (struct delivery){.p = p, .next = p->first, .bytes = bytes, .done = done, .arg = arg};
    if (p->first != NULL)
        p->first->prev = d;
    p->first = d;
    p->waiting++;
    p->waiting_bytes += bytes;
    return d;
}

/* A finished list of headers goes in, not header by header: those the library frees twice when the
 * partition does not exist (2.0.2). On failure the list is still ours. */
static rd_kafka_resp_err_t
produce(struct bus_producer *p, const struct bus_record *r, rd_kafka_headers_t *headers,
        struct delivery *d)
{
    rd_kafka_vu_t how[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = r->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = r->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)r->key.p, r->key.n}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)r->value.p, r->value.n}},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = d},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers}, /* the last: there may be none */
    };
    size_t n = sizeof how / sizeof how[0] - (headers == NULL ? 1 : 0);
    rd_kafka_error_t *bad = rd_kafka_produceva(p->rk, how, n);
    rd_kafka_resp_err_t code = bad != NULL ? rd_kafka_error_code(bad) : RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_error_destroy(bad);
    return code;
}

struct err
bus_produce(struct bus_producer *p, const struct bus_record *r,
            void (*done)(void *arg, struct err e), void *arg)
{
    size_t bytes = r->key.n + r->value.n;
    assert(r->n_headers <= BUS_HEADERS_MAX);
    if (p->closing)
        return err_make(ERR_STOP, "bus.closed", "the producer is being closed");
    if (r->key.n > BUS_RECORD_MAX || r->value.n > BUS_RECORD_MAX || bytes > BUS_RECORD_MAX)
        return produce_err(p, r->topic, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    if (p->waiting > 0 && p->waiting_bytes + bytes > p->most_bytes)
        return produce_err(p, r->topic, RD_KAFKA_RESP_ERR__QUEUE_FULL);
    rd_kafka_headers_t *headers = r->n_headers > 0 ? headers_of(r) : NULL;
    bool whole = headers != NULL || r->n_headers == 0;
    struct delivery *d = whole ? delivery_new(p, bytes, done, arg) : NULL;
    if (d == NULL) {
        if (headers != NULL)
            rd_kafka_headers_destroy(headers);
        return err_make(ERR_RETRY, "bus.full", "out of memory");
    }
    rd_kafka_resp_err_t code = produce(p, r, headers, d);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return ERR_OK;
    if (headers != NULL)
        rd_kafka_headers_destroy(headers);
    d->done = NULL; /* the caller learns of it here */
    delivery_end(d, ERR_OK);
    return produce_err(p, r->topic, code);
}

void
bus_on_room(struct bus_producer *p, void (*room)(void *arg), void *arg)
{
    p->room = room;
    p->room_arg = arg;
    bus_wake_ring(&p->wake); /* there may be room already */
}

size_t
bus_waiting(const struct bus_producer *p)
{
    return p->waiting;
}

void
bus_producer_close(struct bus_producer *p, int64_t wait_ms, void (*closed)(void *arg), void *arg)
{
    if (p == NULL) {
        if (closed != NULL)
            closed(arg);
        return;
    }
    if (p->closing)
        return;
    p->closing = true;
    p->closed = closed;
    p->closed_arg = arg;
    p->close_at_ms = clock_mono_ms() + (wait_ms > 0 ? wait_ms : 0);
    bus_wake_hurry(&p->wake);
}
