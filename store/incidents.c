/* incidents.c: a tenant's incidents, who is in them and why, and what people wrote. */
#include "store/incidents.h"

#include "sql.h"
#include "store/columns.h"

/* in the order of incidents_upsert.sql and of the results of whole incidents */
static const struct column incident_columns[] = {
    COLUMN(I64, struct incidents_row, id),
    COLUMN(I64, struct incidents_row, version),
    COLUMN(I64, struct incidents_row, redirect_to),
    COLUMN(TEXT, struct incidents_row, name),
    COLUMN(TEXT, struct incidents_row, first_name),
    COLUMN(I32, struct incidents_row, severity),
    COLUMN(TEXT, struct incidents_row, status),
    COLUMN(I32, struct incidents_row, classification),
    COLUMN(I32, struct incidents_row, determination),
    COLUMN(TEXT, struct incidents_row, assigned_to),
    COLUMN_LIST(struct incidents_row, tags),
    COLUMN(I32, struct incidents_row, stage_score),
    COLUMN(I32, struct incidents_row, tactics),
    COLUMN(I32, struct incidents_row, sources),
    COLUMN(I32, struct incidents_row, alerts),
    COLUMN(I32, struct incidents_row, users),
    COLUMN(I32, struct incidents_row, devices),
    COLUMN(I64, struct incidents_row, created),
    COLUMN(I64, struct incidents_row, updated),
    COLUMN(I64, struct incidents_row, first_activity),
    COLUMN(I64, struct incidents_row, last_activity),
    COLUMN_LIST(struct incidents_row, entities),
    COLUMN(TEXT, struct incidents_row, params),
    COLUMN(I32, struct incidents_row, worked),
    {COLUMN_END, 0, 0},
};

void
incidents_upsert(struct db *db, struct arena *a, const struct oid *tenant,
                 const struct incidents_row *rows, size_t n, struct db_answer answer)
{
    columns_send_rows(db, a, sql_incidents_upsert, tenant, incident_columns, rows, sizeof *rows, n,
                      answer);
}

void
incidents_load(struct db *db, struct arena *a, const struct oid *tenant, int64_t since,
               struct db_answer answer)
{
    columns_send(db, sql_incidents_load, tenant, answer, PARAMS(db_i64(a, since)));
}

void
incidents_load_ids(struct db *db, struct arena *a, const struct oid *tenant, const int64_t *ids,
                   size_t n, struct db_answer answer)
{
    columns_send(db, sql_incidents_load_ids, tenant, answer, PARAMS(db_i64s(a, ids, n)));
}

void
incidents_loaded_row(const struct db_rows *rows, size_t row, struct incidents_loaded *out)
{
    static const struct column columns[] = {
        COLUMN(I64, struct incidents_loaded, id),
        COLUMN(I64, struct incidents_loaded, version),
        COLUMN(I64, struct incidents_loaded, redirect_to),
        COLUMN(TEXT, struct incidents_loaded, name),
        COLUMN(TEXT, struct incidents_loaded, first_name),
        COLUMN(TEXT, struct incidents_loaded, status),
        COLUMN(TEXT, struct incidents_loaded, assigned_to),
        COLUMN(I32, struct incidents_loaded, classification),
        COLUMN(I32, struct incidents_loaded, determination),
        COLUMN(BOOL, struct incidents_loaded, worked),
        COLUMN(TEXT, struct incidents_loaded, params),
        COLUMN(I64, struct incidents_loaded, updated),
        {COLUMN_END, 0, 0},
    };
    columns_read(rows, row, 0, columns, NULL, out);
}

/* ---- lists */

struct incidents_filter
incidents_filter_all(void)
{
    return (struct incidents_filter){
        .severity = -1,
        .created_gt = INT64_MIN,
        .created_ge = INT64_MIN,
        .created_lt = INT64_MIN,
        .created_le = INT64_MIN,
        .updated_gt = INT64_MIN,
        .updated_ge = INT64_MIN,
        .updated_lt = INT64_MIN,
        .updated_le = INT64_MIN,
        .order = INCIDENTS_BY_UPDATED,
        .descending = true,
        .top = 50,
    };
}

static struct db_param
bound(struct arena *a, int64_t time)
{
    struct db_param p = db_i64(a, time);
    if (time == INT64_MIN && p.type != 0)
        p.binary = SLICE_NONE;
    return p;
}

enum { CONDITIONS = 13 };

static void
conditions(struct arena *a, const struct incidents_filter *f, struct db_param out[CONDITIONS])
{
    out[0] = db_i64(a, f->id);
    out[1] = db_text(f->status);
    out[2] = db_text(f->assigned_to);
    out[3] = db_i32(a, f->severity);
    out[4] = db_bool(a, f->redirected);
    const int64_t bounds[8] = {f->created_gt, f->created_ge, f->created_lt, f->created_le,
                               f->updated_gt, f->updated_ge, f->updated_lt, f->updated_le};
    for (size_t i = 0; i < 8; i++)
        out[5 + i] = bound(a, bounds[i]);
}

