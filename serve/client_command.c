#include "serve/client_command.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/json.h"
#include "store/clients.h"
#include "tenant/session.h"

enum { SECRET_BYTES = 32, SALT_BYTES = 16, ROLES_MAX = 16 };

static const char *const known_roles[] = {
    "Incident.Read.All",           "Incident.ReadWrite.All",         "AdvancedHunting.Read.All",
    "SecurityIncident.Read.All",   "SecurityIncident.ReadWrite.All", "SecurityAlert.Read.All",
    "SecurityAlert.ReadWrite.All", "ThreatHunting.Read.All",
};

static int
finish(struct cli *cli, struct session *s, struct err e)
{
    session_close(s);
    return e.kind ? cli_fail(cli, e) : CLI_DONE;
}

/* The tenant must be on: a token for one that is not would open nothing. */
static struct err
open_tenant(struct cli *cli, struct session *s, struct directory *d, struct session_tenant *t)
{
    struct err e = directory_of(cli_conf(cli), cli_flag(cli, "tenant"), d);
    if (e.kind == ERR_NONE)
        e = session_open(s, cli_conf(cli), true);
    return e.kind ? e : session_need(s, d->id, t);
}

/* ---- create */

static struct err
read_roles(const char *list, struct slice roles[ROLES_MAX], size_t *n)
{
    struct slice rest = slice_of(list);
    *n = 0;
    while (rest.p != NULL) {
        struct slice role = slice_trim(slice_split(&rest, ','));
        bool known = false;
        for (size_t i = 0; i < sizeof known_roles / sizeof known_roles[0]; i++)
            known = known || slice_eq(role, slice_of(known_roles[i]));
        if (!known || *n == ROLES_MAX)
            return err_make(ERR_STOP, "usage.role",
                            "'%.*s' is no role; the first ones are Incident.Read.All and "
                            "Incident.ReadWrite.All",
                            SLICE_ARG(slice_sub(role, 0, 60)));
        roles[(*n)++] = role;
    }
    return ERR_OK;
}

static struct slice
secret_text(struct arena *a)
{
    char bytes[SECRET_BYTES];
    crypto_random(bytes, sizeof bytes);
    struct slice text = slice_hex(a, (struct slice){bytes, sizeof bytes});
    explicit_bzero(bytes, sizeof bytes);
    return text;
}

static struct err
add(struct cli *cli, struct session *s, const struct directory *d, const struct session_tenant *t,
    struct slice id, struct slice secret)
{
    struct slice roles[ROLES_MAX];
    char salt[SALT_BYTES];
    uint8_t digest[CRYPTO_SHA256];
    struct clients_row row = {.client_id = id,
                              .directory_hmac = directory_hmac(d),
                              .has_oid = true,
                              .oid = t->row.oid,
                              .name = slice_of(cli_flag(cli, "name")),
                              .roles = roles,
                              .created = clock_now()};
    struct err e = read_roles(cli_flag(cli, "role"), roles, &row.n_roles);
    if (e.kind)
        return e;
    crypto_random(salt, sizeof salt);
    row.salt = (struct slice){salt, sizeof salt};
    crypto_sha256(slice_join(cli_arena(cli), row.salt, secret), digest);
    row.secret_sha256 = (struct slice){(const char *)digest, sizeof digest};
    clients_add(s->control, s->arena, &row, DB_UNTOLD);
    const struct tenants_audit audit = {.at = row.created,
                                        .actor = SLICE("operator"),
                                        .action = SLICE("client created"),
                                        .has_oid = true,
                                        .oid = t->row.oid,
                                        .epoch = t->row.epoch};
    tenants_audit_add(s->control, s->arena, &audit, DB_UNTOLD);
    return db_wait(s->control, s->loop);
}

static struct err
say_created(struct cli *cli, const struct session_tenant *t, struct slice id, struct slice secret)
{
    if (!cli_json(cli)) {
        printf("client_id      %.*s\nclient_secret  %.*s\n", SLICE_ARG(id), SLICE_ARG(secret));
        cli_say(cli, "the secret is shown this once only");
        return ERR_OK;
    }
    struct json_out *o = json_out_object(cli_arena(cli));
    json_out_text(o, "tenant", t->directory);
    json_out_text(o, "client_id", id);
    json_out_text(o, "client_secret", secret);
    struct slice text = json_out_print(o, cli_arena(cli));
    if (text.p == NULL)
        return err_make(ERR_STOP, "cli.memory", "out of memory");
    printf("%.*s\n", SLICE_ARG(text));
    return ERR_OK;
}

