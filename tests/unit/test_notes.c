#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/clock.h"
#include "ingest/notes.h"

enum { NOW = 1000 };

static struct arena *arena;

static int
setup(void **state)
{
    (void)state;
    arena = arena_new(64 << 20);
    return arena == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

#define NOTE(k, v, u)                                                                              \
    {                                                                                              \
        {"" k, sizeof(k) - 1}, v, u                                                                \
    }

static struct slice
text_of(const struct notes *n)
{
    struct source_notes list;
    struct slice text = SLICE("");
    struct err e = notes_list(n, arena, &list);
    assert_int_equal(e.kind, ERR_NONE);
    for (size_t i = 0; i < list.n; i++)
        text = slice_join(arena, text,
                          slice_printf(arena, "%.*s=%lld ", SLICE_ARG(list.list[i].key),
                                       (long long)list.list[i].value));
    return text;
}

static void
test_notes_are_merged_sorted_and_forgotten(void **state)
{
    static const struct source_note known_notes[] = {NOTE("b", 1, 2000), NOTE("d", 1, 2000),
                                                     NOTE("old", 1, 1000)};
    static const struct {
        struct source_note said[4];
        size_t n;
        const char *after;
    } rows[] = {
        {{NOTE("", 0, 0)}, 0, "b=1 d=1 "},
        {{NOTE("c", 2, 2000)}, 1, "b=1 c=2 d=1 "},
        {{NOTE("b", 2, 2000), NOTE("a", 5, 2000)}, 2, "a=5 b=2 d=1 "},
        {{NOTE("b", 2, 2000), NOTE("b", 3, 2000)}, 2, "b=3 d=1 "},
        {{NOTE("b", 0, CLOCK_NONE)}, 1, "d=1 "},
        {{NOTE("b", 0, CLOCK_NONE), NOTE("b", 9, 1001)}, 2, "b=9 d=1 "},
        {{NOTE("b", 9, 1001), NOTE("b", 0, CLOCK_NONE)}, 2, "d=1 "},
        {{NOTE("x", 9, 1000)}, 1, "b=1 d=1 "},
        {{NOTE("old", 7, 2000)}, 1, "b=1 d=1 old=7 "},
    };
    const struct source_notes known = {known_notes, 3};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct notes n;
        struct err e = notes_merge(&known, rows[i].said, rows[i].n, NOW, arena, &n);
        assert_int_equal(e.kind, ERR_NONE);
        assert_true(slice_eq(text_of(&n), slice_of(rows[i].after)));
        notes_free(&n);
    }
    (void)state;
}

static void
test_a_key_that_cannot_be_kept_is_rejected(void **state)
{
    static char longest[SOURCE_NOTE_KEY_MAX + 1];
    const struct source_notes none = {.n = 0};
    for (size_t i = 0; i < sizeof longest; i++)
        longest[i] = 'x';
    const struct slice bad[] = {
        SLICE_NONE, SLICE(""), SLICE("a\n"), SLICE("\xc3\xa4"), {longest, sizeof longest}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct source_note note = {bad[i], 1, 2000};
        struct notes n;
        struct err e = notes_merge(&none, &note, 1, NOW, arena, &n);
        assert_int_equal(e.kind, ERR_REJECT);
        assert_string_equal(e.code, "ingest.note");
        assert_null(n.packed);
    }
    const struct source_note note = {{longest, SOURCE_NOTE_KEY_MAX}, 1, 2000};
    struct notes n;
    struct err e = notes_merge(&none, &note, 1, NOW, arena, &n);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(n.n, 1);
    notes_free(&n);
    (void)state;
}

static void
test_over_the_bound_those_that_end_first_go_first(void **state)
{
    enum { MANY = SOURCE_NOTES_MAX + 10 };
    struct source_note *said = arena_alloc(arena, MANY * sizeof *said);
    const struct source_notes none = {.n = 0};
    for (int i = 0; i < MANY; i++)
        said[i] = (struct source_note){slice_printf(arena, "k%05d", i), i, 2000 + (MANY - i)};
    struct notes n;
    struct err e = notes_merge(&none, said, MANY, NOW, arena, &n);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(n.n, SOURCE_NOTES_MAX);
    struct source_notes list;
    e = notes_list(&n, arena, &list);
    assert_int_equal(e.kind, ERR_NONE);
    for (size_t i = 0; i < list.n; i++)
        assert_int_equal(list.list[i].value, i); /* the last ten ended first */
    notes_free(&n);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notes_are_merged_sorted_and_forgotten),
        cmocka_unit_test(test_a_key_that_cannot_be_kept_is_rejected),
        cmocka_unit_test(test_over_the_bound_those_that_end_first_go_first),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
