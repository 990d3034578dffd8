#include "serve/auth.h"

#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/log.h"
#include "serve/auth_internal.h"
#include "store/tenants.h"
#include "tenant/directory.h"

enum { KEY_ARENA = 256 * 1024, KEYS_AGE_MS = 1000 };

struct err
auth_init(struct api *api)
{
    struct slice list = slice_of(conf_text(api->conf, "api.audiences"));
    api->key_arena = arena_new(KEY_ARENA);
    if (api->key_arena == NULL)
        return err_make(ERR_STOP, "auth.memory", "out of memory");
    while (list.p != NULL) {
        struct slice one = slice_trim(slice_split(&list, ' '));
        if (one.n == 0)
            continue;
        if (api->n_audiences == API_AUDIENCES_MAX - 1) /* one place is for our own address */
            return err_make(ERR_STOP, "conf.value", "api.audiences: more than %d",
                            API_AUDIENCES_MAX - 1);
        api->audiences[api->n_audiences++] = one;
    }
    return ERR_OK;
}

void
auth_fini(struct api *api)
{
    arena_free(api->key_arena);
    api->key_arena = NULL;
}

struct token_audiences
auth_audiences(struct call *c)
{
    struct slice *list = arena_alloc(c->r->arena, API_AUDIENCES_MAX * sizeof *list);
    if (list == NULL)
        return (struct token_audiences){NULL, 0};
    memcpy(list, c->api->audiences, c->api->n_audiences * sizeof *list);
    list[c->api->n_audiences] = call_base(c);
    return (struct token_audiences){list, c->api->n_audiences + 1};
}

void
auth_secret_hash(struct slice salt, struct slice secret, uint8_t out[32])
{
    const struct slice parts[] = {salt, secret};
    crypto_sha256_of(parts, 2, out);
}

/* ---- the keys */

void
auth_keys_take(struct api *api, const struct db_rows *rows)
{
    arena_reset(api->key_arena);
    api->n_keys = 0;
    for (size_t i = 0; i < db_count(rows) && api->n_keys < API_KEYS_MAX; i++) {
        struct clients_token_key row;
        clients_token_key_row(rows, i, &row);
        const struct token_key key = {.kid = slice_dup(api->key_arena, row.kid),
                                      .private_pem = slice_dup(api->key_arena, row.private_pem),
                                      .public_pem = slice_dup(api->key_arena, row.public_pem)};
        if (key.kid.p != NULL && key.private_pem.p != NULL && key.public_pem.p != NULL)
            api->keys[api->n_keys++] = key;
    }
    api->keys_read_ms = clock_mono_ms();
}

static bool
key_known(const struct api *api, struct slice kid)
{
    for (size_t i = 0; i < api->n_keys; i++)
        if (slice_eq(api->keys[i].kid, kid))
            return true;
    return false;
}

/* ---- the tenant of a token */

struct lookup {
    struct call *call;
    struct directory directory;
    bool has_tenant, has_client, disabled, same_directory;
    struct tenants_row tenant; /* only what is no text */
    char region[64];
};

static void
on_tenant(void *arg, const struct db_rows *rows, struct err e)
{
    struct lookup *l = arg;
    if (e.kind || db_count(rows) == 0)
        return;
    tenants_get_row(rows, 0, &l->tenant);
    l->has_tenant = l->tenant.region.n < sizeof l->region;
    if (l->has_tenant && l->tenant.region.n > 0)
        memcpy(l->region, l->tenant.region.p, l->tenant.region.n);
}

static void
on_client(void *arg, const struct db_rows *rows, struct err e)
{
    struct lookup *l = arg;
    struct clients_row row;
    if (e.kind || db_count(rows) == 0)
        return;
    clients_get_row(rows, 0, l->call->r->arena, &row);
    l->has_client = true;
    l->disabled = row.disabled;
    l->call->by = slice_dup(l->call->r->arena, row.name.n > 0 ? row.name : row.client_id);
    l->same_directory = slice_eq(row.directory_hmac, directory_hmac(&l->directory));
}

static void
on_looked_up(void *arg, struct err e)
{
    struct lookup *l = arg;
    struct call *c = l->call;
    if (e.kind) {
        call_err(c, e);
        return;
    }
    /* the tenant first: an opt-out deletes its clients, and whoever still holds a token must read
     * that the feature is off, not that the application is unknown */
    if (!l->has_tenant || l->tenant.state != TENANT_ACTIVE) {
        call_fail(c, 403, "DisabledFeature", "Tenant feature is not enabled.");
        return;
    }
    if (!l->has_client || l->disabled || !l->same_directory) {
        call_fail(c, 401, "Unauthorized", "The application of this token is disabled or unknown.");
        return;
    }
    if (strcmp(l->region, c->api->region) != 0) {
        call_fail(c, 403, "DisallowedOperation",
                  "The data of this tenant is in region '%s'; ask the API of that region.",
                  l->region);
        return;
    }
    c->oid = l->tenant.oid;
    c->epoch = l->tenant.epoch;
    c->route->handle(c);
}

