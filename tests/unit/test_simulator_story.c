/*
 * The story through weir's own maps, keys and link rule; and the plan that it becomes.
 * tests/simulator/check_story asks the reference engine the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/crypto.h"
#include "ingest/source.h"
#include "normalize/incident.h"
#include "tests/simulator/sim.h"

enum { ALERTS_MAX = 200, DOCUMENTS_MAX = 20 };

#define START INT64_C(15789900001234567) /* 2020-01-14T08:20:00.1234567Z */

struct known {
    struct slice source, native_id;
    struct slice truth;
    struct source_document docs[DOCUMENTS_MAX];
    size_t n_docs;
};

struct world {
    struct arena *a;
    struct plan plan;
    struct key_tenant tenant;
    struct params params;
    struct incident_engine *engine;
    struct known known[ALERTS_MAX];
    size_t n_known;
};

static int
setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return 1;
    *state = w;
    w->a = arena_new((size_t)256 << 20);
    w->plan.arena = w->a;
    w->plan.started = CLOCK_NONE;
    w->params = params_default;
    struct err e = story_load(&w->plan, SLICE("3f2a8c1e-6b7d-4e59-9a40-1c5d7e8f9b20"), START, 1000);
    if (e.kind)
        print_error("%s: %s\n", e.code, e.text);
    struct slice settings =
        slice_printf(w->a, "{\"domains\":[\"contoso.com\"],\"hubs\":%s}", story_hubs);
    if (e.kind == ERR_NONE)
        e = keys_tenant_read(settings, w->a, &w->tenant);
    if (e.kind)
        print_error("%s: %s\n", e.code, e.text);
    return e.kind != ERR_NONE;
}

static int
teardown(void **state)
{
    struct world *w = *state;
    incident_engine_free(w->engine);
    arena_free(w->a);
    free(w);
    return 0;
}

static struct known *
known_of(struct world *w, struct slice source, struct slice native_id)
{
    for (size_t i = 0; i < w->n_known; i++)
        if (slice_eq(w->known[i].source, source) && slice_eq(w->known[i].native_id, native_id))
            return &w->known[i];
    assert_true(w->n_known < ALERTS_MAX);
    w->known[w->n_known] = (struct known){.source = source, .native_id = native_id};
    return &w->known[w->n_known++];
}

/* Everything delivered so far of the alert that the delivery belongs to, mapped anew. */
static void
take(struct world *w, const struct delivery *d)
{
    const struct source *s = source_by_name(slice_of(sim_source_names[d->source]));
    struct source_ident ident = {.version = CLOCK_NONE};
    struct alert al;
    assert_non_null(s);
    struct err e = s->ident(d->payload, IDENTITY_SYSLOG, w->a, &ident);
    if (e.kind)
        fail_msg("delivery %zu: %s", d->n, e.text);
    assert_int_equal(ident.fate == FATE_IGNORE, slice_eq(d->expect, SLICE("ignored")));
    if (ident.fate == FATE_IGNORE || d->repeat_of != 0)
        return;
    assert_true(slice_eq(ident.native_id, d->alert_id));
    struct known *k = known_of(w, slice_of(s->name), ident.native_id);
    if (d->source != SIM_MAIL)
        k->n_docs = 0; /* a version is the whole alert */
    assert_true(k->n_docs < DOCUMENTS_MAX);
    k->truth = d->truth;
    k->docs[k->n_docs++] = (struct source_document){d->payload, START + (int64_t)d->n};
    e = s->map(k->docs, k->n_docs, SLICE("3f2a8c1e-6b7d-4e59-9a40-1c5d7e8f9b20"), w->a, &al);
    if (e.kind)
        fail_msg("delivery %zu: %s", d->n, e.text);
    struct key_set *keys = arena_alloc(w->a, sizeof(*keys));
    struct incident_alert in;
    assert_non_null(keys);
    assert_int_equal(keys_of(&al, &w->tenant, w->a, keys).kind, ERR_NONE);
    incident_alert_of(&al, (uint8_t)s->number, keys, &in);
    in.source = slice_of(s->name);
    in.native_id = ident.native_id;
    in.version = (int64_t)d->n;
    assert_int_equal(incident_add(w->engine, &in).kind, ERR_NONE);
}

