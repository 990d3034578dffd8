/*
 * sim.h: the four services on one loopback port, and the hand that releases their records.
 *
 * One process, one loop. /login is the token endpoint, /endpoint Defender ATP, /mail the
 * Management Activity API, /apps Cloud App Security, /sim the control port; identity lines are
 * sent to the listener that the command line names. Times in answers, filters, tokens and the
 * Date header are service time (sim_now), which /sim/advance moves.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H
#include "common/http.h"
#include "common/loop.h"
#include "tests/simulator/plan.h"
#include "tests/simulator/quota.h"
#include "tests/simulator/scenario.h"
#include "tests/simulator/tls_client.h"

struct mail_feed;
struct mail_hooks;
struct replay;
struct syslog_sender;
struct sim;
struct wire;

/* How often one call was made, and how often it was refused. */
enum { SIM_CALLS_MAX = 64 };
struct sim_count {
    const char *source, *name; /* static */
    uint64_t n, refused;
};

/* What a client did wrong: each kind counted, the first ones kept as text. */
enum { SIM_WRONGS_MAX = 200 };
struct sim_wrong {
    const char *kind;   /* static, dotted: "quota.minute" */
    size_t tenant;      /* number */
    const char *source; /* static */
    struct slice what;  /* for people */
    int64_t at;         /* service time */
};

struct sim_tenant {
    struct sim *sim;
    size_t number;           /* from 0 */
    struct slice id;         /* directory id */
    struct slice domain;     /* verified: the token endpoint takes it, too */
    struct slice apps_token; /* 64 hex digits */
    struct plan plan;
    uint64_t requests;          /* of all sources, without those for a token */
    struct mail_feed *mail;     /* NULL: mail was not asked yet */
    struct quota *quotas;       /* one a call, made when it is first used; see quota.h */
    struct fault_count *faults; /* one a fault of the scenario; NULL until one is looked for */
};

struct sim {
    struct loop *loop;
    struct http *http;
    struct arena *arena; /* what all tenants share; lives as long as the program */
    struct sim_tenant *tenants;
    size_t n_tenants;
    struct slice secret;   /* of the application at the token endpoint, for every tenant */
    uint8_t token_key[32]; /* signs the tokens given out */
    char origin[64];       /* "http://127.0.0.1:PORT" */
    const char *dir;
    const char *directory;     /* GUID of the first tenant, 36 characters; NULL: contoso's */
    const char *data;          /* folder of real records; NULL: none */
    struct scenario *scenario; /* NULL: the story, data, or a replay */
    struct replay *replay;     /* real incidents; NULL: none */
    int64_t speed;             /* story or scenario seconds a second */
    int64_t started;           /* service time; CLOCK_NONE: held back */
    int64_t ahead;             /* 100 ns that service time is ahead of the real clock */
    int64_t frozen;            /* --clock virtual: service time itself; CLOCK_NONE: it runs */
    uint64_t requests[SIM_SOURCES];
    int64_t first_asked[SIM_SOURCES]; /* service time; CLOCK_NONE: never */
    struct sim_count counts[SIM_CALLS_MAX];
    size_t n_counts;
    struct sim_wrong wrongs[SIM_WRONGS_MAX];
    size_t n_wrongs;              /* may be more than were kept */
    struct mail_hooks *hooks;     /* NULL: nobody has a webhook */
    struct wire *wire;            /* NULL: clients are connected to http itself */
    struct syslog_sender *sender; /* NULL: no identity lines are sent */
    bool syslog_tls;              /* lines go by TLS alone */
    struct tls_identity sensor;   /* its certificate; cert absent: it shows none */
    struct slice sensor_ca;       /* what the settings say; NONE: without TLS */
};

/* One request, from its arrival to sim_send; http_request.data points to it. */
struct sim_call {
    struct sim *sim;
    struct http_request *r;
    struct sim_tenant *tenant; /* whose token it carries; NULL: refuse with status and why */
    enum sim_source source;
    const char *name; /* static: which call of the service: "list", "blob", "token" */
    int status;
    const char *why;
    const struct fault *fault; /* what this answer suffers; NULL: nothing */
    bool lost; /* the client will not get the answer whole: nothing counts as served */
};

#define SIM_CLIENT_ID "7e1c3d52-40a6-4c0c-9d0e-5b1f0a2c6e11"
#define SIM_RESOURCE_ENDPOINT "https://api.securitycenter.windows.com"
#define SIM_RESOURCE_MAIL "https://manage.office.com"
#define SIM_RESOURCE_APPS "05a65629-4c1b-48c1-a78b-804c4abdd4af"
#define SIM_PUBLISHER "c0ffee00-7d1a-4b52-8e3f-2a9b4c6d8e10"

/* The files under tests/simulator/story, built in. */
extern const char story_contoso[];
extern const char story_hubs[];

/* story_load - the built-in attack, its times set so that it ends at `start` (100 ns). Released
 * over (length / speed). ERR_STOP "story.*". */
MUST_CHECK struct err story_load(struct plan *p, struct slice tenant, int64_t start, int64_t speed);

/* story_steps - the steps of a scenario, as the story's lines; their times count from `start`.
 * ERR_STOP "story.*". */
MUST_CHECK struct err story_steps(struct plan *p, struct json steps, struct slice tenant,
                                  int64_t start, int64_t speed);

/* data_load - every native record under the folder, due at once; what no service here serves is
 * listed in DIR/skipped.jsonl with the reason. ERR_STOP "data.*". */
MUST_CHECK struct err data_load(struct plan *p, const char *folder, const char *dir, int64_t start);

/* ---- time, tenants */

/* sim_now - service time, 100 ns. */
int64_t sim_now(const struct sim *s);

