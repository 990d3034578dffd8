#include "ingest/state.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "store/cursors.h"
#include "store/fence.h"

enum {
    SAVE_ARENA = 32 * 1024 * 1024, /* the most notes as JSON, sealed, as a parameter */
    STATUS_ARENA = 64 * 1024,
};

static struct slice
place_of(struct arena *a, const char *table, int source)
{
    return slice_printf(a, "pg|%s|sealed|%d", table, source);
}

/* "value until key": a tenant may have very many. */
static struct slice
note_text(const struct source_note *note, struct arena *a)
{
    return slice_printf(a, "%lld %lld %.*s", (long long)note->value, (long long)note->until,
                        SLICE_ARG(note->key));
}

struct slice
state_cursor_text(const struct cursor *c, const struct source_notes *notes, struct arena *a)
{
    struct json_out *o = json_out_object(a);
    json_out_int(o, "since", c->since);
    json_out_int(o, "closed", c->closed);
    json_out_int(o, "until", c->until);
    json_out_bool(o, "started", c->started);
    if (notes->n > 0) {
        struct json_out *list = json_out_array(a);
        for (size_t i = 0; i < notes->n; i++)
            json_out_add_text(list, note_text(&notes->list[i], a));
        json_out_set(o, "notes", list);
    }
    return json_out_print(o, a);
}

static struct err
unreadable(void)
{
    return err_make(ERR_REJECT, "ingest.cursor", "a stored cursor cannot be read");
}

/* Each key is greater than the one before. */
static bool
read_note(struct json item, const struct source_note *before, struct source_note *out)
{
    struct slice key = json_text(item);
    struct slice value = slice_split(&key, ' ');
    struct slice until = slice_split(&key, ' ');
    out->key = key;
    return slice_int(value, &out->value) && slice_int(until, &out->until) && key.n > 0 &&
           key.n <= SOURCE_NOTE_KEY_MAX && (before == NULL || slice_cmp(before->key, key) < 0);
}

static struct err
read_notes(struct json list, struct arena *a, struct source_notes *out)
{
    size_t n = json_count(list), i = 0;
    *out = (struct source_notes){.n = 0};
    if (json_type(list) == JSON_ABSENT)
        return ERR_OK;
    if (json_type(list) != JSON_ARRAY || n > SOURCE_NOTES_MAX)
        return unreadable();
    struct source_note *notes = arena_alloc(a, n * sizeof *notes);
    if (notes == NULL)
        return err_make(ERR_RETRY, "ingest.memory", "no memory for %zu notes", n);
    struct json item;
    for (struct json_iter it = json_items(list); json_next(&it, NULL, &item); i++)
        if (!read_note(item, i > 0 ? &notes[i - 1] : NULL, &notes[i]))
            return unreadable();
    *out = (struct source_notes){notes, n};
    return ERR_OK;
}

struct err
state_cursor_read(struct slice text, struct arena *a, struct cursor *out,
                  struct source_notes *notes)
{
    struct json doc;
    struct err e = json_parse(text, a, &doc);
    struct cursor c = {.since = CLOCK_NONE, .closed = CLOCK_NONE, .until = CLOCK_NONE};
    if (e.kind == ERR_RETRY) /* memory */
        return e;
    if (e.kind || !json_get_int(doc, "since", &c.since) ||
        !json_get_int(doc, "closed", &c.closed) || !json_get_int(doc, "until", &c.until))
        return unreadable();
    e = read_notes(json_get(doc, "notes"), a, notes);
    if (e.kind)
        return e;
    c.started = json_bool(json_get(doc, "started"), false);
    *out = c;
    return ERR_OK;
}

/* ---- load */

static void
note(struct state_load *l, struct err e)
{
    if (l->failed.kind == ERR_NONE)
        l->failed = e;
}

