#include "ingest/out.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/plant.h"
#include "ingest/seen.h"

enum { ARENA_LIMIT = 64 * 1024 * 1024, PLACE_MAX = 512 };

struct out_shared {
    struct bus_producer *producer;
    struct arena *arena; /* one record at a time */
    struct seen_key key;
    char place[PLACE_MAX]; /* of a record, without its id */
    struct out *first;     /* who waits for room; the first has waited longest */
    bool asked;            /* the producer will say when there is room */
};

struct out {
    const struct ingest *env;
    const struct ingest_tenant *tenant;
    struct out_owner owner;
    struct seen seen;
    size_t waiting;
    size_t batch;      /* sent since idle() was called */
    struct err failed; /* the first since idle() was called */
    bool freed;        /* by its owner; waits for its last confirmation */
    bool wants_room;
    struct out *next; /* in the list of out_shared */
};

/* One record under way. */
struct sent {
    struct out *out;
    struct seen_pair seen;
    int64_t source_time; /* 100 ns, CLOCK_NONE: the source names none */
};

/* ---- room in Kafka's queue: the producer tells one, and all may wait */

struct out_shared *
out_shared_new(struct bus_producer *producer)
{
    struct out_shared *h = calloc(1, sizeof *h);
    if (h == NULL)
        return NULL;
    *h = (struct out_shared){.producer = producer, .arena = arena_new(ARENA_LIMIT)};
    seen_key_make(&h->key);
    if (h->arena != NULL)
        return h;
    free(h);
    return NULL;
}

void
out_shared_free(struct out_shared *h)
{
    if (h == NULL)
        return;
    assert(h->first == NULL);
    arena_free(h->arena);
    free(h);
}

static struct out **
room_find(struct out_shared *h, const struct out *o)
{
    struct out **at = &h->first;
    while (*at != NULL && *at != o)
        at = &(*at)->next;
    return at;
}

/* In turn, until one fills the queue again; an owner may free itself and others meanwhile. */
static void
on_room(void *arg)
{
    struct out_shared *h = arg;
    h->asked = false;
    while (h->first != NULL && !h->asked) {
        struct out *o = h->first;
        h->first = o->next;
        o->next = NULL;
        o->wants_room = false;
        if (o->owner.room != NULL)
            o->owner.room(o->owner.arg);
    }
}

static void
room_want(struct out *o)
{
    struct out_shared *h = o->env->shared;
    if (!o->wants_room) {
        o->wants_room = true;
        *room_find(h, NULL) = o;
    }
    if (!h->asked) {
        h->asked = true;
        bus_on_room(h->producer, on_room, h);
    }
}

/* ---- life */

static void
out_destroy(struct out *o)
{
    seen_fini(&o->seen);
    free(o);
}

struct out *
out_new(const struct ingest *env, const struct ingest_tenant *tenant, const struct out_owner *owner)
{
    struct out *o = calloc(1, sizeof *o);
    if (o == NULL)
        return NULL;
    *o = (struct out){.env = env, .tenant = tenant, .owner = *owner};
    int n =
        snprintf(env->shared->place, PLACE_MAX, "kafka|%s|%s/", env->topic.s, env->source->name);
    assert(n > 0 && n < PLACE_MAX);
    (void)n;
    return o;
}

void
out_free(struct out *o)
{
    if (o == NULL)
        return;
    o->freed = true;
    if (o->wants_room) {
        *room_find(o->env->shared, o) = o->next;
        o->wants_room = false;
    }
    if (o->waiting == 0)
        out_destroy(o);
}

size_t
out_waiting(const struct out *o)
{
    return o->waiting;
}

/* ---- records */

static void
confirmed(struct sent *s)
{
    const char *source = s->out->env->source->name;
    seen_put(&s->out->seen, s->seen);
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
    else if (e.kind == ERR_REJECT && o->batch == 1)
        seen_put(&o->seen, s->seen); /* it will be refused each time: not again with an overlap */
    if (o->failed.kind == ERR_NONE)
        o->failed = e;
    free(s);
    assert(o->waiting > 0);
    if (--o->waiting > 0)
        return;
    if (o->freed) {
        out_destroy(o);
        return;
    }
    e = o->failed;
    o->failed = ERR_OK;
    o->batch = 0;
    if (o->owner.idle != NULL)
        o->owner.idle(o->owner.arg, e);
}

/* Seals and encodes; the value lies in the shared arena. */
static struct err
encode(struct out *o, const struct raw_alert *r, int64_t now, struct slice *value)
{
    const struct ingest *env = o->env;
    struct slice place = slice_join(env->shared->arena, slice_of(env->shared->place), r->native_id);
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
    struct slice payload = PLANT(raw_bytes_are_trimmed) ? slice_trim(r->payload) : r->payload;
    struct err e = seal_close(env->seal, &o->tenant->oid, o->tenant->epoch, SEAL_RAW, place,
                              payload, o->env->shared->arena, &record.payload);
    return e.kind ? e : codec_raw(env->codec, &record, o->env->shared->arena, value);
}

static struct err
produce(struct out *o, const struct raw_alert *r, int64_t now, struct sent *s)
{
    struct slice value;
    arena_reset(o->env->shared->arena);
    struct err e = encode(o, r, now, &value);
    if (e.kind)
        return e;
    const struct bus_record record = {
        .topic = o->env->topic.s,
        .partition = -1,
        .key = PLANT(key_is_the_native_id) ? r->native_id : oid_slice(&o->tenant->oid),
        .value = value};
    return bus_produce(o->env->producer, &record, on_delivery, s);
}

struct err
out_send(struct out *o, const struct raw_alert *r, int64_t now, bool *sent)
{
    *sent = false;
    const struct seen_pair pair = seen_pair_of(&o->env->shared->key, r->native_id, r->payload);
    if (seen_again(&o->seen, pair))
        return ERR_OK;
    struct sent *s = malloc(sizeof *s);
    if (s == NULL)
        return err_make(ERR_RETRY, "ingest.memory", "out of memory");
    *s = (struct sent){.out = o, .seen = pair, .source_time = r->version};
    struct err e = produce(o, r, now, s);
    if (e.kind == ERR_NONE) {
        o->waiting++;
        o->batch++;
        *sent = true;
        seen_doubt(&o->seen, pair.id);
        return ERR_OK;
    }
    free(s);
    if (e.kind == ERR_RETRY && strcmp(e.code, "bus.full") == 0) {
        metric_add(METRIC_weir_bus_buffer_full_total, 1);
        room_want(o);
    }
    return e;
}

bool
out_fatal(const struct ingest *env, const struct err *e)
{
    if (e->kind != ERR_STOP || strcmp(e->code, "bus.fatal") != 0)
        return false;
    if (!loop_stopping(env->loop))
        log_err("ingest.kafka", e);
    loop_stop(env->loop, CLI_FAILED);
    return true;
}