static void
correlate(struct world *w, int32_t threshold)
{
    incident_engine_free(w->engine);
    w->params.threshold = threshold;
    w->n_known = 0;
    w->engine = incident_engine_new(&w->params, 1, (size_t)64 << 20);
    assert_non_null(w->engine);
    for (size_t i = 0; i < w->plan.n; i++)
        take(w, &w->plan.items[i]);
}

/* How many alerts of the attack are not where its first one is, and how many strangers are. */
static void
judge(struct world *w, size_t *astray, size_t *glued, size_t *attack)
{
    int64_t incident = 0;
    *astray = *glued = *attack = 0;
    for (size_t i = 0; i < w->n_known; i++)
        if (slice_eq(w->known[i].truth, SLICE("main")) && incident == 0)
            incident = incident_of(w->engine, w->known[i].source, w->known[i].native_id);
    for (size_t i = 0; i < w->n_known; i++) {
        const struct known *k = &w->known[i];
        bool inside = incident_of(w->engine, k->source, k->native_id) == incident;
        bool ours = slice_eq(k->truth, SLICE("main"));
        *attack += ours;
        *astray += ours && !inside;
        *glued += !ours && inside;
        if (ours != inside)
            print_message("%.*s %.*s (%.*s) is %s\n", SLICE_ARG(k->source), SLICE_ARG(k->native_id),
                          SLICE_ARG(k->truth), inside ? "inside" : "outside");
    }
}

static void
test_the_attack_is_one_incident_and_strangers_stay_outside(void **state)
{
    size_t astray, glued, attack;
    correlate(*state, 1000);
    judge(*state, &astray, &glued, &attack);
    assert_true(attack >= 25);
    assert_int_equal(astray, 0);
    assert_int_equal(glued, 0);
}

static void
test_the_attack_holds_together_with_a_margin_and_strangers_keep_away_with_one(void **state)
{
    size_t astray, glued, attack;
    correlate(*state, 1040);
    judge(*state, &astray, &glued, &attack);
    assert_int_equal(astray, 0);
    correlate(*state, 940);
    judge(*state, &astray, &glued, &attack);
    assert_int_equal(glued, 0);
}

static void
test_half_the_threshold_would_glue_three_strangers_or_more(void **state)
{
    size_t astray, glued, attack;
    correlate(*state, 500);
    judge(*state, &astray, &glued, &attack);
    assert_true(glued >= 3);
}

static void
test_every_time_written_lies_in_the_last_seven_hours(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < w->plan.n; i++) {
        const struct delivery *d = &w->plan.items[i];
        int64_t t = CLOCK_NONE;
        if (d->source == SIM_ENDPOINT)
            t = source_time(d->row, "alertCreationTime");
        else if (d->source == SIM_MAIL)
            t = source_time(d->row, "CreationTime");
        else if (d->source == SIM_APPS && json_get_int(d->row, "timestamp", &t))
            t *= 10000;
        if (t != CLOCK_NONE && (t > START || t < START - 7 * 3600 * CLOCK_SECOND))
            fail_msg("delivery %zu", d->n);
        assert_true(d->planned >= START && d->planned <= START + 22 * CLOCK_SECOND);
    }
}

static void
test_a_new_version_waits_until_the_old_one_was_seen(void **state)
{
    struct world *w = *state;
    struct delivery *later = NULL;
    w->plan.started = START;
    assert_true(plan_release(&w->plan, START + 30 * CLOCK_SECOND) < w->plan.n);
    for (size_t i = 0; i < w->plan.n; i++)
        if (w->plan.items[i].replaces != 0)
            later = &w->plan.items[i];
    assert_non_null(later);
    struct delivery *first = &w->plan.items[later->replaces - 1];
    assert_true(later->released == CLOCK_NONE && first->released != CLOCK_NONE);
    assert_true(slice_eq(later->native_id, first->native_id));
    plan_serve(first);
    assert_int_equal(plan_release(&w->plan, START + 31 * CLOCK_SECOND), 1);
    assert_true(later->released != CLOCK_NONE && first->hidden);
    assert_false(plan_done(&w->plan));
}

