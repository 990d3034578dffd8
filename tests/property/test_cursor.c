/* Any cursor, written as it is stored and read again, is the same cursor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "ingest/state.h"

enum { ROUNDS = 2000 };

/* xorshift64: the same numbers for the same seed everywhere. */
static uint64_t
next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t
seed(void)
{
    uint64_t s;
    const char *given = getenv("SEED");
    if (given != NULL)
        s = strtoull(given, NULL, 10);
    else
        crypto_random(&s, sizeof s);
    s = s != 0 ? s : 1;
    printf("SEED=%llu\n", (unsigned long long)s);
    return s;
}

static int64_t
any_time(uint64_t *state)
{
    static const int64_t edges[] = {CLOCK_NONE, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    uint64_t r = next(state);
    if (r % 4 == 0)
        return edges[(r >> 8) % (sizeof edges / sizeof edges[0])];
    return (int64_t)(next(state) >> (r >> 8) % 64);
}

/* Keys are numbered, so that they are sorted; what follows the number is any printable text. */
static struct source_notes
any_notes(uint64_t *state, struct arena *a)
{
    size_t n = next(state) % 4 == 0 ? 0 : next(state) % 20;
    struct source_note *list = arena_alloc(a, n * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        char *key = arena_alloc(a, SOURCE_NOTE_KEY_MAX);
        size_t length = 2 + next(state) % (SOURCE_NOTE_KEY_MAX - 1);
        for (size_t k = 0; k < length; k++)
            key[k] = (char)(' ' + next(state) % 95);
        key[0] = (char)('A' + i);
        list[i] = (struct source_note){{key, length}, any_time(state), any_time(state)};
    }
    return (struct source_notes){list, n};
}

static void
assert_same(const struct source_notes *x, const struct source_notes *y)
{
    assert_int_equal(x->n, y->n);
    for (size_t i = 0; i < x->n; i++) {
        assert_true(slice_eq(x->list[i].key, y->list[i].key));
        assert_int_equal(x->list[i].value, y->list[i].value);
        assert_int_equal(x->list[i].until, y->list[i].until);
    }
}

static void
test_a_cursor_written_and_read_is_the_same(void **state)
{
    uint64_t random = seed();
    struct arena *a = arena_new(1 << 20);
    for (int i = 0; i < ROUNDS; i++) {
        const struct cursor c = {any_time(&random), any_time(&random), any_time(&random),
                                 next(&random) % 2 == 0};
        struct cursor back = {.since = 42};
        arena_reset(a);
        const struct source_notes notes = any_notes(&random, a);
        struct source_notes notes_back = {.n = 42};
        struct slice text = state_cursor_text(&c, &notes, a);
        assert_non_null(text.p);
        struct err e = state_cursor_read(text, a, &back, &notes_back);
        if (e.kind)
            fail_msg("%.*s: %s", SLICE_ARG(text), e.text);
        assert_int_equal(back.since, c.since);
        assert_int_equal(back.closed, c.closed);
        assert_int_equal(back.until, c.until);
        assert_int_equal(back.started, c.started);
        assert_same(&notes, &notes_back);
    }
    arena_free(a);
    (void)state;
}

#define CURSOR(notes) "{\"since\":1,\"closed\":2,\"until\":3,\"notes\":" notes "}"

static void
test_what_is_no_cursor_is_rejected_and_the_output_left_alone(void **state)
{
    static const char *const bad[] = {"",
                                      "null",
                                      "[]",
                                      "{}",
                                      "{\"since\":1}",
                                      "{\"since\":1,\"closed\":2}",
                                      "{\"since\":\"x\",\"closed\":2,\"until\":3}",
                                      "{\"since\":1.5,\"closed\":2,\"until\":3}",
                                      "{\"since\":99999999999999999999,\"closed\":2,\"until\":3}",
                                      "{\"since\":1,\"closed\":2,\"until\":3",
                                      "{\"since\":1,\"closed\":null,\"until\":3}",
                                      CURSOR("{}"),
                                      CURSOR("[1]"),
                                      CURSOR("[\"\"]"),
                                      CURSOR("[\"1 2\"]"),
                                      CURSOR("[\"1 2 \"]"),
                                      CURSOR("[\"1 x k\"]"),
                                      CURSOR("[\"1 2 b\",\"1 2 a\"]"),
                                      CURSOR("[\"1 2 a\",\"3 4 a\"]")};
    struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cursor out = {.since = 7, .closed = 8, .until = 9, .started = true};
        struct source_notes notes;
        struct err e = state_cursor_read(slice_of(bad[i]), a, &out, &notes);
        if (e.kind != ERR_REJECT)
            fail_msg("%s was taken", bad[i]);
        assert_string_equal(e.code, "ingest.cursor");
        assert_true(out.since == 7 && out.closed == 8 && out.until == 9 && out.started);
    }
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cursor_written_and_read_is_the_same),
        cmocka_unit_test(test_what_is_no_cursor_is_rejected_and_the_output_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
