/*
 * weir-sim: the four services of one tenant, contoso, or of many, on a loopback port.
 *
 *     weir-sim --dir build/run --syslog 127.0.0.1:6514 --hold
 *
 * It writes DIR/sim.json when it is ready: the settings of a tenant, for `weir tenant opt-in
 * --settings`, and "control_url". Then it plays the story, a scenario or real incidents, or serves
 * the records of a folder. README.md beside this file tells all.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/crypto.h"
#include "common/log.h"
#include "tests/simulator/mail_hook.h"
#include "tests/simulator/replay.h"
#include "tests/simulator/sim.h"
#include "tests/simulator/wire.h"

enum { TICK_MS = 20, BODY_MAX = 1 << 20, STORY_SPEED = 1000 };

#define REQUEST_MEMORY ((size_t)1 << 30)
#define SHARED_MEMORY ((size_t)8 << 30) /* a limit, not a need */

struct program {
    struct sim sim;
    uv_timer_t tick;
    uv_signal_t start;
    struct loop_hook hook;
    const char *syslog;   /* HOST:PORT */
    const char *tls;      /* NULL: lines go without */
    const char *scenario; /* file */
    const char *replay;   /* "secrl" */
    const char *shared;   /* folder of the replayed alerts */
    bool hold, random, print, seed_given;
    int64_t seed, tenants;
    size_t turn; /* the tenant whose plan was looked at last */
};

/* ---- the program's own time */

/* Requests release their own tenant's records; here only lines, and a few other tenants a turn. */
static void
tick(uv_timer_t *t)
{
    enum { TENANTS_A_TURN = 50 };
    struct program *p = t->data;
    struct sim *s = &p->sim;
    plan_release(&s->tenants[0].plan, sim_now(s));
    for (size_t i = 0; i < TENANTS_A_TURN && i < s->n_tenants; i++)
        plan_release(&s->tenants[p->turn++ % s->n_tenants].plan, sim_now(s));
    mail_hook_pump(s);
    if (s->sender != NULL && s->started != CLOCK_NONE)
        syslog_pump(s->sender);
}

static void
on_usr1(uv_signal_t *h, int number)
{
    struct program *p = h->data;
    struct err e = sim_start(&p->sim);
    (void)number;
    if (e.kind)
        log_err("sim.start", &e);
}

static void
stop(struct loop_hook *hook)
{
    struct program *p = hook->data;
    uv_close((uv_handle_t *)&p->tick, NULL);
    uv_close((uv_handle_t *)&p->start, NULL);
    if (p->sim.sender != NULL)
        syslog_close(p->sim.sender);
    mail_hook_close(&p->sim);
    if (p->sim.wire != NULL)
        wire_close(p->sim.wire);
    if (p->sim.http != NULL)
        http_close(p->sim.http, NULL, NULL);
}

static struct err
secrets_make(struct sim *s)
{
    uint8_t bytes[16];
    crypto_random(s->token_key, sizeof(s->token_key));
    crypto_random(bytes, sizeof(bytes));
    s->secret = slice_hex(s->arena, (struct slice){(const char *)bytes, sizeof(bytes)});
    return s->secret.p != NULL ? ERR_OK : err_make(ERR_STOP, "sim.memory", "out of memory");
}

/* ---- what is played */

static struct err
scenario_choose(struct program *p)
{
    struct sim *s = &p->sim;
    struct err e = ERR_OK;
    if (p->replay != NULL)
        return replay_read(p->shared, s->arena, &s->replay);
    if (p->random)
        e = scenario_read(scenario_random((uint64_t)p->seed, s->arena), s->arena, &s->scenario);
    else if (p->scenario != NULL)
        e = scenario_load(p->scenario, s->arena, &s->scenario);
    if (e.kind || s->scenario == NULL)
        return e;
    if (p->seed_given)
        s->scenario->seed = (uint64_t)p->seed;
    s->ahead = s->scenario->skew_s * CLOCK_SECOND;
    if (p->tenants == 0)
        p->tenants = s->scenario->tenants;
    return ERR_OK;
}

/* The relay is there when an answer may have to be damaged; without, clients have less between. */
static bool
wire_needed(const struct sim *s)
{
    return s->scenario != NULL && s->scenario->n_faults > 0;
}

