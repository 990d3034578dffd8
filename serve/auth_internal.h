/*
 * auth_internal.h: what auth.c and auth_token.c share.
 */
#ifndef WEIR_AUTH_INTERNAL_H
#define WEIR_AUTH_INTERNAL_H
#include "serve/auth.h"
#include "store/clients.h"

/* auth_keys_take - the keys of clients_token_keys, into the worker. */
void auth_keys_take(struct api *api, const struct db_rows *rows);

/* auth_audiences - the configured ones and our own address, in the call's arena. */
struct token_audiences auth_audiences(struct call *c);

#endif
