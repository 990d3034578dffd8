#include "ingest/plain.h"

#include <string.h>

enum { TAG_MAX = 8192, REFERENCE_MAX = 12 };

/* UTF-8 that goes on with a character. */
static bool
goes_on(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* What is written in descriptions; `line` ends a line. */
static const struct {
    const char *name;
    bool line;
} elements[] = {
    {"a", false},         {"abbr", false},   {"b", false},      {"big", false},   {"br", true},
    {"center", true},     {"code", false},   {"dd", true},      {"div", true},    {"dl", true},
    {"dt", true},         {"em", false},     {"font", false},   {"form", true},   {"h1", true},
    {"h2", true},         {"h3", true},      {"h4", true},      {"h5", true},     {"h6", true},
    {"hr", true},         {"html", true},    {"body", true},    {"head", true},   {"i", false},
    {"iframe", false},    {"img", false},    {"input", false},  {"label", false}, {"li", true},
    {"link", false},      {"meta", false},   {"object", false}, {"ol", true},     {"p", true},
    {"pre", true},        {"s", false},      {"script", false}, {"small", false}, {"span", false},
    {"strong", false},    {"style", false},  {"sub", false},    {"sup", false},   {"svg", false},
    {"table", true},      {"tbody", false},  {"td", false},     {"th", false},    {"thead", false},
    {"tr", true},         {"tt", false},     {"u", false},      {"ul", true},     {"button", false},
    {"blockquote", true}, {"section", true}, {"article", true},
};

static const struct {
    const char *name, *text;
} references[] = {
    {"amp", "&"},
    {"lt", "<"},
    {"gt", ">"},
    {"quot", "\""},
    {"apos", "'"},
    {"nbsp", " "},
    {"ndash", "\xe2\x80\x93"},
    {"mdash", "\xe2\x80\x94"},
    {"hellip", "\xe2\x80\xa6"},
    {"lsquo", "\xe2\x80\x98"},
    {"rsquo", "\xe2\x80\x99"},
    {"ldquo", "\xe2\x80\x9c"},
    {"rdquo", "\xe2\x80\x9d"},
    {"rarr", "\xe2\x86\x92"},
    {"bull", "\xe2\x80\xa2"},
};

struct out {
    char *p;
    size_t n;
};

static void
put(struct out *o, const char *text, size_t n)
{
    memcpy(o->p + o->n, text, n);
    o->n += n;
}

static bool
letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Bytes of the tag that begins at s[at], its name and whether it has an attribute; 0: no tag. */
static size_t
tag_at(struct slice s, size_t at, struct slice *name, bool *attribute)
{
    size_t i = at + 1, most = s.n - at > TAG_MAX ? at + TAG_MAX : s.n;
    if (i < most && s.p[i] == '/')
        i++;
    size_t begin = i;
    while (i < most && (letter(s.p[i]) || (i > begin && s.p[i] >= '0' && s.p[i] <= '9')))
        i++;
    *name = slice_sub(s, begin, i - begin);
    *attribute = false;
    if (name->n == 0 || i == most || strchr(" \t\r\n/>", s.p[i]) == NULL || s.p[i] == '\0')
        return 0;
    for (char quote = 0; i < most; i++) {
        char c = s.p[i];
        if (quote != 0) {
            quote = c == quote ? 0 : quote;
        } else if (c == '>') {
            return i + 1 - at;
        } else if (c == '=') {
            *attribute = true;
        } else if ((c == '"' || c == '\'') && *attribute) {
            quote = c;
        }
    }
    return 0;
}

/* True for "</name", any letter case, at s[at]. */
static bool
closes(struct slice s, size_t at, struct slice name)
{
    return s.p[at] == '<' && at + 1 < s.n && s.p[at + 1] == '/' &&
           slice_eq_nocase(slice_sub(s, at + 2, name.n), name);
}

/* Bytes of markup at s[at], which is '<'; 0: it is text. */
static size_t
markup_at(struct slice s, size_t at, struct out *o)
{
    if (slice_starts(slice_sub(s, at, 4), SLICE("<!--"))) {
        size_t end = slice_find(s, SLICE("-->"), at + 4);
        return end < s.n ? end + 3 - at : 0;
    }
    struct slice name;
    bool attribute, known = false, line = false;
    size_t n = tag_at(s, at, &name, &attribute);
    if (n == 0)
        return 0;
    for (size_t i = 0; i < sizeof elements / sizeof elements[0] && !known; i++) {
        known = slice_eq_nocase(name, slice_of(elements[i].name));
        line = known && elements[i].line;
    }
    if (!known && !attribute)
        return 0;
    if (line && o->n > 0 && o->p[o->n - 1] != '\n')
        put(o, "\n", 1);
    bool hidden = slice_eq_nocase(name, SLICE("script")) || slice_eq_nocase(name, SLICE("style"));
    if (!hidden || s.p[at + 1] == '/')
        return n;
    size_t end = at + n;
    while (end < s.n && !closes(s, end, name))
        end++;
    return end - at;
}

/* UTF-8 of a character that may stand in a text; 0 bytes: it may not. */
static size_t
utf8_of(unsigned long code, char out[4])
{
    if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ||
        (code < 0x20 && code != '\n' && code != '\t'))
        return 0;
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | code);
    return n;
}

