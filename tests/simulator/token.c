#include <stdio.h>
#include <string.h>

#include "common/crypto.h"
#include "tests/simulator/sim.h"

enum { TOKEN_LIFE_S = 3599 };

static struct slice
sign(const struct sim *s, struct slice text, struct arena *a)
{
    uint8_t mac[CRYPTO_SHA256];
    crypto_hmac_sha256((struct slice){(const char *)s->token_key, sizeof(s->token_key)}, text, mac);
    return slice_hex(a, (struct slice){(const char *)mac, sizeof(mac)});
}

static const char *
role_of(struct slice audience)
{
    if (slice_eq(audience, SLICE(SIM_RESOURCE_ENDPOINT)))
        return SIM_ROLE_ENDPOINT;
    return slice_eq(audience, SLICE(SIM_RESOURCE_MAIL)) ? SIM_ROLE_MAIL : NULL;
}

/* Claims and their HMAC, both in hexadecimal: clients have to treat it as opaque. */
static struct slice
token_make(const struct sim *s, struct slice audience, struct arena *a)
{
    int64_t now_s = clock_now() / CLOCK_SECOND;
    struct json_out *claims = json_out_object(a);
    struct json_out *roles = json_out_array(a);
    json_out_add_text(roles, slice_of(role_of(audience)));
    json_out_text(claims, "aud", audience);
    json_out_text(claims, "tid", s->tenant);
    json_out_text(claims, "appid", SLICE(SIM_CLIENT_ID));
    json_out_set(claims, "roles", roles);
    json_out_int(claims, "nbf", now_s - 300);
    json_out_int(claims, "exp", now_s + TOKEN_LIFE_S);
    struct slice body = slice_hex(a, json_out_print(claims, a));
    return slice_printf(a, "%.*s.%.*s", SLICE_ARG(body), SLICE_ARG(sign(s, body, a)));
}

/* The error body of sources.md 1.1: time with a blank, the number in text and list. */
static void
token_refuse(struct http_request *r, int status, const char *error, int number, const char *text)
{
    char trace[37];
    char correlation[37];
    char when[32];
    crypto_guid(trace);
    crypto_guid(correlation);
    struct clock_text now = clock_format(clock_now());
    snprintf(when, sizeof(when), "%.10s %.8sZ", now.s, now.s + 11);
    struct json_out *o = json_out_object(r->arena);
    struct json_out *codes = json_out_array(r->arena);
    json_out_add_raw(codes, slice_printf(r->arena, "%d", number));
    json_out_text(o, "error", slice_of(error));
    json_out_text(o, "error_description",
                  slice_printf(r->arena,
                               "AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\n"
                               "Timestamp: %s",
                               number, text, trace, correlation, when));
    json_out_set(o, "error_codes", codes);
    json_out_text(o, "timestamp", slice_of(when));
    json_out_text(o, "trace_id", slice_of(trace));
    json_out_text(o, "correlation_id", slice_of(correlation));
    json_out_text(
        o, "error_uri",
        slice_printf(r->arena, "https://login.microsoftonline.com/error?code=%d", number));
    http_answer(r, status, "application/json; charset=utf-8", json_out_print(o, r->arena), NULL);
}

static void
token_grant(const struct sim *s, struct http_request *r, bool v2, struct slice audience)
{
    struct arena *a = r->arena;
    struct json_out *o = json_out_object(a);
    json_out_text(o, "token_type", SLICE("Bearer"));
    if (v2) {
        json_out_int(o, "expires_in", TOKEN_LIFE_S);
        json_out_int(o, "ext_expires_in", TOKEN_LIFE_S);
    } else { /* v1 gives its numbers as texts */
        long long now_s = clock_now() / CLOCK_SECOND;
        json_out_text(o, "expires_in", slice_printf(a, "%d", TOKEN_LIFE_S));
        json_out_text(o, "ext_expires_in", slice_printf(a, "%d", TOKEN_LIFE_S));
        json_out_text(o, "expires_on", slice_printf(a, "%lld", now_s + TOKEN_LIFE_S));
        json_out_text(o, "not_before", slice_printf(a, "%lld", now_s - 300));
        json_out_text(o, "resource", audience);
    }
    json_out_text(o, "access_token", token_make(s, audience, a));
    http_answer(r, 200, "application/json; charset=utf-8", json_out_print(o, a), NULL);
}

