#include "common/fetch.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/crypto.h"
#include "common/http.h"

enum { GUARD_MS = 20000, HELD_MAX = 8 };

/* One loop with a client and a server on it. */
struct bench {
    struct loop *loop;
    struct conf *conf;
    struct fetch *fetch;
    struct http *http;
    struct arena *a;
    uv_timer_t guard; /* a hanging test must end */
    unsigned open;    /* parts not yet closed */
    bool all_closed;
    struct http_request *held[HELD_MAX];
    size_t n_held;
    char ca_path[64];
};

struct outcome {
    bool done;
    unsigned times;
    struct err e;
    bool answered;
    struct fetch_answer answer;
};

static void
on_guard(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("the test hangs");
}

static void
part_closed(void *arg)
{
    struct bench *b = arg;
    if (--b->open == 0)
        b->all_closed = true;
}

static void
guard_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

/* What the server of these tests does, by path. */
static void
serve(void *arg, struct http_request *r)
{
    struct bench *b = arg;
    static const struct http_header twice[] = {
        {"X-One", "first"}, {"x-one", "second"}, {NULL, NULL}};
    static const struct http_header away[] = {{"Location", "/elsewhere"}, {NULL, NULL}};
    if (slice_eq(r->path, SLICE("/hold"))) {
        assert_true(b->n_held < HELD_MAX);
        b->held[b->n_held++] = r;
    } else if (slice_eq(r->path, SLICE("/echo"))) {
        http_answer(r, 200, "text/plain",
                    slice_printf(r->arena, "%.*s %.*s %.*s|%.*s", SLICE_ARG(r->method),
                                 SLICE_ARG(r->query), SLICE_ARG(http_header(r, "x-asked")),
                                 SLICE_ARG(r->body)),
                    twice);
    } else if (slice_eq(r->path, SLICE("/big"))) {
        char *big = arena_alloc(r->arena, 300000);
        http_answer(r, 200, NULL, (struct slice){big, 300000}, NULL);
    } else if (slice_eq(r->path, SLICE("/away"))) {
        http_answer(r, 302, NULL, SLICE_NONE, away);
    } else {
        http_answer(r, 404, "text/plain", SLICE("no such thing"), NULL);
    }
}

static void
server_start(struct bench *b, struct slice cert, struct slice key)
{
    struct http_conf hc = {.address = "127.0.0.1",
                           .cert_pem = cert,
                           .key_pem = key,
                           .body_max = 1 << 20,
                           .arena_max = 8 << 20,
                           .handle = serve,
                           .arg = b};
    struct err e = http_start(b->loop, &hc, &b->http);
    if (e.kind)
        fail_msg("%s", e.text);
    b->open++;
}

static void
client_open(struct bench *b, const char *const *flags)
{
    static const struct opt *const tables[] = {fetch_opts, NULL};
    struct err e = conf_load(tables, "/dev/null", flags, &b->conf);
    if (!e.kind)
        e = fetch_open(b->loop, b->conf, &b->fetch);
    if (e.kind)
        fail_msg("%s", e.text);
    b->open++;
}

static int
setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    struct err e = loop_new(false, &b->loop);
    b->a = arena_new(16 << 20);
    b->guard.data = b;
    b->open = 1;
    uv_timer_init(loop_uv(b->loop), &b->guard);
    uv_timer_start(&b->guard, on_guard, GUARD_MS, 0);
    *state = b;
    return e.kind ? -1 : 0;
}

static int
teardown(void **state)
{
    struct bench *b = *state;
    if (b->fetch != NULL)
        fetch_close(b->fetch, part_closed, b);
    if (b->http != NULL)
        http_close(b->http, part_closed, b);
    uv_close((uv_handle_t *)&b->guard, guard_closed);
    assert_true(loop_turn(b->loop, &b->all_closed));
    loop_free(b->loop);
    conf_free(b->conf);
    arena_free(b->a);
    if (b->ca_path[0] != '\0')
        unlink(b->ca_path);
    free(b);
    return 0;
}

static int
setup_pair(void **state)
{
    if (setup(state) != 0)
        return -1;
    server_start(*state, SLICE_NONE, SLICE_NONE);
    client_open(*state, NULL);
    return 0;
}

