#include "ingest/listen.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metric.h"
#include "ingest/frames.h"
#include "ingest/out.h"
#include "ingest/poll.h"
#include "ingest/state.h"

enum {
    SETTINGS_LIMIT = 1024 * 1024,
    LINE_ARENA = 8 * 1024 * 1024,
    READ_MAX = FRAMES_LINE_MAX + 16,
    SKIP_MAX = 1024 * 1024, /* bytes of one line that is dropped: then its sender is */
    CONNECTIONS_MAX = 64,
    BACKLOG = 64,
};

struct connection {
    uv_tcp_t tcp;
    struct listener *listener;
    struct connection *next;
    size_t n;       /* bytes in data that are not used yet */
    size_t skipped; /* bytes of a line that was too long; 0: no such line is under way */
    bool ended;     /* the sender has closed, its last line waits for room */
    char data[READ_MAX];
};

struct listener {
    const struct ingest *env;
    struct ingest_tenant tenant;
    ingest_gone *gone;
    void *arg;
    struct arena *settings;
    struct source_conf conf;
    struct state_load load;
    struct arena *line; /* one line */
    struct out *out;
    uv_udp_t udp;
    uv_tcp_t tcp;
    uv_timer_t retry;
    struct connection *connections;
    size_t n_connections;
    unsigned open; /* handles not yet closed, connections' included */
    unsigned busy; /* answers of the database that will come */
    unsigned tries;
    const char *told; /* code of the trouble that was logged; NULL: none */
    bool listening, full, closing, retry_open;
    char datagram[FRAMES_LINE_MAX];
};

static void load(struct listener *l);

/* ---- life */

static void
finish(struct listener *l)
{
    if (!l->closing || l->open > 0 || l->busy > 0)
        return;
    arena_free(l->settings);
    arena_free(l->line);
    free(l);
}

static void
on_closed(uv_handle_t *h)
{
    struct listener *l = h->data;
    assert(l->open > 0);
    l->open--;
    finish(l);
}

static void
on_connection_closed(uv_handle_t *h)
{
    struct connection *c = h->data;
    struct listener *l = c->listener;
    free(c);
    l->open--;
    finish(l);
}

static void
connection_close(struct connection *c)
{
    struct connection **at = &c->listener->connections;
    while (*at != NULL && *at != c)
        at = &(*at)->next;
    if (*at == NULL) /* closed before */
        return;
    *at = c->next;
    c->listener->n_connections--;
    uv_close((uv_handle_t *)&c->tcp, on_connection_closed);
}

static void
sockets_close(struct listener *l)
{
    while (l->connections != NULL)
        connection_close(l->connections);
    if (!l->listening)
        return;
    l->listening = false;
    uv_close((uv_handle_t *)&l->udp, on_closed);
    uv_close((uv_handle_t *)&l->tcp, on_closed);
}

void
listen_close(struct listener *l)
{
    if (l == NULL || l->closing)
        return;
    l->closing = true;
    sockets_close(l);
    out_free(l->out);
    l->out = NULL;
    if (l->retry_open)
        uv_close((uv_handle_t *)&l->retry, on_closed);
    finish(l);
}

/* ---- lines */

static void
reject(struct listener *l, const char *reason)
{
    metric_add(METRIC_weir_ingest_rejected_total, 1, l->env->source->name, reason);
}

/* False: Kafka has no room, the line was not taken. */
static bool
take_line(struct listener *l, struct slice line)
{
    if (line.n == 0)
        return true;
    arena_reset(l->line);
    struct page page = {.n_alerts = 0};
    const struct answer got = {.conf = &l->conf, .body = line};
    int64_t now = clock_now();
    struct err e = l->env->source->parse(&got, l->line, &page);
    for (size_t i = 0; e.kind == ERR_NONE && i < page.n_alerts; i++) {
        bool sent;
        e = out_send(l->out, &page.alerts[i], now, &sent);
    }
    if (e.kind == ERR_RETRY && strcmp(e.code, "bus.full") == 0)
        return false;
    if (e.kind)
        reject(l, e.code);
    return true;
}

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
        *room = take_line(c->listener, line);
        *at += *room ? used : 0;
        return *room;
    case FRAMES_TOO_LONG:
        reject(c->listener, "identity.line_too_long");
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

