/*
 * world.h: what a story happens in: tenants, each with its engine and a store as plain as can be.
 *
 * The store keeps what incident_changes and incident_state say, and nothing else; a restart makes
 * the engine anew from it, and an alert that reaches behind the memory brings back what it may
 * link to, as the service does.
 */
#ifndef WEIR_TESTS_WORLD_H
#define WEIR_TESTS_WORLD_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "normalize/incident.h"

enum { WORLD_ARENA_BYTES = 512 << 20, WORLD_ALERTS = 12000, WORLD_INCIDENTS = 400 };
enum { WORLD_TENANTS = 4, WORLD_DAYS = 20000, WORLD_PINS = 64, WORLD_ALIASES = 2000 };

/* An incident as the store has it. */
struct world_incident {
    struct incident_stored row;
    const struct params *params; /* under which it was made */
    const char *kind;
    enum severity severity;
    int32_t stage_score, alerts, users, devices;
    struct slice bridge[2]; /* alerts, where it would come apart */
};

struct world_alert {
    struct slice name;              /* in the story */
    struct slice source, native_id; /* its key */
    struct world_tenant *tenant;
    struct incident_alert state;
    uint16_t leads;
    bool fresh, stored; /* given to the engine since the last commit; in the store */
    int64_t incident;
};

struct world_counts {
    size_t conflicts, refused, cut, folded;
};

struct world_tenant {
    struct slice name;
    struct world *world;
    struct incident_engine *e;
    const struct params *params;
    struct key_tenant known; /* its own data */
    struct world_incident incidents[WORLD_INCIDENTS];
    struct incident_day days[WORLD_DAYS];
    struct incident_pin pins[WORLD_PINS];
    struct incident_alias aliases[WORLD_ALIASES];
    struct incident_clock clock;
    size_t n_days, n_pins, n_aliases;
    struct world_counts counts;
    int64_t updated;
};

struct world {
    struct arena *a;
    struct world_tenant *tenants[WORLD_TENANTS];
    size_t n_tenants;
    struct world_alert alerts[WORLD_ALERTS];
    size_t n_alerts;
    struct incident_reason reasons[WORLD_ALERTS];
    struct incident_related related[WORLD_ALERTS];
    struct world_tenant *reason_of[WORLD_ALERTS], *related_of[WORLD_ALERTS];
    size_t n_reasons, n_related;
    size_t brought_back; /* incidents that were fetched from the store for a late alert */
};

static inline struct world *
world_new(void)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->a = arena_new(WORLD_ARENA_BYTES);
    assert_non_null(w->a);
    return w;
}

static inline void
world_free(struct world *w)
{
    for (size_t i = 0; i < w->n_tenants; i++) {
        incident_engine_free(w->tenants[i]->e);
        free(w->tenants[i]);
    }
    arena_free(w->a);
    free(w);
}

/* world_tenant - the tenant of a name; a new one begins with the default profile. */
static inline struct world_tenant *
world_tenant(struct world *w, struct slice name)
{
    for (size_t i = 0; i < w->n_tenants; i++)
        if (slice_eq(w->tenants[i]->name, name))
            return w->tenants[i];
    assert_in_range(w->n_tenants, 0, WORLD_TENANTS - 1);
    struct world_tenant *t = w->tenants[w->n_tenants++] = calloc(1, sizeof(*t));
    assert_non_null(t);
    t->name = slice_dup(w->a, name);
    t->world = w;
    t->params = &params_default;
    t->updated = INT64_MIN;
    t->e = incident_engine_new(t->params, 1, WORLD_ARENA_BYTES);
    assert_non_null(t->e);
    return t;
}

static inline struct world_alert *
world_alert_of(struct world_tenant *t, struct slice source, struct slice native_id)
{
    struct world *w = t->world;
    for (size_t i = w->n_alerts; i-- > 0;)
        if (w->alerts[i].tenant == t && slice_eq(w->alerts[i].native_id, native_id) &&
            slice_eq(w->alerts[i].source, source))
            return &w->alerts[i];
    fail_msg("the engine told of an alert that it was not given");
    return NULL;
}

