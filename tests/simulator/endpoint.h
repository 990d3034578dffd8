/*
 * endpoint.h: what the parts of the Defender ATP service share. Ref: sources.md 2.
 */
#ifndef SIM_ENDPOINT_H
#define SIM_ENDPOINT_H
#include "tests/simulator/sim.h"

enum { ENDPOINT_PAGE_MAX = 10000 };

/* endpoint_option - an option of the address; some clients write its dollar as %24. */
struct slice endpoint_option(const struct http_request *r, const char *name);

/* endpoint_list - a collection of alerts; only those for which keep(alert, arg) holds, when keep is
 * not NULL. */
typedef bool endpoint_keep(struct json alert, struct slice arg, struct arena *a);
void endpoint_list(struct sim_call *c, endpoint_keep *keep, struct slice arg);

/* endpoint_count - the plain number of such a collection. */
void endpoint_count(struct sim_call *c, endpoint_keep *keep, struct slice arg);

/* endpoint_find - what shows of an alert. NULL: answered 404. */
struct delivery *endpoint_find(struct sim_call *c, struct slice id);

/* endpoint_single - GET alerts/{id}: members at top level, evidence unasked. */
void endpoint_single(struct sim_call *c, struct slice id);

/* endpoint_related - GET alerts/{id}/{user,machine,files,ips,domains}. */
void endpoint_related(struct sim_call *c, struct slice id, struct slice what);

/* endpoint_patch - PATCH alerts/{id}; endpoint_batch - POST alerts/batchUpdate; endpoint_create -
 * POST alerts/CreateAlertByReference. */
void endpoint_patch(struct sim_call *c, struct slice id);
void endpoint_batch(struct sim_call *c);
void endpoint_create(struct sim_call *c);

/* endpoint_touch - an alert changes as if an analyst had worked on it: FAULT_TOUCH. */
void endpoint_touch(struct sim_call *c, struct delivery *d);

/* endpoint_entity - one of an alert's evidence, as `files` and the others tell of it. */
bool endpoint_has_file(struct json alert, struct slice sha1, struct arena *a);
bool endpoint_has_domain(struct json alert, struct slice host, struct arena *a);
bool endpoint_has_ip(struct json alert, struct slice ip, struct arena *a);
bool endpoint_has_user(struct json alert, struct slice user, struct arena *a);
bool endpoint_has_machine(struct json alert, struct slice id, struct arena *a);

#endif
