/*
 * route_incident.h: GET /api/incidents, /api/incidents/{id} and /api/incidents/{id}/explain;
 * GET /v1.0/security/incidents/{id}.
 *
 * Ref: service.md 6 and 8.
 */
#ifndef WEIR_ROUTE_INCIDENT_H
#define WEIR_ROUTE_INCIDENT_H
#include "serve/call.h"

void route_incident_list(struct call *c);
void route_incident_get(struct call *c);
void route_incident_explain(struct call *c);

/* route_incident_answer - ends a call with one incident, in the words of its route's family;
 * comments: Graph's list of its comments instead. */
void route_incident_answer(struct call *c, int64_t id, bool comments);

#endif
