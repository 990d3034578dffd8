/*
 * alert_command.c: alerts of a tenant, one a line, in the format that `weir correlate` reads.
 *
 * Times, level and keys are those of all versions, as the service's own correlator holds them,
 * the stage is the newest version's. Weights that the tenant's list of hubs gives to keys have no
 * place in the format. "incident" is where the service has put the alert.
 */
#include "serve/alert_command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "ingest/source.h"
#include "normalize/rows.h"
#include "serve/wire.h"
#include "store/alerts.h"
#include "tenant/session.h"

enum {
    PAGE_ALERTS = 500,
    PAGE_BYTES = 256 * 1024 * 1024,
    LINE_BYTES = 16 * 1024 * 1024,
};

/* One run: pages of alerts, one line after the other. */
struct export
{
    struct cli *cli;
    struct session s;
    struct session_tenant tenant;
    struct arena *page, *line;
    struct alerts_key after; /* the last alert that was written; its text in `kept` */
    struct arena *kept;
    size_t n; /* of the last page */
    struct err failed;
};

static struct err
no_memory(void)
{
    return err_make(ERR_STOP, "cli.memory", "out of memory");
}

/* ---- a line */

static void
identities_write(struct wire *w, const struct key_set *set)
{
    wire_open(w, "identities", '[');
    for (size_t i = 0; i < set->n_identities; i++) {
        const struct key_identity *id = &set->identities[i];
        wire_open(w, NULL, '[');
        wire_text(w, NULL, slice_of(key_type_word(id->type)));
        wire_open(w, NULL, '[');
        for (size_t k = 0; k < id->n_ids; k++)
            wire_text(w, NULL, id->ids[k]);
        wire_close(w, ']');
        wire_close(w, ']');
    }
    wire_close(w, ']');
}

/* Those of users and devices are in the identities. */
static void
keys_write(struct wire *w, const struct key_set *set)
{
    wire_open(w, "keys", '[');
    for (size_t i = 0; i < set->n_keys; i++) {
        const struct key *k = &set->keys[i];
        if (k->type == KEY_USER || k->type == KEY_DEVICE)
            continue;
        wire_open(w, NULL, '[');
        wire_text(w, NULL, slice_of(key_type_word(k->type)));
        wire_text(w, NULL, k->value);
        wire_close(w, ']');
    }
    wire_close(w, ']');
}

static void
line_write(struct wire *w, struct slice directory, const struct alerts_full *alert,
           const struct incident_alert *state)
{
    static const char *const levels[] = {"informational", "low", "medium", "high"};
    const struct alerts_row *row = &alert->row;
    wire_open(w, NULL, '{');
    wire_text(w, "tenant", directory);
    /* the product, not the channel it came by: that is what the correlator compares */
    wire_text(w, "source", slice_of(service_product((enum service_source)row->service)));
    wire_text(w, "id", row->id);
    wire_int(w, "version", 1); /* one line an alert: all its versions */
    wire_int(w, "created", row->created / CLOCK_SECOND);
    wire_int(w, "first", state->first_s);
    wire_int(w, "last", state->last_s);
    wire_text(w, "severity", slice_of(levels[state->level & 3]));
    wire_text(w, "detector", row->detector);
    wire_open(w, "tactics", '[');
    for (int bit = 0; bit <= 12; bit++)
        if ((row->tactics >> bit & 1) != 0)
            wire_int(w, NULL, bit);
    wire_close(w, ']');
    identities_write(w, state->keys);
    keys_write(w, state->keys);
    if (alert->incident_id != 0)
        wire_int(w, "incident", alert->incident_id);
    else
        wire_null(w, "incident");
    wire_close(w, '}');
}

static struct err
line_print(struct export *x, const struct alerts_full *alert)
{
    struct incident_alert state = {.level = 0};
    struct wire w;
    arena_reset(x->line);
    struct err e = rows_state_read(alert->row.keys, x->line, &state);
    if (e.kind)
        return e;
    wire_init(&w, x->line);
    line_write(&w, x->tenant.directory, alert, &state);
    struct slice text = wire_done(&w);
    if (text.p == NULL)
        return no_memory();
    if (fwrite(text.p, 1, text.n, stdout) != text.n || putchar('\n') == EOF)
        return err_make(ERR_STOP, "cli.write", "standard output: %s", strerror(errno));
    return ERR_OK;
}

/* ---- pages */

static void
on_page(void *arg, const struct db_rows *rows, struct err e)
{
    struct export *x = arg;
    struct alerts_full alert;
    if (e.kind)
        return; /* db_wait says it */
    x->n = db_count(rows);
    for (size_t i = 0; i < x->n && x->failed.kind == ERR_NONE; i++) {
        alerts_full_row(rows, i, &alert);
        x->failed = line_print(x, &alert);
    }
    if (x->n == 0 || x->failed.kind)
        return;
    arena_reset(x->kept);
    x->after = (struct alerts_key){alert.row.source, slice_dup(x->kept, alert.row.native_id)};
    if (x->after.native_id.p == NULL)
        x->failed = no_memory();
}

static struct err
pages_print(struct export *x)
{
    struct err e = ERR_OK;
    do {
        x->n = 0;
        arena_reset(x->page);
        alerts_page(x->s.region, x->page, &x->tenant.row.oid, &x->after, PAGE_ALERTS,
                    (struct db_answer){on_page, x});
        e = db_wait(x->s.region, x->s.loop);
        e = e.kind ? e : x->failed;
    } while (e.kind == ERR_NONE && x->n == PAGE_ALERTS);
    if (e.kind == ERR_NONE && fflush(stdout) != 0)
        e = err_make(ERR_STOP, "cli.write", "standard output: %s", strerror(errno));
    return e;
}

static int
export_run(struct cli *cli)
{
    struct export x = {.cli = cli, .after = {0, SLICE("")}, .failed = ERR_OK};
    x.page = arena_new(PAGE_BYTES);
    x.line = arena_new(LINE_BYTES);
    x.kept = arena_new(LINE_BYTES);
    struct err e = session_open(&x.s, cli_conf(cli), true);
    if (e.kind == ERR_NONE && (x.page == NULL || x.line == NULL || x.kept == NULL))
        e = no_memory();
    if (e.kind == ERR_NONE)
        e = session_need(&x.s, cli_flag(cli, "tenant"), &x.tenant);
    if (e.kind == ERR_NONE)
        e = pages_print(&x);
    session_close(&x.s);
    arena_free(x.page);
    arena_free(x.line);
    arena_free(x.kept);
    return e.kind ? cli_fail(cli, e) : CLI_DONE;
}

static const struct cli_flag export_flags[] = {
    {"tenant", "GUID", "directory id of the tenant", true},
    {NULL, NULL, NULL, false},
};

const struct cli_command alert_export_command = {
    .noun = "alert",
    .verb = "export",
    .summary = "write a tenant's alerts as the correlator sees them, one JSON object a line",
    .example = "weir alert export --tenant GUID | weir correlate --explain",
    .flags = export_flags,
    .run = export_run,
};
