/*
 * db_pipeline.c: what is queued and answered.
 *
 * Every call adds an entry; entries are answered in order. Most wait for the server; a "local" one
 * is known to fail (or, a rollback of what is lost, to succeed) and is answered when it comes to
 * the head. No callback ever runs inside a call of the user's: the kick does that.
 */
#include "store/db.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/db_internal.h"

/* ---- entries */

struct db_entry *
db_entry_add(struct db *db, enum db_entry_kind kind)
{
    struct db_entry *e = db->spare;
    if (e != NULL)
        db->spare = e->next;
    else
        e = db_must(malloc(sizeof *e));
    *e = (struct db_entry){.kind = kind};
    *(db->first != NULL ? &db->last_entry->next : &db->first) = e;
    db->last_entry = e;
    db->queued++;
    return e;
}

static struct db_entry
entry_take(struct db *db)
{
    struct db_entry *e = db->first, copy = *e;
    db->first = e->next;
    db->queued--;
    db->bytes -= copy.bytes;
    if (!copy.local)
        db->in_flight--;
    free(copy.text);
    e->next = db->spare;
    db->spare = e;
    return copy;
}

void
db_entries_free(struct db *db)
{
    assert(db->first == NULL);
    while (db->spare != NULL) {
        struct db_entry *e = db->spare;
        db->spare = e->next;
        free(e);
    }
}

static struct err
cause_error(enum db_cause cause)
{
    switch (cause) {
    case DB_FINE:
        return ERR_OK;
    case DB_ABORTED:
        return err_make(ERR_RETRY, "db.aborted", "an earlier statement of the batch failed");
    case DB_MEMORY:
        return err_make(ERR_RETRY, "db.memory", "no room for the statement's parameters");
    case DB_TOO_LARGE:
        return err_make(ERR_REJECT, "db.data", "a parameter is too large");
    case DB_CLOSED:
        return err_make(ERR_RETRY, "db.closed", "the connection was closed");
    case DB_LOST:
        break;
    }
    return err_make(ERR_RETRY, "db.connect", "no connection");
}

/* answer - tell who asked; the entry is out of the queue already. */
static void
answer(struct db *db, const struct db_entry *e, const struct db_rows *rows, struct err error)
{
    if (e->kind != DB_SYNC && e->kind != DB_SCRIPT) {
        if (error.kind != ERR_NONE && db->batch_error.kind == ERR_NONE)
            db->batch_error = error;
        if (e->answered != NULL)
            e->answered(e->arg, rows, error);
        return;
    }
    if (e->done != NULL)
        e->done(e->arg, error);
}

static void
answer_local(struct db *db)
{
    struct db_entry e = entry_take(db);
    struct err error = cause_error(e.cause);
    if (e.kind == DB_SYNC) {
        if (db->batch_error.kind != ERR_NONE)
            error = db->batch_error;
        db->batch_error = ERR_OK;
    }
    answer(db, &e, NULL, error);
}

void
db_answer_locals(struct db *db)
{
    /* what callbacks queue meanwhile waits for the next kick: they may queue for ever */
    for (size_t n = db->queued; n > 0 && db->first != NULL && db->first->local; n--)
        answer_local(db);
    if (db->first != NULL && db->first->local)
        db_kick(db);
}

void
db_fail_all(struct db *db, enum db_cause cause)
{
    size_t n = 0;
    for (struct db_entry *e = db->first; e != NULL; e = e->next, n++)
        if (!e->local) {
            e->local = true;
            e->cause = e->kind == DB_OWN ? DB_FINE : cause;
        }
    db->in_flight = 0;
    db->server_tx = false;
    db->script = false;
    db->batch_sent = false;
    if (db->batch_open || db->in_tx)
        db->poison = cause;
    for (; n > 0; n--)
        answer_local(db);
}

/* ---- sending */

static void
number_name(char out[24], uint64_t number)
{
    snprintf(out, 24, "w%" PRIu64, number);
}

/* sent - the last entry waits for the server, unless libpq refused: then the connection is done
 * for. */
static void
sent(struct db *db, int ok)
{
    db->in_flight++;
    if (!ok) {
        db->broken = true;
        db_kick(db);
    }
}

static void
local(struct db *db, struct db_entry *e, enum db_cause cause)
{
    e->local = true;
    e->cause = cause;
    db_kick(db);
}

static void
send_own(struct db *db, const char *sql, uint64_t number, enum db_word word)
{
    struct db_entry *e = db_entry_add(db, DB_OWN);
    e->number = number;
    e->word = word;
    sent(db, PQsendQueryParams(db->conn, sql, 0, NULL, NULL, NULL, NULL, 1));
}

/* abort_batch - a statement could not even be sent: nothing of its batch may stay. ROLLBACK also
 * ends an implicit transaction. */
