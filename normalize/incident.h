/*
 * incident.h: from alerts to incidents: identity, merge, redirect, name, severity.
 *
 * One engine a tenant: identities, nodes, posting lists, components. Pure and deterministic: what
 * it says depends on what it was given, in that order; the partition does not even depend on the
 * order (correlation.md 8). It knows nothing of Kafka, PostgreSQL, JSON or the time.
 *
 * A batch: incident_add for each alert version, then incident_changes, then either
 * incident_commit (what was said is stored) or incident_free (it was not: rebuild from the store).
 */
#ifndef WEIR_INCIDENT_H
#define WEIR_INCIDENT_H
#include "normalize/keys.h"
#include "normalize/link.h"

struct incident_engine; /* one tenant; opaque */

/* An alert version as the engine takes it. */
struct incident_alert {
    struct slice source;    /* name; number below */
    uint8_t source_number;  /* 0 to 31: the channel it came by */
    uint8_t product_number; /* 0 to 31: what found it; "other product" compares this */
    struct slice native_id; /* with the source: its key */
    int64_t version;        /* not higher than the known one: nothing happens */
    bool rewritten; /* other bytes of the same version: absorbed although it is not higher */
    int64_t created_s, first_s, last_s; /* activity already sanitised by incident_alert_of */
    uint8_t level;                      /* 0 informational .. 3 high; unknown counts as low */
    uint16_t tactics;
    struct slice detector;
    struct slice title;     /* for names; the service words below too */
    struct slice product;   /* "Microsoft Defender ATP" */
    struct slice category;  /* unified word */
    struct slice threat;    /* family or name; may be NONE */
    bool false_positive;    /* closed as one at its source: says nothing about severity */
    bool resolved;          /* its source says so; when all are, the incident is */
    int64_t at;             /* 100 ns: when the record came, as the log says; 0: not known */
    int32_t points, rarity; /* of a stored alert: what its severity counts, how rare its detector
                             * is, fixed when it came */
    int64_t seq;            /* of a stored alert: its place among the tenant's; they are restored in
                             * this order. 0: behind those that are there */
    const struct key_set *keys;
    bool weighed; /* the engine's own: keys hold weights, as stored */
};

/* incident_alert_of - sanitises times (correlation.md 3) and takes over what the engine needs.
 * Texts are borrowed from al; keys are borrowed. */
void incident_alert_of(const struct alert *al, uint8_t source_number, const struct key_set *keys,
                       struct incident_alert *out);

/*
 * A decision of a person, at its place in the log (correlation.md 10 and 11). Members that are
 * SLICE_NONE, -1 or empty change nothing.
 */
enum incident_decision_kind {
    DECISION_UPDATE,   /* status, owner, classification, determination; a comment or tags: worked */
    DECISION_MOVE,     /* the alerts into the incident `into` */
    DECISION_MERGE,    /* incident_id into `into`, whatever the rule says */
    DECISION_SPLIT,    /* the alerts out of incident_id, into a new incident; into: given back */
    DECISION_PINS_OFF, /* the alerts are free again: the rule decides from now on */
};
enum incident_status { INCIDENT_ACTIVE, INCIDENT_IN_PROGRESS, INCIDENT_RESOLVED };

struct incident_alert_ref {
    struct slice source, native_id;
};

struct incident_decision {
    enum incident_decision_kind kind;
    int64_t incident_id, into;
    int status;                            /* enum incident_status; -1 */
    struct slice assigned_to;              /* "": nobody from now on */
    int32_t classification, determination; /* schemas/alert.h; -1 */
    bool worked;                           /* a comment or tags came with it */
    const struct incident_alert_ref *alerts;
    size_t n_alerts;
    int64_t at; /* 100 ns, as the log says */
};

/* incident_decide - what follows from it shows up in incident_changes. Incidents and alerts must be
 * in memory; repeats that were folded into one go together, also those not named. ERR_REJECT
 * "incident.unknown" (no such live incident or alert), "incident.closed" (a closed incident takes
 * no alert), "incident.cap", "incident.nothing" (it would change nothing): nothing happened;
 * ERR_RETRY "incident.memory". */
MUST_CHECK struct err incident_decide(struct incident_engine *e, struct incident_decision *d);

/* incident_params - other parameters from here in the log on: what is together stays. Borrowed. */
void incident_params(struct incident_engine *e, const struct params *p);

/* incident_engine_new - params and tenant data are borrowed and must outlive the engine.
 * next_id is the first incident id to give. limit_bytes bounds its memory. NULL: out of memory. */
struct incident_engine *incident_engine_new(const struct params *p, int64_t next_id,
                                            size_t limit_bytes);
void incident_engine_free(struct incident_engine *e); /* NULL is fine */
size_t incident_engine_bytes(const struct incident_engine *e);

/* incident_restore_incident - an incident as stored; before its alerts. opened_order: the order in
 * which incidents were opened (their ids: smaller is older). */
