/*
 * From the bytes of a page to records that Kafka has confirmed: the endpoint source's parse(), what
 * out.c does with each alert, librdkafka's producer, a broker of librdkafka beside us.
 *
 * How an alert is sealed is taken in hand here, because today's build knows one way only:
 *   plain   the alert's bytes as they are: what everything else costs
 *   today   as the program does it: lz4, and a checksum where the tag will be
 *   gcm     lz4, and AES-256-GCM with a key that is set for each record: as with a key service
 */
#include <lz4.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/fetch.h"
#include "common/log.h"
#include "common/process.h"
#include "ingest/out.h"
#include "tests/bench/page.h"

extern const struct source source_endpoint;

enum { PAGES = 100, ARENA_BYTES = 64 << 20, HEAD_BYTES = 60, WARM_UP = 1 };

static enum sealing { SEALING_PLAIN, SEALING_TODAY, SEALING_GCM } sealing;
static struct crypto_gcm *gcm;

/* ---- sealing */

struct err __real_seal_close(struct seal *s, const struct oid *oid, int32_t epoch,
                             enum seal_purpose purpose, struct slice place, struct slice plain,
                             struct arena *a, struct slice *out);
struct err __wrap_seal_close(struct seal *s, const struct oid *oid, int32_t epoch,
                             enum seal_purpose purpose, struct slice place, struct slice plain,
                             struct arena *a, struct slice *out);

/* The envelope of erasure.md 5.3 in length and work; it is never opened. */
static struct err
close_gcm(struct slice place, struct slice plain, struct arena *a, struct slice *out)
{
    static uint8_t key[CRYPTO_GCM_KEY], nonce[CRYPTO_GCM_NONCE];
    int room = LZ4_compressBound((int)plain.n);
    uint8_t *made = arena_alloc(a, HEAD_BYTES + (size_t)room + CRYPTO_GCM_TAG);
    bench_check(made != NULL, "out of memory");
    int n = LZ4_compress_default(plain.p, (char *)made + HEAD_BYTES, (int)plain.n, room);
    bench_check(n > 0, "lz4 failed");
    for (size_t i = sizeof nonce; i-- > 0 && ++nonce[i] == 0;)
        ;
    key[0] = (uint8_t)(key[0] ^ nonce[11]); /* another tenant's */
    const struct slice aad[] = {{(const char *)made, HEAD_BYTES}, place};
    crypto_gcm_close(gcm, key, nonce, aad, 2, (struct slice){(char *)made + HEAD_BYTES, (size_t)n},
                     made + HEAD_BYTES, made + HEAD_BYTES + n);
    *out = (struct slice){(char *)made, HEAD_BYTES + (size_t)n + CRYPTO_GCM_TAG};
    return ERR_OK;
}

struct err
__wrap_seal_close(struct seal *s, const struct oid *oid, int32_t epoch, enum seal_purpose purpose,
                  struct slice place, struct slice plain, struct arena *a, struct slice *out)
{
    if (sealing == SEALING_TODAY)
        return __real_seal_close(s, oid, epoch, purpose, place, plain, a, out);
    if (sealing == SEALING_GCM)
        return close_gcm(place, plain, a, out);
    *out = plain;
    return ERR_OK;
}

/* ---- the worker */

struct worker {
    struct ingest env;
    struct ingest_tenant tenant;
    struct source_conf conf;
    struct out *out;
    struct bench_page pages[PAGES];
    unsigned next_id;
    int64_t sent;
    bool room, idle;
    struct err failed;
};

static void
on_idle(void *arg, struct err e)
{
    struct worker *w = arg;
    w->idle = true;
    if (e.kind)
        w->failed = e;
}

static void
on_room(void *arg)
{
    struct worker *w = arg;
    w->room = true;
}

static void
send_alert(struct worker *w, const struct raw_alert *raw, int64_t now)
{
    bool sent = false;
    for (;;) {
        w->idle = w->room = false;
        struct err e = out_send(w->out, raw, now, &sent);
        if (e.kind == ERR_NONE)
            break;
        if (strcmp(e.code, "bus.full") != 0)
            bench_need(e);
        while (!w->room)
            uv_run(loop_uv(w->env.loop), UV_RUN_ONCE);
    }
    bench_check(sent, "an alert was taken for one that is known");
    w->sent++;
}

static void
take_page(struct worker *w, const struct bench_page *p)
{
    struct arena *a = arena_new((size_t)conf_int(w->env.conf, "fetch.answer_max_bytes") * 8);
    const struct source_request asked = {
        .from = w->conf.start,
        .until = w->conf.now,
        .at = {w->conf.start, CLOCK_NONE, w->conf.now, false},
        .seen = CLOCK_NONE,
    };
    const struct answer got = {
        .asked = &asked,
        .conf = &w->conf,
        .status = 200,
        .headers = SLICE("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"),
        .body = {p->text, p->n},
    };
    struct page page;
    bench_need(source_endpoint.parse(&got, a, &page));
    bench_check(page.n_alerts == PAGE_ALERTS, "a page has not its alerts");
    int64_t now = clock_now();
    for (size_t i = 0; i < page.n_alerts; i++)
        send_alert(w, &page.alerts[i], now);
    arena_free(a);
    uv_run(loop_uv(w->env.loop), UV_RUN_NOWAIT);
}

static void
take_all(struct worker *w, size_t pages)
{
    for (size_t i = 0; i < pages; i++) {
        page_renew(&w->pages[i], w->next_id);
        w->next_id += PAGE_ALERTS;
        take_page(w, &w->pages[i]);
    }
    while (out_waiting(w->out) > 0)
        uv_run(loop_uv(w->env.loop), UV_RUN_ONCE);
    bench_need(w->failed);
}

