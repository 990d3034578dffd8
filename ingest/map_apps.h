/*
 * map_apps.h: an alert of Microsoft Cloud App Security in our words.
 *
 * Belongs to source_apps.c, which asks for what is mapped here.
 */
#ifndef WEIR_MAP_APPS_H
#define WEIR_MAP_APPS_H
#include "common/json.h"
#include "ingest/source.h"

/* apps_of_identity - the alert is a detection of Azure ATP: its service is Active Directory. */
bool apps_of_identity(struct json alert);

/* apps_map - source.map of the apps source. Ref: sources.md 4.5, 4.6 and 7. */
MUST_CHECK struct err apps_map(const struct source_document *docs, size_t n,
                               struct slice directory_id, struct arena *a, struct alert *out);

#endif
