/* The sensor of Azure ATP: lines to a syslog listener. Ref: sources.md 5.2. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/sim.h"

/* AGAIN_MS: what was written so shortly before a connection broke may not have been read. */
enum { RETRY_MS = 200, DATAGRAMS_A_TURN = 16, AGAIN_MS = 1000 };

struct channel { /* one TCP connection */
    struct syslog_sender *sender;
    enum sim_transport transport;
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    uv_timer_t retry;
    size_t next;   /* index into the plan of the next line that may be ours */
    bool up, busy; /* connected; a line is under way */
    bool tcp_open;
    char head[16];    /* the octet count of the line under way */
    char nowhere[64]; /* what a listener says is not read */
};

struct syslog_sender {
    struct sim *sim;
    struct sockaddr_in to;
    struct channel channels[2]; /* SIM_LF, SIM_COUNTED */
    uv_udp_t udp;
    size_t next_udp;
    bool closing;
};

static void channel_connect(struct channel *c);
static void channel_pump(struct channel *c);

static void
channel_tcp_closed(uv_handle_t *h)
{
    struct channel *c = h->data;
    c->tcp_open = false; /* the retry timer connects anew */
}

static void
channel_retry(uv_timer_t *t)
{
    struct channel *c = t->data;
    if (!c->sender->closing && !c->tcp_open)
        channel_connect(c);
}

/* Back to the first line of this kind that was written within AGAIN_MS. */
static size_t
line_again(const struct syslog_sender *y, size_t next, enum sim_transport transport)
{
    const struct plan *p = &y->sim->tenants[0].plan;
    int64_t since_ms = clock_mono_ms() - AGAIN_MS;
    size_t from = next;
    for (size_t i = next; i-- > 0;) {
        const struct delivery *d = &p->items[i];
        if (d->source != SIM_IDENTITY || d->transport != transport)
            continue;
        if (d->served == 0 || d->served_ms < since_ms)
            break;
        from = i;
    }
    return from;
}

/* The connection is gone: the line under way is sent again on the next one, and so are the last
 * ones, in their order, whose reader may have died before it read them; datagrams likewise. */
static void
channel_lost(struct channel *c)
{
    struct syslog_sender *y = c->sender;
    if (c->up) {
        c->next = line_again(y, c->next, c->transport);
        y->next_udp = line_again(y, y->next_udp, SIM_UDP);
    }
    c->up = c->busy = false;
    if (c->tcp_open && !uv_is_closing((uv_handle_t *)&c->tcp))
        uv_close((uv_handle_t *)&c->tcp, channel_tcp_closed);
}

static void
channel_written(uv_write_t *w, int status)
{
    struct channel *c = w->data;
    if (!c->busy)
        return; /* lost in the meantime */
    c->busy = false;
    if (status != 0) {
        channel_lost(c);
        return;
    }
    plan_serve(&c->sender->sim->tenants[0].plan.items[c->next]);
    c->next++;
    channel_pump(c);
}

/* The next released line of this kind; lines go out in the order of the plan. */
static struct delivery *
line_next(const struct syslog_sender *y, size_t *next, enum sim_transport transport)
{
    struct plan *p = &y->sim->tenants[0].plan;
    for (; *next < p->n; (*next)++) {
        struct delivery *d = &p->items[*next];
        if (d->source == SIM_IDENTITY && d->transport == transport)
            return d->released != CLOCK_NONE ? d : NULL;
    }
    return NULL;
}

static void
channel_pump(struct channel *c)
{
    struct delivery *d = line_next(c->sender, &c->next, c->transport);
    if (!c->up || c->busy || d == NULL)
        return;
    uv_buf_t bufs[2];
    uv_buf_t line = uv_buf_init((char *)(uintptr_t)d->payload.p, (unsigned)d->payload.n);
    if (c->transport == SIM_COUNTED) {
        int n = snprintf(c->head, sizeof(c->head), "%zu ", d->payload.n);
        bufs[0] = uv_buf_init(c->head, (unsigned)n);
        bufs[1] = line;
    } else {
        c->head[0] = '\n';
        bufs[0] = line;
        bufs[1] = uv_buf_init(c->head, 1);
    }
    c->busy = true;
    c->write.data = c;
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, bufs, 2, channel_written) != 0)
        channel_lost(c);
}

