/*
 * odata.h: what a list request asks for, as a filter of the store. Pure.
 *
 * The part of OData that clients of /api/incidents send: comparisons joined by `and`, $orderby on
 * two times, $top and $skip. Ref: service.md 6.2, consumers.md Q2, Q3, Q7, Q8.
 */
#ifndef WEIR_ODATA_H
#define WEIR_ODATA_H
#include <stdbool.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/slice.h"
#include "store/incidents.h"

enum { ODATA_TOP_MAX = 100, ODATA_SKIP_MAX = 1000000000, ODATA_CONDITIONS_MAX = 64 };

struct odata_query {
    struct incidents_filter filter; /* its texts lie in the arena */
    bool nothing;                   /* the conditions contradict each other: no incident fits */
};

/* odata_init - every incident, newest update first, ODATA_TOP_MAX of them. */
void odata_init(struct odata_query *q);

/*
 * odata_filter - add the conditions of a $filter to q.
 *
 * text  percent-decoded. A '+' outside quotes counts as a blank, but not in a time's offset.
 *
 * Errors:  ERR_REJECT "odata.filter": the text says which part is wrong and what would be right;
 *          ERR_RETRY "odata.memory". q is then of no use.
 * Ref:     consumers.md Q2 and Q3.
 */
MUST_CHECK struct err odata_filter(struct slice text, struct arena *a, struct odata_query *q);

/* odata_order - "lastUpdateTime desc" and the like. ERR_REJECT "odata.orderby". */
MUST_CHECK struct err odata_order(struct slice text, struct odata_query *q);

/* odata_page - $top and $skip as written; SLICE_NONE: not given. ERR_REJECT "odata.top",
 * "odata.skip". */
MUST_CHECK struct err odata_page(struct slice top, struct slice skip, struct odata_query *q);

/* odata_order_default - oldest first when the filter is a lower bound on the update time, so that
 * who takes the last one's time as a cursor misses nothing (service.md 6.11). After odata_filter,
 * when there is no $orderby. */
void odata_order_default(struct odata_query *q);

#endif