static void
on_done(void *arg, const struct fetch_answer *answer, struct err e)
{
    struct outcome *o = arg;
    o->done = true;
    o->times++;
    o->e = e;
    o->answered = answer != NULL;
    if (answer != NULL)
        o->answer = *answer;
}

static struct slice
url_of(struct bench *b, const char *scheme, const char *rest)
{
    return slice_printf(b->a, "%s://127.0.0.1:%d%s", scheme, http_port(b->http), rest);
}

static void
begin(struct bench *b, struct slice url, struct arena *a, struct outcome *o)
{
    const struct fetch_request r = {.method = "GET", .url = url};
    *o = (struct outcome){.done = false};
    struct err e = fetch_start(b->fetch, &r, a, on_done, o);
    if (e.kind)
        fail_msg("%s %s", e.code, e.text);
}

static struct outcome
get(struct bench *b, const char *rest)
{
    struct outcome o;
    begin(b, url_of(b, "http", rest), b->a, &o);
    assert_true(loop_turn(b->loop, &o.done));
    return o;
}

static void
assert_error(const struct outcome *o, enum err_kind kind, const char *code)
{
    assert_true(o->done);
    assert_int_equal(o->times, 1);
    assert_false(o->answered);
    assert_int_equal(o->e.kind, kind);
    assert_string_equal(o->e.code, code);
}

static void
test_an_answer_has_status_headers_and_body(void **state)
{
    struct bench *b = *state;
    struct outcome o;
    const struct fetch_request r = {.method = "POST",
                                    .url = url_of(b, "http", "/echo?q=1"),
                                    .headers = {SLICE("X-Asked: yes")},
                                    .n_headers = 1,
                                    .body = SLICE("sent")};
    memset(&o, 0, sizeof o);
    struct err e = fetch_start(b->fetch, &r, b->a, on_done, &o);
    assert_int_equal(e.kind, ERR_NONE);
    assert_false(o.done);
    assert_true(loop_turn(b->loop, &o.done));
    assert_int_equal(o.e.kind, ERR_NONE);
    assert_int_equal(o.answer.status, 200);
    assert_true(slice_eq(o.answer.body, SLICE("POST q=1 yes|sent")));
    assert_true(slice_starts(o.answer.headers, SLICE("HTTP/1.1 200 OK\r\n")));
    assert_true(slice_eq(fetch_header(o.answer.headers, "content-TYPE"), SLICE("text/plain")));
    assert_true(slice_eq(fetch_header(o.answer.headers, "X-ONE"), SLICE("second")));
    assert_null(fetch_header(o.answer.headers, "x-two").p);
    assert_true(o.answer.took_ms >= 0);
}

static void
test_every_status_is_an_answer_and_redirects_are_not_followed(void **state)
{
    struct outcome o = get(*state, "/nothing");
    assert_int_equal(o.answer.status, 404);
    assert_true(slice_eq(o.answer.body, SLICE("no such thing")));
    o = get(*state, "/away");
    assert_int_equal(o.answer.status, 302);
    assert_true(slice_eq(fetch_header(o.answer.headers, "location"), SLICE("/elsewhere")));
    assert_non_null(o.answer.body.p);
    assert_int_equal(o.answer.body.n, 0);
}

static void
test_many_requests_run_beside_each_other(void **state)
{
    enum { MANY = 300 };
    struct bench *b = *state;
    struct outcome *o = calloc(MANY, sizeof *o);
    for (size_t i = 0; i < MANY; i++)
        begin(b, slice_printf(b->a, "http://127.0.0.1:%d/echo?n=%zu", http_port(b->http), i), b->a,
              &o[i]);
    for (size_t i = 0; i < MANY; i++) {
        assert_true(loop_turn(b->loop, &o[i].done));
        assert_int_equal(o[i].e.kind, ERR_NONE);
        assert_true(slice_eq(o[i].answer.body, slice_printf(b->a, "GET n=%zu |", i)));
    }
    free(o);
}

