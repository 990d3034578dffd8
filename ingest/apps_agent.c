#include "ingest/apps_agent.h"

#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "ingest/apps_category.h"
#include "ingest/cef.h"
#include "ingest/map_apps.h"
#include "ingest/plain.h"

enum { HEAD_MAX = 1024 }; /* the header stands in so many bytes */

static bool
contains(struct slice s, struct slice needle)
{
    return slice_find(s, needle, 0) < s.n;
}

static bool
is_agent(const struct cef *c)
{
    return slice_eq_nocase(c->vendor, SLICE("MCAS")) ||
           slice_eq_nocase(c->product, SLICE("SIEM_Agent"));
}

/* By class id; of one that we do not know, by where its page is. */
static bool
is_activity(const struct cef *c)
{
    if (slice_starts(c->class_id, SLICE("EVENT_")))
        return true;
    return !contains(c->class_id, SLICE("ALERT")) && contains(cef_get(c, "cs1"), SLICE("/audits"));
}

bool
apps_agent_line(struct slice payload)
{
    struct slice head = slice_sub(slice_trim(payload), 0, HEAD_MAX);
    return head.n > 0 && head.p[0] != '{' && contains(head, SLICE("CEF:")) &&
           (contains(head, SLICE("|MCAS|")) || contains(head, SLICE("|SIEM_Agent|")));
}

/* ---- the key */

static bool
is_key(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
            return false;
    return s.n > 0 && s.n <= 128;
}

/* externalId, else what the portal's address names, else what names these very bytes. */
static struct slice
key_of(const struct cef *c, struct slice line, struct arena *a)
{
    struct slice id = c != NULL ? cef_get(c, "externalId") : SLICE_NONE;
    struct slice url = c != NULL ? cef_get(c, "cs1") : SLICE_NONE;
    if (is_key(id))
        return slice_dup(a, id);
    size_t at = slice_find(url, SLICE("/alerts/"), 0);
    if (at < url.n) {
        url = slice_sub(url, at + sizeof "/alerts/" - 1, url.n);
        id = slice_split(&url, '/');
        if (is_key(id))
            return slice_dup(a, id);
    }
    uint8_t sum[CRYPTO_SHA256];
    crypto_sha256(line, sum);
    struct slice hex = slice_hex(a, (struct slice){(const char *)sum, 16});
    return hex.p == NULL ? SLICE_NONE : slice_join(a, SLICE("line:"), hex);
}

/* ---- one line from the listener */

struct err
apps_agent_parse(const struct answer *got, struct arena *a, struct page *out)
{
    *out = (struct page){.n_alerts = 0};
    if (cef_blank_trim(got->body).n == 0)
        return ERR_OK;
    struct cef c;
    struct err e = cef_parse(got->body, a, &c);
    if (e.kind == ERR_RETRY)
        return e;
    bool readable = e.kind == ERR_NONE;
    if (readable && !is_agent(&c))
        return err_make(ERR_REJECT, "apps.other", "the line of another product");
    if (readable && is_activity(&c))
        return err_make(ERR_REJECT, "apps.activity", "the line tells of an activity");
    struct raw_alert *r = arena_alloc(a, sizeof *r);
    struct slice key = key_of(readable ? &c : NULL, got->body, a);
    struct slice line = slice_dup(a, got->body);
    if (r == NULL || key.p == NULL || line.p == NULL)
        return err_make(ERR_RETRY, "apps.memory", "no room for a line");
    *r = (struct raw_alert){.native_id = key, .version = CLOCK_NONE, .payload = line};
    out->alerts = r;
    out->n_alerts = 1;
    return ERR_OK;
}

/* ---- what a line is */

/* A detection of Azure ATP names its service as the API does (5.9). */
static bool
of_identity(const struct cef *c)
{
    return slice_eq_nocase(cef_get(c, "destinationServiceName"), SLICE("Active Directory")) ||
           slice_eq_nocase(cef_get(c, "cs2"), SLICE("APPID_20940")) ||
           slice_eq_nocase(cef_get(c, "cs2"), SLICE("APPID_ACTIVE_DIRECTORY"));
}

