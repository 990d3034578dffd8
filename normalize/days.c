/*
 * days.c: day tables: per key a list of the days it occurred on, newest first.
 *
 * Most keys occur on one day with one counterpart: a cell holds that one, and only more of them
 * need a block of their own. Blocks have powers of two of places, and a free list for each size.
 */
#include "normalize/days.h"

#include <stdlib.h>
#include <string.h>

#include "common/plant.h"

enum {
    FIRST = 64,
    CACHED_FROM = -32767, /* days from the first that was asked for */
    CACHED_TO = 32767,
    CACHE_SHIFT = 32768, /* so that 0 is "nothing cached" */
    DAMP_CACHED_MAX = (1 << 15) - 1,
    SIZES = 32, /* a block has 1 << size places */
};

/* One key. */
struct slot {
    uint32_t first;       /* its newest cell; 0: it never occurred */
    uint32_t damp : 15;   /* for the day below */
    uint32_t cached : 16; /* day - base + CACHE_SHIFT; 0: none */
};

/* One key on one day. */
struct cell {
    int32_t day;
    uint32_t next; /* an older day of the same key, or a free cell; 0: the last */
    uint32_t with; /* n of 0 or 1: the counterpart itself; else where its block begins */
    uint32_t n : 27, size : 5;
};

struct days {
    const struct params *p; /* borrowed */
    struct slot *slots;     /* by key */
    uint32_t n_slots;
    struct cell *cells; /* the first is nobody's */
    uint32_t n_cells, cap_cells, free_cells;
    uint32_t *places; /* of blocks; the first is nobody's. A free block begins with the next one */
    uint32_t n_places, cap_places, free_blocks[SIZES];
    int32_t open; /* the first day that is not closed */
    int64_t kept; /* days before are forgotten */
    int32_t base; /* the first day that was asked for */
    bool all, based;
};

struct days *
days_new(const struct params *p)
{
    struct days *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return NULL;
    d->p = p;
    d->n_cells = d->n_places = 1;
    d->open = INT32_MIN;
    d->kept = INT64_MIN;
    return d;
}

void
days_free(struct days *d)
{
    if (d == NULL)
        return;
    free(d->slots);
    free(d->cells);
    free(d->places);
    free(d);
}

size_t
days_bytes(const struct days *d)
{
    return sizeof(*d) + d->n_slots * sizeof(*d->slots) + d->cap_cells * sizeof(*d->cells) +
           d->cap_places * sizeof(*d->places);
}

void
days_params(struct days *d, const struct params *p)
{
    d->p = p;
    for (uint32_t i = 0; i < d->n_slots; i++)
        d->slots[i].cached = 0;
}

int32_t
days_open(const struct days *d)
{
    return d->all ? INT32_MAX : d->open;
}

/* ---- memory */

/* Room for `wanted` items; what is new is zeroed. */
static bool
grow(void **items, size_t item_bytes, uint32_t wanted, uint32_t *cap)
{
    if (wanted <= *cap)
        return true;
    if (wanted > UINT32_MAX / 2)
        return false;
    uint32_t more = *cap == 0 ? FIRST : *cap;
    while (more < wanted)
        more *= 2;
    char *moved = realloc(*items, item_bytes * more);
    if (moved == NULL)
        return false;
    memset(moved + item_bytes * *cap, 0, item_bytes * (more - *cap));
    *items = moved;
    *cap = more;
    return true;
}

/* 0: out of memory. */
static uint32_t
cell_new(struct days *d)
{
    uint32_t at = d->free_cells;
    if (at != 0) {
        d->free_cells = d->cells[at].next;
        return at;
    }
    if (!grow((void **)&d->cells, sizeof(*d->cells), d->n_cells + 1, &d->cap_cells))
        return 0;
    return d->n_cells++;
}

/* 0: out of memory. */
static uint32_t
block_new(struct days *d, uint32_t size)
{
    uint32_t at = d->free_blocks[size];
    if (at != 0) {
        d->free_blocks[size] = d->places[at];
        return at;
    }
    uint32_t n = UINT32_C(1) << size;
    if (d->n_places > UINT32_MAX / 2 - n ||
        !grow((void **)&d->places, sizeof(*d->places), d->n_places + n, &d->cap_places))
        return 0;
    at = d->n_places;
    d->n_places += n;
    return at;
}

static void
block_free(struct days *d, uint32_t block, uint32_t size)
{
    d->places[block] = d->free_blocks[size];
    d->free_blocks[size] = block;
}

