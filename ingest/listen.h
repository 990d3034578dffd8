/*
 * listen.h: syslog in, for one tenant: sockets, frames, senders.
 *
 * UDP and TCP on the port of the tenant's settings; with `tls` TLS alone. What was read goes to the
 * tenant's spool (feed.h), from there to Kafka. While the spool is full TCP is not read, which the
 * sender feels; UDP that comes then is dropped and counted. Ref: sources.md 5.2, design.md 5.
 */
#ifndef WEIR_LISTEN_H
#define WEIR_LISTEN_H
#include "ingest/ingest.h"

struct listener;      /* opaque */
struct listen_shared; /* of all listeners of a worker: who has which port; opaque */

struct listen_shared *listen_shared_new(void);    /* NULL: out of memory */
void listen_shared_free(struct listen_shared *h); /* after every listener; NULL is fine */

/* listen_start - reads the tenant's settings from the region's database, opens its spool, then
 * binds; tries again, and says so once, while the port or the spool is somebody else's. NULL: out
 * of memory. */
struct listener *listen_start(const struct ingest *env, const struct ingest_tenant *tenant,
                              ingest_gone *gone, void *arg);

/* listen_close - the listener frees itself when its handles are closed. NULL is fine. */
void listen_close(struct listener *l);

#endif
