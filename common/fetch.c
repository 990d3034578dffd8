#include "common/fetch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

enum {
    CONNECT_MAX_MS = 10000,
    CONNECTIONS_KEPT = 64,
    CONNECTIONS_PER_HOST = 512, /* many tenants share a host, and slow ones must not fill it */
    CONNECTIONS_MAX = 2048,
    SLOW_BYTES_S = 128, /* what brings less than this ... */
    SLOW_MAX_S = 30,    /* ... for so long is given up */
    HEADERS_MAX_BYTES = 256 << 10,
    BODY_FIRST_BYTES = 16 << 10,
    BODY_KNOWN_MAX_BYTES = 1 << 20, /* a promised length is believed up to here */
};

const struct opt fetch_opts[] = {
    OPT_INT("fetch.timeout_ms", "ms", 60000, 1000, 600000,
            "The longest a request to another service may take."),
    OPT_INT("fetch.answer_max_bytes", "bytes", 256 << 20, 1024, INT64_C(1) << 30,
            "The largest answer that is read from another service."),
    OPT_TEXT("fetch.ca_file", NULL,
             "Certificates (PEM) that other services are checked against; default: the system's."),
    OPT_END,
};

enum { SPARE_MAX = 32 };

/* One request under way. */
struct transfer {
    struct fetch *fetch;
    CURL *easy;
    struct curl_slist *headers;
    char *body;
    size_t body_bytes;
    size_t answer_max_bytes;
    char where[120]; /* the URL without user and query, for texts */
    struct arena *arena;
    void (*done)(void *arg, const struct fetch_answer *answer, struct err e);
    void *arg;
    struct growing {
        char *p;
        size_t n, capacity;
    } head, got;
    bool head_whole; /* the empty line came: curl itself takes half a block for an answer */
    bool too_large;
    bool sent; /* once; curl would send it again on a fresh connection, unasked */
    struct transfer *next, **link; /* in fetch.transfers */
};

/* A socket that curl wants watched. */
struct watch {
    struct fetch *fetch;
    uv_poll_t poll;
    curl_socket_t fd;
};

struct fetch {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    unsigned open; /* handles not yet closed */
    struct transfer *transfers;
    CURL *spare[SPARE_MAX]; /* between two requests */
    size_t n_spare;
    long timeout_ms;
    size_t answer_max_bytes;
    char *ca_file;
    bool closing;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* ---- the answer comes in */

/* Room for n more bytes in the arena, by doubling; expected is 0 or the length that was promised.
 */
static bool
grow(struct growing *g, struct arena *a, size_t n, size_t first, size_t expected)
{
    if (g->capacity - g->n >= n)
        return true;
    size_t wanted = g->capacity > 0 ? g->capacity * 2 : first;
    if (expected > 0 && (wanted > expected || expected <= BODY_KNOWN_MAX_BYTES))
        wanted = expected;
    if (wanted < g->n + n)
        wanted = g->n + n;
    char *larger = arena_alloc(a, wanted);
    if (larger == NULL)
        return false;
    if (g->n > 0)
        memcpy(larger, g->p, g->n);
    g->p = larger;
    g->capacity = wanted;
    return true;
}

static size_t
take(struct transfer *t, struct growing *g, const char *bytes, size_t n, size_t max, size_t first,
     size_t expected)
{
    if (n > max || g->n > max - n || !grow(g, t->arena, n, first, expected)) {
        t->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    memcpy(g->p + g->n, bytes, n);
    g->n += n;
    return n;
}

/* A promise of too much is believed: nothing of it is read. */
static size_t
on_body(char *bytes, size_t one, size_t n, void *arg)
{
    struct transfer *t = arg;
    size_t max = t->answer_max_bytes;
    curl_off_t promised = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &promised);
    if (promised > 0 && (uint64_t)promised > max) {
        t->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    return take(t, &t->got, bytes, one * n, max, BODY_FIRST_BYTES,
                promised > 0 ? (size_t)promised : 0);
}

/* A status line begins a new block: what an interim answer (100) said is forgotten. An empty line
 * ends it; what comes after the body (trailers) stays part of it. */
static size_t
on_header(char *bytes, size_t one, size_t n, void *arg)
{
    struct transfer *t = arg;
    struct slice line = {bytes, one * n};
    if (slice_starts(line, SLICE("HTTP/"))) {
        t->head.n = 0;
        t->head_whole = false;
    }
    if (slice_trim(line).n == 0)
        t->head_whole = true;
    return take(t, &t->head, bytes, one * n, HEADERS_MAX_BYTES, 1024, 0);
}

/* ---- handles of curl: making one, with all options, costs as much as a small request */

/* A kept connection that ends without an answer makes curl send the request once more. Whoever
 * asked counts against a quota, or must not do it twice: it is for them to ask again. */
static int
on_send(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct transfer *t = arg;
    bool again = t->sent;
    (void)to, (void)from, (void)to_port, (void)from_port;
    t->sent = true;
    return again ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* What every request has. NULL: out of memory. */
static CURL *
easy_new(const struct fetch *f)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (f->ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, f->ca_file);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, f->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     f->timeout_ms < CONNECT_MAX_MS ? f->timeout_ms : (long)CONNECT_MAX_MS);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES_S);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)SLOW_MAX_S);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    return easy;
}

