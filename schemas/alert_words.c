/* The words of the unified alert's enums. Ref: sources.md 6.2 and 7, service.md 6.4. */
#include "schemas/alert.h"

#include <stddef.h>

struct word {
    int value;
    const char *graph, *classic;
};

/* The first row of each table is the enum's zero, which is also the answer to an unknown value.
 * A later row of the same value is another spelling that is read and never written. */
#define ROWS(table) table, sizeof(table) / sizeof(table)[0]

static const struct word severities[] = {
    {SEVERITY_UNKNOWN, "unknown", "UnSpecified"},
    {SEVERITY_INFORMATIONAL, "informational", "Informational"},
    {SEVERITY_LOW, "low", "Low"},
    {SEVERITY_MEDIUM, "medium", "Medium"},
    {SEVERITY_HIGH, "high", "High"},
};

static const struct word statuses[] = {
    {STATUS_UNKNOWN, "unknown", "Unknown"},
    {STATUS_NEW, "new", "New"},
    {STATUS_IN_PROGRESS, "inProgress", "InProgress"},
    {STATUS_RESOLVED, "resolved", "Resolved"},
};

static const struct word classifications[] = {
    {CLASS_UNKNOWN, "unknown", "Unknown"},
    {CLASS_FALSE_POSITIVE, "falsePositive", "FalsePositive"},
    {CLASS_TRUE_POSITIVE, "truePositive", "TruePositive"},
    {CLASS_EXPECTED_ACTIVITY, "informationalExpectedActivity", "InformationalExpectedActivity"},
};

static const struct word determinations[] = {
    {DET_UNKNOWN, "unknown", "NotAvailable"},
    {DET_APT, "apt", "Apt"},
    {DET_MALWARE, "malware", "Malware"},
    {DET_SECURITY_PERSONNEL, "securityPersonnel", "SecurityPersonnel"},
    {DET_SECURITY_TESTING, "securityTesting", "SecurityTesting"},
    {DET_UNWANTED_SOFTWARE, "unwantedSoftware", "UnwantedSoftware"},
    {DET_OTHER, "other", "Other"},
    {DET_MULTI_STAGED_ATTACK, "multiStagedAttack", "MultiStagedAttack"},
    {DET_COMPROMISED_ACCOUNT, "compromisedAccount", "CompromisedAccount"},
    {DET_COMPROMISED_ACCOUNT, "compromisedUser", "CompromisedUser"},
    {DET_PHISHING, "phishing", "Phishing"},
    {DET_MALICIOUS_USER_ACTIVITY, "maliciousUserActivity", "MaliciousUserActivity"},
    {DET_NOT_MALICIOUS, "notMalicious", "Clean"},
    {DET_NOT_ENOUGH_DATA, "notEnoughDataToValidate", "NoEnoughDataToValidate"},
    {DET_NOT_ENOUGH_DATA, "insufficientData", "InsufficientData"},
    {DET_CONFIRMED_ACTIVITY, "confirmedActivity", "ConfirmedActivity"},
    {DET_CONFIRMED_ACTIVITY, "confirmedUserActivity", "ConfirmedUserActivity"},
    {DET_LINE_OF_BUSINESS, "lineOfBusinessApplication", "LineOfBusinessApplication"},
};

/* The classic words of identity and below were seen nowhere: formed like those that were. */
static const struct word services[] = {
    {SERVICE_UNKNOWN, "unknown", "Unknown"},
    {SERVICE_ENDPOINT, "microsoftDefenderForEndpoint", "MicrosoftDefenderATP"},
    {SERVICE_IDENTITY, "microsoftDefenderForIdentity", "AzureATP"},
    {SERVICE_CLOUD_APPS, "microsoftDefenderForCloudApps", "MicrosoftCloudAppSecurity"},
    {SERVICE_OFFICE365, "microsoftDefenderForOffice365", "OfficeATP"},
    {SERVICE_M365, "microsoft365Defender", "MicrosoftThreatProtection"},
    {SERVICE_IDENTITY_PROTECTION, "azureAdIdentityProtection", "AzureADIdentityProtection"},
    {SERVICE_APP_GOVERNANCE, "microsoftAppGovernance", "MicrosoftAppGovernance"},
    {SERVICE_DLP, "dataLossPrevention", "DataLossPrevention"},
};

/* For people, in the names of 2019 (service.md 10.10). */
static const struct word products[] = {
    {SERVICE_UNKNOWN, NULL, "Unknown"},
    {SERVICE_ENDPOINT, NULL, "Microsoft Defender ATP"},
    {SERVICE_IDENTITY, NULL, "Azure ATP"},
    {SERVICE_CLOUD_APPS, NULL, "Microsoft Cloud App Security"},
    {SERVICE_OFFICE365, NULL, "Office 365 ATP"},
    {SERVICE_M365, NULL, "Microsoft Threat Protection"},
    {SERVICE_IDENTITY_PROTECTION, NULL, "Azure AD Identity Protection"},
    {SERVICE_APP_GOVERNANCE, NULL, "Microsoft App Governance"},
    {SERVICE_DLP, NULL, "Data Loss Prevention"},
};

