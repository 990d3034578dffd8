/* tenants.c: the control database: tenants, directories, consent, purges, audit. */
#include "store/tenants.h"

#include "sql.h"
#include "store/columns.h"

#define TENANT(kind, member) COLUMN(kind, struct tenants_row, member)

static const struct column tenant_columns[] = {
    TENANT(OID, oid),
    TENANT(I32, epoch),
    TENANT(BYTES, directory_hmac),
    TENANT(BYTES, directory),
    TENANT(BYTES, name),
    TENANT(TEXT, region),
    TENANT(I32, shard),
    TENANT(STATE, state),
    TENANT(I32, sources),
    TENANT(I32, identity_channel),
    TENANT(I64, settings_version),
    TENANT(I64, created),
    TENANT(I64, changed),
    {COLUMN_END, 0, 0},
};

void
tenants_insert(struct db *db, struct arena *a, const struct tenants_row *row,
               struct db_answer answer)
{
    columns_send_row(db, a, sql_tenants_insert, NULL, tenant_columns, row, answer);
}

void
tenants_get_by_hmac(struct db *db, struct arena *a, struct slice directory_hmac,
                    struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_tenants_get_by_hmac, NULL, answer, PARAMS(db_bytes(directory_hmac)));
}

void
tenants_get_by_oid(struct db *db, struct arena *a, const struct oid *oid, struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_tenants_get_by_oid, NULL, answer, PARAMS(db_oid(oid)));
}

void
tenants_list(struct db *db, struct arena *a, struct slice region, bool purged,
             struct db_answer answer)
{
    columns_send(db, sql_tenants_list, NULL, answer, PARAMS(db_text(region), db_bool(a, purged)));
}

void
tenants_get_row(const struct db_rows *rows, size_t row, struct tenants_row *out)
{
    columns_read(rows, row, 0, tenant_columns, NULL, out);
}

/* The moves of erasure.md 6; a failed opt-in may be cleared away as well. */
static size_t
came_from(enum tenant_state to, struct slice out[3])
{
    switch (to) {
    case TENANT_ACTIVE:
        out[0] = SLICE("provisioning");
        out[1] = SLICE("suspended");
        return 2;
    case TENANT_SUSPENDED:
        out[0] = SLICE("active");
        return 1;
    case TENANT_PURGING:
        out[0] = SLICE("active");
        out[1] = SLICE("suspended");
        out[2] = SLICE("provisioning");
        return 3;
    case TENANT_PURGED:
        out[0] = SLICE("purging");
        return 1;
    default:
        return 0;
    }
}

void
tenants_set_state(struct db *db, struct arena *a, const struct oid *oid, enum tenant_state to,
                  int64_t at, struct db_answer answer)
{
    struct slice from[3];
    size_t n = came_from(to, from);
    columns_send(db, sql_tenants_set_state, NULL, answer,
                 PARAMS(db_oid(oid), db_text(slice_of(tenant_state_word(to))), db_i64(a, at),
                        db_texts(a, from, n)));
}

void
tenants_set_settings(struct db *db, struct arena *a, const struct oid *oid, int32_t sources,
                     int32_t identity_channel, int64_t at, struct db_answer answer)
{
    (void)at;
    columns_send(db, sql_tenants_set_settings, NULL, answer,
                 PARAMS(db_oid(oid), db_i32(a, sources), db_i32(a, identity_channel)));
}

/* ---- directories */

void
tenants_directory_next(struct db *db, struct arena *a, struct slice directory_hmac,
                       struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_tenants_directory_next, NULL, answer, PARAMS(db_bytes(directory_hmac)));
}

void
tenants_directory_get(struct db *db, struct arena *a, struct slice directory_hmac,
                      struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_tenants_directory_get, NULL, answer, PARAMS(db_bytes(directory_hmac)));
}

void
tenants_directory_row(const struct db_rows *rows, size_t row, struct tenants_directory *out)
{
    out->epochs = (int32_t)db_get_i64(rows, row, 0);
    out->last_incident_id = db_get_i64(rows, row, 1);
}

void
tenants_directory_set_last(struct db *db, struct arena *a, struct slice directory_hmac,
                           int64_t last_incident_id, struct db_answer answer)
{
    columns_send(db, sql_tenants_directory_set_last, NULL, answer,
                 PARAMS(db_bytes(directory_hmac), db_i64(a, last_incident_id)));
}

/* ---- consent, audit */

static const struct column consent_columns[] = {
    COLUMN(OID, struct tenants_consent, oid),  COLUMN(TEXT, struct tenants_consent, version),
    COLUMN(BYTES, struct tenants_consent, by), COLUMN(TEXT, struct tenants_consent, role),
    COLUMN(I64, struct tenants_consent, at),   {COLUMN_END, 0, 0},
};

void
tenants_consent_add(struct db *db, struct arena *a, const struct tenants_consent *row,
                    struct db_answer answer)
{
    columns_send_row(db, a, sql_tenants_consent_add, NULL, consent_columns, row, answer);
}

