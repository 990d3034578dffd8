/* listen_connection.c: lines over one TCP connection, plain or TLS. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ingest/listen_internal.h"

enum {
    SKIP_MAX = 1024 * 1024, /* bytes of one line that is dropped: then its sender is */
    WRITE_MAX = 128 * 1024, /* of ours that a peer has not read: then it is closed */
    TLS_RECORD = 17 * 1024,
    ADDRESS_TEXT = 64,
};

/* ---- life */

static void
on_closed(uv_handle_t *h)
{
    struct connection *c = h->data;
    struct listener *l = c->listener;
    tls_free(c->tls);
    free(c);
    listener_handle_closed(l);
}

void
connection_close(struct connection *c)
{
    if (c->closed)
        return;
    struct connection **at = &c->listener->connections;
    while (*at != NULL && *at != c)
        at = &(*at)->next;
    assert(*at == c);
    *at = c->next;
    c->closed = true;
    c->listener->n_connections--;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* ---- what TLS has to say to the peer */

struct write {
    uv_write_t req;
    char bytes[];
};

static void
on_written(uv_write_t *req, int status)
{
    (void)status; /* a broken connection is seen when it is read */
    free(req->data);
}

static void
tell_peer(struct connection *c)
{
    char bytes[TLS_RECORD];
    size_t n;
    while ((n = tls_out(c->tls, bytes, sizeof bytes)) > 0) {
        uv_stream_t *stream = (uv_stream_t *)&c->tcp;
        uv_buf_t buf = uv_buf_init(bytes, (unsigned)n);
        int wrote = uv_try_write(stream, &buf, 1);
        size_t done = wrote > 0 ? (size_t)wrote : 0;
        if (done == n || uv_stream_get_write_queue_size(stream) > WRITE_MAX)
            continue;
        struct write *w = malloc(sizeof *w + n - done);
        if (w == NULL)
            continue;
        memcpy(w->bytes, bytes + done, n - done);
        w->req.data = w;
        buf = uv_buf_init(w->bytes, (unsigned)(n - done));
        if (uv_write(&w->req, stream, &buf, 1, on_written) != 0)
            free(w);
    }
}

static void
address_of(const struct connection *c, char out[ADDRESS_TEXT])
{
    struct sockaddr_storage from = {0};
    int size = sizeof from;
    out[0] = '\0';
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&from, &size) == 0)
        (void)uv_ip_name((struct sockaddr *)&from, out, ADDRESS_TEXT);
}

/* ---- lines */

/* Drops what belongs to a line that was too long; false: all of it, and there is more to come. */
static bool
skip(struct connection *c, size_t *at)
{
    const char *end = memchr(c->data + *at, '\n', c->n - *at);
    size_t n = end != NULL ? (size_t)(end + 1 - (c->data + *at)) : c->n - *at;
    *at += n;
    c->skipped = end != NULL ? 0 : c->skipped + n;
    return end != NULL;
}

static bool
take_next(struct connection *c, size_t *at, bool *room)
{
    struct slice line, data = {c->data + *at, c->n - *at};
    size_t used;
    switch (frames_next(data, &line, &used)) {
    case FRAMES_MORE:
        return false;
    case FRAMES_LINE:
        *room = listen_take(c->listener, line);
        *at += *room ? used : 0;
        return *room;
    case FRAMES_TOO_LONG:
        listen_reject(c->listener, "identity.line_too_long");
        if (memchr(data.p, '\n', used) == NULL)
            c->skipped = used;
        *at += used;
        return true;
    }
    return false;
}

/* Uses up whole lines; what is left moves to the front. False: no room. */
static bool
take_lines(struct connection *c)
{
    size_t at = 0;
    bool room = true;
    while (c->skipped > 0 ? skip(c, &at) : take_next(c, &at, &room))
        ;
    memmove(c->data, c->data + at, c->n - at);
    c->n -= at;
    return room;
}

/* A last line without LF is whole when its sender has said that it ends. False: no room. */
static bool
take_last(struct connection *c)
{
    struct listener *l = c->listener;
    if (c->n > 0 && c->skipped == 0 && c->cut)
        listen_reject(l, "identity.cut");
    else if (c->n > 0 && c->skipped == 0 && !listen_take(l, (struct slice){c->data, c->n}))
        return false;
    c->n = 0;
    c->taken = true;
    c->mark = feed_mark(l->feed);
    connection_synced(c);
    return true;
}

void
connection_synced(struct connection *c)
{
    if (!c->taken || !feed_safe(c->listener->feed, c->mark))
        return;
    if (c->tls != NULL) {
        tls_end(c->tls);
        tell_peer(c);
    }
    connection_close(c);
}

/* More plain bytes behind those that are there. False: there are none, or the connection broke. */
static bool
decrypt(struct connection *c)
{
    size_t n = 0;
    bool was_ready = tls_ready(c->tls);
    struct err e = tls_read(c->tls, c->data + c->n, sizeof c->data - c->n, &n);
    tell_peer(c);
    if (e.kind) {
        char address[ADDRESS_TEXT];
        address_of(c, address);
        if (was_ready)
            listen_reject(c->listener, c->n > 0 ? "identity.cut" : e.code);
        else
            listen_refuse(c->listener, e, address);
        connection_close(c);
        return false;
    }
    c->n += n;
    if (n == 0 && tls_ended(c->tls))
        c->ended = true;
    if (uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp) > WRITE_MAX)
        connection_close(c); /* it asks and does not listen */
    return n > 0 && !c->closed;
}

