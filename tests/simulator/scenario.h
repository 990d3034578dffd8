/*
 * scenario.h: what is there, what happens when, and what goes wrong.
 *
 * A scenario is a JSON file; README.md beside this file shows every member. The reader is strict:
 * what it does not know, it refuses by name. The same scenario and seed make the same alerts, bytes
 * and faults; only real time differs.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/json.h"
#include "common/slice.h"
#include "tests/simulator/dice.h"
#include "tests/simulator/mail_feed.h"
#include "tests/simulator/plan.h"
#include "tests/simulator/quota.h"

/* How sensors send. Members of the scenario's "identity". */
struct syslog_traits {
    int64_t sensors;     /* each with connections of its own; 0: one */
    int64_t udp_percent; /* made up: chance of a datagram; what is lost is lost */
    int64_t piece_bytes; /* a line goes out in pieces of 1 to so many bytes; 0: whole */
    int64_t lines_most;  /* a connection is closed after so many lines; 0: it stays */
    int64_t cut_percent; /* chance that it is reset in the middle of a line, sent again whole */
    int64_t slow;        /* strangers that send one byte a tick, and end after `stranger_ms` */
    int64_t endless;     /* strangers that send and send, and never end a line */
    int64_t stranger_ms; /* 0: 10000 */
};

struct sim_tenant;
struct sim_call;

/* What is made up for one source, for each tenant. A chance is in percent. */
struct generate {
    int64_t alerts;           /* how many; mail: alerts of type 40, see mail's own */
    int64_t versions;         /* the most that one alert has */
    int64_t update_percent;   /* chance that a version is followed by one more */
    int64_t late_percent;     /* chance that it is released late ... */
    int64_t late_s;           /* ... by at most so much real time */
    int64_t repeat_percent;   /* mail, identity: chance that a record comes once more */
    int64_t same_percent;     /* endpoint: chance of the update time of the alert before */
    int64_t missing_percent;  /* chance that members are missing */
    int64_t wrong_percent;    /* chance that members have another type */
    int64_t big_percent;      /* chance of a long text ... */
    int64_t big_bytes;        /* ... of so many bytes */
    int64_t close_percent;    /* apps: chance that its last version is closed */
    int64_t identity_percent; /* apps: chance that it is a detection of Azure ATP */
    int64_t other_percent;    /* mail: unrelated records beside; identity: health lines */
    int64_t history_s;        /* some are older than the start, by at most so much */
};

enum fault_what {
    FAULT_THROTTLE,   /* 429 (mail: 403 or 429 with AF429), Retry-After by form */
    FAULT_STATUS,     /* any status, with a body by form */
    FAULT_CUT,        /* the body ends after so many bytes, the connection with it */
    FAULT_SLOW,       /* so many bytes a second */
    FAULT_STALL,      /* nothing for so long, then the answer */
    FAULT_CLOSE,      /* the connection ends without an answer */
    FAULT_BIG,        /* so many blanks behind the body */
    FAULT_JUNK,       /* 200 and a page of HTML */
    FAULT_CASE,       /* names of headers in random letter case */
    FAULT_DATE,       /* the Date header is off by so much */
    FAULT_REPEAT,     /* rows of the answer come twice */
    FAULT_TOUCH,      /* an alert is changed right after this answer: updates while paging */
    FAULT_SECRET,     /* token endpoint: the secret has expired */
    FAULT_TOKEN,      /* token endpoint: an odd answer, by form */
    FAULT_REVOKE,     /* tokens given out before from_ms are refused with 401 from then on */
    FAULT_PERMISSION, /* the application lacks the role: 403 */
    FAULTS
};

/* How a fault shows; not every form fits every fault. */
enum fault_form {
    FORM_DEFAULT,
    FORM_SECONDS, /* Retry-After in seconds */
    FORM_DATE,    /* Retry-After as a date */
    FORM_TEXT,    /* only in the text of the body */
    FORM_NONE,    /* nowhere */
    FORM_JSON,
    FORM_HTML,
    FORM_EMPTY,
    FORM_NO_TOKEN, /* 200 without access_token */
    FORM_NO_ROLES, /* a token of an application that was granted nothing */
    FORMS
};

