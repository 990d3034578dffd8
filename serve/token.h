/*
 * token.h: bearer tokens: JSON web tokens, ES256 and nothing else.
 *
 * libjwt shows only in token.c. What a token says is believed after its signature was checked with
 * a key that its kid names among ours; the algorithm is fixed, the token does not choose it.
 * Ref: service.md 5, RFC 8725.
 */
#ifndef WEIR_TOKEN_H
#define WEIR_TOKEN_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/slice.h"

enum { TOKEN_MAX_BYTES = 8192, TOKEN_LIFE_S = 3599, TOKEN_LEEWAY_S = 60, TOKEN_ROLES_MAX = 32 };

struct token_key {
    struct slice kid, private_pem, public_pem; /* private_pem may be NONE: only to verify */
};

struct token_claims {
    struct slice issuer, audience;
    struct slice tenant; /* tid: the directory id */
    struct slice client; /* appid and azp */
    struct slice *roles;
    size_t n_roles;
    int64_t issued_s, not_before_s, expires_s; /* Unix seconds */
};

/* token_sign - the token in the arena. ERR_STOP "token.key": the key cannot sign; ERR_RETRY
 * "token.memory". */
MUST_CHECK struct err token_sign(const struct token_key *key, const struct token_claims *claims,
                                 struct arena *a, struct slice *out);

/* token_kid - the key that a token says it was signed with; SLICE_NONE: it is no ES256 token. Says
 * nothing about whether it may be believed. */
struct slice token_kid(struct slice token, struct arena *a);

/* Whom a token must be for: one of these, letter case and a final '/' do not count. */
struct token_audiences {
    const struct slice *list;
    size_t n;
};

/*
 * token_verify - what a token says, when it may be believed.
 *
 * keys   ours; the token's kid must be among them
 * now_s  Unix seconds from the caller's clock; 60 s either way are forgiven
 *
 * Owns:    texts lie in the arena.
 * Errors:  ERR_REJECT "token.bad" (not a token of ours), "token.expired", "token.early",
 *          "token.audience", "token.claims" (no tid, client or exp); the text is a sentence that
 *          may be shown and holds nothing secret. ERR_RETRY "token.memory".
 */
MUST_CHECK struct err token_verify(struct slice token, const struct token_key *keys, size_t n_keys,
                                   const struct token_audiences *audiences, int64_t now_s,
                                   struct arena *a, struct token_claims *out);

/* token_audience_ok - is this one of the audiences? */
bool token_audience_ok(const struct token_audiences *audiences, struct slice audience);

/* token_bearer - the token of an Authorization value: "Bearer X", "bearer X" or X alone
 * (consumers.md Q1). SLICE_NONE: none, or another scheme. Borrowed. */
struct slice token_bearer(struct slice header);

/* Whether roles hold one of the wanted ones, which end the list by NULL. The plural "Incidents."
 * that older pages show counts as the singular (service.md 5). */
bool token_has_role(const struct token_claims *c, const char *const *wanted);

#endif
