#include "ingest/map_apps.h"

#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "ingest/apps_category.h"
#include "ingest/identity_table.h"
#include "ingest/plain.h"

enum {
    ACTIVE_DIRECTORY = 20940, /* the service of a detection by Azure ATP */
    ENTITIES_MAX = 2000,      /* looked at, of one alert */
};

/* Members with a place of their own; all others are kept in `additional`. */
static const char *const known[] = {
    "_id",      "timestamp",     "title",     "description",           "statusValue",
    "is_open",  "severityValue", "contextId", "resolutionStatusValue", "idValue",
    "entities", "handledByUser", "URL",       "resolveTime",           "comment",
    NULL,
};

/* ---- words */

static struct slice
first_of(struct slice x, struct slice y)
{
    return x.n > 0 ? x : y;
}

static bool
has_at(struct slice s)
{
    return slice_find(s, SLICE("@"), 0) < s.n;
}

/* A number that an enum's member holds, remembered as it was sent; -1: none. */
static int64_t
raw_number(struct json doc, const char *member, struct arena *a, struct alert *out)
{
    int64_t v = -1;
    struct slice text = source_id(doc, member, a);
    if (text.n > 0)
        alert_word(out, member, text);
    return json_get_int(doc, member, &v) ? v : -1;
}

static void
map_severity(struct json doc, struct arena *a, struct alert *out)
{
    static const enum severity values[] = {SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH,
                                           SEVERITY_INFORMATIONAL};
    int64_t v = raw_number(doc, "severityValue", a, out);
    if (v >= 0 && v < (int64_t)(sizeof values / sizeof values[0]))
        out->severity = values[v];
}

enum resolution { OPEN = 0, DISMISSED = 1, FALSE_POSITIVE = 3, BENIGN = 4, TRUE_POSITIVE = 5 };
enum { STATUS_READ = 1, STATUS_ARCHIVED = 2 };

/* A yes or no that came as a bool, a number or a text; -1: neither. */
static int
yes_or_no(struct json v)
{
    int64_t n = 0;
    if (json_type(v) == JSON_BOOL)
        return json_bool(v, false) ? 1 : 0;
    if (json_int(v, &n))
        return n != 0 ? 1 : 0;
    if (slice_eq_nocase(json_text(v), SLICE("true")))
        return 1;
    return slice_eq_nocase(json_text(v), SLICE("false")) ? 0 : -1;
}

/* resolutionStatusValue, else is_open, else statusValue (4.11); -1: nothing says it. */
static int64_t
resolution_of(struct json doc)
{
    int64_t v = 0;
    if (json_get_int(doc, "resolutionStatusValue", &v) && v >= 0)
        return v;
    int open = yes_or_no(json_get(doc, "is_open"));
    if (open >= 0)
        return open == 1 ? OPEN : DISMISSED;
    return json_get_int(doc, "statusValue", &v) && v == STATUS_ARCHIVED ? DISMISSED : -1;
}

bool
apps_is_open(struct json alert)
{
    return resolution_of(alert) <= OPEN;
}

static void
map_status(struct json doc, struct arena *a, struct alert *out)
{
    (void)raw_number(doc, "resolutionStatusValue", a, out);
    int64_t read = raw_number(doc, "statusValue", a, out), resolution = resolution_of(doc);
    bool handled = source_word(doc, "handledByUser").n > 0;
    if (resolution > OPEN)
        out->status = STATUS_RESOLVED;
    else if (read == STATUS_READ && handled)
        out->status = STATUS_IN_PROGRESS;
    else
        out->status = STATUS_NEW;
    if (resolution == FALSE_POSITIVE)
        out->classification = CLASS_FALSE_POSITIVE;
    if (resolution == BENIGN)
        out->classification = CLASS_EXPECTED_ACTIVITY;
    if (resolution == TRUE_POSITIVE)
        out->classification = CLASS_TRUE_POSITIVE;
    if (out->status == STATUS_RESOLVED)
        out->resolved = source_time(doc, "resolveTime");
}

/* ---- ids */

struct slice
apps_unified_id(const struct alert *al, struct slice directory_id, struct arena *a)
{
    uint8_t hash[CRYPTO_SHA256];
    char guid[37];
    struct slice folded = first_of(alert_fold_guid(directory_id, a), directory_id);
    crypto_sha256(folded, hash); /* any text serves as a directory, a GUID most of all */
    crypto_guid_of(hash, slice_lower(a, al->native_id), guid);
    for (char *c = guid; *c != 0; c++)
        if (*c >= 'a' && *c <= 'f')
            *c = (char)(*c - 'a' + 'A');
    return slice_join(a, al->service == SERVICE_IDENTITY ? SLICE("aa") : SLICE("ca"),
                      slice_of(guid));
}

