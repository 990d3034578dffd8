/*
 * bus_internal.h: what the files of the bus share; nobody else includes it.
 *
 * librdkafka shows here, in bus_consumer_internal.h and in bus*.c only. Its threads do one thing to
 * us: they write to the eventfd of a bus_wake, and the loop's thread then polls the queue until it
 * is empty.
 */
#ifndef WEIR_BUS_INTERNAL_H
#define WEIR_BUS_INTERNAL_H
#include <stdbool.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>
#include <uv.h>

#include "common/bus.h"

enum {
    BUS_RECORD_MAX = 8 * 1024 * 1024 + 256 * 1024, /* bytes: a codec frame, its key and headers */
    BUS_TICK_MS = 500,                             /* the queue is polled at least this often */
    BUS_CLOSE_TICK_MS = 50,
    BUS_CLOSE_MS = 2000, /* for leaving the group, or for the last delivery reports */
    BUS_TURN_MAX = 512,  /* records a turn of the loop, so that others get theirs */
};

/* A librdkafka configuration being filled; the first failure is kept. */
struct bus_setup {
    rd_kafka_conf_t *conf;
    struct err e;
};

/* bus_setup_init - addresses, security and what holds for every client. On failure there is
 * nothing to give back. ERR_STOP "bus.conf". */
MUST_CHECK struct err bus_setup_init(struct bus_setup *s, const struct conf *c);
/* bus_setup_put - one property; a failure is kept in s->e and later calls do nothing. */
void bus_setup_put(struct bus_setup *s, const char *name, const char *value);
void bus_setup_put_int(struct bus_setup *s, const char *name, int64_t value);
/* bus_setup_new - a client of what was put; takes the configuration in any case. */
MUST_CHECK struct err bus_setup_new(struct bus_setup *s, rd_kafka_type_t type, rd_kafka_t **out);

int64_t bus_session_ms(const struct conf *c); /* kafka.session_ms, or its default */

/* The doorbell of a queue: turn(owner) runs after the queue got something, and every tick. */
struct bus_wake {
    uv_poll_t poll;
    uv_timer_t tick;
    int fd;
    unsigned open; /* handles not yet closed */
    rd_kafka_queue_t *queue;
    void *owner;
    void (*turn)(void *owner);
    void (*closed)(void *owner);
};

/* bus_wake_start - takes the queue's reference on success. ERR_STOP "bus.conf". */
MUST_CHECK struct err bus_wake_start(struct bus_wake *w, struct loop *l, rd_kafka_queue_t *queue,
                                     void *owner, void (*turn)(void *owner));
void bus_wake_ring(struct bus_wake *w);  /* one more turn, soon */
void bus_wake_hurry(struct bus_wake *w); /* from now on ticks as when closing */
/* bus_wake_close - lets go of queue, descriptor and handles, then closed(owner). */
void bus_wake_close(struct bus_wake *w, void (*closed)(void *owner));

/* bus_stats_up - librdkafka's statistics say that some broker's connection stands. */
bool bus_stats_up(const char *json, size_t n);

#endif
