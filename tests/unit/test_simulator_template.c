#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "tests/simulator/template.h"

static int
setup(void **state)
{
    *state = arena_new(1 << 20);
    return *state == NULL;
}

static int
teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static struct template_clock
at(const char *zero, const char *release)
{
    struct template_clock c = {.tenant = SLICE("3f2a8c1e")};
    assert_true(clock_parse(slice_of(zero), &c.zero));
    assert_true(clock_parse(slice_of(release), &c.release));
    return c;
}

static void
test_each_marker_is_written_as_its_source_writes_times(void **state)
{
    static const struct {
        const char *text, *filled;
    } cases[] = {
        {"no marker, {$id} and $ref", "no marker, {$id} and $ref"},
        {"${z 0}", "2021-01-26T20:33:57Z"},
        {"${z 1.5}", "2021-01-26T20:33:58.5Z"},
        {"${z -57}", "2021-01-26T20:33:00Z"},
        {"${f 0.1234567}", "2021-01-26T20:33:57.1234567Z"},
        {"${s 0.9}", "2021-01-26T20:33:57"},
        {"${m 0.25}", "2021-01-26T20:33:57.250Z"},
        {"${u 0.540731}", "2021-01-26T20:33:57.540731+00:00"},
        {"${us 0}", "1/26/2021 8:33:57 PM"},
        {"${us 43200}", "1/27/2021 8:33:57 AM"},
        {"{\"timestamp\":\"${ms 0.5}\",\"n\":1}", "{\"timestamp\":1611693237500,\"n\":1}"},
        {"da${ticks 0.7220239}_1", "da637472900377220239_1"},
        {"a-${g 0}-", "a-08d8c239b47d-"},
        {"${o 0}0c20", "60107cb50c20"},
        {"${now}", "2021-01-26T20:34:00.1233333Z"},
        {"${tenant}${tenant}", "3f2a8c1e3f2a8c1e"},
    };
    struct template_clock c = at("2021-01-26T20:33:57Z", "2021-01-26T20:34:00.1249999Z");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice out = SLICE_NONE;
        struct err e = template_fill(slice_of(cases[i].text), &c, *state, &out);
        if (e.kind || !slice_eq(out, slice_of(cases[i].filled)))
            fail_msg("%s: %.*s", cases[i].text, SLICE_ARG(e.kind ? slice_of(e.text) : out));
    }
}

static void
test_an_unknown_marker_is_an_error(void **state)
{
    static const char *const cases[] = {"${q 1}", "${z}",  "${z x}",         "${z 1.x}",
                                        "${}",    "${z 1", "${z 1.12345678}"};
    struct template_clock c = at("2021-01-26T20:33:57Z", "2021-01-26T20:34:00Z");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice out = SLICE_NONE;
        struct err e = template_fill(slice_of(cases[i]), &c, *state, &out);
        if (e.kind != ERR_REJECT || strcmp(e.code, "template.marker") != 0)
            fail_msg("%s was taken", cases[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_marker_is_written_as_its_source_writes_times,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_unknown_marker_is_an_error, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
