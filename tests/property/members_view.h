/*
 * members_view.h: a native record as one JSON value, and the values at a path of it.
 *
 * What is text inside a record of mail is read; the keys of a line are members, its header is one.
 */
#ifndef WEIR_TESTS_MEMBERS_VIEW_H
#define WEIR_TESTS_MEMBERS_VIEW_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/json.h"
#include "ingest/cef.h"
#include "ingest/mail_map.h"
#include "ingest/source.h"

extern const struct source source_apps, source_endpoint, source_identity, source_mail;

enum { ARENA_BYTES = 64 << 20, VALUES_MAX = 512 };

static inline struct json
parsed(struct slice text, struct arena *a)
{
    struct json v;
    struct err e = json_parse(text, a, &v);
    if (e.kind)
        fail_msg("%s: %.*s", e.text, SLICE_ARG(slice_sub(text, 0, 200)));
    return v;
}

/* The document in a text member; the text itself when it is none. */
static inline void
put_document(struct json_out *o, const char *name, struct json text, struct arena *a)
{
    struct json doc;
    struct err e = mail_data(json_text(text), a, &doc);
    bool is_document = e.kind == ERR_NONE && json_type(doc) != JSON_ABSENT;
    struct slice raw = json_minify(is_document ? doc : text, a);
    if (name != NULL)
        json_out_set_raw(o, name, raw);
    else
        json_out_add_raw(o, raw);
}

static inline struct json
view_of_mail(struct slice record, struct arena *a)
{
    struct json_out *o = json_out_object(a);
    struct slice name;
    struct json v, item;
    for (struct json_iter it = json_items(parsed(record, a)); json_next(&it, &name, &v);) {
        const char *key = slice_cstr(a, name);
        if (slice_eq(name, SLICE("Data"))) {
            put_document(o, key, v, a);
        } else if (slice_eq(name, SLICE("Actions")) && json_type(v) == JSON_ARRAY) {
            struct json_out *list = json_out_array(a);
            for (struct json_iter k = json_items(v); json_next(&k, NULL, &item);)
                put_document(list, NULL, item, a);
            json_out_set(o, key, list);
        } else {
            json_out_set_raw(o, key, json_minify(v, a));
        }
    }
    return parsed(json_out_print(o, a), a);
}

static inline struct json
view_of_line(struct slice line, struct arena *a)
{
    struct cef c;
    struct json_out *o = json_out_object(a), *header = json_out_object(a);
    struct err e = cef_parse(line, a, &c);
    assert_int_equal(e.kind, ERR_NONE);
    json_out_text(header, "classId", c.class_id);
    json_out_text(header, "name", c.name);
    json_out_text(header, "severity", c.severity);
    json_out_set(o, "header", header);
    for (size_t i = 0; i < c.n; i++) /* the first of a key holds */
        if (slice_eq(cef_get(&c, slice_cstr(a, c.pairs[i].key)), c.pairs[i].value))
            json_out_text(o, slice_cstr(a, c.pairs[i].key), c.pairs[i].value);
    return parsed(json_out_print(o, a), a);
}

static inline struct json
view_of(const struct source *s, struct slice record, struct arena *a)
{
    if (s == &source_identity)
        return view_of_line(record, a);
    return s == &source_mail ? view_of_mail(record, a) : parsed(record, a);
}

/* ---- values at a path */

struct values {
    struct slice v[VALUES_MAX];
    size_t n;
};

static inline struct slice
text_of(struct json v, struct arena *a)
{
    struct slice text = json_type(v) == JSON_TEXT ? json_text(v) : json_minify(v, a);
    return json_type(v) == JSON_NULL || slice_eq_nocase(text, SLICE("null")) ? SLICE_NONE : text;
}

static inline bool
type_is(struct json item, struct slice wanted)
{
    static const char *const members[] = {"entityType", "Type", "type"};
    struct slice graph = json_get_text(item, "@odata.type"), head = SLICE("#microsoft.graph."
                                                                          "security.");
    if (graph.n > head.n + 8)
        return slice_eq(slice_sub(graph, head.n, graph.n - head.n - 8), wanted);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (slice_eq_nocase(json_get_text(item, members[i]), wanted))
            return true;
    return false;
}

/* As deep as a path has names. */
static inline void
collect(struct json at, struct slice path, struct arena *a, struct values *out)
{
    if (path.n == 0) {
        struct slice text = json_type(at) > JSON_NULL ? text_of(at, a) : SLICE_NONE;
        if (text.n > 0 && out->n < VALUES_MAX)
            out->v[out->n++] = text;
        return;
    }
    struct slice rest = path, name = slice_split(&rest, '.');
    size_t open = slice_find(name, SLICE("["), 0);
    struct json v = json_get(at, slice_cstr(a, slice_sub(name, 0, open))), item;
    if (open == name.n) {
        collect(v, rest, a, out);
        return;
    }
    struct slice type = slice_sub(name, open + 1, name.n - open - 2);
    bool first = slice_eq(type, SLICE("first"));
    for (struct json_iter it = json_items(v); json_next(&it, NULL, &item);) {
        if (first || type.n == 0 || type_is(item, type))
            collect(item, rest, a, out);
        if (first)
            break;
    }
}

/* Of each of "one|another". */
static inline void
collect_any(struct json at, struct slice paths, struct arena *a, struct values *out)
{
    while (paths.n > 0)
        collect(at, slice_split(&paths, '|'), a, out);
}

/* Names of accounts and hosts come in any letter case, of which one is kept. */
static inline bool
contains(const struct values *in, struct slice wanted, bool or_later)
{
    for (size_t i = 0; i < in->n; i++)
        if (slice_eq_nocase(in->v[i], wanted) ||
            (or_later && slice_cmp(in->v[i], wanted) > 0)) /* times as text, in one zone */
            return true;
    return false;
}

#endif