int64_t
apps_time_of_id(struct slice id, int64_t most)
{
    const int64_t year_2010_s = 1262304000;
    int64_t s = 0;
    if (id.n != 24)
        return CLOCK_NONE;
    for (size_t i = 0; i < id.n; i++) {
        char c = (char)(id.p[i] | 0x20);
        bool digit = c >= '0' && c <= '9';
        if (!digit && (c < 'a' || c > 'f'))
            return CLOCK_NONE;
        if (i < 8)
            s = s * 16 + (digit ? c - '0' : c - 'a' + 10);
    }
    return s >= year_2010_s && s * CLOCK_SECOND <= most ? s * CLOCK_SECOND : CLOCK_NONE;
}

/* ---- entities */

static enum evidence_role
role_of(struct json entity)
{
    struct slice word = source_word(entity, "entityRole");
    if (slice_eq_nocase(word, SLICE("Source")))
        return ROLE_SOURCE;
    if (slice_eq_nocase(word, SLICE("Destination")))
        return ROLE_DESTINATION;
    return slice_eq_nocase(word, SLICE("Related")) ? ROLE_CONTEXTUAL : ROLE_UNKNOWN;
}

static bool
same_user(const struct evidence *x, const struct evidence *y)
{
    return (x->upn.n > 0 && slice_eq_nocase(x->upn, y->upn)) ||
           (x->aad_user_id.n > 0 && slice_eq_nocase(x->aad_user_id, y->aad_user_id));
}

static void
entity_user(struct json o, struct arena *a, struct alert *out)
{
    struct evidence *ev = alert_add(out, a, EVIDENCE_USER);
    if (ev == NULL)
        return;
    struct slice id = source_id(o, "id", a), pa = source_word(o, "pa");
    struct slice label = source_word(o, "label"), em = source_word(o, "em");
    struct slice upn = has_at(pa) ? pa : has_at(id) ? id : has_at(label) ? label : SLICE_NONE;
    ev->upn = upn;
    if (alert_fold_guid(id, a).n > 0)
        ev->aad_user_id = id;
    ev->display_name = label;
    if (upn.n == 0)
        ev->account_name = first_of(pa, label);
    ev->role = role_of(o);
    bool drop = upn.n == 0 && ev->aad_user_id.n == 0 && ev->account_name.n == 0;
    for (size_t i = 0; i + 1 < out->n_evidence && !drop; i++) {
        struct evidence *other = &out->evidence[i];
        if (other->type != EVIDENCE_USER || !same_user(other, ev))
            continue;
        other->upn = first_of(other->upn, ev->upn); /* account and user name one person */
        other->aad_user_id = first_of(other->aad_user_id, ev->aad_user_id);
        drop = true;
    }
    if (drop)
        out->n_evidence--;
    struct evidence *box = em.n > 0 ? alert_add(out, a, EVIDENCE_MAILBOX) : NULL;
    if (box != NULL) {
        box->mailbox_address = em;
        box->upn = upn;
        box->display_name = label;
    }
}

/* The id is the directory's own, of no use to other sources. */
static void
entity_device(struct json o, struct arena *a, struct alert *out)
{
    struct slice label = source_word(o, "label");
    struct evidence *ev = label.n > 0 ? alert_add(out, a, EVIDENCE_DEVICE) : NULL;
    if (ev == NULL)
        return;
    size_t dot = slice_find(label, SLICE("."), 0);
    ev->host_name = slice_sub(label, 0, dot);
    if (dot < label.n)
        ev->dns_name = label;
    ev->role = role_of(o);
}

static void
entity_ip(struct json o, struct arena *a, struct alert *out)
{
    struct slice text = first_of(source_id(o, "id", a), source_word(o, "label"));
    struct evidence *ev = text.n > 0 ? alert_add(out, a, EVIDENCE_IP) : NULL;
    if (ev == NULL)
        return;
    ev->ip = text;
    ev->role = role_of(o);
}

static void
entity_service(struct json o, struct arena *a, struct alert *out)
{
    struct slice id = source_id(o, "id", a);
    struct evidence *ev = id.n > 0 ? alert_add(out, a, EVIDENCE_CLOUD_APPLICATION) : NULL;
    if (ev == NULL)
        return;
    ev->saas_app_id = id;
    ev->app_name = source_word(o, "label");
    ev->instance_id = source_id(o, "inst", a);
    ev->role = role_of(o);
}

static void
entity_policy(struct json o, struct arena *a, struct alert *out)
{
    if (out->policy_id.n == 0)
        out->policy_id = source_id(o, "id", a);
}

