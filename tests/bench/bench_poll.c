/*
 * Requests that find nothing new: what one poll costs, from first() to the cursor, over keep-alive
 * connections to a server beside us. Rounds are made of many requests without pauses and quotas, so
 * that nothing else is measured.
 */
#include "tests/bench/polling.h"

enum { TENANTS = 4, REQUESTS_A_ROUND = 500 };

static int64_t answered;

/* What endpoint asks, many times over. */
static struct err
many_first(const struct source_conf *c, const struct cursor *at, struct arena *a,
           struct source_request **out, size_t *out_n)
{
    struct err e = source_endpoint.first(c, at, a, out, out_n);
    if (e.kind)
        return e;
    struct source_request *list = arena_alloc(a, REQUESTS_A_ROUND * sizeof *list);
    bench_check(list != NULL && *out_n == 1, "no requests");
    for (size_t i = 0; i < REQUESTS_A_ROUND; i++) {
        list[i] = **out;
        list[i].together = true;
    }
    *out = list;
    *out_n = REQUESTS_A_ROUND;
    return ERR_OK;
}

static struct err
many_parse(const struct answer *got, struct arena *a, struct page *out)
{
    struct err e = source_endpoint.parse(got, a, out);
    bench_need(e);
    answered++;
    out->again = true;
    return ERR_OK;
}

static void
until(struct polling *w, int64_t count)
{
    while (answered < count)
        uv_run(loop_uv(w->env.loop), UV_RUN_ONCE);
}

int
main(int argc, char **argv)
{
    bool smoke = bench_smoke(argc, argv);
    size_t repeats = smoke ? 1 : 9;
    int64_t requests = smoke ? 200 : 10000;
    struct source many = source_endpoint;
    struct bench_runs runs = {.n = 0};
    static struct polling w; /* lives as long as the process, and is not taken apart */
    int from = bench_beside(server, NULL);
    many.calls = NULL;
    many.first = many_first;
    many.parse = many_parse;
    process_keep_memory();
    polling_open(&w, &many, bench_line(from));
    polling_start(&w, TENANTS, true);
    until(&w, requests / 2);
    for (size_t i = 0; i < repeats; i++) {
        int64_t before = answered;
        struct bench_cpu began = bench_now();
        until(&w, answered + requests);
        bench_add(&runs, bench_since(began), answered - before);
    }
    bench_tell("poll", "requests", &runs, 20000);
    polling_stop(&w);
    return 0;
}
