#include "ingest/feed.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/plant.h"
#include "ingest/out.h"
#include "ingest/poll.h"
#include "ingest/spool.h"

enum {
    PATH_BYTES = 4096,
    RECORD_ARENA = 4 * 1024 * 1024,
    BATCH = 256, /* records under way before their confirmations are waited for */
    STOP_BATCH = 4096,
    BEHIND_BYTES = 1024 * 1024, /* taken and not synced: then the disk is waited for */
    VERSION_BYTES = 8,          /* what stands before the native id in what is sealed: version, */
    HEAD_BYTES = 10,            /* and length of the native id; big-endian */
};

struct feed {
    const struct ingest *env;
    struct ingest_tenant tenant;
    struct feed_owner owner;
    struct spool *spool; /* NULL: not open */
    struct out *out;
    struct arena *arena; /* one record */
    uv_timer_t retry;
    uv_fs_t sync; /* of the file, then of the folder */
    int sync_file, sync_dir;
    unsigned tries;
    const char *told; /* code of the trouble that was logged; NULL: none */
    int64_t most_bytes;
    int64_t counted; /* bytes of the spool that the metric has */
    bool syncing, timer_open;
    bool kafka_full;             /* on_room will come */
    bool pump_waits, sync_waits; /* for the timer: after an error */
    bool one_by_one;             /* Kafka refused one of a batch for good: which? */
    bool refused, told_full;     /* feed_take has said ERR_RETRY; and why */
    bool closing;
};

static void pump(struct feed *f);
static void sync_start(struct feed *f);

/* ---- trouble, told once */

static void
tell(struct feed *f, struct err e)
{
    if (f->told == NULL || strcmp(f->told, e.code) != 0)
        log_err("ingest.spool", &e, LOG_STR("source", f->env->source->name),
                LOG_OID(&f->tenant.oid));
    f->told = e.code;
}

static void
count_bytes(struct feed *f)
{
    int64_t now = f->spool != NULL ? spool_bytes(f->spool) : 0;
    metric_add(METRIC_weir_ingest_spool_bytes, now - f->counted, f->env->source->name);
    f->counted = now;
}

static void
give_room(struct feed *f)
{
    if (!f->refused || f->closing)
        return;
    f->refused = false;
    f->owner.room(f->owner.arg);
}

static void
on_retry(uv_timer_t *t)
{
    struct feed *f = t->data;
    if (f->closing)
        return;
    f->pump_waits = f->sync_waits = false;
    sync_start(f);
    pump(f);
    give_room(f);
}

static void
later(struct feed *f, struct err e)
{
    tell(f, e);
    f->tries++;
    uv_timer_start(&f->retry, on_retry, (uint64_t)poll_backoff(f->tries < 5 ? f->tries : 5, 0), 0);
}

/* ---- sync, on libuv's threads */

static void
sync_done(struct feed *f, bool good, int error)
{
    close(f->sync_file);
    if (f->sync_dir >= 0)
        close(f->sync_dir);
    f->syncing = false;
    if (f->spool != NULL)
        spool_sync_end(f->spool, good);
    if (f->closing)
        return;
    if (!good) {
        /* what the disk has dropped is still on its way to Kafka: only a crash now loses it */
        f->sync_waits = true;
        later(f, err_make(ERR_RETRY, "spool.sync", "the spool cannot be synced: %s",
                          uv_strerror(error)));
        return;
    }
    f->owner.synced(f->owner.arg);
    if (f->closing)
        return;
    give_room(f);
    if (!f->closing)
        sync_start(f);
}

static void feed_finish(struct feed *f);

static void
on_folder_synced(uv_fs_t *req)
{
    struct feed *f = req->data;
    int error = (int)req->result;
    uv_fs_req_cleanup(req);
    sync_done(f, error == 0, error);
    feed_finish(f);
}

static void
on_file_synced(uv_fs_t *req)
{
    struct feed *f = req->data;
    int error = (int)req->result;
    uv_fs_req_cleanup(req);
    if (error == 0 && f->sync_dir >= 0) {
        error = uv_fs_fsync(loop_uv(f->env->loop), &f->sync, f->sync_dir, on_folder_synced);
        if (error == 0)
            return;
    }
    sync_done(f, error == 0, error);
    feed_finish(f);
}

