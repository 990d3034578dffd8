#include "common/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { GUARD_MS = 20000, BODY_MAX = 1000, HELD_MAX = 4 };

struct bench {
    struct loop *loop;
    struct http *http;
    struct arena *a;
    uv_timer_t guard;
    unsigned open;
    bool all_closed;
    unsigned served;
    struct http_request *held[HELD_MAX];
    size_t n_held;
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
handle_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

/* "/hold" waits; "/release" answers all that wait and itself; the rest says what it was asked. */
static void
serve(void *arg, struct http_request *r)
{
    struct bench *b = arg;
    b->served++;
    if (slice_eq(r->path, SLICE("/hold"))) {
        assert_true(b->n_held < HELD_MAX);
        b->held[b->n_held++] = r;
        return;
    }
    if (slice_eq(r->path, SLICE("/release")))
        while (b->n_held > 0)
            http_answer(b->held[--b->n_held], 202, NULL, SLICE("released"), NULL);
    if (slice_eq(r->path, SLICE("/broken"))) {
        static const struct http_header split[] = {{"X-A", "b\r\nX-C: d"}, {NULL, NULL}};
        http_answer(r, 200, NULL, SLICE("never seen"), split);
        return;
    }
    http_answer(r, 200, "text/plain",
                slice_printf(r->arena, "%.*s <%.*s> a=%.*s f=%.*s h=%.*s n=%zu;",
                             SLICE_ARG(r->method), SLICE_ARG(r->path),
                             SLICE_ARG(http_query(r, "a")), SLICE_ARG(http_form(r, "f")),
                             SLICE_ARG(http_header(r, "x-h")), r->body.n),
                NULL);
}

static struct http_conf
conf_of(struct bench *b)
{
    return (struct http_conf){.address = "127.0.0.1",
                              .body_max = BODY_MAX,
                              .arena_max = 65536,
                              .handle = serve,
                              .arg = b};
}

static int
setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    struct err e = loop_new(false, &b->loop);
    struct http_conf hc = conf_of(b);
    if (!e.kind)
        e = http_start(b->loop, &hc, &b->http);
    b->a = arena_new(4 << 20);
    b->guard.data = b;
    b->open = 2;
    uv_timer_init(loop_uv(b->loop), &b->guard);
    uv_timer_start(&b->guard, on_guard, GUARD_MS, 0);
    *state = b;
    return e.kind ? -1 : 0;
}

static int
teardown(void **state)
{
    struct bench *b = *state;
    if (b->http != NULL)
        http_close(b->http, part_closed, b);
    uv_close((uv_handle_t *)&b->guard, handle_closed);
    assert_true(loop_turn(b->loop, &b->all_closed));
    loop_free(b->loop);
    arena_free(b->a);
    free(b);
    return 0;
}

/* ---- a client that says what it is told, byte for byte */

struct client {
    struct bench *bench;
    int fd;
    uv_poll_t poll;
    char got[65536];
    size_t n;
    bool over, closed;
};

static void
on_readable(uv_poll_t *poll, int status, int events)
{
    struct client *c = poll->data;
    (void)status;
    (void)events;
    ssize_t n = recv(c->fd, c->got + c->n, sizeof c->got - 1 - c->n, MSG_DONTWAIT);
    if (n > 0)
        c->n += (size_t)n;
    else if (n == 0 || errno != EAGAIN)
        c->over = true;
    if (c->over)
        uv_poll_stop(poll);
    c->got[c->n] = '\0';
}

static struct client *
client_new(struct bench *b)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)http_port(b->http)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct client *c = calloc(1, sizeof *c);
    c->bench = b;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&at, sizeof at), 0);
    uv_poll_init(loop_uv(b->loop), &c->poll, c->fd);
    c->poll.data = c;
    uv_poll_start(&c->poll, UV_READABLE, on_readable);
    return c;
}

static void
client_closed(uv_handle_t *handle)
{
    ((struct client *)handle->data)->closed = true;
}

static void
client_free(struct client *c)
{
    uv_close((uv_handle_t *)&c->poll, client_closed);
    assert_true(loop_turn(c->bench->loop, &c->closed));
    close(c->fd);
    free(c);
}

static void
say(struct client *c, const char *bytes, size_t n)
{
    /* the server may have closed already: then the loop will tell */
    (void)!send(c->fd, bytes, n, MSG_NOSIGNAL);
}

static void
until(struct client *c, const char *text)
{
    while (!c->over && strstr(c->got, text) == NULL)
        uv_run(loop_uv(c->bench->loop), UV_RUN_ONCE);
    if (strstr(c->got, text) == NULL)
        fail_msg("no \"%s\" in \"%s\"", text, c->got);
}

