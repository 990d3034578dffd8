/*
 * ingest_bench.h: one loop with a client and a small server on it, for tests of ingest/.
 *
 * The server's answers are a script: one row a request, in order; a row with status 0 holds the
 * request until the test answers it. A test that hangs ends after GUARD_MS.
 */
#ifndef WEIR_TESTS_INGEST_BENCH_H
#define WEIR_TESTS_INGEST_BENCH_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/fetch.h"
#include "common/http.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/seal.h"

enum { GUARD_MS = 5000, ASKED_MAX = 64, PLACES_MAX = 6 };

/* One scripted answer. */
struct reply {
    long status; /* 0: held */
    const char *body;
    const char *retry_after; /* NULL: none */
};

/* One path of the server. */
struct place {
    const char *path;
    const struct reply *replies; /* the last one is repeated */
    size_t n_replies, at;
};

struct asked {
    char path[64], query[64], authorization[128], body[512];
};

struct bench {
    struct loop *loop;
    struct conf *conf;
    struct fetch *fetch;
    struct http *http;
    struct seal *seal;
    struct arena *a;
    uv_timer_t guard; /* every ms: so a turn of the loop never blocks for long */
    int ticks;
    unsigned open; /* parts not yet closed */
    bool all_closed;
    struct place places[PLACES_MAX];
    size_t n_places;
    struct asked asked[ASKED_MAX];
    size_t n_asked;
    struct http_request *held;
    const char *date; /* of scripted answers; NULL: the real one */
};

static const struct opt bench_opts[] = {
    OPT_INT("ingest.poll_s", "s", 3600, 1, 3600, "As in ingest.c, which would bring Kafka along."),
    OPT_INT("ingest.refused_wait_s", "s", 300, 1, 300, "As in ingest.c."),
    OPT_INT("ingest.backfill_days", "days", 30, 0, 36500, "As in ingest.c."),
    OPT_INT("ingest.concurrency", "requests", 4, 1, 64, "As in ingest.c."),
    OPT_INT("ingest.answers_max_bytes", "bytes", 64 << 20, 1 << 16, INT64_C(1) << 36,
            "As in ingest.c."),
    OPT_INT("ingest.quota_percent", "percent", 0, 0, 100, "As in ingest.c."),
    OPT_TEXT("ingest.listen_address", "127.0.0.1", "As in ingest.c."),
    OPT_TEXT("ingest.listen_tls_cert_file", NULL, "As in ingest.c."),
    OPT_TEXT("ingest.listen_tls_key_file", NULL, "As in ingest.c."),
    OPT_INT("ingest.listen_handshake_s", "s", 10, 1, 300, "As in ingest.c."),
    OPT_TEXT("ingest.spool_dir", NULL, "As in ingest.c."),
    OPT_TEXT("run.dir", NULL, "As in health.c."),
    OPT_INT("ingest.spool_max_bytes", "bytes", 1048576, 1048576, 1099511627776, "As in ingest.c."),
    OPT_END,
};

static inline void
bench_guard(uv_timer_t *timer)
{
    struct bench *b = timer->data;
    if (++b->ticks > GUARD_MS)
        fail_msg("the test hangs");
}

static inline void
bench_part_closed(void *arg)
{
    struct bench *b = arg;
    if (--b->open == 0)
        b->all_closed = true;
}

static inline void
bench_guard_closed(uv_handle_t *handle)
{
    bench_part_closed(handle->data);
}

static inline void
bench_copy(char *to, size_t size, struct slice from)
{
    size_t n = from.n < size - 1 ? from.n : size - 1;
    if (n > 0)
        memcpy(to, from.p, n);
    to[n] = '\0';
}

static inline void
bench_reply_dated(struct http_request *r, const struct reply *with, const char *date)
{
    struct http_header headers[3] = {{NULL, NULL}};
    size_t n = 0;
    if (with->retry_after != NULL)
        headers[n++] = (struct http_header){"Retry-After", with->retry_after};
    if (date != NULL)
        headers[n++] = (struct http_header){"Date", date};
    http_answer(r, (int)with->status, "application/json", slice_of(with->body), headers);
}

static inline void
bench_reply(struct http_request *r, const struct reply *with)
{
    bench_reply_dated(r, with, NULL);
}

