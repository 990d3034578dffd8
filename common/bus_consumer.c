/*
 * The consuming half of the bus.
 *
 * The rebalance callback passes an assignment to the listener; rd_kafka_assign is called when the
 * listener has answered, and until then the queue is polled on. Records are taken one by one: the
 * library's batch calls lose some around pauses and rebalances (libraries.md 5.1).
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "common/bus_internal.h"
#include "common/clock.h"
#include "common/metric.h"

enum { METADATA_MS = 1000, PARTS_MAX = 100000 };

enum state {
    STATE_NONE,     /* no partitions */
    STATE_ANSWER,   /* `assigned` was called, bus_assign has not been */
    STATE_ASSIGNED, /* records flow */
    STATE_REVOKING, /* `revoked` was called, bus_unassign has not been */
};

enum link { LINK_UNKNOWN, LINK_UP, LINK_DOWN };

struct part {
    const char *topic; /* of the consumer's own list */
    int32_t partition;
    int64_t next; /* the least offset to hand over; below 0: not known yet */
    bool ended;   /* was read to its end since its assignment */
};

struct bus_consumer {
    struct loop *loop; /* borrowed */
    struct bus_listener to;
    rd_kafka_t *rk;
    struct bus_wake wake;
    uv_work_t work; /* metadata, and at last the end */
    char **topics;  /* NULL-terminated, owned */
    enum state state;
    enum link link;
    struct part *parts;     /* sorted by topic and partition */
    size_t n_parts, n_open; /* n_open: not ended yet */
    bool caught_up;
    /* pause */
    bool paused, held; /* held: the library has been told, too */
    int64_t paused_at_ms;
    rd_kafka_message_t **taken; /* records that came while held; FIFO */
    size_t taken_at, n_taken, taken_size;
    /* revocation */
    int64_t session_ms, revoke_by_ms;
    /* without a group */
    bool alone, asking, asked;
    struct bus_part *found;
    size_t n_found;
    const char *last_trouble; /* code of what was reported last, so that it is said once */
    struct err metadata_e;
    /* closing */
    bool closing, leaving, ended;
    int64_t close_by_ms;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* ---- telling the listener */

static void
tell_trouble(struct bus_consumer *k, struct err e)
{
    if (k->closing || k->to.trouble == NULL)
        return;
    if (e.kind == ERR_RETRY && k->last_trouble != NULL && strcmp(k->last_trouble, e.code) == 0)
        return;
    k->last_trouble = e.kind == ERR_NONE ? NULL : e.code;
    k->to.trouble(k->to.arg, e);
}

static void
link_up(struct bus_consumer *k)
{
    if (k->link == LINK_UP)
        return;
    k->link = LINK_UP;
    metric_set(METRIC_weir_kafka_connected, 1);
    tell_trouble(k, ERR_OK);
}

static void
link_down(struct bus_consumer *k, const char *reason)
{
    if (k->link == LINK_DOWN)
        return;
    k->link = LINK_DOWN;
    metric_set(METRIC_weir_kafka_connected, 0);
    tell_trouble(k, err_make(ERR_RETRY, "bus.connect", "no Kafka broker answers: %s", reason));
}

static void
on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct bus_consumer *k = opaque;
    char text[120] = "";
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        link_down(k, reason);
    } else if (code == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_fatal_error(rk, text, sizeof text);
        tell_trouble(k, err_make(ERR_STOP, "bus.fatal", "Kafka consumer: %s", text));
    } else if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL) {
        tell_trouble(k, err_make(ERR_RETRY, "bus.connect", "Kafka: %s", reason));
    }
}

static int
on_stats(rd_kafka_t *rk, char *json, size_t n, void *opaque)
{
    struct bus_consumer *k = opaque;
    (void)rk;
    if (k->link != LINK_UP && bus_stats_up(json, n))
        link_up(k);
    return 0;
}

/* ---- partitions */

static int
part_order(const void *x, const void *y)
{
    const struct part *a = x, *b = y;
    int order = strcmp(a->topic, b->topic);
    if (order != 0)
        return order;
    return (a->partition > b->partition) - (a->partition < b->partition);
}

static struct part *
part_find(struct bus_consumer *k, const char *topic, int32_t partition)
{
    struct part key = {.topic = topic, .partition = partition};
    if (k->n_parts == 0)
        return NULL;
    return bsearch(&key, k->parts, k->n_parts, sizeof *k->parts, part_order);
}