/* The row of this source, opened; SLICE_NONE when there is none. */
static struct slice
open_row(struct state_load *l, const struct db_rows *rows, const char *table,
         enum seal_purpose purpose)
{
    int number = l->env->source->number;
    for (size_t i = 0; i < db_count(rows); i++) {
        struct cursors_row row;
        struct slice plain;
        cursors_load_row(rows, i, &row);
        if (row.source != number)
            continue;
        struct err e = seal_open(l->env->seal, &l->tenant->oid, l->tenant->epoch, purpose,
                                 place_of(l->arena, table, number), row.sealed, l->arena, &plain);
        if (e.kind == ERR_NONE)
            return plain;
        note(l, e);
    }
    return SLICE_NONE;
}

static void
on_credentials(void *arg, const struct db_rows *rows, struct err e)
{
    struct state_load *l = arg;
    if (e.kind) {
        note(l, e);
        return;
    }
    l->settings = open_row(l, rows, "credential", SEAL_CREDENTIAL);
    if (l->settings.p == NULL)
        note(l, err_make(ERR_REJECT, "ingest.no_settings",
                         "%s is on but the tenant has no settings of it", l->env->source->name));
}

static void
on_cursors(void *arg, const struct db_rows *rows, struct err e)
{
    struct state_load *l = arg;
    if (e.kind) {
        note(l, e);
        return;
    }
    struct slice text = open_row(l, rows, "cursor", SEAL_CURSOR);
    if (text.p != NULL)
        note(l, state_cursor_read(text, l->arena, &l->cursor, &l->notes));
}

static void
on_status(void *arg, const struct db_rows *rows, struct err e)
{
    struct state_load *l = arg;
    if (e.kind) {
        note(l, e);
        return;
    }
    for (size_t i = 0; i < db_count(rows); i++) {
        struct source_status_row row;
        source_status_load_row(rows, i, &row);
        if (row.source != l->env->source->number)
            continue;
        l->asked_before = row.asked != CLOCK_NONE;
        l->status = row;
        l->status.code = slice_dup(l->arena, row.code);
        l->status.sealed = l->status.quota = SLICE_NONE;
    }
}

static void
on_settings(void *arg, const struct db_rows *rows, struct err e)
{
    struct state_load *l = arg;
    if (e.kind) {
        note(l, e);
        return;
    }
    for (size_t i = 0; i < db_count(rows); i++) {
        struct settings_row row;
        settings_load_row(rows, i, &row);
        if (slice_eq(row.name, SLICE("directory")))
            note(l, seal_open(l->env->seal, &l->tenant->oid, l->tenant->epoch, SEAL_CREDENTIAL,
                              SLICE("pg|setting|sealed|directory"), row.sealed, l->arena,
                              &l->directory_id));
    }
}

/* Whoever takes a missing table for a tenant that is gone stops reading it without a word. */
static struct err
tables_missing(struct err e)
{
    if (e.kind != ERR_REJECT || strcmp(e.code, "db.undefined") != 0)
        return e;
    return err_make(ERR_RETRY, "db.tables",
                    "the tenant lacks a table of this version: run weir db migrate");
}

static void
on_schema(void *arg, const struct db_rows *rows, struct err e)
{
    struct state_load *l = arg;
    if (e.kind)
        note(l, e);
    else
        l->here = fence_schema_row(rows);
}

static void
on_all(void *arg, struct err e)
{
    struct state_load *l = arg;
    e = l->failed.kind ? l->failed : e;
    l->done(l->arg, l->here ? tables_missing(e) : e);
}

void
state_load_start(struct state_load *l, const struct ingest *env, const struct ingest_tenant *tenant,
                 struct arena *a, void (*done)(void *arg, struct err e), void *arg)
{
    *l = (struct state_load){
        .env = env,
        .tenant = tenant,
        .arena = a,
        .cursor = {.since = CLOCK_NONE, .closed = CLOCK_NONE, .until = CLOCK_NONE},
        .status = {.asked = CLOCK_NONE,
                   .tried = CLOCK_NONE,
                   .succeeded = CLOCK_NONE,
                   .newest = CLOCK_NONE},
        .failed = ERR_OK,
        .done = done,
        .arg = arg,
    };
    fence_schema(env->db, a, &tenant->oid, (struct db_answer){on_schema, l});
    credentials_load(env->db, a, &tenant->oid, (struct db_answer){on_credentials, l});
    cursors_load(env->db, a, &tenant->oid, (struct db_answer){on_cursors, l});
    settings_load(env->db, a, &tenant->oid, (struct db_answer){on_settings, l});
    source_status_load(env->db, a, &tenant->oid, (struct db_answer){on_status, l});
    db_sync(env->db, on_all, l);
}

