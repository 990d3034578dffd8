/* Rows of Sentinel made up here, as the simulator replays them: what is left out, what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/simulator/replay.h"

#define TENANT "3f2a8c1e-6b7d-4e59-9a40-1c5d7e8f9b20"
#define START INT64_C(15789900000000000) /* 2020-01-14T08:20:00Z */

struct world {
    struct arena *a;
    struct plan plan;
    struct replay *replay;
};

static int
teardown(void **state)
{
    struct world *w = *state;
    arena_free(w->a);
    free(w);
    return 0;
}

static int
setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return 1;
    w->a = arena_new((size_t)1 << 30);
    w->plan.arena = w->a;
    *state = w;
    return 0;
}

/* A shared folder of one file of rows. */
static struct err
load_text(struct world *w, const char *text)
{
    char root[] = "/tmp/weir-replay-XXXXXX";
    char path[200];
    static const char *const folders[] = {"/data", "/data/alerts", "/data/alerts/x"};
    if (mkdtemp(root) == NULL)
        fail_msg("no temporary folder");
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s%s", root, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    snprintf(path, sizeof(path), "%s/data/alerts/x/microsoft__SecRL.jsonl", root);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    struct err e = replay_read(root, w->a, &w->replay);
    unlink(path);
    for (size_t i = 3; i-- > 0;) {
        snprintf(path, sizeof(path), "%s%s", root, folders[i]);
        rmdir(path);
    }
    rmdir(root);
    if (e.kind == ERR_NONE)
        e = replay_plan(w->replay, &w->plan, SLICE(TENANT), START, 1);
    return e;
}

#define ROW(provider, entities)                                                                    \
    "{\"SystemAlertId\":\"row-1\",\"VendorOriginalId\":\"0123_1\",\"ProviderName\":\"" provider    \
    "\",\"AlertType\":\"WindowsDefenderAtp\",\"AlertName\":\"t\",\"AlertSeverity\":\"High\","      \
    "\"StartTime\":\"2024-06-27 14:34:10.842610+00:00\","                                          \
    "\"EndTime\":\"2024-06-27 14:35:10+00:00\",\"Status\":\"Resolved\","                           \
    "\"ExtendedProperties\":\"{\\\"IncidentId\\\":\\\"424242\\\",\\\"AssignedTo\\\":\\\"u424242@"  \
    "x\\\","                                                                                       \
    "\\\"MicrosoftDefenderAtp.InvestigationId\\\":\\\"424242\\\",\\\"Category\\\":"                \
    "\\\"Execution\\\"}\","                                                                        \
    "\"Entities\":\"[" entities "]\"}\n"
#define HOST(id, name)                                                                             \
    "{\\\"$id\\\":\\\"" id "\\\",\\\"HostName\\\":\\\"" name "\\\",\\\"Type\\\":\\\"host\\\"}"

static void
test_the_answer_is_in_nothing_that_is_given_out(void **state)
{
    static const char *const providers[] = {"MDATP",
                                            "OATP",
                                            "MCAS",
                                            "IPC",
                                            "Azure Advanced Threat Protection",
                                            "MicrosoftThreatProtection",
                                            "ASI Scheduled Alerts"};
    struct world *w = *state;
    static const char *const rows[] = {ROW("MDATP", ""),
                                       ROW("OATP", ""),
                                       ROW("MCAS", ""),
                                       ROW("IPC", ""),
                                       ROW("Azure Advanced Threat Protection", ""),
                                       ROW("MicrosoftThreatProtection", ""),
                                       ROW("ASI Scheduled Alerts", "")};
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        w->plan.n = 0;
        struct err e = load_text(w, rows[r]);
        if (e.kind)
            fail_msg("%s: %s", providers[r], e.text);
        assert_true(w->plan.n > 0);
        for (size_t i = 0; i < w->plan.n; i++) {
            struct slice text = w->plan.items[i].payload;
            assert_int_equal(slice_find(text, SLICE("424242"), 0), text.n);
        }
    }
}

static void
test_an_alert_of_two_devices_is_the_first_ones(void **state)
{
    struct world *w = *state;
    struct err e = load_text(w, ROW("MDATP", HOST("1", "one") "," HOST("2", "two")));
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(w->plan.n, 1);
    assert_int_equal(w->plan.items[0].source, SIM_ENDPOINT);
    assert_true(slice_eq(json_get_text(w->plan.items[0].row, "computerDnsName"), SLICE("one")));
}

static void
test_a_reference_stands_for_its_object_once_and_one_to_nothing_for_none(void **state)
{
    struct world *w = *state;
    struct err e = load_text(w, ROW("MDATP", HOST("1", "one") ",{\\\"$ref\\\":\\\"1\\\"},"
                                                              "{\\\"$ref\\\":\\\"99\\\"}"));
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(w->replay->rows[0].n_entities, 1);
}

static void
test_what_cannot_be_understood_is_named_with_its_line(void **state)
{
    static const struct {
        const char *text, *code, *says;
    } bad[] = {
        {"{}\n", "replay.row", "line 1"},
        {"\n{\"SystemAlertId\":\n", "replay.row", "line 2"},
        {ROW("MDATP", "{"), "replay.row", "line 1"},
        {ROW("nobody", ""), "replay.provider", "'nobody'"},
        {"", "replay.folder", "no alerts"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err e = load_text(w, bad[i].text);
        assert_int_equal(e.kind, ERR_STOP);
        assert_string_equal(e.code, bad[i].code);
        if (strstr(e.text, bad[i].says) == NULL)
            fail_msg("'%s' does not say '%s'", e.text, bad[i].says);
    }
    struct err e = replay_read("/nowhere/at/all", w->a, &w->replay);
    assert_string_equal(e.code, "replay.folder");
}

static void
test_an_id_of_the_service_stays_and_a_shortened_one_gets_its_prefix_back(void **state)
{
    static const struct {
        const char *vendor, *native;
    } ids[] = {
        {"da638550964510350156_1673127761", "da638550964510350156_1673127761"},
        {"ar638550021745974133_541694090", "ar638550021745974133_541694090"},
        {"ra638572387477415459_-562905947", "ra638572387477415459_-562905947"},
        {"b0d564de-b61c-47fe-b7ad-7824d651316d_1", "dab0d564de-b61c-47fe-b7ad-7824d651316d_1"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct replay_row row = {.vendor_id = slice_of(ids[i].vendor), .id = SLICE("x")};
        struct err e = replay_endpoint(&w->plan, &row);
        assert_int_equal(e.kind, ERR_NONE);
        assert_true(slice_eq(w->plan.items[w->plan.n - 1].native_id, slice_of(ids[i].native)));
    }
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_the_answer_is_in_nothing_that_is_given_out),
        T(test_an_alert_of_two_devices_is_the_first_ones),
        T(test_a_reference_stands_for_its_object_once_and_one_to_nothing_for_none),
        T(test_what_cannot_be_understood_is_named_with_its_line),
        T(test_an_id_of_the_service_stays_and_a_shortened_one_gets_its_prefix_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
