#include "common/http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "common/form.h"

enum {
    TARGET_MAX_BYTES = 8192,
    CONNECTIONS_MAX = 2048,
    IDLE_MAX_S = 15,
    GRACE_MS = 2000,
    /* of one connection: room for a target that is too long, so that our 414 is the answer */
    CONNECTION_BYTES = 65536,
    /* read and thrown away after a body grew too large, so that the client sees the answer */
    DISCARD_MAX_BYTES = 8 << 20,
    ROUNDS_MAX = 8, /* of libmicrohttpd, before the loop goes on */
};

enum call_state {
    CALL_READING,  /* headers or body still come in */
    CALL_HANDED,   /* the handler is running */
    CALL_WAITING,  /* the handler will answer later; the connection is suspended */
    CALL_ANSWERED, /* response and status are set */
    CALL_ORPHAN,   /* the listener is gone, the handler has not answered yet */
};

/* One request. It lies in its own arena. */
struct call {
    struct http_request r; /* first: what the handler sees */
    struct http *http;
    struct MHD_Connection *connection;
    enum call_state state;
    bool started;
    bool unanswered; /* refused by the closing listener, http_answer still to come */
    struct slice target;
    uintptr_t target_end; /* where libmicrohttpd's text of it ended */
    char *body;
    size_t body_n, body_capacity;
    bool too_large;
    size_t discarded_bytes;
    struct MHD_Response *response;
    unsigned status;
    struct call *next, **link; /* in http.calls */
};

struct http {
    struct http_conf conf;
    struct MHD_Daemon *daemon;
    char *cert, *key;
    int listen_fd;
    int port;
    uv_poll_t poll;   /* on libmicrohttpd's epoll descriptor */
    uv_timer_t tick;  /* when libmicrohttpd wants to be called without an event */
    uv_timer_t grace; /* the end of the patience of http_close */
    unsigned open;    /* handles not yet closed */
    struct call *calls;
    bool resumed; /* a connection was, and libmicrohttpd has not run since: it does not say so */
    bool closing, quiet, stopped;
    void (*closed)(void *arg);
    void *closed_arg;
};

struct slice
http_query(const struct http_request *r, const char *name)
{
    return form_value(r->query, name, r->arena);
}

struct slice
http_form(const struct http_request *r, const char *name)
{
    return form_value(r->body, name, r->arena);
}

static struct call *
call_of(struct http_request *r)
{
    return (struct call *)r; /* its first member */
}

struct slice
http_header(const struct http_request *r, const char *name)
{
    const struct call *c = (const struct call *)r;
    if (c->connection == NULL)
        return SLICE_NONE;
    return slice_of(MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, name));
}

/* ---- the life of a request */

/* uri_came - libmicrohttpd's first word of a request. NULL: the connection will be closed. */
static void *
uri_came(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct http *h = arg;
    struct arena *a = arena_new(h->conf.arena_max);
    struct call *c = a != NULL ? arena_alloc(a, sizeof *c) : NULL;
    if (c == NULL) {
        arena_free(a);
        return NULL;
    }
    *c = (struct call){
        .r = {.server = h, .arena = a}, .http = h, .connection = connection, .next = h->calls};
    c->link = &h->calls;
    if (h->calls != NULL)
        h->calls->link = &c->next;
    h->calls = c;
    size_t n = strlen(uri);
    c->target_end = (uintptr_t)(uri + n);
    c->target =
        n > TARGET_MAX_BYTES ? (struct slice){NULL, n} : slice_dup(a, (struct slice){uri, n});
    return c;
}

static void
call_unlink(struct call *c)
{
    *c->link = c->next;
    if (c->next != NULL)
        c->next->link = c->link;
}

