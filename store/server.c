#include "store/server.h"

#include "sql.h"
#include "store/columns.h"

void
server_look(struct db *db, struct db_answer answer)
{
    columns_send(db, sql_server_look, NULL, answer, NO_PARAMS);
}

void
server_row(const struct db_rows *rows, size_t row, struct server *out)
{
    out->version = db_get_i64(rows, row, 0);
    out->now = db_get_i64(rows, row, 1);
}
