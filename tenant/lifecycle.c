#include "tenant/lifecycle.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "store/cursors.h"
#include "store/fence.h"
#include "store/migrate.h"

/* ---- rows */

static struct err
seal_name(struct session *s, const struct oid *oid, int32_t epoch, const char *column,
          struct slice plain, struct slice *out)
{
    struct slice place = slice_printf(s->arena, "pg|tenant|%s|%s", column, oid_format(oid).s);
    return seal_close(s->seal, oid, epoch, SEAL_STATE, place, plain, s->arena, out);
}

struct next_epoch {
    struct tenants_directory d;
    bool there;
};

static void
on_directory(void *arg, const struct db_rows *rows, struct err e)
{
    struct next_epoch *n = arg;
    if (e.kind == ERR_NONE && db_count(rows) == 1) {
        tenants_directory_row(rows, 0, &n->d);
        n->there = true;
    }
}

static void
audit(struct session *s, struct slice actor, const char *action, const struct oid *oid,
      int32_t epoch)
{
    const struct tenants_audit row = {.at = clock_now(),
                                      .actor = actor,
                                      .action = slice_of(action),
                                      .has_oid = true,
                                      .oid = *oid,
                                      .epoch = epoch};
    tenants_audit_add(s->control, s->arena, &row, DB_UNTOLD);
}

/* The end of a transaction that failed with e. */
static struct err
undo(struct session *s, struct db *db, struct err e)
{
    db_rollback(db);
    struct err undone = db_wait(db, s->loop);
    (void)undone; /* the connection may be gone, and the transaction with it */
    return e;
}

static struct err
commit(struct session *s, struct db *db)
{
    db_commit(db);
    struct err e = db_wait(db, s->loop);
    return e.kind ? undo(s, db, e) : e;
}

/* ---- on */

/* The row in state provisioning, with consent and audit: before anything is read from any source.
 */
static struct err
insert(struct session *s, const struct directory *d, struct slice region, struct slice name,
       const struct settings *settings, const struct lifecycle_consent *consent, struct slice actor)
{
    struct next_epoch next = {.there = false};
    db_begin(s->control);
    tenants_directory_next(s->control, s->arena, directory_hmac(d),
                           (struct db_answer){on_directory, &next});
    struct err e = db_wait(s->control, s->loop);
    if (e.kind == ERR_NONE && !next.there)
        e = err_make(ERR_STOP, "tenant.directory", "no epoch was given");
    if (e.kind)
        return undo(s, s->control, e);
    struct tenants_row row = {.epoch = next.d.epochs,
                              .directory_hmac = directory_hmac(d),
                              .region = region,
                              .state = TENANT_PROVISIONING,
                              .sources = settings->mask,
                              .identity_channel = (int32_t)settings->channel,
                              .settings_version = 1,
                              .created = clock_now()};
    row.changed = row.created;
    crypto_random(row.oid.b, sizeof row.oid.b);
    struct tenants_consent c = {
        .oid = row.oid, .version = consent->version, .role = consent->role, .at = row.created};
    e = seal_name(s, &row.oid, row.epoch, "directory", slice_of(d->id), &row.directory);
    if (e.kind == ERR_NONE)
        e = seal_name(s, &row.oid, row.epoch, "name", name, &row.name);
    if (e.kind == ERR_NONE)
        e = seal_name(s, &row.oid, row.epoch, "consent", consent->by, &c.by);
    if (e.kind)
        return undo(s, s->control, e);
    tenants_insert(s->control, s->arena, &row, DB_UNTOLD);
    tenants_consent_add(s->control, s->arena, &c, DB_UNTOLD);
    audit(s, actor, "opt-in", &row.oid, row.epoch);
    return commit(s, s->control);
}

static struct err
add_setting(struct session *s, const struct tenants_row *t, const char *name, struct slice plain,
            struct settings_row *out)
{
    struct slice place = slice_printf(s->arena, "pg|setting|sealed|%s", name);
    out->name = slice_of(name);
    return seal_close(s->seal, &t->oid, t->epoch, SEAL_CREDENTIAL, place, plain, s->arena,
                      &out->sealed);
}

enum { SETTINGS_ROWS = 4 };

