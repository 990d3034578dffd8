#include "serve/incident_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "ingest/source.h"
#include "schemas/alert.h"
#include "serve/bundle.h"
#include "serve/classic.h"
#include "serve/explain.h"
#include "serve/odata.h"
#include "serve/pair.h"
#include "serve/why_not.h"
#include "serve/wire.h"
#include "tenant/session.h"

enum {
    SCRATCH_LIMIT = 64 * 1024 * 1024,
    ARENA_LIMIT = 512 * 1024 * 1024,
    TOP_DEFAULT = 50,
    TOP_MAX = 10000,
    SHOWN_MAX = 10
};

/* One run of a command: a session, and the page that compose functions get. */
struct reading {
    struct bundle bundle; /* first: compose gets its address */
    struct cli *cli;
    struct session s;
    struct session_tenant tenant;
    struct arena *arena, *scratch;
    struct params params;
    bool done;
    struct err e;
};

static struct err
no_memory(void)
{
    return err_make(ERR_STOP, "cli.memory", "out of memory");
}

static void
on_done(void *arg, struct err e)
{
    struct reading *r = arg;
    r->e = e;
    r->done = true;
}

static struct err
reading_open(struct reading *r, struct cli *cli)
{
    *r = (struct reading){.cli = cli};
    r->arena = arena_new(ARENA_LIMIT);
    r->scratch = arena_new(SCRATCH_LIMIT);
    if (r->arena == NULL || r->scratch == NULL)
        return no_memory();
    struct err e = params_configured(cli_conf(cli), &r->params);
    if (e.kind == ERR_NONE)
        e = session_open(&r->s, cli_conf(cli), true);
    if (e.kind == ERR_NONE)
        e = session_need(&r->s, cli_flag(cli, "tenant"), &r->tenant);
    r->bundle = (struct bundle){
        .db = r->s.region, .oid = &r->tenant.row.oid, .arena = r->arena, .done = on_done, .arg = r};
    return e;
}

static int
reading_close(struct reading *r, struct err e)
{
    struct cli *cli = r->cli;
    session_close(&r->s);
    int code = e.kind ? cli_fail(cli, e) : CLI_DONE;
    arena_free(r->arena);
    arena_free(r->scratch);
    return code;
}

static struct err
reading_wait(struct reading *r)
{
    if (!loop_turn(r->s.loop, &r->done))
        return err_make(ERR_STOP, "cli.interrupted", "interrupted");
    return r->e;
}

/* ---- words */

/* Foreign text for a terminal: nothing in it may steer that. */
static struct slice
plain(struct arena *a, struct slice s)
{
    size_t size = s.n * 4 + 1;
    char *p = arena_alloc(a, size);
    struct line l = {.p = p, .size = size};
    if (p == NULL || s.p == NULL)
        return SLICE("");
    line_plain(&l, s);
    return l.full ? SLICE("") : (struct slice){l.p, l.n};
}

static const char *
cell(struct arena *a, struct slice s)
{
    return s.p == NULL ? NULL : slice_cstr(a, plain(a, s));
}

/* "2019-12-02 10:15:04": to the second, for people. */
static struct slice
when(struct arena *a, int64_t time)
{
    if (time == CLOCK_NONE)
        return SLICE("-");
    struct clock_text t = clock_format(time - time % CLOCK_SECOND);
    struct slice s = slice_dup(a, slice_sub(slice_of(t.s), 0, 19));
    size_t sep = slice_find(s, SLICE("T"), 0);
    return slice_printf(a, "%.*s %.*s", SLICE_ARG(slice_sub(s, 0, sep)),
                        SLICE_ARG(slice_sub(s, sep + 1, s.n)));
}

static struct slice
source_words(struct arena *a, int32_t mask)
{
    struct slice s = SLICE("");
    for (size_t i = 0; sources[i] != NULL; i++)
        if ((mask >> sources[i]->number & 1) != 0)
            s = slice_printf(a, "%.*s%s%s", SLICE_ARG(s), s.n > 0 ? "," : "", sources[i]->name);
    return s;
}

static const char *
severity_word(int32_t v)
{
    return severity_classic((enum severity)v);
}

static struct slice
status_word(const struct incidents_row *r)
{
    return r->redirect_to != 0 ? SLICE("Redirected") : classic_status(r->status);
}