static CURL *
easy_take(struct fetch *f)
{
    return f->n_spare > 0 ? f->spare[--f->n_spare] : easy_new(f);
}

/* Nothing of the request stays but its address, which is no secret. */
static void
easy_give(struct fetch *f, CURL *easy)
{
    if (easy == NULL || f->closing || f->n_spare == SPARE_MAX) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_setopt(easy, CURLOPT_PRIVATE, NULL);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L); /* also neither POST nor HEAD */
    f->spare[f->n_spare++] = easy;
}

/* Whose it is now. */
static void
easy_belongs(struct transfer *t)
{
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
}

/* ---- the end of a transfer */

/* from is what points to it: the list, or the transfer in front. */
static void
transfer_unlink(struct transfer *t, struct transfer **from)
{
    *from = t->next;
    if (t->next != NULL)
        t->next->link = from;
    t->link = NULL;
    curl_multi_remove_handle(t->fetch->multi, t->easy);
}

static void
transfer_free(struct transfer *t)
{
    if (t->link != NULL)
        transfer_unlink(t, t->link);
    easy_give(t->fetch, t->easy);
    for (struct curl_slist *h = t->headers; h != NULL; h = h->next)
        explicit_bzero(h->data, strlen(h->data)); /* one of them may be Authorization */
    curl_slist_free_all(t->headers);
    if (t->body != NULL)
        explicit_bzero(t->body, t->body_bytes);
    free(t->body);
    free(t);
}

static struct err
error_of(const struct transfer *t, CURLcode code)
{
    static const struct {
        CURLcode curl;
        enum err_kind kind;
        const char *code;
    } rows[] = {
        {CURLE_OPERATION_TIMEDOUT, ERR_RETRY, "fetch.timeout"},
        {CURLE_PARTIAL_FILE, ERR_RETRY, "fetch.cut"},
        {CURLE_RECV_ERROR, ERR_RETRY, "fetch.cut"},
        {CURLE_SEND_ERROR, ERR_RETRY, "fetch.cut"},
        {CURLE_GOT_NOTHING, ERR_RETRY, "fetch.cut"},
        {CURLE_ABORTED_BY_CALLBACK, ERR_RETRY, "fetch.cut"}, /* by on_send */
        {CURLE_WEIRD_SERVER_REPLY, ERR_RETRY, "fetch.cut"},
        {CURLE_UNSUPPORTED_PROTOCOL, ERR_RETRY, "fetch.cut"}, /* the answer is no HTTP/1 */
        {CURLE_URL_MALFORMAT, ERR_REJECT, "fetch.url"},
    };
    if (t->too_large && !t->head_whole) /* says nothing of what was asked for */
        return err_make(ERR_RETRY, "fetch.headers", "%s: too many headers", t->where);
    if (t->too_large)
        return err_make(ERR_REJECT, "fetch.too_large", "%s: the answer is larger than %zu bytes",
                        t->where, t->answer_max_bytes);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].curl == code)
            return err_make(rows[i].kind, rows[i].code, "%s: %s", t->where,
                            curl_easy_strerror(code));
    return err_make(ERR_RETRY, "fetch.connect", "%s: %s", t->where, curl_easy_strerror(code));
}

static struct slice
grown(const struct growing *g)
{
    return g->n > 0 ? (struct slice){g->p, g->n} : SLICE("");
}

/* The transfer is gone before its done() runs, which may start another or close everything. */
static void
transfer_end(struct transfer *t, CURLcode code)
{
    struct fetch_answer answer = {.headers = grown(&t->head), .body = grown(&t->got)};
    if (code == CURLE_OK && !t->head_whole)
        code = CURLE_PARTIAL_FILE;
    struct err e = code == CURLE_OK ? ERR_OK : error_of(t, code);
    curl_off_t took_us = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &answer.status);
    (void)curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &took_us);
    answer.took_ms = took_us / 1000;
    void (*done)(void *, const struct fetch_answer *, struct err) = t->done;
    void *arg = t->arg;
    transfer_free(t);
    done(arg, e.kind ? NULL : &answer, e);
}

