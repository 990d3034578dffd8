/*
 * bus.h: a broker, a producer and readers for the tests of the bus.
 *
 * Each test has a world of its own: the demo broker, or topics of its own on the real Kafka that
 * WEIR_TEST_KAFKA=host:port names. A test that hangs ends after GUARD_MS.
 */
#ifndef WEIR_TESTS_BUS_H
#define WEIR_TESTS_BUS_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/bus.h"
#include "common/clock.h"

enum { PARTS = 4, GUARD_MS = 30000, ADMIN_MS = 15000, GOT_MAX = 5000 };

/* One test's world: a broker, a loop, and what came back. */
struct world {
    bool real;
    struct bus_demo *demo;
    struct conf *conf;
    struct loop *loop;
    uv_timer_t guard, later;
    char topic[64], group[80], flags[8][96];
    const char *flag_list[9];
    struct bus_producer *producer;
    int confirmed, refused;
    const char *last_refusal;
    bool done;
    size_t closing;
};

struct reader {
    struct world *w;
    struct bus_consumer *k;
    struct bus_part parts[64];
    size_t n_parts;
    int64_t start; /* offset that is answered */
    bool answer_later, answered;
    int assigned, revoked, caught_up;
    bool lost;
    int got, until; /* records; done after so many */
    int pause_at;   /* record after which it pauses; 0: never */
    int got_while_paused;
    bool paused;
    int seen[GOT_MAX]; /* by the number in the value */
    char trouble[32];
    enum err_kind trouble_kind;
    int well; /* times it was told that the connection stands */
    struct bus_record last;
    char last_value[64], last_key[64], last_header[64];
};

static const struct opt *const tables[] = {bus_opts, NULL};

static inline void
guard_over(uv_timer_t *t)
{
    (void)t;
    fprintf(stderr, "nothing happened for %d ms\n", GUARD_MS);
    abort();
}

static inline void
world_flag(struct world *w, size_t i, const char *name, const char *value)
{
    snprintf(w->flags[i], sizeof w->flags[i], "%s=%s", name, value);
    w->flag_list[i] = w->flags[i];
}

static inline void
must(struct err e)
{
    if (e.kind != ERR_NONE)
        fail_msg("%s: %s", e.code, e.text);
}

/* bootstrap NULL: a demo broker of its own. extra: one more setting, or NULL. */
static inline void
world_open(struct world *w, const char *bootstrap, const char *name, const char *extra)
{
    memset(w, 0, sizeof *w);
    w->real = bootstrap != NULL;
    snprintf(w->topic, sizeof w->topic, "weirtest%d.%s.%d", (int)getpid(), name, w->real);
    snprintf(w->group, sizeof w->group, "%s.group", w->topic);
    static const char *const settings[] = {"max.message.bytes=8912896", NULL};
    struct bus_topic t = {.name = w->topic, .partitions = PARTS, .settings = settings};
    if (!w->real)
        must(bus_demo_start(&t, 1, &w->demo, &bootstrap));
    world_flag(w, 0, "kafka.bootstrap", bootstrap);
    world_flag(w, 1, "kafka.demo", w->real ? "false" : "true");
    world_flag(w, 2, "kafka.session_ms", w->real ? "6000" : "4000");
    if (extra != NULL)
        w->flag_list[3] = extra;
    must(conf_load(tables, "/dev/null", w->flag_list, &w->conf));
    must(bus_topic_create(w->conf, &t, ADMIN_MS));
    must(loop_new(false, &w->loop));
    uv_timer_init(loop_uv(w->loop), &w->guard);
    uv_timer_init(loop_uv(w->loop), &w->later);
    uv_timer_start(&w->guard, guard_over, GUARD_MS, 0);
    must(bus_producer_open(w->loop, w->conf, &w->producer));
}

static inline void
one_closed(void *arg)
{
    struct world *w = arg;
    w->done = --w->closing == 0;
}

static inline void
turn(struct world *w)
{
    assert_true(loop_turn(w->loop, &w->done));
    w->done = false;
}

static inline void
world_close(struct world *w)
{
    w->closing = 1;
    w->done = false;
    bus_producer_close(w->producer, 1000, one_closed, w);
    turn(w);
    uv_close((uv_handle_t *)&w->guard, NULL);
    uv_close((uv_handle_t *)&w->later, NULL);
    uv_run(loop_uv(w->loop), UV_RUN_DEFAULT);
    loop_free(w->loop); /* asserts that nothing is open */
    if (w->real)
        must(bus_topic_delete(w->conf, w->topic, ADMIN_MS));
    bus_demo_stop(w->demo);
    conf_free(w->conf);
}

/* ---- producing */

static inline void
on_done(void *arg, struct err e)
{
    struct world *w = arg;
    if (e.kind == ERR_NONE) {
        w->confirmed++;
    } else {
        w->refused++;
        w->last_refusal = e.code;
    }
    if (bus_waiting(w->producer) == 0)
        w->done = true;
}

