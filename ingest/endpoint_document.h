/*
 * endpoint_document.h: the raw document of Microsoft Defender ATP, in its two forms.
 *
 * 1. An alert, byte for byte as the server gave it.
 * 2. An alert of a server that gives no evidence with it (Dec 2019), and what its sub-resources
 *    answered. One JSON object, put together as text, so that all parts keep their bytes:
 *
 *        {"alert":{...},"files":{"value":[...]},"ips":{...},"domains":{...},"user":{...},
 *         "machine":null}
 *
 *    "alert" stands first and is always there; null: the server has none (404); a part that is not
 *    there was not given (no permission, or an answer that could not be used).
 *
 * Ref: sources.md 2.3, 2.5, 2.9, 2.14. Belongs to source_endpoint.c.
 */
#ifndef WEIR_ENDPOINT_DOCUMENT_H
#define WEIR_ENDPOINT_DOCUMENT_H
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/json.h"
#include "common/slice.h"

enum endpoint_part { PART_FILES = 0, PART_IPS, PART_DOMAINS, PART_USER, PART_MACHINE, PARTS };

/* Members of an alert with a place of their own in the unified one, as the documentation spells
 * them; ended by NULL. All others are kept in its `additional`. */
extern const char *const endpoint_members[];

/* endpoint_part_name - "files": the last step of its path, and its member in the document. */
const char *endpoint_part_name(enum endpoint_part part);

struct endpoint_document {
    struct json alert;
    struct json parts[PARTS]; /* absent: not given; null: there is none */
};

/*
 * endpoint_document_read - either form; the alert's members get the names that the documentation
 * spells, whatever letter case they came in.
 *
 * Errors: those of json_parse; ERR_REJECT "endpoint.shape": no object; ERR_RETRY "endpoint.memory".
 */
MUST_CHECK struct err endpoint_document_read(struct slice payload, struct arena *a,
                                             struct endpoint_document *out);

/* endpoint_document_begin - {"alert":...} from the bytes of an alert. SLICE_NONE: out of memory. */
struct slice endpoint_document_begin(struct slice alert, struct arena *a);
/* endpoint_document_add - with one part more; bytes must be JSON. SLICE_NONE: out of memory. */
struct slice endpoint_document_add(struct slice document, enum endpoint_part part,
                                   struct slice bytes, struct arena *a);

/* endpoint_member - the member of that name in any letter case; the exact one first. */
struct json endpoint_member(struct json object, const char *name);

/* endpoint_print - what an alert says, as a number: equal for equal content, whether it came from
 * a list or alone (@odata annotations do not count). evidence false: without that member, for a
 * list may leave it out. 0: out of memory. */
int64_t endpoint_print(struct json alert, bool evidence, struct arena *a);

#endif
