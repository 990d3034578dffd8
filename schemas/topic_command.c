/* weir topic create|list|check|delete: the topics of the regions on a real broker. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/cli.h"
#include "common/json.h"
#include "schemas/commands.h"
#include "schemas/topics.h"

enum { ADMIN_MS = 15000 };

/* The regions a command is about: --region, or all that are configured. 0: *code says why. */
static size_t
regions_of(const struct cli *cli, const char *const **out, const char *only[1], int *code)
{
    size_t n = conf_names(cli_conf(cli), "region.*.database", out);
    const char *wanted = cli_flag(cli, "region");
    if (wanted == NULL) {
        if (n == 0)
            *code = cli_fail(cli, err_make(ERR_STOP, "conf.region",
                                           "no region is configured: set "
                                           "region.NAME.database"));
        return n;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp((*out)[i], wanted) == 0) {
            only[0] = (*out)[i];
            *out = only;
            return 1;
        }
    }
    *code = cli_fail(cli, err_make(ERR_STOP, "usage.region",
                                   "there is no region %s in the "
                                   "configuration",
                                   wanted));
    return 0;
}

/* Does one thing with every topic of the regions; stops when Kafka does not answer. */
static int
each_topic(struct cli *cli, struct err (*act)(const struct conf *, const struct bus_topic *, int),
           const char *done)
{
    const char *const *regions = NULL;
    const char *only[1];
    int code = CLI_DONE;
    size_t good = 0, bad = 0;
    size_t n = regions_of(cli, &regions, only, &code);
    for (size_t i = 0; i < n; i++) {
        struct topic_name names[TOPICS_PER_REGION];
        struct bus_topic topics[TOPICS_PER_REGION];
        topic_wanted(cli_conf(cli), regions[i], names, topics);
        for (size_t t = 0; t < TOPICS_PER_REGION; t++) {
            struct err e = act(cli_conf(cli), &topics[t], ADMIN_MS);
            if (e.kind == ERR_NONE) {
                good++;
                cli_say(cli, "%s: %s", topics[t].name, done);
                continue;
            }
            bad++;
            code = cli_fail(cli, e);
            if (code == CLI_UNREACHABLE || code == CLI_CONFIGURATION)
                return code;
        }
    }
    return bad > 0 && good > 0 ? CLI_PARTLY : code;
}

static int
create_run(struct cli *cli)
{
    if (conf_bool(cli_conf(cli), "kafka.demo"))
        cli_say(cli, "kafka.demo is true: the demo broker makes its topics itself");
    return each_topic(cli, bus_topic_create, "is there");
}

static int
check_run(struct cli *cli)
{
    return each_topic(cli, bus_topic_check, "is as it must be");
}

static struct err
delete_topic(const struct conf *c, const struct bus_topic *t, int timeout_ms)
{
    return bus_topic_delete(c, t->name, timeout_ms);
}

/* Everything that waits in Kafka goes with the topics, of all tenants. */
static int
delete_run(struct cli *cli)
{
    const char *prefix = conf_text(cli_conf(cli), "kafka.prefix");
    const char *confirm = cli_flag(cli, "confirm");
    if (confirm == NULL || strcmp(confirm, prefix) != 0)
        return cli_fail(cli, err_make(ERR_STOP, "refused.confirm",
                                      "this destroys what lies in the topics of all tenants: "
                                      "repeat their prefix, --confirm %s",
                                      prefix));
    return each_topic(cli, delete_topic, "is gone");
}

/* Prints the names, or adds them to *json when there is one. */
static struct err
list_region(struct cli *cli, const char *region, struct json_out *json)
{
    const char *const *names = NULL;
    char prefix[TOPIC_NAME_MAX];
    snprintf(prefix, sizeof prefix, "%s.%s.", conf_text(cli_conf(cli), "kafka.prefix"), region);
    struct err e = bus_topic_list(cli_conf(cli), prefix, ADMIN_MS, cli_arena(cli), &names);
    for (size_t i = 0; e.kind == ERR_NONE && names[i] != NULL; i++) {
        if (json != NULL)
            json_out_add_text(json, slice_of(names[i]));
        else
            puts(names[i]);
    }
    return e;
}

static int
list_run(struct cli *cli)
{
    const char *const *regions = NULL;
    const char *only[1];
    int code = CLI_DONE;
    struct json_out *list = cli_json(cli) ? json_out_array(cli_arena(cli)) : NULL;
    size_t n = regions_of(cli, &regions, only, &code);
    for (size_t i = 0; i < n; i++) {
        struct err e = list_region(cli, regions[i], list);
        if (e.kind != ERR_NONE)
            return cli_fail(cli, e);
    }
    if (list == NULL || n == 0)
        return code;
    struct json_out *all = json_out_object(cli_arena(cli));
    json_out_set(all, "topics", list);
    struct slice text = json_out_print(all, cli_arena(cli));
    printf("%.*s\n", SLICE_ARG(text));
    return code;
}

static const struct cli_flag topic_flags[] = {
    {.name = "region", .value = "REGION", .help = "Only this region; default all configured."},
    {.name = NULL},
};

const struct cli_command topic_create_command = {
    .noun = "topic",
    .verb = "create",
    .summary = "make the topics of each region",
    .example = "weir topic create --region eu",
    .flags = topic_flags,
    .run = create_run,
};

const struct cli_command topic_list_command = {
    .noun = "topic",
    .verb = "list",
    .summary = "names of the topics of each region",
    .example = "weir topic list",
    .flags = topic_flags,
    .run = list_run,
};

const struct cli_command topic_check_command = {
    .noun = "topic",
    .verb = "check",
    .summary = "are partitions and settings of the topics as they must be?",
    .example = "weir topic check",
    .flags = topic_flags,
    .run = check_run,
};

static const struct cli_flag delete_flags[] = {
    {.name = "region", .value = "REGION", .help = "Only this region; default all configured."},
    {.name = "confirm", .value = "PREFIX", .help = "The prefix of the topics (kafka.prefix)."},
    {.name = NULL},
};

const struct cli_command topic_delete_command = {
    .noun = "topic",
    .verb = "delete",
    .summary = "remove the topics of each region with all that lies in them",
    .example = "weir topic delete --confirm weir",
    .flags = delete_flags,
    .run = delete_run,
};
