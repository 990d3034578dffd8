/*
 * json.h: JSON in (simdjson) with limits, JSON out (jansson).
 *
 * In: a struct json is a value of a parsed document; copy it freely, it lives as long as the
 * arena's unit. A wrong type or a missing member is "absent", not an error: foreign documents are
 * read tolerantly (design.md 10). A duplicate key: the first wins (sources.md 3.8).
 * Out: a struct json_out is a value we compose; it lives as long as the arena's unit.
 */
#ifndef WEIR_JSON_H
#define WEIR_JSON_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/slice.h"

enum { JSON_DEPTH_MAX = 128 };

enum json_type {
    JSON_ABSENT = 0,
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,
    JSON_REAL,
    JSON_TEXT,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json {
    uint64_t w[2]; /* all zero: absent */
};

/*
 * json_parse - a whole document; text need not be padded or terminated.
 *
 * Errors:  ERR_REJECT "json.syntax" (grammar or UTF-8; the text says what), "json.depth" (over
 *          JSON_DEPTH_MAX), "json.size" (over 256 MiB), ERR_RETRY "json.memory".
 * Thread:  any; a document belongs to its arena's thread.
 */
MUST_CHECK struct err json_parse(struct slice text, struct arena *a, struct json *out);

/* A parser that is kept for many small documents: no memory is asked for each. */
struct json_parser;                        /* opaque */
struct json_parser *json_parser_new(void); /* NULL: out of memory */
void json_parser_free(struct json_parser *p);

/* json_parser_parse - as json_parse; what the parser gave before is gone. */
MUST_CHECK struct err json_parser_parse(struct json_parser *p, struct slice text, struct json *out);

enum json_type json_type(struct json v);
struct json json_get(struct json object, const char *name); /* absent when it is not there */
struct json json_path(struct json v, const char *dotted);   /* "error.code" */
size_t json_count(struct json v);                           /* items or members; else 0 */
struct slice json_text(struct json v);                      /* SLICE_NONE unless text; borrowed */
struct slice json_get_text(struct json object, const char *name);
bool json_int(struct json v, int64_t *out); /* an int, or a text that is one */
bool json_get_int(struct json object, const char *name, int64_t *out);
bool json_bool(struct json v, bool fallback);

struct json_iter {
    uint64_t w[6];
};
/* for (struct json_iter it = json_items(list); json_next(&it, &name, &value);) - items of an array
 * (name is SLICE_NONE; it may be NULL) or members of an object in the order of the document. */
struct json_iter json_items(struct json v);
bool json_next(struct json_iter *it, struct slice *name, struct json *value);

/* json_pick - the members with these names in one walk: out[i] is the first called names[i], absent
 * when there is none or object is no object. */
void json_pick(struct json object, const struct slice *names, size_t n, struct json *out);
/* json_list - the first `most` items of an array; returns how many it has, 0: no array. */
size_t json_list(struct json array, struct json *out, size_t most);

/* json_minify - the value as compact JSON text, members in the document's order, duplicates kept,
 * numbers as written where they fit 64 bits. SLICE_NONE: the arena is full. */
struct slice json_minify(struct json v, struct arena *a);

/* json_raw_items - the exact bytes of each item of the array that `list` is in `text`, in order:
 * what a source gave, byte for byte. text must be the document that list was parsed from. At most
 * `most` slices are written; returns how many items there are. name is the member of the top
 * object that holds the array, NULL when the document itself is the array. */
size_t json_raw_items(struct slice text, const char *name, struct slice *out, size_t most);

/*
 * json_parse_items - json_parse and json_raw_items in one, at a fifth of the cost: the parser knows
 * where each value begins.
 *
 * list, items, n   the array, absent when there is none, and its items' bytes within text; items
 *                  lie in the arena
 * Errors:          as json_parse.
 */
MUST_CHECK struct err json_parse_items(struct slice text, const char *name, struct arena *a,
                                       struct json *out, struct json *list, struct slice **items,
                                       size_t *n);

/* ---- out */

struct json_out; /* an object, an array or a scalar being composed */

struct json_out *json_out_object(struct arena *a); /* NULL: out of memory, which every */
struct json_out *json_out_array(struct arena *a);  /* function below takes and passes on */
void json_out_text(struct json_out *object, const char *name, struct slice v); /* absent: null */
void json_out_int(struct json_out *object, const char *name, int64_t v);
void json_out_bool(struct json_out *object, const char *name, bool v);
void json_out_null(struct json_out *object, const char *name);
void json_out_set(struct json_out *object, const char *name, struct json_out *v); /* takes v */
/* json_out_set_raw - v is JSON text; what does not parse becomes null. */
void json_out_set_raw(struct json_out *object, const char *name, struct slice v);
void json_out_add(struct json_out *array, struct json_out *v); /* takes v */
void json_out_add_text(struct json_out *array, struct slice v);
void json_out_add_raw(struct json_out *array, struct slice v);

/* json_out_print - compact text in the arena, members in the order they were set. Text that is not
 * UTF-8 has its bad bytes replaced by U+FFFD when it is set. SLICE_NONE: out of memory. */
struct slice json_out_print(const struct json_out *v, struct arena *a);
struct slice json_out_print_indented(const struct json_out *v, struct arena *a); /* for people */
/* json_out_say - composed JSON as a line on stdout. ERR_RETRY "json.memory"; ERR_STOP "json.write".
 */
MUST_CHECK struct err json_out_say(const struct json_out *v, struct arena *a);

#endif
