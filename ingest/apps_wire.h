/* apps_wire.h: Cloud App Security on the wire: its addresses and refusals; see source_apps.c. */
#ifndef WEIR_APPS_WIRE_H
#define WEIR_APPS_WIRE_H
#include "ingest/source.h"

/* apps_address - of the alerts, whichever form of it the settings have; of one with that id.
 * SLICE_NONE: out of memory. */
struct slice apps_address(const struct source_conf *c, struct slice id, struct arena *a);

/* apps_status - what a refusal means. ERR_OK: an answer with something to read. */
MUST_CHECK struct err apps_status(const struct answer *got);

#endif
