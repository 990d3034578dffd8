/*
 * weir source status: how each source of each tenant is doing, as its worker last said.
 *
 * Reads the region databases: two small queries a tenant, many tenants in one pipeline. Nothing is
 * asked of any source.
 */
#include "serve/source_status.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "ingest/state.h"
#include "serve/source_words.h"
#include "store/cursors.h"
#include "tenant/session.h"

enum {
    SOURCES_MAX = 8,    /* greatest number of a source, and one */
    AT_ONCE = 64,       /* tenants in one pipeline */
    SCRATCH = 64 << 20, /* the notes of one cursor, opened and read */
    SENTENCE_MAX = 160,
};

/* What is known of one source of one tenant. */
struct item {
    bool have; /* row is there */
    struct source_status_row row;
    struct slice says;    /* of the trouble */
    struct cursor cursor; /* times CLOCK_NONE: none is stored */
};

struct viewed {
    struct viewer *viewer;
    const struct session_tenant *tenant;
    bool gone; /* was turned off meanwhile */
    struct item items[SOURCES_MAX];
};

struct viewer {
    struct cli *cli;
    struct session *session;
    struct arena *scratch;
    int64_t now, poll_s;
    size_t waiting; /* tenants whose answers will come */
    bool done;
    struct err e;
    struct json_out *list; /* --json; else NULL */
    const char **cells;
    size_t rows, room;
};

/* ---- reading */

static struct slice
opened(struct viewed *v, const char *table, enum seal_purpose purpose, int source,
       struct slice sealed)
{
    struct viewer *w = v->viewer;
    struct slice plain = SLICE_NONE;
    struct slice place = slice_printf(w->scratch, "pg|%s|sealed|%d", table, source);
    if (sealed.p == NULL)
        return plain;
    struct err e = seal_open(w->session->seal, &v->tenant->row.oid, v->tenant->row.epoch, purpose,
                             place, sealed, w->scratch, &plain);
    if (e.kind && w->e.kind == ERR_NONE)
        w->e = e;
    return e.kind ? SLICE_NONE : plain;
}

static void
on_statuses(void *arg, const struct db_rows *rows, struct err e)
{
    struct viewed *v = arg;
    struct arena *a = v->viewer->session->arena;
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++) {
        struct source_status_row row;
        source_status_load_row(rows, i, &row);
        if (row.source < 0 || row.source >= SOURCES_MAX)
            continue;
        struct item *item = &v->items[row.source];
        arena_reset(v->viewer->scratch);
        item->have = true;
        item->row = row;
        item->row.code = slice_dup(a, row.code);
        item->row.quota = slice_dup(a, row.quota);
        item->row.sealed = SLICE_NONE;
        item->says = slice_dup(a, opened(v, "source_status", SEAL_STATE, row.source, row.sealed));
    }
}

static void
on_cursors(void *arg, const struct db_rows *rows, struct err e)
{
    struct viewed *v = arg;
    struct arena *scratch = v->viewer->scratch;
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++) {
        struct cursors_row row;
        struct source_notes notes;
        cursors_load_row(rows, i, &row);
        if (row.source < 0 || row.source >= SOURCES_MAX)
            continue;
        arena_reset(scratch);
        struct slice text = opened(v, "cursor", SEAL_CURSOR, row.source, row.sealed);
        struct err bad =
            text.p != NULL ? state_cursor_read(text, scratch, &v->items[row.source].cursor, &notes)
                           : ERR_OK;
        if (bad.kind && v->viewer->e.kind == ERR_NONE)
            v->viewer->e = bad;
    }
}

static void
on_tenant(void *arg, struct err e)
{
    struct viewed *v = arg;
    struct viewer *w = v->viewer;
    v->gone = e.kind && strcmp(e.code, "db.undefined") == 0;
    if (e.kind && !v->gone && w->e.kind == ERR_NONE)
        w->e = e;
    w->done = --w->waiting == 0;
}