static inline void
world_ok(struct err e)
{
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
}

/* ---- what is stored */

/* Everything that is borrowed becomes the world's own. */
static inline void
world_keep_alert(struct world *w, struct world_alert *x)
{
    struct incident_alert *s = &x->state;
    struct slice *texts[] = {&s->source,  &s->native_id, &s->detector, &s->title,
                             &s->product, &s->category,  &s->threat};
    world_ok(incident_state(x->tenant->e, x->source, x->native_id, w->a, s, &x->leads));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i]->p != NULL)
            *texts[i] = slice_dup(w->a, *texts[i]);
    struct key_set *set = arena_alloc(w->a, sizeof(*set));
    assert_non_null(set);
    world_ok(keys_unpack(keys_pack(s->keys, w->a), w->a, set));
    s->keys = set;
    x->stored = true;
    x->fresh = false;
}

static inline void
world_keep_row(struct world_tenant *t, const struct incident_row *r)
{
    struct arena *a = t->world->a;
    assert_in_range(r->id, 1, WORLD_INCIDENTS - 1);
    struct world_incident *x = &t->incidents[r->id];
    if (r->version <= x->row.version || r->updated <= t->updated)
        fail_msg("version %lld of incident %lld follows %lld", (long long)r->version,
                 (long long)r->id, (long long)x->row.version);
    if (r->redirect_to == 0) { /* of one that is gone only its end is told */
        x->severity = r->severity;
        x->stage_score = r->stage_score;
        x->alerts = r->alerts;
        x->users = r->users;
        x->devices = r->devices;
    }
    x->kind = r->kind;
    x->params = t->params;
    x->row = (struct incident_stored){
        .id = r->id,
        .version = r->version,
        .redirect_to = r->redirect_to,
        .name = slice_dup(a, r->name),
        .first_name = slice_dup(a, r->first_name),
        .status = r->status,
        .assigned_to = r->assigned_to.p != NULL ? slice_dup(a, r->assigned_to) : SLICE_NONE,
        .classification = r->classification,
        .determination = r->determination,
        .worked = r->worked,
        .by_rule = r->by_rule,
        .updated = r->updated,
    };
}

static inline void
world_keep_days(struct world_tenant *t, const struct incident_changes *c)
{
    struct arena *a = t->world->a;
    for (size_t i = 0; i < c->n_days; i++) {
        assert_in_range(t->n_days, 0, WORLD_DAYS - 1);
        struct incident_day *d = &t->days[t->n_days++];
        *d = c->days[i];
        d->value = slice_dup(a, d->value);
        struct slice *with = arena_alloc(a, sizeof(*with) * (d->n_with + 1));
        assert_non_null(with);
        for (size_t k = 0; k < d->n_with; k++)
            with[k] = slice_dup(a, d->with[k]);
        d->with = with;
    }
}

static inline void
world_keep_aliases(struct world_tenant *t, const struct incident_changes *c)
{
    for (size_t i = 0; i < c->n_aliases; i++) {
        assert_in_range(t->n_aliases, 0, WORLD_ALIASES - 1);
        struct incident_alias *x = &t->aliases[t->n_aliases++];
        *x = c->aliases[i];
        x->a = slice_dup(t->world->a, x->a);
        x->b = slice_dup(t->world->a, x->b);
    }
}

static inline void
world_keep_pins(struct world_tenant *t, const struct incident_changes *c)
{
    for (size_t i = 0; i < c->n_pins; i++) {
        const struct incident_pin *p = &c->pins[i];
        size_t at = 0;
        while (at < t->n_pins && !(slice_eq(t->pins[at].native_id, p->native_id) &&
                                   slice_eq(t->pins[at].source, p->source) &&
                                   t->pins[at].incident_id == p->incident_id))
            at++;
        assert_in_range(at, 0, WORLD_PINS - 1);
        t->n_pins += at == t->n_pins;
        t->pins[at] = *p;
        t->pins[at].source = slice_dup(t->world->a, p->source);
        t->pins[at].native_id = slice_dup(t->world->a, p->native_id);
    }
}

