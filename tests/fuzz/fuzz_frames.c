/* Any stream: each step gets on or waits for more, lines stay within it and its limit, and where
 * it is cut makes no difference. The first byte says where. */
#include "fuzz.h"

#include "ingest/frames.h"

/* Lines up to the first that is not whole; *used: bytes of them. */
static size_t
lines(struct slice data, size_t *used, size_t *bytes)
{
    size_t n = 0;
    for (*used = *bytes = 0;;) {
        struct slice line, rest = slice_sub(data, *used, data.n);
        size_t step;
        enum frames_found f = frames_next(rest, &line, &step);
        if (step > rest.n || (f == FRAMES_MORE) != (step == 0))
            abort();
        if (f == FRAMES_MORE)
            return n;
        *used += step;
        if (f == FRAMES_TOO_LONG)
            continue;
        if (line.n > FRAMES_LINE_MAX || line.p < rest.p || line.p + line.n > rest.p + step)
            abort();
        FUZZ_PLANT(line.n == 3 && line.p[0] == '\n');
        n++;
        *bytes += line.n;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > FRAMES_LINE_MAX) /* longer ones are cut where they are too long */
        return 0;
    struct slice all = {(const char *)data + 1, size - 1};
    size_t used, bytes, used_a, bytes_a, used_b, bytes_b;
    size_t n = lines(all, &used, &bytes);
    size_t n_a = lines(slice_sub(all, 0, data[0]), &used_a, &bytes_a);
    size_t n_b = lines(slice_sub(all, used_a, all.n), &used_b, &bytes_b);
    if (n != n_a + n_b || used != used_a + used_b || bytes != bytes_a + bytes_b)
        abort();
    return 0;
}
