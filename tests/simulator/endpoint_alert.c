/* One alert of Defender ATP: its related entities, and changes to it. Ref: sources.md 2.9, 2.10. */
#include <string.h>

#include "tests/simulator/edit.h"
#include "tests/simulator/endpoint.h"
#include "tests/simulator/template.h"

#define JSON_TYPE "application/json; odata.metadata=minimal"

struct delivery *
endpoint_find(struct sim_call *c, struct slice id)
{
    struct plan *p = &c->tenant->plan;
    for (size_t i = p->n; i-- > 0;)
        if (plan_shows(&p->items[i], SIM_ENDPOINT) && slice_eq(p->items[i].native_id, id))
            return &p->items[i];
    sim_error(c->r, 404, "ResourceNotFound", "Alert %.*s was not found.", SLICE_ARG(id));
    return NULL;
}

static void
entity_send(struct sim_call *c, const char *set, struct slice members)
{
    sim_send(c->r, 200, JSON_TYPE,
             slice_printf(c->r->arena,
                          "{\"@odata.context\":\"%s/endpoint/api/$metadata#%s/$entity\",%.*s",
                          c->sim->origin, set, SLICE_ARG(slice_sub(members, 1, members.n))),
             NULL);
}

void
endpoint_single(struct sim_call *c, struct slice id)
{
    struct delivery *d = endpoint_find(c, id);
    if (d == NULL)
        return;
    sim_serve(c, d);
    entity_send(c, "Alerts", d->payload);
}

/* ---- evidence */

static struct json
evidence_of(const struct delivery *d, struct json alert, struct arena *a)
{
    struct json list = json_get(alert, "evidence");
    if (d == NULL || d->related.p == NULL)
        return list;
    struct err e = json_parse(d->related, a, &list);
    return e.kind ? json_get(alert, "") : list;
}

static bool
evidence_has(struct json alert, const char *member, struct slice value)
{
    struct slice name;
    struct json item;
    for (struct json_iter it = json_items(json_get(alert, "evidence"));
         json_next(&it, &name, &item);)
        if (slice_eq_nocase(json_get_text(item, member), value))
            return true;
    return false;
}

bool
endpoint_has_file(struct json alert, struct slice sha1, struct arena *a)
{
    (void)a;
    return evidence_has(alert, "sha1", sha1);
}

bool
endpoint_has_ip(struct json alert, struct slice ip, struct arena *a)
{
    (void)a;
    return evidence_has(alert, "ipAddress", ip);
}

bool
endpoint_has_user(struct json alert, struct slice user, struct arena *a)
{
    (void)a;
    return evidence_has(alert, "accountName", user);
}

bool
endpoint_has_machine(struct json alert, struct slice id, struct arena *a)
{
    (void)a;
    return slice_eq_nocase(json_get_text(alert, "machineId"), id);
}

static struct slice
host_of(struct slice url)
{
    size_t scheme = slice_find(url, SLICE("://"), 0);
    struct slice rest = scheme < url.n ? slice_sub(url, scheme + 3, url.n) : url;
    return slice_split(&rest, '/');
}

bool
endpoint_has_domain(struct json alert, struct slice host, struct arena *a)
{
    struct slice name;
    struct json item;
    (void)a;
    for (struct json_iter it = json_items(json_get(alert, "evidence"));
         json_next(&it, &name, &item);)
        if (slice_eq_nocase(host_of(json_get_text(item, "url")), host))
            return true;
    return false;
}

/* ---- related entities */

/* One row for each distinct text; make(item) gives its key and row, or NONE. */
struct related_row {
    struct slice key, row;
};

