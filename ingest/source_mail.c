/*
 * Office 365 ATP: audit records of content type Audit.General. Ref: sources.md 3.
 *
 * A round lists one window of blobs, page by page, and fetches each blob. The cursor's since is the
 * end of the last window less an overlap, because blobs are not proven to become available in
 * order; records that come twice change nothing (design.md 5, promise 3).
 */
#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/json.h"
#include "ingest/mail_map.h"
#include "ingest/source.h"

#define DAY (INT64_C(86400) * CLOCK_SECOND)

enum call { CALL_START = 0, CALL_LIST, CALL_LIST_AFTER_START, CALL_BLOB };

enum {
    CALL_BITS = 2,      /* request.step is the call, and above these bits the page's number */
    PAGES_MAX = 10000,  /* a server that pages in a circle ends here */
    BLOBS_A_PAGE = 390, /* under SOURCE_REQUESTS_MAX: what is over is listed once more */
    ID_MAX = 400,
    THROTTLED_MS = 60 * 1000,       /* sources.md 3.10 */
    SUBSCRIBING_MS = 15 * 60 * 1000 /* sources.md 3.1: between two requests to start */
};

static const struct opt mail_opts[] = {
    OPT_INT("ingest.mail.overlap_s", "s", 3600, 0, 21600,
            "How much of the last window is listed again, for blobs that became available late."),
    OPT_INT("ingest.mail.window_s", "s", 86400, 3600, 86400,
            "Width of the window that one round lists; smaller for tenants with very many blobs."),
    OPT_END,
};

/* ---- URLs */

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "mail.memory", "no room for a request");
}

/* Scheme, host and port are those of our base URL, and nothing but printable ASCII follows: our
 * token must not go to a host that an answer names. */
static bool
at_home(struct slice url, struct slice base)
{
    size_t scheme = slice_find(base, SLICE("://"), 0);
    struct slice host = slice_sub(base, scheme + 3, base.n);
    size_t end = scheme + 3 + slice_find(host, SLICE("/"), 0);
    if (scheme >= base.n || url.n <= end)
        return false;
    for (size_t i = 0; i < url.n; i++)
        if (url.p[i] <= ' ' || url.p[i] > '~')
            return false;
    return slice_eq_nocase(slice_sub(url, 0, end), slice_sub(base, 0, end)) && url.p[end] == '/';
}

static bool
has_parameter(struct slice url, const char *name)
{
    struct slice query = slice_sub(url, slice_find(url, SLICE("?"), 0), url.n);
    while (query.n > 0) {
        query = slice_sub(query, 1, query.n);
        size_t end = slice_find(query, SLICE("&"), 0);
        struct slice pair = slice_sub(query, 0, end);
        query = slice_sub(query, end, query.n);
        if (slice_eq_nocase(slice_split(&pair, '='), slice_of(name)))
            return true;
    }
    return false;
}

/* Every call carries it: without, all strangers share one quota (sources.md 3.9). */
static struct slice
with_publisher(struct slice url, const struct source_conf *c, struct arena *a)
{
    if (c->publisher_id.n == 0 || has_parameter(url, "PublisherIdentifier"))
        return slice_dup(a, url);
    const char *sign = slice_find(url, SLICE("?"), 0) < url.n ? "&" : "?";
    struct slice id = fetch_url_encode(a, c->publisher_id);
    if (id.p == NULL)
        return SLICE_NONE;
    return slice_printf(a, "%.*s%sPublisherIdentifier=%.*s", SLICE_ARG(url), sign, SLICE_ARG(id));
}

static struct err
request(const struct source_conf *c, const char *method, struct slice url, struct arena *a,
        struct source_request *out)
{
    out->http.method = method;
    out->http.url = url.p != NULL ? with_publisher(url, c, a) : SLICE_NONE;
    if (method[0] == 'P')
        out->http.body = SLICE("");
    return out->http.url.p != NULL ? ERR_OK : no_memory();
}

static struct slice
feed_url(const struct source_conf *c, const char *operation, struct arena *a)
{
    return slice_printf(a, "%.*s/api/v1.0/%.*s/activity/feed/subscriptions/%s?contentType=%s",
                        SLICE_ARG(c->base_url), SLICE_ARG(c->directory_id), operation,
                        "Audit.General");
}

