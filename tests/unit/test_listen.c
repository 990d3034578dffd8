#include "ingest/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/metric.h"
#include "ingest/frames.h"
#include "ingest_doubles.h"

/* ---- a source of the test: every line is an alert whose id is the line */

static struct err
fake_parse(const struct answer *got, struct arena *a, struct page *out)
{
    if (slice_eq(got->body, SLICE("bad")))
        return err_make(ERR_REJECT, "identity.header", "bad");
    out->alerts = arena_alloc(a, sizeof *out->alerts);
    out->alerts[0] = (struct raw_alert){got->body, CLOCK_NONE, got->body};
    out->n_alerts = 1;
    return ERR_OK;
}

static const struct source fake = {
    .name = "identity", .number = 4, .listens = true, .parse = fake_parse};

/* A port that was free a moment ago, for both protocols. */
static uint16_t
free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static int
connected(int type, uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, type, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void
say(int fd, const char *bytes)
{
    size_t n = strlen(bytes);
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

static int64_t
rejected(const char *reason)
{
    return metric_get(METRIC_weir_ingest_rejected_total,
                      (const char *const[]){"identity", reason, NULL});
}

static int
setup(void **state)
{
    *state = rig_new(&fake, NULL);
    return 0;
}

static int
teardown(void **state)
{
    rig_free(*state);
    return 0;
}

static struct listener *
start(struct rig *r, const char *senders, uint16_t *port)
{
    const struct ingest_tenant t = rig_tenant(1);
    *port = free_port();
    rig_settings(r, slice_printf(r->bench->a, "{\"port\":%d,\"senders\":%s}", (int)*port, senders));
    struct listener *l = listen_start(&r->env, &t, rig_gone, r);
    assert_non_null(l);
    bench_until(r->bench, r->db.n_loads > 0 && r->db.n_ops == 0);
    return l;
}

static void
sent_are(struct rig *r, const char *const *lines)
{
    size_t n = 0;
    while (lines[n] != NULL)
        n++;
    bench_until(r->bench, r->producer.n_sent >= n);
    bench_settle(r->bench);
    assert_int_equal(r->producer.n_sent, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(r->producer.sent[i], lines[i]);
}

#define assert_sent(r, ...) sent_are((r), (const char *const[]){__VA_ARGS__, NULL})

static void
test_a_datagram_is_a_line(void **state)
{
    struct rig *r = *state;
    uint16_t port;
    struct listener *l = start(r, "[]", &port);
    int64_t bad = rejected("identity.header");
    int fd = connected(SOCK_DGRAM, port);
    say(fd, "one");
    say(fd, "two\r\n");
    say(fd, "bad");
    say(fd, "5 not counted\n");
    assert_sent(r, "one", "two", "5 not counted");
    assert_int_equal(rejected("identity.header"), bad + 1);
    close(fd);
    listen_close(l);
}

static void
test_a_stream_has_ended_and_counted_lines_and_a_last_one(void **state)
{
    struct rig *r = *state;
    uint16_t port;
    struct listener *l = start(r, "[\"127.0.0.1\"]", &port);
    int fd = connected(SOCK_STREAM, port);
    say(fd, "one\r\n3 twothr");
    assert_sent(r, "one", "two");
    say(fd, "ee\nla");
    assert_sent(r, "one", "two", "three");
    say(fd, "st");
    close(fd);
    assert_sent(r, "one", "two", "three", "last");
    listen_close(l);
}

static void
test_who_is_not_named_may_not_send(void **state)
{
    struct rig *r = *state;
    uint16_t port;
    struct listener *l = start(r, "[\"192.0.2.1\",\"::1\"]", &port);
    int64_t before = rejected("identity.sender");
    int udp = connected(SOCK_DGRAM, port), tcp = connected(SOCK_STREAM, port);
    char byte;
    say(udp, "one");
    bench_until(r->bench, rejected("identity.sender") == before + 2);
    bench_settle(r->bench);
    assert_int_equal(recv(tcp, &byte, 1, MSG_DONTWAIT), 0); /* closed */
    assert_int_equal(r->producer.n_sent, 0);
    close(udp);
    close(tcp);
    listen_close(l);
}

static void
test_while_kafka_is_full_a_stream_waits_and_datagrams_are_counted(void **state)
{
    struct rig *r = *state;
    uint16_t port;
    struct listener *l = start(r, "[]", &port);
    int64_t before = rejected("identity.udp_no_room");
    r->producer.most = 1;
    int tcp = connected(SOCK_STREAM, port), ending = connected(SOCK_STREAM, port);
    say(tcp, "one\ntwo\nthree\n");
    bench_until(r->bench, r->producer.room != NULL);
    int udp = connected(SOCK_DGRAM, port);
    say(udp, "lost");
    bench_until(r->bench, rejected("identity.udp_no_room") == before + 1);
    say(tcp, "four\n");
    say(ending, "five");
    close(ending);
    bench_settle(r->bench);
    assert_sent(r, "one");
    for (int i = 0; i < 5; i++) {
        double_confirm_all(&r->producer);
        (void)double_room(&r->producer);
        bench_settle(r->bench);
    }
    assert_int_equal(r->producer.n_sent, 5);
    assert_string_equal(r->producer.sent[1], "two");
    assert_string_equal(r->producer.sent[2], "three");
    bool last =
        strcmp(r->producer.sent[4], "five") == 0 || strcmp(r->producer.sent[3], "five") == 0;
    assert_true(last);
    close(tcp);
    close(udp);
    listen_close(l);
}

static void
test_datagrams_fill_kafka_once_and_stop_streams_too(void **state)
{
    struct rig *r = *state;
    uint16_t port;
    struct listener *l = start(r, "[]", &port);
    int64_t full = metric_get(METRIC_weir_bus_buffer_full_total, (const char *const[]){NULL});
    int64_t before = rejected("identity.udp_no_room");
    r->producer.most = 1;
    int udp = connected(SOCK_DGRAM, port);
    for (int i = 0; i < 10; i++)
        say(udp, i % 2 == 0 ? "even" : "odd");
    bench_until(r->bench, rejected("identity.udp_no_room") == before + 9);
    assert_int_equal(metric_get(METRIC_weir_bus_buffer_full_total, (const char *const[]){NULL}),
                     full + 1);
    double_confirm_all(&r->producer);
    (void)double_room(&r->producer);
    say(udp, "more");
    assert_sent(r, "even", "more");
    close(udp);
    listen_close(l);
}

static void
test_a_line_that_is_too_long_is_dropped_whatever_its_rest_looks_like(void **state)
{
    struct rig *r = *state;
    uint16_t port;
    struct listener *l = start(r, "[]", &port);
    int64_t before = rejected("identity.line_too_long");
    static char part[FRAMES_LINE_MAX + 1];
    int fd = connected(SOCK_STREAM, port);
    memset(part, 'a', sizeof part - 1);
    say(fd, "one\n");
    say(fd, part);
    say(fd, "aaaa");
    bench_until(r->bench, rejected("identity.line_too_long") == before + 1);
    say(fd, "3 two");
    bench_settle(r->bench);
    say(fd, "3 three\nfour\n");
    assert_sent(r, "one", "four");
    assert_int_equal(rejected("identity.line_too_long"), before + 1);
    close(fd);
    listen_close(l);
}

static void
test_a_sender_that_ends_no_line_is_cut_off(void **state)
{
    struct rig *r = *state;
    uint16_t port;
    struct listener *l = start(r, "[]", &port);
    static char part[64 * 1024];
    int fd = connected(SOCK_STREAM, port);
    ssize_t n = 0;
    size_t total = 0;
    memset(part, 'a', sizeof part);
    while (total < 64u * 1024 * 1024) {
        n = send(fd, part, sizeof part, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN)
            break;
        total += n > 0 ? (size_t)n : 0;
        uv_run(loop_uv(r->bench->loop), UV_RUN_ONCE);
    }
    assert_true(n < 0);
    close(fd);
    listen_close(l);
}

static void
test_a_port_in_use_is_tried_again(void **state)
{
    struct rig *r = *state;
    uint16_t port;
    struct listener *other = start(r, "[]", &port);
    const struct ingest_tenant t = rig_tenant(1);
    struct listener *l = listen_start(&r->env, &t, rig_gone, r);
    bench_until(r->bench, r->db.n_loads == 2 && r->db.n_ops == 0);
    int fd = connected(SOCK_DGRAM, port);
    say(fd, "one");
    assert_sent(r, "one"); /* the first one still has its port */
    close(fd);
    listen_close(other);
    bench_settle(r->bench);
    listen_close(l); /* in the middle of its wait */
}

static void
test_a_tenant_whose_schema_is_gone_is_told_once(void **state)
{
    struct rig *r = *state;
    const struct ingest_tenant t = rig_tenant(1);
    r->db.fail = err_make(ERR_REJECT, "db.undefined", "gone");
    struct listener *l = listen_start(&r->env, &t, rig_gone, r);
    bench_until(r->bench, r->gone == 1);
    bench_settle(r->bench);
    assert_int_equal(r->gone, 1);
    listen_close(l);
}

/* Teardown asserts that nothing stays on the loop. */
static void
test_a_listener_can_be_closed_in_the_middle_of_everything(void **state)
{
    struct rig *r = *state;
    const struct ingest_tenant t = rig_tenant(1);
    uint16_t port;
    r->db.hold = true; /* its settings never come */
    struct listener *loading = listen_start(&r->env, &t, rig_gone, r);
    listen_close(loading);
    listen_close(NULL);
    r->db.hold = false;
    r->producer.most = 1;
    struct listener *l = start(r, "[]", &port);
    int open = connected(SOCK_STREAM, port), full = connected(SOCK_STREAM, port);
    say(open, "half a li");
    say(full, "one\ntwo\n");
    bench_until(r->bench, r->producer.room != NULL);
    listen_close(l);
    bench_settle(r->bench);
    (void)double_room(&r->producer);
    close(open);
    close(full);
}

int
main(void)
{
#define RIGGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        RIGGED(test_a_datagram_is_a_line),
        RIGGED(test_a_stream_has_ended_and_counted_lines_and_a_last_one),
        RIGGED(test_who_is_not_named_may_not_send),
        RIGGED(test_while_kafka_is_full_a_stream_waits_and_datagrams_are_counted),
        RIGGED(test_datagrams_fill_kafka_once_and_stop_streams_too),
        RIGGED(test_a_line_that_is_too_long_is_dropped_whatever_its_rest_looks_like),
        RIGGED(test_a_sender_that_ends_no_line_is_cut_off),
        RIGGED(test_a_port_in_use_is_tried_again),
        RIGGED(test_a_tenant_whose_schema_is_gone_is_told_once),
        RIGGED(test_a_listener_can_be_closed_in_the_middle_of_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
