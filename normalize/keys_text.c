/* What everybody has, and what a command or an address says when all else is left out. */
#include <string.h>

#include "normalize/keys_internal.h"

enum { COMMAND_KEPT = 256, HEX_RUN = 6, SID_PARTS = 4 };

/* ---- stop values: what everybody has says nothing (correlation.md 3) */

static const char *const STOP_ACCOUNTS[] = {"system",
                                            "local system",
                                            "localsystem",
                                            "local service",
                                            "localservice",
                                            "network service",
                                            "networkservice",
                                            "nt authority",
                                            "root",
                                            "guest",
                                            "admin",
                                            "administrator",
                                            "user",
                                            "anonymous",
                                            "anonymous logon",
                                            "everyone",
                                            "-",
                                            "n/a",
                                            "null",
                                            "unknown",
                                            "none"};
static const char *const STOP_SIDS[] = {"s-1-0-0",  "s-1-5-7", "s-1-5-11", "s-1-5-18", "s-1-5-19",
                                        "s-1-5-20", "s-1-0",   "s-1-1",    "s-1-2",    "s-1-3"};
static const char *const STOP_SID_STARTS[] = {"s-1-0-",    "s-1-1-",    "s-1-2-",
                                              "s-1-3-",    "s-1-5-32-", "s-1-5-80-",
                                              "s-1-5-82-", "s-1-5-90-", "s-1-5-96-"};
static const char *const STOP_HOSTS[] = {
    "localhost", "localhost.localdomain", "unknown", "null", "none", "n/a", "-"};
static const char *const STOP_HASHES[] = {
    "da39a3ee5e6b4b0d3255bfef95601890afd80709", /* the empty file */
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"};
/* 0x3e4, 0x3e5 and 0x3e7 are the system's */
static const char *const STOP_SESSIONS[] = {"0x3e4", "0x3e5", "0x3e7", "996",
                                            "997",   "999",   "0",     "0x0"};

#define IN(list, s) in_list(list, sizeof(list) / sizeof(list[0]), s)

static bool
in_list(const char *const *list, size_t n, struct slice s)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq_nocase(s, slice_of(list[i])))
            return true;
    return false;
}

static bool
only(struct slice s, const char *chars)
{
    for (size_t i = 0; i < s.n; i++)
        if (strchr(chars, s.p[i]) == NULL || s.p[i] == '\0')
            return false;
    return true;
}

bool
keys_stop_account(struct slice name)
{
    return IN(STOP_ACCOUNTS, name);
}

bool
keys_stop_host(struct slice name)
{
    return IN(STOP_HOSTS, name);
}

bool
keys_stop_hash(struct slice hash)
{
    return only(hash, "0") || IN(STOP_HASHES, hash);
}

bool
keys_stop_guid(struct slice guid)
{
    return only(guid, "0-");
}

bool
keys_stop_session(struct slice id)
{
    return IN(STOP_SESSIONS, id);
}

bool
keys_stop_sid(struct slice sid)
{
    for (size_t i = 0; i < sizeof(STOP_SID_STARTS) / sizeof(STOP_SID_STARTS[0]); i++)
        if (slice_starts(sid, slice_of(STOP_SID_STARTS[i])))
            return true;
    return IN(STOP_SIDS, sid) || !slice_starts(sid, SLICE("s-1-"));
}

/* ---- forms */

/* S-1-12-1-a-b-c-d is an object id: its 16 bytes as four words, least byte first; a GUID's text
 * shows the first three groups with the largest byte first. SLICE_NONE: not such a SID. */
struct slice
keys_cloud_sid(struct slice sid, struct arena *a)
{
    struct slice prefix = SLICE("s-1-12-1-");
    if (!slice_starts(sid, prefix))
        return SLICE_NONE;
    struct slice rest = slice_sub(sid, prefix.n, sid.n);
    uint8_t bytes[16];
    for (int i = 0; i < SID_PARTS; i++) {
        int64_t word;
        if (!slice_int(slice_split(&rest, '-'), &word) || word < 0 || word > UINT32_MAX)
            return SLICE_NONE;
        for (int k = 0; k < 4; k++)
            bytes[4 * i + k] = (uint8_t)(word >> 8 * k);
    }
    if (rest.p != NULL)
        return SLICE_NONE;
    return slice_printf(a, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                        bytes[3], bytes[2], bytes[1], bytes[0], bytes[5], bytes[4], bytes[7],
                        bytes[6], bytes[8], bytes[9], bytes[10], bytes[11], bytes[12], bytes[13],
                        bytes[14], bytes[15]);
}