static void
sync_start(struct feed *f)
{
    if (f->syncing || f->sync_waits || !spool_sync_begin(f->spool, &f->sync_file, &f->sync_dir))
        return;
    f->syncing = true;
    f->sync.data = f;
    int bad = uv_fs_fdatasync(loop_uv(f->env->loop), &f->sync, f->sync_file, on_file_synced);
    if (bad != 0)
        sync_done(f, false, bad);
}

/* ---- in: what is sealed is a raw alert */

static struct slice
place_of(const struct feed *f, int64_t received, struct arena *a)
{
    return slice_printf(a, "spool|%s|%lld", f->env->topic.s, (long long)received);
}

static struct err
pack(struct feed *f, const struct raw_alert *r, int64_t now, struct slice *sealed)
{
    struct slice place = place_of(f, now, f->arena);
    size_t n = HEAD_BYTES + r->native_id.n + r->payload.n;
    uint64_t version = (uint64_t)r->version;
    char *plain = arena_alloc(f->arena, n);
    if (plain == NULL || place.p == NULL)
        return err_make(ERR_RETRY, "ingest.memory", "no room for a line");
    if (r->native_id.n > UINT16_MAX)
        return err_make(ERR_REJECT, "ingest.too_large", "a native id of %zu bytes", r->native_id.n);
    for (int i = VERSION_BYTES; i-- > 0; version >>= 8)
        plain[i] = (char)(version & 0xff);
    plain[VERSION_BYTES] = (char)(r->native_id.n >> 8);
    plain[VERSION_BYTES + 1] = (char)(r->native_id.n & 0xff);
    memcpy(plain + HEAD_BYTES, r->native_id.p, r->native_id.n);
    memcpy(plain + HEAD_BYTES + r->native_id.n, r->payload.p, r->payload.n);
    return seal_close(f->env->seal, &f->tenant.oid, f->tenant.epoch, SEAL_RAW, place,
                      (struct slice){plain, n}, f->arena, sealed);
}

static struct err
unpack(struct feed *f, const struct spool_record *k, struct raw_alert *out)
{
    struct slice plain, place = place_of(f, k->received, f->arena);
    if (place.p == NULL)
        return err_make(ERR_RETRY, "ingest.memory", "no room for a line");
    if (!oid_eq(&k->oid, &f->tenant.oid) || k->epoch != f->tenant.epoch)
        return err_make(ERR_REJECT, "spool.stranger", "a record of another tenant");
    struct err e =
        seal_open(f->env->seal, &k->oid, k->epoch, SEAL_RAW, place, k->sealed, f->arena, &plain);
    if (e.kind)
        return e;
    const uint8_t *p = (const uint8_t *)plain.p;
    size_t name =
        plain.n < HEAD_BYTES ? SIZE_MAX : (size_t)p[VERSION_BYTES] << 8 | p[VERSION_BYTES + 1];
    uint64_t version = 0;
    if (name > plain.n - HEAD_BYTES)
        return err_make(ERR_REJECT, "spool.bad", "a record that holds no line");
    for (size_t i = 0; i < VERSION_BYTES; i++)
        version = version << 8 | p[i];
    *out = (struct raw_alert){.native_id = slice_sub(plain, HEAD_BYTES, name),
                              .version = (int64_t)version,
                              .payload = slice_sub(plain, HEAD_BYTES + name, plain.n)};
    return ERR_OK;
}

/* What is full or behind goes on when Kafka or the disk has; the rest is tried again. */
static void
refuse(struct feed *f, struct err e)
{
    bool full = strcmp(e.code, "spool.full") == 0;
    f->refused = true;
    if (full && !f->told_full)
        log_err("ingest.spool", &e, LOG_STR("source", f->env->source->name),
                LOG_OID(&f->tenant.oid));
    f->told_full = f->told_full || full;
    if (!full && strcmp(e.code, "spool.behind") != 0)
        later(f, e);
}

