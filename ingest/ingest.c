#include "ingest/ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/metric.h"
#include "common/process.h"
#include "ingest/answers.h"
#include "ingest/feed.h"
#include "ingest/hook.h"
#include "ingest/leftover.h"
#include "ingest/listen.h"
#include "ingest/members.h"
#include "ingest/out.h"
#include "ingest/poll.h"
#include "store/migrate.h"

const struct opt ingest_opts[] = {
    OPT_INT("ingest.poll_s", "s", 60, 1, 3600, "How often a source is asked for new alerts."),
    OPT_INT("ingest.refused_wait_s", "s", 300, 1, 300,
            "How long a source that refused a secret or permission is left alone, until somebody "
            "may have repaired it."),
    OPT_INT("ingest.backfill_days", "days", 30, 0, 36500,
            "How far back the first request of a new tenant reaches."),
    OPT_INT("ingest.concurrency", "requests", 4, 1, 64,
            "How many requests for one tenant may be under way at once, where its source allows."),
    OPT_INT("ingest.answers_max_bytes", "bytes", 64 << 20, 4 << 20, INT64_C(1) << 36,
            "Memory for answers of sources, of all tenants of a worker together; a single large "
            "one may come on top. Requests wait for their turn."),
    OPT_INT("ingest.quota_percent", "percent", 0, 0, 100,
            "How much of a source's request quota is used; 0: the share that is usual for the "
            "source, which leaves room for other clients."),
    OPT_TEXT("ingest.listen_address", "0.0.0.0",
             "Address on which identity listeners take syslog from sensors."),
    OPT_TEXT("ingest.listen_tls_cert_file", NULL,
             "PEM file with the certificate, and its chain, that identity listeners show to "
             "sensors of tenants with TLS. Read when a listener starts."),
    OPT_TEXT("ingest.listen_tls_key_file", NULL,
             "PEM file with the key of ingest.listen_tls_cert_file."),
    OPT_INT("ingest.listen_handshake_s", "s", 10, 1, 300,
            "How long a sensor's TLS handshake may take."),
    OPT_TEXT("ingest.spool_dir", NULL,
             "Folder in which identity listeners keep lines that Kafka has not confirmed; without "
             "it spool in run.dir. A disk that survives a power cut, not memory."),
    OPT_INT("ingest.spool_max_bytes", "bytes", 268435456, 1048576, 1099511627776,
            "Size of one tenant's spool. When it is full TCP is not read, and UDP is lost."),
    OPT_END,
};

enum { CLOSE_WAIT_MS = 3000, RECORD_ARENA = 1024 * 1024 };

struct worker {
    struct ingest env;
    struct bus_consumer *control;
    struct health *health;
    bool listens; /* alerts come to us; else we ask */
    bool caught_up, db_up;
    struct hook *news; /* listens for notifications; NULL: it is not configured */
    struct members *members;
    struct arena *arena; /* one control record */
    struct loop_hook hook;
};

/* ---- tenants */

static void
count(const struct worker *w)
{
    metric_set(METRIC_weir_ingest_tenants, (int64_t)members_count(w->members), w->env.source->name);
}

static void
on_gone(void *arg, const struct oid *oid)
{
    struct worker *w = arg;
    members_gone(w->members, oid);
    count(w);
}

static void *
on_begin(void *arg, const struct ingest_tenant *tenant)
{
    struct worker *w = arg;
    void *work = w->listens ? (void *)listen_start(&w->env, tenant, on_gone, w)
                            : (void *)poll_start(&w->env, tenant, on_gone, w);
    if (work != NULL)
        log_info("ingest.on", LOG_STR("source", w->env.source->name), LOG_OID(&tenant->oid));
    return work;
}

/* A notification: its tenant may be another worker's, who polls as always. */
static void
wake(void *arg, void *work)
{
    const struct slice *directory_id = arg;
    (void)poll_wake(work, *directory_id);
}

static void
on_wake(void *arg, struct slice directory_id)
{
    struct worker *w = arg;
    if (!w->listens)
        members_each(w->members, wake, &directory_id);
}

static void
on_end(void *arg, const struct ingest_tenant *tenant, void *work)
{
    struct worker *w = arg;
    if (w->listens)
        listen_close(work);
    else
        poll_close(work);
    log_info("ingest.off", LOG_STR("source", w->env.source->name), LOG_OID(&tenant->oid));
}

/* What a tenant's sensors sent stays with us only while it is on, or will be again. */
static void
forget(struct worker *w, const struct oid *oid)
{
    if (w->listens)
        feed_forget(&w->env, oid);
}

