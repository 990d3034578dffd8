/*
 * correlate_read.h: the lines that the correlator reads offline.
 *
 * One JSON object a line: parameters, what is known of a tenant, or one version of an alert. Values
 * are canonical already; sanitising and stop values are behind them. Ref: the format's description
 * in docs/analysts.md.
 */
#ifndef WEIR_CORRELATE_READ_H
#define WEIR_CORRELATE_READ_H
#include <stdio.h>

#include "common/json.h"
#include "normalize/incident.h"

/* How long a text of an alert may be, and how many identifiers and keys it may have before the
 * engine's own limit. */
enum {
    CORRELATE_TEXT_MAX = 8000,
    CORRELATE_VALUE_MAX = 4 * KEYS_VALUE_MAX,
    CORRELATE_KEYS = 65536
};

enum correlate_kind { CORRELATE_PARAMS, CORRELATE_TENANT, CORRELATE_ALERT };

struct correlate_line {
    enum correlate_kind kind;
    struct json params;           /* PARAMS */
    struct slice tenant;          /* TENANT, ALERT */
    struct json domains, hubs;    /* TENANT; absent when not there */
    struct incident_alert alert;  /* ALERT; its numbers and keys come with correlate_read_keys */
    struct json identities, keys; /* ALERT */
};

/* correlate_read - what a line is and says. Texts are borrowed until the parser's next document.
 * ERR_REJECT "correlate.input" says what is wrong with it; "json.*" when it is no JSON. */
MUST_CHECK struct err correlate_read(struct slice line, struct json_parser *parser,
                                     struct correlate_line *out);

/* correlate_read_lists - adds a tenant's line to what is known of it; made of `all`. ERR_REJECT
 * "correlate.input", "settings.hubs"; ERR_RETRY "correlate.memory", "keys.memory". */
MUST_CHECK struct err correlate_read_lists(const struct correlate_line *line, struct arena *all,
                                           struct key_tenant *lists);

/* correlate_read_keys - identities and keys of an alert as its tenant's lists have them: a sender
 * in an accepted domain is that user, hubs are damped. Errors as correlate_read. */
MUST_CHECK struct err correlate_read_keys(const struct correlate_line *line,
                                          const struct key_tenant *lists, struct arena *a,
                                          struct key_set *out);

/* What is done with each kind of line; NULL: nothing. The arena is the line's. */
struct correlate_sink {
    void *ctx;
    struct err (*params)(void *ctx, struct correlate_line *line, struct arena *a);
    struct err (*tenant)(void *ctx, struct correlate_line *line, struct arena *a);
    struct err (*alert)(void *ctx, struct correlate_line *line, struct arena *a);
};

/* correlate_read_all - every line of a file to its end or the first error, which tells the place.
 * what names the file in it. Parameters behind the first alert are an error, since that would have
 * been taken by others. Errors as correlate_read and lines_next, and the sink's. */
MUST_CHECK struct err correlate_read_all(FILE *in, const char *what,
                                         const struct correlate_sink *sink);

#endif