/* One datagram is one line; there is no answer, so the listener must be known to be there, and
 * they go out few at a time, so that its buffer does not overflow: what is lost is lost. */
static void
udp_pump(struct syslog_sender *y)
{
    struct delivery *d;
    if (!y->channels[0].up && !y->channels[1].up)
        return;
    for (int i = 0; i < DATAGRAMS_A_TURN; i++) {
        d = line_next(y, &y->next_udp, SIM_UDP);
        if (d == NULL)
            return;
        uv_buf_t line = uv_buf_init((char *)(uintptr_t)d->payload.p, (unsigned)d->payload.n);
        if (uv_udp_try_send(&y->udp, &line, 1, (const struct sockaddr *)&y->to) < 0)
            return; /* the socket is full: at the next turn of the release timer */
        plan_serve(d);
        y->next_udp++;
    }
}

void
syslog_pump(struct syslog_sender *y)
{
    for (size_t i = 0; i < 2; i++)
        channel_pump(&y->channels[i]);
    udp_pump(y);
}

/* ---- connecting */

static void
read_room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct channel *c = h->data;
    (void)suggested;
    *buf = uv_buf_init(c->nowhere, sizeof(c->nowhere));
}

static void
read_done(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    if (n < 0)
        channel_lost(stream->data);
}

static void
channel_connected(uv_connect_t *req, int status)
{
    struct channel *c = req->data;
    if (c->sender->closing)
        return;
    if (status != 0) {
        channel_lost(c);
        return;
    }
    c->up = true;
    if (uv_read_start((uv_stream_t *)&c->tcp, read_room, read_done) != 0)
        channel_lost(c);
    syslog_pump(c->sender);
}

static void
channel_connect(struct channel *c)
{
    uv_loop_t *loop = loop_uv(c->sender->sim->loop);
    if (uv_tcp_init(loop, &c->tcp) != 0)
        return;
    c->tcp_open = true;
    c->tcp.data = c;
    c->connect.data = c;
    if (uv_tcp_connect(&c->connect, &c->tcp, (const struct sockaddr *)&c->sender->to,
                       channel_connected) != 0)
        channel_lost(c);
}

static struct err
address_parse(const char *address, struct sockaddr_in *out)
{
    char host[64];
    const char *colon = strrchr(address, ':');
    int64_t port = 0;
    if (colon == NULL || (size_t)(colon - address) >= sizeof(host) ||
        !slice_int(slice_of(colon + 1), &port) || port < 1 || port > 65535)
        return err_make(ERR_STOP, "syslog.address", "'%s' is not HOST:PORT", address);
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = '\0';
    const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    if (uv_ip4_addr(numeric, (int)port, out) != 0)
        return err_make(ERR_STOP, "syslog.address", "'%s' is no IPv4 address", host);
    return ERR_OK;
}

struct err
syslog_start(struct sim *s, const char *address, struct syslog_sender **out)
{
    struct syslog_sender *y = calloc(1, sizeof(*y));
    if (y == NULL)
        return err_make(ERR_STOP, "syslog.memory", "out of memory");
    struct err e = address_parse(address, &y->to);
    if (e.kind) {
        free(y);
        return e;
    }
    y->sim = s;
    uv_udp_init(loop_uv(s->loop), &y->udp);
    for (size_t i = 0; i < 2; i++) {
        struct channel *c = &y->channels[i];
        c->sender = y;
        c->transport = i == 0 ? SIM_LF : SIM_COUNTED;
        uv_timer_init(loop_uv(s->loop), &c->retry);
        c->retry.data = c;
        uv_timer_start(&c->retry, channel_retry, 0, RETRY_MS);
    }
    *out = y;
    return ERR_OK;
}

void
syslog_close(struct syslog_sender *y)
{
    if (y->closing)
        return;
    y->closing = true;
    uv_close((uv_handle_t *)&y->udp, NULL);
    for (size_t i = 0; i < 2; i++) {
        channel_lost(&y->channels[i]);
        uv_close((uv_handle_t *)&y->channels[i].retry, NULL);
    }
}

void
syslog_free(struct syslog_sender *y)
{
    free(y);
}
