/*
 * db_internal.h: what the files db*.c share; nobody else includes it.
 *
 * db.c: connection and its life; db_pipeline.c: what is queued and answered; db_statement.c: text
 * and book of prepared statements; db_value.c: parameters and results; db_wait.c: for commands.
 */
#ifndef WEIR_DB_INTERNAL_H
#define WEIR_DB_INTERNAL_H
#include <libpq-fe.h>
#include <uv.h>

#include "store/db.h"

enum {
    DB_TYPE_BOOL = 16,
    DB_TYPE_BYTEA = 17,
    DB_TYPE_INT8 = 20,
    DB_TYPE_INT2 = 21,
    DB_TYPE_INT4 = 23,
    DB_TYPE_TEXT = 25,
    DB_TYPE_BYTEAS = 1001,
    DB_TYPE_INT4S = 1007,
    DB_TYPE_TEXTS = 1009,
    DB_TYPE_INT8S = 1016,
};

/* on their way to the server and not answered; more would only move the queue into our memory */
#define DB_BYTES_MAX (INT64_C(256) << 20)

struct db_rows {
    const PGresult *result;
};

/* ---- prepared statements: one book a connection */

struct db_prepared {
    const char *sql;
    struct oid tenant; /* all zero: none */
    uint64_t number;   /* its name on the server is "w<number>" */
    enum { PREPARED_SENT, PREPARED_READY } state;
    bool doomed;                       /* SENT, and to be forgotten when the answer comes */
    uint64_t batch;                    /* in which it was sent */
    struct db_prepared *older, *newer; /* use */
    struct db_prepared *next;          /* hash chain */
};

struct db_book {
    size_t capacity, count, n_buckets;
    struct db_prepared **buckets;
    struct db_prepared *oldest, *newest;
    uint64_t last_number;
    uint64_t *drops; /* numbers to be deallocated on the server */
    size_t n_drops, drops_capacity;
};

void db_book_init(struct db_book *b, size_t capacity);
void db_book_fini(struct db_book *b);
void db_book_clear(struct db_book *b); /* a new connection knows none */
struct db_prepared *db_book_find(struct db_book *b, const char *sql, const struct oid *tenant);
/* db_book_add - makes room by dropping the least recently used; NULL: all are under way. */
struct db_prepared *db_book_add(struct db_book *b, const char *sql, const struct oid *tenant,
                                uint64_t batch);
/* db_book_number - the one of that number, its use unchanged; NULL: it is gone from the book. */
struct db_prepared *db_book_number(struct db_book *b, const char *sql, const struct oid *tenant,
                                   uint64_t number);
/* db_book_forget - on_server: it exists there and is to be dropped. */
void db_book_forget(struct db_book *b, struct db_prepared *p, bool on_server);
void db_book_forget_tenant(struct db_book *b, const struct oid *tenant);
void db_book_drop(struct db_book *b, uint64_t number);

/* db_text_of - the statement's text with the tenant's schema; script: also after "schema". The
 * caller frees it. */
char *db_text_of(const char *sql, const struct oid *tenant, bool script);

/* ---- values */

/* db_text_clean - PostgreSQL takes neither NUL nor broken UTF-8 in text, and foreign text may hold
 * both: bytes that cannot stay become '?'. db_text_is_clean looks; the other copies n bytes. */
bool db_text_is_clean(const char *p, size_t n);
void db_text_clean(char *to, const char *from, size_t n);

/* ---- what is queued */

enum db_cause { DB_FINE, DB_LOST, DB_ABORTED, DB_MEMORY, DB_TOO_LARGE, DB_CLOSED };

enum db_entry_kind { DB_STATEMENT, DB_PREPARE, DB_SYNC, DB_SCRIPT, DB_OWN };
enum db_word { DB_NO_WORD, DB_BEGIN, DB_COMMIT, DB_ROLLBACK };

