/* Real incidents: the rows, and which service each belongs to. See replay.h. */
#include "tests/simulator/replay.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 64 << 20, ROWS_MAX = 100000, RAISED_AFTER_S = 600 };

static struct err
no_memory(void)
{
    return err_make(ERR_STOP, "replay.memory", "out of memory");
}

/* ---- reading */

/* "2024-07-04 22:35:00.746663+00:00" */
static bool
row_time(struct json row, const char *name, struct arena *a, int64_t *out)
{
    char *text = slice_cstr(a, json_get_text(row, name));
    if (text == NULL)
        return false;
    char *blank = strchr(text, ' ');
    if (blank != NULL)
        *blank = 'T';
    return clock_parse(slice_of(text), out);
}

/* The word for the stage, of which each product has its own member. */
static struct slice
stage(const struct replay_row *r)
{
    struct slice word = json_get_text(r->extra, "MicrosoftDefenderAtp.Category");
    if (word.n == 0)
        word = json_get_text(r->extra, "Category");
    if (word.n == 0) /* the first of several */
        word = json_get_text(r->row, "Tactics");
    return slice_trim(slice_split(&word, ','));
}

static struct err
row_read(struct slice line, struct arena *a, struct replay_row *r)
{
    *r = (struct replay_row){.id = SLICE_NONE};
    struct err e = json_parse(line, a, &r->row);
    if (e.kind)
        return e;
    r->id = json_get_text(r->row, "SystemAlertId");
    r->vendor_id = json_get_text(r->row, "VendorOriginalId");
    r->provider = json_get_text(r->row, "ProviderName");
    r->type = json_get_text(r->row, "AlertType");
    r->title = json_get_text(r->row, "AlertName");
    r->severity = json_get_text(r->row, "AlertSeverity");
    r->description = json_get_text(r->row, "Description");
    if (r->id.n == 0 || r->vendor_id.n == 0 || !row_time(r->row, "StartTime", a, &r->first) ||
        !row_time(r->row, "EndTime", a, &r->last))
        return err_make(ERR_REJECT, "replay.row", "no id or no time");
    /* TimeGenerated is when Sentinel was last told, weeks later */
    r->created = r->first + RAISED_AFTER_S * CLOCK_SECOND;
    struct slice extra = json_get_text(r->row, "ExtendedProperties");
    if (extra.n > 0)
        e = json_parse(extra, a, &r->extra);
    r->category = stage(r);
    return e.kind ? e : replay_entities(r, json_get_text(r->row, "Entities"), a);
}

static struct err
file_read(const char *path, struct arena *a, struct slice *out)
{
    FILE *f = fopen(path, "rb");
    char *text = arena_alloc(a, FILE_MAX + 1);
    if (f == NULL || text == NULL) {
        if (f != NULL)
            fclose(f);
        return err_make(ERR_STOP, "replay.folder", "%s: %s", path, strerror(errno));
    }
    size_t n = fread(text, 1, FILE_MAX + 1, f);
    bool good = ferror(f) == 0 && n <= FILE_MAX;
    fclose(f);
    *out = (struct slice){text, n};
    return good ? ERR_OK : err_make(ERR_STOP, "replay.folder", "%s: unreadable or too large", path);
}

static struct err
file_take(struct replay *r, size_t *room, const char *path, struct arena *a)
{
    struct slice rest;
    struct err e = file_read(path, a, &rest);
    for (size_t line = 1; e.kind == ERR_NONE && rest.n > 0; line++) {
        struct slice text = slice_split(&rest, '\n');
        if (slice_trim(text).n == 0)
            continue;
        if (r->n == *room) {
            struct replay_row *rows = arena_grow(a, r->rows, sizeof(*rows), room);
            if (rows == NULL || r->n == ROWS_MAX)
                return no_memory();
            r->rows = rows;
        }
        e = row_read(text, a, &r->rows[r->n++]);
        if (e.kind)
            e = err_make(ERR_STOP, "replay.row", "%s line %zu: %.80s", path, line, e.text);
    }
    return e;
}

static int
by_time(const void *x, const void *y)
{
    const struct replay_row *a = x;
    const struct replay_row *b = y;
    if (a->created != b->created)
        return a->created < b->created ? -1 : 1;
    return slice_cmp(a->id, b->id);
}

/* ---- domains */