static void
view_begin(struct viewer *w, struct viewed *v, const struct session_tenant *t)
{
    struct session *s = w->session;
    *v = (struct viewed){.viewer = w, .tenant = t};
    for (size_t i = 0; i < SOURCES_MAX; i++)
        v->items[i].cursor =
            (struct cursor){.since = CLOCK_NONE, .closed = CLOCK_NONE, .until = CLOCK_NONE};
    w->waiting++;
    source_status_load(s->region, s->arena, &t->row.oid, (struct db_answer){on_statuses, v});
    cursors_load(s->region, s->arena, &t->row.oid, (struct db_answer){on_cursors, v});
    db_sync(s->region, on_tenant, v);
}

/* ---- showing */

static struct slice
time_text(int64_t t, struct arena *a)
{
    return t == CLOCK_NONE ? SLICE_NONE : slice_dup(a, slice_of(clock_format(t).s));
}

/* Since when it has not been well: its last good round, or its first request. */
static int64_t
since_of(const struct source_status_row *row)
{
    return row->succeeded != CLOCK_NONE ? row->succeeded : row->asked;
}

static void
seconds(struct json_out *o, const char *name, int64_t span)
{
    if (span == CLOCK_NONE)
        json_out_null(o, name);
    else
        json_out_int(o, name, span / CLOCK_SECOND);
}

static void
status_json(struct viewer *w, const struct viewed *v, const struct source *s, const char *state)
{
    struct arena *a = w->session->arena;
    const struct item *i = &v->items[s->number];
    const struct source_status_row none = {.asked = CLOCK_NONE,
                                           .tried = CLOCK_NONE,
                                           .succeeded = CLOCK_NONE,
                                           .newest = CLOCK_NONE,
                                           .updated = CLOCK_NONE};
    const struct source_status_row *row = i->have ? &i->row : &none;
    struct json_out *o = json_out_object(a), *error = json_out_object(a);
    json_out_text(o, "tenant", v->tenant->directory);
    json_out_text(o, "region", v->tenant->row.region);
    json_out_text(o, "source", slice_of(s->name));
    json_out_text(o, "state", slice_of(state));
    json_out_text(o, "lastSuccess", time_text(row->succeeded, a));
    json_out_text(o, "lastRequest", time_text(row->tried, a));
    seconds(o, "lagSeconds", source_lag(row, w->now));
    json_out_text(o, "cursor", time_text(i->cursor.since, a));
    if (row->code.p == NULL) {
        json_out_null(o, "error");
    } else {
        json_out_text(error, "code", row->code);
        json_out_text(error, "message", i->says);
        json_out_text(error, "since", time_text(since_of(row), a));
        json_out_set(o, "error", error);
    }
    if (row->quota.p == NULL)
        json_out_null(o, "quotaLeft");
    else
        json_out_set_raw(o, "quotaLeft", row->quota);
    json_out_int(o, "alerts", row->alerts);
    json_out_int(o, "requests", row->requests);
    seconds(o, "clockAheadSeconds", row->clock_ahead);
    json_out_text(o, "updated", time_text(row->updated, a));
    json_out_add(w->list, o);
}

/* {"alerts":37,"alert":40} as "alerts 37, alert 40", the lowest only when there are many. */
static const char *
quota_text(struct slice quota, struct arena *scratch, struct arena *a)
{
    struct json doc, value;
    struct slice name, least = SLICE_NONE;
    int64_t low = INT64_MAX, n = 0;
    struct err e = quota.p != NULL ? json_parse(quota, scratch, &doc)
                                   : err_make(ERR_REJECT, "source.quota", "none is known");
    if (e.kind)
        return NULL;
    for (struct json_iter it = json_items(doc); json_next(&it, &name, &value);)
        if (json_int(value, &n) && n < low) {
            low = n;
            least = name;
        }
    return least.p != NULL ? slice_printf(a, "%.*s %lld", SLICE_ARG(least), (long long)low).p
                           : NULL;
}

static const char *
span_text(int64_t span, const char *after, struct arena *a)
{
    char text[SOURCE_WORD];
    return span == CLOCK_NONE ? NULL : slice_printf(a, "%s%s", source_span(span, text), after).p;
}

