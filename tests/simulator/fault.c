/* What goes wrong: which request suffers it, and the answers that are not the service's own. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/simulator/sim.h"

/* Chance is drawn by this: another fault, tenant or request draws anew. */
static bool
by_chance(const struct sim_call *c, const struct fault *f, size_t tenant, uint32_t number)
{
    if (f->percent >= 100)
        return true;
    uint64_t which = (uint64_t)(f - c->sim->scenario->faults);
    struct dice d = dice_of(c->sim->scenario->seed ^ which << 32, tenant, number);
    return dice_chance(&d, f->percent);
}

static bool
is_token_fault(enum fault_what what)
{
    return what == FAULT_SECRET || what == FAULT_TOKEN;
}

/* Whether the request is one that the fault looks at, its number and chance left aside. */
static bool
fits(const struct sim_call *c, const struct fault *f)
{
    struct sim *s = c->sim;
    bool token = strcmp(c->name, "token") == 0;
    int64_t since_ms = s->started == CLOCK_NONE ? -1 : (sim_now(s) - s->started) * s->speed / 10000;
    if ((f->sources & 1U << c->source) == 0 || since_ms < f->from_ms || since_ms >= f->to_ms)
        return false;
    if (f->tenant >= 0 && (c->tenant == NULL || c->tenant->number != (size_t)f->tenant))
        return false;
    if (is_token_fault(f->what))
        return token;
    return f->call.p != NULL ? slice_eq(f->call, slice_of(c->name)) : !token;
}

static bool
number_listed(const struct fault *f, uint32_t number)
{
    for (size_t i = 0; i < f->n_requests; i++)
        if (f->requests[i] == number)
            return true;
    return f->requests == NULL;
}

static struct fault_count *
counts_of(struct sim_call *c)
{
    struct sim_tenant *t = c->tenant;
    if (t->faults == NULL)
        t->faults =
            arena_alloc(c->sim->arena, c->sim->scenario->n_faults * sizeof(struct fault_count));
    return t->faults;
}

const struct fault *
fault_find(struct sim_call *c)
{
    const struct scenario *sc = c->sim->scenario;
    if (sc == NULL || sc->n_faults == 0 || c->tenant == NULL)
        return NULL;
    struct fault_count *counts = counts_of(c);
    const struct fault *found = NULL;
    for (size_t i = 0; counts != NULL && i < sc->n_faults; i++) {
        const struct fault *f = &sc->faults[i];
        if (f->what == FAULT_REVOKE || !fits(c, f))
            continue;
        uint32_t number = ++counts[i].seen;
        if (found != NULL || (f->most > 0 && counts[i].struck >= f->most) ||
            !number_listed(f, number) || !by_chance(c, f, c->tenant->number, number))
            continue;
        counts[i].struck++;
        found = f;
    }
    return found;
}

bool
fault_revokes(const struct sim_call *c, const struct sim_tenant *t, int64_t issued_ms)
{
    struct sim *s = c->sim;
    const struct scenario *sc = s->scenario;
    for (size_t i = 0; sc != NULL && s->started != CLOCK_NONE && i < sc->n_faults; i++) {
        const struct fault *f = &sc->faults[i];
        int64_t at = s->started + f->from_ms * 10000 / s->speed;
        bool ours = f->what == FAULT_REVOKE && (f->sources & 1U << c->source) != 0 &&
                    (f->tenant < 0 || (size_t)f->tenant == t->number);
        if (ours && sim_now(s) >= at && issued_ms < at / 10000)
            return true;
    }
    return false;
}

/* ---- answers in place of the service's */

/* When to come back, as the form says: a header, or nothing. */
static void
retry_after(const struct sim_call *c, const struct fault *f, struct http_header *out)
{
    struct arena *a = c->r->arena;
    char text[64];
    *out = (struct http_header){NULL, NULL};
    if (f->form == FORM_SECONDS || f->form == FORM_DEFAULT)
        *out =
            (struct http_header){"Retry-After", slice_printf(a, "%lld", (long long)f->after_s).p};
    if (f->form == FORM_DATE) {
        time_t at = (time_t)(sim_now(c->sim) / CLOCK_SECOND + f->after_s);
        struct tm tm;
        memset(&tm, 0, sizeof(tm));
        gmtime_r(&at, &tm);
        size_t n = strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        *out = (struct http_header){"Retry-After", slice_cstr(a, (struct slice){text, n})};
    }
}

void
quota_refuse(struct sim_call *c, int status, int64_t wait_s, uint32_t most, const char *period,
             const struct http_header *headers)
{
    struct arena *a = c->r->arena;
    struct slice body;
    if (c->source == SIM_APPS)
        body = slice_printf(a,
                            "{\"detail\":\"Request was throttled. Expected available in %lld "
                            "seconds.\"}",
                            (long long)wait_s);
    else if (c->source == SIM_MAIL)
        body = slice_printf(a,
                            "{\"error\":{\"code\":\"AF429\",\"message\":\"Too many requests. "
                            "Method=%s, PublisherId=%s\"}}",
                            c->name, SIM_PUBLISHER);
    else
        body = slice_printf(
            a,
            "{\"error\":{\"code\":\"429\",\"message\":\"API calls quota exceeded! Maximum allowed "
            "%u per %s for the key Destination+TenantID+AppID. You can send requests again in "
            "%lld seconds.\",\"target\":\"6d9f4a10-0000-4000-8000-000000000429\"}}",
            most, period, (long long)wait_s);
    sim_send(c->r, status, "application/json; charset=utf-8", body, headers);
}