static void
test_a_line_is_named_by_its_guid_or_else_by_its_hash(void **state)
{
    static const struct {
        const char *line, *id;
    } cases[] = {
        {"<36>1 x cs1Label=url cs1=https\\://w.atp.azure.com/securityAlert/"
         "EB6A35DA-0000-4AB5-A1B5-A07529A89E6D cs2Label=trigger",
         "eb6a35da-0000-4ab5-a1b5-a07529a89e6d"},
        {"x cs1=https\\://security.microsoft.com/alerts/aaeb6a35da-0000-4ab5-a1b5-a07529a89e6d",
         "eb6a35da-0000-4ab5-a1b5-a07529a89e6d"},
        {"x cs1= https\\://192.168.0.220/suspiciousActivity/5c113d028ca1ec1250ca0491",
         "5c113d028ca1ec1250ca0491"},
        {"x cs1=https://w.atp.azure.com/monitoring cs2=new", NULL},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct delivery d = {.source = SIM_IDENTITY, .payload = slice_of(cases[i].line)};
        assert_int_equal(plan_name(&w->plan, &d).kind, ERR_NONE);
        if (cases[i].id == NULL) {
            uint8_t sha[CRYPTO_SHA256];
            crypto_sha256(d.payload, sha);
            struct slice hex = slice_hex(w->a, (struct slice){(const char *)sha, 16});
            assert_true(slice_eq(d.native_id, slice_join(w->a, SLICE("line:"), hex)));
        } else if (!slice_eq(d.native_id, slice_of(cases[i].id)))
            fail_msg("%s: %.*s", cases[i].line, SLICE_ARG(d.native_id));
    }
}

/* What weir calls each delivery is what the plan calls it, or a test would compare the wrong rows.
 */
static void
names_agree(struct world *w, const struct delivery *d, struct slice workspace)
{
    const struct source *s = source_by_name(slice_of(sim_source_names[d->source]));
    struct source_conf conf = {.workspace = workspace};
    struct answer got = {.conf = &conf, .status = 200, .body = d->payload};
    struct page page = {0};
    struct source_ident ident = {.version = CLOCK_NONE};
    if (d->source == SIM_IDENTITY) {
        struct err e = s->parse(&got, w->a, &page);
        if (e.kind || page.n_alerts != 1 || !slice_eq(page.alerts[0].native_id, d->native_id))
            fail_msg("%s: %.*s: %.*s", e.text, SLICE_ARG(d->native_id), SLICE_ARG(d->payload));
    }
    struct err e = s->ident(d->payload, IDENTITY_SYSLOG, w->a, &ident);
    if (e.kind == ERR_NONE && ident.fate == FATE_ALERT && !slice_eq(ident.native_id, d->alert_id))
        fail_msg("%zu: %.*s, not %.*s", d->n, SLICE_ARG(ident.native_id), SLICE_ARG(d->alert_id));
}

static void
test_weir_and_the_plan_name_the_story_alike(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < w->plan.n; i++)
        names_agree(w, &w->plan.items[i], SLICE("contoso-corp"));
}

static void
test_weir_and_the_plan_name_real_records_alike(void **state)
{
    struct world *w = *state;
    char dir[] = "/tmp/weir-sim-XXXXXX";
    char path[4096];
    const char *shared = getenv("SHARED");
    snprintf(path, sizeof(path), "%s/data", shared != NULL ? shared : "../shared");
    if (access(path, R_OK) != 0) {
        print_message("skipped, no ../shared/data\n");
        skip();
    }
    assert_non_null(mkdtemp(dir));
    w->plan.n = w->plan.blobs = 0;
    struct err e = data_load(&w->plan, path, dir, START);
    snprintf(path, sizeof(path), "%s/skipped.jsonl", dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
    if (e.kind)
        fail_msg("%s", e.text);
    assert_true(w->plan.n > 900);
    for (size_t i = 0; i < w->plan.n; i++)
        names_agree(w, &w->plan.items[i], SLICE_NONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_attack_is_one_incident_and_strangers_stay_outside,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_the_attack_holds_together_with_a_margin_and_strangers_keep_away_with_one, setup,
            teardown),
        cmocka_unit_test_setup_teardown(test_half_the_threshold_would_glue_three_strangers_or_more,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_time_written_lies_in_the_last_seven_hours, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_new_version_waits_until_the_old_one_was_seen, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_weir_and_the_plan_name_the_story_alike, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_weir_and_the_plan_name_real_records_alike, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_line_is_named_by_its_guid_or_else_by_its_hash, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
