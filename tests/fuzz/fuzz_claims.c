/* Any access token: what it says of itself is bounded, and lies in the arena or is not there. The
 * first byte says whether the rest is the token, or the JSON in it. */
#include "fuzz.h"

#include "serve/claims.h"

/* base64url without padding */
static struct slice
encoded(struct arena *a, const uint8_t *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *made = arena_alloc(a, size * 2 + 4);
    size_t n = 0;
    for (size_t bit = 0; made != NULL && bit < size * 8; bit += 6) {
        unsigned value = 0;
        for (size_t b = bit; b < bit + 6; b++)
            value = value << 1 | (b < size * 8 ? (unsigned)data[b / 8] >> (7 - b % 8) & 1U : 0);
        made[n++] = digits[value];
    }
    return (struct slice){made, n};
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct claims c;
    struct arena *a = arena_new(1 << 22);
    if (a == NULL || size == 0)
        goto out;
    struct slice token = (data[0] & 1) != 0 ? (struct slice){(const char *)data + 1, size - 1}
                                            : encoded(a, data + 1, size - 1);
    struct slice header =
        slice_printf(a, "Authorization: Bearer %s%.*s%s", (data[0] & 1) != 0 ? "" : "e30.",
                     SLICE_ARG(token), (data[0] & 1) != 0 ? "" : ".c2ln");
    if (!claims_read(header, a, &c))
        goto out;
    if (c.n_roles > CLAIMS_ROLES_MAX || c.expires_s < 0)
        abort();
    for (size_t i = 0; i < c.n_roles; i++)
        if (c.roles[i].n == 0 || c.roles[i].p == NULL)
            abort();
    FUZZ_PLANT(c.n_roles == 1 && c.expires_s > 1 && c.expires_s != 1579000000);
out:
    arena_free(a);
    return 0;
}
