#include <stdio.h>
#include <string.h>

#include "common/crypto.h"
#include "common/form.h"
#include "tests/simulator/sim.h"

enum { TOKEN_LIFE_S = 3599 };

static struct slice
sign(const struct sim *s, struct slice text, struct arena *a)
{
    uint8_t mac[CRYPTO_SHA256];
    crypto_hmac_sha256((struct slice){(const char *)s->token_key, sizeof(s->token_key)}, text, mac);
    return slice_hex(a, (struct slice){(const char *)mac, sizeof(mac)});
}

static const struct {
    enum sim_source source;
    const char *audience;
    const char *role; /* that the application was given */
} audiences[] = {
    {SIM_ENDPOINT, SIM_RESOURCE_ENDPOINT, "Alert.ReadWrite.All"},
    {SIM_ENDPOINT, "https://api.securitycenter.microsoft.com", "Alert.Read.All"},
    {SIM_MAIL, SIM_RESOURCE_MAIL, "ActivityFeed.Read"},
    {SIM_APPS, SIM_RESOURCE_APPS, "Investigation.manage"},
};

/* The row of the table; its size when there is none. */
static size_t
audience_row(struct slice audience)
{
    size_t i = 0;
    if (slice_ends(audience, SLICE("/")))
        audience.n--;
    while (i < sizeof(audiences) / sizeof(audiences[0]) &&
           !slice_eq_nocase(audience, slice_of(audiences[i].audience)))
        i++;
    return i;
}

enum sim_source
token_source(struct slice audience)
{
    size_t i = audience_row(audience);
    return i < sizeof(audiences) / sizeof(audiences[0]) ? audiences[i].source : SIM_SOURCES;
}

/* Claims and their HMAC, both in hexadecimal: clients have to treat it as opaque. */
static struct slice
token_make(const struct sim_call *c, struct slice audience, struct arena *a)
{
    int64_t now = sim_now(c->sim);
    struct json_out *claims = json_out_object(a);
    struct json_out *roles = json_out_array(a);
    if (!fault_grants_nothing(c))
        json_out_add_text(roles, slice_of(audiences[audience_row(audience)].role));
    json_out_text(claims, "aud", audience);
    json_out_text(claims, "tid", c->tenant->id);
    json_out_text(claims, "appid", SLICE(SIM_CLIENT_ID));
    json_out_set(claims, "roles", roles);
    json_out_int(claims, "iat_ms", now / (CLOCK_SECOND / 1000));
    json_out_int(claims, "nbf", now / CLOCK_SECOND - 300);
    json_out_int(claims, "exp", now / CLOCK_SECOND + TOKEN_LIFE_S);
    struct slice body = slice_hex(a, json_out_print(claims, a));
    return slice_printf(a, "%.*s.%.*s", SLICE_ARG(body), SLICE_ARG(sign(c->sim, body, a)));
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
    struct clock_text now = clock_format(sim_now(((struct sim_call *)r->data)->sim));
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
    sim_send(r, status, "application/json; charset=utf-8", json_out_print(o, r->arena), NULL);
}

struct refusal {
    int number, status;
    const char *error, *text;
};

static const struct refusal refusals[] = {
    {7000215, 401, "invalid_client", "Invalid client secret is provided."},
    {7000222, 401, "invalid_client",
     "The provided client secret keys for app '" SIM_CLIENT_ID "' are expired."},
    {700016, 400, "unauthorized_client",
     "Application with identifier '" SIM_CLIENT_ID "' was not found in the directory."},
    {700027, 401, "invalid_client",
     "The certificate with identifier used to sign the client assertion is not registered."},
    {70003, 400, "unsupported_grant_type", "The app requested an unsupported grant type."},
    {90002, 400, "invalid_request",
     "Tenant not found. Check to make sure you have the correct tenant ID."},
    {900144, 400, "invalid_request",
     "The request body must contain the following parameters: 'grant_type', 'client_id', "
     "'client_secret' and 'scope' or 'resource'."},
    {70011, 400, "invalid_scope", "The provided request must include a 'scope' input parameter."},
    {500011, 400, "invalid_resource", "The resource principal was not found in the tenant."},
    {90011, 400, "invalid_request", "Invalid request. The request body is malformed."},
    {9002313, 400, "invalid_request", "Invalid request. Request is malformed or invalid."},
};

void
token_error(struct http_request *r, int number)
{
    const struct refusal *f = refusals;
    while (f->number != number && f < refusals + sizeof(refusals) / sizeof(refusals[0]) - 1)
        f++;
    token_refuse(r, f->status, f->error, number, f->text);
}

static void
token_grant(const struct sim_call *c, bool v2, struct slice audience)
{
    struct arena *a = c->r->arena;
    struct json_out *o = json_out_object(a);
    json_out_text(o, "token_type", SLICE("Bearer"));
    if (v2) {
        json_out_int(o, "expires_in", TOKEN_LIFE_S);
        json_out_int(o, "ext_expires_in", TOKEN_LIFE_S);
    } else { /* v1 gives its numbers as texts */
        long long now_s = sim_now(c->sim) / CLOCK_SECOND;
        json_out_text(o, "expires_in", slice_printf(a, "%d", TOKEN_LIFE_S));
        json_out_text(o, "ext_expires_in", slice_printf(a, "%d", TOKEN_LIFE_S));
        json_out_text(o, "expires_on", slice_printf(a, "%lld", now_s + TOKEN_LIFE_S));
        json_out_text(o, "not_before", slice_printf(a, "%lld", now_s - 300));
        json_out_text(o, "resource", audience);
    }
    json_out_text(o, "access_token", token_make(c, audience, a));
    sim_send(c->r, 200, "application/json; charset=utf-8", json_out_print(o, a), NULL);
}

