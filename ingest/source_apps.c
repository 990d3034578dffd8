/*
 * source_apps.c: Microsoft Cloud App Security, the alerts REST API and the SIEM agent's lines.
 *
 * The service filters by creation and by closing time only. A round is up to three chains of pages,
 * one behind the other: when it is time, the open alerts again, for what else has changed; what was
 * raised since the first watermark; what was closed since the second one. The listing comes first
 * because it alone leaves out what it knows: what a later chain says of the same alert is then the
 * last word. Ref: sources.md 4 and 7.
 */
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/plant.h"
#include "ingest/apps_agent.h"
#include "ingest/apps_listing.h"
#include "ingest/apps_wire.h"
#include "ingest/map_apps.h"
#include "ingest/probe.h"
#include "ingest/source.h"

enum { STEP_RAISED = 0, STEP_CLOSED = 1, STEP_OPEN = 2, STEP_ONE = 3 };

/* The service gives no more, whatever is asked. */
enum { PAGE_LIMIT = 100 };

/* A chain, or a listing's part, ends here and goes on in the next round from what it has seen: a
 * worker's round has a limit of requests, and 30 a minute are all that the tenant has. */
enum { CHAIN_ROWS_MAX = 1000 };

static const struct opt apps_opts[] = {
    OPT_INT("ingest.apps.overlap_s", "s", 86400, 0, 2592000,
            "How far behind the newest alert seen each round begins: detections run late."),
    OPT_INT("ingest.apps.open_every_s", "s", 600, 0, 86400,
            "How often open alerts are listed again, for changes that the service does not tell "
            "of; 0: never."),
    OPT_INT("ingest.apps.open_days", "days", 30, 1, 3650,
            "How old an open alert may be to be listed again."),
    OPT_END,
};

/* All clients of a tenant share it; half is left for others (sources.md 4.7). */
static const struct source_call apps_calls[] = {
    {.name = "alerts", .per_minute = 30, .share_percent = 50},
    {.name = NULL},
};

/* ---- asking */

static int64_t
ms_of(int64_t time)
{
    return time / (CLOCK_SECOND / 1000);
}

static struct slice
filter_of(const struct source_request *r, struct arena *a)
{
    long long from = (long long)ms_of(r->from), until = (long long)ms_of(r->until);
    if (r->step == STEP_OPEN)
        return slice_printf(a, "\"alertOpen\":{\"eq\":true},\"date\":{\"gte\":%lld}", from);
    /* frozen above: what comes meanwhile does not shift the rows of the next page */
    return slice_printf(a, "\"%s\":{\"range\":[{\"start\":%lld,\"end\":%lld}]}",
                        r->step == STEP_CLOSED ? "resolutionDate" : "date", from, until);
}

struct slice
apps_address(const struct source_conf *c, struct slice id, struct arena *a)
{
    bool whole = slice_ends(c->base_url, SLICE("/api/v1"));
    return slice_printf(a, "%.*s%s%.*s%s", SLICE_ARG(c->base_url),
                        whole ? "/alerts/" : "/api/v1/alerts/", SLICE_ARG(id), id.n > 0 ? "/" : "");
}

static struct err
apps_request(const struct source_conf *c, struct arena *a, struct source_request *r)
{
    r->http = (struct fetch_request){.method = "POST"};
    r->http.url = apps_address(c, SLICE_NONE, a);
    r->http.body = slice_printf(a,
                                "{\"filters\":{%.*s},\"sortField\":\"date\","
                                "\"sortDirection\":\"asc\",\"skip\":%lld,\"limit\":%lld}",
                                SLICE_ARG(filter_of(r, a)), (long long)r->skip,
                                (long long)source_rows(PAGE_LIMIT, r));
    r->http.headers[0] = SLICE("Accept: application/json");
    r->http.headers[1] = SLICE("Content-Type: application/json");
    r->http.n_headers = 2;
    if (r->http.url.p == NULL || r->http.body.p == NULL || arena_short(a))
        return err_make(ERR_RETRY, "apps.memory", "no memory for a request");
    return ERR_OK;
}

static struct err
ask_one(const struct source_conf *c, const struct cursor *at, struct slice id, struct arena *a,
        struct source_request *r)
{
    *r = (struct source_request){.step = STEP_ONE, .at = *at, .carry = id, .seen = CLOCK_NONE};
    r->http.method = "GET";
    struct slice step = fetch_url_encode(a, id); /* whatever it holds, it is one step of the path */
    r->http.url = step.p != NULL ? apps_address(c, step, a) : SLICE_NONE;
    r->http.headers[0] = SLICE("Accept: application/json");
    r->http.n_headers = 1;
    return r->http.url.p != NULL ? ERR_OK
                                 : err_make(ERR_RETRY, "apps.memory", "no memory for a request");
}

