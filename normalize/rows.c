#include "normalize/rows.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/plant.h"
#include "schemas/decision.h"

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "normalize.memory", "a batch needs more memory than it may have");
}

/* ---- alerts */

static struct slice
words(const struct slice *list, size_t n, struct arena *a)
{
    struct slice all = SLICE_NONE;
    for (size_t i = 0; i < n; i++)
        all = i == 0 ? list[0] : slice_printf(a, "%.*s %.*s", SLICE_ARG(all), SLICE_ARG(list[i]));
    return all;
}

static struct slice
comments_json(const struct alert *al, struct arena *a)
{
    struct json_out *list = json_out_array(a);
    for (size_t i = 0; i < al->n_comments; i++) {
        struct json_out *one = json_out_object(a);
        json_out_text(one, "comment", al->comments[i].text);
        json_out_text(one, "createdBy", al->comments[i].by);
        json_out_int(one, "created", al->comments[i].created);
        json_out_add(list, one);
    }
    return al->n_comments == 0 ? SLICE_NONE : json_out_print(list, a);
}

static struct slice
raw_words_json(const struct alert *al, struct arena *a)
{
    struct json_out *o = json_out_object(a);
    for (size_t i = 0; i < al->n_raw_words; i++)
        json_out_text(o, al->raw_words[i].member, al->raw_words[i].word);
    return al->n_raw_words == 0 ? SLICE_NONE : json_out_print(o, a);
}

static void
fill(struct alerts_row *r, const struct alert *al, struct arena *a)
{
    r->id = al->id;
    r->provider_alert_id = al->provider_alert_id;
    r->title = al->title;
    r->description = al->description;
    r->recommended_actions = al->recommended_actions;
    r->web_url = al->web_url;
    r->category = al->category;
    r->tactics = al->tactics;
    r->severity = (int32_t)al->severity;
    r->status = (int32_t)al->status;
    r->classification = (int32_t)al->classification;
    r->determination = (int32_t)al->determination;
    r->service = (int32_t)al->service;
    r->detection = (int32_t)al->detection;
    r->detector_id = al->detector_id;
    r->detector = al->detector;
    r->investigation_id = al->investigation_id;
    r->investigation_state = al->investigation_state;
    r->assigned_to = al->assigned_to;
    r->threat_name = al->threat_name;
    r->threat_family = al->threat_family;
    r->actor = al->actor;
    r->policy_id = al->policy_id;
    r->native_incident_id = al->native_incident_id;
    r->techniques = words(al->techniques, al->n_techniques, a);
    r->created = al->created;
    r->first_activity = al->first_activity;
    r->last_activity = al->last_activity;
    r->updated = al->updated;
    r->resolved = al->resolved;
    r->comments = comments_json(al, a);
    r->additional = al->additional;
    r->raw_words = raw_words_json(al, a);
    r->evidence = alert_evidence_json(al, a);
}

static struct slice
alert_place(const char *column, int32_t source, struct slice native_id, struct arena *a)
{
    return slice_printf(a, "pg|%s|%d/%.*s", column, source, SLICE_ARG(native_id));
}

struct err
rows_alert(const struct tenant *t, const struct item *i, const struct alert *al, struct seal *seal,
           struct arena *a, struct alerts_row **out)
{
    struct alerts_row *r = arena_alloc(a, sizeof *r);
    struct incident_alert state;
    uint16_t leads;
    if (r == NULL)
        return no_memory();
    struct err e = incident_state(t->engine, al->source, i->native_id, a, &state, &leads);
    if (e.kind)
        return e;
    *r = (struct alerts_row){.source = i->source,
                             .native_id = i->native_id,
                             .version = i->version,
                             .received = i->received};
    r->sha256 = (struct slice){(const char *)i->sha256, sizeof i->sha256};
    fill(r, al, a);
    r->leads = leads;
    r->keys = rows_state(&state, a);
    struct slice place = alert_place("alert|raw", i->source, i->native_id, a);
    if (r->keys.p == NULL || r->evidence.p == NULL || place.p == NULL)
        return no_memory();
    if (i->n_docs == 0 && !PLANT(raw_is_not_stored))
        e = seal_close(seal, &t->oid, t->epoch, SEAL_RAW, place, i->plain, a, &r->raw);
    *out = r;
    return e;
}

struct err
rows_alerts(const struct share *s, struct arena *a, struct alerts_row **out, size_t *n)
{
    *n = 0;
    *out = arena_alloc(a, (s->n_items + s->n_twins + 1) * sizeof **out);
    if (*out == NULL)
        return no_memory();
    for (size_t i = 0; i < s->n_items; i++)
        if (s->items[i].row != NULL)
            (*out)[(*n)++] = *s->items[i].row;
    for (size_t i = 0; i < s->n_twins; i++)
        if (s->twins[i]->item.row != NULL)
            (*out)[(*n)++] = *s->twins[i]->item.row;
    return ERR_OK;
}