static void
abort_batch(struct db *db)
{
    if (db->state == DB_UP && !db->broken && (db->batch_sent || db->in_tx))
        send_own(db, "rollback", 0, DB_ROLLBACK);
    db->poison = DB_ABORTED;
}

/* refusal - why a statement cannot be sent now. */
static enum db_cause
refusal(const struct db *db)
{
    if (db->closing)
        return DB_CLOSED;
    if (db->poison != DB_FINE)
        return db->poison;
    return db->state != DB_UP || db->broken ? DB_LOST : DB_FINE;
}

struct packed {
    Oid types[DB_PARAMS_MAX];
    const char *values[DB_PARAMS_MAX];
    int lengths[DB_PARAMS_MAX], formats[DB_PARAMS_MAX];
    char *cleaned[DB_PARAMS_MAX];
    int64_t bytes;
};

static enum db_cause
pack(const struct db *db, const struct db_statement *s, struct packed *out)
{
    out->bytes = 0;
    for (size_t i = 0; i < s->n_params; i++) {
        const struct db_param *p = &s->params[i];
        if (p->type == 0)
            return DB_MEMORY;
        if (p->binary.n > (size_t)DB_BYTES_MAX)
            return DB_TOO_LARGE;
        out->bytes += (int64_t)p->binary.n;
    }
    if (out->bytes > DB_BYTES_MAX)
        return DB_TOO_LARGE;
    if (db->bytes + out->bytes > DB_BYTES_MAX)
        return DB_MEMORY;
    for (size_t i = 0; i < s->n_params; i++) {
        struct slice v = s->params[i].binary;
        out->types[i] = s->params[i].type;
        out->values[i] = v.p;
        out->lengths[i] = (int)v.n;
        out->formats[i] = 1;
        out->cleaned[i] = NULL;
        if (s->params[i].type == DB_TYPE_TEXT && v.p != NULL && !db_text_is_clean(v.p, v.n)) {
            out->cleaned[i] = db_must(malloc(v.n));
            db_text_clean(out->cleaned[i], v.p, v.n);
            out->values[i] = out->cleaned[i];
        }
    }
    return DB_FINE;
}

/* prepare - the book's entry to run, sending the preparation first when there is none. NULL: run
 * it unprepared, because the room is full of statements that are under way. */
static struct db_prepared *
prepare(struct db *db, const struct db_statement *s, const struct packed *k, bool *fresh)
{
    *fresh = false;
    struct db_prepared *p = db_book_find(&db->book, s->sql, s->tenant);
    if (p != NULL) {
        /* sent in an earlier batch, whose failure would also have taken the preparation along */
        bool usable = p->state == PREPARED_READY || (p->batch == db->batch && !p->doomed);
        return usable ? p : NULL;
    }
    p = db_book_add(&db->book, s->sql, s->tenant, db->batch);
    if (p == NULL)
        return NULL;
    *fresh = true;
    char name[24], *text = db_text_of(s->sql, s->tenant, false);
    number_name(name, p->number);
    struct db_entry *e = db_entry_add(db, DB_PREPARE);
    e->number = p->number;
    e->sql = s->sql;
    e->tenant = p->tenant;
    sent(db, PQsendPrepare(db->conn, name, text, (int)s->n_params, k->types));
    free(text);
    return p;
}

static void
run(struct db *db, const struct db_statement *s, const struct packed *k, enum db_word word)
{
    bool fresh = false;
    struct db_prepared *p = word == DB_NO_WORD ? prepare(db, s, k, &fresh) : NULL;
    struct db_entry *e = db_entry_add(db, DB_STATEMENT);
    e->answered = s->answered;
    e->arg = s->arg;
    e->bytes = k->bytes;
    e->word = word;
    e->sql = s->sql;
    if (s->tenant != NULL)
        e->tenant = *s->tenant;
    db->bytes += k->bytes;
    db->batch_sent = true;
    if (p != NULL) {
        char name[24];
        number_name(name, p->number);
        e->number = p->number;
        e->after_prepare = fresh;
        sent(db, PQsendQueryPrepared(db->conn, name, (int)s->n_params, k->values, k->lengths,
                                     k->formats, 1));
        return;
    }
    char *text = db_text_of(s->sql, s->tenant, false);
    sent(db, PQsendQueryParams(db->conn, text, (int)s->n_params, k->types, k->values, k->lengths,
                               k->formats, 1));
    free(text);
}