/* ---- list */

static void
list_json(struct wire *w, const struct incidents_row *r, struct arena *a)
{
    wire_open(w, NULL, '{');
    wire_int(w, "incidentId", r->id);
    wire_text(w, "incidentName", r->name);
    wire_text(w, "severity", slice_of(severity_word(r->severity)));
    wire_text(w, "status", status_word(r));
    wire_int(w, "alerts", r->alerts);
    wire_int(w, "devices", r->devices);
    wire_int(w, "users", r->users);
    wire_text(w, "sources", source_words(a, r->sources));
    wire_time(w, "firstActivity", r->first_activity);
    wire_time(w, "lastActivity", r->last_activity);
    wire_time(w, "lastUpdateTime", r->updated);
    wire_close(w, '}');
}

static struct err
list_table(struct bundle *p)
{
    static const char *const headings[] = {"ID",    "SEVERITY",      "STATUS",  "ALERTS", "DEVICES",
                                           "USERS", "LAST ACTIVITY", "SOURCES", "NAME",   NULL};
    enum { COLUMNS = 9 };
    struct arena *a = p->arena;
    const char **cells = arena_alloc(a, (p->n * COLUMNS + 1) * sizeof *cells);
    if (cells == NULL)
        return no_memory();
    for (size_t i = 0; i < p->n; i++) {
        const struct incidents_row *r = &p->rows[i];
        const char **c = cells + i * COLUMNS;
        c[0] = slice_printf(a, "%" PRId64, r->id).p;
        c[1] = severity_word(r->severity);
        c[2] = cell(a, status_word(r));
        c[3] = slice_printf(a, "%d", r->alerts).p;
        c[4] = slice_printf(a, "%d", r->devices).p;
        c[5] = slice_printf(a, "%d", r->users).p;
        c[6] = cell(a, when(a, r->last_activity));
        c[7] = cell(a, source_words(a, r->sources));
        c[8] = cell(a, r->name);
    }
    cli_table(&(struct cli_table){.headings = headings, .cells = cells, .rows = p->n});
    return ERR_OK;
}

struct list_rows {
    struct reading *r;
    int64_t top;
    struct err failed;
};

/* The queue needs no alerts: its rows are read without bundle_list's second trip. */
static void
on_list(void *arg, const struct db_rows *rows, struct err e)
{
    struct list_rows *l = arg;
    struct bundle *p = &l->r->bundle;
    if (e.kind)
        return;
    p->rows = arena_alloc(p->arena, (db_count(rows) + 1) * sizeof *p->rows);
    if (p->rows == NULL) {
        l->failed = no_memory();
        return;
    }
    for (; p->n < db_count(rows) && (int64_t)p->n < l->top; p->n++)
        incidents_full_row(rows, p->n, p->arena, &p->rows[p->n]);
    p->more = db_count(rows) > p->n;
    if (!cli_json(l->r->cli)) {
        l->failed = list_table(p);
        return;
    }
    struct wire w;
    wire_init(&w, p->arena);
    wire_open(&w, NULL, '[');
    for (size_t i = 0; i < p->n; i++)
        list_json(&w, &p->rows[i], p->arena);
    wire_close(&w, ']');
    struct slice text = wire_done(&w);
    if (text.p == NULL)
        l->failed = no_memory();
    else
        printf("%.*s\n", SLICE_ARG(text));
}

static struct err
list_filter(struct reading *r, struct odata_query *q)
{
    const char *status = cli_flag(r->cli, "status"), *top = cli_flag(r->cli, "top");
    odata_init(q);
    q->filter.top = TOP_DEFAULT;
    if (top != NULL &&
        (!slice_int(slice_of(top), &q->filter.top) || q->filter.top < 1 || q->filter.top > TOP_MAX))
        return err_make(ERR_STOP, "usage.top", "--top must be a number from 1 to %d", TOP_MAX);
    if (status == NULL)
        return ERR_OK;
    struct slice filter = slice_printf(r->arena, "status eq '%s'", status);
    struct err e = odata_filter(filter, r->arena, q);
    return e.kind ? err_make(ERR_STOP, "usage.status",
                             "--status is one of Active, InProgress, Resolved, Redirected")
                  : ERR_OK;
}