static const char *
own_topic(const struct bus_consumer *k, const char *topic)
{
    for (size_t i = 0; k->topics[i] != NULL; i++)
        if (strcmp(k->topics[i], topic) == 0)
            return k->topics[i];
    return NULL;
}

static void
taken_drop(struct bus_consumer *k)
{
    while (k->taken_at < k->n_taken)
        rd_kafka_message_destroy(k->taken[k->taken_at++]);
    k->taken_at = k->n_taken = 0;
}

static void
parts_drop(struct bus_consumer *k)
{
    taken_drop(k);
    free(k->parts);
    k->parts = NULL;
    k->n_parts = k->n_open = 0;
    k->caught_up = false;
}

/* The library's pause or resume of all our partitions; waits for its thread, some milliseconds. */
static void
hold(struct bus_consumer *k, bool on)
{
    if (k->held == on)
        return;
    k->held = on;
    if (k->n_parts == 0)
        return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)k->n_parts);
    for (size_t i = 0; i < k->n_parts; i++)
        rd_kafka_topic_partition_list_add(list, k->parts[i].topic, k->parts[i].partition);
    rd_kafka_resp_err_t code =
        on ? rd_kafka_pause_partitions(k->rk, list) : rd_kafka_resume_partitions(k->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        tell_trouble(k, err_make(ERR_RETRY, "bus.consume", "pause: %s", rd_kafka_err2str(code)));
}

static void
unassign(struct bus_consumer *k)
{
    hold(k, false); /* a pause would outlive the assignment in the library's books */
    parts_drop(k);
    k->state = STATE_NONE;
    rd_kafka_resp_err_t code = rd_kafka_assign(k->rk, NULL);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && !k->closing)
        tell_trouble(k, err_make(ERR_STOP, "bus.fatal", "unassign: %s", rd_kafka_err2str(code)));
}

static void
tell_assigned(struct bus_consumer *k, const struct bus_part *parts, size_t n)
{
    k->state = STATE_ANSWER;
    k->last_trouble = NULL;
    if (k->to.assigned != NULL) {
        k->to.assigned(k->to.arg, parts, n);
        return;
    }
    struct err e = bus_assign(k, parts, n);
    if (e.kind != ERR_NONE)
        tell_trouble(k, e);
}

static void
on_assign(struct bus_consumer *k, const rd_kafka_topic_partition_list_t *list)
{
    size_t n = 0;
    struct bus_part *parts = calloc((size_t)list->cnt + 1, sizeof *parts);
    if (parts == NULL) {
        tell_trouble(k, err_make(ERR_STOP, "bus.fatal", "out of memory"));
        return;
    }
    for (int i = 0; i < list->cnt; i++) {
        const char *topic = own_topic(k, list->elems[i].topic);
        if (topic != NULL)
            parts[n++] = (struct bus_part){topic, list->elems[i].partition, BUS_BEGINNING};
    }
    tell_assigned(k, parts, n);
    free(parts);
}

static void
on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list,
             void *opaque)
{
    struct bus_consumer *k = opaque;
    if (k->closing) {
        rd_kafka_assign(rk, NULL);
    } else if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        link_up(k); /* a revocation proves no broker: the library gives up by itself, too */
        on_assign(k, list);
    } else if (k->state == STATE_ASSIGNED && k->to.revoked != NULL) {
        k->state = STATE_REVOKING;
        k->revoke_by_ms = clock_mono_ms() + k->session_ms;
        k->to.revoked(k->to.arg, rd_kafka_assignment_lost(rk) != 0);
    } else {
        unassign(k);
    }
}

/* ---- records */

static void
give_end(struct bus_consumer *k, struct part *at)
{
    if (at->ended)
        return;
    at->ended = true;
    k->n_open--;
}

/* The library tells the end of a partition only by a fetch that brought nothing: a steady stream
 * would hide it. What the last fetch said of the end is at hand, without asking the broker. */
static void
give_end_if_last(struct bus_consumer *k, struct part *at)
{
    int64_t low = -1, high = -1;
    if (!at->ended &&
        rd_kafka_get_watermark_offsets(k->rk, at->topic, at->partition, &low, &high) ==
            RD_KAFKA_RESP_ERR_NO_ERROR &&
        high >= 0 && at->next >= high)
        give_end(k, at);
}

