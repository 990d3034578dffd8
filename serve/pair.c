#include "serve/pair.h"

#include "ingest/source.h"
#include "serve/bundle.h"
#include "serve/scene.h"
#include "serve/why_not.h"
#include "store/correlator.h"

enum { SHOWN_BYTES = 80 }; /* of an id that there is not */

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "pair.memory", "the incidents of these alerts are too large");
}

static void
note(struct pair *p, struct err e)
{
    if (p->failed.kind == ERR_NONE)
        p->failed = e;
}

/* ---- second: the incidents and all their alerts */

static void
on_incident(void *arg, const struct db_rows *rows, struct err e)
{
    struct pair *p = arg;
    if (e.kind || db_count(rows) == 0)
        return; /* the sync tells; one that is missing is met in on_alerts */
    struct incidents_row *r = &p->rows[p->n_rows++];
    incidents_full_row(rows, 0, p->arena, r);
    r->name = slice_dup(p->arena, r->name);
    r->first_name = slice_dup(p->arena, r->first_name);
    r->status = slice_dup(p->arena, r->status);
    if (r->assigned_to.p != NULL)
        r->assigned_to = slice_dup(p->arena, r->assigned_to);
    r->n_tags = r->n_entities = 0; /* they are gone with the answer, and nobody asks */
}

static void
on_related(void *arg, const struct db_rows *rows, struct err e)
{
    struct pair *p = arg;
    int64_t other = p->incident_ids[1];
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows) && !p->has_related; i++) {
        incidents_relation_row(rows, i, &p->related);
        p->has_related = p->related.a == other || p->related.b == other;
    }
    if (p->has_related)
        p->related.why = slice_dup(p->arena, p->related.why);
}

static void
on_pins(void *arg, const struct db_rows *rows, struct err e)
{
    struct pair *p = arg;
    if (e.kind)
        return;
    size_t n = db_count(rows);
    p->pins = arena_alloc(p->arena, (n + 1) * sizeof *p->pins);
    for (size_t i = 0; p->pins != NULL && i < n; i++) {
        pins_load_row(rows, i, &p->pins[i]);
        p->pins[i].native_id = slice_dup(p->arena, p->pins[i].native_id);
        p->n_pins++;
    }
}

static void
on_aliases(void *arg, const struct db_rows *rows, struct err e)
{
    struct pair *p = arg;
    if (e.kind == ERR_NONE && !bundle_aliases(rows, p->arena, &p->aliases, &p->n_aliases))
        note(p, no_memory());
}

/* The id that people see; one of an alert that is not there keeps its source's. */
static struct slice
id_of(void *arg, struct slice source, struct slice native_id)
{
    const struct pair *p = arg;
    for (size_t i = 0; i < p->n_alerts; i++) {
        const struct alerts_row *row = &p->alerts[i].row;
        const struct source *s = source_by_number(row->source);
        if (s != NULL && slice_eq(row->native_id, native_id) && slice_eq(slice_of(s->name), source))
            return row->id;
    }
    return native_id;
}

static struct incident_alert_ref
ref_of(const struct alerts_full *al)
{
    const struct source *s = source_by_number(al->row.source);
    return (struct incident_alert_ref){slice_of(s != NULL ? s->name : ""), al->row.native_id};
}

/* The two alerts and their incidents among what was read. */
static struct err
find_both(const struct pair *p, struct why_not *w)
{
    for (size_t i = 0; i < p->n_alerts; i++) {
        if (slice_eq(p->alerts[i].row.id, p->ids[0]))
            w->alert = &p->alerts[i];
        if (slice_eq(p->alerts[i].row.id, p->ids[1]))
            w->other = &p->alerts[i];
    }
    if (w->alert == NULL || w->other == NULL || p->n_rows == 0) /* moved between the two reads */
        return err_make(ERR_RETRY, "pair.moved", "the alerts change their incidents; ask again");
    for (size_t i = 0; i < p->n_rows; i++) {
        if (p->rows[i].id == w->alert->incident_id)
            w->incident = &p->rows[i];
        if (p->rows[i].id == w->other->incident_id)
            w->other_incident = &p->rows[i];
    }
    if (w->incident == NULL || w->other_incident == NULL)
        return err_make(ERR_RETRY, "pair.moved", "the alerts change their incidents; ask again");
    return ERR_OK;
}

