/*
 * incidents.h: a tenant's incidents, who is in them and why, and what people wrote.
 *
 * Conventions as in alerts.h. Only normalize writes here (design.md 5, promise 5).
 */
#ifndef WEIR_INCIDENTS_H
#define WEIR_INCIDENTS_H
#include "store/alerts.h"
#include "store/db.h"

struct incidents_row {
    int64_t id, version;
    int64_t redirect_to; /* 0: live */
    struct slice name, first_name;
    int32_t severity;    /* enum severity */
    struct slice status; /* "active", "inProgress", "resolved", "redirected" */
    int32_t classification, determination;
    struct slice assigned_to; /* NONE: nobody */
    struct slice *tags;
    size_t n_tags;
    int32_t stage_score, tactics, sources; /* sources: bit source number */
    int32_t alerts, users, devices;
    int64_t created, updated; /* updated: strictly increasing within the tenant */
    int64_t first_activity, last_activity;
    struct slice *entities; /* "upn:anna@contoso.com": what people search by */
    size_t n_entities;
    struct slice params; /* digest of the parameters that explain it; '~' in front: people or others
                          * had a hand in it, too; NONE: leave what is stored */
    int32_t worked;      /* 1: a person commented or tagged it */
};

/* incidents_upsert - new or changed incidents, as the correlator has them; tags of one that exists
 * are left alone. */
void incidents_upsert(struct db *db, struct arena *a, const struct oid *tenant,
                      const struct incidents_row *rows, size_t n, struct db_answer answer);

/* incidents_load - what the correlator restores: incidents that were active at or after `since`,
 * and those that redirect to them, by id. incidents_load_ids - the same of incidents by id; of a
 * redirected one, the one it redirects to. */
struct incidents_loaded {
    int64_t id, version, redirect_to;
    struct slice name, first_name;
    struct slice status, assigned_to; /* assigned_to NONE: nobody */
    int32_t classification, determination;
    bool worked;
    struct slice params; /* digest of the parameters it was made under; NONE: not known */
    int64_t updated;
};
void incidents_load(struct db *db, struct arena *a, const struct oid *tenant, int64_t since,
                    struct db_answer answer);
void incidents_load_ids(struct db *db, struct arena *a, const struct oid *tenant,
                        const int64_t *ids, size_t n, struct db_answer answer);
void incidents_loaded_row(const struct db_rows *rows, size_t row, struct incidents_loaded *out);

enum { INCIDENTS_NOT_MAX = 64 };

/* Which incidents to list. Times INT64_MIN: no bound. Redirected ones are left out unless asked. */
struct incidents_filter {
    int64_t id;               /* 0: any */
    struct slice status;      /* NONE: any; as stored */
    struct slice assigned_to; /* NONE: any; "": nobody; letter case does not count */
    struct slice entity;      /* NONE: any */
    int32_t severity;         /* -1: any */
    /* values that are not wanted */
    struct slice not_status[INCIDENTS_NOT_MAX], not_assigned_to[INCIDENTS_NOT_MAX];
    int32_t not_severity[INCIDENTS_NOT_MAX];
    size_t n_not_status, n_not_assigned_to, n_not_severity;
    int64_t created_gt, created_ge, created_lt, created_le;
    int64_t updated_gt, updated_ge, updated_lt, updated_le;
    bool redirected; /* also redirected ones */
    enum { INCIDENTS_BY_ID, INCIDENTS_BY_CREATED, INCIDENTS_BY_UPDATED } order;
    bool descending;
    int64_t skip, top;
};
/* incidents_filter_all - no condition, newest updated first, skip 0, top 50. */
struct incidents_filter incidents_filter_all(void);

/* incidents_list - rows: incidents_full_row. incidents_count - one row, one column. */
void incidents_list(struct db *db, struct arena *a, const struct oid *tenant,
                    const struct incidents_filter *f, struct db_answer answer);
void incidents_count(struct db *db, struct arena *a, const struct oid *tenant,
                     const struct incidents_filter *f, struct db_answer answer);
/* incidents_get - the incident, redirected or not; no row: there is none. */
void incidents_get(struct db *db, struct arena *a, const struct oid *tenant, int64_t id,
                   struct db_answer answer);
