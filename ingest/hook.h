/*
 * hook.h: a listener for a source's notifications, HTTP or HTTPS on the loop of its worker.
 *
 * It never carries truth: a notification wakes a tenant's poller, which asks as it always does. A
 * lost one costs latency only. What a request means is the source's (struct hook_kind, pure).
 */
#ifndef WEIR_HOOK_H
#define WEIR_HOOK_H
#include "common/conf.h"
#include "common/http.h"
#include "common/loop.h"

/* One request as the source judges it. */
struct hook_request {
    const struct conf *conf;
    struct slice method, path, body;
    struct slice auth_id;         /* header Webhook-AuthID; NONE: not there */
    struct slice validation_code; /* header Webhook-ValidationCode */
};

struct hook_reply {
    int status;
    struct slice wake; /* the directory id of a tenant that has news; NONE: nobody */
};

struct hook_kind {
    const char *port_option, *address_option; /* port 0: no listener */
    const char *cert_option, *key_option;     /* PEM files; both unset: plain HTTP */
    struct hook_reply (*judge)(const struct hook_request *r, struct arena *a);
    /* ready - is all there that judge needs? asked once, at the start */
    struct err (*ready)(const struct conf *c, struct arena *a);
};

struct hook; /* opaque: the listener */

/*
 * hook_start - listens when the kind's port is set; *out stays NULL when it is not, and when the
 * port is in use, which is told: the workers of two regions may share a host and its settings.
 *
 * wake runs on the loop, once for each notification that was believed.
 * Errors:  ERR_STOP "hook.files" (certificate or key cannot be read, or one without the other),
 *          those of http_start and of kind->ready.
 */
MUST_CHECK struct err hook_start(struct loop *l, const struct conf *c, const struct hook_kind *kind,
                                 void (*wake)(void *arg, struct slice directory_id), void *arg,
                                 struct hook **out);
int hook_port(const struct hook *h);
/* hook_close - no request is judged any more; frees itself. NULL is fine. */
void hook_close(struct hook *h);

#endif
