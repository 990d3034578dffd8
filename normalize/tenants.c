#include "normalize/tenants.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metric.h"
#include "normalize/days_pack.h"
#include "normalize/rows.h"
#include "store/alerts.h"
#include "store/correlator.h"
#include "store/cursors.h"
#include "store/pins.h"

enum { BUCKETS = 4096, SETTINGS_LIMIT = 4 * 1024 * 1024 };

struct tenants {
    struct seal *seal;
    size_t most, known, n; /* n: those that are loaded */
    size_t engine_bytes;
    size_t bytes; /* of all engines */
    struct params params;
    uint64_t turn;
    struct tenant *buckets[BUCKETS];
};

struct tenants *
tenants_new(struct seal *seal, const struct conf *c, const struct params *p)
{
    struct tenants *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->seal = seal;
    t->params = *p;
    t->most = (size_t)conf_int(c, "normalize.tenants");
    t->engine_bytes = (size_t)conf_int(c, "normalize.tenant_bytes");
    return t;
}

void
tenants_weigh(struct tenant *t)
{
    struct tenants *all = t->all;
    all->bytes -= t->bytes;
    t->bytes = t->engine != NULL ? incident_engine_bytes(t->engine) : 0;
    all->bytes += t->bytes;
    metric_set(METRIC_weir_correlation_bytes, (int64_t)all->bytes);
}

static void
unload(struct tenant *t)
{
    if (t->engine != NULL)
        t->all->n--;
    incident_engine_free(t->engine);
    t->engine = NULL;
    tenants_weigh(t);
    arena_free(t->settings);
    t->settings = NULL;
    metric_set(METRIC_weir_correlation_tenants, (int64_t)t->all->n);
}

void
tenants_drop(struct tenant *t)
{
    unload(t);
}

void
tenants_drop_all(struct tenants *all)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        while (all->buckets[i] != NULL) {
            struct tenant *t = all->buckets[i];
            all->buckets[i] = t->next;
            unload(t);
            free(t);
        }
    }
    all->known = 0;
}

void
tenants_free(struct tenants *all)
{
    if (all == NULL)
        return;
    tenants_drop_all(all);
    free(all);
}

struct tenant *
tenants_get(struct tenants *all, const struct oid *oid, int32_t epoch)
{
    uint16_t head; /* an oid is random: its first bytes are as good as a hash */
    memcpy(&head, oid->b, sizeof head);
    struct tenant **bucket = &all->buckets[head % BUCKETS];
    struct tenant *t = *bucket;
    while (t != NULL && !oid_eq(&t->oid, oid))
        t = t->next;
    if (t == NULL) {
        t = calloc(1, sizeof *t);
        if (t == NULL)
            return NULL;
        *t = (struct tenant){.oid = *oid, .all = all, .next = *bucket};
        *bucket = t;
        all->known++;
    }
    t->epoch = epoch;
    t->used = all->turn;
    return t;
}

static uint64_t
oldest_turn(const struct tenants *all)
{
    uint64_t oldest = UINT64_MAX;
    for (size_t i = 0; i < BUCKETS; i++)
        for (const struct tenant *t = all->buckets[i]; t != NULL; t = t->next)
            oldest = t->used < oldest ? t->used : oldest;
    return oldest;
}

static void
forget_turn(struct tenants *all, uint64_t turn)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        struct tenant **at = &all->buckets[i];
        while (*at != NULL) {
            struct tenant *t = *at;
            if (t->used != turn) {
                at = &t->next;
                continue;
            }
            *at = t->next;
            unload(t);
            free(t);
            all->known--;
        }
    }
}

/* A whole turn at a time: one walk for many that go. */
void
tenants_turn(struct tenants *all)
{
    all->turn++;
    while (all->known > all->most)
        forget_turn(all, oldest_turn(all));
}

/* ---- loading */

static void
note(struct tenant *t, struct err e)
{
    if (t->failed.kind == ERR_NONE)
        t->failed = e;
}

static enum identity_channel
channel_of(struct slice word)
{
    if (slice_eq(word, SLICE("syslog")))
        return IDENTITY_SYSLOG;
    return slice_eq(word, SLICE("apps")) ? IDENTITY_APPS : IDENTITY_OFF;
}

/* An entry that is wrong makes the tenant's lists empty: it must not hold up the partition. */
static struct err
take_lists(struct tenant *t, struct slice text)
{
    struct err e = keys_tenant_read(text, t->settings, &t->keys);
    if (e.kind != ERR_REJECT)
        return e;
    t->keys = (struct key_tenant){.n_hubs = 0};
    log_err("normalize.settings", &e, LOG_OID(&t->oid));
    return ERR_OK;
}

