/*
 * endpoint_rig.h: a tenant of the endpoint source, answers for it, and what comes of them.
 */
#ifndef ENDPOINT_RIG_H
#define ENDPOINT_RIG_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/json.h"
#include "ingest/source.h"

extern const struct source source_endpoint;

#define BASE "https://api.example.com/api"

struct world {
    struct arena *arena;
    struct conf *conf;
    struct source_conf c;
};

static inline int64_t
at(const char *text)
{
    int64_t t = 0;
    if (!clock_parse(slice_of(text), &t))
        fail_msg("not a time: %s", text);
    return t;
}

static inline int
setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (w == NULL)
        return -1;
    *state = w;
    static const char *const flags[] = {"ingest.endpoint.top=3", NULL};
    const struct opt *const tables[] = {source_endpoint.opts, NULL};
    w->arena = arena_new((size_t)256 << 20);
    struct err e = conf_load(tables, "/dev/null", flags, &w->conf);
    if (e.kind || w->arena == NULL)
        return -1;
    w->c = (struct source_conf){
        .conf = w->conf,
        .directory_id = SLICE("206e2965-6533-48a6-ba9e-794364a84bf9"),
        .base_url = SLICE(BASE),
        .now = at("2019-12-02T12:00:00Z"),
        .start = at("2019-12-01T00:00:00Z"),
    };
    return 0;
}

static inline int
teardown(void **state)
{
    struct world *w = *state;
    arena_free(w->arena);
    conf_free(w->conf);
    free(w);
    return 0;
}

static inline void
assert_slice(struct slice got, const char *expected)
{
    if (!slice_eq(got, slice_of(expected)))
        fail_msg("got \"%.*s\", expected \"%s\"", SLICE_ARG(got), expected);
}

static const struct cursor never = {CLOCK_NONE, CLOCK_NONE, CLOCK_NONE, false};

static inline struct source_request
first(struct world *w, struct cursor cursor)
{
    struct source_request *r = NULL;
    size_t n = 0;
    struct err e = source_endpoint.first(&w->c, &cursor, w->arena, &r, &n);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(n, 1);
    return *r;
}

static inline struct err
parse(struct world *w, const struct source_request *asked, long status, const char *headers,
      struct slice body, struct page *out)
{
    const struct answer got = {.asked = asked,
                               .conf = &w->c,
                               .status = status,
                               .headers = slice_of(headers),
                               .body = body};
    return source_endpoint.parse(&got, w->arena, out);
}

/* What the worker says when an answer is larger than it takes. */
static inline struct err
parse_too_large(struct world *w, const struct source_request *asked, struct page *out)
{
    const struct answer got = {
        .asked = asked,
        .conf = &w->c,
        .headers = SLICE(""),
        .body = SLICE(""),
        .failed = err_make(ERR_REJECT, "fetch.too_large", "GET: the answer is too large")};
    return source_endpoint.parse(&got, w->arena, out);
}

static inline struct page
page(struct world *w, const struct source_request *asked, const char *body)
{
    struct page out;
    struct err e = parse(w, asked, 200, "", slice_of(body), &out);
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
    return out;
}

/* What the worker does with a page's notes once it is stored. */
static inline void
keep_notes(struct world *w, const struct page *p)
{
    size_t n = w->c.notes.n;
    struct source_note *list = arena_alloc(w->arena, (n + p->n_notes + 1) * sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = w->c.notes.list[i];
    for (size_t i = 0; i < p->n_notes; i++) {
        size_t at_key = 0;
        while (at_key < n && slice_cmp(list[at_key].key, p->notes[i].key) < 0)
            at_key++;
        bool known = at_key < n && slice_eq(list[at_key].key, p->notes[i].key);
        bool gone = p->notes[i].until == CLOCK_NONE;
        if (known && gone)
            memmove(&list[at_key], &list[at_key + 1], (--n - at_key) * sizeof *list);
        if (!known && !gone)
            memmove(&list[at_key + 1], &list[at_key], (n++ - at_key) * sizeof *list);
        if (!gone)
            list[at_key] = p->notes[i];
        assert_in_range(p->notes[i].key.n, 1, SOURCE_NOTE_KEY_MAX);
    }
    w->c.notes = (struct source_notes){list, n};
}

static inline const struct source_note *
note(struct world *w, const char *key)
{
    return source_note(&w->c, slice_of(key));
}

static inline bool
has(struct slice text, const char *part)
{
    return slice_find(text, slice_of(part), 0) < text.n;
}

static inline struct alert
map(struct world *w, const char *text)
{
    struct alert out;
    struct source_document doc = {slice_of(text), at("2019-12-02T12:00:00Z")};
    struct err e = source_endpoint.map(&doc, 1, w->c.directory_id, w->arena, &out);
    if (e.kind)
        fail_msg("%s: %s in %s", e.code, e.text, text);
    return out;
}

#define ROW(id, time) "{\"id\":\"" id "\",\"lastUpdateTime\":\"" time "\",\"evidence\":[]}"
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
