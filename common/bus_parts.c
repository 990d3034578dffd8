/*
 * Which partitions a consumer has, and whether they flow.
 *
 * The rebalance callback passes an assignment to the listener; rd_kafka_assign is called when the
 * listener has answered, and until then the queue is polled on.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus_consumer_internal.h"
#include "common/clock.h"

enum { METADATA_MS = 1000, PARTS_MAX = 100000 };

static int
part_order(const void *x, const void *y)
{
    const struct bus_own_part *a = x, *b = y;
    int order = strcmp(a->topic, b->topic);
    if (order != 0)
        return order;
    return (a->partition > b->partition) - (a->partition < b->partition);
}

struct bus_own_part *
bus_parts_find(struct bus_consumer *k, const char *topic, int32_t partition)
{
    struct bus_own_part key = {.topic = topic, .partition = partition};
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

void
bus_parts_drop(struct bus_consumer *k)
{
    taken_drop(k);
    free(k->parts);
    k->parts = NULL;
    k->n_parts = k->n_open = 0;
    k->caught_up = false;
}

/* The library's pause or resume of all our partitions; waits for its thread, some milliseconds. */
void
bus_parts_hold(struct bus_consumer *k, bool on)
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
        bus_tell_trouble(k,
                         err_make(ERR_RETRY, "bus.consume", "pause: %s", rd_kafka_err2str(code)));
}

void
bus_parts_unassign(struct bus_consumer *k)
{
    bus_parts_hold(k, false); /* a pause would outlive the assignment in the library's books */
    bus_parts_drop(k);
    k->state = STATE_NONE;
    rd_kafka_resp_err_t code = rd_kafka_assign(k->rk, NULL);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && !k->closing)
        bus_tell_trouble(k,
                         err_make(ERR_STOP, "bus.fatal", "unassign: %s", rd_kafka_err2str(code)));
}

/* ---- from the group */

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
        bus_tell_trouble(k, e);
}

static void
on_assign(struct bus_consumer *k, const rd_kafka_topic_partition_list_t *list)
{
    size_t n = 0;
    struct bus_part *parts = calloc((size_t)list->cnt + 1, sizeof *parts);
    if (parts == NULL) {
        bus_tell_trouble(k, err_make(ERR_STOP, "bus.fatal", "out of memory"));
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

void
bus_parts_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list,
                    void *opaque)
{
    struct bus_consumer *k = opaque;
    if (k->closing) {
        rd_kafka_assign(rk, NULL);
    } else if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        bus_tell_up(k); /* a revocation proves no broker: the library gives up by itself, too */
        on_assign(k, list);
    } else if (k->state == STATE_ASSIGNED && k->to.revoked != NULL) {
        k->state = STATE_REVOKING;
        k->revoke_by_ms = clock_mono_ms() + k->session_ms;
        k->to.revoked(k->to.arg, rd_kafka_assignment_lost(rk) != 0);
    } else {
        bus_parts_unassign(k);
    }
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
            bus_tell_down(k, k->metadata_e.text);
        else
            bus_tell_trouble(k, k->metadata_e);
        return;
    }
    k->asked = true;
    bus_tell_up(k);
    tell_assigned(k, k->found, k->n_found);
}

void
bus_parts_ask(struct bus_consumer *k)
{
    k->asking = true;
    k->work.data = k;
    int bad = uv_queue_work(loop_uv(k->loop), &k->work, metadata_work, metadata_done);
    assert(bad == 0);
    (void)bad;
}

/* ---- records that came in a pause */

/* A record that comes although we are paused waits here; there are few, the library stops soon. */
void
bus_parts_keep(struct bus_consumer *k, rd_kafka_message_t *m)
{
    if (k->n_taken == k->taken_size) {
        size_t size = k->taken_size > 0 ? k->taken_size * 2 : 64;
        rd_kafka_message_t **more = realloc(k->taken, size * sizeof *more);
        if (more == NULL) {
            rd_kafka_message_destroy(m);
            bus_tell_trouble(k, err_make(ERR_STOP, "bus.fatal", "out of memory"));
            return;
        }
        k->taken = more;
        k->taken_size = size;
    }
    k->taken[k->n_taken++] = m;
}

rd_kafka_message_t *
bus_parts_next(struct bus_consumer *k)
{
    if (!k->paused && k->taken_at < k->n_taken) {
        rd_kafka_message_t *m = k->taken[k->taken_at++];
        if (k->taken_at == k->n_taken)
            k->taken_at = k->n_taken = 0;
        return m;
    }
    return rd_kafka_consumer_poll(k->rk, 0);
}

/* ---- what bus.h offers */

static struct err
parts_take(struct bus_consumer *k, const struct bus_part *parts, size_t n)
{
    struct bus_own_part *own = calloc(n + 1, sizeof *own);
    if (own == NULL)
        return err_make(ERR_STOP, "bus.fatal", "out of memory");
    for (size_t i = 0; i < n; i++) {
        own[i] = (struct bus_own_part){.topic = own_topic(k, parts[i].topic),
                                       .partition = parts[i].partition,
                                       .next = parts[i].offset};
        assert(own[i].topic != NULL);
    }
    qsort(own, n, sizeof *own, part_order);
    bus_parts_drop(k);
    k->parts = own;
    k->n_parts = k->n_open = n;
    return ERR_OK;
}

struct err
bus_assign(struct bus_consumer *k, const struct bus_part *parts, size_t n)
{
    if (k->closing || (k->state != STATE_ANSWER && k->state != STATE_ASSIGNED))
        return err_make(ERR_RETRY, "bus.revoked", "the partitions were taken away meanwhile");
    bus_parts_hold(k, false); /* a pause is asked for again, for the new partitions */
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
        bus_parts_unassign(k);
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
    bus_parts_hold(k, false);
    bus_wake_ring(&k->wake);
}
