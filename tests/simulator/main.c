/*
 * weir-sim: the four services of one tenant, contoso, on a loopback port.
 *
 *     weir-sim --dir build/run --syslog 127.0.0.1:6514 --hold
 *
 * It writes DIR/sim.json when it is ready: the settings of a tenant, for `weir tenant opt-in
 * --settings`, and "control_url". Then it plays the story, or serves the records of a folder.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cli.h"
#include "common/crypto.h"
#include "common/log.h"
#include "tests/simulator/sim.h"

enum { TICK_MS = 20, BODY_MAX = 1 << 20, SPEED_DEFAULT = 1000 };

#define REQUEST_MEMORY ((size_t)256 << 20)
#define PLAN_MEMORY ((size_t)1 << 30)
#define TENANT "3f2a8c1e-6b7d-4e59-9a40-1c5d7e8f9b20"
#define PUBLISHER "c0ffee00-7d1a-4b52-8e3f-2a9b4c6d8e10"

struct program {
    struct sim sim;
    uv_timer_t tick;
    uv_signal_t start;
    struct loop_hook hook;
};

/* ---- what a tenant's administrator would enter */

static struct json_out *
oauth_source(const struct sim *s, struct arena *a, const char *name, const char *endpoint,
             const char *resource)
{
    struct json_out *o = json_out_object(a);
    json_out_text(o, "base_url", slice_printf(a, "%s/%s", s->origin, name));
    json_out_text(o, "token_url", slice_printf(a, "%s/login/%s/%s", s->origin, TENANT, endpoint));
    json_out_text(o, "resource", slice_of(resource));
    json_out_text(o, "client_id", SLICE(SIM_CLIENT_ID));
    json_out_text(o, "client_secret", s->secret);
    return o;
}

static struct json_out *
identity_source(const struct sim *s, struct arena *a, const char *syslog)
{
    struct json_out *o = json_out_object(a);
    struct json_out *senders = json_out_array(a);
    const char *colon = strrchr(syslog, ':');
    json_out_add_text(senders, SLICE("127.0.0.1"));
    json_out_text(o, "channel", SLICE("syslog"));
    if (s->data == NULL) /* real lines name several; without it all are taken */
        json_out_text(o, "workspace", SLICE("contoso-corp"));
    json_out_set(o, "senders", senders);
    json_out_int(o, "port", colon != NULL ? atoi(colon + 1) : 0);
    return o;
}

static struct err
settings_write(const struct sim *s, const char *syslog)
{
    struct arena *a = s->plan.arena;
    struct json_out *o = json_out_object(a);
    struct json_out *domains = json_out_array(a);
    struct json_out *sources = json_out_object(a);
    struct json_out *mail = oauth_source(s, a, "mail", "oauth2/v2.0/token", SIM_RESOURCE_MAIL);
    struct json_out *apps = json_out_object(a);
    json_out_text(mail, "publisher_id", SLICE(PUBLISHER));
    json_out_text(apps, "base_url", slice_printf(a, "%s/apps", s->origin));
    json_out_text(apps, "token", s->apps_token);
    json_out_set(sources, "endpoint",
                 oauth_source(s, a, "endpoint", "oauth2/token", SIM_RESOURCE_ENDPOINT));
    json_out_set(sources, "mail", mail);
    json_out_set(sources, "apps", apps);
    if (syslog != NULL)
        json_out_set(sources, "identity", identity_source(s, a, syslog));
    json_out_add_text(domains, SLICE("contoso.com"));
    json_out_int(o, "pid", getpid());
    json_out_text(o, "control_url", slice_printf(a, "%s/sim", s->origin));
    json_out_text(o, "directory_id", s->tenant);
    json_out_text(o, "name", SLICE("contoso"));
    json_out_set(o, "domains", domains);
    json_out_set_raw(o, "hubs", slice_of(story_hubs));
    json_out_set(o, "sources", sources);
    struct slice text = json_out_print_indented(o, a);
    if (text.p == NULL)
        return err_make(ERR_STOP, "sim.memory", "out of memory");
    return sim_write_file(s->dir, "sim.json", text);
}

/* ---- the program's own time */

static void
tick(uv_timer_t *t)
{
    struct sim *s = t->data;
    plan_release(&s->plan, clock_now());
    if (s->sender != NULL && s->plan.started != CLOCK_NONE)
        syslog_pump(s->sender);
}

static void
on_usr1(uv_signal_t *h, int number)
{
    struct sim *s = h->data;
    struct err e = sim_start(s);
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
    if (p->sim.http != NULL)
        http_close(p->sim.http, NULL, NULL);
}

