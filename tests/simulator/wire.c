#include "tests/simulator/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/sim.h"

enum { BUFFER = 65536, HEAD_MAX = 65536, TICK_MS = 20 };

/* What is to be done to the answer that is passing. */
struct orders {
    int64_t cut;      /* bytes of the body, then the end; -1: all */
    int64_t slow;     /* bytes a second; 0: as they come */
    int64_t stall_ms; /* before the first byte */
    int64_t pad;      /* blanks behind the body */
    bool close;       /* the end, instead of an answer */
    uint64_t letters; /* seed of the letter case; 0: as they are */
};

struct relay { /* one client's connection */
    struct wire *wire;
    struct relay *next, *prev;
    uv_tcp_t client, server;
    uv_connect_t connect;
    uv_timer_t timer;
    unsigned open; /* handles */
    bool connected, closing;
    char *out; /* to the client, not yet written */
    size_t out_n, out_capacity, out_at;
    bool writing, ending; /* ending: closed when all is written */
    char head[HEAD_MAX];  /* of the answer that is coming */
    size_t head_n;
    int64_t body_left; /* of the answer; -1: its head is coming */
    struct orders orders;
    int64_t sent_body;
    char in[BUFFER];
};

struct wire {
    struct loop *loop;
    uv_tcp_t listener;
    struct relay *relays;
    int to_port;
    int port;
    bool closing;
};

struct packet { /* one write, with its bytes behind it */
    uv_write_t write;
    struct relay *relay;
};

static void relay_pump(struct relay *y);

/* ---- orders */

static bool
is_wire_fault(enum fault_what what)
{
    return what == FAULT_CUT || what == FAULT_SLOW || what == FAULT_STALL || what == FAULT_CLOSE ||
           what == FAULT_BIG || what == FAULT_CASE;
}

bool
wire_loses(const struct sim_call *c)
{
    return c->fault != NULL && (c->fault->what == FAULT_CUT || c->fault->what == FAULT_CLOSE ||
                                c->fault->what == FAULT_BIG);
}

const char *
wire_orders(const struct sim_call *c, struct arena *a)
{
    const struct fault *f = c->fault;
    if (f == NULL || !is_wire_fault(f->what))
        return NULL;
    uint64_t number = c->sim->requests[c->source] + 1;
    struct dice d = dice_of(c->sim->scenario->seed, number, 77);
    int64_t cut = f->bytes > 0 ? f->bytes : dice_between(&d, 0, 300);
    return slice_printf(a, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %d %" PRIu64,
                        f->what == FAULT_CUT ? cut : -1, f->what == FAULT_SLOW ? f->bytes : 0,
                        f->what == FAULT_STALL ? f->ms : 0, f->what == FAULT_BIG ? f->bytes : 0,
                        f->what == FAULT_CLOSE, f->what == FAULT_CASE ? dice_next(&d) | 1 : 0)
        .p;
}

static struct orders
orders_read(const char *text)
{
    struct orders o = {.cut = -1};
    int closes = 0;
    if (sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %d %" SCNu64, &o.cut, &o.slow,
               &o.stall_ms, &o.pad, &closes, &o.letters) != 6)
        return (struct orders){.cut = -1};
    o.close = closes != 0;
    return o;
}

/* ---- closing */

static void
relay_closed(uv_handle_t *h)
{
    struct relay *y = h->data;
    if (--y->open > 0)
        return;
    if (y->prev != NULL)
        y->prev->next = y->next;
    else
        y->wire->relays = y->next;
    if (y->next != NULL)
        y->next->prev = y->prev;
    free(y->out);
    free(y);
}

static void
relay_close(struct relay *y)
{
    if (y->closing)
        return;
    y->closing = true;
    uv_close((uv_handle_t *)&y->client, relay_closed);
    uv_close((uv_handle_t *)&y->server, relay_closed);
    uv_close((uv_handle_t *)&y->timer, relay_closed);
}

/* ---- writing to the client: bytes, then blanks, at the pace that is ordered */

static bool
out_add(struct relay *y, const char *p, size_t n)
{
    if (y->out_n + n > y->out_capacity) {
        size_t capacity = (y->out_n + n) * 2;
        char *larger = realloc(y->out, capacity);
        if (larger == NULL)
            return false;
        y->out = larger;
        y->out_capacity = capacity;
    }
    memcpy(y->out + y->out_n, p, n);
    y->out_n += n;
    return true;
}

static void
client_written(uv_write_t *w, int status)
{
    struct packet *k = (struct packet *)w;
    struct relay *y = k->relay;
    free(k);
    y->writing = false;
    if (y->closing)
        return;
    if (status != 0)
        relay_close(y);
    else
        relay_pump(y);
}

static void
on_timer(uv_timer_t *t)
{
    struct relay *y = t->data;
    y->orders.stall_ms = 0;
    if (!y->closing)
        relay_pump(y);
}