static struct err
services_open(struct program *p)
{
    struct sim *s = &p->sim;
    struct http_conf conf = {.address = "127.0.0.1",
                             .body_max = BODY_MAX,
                             .arena_max = REQUEST_MEMORY,
                             .handle = sim_answer,
                             .arg = s};
    struct err e = http_start(s->loop, &conf, &s->http);
    if (e.kind == ERR_NONE && wire_needed(s))
        e = wire_start(s->loop, http_port(s->http), &s->wire);
    if (e.kind)
        return e;
    snprintf(s->origin, sizeof(s->origin), "http://127.0.0.1:%d",
             s->wire != NULL ? wire_port(s->wire) : http_port(s->http));
    return ERR_OK;
}

static struct err
open_all(struct program *p)
{
    struct sim *s = &p->sim;
    uv_timer_init(loop_uv(s->loop), &p->tick);
    uv_signal_init(loop_uv(s->loop), &p->start);
    p->tick.data = p->start.data = p;
    p->hook = (struct loop_hook){.stop = stop, .data = p};
    loop_on_stop(s->loop, &p->hook);
    struct err e = secrets_make(s);
    if (e.kind == ERR_NONE)
        e = scenario_choose(p);
    if (e.kind == ERR_NONE)
        e = tenants_make(s, p->tenants > 0 ? (size_t)p->tenants : 1);
    if (e.kind == ERR_NONE)
        e = services_open(p);
    if (e.kind)
        return e;
    uv_timer_start(&p->tick, tick, TICK_MS, TICK_MS);
    uv_signal_start(&p->start, on_usr1, SIGUSR1);
    for (size_t i = 0; i < s->n_tenants; i++) /* lines are sent to the first one's listener */
        s->tenants[i].plan.mute = p->syslog == NULL || i > 0;
    if (p->tls != NULL)
        e = sensor_make(s, p->tls);
    if (e.kind == ERR_NONE && p->syslog != NULL)
        e = syslog_start(s, p->syslog, &s->sender);
    if (e.kind == ERR_NONE)
        e = settings_write(s, p->syslog);
    if (e.kind == ERR_NONE && !p->hold)
        e = sim_start(s);
    return e;
}

static int
run(struct program *p)
{
    struct sim *s = &p->sim;
    int code = CLI_FAILED;
    log_setup("sim", LOG_INFO);
    struct err e = loop_new(true, &s->loop);
    if (e.kind == ERR_NONE)
        e = open_all(p);
    if (e.kind)
        fprintf(stderr, "weir-sim: %s (%s)\n", e.text, e.code);
    if (s->loop != NULL) {
        if (e.kind)
            loop_stop(s->loop, CLI_FAILED);
        code = loop_run(s->loop);
        loop_free(s->loop);
    }
    syslog_free(s->sender);
    mail_hook_free(s);
    wire_free(s->wire);
    tenants_free(s);
    arena_free(s->arena);
    return code;
}

/* ---- the command line */

static int
usage(FILE *to, int code)
{
    fputs("weir-sim --dir build/run --syslog 127.0.0.1:6514 --hold\n\n"
          "weir-sim --dir DIR [--syslog HOST:PORT] [--syslog-tls good|none|other] [--speed N] "
          "[--hold]\n"
          "         [--clock real|virtual]\n"
          "         [--directory GUID] [--tenants N] [--scenario FILE | --random | --data FOLDER | "
          "story] [--seed N]\n"
          "         [--replay secrl --shared FOLDER]\n"
          "weir-sim --random --seed N --print\n\n"
          "Plays the four services on a free loopback port.\n\n"
          "  --dir DIR           where sim.json, deliveries.jsonl (and skipped.jsonl, "
          "tenants.jsonl)\n"
          "                      are written\n"
          "  --syslog HOST:PORT  where the lines of Azure ATP are sent; without it none are\n"
          "  --syslog-tls WHAT   they go by TLS, with a good certificate, none, or one that is not "
          "of\n"
          "                      the authority that the settings name\n"
          "  --speed N           story or scenario seconds a second; the story's is 1000\n"
          "  --hold              wait for SIGUSR1 or POST to control_url/start\n"
          "  --clock virtual     service time stands still but for POST to control_url/advance\n"
          "  --directory GUID    the first directory's id; the others end in a number instead\n"
          "  --tenants N         so many directories, each with alerts of its own\n"
          "  --scenario FILE     what is there and what goes wrong: tests/simulator/README.md\n"
          "  --random            a scenario made from the seed; --print shows it\n"
          "  --seed N            of all chance in a scenario\n"
          "  --data FOLDER       serve real records instead of the built-in story\n"
          "  --replay secrl      real incidents, each alert as its service had it; at --speed 1 "
          "they\n"
          "                      take as long as they did\n"
          "  --shared FOLDER     where they are: FOLDER/data/alerts/*/microsoft__SecRL.jsonl\n\n"
          "Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted.\n",
          to);
    return code;
}

