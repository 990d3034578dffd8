/*
 * source_apps.c: Microsoft Cloud App Security, the alerts REST API. Ref: sources.md 4 and 7.
 *
 * The service filters by creation and by closing time only, so a round is two chains of pages: what
 * was raised since the first watermark, and what was closed since the second one.
 */
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "ingest/map_apps.h"
#include "ingest/source.h"

enum { STEP_RAISED = 0, STEP_CLOSED = 1, STEPS };

/* The service gives no more, whatever is asked. */
enum { PAGE_LIMIT = 100 };

/* A chain ends here and goes on in the next round from what it has seen: a worker's round has a
 * limit of requests, and 30 a minute are all that the tenant has. */
enum { CHAIN_ROWS_MAX = 1000 };

static const struct opt apps_opts[] = {
    OPT_INT("ingest.apps.overlap_s", "s", 86400, 0, 2592000,
            "How far behind the newest alert seen each round begins: detections run late."),
    OPT_END,
};

/* ---- asking */

static int64_t
ms_of(int64_t time)
{
    return time / (CLOCK_SECOND / 1000);
}

static struct err
apps_request(const struct source_conf *c, struct arena *a, struct source_request *r)
{
    struct slice base = c->base_url;
    bool whole = slice_ends(base, SLICE("/api/v1"));
    r->http.method = "POST";
    r->http.url =
        slice_printf(a, "%.*s%s", SLICE_ARG(base), whole ? "/alerts/" : "/api/v1/alerts/");
    r->http.body = slice_printf(a,
                                "{\"filters\":{\"%s\":{\"gte\":%lld}},\"sortField\":\"date\","
                                "\"sortDirection\":\"asc\",\"skip\":%lld,\"limit\":%d}",
                                r->step == STEP_CLOSED ? "resolutionDate" : "date",
                                (long long)ms_of(r->from), (long long)r->skip, PAGE_LIMIT);
    r->http.headers[0] = SLICE("Accept: application/json");
    r->http.headers[1] = SLICE("Content-Type: application/json");
    r->http.n_headers = 2;
    if (r->http.url.p == NULL || r->http.body.p == NULL)
        return err_make(ERR_RETRY, "apps.memory", "no memory for a request");
    return ERR_OK;
}

static struct err
apps_first(const struct source_conf *c, const struct cursor *at, struct arena *a,
           struct source_request **out, size_t *out_n)
{
    int64_t overlap = conf_int(c->conf, "ingest.apps.overlap_s") * CLOCK_SECOND;
    const int64_t marks[STEPS] = {[STEP_RAISED] = at->since, [STEP_CLOSED] = at->closed};
    struct source_request *r = arena_alloc(a, STEPS * sizeof *r);
    if (r == NULL)
        return err_make(ERR_RETRY, "apps.memory", "no memory for a request");
    for (int step = 0; step < STEPS; step++) {
        r[step].step = step;
        r[step].at = *at;
        r[step].from = marks[step] != CLOCK_NONE ? marks[step] - overlap : c->start;
        if (r[step].from < 0)
            r[step].from = 0;
        r[step].until = c->now;
        r[step].seen = CLOCK_NONE;
        struct err e = apps_request(c, a, &r[step]);
        if (e.kind)
            return e;
    }
    *out = r;
    *out_n = STEPS;
    return ERR_OK;
}

/* ---- answers */

static struct err
apps_refused(const struct answer *got)
{
    if (got->status == 403)
        return err_make(
            ERR_STOP, "apps.forbidden",
            "403: the API token may not read alerts: an administrator or security reader "
            "makes one under Settings > Security extensions > API tokens");
    if (got->status == 404 || (got->status >= 300 && got->status <= 399))
        return err_retry(300000, "apps.address",
                         "%ld: there is no alerts API at this base_url, see About in its portal",
                         got->status);
    return err_retry(60000, "apps.refused", "%ld %.*s", got->status,
                     SLICE_ARG(slice_trim(slice_sub(got->body, 0, 100))));
}