/* The two chains that every round has; r holds two. */
static struct err
ask_news(const struct source_conf *c, const struct cursor *at, struct arena *a,
         struct source_request *r)
{
    int64_t overlap = conf_int(c->conf, "ingest.apps.overlap_s") * CLOCK_SECOND;
    const int64_t marks[] = {[STEP_RAISED] = at->since, [STEP_CLOSED] = at->closed};
    struct err e = ERR_OK;
    for (int step = STEP_RAISED; step <= STEP_CLOSED && e.kind == ERR_NONE; step++) {
        int64_t from = marks[step] != CLOCK_NONE ? marks[step] - overlap : c->start;
        r[step] = (struct source_request){.step = step,
                                          .at = *at,
                                          .from = from > 0 ? from : 0,
                                          .until = c->now,
                                          .seen = CLOCK_NONE};
        e = apps_request(c, a, &r[step]);
    }
    return e;
}

static struct err
ask_open(const struct source_conf *c, const struct cursor *at, int64_t from, struct arena *a,
         struct source_request *r)
{
    *r = (struct source_request){
        .step = STEP_OPEN, .at = *at, .from = from > 0 ? from : 0, .until = c->now};
    r->seen = CLOCK_NONE;
    r->carry = apps_met_new(c, a);
    if (r->carry.p == NULL)
        return err_make(ERR_RETRY, "apps.memory", "no memory for a request");
    return apps_request(c, a, r);
}

static struct err
apps_first(const struct source_conf *c, const struct cursor *at, struct arena *a,
           struct source_request **out, size_t *out_n)
{
    int64_t from = 0;
    *out_n = 0;
    *out = arena_alloc(a, 2 * sizeof **out);
    if (*out == NULL)
        return err_make(ERR_RETRY, "apps.memory", "no memory for a request");
    if (c->base_url.n == 0) /* its agent sends: a listening worker takes the lines */
        return ERR_OK;
    /* a tenant's first round brings all that is open anyway */
    bool list = at->since != CLOCK_NONE && apps_listing_due(c, &from);
    *out_n = list ? 1 : 2;
    return list ? ask_open(c, at, from, a, *out) : ask_news(c, at, a, *out);
}

/* ---- refusals */

/* What the service says, for a person: one line without anything that could be a secret. */
static const char *
said(const struct answer *got, char *text, size_t size)
{
    enum { WORD_MAX = 24 }; /* longer ones are tokens, ids or addresses */
    struct slice s = slice_trim(slice_sub(got->body, 0, 400));
    size_t n = 0, word = 0;
    bool html = s.n > 0 && s.p[0] == '<';
    for (size_t i = 0; i < s.n && n + 1 < size && !html; i++) {
        char c = s.p[i] >= ' ' && s.p[i] < 0x7f ? s.p[i] : ' ';
        word = c == ' ' ? 0 : word + 1;
        if (word > WORD_MAX && !PLANT(apps_refusal_is_quoted_whole))
            n -= n >= WORD_MAX && word == WORD_MAX + 1 ? WORD_MAX : 0;
        else if (c != ' ' || (n > 0 && text[n - 1] != ' '))
            text[n++] = c;
    }
    text[n] = '\0';
    return text;
}

static struct err
refused_token(const struct answer *got)
{
    char text[60];
    if (got->conf->token_url.n > 0)
        return err_make(ERR_STOP, "apps.token",
                        "401: no token for this API: is resource that of Cloud App Security? %s",
                        said(got, text, sizeof text));
    return err_make(ERR_STOP, "apps.token",
                    "401: token not taken: it ends with its maker's account and sleeps while that "
                    "one's role does. %s",
                    said(got, text, sizeof text));
}

static struct err
refused_permission(const struct answer *got)
{
    char text[40];
    if (got->conf->token_url.n > 0)
        return err_make(ERR_STOP, "apps.forbidden",
                        "403: the application may not read alerts: grant Investigation.read. %s",
                        said(got, text, sizeof text));
    return err_make(ERR_STOP, "apps.forbidden",
                    "403: token may not read alerts: a security reader makes one in the portal, "
                    "Security extensions, API tokens. %s",
                    said(got, text, sizeof text));
}

