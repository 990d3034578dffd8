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

static void
check_taken(const struct params *p, struct arena *a)
{
    struct params back = params_default;
    struct slice json = params_json(p, a);
    struct err e = params_read(json, &back);
    if (e.kind || !slice_eq(json, params_json(&back, a)))
        abort();
    params_each(p, check_value, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(1 << 20);
    struct params p;
    memcpy(&p, &params_default, sizeof(p)); /* with what lies between the members */
    if (a == NULL)
        return 0;
    struct err e = params_read_text("fuzz", (struct slice){(const char *)data, size}, &p);
    if (e.kind && (e.text[0] == '\0' || memcmp(&p, &params_default, sizeof(p)) != 0))
        abort();
    FUZZ_PLANT(p.threshold % 50 != 0 || p.term_product % 10 != 0 || p.severity[3] % 50 != 0 ||
               p.rules[KEY_USER].weight % 50 != 0);
    if (!e.kind)
        check_taken(&p, a);
    arena_free(a);
    return 0;
}
