#include "tenant/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "store/alerts.h"
#include "tenant/lifecycle.h"
#include "tenant/purge.h"

enum { SOURCES_TEXT = 64 };

static int
finish(struct cli *cli, struct session *s, struct err e)
{
    session_close(s);
    return e.kind ? cli_fail(cli, e) : CLI_DONE;
}

/* The session of a command about one tenant: what is wrong with its id is said before a database
 * is asked. */
static struct err
open_for_tenant(struct cli *cli, struct session *s)
{
    struct directory d;
    struct err e = directory_of(cli_conf(cli), cli_flag(cli, "tenant"), &d);
    *s = (struct session){0};
    return e.kind ? e : session_open(s, cli_conf(cli), true);
}

/* One line of JSON, or of words. */
static struct err
print_json(struct cli *cli, struct json_out *o)
{
    struct slice text = json_out_print(o, cli_arena(cli));
    if (text.p == NULL)
        return err_make(ERR_STOP, "cli.memory", "out of memory");
    printf("%.*s\n", SLICE_ARG(text));
    return ERR_OK;
}

static void
sources_text(int32_t mask, char out[SOURCES_TEXT])
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; sources[i] != NULL; i++) {
        if ((mask >> sources[i]->number & 1) == 0)
            continue;
        int wrote = snprintf(out + n, SOURCES_TEXT - n, "%s%s", n > 0 ? "," : "", sources[i]->name);
        n += wrote > 0 && (size_t)wrote < SOURCES_TEXT - n ? (size_t)wrote : 0;
    }
}

static struct json_out *
tenant_json(const struct session_tenant *t, struct arena *a)
{
    struct json_out *o = json_out_object(a), *list = json_out_array(a);
    json_out_text(o, "tenant", t->directory);
    json_out_text(o, "name", t->name);
    json_out_text(o, "oid", slice_dup(a, slice_of(oid_format(&t->row.oid).s)));
    json_out_int(o, "epoch", t->row.epoch);
    json_out_text(o, "region", t->row.region);
    json_out_text(o, "state", slice_of(tenant_state_word(t->row.state)));
    for (size_t i = 0; sources[i] != NULL; i++)
        if ((t->row.sources >> sources[i]->number & 1) != 0)
            json_out_add_text(list, slice_of(sources[i]->name));
    json_out_set(o, "sources", list);
    json_out_text(o, "identity",
                  slice_of(settings_channel_word((enum identity_channel)t->row.identity_channel)));
    json_out_int(o, "settingsVersion", t->row.settings_version);
    json_out_text(o, "created", slice_dup(a, slice_of(clock_format(t->row.created).s)));
    json_out_text(o, "changed", slice_dup(a, slice_of(clock_format(t->row.changed).s)));
    return o;
}

/* ---- list */

static const char *
cell(struct arena *a, struct slice s)
{
    return s.p == NULL ? NULL : slice_cstr(a, s);
}

static struct err
print_list(struct cli *cli, const struct session_tenant *list, size_t n)
{
    static const char *const headings[] = {"TENANT", "NAME",    "REGION", "STATE",
                                           "EPOCH",  "SOURCES", NULL};
    enum { COLUMNS = 6 };
    struct arena *a = cli_arena(cli);
    const char **cells = arena_alloc(a, (n * COLUMNS + 1) * sizeof *cells);
    if (cells == NULL)
        return err_make(ERR_STOP, "cli.memory", "out of memory");
    for (size_t i = 0; i < n; i++) {
        char mask[SOURCES_TEXT];
        sources_text(list[i].row.sources, mask);
        const char **row = cells + i * COLUMNS;
        row[0] = cell(a, list[i].directory);
        row[1] = cell(a, list[i].name);
        row[2] = cell(a, list[i].row.region);
        row[3] = tenant_state_word(list[i].row.state);
        row[4] = slice_printf(a, "%d", list[i].row.epoch).p;
        row[5] = cell(a, slice_of(mask));
    }
    cli_table(&(struct cli_table){.headings = headings, .cells = cells, .rows = n});
    return ERR_OK;
}

