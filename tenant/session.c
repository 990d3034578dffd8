#include "tenant/session.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "schemas/topics.h"
#include "store/purges.h"

enum { ARENA_LIMIT = 64 * 1024 * 1024, VALUE_ARENA = 64 * 1024 };

struct err
session_open(struct session *s, const struct conf *c, bool signals)
{
    *s = (struct session){.conf = c};
    struct err e = loop_new(signals, &s->loop);
    if (e.kind)
        return e;
    s->arena = arena_new(ARENA_LIMIT);
    if (s->arena == NULL)
        return err_make(ERR_STOP, "tenant.memory", "out of memory");
    e = seal_new(c, &s->seal);
    if (e.kind == ERR_NONE)
        e = codec_new(&s->codec);
    if (e.kind == ERR_NONE)
        e = db_open_control(s->loop, c, "weir", NULL, &s->control);
    return e.kind ? e : db_wait_up(s->control, s->loop, SESSION_WAIT_MS);
}

void
session_close(struct session *s)
{
    if (s->loop == NULL)
        return;
    if (s->producer != NULL)
        bus_producer_close(s->producer, 0, NULL, NULL);
    if (s->region != NULL)
        db_close(s->region, NULL, NULL);
    if (s->control != NULL)
        db_close(s->control, NULL, NULL);
    loop_stop(s->loop, 0);
    (void)loop_run(s->loop);
    codec_free(s->codec);
    seal_free(s->seal);
    arena_free(s->arena);
    loop_free(s->loop);
    *s = (struct session){0};
}

static bool
is_region(const struct conf *c, struct slice region)
{
    const char *const *names;
    size_t n = conf_names(c, "region.*.database", &names);
    for (size_t i = 0; i < n; i++)
        if (slice_eq(slice_of(names[i]), region))
            return true;
    return false;
}

struct err
session_region(struct session *s, struct slice region)
{
    if (s->region != NULL && slice_eq(slice_of(s->region_name), region))
        return ERR_OK;
    if (!is_region(s->conf, region) || region.n >= sizeof s->region_name)
        return err_make(ERR_STOP, "usage.region",
                        "no region '%.*s' in the configuration (region.*.database)",
                        SLICE_ARG(slice_sub(region, 0, SESSION_REGION_MAX)));
    if (s->region != NULL)
        db_close(s->region, NULL, NULL);
    s->region = NULL;
    (void)snprintf(s->region_name, sizeof s->region_name, "%.*s", SLICE_ARG(region));
    struct err e = db_open_region(s->loop, s->conf, s->region_name, "weir", NULL, &s->region);
    return e.kind ? e : db_wait_up(s->region, s->loop, SESSION_WAIT_MS);
}

/* ---- tenants */

struct found {
    struct session *session;
    struct session_tenant *rows;
    size_t n;
    struct err failed;
};

static struct slice
open_name(struct session *s, const struct tenants_row *row, const char *column, struct slice sealed,
          struct err *e)
{
    struct slice plain = SLICE_NONE;
    if (sealed.p == NULL || e->kind)
        return plain;
    struct slice place = slice_printf(s->arena, "pg|tenant|%s|%s", column, oid_format(&row->oid).s);
    *e = seal_open(s->seal, &row->oid, row->epoch, SEAL_STATE, place, sealed, s->arena, &plain);
    return plain;
}

static struct err
take_row(struct found *f, const struct db_rows *rows, size_t i)
{
    struct session *s = f->session;
    struct session_tenant *t = &f->rows[i];
    tenants_get_row(rows, i, &t->row);
    struct err e = ERR_OK;
    t->directory = open_name(s, &t->row, "directory", t->row.directory, &e);
    t->name = open_name(s, &t->row, "name", t->row.name, &e);
    t->row.directory_hmac = slice_dup(s->arena, t->row.directory_hmac);
    t->row.region = slice_dup(s->arena, t->row.region);
    t->row.directory = t->row.name = SLICE_NONE;
    return e;
}

static void
on_rows(void *arg, const struct db_rows *rows, struct err e)
{
    struct found *f = arg;
    if (e.kind == ERR_NONE) {
        f->rows = arena_alloc(f->session->arena, (db_count(rows) + 1) * sizeof *f->rows);
        if (f->rows == NULL)
            e = err_make(ERR_STOP, "tenant.memory", "out of memory");
    }
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++, f->n++)
        e = take_row(f, rows, i);
    f->failed = e;
}

static struct err
wait_found(struct session *s, struct found *f)
{
    struct err e = db_wait(s->control, s->loop);
    return e.kind ? e : f->failed;
}

struct err
session_find(struct session *s, const struct directory *d, bool *found, struct session_tenant *out)
{
    struct found f = {.session = s};
    tenants_get_by_hmac(s->control, s->arena, directory_hmac(d), (struct db_answer){on_rows, &f});
    struct err e = wait_found(s, &f);
    *found = e.kind == ERR_NONE && f.n == 1;
    if (*found)
        *out = f.rows[0];
    return e;
}

