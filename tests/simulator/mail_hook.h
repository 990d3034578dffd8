/*
 * mail_hook.h: the webhook of a subscription: validation before start returns, then notifications.
 *
 * One connection pool for all tenants, opened with the first webhook. Certificates are checked
 * against WEIR_FETCH_CA_FILE, or the system's. Ref: sources.md 3.4.
 */
#ifndef SIM_MAIL_HOOK_H
#define SIM_MAIL_HOOK_H
#include "tests/simulator/mail_feed.h"
#include "tests/simulator/sim.h"

/* mail_hook_read - {"webhook":{"address","authId","expiration"}} of a start's body. An empty body
 * or a null webhook: *given is false. Refused: AF20002, AF20003 (in the past). */
struct mail_refusal mail_hook_read(struct slice body, int64_t now, struct arena *a, bool *given,
                                   struct mail_hook *out);

/* mail_hook_validate - posts the code to the address; done(c, why) runs later, once, why NULL when
 * the listener answered 200. */
void mail_hook_validate(struct sim_call *c, const struct mail_hook *hook,
                        void (*done)(struct sim_call *c, const struct mail_hook *hook,
                                     const char *why));

/* mail_hook_pump - notifies of what became available; tries again, and gives up at the end. */
void mail_hook_pump(struct sim *s);

void mail_hook_close(struct sim *s); /* answers what waits; harmless when called twice */
void mail_hook_free(struct sim *s);  /* after the loop has ended */

/* mail_item - one row of a listing. */
struct json_out *mail_item(const struct sim_tenant *t, const struct mail_blob *b, struct arena *a);

#endif
