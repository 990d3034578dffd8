#include "ingest/out.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/metric.h"

enum { ARENA_LIMIT = 64 * 1024 * 1024, SEEN_SLOTS = 1 << 15, SEEN_FULL = SEEN_SLOTS * 3 / 4 };

/* Two generations of 8-byte hashes: when the young one is full, the old one is forgotten. A hash
 * met again moves to the young one, so what every round sees stays. 0 marks a free slot. */
struct seen {
    uint64_t *young, *old;
    size_t n_young;
};

struct out {
    const struct ingest *env;
    const struct ingest_tenant *tenant;
    struct out_owner owner;
    struct arena *arena; /* one record at a time */
    struct seen seen;
    size_t waiting;
    bool failed;
    bool freed; /* by its owner; waits for its last confirmation */
};

/* One record under way. */
struct sent {
    struct out *out;
    uint64_t hash;
    int64_t source_time; /* 100 ns, CLOCK_NONE: the source names none */
};

static bool
seen_find(const uint64_t *slots, uint64_t hash)
{
    for (size_t i = hash % SEEN_SLOTS; slots[i] != 0; i = (i + 1) % SEEN_SLOTS)
        if (slots[i] == hash)
            return true;
    return false;
}

static void
seen_add(struct seen *s, uint64_t hash)
{
    if (seen_find(s->young, hash))
        return;
    if (s->n_young == SEEN_FULL) {
        uint64_t *old = s->old;
        s->old = s->young;
        s->young = old;
        memset(s->young, 0, SEEN_SLOTS * sizeof *s->young);
        s->n_young = 0;
    }
    size_t i = hash % SEEN_SLOTS;
    while (s->young[i] != 0)
        i = (i + 1) % SEEN_SLOTS;
    s->young[i] = hash;
    s->n_young++;
}

static bool
seen_again(struct seen *s, uint64_t hash)
{
    if (!seen_find(s->young, hash) && !seen_find(s->old, hash))
        return false;
    seen_add(s, hash);
    return true;
}

static void
out_destroy(struct out *o)
{
    arena_free(o->arena);
    free(o->seen.young);
    free(o->seen.old);
    free(o);
}

struct out *
out_new(const struct ingest *env, const struct ingest_tenant *tenant, const struct out_owner *owner)
{
    struct out *o = calloc(1, sizeof *o);
    if (o == NULL)
        return NULL;
    *o = (struct out){.env = env, .tenant = tenant, .owner = *owner};
    o->arena = arena_new(ARENA_LIMIT);
    o->seen.young = calloc(SEEN_SLOTS, sizeof *o->seen.young);
    o->seen.old = calloc(SEEN_SLOTS, sizeof *o->seen.old);
    if (o->arena != NULL && o->seen.young != NULL && o->seen.old != NULL)
        return o;
    out_destroy(o);
    return NULL;
}

void
out_free(struct out *o)
{
    if (o == NULL)
        return;
    o->freed = true;
    if (o->waiting == 0)
        out_destroy(o);
}

size_t
out_waiting(const struct out *o)
{
    return o->waiting;
}

static void
confirmed(struct sent *s)
{
    const char *source = s->out->env->source->name;
    seen_add(&s->out->seen, s->hash);
    metric_add(METRIC_weir_ingest_alerts_total, 1, source);
    if (s->source_time != CLOCK_NONE)
        metric_observe(METRIC_weir_ingest_lag_seconds,
                       (double)(clock_now() - s->source_time) / (double)CLOCK_SECOND, source);
}

static void
on_delivery(void *arg, struct err e)
{
    struct sent *s = arg;
    struct out *o = s->out;
    if (e.kind == ERR_NONE && !o->freed)
        confirmed(s);
    o->failed = o->failed || e.kind != ERR_NONE;
    free(s);
    assert(o->waiting > 0);
    if (--o->waiting > 0)
        return;
    if (o->freed) {
        out_destroy(o);
        return;
    }
    bool failed = o->failed;
    o->failed = false;
    if (o->owner.idle != NULL)
        o->owner.idle(o->owner.arg, failed);
}

static void
on_room(void *arg)
{
    struct out *o = arg;
    /* kept alive for this: see out_send */
    o->waiting--;
    if (o->freed) {
        if (o->waiting == 0)
            out_destroy(o);
        return;
    }
    if (o->owner.room != NULL)
        o->owner.room(o->owner.arg);
}

/* Seals and encodes; the value lies in o->arena. */
static struct err
encode(struct out *o, const struct raw_alert *r, int64_t now, struct slice *value)
{
    const struct ingest *env = o->env;
    struct slice place = slice_printf(o->arena, "kafka|%s|%s/%.*s", env->topic.s, env->source->name,
                                      SLICE_ARG(r->native_id));
    struct raw_record record = {
        .oid = o->tenant->oid,
        .epoch = o->tenant->epoch,
        .source = slice_of(env->source->name),
        .native_id = r->native_id,
        .version = r->version == CLOCK_NONE ? now : r->version,
        .received = now,
    };
    if (place.p == NULL)
        return err_make(ERR_REJECT, "ingest.too_large", "a raw alert of %zu bytes", r->payload.n);
    struct err e = seal_close(env->seal, &o->tenant->oid, o->tenant->epoch, SEAL_RAW, place,
                              r->payload, o->arena, &record.payload);
    return e.kind ? e : codec_raw(env->codec, &record, o->arena, value);
}

static uint64_t
hash_of(const struct raw_alert *r)
{
    uint8_t digest[CRYPTO_SHA256];
    uint64_t hash;
    crypto_sha256(r->payload, digest);
    memcpy(&hash, digest, sizeof hash);
    return hash != 0 ? hash : 1;
}

struct err
out_send(struct out *o, const struct raw_alert *r, int64_t now, bool *sent)
{
    *sent = false;
    uint64_t hash = hash_of(r);
    if (seen_again(&o->seen, hash))
        return ERR_OK;
    struct slice value;
    struct sent *s = calloc(1, sizeof *s);
    if (s == NULL)
        return err_make(ERR_STOP, "ingest.memory", "out of memory");
    *s = (struct sent){.out = o, .hash = hash, .source_time = r->version};
    arena_reset(o->arena);
    struct err e = encode(o, r, now, &value);
    if (e.kind == ERR_NONE) {
        struct bus_record record = {.topic = o->env->topic.s,
                                    .partition = -1,
                                    .key = oid_slice(&o->tenant->oid),
                                    .value = value};
        e = bus_produce(o->env->producer, &record, on_delivery, s);
    }
    if (e.kind == ERR_NONE) {
        o->waiting++;
        *sent = true;
        return ERR_OK;
    }
    free(s);
    if (e.kind == ERR_RETRY && strcmp(e.code, "bus.full") == 0) {
        metric_add(METRIC_weir_bus_buffer_full_total, 1);
        o->waiting++; /* the promise of on_room counts, so that o lives until then */
        bus_on_room(o->env->producer, on_room, o);
    }
    return e;
}
