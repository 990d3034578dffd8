/*
 * source_report.h: what `weir source check` has to say, a line a check.
 *
 * source_check.c is the command, source_ask.c looks at a source that is asked, source_port.c at one
 * that sends to us. Internal to these three.
 */
#ifndef WEIR_SOURCE_REPORT_H
#define WEIR_SOURCE_REPORT_H
#include "common/cli.h"
#include "common/loop.h"
#include "ingest/probe.h"
#include "store/source_status.h"

enum report_state {
    REPORT_OK,
    REPORT_WARN,    /* worth knowing; alerts come */
    REPORT_PROBLEM, /* without this no alert comes */
    REPORT_STATES
};

struct report {
    struct cli *cli;
    struct json_out *list; /* --json; else NULL */
    const char *source;    /* that is looked at now */
    size_t found[REPORT_STATES];
    size_t requests; /* that were made to services, tokens included */
};

/* report_say - repair: what to do, and where; NULL: nothing, or the text says it. What a service
 * said may stand in the text: control characters are shown as '?'. */
void report_say(struct report *r, enum report_state state, const char *what, const char *repair,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* One source of one tenant, ready to be looked at; conf.now and conf.start are set. */
struct source_look {
    struct report *report;
    struct loop *loop;
    const struct conf *conf;
    const struct source *source;
    struct source_conf *of; /* its settings */
    struct arena *arena;
    const struct source_status_row *worker; /* what its worker last stored; NULL: the tenant is not
                                               on, or no worker had it yet */
    bool on;                                /* the tenant is on */
    bool start;                             /* --start */
};

/* source_ask - token, subscription, one request of each kind, clock. ERR_STOP "fetch.start", an
 * interrupt: "cli.interrupted". */
MUST_CHECK struct err source_ask(struct source_look *l);

/* source_port - port, certificate, client CA, senders, last line. */
void source_port(struct source_look *l);

#endif