static struct err
domain_add(struct replay *r, size_t *room, struct slice address, struct arena *a)
{
    size_t at = slice_find(address, SLICE("@"), 0);
    struct slice domain = slice_lower(a, slice_sub(address, at + 1, address.n));
    if (at >= address.n || domain.n == 0)
        return ERR_OK;
    for (size_t i = 0; i < r->n_domains; i++)
        if (slice_eq(r->domains[i], domain))
            return ERR_OK;
    if (r->n_domains == *room) {
        struct slice *domains = arena_grow(a, r->domains, sizeof(*domains), room);
        if (domains == NULL)
            return no_memory();
        r->domains = domains;
    }
    r->domains[r->n_domains++] = domain;
    return ERR_OK;
}

static struct err
domains_find(struct replay *r, struct arena *a)
{
    size_t room = 0;
    struct err e = ERR_OK;
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; e.kind == ERR_NONE && k < r->rows[i].n_entities; k++)
            e = domain_add(r, &room, replay_upn(r->rows[i].entities[k], a), a);
    return e;
}

struct err
replay_read(const char *shared, struct arena *a, struct replay **out)
{
    char pattern[4096];
    glob_t found;
    size_t room = 0;
    struct err e = ERR_OK;
    struct replay *r = arena_alloc(a, sizeof(*r));
    if (r == NULL)
        return no_memory();
    *r = (struct replay){.n = 0};
    snprintf(pattern, sizeof(pattern), "%s/data/alerts/*/microsoft__SecRL.jsonl", shared);
    if (glob(pattern, 0, NULL, &found) != 0)
        return err_make(ERR_STOP, "replay.folder", "%s: no such file", pattern);
    for (size_t i = 0; e.kind == ERR_NONE && i < found.gl_pathc; i++)
        e = file_take(r, &room, found.gl_pathv[i], a);
    globfree(&found);
    if (e.kind == ERR_NONE && r->n == 0)
        e = err_make(ERR_STOP, "replay.folder", "%s: no alerts there", pattern);
    if (e.kind)
        return e;
    qsort(r->rows, r->n, sizeof(*r->rows), by_time);
    *out = r;
    return domains_find(r, a);
}

/* ---- planning */

/* What 365 Defender found across products came by the endpoint's API, with MTP as its source,
 * unless it is about an application: those were Cloud App Security's. */
static struct err
cross_service(struct plan *p, const struct replay_row *r)
{
    return replay_has(r, "cloud-application") ? replay_apps(p, r) : replay_endpoint(p, r);
}

static const struct {
    const char *provider;
    struct err (*compose)(struct plan *p, const struct replay_row *r);
} providers[] = {
    {"MDATP", replay_endpoint},
    {"OATP", replay_mail},
    {"MCAS", replay_apps},
    {"Azure Advanced Threat Protection", replay_apps},
    {"IPC", replay_apps},
    {"MicrosoftThreatProtection", cross_service},
    {"ASI Scheduled Alerts", replay_endpoint}, /* Sentinel's own rules */
};

static struct err
compose(struct plan *p, const struct replay_row *r)
{
    for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++)
        if (slice_eq_nocase(r->provider, slice_of(providers[i].provider)))
            return providers[i].compose(p, r);
    return err_make(ERR_STOP, "replay.provider", "%.*s: nobody knows the provider '%.*s'",
                    SLICE_ARG(r->id), SLICE_ARG(r->provider));
}

struct err
replay_add(struct plan *p, const struct replay_row *r, enum sim_source source, struct slice text)
{
    struct delivery d = {.source = source,
                         .payload = text,
                         .planned = r->due,
                         .released = CLOCK_NONE,
                         .expect = SLICE("stored"),
                         .truth = r->id};
    if (text.p == NULL)
        return no_memory();
    if (source == SIM_MAIL)
        d.blob = ++p->blobs;
    struct err e = plan_name(p, &d);
    if (e.kind)
        return err_make(ERR_STOP, "replay.record", "%.*s: %.100s", SLICE_ARG(r->id), e.text);
    return plan_add(p, &d) != NULL ? ERR_OK : no_memory();
}

struct err
replay_plan(struct replay *r, struct plan *p, struct slice tenant, int64_t start, int64_t speed)
{
    struct err e = ERR_OK;
    int64_t begin = r->n > 0 ? r->rows[0].created : 0;
    int64_t length = r->n > 0 ? r->rows[r->n - 1].created - begin : 0;
    for (size_t i = 0; e.kind == ERR_NONE && i < r->n; i++) {
        struct replay_row *row = &r->rows[i];
        row->tenant = tenant;
        row->due = start + (row->created - begin) / speed;
        row->shift = start + length / speed - length - begin;
        e = compose(p, row);
    }
    return e;
}
