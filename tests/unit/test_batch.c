/* Where a window of a batch ends when there are people's decisions in it. No servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "normalize/batch_internal.h"
#include "normalize/normalize.h"

enum { RECORDS_MAX = 64 };

struct world {
    struct conf *conf;
    struct arena *arena;
    struct batch_env env;
    struct batch *batch;
};

static void
fine(struct err e)
{
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
}

static int
setup(void **state)
{
    static struct world w;
    static const char *const flags[] = {"keys.mode=none", NULL};
    const struct opt *const tables[] = {seal_opts, normalize_opts, NULL};
    w = (struct world){.env = {.topic = "weir.eu.alerts",
                               .consumer = "normalize",
                               .records_max = RECORDS_MAX,
                               .bytes_max = 1 << 20}};
    fine(conf_load(tables, "/dev/null", flags, &w.conf));
    fine(codec_new(&w.env.codec));
    fine(seal_new(w.conf, &w.env.seal));
    w.arena = arena_new(1 << 24);
    w.env.tenants = tenants_new(w.env.seal, w.conf, &params_default);
    w.batch = batch_new(&w.env);
    assert_true(w.arena != NULL && w.env.tenants != NULL && w.batch != NULL);
    *state = &w;
    return 0;
}

static int
teardown(void **state)
{
    struct world *w = *state;
    batch_free(w->batch);
    tenants_free(w->env.tenants);
    codec_free(w->env.codec);
    seal_free(w->env.seal);
    conf_free(w->conf);
    arena_free(w->arena);
    return 0;
}

static struct oid
oid_of(char tenant)
{
    struct oid oid;
    memset(oid.b, tenant, sizeof oid.b);
    return oid;
}

/* A small letter is an alert of that tenant, a capital one a decision, '?' no record of ours. */
static void
add(struct world *w, char c, int64_t offset)
{
    bool decision = c >= 'A' && c <= 'Z', ours = c != '?';
    struct oid oid = oid_of((char)(decision ? c - 'A' + 'a' : c));
    struct slice value = SLICE("no frame");
    const struct control_record control = {.oid = oid,
                                           .epoch = 1,
                                           .id = SLICE("206e2965-6533-48a6-ba9e-794364a84bf9"),
                                           .kind = SLICE("update"),
                                           .incident_id = 1,
                                           .time = 1};
    const struct raw_record raw = {
        .oid = oid, .epoch = 1, .source = SLICE("endpoint"), .native_id = SLICE("x")};
    bool full;
    if (decision)
        fine(codec_control(w->env.codec, &control, w->arena, &value));
    else if (ours)
        fine(codec_raw(w->env.codec, &raw, w->arena, &value));
    const struct bus_record r = {
        .partition = 3, .offset = offset, .key = oid_slice(&oid), .value = value};
    fine(batch_add(w->batch, &r, &full));
}

static size_t
next_window(struct world *w)
{
    struct batch *b = w->batch;
    arena_reset(b->work);
    b->n_window = b->n_records - b->at;
    fine(batch_share_out(b));
    return b->n_window;
}

/* A decision and what else its tenant has in the batch never share a window; others do. */
static void
test_a_decision_is_alone_in_its_tenants_window(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *records;
        size_t windows[8];
    } cases[] = {
        {"aaa", {3}},     {"A", {1}},           {"aA", {1, 1}},    {"Aa", {1, 1}},
        {"AA", {1, 1}},   {"aaAaa", {2, 1, 2}}, {"aBcD", {4}},     {"aBbA", {2, 2}},
        {"aBAb", {2, 2}}, {"ABAB", {2, 2}},     {"?A?a?", {3, 2}}, {"bbbAbbb", {7}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        batch_clear(w->batch);
        w->batch->at = 0;
        for (size_t k = 0; cases[i].records[k] != '\0'; k++)
            add(w, cases[i].records[k], (int64_t)k);
        for (size_t n = 0; w->batch->at < w->batch->n_records; n++) {
            size_t got = next_window(w);
            if (got != cases[i].windows[n])
                fail_msg("%s: window %zu has %zu records", cases[i].records, n, got);
            for (size_t s = 0; s < w->batch->n_shares; s++)
                assert_true(w->batch->shares[s].decide == NULL ||
                            w->batch->shares[s].n_deliveries == 0);
            w->batch->at += got;
        }
    }
}

static void
test_a_decision_that_is_not_its_tenants_is_passed_over(void **state)
{
    struct world *w = *state;
    const struct control_record records[] = {
        {.oid = oid_of('b'), .id = SLICE("206e2965-6533-48a6-ba9e-794364a84bf9")},
        {.oid = oid_of('a'), .id = SLICE("no id")},
        {.oid = oid_of('a'), .id = SLICE("206e2965-6533-48a6-ba9e-794364a84bf9")},
    };
    struct oid key = oid_of('a');
    for (size_t i = 0; i < 3; i++) {
        struct slice value;
        bool full;
        batch_clear(w->batch);
        w->batch->at = 0;
        fine(codec_control(w->env.codec, &records[i], w->arena, &value));
        const struct bus_record r = {.partition = 3, .key = oid_slice(&key), .value = value};
        fine(batch_add(w->batch, &r, &full));
        w->batch->records[0].old = i == 2; /* as the fence said the last time */
        assert_int_equal(next_window(w), 1);
        assert_true(w->batch->deliveries[0].nobodys);
        assert_int_equal(w->batch->n_shares, 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_decision_is_alone_in_its_tenants_window, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_decision_that_is_not_its_tenants_is_passed_over,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
