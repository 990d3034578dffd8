#include "ingest/listen.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metric.h"
#include "ingest/listen_internal.h"
#include "ingest/poll.h"
#include "ingest/sender.h"

enum {
    SETTINGS_LIMIT = 1024 * 1024,
    LINE_ARENA = 8 * 1024 * 1024,
    BACKLOG = 64,
    TICK_MS = 250,
    REFUSAL_MS = 60 * 1000,
    DATAGRAM_BUFFER = 4 * 1024 * 1024, /* the kernel's, if it lets us */
    ADDRESS_TEXT = 64,
};

struct listen_shared {
    struct listener *first;
};

static void load(struct listener *l);

/* ---- life */

struct listen_shared *
listen_shared_new(void)
{
    return calloc(1, sizeof(struct listen_shared));
}

void
listen_shared_free(struct listen_shared *h)
{
    if (h == NULL)
        return;
    assert(h->first == NULL);
    free(h);
}

static void
finish(struct listener *l)
{
    if (!l->closing || l->open > 0 || l->busy > 0)
        return;
    tls_server_free(l->tls);
    arena_free(l->settings);
    arena_free(l->line);
    free(l);
}

void
listener_handle_closed(struct listener *l)
{
    assert(l->open > 0);
    l->open--;
    finish(l);
}

void
listener_answered(struct listener *l)
{
    assert(l->busy > 0);
    l->busy--;
    finish(l);
}

static void
on_closed(uv_handle_t *h)
{
    listener_handle_closed(h->data);
}

static void
sockets_close(struct listener *l)
{
    while (l->connections != NULL)
        connection_close(l->connections);
    if (l->udp_open)
        uv_close((uv_handle_t *)&l->udp, on_closed);
    if (l->listening)
        uv_close((uv_handle_t *)&l->tcp, on_closed);
    l->udp_open = l->listening = false;
}

void
listen_close(struct listener *l)
{
    if (l == NULL || l->closing)
        return;
    l->closing = true;
    struct listener **at = &l->env->listen->first;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    sockets_close(l);
    feed_close(l->feed);
    l->feed = NULL;
    uv_close((uv_handle_t *)&l->retry, on_closed);
    uv_close((uv_handle_t *)&l->tick, on_closed);
    uv_close((uv_handle_t *)&l->status.timer, on_closed);
}

/* ---- lines */

void
listen_reject(struct listener *l, const char *reason)
{
    metric_add(METRIC_weir_ingest_rejected_total, 1, l->env->source->name, reason);
}

void
listen_refuse(struct listener *l, struct err why, const char *address)
{
    uint64_t now = uv_now(loop_uv(l->env->loop));
    listen_reject(l, why.code);
    if (l->refusal_told != 0 && now - l->refusal_told < REFUSAL_MS)
        return;
    l->refusal_told = now;
    log_err("ingest.sender_refused", &why, LOG_OID(&l->tenant.oid), LOG_STR("address", address));
}

bool
listen_take(struct listener *l, struct slice line)
{
    if (line.n == 0)
        return true;
    arena_reset(l->line);
    struct page page = {.n_alerts = 0};
    const struct answer got = {.conf = &l->conf, .body = line};
    int64_t now = clock_now();
    struct err e = l->env->source->parse(&got, l->line, &page);
    for (size_t i = 0; e.kind == ERR_NONE && i < page.n_alerts; i++) {
        e = feed_take(l->feed, &page.alerts[i], now);
        if (e.kind == ERR_RETRY)
            return false;
        if (e.kind == ERR_NONE)
            listener_status_taken(l, page.alerts[i].version, now);
    }
    if (e.kind)
        listen_reject(l, e.code);
    return true;
}

void
listen_fill_up(struct listener *l)
{
    l->full = true;
    for (struct connection *c = l->connections; c != NULL; c = c->next)
        connection_stop(c);
}

/* A connection that goes on may close itself, never another one. */
static void
on_room(void *arg)
{
    struct listener *l = arg;
    l->full = false;
    for (struct connection *c = l->connections, *next; c != NULL && !l->full; c = next) {
        next = c->next;
        connection_go_on(c);
    }
}

static void
on_synced(void *arg)
{
    struct listener *l = arg;
    for (struct connection *c = l->connections, *next; c != NULL; c = next) {
        next = c->next;
        connection_synced(c);
    }
}

/* ---- who may send */

bool
listener_peer_welcome(const struct listener *l, const char *address)
{
    for (size_t i = 0; i < l->conf.n_senders; i++)
        if (sender_matches(l->conf.senders[i], address))
            return true;
    return l->conf.n_senders == 0;
}

static void
on_datagram_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct listener *l = h->data;
    (void)suggested;
    *buf = uv_buf_init(l->bytes, sizeof l->bytes);
}

/* One datagram is one line. */
static void
on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
            unsigned flags)
{
    struct listener *l = udp->data;
    char address[ADDRESS_TEXT] = "";
    if (n <= 0 || from == NULL || l->closing)
        return;
    struct slice line = {buf->base, (size_t)n};
    while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    (void)uv_ip_name(from, address, sizeof address);
    if (!listener_peer_welcome(l, address))
        listen_refuse(l, err_make(ERR_REJECT, "identity.sender", "not one of the tenant's senders"),
                      address);
    else if ((flags & UV_UDP_PARTIAL) != 0)
        listen_reject(l, "identity.line_too_long");
    else if (l->full)
        listen_reject(l, "identity.udp_no_room");
    else if (!listen_take(l, line)) {
        listen_reject(l, "identity.udp_no_room");
        listen_fill_up(l);
    }
}

