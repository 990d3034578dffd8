/*
 * apps_filter.h: the filters of Cloud App Security's alert list.
 *
 * A JSON object, filter name to {operator: value}; all of them must hold. Ref: sources.md 4.3.
 */
#ifndef SIM_APPS_FILTER_H
#define SIM_APPS_FILTER_H
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/json.h"

/* apps_filter_check - ERR_REJECT "apps.filter": an unknown filter or operator, or a value of the
 * wrong shape. Absent and null filters are fine. */
MUST_CHECK struct err apps_filter_check(struct json filters);

/* apps_filter_match - whether an alert passes filters that were checked; now_ms for *_ndays. */
bool apps_filter_match(struct json filters, struct json row, int64_t now_ms);

#endif
