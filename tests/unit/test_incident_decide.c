#include "normalize/incident.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { HOUR_S = 3600, LIMIT_BYTES = 16 << 20 };

static struct arena *arena;

static int
setup(void **state)
{
    (void)state;
    arena = arena_new(LIMIT_BYTES);
    return arena == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static int
fresh(void **state)
{
    (void)state;
    arena_reset(arena);
    return 0;
}

static struct incident_engine *
engine(const struct params *p)
{
    struct incident_engine *e = incident_engine_new(p, 1, LIMIT_BYTES);
    assert_non_null(e);
    return e;
}

/* An alert of its own detector that names one campaign: campaigns link alone. */
static void
add(struct incident_engine *e, const char *id, const char *campaign, int64_t at_s, bool resolved)
{
    struct key key = {.type = KEY_MAIL_CLUSTER, .weight = 1000, .value = slice_of(campaign)};
    struct key_set keys = {.keys = &key, .n_keys = 1};
    const struct incident_alert al = {.source = SLICE("mail"),
                                      .source_number = 2,
                                      .native_id = slice_of(id),
                                      .version = resolved ? 2 : 1,
                                      .created_s = at_s,
                                      .first_s = at_s,
                                      .last_s = at_s,
                                      .level = 2,
                                      .detector = slice_of(id),
                                      .title = SLICE("A title"),
                                      .resolved = resolved,
                                      .at = at_s,
                                      .keys = &keys};
    assert_int_equal(incident_add(e, &al).kind, ERR_NONE);
}

static int64_t
place(struct incident_engine *e, const char *id)
{
    return incident_of(e, SLICE("mail"), slice_of(id));
}

static struct incident_decision
decision(enum incident_decision_kind kind, int64_t id, int64_t into)
{
    return (struct incident_decision){.kind = kind,
                                      .incident_id = id,
                                      .into = into,
                                      .status = -1,
                                      .classification = -1,
                                      .determination = -1,
                                      .at = 1};
}

static const char *
decide(struct incident_engine *e, struct incident_decision d)
{
    struct err err = incident_decide(e, &d);
    return err.kind ? err.code : "done";
}

static const char *
set_status(struct incident_engine *e, int64_t id, enum incident_status status)
{
    struct incident_decision d = decision(DECISION_UPDATE, id, 0);
    d.status = (int)status;
    return decide(e, d);
}

static const char *
set_owner(struct incident_engine *e, int64_t id, const char *owner)
{
    struct incident_decision d = decision(DECISION_UPDATE, id, 0);
    d.assigned_to = slice_of(owner);
    return decide(e, d);
}

static struct incident_changes
commit(struct incident_engine *e)
{
    struct incident_changes c;
    assert_int_equal(incident_changes(e, arena, &c).kind, ERR_NONE);
    incident_commit(e);
    return c;
}

static const struct incident_row *
row_of(const struct incident_changes *c, int64_t id)
{
    for (size_t i = 0; i < c->n_rows; i++)
        if (c->rows[i].id == id)
            return &c->rows[i];
    fail_msg("incident %lld did not change", (long long)id);
    return NULL;
}

static const char *
related_why(const struct incident_changes *c, int64_t a, int64_t b)
{
    for (size_t i = 0; i < c->n_related; i++)
        if (c->related[i].a == a && c->related[i].b == b)
            return c->related[i].why;
    return "none";
}

static void
test_what_links_only_to_a_closed_incident_continues_it(void **state)
{
    struct incident_engine *e = engine(&params_default);
    add(e, "a", "x", 0, false);
    (void)commit(e);
    assert_string_equal(set_status(e, 1, INCIDENT_RESOLVED), "done");
    struct incident_changes c = commit(e);
    assert_string_equal(row_of(&c, 1)->kind, "closed");
    assert_int_equal(row_of(&c, 1)->status, INCIDENT_RESOLVED);
    add(e, "b", "x", 60, false);
    c = commit(e);
    assert_int_equal(place(e, "b"), 2);
    assert_string_equal(related_why(&c, 1, 2), "continues");
    add(e, "c", "x", 120, false); /* it has somewhere to go now */
    c = commit(e);
    assert_int_equal(place(e, "c"), 2);
    assert_string_equal(related_why(&c, 1, 2), "closed");
    assert_string_equal(set_status(e, 1, INCIDENT_RESOLVED), "incident.nothing");
    assert_string_equal(set_status(e, 1, INCIDENT_ACTIVE), "done"); /* the rule decides again */
    c = commit(e);
    assert_int_equal(place(e, "a"), place(e, "b"));
    assert_int_equal(row_of(&c, 2)->redirect_to, 1);
    assert_string_equal(row_of(&c, 1)->kind, "reopened");
    incident_engine_free(e);
    (void)state;
}

static void
test_a_repeat_soon_after_opens_what_was_closed_when_the_option_is_on(void **state)
{
    static const struct {
        int32_t reopen_s;
        int64_t at_s;
        int64_t place;
    } rows[] = {
        {0, HOUR_S, 2}, {86400, HOUR_S / 2, 1}, {86400, 20 * HOUR_S, 1}, {86400, 25 * HOUR_S, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct params p = params_default;
        p.reopen_s = rows[i].reopen_s;
        struct incident_engine *e = engine(&p);
        struct key key = {.type = KEY_MAIL_CLUSTER, .weight = 1000, .value = SLICE("x")};
        struct key_set keys = {.keys = &key, .n_keys = 1};
        struct incident_alert al = {.source = SLICE("mail"),
                                    .native_id = SLICE("a"),
                                    .version = 1,
                                    .level = 2,
                                    .detector = SLICE("one"),
                                    .keys = &keys};
        assert_int_equal(incident_add(e, &al).kind, ERR_NONE);
        (void)commit(e);
        assert_string_equal(set_status(e, 1, INCIDENT_RESOLVED), "done");
        (void)commit(e);
        al.native_id = SLICE("b");
        al.created_s = al.first_s = al.last_s = rows[i].at_s;
        assert_int_equal(incident_add(e, &al).kind, ERR_NONE);
        struct incident_changes c = commit(e);
        assert_int_equal(place(e, "b"), rows[i].place);
        if (rows[i].place == 1)
            assert_string_equal(row_of(&c, 1)->kind, "reopened");
        incident_engine_free(e);
    }
    (void)state;
}

static void
test_an_incident_is_resolved_with_its_alerts_and_that_seals_nothing(void **state)
{
    struct incident_engine *e = engine(&params_default);
    add(e, "a", "x", 0, false);
    add(e, "b", "x", 0, false);
    (void)commit(e);
    add(e, "a", "x", 0, true);
    struct incident_changes c = commit(e);
    assert_int_equal(row_of(&c, 1)->status, INCIDENT_ACTIVE);
    add(e, "b", "x", 0, true);
    c = commit(e);
    assert_int_equal(row_of(&c, 1)->status, INCIDENT_RESOLVED);
    assert_string_equal(row_of(&c, 1)->kind, "closed");
    add(e, "c", "x", 60, false);
    c = commit(e);
    assert_int_equal(place(e, "c"), 1);
    assert_int_equal(row_of(&c, 1)->status, INCIDENT_ACTIVE);
    assert_string_equal(row_of(&c, 1)->kind, "reopened");
    assert_string_equal(set_owner(e, 1, "olga"), "done");
    add(e, "c", "x", 60, true);
    c = commit(e); /* a person holds it */
    assert_int_equal(row_of(&c, 1)->status, INCIDENT_ACTIVE);
    assert_true(slice_eq(row_of(&c, 1)->assigned_to, SLICE("olga")));
    incident_engine_free(e);
    (void)state;
}

/* Two incidents, of which `joins` makes one by the rule; and what people said of them before. */
static struct incident_changes
two_meet(struct incident_engine *e, const char *owner_1, const char *owner_2, int32_t class_1,
         int32_t class_2)
{
    const char *owners[] = {owner_1, owner_2};
    const int32_t classes[] = {class_1, class_2};
    add(e, "a", "x", 0, false);
    add(e, "b", "y", 0, false);
    for (int64_t i = 0; i < 2; i++) {
        struct incident_decision d = decision(DECISION_UPDATE, i + 1, 0);
        d.assigned_to = slice_of(owners[i]);
        d.classification = classes[i];
        if (owners[i] != NULL || classes[i] > 0)
            assert_string_equal(decide(e, d), "done");
    }
    (void)commit(e);
    struct key both[] = {{.type = KEY_MAIL_CLUSTER, .weight = 1000, .value = SLICE("x")},
                         {.type = KEY_MAIL_CLUSTER, .weight = 1000, .value = SLICE("y")}};
    struct key_set keys = {.keys = both, .n_keys = 2};
    const struct incident_alert al = {.source = SLICE("mail"),
                                      .native_id = SLICE("joins"),
                                      .version = 1,
                                      .level = 2,
                                      .detector = SLICE("joins"),
                                      .keys = &keys};
    assert_int_equal(incident_add(e, &al).kind, ERR_NONE);
    return commit(e);
}

static void
test_who_survives_a_merge_and_what_stays_apart(void **state)
{
    static const struct {
        const char *owner_1, *owner_2;
        int32_t class_1, class_2;
        int64_t gone; /* 0: they stay apart */
        const char *why, *owner;
    } rows[] = {
        {NULL, NULL, 0, 0, 2, "none", NULL},
        {NULL, "olga", 0, 0, 1, "none", "olga"},
        {"olga", "olga", 0, 0, 2, "none", "olga"},
        {"olga", "omar", 0, 0, 0, "owner", NULL},
        {NULL, NULL, 10, 20, 0, "classification", NULL},
        {"olga", NULL, 0, 20, 2, "none", "olga"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct incident_engine *e = engine(&params_default);
        struct incident_changes c =
            two_meet(e, rows[i].owner_1, rows[i].owner_2, rows[i].class_1, rows[i].class_2);
        assert_string_equal(related_why(&c, 1, 2), rows[i].why);
        assert_int_equal(place(e, "a") == place(e, "b"), rows[i].gone != 0);
        if (rows[i].gone != 0) {
            assert_int_equal(row_of(&c, rows[i].gone)->redirect_to, 3 - rows[i].gone);
            struct slice owner = row_of(&c, 3 - rows[i].gone)->assigned_to;
            assert_true(slice_eq(owner, slice_of(rows[i].owner)));
        }
        incident_engine_free(e);
    }
    (void)state;
}

static void
test_when_the_owners_agree_the_incidents_meet(void **state)
{
    struct incident_engine *e = engine(&params_default);
    (void)two_meet(e, "olga", "omar", 0, 0);
    assert_string_equal(set_owner(e, 2, "olga"), "done");
    assert_int_equal(place(e, "a"), place(e, "b"));
    assert_string_equal(set_owner(e, 2, "olga"), "incident.unknown"); /* it is part of 1 */
    incident_engine_free(e);
    (void)state;
}

static void
test_a_moved_alert_stays_and_nothing_follows_it(void **state)
{
    struct incident_engine *e = engine(&params_default);
    const struct incident_alert_ref b = {SLICE("mail"), SLICE("b")};
    add(e, "a", "x", 0, false);
    add(e, "b", "x", 0, false);
    add(e, "z", "y", 0, false);
    (void)commit(e);
    struct incident_decision d = decision(DECISION_MOVE, 0, 2);
    d.alerts = &b;
    d.n_alerts = 1;
    assert_string_equal(decide(e, d), "done");
    struct incident_changes c = commit(e);
    assert_int_equal(place(e, "b"), 2);
    assert_int_equal(c.n_pins, 1);
    assert_true(c.pins[0].together && !c.pins[0].off && c.pins[0].incident_id == 2);
    add(e, "c", "x", 60, false);
    c = commit(e);
    assert_int_equal(place(e, "c"), 1);
    assert_int_equal(place(e, "b"), 2);
    assert_string_equal(related_why(&c, 1, 2), "pin");
    assert_string_equal(decide(e, d), "incident.nothing");
    d.kind = DECISION_PINS_OFF; /* the rule decides again: all that share the campaign meet */
    assert_string_equal(decide(e, d), "done");
    c = commit(e);
    assert_true(c.n_pins == 1 && c.pins[0].off);
    assert_int_equal(place(e, "z"), place(e, "a"));
    incident_engine_free(e);
    (void)state;
}

static void
test_the_last_alert_that_is_moved_leaves_a_redirect(void **state)
{
    struct incident_engine *e = engine(&params_default);
    const struct incident_alert_ref a = {SLICE("mail"), SLICE("a")};
    add(e, "a", "x", 0, false);
    add(e, "b", "y", 0, false);
    (void)commit(e);
    struct incident_decision d = decision(DECISION_MOVE, 0, 2);
    d.alerts = &a;
    d.n_alerts = 1;
    assert_string_equal(decide(e, d), "done");
    struct incident_changes c = commit(e);
    assert_int_equal(row_of(&c, 1)->redirect_to, 2);
    assert_int_equal(row_of(&c, 2)->alerts, 2);
    incident_engine_free(e);
    (void)state;
}

static void
test_a_split_stays_apart_and_both_halves_go_on(void **state)
{
    struct incident_engine *e = engine(&params_default);
    const struct incident_alert_ref refs[] = {{SLICE("mail"), SLICE("a")},
                                              {SLICE("mail"), SLICE("b")}};
    add(e, "a", "x", 0, false);
    add(e, "b", "x", 0, false);
    (void)commit(e);
    struct incident_decision d = decision(DECISION_SPLIT, 1, 0);
    d.alerts = refs;
    d.n_alerts = 2;
    assert_string_equal(decide(e, d), "incident.nothing"); /* all of it */
    d.n_alerts = 1;
    assert_int_equal(incident_decide(e, &d).kind, ERR_NONE);
    assert_int_equal(d.into, 2);
    struct incident_changes c = commit(e);
    assert_string_equal(row_of(&c, 1)->kind, "split");
    assert_string_equal(row_of(&c, 2)->kind, "created");
    assert_true(c.n_pins == 1 && !c.pins[0].together && c.pins[0].incident_id == 1);
    add(e, "c", "x", 60, false);
    (void)commit(e);
    assert_int_equal(place(e, "a"), 2);
    assert_int_equal(place(e, "b"), 1);
    assert_in_range(place(e, "c"), 1, 2);
    d = decision(DECISION_MERGE, 2, 1); /* a person may take it back */
    assert_string_equal(decide(e, d), "done");
    c = commit(e);
    assert_int_equal(place(e, "a"), 1);
    assert_true(c.n_pins == 1 && c.pins[0].off);
    incident_engine_free(e);
    (void)state;
}

static void
test_refused_decisions_say_why(void **state)
{
    struct params p = params_default;
    p.cap_alerts = 2;
    struct incident_engine *e = engine(&p);
    const struct incident_alert_ref a = {SLICE("mail"), SLICE("a")},
                                    no = {SLICE("mail"), SLICE("nobody")};
    add(e, "a", "x", 0, false);
    add(e, "b", "y", 0, false);
    add(e, "c", "y", 0, false);
    add(e, "d", "z", 0, false);
    assert_string_equal(set_status(e, 3, INCIDENT_RESOLVED), "done");
    (void)commit(e);
    struct incident_decision d = decision(DECISION_MOVE, 0, 2);
    assert_string_equal(decide(e, d), "incident.nothing"); /* no alert is named */
    d.alerts = &a;
    d.n_alerts = 1;
    assert_string_equal(decide(e, d), "incident.cap");
    d.into = 3;
    assert_string_equal(decide(e, d), "incident.closed");
    d.into = 99;
    assert_string_equal(decide(e, d), "incident.unknown");
    d.alerts = &no;
    d.into = 2;
    assert_string_equal(decide(e, d), "incident.unknown");
    assert_string_equal(decide(e, decision(DECISION_MERGE, 1, 2)), "incident.cap");
    assert_string_equal(decide(e, decision(DECISION_MERGE, 1, 3)), "incident.closed");
    assert_string_equal(decide(e, decision(DECISION_MERGE, 1, 1)), "incident.nothing");
    assert_string_equal(decide(e, decision(DECISION_MERGE, 99, 1)), "incident.unknown");
    d = decision(DECISION_SPLIT, 2, 0);
    d.alerts = &a;
    d.n_alerts = 1;
    assert_string_equal(decide(e, d), "incident.unknown"); /* not one of its */
    d = decision(DECISION_PINS_OFF, 0, 0);
    d.alerts = &a;
    d.n_alerts = 1;
    assert_string_equal(decide(e, d), "incident.nothing");
    assert_string_equal(decide(e, decision(DECISION_UPDATE, 1, 0)), "incident.nothing");
    struct incident_changes c = commit(e);
    assert_int_equal(c.n_rows + c.n_members + c.n_pins, 0);
    incident_engine_free(e);
    (void)state;
}

/* Two tight halves and one alert that shares something with each. */
static void
test_past_a_soft_cap_the_weakest_link_is_shown(void **state)
{
    struct params p = params_default;
    p.soft_alerts = 5;
    struct incident_engine *e = engine(&p);
    char id[16];
    for (int i = 0; i < 6; i++) {
        (void)snprintf(id, sizeof id, "%c%d", i < 3 ? 'a' : 'b', i);
        add(e, id, i < 3 ? "x" : "y", 0, false);
    }
    struct key both[] = {{.type = KEY_MAIL_CLUSTER, .weight = 1000, .value = SLICE("x")},
                         {.type = KEY_MAIL_CLUSTER, .weight = 900, .value = SLICE("y")}};
    struct key_set keys = {.keys = both, .n_keys = 2};
    const struct incident_alert al = {.source = SLICE("mail"),
                                      .native_id = SLICE("m"),
                                      .version = 1,
                                      .level = 2,
                                      .detector = SLICE("m"),
                                      .keys = &keys};
    struct incident_changes c = commit(e);
    assert_int_equal(c.n_splits, 0);
    assert_int_equal(incident_add(e, &al).kind, ERR_NONE);
    c = commit(e);
    assert_int_equal(c.n_splits, 1);
    assert_int_equal(c.splits[0].incident_id, 1);
    assert_true(slice_eq(c.splits[0].b.native_id, SLICE("m")));
    assert_int_equal(c.splits[0].alerts_a + c.splits[0].alerts_b, 7);
    assert_true(c.splits[0].alerts_a == 3);
    add(e, "a9", "x", 0, false);
    assert_int_equal(commit(e).n_splits, 1); /* 8: a quarter more */
    add(e, "a8", "x", 0, false);
    assert_int_equal(commit(e).n_splits, 0);
    incident_engine_free(e);
    (void)state;
}

/* Three alerts, of which a cap of two lets only the strongest link stand, in every order. */
static void
test_a_cap_takes_apart_at_the_weakest_link_when_it_may(void **state)
{
    static const char *const orders[] = {"abc", "acb", "bac", "bca", "cab", "cba"};
    struct params p = params_default;
    p.cap_alerts = 2;
    p.caps_mode = CAPS_REBUILD;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        struct incident_engine *e = engine(&p);
        for (const char *c = orders[i]; *c != '\0'; c++) {
            struct key keys[] = {
                {.type = KEY_MAIL_CLUSTER, .weight = 1000, .value = SLICE("strong")},
                {.type = KEY_MAIL_CLUSTER, .weight = 900, .value = SLICE("weak")}};
            struct key_set set = {.keys = *c == 'a' ? keys + 1 : keys, .n_keys = *c == 'b' ? 2 : 1};
            const struct incident_alert al = {.source = SLICE("mail"),
                                              .native_id = {c, 1},
                                              .version = 1,
                                              .level = 2,
                                              .detector = {c, 1},
                                              .keys = &set};
            assert_int_equal(incident_add(e, &al).kind, ERR_NONE);
        }
        struct incident_changes c = commit(e);
        assert_int_equal(place(e, "b"), place(e, "c"));
        assert_int_not_equal(place(e, "a"), place(e, "b"));
        assert_true(c.refused > 0);
        assert_string_equal(related_why(&c, 1, 2), "cap");
        incident_engine_free(e);
    }
    (void)state;
}

static void
test_other_parameters_leave_what_is_together(void **state)
{
    struct params strict = params_default;
    strict.threshold = 5000;
    strict.related = 4000;
    struct incident_engine *e = engine(&params_default);
    add(e, "a", "x", 0, false);
    add(e, "b", "x", 0, false);
    incident_params(e, &strict);
    add(e, "c", "x", 0, false);
    assert_int_equal(place(e, "a"), place(e, "b"));
    assert_int_not_equal(place(e, "c"), place(e, "a"));
    struct incident_changes c = commit(e);
    assert_false(row_of(&c, 1)->by_rule);
    assert_true(row_of(&c, 2)->by_rule);
    incident_engine_free(e);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_links_only_to_a_closed_incident_continues_it, fresh),
        cmocka_unit_test_setup(test_a_repeat_soon_after_opens_what_was_closed_when_the_option_is_on,
                               fresh),
        cmocka_unit_test_setup(test_an_incident_is_resolved_with_its_alerts_and_that_seals_nothing,
                               fresh),
        cmocka_unit_test_setup(test_who_survives_a_merge_and_what_stays_apart, fresh),
        cmocka_unit_test_setup(test_when_the_owners_agree_the_incidents_meet, fresh),
        cmocka_unit_test_setup(test_a_moved_alert_stays_and_nothing_follows_it, fresh),
        cmocka_unit_test_setup(test_the_last_alert_that_is_moved_leaves_a_redirect, fresh),
        cmocka_unit_test_setup(test_a_split_stays_apart_and_both_halves_go_on, fresh),
        cmocka_unit_test_setup(test_refused_decisions_say_why, fresh),
        cmocka_unit_test_setup(test_past_a_soft_cap_the_weakest_link_is_shown, fresh),
        cmocka_unit_test_setup(test_a_cap_takes_apart_at_the_weakest_link_when_it_may, fresh),
        cmocka_unit_test_setup(test_other_parameters_leave_what_is_together, fresh),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
