/* Any bytes as a Retry-After value, and as a header block: within a day, or refused untouched. */
#include "fuzz.h"

#include "common/fetch.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice value = {(const char *)data, size};
    int64_t ms = -1;
    struct err e = fetch_retry_after(value, INT64_C(1575288000), &ms);
    if (e.kind == ERR_NONE ? ms < 0 || ms > 86400000 : ms != -1)
        abort();
    struct slice found = fetch_header(value, "retry-after");
    if (found.p != NULL && (found.p < value.p || found.p + found.n > value.p + value.n))
        abort();
    FUZZ_PLANT(e.kind == ERR_NONE && ms > 3600000 && ms < 86400000);
    return 0;
}