struct err
apps_agent_ident(struct slice line, enum identity_channel channel, struct arena *a,
                 struct source_ident *out)
{
    struct cef c;
    struct err e = cef_parse(line, a, &c);
    if (e.kind == ERR_RETRY)
        return e;
    if (e.kind != ERR_NONE)
        return err_make(ERR_REJECT, "apps.header", "%s", e.text);
    *out = (struct source_ident){.native_id = key_of(&c, line, a), .version = CLOCK_NONE};
    if (out->native_id.p == NULL)
        return err_make(ERR_RETRY, "apps.memory", "no room for a key");
    if (!is_agent(&c) || is_activity(&c)) {
        out->fate = FATE_IGNORE;
        out->reason = is_agent(&c) ? "apps.activity" : "apps.other";
    } else if (of_identity(&c)) {
        return apps_channel(channel, c.name, 0, a, out);
    }
    return ERR_OK;
}

/* ---- map */

/* The agent doubles apostrophes: "Policy ''Mass download'' matched". */
static struct slice
single_quoted(struct slice s, struct arena *a)
{
    if (!contains(s, SLICE("''")))
        return s;
    char *p = arena_alloc(a, s.n);
    size_t n = 0;
    if (p == NULL)
        return SLICE_NONE;
    for (size_t i = 0; i < s.n; i++) {
        p[n++] = s.p[i];
        if (s.p[i] == '\'' && i + 1 < s.n && s.p[i + 1] == '\'')
            i++;
    }
    return (struct slice){p, n};
}

/* A number from 0 to 10 (7.2); a word is taken, too. */
static enum severity
severity_from(struct slice word)
{
    int64_t n = -1;
    if (!slice_int(word, &n))
        return severity_of(word);
    if (n < 0 || n > 10)
        return SEVERITY_UNKNOWN;
    return n == 0   ? SEVERITY_INFORMATIONAL
           : n <= 3 ? SEVERITY_LOW
           : n <= 6 ? SEVERITY_MEDIUM
                    : SEVERITY_HIGH;
}

static void
say_what(const struct cef *c, struct arena *a, struct alert *out)
{
    bool identity = of_identity(c);
    out->service = identity ? SERVICE_IDENTITY : SERVICE_CLOUD_APPS;
    out->detection = identity ? DETECTION_IDENTITY : DETECTION_CLOUD_APP_SECURITY;
    out->title = plain_text(single_quoted(c->name, a), a);
    if (out->title.n == 0)
        out->title = c->class_id.n > 0 ? c->class_id : SLICE("Alert without a title");
    out->description = plain_text(single_quoted(cef_get(c, "msg"), a), a);
    out->severity = severity_from(c->severity);
    alert_word(out, "severity", c->severity);
    out->status = STATUS_NEW; /* lines tell of new alerts only */
    out->web_url = cef_get(c, "cs1");
    struct slice policies = cef_get(c, "cs4");
    out->policy_id = slice_trim(slice_split(&policies, ','));
    out->detector_id = c->class_id;
    out->detector = out->policy_id.n > 0 ? out->policy_id : out->detector_id;
    apps_say_category((struct json){{0, 0}}, -1, c->class_id, out);
}

static int64_t
time_ms(struct slice text)
{
    const int64_t year_10000_ms = INT64_C(253402300800000);
    int64_t ms = 0;
    if (!slice_int(text, &ms) || ms <= 0 || ms >= year_10000_ms)
        return CLOCK_NONE;
    return ms * (CLOCK_SECOND / 1000);
}