static void
entity_file(struct json o, struct arena *a, struct alert *out)
{
    struct slice name = first_of(source_word(o, "name"), source_word(o, "label"));
    struct evidence *ev = name.n > 0 ? alert_add(out, a, EVIDENCE_FILE) : NULL;
    if (ev == NULL)
        return;
    ev->file_name = name;
    ev->role = role_of(o);
}

static const struct {
    const char *type;
    void (*add)(struct json o, struct arena *a, struct alert *out);
} entity_types[] = {
    {"account", entity_user},  {"user", entity_user},       {"ip", entity_ip},
    {"device", entity_device}, {"service", entity_service}, {"policyRule", entity_policy},
    {"file", entity_file},
};

/* Not evidence, and yet with a place of its own. */
static bool
is_tag(struct slice type)
{
    return slice_eq_nocase(type, SLICE("groupTag"));
}

static bool
is_placed(struct slice type)
{
    for (size_t i = 0; i < sizeof entity_types / sizeof entity_types[0]; i++)
        if (slice_eq_nocase(slice_of(entity_types[i].type), type))
            return true;
    return is_tag(type);
}

/* One country is where the addresses are; several say nothing of any of them. */
static void
place_addresses(struct alert *out, struct slice country, size_t countries)
{
    for (size_t i = 0; i < out->n_evidence && countries == 1; i++)
        if (out->evidence[i].type == EVIDENCE_IP)
            out->evidence[i].country = country;
}

static void
map_entities(struct json doc, struct arena *a, struct alert *out)
{
    struct slice name, country = SLICE_NONE;
    struct json item;
    size_t countries = 0, looked_at = 0;
    for (struct json_iter it = json_items(json_get(doc, "entities"));
         looked_at++ < ENTITIES_MAX && json_next(&it, &name, &item);) {
        struct slice type = source_word(item, "type");
        for (size_t i = 0; i < sizeof entity_types / sizeof entity_types[0]; i++)
            if (slice_eq_nocase(slice_of(entity_types[i].type), type))
                entity_types[i].add(item, a, out);
        if (slice_eq_nocase(type, SLICE("country"))) {
            country = first_of(source_word(item, "id"), source_word(item, "label"));
            countries++;
        }
    }
    place_addresses(out, country, countries);
}

enum { OTHERS_MAX = 64 };

/* Entities that are no evidence: countries, kinds that we do not know (7.5). NULL: none. */
static struct json_out *
other_entities(struct json doc, struct arena *a)
{
    struct slice name;
    struct json item;
    struct json_out *others = NULL;
    size_t looked_at = 0, n = 0;
    for (struct json_iter it = json_items(json_get(doc, "entities"));
         n < OTHERS_MAX && looked_at++ < ENTITIES_MAX && json_next(&it, &name, &item);) {
        if (is_placed(source_word(item, "type")))
            continue;
        struct slice text = json_minify(item, a);
        if (!source_shallow(text))
            continue;
        if (others == NULL)
            others = json_out_array(a);
        json_out_add_raw(others, text);
        n++;
    }
    return others;
}

/* Groups of the tenant's own making, no groups of the directory: tags by name. NULL: none. */
static struct json_out *
group_tags(struct json doc, struct arena *a)
{
    struct slice name;
    struct json item;
    struct json_out *tags = NULL;
    size_t looked_at = 0, n = 0;
    for (struct json_iter it = json_items(json_get(doc, "entities"));
         n < OTHERS_MAX && looked_at++ < ENTITIES_MAX && json_next(&it, &name, &item);) {
        struct slice tag = first_of(source_word(item, "label"), source_id(item, "id", a));
        if (!is_tag(source_word(item, "type")) || tag.n == 0)
            continue;
        if (tags == NULL)
            tags = json_out_array(a);
        json_out_add_text(tags, tag);
        n++;
    }
    return tags;
}

/* What has no place elsewhere. */
static struct slice
additional_of(struct json doc, struct arena *a)
{
    struct slice name, rest = source_rest(doc, known, a);
    struct json item, parsed = {{0, 0}};
    struct json_out *others = other_entities(doc, a), *tags = group_tags(doc, a);
    /* of an alert that is open again, which has no time of its end in our words */
    struct slice resolved = apps_is_open(doc) ? source_word(doc, "resolveTime") : SLICE_NONE;
    struct err e = rest.n > 0 ? json_parse(rest, a, &parsed) : ERR_OK;
    if (e.kind || (others == NULL && tags == NULL && resolved.n == 0))
        return rest;
    struct json_out *o = json_out_object(a);
    for (struct json_iter it = json_items(parsed); json_next(&it, &name, &item);) {
        const char *key = slice_cstr(a, name);
        if (key != NULL)
            json_out_set_raw(o, key, json_minify(item, a));
    }
    if (resolved.n > 0)
        json_out_text(o, "resolveTime", resolved);
    if (tags != NULL)
        json_out_set(o, "groupTags", tags);
    if (others != NULL)
        json_out_set(o, "otherEntities", others);
    return json_out_print(o, a);
}