static void
collect(struct fetch *f)
{
    int left;
    for (CURLMsg *m; !f->closing && (m = curl_multi_info_read(f->multi, &left)) != NULL;) {
        struct transfer *t = NULL;
        CURLcode code = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        transfer_end(t, code);
    }
}

/* ---- curl on the loop */

static void
handle_closed(struct fetch *f)
{
    assert(f->open > 0);
    if (--f->open > 0)
        return;
    void (*closed)(void *) = f->closed;
    void *arg = f->closed_arg;
    free(f->ca_file);
    free(f);
    if (closed != NULL)
        closed(arg);
}

static void
on_watch_closed(uv_handle_t *handle)
{
    struct watch *w = handle->data;
    struct fetch *f = w->fetch;
    free(w);
    handle_closed(f);
}

static void
on_timer_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

static void
drive(struct fetch *f, curl_socket_t fd, int events)
{
    int running;
    if (f->closing)
        return;
    (void)curl_multi_socket_action(f->multi, fd, events, &running);
    collect(f);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    int what = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
               (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0) | (status < 0 ? CURL_CSELECT_ERR : 0);
    drive(w->fetch, w->fd, what);
}

static void
on_timer(uv_timer_t *timer)
{
    drive(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

/* The time is passed as it is: a least wait of 1 ms would cost 1 ms a request. */
static int
want_timer(CURLM *multi, long ms, void *arg)
{
    struct fetch *f = arg;
    (void)multi;
    if (ms < 0)
        uv_timer_stop(&f->timer);
    else
        uv_timer_start(&f->timer, on_timer, (uint64_t)ms, 0);
    return 0;
}

static struct watch *
watch_new(struct fetch *f, curl_socket_t fd)
{
    struct watch *w = calloc(1, sizeof *w);
    if (w == NULL || uv_poll_init_socket(f->loop, &w->poll, fd) != 0) {
        free(w);
        return NULL;
    }
    w->fetch = f;
    w->fd = fd;
    w->poll.data = w;
    f->open++;
    return w;
}

static int
want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct fetch *f = arg;
    struct watch *w = known;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w == NULL)
            return 0;
        (void)curl_multi_assign(f->multi, fd, NULL);
        uv_close((uv_handle_t *)&w->poll, on_watch_closed);
        return 0;
    }
    if (w == NULL) {
        w = watch_new(f, fd);
        if (w == NULL)
            return -1; /* curl gives the transfer up */
        (void)curl_multi_assign(f->multi, fd, w);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&w->poll, events, on_poll) == 0 ? 0 : -1;
}

/* ---- start */

struct err
fetch_open(struct loop *l, const struct conf *c, struct fetch **out)
{
    *out = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_make(ERR_STOP, "fetch.start", "libcurl cannot be used");
    struct fetch *f = calloc(1, sizeof *f);
    CURLM *multi = curl_multi_init();
    const char *ca_file = conf_text(c, "fetch.ca_file");
    char *ca_copy = ca_file != NULL ? strdup(ca_file) : NULL;
    if (f == NULL || multi == NULL || (ca_file != NULL && ca_copy == NULL)) {
        curl_multi_cleanup(multi);
        free(ca_copy);
        free(f);
        return err_make(ERR_STOP, "fetch.start", "out of memory");
    }
    *f = (struct fetch){.loop = loop_uv(l),
                        .multi = multi,
                        .open = 1,
                        .timeout_ms = (long)conf_int(c, "fetch.timeout_ms"),
                        .answer_max_bytes = (size_t)conf_int(c, "fetch.answer_max_bytes"),
                        .ca_file = ca_copy};
    uv_timer_init(f->loop, &f->timer);
    f->timer.data = f;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, f);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, f);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)CONNECTIONS_PER_HOST);
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CONNECTIONS_MAX);
    *out = f;
    return ERR_OK;
}

void
fetch_close(struct fetch *f, void (*closed)(void *arg), void *arg)
{
    if (f->closing)
        return;
    f->closing = true;
    f->closed = closed;
    f->closed_arg = arg;
    while (f->transfers != NULL) {
        struct transfer *t = f->transfers;
        struct err e = err_make(ERR_RETRY, "fetch.closed", "%s: given up, shutting down", t->where);
        void (*done)(void *, const struct fetch_answer *, struct err) = t->done;
        void *done_arg = t->arg;
        transfer_unlink(t, &f->transfers);
        transfer_free(t);
        done(done_arg, NULL, e);
    }
    while (f->n_spare > 0)
        curl_easy_cleanup(f->spare[--f->n_spare]);
    curl_multi_cleanup(f->multi);
    f->multi = NULL;
    uv_close((uv_handle_t *)&f->timer, on_timer_closed);
}

/* Printable ASCII only, so that nothing can be smuggled into a request. */
static bool
printable(struct slice s, char least)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < least || s.p[i] == 0x7f)
            return false;
    return s.n > 0;
}

