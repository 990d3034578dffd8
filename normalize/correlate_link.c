#include "normalize/correlate_link.h"

#include <stdlib.h>

#include "common/json.h"

enum { BATCH = 4096, ARENA_BYTES = 512 << 20 };

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "correlate.memory", "no memory for the alerts of a tenant");
}

/* ---- reasons */

/* The parts of a reason are written by the engine's own hand. */
static struct err
add_reason(const struct incident_reason *r, const struct params *p, struct arena *scratch,
           struct arena *a, struct correlate_result *out)
{
    struct json doc;
    struct slice json = incident_reason_json(r, p, scratch);
    if (json.p == NULL)
        return no_memory();
    struct err e = json_parse(json, scratch, &doc);
    if (e.kind)
        return e;
    if (out->n_reasons == out->cap_reasons) {
        void *more = arena_grow(a, out->reasons, sizeof(*out->reasons), &out->cap_reasons);
        if (more == NULL)
            return no_memory();
        out->reasons = more;
    }
    struct correlate_reason *made = &out->reasons[out->n_reasons];
    *made = (struct correlate_reason){
        .id = slice_dup(a, r->alert_id),
        .order = out->n_reasons,
        .why = {slice_dup(a, r->partner_id), r->score.score,
                json_minify(json_get(doc, "parts"), a)},
    };
    if (made->id.p == NULL || made->why.partner.p == NULL || made->why.parts.p == NULL)
        return no_memory();
    out->n_reasons++;
    return ERR_OK;
}

struct err
correlate_link_reasons(struct incident_engine *e, const struct params *p, struct arena *a,
                       struct correlate_result *out)
{
    struct incident_changes changes;
    struct arena *scratch = arena_new(SIZE_MAX / 2);
    if (scratch == NULL)
        return no_memory();
    struct err failed = incident_changes(e, scratch, &changes);
    for (size_t i = 0; !failed.kind && i < changes.n_reasons; i++)
        if (changes.reasons[i].partner_id.p != NULL)
            failed = add_reason(&changes.reasons[i], p, scratch, a, out);
    if (!failed.kind)
        out->refused += changes.refused;
    arena_free(scratch);
    return failed;
}

static int
reason_order(const void *a, const void *b)
{
    const struct correlate_reason *x = a, *y = b;
    int order = slice_cmp(x->id, y->id);
    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

const struct correlate_why *
correlate_link_why(const struct correlate_result *r, struct slice id)
{
    size_t low = 0, high = r->n_reasons;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (slice_cmp(r->reasons[mid].id, id) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    bool found = low < r->n_reasons && slice_eq(r->reasons[low].id, id);
    return found ? &r->reasons[low].why : NULL;
}

/* ---- twice over the alerts */

/* One run over a tenant. */
struct link {
    const struct correlate_log *log;
    const struct correlate_tenant *t;
    const struct params *p;
    struct incident_engine *engine;
    struct arena *line; /* one alert */
    struct arena *a;    /* the result */
};

static struct err
learn(struct link *l)
{
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < l->t->n_alerts; i++) {
        struct key_set set;
        struct incident_alert al;
        e = correlate_log_alert(l->log, &l->t->alerts[i], l->line, &set, &al);
        if (!e.kind)
            e = incident_learn(l->engine, &al);
        arena_reset(l->line);
    }
    incident_learned(l->engine);
    return e;
}

static struct err
commit(struct link *l, bool explain, struct correlate_result *out)
{
    struct err e = ERR_OK;
    if (explain)
        e = correlate_link_reasons(l->engine, l->p, l->a, out);
    if (!e.kind)
        incident_commit(l->engine);
    return e;
}

static struct err
add_all(struct link *l, bool explain, struct correlate_result *out)
{
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < l->t->n_alerts; i++) {
        struct key_set set;
        struct incident_alert al;
        e = correlate_log_alert(l->log, &l->t->alerts[i], l->line, &set, &al);
        if (e.kind)
            break;
        out->incident_of[i] = !incident_has(l->engine, al.source, al.native_id);
        e = incident_add(l->engine, &al);
        arena_reset(l->line);
        if (!e.kind && (i + 1) % BATCH == 0)
            e = commit(l, explain, out);
    }
    return e.kind ? e : commit(l, explain, out);
}

/* What is left in incident_of is 1 for the first version of an alert. */
static void
tell(struct link *l, struct correlate_result *out)
{
    for (size_t i = 0; i < l->t->n_alerts; i++) {
        const struct correlate_packed *kept = &l->t->alerts[i];
        if (out->incident_of[i] != 0)
            out->incident_of[i] =
                incident_of(l->engine, names_text(l->log->sources, kept->source), kept->id);
    }
}

struct err
correlate_link(const struct correlate_log *log, const struct correlate_tenant *t,
               const struct params *p, bool explain, struct arena *a, struct correlate_result *out)
{
    struct link l = {.log = log, .t = t, .p = p, .a = a};
    *out = (struct correlate_result){.n_reasons = 0};
    l.engine = incident_engine_new(p, 1, SIZE_MAX / 2);
    l.line = arena_new(ARENA_BYTES);
    out->incident_of = arena_alloc(a, sizeof(*out->incident_of) * (t->n_alerts + 1));
    struct err e = no_memory();
    if (l.engine != NULL && l.line != NULL && out->incident_of != NULL)
        e = learn(&l);
    if (!e.kind)
        e = add_all(&l, explain, out);
    if (!e.kind)
        tell(&l, out);
    if (out->n_reasons > 1)
        qsort(out->reasons, out->n_reasons, sizeof(*out->reasons), reason_order);
    arena_free(l.line);
    incident_engine_free(l.engine);
    return e;
}
