/*
 * names.h: texts as numbers: equal texts are one number, counted from 0 in the order of their
 * first use.
 */
#ifndef WEIR_NAMES_H
#define WEIR_NAMES_H
#include "common/slice.h"

enum { NAMES_NONE = -1 };

struct names; /* opaque */

struct names *names_new(void); /* NULL: out of memory */
void names_free(struct names *n);

/* names_add - the number of a text, which is copied when new. NAMES_NONE: out of memory. */
int64_t names_add(struct names *n, struct slice text);
/* names_find - NAMES_NONE: never added. */
int64_t names_find(const struct names *n, struct slice text);
struct slice names_text(const struct names *n, int64_t number); /* borrowed */
int64_t names_count(const struct names *n);

#endif
