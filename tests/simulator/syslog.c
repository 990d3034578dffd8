/*
 * Sensors of Azure ATP: lines to a syslog listener. Ref: sources.md 5.2.
 *
 * Each sensor has two connections, one of lines that end in LF, one of octet-counted ones; bytes of
 * several arrive mixed, in pieces, on connections that come and go as the scenario says.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/sim.h"
#include "tests/simulator/tls_client.h"

/* AGAIN_MS: what was written so shortly before a connection broke may not have been read. */
enum { RETRY_MS = 200, DATAGRAMS_A_TURN = 16, AGAIN_MS = 1000, ANY_SENSOR = -1, TLS_BLOCK = 16384 };

struct channel { /* one TCP connection */
    struct syslog_sender *sender;
    enum sim_transport transport;
    int sensor;
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_timer_t retry;
    size_t next;   /* index into the plan of the next line that may be ours */
    size_t cut;    /* index of the first line that was not cut yet */
    size_t at;     /* bytes of the line under way that were written */
    size_t lines;  /* since it was connected */
    bool up, busy; /* connected; a piece is under way */
    bool again;    /* once it cannot connect, the last lines go out again */
    bool tcp_open;
    struct dice dice;
    struct tls_client *tls; /* NULL: plain */
    char head[24];          /* the octet count of the line under way, or its end */
    char read[4096];
};

struct syslog_sender {
    struct sim *sim;
    struct syslog_traits traits;
    struct sockaddr_in to;
    struct channel *channels; /* two a sensor: SIM_LF, SIM_COUNTED */
    size_t n_channels;
    struct strangers *strangers;
    uv_udp_t udp;
    size_t next_udp;
    bool closing;
};

struct piece { /* bytes on their way */
    uv_write_t write;
    struct channel *channel;
    size_t line_bytes; /* how many of them are the line's; 0: of the handshake */
    char bytes[];
};

static void channel_connect(struct channel *c);
static void channel_pump(struct channel *c);

static struct plan *
plan_of(const struct syslog_sender *y)
{
    return &y->sim->tenants[0].plan;
}

static bool
is_of(const struct syslog_sender *y, const struct delivery *d, enum sim_transport transport,
      int sensor)
{
    return d->source == SIM_IDENTITY && d->transport == transport &&
           (sensor == ANY_SENSOR || d->sensor % (y->n_channels / 2) == (size_t)sensor);
}

/* ---- connections that end */

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
line_again(const struct syslog_sender *y, size_t next, enum sim_transport transport, int sensor)
{
    const struct plan *p = plan_of(y);
    int64_t since_ms = clock_mono_ms() - AGAIN_MS;
    size_t from = next;
    for (size_t i = next; i-- > 0;) {
        const struct delivery *d = &p->items[i];
        if (!is_of(y, d, transport, sensor))
            continue;
        if (d->served == 0 || d->served_ms < since_ms)
            break;
        from = i;
    }
    return from;
}

static void
channel_close(struct channel *c, bool reset)
{
    c->up = c->busy = false;
    c->at = c->lines = 0;
    tls_client_free(c->tls);
    c->tls = NULL;
    if (!c->tcp_open || uv_is_closing((uv_handle_t *)&c->tcp))
        return;
    if (!reset || uv_tcp_close_reset(&c->tcp, channel_tcp_closed) != 0)
        uv_close((uv_handle_t *)&c->tcp, channel_tcp_closed);
}

/* The connection is gone: the line under way is sent again on the next one, and so are the last
 * ones, in their order, whose reader may have died before it read them; datagrams likewise. */
static void
channel_lost(struct channel *c, bool reset)
{
    struct syslog_sender *y = c->sender;
    if (c->again) {
        c->next = line_again(y, c->next, c->transport, c->sensor);
        if (!reset)
            y->next_udp = line_again(y, y->next_udp, SIM_UDP, ANY_SENSOR);
    }
    c->again = false;
    channel_close(c, reset);
}

/* ---- lines that go out */

static void channel_written(uv_write_t *w, int status);

