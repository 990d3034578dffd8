/*
 * event.h: an event row of normalize as a record on weir.R.incidents. Pure.
 *
 * No content: ids, counts, times. CloudEvents 1.0 in binary mode; ce_id is the same each time the
 * same change is sent, so a consumer drops repeats. Ref: design.md 5, consumers.md 2.2.
 */
#ifndef WEIR_EVENT_H
#define WEIR_EVENT_H
#include "common/bus.h"
#include "schemas/codec.h"
#include "store/events.h"

/* event_record - key (oid, incident id big-endian), Avro value and headers, all in the arena; topic
 * is borrowed. ERR_RETRY "event.memory", or of codec_event. */
MUST_CHECK struct err event_record(struct codec *c, const struct events_row *row,
                                   const char *region, const char *topic, struct arena *a,
                                   struct bus_record *out);

#endif