struct err
session_need(struct session *s, const char *guid, struct session_tenant *out)
{
    struct directory d;
    bool found;
    struct err e = directory_of(s->conf, guid, &d);
    if (e.kind == ERR_NONE)
        e = session_find(s, &d, &found, out);
    if (e.kind)
        return e;
    if (!found)
        return err_make(ERR_STOP, "refused.unknown_tenant",
                        "%s is not turned on; `weir tenant opt-in --tenant %s` would do it", d.id,
                        d.id);
    return session_region(s, out->row.region);
}

struct err
session_list(struct session *s, struct slice region, bool purged, struct session_tenant **out,
             size_t *n)
{
    struct found f = {.session = s};
    tenants_list(s->control, s->arena, region, purged, (struct db_answer){on_rows, &f});
    struct err e = wait_found(s, &f);
    *out = f.rows;
    *n = f.n;
    return e;
}

/* ---- one at a time */

static void
on_lock(void *arg, const struct db_rows *rows, struct err e)
{
    bool *ours = arg;
    *ours = e.kind == ERR_NONE && db_count(rows) == 1 && db_get_i64(rows, 0, 0) != 0;
}

struct err
session_lock(struct session *s, const struct oid *oid, bool *ours)
{
    struct oid_text name = oid_format(oid);
    *ours = false;
    purges_lock(s->control, s->arena, slice_of(name.s), (struct db_answer){on_lock, ours});
    return db_wait(s->control, s->loop);
}

struct err
session_unlock(struct session *s, const struct oid *oid)
{
    struct oid_text name = oid_format(oid);
    purges_unlock(s->control, s->arena, slice_of(name.s), DB_UNTOLD);
    return db_wait(s->control, s->loop);
}

/* ---- the control topic */

struct publishing {
    bool done;
    struct err e;
    uv_timer_t timer;
    bool timer_closed;
};

static void
on_published(void *arg, struct err e)
{
    struct publishing *p = arg;
    p->e = e;
    p->done = true;
}

static void
on_late(uv_timer_t *t)
{
    struct publishing *p = t->data;
    p->e =
        err_make(ERR_RETRY, "bus.connect", "Kafka did not confirm within %d ms", SESSION_WAIT_MS);
    p->done = true;
}

static void
on_timer_closed(uv_handle_t *h)
{
    struct publishing *p = h->data;
    p->timer_closed = true;
}

struct closing {
    bool done;
};

static void
on_producer_closed(void *arg)
{
    struct closing *c = arg;
    c->done = true;
}

/* Also when the loop is stopping: loop_turn would return at once, and what is to be told lies on
 * our stack. */
static void
run_until(struct session *s, const bool *done)
{
    while (!*done)
        (void)uv_run(loop_uv(s->loop), UV_RUN_ONCE);
}

/* A producer that did not confirm may still do so: it is closed before its answer's place goes. */
static void
drop_producer(struct session *s)
{
    struct closing c = {false};
    bus_producer_close(s->producer, 0, on_producer_closed, &c);
    s->producer = NULL;
    run_until(s, &c.done);
}

static struct err
publish(struct session *s, const struct bus_record *r)
{
    struct publishing p = {.e = ERR_OK};
    uv_timer_init(loop_uv(s->loop), &p.timer);
    p.timer.data = &p;
    uv_timer_start(&p.timer, on_late, SESSION_WAIT_MS, 0);
    struct err e = bus_produce(s->producer, r, on_published, &p);
    if (e.kind == ERR_NONE && !loop_turn(s->loop, &p.done))
        e = err_make(ERR_STOP, "tenant.interrupted", "interrupted");
    if (e.kind == ERR_NONE)
        e = p.e;
    if (e.kind)
        drop_producer(s);
    uv_close((uv_handle_t *)&p.timer, on_timer_closed);
    run_until(s, &p.timer_closed);
    return e;
}

struct err
session_publish(struct session *s, struct slice region, const struct tenant_record *r)
{
    char name[SESSION_REGION_MAX];
    struct slice value = SLICE_NONE;
    (void)snprintf(name, sizeof name, "%.*s", SLICE_ARG(region));
    struct topic_name topic = topic_control(s->conf, name);
    struct arena *a = arena_new(VALUE_ARENA);
    struct err e = a == NULL ? err_make(ERR_STOP, "tenant.memory", "out of memory") : ERR_OK;
    if (e.kind == ERR_NONE && s->producer == NULL)
        e = bus_producer_open(s->loop, s->conf, &s->producer);
    if (e.kind == ERR_NONE && r->state != TENANT_PURGED)
        e = codec_tenant(s->codec, r, a, &value);
    if (e.kind == ERR_NONE) {
        const struct bus_record record = {
            .topic = topic.s, .partition = -1, .key = oid_slice(&r->oid), .value = value};
        e = publish(s, &record);
    }
    arena_free(a);
    return e;
}