enum { UNWANTED = 3 };

static void
unwanted(struct arena *a, const struct incidents_filter *f, struct db_param out[UNWANTED])
{
    out[0] = db_texts(a, f->not_status, f->n_not_status);
    out[1] = db_i32s(a, f->not_severity, f->n_not_severity);
    out[2] = db_texts(a, f->not_assigned_to, f->n_not_assigned_to);
}

void
incidents_list(struct db *db, struct arena *a, const struct oid *tenant,
               const struct incidents_filter *f, struct db_answer answer)
{
    struct db_param params[CONDITIONS + 5 + UNWANTED];
    bool by_entity = f->entity.p != NULL;
    conditions(a, f, params);
    params[13] = db_i32(a, (int32_t)f->order);
    params[14] = db_bool(a, f->descending);
    params[15] = db_i64(a, f->skip);
    params[16] = db_i64(a, f->top);
    params[17] = db_text(f->entity);
    unwanted(a, f, params + (by_entity ? 18 : 17));
    columns_send(db, by_entity ? sql_incidents_list_by_entity : sql_incidents_list, tenant, answer,
                 params, by_entity ? 21 : 20);
}

void
incidents_count(struct db *db, struct arena *a, const struct oid *tenant,
                const struct incidents_filter *f, struct db_answer answer)
{
    struct db_param params[CONDITIONS + 1 + UNWANTED];
    bool by_entity = f->entity.p != NULL;
    conditions(a, f, params);
    params[13] = db_text(f->entity);
    unwanted(a, f, params + (by_entity ? 14 : 13));
    columns_send(db, by_entity ? sql_incidents_count_by_entity : sql_incidents_count, tenant,
                 answer, params, by_entity ? 17 : 16);
}

void
incidents_get(struct db *db, struct arena *a, const struct oid *tenant, int64_t id,
              struct db_answer answer)
{
    columns_send(db, sql_incidents_get, tenant, answer, PARAMS(db_i64(a, id)));
}

void
incidents_full_row(const struct db_rows *rows, size_t row, struct arena *a,
                   struct incidents_row *out)
{
    columns_read(rows, row, 0, incident_columns, a, out);
}

/* ---- who is in which, and why */

static const struct column member_columns[] = {
    COLUMN(I32, struct incidents_member, source),
    COLUMN(TEXT, struct incidents_member, native_id),
    COLUMN(I64, struct incidents_member, incident_id),
    {COLUMN_END, 0, 0},
};

void
incidents_members_upsert(struct db *db, struct arena *a, const struct oid *tenant,
                         const struct incidents_member *rows, size_t n, struct db_answer answer)
{
    columns_send_rows(db, a, sql_incidents_members_upsert, tenant, member_columns, rows,
                      sizeof *rows, n, answer);
}

void
incidents_members_of(struct db *db, struct arena *a, const struct oid *tenant,
                     const struct alerts_key *alerts, size_t n, struct db_answer answer)
{
    static const struct column columns[] = {
        COLUMN(I32, struct alerts_key, source),
        COLUMN(TEXT, struct alerts_key, native_id),
        {COLUMN_END, 0, 0},
    };
    columns_send_rows(db, a, sql_incidents_members_of, tenant, columns, alerts, sizeof *alerts, n,
                      answer);
}

void
incidents_member_row(const struct db_rows *rows, size_t row, struct incidents_member *out)
{
    columns_read(rows, row, 0, member_columns, NULL, out);
}

static const struct column link_columns[] = {
    COLUMN(I32, struct incidents_link, source),
    COLUMN(TEXT, struct incidents_link, native_id),
    COLUMN(I32, struct incidents_link, partner_source),
    COLUMN(TEXT, struct incidents_link, partner_id),
    COLUMN(I64, struct incidents_link, incident_id),
    COLUMN(I32, struct incidents_link, score),
    COLUMN(TEXT, struct incidents_link, reason),
    COLUMN(I64, struct incidents_link, at),
    {COLUMN_END, 0, 0},
};

void
incidents_links_add(struct db *db, struct arena *a, const struct oid *tenant,
                    const struct incidents_link *rows, size_t n, struct db_answer answer)
{
    columns_send_rows(db, a, sql_incidents_links_add, tenant, link_columns, rows, sizeof *rows, n,
                      answer);
}

void
incidents_links_of(struct db *db, struct arena *a, const struct oid *tenant, int64_t incident_id,
                   struct db_answer answer)
{
    columns_send(db, sql_incidents_links_of, tenant, answer, PARAMS(db_i64(a, incident_id)));
}

