#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"

/* The forms of sources.md 1.3; seconds computed with Python's datetime. */
static const struct {
    const char *text;
    int64_t time;
    const char *formatted;
} GOOD[] = {
    {"2021-01-26T20:33:57.7220239Z", 16116932377220239, "2021-01-26T20:33:57.7220239Z"},
    {"2021-01-26T20:33:57.2Z", 16116932372000000, "2021-01-26T20:33:57.2Z"},
    {"2021-01-26T20:33:57.6133333Z", 16116932376133333, "2021-01-26T20:33:57.6133333Z"},
    {"2021-01-26T20:33:57.07Z", 16116932370700000, "2021-01-26T20:33:57.07Z"},
    {"2023-04-25T22:52:11Z", 16824631310000000, "2023-04-25T22:52:11Z"},
    {"2022-07-08T09:10:19", 16572714190000000, "2022-07-08T09:10:19Z"},
    {"2022-07-08T09:10:19.000Z", 16572714190000000, "2022-07-08T09:10:19Z"},
    {"2022-07-08T09:10:19.0000000Z", 16572714190000000, "2022-07-08T09:10:19Z"},
    {"2022-07-08 09:10:19Z", 16572714190000000, "2022-07-08T09:10:19Z"},
    {"2022-07-08 09:10:19", 16572714190000000, "2022-07-08T09:10:19Z"},
    {"10/31/2024 1:31:54 PM", 17303815140000000, "2024-10-31T13:31:54Z"},
    {"1/2/2024 12:05:06 AM", 17041539060000000, "2024-01-02T00:05:06Z"},
    {"01/02/2024 12:05:06 PM", 17041971060000000, "2024-01-02T12:05:06Z"},
    {"2018-02-21T14:19:27.540731+00:00", 15192227675407310, "2018-02-21T14:19:27.540731Z"},
    {"2018-02-21T16:19:27+02:00", 15192227670000000, "2018-02-21T14:19:27Z"},
    {"2018-02-21T08:49:27.5-05:30", 15192227675000000, "2018-02-21T14:19:27.5Z"},
    {"2018-02-21T08:49:27-0530", 15192227670000000, "2018-02-21T14:19:27Z"},
    {"2018-02-21T14:19:27.123456789Z", 15192227671234567, "2018-02-21T14:19:27.1234567Z"},
    {"2020-02-29", 15829344000000000, "2020-02-29T00:00:00Z"},
    {"2000-02-29T00:00:00Z", 9517824000000000, "2000-02-29T00:00:00Z"},
    {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"},
    {"1969-12-31T23:59:59.9999999Z", -1, "1969-12-31T23:59:59.9999999Z"},
    {"0001-01-01T00:00:01Z", -621355967990000000, "0001-01-01T00:00:01Z"},
    {"9999-12-31T23:59:59.9999999Z", 2534023007999999999, "9999-12-31T23:59:59.9999999Z"},
    {"0001-01-01T00:00:00", CLOCK_NONE, ""},
    {"0001-01-01T00:00:00Z", CLOCK_NONE, ""},
    {"0001-01-01T00:00:00.0000000Z", CLOCK_NONE, ""},
    {"0001-01-01T00:00:00+02:00", CLOCK_NONE, ""},
    {"0001-01-01T00:00:00-08:00", CLOCK_NONE, ""},
    {"1/1/0001 12:00:00 AM", CLOCK_NONE, ""},
};

static void
test_every_form_that_sources_use_is_read(void **state)
{
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        int64_t time = 0;
        if (!clock_parse(slice_of(GOOD[i].text), &time))
            fail_msg("refused: %s", GOOD[i].text);
        if (time != GOOD[i].time)
            fail_msg("%s gave %lld", GOOD[i].text, (long long)time);
        assert_string_equal(clock_format(time).s, GOOD[i].formatted);
    }
    (void)state;
}

static void
test_what_is_no_time_is_refused_and_the_output_left_alone(void **state)
{
    static const char *const BAD[] = {
        "",
        "2021",
        "1621941916475",
        "soon",
        "2021-01-26T",
        "2021-01-26T20:33",
        "2021-1-26",
        "2021-02-29",
        "2100-02-29",
        "2021-04-31",
        "2021-13-01",
        "2021-00-01",
        "2021-01-00",
        "0000-01-01",
        "10000-01-01",
        "2021-01-26T24:00:00Z",
        "2021-01-26T23:60:00Z",
        "2021-01-26T23:59:60Z",
        "2021-01-26T20:33:57.Z",
        "2021-01-26T20:33:57.1234567890Z",
        "2021-01-26T20:33:57,5Z",
        "2021-01-26t20:33:57Z",
        "2021-01-26T20:33:57z",
        "2021-01-26T20:33:57 Z",
        " 2021-01-26T20:33:57Z",
        "2021-01-26T20:33:57Z ",
        "2021-01-26T20:33:57+2:00",
        "2021-01-26T20:33:57+24:00",
        "2021-01-26T20:33:57+02:60",
        "2021-01-26T20:33:57ZZ",
        "2021-01-26  20:33:57",
        "-021-01-26",
        "+2021-01-26",
        "6/23/2020 4:17:11 PM UTC",
        "6/23/2020 16:17:11",
        "6/23/2020 13:17:11 PM",
        "6/23/2020 0:17:11 AM",
        "23/6/2020 4:17:11 PM",
        "6/23/20 4:17:11 PM",
        "6/31/2020 4:17:11 PM",
        "6/23/2020",
        "0001-01-01T00:00:01+01:00",
        "9999-12-31T23:59:59-01:00",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        int64_t time = 7;
        if (clock_parse(slice_of(BAD[i]), &time))
            fail_msg("accepted: %s", BAD[i]);
        assert_int_equal(time, 7);
    }
    int64_t time = 7;
    assert_false(clock_parse(SLICE_NONE, &time));
    assert_false(clock_parse(SLICE("2021-01-26T20:33:57Z\0"), &time));
    (void)state;
}

static void
test_the_full_form_has_seven_digits_always(void **state)
{
    assert_string_equal(clock_format_full(0).s, "1970-01-01T00:00:00.0000000Z");
    assert_string_equal(clock_format_full(16116932372000000).s, "2021-01-26T20:33:57.2000000Z");
    assert_string_equal(clock_format_full(CLOCK_NONE).s, "");
    (void)state;
}

static void
test_times_beyond_four_digits_of_a_year_are_cut_to_the_last(void **state)
{
    assert_string_equal(clock_format(INT64_MAX).s, "9999-12-31T23:59:59.9999999Z");
    assert_string_equal(clock_format(INT64_MIN + 1).s, "0001-01-01T00:00:00Z");
    (void)state;
}

static void
test_the_clocks_count_in_their_units(void **state)
{
    assert_true(clock_now() > INT64_C(15000000000000000));  /* after 2017 */
    assert_true(clock_now() < INT64_C(100000000000000000)); /* before 2286 */
    int64_t before_ms = clock_mono_ms();
    assert_true(clock_mono_ms() >= before_ms);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_that_sources_use_is_read),
        cmocka_unit_test(test_what_is_no_time_is_refused_and_the_output_left_alone),
        cmocka_unit_test(test_the_full_form_has_seven_digits_always),
        cmocka_unit_test(test_times_beyond_four_digits_of_a_year_are_cut_to_the_last),
        cmocka_unit_test(test_the_clocks_count_in_their_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
