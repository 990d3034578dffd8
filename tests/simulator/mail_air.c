/* Investigations: the only records with whole entities. Ref: sources.md 3.8. */
#include <string.h>

#include "common/clock.h"
#include "tests/simulator/compose.h"
#include "tests/simulator/mail_make.h"

static const struct state {
    const char *status, *investigation, *action;
    bool over;
} states[] = {
    {"Investigation Started", "Pending", "Pending", false},
    {"Running", "Running", "Running", false},
    {"Threats Found", "Running", "Running", false},
    {"Pending Action", "Running", "Pending", false},
    {"Remediated", "FullyRemediated", "Completed", true},
};

static const struct state *
state_of(int step)
{
    size_t last = sizeof(states) / sizeof(states[0]) - 1;
    return &states[(size_t)step < last ? (size_t)step : last];
}

/* "10/31/2024 1:31:54 PM" */
static struct slice
american(struct mail_case *c, int64_t t)
{
    struct clock_text text = clock_format(t);
    int64_t month = 0;
    int64_t day = 0;
    int64_t hour = 0;
    if (!slice_int(slice_sub(slice_of(text.s), 5, 2), &month) ||
        !slice_int(slice_sub(slice_of(text.s), 8, 2), &day) ||
        !slice_int(slice_sub(slice_of(text.s), 11, 2), &hour))
        return SLICE_NONE;
    return slice_printf(c->arena, "%d/%d/%.4s %d:%.5s %s", (int)month, (int)day, text.s,
                        (int)(hour % 12 == 0 ? 12 : hour % 12), text.s + 14,
                        hour < 12 ? "AM" : "PM");
}

static void
urn(struct compose *o, struct mail_case *c, const char *word)
{
    compose_text(
        o, "Urn",
        slice_printf(c->arena, "urn:%s:%.*s", word, SLICE_ARG(dice_hex(c->dice, 32, c->arena))));
    compose_text(o, "Source", SLICE("OATP"));
    compose_text(o, "FirstSeen", SLICE("0001-01-01T00:00:00"));
}

/* Hashes of mail's files are in upper case. */
static struct slice
upper(struct mail_case *c, struct slice s)
{
    char *p = slice_cstr(c->arena, s);
    for (size_t i = 0; p != NULL && i < s.n; i++)
        if (p[i] >= 'a' && p[i] <= 'f')
            p[i] = (char)(p[i] - 'a' + 'A');
    return slice_of(p);
}

static void
mail_entity_write(struct compose *o, struct mail_case *c, int *id)
{
    compose_raw(o, ",{\"$id\":\"%d\",\"Files\":[{\"$id\":\"%d\"", *id, *id + 1);
    compose_text(o, "Name", c->file);
    compose_raw(o, ",\"FileHashes\":[{\"$id\":\"%d\",\"Algorithm\":\"SHA256\"", *id + 2);
    compose_text(o, "Value", upper(c, c->sha256));
    compose_raw(o, ",\"Type\":\"filehash\"}],\"Type\":\"file\"}]");
    *id += 3;
    compose_text(o, "Recipient", c->recipient);
    compose_name(o, "Urls");
    compose_raw(o, "[");
    compose_item(o, c->url);
    compose_raw(o, "]");
    compose_json(o, "Threats", SLICE("[\"ZapPhish\"]"));
    compose_text(o, "Sender", c->sender);
    compose_text(o, "P1Sender", c->sender);
    compose_text(o, "SenderIP", c->sender_ip);
    compose_text(o, "P2Sender", c->sender);
    compose_text(o, "ReceivedDate", mail_seconds(c, c->at));
    compose_text(o, "NetworkMessageId", c->message_id);
    compose_text(o, "InternetMessageId",
                 slice_printf(c->arena, "<%.*s@mx.example>", SLICE_ARG(c->message_id)));
    compose_text(o, "Subject", SLICE("Invoice 7731 is overdue"));
    compose_text(o, "AntispamDirection", SLICE("Inbound"));
    compose_text(o, "DeliveryAction", SLICE("DeliveredAsSpam"));
    compose_text(o, "Language", SLICE("en"));
    compose_json(o, "ThreatDetectionMethods", SLICE("[\"UrlReputation\"]"));
    compose_text(o, "Type", SLICE("mailMessage"));
    urn(o, c, "MailEntity");
    compose_raw(o, "}");
}

