/* Ways of writing, before anything is compared. Ref: sources.md 7.5. */
#include "schemas/alert.h"

#include <arpa/inet.h>
#include <string.h>

enum { SAFE_LINKS_DEPTH = 16 }; /* a wrapped link can be wrapped again; real ones were twice */

static bool
is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_blank_or_control(char c)
{
    return (unsigned char)c <= ' ' || c == 0x7f;
}

/* Drops one pair of enclosing characters, when both are there. */
static struct slice
unwrap(struct slice s, char open, char close)
{
    if (s.n >= 2 && s.p[0] == open && s.p[s.n - 1] == close)
        return slice_trim(slice_sub(s, 1, s.n - 2));
    return s;
}

struct slice
alert_fold_upn(struct slice s, struct arena *a)
{
    s = unwrap(slice_trim(s), '<', '>');
    size_t at = s.n;
    for (size_t i = 0; i < s.n; i++) {
        if (is_blank_or_control(s.p[i]) || s.p[i] == '<' || s.p[i] == '>')
            return SLICE_NONE;
        if (s.p[i] == '@') {
            if (at != s.n)
                return SLICE_NONE;
            at = i;
        }
    }
    if (at == s.n || at == 0 || at + 1 == s.n)
        return SLICE_NONE;
    return slice_lower(a, s);
}

struct slice
alert_fold_host(struct slice s, struct arena *a)
{
    for (s = slice_trim(s); slice_ends(s, SLICE(".")); s = slice_trim(s))
        s.n--;
    return s.n > 0 ? slice_lower(a, s) : SLICE_NONE;
}

struct slice
alert_fold_guid(struct slice s, struct arena *a)
{
    s = unwrap(slice_trim(s), '{', '}');
    if (s.n != 36)
        return SLICE_NONE;
    for (size_t i = 0; i < s.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.p[i] != '-' : !is_hex(s.p[i]))
            return SLICE_NONE;
    }
    return slice_lower(a, s);
}

struct slice
alert_fold_hash(struct slice s, struct arena *a)
{
    s = slice_trim(s);
    if (s.n != 32 && s.n != 40 && s.n != 64)
        return SLICE_NONE;
    for (size_t i = 0; i < s.n; i++)
        if (!is_hex(s.p[i]))
            return SLICE_NONE;
    return slice_lower(a, s);
}

/* Takes off what is written around an address: [..], a port, a zone. */
static struct slice
bare_address(struct slice s)
{
    s = slice_trim(s);
    if (s.n > 0 && s.p[0] == '[') {
        size_t end = slice_find(s, SLICE("]"), 0);
        return end < s.n ? slice_sub(s, 1, end - 1) : s;
    }
    size_t colon = slice_find(s, SLICE(":"), 0);
    bool one_colon = colon < s.n && slice_find(s, SLICE(":"), colon + 1) == s.n;
    if (one_colon) {
        int64_t port = 0;
        if (slice_int(slice_sub(s, colon + 1, s.n), &port) && port >= 0 && port <= 65535)
            return slice_sub(s, 0, colon);
    }
    return slice_sub(s, 0, slice_find(s, SLICE("%"), 0));
}

struct slice
alert_fold_ip(struct slice s, struct arena *a)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    s = bare_address(s);
    char text[INET6_ADDRSTRLEN];
    if (s.n == 0 || s.n >= sizeof text || memchr(s.p, 0, s.n) != NULL)
        return SLICE_NONE;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    unsigned char b[16];
    int family = AF_INET;
    if (inet_pton(AF_INET, text, b) != 1) {
        family = AF_INET6;
        if (inet_pton(AF_INET6, text, b) != 1)
            return SLICE_NONE;
        if (memcmp(b, mapped, sizeof mapped) == 0) {
            family = AF_INET;
            memmove(b, b + sizeof mapped, 4);
        }
    }
    if (inet_ntop(family, b, text, sizeof text) == NULL)
        return SLICE_NONE;
    return slice_dup(a, slice_of(text));
}

/* ---- URLs */

static int
hex_value(char c)
{
    return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* NONE: not well-formed, or it holds blanks or control characters. */
static struct slice
percent_decode(struct slice s, struct arena *a)
{
    char *out = arena_alloc(a, s.n + 1);
    if (out == NULL)
        return SLICE_NONE;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            if (i + 2 >= s.n || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2]))
                return SLICE_NONE;
            c = (char)(hex_value(s.p[i + 1]) * 16 + hex_value(s.p[i + 2]));
            i += 2;
        }
        if (is_blank_or_control(c))
            return SLICE_NONE;
        out[n++] = c;
    }
    return (struct slice){out, n};
}

struct url {
    struct slice scheme;     /* without "://"; NONE: none is written */
    struct slice user;       /* with its '@' */
    struct slice host, port; /* port without ':' */
    struct slice rest;       /* path and query; the fragment is gone */
};

