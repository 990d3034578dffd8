#include "serve/token.h"

#include <stdlib.h>
#include <string.h>

#include <jwt.h>

#include "common/crypto.h"
#include "common/json.h"

static const char ALGORITHM[] = "ES256";

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "token.memory", "out of memory");
}

static struct err
bad(void)
{
    return err_make(ERR_REJECT, "token.bad", "The access token is not one that we signed.");
}

/* ---- signing */

static struct slice
claims_json(const struct token_claims *c, struct arena *a)
{
    struct json_out *o = json_out_object(a), *roles = json_out_array(a);
    json_out_text(o, "iss", c->issuer);
    json_out_text(o, "aud", c->audience);
    json_out_text(o, "tid", c->tenant);
    json_out_text(o, "appid", c->client);
    json_out_text(o, "azp", c->client);
    for (size_t i = 0; i < c->n_roles; i++)
        json_out_add_text(roles, c->roles[i]);
    json_out_set(o, "roles", roles);
    json_out_int(o, "iat", c->issued_s);
    json_out_int(o, "nbf", c->not_before_s);
    json_out_int(o, "exp", c->expires_s);
    return json_out_print(o, a);
}

struct err
token_sign(const struct token_key *key, const struct token_claims *claims, struct arena *a,
           struct slice *out)
{
    jwt_t *jwt = NULL;
    char *text = NULL;
    struct err e = ERR_OK;
    char *json = slice_cstr(a, claims_json(claims, a));
    char *kid = slice_cstr(a, key->kid), *pem = slice_cstr(a, key->private_pem);
    if (json == NULL || kid == NULL || pem == NULL || jwt_new(&jwt) != 0)
        return no_memory();
    if (jwt_add_grants_json(jwt, json) != 0 || jwt_add_header(jwt, "kid", kid) != 0 ||
        jwt_set_alg(jwt, JWT_ALG_ES256, (const unsigned char *)pem, (int)strlen(pem)) != 0 ||
        (text = jwt_encode_str(jwt)) == NULL) {
        e = err_make(ERR_STOP, "token.key", "the signing key cannot sign");
        goto out;
    }
    *out = slice_dup(a, slice_of(text));
    if (out->p == NULL)
        e = no_memory();
out:
    free(text);
    jwt_free(jwt);
    return e;
}

/* ---- reading */

/* base64url without padding, as the parts of a token are written. */
static struct slice
part_bytes(struct slice part, struct arena *a)
{
    char *text = arena_alloc(a, part.n + 4);
    size_t n = part.n;
    if (text == NULL || n == 0)
        return SLICE_NONE;
    for (size_t i = 0; i < n; i++) {
        if (part.p[i] == '+' || part.p[i] == '/' || part.p[i] == '=')
            return SLICE_NONE;
        text[i] = part.p[i] == '-' ? '+' : part.p[i] == '_' ? '/' : part.p[i];
    }
    while (n % 4 != 0)
        text[n++] = '=';
    return crypto_unbase64(a, (struct slice){text, n});
}