static void
look_up(struct call *c)
{
    struct lookup *l = arena_alloc(c->r->arena, sizeof *l);
    char *guid = slice_cstr(c->r->arena, c->who.tenant);
    if (l == NULL || guid == NULL) {
        call_fail(c, 500, "InternalServerError", "Out of memory.");
        return;
    }
    l->call = c;
    struct err e = directory_of(c->api->conf, guid, &l->directory);
    if (e.kind && strncmp(e.code, "usage.", 6) == 0) {
        call_fail(c, 401, "Unauthorized", "The claim tid of this token is no directory id.");
        return;
    }
    if (e.kind) {
        call_err(c, e);
        return;
    }
    tenants_get_by_hmac(c->api->control, c->r->arena, directory_hmac(&l->directory),
                        (struct db_answer){on_tenant, l});
    clients_get(c->api->control, c->r->arena, c->who.client, (struct db_answer){on_client, l});
    db_sync(c->api->control, on_looked_up, l);
}

/* ---- the token */

static struct slice
join(const struct slice *list, size_t n, struct arena *a)
{
    struct slice s = SLICE("");
    for (size_t i = 0; i < n; i++)
        s = slice_printf(a, "%.*s%s%.*s", SLICE_ARG(s), i > 0 ? "," : "", SLICE_ARG(list[i]));
    return s;
}

static void
refuse_roles(struct call *c)
{
    struct slice wanted = SLICE("");
    struct slice have = join(c->who.roles, c->who.n_roles, c->r->arena);
    for (size_t i = 0; c->route->roles[i] != NULL; i++)
        wanted = slice_printf(c->r->arena, "%.*s%s%s", SLICE_ARG(wanted), i > 0 ? "," : "",
                              c->route->roles[i]);
    call_fail(c, 403, "Forbidden",
              "Missing application roles. API required roles: %.*s, application roles: %.*s.",
              SLICE_ARG(wanted), SLICE_ARG(slice_sub(have, 0, 256)));
}

static void
verify(struct call *c, struct slice token)
{
    struct token_audiences audiences = auth_audiences(c);
    struct err e = token_verify(token, c->api->keys, c->api->n_keys, &audiences,
                                clock_now() / CLOCK_SECOND, c->r->arena, &c->who);
    if (e.kind == ERR_REJECT)
        call_fail(c, 401, "Unauthorized", "%s", e.text);
    else if (e.kind)
        call_err(c, e);
    else if (!token_has_role(&c->who, c->route->roles))
        refuse_roles(c);
    else
        look_up(c);
}

static void
on_keys(void *arg, const struct db_rows *rows, struct err e)
{
    struct call *c = arg;
    if (e.kind == ERR_NONE)
        auth_keys_take(c->api, rows);
}

static void
on_keys_read(void *arg, struct err e)
{
    struct call *c = arg;
    if (e.kind)
        call_err(c, e);
    else
        verify(c, *(const struct slice *)c->data);
}

void
auth_check(struct call *c)
{
    struct slice *token = arena_alloc(c->r->arena, sizeof *token);
    if (token == NULL) {
        call_fail(c, 500, "InternalServerError", "Out of memory.");
        return;
    }
    *token = slice_dup(c->r->arena, token_bearer(http_header(c->r, "Authorization")));
    if (token->p == NULL) {
        call_fail(c, 401, "Unauthorized",
                  "An access token is needed: send it as 'Authorization: Bearer <token>'.");
        return;
    }
    struct slice kid = token_kid(*token, c->r->arena);
    int64_t age_ms = clock_mono_ms() - c->api->keys_read_ms;
    /* a key that another worker made a moment ago; not asked for more than once a second, since
     * anybody can name a key that nobody has */
    if (kid.p == NULL || key_known(c->api, kid) ||
        (c->api->keys_read_ms != 0 && age_ms < KEYS_AGE_MS)) {
        verify(c, *token);
        return;
    }
    c->data = token;
    clients_token_keys(c->api->control, c->r->arena, (struct db_answer){on_keys, c});
    db_sync(c->api->control, on_keys_read, c);
}
