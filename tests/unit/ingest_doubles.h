/*
 * ingest_doubles.h: Kafka's producer and the region's database, as far as ingest/ uses them.
 *
 * Included by one file of a test program: it defines the functions of bus.h and store/ that
 * poll.c, listen.c and their helpers call, so the real ones are not linked. A record that was
 * produced waits until the test confirms it; the database answers on the next turn of the loop,
 * or when the test lets it.
 */
#ifndef WEIR_TESTS_INGEST_DOUBLES_H
#define WEIR_TESTS_INGEST_DOUBLES_H
#include <ftw.h>
#include <stdio.h>

#include "common/bus.h"
#include "ingest/answers.h"
#include "ingest/ingest.h"
#include "ingest/listen.h"
#include "ingest/out.h"
#include "ingest/state.h"
#include "ingest_bench.h"
#include "store/cursors.h"
#include "store/fence.h"
#include "store/source_status.h"

enum { DELIVERIES_MAX = 64, OPS_MAX = 64, SEALED_MAX = 8192, TEXT_MAX = 600 };

struct delivery {
    void (*done)(void *arg, struct err e);
    void *arg;
};

struct bus_producer {
    struct delivery waiting[DELIVERIES_MAX]; /* the oldest first */
    size_t n_waiting;
    size_t most;       /* records that may wait; then "bus.full" */
    struct err refuse; /* what bus_produce says; ERR_OK: it takes the record */
    void (*room)(void *arg);
    void *room_arg;
    struct codec *codec;
    struct seal *seal;
    int64_t version; /* of the record that came last */
    char key[64];    /* its key, as hex digits */
    bool forget;     /* counts only: for more than the list holds */
    size_t n_forgotten;
    size_t n_sent;
    char sent[DELIVERIES_MAX][TEXT_MAX]; /* plain payloads in order */
};

struct op {
    struct db_answer answer;
    void (*done)(void *arg, struct err e); /* of a sync */
    const struct cursors_row *row;         /* of a load; NULL: no row */
    bool names;                            /* of the load of settings */
    bool schema;                           /* of fence_schema */
    const struct source_status_row *status;
};

struct db {
    uv_timer_t timer;
    bool hold;
    struct op ops[OPS_MAX];
    size_t n_ops;
    struct err fail; /* what every statement of the next batch says, */
    bool failing;    /* and of all batches */
    bool no_tables;  /* the tenant's schema is there, whatever else is not */
    struct cursors_row credential, cursor, directory;
    char sealed[3][SEALED_MAX];
    size_t n_saves, n_loads;
    int32_t fenced_epoch;
    struct source_status_row status; /* source 0: none */
    char status_code[64], status_quota[64];
    size_t n_status_saves;
};

struct db_rows {
    const struct cursors_row *row;
    const struct source_status_row *status;
    bool schema;
};

/* ---- bus.h */

struct err
bus_produce(struct bus_producer *p, const struct bus_record *r,
            void (*done)(void *arg, struct err e), void *arg)
{
    if (p->refuse.kind)
        return p->refuse;
    if (p->n_waiting >= p->most)
        return err_make(ERR_RETRY, "bus.full", "full");
    assert_true(p->n_waiting < DELIVERIES_MAX && (p->forget || p->n_sent < DELIVERIES_MAX));
    struct arena *a = arena_new(1 << 20);
    struct raw_record raw;
    struct slice plain;
    bench_need(codec_raw_read(p->codec, r->value, a, &raw));
    bench_copy(p->key, sizeof p->key, slice_hex(a, r->key));
    p->version = raw.version;
    struct slice place = slice_printf(a, "kafka|%s|%.*s/%.*s", r->topic, SLICE_ARG(raw.source),
                                      SLICE_ARG(raw.native_id));
    bench_need(seal_open(p->seal, &raw.oid, raw.epoch, SEAL_RAW, place, raw.payload, a, &plain));
    if (p->forget)
        p->n_forgotten++;
    else
        bench_copy(p->sent[p->n_sent++], TEXT_MAX, plain);
    arena_free(a);
    p->waiting[p->n_waiting++] = (struct delivery){done, arg};
    return ERR_OK;
}

