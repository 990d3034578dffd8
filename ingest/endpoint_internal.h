/*
 * endpoint_internal.h: what the files of the endpoint source share.
 *
 * source_endpoint.c asks for lists and reads them, endpoint_open.c re-reads open alerts one by
 * one, endpoint_parts.c completes alerts that came without evidence, endpoint_refused.c reads
 * refusals, endpoint_ask.c is what they ask with and remember. Ref: sources.md 2.
 *
 * Notes (source.h) of this source, by key:
 *   m:plain     the server refuses $expand=evidence
 *   m:created   it refuses lastUpdateTime in $filter; tried again when the note ends
 *   m:open      the watermark while m:created holds: value is the newest alertCreationTime, 100 ns.
 *               The cursor's own stays, for the day when updates can be asked for again
 *   m:parts     it is known which sub-resources may be read
 *   f:<part>    this sub-resource may not be read
 *   e:<id>      value: endpoint_print of the version that was sent last
 *   o:<id>      an open alert; value: when it was read last, 100 ns
 */
#ifndef WEIR_ENDPOINT_INTERNAL_H
#define WEIR_ENDPOINT_INTERNAL_H
#include "ingest/endpoint_document.h"
#include "ingest/source.h"

/* What a server cannot do, as the step of a request; a larger number asks for less. */
enum {
    MODE_PLAIN = 1,   /* no $expand=evidence */
    MODE_CREATED = 2, /* by alertCreationTime, and open alerts one by one */
    MODE_ALL = 3,
    MODE_GUESSED = 4, /* the refusal did not say what it disliked */
    MODE_NEW = 8,     /* not remembered yet: this list is the first that is asked for so */
    MODE_LINKED = 16, /* its pages are smaller than was asked for, the rest is behind a link */
    MODE_KEPT = MODE_ALL + MODE_LINKED, /* by the further requests of a round */
};

/* Rows of the source's calls. */
enum { CALL_LIST = 0, CALL_ALERT, CALL_PARTS /* and the part */ };

#define ENDPOINT_HOUR (3600 * CLOCK_SECOND)
#define ENDPOINT_DAY (24 * ENDPOINT_HOUR)

/* ---- endpoint_ask.c */

/* endpoint_url - base_url and path: "/alerts/<id>" ...; the base may end at the host, at /api or
 * its version, or at /alerts. SLICE_NONE: out of memory. */
struct slice endpoint_url(const struct source_conf *c, struct arena *a, struct slice path);

/* endpoint_list_url - writes the address of a list request (window, mode, skip) to r. ERR_RETRY:
 * out of memory. */
MUST_CHECK struct err endpoint_list_url(const struct source_conf *c, struct arena *a,
                                        struct source_request *r);

/* endpoint_top - the page that is usually asked for in that mode. */
int64_t endpoint_top(const struct source_conf *c, struct arena *a, int mode);

/* endpoint_window_from - where a round in that mode begins. */
int64_t endpoint_window_from(const struct source_conf *c, struct arena *a, int64_t since, int mode);

/* endpoint_get - fills in what every request shares. */
void endpoint_get(struct source_request *r, struct slice url);

/* endpoint_note - the note "<kind>:<name>" that is in force; NULL: there is none. */
const struct source_note *endpoint_note(const struct source_conf *c, struct arena *a,
                                        const char *kind, struct slice name);

/* endpoint_remember - a note more for the page; until CLOCK_NONE: forgotten. ERR_RETRY: memory. */
MUST_CHECK struct err endpoint_remember(struct page *out, struct arena *a, const char *kind,
                                        struct slice name, int64_t value, int64_t until);

/* endpoint_ask - a request more for the page; its texts stay borrowed. ERR_RETRY: memory. */
MUST_CHECK struct err endpoint_ask(struct page *out, struct arena *a,
                                   const struct source_request *r);

/* endpoint_sent - that print of the alert is remembered as sent. ERR_RETRY: memory. */
MUST_CHECK struct err endpoint_sent(const struct source_conf *c, struct page *out, struct arena *a,
                                    struct slice id, int64_t print);

/* ---- endpoint_open.c */

/* endpoint_seen - an alert was read by one who cannot ask for updates: it is remembered as open,
 * or forgotten when it is resolved. ERR_RETRY: memory. */
MUST_CHECK struct err endpoint_seen(const struct source_conf *c, struct arena *a, struct json alert,
                                    struct slice id, struct page *out);

/* endpoint_due - requests for the open alerts whose turn it is; at most ENDPOINT_DUE_MAX. */
enum { ENDPOINT_DUE_MAX = 25 };
MUST_CHECK struct err endpoint_due(const struct source_conf *c, struct arena *a,
                                   const struct source_request *like, struct source_request *out,
                                   size_t *out_n);

/* endpoint_alert_parse - the answer of one alert that was read by its id. */
MUST_CHECK struct err endpoint_alert_parse(const struct answer *got, struct arena *a,
                                           struct page *out);

/* endpoint_forget_open - updates can be asked for again: no alert need be remembered as open. */
MUST_CHECK struct err endpoint_forget_open(const struct source_conf *c, struct arena *a,
                                           struct page *out);

/* ---- endpoint_parts.c */

/* endpoint_incomplete - the alert came without evidence, may have some, and can be completed. */
bool endpoint_incomplete(const struct source_conf *c, struct arena *a, struct json alert,
                         struct slice bytes, int mode, bool alone);

/* endpoint_chain_max - the most bytes that completing the alert can carry from one request to the
 * next. */
size_t endpoint_chain_max(struct slice bytes);

/* endpoint_complete - asks for the first sub-resource of an alert, given as it came. */
MUST_CHECK struct err endpoint_complete(const struct answer *got, struct arena *a,
                                        struct slice bytes, struct page *out);

/* endpoint_part_parse - the answer of a sub-resource: the next one, or the finished document. */
MUST_CHECK struct err endpoint_part_parse(const struct answer *got, struct arena *a,
                                          struct page *out);

/* ---- endpoint_refused.c */

/* endpoint_status - source_status, with what the body says and what an administrator can do.
 * ERR_OK: 2xx, and a 4xx that the caller must judge. */
MUST_CHECK struct err endpoint_status(const struct answer *got, struct arena *a);

/* endpoint_refused - the error of a 4xx that nobody could judge. */
MUST_CHECK struct err endpoint_refused(const struct answer *got, struct arena *a);

/* endpoint_fall_back - a list was refused with 400: the same list asked for in a simpler way, or
 * the refusal when there is none. */
MUST_CHECK struct err endpoint_fall_back(const struct answer *got, struct arena *a,
                                         struct page *out);

#endif
