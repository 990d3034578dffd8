/* The bus: records there and back, offsets, limits, topics; with and without a broker. */
#include "tests/integration/bus.h"

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

ON_BOTH(a_record_comes_back_as_it_was_sent)
ON_BOTH(the_end_of_all_partitions_is_told_once)
ON_BOTH(a_steady_stream_does_not_hide_the_end)
ON_BOTH(reading_starts_where_it_is_told)
ON_BOTH(an_offset_that_does_not_exist_is_trouble)
ON_BOTH(a_full_buffer_says_so_and_tells_when_there_is_room)
ON_BOTH(a_partition_that_does_not_exist_is_refused)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_record_comes_back_as_it_was_sent),
        BOTH(the_end_of_all_partitions_is_told_once),
        BOTH(a_steady_stream_does_not_hide_the_end),
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