void
bus_on_room(struct bus_producer *p, void (*room)(void *arg), void *arg)
{
    p->room = room; /* one only, as the real one keeps */
    p->room_arg = arg;
}

/* The oldest record's confirmation, or why there is none. */
static inline void
double_confirm(struct bus_producer *p, struct err e)
{
    assert_true(p->n_waiting > 0);
    struct delivery d = p->waiting[0];
    memmove(p->waiting, p->waiting + 1, --p->n_waiting * sizeof d);
    d.done(d.arg, e);
}

static inline void
double_confirm_all(struct bus_producer *p)
{
    while (p->n_waiting > 0)
        double_confirm(p, ERR_OK);
}

static inline bool
double_room(struct bus_producer *p)
{
    void (*room)(void *arg) = p->room;
    p->room = NULL;
    if (room != NULL)
        room(p->room_arg);
    return room != NULL;
}

/* ---- store/ */

static inline void
double_answer(struct db *db)
{
    struct op ops[OPS_MAX];
    size_t n = db->n_ops;
    struct err e = db->fail;
    memcpy(ops, db->ops, n * sizeof *ops);
    db->n_ops = 0;
    if (!db->failing)
        db->fail = ERR_OK;
    for (size_t i = 0; i < n; i++) {
        const struct db_rows rows = {ops[i].row, ops[i].status,
                                     e.kind == ERR_NONE || db->no_tables};
        if (ops[i].schema && e.kind == ERR_REJECT) /* it is asked before what fails */
            ops[i].answer.answered(ops[i].answer.arg, &rows, ERR_OK);
        else if (ops[i].done != NULL)
            ops[i].done(ops[i].answer.arg, e);
        else if (ops[i].answer.answered != NULL)
            ops[i].answer.answered(ops[i].answer.arg, e.kind ? NULL : &rows, e);
    }
}

static inline void
double_on_timer(uv_timer_t *t)
{
    double_answer(t->data);
}

static inline void
double_queue(struct db *db, struct op op)
{
    assert_true(db->n_ops < OPS_MAX);
    db->ops[db->n_ops++] = op;
}

static inline const struct cursors_row *
double_row(const struct cursors_row *row)
{
    return row->sealed.p != NULL ? row : NULL;
}

void
credentials_load(struct db *db, struct arena *a, const struct oid *tenant, struct db_answer answer)
{
    (void)a, (void)tenant;
    db->n_loads++;
    double_queue(db, (struct op){.answer = answer, .row = double_row(&db->credential)});
}

void
cursors_load(struct db *db, struct arena *a, const struct oid *tenant, struct db_answer answer)
{
    (void)a, (void)tenant;
    double_queue(db, (struct op){.answer = answer, .row = double_row(&db->cursor)});
}

void
settings_load(struct db *db, struct arena *a, const struct oid *tenant, struct db_answer answer)
{
    (void)a, (void)tenant;
    double_queue(db, (struct op){.answer = answer, .row = double_row(&db->directory)});
}

void
cursors_load_row(const struct db_rows *rows, size_t row, struct cursors_row *out)
{
    assert_int_equal(row, 0);
    *out = *rows->row;
}

void
settings_load_row(const struct db_rows *rows, size_t row, struct settings_row *out)
{
    assert_int_equal(row, 0);
    *out = (struct settings_row){SLICE("directory"), rows->row->sealed};
}

size_t
db_count(const struct db_rows *rows)
{
    return rows->row != NULL || rows->status != NULL ? 1 : 0;
}

static inline void
double_keep(struct db *db, size_t at, struct cursors_row *row, int32_t source, struct slice sealed)
{
    assert_true(sealed.n <= SEALED_MAX);
    memcpy(db->sealed[at], sealed.p, sealed.n);
    *row = (struct cursors_row){.source = source, .sealed = {db->sealed[at], sealed.n}};
}