struct err
apps_status(const struct answer *got)
{
    char text[80];
    if (got->status == 401)
        return refused_token(got);
    if (got->status == 403)
        return refused_permission(got);
    struct err e = source_status(got, "apps");
    if (e.kind == ERR_RETRY && e.after_ms == 0 && got->status == 429)
        e.after_ms = 60000;
    if (e.kind || (got->status >= 200 && got->status <= 299))
        return e;
    if (got->status == 404 || (got->status >= 300 && got->status <= 399))
        return err_retry(300000, "apps.address",
                         "%ld: there is no alerts API at this base_url, see About in its portal",
                         got->status);
    return err_retry(60000, "apps.refused", "%ld %s", got->status, said(got, text, sizeof text));
}

/* ---- answers: rows */

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "apps.memory", "no memory for a page");
}

/* What a chain's watermark is made of. */
static int64_t
mark_of(int step, struct json item, const struct apps_row *row)
{
    return step == STEP_CLOSED ? source_time(item, "resolveTime") : row->raised;
}

static struct err
read_row(const struct answer *got, struct json item, struct raw_alert *raw, struct arena *a,
         struct apps_row *row)
{
    raw->native_id = source_id(item, "_id", a);
    *row = (struct apps_row){.id = raw->native_id, .raised = source_time_ms(item, "timestamp")};
    if (row->raised == CLOCK_NONE)
        row->raised = apps_time_of_id(row->id, got->conf->now + 86400 * CLOCK_SECOND);
    row->open = apps_is_open(item);
    row->hash = apps_hash(raw->payload);
    if (raw->native_id.n == 0)
        raw->native_id = source_unnamed(raw->payload, a);
    return raw->native_id.n > 0 ? ERR_OK : no_memory();
}

/*
 * Ids and notes for the page's alerts; the newest time of the chain goes to *seen. met: of a
 * listing, whose alerts are left out when their bytes were confirmed before.
 */
static struct err
read_rows(const struct answer *got, struct json list, char *met, struct arena *a, struct page *out,
          int64_t *seen)
{
    struct slice name;
    struct json item;
    size_t n = 0, kept = 0;
    struct err e = ERR_OK;
    for (struct json_iter it = json_items(list);
         e.kind == ERR_NONE && n < out->n_alerts && json_next(&it, &name, &item); n++) {
        struct raw_alert raw = out->alerts[n];
        struct apps_row row;
        e = read_row(got, item, &raw, a, &row);
        if (e.kind == ERR_NONE)
            e = apps_listing_note(got->conf, &row, a, out);
        int64_t t = mark_of(got->asked->step, item, &row);
        if (t > *seen)
            *seen = t;
        if (met == NULL || !apps_met_add(got->conf, met, &row) || !row.open)
            out->alerts[kept++] = raw;
    }
    out->n_alerts = kept;
    return e;
}

/* ---- answers: pages and chains */

/* One page, read. */
struct reading {
    struct json doc, list;
    size_t rows; /* that it had */
    bool more;   /* another page follows */
    bool whole;  /* of a last page: it says that it is the last one */
};

/* hasNext, else whether the page is full or `total` promises more: members come and go. */
static void
judge_end(struct json doc, const struct source_request *asked, struct reading *r)
{
    struct json next = json_get(doc, "hasNext");
    int64_t total = 0, yes = 0;
    if (json_type(next) == JSON_BOOL)
        r->more = json_bool(next, false);
    else if (json_int(next, &yes))
        r->more = yes != 0;
    else if (json_type(next) == JSON_TEXT)
        r->more = slice_eq_nocase(json_text(next), SLICE("true"));
    else
        r->more = (int64_t)r->rows >= source_rows(PAGE_LIMIT, asked) ||
                  (json_get_int(doc, "total", &total) && total > asked->skip + (int64_t)r->rows);
    r->whole = !r->more;
    r->more = r->more && r->rows > 0; /* an empty page ends the chain, whatever it says */
}

static struct err
read_page(const struct answer *got, struct arena *a, struct page *out, struct reading *r)
{
    *r = (struct reading){.rows = 0};
    struct err e = source_take(got->body, "data", out, a, &r->doc, &r->list);
    if (e.kind)
        return e;
    r->rows = out->n_alerts;
    judge_end(r->doc, got->asked, r);
    return ERR_OK;
}

/* The next page of a chain. */
static struct err
go_on(const struct answer *got, const struct source_request *r, struct arena *a, struct page *out)
{
    out->next = arena_alloc(a, sizeof *out->next);
    if (out->next == NULL)
        return no_memory();
    *out->next = *r;
    out->n_next = 1;
    return apps_request(got->conf, a, out->next);
}

/* ---- what was raised, what was closed */