static struct err
secrets_make(struct sim *s)
{
    uint8_t bytes[32];
    crypto_random(s->token_key, sizeof(s->token_key));
    crypto_random(bytes, sizeof(bytes));
    s->apps_token = slice_hex(s->plan.arena, (struct slice){(const char *)bytes, sizeof(bytes)});
    crypto_random(bytes, 16);
    s->secret = slice_hex(s->plan.arena, (struct slice){(const char *)bytes, 16});
    s->tenant = SLICE(TENANT);
    return s->secret.p != NULL ? ERR_OK : err_make(ERR_STOP, "sim.memory", "out of memory");
}

static struct err
open_all(struct program *p, const char *syslog, bool hold)
{
    struct sim *s = &p->sim;
    struct http_conf conf = {.address = "127.0.0.1",
                             .body_max = BODY_MAX,
                             .arena_max = REQUEST_MEMORY,
                             .handle = sim_answer,
                             .arg = s};
    uv_timer_init(loop_uv(s->loop), &p->tick);
    uv_signal_init(loop_uv(s->loop), &p->start);
    p->tick.data = p->start.data = s;
    p->hook = (struct loop_hook){.stop = stop, .data = p};
    loop_on_stop(s->loop, &p->hook);
    uv_timer_start(&p->tick, tick, TICK_MS, TICK_MS);
    uv_signal_start(&p->start, on_usr1, SIGUSR1);
    struct err e = http_start(s->loop, &conf, &s->http);
    if (e.kind)
        return e;
    snprintf(s->origin, sizeof(s->origin), "http://127.0.0.1:%d", http_port(s->http));
    s->plan.mute = syslog == NULL;
    if (syslog != NULL)
        e = syslog_start(s, syslog, &s->sender);
    if (e.kind == ERR_NONE)
        e = settings_write(s, syslog);
    if (e.kind == ERR_NONE && !hold)
        e = sim_start(s);
    return e;
}

static int
usage(FILE *to, int code)
{
    fputs("weir-sim --dir build/run --syslog 127.0.0.1:6514 --hold\n\n"
          "weir-sim --dir DIR [--syslog HOST:PORT] [--speed N] [--hold] [--data FOLDER | story]\n\n"
          "Plays the four services for one tenant on a free loopback port.\n\n"
          "  --dir DIR           where sim.json, deliveries.jsonl (and skipped.jsonl) are written\n"
          "  --syslog HOST:PORT  where the lines of Azure ATP are sent; without it none are\n"
          "  --speed N           story seconds a second; 1000 plays the six hours in 22 s\n"
          "  --hold              wait for SIGUSR1 or POST to control_url/start\n"
          "  --data FOLDER       serve real records instead of the built-in story\n\n"
          "Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted.\n",
          to);
    return code;
}

static int
run(struct program *p, const char *syslog, bool hold)
{
    struct sim *s = &p->sim;
    int code = CLI_FAILED;
    log_setup("sim", LOG_INFO);
    s->plan.arena = arena_new(PLAN_MEMORY);
    struct err e = s->plan.arena != NULL ? loop_new(true, &s->loop)
                                         : err_make(ERR_STOP, "sim.memory", "out of memory");
    if (e.kind == ERR_NONE)
        e = secrets_make(s);
    if (e.kind == ERR_NONE)
        e = open_all(p, syslog, hold);
    if (e.kind)
        fprintf(stderr, "weir-sim: %s (%s)\n", e.text, e.code);
    if (s->loop != NULL) {
        if (e.kind)
            loop_stop(s->loop, CLI_FAILED);
        code = loop_run(s->loop);
        loop_free(s->loop);
    }
    syslog_free(s->sender);
    arena_free(s->plan.arena);
    return code;
}

int
main(int argc, char **argv)
{
    static const struct option flags[] = {
        {"dir", required_argument, NULL, 'd'},
        {"syslog", required_argument, NULL, 'y'},
        {"speed", required_argument, NULL, 's'},
        {"hold", no_argument, NULL, 'o'},
        {"data", required_argument, NULL, 'a'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct program p;
    const char *syslog = NULL;
    bool hold = false;
    memset(&p, 0, sizeof(p));
    p.sim.speed = SPEED_DEFAULT;
    p.sim.plan.started = CLOCK_NONE;
    for (size_t i = 0; i < SIM_SOURCES; i++)
        p.sim.first_asked[i] = CLOCK_NONE;
    for (int c; (c = getopt_long(argc, argv, "", flags, NULL)) != -1;) {
        if (c == 'd')
            p.sim.dir = optarg;
        else if (c == 'y')
            syslog = optarg;
        else if (c == 'a')
            p.sim.data = optarg;
        else if (c == 'o')
            hold = true;
        else if (c == 'h')
            return usage(stdout, CLI_DONE);
        else if (c != 's' || !slice_int(slice_of(optarg), &p.sim.speed) || p.sim.speed < 1 ||
                 p.sim.speed > 1000000)
            return usage(stderr, CLI_USAGE);
    }
    if (p.sim.dir == NULL || (optind < argc && strcmp(argv[optind], "story") != 0))
        return usage(stderr, CLI_USAGE);
    return run(&p, syslog, hold);
}
