/* Any text as a file of parameters: what is taken is within its ranges and reads back the same;
 * what is refused says why and changes nothing. */
#include <string.h>

#include "normalize/params.h"
#include "tests/fuzz/fuzz.h"

static void
check_value(void *ctx, const struct params_value *v)
{
    char *end;
    long long n = strtoll(v->value, &end, 10);
    (void)ctx;
    if (v->value[0] == '\0' || v->path[0] == '\0')
        abort();
    if (v->unit[0] != '\0' && (*end != '\0' || n < v->least || n > v->most))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(1 << 20);
    struct params p = params_default, back = params_default;
    if (a == NULL)
        return 0;
    struct err e = params_read_text("fuzz", (struct slice){(const char *)data, size}, &p);
    struct slice json = params_json(&p, a);
    if (e.kind && (e.text[0] == '\0' || e.code[0] == '\0'))
        abort();
    if (e.kind && !slice_eq(json, params_json(&params_default, a)))
        abort();
    params_each(&p, check_value, NULL);
    e = params_read(json, &back);
    if (e.kind || !slice_eq(json, params_json(&back, a)))
        abort();
    FUZZ_PLANT(p.caps_mode == CAPS_REBUILD && p.fold_without_keys);
    arena_free(a);
    return 0;
}