/* Likewise: what is wrong in them leaves the installation's as they are. */
static struct err
take_parameters(struct tenant *t, struct slice text)
{
    struct err e = params_read(text, &t->params);
    if (e.kind != ERR_REJECT)
        return e;
    log_err("normalize.settings", &e, LOG_OID(&t->oid));
    return ERR_OK;
}

/* The engine compares the new ones with those it has: they lie elsewhere. */
struct err
tenants_parameters(struct tenant *t, struct slice json)
{
    struct params *p = arena_alloc(t->settings, sizeof *p);
    if (p == NULL)
        return err_make(ERR_RETRY, "incident.memory", "out of memory");
    *p = t->all->params;
    struct err e = params_read(json, p);
    if (e.kind)
        return e;
    incident_params(t->engine, p);
    t->params = *p;
    params_digest_text(&t->params, t->params_digest);
    return ERR_OK;
}

static struct err
take_setting(struct tenant *t, struct slice name, struct slice text)
{
    if (slice_eq(name, SLICE("directory"))) {
        t->directory_id = text;
        return ERR_OK;
    }
    if (slice_eq(name, SLICE("correlation")))
        return take_lists(t, text);
    if (slice_eq(name, SLICE("parameters")))
        return take_parameters(t, text);
    struct json doc;
    struct err e = json_parse(text, t->settings, &doc);
    if (e.kind)
        return e;
    if (slice_eq(name, SLICE("identity")))
        t->channel = channel_of(json_get_text(doc, "channel"));
    if (slice_eq(name, SLICE("incidents")) && !json_get_int(doc, "first_id", &t->first_id))
        return err_make(ERR_STOP, "settings.first_id", "a tenant without a first incident id");
    return ERR_OK;
}

static void
on_settings(void *arg, const struct db_rows *rows, struct err e)
{
    struct tenant *t = arg;
    if (e.kind)
        note(t, e);
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++) {
        struct settings_row row;
        struct slice plain;
        settings_load_row(rows, i, &row);
        struct slice name = slice_dup(t->settings, row.name);
        struct slice place =
            slice_printf(t->settings, "pg|setting|sealed|%.*s", SLICE_ARG(row.name));
        e = seal_open(t->all->seal, &t->oid, t->epoch, SEAL_CREDENTIAL, place, row.sealed,
                      t->settings, &plain);
        if (e.kind == ERR_NONE)
            e = take_setting(t, name, plain);
        note(t, e);
    }
}

/* ---- what the correlator remembers beside alerts and incidents */

static bool
is_loading(const struct tenant *t, struct err e)
{
    return e.kind == ERR_NONE && t->failed.kind == ERR_NONE && t->engine != NULL;
}

static void
on_correlator(void *arg, const struct db_rows *rows, struct err e)
{
    struct tenant *t = arg;
    if (e.kind == ERR_NONE && t->failed.kind == ERR_NONE) {
        struct correlator_loaded row = {.clock = {.watermark_s = INT64_MIN}};
        if (db_count(rows) > 0)
            correlator_loaded_row(rows, 0, &row);
        const struct correlator_clock *c = &row.clock;
        t->clock = (struct incident_clock){.watermark_s = c->watermark_s,
                                           .updated = row.last_updated,
                                           .next_seq = c->next_seq,
                                           .jump_day = c->jump_day,
                                           .jump_alerts = c->jump_alerts,
                                           .days_told = c->days_told};
        int64_t next = row.last_id >= t->first_id ? row.last_id + 1 : t->first_id;
        params_digest_text(&t->params, t->params_digest);
        t->engine = incident_engine_new(&t->params, next, t->all->engine_bytes);
        if (t->engine == NULL)
            e = err_make(ERR_RETRY, "incident.memory", "out of memory");
        else
            t->all->n++;
    }
    note(t, e);
}

static void
on_aliases(void *arg, const struct db_rows *rows, struct err e)
{
    struct tenant *t = arg;
    for (size_t i = 0; is_loading(t, e) && i < db_count(rows); i++) {
        struct correlator_alias row;
        correlator_alias_row(rows, i, &row);
        const struct incident_alias alias = {(enum key_type)row.type, row.a, row.b};
        e = incident_restore_alias(t->engine, &alias);
    }
    note(t, e);
}

static struct err
take_day(void *arg, const struct incident_day *d)
{
    struct tenant *t = arg;
    return incident_restore_day(t->engine, d);
}

static void
on_days(void *arg, const struct db_rows *rows, struct err e)
{
    struct tenant *t = arg;
    for (size_t i = 0; is_loading(t, e) && i < db_count(rows); i++) {
        struct correlator_day row;
        correlator_day_row(rows, i, &row);
        e = days_unpack(&row, take_day, t);
    }
    if (is_loading(t, e))
        incident_restore_clock(t->engine, &t->clock);
    note(t, e);
}

