#include "common/oid.h"

#include <string.h>

static const char ALPHABET[] = "abcdefghijklmnopqrstuvwxyz234567";

struct oid_text
oid_format(const struct oid *oid)
{
    struct oid_text out;
    unsigned held = 0, bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < OID_BYTES; i++) {
        held = (held << 8 | oid->b[i]) & 0xfff; /* at most 4 old bits and 8 new ones count */
        for (bits += 8; bits >= 5; bits -= 5)
            out.s[n++] = ALPHABET[held >> (bits - 5) & 31];
    }
    out.s[n++] = ALPHABET[held << (5 - bits) & 31]; /* 128 = 25 * 5 + 3 */
    out.s[n] = '\0';
    return out;
}

bool
oid_parse(struct slice text, struct oid *out)
{
    struct oid oid;
    unsigned held = 0, bits = 0;
    size_t n = 0;
    if (text.n != OID_TEXT)
        return false;
    for (size_t i = 0; i < OID_TEXT; i++) {
        const char *at = text.p[i] != '\0' ? strchr(ALPHABET, text.p[i]) : NULL;
        if (at == NULL)
            return false;
        held = (held << 5 | (unsigned)(at - ALPHABET)) & 0xfff;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            oid.b[n++] = (uint8_t)(held >> bits);
        }
    }
    if ((held & ((1U << bits) - 1)) != 0) /* two texts would name one oid */
        return false;
    *out = oid;
    return true;
}

bool
oid_eq(const struct oid *a, const struct oid *b)
{
    return memcmp(a->b, b->b, OID_BYTES) == 0;
}

int
oid_cmp(const struct oid *a, const struct oid *b)
{
    return memcmp(a->b, b->b, OID_BYTES);
}

struct slice
oid_slice(const struct oid *oid)
{
    return (struct slice){(const char *)oid->b, OID_BYTES};
}

bool
oid_from(struct slice bytes, struct oid *out)
{
    if (bytes.n != OID_BYTES)
        return false;
    memcpy(out->b, bytes.p, OID_BYTES);
    return true;
}
