/* Packed days: what is taken can be written again, and is the same when it was in order. */
#include <assert.h>

#include "normalize/days_pack.h"
#include "tests/fuzz/fuzz.h"

enum { ARENA_BYTES = 16 << 20, DAYS_MOST = 256, WITH_MOST = 64, DAY = 18000 };

struct taken {
    struct arena *a;
    struct incident_day days[DAYS_MOST];
    size_t n;
    bool sorted;
};

static struct err
take(void *arg, const struct incident_day *d)
{
    struct taken *t = arg;
    assert(d->day == DAY && d->type < INCIDENT_DAY_TYPES);
    struct slice *with = arena_alloc(t->a, sizeof(*with) * (d->n_with + 1));
    if (with == NULL || t->n == DAYS_MOST || d->n_with > WITH_MOST)
        return err_make(ERR_RETRY, "fuzz.room", "enough");
    FUZZ_PLANT(d->n_with > 2 && d->value.n > 4 && d->type == KEY_URL);
    for (size_t i = 0; i < d->n_with; i++) {
        with[i] = d->with[i];
        t->sorted = t->sorted && (i == 0 || slice_cmp(with[i - 1], with[i]) <= 0);
    }
    const struct incident_day *last = t->n > 0 ? &t->days[t->n - 1] : NULL;
    if (last != NULL)
        t->sorted = t->sorted && (last->type < d->type ||
                                  (last->type == d->type && slice_cmp(last->value, d->value) < 0));
    t->days[t->n] = *d;
    t->days[t->n++].with = with;
    return ERR_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct taken *t = calloc(1, sizeof(*t));
    struct arena *a = arena_new(ARENA_BYTES);
    struct correlator_day *again;
    size_t n;
    const struct correlator_day part = {DAY, 0, data[0], {(const char *)data + 1, size - 1}};
    if (t != NULL && a != NULL) {
        t->a = a;
        t->sorted = true;
        if (!days_unpack(&part, take, t).kind && !days_pack(t->days, t->n, a, &again, &n).kind &&
            t->n > 0 && t->sorted) {
            assert(n == 1 && again[0].keys == (int32_t)t->n && again[0].day == DAY);
            assert(slice_eq(again[0].packed, part.packed));
        }
    }
    arena_free(a);
    free(t);
    return 0;
}
