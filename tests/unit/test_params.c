/* Parameters as documents: what is taken, and that every bad file is refused with a message. */
#include "normalize/params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int
setup(void **state)
{
    *state = arena_new(4 << 20);
    return *state != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static void
assert_same(const struct params *a, const struct params *b, struct arena *arena)
{
    struct slice x = params_json(a, arena), y = params_json(b, arena);
    assert_non_null(x.p);
    assert_non_null(y.p);
    if (!slice_eq(x, y))
        fail_msg("%.*s\n%.*s", SLICE_ARG(x), SLICE_ARG(y));
}

static struct params
profile(const char *name)
{
    struct params p;
    assert_true(params_profile(slice_of(name), &p));
    return p;
}

static void
test_what_a_document_names_is_laid_over_the_rest(void **state)
{
    struct params p = params_default;
    struct err e = params_read(
        SLICE(
            "{\"version\":1,\"threshold\":1150,\"related\":800,\"strong\":1,\"min_key_weight\":0,"
            "\"time_step_s\":30,\"types\":{\"ip\":{\"w\":7,\"half_life_s\":8,\"window_s\":9,"
            "\"class\":\"app\",\"content\":true}},\"terms\":{\"stage\":1,\"product\":2,\"twin\":3,"
            "\"twin_min\":4,\"term_base\":5,\"severity\":{\"high\":9,\"medium\":8,\"low\":-7,"
            "\"informational\":-8}},\"prevalence\":{\"history_days\":10,\"lag_days\":1,"
            "\"novel\":1200,\"days0\":11,\"counterparts\":3,\"counterparts_day\":4,"
            "\"fan0\":{\"ip\":6},\"novel_exempt\":[\"ip\",\"sha\"]},\"watermark_alerts\":0,"
            "\"fold_gap_s\":-1,\"fold_without_keys\":true,\"scan_max\":12,\"caps\":{"
            "\"alerts\":1000000000,\"users\":21,\"devices\":22,\"mode\":\"rebuild\","
            "\"soft_alerts\":23,\"soft_users\":24},\"lifecycle\":{\"idle_s\":3601,"
            "\"reopen_s\":86400,\"hold_s\":1800},\"source_incident\":\"bind\"}"),
        &p);
    assert_string_equal(e.text, "");
    const struct key_rule *ip = &p.rules[KEY_IP];
    assert_true(p.threshold == 1150 && p.related == 800 && p.strong == 1);
    assert_true(p.min_key_weight == 0 && p.time_step_s == 30);
    assert_true(ip->weight == 7 && ip->half_life_s == 8 && ip->window_s == 9);
    assert_true(ip->class == CLASS_APP && ip->content && ip->fan0 == 6 && ip->novel_exempt);
    assert_true(p.term_stage == 1 && p.term_product == 2 && p.term_twin == 3 && p.twin_min == 4);
    assert_true(p.term_base == 5 && p.severity[3] == 9 && p.severity[2] == 8);
    assert_true(p.severity[1] == -7 && p.severity[0] == -8);
    assert_true(p.history_days == 10 && p.lag_days == 1 && p.novel == 1200 && p.days0 == 11);
    assert_true(p.counterparts == 3 && p.counterparts_day == 4 && p.watermark_alerts == 0);
    assert_true(!p.rules[KEY_USER].novel_exempt && p.rules[KEY_FILE].novel_exempt);
    assert_true(p.fold_gap_s == -1 && p.fold_without_keys && p.scan_max == 12);
    assert_true(p.cap_alerts == 1000000000 && p.cap_users == 21 && p.cap_devices == 22);
    assert_true(p.caps_mode == CAPS_REBUILD && p.soft_alerts == 23 && p.soft_users == 24);
    assert_true(p.idle_s == 3601 && p.reopen_s == 86400 && p.hold_s == 1800);
    assert_int_equal(p.source_incident, SOURCE_INCIDENT_BIND);
    assert_int_equal(p.rules[KEY_USER].weight, params_default.rules[KEY_USER].weight);
    (void)state;
}

static void
test_a_file_may_be_yaml_with_comments_or_json(void **state)
{
    static const char *const SAME[] = {
        "# ours\nthreshold: 1100 # higher\nterms:\n  severity: {high: 50}\ntypes.user.w: 700\n"
        "prevalence:\n  # nothing here\nprevalence.novel_exempt: user, device\n"
        "caps: {mode: rebuild}\nfold_without_keys: true\n",
        " {\"threshold\":1100,\"terms\":{\"severity\":{\"high\":50}},\"types.user\":{\"w\":700},"
        "\"prevalence\":{\"novel_exempt\":[\"device\",\"user\"]},\"caps\":{\"mode\":\"rebuild\"},"
        "\"fold_without_keys\":true}",
    };
    struct params p[2] = {params_default, params_default};
    for (size_t i = 0; i < 2; i++) {
        struct err e = params_read_text("f", slice_of(SAME[i]), &p[i]);
        assert_string_equal(e.text, "");
    }
    assert_same(&p[0], &p[1], *state);
    assert_int_equal(p[0].threshold, 1100);
    assert_false(p[0].rules[KEY_SHORT_NAME].novel_exempt);
    struct params none = params_default;
    struct err e = params_read_text("f", SLICE("# nothing\n"), &none);
    assert_int_equal(e.kind, ERR_NONE);
    assert_same(&none, &params_default, *state);
}

static void
test_the_profile_is_taken_first_wherever_it_stands(void **state)
{
    static const char *const ROWS[] = {
        "{\"terms\":{\"product\":5},\"profile\":\"flat\"}",
        "{\"profile\":\"flat\",\"terms\":{\"product\":5}}",
        "terms.product: 5\nprofile: flat\n",
    };
    struct params wanted = profile("flat");
    wanted.term_product = 5;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct params p = params_default;
        p.term_stage = 7; /* the profile replaces what was there */
        struct err e = params_read_text("f", slice_of(ROWS[i]), &p);
        assert_string_equal(e.text, "");
        assert_same(&p, &wanted, *state);
    }
}