/* Handles of curl are used again: nothing of a request may show in the next. */
static void
test_a_request_inherits_nothing_of_the_one_before(void **state)
{
    static const char *const methods[] = {"POST", "HEAD", "PATCH"};
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        struct fetch_request r = {.method = methods[i], .url = url_of(b, "http", "/echo?first")};
        if (strcmp(methods[i], "HEAD") != 0)
            r.body = SLICE("a body");
        r.headers[r.n_headers++] = SLICE("X-Asked: first");
        struct outcome o = {.done = false};
        struct err e = fetch_start(b->fetch, &r, b->a, on_done, &o);
        assert_int_equal(e.kind, ERR_NONE);
        assert_true(loop_turn(b->loop, &o.done));
        assert_int_equal(o.e.kind, ERR_NONE);
        o = get(b, "/echo?second");
        assert_int_equal(o.e.kind, ERR_NONE);
        assert_true(slice_eq(o.answer.body, SLICE("GET second |")));
    }
}

static void
test_an_answer_over_the_limit_of_arena_or_setting_is_refused(void **state)
{
    struct bench *b = *state;
    struct outcome o = get(b, "/big");
    assert_int_equal(o.answer.body.n, 300000);
    struct arena *small = arena_new(100000);
    begin(b, url_of(b, "http", "/big"), small, &o);
    assert_true(loop_turn(b->loop, &o.done));
    assert_error(&o, ERR_REJECT, "fetch.too_large");
    arena_free(small);
}

static void
test_an_answer_over_the_setting_is_refused(void **state)
{
    static const char *const flags[] = {"fetch.answer_max_bytes=200000", NULL};
    struct bench *b = *state;
    server_start(b, SLICE_NONE, SLICE_NONE);
    client_open(b, flags);
    struct outcome o = get(b, "/big");
    assert_error(&o, ERR_REJECT, "fetch.too_large");
}

static void
test_nonsense_is_refused_before_it_is_sent(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *method, *url, *header, *code;
    } rows[] = {
        {"GET", "", NULL, "fetch.url"},
        {"GET", "ftp://host/", NULL, "fetch.url"},
        {"GET", "file:///etc/passwd", NULL, "fetch.url"},
        {"GET", "http://", NULL, "fetch.url"},
        {"GET", "http://host/a b", NULL, "fetch.url"},
        {"GET", "http://host/\r\nX: y", NULL, "fetch.url"},
        {"GET", "http://host/", "X: a\r\nY: b", "fetch.header"},
        {"G T", "http://host/", NULL, "fetch.header"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct outcome o = {.done = false};
        const struct fetch_request r = {.method = rows[i].method,
                                        .url = slice_of(rows[i].url),
                                        .headers = {slice_of(rows[i].header)},
                                        .n_headers = rows[i].header != NULL};
        struct err e = fetch_start(b->fetch, &r, b->a, on_done, &o);
        assert_int_equal(e.kind, ERR_REJECT);
        assert_string_equal(e.code, rows[i].code);
        assert_false(o.done);
    }
}

/* A listener that we play ourselves. */
struct peer {
    int listener;
    int port;
};

