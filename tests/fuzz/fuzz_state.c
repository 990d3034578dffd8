/* The engine's state of an alert in its column: what is taken can be written again, the same. */
#include <assert.h>

#include "normalize/rows.h"
#include "tests/fuzz/fuzz.h"

enum { ARENA_BYTES = 16 << 20 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = {(const char *)data, size};
    struct arena *a = arena_new(ARENA_BYTES);
    struct incident_alert al = {0};
    if (a == NULL)
        return 0;
    if (!rows_state_read(input, a, &al).kind) {
        FUZZ_PLANT(al.level == 2 && al.false_positive && al.keys->n_keys > 0);
        struct slice again = rows_state(&al, a);
        assert(again.p == NULL || slice_eq(again, input));
    }
    arena_free(a);
    return 0;
}
