/*
 * leftover.h: spools of tenants that went off while no listener ran.
 *
 * The control topic forgets a tenant in the end, so what it does not name is looked up in the
 * region's database: a spool whose tenant has no schema there is deleted, any other stays.
 */
#ifndef WEIR_LEFTOVER_H
#define WEIR_LEFTOVER_H
#include "ingest/ingest.h"

/* leftover_sweep - begins; it ends by itself, and what fails is left to the next start. */
void leftover_sweep(const struct ingest *env, bool (*known)(void *arg, const struct oid *oid),
                    void *arg);

#endif
