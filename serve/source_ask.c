/*
 * source_ask.c: asks a service what its worker would ask, once, and says what is missing.
 *
 * At most REQUESTS_MAX requests, one about the state and one for a token, for workers need the
 * quota. Each is made by the source itself, and its answer judged by it, so that what is well here
 * is well there. Ref: sources.md 1.1, 2.10, 3.10, 4.8.
 */
#include <string.h>

#include "common/clock.h"
#include "common/fetch.h"
#include "ingest/token.h"
#include "serve/claims.h"
#include "serve/source_report.h"

enum {
    REQUESTS_MAX = 8,
    ANSWER_MAX = 64 << 20, /* of one answer: a few minutes of alerts are less */
    ANSWER_TIMES = 3,      /* memory for one: its bytes, and what is read of them */
    CLOCK_OFF_S = 5,
};

struct asker {
    struct source_look *look;
    struct fetch *fetch;
    struct token *token;
    struct slice header;
    struct source_request queue[REQUESTS_MAX];
    size_t n_queue;
    struct arena *answers; /* of the request under way */
    bool done, clock_told;
    struct err e;
    struct fetch_answer answer;
};

static bool
code_ends(struct err e, const char *end)
{
    return e.kind && slice_ends(slice_of(e.code), slice_of(end));
}

/* ---- what to do about it */

static const char *
repair_of(const struct source_look *l, struct err e)
{
    const struct source_probe *p = l->source->probe;
    bool oauth = l->of->token_url.n > 0;
    if (p == NULL)
        return NULL;
    if (code_ends(e, ".forbidden"))
        return p->grant;
    if (code_ends(e, ".token"))
        return oauth ? "resource must be that of this service; token_url that of this directory"
                     : p->secret;
    if (strcmp(e.code, "token.refused") == 0 && strstr(e.text, "secret") != NULL)
        return p->secret;
    if (strcmp(e.code, "token.status") == 0 || strcmp(e.code, "token.answer") == 0 ||
        (strcmp(e.code, "token.refused") == 0 && strstr(e.text, "(AADSTS0)") != NULL))
        return "token_url is https://login.microsoftonline.com/<directory id>/oauth2/token, or "
               ".../oauth2/v2.0/token";
    if (code_ends(e, ".address") || strcmp(e.code, "fetch.url") == 0 ||
        slice_starts(slice_of(e.code), SLICE("json."))) /* a portal's page, or a proxy's */
        return p->address;
    if (code_ends(e, ".audit_off"))
        return "it takes up to an hour after that";
    return NULL;
}

/* TLS, DNS or a firewall: curl's words tell which, and what to do differs. */
static const char *
repair_connection(struct err e)
{
    if (strstr(e.text, "SSL") != NULL || strstr(e.text, "ertificate") != NULL)
        return "something between us and the service shows another certificate: name its CA in "
               "fetch.ca_file if it is yours; else look at the clock and the name in the address";
    if (strstr(e.text, "resolve") != NULL)
        return "the name in the address does not exist, or this host's DNS does not know it";
    return "is it the right address, and may this host reach it through the firewall?";
}

static void
say_failed(struct source_look *l, const char *what, struct err e)
{
    bool wire = slice_starts(slice_of(e.code), SLICE("fetch.")) && strcmp(e.code, "fetch.url") != 0;
    report_say(l->report, REPORT_PROBLEM, what, wire ? repair_connection(e) : repair_of(l, e), "%s",
               e.text);
}

/* ---- token */

static void
on_token(void *arg, struct slice header, struct err e)
{
    struct asker *k = arg;
    k->header = e.kind ? SLICE_NONE : slice_dup(k->look->arena, header);
    k->e = e.kind == ERR_NONE && k->header.p == NULL
               ? err_make(ERR_RETRY, "token.memory", "out of memory")
               : e;
    k->done = true;
}

static bool
has_role(const struct claims *c, const char *const *wanted)
{
    for (; *wanted != NULL; wanted++)
        for (size_t i = 0; i < c->n_roles; i++)
            if (slice_eq(c->roles[i], slice_of(*wanted)))
                return true;
    return false;
}

