/*
 * slice.h: text or bytes with a length.
 *
 * A slice borrows: it says nothing about who owns the bytes. NUL-terminated only at library
 * borders (slice_cstr). {NULL, 0} means "absent", {non-NULL, 0} means "empty".
 */
#ifndef WEIR_SLICE_H
#define WEIR_SLICE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"

struct slice {
    const char *p;
    size_t n;
};

#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})
#define SLICE_NONE ((struct slice){NULL, 0})
/* for printf: printf("%.*s", SLICE_ARG(s)) */
#define SLICE_ARG(s) (int)((s).n > 0x7fffffff ? 0x7fffffff : (s).n), ((s).p != NULL ? (s).p : "")

struct slice slice_of(const char *text); /* NULL gives SLICE_NONE */
bool slice_eq(struct slice a, struct slice b);
bool slice_eq_nocase(struct slice a, struct slice b); /* ASCII letters only */
int slice_cmp(struct slice a, struct slice b);        /* bytes, then length; <0, 0, >0 */
bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
/* slice_find - offset of the first needle at or after `from`; s.n when there is none. */
size_t slice_find(struct slice s, struct slice needle, size_t from);
struct slice slice_sub(struct slice s, size_t from, size_t n); /* cut to what is there */
struct slice slice_trim(struct slice s);                       /* ASCII white space, both ends */
/* slice_split - the part before `by`; *s becomes what follows it, or SLICE_NONE at the end. */
struct slice slice_split(struct slice *s, char by);
/* slice_int - decimal, optional sign, the whole slice; false when not, or out of range. */
bool slice_int(struct slice s, int64_t *out);

/* What follows allocates in the arena; the limit reached gives SLICE_NONE (or NULL). */
struct slice slice_dup(struct arena *a, struct slice s);
char *slice_cstr(struct arena *a, struct slice s); /* stops at the length, not at a NUL inside */
struct slice slice_lower(struct arena *a, struct slice s); /* ASCII letters only */
struct slice slice_join(struct arena *a, struct slice x, struct slice y);
struct slice slice_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct slice slice_hex(struct arena *a, struct slice bytes); /* lower case */
/* slice_unhex - both cases; SLICE_NONE: not hexadecimal, or the arena is full. */
struct slice slice_unhex(struct arena *a, struct slice hex);

#endif
