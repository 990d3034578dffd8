/*
 * map_endpoint.h: an alert of Microsoft Defender ATP in our words.
 *
 * Belongs to source_endpoint.c, which asks for what is mapped here.
 */
#ifndef WEIR_MAP_ENDPOINT_H
#define WEIR_MAP_ENDPOINT_H
#include "ingest/source.h"

/* endpoint_map - source.map of the endpoint source. Ref: sources.md 2.5 to 2.8 and 7. */
MUST_CHECK struct err endpoint_map(const struct source_document *docs, size_t n,
                                   struct slice directory_id, struct arena *a, struct alert *out);

#endif