static void
on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct connection *c = h->data;
    (void)suggested;
    *buf = uv_buf_init(c->data + c->n, (unsigned)(sizeof c->data - c->n));
}

static void
fill_up(struct listener *l)
{
    l->full = true;
    for (struct connection *c = l->connections; c != NULL; c = c->next)
        uv_read_stop((uv_stream_t *)&c->tcp);
}

/* A last line without LF is whole when its sender has closed. False: no room. */
static bool
take_last(struct connection *c)
{
    if (c->n > 0 && c->skipped == 0 && !take_line(c->listener, (struct slice){c->data, c->n}))
        return false;
    connection_close(c);
    return true;
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *c = stream->data;
    struct listener *l = c->listener;
    (void)buf;
    if (l->closing)
        return;
    if (n == UV_EOF) {
        c->ended = true;
        if (!take_last(c))
            fill_up(l);
    } else if (n < 0) { /* torn off: what came of its last line is none */
        if (c->n > 0)
            reject(l, "identity.cut");
        connection_close(c);
    } else {
        c->n += (size_t)n;
        if (!take_lines(c))
            fill_up(l);
        else if (c->skipped > SKIP_MAX)
            connection_close(c); /* it ends no line: a new connection starts with a new line */
    }
}

static void
on_room(void *arg)
{
    struct listener *l = arg;
    l->full = false;
    for (struct connection *c = l->connections, *next; c != NULL && !l->full; c = next) {
        next = c->next;
        if (!take_lines(c) || (c->ended && !take_last(c)))
            fill_up(l);
        else if (!c->ended)
            uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    }
}

static void
on_idle(void *arg, struct err e)
{
    struct listener *l = arg;
    if (e.kind == ERR_NONE || out_fatal(l->env, &e))
        return;
    log_err("ingest.unconfirmed", &e, LOG_STR("source", l->env->source->name),
            LOG_OID(&l->tenant.oid));
}

/* ---- who may send */

static bool
may_send(const struct listener *l, const struct sockaddr *from)
{
    char name[64] = "";
    if (l->conf.n_senders == 0)
        return true;
    if (uv_ip_name(from, name, sizeof name) != 0)
        return false;
    struct slice address = slice_of(name);
    if (slice_starts(address, SLICE("::ffff:")))
        address = slice_sub(address, 7, address.n);
    for (size_t i = 0; i < l->conf.n_senders; i++)
        if (slice_eq(address, l->conf.senders[i]))
            return true;
    return false;
}

static void
on_datagram_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct listener *l = h->data;
    (void)suggested;
    *buf = uv_buf_init(l->datagram, sizeof l->datagram);
}

/* One datagram is one line. */
static void
on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
            unsigned flags)
{
    struct listener *l = udp->data;
    if (n <= 0 || from == NULL || l->closing)
        return;
    struct slice line = {buf->base, (size_t)n};
    while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    if (!may_send(l, from))
        reject(l, "identity.sender");
    else if ((flags & UV_UDP_PARTIAL) != 0)
        reject(l, "identity.line_too_long");
    else if (l->full)
        reject(l, "identity.udp_no_room");
    else if (!take_line(l, line)) {
        reject(l, "identity.udp_no_room");
        fill_up(l);
    }
}

static void
on_connect(uv_stream_t *server, int status)
{
    struct listener *l = server->data;
    struct connection *c = status == 0 && !l->closing ? calloc(1, sizeof *c) : NULL;
    if (c == NULL)
        return;
    c->listener = l;
    uv_tcp_init(loop_uv(l->env->loop), &c->tcp);
    c->tcp.data = c;
    c->next = l->connections;
    l->connections = c;
    l->n_connections++;
    l->open++;
    struct sockaddr_storage from = {0};
    int size = sizeof from;
    if (uv_accept(server, (uv_stream_t *)&c->tcp) != 0 ||
        uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&from, &size) != 0 ||
        !may_send(l, (struct sockaddr *)&from) || l->n_connections > CONNECTIONS_MAX) {
        reject(l, l->n_connections > CONNECTIONS_MAX ? "identity.connections" : "identity.sender");
        connection_close(c);
        return;
    }
    uv_tcp_keepalive(&c->tcp, 1, 60);
    if (!l->full)
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

