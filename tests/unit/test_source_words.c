#include "serve/source_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"

#define S CLOCK_SECOND
#define NOW (INT64_C(1579000000) * S)

static void
test_a_state_is_one_word(void **state)
{
    /* seconds ago; -1: never */
    static const struct {
        const char *word, *code;
        int asked, succeeded, updated, poll_s;
        bool listens;
    } rows[] = {
        {"ok", NULL, 900, 10, 5, 60, false},
        {"ok", NULL, 900, 180, 5, 60, false},
        {"late", NULL, 900, 181, 5, 60, false},
        {"ok", NULL, 900, 180, 5, 1, false}, /* the row is written once a minute */
        {"late", NULL, 900, 181, 5, 1, false},
        {"ok", NULL, 9000, 3000, 5, 1000, false},
        {"late", NULL, 9000, 3001, 5, 1000, false},
        {"new", NULL, 60, -1, 60, 60, false},
        {"new", NULL, -1, -1, 60, 60, false},
        {"late", NULL, 500, -1, 5, 60, false},
        {"trouble", "mail.forbidden", 900, 10, 5, 60, false},
        {"trouble", "mail.forbidden", 900, -1, 539, 60, false},
        {"trouble", "ingest.port_busy", 900, -1, 5, 60, true},
        {"no worker", "mail.forbidden", 900, -1, 541, 60, false},
        {"no worker", NULL, 900, 10, 541, 60, false},
        {"ok", NULL, 90000, 80000, 5, 60, true}, /* a sensor may be silent */
        {"ok", NULL, 90000, -1, 5, 60, true},
        {"no worker", NULL, 90000, 10, 541, 60, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct source_status_row row = {
            .asked = rows[i].asked < 0 ? CLOCK_NONE : NOW - rows[i].asked * S,
            .succeeded = rows[i].succeeded < 0 ? CLOCK_NONE : NOW - rows[i].succeeded * S,
            .updated = NOW - rows[i].updated * S,
            .code = slice_of(rows[i].code),
        };
        const char *word = source_state(&row, rows[i].listens, NOW, rows[i].poll_s);
        if (strcmp(word, rows[i].word) != 0)
            fail_msg("row %zu: %s, not %s", i, word, rows[i].word);
    }
    assert_string_equal(source_state(NULL, false, NOW, 60), "new");
    assert_false(source_fresh(NULL, NOW, 60));
    (void)state;
}

static void
test_a_span_has_one_unit(void **state)
{
    static const struct {
        int64_t s;
        const char *text;
    } rows[] = {
        {-5, "0 s"},      {0, "0 s"},        {119, "119 s"},
        {120, "2 min"},   {7199, "119 min"}, {7200, "2 h"},
        {172799, "47 h"}, {172800, "2 d"},   {INT64_C(922337203685), "10675199 d"},
    };
    char text[SOURCE_WORD];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(source_span(rows[i].s * S, text), rows[i].text);
    (void)state;
}

static void
test_lag_is_counted_by_the_clock_of_the_source(void **state)
{
    struct source_status_row row = {.newest = CLOCK_NONE, .clock_ahead = -7200 * S};
    assert_int_equal(source_lag(NULL, NOW), CLOCK_NONE);
    assert_int_equal(source_lag(&row, NOW), CLOCK_NONE);
    row.newest = NOW - 7260 * S;
    assert_int_equal(source_lag(&row, NOW), 60 * S);
    row.newest = NOW;
    assert_int_equal(source_lag(&row, NOW), 0);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_state_is_one_word),
        cmocka_unit_test(test_a_span_has_one_unit),
        cmocka_unit_test(test_lag_is_counted_by_the_clock_of_the_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