static struct related_row
file_row(struct json item, struct arena *a)
{
    struct slice sha1 = json_get_text(item, "sha1");
    if (sha1.p == NULL)
        return (struct related_row){SLICE_NONE, SLICE_NONE};
    struct json_out *o = json_out_object(a);
    json_out_text(o, "sha1", sha1);
    json_out_text(o, "sha256", json_get_text(item, "sha256"));
    json_out_null(o, "md5");
    json_out_int(o, "globalPrevalence", 3);
    json_out_text(o, "globalFirstObserved", SLICE("2019-06-01T08:00:00.1234567Z"));
    json_out_text(o, "globalLastObserved", SLICE("2019-12-01T08:00:00Z"));
    json_out_int(o, "size", 22139496);
    json_out_null(o, "fileType");
    json_out_bool(o, "isPeFile", true);
    json_out_null(o, "filePublisher");
    json_out_null(o, "fileProductName");
    json_out_null(o, "signer");
    json_out_null(o, "issuer");
    json_out_null(o, "signerHash");
    json_out_null(o, "isValidCertificate");
    json_out_text(o, "determinationType", SLICE("Unknown"));
    json_out_text(o, "determinationValue", SLICE(""));
    return (struct related_row){sha1, json_out_print(o, a)};
}

static struct related_row
ip_row(struct json item, struct arena *a)
{
    struct slice ip = json_get_text(item, "ipAddress");
    return (struct related_row){ip, slice_printf(a, "{\"id\":\"%.*s\"}", SLICE_ARG(ip))};
}

static struct related_row
domain_row(struct json item, struct arena *a)
{
    struct slice host = host_of(json_get_text(item, "url"));
    return (struct related_row){host, slice_printf(a, "{\"host\":\"%.*s\"}", SLICE_ARG(host))};
}

static void
related_list(struct sim_call *c, const char *set, struct json evidence,
             struct related_row (*make)(struct json item, struct arena *a))
{
    struct arena *a = c->r->arena;
    struct slice *keys = arena_alloc(a, (json_count(evidence) + 1) * sizeof(*keys));
    struct json_out *o = json_out_object(a);
    struct json_out *list = json_out_array(a);
    struct slice name;
    struct json item;
    size_t n = 0;
    for (struct json_iter it = json_items(evidence);
         keys != NULL && json_next(&it, &name, &item);) {
        struct related_row row = make(item, a);
        bool known = row.key.n == 0;
        for (size_t i = 0; !known && i < n; i++)
            known = slice_eq(keys[i], row.key);
        if (known)
            continue;
        keys[n++] = row.key;
        json_out_add_raw(list, row.row);
    }
    json_out_text(o, "@odata.context",
                  slice_printf(a, "%s/endpoint/api/$metadata#%s", c->sim->origin, set));
    json_out_set(o, "value", list);
    sim_send(c->r, 200, JSON_TYPE, json_out_print(o, a), NULL);
}

static void
user_answer(struct sim_call *c, struct json evidence)
{
    struct arena *a = c->r->arena;
    struct slice name;
    struct json item;
    for (struct json_iter it = json_items(evidence); json_next(&it, &name, &item);) {
        struct slice account = json_get_text(item, "accountName");
        struct slice domain = json_get_text(item, "domainName");
        if (account.p == NULL)
            continue;
        struct json_out *o = json_out_object(a);
        json_out_text(o, "id",
                      slice_printf(a, "%.*s\\%.*s", SLICE_ARG(domain), SLICE_ARG(account)));
        json_out_text(o, "accountName", account);
        json_out_text(o, "accountDomain", domain);
        json_out_text(o, "accountSid", json_get_text(item, "userSid"));
        json_out_text(o, "firstSeen", SLICE("2019-06-01T08:00:00Z"));
        json_out_text(o, "lastSeen", SLICE("2019-12-01T08:00:00.5Z"));
        json_out_null(o, "mostPrevalentMachineId");
        json_out_null(o, "leastPrevalentMachineId");
        json_out_text(o, "logonTypes", SLICE("Interactive"));
        json_out_int(o, "logOnMachinesCount", 1);
        json_out_bool(o, "isDomainAdmin", false);
        json_out_null(o, "isOnlyNetworkUser");
        entity_send(c, "Users", json_out_print(o, a));
        return;
    }
    sim_error(c->r, 404, "ResourceNotFound", "No user is related to the alert.");
}

