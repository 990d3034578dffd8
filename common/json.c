#include "common/json.h"

#include <stdlib.h>
#include <string.h>

#include "common/json_reader.h"

/* What a source sends is far below; what is above would cost gigabytes to index. */
static const size_t SIZE_MAX_BYTES = (size_t)256 << 20;

/* Some services put a byte order mark in front; RFC 8259, 8.1 lets a reader skip it. */
static struct slice
skip_mark(struct slice text)
{
    return slice_starts(text, SLICE("\xef\xbb\xbf")) ? slice_sub(text, 3, text.n - 3) : text;
}

static struct err
too_large(size_t n)
{
    return err_make(ERR_REJECT, "json.size", "%zu bytes of JSON, at most %zu", n, SIZE_MAX_BYTES);
}

static struct err
parsed(enum json_reader_result result, const char *why, size_t n)
{
    switch (result) {
    case JSON_READER_OK:
        return ERR_OK;
    case JSON_READER_DEPTH:
        return err_make(ERR_REJECT, "json.depth", "JSON nested deeper than %d", JSON_DEPTH_MAX);
    case JSON_READER_MEMORY:
        return err_make(ERR_RETRY, "json.memory", "no memory for %zu bytes of JSON", n);
    default:
        return err_make(ERR_REJECT, "json.syntax", "not JSON: %s", why);
    }
}

/* want: NULL, or whom to tell of items. */
static struct err
parse(struct slice text, const struct json_reader_want *want, struct arena *a, struct json *out)
{
    *out = (struct json){0};
    if (text.n > SIZE_MAX_BYTES)
        return too_large(text.n);
    text = skip_mark(text);
    void *document = NULL;
    struct json root = {0};
    const char *why = NULL;
    enum json_reader_result result = json_reader_parse_items(
        text.p != NULL ? text.p : "", text.n, JSON_DEPTH_MAX + 1, want, &document, &root, &why);
    struct err e = parsed(result, why, text.n);
    if (e.kind)
        return e;
    if (!arena_defer(a, json_reader_free, document))
        return err_make(ERR_RETRY, "json.memory", "the arena is full");
    *out = root;
    return ERR_OK;
}

struct err
json_parse(struct slice text, struct arena *a, struct json *out)
{
    return parse(text, NULL, a, out);
}

struct json_parser *
json_parser_new(void)
{
    return json_reader_keep();
}

void
json_parser_free(struct json_parser *p)
{
    json_reader_drop(p);
}

struct err
json_parser_parse(struct json_parser *p, struct slice text, struct json *out)
{
    const char *why = NULL;
    *out = (struct json){0};
    if (text.n > SIZE_MAX_BYTES)
        return too_large(text.n);
    text = skip_mark(text);
    enum json_reader_result result =
        json_reader_again(p, text.p != NULL ? text.p : "", text.n, JSON_DEPTH_MAX + 1, out, &why);
    return parsed(result, why, text.n);
}

struct items {
    struct arena *arena;
    struct json list;
    struct slice *made;
    size_t n;
};

static bool
items_begin(void *ctx, struct json list, size_t n)
{
    struct items *i = ctx;
    i->list = list;
    i->made = arena_alloc(i->arena, n * sizeof *i->made);
    return i->made != NULL;
}

static void
items_take(void *ctx, const char *p, size_t n)
{
    struct items *i = ctx;
    i->made[i->n++] = (struct slice){p, n};
}

struct err
json_parse_items(struct slice text, const char *name, struct arena *a, struct json *out,
                 struct json *list, struct slice **items, size_t *n)
{
    struct items got = {.arena = a};
    const struct json_reader_want want = {
        .name = name,
        .name_n = name != NULL ? strlen(name) : 0,
        .ctx = &got,
        .items = items_begin,
        .item = items_take,
    };
    struct err e = parse(text, &want, a, out);
    if (e.kind)
        got = (struct items){.arena = a};
    *list = got.list;
    *items = got.made;
    *n = got.n;
    return e;
}

enum json_type
json_type(struct json v)
{
    return json_reader_type(v);
}

struct json
json_get(struct json object, const char *name)
{
    return json_reader_get(object, name, strlen(name));
}

struct json
json_path(struct json v, const char *dotted)
{
    for (const char *p = dotted;;) {
        size_t n = strcspn(p, ".");
        v = json_reader_get(v, p, n);
        if (p[n] == '\0')
            return v;
        p += n + 1;
    }
}

size_t
json_count(struct json v)
{
    return json_reader_count(v);
}

struct slice
json_text(struct json v)
{
    struct slice s = SLICE_NONE;
    (void)json_reader_text(v, &s); /* false leaves it absent */
    return s;
}

struct slice
json_get_text(struct json object, const char *name)
{
    return json_text(json_get(object, name));
}

bool
json_int(struct json v, int64_t *out)
{
    return json_reader_int(v, out) || slice_int(json_text(v), out);
}

bool
json_get_int(struct json object, const char *name, int64_t *out)
{
    return json_int(json_get(object, name), out);
}

