#include "tests/simulator/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/crypto.h"
#include "common/log.h"
#include "tests/simulator/replay.h"
#include "tests/simulator/wire.h"

int64_t
sim_now(const struct sim *s)
{
    return (s->frozen != CLOCK_NONE ? s->frozen : clock_now()) + s->ahead;
}

/* ---- answers */

static const char *
http_date(int64_t t, struct arena *a)
{
    char text[64];
    time_t seconds = (time_t)(t / CLOCK_SECOND);
    struct tm tm;
    memset(&tm, 0, sizeof(tm));
    gmtime_r(&seconds, &tm);
    size_t n = strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    return slice_cstr(a, (struct slice){text, n});
}

void
sim_send(struct http_request *r, int status, const char *content_type, struct slice body,
         const struct http_header *headers)
{
    enum { HEADERS_MAX = 16 };
    struct sim_call *c = r->data;
    struct http_header all[HEADERS_MAX] = {{NULL, NULL}};
    int64_t now = sim_now(c->sim);
    size_t n = 0;
    for (; headers != NULL && headers[n].name != NULL && n < HEADERS_MAX - 3; n++)
        all[n] = headers[n];
    if (c->fault != NULL && c->fault->what == FAULT_DATE)
        now += c->fault->ms * (CLOCK_SECOND / 1000);
    const char *date = http_date(now, r->arena);
    if (date != NULL)
        all[n++] = (struct http_header){"Date", date};
    const char *orders = c->sim->wire != NULL ? wire_orders(c, r->arena) : NULL;
    if (orders != NULL)
        all[n++] = (struct http_header){WIRE_HEADER, orders};
    http_answer(r, status, content_type, body, all);
}

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
    sim_send(r, status, "application/json; charset=utf-8", json_out_print(o, r->arena), NULL);
}

void
sim_serve(struct sim_call *c, struct delivery *d)
{
    if (!c->lost)
        plan_serve(d);
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

struct slice
sim_lines(const struct slice *lines, size_t n, struct arena *a)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += lines[i].n + 1;
    char *text = arena_alloc(a, bytes + 1);
    size_t at = 0;
    for (size_t i = 0; text != NULL && i < n; i++) {
        memcpy(text + at, lines[i].p, lines[i].n);
        at += lines[i].n;
        text[at++] = '\n';
    }
    return text != NULL ? (struct slice){text, at} : SLICE_NONE;
}

/* ---- what was asked, what was wrong */

static struct sim_count *
count_of(struct sim *s, const char *source, const char *name)
{
    for (size_t i = 0; i < s->n_counts; i++)
        if (strcmp(s->counts[i].source, source) == 0 && strcmp(s->counts[i].name, name) == 0)
            return &s->counts[i];
    if (s->n_counts == SIM_CALLS_MAX)
        return NULL;
    s->counts[s->n_counts] = (struct sim_count){.source = source, .name = name};
    return &s->counts[s->n_counts++];
}

static void
count(struct sim_call *c)
{
    struct sim *s = c->sim;
    struct sim_count *n = count_of(s, sim_source_names[c->source], c->name);
    if (n != NULL)
        n->n++;
    if (strcmp(c->name, "token") != 0 && s->requests[c->source]++ == 0)
        s->first_asked[c->source] = sim_now(s);
}

void
sim_blame(struct sim_call *c, const char *kind, const char *format, ...)
{
    struct sim *s = c->sim;
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct sim_count *n = count_of(s, sim_source_names[c->source], c->name);
    if (n != NULL)
        n->refused++;
    log_info("sim.wrong", LOG_STR("kind", kind), LOG_STR("text", text));
    if (s->n_wrongs++ >= SIM_WRONGS_MAX)
        return;
    s->wrongs[s->n_wrongs - 1] =
        (struct sim_wrong){.kind = kind,
                           .tenant = c->tenant != NULL ? c->tenant->number : 0,
                           .source = sim_source_names[c->source],
                           .what = slice_dup(s->arena, slice_of(text)),
                           .at = sim_now(s)};
}

static struct quota *
quota_of(struct sim_tenant *t, const char *name)
{
    struct quota *q = t->quotas;
    while (q != NULL && strcmp(q->name, name) != 0)
        q = q->next;
    if (q == NULL && (q = arena_alloc(t->sim->arena, sizeof(*q))) != NULL) {
        *q = (struct quota){.name = name, .next = t->quotas};
        t->quotas = q;
    }
    return q;
}

