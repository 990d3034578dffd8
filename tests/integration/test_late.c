/*
 * test_late.c: batches of raw alerts against a real PostgreSQL, without Kafka: what left memory is
 * found in the database again, and a worker that takes over goes on as the last one would have.
 */
#include "tests/integration/postgres.h"

#include <time.h>

#include "common/metric.h"
#include "common/seal.h"
#include "normalize/batch.h"
#include "normalize/normalize.h"
#include "store/cursors.h"
#include "store/fence.h"
#include "store/progress.h"

#define TOPIC "weir.eu.alerts"
#define CONSUMER "weir.eu.normalize"
#define MACHINE "f70f9fe6b29cd9511652434919c6530618f06606"

enum { DAY_S = 86400, HOUR_S = 3600, RECORDS_MAX = 1000, PAYLOAD_BYTES = 2048 };
static const int64_t T0_S = INT64_C(1575244800); /* 2019-12-02 */

static const struct oid tenant = {{0x77, 1, 2, 3}};

struct world {
    struct pg *pg;
    struct conf *conf;
    struct seal *seal;
    struct codec *codec;
    struct batch_part part;
    struct batch_env env;
    struct batch *batch;
    int64_t offset;
    bool done;
    struct err e;
};

static void
on_claimed(void *arg, const struct db_rows *rows, struct err e)
{
    struct world *w = arg;
    struct progress_claimed c;
    pg_ok(e);
    progress_claimed_row(rows, 0, &c);
    w->part = (struct batch_part){0, c.epoch, 0};
}

/* The tenant is on, its incidents begin with 1; partition 0 is ours. */
static void
provision(struct world *w)
{
    struct pg *pg = w->pg;
    struct migrate_report r;
    const struct fence_row on = {tenant, 1, TENANT_ACTIVE};
    struct settings_row setting = {.name = SLICE("incidents")};
    pg_ok(migrate_region(pg->db, pg->loop, false, pg->arena, &r));
    pg_ok(migrate_tenant(pg->db, pg->loop, &tenant, false, pg->arena, &r));
    db_begin(pg->db);
    fence_set(pg->db, pg->arena, &on, DB_UNTOLD);
    db_commit(pg->db);
    pg_ok(db_wait(pg->db, pg->loop));
    pg_ok(seal_close(w->seal, &tenant, 1, SEAL_CREDENTIAL, SLICE("pg|setting|sealed|incidents"),
                     SLICE("{\"first_id\":1}"), pg->arena, &setting.sealed));
    settings_save(pg->db, pg->arena, &tenant, &setting, 1, DB_UNTOLD);
    progress_claim(pg->db, pg->arena, SLICE(CONSUMER), SLICE(TOPIC), 0, SLICE("test"),
                   (struct db_answer){on_claimed, w});
    pg_ok(db_wait(pg->db, pg->loop));
}

static int
setup(void **state)
{
    static const char *const flags[] = {"keys.mode=none", NULL};
    static const struct opt *const tables[] = {seal_opts, normalize_opts, NULL};
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->pg = pg_open("late", NULL);
    *state = w;
    if (w->pg == NULL)
        return 0;
    pg_ok(conf_load(tables, "/dev/null", flags, &w->conf));
    pg_ok(seal_new(w->conf, &w->seal));
    pg_ok(codec_new(&w->codec));
    w->env = (struct batch_env){.db = w->pg->db,
                                .codec = w->codec,
                                .seal = w->seal,
                                .tenants = tenants_new(w->seal, w->conf, &params_default),
                                .topic = TOPIC,
                                .consumer = CONSUMER,
                                .records_max = RECORDS_MAX,
                                .bytes_max = 64 << 20,
                                .parts = &w->part,
                                .n_parts = 1};
    w->batch = batch_new(&w->env);
    assert_true(w->env.tenants != NULL && w->batch != NULL);
    provision(w);
    return 0;
}

static int
teardown(void **state)
{
    struct world *w = *state;
    if (w->pg != NULL) {
        batch_free(w->batch);
        tenants_free(w->env.tenants);
        codec_free(w->codec);
        seal_free(w->seal);
        conf_free(w->conf);
        pg_close(w->pg);
    }
    free(w);
    return 0;
}

static struct world *
world(void **state)
{
    struct world *w = *state;
    if (w->pg == NULL)
        skip();
    arena_reset(w->pg->arena);
    return w;
}

static void
on_done(void *arg, struct err e)
{
    struct world *w = arg;
    w->e = e;
    w->done = true;
}

