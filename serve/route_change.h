/*
 * route_change.h: what people change: PATCH of an incident and POST of a comment in both families,
 * and our own actions: merge, moveAlerts, split, unpin.
 *
 * Each is a decision (decider.h): it is sent into the log, and the answer is the incident as it is
 * once normalize has stored it. A client that names its request (Idempotency-Key, or
 * client-request-id) may send it again: it is not applied twice. Ref: service.md 4.3, 6.9, 8.
 */
#ifndef WEIR_ROUTE_CHANGE_H
#define WEIR_ROUTE_CHANGE_H
#include "serve/call.h"

void route_change_patch(struct call *c);
void route_change_comment(struct call *c);
void route_change_merge(struct call *c);
void route_change_move(struct call *c);
void route_change_split(struct call *c);
void route_change_unpin(struct call *c);

#endif