static const struct word detections[] = {
    {DETECTION_UNKNOWN, "unknown", "Unknown"},
    {DETECTION_ENDPOINT, "microsoftDefenderForEndpoint", "WindowsDefenderAtp"},
    {DETECTION_ANTIVIRUS, "antivirus", "WindowsDefenderAv"},
    {DETECTION_SMART_SCREEN, "smartScreen", "WindowsDefenderSmartScreen"},
    {DETECTION_CUSTOM_TI, "customTi", "CustomerTI"},
    {DETECTION_OFFICE365, "microsoftDefenderForOffice365", "OfficeATP"},
    {DETECTION_AUTOMATED_INVESTIGATION, "automatedInvestigation", "AutomatedInvestigation"},
    {DETECTION_THREAT_EXPERTS, "microsoftThreatExperts", "ThreatExperts"},
    {DETECTION_CUSTOM_DETECTION, "customDetection", "CustomDetection"},
    {DETECTION_IDENTITY, "microsoftDefenderForIdentity", "AzureATP"},
    {DETECTION_CLOUD_APP_SECURITY, "cloudAppSecurity", "MCAS"},
    {DETECTION_M365, "microsoft365Defender", "MTP"},
    {DETECTION_IDENTITY_PROTECTION, "azureAdIdentityProtection", "AzureADIdentityProtection"},
    {DETECTION_MANUAL, "manual", "Manual"},
    {DETECTION_DLP, "microsoftDataLossPrevention", "DLP"},
};

/* In the bit order of correlation.md 3; ransomware is an impact (sources.md 7.4). */
static const struct word tactics[] = {
    {0, "reconnaissance", NULL}, {0, "resourceDevelopment", NULL},
    {1, "initialAccess", NULL},  {2, "execution", NULL},
    {3, "persistence", NULL},    {4, "privilegeEscalation", NULL},
    {5, "defenseEvasion", NULL}, {6, "credentialAccess", NULL},
    {7, "discovery", NULL},      {8, "lateralMovement", NULL},
    {9, "collection", NULL},     {10, "commandAndControl", NULL},
    {11, "exfiltration", NULL},  {12, "impact", NULL},
    {12, "ransomware", NULL},
};

static const struct word *
word_of_value(const struct word *table, size_t n, int value)
{
    for (size_t i = 0; i < n; i++)
        if (table[i].value == value)
            return &table[i];
    return &table[0];
}

/* NULL: no row has that word, in either spelling. */
static const struct word *
word_of_text(const struct word *table, size_t n, struct slice text)
{
    for (size_t i = 0; i < n; i++) {
        if (table[i].graph != NULL && slice_eq_nocase(slice_of(table[i].graph), text))
            return &table[i];
        if (table[i].classic != NULL && slice_eq_nocase(slice_of(table[i].classic), text))
            return &table[i];
    }
    return NULL;
}

static int
value_of(const struct word *table, size_t n, struct slice text)
{
    const struct word *w = word_of_text(table, n, text);
    return w != NULL ? w->value : table[0].value;
}

const char *
severity_graph(enum severity v)
{
    return word_of_value(ROWS(severities), (int)v)->graph;
}

const char *
severity_classic(enum severity v)
{
    return word_of_value(ROWS(severities), (int)v)->classic;
}

enum severity
severity_of(struct slice word)
{
    return (enum severity)value_of(ROWS(severities), word);
}

const char *
alert_status_graph(enum alert_status v)
{
    return word_of_value(ROWS(statuses), (int)v)->graph;
}

const char *
alert_status_classic(enum alert_status v)
{
    return word_of_value(ROWS(statuses), (int)v)->classic;
}

enum alert_status
alert_status_of(struct slice word)
{
    return (enum alert_status)value_of(ROWS(statuses), word);
}

const char *
classification_graph(enum classification v)
{
    return word_of_value(ROWS(classifications), (int)v)->graph;
}

const char *
classification_classic(enum classification v)
{
    return word_of_value(ROWS(classifications), (int)v)->classic;
}

enum classification
classification_of(struct slice word)
{
    return (enum classification)value_of(ROWS(classifications), word);
}

const char *
determination_graph(enum determination v)
{
    return word_of_value(ROWS(determinations), (int)v)->graph;
}

const char *
determination_classic(enum determination v)
{
    return word_of_value(ROWS(determinations), (int)v)->classic;
}

enum determination
determination_of(struct slice word)
{
    return (enum determination)value_of(ROWS(determinations), word);
}

const char *
service_graph(enum service_source v)
{
    return word_of_value(ROWS(services), (int)v)->graph;
}

const char *
service_classic(enum service_source v)
{
    return word_of_value(ROWS(services), (int)v)->classic;
}

const char *
service_product(enum service_source v)
{
    return word_of_value(ROWS(products), (int)v)->classic;
}

const char *
detection_graph(enum detection_source v)
{
    return word_of_value(ROWS(detections), (int)v)->graph;
}

const char *
detection_classic(enum detection_source v)
{
    return word_of_value(ROWS(detections), (int)v)->classic;
}

int
alert_tactic(struct slice category)
{
    const struct word *w = word_of_text(ROWS(tactics), category);
    return w != NULL ? w->value : -1;
}