bool
apps_of_identity(struct json alert)
{
    struct slice name;
    struct json item;
    size_t looked_at = 0;
    for (struct json_iter it = json_items(json_get(alert, "entities"));
         looked_at++ < ENTITIES_MAX && json_next(&it, &name, &item);) {
        int64_t id = 0;
        if (slice_eq_nocase(source_word(item, "type"), SLICE("service")) &&
            json_get_int(item, "id", &id) && id == ACTIVE_DIRECTORY)
            return true;
    }
    return false;
}

struct err
apps_channel(enum identity_channel channel, struct slice title, int64_t kind, struct arena *a,
             struct source_ident *out)
{
    if (channel != IDENTITY_APPS)
        out->fate = FATE_IGNORE;
    out->reason = channel == IDENTITY_OFF ? "apps.identity_off" : "apps.identity_by_syslog";
    if (channel == IDENTITY_OFF)
        return ERR_OK;
    out->twin = identity_detection(identity_type_of_alert(title, kind), title, a);
    return out->twin.p != NULL ? ERR_OK : err_make(ERR_RETRY, "apps.memory", "no room for a key");
}

/* ---- the alert */

static void
map_service(struct json doc, int64_t kind, struct alert *out)
{
    out->service = SERVICE_CLOUD_APPS;
    out->detection = DETECTION_CLOUD_APP_SECURITY;
    if (kind == APPS_RISKY_SIGN_IN) {
        out->service = SERVICE_IDENTITY_PROTECTION;
        out->detection = DETECTION_IDENTITY_PROTECTION;
    }
    if (apps_of_identity(doc)) {
        out->service = SERVICE_IDENTITY;
        out->detection = DETECTION_IDENTITY;
    }
}

static void
map_times(struct json doc, int64_t received, struct alert *out)
{
    int64_t raised = source_time_ms(doc, "timestamp");
    int64_t made = apps_time_of_id(out->native_id, received + 86400 * CLOCK_SECOND);
    out->created = made != CLOCK_NONE ? made : raised != CLOCK_NONE ? raised : received;
    out->first_activity = raised;
    out->last_activity = raised;
    out->updated = received;
    out->version = received;
}

static void
map_comment(struct json doc, struct arena *a, struct alert *out)
{
    struct slice text = source_word(doc, "comment");
    out->comments = text.n > 0 ? arena_alloc(a, sizeof *out->comments) : NULL;
    if (out->comments == NULL)
        return;
    out->comments[0] = (struct alert_comment){text, source_word(doc, "handledByUser"),
                                              source_time(doc, "resolveTime")};
    out->n_comments = 1;
}

const struct source_document *
apps_newest(const struct source_document *docs, size_t n)
{
    const struct source_document *best = NULL;
    for (size_t i = 0; i < n; i++)
        if (best == NULL || docs[i].received > best->received ||
            (docs[i].received == best->received && slice_cmp(docs[i].payload, best->payload) > 0))
            best = &docs[i];
    return best;
}

struct err
apps_map(const struct source_document *of, struct slice directory_id, struct arena *a,
         struct alert *out)
{
    struct json doc;
    struct err e = json_parse(of->payload, a, &doc);
    if (e.kind)
        return e;
    alert_init(out);
    out->source = SLICE("apps");
    out->native_id = source_id(doc, "_id", a);
    if (arena_short(a))
        return err_make(ERR_RETRY, "apps.memory", "no room for an alert");
    if (out->native_id.n == 0)
        return err_make(ERR_REJECT, "apps.no_id", "the alert has no _id");
    out->title = first_of(plain_text(source_word(doc, "title"), a), SLICE("Alert without a title"));
    out->description = plain_text(json_get_text(doc, "description"), a);
    out->web_url = source_word(doc, "URL");
    out->assigned_to = source_word(doc, "handledByUser");
    int64_t kind = -1;
    out->detector_id = source_id(doc, "idValue", a);
    if (!json_get_int(doc, "idValue", &kind))
        kind = -1;
    map_service(doc, kind, out);
    out->id = apps_unified_id(out, directory_id, a);
    map_severity(doc, a, out);
    map_status(doc, a, out);
    apps_say_category(json_get(doc, "intent"), kind, SLICE_NONE, out);
    map_times(doc, of->received, out);
    map_comment(doc, a, out);
    map_entities(doc, a, out);
    out->detector = first_of(out->policy_id, out->detector_id);
    out->additional = additional_of(doc, a);
    return alert_finish(out, a);
}