/* libmicrohttpd's last word of a request. */
static void
request_over(void *arg, struct MHD_Connection *connection, void **ctx,
             enum MHD_RequestTerminationCode why)
{
    (void)arg;
    (void)connection;
    (void)why;
    struct call *c = *ctx;
    *ctx = NULL;
    if (c == NULL)
        return;
    call_unlink(c);
    if (c->response != NULL)
        MHD_destroy_response(c->response);
    c->response = NULL;
    if (!c->unanswered) {
        arena_free(c->r.arena);
        return;
    }
    c->state = CALL_ORPHAN;
    c->connection = NULL;
    c->http = NULL;
    c->r.server = NULL;
}

static struct MHD_Response *
response_new(const char *content_type, struct slice body, const struct http_header *headers)
{
    union {
        const char *in;
        void *out;
    } bytes = {.in = body.n > 0 ? body.p : ""}; /* copied; the library only forgot the const */
    struct MHD_Response *made =
        MHD_create_response_from_buffer(body.n, bytes.out, MHD_RESPMEM_MUST_COPY);
    if (made == NULL)
        return NULL;
    bool good = content_type == NULL ||
                MHD_add_response_header(made, "Content-Type", content_type) == MHD_YES;
    for (; good && headers != NULL && headers->name != NULL; headers++)
        good = MHD_add_response_header(made, headers->name, headers->value) == MHD_YES;
    if (good)
        return made;
    MHD_destroy_response(made);
    return NULL;
}

static void
call_respond(struct call *c, unsigned status, struct MHD_Response *response)
{
    c->status = status;
    c->response = response;
    c->state = CALL_ANSWERED;
}

/* The answers we give without a handler; code and message are ours and need no escaping. */
static void
call_refuse(struct call *c, unsigned status, const char *code, const char *message)
{
    char text[256];
    int n = snprintf(text, sizeof text, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}", code,
                     message);
    assert(n > 0 && (size_t)n < sizeof text);
    call_respond(c, status,
                 response_new("application/json", (struct slice){text, (size_t)n}, NULL));
}

/* The response goes out; without one (no memory) the connection is closed. */
static enum MHD_Result
call_queue(struct call *c)
{
    if (c->response == NULL)
        return MHD_NO;
    enum MHD_Result result = MHD_queue_response(c->connection, c->status, c->response);
    MHD_destroy_response(c->response); /* our share of it */
    c->response = NULL;
    return result;
}

/* "http://host/path" names us as a proxy would: only the path counts. */
static struct slice
strip_origin(struct slice target)
{
    struct slice scheme = slice_sub(target, 0, slice_find(target, SLICE("://"), 0));
    if (!slice_eq_nocase(scheme, SLICE("http")) && !slice_eq_nocase(scheme, SLICE("https")))
        return target;
    size_t path = slice_find(target, SLICE("/"), scheme.n + 3);
    return path < target.n ? slice_sub(target, path, target.n - path) : SLICE("/");
}

/* A NUL in the request line ends the target for libmicrohttpd and hides what follows. Target and
 * version lie in one buffer: more than blanks between them has been hidden. */
static bool
target_is_whole(const struct call *c, const char *version)
{
    uintptr_t end = (uintptr_t)version;
    if (end <= c->target_end || end - c->target_end > CONNECTION_BYTES)
        return true; /* a version that did not come from the request */
    for (const char *p = version - (end - c->target_end); p < version; p++)
        if (*p != '\0' && *p != ' ' && *p != '\t')
            return false;
    return true;
}

/* Path and query out of the target; false: refused. */
static bool
call_target(struct call *c, const char *version)
{
    if (c->target.n > TARGET_MAX_BYTES) {
        call_refuse(c, 414, "UriTooLong", "The request target is longer than 8192 bytes.");
        return false;
    }
    struct slice rest = strip_origin(c->target);
    struct slice path = slice_split(&rest, '?');
    c->r.query = rest;
    if (!target_is_whole(c, version) || path.n == 0 || path.p[0] != '/' ||
        !form_decode(path, false, c->r.arena, &c->r.path)) {
        call_refuse(c, 400, "BadRequest",
                    "The path must begin with a slash and hold only whole %XX escapes, no NUL.");
        return false;
    }
    if (!form_decodes(c->r.query)) {
        call_refuse(c, 400, "BadRequest",
                    "The query must hold only whole %XX escapes, and no NUL.");
        return false;
    }
    return true;
}

