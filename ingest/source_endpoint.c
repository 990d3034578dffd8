/*
 * source_endpoint.c: Microsoft Defender ATP, the alerts REST API. Ref: sources.md 2 and 7.
 *
 * A round asks for what changed since the watermark, up to now, in one page. A full page may hide
 * a row that an update moves while we page, so it is not taken: its window is halved, and the
 * windows are asked one after the other, the older first (2.11). The watermark is raised when a
 * window was read to its end, to the newest time that it showed.
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/plant.h"
#include "ingest/endpoint_internal.h"
#include "ingest/map_endpoint.h"
#include "ingest/probe.h"
#include "ingest/source.h"

/* Below this a window is not halved but paged with $skip: update times are rounded to 1/300 s. */
#define WINDOW_LEAST (CLOCK_SECOND / 100)

#define OPEN_FOR (60 * ENDPOINT_DAY)

/* An answer of so many bytes fills its window well, however few its rows: it does not grow. */
enum { BODY_LARGE = 16 * 1024 * 1024 };

/* What the chains that begin in one round may carry, however much their sub-resources say. With
 * ENDPOINT_DUE_MAX chains more of open alerts it is within what a round may carry. */
enum { CHAINS_BYTES_MAX = 16 * 1024 * 1024 };

static const struct opt endpoint_opts[] = {
    OPT_INT("ingest.endpoint.top", "alerts", 10000, 1, 10000,
            "The largest page that is asked for."),
    OPT_INT("ingest.endpoint.overlap_s", "s", 300, 0, 86400,
            "How far behind the newest update time seen each round begins."),
    OPT_INT("ingest.endpoint.complete_max", "alerts", 25, 0, 200,
            "Alerts a round whose sub-resources are asked when the server gives no evidence; 0: "
            "none, they come without evidence."),
    OPT_END,
};

/* sources.md 2.3; each call has a quota of its own (2.10). */
static const struct source_call endpoint_calls[] = {
    [CALL_LIST] = {"alerts", 100, 1500, 90},
    [CALL_ALERT] = {"alert", 100, 1500, 90},
    [CALL_PARTS + PART_FILES] = {"files", 100, 1500, 90},
    [CALL_PARTS + PART_IPS] = {"ips", 100, 1500, 90},
    [CALL_PARTS + PART_DOMAINS] = {"domains", 100, 1500, 90},
    [CALL_PARTS + PART_USER] = {"user", 100, 1500, 90},
    [CALL_PARTS + PART_MACHINE] = {"machine", 100, 1500, 90},
    [CALL_PARTS + PARTS] = {NULL, 0, 0, 0},
};

/* ---- asking */

static int
mode_now(const struct source_conf *c, struct arena *a)
{
    int mode = endpoint_note(c, a, "m", SLICE("plain")) != NULL ? MODE_PLAIN : 0;
    return mode | (endpoint_note(c, a, "m", SLICE("created")) != NULL ? MODE_CREATED : 0);
}

static struct err
endpoint_first(const struct source_conf *c, const struct cursor *at, struct arena *a,
               struct source_request **out, size_t *out_n)
{
    struct source_request *r = arena_alloc(a, (1 + ENDPOINT_DUE_MAX) * sizeof *r);
    if (r == NULL)
        return err_make(ERR_RETRY, "endpoint.memory", "no memory for a request");
    r->call = CALL_LIST;
    r->step = mode_now(c, a);
    r->at = *at;
    r->from = endpoint_window_from(c, a, at->since, r->step);
    r->until = c->now;
    if (r->from >= r->until) /* our clock went back, or the start lies ahead */
        r->from = r->until - CLOCK_SECOND;
    r->at.until = r->until;
    r->seen = CLOCK_NONE;
    size_t due = 0;
    struct err e = r->step & MODE_CREATED ? endpoint_due(c, a, r, r + 1, &due) : ERR_OK;
    *out = r;
    *out_n = 1 + due;
    return e.kind ? e : endpoint_list_url(c, a, r);
}

/* ---- the rows of a list */

