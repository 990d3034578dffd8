#include "ingest/seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct seen_pair
pair_of(const struct seen_key *k, const char *id, const char *bytes)
{
    return seen_pair_of(k, slice_of(id), slice_of(bytes));
}

static void
test_only_the_last_bytes_of_an_id_are_known(void **state)
{
    struct seen s = {.young = {.size = 0}};
    struct seen_key k;
    seen_key_make(&k);
    struct seen_pair x = pair_of(&k, "id", "x"), y = pair_of(&k, "id", "y");
    assert_false(seen_again(&s, x));
    seen_put(&s, x);
    assert_true(seen_again(&s, x));
    assert_false(seen_again(&s, y));
    assert_false(seen_again(&s, pair_of(&k, "other", "x")));
    seen_doubt(&s, y.id);
    assert_false(seen_again(&s, x));
    seen_put(&s, y);
    assert_true(seen_again(&s, y));
    assert_false(seen_again(&s, x));
    seen_fini(&s);
    assert_false(seen_again(&s, y));
    (void)state;
}

/* Each byte of a text of any length counts, its end and its zeros too. */
static void
test_texts_that_differ_in_one_byte_have_other_hashes(void **state)
{
    enum { LONGEST = 200 };
    char text[LONGEST + 1] = {0};
    struct seen_key k;
    seen_key_make(&k);
    for (size_t n = 0; n < LONGEST; n++) {
        uint64_t hash = seen_pair_of(&k, SLICE("i"), (struct slice){text, n}).bytes;
        assert_int_not_equal(hash, seen_pair_of(&k, SLICE("i"), (struct slice){text, n + 1}).bytes);
        for (size_t i = 0; i < n; i++) {
            text[i] ^= 1;
            assert_int_not_equal(hash, seen_pair_of(&k, SLICE("i"), (struct slice){text, n}).bytes);
            text[i] ^= 1;
        }
        assert_int_equal(hash, seen_pair_of(&k, SLICE("i"), (struct slice){text, n}).bytes);
    }
    (void)state;
}

static void
test_each_process_hashes_otherwise(void **state)
{
    struct seen_key k, l;
    seen_key_make(&k);
    seen_key_make(&l);
    assert_int_not_equal(pair_of(&k, "id", "x").id, pair_of(&l, "id", "x").id);
    (void)state;
}

/* Ids count up, whatever the key: a table of twice their number must not fill in clusters. */
static void
test_ids_that_count_up_are_spread(void **state)
{
    enum { KEYS = 100, IDS = 4096, SLOTS = 2 * IDS };
    static unsigned char used[SLOTS];
    for (int i = 0; i < KEYS; i++) {
        struct seen_key k;
        size_t steps = 0;
        seen_key_make(&k);
        memset(used, 0, sizeof used);
        for (int id = 0; id < IDS; id++) {
            char text[40];
            (void)snprintf(text, sizeof text, "da%010d_-1364851390", id);
            size_t at = pair_of(&k, text, "").id % SLOTS;
            for (; used[at] != 0; at = (at + 1) % SLOTS)
                steps++;
            used[at] = 1;
        }
        if (steps > 2 * (size_t)IDS) /* 0.5 an id are to be expected */
            fail_msg("%zu steps for %d ids; key %llx %llx", steps, IDS, (unsigned long long)k.lane,
                     (unsigned long long)k.point);
    }
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_last_bytes_of_an_id_are_known),
        cmocka_unit_test(test_texts_that_differ_in_one_byte_have_other_hashes),
        cmocka_unit_test(test_each_process_hashes_otherwise),
        cmocka_unit_test(test_ids_that_count_up_are_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