static void
call_too_large(struct call *c)
{
    call_refuse(c, 413, "RequestTooLarge", "The request body is larger than this service takes.");
}

/* Headers are complete: what can be refused without the body is. */
static enum MHD_Result
call_start(struct call *c, const char *method, const char *version)
{
    c->started = true;
    c->r.method = slice_dup(c->r.arena, slice_of(method));
    if (c->r.method.p == NULL || (c->target.p == NULL && c->target.n <= TARGET_MAX_BYTES))
        call_refuse(c, 503, "ServiceUnavailable", "No memory for this request.");
    else if (call_target(c, version)) {
        int64_t length = 0;
        if (slice_int(http_header(&c->r, "Content-Length"), &length) &&
            (length < 0 || (uint64_t)length > c->http->conf.body_max))
            call_too_large(c);
    }
    return c->state == CALL_ANSWERED ? call_queue(c) : MHD_YES;
}

/* Room for n more bytes, by doubling: a length that was only promised costs nothing. */
static bool
body_room(struct call *c, size_t n)
{
    if (n > c->http->conf.body_max || c->body_n > c->http->conf.body_max - n)
        return false;
    if (c->body_capacity - c->body_n >= n)
        return true;
    size_t wanted = c->body_capacity * 2;
    if (wanted > c->http->conf.body_max)
        wanted = c->http->conf.body_max;
    if (wanted < c->body_n + n)
        wanted = c->body_n + n;
    char *larger = arena_alloc(c->r.arena, wanted);
    if (larger == NULL)
        return false;
    if (c->body_n > 0)
        memcpy(larger, c->body, c->body_n);
    c->body = larger;
    c->body_capacity = wanted;
    return true;
}

static enum MHD_Result
call_body(struct call *c, const char *bytes, size_t *n)
{
    c->too_large = c->too_large || !body_room(c, *n);
    if (c->too_large) {
        c->discarded_bytes += *n;
    } else {
        memcpy(c->body + c->body_n, bytes, *n);
        c->body_n += *n;
    }
    *n = 0;
    return c->discarded_bytes > DISCARD_MAX_BYTES ? MHD_NO : MHD_YES;
}

/* The request is complete. */
static void
call_hand_over(struct call *c)
{
    if (c->too_large) {
        call_too_large(c);
        return;
    }
    if (c->http->closing) {
        call_refuse(c, 503, "ServiceUnavailable", "This worker is shutting down.");
        return;
    }
    c->r.body = c->body_n > 0 ? (struct slice){c->body, c->body_n} : SLICE("");
    c->state = CALL_HANDED;
    c->http->conf.handle(c->http->conf.arg, &c->r);
    if (c->state != CALL_HANDED)
        return;
    c->state = CALL_WAITING;
    MHD_suspend_connection(c->connection);
}

static enum MHD_Result
request_came(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
             const char *version, const char *upload, size_t *upload_n, void **ctx)
{
    (void)arg;
    (void)connection;
    (void)url;
    struct call *c = *ctx;
    if (c == NULL)
        return MHD_NO;
    if (!c->started)
        return call_start(c, method, version);
    if (*upload_n > 0)
        return call_body(c, upload, upload_n);
    if (c->state == CALL_READING)
        call_hand_over(c);
    return c->state == CALL_ANSWERED ? call_queue(c) : MHD_YES;
}

/* ---- the loop */

static void
handle_closed(uv_handle_t *handle)
{
    struct http *h = handle->data;
    assert(h->open > 0);
    if (--h->open > 0)
        return;
    void (*closed)(void *) = h->closed;
    void *arg = h->closed_arg;
    free(h->cert);
    free(h->key);
    free(h);
    if (closed != NULL)
        closed(arg);
}

