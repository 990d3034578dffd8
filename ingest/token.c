#include "ingest/token.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/plant.h"

enum {
    ARENA_LIMIT = 4 * 1024 * 1024,
    ANSWER_MAX_BYTES = 1024 * 1024,
    EARLY_S = 90, /* renewed this long before it expires; clients in the wild take 60 to 99 */
    LEAST_LIFE_S = 60,
    HEADER_MAX = 16 * 1024,
    SECRET_LEAST = 8,
};

struct token {
    struct fetch *fetch;
    const struct source_conf *conf;
    struct arena *arena;        /* of the request under way; NULL: none is */
    char *header;               /* "Authorization: ..."; NULL: none */
    int64_t good_until_ms;      /* of clock_mono_ms */
    unsigned serial;            /* of header */
    bool asking;                /* a request is under way */
    bool telling, freed;        /* freed by somebody who is being told */
    struct token_want *wanting; /* the first has waited longest */
};

/* What the codes of sources.md 1.1, and others that are met, ask an administrator to do. */
static const struct {
    int64_t code;
    const char *advice;
} advices[] = {
    {7000215, "the client secret is wrong: copy the secret's value, not its id"},
    {7000222, "the client secret has expired: make a new one under Certificates & secrets"},
    {700016, "the application is unknown in this directory: consent to it there, or correct "
             "client_id"},
    {700027, "the certificate's signature is wrong: upload the certificate that is in use"},
    {7000112, "the application is disabled in this directory: enable it under Enterprise "
              "applications"},
    {500011, "this directory does not know the resource: correct it, or license the product"},
    {53003, "a conditional access policy blocks the application: exclude it there"},
    {90002, "the directory is unknown: correct the directory id in token_url"},
    {900144, "a form field is missing: is token_url a token endpoint?"},
    {70011, "the scope is malformed: correct resource"},
    {90011, "the request is malformed: is token_url a token endpoint?"},
    {9002313, "the request is malformed: is token_url a token endpoint?"},
};

struct token *
token_new(struct fetch *f, const struct source_conf *conf)
{
    struct token *t = calloc(1, sizeof *t);
    if (t != NULL)
        *t = (struct token){.fetch = f, .conf = conf};
    return t;
}

/* A thousand tenants ask once an hour: nothing is kept in between. */
static void
forget_request(struct token *t)
{
    arena_free(t->arena);
    t->arena = NULL;
}

static void
token_destroy(struct token *t)
{
    if (t->header != NULL)
        explicit_bzero(t->header, strlen(t->header));
    free(t->header);
    forget_request(t);
    free(t);
}

void
token_free(struct token *t)
{
    if (t == NULL)
        return;
    t->freed = true;
    fetch_cancel(t->fetch, t);
    if (!t->telling)
        token_destroy(t);
}

unsigned
token_serial(const struct token *t)
{
    return t->serial;
}

void
token_drop(struct token *t, unsigned serial)
{
    if (serial == t->serial)
        t->good_until_ms = 0;
}

static struct token_want **
want_find(struct token *t, const struct token_want *w)
{
    struct token_want **at = &t->wanting;
    while (*at != NULL && *at != w)
        at = &(*at)->next;
    return at;
}

void
token_unwant(struct token *t, struct token_want *w)
{
    struct token_want **at = want_find(t, w);
    if (*at != NULL)
        *at = w->next;
}

/* Whoever is told may free the token: its memory stays until all that wait were looked at. */
static void
tell_all(struct token *t, struct err e)
{
    t->telling = true;
    while (!t->freed && t->wanting != NULL) {
        struct token_want *w = t->wanting;
        t->wanting = w->next;
        w->ready(w->arg, e.kind ? SLICE_NONE : slice_of(t->header), e);
    }
    t->telling = false;
    if (t->freed)
        token_destroy(t);
}

void
secret_hide(struct slice secret, char *text)
{
    struct slice all = slice_of(text);
    if (secret.n < SECRET_LEAST)
        return;
    for (size_t at = slice_find(all, secret, 0); at < all.n;
         at = slice_find(all, secret, at + secret.n))
        memset(text + at, '*', secret.n);
}

