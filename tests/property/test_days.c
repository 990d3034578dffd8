/*
 * Day tables say what a naive model says, whatever occurs, closes and is asked in whatever order.
 * The model is a table of sets, read as correlation.md 6 is written. SEED=n repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "normalize/days.h"

enum { RUNS = 400, STEPS = 1500, KEYS = 24, DAYS = 80, FIRST_DAY = 17990, WITH = 64 };

struct model {
    uint64_t with[KEYS][DAYS]; /* a bit a counterpart */
    bool occurred[KEYS][DAYS];
    int32_t open, kept; /* as indices of days */
    bool all;
};

static uint64_t
next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t x = *state;
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static int32_t
below(uint64_t *state, int32_t n)
{
    return (int32_t)(next(state) % (uint64_t)n);
}

static uint64_t
seed(void)
{
    const char *given = getenv("SEED");
    uint64_t s = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000003;
    printf("SEED=%llu\n", (unsigned long long)s);
    return s;
}

static int
bits(uint64_t set)
{
    int n = 0;
    for (; set != 0; set &= set - 1)
        n++;
    return n;
}

/* ---- the model */

static void
model_learn(struct model *m, const struct params *p, uint32_t key, int32_t day,
            const uint32_t *with, size_t n)
{
    if (m->all || day < m->open)
        return;
    m->occurred[key][day] = true;
    for (size_t i = 0; i < n; i++)
        if (bits(m->with[key][day]) < p->counterparts_day)
            m->with[key][day] |= UINT64_C(1) << with[i];
}

static void
model_close(struct model *m, const struct params *p, int32_t before)
{
    if (m->all || before <= m->open)
        return;
    m->open = before;
    m->kept = before - p->history_days > m->kept ? before - p->history_days : m->kept;
}

static bool
model_has(const struct model *m, uint32_t key, int32_t day)
{
    return day >= 0 && day < DAYS && m->occurred[key][day] && day >= m->kept &&
           (m->all || day < m->open);
}

static int32_t
model_seen(const struct model *m, const struct params *p, uint32_t key, int32_t day, uint64_t *with)
{
    int32_t n = 0;
    *with = 0;
    for (int32_t d = day - p->history_days; d < day - p->lag_days; d++)
        if (model_has(m, key, d)) {
            n++;
            *with |= m->with[key][d];
        }
    return n;
}

static int32_t
model_damp(const struct model *m, const struct params *p, uint32_t key, enum key_type type,
           int32_t day)
{
    uint64_t with;
    int32_t n = model_seen(m, p, key, day, &with);
    if (n == 0)
        return p->rules[type].novel_exempt ? 1000 : p->novel;
    int32_t fan = bits(with), fan0 = p->rules[type].fan0, factor = 1000;
    if (fan0 > 0)
        factor = factor * fan0 / (fan0 + (fan > 1 ? fan - 1 : 0));
    return factor * p->days0 / (p->days0 + n - 1);
}

/* ---- one story */

static struct params
some_params(uint64_t *random)
{
    struct params p = params_default;
    if (below(random, 2) == 0)
        return p;
    p.history_days = 1 + below(random, 20);
    p.lag_days = below(random, p.history_days + 1);
    p.days0 = 1 + below(random, 40);
    p.novel = below(random, 40000); /* beyond what is remembered, too */
    p.counterparts_day = 1 + below(random, WITH);
    return p;
}

static void
check_rows(void *arg, const struct days_row *r)
{
    struct model *left = arg; /* what no row has named yet */
    uint64_t with = 0;
    int32_t day = r->day - FIRST_DAY;
    for (size_t i = 0; i < r->n_with; i++) {
        assert_true(i == 0 || r->with[i - 1] < r->with[i]);
        with |= UINT64_C(1) << r->with[i];
    }
    assert_true(left->occurred[r->key][day]);
    assert_true(left->with[r->key][day] == with);
    left->occurred[r->key][day] = false;
}

static void
check_each(const struct days *d, const struct model *m, int32_t from, int32_t before)
{
    struct model left = *m;
    days_each(d, from + FIRST_DAY, before + FIRST_DAY, check_rows, &left);
    for (uint32_t key = 0; key < KEYS; key++)
        for (int32_t day = from < m->kept ? m->kept : from; day < before; day++)
            assert_false(day >= 0 && day < DAYS && left.occurred[key][day]);
}

static void
step(struct days *d, struct model *m, const struct params *p, uint64_t *random)
{
    uint32_t key = (uint32_t)below(random, KEYS);
    int32_t dice = below(random, 1000), newest = m->open < 0 ? 3 : m->open + 4;
    int32_t day = dice < 100 ? below(random, DAYS) : newest - below(random, 22);
    day = day < 0 ? 0 : day >= DAYS ? DAYS - 1 : day;
    if (dice < 600) {
        uint32_t with[12];
        size_t n = (size_t)below(random, dice < 300 ? 3 : 12);
        for (size_t i = 0; i < n; i++)
            with[i] = (uint32_t)below(random, key % 3 == 0 ? WITH : 4);
        model_learn(m, p, key, day, with, n);
        assert_int_equal(days_learn(d, key, day + FIRST_DAY, with, n).kind, ERR_NONE);
    } else if (dice < 985) {
        enum key_type type = (enum key_type)(key % KEY_TYPES);
        uint64_t with;
        assert_int_equal(days_damp(d, key, type, day + FIRST_DAY),
                         model_damp(m, p, key, type, day));
        assert_int_equal(days_seen(d, key, day + FIRST_DAY), model_seen(m, p, key, day, &with));
    } else if (dice < 995) {
        int32_t before = m->open + below(random, 5) - 1;
        before = before < 0 ? 0 : before;
        check_each(d, m, m->open, before);
        days_close(d, before + FIRST_DAY);
        model_close(m, p, before);
    } else {
        check_each(d, m, below(random, DAYS), below(random, DAYS));
    }
}

static void
test_the_tables_say_what_a_naive_model_says(void **state)
{
    uint64_t random = seed();
    for (int run = 0; run < RUNS; run++) {
        struct model m = {.open = -1000, .kept = -2000};
        struct params first = some_params(&random), second = some_params(&random);
        const struct params *p = &first;
        struct days *d = days_new(p);
        assert_non_null(d);
        for (int i = 0; i < STEPS; i++) {
            step(d, &m, p, &random);
            if (below(&random, STEPS) == 0) {
                p = &second;
                days_params(d, p);
            }
            if (below(&random, STEPS * 2) == 0) {
                days_close_all(d);
                m.all = true;
            }
        }
        days_free(d);
    }
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_tables_say_what_a_naive_model_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
