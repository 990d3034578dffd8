#include "common/clock.h"
#include "tests/fuzz/fuzz.h"

/* What is accepted can be written, and reads as the same time. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t time = 7, again = 7;
    if (!clock_parse((struct slice){(const char *)data, size}, &time)) {
        if (time != 7)
            abort();
        return 0;
    }
    if (time == CLOCK_NONE)
        return 0;
    struct clock_text text = clock_format(time);
    if (time == INT64_C(-621355968000000000)) /* by its zone; read back it means none */
        return 0;
    if (!clock_parse(slice_of(text.s), &again) || again != time)
        abort();
    text = clock_format_full(time);
    if (!clock_parse(slice_of(text.s), &again) || again != time)
        abort();
    FUZZ_PLANT(time % 10 == 3 && size > 27);
    return 0;
}