/* What stands in a table of a terminal: one line, nothing that the terminal obeys. */
static const char *
error_text(const struct item *i, int64_t now, struct arena *a)
{
    char since[SOURCE_WORD] = "";
    if (i->row.code.p == NULL)
        return NULL;
    int64_t from = since_of(&i->row);
    (void)source_span(from != CLOCK_NONE ? now - from : 0, since);
    struct slice s = slice_printf(a, "%.*s for %s: %.*s", SLICE_ARG(i->row.code), since,
                                  SLICE_ARG(slice_sub(i->says, 0, SENTENCE_MAX)));
    char *text = slice_cstr(a, s);
    for (char *p = text; p != NULL && *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f)
            *p = '?';
    return text;
}

enum { COLUMNS = 10 };

static void
status_row(struct viewer *w, const struct viewed *v, const struct source *s, const char *state)
{
    struct arena *a = w->session->arena;
    const struct item *i = &v->items[s->number];
    const char **cell = w->cells + w->rows++ * COLUMNS;
    const struct source_status_row *row = &i->row;
    cell[0] = slice_cstr(a, v->tenant->directory);
    cell[1] = s->name;
    cell[2] = state;
    cell[7] = i->cursor.since == CLOCK_NONE
                  ? NULL
                  : slice_printf(a, "%.19sZ", clock_format(i->cursor.since).s).p;
    if (!i->have)
        return;
    cell[3] = row->succeeded == CLOCK_NONE ? NULL : span_text(w->now - row->succeeded, " ago", a);
    cell[4] = span_text(source_lag(row, w->now), "", a);
    cell[5] = slice_printf(a, "%lld", (long long)row->alerts).p;
    cell[6] = quota_text(row->quota, w->scratch, a);
    cell[8] = row->clock_ahead == 0
                  ? NULL
                  : slice_printf(a, "%+lld s", (long long)(row->clock_ahead / CLOCK_SECOND)).p;
    cell[9] = error_text(i, w->now, a);
}

/* An agent sends: who is asked has a quota from its first row on. */
static bool
is_sent(const struct source *s, const struct item *item)
{
    return s->listens || (s->may_listen && item->have && item->row.quota.p == NULL &&
                          item->cursor.since == CLOCK_NONE);
}

static void
show(struct viewer *w, const struct viewed *v)
{
    for (size_t i = 0; sources[i] != NULL && !v->gone; i++) {
        const struct source *s = sources[i];
        const char *only = cli_flag(w->cli, "source");
        if ((v->tenant->row.sources >> s->number & 1) == 0 || s->number >= SOURCES_MAX ||
            (only != NULL && strcmp(only, s->name) != 0))
            continue;
        const struct item *item = &v->items[s->number];
        const char *state =
            source_state(item->have ? &item->row : NULL, is_sent(s, item), w->now, w->poll_s);
        if (w->list != NULL)
            status_json(w, v, s, state);
        else if (w->rows < w->room)
            status_row(w, v, s, state);
    }
}

/* ---- all */

/* Tenants of one region, `n` of them at most AT_ONCE. */
static struct err
view_some(struct viewer *w, const struct session_tenant *const *tenants, size_t n)
{
    struct viewed *views = arena_alloc(w->session->arena, AT_ONCE * sizeof *views);
    if (views == NULL)
        return err_make(ERR_STOP, "cli.memory", "out of memory");
    w->done = n == 0;
    for (size_t i = 0; i < n; i++)
        view_begin(w, &views[i], tenants[i]);
    if (!loop_turn(w->session->loop, &w->done))
        return err_make(ERR_STOP, "cli.interrupted", "interrupted");
    for (size_t i = 0; w->e.kind == ERR_NONE && i < n; i++)
        show(w, &views[i]);
    return w->e;
}

