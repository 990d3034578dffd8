/*
 * http.h: HTTP in, libmicrohttpd with its epoll descriptor on the loop.
 *
 * A request is handed over when its body is complete; the answer may come later. Sizes are bounded:
 * target 8 KiB, body by limit, 2,048 connections, 15 s for a slow sender. Ref: libraries.md 5.7.
 */
#ifndef WEIR_HTTP_H
#define WEIR_HTTP_H
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/loop.h"
#include "common/slice.h"

struct http; /* opaque: one listener */

struct http_request {
    struct http *server;
    struct arena *arena; /* the unit of this request: freed after the answer was sent */
    struct slice method;
    struct slice path;  /* percent-decoded; no query */
    struct slice query; /* as received, without '?'; see http_query */
    struct slice body;
    void *data; /* the handler's own */
};

struct http_conf {
    const char *address;            /* "127.0.0.1"; "::" and "0.0.0.0" for all */
    int port;                       /* 0: any free one, see http_port */
    struct slice cert_pem, key_pem; /* both given: TLS */
    size_t body_max;
    size_t arena_max; /* of one request */
    /* runs on the loop; must end in exactly one http_answer, now or later */
    void (*handle)(void *arg, struct http_request *r);
    void *arg;
};

/* http_start - ERR_STOP "http.busy" (the port is in use; the text names it), "http.start". */
MUST_CHECK struct err http_start(struct loop *l, const struct http_conf *c, struct http **out);
int http_port(const struct http *h);
/* http_close - no new requests; those under way are given 2 s, the rest is answered 503, then
 * closed(arg). Who still holds a request then may call http_answer, which only frees it, and
 * nothing else. Harmless when called twice: only the first closed is called. */
void http_close(struct http *h, void (*closed)(void *arg), void *arg);

struct slice http_header(const struct http_request *r, const char *name); /* any letter case */
/* http_query - the decoded value of a query parameter ('+' is a blank); SLICE_NONE: not given. A
 * name is compared letter by letter after decoding; the first of a repeated one counts. A query
 * with a bad escape or a NUL never gets this far: 400. */
struct slice http_query(const struct http_request *r, const char *name);
/* http_form - the same of a body in application/x-www-form-urlencoded; a value with a bad escape
 * or a NUL counts as not given. */
struct slice http_form(const struct http_request *r, const char *name);

struct http_header {
    const char *name;
    const char *value;
};

/* http_answer - body is copied; headers NULL or ended by a NULL name. The request is gone after. */
void http_answer(struct http_request *r, int status, const char *content_type, struct slice body,
                 const struct http_header *headers);

#endif
