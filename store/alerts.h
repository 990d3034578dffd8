/*
 * alerts.h: a tenant's alerts, mail records, dead and ignored documents.
 *
 * Functions queue statements (db_send) and build parameters in the arena; arrays need no order,
 * they are written sorted by key, but a key may stand in an array once only. Every one works on
 * the schema of `tenant`. Texts of rows read are borrowed until the answer's callback returns.
 * Times: 100 ns since 1970. Ref: design.md 5 and 6.
 */
#ifndef WEIR_ALERTS_H
#define WEIR_ALERTS_H
#include "store/db.h"

/* (source, native id): what an alert is known by. */
struct alerts_key {
    int32_t source; /* number */
    struct slice native_id;
};

/* One alert, as struct alert says it; enums as their numbers. SLICE_NONE: null. */
struct alerts_row {
    int32_t source;
    struct slice native_id;
    int64_t version, received;
    struct slice sha256; /* 32 bytes, of the payload (mail: of what the alert was computed from) */
    struct slice id, provider_alert_id;
    struct slice title, description, recommended_actions, web_url;
    struct slice category;
    int32_t tactics;
    int32_t severity, status, classification, determination;
    int32_t service, detection;
    struct slice detector_id, detector;
    struct slice investigation_id, investigation_state;
    struct slice assigned_to, threat_name, threat_family, actor, policy_id, native_incident_id;
    struct slice techniques; /* blank between them; NONE: none */
    int64_t created, first_activity, last_activity, updated;
    int64_t resolved;      /* CLOCK_NONE: null */
    struct slice comments; /* JSON texts */
    struct slice additional, raw_words, evidence;
    struct slice raw;  /* sealed payload; NONE for mail: its documents are mail records */
    struct slice keys; /* keys_pack */
    int32_t leads;     /* mask of lead tactics of all versions */
};

/* alerts_upsert - an older version, or the same bytes, changes nothing (design.md 5, promise 3),
 * but keys and leads, which are of all versions that were met; leads are or-ed to what is there.
 * Answered with the keys that were new or changed: columns source, native_id (alerts_key_row). */
void alerts_upsert(struct db *db, struct arena *a, const struct oid *tenant,
                   const struct alerts_row *rows, size_t n, struct db_answer answer);
void alerts_key_row(const struct db_rows *rows, size_t row, struct alerts_key *out);

/* alerts_known - what the store holds of these alerts: a row for each that exists. */
struct alerts_known {
    int32_t source;
    struct slice native_id;
    int64_t version, received;
    struct slice sha256;
};
void alerts_known(struct db *db, struct arena *a, const struct oid *tenant,
                  const struct alerts_key *keys, size_t n, struct db_answer answer);
void alerts_known_row(const struct db_rows *rows, size_t row, struct alerts_known *out);

/* alerts_load - what the correlator goes on with: the alerts of incidents that were active at or
 * after `since`. alerts_load_ids - those of incidents, or of the ones they redirect to. In no
 * order. */
struct alerts_loaded {
    int32_t source;
    struct slice native_id;
    int64_t version;
    struct slice title, category;
    int32_t severity;
    struct slice detector;
    int32_t service;
    struct slice threat; /* family, else name; may be NONE */
    int32_t tactics, leads;
    int64_t created, first_activity, last_activity;
    struct slice keys;
    int64_t incident_id; /* 0: no member of an incident */
};
void alerts_load(struct db *db, struct arena *a, const struct oid *tenant, int64_t since,
                 struct db_answer answer);
void alerts_load_ids(struct db *db, struct arena *a, const struct oid *tenant,
                     const int64_t *incident_ids, size_t n, struct db_answer answer);
void alerts_loaded_row(const struct db_rows *rows, size_t row, struct alerts_loaded *out);

/* alerts_near - the alerts of incidents whose last activity is at or after `from` and before
 * `before`, and whose first is not after `to`; at most `most`, newest first. */