static struct slice
joined(struct arena *a, const struct claims *c)
{
    struct slice all = SLICE("");
    for (size_t i = 0; i < c->n_roles && all.n < 200; i++)
        all = slice_printf(a, "%.*s%s%.*s", SLICE_ARG(all), i > 0 ? ", " : "",
                           SLICE_ARG(slice_sub(c->roles[i], 0, 60)));
    return all;
}

/* Names only, never the token. */
static void
say_claims(struct source_look *l, struct slice header)
{
    struct claims c;
    const struct source_probe *p = l->source->probe;
    if (!claims_read(header, l->arena, &c))
        return;
    bool other = c.tenant.n > 0 && l->of->directory_id.n > 0 &&
                 !slice_eq_nocase(c.tenant, l->of->directory_id);
    report_say(
        l->report, other ? REPORT_PROBLEM : REPORT_OK, "token's directory",
        other ? "token_url must name the tenant's own directory id" : NULL,
        "for %.*s of directory %.*s, until %.19sZ", SLICE_ARG(slice_sub(c.audience, 0, 80)),
        SLICE_ARG(slice_sub(c.tenant, 0, 40)),
        clock_format(c.expires_s < INT64_C(100000000000) ? c.expires_s * CLOCK_SECOND : CLOCK_NONE)
            .s);
    if (p == NULL || p->roles == NULL)
        return;
    bool has = has_role(&c, p->roles);
    struct slice roles = joined(l->arena, &c);
    if (has)
        report_say(l->report, REPORT_OK, "permission", NULL, "%.*s", SLICE_ARG(roles));
    else
        report_say(l->report, REPORT_PROBLEM, "permission", p->grant,
                   "the token does not name %s; it has %.*s", p->roles[0],
                   SLICE_ARG(c.n_roles > 0 ? roles : SLICE("no role at all")));
}

static bool
is_hex(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (strchr("0123456789abcdefABCDEF", s.p[i]) == NULL || s.p[i] == '\0')
            return false;
    return s.n == 64;
}

/* False: there is none, and nothing can be asked. */
static bool
get_token(struct asker *k)
{
    struct source_look *l = k->look;
    struct token_want want = {.ready = on_token, .arg = k};
    bool fixed = l->of->token_url.n == 0;
    k->done = false;
    l->report->requests += fixed ? 0 : 1;
    token_get(k->token, &want);
    if (!loop_turn(l->loop, &k->done)) {
        token_unwant(k->token, &want);
        k->e = err_make(ERR_STOP, "cli.interrupted", "interrupted");
        return false;
    }
    if (k->e.kind) {
        say_failed(l, "token", k->e);
        k->e = ERR_OK;
        return false;
    }
    if (fixed && !is_hex(l->of->static_token))
        report_say(l->report, REPORT_WARN, "token", NULL,
                   "the API token of the settings is not 64 hex digits: was it copied whole?");
    else
        report_say(l->report, REPORT_OK, "token", NULL, "%s",
                   fixed ? "an API token, from the settings" : "the token endpoint gives one");
    say_claims(l, k->header);
    return true;
}

/* ---- requests */

static void
on_answer(void *arg, const struct fetch_answer *answer, struct err e)
{
    struct asker *k = arg;
    k->answer = answer != NULL ? *answer : (struct fetch_answer){.status = 0};
    k->e = e;
    k->done = true;
}

/* Once, by the first answer that names its time. */
static void
say_clock(struct asker *k)
{
    int64_t there_s = 0;
    if (k->clock_told || !fetch_date(k->answer.headers, &there_s))
        return;
    k->clock_told = true;
    int64_t off_s = there_s - clock_now() / CLOCK_SECOND;
    bool far = off_s > CLOCK_OFF_S || off_s < -CLOCK_OFF_S;
    report_say(k->look->report, far ? REPORT_WARN : REPORT_OK, "clock",
               far ? "sudo timedatectl set-ntp true; up to half a day, workers go by the service's "
                     "clock"
                   : NULL,
               "the service's clock is %lld s %s ours", (long long)(off_s < 0 ? -off_s : off_s),
               off_s < 0 ? "behind" : "ahead of");
}