static void
machine_answer(struct sim_call *c, struct json alert)
{
    struct arena *a = c->r->arena;
    struct slice id = json_get_text(alert, "machineId");
    struct slice dns = json_get_text(alert, "computerDnsName");
    if (id.p == NULL) {
        sim_error(c->r, 404, "ResourceNotFound", "No machine is related to the alert.");
        return;
    }
    struct json_out *o = json_out_object(a);
    json_out_text(o, "id", id);
    json_out_text(o, "computerDnsName", dns);
    json_out_text(o, "firstSeen", SLICE("2019-06-01T08:00:00.1234567Z"));
    json_out_text(o, "lastSeen", SLICE("2019-12-01T08:00:00Z"));
    json_out_text(o, "osPlatform", SLICE("Windows10"));
    json_out_null(o, "osProcessor");
    json_out_text(o, "version", SLICE("1903"));
    json_out_int(o, "osBuild", 18362);
    json_out_text(o, "lastIpAddress", SLICE("10.1.2.3"));
    json_out_text(o, "lastExternalIpAddress", SLICE("203.0.113.77"));
    json_out_text(o, "healthStatus", SLICE("Active"));
    json_out_text(o, "deviceValue", SLICE("Normal"));
    json_out_int(o, "rbacGroupId", 0);
    json_out_null(o, "rbacGroupName");
    json_out_text(o, "riskScore", SLICE("Medium"));
    json_out_text(o, "exposureLevel", SLICE("Low"));
    json_out_null(o, "aadDeviceId");
    json_out_set_raw(o, "machineTags", SLICE("[]"));
    json_out_set_raw(o, "ipAddresses", SLICE("[]"));
    json_out_text(o, "osArchitecture", SLICE("64-bit"));
    entity_send(c, "Machines", json_out_print(o, a));
}

void
endpoint_related(struct sim_call *c, struct slice id, struct slice what)
{
    struct delivery *d = endpoint_find(c, id);
    if (d == NULL)
        return;
    struct json alert = plan_row(&c->tenant->plan, d, c->r->arena);
    struct json evidence = evidence_of(d, alert, c->r->arena);
    if (slice_eq(what, SLICE("user")))
        user_answer(c, evidence);
    else if (slice_eq(what, SLICE("machine")))
        machine_answer(c, alert);
    else if (slice_eq(what, SLICE("files")))
        related_list(c, "Files", evidence, file_row);
    else if (slice_eq(what, SLICE("ips")))
        related_list(c, "Ips", evidence, ip_row);
    else if (slice_eq(what, SLICE("domains")))
        related_list(c, "Domains", evidence, domain_row);
    else {
        sim_blame(c, "endpoint.path", "alerts have no '%.*s'", SLICE_ARG(what));
        sim_error(c->r, 404, "NotFound", "No such resource.");
    }
}

/* ---- changes */

enum { CHANGES_MAX = 8 };

/* Update times only grow, in the steps of an SQL datetime. */
static int64_t
update_time(const struct sim_call *c, const struct delivery *d)
{
    int64_t now = template_sql_time(sim_now(c->sim));
    int64_t least = d->version != CLOCK_NONE ? template_sql_time(d->version + 100000) : now;
    return now > least ? now : least;
}

/* The alert's next version; edits has room for two more. */
static struct delivery *
alert_change(struct sim_call *c, struct delivery *d, struct edit *edits, size_t n)
{
    struct plan *p = &c->tenant->plan;
    struct arena *a = c->r->arena;
    struct json row = plan_row(p, d, a);
    struct clock_text t = clock_format(update_time(c, d));
    edits[n++] = (struct edit){"lastUpdateTime", edit_text(slice_of(t.s), a)};
    for (size_t i = 0; i + 1 < n; i++)
        if (strcmp(edits[i].name, "status") == 0)
            edits[n++] =
                (struct edit){"resolvedTime", slice_eq(edits[i].value, SLICE("\"Resolved\""))
                                                  ? edit_text(slice_of(t.s), a)
                                                  : SLICE("null")};
    struct slice text = slice_dup(p->arena, edit_object(row, edits, n, a));
    return text.p != NULL ? plan_replace(p, d, text, sim_now(c->sim)) : NULL;
}

void
endpoint_touch(struct sim_call *c, struct delivery *d)
{
    struct edit edits[CHANGES_MAX] = {
        {"status", SLICE("\"InProgress\"")},
        {"assignedTo", SLICE("\"analyst@contoso.com\"")},
    };
    (void)alert_change(c, d, edits, 2);
}

