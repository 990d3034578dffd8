#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/health.h"
#include "common/json.h"
#include "common/log.h"
#include "tests/unit/capture.h"

enum { ANSWER_MAX = 64 * 1024 };

static const struct opt *const TABLES[] = {health_opts, NULL};

/* A worker with health in a directory of its own. */
struct fixture {
    char dir[64], file[128];
    struct loop *loop;
    struct conf *conf;
    struct health *health;
    struct arena *arena;
    int port;
};

static struct slice
read_file(struct arena *a, const char *path)
{
    char text[1024];
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return SLICE_NONE;
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    return slice_dup(a, (struct slice){text, n});
}

static int
setup(void **state)
{
    static struct fixture f;
    char flag[128];
    f = (struct fixture){.dir = "/tmp/weir-health-XXXXXX", .arena = arena_new(1 << 20)};
    assert_non_null(mkdtemp(f.dir));
    strcat(f.dir, "/run"); /* made by health_start */
    (void)snprintf(flag, sizeof flag, "run.dir=%s", f.dir);
    (void)snprintf(f.file, sizeof f.file, "%s/normalize-eu-1.json", f.dir);
    const char *const flags[] = {flag, NULL};
    assert_int_equal(conf_load(TABLES, "/dev/null", flags, &f.conf).kind, ERR_NONE);
    assert_int_equal(loop_new(false, &f.loop).kind, ERR_NONE);
    struct err e = health_start(f.loop, f.conf, "normalize-eu-1", &f.health);
    assert_string_equal(e.text, "");
    struct json doc;
    int64_t port = 0;
    assert_int_equal(json_parse(read_file(f.arena, f.file), f.arena, &doc).kind, ERR_NONE);
    assert_true(json_get_int(doc, "port", &port));
    f.port = (int)port;
    *state = &f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    health_close(f->health);
    loop_stop(f->loop, 0);
    assert_int_equal(loop_run(f->loop), 0);
    loop_free(f->loop);
    conf_free(f->conf);
    arena_free(f->arena);
    assert_int_equal(access(f->file, F_OK), -1); /* removed at the end */
    assert_int_equal(rmdir(f->dir), 0);          /* and nothing else left */
    *strrchr(f->dir, '/') = '\0';
    assert_int_equal(rmdir(f->dir), 0);
    return 0;
}

/* One request on the same loop. */
struct client {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    char request[128], answer[ANSWER_MAX];
    size_t n;
    bool done;
};

static void
closed(uv_handle_t *h)
{
    ((struct client *)h->data)->done = true;
}

static void
room(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
    struct client *c = h->data;
    (void)size;
    *buf = uv_buf_init(c->answer + c->n, (unsigned)(ANSWER_MAX - 1 - c->n));
}

static void
got(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct client *c = s->data;
    (void)buf;
    if (n < 0)
        uv_close((uv_handle_t *)s, closed);
    else
        c->n += (size_t)n;
}

static void
connected(uv_connect_t *connect, int failed)
{
    struct client *c = connect->handle->data;
    uv_buf_t buf = uv_buf_init(c->request, (unsigned)strlen(c->request));
    assert_int_equal(failed, 0);
    assert_int_equal(uv_write(&c->write, connect->handle, &buf, 1, NULL), 0);
    assert_int_equal(uv_read_start(connect->handle, room, got), 0);
}

/* The answer to "GET /livez" with its head. */
static const char *
ask(struct fixture *f, const char *what)
{
    static struct client c;
    struct sockaddr_in to;
    c = (struct client){.done = false};
    (void)snprintf(c.request, sizeof c.request,
                   "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", what);
    assert_int_equal(uv_ip4_addr("127.0.0.1", f->port, &to), 0);
    assert_int_equal(uv_tcp_init(loop_uv(f->loop), &c.tcp), 0);
    c.tcp.data = &c;
    assert_int_equal(uv_tcp_connect(&c.connect, &c.tcp, (const struct sockaddr *)&to, connected),
                     0);
    assert_true(loop_turn(f->loop, &c.done));
    c.answer[c.n] = '\0';
    return c.answer;
}