void
tenants_load(struct tenant *t, struct db *db, struct arena *a)
{
    unload(t);
    t->loading = true;
    t->failed = ERR_OK;
    t->keys = (struct key_tenant){.n_hubs = 0};
    t->params = t->all->params;
    t->directory_id = SLICE_NONE;
    t->channel = IDENTITY_OFF;
    t->first_id = 1;
    t->settings = arena_new(SETTINGS_LIMIT);
    if (t->settings == NULL) {
        t->failed = err_make(ERR_RETRY, "incident.memory", "out of memory");
        return;
    }
    settings_load(db, a, &t->oid, (struct db_answer){on_settings, t});
    correlator_load(db, a, &t->oid, (struct db_answer){on_correlator, t});
    correlator_aliases_load(db, a, &t->oid, (struct db_answer){on_aliases, t});
    correlator_days_load(db, a, &t->oid, (struct db_answer){on_days, t});
}

/* ---- alerts and incidents */

static void
on_incidents(void *arg, const struct db_rows *rows, struct err e)
{
    struct tenant *t = arg;
    for (size_t i = 0; is_loading(t, e) && i < db_count(rows); i++) {
        struct incidents_loaded row;
        struct incident_stored stored;
        incidents_loaded_row(rows, i, &row);
        rows_incident_stored(&row, slice_of(t->params_digest), &stored);
        e = incident_restore_incident(t->engine, &stored);
    }
    note(t, e);
}

static void
on_alerts(void *arg, const struct db_rows *rows, struct err e)
{
    struct tenant *t = arg;
    struct arena *a = arena_new(SETTINGS_LIMIT);
    if (a == NULL && e.kind == ERR_NONE)
        e = err_make(ERR_RETRY, "incident.memory", "out of memory");
    for (size_t i = 0; is_loading(t, e) && i < db_count(rows); i++) {
        struct alerts_loaded row;
        struct incident_alert al;
        alerts_loaded_row(rows, i, &row);
        e = rows_alert_stored(&row, a, &al);
        if (e.kind == ERR_NONE)
            e = incident_restore_alert(t->engine, &al, (uint16_t)row.leads, row.incident_id);
        arena_reset(a);
    }
    arena_free(a);
    note(t, e);
}

static void
on_pins(void *arg, const struct db_rows *rows, struct err e)
{
    struct tenant *t = arg;
    for (size_t i = 0; is_loading(t, e) && i < db_count(rows); i++) {
        struct pins_row row;
        pins_load_row(rows, i, &row);
        const struct source *source = source_by_number(row.source);
        if (source == NULL || !incident_has(t->engine, slice_of(source->name), row.native_id))
            continue; /* with its alert it comes back */
        e = incident_restore_pin(t->engine, slice_of(source->name), row.native_id, row.incident_id,
                                 row.together != 0);
    }
    note(t, e);
}

void
tenants_load_live(struct tenant *t, struct db *db, struct arena *a)
{
    if (!t->loading || !is_loading(t, ERR_OK))
        return;
    int64_t from_s = incident_memory_from(t->engine);
    int64_t since = from_s > INT64_MIN / CLOCK_SECOND ? from_s * CLOCK_SECOND : INT64_MIN;
    incidents_load(db, a, &t->oid, since, (struct db_answer){on_incidents, t});
    alerts_load(db, a, &t->oid, since, (struct db_answer){on_alerts, t});
    pins_load(db, a, &t->oid, NULL, 0, (struct db_answer){on_pins, t});
}

void
tenants_recall(struct tenant *t, struct db *db, struct arena *a, const int64_t *incident_ids,
               size_t n)
{
    t->loading = true;
    t->failed = ERR_OK;
    incidents_load_ids(db, a, &t->oid, incident_ids, n, (struct db_answer){on_incidents, t});
    alerts_load_ids(db, a, &t->oid, incident_ids, n, (struct db_answer){on_alerts, t});
    pins_load(db, a, &t->oid, incident_ids, n, (struct db_answer){on_pins, t});
}

struct err
tenants_loaded(struct tenant *t)
{
    size_t diff = 0;
    struct err e = t->failed;
    if (!t->loading)
        return ERR_OK;
    t->loading = false;
    if (e.kind == ERR_NONE && t->engine == NULL)
        e = err_make(ERR_RETRY, "normalize.load", "a tenant was not loaded");
    if (e.kind == ERR_NONE)
        e = incident_restored(t->engine, &diff);
    if (e.kind)
        return e;
    metric_add(METRIC_weir_correlation_rebuild_diff_total, (int64_t)diff);
    if (diff > 0)
        log_warn("normalize.rebuild_diff", LOG_OID(&t->oid), LOG_INT("alerts", (int64_t)diff));
    metric_set(METRIC_weir_correlation_tenants, (int64_t)t->all->n);
    return ERR_OK;
}
