/*
 * template.h: texts of the story with their times filled in.
 *
 * A marker is ${form argument}. The argument is a moment of the story in seconds, with up to seven
 * decimals. In JSON, a marker of the form ms stands in quotes, which go away with it: it is a
 * number.
 */
#ifndef SIM_TEMPLATE_H
#define SIM_TEMPLATE_H
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/slice.h"

struct template_clock {
    int64_t zero;    /* 100 ns since 1970: when the story began */
    int64_t release; /* when the record at hand is given out */
    struct slice tenant;
};

/*
 * template_fill - the text with every marker replaced, in the arena.
 *
 *   ${z 12.5}   2021-01-26T20:33:57.5Z         ${s 12}   2021-01-26T20:33:57 (no zone)
 *   ${m 12.5}   2021-01-26T20:33:57.500Z       ${u 12.5} 2021-01-26T20:33:57.500000+00:00
 *   ${f 12.5}   always seven digits            ${us 12}  1/26/2021 8:33:57 PM
 *   "${ms 12}"  1611693237000 (number)         ${ticks 12} 18 digits, .NET ticks
 *   ${g 12}     12 hex digits: ticks >> 16, as at the end of Exchange's GUIDs
 *   ${o 12}     8 hex digits: the second, as at the start of an object id
 *   ${now}      the release, rounded like an SQL datetime   ${tenant}  the directory id
 *
 * Errors: ERR_REJECT "template.marker" (unknown form or bad argument), "template.memory".
 */
MUST_CHECK struct err template_fill(struct slice text, const struct template_clock *c,
                                    struct arena *a, struct slice *out);

/* template_sql_time - t as an SQL datetime keeps it: cut to a 300th of a second. */
int64_t template_sql_time(int64_t t);

#endif
