#include "ingest/cef.h"

#include <string.h>

/* Keys of the format that our sources use; a word outside this list is text. */
static const char *const keys[] = {
    "act",
    "app",
    "c6a1",
    "c6a1Label",
    "cat",
    "cn1",
    "cn1Label",
    "cnt",
    "cs1",
    "cs1Label",
    "cs2",
    "cs2Label",
    "cs3",
    "cs3Label",
    "cs4",
    "cs4Label",
    "cs5",
    "cs5Label",
    "cs6",
    "cs6Label",
    "destinationServiceName",
    "deviceFacility",
    "dhost",
    "dhostfqdn",
    "dpriv",
    "dst",
    "duser",
    "dvc",
    "end",
    "externalId",
    "msg",
    "outcome",
    "reason",
    "request",
    "requestMethod",
    "requestClientApplication",
    "rt",
    "shost",
    "shostfqdn",
    "src",
    "start",
    "suser",
};

/* Length of a blank of any script that begins at s[at]; 0: none does. */
static size_t
blank_at(struct slice s, size_t at)
{
    static const char *const wide[] = {"\xc2\xa0", "\xe3\x80\x80", "\xe2\x80\x8b", "\xef\xbb\xbf"};
    char c = s.p[at];
    if (c == ' ' || (c >= '\t' && c <= '\r'))
        return 1;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        size_t n = strlen(wide[i]);
        if (s.n - at >= n && memcmp(s.p + at, wide[i], n) == 0)
            return n;
    }
    return 0;
}

/* Length of the blank that ends right before s[end]; 0: none does. */
static size_t
blank_before(struct slice s, size_t end)
{
    for (size_t n = 1; n <= 3 && n <= end; n++)
        if (blank_at((struct slice){s.p, end}, end - n) == n)
            return n;
    return 0;
}

struct slice
cef_blank_trim(struct slice s)
{
    size_t n;
    while (s.n > 0 && (n = blank_at(s, 0)) > 0)
        s = slice_sub(s, n, s.n);
    while (s.n > 0 && (n = blank_before(s, s.n)) > 0)
        s.n -= n;
    return s;
}

/* Length of the well-formed UTF-8 character at p, 0 when there is none. */
static size_t
utf8_length(const unsigned char *p, size_t left)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
    if (n == 0 || n > left || *p == 0)
        return 0;
    if (n == 1)
        return 1;
    unsigned code = *p & (0xffU >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    bool good = code >= least[n] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    return good ? n : 0;
}

/* The line itself, or a copy where each byte that is no UTF-8, and NUL, became '?': sanitised
 * text keeps its length, so that a hostile line cannot grow. */
static struct slice
well_formed(struct slice line, struct arena *a)
{
    char *copy = NULL;
    for (size_t i = 0; i < line.n;) {
        size_t n = utf8_length((const unsigned char *)line.p + i, line.n - i);
        if (n == 0) {
            if (copy == NULL && (copy = slice_cstr(a, line)) == NULL)
                return SLICE_NONE;
            copy[i] = '?';
            n = 1;
        }
        i += n;
    }
    return copy != NULL ? (struct slice){copy, line.n} : line;
}

static char
unescaped(char c)
{
    return c == 'n' ? '\n' : c == 'r' ? '\r' : c;
}

/* A backslash gives way before the signs that the format escapes, and n and r; elsewhere it stays,
 * because senders do not escape "domain\name". */
static struct slice
unescape(struct slice s, const char *signs, struct arena *a)
{
    s = cef_blank_trim(s);
    if (s.n == 0 || memchr(s.p, '\\', s.n) == NULL)
        return s;
    char *p = arena_alloc(a, s.n + 1);
    if (p == NULL)
        return SLICE_NONE;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool escape = s.p[i] == '\\' && i + 1 < s.n && strchr(signs, s.p[i + 1]) != NULL;
        p[n++] = escape ? unescaped(s.p[++i]) : s.p[i];
    }
    return cef_blank_trim((struct slice){p, n});
}

/* Up to the next bar that no backslash stands before. */
static bool
header_field(struct slice *rest, struct slice *out)
{
    for (size_t i = 0; i < rest->n; i++) {
        if (rest->p[i] == '\\') {
            i++;
        } else if (rest->p[i] == '|') {
            *out = slice_sub(*rest, 0, i);
            *rest = slice_sub(*rest, i + 1, rest->n);
            return true;
        }
    }
    return false;
}

static bool
word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool
known_key(struct slice word)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (slice_eq_nocase(word, slice_of(keys[i])))
            return true;
    return false;
}