/* None of them empty: libjwt 1.10 writes a byte behind an empty signature's memory. */
static bool
three_parts(struct slice token)
{
    size_t dots = 0;
    if (token.n == 0 || token.p[token.n - 1] == '.')
        return false;
    for (size_t i = 0; i < token.n; i++) {
        char c = token.p[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
        if (!word && c != '.')
            return false;
        if (c == '.' && (i == 0 || token.p[i - 1] == '.'))
            return false;
        dots += c == '.';
    }
    return dots == 2;
}

struct slice
token_kid(struct slice token, struct arena *a)
{
    struct json header;
    if (token.n > TOKEN_MAX_BYTES || !three_parts(token))
        return SLICE_NONE;
    struct slice bytes = part_bytes(slice_sub(token, 0, slice_find(token, SLICE("."), 0)), a);
    if (bytes.p == NULL)
        return SLICE_NONE;
    struct err e = json_parse(bytes, a, &header);
    if (e.kind || !slice_eq(json_get_text(header, "alg"), slice_of(ALGORITHM)))
        return SLICE_NONE;
    return json_get_text(header, "kid");
}

/* The claims as JSON text in the arena, when the signature is that of the key. */
static struct err
open_token(struct slice token, const struct token_key *key, struct arena *a, struct slice *out)
{
    jwt_t *jwt = NULL;
    char *grants = NULL;
    struct err e = ERR_OK;
    if (!three_parts(token))
        return bad();
    char *text = slice_cstr(a, token), *pem = slice_cstr(a, key->public_pem);
    if (text == NULL || pem == NULL)
        return no_memory();
    if (jwt_decode(&jwt, text, (const unsigned char *)pem, (int)strlen(pem)) != 0)
        return bad();
    if (jwt_get_alg(jwt) != JWT_ALG_ES256 || (grants = jwt_get_grants_json(jwt, NULL)) == NULL) {
        e = bad();
        goto out;
    }
    *out = slice_dup(a, slice_of(grants));
    if (out->p == NULL)
        e = no_memory();
out:
    free(grants);
    jwt_free(jwt);
    return e;
}

static struct err
read_claims(struct slice json, struct arena *a, struct token_claims *out)
{
    struct json doc, role;
    struct err e = json_parse(json, a, &doc);
    if (e.kind)
        return e.kind == ERR_RETRY ? e : bad();
    *out = (struct token_claims){.issuer = json_get_text(doc, "iss"),
                                 .audience = json_get_text(doc, "aud"),
                                 .tenant = json_get_text(doc, "tid"),
                                 .client = json_get_text(doc, "appid"),
                                 .not_before_s = INT64_MIN};
    if (out->client.p == NULL)
        out->client = json_get_text(doc, "azp");
    (void)json_get_int(doc, "iat", &out->issued_s);
    (void)json_get_int(doc, "nbf", &out->not_before_s);
    if (out->tenant.p == NULL || out->client.p == NULL || out->audience.p == NULL ||
        !json_get_int(doc, "exp", &out->expires_s))
        return err_make(ERR_REJECT, "token.claims",
                        "The access token lacks one of the claims tid, appid, aud and exp.");
    out->roles = arena_alloc(a, TOKEN_ROLES_MAX * sizeof *out->roles);
    if (out->roles == NULL)
        return no_memory();
    for (struct json_iter it = json_items(json_get(doc, "roles"));
         out->n_roles < TOKEN_ROLES_MAX && json_next(&it, NULL, &role);)
        if (json_type(role) == JSON_TEXT)
            out->roles[out->n_roles++] = json_text(role);
    return ERR_OK;
}

/* Differences of seconds may not overflow, whatever a token says. */
static bool
before(int64_t time_s, int64_t now_s)
{
    return time_s < now_s - TOKEN_LEEWAY_S;
}

static struct slice
audience_core(struct slice s)
{
    while (s.n > 0 && s.p[s.n - 1] == '/')
        s.n--;
    return s;
}

bool
token_audience_ok(const struct token_audiences *audiences, struct slice audience)
{
    for (size_t i = 0; i < audiences->n; i++)
        if (slice_eq_nocase(audience_core(audiences->list[i]), audience_core(audience)))
            return true;
    return false;
}

struct err
token_verify(struct slice token, const struct token_key *keys, size_t n_keys,
             const struct token_audiences *audiences, int64_t now_s, struct arena *a,
             struct token_claims *out)
{
    struct slice json, kid = token_kid(token, a);
    const struct token_key *key = NULL;
    for (size_t i = 0; i < n_keys && kid.p != NULL; i++)
        if (slice_eq(keys[i].kid, kid))
            key = &keys[i];
    if (key == NULL)
        return bad();
    struct err e = open_token(token, key, a, &json);
    if (e.kind == ERR_NONE)
        e = read_claims(json, a, out);
    if (e.kind)
        return e;
    if (before(out->expires_s, now_s))
        return err_make(ERR_REJECT, "token.expired", "The access token has expired.");
    if (out->not_before_s > now_s + TOKEN_LEEWAY_S)
        return err_make(ERR_REJECT, "token.early", "The access token is not valid yet.");
    if (!token_audience_ok(audiences, out->audience))
        return err_make(ERR_REJECT, "token.audience",
                        "The access token is for another service: its audience is not ours.");
    return ERR_OK;
}

/* ---- headers and roles */

struct slice
token_bearer(struct slice header)
{
    static const struct slice scheme = {"Bearer ", 7};
    struct slice s = slice_trim(header);
    if (s.n > scheme.n && slice_eq_nocase(slice_sub(s, 0, scheme.n), scheme))
        s = slice_trim(slice_sub(s, scheme.n, s.n));
    return s.n > 0 && slice_find(s, SLICE(" "), 0) == s.n ? s : SLICE_NONE;
}

static bool
same_role(struct slice have, struct slice want)
{
    static const struct slice one = {"Incident.", 9}, many = {"Incidents.", 10};
    if (slice_eq(have, want))
        return true;
    return slice_starts(have, many) && slice_starts(want, one) &&
           slice_eq(slice_sub(have, many.n, have.n), slice_sub(want, one.n, want.n));
}

bool
token_has_role(const struct token_claims *c, const char *const *wanted)
{
    for (size_t i = 0; i < c->n_roles; i++)
        for (size_t k = 0; wanted[k] != NULL; k++)
            if (same_role(c->roles[i], slice_of(wanted[k])))
                return true;
    return false;
}
