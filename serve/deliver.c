/*
 * deliver.c: events that normalize wrote, to weir.R.incidents, at least once and in order.
 *
 * One partition at a time: take its lock, read, send, wait until Kafka has confirmed every record,
 * delete, give the lock back. So a death anywhere repeats events (with the same ce_id) and loses
 * none, and two workers never send the same partition at once. Workers that live share the
 * partitions by their rank; the lock decides while they disagree. Ref: design.md 5, promise 5.
 */
#include "serve/deliver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/health.h"
#include "common/log.h"
#include "common/metric.h"
#include "schemas/topics.h"
#include "serve/event.h"
#include "store/migrate.h"
#include "store/progress.h"

const struct opt deliver_opts[] = {
    OPT_INT("deliver.batch_events", "events", 500, 1, 10000,
            "Most events that are sent before they are deleted together."),
    OPT_INT("deliver.poll_ms", "ms", 2000, 100, 60000,
            "How often events are looked for when no notice of them came."),
    OPT_END,
};

enum { ARENA_LIMIT = 64 * 1024 * 1024, ALIVE_S = 10, PARTITIONS_MAX = 4096, CLOSE_WAIT_MS = 2000 };

struct deliverer {
    struct loop *loop;
    const struct conf *conf;
    const char *region;
    struct topic_name topic;
    char name[96];
    struct db *db;
    struct bus_producer *producer;
    struct codec *codec;
    struct health *health;
    struct arena *arena; /* of the step under way */
    uv_timer_t timer;
    struct loop_hook hook;
    int32_t partitions[PARTITIONS_MAX]; /* that hold events and are ours */
    size_t n_partitions, at;
    int64_t rank, alive; /* among the living workers of this role; alive 0: not known yet */
    int64_t seen_rank, seen_alive;
    bool busy;  /* a round runs */
    bool again; /* a notice came meanwhile */
    bool locked, closing;
    size_t waiting; /* records not yet confirmed */
    size_t read;    /* events of the batch at hand */
    int64_t upto;   /* the last seq that was sent */
    struct err failed;
};

static void partition_begin(struct deliverer *d);
static void round_begin(struct deliverer *d);

/* ---- the end of a round */

static void
round_end(struct deliverer *d)
{
    d->busy = false;
    if (d->again && !d->closing) {
        d->again = false;
        round_begin(d);
    }
}

static void
note(struct deliverer *d, struct err e)
{
    if (d->failed.kind == ERR_NONE)
        d->failed = e;
}

static void
on_unlocked(void *arg, struct err e)
{
    struct deliverer *d = arg;
    if (d->failed.kind || e.kind) { /* everything that was not deleted is found again */
        struct err why = d->failed.kind ? d->failed : e;
        if (strcmp(why.code, "db.connect") != 0 && strcmp(why.code, "db.closed") != 0)
            log_err("deliver.again", &why);
        round_end(d);
        return;
    }
    if (d->read < (size_t)conf_int(d->conf, "deliver.batch_events"))
        d->at++; /* it is empty now; else its next events follow */
    partition_begin(d);
}

static void
unlock(struct deliverer *d)
{
    if (d->locked)
        events_unlock(d->db, d->arena, d->partitions[d->at], DB_UNTOLD);
    d->locked = false;
    db_sync(d->db, on_unlocked, d);
}

static void
on_deleted(void *arg, struct err e)
{
    struct deliverer *d = arg;
    note(d, e);
    unlock(d);
}

static void
all_confirmed(struct deliverer *d)
{
    if (d->failed.kind || d->read == 0) {
        unlock(d);
        return;
    }
    events_delete(d->db, d->arena, d->partitions[d->at], d->upto, DB_UNTOLD);
    db_sync(d->db, on_deleted, d);
}

static void
on_confirmed(void *arg, struct err e)
{
    struct deliverer *d = arg;
    note(d, e);
    health_set(d->health, "kafka", e.kind == ERR_NONE, "Kafka did not confirm an event");
    if (e.kind == ERR_STOP) { /* the producer is of no use any more: a new process has a new one */
        log_err("deliver.kafka", &e);
        loop_stop(d->loop, CLI_FAILED);
    }
    if (--d->waiting == 0)
        all_confirmed(d);
}