/* Everything that is still open is cut off; never inside one of libmicrohttpd's callbacks. */
static void
http_finish(struct http *h)
{
    h->stopped = true;
    uv_close((uv_handle_t *)&h->poll, handle_closed);
    uv_close((uv_handle_t *)&h->tick, handle_closed);
    uv_close((uv_handle_t *)&h->grace, handle_closed);
    MHD_stop_daemon(h->daemon);
    h->daemon = NULL;
}

static void
stop_listening(struct http *h)
{
    if (h->quiet)
        return;
    h->quiet = true;
    MHD_socket fd = MHD_quiesce_daemon(h->daemon);
    if (fd != MHD_INVALID_SOCKET)
        close(fd);
}

static void on_tick(uv_timer_t *timer);

/* The epoll descriptor tells of events; what has to happen without one has this timer. */
static void
schedule(struct http *h, uint64_t least_ms)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    if (h->resumed || MHD_get_timeout(h->daemon, &ms) == MHD_YES)
        uv_timer_start(&h->tick, on_tick, ms > least_ms ? ms : least_ms, 0);
    else
        uv_timer_stop(&h->tick);
}

/* Work is done in rounds while there is some. A TLS handshake that waits for its peer claims to be
 * work all the time: after a few rounds everybody else has a turn, for a millisecond (a timer of 0
 * that is started again in its own callback would keep this libuv from all else). */
static void
turn(struct http *h)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    if (h->stopped)
        return;
    if (h->closing)
        stop_listening(h);
    for (int i = 0; i < ROUNDS_MAX; i++) {
        h->resumed = false;
        MHD_run(h->daemon);
        if (!h->resumed && (MHD_get_timeout(h->daemon, &ms) != MHD_YES || ms > 0))
            break;
    }
    if (h->closing && h->calls == NULL)
        http_finish(h);
    else
        schedule(h, 1);
}

static void
on_tick(uv_timer_t *timer)
{
    turn(timer->data);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status; /* an epoll descriptor has no errors of its own; the run finds the connection's */
    (void)events;
    turn(poll->data);
}

static void
on_grace(uv_timer_t *timer)
{
    struct http *h = timer->data;
    if (h->stopped)
        return;
    for (struct call *c = h->calls; c != NULL; c = c->next) {
        if (c->state != CALL_WAITING)
            continue;
        c->unanswered = true;
        call_refuse(c, 503, "ServiceUnavailable", "This worker is shutting down.");
        MHD_resume_connection(c->connection);
    }
    for (int i = 0; i < ROUNDS_MAX; i++)
        MHD_run(h->daemon);
    http_finish(h);
}

void
http_answer(struct http_request *r, int status, const char *content_type, struct slice body,
            const struct http_header *headers)
{
    struct call *c = call_of(r);
    if (c->state == CALL_ORPHAN) {
        arena_free(r->arena);
        return;
    }
    assert(c->state == CALL_HANDED || c->state == CALL_WAITING);
    bool waiting = c->state == CALL_WAITING;
    struct MHD_Response *response = response_new(content_type, body, headers);
    if (response != NULL)
        call_respond(c, (unsigned)status, response);
    else
        call_refuse(c, 500, "InternalError", "The answer could not be composed.");
    if (!waiting)
        return;
    MHD_resume_connection(c->connection);
    c->http->resumed = true;
    schedule(c->http, 0);
}

/* ---- start and close */

static struct err
bind_error(const struct http_conf *c, int number)
{
    if (number == EADDRINUSE)
        return err_make(ERR_STOP, "http.busy", "%s port %d is in use by another program",
                        c->address, c->port);
    return err_make(ERR_STOP, "http.start", "cannot listen on %s port %d: %s", c->address, c->port,
                    strerror(number));
}

