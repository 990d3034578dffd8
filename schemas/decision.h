/*
 * decision.h: what a person decided about incidents, as it travels in the log of alerts.
 *
 * A control record (codec.h) says who, when and about which incident; its kind and its payload,
 * one JSON object, are read and written here, alike for the API, the commands and the normalizer.
 * Pure. Ref: correlation.md 10 and 11; design.md 5.
 */
#ifndef WEIR_DECISION_H
#define WEIR_DECISION_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/slice.h"

enum {
    DECISION_ALERTS_MAX = 1000,
    DECISION_TAGS_MAX = 100,
    DECISION_TAG_BYTES = 256,
    DECISION_NAME_BYTES = 320,       /* of an owner */
    DECISION_COMMENT_BYTES = 120000, /* 30,000 characters: service.md 4.3 */
    DECISION_ID_BYTES = 512,         /* of an alert's native id */
    DECISION_PARAMETERS_BYTES = 64 * 1024
};

enum decided {
    DECIDED_UPDATE,     /* status, owner, classification, determination, tags, comment */
    DECIDED_MERGE,      /* the incident into `into` */
    DECIDED_MOVE,       /* alerts into `into`, where they stay */
    DECIDED_SPLIT,      /* alerts out of the incident, into a new one */
    DECIDED_FREE,       /* pins off: the rule decides over these alerts again */
    DECIDED_PARAMETERS, /* the tenant's own numbers from here on */
    DECIDED_KINDS
};

/* The numbers are those of enum incident_status. */
enum decision_status { DECISION_ACTIVE, DECISION_IN_PROGRESS, DECISION_RESOLVED };

struct decision_alert {
    struct slice source, native_id;
};

/* Members that are -1, SLICE_NONE, false or empty change nothing. */
struct decision {
    enum decided kind;
    int64_t incident_id; /* of the record; 0: DECIDED_PARAMETERS */
    int64_t into;
    int status;                            /* enum decision_status */
    struct slice assigned_to;              /* "": nobody */
    int32_t classification, determination; /* schemas/alert.h */
    bool has_tags;                         /* these are all tags from now on */
    struct slice *tags;
    size_t n_tags;
    struct slice comment;
    struct decision_alert *alerts;
    size_t n_alerts;
    struct slice parameters; /* JSON object */
};

/* decision_init - changes nothing yet. */
void decision_init(struct decision *d, enum decided kind, int64_t incident_id);

const char *decision_kind_word(enum decided kind); /* "update" */
/* decision_status_word - "active", "inProgress", "resolved": as stored and as Graph says. _of takes
 * any letter case; -1: no status that people may set. */
const char *decision_status_word(enum decision_status s);
int decision_status_of(struct slice word);

/* decision_check - is it whole and within its bounds? ERR_REJECT "decision.empty" (it changes
 * nothing), "decision.incident", "decision.into", "decision.alerts", "decision.tags",
 * "decision.text" (too long, or a NUL inside), "decision.parameters", "decision.class" (the
 * determination does not go with the classification): a sentence for people. */
MUST_CHECK struct err decision_check(const struct decision *d);

/* decision_fits - may this determination stand beside this classification? Ref: service.md 6.4. */
bool decision_fits(int32_t classification, int32_t determination);

/* decision_payload - the JSON object, members in a fixed order. NONE: the arena is full. */
struct slice decision_payload(const struct decision *d, struct arena *a);

/*
 * decision_read - a record's kind and opened payload; read(payload(x)) = x.
 *
 * Owns:    texts lie in the arena or in the payload.
 * Errors:  ERR_REJECT "decision.kind", "decision.json", "decision.member" (one that is not known
 *          or of a wrong type: half a decision is none), those of decision_check;
 *          ERR_RETRY "decision.memory".
 */
MUST_CHECK struct err decision_read(struct slice kind, int64_t incident_id, struct slice payload,
                                    struct arena *a, struct decision *out);

/* decision_name_ok - can it stand for who decided? 1 to DECISION_NAME_BYTES bytes of UTF-8. */
bool decision_name_ok(struct slice name);

/* decision_id_ok - a GUID in lower case, 36 characters: the id of a record. */
bool decision_id_ok(struct slice id);

/* decision_place - where the payload (what "") or the name (what "/by") of a record is sealed for.
 * NONE: the arena is full. */
struct slice decision_place(const char *topic, struct slice id, const char *what, struct arena *a);

#endif