struct row {
    struct raw_alert alert;
    struct json doc;
    int64_t time; /* that the list is filtered by */
    size_t place;
};

/* By time, then id, then the order of the page: the same page is always taken alike. */
static int
row_cmp(const void *x, const void *y)
{
    const struct row *l = x, *r = y;
    if (l->time != r->time)
        return l->time < r->time ? -1 : 1;
    int c = slice_cmp(l->alert.native_id, r->alert.native_id);
    return c != 0 ? c : (l->place > r->place) - (l->place < r->place);
}

static struct err
read_row(struct row *row, struct json item, int mode, struct arena *a)
{
    row->doc = item;
    bool usual = json_type(json_get(item, "id")) != JSON_ABSENT &&
                 json_type(json_get(item, "lastUpdateTime")) != JSON_ABSENT;
    if (!usual && json_type(item) == JSON_OBJECT) { /* names in another letter case? */
        struct endpoint_document doc;
        struct err e = endpoint_document_read(row->alert.payload, a, &doc);
        if (e.kind == ERR_RETRY)
            return e;
        if (e.kind == ERR_NONE)
            row->doc = doc.alert;
    }
    row->alert.version = source_time(row->doc, "lastUpdateTime");
    row->time =
        mode & MODE_CREATED ? source_time(row->doc, "alertCreationTime") : row->alert.version;
    row->alert.native_id = source_id(row->doc, "id", a);
    if (row->alert.native_id.n == 0)
        row->alert.native_id = source_unnamed(row->alert.payload, a);
    if (row->alert.native_id.n == 0)
        return err_make(ERR_RETRY, "endpoint.memory", "no memory for a page");
    return ERR_OK;
}

/* The page's rows with their ids and times, sorted. */
static struct err
read_rows(const struct answer *got, struct json list, struct arena *a, struct page *out,
          struct row **rows)
{
    *rows = arena_alloc(a, (out->n_alerts + 1) * sizeof **rows);
    if (*rows == NULL)
        return err_make(ERR_RETRY, "endpoint.memory", "no memory for a page");
    struct json item;
    struct slice name;
    size_t n = 0;
    for (struct json_iter it = json_items(list); n < out->n_alerts && json_next(&it, &name, &item);
         n++) {
        (*rows)[n].alert = out->alerts[n];
        (*rows)[n].place = n;
        struct err e = read_row(&(*rows)[n], item, got->asked->step, a);
        if (e.kind)
            return e;
    }
    qsort(*rows, n, sizeof **rows, row_cmp);
    return ERR_OK;
}

/* What a page has come to. */
struct taken {
    int64_t newest; /* of the rows taken */
    size_t chains;  /* alerts that are being completed */
    size_t bytes;   /* that they may carry */
    bool cut;       /* the rest has to wait for the next round */
};

/* Was this version of it sent before? Asked only where a row would cost more than its bytes. */
static bool
sent_before(const struct source_conf *c, struct arena *a, const struct row *row, int64_t print,
            const struct source_note **note)
{
    *note = endpoint_note(c, a, "e", row->alert.native_id);
    return *note != NULL && (*note)->value == print;
}

