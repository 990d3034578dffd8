/*
 * probe.h: what `weir source check` has to know of a source: what to look at, how it is granted.
 *
 * A check asks what a round would ask (first and parse of source.h), and before it one request
 * more, about what a round takes for granted. All pure.
 */
#ifndef WEIR_PROBE_H
#define WEIR_PROBE_H
#include "ingest/source.h"

struct source_probe {
    const char *const *roles; /* a token names one of them at least; ended by NULL; NULL: unknown */
    const char *grant;        /* how to give that permission */
    const char *secret;       /* where a new secret, or token, is made */
    const char *address;      /* what base_url has to be, or how the sender is set up */

    /* ask - the request about what a round takes for granted; NULL: there is none. Errors:
     * ERR_RETRY out of memory. */
    struct err (*ask)(const struct source_conf *c, struct arena *a, struct source_request *out);
    /* read - its answer, in words for a person: *says, or *warn when alerts come all the same.
     * Errors: something is missing, the text says what; as of parse. */
    struct err (*read)(const struct answer *got, struct arena *a, struct slice *says,
                       struct err *warn);

    /* first - in place of the source's own, whose first request may change something there. start:
     * it shall. NULL: the source's own is harmless. */
    struct err (*first)(const struct source_conf *c, bool start, struct arena *a,
                        struct source_request *out);
    /* changes - the request changes something at the source. NULL: none does. */
    bool (*changes)(const struct source_request *r);
    /* name - a word for the request; NULL: the name of its call. */
    const char *(*name)(const struct source_request *r);
};

extern const struct source_probe probe_endpoint, probe_mail, probe_apps, probe_identity;

#endif
