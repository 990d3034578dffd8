#include "serve/explain.h"

#include <stdlib.h>

#include "common/json.h"
#include "ingest/source.h"
#include "normalize/incident_why.h"
#include "serve/scene.h"
#include "serve/wire.h"

static int
by_activity(const void *x, const void *y)
{
    const struct alerts_row *a = &((const struct explain_alert *)x)->alert->row;
    const struct alerts_row *b = &((const struct explain_alert *)y)->alert->row;
    if (a->first_activity != b->first_activity)
        return a->first_activity < b->first_activity ? -1 : 1;
    if (a->created != b->created)
        return a->created < b->created ? -1 : 1;
    int order = slice_cmp(a->native_id, b->native_id);
    return order != 0 ? order : (a->source > b->source) - (a->source < b->source);
}

/* Alerts by key, for the links and partners of a large incident. */
static int
by_key(const void *x, const void *y)
{
    const struct alerts_row *a = &((*(const struct alerts_full *const *)x))->row;
    const struct alerts_row *b = &((*(const struct alerts_full *const *)y))->row;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return slice_cmp(a->native_id, b->native_id);
}

static int
link_by_key(const void *x, const void *y)
{
    const struct incidents_link *a = *(const struct incidents_link *const *)x;
    const struct incidents_link *b = *(const struct incidents_link *const *)y;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return slice_cmp(a->native_id, b->native_id);
}

struct index {
    const struct alerts_full **alerts;
    size_t n_alerts;
    const struct incidents_link **links;
    size_t n_links;
};

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "explain.memory", "the explanation is too large");
}

static struct err
index_make(const struct alerts_full *alerts, size_t n_alerts, const struct incidents_link *links,
           size_t n_links, struct arena *a, struct index *x)
{
    *x = (struct index){.n_alerts = n_alerts, .n_links = n_links};
    x->alerts = arena_alloc(a, (n_alerts + 1) * sizeof(struct alerts_full *));
    x->links = arena_alloc(a, (n_links + 1) * sizeof(struct incidents_link *));
    if (x->alerts == NULL || x->links == NULL)
        return no_memory();
    for (size_t i = 0; i < n_alerts; i++)
        x->alerts[i] = &alerts[i];
    for (size_t i = 0; i < n_links; i++)
        x->links[i] = &links[i];
    qsort(x->alerts, n_alerts, sizeof(struct alerts_full *), by_key);
    qsort(x->links, n_links, sizeof(struct incidents_link *), link_by_key);
    return ERR_OK;
}

static const struct incidents_link *
link_of(const struct index *x, const struct alerts_row *al)
{
    const struct incidents_link key = {.source = al->source, .native_id = al->native_id};
    const struct incidents_link *wanted = &key,
                                **found = bsearch(&wanted, x->links, x->n_links,
                                                  sizeof(struct incidents_link *), link_by_key);
    return found != NULL ? *found : NULL;
}

/* The id that people see; a partner that is no longer in the incident keeps its source's. */
static struct slice
unified_id(const struct index *x, int32_t source, struct slice native_id)
{
    const struct alerts_full key = {.row = {.source = source, .native_id = native_id}};
    const struct alerts_full *wanted = &key,
                             **found = bsearch(&wanted, x->alerts, x->n_alerts,
                                               sizeof(struct alerts_full *), by_key);
    return found != NULL ? (*found)->row.id : native_id;
}

static struct err
explain_one(const struct index *x, struct arena *a, struct explain_alert *out)
{
    const struct incidents_link *l = link_of(x, &out->alert->row);
    struct err e = l != NULL ? incident_reason_read(l->reason, a, &out->reason) : ERR_OK;
    if (e.kind == ERR_RETRY)
        return e;
    out->has_reason = l != NULL && e.kind == ERR_NONE;
    if (!out->has_reason) {
        out->reason = (struct incident_reason){.level = 0};
        out->sentence = SLICE("No reason is stored.");
        return ERR_OK;
    }
    if (out->reason.partner_id.p != NULL) {
        out->partner = unified_id(x, l->partner_source, l->partner_id);
        out->reason.partner_id = out->partner; /* the sentence names it as people know it */
    }
    out->sentence = incident_sentence(&out->reason, &params_default, a);
    return out->sentence.p != NULL ? ERR_OK : no_memory();
}