/* ---- requests */

static int64_t
whole_second(int64_t t)
{
    return t - t % CLOCK_SECOND;
}

static struct err
start_request(const struct source_conf *c, const struct cursor *at, struct arena *a,
              struct source_request *out)
{
    *out = (struct source_request){.step = CALL_START, .at = *at};
    return request(c, "POST", feed_url(c, "start", a), a, out);
}

/* The window [from, until); at.until carries its end to the last page. */
static struct err
list_window(const struct source_conf *c, const struct cursor *at, int64_t from, int64_t until,
            enum call call, struct arena *a, struct source_request *out)
{
    struct slice feed = feed_url(c, "content", a);
    *out = (struct source_request){.step = (int)call, .at = *at};
    out->at.until = until;
    struct clock_text begin = clock_format(from), end = clock_format(until);
    begin.s[19] = end.s[19] = '\0'; /* without the Z: YYYY-MM-DDTHH:MM:SS */
    if (feed.p == NULL)
        return no_memory();
    struct slice url =
        slice_printf(a, "%.*s&startTime=%s&endTime=%s", SLICE_ARG(feed), begin.s, end.s);
    return request(c, "GET", url, a, out);
}

static int64_t
setting(const struct source_conf *c, const char *name)
{
    return c->conf != NULL ? conf_int(c->conf, name) * CLOCK_SECOND : CLOCK_NONE;
}

static struct err
list_request(const struct source_conf *c, const struct cursor *at, enum call call, struct arena *a,
             struct source_request *out)
{
    int64_t width = setting(c, "ingest.mail.window_s");
    int64_t now = whole_second(c->now);
    int64_t oldest = now - 7 * DAY + 300 * CLOCK_SECOND; /* minutes, as our clocks differ */
    int64_t from = whole_second(at->since != CLOCK_NONE ? at->since : c->start);
    if (width <= 0 || width > DAY)
        width = DAY;
    if (from < oldest)
        from = oldest;
    if (from >= now) /* the clock was set back: ask for the last second, the cursor stays */
        from = now - CLOCK_SECOND;
    return list_window(c, at, from, from + width < now ? from + width : now, call, a, out);
}

static struct err
mail_first(const struct source_conf *c, const struct cursor *at, struct arena *a,
           struct source_request **out, size_t *out_n)
{
    struct source_request *r = arena_alloc(a, sizeof *r);
    *out = r;
    *out_n = 1;
    if (r == NULL)
        return no_memory();
    return at->started ? list_request(c, at, CALL_LIST, a, r) : start_request(c, at, a, r);
}

/* ---- answers: errors */

/* The AF code of an error answer; SLICE_NONE: none. */
static struct slice
error_code(const struct answer *got, struct arena *a)
{
    struct json doc;
    struct err e = got->status >= 200 && got->status <= 299 ? err_make(ERR_REJECT, "mail.none", " ")
                                                            : json_parse(got->body, a, &doc);
    return e.kind == ERR_NONE ? json_text(json_path(doc, "error.code")) : SLICE_NONE;
}

static bool
one_of(struct slice code, const char *const *list)
{
    for (; *list != NULL; list++)
        if (slice_eq_nocase(code, slice_of(*list)))
            return true;
    return false;
}

/* What an answer that is not 2xx means for any call; ERR_OK: the call must judge itself. */
static struct err
refusal(const struct answer *got, struct slice code)
{
    static const char *const tenant[] = {"AF20010", "AF20011", "AF20012", "AF20013", NULL};
    static const char *const permission[] = {"AF10001", NULL};
    struct err e = source_status(got, "mail");
    if (slice_eq_nocase(code, SLICE("AF429"))) /* also with status 403 */
        return err_retry(e.kind == ERR_RETRY && e.after_ms > 0 ? e.after_ms : THROTTLED_MS,
                         "mail.busy", "AF429: too many requests");
    if (one_of(code, permission) || (got->status == 403 && code.n == 0))
        return err_make(ERR_STOP, "mail.forbidden",
                        "the application lacks ActivityFeed.Read: add it under API permissions, "
                        "Office 365 Management APIs, and grant admin consent");
    if (one_of(code, tenant))
        return err_make(ERR_STOP, "mail.tenant", "%.*s: the directory id is not the token's tenant",
                        SLICE_ARG(code));
    return e;
}

