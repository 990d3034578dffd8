/*
 * weir doctor: looks at everything that weir stands on, and says what to do about it.
 *
 * A line a check: ok, warn or fail, and under what is not well the command that repairs it. A
 * check that needs another one is left out when that failed. Nothing is changed.
 * Ref: operators.md 1.1, erasure.md 9.4.
 */
#include "serve/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "normalize/params.h"
#include "schemas/topics.h"
#include "store/migrate.h"
#include "store/server.h"
#include "store/tenants.h"
#include "tenant/directory.h"

enum {
    KAFKA_MS = 5000,
    DATABASE_MS = 4000,
    CLOCK_OFF_S = 2,
    FREE_LEAST_PERCENT = 5,
    WHAT_MAX = 64,
    FIX_MAX = 256
};
#define FREE_LEAST_BYTES (UINT64_C(1) << 30)

enum finding {
    FOUND_OK,
    FOUND_WARN,
    FOUND_FAILED,
    FOUND_UNREACHABLE,
    FOUND_CONFIGURATION,
    FOUND_KINDS
};

struct doctor {
    struct cli *cli;
    const struct conf *conf;
    struct loop *loop;
    struct json_out *list; /* --json; else NULL */
    size_t found[FOUND_KINDS];
    bool clocks; /* a server told its time */
    int64_t off; /* the largest distance to one, 100 ns */
};

/* ---- what is said */

static void
say(struct doctor *d, enum finding f, const char *what, const char *text, const char *fix)
{
    static const char *const WORDS[FOUND_KINDS] = {"ok", "warn", "fail", "fail", "fail"};
    /* to be pasted as it is: with the configuration this command was given */
    if (fix != NULL && strncmp(fix, "weir ", 5) == 0 && cli_config(d->cli) != NULL)
        fix = slice_printf(cli_arena(d->cli), "%s --config '%s'%c", fix, cli_config(d->cli), 0).p;
    d->found[f]++;
    if (d->list == NULL) {
        printf("%-5s %-22s %s\n", WORDS[f], what, text);
        if (fix != NULL)
            printf("      %-22s %s\n", "  to repair:", fix);
        return;
    }
    struct json_out *o = json_out_object(cli_arena(d->cli));
    json_out_text(o, "state", slice_of(WORDS[f]));
    json_out_text(o, "what", slice_of(what));
    json_out_text(o, "text", slice_of(text));
    json_out_text(o, "fix", slice_of(fix));
    json_out_add(d->list, o);
}

/* What an error is to an operator follows from its code, as in cli_fail. */
static enum finding
finding_of(struct err e)
{
    struct slice code = slice_of(e.code);
    if (slice_starts(code, SLICE("conf.")))
        return FOUND_CONFIGURATION;
    return slice_ends(code, SLICE(".connect")) ? FOUND_UNREACHABLE : FOUND_FAILED;
}

static int
exit_code(const struct doctor *d)
{
    if (d->found[FOUND_CONFIGURATION] > 0)
        return CLI_CONFIGURATION;
    if (d->found[FOUND_UNREACHABLE] > 0)
        return CLI_UNREACHABLE;
    if (d->found[FOUND_FAILED] > 0)
        return CLI_FAILED;
    return d->found[FOUND_WARN] > 0 ? CLI_PARTLY : CLI_DONE;
}

/* ---- configuration, key file, disk */

static void
look_configuration(struct doctor *d)
{
    const char *const *regions;
    char text[WHAT_MAX];
    size_t n = conf_names(d->conf, "region.*.database", &regions);
    (void)snprintf(text, sizeof text, "read; %zu region%s", n, n == 1 ? "" : "s");
    if (n == 0)
        say(d, FOUND_CONFIGURATION, "configuration", "no region is configured",
            "set region.NAME.database, as in deploy/weir.yaml");
    else
        say(d, FOUND_OK, "configuration", text, NULL);
}

