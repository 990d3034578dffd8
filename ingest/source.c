#include "ingest/source.h"

#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/json.h"

const struct source *
source_by_name(struct slice name)
{
    for (size_t i = 0; sources[i] != NULL; i++)
        if (slice_eq(slice_of(sources[i]->name), name))
            return sources[i];
    return NULL;
}

const struct source *
source_by_number(int64_t number)
{
    for (size_t i = 0; sources[i] != NULL; i++)
        if (sources[i]->number == number)
            return sources[i];
    return NULL;
}

struct err
source_page(struct slice body, struct arena *a, struct json *out)
{
    struct err e = json_parse(body, a, out);
    if (e.kind == ERR_REJECT) /* cut short, or a proxy's HTML: the next answer may be whole */
        e.kind = ERR_RETRY;
    return e;
}

struct err
source_take(struct slice body, const char *name, struct page *out, struct arena *a,
            struct json *doc, struct json *list)
{
    struct slice *items;
    size_t n;
    out->alerts = NULL;
    out->n_alerts = 0;
    struct err e = json_parse_items(body, name, a, doc, list, &items, &n);
    if (e.kind == ERR_REJECT) /* as source_page */
        e.kind = ERR_RETRY;
    if (e.kind)
        return e;
    if (json_type(*list) != JSON_ARRAY)
        return err_make(ERR_RETRY, "source.shape", "the answer has no list '%s'",
                        name != NULL ? name : "");
    if (n == 0)
        return ERR_OK;
    out->alerts = arena_alloc(a, n * sizeof *out->alerts);
    if (out->alerts == NULL)
        return err_make(ERR_RETRY, "source.memory", "no memory for a page of %zu alerts", n);
    for (size_t i = 0; i < n; i++)
        out->alerts[i] = (struct raw_alert){.version = CLOCK_NONE, .payload = items[i]};
    out->n_alerts = n;
    return ERR_OK;
}

/* ---- what a status means */

/* Codes are promised and static, so they stand here whole. */
static const struct codes {
    const char *source, *token, *forbidden, *busy, *server;
} codes[] = {
#define CODES(s)                                                                                   \
    {                                                                                              \
        s, s ".token", s ".forbidden", s ".busy", s ".server"                                      \
    }
    CODES("endpoint"), CODES("mail"), CODES("apps"), CODES("identity"), CODES("source"),
};

static const struct codes *
codes_of(const char *source)
{
    size_t last = sizeof codes / sizeof codes[0] - 1;
    for (size_t i = 0; i < last; i++)
        if (strcmp(codes[i].source, source) == 0)
            return &codes[i];
    return &codes[last];
}

/* "... again in 8 seconds." and "... available in 42 seconds.": -1 when the text does not say. */
static int64_t
wait_in_text_ms(struct slice body)
{
    static const struct slice before = {" in ", 4};
    for (size_t at = slice_find(body, before, 0); at < body.n;
         at = slice_find(body, before, at + 1)) {
        size_t from = at + before.n, end = from;
        while (end < body.n && end - from < 6 && body.p[end] >= '0' && body.p[end] <= '9')
            end++;
        int64_t seconds = 0;
        if (slice_int(slice_sub(body, from, end - from), &seconds) &&
            slice_starts(slice_sub(body, end, body.n), SLICE(" second")))
            return (seconds < 86400 ? seconds : 86400) * 1000;
    }
    return -1;
}

static int64_t
wait_asked_ms(const struct answer *got)
{
    struct slice header = fetch_header(got->headers, "Retry-After");
    if (header.p != NULL) {
        int64_t ms = 0;
        struct err e = fetch_retry_after(header, got->conf->now / CLOCK_SECOND, &ms);
        if (e.kind == ERR_NONE)
            return ms;
    }
    int64_t ms = wait_in_text_ms(slice_sub(got->body, 0, 4096));
    return ms > 0 ? ms : 0;
}

struct err
source_status(const struct answer *got, const char *source)
{
    const struct codes *c = codes_of(source);
    if (got->failed.kind)
        return err_retry(got->failed.after_ms, got->failed.code, "%s", got->failed.text);
    if (got->status >= 200 && got->status <= 299)
        return ERR_OK;
    if (got->status == 401)
        return err_make(ERR_STOP, c->token, "401: the source does not take our token");
    if (got->status == 403)
        return err_make(ERR_STOP, c->forbidden,
                        "403: the source knows us and does not let us read");
    if (got->status == 429)
        return err_retry(wait_asked_ms(got), c->busy, "429: too many requests");
    if (got->status == 408 || got->status >= 500 || got->status < 200)
        return err_retry(wait_asked_ms(got), c->server, "the source answered %ld", got->status);
    return ERR_OK;
}

/* ---- answers that are too large */

/* Beyond any number of halvings: single rows that were passed over, one after the other. */
enum { HALVED_MAX = 32, PASSED_MAX = 2 };