/* ---- save */

struct saving {
    void (*done)(void *arg, struct err e);
    void *arg;
};

/* The fence was passed, so the tenant is there. */
static void
on_stored(void *arg, struct err e)
{
    struct saving s = *(struct saving *)arg;
    free(arg);
    s.done(s.arg, tables_missing(e));
}

/* e: of what was queued before. */
static void
store_end(const struct ingest *env, struct saving *s, struct err e)
{
    if (e.kind == ERR_NONE)
        db_sync(env->db, on_stored, s);
    else
        on_stored(s, e);
}

static struct saving *
saving_new(void (*done)(void *arg, struct err e), void *arg)
{
    struct saving *s = malloc(sizeof *s);
    if (s != NULL)
        *s = (struct saving){done, arg};
    return s;
}

/* One batch without BEGIN is one transaction of its own: on a connection that all tenants of the
 * worker share, a failed one leaves nothing behind for the next. */
static void
send_save(const struct ingest *env, const struct ingest_tenant *tenant, struct arena *a,
          struct slice sealed)
{
    const struct fence_row fence = {.oid = tenant->oid, .epoch = tenant->epoch};
    const struct cursors_row row = {
        .source = env->source->number, .sealed = sealed, .updated = clock_now()};
    fence_check(env->db, a, &fence, 1, DB_UNTOLD);
    cursors_save(env->db, a, &tenant->oid, &row, 1, DB_UNTOLD);
}

void
state_save(const struct ingest *env, const struct ingest_tenant *tenant,
           const struct cursor *cursor, const struct source_notes *notes,
           void (*done)(void *arg, struct err e), void *arg)
{
    struct slice sealed;
    struct arena *a = arena_new(SAVE_ARENA);
    struct saving *s = saving_new(done, arg);
    if (a == NULL || s == NULL) {
        arena_free(a);
        free(s);
        done(arg, err_make(ERR_RETRY, "ingest.memory", "out of memory"));
        return;
    }
    struct slice text = state_cursor_text(cursor, notes, a);
    struct err e = seal_close(env->seal, &tenant->oid, tenant->epoch, SEAL_CURSOR,
                              place_of(a, "cursor", env->source->number), text, a, &sealed);
    if (e.kind == ERR_NONE)
        send_save(env, tenant, a, sealed);
    arena_free(a);
    store_end(env, s, e);
}

void
state_status_save(const struct ingest *env, const struct ingest_tenant *tenant,
                  const struct source_status_row *row, struct slice says,
                  void (*done)(void *arg, struct err e), void *arg)
{
    const struct fence_row fence = {.oid = tenant->oid, .epoch = tenant->epoch};
    struct source_status_row r = *row;
    struct err e = ERR_OK;
    struct arena *a = arena_new(STATUS_ARENA);
    struct saving *s = saving_new(done, arg);
    if (a == NULL || s == NULL) {
        arena_free(a);
        free(s);
        done(arg, err_make(ERR_RETRY, "ingest.memory", "out of memory"));
        return;
    }
    r.source = env->source->number;
    r.updated = clock_now();
    r.sealed = SLICE_NONE;
    if (says.p != NULL)
        e = seal_close(env->seal, &tenant->oid, tenant->epoch, SEAL_STATE,
                       place_of(a, "source_status", r.source), says, a, &r.sealed);
    if (e.kind == ERR_NONE) {
        fence_check(env->db, a, &fence, 1, DB_UNTOLD);
        source_status_save(env->db, a, &tenant->oid, &r, DB_UNTOLD);
    }
    arena_free(a);
    store_end(env, s, e);
}
