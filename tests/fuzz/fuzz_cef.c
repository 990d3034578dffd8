/* Any bytes are a CEF line: what is found lies in the line's length and is well-formed. */
#include <string.h>

#include "fuzz.h"
#include "ingest/cef.h"
#include "ingest/identity_table.h"

static void
look(struct slice s, size_t most)
{
    if (s.n > most || (s.n > 0 && memchr(s.p, '\0', s.n) != NULL))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new((size_t)8 << 20);
    struct cef c;
    if (a == NULL)
        return 0;
    struct err e = cef_parse((struct slice){(const char *)data, size}, a, &c);
    if (e.kind == ERR_NONE) {
        look(c.before, size);
        look(c.class_id, size);
        look(c.name, size);
        look(c.severity, size);
        for (size_t i = 0; i < c.n; i++) {
            look(c.pairs[i].key, size);
            look(c.pairs[i].value, size);
        }
        (void)identity_type_of_title(c.name);
        (void)cef_custom(&c, "trigger");
        FUZZ_PLANT(c.n > 12 && c.n < 16); /* the corpus has 12 and 16 */
    }
    arena_free(a);
    return 0;
}
