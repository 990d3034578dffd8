/*
 * source_words.h: what the numbers of a source's status mean to a person. Pure.
 */
#ifndef WEIR_SOURCE_WORDS_H
#define WEIR_SOURCE_WORDS_H
#include "store/source_status.h"

enum { SOURCE_WORD = 32 };

/* source_fresh - a worker has the tenant now: its row is not older than it is even while a worker
 * waits after trouble. row NULL: no. */
bool source_fresh(const struct source_status_row *row, int64_t now, int64_t poll_s);

/*
 * source_state - one word of how a source is doing.
 *
 * row      NULL: no worker ever had it
 * listens  its alerts come to us: silence is no fault
 * now      100 ns
 *
 * "new"        no worker has asked or listened yet
 * "no worker"  none has it now
 * "trouble"    the last round failed; the row's code says why
 * "late"       no round ended well for three poll intervals (of at least a minute: the row is not
 *              written more often)
 * "ok"
 */
const char *source_state(const struct source_status_row *row, bool listens, int64_t now,
                         int64_t poll_s);

/* source_span - "45 s", "12 min", "7 h", "3 d"; "0 s" for less than none. Returns text. */
const char *source_span(int64_t span_100ns, char text[SOURCE_WORD]);

/* source_lag - how far what we have is behind the source's time; CLOCK_NONE: not known. Never
 * less than none. */
int64_t source_lag(const struct source_status_row *row, int64_t now);

#endif
