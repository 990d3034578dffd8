/*
 * members.h: which member of a native record must be found where in Graph's alert.
 *
 * The table is sources.md 7, row by row, in words of its own: it must not follow the mapping that
 * it judges. A path is names with dots between; "list[Type]" are the items of that type, "list[]"
 * all, "list[first]" the first; "a|b" is either, ">a" a time there that is not before it. What `as`
 * makes of the native value must be among the values at the Graph path; nothing: the
 * row says nothing of that value.
 */
#ifndef WEIR_TESTS_MEMBERS_H
#define WEIR_TESTS_MEMBERS_H
#include <string.h>

#include "common/clock.h"
#include "common/slice.h"
#include "schemas/alert.h"

typedef struct slice as(struct slice s, struct arena *a);

struct member_row {
    const char *source; /* name, or "mail" and a record type: "mail 40" */
    const char *native, *graph;
    as *as;
};

/* ---- values */

static inline struct slice
same(struct slice s, struct arena *a)
{
    (void)a;
    return slice_trim(s);
}

static inline struct slice
lower(struct slice s, struct arena *a)
{
    return slice_lower(a, slice_trim(s));
}

static inline struct slice
after(const char *prefix, struct slice s, struct arena *a)
{
    return slice_join(a, slice_of(prefix), lower(s, a));
}

static inline struct slice
da(struct slice s, struct arena *a) /* ids of before autumn 2019 have no letters */
{
    return s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9' ? slice_join(a, SLICE("da"), s) : s;
}

static inline struct slice
fa(struct slice s, struct arena *a)
{
    return after("fa", s, a);
}

static inline struct slice
at_100ns(int64_t t, struct arena *a)
{
    return t != CLOCK_NONE ? slice_dup(a, slice_of(clock_format(t).s)) : SLICE_NONE;
}

static inline struct slice
when(struct slice s, struct arena *a)
{
    int64_t t = CLOCK_NONE;
    return clock_parse(s, &t) ? at_100ns(t, a) : SLICE_NONE;
}

static inline struct slice
when_ms(struct slice s, struct arena *a)
{
    int64_t ms = 0;
    return slice_int(s, &ms) ? at_100ns(ms * 10000, a) : SLICE_NONE;
}

/* The second in which an object id was made. */
static inline struct slice
when_made(struct slice s, struct arena *a)
{
    char hex[9] = {0};
    if (s.n != 24)
        return SLICE_NONE;
    memcpy(hex, s.p, 8);
    return at_100ns(strtol(hex, NULL, 16) * CLOCK_SECOND, a);
}

static inline struct slice
first_lower(struct slice s, struct arena *a)
{
    return slice_join(a, slice_lower(a, slice_sub(s, 0, 1)), slice_sub(s, 1, s.n));
}

/* A word by a table of "native", "graph" pairs; letter case and blanks do not count. */
static inline struct slice
word(const char *const (*table)[2], struct slice s, struct arena *a)
{
    char squeezed[64];
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < sizeof squeezed; i++)
        if (s.p[i] != ' ')
            squeezed[n++] = s.p[i];
    for (; (*table)[0] != NULL; table++)
        if (slice_eq_nocase((struct slice){squeezed, n}, slice_of((*table)[0])))
            return slice_of((*table)[1]);
    (void)a;
    return SLICE_NONE;
}

#define WORDS(name, ...)                                                                           \
    static inline struct slice name(struct slice s, struct arena *a)                               \
    {                                                                                              \
        static const char *const table[][2] = {__VA_ARGS__, {NULL, NULL}};                         \
        return word(table, s, a);                                                                  \
    }

WORDS(severity, {"UnSpecified", "unknown"}, {"Informational", "informational"}, {"Low", "low"},
      {"Medium", "medium"}, {"High", "high"})
WORDS(severity_number, {"3", "informational"}, {"0", "low"}, {"1", "medium"}, {"2", "high"})
WORDS(severity_cef, {"3", "low"}, {"5", "medium"}, {"10", "high"}, {"Low", "low"},
      {"Medium", "medium"}, {"High", "high"})
WORDS(status, {"New", "new"}, {"InProgress", "inProgress"}, {"Resolved", "resolved"},
      {"Unknown", "unknown"})