/* ---- one partition */

static const char *
static_kind(struct slice kind)
{
    static const char *const kinds[] = {"created", "updated",  "merged",
                                        "closed",  "reopened", "split"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (slice_eq(kind, slice_of(kinds[i])))
            return kinds[i];
    return "other";
}

static void
on_events(void *arg, const struct db_rows *rows, struct err e)
{
    struct deliverer *d = arg;
    note(d, e);
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++) {
        struct events_row row;
        struct bus_record r;
        events_read_row(rows, i, &row);
        e = event_record(d->codec, &row, d->region, d->topic.s, d->arena, &r);
        if (e.kind == ERR_NONE)
            e = bus_produce(d->producer, &r, on_confirmed, d);
        if (e.kind) {
            /* no room: what was sent so far is a batch of its own */
            if (d->read == 0)
                note(d, e);
            break;
        }
        metric_add(METRIC_weir_deliver_events_total, 1, static_kind(row.kind));
        d->waiting++;
        d->read++;
        d->upto = row.seq;
    }
}

static void
on_read(void *arg, struct err e)
{
    struct deliverer *d = arg;
    note(d, e);
    if (d->waiting == 0)
        all_confirmed(d);
}

static void
on_lock(void *arg, const struct db_rows *rows, struct err e)
{
    struct deliverer *d = arg;
    if (e.kind == ERR_NONE && db_count(rows) == 1)
        d->locked = db_get_i64(rows, 0, 0) != 0;
}

static void
on_locked(void *arg, struct err e)
{
    struct deliverer *d = arg;
    note(d, e);
    if (d->failed.kind || !d->locked) { /* another worker is at it */
        unlock(d);
        return;
    }
    events_read(d->db, d->arena, d->partitions[d->at], INT64_MIN,
                conf_int(d->conf, "deliver.batch_events"), (struct db_answer){on_events, d});
    db_sync(d->db, on_read, d);
}

static void
partition_begin(struct deliverer *d)
{
    if (d->at >= d->n_partitions || d->closing) {
        round_end(d);
        return;
    }
    arena_reset(d->arena);
    d->failed = ERR_OK;
    d->locked = false;
    d->read = d->waiting = 0;
    events_lock(d->db, d->arena, d->partitions[d->at], (struct db_answer){on_lock, d});
    db_sync(d->db, on_locked, d);
}

/* ---- a round: who lives, which partitions are ours, one after the other */

static void
on_alive(void *arg, const struct db_rows *rows, struct err e)
{
    struct deliverer *d = arg;
    d->seen_rank = -1;
    d->seen_alive = 0;
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++) {
        struct progress_worker w;
        progress_worker_row(rows, i, &w); /* sorted by name: every worker counts alike */
        if (!slice_eq(w.role, SLICE("deliver")))
            continue;
        if (slice_eq(w.name, slice_of(d->name)))
            d->seen_rank = d->seen_alive;
        d->seen_alive++;
    }
}

static void
on_partitions(void *arg, const struct db_rows *rows, struct err e)
{
    struct deliverer *d = arg;
    if (d->seen_rank >= 0) {
        d->rank = d->seen_rank;
        d->alive = d->seen_alive;
    }
    d->n_partitions = d->at = 0;
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++) {
        int64_t p = db_get_i64(rows, i, 0);
        if (d->alive > 0 && p % d->alive == d->rank && d->n_partitions < PARTITIONS_MAX)
            d->partitions[d->n_partitions++] = (int32_t)p;
    }
}

static void
on_round(void *arg, struct err e)
{
    struct deliverer *d = arg;
    if (e.kind)
        round_end(d);
    else
        partition_begin(d);
}

static void
round_begin(struct deliverer *d)
{
    if (d->busy || d->closing || !db_is_up(d->db)) {
        d->again = d->busy;
        return;
    }
    d->busy = true;
    int64_t now = clock_now();
    const struct progress_worker me = {
        .name = slice_of(d->name), .role = SLICE("deliver"), .claims = SLICE(""), .seen = now};
    arena_reset(d->arena);
    progress_beat(d->db, d->arena, &me, DB_UNTOLD);
    progress_alive(d->db, d->arena, now - ALIVE_S * CLOCK_SECOND, (struct db_answer){on_alive, d});
    events_partitions(d->db, d->arena, (struct db_answer){on_partitions, d});
    db_sync(d->db, on_round, d);
}

