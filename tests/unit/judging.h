/*
 * judging.h: a tenant without servers, for tests of judge and rows.
 *
 * desk_take judges deliveries as one batch does and keeps the rows in plain lists, the way the
 * tables would; desk_restart forgets the engine and restores it from those lists.
 */
#ifndef WEIR_TESTS_JUDGING_H
#define WEIR_TESTS_JUDGING_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "normalize/rows.h"

#define DESK_TOPIC "weir.eu.alerts"
enum { DESK_BYTES = 512 << 20, DESK_MOST = 4096, DESK_TOLD = 20000 };

struct desk {
    struct incident_clock clock;
    struct incident_day days[DESK_TOLD];
    struct incident_alias aliases[DESK_TOLD];
    size_t n_days, n_aliases;
    struct arena *a;
    struct conf *conf;
    struct seal *seal;
    struct tenant t;
    /* what the tables hold */
    struct alerts_row alerts[DESK_MOST];
    struct alerts_mail mail[DESK_MOST];
    struct alerts_dead dead[DESK_MOST];
    struct alerts_ignored ignored[DESK_MOST];
    struct twins_row twins[DESK_MOST];
    struct incidents_row incidents[DESK_MOST]; /* by id */
    int64_t member[DESK_MOST];                 /* incident of alerts[i] */
    size_t n_alerts, n_mail, n_dead, n_ignored, n_twins, n_events, n_links;
    int64_t last_id;
};

static inline void
fine(struct err e)
{
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
}

static inline struct incident_engine *
desk_engine(int64_t next)
{
    struct incident_engine *e = incident_engine_new(&params_default, next, DESK_BYTES);
    assert_non_null(e);
    return e;
}

static inline struct desk *
desk_new(void)
{
    static const char *const flags[] = {"keys.mode=none", NULL};
    const struct opt *const tables[] = {seal_opts, NULL};
    struct desk *d = calloc(1, sizeof *d);
    assert_non_null(d);
    d->a = arena_new(DESK_BYTES);
    assert_non_null(d->a);
    fine(conf_load(tables, "/dev/null", flags, &d->conf));
    fine(seal_new(d->conf, &d->seal));
    d->t = (struct tenant){.epoch = 1, .channel = IDENTITY_APPS, .first_id = 1};
    memcpy(d->t.oid.b, "0123456789abcdef", sizeof d->t.oid.b);
    d->t.directory_id = SLICE("206e2965-6533-48a6-ba9e-794364a84bf9");
    d->t.engine = desk_engine(1);
    return d;
}

static inline void
desk_free(struct desk *d)
{
    incident_engine_free(d->t.engine);
    seal_free(d->seal);
    conf_free(d->conf);
    arena_free(d->a);
    free(d);
}

/* A raw alert as ingest sends it. */
static inline struct delivery
desk_delivery(struct desk *d, const char *source, const char *native_id, int64_t version,
              int64_t received, struct slice payload)
{
    struct delivery out = {.record = {.oid = d->t.oid,
                                      .epoch = 1,
                                      .source = slice_of(source),
                                      .native_id = slice_of(native_id),
                                      .version = version,
                                      .received = received}};
    struct slice place = slice_printf(d->a, "kafka|" DESK_TOPIC "|%s/%s", source, native_id);
    fine(seal_close(d->seal, &d->t.oid, 1, SEAL_RAW, place, payload, d->a, &out.record.payload));
    return out;
}

static inline size_t
desk_alert(const struct desk *d, int32_t source, struct slice native_id)
{
    size_t i = 0;
    while (i < d->n_alerts &&
           !(d->alerts[i].source == source && slice_eq(d->alerts[i].native_id, native_id)))
        i++;
    return i;
}