static int
list_run(struct cli *cli)
{
    struct reading r;
    struct odata_query q;
    struct err e = reading_open(&r, cli);
    if (e.kind == ERR_NONE)
        e = list_filter(&r, &q);
    if (e.kind == ERR_NONE) {
        struct list_rows l = {.r = &r, .top = q.filter.top};
        q.filter.top++;
        incidents_list(r.s.region, r.arena, &r.tenant.row.oid, &q.filter,
                       (struct db_answer){on_list, &l});
        e = db_wait(r.s.region, r.s.loop);
        e = e.kind ? e : l.failed;
    }
    if (e.kind == ERR_NONE && r.bundle.more && !cli_json(cli))
        cli_say(cli, "There are more; --top shows them.");
    return reading_close(&r, e);
}

static const struct cli_flag list_flags[] = {
    {"tenant", "GUID", "directory id of the tenant", true},
    {"status", "STATUS", "only Active, InProgress, Resolved or Redirected ones", false},
    {"top", "N", "at most this many, newest first (50)", false},
    {NULL, NULL, NULL, false},
};

const struct cli_command incident_list_command = {
    .noun = "incident",
    .verb = "list",
    .summary = "list a tenant's incidents, newest first",
    .example = "weir incident list --tenant GUID --status Active",
    .flags = list_flags,
    .run = list_run,
};

/* ---- show */

/* A line of at most `count` entities without their kind, those of the first kinds first: somebody
 * known by several identifiers is named by the best of them. */
static void
entities_line(struct bundle *p, const char *heading, const char *const *kinds, int32_t count)
{
    const struct incidents_row *r = &p->rows[0];
    int32_t shown = 0, most = count < SHOWN_MAX ? count : SHOWN_MAX;
    for (; *kinds != NULL; kinds++) {
        for (size_t i = 0; i < r->n_entities && shown < most; i++) {
            struct slice s = r->entities[i];
            if (!slice_starts(s, slice_of(*kinds)))
                continue;
            (void)slice_split(&s, ':');
            printf("%s%.*s", shown == 0 ? heading : ", ", SLICE_ARG(plain(p->arena, s)));
            shown++;
        }
    }
    if (shown > 0 && count > shown)
        printf(" and %d more", count - shown);
    if (shown > 0)
        printf("\n");
}

static void
show_head(struct bundle *p)
{
    static const char *const devices[] = {"dns:", "mde:", "aadd:", NULL};
    static const char *const users[] = {"upn:", "sam:", "sid:", "aad:", NULL};
    const struct incidents_row *r = &p->rows[0];
    struct arena *a = p->arena;
    printf("incident   %" PRId64 "  %.*s\n", r->id, SLICE_ARG(plain(a, r->name)));
    if (r->redirect_to != 0)
        printf("merged     it is part of incident %" PRId64 " now\n", r->redirect_to);
    printf("severity   %s (stage score %d of 1000)\n", severity_word(r->severity), r->stage_score);
    printf("status     %.*s, %s\n", SLICE_ARG(status_word(r)),
           r->assigned_to.n > 0 ? cell(a, r->assigned_to) : "assigned to nobody");
    printf("activity   %.*s to %.*s UTC\n", SLICE_ARG(when(a, r->first_activity)),
           SLICE_ARG(when(a, r->last_activity)));
    printf("updated    %.*s, version %" PRId64 "\n", SLICE_ARG(when(a, r->updated)), r->version);
    printf("holds      %d alerts of %.*s; %d devices, %d users\n", r->alerts,
           SLICE_ARG(source_words(a, r->sources)), r->devices, r->users);
    entities_line(p, "devices    ", devices, r->devices);
    entities_line(p, "users      ", users, r->users);
}

