#include "serve/source_words.h"

#include <stdio.h>

#include "common/clock.h"

enum { INTERVALS = 3, WRITTEN_S = 60, BACKOFF_S = 360 /* the longest wait after trouble */ };

static int64_t
patience(int64_t poll_s)
{
    return INTERVALS * (poll_s > WRITTEN_S ? poll_s : WRITTEN_S) * CLOCK_SECOND;
}

bool
source_fresh(const struct source_status_row *row, int64_t now, int64_t poll_s)
{
    return row != NULL && now - row->updated <= patience(poll_s) + BACKOFF_S * CLOCK_SECOND;
}

const char *
source_state(const struct source_status_row *row, bool listens, int64_t now, int64_t poll_s)
{
    if (row == NULL)
        return "new";
    if (!source_fresh(row, now, poll_s))
        return "no worker";
    if (row->code.p != NULL)
        return "trouble";
    if (listens)
        return "ok";
    if (row->succeeded == CLOCK_NONE) /* from its first request on it has that long */
        return row->asked == CLOCK_NONE || now - row->asked <= patience(poll_s) ? "new" : "late";
    return now - row->succeeded > patience(poll_s) ? "late" : "ok";
}

const char *
source_span(int64_t span_100ns, char text[SOURCE_WORD])
{
    long long s = span_100ns > 0 ? span_100ns / CLOCK_SECOND : 0;
    if (s < 120)
        (void)snprintf(text, SOURCE_WORD, "%lld s", s);
    else if (s < 7200)
        (void)snprintf(text, SOURCE_WORD, "%lld min", s / 60);
    else if (s < 2 * 86400)
        (void)snprintf(text, SOURCE_WORD, "%lld h", s / 3600);
    else
        (void)snprintf(text, SOURCE_WORD, "%lld d", s / 86400);
    return text;
}

int64_t
source_lag(const struct source_status_row *row, int64_t now)
{
    if (row == NULL || row->newest == CLOCK_NONE)
        return CLOCK_NONE;
    int64_t lag = now + row->clock_ahead - row->newest;
    return lag > 0 ? lag : 0;
}
