/*
 * wire.h: the last metre, where answers are cut, slowed and respelled.
 *
 * A TCP relay between the clients and the HTTP listener, one connection for one. The listener
 * writes what is to be done to an answer into the header WIRE_HEADER, which the relay takes away.
 */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H
#include "common/arena.h"
#include "common/err.h"
#include "common/loop.h"

#define WIRE_HEADER "X-Sim-Wire"

struct wire; /* opaque */
struct sim_call;

/* wire_start - relays a free loopback port to `port`. ERR_STOP "wire.start". */
MUST_CHECK struct err wire_start(struct loop *l, int port, struct wire **out);
int wire_port(const struct wire *w);
void wire_close(struct wire *w);
void wire_free(struct wire *w); /* after the loop has ended; NULL is fine */

/* wire_orders - the header's value for a call; NULL: nothing is to be done. */
const char *wire_orders(const struct sim_call *c, struct arena *a);

/* wire_loses - whether the call's fault keeps the client from the whole answer. */
bool wire_loses(const struct sim_call *c);

#endif
