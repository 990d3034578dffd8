/*
 * apps_agent.h: what the SIEM agent of Cloud App Security sends by syslog, a CEF line an alert.
 *
 * The second way in, for a customer whose alerts we may not fetch. The alert is the same one as the
 * API's: externalId is its _id. Lines tell of new alerts only, with fewer entities and without a
 * status. Belongs to source_apps.c. Ref: sources.md 4.9.
 */
#ifndef WEIR_APPS_AGENT_H
#define WEIR_APPS_AGENT_H
#include "ingest/source.h"

/* apps_agent_line - the document is a line of the agent, not an object of the API. */
bool apps_agent_line(struct slice payload);

/*
 * apps_agent_parse - source.parse of one line that a listener took. A line that cannot be read is
 * kept under a hash, to become a dead alert.
 *
 * Errors:  ERR_REJECT "apps.activity": the line tells of an activity, not of an alert;
 *          "apps.other": another product's line; ERR_RETRY "apps.memory", "cef.memory".
 */
MUST_CHECK struct err apps_agent_parse(const struct answer *got, struct arena *a, struct page *out);

/* apps_agent_ident, apps_agent_map - as ident and map of a source, for one line. */
MUST_CHECK struct err apps_agent_ident(struct slice line, enum identity_channel channel,
                                       struct arena *a, struct source_ident *out);
MUST_CHECK struct err apps_agent_map(const struct source_document *of, struct slice directory_id,
                                     struct arena *a, struct alert *out);

#endif