/* What is wrong, and what the message must hold. */
static const struct {
    const char *text, *code, *holds;
} BAD[] = {
    {"", "params.json", ""},
    {"[]", "params.json", "must be an object"},
    {"7", "params.json", "must be an object"},
    {"{\"threshold\":1", "params.json", ""},
    {"{\"threshold\":1150}x", "params.json", ""},
    {"{\"treshold\":1}", "params.unknown",
     "treshold: there is no such parameter; did you mean "
     "threshold?"},
    {"{\"xyzzyxyzzy\":1}", "params.unknown", "there are profile, version, threshold, related"},
    {"{\"caps\":{\"xyzzyxyzzyx\":1}}", "params.unknown", "there are alerts, users, devices, mode"},
    {"{\"types\":{\"usr\":{\"w\":1}}}", "params.unknown", "types.usr: there is no such parameter"},
    {"{\"types\":{\"user\":{\"weight\":1}}}", "params.unknown", "types.user.weight: "},
    {"{\"types\":{\"user\":{\"w\":{\"x\":{\"y\":{}}}}}}", "params.value",
     "types.user.w: must be a"},
    {"{\"terms\":{\"severity\":{\"critical\":1}}}", "params.unknown", "terms.severity.critical"},
    {"{\"threshold.\":1}", "params.unknown", ""},
    {"{\"\":1}", "params.unknown", "empty"},
    {"{\"a\\u0000b\":1}", "params.unknown", "NUL"},
    {"{\"threshold\":0}", "params.value", "threshold: must be a whole number from 1 to 1000000"},
    {"{\"threshold\":1000001}", "params.value", "threshold: must be"},
    {"{\"threshold\":1000.5}", "params.value", "threshold: must be"},
    {"{\"threshold\":1e3}", "params.value", "threshold: must be"},
    {"{\"threshold\":99999999999}", "params.value", "threshold: must be"},
    {"{\"threshold\":18446744073709551615}", "params.value", "threshold: must be"},
    {"{\"threshold\":99999999999999999999}", "params.json", "not JSON"},
    {"{\"threshold\":\"1000\"}", "params.value", "threshold: must be"},
    {"{\"threshold\":null}", "params.value", "threshold: must be"},
    {"{\"threshold\":true}", "params.value", "threshold: must be"},
    {"{\"threshold\":{}}", "params.value", "threshold: must be"},
    {"{\"threshold\":[]}", "params.value", "threshold: must be"},
    {"{\"threshold\":1100,\"threshold\":1100}", "params.value", "threshold: stands there twice"},
    {"{\"caps\":{\"alerts\":5},\"caps.alerts\":5}", "params.value", "caps.alerts: stands there tw"},
    {"{\"caps\":5}", "params.value", "caps: must be an object"},
    {"{\"types\":{\"user\":[]}}", "params.value", "types.user: must be an object"},
    {"{\"types\":{\"user\":{\"w\":-1}}}", "params.value", "types.user.w: must be"},
    {"{\"types\":{\"user\":{\"w\":100001}}}", "params.value", "types.user.w: must be"},
    {"{\"types\":{\"user\":{\"half_life_s\":0}}}", "params.value", "half_life_s: must be"},
    {"{\"types\":{\"user\":{\"class\":\"people\"}}}", "params.value",
     "must be one of user, device, message, network, file, app"},
    {"{\"types\":{\"user\":{\"class\":1}}}", "params.value", "types.user.class: must be one of"},
    {"{\"types\":{\"user\":{\"content\":\"true\"}}}", "params.value", "must be true or false"},
    {"{\"types\":{\"user\":{\"content\":1}}}", "params.value", "must be true or false"},
    {"{\"terms\":{\"stage\":-1}}", "params.value", "terms.stage: must be"},
    {"{\"terms\":{\"severity\":{\"low\":0}}}", "params.value", "must not fall"},
    {"{\"terms\":{\"term_base\":1001}}", "params.value", "must not be above threshold"},
    {"{\"threshold\":299}", "params.value", "must not be above threshold"},
    {"{\"prevalence\":{\"days0\":0}}", "params.value", "prevalence.days0: must be"},
    {"{\"prevalence\":{\"novel_exempt\":\"user\"}}", "params.value", "must be a list of key types"},
    {"{\"prevalence\":{\"novel_exempt\":[1]}}", "params.value", "must be a list of key types"},
    {"{\"prevalence\":{\"novel_exempt\":[\"\"]}}", "params.value", "must be a list of key types"},
    {"{\"prevalence\":{\"novel_exempt\":[\"user,ip\"]}}", "params.value", "must be a list"},
    {"{\"prevalence\":{\"novel_exempt\":[\"people\"]}}", "params.value", "no key type 'people'"},
    {"{\"lifecycle\":{\"hold_s\":1801}}", "params.value", "lifecycle.hold_s: must be"},
    {"{\"caps\":{\"mode\":\"split\"}}", "params.value", "must be one of refuse, rebuild"},
    {"{\"caps\":{\"alerts\":0}}", "params.value", "caps.alerts: must be"},
    {"{\"source_incident\":true}", "params.value", "must be one of off, hint, bind"},
    {"{\"version\":2}", "params.value", "version: must be a whole number from 1 to 1"},
    {"{\"profile\":\"best\"}", "params.value", "profile: must be one of default, reference"},
    {"{\"profile\":1}", "params.value", "profile: must be one of"},
    {"{\"profile\":[\"flat\"]}", "params.value", "profile: must be one of"},
    {"{\"profile\":\"flat\",\"profile\":\"ids\"}", "params.value", "profile: stands there twice"},
};

