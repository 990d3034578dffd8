#include "ingest/mail_map.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "ingest/mail_record.h"

enum { RECORDS_MAX = 5000, ADDITIONAL_MAX = 64 * 1024 };

struct set {
    struct mail_record *r; /* by time, then id, then bytes */
    size_t n;
    const struct mail_record
        *first; /* what names the alert: AlertTriggered, else the earliest 40 */
    const struct mail_record *investigation; /* the newest of type 64 */
};

/* ---- Data */

/* The text with control characters inside its strings escaped; SLICE_NONE: out of memory. */
static struct slice
repaired(struct slice s, struct arena *a)
{
    static const char hex[] = "0123456789abcdef", escape[4] = {'\\', 'u', '0', '0'};
    size_t controls = 0;
    for (size_t i = 0; i < s.n; i++)
        controls += (unsigned char)s.p[i] < ' ';
    char *p = arena_alloc(a, s.n + controls * 5 + 1);
    if (p == NULL)
        return SLICE_NONE;
    bool inside = false;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (inside && (unsigned char)c < ' ') {
            memcpy(p + n, escape, sizeof escape);
            p[n + 4] = hex[c >> 4];
            p[n + 5] = hex[c & 15];
            n += 6;
            continue;
        }
        p[n++] = c;
        if (inside && c == '\\' && i + 1 < s.n && (unsigned char)s.p[i + 1] >= ' ')
            p[n++] = s.p[++i];
        else if (c == '"')
            inside = !inside;
    }
    return (struct slice){p, n};
}

struct err
mail_data(struct slice text, struct arena *a, struct json *out)
{
    *out = (struct json){{0, 0}};
    text = slice_trim(text);
    if (text.n == 0 || slice_eq_nocase(text, SLICE("null")))
        return ERR_OK;
    struct json doc;
    struct err e = json_parse(text, a, &doc);
    if (e.kind == ERR_REJECT) {
        struct slice better = repaired(text, a);
        if (better.p == NULL)
            return err_make(ERR_RETRY, "json.memory", "no room to repair Data");
        e = json_parse(better, a, &doc);
    }
    if (e.kind == ERR_REJECT)
        return err_make(ERR_REJECT, "mail.data", "Data: %.120s", e.text);
    if (e.kind == ERR_NONE && json_type(doc) != JSON_OBJECT)
        return err_make(ERR_REJECT, "mail.data", "Data is no JSON object");
    if (e.kind == ERR_NONE)
        *out = doc;
    return e;
}

/* ---- the set */

static int
by_time(const void *x, const void *y)
{
    const struct mail_record *a = x, *b = y;
    if (a->created != b->created)
        return a->created < b->created ? -1 : 1;
    int order = slice_cmp(a->id, b->id);
    return order != 0 ? order : slice_cmp(a->payload, b->payload);
}

static struct err
read_record(const struct source_document *doc, struct arena *a, struct mail_record *r)
{
    *r = (struct mail_record){.payload = doc->payload};
    struct err e = json_parse(doc->payload, a, &r->json);
    if (e.kind)
        return e;
    if (!json_get_int(r->json, "RecordType", &r->type))
        return err_make(ERR_REJECT, "mail.record", "a record without a RecordType");
    r->id = source_word(r->json, "Id");
    r->operation = source_word(r->json, "Operation");
    r->created = source_time(r->json, "CreationTime");
    if (r->created == CLOCK_NONE) /* when it reached us is the nearest that is known */
        r->created = doc->received;
    e = mail_data(json_get_text(r->json, "Data"), a, &r->data);
    r->unreadable = e.kind == ERR_REJECT;
    return r->unreadable ? ERR_OK : e;
}

