#include "serve/why_not.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/json.h"

enum { HOUR_S = 3600, LIMIT_BYTES = 1 << 20, SHARED_MAX = 4 };

/* Two alerts and all that is known of them, most of it by default. */
struct case_of {
    struct arena *a;
    struct link_key keys[2][SHARED_MAX];
    struct link_node nodes[2];
    struct slice values[SHARED_MAX];
    int32_t days[SHARED_MAX];
    struct alerts_full alerts[2];
    struct incidents_row incidents[2];
    struct incidents_relation related;
    struct why_not w;
};

static struct slice
id_of(void *arg, struct slice source, struct slice native_id)
{
    const struct case_of *c = arg;
    (void)source;
    return slice_join(c->a, SLICE("id-"), native_id);
}

static void
case_new(struct case_of *c)
{
    *c = (struct case_of){.a = arena_new(LIMIT_BYTES)};
    assert_non_null(c->a);
    for (size_t i = 0; i < 2; i++) {
        c->nodes[i] = (struct link_node){.leads = 1, .level = 2, .points = -50, .keys = c->keys[i]};
        c->alerts[i].row.id = slice_of(i == 0 ? "A" : "B");
        c->incidents[i] = (struct incidents_row){.id = 7 + (int64_t)i, .status = SLICE("active")};
    }
    c->w = (struct why_not){.alert = &c->alerts[0],
                            .other = &c->alerts[1],
                            .incident = &c->incidents[0],
                            .other_incident = &c->incidents[1],
                            .params = &params_default,
                            .shared = {.values = c->values, .days = c->days},
                            .id_of = id_of,
                            .arg = c};
}

/* Both have the key; in the order in which why_of tells them. */
static void
share(struct case_of *c, enum key_type type, int32_t weight, const char *value, int32_t days)
{
    size_t n = c->nodes[0].n_keys;
    for (size_t i = 0; i < 2; i++)
        c->keys[i][c->nodes[i].n_keys++] = (struct link_key){(uint32_t)n, type, weight};
    c->values[n] = slice_of(value);
    c->days[n] = days;
}

static struct slice
sentence(struct case_of *c)
{
    assert_int_equal(
        why_of(&c->nodes[0], &c->nodes[1], c->w.params, NULL, NULL, c->a, &c->w.shared.why).kind,
        ERR_NONE);
    c->w.shared.level = c->nodes[0].level;
    c->w.shared.other_level = c->nodes[1].level;
    return why_not_sentence(&c->w, c->a);
}

static void
assert_text(struct slice got, const char *want)
{
    if (!slice_eq(got, slice_of(want)))
        fail_msg("'%.*s' is not '%s'", SLICE_ARG(got), want);
}

static void
test_what_is_missing_is_told_with_what_would_be_enough(void **state)
{
    struct case_of c;
    case_new(&c);
    share(&c, KEY_IP, 310, "203.0.113.9", 9);
    share(&c, KEY_USER, 600, "upn:anna@contoso.com", 0);
    c.nodes[1].first_s = c.nodes[1].last_s = 2 * HOUR_S;
    /* user 600 * 981 / 1024 = 574; address 310 * 981 / 1024 = 296; two medium severities -100 */
    c.values[0] = SLICE("upn:anna@contoso.com"); /* the better key is told first */
    c.values[1] = SLICE("203.0.113.9");
    c.days[0] = 0;
    c.days[1] = 9;
    struct slice got = sentence(&c);
    assert_int_equal(c.w.shared.why.score.score, 574 + 296 - 100);
    assert_text(got, "They share 770 of 1000: 230 points are missing. Were the address not "
                     "ordinary, it would be enough.");
    assert_text(why_not_key(&c.w, 0, c.a),
                "same user anna@contoso.com: weight 600 of 800, it is ordinary; 2 h apart leave "
                "95 %: 574 points");
    assert_text(why_not_key(&c.w, 1, c.a),
                "same address 203.0.113.9: weight 310 of 800, it is ordinary: seen on 9 of 12 days "
                "before; 2 h apart leave 95 %: 296 points");
    assert_text(why_not_term(&c.w, 0, c.a),
                "no next stage, both show the same one: it would be 150 points");
    assert_text(why_not_term(&c.w, 3, c.a), "severities medium and medium: -100 points");
    arena_free(c.a);
    (void)state;
}