bool
json_bool(struct json v, bool fallback)
{
    bool b = fallback;
    return json_reader_bool(v, &b) ? b : fallback;
}

struct json_iter
json_items(struct json v)
{
    return json_reader_items(v);
}

bool
json_next(struct json_iter *it, struct slice *name, struct json *value)
{
    struct slice unused;
    return json_reader_next(it, name != NULL ? name : &unused, value);
}

void
json_pick(struct json object, const struct slice *names, size_t n, struct json *out)
{
    json_reader_pick(object, names, n, out);
}

size_t
json_list(struct json array, struct json *out, size_t most)
{
    return json_reader_list(array, out, most);
}

struct copy {
    struct arena *arena;
    struct slice made;
};

static void
copy_take(void *ctx, const char *p, size_t n)
{
    struct copy *c = ctx;
    c->made = slice_dup(c->arena, (struct slice){p, n});
}

struct slice
json_minify(struct json v, struct arena *a)
{
    struct copy c = {.arena = a};
    if (json_type(v) == JSON_ABSENT || !json_reader_minify(v, copy_take, &c))
        return SLICE_NONE;
    return c.made;
}

/* ---- the exact bytes of items: a walk over text that json_parse has accepted. It believes the
 * grammar but never its own position, so other text gives nonsense, not a bad read. */

struct walk {
    struct slice text;
    size_t at;
};

static char
walk_peek(struct walk *w)
{
    while (w->at < w->text.n && strchr(" \t\r\n", w->text.p[w->at]) != NULL && w->text.p[w->at])
        w->at++;
    return w->at < w->text.n ? w->text.p[w->at] : '\0';
}

static bool
walk_eat(struct walk *w, char c)
{
    if (walk_peek(w) != c || w->at >= w->text.n)
        return false;
    w->at++;
    return true;
}

/* From the opening quote to behind the closing one. */
static void
walk_string(struct walk *w)
{
    w->at++;
    while (w->at < w->text.n && w->text.p[w->at] != '"')
        w->at += w->text.p[w->at] == '\\' ? 2 : 1;
    w->at = w->at < w->text.n ? w->at + 1 : w->text.n;
}

/* Counts brackets instead of recursing. */
static struct slice
walk_value(struct walk *w)
{
    (void)walk_peek(w);
    size_t start = w->at, depth = 0;
    while (w->at < w->text.n) {
        char c = w->text.p[w->at];
        if (c == '"') {
            walk_string(w);
            continue;
        }
        if (depth == 0 && strchr(",]} \t\r\n", c) != NULL)
            break;
        if (c == '[' || c == '{')
            depth++;
        else if (c == ']' || c == '}')
            depth--;
        w->at++;
        if (depth == 0 && (c == ']' || c == '}'))
            break;
    }
    return slice_sub(w->text, start, w->at - start);
}

/* One character of a JSON string, unescaped; 0x80 and more stand for "not ASCII". */
static unsigned
key_char(struct slice *raw)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    unsigned c = (unsigned char)raw->p[0];
    size_t used = 1;
    if (c == '\\' && raw->n >= 2) {
        const char *short_form = strchr(from, raw->p[1]);
        used = 2;
        c = short_form != NULL ? (unsigned char)to[short_form - from] : (unsigned char)raw->p[1];
        if (c == 'u' && raw->n >= 6) {
            char hex[5] = {raw->p[2], raw->p[3], raw->p[4], raw->p[5], '\0'};
            c = (unsigned)strtoul(hex, NULL, 16);
            used = 6;
            if (c >= 0x80)
                c = 0x100;
        }
    }
    *raw = slice_sub(*raw, used, raw->n - used);
    return c;
}

/* Whether a key, quotes included, spells a name; escapes beyond ASCII never do. */
static bool
key_is(struct slice quoted, const char *name)
{
    struct slice raw = slice_sub(quoted, 1, quoted.n >= 2 ? quoted.n - 2 : 0);
    for (; raw.n > 0 && *name != '\0'; name++)
        if (key_char(&raw) != (unsigned char)*name)
            return false;
    return raw.n == 0 && *name == '\0';
}

/* walk_member - to the value of the first member of that name. */
static bool
walk_member(struct walk *w, const char *name)
{
    if (!walk_eat(w, '{'))
        return false;
    do {
        if (walk_peek(w) != '"')
            return false;
        size_t start = w->at;
        walk_string(w);
        bool found = key_is(slice_sub(w->text, start, w->at - start), name);
        if (!walk_eat(w, ':'))
            return false;
        if (found)
            return true;
        (void)walk_value(w);
    } while (walk_eat(w, ','));
    return false;
}

size_t
json_raw_items(struct slice text, const char *name, struct slice *out, size_t most)
{
    struct walk w = {.text = skip_mark(text)};
    if ((name != NULL && !walk_member(&w, name)) || !walk_eat(&w, '['))
        return 0;
    if (walk_eat(&w, ']'))
        return 0;
    size_t n = 0;
    do {
        struct slice item = walk_value(&w);
        if (n < most)
            out[n] = item;
        n++;
    } while (walk_eat(&w, ','));
    return n;
}
