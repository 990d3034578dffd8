#include "ingest/listen_internal.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture.h"
#include "common/crypto.h"
#include "common/metric.h"
#include "ingest/feed.h"
#include "ingest/frames.h"
#include "ingest/leftover.h"
#include "ingest/spool.h"
#include "ingest_doubles.h"

enum { LINE_VERSION = 77 };

/* ---- a source of the test: every line is an alert whose id is the line */

static struct err
fake_parse(const struct answer *got, struct arena *a, struct page *out)
{
    if (slice_eq(got->body, SLICE("bad")))
        return err_make(ERR_REJECT, "identity.header", "bad");
    out->alerts = arena_alloc(a, sizeof *out->alerts);
    out->alerts[0] = (struct raw_alert){got->body, LINE_VERSION, got->body};
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
    rig_until_sent(r, n);
    double_confirm_all(&r->producer);
    bench_settle(r->bench);
    assert_int_equal(r->producer.n_sent, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(r->producer.sent[i], lines[i]);
}

static int64_t
spooled(void)
{
    return metric_get(METRIC_weir_ingest_spool_bytes, (const char *const[]){"identity", NULL});
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
    assert_true(r->producer.version == LINE_VERSION);
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
test_a_stream_that_is_reset_has_no_last_line(void **state)
{
    struct rig *r = *state;
    uint16_t port;
    struct listener *l = start(r, "[]", &port);
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    int64_t before = rejected("identity.cut");
    int fd = connected(SOCK_STREAM, port);
    say(fd, "whole\nto");
    assert_sent(r, "whole");
    say(fd, "rn"); /* these bytes and the reset come together */
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(fd);
    bench_until(r->bench, rejected("identity.cut") == before + 1);
    assert_sent(r, "whole");
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
test_networks_may_be_named_as_senders(void **state)
{
    struct rig *r = *state;
    uint16_t port;
    struct listener *l = start(r, "[\"192.0.2.0/24\",\"127.0.0.0/8\"]", &port);
    int fd = connected(SOCK_STREAM, port), udp = connected(SOCK_DGRAM, port);
    say(fd, "one\n");
    assert_sent(r, "one");
    say(udp, "two");
    assert_sent(r, "one", "two");
    close(fd);
    close(udp);
    listen_close(l);
}

static void
test_while_kafka_is_away_lines_are_kept_and_come_in_order(void **state)
{
    struct rig *r = *state;
    uint16_t port;
    struct listener *l = start(r, "[]", &port);
    int tcp = connected(SOCK_STREAM, port), udp = connected(SOCK_DGRAM, port);
    say(tcp, "one\ntwo\nthree\n");
    bench_until(r->bench, r->producer.n_sent == 1);
    int64_t kept = spooled();
    say(udp, "four");
    bench_until(r->bench, spooled() > kept);
    assert_int_equal(r->producer.n_sent, 1); /* the rest waits for the first */
    double_confirm(&r->producer, err_make(ERR_RETRY, "bus.produce", "away"));
    rig_until_sent(r, 2);
    assert_string_equal(r->producer.sent[1], "one"); /* once more */
    rig_until_sent(r, 5);
    assert_string_equal(r->producer.sent[2], "two");
    assert_string_equal(r->producer.sent[3], "three");
    assert_string_equal(r->producer.sent[4], "four");
    double_confirm_all(&r->producer);
    bench_settle(r->bench);
    assert_int_equal(spooled(), 0);
    close(tcp);
    close(udp);
    listen_close(l);
}

static void
test_a_queue_without_room_is_waited_for(void **state)
{
    struct rig *r = *state;
    uint16_t port;
    struct listener *l = start(r, "[]", &port);
    int64_t full = metric_get(METRIC_weir_bus_buffer_full_total, (const char *const[]){NULL});
    r->producer.most = 0;
    int udp = connected(SOCK_DGRAM, port);
    say(udp, "even");
    bench_until(r->bench, r->producer.room != NULL);
    say(udp, "odd");
    say(udp, "more");
    bench_settle(r->bench);
    assert_int_equal(metric_get(METRIC_weir_bus_buffer_full_total, (const char *const[]){NULL}),
                     full + 1); /* not once a line */
    r->producer.most = DELIVERIES_MAX;
    assert_sent(r, "even", "odd", "more");
    say(udp, "odd"); /* the same bytes again are not sent again */
    say(udp, "last");
    assert_sent(r, "even", "odd", "more", "last");
    assert_int_equal(spooled(), 0);
    close(udp);
    listen_close(l);
}

/* A megabyte is the smallest spool: what does not fit stays in the sender's socket. */
static void
test_when_the_spool_is_full_a_stream_waits_and_datagrams_are_counted(void **state)
{
    enum { LINE = 8192, LINES = 256 };
    struct rig *r = *state;
    uint16_t port;
    struct listener *l = start(r, "[]", &port);
    int64_t lost = rejected("identity.udp_no_room");
    char *lines = malloc((size_t)LINES * LINE), noise[LINE];
    size_t sent = 0, all = (size_t)LINES * LINE;
    assert_non_null(lines);
    for (size_t i = 0; i < LINES; i++) { /* that does not pack */
        crypto_random(noise, sizeof noise);
        for (size_t k = 0; k < LINE - 1; k++)
            lines[i * LINE + k] = (char)('!' + (unsigned char)noise[k] % 90);
        lines[i * LINE + LINE - 1] = '\n';
    }
    int tcp = connected(SOCK_STREAM, port), udp = connected(SOCK_DGRAM, port);
    while (rejected("identity.udp_no_room") == lost) {
        ssize_t n = send(tcp, lines + sent, all - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        sent += n > 0 ? (size_t)n : 0;
        say(udp, "more");
        uv_run(loop_uv(r->bench->loop), UV_RUN_NOWAIT);
    }
    assert_true(spooled() <= 1 << 20 && spooled() > 900 * 1024);
    assert_true(all > 1 << 20);
    r->producer.forget = true; /* Kafka is back, and too much for the double's list */
    while (sent < all || spooled() > 0 || r->producer.n_sent + r->producer.n_forgotten < LINES) {
        ssize_t n = send(tcp, lines + sent, all - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        sent += n > 0 ? (size_t)n : 0;
        double_confirm_all(&r->producer);
        (void)double_room(&r->producer);
        uv_run(loop_uv(r->bench->loop), UV_RUN_ONCE);
    }
    close(tcp);
    close(udp);
    free(lines);
    listen_close(l);
}

static void
test_what_kafka_has_not_confirmed_comes_again_after_a_restart(void **state)
{
    struct rig *r = *state;
    uint16_t port;
    struct listener *l = start(r, "[]", &port);
    int fd = connected(SOCK_STREAM, port);
    say(fd, "one\ntwo\n");
    bench_until(r->bench, r->producer.n_sent == 1);
    bench_settle(r->bench);
    listen_close(l); /* nothing was confirmed */
    close(fd);
    bench_settle(r->bench);
    while (r->producer.n_waiting > 0)
        double_confirm(&r->producer, err_make(ERR_RETRY, "bus.produce", "closed"));
    r->db.n_loads = 0;
    l = start(r, "[]", &port);
    assert_sent(r, "one", "one", "two");
    assert_int_equal(spooled(), 0);
    listen_close(l);
    bench_settle(r->bench);
    r->db.n_loads = 0;
    l = start(r, "[]", &port);
    assert_sent(r, "one", "one", "two"); /* all was confirmed: nothing is left */
    listen_close(l);
}

static void
test_the_spool_of_a_tenant_that_is_off_is_deleted(void **state)
{
    struct rig *r = *state;
    const struct ingest_tenant t = rig_tenant(1);
    uint16_t port;
    char folder[256];
    struct listener *l = start(r, "[]", &port);
    int fd = connected(SOCK_STREAM, port);
    say(fd, "one\n");
    bench_until(r->bench, r->producer.n_sent == 1);
    (void)snprintf(folder, sizeof folder, "%s/weir.eu.alerts/identity/%s", r->spool,
                   oid_format(&t.oid).s);
    assert_int_equal(access(folder, F_OK), 0);
    listen_close(l);
    feed_forget(&r->env, &t.oid);
    assert_int_equal(access(folder, F_OK), -1);
    feed_forget(&r->env, &t.oid); /* harmless */
    close(fd);
}

/* The tenants that the sweep is told are members: those whose oid begins with 1. */
static bool
begins_with_one(void *arg, const struct oid *oid)
{
    (void)arg;
    return oid->b[0] == 1;
}

static size_t
folders(const char *folder)
{
    size_t n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (const struct dirent *f; (f = readdir(d)) != NULL;)
        n += f->d_name[0] != '.';
    closedir(d);
    return n;
}

static void
test_the_spools_of_all_that_went_off_meanwhile_are_deleted(void **state)
{
    enum { MANY = 150 };
    struct rig *r = *state;
    char folder[128], path[256];
    struct oid oid = {{1}};
    assert_true(feed_folder(&r->env, folder, sizeof folder));
    for (uint8_t i = 0; i < MANY; i++) {
        struct spool *s;
        struct spool_found found;
        oid.b[0] = i == 0 ? 1 : 2;
        oid.b[1] = i;
        (void)snprintf(path, sizeof path, "%s/%s", folder, oid_format(&oid).s);
        bench_need(spool_open(path, 1 << 20, &s, &found));
        spool_close(s);
    }
    r->db.fail = err_make(ERR_RETRY, "db.connect", "away");
    leftover_sweep(&r->env, begins_with_one, NULL);
    bench_settle(r->bench);
    assert_int_equal(folders(folder), MANY); /* nobody knows whether they are there */
    r->db.fail = err_make(ERR_REJECT, "db.undefined", "no such schema");
    r->db.failing = true;
    leftover_sweep(&r->env, begins_with_one, NULL);
    bench_until(r->bench, folders(folder) == 1);
}

static void
test_a_record_that_kafka_never_takes_is_left_out_alone(void **state)
{
    struct rig *r = *state;
    uint16_t port;
    struct listener *l = start(r, "[]", &port);
    int64_t before = rejected("bus.too_large");
    int fd = connected(SOCK_STREAM, port);
    say(fd, "one\ntwo\nthree\n");
    bench_until(r->bench, r->producer.n_sent == 1);
    bench_settle(r->bench);
    double_confirm(&r->producer, ERR_OK);
    bench_until(r->bench, r->producer.n_waiting == 2);
    double_confirm(&r->producer, err_make(ERR_REJECT, "bus.too_large", "too large"));
    double_confirm(&r->producer, ERR_OK);
    bench_until(r->bench, r->producer.n_waiting == 1); /* alone now */
    double_confirm(&r->producer, err_make(ERR_REJECT, "bus.too_large", "too large"));
    bench_settle(r->bench);
    assert_int_equal(rejected("bus.too_large"), before + 1);
    double_confirm_all(&r->producer);
    bench_settle(r->bench);
    assert_int_equal(spooled(), 0);
    close(fd);
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

/* The newest is the first of the list. */
static void
silent_since(struct listener *l, size_t nth, uint64_t ms)
{
    struct connection *c = l->connections;
    while (nth-- > 0)
        c = c->next;
    c->heard -= ms;
}

static bool
is_closed(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void
test_the_longest_silent_connection_goes_when_there_are_too_many(void **state)
{
    enum { MOST = LISTEN_CONNECTIONS_MAX };
    struct rig *r = *state;
    uint16_t port;
    struct listener *l = start(r, "[]", &port);
    int64_t refused = rejected("identity.connections"), silent = rejected("identity.silent");
    int fds[MOST + 2];
    for (size_t i = 0; i < MOST; i++) {
        fds[i] = connected(SOCK_STREAM, port);
        bench_until(r->bench, l->n_connections == i + 1);
    }
    silent_since(l, 0, LISTEN_SILENT_MS / 2); /* not for long enough */
    fds[MOST] = connected(SOCK_STREAM, port);
    bench_until(r->bench, rejected("identity.connections") == refused + 1);
    bench_until(r->bench, is_closed(fds[MOST]));
    silent_since(l, 1, LISTEN_SILENT_MS * 2);
    silent_since(l, 2, LISTEN_SILENT_MS * 3);
    fds[MOST + 1] = connected(SOCK_STREAM, port);
    bench_until(r->bench, is_closed(fds[MOST - 3]));
    say(fds[MOST + 1], "new\n");
    say(fds[MOST - 2], "old\n");
    rig_until_sent(r, 2);
    double_confirm_all(&r->producer);
    assert_int_equal(rejected("identity.silent"), silent + 1);
    assert_int_equal(rejected("identity.connections"), refused + 1);
    assert_int_equal(l->n_connections, MOST);
    for (size_t i = 0; i < MOST + 2; i++)
        close(fds[i]);
    listen_close(l);
}

static void
test_a_port_of_two_tenants_is_told_and_tried_again(void **state)
{
    struct rig *r = *state;
    struct capture log;
    uint16_t port;
    struct listener *first = start(r, "[]", &port);
    const struct ingest_tenant t = rig_tenant(1), other = rig_tenant(9);
    capture_begin(&log, STDOUT_FILENO);
    rig_settings_of(r, &other, slice_printf(r->bench->a, "{\"port\":%d}", (int)port));
    struct listener *l = listen_start(&r->env, &other, rig_gone, r);
    bench_until(r->bench, r->db.n_loads == 2 && r->db.n_ops == 0);
    capture_end(&log);
    assert_non_null(strstr(log.text, "ingest.port_clash"));
    assert_non_null(strstr(log.text, oid_format(&t.oid).s));
    int fd = connected(SOCK_DGRAM, port);
    say(fd, "one");
    assert_sent(r, "one"); /* the first one still has its port */
    close(fd);
    listen_close(first);
    bench_settle(r->bench);
    listen_close(l); /* in the middle of its wait */
}

static void
test_what_a_listener_does_is_stored(void **state)
{
    struct rig *r = *state;
    uint16_t port;
    int64_t before = clock_now();
    struct listener *l = start(r, "[]", &port);
    bench_until(r->bench, r->db.n_status_saves == 1 && r->db.n_ops == 0);
    const struct source_status_row *row = &r->db.status;
    assert_int_equal(row->source, 4);
    assert_true(row->asked >= before && row->updated >= before);
    assert_int_equal(row->succeeded, CLOCK_NONE);
    assert_null(row->code.p);
    int fd = connected(SOCK_DGRAM, port);
    say(fd, "one"); /* whoever sets a sensor up waits for it */
    bench_until(r->bench, r->db.n_status_saves == 2 && r->db.n_ops == 0);
    assert_true(row->succeeded >= before);
    assert_int_equal(row->alerts, 1);
    assert_int_equal(row->newest, LINE_VERSION);
    say(fd, "two"); /* and then nobody does */
    assert_sent(r, "one", "two");
    assert_int_equal(r->db.n_status_saves, 2);
    close(fd);
    listen_close(l);
}

static void
test_why_a_listener_does_not_listen_is_stored(void **state)
{
    struct rig *r = *state;
    const struct ingest_tenant t = rig_tenant(1);
    rig_settings(r, SLICE("{\"port\":6514,\"tls\":true}")); /* and no certificate */
    struct listener *l = listen_start(&r->env, &t, rig_gone, r);
    assert_non_null(l);
    bench_until(r->bench, r->db.n_status_saves == 1 && r->db.n_ops == 0);
    assert_string_equal(r->db.status_code, "ingest.listen_tls");
    listen_close(l);
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
    r->producer.most = 0;
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
        RIGGED(test_a_stream_that_is_reset_has_no_last_line),
        RIGGED(test_who_is_not_named_may_not_send),
        RIGGED(test_networks_may_be_named_as_senders),
        RIGGED(test_while_kafka_is_away_lines_are_kept_and_come_in_order),
        RIGGED(test_a_queue_without_room_is_waited_for),
        RIGGED(test_when_the_spool_is_full_a_stream_waits_and_datagrams_are_counted),
        RIGGED(test_what_kafka_has_not_confirmed_comes_again_after_a_restart),
        RIGGED(test_the_spool_of_a_tenant_that_is_off_is_deleted),
        RIGGED(test_the_spools_of_all_that_went_off_meanwhile_are_deleted),
        RIGGED(test_a_record_that_kafka_never_takes_is_left_out_alone),
        RIGGED(test_a_line_that_is_too_long_is_dropped_whatever_its_rest_looks_like),
        RIGGED(test_a_sender_that_ends_no_line_is_cut_off),
        RIGGED(test_the_longest_silent_connection_goes_when_there_are_too_many),
        RIGGED(test_a_port_of_two_tenants_is_told_and_tried_again),
        RIGGED(test_what_a_listener_does_is_stored),
        RIGGED(test_why_a_listener_does_not_listen_is_stored),
        RIGGED(test_a_tenant_whose_schema_is_gone_is_told_once),
        RIGGED(test_a_listener_can_be_closed_in_the_middle_of_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