/* ---- documents of identity */

struct slice
rows_twin_place(int32_t source, struct slice native_id, struct arena *a)
{
    return alert_place("identity_twin|sealed", source, native_id, a);
}

struct err
rows_twins(const struct share *s, struct seal *seal, struct arena *a, struct twins_row **out,
           size_t *n)
{
    *n = 0;
    *out = arena_alloc(a, (s->n_twins + 1) * sizeof **out);
    if (*out == NULL)
        return no_memory();
    for (size_t i = 0; i < s->n_twins; i++) {
        const struct twin *t = s->twins[i];
        if (!t->changed)
            continue;
        struct twins_row *r = &(*out)[(*n)++];
        *r = (struct twins_row){.source = t->view.source,
                                .native_id = t->view.native_id,
                                .version = t->version,
                                .received = t->received,
                                .sha256 = t->sha256,
                                .detection = t->view.detection,
                                .moment = t->view.moment,
                                .mate = t->mate_was,
                                .sealed = t->sealed};
        struct slice place = rows_twin_place(r->source, r->native_id, a);
        struct err e = place.p == NULL ? no_memory() : ERR_OK;
        if (e.kind == ERR_NONE && t->rewritten)
            e = seal_close(seal, &s->tenant->oid, s->tenant->epoch, SEAL_RAW, place, t->plain, a,
                           &r->sealed);
        if (e.kind)
            return e;
    }
    return ERR_OK;
}

/* ---- mail records, dead, ignored */

static size_t
count(const struct share *s, enum outcome o)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_deliveries; i++)
        n += s->deliveries[i]->outcome == o ? 1 : 0;
    return n;
}

struct err
rows_mail(const struct share *s, struct seal *seal, struct arena *a, struct alerts_mail **out,
          size_t *n)
{
    size_t most = count(s, OUTCOME_STORED);
    struct alerts_mail *rows = arena_alloc(a, (most + 1) * sizeof *rows);
    *n = 0;
    *out = rows;
    if (rows == NULL)
        return no_memory();
    for (size_t i = 0; i < s->n_items; i++) {
        for (size_t k = 0; k < s->items[i].n_docs; k++) {
            const struct document *d = &s->items[i].docs[k];
            if (d->fresh == NULL || d->fresh->outcome != OUTCOME_STORED ||
                PLANT(mail_keeps_no_records))
                continue;
            struct alerts_mail *r = &rows[(*n)++];
            *r = (struct alerts_mail){.record_id = d->record_id,
                                      .alert_id = s->items[i].native_id,
                                      .version = d->version,
                                      .received = d->received,
                                      .sha256 = d->sha256};
            struct slice place =
                slice_printf(a, "pg|mail_record|sealed|%.*s", SLICE_ARG(d->record_id));
            struct err e = seal_close(seal, &s->tenant->oid, s->tenant->epoch, SEAL_RAW, place,
                                      d->plain, a, &r->sealed);
            if (e.kind)
                return e;
        }
    }
    return ERR_OK;
}

/* A delivery that leaves a row of its own, by the key of that row. */
struct left {
    int32_t source;
    struct slice native_id, sha256; /* sha256 NONE: it is not part of the key */
    const struct delivery *delivery;
    size_t nth; /* in the log: the first of a key stays */
};

static int
left_cmp(const void *x, const void *y)
{
    const struct left *a = x, *b = y;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    int order = slice_cmp(a->native_id, b->native_id);
    if (order == 0)
        order = slice_cmp(a->sha256, b->sha256);
    return order != 0 ? order : (a->nth > b->nth) - (a->nth < b->nth);
}

static bool
left_same(const struct left *a, const struct left *b)
{
    return a->source == b->source && slice_eq(a->native_id, b->native_id) &&
           slice_eq(a->sha256, b->sha256);
}

/* The deliveries of one outcome, each key once, sorted. */
static struct err
left_of(const struct share *s, enum outcome o, bool with_sha, struct arena *a, struct left **out,
        size_t *n)
{
    struct left *all = arena_alloc(a, (count(s, o) + 1) * sizeof *all);
    size_t most = 0;
    *n = 0;
    *out = all;
    if (all == NULL)
        return no_memory();
    for (size_t i = 0; i < s->n_deliveries; i++) {
        const struct delivery *d = s->deliveries[i];
        if (d->outcome != o)
            continue;
        struct left *l = &all[most++];
        *l = (struct left){.source = d->source != NULL ? d->source->number : 0,
                           .native_id = judge_dead_id(d, a),
                           .delivery = d,
                           .nth = i};
        if (with_sha)
            l->sha256 = (struct slice){(const char *)d->sha256, sizeof d->sha256};
        if (l->native_id.p == NULL)
            return no_memory();
    }
    qsort(all, most, sizeof *all, left_cmp);
    for (size_t i = 0; i < most; i++)
        if (*n == 0 || !left_same(&all[i], &all[*n - 1]))
            all[(*n)++] = all[i];
    return ERR_OK;
}

