/*
 * edit.h: another version of a JSON object: the same but for some members.
 */
#ifndef SIM_EDIT_H
#define SIM_EDIT_H
#include "common/arena.h"
#include "common/json.h"
#include "common/slice.h"

struct edit {
    const char *name;
    struct slice value; /* JSON text; NONE: the member goes away */
};

/* edit_object - the object's text with the edits applied in their places; new members at the end.
 * SLICE_NONE: out of memory. */
struct slice edit_object(struct json object, const struct edit *edits, size_t n, struct arena *a);

/* edit_text - a text as JSON: quoted and escaped. */
struct slice edit_text(struct slice text, struct arena *a);

#endif