/* One row that is not simply sent: completed, held against what was sent, watched while open. */
static struct err
take_with_care(const struct answer *got, struct arena *a, const struct row *row, bool incomplete,
               struct page *out, struct taken *t)
{
    const struct source_conf *c = got->conf;
    struct endpoint_document doc;
    const struct source_note *note;
    struct err e = endpoint_document_read(row->alert.payload, a, &doc);
    if (e.kind) { /* normalize will say what is wrong with it */
        out->alerts[out->n_alerts++] = row->alert;
        return e.kind == ERR_RETRY ? e : ERR_OK;
    }
    int64_t print = endpoint_print(doc.alert, !(got->asked->step & MODE_PLAIN), a);
    if (sent_before(c, a, row, print, &note)) {
        if (note->until < c->now + ENDPOINT_DAY)
            e = endpoint_sent(c, out, a, row->alert.native_id, print);
    } else if (incomplete) {
        bool probing = endpoint_note(c, a, "m", SLICE("parts")) == NULL;
        size_t most = probing ? 1 : (size_t)conf_int(c->conf, "ingest.endpoint.complete_max");
        size_t bytes = endpoint_chain_max(row->alert.payload);
        t->cut = t->chains >= most || t->bytes + bytes > CHAINS_BYTES_MAX;
        if (t->cut)
            return ERR_OK;
        t->chains++;
        t->bytes += bytes;
        e = endpoint_complete(got, a, row->alert.payload, out);
    } else {
        out->alerts[out->n_alerts++] = row->alert;
        e = endpoint_sent(c, out, a, row->alert.native_id, print);
    }
    if (e.kind == ERR_NONE && (got->asked->step & MODE_CREATED))
        e = endpoint_seen(c, a, doc.alert, row->alert.native_id, out);
    return e;
}

static struct err
take_rows(const struct answer *got, struct arena *a, const struct row *rows, struct page *out,
          struct taken *t)
{
    int mode = got->asked->step;
    size_t n = out->n_alerts;
    out->n_alerts = 0;
    for (size_t i = 0; i < n; i++) {
        const struct row *row = &rows[i];
        if (PLANT(rows_without_an_id_vanish) &&
            slice_starts(row->alert.native_id, SLICE("sha256:")))
            continue;
        bool incomplete =
            endpoint_incomplete(got->conf, a, row->doc, row->alert.payload, mode, false);
        struct err e = ERR_OK;
        if (incomplete || ((mode & MODE_CREATED) && json_type(row->doc) == JSON_OBJECT))
            e = take_with_care(got, a, row, incomplete, out, t);
        else
            out->alerts[out->n_alerts++] = row->alert;
        if (e.kind || t->cut)
            return e;
        /* a time from the future must not hide what comes before it */
        if (row->time > t->newest && row->time <= got->asked->until)
            t->newest = row->time;
    }
    if (PLANT(unreadable_rows_hold_the_watermark) && n > 0 && json_type(rows[0].doc) != JSON_OBJECT)
        t->newest = got->asked->seen;
    return ERR_OK;
}

/* ---- where the round goes on */

/* The server's own link to the rest of a page, when it stays at the server that was asked. */
static struct slice
link_ahead(const struct answer *got, struct slice link)
{
    struct slice base = got->conf->base_url;
    bool ours = base.n > 0 && slice_starts(link, base) && link.n > base.n &&
                (link.p[base.n] == '/' || link.p[base.n] == '?');
    return ours ? link : SLICE_NONE;
}

/* The rest of a window that is paged. */
static struct err
next_page(const struct answer *got, struct slice link, size_t rows, const struct taken *t,
          struct arena *a, struct page *out)
{
    struct source_request r = *got->asked;
    r.skip += (int64_t)rows;
    r.seen = t->newest;
    r.step &= MODE_KEPT;
    source_larger(endpoint_top(got->conf, a, r.step), &r);
    struct err e = endpoint_list_url(got->conf, a, &r);
    if (e.kind == ERR_NONE && link_ahead(got, link).n > 0)
        r.http.url = link; /* the token goes nowhere else */
    return e.kind ? e : endpoint_ask(out, a, &r);
}

/* The window after one that was read: larger when that one was nearly empty. Of a server with
 * smaller pages than were asked for it is not known how nearly. */
static struct err
next_window(const struct answer *got, size_t rows, struct arena *a, struct page *out)
{
    struct source_request r = *got->asked;
    size_t top = (size_t)endpoint_top(got->conf, a, r.step);
    int growth = rows < top / 8 ? 8 : rows < (top + 1) / 2 ? 2 : 1;
    if (growth > 2 && rows > 0 && (r.step & MODE_LINKED))
        growth = 2;
    int64_t length = (r.until - r.from) * (got->body.n > BODY_LARGE ? 1 : growth);
    int64_t end = r.at.until;
    r.at.since = out->at.since;
    r.skip = 0;
    r.halved = 0;
    r.seen = CLOCK_NONE;
    r.step &= MODE_KEPT;
    r.from = r.until;
    if (end == CLOCK_NONE || r.from >= end)
        return ERR_OK;
    r.until = length < end - r.from ? r.from + length : end;
    struct err e = endpoint_list_url(got->conf, a, &r);
    return e.kind ? e : endpoint_ask(out, a, &r);
}

