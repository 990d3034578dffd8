/*
 * polling.h: pollers of a worker as ingest.c has them, without Kafka and PostgreSQL.
 *
 * A server of its own process answers every list with an empty page and every token request with a
 * token. The region's database is a stand-in that answers on the next turn of the loop: its
 * client's work is not part of the figures. Included by one file of a program: it defines functions
 * of store/.
 */
#ifndef WEIR_BENCH_POLLING_H
#define WEIR_BENCH_POLLING_H
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/process.h"
#include "ingest/answers.h"
#include "ingest/out.h"
#include "ingest/poll.h"
#include "store/cursors.h"
#include "store/fence.h"
#include "store/source_status.h"
#include "tests/bench/bench.h"

/* ---- the server: knows just enough HTTP for our client */

enum { EVENTS_MAX = 256, DESCRIPTORS_MAX = 4096, REQUEST_MAX = 4096 };

struct connection {
    char text[REQUEST_MAX];
    size_t n;
};

/* The length of the first whole request, 0: it is not whole yet. */
static inline size_t
request_whole(const struct connection *c)
{
    const char *end = memmem(c->text, c->n, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    size_t head = (size_t)(end - c->text) + 4, body = 0;
    const char *length = memmem(c->text, head, "Content-Length: ", 16);
    if (length != NULL)
        body = strtoul(length + 16, NULL, 10);
    return c->n >= head + body ? head + body : 0;
}

static inline void
server_answer(int fd, bool token)
{
    static const char page[] =
        "{\"@odata.context\":\"https://api.example/$metadata#Alerts\",\"value\":[]}";
    static const char grant[] =
        "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"eyJ0eXAiOiJKV1QiLCJhbGci"
        "OiJSUzI1NiJ9.eyJyb2xlcyI6WyJBbGVydC5SZWFkLkFsbCJdfQ.c2lnbmF0dXJl\"}";
    char text[1024], date[40];
    time_t now = time(NULL);
    struct tm tm;
    (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: %s\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     date, strlen(token ? grant : page), token ? grant : page);
    bench_check(write(fd, text, (size_t)n) == n, "the server cannot answer");
}

static inline void
server_read(int fd, struct connection *c)
{
    ssize_t got = read(fd, c->text + c->n, sizeof c->text - c->n);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            close(fd);
        return;
    }
    c->n += (size_t)got;
    for (size_t n = request_whole(c); n > 0; n = request_whole(c)) {
        server_answer(fd, memcmp(c->text, "POST", 4) == 0);
        memmove(c->text, c->text + n, c->n - n);
        c->n -= n;
    }
}

static inline void
server_take(int listener, int events, struct connection *connections)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), one = 1;
    bench_check(fd >= 0 && fd < DESCRIPTORS_MAX, "the server cannot accept");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connections[fd].n = 0;
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    bench_check(epoll_ctl(events, EPOLL_CTL_ADD, fd, &e) == 0, "epoll");
}

/* For bench_beside: writes its port, and ends with its parent. */
static inline void
server(void *arg, int to)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    struct epoll_event list[EVENTS_MAX];
    struct connection *connections = calloc(DESCRIPTORS_MAX, sizeof *connections);
    int listener = socket(AF_INET, SOCK_STREAM, 0), events = epoll_create1(0);
    (void)arg;
    bench_check(connections != NULL && bind(listener, (struct sockaddr *)&at, sizeof at) == 0 &&
                    listen(listener, 1024) == 0 &&
                    getsockname(listener, (struct sockaddr *)&at, &size) == 0,
                "no server");
    (void)dprintf(to, "%d\n", ntohs(at.sin_port));
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listener};
    struct epoll_event end = {.events = EPOLLIN, .data.fd = STDIN_FILENO};
    bench_check(epoll_ctl(events, EPOLL_CTL_ADD, listener, &e) == 0 &&
                    epoll_ctl(events, EPOLL_CTL_ADD, STDIN_FILENO, &end) == 0,
                "epoll");
    for (;;) {
        int n = epoll_wait(events, list, EVENTS_MAX, -1);
        for (int i = 0; i < n; i++) {
            if (list[i].data.fd == STDIN_FILENO)
                _exit(0);
            if (list[i].data.fd == listener)
                server_take(listener, events, connections);
            else
                server_read(list[i].data.fd, &connections[list[i].data.fd]);
        }
    }
}

/* ---- the region's database */

