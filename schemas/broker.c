/*
 * weir run broker --demo: a Kafka for looking at weir without one.
 *
 * It makes the topics of every configured region and writes its address to <run.dir>/broker.json,
 * because the port is the system's choice. Everything in it is gone when it ends, and of each
 * partition it keeps 5 MiB: so it wants to be asked for by name. Ref: libraries.md 3.6.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cli.h"
#include "common/json.h"
#include "common/log.h"
#include "common/loop.h"
#include "schemas/commands.h"
#include "schemas/topics.h"

/* The topics of all regions, in the arena. */
static struct err
wanted_topics(const struct conf *c, struct arena *a, struct bus_topic **out, size_t *n_out)
{
    const char *const *regions = NULL;
    size_t n = conf_names(c, "region.*.database", &regions);
    struct topic_name *names = arena_alloc(a, (n + 1) * TOPICS_PER_REGION * sizeof *names);
    struct bus_topic *topics = arena_alloc(a, (n + 1) * TOPICS_PER_REGION * sizeof *topics);
    if (n == 0)
        return err_make(ERR_STOP, "conf.region",
                        "no region is configured: set region.NAME.database");
    if (names == NULL || topics == NULL)
        return err_make(ERR_STOP, "broker.memory", "out of memory");
    for (size_t i = 0; i < n; i++)
        topic_wanted(c, regions[i], names + i * TOPICS_PER_REGION, topics + i * TOPICS_PER_REGION);
    *out = topics;
    *n_out = n * TOPICS_PER_REGION;
    return ERR_OK;
}

/* Written beside its place and renamed, so that nobody reads half an address. */
static struct err
write_address(const char *path, struct arena *a, const char *bootstrap)
{
    struct json_out *o = json_out_object(a);
    json_out_text(o, "bootstrap", slice_of(bootstrap));
    json_out_int(o, "pid", getpid());
    struct slice text = json_out_print(o, a);
    const char *beside = slice_printf(a, "%s.new%c", path, 0).p;
    FILE *f = beside != NULL && text.p != NULL ? fopen(beside, "we") : NULL;
    if (f == NULL)
        return err_make(ERR_STOP, "broker.file", "%s: %s", path, strerror(errno));
    bool good = fwrite(text.p, 1, text.n, f) == text.n && fputc('\n', f) != EOF;
    good = fclose(f) == 0 && good;
    if (!good || rename(beside, path) != 0)
        return err_make(ERR_STOP, "broker.file", "%s: %s", path, strerror(errno));
    return ERR_OK;
}

static struct err
broker_serve(struct cli *cli, const char *path, int *code)
{
    struct bus_topic *topics = NULL;
    struct bus_demo *demo = NULL;
    struct loop *l = NULL;
    const char *bootstrap = NULL;
    size_t n = 0;
    struct err e = wanted_topics(cli_conf(cli), cli_arena(cli), &topics, &n);
    if (e.kind == ERR_NONE)
        e = loop_new(true, &l);
    if (e.kind == ERR_NONE)
        e = bus_demo_start(topics, n, &demo, &bootstrap);
    if (e.kind == ERR_NONE)
        e = write_address(path, cli_arena(cli), bootstrap);
    if (e.kind == ERR_NONE) {
        log_info("broker.start", LOG_STR("bootstrap", bootstrap), LOG_INT("topics", (int64_t)n));
        *code = loop_run(l);
        unlink(path); /* gone already is as good */
        log_info("broker.stop");
    }
    bus_demo_stop(demo);
    loop_free(l);
    return e;
}

static int
broker_run(struct cli *cli)
{
    int code = CLI_DONE;
    const char *dir = conf_text(cli_conf(cli), "run.dir");
    if (cli_flag(cli, "demo") == NULL)
        return cli_fail(cli, err_make(ERR_STOP, "refused.demo",
                                      "this broker keeps 5 MiB a partition, in memory: add --demo "
                                      "if you only want to look, else run Apache Kafka"));
    if (dir == NULL)
        return cli_fail(cli, err_make(ERR_STOP, "conf.value", "run.dir is not set"));
    struct slice path = slice_printf(cli_arena(cli), "%s/broker.json%c", dir, 0);
    if (path.p == NULL || (mkdir(dir, 0755) != 0 && errno != EEXIST))
        return cli_fail(cli, err_make(ERR_STOP, "broker.file", "%s: %s", dir, strerror(errno)));
    struct err e = broker_serve(cli, path.p, &code);
    return e.kind == ERR_NONE ? code : cli_fail(cli, e);
}

static const struct cli_flag broker_flags[] = {
    {.name = "demo", .help = "Yes, a broker that forgets."},
    {.name = NULL},
};

const struct cli_command run_broker_command = {
    .noun = "run",
    .verb = "broker",
    .summary = "a Kafka for demos, in memory",
    .example = "weir run broker --demo",
    .flags = broker_flags,
    .run = broker_run,
};