/* A window was read to its end: the watermark is the newest time that it showed. */
static struct err
raise_watermark(const struct answer *got, int64_t newest, struct arena *a, struct page *out)
{
    if (newest == CLOCK_NONE)
        return ERR_OK;
    if (PLANT(endpoint_watermark_is_our_clock))
        newest = got->conf->now;
    if (!(got->asked->step & MODE_CREATED)) {
        out->at.since = newest > out->at.since ? newest : out->at.since;
        return ERR_OK;
    }
    const struct source_note *open = endpoint_note(got->conf, a, "m", SLICE("open"));
    if (open != NULL && newest <= open->value && open->until > got->conf->now + OPEN_FOR / 2)
        return ERR_OK;
    return endpoint_remember(out, a, "m", SLICE("open"),
                             open != NULL && open->value > newest ? open->value : newest,
                             got->conf->now + OPEN_FOR);
}

/* Alerts that are being completed end the round: the next one knows what was sent. */
static struct err
go_on(const struct answer *got, struct json doc, size_t rows, const struct taken *t,
      struct arena *a, struct page *out)
{
    const struct source_request *asked = got->asked;
    struct slice link = source_word(doc, "@odata.nextLink");
    bool full = rows >= (size_t)source_rows(endpoint_top(got->conf, a, asked->step), asked);
    bool paged = full || (rows > 0 && link.n > 0);
    bool whole = !paged && (!t->cut || asked->skip == 0); /* sorted, so a cut loses nothing */
    struct err e = whole ? raise_watermark(got, t->newest, a, out) : ERR_OK;
    if (e.kind)
        return e;
    if (t->cut || (t->chains > 0 && (paged || asked->until < asked->at.until))) {
        out->again = true;
        return ERR_OK;
    }
    if (paged)
        return next_page(got, full ? SLICE_NONE : link, rows, t, a, out);
    return next_window(got, rows, a, out);
}

/* A way of asking that worked is kept for a day, or an hour when it was only guessed. */
static struct err
remember_mode(const struct answer *got, struct arena *a, struct page *out)
{
    const struct source_conf *c = got->conf;
    int mode = got->asked->step;
    struct err e = ERR_OK;
    if (!(mode & MODE_CREATED))
        e = endpoint_forget_open(c, a, out);
    if (e.kind || !(mode & MODE_NEW))
        return e;
    int64_t until = c->now + (mode & MODE_GUESSED ? ENDPOINT_HOUR : ENDPOINT_DAY);
    if ((mode & MODE_PLAIN) && endpoint_note(c, a, "m", SLICE("plain")) == NULL) {
        out->warn = err_make(ERR_REJECT, "endpoint.no_evidence",
                             "the server knows no $expand=evidence: the files, addresses, user and "
                             "machine of each alert are asked for");
        e = endpoint_remember(out, a, "m", SLICE("plain"), 1, until);
    }
    if (e.kind || !(mode & MODE_CREATED) || endpoint_note(c, a, "m", SLICE("created")) != NULL)
        return e;
    out->warn = err_make(ERR_REJECT, "endpoint.no_update_filter",
                         "the server does not filter by lastUpdateTime: new alerts are asked for, "
                         "and each open one about every 15 minutes");
    return endpoint_remember(out, a, "m", SLICE("created"), 1, until);
}

static bool
may_halve(const struct source_request *asked)
{
    return asked->skip == 0 && asked->until - asked->from > WINDOW_LEAST;
}

/* Nothing of a full page is taken: both halves of its window will bring it. mode: what is known of
 * the server more. */
