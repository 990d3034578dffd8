/*
 * clock.h: the only reader of the wall clock, and the reader of all written times.
 *
 * A time is an int64 count of 100 ns since 1970, UTC: Defender's version keys have seven digits.
 */
#ifndef WEIR_CLOCK_H
#define WEIR_CLOCK_H
#include <stdbool.h>
#include <stdint.h>

#include "common/slice.h"

#define CLOCK_SECOND INT64_C(10000000) /* one second in 100 ns */
#define CLOCK_NONE INT64_MIN           /* no time given */

int64_t clock_now(void);     /* wall clock, 100 ns since 1970 */
int64_t clock_mono_ms(void); /* never goes back; for waits and durations */

/*
 * clock_parse - one written time in any of the forms that the sources use.
 *
 * text   date, 'T' or blank, time, optional fraction of 1 to 9 digits, optional 'Z' or offset
 *        (no zone is UTC); also "10/31/2024 1:31:54 PM"; a date alone is its midnight
 * out    100 ns since 1970; digits beyond the seventh are cut. "0001-01-01T00:00:00" (any zone,
 *        any fraction of zeros) means none: CLOCK_NONE, and true
 *
 * Returns false, *out left alone, when it is not such a time or not a real date (years 1 to 9999).
 * Thread: any.  Ref: sources.md 1.3.
 */
bool clock_parse(struct slice text, int64_t *out);

struct clock_text {
    char s[32];
};

/* clock_format - "2021-01-26T20:33:57.7220239Z"; zeros at the fraction's end, and a zero fraction
 * with its dot, are left out as Defender does. CLOCK_NONE gives "". Ref: service.md 6.8. */
struct clock_text clock_format(int64_t time);

/* clock_format_full - always seven digits. Ref: consumers.md Q3. */
struct clock_text clock_format_full(int64_t time);

#endif
