#include "tests/simulator/mail_make.h"

#include <string.h>

#include "common/clock.h"
#include "tests/simulator/compose.h"

#define TICKS_1970 INT64_C(621355968000000000) /* .NET ticks begin in the year 1 */
#define MINUTE (60 * CLOCK_SECOND)

/* Name, default severity, category. Ref: sources.md 3.7. */
static const struct {
    const char *name, *severity, *category;
} policies[] = {
    {"A potentially malicious URL click was detected", "High", "ThreatManagement"},
    {"Email messages containing malware removed after delivery\xe2\x80\x8b", "Informational",
     "ThreatManagement"},
    {"Email messages containing phish URLs removed after delivery\xe2\x80\x8b", "Informational",
     "ThreatManagement"},
    {"Email reported by user as malware or phish", "Low", "ThreatManagement"},
    {"Malware campaign detected after delivery", "High", "ThreatManagement"},
    {"Malware campaign detected in SharePoint and OneDrive", "High", "ThreatManagement"},
    {"Phish delivered due to tenant or user override", "High", "ThreatManagement"},
    {"Phish delivered due to an ETR override", "Informational", "ThreatManagement"},
    {"Suspicious email sending patterns detected", "Medium", "ThreatManagement"},
    {"Suspicious email forwarding activity", "High", "ThreatManagement"},
    {"User restricted from sending email", "High", "ThreatManagement"},
    {"Creation of forwarding/redirect rule", "Informational", "ThreatManagement"},
    {"Elevation of Exchange admin privilege", "Low", "AccessGovernance"},
    {"eDiscovery search started or exported", "Medium", "ThreatManagement"},
    {"Messages have been delayed", "High", "MailFlow"},
    {"Unusual external user file activity", "High", "DataGovernance"},
    {"Credit card numbers in outgoing mail", "Medium", "DataLossPrevention"},
};

static const char *const people[] = {"anna.lindholm", "bo.karlsen",  "carla.mendes", "dinesh.rao",
                                     "eva.novak",     "hugo.brandt", "ivan.petrov",  "jana.weiss"};

/* As Exchange makes them: the last 12 digits are the top 48 bits of the ticks. */
static struct slice
timed_guid(struct mail_case *c, int64_t t)
{
    struct slice guid = dice_guid(c->dice, c->arena);
    return slice_printf(c->arena, "%.*s%012llx", SLICE_ARG(slice_sub(guid, 0, 24)),
                        (unsigned long long)(t + TICKS_1970) >> 16);
}

struct mail_case
mail_case_make(struct dice *dice, struct arena *a, struct slice tenant, int64_t at)
{
    static const char *const senders[] = {"accounts@fabrikam-billing.example",
                                          "no-reply@tailspin.example", "HR@adatum.example"};
    static const char *const files[] = {"invoice.zip", "voice message.htm",
                                        "R\xc3\xa9sum\xc3\xa9.docm"};
    size_t policy = dice_below(dice, sizeof(policies) / sizeof(policies[0]));
    struct mail_case c = {.dice = dice, .arena = a, .tenant = tenant, .at = at};
    c.policy = policies[policy].name;
    c.severity = policies[policy].severity;
    c.category = policies[policy].category;
    c.policy_id = slice_printf(a, "471d921d-0000-41c4-be33-%012zx", policy + 1);
    c.alert_id = timed_guid(&c, at - at % MINUTE);
    c.message_id = timed_guid(&c, at);
    c.investigation_id =
        slice_printf(a, "urn:ZappedUrlInvestigation:%.*s", SLICE_ARG(dice_hex(dice, 32, a)));
    c.sender = slice_of(DICE_PICK(dice, senders));
    c.recipient = slice_printf(a, "%s@contoso.com", DICE_PICK(dice, people));
    c.sender_ip = slice_printf(a, "203.0.113.%d", (int)dice_between(dice, 1, 254));
    c.url = slice_printf(a, "https://login.fabrikam-billing.example/%.*s?x=%%2F&u=1",
                         SLICE_ARG(dice_hex(dice, 8, a)));
    c.sha256 = dice_hex(dice, 64, a);
    c.file = slice_of(DICE_PICK(dice, files));
    c.note = SLICE("New alert");
    return c;
}

bool
mail_missing(struct mail_case *c)
{
    return dice_chance(c->dice, c->missing_percent);
}

