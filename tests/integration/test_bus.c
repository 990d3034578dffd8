/* The bus against the demo broker, and against a real Kafka when WEIR_TEST_KAFKA=host:port. */
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

static void
guard_over(uv_timer_t *t)
{
    (void)t;
    fprintf(stderr, "nothing happened for %d ms\n", GUARD_MS);
    abort();
}

static void
world_flag(struct world *w, size_t i, const char *name, const char *value)
{
    snprintf(w->flags[i], sizeof w->flags[i], "%s=%s", name, value);
    w->flag_list[i] = w->flags[i];
}

static void
must(struct err e)
{
    if (e.kind != ERR_NONE)
        fail_msg("%s: %s", e.code, e.text);
}

/* bootstrap NULL: a demo broker of its own. extra: one more setting, or NULL. */
static void
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

static void
one_closed(void *arg)
{
    struct world *w = arg;
    w->done = --w->closing == 0;
}

static void
turn(struct world *w)
{
    assert_true(loop_turn(w->loop, &w->done));
    w->done = false;
}

static void
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

static void
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

static struct err
send_one(struct world *w, int32_t partition, int number)
{
    char key[16], value[16];
    snprintf(key, sizeof key, "key%d", number % 7);
    snprintf(value, sizeof value, "%d", number);
    struct bus_record r = {
        .topic = w->topic, .partition = partition, .key = slice_of(key), .value = slice_of(value)};
    return bus_produce(w->producer, &r, on_done, w);
}

static void
send_many(struct world *w, int first, int n)
{
    for (int i = 0; i < n; i++)
        must(send_one(w, -1, first + i));
    turn(w);
}

/* ---- consuming */

static void
answer(struct reader *r)
{
    r->answered = true;
    must(bus_assign(r->k, r->parts, r->n_parts));
}

static void
answer_later(uv_timer_t *t)
{
    answer(t->data);
}

static void
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

static void
on_revoked(void *arg, bool lost)
{
    struct reader *r = arg;
    r->revoked++;
    r->lost = lost;
    r->n_parts = 0;
    bus_unassign(r->k);
}

static void
copy_text(char *to, size_t size, struct slice s)
{
    snprintf(to, size, "%.*s", SLICE_ARG(s));
}

static void
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

static void
on_caught_up(void *arg)
{
    struct reader *r = arg;
    r->caught_up++;
    if (r->until == 0)
        r->w->done = true;
}

static void
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

static void
reader_open(struct reader *r, struct world *w, const char *group)
{
    const char *topics[] = {w->topic, NULL};
    struct bus_listener to = {r, on_assigned, on_revoked, on_record, on_caught_up, on_trouble};
    r->w = w;
    if (r->start == 0)
        r->start = BUS_BEGINNING;
    must(bus_consumer_open(w->loop, w->conf, group, topics, &to, &r->k));
}

static void
reader_close(struct reader *r)
{
    r->w->done = false;
    r->w->closing = 1;
    bus_consumer_close(r->k, one_closed, r->w);
    bus_consumer_close(r->k, one_closed, r->w); /* harmless */
    turn(r->w);
}

static void
assert_each_once(const struct reader *r, int n)
{
    for (int i = 0; i < n; i++)
        if (r->seen[i] != 1)
            fail_msg("record %d came %d times", i, r->seen[i]);
}

/* ---- the tests; each runs on both brokers */

static void
a_record_comes_back_as_it_was_sent(const char *bootstrap)
{
    struct world w;
    struct reader r = {.until = 1};
    world_open(&w, bootstrap, "back", NULL);
    struct bus_record rec = {.topic = w.topic,
                             .partition = 2,
                             .key = SLICE("k"),
                             .value = SLICE("hello"),
                             .headers = {{"ce_id", SLICE("7")}, {"ce_type", SLICE("t")}},
                             .n_headers = 2};
    must(bus_produce(w.producer, &rec, on_done, &w));
    turn(&w);
    assert_int_equal(w.confirmed, 1);
    reader_open(&r, &w, NULL);
    turn(&w);
    assert_int_equal(r.n_parts, PARTS);
    assert_int_equal(r.last.partition, 2);
    assert_int_equal(r.last.offset, 0);
    assert_true(r.last.time_ms > INT64_C(1500000000000));
    assert_string_equal(r.last_value, "hello");
    assert_string_equal(r.last_key, "k");
    assert_int_equal(r.last.n_headers, 2);
    assert_string_equal(r.last_header, "7");
    r.until = 2; /* a tombstone, then an empty value */
    rec.value = SLICE_NONE;
    must(bus_produce(w.producer, &rec, NULL, NULL));
    turn(&w);
    assert_null(r.last.value.p);
    r.until = 3;
    rec.value = SLICE("");
    must(bus_produce(w.producer, &rec, NULL, NULL));
    turn(&w);
    assert_non_null(r.last.value.p);
    reader_close(&r);
    world_close(&w);
}

