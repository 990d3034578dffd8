/* incident_days.c: what a key weighs today: the day tables and the tenant's clock. */
#include <string.h>

#include "common/plant.h"
#include "normalize/incident_internal.h"

enum { COUNTERPARTS_MOST = 64 }; /* of one alert, whatever the parameters say */

static int32_t
day_of(int64_t at_s)
{
    int64_t day = at_s / INCIDENT_DAY_S - (at_s % INCIDENT_DAY_S < 0 ? 1 : 0);
    return day < INT32_MIN / 2 ? INT32_MIN / 2 : day > INT32_MAX / 2 ? INT32_MAX / 2 : (int32_t)day;
}

static void
learn(struct incident_engine *e, uint32_t key, int32_t day, const uint32_t *with, size_t n)
{
    struct err err = days_learn(e->days, key, day, with, n);
    e->dead |= err.kind != ERR_NONE || e->bytes + days_bytes(e->days) > e->limit_bytes;
}

/* The first names of the entities of a class, unresolved: whom a key was met with. */
static size_t
counterparts(const struct incident_engine *e, const struct incident_alert *al, enum key_type class,
             uint32_t *out)
{
    size_t most =
        e->p->counterparts < COUNTERPARTS_MOST ? (size_t)e->p->counterparts : COUNTERPARTS_MOST;
    size_t n = 0, at = 0;
    for (size_t i = 0; i < al->keys->n_identities; at += al->keys->identities[i++].n_ids)
        if (al->keys->identities[i].type == class && !al->keys->identities[i].sender && n < most)
            out[n++] = e->ids[at].entry;
    return n;
}

/* A colleague as sender does not feed that user's days, but those of the address. */
static uint32_t
sender_entry(struct incident_engine *e, const struct key_identity *id)
{
    size_t colon = slice_find(id->ids[0], SLICE(":"), 0);
    return incident_table_intern(e, KEY_SENDER, slice_sub(id->ids[0], colon + 1, id->ids[0].n));
}

void
incident_days_learn(struct incident_engine *e, const struct arrival *v)
{
    const struct incident_alert *al = v->al;
    const struct key_set *set = al->keys;
    int32_t day = day_of(al->created_s);
    if (day < days_open(e->days) || e->days_complete)
        return;
    incident_habits_learn(e, v, day);
    uint32_t users[COUNTERPARTS_MOST], devices[COUNTERPARTS_MOST];
    size_t n_users = counterparts(e, al, KEY_USER, users);
    size_t n_devices = counterparts(e, al, KEY_DEVICE, devices);
    const uint32_t *either = n_users > 0 ? users : devices;
    size_t n_either = n_users > 0 ? n_users : n_devices;
    for (size_t i = 0, at = 0; i < set->n_identities && !e->dead;
         at += set->identities[i++].n_ids) {
        const struct key_identity *id = &set->identities[i];
        bool user = id->type == KEY_USER;
        if (id->sender) {
            uint32_t address = sender_entry(e, id);
            if (address != INCIDENT_NONE)
                learn(e, address, day, either, n_either);
            continue;
        }
        for (size_t k = 0; k < id->n_ids && !e->dead; k++)
            learn(e, e->ids[at + k].entry, day, user ? devices : users, user ? n_devices : n_users);
    }
    for (uint32_t i = 0; i < e->n_carried && !e->dead; i++)
        if (e->carried[i].type > KEY_DEVICE)
            learn(e, e->carried[i].entry, day, either, n_either);
}

static int32_t
damp_of(struct incident_engine *e, uint32_t key, enum key_type type, int32_t day)
{
    if (e->p->rules[type].novel > 0 && days_seen(e->days, key, day) == 0)
        return incident_habits_novel(e, type, day);
    return days_damp(e->days, key, type, day);
}

/* The least that any name has which this alert carries: what is known of the identity by now must
 * not matter (correlation.md 6). Of entities with one first name the largest. */
static int32_t
identity_damp(struct incident_engine *e, const struct incident_alert *al, const struct carried *c,
              int32_t day)
{
    int32_t most = 0;
    size_t at = 0;
    for (size_t i = 0; i < al->keys->n_identities; at += al->keys->identities[i++].n_ids) {
        const struct key_identity *id = &al->keys->identities[i];
        int32_t least = INCIDENT_WEIGHT_MAX;
        if (id->type != c->type || e->ids[at].entry != c->entry)
            continue;
        for (size_t k = 0; k < id->n_ids; k++) {
            int32_t damp = damp_of(e, e->ids[at + k].entry, c->type, day);
            least = damp < least ? damp : least;
        }
        most = least > most ? least : most;
    }
    return most;
}

void
incident_days_weigh(struct incident_engine *e, struct arrival *v)
{
    const struct incident_alert *al = v->al;
    int32_t day = day_of(al->created_s);
    incident_habits_weigh(e, v, day);
    for (uint32_t i = 0; i < e->n_carried; i++) {
        struct carried *c = &e->carried[i];
        int32_t damp = c->type <= KEY_DEVICE ? identity_damp(e, al, c, day)
                                             : damp_of(e, c->entry, c->type, day);
        if (PLANT(seen_already_decides) && e->entries[c->entry].n_nodes > 0)
            damp = damp * 2 / 3;
        /* a value on the hub list is as ordinary as people say, or more */
        if (c->weight < INCIDENT_DAMP_ONE && c->weight < damp)
            damp = c->weight < 0 ? 0 : c->weight;
        int64_t weight = (int64_t)e->p->rules[c->type].weight * damp / INCIDENT_DAMP_ONE;
        c->weight = weight < INCIDENT_WEIGHT_MAX ? (int32_t)weight : INCIDENT_WEIGHT_MAX;
    }
}