void
cursors_save(struct db *db, struct arena *a, const struct oid *tenant,
             const struct cursors_row *rows, size_t n, struct db_answer answer)
{
    (void)a, (void)tenant;
    assert_int_equal(n, 1);
    db->n_saves++;
    if (db->fail.kind == ERR_NONE)
        double_keep(db, 0, &db->cursor, rows->source, rows->sealed);
    double_queue(db, (struct op){.answer = answer});
}

void
source_status_load(struct db *db, struct arena *a, const struct oid *tenant,
                   struct db_answer answer)
{
    (void)a, (void)tenant;
    double_queue(
        db, (struct op){.answer = answer, .status = db->status.source != 0 ? &db->status : NULL});
}

void
source_status_load_row(const struct db_rows *rows, size_t row, struct source_status_row *out)
{
    assert_int_equal(row, 0);
    *out = *rows->status;
}

void
source_status_save(struct db *db, struct arena *a, const struct oid *tenant,
                   const struct source_status_row *row, struct db_answer answer)
{
    (void)a, (void)tenant;
    db->n_status_saves++;
    if (db->fail.kind == ERR_NONE) {
        db->status = *row;
        bench_copy(db->status_code, sizeof db->status_code, row->code);
        bench_copy(db->status_quota, sizeof db->status_quota, row->quota);
        db->status.code = row->code.p != NULL ? slice_of(db->status_code) : SLICE_NONE;
        db->status.quota = slice_of(db->status_quota);
        db->status.sealed = SLICE_NONE;
    }
    double_queue(db, (struct op){.answer = answer});
}

void
fence_check(struct db *db, struct arena *a, const struct fence_row *rows, size_t n,
            struct db_answer answer)
{
    (void)a;
    assert_int_equal(n, 1);
    db->fenced_epoch = rows->epoch;
    double_queue(db, (struct op){.answer = answer});
}

void
fence_schema(struct db *db, struct arena *a, const struct oid *oid, struct db_answer answer)
{
    (void)a, (void)oid;
    double_queue(db, (struct op){.answer = answer, .schema = true});
}

bool
fence_schema_row(const struct db_rows *rows)
{
    return rows->schema;
}

void
db_sync(struct db *db, void (*done)(void *arg, struct err e), void *arg)
{
    double_queue(db, (struct op){.answer = {NULL, arg}, .done = done});
    if (!db->hold)
        uv_timer_start(&db->timer, double_on_timer, 0, 0);
}

/* ---- a worker of these */

struct rig {
    struct bench *bench;
    struct ingest env;
    struct bus_producer producer;
    struct db db;
    unsigned gone;
    char spool[64]; /* folder of a source that listens; "" otherwise */
};

enum { RIG_EPOCH = 7 };

static inline struct ingest_tenant
rig_tenant(uint8_t first)
{
    return (struct ingest_tenant){.oid = {{first, 2, 3}}, .epoch = RIG_EPOCH, .at_once = true};
}

static inline void
rig_gone(void *arg, const struct oid *oid)
{
    struct rig *r = arg;
    (void)oid;
    r->gone++;
}

/* The settings that the database has, sealed for this tenant. */
static inline void
rig_settings_of(struct rig *r, const struct ingest_tenant *t, struct slice json)
{
    int number = r->env.source->number;
    struct slice sealed, place = slice_printf(r->bench->a, "pg|credential|sealed|%d", number);
    bench_need(seal_close(r->env.seal, &t->oid, t->epoch, SEAL_CREDENTIAL, place, json, r->bench->a,
                          &sealed));
    double_keep(&r->db, 1, &r->db.credential, number, sealed);
    bench_need(seal_close(r->env.seal, &t->oid, t->epoch, SEAL_CREDENTIAL,
                          SLICE("pg|setting|sealed|directory"), SLICE("a-guid"), r->bench->a,
                          &sealed));
    double_keep(&r->db, 2, &r->db.directory, 0, sealed);
}