static struct err
save_settings(struct session *s, const struct tenants_row *t, const struct directory *d,
              const struct settings *settings, int64_t first_id)
{
    struct settings_row rows[SETTINGS_ROWS];
    struct slice channel =
        slice_printf(s->arena, "{\"channel\":\"%s\"}", settings_channel_word(settings->channel));
    struct slice first = slice_printf(s->arena, "{\"first_id\":%lld}", (long long)first_id);
    struct err e = add_setting(s, t, "directory", slice_of(d->id), &rows[0]);
    if (e.kind == ERR_NONE)
        e = add_setting(s, t, "correlation", settings->correlation, &rows[1]);
    if (e.kind == ERR_NONE)
        e = add_setting(s, t, "identity", channel, &rows[2]);
    if (e.kind == ERR_NONE)
        e = add_setting(s, t, "incidents", first, &rows[3]);
    if (e.kind == ERR_NONE)
        settings_save(s->region, s->arena, &t->oid, rows, SETTINGS_ROWS, DB_UNTOLD);
    return e;
}

static struct err
save_credentials(struct session *s, const struct tenants_row *t, const struct settings *settings)
{
    struct cursors_row rows[SETTINGS_SOURCES_MAX];
    struct err e = ERR_OK;
    for (size_t i = 0; e.kind == ERR_NONE && i < settings->n_sources; i++) {
        const struct settings_source *one = &settings->sources[i];
        struct slice place = slice_printf(s->arena, "pg|credential|sealed|%d", one->source->number);
        rows[i] = (struct cursors_row){.source = one->source->number};
        e = seal_close(s->seal, &t->oid, t->epoch, SEAL_CREDENTIAL, place, one->json, s->arena,
                       &rows[i].sealed);
    }
    if (e.kind == ERR_NONE && settings->n_sources > 0)
        credentials_save(s->region, s->arena, &t->oid, rows, settings->n_sources, DB_UNTOLD);
    return e;
}

/* The tenant's schema with its settings; the fence opens when all of it is there. */
static struct err
provision_region(struct session *s, const struct tenants_row *t, const struct directory *d,
                 const struct settings *settings, int64_t first_id)
{
    struct migrate_report report;
    struct err e = migrate_tenant(s->region, s->loop, &t->oid, false, s->arena, &report);
    if (e.kind)
        return e;
    const struct fence_row fence = {.oid = t->oid, .epoch = t->epoch, .state = TENANT_ACTIVE};
    db_begin(s->region);
    e = save_settings(s, t, d, settings, first_id);
    if (e.kind == ERR_NONE)
        e = save_credentials(s, t, settings);
    if (e.kind)
        return undo(s, s->region, e);
    fence_set(s->region, s->arena, &fence, DB_UNTOLD);
    return commit(s, s->region);
}

static struct err
set_active(struct session *s, const struct tenants_row *t, const struct settings *settings)
{
    db_begin(s->control);
    tenants_set_settings(s->control, s->arena, &t->oid, settings->mask, (int32_t)settings->channel,
                         clock_now(), DB_UNTOLD);
    tenants_set_state(s->control, s->arena, &t->oid, TENANT_ACTIVE, clock_now(), DB_UNTOLD);
    return commit(s, s->control);
}

static struct err
publish(struct session *s, const struct tenants_row *t, enum tenant_state state)
{
    const struct tenant_record r = {.oid = t->oid,
                                    .epoch = t->epoch,
                                    .state = state,
                                    .shard = t->shard,
                                    .sources = (uint32_t)t->sources,
                                    .identity_channel = t->identity_channel,
                                    .settings_version = t->settings_version};
    return session_publish(s, t->region, &r);
}

static struct err
refused_purging(void)
{
    return err_make(ERR_STOP, "refused.purging",
                    "this directory is being erased; `weir purge status` says how far it is");
}

/* With the lock: a purge of this tenant has not begun, and will not before we are done. */
static struct err
provision_locked(struct session *s, const struct directory *d, const struct settings *settings,
                 struct session_tenant *t)
{
    struct next_epoch next = {.there = false};
    bool found;
    tenants_directory_get(s->control, s->arena, directory_hmac(d),
                          (struct db_answer){on_directory, &next});
    struct err e = db_wait(s->control, s->loop);
    if (e.kind == ERR_NONE)
        e = session_region(s, t->row.region);
    if (e.kind == ERR_NONE)
        e = provision_region(s, &t->row, d, settings, next.d.last_incident_id + 1);
    if (e.kind == ERR_NONE)
        e = set_active(s, &t->row, settings);
    if (e.kind == ERR_NONE)
        e = session_find(s, d, &found, t); /* with its settings version of now */
    if (e.kind == ERR_NONE && (!found || t->row.state != TENANT_ACTIVE))
        e = refused_purging(); /* opted out this moment; the purge comes after us */
    return e.kind ? e : publish(s, &t->row, TENANT_ACTIVE);
}

