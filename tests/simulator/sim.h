/*
 * sim.h: the four services on one loopback port, and the hand that releases their records.
 *
 * One process, one loop. /login is the token endpoint, /endpoint Defender ATP, /mail the
 * Management Activity API, /apps Cloud App Security, /sim the control port; identity lines are
 * sent to the listener that the command line names.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H
#include "common/http.h"
#include "common/loop.h"
#include "tests/simulator/plan.h"

struct syslog_sender;

struct sim {
    struct loop *loop;
    struct http *http;
    struct plan plan;
    struct slice tenant;     /* directory id */
    struct slice secret;     /* of the application at the token endpoint */
    struct slice apps_token; /* 64 hex digits */
    uint8_t token_key[32];   /* signs the tokens given out */
    char origin[64];         /* "http://127.0.0.1:PORT" */
    const char *dir;
    const char *data; /* folder of real records; NULL: the story */
    int64_t speed;    /* story seconds a second */
    bool mail_on;     /* the subscription */
    uint64_t pages;   /* of mail lists so far: the header's spelling changes with it */
    uint64_t requests[SIM_SOURCES];
    int64_t first_asked[SIM_SOURCES]; /* 100 ns; CLOCK_NONE: never */
    struct syslog_sender *sender;     /* NULL: no identity lines are sent */
};

#define SIM_CLIENT_ID "7e1c3d52-40a6-4c0c-9d0e-5b1f0a2c6e11"
#define SIM_RESOURCE_ENDPOINT "https://api.securitycenter.windows.com"
#define SIM_RESOURCE_MAIL "https://manage.office.com"
#define SIM_ROLE_ENDPOINT "Alert.Read.All"
#define SIM_ROLE_MAIL "ActivityFeed.Read"

/* The files under tests/simulator/story, built in. */
extern const char story_contoso[];
extern const char story_hubs[];

/* story_load - the built-in attack, its times set so that it ends at `start` (100 ns). Released
 * over (length / speed). ERR_STOP "story.*". */
MUST_CHECK struct err story_load(struct plan *p, struct slice tenant, int64_t start, int64_t speed);

/* data_load - every native record under the folder, due at once; what no service here serves is
 * listed in DIR/skipped.jsonl with the reason. ERR_STOP "data.*". */
MUST_CHECK struct err data_load(struct plan *p, const char *folder, const char *dir, int64_t start);

/* token_answer - the token endpoint, v1 and v2. Ref: sources.md 1.1. */
void token_answer(struct sim *s, struct http_request *r);

/* token_check - whether the request carries a token of ours for the audience with the role.
 * Otherwise *status is 401 or 403 and *why says what is wrong. */
bool token_check(struct sim *s, const struct http_request *r, const char *audience,
                 const char *role, int *status, const char **why);

/* One function a service: answers every request under its prefix; path is what follows it. */
void endpoint_answer(struct sim *s, struct http_request *r, struct slice path);
void mail_answer(struct sim *s, struct http_request *r, struct slice path);
void apps_answer(struct sim *s, struct http_request *r, struct slice path);
void control_answer(struct sim *s, struct http_request *r, struct slice path);

/* sim_start - load and begin to release. Harmless when called twice. */
MUST_CHECK struct err sim_start(struct sim *s);

/* sim_answer - one request to any of the services; arg is the sim. For http_conf.handle. */
void sim_answer(void *arg, struct http_request *r);

/* sim_error - {"error":{"code","message","target"}}; the form of two of the services. */
void sim_error(struct http_request *r, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* sim_join - open, the payloads of the deliveries with commas between, close. SLICE_NONE: full. */
struct slice sim_join(struct arena *a, const char *open, struct delivery *const *list, size_t n,
                      const char *close);

/*
 * syslog_start - a sender to host:port, over UDP and two TCP connections (lines that end in LF,
 * and octet-counted ones). It connects until it can, sends what is released, in order, and sends
 * a line again after a lost connection. ERR_STOP "syslog.address".
 */
MUST_CHECK struct err syslog_start(struct sim *s, const char *address, struct syslog_sender **out);
void syslog_pump(struct syslog_sender *y); /* something was released */
void syslog_close(struct syslog_sender *y);
void syslog_free(struct syslog_sender *y); /* after the loop has ended; NULL is fine */

#endif
