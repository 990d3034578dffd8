/* Frames: whatever is taken for a record must come back the same after writing it again. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "schemas/codec.h"

static void
raw_again(struct codec *c, struct slice frame, struct arena *a)
{
    struct raw_record r, back;
    struct slice again = SLICE_NONE;
    if (codec_raw_read(c, frame, a, &r).kind != ERR_NONE)
        return;
    if (codec_raw(c, &r, a, &again).kind != ERR_NONE ||
        codec_raw_read(c, again, a, &back).kind != ERR_NONE || !slice_eq(r.payload, back.payload) ||
        !slice_eq(r.source, back.source) || !slice_eq(r.native_id, back.native_id) ||
        r.version != back.version)
        abort();
    FUZZ_PLANT(r.source.n == 3 && r.version < 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct codec *c; /* kept for all inputs: parsing schemas would take all the time */
    struct slice frame = {(const char *)data, size};
    struct tenant_record tenant;
    struct control_record control;
    struct event_record event;
    struct incident_record incident;
    if (c == NULL && codec_new(&c).kind != ERR_NONE)
        abort();
    struct arena *a = arena_new(1024 * 1024);
    if (a == NULL)
        return 0;
    raw_again(c, frame, a);
    int taken = 0;
    taken += codec_tenant_read(c, frame, a, &tenant).kind == ERR_NONE;
    taken += codec_control_read(c, frame, a, &control).kind == ERR_NONE;
    taken += codec_event_read(c, frame, a, &event).kind == ERR_NONE;
    taken += codec_incident_read(c, frame, a, &incident).kind == ERR_NONE;
    if (taken > 1 || (taken == 1 && codec_schema(c, frame) == NULL))
        abort();
    arena_free(a);
    return 0;
}
