/* Alerts of Office 365 ATP: the policy's record, one for each entity that such records can name,
 * and the investigation, whose Data has them all. Ref: sources.md 3.6 to 3.8. */
#include <string.h>

#include "common/crypto.h"
#include "tests/simulator/replay.h"

struct mail {
    const struct replay_row *row;
    struct arena *arena;
    struct slice alert_id;
    struct json message; /* the first one; absent: none */
    int records;         /* so far; gives each an Id of its own */
};

static struct slice
seconds(const struct mail *m, int64_t t)
{
    struct clock_text text = clock_format(t);
    return slice_printf(m->arena, "%.19s", text.s);
}

static struct slice
full(const struct mail *m, int64_t t)
{
    struct clock_text text = clock_format_full(t);
    return slice_dup(m->arena, slice_of(text.s));
}

static struct slice
named_guid(const struct mail *m, const char *what, int number)
{
    static const uint8_t space[16] = {'w', 'e', 'i', 'r', '-', 's', 'i', 'm'};
    char guid[37];
    crypto_guid_of(space,
                   slice_printf(m->arena, "%s %d %.*s", what, number, SLICE_ARG(m->row->vendor_id)),
                   guid);
    return slice_dup(m->arena, slice_of(guid));
}

static int64_t
raised(const struct mail *m)
{
    return m->row->created + m->row->shift;
}

static void
common(struct compose *o, struct mail *m, int type, const char *operation, const char *user,
       const char *workload, struct slice object_id)
{
    struct slice id = named_guid(m, "record", ++m->records);
    compose_raw(o, "{");
    compose_text(o, "CreationTime", seconds(m, raised(m)));
    compose_text(o, "Id", id);
    compose_text(o, "Operation", slice_of(operation));
    compose_text(o, "OrganizationId", m->row->tenant);
    compose_int(o, "RecordType", type);
    if (type == 40)
        compose_raw(o, ",\"ResultStatus\":\"Succeeded\"");
    compose_text(o, "UserKey", slice_of(user));
    compose_raw(o, ",\"UserType\":4,\"Version\":1");
    compose_text(o, "Workload", slice_of(workload));
    compose_text(o, "ObjectId", object_id.p != NULL ? object_id : id);
    compose_text(o, "UserId", slice_of(user));
}

/* ---- 40 */

/* What the record's Data says of the message. Absent members are not written: in Data a value that
 * is not there has no key. */
static void
message_write(struct compose *o, const struct mail *m)
{
    static const struct {
        const char *key, *member;
    } words[] = {
        {"trc", "Recipient"},
        {"tsd", "Sender"},
        {"sip", "SenderIP"},
        {"ms", "Subject"},
        {"imsgid", "InternetMessageId"},
        {"aii", "NetworkMessageId"},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct slice v = replay_word(m->message, words[i].member, m->arena);
        if (v.n > 0)
            compose_text(o, words[i].key, v);
    }
}

static struct slice
policy_data(const struct mail *m, const char *entity_type, struct slice entity)
{
    struct compose o = compose_begin(m->arena);
    const struct replay_row *r = m->row;
    compose_raw(&o, "{");
    if (entity_type != NULL) {
        compose_text(&o, "etype", slice_of(entity_type));
        compose_text(&o, "eid", entity);
    }
    compose_text(&o, "ts", full(m, r->first + r->shift));
    compose_text(&o, "te", full(m, r->last + r->shift));
    compose_text(&o, "tid", r->tenant);
    compose_text(&o, "tdc", SLICE("1"));
    compose_text(&o, "lon", SLICE("Protection"));
    compose_text(&o, "an", r->title);
    compose_text(&o, "ad", r->description);
    compose_text(&o, "sev", r->severity);
    compose_text(&o, "cid", r->type);
    if (entity_type == NULL)
        message_write(&o, m);
    compose_raw(&o, "}");
    return compose_end(&o);
}

static struct slice
policy_record(struct mail *m, const char *operation, const char *entity_type, struct slice entity)
{
    struct compose o = compose_begin(m->arena);
    common(&o, m, 40, operation, "SecurityComplianceAlerts", "SecurityComplianceCenter",
           entity_type != NULL ? entity : m->alert_id);
    if (entity_type != NULL)
        compose_text(&o, "AlertEntityId", entity);
    compose_text(&o, "AlertId", m->alert_id);
    compose_raw(&o, ",\"AlertLinks\":[{\"AlertLinkHref\":\"\"}],\"AlertType\":\"System\","
                    "\"Category\":\"ThreatManagement\",\"Comments\":\"New alert\"");
    compose_text(&o, "Data", policy_data(m, entity_type, entity));
    if (entity_type != NULL)
        compose_text(&o, "EntityType", slice_of(entity_type));
    compose_text(&o, "Name", m->row->title);
    compose_text(&o, "PolicyId", m->row->type);
    compose_text(&o, "Severity", m->row->severity);
    compose_raw(&o, ",\"Source\":\"Office 365 Security & Compliance\",\"Status\":\"Active\"}");
    return compose_end(&o);
}