static inline struct err
send_one(struct world *w, int32_t partition, int number)
{
    char key[16], value[16];
    snprintf(key, sizeof key, "key%d", number % 7);
    snprintf(value, sizeof value, "%d", number);
    struct bus_record r = {
        .topic = w->topic, .partition = partition, .key = slice_of(key), .value = slice_of(value)};
    return bus_produce(w->producer, &r, on_done, w);
}

static inline void
send_many(struct world *w, int first, int n)
{
    for (int i = 0; i < n; i++)
        must(send_one(w, -1, first + i));
    turn(w);
}

/* ---- consuming */

static inline void
answer(struct reader *r)
{
    r->answered = true;
    must(bus_assign(r->k, r->parts, r->n_parts));
}

static inline void
answer_later(uv_timer_t *t)
{
    answer(t->data);
}

static inline void
on_assigned(void *arg, const struct bus_part *parts, size_t n)
{
    struct reader *r = arg;
    r->assigned++;
    r->n_parts = n;
    for (size_t i = 0; i < n; i++) {
        r->parts[i] = parts[i];
        r->parts[i].topic = r->w->topic;
        r->parts[i].offset = r->start;
    }
    if (r->answer_later) {
        r->w->later.data = r;
        uv_timer_start(&r->w->later, answer_later, 300, 0);
    } else {
        answer(r);
    }
}

static inline void
on_revoked(void *arg, bool lost)
{
    struct reader *r = arg;
    r->revoked++;
    r->lost = lost;
    r->n_parts = 0;
    bus_unassign(r->k);
}

static inline void
copy_text(char *to, size_t size, struct slice s)
{
    snprintf(to, size, "%.*s", SLICE_ARG(s));
}

static inline void
on_record(void *arg, const struct bus_record *rec)
{
    struct reader *r = arg;
    int number = 0;
    assert_true(r->answered);
    r->got++;
    r->last = *rec;
    copy_text(r->last_value, sizeof r->last_value, rec->value);
    copy_text(r->last_key, sizeof r->last_key, rec->key);
    if (rec->n_headers > 0)
        copy_text(r->last_header, sizeof r->last_header, rec->headers[0].value);
    number = atoi(r->last_value);
    if (rec->value.n > 0 && number >= 0 && number < GOT_MAX)
        r->seen[number]++;
    if (r->paused)
        r->got_while_paused++;
    if (r->pause_at != 0 && r->got == r->pause_at) {
        r->paused = true;
        bus_pause(r->k);
        r->w->done = true;
    }
    if (r->got == r->until)
        r->w->done = true;
}

static inline void
on_caught_up(void *arg)
{
    struct reader *r = arg;
    r->caught_up++;
    if (r->until == 0)
        r->w->done = true;
}

static inline void
on_trouble(void *arg, struct err e)
{
    struct reader *r = arg;
    r->well += e.kind == ERR_NONE;
    if (e.kind == ERR_NONE)
        return;
    snprintf(r->trouble, sizeof r->trouble, "%s", e.code);
    r->trouble_kind = e.kind;
    r->w->done = true;
}

static inline void
reader_open(struct reader *r, struct world *w, const char *group)
{
    const char *topics[] = {w->topic, NULL};
    struct bus_listener to = {r, on_assigned, on_revoked, on_record, on_caught_up, on_trouble};
    r->w = w;
    if (r->start == 0)
        r->start = BUS_BEGINNING;
    must(bus_consumer_open(w->loop, w->conf, group, topics, &to, &r->k));
}

static inline void
reader_close(struct reader *r)
{
    r->w->done = false;
    r->w->closing = 1;
    bus_consumer_close(r->k, one_closed, r->w);
    bus_consumer_close(r->k, one_closed, r->w); /* harmless */
    turn(r->w);
}

static inline void
assert_each_once(const struct reader *r, int n)
{
    for (int i = 0; i < n; i++)
        if (r->seen[i] != 1)
            fail_msg("record %d came %d times", i, r->seen[i]);
}

/* ---- a test of both brokers */

#define ON_BOTH(what)                                                                              \
    static void test_demo_##what(void **state)                                                     \
    {                                                                                              \
        (void)state;                                                                               \
        what(NULL);                                                                                \
    }                                                                                              \
    static void test_kafka_##what(void **state)                                                    \
    {                                                                                              \
        (void)state;                                                                               \
        if (getenv("WEIR_TEST_KAFKA") == NULL) {                                                   \
            puts("skipped, WEIR_TEST_KAFKA is not set");                                           \
            skip();                                                                                \
        }                                                                                          \
        what(getenv("WEIR_TEST_KAFKA"));                                                           \
    }

#define BOTH(what) cmocka_unit_test(test_demo_##what), cmocka_unit_test(test_kafka_##what)

#endif