/* The watermark that a chain of pages has earned at its end. */
static void
raise_mark(const struct source_request *asked, int64_t rows, int64_t seen, struct cursor *at)
{
    bool closed = asked->step == STEP_CLOSED;
    int64_t *mark = closed ? &at->closed : &at->since;
    if (closed && rows > 0 && seen == CLOCK_NONE)
        seen = asked->until; /* no row says when, but all of the window were there */
    if (PLANT(apps_watermark_is_our_clock))
        seen = asked->until;
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

/* carry: a hash of the page before. The same page twice means that `skip` was not obeyed, and what
 * stands behind would be passed over. */
static struct err
sign_page(const struct answer *got, const struct page *p, struct arena *a, struct slice *carry)
{
    struct slice first = p->n_alerts > 0 ? p->alerts[0].payload : SLICE_NONE;
    struct slice last = p->n_alerts > 0 ? p->alerts[p->n_alerts - 1].payload : SLICE_NONE;
    int64_t sign[2] = {apps_hash(first), apps_hash(last)};
    struct slice now = slice_dup(a, (struct slice){(const char *)sign, sizeof sign});
    if (now.p == NULL)
        return no_memory();
    if (p->n_alerts > 0 && slice_eq(got->asked->carry, now))
        return err_make(ERR_RETRY, "apps.repeats", "a page came again in the place of the next");
    *carry = now;
    return ERR_OK;
}

static struct err
take_news(const struct answer *got, struct arena *a, struct page *out)
{
    struct source_request r = *got->asked;
    struct reading page;
    struct err e = read_page(got, a, out, &page);
    if (e.kind == ERR_NONE)
        e = sign_page(got, out, a, &r.carry);
    if (e.kind == ERR_NONE)
        e = read_rows(got, page.list, NULL, a, out, &r.seen);
    if (e.kind)
        return e;
    r.skip += (int64_t)page.rows;
    source_larger(PAGE_LIMIT, &r);
    if (page.more && !may_stop(got, &r))
        return go_on(got, &r, a, out);
    out->again = page.more;
    raise_mark(got->asked, r.skip, r.seen, &out->at);
    return ERR_OK;
}

/* ---- the open ones again */

/* The news, and those that should have been listed. */
static struct err
after_listing(const struct answer *got, const struct slice *ids, size_t n, struct arena *a,
              struct page *out)
{
    out->next = arena_alloc(a, (2 + n) * sizeof *out->next);
    if (out->next == NULL)
        return no_memory();
    struct err e = ask_news(got->conf, &got->asked->at, a, out->next);
    for (size_t i = 0; i < n && e.kind == ERR_NONE; i++)
        e = ask_one(got->conf, &got->asked->at, ids[i], a, &out->next[2 + i]);
    out->n_next = 2 + n;
    return e;
}

/* Where the next listing begins, or this one goes on. */
static struct err
remember_listing(const struct answer *got, int64_t at, struct arena *a, struct page *out)
{
    struct err e = apps_listing_set(got->conf, "at", at, a, out);
    if (e.kind == ERR_NONE && at == CLOCK_NONE)
        e = apps_listing_set(got->conf, "listed", got->conf->now, a, out);
    return e;
}

/* No listing this time, and not at once again; what is new must not wait for it. */
static struct err
give_up(const struct answer *got, struct err why, struct arena *a, struct page *out)
{
    *out = (struct page){.at = got->asked->at};
    out->warn =
        err_make(ERR_RETRY, "apps.listing", "open alerts cannot be listed: %.100s", why.text);
    struct err e = remember_listing(got, CLOCK_NONE, a, out);
    return e.kind ? e : after_listing(got, NULL, 0, a, out);
}

static struct err
end_part(const struct answer *got, const struct source_request *r, bool whole, bool more,
         struct arena *a, struct page *out)
{
    struct slice ids[APPS_PER_ROUND_MAX];
    int64_t to = whole ? INT64_MAX : r->seen; /* as far as everything that is open was there */
    size_t n = apps_missing(got->conf, r->carry.p, got->asked->from, to, ids, APPS_PER_ROUND_MAX);
    struct err e = remember_listing(got, more ? r->seen : CLOCK_NONE, a, out);
    return e.kind ? e : after_listing(got, ids, n, a, out);
}

static struct err
take_listing(const struct answer *got, struct arena *a, struct page *out)
{
    struct source_request r = *got->asked;
    struct reading page;
    struct err e = read_page(got, a, out, &page);
    if (e.kind && !arena_short(a))
        return give_up(got, e, a, out);
    char *met = e.kind == ERR_NONE ? arena_alloc(a, r.carry.n) : NULL;
    if (met == NULL)
        return e.kind ? e : no_memory();
    if (r.carry.n != got->conf->notes.n / 8 + 1)
        return err_make(ERR_RETRY, "apps.notes", "what is remembered changed during a round");
    memcpy(met, r.carry.p, r.carry.n);
    r.carry.p = met;
    e = read_rows(got, page.list, met, a, out, &r.seen);
    if (e.kind)
        return e;
    r.skip += (int64_t)page.rows;
    source_larger(PAGE_LIMIT, &r);
    if (page.more && r.skip < CHAIN_ROWS_MAX)
        return go_on(got, &r, a, out);
    if (page.more && r.seen <= r.from)
        return give_up(got, err_make(ERR_RETRY, "apps.listing", "it does not go on in time"), a,
                       out);
    return end_part(got, &r, page.whole, page.more, a, out);
}

/* ---- one that was missing there */

static struct err
take_one(const struct answer *got, struct arena *a, struct page *out)
{
    struct json doc;
    struct apps_row row;
    if (got->status == 404) {
        out->warn = err_make(ERR_RETRY, "apps.vanished",
                             "an open alert is no longer there: was the token's scope narrowed?");
        return apps_listing_forget(got->conf, got->asked->carry, a, out);
    }
    struct err e = source_page(got->body, a, &doc);
    if (e.kind)
        return e;
    out->alerts = arena_alloc(a, sizeof *out->alerts);
    if (out->alerts == NULL)
        return no_memory();
    out->alerts[0] = (struct raw_alert){.version = CLOCK_NONE, .payload = slice_trim(got->body)};
    e = read_row(got, doc, &out->alerts[0], a, &row);
    if (e.kind == ERR_NONE && !slice_eq(row.id, got->asked->carry))
        return err_make(ERR_REJECT, "apps.other", "another alert than the one asked for");
    out->n_alerts = 1;
    return e.kind ? e : apps_listing_note(got->conf, &row, a, out);
}

/* A page that is too large: the same with half as many rows. */
static struct err
take_less(const struct answer *got, struct arena *a, struct page *out)
{
    struct source_request r = *got->asked;
    if (r.step == STEP_ONE)
        return got->failed;
    struct err e = source_smaller(got, PAGE_LIMIT, &r, out);
    if (e.kind && r.step == STEP_OPEN)
        return give_up(got, e, a, out);
    return e.kind ? e : go_on(got, &r, a, out);
}

static struct err
apps_parse(const struct answer *got, struct arena *a, struct page *out)
{
    if (got->asked == NULL)
        return apps_agent_parse(got, a, out);
    *out = (struct page){.at = got->asked->at};
    if (source_too_large(got))
        return take_less(got, a, out);
    struct err e = apps_status(got);
    bool refused = e.kind == ERR_RETRY && (got->status < 500 && got->status >= 300) &&
                   got->status != 408 && got->status != 429;
    if (got->asked->step == STEP_ONE && got->status == 404)
        return take_one(got, a, out);
    if (got->asked->step == STEP_OPEN && refused)
        return give_up(got, e, a, out);
    if (e.kind)
        return e;
    if (got->asked->step == STEP_ONE)
        return take_one(got, a, out);
    return got->asked->step == STEP_OPEN ? take_listing(got, a, out) : take_news(got, a, out);
}

/* ---- documents */

/* A detection of Azure ATP shows itself by the service Active Directory (5.9). */
static struct err
apps_ident(struct slice payload, enum identity_channel channel, struct arena *a,
           struct source_ident *out)
{
    if (apps_agent_line(payload))
        return apps_agent_ident(payload, channel, a, out);
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
    int64_t kind = 0;
    if (!apps_of_identity(doc))
        return ERR_OK;
    if (!json_get_int(doc, "idValue", &kind))
        kind = 0;
    return apps_channel(channel, source_word(doc, "title"), kind, a, out);
}

static struct err
apps_map_newest(const struct source_document *docs, size_t n, struct slice directory_id,
                struct arena *a, struct alert *out)
{
    const struct source_document *of = apps_newest(docs, n);
    if (of == NULL)
        return err_make(ERR_REJECT, "apps.shape", "no document");
    return apps_agent_line(of->payload) ? apps_agent_map(of, directory_id, a, out)
                                        : apps_map(of, directory_id, a, out);
}

const struct source source_apps = {
    .name = "apps",
    .number = 3,
    .probe = &probe_apps,
    .opts = apps_opts,
    .may_listen = true,
    .calls = apps_calls,
    .first = apps_first,
    .parse = apps_parse,
    .ident = apps_ident,
    .map = apps_map_newest,
};
