#include "tests/simulator/compose.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ROOM_FIRST = 4096 };

struct compose
compose_begin(struct arena *a)
{
    return (struct compose){a, arena_alloc(a, ROOM_FIRST), 0, ROOM_FIRST};
}

/* Room for n more bytes and a NUL; false: full, now and for good. */
static bool
room(struct compose *c, size_t n)
{
    if (c->p == NULL)
        return false;
    if (c->n + n + 1 <= c->room)
        return true;
    size_t want = (c->n + n + 1) * 2;
    char *p = arena_alloc(c->arena, want);
    if (p != NULL)
        memcpy(p, c->p, c->n);
    c->p = p;
    c->room = want;
    return p != NULL;
}

static void
add(struct compose *c, const char *p, size_t n)
{
    if (!room(c, n))
        return;
    memcpy(c->p + c->n, p, n);
    c->n += n;
}

void
compose_raw(struct compose *c, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n >= 0 && room(c, (size_t)n)) {
        vsnprintf(c->p + c->n, (size_t)n + 1, format, again);
        c->n += (size_t)n;
    }
    va_end(again);
}

static void
quote(struct compose *c, struct slice v)
{
    static const char *const shorts[] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
    add(c, "\"", 1);
    for (size_t i = 0, from = 0; i <= v.n; i++) {
        unsigned char b = i < v.n ? (unsigned char)v.p[i] : 0;
        if (i < v.n && b >= ' ' && b != '"' && b != '\\')
            continue;
        add(c, v.p + from, i - from);
        from = i + 1;
        if (i == v.n)
            break;
        if (b == '"' || b == '\\')
            compose_raw(c, "\\%c", b);
        else if (b <= '\r' && shorts[b] != NULL)
            compose_raw(c, "%s", shorts[b]);
        else
            compose_raw(c, "\\u%04x", b);
    }
    add(c, "\"", 1);
}

static void
comma(struct compose *c)
{
    if (c->p != NULL && c->n > 0 && strchr("{[", c->p[c->n - 1]) == NULL)
        add(c, ",", 1);
}

void
compose_name(struct compose *c, const char *name)
{
    comma(c);
    quote(c, slice_of(name));
    add(c, ":", 1);
}

void
compose_text(struct compose *c, const char *name, struct slice v)
{
    compose_name(c, name);
    if (v.p != NULL)
        quote(c, v);
    else
        add(c, "null", 4);
}

void
compose_int(struct compose *c, const char *name, int64_t v)
{
    compose_name(c, name);
    compose_raw(c, "%lld", (long long)v);
}

void
compose_json(struct compose *c, const char *name, struct slice v)
{
    compose_name(c, name);
    add(c, v.p, v.n);
}

void
compose_item(struct compose *c, struct slice v)
{
    comma(c);
    quote(c, v);
}

void
compose_item_json(struct compose *c, struct slice v)
{
    comma(c);
    add(c, v.p, v.n);
}

struct slice
compose_end(const struct compose *c)
{
    return c->p != NULL ? (struct slice){c->p, c->n} : SLICE_NONE;
}
