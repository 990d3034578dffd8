#include "common/json.h"

#include <stdlib.h>
#include <string.h>

/* Our own words of json.h mean something else in jansson.h. */
#define json_type jansson_type
#define JSON_NULL JANSSON_NULL
#define JSON_REAL JANSSON_REAL
#define JSON_ARRAY JANSSON_ARRAY
#define JSON_OBJECT JANSSON_OBJECT
#include <jansson.h>
#undef json_type
#undef JSON_NULL
#undef JSON_REAL
#undef JSON_ARRAY
#undef JSON_OBJECT

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
    struct err e = parsed(json_reader_parse_items(text.p != NULL ? text.p : "", text.n,
                                                  JSON_DEPTH_MAX + 1, want, &document, &root, &why),
                          why, text.n);
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
    return parsed(
        json_reader_again(p, text.p != NULL ? text.p : "", text.n, JSON_DEPTH_MAX + 1, out, &why),
        why, text.n);
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

/* ---- out */

struct json_out {
    struct arena *arena;
    json_t *value;           /* owned by the arena; jansson counts who else holds it */
    struct json_out *parent; /* the first it was given to; told of failures */
    bool failed;             /* something is missing: it must not be printed */
};

static void
release_value(void *value)
{
    json_decref(value);
}

static struct json_out *
out_new(struct arena *a, json_t *value)
{
    if (value == NULL || !arena_defer(a, release_value, value))
        return NULL;
    struct json_out *o = arena_alloc(a, sizeof *o);
    if (o != NULL)
        *o = (struct json_out){.arena = a, .value = value};
    return o;
}

struct json_out *
json_out_object(struct arena *a)
{
    return out_new(a, json_object());
}

struct json_out *
json_out_array(struct arena *a)
{
    return out_new(a, json_array());
}

static void
out_fail(struct json_out *v)
{
    for (; v != NULL && !v->failed; v = v->parent)
        v->failed = true;
}

/* Length of the UTF-8 character at p (RFC 3629), 0 when there is none. */
static size_t
utf8_length(const unsigned char *p, size_t n)
{
    static const struct {
        unsigned char first, last, low, high, bytes;
    } rows[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (*p < rows[i].first || *p > rows[i].last)
            continue;
        if (rows[i].bytes > n || (rows[i].bytes > 1 && (p[1] < rows[i].low || p[1] > rows[i].high)))
            return 0;
        for (size_t j = 2; j < rows[i].bytes; j++)
            if ((p[j] & 0xc0) != 0x80)
                return 0;
        return rows[i].bytes;
    }
    return 0;
}

static size_t
utf8_valid_prefix(struct slice s, size_t from)
{
    size_t at = from;
    while (at < s.n) {
        size_t n = utf8_length((const unsigned char *)s.p + at, s.n - at);
        if (n == 0)
            break;
        at += n;
    }
    return at;
}

/* U+FFFD */
static const char REPLACEMENT[3] = {'\xef', '\xbf', '\xbd'};

/* s itself when it is UTF-8, else a copy with each bad byte replaced. */
static struct slice
utf8_clean(struct arena *a, struct slice s)
{
    size_t at = utf8_valid_prefix(s, 0);
    if (at == s.n)
        return s;
    char *made = s.n < SIZE_MAX / 4 ? arena_alloc(a, 3 * s.n) : NULL;
    if (made == NULL)
        return SLICE_NONE;
    memcpy(made, s.p, at);
    size_t n = at;
    while (at < s.n) {
        memcpy(made + n, REPLACEMENT, sizeof REPLACEMENT);
        n += sizeof REPLACEMENT;
        size_t from = at + 1;
        at = utf8_valid_prefix(s, from);
        memcpy(made + n, s.p + from, at - from);
        n += at - from;
    }
    return (struct slice){made, n};
}

/* NULL: out of memory. */
static json_t *
text_value(struct arena *a, struct slice v)
{
    if (v.p == NULL)
        return json_null();
    struct slice clean = utf8_clean(a, v);
    return clean.p != NULL ? json_stringn_nocheck(clean.p, clean.n) : NULL;
}

static void
put(struct json_out *object, struct slice name, json_t *value)
{
    if (object == NULL || value == NULL ||
        json_object_setn_new_nocheck(object->value, name.p, name.n, value) != 0)
        out_fail(object);
}