static struct err
provision(struct session *s, const struct directory *d, const struct settings *settings,
          struct session_tenant *t)
{
    const struct oid oid = t->row.oid;
    bool ours, found;
    struct err e = session_lock(s, &oid, &ours);
    if (e.kind == ERR_NONE && !ours)
        e = err_make(ERR_RETRY, "tenant.busy",
                     "somebody else turns this directory on or off at this moment");
    if (e.kind)
        return e;
    e = session_find(s, d, &found, t); /* what it says was read before the lock was ours */
    if (e.kind == ERR_NONE &&
        (!found || !oid_eq(&t->row.oid, &oid) || t->row.state == TENANT_PURGING))
        e = refused_purging();
    if (e.kind == ERR_NONE)
        e = provision_locked(s, d, settings, t);
    struct err unlocked = session_unlock(s, &oid);
    return e.kind ? e : unlocked;
}

static struct err
may_opt_in(const struct session_tenant *t, struct slice region)
{
    if (!slice_eq(t->row.region, region))
        return err_make(ERR_STOP, "refused.region",
                        "this directory is in region %.*s, which never changes; turn it off first "
                        "to choose another",
                        SLICE_ARG(t->row.region));
    return t->row.state == TENANT_PURGING ? refused_purging() : ERR_OK;
}

struct err
lifecycle_opt_in(struct session *s, const struct directory *d, struct slice region,
                 struct slice name, const struct settings *settings,
                 const struct lifecycle_consent *consent, struct slice actor,
                 struct lifecycle_on *out)
{
    bool found;
    *out = (struct lifecycle_on){.was_on = false};
    struct err e = session_region(s, region); /* does it exist? before anything is written */
    if (e.kind == ERR_NONE)
        e = session_find(s, d, &found, &out->tenant);
    if (e.kind == ERR_NONE && !found) {
        e = insert(s, d, region, name, settings, consent, actor);
        if (e.kind == ERR_REJECT && strcmp(e.code, "db.conflict") == 0)
            e = ERR_OK; /* somebody else did the same this moment: go on with theirs */
        if (e.kind == ERR_NONE)
            e = session_find(s, d, &found, &out->tenant);
    }
    if (e.kind == ERR_NONE && found)
        e = may_opt_in(&out->tenant, region);
    if (e.kind)
        return e;
    out->was_on = out->tenant.row.state == TENANT_ACTIVE;
    if (out->was_on)
        return publish(s, &out->tenant.row, TENANT_ACTIVE); /* mends a lost record */
    return provision(s, d, settings, &out->tenant);
}

/* ---- off */

static void
on_purge(void *arg, const struct db_rows *rows, struct err e)
{
    char *id = arg;
    if (e.kind == ERR_NONE && db_count(rows) == 1)
        (void)snprintf(id, 37, "%.*s", SLICE_ARG(db_get(rows, 0, 0)));
}

struct err
lifecycle_opt_out(struct session *s, const struct session_tenant *t, struct slice actor,
                  char *purge_id)
{
    char fresh[37];
    crypto_guid(fresh);
    purge_id[0] = '\0';
    const struct tenants_purge purge = {.id = slice_of(fresh),
                                        .oid = t->row.oid,
                                        .epoch = t->row.epoch,
                                        .region = t->row.region,
                                        .requested_at = clock_now(),
                                        .requested_by = actor,
                                        .state = SLICE("running"),
                                        .finished_at = CLOCK_NONE};
    db_begin(s->control);
    if (t->row.state != TENANT_PURGING)
        tenants_set_state(s->control, s->arena, &t->row.oid, TENANT_PURGING, clock_now(),
                          DB_UNTOLD);
    tenants_purge_add(s->control, s->arena, &purge, (struct db_answer){on_purge, purge_id});
    audit(s, actor, "opt-out", &t->row.oid, t->row.epoch);
    struct err e = commit(s, s->control);
    if (e.kind == ERR_NONE && purge_id[0] == '\0')
        return err_make(ERR_STOP, "tenant.purge", "no purge was entered");
    return e;
}