void
incidents_link_row(const struct db_rows *rows, size_t row, struct incidents_link *out)
{
    columns_read(rows, row, 0, link_columns, NULL, out);
}

static const struct column relation_columns[] = {
    COLUMN(I64, struct incidents_relation, a),
    COLUMN(I64, struct incidents_relation, b),
    COLUMN(I32, struct incidents_relation, score),
    COLUMN(TEXT, struct incidents_relation, why),
    {COLUMN_END, 0, 0},
};

void
incidents_related_upsert(struct db *db, struct arena *a, const struct oid *tenant,
                         const struct incidents_relation *rows, size_t n, struct db_answer answer)
{
    columns_send_rows(db, a, sql_incidents_related_upsert, tenant, relation_columns, rows,
                      sizeof *rows, n, answer);
}

void
incidents_related_of(struct db *db, struct arena *a, const struct oid *tenant, int64_t incident_id,
                     struct db_answer answer)
{
    columns_send(db, sql_incidents_related_of, tenant, answer, PARAMS(db_i64(a, incident_id)));
}

void
incidents_relation_row(const struct db_rows *rows, size_t row, struct incidents_relation *out)
{
    columns_read(rows, row, 0, relation_columns, NULL, out);
}

void
incidents_carry(struct db *db, struct arena *a, const struct oid *tenant, const int64_t *ids,
                const int64_t *into, size_t n, struct db_answer answer)
{
    columns_send(db, sql_incidents_carry, tenant, answer,
                 PARAMS(db_i64s(a, ids, n), db_i64s(a, into, n)));
}

void
incidents_tags(struct db *db, struct arena *a, const struct oid *tenant, int64_t id,
               const struct slice *tags, size_t n, struct db_answer answer)
{
    columns_send(db, sql_incidents_tags, tenant, answer,
                 PARAMS(db_i64(a, id), db_texts(a, tags, n)));
}

/* ---- comments and activity */

void
incidents_comment_add(struct db *db, struct arena *a, const struct oid *tenant,
                      const struct incidents_comment *c, struct db_answer answer)
{
    columns_send(
        db, sql_incidents_comment_add, tenant, answer,
        PARAMS(db_i64(a, c->incident_id), db_text(c->text), db_text(c->by), db_i64(a, c->at)));
}

void
incidents_comments_of(struct db *db, struct arena *a, const struct oid *tenant,
                      const int64_t *incident_ids, size_t n, struct db_answer answer)
{
    columns_send(db, sql_incidents_comments_of, tenant, answer,
                 PARAMS(db_i64s(a, incident_ids, n)));
}

void
incidents_comment_row(const struct db_rows *rows, size_t row, struct incidents_comment *out)
{
    static const struct column columns[] = {
        COLUMN(I64, struct incidents_comment, incident_id),
        COLUMN(I64, struct incidents_comment, seq),
        COLUMN(TEXT, struct incidents_comment, text),
        COLUMN(TEXT, struct incidents_comment, by),
        COLUMN(I64, struct incidents_comment, at),
        COLUMN(I64, struct incidents_comment, origin),
        {COLUMN_END, 0, 0},
    };
    columns_read(rows, row, 0, columns, NULL, out);
}

void
incidents_activity_add(struct db *db, struct arena *a, const struct oid *tenant,
                       const struct incidents_activity *rows, size_t n, struct db_answer answer)
{
    static const struct column columns[] = {
        COLUMN(I64, struct incidents_activity, incident_id),
        COLUMN(I64, struct incidents_activity, at),
        COLUMN(TEXT, struct incidents_activity, what),
        COLUMN(TEXT, struct incidents_activity, by),
        COLUMN(TEXT, struct incidents_activity, detail),
        {COLUMN_END, 0, 0},
    };
    columns_send_rows(db, a, sql_incidents_activity_add, tenant, columns, rows, sizeof *rows, n,
                      answer);
}

void
incidents_activity_of(struct db *db, struct arena *a, const struct oid *tenant, int64_t incident_id,
                      struct db_answer answer)
{
    columns_send(db, sql_incidents_activity_of, tenant, answer, PARAMS(db_i64(a, incident_id)));
}

void
incidents_activity_row(const struct db_rows *rows, size_t row, struct incidents_activity *out)
{
    static const struct column columns[] = {
        COLUMN(I64, struct incidents_activity, seq),
        COLUMN(I64, struct incidents_activity, incident_id),
        COLUMN(I64, struct incidents_activity, at),
        COLUMN(TEXT, struct incidents_activity, what),
        COLUMN(TEXT, struct incidents_activity, by),
        COLUMN(TEXT, struct incidents_activity, detail),
        COLUMN(I64, struct incidents_activity, origin),
        {COLUMN_END, 0, 0},
    };
    columns_read(rows, row, 0, columns, NULL, out);
}
