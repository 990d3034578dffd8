/*
 * What the correlator's kernel costs: time an alert and bytes a live alert in a tenant of 1,500
 * people, and rebuilding 35,000 live alerts from what the store holds of them.
 *
 * The alerts are those of tests/quality/second.py, read before anything is measured: no JSON in the
 * figures. "add" is linking alone; "batch" is all of it: the changes of each 1,000 alerts are
 * taken, and what is behind the live window leaves memory, as in the service.
 */
#include "tests/bench/bench.h"

#include "normalize/correlate_log.h"
#include "normalize/incident.h"

enum { BATCH = 1000, COMMAND_MAX = 200 };

struct work {
    struct correlate_log log;
    struct correlate_tenant *tenant;
    struct incident_alert *alerts;
    struct key_set *sets;
    size_t n;
    struct arena *keys, *changes;
};

static struct err
take_tenant(void *ctx, struct correlate_line *line, struct arena *a)
{
    struct work *w = ctx;
    (void)a;
    bench_need(correlate_log_tenant(&w->log, line->tenant, &w->tenant));
    return correlate_read_lists(line, w->log.all, &w->tenant->lists);
}

static struct err
take_alert(void *ctx, struct correlate_line *line, struct arena *a)
{
    struct work *w = ctx;
    return correlate_log_add(&w->log, w->tenant, line, a);
}

/* So many alerts of each house of a tenant with so many people each. */
static void
load(struct work *w, int houses, int users, int alerts)
{
    char command[COMMAND_MAX];
    struct correlate_sink sink = {w, NULL, take_tenant, take_alert};
    *w = (struct work){.n = 0};
    w->keys = arena_new(SIZE_MAX / 2);
    w->changes = arena_new(SIZE_MAX / 2);
    bench_check(w->keys != NULL && w->changes != NULL, "no memory");
    bench_need(correlate_log_init(&w->log));
    (void)snprintf(command, sizeof command,
                   "python3 tests/quality/second.py --houses %d --users %d --alerts %d", houses,
                   users, alerts);
    FILE *in = popen(command, "r");
    bench_check(in != NULL, "no python3");
    bench_need(correlate_read_all(in, "second.py", &sink));
    bench_check(pclose(in) == 0, "second.py failed");
    w->n = w->tenant->n_alerts;
    w->alerts = arena_alloc(w->keys, w->n * sizeof *w->alerts);
    w->sets = arena_alloc(w->keys, w->n * sizeof *w->sets);
    bench_check(w->n > 0 && w->alerts != NULL && w->sets != NULL, "no alerts");
    for (size_t i = 0; i < w->n; i++)
        bench_need(correlate_log_alert(&w->log, &w->tenant->alerts[i], w->keys, &w->sets[i],
                                       &w->alerts[i]));
}

static void
unload(struct work *w)
{
    correlate_log_fini(&w->log);
    arena_free(w->keys);
    arena_free(w->changes);
}

static struct incident_engine *
engine(void)
{
    struct incident_engine *e = incident_engine_new(&params_default, 1, SIZE_MAX / 2);
    bench_check(e != NULL, "no memory");
    return e;
}

/* ---- time */

static size_t
add_batch(struct work *w, struct incident_engine *e, size_t from)
{
    size_t to = from + BATCH < w->n ? from + BATCH : w->n;
    for (size_t i = from; i < to; i++)
        bench_need(incident_add(e, &w->alerts[i]));
    return to;
}

static void
in_batches(struct work *w, struct bench_runs *add, struct bench_runs *batch)
{
    struct incident_engine *e = engine();
    struct bench_cpu added = {0, 0}, all = bench_now();
    for (size_t i = 0; i < w->n;) {
        struct incident_changes changes;
        struct bench_cpu began = bench_now();
        i = add_batch(w, e, i);
        began = bench_since(began);
        added.loop += began.loop;
        added.process += began.process;
        bench_need(incident_changes(e, w->changes, &changes));
        incident_commit(e);
        incident_evict(e);
        arena_reset(w->changes);
    }
    bench_add(batch, bench_since(all), (int64_t)w->n);
    bench_add(add, added, (int64_t)w->n);
    incident_engine_free(e);
}

/* ---- memory, and rebuilding */