static int
list_run(struct cli *cli)
{
    struct session s;
    struct session_tenant *list = NULL;
    size_t n = 0;
    struct err e = session_open(&s, cli_conf(cli), true);
    if (e.kind == ERR_NONE)
        e = session_list(&s, slice_of(cli_flag(cli, "region")), cli_flag(cli, "purged") != NULL,
                         &list, &n);
    if (e.kind == ERR_NONE && cli_json(cli)) {
        struct json_out *all = json_out_array(cli_arena(cli));
        for (size_t i = 0; i < n; i++)
            json_out_add(all, tenant_json(&list[i], cli_arena(cli)));
        e = print_json(cli, all);
    } else if (e.kind == ERR_NONE) {
        e = print_list(cli, list, n);
    }
    return finish(cli, &s, e);
}

static const struct cli_flag list_flags[] = {
    {"region", "REGION", "only tenants of this region", false},
    {"purged", NULL, "also those that were erased", false},
    {NULL, NULL, NULL, false},
};

const struct cli_command tenant_list_command = {
    .noun = "tenant",
    .verb = "list",
    .summary = "list the tenants that are on",
    .example = "weir tenant list --region eu",
    .flags = list_flags,
    .run = list_run,
};

/* ---- show */

static void
on_counts(void *arg, const struct db_rows *rows, struct err e)
{
    if (e.kind == ERR_NONE && db_count(rows) == 1)
        alerts_counts_row(rows, 0, arg);
}

static void
show_words(const struct session_tenant *t, const struct alerts_counts *c)
{
    char mask[SOURCES_TEXT];
    sources_text(t->row.sources, mask);
    printf("tenant     %.*s\n", SLICE_ARG(t->directory));
    printf("name       %.*s\n", SLICE_ARG(t->name));
    printf("state      %s, epoch %d, since %s\n", tenant_state_word(t->row.state), t->row.epoch,
           clock_format(t->row.changed).s);
    printf("region     %.*s (never changes)\n", SLICE_ARG(t->row.region));
    printf("sources    %s; identity %s\n", mask[0] != '\0' ? mask : "none",
           settings_channel_word((enum identity_channel)t->row.identity_channel));
    printf("inside     %s\n", oid_format(&t->row.oid).s);
    printf("holds      %lld alerts, %lld incidents, %lld mail records, %lld dead, %lld ignored\n",
           (long long)c->alerts, (long long)c->incidents, (long long)c->mail_records,
           (long long)c->dead, (long long)c->ignored);
}

static struct json_out *
counts_json(const struct alerts_counts *c, struct arena *a)
{
    struct json_out *o = json_out_object(a);
    json_out_int(o, "alerts", c->alerts);
    json_out_int(o, "incidents", c->incidents);
    json_out_int(o, "mailRecords", c->mail_records);
    json_out_int(o, "dead", c->dead);
    json_out_int(o, "ignored", c->ignored);
    return o;
}

static int
show_run(struct cli *cli)
{
    struct session s;
    struct session_tenant t;
    struct alerts_counts c = {0};
    struct err e = open_for_tenant(cli, &s);
    if (e.kind == ERR_NONE)
        e = session_need(&s, cli_flag(cli, "tenant"), &t);
    if (e.kind == ERR_NONE && t.row.state == TENANT_ACTIVE) {
        alerts_counts(s.region, s.arena, &t.row.oid, (struct db_answer){on_counts, &c});
        e = db_wait(s.region, s.loop);
    }
    if (e.kind == ERR_NONE && cli_json(cli)) {
        struct json_out *o = tenant_json(&t, cli_arena(cli));
        json_out_set(o, "holds", counts_json(&c, cli_arena(cli)));
        e = print_json(cli, o);
    } else if (e.kind == ERR_NONE) {
        show_words(&t, &c);
    }
    return finish(cli, &s, e);
}

static const struct cli_flag show_flags[] = {
    {"tenant", "GUID", "the customer's directory id", true},
    {NULL, NULL, NULL, false},
};

const struct cli_command tenant_show_command = {
    .noun = "tenant",
    .verb = "show",
    .summary = "say what is known of a tenant and how much it holds",
    .example = "weir tenant show --tenant 0b6f2c1e-8d24-4f6c-9c0a-3f1f2a7d5e11",
    .flags = show_flags,
    .run = show_run,
};

