/* What the alerts API means by a refusal. Ref: sources.md 2.10, 2.11. */
#include <string.h>

#include "common/clock.h"
#include "ingest/endpoint_internal.h"

enum { BODY_MAX = 65536, BUSY_WAIT_MS = 10000, REFUSED_WAIT_MS = 60000, ADDRESS_WAIT_MS = 300000 };

struct refusal {
    struct slice code, text, target; /* target: the id by which support finds the request */
};

static struct refusal
refusal_of(const struct answer *got, struct arena *a)
{
    struct json doc = {{0, 0}};
    struct err e = got->body.n < BODY_MAX ? json_parse(got->body, a, &doc) : ERR_OK;
    if (e.kind) /* a proxy's page: the status says enough */
        return (struct refusal){SLICE_NONE, SLICE_NONE, SLICE_NONE};
    struct json error = endpoint_member(doc, "error");
    return (struct refusal){
        slice_trim(json_text(endpoint_member(error, "code"))),
        slice_trim(json_text(endpoint_member(error, "message"))),
        slice_sub(slice_trim(json_text(endpoint_member(error, "target"))), 0, 40),
    };
}

/* "; id <target>" or nothing. */
static struct slice
tracking(const struct refusal *r, struct arena *a)
{
    if (r->target.n == 0)
        return SLICE("");
    return slice_printf(a, "; id %.*s", SLICE_ARG(r->target));
}

/* The text is short, so what to do comes first, and the id that support asks for is whole. */
static struct err
forbidden(const struct refusal *r, struct arena *a)
{
    static const struct {
        const char *code, *text;
    } rows[] = {
        {"DisabledFeature",
         "no active Microsoft Defender ATP in this tenant, or its API access is switched off"},
        {"DisallowedOperation",
         "the tenant's rules keep this application out: look at its device groups"},
        {"", "grant Alert.Read.All (WindowsDefenderATP) in App registrations > API permissions, "
             "with admin consent"},
    };
    size_t i = 0;
    while (rows[i].code[0] != '\0' && !slice_eq_nocase(r->code, slice_of(rows[i].code)))
        i++;
    return err_make(ERR_STOP, "endpoint.forbidden", "403%s%.*s: %s%.*s", r->code.n > 0 ? " " : "",
                    SLICE_ARG(slice_sub(r->code, 0, 20)), rows[i].text, SLICE_ARG(tracking(r, a)));
}

struct err
endpoint_status(const struct answer *got, struct arena *a)
{
    struct err e = source_status(got, "endpoint");
    if (e.kind == ERR_NONE)
        return e;
    struct refusal r = refusal_of(got, a);
    if (got->status == 403)
        return forbidden(&r, a);
    int64_t after_ms = e.after_ms;
    if (got->status == 429 && after_ms == 0)
        after_ms = BUSY_WAIT_MS;
    const char *what = got->status == 401   ? " the source does not take our token"
                       : got->status == 429 ? " too many requests"
                                            : "";
    e = err_make(e.kind, e.code, "%ld%s%.*s%s%.*s: %.*s", got->status, r.code.n > 0 ? " " : "",
                 SLICE_ARG(slice_sub(r.code, 0, 40)), what, SLICE_ARG(tracking(&r, a)),
                 SLICE_ARG(r.text));
    e.after_ms = after_ms;
    return e;
}

struct err
endpoint_refused(const struct answer *got, struct arena *a)
{
    struct refusal r = refusal_of(got, a);
    if (got->status == 404)
        return err_retry(ADDRESS_WAIT_MS, "endpoint.address",
                         "404: there is no alerts API at this base_url%.*s",
                         SLICE_ARG(tracking(&r, a)));
    return err_retry(REFUSED_WAIT_MS, "endpoint.refused", "%ld %.*s%.*s: %.*s", got->status,
                     SLICE_ARG(slice_sub(r.code, 0, 40)), SLICE_ARG(tracking(&r, a)),
                     SLICE_ARG(r.text));
}

/* ---- asking for less */

static bool
says(struct slice text, struct slice lower, struct arena *a)
{
    struct slice folded = slice_lower(a, text);
    return folded.n > 0 && slice_find(folded, lower, 0) < folded.n;
}

/* Each step asks for less than the one before, so that the steps end. */
static int
simpler(int mode, struct slice text, struct arena *a)
{
    int has = mode & MODE_ALL;
    if (!(has & MODE_CREATED) && says(text, SLICE("lastupdatetime"), a))
        return has | MODE_CREATED;
    if (!(has & MODE_PLAIN) && (says(text, SLICE("expand"), a) || says(text, SLICE("evidence"), a)))
        return has | MODE_PLAIN | (mode & MODE_GUESSED);
    return has < MODE_ALL ? (has + 1) | MODE_GUESSED : -1;
}

struct err
endpoint_fall_back(const struct answer *got, struct arena *a, struct page *out)
{
    struct source_request r = *got->asked;
    struct refusal why = refusal_of(got, a);
    struct slice text = why.text.n > 0 ? why.text : slice_sub(got->body, 0, BODY_MAX);
    int mode = simpler(r.step, text, a);
    if (mode < 0)
        return endpoint_refused(got, a);
    if ((mode & MODE_CREATED) && !(r.step & MODE_CREATED)) { /* other times: a window of its own */
        r.from = endpoint_window_from(got->conf, a, r.at.since, mode);
        r.until = r.at.until;
        r.skip = 0;
        r.seen = CLOCK_NONE;
    }
    r.step = mode | MODE_NEW;
    struct err e = endpoint_list_url(got->conf, a, &r);
    return e.kind ? e : endpoint_ask(out, a, &r);
}
