#include "ingest/answers.h"

#include <assert.h>
#include <stdlib.h>

enum { LARGE_PART = 4 }; /* over this part of the budget an answer is large */

struct line {
    struct answers_want *first; /* has waited longest */
};

struct answers {
    struct arena_pool pool;
    struct line small, large;
    struct arena *alone; /* the large one that is in; NULL: none */
    size_t inside;
    bool serving;
};

struct answers *
answers_new(size_t max_bytes)
{
    struct answers *h = calloc(1, sizeof *h);
    if (h != NULL)
        h->pool.max = max_bytes;
    return h;
}

void
answers_free(struct answers *h)
{
    if (h == NULL)
        return;
    assert(h->inside == 0 && h->small.first == NULL && h->large.first == NULL);
    free(h);
}

static struct line *
line_of(struct answers *h, const struct answers_want *w)
{
    return w->need > h->pool.max / LARGE_PART ? &h->large : &h->small;
}

static struct answers_want **
find(struct line *l, const struct answers_want *w)
{
    struct answers_want **at = &l->first;
    while (*at != NULL && *at != w)
        at = &(*at)->next;
    return at;
}

static bool
has_room(const struct answers *h, const struct answers_want *w)
{
    return h->pool.used <= h->pool.max && w->need <= h->pool.max - h->pool.used;
}

static void
serve(struct answers *h, struct line *l)
{
    struct answers_want *w = l->first;
    struct arena *a = arena_new(w->limit);
    l->first = w->next;
    if (a != NULL && l == &h->small)
        arena_share(a, &h->pool, w->need);
    else if (a != NULL)
        h->alone = a;
    h->inside += a != NULL ? 1 : 0;
    w->turn(w->arg, a);
}

/* Who is served may leave again at once, or want more: the loop sees it. */
static void
serve_all(struct answers *h)
{
    if (h->serving)
        return;
    h->serving = true;
    for (bool served = true; served;) {
        served = false;
        if (h->large.first != NULL && h->alone == NULL) {
            serve(h, &h->large);
            served = true;
        }
        if (h->small.first != NULL && has_room(h, h->small.first)) {
            serve(h, &h->small);
            served = true;
        }
    }
    h->serving = false;
}

void
answers_enter(struct answers *h, struct answers_want *w)
{
    struct line *l = line_of(h, w);
    if (w->need < ANSWERS_LEAST)
        w->need = ANSWERS_LEAST;
    if (w->need > h->pool.max && l == &h->small)
        w->need = h->pool.max;
    w->next = NULL;
    *find(l, NULL) = w;
    serve_all(h);
}

void
answers_unwant(struct answers *h, struct answers_want *w)
{
    struct line *const both[] = {&h->small, &h->large};
    for (size_t i = 0; i < 2; i++) {
        struct answers_want **at = find(both[i], w);
        if (*at != NULL)
            *at = w->next;
    }
}

void
answers_leave(struct answers *h, struct arena *a)
{
    if (a == NULL)
        return;
    assert(h->inside > 0);
    h->inside--;
    if (h->alone == a)
        h->alone = NULL;
    arena_free(a);
    serve_all(h);
}

size_t
answers_need(const struct arena *a, size_t before)
{
    size_t wanted = arena_used(a) + arena_pool_short(a);
    return 2 * (wanted > before ? wanted : before);
}
