#include "normalize/decide.h"

#include <string.h>

#include "common/json.h"
#include "store/cursors.h"
#include "store/decisions.h"
#include "store/incidents.h"

/* 1970 to 2200: beyond, the times of all later changes would have to follow it */
#define TIME_MAX INT64_C(72580000000000000)

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "normalize.memory", "a batch needs more memory than it may have");
}

const char *
decide_outcome_word(enum decide_outcome o)
{
    static const char *const words[] = {"open", "applied", "refused", "repeated", "fenced"};
    return words[o];
}

static void
refuse(struct decide *d, struct err why)
{
    d->outcome = DECIDE_REFUSED;
    d->why = why;
}

/* ---- what it says */

static struct err
open_one(const struct decide *d, struct seal *seal, const char *topic, const char *what,
         struct slice sealed, struct arena *a, struct slice *out)
{
    struct slice place = decision_place(topic, d->record.id, what, a);
    if (place.p == NULL)
        return no_memory();
    return seal_open(seal, &d->record.oid, d->record.epoch, SEAL_EVENT, place, sealed, a, out);
}

static struct err
read_record(struct decide *d, struct seal *seal, const char *topic, struct arena *a)
{
    struct slice payload = SLICE_NONE;
    struct err e = open_one(d, seal, topic, "/by", d->record.by, a, &d->by);
    if (e.kind == ERR_NONE)
        e = open_one(d, seal, topic, "", d->record.payload, a, &payload);
    if (e.kind == ERR_NONE && (d->record.time <= 0 || d->record.time > TIME_MAX))
        e = err_make(ERR_REJECT, "decision.time", "no time when anybody can have decided");
    if (e.kind == ERR_NONE && !decision_name_ok(d->by))
        e = err_make(ERR_REJECT, "decision.by", "it does not say who decided");
    if (e.kind == ERR_NONE)
        e = decision_read(d->record.kind, d->record.incident_id, payload, a, &d->decision);
    return e;
}

struct err
decide_open(struct decide *d, struct seal *seal, const char *topic, struct arena *a)
{
    struct err e = read_record(d, seal, topic, a);
    if (e.kind == ERR_NONE && d->poison)
        e = err_make(ERR_REJECT, "normalize.refused", "the database cannot store what it says");
    if (e.kind != ERR_REJECT)
        return e;
    if (strcmp(e.code, "seal.shredded") == 0)
        d->outcome = DECIDE_FENCED;
    else
        refuse(d, e);
    return ERR_OK;
}

void
decide_known(struct decide *d, const struct db_rows *rows)
{
    if (db_count(rows) > 0)
        d->outcome = DECIDE_REPEATED;
}

struct err
decide_recall(const struct decide *d, struct recall *r)
{
    struct err e = ERR_OK;
    if (d->outcome != DECIDE_OPEN || d->decision.kind == DECIDED_PARAMETERS)
        return ERR_OK;
    e = recall_incident(r, d->decision.incident_id);
    if (e.kind == ERR_NONE && d->decision.into > 0)
        e = recall_incident(r, d->decision.into);
    for (size_t i = 0; e.kind == ERR_NONE && i < d->decision.n_alerts; i++)
        e = recall_member(r, d->decision.alerts[i].source, d->decision.alerts[i].native_id);
    return e;
}

/* ---- what follows from it */

static enum incident_decision_kind
engine_kind(enum decided kind)
{
    static const enum incident_decision_kind kinds[] = {
        [DECIDED_UPDATE] = DECISION_UPDATE, [DECIDED_MERGE] = DECISION_MERGE,
        [DECIDED_MOVE] = DECISION_MOVE,     [DECIDED_SPLIT] = DECISION_SPLIT,
        [DECIDED_FREE] = DECISION_PINS_OFF,
    };
    return kinds[kind];
}

static struct err
ask_engine(struct decide *d, struct tenant *t, struct arena *a)
{
    const struct decision *from = &d->decision;
    struct incident_alert_ref *alerts = arena_alloc(a, (from->n_alerts + 1) * sizeof *alerts);
    if (alerts == NULL)
        return no_memory();
    for (size_t i = 0; i < from->n_alerts; i++)
        alerts[i] = (struct incident_alert_ref){from->alerts[i].source, from->alerts[i].native_id};
    struct incident_decision ask = {
        .kind = engine_kind(from->kind),
        .incident_id = from->incident_id,
        .into = from->into,
        .status = from->status,
        .assigned_to = from->assigned_to,
        .classification = from->classification,
        .determination = from->determination,
        .worked = from->comment.p != NULL || from->has_tags,
        .alerts = alerts,
        .n_alerts = from->n_alerts,
        .at = d->record.time,
    };
    struct err e = incident_decide(t->engine, &ask);
    d->result_id = ask.into > 0 ? ask.into : ask.incident_id;
    return e;
}

