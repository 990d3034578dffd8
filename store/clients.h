/*
 * clients.h: who may have a token from us, and the keys that sign tokens. Control database.
 */
#ifndef WEIR_CLIENTS_H
#define WEIR_CLIENTS_H
#include "store/db.h"

struct clients_row {
    struct slice client_id; /* GUID text, lower case */
    struct slice directory_hmac;
    bool has_oid;
    struct oid oid; /* the tenant it was made for, when it was on then */
    struct slice name;
    struct slice secret_sha256, salt; /* SHA-256(salt, secret) */
    struct slice *roles;
    size_t n_roles;
    int64_t created;
    bool disabled;
};

/* clients_add - ERR_REJECT "db.conflict": the id is taken. */
void clients_add(struct db *db, struct arena *a, const struct clients_row *row,
                 struct db_answer answer);
void clients_get(struct db *db, struct arena *a, struct slice client_id, struct db_answer answer);
/* clients_list - of a directory; NONE: all. */
void clients_list(struct db *db, struct arena *a, struct slice directory_hmac,
                  struct db_answer answer);
void clients_disable(struct db *db, struct arena *a, struct slice client_id,
                     struct db_answer answer);
/* clients_delete - all of a directory: they do not outlive its tenant. */
void clients_delete(struct db *db, struct arena *a, struct slice directory_hmac,
                    struct db_answer answer);
/* clients_get_row - texts are borrowed, roles lie in the arena. */
void clients_get_row(const struct db_rows *rows, size_t row, struct arena *a,
                     struct clients_row *out);

struct clients_token_key {
    struct slice kid, private_pem, public_pem;
    int64_t created;
};
/* clients_token_key_add - a second with the same kid changes nothing. */
void clients_token_key_add(struct db *db, struct arena *a, const struct clients_token_key *row,
                           struct db_answer answer);
void clients_token_keys(struct db *db, struct arena *a, struct db_answer answer); /* newest first */
void clients_token_key_row(const struct db_rows *rows, size_t row, struct clients_token_key *out);

#endif