static void
look_key_file(struct doctor *d)
{
    struct directory any;
    struct stat st;
    char fix[FIX_MAX];
    const char *path = conf_text(d->conf, "control.hmac_key_file");
    struct err e = directory_of(d->conf, "00000000-0000-0000-0000-000000000000", &any);
    if (e.kind != ERR_NONE) {
        (void)snprintf(fix, sizeof fix, "(umask 077; openssl rand -hex 32 > '%.120s')",
                       path != NULL ? path : "/etc/weir/hmac.key");
        bool small = path != NULL && stat(path, &st) == 0; /* never replace a key that is in use */
        say(d, FOUND_CONFIGURATION, "control.hmac_key_file", e.text, small ? NULL : fix);
        return;
    }
    (void)snprintf(fix, sizeof fix, "chmod o= '%.120s'", path);
    if (stat(path, &st) == 0 && (st.st_mode & S_IRWXO) != 0)
        say(d, FOUND_WARN, "control.hmac_key_file", "every user of this machine may read it", fix);
    else
        say(d, FOUND_OK, "control.hmac_key_file", "readable, long enough", NULL);
}

static void
look_disk(struct doctor *d)
{
    struct statvfs v;
    char text[160], fix[FIX_MAX];
    const char *dir = conf_text(d->conf, "run.dir");
    if (dir == NULL || statvfs(dir, &v) != 0) {
        (void)snprintf(text, sizeof text, "%.100s: %s", dir != NULL ? dir : "run.dir",
                       dir != NULL ? strerror(errno) : "not set");
        (void)snprintf(fix, sizeof fix, "mkdir -p '%.120s'", dir != NULL ? dir : "/run/weir");
        say(d, FOUND_WARN, "disk", text, fix);
        return;
    }
    uint64_t free_bytes = (uint64_t)v.f_bavail * v.f_frsize,
             all = (uint64_t)v.f_blocks * v.f_frsize;
    uint64_t percent = all > 0 ? free_bytes / (all / 100 + 1) : 100;
    bool low = free_bytes < FREE_LEAST_BYTES || percent < FREE_LEAST_PERCENT;
    (void)snprintf(text, sizeof text, "%llu MiB (%llu %%) are free at %.80s",
                   (unsigned long long)(free_bytes >> 20), (unsigned long long)percent, dir);
    (void)snprintf(fix, sizeof fix, "df -h '%.120s'", dir);
    say(d, low ? FOUND_WARN : FOUND_OK, "disk", text, low ? fix : NULL);
}

/* ---- parameters of the correlator */

static void
look_parameters(struct doctor *d)
{
    struct params p;
    char text[160], digest[PARAMS_DIGEST_TEXT], fix[FIX_MAX];
    const char *path = conf_text(d->conf, "correlation.params_file");
    struct err e = params_configured(d->conf, &p);
    if (e.kind != ERR_NONE) {
        (void)snprintf(fix, sizeof fix, "weir params check '%.120s'", path);
        say(d, FOUND_CONFIGURATION, "correlation.params_file", e.text, fix);
        return;
    }
    params_digest_text(&p, digest);
    (void)snprintf(text, sizeof text, "%s; profile %s, digest %s",
                   path != NULL ? "read" : "built in", p.profile, digest);
    say(d, FOUND_OK, "parameters", text, NULL);
}

/* ---- Kafka */

static void
look_topics(struct doctor *d, const char *region)
{
    struct topic_name names[TOPICS_PER_REGION];
    struct bus_topic topics[TOPICS_PER_REGION];
    char what[WHAT_MAX], fix[FIX_MAX];
    struct err e = ERR_OK;
    topic_wanted(d->conf, region, names, topics);
    for (size_t i = 0; i < TOPICS_PER_REGION && e.kind == ERR_NONE; i++)
        e = bus_topic_check(d->conf, &topics[i], KAFKA_MS);
    (void)snprintf(what, sizeof what, "topics %.32s", region);
    (void)snprintf(fix, sizeof fix, "weir topic create --region %.32s", region);
    if (e.kind == ERR_NONE)
        say(d, FOUND_OK, what, "there, partitions and settings as they must be", NULL);
    else
        say(d, finding_of(e), what, e.text, fix);
}

static void
look_kafka(struct doctor *d)
{
    const char *const *regions;
    const char *at = conf_text(d->conf, "kafka.bootstrap");
    char version[32], text[160], fix[FIX_MAX];
    bool demo = conf_bool(d->conf, "kafka.demo");
    struct err e = bus_ping(d->conf, KAFKA_MS, version);
    if (e.kind != ERR_NONE) {
        (void)snprintf(fix, sizeof fix, "kcat -L -b %.120s", at != NULL ? at : "host:port");
        say(d, finding_of(e), "kafka", e.text, demo ? "weir run broker --demo" : fix);
        return;
    }
    (void)snprintf(text, sizeof text, "%s at %.80s%s", version, at != NULL ? at : "",
                   demo ? ", a demo that forgets" : "");
    say(d, FOUND_OK, "kafka", text, NULL);
    size_t n = conf_names(d->conf, "region.*.database", &regions);
    for (size_t i = 0; i < n && !demo; i++)
        look_topics(d, regions[i]);
}

