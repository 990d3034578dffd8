/* alerts.c: a tenant's alerts, mail records, dead and ignored documents. */
#include "store/alerts.h"

#include "sql.h"
#include "store/columns.h"

/* in the order of alerts_upsert.sql and of the results of whole alerts */
static const struct column alert_columns[] = {
    COLUMN(I32, struct alerts_row, source),
    COLUMN(TEXT, struct alerts_row, native_id),
    COLUMN(I64, struct alerts_row, version),
    COLUMN(I64, struct alerts_row, received),
    COLUMN(BYTES, struct alerts_row, sha256),
    COLUMN(TEXT, struct alerts_row, id),
    COLUMN(TEXT, struct alerts_row, provider_alert_id),
    COLUMN(TEXT, struct alerts_row, title),
    COLUMN(TEXT, struct alerts_row, description),
    COLUMN(TEXT, struct alerts_row, recommended_actions),
    COLUMN(TEXT, struct alerts_row, web_url),
    COLUMN(TEXT, struct alerts_row, category),
    COLUMN(I32, struct alerts_row, tactics),
    COLUMN(I32, struct alerts_row, severity),
    COLUMN(I32, struct alerts_row, status),
    COLUMN(I32, struct alerts_row, classification),
    COLUMN(I32, struct alerts_row, determination),
    COLUMN(I32, struct alerts_row, service),
    COLUMN(I32, struct alerts_row, detection),
    COLUMN(TEXT, struct alerts_row, detector_id),
    COLUMN(TEXT, struct alerts_row, detector),
    COLUMN(TEXT, struct alerts_row, investigation_id),
    COLUMN(TEXT, struct alerts_row, investigation_state),
    COLUMN(TEXT, struct alerts_row, assigned_to),
    COLUMN(TEXT, struct alerts_row, threat_name),
    COLUMN(TEXT, struct alerts_row, threat_family),
    COLUMN(TEXT, struct alerts_row, actor),
    COLUMN(TEXT, struct alerts_row, policy_id),
    COLUMN(TEXT, struct alerts_row, native_incident_id),
    COLUMN(TEXT, struct alerts_row, techniques),
    COLUMN(I64, struct alerts_row, created),
    COLUMN(I64, struct alerts_row, first_activity),
    COLUMN(I64, struct alerts_row, last_activity),
    COLUMN(I64, struct alerts_row, updated),
    COLUMN(TIME, struct alerts_row, resolved),
    COLUMN(TEXT, struct alerts_row, comments),
    COLUMN(TEXT, struct alerts_row, additional),
    COLUMN(TEXT, struct alerts_row, raw_words),
    COLUMN(TEXT, struct alerts_row, evidence),
    COLUMN(BYTES, struct alerts_row, raw),
    COLUMN(BYTES, struct alerts_row, keys),
    COLUMN(I32, struct alerts_row, leads),
    {COLUMN_END, 0, 0},
};

static const struct column key_columns[] = {
    COLUMN(I32, struct alerts_key, source),
    COLUMN(TEXT, struct alerts_key, native_id),
    {COLUMN_END, 0, 0},
};

void
alerts_upsert(struct db *db, struct arena *a, const struct oid *tenant,
              const struct alerts_row *rows, size_t n, struct db_answer answer)
{
    columns_send_rows(db, a, sql_alerts_upsert, tenant, alert_columns, rows, sizeof *rows, n,
                      answer);
}

void
alerts_key_row(const struct db_rows *rows, size_t row, struct alerts_key *out)
{
    columns_read(rows, row, 0, key_columns, NULL, out);
}

void
alerts_known(struct db *db, struct arena *a, const struct oid *tenant,
             const struct alerts_key *keys, size_t n, struct db_answer answer)
{
    columns_send_rows(db, a, sql_alerts_known, tenant, key_columns, keys, sizeof *keys, n, answer);
}

void
alerts_known_row(const struct db_rows *rows, size_t row, struct alerts_known *out)
{
    static const struct column columns[] = {
        COLUMN(I32, struct alerts_known, source),   COLUMN(TEXT, struct alerts_known, native_id),
        COLUMN(I64, struct alerts_known, version),  COLUMN(I64, struct alerts_known, received),
        COLUMN(BYTES, struct alerts_known, sha256), {COLUMN_END, 0, 0},
    };
    columns_read(rows, row, 0, columns, NULL, out);
}