static void
answer_throttle(struct sim_call *c, const struct fault *f)
{
    struct http_header headers[2] = {{NULL, NULL}, {NULL, NULL}};
    int status = (int)f->status;
    if (status == 0) /* mail says it either way */
        status = c->source == SIM_MAIL && c->tenant->faults[f - c->sim->scenario->faults].seen % 2
                     ? 403
                     : 429;
    retry_after(c, f, &headers[0]);
    if (f->form == FORM_NONE)
        sim_send(c->r, status, NULL, SLICE(""), NULL);
    else
        quota_refuse(c, status, f->after_s, 100, "00:01:00", headers);
}

static void
answer_status(struct sim_call *c, const struct fault *f)
{
    struct http_request *r = c->r;
    struct http_header headers[2] = {{NULL, NULL}, {NULL, NULL}};
    if (f->after_s > 0)
        headers[0] = (struct http_header){"Retry-After",
                                          slice_printf(r->arena, "%lld", (long long)f->after_s).p};
    struct slice body = SLICE("<html><body><h1>Service unavailable</h1></body></html>");
    if (f->form == FORM_EMPTY)
        sim_send(r, (int)f->status, NULL, SLICE(""), headers);
    else if (f->form == FORM_HTML)
        sim_send(r, (int)f->status, "text/html", body, headers);
    else
        sim_send(r, (int)f->status, "application/json; charset=utf-8",
                 c->source == SIM_MAIL
                     ? SLICE("{\"error\":{\"code\":\"AF50000\",\"message\":\"An internal server "
                             "error occurred. Retry the request.\"}}")
                     : SLICE("{\"error\":{\"code\":\"InternalServerError\",\"message\":\"Something "
                             "went wrong.\",\"target\":\"00000000-0000-0000-0000-000000000000\"}}"),
                 headers);
}

static void
answer_junk(struct sim_call *c, const struct fault *f)
{
    (void)f;
    sim_send(c->r, 200, "text/html",
             SLICE("<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to "
                   "continue</body></html>"),
             NULL);
}

static void
answer_permission(struct sim_call *c, const struct fault *f)
{
    struct http_request *r = c->r;
    (void)f;
    if (c->source == SIM_MAIL)
        sim_error(r, 403, "AF10001",
                  "The permission set (ServiceHealth.Read) sent in the request did not include the "
                  "expected permission ActivityFeed.Read.");
    else if (c->source == SIM_APPS)
        sim_send(r, 403, "application/json",
                 SLICE("{\"detail\":\"You do not have permission to perform this action.\"}"),
                 NULL);
    else
        sim_error(r, 403, "Forbidden",
                  "The application does not have any of the required application permissions "
                  "(Alert.Read.All, Alert.ReadWrite.All) to access the resource.");
}

static void
answer_secret(struct sim_call *c, const struct fault *f)
{
    token_error(c->r, f->code != 0 ? (int)f->code : 7000222);
}

static void
answer_token(struct sim_call *c, const struct fault *f)
{
    struct http_request *r = c->r;
    if (f->code != 0)
        token_error(r, (int)f->code);
    else if (f->form == FORM_NO_TOKEN)
        sim_send(r, 200, "application/json",
                 SLICE("{\"token_type\":\"Bearer\",\"expires_in\":3599}"), NULL);
    else if (f->form == FORM_EMPTY)
        sim_send(r, 200, "application/json", SLICE(""), NULL);
    else if (f->form == FORM_HTML)
        answer_junk(c, f);
    else
        sim_send(r, f->status != 0 ? (int)f->status : 503, "text/html",
                 SLICE("<html><body>Service unavailable</body></html>"), NULL);
}

bool
fault_grants_nothing(const struct sim_call *c)
{
    return c->fault != NULL && c->fault->what == FAULT_TOKEN && c->fault->form == FORM_NO_ROLES;
}

bool
fault_answer(struct sim_call *c)
{
    static void (*const answers[FAULTS])(struct sim_call * c, const struct fault *f) = {
        [FAULT_THROTTLE] = answer_throttle, [FAULT_STATUS] = answer_status,
        [FAULT_JUNK] = answer_junk,         [FAULT_PERMISSION] = answer_permission,
        [FAULT_SECRET] = answer_secret,     [FAULT_TOKEN] = answer_token,
    };
    if (c->fault == NULL || answers[c->fault->what] == NULL || fault_grants_nothing(c))
        return false;
    answers[c->fault->what](c, c->fault);
    return true;
}