static void
cell_free(struct days *d, uint32_t at)
{
    struct cell *c = &d->cells[at];
    if (c->size > 0)
        block_free(d, c->with, c->size);
    c->next = d->free_cells;
    d->free_cells = at;
}

/* ---- what occurred */

static const uint32_t *
counterparts(const struct days *d, const struct cell *c)
{
    return c->size > 0 ? d->places + c->with : &c->with;
}

/* Where the counterpart is, or would be. */
static uint32_t
place_of(const struct days *d, const struct cell *c, uint32_t with)
{
    const uint32_t *all = counterparts(d, c);
    uint32_t from = 0, to = c->n;
    if (to > 0 && all[to - 1] < with) /* numbers are given in ascending order: often the last */
        return to;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (all[middle] < with)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static bool
has(const struct days *d, const struct cell *c, uint32_t with)
{
    uint32_t at = place_of(d, c, with);
    return at < c->n && counterparts(d, c)[at] == with;
}

/* A larger block, with what was in the cell. */
static bool
widen(struct days *d, uint32_t cell)
{
    uint32_t size = d->cells[cell].size + 1U;
    uint32_t block = size < SIZES - 1 ? block_new(d, size) : 0;
    if (block == 0)
        return false;
    struct cell *c = &d->cells[cell];
    memcpy(d->places + block, counterparts(d, c), c->n * sizeof(*d->places));
    if (c->size > 0)
        block_free(d, c->with, c->size);
    c->with = block;
    c->size = (uint32_t)(size & 31U);
    return true;
}

static bool
cell_add(struct days *d, uint32_t cell, uint32_t with)
{
    struct cell *c = &d->cells[cell];
    if (has(d, c, with) || (int64_t)c->n >= d->p->counterparts_day)
        return true;
    if (c->n == UINT32_C(1) << c->size && !widen(d, cell))
        return false;
    c = &d->cells[cell];
    uint32_t *all = c->size > 0 ? d->places + c->with : &c->with;
    uint32_t at = place_of(d, c, with);
    memmove(all + at + 1, all + at, (c->n - at) * sizeof(*all));
    all[at] = with;
    c->n++;
    return true;
}

/* The cell of the day, made when it is new; 0: out of memory. */
static uint32_t
cell_of(struct days *d, uint32_t key, int32_t day)
{
    if (key == UINT32_MAX || !grow((void **)&d->slots, sizeof(*d->slots), key + 1, &d->n_slots))
        return 0;
    uint32_t newer = 0, at = d->slots[key].first;
    while (at != 0 && d->cells[at].day > day) {
        newer = at;
        at = d->cells[at].next;
    }
    if (at != 0 && d->cells[at].day == day)
        return at;
    uint32_t fresh = cell_new(d);
    if (fresh == 0)
        return 0;
    d->cells[fresh] = (struct cell){.day = day, .next = at};
    if (newer != 0)
        d->cells[newer].next = fresh;
    else
        d->slots[key].first = fresh;
    return fresh;
}

struct err
days_learn(struct days *d, uint32_t key, int32_t day, const uint32_t *with, size_t n)
{
    if (d->all || day < d->open)
        return ERR_OK;
    uint32_t cell = cell_of(d, key, day);
    bool room = cell != 0;
    for (size_t i = 0; room && i < n; i++)
        room = cell_add(d, cell, with[i]);
    return room ? ERR_OK : err_make(ERR_RETRY, "days.memory", "out of memory");
}

/* ---- closing */

static void
forget(struct days *d, uint32_t key)
{
    uint32_t *link = &d->slots[key].first;
    while (*link != 0 && d->cells[*link].day >= d->kept)
        link = &d->cells[*link].next;
    uint32_t at = *link;
    *link = 0;
    while (at != 0) {
        uint32_t older = d->cells[at].next;
        cell_free(d, at);
        at = older;
    }
}

void
days_close(struct days *d, int32_t before)
{
    if (d->all || before <= d->open)
        return;
    d->open = before;
    int64_t kept = (int64_t)before - d->p->history_days;
    if (kept <= d->kept)
        return;
    d->kept = kept;
    for (uint32_t key = 0; key < d->n_slots; key++)
        forget(d, key);
}

void
days_close_all(struct days *d)
{
    d->all = true;
}

/* ---- what an alert may know */

/* The history of an alert of a day: from <= d < to, as far as it is closed and not forgotten. */
struct span {
    int64_t from, to;
    bool whole; /* nothing of it is open or forgotten: the answer will never be another */
};

static struct span
history_of(const struct days *d, int32_t day)
{
    struct span s = {(int64_t)day - d->p->history_days, (int64_t)day - d->p->lag_days, true};
    if (PLANT(yesterday_counts))
        s.to = day;
    int64_t open = d->all ? INT64_MAX : d->open;
    s.whole = s.from >= d->kept && s.to <= open;
    s.from = s.from < d->kept ? d->kept : s.from;
    s.to = s.to > open ? open : s.to;
    return s;
}

/* The newest cell of the key within the history; 0: none. */
static uint32_t
newest(const struct days *d, uint32_t key, const struct span *s)
{
    uint32_t at = key < d->n_slots ? d->slots[key].first : 0;
    while (at != 0 && d->cells[at].day >= s->to)
        at = d->cells[at].next;
    return at != 0 && d->cells[at].day >= s->from ? at : 0;
}

/* The next older one within it; 0: none. */
static uint32_t
older(const struct days *d, uint32_t at, const struct span *s)
{
    at = d->cells[at].next;
    return at != 0 && d->cells[at].day >= s->from ? at : 0;
}

static int32_t
count_days(const struct days *d, uint32_t first, const struct span *s)
{
    int32_t n = 0;
    for (uint32_t at = first; at != 0; at = older(d, at, s))
        n++;
    return n;
}

/* Distinct counterparts: those of each day that no newer day had. */
static int64_t
count_counterparts(const struct days *d, uint32_t first, const struct span *s)
{
    int64_t n = 0;
    for (uint32_t at = first; at != 0; at = older(d, at, s)) {
        const struct cell *c = &d->cells[at];
        const uint32_t *with = counterparts(d, c);
        for (uint32_t i = 0; i < c->n; i++) {
            uint32_t newer = first;
            while (newer != at && !has(d, &d->cells[newer], with[i]))
                newer = older(d, newer, s);
            n += newer == at;
        }
    }
    return n;
}

static int32_t
damp_of(const struct days *d, uint32_t key, enum key_type type, const struct span *s)
{
    const struct key_rule *rule = &d->p->rules[type];
    uint32_t first = newest(d, key, s);
    if (first == 0)
        return rule->novel_exempt ? 1000 : d->p->novel;
    int64_t factor = 1000, days0 = d->p->days0;
    if (rule->fan0 > 0) {
        int64_t fan = count_counterparts(d, first, s);
        factor = factor * rule->fan0 / (rule->fan0 + (fan > 1 ? fan - 1 : 0));
    }
    return (int32_t)(factor * days0 / (days0 + count_days(d, first, s) - 1));
}

/* The day as the cache writes it; 0: too far from the first that was asked for. */
static uint32_t
cache_day(struct days *d, int32_t day)
{
    if (!d->based) {
        d->base = day;
        d->based = true;
    }
    int64_t apart = (int64_t)day - d->base;
    return apart >= CACHED_FROM && apart <= CACHED_TO ? (uint32_t)(apart + CACHE_SHIFT) : 0;
}

int32_t
days_damp(struct days *d, uint32_t key, enum key_type type, int32_t day)
{
    struct span s = history_of(d, day);
    uint32_t cached = s.whole && key < d->n_slots ? cache_day(d, day) : 0;
    if (cached != 0 && d->slots[key].cached == cached)
        return d->slots[key].damp;
    int32_t damp = damp_of(d, key, type, &s);
    if (cached != 0 && damp >= 0 && damp <= DAMP_CACHED_MAX) {
        d->slots[key].damp = (uint32_t)damp & DAMP_CACHED_MAX;
        d->slots[key].cached = cached & UINT16_MAX;
    }
    return damp;
}

int32_t
days_pairs(const struct days *d, uint32_t key, int32_t day)
{
    struct span s = history_of(d, day);
    int32_t n = 0;
    for (uint32_t at = newest(d, key, &s); at != 0; at = older(d, at, &s))
        n += (int32_t)d->cells[at].n;
    return n;
}

int32_t
days_seen(const struct days *d, uint32_t key, int32_t day)
{
    struct span s = history_of(d, day);
    return count_days(d, newest(d, key, &s), &s);
}

void
days_each(const struct days *d, int32_t from_day, int32_t before_day,
          void (*row)(void *arg, const struct days_row *r), void *arg)
{
    for (uint32_t key = 0; key < d->n_slots; key++)
        for (uint32_t at = d->slots[key].first; at != 0; at = d->cells[at].next) {
            const struct cell *c = &d->cells[at];
            if (c->day >= from_day && c->day < before_day && c->day >= d->kept)
                row(arg, &(struct days_row){key, c->day, counterparts(d, c), c->n});
        }
}