static const struct {
    const char *name;
    const char *words[20]; /* none: any text */
} changes[] = {
    {"status", {"New", "InProgress", "Resolved", "Active"}},
    {"assignedTo", {NULL}},
    {"classification",
     {"Unknown", "FalsePositive", "TruePositive", "InformationalExpectedActivity"}},
    {"determination",
     {"NotAvailable", "Apt", "Malware", "SecurityPersonnel", "SecurityTesting", "UnwantedSoftware",
      "Other", "MultiStagedAttack", "MaliciousUserActivity", "CompromisedUser", "Phishing",
      "LineOfBusinessApplication", "ConfirmedUserActivity", "Clean", "InsufficientData"}},
};

static bool
word_good(const char *const *words, struct slice value)
{
    if (words[0] == NULL)
        return true;
    for (; *words != NULL; words++)
        if (slice_eq(value, slice_of(*words)))
            return true;
    return false;
}

/* A comment goes behind those that are there. */
static struct slice
comments_with(const struct sim_call *c, struct json alert, struct slice text)
{
    struct arena *a = c->r->arena;
    struct json_out *list = json_out_array(a);
    struct json_out *o = json_out_object(a);
    struct clock_text now = clock_format(sim_now(c->sim));
    struct slice name;
    struct json item;
    for (struct json_iter it = json_items(json_get(alert, "comments"));
         json_next(&it, &name, &item);)
        json_out_add_raw(list, json_minify(item, a));
    json_out_text(o, "comment", text);
    json_out_text(o, "createdBy", SLICE("weir"));
    json_out_text(o, "createdTime", slice_of(now.s));
    json_out_add(list, o);
    return json_out_print(list, a);
}

/* The changes that a body asks for; false: answered 400. Names are case-sensitive. */
static bool
changes_read(struct sim_call *c, struct json body, struct json alert, struct edit *edits, size_t *n)
{
    struct slice name;
    struct json value;
    *n = 0;
    for (struct json_iter it = json_items(body); json_next(&it, &name, &value);) {
        bool known = slice_eq(name, SLICE("alertIds"));
        if (slice_eq(name, SLICE("comment")) && json_text(value).p != NULL) {
            known = true;
            edits[(*n)++] = (struct edit){"comments", comments_with(c, alert, json_text(value))};
        }
        for (size_t i = 0; !known && i < sizeof(changes) / sizeof(changes[0]); i++)
            if (slice_eq(name, slice_of(changes[i].name)) && json_text(value).p != NULL &&
                word_good(changes[i].words, json_text(value))) {
                known = true;
                edits[(*n)++] = (struct edit){changes[i].name, json_minify(value, c->r->arena)};
            }
        if (!known || *n > CHANGES_MAX - 3) {
            sim_error(c->r, 400, "InvalidRequestBody", "'%.*s' cannot be changed to that.",
                      SLICE_ARG(name));
            return false;
        }
    }
    return true;
}

static bool
body_read(struct sim_call *c, struct json *body)
{
    struct err e = json_parse(c->r->body, c->r->arena, body);
    if (e.kind == ERR_NONE && json_type(*body) == JSON_OBJECT)
        return true;
    sim_error(c->r, 400, "InvalidRequestBody", "The body is no JSON object.");
    return false;
}

void
endpoint_patch(struct sim_call *c, struct slice id)
{
    struct edit edits[CHANGES_MAX];
    struct json body;
    size_t n = 0;
    struct delivery *d = endpoint_find(c, id);
    if (d == NULL || !body_read(c, &body) ||
        !changes_read(c, body, plan_row(&c->tenant->plan, d, c->r->arena), edits, &n))
        return;
    d = alert_change(c, d, edits, n);
    if (d == NULL)
        sim_error(c->r, 500, "InternalServerError", "out of memory");
    else
        entity_send(c, "Alerts", d->payload);
}

