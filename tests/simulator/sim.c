#include "tests/simulator/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/crypto.h"
#include "common/log.h"

void
sim_error(struct http_request *r, int status, const char *code, const char *format, ...)
{
    char text[512];
    char target[37];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    crypto_guid(target);
    struct json_out *o = json_out_object(r->arena);
    struct json_out *error = json_out_object(r->arena);
    json_out_text(error, "code", slice_of(code));
    json_out_text(error, "message", slice_of(text));
    json_out_text(error, "target", slice_of(target));
    json_out_set(o, "error", error);
    http_answer(r, status, "application/json; charset=utf-8", json_out_print(o, r->arena), NULL);
}

struct slice
sim_join(struct arena *a, const char *open, struct delivery *const *list, size_t n,
         const char *close)
{
    size_t room = strlen(open) + strlen(close) + n + 1;
    for (size_t i = 0; i < n; i++)
        room += list[i]->payload.n;
    char *p = arena_alloc(a, room);
    if (p == NULL)
        return SLICE_NONE;
    char *at = stpcpy(p, open);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            *at++ = ',';
        memcpy(at, list[i]->payload.p, list[i]->payload.n);
        at += list[i]->payload.n;
    }
    at = stpcpy(at, close);
    return (struct slice){p, (size_t)(at - p)};
}

struct err
sim_start(struct sim *s)
{
    struct err e;
    int64_t now = clock_now();
    if (s->plan.started != CLOCK_NONE)
        return ERR_OK;
    if (s->data != NULL)
        e = data_load(&s->plan, s->data, s->dir, now);
    else
        e = story_load(&s->plan, s->tenant, now, s->speed);
    if (e.kind == ERR_NONE)
        e = plan_write(&s->plan, s->dir);
    if (e.kind)
        return e;
    s->plan.started = now;
    log_info("sim.start", LOG_INT("planned", (int64_t)s->plan.n));
    return ERR_OK;
}

static void
count(struct sim *s, enum sim_source source)
{
    if (s->requests[source]++ == 0)
        s->first_asked[source] = clock_now();
}

void
sim_answer(void *arg, struct http_request *r)
{
    static const struct {
        const char *prefix;
        enum sim_source source; /* SIM_SOURCES: not counted */
        void (*answer)(struct sim *s, struct http_request *r, struct slice path);
    } services[] = {
        {"/endpoint", SIM_ENDPOINT, endpoint_answer},
        {"/mail", SIM_MAIL, mail_answer},
        {"/apps", SIM_APPS, apps_answer},
        {"/sim", SIM_SOURCES, control_answer},
    };
    struct sim *s = arg;
    plan_release(&s->plan, clock_now());
    if (slice_starts(r->path, SLICE("/login/"))) {
        token_answer(s, r);
        return;
    }
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
        struct slice prefix = slice_of(services[i].prefix);
        if (!slice_starts(r->path, prefix) || r->path.n == prefix.n || r->path.p[prefix.n] != '/')
            continue;
        if (services[i].source != SIM_SOURCES)
            count(s, services[i].source);
        services[i].answer(s, r, slice_sub(r->path, prefix.n, r->path.n));
        return;
    }
    sim_error(r, 404, "NotFound", "No service lives at this address.");
}
