/* Any text as a stored reason: one that is taken is the same when it is written and read again. */
#include "fuzz.h"

#include "normalize/incident.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct arena *a = arena_new((size_t)2 << 20);
    struct incident_reason r, back;
    if (a == NULL)
        return 0;
    struct err e = incident_reason_read(text, a, &r);
    if (e.kind == ERR_NONE) {
        struct slice written = incident_reason_json(&r, &params_default, a);
        if (written.p != NULL) {
            e = incident_reason_read(written, a, &back);
            if (e.kind || !slice_eq(incident_reason_json(&back, &params_default, a), written))
                abort();
        }
        if (incident_sentence(&r, &params_default, a).p == NULL && !arena_short(a))
            abort();
        FUZZ_PLANT(r.score.n_parts > 0 && r.partner_id.p == NULL);
    }
    arena_free(a);
    return 0;
}