/* ---- the clock */

/* One wrong clock must not close days or empty the memory: what is created long after it was
 * received is not believed, and without a time of receipt a jump over days needs several alerts
 * that agree. */
static bool
believed(struct incident_engine *e, const struct incident_alert *al)
{
    int32_t day = day_of(al->created_s);
    if (e->watermark_s == INT64_MIN)
        return al->at == 0 || al->created_s <= al->at / INCIDENT_UNITS_A_S + INCIDENT_DAY_S;
    if (al->at != 0)
        return al->created_s <= al->at / INCIDENT_UNITS_A_S + INCIDENT_DAY_S;
    if (day <= day_of(e->watermark_s) + 1 || e->p->watermark_alerts <= 1)
        return true;
    e->jump_alerts++;
    e->jump_day = e->jump_alerts == 1 || day < e->jump_day ? day : e->jump_day;
    return e->jump_alerts >= e->p->watermark_alerts;
}

void
incident_days_watermark(struct incident_engine *e, const struct incident_alert *al)
{
    if (al->created_s <= e->watermark_s || (!PLANT(every_clock_is_believed) && !believed(e, al)))
        return;
    int64_t to_s = al->created_s;
    if (e->jump_alerts > 0 && day_of(to_s) > e->jump_day) /* as far as all of them agree */
        to_s = ((int64_t)e->jump_day + 1) * INCIDENT_DAY_S - 1;
    e->jump_alerts = 0;
    if (to_s <= e->watermark_s)
        return;
    e->watermark_s = to_s;
    if (!e->days_complete)
        days_close(e->days, day_of(to_s) - e->p->lag_days);
}

int64_t
incident_watermark(const struct incident_engine *e)
{
    return e->watermark_s;
}

/* ---- days and the store */

struct err
incident_learn(struct incident_engine *e, const struct incident_alert *al)
{
    struct arrival v;
    if (e->dead || !incident_node_number(e, al, &v))
        return incident_dead();
    incident_days_learn(e, &v);
    return e->dead ? incident_dead() : ERR_OK;
}

void
incident_learned(struct incident_engine *e)
{
    e->days_complete = true;
    days_close_all(e->days);
}

/* "user upn:anna@contoso.com" */
static struct slice
with_text(const struct incident_engine *e, uint32_t entry, struct arena *a)
{
    const struct entry *x = &e->entries[entry];
    const char *word = x->type == INCIDENT_HOUR ? "hour" : key_type_word((enum key_type)x->type);
    return slice_printf(a, "%s %.*s", word, SLICE_ARG(incident_table_text(e, entry)));
}

static uint32_t
with_entry(struct incident_engine *e, struct slice text)
{
    struct slice word = slice_split(&text, ' ');
    enum key_type type = key_type_of(word);
    if (slice_eq(word, SLICE("hour")))
        return incident_table_intern(e, INCIDENT_HOUR, text);
    return type <= KEY_DEVICE ? incident_table_intern(e, (uint8_t)type, text) : INCIDENT_NONE;
}

struct err
incident_restore_day(struct incident_engine *e, const struct incident_day *d)
{
    uint32_t with[INCIDENT_WITH_MAX];
    size_t n = 0;
    uint32_t key = e->dead ? INCIDENT_NONE : incident_table_intern(e, d->type, d->value);
    for (size_t i = 0; i < d->n_with && n < INCIDENT_WITH_MAX && !e->dead; i++) {
        with[n] = with_entry(e, d->with[i]);
        if (with[n] == INCIDENT_NONE && !e->dead)
            return err_make(ERR_REJECT, "incident.restore", "a counterpart that is no identifier");
        n++;
    }
    if (key == INCIDENT_NONE)
        return incident_dead();
    learn(e, key, d->day, with, n);
    return e->dead ? incident_dead() : ERR_OK;
}

struct told {
    struct incident_engine *e;
    struct arena *a;
    struct incident_changes *out;
    size_t cap;
    bool full;
};

static void
tell_day(void *arg, const struct days_row *r)
{
    struct told *t = arg;
    struct incident_changes *out = t->out;
    if (t->full)
        return;
    if (out->n_days == t->cap) {
        void *more = arena_grow(t->a, out->days, sizeof(*out->days), &t->cap);
        if (more == NULL) {
            t->full = true;
            return;
        }
        out->days = more;
    }
    struct slice *with = arena_alloc(t->a, sizeof(*with) * (r->n_with + 1));
    t->full = with == NULL;
    for (size_t i = 0; i < r->n_with && !t->full; i++) {
        with[i] = with_text(t->e, r->with[i], t->a);
        t->full = with[i].p == NULL;
    }
    out->days[out->n_days++] = (struct incident_day){
        t->e->entries[r->key].type, incident_table_text(t->e, r->key), r->day, with, r->n_with};
}

bool
incident_days_changes(struct incident_engine *e, struct arena *a, struct incident_changes *out)
{
    struct told t = {.e = e, .a = a, .out = out};
    int32_t open = days_open(e->days);
    if (!e->days_complete && open > e->days_told)
        days_each(e->days, e->days_told, open, tell_day, &t);
    return !t.full;
}
