#include "ingest/frames.h"

#include <string.h>

/* "123 <36>1 ...": the digits and the blank; 0 when the data does not start so. */
static size_t
count_length(struct slice data, size_t *length)
{
    size_t n = 0, i = 0;
    for (; i < data.n && i < 8 && data.p[i] >= '0' && data.p[i] <= '9'; i++)
        n = n * 10 + (size_t)(data.p[i] - '0');
    if (i == 0 || i == data.n || data.p[i] != ' ' || data.p[0] == '0')
        return 0;
    *length = n;
    return i + 1;
}

/* Only digits so far: it may become a length. */
static bool
may_be_length(struct slice data)
{
    for (size_t i = 0; i < data.n; i++)
        if (data.p[i] < '0' || data.p[i] > '9')
            return false;
    return data.n > 0 && data.n < 8;
}

static enum frames_found
next_counted(struct slice data, size_t head, size_t length, struct slice *line, size_t *used)
{
    if (length > FRAMES_LINE_MAX) {
        *used = head; /* the rest is read as ended lines: a false count costs one line at most */
        return FRAMES_TOO_LONG;
    }
    if (data.n - head < length)
        return FRAMES_MORE;
    *line = slice_sub(data, head, length);
    *used = head + length;
    if (line->n > 0 && line->p[line->n - 1] == '\n') /* some count their LF too */
        line->n--;
    if (line->n > 0 && line->p[line->n - 1] == '\r')
        line->n--;
    return FRAMES_LINE;
}

enum frames_found
frames_next(struct slice data, struct slice *line, size_t *used)
{
    size_t length = 0, head = count_length(data, &length);
    *used = 0;
    if (head > 0)
        return next_counted(data, head, length, line, used);
    if (may_be_length(data))
        return FRAMES_MORE;
    const char *end = data.n > 0 ? memchr(data.p, '\n', data.n) : NULL;
    size_t n = end != NULL ? (size_t)(end - data.p) : data.n;
    if (n > FRAMES_LINE_MAX) {
        *used = end != NULL ? n + 1 : data.n;
        return FRAMES_TOO_LONG;
    }
    if (end == NULL)
        return FRAMES_MORE;
    *line = slice_sub(data, 0, n);
    *used = n + 1;
    if (line->n > 0 && line->p[line->n - 1] == '\r')
        line->n--;
    return FRAMES_LINE;
}