void
token_hide(const struct token *t, char *text)
{
    struct slice header = slice_of(t->header);
    size_t value = slice_find(header, SLICE(": "), 0) + 2;
    value = slice_find(header, SLICE(" "), value) + 1;
    if (value < header.n)
        secret_hide(slice_sub(header, value, header.n), text);
}

/* The number in error_codes, or behind AADSTS in the description; 0: none. */
static int64_t
code_of(struct json doc)
{
    int64_t code = 0;
    struct json first;
    struct json_iter it = json_items(json_get(doc, "error_codes"));
    if (json_next(&it, NULL, &first) && json_int(first, &code))
        return code;
    struct slice text = json_get_text(doc, "error_description");
    size_t from = slice_find(text, SLICE("AADSTS"), 0) + sizeof "AADSTS" - 1, end = from;
    while (end < text.n && text.p[end] >= '0' && text.p[end] <= '9')
        end++;
    return from < text.n && slice_int(slice_sub(text, from, end - from), &code) ? code : 0;
}

/* A word of RFC 6749; anything else that a server writes is not repeated. */
static struct slice
word_of(struct json doc)
{
    struct slice word = slice_sub(json_get_text(doc, "error"), 0, 60);
    for (size_t i = 0; i < word.n; i++)
        if ((word.p[i] < 'a' || word.p[i] > 'z') && word.p[i] != '_')
            return SLICE("no");
    return word.n > 0 ? word : SLICE("no");
}

static struct err
refused(struct json doc)
{
    int64_t code = code_of(doc);
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++)
        if (advices[i].code == code)
            return err_make(ERR_STOP, "token.refused", "AADSTS%lld: %s", (long long)code,
                            advices[i].advice);
    struct slice word = word_of(doc);
    if (PLANT(refusal_is_quoted))
        word = json_get_text(doc, "error_description");
    return err_make(ERR_STOP, "token.refused", "the token endpoint said %.*s (AADSTS%lld)",
                    SLICE_ARG(word), (long long)code);
}

/* A no is a 4xx with an error of RFC 6749 in it; these two words, and 408 and 429, mean later. */
static bool
is_no(long status, struct json doc)
{
    struct slice word = json_get_text(doc, "error");
    if (status == 400 || status == 401)
        return !slice_eq(word, SLICE("temporarily_unavailable")) &&
               !slice_eq(word, SLICE("server_error"));
    return status > 401 && status < 500 && status != 408 && status != 429 && word.n > 0;
}

/* It becomes part of a header line. */
static bool
is_token(struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] <= ' ' || text.p[i] >= 0x7f)
            return false;
    return text.n > 0 && text.n <= HEADER_MAX;
}

struct err
token_read(long status, struct slice body, struct arena *a, struct slice *access_token,
           int64_t *expires_in_s)
{
    struct json doc;
    struct err e = json_parse(body, a, &doc);
    if (e.kind == ERR_NONE && is_no(status, doc))
        return refused(doc);
    if (status != 200)
        return err_make(ERR_RETRY, "token.status", "the token endpoint answered %ld", status);
    if (e.kind)
        return err_make(ERR_RETRY, "token.answer", "the token endpoint's answer is not JSON");
    int64_t life = 0;
    struct slice token = json_get_text(doc, "access_token");
    if (!is_token(token))
        return err_make(ERR_RETRY, "token.answer", "the token endpoint's answer holds no token");
    if (!json_get_int(doc, "expires_in", &life) || life < LEAST_LIFE_S)
        life = LEAST_LIFE_S;
    *access_token = token;
    *expires_in_s = life < 86400 ? life : 86400;
    return ERR_OK;
}