static void
say_when(const struct cef *c, int64_t received, struct alert *out)
{
    int64_t start = time_ms(cef_get(c, "start")), end = time_ms(cef_get(c, "end"));
    int64_t made = apps_time_of_id(out->native_id, received + 86400 * CLOCK_SECOND);
    if (start == CLOCK_NONE)
        start = time_ms(cef_get(c, "rt"));
    out->first_activity = start;
    out->last_activity = end != CLOCK_NONE && end > start ? end : start;
    out->created = made != CLOCK_NONE ? made : start != CLOCK_NONE ? start : received;
    out->updated = received;
    out->version = received;
}

static void
add_user(const struct cef *c, struct arena *a, struct alert *out)
{
    struct slice who = single_quoted(cef_get(c, "suser"), a);
    struct evidence *v = who.n > 0 ? alert_add(out, a, EVIDENCE_USER) : NULL;
    if (v == NULL)
        return;
    v->upn = alert_fold_upn(who, a);
    size_t bar = slice_find(who, SLICE("\\"), 0);
    if (v->upn.n == 0 && bar < who.n) {
        v->domain_name = slice_sub(who, 0, bar);
        v->account_name = slice_sub(who, bar + 1, who.n);
    } else if (v->upn.n == 0 && contains(who, SLICE(" "))) {
        v->display_name = who;
    } else if (v->upn.n == 0) {
        v->account_name = who;
    }
}

static void
say_whom(const struct cef *c, struct arena *a, struct alert *out)
{
    static const char *const addresses[] = {"src", "dvc", "c6a1"};
    add_user(c, a, out);
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct slice ip = alert_fold_ip(cef_get(c, addresses[i]), a);
        struct evidence *v = ip.n > 0 ? alert_add(out, a, EVIDENCE_IP) : NULL;
        if (v != NULL)
            v->ip = ip;
    }
    struct slice app = single_quoted(cef_get(c, "destinationServiceName"), a);
    struct evidence *v = app.n > 0 ? alert_add(out, a, EVIDENCE_CLOUD_APPLICATION) : NULL;
    if (v == NULL)
        return;
    v->app_name = app;
    struct slice id = cef_get(c, "cs2"); /* APPID_11161; others have a word: APPID_BOX */
    int64_t number = 0;
    if (slice_starts(id, SLICE("APPID_")) && slice_int(slice_sub(id, 6, id.n), &number))
        v->saas_app_id = slice_sub(id, 6, id.n);
    else if (slice_eq(id, SLICE("APPID_O365")))
        v->saas_app_id = SLICE("11161");
}

/* Members that have no place in the alert, by the names that the agent labels them with. */
static void
say_rest(const struct cef *c, struct arena *a, struct alert *out)
{
    static const struct {
        const char *key, *name;
    } rest[] = {
        {"cn1", "riskScore"},
        {"cs2", "uniqueServiceAppIds"},
        {"cs3", "relatedAudits"},
        {"cs4", "policyIDs"},
        {"requestClientApplication", "requestClientApplication"},
    };
    struct json_out *o = json_out_object(a);
    json_out_text(o, "classId", c->class_id);
    json_out_text(o, "agentVersion", c->version);
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
        struct slice v = cef_get(c, rest[i].key);
        if (v.n > 0)
            json_out_text(o, rest[i].name, v);
    }
    out->additional = json_out_print(o, a);
}

struct err
apps_agent_map(const struct source_document *of, struct slice directory_id, struct arena *a,
               struct alert *out)
{
    struct cef c;
    struct err e = cef_parse(of->payload, a, &c);
    if (e.kind == ERR_REJECT)
        return err_make(ERR_REJECT, "apps.header", "%s", e.text);
    if (e.kind)
        return e;
    alert_init(out);
    out->source = SLICE("apps");
    out->native_id = key_of(&c, of->payload, a);
    say_what(&c, a, out);
    out->id = apps_unified_id(out, directory_id, a);
    if (arena_short(a))
        return err_make(ERR_RETRY, "apps.memory", "no room for an alert");
    say_when(&c, of->received, out);
    say_whom(&c, a, out);
    say_rest(&c, a, out);
    return alert_finish(out, a);
}
