/*
 * token.h: the token of one tenant at one source.
 *
 * OAuth client credentials, v1 (resource=) and v2 (scope=) endpoints; or the static token of the
 * settings. One request at a time; asked again before it expires. The token is opaque and never
 * logged. Ref: sources.md 1.1, 4.1.
 */
#ifndef WEIR_TOKEN_H
#define WEIR_TOKEN_H
#include "common/fetch.h"
#include "ingest/source.h"

struct token; /* opaque */

/* token_new - conf is borrowed and must outlive the token. NULL: out of memory. */
struct token *token_new(struct fetch *f, const struct source_conf *conf);

/*
 * token_get - the Authorization header line for a request.
 *
 * ready(arg, header, e) runs once, at once when a valid token is at hand. header ("Authorization:
 * Bearer ...") is borrowed until the next call. Not to be called again before ready() was.
 * Errors: ERR_RETRY: the endpoint does not answer (fetch.*, token.status,
 *         token.answer), after_ms as Retry-After asks; token.memory; ERR_STOP
 *         "token.refused": it answered no; the text says what an administrator has to do.
 */
void token_get(struct token *t, void (*ready)(void *arg, struct slice header, struct err e),
               void *arg);

void token_drop(struct token *t); /* it was refused: the next token_get asks for another */

/* token_free - ready() of a call under way is not called any more. */
void token_free(struct token *t);

/* token_read - what a token endpoint answered; expires_in as number or text. In the arena.
 * Errors as token_get. Pure, for tests and fuzzing. */
MUST_CHECK struct err token_read(long status, struct slice body, struct arena *a,
                                 struct slice *access_token, int64_t *expires_in_s);

#endif
