/*
 * mail_make.h: audit records of Office 365 ATP, as the service writes them.
 *
 * A case is one alert and what belongs to it. Each function writes one record of it; the die
 * decides what real records vary in: times with and without Z, numbers as texts, members that are
 * not there, a Data that is no JSON. Ref: sources.md 3.6 to 3.8.
 */
#ifndef SIM_MAIL_MAKE_H
#define SIM_MAIL_MAKE_H
#include "tests/simulator/dice.h"

struct mail_case {
    struct dice *dice;
    struct arena *arena;
    struct slice tenant;
    int missing_percent, wrong_percent;
    int64_t at;        /* 100 ns: the activity */
    struct slice note; /* of every record that has room for one: Comments, Subject */
    const char *policy, *severity, *category;
    struct slice policy_id, alert_id;
    struct slice message_id; /* NetworkMessageId */
    struct slice investigation_id;
    struct slice sender, recipient, sender_ip, url, sha256, file;
};

/* mail_case_make - one activity at that time, everything else by the die. */
struct mail_case mail_case_make(struct dice *dice, struct arena *a, struct slice tenant,
                                int64_t at);

/* Each: one record, created then, with an Id of its own. SLICE_NONE: the arena is full. */
struct slice mail_triggered(struct mail_case *c, int64_t created);
struct slice mail_entity(struct mail_case *c, int64_t created, int number);
struct slice mail_updated(struct mail_case *c, int64_t created, const char *status);
struct slice mail_message(struct mail_case *c, int64_t created, const char *detection);
struct slice mail_click(struct mail_case *c, int64_t created);
struct slice mail_content(struct mail_case *c, int64_t created);
/* mail_air - type 64 in one state of an investigation; see mail_air.c. */
struct slice mail_air(struct mail_case *c, int64_t created, int step);
/* mail_mirror - another product's alert, mirrored: types 78, 98, 113, 235, 294. */
struct slice mail_mirror(struct mail_case *c, int64_t created);
/* mail_unrelated - a record of any other type. */
struct slice mail_unrelated(struct mail_case *c, int64_t created);

/* ---- for mail_air.c */

struct compose;

/* mail_common - opens a record: the members of 3.6. */
void mail_common(struct compose *o, struct mail_case *c, int64_t created, int type,
                 const char *operation, const char *user, const char *workload,
                 struct slice object_id);
/* mail_seconds - "2020-01-14T09:31:07", with a Z in some; mail_cut - up to 7 digits and Z. */
struct slice mail_seconds(struct mail_case *c, int64_t t);
struct slice mail_cut(struct mail_case *c, int64_t t);
bool mail_missing(struct mail_case *c); /* whether a member that may be absent is */

#endif