static bool
is_member(void *arg, const struct oid *oid)
{
    const struct worker *w = arg;
    return members_has(w->members, oid);
}

static void
on_record(void *arg, const struct bus_record *k)
{
    struct worker *w = arg;
    struct tenant_record r;
    struct oid oid;
    if (!oid_from(k->key, &oid))
        return;
    if (k->value.p == NULL) { /* a tombstone: purged for good */
        on_gone(w, &oid);
        forget(w, &oid);
        return;
    }
    arena_reset(w->arena);
    struct err e = codec_tenant_read(w->env.codec, k->value, w->arena, &r);
    if (e.kind == ERR_NONE)
        e = members_tell(w->members, &r);
    if (e.kind)
        log_err("ingest.control", &e, LOG_OID(&oid));
    else if (!members_keeps(w->members, &r))
        forget(w, &oid);
    count(w);
}

/* ---- Kafka and PostgreSQL come and go */

static void
on_assigned(void *arg, const struct bus_part *parts, size_t n)
{
    struct worker *w = arg;
    struct bus_part *from = calloc(n > 0 ? n : 1, sizeof *from);
    struct err e = from == NULL ? err_make(ERR_STOP, "ingest.memory", "out of memory") : ERR_OK;
    for (size_t i = 0; from != NULL && i < n; i++) {
        from[i] = parts[i];
        from[i].offset = BUS_BEGINNING; /* compacted: all that is on (design.md 5) */
    }
    if (e.kind == ERR_NONE)
        e = bus_assign(w->control, from, n);
    free(from);
    log_info("ingest.assigned", LOG_STR("source", w->env.source->name),
             LOG_INT("partitions", (int64_t)n));
    if (e.kind) {
        log_err("ingest.assign", &e);
        loop_stop(w->env.loop, CLI_FAILED);
    }
}

static void
on_revoked(void *arg, bool lost)
{
    struct worker *w = arg;
    (void)lost;
    members_clear(w->members);
    count(w);
    bus_unassign(w->control);
}

/* Needs both: who is on, and who is there at all. */
static void
sweep(struct worker *w)
{
    if (w->listens && w->caught_up && w->db_up)
        leftover_sweep(&w->env, is_member, w);
}

static void
on_caught_up(void *arg)
{
    struct worker *w = arg;
    health_set(w->health, "kafka", true, NULL);
    w->caught_up = true;
    sweep(w);
}

static void
on_trouble(void *arg, struct err e)
{
    struct worker *w = arg;
    if (e.kind == ERR_STOP) {
        log_err("ingest.kafka", &e);
        loop_stop(w->env.loop, CLI_FAILED);
    } else {
        health_set(w->health, "kafka", e.kind == ERR_NONE, "no broker answers");
    }
}

static void
on_db_up(void *arg)
{
    struct worker *w = arg;
    health_set(w->health, "database", true, NULL);
    migrate_require(w->env.db, w->env.loop);
    w->db_up = true;
    sweep(w);
}

static void
on_db_down(void *arg, struct err e)
{
    struct worker *w = arg;
    (void)e;
    w->db_up = false;
    health_set(w->health, "database", false, "the region's database does not answer");
}

/* ---- start and stop */

static void
on_producer_closed(void *arg)
{
    struct worker *w = arg;
    if (w->env.db != NULL) /* NULL: it could not be opened, which is why we end */
        db_close(w->env.db, NULL, NULL);
    if (w->env.fetch != NULL)
        fetch_close(w->env.fetch, NULL, NULL);
    health_close(w->health);
}

static void
on_control_closed(void *arg)
{
    struct worker *w = arg;
    bus_producer_close(w->env.producer, CLOSE_WAIT_MS, on_producer_closed, w);
}

static void
on_stop(struct loop_hook *hook)
{
    struct worker *w = hook->data;
    members_clear(w->members);
    hook_close(w->news);
    if (w->control != NULL)
        bus_consumer_close(w->control, on_control_closed, w);
    else
        on_control_closed(w);
}

