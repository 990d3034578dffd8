#include "serve/facts.h"

#include <stdlib.h>

#include "ingest/source.h"
#include "store/incidents.h"

enum { SHOWN_MAX = 80 };

/* ---- questions */

static void
on_incident(void *arg, const struct db_rows *rows, struct err e)
{
    struct facts *f = arg;
    if (e.kind || db_count(rows) == 0)
        return;
    struct incidents_row row;
    incidents_full_row(rows, 0, f->arena, &row);
    f->found = true;
    f->redirect_to = row.redirect_to;
    f->classification = row.classification;
    f->determination = row.determination;
}

static void
on_into(void *arg, const struct db_rows *rows, struct err e)
{
    struct facts *f = arg;
    f->into_found = e.kind == ERR_NONE && db_count(rows) > 0;
}

static void
on_known(void *arg, const struct db_rows *rows, struct err e)
{
    struct facts *f = arg;
    f->known = e.kind == ERR_NONE && db_count(rows) > 0;
}

static void
on_alerts(void *arg, const struct db_rows *rows, struct err e)
{
    struct facts *f = arg;
    if (e.kind)
        return;
    f->alerts = arena_alloc(f->arena, (db_count(rows) + 1) * sizeof *f->alerts);
    for (size_t i = 0; f->alerts != NULL && i < db_count(rows); i++) {
        struct decisions_alert *x = &f->alerts[f->n_alerts++];
        decisions_alert_row(rows, i, x);
        x->id = slice_dup(f->arena, x->id);
        x->native_id = slice_dup(f->arena, x->native_id);
    }
}

void
facts_ask(struct facts *out, struct db *db, struct arena *a, const struct oid *tenant,
          const struct change *c, struct slice id)
{
    *out = (struct facts){.arena = a};
    incidents_get(db, a, tenant, c->decision.incident_id, (struct db_answer){on_incident, out});
    if (c->decision.into != 0)
        incidents_get(db, a, tenant, c->decision.into, (struct db_answer){on_into, out});
    if (c->n_ids > 0)
        decisions_alerts(db, a, tenant, c->ids, c->n_ids, (struct db_answer){on_alerts, out});
    decisions_get(db, a, tenant, id, (struct db_answer){on_known, out});
}

/* ---- answers */

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "change.memory", "the request needs more memory than it may have");
}

static int
alert_cmp(const void *x, const void *y)
{
    const struct decisions_alert *a = x, *b = y;
    return slice_cmp(a->id, b->id);
}

/* The alerts that ids name must be in the incident at hand. */
static struct err
settle_alerts(struct facts *f, struct change *c)
{
    struct decision *d = &c->decision;
    d->n_alerts = 0;
    d->alerts = arena_alloc(f->arena, (c->n_ids + 1) * sizeof *d->alerts);
    if (d->alerts == NULL || (c->n_ids > 0 && f->alerts == NULL))
        return no_memory();
    if (f->n_alerts > 0)
        qsort(f->alerts, f->n_alerts, sizeof *f->alerts, alert_cmp);
    for (size_t i = 0; i < c->n_ids; i++) {
        const struct decisions_alert key = {.id = c->ids[i]};
        const struct decisions_alert *x =
            f->n_alerts == 0 ? NULL
                             : bsearch(&key, f->alerts, f->n_alerts, sizeof *f->alerts, alert_cmp);
        const struct source *source = x != NULL ? source_by_number(x->source) : NULL;
        if (source == NULL || x->incident_id != d->incident_id)
            return err_make(ERR_REJECT, "change.value",
                            "There is no alert '%.*s' in incident %lld.",
                            SLICE_ARG(slice_sub(key.id, 0, SHOWN_MAX)), (long long)d->incident_id);
        d->alerts[d->n_alerts++] = (struct decision_alert){slice_of(source->name), x->native_id};
    }
    return ERR_OK;
}

struct err
facts_settle(struct facts *f, struct change *c)
{
    struct decision *d = &c->decision;
    if (!f->found)
        return err_make(ERR_REJECT, "change.unknown", "There is no incident %lld.",
                        (long long)d->incident_id);
    if (f->redirect_to != 0)
        return err_make(ERR_REJECT, "change.merged",
                        "Incident %lld became part of incident %lld; change that.",
                        (long long)d->incident_id, (long long)f->redirect_to);
    if (d->into != 0 && !f->into_found)
        return err_make(ERR_REJECT, "change.value", "There is no incident %lld to go into.",
                        (long long)d->into);
    struct err e = settle_alerts(f, c);
    if (e.kind == ERR_NONE)
        e = change_settle(d, f->classification, f->determination);
    return e.kind ? e : decision_check(d);
}