bool
quota_spend(struct sim_call *c, const char *name, struct quota_limit most, int status)
{
    const struct scenario *sc = c->sim->scenario;
    struct http_header headers[2] = {{NULL, NULL}, {NULL, NULL}};
    struct quota *q = quota_of(c->tenant, name);
    int64_t wait_s = 0;
    if (sc != NULL && sc->quota_set[c->source])
        most = sc->quotas[c->source];
    enum quota_verdict verdict =
        q != NULL ? quota_take(q, most, sim_now(c->sim), &wait_s) : QUOTA_GOOD;
    if (verdict == QUOTA_GOOD)
        return true;
    bool hour = verdict == QUOTA_HOUR;
    sim_blame(c, hour ? "quota.hour" : "quota.minute", "more than %u requests of %s in %s",
              hour ? most.per_hour : most.per_minute, name, hour ? "an hour" : "a minute");
    if (c->source != SIM_MAIL)
        headers[0] = (struct http_header){"Retry-After",
                                          slice_printf(c->r->arena, "%lld", (long long)wait_s).p};
    quota_refuse(c, status, wait_s, hour ? most.per_hour : most.per_minute,
                 hour ? "01:00:00" : "00:01:00", headers);
    return false;
}

/* ---- start */

static struct err
plan_load(struct sim *s, struct sim_tenant *t, int64_t now)
{
    if (s->scenario != NULL)
        return scenario_plan(s->scenario, t, now, s->speed);
    if (t->number > 0)
        return ERR_OK; /* the story is contoso's */
    if (s->data != NULL)
        return data_load(&t->plan, s->data, s->dir, now);
    if (s->replay != NULL)
        return replay_plan(s->replay, &t->plan, t->id, now, s->speed);
    return story_load(&t->plan, t->id, now, s->speed);
}

struct err
sim_start(struct sim *s)
{
    struct err e = ERR_OK;
    int64_t now = sim_now(s);
    size_t planned = 0;
    if (s->started != CLOCK_NONE)
        return ERR_OK;
    for (size_t i = 0; e.kind == ERR_NONE && i < s->n_tenants; i++) {
        e = plan_load(s, &s->tenants[i], now);
        planned += s->tenants[i].plan.n;
    }
    if (e.kind == ERR_NONE)
        e = plan_write(&s->tenants[0].plan, s->dir);
    if (e.kind)
        return e;
    s->started = now;
    for (size_t i = 0; i < s->n_tenants; i++)
        s->tenants[i].plan.started = now;
    log_info("sim.start", LOG_INT("planned", (int64_t)planned),
             LOG_INT("tenants", (int64_t)s->n_tenants));
    return ERR_OK;
}

/* ---- requests */

struct service {
    const char *prefix;
    enum sim_source source;
    const char *(*call)(struct slice method, struct slice path);
    void (*caller)(struct sim_call *c);
    void (*answer)(struct sim_call *c, struct slice path);
};

static const struct service services[] = {
    {"/endpoint", SIM_ENDPOINT, endpoint_call, endpoint_caller, endpoint_answer},
    {"/mail", SIM_MAIL, mail_call, mail_caller, mail_answer},
    {"/apps", SIM_APPS, apps_call, apps_caller, apps_answer},
};

static bool
path_under(struct slice path, const char *prefix, struct slice *rest)
{
    struct slice p = slice_of(prefix);
    if (!slice_starts(path, p) || path.n == p.n || path.p[p.n] != '/')
        return false;
    *rest = slice_sub(path, p.n, path.n);
    return true;
}

static void
service_answer(const struct service *v, struct sim_call *c, struct slice path)
{
    c->source = v->source;
    c->name = v->call(c->r->method, path);
    count(c);
    v->caller(c);
    if (c->tenant != NULL)
        c->tenant->requests++;
    if (c->tenant != NULL)
        plan_release(&c->tenant->plan, sim_now(c->sim));
    c->fault = fault_find(c);
    c->lost = wire_loses(c);
    if (!fault_answer(c))
        v->answer(c, path);
}

static void
login_answer(struct sim_call *c, struct slice path)
{
    struct slice audience = token_audience(c->r, path);
    c->source = token_source(audience);
    c->name = "token";
    if (c->source == SIM_SOURCES)
        c->source = SIM_ENDPOINT;
    count(c);
    struct slice rest = slice_sub(path, 1, path.n);
    c->tenant = tenant_find(c->sim, slice_split(&rest, '/'));
    c->fault = fault_find(c);
    c->lost = wire_loses(c);
    if (!fault_answer(c))
        token_answer(c, path);
}

void
sim_answer(void *arg, struct http_request *r)
{
    struct sim *s = arg;
    struct slice rest;
    struct sim_call *c = arena_alloc(r->arena, sizeof(*c));
    if (c == NULL) {
        http_answer(r, 503, "text/plain", SLICE("out of memory"), NULL);
        return;
    }
    *c = (struct sim_call){.sim = s, .r = r, .name = "other"};
    r->data = c;
    if (path_under(r->path, "/sim", &rest)) {
        control_answer(c, rest);
        return;
    }
    if (path_under(r->path, "/login", &rest)) {
        login_answer(c, rest);
        return;
    }
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
        if (path_under(r->path, services[i].prefix, &rest)) {
            service_answer(&services[i], c, rest);
            return;
        }
    sim_error(r, 404, "NotFound", "No service lives at this address.");
}
