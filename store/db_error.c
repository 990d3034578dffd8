/* db_error.c: SQLSTATE to error kind. Texts hold SQLSTATE and constraint, never values. */
#include "store/db.h"

#include <string.h>

#include "common/metric.h"
#include "store/db_internal.h"

/* The first row whose state begins like the answer's. */
static const struct row {
    const char *state;
    enum err_kind kind;
    const char *code;
    const char *class; /* label of the metric */
} rows[] = {
    {"TF001", ERR_REJECT, "db.fenced", "TF"},
    {"TF002", ERR_REJECT, "db.fenced_partition", "TF"},
    {"42P01", ERR_REJECT, "db.undefined", "42"},
    {"3F000", ERR_REJECT, "db.undefined", "3F"},
    {"25P02", ERR_RETRY, "db.aborted", "25"},
    {"40", ERR_RETRY, "db.busy", "40"},
    {"55", ERR_RETRY, "db.busy", "55"},
    {"57014", ERR_RETRY, "db.busy", "57"},
    {"57", ERR_RETRY, "db.connect", "57"},
    {"25P03", ERR_RETRY, "db.connect", "25"}, /* idle in transaction for too long: session ended */
    {"08", ERR_RETRY, "db.connect", "08"},
    {"26", ERR_RETRY, "db.busy", "26"}, /* a statement that was forgotten: prepared again */
    {"0A000", ERR_RETRY, "db.busy",
     "0A"}, /* a table changed under a prepared statement: likewise */
    {"23505", ERR_REJECT, "db.conflict", "23"},
    {"23514", ERR_REJECT, "db.conflict", "23"},
    {"22", ERR_REJECT, "db.data", "22"},
    {"54", ERR_REJECT, "db.data", "54"}, /* a value too long for an index, and the like */
    {"53", ERR_STOP, "db.full", "53"},
    {"28", ERR_STOP, "db.auth", "28"},
    {"42", ERR_STOP, "db.sql", "42"},
    {"23", ERR_STOP, "db.sql", "23"},
    {"25", ERR_STOP, "db.sql", "25"},
    {"", ERR_STOP, "db.sql", "other"},
};

struct err
db_error_of(const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    if (state == NULL) { /* libpq's own: the connection broke */
        metric_add(METRIC_weir_db_errors_total, 1, "08");
        return err_make(ERR_RETRY, "db.connect", "the connection broke");
    }
    const struct row *row = rows;
    while (strncmp(row->state, state, strlen(row->state)) != 0)
        row++;
    metric_add(METRIC_weir_db_errors_total, 1, row->class);
    const char *constraint = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);
    const char *message = "";
    if (strncmp(state, "42", 2) == 0) /* of these the message names columns and tables only */
        message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    return err_make(row->kind, row->code, "SQLSTATE %s%s%s%s%s", state,
                    constraint != NULL ? ", constraint " : "", constraint != NULL ? constraint : "",
                    message != NULL && message[0] != '\0' ? ": " : "",
                    message != NULL ? message : "");
}
