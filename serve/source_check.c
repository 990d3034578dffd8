/*
 * weir source check: asks a source what its worker would ask, and says what is missing.
 *
 * The settings are those of the tenant, as its worker reads them, or of a file before the tenant is
 * turned on. A few requests that change nothing; what is found is a line a check.
 */
#include "serve/source_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "ingest/state.h"
#include "serve/source_report.h"
#include "serve/source_words.h"
#include "tenant/session.h"
#include "tenant/settings.h"

enum { TEXT_MAX = 400, BACK_S = 900 /* the window that is asked for */ };

/* ---- what is said */

void
report_say(struct report *r, enum report_state state, const char *what, const char *repair,
           const char *format, ...)
{
    static const char *const words[REPORT_STATES] = {"ok", "warn", "problem"};
    char text[TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f) /* a terminal obeys them */
            *p = '?';
    r->found[state]++;
    if (r->list == NULL) {
        printf("%-7s  %-8s  %-17s  %s\n", words[state], r->source, what, text);
        if (repair != NULL)
            printf("%-7s  %-8s  %-17s  %s\n", "", "", "  to repair:", repair);
        return;
    }
    struct json_out *o = json_out_object(cli_arena(r->cli));
    json_out_text(o, "state", slice_of(words[state]));
    json_out_text(o, "source", slice_of(r->source));
    json_out_text(o, "what", slice_of(what));
    json_out_text(o, "text", slice_of(text));
    json_out_text(o, "fix", slice_of(repair));
    json_out_add(r->list, o);
}

/* ---- one source */

/* The cursor of a check is its own, and so is what it remembers. */
static void
times_set(struct source_conf *c)
{
    c->now = clock_now();
    c->start = c->now - BACK_S * CLOCK_SECOND;
}

/* On this host nobody reads along. */
static bool
readable_on_its_way(struct slice url)
{
    return slice_starts(url, SLICE("http://")) && !slice_starts(url, SLICE("http://127.")) &&
           !slice_starts(url, SLICE("http://localhost")) &&
           !slice_starts(url, SLICE("http://[::1]"));
}

static void
say_settings(struct source_look *l)
{
    const struct source_conf *c = l->of;
    if (c->base_url.n > 0)
        report_say(l->report, REPORT_OK, "settings", NULL, "%.*s, %s", SLICE_ARG(c->base_url),
                   c->token_url.n > 0 ? "an application's token" : "an API token");
    else
        report_say(l->report, REPORT_OK, "settings", NULL, "sent to port %lld", (long long)c->port);
    if (readable_on_its_way(c->base_url) || readable_on_its_way(c->token_url))
        report_say(l->report, REPORT_WARN, "settings", "https:// in base_url and token_url",
                   "without TLS the token, and the secret, can be read on their way");
}

/* What its worker says, for the check looks from here, and the worker may be elsewhere. */
static void
say_worker(struct source_look *l)
{
    char ago[SOURCE_WORD];
    int64_t now = clock_now();
    const char *state = source_state(l->worker, l->source->listens || l->of->port > 0, now,
                                     conf_int(l->conf, "ingest.poll_s"));
    bool trouble = l->worker != NULL && l->worker->code.p != NULL;
    bool well = strcmp(state, "ok") == 0, ever = l->worker != NULL;
    if (!l->on)
        return;
    ever = ever && l->worker->succeeded != CLOCK_NONE;
    if (ever)
        (void)source_span(now - l->worker->succeeded, ago);
    report_say(l->report, well ? REPORT_OK : REPORT_WARN, "worker",
               strcmp(state, "no worker") == 0 ? "weir run ingest; weir source status" : NULL,
               "%s%s%.*s%s; last success %s%s", state, trouble ? ": " : "",
               SLICE_ARG(trouble ? slice_sub(l->worker->code, 0, 60) : SLICE("")), "",
               ever ? ago : "never", ever ? " ago" : "");
}

static struct err
look(struct source_look *l)
{
    times_set(l->of);
    say_settings(l);
    say_worker(l);
    if (l->source->listens || l->of->base_url.n == 0) {
        source_port(l);
        return ERR_OK;
    }
    return source_ask(l);
}

/* ---- before the tenant is on: from a file */