static struct err
dead_row(const struct share *s, const struct left *l, struct seal *seal, struct arena *a,
         struct alerts_dead *out)
{
    const struct delivery *d = l->delivery;
    *out = (struct alerts_dead){.source = l->source,
                                .native_id = l->native_id,
                                .sha256 = l->sha256,
                                .received = d->record.received,
                                .reason = slice_of(d->why.code),
                                .detail = slice_dup(a, slice_of(d->why.text)),
                                .at = d->record.received};
    struct slice place = alert_place("dead|sealed", l->source, l->native_id, a);
    if (out->detail.p == NULL || place.p == NULL)
        return no_memory();
    return d->plain.p == NULL ? ERR_OK
                              : seal_close(seal, &s->tenant->oid, s->tenant->epoch, SEAL_DEAD,
                                           place, d->plain, a, &out->sealed);
}

struct err
rows_dead(const struct share *s, struct seal *seal, struct arena *a, struct alerts_dead **out,
          size_t *n)
{
    struct left *left;
    size_t most;
    *n = 0;
    struct err e = left_of(s, OUTCOME_DEAD, true, a, &left, &most);
    if (e.kind)
        return e;
    *out = arena_alloc(a, (most + 1) * sizeof **out);
    if (*out == NULL)
        return no_memory();
    for (size_t i = 0; e.kind == ERR_NONE && i < most; i++)
        e = dead_row(s, &left[i], seal, a, &(*out)[(*n)++]);
    return e;
}

struct err
rows_ignored(const struct share *s, struct arena *a, struct alerts_ignored **out, size_t *n)
{
    struct left *left;
    size_t most;
    *n = 0;
    struct err e = left_of(s, OUTCOME_IGNORED, false, a, &left, &most);
    if (e.kind)
        return e;
    *out = arena_alloc(a, (most + 1) * sizeof **out);
    if (*out == NULL)
        return no_memory();
    for (; *n < most; (*n)++)
        (*out)[*n] = (struct alerts_ignored){.source = left[*n].source,
                                             .native_id = left[*n].native_id,
                                             .reason = slice_of(left[*n].delivery->ident.reason),
                                             .received = left[*n].delivery->record.received};
    return ERR_OK;
}

/* ---- incidents */

static int32_t
number_of(struct slice source)
{
    const struct source *s = source_by_name(source);
    return s == NULL ? 0 : s->number;
}

static struct slice
status_of(const struct incident_row *r)
{
    return r->redirect_to != 0 ? SLICE("redirected")
                               : slice_of(decision_status_word((enum decision_status)r->status));
}

static void
incident_of_row(const struct tenant *t, const struct incident_row *r, struct incidents_row *out)
{
    *out = (struct incidents_row){
        .id = r->id,
        .version = r->version,
        .redirect_to = r->redirect_to,
        .name = r->name,
        .first_name = r->first_name,
        .severity = (int32_t)r->severity,
        .status = status_of(r),
        .classification = r->classification,
        .determination = r->determination,
        .assigned_to = r->assigned_to,
        .stage_score = r->stage_score,
        .tactics = r->tactics,
        .sources = (int32_t)r->sources,
        .alerts = r->alerts,
        .users = r->users,
        .devices = r->devices,
        .created = r->created_s * CLOCK_SECOND,
        .updated = r->updated,
        .first_activity = r->first_s * CLOCK_SECOND,
        .last_activity = r->last_s * CLOCK_SECOND,
        .entities = r->entities,
        .n_entities = r->n_entities,
        .params = slice_of(t->params_digest),
        .worked = r->worked,
    };
}

static void
event_of_row(const struct tenant *t, const struct incident_row *r, const struct incidents_row *row,
             int32_t partition, struct events_row *out)
{
    *out = (struct events_row){
        .partition = partition,
        .oid = t->oid,
        .epoch = t->epoch,
        .incident_id = r->id,
        .version = r->version,
        .kind = slice_of(r->kind),
        .severity = slice_of(severity_graph(r->severity)),
        .status = row->status,
        .alerts = r->alerts,
        .users = r->users,
        .devices = r->devices,
        .sources = (int32_t)r->sources,
        .created = row->created,
        .updated = row->updated,
        .first_activity = row->first_activity,
        .last_activity = row->last_activity,
        .merged_into = r->redirect_to,
        .at = row->updated,
    };
}

