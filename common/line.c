#include "common/line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char REPLACEMENT[] = "\xef\xbf\xbd"; /* U+FFFD */

void
line_put(struct line *l, struct slice text)
{
    if (text.n > l->size - l->n) {
        l->full = true;
        return;
    }
    if (text.n > 0)
        memcpy(l->p + l->n, text.p, text.n);
    l->n += text.n;
}

void
line_printf(struct line *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(l->p + l->n, l->size - l->n, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= l->size - l->n) /* the last byte is lost to the NUL */
        l->full = true;
    else
        l->n += (size_t)n;
}

static bool
continues(struct slice text, size_t at)
{
    return at < text.n && ((unsigned char)text.p[at] & 0xc0) == 0x80;
}

/* The second byte is what tells overlong forms, surrogates and what is beyond U+10FFFF. */
size_t
utf8_step(struct slice text)
{
    if (text.n == 0)
        return 0;
    unsigned char first = (unsigned char)text.p[0];
    unsigned char second = text.n > 1 ? (unsigned char)text.p[1] : 0;
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return continues(text, 1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        bool bad = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f);
        return !bad && continues(text, 1) && continues(text, 2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        bool bad = (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
        bool whole = continues(text, 1) && continues(text, 2) && continues(text, 3);
        return !bad && whole ? 4 : 0;
    }
    return 0;
}

static void
put_json(struct line *l, struct slice one)
{
    unsigned char c = (unsigned char)one.p[0];
    if (c == '"' || c == '\\')
        line_put(l, SLICE("\\"));
    if (c < 0x20 || c == 0x7f)
        line_printf(l, "\\u%04x", c);
    else
        line_put(l, one);
}

static void
put_plain(struct line *l, struct slice one)
{
    unsigned char c = (unsigned char)one.p[0];
    if (c < 0x20 || c == 0x7f)
        line_printf(l, "\\x%02x", c);
    else if (c == 0xc2 && (unsigned char)one.p[1] < 0xa0)
        line_printf(l, "\\x%02x", (unsigned char)one.p[1]);
    else
        line_put(l, one);
}

/* Bytes at the start that stand for themselves everywhere: nearly all of most texts. */
static size_t
plain_run(struct slice text)
{
    size_t n = 0;
    while (n < text.n && text.p[n] >= 0x20 && text.p[n] < 0x7f && text.p[n] != '"' &&
           text.p[n] != '\\')
        n++;
    return n;
}

static void
put_all(struct line *l, struct slice text, void (*put)(struct line *l, struct slice one))
{
    for (;;) {
        size_t run = plain_run(text);
        line_put(l, slice_sub(text, 0, run));
        text = slice_sub(text, run, text.n);
        if (text.n == 0 || l->full)
            return;
        size_t step = utf8_step(text);
        if (step == 0)
            line_put(l, slice_of(REPLACEMENT));
        else
            put(l, slice_sub(text, 0, step));
        text = slice_sub(text, step == 0 ? 1 : step, text.n);
    }
}

void
line_json(struct line *l, struct slice text)
{
    size_t before = l->n;
    bool was_full = l->full;
    l->full = false;
    line_put(l, SLICE("\""));
    put_all(l, text, put_json);
    line_put(l, SLICE("\""));
    if (l->full)
        l->n = before;
    l->full = l->full || was_full;
}

void
line_plain(struct line *l, struct slice text)
{
    size_t before = l->n;
    bool was_full = l->full;
    l->full = false;
    put_all(l, text, put_plain);
    if (l->full)
        l->n = before;
    l->full = l->full || was_full;
}