struct db_rows {
    struct cursors_row row;
    struct source_status_row status;
    bool none;
};

struct op {
    struct db_answer answer;
    void (*done)(void *arg, struct err e);
    struct db_rows rows;
};

struct db {
    uv_timer_t timer;
    struct op *ops, *spare;
    size_t n, capacity, spare_capacity;
    struct slice settings; /* of the endpoint source, of every tenant */
    struct seal *seal;
    int64_t status_saves;
};

static inline void
db_answer_all(uv_timer_t *t)
{
    struct db *db = t->data;
    struct op *ops = db->ops;
    size_t n = db->n, capacity = db->capacity;
    db->ops = db->spare;
    db->capacity = db->spare_capacity;
    db->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (ops[i].done != NULL)
            ops[i].done(ops[i].answer.arg, ERR_OK);
        else if (ops[i].answer.answered != NULL)
            ops[i].answer.answered(ops[i].answer.arg, &ops[i].rows, ERR_OK);
    }
    db->spare = ops;
    db->spare_capacity = capacity;
}

static inline void
db_put(struct db *db, struct op op)
{
    if (db->n == db->capacity) {
        db->capacity = db->capacity == 0 ? 64 : db->capacity * 2;
        db->ops = realloc(db->ops, db->capacity * sizeof *db->ops);
        bench_check(db->ops != NULL, "out of memory");
    }
    db->ops[db->n++] = op;
}

static inline struct cursors_row
sealed_row(struct db *db, struct arena *a, const struct oid *tenant, const char *place,
           struct slice text)
{
    struct cursors_row row = {.source = 1};
    bench_need(
        seal_close(db->seal, tenant, 1, SEAL_CREDENTIAL, slice_of(place), text, a, &row.sealed));
    return row;
}

void
credentials_load(struct db *db, struct arena *a, const struct oid *tenant, struct db_answer answer)
{
    struct op op = {.answer = answer};
    op.rows.row = sealed_row(db, a, tenant, "pg|credential|sealed|1", db->settings);
    db_put(db, op);
}

void
settings_load(struct db *db, struct arena *a, const struct oid *tenant, struct db_answer answer)
{
    struct op op = {.answer = answer};
    op.rows.row = sealed_row(db, a, tenant, "pg|setting|sealed|directory",
                             SLICE("206e2965-6533-48a6-ba9e-794364a84bf9"));
    db_put(db, op);
}

void
cursors_load(struct db *db, struct arena *a, const struct oid *tenant, struct db_answer answer)
{
    (void)a, (void)tenant;
    db_put(db, (struct op){.answer = answer, .rows = {.none = true}});
}

/* It was asked before, so its first round waits for its turn within the interval. */
void
source_status_load(struct db *db, struct arena *a, const struct oid *tenant,
                   struct db_answer answer)
{
    struct op op = {.answer = answer};
    (void)a, (void)tenant;
    op.rows.status = (struct source_status_row){.source = 1,
                                                .asked = clock_now(),
                                                .tried = clock_now(),
                                                .succeeded = clock_now(),
                                                .newest = CLOCK_NONE};
    db_put(db, op);
}

void
cursors_load_row(const struct db_rows *rows, size_t row, struct cursors_row *out)
{
    (void)row;
    *out = rows->row;
}

void
settings_load_row(const struct db_rows *rows, size_t row, struct settings_row *out)
{
    (void)row;
    *out = (struct settings_row){SLICE("directory"), rows->row.sealed};
}

void
source_status_load_row(const struct db_rows *rows, size_t row, struct source_status_row *out)
{
    (void)row;
    *out = rows->status;
}

size_t
db_count(const struct db_rows *rows)
{
    return rows->none ? 0 : 1;
}

void
cursors_save(struct db *db, struct arena *a, const struct oid *tenant,
             const struct cursors_row *rows, size_t n, struct db_answer answer)
{
    (void)a, (void)tenant, (void)rows, (void)n;
    db_put(db, (struct op){.answer = answer});
}

void
source_status_save(struct db *db, struct arena *a, const struct oid *tenant,
                   const struct source_status_row *row, struct db_answer answer)
{
    (void)a, (void)tenant, (void)row;
    db->status_saves++;
    db_put(db, (struct op){.answer = answer});
}

void
fence_check(struct db *db, struct arena *a, const struct fence_row *rows, size_t n,
            struct db_answer answer)
{
    (void)a, (void)rows, (void)n;
    db_put(db, (struct op){.answer = answer});
}