static void
the_end_of_all_partitions_is_told_once(const char *bootstrap)
{
    struct world w;
    struct reader r = {.until = 0};
    world_open(&w, bootstrap, "end", NULL);
    send_many(&w, 0, 1000);
    reader_open(&r, &w, NULL);
    turn(&w);
    assert_int_equal(r.got, 1000);
    assert_each_once(&r, 1000);
    r.until = 1100;
    for (int i = 0; i < 100; i++)
        must(send_one(&w, -1, 1000 + i));
    while (r.got < r.until)
        turn(&w);
    assert_int_equal(r.caught_up, 1);
    reader_close(&r);
    world_close(&w);
}

static void
send_next(uv_timer_t *t)
{
    struct world *w = t->data;
    must(send_one(w, 0, 1));
}

static void
a_steady_stream_does_not_hide_the_end(const char *bootstrap)
{
    struct world w;
    struct reader r = {.until = 0};
    world_open(&w, bootstrap, "steady", NULL);
    send_many(&w, 0, 10);
    w.later.data = &w;
    uv_timer_start(&w.later, send_next, 50, 50);
    reader_open(&r, &w, NULL);
    while (r.caught_up == 0)
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    uv_timer_stop(&w.later);
    reader_close(&r);
    world_close(&w);
}

static void
two_members_share_and_one_takes_over(const char *bootstrap)
{
    static struct reader a, b;
    struct world w;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    a.until = b.until = -1;
    a.answer_later = true; /* an answer may come after the call */
    world_open(&w, bootstrap, "share", NULL);
    reader_open(&a, &w, w.group);
    send_many(&w, 0, 200);
    while (a.got < 200)
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    assert_int_equal(a.n_parts, PARTS);
    reader_open(&b, &w, w.group);
    while (!(a.revoked == 1 && a.answered && a.assigned == 2 && b.assigned >= 1 && b.n_parts > 0))
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    assert_int_equal(a.n_parts, PARTS / 2);
    assert_int_equal(b.n_parts, PARTS / 2);
    assert_false(a.lost);
    while (a.got + b.got < 400) /* both read theirs from the beginning */
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    reader_close(&a);
    while (b.n_parts < PARTS)
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    assert_int_equal(b.revoked, 1);
    reader_close(&b);
    world_close(&w);
}

static void
a_paused_consumer_hands_over_nothing_and_loses_nothing(const char *bootstrap)
{
    static struct reader r;
    struct world w;
    int64_t until_ms = 0;
    memset(&r, 0, sizeof r);
    r.pause_at = 100;
    r.until = 3000;
    world_open(&w, bootstrap, "pause", NULL);
    send_many(&w, 0, 2000);
    reader_open(&r, &w, NULL);
    turn(&w);
    assert_int_equal(r.got, 100);
    /* a short pause, and one so long that the library itself is paused */
    for (int i = 0; i < 2; i++) {
        until_ms = clock_mono_ms() + (i == 0 ? 50 : 1500);
        send_many(&w, 2000 + 500 * i, 500);
        while (clock_mono_ms() < until_ms)
            uv_run(loop_uv(w.loop), UV_RUN_ONCE);
        assert_int_equal(r.got_while_paused, 0);
        r.pause_at = i == 0 ? 700 : 0;
        r.paused = false;
        w.done = false;
        bus_resume(r.k);
        turn(&w);
        assert_int_equal(r.got, i == 0 ? 700 : 3000);
    }
    assert_each_once(&r, 3000);
    reader_close(&r);
    world_close(&w);
}

