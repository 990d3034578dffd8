#include "normalize/correlate_diff.h"

#include <stdbool.h>
#include <stdlib.h>

enum { NOBODY = 0 };

/* The alerts that are in one incident before and in one after. */
struct cell {
    int64_t before, after;
    size_t alerts, first;
    size_t moved;
};

/* An incident of one side. */
struct side {
    int64_t id;
    size_t alerts;
    size_t most;   /* alerts of the largest cell */
    int64_t other; /* before: where it lives on; after: who survives in it, or NOBODY */
    size_t root;   /* before: towards the first of those it is mixed with; after: unused */
};

struct work {
    struct cell *cells;
    size_t n_cells;
    struct side *before, *after; /* by id */
    size_t n_before, n_after;
};

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "correlate.memory", "no memory for comparing");
}

static int
order(int64_t x, int64_t y)
{
    return (x > y) - (x < y);
}

static int
cell_order(const void *a, const void *b)
{
    const struct cell *x = a, *y = b;
    int by = order(x->before, y->before);
    by = by != 0 ? by : order(x->after, y->after);
    return by != 0 ? by : (x->first > y->first) - (x->first < y->first);
}

static int
side_order(const void *a, const void *b)
{
    const struct side *x = a, *y = b;
    return order(x->id, y->id);
}

static struct side *
side_of(struct side *sides, size_t n, int64_t id)
{
    struct side wanted = {.id = id};
    return bsearch(&wanted, sides, n, sizeof(wanted), side_order);
}

static bool
make_cells(const int64_t *before, const int64_t *after, size_t n, struct arena *a, struct work *w)
{
    w->cells = arena_alloc(a, sizeof(*w->cells) * (n + 1));
    if (w->cells == NULL)
        return false;
    size_t used = 0;
    for (size_t i = 0; i < n; i++)
        if (before[i] != 0 && after[i] != 0)
            w->cells[used++] =
                (struct cell){.before = before[i], .after = after[i], .alerts = 1, .first = i};
    if (used > 1)
        qsort(w->cells, used, sizeof(*w->cells), cell_order);
    for (size_t i = 0; i < used; i++) {
        struct cell *last = &w->cells[w->n_cells - (w->n_cells > 0)], *c = &w->cells[i];
        if (w->n_cells > 0 && last->before == c->before && last->after == c->after)
            last->alerts++;
        else
            w->cells[w->n_cells++] = *c;
    }
    return true;
}

/* The incidents of a side with their sizes, by id. */
static struct side *
make_sides(const struct work *w, bool of_before, struct arena *a, size_t *n)
{
    struct side *sides = arena_alloc(a, sizeof(*sides) * (w->n_cells + 1));
    if (sides == NULL)
        return NULL;
    for (size_t i = 0; i < w->n_cells; i++) {
        const struct cell *c = &w->cells[i];
        sides[i] = (struct side){.id = of_before ? c->before : c->after, .alerts = c->alerts};
    }
    if (w->n_cells > 1)
        qsort(sides, w->n_cells, sizeof(*sides), side_order);
    size_t used = 0;
    for (size_t i = 0; i < w->n_cells; i++) {
        if (used > 0 && sides[used - 1].id == sides[i].id)
            sides[used - 1].alerts += sides[i].alerts;
        else
            sides[used++] = sides[i];
    }
    for (size_t i = 0; i < used; i++)
        sides[i].root = i;
    *n = used;
    return sides;
}

/* ---- who lives on, and who is mixed with whom */

static size_t
root_of(struct work *w, size_t i)
{
    while (w->before[i].root != i)
        i = w->before[i].root = w->before[w->before[i].root].root;
    return i;
}

/* Cells are sorted by before, so of equal cells the smaller after wins. */
static void
live_on(struct work *w)
{
    for (size_t i = 0; i < w->n_cells; i++) {
        const struct cell *c = &w->cells[i];
        struct side *b = side_of(w->before, w->n_before, c->before);
        if (c->alerts > b->most) {
            b->most = c->alerts;
            b->other = c->after;
        }
    }
    for (size_t i = 0; i < w->n_before; i++) { /* oldest first */
        struct side *f = side_of(w->after, w->n_after, w->before[i].other);
        if (f->other == NOBODY)
            f->other = w->before[i].id;
    }
}

/* All before that share one after are mixed: the after remembers the first it met in most. */
static void
mix(struct work *w)
{
    for (size_t i = 0; i < w->n_after; i++)
        w->after[i].root = SIZE_MAX;
    for (size_t i = 0; i < w->n_cells; i++) {
        struct side *b = side_of(w->before, w->n_before, w->cells[i].before);
        struct side *f = side_of(w->after, w->n_after, w->cells[i].after);
        size_t one = root_of(w, (size_t)(b - w->before));
        if (f->root == SIZE_MAX)
            f->root = one;
        size_t other = root_of(w, f->root);
        if (one < other)
            w->before[other].root = one;
        else
            w->before[one].root = other;
    }
}

