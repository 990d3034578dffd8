/*
 * auth.h: who asks, for which tenant, and may they; and the token endpoint.
 *
 * The control database is asked on every request: an opt-out or a disabled client counts at once
 * (erasure.md 6). Ref: service.md 5, sources.md 1.1, consumers.md Q1 and Q13.
 */
#ifndef WEIR_AUTH_H
#define WEIR_AUTH_H
#include "serve/call.h"

/* auth_init - reads the accepted audiences. ERR_STOP "conf.value", "auth.memory". */
MUST_CHECK struct err auth_init(struct api *api);
void auth_fini(struct api *api);

/* auth_check - the call's token, roles and tenant; then route->handle, with who, oid and epoch set,
 * or the answer 401 or 403. */
void auth_check(struct call *c);

/* The token endpoint; v1 has `resource`, v2 `scope`. */
void auth_token_v1(struct call *c);
void auth_token_v2(struct call *c);

/* auth_secret_hash - SHA-256(salt, secret), as it is stored. */
void auth_secret_hash(struct slice salt, struct slice secret, uint8_t out[32]);

#endif
