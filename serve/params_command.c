#include "serve/params_command.h"

#include <stdio.h>
#include <string.h>

#include "normalize/params.h"
#include "store/cursors.h"
#include "tenant/session.h"

enum { ROWS_MAX = 256, COLUMNS = 3 };

static struct err
no_memory(void)
{
    return err_make(ERR_STOP, "cli.memory", "out of memory");
}

/* ---- which parameters are meant */

/* A profile's name, or a file: as a worker would read it. */
static struct err
named(const char *name, struct params *p)
{
    if (params_profile(slice_of(name), p))
        return ERR_OK;
    *p = params_default;
    return params_read_file(name, p);
}

struct own {
    struct session *s;
    const struct session_tenant *tenant;
    struct params *p;
    struct err e;
};

static void
on_settings(void *arg, const struct db_rows *rows, struct err e)
{
    struct own *o = arg;
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++) {
        struct settings_row row;
        struct slice plain;
        settings_load_row(rows, i, &row);
        if (!slice_eq(row.name, SLICE("parameters")))
            continue;
        e = seal_open(o->s->seal, &o->tenant->row.oid, o->tenant->row.epoch, SEAL_CREDENTIAL,
                      SLICE("pg|setting|sealed|parameters"), row.sealed, o->s->arena, &plain);
        if (e.kind == ERR_NONE)
            e = params_read(plain, o->p);
    }
    o->e = e;
}

/* The tenant's own over those of the installation. */
static struct err
of_tenant(struct cli *cli, const char *guid, struct params *p)
{
    struct session s = {0};
    struct session_tenant tenant;
    struct own own = {.s = &s, .tenant = &tenant, .p = p};
    struct err e = params_configured(cli_conf(cli), p);
    if (e.kind)
        return e;
    e = session_open(&s, cli_conf(cli), true);
    if (e.kind == ERR_NONE)
        e = session_need(&s, guid, &tenant);
    if (e.kind == ERR_NONE) {
        settings_load(s.region, s.arena, &tenant.row.oid, (struct db_answer){on_settings, &own});
        e = db_wait(s.region, s.loop);
    }
    if (e.kind == ERR_NONE)
        e = own.e;
    session_close(&s);
    return e;
}

static struct err
meant(struct cli *cli, struct params *p)
{
    const char *tenant = cli_flag(cli, "tenant"), *of = cli_flag(cli, "of");
    if (tenant != NULL && of != NULL)
        return err_make(ERR_STOP, "usage.params", "give --of or --tenant, not both");
    if (tenant != NULL)
        return of_tenant(cli, tenant, p);
    return of != NULL ? named(of, p) : params_configured(cli_conf(cli), p);
}

/* ---- comparing */

/* Rows of a table; the first two of values are those of a and b. */
struct rows {
    struct arena *a;
    const char *cells[ROWS_MAX * COLUMNS];
    size_t n, at;
    bool second, full;
};

static void
on_value(void *ctx, const struct params_value *v)
{
    struct rows *r = ctx;
    const char *value = slice_cstr(r->a, slice_of(v->value));
    if (r->at == ROWS_MAX || value == NULL) {
        r->full = true;
        return;
    }
    const char **row = r->cells + r->at++ * COLUMNS;
    row[0] = r->second ? row[0] : slice_cstr(r->a, slice_of(v->path));
    row[r->second ? 2 : 1] = value;
    r->full |= row[0] == NULL;
}

/* Every parameter with its value in a and in b; changed: only where they differ. */
static struct err
compare(const struct params *a, const struct params *b, bool changed, struct rows *out)
{
    params_each(a, on_value, out);
    out->n = out->at;
    out->at = 0;
    out->second = true;
    params_each(b, on_value, out);
    if (out->full)
        return no_memory();
    size_t kept = 0;
    for (size_t i = 0; i < out->n; i++) {
        const char **row = out->cells + i * COLUMNS;
        if (!changed || strcmp(row[1], row[2]) != 0)
            memmove(out->cells + kept++ * COLUMNS, row, COLUMNS * sizeof(*row));
    }
    out->n = kept;
    return ERR_OK;
}

static struct json_out *
set_json(const struct params *p, struct arena *a)
{
    struct json_out *o = json_out_object(a);
    char digest[PARAMS_DIGEST_TEXT];
    params_digest_text(p, digest);
    json_out_text(o, "profile", slice_of(p->profile));
    json_out_text(o, "digest", slice_of(digest));
    return o;
}

static void
say_set(struct cli *cli, const char *what, const struct params *p)
{
    char digest[PARAMS_DIGEST_TEXT];
    params_digest_text(p, digest);
    cli_say(cli, "%s: profile %s, digest %s", what, p->profile, digest);
}

static int
finish(struct cli *cli, struct err e)
{
    return e.kind ? cli_fail(cli, e) : CLI_DONE;
}

/* ---- show */

