/*
 * weir run all: a laptop, a demo, one small server.
 *
 * Ingest for every source, normalize, deliver and api for each region, and one purge; never the
 * broker. Each is `weir run ROLE` with the configuration and the settings this one was given, so
 * that nothing works here that would not work under a process manager. Ref: design.md 2.
 */
#include "serve/run_all.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/supervise.h"
#include "ingest/source.h"

enum { ARGS_MAX = 16 }; /* of a child, beside settings given as flags */

struct plan {
    struct arena *arena;
    struct supervise_child *children;
    size_t n;
    const char **flags; /* settings given as flags, for every child */
    size_t flags_n, flags_size;
    bool full;
};

/* A text that lives as long as the plan; NULL and full: out of memory. */
#define TEXT(p, ...) text_keep((p), slice_printf((p)->arena, __VA_ARGS__))

static const char *
text_keep(struct plan *p, struct slice text)
{
    const char *kept = text.p != NULL ? slice_cstr(p->arena, text) : NULL;
    p->full = p->full || kept == NULL;
    return kept;
}

/* These two are each worker's own. */
static bool
is_own(const char *name)
{
    return strcmp(name, "run.parent_pid") == 0 || strcmp(name, "health.port") == 0;
}

static void
flag_count(void *ctx, const struct opt *o, const char *name, const char *value, const char *origin)
{
    struct plan *p = ctx;
    (void)o, (void)name, (void)value;
    p->flags_size += strcmp(origin, "flag") == 0;
}

static void
flag_add(void *ctx, const struct opt *o, const char *name, const char *value, const char *origin)
{
    struct plan *p = ctx;
    (void)o;
    if (strcmp(origin, "flag") != 0 || is_own(name))
        return;
    p->flags[p->flags_n] = TEXT(p, "--%s=%s", name, value != NULL ? value : "");
    p->flags_n += !p->full;
}

/* One child: weir run ROLE [--source S] [--listen] [--region R], then what all are given. */
static void
add(struct plan *p, const struct cli *cli, const char *role, const char *source, bool listen,
    const char *region)
{
    size_t n = 0;
    const char **args = arena_alloc(p->arena, (ARGS_MAX + p->flags_n) * sizeof *args);
    if (args == NULL) {
        p->full = true;
        return;
    }
    args[n++] = cli_program(cli);
    args[n++] = "run";
    args[n++] = role;
    if (source != NULL)
        args[n++] = TEXT(p, "--source=%s", source);
    if (listen)
        args[n++] = "--listen";
    if (region != NULL)
        args[n++] = TEXT(p, "--region=%s", region);
    if (cli_config(cli) != NULL)
        args[n++] = TEXT(p, "--config=%s", cli_config(cli));
    for (size_t i = 0; i < p->flags_n; i++)
        args[n++] = p->flags[i];
    args[n++] = TEXT(p, "--run.parent_pid=%ld", (long)getpid());
    args[n++] = "--health.port=0";
    const char *name = region == NULL ? role
                       : source == NULL
                           ? TEXT(p, "%s-%s", role, region)
                           : TEXT(p, "%s-%s-%s", listen ? "listen" : role, source, region);
    p->children[p->n++] = (struct supervise_child){.name = name, .args = args};
}

static struct err
plan_make(struct plan *p, struct cli *cli)
{
    const struct conf *c = cli_conf(cli);
    const char *const *regions;
    size_t n_sources = 0, n = conf_names(c, "region.*.database", &regions);
    if (n == 0)
        return err_make(ERR_STOP, "conf.region",
                        "no region is configured: set region.NAME.database");
    while (sources[n_sources] != NULL)
        n_sources++;
    conf_each(c, flag_count, p);
    p->flags = arena_alloc(p->arena, (p->flags_size + 1) * sizeof *p->flags);
    p->children = arena_alloc(p->arena, (n * (2 * n_sources + 3) + 1) * sizeof *p->children);
    if (p->flags == NULL || p->children == NULL)
        return err_make(ERR_STOP, "cli.memory", "out of memory");
    conf_each(c, flag_add, p);
    for (size_t r = 0; r < n; r++) {
        for (size_t i = 0; i < n_sources; i++) {
            add(p, cli, "ingest", sources[i]->name, false, regions[r]);
            if (sources[i]->may_listen)
                add(p, cli, "ingest", sources[i]->name, true, regions[r]);
        }
        add(p, cli, "normalize", NULL, false, regions[r]);
        add(p, cli, "deliver", NULL, false, regions[r]);
        add(p, cli, "api", NULL, false, regions[r]);
    }
    add(p, cli, "purge", NULL, false, NULL);
    return p->full ? err_make(ERR_STOP, "cli.memory", "out of memory") : ERR_OK;
}

static int
all_run(struct cli *cli)
{
    struct plan p = {.arena = cli_arena(cli)};
    struct loop *l = NULL;
    struct supervise *s = NULL;
    int code = CLI_DONE;
    struct err e = plan_make(&p, cli);
    if (e.kind == ERR_NONE)
        e = loop_new(true, &l);
    if (e.kind == ERR_NONE) {
        struct supervise_conf conf = supervise_defaults();
        conf.children = p.children;
        conf.n = p.n;
        conf.run_dir = conf_text(cli_conf(cli), "run.dir");
        if (conf_int(cli_conf(cli), "health.port") != 0)
            log_info("run_all.health_port", LOG_STR("text", "each worker takes a free port"));
        e = supervise_start(l, &conf, &s);
    }
    if (e.kind == ERR_NONE)
        code = loop_run(l);
    supervise_free(s);
    loop_free(l);
    return e.kind != ERR_NONE ? cli_fail(cli, e) : code;
}

static const struct cli_flag all_flags[] = {{.name = NULL}};

const struct cli_command run_all_command = {
    .noun = "run",
    .verb = "all",
    .summary = "one worker of each role for each region, started again when they fall",
    .example = "weir run all --config weir.yaml",
    .flags = all_flags,
    .run = all_run,
};