struct incident_stored {
    int64_t id, version, redirect_to; /* redirect_to 0: live */
    struct slice name, first_name;
    enum incident_status status;
    struct slice assigned_to; /* NONE: nobody */
    int32_t classification, determination;
    bool worked;
    bool by_rule; /* made under the engine's parameters: what is together must follow from them */
    int64_t updated; /* 100 ns */
};
MUST_CHECK struct err incident_restore_incident(struct incident_engine *e,
                                                const struct incident_stored *s);
/* incident_restore_alert - an alert as stored, with its incident. All versions' lead tactics,
 * weights and interval are what the store holds. Ends with incident_restored. */
MUST_CHECK struct err incident_restore_alert(struct incident_engine *e,
                                             const struct incident_alert *al, uint16_t leads,
                                             int64_t incident_id);
/* incident_state - an alert as the store must hold it so that incident_restore_alert gives the same
 * again: interval, level and weights over all versions, every identifier it carried. Texts are
 * borrowed from the engine until it is freed; keys are in the arena. ERR_REJECT
 * "incident.unknown": no such alert; ERR_RETRY "incident.memory": the arena is full. */
MUST_CHECK struct err incident_state(struct incident_engine *e, struct slice source,
                                     struct slice native_id, struct arena *a,
                                     struct incident_alert *out, uint16_t *leads);
/* incident_restored - links what was restored; differences from the stored membership are counted
 * (*diff, expected 0) and show up as ordinary changes. */
MUST_CHECK struct err incident_restored(struct incident_engine *e, size_t *diff);

/* Of a posting list: how many candidates are scored, and how many looked at, newest first. What
 * was cut off by these is counted: beyond them the partition may depend on the order. */
enum { INCIDENT_LOOK_MAX = 16384, INCIDENT_ENTITIES_MAX = 1000, INCIDENT_WITH_MAX = 256 };

/* What day tables count beside keys: days with any alert, a detector's, its days with a severity,
 * and the hours of these. */
enum {
    INCIDENT_HISTORY = KEY_TYPES,
    INCIDENT_DETECTOR,
    INCIDENT_SEVERITY,
    INCIDENT_HOUR,
    INCIDENT_DAY_TYPES
};

/* incident_day - a closed day as the store has it, before incident_restored: the value occurred on
 * `day` with these counterparts. */
struct incident_day {
    uint8_t type; /* enum key_type, or one of those above */
    struct slice value;
    int32_t day;
    const struct slice *with; /* "user upn:..", "device dns:..", "hour 13" */
    size_t n_with;
};
MUST_CHECK struct err incident_restore_day(struct incident_engine *e, const struct incident_day *d);

/* incident_restore_alias - two identifiers that alerts which left memory showed to be one. */
struct incident_alias {
    enum key_type type;
    struct slice a, b;
};
MUST_CHECK struct err incident_restore_alias(struct incident_engine *e,
                                             const struct incident_alias *x);

/* What else goes on where it stopped; one row a tenant. incident_clock - as it is now, to be stored
 * with the changes;
 * incident_restore_clock - after all days, before incident_restored. */
struct incident_clock {
    int64_t watermark_s, updated, next_seq; /* watermark INT64_MIN: none */
    int32_t jump_day, jump_alerts, days_told;
};
struct incident_clock incident_clock(const struct incident_engine *e);
void incident_restore_clock(struct incident_engine *e, const struct incident_clock *c);

/* incident_restore_pin - a person put the alert where it is (together true: it stays there) or
 * keeps it apart from an incident. Before its alert, so that it is not folded with what it was
 * apart from; said twice it is said once. */
MUST_CHECK struct err incident_restore_pin(struct incident_engine *e, struct slice source,
                                           struct slice native_id, int64_t incident_id,
                                           bool together);

/* ---- what is in memory: the live window (correlation.md 13) */

/* incident_behind - may this alert link to, or be, one that left memory? Then the caller brings
 * back the incidents of its candidates (incident_restore_*, incident_restored) before incident_add.
 * from_s, to_s: alerts whose last activity lies there, and that share a key, are candidates. */
bool incident_behind(const struct incident_engine *e, const struct incident_alert *al,
                     int64_t *from_s, int64_t *to_s);
/* incident_has - is the alert in memory? */
bool incident_has(const struct incident_engine *e, struct slice source, struct slice native_id);
/* incident_evict - incidents whose newest activity is older than any window can reach leave memory,
 * after incident_commit; the partition does not change. */
void incident_evict(struct incident_engine *e);
/* incident_memory_from - incidents with activity at or after this second are in memory; INT64_MIN:
 * all are. */
int64_t incident_memory_from(const struct incident_engine *e);
/* incident_stands - what a key is called whose identity has several names: one of them, the same
 * for all until the engine learns more; any other key: itself. Borrowed. */
