/*
 * mail_hook.h: the webhook of the Management Activity API, what it says and who may say it.
 *
 * The address of a tenant is <ingest.mail.webhook_url>/<directory id>, and the word that proves a
 * caller (authId) is an HMAC of the directory id: nothing is looked up, so any worker behind a
 * proxy can answer. A notification only wakes; what it says of content is not believed.
 * Ref: sources.md 3.4.
 */
#ifndef WEIR_MAIL_HOOK_H
#define WEIR_MAIL_HOOK_H
#include "common/arena.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/slice.h"
#include "ingest/hook.h"

struct mail_hook {
    struct slice address, auth_id; /* NONE: no webhook is wanted */
};

/* mail_hook_of - where a tenant's notifications shall come to. conf NULL: nowhere.
 * ERR_STOP "conf.secret", "mail.webhook_key" (shorter than 16 characters). */
MUST_CHECK struct err mail_hook_of(const struct conf *conf, struct slice directory_id,
                                   struct arena *a, struct mail_hook *out);

extern const struct hook_kind mail_hook_kind;

#endif
