/*
 * graph.h: rows of the store as the incidents of Graph, /v1.0/security/incidents. Pure.
 *
 * Ref: service.md 8.2, consumers.md Q3 and Q12.
 */
#ifndef WEIR_GRAPH_H
#define WEIR_GRAPH_H
#include "serve/wire.h"
#include "store/incidents.h"

struct graph_incident {
    const struct incidents_row *row;
    const struct incidents_comment *comments;
    size_t n_comments;
    struct slice tenant, web_url; /* directory id; where people see it */
};

/* graph_incident - one incident as an object, without its alerts; context: value of @odata.context,
 * or NULL. graph_comments - the comments as the list "value" of an answer of its own. Whether it
 * fitted, wire_done tells. */
void graph_incident(struct wire *w, const struct graph_incident *i, const char *context);
void graph_comments(struct wire *w, const struct graph_incident *i, const char *context);

#endif