static struct err
show(struct cli *cli, const struct params *p)
{
    static const char *const HEADINGS[] = {"PARAMETER", "VALUE", "DEFAULT", NULL};
    struct arena *a = cli_arena(cli);
    struct rows rows = {.a = a};
    if (cli_json(cli)) {
        struct json_out *o = set_json(p, a);
        json_out_set_raw(o, "parameters", params_json(p, a));
        return json_out_say(o, a);
    }
    struct err e = compare(p, &params_default, cli_flag(cli, "changed") != NULL, &rows);
    if (e.kind)
        return e;
    say_set(cli, "parameters", p);
    cli_table(&(struct cli_table){.headings = HEADINGS, .cells = rows.cells, .rows = rows.n});
    return ERR_OK;
}

static int
show_run(struct cli *cli)
{
    struct params p;
    struct err e = meant(cli, &p);
    return finish(cli, e.kind ? e : show(cli, &p));
}

static const struct cli_flag show_flags[] = {
    {"of", "PROFILE|FILE", "those of a built-in profile or of a file", false},
    {"tenant", "GUID", "those of a tenant: the installation's, and over them its own", false},
    {"changed", NULL, "only what differs from the default", false},
    {NULL, NULL, NULL, false},
};

const struct cli_command params_show_command = {
    .noun = "params",
    .verb = "show",
    .summary = "the parameters of the correlator, of this installation unless another is named",
    .example = "weir params show --changed",
    .flags = show_flags,
    .run = show_run,
};

/* ---- check */

static int
check_run(struct cli *cli)
{
    struct params p = params_default, base;
    struct rows rows = {.a = cli_arena(cli)};
    struct err e = params_read_file(cli_argument(cli), &p);
    if (e.kind == ERR_NONE && params_profile(slice_of(p.profile), &base))
        e = compare(&p, &base, true, &rows);
    if (e.kind)
        return cli_fail(cli, e);
    if (cli_json(cli)) {
        struct json_out *o = set_json(&p, cli_arena(cli));
        json_out_int(o, "changed", (int64_t)rows.n);
        return finish(cli, json_out_say(o, cli_arena(cli)));
    }
    char digest[PARAMS_DIGEST_TEXT];
    params_digest_text(&p, digest);
    printf("%s is right: profile %s, %zu value%s changed, digest %s\n", cli_argument(cli),
           p.profile, rows.n, rows.n == 1 ? "" : "s", digest);
    return CLI_DONE;
}

const struct cli_command params_check_command = {
    .noun = "params",
    .verb = "check",
    .argument = "FILE",
    .summary = "is a file of parameters right, before a worker reads it?",
    .example = "weir params check correlation.yaml",
    .run = check_run,
};

/* ---- diff */

static struct err
diff_json(const struct params *from, const struct params *to, const struct rows *rows,
          struct arena *a)
{
    struct json_out *o = json_out_object(a), *list = json_out_array(a);
    json_out_set(o, "from", set_json(from, a));
    json_out_set(o, "to", set_json(to, a));
    for (size_t i = 0; i < rows->n; i++) {
        const char *const *row = rows->cells + i * COLUMNS;
        struct json_out *one = json_out_object(a);
        json_out_text(one, "parameter", slice_of(row[0]));
        json_out_set_raw(one, "from", slice_of(row[1]));
        json_out_set_raw(one, "to", slice_of(row[2]));
        json_out_add(list, one);
    }
    json_out_set(o, "changes", list);
    return json_out_say(o, a);
}

static struct err
diff(struct cli *cli)
{
    static const char *const HEADINGS[] = {"PARAMETER", "FROM", "TO", NULL};
    struct params from, to;
    struct rows rows = {.a = cli_arena(cli)};
    struct err e = meant(cli, &from);
    if (e.kind == ERR_NONE)
        e = named(cli_argument(cli), &to);
    if (e.kind == ERR_NONE)
        e = compare(&from, &to, true, &rows);
    if (e.kind)
        return e;
    if (cli_json(cli))
        return diff_json(&from, &to, &rows, cli_arena(cli));
    say_set(cli, "from", &from);
    say_set(cli, "to", &to);
    if (rows.n > 0)
        cli_table(&(struct cli_table){.headings = HEADINGS, .cells = rows.cells, .rows = rows.n});
    return ERR_OK;
}

static int
diff_run(struct cli *cli)
{
    return finish(cli, diff(cli));
}

static const struct cli_flag diff_flags[] = {
    {"of", "PROFILE|FILE", "compare with a profile or a file, not with this installation", false},
    {"tenant", "GUID", "compare with those of a tenant", false},
    {NULL, NULL, NULL, false},
};

const struct cli_command params_diff_command = {
    .noun = "params",
    .verb = "diff",
    .argument = "PROFILE|FILE",
    .summary = "what a profile or a file would change",
    .example = "weir params diff correlation.yaml --of default",
    .flags = diff_flags,
    .run = diff_run,
};

/* ---- document */

static int
document_run(struct cli *cli)
{
    if (params_document(cli_argument(cli)))
        return CLI_DONE;
    return cli_fail(cli, err_make(ERR_STOP, "usage.page", "the pages are markdown and yaml"));
}

const struct cli_command params_document_command = {
    .noun = "params",
    .verb = "document",
    .argument = "PAGE",
    .summary = "every parameter with its default, range and meaning, as markdown or yaml",
    .example = "weir params document yaml > /etc/weir/correlation.yaml",
    .run = document_run,
};