WORDS(status_policy, {"Active", "new"}, {"Investigating", "inProgress"}, {"Resolved", "resolved"},
      {"Dismissed", "resolved"})
WORDS(status_air, {"New", "new"}, {"InProgress", "inProgress"}, {"Resolved", "resolved"},
      {"Dismissed", "resolved"})
WORDS(status_apps, {"1", "resolved"}, {"2", "resolved"}, {"3", "resolved"}, {"4", "resolved"},
      {"5", "resolved"})
WORDS(class_apps, {"3", "falsePositive"}, {"4", "informationalExpectedActivity"},
      {"5", "truePositive"})
WORDS(classification, {"FalsePositive", "falsePositive"}, {"TruePositive", "truePositive"},
      {"InformationalExpectedActivity", "informationalExpectedActivity"})
WORDS(determination, {"Apt", "apt"}, {"Malware", "malware"},
      {"SecurityPersonnel", "securityPersonnel"}, {"SecurityTesting", "securityTesting"},
      {"UnwantedSoftware", "unwantedSoftware"}, {"Other", "other"}, {"Phishing", "phishing"},
      {"CompromisedUser", "compromisedAccount"}, {"Clean", "notMalicious"},
      {"InsufficientData", "notEnoughDataToValidate"},
      {"ConfirmedUserActivity", "confirmedActivity"}, {"MultiStagedAttack", "multiStagedAttack"},
      {"MaliciousUserActivity", "maliciousUserActivity"},
      {"LineOfBusinessApplication", "lineOfBusinessApplication"})
WORDS(service, {"WindowsDefenderAtp", "microsoftDefenderForEndpoint"},
      {"CustomDetection", "microsoftDefenderForEndpoint"},
      {"WindowsDefenderAv", "microsoftDefenderForEndpoint"},
      {"CustomerTI", "microsoftDefenderForEndpoint"}, {"MTP", "microsoft365Defender"},
      {"OfficeATP", "microsoftDefenderForOffice365"},
      {"ThirdPartySensors", "microsoftDefenderForEndpoint"})
WORDS(detection, {"WindowsDefenderAtp", "microsoftDefenderForEndpoint"},
      {"WindowsDefenderAv", "antivirus"}, {"WindowsDefenderSmartScreen", "smartScreen"},
      {"CustomerTI", "customTi"}, {"CustomDetection", "customDetection"},
      {"AutomatedInvestigation", "automatedInvestigation"},
      {"ThreatExperts", "microsoftThreatExperts"}, {"MTP", "microsoft365Defender"},
      {"OfficeATP", "microsoftDefenderForOffice365"}, {"ThirdPartySensors", "unknown"})
WORDS(category, {"InitialAccess", "InitialAccess"}, {"Execution", "Execution"},
      {"Persistence", "Persistence"}, {"PrivilegeEscalation", "PrivilegeEscalation"},
      {"DefenseEvasion", "DefenseEvasion"}, {"CredentialAccess", "CredentialAccess"},
      {"Discovery", "Discovery"}, {"LateralMovement", "LateralMovement"},
      {"Collection", "Collection"}, {"Exfiltration", "Exfiltration"},
      {"CommandAndControl", "CommandAndControl"}, {"Malware", "Malware"},
      {"Ransomware", "Ransomware"}, {"Exploit", "Exploit"},
      {"SuspiciousActivity", "SuspiciousActivity"}, {"General", "SuspiciousActivity"},
      {"None", "SuspiciousActivity"}, {"null", "SuspiciousActivity"},
      {"UnwantedSoftware", "UnwantedSoftware"})
WORDS(intent, {"2", "InitialAccess"}, {"3", "Persistence"}, {"4", "PrivilegeEscalation"},
      {"5", "DefenseEvasion"}, {"6", "CredentialAccess"}, {"7", "Discovery"},
      {"8", "LateralMovement"}, {"9", "Execution"}, {"10", "Collection"}, {"11", "Exfiltration"},
      {"12", "CommandAndControl"}, {"13", "Impact"})
WORDS(intent_air, {"Probing", "InitialAccess"}, {"Execution", "Execution"},
      {"Exploitation", "Exploit"})
WORDS(service_policy, {"DataLossPrevention", "dataLossPrevention"},
      {"ThreatManagement", "microsoftDefenderForOffice365"})