static void
tell_bytes(struct work *w, struct incident_engine *e)
{
    size_t live = 0;
    for (size_t i = 0; i < w->n; i++)
        live += incident_has(e, w->alerts[i].source, w->alerts[i].native_id);
    bench_check(live > 0, "nothing is live");
    (void)printf("{\"bench\":\"correlate\",\"variant\":\"memory\",\"live\":%zu,"
                 "\"bytes_a_live_alert\":%zu,\"goal_bytes\":400}\n",
                 live, incident_engine_bytes(e) / live);
}

struct stored {
    struct incident_alert *alerts;
    struct key_set *sets;
    uint16_t *leads;
    int64_t *of;
};

/* Every alert as the store would hold it. */
static void
store(struct work *w, struct incident_engine *e, struct stored *s)
{
    s->alerts = arena_alloc(w->keys, w->n * sizeof *s->alerts);
    s->leads = arena_alloc(w->keys, w->n * sizeof *s->leads);
    s->of = arena_alloc(w->keys, w->n * sizeof *s->of);
    bench_check(s->alerts != NULL && s->leads != NULL && s->of != NULL, "no memory");
    for (size_t i = 0; i < w->n; i++) {
        bench_need(incident_state(e, w->alerts[i].source, w->alerts[i].native_id, w->keys,
                                  &s->alerts[i], &s->leads[i]));
        s->of[i] = incident_of(e, w->alerts[i].source, w->alerts[i].native_id);
    }
}

static void
rebuild(struct work *w, const struct incident_changes *c, const struct stored *s,
        const struct incident_clock *clock, struct bench_runs *runs)
{
    size_t diff = 0;
    struct incident_engine *e = engine();
    struct bench_cpu began = bench_now();
    for (size_t i = 0; i < c->n_rows; i++) {
        const struct incident_row *r = &c->rows[i];
        struct incident_stored row = {.id = r->id,
                                      .version = r->version,
                                      .redirect_to = r->redirect_to,
                                      .name = r->name,
                                      .first_name = r->first_name,
                                      .classification = r->classification,
                                      .determination = r->determination,
                                      .by_rule = true,
                                      .updated = r->updated};
        bench_need(incident_restore_incident(e, &row));
    }
    for (size_t i = 0; i < c->n_days; i++)
        bench_need(incident_restore_day(e, &c->days[i]));
    for (size_t i = 0; i < w->n; i++)
        bench_need(incident_restore_alert(e, &s->alerts[i], s->leads[i], s->of[i]));
    incident_restore_clock(e, clock);
    bench_need(incident_restored(e, &diff));
    bench_add(runs, bench_since(began), (int64_t)w->n);
    bench_check(diff == 0, "what was rebuilt differs");
    incident_engine_free(e);
}

static void
memory_and_rebuild(int houses, int alerts, size_t repeats)
{
    struct work w;
    struct stored s;
    struct incident_changes changes;
    struct bench_runs runs = {.n = 0};
    struct incident_engine *old = engine();
    load(&w, houses, 1500, alerts);
    for (size_t i = 0; i < w.n; i++)
        bench_need(incident_add(old, &w.alerts[i]));
    bench_need(incident_changes(old, w.changes, &changes));
    incident_commit(old);
    struct incident_clock clock = incident_clock(old);
    bench_check(changes.refused == 0, "a cap was met: what follows depends on the order");
    tell_bytes(&w, old);
    store(&w, old, &s);
    for (size_t i = 0; i < repeats; i++)
        rebuild(&w, &changes, &s, &clock, &runs);
    bench_tell("correlate", "rebuild", &runs, 70000);
    incident_engine_free(old);
    unload(&w);
}

int
main(int argc, char **argv)
{
    bool smoke = bench_smoke(argc, argv);
    size_t repeats = smoke ? 1 : 9;
    struct work w;
    struct bench_runs add = {.n = 0}, batch = {.n = 0};
    load(&w, 1, smoke ? 300 : 1500, smoke ? 1500 : 20000);
    for (size_t i = 0; i < repeats; i++)
        in_batches(&w, &add, &batch);
    bench_tell("correlate", "add", &add, 2000000);
    bench_tell("correlate", "batch", &batch, 0);
    unload(&w);
    /* 35,000 in eight days, so that all of them are live */
    memory_and_rebuild(smoke ? 2 : 14, smoke ? 700 : 2500, repeats);
    return 0;
}