struct slice
mail_seconds(struct mail_case *c, int64_t t)
{
    struct clock_text text = clock_format(t);
    return slice_printf(c->arena, "%.19s%s", text.s, dice_chance(c->dice, 50) ? "Z" : "");
}

struct slice
mail_cut(struct mail_case *c, int64_t t)
{
    struct clock_text text = clock_format(t);
    return slice_dup(c->arena, slice_of(text.s));
}

static struct slice
full(struct mail_case *c, int64_t t)
{
    struct clock_text text = clock_format_full(t - t % CLOCK_SECOND);
    return slice_dup(c->arena, slice_of(text.s));
}

/* A number, sometimes as a text. */
static void
number(struct compose *o, struct mail_case *c, const char *name, int64_t v)
{
    if (dice_chance(c->dice, c->wrong_percent))
        compose_text(o, name, slice_printf(c->arena, "%lld", (long long)v));
    else
        compose_int(o, name, v);
}

void
mail_common(struct compose *o, struct mail_case *c, int64_t created, int type,
            const char *operation, const char *user, const char *workload, struct slice object_id)
{
    struct slice id = timed_guid(c, created);
    bool person = strchr(user, '@') != NULL;
    compose_raw(o, "{");
    compose_text(o, "CreationTime", mail_seconds(c, created));
    compose_text(o, "Id", id);
    compose_text(o, "Operation", slice_of(operation));
    compose_text(o, "OrganizationId", c->tenant);
    number(o, c, "RecordType", type);
    if (type == 40)
        compose_text(o, "ResultStatus", SLICE("Succeeded"));
    compose_text(o, "UserKey", slice_of(user));
    number(o, c, "UserType", person ? 0 : 4);
    if (!mail_missing(c))
        number(o, c, "Version", 1);
    if (!mail_missing(c))
        compose_text(o, "Workload", slice_of(workload));
    compose_text(o, "ObjectId", object_id.p != NULL ? object_id : id);
    compose_text(o, "UserId", slice_of(user));
}

static struct slice
closed(struct compose *o)
{
    compose_raw(o, "}");
    return compose_end(o);
}

/* ---- 40: alerts */

/* The JSON inside the text: its values are texts; some have raw line feeds in them, some are not
 * there at all. */
static struct slice
alert_data(struct mail_case *c, const char *entity_type, struct slice entity)
{
    static const char *const odd[] = {"", "null", "{}", "{\"ts\":\"", "see the portal"};
    if (dice_chance(c->dice, c->wrong_percent))
        return slice_of(DICE_PICK(c->dice, odd));
    struct compose o = compose_begin(c->arena);
    compose_raw(&o, "{");
    if (entity_type != NULL) {
        compose_text(&o, "etype", slice_of(entity_type));
        compose_text(&o, "eid", entity);
    }
    compose_text(&o, "ts", full(c, c->at));
    compose_text(&o, "te", full(c, c->at + MINUTE));
    compose_text(&o, "tid", c->tenant);
    compose_text(&o, "tdc", SLICE("1"));
    compose_text(&o, "lon", SLICE("Protection"));
    compose_text(&o, "an", slice_of(c->policy));
    compose_name(&o, "ad");
    if (dice_chance(c->dice, c->wrong_percent)) /* a raw line feed is no JSON */
        compose_raw(&o, "\"This alert fires when\nthe policy matches -V1.0.0.5\"");
    else
        compose_raw(&o, "\"This alert fires when the policy matches -V1.0.0.5\"");
    compose_text(&o, "sev", slice_of(c->severity));
    compose_text(&o, "cid", c->policy_id);
    compose_text(&o, "f3u", c->recipient);
    compose_text(&o, "trc", c->recipient);
    compose_text(&o, "tsd", c->sender);
    compose_text(&o, "sip", c->sender_ip);
    compose_text(&o, "aii", c->message_id);
    compose_text(&o, "zu", c->url);
    compose_text(&o, "etps", SLICE("Url:1;Mail:2"));
    return closed(&o);
}