WORDS(investigation_air, {"InvestigationStarted", "running"}, {"Running", "running"},
      {"PendingAction", "pendingApproval"}, {"Nothreatsfound", "benign"},
      {"ThreatsFound", "partiallyInvestigated"}, {"Remediated", "successfullyRemediated"},
      {"Failed", "failed"}, {"TerminatedBySystem", "terminatedBySystem"},
      {"Terminatedbythrottling", "terminatedBySystem"}, {"TerminatedByUser", "terminatedByUser"})
WORDS(remediation, {"Blocked", "blocked"}, {"Prevented", "prevented"})
WORDS(workload, {"0", "SharePoint"}, {"1", "OneDrive"}, {"2", "Teams"})

static inline struct slice
hash40(struct slice s, struct arena *a)
{
    struct slice h = alert_fold_hash(s, a);
    return h.n == 40 ? s : SLICE_NONE;
}

static inline struct slice
short_host(struct slice s, struct arena *a)
{
    bool address = alert_fold_ip(s, a).n > 0;
    return address ? SLICE_NONE : slice_sub(s, 0, slice_find(s, SLICE("."), 0));
}

/* Names that stand for people: an address, one of a domain, one with a blank, or the bare name. */
static inline bool
has(struct slice s, const char *what)
{
    return slice_find(s, slice_of(what), 0) < s.n;
}

static inline struct slice
display(struct slice s, struct arena *a)
{
    (void)a;
    return has(s, " ") && !has(s, "@") && !has(s, "\\") ? s : SLICE_NONE;
}

static inline struct slice
bare_name(struct slice s, struct arena *a)
{
    (void)a;
    return !has(s, " ") && !has(s, "@") && !has(s, "\\") ? s : SLICE_NONE;
}

static inline struct slice
behind_domain(struct slice s, struct arena *a)
{
    size_t at = slice_find(s, SLICE("\\"), 0);
    (void)a;
    return at < s.n && s.p[s.n - 1] != '\\' && !has(s, "\\\\") ? slice_sub(s, at + 1, s.n)
                                                               : SLICE_NONE;
}

/* Text that has no markup to take off. */
static inline struct slice
plain(struct slice s, struct arena *a)
{
    (void)a;
    return has(s, "<") || has(s, "&") || has(s, "{{") ? SLICE_NONE : slice_trim(s);
}

/* A title without the decoration of documents, and short enough to stand as it is. */
static inline struct slice
title(struct slice s, struct arena *a)
{
    (void)a;
    return has(s, "*") || has(s, "[") || !has(s, " ") ? SLICE_NONE : s;
}

/* Zero-width blanks at the end of a title say nothing. */
static inline struct slice
visible(struct slice s, struct arena *a)
{
    (void)a;
    while (slice_ends(s, SLICE("\xe2\x80\x8b")))
        s.n -= 3;
    return slice_trim(s);
}

/* The address alone, of a line that says more behind it or a sign before it. */
static inline struct slice
address(struct slice s, struct arena *a)
{
    size_t at = slice_find(s, SLICE("http"), 0);
    s = slice_sub(s, at, s.n);
    (void)a;
    return slice_sub(s, 0, slice_find(s, SLICE(" "), 0));
}

static inline struct slice
family(struct slice s, struct arena *a)
{
    struct slice l = lower(s, a);
    return has(l, "phish") || has(l, "malicious") || has(l, "spam") || has(l, "-") ? SLICE_NONE : s;
}

static inline struct slice
comment(struct slice s, struct arena *a)
{
    (void)a;
    return slice_eq_nocase(s, SLICE("New alert")) ? SLICE_NONE : s;
}

/* The id at the end of an alert's address. */
static inline struct slice
last_part(struct slice s, struct arena *a)
{
    size_t at = s.n;
    while (at > 0 && s.p[at - 1] != '/')
        at--;
    struct slice last = slice_lower(a, slice_sub(s, at, s.n));
    return last.n >= 24 && last.n <= 36 ? last : SLICE_NONE; /* with "aa" in front: another row */
}

static inline struct slice
aa(struct slice s, struct arena *a)
{
    struct slice last = last_part(s, a);
    return last.n > 0 ? after("aa", last, a) : SLICE_NONE;
}

#endif
