/*
 * health.h: /metrics, /livez and /readyz of a worker, and its run directory.
 *
 * Listens on 127.0.0.1, port by configuration (health.port) or free; the port and the process id
 * are written to <run.dir>/<name>.json and removed at the end. Ref: design.md 8.
 */
#ifndef WEIR_HEALTH_H
#define WEIR_HEALTH_H
#include <stdbool.h>

#include "common/conf.h"
#include "common/err.h"
#include "common/http.h"
#include "common/loop.h"

extern const struct opt health_opts[]; /* run.dir, health.port */

enum { HEALTH_PARTS_MAX = 8 };

struct health; /* opaque */

/* health_start - name is the worker's, unique on the host ("normalize-eu-4711"); copied. Letters,
 * digits, '.', '_' and '-' only. ERR_STOP "health.name", "health.run_dir", and those of
 * http_start; the loop must run once more after an error, a listener may be closing. */
MUST_CHECK struct err health_start(struct loop *l, const struct conf *c, const char *name,
                                   struct health **out);

/* health_set - a part ("kafka", "database") is well or not, and why not (static text). Logged once
 * a change, as health.up or health.down. /readyz is 200 when every part set so far is well; its
 * body lists them. Parts: static text, at most HEALTH_PARTS_MAX. */
void health_set(struct health *h, const char *part, bool well, const char *why);
bool health_ready(const struct health *h);

/* health_answer - /metrics, /livez, /readyz for a server that has its own listener (the API).
 * False: the path is another. */
bool health_answer(struct health *h, struct http_request *r);

void health_close(struct health *h); /* NULL is fine; asynchronous, the loop waits for it */

#endif