/* Writes a copy. False: the connection was lost. */
static bool
bytes_send(struct channel *c, const char *bytes, size_t n, size_t line_bytes)
{
    struct piece *p = malloc(sizeof(*p) + n);
    if (p == NULL) {
        channel_lost(c, false);
        return false;
    }
    memcpy(p->bytes, bytes, n);
    p->channel = c;
    p->line_bytes = line_bytes;
    uv_buf_t buf = uv_buf_init(p->bytes, (unsigned)n);
    if (uv_write(&p->write, (uv_stream_t *)&c->tcp, &buf, 1, channel_written) == 0)
        return true;
    free(p);
    channel_lost(c, false);
    return false;
}

/* What TLS has to say; line_bytes go with the last block. */
static bool
tls_send(struct channel *c, size_t line_bytes)
{
    char block[TLS_BLOCK];
    size_t n = tls_client_out(c->tls, block, sizeof(block));
    while (n > 0) {
        char more[TLS_BLOCK];
        size_t then = tls_client_out(c->tls, more, sizeof(more));
        if (!bytes_send(c, block, n, then == 0 ? line_bytes : 0))
            return false;
        memcpy(block, more, then);
        n = then;
    }
    return true;
}

/* The next released line of this kind; lines go out in the order of the plan. */
static struct delivery *
line_next(const struct syslog_sender *y, size_t *next, enum sim_transport transport, int sensor)
{
    struct plan *p = plan_of(y);
    for (; *next < p->n; (*next)++) {
        struct delivery *d = &p->items[*next];
        if (is_of(y, d, transport, sensor))
            return d->released != CLOCK_NONE ? d : NULL;
    }
    return NULL;
}

/* A line as it travels is up to two parts: the octet count and itself, or itself and LF. */
static size_t
frame_take(struct channel *c, const struct delivery *d, size_t most, char *to)
{
    bool counted = c->transport == SIM_COUNTED;
    size_t n_head = counted ? (size_t)snprintf(c->head, sizeof(c->head), "%zu ", d->payload.n) : 1;
    if (!counted)
        c->head[0] = '\n';
    struct slice head = {c->head, n_head};
    struct slice first = counted ? head : d->payload;
    struct slice last = counted ? d->payload : head;
    size_t n = 0;
    for (size_t i = c->at; n < most && i < first.n + last.n; i++)
        to[n++] = i < first.n ? first.p[i] : last.p[i - first.n];
    return n;
}

static size_t
frame_bytes(const struct channel *c, const struct delivery *d)
{
    char head[24];
    return c->transport == SIM_COUNTED
               ? d->payload.n + (size_t)snprintf(head, sizeof(head), "%zu ", d->payload.n)
               : d->payload.n + 1;
}

/* The line is out. */
static void
line_done(struct channel *c)
{
    struct syslog_sender *y = c->sender;
    plan_serve(&plan_of(y)->items[c->next]);
    c->next++;
    c->at = 0;
    if (++c->lines < (size_t)y->traits.lines_most || y->traits.lines_most == 0)
        return;
    if (c->tls != NULL) {
        tls_client_end(c->tls);
        if (!tls_send(c, 0))
            return;
    }
    channel_close(c, false); /* in order: nothing is sent again */
}

static void
channel_written(uv_write_t *w, int status)
{
    struct piece *p = (struct piece *)w;
    struct channel *c = p->channel;
    size_t n = p->line_bytes;
    free(p);
    if (n == 0 || !c->busy)
        return; /* of the handshake, or lost in the meantime */
    c->busy = false;
    if (status != 0) {
        channel_lost(c, false);
        return;
    }
    c->at += n;
    if (c->at >= frame_bytes(c, &plan_of(c->sender)->items[c->next]))
        line_done(c);
    channel_pump(c);
}

/* In the middle of a line the connection is reset, once a line; it goes out whole after. */
static bool
cut_now(struct channel *c)
{
    if (c->at == 0 || c->next < c->cut)
        return false;
    c->cut = c->next + 1;
    return dice_chance(&c->dice, c->sender->traits.cut_percent);
}

static size_t
piece_size(struct channel *c, size_t left)
{
    const struct syslog_traits *t = &c->sender->traits;
    size_t most = t->piece_bytes > 0 ? (size_t)dice_between(&c->dice, 1, t->piece_bytes) : left;
    if (t->piece_bytes == 0 && t->cut_percent > 0 && c->at == 0 && left > 1)
        most = left / 2; /* so that there is a middle */
    if (c->tls != NULL && most > TLS_BLOCK / 2)
        most = TLS_BLOCK / 2;
    return most < left ? most : left;
}

