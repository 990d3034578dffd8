/*
 * claims.h: what a source's access token says of itself, for `weir source check`.
 *
 * Only to show it to a person: nothing is verified, and no worker looks into a token. Many tokens
 * are no JWT. Pure.
 */
#ifndef WEIR_CLAIMS_H
#define WEIR_CLAIMS_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/slice.h"

enum { CLAIMS_ROLES_MAX = 32 };

struct claims {
    struct slice audience, tenant;        /* aud, tid; NONE: not named */
    struct slice roles[CLAIMS_ROLES_MAX]; /* further ones are left out */
    size_t n_roles;
    int64_t expires_s; /* exp; 0: not named */
};

/* claims_read - of a header line "Authorization: Bearer <JWT>"; texts in the arena. False: it is no
 * JWT, and nothing can be said. */
bool claims_read(struct slice header, struct arena *a, struct claims *out);

#endif
