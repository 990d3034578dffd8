/* Any bytes as an Authorization header and as a token request's form: never believed, never more
 * than was sent. */
#include "fuzz.h"

#include "serve/token.h"
#include "serve/token_form.h"

/* A key of the form that ours have; nobody has its other half. */
static const char public_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEN2DwAyLLcx7kF3ofmyi0KOn70mQ1\n"
    "/KcmtSSu06ZsJYw60f6+I6PrsgsyTc4479DpC1n8LvAO+prWdogSLaUjxQ==\n"
    "-----END PUBLIC KEY-----\n";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(4 * 1024 * 1024);
    const struct slice ours = SLICE("https://api.security.microsoft.com");
    const struct token_audiences audiences = {&ours, 1};
    const struct token_key key = {.kid = SLICE("weir-1"),
                                  .public_pem = {public_pem, sizeof public_pem - 1}};
    struct slice header = {(const char *)data, size};
    struct token_claims claims;
    struct token_form form;
    struct token_refusal why;
    if (a == NULL)
        return 0;
    struct slice token = token_bearer(header);
    if (token.p != NULL && (token.p < header.p || token.p + token.n > header.p + header.n))
        abort();
    struct err e = token_verify(token, &key, 1, &audiences, 1575288000, a, &claims);
    if (e.kind == ERR_NONE)
        abort();
    for (int v2 = 0; v2 < 2; v2++) {
        if (!token_form_read(header, v2 == 1, a, &form, &why)) {
            if (why.status != 400 || why.text[0] == '\0')
                abort();
            continue;
        }
        if (form.client_id.n == 0 || form.secret.n == 0 || form.audience.n == 0)
            abort();
        FUZZ_PLANT(form.client_id.n == 2);
    }
    arena_free(a);
    return 0;
}
