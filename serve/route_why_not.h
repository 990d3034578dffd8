/*
 * route_why_not.h: GET /api/alerts/{id}/whyNot?other={id}: what two alerts share, and what was
 * missing for a link. Ours, not of the service that this API follows.
 */
#ifndef WEIR_ROUTE_WHY_NOT_H
#define WEIR_ROUTE_WHY_NOT_H
#include "serve/call.h"

void route_why_not(struct call *c);

#endif
