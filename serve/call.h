/*
 * call.h: one request of the API, from its headers to its answer.
 *
 * Internal to serve/. Every answer is JSON; every error is {"error":{"code","message","target"}}
 * with the request's id as target, which is also in a header and in the log (service.md 6.10).
 * Graph has {"error":{"code","message","innerError"}} with the id in there (service.md 8.6).
 */
#ifndef WEIR_CALL_H
#define WEIR_CALL_H
#include "common/conf.h"
#include "common/health.h"
#include "common/http.h"
#include "common/json.h"
#include "common/loop.h"
#include "normalize/params.h"
#include "serve/token.h"
#include "store/db.h"

enum { API_KEYS_MAX = 16, API_AUDIENCES_MAX = 32 };

struct decider;

/* The worker, as its routes see it. */
struct api {
    struct loop *loop;
    const struct conf *conf;
    const char *region;
    struct db *control, *db; /* db: the region's */
    struct decider *decider;
    struct health *health;
    struct http *http;
    bool tls;
    struct params params; /* what the installation's correlator decides with */
    /* keys that sign and verify tokens; newest first, texts in key_arena */
    struct arena *key_arena;
    struct token_key keys[API_KEYS_MAX];
    size_t n_keys;
    int64_t keys_read_ms; /* on the monotonic clock; 0: never */
    struct slice audiences[API_AUDIENCES_MAX];
    size_t n_audiences;
};

struct route;

struct call {
    struct http_request *r;
    struct api *api;
    const struct route *route; /* NULL: none fits */
    char id[37];
    int64_t began_ms;
    struct slice argument; /* what stands for "{}" in the route's path */
    /* after auth_check */
    struct token_claims who;
    struct oid oid;
    int32_t epoch;
    struct slice by; /* the name of who asks, for people */
    void *data;      /* the route's own */
};

struct route {
    const char *name; /* metric label */
    const char *method;
    const char *path;         /* one "{}" at most, which stands for one segment */
    const char *const *roles; /* NULL-terminated: one of them is needed; NULL: open to all */
    void (*handle)(struct call *c);
    bool graph; /* of the Graph family: its words and its form of errors */
};

/* Answers; each ends the call. Headers are added to ours; NULL or ended by a NULL name. */
void call_answer(struct call *c, int status, struct slice json, const struct http_header *headers);
/* call_json - o printed; out of memory becomes a 500. */
void call_json(struct call *c, int status, const struct json_out *o,
               const struct http_header *headers);
void call_fail(struct call *c, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* call_err - the answer that fits an error of ours: odata.* 400, bundle.none 404, a tenant that is
 * gone 403, too large 500, what passes by itself 503 with Retry-After. Logs what is our fault. */
void call_err(struct call *c, struct err e);

/* call_base - "https://host:port" as the client wrote it, in the call's arena. */
struct slice call_base(struct call *c);

#endif
