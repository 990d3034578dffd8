/*
 * form.h: percent escapes, and the values of "a=1&b=2" in queries and form bodies.
 *
 * A NUL is refused however it is written: no database text can hold one. Thread: any.
 * Ref: RFC 3986, 2.1; the form encoding of HTML.
 */
#ifndef WEIR_FORM_H
#define WEIR_FORM_H
#include <stdbool.h>

#include "common/arena.h"
#include "common/slice.h"

/* form_decode - undo %XX, and '+' when plus; text itself where there is nothing to undo, else in
 * the arena. False: a bad escape, a NUL, or the arena is full; *out is then left alone. */
bool form_decode(struct slice text, bool plus, struct arena *a, struct slice *out);

/* form_decodes - whether every escape of a query or form is whole, and none is a NUL. */
bool form_decodes(struct slice text);

/* form_value - the decoded value of the first pair of that name, as form_decode gives it. Names
 * are compared letter by letter after decoding. SLICE_NONE: not there, or it cannot be decoded. */
struct slice form_value(struct slice form, const char *name, struct arena *a);

#endif
