/*
 * Senders that a listener has to bear: some send a byte now and then, some never end a line. They
 * end with a reset, so that nothing of what they sent is a line.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/sim.h"

enum { LIFE_MS = 10000, BLOCK_BYTES = 65536, ENDLESS_MOST = 64 << 20, SLOW_GAP_MS = 200 };

struct stranger {
    struct strangers *all;
    bool endless;
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    int64_t until_ms, next_ms; /* by clock_mono_ms */
    size_t sent;
    bool open, up, busy, over;
};

struct strangers {
    struct sim *sim;
    const struct sockaddr_in *to;
    int64_t life_ms;
    struct stranger *list;
    size_t n;
    bool closing;
    char block[BLOCK_BYTES];
};

static void
closed(uv_handle_t *h)
{
    struct stranger *x = h->data;
    x->open = false;
}

static void
end(struct stranger *x)
{
    x->up = false;
    if (!x->open || uv_is_closing((uv_handle_t *)&x->tcp))
        return;
    if (uv_tcp_close_reset(&x->tcp, closed) != 0)
        uv_close((uv_handle_t *)&x->tcp, closed);
}

static void
room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct stranger *x = h->data;
    (void)suggested;
    *buf = uv_buf_init(x->all->block + BLOCK_BYTES - 64, 64); /* nobody reads it */
}

static void
got(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct stranger *x = stream->data;
    if (n > 0)
        memset(buf->base, 'x', (size_t)n);
    if (n < 0) { /* shown the door */
        x->over = true;
        end(x);
    }
}

static void
connected(uv_connect_t *req, int status)
{
    struct stranger *x = req->data;
    if (x->all->closing)
        return;
    if (status != 0) { /* nobody listens yet: at a later turn */
        end(x);
        return;
    }
    x->up = uv_read_start((uv_stream_t *)&x->tcp, room, got) == 0;
    x->until_ms = clock_mono_ms() + x->all->life_ms;
    if (!x->up)
        end(x);
}

static void
come(struct stranger *x, int64_t now_ms)
{
    if (now_ms < x->next_ms || uv_tcp_init(loop_uv(x->all->sim->loop), &x->tcp) != 0)
        return;
    x->next_ms = now_ms + SLOW_GAP_MS;
    x->open = true;
    x->tcp.data = x->connect.data = x->write.data = x;
    if (uv_tcp_connect(&x->connect, &x->tcp, (const struct sockaddr *)x->all->to, connected) != 0)
        end(x);
}

static void
written(uv_write_t *w, int status)
{
    struct stranger *x = w->data;
    x->busy = false;
    if (status != 0)
        end(x);
}

static void
say(struct stranger *x, int64_t now_ms)
{
    static const char start[] = "<36>1 2020-01-14T09:19:27.540731+00:00 DC9 CEF 6076 ";
    uv_buf_t buf = uv_buf_init(x->all->block, BLOCK_BYTES / 2);
    if (x->busy || now_ms < x->next_ms)
        return;
    if (x->sent < sizeof(start) - 1)
        buf = uv_buf_init((char *)(uintptr_t)start + x->sent,
                          x->endless ? (unsigned)(sizeof(start) - 1 - x->sent) : 1);
    else if (!x->endless)
        buf.len = 1;
    if (!x->endless)
        x->next_ms = now_ms + SLOW_GAP_MS;
    x->sent += buf.len;
    x->busy = uv_write(&x->write, (uv_stream_t *)&x->tcp, &buf, 1, written) == 0;
    if (!x->busy)
        end(x);
}

void
strangers_pump(struct strangers *all)
{
    int64_t now_ms = clock_mono_ms();
    for (size_t i = 0; all != NULL && i < all->n && !all->closing; i++) {
        struct stranger *x = &all->list[i];
        if (x->over)
            continue;
        if (!x->open)
            come(x, now_ms);
        else if (x->up && (now_ms >= x->until_ms || x->sent > ENDLESS_MOST)) {
            x->over = true;
            end(x);
        } else if (x->up)
            say(x, now_ms);
    }
}

struct err
strangers_start(struct sim *s, const struct syslog_traits *t, const struct sockaddr_in *to,
                struct strangers **out)
{
    *out = NULL;
    if (t->slow + t->endless == 0)
        return ERR_OK;
    struct strangers *all = calloc(1, sizeof(*all));
    struct stranger *list = calloc((size_t)(t->slow + t->endless), sizeof(*list));
    if (all == NULL || list == NULL) {
        free(all);
        free(list);
        return err_make(ERR_STOP, "syslog.memory", "out of memory");
    }
    all->sim = s;
    all->to = to;
    all->life_ms = t->stranger_ms > 0 ? t->stranger_ms : LIFE_MS;
    all->list = list;
    all->n = (size_t)(t->slow + t->endless);
    memset(all->block, 'x', sizeof(all->block));
    for (size_t i = 0; i < all->n; i++) {
        list[i].all = all;
        list[i].endless = i >= (size_t)t->slow;
    }
    *out = all;
    return ERR_OK;
}

void
strangers_close(struct strangers *all)
{
    if (all == NULL || all->closing)
        return;
    all->closing = true;
    for (size_t i = 0; i < all->n; i++)
        end(&all->list[i]);
}

void
strangers_free(struct strangers *all)
{
    if (all != NULL)
        free(all->list);
    free(all);
}