static bool
is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool
is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

static bool
is_guid(struct slice s)
{
    for (size_t i = 0; i < KEYS_GUID_LENGTH; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (i >= s.n || (dash ? s.p[i] != '-' : !is_hex(s.p[i])))
            return false;
    }
    return true;
}

/* The length of the volatile word that text begins with, or 0; *word is the length of the word. */
static size_t
volatile_run(struct slice text, size_t *word)
{
    size_t digits = 0, hex = 0, n = 0;
    for (; n < text.n && is_word(text.p[n]); n++) {
        digits += text.p[n] >= '0' && text.p[n] <= '9';
        hex += is_hex(text.p[n]);
    }
    *word = n;
    if (n > 0 && is_guid(text))
        return KEYS_GUID_LENGTH;
    bool mixed = n >= HEX_RUN && digits >= 2;
    return n > 0 && (digits == n || (hex == n && n >= HEX_RUN) || mixed) ? n : 0;
}

/*
 * What is new each time a command runs becomes one '#': numbers, GUIDs, long runs of hex digits,
 * and long words in which digits are mixed, as names of temporary files are. Short ones such as
 * "x64" or "ps1" stay. White space is one blank.
 */
static struct slice
mask_command(struct slice text, struct arena *a)
{
    struct slice low = slice_lower(a, text);
    char *out = low.p != NULL ? arena_alloc(a, low.n + 1) : NULL;
    size_t n = 0, word;
    if (out == NULL)
        return SLICE_NONE;
    for (size_t i = 0; i < low.n;) {
        size_t run = volatile_run(slice_sub(low, i, low.n), &word);
        if (run > 0) {
            out[n++] = '#';
            i += run;
        } else if (word > 0) {
            memcpy(out + n, low.p + i, word);
            n += word;
            i += word;
        } else {
            char c = low.p[i] == '\t' || low.p[i] == '\n' || low.p[i] == '\r' ? ' ' : low.p[i];
            if (c != ' ' || (n > 0 && out[n - 1] != ' '))
                out[n++] = c;
            i++;
        }
    }
    return slice_trim((struct slice){out, n});
}

/* Long commands: the beginning for people, and a sum over all of it. */
struct slice
keys_command(struct slice text, struct arena *a)
{
    struct slice masked = mask_command(text, a);
    if (masked.n <= COMMAND_KEPT)
        return masked;
    uint64_t h = 0xcbf29ce484222325U;
    for (size_t i = 0; i < masked.n; i++)
        h = (h ^ (uint8_t)masked.p[i]) * 0x100000001b3U;
    size_t kept = COMMAND_KEPT;
    while (kept > 0 && ((unsigned char)masked.p[kept] & 0xc0) == 0x80)
        kept--;
    return slice_printf(a, "%.*s... %016llx", (int)kept, masked.p, (unsigned long long)h);
}

/* host of "scheme://user@host:port/path" */
struct slice
keys_url_host(struct slice url)
{
    size_t at = slice_find(url, SLICE("://"), 0);
    struct slice rest = at < url.n ? slice_sub(url, at + 3, url.n) : url;
    size_t end = 0;
    while (end < rest.n && strchr("/?#\\", rest.p[end]) == NULL)
        end++;
    rest.n = end;
    for (size_t i = 0; i < rest.n; i++)
        if (rest.p[i] == '@') {
            rest = slice_sub(rest, i + 1, rest.n);
            i = (size_t)-1;
        }
    if (rest.n > 0 && rest.p[0] == '[') {
        struct slice v6 = slice_sub(rest, 1, rest.n);
        return slice_split(&v6, ']');
    }
    return slice_split(&rest, ':');
}