/* ---- the world */

static void
on_timer(uv_timer_t *t)
{
    round_begin(t->data);
}

static void
on_notified(void *arg, const char *channel, const char *payload)
{
    (void)channel;
    (void)payload;
    round_begin(arg);
}

static void
on_up(void *arg)
{
    struct deliverer *d = arg;
    health_set(d->health, "database", true, NULL);
    migrate_require(d->db, d->loop);
    round_begin(d);
}

static void
on_down(void *arg, struct err e)
{
    struct deliverer *d = arg;
    (void)e;
    d->alive = 0; /* the lock went with the session; who lives is asked anew */
    health_set(d->health, "database", false, "the region's database does not answer");
}

static void
on_producer_closed(void *arg)
{
    struct deliverer *d = arg;
    if (d->db != NULL)
        db_close(d->db, NULL, NULL);
    health_close(d->health);
}

static void
on_stop(struct loop_hook *hook)
{
    struct deliverer *d = hook->data;
    d->closing = true;
    uv_close((uv_handle_t *)&d->timer, NULL);
    bus_producer_close(d->producer, CLOSE_WAIT_MS, on_producer_closed, d);
}

static struct err
open_parts(struct deliverer *d)
{
    const struct db_events events = {
        .arg = d, .up = on_up, .down = on_down, .notified = on_notified};
    struct err e = codec_new(&d->codec);
    if (e.kind == ERR_NONE)
        e = health_start(d->loop, d->conf, d->name, &d->health);
    if (e.kind)
        return e;
    health_set(d->health, "database", false, "not connected yet");
    e = db_open_region(d->loop, d->conf, d->region, d->name, &events, &d->db);
    if (e.kind)
        return e;
    db_listen(d->db, EVENTS_CHANNEL);
    e = bus_producer_open(d->loop, d->conf, &d->producer);
    int64_t poll_ms = conf_int(d->conf, "deliver.poll_ms");
    if (e.kind == ERR_NONE)
        uv_timer_start(&d->timer, on_timer, 0, (uint64_t)poll_ms);
    return e;
}

static int
run_loop(struct cli *cli, struct deliverer *d)
{
    struct err e = loop_new(true, &d->loop);
    if (e.kind)
        return cli_fail(cli, e);
    uv_timer_init(loop_uv(d->loop), &d->timer);
    d->timer.data = d;
    d->hook = (struct loop_hook){.stop = on_stop, .data = d};
    loop_on_stop(d->loop, &d->hook);
    e = open_parts(d);
    int code = 0;
    if (e.kind) {
        code = cli_fail(cli, e);
        loop_stop(d->loop, code);
    }
    int ended = loop_run(d->loop);
    loop_free(d->loop);
    return code != 0 ? code : ended;
}

static int
run_deliver(struct cli *cli)
{
    struct deliverer *d = calloc(1, sizeof *d);
    struct arena *a = arena_new(ARENA_LIMIT);
    if (d == NULL || a == NULL) {
        free(d);
        arena_free(a);
        return cli_fail(cli, err_make(ERR_STOP, "deliver.memory", "out of memory"));
    }
    d->arena = a;
    d->conf = cli_conf(cli);
    d->region = cli_flag(cli, "region");
    d->topic = topic_incidents(d->conf, d->region);
    (void)snprintf(d->name, sizeof d->name, "deliver-%s-%d", d->region, (int)getpid());
    int code = run_loop(cli, d);
    codec_free(d->codec);
    arena_free(a);
    free(d);
    return code;
}

static const struct cli_flag run_deliver_flags[] = {
    {"region", "REGION", "the region whose events are sent", true},
    {NULL, NULL, NULL, false},
};

const struct cli_command run_deliver_command = {
    .noun = "run",
    .verb = "deliver",
    .summary = "send incident events to Kafka",
    .example = "weir run deliver --region eu",
    .flags = run_deliver_flags,
    .run = run_deliver,
};
