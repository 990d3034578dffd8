/*
 * wire.h: JSON text written straight into an arena, for answers that may be large.
 *
 * A page of incidents is a hundred thousand members; as a tree of jansson values it costs memory
 * outside of any limit. Here the arena's limit is the answer's. Members come out in the order they
 * were written; commas are put by the writer.
 */
#ifndef WEIR_WIRE_H
#define WEIR_WIRE_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/line.h"
#include "common/slice.h"

struct wire {
    struct arena *arena;
    struct line line;
    bool first;  /* nothing stands yet in the innermost object or list */
    bool failed; /* the arena is full: what was written is of no use */
};

/* wire_init - nothing is allocated before the first byte. */
void wire_init(struct wire *w, struct arena *a);

/* wire_open / wire_close - an object ('{', '}') or a list ('[', ']'); name NULL: an item of a list
 * or the document itself. */
void wire_open(struct wire *w, const char *name, char bracket);
void wire_close(struct wire *w, char bracket);

/* Members of an object, or items of a list (name NULL). Names must need no escape. */
void wire_text(struct wire *w, const char *name,
               struct slice v); /* absent: null; bad UTF-8: U+FFFD */
void wire_int(struct wire *w, const char *name, int64_t v);
void wire_null(struct wire *w, const char *name);
void wire_time(struct wire *w, const char *name, int64_t v); /* 100 ns; CLOCK_NONE: null */

/* wire_done - the text, borrowed from the arena; SLICE_NONE: it did not fit. */
struct slice wire_done(const struct wire *w);

#endif