static struct err
answer(struct pair *p)
{
    struct why_not w = {.params = p->params, .id_of = id_of, .arg = p};
    struct incident_engine *engine;
    struct incident_reason *path;
    struct err e = find_both(p, &w);
    if (e.kind)
        return e;
    w.related = p->has_related ? &p->related : NULL;
    struct incident_alert_ref x = ref_of(w.alert), y = ref_of(w.other);
    const struct scene r = {p->rows,   p->n_rows,  p->alerts,    p->n_alerts, p->pins,
                            p->n_pins, p->aliases, p->n_aliases, p->params};
    e = scene_engine(&r, p->arena, &engine);
    if (e.kind == ERR_NONE)
        e = incident_shared(engine, &x, &y, p->arena, &w.shared);
    if (e.kind == ERR_NONE && w.incident == w.other_incident) {
        e = incident_path(engine, &x, &y, p->arena, &path, &w.n_path);
        w.path = path;
    }
    return e.kind ? e : p->compose(p, &w);
}

static void
on_alerts(void *arg, const struct db_rows *rows, struct err e)
{
    struct pair *p = arg;
    if (e.kind || p->failed.kind)
        return;
    size_t n = db_count(rows);
    struct alerts_full *alerts = arena_alloc(p->arena, (n + 1) * sizeof *alerts);
    if (alerts == NULL || arena_short(p->arena)) {
        note(p, no_memory());
        return;
    }
    for (size_t i = 0; i < n; i++)
        alerts_full_row(rows, i, &alerts[i]);
    p->alerts = alerts;
    p->n_alerts = n;
    note(p, answer(p));
    p->alerts = NULL;
    p->n_alerts = 0;
}

static void
on_second(void *arg, struct err e)
{
    struct pair *p = arg;
    p->done(p->arg, e.kind ? e : p->failed);
}

static void
read_rest(struct pair *p)
{
    size_t n = p->incident_ids[0] == p->incident_ids[1] ? 1 : 2;
    for (size_t i = 0; i < n; i++)
        incidents_get(p->db, p->arena, p->oid, p->incident_ids[i],
                      (struct db_answer){on_incident, p});
    if (n == 2)
        incidents_related_of(p->db, p->arena, p->oid, p->incident_ids[0],
                             (struct db_answer){on_related, p});
    pins_load(p->db, p->arena, p->oid, p->incident_ids, n, (struct db_answer){on_pins, p});
    correlator_aliases_load(p->db, p->arena, p->oid, (struct db_answer){on_aliases, p});
    alerts_of_incidents(p->db, p->arena, p->oid, p->incident_ids, n, false,
                        (struct db_answer){on_alerts, p});
    db_sync(p->db, on_second, p);
}

/* ---- first: the two alerts */

static void
on_ids(void *arg, const struct db_rows *rows, struct err e)
{
    struct pair *p = arg;
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++) {
        struct alerts_full al;
        alerts_full_row(rows, i, &al);
        for (size_t k = 0; k < 2; k++) {
            if (!slice_eq(al.row.id, p->ids[k]) || p->incident_ids[k] != 0)
                continue;
            p->incident_ids[k] = al.incident_id;
            p->found += al.incident_id != 0;
        }
    }
}

static void
on_first(void *arg, struct err e)
{
    struct pair *p = arg;
    size_t missing = p->incident_ids[0] == 0 ? 0 : 1;
    if (e.kind == ERR_NONE && p->found < 2)
        e = err_make(ERR_REJECT, "pair.none", "there is no alert '%.*s'",
                     SLICE_ARG(slice_sub(p->ids[missing], 0, SHOWN_BYTES)));
    if (e.kind)
        p->done(p->arg, e);
    else
        read_rest(p);
}

void
pair_get(struct pair *p)
{
    p->failed = ERR_OK;
    if (slice_eq(p->ids[0], p->ids[1])) {
        p->done(p->arg, err_make(ERR_REJECT, "pair.same", "the two alerts are one"));
        return;
    }
    alerts_by_ids(p->db, p->arena, p->oid, p->ids, 2, false, (struct db_answer){on_ids, p});
    db_sync(p->db, on_first, p);
}
