#include "common/loop.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

struct loop {
    uv_loop_t uv;
    uv_signal_t term, intr; /* owned; data is set while they are open */
    struct loop_hook *hooks;
    bool stopping;
    int code;
};

static void
signal_seen(uv_signal_t *s, int number)
{
    struct loop *l = s->data;
    loop_stop(l, number == SIGINT ? 130 : 0);
}

static void
signal_close(uv_signal_t *s)
{
    if (s->data == NULL)
        return;
    s->data = NULL;
    uv_close((uv_handle_t *)s, NULL);
}

/* A signal waits without keeping the loop alive: loop_turn must see that the work ran out. */
static int
signal_open(struct loop *l, uv_signal_t *s, int number)
{
    int failed = uv_signal_init(&l->uv, s);
    if (failed)
        return failed;
    s->data = l;
    uv_unref((uv_handle_t *)s);
    return uv_signal_start(s, signal_seen, number);
}

struct err
loop_new(bool signals, struct loop **out)
{
    struct loop *l = calloc(1, sizeof *l);
    if (l == NULL)
        return err_make(ERR_STOP, "loop.init", "out of memory");
    int failed = uv_loop_init(&l->uv);
    if (failed) {
        free(l);
        return err_make(ERR_STOP, "loop.init", "no event loop: %s", uv_strerror(failed));
    }
    (void)signal(SIGPIPE, SIG_IGN);
    if (signals)
        failed = signal_open(l, &l->term, SIGTERM);
    if (signals && !failed)
        failed = signal_open(l, &l->intr, SIGINT);
    if (failed) {
        loop_free(l);
        return err_make(ERR_STOP, "loop.init", "no signals: %s", uv_strerror(failed));
    }
    *out = l;
    return ERR_OK;
}

uv_loop_t *
loop_uv(struct loop *l)
{
    return &l->uv;
}

void
loop_on_stop(struct loop *l, struct loop_hook *hook)
{
    if (l->stopping) {
        hook->stop(hook);
        return;
    }
    hook->next = l->hooks;
    l->hooks = hook;
}

void
loop_stop(struct loop *l, int code)
{
    if (l->stopping)
        return;
    l->stopping = true;
    l->code = code;
    /* from here on a second signal does what it does by default: kill a process that hangs */
    signal_close(&l->term);
    signal_close(&l->intr);
    for (struct loop_hook *h; (h = l->hooks) != NULL;) {
        l->hooks = h->next; /* before the call: the hook may free itself */
        h->next = NULL;
        h->stop(h);
    }
}

bool
loop_stopping(const struct loop *l)
{
    return l->stopping;
}

static void
keep_alive(struct loop *l, bool on)
{
    void (*change)(uv_handle_t *) = on ? uv_ref : uv_unref;
    if (l->term.data != NULL)
        change((uv_handle_t *)&l->term);
    if (l->intr.data != NULL)
        change((uv_handle_t *)&l->intr);
}

int
loop_run(struct loop *l)
{
    keep_alive(l, true);
    (void)uv_run(&l->uv, UV_RUN_DEFAULT);
    loop_stop(l, 0); /* without signals the work may just have run out */
    (void)uv_run(&l->uv, UV_RUN_DEFAULT);
    return l->code;
}

/* A turn of libuv 1.44 runs due timers and then sleeps all the same: when a timer's callback was
 * what is waited for, this keeps it from sleeping. */
struct turn {
    uv_prepare_t prepare;
    const bool *done;
    bool closed;
};

static void
turn_look(uv_prepare_t *p)
{
    const struct turn *t = p->data;
    if (*t->done)
        uv_stop(p->loop);
}

static void
turn_closed(uv_handle_t *h)
{
    struct turn *t = h->data;
    t->closed = true;
}

bool
loop_turn(struct loop *l, const bool *done)
{
    struct turn t = {.done = done};
    keep_alive(l, false);
    uv_prepare_init(&l->uv, &t.prepare);
    t.prepare.data = &t;
    uv_prepare_start(&t.prepare, turn_look);
    uv_unref((uv_handle_t *)&t.prepare);
    while (!*done && !l->stopping && uv_run(&l->uv, UV_RUN_ONCE) != 0)
        ;
    uv_close((uv_handle_t *)&t.prepare, turn_closed);
    while (!t.closed)
        (void)uv_run(&l->uv, UV_RUN_NOWAIT);
    return *done;
}

void
loop_free(struct loop *l)
{
    if (l == NULL)
        return;
    signal_close(&l->term);
    signal_close(&l->intr);
    (void)uv_run(&l->uv, UV_RUN_NOWAIT); /* lets the close callbacks run */
    int busy = uv_loop_close(&l->uv);
    assert(busy == 0);
    free(l);
}