/* How much may be written now. */
static size_t
portion(const struct relay *y)
{
    size_t n = y->out_n - y->out_at;
    size_t most = y->orders.slow > 0 ? (size_t)(y->orders.slow * TICK_MS / 1000) : BUFFER;
    if (most == 0)
        most = 1;
    return n < most ? n : most;
}

static void
relay_write(struct relay *y, const char *p, size_t n)
{
    struct packet *k = malloc(sizeof(*k) + n);
    if (k == NULL) {
        relay_close(y);
        return;
    }
    k->relay = y;
    char *bytes = (char *)(k + 1);
    memcpy(bytes, p, n);
    uv_buf_t buf = uv_buf_init(bytes, (unsigned)n);
    y->writing = true;
    if (uv_write(&k->write, (uv_stream_t *)&y->client, &buf, 1, client_written) != 0) {
        free(k);
        relay_close(y);
    }
}

static void
relay_pump(struct relay *y)
{
    if (y->closing || y->writing || uv_is_active((uv_handle_t *)&y->timer))
        return;
    if (y->orders.stall_ms > 0) {
        uv_timer_start(&y->timer, on_timer, (uint64_t)y->orders.stall_ms, 0);
        return;
    }
    size_t n = portion(y);
    if (n > 0) {
        y->out_at += n;
        if (y->orders.slow > 0)
            uv_timer_start(&y->timer, on_timer, TICK_MS, 0);
        relay_write(y, y->out + y->out_at - n, n);
        return;
    }
    y->out_n = y->out_at = 0;
    if (y->body_left == 0 && y->orders.pad > 0) {
        static const char blanks[] =
            "                                                                ";
        char block[BUFFER / 2];
        n = y->orders.pad < (int64_t)sizeof(block) ? (size_t)y->orders.pad : sizeof(block);
        for (size_t i = 0; i < n; i += sizeof(blanks) - 1)
            memcpy(block + i, blanks, n - i < sizeof(blanks) - 1 ? n - i : sizeof(blanks) - 1);
        y->orders.pad -= (int64_t)n;
        relay_write(y, block, n);
    } else if (y->ending)
        relay_close(y);
}

/* ---- answers on their way */

/* One header line into the client's head, respelled when ordered. */
static void
line_pass(struct relay *y, const char *line, size_t n, uint64_t number)
{
    struct dice d = dice_of(y->orders.letters, number, n);
    size_t from = y->out_n;
    if (!out_add(y, line, n) || !out_add(y, "\r\n", 2) || y->orders.letters == 0 || number == 0)
        return;
    for (char *p = y->out + from; *p != ':' && p < y->out + y->out_n; p++)
        if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'))
            *p = (char)(dice_chance(&d, 50) ? *p | 0x20 : *p & ~0x20);
}

static size_t
line_end(const char *head, size_t n, size_t from)
{
    while (from + 1 < n && (head[from] != '\r' || head[from + 1] != '\n'))
        from++;
    return from;
}

/* First what is ordered and how long the body is, then each line to the client. */
static void
head_pass(struct relay *y)
{
    char *head = y->head;
    size_t n = y->head_n;
    const size_t wire_n = strlen(WIRE_HEADER);
    y->orders = (struct orders){.cut = -1};
    y->body_left = 0;
    y->sent_body = 0;
    for (size_t at = 0, end; at < n; at = end + 2) {
        end = line_end(head, n, at);
        head[end] = '\0';
        if (strncasecmp(head + at, WIRE_HEADER ":", wire_n + 1) == 0)
            y->orders = orders_read(head + at + wire_n + 1);
        else if (strncasecmp(head + at, "Content-Length:", 15) == 0)
            y->body_left = strtoll(head + at + 15, NULL, 10);
    }
    if (y->orders.close) {
        y->ending = true;
        return;
    }
    uint64_t number = 0;
    for (size_t at = 0, end; at < n; at = end + 2) {
        char line[64];
        end = at + strlen(head + at);
        if (end == at)
            break;
        if (strncasecmp(head + at, WIRE_HEADER ":", wire_n + 1) == 0)
            continue;
        if (y->orders.pad > 0 && strncasecmp(head + at, "Content-Length:", 15) == 0) {
            int k = snprintf(line, sizeof(line), "Content-Length: %lld",
                             (long long)(y->body_left + y->orders.pad));
            line_pass(y, line, (size_t)k, number++);
        } else
            line_pass(y, head + at, end - at, number++);
    }
    (void)out_add(y, "\r\n", 2);
    if (y->orders.cut >= 0 && y->orders.cut < y->body_left)
        return;
    if (y->orders.cut >= 0) /* shorter than the cut: something is still missing */
        y->orders.cut = y->body_left > 0 ? y->body_left - 1 : 0;
}