void
alerts_load(struct db *db, struct arena *a, const struct oid *tenant, int64_t since,
            struct db_answer answer)
{
    columns_send(db, sql_alerts_load, tenant, answer, PARAMS(db_i64(a, since)));
}

void
alerts_load_ids(struct db *db, struct arena *a, const struct oid *tenant,
                const int64_t *incident_ids, size_t n, struct db_answer answer)
{
    columns_send(db, sql_alerts_load_ids, tenant, answer, PARAMS(db_i64s(a, incident_ids, n)));
}

void
alerts_loaded_row(const struct db_rows *rows, size_t row, struct alerts_loaded *out)
{
    static const struct column columns[] = {
        COLUMN(I32, struct alerts_loaded, source),
        COLUMN(TEXT, struct alerts_loaded, native_id),
        COLUMN(I64, struct alerts_loaded, version),
        COLUMN(TEXT, struct alerts_loaded, title),
        COLUMN(TEXT, struct alerts_loaded, category),
        COLUMN(I32, struct alerts_loaded, severity),
        COLUMN(TEXT, struct alerts_loaded, detector),
        COLUMN(I32, struct alerts_loaded, service),
        COLUMN(TEXT, struct alerts_loaded, threat),
        COLUMN(I32, struct alerts_loaded, tactics),
        COLUMN(I32, struct alerts_loaded, leads),
        COLUMN(I64, struct alerts_loaded, created),
        COLUMN(I64, struct alerts_loaded, first_activity),
        COLUMN(I64, struct alerts_loaded, last_activity),
        COLUMN(BYTES, struct alerts_loaded, keys),
        COLUMN(I64, struct alerts_loaded, incident_id),
        {COLUMN_END, 0, 0},
    };
    columns_read(rows, row, 0, columns, NULL, out);
}

void
alerts_near(struct db *db, struct arena *a, const struct oid *tenant, int64_t from, int64_t before,
            int64_t to, int64_t most, struct db_answer answer)
{
    columns_send(db, sql_alerts_near, tenant, answer,
                 PARAMS(db_i64(a, from), db_i64(a, before), db_i64(a, to), db_i64(a, most)));
}

void
alerts_near_row(const struct db_rows *rows, size_t row, struct alerts_near *out)
{
    static const struct column columns[] = {
        COLUMN(I64, struct alerts_near, incident_id),
        COLUMN(BYTES, struct alerts_near, keys),
        {COLUMN_END, 0, 0},
    };
    columns_read(rows, row, 0, columns, NULL, out);
}

void
alerts_of_incidents(struct db *db, struct arena *a, const struct oid *tenant,
                    const int64_t *incident_ids, size_t n, bool with_raw, struct db_answer answer)
{
    columns_send(db, sql_alerts_of_incidents, tenant, answer,
                 PARAMS(db_i64s(a, incident_ids, n), db_bool(a, with_raw)));
}

void
alerts_by_ids(struct db *db, struct arena *a, const struct oid *tenant, const struct slice *ids,
              size_t n, bool with_raw, struct db_answer answer)
{
    columns_send(db, sql_alerts_by_ids, tenant, answer,
                 PARAMS(db_texts(a, ids, n), db_bool(a, with_raw)));
}

void
alerts_page(struct db *db, struct arena *a, const struct oid *tenant,
            const struct alerts_key *after, int64_t most, struct db_answer answer)
{
    struct slice id = after->native_id.p != NULL ? after->native_id : SLICE("");
    columns_send(db, sql_alerts_page, tenant, answer,
                 PARAMS(db_i32(a, after->source), db_text(id), db_i64(a, most)));
}

void
alerts_full_row(const struct db_rows *rows, size_t row, struct alerts_full *out)
{
    columns_read(rows, row, 0, alert_columns, NULL, &out->row);
    size_t next = sizeof alert_columns / sizeof *alert_columns - 1;
    out->incident_id = db_get_i64(rows, row, next);
}

void
alerts_counts(struct db *db, struct arena *a, const struct oid *tenant, struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_alerts_counts, tenant, answer, NO_PARAMS);
}