/* ---- opt-in */

static struct err
opt_in(struct cli *cli, struct session *s, struct lifecycle_on *on)
{
    const char *name = cli_flag(cli, "name");
    struct directory d;
    struct settings settings;
    const struct lifecycle_consent consent = {
        .version = slice_of(conf_text(cli_conf(cli), "tenant.consent_version")),
        .by = slice_of(cli_flag(cli, "consent-by")),
        .role = SLICE("staff")};
    struct err e = directory_of(cli_conf(cli), cli_flag(cli, "tenant"), &d);
    if (e.kind == ERR_NONE)
        e = settings_read_file(cli_flag(cli, "settings"), cli_arena(cli), &settings);
    if (e.kind == ERR_NONE)
        e = session_open(s, cli_conf(cli), true);
    if (e.kind)
        return e;
    return lifecycle_opt_in(s, &d, slice_of(cli_flag(cli, "region")),
                            slice_of(name != NULL ? name : d.id), &settings, &consent,
                            SLICE("operator"), on);
}

static int
opt_in_run(struct cli *cli)
{
    struct session s = {0};
    struct lifecycle_on on;
    struct err e = opt_in(cli, &s, &on);
    if (e.kind)
        return finish(cli, &s, e);
    if (cli_json(cli)) {
        struct json_out *o = tenant_json(&on.tenant, cli_arena(cli));
        json_out_bool(o, "wasOn", on.was_on);
        e = print_json(cli, o);
    } else {
        printf("%.*s is %s in region %.*s (epoch %d)\n", SLICE_ARG(on.tenant.directory),
               on.was_on ? "already on" : "on", SLICE_ARG(on.tenant.row.region),
               on.tenant.row.epoch);
    }
    return finish(cli, &s, e);
}

static const struct cli_flag opt_in_flags[] = {
    {"tenant", "GUID", "the customer's directory id", true},
    {"region", "REGION", "where the data stays for ever", true},
    {"settings", "FILE", "JSON: sources with their credentials, mail domains, known hubs", true},
    {"consent-by", "NAME", "who accepted the consent text", true},
    {"name", "NAME", "the customer's name, for people", false},
    {NULL, NULL, NULL, false},
};

const struct cli_command tenant_opt_in_command = {
    .noun = "tenant",
    .verb = "opt-in",
    .summary = "turn the service on for a customer",
    .example = "weir tenant opt-in --tenant 0b6f2c1e-8d24-4f6c-9c0a-3f1f2a7d5e11 --region eu "
               "--settings contoso.json --consent-by 'A. Admin'",
    .flags = opt_in_flags,
    .run = opt_in_run,
};

/* ---- opt-out */

static struct json_out *
report_json(const struct session_tenant *t, const struct purge_report *r, bool dry, struct arena *a)
{
    struct json_out *o = json_out_object(a), *tables = json_out_object(a);
    json_out_text(o, "tenant", t->directory);
    json_out_bool(o, "dryRun", dry);
    for (size_t i = 0; i < r->n_tables; i++)
        json_out_int(tables, r->tables[i].name, r->tables[i].rows);
    json_out_set(o, "tables", tables);
    json_out_int(o, "rows", r->rows);
    json_out_int(o, "sharedRows", r->shared_rows);
    return o;
}

static struct err
report(struct cli *cli, const struct session_tenant *t, const struct purge_report *r, bool dry)
{
    if (cli_json(cli))
        return print_json(cli, report_json(t, r, dry, cli_arena(cli)));
    for (size_t i = 0; i < r->n_tables; i++)
        printf("%-16s %10lld rows\n", r->tables[i].name, (long long)r->tables[i].rows);
    printf("%s %lld rows in %zu tables, %lld shared rows\n", dry ? "would remove" : "removed",
           (long long)r->rows, r->n_tables, (long long)r->shared_rows);
    return ERR_OK;
}