static size_t
body_pass(struct relay *y, const char *p, size_t n)
{
    size_t take = (int64_t)n < y->body_left ? n : (size_t)y->body_left;
    size_t give = take;
    if (y->orders.cut >= 0 && y->sent_body + (int64_t)take >= y->orders.cut) {
        give = (size_t)(y->orders.cut - y->sent_body);
        y->ending = true;
    }
    y->body_left -= (int64_t)take;
    y->sent_body += (int64_t)give;
    if (!out_add(y, p, give))
        relay_close(y);
    return take;
}

/* Bytes from the listener: heads and bodies, one after the other. */
static void
answer_pass(struct relay *y, const char *p, size_t n)
{
    while (n > 0 && !y->ending && !y->closing) {
        if (y->body_left > 0) {
            size_t took = body_pass(y, p, n);
            p += took;
            n -= took;
            continue;
        }
        if (y->head_n == HEAD_MAX) {
            relay_close(y);
            return;
        }
        y->head[y->head_n++] = *p++;
        n--;
        if (y->head_n >= 4 && memcmp(y->head + y->head_n - 4, "\r\n\r\n", 4) == 0) {
            head_pass(y);
            y->head_n = 0;
        }
    }
    relay_pump(y);
}

/* ---- connections */

static void
in_room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct relay *y = h->data;
    (void)suggested;
    *buf = uv_buf_init(y->in, sizeof(y->in));
}

static void
server_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct relay *y = stream->data;
    if (n < 0) { /* what is on its way still goes out */
        y->ending = true;
        relay_pump(y);
    } else
        answer_pass(y, buf->base, (size_t)n);
}

static void
server_written(uv_write_t *w, int status)
{
    struct packet *k = (struct packet *)w;
    struct relay *y = k->relay;
    free(k);
    if (status != 0 && !y->closing)
        relay_close(y);
}

static void
client_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct relay *y = stream->data;
    if (n < 0) {
        relay_close(y);
        return;
    }
    struct packet *k = n > 0 ? malloc(sizeof(*k) + (size_t)n) : NULL;
    if (k == NULL)
        return;
    k->relay = y;
    memcpy(k + 1, buf->base, (size_t)n);
    uv_buf_t out = uv_buf_init((char *)(k + 1), (unsigned)n);
    if (uv_write(&k->write, (uv_stream_t *)&y->server, &out, 1, server_written) != 0) {
        free(k);
        relay_close(y);
    }
}

static void
server_connected(uv_connect_t *req, int status)
{
    struct relay *y = req->data;
    if (y->closing)
        return;
    if (status != 0 || uv_read_start((uv_stream_t *)&y->server, in_room, server_read) != 0 ||
        uv_read_start((uv_stream_t *)&y->client, in_room, client_read) != 0)
        relay_close(y);
}

static void
client_came(uv_stream_t *listener, int status)
{
    struct wire *w = listener->data;
    struct sockaddr_in to;
    struct relay *y = status == 0 ? calloc(1, sizeof(*y)) : NULL;
    if (y == NULL)
        return;
    uv_loop_t *loop = loop_uv(w->loop);
    y->wire = w;
    y->next = w->relays;
    if (y->next != NULL)
        y->next->prev = y;
    w->relays = y;
    uv_tcp_init(loop, &y->client);
    uv_tcp_init(loop, &y->server);
    uv_timer_init(loop, &y->timer);
    y->client.data = y->server.data = y->timer.data = y->connect.data = y;
    y->open = 3;
    uv_ip4_addr("127.0.0.1", w->to_port, &to);
    if (uv_accept(listener, (uv_stream_t *)&y->client) != 0 ||
        uv_tcp_connect(&y->connect, &y->server, (const struct sockaddr *)&to, server_connected) !=
            0)
        relay_close(y);
}

struct err
wire_start(struct loop *l, int port, struct wire **out)
{
    struct sockaddr_in any;
    struct sockaddr_storage at;
    int n = sizeof(at);
    struct wire *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return err_make(ERR_STOP, "wire.start", "out of memory");
    w->loop = l;
    w->to_port = port;
    uv_tcp_init(loop_uv(l), &w->listener);
    w->listener.data = w;
    *out = w;
    uv_ip4_addr("127.0.0.1", 0, &any);
    if (uv_tcp_bind(&w->listener, (const struct sockaddr *)&any, 0) != 0 ||
        uv_listen((uv_stream_t *)&w->listener, 128, client_came) != 0 ||
        uv_tcp_getsockname(&w->listener, (struct sockaddr *)&at, &n) != 0)
        return err_make(ERR_STOP, "wire.start", "no port on 127.0.0.1");
    w->port = ntohs(((const struct sockaddr_in *)(const void *)&at)->sin_port);
    return ERR_OK;
}

int
wire_port(const struct wire *w)
{
    return w->port;
}

void
wire_close(struct wire *w)
{
    if (w->closing)
        return;
    w->closing = true;
    uv_close((uv_handle_t *)&w->listener, NULL);
    for (struct relay *y = w->relays; y != NULL; y = y->next)
        relay_close(y);
}

void
wire_free(struct wire *w)
{
    free(w);
}