static void
assert_answers(struct fixture *f, const char *what, const char *status, const char *holds)
{
    const char *answer = ask(f, what);
    if (strstr(answer, status) != answer + strlen("HTTP/1.1 ") || strstr(answer, holds) == NULL)
        fail_msg("%s: %s", what, answer);
}

static void
test_the_run_directory_says_who_listens_where(void **state)
{
    struct fixture *f = *state;
    char expected[128];
    (void)snprintf(expected, sizeof expected,
                   "{\"name\":\"normalize-eu-1\",\"pid\":%ld,\"port\":%d}\n", (long)getpid(),
                   f->port);
    assert_true(slice_eq(read_file(f->arena, f->file), slice_of(expected)));
    assert_true(f->port > 0 && f->port < 65536);
}

static void
test_the_three_paths_answer_and_others_do_not(void **state)
{
    struct fixture *f = *state;
    assert_answers(f, "GET /livez", "200 ", "\r\n\r\nok\n");
    assert_answers(f, "GET /metrics", "200 ", "text/plain; version=0.0.4; charset=utf-8");
    assert_answers(f, "GET /metrics", "200 ",
                   "\nweir_build_info{version=\"" WEIR_VERSION "\"} 1\n");
    assert_answers(f, "GET /", "404 ", "\r\n\r\n/metrics, /livez and /readyz are here\n");
    assert_answers(f, "POST /livez", "405 ", "Allow: GET, HEAD\r\n");
}

static void
test_ready_is_when_every_part_is_well(void **state)
{
    static struct capture out;
    struct fixture *f = *state;
    assert_answers(f, "GET /readyz", "200 ", "{\"ready\":true,\"parts\":[]}");
    capture_begin(&out, STDOUT_FILENO);
    health_set(f->health, "kafka", true, NULL);
    health_set(f->health, "database", false, "it is starting");
    health_set(f->health, "database", false, "it is starting");
    capture_end(&out);
    assert_false(health_ready(f->health));
    assert_non_null(strstr(out.text, "\"event\":\"health.up\",\"part\":\"kafka\"}\n"));
    const char *down = strstr(out.text, "\"event\":\"health.down\",\"part\":\"database\","
                                        "\"why\":\"it is starting\"}\n");
    assert_non_null(down);
    assert_null(
        strstr(down + strlen("\"event\":\"health.down\""), "health.down")); /* once a change */
    assert_answers(f, "GET /readyz", "503 ",
                   "{\"ready\":false,\"parts\":[{\"name\":\"kafka\",\"well\":true},"
                   "{\"name\":\"database\",\"well\":false,\"why\":\"it is starting\"}]}");
    capture_begin(&out, STDOUT_FILENO);
    health_set(f->health, "database", true, "not shown");
    capture_end(&out);
    assert_non_null(strstr(out.text, "\"event\":\"health.up\",\"part\":\"database\"}\n"));
    assert_true(health_ready(f->health));
    assert_answers(f, "GET /readyz", "200 ", "{\"name\":\"database\",\"well\":true}");
}

static void
test_what_cannot_start_says_which_setting_is_wrong(void **state)
{
    struct fixture *f = *state;
    struct health *h = NULL;
    struct conf *c = NULL;
    static const char *const FLAGS[] = {"run.dir=/dev/null/nowhere", NULL};
    assert_string_equal(health_start(f->loop, f->conf, "../x", &h).code, "health.name");
    assert_string_equal(health_start(f->loop, f->conf, "", &h).code, "health.name");
    assert_int_equal(conf_load(TABLES, "/dev/null", FLAGS, &c).kind, ERR_NONE);
    struct err e = health_start(f->loop, c, "x", &h);
    conf_free(c);
    assert_string_equal(e.code, "health.run_dir");
    assert_string_equal(e.text,
                        "cannot make /dev/null/nowhere: Not a directory (see the setting run.dir)");
    assert_null(h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_run_directory_says_who_listens_where, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_three_paths_answer_and_others_do_not, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_ready_is_when_every_part_is_well, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_start_says_which_setting_is_wrong, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