static inline void
world_keep_words(struct world_tenant *t, const struct incident_changes *c)
{
    struct world *w = t->world;
    for (size_t i = 0; i < c->n_reasons; i++) {
        assert_in_range(w->n_reasons, 0, WORLD_ALERTS - 1);
        w->reason_of[w->n_reasons] = t;
        struct incident_reason *r = &w->reasons[w->n_reasons++];
        *r = c->reasons[i]; /* texts outlive the engine no longer than it: copied */
        struct slice *texts[] = {&r->alert_source, &r->alert_id, &r->partner_source,
                                 &r->partner_id};
        for (size_t k = 0; k < 4; k++)
            if (texts[k]->p != NULL)
                *texts[k] = slice_dup(w->a, *texts[k]);
        for (size_t k = 0; k < r->score.n_parts; k++)
            if (r->key_values[k].p != NULL)
                r->key_values[k] = slice_dup(w->a, r->key_values[k]);
    }
    for (size_t i = 0; i < c->n_related; i++) {
        assert_in_range(w->n_related, 0, WORLD_ALERTS - 1);
        w->related_of[w->n_related] = t;
        w->related[w->n_related++] = c->related[i];
    }
}

/* world_commit - what happened is stored, and what is too old leaves memory. */
static inline void
world_commit(struct world_tenant *t)
{
    struct world *w = t->world;
    struct incident_changes c;
    world_ok(incident_changes(t->e, w->a, &c));
    int64_t updated = t->updated;
    for (size_t i = 0; i < c.n_rows; i++) {
        world_keep_row(t, &c.rows[i]);
        updated = c.rows[i].updated > updated ? c.rows[i].updated : updated;
    }
    t->updated = updated;
    for (size_t i = 0; i < c.n_members; i++) {
        struct world_alert *x = world_alert_of(t, c.members[i].source, c.members[i].native_id);
        x->incident = c.members[i].incident_id;
        x->fresh = true;
    }
    world_keep_words(t, &c);
    for (size_t i = 0; i < c.n_splits; i++) {
        const struct incident_split *p = &c.splits[i];
        struct slice *bridge = t->incidents[p->incident_id].bridge;
        bridge[0] = world_alert_of(t, p->a.source, p->a.native_id)->name;
        bridge[1] = world_alert_of(t, p->b.source, p->b.native_id)->name;
    }
    world_keep_days(t, &c);
    world_keep_aliases(t, &c);
    world_keep_pins(t, &c);
    t->clock = incident_clock(t->e);
    for (size_t i = 0; i < w->n_alerts; i++)
        if (w->alerts[i].tenant == t && w->alerts[i].fresh)
            world_keep_alert(w, &w->alerts[i]);
    t->counts.conflicts += c.identity_conflicts;
    t->counts.refused += c.refused;
    t->counts.cut += c.cut;
    t->counts.folded += c.folded;
    incident_commit(t->e);
    incident_evict(t->e);
}

/* world_parameters - other ones from here in the log on. */
static inline void
world_parameters(struct world_tenant *t, const struct params *p)
{
    struct params *own = arena_alloc(t->world->a, sizeof(*own));
    assert_non_null(own);
    *own = *p;
    world_commit(t);
    t->params = own;
    incident_params(t->e, own);
}

/* ---- from the store */

static inline void
world_restore_incident(struct world_tenant *t, int64_t id)
{
    t->incidents[id].row.by_rule &= t->incidents[id].params == t->params;
    world_ok(incident_restore_incident(t->e, &t->incidents[id].row));
    for (size_t i = 0; i < t->n_pins; i++)
        if (!t->pins[i].off &&
            world_alert_of(t, t->pins[i].source, t->pins[i].native_id)->incident == id)
            world_ok(incident_restore_pin(t->e, t->pins[i].source, t->pins[i].native_id,
                                          t->pins[i].incident_id, t->pins[i].together));
    for (size_t i = 0; i < t->world->n_alerts; i++) {
        struct world_alert *x = &t->world->alerts[i];
        if (x->tenant == t && x->stored && x->incident == id)
            world_ok(incident_restore_alert(t->e, &x->state, x->leads, id));
    }
}

