/* Any bytes are the stringified Data of an audit record, with entities and references. */
#include "fuzz.h"
#include "ingest/mail_map.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new((size_t)32 << 20);
    struct json doc;
    struct alert al;
    if (a == NULL)
        return 0;
    struct err e = mail_data((struct slice){(const char *)data, size}, a, &doc);
    if (e.kind == ERR_NONE) {
        alert_init(&al);
        e = mail_entities(doc, a, &al);
        if (al.n_evidence > ALERT_EVIDENCE_MAX)
            abort();
        FUZZ_PLANT(e.kind == ERR_NONE && al.n_evidence == 2);
    }
    arena_free(a);
    return 0;
}
