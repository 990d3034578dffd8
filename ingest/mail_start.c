/* The subscription of a tenant, with or without a webhook. Ref: sources.md 3.1, 3.2, 3.4. */
#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/json.h"
#include "ingest/mail_hook.h"
#include "ingest/mail_wire.h"

#define MINUTE (60 * CLOCK_SECOND)
#define DAY (INT64_C(86400) * CLOCK_SECOND)

#define NOTE_START SLICE("start")     /* value: when a start was asked for last */
#define NOTE_WEBHOOK SLICE("webhook") /* value: number of the webhook; negative: it was refused */
#define BETWEEN_STARTS (15 * MINUTE)
#define WEBHOOK_KEPT (7 * DAY)

enum { WITHOUT_WEBHOOK = 1 << MAIL_CALL_BITS }; /* in step: the feed has refused it */

/* The body of a start; NONE: no webhook is wanted. number tells it from another one. */
static struct err
webhook_body(const struct source_conf *c, struct arena *a, struct slice *body, int64_t *number)
{
    struct mail_hook hook;
    uint8_t sum[CRYPTO_SHA256];
    *body = SLICE_NONE;
    *number = 0;
    struct err e = mail_hook_of(c->conf, c->directory_id, a, &hook);
    if (e.kind || hook.address.n == 0)
        return e;
    struct json_out *o = json_out_object(a), *inner = json_out_object(a);
    json_out_text(inner, "address", hook.address);
    json_out_text(inner, "authId", hook.auth_id);
    json_out_text(inner, "expiration", SLICE("")); /* never */
    json_out_set(o, "webhook", inner);
    *body = json_out_print(o, a);
    if (body->p == NULL)
        return mail_no_memory();
    crypto_sha256(*body, sum);
    memcpy(number, sum, sizeof *number);
    *number = (*number & INT64_MAX) | 1;
    return ERR_OK;
}

bool
mail_start_due(const struct source_conf *c, const struct cursor *at, struct arena *a)
{
    struct slice body;
    int64_t number = 0;
    if (!at->started)
        return true;
    const struct source_note *told = source_note(c, NOTE_WEBHOOK);
    struct err e = webhook_body(c, a, &body, &number);
    if (e.kind || mail_start_wait_ms(c) > 0)
        return false;
    if (number == 0) /* one that is not wanted any more */
        return told != NULL && told->value > 0;
    if (told == NULL || (told->value != number && told->value != -number))
        return true;
    return told->until < c->now + WEBHOOK_KEPT - DAY; /* daily: this revives a disabled one */
}

int64_t
mail_start_wait_ms(const struct source_conf *c)
{
    const struct source_note *last = source_note(c, NOTE_START);
    if (last == NULL || last->value > c->now || c->now - last->value >= BETWEEN_STARTS)
        return 0;
    return (last->value + BETWEEN_STARTS - c->now) / (CLOCK_SECOND / 1000) + 1;
}

static struct err
start_request(const struct source_conf *c, const struct cursor *at, int step, struct arena *a,
              struct source_request *out)
{
    struct slice body = SLICE_NONE;
    int64_t number;
    *out = (struct source_request){.step = step, .at = *at};
    struct err e = step == MAIL_START ? webhook_body(c, a, &body, &number) : ERR_OK;
    if (e.kind)
        return e;
    if (body.p != NULL) {
        out->http.body = body;
        out->http.headers[out->http.n_headers++] = SLICE("Content-Type: application/json");
    }
    struct slice url = mail_feed_url(c, "subscriptions/start?contentType=Audit.General", a);
    return mail_request(c, "POST", url, a, out);
}

struct err
mail_start_request(const struct source_conf *c, const struct cursor *at, struct arena *a,
                   struct source_request *out)
{
    return start_request(c, at, MAIL_START, a, out);
}

/* What is remembered of a start that was taken. */
static struct err
note_start(const struct answer *got, struct arena *a, struct page *out)
{
    const struct source_conf *c = got->conf;
    bool without = (got->asked->step & WITHOUT_WEBHOOK) != 0;
    struct slice body;
    int64_t number;
    struct err e = mail_note(out, a, NOTE_START, c->now, c->now + BETWEEN_STARTS);
    if (e.kind == ERR_NONE)
        e = webhook_body(c, a, &body, &number);
    if (e.kind == ERR_NONE && number != 0)
        e = mail_note(out, a, NOTE_WEBHOOK, without ? -number : number, c->now + WEBHOOK_KEPT);
    else if (e.kind == ERR_NONE && source_note(c, NOTE_WEBHOOK) != NULL)
        e = mail_note(out, a, NOTE_WEBHOOK, 0, CLOCK_NONE);
    return e;
}

struct err
mail_start_parse(const struct answer *got, struct slice code, struct arena *a, struct page *out)
{
    static const char *const already[] = {"AF20024", NULL}, *const webhook[] = {"AF20021", NULL},
                             *const off[] = {"AF20022", "AF20023", NULL};
    struct source_request *r;
    struct err e;
    if (mail_code_is(code, webhook) && (got->asked->step & WITHOUT_WEBHOOK) == 0) {
        out->warn = err_make(ERR_REJECT, "mail.webhook",
                             "AF20021: the feed could not reach the webhook; polling goes on "
                             "without it for a day");
        e = mail_one_more(out, a, &r);
        return e.kind ? e : start_request(got->conf, &out->at, MAIL_START | WITHOUT_WEBHOOK, a, r);
    }
    if (mail_code_is(code, off)) /* just after a stop */
        return err_retry(BETWEEN_STARTS / (CLOCK_SECOND / 1000), "mail.subscription",
                         "%.*s: the subscription cannot be started yet", SLICE_ARG(code));
    if (!mail_ok(got) && !mail_code_is(code, already)) { /* "already enabled" is success */
        e = mail_refusal(got, code, a);
        return e.kind ? e : mail_unexpected(got, code);
    }
    out->at.started = true;
    e = note_start(got, a, out);
    if (e.kind == ERR_NONE)
        e = mail_one_more(out, a, &r);
    return e.kind ? e : mail_list_request(got->conf, &out->at, MAIL_LIST_AFTER_START, a, r);
}