static struct slice
alert_record(struct mail_case *c, int64_t created, const char *operation, const char *entity_type,
             struct slice entity, const char *status)
{
    struct compose o = compose_begin(c->arena);
    mail_common(&o, c, created, 40, operation, "SecurityComplianceAlerts",
                "SecurityComplianceCenter", entity_type != NULL ? entity : c->alert_id);
    if (entity_type != NULL)
        compose_text(&o, "AlertEntityId", entity);
    compose_text(&o, "AlertId", c->alert_id);
    if (!mail_missing(c))
        compose_json(&o, "AlertLinks", SLICE("[{\"AlertLinkHref\":\"\"}]"));
    compose_text(&o, "AlertType", SLICE("System"));
    if (!mail_missing(c))
        compose_text(&o, "Category", slice_of(c->category));
    if (!mail_missing(c))
        compose_text(&o, "Comments", c->note);
    compose_text(&o, "Data", alert_data(c, entity_type, entity));
    if (entity_type != NULL)
        compose_text(&o, "EntityType", slice_of(entity_type));
    compose_text(&o, "Name", slice_of(c->policy));
    if (!mail_missing(c))
        compose_text(&o, "PolicyId", c->policy_id);
    if (!mail_missing(c))
        compose_text(&o, "Severity", slice_of(c->severity));
    if (!mail_missing(c))
        compose_text(&o, "Source", SLICE("Office 365 Security & Compliance"));
    if (!mail_missing(c))
        compose_text(&o, "Status", slice_of(status));
    return closed(&o);
}

struct slice
mail_triggered(struct mail_case *c, int64_t created)
{
    return alert_record(c, created, "AlertTriggered", NULL, SLICE_NONE, "Active");
}

struct slice
mail_entity(struct mail_case *c, int64_t created, int which)
{
    static const char *const types[] = {"User", "Recipients", "Sender", "MaliciousUrl",
                                        "MalwareFamily"};
    const struct slice entities[] = {c->recipient, c->recipient, c->sender, c->url,
                                     SLICE("Phish, Malicious")};
    size_t i = (size_t)which % (sizeof(types) / sizeof(types[0]));
    return alert_record(c, created, "AlertEntityGenerated", types[i], entities[i], "Active");
}

struct slice
mail_updated(struct mail_case *c, int64_t created, const char *status)
{
    return alert_record(c, created, "AlertUpdated", NULL, SLICE_NONE, status);
}

/* ---- 28, 41, 47: detections */

struct slice
mail_message(struct mail_case *c, int64_t created, const char *detection)
{
    static const char *const verdicts[] = {"Phish", "Malware", "Spam", "HighConfPhish"};
    static const char *const policies_of[] = {"SafeAttachements", "Phish", "HighConfidencePhish"};
    struct compose o = compose_begin(c->arena);
    mail_common(&o, c, created, 28, "TIMailData", "ThreatIntel", "ThreatIntelligence",
                slice_printf(c->arena, "%.*s%020llu", SLICE_ARG(c->message_id),
                             (unsigned long long)dice_below(c->dice, 1U << 30)));
    if (dice_chance(c->dice, 50)) {
        compose_name(&o, "AttachmentData");
        compose_raw(&o, "[{");
        compose_text(&o, "FileName", c->file);
        compose_text(&o, "FileType", SLICE("exe;zip"));
        compose_int(&o, "FileVerdict", dice_between(c->dice, -3, 1));
        compose_text(&o, "MalwareFamily", SLICE("Trojan_Gen_FileDetonation"));
        compose_text(&o, "SHA256", c->sha256);
        compose_raw(&o, "}]");
    }
    compose_text(&o, "DetectionMethod", SLICE("URL reputation"));
    compose_text(&o, "DetectionType", slice_of(detection));
    compose_text(&o, "EventDeepLink",
                 slice_printf(c->arena,
                              "https://protection.office.com/?hash=/threatexplorer?"
                              "messageParams=%.*s,%.*s",
                              SLICE_ARG(c->message_id), SLICE_ARG(c->recipient)));
    compose_text(&o, "InternetMessageId",
                 slice_printf(c->arena, "<%.*s@mx.example>", SLICE_ARG(c->message_id)));
    compose_text(&o, "MessageTime", mail_seconds(c, c->at));
    compose_text(&o, "NetworkMessageId", c->message_id);
    compose_text(&o, "P1Sender", c->sender);
    compose_text(&o, "P2Sender", c->sender);
    if (!mail_missing(c)) {
        compose_text(&o, "Policy", slice_of(DICE_PICK(c->dice, policies_of)));
        compose_text(&o, "PolicyAction", SLICE("Quarantine"));
    }
    compose_name(&o, "Recipients");
    compose_raw(&o, "[");
    compose_item(&o, c->recipient);
    compose_raw(&o, "]");
    compose_text(&o, "SenderIp", c->sender_ip);
    compose_text(&o, "Subject", c->note);
    compose_text(&o, "Verdict", slice_of(DICE_PICK(c->dice, verdicts)));
    return closed(&o);
}