/* The key whose '=' is the next one that makes a key, at or after `from`. */
static bool
next_key(struct slice s, size_t from, struct slice *key, size_t *value)
{
    for (size_t at = slice_find(s, SLICE("="), from); at < s.n;
         at = slice_find(s, SLICE("="), at + 1)) {
        size_t end = at, n;
        while (end > from && (n = blank_before(s, end)) > 0)
            end -= n;
        size_t begin = end;
        while (begin > from && word_char(s.p[begin - 1]))
            begin--;
        bool first = begin == 0 || blank_before(s, begin) > 0;
        *key = slice_sub(s, begin, end - begin);
        *value = at + 1;
        if (first && begin < end && known_key(*key))
            return true;
    }
    return false;
}

static bool
extension(struct slice s, struct arena *a, struct cef *out)
{
    struct slice key, following;
    size_t value, after;
    bool more = next_key(s, 0, &key, &value);
    while (more && out->n < CEF_PAIRS_MAX) {
        more = next_key(s, value, &following, &after);
        size_t end = more ? (size_t)(following.p - s.p) : s.n;
        struct slice raw = slice_sub(s, value, end - value);
        /* line ends in the message only: "CONTOSO\\nina" is a name */
        bool message = slice_eq_nocase(key, SLICE("msg"));
        struct slice text = unescape(raw, message ? "\\=:|nr" : "\\=:|", a);
        if (text.p == NULL)
            return false;
        out->pairs[out->n++] = (struct cef_pair){key, text};
        key = following;
        value = after;
    }
    return true;
}

/* Behind the first "CEF:<digit>|", or line.n. */
static size_t
prefix_ends(struct slice line)
{
    for (size_t at = slice_find(line, SLICE("CEF:"), 0); at < line.n;
         at = slice_find(line, SLICE("CEF:"), at + 1))
        if (line.n - at > 6 && line.p[at + 4] >= '0' && line.p[at + 4] <= '9' &&
            line.p[at + 5] == '|')
            return at + 6;
    return line.n;
}

/* Where the vendor's name begins, or line.n: what comes first, for a text may name "|Microsoft|",
 * too. */
static size_t
header_begins(struct slice line)
{
    size_t vendor = slice_find(line, SLICE("|Microsoft|"), 0), prefix = prefix_ends(line);
    if (vendor < line.n)
        vendor++;
    return vendor < prefix ? vendor : prefix;
}

struct err
cef_parse(struct slice line, struct arena *a, struct cef *out)
{
    *out = (struct cef){.before = SLICE_NONE};
    if (line.n > CEF_LINE_MAX)
        return err_make(ERR_REJECT, "cef.size", "line over %d bytes", CEF_LINE_MAX);
    struct slice given = line;
    line = well_formed(given, a);
    if (given.n > 0 && line.p == NULL)
        return err_make(ERR_RETRY, "cef.memory", "no room for a line");
    size_t at = header_begins(line);
    if (at >= line.n)
        return err_make(ERR_REJECT, "cef.header", "no CEF header in the line");
    out->before = slice_sub(line, 0, at - 1);
    struct slice rest = slice_sub(line, at, line.n);
    struct slice *fields[] = {&out->vendor,   &out->product, &out->version,
                              &out->class_id, &out->name,    &out->severity};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct slice raw;
        if (!header_field(&rest, &raw))
            return err_make(ERR_REJECT, "cef.header", "the CEF header ends after %zu fields", i);
        *fields[i] = unescape(raw, "\\|", a);
        if (fields[i]->p == NULL)
            return err_make(ERR_RETRY, "cef.memory", "no room for a header");
    }
    if (!extension(rest, a, out))
        return err_make(ERR_RETRY, "cef.memory", "no room for an extension");
    return ERR_OK;
}

struct slice
cef_get(const struct cef *c, const char *key)
{
    for (size_t i = 0; i < c->n; i++)
        if (slice_eq_nocase(c->pairs[i].key, slice_of(key)))
            return c->pairs[i].value.n > 0 ? c->pairs[i].value : SLICE_NONE;
    return SLICE_NONE;
}

struct slice
cef_custom(const struct cef *c, const char *label)
{
    for (size_t i = 0; i < c->n; i++) {
        struct slice key = c->pairs[i].key;
        if (key.n != 8 || !slice_eq_nocase(c->pairs[i].value, slice_of(label)))
            continue;
        char name[4] = {key.p[0], key.p[1], key.p[2], '\0'}; /* cs3 of cs3Label */
        return cef_get(c, name);
    }
    return SLICE_NONE;
}