static void
test_every_bad_document_is_refused_with_a_message_and_changes_nothing(void **state)
{
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct params p = params_default;
        struct err e = params_read(slice_of(BAD[i].text), &p);
        if (e.kind != ERR_REJECT || strcmp(e.code, BAD[i].code) != 0 || e.text[0] == '\0' ||
            strstr(e.text, BAD[i].holds) == NULL)
            fail_msg("%s: %s: %s", BAD[i].text, e.kind ? e.code : "taken", e.text);
        assert_same(&p, &params_default, *state);
    }
}

static void
test_a_bad_file_is_told_with_line_and_column(void **state)
{
    static const struct {
        const char *text, *holds;
    } ROWS[] = {
        {"threshold: 1000\nterms:\n  stage: 12.5\n", "f:3:3: terms.stage: must be a whole number"},
        {"terms:\n  stge: 12\n", "f:2:3: terms.stge: there is no such parameter; did you mean"},
        {"threshold: 1\nthreshold: 2\n", "f:2:1: threshold is already set in line 1"},
        {"threshold:\n", "f:1:1: threshold: must be"},
        {"- threshold\n", "f:1:1: a list"},
        {"threshold 1\n", "f:1:1: "},
        {"prevalence.novel_exempt: [user]\n", "f:1:26: a list"},
        {"prevalence.novel_exempt: user; device\n", "f:1:1: prevalence.novel_exempt: there is no"},
        {"caps.mode: 1\n", "f:1:1: caps.mode: must be one of refuse, rebuild"},
        {"fold_without_keys: maybe\n", "f:1:1: fold_without_keys: must be true or false"},
        {"profile: best\n", "f:1:1: profile: must be one of"},
        {"terms.severity.low: 0\n", "f: terms.severity: must not fall"},
        {"{\"threshold\":0}", "f: threshold: must be"},
        {"{", "f: "},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct params p = params_default;
        struct err e = params_read_text("f", slice_of(ROWS[i].text), &p);
        if (e.kind == ERR_NONE || strstr(e.text, ROWS[i].holds) != e.text)
            fail_msg("%s: %s", ROWS[i].text, e.text);
        assert_same(&p, &params_default, *state);
    }
}

