#include "serve/claims.h"

#include "common/crypto.h"
#include "common/json.h"

enum { CLAIMS_MAX = 64 * 1024 };

/* base64url without padding; SLICE_NONE: it is none. */
static struct slice
unbase64url(struct slice text, struct arena *a)
{
    if (text.n == 0 || text.n > CLAIMS_MAX || text.n % 4 == 1)
        return SLICE_NONE;
    char *plain = arena_alloc(a, text.n + 2);
    if (plain == NULL)
        return SLICE_NONE;
    size_t n = 0;
    for (; n < text.n; n++)
        plain[n] = text.p[n] == '-' ? '+' : text.p[n] == '_' ? '/' : text.p[n];
    while (n % 4 != 0)
        plain[n++] = '=';
    return crypto_unbase64(a, (struct slice){plain, n});
}

static void
read_roles(struct json list, struct claims *out)
{
    struct json item;
    for (struct json_iter it = json_items(list);
         out->n_roles < CLAIMS_ROLES_MAX && json_next(&it, NULL, &item);)
        if (json_text(item).n > 0)
            out->roles[out->n_roles++] = json_text(item);
}

bool
claims_read(struct slice header, struct arena *a, struct claims *out)
{
    *out = (struct claims){.n_roles = 0};
    const struct slice before = SLICE("Authorization: Bearer ");
    if (!slice_starts(header, before))
        return false;
    struct slice token = slice_sub(header, before.n, header.n);
    struct slice head = slice_split(&token, '.'), body = slice_split(&token, '.');
    if (head.n == 0 || token.p == NULL)
        return false;
    struct json doc;
    struct slice text = unbase64url(body, a);
    struct err e = json_parse(text, a, &doc);
    if (text.p == NULL || e.kind || json_type(doc) != JSON_OBJECT)
        return false;
    out->audience = json_get_text(doc, "aud");
    out->tenant = json_get_text(doc, "tid");
    read_roles(json_get(doc, "roles"), out);
    if (!json_get_int(doc, "exp", &out->expires_s) || out->expires_s < 0)
        out->expires_s = 0;
    return true;
}
