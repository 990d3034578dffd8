#include "normalize/normalize.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bus.h"
#include "common/health.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/metric.h"
#include "normalize/batch.h"
#include "schemas/topics.h"
#include "store/migrate.h"
#include "store/progress.h"

const struct opt normalize_opts[] = {
    OPT_INT("normalize.batch_records", "records", 2000, 1, 100000,
            "Most records of one transaction."),
    OPT_INT("normalize.batch_bytes", "bytes", 16777216, 65536, 1073741824,
            "Most bytes of the records of one transaction."),
    OPT_INT("normalize.batch_wait_ms", "ms", 20, 0, 10000,
            "How long a batch that is not full waits for more records."),
    OPT_INT("normalize.tenants", "tenants", 2000, 1, 100000,
            "Most tenants whose correlation state is kept in memory."),
    OPT_INT("normalize.tenant_bytes", "bytes", 536870912, 1048576, INT64_C(17179869184),
            "Most memory of one tenant's correlation state."),
    OPT_TEXT("correlation.params_file", NULL,
             "File with parameters of the correlator, YAML or JSON; read when a worker starts. "
             "Without it the built-in default profile holds."),
    OPT_END,
};

enum { PARTS_MAX = 4096, CLAIM_ARENA = 4 * 1024 * 1024, RETRY_MS = 500 };

/*
 * Two batches: one gathers while the other works. `turn` counts assignments; an answer that belongs
 * to an earlier one is dropped. After any failure everything in memory is dropped and the
 * partitions are claimed anew: the store alone says where to go on.
 */
struct worker {
    struct loop *loop;
    const struct conf *conf;
    struct bus_consumer *consumer;
    struct health *health;
    struct batch_env env;
    struct batch *gather, *work;
    struct topic_name topic;
    char name[96];
    struct arena *claim;
    struct batch_part parts[PARTS_MAX], later[PARTS_MAX];
    size_t n_claimed, n_later;
    bool working;        /* work runs */
    bool revoking;       /* partitions are to be given back as soon as it has ended */
    bool assigned;       /* n_parts partitions are ours, claimed or being claimed */
    bool reassigned;     /* the bus took the partitions without waiting and gave others: `later` */
    const char *trouble; /* code of the failure that was told last; NULL: all is well */
    bool claiming, paused, timer_set, retry_set;
    uint64_t turn, claim_turn;
    uv_timer_t timer, retry;
    struct loop_hook hook;
    struct err fatal;
};

static void claim(struct worker *w);
static void start_work(struct worker *w);

/* ---- batches */

static void
forget(struct worker *w)
{
    batch_clear(w->gather);
    tenants_drop_all(w->env.tenants);
    w->timer_set = false;
    uv_timer_stop(&w->timer);
}

static void
resume(struct worker *w)
{
    if (!w->paused)
        return;
    w->paused = false;
    bus_resume(w->consumer);
}

static void
take_parts(struct worker *w, const struct batch_part *parts, size_t n)
{
    w->reassigned = false;
    w->assigned = true;
    w->turn++;
    w->env.n_parts = n;
    memcpy(w->parts, parts, n * sizeof *parts);
    claim(w);
}

static void
give_back(struct worker *w)
{
    w->revoking = w->assigned = false;
    w->env.n_parts = 0;
    w->turn++;
    resume(w);
    forget(w);
    if (w->reassigned) { /* given back for us already */
        take_parts(w, w->later, w->n_later);
        return;
    }
    metric_set(METRIC_weir_normalize_partitions, 0);
    bus_unassign(w->consumer);
}

static void
on_retry(uv_timer_t *t)
{
    struct worker *w = t->data;
    w->retry_set = false;
    if (w->assigned && !w->revoking)
        claim(w);
}

/* A failure that lasts is told once, not once a try. */
static void
tell(struct worker *w, const char *event, struct err e)
{
    bool said = w->trouble != NULL && strcmp(w->trouble, e.code) == 0;
    if (!said && !loop_stopping(w->loop))
        log_err(event, &e);
    w->trouble = e.code;
}

/* Everything from the stored offsets again, a moment later. */
static void
begin_again(struct worker *w)
{
    forget(w);
    resume(w);
    w->turn++;
    if (w->retry_set)
        return;
    w->retry_set = true;
    uv_timer_start(&w->retry, on_retry, RETRY_MS, 0);
}

static void
stop_failed(struct worker *w, struct err e)
{
    log_err("normalize.stop", &e);
    w->fatal = e;
    loop_stop(w->loop, CLI_FAILED);
}

static void
on_done(void *arg, struct err e)
{
    struct worker *w = arg;
    w->working = false;
    if (w->revoking) {
        give_back(w);
        return;
    }
    if (e.kind == ERR_STOP) {
        stop_failed(w, e);
        return;
    }
    if (e.kind) {
        tell(w, "normalize.again", e);
        begin_again(w);
        return;
    }
    w->trouble = NULL;
    if (batch_count(w->gather) > 0)
        start_work(w);
    resume(w);
}

