/*
 * cef.h: one line of ArcSight's Common Event Format, as careless senders write it.
 *
 * The header may have lost its "CEF:0", stand behind any syslog header or none, and hold the
 * product's name in another language; blanks may be non-breaking or of full width. All texts are
 * valid UTF-8 without NUL, whatever the line holds. Ref: sources.md 5.2 to 5.4.
 */
#ifndef WEIR_CEF_H
#define WEIR_CEF_H
#include <stdbool.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/slice.h"

enum { CEF_PAIRS_MAX = 64, CEF_LINE_MAX = 256 * 1024 };

struct cef_pair {
    struct slice key;   /* as written */
    struct slice value; /* trimmed, unescaped */
};

struct cef {
    struct slice before; /* what stands before the header: syslog's part, byte-order mark */
    struct slice vendor, product, version, class_id, name, severity; /* trimmed, unescaped */
    struct cef_pair pairs[CEF_PAIRS_MAX];
    size_t n;
};

/*
 * cef_parse - header and extension of a line.
 *
 * The header begins at the first "|Microsoft|" or behind the first "CEF:<digit>|", whichever comes
 * first. A key of the
 * extension is one of those that the format or our sources know (any letter case), so that a
 * "word=" in a text does not cut it. What follows CEF_PAIRS_MAX pairs is left out.
 *
 * Owns:    texts live in the arena or in the line.
 * Errors:  ERR_REJECT "cef.header": no such header, or one without a class id and a name's place;
 *          "cef.size": over CEF_LINE_MAX; ERR_RETRY "cef.memory".
 * Thread:  any.
 */
MUST_CHECK struct err cef_parse(struct slice line, struct arena *a, struct cef *out);

/* cef_get - the first value of a key, any letter case; SLICE_NONE: none, or empty. */
struct slice cef_get(const struct cef *c, const char *key);

/* cef_custom - the value of the custom string whose label is this: cs3 where cs3Label=shostfqdn. */
struct slice cef_custom(const struct cef *c, const char *label);

/* cef_blank_trim - as slice_trim, and the blanks of other scripts: U+00A0, U+200B, U+3000, U+FEFF.
 */
struct slice cef_blank_trim(struct slice s);

#endif
