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

/* Who waits for a token; lives in its owner until ready() or token_unwant(). */
struct token_want {
    void (*ready)(void *arg, struct slice header, struct err e);
    void *arg;
    struct token_want *next; /* token.c's */
};

/*
 * token_get - the Authorization header line for a request.
 *
 * w->ready(arg, header, e) runs once, at once when a valid token is at hand; however many want one,
 * one request is under way. header ("Authorization: Bearer ...") is borrowed until the loop's next
 * turn.
 * Errors: ERR_RETRY: the endpoint does not answer (fetch.*, token.status,
 *         token.answer), after_ms as Retry-After asks; token.memory; ERR_STOP
 *         "token.refused": it answered no; the text says what an administrator has to do.
 */
void token_get(struct token *t, struct token_want *w);

void token_unwant(struct token *t, struct token_want *w); /* harmless when it does not wait */

/* token_serial - of the token that token_get gives now: another one, another number. */
unsigned token_serial(const struct token *t);

/* token_drop - the token of that serial was refused: the next token_get asks for another. Harmless
 * when there is another already. */
void token_drop(struct token *t, unsigned serial);

/* token_hide - the token in a text that will be shown, overwritten with stars. */
void token_hide(const struct token *t, char *text);

/* token_free - no ready() is called any more. */
void token_free(struct token *t);

/* secret_hide - the same for any secret of at least 8 bytes. Pure. */
void secret_hide(struct slice secret, char *text);

/* token_read - what a token endpoint answered; expires_in as number or text. In the arena.
 * Errors as token_get. Pure, for tests and fuzzing. */
MUST_CHECK struct err token_read(long status, struct slice body, struct arena *a,
                                 struct slice *access_token, int64_t *expires_in_s);

#endif