static void
until_over(struct client *c)
{
    assert_true(loop_turn(c->bench->loop, &c->over));
}

/* One exchange on a connection of its own; what came back is in the arena. */
static const char *
exchange(struct bench *b, struct slice request)
{
    struct client *c = client_new(b);
    say(c, request.p, request.n);
    until_over(c);
    const char *got = slice_dup(b->a, (struct slice){c->got, c->n + 1}).p;
    client_free(c);
    return got;
}

#define CLOSE "Host: x\r\nConnection: close\r\n"

static void
test_a_request_is_handed_over_decoded(void **state)
{
    static const struct {
        const char *request, *answer;
    } rows[] = {
        {"GET / HTTP/1.1\r\n" CLOSE "\r\n", "GET </> a= f= h= n=0;"},
        {"GET /a%20b+c/%C3%A9?a=1%2B1+2&a=3 HTTP/1.1\r\n" CLOSE "X-H: v\r\n\r\n",
         "GET </a b+c/\xc3\xa9> a=1+1 2 f= h=v n=0;"},
        {"DELETE /x?%61=y HTTP/1.1\r\n" CLOSE "\r\n", "DELETE </x> a=y f= h= n=0;"},
        {"GET /x?A=1&ab=2&a HTTP/1.1\r\n" CLOSE "\r\n", "GET </x> a= f= h= n=0;"},
        {"GET http://host/p?a=q HTTP/1.1\r\n" CLOSE "\r\n", "GET </p> a=q f= h= n=0;"},
        {"POST /x HTTP/1.1\r\n" CLOSE "Content-Length: 9\r\n\r\ng=1&f=a+b",
         "POST </x> a= f=a b h= n=9;"},
        {"PATCH /x HTTP/1.1\r\n" CLOSE
         "Transfer-Encoding: chunked\r\n\r\n3\r\nf=1\r\n2\r\n23\r\n0\r\n\r\n",
         "PATCH </x> a= f=123 h= n=5;"},
        {"POST /x HTTP/1.1\r\n" CLOSE "Content-Length: 5\r\n\r\nf=%00", "POST </x> a= f= h= n=5;"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *got = exchange(*state, slice_of(rows[i].request));
        if (strncmp(got, "HTTP/1.1 200 ", 13) != 0 || strstr(got, rows[i].answer) == NULL)
            fail_msg("%s: %s", rows[i].answer, got);
    }
}

static void
test_what_is_refused_is_refused_in_json(void **state)
{
    struct bench *b = *state;
    char *long_target = arena_alloc(b->a, 9000);
    memset(long_target, 'a', 8999);
    const struct {
        struct slice request;
        const char *status, *code;
    } rows[] = {
        {SLICE("GET /%zz HTTP/1.1\r\n" CLOSE "\r\n"), "400", "BadRequest"},
        {SLICE("GET /a%2 HTTP/1.1\r\n" CLOSE "\r\n"), "400", "BadRequest"},
        {SLICE("GET /a%00b HTTP/1.1\r\n" CLOSE "\r\n"), "400", "BadRequest"},
        {SLICE("GET /?a=%00 HTTP/1.1\r\n" CLOSE "\r\n"), "400", "BadRequest"},
        {SLICE("GET /?a=% HTTP/1.1\r\n" CLOSE "\r\n"), "400", "BadRequest"},
        {SLICE("GET nothing HTTP/1.1\r\n" CLOSE "\r\n"), "400", "BadRequest"},
        {slice_printf(b->a, "GET /%s HTTP/1.1\r\n" CLOSE "\r\n", long_target), "414", "UriTooLong"},
        {SLICE("POST / HTTP/1.1\r\n" CLOSE "Content-Length: 1001\r\n\r\n"), "413",
         "RequestTooLarge"},
        {slice_printf(b->a,
                      "POST / HTTP/1.1\r\n" CLOSE
                      "Transfer-Encoding: chunked\r\n\r\n3e9\r\n%.1001s\r\n0\r\n\r\n",
                      long_target),
         "413", "RequestTooLarge"},
        {SLICE("GET /broken HTTP/1.1\r\n" CLOSE "\r\n"), "500", "InternalError"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *got = exchange(b, rows[i].request);
        const char *code =
            slice_printf(b->a, "\r\n\r\n{\"error\":{\"code\":\"%s\",\"message\":\"", rows[i].code)
                .p;
        if (strncmp(got + 9, rows[i].status, 3) != 0 || strstr(got, code) == NULL ||
            strstr(got, "Content-Type: application/json\r\n") == NULL)
            fail_msg("%.*s: %s", 30, rows[i].request.p, got);
    }
    assert_int_equal(b->served, 1); /* the broken one */
}

static void
test_a_body_of_exactly_the_limit_is_taken(void **state)
{
    struct bench *b = *state;
    char *body = arena_alloc(b->a, BODY_MAX + 1);
    memset(body, 'b', BODY_MAX);
    const char *got =
        exchange(b, slice_printf(b->a, "POST / HTTP/1.1\r\n" CLOSE "Content-Length: %d\r\n\r\n%s",
                                 BODY_MAX, body));
    assert_non_null(strstr(got, "n=1000;"));
}

static void
test_garbage_ends_the_connection_and_nothing_else(void **state)
{
    struct bench *b = *state;
    const struct slice rows[] = {
        SLICE("\0 \0 HTTP/1.1\r\n" CLOSE "\r\n"),
        SLICE("GARBAGE\r\n\r\n"),
        SLICE("GET /a\0b HTTP/1.1\r\n" CLOSE "\r\n"),
        SLICE("GET / HTTP/9.9\r\n\r\n"),
        SLICE("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
        SLICE("POST / HTTP/1.1\r\n" CLOSE "Content-Length: -5\r\n\r\n"),
        SLICE("POST / HTTP/1.1\r\n" CLOSE "Content-Length: 99999999999999999999999\r\n\r\n"),
        SLICE("POST / HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct client *c = client_new(b);
        say(c, rows[i].p, rows[i].n);
        shutdown(c->fd, SHUT_WR);
        until_over(c);
        if (c->n > 0 && strstr(c->got, " 200 ") != NULL)
            fail_msg("row %zu: %s", i, c->got);
        client_free(c);
    }
    assert_int_equal(b->served, 0);
    const char *got = exchange(b, SLICE("GET / HTTP/1.1\r\n" CLOSE "\r\n"));
    assert_non_null(strstr(got, "GET </>"));
}

static void
test_one_connection_serves_many_requests(void **state)
{
    struct client *c = client_new(*state);
    for (int i = 0; i < 20; i++) {
        struct slice request = slice_printf(c->bench->a, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
        say(c, request.p, request.n);
        until(c, slice_printf(c->bench->a, "GET </%d> ", i).p);
    }
    assert_false(c->over);
    client_free(c);
}

static void
test_pipelined_requests_are_answered_in_order(void **state)
{
    struct client *c = client_new(*state);
    static const char three[] = "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
                                "POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"
                                "GET /3 HTTP/1.1\r\n" CLOSE "\r\n";
    say(c, three, sizeof three - 1);
    until_over(c);
    const char *one = strstr(c->got, "GET </1>"), *two = strstr(c->got, "POST </2>"),
               *last = strstr(c->got, "GET </3>");
    assert_non_null(one);
    assert_true(one < two && two < last);
    client_free(c);
}

static void
test_a_request_in_single_bytes_is_a_request(void **state)
{
    struct client *c = client_new(*state);
    static const char text[] = "POST /slow?a=b HTTP/1.1\r\n" CLOSE "Content-Length: 3\r\n\r\nf=x";
    for (size_t i = 0; i < sizeof text - 1; i++) {
        say(c, text + i, 1);
        uv_run(loop_uv(c->bench->loop), UV_RUN_NOWAIT);
    }
    until_over(c);
    assert_non_null(strstr(c->got, "POST </slow> a=b f=x h= n=3;"));
    client_free(c);
}

static void
test_an_answer_may_come_later_and_from_another_request(void **state)
{
    struct bench *b = *state;
    struct client *waiting[2] = {client_new(b), client_new(b)};
    static const char hold[] = "GET /hold HTTP/1.1\r\n" CLOSE "\r\n";
    for (int i = 0; i < 2; i++)
        say(waiting[i], hold, sizeof hold - 1);
    while (b->n_held < 2)
        uv_run(loop_uv(b->loop), UV_RUN_ONCE);
    const char *got = exchange(b, SLICE("GET /release HTTP/1.1\r\n" CLOSE "\r\n"));
    assert_non_null(strstr(got, "GET </release>"));
    for (int i = 0; i < 2; i++) {
        until_over(waiting[i]);
        assert_memory_equal(waiting[i]->got, "HTTP/1.1 202 ", 13);
        assert_non_null(strstr(waiting[i]->got, "\r\n\r\nreleased"));
        client_free(waiting[i]);
    }
}

static void
test_a_client_that_goes_away_does_no_harm(void **state)
{
    struct bench *b = *state;
    struct client *c = client_new(b);
    static const char hold[] = "GET /hold HTTP/1.1\r\n" CLOSE "\r\n";
    say(c, hold, sizeof hold - 1);
    while (b->n_held < 1)
        uv_run(loop_uv(b->loop), UV_RUN_ONCE);
    client_free(c);
    http_answer(b->held[0], 200, NULL, SLICE("for nobody"), NULL);
    b->n_held = 0;
    c = client_new(b);
    say(c, "POST / HTTP/1.1\r\nContent-Length: 50\r\n\r\nhalf", 43);
    uv_run(loop_uv(b->loop), UV_RUN_NOWAIT);
    client_free(c);
    assert_non_null(strstr(exchange(b, SLICE("GET / HTTP/1.1\r\n" CLOSE "\r\n")), " 200 "));
}

static void
test_closing_waits_for_answers_and_takes_nothing_new(void **state)
{
    struct bench *b = *state;
    struct client *c = client_new(b), *idle = client_new(b);
    static const char hold[] = "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n";
    say(c, hold, sizeof hold - 1);
    while (b->n_held < 1)
        uv_run(loop_uv(b->loop), UV_RUN_ONCE);
    int port = http_port(b->http);
    http_close(b->http, part_closed, b);
    http_close(b->http, NULL, NULL);
    for (int i = 0; i < 5; i++)
        uv_run(loop_uv(b->loop), UV_RUN_NOWAIT);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), -1);
    close(fd);
    say(idle, "GET / HTTP/1.1\r\n" CLOSE "\r\n", sizeof "GET / HTTP/1.1\r\n" CLOSE "\r\n" - 1);
    http_answer(b->held[0], 200, NULL, SLICE("just in time"), NULL);
    b->http = NULL;
    until_over(c);
    until_over(idle);
    assert_non_null(strstr(c->got, "just in time"));
    client_free(c);
    client_free(idle);
}

static void
test_who_is_not_answered_at_the_close_gets_503(void **state)
{
    struct bench *b = *state;
    struct client *c = client_new(b);
    static const char hold[] = "GET /hold?a=b HTTP/1.1\r\nHost: x\r\n\r\n";
    say(c, hold, sizeof hold - 1);
    while (b->n_held < 1)
        uv_run(loop_uv(b->loop), UV_RUN_ONCE);
    http_close(b->http, part_closed, b);
    b->http = NULL;
    until_over(c);
    assert_memory_equal(c->got, "HTTP/1.1 503 ", 13);
    assert_non_null(strstr(c->got, "\"ServiceUnavailable\""));
    /* its holder may still look at it, and lets go */
    assert_true(slice_eq(http_query(b->held[0], "a"), SLICE("b")));
    assert_null(http_header(b->held[0], "host").p);
    http_answer(b->held[0], 200, NULL, SLICE("too late"), NULL);
    client_free(c);
}

static void
test_a_port_in_use_is_named(void **state)
{
    struct bench *b = *state;
    struct http_conf hc = conf_of(b);
    struct http *second = NULL;
    hc.port = http_port(b->http);
    struct err e = http_start(b->loop, &hc, &second);
    assert_int_equal(e.kind, ERR_STOP);
    assert_string_equal(e.code, "http.busy");
    assert_non_null(strstr(e.text, slice_printf(b->a, "127.0.0.1 port %d", hc.port).p));
    assert_null(second);
}

static void
test_what_cannot_be_started_says_why(void **state)
{
    struct bench *b = *state;
    struct http *h = NULL;
    struct http_conf hc = conf_of(b);
    hc.address = "not an address";
    struct err e = http_start(b->loop, &hc, &h);
    assert_string_equal(e.code, "http.start");
    hc = conf_of(b);
    hc.cert_pem = hc.key_pem = SLICE("no PEM");
    e = http_start(b->loop, &hc, &h);
    assert_int_equal(e.kind, ERR_STOP);
    assert_string_equal(e.code, "http.start");
    assert_null(h);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_a_request_is_handed_over_decoded),
        TEST(test_what_is_refused_is_refused_in_json),
        TEST(test_a_body_of_exactly_the_limit_is_taken),
        TEST(test_garbage_ends_the_connection_and_nothing_else),
        TEST(test_one_connection_serves_many_requests),
        TEST(test_pipelined_requests_are_answered_in_order),
        TEST(test_a_request_in_single_bytes_is_a_request),
        TEST(test_an_answer_may_come_later_and_from_another_request),
        TEST(test_a_client_that_goes_away_does_no_harm),
        TEST(test_closing_waits_for_answers_and_takes_nothing_new),
        TEST(test_who_is_not_answered_at_the_close_gets_503),
        TEST(test_a_port_in_use_is_named),
        TEST(test_what_cannot_be_started_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
