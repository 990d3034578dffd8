/*
 * correlate_stream.h: a log through the engine line by line, in memory bounded by the live window.
 */
#ifndef WEIR_CORRELATE_STREAM_H
#define WEIR_CORRELATE_STREAM_H
#include "normalize/correlate_log.h"
#include "normalize/correlate_write.h"

/* How many alerts may reach behind the live window: their ids stay in memory. */
enum { CORRELATE_LATE_MAX = 1000000 };

/* What was counted on the way. */
struct correlate_stream_counts {
    size_t alerts; /* lines */
    size_t late;   /* alerts that reach behind the live window: not linked to what has left it */
};

/*
 * correlate_stream - reads alerts, links them as the service does, closing days and letting go of
 * what is behind the live window, and writes every alert's incident when the input has ended.
 *
 * in       to its end
 * p        changed by a line of parameters
 * kept     a file of nothing, for reading and writing: ids wait there
 * Errors:  as correlate_read_all; ERR_STOP "correlate.file"; ERR_REJECT "correlate.late": more than
 *          CORRELATE_LATE_MAX; ERR_RETRY "correlate.memory", "incident.memory". Nothing was written
 *          then but by "correlate.write".
 */
MUST_CHECK struct err correlate_stream(FILE *in, struct params *p, FILE *kept,
                                       struct correlate_out *out,
                                       struct correlate_stream_counts *counts);

#endif