static void
a_paused_member_gives_back_and_goes_on(const char *bootstrap)
{
    static struct reader a, b;
    struct world w;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    a.until = b.until = -1;
    a.pause_at = 10;
    world_open(&w, bootstrap, "away", NULL);
    reader_open(&a, &w, w.group);
    send_many(&w, 0, 400);
    while (a.got < 10 || bus_waiting(w.producer) > 0)
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    /* paused for so long that the library was told, then the group changes under it */
    int64_t until_ms = clock_mono_ms() + 1500;
    while (clock_mono_ms() < until_ms)
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    reader_open(&b, &w, w.group);
    while (!(a.assigned == 2 && b.n_parts == PARTS / 2))
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    while (b.caught_up == 0)
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    assert_int_equal(a.got, 10);
    assert_int_equal(a.caught_up, 0);
    a.paused = false;
    bus_resume(a.k);
    while (a.caught_up == 0)
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    assert_int_equal(a.got - 10 + b.got, 400);
    reader_close(&a);
    reader_close(&b);
    world_close(&w);
}

static void
a_member_without_partitions_has_caught_up(const char *bootstrap)
{
    static struct reader members[PARTS + 1];
    struct world w;
    size_t idle = 0;
    memset(members, 0, sizeof members);
    world_open(&w, bootstrap, "idle", NULL);
    for (size_t i = 0; i <= PARTS; i++) {
        members[i].until = -1;
        reader_open(&members[i], &w, w.group);
    }
    for (size_t told = 0; told <= PARTS;) {
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
        told = idle = 0;
        for (size_t i = 0; i <= PARTS; i++) {
            told += members[i].caught_up > 0 && members[i].n_parts <= 1;
            idle += members[i].caught_up > 0 && members[i].n_parts == 0;
        }
    }
    assert_int_equal(idle, 1);
    for (size_t i = 0; i <= PARTS; i++)
        reader_close(&members[i]);
    world_close(&w);
}

static void
reading_starts_where_it_is_told(const char *bootstrap)
{
    struct world w;
    struct reader r = {.until = 4, .start = 9};
    world_open(&w, bootstrap, "start", NULL);
    for (int p = 0; p < PARTS; p++)
        for (int i = 0; i < 10; i++)
            must(send_one(&w, p, i));
    turn(&w);
    reader_open(&r, &w, NULL);
    turn(&w);
    assert_int_equal(r.got, PARTS);
    assert_int_equal(r.seen[9], PARTS);
    reader_close(&r);
    world_close(&w);
}

static void
an_offset_that_does_not_exist_is_trouble(const char *bootstrap)
{
    struct world w;
    struct reader r = {.until = -1, .start = 1000000};
    world_open(&w, bootstrap, "offset", NULL);
    send_many(&w, 0, 40);
    reader_open(&r, &w, NULL);
    turn(&w);
    assert_string_equal(r.trouble, "bus.offset");
    assert_int_equal(r.trouble_kind, ERR_STOP);
    assert_int_equal(r.got, 0);
    reader_close(&r);
    world_close(&w);
}

static void
on_room(void *arg)
{
    struct world *w = arg;
    assert_true(bus_waiting(w->producer) <= 8);
    w->done = true;
}

static void
a_full_buffer_says_so_and_tells_when_there_is_room(const char *bootstrap)
{
    struct world w;
    struct err e = ERR_OK;
    int sent = 0;
    world_open(&w, bootstrap, "full", "kafka.buffer_records=16");
    for (; e.kind == ERR_NONE && sent < 1000; sent += e.kind == ERR_NONE)
        e = send_one(&w, -1, sent);
    assert_int_equal(e.kind, ERR_RETRY);
    assert_string_equal(e.code, "bus.full");
    assert_int_equal(sent, 16);
    w.done = false;
    bus_on_room(w.producer, on_room, &w);
    turn(&w);
    must(send_one(&w, -1, sent));
    while (bus_waiting(w.producer) > 0)
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    assert_int_equal(w.confirmed, 17);
    world_close(&w);
}