static void
measure(struct worker *w, const char *variant, double goal_per_s, size_t repeats, size_t pages)
{
    struct bench_runs runs = {.n = 0};
    for (size_t i = 0; i < WARM_UP + repeats; i++) {
        int64_t sent = w->sent;
        struct bench_cpu from = bench_now();
        take_all(w, pages);
        if (i >= WARM_UP)
            bench_add(&runs, bench_since(from), w->sent - sent);
    }
    bench_tell("ingest", variant, &runs, goal_per_s);
}

/* parse() alone: what the figures above begin with. */
static void
measure_parse(struct worker *w, size_t repeats, size_t pages)
{
    struct bench_runs runs = {.n = 0};
    for (size_t i = 0; i < WARM_UP + repeats; i++) {
        struct bench_cpu from = bench_now();
        for (size_t k = 0; k < pages; k++) {
            const struct source_request asked = {.until = w->conf.now, .seen = CLOCK_NONE};
            const struct answer got = {.asked = &asked,
                                       .conf = &w->conf,
                                       .status = 200,
                                       .headers = SLICE(""),
                                       .body = {w->pages[k].text, w->pages[k].n}};
            struct page page;
            struct arena *a = arena_new((size_t)1 << 30);
            bench_need(source_endpoint.parse(&got, a, &page));
            arena_free(a);
        }
        if (i >= WARM_UP)
            bench_add(&runs, bench_since(from), (int64_t)pages * PAGE_ALERTS);
    }
    bench_tell("ingest", "parse", &runs, 0);
}

/* ---- start and end */

static void
broker(void *arg, int to)
{
    const struct bus_topic topics[] = {{.name = "weir.eu.alerts", .partitions = 64}};
    struct bus_demo *demo;
    const char *bootstrap;
    (void)arg;
    bench_need(bus_demo_start(topics, 1, &demo, &bootstrap));
    (void)dprintf(to, "%s\n", bootstrap);
}

static void
worker_open(struct worker *w, const char *bootstrap)
{
    static const struct opt *const tables[] = {bus_opts, seal_opts, fetch_opts, NULL, NULL};
    const struct opt *all[sizeof tables / sizeof tables[0]];
    char flag[300];
    const char *const flags[] = {flag, "kafka.demo=true", NULL};
    struct conf *conf;
    memcpy(all, tables, sizeof all);
    all[3] = source_endpoint.opts;
    (void)snprintf(flag, sizeof flag, "kafka.bootstrap=%s", bootstrap);
    bench_need(conf_load(all, "/dev/null", flags, &conf));
    w->env.conf = conf;
    w->env.source = &source_endpoint;
    w->env.topic = (struct topic_name){"weir.eu.alerts"};
    bench_need(loop_new(false, &w->env.loop));
    bench_need(codec_new(&w->env.codec));
    bench_need(seal_new(conf, &w->env.seal));
    bench_need(bus_producer_open(w->env.loop, conf, &w->env.producer));
    w->env.shared = out_shared_new(w->env.producer);
    w->tenant = (struct ingest_tenant){.oid = {{1, 2, 3}}, .epoch = 1};
    const struct out_owner owner = {w, on_idle, on_room};
    w->out = out_new(&w->env, &w->tenant, &owner);
    gcm = crypto_gcm_new();
    bench_check(w->out != NULL && w->env.shared != NULL && gcm != NULL, "out of memory");
    w->conf = (struct source_conf){
        .conf = conf, .directory_id = SLICE("a-guid"), .base_url = SLICE("http://127.0.0.1:1")};
    w->conf.now = clock_now();
    w->conf.start = w->conf.now - 30 * 86400 * CLOCK_SECOND;
    for (unsigned i = 0; i < PAGES; i++)
        w->pages[i] = page_make(i * PAGE_ALERTS);
}

static void
on_closed(void *arg)
{
    *(bool *)arg = true;
}

static void
worker_close(struct worker *w)
{
    bool closed = false;
    out_free(w->out);
    bus_producer_close(w->env.producer, 1000, on_closed, &closed);
    while (!closed)
        uv_run(loop_uv(w->env.loop), UV_RUN_ONCE);
    for (size_t i = 0; i < PAGES; i++)
        free(w->pages[i].text);
    out_shared_free(w->env.shared);
    crypto_gcm_free(gcm);
    seal_free(w->env.seal);
    codec_free(w->env.codec);
    loop_free(w->env.loop);
    conf_free((struct conf *)(uintptr_t)w->env.conf);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        enum sealing sealing;
        double goal_per_s;
    } variants[] = {{"plain", SEALING_PLAIN, 150000},
                    {"today", SEALING_TODAY, 100000},
                    {"gcm", SEALING_GCM, 100000}};
    bool smoke = bench_smoke(argc, argv);
    process_keep_memory();
    size_t repeats = smoke ? 1 : 9, pages = smoke ? 2 : PAGES;
    struct worker *w = calloc(1, sizeof *w);
    bench_check(w != NULL, "out of memory");
    int from = bench_beside(broker, NULL);
    worker_open(w, bench_line(from));
    measure_parse(w, repeats, pages);
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        sealing = variants[i].sealing;
        if (argc < 2 || smoke || strcmp(argv[1], variants[i].name) == 0)
            measure(w, variants[i].name, variants[i].goal_per_s, repeats, pages);
    }
    worker_close(w);
    free(w);
    return 0;
}