/* tenants_make - n tenants, the first of them contoso. ERR_STOP "sim.memory". */
MUST_CHECK struct err tenants_make(struct sim *s, size_t n);
void tenants_free(struct sim *s);

/* tenant_find - by directory id or verified domain, any letter case. NULL: none. */
struct sim_tenant *tenant_find(struct sim *s, struct slice name);

/* tenant_of_token - whose token of Cloud App Security it is. NULL: nobody's. */
struct sim_tenant *tenant_of_token(struct sim *s, struct slice token);

/* settings_write - DIR/sim.json, and with several tenants DIR/tenants.jsonl: what an administrator
 * of each would enter. ERR_STOP "sim.memory", "sim.write". */
MUST_CHECK struct err settings_write(struct sim *s, const char *syslog);

/* ---- tokens */

/* token_audience - the audience that a token request asks for, whichever endpoint; NONE: none. */
struct slice token_audience(const struct http_request *r, struct slice path);

/* token_source - the source whose API an audience is; SIM_SOURCES: none. */
enum sim_source token_source(struct slice audience);

/* token_answer - the token endpoint, v1 and v2. Ref: sources.md 1.1. */
void token_answer(struct sim_call *c, struct slice path);

/* token_error - the token endpoint's answer of that AADSTS number. Ref: sources.md 1.1. */
void token_error(struct http_request *r, int number);

/* token_check - sets the call's tenant from a bearer token of ours for its source that holds one
 * of the roles (ended by NULL). Otherwise tenant is NULL, status 401 or 403 and why says it. */
void token_check(struct sim_call *c, const char *const *roles);

/* ---- one function a service: answers every request under its prefix; path is what follows it */

void endpoint_answer(struct sim_call *c, struct slice path);
void mail_answer(struct sim_call *c, struct slice path);
void apps_answer(struct sim_call *c, struct slice path);
void control_answer(struct sim_call *c, struct slice path);

/* ... and which of its calls that is: static, a word of its quota table. */
const char *endpoint_call(struct slice method, struct slice path);
const char *mail_call(struct slice method, struct slice path);
const char *apps_call(struct slice method, struct slice path);

/* ... and who calls, see token_check; apps also takes its own tokens. */
void endpoint_caller(struct sim_call *c);
void mail_caller(struct sim_call *c);
void apps_caller(struct sim_call *c);

/* sim_start - load and begin to release. Harmless when called twice. */
MUST_CHECK struct err sim_start(struct sim *s);

/* sim_answer - one request to any of the services; arg is the sim. For http_conf.handle. */
void sim_answer(void *arg, struct http_request *r);

/* ---- answering: never http_answer itself */

/* sim_send - as http_answer, with the service's Date, and with what the call's fault does to it. */
void sim_send(struct http_request *r, int status, const char *content_type, struct slice body,
              const struct http_header *headers);

/* sim_error - {"error":{"code","message","target"}}; the form of two of the services. */
void sim_error(struct http_request *r, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* sim_serve - the call's answer holds the delivery; counts unless the answer will be lost. */
void sim_serve(struct sim_call *c, struct delivery *d);

/* sim_blame - the client did something that it must not do; kind is static and dotted. */
void sim_blame(struct sim_call *c, const char *kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* sim_join - open, the payloads of the deliveries with commas between, close. SLICE_NONE: full. */
struct slice sim_join(struct arena *a, const char *open, struct delivery *const *list, size_t n,
                      const char *close);

/* sim_lines - the texts with a line feed behind each. SLICE_NONE: full. */
struct slice sim_lines(const struct slice *lines, size_t n, struct arena *a);

/* quota_refuse - a service's own words for "too many requests". */
void quota_refuse(struct sim_call *c, int status, int64_t wait_s, uint32_t most, const char *period,
                  const struct http_header *headers);

/* quota_spend - one request of the tenant's quota `name` (static); over the limit it is a
 * violation, answered with `status`: false. Limits of the scenario come before these. */
bool quota_spend(struct sim_call *c, const char *name, struct quota_limit most, int status);

/* ---- what is where */

/* truth_answer - GET /sim/truth; the format is in README.md. */
void truth_answer(struct sim_call *c);

/* ---- identity */

/*
 * syslog_start - sensors that send to host:port: over UDP, and each over two TCP connections (lines
 * that end in LF, and octet-counted ones), or the same by TLS. It connects until it can, sends what
 * is released, in order, and sends a line again after a lost connection. ERR_STOP "syslog.address".
 */
MUST_CHECK struct err syslog_start(struct sim *s, const char *address, struct syslog_sender **out);
void syslog_pump(struct syslog_sender *y); /* something was released */
void syslog_close(struct syslog_sender *y);
void syslog_free(struct syslog_sender *y); /* after the loop has ended; NULL is fine */

/* sensor_make - the sensors' certificate, and files of it in DIR: sensor-ca.pem, sensor.pem,
 * sensor-key.pem. how: "good", "none" (it shows none), "other" (the settings name another
 * authority). ERR_REJECT "syslog.tls": another word; ERR_STOP "tls.identity", "sim.write". */
MUST_CHECK struct err sensor_make(struct sim *s, const char *how);

/* strangers_start - the scenario's senders that a listener has to bear; `to` is borrowed. *out is
 * NULL when there are none. ERR_STOP "syslog.memory". */
struct strangers;
struct sockaddr_in;
MUST_CHECK struct err strangers_start(struct sim *s, const struct syslog_traits *t,
                                      const struct sockaddr_in *to, struct strangers **out);
void strangers_pump(struct strangers *all); /* NULL is fine here and below */
void strangers_close(struct strangers *all);
void strangers_free(struct strangers *all); /* after the loop has ended */

#endif
