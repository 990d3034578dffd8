/*
 * db.c: the connection and its life on the loop.
 *
 * down -> (resolving) -> connecting -> setting up -> up, and back to down on any failure. libpq
 * would resolve a name synchronously, so a host that is a name is resolved by the loop's thread
 * pool first; several hosts must be addresses or sockets. Ref: libraries.md 5.2, erasure.md 9.4.
 */
#include "store/db.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/metric.h"
#include "store/db_internal.h"

enum { CONNECT_MS = 10000, PAUSE_LEAST_MS = 100, PAUSE_MOST_MS = 5000, TLS_LOOK_MS = 20 };

const struct opt db_opts[] = {
    OPT_TEXT("control.database", NULL, "Connection string (libpq) of the control database."),
    OPT_TEXT("region.*.database", NULL, "Connection string (libpq) of a region's database."),
    OPT_INT("db.statements", NULL, 4000, 16, 1000000,
            "Prepared statements a connection keeps; more than the tenants of a batch, times ten."),
    OPT_INT("db.statement_timeout_ms", "ms", 60000, 100, 3600000,
            "Longest time of one statement; then it is given up and tried again."),
    OPT_INT("db.lock_timeout_ms", "ms", 10000, 10, 3600000,
            "Longest wait for a lock; then the statement is given up and tried again."),
    OPT_TEXT("db.settings", "refuse",
             "What to do with a server whose settings would keep erased rows: refuse or warn."),
    OPT_END,
};

static void connect_start(struct db *db);

/* ---- handles */

static void
handles_gone(struct db *db)
{
    assert(db->open > 0);
    if (--db->open > 0 || !db->closing)
        return;
    void (*closed)(void *arg) = db->closed;
    void *arg = db->closed_arg;
    db_entries_free(db);
    db_book_fini(&db->book);
    PQconninfoFree(db->options);
    free(db);
    if (closed != NULL)
        closed(arg);
}

static void
handle_closed(uv_handle_t *h)
{
    handles_gone(h->data);
}

static void
poll_closed(uv_handle_t *h)
{
    struct db_poll *p = h->data;
    struct db *db = p->db;
    free(p);
    handles_gone(db);
}

static void
poll_drop(struct db *db)
{
    if (db->poll == NULL)
        return;
    uv_close((uv_handle_t *)&db->poll->handle, poll_closed);
    db->poll = NULL;
}

static void on_ready(uv_poll_t *h, int status, int events);

/* poll_watch - the socket of the connection; its number may change while it connects. */
static bool
poll_watch(struct db *db, int events, bool fresh)
{
    if (fresh)
        poll_drop(db);
    if (db->poll == NULL) {
        struct db_poll *p = db_must(calloc(1, sizeof *p));
        if (uv_poll_init(loop_uv(db->loop), &p->handle, PQsocket(db->conn)) != 0) {
            free(p);
            return false;
        }
        p->db = db;
        p->handle.data = p;
        db->open++;
        db->poll = p;
    }
    return uv_poll_start(&db->poll->handle, events, on_ready) == 0;
}

static void
kicked(uv_async_t *kick)
{
    struct db *db = kick->data;
    uv_unref((uv_handle_t *)kick);
    if (db->broken && !db->closing) {
        db->broken = false;
        db_lost(db, err_make(ERR_RETRY, "db.connect", "the connection broke"));
        return;
    }
    db_answer_locals(db);
    if (!db->closing || db->freed_handles)
        return;
    db->freed_handles = true;
    poll_drop(db);
    PQfinish(db->conn);
    db->conn = NULL;
    db->state = DB_DOWN;
    metric_set(METRIC_weir_db_connected, 0, db->label);
    while (db->first != NULL) /* callbacks may queue more, all of which is answered */
        db_fail_all(db, DB_CLOSED);
    uv_close((uv_handle_t *)&db->timer, handle_closed);
    uv_close((uv_handle_t *)&db->kick, handle_closed);
    uv_close((uv_handle_t *)&db->wait, handle_closed);
}

void
db_kick(struct db *db)
{
    if (db->freed_handles)
        return;
    uv_ref((uv_handle_t *)&db->kick); /* until it ran, the loop has work */
    uv_async_send(&db->kick);
}

/* ---- down */