struct err
feed_take(struct feed *f, const struct raw_alert *r, int64_t now)
{
    assert(f->spool != NULL);
    struct slice sealed;
    struct err e = ERR_OK;
    arena_reset(f->arena);
    if (spool_appended(f->spool) - spool_synced(f->spool) > BEHIND_BYTES)
        e = err_make(ERR_RETRY, "spool.behind", "the disk is slower than the sensors");
    if (e.kind == ERR_NONE)
        e = pack(f, r, now, &sealed);
    if (e.kind == ERR_NONE)
        e = spool_append(f->spool,
                         &(struct spool_record){f->tenant.oid, f->tenant.epoch, now, sealed});
    if (e.kind == ERR_RETRY)
        refuse(f, e);
    if (e.kind)
        return e;
    count_bytes(f);
    sync_start(f);
    pump(f);
    return ERR_OK;
}

int64_t
feed_mark(const struct feed *f)
{
    return spool_appended(f->spool);
}

bool
feed_safe(const struct feed *f, int64_t mark)
{
    return spool_synced(f->spool) >= mark;
}

/* ---- out */

/* One record on its way. False: no more now. */
static bool
send_next(struct feed *f)
{
    struct spool_record k;
    struct raw_alert r;
    bool have, sent;
    arena_reset(f->arena);
    struct err e = spool_next(f->spool, f->arena, &k, &have);
    if (e.kind) {
        f->pump_waits = true;
        later(f, e);
    }
    if (e.kind || !have)
        return false;
    e = unpack(f, &k, &r);
    if (e.kind == ERR_NONE)
        e = out_send(f->out, &r, k.received, &sent);
    if (e.kind == ERR_NONE)
        return true;
    if (e.kind == ERR_REJECT) { /* never to be sent: a key that is gone, damage */
        tell(f, e);
        metric_add(METRIC_weir_ingest_rejected_total, 1, f->env->source->name, e.code);
        return true;
    }
    spool_back(f->spool);
    f->kafka_full = strcmp(e.code, "bus.full") == 0;
    if (f->kafka_full || out_fatal(f->env, &e))
        return false;
    f->pump_waits = true;
    later(f, e);
    return false;
}

static void
confirm(struct feed *f)
{
    spool_confirm(f->spool);
    count_bytes(f);
    f->tries = 0;
    f->told = NULL;
    /* said again only when it was something like empty in between */
    f->told_full = f->told_full && spool_bytes(f->spool) > f->most_bytes / 2;
}

/* Sends a batch, then waits until all of it is confirmed; what was known to be confirmed needs no
 * waiting for. */
static void
pump(struct feed *f)
{
    while (!f->pump_waits && !f->kafka_full && out_waiting(f->out) == 0) {
        size_t n = 0, most = f->one_by_one ? 1 : BATCH;
        while (n < most && send_next(f))
            n++;
        if ((out_waiting(f->out) == 0 || PLANT(spool_forgets_what_it_sent)) && n > 0)
            confirm(f);
        if (n < most)
            break;
    }
}

/* What a batch has come to. Kafka refuses a record for good only for its size: then each one is
 * sent alone, until that one is met and left out. */
static void
settle(struct feed *f, struct err e)
{
    if (e.kind == ERR_REJECT && f->one_by_one)
        metric_add(METRIC_weir_ingest_rejected_total, 1, f->env->source->name, e.code);
    if (e.kind == ERR_NONE || (e.kind == ERR_REJECT && f->one_by_one)) {
        f->one_by_one = f->one_by_one && e.kind == ERR_NONE;
        confirm(f);
        return;
    }
    spool_rewind(f->spool);
    f->one_by_one = e.kind == ERR_REJECT;
    if (f->one_by_one || f->closing || out_fatal(f->env, &e))
        return;
    f->pump_waits = true;
    later(f, e);
}

static void
on_idle(void *arg, struct err e)
{
    struct feed *f = arg;
    settle(f, e);
    if (f->closing) {
        feed_finish(f);
        return;
    }
    pump(f);
    give_room(f);
}

static void
on_room(void *arg)
{
    struct feed *f = arg;
    f->kafka_full = false;
    pump(f);
    give_room(f);
}

/* ---- life */

bool
feed_folder(const struct ingest *env, char *out, size_t size)
{
    const char *given = conf_text(env->conf, "ingest.spool_dir");
    const char *run = conf_text(env->conf, "run.dir");
    if (given == NULL && run == NULL)
        return false;
    int n = snprintf(out, size, "%s%s/%s/%s", given != NULL ? given : run,
                     given != NULL ? "" : "/spool", env->topic.s, env->source->name);
    return n > 0 && (size_t)n < size;
}

