/*
 * Alerts of a server that gives no evidence with them (Dec 2019): their sub-resources are asked
 * one after the other, and what they answer becomes one document (endpoint_document.h).
 * Ref: sources.md 2.3, 2.9, 2.14.
 *
 * A chain of requests carries the document as far as it is. What a sub-resource cannot give never
 * keeps back the alert itself.
 */
#include <string.h>

#include "common/clock.h"
#include "ingest/endpoint_internal.h"

enum {
    ALERT_MAX = 512 * 1024, /* what is larger goes as it came: Kafka takes about 1 MB */
    PART_MAX = 128 * 1024,
    DOCUMENT_MAX = 768 * 1024,
    PART_TRIES = 3, /* of an answer that only this sub-resource gives: 500, or no JSON */
};

/* The application permission that reads each. */
static const char *const permissions[PARTS] = {"File.Read.All", "Ip.Read.All", "URL.Read.All",
                                               "User.Read.All", "Machine.Read.All"};

static bool
allowed(const struct source_conf *c, struct arena *a, size_t part)
{
    return endpoint_note(c, a, "f", slice_of(endpoint_part_name((enum endpoint_part)part))) == NULL;
}

/* The first sub-resource from that one on that may be asked; PARTS: none. */
static size_t
next_part(const struct source_conf *c, struct arena *a, size_t from)
{
    while (from < PARTS && !allowed(c, a, from))
        from++;
    return from;
}

/* An id that can be a step of a path. */
static bool
names_a_path(struct slice id)
{
    bool dots = true;
    for (size_t i = 0; i < id.n; i++)
        dots = dots && id.p[i] == '.';
    return id.n > 0 && id.n <= 256 && !dots;
}

bool
endpoint_incomplete(const struct source_conf *c, struct arena *a, struct json alert,
                    struct slice bytes, int mode, bool alone)
{
    struct json evidence = endpoint_member(alert, "evidence");
    bool none = json_type(evidence) <= JSON_NULL;
    bool left_out = !alone && (mode & MODE_PLAIN) && json_type(evidence) == JSON_ARRAY &&
                    json_count(evidence) == 0;
    return json_type(alert) == JSON_OBJECT && (none || left_out) &&
           conf_int(c->conf, "ingest.endpoint.complete_max") > 0 &&
           names_a_path(source_id(alert, "id", a)) && bytes.n <= ALERT_MAX &&
           source_shallow(bytes) && next_part(c, a, 0) < PARTS;
}

size_t
endpoint_chain_max(struct slice bytes)
{
    size_t most = bytes.n + 1024 + PARTS * (size_t)PART_MAX; /* 1024: what is between them */
    return most < DOCUMENT_MAX ? most : DOCUMENT_MAX;
}

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "endpoint.memory", "no memory to complete an alert");
}

/* Asks for one sub-resource of the alert in the document. */
static struct err
ask_part(const struct answer *got, struct arena *a, size_t part, struct slice document,
         struct slice id, int64_t tries, struct page *out)
{
    struct source_request r = {
        .call = CALL_PARTS + (int)part,
        .together = true,
        .carry = document,
        .step = got->asked->step,
        .at = got->asked->at,
        .skip = tries,
        .from = CLOCK_NONE,
        .until = CLOCK_NONE,
        .seen = CLOCK_NONE,
    };
    struct slice path = slice_printf(a, "/%.*s/%s", SLICE_ARG(fetch_url_encode(a, id)),
                                     endpoint_part_name((enum endpoint_part)part));
    struct slice url = endpoint_url(got->conf, a, path);
    if (path.p == NULL || url.p == NULL || document.p == NULL)
        return no_memory();
    endpoint_get(&r, url);
    return endpoint_ask(out, a, &r);
}

struct err
endpoint_complete(const struct answer *got, struct arena *a, struct slice bytes, struct page *out)
{
    struct slice document = endpoint_document_begin(bytes, a);
    struct endpoint_document doc;
    struct err e = document.p != NULL ? endpoint_document_read(document, a, &doc) : no_memory();
    if (e.kind)
        return e;
    return ask_part(got, a, next_part(got->conf, a, 0), document, source_id(doc.alert, "id", a), 0,
                    out);
}

/* ---- answers */

