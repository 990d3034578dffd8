/*
 * replay.h: real incidents, in the form of the service that raised each alert.
 *
 * Reads alerts that were exported from Sentinel (rows of SecurityAlert, all columns as text) and
 * composes what the product behind each would have served: README.md has the table. Which alerts
 * belong together is never read: neither incident records, nor IncidentId, InvestigationId or
 * anything else of ExtendedProperties that was written when the alerts were joined.
 */
#ifndef SIM_REPLAY_H
#define SIM_REPLAY_H
#include "tests/simulator/compose.h"
#include "tests/simulator/plan.h"

/* An object of a row with its $id, wherever it stands. */
struct replay_node {
    struct slice id;
    struct json value;
};

struct replay_row {
    struct slice id;        /* SystemAlertId */
    struct slice vendor_id; /* VendorOriginalId: the product's own */
    struct slice provider, type, title, severity, description;
    struct slice category; /* the product's word for the stage */
    struct slice tenant;   /* whose alert it is to be */
    struct json row;
    struct json extra;     /* ExtendedProperties */
    struct json *entities; /* those of the row, references followed, each once */
    size_t n_entities;
    struct replay_node *nodes; /* sorted by id */
    size_t n_nodes;
    int64_t first, last, created; /* 100 ns: activity, and when the alert was raised */
    int64_t shift;                /* to be added to every time of the row */
    int64_t due;                  /* when it is released; no earlier than created + shift */
};

struct replay {
    struct replay_row *rows; /* in order of created, then id */
    size_t n;
    struct slice *domains; /* of all users: each is the tenant's own */
    size_t n_domains;
};

/* replay_read - the rows of $shared/data/alerts/<product>/microsoft__SecRL.jsonl, in the arena.
 * ERR_STOP "replay.folder": there are none; "replay.row": one that cannot be understood. */
MUST_CHECK struct err replay_read(const char *shared, struct arena *a, struct replay **out);

/*
 * replay_plan - every row as its service's records, due at their real spacing divided by speed,
 * the first at start. Times are moved so that the last alert is raised when it is released.
 * `truth` of a delivery is its row's SystemAlertId. ERR_STOP "replay.memory", "replay.provider".
 */
MUST_CHECK struct err replay_plan(struct replay *r, struct plan *p, struct slice tenant,
                                  int64_t start, int64_t speed);

/* replay_add - one record of the row's alert; text NONE: the arena was full. */
MUST_CHECK struct err replay_add(struct plan *p, const struct replay_row *r, enum sim_source source,
                                 struct slice text);

/* ---- one function a target service: adds all its records of the row's alert */

MUST_CHECK struct err replay_endpoint(struct plan *p, const struct replay_row *r);
MUST_CHECK struct err replay_mail(struct plan *p, const struct replay_row *r);
MUST_CHECK struct err replay_apps(struct plan *p, const struct replay_row *r);

/* ---- entities */

/* replay_entities - fills entities and nodes of the row from its Entities text. */
MUST_CHECK struct err replay_entities(struct replay_row *r, struct slice text, struct arena *a);

/* replay_follow - what {"$ref":..} stands for; anything else is itself. Absent: refers to none. */
struct json replay_follow(const struct replay_row *r, struct json v);
/* replay_member - a member, followed. */
struct json replay_member(const struct replay_row *r, struct json object, const char *name);

bool replay_is(struct json entity, const char *type); /* by Type, any letter case */
bool replay_has(const struct replay_row *r, const char *type);

/* replay_word - a text that is not empty, or a number as it stands; SLICE_NONE: neither. */
struct slice replay_word(struct json object, const char *name, struct arena *a);

/* replay_upn - the sign-in name of an account, a mailbox or a message's recipient. */
struct slice replay_upn(struct json entity, struct arena *a);

/* replay_hash - the value of that algorithm among FileHashes; SLICE_NONE: none. */
struct slice replay_hash(const struct replay_row *r, struct json file, const char *algorithm);

/* replay_time - a time of the row as text, shifted; SLICE_NONE when it is none. */
struct slice replay_time(const struct replay_row *r, struct slice text, struct arena *a);

#endif
