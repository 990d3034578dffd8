/*
 * correlate_write.h: membership lines, as fast as they are made.
 */
#ifndef WEIR_CORRELATE_WRITE_H
#define WEIR_CORRELATE_WRITE_H
#include <stdio.h>

#include "common/err.h"
#include "common/line.h"

/* Why an alert is where it is; partner SLICE_NONE: nothing is written of it. */
struct correlate_why {
    struct slice partner;
    int64_t score;      /* 0: a repeat of its partner, folded into it */
    struct slice parts; /* JSON list */
};

struct correlate_out {
    FILE *out;        /* borrowed */
    struct line text; /* what is not yet written */
};

/* correlate_write_init - ERR_RETRY "correlate.memory". */
MUST_CHECK struct err correlate_write_init(struct correlate_out *o, FILE *out);
void correlate_write_fini(struct correlate_out *o); /* writes nothing */

/* correlate_write - {"id":..,"incident":"tenant/number"}, and with why "score", "partner" and
 * "why". Written at the latest by correlate_write_flush. ERR_STOP "correlate.write"; ERR_RETRY
 * "correlate.memory". */
MUST_CHECK struct err correlate_write(struct correlate_out *o, struct slice tenant, struct slice id,
                                      int64_t incident, const struct correlate_why *why);
MUST_CHECK struct err correlate_write_flush(struct correlate_out *o);

#endif
