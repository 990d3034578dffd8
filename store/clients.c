/* clients.c: who may have a token from us, and the keys that sign tokens. */
#include "store/clients.h"

#include "sql.h"
#include "store/columns.h"

void
clients_add(struct db *db, struct arena *a, const struct clients_row *row, struct db_answer answer)
{
    struct slice oid = row->has_oid ? oid_slice(&row->oid) : SLICE_NONE;
    columns_send(db, sql_clients_add, NULL, answer,
                 PARAMS(db_text(row->client_id), db_bytes(row->directory_hmac), db_bytes(oid),
                        db_text(row->name), db_bytes(row->secret_sha256), db_bytes(row->salt),
                        db_texts(a, row->roles, row->n_roles), db_i64(a, row->created),
                        db_bool(a, row->disabled)));
}

void
clients_get(struct db *db, struct arena *a, struct slice client_id, struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_clients_get, NULL, answer, PARAMS(db_text(client_id)));
}

void
clients_list(struct db *db, struct arena *a, struct slice directory_hmac, struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_clients_list, NULL, answer, PARAMS(db_bytes(directory_hmac)));
}

void
clients_disable(struct db *db, struct arena *a, struct slice client_id, struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_clients_disable, NULL, answer, PARAMS(db_text(client_id)));
}

void
clients_delete(struct db *db, struct arena *a, struct slice directory_hmac, struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_clients_delete, NULL, answer, PARAMS(db_bytes(directory_hmac)));
}

void
clients_get_row(const struct db_rows *rows, size_t row, struct arena *a, struct clients_row *out)
{
    static const struct column columns[] = {
        COLUMN(TEXT, struct clients_row, client_id),
        COLUMN(BYTES, struct clients_row, directory_hmac),
        COLUMN(OID, struct clients_row, oid),
        COLUMN(TEXT, struct clients_row, name),
        COLUMN(BYTES, struct clients_row, secret_sha256),
        COLUMN(BYTES, struct clients_row, salt),
        COLUMN_LIST(struct clients_row, roles),
        COLUMN(I64, struct clients_row, created),
        COLUMN(BOOL, struct clients_row, disabled),
        {COLUMN_END, 0, 0},
    };
    columns_read(rows, row, 0, columns, a, out);
    out->has_oid = !db_null(rows, row, 2);
}

static const struct column key_columns[] = {
    COLUMN(TEXT, struct clients_token_key, kid),
    COLUMN(BYTES, struct clients_token_key, private_pem),
    COLUMN(BYTES, struct clients_token_key, public_pem),
    COLUMN(I64, struct clients_token_key, created),
    {COLUMN_END, 0, 0},
};

void
clients_token_key_add(struct db *db, struct arena *a, const struct clients_token_key *row,
                      struct db_answer answer)
{
    columns_send_row(db, a, sql_clients_token_key_add, NULL, key_columns, row, answer);
}

void
clients_token_keys(struct db *db, struct arena *a, struct db_answer answer)
{
    (void)a;
    columns_send(db, sql_clients_token_keys, NULL, answer, NO_PARAMS);
}

void
clients_token_key_row(const struct db_rows *rows, size_t row, struct clients_token_key *out)
{
    columns_read(rows, row, 0, key_columns, NULL, out);
}
