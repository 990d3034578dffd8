/* Any text as a description with markup: what comes out is no longer, and text still. */
#include "fuzz.h"

#include <string.h>

#include "common/json.h"
#include "ingest/plain.h"

/* Text that JSON can hold, which is what a description is. */
static bool
is_text(struct slice s, struct arena *a)
{
    struct json_out *o = json_out_object(a);
    struct json doc;
    json_out_text(o, "t", s);
    struct slice whole = json_out_print(o, a);
    return whole.p != NULL && !json_parse(whole, a, &doc).kind &&
           slice_eq(json_get_text(doc, "t"), s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice s = {(const char *)data, size};
    struct arena *a = arena_new((size_t)4 << 20);
    if (a == NULL)
        return 0;
    struct slice out = plain_text(s, a);
    if (out.n > size || out.n > (size > PLAIN_MAX ? PLAIN_MAX : size))
        abort();
    if (out.p != NULL && size <= PLAIN_MAX && memchr(data, 0, size) == NULL && is_text(s, a) &&
        !is_text(out, a))
        abort();
    /* a "<" that was a reference, and something cut away besides */
    FUZZ_PLANT(out.n > 2 && out.n + 12 < size && out.p[2] == '<' && s.p[2] != '<');
    arena_free(a);
    return 0;
}