static void
test_a_file_that_cannot_be_read_stops_with_its_name(void **state)
{
    char name[] = "/tmp/weir-params-XXXXXX";
    struct params p = params_default;
    struct err e = params_read_file("/nowhere/correlation.yaml", &p);
    assert_int_equal(e.kind, ERR_STOP);
    assert_string_equal(e.code, "params.conf");
    assert_string_equal(e.text, "/nowhere/correlation.yaml: No such file or directory");
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "threshold: 1200\n", 16), 16);
    e = params_read_file(name, &p);
    assert_string_equal(e.text, "");
    assert_int_equal(p.threshold, 1200);
    assert_int_equal(write(fd, "scan_max: 0\n", 12), 12);
    e = params_read_file(name, &p);
    assert_int_equal(e.kind, ERR_STOP);
    assert_string_equal(e.code, "params.conf");
    assert_non_null(strstr(e.text, ":2:1: scan_max: must be"));
    close(fd);
    unlink(name);
    e = params_read_file("/tmp", &p);
    assert_string_equal(e.code, "params.conf");
    (void)state;
}

static void
test_the_canonical_form_is_sorted_and_reads_back(void **state)
{
    for (const struct params_profile *f = params_profiles; f->name != NULL; f++) {
        struct params p = profile(f->name), back = params_default;
        struct slice json = params_json(&p, *state);
        struct err e = params_read(json, &back);
        assert_string_equal(e.text, "");
        assert_same(&p, &back, *state);
    }
    struct slice json = params_json(&params_default, *state);
    assert_true(slice_starts(json, SLICE("{\"caps\":{\"alerts\":1000,\"devices\":150,\"mode\":"
                                         "\"refuse\",\"soft_alerts\":150,\"soft_users\":25,"
                                         "\"users\":150},\"fold_gap_s\":")));
    assert_true(slice_find(json, SLICE("\"novel_exempt\":[\"user\",\"device\",\"nb\",\"app\"],"),
                           0) < json.n);
    assert_true(slice_ends(json, SLICE("\"version\":1,\"watermark_alerts\":3}")));
}

static void
test_the_digest_tells_two_sets_of_values_apart(void **state)
{
    char a[PARAMS_DIGEST_TEXT], b[PARAMS_DIGEST_TEXT];
    struct params p = params_default;
    params_digest_text(&params_default, a);
    params_digest_text(&p, b);
    assert_int_equal(strlen(a), 12);
    assert_int_equal(strspn(a, "0123456789abcdef"), 12);
    assert_string_equal(a, b);
    p.rules[KEY_RESOURCE].novel_exempt = true;
    params_digest_text(&p, b);
    assert_string_not_equal(a, b);
    (void)state;
}