static struct err
read_set(const struct source_document *docs, size_t n, struct arena *a, struct set *s)
{
    struct err last = err_make(ERR_REJECT, "mail.record", "an alert without records");
    *s = (struct set){.r = arena_alloc(a, (n < RECORDS_MAX ? n : RECORDS_MAX) * sizeof *s->r)};
    if (s->r == NULL)
        return err_make(ERR_RETRY, "mail.memory", "no room for %zu records", n);
    for (size_t i = 0; i < n && s->n < RECORDS_MAX; i++) {
        struct err e = read_record(&docs[i], a, &s->r[s->n]);
        if (e.kind == ERR_RETRY)
            return e;
        if (e.kind == ERR_NONE)
            s->n++;
        else
            last = e; /* one that cannot be read does not take the others with it */
    }
    if (s->n == 0)
        return last;
    qsort(s->r, s->n, sizeof *s->r, by_time);
    for (size_t i = 0; i < s->n; i++) {
        const struct mail_record *r = &s->r[i];
        bool triggered = slice_eq_nocase(r->operation, SLICE("AlertTriggered"));
        if (r->type == MAIL_INVESTIGATION)
            s->investigation = r;
        else if (r->type == MAIL_ALERT &&
                 (s->first == NULL ||
                  (triggered && !slice_eq_nocase(s->first->operation, SLICE("AlertTriggered")))))
            s->first = r;
    }
    return ERR_OK;
}

/* The newest word that a record of the type has for the member. */
static struct slice
newest(const struct set *s, enum mail_type type, const char *name)
{
    for (size_t i = s->n; i-- > 0;) {
        struct slice w =
            s->r[i].type == (int64_t)type ? source_word(s->r[i].json, name) : SLICE_NONE;
        if (w.n > 0)
            return w;
    }
    return SLICE_NONE;
}

/* ---- words */