static bool
path_is_v2(struct slice path)
{
    return slice_ends(path, SLICE("/oauth2/v2.0/token"));
}

/* v2 names it as <resource>/.default. */
struct slice
token_audience(const struct http_request *r, struct slice path)
{
    if (!path_is_v2(path))
        return http_form(r, "resource");
    struct slice scope = http_form(r, "scope");
    if (slice_eq(scope, SLICE("https://securitycenter.onmicrosoft.com/windowsatpservice/.default")))
        return SLICE(SIM_RESOURCE_ENDPOINT);
    if (!slice_ends(scope, SLICE("/.default")))
        return SLICE_NONE;
    return slice_sub(scope, 0, scope.n - strlen("/.default"));
}

/* A form whose fields are not name=value pairs. */
static bool
body_malformed(struct slice body)
{
    struct slice rest = body;
    while (rest.n > 0) {
        struct slice pair = slice_split(&rest, '&');
        if (slice_find(pair, SLICE("="), 0) == pair.n)
            return true;
    }
    return !form_decodes(body);
}

void
token_answer(struct sim_call *c, struct slice path)
{
    struct http_request *r = c->r;
    bool v2 = path_is_v2(path);
    if (!slice_eq(r->method, SLICE("POST")) || (!v2 && !slice_ends(path, SLICE("/oauth2/token")))) {
        sim_send(r, 404, "text/plain", SLICE("no such address"), NULL);
        return;
    }
    struct slice grant = http_form(r, "grant_type");
    struct slice client = http_form(r, "client_id");
    struct slice secret = http_form(r, "client_secret");
    struct slice audience = token_audience(r, path);
    struct slice asked = http_form(r, v2 ? "scope" : "resource");
    bool whole = grant.p != NULL && client.p != NULL && secret.p != NULL && asked.p != NULL;
    if (c->tenant == NULL)
        token_error(r, 90002);
    else if (body_malformed(r->body))
        token_error(r, 9002313);
    else if (!whole)
        token_error(r, 900144);
    else if (!slice_eq(grant, SLICE("client_credentials")))
        token_error(r, 70003);
    else if (!slice_eq_nocase(client, SLICE(SIM_CLIENT_ID)))
        token_error(r, 700016);
    else if (!slice_eq(secret, c->sim->secret))
        token_error(r, 7000215);
    else if (token_source(audience) == SIM_SOURCES)
        token_error(r, v2 ? 70011 : 500011);
    else
        token_grant(c, v2, audience);
}

static bool
has_role(struct json claims, const char *const *roles)
{
    struct slice name;
    struct json value;
    for (; *roles != NULL; roles++)
        for (struct json_iter it = json_items(json_get(claims, "roles"));
             json_next(&it, &name, &value);)
            if (slice_eq(json_text(value), slice_of(*roles)))
                return true;
    return false;
}

/* The claims of a token that is ours. */
static bool
claims_of(struct sim_call *c, struct json *claims)
{
    struct arena *a = c->r->arena;
    struct slice given = http_header(c->r, "Authorization");
    if (!slice_starts(given, SLICE("Bearer "))) {
        sim_blame(c, given.p == NULL ? "auth.missing" : "auth.scheme",
                  "Authorization must be 'Bearer' and a token");
        return false;
    }
    struct slice rest = slice_trim(slice_sub(given, strlen("Bearer "), given.n));
    struct slice body = slice_split(&rest, '.');
    struct slice mac = sign(c->sim, body, a);
    if (rest.p == NULL || mac.p == NULL || !slice_eq(mac, rest)) {
        sim_blame(c, "auth.forged", "the token is none of ours");
        return false;
    }
    struct err e = json_parse(slice_unhex(a, body), a, claims);
    return e.kind == ERR_NONE;
}

void
token_check(struct sim_call *c, const char *const *roles)
{
    struct json claims;
    int64_t until_s = 0;
    int64_t issued_ms = 0;
    c->tenant = NULL;
    c->status = 401;
    c->why = "Missing or invalid token.";
    if (!claims_of(c, &claims))
        return;
    struct sim_tenant *t = tenant_find(c->sim, json_get_text(claims, "tid"));
    if (token_source(json_get_text(claims, "aud")) != c->source || t == NULL) {
        c->why = "The token's audience is another service.";
        sim_blame(c, "auth.audience", "a token for %.*s", SLICE_ARG(json_get_text(claims, "aud")));
        return;
    }
    if (!json_get_int(claims, "exp", &until_s) || until_s <= sim_now(c->sim) / CLOCK_SECOND) {
        c->why = "The token has expired.";
        return;
    }
    if (json_get_int(claims, "iat_ms", &issued_ms) && fault_revokes(c, t, issued_ms)) {
        c->why = "The token was revoked.";
        return;
    }
    c->status = 403;
    c->why = "The application lacks the role.";
    if (has_role(claims, roles))
        c->tenant = t;
    else
        sim_blame(c, "auth.role", "a token without the role");
}
