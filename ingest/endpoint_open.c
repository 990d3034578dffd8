/*
 * Updates from a server that does not filter by lastUpdateTime: every open alert is read again by
 * its id, about every quarter of an hour. Ref: sources.md 2.11, 6.
 */
#include <string.h>

#include "common/clock.h"
#include "ingest/endpoint_internal.h"

#define AGAIN_AFTER (15 * 60 * CLOCK_SECOND)
/* A note is written anew only so often: each one that changes has the notes stored again. */
#define NOTED_AFTER (5 * 60 * CLOCK_SECOND)
#define OPEN_FOR (30 * ENDPOINT_DAY)

static bool
is_open_note(const struct source_conf *c, const struct source_note *note)
{
    return note->until > c->now && slice_starts(note->key, SLICE("o:")) && note->key.n > 2 &&
           note->key.p[2] != '#'; /* an id that is no key cannot be asked for */
}

struct err
endpoint_seen(const struct source_conf *c, struct arena *a, struct json alert, struct slice id,
              struct page *out)
{
    const struct source_note *note = endpoint_note(c, a, "o", id);
    if (slice_eq_nocase(source_word(alert, "status"), SLICE("Resolved")))
        return note != NULL ? endpoint_remember(out, a, "o", id, 0, CLOCK_NONE) : ERR_OK;
    if (note != NULL && note->value > c->now - NOTED_AFTER)
        return ERR_OK;
    return endpoint_remember(out, a, "o", id, c->now, c->now + OPEN_FOR);
}

struct err
endpoint_forget_open(const struct source_conf *c, struct arena *a, struct page *out)
{
    struct err e = ERR_OK;
    if (endpoint_note(c, a, "m", SLICE("open")) == NULL)
        return e;
    e = endpoint_remember(out, a, "m", SLICE("open"), 0, CLOCK_NONE);
    for (size_t i = 0; i < c->notes.n && e.kind == ERR_NONE; i++)
        if (is_open_note(c, &c->notes.list[i]))
            e = endpoint_remember(out, a, "o", slice_sub(c->notes.list[i].key, 2, SIZE_MAX), 0,
                                  CLOCK_NONE);
    return e;
}

/* ---- asking */

/* Puts a note among the longest unread ones. */
static void
put_due(const struct source_note **due, size_t *n, const struct source_note *note)
{
    size_t at = *n < ENDPOINT_DUE_MAX ? (*n)++ : ENDPOINT_DUE_MAX;
    if (at == ENDPOINT_DUE_MAX) {
        if (note->value >= due[at - 1]->value)
            return;
        at--;
    }
    for (; at > 0 && due[at - 1]->value > note->value; at--)
        due[at] = due[at - 1];
    due[at] = note;
}

struct err
endpoint_due(const struct source_conf *c, struct arena *a, const struct source_request *like,
             struct source_request *out, size_t *out_n)
{
    const struct source_note *due[ENDPOINT_DUE_MAX];
    size_t n = 0;
    for (size_t i = 0; i < c->notes.n; i++)
        if (is_open_note(c, &c->notes.list[i]) && c->notes.list[i].value <= c->now - AGAIN_AFTER)
            put_due(due, &n, &c->notes.list[i]);
    *out_n = n;
    for (size_t i = 0; i < n; i++) {
        struct slice id = slice_sub(due[i]->key, 2, SIZE_MAX);
        struct slice url = endpoint_url(c, a, slice_join(a, SLICE("/"), fetch_url_encode(a, id)));
        if (url.p == NULL || arena_short(a))
            return err_make(ERR_RETRY, "endpoint.memory", "no memory for a request");
        out[i] = (struct source_request){
            .call = CALL_ALERT,
            .together = true,
            .carry = id,
            .step = like->step,
            .at = like->at,
            .from = CLOCK_NONE,
            .until = CLOCK_NONE,
            .seen = CLOCK_NONE,
        };
        endpoint_get(&out[i], url);
    }
    return ERR_OK;
}

/* ---- answers */

static struct err
take_alert(const struct answer *got, struct arena *a, struct json alert, struct page *out)
{
    struct slice id = got->asked->carry;
    int mode = got->asked->step;
    int64_t print = endpoint_print(alert, !(mode & MODE_PLAIN), a);
    const struct source_note *sent = endpoint_note(got->conf, a, "e", id);
    if (sent != NULL && sent->value == print)
        return endpoint_sent(got->conf, out, a, id, print); /* for as long as it is open */
    if (endpoint_incomplete(got->conf, a, alert, got->body, mode, true))
        return endpoint_complete(got, a, slice_trim(got->body), out);
    struct raw_alert *raw = arena_alloc(a, sizeof *raw);
    if (raw == NULL)
        return err_make(ERR_RETRY, "endpoint.memory", "no memory for an alert");
    *raw = (struct raw_alert){id, source_time(alert, "lastUpdateTime"), slice_trim(got->body)};
    out->alerts = raw;
    out->n_alerts = 1;
    return endpoint_sent(got->conf, out, a, id, print);
}

struct err
endpoint_alert_parse(const struct answer *got, struct arena *a, struct page *out)
{
    struct slice id = got->asked->carry;
    struct endpoint_document doc;
    if (got->status == 404) {
        struct err e = endpoint_remember(out, a, "o", id, 0, CLOCK_NONE);
        return e.kind ? e : endpoint_remember(out, a, "e", id, 0, CLOCK_NONE);
    }
    if (source_too_large(got)) /* the round goes on without it */
        return got->failed;
    struct err e = endpoint_status(got, a);
    if (e.kind == ERR_NONE && (got->status < 200 || got->status > 299))
        e = endpoint_refused(got, a);
    if (e.kind && (got->status == 500 || got->status == 400))
        e.kind = ERR_REJECT; /* this one alone: its turn comes again, and the round goes on */
    if (e.kind == ERR_NONE)
        e = endpoint_document_read(got->body, a, &doc);
    if (e.kind)
        return e;
    if (!slice_eq(source_id(doc.alert, "id", a), id))
        return err_make(ERR_REJECT, "endpoint.shape", "another alert than the one asked for");
    e = take_alert(got, a, doc.alert, out);
    return e.kind ? e : endpoint_seen(got->conf, a, doc.alert, id, out);
}
