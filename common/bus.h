/*
 * bus.h: Kafka behind our own small interface, events on the loop.
 *
 * A producer confirms each record; a consumer hands over records one by one and never commits:
 * where to go on is the caller's to know (design.md 5). librdkafka shows only in bus*.c.
 * Every callback runs on the loop's thread. Ref: libraries.md 5.1.
 */
#ifndef WEIR_BUS_H
#define WEIR_BUS_H
#include <stdbool.h>
#include <stdint.h>

#include "common/conf.h"
#include "common/err.h"
#include "common/loop.h"
#include "common/slice.h"

enum { BUS_HEADERS_MAX = 12 };
#define BUS_BEGINNING INT64_C(-2) /* an offset: the oldest there is */
#define BUS_END INT64_C(-1)       /* an offset: only what comes from now on */

extern const struct opt bus_opts[]; /* kafka.bootstrap, kafka.demo, kafka.prefix, ... */

struct bus_header {
    const char *name;
    struct slice value;
};

struct bus_record {
    const char *topic;
    int32_t partition; /* producing: -1 leaves it to murmur2 of the key */
    int64_t offset;    /* consuming only */
    int64_t time_ms;   /* consuming only: the broker's or producer's timestamp */
    struct slice key;
    struct slice value; /* p NULL: a tombstone */
    struct bus_header headers[BUS_HEADERS_MAX];
    size_t n_headers;
};

/* ---- producer: acks=all, idempotent, murmur2 */

struct bus_producer;

/* bus_producer_open - returns at once; the connection is made in the background.
 * ERR_STOP "bus.conf". The caller closes it. */
MUST_CHECK struct err bus_producer_open(struct loop *l, const struct conf *c,
                                        struct bus_producer **out);

/*
 * bus_produce - queue one record; everything in it is copied.
 *
 * done(arg, e) runs later on the loop, exactly once: ERR_OK after acks=all, else ERR_RETRY
 * "bus.produce" (the record may or may not be there), ERR_REJECT "bus.too_large" (for the broker)
 * or ERR_STOP "bus.fatal" (open another producer, send again). done may be NULL.
 * Errors:  nothing was queued, and done will not run.
 *          ERR_RETRY "bus.full": wait for room (bus_on_room); "bus.produce": no such topic or
 *          partition (yet); ERR_REJECT "bus.too_large"; ERR_STOP "bus.fatal", "bus.closed".
 */
MUST_CHECK struct err bus_produce(struct bus_producer *p, const struct bus_record *r,
                                  void (*done)(void *arg, struct err e), void *arg);

/* bus_on_room - room(arg) once, when the queue has fallen below half. */
void bus_on_room(struct bus_producer *p, void (*room)(void *arg), void *arg);

size_t bus_waiting(const struct bus_producer *p); /* records not yet confirmed */

/* bus_producer_close - gives what waits at most wait_ms, then closed(arg). Harmless when called
 * twice. NULL is fine (closed is then called at once). */
void bus_producer_close(struct bus_producer *p, int64_t wait_ms, void (*closed)(void *arg),
                        void *arg);

/* ---- consumer */

struct bus_consumer;

struct bus_part {
    const char *topic;
    int32_t partition;
    int64_t offset; /* where to start; BUS_BEGINNING, BUS_END or a number */
};

struct bus_listener {
    void *arg;
    /* These partitions are ours. Answer, now or later, with bus_assign and the offsets to start
     * at (in the list: BUS_BEGINNING). The list lives until the call returns. NULL: all are read
     * from the beginning. */
    void (*assigned)(void *arg, const struct bus_part *parts, size_t n);
    /* All of them are taken away (range assignor: always all). Stop work on them, then answer with
     * bus_unassign, now or soon. lost: already somebody else's. */
    void (*revoked)(void *arg, bool lost);
    /* One record; it lives until the call returns. */
    void (*record)(void *arg, const struct bus_record *r);
    /* Every partition assigned so far was read to its end at least once (since its assignment). */
    void (*caught_up)(void *arg);
    /* The connection came (ERR_OK) or went (ERR_RETRY "bus.connect"), a topic is not there (yet)
     * ("bus.topic"), or an offset to start at does not exist (ERR_STOP "bus.offset"). After
     * ERR_RETRY a consumer goes on by itself; the same trouble is told once. */
    void (*trouble)(void *arg, struct err e);
};

