/*
 * bench.h: what the benches share: CPU time, its spread over repetitions, one JSON line a result.
 *
 * Figures are CPU time, which a loaded machine disturbs less than the wall clock. Two clocks stand
 * beside each other: the thread of our loop, and all threads of the process (librdkafka's work for
 * us, too). Servers that a bench talks to are processes of their own and not counted.
 */
#ifndef WEIR_BENCH_H
#define WEIR_BENCH_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/err.h"

enum { BENCH_REPEATS_MAX = 64 };

/* CPU time used so far, ns. */
struct bench_cpu {
    int64_t loop, process;
};

static inline int64_t
bench_clock_ns(clockid_t which)
{
    struct timespec t;
    if (clock_gettime(which, &t) != 0)
        abort();
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline struct bench_cpu
bench_now(void)
{
    return (struct bench_cpu){bench_clock_ns(CLOCK_THREAD_CPUTIME_ID),
                              bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID)};
}

static inline struct bench_cpu
bench_since(struct bench_cpu from)
{
    struct bench_cpu now = bench_now();
    return (struct bench_cpu){now.loop - from.loop, now.process - from.process};
}

/* Nothing here can be repaired: the bench ends with the error's words. */
static inline void
bench_need(struct err e)
{
    if (e.kind == ERR_NONE)
        return;
    (void)fprintf(stderr, "%s: %s\n", e.code, e.text);
    exit(1);
}

static inline void
bench_check(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

/* The repetitions of one measurement. */
struct bench_runs {
    double loop[BENCH_REPEATS_MAX], process[BENCH_REPEATS_MAX]; /* ns for one item */
    size_t n;
};

static inline void
bench_add(struct bench_runs *r, struct bench_cpu used, int64_t items)
{
    bench_check(r->n < BENCH_REPEATS_MAX && items > 0, "nothing was measured");
    r->loop[r->n] = (double)used.loop / (double)items;
    r->process[r->n++] = (double)used.process / (double)items;
}

static inline int
bench_order(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static inline double
bench_median(double *list, size_t n)
{
    qsort(list, n, sizeof *list, bench_order);
    return n % 2 == 1 ? list[n / 2] : (list[n / 2 - 1] + list[n / 2]) / 2;
}

/* One line: medians, the least and the most, items a second of one core's time, and what the
 * project promises (0: nothing). */
static inline void
bench_tell(const char *bench, const char *variant, struct bench_runs *r, double goal_per_s)
{
    double loop = bench_median(r->loop, r->n), process = bench_median(r->process, r->n);
    (void)printf("{\"bench\":\"%s\",\"variant\":\"%s\",\"runs\":%zu,\"loop_us\":%.3f,"
                 "\"loop_us_least\":%.3f,\"loop_us_most\":%.3f,\"process_us\":%.3f,"
                 "\"loop_per_s\":%.0f,\"process_per_s\":%.0f,\"goal_per_s\":%.0f}\n",
                 bench, variant, r->n, loop / 1e3, r->loop[0] / 1e3, r->loop[r->n - 1] / 1e3,
                 process / 1e3, 1e9 / loop, 1e9 / process, goal_per_s);
    (void)fflush(stdout);
}

/* --smoke: one short repetition, to see that the bench itself works. */
static inline bool
bench_smoke(int argc, char **argv)
{
    return argc > 1 && strcmp(argv[1], "--smoke") == 0;
}

/* A process of its own that lives as long as its parent: work(arg) with a pipe's end to write to,
 * then it waits for the parent's end. Call it before any library has started a thread. Returns
 * where to read what it wrote. */
static inline int
bench_beside(void (*work)(void *arg, int to), void *arg)
{
    int down[2], up[2]; /* the child's word to us, and our life to it */
    bench_check(pipe(down) == 0 && pipe(up) == 0, "no pipe");
    pid_t child = fork();
    bench_check(child >= 0, "no process");
    if (child > 0) {
        close(down[1]);
        close(up[0]);
        return down[0]; /* up[1] stays open until we end */
    }
    char c;
    close(down[0]);
    close(up[1]);
    if (dup2(up[0], STDIN_FILENO) < 0)
        _exit(1);
    work(arg, down[1]);
    while (read(STDIN_FILENO, &c, 1) > 0)
        ;
    _exit(0);
}

/* The line that the process beside us wrote, without its end. */
static inline char *
bench_line(int from)
{
    static char line[256];
    size_t n = 0;
    while (n + 1 < sizeof line && read(from, line + n, 1) == 1 && line[n] != '\n')
        n++;
    bench_check(n > 0, "the process beside us did not start");
    line[n] = '\0';
    return line;
}

#endif