/* ---- databases */

struct looked {
    struct server server;
    bool answered;
    size_t purges;
};

static void
on_server(void *arg, const struct db_rows *rows, struct err e)
{
    struct looked *l = arg;
    if (e.kind != ERR_NONE || db_count(rows) != 1)
        return; /* db_wait says it */
    server_row(rows, 0, &l->server);
    l->answered = true;
}

static void
on_purges(void *arg, const struct db_rows *rows, struct err e)
{
    struct looked *l = arg;
    if (e.kind == ERR_NONE)
        l->purges = db_count(rows);
}

/* The repair that fits why a database is not up. */
static const char *
fix_of(struct err e)
{
    if (strstr(e.text, "(db.settings)") != NULL)
        return "sudo cp deploy/postgres/settings.conf /etc/postgresql/15/main/conf.d/weir.conf && "
               "sudo systemctl restart postgresql";
    if (strstr(e.text, "weir needs 15") != NULL)
        return "sudo apt install postgresql-15";
    if (strstr(e.text, "does not exist") != NULL)
        return "weir db migrate";
    if (strcmp(e.code, "conf.value") == 0)
        return "weir config show";
    return "sudo systemctl start postgresql";
}

/* The server read its clock between our two readings. */
static void
look_clock(struct doctor *d, int64_t now, int64_t before, int64_t after)
{
    int64_t off = now > after ? now - after : now < before ? before - now : 0;
    d->clocks = true;
    if (off > d->off)
        d->off = off;
}

static void
say_clock(struct doctor *d)
{
    char text[WHAT_MAX];
    bool far = d->off > CLOCK_OFF_S * CLOCK_SECOND;
    (void)snprintf(text, sizeof text, "at most %lld ms from the servers' clocks",
                   (long long)(d->off / (CLOCK_SECOND / 1000)));
    if (d->clocks)
        say(d, far ? FOUND_WARN : FOUND_OK, "clock", text,
            far ? "sudo timedatectl set-ntp true" : NULL);
}

/* Version and clock. False: it does not answer. */
static bool
look_server(struct doctor *d, struct db *db, const char *what)
{
    struct looked seen = {0};
    char text[160];
    struct err e = db_wait_up(db, d->loop, DATABASE_MS);
    int64_t before = clock_now();
    if (e.kind == ERR_NONE) {
        before = clock_now();
        server_look(db, (struct db_answer){on_server, &seen});
        e = db_wait(db, d->loop);
    }
    if (e.kind != ERR_NONE || !seen.answered) {
        say(d, e.kind != ERR_NONE ? finding_of(e) : FOUND_FAILED, what, e.text, fix_of(e));
        return false;
    }
    bool refuse = strcmp(conf_text(d->conf, "db.settings"), "refuse") == 0;
    (void)snprintf(text, sizeof text, "PostgreSQL %lld.%lld%s",
                   (long long)(seen.server.version / 10000),
                   (long long)(seen.server.version % 10000),
                   refuse ? ", its settings keep nothing that was erased" : "");
    say(d, FOUND_OK, what, text, NULL);
    if (!refuse)
        say(d, FOUND_WARN, what, "db.settings is not refuse: erased rows may stay in its files",
            "weir doctor --db.settings=refuse");
    look_clock(d, seen.server.now, before, clock_now());
    return true;
}