static void
say_down(struct db *db, struct err e)
{
    db->last = e;
    if (db->down.kind != ERR_NONE && strcmp(db->down.text, e.text) == 0)
        return;
    db->down = e;
    if (db->events.down != NULL)
        db->events.down(db->events.arg, e);
}

static void
on_pause_over(uv_timer_t *t)
{
    struct db *db = t->data;
    if (!db->closing)
        connect_start(db);
}

void
db_lost(struct db *db, struct err e)
{
    poll_drop(db); /* before libpq closes the descriptor */
    PQfinish(db->conn);
    db->conn = NULL;
    db->state = DB_DOWN;
    db->broken = false;
    db->n_listening = 0;
    db_book_clear(&db->book);
    metric_set(METRIC_weir_db_connected, 0, db->label);
    uv_timer_start(&db->timer, on_pause_over, (uint64_t)db->pause_ms, 0);
    db->pause_ms = db->pause_ms * 2 < PAUSE_MOST_MS ? db->pause_ms * 2 : PAUSE_MOST_MS;
    db_fail_all(db, DB_LOST);
    say_down(db, e);
}

/* lost_with - libpq's words, of which the first line says enough. */
static void
lost_with(struct db *db)
{
    const char *words = PQerrorMessage(db->conn);
    struct err e = err_make(ERR_RETRY, "db.connect", "%.*s", (int)strcspn(words, "\n"), words);
    if (e.text[0] == '\0')
        e = err_make(ERR_RETRY, "db.connect", "the connection broke");
    db_lost(db, e);
}

/* ---- up */

/* What erasure.md 9.4 asks of a server. */
static const struct wanted {
    const char *name, *value;
    bool differs; /* any value but this one */
} wanted[] = {
    {"wal_recycle", "off", false},
    {"wal_keep_size", "0", false},
    {"max_slot_wal_keep_size", "-1", true},
    {"log_error_verbosity", "terse", false},
    {"log_min_error_statement", "panic", false},
    {"log_statement", "none", false},
    {"log_min_duration_statement", "-1", false},
    {"log_parameter_max_length", "0", false},
    {"log_parameter_max_length_on_error", "0", false},
    {"remove_temp_files_after_crash", "on", false},
    {"data_checksums", "on", false},
    {"pg_stat_statements.track_utility", "off", false},
};

static const char setup_sql[] =
    "set plan_cache_mode = force_generic_plan; set client_min_messages = error;"
    " set idle_in_transaction_session_timeout = '30s'; set search_path = public;"
    " set statement_timeout = %lld; set lock_timeout = %lld;"
    " select name, setting from pg_settings where name in ('wal_recycle', 'wal_keep_size',"
    " 'max_slot_wal_keep_size', 'log_error_verbosity', 'log_min_error_statement', 'log_statement',"
    " 'log_min_duration_statement', 'log_parameter_max_length',"
    " 'log_parameter_max_length_on_error', 'remove_temp_files_after_crash', 'data_checksums',"
    " 'pg_stat_statements.track_utility')";

static struct err
settings_check(struct db *db, const PGresult *r)
{
    for (int row = 0; row < PQntuples(r); row++)
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
            const struct wanted *w = &wanted[i];
            const char *value = PQgetvalue(r, row, 1);
            if (strcmp(w->name, PQgetvalue(r, row, 0)) != 0 ||
                (strcmp(w->value, value) == 0) != w->differs)
                continue;
            struct err e = err_make(ERR_RETRY, "db.connect",
                                    "the server has %s = %s, weir needs %s%s (db.settings)",
                                    w->name, value, w->differs ? "another than " : "", w->value);
            if (db->refuse)
                return e;
            if (!db->warned)
                log_err("db.settings", &e);
            db->warned = true;
        }
    return ERR_OK;
}

static void
setup_start(struct db *db)
{
    if (PQserverVersion(db->conn) < 150000) {
        db_lost(db, err_make(ERR_RETRY, "db.connect", "the server is PostgreSQL %d, weir needs 15",
                             PQserverVersion(db->conn) / 10000));
        return;
    }
    char text[1024];
    snprintf(text, sizeof text, setup_sql, (long long)db->statement_timeout_ms,
             (long long)db->lock_timeout_ms);
    db->state = DB_SETTING_UP;
    if (PQsetnonblocking(db->conn, 1) != 0 || !PQsendQuery(db->conn, text) ||
        !poll_watch(db, UV_READABLE | UV_WRITABLE, true))
        lost_with(db);
}