static struct err
open_parts(struct worker *w, const char *region)
{
    struct ingest *env = &w->env;
    char name[128];
    /* several may work on one host */
    (void)snprintf(name, sizeof name, "ingest-%s%s-%.60s-%ld", env->source->name,
                   w->listens && !env->source->listens ? "-listen" : "", region, (long)getpid());
    env->topic = topic_alerts(env->conf, region);
    const struct db_events events = {.arg = w, .up = on_db_up, .down = on_db_down};
    struct err e = codec_new(&env->codec);
    if (e.kind == ERR_NONE)
        e = seal_new(env->conf, &env->seal);
    if (e.kind == ERR_NONE)
        e = health_start(env->loop, env->conf, name, &w->health);
    if (e.kind)
        return e;
    health_set(w->health, "kafka", false, "not connected yet");
    health_set(w->health, "database", false, "not connected yet");
    e = db_open_region(env->loop, env->conf, region, name, &events, &env->db);
    if (e.kind == ERR_NONE)
        e = fetch_open(env->loop, env->conf, &env->fetch);
    if (e.kind == ERR_NONE)
        e = bus_producer_open(env->loop, env->conf, &env->producer);
    if (e.kind == ERR_NONE && env->source->hook != NULL)
        e = hook_start(env->loop, env->conf, env->source->hook, on_wake, w, &w->news);
    if (e.kind)
        return e;
    env->answers = answers_new((size_t)conf_int(env->conf, "ingest.answers_max_bytes"));
    env->shared = out_shared_new(env->producer);
    env->listen = w->listens ? listen_shared_new() : NULL;
    bool whole = env->shared != NULL && (env->listen != NULL || !w->listens);
    return whole ? ERR_OK : err_make(ERR_STOP, "ingest.memory", "out of memory");
}

/* Workers of a source share the tenants in a group; a listener stands where sensors send to and
 * reads all of the topic, alone. */
static struct err
follow_control(struct worker *w, const char *region)
{
    struct topic_name topic = topic_control(w->env.conf, region);
    struct topic_name group = topic_group_ingest(w->env.conf, region, w->env.source->name);
    const char *const topics[] = {topic.s, NULL};
    const struct bus_listener listener = {.arg = w,
                                          .assigned = on_assigned,
                                          .revoked = on_revoked,
                                          .record = on_record,
                                          .caught_up = on_caught_up,
                                          .trouble = on_trouble};
    return bus_consumer_open(w->env.loop, w->env.conf, w->listens ? NULL : group.s, topics,
                             &listener, &w->control);
}

/* Which source, and whether it is asked or listened to. */
static struct err
read_flags(struct cli *cli, struct worker *w)
{
    const char *name = cli_flag(cli, "source");
    bool listen = cli_flag(cli, "listen") != NULL;
    const struct source *s = source_by_name(slice_of(name));
    if (s == NULL)
        return err_make(ERR_STOP, "usage.source",
                        "no such source: %s; there are endpoint, mail, apps and identity", name);
    if (listen && !s->listens && !s->may_listen)
        return err_make(ERR_STOP, "usage.listen", "alerts of %s never come to us, they are asked",
                        name);
    w->env.source = s;
    w->listens = listen || s->listens;
    return ERR_OK;
}

static int
run_ingest(struct cli *cli)
{
    struct worker w = {.env.conf = cli_conf(cli)};
    const char *region = cli_flag(cli, "region");
    struct err e = read_flags(cli, &w);
    if (e.kind)
        return cli_fail(cli, e);
    process_keep_memory();
    const struct members_owner owner = {.arg = &w, .begin = on_begin, .end = on_end};
    w.members = members_new(w.env.source, &owner);
    w.arena = arena_new(RECORD_ARENA);
    if (w.arena == NULL || w.members == NULL)
        return cli_fail(cli, err_make(ERR_STOP, "ingest.memory", "out of memory"));
    e = loop_new(true, &w.env.loop);
    if (e.kind)
        return cli_fail(cli, e);
    w.hook = (struct loop_hook){.stop = on_stop, .data = &w};
    loop_on_stop(w.env.loop, &w.hook);
    e = open_parts(&w, region);
    if (e.kind == ERR_NONE)
        e = follow_control(&w, region);
    int code = 0;
    if (e.kind) {
        code = cli_fail(cli, e);
        loop_stop(w.env.loop, code);
    }
    int ended = loop_run(w.env.loop);
    loop_free(w.env.loop);
    out_shared_free(w.env.shared);
    answers_free(w.env.answers);
    listen_shared_free(w.env.listen);
    codec_free(w.env.codec);
    seal_free(w.env.seal);
    arena_free(w.arena);
    members_free(w.members);
    return code != 0 ? code : ended;
}

static const struct cli_flag run_ingest_flags[] = {
    {"source", "SOURCE", "endpoint, mail, apps or identity", true},
    {"region", "REGION", "the region whose tenants are served", true},
    {"listen", NULL, "apps: take the lines of SIEM agents instead of asking", false},
    {NULL, NULL, NULL, false},
};

const struct cli_command run_ingest_command = {
    .noun = "run",
    .verb = "ingest",
    .summary = "ask or listen to one source for every tenant that is on",
    .example = "weir run ingest --source endpoint --region eu",
    .flags = run_ingest_flags,
    .run = run_ingest,
};
