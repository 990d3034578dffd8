#include "tenant/directory.h"

#include <string.h>

#include "schemas/alert.h"

const struct opt tenant_opts[] = {
    OPT_TEXT("control.hmac_key_file", NULL,
             "File whose first line keys the HMAC of directory ids (at least 32 characters)."),
    OPT_TEXT("tenant.consent_version", "2019-12",
             "Version of the consent text that an administrator accepts at opt-in."),
    OPT_INT("purge.poll_s", "s", 5, 1, 3600,
            "How often the purge worker looks for purges that somebody left unfinished."),
    OPT_END,
};

enum { ARENA_LIMIT = 256 * 1024, KEY_LEAST = 32 };

static struct err
compute(const struct conf *c, const char *guid, struct arena *a, struct directory *out)
{
    struct slice key, folded = alert_fold_guid(slice_of(guid), a);
    if (folded.n != sizeof out->id - 1)
        return err_make(ERR_STOP, "usage.tenant",
                        "'%.60s' is no directory id: it must be a GUID such as "
                        "0b6f2c1e-8d24-4f6c-9c0a-3f1f2a7d5e11",
                        guid);
    struct err e = conf_read_secret(c, "control.hmac_key_file", a, &key);
    if (e.kind)
        return e;
    if (key.n < KEY_LEAST)
        return err_make(ERR_STOP, "conf.secret",
                        "the file of control.hmac_key_file holds fewer than %d characters",
                        KEY_LEAST);
    memcpy(out->id, folded.p, folded.n);
    out->id[folded.n] = '\0';
    crypto_hmac_sha256(key, folded, out->hmac);
    return ERR_OK;
}

struct err
directory_of(const struct conf *c, const char *guid, struct directory *out)
{
    struct arena *a = arena_new(ARENA_LIMIT);
    if (a == NULL)
        return err_make(ERR_STOP, "tenant.memory", "out of memory");
    struct err e = compute(c, guid, a, out);
    arena_free(a);
    return e;
}

struct slice
directory_hmac(const struct directory *d)
{
    return (struct slice){(const char *)d->hmac, sizeof d->hmac};
}