/* ---- changes */

static int
larger_first(const void *a, const void *b)
{
    const struct diff_incident *x = a, *y = b;
    if (x->alerts != y->alerts)
        return x->alerts < y->alerts ? 1 : -1;
    return order(x->id, y->id);
}

static int
change_order(const void *a, const void *b)
{
    const struct diff_change *x = a, *y = b;
    if (x->moved != y->moved)
        return x->moved < y->moved ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

/* Counts first, then room for what was counted. */
static bool
count_sides(struct work *w, struct diff_change *of, struct arena *a)
{
    for (size_t i = 0; i < w->n_before; i++)
        of[root_of(w, i)].n_before++;
    for (size_t i = 0; i < w->n_after; i++)
        of[root_of(w, w->after[i].root)].n_after++;
    for (size_t i = 0; i < w->n_before; i++) {
        if (of[i].n_before == 0)
            continue;
        of[i].before = arena_alloc(a, sizeof(*of->before) * of[i].n_before);
        of[i].after = arena_alloc(a, sizeof(*of->after) * (of[i].n_after + 1));
        if (of[i].before == NULL || of[i].after == NULL)
            return false;
        of[i].n_before = of[i].n_after = 0;
        of[i].first = SIZE_MAX;
    }
    return true;
}

static void
fill_sides(struct work *w, struct diff_change *of)
{
    for (size_t i = 0; i < w->n_before; i++) {
        struct diff_change *c = &of[root_of(w, i)];
        c->before[c->n_before++] = (struct diff_incident){w->before[i].id, w->before[i].alerts};
        c->alerts += w->before[i].alerts;
    }
    for (size_t i = 0; i < w->n_after; i++) {
        struct diff_change *c = &of[root_of(w, w->after[i].root)];
        c->after[c->n_after++] = (struct diff_incident){w->after[i].id, w->after[i].alerts};
    }
    for (size_t i = 0; i < w->n_cells; i++) {
        const struct cell *cell = &w->cells[i];
        const struct side *b = side_of(w->before, w->n_before, cell->before);
        const struct side *f = side_of(w->after, w->n_after, cell->after);
        struct diff_change *c = &of[root_of(w, (size_t)(b - w->before))];
        if (f->other == cell->before)
            continue;
        c->moved += cell->alerts;
        c->first = cell->first < c->first ? cell->first : c->first;
    }
}

static void
keep_change(struct diff *out, struct diff_change *c)
{
    if (c->n_before == 1 && c->n_after == 1)
        return;
    c->kind = DIFF_REGROUPED;
    if (c->n_after == 1)
        c->kind = DIFF_MERGED;
    else if (c->n_before == 1)
        c->kind = DIFF_SPLIT;
    out->merged += c->kind == DIFF_MERGED;
    out->split += c->kind == DIFF_SPLIT;
    out->regrouped += c->kind == DIFF_REGROUPED;
    out->moved += c->moved;
    qsort(c->before, c->n_before, sizeof(*c->before), larger_first);
    qsort(c->after, c->n_after, sizeof(*c->after), larger_first);
    out->changes[out->n_changes++] = *c;
}

struct err
correlate_diff(const int64_t *before, const int64_t *after, size_t n, struct arena *a,
               struct diff *out)
{
    struct work w = {.n_cells = 0};
    *out = (struct diff){.alerts = 0};
    if (!make_cells(before, after, n, a, &w))
        return no_memory();
    w.before = make_sides(&w, true, a, &w.n_before);
    w.after = make_sides(&w, false, a, &w.n_after);
    struct diff_change *of = arena_alloc(a, sizeof(*of) * (w.n_before + 1));
    out->changes = arena_alloc(a, sizeof(*of) * (w.n_before + 1));
    if (w.before == NULL || w.after == NULL || of == NULL || out->changes == NULL)
        return no_memory();
    live_on(&w);
    mix(&w);
    if (!count_sides(&w, of, a))
        return no_memory();
    fill_sides(&w, of);
    out->before = w.n_before;
    out->after = w.n_after;
    for (size_t i = 0; i < w.n_before; i++) {
        const struct side *f = side_of(w.after, w.n_after, w.before[i].other);
        out->redirected += f->other != w.before[i].id;
        out->alerts += of[i].alerts;
        if (of[i].n_before > 0)
            keep_change(out, &of[i]);
    }
    if (out->n_changes > 1)
        qsort(out->changes, out->n_changes, sizeof(*out->changes), change_order);
    return ERR_OK;
}

const char *
diff_kind_word(enum diff_kind kind)
{
    static const char *const words[] = {"merged", "split", "regrouped"};
    return words[kind];
}