/* What the store says of the alerts at hand (alerts_known, alerts_mail_of). */
static inline void
desk_known(struct desk *d, struct share *s)
{
    for (size_t i = 0; i < d->n_alerts; i++) {
        struct item *item = judge_find(s, d->alerts[i].source, d->alerts[i].native_id);
        if (item == NULL)
            continue;
        item->known = true;
        item->version = d->alerts[i].version;
        item->received = d->alerts[i].received;
        memcpy(item->sha256, d->alerts[i].sha256.p, sizeof item->sha256);
    }
    for (size_t i = 0; i < d->n_mail; i++) {
        const struct alerts_mail *m = &d->mail[i];
        struct item *item = judge_find(s, 2, m->alert_id);
        if (item == NULL)
            continue;
        assert_true(item->parts);
        struct document doc = {.record_id = m->record_id,
                               .version = m->version,
                               .received = m->received,
                               .sha256 = m->sha256};
        struct slice place =
            slice_printf(d->a, "pg|mail_record|sealed|%.*s", SLICE_ARG(m->record_id));
        fine(seal_open(d->seal, &d->t.oid, 1, SEAL_RAW, place, m->sealed, d->a, &doc.plain));
        fine(judge_document(item, &doc, d->a));
    }
}

static inline size_t
desk_twin(const struct desk *d, int32_t source, struct slice native_id)
{
    size_t i = 0;
    while (i < d->n_twins &&
           !(d->twins[i].source == source && slice_eq(d->twins[i].native_id, native_id)))
        i++;
    return i;
}

static inline bool
desk_near(const struct desk *d, const struct twins_row *r, const struct twins_place *places,
          size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = desk_twin(d, places[i].source, places[i].native_id);
        const struct twins_place was = {.detection = d->twins[at].detection,
                                        .moment = d->twins[at].moment};
        const struct twins_place *both[] = {&places[i], at < d->n_twins ? &was : &places[i]};
        for (size_t k = 0; k < 2; k++)
            if (slice_eq(r->detection, both[k]->detection) &&
                r->moment >= both[k]->moment - TWIN_REACH &&
                r->moment <= both[k]->moment + TWIN_REACH)
                return true;
        if (r->source == places[i].source && slice_eq(r->native_id, places[i].native_id))
            return true;
    }
    return false;
}

/* twins_near: the keys at hand, kept or alerts only, then what is near. */
static inline void
desk_known_twins(struct desk *d, struct share *s)
{
    struct twins_place *places = NULL;
    size_t n = 0;
    fine(judge_places(s, d->a, &places, &n));
    for (size_t i = 0; i < s->n_hand; i++) {
        struct twins_found f = {
            .row = {.source = s->twins[i]->view.source, .native_id = s->twins[i]->view.native_id}};
        size_t at = desk_alert(d, f.row.source, f.row.native_id);
        if (desk_twin(d, f.row.source, f.row.native_id) < d->n_twins || at == d->n_alerts)
            continue;
        f.alert_version = d->alerts[at].version;
        f.alert_sha256 = d->alerts[at].sha256;
        fine(judge_twin(s, &f, d->seal, d->a));
    }
    for (size_t i = 0; i < d->n_twins; i++) {
        struct twins_found f = {.row = d->twins[i]};
        size_t at = desk_alert(d, f.row.source, f.row.native_id);
        if (!desk_near(d, &d->twins[i], places, n))
            continue;
        if (at < d->n_alerts) {
            f.alert_version = d->alerts[at].version;
            f.alert_sha256 = d->alerts[at].sha256;
        }
        fine(judge_twin(s, &f, d->seal, d->a));
    }
}

static inline void
desk_keep_twins(struct desk *d, const struct share *s)
{
    struct twins_row *rows;
    size_t n;
    fine(rows_twins(s, d->seal, d->a, &rows, &n));
    for (size_t i = 0; i < n; i++) {
        size_t at = desk_twin(d, rows[i].source, rows[i].native_id);
        if (at == d->n_twins)
            assert_in_range(++d->n_twins, 1, DESK_MOST - 1);
        else
            assert_true(d->twins[at].version <= rows[i].version);
        d->twins[at] = rows[i];
        d->twins[at].sha256 = slice_dup(d->a, rows[i].sha256); /* the delivery's */
    }
}