static struct err
entity_record(struct plan *p, struct mail *m, const char *entity_type, struct slice entity)
{
    if (entity.n == 0)
        return ERR_OK;
    return replay_add(p, m->row, SIM_MAIL,
                      policy_record(m, "AlertEntityGenerated", entity_type, entity));
}

static struct err
entity_records(struct plan *p, struct mail *m)
{
    const struct replay_row *r = m->row;
    struct err e = ERR_OK;
    for (size_t i = 0; e.kind == ERR_NONE && i < r->n_entities; i++) {
        struct json v = r->entities[i];
        if (replay_is(v, "mailbox"))
            e = entity_record(p, m, "Recipients", replay_upn(v, m->arena));
        else if (replay_is(v, "url"))
            e = entity_record(p, m, "MaliciousUrl", replay_word(v, "Url", m->arena));
        else if (replay_is(v, "mailMessage"))
            e = entity_record(p, m, "Sender", replay_word(v, "Sender", m->arena));
    }
    return e;
}

/* ---- 64 */

/* What only Sentinel adds to an entity. */
static bool
is_foreign(struct slice name)
{
    static const char *const names[] = {"$id",         "CreatedTimeUtc", "ThreatAnalysisSummary",
                                        "LastVerdict", "Roles",          "UserPrincipalName",
                                        "AccountName", "DomainName",     "DisplayName",
                                        "Name",        "ReceivedDate",   "Asset"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_eq(name, slice_of(names[i])))
            return true;
    return false;
}

/* Sentinel puts the display name where V3 has the account's. */
static void
names_write(struct compose *o, const struct mail *m, struct json e)
{
    struct slice name = replay_word(e, "Name", m->arena);
    struct slice shown = replay_word(e, "DisplayName", m->arena);
    if (replay_is(e, "account")) {
        struct slice upn = replay_upn(e, m->arena);
        shown = shown.n > 0 ? shown : name;
        name = slice_sub(upn, 0, slice_find(upn, SLICE("@"), 0));
        compose_text(o, "NTDomain", replay_word(e, "DomainName", m->arena));
    }
    if (name.n > 0)
        compose_text(o, "Name", name);
    if (shown.n > 0)
        compose_text(o, "DisplayName", shown);
    struct slice when = replay_time(m->row, json_get_text(e, "ReceivedDate"), m->arena);
    if (when.n > 0)
        compose_text(o, "ReceivedDate", when);
}

static struct slice
entity_write(const struct mail *m, struct json e, size_t id)
{
    struct compose o = compose_begin(m->arena);
    struct slice name;
    struct json v;
    compose_raw(&o, "{\"$id\":\"%zu\"", id);
    names_write(&o, m, e);
    for (struct json_iter it = json_items(e); json_next(&it, &name, &v);)
        if (!is_foreign(name))
            compose_json(&o, slice_cstr(m->arena, name), json_minify(v, m->arena));
    compose_raw(&o, ",\"Source\":\"OATP\",\"FirstSeen\":\"0001-01-01T00:00:00\"}");
    return compose_end(&o);
}

static struct slice
entities(const struct mail *m)
{
    struct compose o = compose_begin(m->arena);
    compose_raw(&o, "[");
    for (size_t i = 0; i < m->row->n_entities; i++)
        compose_item_json(&o, entity_write(m, m->row->entities[i], i + 3));
    compose_raw(&o, "]");
    return compose_end(&o);
}