static struct slice
url_scheme(struct slice s)
{
    size_t end = slice_find(s, SLICE("://"), 0);
    if (end == s.n || end == 0 || !is_alpha(s.p[0]))
        return SLICE_NONE;
    for (size_t i = 0; i < end; i++)
        if (!is_alpha(s.p[i]) && !is_digit(s.p[i]) && s.p[i] != '+' && s.p[i] != '-' &&
            s.p[i] != '.')
            return SLICE_NONE;
    return slice_sub(s, 0, end);
}

static size_t
authority_end(struct slice s)
{
    size_t i = 0;
    while (i < s.n && s.p[i] != '/' && s.p[i] != '?' && s.p[i] != '\\')
        i++;
    return i;
}

static struct url
url_take_apart(struct slice s)
{
    struct url u = {0};
    s = slice_trim(slice_sub(s, 0, slice_find(s, SLICE("#"), 0)));
    u.scheme = url_scheme(s);
    if (u.scheme.p != NULL)
        s = slice_sub(s, u.scheme.n + 3, s.n);
    size_t end = authority_end(s);
    u.rest = slice_sub(s, end, s.n);
    struct slice authority = slice_sub(s, 0, end);
    for (size_t i = authority.n; i > 0; i--)
        if (authority.p[i - 1] == '@') {
            u.user = slice_sub(authority, 0, i);
            authority = slice_sub(authority, i, authority.n);
            break;
        }
    authority = slice_trim(authority);
    size_t colon = authority.n;
    while (colon > 0 && is_digit(authority.p[colon - 1]))
        colon--;
    struct slice host = slice_sub(authority, 0, colon > 0 ? colon - 1 : 0);
    bool bare = slice_find(host, SLICE(":"), 0) == host.n || slice_ends(host, SLICE("]"));
    if (colon > 0 && authority.p[colon - 1] == ':' && bare) {
        u.port = slice_sub(authority, colon, authority.n);
        authority = host;
    }
    u.host = slice_trim(authority);
    return u;
}

/* The link inside a Safe Links address; NONE: it is not one. */
static struct slice
safe_link(const struct url *u, struct arena *a)
{
    static const struct slice domain = {"safelinks.protection.outlook.com", 32};
    struct slice host = slice_lower(a, u->host);
    bool ours =
        slice_ends(host, domain) && (host.n == domain.n || host.p[host.n - domain.n - 1] == '.');
    size_t mark = slice_find(u->rest, SLICE("?"), 0);
    if (!ours || mark == u->rest.n)
        return SLICE_NONE;
    struct slice query = slice_sub(u->rest, mark + 1, u->rest.n);
    while (query.p != NULL) {
        struct slice pair = slice_split(&query, '&');
        if (slice_starts(pair, SLICE("amp;"))) /* taken out of an HTML text */
            pair = slice_sub(pair, 4, pair.n);
        if (pair.n > 4 && slice_eq_nocase(slice_sub(pair, 0, 4), SLICE("url=")))
            return percent_decode(slice_sub(pair, 4, pair.n), a);
    }
    return SLICE_NONE;
}

static bool
default_port(const struct url *u)
{
    return u->port.n == 0 ||
           (slice_eq_nocase(u->scheme, SLICE("http")) && slice_eq(u->port, SLICE("80"))) ||
           (slice_eq_nocase(u->scheme, SLICE("https")) && slice_eq(u->port, SLICE("443")));
}

/* Appends at out + n, in lower case if asked; returns the new length. */
static size_t
put(char *out, size_t n, struct slice s, bool lower)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        out[n++] = lower && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    return n;
}

struct slice
alert_fold_url(struct slice s, struct arena *a)
{
    s = slice_trim(s);
    if (s.n == 0)
        return SLICE_NONE;
    struct url u = url_take_apart(s);
    struct slice inner = safe_link(&u, a);
    for (int i = 0; i < SAFE_LINKS_DEPTH && inner.n > 0; i++) {
        u = url_take_apart(inner);
        inner = safe_link(&u, a);
    }
    if (inner.n > 0) /* half unwrapped it would be another one each time it is folded */
        u = url_take_apart(s);
    char *out = arena_alloc(a, s.n + 8);
    if (out == NULL)
        return SLICE_NONE;
    struct slice port = default_port(&u) ? SLICE_NONE : u.port;
    size_t n = put(out, 0, u.scheme, true);
    n = put(out, n, u.scheme.p != NULL ? SLICE("://") : SLICE_NONE, false);
    n = put(out, n, u.user, false);
    n = put(out, n, u.host, true);
    n = put(out, n, port.n > 0 ? SLICE(":") : SLICE_NONE, false);
    n = put(out, n, port, false);
    n = put(out, n, u.rest, false);
    return n > 0 ? (struct slice){out, n} : SLICE_NONE;
}
