/*
 * Any bytes as an envelope. Without a key the checksum can be computed by anybody, so the input is
 * also taken as the payload of an envelope with a right one: what unpacks must obey its bounds.
 */
#include "fuzz.h"

#include <string.h>

#include "common/crypto.h"
#include "common/seal.h"

enum { HEADER_BYTES = 60, TAG_BYTES = 16, AT_FLAGS = 5 };

static const struct oid TENANT = {{7}};

/* The first byte gives the flags, the rest is the payload. */
static struct slice
envelope(struct seal *s, const uint8_t *data, size_t size, struct arena *a)
{
    struct slice empty, place = SLICE("p");
    struct err e = seal_close(s, &TENANT, 1, SEAL_RAW, place, SLICE(""), a, &empty);
    char *made = arena_alloc(a, HEADER_BYTES + size + TAG_BYTES);
    if (e.kind || made == NULL)
        abort();
    memcpy(made, empty.p, HEADER_BYTES);
    made[AT_FLAGS] = (char)data[0];
    memcpy(made + HEADER_BYTES, data + 1, size - 1);
    uint8_t sum[CRYPTO_SHA256];
    static const char place_length[8] = {0, 0, 0, 0, 0, 0, 0, 1};
    const struct slice parts[] = {
        {made, HEADER_BYTES}, {place_length, 8}, place, {made + HEADER_BYTES, size - 1}};
    crypto_sha256_of(parts, 4, sum);
    memcpy(made + HEADER_BYTES + size - 1, sum, TAG_BYTES);
    return (struct slice){made, HEADER_BYTES + size - 1 + TAG_BYTES};
}

static void
open_it(struct seal *s, struct slice sealed, struct arena *a)
{
    struct slice out, again;
    struct err e = seal_open(s, &TENANT, 1, SEAL_RAW, SLICE("p"), sealed, a, &out);
    if (e.kind) {
        if (out.p != NULL)
            abort();
        return;
    }
    FUZZ_PLANT(sealed.p[AT_FLAGS] == 1 && out.n == 25 && out.p[0] != 'x');
    e = seal_close(s, &TENANT, 1, SEAL_RAW, SLICE("p"), out, a, &again);
    if (e.kind)
        return; /* the arena is small on purpose */
    struct slice back;
    e = seal_open(s, &TENANT, 1, SEAL_RAW, SLICE("p"), again, a, &back);
    if (e.kind == ERR_NONE && !slice_eq(back, out))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct opt *const tables[] = {seal_opts, NULL};
    static struct conf *conf; /* once for the whole run */
    static struct seal *seal;
    if (seal == NULL) {
        struct err e = conf_load(tables, "/dev/null", NULL, &conf);
        if (!e.kind)
            e = seal_new(conf, &seal);
        if (e.kind)
            abort();
    }
    struct arena *a = arena_new(1 << 22);
    if (a == NULL)
        return 0;
    open_it(seal, (struct slice){(const char *)data, size}, a);
    if (size > 0)
        open_it(seal, envelope(seal, data, size, a), a);
    arena_free(a);
    return 0;
}