static inline void
desk_keep_alerts(struct desk *d, const struct share *s)
{
    struct alerts_row *rows;
    size_t n;
    fine(rows_alerts(s, d->a, &rows, &n));
    for (size_t i = 0; i < n; i++) {
        const struct alerts_row *r = &rows[i];
        size_t at = desk_alert(d, r->source, r->native_id);
        if (at < d->n_alerts) { /* as alerts_upsert */
            assert_true(d->alerts[at].version <= r->version);
            if (slice_eq(d->alerts[at].sha256, r->sha256) &&
                slice_eq(d->alerts[at].keys, r->keys) && (r->leads & ~d->alerts[at].leads) == 0)
                continue;
        } else {
            assert_in_range(++d->n_alerts, 1, DESK_MOST);
            d->alerts[at].leads = 0;
        }
        int32_t leads = d->alerts[at].leads | r->leads;
        d->alerts[at] = *r;
        d->alerts[at].leads = leads;
    }
}

static inline void
desk_keep_mail(struct desk *d, const struct share *s)
{
    struct alerts_mail *rows;
    size_t n;
    fine(rows_mail(s, d->seal, d->a, &rows, &n));
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        while (at < d->n_mail && !slice_eq(d->mail[at].record_id, rows[i].record_id))
            at++;
        if (at == d->n_mail)
            assert_in_range(++d->n_mail, 1, DESK_MOST);
        else
            assert_true(d->mail[at].version <= rows[i].version);
        d->mail[at] = rows[i];
        d->mail[at].sha256 = slice_dup(d->a, rows[i].sha256); /* the delivery's */
    }
}

static inline void
desk_keep_rest(struct desk *d, const struct share *s)
{
    struct alerts_dead *dead;
    struct alerts_ignored *ignored;
    size_t n;
    fine(rows_dead(s, d->seal, d->a, &dead, &n));
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        while (at < d->n_dead && !(d->dead[at].source == dead[i].source &&
                                   slice_eq(d->dead[at].native_id, dead[i].native_id) &&
                                   slice_eq(d->dead[at].sha256, dead[i].sha256)))
            at++;
        if (at < d->n_dead)
            continue;
        d->dead[d->n_dead++] = dead[i];
        d->dead[at].sha256 = slice_dup(d->a, dead[i].sha256); /* the delivery's */
    }
    fine(rows_ignored(s, d->a, &ignored, &n));
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        while (at < d->n_ignored && !(d->ignored[at].source == ignored[i].source &&
                                      slice_eq(d->ignored[at].native_id, ignored[i].native_id)))
            at++;
        if (at == d->n_ignored)
            d->ignored[d->n_ignored++] = ignored[i];
    }
    assert_true(d->n_dead < DESK_MOST && d->n_ignored < DESK_MOST);
}

/* What the correlator remembers beside incidents; the engine owns the texts. */
static inline void
desk_keep_told(struct desk *d, const struct incident_changes *c)
{
    assert_true(d->n_days + c->n_days < DESK_TOLD && d->n_aliases + c->n_aliases < DESK_TOLD);
    for (size_t i = 0; i < c->n_days; i++) {
        struct incident_day *day = &d->days[d->n_days++];
        struct slice *with = arena_alloc(d->a, sizeof(*with) * (c->days[i].n_with + 1));
        assert_non_null(with);
        for (size_t k = 0; k < c->days[i].n_with; k++)
            with[k] = slice_dup(d->a, c->days[i].with[k]);
        *day = c->days[i];
        day->value = slice_dup(d->a, day->value);
        day->with = with;
    }
    for (size_t i = 0; i < c->n_aliases; i++)
        d->aliases[d->n_aliases++] = (struct incident_alias){
            c->aliases[i].type, slice_dup(d->a, c->aliases[i].a), slice_dup(d->a, c->aliases[i].b)};
    d->clock = incident_clock(d->t.engine);
}

