/*
 * token_form.h: a token request's form, checked. Pure.
 *
 * Ref: sources.md 1.1, service.md 5.
 */
#ifndef WEIR_TOKEN_FORM_H
#define WEIR_TOKEN_FORM_H
#include <stdbool.h>

#include "common/arena.h"
#include "common/slice.h"

struct token_form {
    struct slice client_id; /* lower case */
    struct slice secret;
    struct slice audience; /* the resource, or the scope without "/.default" */
};

/* Why a request is refused, as the token endpoints of the directory say it. */
struct token_refusal {
    int status;
    const char *error; /* "invalid_client" */
    int32_t code;      /* the number behind AADSTS */
    char text[200];    /* a sentence */
};

/* token_form_read - body is the form as received; v2 asks by scope, v1 by resource. False: *why is
 * filled. Texts lie in the arena. */
bool token_form_read(struct slice body, bool v2, struct arena *a, struct token_form *out,
                     struct token_refusal *why);

/* token_refuse - fills *why; for refusals that are found later. */
void token_refuse(struct token_refusal *why, int status, const char *error, int32_t code,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