static void
queue(struct db *db, const struct db_statement *s, enum db_word word)
{
    assert(s->n_params <= DB_PARAMS_MAX && !db->script);
    struct packed k;
    enum db_cause cause = refusal(db);
    if (cause == DB_FINE) {
        cause = pack(db, s, &k);
        if (cause != DB_FINE)
            abort_batch(db);
    } else if (db->poison == DB_FINE) {
        db->poison = cause; /* the rest of the batch must not run without this one */
    }
    db->batch_open = true;
    if (cause == DB_FINE) {
        run(db, s, &k, word);
        for (size_t i = 0; i < s->n_params; i++)
            free(k.cleaned[i]);
        return;
    }
    struct db_entry *e = db_entry_add(db, DB_STATEMENT);
    e->answered = s->answered;
    e->arg = s->arg;
    local(db, e, word == DB_ROLLBACK && cause != DB_CLOSED ? DB_FINE : cause);
}

void
db_send(struct db *db, const struct db_statement *s)
{
    queue(db, s, DB_NO_WORD);
}

void
db_begin(struct db *db)
{
    db->in_tx = true;
    queue(db, &(struct db_statement){.sql = "begin"}, DB_BEGIN);
}

void
db_commit(struct db *db)
{
    queue(db, &(struct db_statement){.sql = "commit"}, DB_COMMIT);
    db->in_tx = false;
}

void
db_rollback(struct db *db)
{
    queue(db, &(struct db_statement){.sql = "rollback"}, DB_ROLLBACK);
    db->in_tx = false;
}

void
db_sync(struct db *db, void (*done)(void *arg, struct err e), void *arg)
{
    assert(!db->script);
    enum db_cause cause = refusal(db);
    bool alive = db->state == DB_UP && !db->broken && !db->closing;
    struct db_entry *e = db_entry_add(db, DB_SYNC);
    e->done = done;
    e->arg = arg;
    e->tx_after = db->in_tx;
    if (alive && (cause == DB_FINE || cause == DB_ABORTED))
        sent(db, PQpipelineSync(db->conn));
    else
        local(db, e, cause);
    db->batch++;
    db->batch_open = false;
    db->batch_sent = false;
    if (!db->in_tx)
        db->poison = DB_FINE;
    if (!alive)
        return;
    db_housekeeping(db);
    db_flush(db);
}

static void
own_sync(struct db *db)
{
    struct db_entry *e = db_entry_add(db, DB_SYNC);
    e->tx_after = db->in_tx;
    sent(db, PQpipelineSync(db->conn));
    db->batch++;
}

void
db_housekeeping(struct db *db)
{
    if (db->batch_open || db->state != DB_UP || db->broken || db->script)
        return;
    bool any = db->book.n_drops > 0 || db->n_listening < db->n_channels;
    for (; db->n_listening < db->n_channels; db->n_listening++) {
        char text[DB_NAME_MAX + 16];
        snprintf(text, sizeof text, "listen \"%s\"", db->channels[db->n_listening]);
        send_own(db, text, 0, DB_NO_WORD);
    }
    while (db->book.n_drops > 0) {
        uint64_t number = db->book.drops[--db->book.n_drops];
        char text[48];
        snprintf(text, sizeof text, "deallocate w%" PRIu64, number);
        send_own(db, text, number, DB_NO_WORD);
    }
    if (any)
        own_sync(db);
}

/* ---- answers */

static void
prepared_answered(struct db *db, const struct db_entry *e, bool ok)
{
    struct db_prepared *p = db_book_number(&db->book, e->sql, &e->tenant, e->number);
    if (p == NULL) {
        if (ok)
            db_book_drop(&db->book, e->number);
        return;
    }
    p->state = PREPARED_READY;
    if (!ok || p->doomed)
        db_book_forget(&db->book, p, ok);
}

/* forget_failed - what an error says of our book: a tenant that is gone, a statement that is. */
static void
forget_failed(struct db *db, const struct db_entry *e, const PGresult *r)
{
    static const struct oid none;
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    if (state == NULL)
        return;
    bool gone = strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0;
    bool stale = strcmp(state, "26000") == 0 || strcmp(state, "0A000") == 0;
    if (gone && !oid_eq(&e->tenant, &none))
        db_book_forget_tenant(&db->book, &e->tenant);
    struct db_prepared *p = db_book_number(&db->book, e->sql, &e->tenant, e->number);
    if (stale && p != NULL && p->state == PREPARED_READY)
        db_book_forget(&db->book, p, strcmp(state, "0A000") == 0);
}

static struct err
result_error(struct db *db, const struct db_entry *e, const PGresult *r)
{
    switch (PQresultStatus(r)) {
    case PGRES_PIPELINE_ABORTED:
        if (e->after_prepare && db->prepare_error.kind != ERR_NONE)
            return db->prepare_error;
        return cause_error(DB_ABORTED);
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        /* COMMIT of a failed transaction says so in its tag only */
        if (e->word == DB_COMMIT && strcmp(PQcmdStatus((PGresult *)r), "COMMIT") != 0)
            return cause_error(DB_ABORTED);
        return ERR_OK;
    default:
        forget_failed(db, e, r);
        return db_error_of(r);
    }
}

