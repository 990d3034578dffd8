#include "common/slice.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char HEX[] = "0123456789abcdef";

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

struct slice
slice_of(const char *text)
{
    return text == NULL ? SLICE_NONE : (struct slice){text, strlen(text)};
}

bool
slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
slice_eq_nocase(struct slice a, struct slice b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

int
slice_cmp(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

bool
slice_starts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool
slice_ends(struct slice s, struct slice suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

size_t
slice_find(struct slice s, struct slice needle, size_t from)
{
    if (from > s.n || needle.n > s.n - from)
        return s.n;
    if (needle.n == 0)
        return from;
    const char *hit = memmem(s.p + from, s.n - from, needle.p, needle.n);
    return hit == NULL ? s.n : (size_t)(hit - s.p);
}

struct slice
slice_sub(struct slice s, size_t from, size_t n)
{
    if (from >= s.n)
        return (struct slice){s.p != NULL ? s.p + s.n : NULL, 0};
    return (struct slice){s.p + from, n < s.n - from ? n : s.n - from};
}

static bool
blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct slice
slice_trim(struct slice s)
{
    while (s.n > 0 && blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct slice
slice_split(struct slice *s, char by)
{
    const char *hit = s->n > 0 ? memchr(s->p, by, s->n) : NULL;
    if (hit == NULL) {
        struct slice all = *s;
        *s = SLICE_NONE;
        return all;
    }
    struct slice head = {s->p, (size_t)(hit - s->p)};
    *s = (struct slice){hit + 1, s->n - head.n - 1};
    return head;
}

bool
slice_int(struct slice s, int64_t *out)
{
    bool minus = s.n > 0 && s.p[0] == '-';
    size_t i = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0;
    if (i == s.n)
        return false;
    int64_t value = 0; /* negative throughout, so that the least int64 fits */
    for (; i < s.n; i++) {
        int digit = s.p[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    if (!minus && __builtin_sub_overflow((int64_t)0, value, &value))
        return false;
    *out = value;
    return true;
}

struct slice
slice_dup(struct arena *a, struct slice s)
{
    if (s.p == NULL)
        return SLICE_NONE;
    char *p = slice_cstr(a, s);
    return p == NULL ? SLICE_NONE : (struct slice){p, s.n};
}

char *
slice_cstr(struct arena *a, struct slice s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (p != NULL && s.n > 0)
        memcpy(p, s.p, s.n);
    return p;
}

struct slice
slice_lower(struct arena *a, struct slice s)
{
    if (s.p == NULL)
        return SLICE_NONE;
    char *p = slice_cstr(a, s);
    if (p == NULL)
        return SLICE_NONE;
    for (size_t i = 0; i < s.n; i++)
        p[i] = lower(p[i]);
    return (struct slice){p, s.n};
}

struct slice
slice_join(struct arena *a, struct slice x, struct slice y)
{
    char *p = arena_alloc(a, x.n + y.n + 1);
    if (p == NULL)
        return SLICE_NONE;
    if (x.n > 0)
        memcpy(p, x.p, x.n);
    if (y.n > 0)
        memcpy(p + x.n, y.p, y.n);
    return (struct slice){p, x.n + y.n};
}

struct slice
slice_printf(struct arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *p = n >= 0 ? arena_alloc(a, (size_t)n + 1) : NULL;
    if (p == NULL)
        return SLICE_NONE;
    va_start(args, format);
    (void)vsnprintf(p, (size_t)n + 1, format, args);
    va_end(args);
    return (struct slice){p, (size_t)n};
}

struct slice
slice_hex(struct arena *a, struct slice bytes)
{
    char *p = arena_alloc(a, bytes.n * 2 + 1);
    if (p == NULL)
        return SLICE_NONE;
    for (size_t i = 0; i < bytes.n; i++) {
        unsigned char c = (unsigned char)bytes.p[i];
        p[2 * i] = HEX[c >> 4];
        p[2 * i + 1] = HEX[c & 15];
    }
    return (struct slice){p, bytes.n * 2};
}

static int
nibble(char c)
{
    const char *hit = c != '\0' ? strchr(HEX, lower(c)) : NULL;
    return hit == NULL ? -1 : (int)(hit - HEX);
}

struct slice
slice_unhex(struct arena *a, struct slice hex)
{
    if (hex.p == NULL || hex.n % 2 != 0)
        return SLICE_NONE;
    char *p = arena_alloc(a, hex.n / 2 + 1);
    if (p == NULL)
        return SLICE_NONE;
    for (size_t i = 0; i < hex.n / 2; i++) {
        int high = nibble(hex.p[2 * i]), low = nibble(hex.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return SLICE_NONE;
        p[i] = (char)(high << 4 | low);
    }
    return (struct slice){p, hex.n / 2};
}