struct err
explain_of(const struct alerts_full *alerts, size_t n_alerts, const struct incidents_link *links,
           size_t n_links, struct arena *a, struct explain_alert **out)
{
    struct index x;
    struct err e = index_make(alerts, n_alerts, links, n_links, a, &x);
    if (e.kind)
        return e;
    struct explain_alert *list = arena_alloc(a, (n_alerts + 1) * sizeof *list);
    if (list == NULL)
        return no_memory();
    for (size_t i = 0; i < n_alerts && e.kind == ERR_NONE; i++) {
        list[i].alert = &alerts[i];
        e = explain_one(&x, a, &list[i]);
    }
    qsort(list, n_alerts, sizeof *list, by_activity);
    *out = list;
    return e;
}

/* ---- the strongest links */

static int
reason_by_key(const void *x, const void *y)
{
    const struct incident_reason *a = x, *b = y;
    int order = slice_cmp(a->alert_source, b->alert_source);
    return order != 0 ? order : slice_cmp(a->alert_id, b->alert_id);
}

static struct slice
name_of(int32_t number)
{
    const struct source *s = source_by_number(number);
    return slice_of(s != NULL ? s->name : "");
}

/* An alert that no link reaches: what was stored when it came still says something. */
static struct err
tell_root(struct explain_alert *x, bool first, struct arena *a)
{
    if (first)
        x->sentence = SLICE("The strongest links lead from here to the others.");
    else
        x->sentence =
            slice_printf(a, "No link leads here now. When it came: %.*s", SLICE_ARG(x->sentence));
    x->reason.score = (struct link_score){.score = 0};
    x->partner = x->reason.partner_id = SLICE_NONE;
    return x->sentence.p != NULL ? ERR_OK : no_memory();
}

static struct err
tell_link(const struct index *x, const struct incident_reason *r, const struct params *params,
          struct arena *a, struct explain_alert *out)
{
    int32_t source = 0;
    for (size_t i = 0; sources[i] != NULL; i++)
        if (slice_eq(slice_of(sources[i]->name), r->partner_source))
            source = sources[i]->number;
    out->has_reason = true;
    out->reason = *r;
    out->partner = out->reason.partner_id = unified_id(x, source, r->partner_id);
    out->sentence = incident_sentence(&out->reason, params, a);
    return out->sentence.p != NULL ? ERR_OK : no_memory();
}

struct err
explain_canonical(const struct scene *what, const struct incidents_link *links, size_t n_links,
                  struct arena *a, struct explain_alert **out)
{
    struct incident_engine *engine;
    struct incident_reason *reasons;
    struct index x;
    size_t n = 0;
    struct err e = scene_engine(what, a, &engine);
    if (e.kind == ERR_NONE)
        e = incident_canonical(engine, what->incidents[0].id, a, &reasons, &n);
    if (e.kind == ERR_NONE)
        e = explain_of(what->alerts, what->n_alerts, links, n_links, a, out);
    if (e.kind == ERR_NONE)
        e = index_make(what->alerts, what->n_alerts, links, n_links, a, &x);
    if (e.kind)
        return e;
    struct incident_reason root = n > 0 ? reasons[0] : (struct incident_reason){.level = 0};
    qsort(reasons, n, sizeof *reasons, reason_by_key);
    for (size_t i = 0; i < what->n_alerts && e.kind == ERR_NONE; i++) {
        struct explain_alert *one = &(*out)[i];
        const struct incident_reason key = {.alert_source = name_of(one->alert->row.source),
                                            .alert_id = one->alert->row.native_id};
        const struct incident_reason *r = bsearch(&key, reasons, n, sizeof *reasons, reason_by_key);
        if (r == NULL)
            continue;
        e = r->partner_id.p != NULL ? tell_link(&x, r, what->params, a, one)
                                    : tell_root(one, reason_by_key(r, &root) == 0, a);
    }
    return e;
}

