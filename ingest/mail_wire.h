/*
 * mail_wire.h: the Management Activity API on the wire: its calls, addresses and error codes.
 *
 * The parts of source_mail: mail_wire.c makes requests and judges refusals, mail_list.c lists
 * windows of blobs, mail_blob.c reads a blob, mail_start.c keeps the subscription on. All pure.
 * Ref: sources.md 3.
 */
#ifndef WEIR_MAIL_WIRE_H
#define WEIR_MAIL_WIRE_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/slice.h"
#include "ingest/source.h"

/* request.step is the call, and above these bits what its part keeps there. */
enum mail_call { MAIL_START = 0, MAIL_LIST, MAIL_LIST_AFTER_START, MAIL_BLOB };
enum { MAIL_CALL_BITS = 2 };
enum mail_call mail_call_of(const struct source_request *r);

/* mail_option - an option of the worker; fallback when there is no configuration (tests). */
int64_t mail_option(const struct source_conf *c, const char *name, int64_t fallback);
struct err mail_no_memory(void); /* ERR_RETRY "mail.memory" */

/* ---- requests */

/*
 * mail_at_home - may our token go to this address?
 *
 * Scheme, host and port are those of the base URL, and nothing but printable ASCII follows.
 */
bool mail_at_home(struct slice url, struct slice base);

/* mail_request - fills http and call; adds PublisherIdentifier unless the address has it. */
MUST_CHECK struct err mail_request(const struct source_conf *c, const char *method,
                                   struct slice url, struct arena *a, struct source_request *out);

/* mail_feed_url - {root}/<path>; SLICE_NONE: out of memory. */
struct slice mail_feed_url(const struct source_conf *c, const char *path, struct arena *a);

/* mail_one_more - room for one further request in the page. */
MUST_CHECK struct err mail_one_more(struct page *out, struct arena *a, struct source_request **r);

/* ---- answers */

bool mail_ok(const struct answer *got); /* 2xx */

/* mail_code - the AF code of an error answer; SLICE_NONE: none. */
struct slice mail_code(const struct answer *got, struct arena *a);
bool mail_code_is(struct slice code, const char *const *list); /* ended by NULL */

/*
 * mail_refusal - what an answer that is not 2xx means for any call: sources.md 3.10.
 *
 * ERR_OK: the call must judge itself (AF20021 to AF20024, AF20030, AF20031, AF2005x).
 * Errors: ERR_RETRY "mail.busy" (waits double with each try), "mail.server"; ERR_STOP "mail.token",
 *         "mail.forbidden", "mail.tenant", "mail.request" (the feed refuses what we ask: a setting
 *         is wrong), "mail.audit_off".
 */
MUST_CHECK struct err mail_refusal(const struct answer *got, struct slice code, struct arena *a);

/* mail_unexpected - ERR_RETRY "mail.status": a refusal that nobody has described. */
struct err mail_unexpected(const struct answer *got, struct slice code);

/* ---- notes */

/* mail_note - one more note of the page. */
MUST_CHECK struct err mail_note(struct page *out, struct arena *a, struct slice key, int64_t value,
                                int64_t until);

/* ---- the parts */

/* mail_list_request - the window that comes after the cursor. */
MUST_CHECK struct err mail_list_request(const struct source_conf *c, const struct cursor *at,
                                        enum mail_call call, struct arena *a,
                                        struct source_request *out);
MUST_CHECK struct err mail_list_parse(const struct answer *got, struct slice code, struct arena *a,
                                      struct page *out);

/* mail_start_due - the subscription is not known to be on, or a webhook has to be told or told
 * again. mail_start_allowed_ms - 0: a start may be asked for; else how long that is too soon. */
bool mail_start_due(const struct source_conf *c, const struct cursor *at, struct arena *a);
int64_t mail_start_wait_ms(const struct source_conf *c);
MUST_CHECK struct err mail_start_request(const struct source_conf *c, const struct cursor *at,
                                         struct arena *a, struct source_request *out);
MUST_CHECK struct err mail_start_parse(const struct answer *got, struct slice code, struct arena *a,
                                       struct page *out);

/* mail_blob_request - note_until: how long its note is kept once it is done; CLOCK_NONE: it needs
 * none. */
MUST_CHECK struct err mail_blob_request(const struct source_conf *c, const struct cursor *at,
                                        struct slice uri, int64_t note_until, struct arena *a,
                                        struct source_request *out);
/* mail_blob_known - a round before has published this blob or keeps it for another try. */
bool mail_blob_known(const struct source_conf *c, struct slice uri, struct arena *a);
/* mail_blob_waiting - blobs of earlier rounds that have to be asked for again now, appended to
 * out[*n], which has room for `most`. */
MUST_CHECK struct err mail_blob_waiting(const struct source_conf *c, const struct cursor *at,
                                        struct arena *a, struct source_request *out, size_t most,
                                        size_t *n);
MUST_CHECK struct err mail_blob_parse(const struct answer *got, struct slice code, struct arena *a,
                                      struct page *out);

#endif