struct db_entry {
    enum db_entry_kind kind;
    enum db_word word;
    bool local; /* the server knows nothing of it: answered from `cause` */
    enum db_cause cause;
    bool after_prepare; /* a failure of the prepare before it is its own */
    bool tx_after;      /* DB_SYNC: a transaction goes on after it, by our words */
    bool unsent;        /* DB_SCRIPT: waits for what is before it */
    char *text;         /* DB_SCRIPT: owned until it is sent */
    uint64_t number;    /* of the prepared statement: sent, run or dropped; 0: none */
    const char *sql;
    struct oid tenant;
    int64_t bytes;
    void (*answered)(void *arg, const struct db_rows *rows, struct err e);
    void (*done)(void *arg, struct err e);
    void *arg;
    struct db_entry *next;
};

enum db_state { DB_DOWN, DB_RESOLVING, DB_CONNECTING, DB_SETTING_UP, DB_UP };

enum { DB_CHANNELS_MAX = 4, DB_NAME_MAX = 64, DB_WORDS_MAX = 64 };

struct db_poll {
    uv_poll_t handle;
    struct db *db; /* NULL: given up */
};

struct db {
    struct loop *loop;
    struct db_events events;
    const char *label; /* static, for the metric */
    bool refuse;       /* a server whose settings deviate */
    int64_t statement_timeout_ms, lock_timeout_ms;

    /* connection */
    PQconninfoOption *options;
    const char *words[DB_WORDS_MAX], *values[DB_WORDS_MAX]; /* NULL-terminated */
    size_t n_words;
    char application[DB_NAME_MAX];
    char host[256]; /* to be resolved; "": nothing to resolve */
    char address[64];
    enum db_state state;
    PGconn *conn;
    struct db_poll *poll;
    uv_timer_t timer; /* connect timeout, pause between tries */
    uv_async_t kick;  /* answers what needs no server; never from inside a call, and not from a
                          timer, after which a turn of the loop would go on to sleep */
    uv_timer_t wait;  /* db_wait_up */
    uv_getaddrinfo_t resolve;
    unsigned open; /* handles and requests not yet closed */
    int64_t pause_ms;
    struct err down; /* why it is down, as last said */
    struct err last; /* why the last try failed */
    bool broken;     /* found inside a call: the kick takes it down */
    bool warned;
    char channels[DB_CHANNELS_MAX][DB_NAME_MAX];
    size_t n_channels, n_listening;
    bool closing, freed_handles;
    void (*closed)(void *arg);
    void *closed_arg;

    /* queue */
    struct db_entry *first, *last_entry, *spare;
    size_t queued, in_flight; /* all; those the server answers */
    int64_t bytes;
    uint64_t batch;
    bool batch_open, batch_sent; /* anything since the last sync; anything sent */
    bool in_tx;                  /* by our words */
    enum db_cause poison;        /* what the rest of this batch or transaction is answered with */
    struct err batch_error, prepare_error;
    bool server_tx; /* by the server's answers */
    struct err script_error;
    bool script;
    struct db_book book;

    /* db_wait */
    bool wait_done;
    uint64_t wait_until_ms;
    struct err wait_error;
};

/* db_flush - send what libpq holds; watch for what is needed. */
void db_flush(struct db *db);
void db_kick(struct db *db);
/* db_answer_locals - answer entries at the head that need no server. */
void db_answer_locals(struct db *db);
/* db_results - take what the server answered. */
void db_results(struct db *db);
/* db_fail_all - everything queued is answered with the cause. */
void db_fail_all(struct db *db, enum db_cause cause);
/* db_housekeeping - between batches: LISTEN, and drop what the book dropped, in a batch of its own.
 */
void db_housekeeping(struct db *db);
void db_start_script(struct db *db);
/* db_entry_add - a new entry at the end of the queue. */
struct db_entry *db_entry_add(struct db *db, enum db_entry_kind kind);
void db_entries_free(struct db *db);
/* db_lost - the connection is gone: answer, say so, try again. Never from inside a call. */
void db_lost(struct db *db, struct err e);
/* db_error_of - the error that a failed result means; counted. */
struct err db_error_of(const PGresult *r);
/* db_open_at - as db_open; database: instead of the string's own one, NULL: that; static or kept by
 * the caller. label is static, for the metric. */
MUST_CHECK struct err db_open_at(struct loop *l, const struct conf *c, const char *conninfo,
                                 const char *application, const struct db_events *events,
                                 const char *label, const char *database, struct db **out);
void *db_must(void *p); /* aborts when NULL: bookkeeping has no way to report */

#endif
