/* Any bytes as a query, a form and a path: no longer than they were, no NUL, and what was encoded
 * comes back. */
#include "fuzz.h"

#include <string.h>

#include "common/fetch.h"
#include "common/form.h"

static void
check(struct slice text, bool plus, struct arena *a)
{
    struct slice out = SLICE("untouched");
    if (!form_decode(text, plus, a, &out)) {
        if (!slice_eq(out, SLICE("untouched")))
            abort();
        return;
    }
    if (out.n > text.n || (out.n > 0 && memchr(out.p, '\0', out.n) != NULL))
        abort();
    struct slice back, encoded = fetch_url_encode(a, out);
    if (!form_decode(encoded, plus, a, &back) || !slice_eq(back, out))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct arena *a = arena_new(1 << 22);
    if (a == NULL)
        return 0;
    check(text, false, a);
    check(text, true, a);
    struct slice value = form_value(text, "a", a);
    if (form_decodes(text) && size == 0 && value.p != NULL)
        abort();
    FUZZ_PLANT(value.n == 5);
    arena_free(a);
    return 0;
}
