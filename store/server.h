/*
 * server.h: what a database's server says about itself.
 */
#ifndef WEIR_SERVER_H
#define WEIR_SERVER_H
#include "store/db.h"

struct server {
    int64_t version; /* 150004 is 15.4 */
    int64_t now;     /* 100 ns since 1970 */
};

/* server_look - one row, for server_row. */
void server_look(struct db *db, struct db_answer answer);
void server_row(const struct db_rows *rows, size_t row, struct server *out);

#endif
