/*
 * supervise.h: child processes that are kept running.
 *
 * Each child has one command line. One that falls is started again, after a pause that doubles
 * while it goes on falling. A child that refuses its work at its very first start (exit 2, 3 or 5:
 * usage, configuration, refused) ends all of them: the next start would say the same. At the end
 * every child gets SIGTERM, later SIGKILL, and the loop ends when all are gone.
 *
 * Children stand in sessions of their own, so that Ctrl-C reaches the supervisor alone; their
 * stdout is ours. Their stderr passes through, but is held back while a child is fresh: when all
 * refuse for one reason, it is said once. A child ends when its supervisor is killed by following
 * its process id (process_follow). Ref: design.md 2.
 */
#ifndef WEIR_SUPERVISE_H
#define WEIR_SUPERVISE_H
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/loop.h"

struct supervise; /* opaque */

struct supervise_child {
    const char *name;        /* in the log and the state file; unique */
    const char *const *args; /* NULL-terminated; the first is the path of the program */
};

struct supervise_conf {
    const struct supervise_child *children; /* with their texts: borrowed until supervise_free */
    size_t n;
    const char *run_dir; /* where all.json is kept: {"pid","children":[{"name","pid"}]}; borrowed.
                            What dead workers left there is removed. NULL: none */
    int64_t pause_least_ms, pause_most_ms; /* before a child is started again */
    int64_t good_ms;                       /* alive so long: the pause is the least one again */
    int64_t fresh_ms;                      /* so long stderr is held back */
    int64_t kill_ms;                       /* from SIGTERM to SIGKILL */
};

/* supervise_defaults - pauses of 0.2 to 10 s, good after 30 s, fresh for 1 s, killed after 6 s. */
struct supervise_conf supervise_defaults(void);

/*
 * supervise_start - starts every child; goes on until the loop is stopped.
 *
 * conf   copied; what it points to is borrowed
 * out    supervise_free it when loop_run has returned
 *
 * A child's refusal is loop_run's result. Errors: ERR_STOP "supervise.memory", "supervise.start"
 * (no process can be made; the loop must run to its end once more), "supervise.run_dir".
 * Thread: the loop's.
 */
MUST_CHECK struct err supervise_start(struct loop *l, const struct supervise_conf *conf,
                                      struct supervise **out);

void supervise_free(struct supervise *s); /* NULL is fine; asserts that no child is left */

#endif
