/* Packed keys and a tenant's lists: what is taken can be written again, and is the same. */
#include <assert.h>

#include "normalize/keys.h"
#include "tests/fuzz/fuzz.h"

enum { ARENA_BYTES = 16 << 20 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = {(const char *)data, size};
    struct arena *a = arena_new(ARENA_BYTES);
    struct key_set set;
    struct key_tenant tenant;
    if (a == NULL)
        return 0;
    if (!keys_unpack(input, a, &set).kind) {
        FUZZ_PLANT(set.cut > 200 && set.n_keys > 0);
        struct slice again = keys_pack(&set, a);
        assert(again.p == NULL || slice_eq(again, input));
    }
    if (!keys_tenant_read(input, a, &tenant).kind)
        for (size_t i = 0; i < tenant.n_hubs; i++)
            assert(keys_damp(&tenant, tenant.hubs[i].type, tenant.hubs[i].value) <= 1000);
    arena_free(a);
    return 0;
}
