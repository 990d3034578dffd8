/*
 * apps.h: what the parts of the Cloud App Security service share. Ref: sources.md 4.
 */
#ifndef SIM_APPS_H
#define SIM_APPS_H
#include "tests/simulator/sim.h"

enum { APPS_PAGE_MAX = 100 };

/* apps_error - {"detail":...}: the service's form is undocumented, its status counts. */
void apps_error(struct http_request *r, int status, const char *text);

/* apps_body - the request as JSON, from a body of any kind or from the address; filters that stand
 * in a form as text are parsed. ERR_REJECT "json.*". */
struct apps_body {
    struct json filters;
    struct slice sort, direction;
    int64_t skip, limit; /* as asked; -1: not */
    struct json doc;     /* of a JSON body; else absent */
};
MUST_CHECK struct err apps_body_read(const struct http_request *r, struct apps_body *out);

/* apps_change - the calls that change alerts; what follows alerts/. False: no such call. */
bool apps_change(struct sim_call *c, struct slice path);

/* apps_touch - an alert changes as services do: it aggregates, is read, is closed. */
void apps_touch(struct sim_call *c, struct delivery *d);

#endif
