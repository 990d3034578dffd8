/* Any answer of a token endpoint: a token fits one header line and lives for a bounded time, and
 * what is refused is never a reason to read the record again. The first byte picks the status. */
#include "fuzz.h"

#include <string.h>

#include "ingest/token.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const long status[] = {200, 400, 401, 403, 429, 500, 302, 0};
    struct arena *a = arena_new(1 << 22);
    if (size < 1 || a == NULL)
        goto out;
    long with = status[data[0] % (sizeof status / sizeof status[0])];
    struct slice token = SLICE("untouched"), body = {(const char *)data + 1, size - 1};
    int64_t life_s = -7;
    struct err e = token_read(with, body, a, &token, &life_s);
    if (e.kind == ERR_REJECT ||
        (e.kind == ERR_STOP && (with < 400 || with > 499 || with == 408 || with == 429)))
        abort();
    if (e.kind && (life_s != -7 || !slice_eq(token, SLICE("untouched"))))
        abort();
    FUZZ_PLANT(e.kind == ERR_STOP && strstr(e.text, "AADSTS7") != NULL);
    if (e.kind)
        goto out;
    if (with != 200 || token.n == 0 || life_s < 60 || life_s > 86400)
        abort();
    for (size_t i = 0; i < token.n; i++)
        if (token.p[i] <= ' ' || token.p[i] > '~')
            abort();
out:
    arena_free(a);
    return 0;
}