static struct slice
air_data(const struct mail *m, struct slice investigation)
{
    const struct replay_row *r = m->row;
    struct compose o = compose_begin(m->arena);
    compose_raw(&o, "{\"Version\":\"3.0\",\"VendorName\":\"Microsoft\",\"ProviderName\":\"OATP\"");
    compose_text(&o, "AlertType", r->type);
    compose_text(&o, "StartTimeUtc", full(m, r->first + r->shift));
    compose_text(&o, "EndTimeUtc", full(m, r->last + r->shift));
    compose_text(&o, "TimeGenerated", full(m, raised(m)));
    compose_text(&o, "ProcessingEndTime", full(m, raised(m)));
    compose_raw(&o, ",\"Status\":\"New\"");
    compose_text(&o, "Severity", r->severity);
    compose_raw(&o,
                ",\"ConfidenceLevel\":\"Unknown\",\"ConfidenceScore\":1.0,\"IsIncident\":false");
    compose_text(&o, "ProviderAlertId", m->alert_id);
    compose_text(&o, "SystemAlertId", SLICE_NONE);
    compose_text(&o, "CorrelationKey", named_guid(m, "correlation", 0));
    compose_raw(&o, ",\"Investigations\":[{\"$id\":\"1\"");
    compose_text(&o, "Id", investigation);
    compose_raw(&o, ",\"InvestigationStatus\":\"Running\"}],\"InvestigationIds\":[");
    compose_item(&o, investigation);
    compose_raw(&o, "],\"Intent\":\"Probing\",\"ResourceIdentifiers\":[{\"$id\":\"2\"");
    compose_text(&o, "AadTenantId", r->tenant);
    compose_raw(&o, ",\"Type\":\"AAD\"}],\"AzureResourceId\":null,\"WorkspaceId\":null,"
                    "\"WorkspaceSubscriptionId\":null,\"WorkspaceResourceGroup\":null,"
                    "\"AgentId\":null");
    compose_text(&o, "AlertDisplayName", r->title);
    compose_text(&o, "Description", r->description);
    compose_raw(&o,
                ",\"ExtendedLinks\":[{\"Href\":\"https://security.microsoft.com/alerts/fa%.*s\","
                "\"Category\":null,\"Label\":\"alert\",\"Type\":\"webLink\"}],\"Metadata\":{}",
                SLICE_ARG(m->alert_id));
    compose_json(&o, "Entities", entities(m));
    compose_text(&o, "LogCreationTime", full(m, raised(m)));
    compose_raw(&o, ",\"MachineName\":\"VI1EUR04BG401\",\"SourceTemplateType\":\"Threat_Single\","
                    "\"Category\":\"ThreatManagement\",\"SourceAlertType\":\"System\"}");
    return compose_end(&o);
}

static struct slice
air_record(struct mail *m)
{
    struct compose o = compose_begin(m->arena);
    char hex[33];
    size_t n = 0;
    struct slice guid = named_guid(m, "investigation", 0);
    for (size_t i = 0; i < guid.n && n < 32; i++)
        if (guid.p[i] != '-')
            hex[n++] = guid.p[i];
    hex[n] = '\0';
    struct slice id = slice_printf(m->arena, "urn:ZappedUrlInvestigation:%s", hex);
    common(&o, m, 64, "AirInvestigationData", "AirInvestigation", "AirInvestigation", SLICE_NONE);
    compose_raw(&o, ",\"Actions\":[]");
    compose_text(&o, "Data", air_data(m, id));
    compose_text(&o, "DeepLinkUrl",
                 slice_printf(m->arena, "https://security.microsoft.com/mtp-investigation/%.*s",
                              SLICE_ARG(id)));
    compose_raw(&o, ",\"EndTimeUtc\":\"0001-01-01T00:00:00\"");
    compose_text(&o, "InvestigationId", id);
    compose_text(
        &o, "InvestigationName",
        slice_printf(m->arena, "Mail with malicious urls is zapped - %.*s", SLICE_ARG(id)));
    compose_raw(&o, ",\"InvestigationType\":\"ZappedUrlInvestigation\"");
    compose_text(&o, "LastUpdateTimeUtc", seconds(m, raised(m)));
    compose_raw(&o, ",\"RunningTime\":60");
    compose_text(&o, "StartTimeUtc", seconds(m, raised(m)));
    compose_raw(&o, ",\"Status\":\"Running\"}");
    return compose_end(&o);
}

struct err
replay_mail(struct plan *p, const struct replay_row *r)
{
    struct mail m = {.row = r, .arena = p->arena};
    m.alert_id = slice_lower(p->arena, r->vendor_id);
    for (size_t i = r->n_entities; i-- > 0;)
        if (replay_is(r->entities[i], "mailMessage"))
            m.message = r->entities[i];
    struct err e =
        replay_add(p, r, SIM_MAIL, policy_record(&m, "AlertTriggered", NULL, SLICE_NONE));
    if (e.kind == ERR_NONE)
        e = entity_records(p, &m);
    return e.kind ? e : replay_add(p, r, SIM_MAIL, air_record(&m));
}
