#include "normalize/recall.h"

#include <stdlib.h>

#include "common/clock.h"
#include "ingest/source.h"
#include "normalize/rows.h"
#include "store/incidents.h"

enum { ROW_BYTES = 4 * 1024 * 1024 };
/* far beyond any activity, and a number of 100 ns can hold it */
#define ACTIVITY_MAX_S (INT64_C(1) << 39)

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "normalize.memory", "a batch needs more memory than it may have");
}

void
recall_begin(struct recall *r, struct incident_engine *e, struct arena *a)
{
    *r = (struct recall){.engine = e,
                         .a = a,
                         .from_s = INT64_MAX,
                         .to_s = INT64_MIN,
                         .memory_s = incident_memory_from(e)};
}

/* ---- what is noted */

struct err
recall_incident(struct recall *r, int64_t id)
{
    if (r->n_incidents == r->incidents_capacity) {
        void *more = arena_grow(r->a, r->incidents, sizeof *r->incidents, &r->incidents_capacity);
        if (more == NULL)
            return no_memory();
        r->incidents = more;
    }
    r->incidents[r->n_incidents++] = id;
    return ERR_OK;
}

struct err
recall_member(struct recall *r, struct slice source, struct slice native_id)
{
    const struct source *s = source_by_name(source);
    if (s == NULL || incident_has(r->engine, source, native_id))
        return ERR_OK;
    if (r->n_alerts == r->alerts_capacity) {
        void *more = arena_grow(r->a, r->alerts, sizeof *r->alerts, &r->alerts_capacity);
        if (more == NULL)
            return no_memory();
        r->alerts = more;
    }
    r->alerts[r->n_alerts++] = (struct alerts_key){s->number, native_id};
    return ERR_OK;
}

static struct err
note_key(struct recall *r, enum key_type type, struct slice value, int64_t from_s, int64_t to_s)
{
    if (r->n_keys == r->keys_capacity) {
        void *more = arena_grow(r->a, r->keys, sizeof *r->keys, &r->keys_capacity);
        if (more == NULL)
            return no_memory();
        r->keys = more;
    }
    r->keys[r->n_keys++] = (struct recall_key){
        .type = type,
        .text = incident_stands(r->engine, type, value),
        .from_s = from_s,
        .to_s = to_s,
    };
    return ERR_OK;
}

struct err
recall_alert(struct recall *r, const struct incident_alert *al, bool known)
{
    int64_t from_s, to_s;
    struct err e = known ? recall_member(r, al->source, al->native_id) : ERR_OK;
    if (e.kind || !incident_behind(r->engine, al, &from_s, &to_s))
        return e;
    r->from_s = from_s < r->from_s ? from_s : r->from_s;
    r->to_s = to_s > r->to_s ? to_s : r->to_s;
    for (size_t i = 0; i < al->keys->n_keys && e.kind == ERR_NONE; i++)
        e = note_key(r, al->keys->keys[i].type, al->keys->keys[i].value, from_s, to_s);
    return e;
}

static int
key_cmp(const void *x, const void *y)
{
    const struct recall_key *a = x, *b = y;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    return slice_cmp(a->text, b->text);
}

/* Of one key the widest time. */
static void
sort_keys(struct recall *r)
{
    size_t n = 0;
    qsort(r->keys, r->n_keys, sizeof *r->keys, key_cmp);
    for (size_t i = 0; i < r->n_keys; i++) {
        struct recall_key *last = n > 0 ? &r->keys[n - 1] : NULL;
        if (last == NULL || key_cmp(last, &r->keys[i]) != 0) {
            r->keys[n++] = r->keys[i];
            continue;
        }
        last->from_s = r->keys[i].from_s < last->from_s ? r->keys[i].from_s : last->from_s;
        last->to_s = r->keys[i].to_s > last->to_s ? r->keys[i].to_s : last->to_s;
    }
    r->n_keys = n;
}

/* ---- answers */

static void
note_failure(struct recall *r, struct err e)
{
    if (r->failed.kind == ERR_NONE)
        r->failed = e;
}

static void
on_members(void *arg, const struct db_rows *rows, struct err e)
{
    struct recall *r = arg;
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++) {
        struct incidents_member m;
        incidents_member_row(rows, i, &m);
        e = recall_incident(r, m.incident_id);
    }
    note_failure(r, e);
}

/* Does the stored alert have a key at a time when a late one may meet it? */
static bool
meets(struct recall *r, const struct incident_alert *al)
{
    bool met = false;
    for (size_t i = 0; i < al->keys->n_keys; i++) {
        const struct key *k = &al->keys->keys[i];
        const struct recall_key as = {.type = k->type,
                                      .text = incident_stands(r->engine, k->type, k->value)};
        struct recall_key *want = bsearch(&as, r->keys, r->n_keys, sizeof *r->keys, key_cmp);
        if (want == NULL || al->last_s < want->from_s || al->first_s > want->to_s)
            continue;
        want->met++;
        r->cut += want->met == RECALL_KEY_MAX + 1;
        met = met || want->met <= RECALL_KEY_MAX;
    }
    return met;
}

static void
on_near(void *arg, const struct db_rows *rows, struct err e)
{
    struct recall *r = arg;
    struct arena *a = arena_new(ROW_BYTES);
    if (a == NULL && e.kind == ERR_NONE)
        e = no_memory();
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++) {
        struct alerts_near row;
        struct incident_alert al;
        alerts_near_row(rows, i, &row);
        e = rows_state_read(row.keys, a, &al);
        if (e.kind == ERR_NONE && meets(r, &al))
            e = recall_incident(r, row.incident_id);
        arena_reset(a);
    }
    if (e.kind == ERR_NONE && db_count(rows) == RECALL_ROWS_MAX)
        r->cut++;
    arena_free(a);
    note_failure(r, e);
}

static int64_t
activity(int64_t at_s)
{
    at_s = at_s < -ACTIVITY_MAX_S ? -ACTIVITY_MAX_S : at_s;
    return (at_s > ACTIVITY_MAX_S ? ACTIVITY_MAX_S : at_s) * CLOCK_SECOND;
}

bool
recall_ask(struct recall *r, struct db *db, const struct oid *oid)
{
    if (r->n_alerts > 0)
        incidents_members_of(db, r->a, oid, r->alerts, r->n_alerts,
                             (struct db_answer){on_members, r});
    if (r->n_keys > 0) {
        sort_keys(r);
        alerts_near(db, r->a, oid, activity(r->from_s), activity(r->memory_s), activity(r->to_s),
                    RECALL_ROWS_MAX, (struct db_answer){on_near, r});
    }
    return r->n_alerts > 0 || r->n_keys > 0;
}

struct err
recall_answered(const struct recall *r)
{
    return r->failed;
}