static void
a_partition_that_does_not_exist_is_refused(const char *bootstrap)
{
    struct world w;
    world_open(&w, bootstrap, "part", NULL);
    send_many(&w, 0, 1); /* now the partitions are known */
    w.confirmed = 0;
    struct bus_record rec = {.topic = w.topic,
                             .partition = 999,
                             .value = SLICE("x"),
                             .headers = {{"h", SLICE("v")}},
                             .n_headers = 1};
    struct err e = bus_produce(w.producer, &rec, on_done, &w);
    if (e.kind == ERR_NONE)
        turn(&w);
    assert_int_equal(w.confirmed, 0);
    assert_int_equal(bus_waiting(w.producer), 0);
    world_close(&w);
}

/* ---- without any broker */

static void
test_without_a_broker_everything_closes_soon_and_each_record_is_given_back(void **state)
{
    static struct reader r;
    struct world w;
    (void)state;
    memset(&w, 0, sizeof w);
    snprintf(w.topic, sizeof w.topic, "nowhere");
    world_flag(&w, 0, "kafka.bootstrap", "127.0.0.1:1");
    must(conf_load(tables, "/dev/null", w.flag_list, &w.conf));
    must(loop_new(false, &w.loop));
    uv_timer_init(loop_uv(w.loop), &w.guard);
    uv_timer_init(loop_uv(w.loop), &w.later);
    uv_timer_start(&w.guard, guard_over, GUARD_MS, 0);
    must(bus_producer_open(w.loop, w.conf, &w.producer));
    for (int i = 0; i < 10; i++)
        must(send_one(&w, -1, i));
    reader_open(&r, &w, "group");
    turn(&w);
    assert_string_equal(r.trouble, "bus.connect");
    assert_int_equal(r.trouble_kind, ERR_RETRY);
    int64_t from_ms = clock_mono_ms();
    reader_close(&r);
    char version[32];
    struct err e = bus_ping(w.conf, 500, version);
    assert_int_equal(e.kind, ERR_RETRY);
    assert_string_equal(e.code, "bus.connect");
    world_close(&w);
    assert_true(clock_mono_ms() - from_ms < 8000);
    assert_int_equal(w.refused, 10);
    assert_string_equal(w.last_refusal, "bus.produce");
}

/* The library takes the partitions away by itself when the session is over. */
static void
test_a_broker_that_died_is_not_well_again_when_the_partitions_are_taken_away(void **state)
{
    struct world w;
    struct reader r = {.until = 0};
    (void)state;
    world_open(&w, NULL, "died", NULL);
    reader_open(&r, &w, w.group);
    turn(&w); /* caught up */
    int well = r.well;
    bus_demo_stop(w.demo);
    w.demo = NULL;
    turn(&w);
    assert_string_equal(r.trouble, "bus.connect");
    while (r.revoked == 0)
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    assert_true(r.lost);
    assert_int_equal(r.well, well);
    reader_close(&r);
    world_close(&w);
}

static void
test_a_record_over_the_limit_is_rejected(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, NULL, "large", NULL);
    char *big = calloc(1, 10000000);
    struct bus_record rec = {.topic = w.topic, .partition = -1, .value = {big, 10000000}};
    struct err e = bus_produce(w.producer, &rec, on_done, &w);
    assert_int_equal(e.kind, ERR_REJECT);
    assert_string_equal(e.code, "bus.too_large");
    free(big);
    world_close(&w);
}

/* ---- topics, on a real Kafka */

static void
test_kafka_takes_a_record_of_eight_mebibytes(void **state)
{
    static struct reader r;
    struct world w;
    size_t n = 8 * 1024 * 1024;
    (void)state;
    if (getenv("WEIR_TEST_KAFKA") == NULL) {
        puts("skipped, WEIR_TEST_KAFKA is not set");
        skip();
    }
    memset(&r, 0, sizeof r);
    world_open(&w, getenv("WEIR_TEST_KAFKA"), "eight", NULL);
    char *big = malloc(n);
    memset(big, '7', n);
    struct bus_record rec = {.topic = w.topic, .partition = 1, .value = {big, n}};
    must(bus_produce(w.producer, &rec, on_done, &w));
    free(big); /* it was copied */
    turn(&w);
    assert_int_equal(w.confirmed, 1);
    r.until = 1;
    reader_open(&r, &w, NULL);
    turn(&w);
    assert_int_equal(r.last.value.n, n);
    reader_close(&r);
    world_close(&w);
}