/* ---- start */

static int
sockets_bind(struct listener *l, const struct sockaddr *at)
{
    /* without UV_UDP_REUSEADDR: with it a second listener takes the first one's datagrams */
    int bad = uv_udp_bind(&l->udp, at, 0);
    if (bad == 0)
        bad = uv_tcp_bind(&l->tcp, at, 0);
    if (bad == 0)
        bad = uv_udp_recv_start(&l->udp, on_datagram_alloc, on_datagram);
    if (bad == 0)
        bad = uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connect);
    return bad;
}

static struct err
sockets_open(struct listener *l)
{
    const char *address = conf_text(l->env->conf, "ingest.listen_address");
    struct sockaddr_storage at = {0};
    int port = (int)l->conf.port;
    if (uv_ip4_addr(address, port, (struct sockaddr_in *)&at) != 0 &&
        uv_ip6_addr(address, port, (struct sockaddr_in6 *)&at) != 0)
        return err_make(ERR_STOP, "ingest.listen_address", "%s is no address", address);
    uv_udp_init(loop_uv(l->env->loop), &l->udp);
    uv_tcp_init(loop_uv(l->env->loop), &l->tcp);
    l->udp.data = l->tcp.data = l;
    l->open += 2;
    l->listening = true;
    int bad = sockets_bind(l, (struct sockaddr *)&at);
    if (bad == 0) {
        log_info("ingest.listening", LOG_OID(&l->tenant.oid), LOG_STR("address", address),
                 LOG_INT("port", port));
        return ERR_OK;
    }
    sockets_close(l);
    return err_make(ERR_RETRY, "ingest.port_busy", "%s port %d: %s", address, port,
                    uv_strerror(bad));
}

static void
on_retry(uv_timer_t *t)
{
    struct listener *l = t->data;
    if (!l->closing)
        load(l);
}

static void
on_loaded(void *arg, struct err e)
{
    struct listener *l = arg;
    l->busy--;
    if (l->closing) {
        finish(l);
        return;
    }
    if (e.kind == ERR_REJECT &&
        (strcmp(e.code, "db.undefined") == 0 || strcmp(e.code, "db.fenced") == 0)) {
        l->gone(l->arg, &l->tenant.oid);
        return;
    }
    if (e.kind == ERR_NONE)
        e = source_conf_read(l->env->source, l->load.settings, l->settings, &l->conf);
    if (e.kind == ERR_NONE && l->conf.port == 0)
        return; /* of a source that is asked as a rule: this tenant's is */
    if (e.kind == ERR_NONE)
        e = sockets_open(l);
    if (e.kind == ERR_NONE)
        return;
    l->tries++;
    if (l->told == NULL || strcmp(l->told, e.code) != 0) /* each trouble once, not each try */
        log_err("ingest.trouble", &e, LOG_STR("source", l->env->source->name),
                LOG_OID(&l->tenant.oid));
    l->told = e.code;
    uv_timer_start(&l->retry, on_retry, (uint64_t)poll_backoff(l->tries < 4 ? l->tries : 4, 0), 0);
}

static void
load(struct listener *l)
{
    arena_reset(l->settings);
    l->conf = (struct source_conf){.conf = l->env->conf};
    l->busy++;
    state_load_start(&l->load, l->env, &l->tenant, l->settings, on_loaded, l);
}

struct listener *
listen_start(const struct ingest *env, const struct ingest_tenant *tenant, ingest_gone *gone,
             void *arg)
{
    struct listener *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    l->env = env;
    l->tenant = *tenant;
    l->gone = gone;
    l->arg = arg;
    const struct out_owner owner = {.arg = l, .idle = on_idle, .room = on_room};
    l->settings = arena_new(SETTINGS_LIMIT);
    l->line = arena_new(LINE_ARENA);
    l->out = out_new(env, &l->tenant, &owner);
    if (l->settings == NULL || l->line == NULL || l->out == NULL) {
        arena_free(l->settings);
        arena_free(l->line);
        out_free(l->out);
        free(l);
        return NULL;
    }
    uv_timer_init(loop_uv(env->loop), &l->retry);
    l->retry.data = l;
    l->retry_open = true;
    l->open++;
    load(l);
    return l;
}
