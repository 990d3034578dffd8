/*
 * Azure ATP: CEF lines that one sensor sends by syslog. Ref: sources.md 5.
 *
 * A line is a whole alert; a later line of the same alert repeats it with new words, so the newest
 * line is the alert. Several documents of one alert are therefore never needed.
 */
#include <assert.h>
#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/json.h"
#include "ingest/cef.h"
#include "ingest/identity_table.h"
#include "ingest/probe.h"
#include "ingest/source.h"

enum { GUID_MIN = 24, GUID_MAX = 40 }; /* ATA has 24 digits, documentation GUIDs of 35 */

static bool
contains(struct slice s, struct slice needle)
{
    return slice_find(s, needle, 0) < s.n;
}

/* The product's name, also where a translator had it: "ATP do Azure". */
static bool
is_identity(const struct cef *c)
{
    return slice_eq(c->product, SLICE("ATA")) ||
           slice_eq(c->product, SLICE("Microsoft Defender for Identity")) ||
           (contains(c->product, SLICE("Azure")) && contains(c->product, SLICE("ATP")));
}

/* ---- the URL in cs1 and what it names */

/* Up to the first blank: two lines in one datagram leave the second behind the first's URL. */
static struct slice
url_of(const struct cef *c)
{
    struct slice url = cef_get(c, "cs1");
    while (url.n > 0 && (url.p[0] == '=' || url.p[0] == ' '))
        url = cef_blank_trim(slice_sub(url, 1, url.n));
    return slice_split(&url, ' ');
}