static void
run(struct world *w)
{
    w->done = false;
    batch_run(w->batch, on_done, w);
    while (!w->done)
        uv_run(loop_uv(w->pg->loop), UV_RUN_ONCE);
    pg_ok(w->e);
    arena_reset(w->pg->arena);
}

static char *
iso(int64_t at_s, char out[32])
{
    time_t t = (time_t)at_s;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return out;
}

/* An alert of endpoint; its record is received when `received_s` says. */
struct sent {
    const char *id, *members; /* more of its JSON: "\"machineId\":..," */
    int64_t at_s, received_s;
    int version;
};

static void
add(struct world *w, const struct sent *x)
{
    char payload[PAYLOAD_BYTES], at[32], updated[32];
    struct arena *a = w->pg->arena;
    struct slice value;
    bool full;
    snprintf(payload, sizeof payload,
             "{\"id\":\"%s\",\"title\":\"Suspicious %s\",\"severity\":\"High\",%s"
             "\"alertCreationTime\":\"%s\",\"firstEventTime\":\"%s\",\"lastEventTime\":\"%s\","
             "\"lastUpdateTime\":\"%s\",\"status\":\"%s\"}",
             x->id, x->id, x->members, iso(x->at_s, at), at, at, iso(x->at_s + x->version, updated),
             x->version > 1 ? "Resolved" : "New");
    struct raw_record r = {.oid = tenant,
                           .epoch = 1,
                           .source = SLICE("endpoint"),
                           .native_id = slice_of(x->id),
                           .version = x->version,
                           .received = x->received_s * CLOCK_SECOND};
    struct slice place = slice_printf(a, "kafka|" TOPIC "|endpoint/%s", x->id);
    pg_ok(seal_close(w->seal, &tenant, 1, SEAL_RAW, place, slice_of(payload), a, &r.payload));
    pg_ok(codec_raw(w->codec, &r, a, &value));
    const struct bus_record record = {.topic = TOPIC,
                                      .partition = 0,
                                      .offset = w->offset++,
                                      .key = oid_slice(&tenant),
                                      .value = value};
    pg_ok(batch_add(w->batch, &record, &full));
}

static void
deliver(struct world *w, const char *id, const char *members, int64_t at_s, int64_t received_s,
        int version)
{
    add(w, &(struct sent){id, members, at_s, received_s, version});
    run(w);
}

/* Days go by, with one alert each of a machine of its own. */
static void
pass(struct world *w, const char *name, int from_day, int to_day)
{
    for (int day = from_day; day <= to_day; day++) {
        char id[64], members[128];
        snprintf(id, sizeof id, "%s-%d", name, day);
        snprintf(members, sizeof members, "\"computerDnsName\":\"%s.other.example\",", id);
        deliver(w, id, members, T0_S + day * DAY_S, T0_S + day * DAY_S, 1);
    }
}

static int64_t
number(struct world *w, const char *sql)
{
    struct got g = {0};
    pg_send(w->pg->db, sql, &tenant, &g);
    pg_ok(db_wait(w->pg->db, w->pg->loop));
    pg_ok(g.e);
    return g.first;
}

static bool
in_memory(struct world *w, const char *id)
{
    struct tenant *t = tenants_get(w->env.tenants, &tenant, 1);
    assert_non_null(t);
    return t->engine != NULL && incident_has(t->engine, SLICE("endpoint"), slice_of(id));
}

static int64_t
differences(void)
{
    return metric_get(METRIC_weir_correlation_rebuild_diff_total, (const char *const[]){NULL});
}

static void
test_a_late_alert_finds_its_partner_in_the_database(void **state)
{
    struct world *w = world(state);
    static const char both[] =
        "\"machineId\":\"" MACHINE "\",\"computerDnsName\":\"pc1.a.example\",";
    static const char dns[] = "\"computerDnsName\":\"pc1.a.example\",";
    deliver(w, "first", both, T0_S, T0_S, 1);
    pass(w, "day", 1, 30);
    assert_false(in_memory(w, "first"));
    /* by another name of the machine, which only an alert that left memory had told */
    deliver(w, "late", dns, T0_S + HOUR_S / 4, T0_S + 30 * DAY_S, 1);
    assert_int_equal(number(w, "select count(distinct incident_id) from tenant.membership"
                               " where native_id in ('first', 'late')"),
                     1);
    deliver(w, "elsewhere", "\"computerDnsName\":\"pc2.a.example\",", T0_S + HOUR_S / 4,
            T0_S + 30 * DAY_S, 1);
    assert_int_equal(number(w, "select count(distinct incident_id) from tenant.membership"
                               " where native_id in ('first', 'elsewhere')"),
                     2);
    assert_int_equal(differences(), 0);
    pass(w, "day", 31, 31); /* what was called back goes again */
    assert_false(in_memory(w, "first") || in_memory(w, "late"));
}

