#include "common/seal.h"

#include <stdlib.h>
#include <string.h>

#include <lz4.h>

#include "common/crypto.h"

/* The layout of erasure.md 5.3; all integers big-endian. */
enum {
    AT_ALGORITHM = 4,
    AT_FLAGS = 5,
    AT_PURPOSE = 6,
    AT_OID = 8,
    AT_EPOCH = 24,
    HEADER_BYTES = 60, /* key version, salt and nonce follow the epoch: zero without a key */
    TAG_BYTES = 16,
    LENGTH_BYTES = 4, /* of the plain text, before an lz4 block */
};

enum { ALGORITHM_PLAIN = 0, FLAG_LZ4 = 1, LZ4_RATIO_MAX = 255 };

static const size_t PLAIN_MAX_BYTES = (size_t)64 << 20;
static const char MAGIC[] = {'W', 'E', 'I', '1'};

const struct opt seal_opts[] = {
    OPT_TEXT("keys.mode", "none",
             "Where tenants' keys come from: none, which keeps content readable to who reads "
             "the disk."),
    OPT_END,
};

struct seal {
    char mode; /* nothing yet: mode none has no keys */
};

struct err
seal_new(const struct conf *c, struct seal **out)
{
    *out = NULL;
    const char *mode = conf_text(c, "keys.mode");
    if (mode == NULL || strcmp(mode, "none") != 0)
        return err_make(ERR_STOP, "seal.mode", "keys.mode is %s; this build knows only none",
                        mode != NULL ? mode : "empty");
    struct seal *s = calloc(1, sizeof *s);
    if (s == NULL)
        return err_make(ERR_STOP, "seal.mode", "out of memory");
    *out = s;
    return ERR_OK;
}

void
seal_free(struct seal *s)
{
    free(s);
}

static void
put_int(uint8_t *p, size_t bytes, uint64_t v)
{
    for (size_t i = bytes; i-- > 0; v >>= 8)
        p[i] = (uint8_t)v;
}

static size_t
get_length(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
}

static void
header_fill(uint8_t h[HEADER_BYTES], uint8_t flags, const struct oid *oid, int32_t epoch,
            enum seal_purpose purpose)
{
    memset(h, 0, HEADER_BYTES);
    memcpy(h, MAGIC, sizeof MAGIC);
    h[AT_ALGORITHM] = ALGORITHM_PLAIN;
    h[AT_FLAGS] = flags;
    put_int(h + AT_PURPOSE, 2, (uint64_t)purpose);
    memcpy(h + AT_OID, oid->b, OID_BYTES);
    put_int(h + AT_EPOCH, 4, (uint32_t)epoch);
}

/* What stands in the tag's place without a key: it finds damage and what was moved, not an enemy
 * who computes it anew. The place's length keeps place and payload apart. */
static void
checksum(struct slice header, struct slice place, struct slice payload, uint8_t tag[TAG_BYTES])
{
    uint8_t length[8], sum[CRYPTO_SHA256];
    put_int(length, sizeof length, place.n);
    const struct slice parts[] = {header, {(const char *)length, sizeof length}, place, payload};
    crypto_sha256_of(parts, sizeof parts / sizeof *parts, sum);
    memcpy(tag, sum, TAG_BYTES);
}

/* The lz4 form of plain at `to`, which has room for it; 0: it would not be smaller. */
static size_t
pack(struct slice plain, uint8_t *to, size_t room)
{
    if (plain.n <= LENGTH_BYTES)
        return 0;
    int n = LZ4_compress_default(plain.p, (char *)to + LENGTH_BYTES, (int)plain.n,
                                 (int)(room - LENGTH_BYTES));
    if (n <= 0 || (size_t)n + LENGTH_BYTES >= plain.n)
        return 0;
    put_int(to, LENGTH_BYTES, plain.n);
    return (size_t)n + LENGTH_BYTES;
}

