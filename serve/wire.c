#include "serve/wire.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"

enum { FIRST_BYTES = 4096 };

void
wire_init(struct wire *w, struct arena *a)
{
    *w = (struct wire){.arena = a, .first = true};
}

/* Twice the room; the arena keeps the old bytes, so all copies are less than twice the text. */
static bool
grow(struct wire *w)
{
    size_t size = w->line.size > 0 ? w->line.size * 2 : FIRST_BYTES;
    char *p = arena_alloc(w->arena, size);
    if (p == NULL) {
        w->failed = true;
        return false;
    }
    if (w->line.n > 0)
        memcpy(p, w->line.p, w->line.n);
    w->line.p = p;
    w->line.size = size;
    w->line.full = false;
    return true;
}

static void
put(struct wire *w, struct slice s)
{
    while (!w->failed) {
        line_put(&w->line, s);
        if (!w->line.full || !grow(w))
            return;
    }
}

static void
put_json(struct wire *w, struct slice s)
{
    while (!w->failed) {
        line_json(&w->line, s);
        if (!w->line.full || !grow(w))
            return;
    }
}

/* What stands before a value: a comma, and its name. */
static void
begin(struct wire *w, const char *name)
{
    if (!w->first)
        put(w, SLICE(","));
    w->first = false;
    if (name == NULL)
        return;
    put(w, SLICE("\""));
    put(w, slice_of(name));
    put(w, SLICE("\":"));
}

void
wire_open(struct wire *w, const char *name, char bracket)
{
    begin(w, name);
    put(w, (struct slice){&bracket, 1});
    w->first = true;
}

void
wire_close(struct wire *w, char bracket)
{
    put(w, (struct slice){&bracket, 1});
    w->first = false;
}

void
wire_text(struct wire *w, const char *name, struct slice v)
{
    begin(w, name);
    if (v.p == NULL)
        put(w, SLICE("null"));
    else
        put_json(w, v);
}

void
wire_int(struct wire *w, const char *name, int64_t v)
{
    char digits[24];
    struct line l = {.p = digits, .size = sizeof digits};
    line_printf(&l, "%" PRId64, v);
    begin(w, name);
    put(w, (struct slice){digits, l.n});
}

void
wire_null(struct wire *w, const char *name)
{
    begin(w, name);
    put(w, SLICE("null"));
}

void
wire_time(struct wire *w, const char *name, int64_t v)
{
    struct clock_text text = clock_format(v);
    wire_text(w, name, v == CLOCK_NONE ? SLICE_NONE : slice_of(text.s));
}

struct slice
wire_done(const struct wire *w)
{
    return w->failed ? SLICE_NONE : (struct slice){w->line.p, w->line.n};
}