/* incidents_full_row - texts are borrowed, the lists lie in the arena. */
void incidents_full_row(const struct db_rows *rows, size_t row, struct arena *a,
                        struct incidents_row *out);

/* ---- who is in which, and why */

struct incidents_member {
    int32_t source;
    struct slice native_id;
    int64_t incident_id;
};
void incidents_members_upsert(struct db *db, struct arena *a, const struct oid *tenant,
                              const struct incidents_member *rows, size_t n,
                              struct db_answer answer);
/* incidents_members_of - which incident these alerts are in now; a row for each that is in one. */
void incidents_members_of(struct db *db, struct arena *a, const struct oid *tenant,
                          const struct alerts_key *alerts, size_t n, struct db_answer answer);
void incidents_member_row(const struct db_rows *rows, size_t row, struct incidents_member *out);

struct incidents_link {
    int32_t source;
    struct slice native_id;
    int32_t partner_source;  /* 0: it opened the incident */
    struct slice partner_id; /* NONE likewise */
    int64_t incident_id;
    int32_t score;
    struct slice reason; /* JSON */
    int64_t at;
};
/* incidents_links_add - the stored reason is the first one: a repeat changes only incident_id. */
void incidents_links_add(struct db *db, struct arena *a, const struct oid *tenant,
                         const struct incidents_link *rows, size_t n, struct db_answer answer);
/* incidents_links_of - of the alerts that are members of the incident now, by time. */
void incidents_links_of(struct db *db, struct arena *a, const struct oid *tenant,
                        int64_t incident_id, struct db_answer answer);
void incidents_link_row(const struct db_rows *rows, size_t row, struct incidents_link *out);

struct incidents_relation {
    int64_t a, b; /* a < b */
    int32_t score;
    struct slice why;
};
void incidents_related_upsert(struct db *db, struct arena *a, const struct oid *tenant,
                              const struct incidents_relation *rows, size_t n,
                              struct db_answer answer);
/* incidents_related_of - strongest first. */
void incidents_related_of(struct db *db, struct arena *a, const struct oid *tenant,
                          int64_t incident_id, struct db_answer answer);
void incidents_relation_row(const struct db_rows *rows, size_t row, struct incidents_relation *out);

/* incidents_carry - before `ids` become part of `into` (n each): comments, history and tags go
 * along, the first two with their origin. What was part of another before is left alone. */
void incidents_carry(struct db *db, struct arena *a, const struct oid *tenant, const int64_t *ids,
                     const int64_t *into, size_t n, struct db_answer answer);
/* incidents_tags - all tags of an incident from now on. */
void incidents_tags(struct db *db, struct arena *a, const struct oid *tenant, int64_t id,
                    const struct slice *tags, size_t n, struct db_answer answer);

/* ---- comments and activity; origin: the incident where it was, before it became part of this one;
 * 0: here; read only */

struct incidents_comment {
    int64_t incident_id, seq; /* seq: given by the store when added */
    struct slice text, by;
    int64_t at;
    int64_t origin;
};
void incidents_comment_add(struct db *db, struct arena *a, const struct oid *tenant,
                           const struct incidents_comment *c, struct db_answer answer);
void incidents_comments_of(struct db *db, struct arena *a, const struct oid *tenant,
                           const int64_t *incident_ids, size_t n, struct db_answer answer);
void incidents_comment_row(const struct db_rows *rows, size_t row, struct incidents_comment *out);

struct incidents_activity {
    int64_t seq;         /* given by the store */
    int64_t incident_id; /* 0: none */
    int64_t at;
    struct slice what, by, detail; /* detail: JSON or NONE */
    int64_t origin;
};
void incidents_activity_add(struct db *db, struct arena *a, const struct oid *tenant,
                            const struct incidents_activity *rows, size_t n,
                            struct db_answer answer);
/* incidents_activity_of - oldest first. */
void incidents_activity_of(struct db *db, struct arena *a, const struct oid *tenant,
                           int64_t incident_id, struct db_answer answer);
void incidents_activity_row(const struct db_rows *rows, size_t row, struct incidents_activity *out);

#endif