struct err
seal_close(struct seal *s, const struct oid *oid, int32_t epoch, enum seal_purpose purpose,
           struct slice place, struct slice plain, struct arena *a, struct slice *out)
{
    (void)s;
    *out = SLICE_NONE;
    if (plain.n > PLAIN_MAX_BYTES)
        return err_make(ERR_REJECT, "seal.size", "%zu bytes to seal, at most %zu", plain.n,
                        PLAIN_MAX_BYTES);
    size_t room = LENGTH_BYTES + (size_t)LZ4_compressBound((int)plain.n);
    uint8_t *made = arena_alloc(a, HEADER_BYTES + room + TAG_BYTES);
    if (made == NULL)
        return err_make(ERR_RETRY, "seal.memory", "no memory to seal %zu bytes", plain.n);
    uint8_t *payload = made + HEADER_BYTES;
    size_t n = pack(plain, payload, room);
    header_fill(made, n > 0 ? FLAG_LZ4 : 0, oid, epoch, purpose);
    if (n == 0 && plain.n > 0)
        memcpy(payload, plain.p, plain.n);
    if (n == 0)
        n = plain.n;
    checksum((struct slice){(char *)made, HEADER_BYTES}, place, (struct slice){(char *)payload, n},
             payload + n);
    *out = (struct slice){(char *)made, HEADER_BYTES + n + TAG_BYTES};
    return ERR_OK;
}

static struct err
unpack(struct slice payload, struct arena *a, struct slice *out)
{
    size_t n = payload.n > LENGTH_BYTES ? get_length(payload.p) : 0;
    struct slice block = slice_sub(payload, LENGTH_BYTES, payload.n);
    if (n == 0 || n > PLAIN_MAX_BYTES || n / LZ4_RATIO_MAX > block.n)
        return err_make(ERR_REJECT, "seal.bad", "the length of a packed envelope is wrong");
    char *plain = arena_alloc(a, n);
    if (plain == NULL)
        return err_make(ERR_RETRY, "seal.memory", "no memory to open %zu bytes", n);
    int got = LZ4_decompress_safe(block.p, plain, (int)block.n, (int)n);
    if (got < 0 || (size_t)got != n)
        return err_make(ERR_REJECT, "seal.bad", "a packed envelope does not unpack");
    *out = (struct slice){plain, n};
    return ERR_OK;
}

/* Whether an envelope is one of ours for this tenant, purpose and place, and undamaged. */
static struct err
envelope_check(struct slice sealed, const struct oid *oid, int32_t epoch, enum seal_purpose purpose,
               struct slice place)
{
    if (sealed.n < HEADER_BYTES + TAG_BYTES || memcmp(sealed.p, MAGIC, sizeof MAGIC) != 0)
        return err_make(ERR_REJECT, "seal.bad", "not an envelope");
    if (sealed.p[AT_ALGORITHM] != ALGORITHM_PLAIN)
        return err_make(ERR_REJECT, "seal.bad", "sealed with a key, but keys.mode is none");
    uint8_t expected[HEADER_BYTES], tag[TAG_BYTES];
    struct slice header = slice_sub(sealed, 0, HEADER_BYTES);
    header_fill(expected, (uint8_t)(sealed.p[AT_FLAGS] & FLAG_LZ4), oid, epoch, purpose);
    if (memcmp(header.p, expected, HEADER_BYTES) != 0)
        return err_make(ERR_REJECT, "seal.bad", "an envelope of another tenant or purpose");
    size_t n = sealed.n - HEADER_BYTES - TAG_BYTES;
    checksum(header, place, slice_sub(sealed, HEADER_BYTES, n), tag);
    if (memcmp(tag, sealed.p + HEADER_BYTES + n, TAG_BYTES) != 0)
        return err_make(ERR_REJECT, "seal.bad", "an envelope of another place, or damaged");
    return ERR_OK;
}

struct err
seal_open(struct seal *s, const struct oid *oid, int32_t epoch, enum seal_purpose purpose,
          struct slice place, struct slice sealed, struct arena *a, struct slice *out)
{
    (void)s;
    *out = SLICE_NONE;
    struct err e = envelope_check(sealed, oid, epoch, purpose, place);
    if (e.kind)
        return e;
    struct slice payload = slice_sub(sealed, HEADER_BYTES, sealed.n - HEADER_BYTES - TAG_BYTES);
    if (sealed.p[AT_FLAGS] & FLAG_LZ4)
        return unpack(payload, a, out);
    *out = slice_dup(a, payload);
    if (out->p == NULL)
        return err_make(ERR_RETRY, "seal.memory", "no memory to open %zu bytes", payload.n);
    return ERR_OK;
}