static struct err
unexpected(const struct answer *got, struct slice code)
{
    return err_make(ERR_RETRY, "mail.status", "the feed answered %ld %.*s", got->status,
                    SLICE_ARG(slice_sub(code, 0, 40)));
}

/* ---- answers: the subscription */

static struct err
one_more(struct page *out, struct arena *a, struct source_request **r)
{
    *r = arena_alloc(a, sizeof **r);
    out->next = *r;
    out->n_next = 1;
    return *r != NULL ? ERR_OK : no_memory();
}

static struct err
parse_start(const struct answer *got, struct slice code, struct arena *a, struct page *out)
{
    bool on = got->status >= 200 && got->status <= 299;
    struct err e = refusal(got, code);
    if (!on && !slice_eq_nocase(code, SLICE("AF20024"))) /* "already enabled" is success */
        return e.kind ? e : unexpected(got, code);
    struct source_request *r;
    out->at.started = true;
    e = one_more(out, a, &r);
    return e.kind ? e : list_request(got->conf, &out->at, CALL_LIST_AFTER_START, a, r);
}

/* No subscription: start it, once a round. */
static struct err
subscribe_again(const struct answer *got, struct slice code, struct arena *a, struct page *out)
{
    if ((got->asked->step & 3) == CALL_LIST_AFTER_START)
        return err_retry(SUBSCRIBING_MS, "mail.subscription",
                         "%.*s although the subscription was just started", SLICE_ARG(code));
    struct source_request *r;
    out->warn = err_make(ERR_RETRY, "mail.subscription",
                         "%.*s: the subscription was off; starting it", SLICE_ARG(code));
    struct err e = one_more(out, a, &r);
    return e.kind ? e : start_request(got->conf, &out->at, a, r);
}

/* ---- answers: a list of blobs */

static int64_t
max_of(int64_t x, int64_t y)
{
    return x > y ? x : y;
}

/* The window is listed whole: from here the next one goes on. */
static void
window_done(const struct answer *got, int64_t until, struct page *out)
{
    const struct source_conf *c = got->conf;
    int64_t overlap = setting(c, "ingest.mail.overlap_s");
    int64_t width = setting(c, "ingest.mail.window_s");
    if (overlap < 0)
        overlap = 3600 * CLOCK_SECOND;
    if (width > 0 && overlap > width / 2) /* or the cursor would not move */
        overlap = width / 2;
    out->at.since = max_of(out->at.since, until - overlap);
    out->again = c->now - until > 60 * CLOCK_SECOND;
}

static struct err
next_page(const struct answer *got, struct slice url, struct arena *a, struct source_request *out)
{
    const struct source_request *asked = got->asked;
    int page = (asked->step >> CALL_BITS) + 1;
    if (!at_home(url, got->conf->base_url))
        return err_make(ERR_REJECT, "mail.next_page",
                        "NextPageUri leads to another host than the configured one");
    if (page > PAGES_MAX || slice_eq(url, asked->http.url))
        return err_make(ERR_REJECT, "mail.next_page", "the pages of a list do not end");
    *out = (struct source_request){.step = page << CALL_BITS | (asked->step & 3), .at = asked->at};
    return request(got->conf, "GET", url, a, out);
}

/* Blobs from asked->skip on, BLOBS_A_PAGE at most; *more when there are others behind them. */
static struct err
take_blobs(const struct answer *got, struct json list, struct arena *a, struct page *out,
           bool *more)
{
    int64_t index = 0, last = got->asked->skip + BLOBS_A_PAGE;
    struct slice name;
    struct json item;
    struct json_iter it = json_items(list);
    for (; json_next(&it, &name, &item) && index < last; index++) {
        struct slice uri = json_get_text(item, "contentUri");
        if (index < got->asked->skip)
            continue;
        if (!at_home(uri, got->conf->base_url)) {
            out->warn = err_make(ERR_REJECT, "mail.content_uri",
                                 "a blob without contentUri, or one at another host: skipped");
            continue;
        }
        struct source_request *r = &out->next[out->n_next];
        *r = (struct source_request){.step = CALL_BLOB, .at = out->at};
        struct err e = request(got->conf, "GET", uri, a, r);
        if (e.kind)
            return e;
        out->n_next++;
    }
    *more = json_count(list) > (size_t)last;
    return ERR_OK;
}

