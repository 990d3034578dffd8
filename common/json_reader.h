/*
 * json_reader.h: the C face of json_reader.cc, the only file in C++; for json.c alone.
 *
 * Values go through struct json, which holds a simdjson element byte for byte. No exception and no
 * C++ type leaves that file. Ref: design.md 3, libraries.md 2.3.
 */
#ifndef WEIR_JSON_READER_H
#define WEIR_JSON_READER_H
#include "common/json.h"

#ifdef __cplusplus
extern "C" {
#endif

enum json_reader_result {
    JSON_READER_OK = 0,
    JSON_READER_SYNTAX,
    JSON_READER_DEPTH,
    JSON_READER_MEMORY,
};

/* json_reader_parse - *document is freed by json_reader_free; *why is static and set unless OK. */
enum json_reader_result json_reader_parse(const char *text, size_t n, size_t depth_max,
                                          void **document, struct json *root, const char **why);
void json_reader_free(void *document);

/* json_reader_keep - a parser with a document of its own; NULL: out of memory. json_reader_again -
 * its next document; what the last one held is gone. */
void *json_reader_keep(void);
void json_reader_drop(void *parser);
enum json_reader_result json_reader_again(void *parser, const char *text, size_t n,
                                          size_t depth_max, struct json *root, const char **why);

/* json_reader_parse_items - json_reader_parse, and the bytes of each item of one array, told to
 * items(ctx, list, n) first (false: no more of it, the result is JSON_READER_MEMORY), then one by
 * one to item(ctx, p, n). name NULL: the document is the array. */
struct json_reader_want {
    const char *name;
    size_t name_n;
    void *ctx;
    bool (*items)(void *ctx, struct json list, size_t n);
    void (*item)(void *ctx, const char *p, size_t n);
};
enum json_reader_result json_reader_parse_items(const char *text, size_t n, size_t depth_max,
                                                const struct json_reader_want *want,
                                                void **document, struct json *root,
                                                const char **why);

/* json_reader_minify - hands the compact text to take(ctx, ...) once; false: out of memory. */
bool json_reader_minify(struct json v, void (*take)(void *ctx, const char *p, size_t n), void *ctx);

/* For values that are an int, a real (also an int beyond int64), or a bool; else false. */
bool json_reader_int(struct json v, int64_t *out);
bool json_reader_real(struct json v, double *out);
bool json_reader_bool(struct json v, bool *out);

enum json_type json_reader_type(struct json v);
struct json json_reader_get(struct json object, const char *name, size_t n);
size_t json_reader_count(struct json v);
bool json_reader_text(struct json v, struct slice *out);
struct json_iter json_reader_items(struct json v);
bool json_reader_next(struct json_iter *it, struct slice *name, struct json *value);
void json_reader_pick(struct json object, const struct slice *names, size_t n, struct json *out);
size_t json_reader_list(struct json array, struct json *out, size_t most);

#ifdef __cplusplus
}
#endif
#endif