/* What the service tells of its quota, when it does. */
static void
say_quota(struct asker *k)
{
    static const struct slice words[] = {{"ratelimit", 9}, {"retry-after", 11}};
    struct slice left = k->answer.headers;
    while (left.p != NULL) {
        struct slice line = slice_trim(slice_split(&left, '\n'));
        struct slice rest = line, name = slice_split(&rest, ':');
        struct slice lower = slice_lower(k->look->arena, slice_sub(name, 0, 60));
        for (size_t i = 0; rest.p != NULL && i < sizeof words / sizeof *words; i++)
            if (slice_find(lower, words[i], 0) < lower.n)
                report_say(k->look->report, REPORT_OK, "quota", NULL, "%.*s",
                           SLICE_ARG(slice_sub(line, 0, 120)));
    }
}

static const char *
name_of(const struct source_look *l, const struct source_request *r)
{
    const struct source_probe *p = l->source->probe;
    if (p != NULL && p->name != NULL)
        return p->name(r);
    return l->source->calls != NULL ? l->source->calls[r->call].name : "request";
}

/* One answer of each kind is enough: how a chain goes on is not asked. */
static void
enqueue(struct asker *k, const struct source_request *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        while (at < k->n_queue &&
               (k->queue[at].call != list[i].call || k->queue[at].step != list[i].step))
            at++;
        if (at == k->n_queue && at < REQUESTS_MAX)
            k->queue[k->n_queue++] = list[i];
    }
}

static bool
changes(const struct source_look *l, const struct source_request *r)
{
    const struct source_probe *p = l->source->probe;
    return p != NULL && p->changes != NULL && p->changes(r);
}

static bool
busy(const struct asker *k, struct err e)
{
    return e.kind && (k->answer.status == 429 || code_ends(e, ".busy"));
}

/* page is that of the answer; NULL: it was of no round, and e tells all. */
static void
say_answer(struct asker *k, const struct source_request *asked, const char *what, struct err e,
           const struct page *page)
{
    struct source_look *l = k->look;
    bool ok = k->answer.status >= 200 && k->answer.status <= 299;
    if (busy(k, e))
        report_say(l->report, REPORT_WARN, what,
                   "workers or others use the quota up now; ask again in a minute", "%s", e.text);
    else if (e.kind)
        say_failed(l, what, e);
    else if (page->warn.kind)
        report_say(l->report, REPORT_WARN, what, NULL, "%s", page->warn.text);
    else if (!ok)
        report_say(l->report, REPORT_WARN, what, NULL, "the service answers %ld: %s",
                   k->answer.status,
                   page->n_next > 0 ? "asked for less, or otherwise" : "nothing can be taken");
    else if (changes(l, asked))
        report_say(l->report, REPORT_OK, what, NULL, "done");
    else
        report_say(l->report, REPORT_OK, what, NULL, "answered; %zu in the last minutes",
                   page->n_alerts);
}

/* Sends one and waits. False: interrupted; k->e says it. */
static bool
exchange(struct asker *k, const struct source_request *asked)
{
    struct source_look *l = k->look;
    struct fetch_request r = asked->http;
    arena_reset(k->answers);
    k->done = false;
    k->answer = (struct fetch_answer){.status = 0};
    if (r.n_headers == FETCH_HEADERS_MAX) {
        k->e = err_make(ERR_STOP, "fetch.header", "a request with too many headers");
        return true;
    }
    r.headers[r.n_headers++] = k->header;
    r.answer_max_bytes = ANSWER_MAX;
    l->report->requests++;
    k->e = fetch_start(k->fetch, &r, k->answers, on_answer, k);
    if (k->e.kind || loop_turn(l->loop, &k->done))
        return true;
    fetch_cancel(k->fetch, k);
    k->e = err_make(ERR_STOP, "cli.interrupted", "interrupted");
    return false;
}

static struct answer
answer_of(const struct asker *k, const struct source_request *asked)
{
    return (struct answer){.asked = asked,
                           .conf = k->look->of,
                           .status = k->answer.status,
                           .headers = k->answer.headers,
                           .body = k->answer.body,
                           .failed = k->e};
}

