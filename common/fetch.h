/*
 * fetch.h: HTTP out, libcurl on the loop.
 *
 * Answers that hardly move are given up before the time is over. One multi handle a process;
 * keep-alive; HTTP/1.1; every answer is bounded in size and time. No retries here: the caller
 * decides, with fetch_retry_after and the kind of the error. Ref: sources.md 1.2, libraries.md 5.6.
 */
#ifndef WEIR_FETCH_H
#define WEIR_FETCH_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/loop.h"
#include "common/slice.h"

extern const struct opt fetch_opts[]; /* fetch.timeout_ms, fetch.answer_max_bytes, fetch.ca_file */

struct fetch; /* opaque: the connections of this process */

/* fetch_open - ERR_STOP "fetch.start". */
MUST_CHECK struct err fetch_open(struct loop *l, const struct conf *c, struct fetch **out);
/* fetch_close - cancels what is under way: each done() gets ERR_RETRY "fetch.closed". */
void fetch_close(struct fetch *f, void (*closed)(void *arg), void *arg);

enum { FETCH_HEADERS_MAX = 8 };

struct fetch_request {
    const char *method;                      /* "GET", "POST" */
    struct slice url;                        /* http or https */
    struct slice headers[FETCH_HEADERS_MAX]; /* "Name: value" */
    size_t n_headers;
    struct slice body;       /* SLICE_NONE: none */
    size_t answer_max_bytes; /* less than fetch.answer_max_bytes; 0: that */
};

struct fetch_answer {
    long status;
    struct slice headers; /* the block as received, lines end in \r\n; see fetch_header */
    struct slice body;
    int64_t took_ms;
};

/*
 * fetch_start - begin; everything in r is copied.
 *
 * done(arg, answer, e) runs on the loop exactly once. e is ERR_OK for every status the server gave
 * (look at answer->status), and then the answer lives in the arena a. Otherwise answer is NULL:
 * ERR_RETRY "fetch.connect", "fetch.timeout", "fetch.cut" (closed in the middle), "fetch.headers"
 * (too many), "fetch.closed";
 * ERR_REJECT "fetch.too_large", "fetch.url". Texts hold no query string, header or body.
 * The arena is not touched after done() was called, and may be freed by it.
 *
 * Returns an error, and then done() is never called: ERR_REJECT "fetch.url", "fetch.header" (not
 * printable ASCII, or too many), ERR_RETRY "fetch.memory", "fetch.connect", "fetch.closed".
 */
MUST_CHECK struct err
fetch_start(struct fetch *f, const struct fetch_request *r, struct arena *a,
            void (*done)(void *arg, const struct fetch_answer *answer, struct err e), void *arg);

/* fetch_cancel - what was started with this arg ends at once, its done() is never called and its
 * arena not touched any more. Harmless when there is none. */
void fetch_cancel(struct fetch *f, const void *arg);

/* fetch_header - the value of the last header of that name, any letter case; SLICE_NONE. */
struct slice fetch_header(struct slice headers, const char *name);

/* fetch_date - the server's clock, Unix seconds, by the header Date. False: none, or no date. */
bool fetch_date(struct slice headers, int64_t *out_s);

/*
 * fetch_retry_after - how long a 429 or 503 answer asks us to wait.
 *
 * value    header value: delta-seconds or an HTTP-date
 * now_s    Unix seconds from the caller's clock, so that a test can pass its own
 * out_ms   milliseconds from now, 0 to 86400000; a longer wait is cut to one day
 *
 * Errors:  ERR_REJECT "fetch.retry_after": neither form; *out_ms is left alone.
 * Thread:  any.
 * Ref:     RFC 9110, section 10.2.3.
 */
MUST_CHECK struct err fetch_retry_after(struct slice value, int64_t now_s, int64_t *out_ms);

/* fetch_url_encode - RFC 3986 unreserved characters stay, all else %XX; for form bodies too. */
struct slice fetch_url_encode(struct arena *a, struct slice text);

#endif