static void
give_record(struct bus_consumer *k, const rd_kafka_message_t *m, struct part *at)
{
    struct bus_record r = {.topic = at->topic,
                           .partition = m->partition,
                           .offset = m->offset,
                           .key = {m->key, m->key_len},
                           .value = {m->payload, m->len}};
    rd_kafka_headers_t *list = NULL;
    rd_kafka_timestamp_type_t type;
    r.time_ms = rd_kafka_message_timestamp(m, &type);
    if (rd_kafka_message_headers(m, &list) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char *name = NULL;
        const void *value = NULL;
        size_t n = 0;
        while (r.n_headers < BUS_HEADERS_MAX &&
               rd_kafka_header_get_all(list, r.n_headers, &name, &value, &n) ==
                   RD_KAFKA_RESP_ERR_NO_ERROR)
            r.headers[r.n_headers++] = (struct bus_header){name, {value, n}};
    }
    at->next = m->offset + 1;
    give_end_if_last(k, at);
    if (k->to.record != NULL)
        k->to.record(k->to.arg, &r);
}

static void
give_error(struct bus_consumer *k, const rd_kafka_message_t *m)
{
    const char *topic = m->rkt != NULL ? rd_kafka_topic_name(m->rkt) : "";
    switch (m->err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        tell_trouble(k, err_make(ERR_STOP, "bus.offset", "%s [%" PRId32 "]: %s", topic,
                                 m->partition, rd_kafka_message_errstr(m)));
        return;
    case RD_KAFKA_RESP_ERR__FATAL:
        tell_trouble(k, err_make(ERR_STOP, "bus.fatal", "%s", rd_kafka_message_errstr(m)));
        return;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        tell_trouble(k, err_make(ERR_RETRY, "bus.topic", "%s", rd_kafka_message_errstr(m)));
        return;
    default:
        tell_trouble(k, err_make(ERR_RETRY, "bus.consume", "%s [%" PRId32 "]: %s", topic,
                                 m->partition, rd_kafka_message_errstr(m)));
    }
}

static void
give(struct bus_consumer *k, rd_kafka_message_t *m)
{
    bool plain = m->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (plain || m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        struct part *at = k->state == STATE_ASSIGNED && m->rkt != NULL
                              ? part_find(k, rd_kafka_topic_name(m->rkt), m->partition)
                              : NULL;
        link_up(k);
        if (at != NULL && !plain)
            give_end(k, at);
        else if (at != NULL && m->offset >= at->next) /* lower: handed over before a resume */
            give_record(k, m, at);
    } else {
        give_error(k, m);
    }
    rd_kafka_message_destroy(m);
}

/* A record that comes although we are paused waits here; there are few, the library stops soon. */
static void
taken_put(struct bus_consumer *k, rd_kafka_message_t *m)
{
    if (k->n_taken == k->taken_size) {
        size_t size = k->taken_size > 0 ? k->taken_size * 2 : 64;
        rd_kafka_message_t **more = realloc(k->taken, size * sizeof *more);
        if (more == NULL) {
            rd_kafka_message_destroy(m);
            tell_trouble(k, err_make(ERR_STOP, "bus.fatal", "out of memory"));
            return;
        }
        k->taken = more;
        k->taken_size = size;
    }
    k->taken[k->n_taken++] = m;
}

static rd_kafka_message_t *
next_message(struct bus_consumer *k)
{
    if (!k->paused && k->taken_at < k->n_taken) {
        rd_kafka_message_t *m = k->taken[k->taken_at++];
        if (k->taken_at == k->n_taken)
            k->taken_at = k->n_taken = 0;
        return m;
    }
    return rd_kafka_consumer_poll(k->rk, 0);
}

/* ---- without a group: the partitions are asked for, in the pool because the call blocks */

static struct err
metadata_ask(struct bus_consumer *k, const char *topic)
{
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(k->rk, topic, NULL);
    if (rkt == NULL)
        return err_make(ERR_STOP, "bus.conf", "%s: %s", topic,
                        rd_kafka_err2str(rd_kafka_last_error()));
    struct err e = ERR_OK;
    rd_kafka_resp_err_t code = rd_kafka_metadata(k->rk, 0, rkt, &md, METADATA_MS);
    rd_kafka_topic_destroy(rkt);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_make(ERR_RETRY, "bus.connect", "%s: %s", topic, rd_kafka_err2str(code));
    if (md->topic_cnt != 1 || md->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR ||
        md->topics[0].partition_cnt < 1 || md->topics[0].partition_cnt > PARTS_MAX) {
        e = err_make(ERR_RETRY, "bus.topic", "%s: there is no such topic", topic);
        goto out;
    }
    size_t more = (size_t)md->topics[0].partition_cnt;
    struct bus_part *found = realloc(k->found, (k->n_found + more) * sizeof *found);
    if (found == NULL) {
        e = err_make(ERR_STOP, "bus.fatal", "out of memory");
        goto out;
    }
    k->found = found;
    for (size_t i = 0; i < more; i++)
        found[k->n_found++] =
            (struct bus_part){topic, md->topics[0].partitions[i].id, BUS_BEGINNING};
out:
    rd_kafka_metadata_destroy(md);
    return e;
}