struct err
decide_apply(struct decide *d, struct tenant *t, struct arena *a)
{
    if (d->outcome != DECIDE_OPEN)
        return ERR_OK;
    struct err e = d->decision.kind == DECIDED_PARAMETERS
                       ? tenants_parameters(t, d->decision.parameters)
                       : ask_engine(d, t, a);
    if (e.kind == ERR_NONE) {
        d->outcome = DECIDE_APPLIED;
        return ERR_OK;
    }
    if (e.kind != ERR_REJECT)
        return e;
    refuse(d, e);
    return ERR_OK;
}

/* ---- rows */

/* In the history of the incident, and of the one where alerts or all of it went. */
static struct err
write_history(const struct decide *d, struct db *db, const struct oid *oid, struct arena *a)
{
    struct incidents_activity rows[2];
    size_t n = 0;
    struct slice detail = decision_payload(&d->decision, a);
    if (detail.p == NULL)
        return no_memory();
    const struct incidents_activity row = {.incident_id = d->record.incident_id,
                                           .at = d->record.time,
                                           .what = d->record.kind,
                                           .by = d->by,
                                           .detail = detail};
    rows[n++] = row;
    if (d->result_id != d->record.incident_id) {
        struct json_out *o = json_out_object(a);
        json_out_int(o, "from", d->record.incident_id);
        json_out_set_raw(o, "decision", detail);
        rows[n] = row;
        rows[n].incident_id = d->result_id;
        rows[n].detail = json_out_print(o, a);
        if (rows[n++].detail.p == NULL)
            return no_memory();
    }
    incidents_activity_add(db, a, oid, rows, n, DB_UNTOLD);
    return ERR_OK;
}

/* As the tenant's setting, which tenants_load reads. */
static struct err
write_parameters(const struct decide *d, struct seal *seal, struct db *db, struct arena *a)
{
    struct settings_row row = {.name = SLICE("parameters")};
    struct err e =
        seal_close(seal, &d->record.oid, d->record.epoch, SEAL_CREDENTIAL,
                   SLICE("pg|setting|sealed|parameters"), d->decision.parameters, a, &row.sealed);
    if (e.kind == ERR_NONE)
        settings_save(db, a, &d->record.oid, &row, 1, DB_UNTOLD);
    return e;
}

static struct err
write_applied(const struct decide *d, struct seal *seal, struct db *db, struct arena *a)
{
    const struct oid *oid = &d->record.oid;
    struct err e = ERR_OK;
    const struct decision *from = &d->decision;
    const struct incidents_comment comment = {
        .incident_id = d->result_id, .text = from->comment, .by = d->by, .at = d->record.time};
    if (from->has_tags)
        incidents_tags(db, a, oid, from->incident_id, from->tags, from->n_tags, DB_UNTOLD);
    if (from->comment.n > 0 && d->result_id > 0)
        incidents_comment_add(db, a, oid, &comment, DB_UNTOLD);
    if (from->kind == DECIDED_PARAMETERS)
        e = write_parameters(d, seal, db, a);
    return e.kind ? e : write_history(d, db, oid, a);
}

struct err
decide_write(const struct decide *d, struct seal *seal, struct db *db, struct arena *a)
{
    if (d->outcome != DECIDE_APPLIED && d->outcome != DECIDE_REFUSED)
        return ERR_OK;
    struct err e = d->outcome == DECIDE_APPLIED ? write_applied(d, seal, db, a) : ERR_OK;
    if (e.kind)
        return e;
    bool applied = d->outcome == DECIDE_APPLIED;
    /* texts of a record that the store refused are not given to it again */
    const struct decisions_row row = {
        .id = d->record.id,
        .at = d->record.time,
        .kind = d->poison ? SLICE("refused") : d->record.kind,
        .incident_id = d->record.incident_id,
        .result_id = applied ? d->result_id : 0,
        .outcome = applied ? SLICE(DECISIONS_APPLIED) : slice_of(d->why.code),
        .detail = applied ? SLICE_NONE : slice_dup(a, slice_of(d->why.text)),
    };
    decisions_add(db, a, &d->record.oid, &row, DB_UNTOLD);
    return ERR_OK;
}
