/*
 * source_endpoint.c: Microsoft Defender ATP, the alerts REST API. Ref: sources.md 2 and 7.
 *
 * A round asks for what changed since the watermark, up to now, in one page. A full page may hide
 * a row that an update moves while we page, so it is not taken: its window is halved, and the
 * halves are asked one after the other, the older first (2.11).
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "ingest/map_endpoint.h"
#include "ingest/source.h"

enum { STEP_EXPANDED = 0, STEP_PLAIN = 1 }; /* plain: a server of 2019, without evidence */

/* Below this a window is not halved but paged with $skip: update times are rounded to 1/300 s. */
#define WINDOW_LEAST (CLOCK_SECOND / 100)

static const struct opt endpoint_opts[] = {
    OPT_INT("ingest.endpoint.top", "alerts", 10000, 1, 10000,
            "The largest page that is asked for."),
    OPT_INT("ingest.endpoint.overlap_s", "s", 300, 0, 86400,
            "How far behind the newest update time seen each round begins."),
    OPT_END,
};

/* ---- asking */

static struct err
endpoint_request(const struct source_conf *c, struct arena *a, struct source_request *r)
{
    struct slice base = c->base_url;
    const char *path =
        slice_ends(base, SLICE("/api")) || slice_find(base, SLICE("/api/"), 0) < base.n
            ? "/alerts"
            : "/api/alerts";
    struct slice skip =
        r->skip > 0 ? slice_printf(a, "&$skip=%lld", (long long)r->skip) : SLICE("");
    r->http.method = "GET";
    r->http.url =
        slice_printf(a,
                     "%.*s%s?$filter=lastUpdateTime%%20ge%%20%s%%20and%%20lastUpdateTime%%20lt%%20%"
                     "s%s&$top=%lld%.*s",
                     SLICE_ARG(base), path, clock_format(r->from).s, clock_format(r->until).s,
                     r->step == STEP_EXPANDED ? "&$expand=evidence" : "",
                     (long long)conf_int(c->conf, "ingest.endpoint.top"), SLICE_ARG(skip));
    r->http.headers[0] = SLICE("Accept: application/json");
    r->http.n_headers = 1;
    if (r->http.url.p == NULL || skip.p == NULL)
        return err_make(ERR_RETRY, "endpoint.memory", "no memory for a request");
    return ERR_OK;
}

static struct err
endpoint_first(const struct source_conf *c, const struct cursor *at, struct arena *a,
               struct source_request **out, size_t *out_n)
{
    int64_t overlap = conf_int(c->conf, "ingest.endpoint.overlap_s") * CLOCK_SECOND;
    struct source_request *r = arena_alloc(a, sizeof *r);
    if (r == NULL)
        return err_make(ERR_RETRY, "endpoint.memory", "no memory for a request");
    r->at = *at;
    r->from = at->since != CLOCK_NONE ? at->since - overlap : c->start;
    r->until = c->now;
    if (r->from >= r->until) /* our clock went back, or the start lies ahead */
        r->from = r->until - CLOCK_SECOND;
    r->at.until = r->until;
    r->seen = CLOCK_NONE;
    *out = r;
    *out_n = 1;
    return endpoint_request(c, a, r);
}

/* ---- answers */

/* The one further request of a page: as the page's own, with another window. */
static struct err
ask_next(const struct answer *got, struct source_request r, struct arena *a, struct page *out)
{
    out->next = arena_alloc(a, sizeof *out->next);
    if (out->next == NULL)
        return err_make(ERR_RETRY, "endpoint.memory", "no memory for a request");
    *out->next = r;
    out->n_next = 1;
    return endpoint_request(got->conf, a, out->next);
}

static struct err
endpoint_refused(const struct answer *got, struct arena *a, struct page *out)
{
    struct json doc = {{0, 0}};
    struct err e = got->body.n < 65536 ? json_parse(got->body, a, &doc) : ERR_OK;
    struct slice code = e.kind == ERR_NONE ? json_text(json_path(doc, "error.code")) : SLICE_NONE;
    struct slice text =
        e.kind == ERR_NONE ? json_text(json_path(doc, "error.message")) : SLICE_NONE;
    if (got->status == 403 && slice_eq(code, SLICE("DisabledFeature")))
        return err_make(
            ERR_STOP, "endpoint.forbidden",
            "403 DisabledFeature: the tenant has no active Microsoft Defender ATP, or its "
            "API is switched off");
    if (got->status == 403)
        return err_make(
            ERR_STOP, "endpoint.forbidden",
            "403: the application lacks Alert.Read.All (WindowsDefenderATP): add it under "
            "App registrations > API permissions and grant admin consent");
    if (got->status == 400 && got->asked->step == STEP_EXPANDED &&
        slice_find(got->body, SLICE("expand"), 0) < got->body.n) {
        struct source_request r = *got->asked;
        r.step = STEP_PLAIN;
        out->warn = err_make(ERR_REJECT, "endpoint.no_evidence",
                             "the server knows no $expand=evidence: alerts come without evidence");
        return ask_next(got, r, a, out);
    }
    if (got->status == 404)
        return err_retry(300000, "endpoint.address",
                         "404: there is no alerts API at this base_url");
    return err_retry(60000, "endpoint.refused", "%ld %.*s: %.*s", got->status, SLICE_ARG(code),
                     SLICE_ARG(text));
}

struct order {
    struct raw_alert alert;
    size_t place;
};

