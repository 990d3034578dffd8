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

/* apps_channel - such a detection goes the way the tenant chose: sets fate, reason and twin. kind:
 * idValue; 0: none. ERR_RETRY "apps.memory". */
MUST_CHECK struct err apps_channel(enum identity_channel channel, struct slice title, int64_t kind,
                                   struct arena *a, struct source_ident *out);

/* apps_is_open - nobody has closed it: by resolutionStatusValue, else is_open, else statusValue. */
bool apps_is_open(struct json alert);

/* apps_time_of_id - the second in which an object id was made, 100 ns; CLOCK_NONE: the id is none,
 * or its time is not between 2010 and `most`. */
int64_t apps_time_of_id(struct slice id, int64_t most);

/* apps_unified_id - "ca", or "aa" for a detection of Azure ATP, and a GUID made of the directory
 * and the native id: the derivation of the service is not public (7.1). NONE: out of memory. */
struct slice apps_unified_id(const struct alert *al, struct slice directory_id, struct arena *a);

/* apps_newest - of several deliveries the one that came last, whatever order they are in; NULL
 * when n is 0. */
const struct source_document *apps_newest(const struct source_document *docs, size_t n);

/* apps_map - one object of the API as an alert; errors as source.map. Ref: sources.md 4.5, 4.6, 7.
 */
MUST_CHECK struct err apps_map(const struct source_document *of, struct slice directory_id,
                               struct arena *a, struct alert *out);

#endif