void
tenants_consent_of(struct db *db, struct arena *a, const struct oid *oid, struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_tenants_consent_of, NULL, answer, PARAMS(db_oid(oid)));
}

void
tenants_consent_row(const struct db_rows *rows, size_t row, struct tenants_consent *out)
{
    columns_read(rows, row, 0, consent_columns, NULL, out);
}

void
tenants_audit_add(struct db *db, struct arena *a, const struct tenants_audit *row,
                  struct db_answer answer)
{
    struct db_param epoch = db_i32(a, row->epoch);
    if (!row->has_oid && epoch.type != 0)
        epoch.binary = SLICE_NONE;
    columns_send(db, sql_tenants_audit_add, NULL, answer,
                 PARAMS(db_i64(a, row->at), db_text(row->actor), db_text(row->action),
                        db_bytes(row->has_oid ? oid_slice(&row->oid) : SLICE_NONE), epoch,
                        db_text(row->detail)));
}

/* ---- purges */

static const struct column purge_columns[] = {
    COLUMN(TEXT, struct tenants_purge, id),
    COLUMN(OID, struct tenants_purge, oid),
    COLUMN(I32, struct tenants_purge, epoch),
    COLUMN(TEXT, struct tenants_purge, region),
    COLUMN(I64, struct tenants_purge, requested_at),
    COLUMN(TEXT, struct tenants_purge, requested_by),
    COLUMN(TEXT, struct tenants_purge, state),
    COLUMN(TIME, struct tenants_purge, finished_at),
    {COLUMN_END, 0, 0},
};

void
tenants_purge_add(struct db *db, struct arena *a, const struct tenants_purge *row,
                  struct db_answer answer)
{
    columns_send(db, sql_tenants_purge_add, NULL, answer,
                 PARAMS(db_text(row->id), db_oid(&row->oid), db_i32(a, row->epoch),
                        db_text(row->region), db_i64(a, row->requested_at),
                        db_text(row->requested_by)));
}

void
tenants_purge_list(struct db *db, struct arena *a, struct slice region, bool done,
                   struct db_answer answer)
{
    columns_send(db, sql_tenants_purge_list, NULL, answer,
                 PARAMS(db_text(region), db_bool(a, done)));
}

void
tenants_purge_get(struct db *db, struct arena *a, struct slice id, struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_tenants_purge_get, NULL, answer, PARAMS(db_text(id)));
}

void
tenants_purge_row(const struct db_rows *rows, size_t row, struct tenants_purge *out)
{
    columns_read(rows, row, 0, purge_columns, NULL, out);
}

void
tenants_purge_done(struct db *db, struct arena *a, struct slice id, int64_t at,
                   struct db_answer answer)
{
    columns_send(db, sql_tenants_purge_done, NULL, answer, PARAMS(db_text(id), db_i64(a, at)));
}

static const struct column step_columns[] = {
    COLUMN(TEXT, struct tenants_purge_step, purge_id),
    COLUMN(TEXT, struct tenants_purge_step, step),
    COLUMN(I64, struct tenants_purge_step, at),
    COLUMN(TEXT, struct tenants_purge_step, evidence),
    {COLUMN_END, 0, 0},
};

void
tenants_purge_step_add(struct db *db, struct arena *a, const struct tenants_purge_step *row,
                       struct db_answer answer)
{
    columns_send_row(db, a, sql_tenants_purge_step_add, NULL, step_columns, row, answer);
}

void
tenants_purge_steps(struct db *db, struct arena *a, struct slice purge_id, struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_tenants_purge_steps, NULL, answer, PARAMS(db_text(purge_id)));
}

void
tenants_purge_step_row(const struct db_rows *rows, size_t row, struct tenants_purge_step *out)
{
    columns_read(rows, row, 0, step_columns, NULL, out);
}

/* ---- a tenant's schema */

static struct db_param
schema_name(struct arena *a, const struct oid *oid)
{
    struct slice name = slice_printf(a, "t_%s", oid_format(oid).s);
    struct db_param p = db_text(name);
    if (name.p == NULL)
        p.type = 0; /* out of memory: db_send says it */
    return p;
}

void
tenants_tables(struct db *db, struct arena *a, const struct oid *oid, struct db_answer answer)
{
    columns_send(db, sql_tenants_tables, NULL, answer, PARAMS(schema_name(a, oid)));
}

void
tenants_drop_table(struct db *db, struct arena *a, const struct oid *oid, struct slice table,
                   struct db_answer answer)
{
    columns_send(db, sql_tenants_drop_table, NULL, answer,
                 PARAMS(schema_name(a, oid), db_text(table)));
}

void
tenants_drop_schema(struct db *db, struct arena *a, const struct oid *oid, struct db_answer answer)
{
    columns_send(db, sql_tenants_drop_schema, NULL, answer, PARAMS(schema_name(a, oid)));
}

void
tenants_delete_shared(struct db *db, struct arena *a, const struct oid *oid,
                      struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_tenants_delete_shared, NULL, answer, PARAMS(db_oid(oid)));
}