/* All that has come, as far as there is room for it. */
static void
take_all(struct connection *c)
{
    bool room;
    do {
        room = take_lines(c);
        if (room && c->skipped > SKIP_MAX) {
            connection_close(c); /* it ends no line: a new connection starts with a new line */
            return;
        }
    } while (room && c->tls != NULL && !c->cut && decrypt(c));
    if (c->closed)
        return;
    if (room && c->ended)
        room = take_last(c);
    if (!room)
        listen_fill_up(c->listener);
    else if (c->ended && !c->closed)
        connection_stop(c);
}

/* ---- reading */

static void
on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct connection *c = h->data;
    struct listener *l = c->listener;
    (void)suggested;
    if (c->tls != NULL)
        *buf = uv_buf_init(l->bytes, sizeof l->bytes);
    else
        *buf = uv_buf_init(c->data + c->n, (unsigned)(sizeof c->data - c->n));
}

/* A reset that comes together with bytes is told as an end (libuv looks at the hang-up before it
 * has read the error), so what stands behind the end decides. */
static bool
was_reset(const struct connection *c)
{
    uv_os_fd_t fd;
    int error = 0;
    socklen_t size = sizeof error;
    return uv_fileno((const uv_handle_t *)&c->tcp, &fd) != 0 ||
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0;
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *c = stream->data;
    struct listener *l = c->listener;
    struct err e = ERR_OK;
    if (l->closing || c->closed)
        return;
    c->heard = uv_now(loop_uv(l->env->loop));
    if (n == UV_EOF && was_reset(c))
        n = UV_ECONNRESET;
    if (n == UV_EOF) {
        c->ended = true;
        c->cut = c->tls != NULL && !tls_ended(c->tls);
        if (c->cut && !tls_ready(c->tls)) {
            connection_close(c); /* a probe */
            return;
        }
    } else if (n < 0) { /* torn off: what came of its last line is none */
        if (c->n > 0)
            listen_reject(l, "identity.cut");
        connection_close(c);
        return;
    } else if (c->tls != NULL) {
        e = tls_feed(c->tls, (struct slice){buf->base, (size_t)n});
    } else {
        c->n += (size_t)n;
    }
    if (e.kind == ERR_NONE) {
        take_all(c);
        return;
    }
    listen_reject(l, e.code);
    connection_close(c);
}

void
connection_stop(struct connection *c)
{
    uv_read_stop((uv_stream_t *)&c->tcp);
}

void
connection_go_on(struct connection *c)
{
    if (c->taken)
        return;
    take_all(c);
    c->heard =
        uv_now(loop_uv(c->listener->env->loop)); /* while we did not read, silence was ours */
    if (!c->closed && !c->ended && !c->listener->full)
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

bool
connection_slow(struct connection *c, uint64_t now)
{
    char address[ADDRESS_TEXT];
    if (c->tls == NULL || tls_ready(c->tls))
        return false;
    if (now < c->handshake_end)
        return true;
    address_of(c, address);
    listen_refuse(c->listener, err_make(ERR_REJECT, "tls.slow", "the TLS handshake takes too long"),
                  address);
    connection_close(c);
    return false;
}

/* ---- start */

/* Whoever holds a connection and says nothing does not shut out a sensor that has something to say.
 * False: none is silent, as far as can be told while we read none of them. */
static bool
make_room(struct listener *l, const struct connection *newest)
{
    uint64_t now = uv_now(loop_uv(l->env->loop));
    struct connection *silent = NULL;
    for (struct connection *c = l->connections; c != NULL && !l->full; c = c->next)
        if (c != newest && !c->ended && now - c->heard > LISTEN_SILENT_MS &&
            (silent == NULL || c->heard < silent->heard))
            silent = c;
    if (silent == NULL)
        return false;
    listen_reject(l, silent->n > 0 ? "identity.cut" : "identity.silent");
    connection_close(silent);
    return true;
}

static struct err
welcome(struct connection *c, const char *address)
{
    struct listener *l = c->listener;
    if (!listener_peer_welcome(l, address))
        return err_make(ERR_REJECT, "identity.sender", "not one of the tenant's senders");
    if (l->n_connections > LISTEN_CONNECTIONS_MAX && !make_room(l, c))
        return err_make(ERR_REJECT, "identity.connections", "over %d connections of one tenant",
                        LISTEN_CONNECTIONS_MAX);
    if (l->tls == NULL)
        return ERR_OK;
    c->tls = tls_accept(l->tls);
    c->handshake_end = uv_now(loop_uv(l->env->loop)) +
                       (uint64_t)conf_int(l->env->conf, "ingest.listen_handshake_s") * 1000;
    return c->tls != NULL ? ERR_OK : err_make(ERR_RETRY, "tls.memory", "out of memory");
}

void
connection_new(struct listener *l)
{
    char address[ADDRESS_TEXT];
    struct connection *c = calloc(1, sizeof *c);
    if (c == NULL)
        return;
    c->listener = l;
    c->heard = uv_now(loop_uv(l->env->loop));
    uv_tcp_init(loop_uv(l->env->loop), &c->tcp);
    c->tcp.data = c;
    c->next = l->connections;
    l->connections = c;
    l->n_connections++;
    l->open++;
    if (uv_accept((uv_stream_t *)&l->tcp, (uv_stream_t *)&c->tcp) != 0) {
        connection_close(c);
        return;
    }
    address_of(c, address);
    struct err e = welcome(c, address);
    if (e.kind) {
        listen_refuse(l, e, address);
        connection_close(c);
        return;
    }
    uv_tcp_keepalive(&c->tcp, 1, 60);
    if (!l->full)
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}
