/*
 * Office 365 ATP: audit records of content type Audit.General. Ref: sources.md 3.
 *
 * A round lists one window of blobs, page by page, and then fetches each blob that is new; see
 * mail_wire.h for the parts. Records that come twice change nothing (design.md 5, promise 3).
 */
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "ingest/mail_hook.h"
#include "ingest/mail_map.h"
#include "ingest/mail_wire.h"
#include "ingest/probe.h"
#include "ingest/source.h"

enum { ID_MAX = 400, FIRST_MAX = 40 };

static const struct opt mail_opts[] = {
    OPT_INT("ingest.mail.overlap_s", "s", 3600, 0, 21600,
            "How long after its time a blob may still become available: so much of what was listed "
            "is listed again."),
    OPT_INT("ingest.mail.window_s", "s", 86400, 60, 86400,
            "Width of the window that one round lists, at most; with very many blobs it is made "
            "narrower by itself."),
    OPT_INT("ingest.mail.blob_tries", "tries", 8, 1, 200,
            "Rounds in which a blob that is no JSON is asked for before it becomes a dead letter."),
    OPT_TEXT("ingest.mail.webhook_url", NULL,
             "Public https address whose paths lead to the webhook listeners; unset: the feed is "
             "only polled."),
    OPT_TEXT("ingest.mail.webhook_key_file", NULL,
             "File with the secret that proves the feed's notifications, the same on all workers."),
    OPT_TEXT("ingest.mail.webhook_address", "127.0.0.1",
             "Address on which the mail worker takes notifications."),
    OPT_INT("ingest.mail.webhook_port", NULL, 0, 0, 65535,
            "Port on which the mail worker takes notifications; 0: it does not listen."),
    OPT_TEXT("ingest.mail.webhook_cert_file", NULL,
             "Certificate of the listener, in PEM; without one it speaks HTTP, for a proxy."),
    OPT_TEXT("ingest.mail.webhook_cert_key_file", NULL,
             "Private key of the listener's certificate, in PEM."),
    OPT_END,
};

/* One quota for all calls of a tenant: sources.md 3.9. */
static const struct source_call mail_calls[] = {
    {.name = "feed", .per_minute = 2000, .share_percent = 80},
    {.name = NULL},
};

static struct err
mail_first(const struct source_conf *c, const struct cursor *at, struct arena *a,
           struct source_request **out, size_t *out_n)
{
    struct source_request *list = arena_alloc(a, FIRST_MAX * sizeof *list);
    size_t n = 0;
    *out = list;
    *out_n = 0;
    if (list == NULL)
        return mail_no_memory();
    struct err e = mail_blob_waiting(c, at, a, list, FIRST_MAX - 1, &n);
    if (e.kind)
        return e;
    e = mail_start_due(c, at, a) ? mail_start_request(c, at, a, &list[n])
                                 : mail_list_request(c, at, MAIL_LIST, a, &list[n]);
    *out_n = n + 1;
    return e;
}

static struct err
mail_parse(const struct answer *got, struct arena *a, struct page *out)
{
    *out = (struct page){.at = got->asked->at};
    struct slice code = mail_code(got, a);
    switch (mail_call_of(got->asked)) {
    case MAIL_START:
        return mail_start_parse(got, code, a, out);
    case MAIL_BLOB:
        return mail_blob_parse(got, code, a, out);
    case MAIL_LIST:
    case MAIL_LIST_AFTER_START:
        break;
    }
    return mail_list_parse(got, code, a, out);
}

/* An id is a key in tables and logs: no control characters, which JSON can hide as \u0000. */
static bool
good_id(struct slice id)
{
    for (size_t i = 0; i < id.n; i++)
        if ((unsigned char)id.p[i] < ' ')
            return false;
    return id.n > 0 && id.n <= ID_MAX;
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
    return out->native_id.p != NULL ? ERR_OK : mail_no_memory();
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
    return out->native_id.p != NULL ? ERR_OK : mail_no_memory();
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
    if (json_type(json_get(record, "RecordType")) == JSON_ABSENT &&
        json_get_text(record, "contentId").n > 0) /* see mail_blob.c */
        return err_make(ERR_REJECT, "mail.blob", "a blob was given up: %.*s",
                        SLICE_ARG(slice_sub(json_get_text(record, "reason"), 0, 120)));
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
        return out->native_id.p != NULL ? ERR_OK : mail_no_memory();
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
    .answer_max_mib = 256,
    .probe = &probe_mail,
    .opts = mail_opts,
    .calls = mail_calls,
    .hook = &mail_hook_kind,
    .first = mail_first,
    .parse = mail_parse,
    .ident = mail_ident,
    .map = mail_map,
};