/* Its tables. False: not as this program needs them. */
static bool
look_tables(struct doctor *d, struct db *db, const char *region, const char *what)
{
    struct migrate_report r = {0};
    char text[160];
    struct err e = region == NULL ? migrate_control(db, d->loop, true, cli_arena(d->cli), &r)
                                  : migrate_region(db, d->loop, true, cli_arena(d->cli), &r);
    if (e.kind != ERR_NONE) {
        bool newer = strcmp(e.code, "migrate.newer") == 0;
        say(d, finding_of(e), what, e.text,
            newer ? "install the version of weir that made it, or a newer one" : NULL);
        return false;
    }
    (void)snprintf(text, sizeof text, "%zu step%s missing, first %.*s", r.pending,
                   r.pending == 1 ? " is" : "s are", SLICE_ARG(slice_sub(r.next, 0, 60)));
    if (r.pending > 0)
        say(d, FOUND_FAILED, what, text, "weir db migrate");
    else if (region != NULL) {
        (void)snprintf(text, sizeof text, "up to date, %zu tenant%s", r.tenants,
                       r.tenants == 1 ? "" : "s");
        say(d, FOUND_OK, what, text, NULL);
    } else {
        say(d, FOUND_OK, what, "up to date", NULL);
    }
    return r.pending == 0;
}

static void
look_purges(struct doctor *d, struct db *control)
{
    struct looked seen = {0};
    char text[WHAT_MAX];
    tenants_purge_list(control, cli_arena(d->cli), SLICE_NONE, false,
                       (struct db_answer){on_purges, &seen});
    struct err e = db_wait(control, d->loop);
    (void)snprintf(text, sizeof text, "%zu unfinished", seen.purges);
    if (e.kind != ERR_NONE)
        say(d, finding_of(e), "purges", e.text, NULL);
    else
        say(d, seen.purges > 0 ? FOUND_WARN : FOUND_OK, "purges", text,
            seen.purges > 0 ? "weir run purge" : NULL);
}

/* region NULL: the control database */
static void
look_database(struct doctor *d, const char *region)
{
    struct db *db = NULL;
    char what[WHAT_MAX], tables[WHAT_MAX];
    (void)snprintf(what, sizeof what, "database %.32s", region != NULL ? region : "control");
    (void)snprintf(tables, sizeof tables, "tables %.32s", region != NULL ? region : "control");
    struct err e = region == NULL ? db_open_control(d->loop, d->conf, "doctor", NULL, &db)
                                  : db_open_region(d->loop, d->conf, region, "doctor", NULL, &db);
    if (e.kind != ERR_NONE) {
        say(d, finding_of(e), what, e.text, fix_of(e));
        return;
    }
    if (look_server(d, db, what) && look_tables(d, db, region, tables) && region == NULL)
        look_purges(d, db);
    db_wait_closed(db, d->loop);
}

static void
look_databases(struct doctor *d)
{
    const char *const *regions;
    size_t n = conf_names(d->conf, "region.*.database", &regions);
    look_database(d, NULL);
    for (size_t i = 0; i < n && !loop_stopping(d->loop); i++)
        look_database(d, regions[i]);
    say_clock(d);
}

/* ---- the command */

static struct err
print_json(struct doctor *d)
{
    struct json_out *all = json_out_object(cli_arena(d->cli));
    json_out_int(all, "exit", exit_code(d));
    json_out_set(all, "checks", d->list);
    struct slice text = json_out_print(all, cli_arena(d->cli));
    if (text.p == NULL)
        return err_make(ERR_STOP, "cli.memory", "out of memory");
    printf("%.*s\n", SLICE_ARG(text));
    return ERR_OK;
}

static int
doctor_run(struct cli *cli)
{
    struct doctor d = {.cli = cli, .conf = cli_conf(cli)};
    if (cli_json(cli))
        d.list = json_out_array(cli_arena(cli));
    if (strcmp(conf_text(d.conf, "log.level"), "info") == 0)
        log_setup("weir", LOG_ERROR); /* what is down has its line below, once */
    struct err e = loop_new(true, &d.loop);
    if (e.kind != ERR_NONE)
        return cli_fail(cli, e);
    look_configuration(&d);
    look_key_file(&d);
    look_parameters(&d);
    look_disk(&d);
    look_databases(&d);
    if (!loop_stopping(d.loop))
        look_kafka(&d);
    bool interrupted = loop_stopping(d.loop);
    loop_stop(d.loop, 0);
    int code = loop_run(d.loop);
    loop_free(d.loop);
    if (d.list != NULL)
        e = print_json(&d);
    if (e.kind != ERR_NONE)
        return cli_fail(cli, e);
    return interrupted ? code : exit_code(&d);
}

const struct cli_command doctor_command = {
    .noun = "doctor",
    .summary = "look at everything weir stands on and say how to repair it",
    .example = "weir doctor",
    .run = doctor_run,
};