void
alerts_counts_row(const struct db_rows *rows, size_t row, struct alerts_counts *out)
{
    static const struct column columns[] = {
        COLUMN(I64, struct alerts_counts, alerts),
        COLUMN(I64, struct alerts_counts, mail_records),
        COLUMN(I64, struct alerts_counts, dead),
        COLUMN(I64, struct alerts_counts, ignored),
        COLUMN(I64, struct alerts_counts, incidents),
        COLUMN(I64, struct alerts_counts, comments),
        {COLUMN_END, 0, 0},
    };
    columns_read(rows, row, 0, columns, NULL, out);
}

/* ---- mail records */

static const struct column mail_columns[] = {
    COLUMN(TEXT, struct alerts_mail, record_id),
    COLUMN(TEXT, struct alerts_mail, alert_id),
    COLUMN(I64, struct alerts_mail, version),
    COLUMN(I64, struct alerts_mail, received),
    COLUMN(BYTES, struct alerts_mail, sha256),
    COLUMN(BYTES, struct alerts_mail, sealed),
    {COLUMN_END, 0, 0},
};

void
alerts_mail_upsert(struct db *db, struct arena *a, const struct oid *tenant,
                   const struct alerts_mail *rows, size_t n, struct db_answer answer)
{
    columns_send_rows(db, a, sql_alerts_mail_upsert, tenant, mail_columns, rows, sizeof *rows, n,
                      answer);
}

void
alerts_mail_of(struct db *db, struct arena *a, const struct oid *tenant,
               const struct slice *alert_ids, size_t n, struct db_answer answer)
{
    columns_send(db, sql_alerts_mail_of, tenant, answer, PARAMS(db_texts(a, alert_ids, n)));
}

void
alerts_mail_row(const struct db_rows *rows, size_t row, struct alerts_mail *out)
{
    columns_read(rows, row, 0, mail_columns, NULL, out);
}

/* ---- what became no alert */

static const struct column dead_columns[] = {
    COLUMN(I32, struct alerts_dead, source),
    COLUMN(TEXT, struct alerts_dead, native_id),
    COLUMN(BYTES, struct alerts_dead, sha256),
    COLUMN(I64, struct alerts_dead, received),
    COLUMN(TEXT, struct alerts_dead, reason),
    COLUMN(TEXT, struct alerts_dead, detail),
    COLUMN(BYTES, struct alerts_dead, sealed),
    COLUMN(I64, struct alerts_dead, at),
    {COLUMN_END, 0, 0},
};

void
alerts_dead_add(struct db *db, struct arena *a, const struct oid *tenant,
                const struct alerts_dead *rows, size_t n, struct db_answer answer)
{
    columns_send_rows(db, a, sql_alerts_dead_add, tenant, dead_columns, rows, sizeof *rows, n,
                      answer);
}

void
alerts_dead_list(struct db *db, struct arena *a, const struct oid *tenant, struct slice native_id,
                 int64_t most, struct db_answer answer)
{
    columns_send(db, sql_alerts_dead_list, tenant, answer,
                 PARAMS(db_text(native_id), db_i64(a, most)));
}

void
alerts_dead_delete(struct db *db, struct arena *a, const struct oid *tenant,
                   const struct alerts_dead *row, struct db_answer answer)
{
    columns_send(db, sql_alerts_dead_delete, tenant, answer,
                 PARAMS(db_i32(a, row->source), db_text(row->native_id), db_bytes(row->sha256)));
}

void
alerts_dead_row(const struct db_rows *rows, size_t row, struct alerts_dead *out)
{
    columns_read(rows, row, 0, dead_columns, NULL, out);
}

void
alerts_ignored_add(struct db *db, struct arena *a, const struct oid *tenant,
                   const struct alerts_ignored *rows, size_t n, struct db_answer answer)
{
    static const struct column columns[] = {
        COLUMN(I32, struct alerts_ignored, source),
        COLUMN(TEXT, struct alerts_ignored, native_id),
        COLUMN(TEXT, struct alerts_ignored, reason),
        COLUMN(I64, struct alerts_ignored, received),
        {COLUMN_END, 0, 0},
    };
    columns_send_rows(db, a, sql_alerts_ignored_add, tenant, columns, rows, sizeof *rows, n,
                      answer);
}
