/*
 * mail_map.h: from the audit records of one Office 365 alert to the unified alert.
 *
 * An alert has one AlertTriggered record, any number of AlertEntityGenerated and AlertUpdated
 * records, and one AirInvestigation record for each change of its investigation. They come hours
 * apart and in any order; the alert is a function of their set. Ref: sources.md 3.6 to 3.8, 7.
 */
#ifndef WEIR_MAIL_MAP_H
#define WEIR_MAIL_MAP_H
#include "common/arena.h"
#include "common/err.h"
#include "common/json.h"
#include "common/slice.h"
#include "ingest/source.h"
#include "schemas/alert.h"

/* The record types that make alerts. */
enum mail_type {
    MAIL_MESSAGE = 28, /* ThreatIntelligence: a message was detected */
    MAIL_ALERT = 40,   /* SecurityComplianceAlerts */
    MAIL_CLICK = 41,   /* ThreatIntelligenceUrl: a Safe Links click */
    MAIL_FILE = 47,    /* ThreatIntelligenceAtpContent: a file in SharePoint, OneDrive, Teams */
    MAIL_INVESTIGATION = 64, /* AirInvestigation */
};

/*
 * mail_data - the JSON document inside a record's text member (Data, an item of Actions).
 *
 * Raw control characters inside its strings, which the service leaves there, are escaped first.
 *
 * Errors:  ERR_REJECT "mail.data": it is no JSON object even so; ERR_RETRY "json.memory".
 *          An empty text or a literal null: ERR_OK and an absent value.
 */
MUST_CHECK struct err mail_data(struct slice text, struct arena *a, struct json *out);

/* mail_map - source.map of the mail source. */
MUST_CHECK struct err mail_map(const struct source_document *docs, size_t n,
                               struct slice directory_id, struct arena *a, struct alert *out);

/* mail_entities - evidence from an AIR document's Entities with its $id and $ref; used by mail_map.
 * At most ALERT_EVIDENCE_MAX items and MAIL_NODES_MAX values are looked at. */
enum { MAIL_NODES_MAX = 50000 };
MUST_CHECK struct err mail_entities(struct json doc, struct arena *a, struct alert *out);

#endif