static void
setup_done(struct db *db)
{
    if (!PQenterPipelineMode(db->conn)) {
        lost_with(db);
        return;
    }
    uv_timer_stop(&db->timer);
    db->state = DB_UP;
    db->down = ERR_OK;
    db->pause_ms = PAUSE_LEAST_MS;
    metric_set(METRIC_weir_db_connected, 1, db->label);
    db_housekeeping(db);
    db_flush(db);
    if (db->events.up != NULL)
        db->events.up(db->events.arg);
}

static void
setup_results(struct db *db)
{
    struct err e = ERR_OK;
    while (!PQisBusy(db->conn)) {
        PGresult *r = PQgetResult(db->conn);
        if (r == NULL) {
            setup_done(db);
            return;
        }
        if (PQresultStatus(r) == PGRES_TUPLES_OK)
            e = settings_check(db, r);
        else if (PQresultStatus(r) != PGRES_COMMAND_OK)
            e = err_make(ERR_RETRY, "db.connect", "the server refused the session's settings");
        PQclear(r);
        if (e.kind != ERR_NONE) {
            db_lost(db, e);
            return;
        }
    }
}

/* ---- connecting */

static void
connect_go_on(struct db *db)
{
    switch (PQconnectPoll(db->conn)) {
    case PGRES_POLLING_READING:
        if (!poll_watch(db, UV_READABLE, true))
            lost_with(db);
        break;
    case PGRES_POLLING_WRITING:
        if (!poll_watch(db, UV_WRITABLE, true))
            lost_with(db);
        break;
    case PGRES_POLLING_OK:
        setup_start(db);
        break;
    default:
        lost_with(db);
    }
}

static void
on_connect_timeout(uv_timer_t *t)
{
    struct db *db = t->data;
    if (!db->closing && db->state != DB_RESOLVING) /* a lookup ends by itself */
        db_lost(db,
                err_make(ERR_RETRY, "db.connect", "no connection within %d s", CONNECT_MS / 1000));
}

static void
quiet(void *arg, const PGresult *r)
{
    (void)arg; /* notices may hold values, and nobody reads them */
    (void)r;
}

static void
connect_now(struct db *db)
{
    size_t n = db->n_words;
    const char **words = db->words, **values = db->values;
    if (db->address[0] != '\0') {
        words[n] = "hostaddr";
        values[n++] = db->address;
    }
    words[n] = NULL;
    values[n] = NULL;
    db->state = DB_CONNECTING;
    uv_timer_start(&db->timer, on_connect_timeout, CONNECT_MS, 0);
    db->conn = db_must(PQconnectStartParams(words, values, 0));
    if (PQstatus(db->conn) == CONNECTION_BAD) {
        lost_with(db);
        return;
    }
    PQsetNoticeReceiver(db->conn, quiet, NULL);
    if (!poll_watch(db, UV_WRITABLE, true))
        lost_with(db);
}

static void
on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct db *db = request->data;
    if (!db->closing) {
        db->state = DB_DOWN;
        if (status == 0 && getnameinfo(found->ai_addr, found->ai_addrlen, db->address,
                                       sizeof db->address, NULL, 0, NI_NUMERICHOST) == 0)
            connect_now(db);
        else
            db_lost(db, err_make(ERR_RETRY, "db.connect", "%s: %s", db->host,
                                 status != 0 ? uv_strerror(status) : "no address"));
    }
    uv_freeaddrinfo(found);
    handles_gone(db);
}

