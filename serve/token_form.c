#include "serve/token_form.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/form.h"

void
token_refuse(struct token_refusal *why, int status, const char *error, int32_t code,
             const char *format, ...)
{
    *why = (struct token_refusal){.status = status, .error = error, .code = code};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
}

static bool
need(struct slice body, const char *name, struct arena *a, struct slice *out,
     struct token_refusal *why)
{
    *out = form_value(body, name, a);
    if (out->n > 0)
        return true;
    token_refuse(why, 400, "invalid_request", 900144,
                 "The request body must contain the following parameter: '%s'.", name);
    return false;
}

/* Several scopes are asked for by some clients; the first that names a resource counts. */
static bool
read_scope(struct slice scope, struct slice *audience, struct token_refusal *why)
{
    static const struct slice end = {"/.default", 9};
    struct slice rest = scope;
    while (rest.p != NULL) {
        struct slice word = slice_split(&rest, ' ');
        if (!slice_ends(word, end) || word.n == end.n)
            continue;
        *audience = slice_sub(word, 0, word.n - end.n);
        return true;
    }
    token_refuse(why, 400, "invalid_scope", 70011,
                 "The provided value for the input parameter 'scope' is not valid: it must be a "
                 "resource followed by /.default.");
    return false;
}

bool
token_form_read(struct slice body, bool v2, struct arena *a, struct token_form *out,
                struct token_refusal *why)
{
    struct slice grant, asked;
    *out = (struct token_form){.secret = SLICE_NONE};
    if (!form_decodes(body)) {
        token_refuse(why, 400, "invalid_request", 90011, "The request body is not a form.");
        return false;
    }
    if (!need(body, "grant_type", a, &grant, why))
        return false;
    if (!slice_eq(grant, SLICE("client_credentials"))) {
        token_refuse(why, 400, "unsupported_grant_type", 70003,
                     "The app requested an unsupported grant type; use client_credentials.");
        return false;
    }
    if (!need(body, "client_id", a, &out->client_id, why) ||
        !need(body, "client_secret", a, &out->secret, why) ||
        !need(body, v2 ? "scope" : "resource", a, &asked, why))
        return false;
    out->client_id = slice_lower(a, out->client_id);
    out->audience = asked;
    return !v2 || read_scope(asked, &out->audience, why);
}