static struct err
take_list(const struct answer *got, struct arena *a, struct page *out)
{
    struct json list;
    bool more = false;
    struct err e = source_page(got->body, a, &list);
    if (e.kind)
        return e;
    if (json_type(list) != JSON_ARRAY)
        return err_make(ERR_RETRY, "mail.shape", "the list of blobs is not a list");
    out->next = arena_alloc(a, (BLOBS_A_PAGE + 1) * sizeof *out->next);
    if (out->next == NULL)
        return no_memory();
    e = take_blobs(got, list, a, out, &more);
    if (e.kind)
        return e;
    struct slice url = slice_trim(fetch_header(got->headers, "NextPageUri"));
    if (url.n == 0)
        url = slice_trim(fetch_header(got->headers, "NextPageUrl"));
    struct source_request *r = &out->next[out->n_next];
    if (more) { /* the same list again, further down */
        *r = *got->asked;
        r->skip += BLOBS_A_PAGE;
    } else if (url.n > 0) { /* also behind an empty page */
        e = next_page(got, url, a, r);
    } else {
        window_done(got, got->asked->at.until, out);
        return ERR_OK;
    }
    out->n_next++;
    return e;
}

/* The window begins before what the service keeps: by its clock, not by ours. */
static struct err
later_window(const struct answer *got, struct slice code, struct arena *a, struct page *out)
{
    const struct source_conf *c = got->conf;
    int64_t from = whole_second(c->now - 7 * DAY + 3600 * CLOCK_SECOND),
            until = got->asked->at.until;
    bool tried = got->asked->skip < 0;
    if (tried)
        return unexpected(got, code);
    if (from >= until) { /* nothing of it is left */
        window_done(got, until, out);
        out->again = true;
        return ERR_OK;
    }
    struct source_request *r;
    struct err e = one_more(out, a, &r);
    if (e.kind)
        return e;
    e = list_window(c, &out->at, from, until, (enum call)(got->asked->step & 3), a, r);
    r->skip = -1; /* tried: not a third time */
    return e;
}

static struct err
parse_list(const struct answer *got, struct slice code, struct arena *a, struct page *out)
{
    static const char *const off[] = {"AF20022", "AF20023", NULL};
    static const char *const window[] = {"AF20030", "AF20055", NULL};
    if (got->status >= 200 && got->status <= 299)
        return take_list(got, a, out);
    if (one_of(code, off))
        return subscribe_again(got, code, a, out);
    struct err e = refusal(got, code);
    if (e.kind)
        return e;
    if (one_of(code, window))
        return later_window(got, code, a, out);
    return unexpected(got, code); /* AF20031 too: the round begins again with its first page */
}

/* ---- answers: a blob */

/* An id is a key in tables and logs: no control characters, which JSON can hide as \u0000. */
static bool
good_id(struct slice id)
{
    for (size_t i = 0; i < id.n; i++)
        if ((unsigned char)id.p[i] < ' ')
            return false;
    return id.n > 0 && id.n <= ID_MAX;
}

static struct slice
hash_name(struct slice payload, struct arena *a)
{
    uint8_t sum[CRYPTO_SHA256];
    crypto_sha256(payload, sum);
    struct slice hex = slice_hex(a, (struct slice){(const char *)sum, 16});
    return hex.p != NULL ? slice_join(a, SLICE("record:"), hex) : SLICE_NONE;
}

static struct err
parse_blob(const struct answer *got, struct slice code, struct arena *a, struct page *out)
{
    static const char *const gone[] = {"AF20050", "AF20051", "AF20052", NULL};
    if (got->status == 404 || got->status == 410 || one_of(code, gone)) {
        out->warn = err_make(ERR_REJECT, "mail.blob_gone", "%ld %.*s: a blob is not there any more",
                             got->status, SLICE_ARG(slice_sub(code, 0, 40)));
        return ERR_OK;
    }
    struct err e = refusal(got, code);
    if (e.kind)
        return e;
    if (got->status < 200 || got->status > 299)
        return unexpected(got, code);
    struct json list, record;
    struct slice name;
    e = source_take(got->body, NULL, out, a);
    if (e.kind == ERR_NONE)
        e = source_page(got->body, a, &list);
    if (e.kind)
        return e;
    size_t i = 0;
    for (struct json_iter it = json_items(list);
         i < out->n_alerts && json_next(&it, &name, &record); i++) {
        struct slice id = json_get_text(record, "Id");
        /* without one its bytes name it; ident() then says what is wrong with it */
        out->alerts[i].native_id = good_id(id) ? id : hash_name(out->alerts[i].payload, a);
        out->alerts[i].version = source_time(record, "CreationTime");
        if (out->alerts[i].native_id.p == NULL)
            return no_memory();
    }
    return ERR_OK;
}

