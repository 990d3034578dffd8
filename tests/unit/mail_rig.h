/* mail_rig.h: a tenant of the mail source without a worker: requests out, answers in. */
#ifndef WEIR_TEST_MAIL_RIG_H
#define WEIR_TEST_MAIL_RIG_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/arena.h"
#include "common/clock.h"
#include "ingest/source.h"

extern const struct source source_mail;

#define BASE "https://manage.office.com"
#define TENANT "8a1a1157-0272-492d-ab10-3f9853ac8183"
#define FEED BASE "/api/v1.0/" TENANT "/activity/feed"
#define SECOND CLOCK_SECOND
#define HOUR (3600 * CLOCK_SECOND)
#define DAY (24 * HOUR)

static inline int
arena_setup(void **state)
{
    *state = arena_new((size_t)256 << 20);
    return *state == NULL ? -1 : 0;
}

static inline int
arena_teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static inline void
assert_slice(struct slice got, const char *expected)
{
    if (!slice_eq(got, slice_of(expected)))
        fail_msg("got \"%.*s\", expected \"%s\"", SLICE_ARG(got), expected);
}

static inline void
assert_holds(struct slice text, const char *part)
{
    if (slice_find(text, slice_of(part), 0) >= text.n)
        fail_msg("\"%.*s\" has not \"%s\"", SLICE_ARG(text), part);
}

static inline int64_t
at(const char *text)
{
    int64_t t = CLOCK_NONE;
    assert_true(clock_parse(slice_of(text), &t));
    return t;
}

static inline struct source_conf
conf_at(const char *now)
{
    return (struct source_conf){.directory_id = SLICE(TENANT),
                                .base_url = SLICE(BASE),
                                .publisher_id = SLICE("p1"),
                                .now = at(now),
                                .start = at(now) - 2 * DAY};
}

static const struct cursor never = {.since = CLOCK_NONE, .closed = CLOCK_NONE, .until = CLOCK_NONE};

static inline struct cursor
cursor_at(const char *since, const char *closed)
{
    return (struct cursor){.since = at(since),
                           .closed = closed != NULL ? at(closed) : CLOCK_NONE,
                           .until = CLOCK_NONE,
                           .started = true};
}

/* The last of the round's first requests: start or list; those before it are blobs that wait. */
static inline struct source_request
first(const struct source_conf *c, const struct cursor *cursor, struct arena *a)
{
    struct source_request *list;
    size_t n;
    assert_int_equal(source_mail.first(c, cursor, a, &list, &n).kind, ERR_NONE);
    assert_true(n > 0);
    return list[n - 1];
}

static inline struct err
answer(const struct source_conf *c, const struct source_request *asked, long status,
       const char *headers, struct slice body, struct arena *a, struct page *out)
{
    struct answer got = {
        .asked = asked, .conf = c, .status = status, .headers = slice_of(headers), .body = body};
    return source_mail.parse(&got, a, out);
}

/* The answer was taken. */
static inline struct page
taken(const struct source_conf *c, const struct source_request *asked, long status,
      struct slice body, struct arena *a)
{
    struct page p;
    struct err e = answer(c, asked, status, "", body, a, &p);
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
    return p;
}

static inline struct slice
refusal(const char *code, struct arena *a)
{
    return slice_printf(a, "{\"error\":{\"code\":\"%s\",\"message\":\"m\"}}", code);
}

static inline int
note_cmp(const void *x, const void *y)
{
    const struct source_note *a = x, *b = y;
    return slice_cmp(a->key, b->key);
}

/* What a page says is known in the next round. */
static inline void
remember(struct source_conf *c, const struct page *p, struct arena *a)
{
    struct source_note *list = arena_alloc(a, (c->notes.n + p->n_notes + 1) * sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < c->notes.n + p->n_notes; i++) {
        const struct source_note *note =
            i < c->notes.n ? &c->notes.list[i] : &p->notes[i - c->notes.n];
        size_t k = 0;
        while (k < n && !slice_eq(list[k].key, note->key))
            k++;
        list[k] = *note;
        n += k == n ? 1 : 0;
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (list[i].until != CLOCK_NONE)
            list[kept++] = list[i];
    qsort(list, kept, sizeof *list, note_cmp);
    c->notes = (struct source_notes){list, kept};
}

#endif
