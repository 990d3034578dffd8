/* What a consumer says to its listener: troubles, whether a broker answers, records, ends. */
#include <inttypes.h>
#include <string.h>

#include "common/bus_consumer_internal.h"
#include "common/metric.h"

/* ---- troubles */

void
bus_tell_trouble(struct bus_consumer *k, struct err e)
{
    if (k->closing || k->to.trouble == NULL)
        return;
    if (e.kind == ERR_RETRY && k->last_trouble != NULL && strcmp(k->last_trouble, e.code) == 0)
        return;
    k->last_trouble = e.kind == ERR_NONE ? NULL : e.code;
    k->to.trouble(k->to.arg, e);
}

void
bus_tell_up(struct bus_consumer *k)
{
    if (k->link == LINK_UP)
        return;
    k->link = LINK_UP;
    metric_set(METRIC_weir_kafka_connected, 1);
    bus_tell_trouble(k, ERR_OK);
}

void
bus_tell_down(struct bus_consumer *k, const char *reason)
{
    if (k->link == LINK_DOWN)
        return;
    k->link = LINK_DOWN;
    metric_set(METRIC_weir_kafka_connected, 0);
    bus_tell_trouble(k, err_make(ERR_RETRY, "bus.connect", "no Kafka broker answers: %s", reason));
}

/* ---- records */

static void
give_end(struct bus_consumer *k, struct bus_own_part *at)
{
    if (at->ended)
        return;
    at->ended = true;
    k->n_open--;
}

/* The library tells the end of a partition only by a fetch that brought nothing: a steady stream
 * would hide it. What the last fetch said of the end is at hand, without asking the broker. */
static void
give_end_if_last(struct bus_consumer *k, struct bus_own_part *at)
{
    int64_t low = -1, high = -1;
    if (!at->ended &&
        rd_kafka_get_watermark_offsets(k->rk, at->topic, at->partition, &low, &high) ==
            RD_KAFKA_RESP_ERR_NO_ERROR &&
        high >= 0 && at->next >= high)
        give_end(k, at);
}

static void
give_record(struct bus_consumer *k, const rd_kafka_message_t *m, struct bus_own_part *at)
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
        bus_tell_trouble(k, err_make(ERR_STOP, "bus.offset", "%s [%" PRId32 "]: %s", topic,
                                     m->partition, rd_kafka_message_errstr(m)));
        return;
    case RD_KAFKA_RESP_ERR__FATAL:
        bus_tell_trouble(k, err_make(ERR_STOP, "bus.fatal", "%s", rd_kafka_message_errstr(m)));
        return;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        bus_tell_trouble(k, err_make(ERR_RETRY, "bus.topic", "%s", rd_kafka_message_errstr(m)));
        return;
    default:
        bus_tell_trouble(k, err_make(ERR_RETRY, "bus.consume", "%s [%" PRId32 "]: %s", topic,
                                     m->partition, rd_kafka_message_errstr(m)));
    }
}

void
bus_tell_message(struct bus_consumer *k, rd_kafka_message_t *m)
{
    bool plain = m->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (plain || m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        struct bus_own_part *at = k->state == STATE_ASSIGNED && m->rkt != NULL
                                      ? bus_parts_find(k, rd_kafka_topic_name(m->rkt), m->partition)
                                      : NULL;
        bus_tell_up(k);
        if (at != NULL && !plain)
            give_end(k, at);
        else if (at != NULL && m->offset >= at->next) /* lower: handed over before a resume */
            give_record(k, m, at);
    } else {
        give_error(k, m);
    }
    rd_kafka_message_destroy(m);
}