static struct err
halve(const struct answer *got, int mode, struct arena *a, struct page *out)
{
    struct source_request r = *got->asked;
    r.until = r.from + (r.until - r.from) / 2;
    r.step = (r.step & MODE_KEPT) | mode;
    out->n_alerts = 0;
    struct err e = endpoint_list_url(got->conf, a, &r);
    return e.kind ? e : endpoint_ask(out, a, &r);
}

/* A page that is too large: half its window, or of one instant half as many rows at a time. */
static struct err
list_smaller(const struct answer *got, struct arena *a, struct page *out)
{
    struct source_request r = *got->asked;
    struct err e = remember_mode(got, a, out); /* it was understood */
    if (e.kind)
        return e;
    if (may_halve(got->asked))
        return halve(got, 0, a, out);
    r.step &= MODE_KEPT;
    e = source_smaller(got, endpoint_top(got->conf, a, r.step), &r, out);
    if (e.kind == ERR_NONE)
        e = endpoint_list_url(got->conf, a, &r);
    return e.kind ? e : endpoint_ask(out, a, &r);
}

/*
 * A link says that the page is not all of the window, so it is halved like a full one: rows that
 * an update moves between two pages are missed by who follows it. Only of one instant it is
 * followed, and from a lone row: nobody's pages are so small, it leads to an empty page.
 */
static struct err
list_parse(const struct answer *got, struct arena *a, struct page *out)
{
    const struct source_request *asked = got->asked;
    struct json doc, list;
    struct row *rows = NULL;
    struct err e = source_take(got->body, "value", out, a, &doc, &list);
    if (e.kind == ERR_NONE)
        e = remember_mode(got, a, out);
    if (e.kind)
        return e;
    size_t n = out->n_alerts;
    bool full = n >= (size_t)source_rows(endpoint_top(got->conf, a, asked->step), asked);
    bool linked = n > 1 && source_word(doc, "@odata.nextLink").n > 0;
    if ((full || linked) && may_halve(asked))
        return halve(got, linked ? MODE_LINKED : 0, a, out);
    struct taken t = {.newest = asked->seen};
    e = read_rows(got, list, a, out, &rows);
    if (e.kind == ERR_NONE)
        e = take_rows(got, a, rows, out, &t);
    return e.kind ? e : go_on(got, doc, n, &t, a, out);
}

static struct err
endpoint_parse(const struct answer *got, struct arena *a, struct page *out)
{
    *out = (struct page){.at = got->asked->at};
    out->at.until = CLOCK_NONE;
    if (got->asked->call == CALL_ALERT)
        return endpoint_alert_parse(got, a, out);
    if (got->asked->call >= CALL_PARTS)
        return endpoint_part_parse(got, a, out);
    if (source_too_large(got))
        return list_smaller(got, a, out);
    struct err e = endpoint_status(got, a);
    if (e.kind)
        return e;
    if (got->status == 400)
        return endpoint_fall_back(got, a, out);
    if (got->status < 200 || got->status > 299)
        return endpoint_refused(got, a);
    return list_parse(got, a, out);
}

static struct err
endpoint_ident(struct slice payload, enum identity_channel channel, struct arena *a,
               struct source_ident *out)
{
    (void)channel;
    struct endpoint_document doc;
    struct err e = endpoint_document_read(payload, a, &doc);
    if (e.kind)
        return e;
    struct slice id = source_id(doc.alert, "id", a);
    if (id.n == 0)
        return err_make(ERR_REJECT, "endpoint.no_id", "the alert has no id");
    *out = (struct source_ident){
        .fate = FATE_ALERT,
        .native_id = id,
        .version = source_time(doc.alert, "lastUpdateTime"),
    };
    return ERR_OK;
}

const struct source source_endpoint = {
    .name = "endpoint",
    .number = 1,
    .probe = &probe_endpoint,
    .opts = endpoint_opts,
    .calls = endpoint_calls,
    .first = endpoint_first,
    .parse = endpoint_parse,
    .ident = endpoint_ident,
    .map = endpoint_map,
};