static inline void
desk_keep_incidents(struct desk *d, const struct share *s)
{
    struct incident_changes c;
    struct rows_changes r;
    fine(incident_changes(d->t.engine, d->a, &c));
    desk_keep_told(d, &c);
    fine(rows_changes(&d->t, &c, 7, s->newest, d->a, &r));
    for (size_t i = 0; i < r.n_incidents; i++) {
        struct incidents_row *row = &d->incidents[r.incidents[i].id];
        assert_in_range(r.incidents[i].id, 1, DESK_MOST - 1);
        /* a version more for each record that changed it, and never back */
        assert_true(r.incidents[i].version > row->version);
        assert_int_equal(r.events[i].version, r.incidents[i].version);
        assert_int_equal(r.events[i].incident_id, r.incidents[i].id);
        *row = r.incidents[i];
        row->name = slice_dup(d->a, row->name); /* the engine owns them */
        row->first_name = slice_dup(d->a, row->first_name);
        d->last_id = row->id > d->last_id ? row->id : d->last_id;
    }
    d->n_events += r.n_incidents;
    d->n_links += r.n_links;
    for (size_t i = 0; i < r.n_members; i++) {
        size_t at = desk_alert(d, r.members[i].source, r.members[i].native_id);
        assert_true(at < d->n_alerts);
        d->member[at] = r.members[i].incident_id;
    }
    for (size_t i = 1; i < r.n_links; i++)
        assert_true(r.links[i - 1].source < r.links[i].source ||
                    slice_cmp(r.links[i - 1].native_id, r.links[i].native_id) < 0);
}

/* One batch of this tenant, committed. */
static inline void
desk_take(struct desk *d, struct delivery *list, size_t n)
{
    struct share s = {.tenant = &d->t};
    s.deliveries = arena_alloc(d->a, (n + 1) * sizeof(struct delivery *));
    assert_non_null(s.deliveries);
    for (size_t i = 0; i < n; i++) {
        s.deliveries[s.n_deliveries++] = &list[i];
        fine(judge_open(&list[i], &d->t, d->seal, DESK_TOPIC, d->a));
    }
    fine(judge_items(&s, d->a));
    desk_known(d, &s);
    desk_known_twins(d, &s);
    fine(judge_share(&s, d->seal, d->a));
    desk_keep_alerts(d, &s);
    desk_keep_mail(d, &s);
    desk_keep_twins(d, &s);
    desk_keep_rest(d, &s);
    desk_keep_incidents(d, &s);
    incident_commit(d->t.engine);
    for (size_t i = 0; i < n; i++)
        assert_int_not_equal(list[i].outcome, OUTCOME_OPEN);
}

static inline void
desk_restore_alert(struct desk *d, size_t i)
{
    const struct alerts_row *r = &d->alerts[i];
    const struct alerts_loaded row = {
        .source = r->source,
        .native_id = r->native_id,
        .version = r->version,
        .title = r->title,
        .category = r->category,
        .service = r->service,
        .threat = r->threat_family.p != NULL ? r->threat_family : r->threat_name,
        .keys = r->keys,
    };
    struct incident_alert al;
    fine(rows_alert_stored(&row, d->a, &al));
    fine(incident_restore_alert(d->t.engine, &al, (uint16_t)r->leads, d->member[i]));
}

/* The engine again, from what the tables hold; nothing may differ. */
static inline void
desk_restart(struct desk *d)
{
    size_t diff = 1;
    incident_engine_free(d->t.engine);
    d->t.engine = desk_engine(d->last_id + 1);
    for (size_t i = 0; i < d->n_days; i++)
        fine(incident_restore_day(d->t.engine, &d->days[i]));
    for (size_t i = 0; i < d->n_aliases; i++)
        fine(incident_restore_alias(d->t.engine, &d->aliases[i]));
    incident_restore_clock(d->t.engine, &d->clock);
    for (int64_t id = 1; id <= d->last_id; id++) {
        const struct incidents_row *r = &d->incidents[id];
        const struct incident_stored stored = {.id = r->id,
                                               .version = r->version,
                                               .redirect_to = r->redirect_to,
                                               .name = r->name,
                                               .first_name = r->first_name,
                                               .by_rule = true,
                                               .assigned_to = r->assigned_to,
                                               .classification = r->classification,
                                               .determination = r->determination,
                                               .updated = r->updated};
        if (r->id != 0)
            fine(incident_restore_incident(d->t.engine, &stored));
    }
    for (size_t i = 0; i < d->n_alerts; i++)
        desk_restore_alert(d, i);
    fine(incident_restored(d->t.engine, &diff));
    assert_int_equal(diff, 0);
}

#endif