static void
channel_pump(struct channel *c)
{
    struct delivery *d = line_next(c->sender, &c->next, c->transport, c->sensor);
    if (!c->up || c->busy || d == NULL || (c->tls != NULL && !tls_client_ready(c->tls)))
        return;
    if (cut_now(c)) {
        channel_lost(c, true);
        return;
    }
    size_t left = frame_bytes(c, d) - c->at;
    size_t size = piece_size(c, left);
    char *piece = malloc(size);
    if (piece == NULL)
        return; /* at the next turn of the release timer */
    size_t n = frame_take(c, d, size, piece);
    c->busy = true;
    if (c->tls == NULL)
        (void)bytes_send(c, piece, n, n);
    else if (!tls_client_write(c->tls, piece, n))
        channel_lost(c, false);
    else
        (void)tls_send(c, n);
    free(piece);
}

/* One datagram is one line; there is no answer, so the listener must be known to be there, and
 * they go out few at a time, so that its buffer does not overflow: what is lost is lost. */
static void
udp_pump(struct syslog_sender *y)
{
    struct delivery *d;
    bool up = false;
    for (size_t i = 0; i < y->n_channels; i++)
        up = up || y->channels[i].up;
    for (int i = 0; up && i < DATAGRAMS_A_TURN; i++) {
        d = line_next(y, &y->next_udp, SIM_UDP, ANY_SENSOR);
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
    for (size_t i = 0; i < y->n_channels; i++)
        channel_pump(&y->channels[i]);
    udp_pump(y);
    strangers_pump(y->strangers);
}

/* ---- connecting */

static void
read_room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct channel *c = h->data;
    (void)suggested;
    *buf = uv_buf_init(c->read, sizeof(c->read));
}

static void
read_done(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct channel *c = stream->data;
    if (n < 0)
        channel_lost(c, false);
    if (n <= 0 || c->tls == NULL)
        return;
    bool good = tls_client_feed(c->tls, buf->base, (size_t)n);
    if (!tls_send(c, 0))
        return;
    if (good)
        channel_pump(c);
    else
        channel_lost(c, false);
}

static void
channel_connected(uv_connect_t *req, int status)
{
    struct channel *c = req->data;
    struct sim *s = c->sender->sim;
    if (c->sender->closing)
        return;
    if (status != 0) {
        channel_lost(c, false);
        return;
    }
    if (s->syslog_tls) {
        c->tls = tls_client_new(s->sensor.cert.p != NULL ? &s->sensor : NULL);
        if (c->tls == NULL) {
            channel_lost(c, false);
            return;
        }
        (void)tls_client_ready(c->tls); /* begins the handshake */
    }
    c->up = c->again = true;
    if (uv_read_start((uv_stream_t *)&c->tcp, read_room, read_done) != 0)
        channel_lost(c, false);
    else if (c->tls == NULL || tls_send(c, 0))
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
        channel_lost(c, false);
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
    if (s->scenario != NULL)
        y->traits = s->scenario->identity;
    size_t sensors = y->traits.sensors > 0 ? (size_t)y->traits.sensors : 1;
    struct err e = address_parse(address, &y->to);
    y->channels = calloc(sensors * 2, sizeof(*y->channels));
    if (e.kind == ERR_NONE && y->channels == NULL)
        e = err_make(ERR_STOP, "syslog.memory", "out of memory");
    if (e.kind == ERR_NONE)
        e = strangers_start(s, &y->traits, &y->to, &y->strangers);
    if (e.kind) {
        syslog_free(y);
        return e;
    }
    y->sim = s;
    y->n_channels = sensors * 2;
    uv_udp_init(loop_uv(s->loop), &y->udp);
    for (size_t i = 0; i < y->n_channels; i++) {
        struct channel *c = &y->channels[i];
        c->sender = y;
        c->transport = i % 2 == 0 ? SIM_LF : SIM_COUNTED;
        c->sensor = (int)(i / 2);
        c->dice = dice_of(s->scenario != NULL ? s->scenario->seed : 0, 6514, i);
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
    for (size_t i = 0; i < y->n_channels; i++) {
        channel_close(&y->channels[i], false);
        uv_close((uv_handle_t *)&y->channels[i].retry, NULL);
    }
    strangers_close(y->strangers);
}

void
syslog_free(struct syslog_sender *y)
{
    if (y == NULL)
        return;
    strangers_free(y->strangers);
    free(y->channels);
    free(y);
}