static struct err
opt_out(struct cli *cli, struct session *s)
{
    const char *confirm = cli_flag(cli, "confirm");
    bool dry = cli_flag(cli, "dry-run") != NULL;
    struct session_tenant t;
    struct purge_report r;
    char id[37];
    struct err e = open_for_tenant(cli, s);
    if (e.kind == ERR_NONE)
        e = session_need(s, cli_flag(cli, "tenant"), &t);
    if (e.kind)
        return e;
    if (!dry && (confirm == NULL || !slice_eq_nocase(slice_of(confirm), t.directory)))
        return err_make(ERR_STOP, "refused.confirm",
                        "this destroys all data of the tenant: repeat its id, --confirm %.*s, or "
                        "look first with --dry-run",
                        SLICE_ARG(t.directory));
    if (dry) {
        e = purge_inventory(s, &t.row, &r);
        return e.kind ? e : report(cli, &t, &r, true);
    }
    e = lifecycle_opt_out(s, &t, SLICE("operator"), id);
    if (e.kind == ERR_NONE)
        e = purge_run(s, slice_of(id), &r);
    return e.kind ? e : report(cli, &t, &r, false);
}

static int
opt_out_run(struct cli *cli)
{
    struct session s;
    struct err e = opt_out(cli, &s);
    if (e.kind == ERR_RETRY)
        cli_say(cli, "what is begun is finished by `weir run purge`, or by the same command again");
    return finish(cli, &s, e);
}

static const struct cli_flag opt_out_flags[] = {
    {"tenant", "GUID", "the customer's directory id", true},
    {"confirm", "GUID", "the same id again: nothing is destroyed without it", false},
    {"dry-run", NULL, "only count what would be removed", false},
    {NULL, NULL, NULL, false},
};

const struct cli_command tenant_opt_out_command = {
    .noun = "tenant",
    .verb = "opt-out",
    .summary = "turn the service off for a customer and erase its data",
    .example = "weir tenant opt-out --tenant GUID --dry-run",
    .flags = opt_out_flags,
    .run = opt_out_run,
};

/* ---- purge status */

struct listing {
    struct cli *cli;
    struct json_out *list;
    size_t n;
};

static void
on_purges(void *arg, const struct db_rows *rows, struct err e)
{
    struct listing *l = arg;
    struct arena *a = cli_arena(l->cli);
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++, l->n++) {
        struct tenants_purge p;
        struct json_out *o = json_out_object(a);
        tenants_purge_row(rows, i, &p);
        json_out_text(o, "purge", slice_dup(a, p.id));
        json_out_text(o, "oid", slice_dup(a, slice_of(oid_format(&p.oid).s)));
        json_out_int(o, "epoch", p.epoch);
        json_out_text(o, "region", slice_dup(a, p.region));
        json_out_text(o, "state", slice_dup(a, p.state));
        json_out_text(o, "requested", slice_dup(a, slice_of(clock_format(p.requested_at).s)));
        if (!cli_json(l->cli))
            printf("%.*s  %-8.*s %-8.*s requested %s\n", SLICE_ARG(p.id), SLICE_ARG(p.region),
                   SLICE_ARG(p.state), clock_format(p.requested_at).s);
        json_out_add(l->list, o);
    }
}

static int
status_run(struct cli *cli)
{
    struct session s;
    struct listing l = {.cli = cli, .list = json_out_array(cli_arena(cli))};
    struct err e = session_open(&s, cli_conf(cli), true);
    if (e.kind == ERR_NONE) {
        tenants_purge_list(s.control, s.arena, SLICE_NONE, cli_flag(cli, "all") != NULL,
                           (struct db_answer){on_purges, &l});
        e = db_wait(s.control, s.loop);
    }
    if (e.kind == ERR_NONE && cli_json(cli))
        e = print_json(cli, l.list);
    else if (e.kind == ERR_NONE && l.n == 0)
        cli_say(cli, "no purge is unfinished");
    return finish(cli, &s, e);
}

static const struct cli_flag status_flags[] = {
    {"all", NULL, "also those that are done", false},
    {NULL, NULL, NULL, false},
};

const struct cli_command purge_status_command = {
    .noun = "purge",
    .verb = "status",
    .summary = "list purges and how far they are",
    .example = "weir purge status --all",
    .flags = status_flags,
    .run = status_run,
};