/* QueryTime stands there twice: strict parsers must not refuse it, and the first one counts. */
static void
cluster_write(struct compose *o, struct mail_case *c, int *id)
{
    compose_raw(o, "{\"$id\":\"%d\",\"NetworkMessageIds\":[", (*id)++);
    compose_item(o, c->message_id);
    compose_raw(o, "],\"CountByThreatType\":{\"HighConfPhish\":0,\"Phish\":1,\"Malware\":0,"
                   "\"Spam\":0},\"CountByProtectionStatus\":{\"Delivered\":1},"
                   "\"CountByDeliveryLocation\":{\"Inbox\":1}");
    compose_json(o, "Threats", SLICE("[\"Phish\",\"Malicious\"]"));
    compose_text(o, "Query", SLICE("((NormalizedUrl:\"login.fabrikam-billing.example\"))"));
    struct clock_text iso = clock_format_full(c->at + 1234567);
    compose_text(o, "QueryTime", slice_of(iso.s));
    compose_int(o, "MailCount", 1);
    compose_json(o, "IsVolumeAnamoly", SLICE("false"));
    compose_text(o, "ClusterSourceIdentifier", c->message_id);
    compose_text(o, "ClusterSourceType", SLICE("Similarity"));
    compose_text(o, "ClusterQueryStartTime", mail_seconds(c, c->at - 86400 * CLOCK_SECOND));
    compose_text(o, "ClusterQueryEndTime", mail_seconds(c, c->at));
    compose_text(o, "ClusterGroup", SLICE("UrlThreatIndicator"));
    compose_text(o, "QueryStartTime", american(c, c->at - 86400 * CLOCK_SECOND));
    compose_text(o, "QueryTime", american(c, c->at));
    compose_text(o, "ClusterBy", SLICE("NormalizedUrl;ContentType"));
    compose_text(o, "ClusterByValue", SLICE("login.fabrikam-billing.example;1"));
    compose_text(o, "Type", SLICE("mailCluster"));
    urn(o, c, "MailClusterEntity");
    compose_raw(o, "}");
}

static struct slice
entities(struct mail_case *c, int id)
{
    struct compose o = compose_begin(c->arena);
    int url = id;
    compose_raw(&o, "[{\"$id\":\"%d\"", id++);
    compose_text(&o, "Url", c->url);
    compose_raw(&o, ",\"ClickCount\":0,\"EmailCount\":1,\"Type\":\"url\"");
    urn(&o, c, "UrlEntity");
    compose_raw(&o, "}");
    mail_entity_write(&o, c, &id);
    compose_raw(&o, ",{\"$id\":\"%d\"", id++);
    compose_text(&o, "MailboxPrimaryAddress", c->recipient);
    compose_text(&o, "DisplayName", SLICE("Someone At Contoso"));
    compose_text(&o, "Upn", c->recipient);
    compose_text(&o, "AadId", dice_guid(c->dice, c->arena));
    compose_text(&o, "RiskLevel", SLICE("None"));
    compose_text(&o, "Type", SLICE("mailbox"));
    urn(&o, c, "UserEntity");
    compose_raw(&o, "},");
    cluster_write(&o, c, &id);
    compose_raw(&o, ",{\"$id\":\"%d\"", id);
    compose_text(&o, "Address", c->sender_ip);
    compose_raw(&o, ",\"Type\":\"ip\"},{\"$ref\":\"%d\"},{\"$ref\":\"999\"}]", url);
    return compose_end(&o);
}

static struct slice
data(struct mail_case *c, int64_t created, const struct state *s)
{
    struct compose o = compose_begin(c->arena);
    compose_raw(&o, "{\"Version\":\"3.0\",\"VendorName\":\"Microsoft\",\"ProviderName\":\"OATP\"");
    compose_text(&o, "AlertType", SLICE("8e6ba277-ef39-404e-aaf1-294f6d9a2b88"));
    compose_text(&o, "StartTimeUtc", mail_cut(c, c->at));
    compose_text(&o, "EndTimeUtc", mail_cut(c, c->at + 60 * CLOCK_SECOND));
    compose_text(&o, "TimeGenerated", mail_cut(c, created));
    compose_text(&o, "ProcessingEndTime", mail_cut(c, created));
    compose_text(&o, "Status", slice_of(s->over ? "Resolved" : "InProgress"));
    if (!mail_missing(c))
        compose_text(&o, "DetectionTechnology", SLICE("UrlReputation"));
    compose_text(&o, "Severity", slice_of(c->severity));
    compose_raw(&o, ",\"ConfidenceLevel\":\"Unknown\",\"ConfidenceScore\":1.0,"
                    "\"IsIncident\":false");
    compose_text(&o, "ProviderAlertId", c->alert_id);
    compose_text(&o, "SystemAlertId", SLICE_NONE);
    compose_text(&o, "CorrelationKey", dice_guid(c->dice, c->arena));
    compose_raw(&o, ",\"Investigations\":[{\"$id\":\"1\"");
    compose_text(&o, "Id", c->investigation_id);
    compose_text(&o, "InvestigationStatus", slice_of(s->investigation));
    compose_raw(&o, "}],\"InvestigationIds\":[");
    compose_item(&o, c->investigation_id);
    compose_raw(&o, "],\"Intent\":\"Probing\",\"ResourceIdentifiers\":[{\"$id\":\"2\"");
    compose_text(&o, "AadTenantId", c->tenant);
    compose_raw(&o, ",\"Type\":\"AAD\"}],\"AzureResourceId\":null,\"WorkspaceId\":null,"
                    "\"WorkspaceSubscriptionId\":null,\"WorkspaceResourceGroup\":null,"
                    "\"AgentId\":null");
    compose_text(&o, "AlertDisplayName", slice_of(c->policy));
    compose_text(&o, "Description", SLICE("Mails with malicious URLs were removed -V1.0.0.5"));
    compose_raw(&o,
                ",\"ExtendedLinks\":[{\"Href\":\"https://security.microsoft.com/alerts/"
                "fa%.*s\",\"Category\":null,\"Label\":\"alert\",\"Type\":\"webLink\"}],"
                "\"Metadata\":{}",
                SLICE_ARG(c->alert_id));
    compose_json(&o, "Entities", entities(c, 3));
    compose_text(&o, "LogCreationTime", mail_cut(c, created));
    compose_text(&o, "MachineName", SLICE("VI1EUR04BG401"));
    compose_raw(&o, ",\"SourceTemplateType\":\"Threat_Single\",\"Category\":\"ThreatManagement\","
                    "\"SourceAlertType\":\"System\"}");
    return compose_end(&o);
}

