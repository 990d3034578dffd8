/*
 * words.h: what a story's lines are made of: times, numbers, names of alerts and incidents.
 */
#ifndef WEIR_TESTS_WORDS_H
#define WEIR_TESTS_WORDS_H
#include <stdio.h>
#include <string.h>

#include "tests/replay/world.h"

enum { NAMES_MAX = 100, LINE_MAX_BYTES = 4096, REPEAT_MAX = 10000, UNITS_A_S = 10000000 };
enum way { AS_WRITTEN, IN_BATCHES, WITH_RESTARTS, WAYS };

/* An incident's name in the story; bound the first time that it is used. */
struct name {
    struct slice text;
    struct world_tenant *tenant;
    int64_t id;
};

struct replay {
    struct world *w;
    struct world_tenant *t; /* of this line */
    enum way way;
    const char *file;
    size_t line, expectations;
    int64_t now_s;
    struct name names[NAMES_MAX];
    size_t n_names;
    struct err refused; /* what became of the last decision */
};

#define MUST(r, condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            static const char *const ways[] = {"as written", "in batches", "with restarts"};       \
            print_error("%s:%zu (%s): ", (r)->file, (r)->line, ways[(r)->way]);                    \
            print_error(__VA_ARGS__);                                                              \
            print_error("\n");                                                                     \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

static inline struct slice
word(struct slice *rest)
{
    *rest = slice_trim(*rest);
    struct slice w = slice_split(rest, ' ');
    return w.p != NULL ? w : SLICE("");
}

static inline void
want(struct replay *r, struct slice *rest, const char *expected)
{
    struct slice got = word(rest);
    MUST(r, slice_eq(got, slice_of(expected)), "'%s' expected, not '%.*s'", expected,
         SLICE_ARG(got));
}

/* "30s", "5m", "2h", "30d" */
static inline int64_t
duration(struct replay *r, struct slice text)
{
    static const char units[] = "smhd";
    static const int64_t seconds[] = {1, 60, 3600, 86400};
    int64_t n = 0;
    const char *unit = text.n > 1 ? strchr(units, text.p[text.n - 1]) : NULL;
    MUST(r, unit != NULL && slice_int(slice_sub(text, 0, text.n - 1), &n), "no time: '%.*s'",
         SLICE_ARG(text));
    return n * seconds[unit - units];
}

static inline size_t
index_of(struct replay *r, struct slice text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(text, slice_of(words[i])))
            return i;
    MUST(r, false, "no such word: '%.*s'", SLICE_ARG(text));
    return 0;
}

/* "a1" is one name, "s1..s500" are 500: what is before the number, and from where to where. */
struct range {
    struct slice stem;
    bool many;
    int64_t from, to;
};

static inline struct range
range_of(struct replay *r, struct slice text)
{
    struct range x = {.stem = text};
    size_t dots = slice_find(text, SLICE(".."), 0);
    if (dots == text.n)
        return x;
    size_t digits = dots;
    while (digits > 0 && text.p[digits - 1] >= '0' && text.p[digits - 1] <= '9')
        digits--;
    x.stem = slice_sub(text, 0, digits);
    struct slice last = slice_sub(text, dots + 2, text.n);
    MUST(r,
         slice_starts(last, x.stem) && slice_int(slice_sub(text, digits, dots - digits), &x.from) &&
             slice_int(slice_sub(last, digits, last.n), &x.to) && x.from > 0 && x.from <= x.to &&
             x.to < REPEAT_MAX,
         "no range: '%.*s'", SLICE_ARG(text));
    x.many = true;
    return x;
}

static inline struct slice
range_name(struct replay *r, struct range x, int64_t i)
{
    return !x.many ? x.stem : slice_printf(r->w->a, "%.*s%lld", SLICE_ARG(x.stem), (long long)i);
}

static inline struct world_alert *
alert_named(struct replay *r, struct slice name)
{
    for (size_t i = 0; i < r->w->n_alerts; i++)
        if (slice_eq(r->w->alerts[i].name, name))
            return &r->w->alerts[i];
    MUST(r, false, "no alert '%.*s'", SLICE_ARG(name));
    return NULL;
}

static inline struct name *
incident_named(struct replay *r, struct slice name)
{
    for (size_t i = 0; i < r->n_names; i++)
        if (slice_eq(r->names[i].text, name))
            return &r->names[i];
    MUST(r, r->n_names < NAMES_MAX, "too many incidents");
    r->names[r->n_names] = (struct name){.text = name};
    return &r->names[r->n_names++];
}

static inline struct world_incident *
stored_named(struct replay *r, struct slice name)
{
    struct name *n = incident_named(r, name);
    MUST(r, n->id > 0, "which incident is '%.*s'?", SLICE_ARG(name));
    return &n->tenant->incidents[n->id];
}

static inline int64_t
number(struct replay *r, struct slice text)
{
    int64_t n = 0;
    MUST(r, slice_int(text, &n), "a number is expected, not '%.*s'", SLICE_ARG(text));
    return n;
}

#endif
