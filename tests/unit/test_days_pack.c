#include "normalize/days_pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ARENA_BYTES = 64 << 20, MANY = 20000 };

static struct slice anna_and_pc[] = {{"user upn:anna@contoso.com", 25}, {"device dns:pc1", 14}};

struct read {
    char text[1024];
    size_t n;
};

static struct err
append(void *arg, const struct incident_day *d)
{
    struct read *r = arg;
    size_t n = strlen(r->text);
    r->n++;
    n += (size_t)snprintf(r->text + n, sizeof r->text - n, "%d %d %.*s", d->day, (int)d->type,
                          SLICE_ARG(d->value));
    for (size_t i = 0; i < d->n_with && n < sizeof r->text; i++)
        n += (size_t)snprintf(r->text + n, sizeof r->text - n, " +%.*s", SLICE_ARG(d->with[i]));
    snprintf(r->text + n, sizeof r->text - n, "\n");
    return ERR_OK;
}

static void
test_days_come_back_by_day_and_key_whatever_order_they_had(void **state)
{
    const struct incident_day rows[] = {
        {KEY_IP, SLICE("203.0.113.9"), 18001, anna_and_pc, 1},
        {KEY_USER, SLICE("upn:b@contoso.com"), 18000, NULL, 0},
        {KEY_USER, SLICE("upn:a@contoso.com"), 18000, anna_and_pc, 2},
    };
    struct arena *a = arena_new(ARENA_BYTES);
    struct slice first = SLICE_NONE;
    for (size_t turn = 0; turn < 3; turn++) {
        struct incident_day days[3];
        struct correlator_day *parts;
        struct read r = {.n = 0};
        size_t n;
        for (size_t i = 0; i < 3; i++)
            days[i] = rows[(i + turn) % 3];
        assert_int_equal(days_pack(days, 3, a, &parts, &n).kind, ERR_NONE);
        assert_int_equal(n, 2);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(parts[i].part, 0);
            assert_int_equal(days_unpack(&parts[i], append, &r).kind, ERR_NONE);
        }
        assert_string_equal(r.text, "18000 0 upn:a@contoso.com +device dns:pc1 +user "
                                    "upn:anna@contoso.com\n18000 0 upn:b@contoso.com\n"
                                    "18001 9 203.0.113.9 +user upn:anna@contoso.com\n");
        assert_true(turn == 0 || slice_eq(first, parts[0].packed));
        first = parts[0].packed;
    }
    arena_free(a);
    (void)state;
}

static struct err
count(void *arg, const struct incident_day *d)
{
    size_t *n = arg;
    *n += d->n_with;
    return ERR_OK;
}

static void
test_a_large_day_has_several_parts(void **state)
{
    struct arena *a = arena_new(ARENA_BYTES);
    struct incident_day *days = arena_alloc(a, sizeof(*days) * MANY);
    struct correlator_day *parts;
    size_t n, keys = 0, with = 0;
    for (size_t i = 0; i < MANY; i++)
        days[i] = (struct incident_day){KEY_URL, slice_printf(a, "https://%zu.example/", i), 18000,
                                        anna_and_pc, 2};
    assert_int_equal(days_pack(days, MANY, a, &parts, &n).kind, ERR_NONE);
    assert_in_range(n, 4, 8);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(parts[i].part, i);
        assert_in_range(parts[i].packed.n, 1, DAYS_PACK_BYTES + 4096);
        keys += (size_t)parts[i].keys;
        assert_int_equal(days_unpack(&parts[i], count, &with).kind, ERR_NONE);
    }
    assert_int_equal(keys, MANY);
    assert_int_equal(with, 2 * MANY);
    assert_int_equal(days_pack(days, 0, a, &parts, &n).kind, ERR_NONE);
    assert_int_equal(n, 0);
    arena_free(a);
    (void)state;
}

static void
test_damaged_bytes_are_refused_wherever_they_are_cut(void **state)
{
    struct arena *a = arena_new(ARENA_BYTES);
    struct incident_day day = {KEY_IP, SLICE("203.0.113.9"), 18001, anna_and_pc, 2};
    struct correlator_day *parts;
    size_t n;
    assert_int_equal(days_pack(&day, 1, a, &parts, &n).kind, ERR_NONE);
    for (size_t cut = 0; cut < parts[0].packed.n; cut++) {
        struct correlator_day damaged = parts[0];
        struct read r = {.n = 0};
        damaged.packed.n = cut;
        assert_int_equal(days_unpack(&damaged, append, &r).kind, ERR_REJECT);
        assert_int_equal(r.n, 0);
    }
    for (int32_t keys = 0; keys < 3; keys += 2) {
        struct correlator_day damaged = parts[0];
        struct read r = {.n = 0};
        damaged.keys = keys;
        assert_string_equal(days_unpack(&damaged, append, &r).code, "days.packed");
    }
    arena_free(a);
    (void)state;
}

static struct err
refuse(void *arg, const struct incident_day *d)
{
    (void)arg;
    (void)d;
    return err_make(ERR_RETRY, "test.full", "no");
}

static void
test_what_the_taker_says_ends_it(void **state)
{
    struct arena *a = arena_new(ARENA_BYTES);
    struct incident_day day = {KEY_IP, SLICE("203.0.113.9"), 18001, NULL, 0};
    struct correlator_day *parts;
    size_t n;
    assert_int_equal(days_pack(&day, 1, a, &parts, &n).kind, ERR_NONE);
    assert_string_equal(days_unpack(&parts[0], refuse, NULL).code, "test.full");
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days_come_back_by_day_and_key_whatever_order_they_had),
        cmocka_unit_test(test_a_large_day_has_several_parts),
        cmocka_unit_test(test_damaged_bytes_are_refused_wherever_they_are_cut),
        cmocka_unit_test(test_what_the_taker_says_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
