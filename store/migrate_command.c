/* migrate_command.c: weir db migrate, and the same look for doctor. */
#include "store/migrate.h"

#include <stdio.h>
#include <string.h>

#include "common/json.h"

enum { WAIT_MS = 5000 };

static void
add(struct migrate_report *sum, const struct migrate_report *one)
{
    sum->databases += one->databases;
    sum->tenants += one->tenants;
    sum->applied += one->applied;
    sum->pending += one->pending;
    if (sum->next.p == NULL)
        sum->next = one->next;
}

/* one_database - region NULL: the control database. make: a missing database is created. */
static struct err
one_database(const struct conf *c, struct loop *l, const char *region, bool dry_run, bool make,
             struct arena *a, struct migrate_report *sum)
{
    struct db *db = NULL;
    struct migrate_report one = {0};
    struct err e = region == NULL ? db_open_control(l, c, "migrate", NULL, &db)
                                  : db_open_region(l, c, region, "migrate", NULL, &db);
    if (e.kind != ERR_NONE)
        return e;
    e = db_wait_up(db, l, WAIT_MS);
    if (e.kind != ERR_NONE && make && strstr(e.text, "does not exist") != NULL) {
        bool made;
        char name[100];
        snprintf(name, sizeof name, "region.%.60s.database", region != NULL ? region : "");
        struct err missing = e;
        e = db_create(l, c, conf_text(c, region != NULL ? name : "control.database"), &made);
        e = e.kind == ERR_NONE ? db_wait_up(db, l, WAIT_MS) : missing;
    }
    if (e.kind == ERR_NONE)
        e = region == NULL ? migrate_control(db, l, dry_run, a, &one)
                           : migrate_region(db, l, dry_run, a, &one);
    db_wait_closed(db, l);
    add(sum, &one);
    return e;
}

static struct err
all_databases(const struct conf *c, struct loop *l, bool dry_run, bool make, struct arena *a,
              struct migrate_report *sum)
{
    const char *const *regions;
    size_t n = conf_names(c, "region.*.database", &regions);
    *sum = (struct migrate_report){0};
    struct err e = one_database(c, l, NULL, dry_run, make, a, sum);
    for (size_t i = 0; i < n && e.kind == ERR_NONE; i++)
        e = one_database(c, l, regions[i], dry_run, make, a, sum);
    return e;
}

struct err
migrate_check(const struct conf *c, struct loop *l, struct arena *a, struct migrate_report *out)
{
    return all_databases(c, l, true, false, a, out);
}

static void
print_json(struct cli *cli, const struct migrate_report *r)
{
    struct arena *a = cli_arena(cli);
    struct json_out *o = json_out_object(a);
    json_out_int(o, "databases", (int64_t)r->databases);
    json_out_int(o, "tenants", (int64_t)r->tenants);
    json_out_int(o, "applied", (int64_t)r->applied);
    json_out_int(o, "pending", (int64_t)r->pending);
    json_out_text(o, "next", r->next);
    struct slice text = json_out_print(o, a);
    printf("%.*s\n", SLICE_ARG(text));
}

static int
migrate_run(struct cli *cli)
{
    struct loop *l = NULL;
    struct migrate_report r = {0};
    bool dry_run = cli_flag(cli, "dry-run") != NULL;
    struct err e = loop_new(true, &l);
    if (e.kind != ERR_NONE)
        return cli_fail(cli, e);
    e = all_databases(cli_conf(cli), l, dry_run, !dry_run, cli_arena(cli), &r);
    loop_stop(l, 0);
    (void)loop_run(l);
    loop_free(l);
    if (e.kind != ERR_NONE)
        return cli_fail(cli, e);
    if (cli_json(cli))
        print_json(cli, &r);
    else if (dry_run)
        printf("%zu steps are missing in %zu databases with %zu tenants%s%.*s\n", r.pending,
               r.databases, r.tenants, r.next.p != NULL ? "; next: " : "", SLICE_ARG(r.next));
    else
        printf("%zu steps were made in %zu databases with %zu tenants\n", r.applied, r.databases,
               r.tenants);
    return CLI_DONE;
}

static const struct cli_flag migrate_flags[] = {
    {"dry-run", NULL, "Only say how many steps are missing.", false},
    {NULL, NULL, NULL, false},
};

const struct cli_command db_migrate_command = {
    .noun = "db",
    .verb = "migrate",
    .summary = "bring the tables of all databases up to date",
    .example = "weir db migrate",
    .flags = migrate_flags,
    .run = migrate_run,
};