struct slice incident_stands(struct incident_engine *e, enum key_type type, struct slice text);
/* incident_watermark - the largest `created` met, s; INT64_MIN: none. */
int64_t incident_watermark(const struct incident_engine *e);

/* incident_learn - the day tables learn from an alert without linking it: for a log that is read
 * to its end first. incident_learned - all days are complete now. */
MUST_CHECK struct err incident_learn(struct incident_engine *e, const struct incident_alert *al);
void incident_learned(struct incident_engine *e);

/* incident_add - one alert version. ERR_RETRY "incident.memory": limit reached, the engine is void.
 */
MUST_CHECK struct err incident_add(struct incident_engine *e, const struct incident_alert *al);

/* Why an alert is where it is. */
struct incident_reason {
    struct slice alert_source, alert_id;     /* the alert that joined */
    struct slice partner_source, partner_id; /* NONE: it opened the incident */
    struct link_score score;
    struct slice key_values[LINK_PARTS_MAX]; /* canonical value of each LINK_KEY part */
    uint8_t level, partner_level;
};

struct incident_membership {
    struct slice source, native_id;
    int64_t incident_id;
};

struct incident_related {
    int64_t a, b; /* incident ids, a < b */
    int32_t score;
    const char *why; /* "score", "cap", "continues", "closed", "owner", "classification", "pin" */
};

/* An incident that is new or changed since the last commit, as it is now. */
struct incident_row {
    int64_t id, version;
    const char *kind; /* created, updated, merged, closed, reopened, split */
    int64_t updated;  /* 100 ns, strictly increasing within the tenant */
    enum incident_status status;
    struct slice assigned_to; /* NONE: nobody */
    int32_t classification, determination;
    bool worked;         /* people hold it: its status is theirs, and it survives a merge */
    bool by_rule;        /* false: people, or other parameters, had a hand in who is together */
    int64_t redirect_to; /* merged: the survivor; else 0 */
    struct slice name, first_name;
    enum severity severity;
    int32_t stage_score;
    uint16_t tactics; /* all tactics of its alerts */
    uint32_t sources; /* bit source number */
    int32_t alerts, users, devices;
    int64_t first_s, last_s, created_s; /* activity; created of its first alert */
    struct slice *entities; /* "upn:anna@contoso.com", "dns:..": what people search by */
    size_t n_entities;
};

struct incident_pin {
    struct slice source, native_id;
    int64_t incident_id;
    bool together; /* false: apart from it */
    bool off;      /* the pin is gone */
};

/* Where a large incident would come apart first: its weakest bridge. */
struct incident_split {
    int64_t incident_id;
    struct incident_alert_ref a, b; /* the two alerts that hold it together */
    int32_t score;
    size_t alerts_a, alerts_b; /* on either side */
};

struct incident_changes {
    struct incident_row *rows; /* merged ones first, each half sorted by id */
    size_t n_rows;
    struct incident_membership *members; /* alerts whose incident is new or changed */
    size_t n_members;
    struct incident_reason *reasons; /* alerts that joined or opened, and links that merged */
    size_t n_reasons;
    struct incident_related *related;
    size_t n_related;
    size_t identity_conflicts;
    size_t added_new, added_joined, added_merged; /* decisions of this batch */
    size_t refused;            /* links that a cap refused; each leaves a related entry */
    size_t cut;                /* lists longer than a scan may go, keys beyond KEYS_NODE_MAX */
    size_t folded;             /* alerts that became part of a node that was there */
    struct incident_day *days; /* closed since the last commit: to be stored once */
    size_t n_days;
    struct incident_alias *aliases; /* new since the last commit */
    size_t n_aliases;
    struct incident_pin *pins; /* new or changed */
    size_t n_pins;
    struct incident_split *splits; /* suggestions: an incident passed a soft cap */
    size_t n_splits;
};

/* incident_changes - what happened since the last commit; in the arena. */
MUST_CHECK struct err incident_changes(struct incident_engine *e, struct arena *a,
                                       struct incident_changes *out);
void incident_commit(struct incident_engine *e);

int64_t incident_next_id(const struct incident_engine *e);
/* incident_of - the live incident of an alert; 0: unknown. */
int64_t incident_of(struct incident_engine *e, struct slice source, struct slice native_id);

/* incident_sentence - "Linked to alert B with 1927 of 1000: same user anna, 2 h apart (766) + next
 * stage (150) + ..."; the numbers add up to the score. In the arena. Ref: correlation.md 12. */
struct slice incident_sentence(const struct incident_reason *r, const struct params *p,
                               struct arena *a);

/* incident_reason_json / _read - the reason as stored in `link` and printed by explain --json:
 * {"alert":..,"partner":..,"score":..,"parts":[{"part","points",...}]}; read(json(x)) = x. */
struct slice incident_reason_json(const struct incident_reason *r, const struct params *p,
                                  struct arena *a);
MUST_CHECK struct err incident_reason_read(struct slice json, struct arena *a,
                                           struct incident_reason *out);

#endif
