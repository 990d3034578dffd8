/* The token endpoint: a client's secret for a token of one hour. Ref: sources.md 1.1. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/log.h"
#include "serve/auth_internal.h"
#include "serve/token_form.h"
#include "tenant/directory.h"

/* All workers make the first key under one name, so that one of them is kept for all. */
static const char FIRST_KID[] = "weir-1";

struct asking {
    struct call *call;
    bool v2;
    struct token_form form;
    struct directory directory;
    struct slice salt, sha256; /* of the client; NONE: there is none that may have a token */
    struct slice *roles;
    size_t n_roles;
};

/* ---- refusals */

/* "2020-01-10 13:21:24Z": a blank, no fraction. */
static struct slice
stamp(struct arena *a)
{
    int64_t now = clock_now();
    struct clock_text t = clock_format(now - now % CLOCK_SECOND);
    char *text = slice_cstr(a, slice_of(t.s));
    if (text == NULL)
        return SLICE_NONE;
    char *sep = strchr(text, 'T');
    if (sep != NULL)
        *sep = ' ';
    return slice_of(text);
}

static void
refuse(struct call *c, const struct token_refusal *why)
{
    struct arena *a = c->r->arena;
    struct json_out *o = json_out_object(a), *codes = json_out_array(a);
    struct slice when = stamp(a);
    struct slice number = slice_printf(a, "%d", why->code);
    json_out_text(o, "error", slice_of(why->error));
    json_out_text(o, "error_description",
                  slice_printf(a,
                               "AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\n"
                               "Timestamp: %.*s",
                               why->code, why->text, c->id, c->id, SLICE_ARG(when)));
    json_out_add_raw(codes, number);
    json_out_set(o, "error_codes", codes);
    json_out_text(o, "timestamp", when);
    json_out_text(o, "trace_id", slice_of(c->id));
    json_out_text(o, "correlation_id", slice_of(c->id));
    json_out_text(o, "error_uri",
                  slice_printf(a, "https://login.microsoftonline.com/error?code=%d", why->code));
    call_json(c, why->status, o, NULL);
}

/* ---- the token */

static void
answer(struct asking *k)
{
    struct call *c = k->call;
    struct arena *a = c->r->arena;
    int64_t now_s = clock_now() / CLOCK_SECOND;
    const struct token_claims claims = {
        .issuer = slice_printf(a, "%.*s/%s/", SLICE_ARG(call_base(c)), k->directory.id),
        .audience = k->form.audience,
        .tenant = slice_of(k->directory.id),
        .client = k->form.client_id,
        .roles = k->roles,
        .n_roles = k->n_roles,
        .issued_s = now_s,
        .not_before_s = now_s,
        .expires_s = now_s + TOKEN_LIFE_S,
    };
    struct slice token;
    struct err e = c->api->n_keys > 0
                       ? token_sign(&c->api->keys[0], &claims, a, &token)
                       : err_make(ERR_STOP, "auth.key", "there is no key to sign tokens with");
    if (e.kind) {
        call_err(c, e);
        return;
    }
    struct json_out *o = json_out_object(a);
    json_out_text(o, "token_type", SLICE("Bearer"));
    json_out_int(o, "expires_in", TOKEN_LIFE_S);
    json_out_int(o, "ext_expires_in", TOKEN_LIFE_S);
    if (!k->v2) {
        json_out_text(o, "expires_on", slice_printf(a, "%lld", (long long)claims.expires_s));
        json_out_text(o, "not_before", slice_printf(a, "%lld", (long long)now_s));
        json_out_text(o, "resource", k->form.audience);
    }
    json_out_text(o, "access_token", token);
    call_json(c, 200, o, NULL);
}

/* ---- the key */

static void
on_keys(void *arg, const struct db_rows *rows, struct err e)
{
    struct asking *k = arg;
    if (e.kind == ERR_NONE)
        auth_keys_take(k->call->api, rows);
}

static void
on_key_made(void *arg, struct err e)
{
    struct asking *k = arg;
    if (e.kind)
        call_err(k->call, e);
    else
        answer(k);
}