static bool
wanted(const struct cli *cli, const struct source *s)
{
    const char *only = cli_flag(cli, "source");
    return only == NULL || strcmp(only, s->name) == 0;
}

static void
say_missing(struct report *r, const char *source, enum identity_channel channel)
{
    r->source = source;
    if (channel == IDENTITY_APPS)
        report_say(r, REPORT_OK, "settings", NULL,
                   "its alerts come by apps: weir source check --source apps");
    else
        report_say(r, REPORT_PROBLEM, "settings",
                   "put it into the settings file, and turn the tenant on with it",
                   "the tenant's settings have no such source, so it is off");
}

/* A source that was asked for by name and is not on. */
static void
look_missing(struct report *r, int32_t mask, enum identity_channel channel)
{
    for (size_t i = 0; sources[i] != NULL; i++)
        if (cli_flag(r->cli, "source") != NULL && wanted(r->cli, sources[i]) &&
            (mask >> sources[i]->number & 1) == 0)
            say_missing(r, sources[i]->name, sources[i]->listens ? channel : IDENTITY_OFF);
}

static struct err
look_file(struct report *r, struct loop *loop, const struct directory *d)
{
    struct settings settings;
    struct arena *a = cli_arena(r->cli);
    struct err e = settings_read_file(cli_flag(r->cli, "settings"), a, &settings);
    if (e.kind)
        return e;
    look_missing(r, settings.mask, settings.channel);
    for (size_t i = 0; e.kind == ERR_NONE && i < settings.n_sources; i++) {
        const struct source *s = settings.sources[i].source;
        struct source_conf c = {.conf = cli_conf(r->cli), .directory_id = slice_of(d->id)};
        if (!wanted(r->cli, s))
            continue;
        r->source = s->name;
        e = source_conf_read(s, settings.sources[i].json, a, &c);
        struct source_look l = {.report = r,
                                .loop = loop,
                                .conf = cli_conf(r->cli),
                                .source = s,
                                .of = &c,
                                .arena = a,
                                .start = cli_flag(r->cli, "start") != NULL};
        if (e.kind == ERR_NONE)
            e = look(&l);
    }
    return e;
}

/* ---- of a tenant that is on */

/* Outlives an interrupt: in the session's arena. */
struct loaded {
    struct ingest env;
    struct ingest_tenant tenant;
    struct state_load load;
    bool done;
    struct err e;
};

static void
on_loaded(void *arg, struct err e)
{
    struct loaded *l = arg;
    l->e = e;
    l->done = true;
}

static struct err
load_one(struct session *s, const struct session_tenant *t, const struct source *source,
         struct loaded **out)
{
    struct loaded *l = arena_alloc(s->arena, sizeof *l);
    *out = l;
    if (l == NULL)
        return err_make(ERR_STOP, "cli.memory", "out of memory");
    l->env = (struct ingest){
        .loop = s->loop, .conf = s->conf, .source = source, .db = s->region, .seal = s->seal};
    l->tenant = (struct ingest_tenant){.oid = t->row.oid, .epoch = t->row.epoch};
    state_load_start(&l->load, &l->env, &l->tenant, s->arena, on_loaded, l);
    if (!loop_turn(s->loop, &l->done))
        return err_make(ERR_STOP, "cli.interrupted", "interrupted");
    return l->e.kind == ERR_REJECT ? ERR_OK : l->e;
}

/* As the worker does. What is missing there is what a check is for, and no failure of it. */
static struct err
look_one(struct report *r, struct session *s, const struct session_tenant *t,
         const struct source *source)
{
    struct loaded *loaded;
    r->source = source->name;
    struct err e = load_one(s, t, source, &loaded);
    if (e.kind)
        return e;
    const struct state_load *load = &loaded->load;
    struct source_conf c = {.conf = s->conf, .directory_id = load->directory_id};
    e = loaded->e;
    if (e.kind == ERR_NONE)
        e = source_conf_read(source, load->settings, s->arena, &c);
    if (e.kind) {
        report_say(r, REPORT_PROBLEM, "settings",
                   "turn the tenant off and on again with right settings", "%s", e.text);
        return ERR_OK;
    }
    c.notes = load->notes;
    struct source_look l = {.report = r,
                            .loop = s->loop,
                            .conf = s->conf,
                            .source = source,
                            .of = &c,
                            .arena = s->arena,
                            .worker = load->status.asked != CLOCK_NONE ? &load->status : NULL,
                            .on = true,
                            .start = cli_flag(r->cli, "start") != NULL};
    return look(&l);
}

