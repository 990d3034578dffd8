/*
 * loop.h: libuv start, signals, orderly close.
 *
 * One loop a process. A worker registers what it wants done at the end; SIGTERM, SIGINT or
 * loop_stop() runs those hooks once, last registered first; loop_run returns when every handle is
 * closed.
 */
#ifndef WEIR_LOOP_H
#define WEIR_LOOP_H
#include <stdbool.h>

#include <uv.h>

#include "common/err.h"

struct loop; /* opaque */

struct loop_hook {
    void (*stop)(struct loop_hook *hook); /* begin to close what you own; must not block */
    void *data;
    struct loop_hook *next; /* loop.c's */
};

/* loop_new - a loop, with handlers for SIGTERM and SIGINT when `signals`; SIGPIPE is ignored. The
 * caller frees it. ERR_STOP "loop.init". Thread: the one that will run it. */
MUST_CHECK struct err loop_new(bool signals, struct loop **out);

uv_loop_t *loop_uv(struct loop *l); /* borrowed */

/* loop_on_stop - hook is borrowed until its stop was called or the loop freed. */
void loop_on_stop(struct loop *l, struct loop_hook *hook);

/* loop_stop - as if SIGTERM had come; harmless when called twice. code is loop_run's result. */
void loop_stop(struct loop *l, int code);
bool loop_stopping(const struct loop *l);

/* loop_run - until stopped and all handles are closed. Returns the code of the first loop_stop,
 * 130 after SIGINT, 0 after SIGTERM. */
int loop_run(struct loop *l);

/* loop_turn - run the loop until *done is true: for commands that wait for one answer.
 * False: the loop ran out of work or was stopped first. */
bool loop_turn(struct loop *l, const bool *done);

/* loop_free - asserts that every handle was closed (uv_loop_close is 0). NULL is fine. */
void loop_free(struct loop *l);

#endif
