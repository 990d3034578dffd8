/*
 * oid.h: the opaque id, the only name a tenant has inside.
 *
 * 16 random bytes made at opt-in. In names of topics, schemas and files it is base32 (RFC 4648),
 * lower case, unpadded: 26 characters. Ref: design.md 1 and 5.
 */
#ifndef WEIR_OID_H
#define WEIR_OID_H
#include <stdbool.h>
#include <stdint.h>

#include "common/slice.h"

enum { OID_BYTES = 16, OID_TEXT = 26 };

struct oid {
    uint8_t b[OID_BYTES];
};

struct oid_text {
    char s[OID_TEXT + 1]; /* NUL-terminated */
};

/* oid_format - the base32 name, by value. Thread: any. */
struct oid_text oid_format(const struct oid *oid);

/* oid_parse - false when it is not the name of an oid; *out is then left alone. */
bool oid_parse(struct slice text, struct oid *out);

bool oid_eq(const struct oid *a, const struct oid *b);
int oid_cmp(const struct oid *a, const struct oid *b);
struct slice oid_slice(const struct oid *oid);      /* the 16 bytes, borrowed */
bool oid_from(struct slice bytes, struct oid *out); /* false: not 16 bytes */

#endif
