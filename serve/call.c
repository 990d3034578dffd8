#include "serve/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metric.h"

enum { HEADERS_MAX = 8, HOST_MAX = 255, MESSAGE_MAX = 512 };

static const char JSON_TYPE[] = "application/json; charset=utf-8";

/* Labels must be static text. */
static const char *
status_label(int status)
{
    static const struct {
        int status;
        const char *label;
    } labels[] = {{200, "200"}, {202, "202"}, {400, "400"}, {401, "401"},
                  {403, "403"}, {404, "404"}, {405, "405"}, {409, "409"},
                  {413, "413"}, {429, "429"}, {500, "500"}, {503, "503"}};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (labels[i].status == status)
            return labels[i].label;
    return "other";
}

static void
count(const struct call *c, int status)
{
    const char *route = c->route != NULL ? c->route->name : "none";
    int64_t took_ms = clock_mono_ms() - c->began_ms;
    metric_add(METRIC_weir_api_requests_total, 1, route, status_label(status));
    metric_observe(METRIC_weir_api_request_seconds, (double)took_ms / 1000.0, route);
    if (status >= 400)
        log_info("api.answer", LOG_STR("request", c->id), LOG_STR("route", route),
                 LOG_INT("status", status), LOG_INT("took_ms", took_ms));
    else
        log_debug("api.answer", LOG_STR("request", c->id), LOG_STR("route", route),
                  LOG_INT("status", status), LOG_INT("took_ms", took_ms));
}

void
call_answer(struct call *c, int status, struct slice json, const struct http_header *headers)
{
    struct http_header all[HEADERS_MAX + 1] = {{"request-id", c->id},
                                               {"Cache-Control", "no-store"}};
    size_t n = 2;
    while (headers != NULL && headers->name != NULL && n < HEADERS_MAX)
        all[n++] = *headers++;
    all[n] = (struct http_header){NULL, NULL};
    count(c, status);
    http_answer(c->r, status, JSON_TYPE, json, all);
}

static bool
is_graph(const struct call *c)
{
    return c->route != NULL ? c->route->graph : slice_starts(c->r->path, SLICE("/v1.0/"));
}

static void
put_request(struct call *c, struct json_out *error)
{
    if (!is_graph(c)) {
        json_out_text(error, "target", slice_of(c->id));
        return;
    }
    struct json_out *inner = json_out_object(c->r->arena);
    struct slice theirs = http_header(c->r, "client-request-id");
    json_out_text(inner, "date", slice_of(clock_format(clock_now()).s));
    json_out_text(inner, "request-id", slice_of(c->id));
    json_out_text(inner, "client-request-id", theirs.n > 0 ? theirs : slice_of(c->id));
    json_out_set(error, "innerError", inner);
}

static void
fail(struct call *c, int status, const char *code, struct slice message,
     const struct http_header *headers)
{
    struct json_out *o = json_out_object(c->r->arena), *error = json_out_object(c->r->arena);
    json_out_text(error, "code", slice_of(code));
    json_out_text(error, "message", message);
    put_request(c, error);
    json_out_set(o, "error", error);
    struct slice text = json_out_print(o, c->r->arena);
    if (text.p != NULL) {
        call_answer(c, status, text, headers);
        return;
    }
    /* no memory for the sentence: the least that is still an error of the right shape */
    char least[256];
    (void)snprintf(
        least, sizeof least,
        "{\"error\":{\"code\":\"%.32s\",\"message\":\"Out of memory.\",\"target\":\"%s\"}}", code,
        c->id);
    call_answer(c, status, slice_of(least), headers);
}

void
call_fail(struct call *c, int status, const char *code, const char *format, ...)
{
    static const struct http_header challenge[] = {{"WWW-Authenticate", "Bearer"}, {NULL, NULL}};
    static const struct http_header later[] = {{"Retry-After", "2"}, {NULL, NULL}};
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    fail(c, status, code, slice_of(message),
         status == 401   ? challenge
         : status == 503 ? later
                         : NULL);
}

void
call_json(struct call *c, int status, const struct json_out *o, const struct http_header *headers)
{
    struct slice text = json_out_print(o, c->r->arena);
    if (text.p != NULL)
        call_answer(c, status, text, headers);
    else
        call_fail(c, 500, "InternalServerError", "The answer did not fit into memory.");
}

static bool
is_code(struct err e, const char *code)
{
    return strcmp(e.code, code) == 0;
}

void
call_err(struct call *c, struct err e)
{
    if (strncmp(e.code, "odata.", 6) == 0 && e.kind == ERR_REJECT)
        call_fail(c, 400, "ODataError", "%s", e.text);
    else if (is_code(e, "bundle.none"))
        call_fail(c, 404, "ResourceNotFound", "There is no incident with this id.");
    else if (is_code(e, "db.undefined")) /* its schema is gone: turned off a moment ago */
        call_fail(c, 403, "DisabledFeature", "Tenant feature is not enabled.");
    else if (e.kind == ERR_RETRY && strncmp(e.code, "db.", 3) == 0 && !is_code(e, "db.memory"))
        call_fail(c, 503, "ServiceUnavailable", "The store does not answer at the moment.");
    else {
        log_err("api.failed", &e, LOG_STR("request", c->id));
        if (e.kind == ERR_RETRY)
            call_fail(c, 500, "InternalServerError",
                      "The answer is too large; ask for fewer incidents ($top).");
        else
            call_fail(c, 500, "InternalServerError", "Something is wrong on our side.");
    }
}

/* What can stand in a host and port; anything else could break out of the links we write. */
static bool
host_ok(struct slice host)
{
    for (size_t i = 0; i < host.n; i++) {
        char ch = host.p[i];
        bool word =
            (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
        if (!word && strchr(".-_:[]", ch) == NULL)
            return false;
    }
    return host.n > 0 && host.n <= HOST_MAX;
}

struct slice
call_base(struct call *c)
{
    const char *scheme = c->api->tls ? "https" : "http";
    struct slice host = http_header(c->r, "Host");
    if (host_ok(host))
        return slice_printf(c->r->arena, "%s://%.*s", scheme, SLICE_ARG(host));
    return slice_printf(c->r->arena, "%s://127.0.0.1:%d", scheme, http_port(c->api->http));
}