static inline void
bench_serve(void *arg, struct http_request *r)
{
    struct bench *b = arg;
    assert_true(b->n_asked < ASKED_MAX);
    struct asked *note = &b->asked[b->n_asked++];
    bench_copy(note->path, sizeof note->path, r->path);
    bench_copy(note->query, sizeof note->query, r->query);
    bench_copy(note->authorization, sizeof note->authorization, http_header(r, "Authorization"));
    bench_copy(note->body, sizeof note->body, r->body);
    for (size_t i = 0; i < b->n_places; i++) {
        struct place *p = &b->places[i];
        if (!slice_eq(r->path, slice_of(p->path)))
            continue;
        const struct reply *with = &p->replies[p->at];
        p->at += p->at + 1 < p->n_replies ? 1 : 0;
        if (with->status != 0)
            bench_reply_dated(r, with, b->date);
        else
            b->held = r;
        return;
    }
    http_answer(r, 404, "text/plain", SLICE("no such thing"), NULL);
}

/* How often this path was asked for. */
static inline size_t
bench_asked(const struct bench *b, const char *path)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n_asked; i++)
        n += strcmp(b->asked[i].path, path) == 0 ? 1 : 0;
    return n;
}

#define bench_script(b, where, ...)                                                                \
    bench_place((b), (where), (const struct reply[]){__VA_ARGS__},                                 \
                sizeof((const struct reply[]){__VA_ARGS__}) / sizeof(struct reply))

static inline void
bench_place(struct bench *b, const char *path, const struct reply *replies, size_t n)
{
    assert_true(b->n_places < PLACES_MAX);
    struct reply *kept = arena_alloc(b->a, n * sizeof *kept);
    memcpy(kept, replies, n * sizeof *kept);
    b->places[b->n_places++] = (struct place){path, kept, n, 0};
}

/* The address of a path of the server; lives as long as the bench. */
static inline struct slice
bench_url(struct bench *b, const char *path)
{
    return slice_printf(b->a, "http://127.0.0.1:%d%s", http_port(b->http), path);
}

static inline void
bench_need(struct err e)
{
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
}

static inline struct bench *
bench_new(const char *const *flags)
{
    static const struct opt *const tables[] = {fetch_opts, seal_opts, bench_opts, NULL};
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    alarm(120); /* s, for what hangs while it is closed */
    bench_need(loop_new(false, &b->loop));
    b->a = arena_new(16 << 20);
    b->guard.data = b;
    b->open = 3;
    uv_timer_init(loop_uv(b->loop), &b->guard);
    uv_timer_start(&b->guard, bench_guard, 1, 1);
    bench_need(conf_load(tables, "/dev/null", flags, &b->conf));
    bench_need(fetch_open(b->loop, b->conf, &b->fetch));
    bench_need(seal_new(b->conf, &b->seal));
    const struct http_conf c = {.address = "127.0.0.1",
                                .body_max = 1 << 20,
                                .arena_max = 8 << 20,
                                .handle = bench_serve,
                                .arg = b};
    bench_need(http_start(b->loop, &c, &b->http));
    return b;
}

static inline void
bench_free(struct bench *b)
{
    static const struct reply gone = {503, "", NULL};
    /* after a test that failed something may be open for ever; a planted fault makes many fail */
    alarm(getenv("WEIR_TEST_PLANT") != NULL ? 1 : 60);
    fetch_close(b->fetch, bench_part_closed, b);
    if (b->held != NULL)
        bench_reply(b->held, &gone);
    http_close(b->http, bench_part_closed, b);
    uv_close((uv_handle_t *)&b->guard, bench_guard_closed);
    while (uv_run(loop_uv(b->loop), UV_RUN_ONCE) != 0)
        ;
    assert_true(b->all_closed);
    loop_free(b->loop); /* asserts that nothing else is open on the loop */
    seal_free(b->seal);
    conf_free(b->conf);
    arena_free(b->a);
    free(b);
}

/* Runs the loop until the condition holds; the guard ends what never will. */
#define bench_until(b, condition)                                                                  \
    do {                                                                                           \
        while (!(condition))                                                                       \
            uv_run(loop_uv((b)->loop), UV_RUN_ONCE);                                               \
    } while (0)

/* What is ready now, a few times over: for "and nothing else happens". */
static inline void
bench_settle(struct bench *b)
{
    for (int i = 0; i < 20; i++)
        uv_run(loop_uv(b->loop), UV_RUN_NOWAIT);
}

#endif
