#include "normalize/days_pack.h"

#include <stdlib.h>

#include "normalize/packing.h"

/* Packed: version 1, then values to the end: type, text, how many counterparts, their texts. */
enum { PACK_VERSION = 1, WITH_MAX = 4096, TEXT_MAX = KEYS_VALUE_MAX * 4 };

static int
by_text(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static int
by_day_and_key(const void *a, const void *b)
{
    const struct incident_day *x = a, *y = b;
    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    return slice_cmp(x->value, y->value);
}

static void
put_day(struct packing_out *o, const struct incident_day *d)
{
    packing_put(o, (uint32_t)d->type);
    packing_put_text(o, d->value);
    packing_put(o, (uint32_t)d->n_with);
    for (size_t i = 0; i < d->n_with; i++)
        packing_put_text(o, d->with[i]);
}

/* Counterparts in an order of their own, beyond the limit none. */
static bool
sort_with(struct incident_day *d, struct arena *a)
{
    struct slice *with = arena_alloc(a, sizeof(*with) * (d->n_with + 1));
    if (with == NULL)
        return false;
    for (size_t i = 0; i < d->n_with; i++)
        with[i] = d->with[i];
    if (d->n_with > 1)
        qsort(with, d->n_with, sizeof(*with), by_text);
    d->with = with;
    d->n_with = d->n_with < WITH_MAX ? d->n_with : WITH_MAX;
    return true;
}

/* How many of the days go into one part, and its size. */
static size_t
count_part(const struct incident_day *days, size_t n, size_t *bytes)
{
    struct packing_out count = {NULL, 0};
    size_t i = 0;
    packing_put(&count, PACK_VERSION);
    while (i < n && days[i].day == days[0].day && count.n < DAYS_PACK_BYTES)
        put_day(&count, &days[i++]);
    *bytes = count.n;
    return i;
}

struct err
days_pack(struct incident_day *days, size_t n, struct arena *a, struct correlator_day **out,
          size_t *n_out)
{
    const struct err full = err_make(ERR_RETRY, "days.memory", "no room for a closed day");
    size_t capacity = 0, bytes;
    *out = NULL;
    *n_out = 0;
    if (n > 1)
        qsort(days, n, sizeof(*days), by_day_and_key);
    for (size_t i = 0; i < n; i++)
        if (!sort_with(&days[i], a))
            return full;
    for (size_t i = 0; i < n;) {
        if (*n_out == capacity) {
            void *more = arena_grow(a, *out, sizeof(**out), &capacity);
            if (more == NULL)
                return full;
            *out = more;
        }
        size_t keys = count_part(days + i, n - i, &bytes);
        struct packing_out made = {arena_alloc(a, bytes), 0};
        if (made.p == NULL)
            return full;
        packing_put(&made, PACK_VERSION);
        for (size_t k = 0; k < keys; k++)
            put_day(&made, &days[i + k]);
        const struct correlator_day *last = *n_out > 0 ? &(*out)[*n_out - 1] : NULL;
        int32_t part = last != NULL && last->day == days[i].day ? last->part + 1 : 0;
        (*out)[(*n_out)++] = (struct correlator_day){
            days[i].day, part, (int32_t)keys, {(const char *)made.p, made.n}};
        i += keys;
    }
    return ERR_OK;
}

struct err
days_unpack(const struct correlator_day *part,
            struct err (*take)(void *arg, const struct incident_day *d), void *arg)
{
    struct packing_in in = {(const uint8_t *)part->packed.p, part->packed.n, false};
    struct slice with[WITH_MAX];
    struct incident_day d = {.day = part->day, .with = with};
    struct err e = ERR_OK;
    if (packing_get(&in, UINT32_MAX) != PACK_VERSION)
        return err_make(ERR_REJECT, "days.packed", "packed days of a version not known here");
    for (int32_t i = 0; i < part->keys && !in.bad && e.kind == ERR_NONE; i++) {
        d.type = (uint8_t)packing_get(&in, INCIDENT_DAY_TYPES - 1);
        d.value = packing_get_text(&in, TEXT_MAX);
        d.n_with = packing_get(&in, WITH_MAX);
        for (size_t k = 0; k < d.n_with && !in.bad; k++)
            with[k] = packing_get_text(&in, TEXT_MAX);
        if (!in.bad)
            e = take(arg, &d);
    }
    if (e.kind == ERR_NONE && (in.bad || in.n != 0))
        return err_make(ERR_REJECT, "days.packed", "packed days are cut off or damaged");
    return e;
}
