/* The SIEM agent's lines through the listener. */
#include "ingest/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/metric.h"
#include "ingest_doubles.h"

extern const struct source source_apps;

#define LINE(type, id)                                                                             \
    "2020-01-14T09:34:34.101Z CEF:0|MCAS|SIEM_Agent|0.111.85|" type "|Name|3|externalId=" id       \
    " start=1578994474101 msg=m"

static int
setup(void **state)
{
    *state = rig_new(&source_apps, NULL);
    return 0;
}

static int
teardown(void **state)
{
    rig_free(*state);
    return 0;
}

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

static struct listener *
start(struct rig *r, struct slice settings)
{
    const struct ingest_tenant t = rig_tenant(1);
    rig_settings(r, settings);
    struct listener *l = listen_start(&r->env, &t, rig_gone, r);
    assert_non_null(l);
    bench_until(r->bench, r->db.n_loads > 0 && r->db.n_ops == 0);
    return l;
}

static void
test_alerts_are_produced_and_activities_counted(void **state)
{
    static const char bytes[] = LINE("ALERT_ADMIN_USER", "a") "\n" LINE(
        "EVENT_CATEGORY_LOGIN", "1_b") "\n" LINE("MCAS_ALERT_X", "c") "\n";
    struct rig *r = *state;
    uint16_t port = free_port();
    struct listener *l = start(r, slice_printf(r->bench->a, "{\"port\":%d}", (int)port));
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(send(fd, bytes, sizeof bytes - 1, MSG_NOSIGNAL), (ssize_t)sizeof bytes - 1);
    rig_until_sent(r, 2);
    bench_settle(r->bench);
    assert_int_equal(r->producer.n_sent, 2);
    assert_string_equal(r->producer.sent[0], LINE("ALERT_ADMIN_USER", "a"));
    assert_string_equal(r->producer.sent[1], LINE("MCAS_ALERT_X", "c"));
    const char *const labels[] = {"apps", "apps.activity", NULL};
    assert_int_equal(metric_get(METRIC_weir_ingest_rejected_total, labels), 1);
    close(fd);
    double_confirm_all(&r->producer);
    listen_close(l);
    bench_settle(r->bench);
}

static void
test_for_a_tenant_that_is_asked_no_port_is_opened(void **state)
{
    struct rig *r = *state;
    struct listener *l =
        start(r, SLICE("{\"base_url\":\"https://h.example\",\"token\":\"0123456789abcdef\"}"));
    bench_settle(r->bench);
    assert_int_equal(r->db.n_loads, 1); /* and it is no trouble to be tried again */
    assert_int_equal(r->gone, 0);
    listen_close(l);
    bench_settle(r->bench);
}

#define L(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        L(test_alerts_are_produced_and_activities_counted),
        L(test_for_a_tenant_that_is_asked_no_port_is_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
