/*
 * odata.h: the part of OData that the alerts API of Defender answers to.
 *
 * $filter with eq ne gt ge lt le, startswith, and or not, parentheses; property names in any letter
 * case, times and numbers unquoted, texts and enum words in single quotes. $orderby with one
 * property. Ref: sources.md 2.4.
 */
#ifndef SIM_ODATA_H
#define SIM_ODATA_H
#include <stdbool.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/json.h"
#include "common/slice.h"

struct odata; /* a parsed filter; lives in its arena */

/*
 * odata_parse - a filter as text, percent-decoded. An absent or empty text gives NULL: all rows.
 *
 * Errors: ERR_REJECT "odata.syntax", "odata.property" (not one that can be filtered by),
 *         "odata.literal" (an enum word without quotes, a time in quotes), "odata.depth".
 */
MUST_CHECK struct err odata_parse(struct slice text, struct arena *a, const struct odata **out);

/* odata_match - whether a row passes. A null or missing member passes only `eq null` and `ne`. A
 * row without lastUpdateTime (2019) is judged by its alertCreationTime. NULL passes all. */
bool odata_match(const struct odata *f, struct json row);

/* odata_uses - whether the filter names a property, as the member is spelled. */
bool odata_uses(const struct odata *f, const char *property);

struct odata_order {
    const char *property; /* static: the member's own spelling */
    bool descending;
};

/* odata_order_parse - "alertCreationTime desc"; absent: that. ERR_REJECT "odata.order". */
MUST_CHECK struct err odata_order_parse(struct slice text, struct odata_order *out);

/* odata_time - a time member of a row, 100 ns; CLOCK_NONE when there is none. */
int64_t odata_time(struct json row, const char *property);

#endif