/* By update time, then id, then the order of the page: the same page is always sent alike. */
static int
order_cmp(const void *x, const void *y)
{
    const struct order *l = x, *r = y;
    if (l->alert.version != r->alert.version)
        return l->alert.version < r->alert.version ? -1 : 1;
    int c = slice_cmp(l->alert.native_id, r->alert.native_id);
    return c != 0 ? c : (l->place > r->place) - (l->place < r->place);
}

/* Gives the page's alerts their ids and versions, sorted; the newest version in *newest. */
static struct err
read_alerts(struct json list, struct arena *a, struct page *out, int64_t *newest)
{
    struct order *order = arena_alloc(a, (out->n_alerts + 1) * sizeof *order);
    if (order == NULL)
        return err_make(ERR_RETRY, "endpoint.memory", "no memory for a page");
    struct json item;
    struct slice name;
    size_t n = 0;
    for (struct json_iter it = json_items(list); n < out->n_alerts && json_next(&it, &name, &item);
         n++) {
        struct raw_alert *raw = &order[n].alert;
        *raw = out->alerts[n];
        order[n].place = n;
        raw->version = source_time(item, "lastUpdateTime");
        raw->native_id = source_id(item, "id", a);
        if (raw->native_id.n == 0)
            raw->native_id = source_unnamed(raw->payload, a);
        if (raw->native_id.n == 0)
            return err_make(ERR_RETRY, "endpoint.memory", "no memory for a page");
        if (raw->version > *newest)
            *newest = raw->version;
    }
    qsort(order, n, sizeof *order, order_cmp);
    for (size_t i = 0; i < n; i++)
        out->alerts[i] = order[i].alert;
    out->n_alerts = n;
    return ERR_OK;
}

/* The server's own link to the rest of a page, when it stays at the server that was asked. */
static struct slice
link_ahead(const struct answer *got, struct json doc)
{
    struct slice link = source_word(doc, "@odata.nextLink");
    struct slice base = got->conf->base_url;
    bool ours = base.n > 0 && slice_starts(link, base) && link.n > base.n && link.p[base.n] == '/';
    return ours ? link : SLICE_NONE;
}

/* Where the round goes on after a page; ERR_OK with no next request ends it. */
static struct err
endpoint_go_on(const struct answer *got, struct json doc, size_t rows, struct arena *a,
               struct page *out)
{
    struct source_request r = *got->asked;
    bool full = rows >= (size_t)conf_int(got->conf->conf, "ingest.endpoint.top");
    r.at = out->at;
    r.at.until = got->asked->at.until;
    if (full || (rows > 0 && json_get_text(doc, "@odata.nextLink").n > 0)) {
        r.skip += (int64_t)rows;
        struct err e = ask_next(got, r, a, out);
        struct slice link = link_ahead(got, doc);
        if (e.kind == ERR_NONE && !full && link.n > 0)
            out->next->http.url = link; /* the token goes nowhere else */
        return e;
    }
    r.skip = 0;
    r.from = got->asked->until;
    r.until = got->asked->at.until;
    if (r.until == CLOCK_NONE || r.from >= r.until)
        return ERR_OK;
    return ask_next(got, r, a, out);
}

static struct err
endpoint_parse(const struct answer *got, struct arena *a, struct page *out)
{
    const struct source_request *asked = got->asked;
    *out = (struct page){.at = asked->at};
    out->at.until = CLOCK_NONE;
    struct err e = got->status == 403 ? ERR_OK : source_status(got, "endpoint");
    if (e.kind == ERR_RETRY && e.after_ms == 0 && got->status == 429)
        e.after_ms = 10000;
    if (e.kind)
        return e;
    if (got->status < 200 || got->status > 299)
        return endpoint_refused(got, a, out);

    struct json doc;
    e = source_page(got->body, a, &doc);
    if (e.kind)
        return e;
    e = source_take(got->body, "value", out, a);
    if (e.kind)
        return e;
    size_t rows = out->n_alerts;
    bool full = rows >= (size_t)conf_int(got->conf->conf, "ingest.endpoint.top");
    if (full && asked->skip == 0 && asked->until - asked->from > WINDOW_LEAST) {
        struct source_request r = *asked; /* take nothing: both halves will bring it */
        r.until = asked->from + (asked->until - asked->from) / 2;
        out->n_alerts = 0;
        return ask_next(got, r, a, out);
    }
    int64_t newest = CLOCK_NONE;
    e = read_alerts(json_get(doc, "value"), a, out, &newest);
    if (e.kind)
        return e;
    if (newest > asked->until) /* a time from the future must not hide what comes before it */
        newest = asked->until;
    if (newest != CLOCK_NONE && (out->at.since == CLOCK_NONE || newest > out->at.since))
        out->at.since = newest;
    return endpoint_go_on(got, doc, rows, a, out);
}

static struct err
endpoint_ident(struct slice payload, enum identity_channel channel, struct arena *a,
               struct source_ident *out)
{
    (void)channel;
    struct json doc;
    struct err e = json_parse(payload, a, &doc);
    if (e.kind)
        return e;
    if (json_type(doc) != JSON_OBJECT)
        return err_make(ERR_REJECT, "endpoint.shape", "the alert is no object");
    struct slice id = source_id(doc, "id", a);
    if (id.n == 0)
        return err_make(ERR_REJECT, "endpoint.no_id", "the alert has no id");
    *out = (struct source_ident){
        .fate = FATE_ALERT,
        .native_id = id,
        .version = source_time(doc, "lastUpdateTime"),
    };
    return ERR_OK;
}

const struct source source_endpoint = {
    .name = "endpoint",
    .number = 1,
    .opts = endpoint_opts,
    .first = endpoint_first,
    .parse = endpoint_parse,
    .ident = endpoint_ident,
    .map = endpoint_map,
};