struct alerts_near {
    int64_t incident_id;
    struct slice keys;
};
void alerts_near(struct db *db, struct arena *a, const struct oid *tenant, int64_t from,
                 int64_t before, int64_t to, int64_t most, struct db_answer answer);
void alerts_near_row(const struct db_rows *rows, size_t row, struct alerts_near *out);

/* alerts_of_incidents - whole alerts of incidents, by incident and creation; with_raw: also the
 * sealed payload, else raw is NONE. alerts_by_ids - of unified ids. alerts_get - of native keys. */
struct alerts_full {
    struct alerts_row row;
    int64_t incident_id; /* 0: none */
};
void alerts_of_incidents(struct db *db, struct arena *a, const struct oid *tenant,
                         const int64_t *incident_ids, size_t n, bool with_raw,
                         struct db_answer answer);
void alerts_by_ids(struct db *db, struct arena *a, const struct oid *tenant,
                   const struct slice *ids, size_t n, bool with_raw, struct db_answer answer);
void alerts_full_row(const struct db_rows *rows, size_t row, struct alerts_full *out);

/* alerts_page - whole alerts in key order after a key (source 0: from the start); for export. */
void alerts_page(struct db *db, struct arena *a, const struct oid *tenant,
                 const struct alerts_key *after, int64_t most, struct db_answer answer);

/* alerts_counts - one row: alerts, mail records, dead, ignored, incidents, comments. */
struct alerts_counts {
    int64_t alerts, mail_records, dead, ignored, incidents, comments;
};
void alerts_counts(struct db *db, struct arena *a, const struct oid *tenant,
                   struct db_answer answer);
void alerts_counts_row(const struct db_rows *rows, size_t row, struct alerts_counts *out);

/* ---- mail records: an alert of that source is computed from the set of its records */

struct alerts_mail {
    struct slice record_id, alert_id; /* alert_id: native id of the alert */
    int64_t version, received;
    struct slice sha256, sealed;
};
/* alerts_mail_upsert - as alerts_upsert by (alert id, record id). */
void alerts_mail_upsert(struct db *db, struct arena *a, const struct oid *tenant,
                        const struct alerts_mail *rows, size_t n, struct db_answer answer);
/* alerts_mail_of - all records of alerts, by alert and record id. */
void alerts_mail_of(struct db *db, struct arena *a, const struct oid *tenant,
                    const struct slice *alert_ids, size_t n, struct db_answer answer);
void alerts_mail_row(const struct db_rows *rows, size_t row, struct alerts_mail *out);

/* ---- what became no alert */

struct alerts_dead {
    int32_t source;
    struct slice native_id, sha256;
    int64_t received;
    struct slice reason, detail; /* code and text of the error */
    struct slice sealed;         /* the document; NONE: it could not be opened */
    int64_t at;
};
/* alerts_dead_add - a repeat (same key and bytes) changes nothing. Affected rows: the new ones. */
void alerts_dead_add(struct db *db, struct arena *a, const struct oid *tenant,
                     const struct alerts_dead *rows, size_t n, struct db_answer answer);
/* alerts_dead_list - newest first, at most `most`; sealed is NONE unless native_id is given. */
void alerts_dead_list(struct db *db, struct arena *a, const struct oid *tenant,
                      struct slice native_id, int64_t most, struct db_answer answer);
/* alerts_dead_delete - one that was mapped after all. */
void alerts_dead_delete(struct db *db, struct arena *a, const struct oid *tenant,
                        const struct alerts_dead *row, struct db_answer answer);
void alerts_dead_row(const struct db_rows *rows, size_t row, struct alerts_dead *out);

struct alerts_ignored {
    int32_t source;
    struct slice native_id, reason;
    int64_t received;
};
/* alerts_ignored_add - affected rows: the new ones. */
void alerts_ignored_add(struct db *db, struct arena *a, const struct oid *tenant,
                        const struct alerts_ignored *rows, size_t n, struct db_answer answer);

#endif