static struct err
look_tenant(struct report *r, struct session *s)
{
    struct session_tenant t;
    struct err e = session_need(s, cli_flag(r->cli, "tenant"), &t);
    if (e.kind)
        return e;
    if (t.row.state != TENANT_ACTIVE)
        return err_make(ERR_STOP, "refused.state", "the tenant is %s: nothing is asked for it",
                        tenant_state_word(t.row.state));
    look_missing(r, t.row.sources, (enum identity_channel)t.row.identity_channel);
    for (size_t i = 0; e.kind == ERR_NONE && sources[i] != NULL; i++)
        if ((t.row.sources >> sources[i]->number & 1) != 0 && wanted(r->cli, sources[i]))
            e = look_one(r, s, &t, sources[i]);
    return e;
}

/* ---- the command */

static struct err
check_flags(struct cli *cli, struct directory *d)
{
    const char *source = cli_flag(cli, "source");
    if (source != NULL && source_by_name(slice_of(source)) == NULL)
        return err_make(ERR_STOP, "usage.source",
                        "no source '%.40s'; there are endpoint, mail, apps and identity", source);
    return directory_of(cli_conf(cli), cli_flag(cli, "tenant"), d);
}

static int
finish(struct report *r, struct err e)
{
    if (e.kind)
        return strcmp(e.code, "cli.interrupted") == 0 ? CLI_INTERRUPTED : cli_fail(r->cli, e);
    int code = r->found[REPORT_PROBLEM] > 0 ? CLI_FAILED : CLI_DONE;
    if (r->list == NULL) {
        cli_say(r->cli, "%zu problem%s, %zu warning%s; %zu request%s made",
                r->found[REPORT_PROBLEM], r->found[REPORT_PROBLEM] == 1 ? "" : "s",
                r->found[REPORT_WARN], r->found[REPORT_WARN] == 1 ? "" : "s", r->requests,
                r->requests == 1 ? " was" : "s were");
        return code;
    }
    struct json_out *o = json_out_object(cli_arena(r->cli));
    json_out_int(o, "exit", code);
    json_out_int(o, "requests", (int64_t)r->requests);
    json_out_set(o, "checks", r->list);
    struct slice text = json_out_print(o, cli_arena(r->cli));
    if (text.p == NULL)
        return cli_fail(r->cli, err_make(ERR_STOP, "cli.memory", "out of memory"));
    printf("%.*s\n", SLICE_ARG(text));
    return code;
}

static struct err
check_file(struct report *r, const struct directory *d)
{
    struct loop *loop;
    struct err e = loop_new(true, &loop);
    if (e.kind)
        return e;
    e = look_file(r, loop, d);
    loop_stop(loop, 0);
    (void)loop_run(loop);
    loop_free(loop);
    return e;
}

static int
check_run(struct cli *cli)
{
    struct report r = {.cli = cli, .list = cli_json(cli) ? json_out_array(cli_arena(cli)) : NULL};
    struct directory d;
    struct session s = {0};
    struct err e = check_flags(cli, &d);
    if (e.kind)
        return cli_fail(cli, e);
    if (cli_flag(cli, "settings") != NULL)
        return finish(&r, check_file(&r, &d));
    e = session_open(&s, cli_conf(cli), true);
    if (e.kind == ERR_NONE)
        e = look_tenant(&r, &s);
    session_close(&s);
    return finish(&r, e);
}

static const struct cli_flag check_flags_table[] = {
    {"tenant", "GUID", "the customer's directory id", true},
    {"source", "SOURCE", "endpoint, mail, apps or identity; left out: all that are on", false},
    {"settings", "FILE", "check this settings file, before the tenant is turned on", false},
    {"start", NULL, "mail: start the subscription too, so that records come sooner", false},
    {NULL, NULL, NULL, false},
};

const struct cli_command source_check_command = {
    .noun = "source",
    .verb = "check",
    .summary = "ask a source what its worker would ask and say what is missing",
    .example = "weir source check --tenant 0b6f2c1e-8d24-4f6c-9c0a-3f1f2a7d5e11 --source endpoint",
    .flags = check_flags_table,
    .run = check_run,
};
