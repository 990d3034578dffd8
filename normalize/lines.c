#include "normalize/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_FIRST = 256 * 1024 };

void
lines_init(struct lines *l, FILE *in, const char *what)
{
    *l = (struct lines){.in = in, .what = what};
}

void
lines_fini(struct lines *l)
{
    free(l->buf);
    *l = (struct lines){.end = true};
}

/* More bytes behind those at hand, which move to the front; the buffer doubles when it is full of
 * one line. */
static struct err
fill(struct lines *l)
{
    size_t kept = l->to - l->from;
    if (kept > LINES_BYTES_MAX)
        return err_make(ERR_REJECT, "lines.long", "longer than %d MiB", LINES_BYTES_MAX >> 20);
    if (l->buf != NULL && kept > 0 && l->from > 0)
        memmove(l->buf, l->buf + l->from, kept);
    l->from = 0;
    l->to = kept;
    if (kept == l->cap) {
        size_t cap = l->cap == 0 ? BYTES_FIRST : l->cap * 2;
        char *more = realloc(l->buf, cap);
        if (more == NULL)
            return err_make(ERR_RETRY, "lines.memory", "no memory for a line of %zu bytes", cap);
        l->buf = more;
        l->cap = cap;
    }
    size_t n = fread(l->buf + kept, 1, l->cap - kept, l->in);
    if (n < l->cap - kept && ferror(l->in))
        return err_make(ERR_STOP, "lines.read", "%s", strerror(errno));
    l->end = n == 0;
    l->to += n;
    return ERR_OK;
}

struct err
lines_next(struct lines *l, struct slice *out)
{
    size_t seen = 0; /* bytes known to hold no end of a line */
    *out = SLICE_NONE;
    for (;;) {
        char *from = l->buf != NULL ? l->buf + l->from : NULL;
        size_t n = l->to - l->from;
        char *end = from != NULL && n > seen ? memchr(from + seen, '\n', n - seen) : NULL;
        if (end == NULL && !l->end) {
            seen = n;
            struct err e = fill(l);
            if (e.kind) {
                l->number++;
                return e;
            }
            continue;
        }
        if (end == NULL && n == 0)
            return ERR_OK;
        size_t length = end != NULL ? (size_t)(end - from) : n;
        l->from += length + (end != NULL);
        l->number++;
        *out = slice_trim((struct slice){from, length});
        if (out->n > 0)
            return ERR_OK;
        *out = SLICE_NONE;
        seen = 0;
    }
}

struct err
lines_at(const struct lines *l, struct err e)
{
    if (!e.kind)
        return e;
    struct err at = err_make(e.kind, e.code, "%s, line %zu: %s", l->what, l->number, e.text);
    at.after_ms = e.after_ms;
    return at;
}