static struct err
show_words(struct bundle *p, const struct alerts_full *alerts, size_t n)
{
    static const char *const headings[] = {"TIME", "SEVERITY", "SOURCE", "TITLE", "ALERT", NULL};
    enum { COLUMNS = 5 };
    struct arena *a = p->arena;
    struct explain_alert *story;
    struct err e = explain_of(alerts, n, p->links, p->n_links, a, &story);
    const char **cells = arena_alloc(a, (n * COLUMNS + 1) * sizeof *cells);
    if (e.kind || cells == NULL)
        return e.kind ? e : no_memory();
    for (size_t i = 0; i < n; i++) {
        const struct alerts_row *al = &story[i].alert->row;
        const struct source *source = source_by_number(al->source);
        const char **c = cells + i * COLUMNS;
        c[0] = cell(a, when(a, al->first_activity));
        c[1] = severity_word(al->severity);
        c[2] = source != NULL ? source->name : "-";
        c[3] = cell(a, al->title);
        c[4] = cell(a, al->id);
    }
    show_head(p);
    if (n > 0)
        printf("\n");
    if (n > 0)
        cli_table(&(struct cli_table){.headings = headings, .cells = cells, .rows = n});
    return ERR_OK;
}

static struct err
compose_show(struct bundle *p, const struct alerts_full *alerts, size_t n)
{
    struct reading *r = (struct reading *)p;
    if (!cli_json(r->cli))
        return show_words(p, alerts, n);
    const struct classic_incident one = {.row = &p->rows[0],
                                         .alerts = alerts,
                                         .n_alerts = n,
                                         .comments = p->comments,
                                         .n_comments = p->n_comments};
    struct wire w;
    wire_init(&w, p->arena);
    struct err e = classic_incident(&w, &one, NULL, r->scratch);
    if (e.kind == ERR_NONE)
        printf("%.*s\n", SLICE_ARG(wire_done(&w)));
    return e;
}

static struct err compose_explain(struct bundle *p, const struct alerts_full *alerts, size_t n);

static int
one_run(struct cli *cli, struct err (*compose)(struct bundle *, const struct alerts_full *, size_t))
{
    struct reading r;
    int64_t id = 0;
    struct err e = reading_open(&r, cli);
    if (e.kind == ERR_NONE && !slice_int(slice_of(cli_argument(cli)), &id))
        e = err_make(ERR_STOP, "usage.id", "'%.40s' is no incident id: it must be a number",
                     cli_argument(cli));
    if (e.kind == ERR_NONE) {
        r.bundle.with_links = true;
        r.bundle.with_aliases = compose == compose_explain && cli_flag(cli, "canonical") != NULL;
        r.bundle.compose = compose;
        bundle_get(&r.bundle, id);
        e = reading_wait(&r);
    }
    if (e.kind == ERR_REJECT && strcmp(e.code, "bundle.none") == 0)
        e = err_make(ERR_STOP, "refused.unknown_incident", "the tenant has no incident %" PRId64,
                     id);
    return reading_close(&r, e);
}

static int
show_run(struct cli *cli)
{
    return one_run(cli, compose_show);
}

static const struct cli_flag one_flags[] = {
    {"tenant", "GUID", "directory id of the tenant", true},
    {NULL, NULL, NULL, false},
};

const struct cli_command incident_show_command = {
    .noun = "incident",
    .verb = "show",
    .argument = "ID",
    .summary = "show an incident with its alerts, devices and users",
    .example = "weir incident show 7 --tenant GUID",
    .flags = one_flags,
    .run = show_run,
};

/* ---- explain */

static void
explain_words(struct bundle *p, const struct explain_alert *story, size_t n)
{
    struct arena *a = p->arena;
    printf("incident %" PRId64 ": %.*s\n", p->rows[0].id, SLICE_ARG(plain(a, p->rows[0].name)));
    if (p->rows[0].redirect_to != 0)
        printf("It is part of incident %" PRId64 " now.\n", p->rows[0].redirect_to);
    for (size_t i = 0; i < n; i++) {
        const struct alerts_row *al = &story[i].alert->row;
        printf("\n%.*s  %s  %.*s\n", SLICE_ARG(when(a, al->first_activity)),
               severity_word(al->severity), SLICE_ARG(plain(a, al->title)));
        printf("  %s, alert %.*s\n", service_product((enum service_source)al->service),
               SLICE_ARG(plain(a, al->id)));
        printf("  %.*s\n", SLICE_ARG(plain(a, story[i].sentence)));
    }
}