static bool
url_good(struct slice url)
{
    struct slice scheme = slice_sub(url, 0, slice_find(url, SLICE("://"), 0));
    return printable(url, '!') && url.n > scheme.n + 3 &&
           (slice_eq_nocase(scheme, SLICE("http")) || slice_eq_nocase(scheme, SLICE("https")));
}

/* "https://host/path": user names and queries may hold secrets. */
static void
where_set(struct transfer *t, struct slice url)
{
    size_t host = slice_find(url, SLICE("://"), 0) + 3;
    size_t end = host;
    while (end < url.n && strchr("?#", url.p[end]) == NULL)
        end++;
    size_t slash = slice_find(url, SLICE("/"), host);
    for (size_t i = host; i < slash && i < end; i++)
        if (url.p[i] == '@')
            host = i + 1;
    size_t scheme = slice_find(url, SLICE("://"), 0) + 3;
    (void)snprintf(t->where, sizeof t->where, "%.*s%.*s", (int)scheme, url.p,
                   SLICE_ARG(slice_sub(url, host, end - host)));
}

static bool
header_add(struct transfer *t, struct slice line)
{
    char *text = line.p != NULL ? strndup(line.p, line.n) : NULL;
    struct curl_slist *longer = text != NULL ? curl_slist_append(t->headers, text) : NULL;
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
    if (longer == NULL)
        return false;
    t->headers = longer;
    return true;
}

/* Everything of the request, copied. False: out of memory. */
static bool
request_copy(struct transfer *t, const struct fetch_request *r)
{
    CURL *easy = t->easy;
    char *url = strndup(r->url.p, r->url.n);
    bool good = url != NULL && curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method) == CURLE_OK;
    free(url);
    for (size_t i = 0; good && i < r->n_headers; i++)
        good = header_add(t, r->headers[i]);
    if (!good || !header_add(t, SLICE("Expect:"))) /* no round trip before a body */
        return false;
    if (strcmp(r->method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (r->body.p != NULL) {
        t->body = malloc(r->body.n + 1);
        if (t->body == NULL)
            return false;
        t->body_bytes = r->body.n;
        if (r->body.n > 0)
            memcpy(t->body, r->body.p, r->body.n);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, t->body);
    }
    return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK;
}

static struct err
request_check(const struct fetch *f, const struct fetch_request *r)
{
    if (f->closing)
        return err_make(ERR_RETRY, "fetch.closed", "shutting down");
    if (!url_good(r->url))
        return err_make(ERR_REJECT, "fetch.url", "not an http or https URL");
    if (!printable(slice_of(r->method), 'A') || r->n_headers > FETCH_HEADERS_MAX)
        return err_make(ERR_REJECT, "fetch.header", "no such method, or too many headers");
    for (size_t i = 0; i < r->n_headers; i++)
        if (!printable(r->headers[i], ' '))
            return err_make(ERR_REJECT, "fetch.header", "a header is not printable ASCII");
    return ERR_OK;
}

struct err
fetch_start(struct fetch *f, const struct fetch_request *r, struct arena *a,
            void (*done)(void *arg, const struct fetch_answer *answer, struct err e), void *arg)
{
    struct err e = request_check(f, r);
    if (e.kind)
        return e;
    struct transfer *t = calloc(1, sizeof *t);
    if (t == NULL)
        return err_make(ERR_RETRY, "fetch.memory", "out of memory");
    *t = (struct transfer){.fetch = f, .easy = easy_take(f), .arena = a, .done = done, .arg = arg};
    t->answer_max_bytes = r->answer_max_bytes > 0 && r->answer_max_bytes < f->answer_max_bytes
                              ? r->answer_max_bytes
                              : f->answer_max_bytes;
    where_set(t, r->url);
    if (t->easy == NULL || !request_copy(t, r)) {
        e = err_make(ERR_RETRY, "fetch.memory", "%s: out of memory", t->where);
        transfer_free(t);
        return e;
    }
    easy_belongs(t);
    CURLMcode code = curl_multi_add_handle(f->multi, t->easy);
    if (code != CURLM_OK) {
        e = err_make(ERR_RETRY, "fetch.connect", "%s: %s", t->where, curl_multi_strerror(code));
        transfer_free(t);
        return e;
    }
    t->next = f->transfers;
    t->link = &f->transfers;
    if (t->next != NULL)
        t->next->link = &t->next;
    f->transfers = t;
    return ERR_OK;
}

void
fetch_cancel(struct fetch *f, const void *arg)
{
    for (struct transfer *t = f->transfers, *next; t != NULL; t = next) {
        next = t->next;
        if (t->arg == arg)
            transfer_free(t);
    }
}