bool
source_too_large(const struct answer *got)
{
    return got->failed.kind == ERR_REJECT && strcmp(got->failed.code, "fetch.too_large") == 0;
}

int64_t
source_rows(int64_t usual, const struct source_request *r)
{
    int64_t rows = usual >> r->halved;
    return rows > 1 ? rows : 1;
}

struct err
source_smaller(const struct answer *got, int64_t usual, struct source_request *r, struct page *out)
{
    if (source_rows(usual, r) > 1) {
        r->halved++;
        return ERR_OK;
    }
    if (r->halved >= HALVED_MAX + PASSED_MAX)
        return source_status(got, "source");
    r->halved = (r->halved < HALVED_MAX ? HALVED_MAX : r->halved) + 1;
    r->skip++;
    out->warn = err_make(ERR_REJECT, got->failed.code,
                         "one alert alone is larger than fetch.answer_max_bytes: passed over");
    return ERR_OK;
}

void
source_larger(int64_t usual, struct source_request *r)
{
    int64_t rows = source_rows(usual, r);
    while (r->halved > 0 && source_rows(usual, r) == rows)
        r->halved--;
}

/* ---- members */

/* A NUL is a blank: PostgreSQL takes none, and a text of nothing else says nothing. */
static struct slice
trimmed(struct slice s)
{
    for (;;) {
        s = slice_trim(s);
        if (s.n > 0 && s.p[0] == '\0')
            s = slice_sub(s, 1, s.n);
        else if (s.n > 0 && s.p[s.n - 1] == '\0')
            s.n--;
        else
            return s;
    }
}

struct slice
source_word(struct json object, const char *name)
{
    struct slice s = trimmed(json_get_text(object, name));
    if (s.n == 0 || slice_eq_nocase(s, SLICE("null")))
        return SLICE_NONE;
    return s;
}

struct slice
source_id(struct json object, const char *name, struct arena *a)
{
    int64_t number = 0;
    if (json_type(json_get(object, name)) == JSON_INT && json_get_int(object, name, &number))
        return slice_printf(a, "%lld", (long long)number);
    return source_word(object, name);
}

int64_t
source_time(struct json object, const char *name)
{
    int64_t t = CLOCK_NONE;
    return clock_parse(source_word(object, name), &t) ? t : CLOCK_NONE;
}

int64_t
source_time_ms(struct json object, const char *name)
{
    const int64_t year_10000_ms = INT64_C(253402300800000);
    int64_t ms = 0;
    if (!json_get_int(object, name, &ms) || ms <= 0 || ms >= year_10000_ms)
        return CLOCK_NONE;
    return ms * (CLOCK_SECOND / 1000);
}

struct slice
source_unnamed(struct slice payload, struct arena *a)
{
    uint8_t hash[CRYPTO_SHA256];
    crypto_sha256(payload, hash);
    return slice_join(a, SLICE("sha256:"),
                      slice_hex(a, (struct slice){(const char *)hash, sizeof hash}));
}

bool
source_shallow(struct slice json)
{
    enum { NESTED_MAX = 64 };
    size_t depth = 0;
    bool inside = false;
    for (size_t i = 0; i < json.n; i++) {
        char c = json.p[i];
        if (inside && c == '\\')
            i++;
        else if (c == '"')
            inside = !inside;
        else if (!inside && (c == '{' || c == '['))
            depth++;
        else if (!inside && (c == '}' || c == ']'))
            depth--;
        if (depth > NESTED_MAX)
            return false;
    }
    return true;
}

struct slice
source_rest(struct json object, const char *const *known, struct arena *a)
{
    enum { MEMBERS_MAX = 64, VALUE_MAX = 4096 };
    struct json_out *o = NULL;
    size_t n = 0;
    struct slice name;
    struct json value;
    for (struct json_iter it = json_items(object); json_next(&it, &name, &value);) {
        size_t k = 0;
        while (known[k] != NULL && !slice_eq(slice_of(known[k]), name))
            k++;
        bool empty = json_type(value) == JSON_NULL ||
                     (json_type(value) == JSON_ARRAY && json_count(value) == 0) ||
                     (json_type(value) == JSON_TEXT && json_text(value).n == 0);
        if (known[k] != NULL || name.p == NULL || empty)
            continue;
        struct slice text = json_minify(value, a);
        const char *key = slice_cstr(a, name);
        if (text.n == 0 || text.n > VALUE_MAX || key == NULL || !source_shallow(text))
            continue;
        if (o == NULL)
            o = json_out_object(a);
        json_out_set_raw(o, key, text);
        if (++n == MEMBERS_MAX)
            break;
    }
    return o != NULL ? json_out_print(o, a) : SLICE_NONE;
}

const struct source_note *
source_note(const struct source_conf *c, struct slice key)
{
    size_t low = 0, high = c->notes.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_cmp(c->notes.list[middle].key, key);
        if (order == 0)
            return &c->notes.list[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