/*
 * bus_consumer_open - consume topics, as a member of a group or alone.
 *
 * group     NULL: no group; `assigned` is called once with every partition of the topics
 * topics    NULL-terminated, kept by copy
 * listener  copied; its functions must stay valid until closed(). NULL members are skipped.
 *
 * Errors: ERR_STOP "bus.conf".
 */
MUST_CHECK struct err bus_consumer_open(struct loop *l, const struct conf *c, const char *group,
                                        const char *const *topics,
                                        const struct bus_listener *listener,
                                        struct bus_consumer **out);
/* bus_assign - read these partitions from these offsets; called again, with other offsets. n may be
 * 0. ERR_RETRY "bus.revoked": nothing is ours to assign now; ERR_STOP "bus.fatal". */
MUST_CHECK struct err bus_assign(struct bus_consumer *k, const struct bus_part *parts, size_t n);
/* bus_unassign - the answer to `revoked`. One that takes longer than the session (kafka.session_ms)
 * is given by the bus itself, after trouble(ERR_RETRY "bus.revoke"). */
void bus_unassign(struct bus_consumer *k);
void bus_pause(struct bus_consumer *k); /* no further record() after it returns */
void bus_resume(struct bus_consumer *k);
/* bus_consumer_close - leaves the group, a few seconds at most, then closed(arg); no other function
 * of the listener runs any more. Harmless when called twice. NULL is fine. */
void bus_consumer_close(struct bus_consumer *k, void (*closed)(void *arg), void *arg);

/* ---- administration; each may block for at most timeout_ms: for commands, not for workers */

struct bus_topic {
    const char *name;
    int32_t partitions;
    const char *const *settings; /* NULL-terminated "retention.ms=86400000" */
};

/* bus_ping - a broker answers. ERR_RETRY "bus.connect". version (at least 32 bytes) gets what is
 * known of the broker; may be NULL. */
MUST_CHECK struct err bus_ping(const struct conf *c, int timeout_ms, char *version);
/* bus_topic_partitions - 0 when there is no such topic. */
MUST_CHECK struct err bus_topic_partitions(const struct conf *c, const char *topic, int timeout_ms,
                                           int32_t *out);
/* bus_topic_create - an existing topic is success; does nothing on a demo broker (kafka.demo).
 * ERR_RETRY "bus.connect", ERR_STOP "bus.topic". */
MUST_CHECK struct err bus_topic_create(const struct conf *c, const struct bus_topic *t,
                                       int timeout_ms);
/* bus_topic_delete - a missing topic is success. ERR_RETRY "bus.connect", ERR_STOP "bus.topic",
 * ERR_REJECT "bus.demo": the demo broker cannot. */
MUST_CHECK struct err bus_topic_delete(const struct conf *c, const char *topic, int timeout_ms);
/* bus_topic_check - partitions and settings are as asked; ERR_STOP "bus.topic" names what is not.
 */
MUST_CHECK struct err bus_topic_check(const struct conf *c, const struct bus_topic *t,
                                      int timeout_ms);
/* bus_topic_list - names that start with prefix, sorted, in the arena, NULL-terminated.
 * ERR_RETRY "bus.connect", "bus.memory". */
MUST_CHECK struct err bus_topic_list(const struct conf *c, const char *prefix, int timeout_ms,
                                     struct arena *a, const char *const **out);

/* ---- the demo broker: librdkafka's mock cluster, role `broker` */

struct bus_demo;

/* bus_demo_start - topics with their partitions; bootstrap is borrowed from the demo. */
MUST_CHECK struct err bus_demo_start(const struct bus_topic *topics, size_t n,
                                     struct bus_demo **out, const char **bootstrap);
void bus_demo_stop(struct bus_demo *d);

#endif
