/*
 * Many tenants where nothing happens: what a worker uses of a core while each is asked at the
 * default interval and has nothing new, and the memory that they take.
 */
#include "tests/bench/polling.h"

static int64_t polls;

static struct err
count_parse(const struct answer *got, struct arena *a, struct page *out)
{
    polls++;
    return source_endpoint.parse(got, a, out);
}

static int64_t
resident_bytes(void)
{
    long pages = 0;
    FILE *in = fopen("/proc/self/statm", "r");
    bench_check(in != NULL && fscanf(in, "%*d %ld", &pages) == 1, "no /proc");
    fclose(in);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static void
on_end(uv_timer_t *t)
{
    *(bool *)t->data = true;
}

static void
run_for(struct polling *w, int64_t ms)
{
    bool end = false;
    uv_timer_t timer = {.data = &end};
    uv_timer_init(loop_uv(w->env.loop), &timer);
    uv_timer_start(&timer, on_end, (uint64_t)ms, 0);
    while (!end)
        uv_run(loop_uv(w->env.loop), UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(loop_uv(w->env.loop), UV_RUN_NOWAIT);
}

static void
tell(const char *variant, struct bench_cpu used, int64_t ms, int64_t n)
{
    double share = 100.0 / ((double)ms * 1e6);
    (void)printf("{\"bench\":\"idle\",\"variant\":\"%s\",\"loop_percent\":%.3f,"
                 "\"process_percent\":%.3f,\"goal_percent\":2,\"polls\":%lld,\"seconds\":%.1f}\n",
                 variant, (double)used.loop * share, (double)used.process * share, (long long)n,
                 (double)ms / 1e3);
}

int
main(int argc, char **argv)
{
    bool smoke = bench_smoke(argc, argv);
    size_t tenants = smoke ? 200 : 10000;
    int64_t window_ms = smoke ? 1000 : 20000, minute_ms = smoke ? 1000 : 62000;
    struct source counted = source_endpoint;
    static struct polling w; /* lives as long as the process, and is not taken apart */
    int from = bench_beside(server, NULL);
    counted.parse = count_parse;
    process_keep_memory();
    polling_open(&w, &counted, bench_line(from));
    int64_t bytes = resident_bytes();
    polling_start(&w, tenants, false);
    run_for(&w, smoke ? 100 : 1000); /* settings have come */
    struct bench_cpu began = bench_now();
    run_for(&w, minute_ms);
    tell("first minute, with tokens", bench_since(began), minute_ms, polls);
    int64_t before = polls;
    began = bench_now();
    run_for(&w, window_ms);
    tell("10,000 tenants", bench_since(began), window_ms, polls - before);
    (void)printf("{\"bench\":\"idle\",\"variant\":\"memory\",\"tenants\":%zu,"
                 "\"bytes_a_tenant\":%lld,\"goal_bytes\":200000}\n",
                 tenants, (long long)(resident_bytes() - bytes) / (long long)tenants);
    polling_stop(&w);
    return 0;
}
