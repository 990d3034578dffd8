/*
 * correlate.c: the correlator offline: alerts in, membership out.
 *
 * The same engine as in the service. A log is read to its end first, so that each alert's weights
 * come from complete days; or line by line, as the service does it, in bounded memory; or twice,
 * to see what other parameters would change.
 */
#include "normalize/correlate.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "normalize/correlate_compare.h"
#include "normalize/correlate_link.h"
#include "normalize/correlate_stream.h"

enum { TOP_PAD_BYTES = 4 << 20, MMAP_BYTES = 32 << 20 };

struct correlate {
    struct cli *cli;
    struct params params;
    struct correlate_log log;
};

static struct err
usage(const char *what)
{
    return err_make(ERR_STOP, "usage.flag", "%s", what);
}

/* ---- parameters */

/* A profile, or what the installation uses. */
static struct err
params_now(const struct cli *cli, struct params *out)
{
    const char *profile = cli_flag(cli, "profile");
    if (profile == NULL)
        return params_configured(cli_conf(cli), out);
    *out = params_default;
    if (!params_profile(slice_of(profile), out))
        return err_make(ERR_STOP, "usage.flag", "--profile: there is no profile %.40s", profile);
    return ERR_OK;
}

/* ---- reading to the end */

static struct err
take_params(void *ctx, struct correlate_line *line, struct arena *a)
{
    struct correlate *c = ctx;
    (void)a;
    return params_read_json(line->params, &c->params);
}

static struct err
take_tenant(void *ctx, struct correlate_line *line, struct arena *a)
{
    struct correlate *c = ctx;
    struct correlate_tenant *t;
    (void)a;
    struct err e = correlate_log_tenant(&c->log, line->tenant, &t);
    if (!e.kind && t->n_alerts > 0)
        e = err_make(ERR_REJECT, "correlate.input",
                     "what is known of a tenant must come before its first alert");
    return e.kind ? e : correlate_read_lists(line, c->log.all, &t->lists);
}

static struct err
take_alert(void *ctx, struct correlate_line *line, struct arena *a)
{
    struct correlate *c = ctx;
    struct correlate_tenant *t;
    struct err e = correlate_log_tenant(&c->log, line->tenant, &t);
    return e.kind ? e : correlate_log_add(&c->log, t, line, a);
}

static struct err
read_log(struct correlate *c)
{
    const struct correlate_sink sink = {c, take_params, take_tenant, take_alert};
    struct err e = correlate_log_init(&c->log);
    return e.kind ? e : correlate_read_all(stdin, "standard input", &sink);
}

/* ---- memberships */

static struct err
write_tenant(struct correlate *c, int64_t tenant, bool explain, struct correlate_out *out)
{
    const struct correlate_tenant *t = &c->log.of[tenant];
    struct slice name = names_text(c->log.tenants, tenant);
    struct correlate_result r;
    struct arena *a = arena_new(SIZE_MAX / 2);
    if (a == NULL)
        return err_make(ERR_RETRY, "correlate.memory", "out of memory");
    struct err e = correlate_link(&c->log, t, &c->params, explain, a, &r);
    for (size_t i = 0; !e.kind && i < t->n_alerts; i++)
        if (r.incident_of[i] != 0)
            e = correlate_write(out, name, t->alerts[i].id, r.incident_of[i],
                                explain ? correlate_link_why(&r, t->alerts[i].id) : NULL);
    arena_free(a);
    return e;
}

static struct err
run_log(struct correlate *c, struct correlate_out *out)
{
    bool explain = cli_flag(c->cli, "explain") != NULL;
    struct err e = read_log(c);
    for (int64_t i = 0; !e.kind && i < names_count(c->log.tenants); i++)
        e = write_tenant(c, i, explain, out);
    return e;
}

static struct err
run_stream(struct correlate *c, struct correlate_out *out)
{
    struct correlate_stream_counts counts;
    FILE *kept = tmpfile();
    if (kept == NULL)
        return err_make(ERR_STOP, "correlate.file", "a temporary file: %s", strerror(errno));
    struct err e = correlate_stream(stdin, &c->params, kept, out, &counts);
    (void)fclose(kept);
    if (!e.kind && counts.late > 0)
        cli_say(c->cli,
                "%zu of %zu alerts reach behind the live window; without --stream they are linked "
                "to what lies there",
                counts.late, counts.alerts);
    return e;
}

static struct err
run_members(struct correlate *c)
{
    struct correlate_out out;
    const char *file = cli_flag(c->cli, "params");
    struct err e = correlate_write_init(&out, stdout);
    if (!e.kind && file != NULL)
        e = params_read_file(file, &c->params);
    if (!e.kind)
        e = cli_flag(c->cli, "stream") != NULL ? run_stream(c, &out) : run_log(c, &out);
    if (!e.kind)
        e = correlate_write_flush(&out);
    correlate_write_fini(&out);
    return e;
}

/* ---- what other parameters would change */

static struct err
run_diff(struct correlate *c)
{
    struct params after;
    const char *file = cli_flag(c->cli, "params");
    struct err e = read_log(c);
    after = c->params;
    if (!e.kind)
        e = params_read_file(file, &after);
    return e.kind ? e : correlate_compare(c->cli, &c->log, &c->params, &after);
}

/* What one tenant gives back the next one takes: a sixth of a run went into giving memory back to
 * the kernel and having it cleared again. */
static void
keep_memory(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, INT_MAX);
    (void)mallopt(M_TOP_PAD, TOP_PAD_BYTES);
}

static int
correlate_run(struct cli *cli)
{
    struct correlate c = {.cli = cli};
    keep_memory();
    bool diff = cli_flag(cli, "diff") != NULL, stream = cli_flag(cli, "stream") != NULL;
    struct err e = params_now(cli, &c.params);
    if (!e.kind && diff && cli_flag(cli, "params") == NULL)
        e = usage("--diff compares with the parameters of --params FILE, which is missing");
    if (!e.kind && diff && stream)
        e = usage("--diff reads the log twice: it cannot be with --stream");
    if (!e.kind && cli_flag(cli, "explain") != NULL && (diff || stream))
        e = usage("--explain is for neither --diff nor --stream");
    if (!e.kind)
        e = diff ? run_diff(&c) : run_members(&c);
    correlate_log_fini(&c.log);
    return e.kind ? cli_fail(cli, e) : CLI_DONE;
}

static const struct cli_flag FLAGS[] = {
    {.name = "profile", .value = "NAME", .help = "Begin with these parameters instead of default."},
    {.name = "params", .value = "FILE", .help = "Parameters to lay over them, YAML or JSON."},
    {.name = "explain", .help = "Add partner, score and why: the parts that add up to the score."},
    {.name = "stream",
     .help = "Link line by line in memory bounded by the live window, as the service does."},
    {.name = "diff",
     .help = "Show what the parameters of --params would change, and nothing else."},
    {.name = NULL}};

const struct cli_command correlate_command = {
    .noun = "correlate",
    .summary = "join alerts on standard input into incidents, offline",
    .example = "weir correlate --explain < alerts.jsonl > membership.jsonl",
    .flags = FLAGS,
    .run = correlate_run,
};
