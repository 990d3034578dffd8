/*
 * bus_consumer_internal.h: one consumer, for the files that make it up; nobody else includes it.
 *
 * bus_consumer.c opens, turns and closes it, bus_parts.c knows which partitions are ours and
 * whether they flow, bus_tell.c says to the listener what came.
 */
#ifndef WEIR_BUS_CONSUMER_INTERNAL_H
#define WEIR_BUS_CONSUMER_INTERNAL_H
#include "common/bus_internal.h"

enum bus_state {
    STATE_NONE,     /* no partitions */
    STATE_ANSWER,   /* `assigned` was called, bus_assign has not been */
    STATE_ASSIGNED, /* records flow */
    STATE_REVOKING, /* `revoked` was called, bus_unassign has not been */
};

enum bus_link { LINK_UNKNOWN, LINK_UP, LINK_DOWN };

struct bus_own_part {
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
    enum bus_state state;
    enum bus_link link;
    struct bus_own_part *parts; /* sorted by topic and partition */
    size_t n_parts, n_open;     /* n_open: not ended yet */
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

/* bus_tell_trouble - each trouble once, until something else is told. */
void bus_tell_trouble(struct bus_consumer *k, struct err e);
void bus_tell_up(struct bus_consumer *k);
void bus_tell_down(struct bus_consumer *k, const char *reason);
/* bus_tell_message - a record, an end or an error of the queue; takes m. */
void bus_tell_message(struct bus_consumer *k, rd_kafka_message_t *m);

/* bus_parts_find - NULL: not ours (any more). */
struct bus_own_part *bus_parts_find(struct bus_consumer *k, const char *topic, int32_t partition);
void bus_parts_drop(struct bus_consumer *k);     /* forgets them, and the records kept of them */
void bus_parts_unassign(struct bus_consumer *k); /* also tells the library */
void bus_parts_hold(struct bus_consumer *k, bool on);
/* bus_parts_keep - takes m, a record that came in a pause. */
void bus_parts_keep(struct bus_consumer *k, rd_kafka_message_t *m);
/* bus_parts_next - what is to be told next; the caller owns it. NULL: nothing is there. */
rd_kafka_message_t *bus_parts_next(struct bus_consumer *k);
/* bus_parts_ask - without a group: looks the partitions up and assigns them all. */
void bus_parts_ask(struct bus_consumer *k);
/* bus_parts_rebalance - the library's callback; opaque is the consumer. */
void bus_parts_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque);

#endif