/* The published rule, pinned: what others choose for `default` must not move it. */
static void
test_the_reference_profile_stays_as_it_was_published(void **state)
{
    struct params p = profile("reference"), pinned = p;
    struct err e = params_read(
        SLICE("{\"threshold\":1000,\"related\":700,\"strong\":550,\"min_key_weight\":120,"
              "\"time_step_s\":60,\"fold_gap_s\":3600,\"fold_without_keys\":true,"
              "\"terms\":{\"stage\":150,\"product\":80,\"twin\":350,\"twin_min\":700,"
              "\"term_base\":300,\"severity\":{\"high\":100,\"medium\":-50,\"low\":-150,"
              "\"informational\":-150}},\"prevalence\":{\"history_days\":14,\"lag_days\":2,"
              "\"novel\":1150,\"days0\":20,\"counterparts\":8,\"fan0\":{\"user\":3,\"device\":6,"
              "\"nb\":0,\"nmid\":0,\"imid\":0,\"mcl\":0,\"sender\":15,\"url\":8,\"dom\":8,\"ip\":2,"
              "\"ipint\":3,\"sha\":8,\"cmd\":5,\"proc\":0,\"sess\":0,\"oauth\":8,\"app\":2,"
              "\"res\":4},\"novel_exempt\":[\"user\",\"device\",\"nb\",\"app\"]},"
              "\"caps\":{\"alerts\":1000,\"users\":150,\"devices\":150,\"mode\":\"refuse\"},"
              "\"source_incident\":\"off\",\"types\":{"
              "\"user\":{\"w\":800,\"half_life_s\":64800,\"window_s\":259200},"
              "\"device\":{\"w\":930,\"half_life_s\":10800,\"window_s\":172800},"
              "\"nb\":{\"w\":500,\"half_life_s\":43200,\"window_s\":86400},"
              "\"nmid\":{\"w\":1200,\"half_life_s\":345600,\"window_s\":604800},"
              "\"imid\":{\"w\":1200,\"half_life_s\":345600,\"window_s\":604800},"
              "\"mcl\":{\"w\":1500,\"half_life_s\":172800,\"window_s\":345600,\"content\":true},"
              "\"sender\":{\"w\":500,\"half_life_s\":86400,\"window_s\":172800},"
              "\"url\":{\"w\":1250,\"half_life_s\":86400,\"window_s\":345600,\"content\":true},"
              "\"dom\":{\"w\":350,\"half_life_s\":144000,\"window_s\":345600},"
              "\"ip\":{\"w\":800,\"half_life_s\":115200,\"window_s\":259200},"
              "\"ipint\":{\"w\":350,\"half_life_s\":14400,\"window_s\":43200},"
              "\"sha\":{\"w\":800,\"half_life_s\":259200,\"window_s\":604800,\"content\":true},"
              "\"cmd\":{\"w\":450,\"half_life_s\":28800,\"window_s\":172800,\"content\":true},"
              "\"proc\":{\"w\":1300,\"half_life_s\":172800,\"window_s\":345600},"
              "\"sess\":{\"w\":1200,\"half_life_s\":86400,\"window_s\":172800},"
              "\"oauth\":{\"w\":1150,\"half_life_s\":230400,\"window_s\":604800,\"content\":true},"
              "\"app\":{\"w\":100,\"half_life_s\":14400,\"window_s\":86400},"
              "\"res\":{\"w\":750,\"half_life_s\":86400,\"window_s\":172800}}}"),
        &pinned);
    assert_string_equal(e.text, "");
    assert_same(&p, &pinned, *state);
}

static void
test_the_other_profiles_are_the_default_with_their_changes(void **state)
{
    static const struct {
        const char *name, *changes;
    } ROWS[] = {
        {"default", "{}"},
        {"cautious", "{\"terms\":{\"severity\":{\"high\":50,\"medium\":-50,\"low\":-150}}}"},
        {"flat", "{\"threshold\":1150,\"terms\":{\"severity\":{\"high\":0,\"medium\":0,\"low\":0,"
                 "\"informational\":0}}}"},
        {"ids", "{\"fold_gap_s\":300,\"terms\":{\"product\":0,\"severity\":{\"high\":0,"
                "\"medium\":0,\"low\":0,\"informational\":0}},\"types\":{\"device\":{\"w\":1150,"
                "\"half_life_s\":3600}}}"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct params p = profile(ROWS[i].name), wanted = params_default;
        struct err e = params_read(slice_of(ROWS[i].changes), &wanted);
        assert_string_equal(e.text, "");
        (void)snprintf(wanted.profile, sizeof wanted.profile, "%s", ROWS[i].name);
        assert_same(&p, &wanted, *state);
    }
    struct params p = params_default;
    assert_false(params_profile(SLICE("best"), &p));
    assert_false(params_profile(SLICE_NONE, &p));
}

static void
count(void *ctx, const struct params_value *v)
{
    assert_true(v->help[0] != '\0' && v->help[strlen(v->help) - 1] == '.');
    if (v->words[0] == '\0' && v->value[0] != '[' && v->value[0] != 't' && v->value[0] != 'f' &&
        v->value[0] != '"')
        assert_true(v->least < v->most || strcmp(v->path, "version") == 0);
    ++*(size_t *)ctx;
}

static void
test_every_parameter_has_a_sentence(void **state)
{
    size_t n = 0;
    params_each(&params_default, count, &n);
    assert_true(n > 100);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_document_names_is_laid_over_the_rest),
        cmocka_unit_test(test_a_file_may_be_yaml_with_comments_or_json),
        cmocka_unit_test(test_the_profile_is_taken_first_wherever_it_stands),
        cmocka_unit_test(test_every_bad_document_is_refused_with_a_message_and_changes_nothing),
        cmocka_unit_test(test_a_bad_file_is_told_with_line_and_column),
        cmocka_unit_test(test_a_file_that_cannot_be_read_stops_with_its_name),
        cmocka_unit_test(test_the_canonical_form_is_sorted_and_reads_back),
        cmocka_unit_test(test_the_digest_tells_two_sets_of_values_apart),
        cmocka_unit_test(test_the_reference_profile_stays_as_it_was_published),
        cmocka_unit_test(test_the_other_profiles_are_the_default_with_their_changes),
        cmocka_unit_test(test_every_parameter_has_a_sentence),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