static void
metadata_work(uv_work_t *w)
{
    struct bus_consumer *k = w->data;
    k->metadata_e = ERR_OK;
    k->n_found = 0;
    for (size_t i = 0; k->topics[i] != NULL && k->metadata_e.kind == ERR_NONE; i++)
        k->metadata_e = metadata_ask(k, k->topics[i]);
}

static void
metadata_done(uv_work_t *w, int status)
{
    struct bus_consumer *k = w->data;
    (void)status;
    k->asking = false;
    if (k->closing)
        return;
    if (k->metadata_e.kind != ERR_NONE) { /* the next tick asks again */
        if (strcmp(k->metadata_e.code, "bus.connect") == 0)
            link_down(k, k->metadata_e.text);
        else
            tell_trouble(k, k->metadata_e);
        return;
    }
    k->asked = true;
    link_up(k);
    tell_assigned(k, k->found, k->n_found);
}

static void
metadata_start(struct bus_consumer *k)
{
    k->asking = true;
    k->work.data = k;
    int bad = uv_queue_work(loop_uv(k->loop), &k->work, metadata_work, metadata_done);
    assert(bad == 0);
    (void)bad;
}

/* ---- closing */

static void
destroy_work(uv_work_t *w)
{
    struct bus_consumer *k = w->data;
    /* the group was left already, or could not be in time */
    rd_kafka_destroy_flags(k->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

static void
consumer_free(struct bus_consumer *k)
{
    for (size_t i = 0; k->topics != NULL && k->topics[i] != NULL; i++)
        free(k->topics[i]);
    free(k->topics);
    free(k->found);
    free(k->taken);
    free(k->parts);
    free(k);
}

static void
destroy_done(uv_work_t *w, int status)
{
    struct bus_consumer *k = w->data;
    (void)status;
    if (k->closed != NULL)
        k->closed(k->closed_arg);
    consumer_free(k);
}

static void
wake_closed(void *owner)
{
    struct bus_consumer *k = owner;
    k->work.data = k;
    int bad = uv_queue_work(loop_uv(k->loop), &k->work, destroy_work, destroy_done);
    assert(bad == 0);
    (void)bad;
}

static void
close_turn(struct bus_consumer *k)
{
    if (!k->leaving) {
        k->leaving = true;
        parts_drop(k);
        rd_kafka_error_t *bad = rd_kafka_consumer_close_queue(k->rk, k->wake.queue);
        if (bad != NULL)
            k->close_by_ms = 0; /* nothing to wait for */
        rd_kafka_error_destroy(bad);
    }
    rd_kafka_message_t *m;
    while ((m = rd_kafka_consumer_poll(k->rk, 0)) != NULL) {
        bool over =
            m->err == RD_KAFKA_RESP_ERR__DESTROY || m->err == RD_KAFKA_RESP_ERR__UNKNOWN_GROUP;
        rd_kafka_message_destroy(m);
        if (over)
            break;
    }
    bool left = rd_kafka_consumer_closed(k->rk) || clock_mono_ms() >= k->close_by_ms;
    if (k->ended || k->asking || !left)
        return;
    k->ended = true;
    bus_wake_close(&k->wake, wake_closed);
}

/* ---- the turn */

static void
check_clock(struct bus_consumer *k)
{
    int64_t now_ms = clock_mono_ms();
    if (k->state == STATE_REVOKING && now_ms >= k->revoke_by_ms) {
        /* its owner is too slow: waiting on would stop the whole group. Fencing is his anyway. */
        tell_trouble(k,
                     err_make(ERR_RETRY, "bus.revoke", "partitions were not given back in time"));
        unassign(k);
    }
    /* A short pause only leaves the queue alone, so that what was fetched is not thrown away; in a
     * longer one the library must be polled, and so told to bring nothing. */
    if (k->paused && !k->held && k->state == STATE_ASSIGNED &&
        now_ms - k->paused_at_ms >= BUS_TICK_MS)
        hold(k, true);
    if (k->alone && !k->asked && !k->asking)
        metadata_start(k);
}

static void
consumer_turn(void *owner)
{
    struct bus_consumer *k = owner;
    unsigned left = BUS_TURN_MAX;
    if (!k->closing)
        check_clock(k);
    while (left > 0 && !k->closing && (!k->paused || k->held || k->state != STATE_ASSIGNED)) {
        rd_kafka_message_t *m = next_message(k);
        if (m == NULL)
            break;
        left--;
        if (k->paused && k->state == STATE_ASSIGNED)
            taken_put(k, m);
        else
            give(k, m);
    }
    if (left == 0)
        bus_wake_ring(&k->wake);
    if (!k->closing && k->state == STATE_ASSIGNED && k->n_open == 0 && !k->caught_up) {
        k->caught_up = true;
        if (k->to.caught_up != NULL)
            k->to.caught_up(k->to.arg);
    }
    if (k->closing)
        close_turn(k);
}

/* ---- what bus.h offers */

static void
consumer_settings(struct bus_setup *s, const struct conf *c, const char *group,
                  struct bus_consumer *k)
{
    char alone[96];
    bool demo = conf_bool(c, "kafka.demo");
    snprintf(alone, sizeof alone, "%s.alone", conf_text(c, "kafka.prefix"));
    /* the library wants a name even from who takes part in no group; it is never joined */
    bus_setup_put(s, "group.id", group != NULL ? group : alone);
    bus_setup_put(s, "enable.auto.commit", "false");
    bus_setup_put(s, "enable.auto.offset.store", "false");
    bus_setup_put(s, "auto.offset.reset", "error");
    bus_setup_put(s, "enable.partition.eof", "true");
    bus_setup_put(s, "partition.assignment.strategy", "range");
    bus_setup_put(s, "allow.auto.create.topics", "false");
    bus_setup_put_int(s, "session.timeout.ms", k->session_ms);
    bus_setup_put_int(s, "heartbeat.interval.ms",
                      k->session_ms / 4 < 3000 ? k->session_ms / 4 : 3000);
    bus_setup_put(s, "topic.metadata.refresh.interval.ms", "10000");
    bus_setup_put(s, "statistics.interval.ms", "2000");
    bus_setup_put(s, "queued.min.messages", "10000");
    bus_setup_put_int(s, "queued.max.messages.kbytes", conf_int(c, "kafka.fetch_bytes") / 1024);
    /* one fetch must be able to hold the largest record */
    bus_setup_put_int(s, "fetch.message.max.bytes", 1024 * 1024);
    bus_setup_put_int(s, "fetch.max.bytes", 2 * (int64_t)BUS_RECORD_MAX);
    bus_setup_put_int(s, "receive.message.max.bytes", 2 * (int64_t)BUS_RECORD_MAX + 1024 * 1024);
    /* the demo broker answers a waiting fetch only when its time is over */
    bus_setup_put_int(s, "fetch.wait.max.ms", demo ? 10 : 500);
    if (s->e.kind != ERR_NONE)
        return;
    rd_kafka_conf_set_rebalance_cb(s->conf, on_rebalance);
    rd_kafka_conf_set_error_cb(s->conf, on_error);
    rd_kafka_conf_set_stats_cb(s->conf, on_stats);
    rd_kafka_conf_set_opaque(s->conf, k);
}

static struct err
copy_topics(struct bus_consumer *k, const char *const *topics)
{
    size_t n = 0;
    while (topics[n] != NULL)
        n++;
    k->topics = calloc(n + 1, sizeof *k->topics);
    if (k->topics == NULL)
        return err_make(ERR_STOP, "bus.conf", "out of memory");
    for (size_t i = 0; i < n; i++) {
        k->topics[i] = strdup(topics[i]);
        if (k->topics[i] == NULL)
            return err_make(ERR_STOP, "bus.conf", "out of memory");
    }
    return ERR_OK;
}

static struct err
subscribe(struct bus_consumer *k)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
    for (size_t i = 0; k->topics[i] != NULL; i++)
        rd_kafka_topic_partition_list_add(list, k->topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(k->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_make(ERR_STOP, "bus.conf", "subscribe: %s", rd_kafka_err2str(code));
    return ERR_OK;
}

struct err
bus_consumer_open(struct loop *l, const struct conf *c, const char *group,
                  const char *const *topics, const struct bus_listener *listener,
                  struct bus_consumer **out)
{
    struct bus_setup s;
    struct bus_consumer *k = calloc(1, sizeof *k);
    if (k == NULL)
        return err_make(ERR_STOP, "bus.conf", "out of memory");
    k->loop = l;
    k->to = *listener;
    k->alone = group == NULL;
    k->session_ms = bus_session_ms(c);
    struct err e = copy_topics(k, topics);
    if (e.kind == ERR_NONE)
        e = bus_setup_init(&s, c);
    if (e.kind != ERR_NONE)
        goto out;
    consumer_settings(&s, c, group, k);
    e = bus_setup_new(&s, RD_KAFKA_CONSUMER, &k->rk);
    if (e.kind != ERR_NONE)
        goto out;
    rd_kafka_poll_set_consumer(k->rk);
    rd_kafka_queue_t *q = rd_kafka_queue_get_consumer(k->rk);
    if (!k->alone)
        e = subscribe(k);
    if (e.kind == ERR_NONE)
        e = bus_wake_start(&k->wake, l, q, k, consumer_turn);
    if (e.kind != ERR_NONE) {
        rd_kafka_queue_destroy(q);
        rd_kafka_destroy_flags(k->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
out:
    if (e.kind != ERR_NONE) {
        consumer_free(k);
        return e;
    }
    bus_wake_ring(&k->wake);
    *out = k;
    return ERR_OK;
}

static struct err
parts_take(struct bus_consumer *k, const struct bus_part *parts, size_t n)
{
    struct part *own = calloc(n + 1, sizeof *own);
    if (own == NULL)
        return err_make(ERR_STOP, "bus.fatal", "out of memory");
    for (size_t i = 0; i < n; i++) {
        own[i] = (struct part){.topic = own_topic(k, parts[i].topic),
                               .partition = parts[i].partition,
                               .next = parts[i].offset};
        assert(own[i].topic != NULL);
    }
    qsort(own, n, sizeof *own, part_order);
    parts_drop(k);
    k->parts = own;
    k->n_parts = k->n_open = n;
    return ERR_OK;
}

struct err
bus_assign(struct bus_consumer *k, const struct bus_part *parts, size_t n)
{
    if (k->closing || (k->state != STATE_ANSWER && k->state != STATE_ASSIGNED))
        return err_make(ERR_RETRY, "bus.revoked", "the partitions were taken away meanwhile");
    hold(k, false); /* a pause is asked for again, for the new partitions */
    struct err e = parts_take(k, parts, n);
    if (e.kind != ERR_NONE)
        return e;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n + 1);
    for (size_t i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(list, parts[i].topic, parts[i].partition)->offset =
            parts[i].offset; /* BUS_BEGINNING and BUS_END are the library's own numbers */
    rd_kafka_resp_err_t code = rd_kafka_assign(k->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_make(ERR_STOP, "bus.fatal", "assign: %s", rd_kafka_err2str(code));
    k->state = STATE_ASSIGNED;
    k->paused_at_ms = clock_mono_ms();
    bus_wake_ring(&k->wake);
    return ERR_OK;
}

void
bus_unassign(struct bus_consumer *k)
{
    if (k->closing)
        return;
    if (k->state == STATE_REVOKING || (k->alone && k->state == STATE_ASSIGNED))
        unassign(k);
}

void
bus_pause(struct bus_consumer *k)
{
    if (k->paused)
        return;
    k->paused = true;
    k->paused_at_ms = clock_mono_ms();
}

void
bus_resume(struct bus_consumer *k)
{
    if (!k->paused)
        return;
    k->paused = false;
    if (k->closing)
        return;
    hold(k, false);
    bus_wake_ring(&k->wake);
}

void
bus_consumer_close(struct bus_consumer *k, void (*closed)(void *arg), void *arg)
{
    if (k == NULL) {
        if (closed != NULL)
            closed(arg);
        return;
    }
    if (k->closing)
        return;
    k->closing = true;
    k->closed = closed;
    k->closed_arg = arg;
    k->close_by_ms = clock_mono_ms() + BUS_CLOSE_MS;
    bus_wake_hurry(&k->wake); /* the rest is done outside of the library's callbacks */
}