static struct peer
peer_listen(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    struct peer p = {.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(bind(p.listener, (struct sockaddr *)&at, n), 0);
    assert_int_equal(listen(p.listener, 4), 0);
    assert_int_equal(getsockname(p.listener, (struct sockaddr *)&at, &n), 0);
    p.port = ntohs(at.sin_port);
    return p;
}

static void
on_peer(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    *(bool *)poll->data = true;
}

static void
mark(uv_handle_t *handle)
{
    *(bool *)handle->data = true;
}

/* Waits on the loop until fd is readable. */
static void
readable(struct bench *b, int fd)
{
    uv_poll_t poll;
    bool came = false, closed = false;
    poll.data = &came;
    uv_poll_init(loop_uv(b->loop), &poll, fd);
    uv_poll_start(&poll, UV_READABLE, on_peer);
    assert_true(loop_turn(b->loop, &came));
    poll.data = &closed;
    uv_close((uv_handle_t *)&poll, mark);
    assert_true(loop_turn(b->loop, &closed));
}

static void
test_an_answer_that_breaks_off_is_cut(void **state)
{
    struct bench *b = *state;
    static const char *const rows[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "",
        "this is not HTTP at all\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct peer p = peer_listen();
        struct outcome o;
        char request[4096];
        begin(b, slice_printf(b->a, "http://user:pw@127.0.0.1:%d/x?token=secret", p.port), b->a,
              &o);
        readable(b, p.listener);
        int fd = accept4(p.listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(fd >= 0);
        readable(b, fd);
        assert_true(read(fd, request, sizeof request) > 0);
        assert_int_equal(write(fd, rows[i], strlen(rows[i])), strlen(rows[i]));
        close(fd);
        assert_true(loop_turn(b->loop, &o.done));
        close(p.listener);
        assert_error(&o, ERR_RETRY, "fetch.cut");
        assert_null(strstr(o.e.text, "secret"));
        assert_null(strstr(o.e.text, "pw"));
        assert_non_null(strstr(o.e.text, "http://127.0.0.1:"));
    }
}

static void
test_a_request_is_never_sent_twice(void **state)
{
    struct bench *b = *state;
    struct peer p = peer_listen();
    struct outcome o;
    struct slice url = slice_printf(b->a, "http://127.0.0.1:%d/x", p.port);
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    char request[4096];
    begin(b, url, b->a, &o);
    readable(b, p.listener);
    int fd = accept4(p.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(fd >= 0);
    readable(b, fd);
    assert_true(read(fd, request, sizeof request) > 0);
    assert_int_equal(write(fd, answer, sizeof answer - 1), sizeof answer - 1);
    assert_true(loop_turn(b->loop, &o.done));
    assert_int_equal(o.answer.status, 200);
    begin(b, url, b->a, &o); /* on the connection that was kept, which ends without an answer */
    readable(b, fd);
    assert_true(read(fd, request, sizeof request) > 0);
    close(fd);
    assert_true(loop_turn(b->loop, &o.done));
    assert_error(&o, ERR_RETRY, "fetch.cut");
    assert_int_equal(fcntl(p.listener, F_SETFL, O_NONBLOCK), 0);
    fd = accept4(p.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(fd < 0 || read(fd, request, sizeof request) <= 0);
    if (fd >= 0)
        close(fd);
    close(p.listener);
}

static void
test_nobody_listening_is_a_connection_that_failed(void **state)
{
    struct bench *b = *state;
    struct peer p = peer_listen();
    struct outcome o;
    close(p.listener);
    begin(b, slice_printf(b->a, "http://127.0.0.1:%d/", p.port), b->a, &o);
    assert_true(loop_turn(b->loop, &o.done));
    assert_error(&o, ERR_RETRY, "fetch.connect");
}

static void
test_a_server_that_says_nothing_runs_into_the_timeout(void **state)
{
    static const char *const flags[] = {"fetch.timeout_ms=1000", NULL};
    struct bench *b = *state;
    struct peer p = peer_listen();
    struct outcome o;
    client_open(b, flags);
    begin(b, slice_printf(b->a, "http://127.0.0.1:%d/", p.port), b->a, &o);
    assert_true(loop_turn(b->loop, &o.done));
    assert_error(&o, ERR_RETRY, "fetch.timeout");
    close(p.listener);
}

static void
test_closing_answers_everything_under_way(void **state)
{
    struct bench *b = *state;
    struct outcome o[3];
    for (size_t i = 0; i < 3; i++)
        begin(b, url_of(b, "http", "/hold"), b->a, &o[i]);
    while (b->n_held < 3)
        uv_run(loop_uv(b->loop), UV_RUN_ONCE);
    fetch_close(b->fetch, part_closed, b);
    for (size_t i = 0; i < 3; i++)
        assert_error(&o[i], ERR_RETRY, "fetch.closed");
    const struct fetch_request r = {.method = "GET", .url = SLICE("http://127.0.0.1/")};
    struct err e = fetch_start(b->fetch, &r, b->a, on_done, &o[0]);
    assert_string_equal(e.code, "fetch.closed");
    fetch_close(b->fetch, part_closed, b);
    b->fetch = NULL;
    for (size_t i = 0; i < 3; i++)
        http_answer(b->held[i], 200, NULL, SLICE_NONE, NULL);
}

struct chain {
    struct bench *bench;
    unsigned left;
    bool done;
};

static void
on_chain(void *arg, const struct fetch_answer *answer, struct err e)
{
    struct chain *c = arg;
    struct bench *b = c->bench;
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(answer->status, 200);
    arena_reset(b->a); /* the answer may be freed here */
    if (c->left-- > 0) {
        const struct fetch_request r = {.method = "GET", .url = url_of(b, "http", "/echo")};
        struct err again = fetch_start(b->fetch, &r, b->a, on_chain, c);
        assert_int_equal(again.kind, ERR_NONE);
        return;
    }
    fetch_close(b->fetch, part_closed, b);
    b->fetch = NULL;
    c->done = true;
}

static void
test_a_callback_may_start_the_next_request_and_close(void **state)
{
    struct chain c = {.bench = *state, .left = 50};
    struct outcome o = get(*state, "/echo");
    assert_int_equal(o.answer.status, 200);
    on_chain(&c, &o.answer, ERR_OK);
    assert_true(loop_turn(c.bench->loop, &c.done));
}

static void
tls_start(struct bench *b, const char *name, bool trusted)
{
    const char *const names[] = {name, NULL};
    struct slice cert, key;
    struct err e = crypto_self_signed(names, 1, b->a, &cert, &key);
    assert_int_equal(e.kind, ERR_NONE);
    server_start(b, cert, key);
    (void)snprintf(b->ca_path, sizeof b->ca_path, "/tmp/weir-test-ca-XXXXXX");
    int fd = mkstemp(b->ca_path);
    assert_int_equal(write(fd, cert.p, cert.n), cert.n);
    close(fd);
    char flag[128];
    (void)snprintf(flag, sizeof flag, "fetch.ca_file=%s", b->ca_path);
    const char *const flags[] = {flag, NULL};
    client_open(b, trusted ? flags : NULL);
}

static void
test_tls_works_with_a_certificate_of_our_own_authority(void **state)
{
    struct bench *b = *state;
    struct outcome o;
    tls_start(b, "127.0.0.1", true);
    begin(b, url_of(b, "https", "/big"), b->a, &o);
    assert_true(loop_turn(b->loop, &o.done));
    if (o.e.kind)
        fail_msg("%s", o.e.text);
    assert_int_equal(o.answer.body.n, 300000);
}

static void
test_tls_refuses_who_cannot_be_checked(void **state)
{
    struct bench *b = *state;
    struct outcome o;
    tls_start(b, "127.0.0.1", false);
    begin(b, url_of(b, "https", "/echo"), b->a, &o);
    assert_true(loop_turn(b->loop, &o.done));
    assert_error(&o, ERR_RETRY, "fetch.connect");
}

static void
test_tls_refuses_a_certificate_of_another_name(void **state)
{
    struct bench *b = *state;
    struct outcome o;
    tls_start(b, "127.0.0.2", true);
    begin(b, url_of(b, "https", "/echo"), b->a, &o);
    assert_true(loop_turn(b->loop, &o.done));
    assert_error(&o, ERR_RETRY, "fetch.connect");
}

int
main(void)
{
    (void)setenv("no_proxy", "*", 1);
#define ALONE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define PAIR(f) cmocka_unit_test_setup_teardown(f, setup_pair, teardown)
    static const struct CMUnitTest tests[] = {
        PAIR(test_an_answer_has_status_headers_and_body),
        PAIR(test_every_status_is_an_answer_and_redirects_are_not_followed),
        PAIR(test_many_requests_run_beside_each_other),
        PAIR(test_a_request_inherits_nothing_of_the_one_before),
        PAIR(test_an_answer_over_the_limit_of_arena_or_setting_is_refused),
        ALONE(test_an_answer_over_the_setting_is_refused),
        PAIR(test_nonsense_is_refused_before_it_is_sent),
        PAIR(test_an_answer_that_breaks_off_is_cut),
        PAIR(test_a_request_is_never_sent_twice),
        PAIR(test_nobody_listening_is_a_connection_that_failed),
        ALONE(test_a_server_that_says_nothing_runs_into_the_timeout),
        PAIR(test_closing_answers_everything_under_way),
        PAIR(test_a_callback_may_start_the_next_request_and_close),
        ALONE(test_tls_works_with_a_certificate_of_our_own_authority),
        ALONE(test_tls_refuses_who_cannot_be_checked),
        ALONE(test_tls_refuses_a_certificate_of_another_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