static void
connect_start(struct db *db)
{
    if (db->host[0] == '\0') {
        connect_now(db);
        return;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    db->resolve.data = db;
    db->state = DB_RESOLVING;
    int status =
        uv_getaddrinfo(loop_uv(db->loop), &db->resolve, on_resolved, db->host, NULL, &hints);
    if (status == 0)
        db->open++;
    else
        db_lost(db, err_make(ERR_RETRY, "db.connect", "%s: %s", db->host, uv_strerror(status)));
}

/* ---- the socket */

void
db_flush(struct db *db)
{
    if (db->state != DB_UP || db->broken)
        return;
    int left = PQflush(db->conn);
    int events = left > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE;
    if (left < 0 || !poll_watch(db, events, false)) {
        db->broken = true;
        db_kick(db);
    }
}

static void up_ready(struct db *db);

static void
on_tls_look(uv_timer_t *t)
{
    struct db *db = t->data;
    if (!db->closing && db->state == DB_UP)
        up_ready(db);
}

static void
take_notifications(struct db *db)
{
    PGnotify *n;
    while (db->conn != NULL && (n = PQnotifies(db->conn)) != NULL) {
        if (db->events.notified != NULL)
            db->events.notified(db->events.arg, n->relname, n->extra);
        PQfreemem(n);
    }
}

static void
up_ready(struct db *db)
{
    bool alive = PQconsumeInput(db->conn) != 0;
    db_results(db);
    take_notifications(db);
    if (db->state != DB_UP || db->closing)
        return;
    if (!alive || db->broken || PQstatus(db->conn) == CONNECTION_BAD) {
        lost_with(db);
        return;
    }
    db_flush(db);
    /* TLS may hold decrypted bytes for which the socket never becomes readable */
    if (db->in_flight > 0 && PQsslInUse(db->conn))
        uv_timer_start(&db->timer, on_tls_look, TLS_LOOK_MS, 0);
}

static void
setup_ready(struct db *db, int events)
{
    if ((events & UV_WRITABLE) != 0) {
        int left = PQflush(db->conn);
        if (left < 0 ||
            !poll_watch(db, left > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE, false)) {
            lost_with(db);
            return;
        }
    }
    if (PQconsumeInput(db->conn) == 0)
        lost_with(db);
    else
        setup_results(db);
}

static void
on_ready(uv_poll_t *h, int status, int events)
{
    struct db_poll *p = h->data;
    struct db *db = p->db;
    if (db->closing || db->poll != p)
        return;
    if (status < 0)
        events = UV_READABLE; /* libpq finds out what is wrong */
    if (db->state == DB_CONNECTING)
        connect_go_on(db);
    else if (db->state == DB_SETTING_UP)
        setup_ready(db, events);
    else if (db->state == DB_UP)
        up_ready(db);
}

/* ---- open and close */

static bool
is_address(const char *host)
{
    unsigned char bytes[16];
    return host[0] == '/' || host[0] == '@' || inet_pton(AF_INET, host, bytes) == 1 ||
           inet_pton(AF_INET6, host, bytes) == 1;
}

static struct err
words_of(struct db *db, const char *conninfo)
{
    db->options = PQconninfoParse(conninfo, NULL);
    if (db->options == NULL) /* libpq would quote what may be a piece of a password */
        return err_make(ERR_STOP, "db.conf",
                        "not a connection string: words are name=value, with names that libpq "
                        "knows; a value with blanks stands in '...'");
    const char *host = "", *address = NULL;
    for (PQconninfoOption *o = db->options; o->keyword != NULL; o++) {
        if (o->val == NULL || o->val[0] == '\0' || strcmp(o->keyword, "application_name") == 0)
            continue;
        if (strcmp(o->keyword, "host") == 0)
            host = o->val;
        if (strcmp(o->keyword, "hostaddr") == 0)
            address = o->val;
        if (db->n_words + 5 >= DB_WORDS_MAX)
            return err_make(ERR_STOP, "db.conf", "too many words in the connection string");
        db->words[db->n_words] = o->keyword;
        db->values[db->n_words++] = o->val;
    }
    db->words[db->n_words] = "application_name";
    db->values[db->n_words++] = db->application;
    if (address != NULL || host[0] == '\0' || is_address(host))
        return ERR_OK;
    if (strchr(host, ',') != NULL || strlen(host) >= sizeof db->host)
        return err_make(ERR_STOP, "db.conf", "several hosts need hostaddr");
    snprintf(db->host, sizeof db->host, "%s", host);
    return ERR_OK;
}

static struct err
conf_of(struct db *db, const struct conf *c)
{
    const char *settings = conf_text(c, "db.settings");
    db->refuse = strcmp(settings, "refuse") == 0;
    if (!db->refuse && strcmp(settings, "warn") != 0)
        return err_make(ERR_STOP, "conf.value", "db.settings: \"%.40s\" is not refuse or warn",
                        settings);
    db->statement_timeout_ms = conf_int(c, "db.statement_timeout_ms");
    db->lock_timeout_ms = conf_int(c, "db.lock_timeout_ms");
    db_book_init(&db->book, (size_t)conf_int(c, "db.statements"));
    return ERR_OK;
}

struct err
db_open_at(struct loop *l, const struct conf *c, const char *conninfo, const char *application,
           const struct db_events *events, const char *label, const char *database, struct db **out)
{
    struct db *db = calloc(1, sizeof *db);
    if (db == NULL)
        return err_make(ERR_STOP, "db.conf", "out of memory");
    db->loop = l;
    db->label = label;
    db->pause_ms = PAUSE_LEAST_MS;
    if (events != NULL)
        db->events = *events;
    snprintf(db->application, sizeof db->application, "weir %s", application);
    struct err e = words_of(db, conninfo);
    if (database != NULL) { /* of a word that comes twice the last one counts */
        db->words[db->n_words] = "dbname";
        db->values[db->n_words++] = database;
    }
    if (e.kind == ERR_NONE)
        e = conf_of(db, c);
    if (e.kind != ERR_NONE) {
        PQconninfoFree(db->options);
        free(db);
        return e;
    }
    if (uv_async_init(loop_uv(l), &db->kick, kicked) != 0) {
        db_book_fini(&db->book);
        PQconninfoFree(db->options);
        free(db);
        return err_make(ERR_STOP, "db.conf", "no descriptor for the loop");
    }
    uv_unref((uv_handle_t *)&db->kick);
    uv_timer_init(loop_uv(l), &db->timer); /* cannot fail */
    uv_timer_init(loop_uv(l), &db->wait);
    db->kick.data = db;
    db->timer.data = db;
    db->wait.data = db;
    db->open = 3;
    metric_set(METRIC_weir_db_connected, 0, label);
    uv_timer_start(&db->timer, on_pause_over, 0, 0);
    *out = db;
    return ERR_OK;
}

struct err
db_open(struct loop *l, const struct conf *c, const char *conninfo, const char *application,
        const struct db_events *events, struct db **out)
{
    return db_open_at(l, c, conninfo, application, events, "other", NULL, out);
}

struct err
db_open_control(struct loop *l, const struct conf *c, const char *application,
                const struct db_events *events, struct db **out)
{
    const char *conninfo = conf_text(c, "control.database");
    if (conninfo == NULL)
        return err_make(ERR_STOP, "conf.value", "control.database is not set");
    return db_open_at(l, c, conninfo, application, events, "control", NULL, out);
}

struct err
db_open_region(struct loop *l, const struct conf *c, const char *region, const char *application,
               const struct db_events *events, struct db **out)
{
    char name[100];
    const char *const *known;
    size_t n = conf_names(c, "region.*.database", &known), i = 0;
    while (i < n && strcmp(known[i], region) != 0)
        i++;
    snprintf(name, sizeof name, "region.%.60s.database", region);
    const char *conninfo = i < n ? conf_text(c, name) : NULL;
    if (conninfo == NULL)
        return err_make(ERR_STOP, "conf.value", "%s is not set", name);
    return db_open_at(l, c, conninfo, application, events, "region", NULL, out);
}

bool
db_is_up(const struct db *db)
{
    return db->state == DB_UP && !db->broken && !db->closing;
}

void
db_close(struct db *db, void (*closed)(void *arg), void *arg)
{
    if (db->closing)
        return;
    db->closing = true;
    db->closed = closed;
    db->closed_arg = arg;
    uv_cancel((uv_req_t *)&db->resolve); /* fails when there is none: nothing to cancel */
    db_kick(db);
}

void
db_listen(struct db *db, const char *channel)
{
    assert(db->n_channels < DB_CHANNELS_MAX && strlen(channel) < DB_NAME_MAX &&
           strchr(channel, '"') == NULL);
    snprintf(db->channels[db->n_channels++], DB_NAME_MAX, "%s", channel);
    if (db->state != DB_UP)
        return;
    db_housekeeping(db);
    db_flush(db);
}