static int
create_run(struct cli *cli)
{
    struct session s = {0};
    struct directory d;
    struct session_tenant t;
    char id[37];
    crypto_guid(id);
    struct slice secret = secret_text(cli_arena(cli));
    struct err e = open_tenant(cli, &s, &d, &t);
    if (e.kind == ERR_NONE && secret.n == 0)
        e = err_make(ERR_STOP, "cli.memory", "out of memory");
    if (e.kind == ERR_NONE)
        e = add(cli, &s, &d, &t, slice_of(id), secret);
    if (e.kind == ERR_NONE)
        e = say_created(cli, &t, slice_of(id), secret);
    return finish(cli, &s, e);
}

static const struct cli_flag create_flags[] = {
    {"tenant", "GUID", "the customer's directory id", true},
    {"name", "NAME", "what the client is called", true},
    {"role", "ROLES", "what its tokens allow, comma between: Incident.Read.All", true},
    {NULL, NULL, NULL, false},
};

const struct cli_command client_create_command = {
    .noun = "client",
    .verb = "create",
    .summary = "make an API client of a tenant; prints its secret once",
    .example = "weir client create --tenant GUID --name siem --role Incident.Read.All",
    .flags = create_flags,
    .run = create_run,
};

/* ---- list */

struct listing {
    struct cli *cli;
    struct json_out *all;
    struct err failed;
};

static void
on_clients(void *arg, const struct db_rows *rows, struct err e)
{
    struct listing *l = arg;
    struct arena *a = cli_arena(l->cli);
    l->failed = e;
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++) {
        struct clients_row row;
        clients_get_row(rows, i, a, &row);
        struct json_out *o = json_out_object(a), *roles = json_out_array(a);
        json_out_text(o, "client_id", slice_dup(a, row.client_id));
        json_out_text(o, "name", slice_dup(a, row.name));
        for (size_t k = 0; k < row.n_roles; k++)
            json_out_add_text(roles, slice_dup(a, row.roles[k]));
        json_out_set(o, "roles", roles);
        json_out_text(o, "created", slice_dup(a, slice_of(clock_format(row.created).s)));
        json_out_bool(o, "disabled", row.disabled);
        json_out_add(l->all, o);
        if (cli_json(l->cli))
            continue;
        printf("%.*s  %-20.*s %s ", SLICE_ARG(row.client_id), SLICE_ARG(row.name),
               row.disabled ? "disabled" : "enabled ");
        for (size_t k = 0; k < row.n_roles; k++)
            printf("%s%.*s", k > 0 ? "," : "", SLICE_ARG(row.roles[k]));
        printf("\n");
    }
}

static int
list_run(struct cli *cli)
{
    struct session s = {0};
    struct directory d;
    struct session_tenant t;
    struct listing l = {.cli = cli, .all = json_out_array(cli_arena(cli))};
    struct err e = open_tenant(cli, &s, &d, &t);
    if (e.kind == ERR_NONE) {
        clients_list(s.control, s.arena, directory_hmac(&d), (struct db_answer){on_clients, &l});
        e = db_wait(s.control, s.loop);
    }
    if (e.kind == ERR_NONE)
        e = l.failed;
    if (e.kind == ERR_NONE && cli_json(cli)) {
        struct slice text = json_out_print(l.all, cli_arena(cli));
        printf("%.*s\n", SLICE_ARG(text));
    }
    return finish(cli, &s, e);
}

static const struct cli_flag list_flags[] = {
    {"tenant", "GUID", "the customer's directory id", true},
    {NULL, NULL, NULL, false},
};

const struct cli_command client_list_command = {
    .noun = "client",
    .verb = "list",
    .summary = "list the API clients of a tenant",
    .example = "weir client list --tenant GUID",
    .flags = list_flags,
    .run = list_run,
};

/* ---- disable */

static void
on_disabled(void *arg, const struct db_rows *rows, struct err e)
{
    int64_t *n = arg;
    if (e.kind == ERR_NONE)
        *n = db_affected(rows);
}

static int
disable_run(struct cli *cli)
{
    struct session s = {0};
    int64_t n = 0;
    struct err e = session_open(&s, cli_conf(cli), true);
    if (e.kind == ERR_NONE) {
        clients_disable(s.control, s.arena, slice_of(cli_argument(cli)),
                        (struct db_answer){on_disabled, &n});
        e = db_wait(s.control, s.loop);
    }
    if (e.kind == ERR_NONE && n == 0)
        e = err_make(ERR_STOP, "refused.unknown_client", "there is no client of that id");
    if (e.kind == ERR_NONE)
        cli_say(cli, "no new tokens for it; those it has count no more");
    return finish(cli, &s, e);
}

static const struct cli_flag disable_flags[] = {{NULL, NULL, NULL, false}};

const struct cli_command client_disable_command = {
    .noun = "client",
    .verb = "disable",
    .argument = "CLIENT_ID",
    .summary = "give an API client no more tokens",
    .example = "weir client disable 5b1f0a2c-6e11-4c0c-9d0e-7e1c3d5240a6",
    .flags = disable_flags,
    .run = disable_run,
};
