/* What headers say, and what goes into an address: text only, no request. */
#include <string.h>
#include <time.h>

#include "common/fetch.h"

enum { RETRY_MAX_S = 86400 };

/* ---- headers */

struct slice
fetch_header(struct slice headers, const char *name)
{
    struct slice found = SLICE_NONE;
    while (headers.p != NULL) {
        struct slice value = slice_split(&headers, '\n');
        struct slice key = slice_split(&value, ':');
        if (value.p != NULL && slice_eq_nocase(key, slice_of(name)))
            found = slice_trim(value);
    }
    return found;
}

/* The three forms of RFC 9110, 5.6.7. */
static bool
date_parse(struct slice text, int64_t *out_s)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %d %H:%M:%S %Y"};
    char copy[64];
    if (text.n >= sizeof copy || text.n == 0 || memchr(text.p, '\0', text.n) != NULL)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {0};
        const char *end = strptime(copy, forms[i], &tm);
        int day = tm.tm_mday;
        if (end == NULL || *end != '\0')
            continue;
        *out_s = timegm(&tm);
        return tm.tm_mday == day; /* no 31 February */
    }
    return false;
}

bool
fetch_date(struct slice headers, int64_t *out_s)
{
    return date_parse(fetch_header(headers, "Date"), out_s);
}

struct err
fetch_retry_after(struct slice value, int64_t now_s, int64_t *out_ms)
{
    value = slice_trim(value);
    size_t digits = 0;
    int64_t wait_s = 0, at_s = 0;
    for (; digits < value.n && value.p[digits] >= '0' && value.p[digits] <= '9'; digits++)
        if (wait_s < RETRY_MAX_S)
            wait_s = wait_s * 10 + (value.p[digits] - '0');
    if (digits == 0 || digits < value.n) {
        if (!date_parse(value, &at_s))
            return err_make(ERR_REJECT, "fetch.retry_after", "neither seconds nor an HTTP date");
        if (__builtin_sub_overflow(at_s, now_s, &wait_s))
            wait_s = at_s > now_s ? RETRY_MAX_S : 0;
    }
    if (wait_s < 0)
        wait_s = 0;
    *out_ms = (wait_s > RETRY_MAX_S ? RETRY_MAX_S : wait_s) * 1000;
    return ERR_OK;
}

struct slice
fetch_url_encode(struct arena *a, struct slice text)
{
    static const char hex[] = "0123456789ABCDEF";
    char *made = text.n < SIZE_MAX / 4 ? arena_alloc(a, text.n * 3) : NULL;
    if (made == NULL)
        return SLICE_NONE;
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr("-._~", c) != NULL);
        if (plain) {
            made[n++] = (char)c;
            continue;
        }
        made[n++] = '%';
        made[n++] = hex[c >> 4];
        made[n++] = hex[c & 15];
    }
    return (struct slice){made, n};
}