static size_t
numeric(struct slice digits, char out[4])
{
    bool hex = digits.n > 0 && (digits.p[0] | 0x20) == 'x';
    unsigned long code = 0;
    if (digits.n < (hex ? 2U : 1U) || digits.n > 8)
        return 0;
    for (size_t i = hex ? 1 : 0; i < digits.n; i++) {
        char c = (char)(digits.p[i] | (letter(digits.p[i]) ? 0x20 : 0));
        unsigned long v = c >= '0' && c <= '9'          ? (unsigned long)(c - '0')
                          : hex && c >= 'a' && c <= 'f' ? (unsigned long)(c - 'a' + 10)
                                                        : 16;
        if (v == 16)
            return 0;
        code = code * (hex ? 16 : 10) + v;
    }
    return utf8_of(code, out);
}

/* Bytes of the character reference at s[at], which is '&'; 0: it is text. */
static size_t
reference_at(struct slice s, size_t at, struct out *o)
{
    struct slice rest = slice_sub(s, at + 1, REFERENCE_MAX);
    size_t end = slice_find(rest, SLICE(";"), 0);
    if (end == rest.n)
        return 0;
    struct slice name = slice_sub(rest, 0, end);
    char bytes[4];
    size_t n = name.n > 0 && name.p[0] == '#' ? numeric(slice_sub(name, 1, name.n), bytes) : 0;
    if (n > 0)
        put(o, bytes, n);
    for (size_t i = 0; i < sizeof references / sizeof references[0] && n == 0; i++)
        if (slice_eq(name, slice_of(references[i].name))) {
            n = strlen(references[i].text);
            put(o, references[i].text, n);
        }
    return n > 0 ? end + 2 : 0;
}

/* "__siteIcon__": where the portal shows a picture. */
static size_t
icon_at(struct slice s, size_t at)
{
    size_t i = at + 2;
    if (at + 1 >= s.n || s.p[at + 1] != '_')
        return 0;
    while (i < s.n && i - at < 40 && letter(s.p[i]))
        i++;
    bool icon = slice_ends(slice_sub(s, at + 2, i - at - 2), SLICE("Icon"));
    return icon && slice_starts(slice_sub(s, i, 2), SLICE("__")) ? i + 2 - at : 0;
}

struct slice
plain_text(struct slice s, struct arena *a)
{
    if (s.n > PLAIN_MAX) {
        s.n = PLAIN_MAX;
        while (s.n > 0 && goes_on(s.p[s.n])) /* s.p[s.n] is there: it was longer */
            s.n--;
    }
    size_t first = 0;
    while (first < s.n && s.p[first] != '<' && s.p[first] != '&' && s.p[first] != '_')
        first++;
    if (first == s.n)
        return s;
    struct out o = {.p = arena_alloc(a, s.n)};
    if (o.p == NULL)
        return SLICE_NONE;
    for (size_t i = 0; i < s.n;) {
        size_t n = s.p[i] == '<'   ? markup_at(s, i, &o)
                   : s.p[i] == '&' ? reference_at(s, i, &o)
                   : s.p[i] == '_' ? icon_at(s, i)
                                   : 0;
        if (n == 0)
            o.p[o.n++] = s.p[i++];
        i += n;
    }
    return slice_trim((struct slice){o.p, o.n});
}