struct fault {
    enum fault_what what;
    enum fault_form form;
    unsigned sources;  /* bit 1 << source: whose requests */
    struct slice call; /* only this call; NONE: any but "token" */
    int64_t tenant;    /* number; -1: every one */
    int64_t from_ms;   /* since the start, in scenario time; before `to_ms` */
    int64_t to_ms;
    const int64_t *requests; /* numbers, from 1, among the tenant's that fit; NULL: all */
    size_t n_requests;
    int64_t percent; /* chance of one request */
    int64_t most;    /* of one tenant; 0: no limit */
    int64_t status;
    int64_t after_s; /* Retry-After */
    int64_t bytes;
    int64_t ms;   /* FAULT_STALL; FAULT_DATE: ahead */
    int64_t code; /* AADSTS number of FAULT_SECRET, FAULT_TOKEN; 0: by form */
};

/* How often a fault has been looked at and has struck, for one tenant. */
struct fault_count {
    uint32_t seen, struck;
};

struct scenario {
    uint64_t seed;
    int64_t tenants;
    int64_t length_s; /* what is generated is released within */
    int64_t era; /* 2019: no evidence in lists, no $expand, no lastUpdateTime filter; or 2020 */
    bool update_filter; /* endpoint takes lastUpdateTime in $filter */
    int64_t skew_s;     /* service time is ahead of the real clock by this */
    struct quota_limit quotas[SIM_SOURCES];
    bool quota_set[SIM_SOURCES]; /* else the service's own, call by call */
    struct generate generate[SIM_SOURCES];
    struct mail_traits mail;
    struct syslog_traits identity;
    struct json steps; /* array, as lines of story/contoso.jsonl; absent: none */
    struct fault *faults;
    size_t n_faults;
};

/*
 * scenario_read - a scenario file's text. Texts stay in the arena.
 *
 * Errors: ERR_REJECT "scenario.*": not JSON, an unknown member, a value out of range; the text
 *         names the member and what would be right.
 */
MUST_CHECK struct err scenario_read(struct slice text, struct arena *a, struct scenario **out);

/* scenario_load - the same from a file. ERR_STOP "scenario.open". */
MUST_CHECK struct err scenario_load(const char *path, struct arena *a, struct scenario **out);

/* scenario_random - the text of a scenario made from a seed: all four sources, some of every kind
 * of trouble that a right worker gets through within a minute. SLICE_NONE: the arena is full. */
struct slice scenario_random(uint64_t seed, struct arena *a);

/* scenario_plan - one tenant's plan: steps and what is generated, due from `start` (service time)
 * on, `speed` scenario seconds a second. ERR_STOP "scenario.*". */
MUST_CHECK struct err scenario_plan(const struct scenario *c, struct sim_tenant *t, int64_t start,
                                    int64_t speed);

/* fault_find - what this request suffers, counted; NULL: nothing. Deterministic by seed, tenant
 * and the request's number among those that fit. */
const struct fault *fault_find(struct sim_call *c);

/* fault_answer - answers at once when the call's fault is one that takes the place of an answer
 * (throttling, a status, a permission, an odd token); false: the service answers. */
bool fault_answer(struct sim_call *c);
/* fault_grants_nothing - the token that is given out now has no roles. */
bool fault_grants_nothing(const struct sim_call *c);

/* fault_revokes - a token given out at issued_ms (service time) is refused once a FAULT_REVOKE of
 * the tenant and the call's source has begun after it. */
bool fault_revokes(const struct sim_call *c, const struct sim_tenant *t, int64_t issued_ms);

/* ---- making alerts up: one function a source, each in a file of its own */

struct generator {
    struct sim_tenant *tenant;
    const struct generate *g;
    const struct scenario *scenario;
    struct dice dice;    /* this tenant's and source's own */
    struct arena *arena; /* for all that is made on the way; generator_add copies */
    int64_t start;       /* service time */
    int64_t length;      /* 100 ns of service time: release within start ... start + length */
};

/* generator_add - a delivery of the generator's source into its plan, named by plan_name.
 * replaces is the n of the version before; 0: none. Returns its n, 0: the plan is full. */
size_t generator_add(struct generator *g, struct delivery d);

/* When one version of an alert comes to be, and when the service shows it: service time. */
struct moment {
    int64_t at;       /* by its own times; grows from version to version */
    int64_t released; /* never before `at` */
};

/* generator_moments - the versions of one alert, from 1 to `most`; returns how many. The first may
 * be older than the start (history_s): then it is released at the start. */
size_t generator_moments(struct generator *g, struct moment *out, size_t most);

/* generator_big - a text of g->g->big_bytes in one of big_percent, else `text`. */
struct slice generator_big(struct generator *g, struct slice text);

MUST_CHECK struct err generate_endpoint(struct generator *g);
MUST_CHECK struct err generate_mail(struct generator *g);
MUST_CHECK struct err generate_apps(struct generator *g);
MUST_CHECK struct err generate_identity(struct generator *g);

#endif