static struct err
compose_explain(struct bundle *p, const struct alerts_full *alerts, size_t n)
{
    struct reading *r = (struct reading *)p;
    struct explain_alert *story;
    struct err e = explain_bundle(p, alerts, n, p->with_aliases ? &r->params : NULL, &story);
    if (e.kind)
        return e;
    if (!cli_json(r->cli)) {
        explain_words(p, story, n);
        return ERR_OK;
    }
    struct slice text = explain_json(&p->rows[0], story, n, p->arena);
    if (text.p == NULL)
        return no_memory();
    printf("%.*s\n", SLICE_ARG(text));
    return ERR_OK;
}

static int
explain_run(struct cli *cli)
{
    return one_run(cli, compose_explain);
}

static const struct cli_flag explain_flags[] = {
    {"tenant", "GUID", "directory id of the tenant", true},
    {"canonical", NULL,
     "the strongest links that hold it together, instead of what was first found", false},
    {NULL, NULL, NULL, false},
};

const struct cli_command incident_explain_command = {
    .noun = "incident",
    .verb = "explain",
    .argument = "ID",
    .summary = "say for each alert of an incident why it is in it",
    .example = "weir incident explain 7 --tenant GUID",
    .flags = explain_flags,
    .run = explain_run,
};

/* ---- why not */

static void
alert_words(struct arena *a, const char *label, const struct alerts_full *al,
            const struct incidents_row *incident)
{
    printf("%s  %.*s  %s  %.*s\n", label, SLICE_ARG(when(a, al->row.first_activity)),
           severity_word(al->row.severity), SLICE_ARG(plain(a, al->row.title)));
    printf("   %s, alert %.*s, incident %" PRId64 "\n",
           service_product((enum service_source)al->row.service), SLICE_ARG(plain(a, al->row.id)),
           incident->id);
}

static void
line_words(struct arena *a, struct slice words)
{
    printf("   %.*s\n", SLICE_ARG(plain(a, words)));
}

static struct err
compose_why_not(struct pair *p, const struct why_not *w)
{
    struct reading *r = p->arg;
    struct arena *a = p->arena;
    if (cli_json(r->cli)) {
        struct slice text = why_not_json(w, a);
        if (text.p == NULL)
            return no_memory();
        printf("%.*s\n", SLICE_ARG(text));
        return ERR_OK;
    }
    alert_words(a, "A", w->alert, w->incident);
    alert_words(a, "B", w->other, w->other_incident);
    printf("\n%.*s\n", SLICE_ARG(plain(a, why_not_sentence(w, a))));
    for (size_t i = 0; i < w->shared.why.n_keys; i++)
        line_words(a, why_not_key(w, i, a));
    for (size_t i = 0; i < WHY_TERMS && w->shared.why.n_keys > 0; i++)
        if (w->shared.why.terms[i].kind != LINK_TWIN ||
            w->shared.why.terms[i].state == WHY_GIVEN) /* a rare one: not missed */
            line_words(a, why_not_term(w, i, a));
    if (w->n_path > 1)
        printf("\nFrom A to B:\n");
    for (size_t i = 0; i < w->n_path && w->n_path > 1; i++)
        line_words(a, why_not_step(w, i, a));
    return ERR_OK;
}

static int
why_not_run(struct cli *cli)
{
    struct reading r;
    struct err e = reading_open(&r, cli);
    struct pair p = {.db = r.s.region,
                     .oid = &r.tenant.row.oid,
                     .arena = r.arena,
                     .params = &r.params,
                     .ids = {slice_of(cli_argument(cli)), slice_of(cli_second(cli))},
                     .compose = compose_why_not,
                     .done = on_done,
                     .arg = &r};
    if (e.kind == ERR_NONE) {
        pair_get(&p);
        e = reading_wait(&r);
    }
    if (e.kind == ERR_REJECT && strcmp(e.code, "pair.none") == 0)
        e = err_make(ERR_STOP, "refused.unknown_alert", "%s", e.text);
    if (e.kind == ERR_REJECT && strcmp(e.code, "pair.same") == 0)
        e = err_make(ERR_STOP, "usage.alerts", "%s", e.text);
    return reading_close(&r, e);
}

const struct cli_command incident_why_not_command = {
    .noun = "incident",
    .verb = "why-not",
    .argument = "A",
    .second = "B",
    .summary = "say what two alerts share, and what was missing for a link",
    .example = "weir incident why-not ALERT ALERT --tenant GUID",
    .flags = one_flags,
    .run = why_not_run,
};