static void
start_work(struct worker *w)
{
    struct batch *ready = w->gather;
    w->gather = w->work;
    w->work = ready;
    w->working = true;
    w->timer_set = false;
    uv_timer_stop(&w->timer);
    batch_run(w->work, on_done, w);
}

static void
on_timer(uv_timer_t *t)
{
    struct worker *w = t->data;
    w->timer_set = false;
    if (!w->working && batch_count(w->gather) > 0)
        start_work(w);
}

static struct batch_part *
part_find(struct worker *w, int32_t partition)
{
    for (size_t i = 0; i < w->env.n_parts; i++)
        if (w->parts[i].partition == partition)
            return &w->parts[i];
    return NULL;
}

static void
on_record(void *arg, const struct bus_record *r)
{
    struct worker *w = arg;
    bool full = false;
    const struct batch_part *p = part_find(w, r->partition);
    if (p == NULL || w->revoking || w->claiming || w->retry_set || r->offset < p->next_offset)
        return; /* of an earlier assignment, or stored before */
    struct err e = batch_add(w->gather, r, &full);
    if (e.kind) {
        stop_failed(w, e);
        return;
    }
    if (full && !w->working) {
        start_work(w);
    } else if (full && !w->paused) {
        w->paused = true;
        bus_pause(w->consumer);
    } else if (!w->timer_set && !w->working) {
        w->timer_set = true;
        uv_timer_start(&w->timer, on_timer, (uint64_t)conf_int(w->conf, "normalize.batch_wait_ms"),
                       0);
    }
}

/* ---- partitions */

static void
on_claimed(void *arg, const struct db_rows *rows, struct err e)
{
    struct worker *w = arg;
    if (e.kind || db_count(rows) != 1 || w->claim_turn != w->turn)
        return;
    struct progress_claimed c;
    progress_claimed_row(rows, 0, &c);
    struct batch_part *p = &w->parts[w->n_claimed++];
    p->epoch = c.epoch;
    p->next_offset = c.next_offset;
}

static struct err
assign(struct worker *w)
{
    struct bus_part *from = calloc(w->env.n_parts + 1, sizeof *from);
    if (from == NULL)
        return err_make(ERR_STOP, "normalize.memory", "out of memory");
    for (size_t i = 0; i < w->env.n_parts; i++) {
        int64_t next = w->parts[i].next_offset;
        from[i] = (struct bus_part){w->topic.s, w->parts[i].partition,
                                    next == PROGRESS_BEGINNING ? BUS_BEGINNING : next};
    }
    struct err e = bus_assign(w->consumer, from, w->env.n_parts);
    free(from);
    return e;
}

static void
on_all_claimed(void *arg, struct err e)
{
    struct worker *w = arg;
    w->claiming = false;
    if (w->revoking) {
        give_back(w);
        return;
    }
    if (w->claim_turn != w->turn) { /* begun again meanwhile */
        if (w->assigned && !w->retry_set)
            claim(w);
        return;
    }
    if (e.kind == ERR_NONE)
        e = assign(w);
    if (e.kind == ERR_STOP) {
        stop_failed(w, e);
    } else if (e.kind && strcmp(e.code, "bus.revoked") == 0) {
        w->assigned = false; /* others are given soon; claiming these again would only disturb */
        w->env.n_parts = 0;
    } else if (e.kind) {
        tell(w, "normalize.claim", e);
        begin_again(w);
    } else {
        metric_set(METRIC_weir_normalize_partitions, (int64_t)w->env.n_parts);
        log_info("normalize.assigned", LOG_INT("partitions", (int64_t)w->env.n_parts));
    }
}

/* Raises the epoch of each partition and learns where to go on (design.md 5, promise 2). */
static void
claim(struct worker *w)
{
    if (w->claiming)
        return;
    w->claiming = true;
    w->claim_turn = w->turn;
    w->n_claimed = 0;
    arena_reset(w->claim);
    for (size_t i = 0; i < w->env.n_parts; i++)
        progress_claim(w->env.db, w->claim, slice_of(w->env.consumer), slice_of(w->topic.s),
                       w->parts[i].partition, slice_of(w->name), (struct db_answer){on_claimed, w});
    db_sync(w->env.db, on_all_claimed, w);
}

static void
on_assigned(void *arg, const struct bus_part *parts, size_t n)
{
    struct worker *w = arg;
    assert(n <= PARTS_MAX);
    for (size_t i = 0; i < n; i++)
        w->later[i] = (struct batch_part){.partition = parts[i].partition};
    w->n_later = n;
    if (w->working || w->claiming)
        w->reassigned = w->revoking = true; /* when that has ended */
    else
        take_parts(w, w->later, n);
}

static void
on_revoked(void *arg, bool lost)
{
    struct worker *w = arg;
    (void)lost; /* the epoch fences us all the same */
    w->revoking = true;
    w->reassigned = false;
    if (!w->working && !w->claiming)
        give_back(w);
}

static void
on_trouble(void *arg, struct err e)
{
    struct worker *w = arg;
    if (e.kind == ERR_STOP) /* an offset that is gone: never go on silently (libraries.md 4.4) */
        stop_failed(w, e);
    else
        health_set(w->health, "kafka", e.kind == ERR_NONE, "no broker answers");
}