void
endpoint_batch(struct sim_call *c)
{
    enum { BATCH_MAX = 100 };
    struct edit edits[CHANGES_MAX];
    struct json body;
    struct slice name;
    struct json item;
    size_t n = 0;
    if (!body_read(c, &body))
        return;
    struct json ids = json_get(body, "alertIds");
    if (json_type(ids) != JSON_ARRAY || json_count(ids) > BATCH_MAX) {
        bool absent = json_type(ids) != JSON_ARRAY;
        sim_error(c->r, 400, absent ? "MissingRequiredParameter" : "MaximumBatchSizeExceeded",
                  "alertIds must be a list of at most %d.", BATCH_MAX);
        return;
    }
    for (struct json_iter it = json_items(ids); json_next(&it, &name, &item);) {
        struct delivery *d = endpoint_find(c, json_text(item));
        if (d == NULL ||
            !changes_read(c, body, plan_row(&c->tenant->plan, d, c->r->arena), edits, &n))
            return;
        (void)alert_change(c, d, edits, n);
    }
    sim_send(c->r, 200, NULL, SLICE(""), NULL);
}

/* An open alert of that title on that machine. */
static struct delivery *
create_merge(struct sim_call *c, struct slice machine, struct slice title)
{
    struct plan *p = &c->tenant->plan;
    for (size_t i = p->n; i-- > 0;) {
        if (!plan_shows(&p->items[i], SIM_ENDPOINT))
            continue;
        struct json row = plan_row(p, &p->items[i], c->r->arena);
        if (slice_eq(json_get_text(row, "machineId"), machine) &&
            slice_eq(json_get_text(row, "title"), title) &&
            !slice_eq(json_get_text(row, "status"), SLICE("Resolved")))
            return &p->items[i];
    }
    return NULL;
}

static struct delivery *
create_new(struct sim_call *c, struct json body)
{
    struct plan *p = &c->tenant->plan;
    struct arena *a = c->r->arena;
    int64_t now = sim_now(c->sim);
    struct clock_text made = clock_format(now);
    struct clock_text updated = clock_format(template_sql_time(now));
    struct json_out *o = json_out_object(a);
    json_out_text(
        o, "id",
        slice_printf(a, "da%lld_%zu", (long long)(now + INT64_C(621355968000000000)), p->n));
    json_out_null(o, "incidentId");
    json_out_text(o, "severity", json_get_text(body, "severity"));
    json_out_text(o, "status", SLICE("New"));
    json_out_text(o, "detectionSource", SLICE("CustomerTI"));
    json_out_text(o, "category", json_get_text(body, "category"));
    json_out_text(o, "title", json_get_text(body, "title"));
    json_out_text(o, "description", json_get_text(body, "description"));
    json_out_text(o, "alertCreationTime", slice_of(made.s));
    json_out_text(o, "firstEventTime", json_get_text(body, "eventTime"));
    json_out_text(o, "lastEventTime", json_get_text(body, "eventTime"));
    json_out_text(o, "lastUpdateTime", slice_of(updated.s));
    json_out_null(o, "resolvedTime");
    json_out_text(o, "machineId", json_get_text(body, "machineId"));
    json_out_set_raw(o, "comments", SLICE("[]"));
    json_out_set_raw(o, "evidence", SLICE("[]"));
    struct delivery d = {.source = SIM_ENDPOINT,
                         .payload = slice_dup(p->arena, json_out_print(o, a)),
                         .planned = now,
                         .released = now,
                         .expect = SLICE("stored")};
    struct err e = plan_name(p, &d);
    struct delivery *added = e.kind == ERR_NONE ? plan_add(p, &d) : NULL;
    if (added != NULL)
        p->n_released++;
    return added;
}

void
endpoint_create(struct sim_call *c)
{
    static const char *const needed[] = {"machineId",   "severity",          "title",
                                         "description", "recommendedAction", "eventTime",
                                         "reportId",    "category"};
    struct edit edits[CHANGES_MAX];
    struct json body;
    if (!body_read(c, &body))
        return;
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (json_get_text(body, needed[i]).p == NULL) {
            sim_error(c->r, 400, "MissingRequiredParameter", "%s is missing.", needed[i]);
            return;
        }
    struct delivery *d =
        create_merge(c, json_get_text(body, "machineId"), json_get_text(body, "title"));
    d = d != NULL ? alert_change(c, d, edits, 0) : create_new(c, body);
    if (d == NULL)
        sim_error(c->r, 500, "InternalServerError", "out of memory");
    else
        entity_send(c, "Alerts", d->payload);
}