/* The document with this answer; *tries: the answer may be better next time. */
static struct err
take_part(const struct answer *got, struct arena *a, size_t part, struct slice *document,
          bool *again)
{
    struct slice bytes = got->body;
    struct json value;
    *again = false;
    if (got->status == 404 || (got->status == 204 && bytes.n == 0)) {
        bytes = SLICE("null");
    } else {
        struct err e = json_parse(bytes, a, &value);
        if (e.kind == ERR_RETRY)
            return e;
        *again = e.kind != ERR_NONE;
        if (e.kind || bytes.n > PART_MAX || document->n + bytes.n > DOCUMENT_MAX ||
            !source_shallow(bytes))
            return err_make(ERR_REJECT, "endpoint.part",
                            "/%s of an alert cannot be used: not JSON, or too large",
                            endpoint_part_name((enum endpoint_part)part));
    }
    *document = endpoint_document_add(*document, (enum endpoint_part)part, bytes, a);
    return document->p != NULL ? ERR_OK : no_memory();
}

/* 403 is remembered for an hour, as long as a token lives: a new grant shows in a new one. */
static struct err
not_allowed(const struct answer *got, struct arena *a, size_t part, struct page *out)
{
    const char *name = endpoint_part_name((enum endpoint_part)part);
    out->warn = err_make(ERR_REJECT, "endpoint.part_forbidden",
                         "403: alerts come without their /%s: grant %s (WindowsDefenderATP), "
                         "with admin consent",
                         name, permissions[part]);
    return endpoint_remember(out, a, "f", slice_of(name), 1, got->conf->now + ENDPOINT_HOUR);
}

/* The finished document is the alert. */
static struct err
finish(const struct answer *got, struct arena *a, const struct endpoint_document *doc,
       struct slice document, struct page *out)
{
    struct raw_alert *raw = arena_alloc(a, sizeof *raw);
    if (raw == NULL)
        return no_memory();
    *raw = (struct raw_alert){source_id(doc->alert, "id", a),
                              source_time(doc->alert, "lastUpdateTime"), document};
    out->alerts = raw;
    out->n_alerts = 1;
    struct err e = ERR_OK;
    if (endpoint_note(got->conf, a, "m", SLICE("parts")) == NULL)
        e = endpoint_remember(out, a, "m", SLICE("parts"), 1, got->conf->now + ENDPOINT_HOUR);
    bool evidence = !(got->asked->step & MODE_PLAIN);
    if (e.kind == ERR_NONE)
        e = endpoint_sent(got->conf, out, a, raw->native_id,
                          endpoint_print(doc->alert, evidence, a));
    return e;
}

struct err
endpoint_part_parse(const struct answer *got, struct arena *a, struct page *out)
{
    size_t part = (size_t)(got->asked->call - CALL_PARTS);
    struct slice document = got->asked->carry;
    struct endpoint_document doc;
    bool again = got->status == 500;
    bool refused = got->status == 403 || again || source_too_large(got);
    struct err e = refused ? ERR_OK : endpoint_status(got, a);
    if (e.kind == ERR_NONE)
        e = endpoint_document_read(document, a, &doc);
    if (e.kind)
        return e;
    if (got->status == 403)
        e = not_allowed(got, a, part, out);
    else if (source_too_large(got))
        e = err_make(ERR_REJECT, "endpoint.part", "/%s of an alert is too large",
                     endpoint_part_name((enum endpoint_part)part));
    else if (again || (got->status >= 400 && got->status != 404))
        e = err_make(ERR_REJECT, "endpoint.part", "%ld: /%s of an alert is not given", got->status,
                     endpoint_part_name((enum endpoint_part)part));
    else
        e = take_part(got, a, part, &document, &again);
    if (e.kind == ERR_RETRY)
        return e;
    struct slice id = source_id(doc.alert, "id", a);
    if (e.kind == ERR_REJECT && again && got->asked->skip + 1 < PART_TRIES)
        return ask_part(got, a, part, document, id, got->asked->skip + 1, out);
    if (e.kind)
        out->warn = e;
    size_t next = next_part(got->conf, a, part + 1);
    if (next < PARTS)
        return ask_part(got, a, next, document, id, 0, out);
    return finish(got, a, &doc, document, out);
}