/* What a round takes for granted. False: interrupted, or nothing answers there. */
static bool
ask_state(struct asker *k)
{
    struct source_look *l = k->look;
    const struct source_probe *p = l->source->probe;
    struct source_request r;
    struct slice says = SLICE_NONE;
    struct err warn = ERR_OK;
    if (p == NULL || p->ask == NULL)
        return true;
    k->e = p->ask(l->of, l->arena, &r);
    if (k->e.kind || !exchange(k, &r))
        return false;
    struct answer got = answer_of(k, &r);
    say_clock(k);
    const char *what = p->changes != NULL ? "subscription" : "scope";
    struct err e = k->e.kind ? k->e : p->read(&got, k->answers, &says, &warn);
    k->e = ERR_OK;
    if (e.kind == ERR_NONE && warn.kind)
        report_say(l->report, REPORT_WARN, what, NULL, "%s", warn.text);
    else if (e.kind)
        say_answer(k, &r, what, e, NULL);
    else
        report_say(l->report, REPORT_OK, what, NULL, "%.*s", SLICE_ARG(says));
    return e.kind == ERR_NONE; /* what comes would be refused alike */
}

static struct err
first(struct asker *k)
{
    struct source_look *l = k->look;
    const struct source_probe *p = l->source->probe;
    const struct cursor at = {.since = CLOCK_NONE, .closed = CLOCK_NONE, .until = CLOCK_NONE};
    struct source_request one, *list = &one;
    size_t n = 1;
    struct err e = p != NULL && p->first != NULL
                       ? p->first(l->of, l->start, l->arena, &one)
                       : l->source->first(l->of, &at, l->arena, &list, &n);
    if (e.kind == ERR_NONE)
        enqueue(k, list, n);
    return e;
}

static bool
may_ask(struct asker *k, const struct source_request *r)
{
    if (!changes(k->look, r) || k->look->start)
        return true;
    report_say(k->look->report, REPORT_WARN, name_of(k->look, r), NULL,
               "left out, for it changes something there: --start does it");
    return false;
}

/* Everything of a page that is kept lives in the answers' arena: followed requests are copied. */
static struct source_request *
keep(struct asker *k, const struct page *page)
{
    struct arena *a = k->look->arena;
    struct source_request *list = arena_alloc(a, (page->n_next + 1) * sizeof *list);
    for (size_t i = 0; list != NULL && i < page->n_next; i++) {
        list[i] = page->next[i];
        list[i].http.url = slice_dup(a, list[i].http.url);
        list[i].carry = slice_dup(a, list[i].carry);
        list[i].http.body = slice_dup(a, list[i].http.body);
        for (size_t h = 0; h < list[i].http.n_headers; h++)
            list[i].http.headers[h] = slice_dup(a, list[i].http.headers[h]);
        if (list[i].http.url.p == NULL)
            return NULL;
    }
    return list;
}

static struct err
ask_all(struct asker *k)
{
    struct err e = first(k);
    for (size_t i = 0; e.kind == ERR_NONE && i < k->n_queue; i++) {
        const struct source_request *asked = &k->queue[i];
        struct page page = {.at = asked->at};
        if (!may_ask(k, asked))
            continue;
        if (!exchange(k, asked))
            return k->e;
        struct answer got = answer_of(k, asked);
        say_clock(k);
        say_quota(k);
        struct err found = k->e.kind ? k->e : k->look->source->parse(&got, k->answers, &page);
        say_answer(k, asked, name_of(k->look, asked), found, &page);
        if (found.kind)
            break; /* what comes would be refused alike */
        struct source_request *next = keep(k, &page);
        if (next == NULL)
            e = err_make(ERR_STOP, "cli.memory", "out of memory");
        else
            enqueue(k, next, page.n_next);
    }
    return e;
}

struct err
source_ask(struct source_look *l)
{
    struct asker k = {.look = l, .e = ERR_OK};
    struct err e = fetch_open(l->loop, l->conf, &k.fetch);
    if (e.kind)
        return e;
    k.token = token_new(k.fetch, l->of);
    k.answers = arena_new((size_t)ANSWER_MAX * ANSWER_TIMES);
    if (k.token == NULL || k.answers == NULL)
        e = err_make(ERR_STOP, "cli.memory", "out of memory");
    else if (get_token(&k) && ask_state(&k))
        e = ask_all(&k);
    else
        e = k.e;
    if (k.header.p != NULL)
        explicit_bzero((char *)k.header.p, k.header.n);
    fetch_cancel(k.fetch, &k);
    token_free(k.token);
    fetch_close(k.fetch, NULL, NULL);
    arena_free(k.answers);
    return e;
}
