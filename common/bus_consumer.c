/*
 * The consuming half of the bus: opening, the turn, closing.
 *
 * Records are taken one by one: the library's batch calls lose some around pauses and rebalances
 * (libraries.md 5.1).
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus_consumer_internal.h"
#include "common/clock.h"

/* ---- the library's callbacks */

static void
on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct bus_consumer *k = opaque;
    char text[120] = "";
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        bus_tell_down(k, reason);
    } else if (code == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_fatal_error(rk, text, sizeof text);
        bus_tell_trouble(k, err_make(ERR_STOP, "bus.fatal", "Kafka consumer: %s", text));
    } else if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL) {
        bus_tell_trouble(k, err_make(ERR_RETRY, "bus.connect", "Kafka: %s", reason));
    }
}

static int
on_stats(rd_kafka_t *rk, char *json, size_t n, void *opaque)
{
    struct bus_consumer *k = opaque;
    (void)rk;
    if (k->link != LINK_UP && bus_stats_up(json, n))
        bus_tell_up(k);
    return 0;
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
        bus_parts_drop(k);
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
        bus_tell_trouble(
            k, err_make(ERR_RETRY, "bus.revoke", "partitions were not given back in time"));
        bus_parts_unassign(k);
    }
    /* A short pause only leaves the queue alone, so that what was fetched is not thrown away; in a
     * longer one the library must be polled, and so told to bring nothing. */
    if (k->paused && !k->held && k->state == STATE_ASSIGNED &&
        now_ms - k->paused_at_ms >= BUS_TICK_MS)
        bus_parts_hold(k, true);
    if (k->alone && !k->asked && !k->asking)
        bus_parts_ask(k);
}

static void
consumer_turn(void *owner)
{
    struct bus_consumer *k = owner;
    unsigned left = BUS_TURN_MAX;
    if (!k->closing)
        check_clock(k);
    while (left > 0 && !k->closing && (!k->paused || k->held || k->state != STATE_ASSIGNED)) {
        rd_kafka_message_t *m = bus_parts_next(k);
        if (m == NULL)
            break;
        left--;
        if (k->paused && k->state == STATE_ASSIGNED)
            bus_parts_keep(k, m);
        else
            bus_tell_message(k, m);
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
    rd_kafka_conf_set_rebalance_cb(s->conf, bus_parts_rebalance);
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
