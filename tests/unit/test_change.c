#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/json.h"
#include "schemas/alert.h"
#include "serve/change.h"
#include "serve/facts.h"
#include "serve/graph.h"

static struct arena *arena;

static int
setup(void **state)
{
    (void)state;
    arena = arena_new(16 * 1024 * 1024);
    return arena == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct err
read_body(const char *body, enum change_family family, enum decided kind, struct change *c)
{
    return change_read(slice_of(body), family, kind, false, 7, arena, c);
}

/* What a client sends, and the payload that goes into the log. */
static void
test_words_of_both_families_mean_the_same(void **state)
{
    (void)state;
    static const struct {
        enum change_family family;
        const char *body, *payload;
    } cases[] = {
        {CHANGE_CLASSIC, "{\"status\":\"Active\"}", "{\"status\":\"active\"}"},
        {CHANGE_CLASSIC, "{\"status\":\"InProgress\"}", "{\"status\":\"inProgress\"}"},
        {CHANGE_GRAPH, "{\"status\":\"RESOLVED\"}", "{\"status\":\"resolved\"}"},
        {CHANGE_CLASSIC, "{\"assignedTo\":\"\"}", "{\"assignedTo\":\"\"}"},
        {CHANGE_GRAPH, "{\"assignedTo\":null}", "{\"assignedTo\":\"\"}"},
        {CHANGE_CLASSIC,
         "{\"classification\":\"TruePositive\",\"determination\":\"MultiStagedAttack\"}",
         "{\"classification\":\"truePositive\",\"determination\":\"multiStagedAttack\"}"},
        {CHANGE_GRAPH,
         "{\"classification\":\"TruePositive\",\"determination\":\"compromisedUser\"}",
         "{\"classification\":\"truePositive\",\"determination\":\"compromisedAccount\"}"},
        {CHANGE_CLASSIC, "{\"classification\":\"Unknown\",\"determination\":\"NotAvailable\"}",
         "{\"classification\":\"unknown\",\"determination\":\"unknown\"}"},
        {CHANGE_CLASSIC, "{\"tags\":[\"a\",\"b\"],\"comment\":\"c\"}",
         "{\"tags\":[\"a\",\"b\"],\"comment\":\"c\"}"},
        {CHANGE_GRAPH, "{\"@odata.type\":\"#x\",\"customTags\":[]}", "{\"tags\":[]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct change c;
        struct err e = read_body(cases[i].body, cases[i].family, DECIDED_UPDATE, &c);
        if (e.kind)
            fail_msg("%s: %s", cases[i].body, e.text);
        struct slice payload = decision_payload(&c.decision, arena);
        if (!slice_eq(payload, slice_of(cases[i].payload)))
            fail_msg("%s becomes %.*s", cases[i].body, SLICE_ARG(payload));
    }
}

static void
test_what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        enum change_family family;
        enum decided kind;
        const char *body, *code, *says;
    } cases[] = {
        {CHANGE_CLASSIC, DECIDED_UPDATE, "", "change.body", "JSON object"},
        {CHANGE_CLASSIC, DECIDED_UPDATE, "[]", "change.body", "JSON object"},
        {CHANGE_CLASSIC, DECIDED_UPDATE, "{}", "change.missing", "nothing"},
        {CHANGE_CLASSIC, DECIDED_UPDATE, "{\"Status\":\"Active\"}", "change.value", "'Status'"},
        {CHANGE_CLASSIC, DECIDED_UPDATE, "{\"status\":\"Redirected\"}", "change.value", "status"},
        {CHANGE_CLASSIC, DECIDED_UPDATE, "{\"status\":null}", "change.value", "status"},
        {CHANGE_CLASSIC, DECIDED_UPDATE, "{\"assignedTo\":7}", "change.value", "assignedTo"},
        {CHANGE_CLASSIC, DECIDED_UPDATE, "{\"classification\":\"Bad\"}", "change.value", "class"},
        {CHANGE_CLASSIC, DECIDED_UPDATE, "{\"determination\":\"\"}", "change.value", "determ"},
        {CHANGE_CLASSIC, DECIDED_UPDATE, "{\"customTags\":[]}", "change.value", "'customTags'"},
        {CHANGE_GRAPH, DECIDED_UPDATE, "{\"tags\":[]}", "change.value", "'tags'"},
        {CHANGE_GRAPH, DECIDED_UPDATE, "{\"comment\":\"x\"}", "change.value", "'comment'"},
        {CHANGE_GRAPH, DECIDED_UPDATE, "{\"displayName\":\"x\"}", "change.value", "'displayName'"},
        {CHANGE_CLASSIC, DECIDED_UPDATE, "{\"severity\":\"Low\"}", "change.value", "'severity'"},
        {CHANGE_CLASSIC, DECIDED_UPDATE, "{\"into\":3}", "change.value", "'into'"},
        {CHANGE_CLASSIC, DECIDED_UPDATE, "{\"comment\":\"\"}", "change.value", "comment"},
        {CHANGE_CLASSIC, DECIDED_UPDATE, "{\"comment\":\"\\u0000\"}", "decision.text", "NUL"},
        {CHANGE_CLASSIC, DECIDED_UPDATE,
         "{\"classification\":\"FalsePositive\",\"determination\":\"Malware\"}", "decision.class",
         "malware"},
        {CHANGE_CLASSIC, DECIDED_MERGE, "{}", "change.missing", "into"},
        {CHANGE_CLASSIC, DECIDED_MERGE, "{\"into\":7}", "decision.into", "into"},
        {CHANGE_CLASSIC, DECIDED_MERGE, "{\"into\":0}", "change.value", "into"},
        {CHANGE_CLASSIC, DECIDED_MOVE, "{\"into\":3}", "change.missing", "alertIds"},
        {CHANGE_CLASSIC, DECIDED_MOVE, "{\"alertIds\":[\"a\"]}", "change.missing", "into"},
        {CHANGE_CLASSIC, DECIDED_MOVE, "{\"into\":7,\"alertIds\":[\"a\"]}", "change.value", "into"},
        {CHANGE_CLASSIC, DECIDED_SPLIT, "{\"alertIds\":[]}", "change.value", "alertIds"},
        {CHANGE_CLASSIC, DECIDED_SPLIT, "{\"alertIds\":[7]}", "change.value", "alertIds"},
        {CHANGE_CLASSIC, DECIDED_SPLIT, "{\"alertIds\":\"a\"}", "change.value", "alertIds"},
        {CHANGE_CLASSIC, DECIDED_FREE, "{}", "change.missing", "alertIds"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct change c;
        struct err e = read_body(cases[i].body, cases[i].family, cases[i].kind, &c);
        if (e.kind != ERR_REJECT || strcmp(e.code, cases[i].code) != 0 ||
            strstr(e.text, cases[i].says) == NULL)
            fail_msg("case %zu, %s: %s %s", i, cases[i].body, e.kind ? e.code : "taken", e.text);
    }
}

static void
test_a_comment_of_its_own_is_a_comment_and_nothing_else(void **state)
{
    (void)state;
    struct change c;
    struct err e = change_read(SLICE("{\"@odata.type\":\"microsoft.graph.security.alertComment\","
                                     "\"comment\":\"hello\"}"),
                               CHANGE_GRAPH, DECIDED_UPDATE, true, 7, arena, &c);
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(slice_eq(c.decision.comment, SLICE("hello")));
    e = change_read(SLICE("{\"comment\":\"x\",\"status\":\"Active\"}"), CHANGE_CLASSIC,
                    DECIDED_UPDATE, true, 7, arena, &c);
    assert_string_equal(e.code, "change.value");
    e = change_read(SLICE("{}"), CHANGE_CLASSIC, DECIDED_UPDATE, true, 7, arena, &c);
    assert_string_equal(e.code, "change.missing");
}

static void
test_a_class_is_settled_beside_what_is_there(void **state)
{
    (void)state;
    static const struct {
        int32_t class, det, had_class, had_det;
        bool ok;
        int32_t det_then;
    } cases[] = {
        {-1, -1, CLASS_UNKNOWN, DET_UNKNOWN, true, -1},
        {-1, DET_PHISHING, CLASS_UNKNOWN, DET_UNKNOWN, false, 0},
        {-1, DET_PHISHING, CLASS_TRUE_POSITIVE, DET_UNKNOWN, true, DET_PHISHING},
        {CLASS_FALSE_POSITIVE, -1, CLASS_TRUE_POSITIVE, DET_PHISHING, true, DET_UNKNOWN},
        {CLASS_FALSE_POSITIVE, -1, CLASS_TRUE_POSITIVE, DET_OTHER, true, -1},
        {CLASS_UNKNOWN, -1, CLASS_TRUE_POSITIVE, DET_OTHER, true, DET_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct decision d;
        decision_init(&d, DECIDED_UPDATE, 7);
        d.classification = cases[i].class;
        d.determination = cases[i].det;
        struct err e = change_settle(&d, cases[i].had_class, cases[i].had_det);
        assert_int_equal(e.kind == ERR_NONE, cases[i].ok);
        if (cases[i].ok)
            assert_int_equal(d.determination, cases[i].det_then);
    }
}

static void
test_facts_say_what_cannot_be_done(void **state)
{
    (void)state;
    static const struct {
        const char *body, *code;
        enum decided kind;
        bool found, into_found;
        int64_t redirect_to;
    } cases[] = {
        {"{\"status\":\"Active\"}", NULL, DECIDED_UPDATE, true, false, 0},
        {"{\"status\":\"Active\"}", "change.unknown", DECIDED_UPDATE, false, false, 0},
        {"{\"status\":\"Active\"}", "change.merged", DECIDED_UPDATE, true, false, 3},
        {"{\"into\":3}", NULL, DECIDED_MERGE, true, true, 0},
        {"{\"into\":3}", "change.value", DECIDED_MERGE, true, false, 0},
        {"{\"alertIds\":[\"da2\",\"da1\"]}", NULL, DECIDED_SPLIT, true, false, 0},
        {"{\"alertIds\":[\"da3\"]}", "change.value", DECIDED_SPLIT, true, false, 0},
        {"{\"alertIds\":[\"da1\",\"fa9\"]}", "change.value", DECIDED_SPLIT, true, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct decisions_alert alerts[] = {{SLICE("da3"), 1, SLICE("n3"), 8},
                                           {SLICE("da1"), 1, SLICE("n1"), 7},
                                           {SLICE("da2"), 1, SLICE("n2"), 7}};
        struct facts f = {.arena = arena,
                          .found = cases[i].found,
                          .into_found = cases[i].into_found,
                          .redirect_to = cases[i].redirect_to,
                          .alerts = alerts,
                          .n_alerts = 3};
        struct change c;
        struct err e = read_body(cases[i].body, CHANGE_CLASSIC, cases[i].kind, &c);
        assert_int_equal(e.kind, ERR_NONE);
        e = facts_settle(&f, &c);
        if (cases[i].code == NULL && e.kind)
            fail_msg("case %zu: %s", i, e.text);
        if (cases[i].code != NULL)
            assert_string_equal(e.code, cases[i].code);
        if (i == 5) {
            assert_int_equal(c.decision.n_alerts, 2);
            assert_true(slice_eq(c.decision.alerts[0].native_id, SLICE("n2")));
            assert_true(slice_eq(c.decision.alerts[1].source, SLICE("endpoint")));
        }
    }
}

static void
test_an_incident_in_graphs_words(void **state)
{
    (void)state;
    int64_t at;
    assert_true(clock_parse(SLICE("2020-09-06T12:07:54.29Z"), &at));
    struct slice tags[] = {SLICE("red")};
    const struct incidents_row row = {.id = 1042,
                                      .name = SLICE("a \"name\""),
                                      .severity = SEVERITY_HIGH,
                                      .status = SLICE("inProgress"),
                                      .classification = CLASS_TRUE_POSITIVE,
                                      .tags = tags,
                                      .n_tags = 1,
                                      .created = at,
                                      .updated = at + 1};
    const struct incidents_comment comment = {1042, 1, SLICE("text"), SLICE("Anna"), at, 0};
    const struct graph_incident i = {
        &row, &comment, 1, SLICE("206e2965-6533-48a6-ba9e-794364a84bf9"), SLICE("https://h/i")};
    static const char wanted[] =
        "{\"@odata.context\":\"c\",\"id\":\"1042\",\"incidentWebUrl\":\"https://h/i\","
        "\"tenantId\":\"206e2965-6533-48a6-ba9e-794364a84bf9\",\"redirectIncidentId\":null,"
        "\"displayName\":\"a \\\"name\\\"\",\"createdDateTime\":\"2020-09-06T12:07:54.2900000Z\","
        "\"lastUpdateDateTime\":\"2020-09-06T12:07:54.2900001Z\",\"assignedTo\":null,"
        "\"classification\":\"truePositive\",\"determination\":\"unknown\","
        "\"status\":\"inProgress\",\"severity\":\"high\",\"customTags\":[\"red\"],"
        "\"systemTags\":[],\"comments\":[{\"@odata.type\":"
        "\"#microsoft.graph.security.alertComment\",\"comment\":\"text\","
        "\"createdByDisplayName\":\"Anna\",\"createdDateTime\":\"2020-09-06T12:07:54.2900000Z\"}]}";
    struct wire w;
    wire_init(&w, arena);
    graph_incident(&w, &i, "c");
    struct slice text = wire_done(&w);
    if (!slice_eq(text, slice_of(wanted)))
        fail_msg("%.*s", SLICE_ARG(text));
    struct incidents_row gone = row;
    struct graph_incident redirected = i;
    gone.redirect_to = 3;
    redirected.row = &gone;
    wire_init(&w, arena);
    graph_incident(&w, &redirected, NULL);
    text = wire_done(&w);
    assert_true(slice_find(text, SLICE("\"redirectIncidentId\":\"3\""), 0) < text.n);
    assert_true(slice_find(text, SLICE("\"status\":\"redirected\""), 0) < text.n);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_of_both_families_mean_the_same),
        cmocka_unit_test(test_what_is_wrong_is_named),
        cmocka_unit_test(test_a_comment_of_its_own_is_a_comment_and_nothing_else),
        cmocka_unit_test(test_a_class_is_settled_beside_what_is_there),
        cmocka_unit_test(test_facts_say_what_cannot_be_done),
        cmocka_unit_test(test_an_incident_in_graphs_words),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