struct slice
mail_click(struct mail_case *c, int64_t created)
{
    struct compose o = compose_begin(c->arena);
    mail_common(&o, c, created, 41, "TIUrlClickData", slice_cstr(c->arena, c->recipient),
                "ThreatIntelligence", c->message_id);
    compose_text(&o, "AppName", SLICE("Mail"));
    compose_text(&o, "AppVersion", SLICE("0.0.0000"));
    compose_text(&o, "EventDeepLink", SLICE("https://protection.office.com/"));
    compose_text(&o, "SourceId", c->message_id);
    compose_text(&o, "TimeOfClick", mail_seconds(c, c->at + MINUTE));
    if (!mail_missing(c))
        number(&o, c, "URLClickAction", dice_between(c->dice, 2, 5));
    compose_text(&o, "Url", c->url);
    compose_text(&o, "UserIp", SLICE("198.51.100.20"));
    return closed(&o);
}

struct slice
mail_content(struct mail_case *c, int64_t created)
{
    struct compose o = compose_begin(c->arena);
    mail_common(&o, c, created, 47, "AtpDetection", "ThreatIntel", "ThreatIntelligence",
                SLICE_NONE);
    compose_text(&o, "DetectionDate", mail_seconds(c, c->at));
    compose_text(&o, "DetectionMethod", SLICE("File detonation"));
    compose_text(&o, "EventDeepLink", SLICE("https://protection.office.com/"));
    compose_name(&o, "FileData");
    compose_raw(&o, "{");
    compose_text(&o, "DocumentId", dice_guid(c->dice, c->arena));
    compose_text(&o, "FileName", c->file);
    compose_text(&o, "FilePath",
                 slice_printf(c->arena, "https://contoso.sharepoint.com/sites/all/%.*s",
                              SLICE_ARG(c->file)));
    compose_text(&o, "FileSize", SLICE("80464"));
    compose_int(&o, "FileVerdict", 1);
    compose_text(&o, "MalwareFamily", SLICE("Trojan_Gen_FileDetonation"));
    compose_text(&o, "SHA256", c->sha256);
    compose_raw(&o, "}");
    compose_text(&o, "LastModifiedBy", c->recipient);
    compose_text(&o, "LastModifiedDate", mail_seconds(c, c->at));
    if (!mail_missing(c))
        number(&o, c, "SourceWorkload", dice_between(c->dice, 0, 2));
    return closed(&o);
}

/* ---- what is of no interest */

struct slice
mail_mirror(struct mail_case *c, int64_t created)
{
    static const int types[] = {78, 98, 113, 235, 294};
    int type = types[dice_below(c->dice, sizeof(types) / sizeof(types[0]))];
    struct compose o = compose_begin(c->arena);
    mail_common(&o, c, created, type, "AlertTriggered", "SecurityComplianceAlerts",
                "SecurityComplianceCenter", SLICE_NONE);
    compose_text(&o, "AlertId", dice_guid(c->dice, c->arena));
    compose_text(&o, "Name", SLICE("Suspicious activity in another product"));
    compose_text(&o, "Severity", SLICE("Medium"));
    compose_text(&o, "Status", SLICE("Active"));
    return closed(&o);
}

struct slice
mail_unrelated(struct mail_case *c, int64_t created)
{
    static const struct {
        int type;
        const char *operation, *workload;
    } kinds[] = {{2, "MailItemsAccessed", "Exchange"},
                 {6, "FileAccessed", "SharePoint"},
                 {15, "UserLoggedIn", "AzureActiveDirectory"},
                 {25, "MeetingParticipantDetail", "MicrosoftTeams"},
                 {42, "InsightGenerated", "SecurityComplianceCenter"},
                 {52, "DataInsightsRestApiAudit", "SecurityComplianceCenter"},
                 {9999, "SomethingNew", "SomethingNew"}};
    size_t i = dice_below(c->dice, sizeof(kinds) / sizeof(kinds[0]));
    struct compose o = compose_begin(c->arena);
    mail_common(&o, c, created, kinds[i].type, kinds[i].operation,
                slice_cstr(c->arena, c->recipient), kinds[i].workload, SLICE_NONE);
    compose_text(&o, "ClientIP", SLICE("198.51.100.20"));
    return closed(&o);
}