static bool
tenant_folder(const struct ingest *env, const struct oid *oid, char *out, size_t size)
{
    if (!feed_folder(env, out, size))
        return false;
    size_t at = strlen(out);
    int n = snprintf(out + at, size - at, "/%s", oid_format(oid).s);
    return n > 0 && (size_t)n < size - at;
}

static void
on_timer_closed(uv_handle_t *h)
{
    struct feed *f = h->data;
    f->timer_open = false;
    feed_finish(f);
}

/* Frees what nobody uses any more. */
static void
feed_finish(struct feed *f)
{
    if (!f->closing)
        return;
    if (f->out != NULL && out_waiting(f->out) == 0) {
        out_free(f->out);
        f->out = NULL;
    }
    if (f->out == NULL && f->spool != NULL) {
        spool_close(f->spool);
        f->spool = NULL;
        count_bytes(f);
    }
    if (f->out != NULL || f->syncing || f->timer_open)
        return;
    arena_free(f->arena);
    free(f);
}

struct feed *
feed_new(const struct ingest *env, const struct ingest_tenant *tenant,
         const struct feed_owner *owner)
{
    struct feed *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    *f = (struct feed){.env = env, .tenant = *tenant, .owner = *owner};
    const struct out_owner o = {.arg = f, .idle = on_idle, .room = on_room};
    f->arena = arena_new(RECORD_ARENA);
    f->out = out_new(env, &f->tenant, &o);
    if (f->arena == NULL || f->out == NULL) {
        arena_free(f->arena);
        out_free(f->out);
        free(f);
        return NULL;
    }
    uv_timer_init(loop_uv(env->loop), &f->retry);
    f->retry.data = f;
    f->timer_open = true;
    return f;
}

bool
feed_exists(const struct feed *f)
{
    char folder[PATH_BYTES];
    return tenant_folder(f->env, &f->tenant.oid, folder, sizeof folder) &&
           access(folder, F_OK) == 0;
}

struct err
feed_open(struct feed *f)
{
    char folder[PATH_BYTES];
    struct spool_found found;
    const char *source = f->env->source->name;
    if (f->spool != NULL)
        return ERR_OK;
    if (!tenant_folder(f->env, &f->tenant.oid, folder, sizeof folder))
        return err_make(ERR_RETRY, "spool.open", "ingest.spool_dir is too long");
    struct err e =
        spool_open(folder, conf_int(f->env->conf, "ingest.spool_max_bytes"), &f->spool, &found);
    if (e.kind)
        return e;
    if (found.records > 0 || found.torn_bytes > 0 || found.skipped_bytes > 0)
        log_info("ingest.spool_found", LOG_STR("source", source), LOG_OID(&f->tenant.oid),
                 LOG_INT("lines", found.records), LOG_INT("torn_bytes", found.torn_bytes),
                 LOG_INT("skipped_bytes", found.skipped_bytes));
    if (found.skipped_bytes > 0)
        metric_add(METRIC_weir_ingest_rejected_total, 1, source, "spool.damaged");
    if (found.torn_bytes > 0)
        metric_add(METRIC_weir_ingest_rejected_total, 1, source, "spool.torn");
    count_bytes(f);
    pump(f);
    return ERR_OK;
}

void
feed_close(struct feed *f)
{
    if (f == NULL || f->closing)
        return;
    /* a worker that stops finishes its work, as far as Kafka takes it now; otherwise what is under
     * way is sent again by who comes next */
    bool stopping = loop_stopping(f->env->loop) && f->spool != NULL;
    for (int n = 0; stopping && !f->pump_waits && n < STOP_BATCH && send_next(f); n++)
        ;
    if (stopping && out_waiting(f->out) == 0)
        confirm(f);
    f->closing = true;
    if (!stopping) {
        out_free(f->out);
        f->out = NULL;
    }
    uv_close((uv_handle_t *)&f->retry, on_timer_closed);
    feed_finish(f);
}

void
feed_forget(const struct ingest *env, const struct oid *oid)
{
    char folder[PATH_BYTES];
    struct err e = tenant_folder(env, oid, folder, sizeof folder) ? spool_remove(folder) : ERR_OK;
    if (e.kind)
        log_err("ingest.spool", &e, LOG_STR("source", env->source->name), LOG_OID(oid));
}
