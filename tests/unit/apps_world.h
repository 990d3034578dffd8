/*
 * apps_world.h: what the tests of the apps source share: options, a tenant's settings, an arena.
 */
#ifndef WEIR_TESTS_APPS_WORLD_H
#define WEIR_TESTS_APPS_WORLD_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/json.h"
#include "ingest/source.h"

extern const struct source source_apps;

#define BASE "https://contoso.eu.portal.example.com"
#define DIRECTORY "206e2965-6533-48a6-ba9e-794364a84bf9"

struct world {
    struct arena *arena;
    struct conf *conf;
    struct source_conf c;
    struct source_note listed; /* just now, unless a test says otherwise */
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
    const struct opt *const tables[] = {source_apps.opts, NULL};
    w->arena = arena_new((size_t)64 << 20);
    struct err e = conf_load(tables, "/dev/null", NULL, &w->conf);
    if (e.kind || w->arena == NULL)
        return -1;
    w->c = (struct source_conf){
        .conf = w->conf,
        .directory_id = SLICE(DIRECTORY),
        .base_url = SLICE(BASE),
        .now = at("2020-01-20T00:00:00Z"),
        .start = at("2020-01-14T00:00:00Z"),
    };
    w->listed = (struct source_note){SLICE("listed"), w->c.now, w->c.now * 2};
    w->c.notes = (struct source_notes){&w->listed, 1};
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

#define AD "{\"type\":\"service\",\"id\":20940,\"label\":\"Active Directory\"}"

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