static struct err
mail_parse(const struct answer *got, struct arena *a, struct page *out)
{
    *out = (struct page){.at = got->asked->at};
    out->at.until = CLOCK_NONE;
    struct slice code = error_code(got, a);
    switch ((enum call)(got->asked->step & 3)) {
    case CALL_START:
        return parse_start(got, code, a, out);
    case CALL_BLOB:
        return parse_blob(got, code, a, out);
    case CALL_LIST:
    case CALL_LIST_AFTER_START:
        break;
    }
    return parse_list(got, code, a, out);
}

/* ---- ident */

static struct err
ignore(struct source_ident *out, const char *reason)
{
    *out = (struct source_ident){.fate = FATE_IGNORE, .reason = reason, .version = CLOCK_NONE};
    return ERR_OK;
}

/* An investigation that names no alert is work of its own, not a part of one. */
static struct err
ident_investigation(struct json record, struct arena *a, struct source_ident *out)
{
    struct json data;
    struct err e = mail_data(json_get_text(record, "Data"), a, &data);
    if (e.kind)
        return e;
    struct slice alert = source_word(data, "ProviderAlertId");
    if (!good_id(alert))
        return ignore(out, "mail.investigation");
    out->native_id = slice_lower(a, alert);
    return out->native_id.p != NULL ? ERR_OK : no_memory();
}

static struct err
ident_alert(struct json record, struct arena *a, struct source_ident *out)
{
    if (slice_eq_nocase(source_word(record, "Source"), SLICE("Cloud App Security")))
        return ignore(out, "mail.cloud_app_mirror"); /* the apps source has it whole */
    struct slice alert = source_word(record, "AlertId");
    if (!good_id(alert))
        return err_make(ERR_REJECT, "mail.alert_id", "a record of type 40 without an AlertId");
    out->native_id = slice_lower(a, alert);
    return out->native_id.p != NULL ? ERR_OK : no_memory();
}

/*
 * Types 28, 41 and 47 are evidence by their nature, but nothing in them names an alert, and the
 * message id that they share with one is a key that the correlator joins by. So each is a low alert
 * of its own, keyed by its record: what no policy alerted on is then still part of the story.
 */
static struct err
mail_ident(struct slice payload, enum identity_channel channel, struct arena *a,
           struct source_ident *out)
{
    (void)channel;
    struct json record;
    int64_t type = 0;
    struct err e = json_parse(payload, a, &record);
    if (e.kind)
        return e;
    struct slice id = source_word(record, "Id");
    if (!good_id(id) || !json_get_int(record, "RecordType", &type))
        return err_make(ERR_REJECT, "mail.record", "a record without Id or RecordType");
    *out = (struct source_ident){
        .native_id = id, .part_id = id, .version = source_time(record, "CreationTime")};
    switch (type) {
    case MAIL_ALERT:
        return ident_alert(record, a, out);
    case MAIL_INVESTIGATION:
        return ident_investigation(record, a, out);
    case MAIL_MESSAGE:
    case MAIL_CLICK:
    case MAIL_FILE:
        out->native_id = slice_lower(a, id);
        return out->native_id.p != NULL ? ERR_OK : no_memory();
    case 78:  /* WDATPAlerts */
    case 98:  /* MCASAlerts */
    case 113: /* MS365DCustomDetection */
    case 235: /* MDI audit */
    case 294: /* AadRiskDetection */
        return ignore(out, "mail.mirror");
    default:
        return ignore(out, "mail.record_type");
    }
}

const struct source source_mail = {
    .name = "mail",
    .number = 2,
    .opts = mail_opts,
    .first = mail_first,
    .parse = mail_parse,
    .ident = mail_ident,
    .map = mail_map,
};