void
fence_schema(struct db *db, struct arena *a, const struct oid *oid, struct db_answer answer)
{
    (void)a, (void)oid;
    db_put(db, (struct op){.answer = answer});
}

bool
fence_schema_row(const struct db_rows *rows)
{
    (void)rows;
    return true;
}

void
db_sync(struct db *db, void (*done)(void *arg, struct err e), void *arg)
{
    db_put(db, (struct op){.answer = {NULL, arg}, .done = done});
    uv_timer_start(&db->timer, db_answer_all, 0, 0);
}

/* ---- the worker */

extern const struct source source_endpoint;

static const struct opt polling_opts[] = {
    OPT_INT("ingest.poll_s", "s", 60, 1, 3600, "As in ingest.c, which would bring Kafka along."),
    OPT_INT("ingest.backfill_days", "days", 30, 0, 36500, "As in ingest.c."),
    OPT_INT("ingest.concurrency", "requests", 4, 1, 64, "As in ingest.c."),
    OPT_INT("ingest.quota_percent", "percent", 0, 0, 100, "As in ingest.c."),
    OPT_INT("ingest.answers_max_bytes", "bytes", 64 << 20, 4 << 20, INT64_C(1) << 36,
            "As in ingest.c."),
    OPT_END,
};

struct polling {
    struct ingest env;
    struct conf *conf;
    struct db db;
    struct poll **pollers;
    size_t n;
    char settings[800];
};

static inline void
polling_gone(void *arg, const struct oid *oid)
{
    (void)arg, (void)oid;
    bench_check(false, "a tenant is gone");
}

/* port: of the server. */
static inline void
polling_open(struct polling *w, const struct source *source, const char *port)
{
    static const struct opt *tables[] = {polling_opts, seal_opts, fetch_opts, NULL, NULL};
    tables[3] = source_endpoint.opts;
    *w = (struct polling){.n = 0};
    bench_need(conf_load(tables, "/dev/null", NULL, &w->conf));
    w->env.conf = w->conf;
    w->env.source = source;
    w->env.topic = (struct topic_name){"weir.eu.alerts"};
    bench_need(loop_new(false, &w->env.loop));
    bench_need(seal_new(w->conf, &w->env.seal));
    bench_need(fetch_open(w->env.loop, w->conf, &w->env.fetch));
    w->env.db = &w->db;
    w->db.seal = w->env.seal;
    w->db.timer.data = &w->db;
    uv_timer_init(loop_uv(w->env.loop), &w->db.timer);
    w->env.shared = out_shared_new(NULL); /* nothing is ever produced */
    w->env.answers = answers_new((size_t)conf_int(w->conf, "ingest.answers_max_bytes"));
    bench_check(w->env.shared != NULL && w->env.answers != NULL, "out of memory");
    (void)snprintf(w->settings, sizeof w->settings,
                   "{\"base_url\":\"http://127.0.0.1:%s/api\",\"token_url\":\"http://127.0.0.1:%s/"
                   "206e2965-6533-48a6-ba9e-794364a84bf9/oauth2/token\",\"client_id\":"
                   "\"0c60d9a3-1f4b-4f0a-8a33-7d5d0b6ee0c1\",\"client_secret\":\"a-secret\","
                   "\"resource\":\"https://api.securitycenter.windows.com\"}",
                   port, port);
    w->db.settings = slice_of(w->settings);
}

static inline void
polling_start(struct polling *w, size_t n, bool at_once)
{
    w->n = n;
    w->pollers = calloc(n, sizeof(struct poll *));
    bench_check(w->pollers != NULL, "out of memory");
    for (size_t i = 0; i < n; i++) {
        struct ingest_tenant t = {.epoch = 1, .at_once = at_once};
        memcpy(t.oid.b, &i, sizeof i);
        w->pollers[i] = poll_start(&w->env, &t, polling_gone, w);
        bench_check(w->pollers[i] != NULL, "out of memory");
    }
}

/* The process ends next: the loop is not emptied. */
static inline void
polling_stop(struct polling *w)
{
    for (size_t i = 0; i < w->n; i++)
        poll_close(w->pollers[i]);
    for (int i = 0; i < 1000 && uv_run(loop_uv(w->env.loop), UV_RUN_NOWAIT) != 0; i++)
        ;
    free(w->pollers);
}

#endif