static int
link_cmp(const void *x, const void *y)
{
    const struct incidents_link *a = x, *b = y;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return slice_cmp(a->native_id, b->native_id);
}

struct numbered_link {
    struct incidents_link link;
    size_t nth;
};

static int
numbered_cmp(const void *x, const void *y)
{
    const struct numbered_link *a = x, *b = y;
    int order = link_cmp(&a->link, &b->link);
    return order != 0 ? order : (a->nth > b->nth) - (a->nth < b->nth);
}

/* The first reason of an alert is the one that is kept. */
static struct err
links(const struct tenant *t, const struct incident_changes *c, int64_t at, struct arena *a,
      struct rows_changes *out)
{
    struct numbered_link *all = arena_alloc(a, (c->n_reasons + 1) * sizeof *all);
    out->links = arena_alloc(a, (c->n_reasons + 1) * sizeof *out->links);
    if (all == NULL || out->links == NULL)
        return no_memory();
    for (size_t i = 0; i < c->n_reasons; i++) {
        const struct incident_reason *r = &c->reasons[i];
        all[i].nth = i;
        all[i].link = (struct incidents_link){.source = number_of(r->alert_source),
                                              .native_id = r->alert_id,
                                              .partner_source = number_of(r->partner_source),
                                              .partner_id = r->partner_id,
                                              .score = r->score.score,
                                              .at = at};
    }
    qsort(all, c->n_reasons, sizeof *all, numbered_cmp);
    for (size_t i = 0; i < c->n_reasons; i++) {
        const struct incident_reason *r = &c->reasons[all[i].nth];
        if (i > 0 && link_cmp(&all[i].link, &all[i - 1].link) == 0)
            continue;
        struct incidents_link *l = &out->links[out->n_links++];
        *l = all[i].link;
        l->incident_id = incident_of(t->engine, r->alert_source, r->alert_id);
        l->reason = incident_reason_json(r, &params_default, a);
        if (l->reason.p == NULL)
            return no_memory();
    }
    return ERR_OK;
}

/* A redirected incident holds nothing any more: to a reader it looks like its survivor. */
static void
look_like_survivor(struct incidents_row *r, const struct incident_changes *c)
{
    for (size_t i = 0; i < c->n_rows; i++) {
        const struct incident_row *s = &c->rows[i];
        if (s->id != r->redirect_to)
            continue;
        if (r->name.n == 0)
            r->name = r->first_name = s->name;
        r->severity = (int32_t)s->severity;
        r->created = s->created_s * CLOCK_SECOND;
        r->first_activity = s->first_s * CLOCK_SECOND;
        r->last_activity = s->last_s * CLOCK_SECOND;
    }
}

struct err
rows_changes(const struct tenant *t, const struct incident_changes *c, int32_t partition,
             int64_t at, struct arena *a, struct rows_changes *out)
{
    *out = (struct rows_changes){.n_incidents = c->n_rows};
    out->incidents = arena_alloc(a, (c->n_rows + 1) * sizeof *out->incidents);
    out->events = arena_alloc(a, (c->n_rows + 1) * sizeof *out->events);
    out->members = arena_alloc(a, (c->n_members + 1) * sizeof *out->members);
    out->related = arena_alloc(a, (c->n_related + 1) * sizeof *out->related);
    if (out->incidents == NULL || out->events == NULL || out->members == NULL ||
        out->related == NULL)
        return no_memory();
    /* no digest that an incident is restored by: its parts need not follow from the rule */
    struct slice mixed = slice_printf(a, "~%s", t->params_digest);
    if (mixed.p == NULL)
        return no_memory();
    for (size_t i = 0; i < c->n_rows; i++) {
        incident_of_row(t, &c->rows[i], &out->incidents[i]);
        if (!c->rows[i].by_rule)
            out->incidents[i].params = mixed;
        if (c->rows[i].redirect_to != 0)
            look_like_survivor(&out->incidents[i], c);
        event_of_row(t, &c->rows[i], &out->incidents[i], partition, &out->events[i]);
    }
    for (size_t i = 0; i < c->n_members; i++)
        out->members[out->n_members++] =
            (struct incidents_member){.source = number_of(c->members[i].source),
                                      .native_id = c->members[i].native_id,
                                      .incident_id = c->members[i].incident_id};
    for (size_t i = 0; i < c->n_related; i++)
        out->related[out->n_related++] =
            (struct incidents_relation){.a = c->related[i].a,
                                        .b = c->related[i].b,
                                        .score = c->related[i].score,
                                        .why = slice_of(c->related[i].why)};
    return links(t, c, at, a, out);
}