static void
make_key(struct asking *k)
{
    struct call *c = k->call;
    struct slice private_pem, public_pem;
    struct err e = crypto_signing_key(c->r->arena, &private_pem, &public_pem);
    if (e.kind) {
        call_err(c, e);
        return;
    }
    const struct clients_token_key row = {.kid = slice_of(FIRST_KID),
                                          .private_pem = private_pem,
                                          .public_pem = public_pem,
                                          .created = clock_now()};
    clients_token_key_add(c->api->control, c->r->arena, &row, DB_UNTOLD);
    clients_token_keys(c->api->control, c->r->arena, (struct db_answer){on_keys, k});
    db_sync(c->api->control, on_key_made, k);
    log_info("auth.key_made", LOG_STR("kid", FIRST_KID));
}

static void
on_keys_read(void *arg, struct err e)
{
    struct asking *k = arg;
    if (e.kind)
        call_err(k->call, e);
    else if (k->call->api->n_keys > 0)
        answer(k);
    else
        make_key(k);
}

static void
read_keys(struct asking *k)
{
    struct call *c = k->call;
    clients_token_keys(c->api->control, c->r->arena, (struct db_answer){on_keys, k});
    db_sync(c->api->control, on_keys_read, k);
}

/* ---- the client */

static void
on_client(void *arg, const struct db_rows *rows, struct err e)
{
    struct asking *k = arg;
    struct arena *a = k->call->r->arena;
    struct clients_row row;
    if (e.kind || db_count(rows) == 0)
        return;
    clients_get_row(rows, 0, a, &row);
    if (row.disabled || !slice_eq(row.directory_hmac, directory_hmac(&k->directory)))
        return;
    k->salt = slice_dup(a, row.salt);
    k->sha256 = slice_dup(a, row.secret_sha256);
    k->roles = row.roles;
    k->n_roles = row.n_roles;
    for (size_t i = 0; i < row.n_roles; i++)
        k->roles[i] = slice_dup(a, row.roles[i]);
}

static bool
secret_fits(const struct asking *k)
{
    uint8_t sha256[CRYPTO_SHA256];
    auth_secret_hash(k->salt, k->form.secret, sha256);
    return k->sha256.n == sizeof sha256 && crypto_equal(k->sha256.p, sha256, sizeof sha256);
}

static void
on_client_read(void *arg, struct err e)
{
    struct asking *k = arg;
    struct token_refusal why;
    if (e.kind) {
        call_err(k->call, e);
    } else if (k->sha256.p == NULL) {
        token_refuse(&why, 400, "unauthorized_client", 700016,
                     "Application with identifier '%.*s' was not found in the directory.",
                     SLICE_ARG(slice_sub(k->form.client_id, 0, 64)));
        refuse(k->call, &why);
    } else if (!secret_fits(k)) {
        token_refuse(&why, 401, "invalid_client", 7000215, "Invalid client secret is provided.");
        refuse(k->call, &why);
    } else if (k->call->api->n_keys == 0) {
        read_keys(k);
    } else {
        answer(k);
    }
}

static bool
audience_ok(struct asking *k, struct token_refusal *why)
{
    struct token_audiences audiences = auth_audiences(k->call);
    if (token_audience_ok(&audiences, k->form.audience))
        return true;
    token_refuse(why, 400, "invalid_resource", 500011,
                 "The resource '%.*s' is not one that this service gives tokens for "
                 "(api.audiences).",
                 SLICE_ARG(slice_sub(k->form.audience, 0, 60)));
    return false;
}

static void
token(struct call *c, bool v2)
{
    struct token_refusal why;
    struct asking *k = arena_alloc(c->r->arena, sizeof *k);
    char *guid = slice_cstr(c->r->arena, c->argument);
    if (k == NULL || guid == NULL) {
        call_fail(c, 500, "InternalServerError", "Out of memory.");
        return;
    }
    k->call = c;
    k->v2 = v2;
    struct err e = directory_of(c->api->conf, guid, &k->directory);
    if (e.kind && strncmp(e.code, "usage.", 6) == 0) {
        token_refuse(&why, 400, "invalid_request", 90002,
                     "Tenant '%.60s' not found: the path must hold a directory id.", guid);
        refuse(c, &why);
    } else if (e.kind) {
        call_err(c, e);
    } else if (!token_form_read(c->r->body, v2, c->r->arena, &k->form, &why) ||
               !audience_ok(k, &why)) {
        refuse(c, &why);
    } else {
        clients_get(c->api->control, c->r->arena, k->form.client_id,
                    (struct db_answer){on_client, k});
        db_sync(c->api->control, on_client_read, k);
    }
}

void
auth_token_v1(struct call *c)
{
    token(c, false);
}

void
auth_token_v2(struct call *c)
{
    token(c, true);
}