static struct slice
action(struct mail_case *c, int64_t created, const struct state *s)
{
    struct compose o = compose_begin(c->arena);
    int id = 2;
    compose_raw(&o, "{\"$id\":\"1\",\"ActionId\":\"urn:EmailZapper:%.*s\"",
                SLICE_ARG(dice_hex(c->dice, 32, c->arena)));
    compose_text(&o, "InvestigationId", c->investigation_id);
    compose_raw(&o, ",\"ActionApproval\":\"None\",\"ActionType\":\"EmailRemediation\"");
    compose_text(&o, "ActionStatus", slice_of(s->action));
    compose_raw(&o, ",\"Entities\":[");
    cluster_write(&o, c, &id);
    compose_raw(&o, "],\"RelatedAlertIds\":[");
    compose_item(&o, c->alert_id);
    compose_raw(&o, "]");
    compose_text(&o, "StartTimeUtc", mail_cut(c, created));
    compose_text(&o, "EndTimeUtc", s->over ? mail_cut(c, created) : SLICE("0001-01-01T00:00:00"));
    compose_text(&o, "LastUpdateTimeUtc", mail_cut(c, created));
    compose_text(&o, "TimestampUtc", mail_cut(c, created));
    compose_raw(&o, ",\"BulkName\":\"Mail cluster\",\"ResourceIdentifiers\":[{\"$ref\":\"1\"}],"
                    "\"PendingType\":\"User\"");
    compose_text(&o, "LogCreationTime", mail_cut(c, created));
    compose_raw(&o, ",\"MachineName\":\"VI1EUR04BG401\",\"Description\":null}");
    return compose_end(&o);
}

struct slice
mail_air(struct mail_case *c, int64_t created, int step)
{
    const struct state *s = state_of(step);
    struct compose o = compose_begin(c->arena);
    mail_common(&o, c, created, 64, "AirInvestigationData", "AirInvestigation", "AirInvestigation",
                SLICE_NONE);
    compose_name(&o, "Actions");
    compose_raw(&o, "[");
    if (step > 0)
        compose_item(&o, action(c, created, s));
    compose_raw(&o, "]");
    compose_text(&o, "Data", data(c, created, s));
    compose_text(&o, "DeepLinkUrl",
                 slice_printf(c->arena, "https://security.microsoft.com/mtp-investigation/%.*s",
                              SLICE_ARG(c->investigation_id)));
    compose_text(&o, "EndTimeUtc",
                 s->over ? mail_seconds(c, created) : SLICE("0001-01-01T00:00:00"));
    compose_text(&o, "InvestigationId", c->investigation_id);
    compose_text(&o, "InvestigationName",
                 slice_printf(c->arena, "Mail with malicious urls is zapped - %.*s",
                              SLICE_ARG(c->investigation_id)));
    compose_text(&o, "InvestigationType", SLICE("ZappedUrlInvestigation"));
    compose_text(&o, "LastUpdateTimeUtc", mail_seconds(c, created));
    compose_int(&o, "RunningTime", (created - c->at) / CLOCK_SECOND);
    compose_text(&o, "StartTimeUtc", mail_seconds(c, c->at + 60 * CLOCK_SECOND));
    compose_text(&o, "Status", slice_of(s->status));
    compose_raw(&o, "}");
    return compose_end(&o);
}