static void
on_tick(uv_timer_t *t)
{
    struct listener *l = t->data;
    uint64_t now = uv_now(loop_uv(l->env->loop));
    bool more = false;
    for (struct connection *c = l->connections, *next; c != NULL; c = next) {
        next = c->next;
        more |= connection_slow(c, now);
    }
    if (!more && !l->closing)
        uv_timer_stop(t);
}

static void
on_connect(uv_stream_t *server, int status)
{
    struct listener *l = server->data;
    if (status != 0 || l->closing)
        return;
    connection_new(l);
    if (l->tls != NULL && !uv_is_active((uv_handle_t *)&l->tick))
        uv_timer_start(&l->tick, on_tick, TICK_MS, TICK_MS);
}

/* ---- start */

static int
sockets_bind(struct listener *l, const struct sockaddr *at)
{
    int bad = uv_tcp_bind(&l->tcp, at, 0), buffer = DATAGRAM_BUFFER;
    /* without UV_UDP_REUSEADDR: with it a second listener takes the first one's datagrams */
    if (bad == 0 && l->udp_open)
        bad = uv_udp_bind(&l->udp, at, 0);
    if (bad == 0 && l->udp_open)
        (void)uv_recv_buffer_size((uv_handle_t *)&l->udp, &buffer);
    if (bad == 0 && l->udp_open)
        bad = uv_udp_recv_start(&l->udp, on_datagram_alloc, on_datagram);
    if (bad == 0)
        bad = uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connect);
    return bad;
}

/* Whose port it is, when it is one of this worker's. */
static struct err
port_busy(const struct listener *l, const char *address, int bad)
{
    int port = (int)l->conf.port;
    for (const struct listener *o = l->env->listen->first; o != NULL; o = o->next)
        if (o != l && o->listening && o->conf.port == l->conf.port)
            return err_make(ERR_RETRY, "ingest.port_clash",
                            "port %d is another tenant's (oid %s) on this host: one of the two "
                            "needs another port in its settings",
                            port, oid_format(&o->tenant.oid).s);
    return err_make(ERR_RETRY, "ingest.port_busy", "%s port %d: %s", address, port,
                    uv_strerror(bad));
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
    uv_tcp_init(loop_uv(l->env->loop), &l->tcp);
    l->tcp.data = l->udp.data = l;
    l->listening = true;
    l->open++;
    if (l->tls == NULL) {
        uv_udp_init(loop_uv(l->env->loop), &l->udp);
        l->udp.data = l;
        l->udp_open = true;
        l->open++;
    }
    int bad = sockets_bind(l, (struct sockaddr *)&at);
    if (bad == 0) {
        log_info("ingest.listening", LOG_OID(&l->tenant.oid), LOG_STR("address", address),
                 LOG_INT("port", port), LOG_STR("transport", l->tls != NULL ? "tls" : "udp,tcp"));
        return ERR_OK;
    }
    sockets_close(l);
    return port_busy(l, address, bad);
}

static struct err
tls_open(struct listener *l)
{
    const char *cert = conf_text(l->env->conf, "ingest.listen_tls_cert_file");
    const char *key = conf_text(l->env->conf, "ingest.listen_tls_key_file");
    tls_server_free(l->tls);
    l->tls = NULL;
    if (!l->conf.tls)
        return ERR_OK;
    if (cert == NULL || key == NULL)
        return err_make(ERR_STOP, "ingest.listen_tls",
                        "the tenant wants TLS: set ingest.listen_tls_cert_file and "
                        "ingest.listen_tls_key_file");
    return tls_server_new(cert, key, l->conf.client_ca, &l->tls);
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
    /* without a port a source is asked, as a rule: what its agent had sent is not forgotten */
    bool asked = e.kind == ERR_NONE && l->conf.port == 0;
    if (asked && !feed_exists(l->feed))
        return;
    /* the rows are there, whatever is wrong with what they say */
    if (e.kind != ERR_RETRY && !asked)
        listener_status_loaded(l);
    if (e.kind == ERR_NONE)
        e = tls_open(l);
    if (e.kind == ERR_NONE)
        e = feed_open(l->feed);
    if (e.kind == ERR_NONE && !asked)
        e = sockets_open(l);
    listener_status_now(l, e);
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
    const struct feed_owner owner = {.arg = l, .room = on_room, .synced = on_synced};
    l->settings = arena_new(SETTINGS_LIMIT);
    l->line = arena_new(LINE_ARENA);
    l->feed = l->settings != NULL && l->line != NULL ? feed_new(env, &l->tenant, &owner) : NULL;
    if (l->feed == NULL) {
        arena_free(l->settings);
        arena_free(l->line);
        free(l);
        return NULL;
    }
    uv_timer_init(loop_uv(env->loop), &l->retry);
    uv_timer_init(loop_uv(env->loop), &l->tick);
    uv_timer_init(loop_uv(env->loop), &l->status.timer);
    l->retry.data = l->tick.data = l->status.timer.data = l;
    l->open += 3;
    l->next = env->listen->first;
    env->listen->first = l;
    load(l);
    return l;
}