static struct err
keep(struct token *t, const char *word, struct slice token, int64_t life_s)
{
    size_t size = sizeof "Authorization: " + strlen(word) + 1 + token.n;
    char *header = malloc(size);
    if (header == NULL)
        return err_make(ERR_RETRY, "token.memory", "out of memory");
    size_t n =
        (size_t)stpcpy(stpcpy(stpcpy(header, "Authorization: "), word), " ") - (size_t)header;
    memcpy(header + n, token.p, token.n);
    header[n + token.n] = '\0';
    if (t->header != NULL)
        explicit_bzero(t->header, strlen(t->header));
    free(t->header);
    t->header = header;
    int64_t good_s = life_s > 2 * EARLY_S ? life_s - EARLY_S : life_s / 2;
    t->good_until_ms = clock_mono_ms() + good_s * 1000;
    t->serial++;
    if (PLANT(token_is_logged))
        log_info("token.new", LOG_STR("header", t->header));
    return ERR_OK;
}

static int64_t
wait_asked_ms(const struct fetch_answer *answer)
{
    int64_t ms = 0;
    struct slice value = fetch_header(answer->headers, "Retry-After");
    if (value.p == NULL)
        return 0;
    struct err e = fetch_retry_after(value, clock_now() / CLOCK_SECOND, &ms);
    return e.kind ? 0 : ms;
}

static void
on_answer(void *arg, const struct fetch_answer *answer, struct err e)
{
    struct token *t = arg;
    t->asking = false;
    struct slice token;
    int64_t life_s;
    if (e.kind == ERR_NONE)
        e = token_read(answer->status, answer->body, t->arena, &token, &life_s);
    if (e.kind == ERR_RETRY && answer != NULL)
        e.after_ms = wait_asked_ms(answer);
    if (e.kind == ERR_NONE)
        e = keep(t, "Bearer", token, life_s);
    forget_request(t);
    tell_all(t, e);
}

/* v2 when the address says so, as everybody's does: .../oauth2/v2.0/token */
static struct slice
form(const struct source_conf *c, struct arena *a)
{
    bool v2 = slice_find(c->token_url, SLICE("/v2.0/"), 0) < c->token_url.n;
    struct slice resource = c->resource;
    if (slice_ends(resource, SLICE("/.default"))) /* given as a scope */
        resource.n -= sizeof "/.default" - 1;
    struct slice what = fetch_url_encode(a, resource);
    struct slice id = fetch_url_encode(a, c->client_id);
    struct slice secret = fetch_url_encode(a, c->client_secret);
    if (what.p == NULL || id.p == NULL || secret.p == NULL)
        return SLICE_NONE;
    return slice_printf(a,
                        "grant_type=client_credentials&client_id=%.*s&client_secret=%.*s&%s%.*s%s",
                        SLICE_ARG(id), SLICE_ARG(secret),
                        v2 ? "scope=" : "resource=", SLICE_ARG(what), v2 ? "%2F.default" : "");
}

static struct err
ask(struct token *t)
{
    t->arena = arena_new(ARENA_LIMIT);
    if (t->arena == NULL)
        return err_make(ERR_RETRY, "token.memory", "out of memory");
    arena_secret(t->arena);
    struct fetch_request r = {
        .method = "POST", .url = t->conf->token_url, .answer_max_bytes = ANSWER_MAX_BYTES};
    r.headers[r.n_headers++] = SLICE("Content-Type: application/x-www-form-urlencoded");
    r.headers[r.n_headers++] = SLICE("Accept: application/json");
    r.body = form(t->conf, t->arena);
    if (r.body.p == NULL)
        return err_make(ERR_RETRY, "token.memory", "out of memory");
    return fetch_start(t->fetch, &r, t->arena, on_answer, t);
}

void
token_get(struct token *t, struct token_want *w)
{
    struct err e = ERR_OK;
    if (t->header != NULL && clock_mono_ms() < t->good_until_ms) {
        w->ready(w->arg, slice_of(t->header), ERR_OK);
        return;
    }
    if (t->conf->token_url.n == 0) {
        e = keep(t, "Token", t->conf->static_token, 86400);
        w->ready(w->arg, e.kind ? SLICE_NONE : slice_of(t->header), e);
        return;
    }
    w->next = NULL;
    *want_find(t, NULL) = w;
    if (t->asking || t->telling)
        return;
    e = ask(t);
    t->asking = e.kind == ERR_NONE;
    if (e.kind == ERR_NONE)
        return;
    forget_request(t);
    token_unwant(t, w);
    w->ready(w->arg, SLICE_NONE, e);
}
