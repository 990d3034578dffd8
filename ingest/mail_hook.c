#include "ingest/mail_hook.h"

#include <string.h>

#include "common/crypto.h"
#include "common/json.h"

enum { KEY_MIN = 16, GUID_LENGTH = 36, ITEMS_MAX = 10000 };

static struct err
auth_id_of(const struct conf *conf, struct slice directory_id, struct arena *a, struct slice *out)
{
    struct slice key;
    uint8_t mac[CRYPTO_SHA256];
    struct err e = conf_read_secret(conf, "ingest.mail.webhook_key_file", a, &key);
    if (e.kind)
        return e;
    if (key.n < KEY_MIN)
        return err_make(ERR_STOP, "mail.webhook_key",
                        "the file of ingest.mail.webhook_key_file holds fewer than %d characters",
                        KEY_MIN);
    struct slice lower = slice_lower(a, directory_id);
    crypto_hmac_sha256(key, lower, mac);
    *out = slice_hex(a, (struct slice){(const char *)mac, sizeof mac});
    return lower.p != NULL && out->p != NULL
               ? ERR_OK
               : err_make(ERR_RETRY, "mail.memory", "no room for a webhook");
}

struct err
mail_hook_of(const struct conf *conf, struct slice directory_id, struct arena *a,
             struct mail_hook *out)
{
    *out = (struct mail_hook){.address = SLICE_NONE, .auth_id = SLICE_NONE};
    const char *url = conf != NULL ? conf_text(conf, "ingest.mail.webhook_url") : NULL;
    if (url == NULL)
        return ERR_OK;
    struct slice base = slice_of(url);
    while (base.n > 0 && base.p[base.n - 1] == '/')
        base.n--;
    struct err e = auth_id_of(conf, directory_id, a, &out->auth_id);
    if (e.kind)
        return e;
    struct slice lower = slice_lower(a, directory_id);
    out->address = slice_printf(a, "%.*s/%.*s", SLICE_ARG(base), SLICE_ARG(lower));
    return out->address.p != NULL ? ERR_OK
                                  : err_make(ERR_RETRY, "mail.memory", "no room for a webhook");
}

/* The last part of the path when it is a GUID; SLICE_NONE: it is not. */
static struct slice
directory_in(struct slice path)
{
    struct slice id =
        path.n > GUID_LENGTH ? slice_sub(path, path.n - GUID_LENGTH, path.n) : SLICE_NONE;
    if (id.n != GUID_LENGTH || path.p[path.n - GUID_LENGTH - 1] != '/')
        return SLICE_NONE;
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (dash ? c != '-' : !hex)
            return SLICE_NONE;
    }
    return id;
}

/* Some content type that we read has news of this very tenant. */
static bool
has_news(struct json list, struct slice directory)
{
    struct json item;
    size_t n = 0;
    for (struct json_iter it = json_items(list); n < ITEMS_MAX && json_next(&it, NULL, &item); n++)
        if (slice_eq_nocase(json_get_text(item, "contentType"), SLICE("Audit.General")) &&
            slice_eq_nocase(json_get_text(item, "tenantId"), directory))
            return true;
    return false;
}

static struct hook_reply
judge(const struct hook_request *r, struct arena *a)
{
    struct slice directory = directory_in(r->path), want;
    struct json doc;
    if (directory.p == NULL)
        return (struct hook_reply){.status = 404};
    if (!slice_eq(r->method, SLICE("POST")))
        return (struct hook_reply){.status = 405};
    struct err e = auth_id_of(r->conf, directory, a, &want);
    if (e.kind)
        return (struct hook_reply){.status = 503};
    if (r->auth_id.n != want.n || !crypto_equal(r->auth_id.p, want.p, want.n))
        return (struct hook_reply){.status = 403};
    e = json_parse(r->body, a, &doc);
    if (e.kind)
        return (struct hook_reply){.status = 400};
    if (json_type(doc) == JSON_ARRAY)
        return (struct hook_reply){.status = 200,
                                   .wake = has_news(doc, directory) ? directory : SLICE_NONE};
    struct slice code = json_get_text(doc, "validationCode");
    bool same = code.n > 0 && (r->validation_code.p == NULL || slice_eq(code, r->validation_code));
    return (struct hook_reply){.status = same ? 200 : 400};
}

static struct err
ready(const struct conf *c, struct arena *a)
{
    struct slice unused;
    return auth_id_of(c, SLICE("00000000-0000-0000-0000-000000000000"), a, &unused);
}

const struct hook_kind mail_hook_kind = {
    .port_option = "ingest.mail.webhook_port",
    .address_option = "ingest.mail.webhook_address",
    .cert_option = "ingest.mail.webhook_cert_file",
    .key_option = "ingest.mail.webhook_cert_key_file",
    .judge = judge,
    .ready = ready,
};
