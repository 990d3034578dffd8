/*
 * route_incident.h: GET /api/incidents, /api/incidents/{id} and /api/incidents/{id}/explain.
 *
 * Ref: service.md 6.
 */
#ifndef WEIR_ROUTE_INCIDENT_H
#define WEIR_ROUTE_INCIDENT_H
#include "serve/call.h"

void route_incident_list(struct call *c);
void route_incident_get(struct call *c);
void route_incident_explain(struct call *c);

#endif