/* after_sync - a batch that was to end its transaction and failed before left it open. */
static void
after_sync(struct db *db, const struct db_entry *e)
{
    if (db->server_tx && !e->tx_after && !db->in_tx && db->first == NULL && db->state == DB_UP &&
        !db->broken) {
        send_own(db, "rollback", 0, DB_ROLLBACK);
        own_sync(db);
    }
}

static void
sync_answered(struct db *db)
{
    struct db_entry e = entry_take(db);
    struct err error = db->batch_error;
    db->batch_error = ERR_OK;
    db->prepare_error = ERR_OK;
    after_sync(db, &e);
    db_housekeeping(db);
    answer(db, &e, NULL, error);
}

static void
statement_answered(struct db *db, const PGresult *r)
{
    struct err error = result_error(db, db->first, r);
    struct db_entry e = entry_take(db);
    bool ok = error.kind == ERR_NONE;
    if (ok && e.word != DB_NO_WORD)
        db->server_tx = e.word == DB_BEGIN;
    if (e.word == DB_COMMIT && PQresultStatus(r) == PGRES_COMMAND_OK)
        db->server_tx = false; /* also when the tag says ROLLBACK */
    if (e.kind == DB_PREPARE) {
        prepared_answered(db, &e, ok);
        db->prepare_error = error;
        return; /* the statement itself comes next and says it */
    }
    if (e.kind == DB_OWN) {
        if (!ok && e.number != 0 && PQresultStatus(r) == PGRES_PIPELINE_ABORTED)
            db_book_drop(&db->book, e.number); /* again, after the next batch */
        return;
    }
    struct db_rows rows = {r};
    answer(db, &e, ok ? &rows : NULL, error);
}

/* script_result - simple protocol: any number of results, then NULL. */
static void
script_result(struct db *db, const PGresult *r)
{
    if (r != NULL) {
        ExecStatusType status = PQresultStatus(r);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
            status != PGRES_EMPTY_QUERY && db->script_error.kind == ERR_NONE)
            db->script_error = db_error_of(r);
        return;
    }
    struct db_entry e = entry_take(db);
    struct err error = db->script_error;
    db->script = false;
    if (!PQenterPipelineMode(db->conn)) {
        db->broken = true;
        db_kick(db);
    }
    db_housekeeping(db);
    db_flush(db);
    answer(db, &e, NULL, error);
}

static void
one_result(struct db *db, const PGresult *r)
{
    if (PQresultStatus(r) == PGRES_PIPELINE_SYNC) {
        sync_answered(db);
    } else if (db->first->kind == DB_SYNC) {
        /* an error of the commit that the sync itself was */
        if (db->batch_error.kind == ERR_NONE)
            db->batch_error = db_error_of(r);
    } else {
        statement_answered(db, r);
    }
}

void
db_results(struct db *db)
{
    unsigned nothing = 0;
    while (db->conn != NULL && !db->broken && !PQisBusy(db->conn)) {
        db_answer_locals(db);
        if (db->in_flight == 0 || db->first->local)
            break;
        assert(!db->first->unsent);
        PGresult *r = PQgetResult(db->conn);
        if (db->first->kind == DB_SCRIPT) {
            script_result(db, r);
        } else if (r == NULL) {
            /* it separates statements; two in a row: libpq has nothing for us now */
            if (++nothing > 1)
                break;
            continue;
        } else {
            one_result(db, r);
        }
        nothing = 0;
        PQclear(r);
    }
    if (db->in_flight == 0)
        db_start_script(db);
}

/* db_start_script - when the script is at the head: what is under way was our own housekeeping. */
void
db_start_script(struct db *db)
{
    struct db_entry *e = db->first;
    if (e == NULL || !e->unsent || e->local || db->state != DB_UP || db->broken)
        return;
    assert(db->in_flight == 0);
    e->unsent = false;
    db->script = true;
    db->script_error = ERR_OK;
    sent(db, PQexitPipelineMode(db->conn) && PQsendQuery(db->conn, e->text));
    free(e->text);
    e->text = NULL;
    db_flush(db);
}

void
db_script(struct db *db, const char *sql, const struct oid *tenant,
          void (*done)(void *arg, struct err e), void *arg)
{
    assert(!db->batch_open && !db->in_tx && !db->script);
    struct db_entry *e = db_entry_add(db, DB_SCRIPT);
    e->done = done;
    e->arg = arg;
    enum db_cause cause = refusal(db);
    if (cause != DB_FINE) {
        local(db, e, cause);
        return;
    }
    e->text = db_text_of(sql, tenant, true);
    e->unsent = true;
    db_start_script(db);
}