/* ---- what people said */

struct err
explain_pins(struct explain_alert *alerts, size_t n, const struct pins_row *pins, size_t n_pins,
             struct arena *a)
{
    for (size_t i = 0; i < n; i++) {
        const struct alerts_row *al = &alerts[i].alert->row;
        for (size_t k = 0; k < n_pins && !alerts[i].pinned; k++)
            alerts[i].pinned =
                pins[k].source == al->source && slice_eq(pins[k].native_id, al->native_id);
        if (!alerts[i].pinned)
            continue;
        alerts[i].sentence =
            slice_printf(a, "A person put it here. %.*s", SLICE_ARG(alerts[i].sentence));
        if (alerts[i].sentence.p == NULL)
            return no_memory();
    }
    return ERR_OK;
}

struct err
explain_bundle(const struct bundle *b, const struct alerts_full *alerts, size_t n,
               const struct params *canonical, struct explain_alert **out)
{
    const struct scene what = {b->rows,   1,          alerts,       n,        b->pins,
                               b->n_pins, b->aliases, b->n_aliases, canonical};
    struct err e = canonical != NULL ? explain_canonical(&what, b->links, b->n_links, b->arena, out)
                                     : explain_of(alerts, n, b->links, b->n_links, b->arena, out);
    return e.kind ? e : explain_pins(*out, n, b->pins, b->n_pins, b->arena);
}

/* ---- JSON */

static const char *
source_name(int32_t number)
{
    const struct source *s = source_by_number(number);
    return s != NULL ? s->name : "unknown";
}

static const char *
part_code(enum link_part_kind kind)
{
    static const char *const codes[] = {
        [LINK_KEY] = "shared_key",        [LINK_STAGE] = "next_stage",
        [LINK_PRODUCT] = "other_product", [LINK_TWIN] = "same_outbreak",
        [LINK_SEVERITY] = "severity",     [LINK_RARE] = "rare_detectors"};
    return codes[kind];
}

static void
put_part(struct wire *w, const struct incident_reason *r, size_t i)
{
    const struct link_part *p = &r->score.parts[i];
    wire_open(w, NULL, '{');
    wire_text(w, "part", slice_of(part_code(p->kind)));
    if (p->kind == LINK_KEY) {
        wire_text(w, "key", slice_of(key_type_word(p->type)));
        wire_text(w, "value", r->key_values[i]);
        wire_int(w, "weight", p->weight);
        wire_int(w, "decay", p->decay);
    } else {
        wire_null(w, "key");
        wire_null(w, "value");
        wire_null(w, "weight");
        wire_null(w, "decay");
    }
    wire_int(w, "points", p->points);
    wire_close(w, '}');
}

struct slice
explain_json(const struct incidents_row *incident, const struct explain_alert *alerts, size_t n,
             struct arena *a)
{
    struct wire w;
    wire_init(&w, a);
    wire_open(&w, NULL, '{');
    wire_int(&w, "incidentId", incident->id);
    wire_text(&w, "name", incident->name);
    wire_open(&w, "alerts", '[');
    for (size_t i = 0; i < n; i++) {
        const struct explain_alert *x = &alerts[i];
        wire_open(&w, NULL, '{');
        wire_text(&w, "alertId", x->alert->row.id);
        wire_text(&w, "title", x->alert->row.title);
        wire_text(&w, "source", slice_of(source_name(x->alert->row.source)));
        wire_time(&w, "time", x->alert->row.first_activity);
        wire_int(&w, "score", x->reason.score.score);
        wire_text(&w, "partner", x->partner);
        wire_text(&w, "sentence", x->sentence);
        wire_open(&w, "parts", '[');
        for (size_t k = 0; k < x->reason.score.n_parts; k++)
            put_part(&w, &x->reason, k);
        wire_close(&w, ']');
        wire_close(&w, '}');
    }
    wire_close(&w, ']');
    wire_close(&w, '}');
    return wire_done(&w);
}