/* Those that are on, region by region: the session has one region's database open at a time. */
static struct err
view_all(struct viewer *w, const struct session_tenant *list, size_t n)
{
    const struct session_tenant *some[AT_ONCE];
    const char *const *regions;
    size_t n_regions = conf_names(w->session->conf, "region.*.database", &regions);
    struct err e = ERR_OK;
    for (size_t r = 0; r < n_regions && e.kind == ERR_NONE; r++) {
        size_t got = 0;
        bool open = false;
        for (size_t i = 0; i < n && e.kind == ERR_NONE; i++) {
            if (list[i].row.state != TENANT_ACTIVE ||
                !slice_eq(list[i].row.region, slice_of(regions[r])))
                continue;
            if (!open)
                e = session_region(w->session, slice_of(regions[r]));
            open = true;
            some[got++] = &list[i];
            if (e.kind == ERR_NONE && got == AT_ONCE) {
                e = view_some(w, some, got);
                got = 0;
            }
        }
        if (e.kind == ERR_NONE && got > 0)
            e = view_some(w, some, got);
    }
    return e;
}

static struct err
print(struct viewer *w)
{
    static const char *const headings[COLUMNS + 1] = {"TENANT", "SOURCE", "STATE", "SUCCESS",
                                                      "LAG",    "ALERTS", "QUOTA", "CURSOR",
                                                      "CLOCK",  "ERROR",  NULL};
    if (w->list == NULL) {
        cli_table(&(struct cli_table){.headings = headings, .cells = w->cells, .rows = w->rows});
        return ERR_OK;
    }
    struct slice text = json_out_print(w->list, w->session->arena);
    if (text.p == NULL)
        return err_make(ERR_STOP, "cli.memory", "out of memory");
    printf("%.*s\n", SLICE_ARG(text));
    return ERR_OK;
}

static struct err
find(struct viewer *w, struct session_tenant **list, size_t *n)
{
    struct session *s = w->session;
    const char *guid = cli_flag(w->cli, "tenant");
    if (guid == NULL)
        return session_list(s, slice_of(cli_flag(w->cli, "region")), false, list, n);
    *list = arena_alloc(s->arena, sizeof **list);
    *n = 1;
    return *list != NULL ? session_need(s, guid, *list)
                         : err_make(ERR_STOP, "cli.memory", "out of memory");
}

static struct err
view(struct viewer *w)
{
    struct session_tenant *list = NULL;
    size_t n = 0;
    struct err e = find(w, &list, &n);
    if (e.kind)
        return e;
    w->room = n * SOURCES_MAX;
    w->cells = arena_alloc(w->session->arena, (w->room * COLUMNS + 1) * sizeof *w->cells);
    if (w->cells == NULL)
        return err_make(ERR_STOP, "cli.memory", "out of memory");
    e = view_all(w, list, n);
    return e.kind ? e : print(w);
}

static int
status_run(struct cli *cli)
{
    struct session s = {0};
    struct viewer w = {.cli = cli, .session = &s, .e = ERR_OK};
    const char *source = cli_flag(cli, "source");
    if (source != NULL && source_by_name(slice_of(source)) == NULL)
        return cli_fail(cli, err_make(ERR_STOP, "usage.source",
                                      "no source '%.40s'; there are endpoint, mail, apps and "
                                      "identity",
                                      source));
    struct err e = session_open(&s, cli_conf(cli), true);
    w.scratch = arena_new(SCRATCH);
    if (e.kind == ERR_NONE && w.scratch == NULL)
        e = err_make(ERR_STOP, "cli.memory", "out of memory");
    if (e.kind == ERR_NONE) {
        w.now = clock_now();
        w.poll_s = conf_int(s.conf, "ingest.poll_s");
        w.list = cli_json(cli) ? json_out_array(s.arena) : NULL;
        e = view(&w);
    }
    session_close(&s);
    arena_free(w.scratch);
    if (e.kind && strcmp(e.code, "cli.interrupted") == 0)
        return CLI_INTERRUPTED;
    return e.kind ? cli_fail(cli, e) : CLI_DONE;
}

static const struct cli_flag status_flags[] = {
    {"tenant", "GUID", "only this customer", false},
    {"source", "SOURCE", "only this source", false},
    {"region", "REGION", "only tenants of this region", false},
    {NULL, NULL, NULL, false},
};

const struct cli_command source_status_command = {
    .noun = "source",
    .verb = "status",
    .summary = "show how each source of each tenant is doing",
    .example = "weir source status --tenant 0b6f2c1e-8d24-4f6c-9c0a-3f1f2a7d5e11",
    .flags = status_flags,
    .run = status_run,
};
