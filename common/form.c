#include "common/form.h"

#include <string.h>

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The character at *at, which moves behind it; -1 for a bad escape or a NUL. */
static int
decode_char(struct slice text, bool plus, size_t *at)
{
    char c = text.p[(*at)++];
    if (c == '+' && plus)
        return ' ';
    if (c != '%')
        return c == '\0' ? -1 : (unsigned char)c;
    if (text.n - *at < 2)
        return -1;
    int high = hex_digit(text.p[*at]), low = hex_digit(text.p[*at + 1]);
    *at += 2;
    return high < 0 || low < 0 || high + low == 0 ? -1 : high * 16 + low;
}

/* The decoded length; false: it cannot be decoded. */
static bool
decoded_length(struct slice text, bool plus, size_t *n)
{
    *n = 0;
    for (size_t at = 0; at < text.n; ++*n)
        if (decode_char(text, plus, &at) < 0)
            return false;
    return true;
}

bool
form_decodes(struct slice text)
{
    size_t n;
    return decoded_length(text, true, &n);
}

bool
form_decode(struct slice text, bool plus, struct arena *a, struct slice *out)
{
    size_t n;
    if (!decoded_length(text, plus, &n))
        return false;
    if (n == text.n && !(plus && n > 0 && memchr(text.p, '+', n) != NULL)) {
        *out = text.p != NULL ? text : SLICE("");
        return true;
    }
    char *made = arena_alloc(a, n);
    if (made == NULL)
        return false;
    n = 0;
    for (size_t at = 0; at < text.n;)
        made[n++] = (char)decode_char(text, plus, &at);
    *out = (struct slice){made, n};
    return true;
}

static bool
name_is(struct slice raw, const char *name)
{
    size_t at = 0;
    while (at < raw.n && *name != '\0')
        if (decode_char(raw, true, &at) != (unsigned char)*name++)
            return false;
    return at == raw.n && *name == '\0';
}

struct slice
form_value(struct slice form, const char *name, struct arena *a)
{
    while (form.p != NULL) {
        struct slice value = slice_split(&form, '&');
        struct slice key = slice_split(&value, '=');
        struct slice decoded;
        if (key.n == 0 || !name_is(key, name))
            continue;
        return form_decode(value, true, a, &decoded) ? decoded : SLICE_NONE;
    }
    return SLICE_NONE;
}