/* Only what is in memory comes back: the rest is in the store, as before. */
static inline bool
world_is_live(struct world_tenant *t, int64_t id)
{
    for (size_t i = 0; i < t->world->n_alerts; i++) {
        const struct world_alert *x = &t->world->alerts[i];
        if (x->tenant == t && x->stored && x->incident == id)
            return incident_has(t->e, x->source, x->native_id);
    }
    return false;
}

/* world_restart - the process ended after a commit, and another goes on. */
static inline void
world_restart(struct world_tenant *t)
{
    bool live[WORLD_INCIDENTS];
    size_t diff = 99;
    world_commit(t);
    for (int64_t id = 1; id < WORLD_INCIDENTS; id++)
        live[id] = world_is_live(t, id);
    int64_t next = incident_next_id(t->e);
    incident_engine_free(t->e);
    t->e = incident_engine_new(t->params, next, WORLD_ARENA_BYTES);
    assert_non_null(t->e);
    for (size_t i = 0; i < t->n_aliases; i++)
        world_ok(incident_restore_alias(t->e, &t->aliases[i]));
    for (size_t i = 0; i < t->n_days; i++)
        world_ok(incident_restore_day(t->e, &t->days[i]));
    incident_restore_clock(t->e, &t->clock);
    for (int64_t id = WORLD_INCIDENTS - 1; id > 0; id--)
        if (live[id])
            world_restore_incident(t, id);
    world_ok(incident_restored(t->e, &diff));
    if (diff != 0)
        fail_msg("after a restart %zu alerts are not where the store has them", diff);
}

static inline bool
world_share_key(const struct key_set *a, const struct key_set *b)
{
    for (size_t i = 0; i < a->n_keys; i++)
        for (size_t k = 0; k < b->n_keys; k++)
            if (a->keys[i].type == b->keys[k].type && slice_eq(a->keys[i].value, b->keys[k].value))
                return true;
    for (size_t i = 0; i < a->n_identities; i++)
        for (size_t k = 0; k < b->n_identities; k++)
            for (size_t x = 0; x < a->identities[i].n_ids; x++)
                for (size_t y = 0; y < b->identities[k].n_ids; y++)
                    if (slice_eq(a->identities[i].ids[x], b->identities[k].ids[y]))
                        return true;
    return false;
}

/* What a late alert may link to comes back before it is added. */
static inline void
world_bring_back(struct world_tenant *t, const struct incident_alert *al)
{
    int64_t from_s = 0, to_s = 0;
    size_t diff, before = t->world->brought_back;
    bool behind = incident_behind(t->e, al, &from_s, &to_s);
    for (size_t i = 0; i < t->world->n_alerts; i++) {
        struct world_alert *x = &t->world->alerts[i];
        if (x->tenant != t || !x->stored || incident_has(t->e, x->source, x->native_id))
            continue;
        bool same = slice_eq(x->native_id, al->native_id) && slice_eq(x->source, al->source);
        bool near = behind && x->state.last_s >= from_s && x->state.last_s <= to_s &&
                    world_share_key(x->state.keys, al->keys);
        if (!same && !near)
            continue;
        if (t->world->brought_back++ == before)
            world_commit(t);
        world_restore_incident(t, x->incident);
    }
    if (t->world->brought_back > before) {
        world_ok(incident_restored(t->e, &diff));
        assert_int_equal(diff, 0);
    }
}

/* world_add - one alert version comes. */
static inline void
world_add(struct world_alert *x, const struct incident_alert *al)
{
    world_bring_back(x->tenant, al);
    world_ok(incident_add(x->tenant->e, al));
    x->fresh = true;
}

#endif