static void
test_an_update_of_an_alert_that_left_memory_changes_its_incident(void **state)
{
    struct world *w = world(state);
    deliver(w, "old", "\"computerDnsName\":\"pc9.a.example\",", T0_S + 32 * DAY_S,
            T0_S + 32 * DAY_S, 1);
    pass(w, "more", 33, 50);
    assert_false(in_memory(w, "old"));
    int64_t incidents = number(w, "select count(*) from tenant.incident");
    deliver(w, "old", "\"computerDnsName\":\"pc9.a.example\",", T0_S + 32 * DAY_S,
            T0_S + 50 * DAY_S, 2);
    assert_int_equal(number(w, "select count(*) from tenant.incident"), incidents);
    assert_int_equal(number(w, "select i.version from tenant.incident i"
                               " join tenant.membership m on m.incident_id = i.id"
                               " where m.native_id = 'old'"),
                     2);
    assert_int_equal(differences(), 0);
}

static void
test_who_takes_over_goes_on_where_the_last_one_stopped(void **state)
{
    struct world *w = world(state);
    int64_t days = number(w, "select count(distinct day) from tenant.key_day");
    assert_in_range(days, 10, 16);
    for (int day = 51; day < 55; day++) {
        struct tenant *t = tenants_get(w->env.tenants, &tenant, 1);
        struct incident_clock was = incident_clock(t->engine);
        int64_t next = incident_next_id(t->engine);
        tenants_drop_all(w->env.tenants);
        pass(w, "after", day, day);
        t = tenants_get(w->env.tenants, &tenant, 1);
        struct incident_clock is = incident_clock(t->engine);
        assert_int_equal(incident_next_id(t->engine), next + 1);
        assert_int_equal(is.next_seq, was.next_seq + 1);
        assert_int_equal(is.watermark_s, T0_S + day * DAY_S);
        assert_int_equal(is.days_told, was.days_told + 1);
        assert_true(is.updated > was.updated);
        assert_int_equal(differences(), 0);
        assert_false(in_memory(w, "old"));
    }
    assert_int_equal(number(w, "select count(distinct day) from tenant.key_day"), days);
    assert_int_equal(number(w, "select count(*) from (select from tenant.key_day"
                               " group by day, part having count(*) > 1) x"),
                     0);
}

/* WEIR_TEST_ALERTS: how many; the figure is printed. */
static void
test_a_rebuild_finds_what_was_there_before(void **state)
{
    struct world *w = world(state);
    const char *given = getenv("WEIR_TEST_ALERTS");
    int most = given != NULL ? atoi(given) : 2000;
    int64_t now_s = T0_S + 56 * DAY_S;
    for (int i = 0; i < most; i++) {
        char id[64], members[256];
        snprintf(id, sizeof id, "many-%d", i);
        snprintf(members, sizeof members,
                 "\"computerDnsName\":\"pc%d.b.example\",\"relatedUser\":{\"userName\":\"u%d\","
                 "\"domainName\":\"B\"},",
                 i * 7 % 997, i * 13 % 1499);
        now_s += 5 * DAY_S / most;
        add(w, &(struct sent){id, members, now_s, now_s, 1});
        if (batch_count(w->batch) == RECORDS_MAX || i == most - 1)
            run(w);
    }
    struct tenant *t = tenants_get(w->env.tenants, &tenant, 1);
    size_t bytes = incident_engine_bytes(t->engine);
    tenants_drop_all(w->env.tenants);
    int64_t began_ms = clock_mono_ms();
    clock_t began = clock();
    deliver(w, "many-0", "\"computerDnsName\":\"pc0.b.example\",", T0_S + 56 * DAY_S, now_s, 1);
    printf("rebuild of %d alerts: %lld ms, %lld ms of them our CPU; %zu bytes an alert\n", most,
           (long long)(clock_mono_ms() - began_ms),
           (long long)((clock() - began) * 1000 / CLOCKS_PER_SEC), bytes / (size_t)most);
    assert_true(in_memory(w, "many-1"));
    assert_int_equal(differences(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_late_alert_finds_its_partner_in_the_database),
        cmocka_unit_test(test_an_update_of_an_alert_that_left_memory_changes_its_incident),
        cmocka_unit_test(test_who_takes_over_goes_on_where_the_last_one_stopped),
        cmocka_unit_test(test_a_rebuild_finds_what_was_there_before),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