static bool
guid_like(struct slice s)
{
    if (s.n < GUID_MIN || s.n > GUID_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\0' || strchr("0123456789abcdefABCDEF-", s.p[i]) == NULL)
            return false;
    return true;
}

/* The last segment of the URL without its "aa"; SLICE_NONE: it names no alert. */
static struct slice
guid_of(struct slice url, struct arena *a)
{
    url = slice_sub(url, 0, slice_find(url, SLICE("?"), 0));
    while (slice_ends(url, SLICE("/")))
        url.n--;
    struct slice last = url;
    while (last.n > 0 && contains(last, SLICE("/")))
        (void)slice_split(&last, '/');
    /* "aa" is a prefix when a GUID follows it whole; a GUID may also begin with aa */
    bool prefixed = last.n >= 37 && (last.p[0] | 32) == 'a' && (last.p[1] | 32) == 'a';
    if (prefixed)
        last = slice_sub(last, 2, last.n);
    return guid_like(last) ? slice_lower(a, last) : SLICE_NONE;
}

/* The first label of a host under atp.azure.com; SLICE_NONE: the line names no workspace. */
static struct slice
workspace_of(struct slice url)
{
    size_t at = slice_find(url, SLICE("://"), 0);
    if (at >= url.n)
        return SLICE_NONE;
    struct slice host = slice_sub(url, at + 3, url.n);
    while (host.n > 0 && host.p[0] == '/') /* https:////, as printed in one sample */
        host = slice_sub(host, 1, host.n);
    host = slice_split(&host, '/');
    if (!contains(host, SLICE(".atp.azure.")))
        return SLICE_NONE;
    return slice_split(&host, '.');
}

/* The alert's key: its GUID, else what names these very bytes. */
static struct slice
key_of(const struct cef *c, struct slice line, struct arena *a)
{
    struct slice guid = c != NULL ? guid_of(url_of(c), a) : SLICE_NONE;
    if (guid.p != NULL)
        return guid;
    uint8_t sum[CRYPTO_SHA256];
    crypto_sha256(line, sum);
    struct slice hex = slice_hex(a, (struct slice){(const char *)sum, 16});
    return hex.p == NULL ? SLICE_NONE : slice_join(a, SLICE("line:"), hex);
}

/* ---- one frame from the listener */

static struct err
identity_parse(const struct answer *got, struct arena *a, struct page *out)
{
    *out = (struct page){.at = got->asked != NULL ? got->asked->at : (struct cursor){.since = 0}};
    if (cef_blank_trim(got->body).n == 0)
        return ERR_OK; /* a blank line between two frames is no alert */
    struct cef c;
    struct err e = cef_parse(got->body, a, &c);
    if (e.kind == ERR_RETRY)
        return e;
    bool readable = e.kind == ERR_NONE;
    struct slice ours = got->conf != NULL ? got->conf->workspace : SLICE_NONE;
    struct slice theirs = readable ? workspace_of(url_of(&c)) : SLICE_NONE;
    if (ours.n > 0 && theirs.n > 0 && !slice_eq_nocase(ours, theirs))
        return err_make(ERR_REJECT, "identity.workspace",
                        "the line names another workspace than the tenant's");
    struct raw_alert *r = arena_alloc(a, sizeof *r);
    struct slice key = key_of(readable ? &c : NULL, got->body, a);
    struct slice line = slice_dup(a, got->body);
    if (r == NULL || key.p == NULL || line.p == NULL)
        return err_make(ERR_RETRY, "identity.memory", "no room for a line");
    *r = (struct raw_alert){.native_id = key, .version = CLOCK_NONE, .payload = line};
    out->alerts = r;
    out->n_alerts = 1;
    return ERR_OK;
}

/* ---- what a line is */

static struct slice clean_title(struct slice s);
static const struct identity_type *type_of(const struct cef *c);

/*
 * Health lines name no activity. The class id decides first, then what only health lines lack: the
 * id alone does not, since "externalId=1011" may be part of an account's name in a text. A line
 * that has no start is one also when nothing else says that it is an alert: no type that is known,
 * no id in the URL.
 */
static bool
is_health(const struct cef *c, struct arena *a)
{
    if (slice_ends(c->class_id, SLICE("MonitoringAlert")))
        return true;
    if (cef_get(c, "start").p != NULL || slice_ends(c->class_id, SLICE("SecurityAlert")) ||
        slice_ends(c->class_id, SLICE("SuspiciousActivity")))
        return false;
    int64_t id = 0;
    bool low = slice_int(cef_get(c, "externalId"), &id) && id >= 1000 && id <= 1099;
    bool page = slice_ends(url_of(c), SLICE("/monitoring"));
    return low || page || (type_of(c) == NULL && guid_of(url_of(c), a).p == NULL);
}

static struct err
ignore(struct source_ident *out, const char *reason)
{
    *out = (struct source_ident){.fate = FATE_IGNORE, .reason = reason, .version = CLOCK_NONE};
    return ERR_OK;
}

static struct err
identity_ident(struct slice payload, enum identity_channel channel, struct arena *a,
               struct source_ident *out)
{
    struct cef c;
    struct err e = cef_parse(payload, a, &c);
    if (e.kind == ERR_RETRY)
        return e;
    if (e.kind != ERR_NONE)
        return err_make(ERR_REJECT, "identity.header", "%s", e.text);
    if (!is_identity(&c))
        return ignore(out, slice_starts(c.class_id, SLICE("EVENT_")) ? "identity.activity"
                                                                     : "identity.other");
    if (is_health(&c, a))
        return ignore(out, "identity.health");
    if (channel == IDENTITY_OFF)
        return ignore(out, "identity.off");
    *out = (struct source_ident){.fate = channel == IDENTITY_SYSLOG ? FATE_ALERT : FATE_IGNORE,
                                 .reason = "identity.by_apps",
                                 .native_id = key_of(&c, payload, a),
                                 .version = CLOCK_NONE,
                                 .twin = identity_detection(type_of(&c), clean_title(c.name), a)};
    if (out->native_id.p == NULL || out->twin.p == NULL)
        return err_make(ERR_RETRY, "identity.memory", "no room for a key");
    return ERR_OK;
}

/* ---- map: title and type */

static struct slice
without_stars(struct slice s)
{
    s = cef_blank_trim(s);
    while (s.n > 0 && s.p[0] == '*')
        s = slice_sub(s, 1, s.n);
    while (s.n > 0 && s.p[s.n - 1] == '*')
        s.n--;
    return cef_blank_trim(s);
}

/* "** [PREVIEW] ** Name ** " to "Name". */
static struct slice
clean_title(struct slice s)
{
    s = without_stars(s);
    size_t end = s.n > 0 && s.p[0] == '[' ? slice_find(s, SLICE("]"), 0) : s.n;
    return end + 1 < s.n ? without_stars(slice_sub(s, end + 1, s.n)) : s;
}

/*
 * The title goes before the id: printed lines hold the id of a neighbour (sources.md 5.10). Of a
 * title that is not known, translated or new, the class id of the product goes before an id of 2019
 * when it names one type alone; later types may share the class id of an earlier one.
 */
static const struct identity_type *
type_of(const struct cef *c)
{
    enum { FIRST_2019 = 2002, LAST_2019 = 2039 };
    int64_t id = 0;
    const struct identity_type *t = identity_type_of_title(clean_title(c->name));
    if (t != NULL)
        return t;
    if (slice_int(cef_get(c, "externalId"), &id))
        t = identity_type_of_id(id);
    bool sure = t != NULL && (id < FIRST_2019 || id > LAST_2019 ||
                              !slice_ends(c->class_id, SLICE("SecurityAlert")));
    const struct identity_type *of_class = sure ? NULL : identity_type_of_title(c->class_id);
    return of_class != NULL ? of_class : t;
}

static enum severity
severity_from(struct slice word, const struct identity_type *t)
{
    int64_t n = 0;
    if (slice_int(word, &n) && n >= 1 && n <= 10)
        return n <= 3 ? SEVERITY_LOW : n <= 6 ? SEVERITY_MEDIUM : SEVERITY_HIGH;
    enum severity s = severity_of(word);
    return s == SEVERITY_UNKNOWN && t != NULL ? t->severity : s;
}

static struct err
say_what(const struct cef *c, struct arena *a, struct alert *out)
{
    const struct identity_type *t = type_of(c);
    struct slice title = clean_title(c->name);
    bool run_together = title.n > 0 && !contains(title, SLICE(" "));
    if (t != NULL && (title.n == 0 || (run_together && identity_type_of_title(title) != NULL)))
        title = slice_of(t->name);
    if (title.n == 0)
        title = c->class_id;
    if (title.n == 0)
        return err_make(ERR_REJECT, "identity.title", "the line has neither a name nor a class id");
    struct slice id = cef_get(c, "externalId");
    out->title = title;
    out->description = cef_get(c, "msg");
    out->severity = severity_from(c->severity, t);
    alert_word(out, "severity", c->severity);
    out->status = STATUS_NEW;
    out->service = SERVICE_IDENTITY;
    out->detection = DETECTION_IDENTITY;
    out->detector_id = id;
    out->detector = t != NULL           ? slice_printf(a, "%d", t->id)
                    : id.n > 0          ? id
                    : c->class_id.n > 0 ? c->class_id
                                        : title;
    if (out->detector.p == NULL)
        return err_make(ERR_RETRY, "identity.memory", "no room for an alert");
    if (t != NULL) {
        out->category = slice_of(t->category);
        out->tactics = t->tactics;
        out->n_techniques = identity_techniques(t, out->techniques, ALERT_TECHNIQUES_MAX);
    }
    return ERR_OK;
}

/* ---- map: times */

/* The syslog header's time, when it has one with a year; blanks of any script around it. */
static int64_t
header_time(struct slice before)
{
    for (size_t at = slice_find(before, SLICE("T"), 0); at < before.n;
         at = slice_find(before, SLICE("T"), at + 1)) {
        struct slice rest = at >= 10 ? slice_sub(before, at - 10, 40) : SLICE_NONE;
        struct slice word = slice_split(&rest, ' ');
        int64_t t = CLOCK_NONE;
        if (word.n > 0 && clock_parse(word, &t) && t != CLOCK_NONE)
            return t;
    }
    return CLOCK_NONE;
}

/*
 * An update says nothing of when the alert was made; the activity's start is the nearest moment
 * known not to be after it, and does not move from one update to the next.
 */
static struct err
say_when(const struct cef *c, struct alert *out)
{
    int64_t sent = header_time(c->before), start = CLOCK_NONE;
    if (!clock_parse(cef_get(c, "start"), &start))
        start = CLOCK_NONE;
    if (sent == CLOCK_NONE)
        sent = start;
    if (start == CLOCK_NONE)
        start = sent;
    if (start == CLOCK_NONE)
        return err_make(ERR_REJECT, "identity.time", "neither a start nor a time in the header");
    bool update = slice_eq_nocase(cef_custom(c, "trigger"), SLICE("update"));
    out->created = update ? start : sent;
    out->first_activity = start;
    out->last_activity = sent > start ? sent : start;
    out->updated = out->last_activity > out->created ? out->last_activity : out->created;
    return ERR_OK;
}

/* ---- map: whom it concerns */

static void
add_ip(struct alert *out, struct arena *a, struct slice ip, enum evidence_role role)
{
    struct evidence *v = ip.n > 0 ? alert_add(out, a, EVIDENCE_IP) : NULL;
    if (v != NULL) {
        v->ip = ip;
        v->role = role;
    }
}

/* A computer by short name, full name or both; a sensor that could not resolve it gives its
 * address. */
static void
add_device(struct alert *out, struct arena *a, struct slice name, struct slice fqdn,
           enum evidence_role role)
{
    struct slice ip = alert_fold_ip(name, a);
    if (ip.n > 0) {
        add_ip(out, a, ip, role);
        name = SLICE_NONE;
    }
    bool full = contains(name, SLICE("."));
    if (full && fqdn.n == 0)
        fqdn = name;
    if (name.n == 0 || full) {
        struct slice rest = full ? name : fqdn;
        name = slice_split(&rest, '.');
    }
    struct evidence *v = name.n > 0 ? alert_add(out, a, EVIDENCE_DEVICE) : NULL;
    if (v == NULL)
        return;
    v->host_name = name;
    v->dns_name = fqdn.n > 0 ? alert_fold_host(fqdn, a) : SLICE_NONE;
    v->role = role;
}

/* UPN, domain\name, a display name (it has a blank) or the name of the account alone. */
static void
add_user(struct alert *out, struct arena *a, struct slice who)
{
    struct evidence *v = who.n > 0 ? alert_add(out, a, EVIDENCE_USER) : NULL;
    if (v == NULL)
        return;
    struct slice upn = alert_fold_upn(who, a);
    size_t bar = slice_find(who, SLICE("\\"), 0);
    if (upn.n > 0) {
        v->upn = upn;
        v->account_name = slice_sub(upn, 0, slice_find(upn, SLICE("@"), 0));
    } else if (bar < who.n) {
        v->domain_name = slice_sub(who, 0, bar);
        while (bar < who.n && who.p[bar] == '\\') /* escaped or not */
            bar++;
        v->account_name = slice_sub(who, bar, who.n);
    } else if (contains(who, SLICE(" "))) {
        v->display_name = who;
    } else {
        v->account_name = who;
    }
}

static void
say_whom(const struct cef *c, const struct identity_type *t, struct arena *a, struct alert *out)
{
    struct slice fqdn = cef_get(c, "shostfqdn");
    if (fqdn.n == 0)
        fqdn = cef_custom(c, "shostfqdn");
    add_device(out, a, cef_get(c, "shost"), fqdn, ROLE_SOURCE);
    add_device(out, a, cef_custom(c, "ticketSourceComputer"), SLICE_NONE, ROLE_COMPROMISED);
    add_ip(out, a, alert_fold_ip(cef_custom(c, "ticketSourceComputerIpAddress"), a),
           ROLE_COMPROMISED);
    add_ip(out, a, alert_fold_ip(cef_get(c, "src"), a), ROLE_SOURCE);
    struct slice dhost = cef_get(c, "dhost");
    bool domain = t != NULL && t->id == 2031; /* there it is the name that was asked for */
    struct evidence *v = domain && dhost.n > 0 ? alert_add(out, a, EVIDENCE_URL) : NULL;
    if (v != NULL) {
        v->url = dhost;
        v->role = ROLE_DESTINATION;
    }
    if (!domain)
        add_device(out, a, dhost, cef_get(c, "dhostfqdn"), ROLE_DESTINATION);
    add_user(out, a, cef_get(c, "suser"));
    add_user(out, a, cef_get(c, "duser"));
}

/* Members that have no place in the alert. */
static void
say_rest(const struct cef *c, struct arena *a, struct alert *out)
{
    static const char *const names[] = {"app",           "cnt", "outcome",  "reason", "request",
                                        "requestMethod", "cs2", "cs2Label", "cs3",    "cs3Label"};
    struct json_out *o = json_out_object(a);
    json_out_text(o, "classId", c->class_id);
    json_out_text(o, "sensorVersion", c->version);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct slice v = cef_get(c, names[i]);
        if (v.n > 0)
            json_out_text(o, names[i], v);
    }
    out->additional = json_out_print(o, a);
}

