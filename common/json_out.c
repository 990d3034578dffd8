#include "common/json.h"

#include <errno.h>
#include <stdio.h>
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

struct err
json_out_say(const struct json_out *v, struct arena *a)
{
    struct slice text = json_out_print(v, a);
    if (text.p == NULL)
        return err_make(ERR_RETRY, "json.memory", "no room for what is to be said");
    if (fwrite(text.p, 1, text.n, stdout) != text.n || putchar('\n') == EOF)
        return err_make(ERR_STOP, "json.write", "standard output: %s", strerror(errno));
    return ERR_OK;
}