static void
add(struct json_out *array, json_t *value)
{
    if (array == NULL || value == NULL || json_array_append_new(array->value, value) != 0)
        out_fail(array);
}

void
json_out_text(struct json_out *object, const char *name, struct slice v)
{
    if (object != NULL)
        put(object, slice_of(name), text_value(object->arena, v));
}

void
json_out_int(struct json_out *object, const char *name, int64_t v)
{
    if (object != NULL)
        put(object, slice_of(name), json_integer(v));
}

void
json_out_bool(struct json_out *object, const char *name, bool v)
{
    if (object != NULL)
        put(object, slice_of(name), json_boolean(v));
}

void
json_out_null(struct json_out *object, const char *name)
{
    if (object != NULL)
        put(object, slice_of(name), json_null());
}

/* What holds v from now on. A value can be given once only, so there is no cycle. */
static json_t *
out_give(struct json_out *v, struct json_out *to)
{
    if (v == NULL || v->failed || v->parent != NULL || v == to)
        return NULL;
    v->parent = to;
    return json_incref(v->value);
}

void
json_out_set(struct json_out *object, const char *name, struct json_out *v)
{
    if (object != NULL)
        put(object, slice_of(name), out_give(v, object));
}

void
json_out_add(struct json_out *array, struct json_out *v)
{
    if (array != NULL)
        add(array, out_give(v, array));
}

void
json_out_add_text(struct json_out *array, struct slice v)
{
    if (array != NULL)
        add(array, text_value(array->arena, v));
}

static json_t *from_json(struct json v);

static json_t *
from_scalar(struct json v)
{
    int64_t i = 0;
    double d = 0;
    struct slice s = json_text(v);
    if (s.p != NULL)
        return json_stringn_nocheck(s.p, s.n);
    if (json_reader_int(v, &i))
        return json_integer(i);
    if (json_reader_real(v, &d))
        return json_real(d);
    return json_type(v) == JSON_BOOL ? json_boolean(json_bool(v, false)) : json_null();
}

/* One member or item of a value into its copy. */
static bool
from_part(json_t *made, struct slice name, struct json part)
{
    if (name.p != NULL && json_object_getn(made, name.p, name.n) != NULL)
        return true; /* a duplicate key: the first wins */
    json_t *copy = from_json(part);
    if (copy == NULL)
        return false;
    if (name.p != NULL)
        return json_object_setn_new_nocheck(made, name.p, name.n, copy) == 0;
    return json_array_append_new(made, copy) == 0;
}

/* Recursion is as deep as json_parse lets a document be. NULL: out of memory. */
static json_t *
from_json(struct json v)
{
    enum json_type type = json_type(v);
    if (type != JSON_ARRAY && type != JSON_OBJECT)
        return from_scalar(v);
    json_t *made = type == JSON_ARRAY ? json_array() : json_object();
    struct slice name;
    struct json part;
    for (struct json_iter it = json_items(v); made != NULL && json_next(&it, &name, &part);)
        if (!from_part(made, name, part)) {
            json_decref(made);
            made = NULL;
        }
    return made;
}

/* NULL: out of memory; what is no JSON is a null. */
static json_t *
raw_value(struct arena *a, struct slice text)
{
    struct json v;
    struct err e = json_parse(text, a, &v);
    if (e.kind == ERR_RETRY)
        return NULL;
    return e.kind ? json_null() : from_json(v);
}

void
json_out_set_raw(struct json_out *object, const char *name, struct slice v)
{
    if (object != NULL)
        put(object, slice_of(name), raw_value(object->arena, v));
}

void
json_out_add_raw(struct json_out *array, struct slice v)
{
    if (array != NULL)
        add(array, raw_value(array->arena, v));
}

static struct slice
out_print(const struct json_out *v, struct arena *a, size_t flags)
{
    if (v == NULL || v->failed)
        return SLICE_NONE;
    char *text = json_dumps(v->value, flags | JSON_ENCODE_ANY);
    struct slice made = slice_dup(a, slice_of(text));
    free(text);
    return made;
}

struct slice
json_out_print(const struct json_out *v, struct arena *a)
{
    return out_print(v, a, JSON_COMPACT);
}

struct slice
json_out_print_indented(const struct json_out *v, struct arena *a)
{
    return out_print(v, a, JSON_INDENT(2));
}