static bool
number_flag(const char *text, int64_t least, int64_t most, int64_t *out)
{
    return slice_int(slice_of(text), out) && *out >= least && *out <= most;
}

static bool
flag_take(struct program *p, int c, const char *value)
{
    struct sim *s = &p->sim;
    switch (c) {
    case 'd':
        s->dir = value;
        return true;
    case 'y':
        p->syslog = value;
        return true;
    case 'T':
        p->tls = value;
        return true;
    case 'i':
        s->directory = value;
        return strlen(value) == 36;
    case 'a':
        s->data = value;
        return true;
    case 'n':
        p->scenario = value;
        return true;
    case 'b':
        p->replay = value;
        return strcmp(value, "secrl") == 0;
    case 'f':
        p->shared = value;
        return true;
    case 'o':
        return p->hold = true;
    case 'r':
        return p->random = true;
    case 'p':
        return p->print = true;
    case 's':
        return number_flag(value, 1, 1000000, &s->speed);
    case 't':
        return number_flag(value, 1, 100000, &p->tenants);
    case 'e':
        p->seed_given = true;
        return number_flag(value, 0, INT64_MAX, &p->seed);
    case 'c':
        s->frozen = strcmp(value, "virtual") == 0 ? clock_now() : CLOCK_NONE;
        return s->frozen != CLOCK_NONE || strcmp(value, "real") == 0;
    default:
        return false;
    }
}

static int
print_random(struct program *p)
{
    struct slice text = scenario_random((uint64_t)p->seed, p->sim.arena);
    bool good = text.p != NULL && fwrite(text.p, 1, text.n, stdout) == text.n && puts("") >= 0;
    arena_free(p->sim.arena);
    return good ? CLI_DONE : CLI_FAILED;
}

int
main(int argc, char **argv)
{
    static const struct option flags[] = {
        {"dir", required_argument, NULL, 'd'},
        {"syslog", required_argument, NULL, 'y'},
        {"syslog-tls", required_argument, NULL, 'T'},
        {"speed", required_argument, NULL, 's'},
        {"hold", no_argument, NULL, 'o'},
        {"data", required_argument, NULL, 'a'},
        {"scenario", required_argument, NULL, 'n'},
        {"random", no_argument, NULL, 'r'},
        {"print", no_argument, NULL, 'p'},
        {"seed", required_argument, NULL, 'e'},
        {"directory", required_argument, NULL, 'i'},
        {"tenants", required_argument, NULL, 't'},
        {"replay", required_argument, NULL, 'b'},
        {"shared", required_argument, NULL, 'f'},
        {"clock", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct program p;
    memset(&p, 0, sizeof(p));
    p.sim.started = p.sim.frozen = CLOCK_NONE;
    for (size_t i = 0; i < SIM_SOURCES; i++)
        p.sim.first_asked[i] = CLOCK_NONE;
    for (int c; (c = getopt_long(argc, argv, "", flags, NULL)) != -1;) {
        if (c == 'h')
            return usage(stdout, CLI_DONE);
        if (!flag_take(&p, c, optarg))
            return usage(stderr, CLI_USAGE);
    }
    int plays = (p.scenario != NULL) + p.random + (p.sim.data != NULL) + (p.replay != NULL) +
                (optind < argc);
    if (plays > 1 || (p.replay != NULL) != (p.shared != NULL) ||
        (optind < argc && strcmp(argv[optind], "story") != 0) ||
        (p.print ? !p.random : p.sim.dir == NULL))
        return usage(stderr, CLI_USAGE);
    p.sim.arena = arena_new(SHARED_MEMORY);
    if (p.sim.arena == NULL)
        return CLI_FAILED;
    if (p.sim.speed == 0)
        p.sim.speed = p.scenario != NULL || p.random || p.replay != NULL ? 1 : STORY_SPEED;
    return p.print ? print_random(&p) : run(&p);
}
