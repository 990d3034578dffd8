#include "common/mask.h"

#include "common/plant.h"

#define HIDDEN SLICE("***")

static bool
is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t
skip_blanks(struct slice s, size_t at)
{
    while (at < s.n && is_blank(s.p[at]))
        at++;
    return at;
}

/* Where the value that begins at `at` ends: at its quote, or before a blank; in an address before
 * the next parameter. */
static size_t
value_end(struct slice s, size_t at, bool address)
{
    bool quoted = !address && at < s.n && s.p[at] == '\'';
    for (at += quoted ? 1 : 0; at < s.n; at++) {
        if (s.p[at] == '\\' && !address)
            at++;
        else if (quoted ? s.p[at] == '\'' : is_blank(s.p[at]) || (address && s.p[at] == '&'))
            break;
    }
    at += quoted ? 1 : 0;
    return at < s.n ? at : s.n;
}

/* The value of a word "...password =" that ends at `at`; false: there is none. */
static bool
password_at(struct slice s, size_t at, bool address, size_t *from, size_t *end)
{
    static const char word[] = "password";
    size_t n = sizeof word - 1;
    if (at < n || !slice_eq_nocase(slice_sub(s, at - n, n), SLICE("password")) ||
        (at < s.n && is_word(s.p[at])))
        return false;
    size_t equals = skip_blanks(s, at);
    if (equals == s.n || s.p[equals] != '=')
        return false;
    *from = skip_blanks(s, equals + 1);
    *end = value_end(s, *from, address);
    return true;
}

/* "//user:word@": where the word stands. */
static bool
user_info(struct slice s, size_t *from, size_t *end)
{
    size_t begin = slice_find(s, SLICE("://"), 0) + 3;
    size_t colon = s.n, at = s.n;
    for (size_t i = begin; i < s.n && s.p[i] != '?'; i++) {
        if (s.p[i] == ':' && colon == s.n)
            colon = i;
        if (s.p[i] == '@')
            at = i;
    }
    *from = colon + 1;
    *end = at;
    return colon < at && at < s.n;
}

struct slice
mask_secrets(struct slice text, struct arena *a)
{
    size_t scheme = slice_find(text, SLICE("://"), 0), from = 0, end = 0, done = 0;
    bool address = scheme < text.n;
    for (size_t i = 0; i < scheme && address; i++)
        address = is_word(text.p[i]);
    struct slice out = SLICE("");
    if (PLANT(passwords_are_shown))
        return slice_dup(a, text);
    if (address && user_info(text, &from, &end)) {
        out = slice_join(a, slice_sub(text, 0, from), HIDDEN);
        done = end;
    }
    for (size_t at = done; at <= text.n && out.p != NULL; at++) {
        if (!password_at(text, at, address, &from, &end))
            continue;
        out = slice_join(a, slice_join(a, out, slice_sub(text, done, from - done)), HIDDEN);
        done = at = end;
    }
    return out.p != NULL ? slice_join(a, out, slice_sub(text, done, text.n)) : SLICE_NONE;
}