static void
on_caught_up(void *arg)
{
    struct worker *w = arg;
    health_set(w->health, "kafka", true, NULL);
}

static void
on_db_up(void *arg)
{
    struct worker *w = arg;
    health_set(w->health, "database", true, NULL);
    migrate_require(w->env.db, w->loop);
}

static void
on_db_down(void *arg, struct err e)
{
    struct worker *w = arg;
    (void)e;
    health_set(w->health, "database", false, "the region's database does not answer");
}

/* ---- start and stop */

static void
on_consumer_closed(void *arg)
{
    struct worker *w = arg;
    uv_close((uv_handle_t *)&w->timer, NULL);
    uv_close((uv_handle_t *)&w->retry, NULL);
    if (w->env.db != NULL) /* the start failed before */
        db_close(w->env.db, NULL, NULL);
    health_close(w->health);
}

static void
on_stop(struct loop_hook *hook)
{
    struct worker *w = hook->data;
    if (w->consumer != NULL)
        bus_consumer_close(w->consumer, on_consumer_closed, w);
    else
        on_consumer_closed(w);
}

static struct err
open_memory(struct worker *w)
{
    w->env.records_max = (size_t)conf_int(w->conf, "normalize.batch_records");
    w->env.bytes_max = (size_t)conf_int(w->conf, "normalize.batch_bytes");
    w->env.parts = w->parts;
    w->env.topic = w->topic.s;
    w->env.consumer = "normalize";
    struct err e = codec_new(&w->env.codec);
    if (e.kind == ERR_NONE)
        e = seal_new(w->conf, &w->env.seal);
    if (e.kind)
        return e;
    struct params params;
    e = params_configured(w->conf, &params);
    if (e.kind)
        return e;
    w->env.tenants = tenants_new(w->env.seal, w->conf, &params);
    w->gather = batch_new(&w->env);
    w->work = batch_new(&w->env);
    w->claim = arena_new(CLAIM_ARENA);
    if (w->env.tenants == NULL || w->gather == NULL || w->work == NULL || w->claim == NULL)
        return err_make(ERR_STOP, "normalize.memory", "out of memory");
    return ERR_OK;
}

static struct err
open_parts(struct worker *w, const char *region)
{
    const struct db_events events = {.arg = w, .up = on_db_up, .down = on_db_down};
    const struct bus_listener listener = {.arg = w,
                                          .assigned = on_assigned,
                                          .revoked = on_revoked,
                                          .record = on_record,
                                          .caught_up = on_caught_up,
                                          .trouble = on_trouble};
    struct topic_name group = topic_group_normalize(w->conf, region);
    const char *const topics[] = {w->topic.s, NULL};
    struct err e = health_start(w->loop, w->conf, w->name, &w->health);
    if (e.kind)
        return e;
    health_set(w->health, "kafka", false, "not connected yet");
    health_set(w->health, "database", false, "not connected yet");
    e = db_open_region(w->loop, w->conf, region, w->name, &events, &w->env.db);
    if (e.kind == ERR_NONE)
        e = bus_consumer_open(w->loop, w->conf, group.s, topics, &listener, &w->consumer);
    return e;
}

static void
close_memory(struct worker *w)
{
    batch_free(w->gather);
    batch_free(w->work);
    tenants_free(w->env.tenants);
    codec_free(w->env.codec);
    seal_free(w->env.seal);
    arena_free(w->claim);
    loop_free(w->loop);
    free(w);
}

static int
run_normalize(struct cli *cli)
{
    const char *region = cli_flag(cli, "region");
    struct worker *w = calloc(1, sizeof *w);
    if (w == NULL)
        return cli_fail(cli, err_make(ERR_STOP, "normalize.memory", "out of memory"));
    w->conf = cli_conf(cli);
    w->topic = topic_alerts(w->conf, region);
    (void)snprintf(w->name, sizeof w->name, "normalize-%s-%d", region, (int)getpid());
    struct err e = loop_new(true, &w->loop);
    if (e.kind) {
        free(w);
        return cli_fail(cli, e);
    }
    uv_timer_init(loop_uv(w->loop), &w->timer);
    uv_timer_init(loop_uv(w->loop), &w->retry);
    w->timer.data = w->retry.data = w;
    w->hook = (struct loop_hook){.stop = on_stop, .data = w};
    loop_on_stop(w->loop, &w->hook);
    e = open_memory(w);
    if (e.kind == ERR_NONE)
        e = open_parts(w, region);
    int code = 0;
    if (e.kind) {
        code = cli_fail(cli, e);
        loop_stop(w->loop, code);
    }
    int ended = loop_run(w->loop);
    close_memory(w);
    return code != 0 ? code : ended;
}

static const struct cli_flag run_normalize_flags[] = {
    {"region", "REGION", "the region whose tenants are served", true},
    {NULL, NULL, NULL, false},
};

const struct cli_command run_normalize_command = {
    .noun = "run",
    .verb = "normalize",
    .summary = "map, correlate and store the raw alerts of a region",
    .example = "weir run normalize --region eu",
    .flags = run_normalize_flags,
    .run = run_normalize,
};