static enum alert_status
status_from(struct slice word)
{
    static const struct {
        const char *word;
        enum alert_status status;
    } words[] = {
        {"active", STATUS_NEW},
        {"new", STATUS_NEW},
        {"investigationstarted", STATUS_NEW},
        {"investigating", STATUS_IN_PROGRESS},
        {"inprogress", STATUS_IN_PROGRESS},
        {"running", STATUS_IN_PROGRESS},
        {"pendingaction", STATUS_IN_PROGRESS},
        {"resolved", STATUS_RESOLVED},
        {"dismissed", STATUS_RESOLVED},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (mail_word_is(word, words[i].word))
            return words[i].status;
    return STATUS_UNKNOWN;
}

static struct slice
investigation_state(struct slice word)
{
    static const char *const words[][2] = {
        {"investigationstarted", "running"},
        {"running", "running"},
        {"pendingaction", "pendingApproval"},
        {"nothreatsfound", "benign"},
        {"threatsfound", "partiallyInvestigated"},
        {"remediated", "successfullyRemediated"},
        {"failed", "failed"},
        {"terminatedbysystem", "terminatedBySystem"},
        {"terminatedbythrottling", "terminatedBySystem"},
        {"terminatedbyuser", "terminatedByUser"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (mail_word_is(word, words[i][0]))
            return slice_of(words[i][1]);
    return SLICE_NONE;
}

static bool
holds(struct slice lower, const char *word)
{
    return slice_find(lower, slice_of(word), 0) < lower.n;
}

/* By policy name, then by the portal's category: sources.md 7.4. */
static struct slice
category_from(struct slice name, struct slice category, struct arena *a)
{
    static const char *const by_name[][2] = {
        {"elevation of exchange admin", "PrivilegeEscalation"},
        {"ediscovery", "Collection"},
        {"forwarding", "Exfiltration"},
        {"external file sharing", "Exfiltration"},
        {"external user file activity", "Exfiltration"},
        {"file deletion", "Impact"},
        {"restricted from sending", "SuspiciousActivity"},
        {"sending limit", "SuspiciousActivity"},
        {"sending patterns", "SuspiciousActivity"},
        {"sharepoint", "Malware"},
        {"onedrive", "Malware"},
        {"phish", "InitialAccess"},
    };
    static const char *const by_category[][2] = {
        {"datalossprevention", "Exfiltration"},
        {"datagovernance", "Exfiltration"},
        {"accessgovernance", "PrivilegeEscalation"},
    };
    static const char *const mail[] = {"mail", "url", "phish", "malware", "campaign", "message"};
    struct slice lower = slice_lower(a, name);
    for (size_t i = 0; i < sizeof by_name / sizeof *by_name; i++)
        if (holds(lower, by_name[i][0]))
            return slice_of(by_name[i][1]);
    for (size_t i = 0; i < sizeof by_category / sizeof *by_category; i++)
        if (mail_word_is(category, by_category[i][0]))
            return slice_of(by_category[i][1]);
    for (size_t i = 0; i < sizeof mail / sizeof *mail; i++)
        if (mail_word_is(category, "threatmanagement") && holds(lower, mail[i]))
            return SLICE("InitialAccess");
    return SLICE_NONE;
}

/* Intent of an investigation's alert: "Probing", a tactic, "Exploitation". */
static struct slice
category_of_intent(struct slice intent)
{
    if (mail_word_is(intent, "probing"))
        return SLICE("InitialAccess");
    if (mail_word_is(intent, "exploitation"))
        return SLICE("Exploit");
    return alert_tactic(intent) >= 0 ? intent : SLICE_NONE;
}

/* ---- status and times, over the whole set */

static struct slice
status_word(const struct mail_record *r)
{
    struct slice w = r->type == MAIL_INVESTIGATION ? source_word(r->data, "Status")
                                                   : source_word(r->json, "Status");
    if (r->type == MAIL_INVESTIGATION && status_from(w) == STATUS_UNKNOWN)
        w = source_word(r->json, "Status");
    return w;
}

/* An investigation ended when it says so, else with its record (sources.md 7.6). */
static int64_t
ended(const struct mail_record *r)
{
    int64_t end = r->type == MAIL_INVESTIGATION ? source_time(r->json, "EndTimeUtc") : CLOCK_NONE;
    return end != CLOCK_NONE ? end : r->created;
}

/* The newest record that says one; the moment of resolving is when the last run of Resolved began.
 */
static void
say_status(const struct set *s, struct alert *out)
{
    for (size_t i = 0; i < s->n; i++) {
        struct slice word = status_word(&s->r[i]);
        enum alert_status status = status_from(word);
        if (status == STATUS_UNKNOWN)
            continue;
        if (status != STATUS_RESOLVED)
            out->resolved = CLOCK_NONE;
        else if (out->status != STATUS_RESOLVED)
            out->resolved = ended(&s->r[i]);
        out->status = status;
        out->classification =
            mail_word_is(word, "dismissed") ? CLASS_FALSE_POSITIVE : CLASS_UNKNOWN;
    }
}

static int64_t
sooner(int64_t x, int64_t y)
{
    return x == CLOCK_NONE || (y != CLOCK_NONE && y < x) ? y : x;
}

static int64_t
later(int64_t x, int64_t y) /* CLOCK_NONE is the least */
{
    return x > y ? x : y;
}

static void
say_times(const struct set *s, struct alert *out)
{
    int64_t earliest = CLOCK_NONE;
    for (size_t i = 0; i < s->n; i++) {
        const struct mail_record *r = &s->r[i];
        bool air = r->type == MAIL_INVESTIGATION;
        int64_t ts = source_time(r->data, air ? "StartTimeUtc" : "ts");
        int64_t te = source_time(r->data, air ? "EndTimeUtc" : "te");
        if (ts == CLOCK_NONE && !air)
            ts = source_time(r->data, "at");
        earliest = sooner(earliest, r->created);
        out->first_activity = sooner(out->first_activity, ts);
        out->last_activity = later(out->last_activity, later(ts, te));
        out->updated = later(out->updated, r->created);
        if (air) {
            out->updated = later(out->updated, source_time(r->json, "LastUpdateTimeUtc"));
            if (out->created == CLOCK_NONE)
                out->created = source_time(r->data, "TimeGenerated");
        }
        out->version = later(out->version, r->created);
    }
    if (s->first != NULL) /* AlertTriggered, or the nearest to it that has come yet */
        out->created = s->first->created;
    if (out->created == CLOCK_NONE)
        out->created = earliest != CLOCK_NONE ? earliest : out->first_activity;
}

/* ---- an alert of types 40 and 64 */

/* "This alert is triggered when ... -V1.0.0.5" without its version. */
static struct slice
without_version(struct slice s)
{
    size_t at = slice_find(s, SLICE("-V1."), 0);
    return slice_trim(slice_sub(s, 0, at));
}

static struct slice
first_link(struct json list, const char *name)
{
    struct slice unused;
    struct json item;
    struct json_iter it = json_items(list);
    while (json_next(&it, &unused, &item)) {
        struct slice link = source_word(item, name);
        if (link.n > 0)
            return link;
    }
    return SLICE_NONE;
}

/* What a policy's alert says. */
static void
say_policy(const struct set *s, struct arena *a, struct alert *out)
{
    const struct mail_record *r = s->first;
    struct slice severity = newest(s, MAIL_ALERT, "Severity");
    struct slice category = newest(s, MAIL_ALERT, "Category");
    struct slice comment = newest(s, MAIL_ALERT, "Comments");
    bool dlp = mail_word_is(category, "datalossprevention");
    out->title = mail_either(mail_either(source_word(r->json, "Name"), source_word(r->data, "an")),
                             newest(s, MAIL_ALERT, "Name"));
    out->description = without_version(source_word(r->data, "ad"));
    out->severity = severity_of(mail_either(severity, source_word(r->data, "sev")));
    alert_word(out, "severity", severity);
    alert_word(out, "category", category);
    alert_word(out, "status", newest(s, MAIL_ALERT, "Status"));
    out->service = dlp ? SERVICE_DLP : SERVICE_OFFICE365;
    out->detection = dlp ? DETECTION_DLP : DETECTION_OFFICE365;
    out->policy_id = newest(s, MAIL_ALERT, "PolicyId");
    out->detector_id = out->policy_id;
    out->web_url = first_link(json_get(r->json, "AlertLinks"), "AlertLinkHref");
    mail_set_category(out, category_from(out->title, category, a));
    if (comment.n > 0 && !slice_eq_nocase(comment, SLICE("New alert"))) {
        out->comments = arena_alloc(a, sizeof *out->comments);
        if (out->comments != NULL)
            out->comments[out->n_comments++] =
                (struct alert_comment){.text = comment, .created = out->updated};
    }
}

/* What the newest investigation adds, or, as long as no record of the policy has come, says. */
static void
say_investigation(const struct set *s, struct arena *a, struct alert *out)
{
    const struct mail_record *r = s->investigation;
    struct slice state = newest(s, MAIL_INVESTIGATION, "Status");
    out->investigation_id = source_word(r->json, "InvestigationId");
    out->investigation_state = investigation_state(state);
    alert_word(out, "investigationState", state);
    out->description = mail_either(out->description, source_word(r->data, "Description"));
    out->web_url =
        mail_either(out->web_url, first_link(json_get(r->data, "ExtendedLinks"), "Href"));
    out->title = mail_either(out->title, mail_either(source_word(r->data, "AlertDisplayName"),
                                                     source_word(r->json, "InvestigationName")));
    if (s->first != NULL)
        return;
    struct slice category = category_of_intent(source_word(r->data, "Intent"));
    out->severity = severity_of(source_word(r->data, "Severity"));
    alert_word(out, "severity", source_word(r->data, "Severity"));
    out->service = SERVICE_OFFICE365;
    out->detection = DETECTION_AUTOMATED_INVESTIGATION;
    out->detector_id = source_word(r->data, "AlertType");
    mail_set_category(
        out, mail_either(category_from(out->title, source_word(r->data, "Category"), a), category));
}

static struct err
say_all_entities(const struct set *s, struct arena *a, struct alert *out)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct mail_record *r = &s->r[i];
        if (r->type == MAIL_ALERT)
            mail_policy_entities(r, a, out);
        if (r->type != MAIL_INVESTIGATION)
            continue;
        struct err e = mail_entities(r->data, a, out);
        struct slice unused;
        struct json item, action;
        struct json_iter it = json_items(json_get(r->json, "Actions"));
        while (e.kind == ERR_NONE && json_next(&it, &unused, &item)) {
            e = mail_data(json_text(item), a, &action);
            if (e.kind == ERR_NONE)
                e = mail_entities(action, a, out);
            else if (e.kind == ERR_REJECT)
                e = ERR_OK; /* an action that cannot be read says nothing more of the alert */
        }
        if (e.kind)
            return e;
    }
    return ERR_OK;
}

static struct err
say_rest(const struct set *s, struct arena *a, struct alert *out)
{
    const struct mail_record *r = s->first != NULL ? s->first : s->investigation;
    struct json_out *o = json_out_object(a);
    static const char *const names[] = {"AlertType",         "Category",          "Source",
                                        "InvestigationName", "InvestigationType", "DeepLinkUrl"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct slice w = source_word(r->json, names[i]);
        if (w.n > 0)
            json_out_text(o, names[i], w);
    }
    json_out_int(o, "Records", (int64_t)s->n);
    if (r->type == MAIL_ALERT && json_type(r->data) == JSON_OBJECT) {
        struct slice data = json_minify(r->data, a);
        if (data.n > 0 && data.n <= ADDITIONAL_MAX && source_shallow(data))
            json_out_set_raw(o, "Data", data);
    }
    for (size_t i = 0; i < s->n; i++) /* the newest one that cannot be read is kept as it came */
        if (s->r[i].unreadable)
            json_out_text(o, "DataUnreadable",
                          slice_sub(json_get_text(s->r[i].json, "Data"), 0, ADDITIONAL_MAX));
    out->additional = json_out_print(o, a);
    return out->additional.p != NULL ? ERR_OK
                                     : err_make(ERR_RETRY, "mail.memory", "no room for an alert");
}

static struct err
map_alert(const struct set *s, struct arena *a, struct alert *out)
{
    struct slice id = s->first != NULL ? source_word(s->first->json, "AlertId")
                                       : source_word(s->investigation->data, "ProviderAlertId");
    out->provider_alert_id = id;
    out->native_id = slice_lower(a, id);
    say_times(s, out);
    if (s->first != NULL)
        say_policy(s, a, out);
    if (s->investigation != NULL)
        say_investigation(s, a, out);
    say_status(s, out);
    if (out->title.n == 0) /* a record that names it may be still to come: it must find this one */
        out->title = SLICE("Office 365 alert without a name");
    struct err e = say_all_entities(s, a, out);
    return e.kind ? e : say_rest(s, a, out);
}

struct err
mail_map(const struct source_document *docs, size_t n, struct slice directory_id, struct arena *a,
         struct alert *out)
{
    (void)directory_id;
    struct set s;
    struct err e = read_set(docs, n, a, &s);
    if (e.kind)
        return e;
    const struct mail_record *last = &s.r[s.n - 1];
    alert_init(out);
    out->source = SLICE("mail");
    if (s.first != NULL || s.investigation != NULL)
        e = map_alert(&s, a, out);
    else if (last->type == MAIL_MESSAGE || last->type == MAIL_CLICK || last->type == MAIL_FILE)
        mail_record_alert(last, a, out);
    else
        e = err_make(ERR_REJECT, "mail.record_type", "no record that makes an alert");
    if (e.kind)
        return e;
    if (arena_short(a))
        return err_make(ERR_RETRY, "mail.memory", "no room for an alert");
    if (out->native_id.n == 0)
        return err_make(ERR_REJECT, "mail.alert_id", "the records name no alert");
    out->id = slice_join(a, SLICE("fa"), out->native_id);
    if (out->detector.n == 0)
        out->detector = out->detector_id.n > 0 ? out->detector_id : slice_lower(a, out->title);
    return alert_finish(out, a);
}