static void
test_topics_are_made_checked_listed_and_deleted(void **state)
{
    static const char *const settings[] = {"cleanup.policy=compact,delete", "retention.ms=3600000",
                                           NULL};
    static const char *const others[] = {"retention.ms=7200000", NULL};
    const char *bootstrap = getenv("WEIR_TEST_KAFKA");
    char name[64], flag[96];
    const char *flags[] = {flag, NULL};
    const char *const *list = NULL;
    struct conf *c = NULL;
    int32_t n = -1;
    (void)state;
    if (bootstrap == NULL) {
        puts("skipped, WEIR_TEST_KAFKA is not set");
        skip();
    }
    snprintf(flag, sizeof flag, "kafka.bootstrap=%s", bootstrap);
    snprintf(name, sizeof name, "weirtest%d.admin", (int)getpid());
    must(conf_load(tables, "/dev/null", flags, &c));
    struct bus_topic t = {.name = name, .partitions = 3, .settings = settings};
    must(bus_ping(c, ADMIN_MS, NULL));
    must(bus_topic_partitions(c, name, ADMIN_MS, &n));
    assert_int_equal(n, 0);
    struct err e = bus_topic_check(c, &t, ADMIN_MS);
    assert_string_equal(e.code, "bus.topic");
    must(bus_topic_create(c, &t, ADMIN_MS));
    must(bus_topic_create(c, &t, ADMIN_MS)); /* already there */
    must(bus_topic_check(c, &t, ADMIN_MS));
    must(bus_topic_partitions(c, name, ADMIN_MS, &n));
    assert_int_equal(n, 3);
    t.settings = others;
    e = bus_topic_check(c, &t, ADMIN_MS);
    assert_int_equal(e.kind, ERR_STOP);
    assert_non_null(strstr(e.text, "retention.ms"));
    t.partitions = 4;
    e = bus_topic_check(c, &t, ADMIN_MS);
    assert_non_null(strstr(e.text, "partitions"));
    struct arena *a = arena_new(1024 * 1024);
    must(bus_topic_list(c, name, ADMIN_MS, a, &list));
    assert_string_equal(list[0], name);
    assert_null(list[1]);
    arena_free(a);
    must(bus_topic_delete(c, name, ADMIN_MS));
    must(bus_topic_delete(c, name, ADMIN_MS)); /* not there: as good */
    conf_free(c);
}

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

ON_BOTH(a_record_comes_back_as_it_was_sent)
ON_BOTH(the_end_of_all_partitions_is_told_once)
ON_BOTH(a_steady_stream_does_not_hide_the_end)
ON_BOTH(two_members_share_and_one_takes_over)
ON_BOTH(a_paused_consumer_hands_over_nothing_and_loses_nothing)
ON_BOTH(a_paused_member_gives_back_and_goes_on)
ON_BOTH(a_member_without_partitions_has_caught_up)
ON_BOTH(reading_starts_where_it_is_told)
ON_BOTH(an_offset_that_does_not_exist_is_trouble)
ON_BOTH(a_full_buffer_says_so_and_tells_when_there_is_room)
ON_BOTH(a_partition_that_does_not_exist_is_refused)

#define BOTH(what) cmocka_unit_test(test_demo_##what), cmocka_unit_test(test_kafka_##what)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_record_comes_back_as_it_was_sent),
        BOTH(the_end_of_all_partitions_is_told_once),
        BOTH(a_steady_stream_does_not_hide_the_end),
        BOTH(two_members_share_and_one_takes_over),
        BOTH(a_paused_consumer_hands_over_nothing_and_loses_nothing),
        BOTH(a_paused_member_gives_back_and_goes_on),
        BOTH(a_member_without_partitions_has_caught_up),
        BOTH(reading_starts_where_it_is_told),
        BOTH(an_offset_that_does_not_exist_is_trouble),
        BOTH(a_full_buffer_says_so_and_tells_when_there_is_room),
        BOTH(a_partition_that_does_not_exist_is_refused),
        cmocka_unit_test(
            test_without_a_broker_everything_closes_soon_and_each_record_is_given_back),
        cmocka_unit_test(
            test_a_broker_that_died_is_not_well_again_when_the_partitions_are_taken_away),
        cmocka_unit_test(test_a_record_over_the_limit_is_rejected),
        cmocka_unit_test(test_kafka_takes_a_record_of_eight_mebibytes),
        cmocka_unit_test(test_topics_are_made_checked_listed_and_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
