#include "ingest/mail_wire.h"

#include <string.h>

#include "common/clock.h"
#include "common/json.h"

enum {
    THROTTLED_MS = 60 * 1000, /* sources.md 3.10: and doubled with each try */
    THROTTLED_DOUBLINGS = 4,
    MESSAGE_MAX = 2000,
};

enum mail_call
mail_call_of(const struct source_request *r)
{
    return (enum mail_call)(r->step & ((1 << MAIL_CALL_BITS) - 1));
}

int64_t
mail_option(const struct source_conf *c, const char *name, int64_t fallback)
{
    return c->conf != NULL ? conf_int(c->conf, name) : fallback;
}

struct err
mail_no_memory(void)
{
    return err_make(ERR_RETRY, "mail.memory", "no room for a request");
}

/* ---- requests */

bool
mail_at_home(struct slice url, struct slice base)
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

struct err
mail_request(const struct source_conf *c, const char *method, struct slice url, struct arena *a,
             struct source_request *out)
{
    out->http.method = method;
    out->http.url = url.p != NULL ? with_publisher(url, c, a) : SLICE_NONE;
    if (method[0] == 'P' && out->http.body.p == NULL)
        out->http.body = SLICE("");
    return out->http.url.p != NULL ? ERR_OK : mail_no_memory();
}

struct slice
mail_feed_url(const struct source_conf *c, const char *path, struct arena *a)
{
    return slice_printf(a, "%.*s/api/v1.0/%.*s/activity/feed/%s", SLICE_ARG(c->base_url),
                        SLICE_ARG(c->directory_id), path);
}

struct err
mail_one_more(struct page *out, struct arena *a, struct source_request **r)
{
    *r = arena_alloc(a, sizeof **r);
    out->next = *r;
    out->n_next = *r != NULL ? 1 : 0;
    return *r != NULL ? ERR_OK : mail_no_memory();
}

/* ---- answers */

bool
mail_ok(const struct answer *got)
{
    return got->status >= 200 && got->status <= 299;
}

/* A member of the answer's error object; SLICE_NONE: there is none. */
static struct slice
error_member(const struct answer *got, const char *path, struct arena *a)
{
    struct json doc;
    if (mail_ok(got) || got->body.n == 0)
        return SLICE_NONE;
    struct err e = json_parse(got->body, a, &doc);
    return e.kind == ERR_NONE ? json_text(json_path(doc, path)) : SLICE_NONE;
}

struct slice
mail_code(const struct answer *got, struct arena *a)
{
    return slice_trim(error_member(got, "error.code", a));
}

bool
mail_code_is(struct slice code, const char *const *list)
{
    for (; *list != NULL; list++)
        if (slice_eq_nocase(code, slice_of(*list)))
            return true;
    return false;
}

/* What an administrator has to do, for codes that no waiting heals. */
static const struct {
    const char *af, *code, *text;
} stops[] = {
    {"AF10001", "mail.forbidden",
     "the application lacks ActivityFeed.Read: add it under API permissions, "
     "Office 365 Management APIs, and grant admin consent"},
    {"AF20001", "mail.request", "a parameter is missing"},
    {"AF20002", "mail.request",
     "a parameter has the wrong type: publisher_id and the directory id must be GUIDs"},
    {"AF20003", "mail.request", "the webhook's expiration is in the past"},
    {"AF20010", "mail.tenant",
     "the directory id is not that of the token: token_url must name this tenant"},
    {"AF20011", "mail.tenant", "the directory does not exist or has been deleted"},
    {"AF20012", "mail.tenant",
     "the directory is misconfigured: it needs an Office 365 plan with audit records"},
    {"AF20013", "mail.tenant", "the directory id is no GUID"},
    {"AF20020", "mail.request", "the plan has no content type Audit.General"},
    {"AF20053", "mail.request", "Accept-Language has several languages"},
    {"AF20054", "mail.request", "Accept-Language is malformed"},
};

/* The text that comes while audit records are not collected at all: sources.md 3.1. */
static bool
audit_is_off(const struct answer *got, struct arena *a)
{
    struct slice text = error_member(got, "error.message", a);
    if (text.p == NULL)
        text = mail_ok(got) ? SLICE_NONE : slice_sub(got->body, 0, MESSAGE_MAX);
    size_t tenant = slice_find(text, SLICE("Tenant "), 0);
    return slice_find(text, SLICE("DataServiceException"), 0) < text.n && tenant < text.n &&
           slice_find(text, SLICE("does not exist"), tenant) < text.n;
}

/* It may come as 403, and Retry-After with it all the same; a moment that has passed is now. */
static struct err
busy(const struct answer *got, struct err e)
{
    unsigned doublings = got->tries < THROTTLED_DOUBLINGS ? got->tries : THROTTLED_DOUBLINGS;
    int64_t wait_ms = (int64_t)THROTTLED_MS << doublings;
    int64_t asked_ms = 0;
    struct slice value = fetch_header(got->headers, "Retry-After");
    int64_t now_s = got->conf->now / CLOCK_SECOND;
    if (value.n > 0 && fetch_retry_after(value, now_s, &asked_ms).kind == ERR_NONE)
        wait_ms = asked_ms > 1000 ? asked_ms : 1000;
    else if (e.kind == ERR_RETRY && e.after_ms > 0)
        wait_ms = e.after_ms;
    return err_retry(wait_ms, "mail.busy", "AF429: too many requests");
}

struct err
mail_refusal(const struct answer *got, struct slice code, struct arena *a)
{
    static const char *const server[] = {"AF50000", "AF50005", "AF50006", NULL};
    struct err e = source_status(got, "mail");
    if (slice_eq_nocase(code, SLICE("AF429")) || got->status == 429) /* the first also with 403 */
        return busy(got, e);
    if (mail_code_is(code, server))
        return e.kind == ERR_RETRY
                   ? e
                   : err_make(ERR_RETRY, "mail.server", "%.*s: an error of the feed",
                              SLICE_ARG(slice_sub(code, 0, 40)));
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        if (slice_eq_nocase(code, slice_of(stops[i].af)))
            return err_make(ERR_STOP, stops[i].code, "%s: %s", stops[i].af, stops[i].text);
    if (audit_is_off(got, a))
        return err_make(ERR_STOP, "mail.audit_off",
                        "audit logging is off, or on for less than an hour: run "
                        "Set-AdminAuditLogConfig -UnifiedAuditLogIngestionEnabled $true");
    if (got->status == 403)
        return err_make(ERR_STOP, stops[0].code, "403 %.*s: %s", SLICE_ARG(slice_sub(code, 0, 20)),
                        stops[0].text);
    return e;
}

struct err
mail_unexpected(const struct answer *got, struct slice code)
{
    return err_make(ERR_RETRY, "mail.status", "the feed answered %ld %.*s", got->status,
                    SLICE_ARG(slice_sub(code, 0, 40)));
}

/* ---- notes */

struct err
mail_note(struct page *out, struct arena *a, struct slice key, int64_t value, int64_t until)
{
    enum { MOST = 8 }; /* of one answer */
    if (out->notes == NULL)
        out->notes = arena_alloc(a, MOST * sizeof *out->notes);
    if (out->notes == NULL || key.p == NULL || out->n_notes == MOST)
        return mail_no_memory();
    out->notes[out->n_notes++] = (struct source_note){.key = key, .value = value, .until = until};
    return ERR_OK;
}