static void
test_each_verdict_has_its_sentence(void **state)
{
    static const struct {
        enum key_type type;
        int32_t weight;
        bool same_incident, repeat;
        size_t steps;
        const char *related, *verdict, *starts, *has;
    } rows[] = {
        {KEY_TYPES, 0, false, false, 0, NULL, "nothing_shared", "They share nothing", ""},
        {KEY_USER, 549, false, false, 0, NULL, "too_little", "They share 449 of 1000: 551", ""},
        {KEY_MAIL_CLUSTER, 1500, false, false, 0, "cap", "kept_apart", "They share 1400 of 1000",
         "pass a cap"},
        {KEY_MAIL_CLUSTER, 1500, false, false, 0, "continues", "kept_apart", "They share 1400",
         "continues it"},
        {KEY_MAIL_CLUSTER, 1500, false, false, 0, NULL, "kept_apart", "They share 1400",
         "no reason is stored"},
        {KEY_MAIL_CLUSTER, 1500, true, false, 1, NULL, "linked", "They are together by a link",
         "incident 7"},
        {KEY_USER, 200, true, false, 3, NULL, "together", "They share 200 of 1000", "3 steps"},
        {KEY_USER, 200, true, false, 0, NULL, "together", "They are together in incident 7",
         "a person"},
        {KEY_USER, 200, true, true, 0, NULL, "repeat", "They are together: one repeats", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct case_of c;
        struct incident_reason path[3] = {{.level = 1}};
        case_new(&c);
        if (rows[i].type != KEY_TYPES)
            share(&c, rows[i].type, rows[i].weight, "x", 0);
        c.w.other_incident = rows[i].same_incident ? c.w.incident : c.w.other_incident;
        c.w.shared.repeat = rows[i].repeat;
        c.w.path = path;
        c.w.n_path = rows[i].steps;
        c.related = (struct incidents_relation){7, 8, 900, slice_of(rows[i].related)};
        c.w.related = rows[i].related != NULL ? &c.related : NULL;
        c.nodes[1].detector = 1; /* else it would be an outbreak */
        struct slice got = sentence(&c);
        assert_string_equal(why_not_word(why_not_verdict(&c.w)), rows[i].verdict);
        if (!slice_starts(got, slice_of(rows[i].starts)) ||
            slice_find(got, slice_of(rows[i].has), 0) == got.n)
            fail_msg("row %zu: '%.*s'", i, SLICE_ARG(got));
        arena_free(c.a);
    }
    (void)state;
}

static void
test_a_weak_key_with_enough_points_is_told_as_weak(void **state)
{
    struct case_of c;
    case_new(&c);
    share(&c, KEY_USER, 549, "upn:anna", 12);
    c.nodes[0].level = c.nodes[1].level = 3;
    c.nodes[0].points = c.nodes[1].points = 100;
    c.nodes[1].leads = 2;
    c.nodes[1].product = 1;
    c.w.params = &params_default;
    struct slice got = sentence(&c);
    assert_int_equal(why_not_verdict(&c.w), WHY_NOT_LITTLE); /* 979 */
    c.keys[0][0].weight = c.keys[1][0].weight = 549;
    struct params eager = params_default;
    eager.term_stage = 200;
    c.w.params = &eager;
    got = sentence(&c);
    assert_int_equal(why_not_verdict(&c.w), WHY_NOT_WEAK);
    assert_true(slice_starts(got, SLICE("They share 1029 of 1000, but only one kind of thing")));
    arena_free(c.a);
    (void)state;
}

static void
test_keys_that_do_not_count_say_why(void **state)
{
    static const struct {
        enum key_type type;
        int32_t weight;
        int64_t gap_s;
        const char *ends;
    } rows[] = {
        {KEY_USER, 80, 0, "weight 80 of 800, it is ordinary; under 120 it does not count"},
        {KEY_USER, 800, 80 * HOUR_S, "weight 800; 3 days apart is beyond its 3 days"},
        {KEY_DEVICE, 120, 30 * HOUR_S, "nothing is left of it 30 h apart"},
        {KEY_IP, 920, 0, "weight 920 of 800, never seen before: 920 points"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct case_of c;
        case_new(&c);
        share(&c, rows[i].type, rows[i].weight, "x", 0);
        c.nodes[1].first_s = c.nodes[1].last_s = rows[i].gap_s;
        (void)sentence(&c);
        struct slice got = why_not_key(&c.w, 0, c.a);
        if (!slice_ends(got, slice_of(rows[i].ends)))
            fail_msg("'%.*s'", SLICE_ARG(got));
        arena_free(c.a);
    }
    (void)state;
}

static void
test_the_points_that_count_in_the_json_add_up_to_its_score(void **state)
{
    struct case_of c;
    struct json doc, item;
    case_new(&c);
    share(&c, KEY_URL, 1250, "http://a", 0);
    share(&c, KEY_USER, 700, "upn:anna", 0);
    share(&c, KEY_IP, 500, "203.0.113.9", 3);
    (void)sentence(&c);
    struct slice text = why_not_json(&c.w, c.a), name;
    assert_int_equal(json_parse(text, c.a, &doc).kind, ERR_NONE);
    int64_t sum = 0, score = -1, points;
    for (struct json_iter it = json_items(json_get(doc, "keys")); json_next(&it, &name, &item);)
        if (slice_eq(json_get_text(item, "state"), SLICE("counts")) &&
            json_get_int(item, "points", &points))
            sum += points;
    for (struct json_iter it = json_items(json_get(doc, "terms")); json_next(&it, &name, &item);)
        if (slice_eq(json_get_text(item, "state"), SLICE("given")) &&
            json_get_int(item, "points", &points))
            sum += points;
    assert_true(json_get_int(doc, "score", &score));
    assert_int_equal(sum, score);
    assert_int_equal(score, 1250 + 700 - 100 + 350);
    assert_true(slice_eq(json_get_text(doc, "verdict"), SLICE("kept_apart")));
    assert_int_equal(json_type(json_get(doc, "related")), JSON_NULL);
    arena_free(c.a);
    (void)state;
}

static void
test_steps_are_told_with_the_ids_that_people_know(void **state)
{
    struct case_of c;
    case_new(&c);
    const struct incident_reason path[] = {
        {.alert_id = SLICE("n1"), .partner_id = SLICE("n2"), .partner_source = SLICE("mail")}};
    c.w.path = path;
    c.w.n_path = 1;
    c.w.other_incident = c.w.incident;
    (void)sentence(&c);
    assert_true(slice_starts(why_not_step(&c.w, 0, c.a), SLICE("A repeat of alert id-n2")));
    struct slice text = why_not_json(&c.w, c.a);
    assert_true(slice_find(text, SLICE("\"alertId\":\"id-n1\",\"partner\":\"id-n2\""), 0) < text.n);
    arena_free(c.a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_missing_is_told_with_what_would_be_enough),
        cmocka_unit_test(test_each_verdict_has_its_sentence),
        cmocka_unit_test(test_a_weak_key_with_enough_points_is_told_as_weak),
        cmocka_unit_test(test_keys_that_do_not_count_say_why),
        cmocka_unit_test(test_the_points_that_count_in_the_json_add_up_to_its_score),
        cmocka_unit_test(test_steps_are_told_with_the_ids_that_people_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