static struct err
listen_on(const struct http_conf *c, int *out)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    char port[16];
    (void)snprintf(port, sizeof port, "%d", c->port);
    int code = getaddrinfo(c->address, port, &hints, &found);
    if (code != 0)
        return err_make(ERR_STOP, "http.start", "%s is no address to listen on: %s", c->address,
                        gai_strerror(code));
    struct err e = ERR_OK;
    int one = 1, zero = 0;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        (found->ai_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero) != 0) ||
        bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0) {
        e = bind_error(c, errno);
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    *out = fd;
    return e;
}

static int
port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
    socklen_t n = sizeof at;
    if (getsockname(fd, &at.any, &n) != 0)
        return 0;
    return ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

static struct MHD_Daemon *
daemon_start(struct http *h)
{
    unsigned flags = MHD_USE_EPOLL | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, h->cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, h->key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0,
         (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    bool with_tls = h->cert != NULL && h->key != NULL;
    return MHD_start_daemon(with_tls ? flags | MHD_USE_TLS : flags, 0, NULL, NULL, request_came, h,
                            MHD_OPTION_LISTEN_SOCKET, h->listen_fd, MHD_OPTION_URI_LOG_CALLBACK,
                            uri_came, h, MHD_OPTION_NOTIFY_COMPLETED, request_over, h,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_MAX_S,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
                            MHD_OPTION_ARRAY, with_tls ? tls : plain, MHD_OPTION_END);
}

static struct err
watch(struct http *h, uv_loop_t *loop)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int code = info != NULL ? uv_poll_init(loop, &h->poll, info->epoll_fd) : UV_EINVAL;
    if (code != 0)
        return err_make(ERR_STOP, "http.start", "cannot watch the listener: %s", uv_strerror(code));
    uv_timer_init(loop, &h->tick);
    uv_timer_init(loop, &h->grace);
    h->poll.data = h->tick.data = h->grace.data = h;
    h->open = 3;
    uv_poll_start(&h->poll, UV_READABLE, on_poll);
    return ERR_OK;
}

static char *
pem_text(struct slice pem)
{
    return pem.p != NULL ? strndup(pem.p, pem.n) : NULL;
}

static void
http_discard(struct http *h)
{
    if (h->daemon != NULL)
        MHD_stop_daemon(h->daemon);
    free(h->cert);
    free(h->key);
    free(h);
}

struct err
http_start(struct loop *l, const struct http_conf *c, struct http **out)
{
    *out = NULL;
    struct http *h = calloc(1, sizeof *h);
    if (h == NULL)
        return err_make(ERR_STOP, "http.start", "out of memory");
    h->conf = *c;
    h->conf.address = NULL; /* the caller's; not needed after the start */
    h->cert = pem_text(c->cert_pem);
    h->key = pem_text(c->key_pem);
    h->conf.cert_pem = h->conf.key_pem = SLICE_NONE;
    struct err e = listen_on(c, &h->listen_fd);
    if (e.kind)
        goto out;
    h->port = port_of(h->listen_fd);
    h->daemon = daemon_start(h);
    if (h->daemon == NULL) {
        e = err_make(ERR_STOP, "http.start", "cannot serve on %s port %d%s", c->address, c->port,
                     h->cert != NULL ? ": certificate or key is not usable" : "");
        goto out;
    }
    e = watch(h, loop_uv(l));
    if (e.kind)
        goto out;
    schedule(h, 0);
    *out = h;
out:
    if (e.kind)
        http_discard(h);
    return e;
}

int
http_port(const struct http *h)
{
    return h->port;
}

void
http_close(struct http *h, void (*closed)(void *arg), void *arg)
{
    if (h->closing)
        return;
    h->closing = true;
    h->closed = closed;
    h->closed_arg = arg;
    uv_timer_start(&h->grace, on_grace, GRACE_MS, 0);
    uv_timer_start(&h->tick, on_tick, 0, 0); /* the caller may stand inside a request */
}