/* The audience that the form asks for; v2 names it as <resource>/.default. */
static struct slice
audience_asked(const struct http_request *r, bool v2)
{
    if (!v2)
        return http_form(r, "resource");
    struct slice scope = http_form(r, "scope");
    if (slice_eq(scope, SLICE("https://securitycenter.onmicrosoft.com/windowsatpservice/.default")))
        return SLICE(SIM_RESOURCE_ENDPOINT);
    if (!slice_ends(scope, SLICE("/.default")))
        return SLICE_NONE;
    return slice_sub(scope, 0, scope.n - strlen("/.default"));
}

void
token_answer(struct sim *s, struct http_request *r)
{
    struct slice rest = slice_sub(r->path, strlen("/login/"), r->path.n);
    struct slice tenant = slice_split(&rest, '/');
    bool v2 = slice_eq(rest, SLICE("oauth2/v2.0/token"));
    if (!slice_eq(r->method, SLICE("POST")) || (!v2 && !slice_eq(rest, SLICE("oauth2/token")))) {
        http_answer(r, 404, "text/plain", SLICE("no such address"), NULL);
        return;
    }
    struct slice grant = http_form(r, "grant_type");
    struct slice client = http_form(r, "client_id");
    struct slice secret = http_form(r, "client_secret");
    struct slice audience = audience_asked(r, v2);
    if (!slice_eq_nocase(tenant, s->tenant) && !slice_eq_nocase(tenant, SLICE("contoso.com")))
        token_refuse(r, 400, "invalid_request", 90002, "Tenant was not found.");
    else if (grant.p == NULL || client.p == NULL || secret.p == NULL)
        token_refuse(r, 400, "invalid_request", 900144,
                     "The request body must contain grant_type, client_id and client_secret.");
    else if (!slice_eq(grant, SLICE("client_credentials")))
        token_refuse(r, 400, "unsupported_grant_type", 70003, "The grant type is not supported.");
    else if (!slice_eq_nocase(client, SLICE(SIM_CLIENT_ID)))
        token_refuse(r, 400, "unauthorized_client", 700016,
                     "Application was not found in the directory.");
    else if (!slice_eq(secret, s->secret))
        token_refuse(r, 401, "invalid_client", 7000215, "Invalid client secret is provided.");
    else if (role_of(audience) == NULL && v2)
        token_refuse(r, 400, "invalid_scope", 70011, "The provided scope is not valid.");
    else if (role_of(audience) == NULL)
        token_refuse(r, 400, "invalid_resource", 500011, "The resource was not found.");
    else
        token_grant(s, r, v2, audience);
}

static bool
has_role(struct json claims, const char *role)
{
    struct slice name;
    struct json value;
    for (struct json_iter it = json_items(json_get(claims, "roles"));
         json_next(&it, &name, &value);)
        if (slice_eq(json_text(value), slice_of(role)))
            return true;
    return false;
}

bool
token_check(struct sim *s, const struct http_request *r, const char *audience, const char *role,
            int *status, const char **why)
{
    struct slice given = http_header(r, "Authorization");
    *status = 401;
    *why = "Missing or invalid token.";
    if (!slice_starts(given, SLICE("Bearer ")))
        return false;
    struct slice rest = slice_trim(slice_sub(given, strlen("Bearer "), given.n));
    struct slice body = slice_split(&rest, '.');
    struct slice mac = sign(s, body, r->arena);
    if (rest.p == NULL || mac.p == NULL || !slice_eq(mac, rest))
        return false;
    struct json claims;
    struct err e = json_parse(slice_unhex(r->arena, body), r->arena, &claims);
    int64_t until = 0;
    if (e.kind || !slice_eq(json_get_text(claims, "aud"), slice_of(audience))) {
        *why = "The token's audience is another service.";
        return false;
    }
    if (!json_get_int(claims, "exp", &until) || until <= clock_now() / CLOCK_SECOND) {
        *why = "The token has expired.";
        return false;
    }
    *status = 403;
    *why = "The application lacks the role.";
    return has_role(claims, role);
}