/* For the tenant of rig_tenant(1). */
static inline void
rig_settings(struct rig *r, struct slice json)
{
    const struct ingest_tenant t = rig_tenant(1);
    rig_settings_of(r, &t, json);
}

/* The cursor that the database has; CLOCK_NONE: none. */
static inline int64_t
rig_since(struct rig *r)
{
    const struct ingest_tenant t = rig_tenant(1);
    struct slice plain,
        place = slice_printf(r->bench->a, "pg|cursor|sealed|%d", r->env.source->number);
    struct cursor c;
    struct source_notes notes;
    if (r->db.cursor.sealed.p == NULL)
        return CLOCK_NONE;
    bench_need(seal_open(r->env.seal, &t.oid, t.epoch, SEAL_CURSOR, place, r->db.cursor.sealed,
                         r->bench->a, &plain));
    bench_need(state_cursor_read(plain, r->bench->a, &c, &notes));
    return c.since;
}

/* A spool of its own for a source that listens. */
static inline struct bench *
rig_bench(struct rig *r, const struct source *source, const char *const *flags)
{
    enum { FLAGS_MAX = 8 };
    char own[96];
    const char *all[FLAGS_MAX + 2] = {NULL};
    size_t n = 0;
    if (!source->listens && !source->may_listen)
        return bench_new(flags);
    for (; flags != NULL && flags[n] != NULL && n < FLAGS_MAX; n++)
        all[n] = flags[n];
    (void)snprintf(r->spool, sizeof r->spool, "/tmp/weir-test-spool-XXXXXX");
    assert_non_null(mkdtemp(r->spool));
    (void)snprintf(own, sizeof own, "ingest.spool_dir=%s", r->spool);
    all[n] = own;
    return bench_new(all);
}

static inline int
rig_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline struct rig *
rig_new(const struct source *source, const char *const *flags)
{
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    struct bench *b = r->bench = rig_bench(r, source, flags);
    r->env = (struct ingest){.loop = b->loop,
                             .conf = b->conf,
                             .source = source,
                             .producer = &r->producer,
                             .db = &r->db,
                             .fetch = b->fetch,
                             .seal = b->seal,
                             .topic = {"weir.eu.alerts"}};
    bench_need(codec_new(&r->env.codec));
    r->env.listen = r->spool[0] != '\0' ? listen_shared_new() : NULL;
    r->env.answers = answers_new((size_t)conf_int(b->conf, "ingest.answers_max_bytes"));
    assert_non_null(r->env.answers);
    r->env.shared = out_shared_new(&r->producer);
    assert_non_null(r->env.shared);
    r->producer.most = DELIVERIES_MAX;
    r->producer.codec = r->env.codec;
    r->producer.seal = r->env.seal;
    r->db.timer.data = &r->db;
    uv_timer_init(loop_uv(b->loop), &r->db.timer);
    return r;
}

/* Kafka confirms at once whatever it gets, until it has got so many. */
static inline void
rig_until_sent(struct rig *r, size_t n)
{
    while (r->producer.n_sent < n) {
        double_confirm_all(&r->producer);
        (void)double_room(&r->producer);
        uv_run(loop_uv(r->bench->loop), UV_RUN_ONCE);
    }
}

static inline void
rig_free(struct rig *r)
{
    if (r->db.n_ops > 0)
        double_answer(&r->db);
    while (r->producer.n_waiting > 0) /* what the real producer does when it is closed */
        double_confirm(&r->producer, err_make(ERR_RETRY, "bus.produce", "closed"));
    uv_close((uv_handle_t *)&r->db.timer, NULL);
    bench_free(r->bench);
    out_shared_free(r->env.shared);
    answers_free(r->env.answers);
    listen_shared_free(r->env.listen);
    if (r->spool[0] != '\0')
        (void)nftw(r->spool, rig_unlink, 8, FTW_DEPTH | FTW_PHYS);
    codec_free(r->env.codec);
    free(r);
}

#endif