static struct err
identity_map(const struct source_document *docs, size_t n, struct slice directory_id,
             struct arena *a, struct alert *out)
{
    (void)directory_id;
    assert(n > 0);
    const struct source_document *d = &docs[0];
    for (size_t i = 1; i < n; i++) /* whichever came last; bytes decide between equals */
        if (docs[i].received > d->received ||
            (docs[i].received == d->received && slice_cmp(docs[i].payload, d->payload) > 0))
            d = &docs[i];
    struct cef c;
    struct err e = cef_parse(d->payload, a, &c);
    if (e.kind)
        return e;
    alert_init(out);
    out->source = SLICE("identity");
    out->native_id = key_of(&c, d->payload, a);
    bool line = slice_starts(out->native_id, SLICE("line:"));
    out->provider_alert_id = out->native_id;
    out->id = slice_join(a, SLICE("aa"), line ? slice_sub(out->native_id, 5, 32) : out->native_id);
    out->version = d->received;
    out->web_url = url_of(&c);
    if (out->native_id.p == NULL || out->id.p == NULL)
        return err_make(ERR_RETRY, "identity.memory", "no room for an alert");
    if ((e = say_what(&c, a, out)).kind || (e = say_when(&c, out)).kind)
        return e;
    say_whom(&c, type_of(&c), a, out);
    say_rest(&c, a, out);
    return alert_finish(out, a);
}

const struct source source_identity = {
    .name = "identity",
    .number = 4,
    .probe = &probe_identity,
    .listens = true,
    .parse = identity_parse,
    .ident = identity_ident,
    .map = identity_map,
};