/* Ids for the page's alerts; the newest time of the chain's kind goes to *seen. */
static struct err
read_alerts(struct json list, int step, struct arena *a, struct page *out, int64_t *seen)
{
    struct slice name;
    struct json item;
    size_t n = 0;
    for (struct json_iter it = json_items(list); n < out->n_alerts && json_next(&it, &name, &item);
         n++) {
        struct raw_alert *raw = &out->alerts[n];
        raw->native_id = source_id(item, "_id", a);
        if (raw->native_id.n == 0)
            raw->native_id = source_unnamed(raw->payload, a);
        if (raw->native_id.n == 0)
            return err_make(ERR_RETRY, "apps.memory", "no memory for a page");
        int64_t t = step == STEP_CLOSED ? source_time(item, "resolveTime")
                                        : source_time_ms(item, "timestamp");
        if (t > *seen)
            *seen = t;
    }
    return ERR_OK;
}

/* The watermark that a chain of pages has earned at its end. */
static void
raise_mark(const struct source_request *asked, int64_t seen, struct cursor *at)
{
    int64_t *mark = asked->step == STEP_CLOSED ? &at->closed : &at->since;
    if (seen > asked->until) /* a time from the future must not hide what comes before it */
        seen = asked->until;
    if (seen != CLOCK_NONE && (*mark == CLOCK_NONE || seen > *mark))
        *mark = seen;
}

/* True: what the chain has seen lets the next round begin behind where this one began. */
static bool
may_stop(const struct answer *got, const struct source_request *r)
{
    int64_t overlap = conf_int(got->conf->conf, "ingest.apps.overlap_s") * CLOCK_SECOND;
    return r->step == STEP_RAISED && r->skip >= CHAIN_ROWS_MAX && r->seen != CLOCK_NONE &&
           r->seen - overlap > r->from;
}

static struct err
apps_parse(const struct answer *got, struct arena *a, struct page *out)
{
    *out = (struct page){.at = got->asked->at};
    struct err e = got->status == 403 ? ERR_OK : source_status(got, "apps");
    if (e.kind == ERR_RETRY && e.after_ms == 0 && got->status == 429)
        e.after_ms = 60000;
    if (e.kind)
        return e;
    if (got->status < 200 || got->status > 299)
        return apps_refused(got);

    struct json doc;
    e = source_page(got->body, a, &doc);
    if (e.kind)
        return e;
    e = source_take(got->body, "data", out, a);
    if (e.kind)
        return e;
    struct source_request r = *got->asked;
    e = read_alerts(json_get(doc, "data"), r.step, a, out, &r.seen);
    if (e.kind)
        return e;
    r.skip += (int64_t)out->n_alerts;
    bool more = json_bool(json_get(doc, "hasNext"), false) && out->n_alerts > 0;
    if (!more || may_stop(got, &r)) {
        out->again = more;
        raise_mark(got->asked, r.seen, &out->at);
        return ERR_OK;
    }
    out->next = arena_alloc(a, sizeof *out->next);
    if (out->next == NULL)
        return err_make(ERR_RETRY, "apps.memory", "no memory for a request");
    *out->next = r;
    out->n_next = 1;
    return apps_request(got->conf, a, out->next);
}

/* A detection of Azure ATP shows itself by the service Active Directory (5.9). */
static struct err
apps_ident(struct slice payload, enum identity_channel channel, struct arena *a,
           struct source_ident *out)
{
    struct json doc;
    struct err e = json_parse(payload, a, &doc);
    if (e.kind)
        return e;
    if (json_type(doc) != JSON_OBJECT)
        return err_make(ERR_REJECT, "apps.shape", "the alert is no object");
    struct slice id = source_id(doc, "_id", a);
    if (id.n == 0)
        return err_make(ERR_REJECT, "apps.no_id", "the alert has no _id");
    *out = (struct source_ident){.fate = FATE_ALERT, .native_id = id, .version = CLOCK_NONE};
    if (channel != IDENTITY_APPS && apps_of_identity(doc)) {
        out->fate = FATE_IGNORE;
        out->reason = channel == IDENTITY_SYSLOG ? "apps.identity_by_syslog" : "apps.identity_off";
    }
    return ERR_OK;
}

const struct source source_apps = {
    .name = "apps",
    .number = 3,
    .opts = apps_opts,
    .first = apps_first,
    .parse = apps_parse,
    .ident = apps_ident,
    .map = apps_map,
};
