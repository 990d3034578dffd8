/* members_rows.h: sources.md 7 as a table, and made-up records that hold every member of it. */
#ifndef WEIR_TESTS_MEMBERS_ROWS_H
#define WEIR_TESTS_MEMBERS_ROWS_H
#include "tests/property/members.h"

#define USER "evidence[user].userAccount."
#define MESSAGE "evidence[analyzedMessage]."

static const struct member_row rows[] = {
    /* ---- endpoint */
    {"endpoint", "id", "providerAlertId", same},
    {"endpoint", "id", "id", da},
    {"endpoint", "severity", "severity", severity},
    {"endpoint", "status", "status", status},
    {"endpoint", "classification", "classification", classification},
    {"endpoint", "determination", "determination", determination},
    {"endpoint", "detectionSource", "serviceSource", service},
    {"endpoint", "detectionSource", "detectionSource", detection},
    {"endpoint", "detectorId", "detectorId", same},
    {"endpoint", "category", "category", category},
    {"endpoint", "investigationState", "investigationState", first_lower},
    {"endpoint", "title", "title", same},
    {"endpoint", "description", "description", same},
    {"endpoint", "recommendedAction", "recommendedActions", same},
    {"endpoint", "assignedTo", "assignedTo", same},
    {"endpoint", "threatName", "threatDisplayName", same},
    {"endpoint", "threatName", "evidence[malware].name", same},
    {"endpoint", "threatFamilyName", "threatFamilyName", same},
    {"endpoint", "mitreTechniques[]", "mitreTechniques[]", same},
    {"endpoint", "alertCreationTime", "createdDateTime", when},
    {"endpoint", "firstEventTime", "firstActivityDateTime", when},
    {"endpoint", "lastEventTime", "lastActivityDateTime", when},
    {"endpoint", "lastUpdateTime", "lastUpdateDateTime", when},
    {"endpoint", "resolvedTime", "resolvedDateTime", when},
    {"endpoint", "machineId", "evidence[device].mdeDeviceId", same},
    {"endpoint", "computerDnsName", "evidence[device].deviceDnsName", same},
    {"endpoint", "computerDnsName", "evidence[device].hostName", short_host},
    {"endpoint", "rbacGroupName", "evidence[device].rbacGroupName", same},
    {"endpoint", "relatedUser.userName", USER "accountName", lower},
    {"endpoint", "relatedUser.domainName", USER "domainName", lower},
    {"endpoint", "loggedOnUsers[].accountName", USER "accountName", lower},
    {"endpoint", "loggedOnUsers[].domainName", USER "domainName", lower},
    {"endpoint", "comments[].comment", "comments[].comment", same},
    {"endpoint", "comments[].createdBy", "comments[].createdByDisplayName", same},
    {"endpoint", "comments[].createdTime", "comments[].createdDateTime", when},
    {"endpoint", "alertFiles[].sha1", "evidence[file].fileDetails.sha1", hash40},
    {"endpoint", "alertDomains[].host", "evidence[url].url", same},
    {"endpoint", "alertIps[].id", "evidence[ip].ipAddress", same},
    {"endpoint", "evidence[User].accountName", USER "accountName", lower},
    {"endpoint", "evidence[User].domainName", USER "domainName", lower},
    {"endpoint", "evidence[User].userSid", USER "userSid", same},
    {"endpoint", "evidence[User].aadUserId", USER "azureAdUserId", same},
    {"endpoint", "evidence[User].userPrincipalName", USER "userPrincipalName", same},
    {"endpoint", "evidence[Process].sha1", "evidence[process].imageFile.sha1", same},
    {"endpoint", "evidence[Process].sha1", "evidence[file].fileDetails.sha1", hash40},
    {"endpoint", "evidence[Process].sha256", "evidence[process].imageFile.sha256", same},
    {"endpoint", "evidence[Process].fileName", "evidence[process].imageFile.fileName", same},
    {"endpoint", "evidence[Process].filePath", "evidence[process].imageFile.filePath", same},
    {"endpoint", "evidence[Process].processId", "evidence[process].processId", same},
    {"endpoint", "evidence[Process].processCommandLine", "evidence[process].processCommandLine",
     same},
    {"endpoint", "evidence[Process].processCreationTime",
     "evidence[process].processCreationDateTime", when},
    {"endpoint", "evidence[Process].parentProcessId", "evidence[process].parentProcessId", same},
    {"endpoint", "evidence[Process].parentProcessCreationTime",
     "evidence[process].parentProcessCreationDateTime", when},
    {"endpoint", "evidence[Process].parentProcessFileName",
     "evidence[process].parentProcessImageFile.fileName", same},
    {"endpoint", "evidence[Process].parentProcessFilePath",
     "evidence[process].parentProcessImageFile.filePath", same},
    {"endpoint", "evidence[Process].accountName", "evidence[process].userAccount.accountName",
     same},
    {"endpoint", "evidence[Process].evidenceCreationTime", "evidence[process].createdDateTime",
     when},
    {"endpoint", "evidence[Process].detectionStatus", "evidence[process].remediationStatus",
     remediation},
    {"endpoint", "evidence[Process].detectionStatus", "evidence[process].detectionStatus", lower},
    {"endpoint", "evidence[File].sha1", "evidence[file].fileDetails.sha1", same},
    {"endpoint", "evidence[File].sha256", "evidence[file].fileDetails.sha256", same},
    {"endpoint", "evidence[File].fileName", "evidence[file].fileDetails.fileName", same},
    {"endpoint", "evidence[File].filePath", "evidence[file].fileDetails.filePath", same},
    {"endpoint", "evidence[File].detectionStatus", "evidence[file].detectionStatus", lower},
    {"endpoint", "evidence[Ip].ipAddress", "evidence[ip].ipAddress", same},
    {"endpoint", "evidence[Url].url", "evidence[url].url", same},
    {"endpoint", "evidence[Registry].registryKey", "evidence[registryValue].registryKey", same},
    {"endpoint", "evidence[Registry].registryHive", "evidence[registryValue].registryHive", same},
    {"endpoint", "evidence[Registry].registryValue", "evidence[registryValue].registryValue", same},
    {"endpoint", "evidence[Registry].registryValueType",
     "evidence[registryValue].registryValueType", same},
    /* ---- mail, policy alerts */
    {"mail 40", "AlertId", "providerAlertId", same},
    {"mail 40", "AlertId", "id", fa},
    {"mail 40", "Severity", "severity", severity},
    {"mail 40", "Status", "status", status_policy},
    {"mail 40", "Category", "serviceSource", service_policy},
    {"mail 40", "Category", "additionalData.Category", same},
    {"mail 40", "Source", "additionalData.Source", same},
    {"mail 40", "Name", "title", same},
    {"mail 40", "PolicyId", "alertPolicyId", same},
    {"mail 40", "Comments", "comments[].comment", comment},
    {"mail 40", "AlertLinks[first].AlertLinkHref", "alertWebUrl", same},
    {"mail 40", "CreationTime", "createdDateTime", when},
    {"mail 40", "CreationTime", "lastUpdateDateTime", when},
    {"mail 40", "Data.ts", "firstActivityDateTime", when},
    {"mail 40", "Data.te", "lastActivityDateTime", when},
    {"mail 40", "Data.suid", USER "userPrincipalName", alert_fold_upn},
    {"mail 40", "Data.f3u", USER "userPrincipalName", alert_fold_upn},
    {"mail 40", "Data.trc", USER "userPrincipalName", alert_fold_upn},
    {"mail 40", "Data.trc", "evidence[mailbox].primaryAddress", alert_fold_upn},
    {"mail 40", "Data.trc", MESSAGE "recipientEmailAddress", alert_fold_upn},
    {"mail 40", "Data.zfn", "evidence[file].fileDetails.fileName", same},
    {"mail 40", "Data.zfh", "evidence[file].fileDetails.sha1", hash40},
    {"mail 40", "Data.zmfn", "evidence[file].fileDetails.fileName", same},
    {"mail 40", "Data.zmfh", "evidence[file].fileDetails.sha1", hash40},
    {"mail 40", "Data.sip", "evidence[ip].ipAddress", alert_fold_ip},
    {"mail 40", "Data.sip", MESSAGE "senderIp", alert_fold_ip},
    {"mail 40", "Data.zu", "evidence[url].url", alert_fold_url},
    {"mail 40", "Data.pud", "evidence[url].url", alert_fold_url},
    {"mail 40", "Data.aii", MESSAGE "networkMessageId", lower},
    {"mail 40", "Data.imsgid", MESSAGE "internetMessageId", same},
    {"mail 40", "Data.tsd", MESSAGE "p2Sender.emailAddress", alert_fold_upn},
    {"mail 40", "Data.ms", MESSAGE "subject", same},
    {"mail 40", "Data.thn", "evidence[malware].name", family},
    {"mail 40", "Data.eid", "additionalData.Data.eid", same},
    /* ---- mail, what was detected */
    {"mail 28", "Id", "providerAlertId", same},
    {"mail 28", "NetworkMessageId", MESSAGE "networkMessageId", lower},
    {"mail 28", "InternetMessageId", MESSAGE "internetMessageId", same},
    {"mail 28", "P1Sender", MESSAGE "p1Sender.emailAddress", alert_fold_upn},
    {"mail 28", "P2Sender", MESSAGE "p2Sender.emailAddress", alert_fold_upn},
    {"mail 28", "SenderIp", MESSAGE "senderIp", alert_fold_ip},
    {"mail 28", "SenderIp", "evidence[ip].ipAddress", alert_fold_ip},
    {"mail 28", "Subject", MESSAGE "subject", same},
    {"mail 28", "Recipients[]", "evidence[mailbox].primaryAddress", alert_fold_upn},
    {"mail 28", "AttachmentData[].FileName", "evidence[file].fileDetails.fileName", same},
    {"mail 28", "AttachmentData[].SHA256", "evidence[file].fileDetails.sha256", alert_fold_hash},
    {"mail 28", "AttachmentData[].MalwareFamily", "evidence[malware].name", family},
    {"mail 28", "DeliveryAction", MESSAGE "deliveryAction", same},
    {"mail 28", "MessageTime", "firstActivityDateTime", when},
    {"mail 28", "MessageTime", MESSAGE "receivedDateTime", when},
    {"mail 28", "EventDeepLink", "alertWebUrl", same},
    {"mail 28", "Verdict", "additionalData.Verdict", same},
    {"mail 41", "Id", "providerAlertId", same},
    {"mail 41", "Url", "evidence[url].url", alert_fold_url},
    {"mail 41", "UserId", USER "userPrincipalName", alert_fold_upn},
    {"mail 41", "UserIp", "evidence[ip].ipAddress", alert_fold_ip},
    {"mail 41", "SourceId", MESSAGE "networkMessageId", alert_fold_guid},
    {"mail 41", "TimeOfClick", "firstActivityDateTime", when},
    {"mail 47", "Id", "providerAlertId", same},
    {"mail 47", "FileData.FileName", "evidence[file].fileDetails.fileName", same},
    {"mail 47", "FileData.FilePath", "evidence[file].fileDetails.filePath", same},
    {"mail 47", "FileData.FileSize", "evidence[file].fileDetails.fileSize", same},
    {"mail 47", "FileData.SHA256", "evidence[file].fileDetails.sha256", alert_fold_hash},
    {"mail 47", "FileData.MalwareFamily", "evidence[malware].name", same},
    {"mail 47", "LastModifiedBy", USER "userPrincipalName", alert_fold_upn},
    {"mail 47", "SourceWorkload", "evidence[cloudApplication].displayName", workload},
    {"mail 47", "DetectionDate", "firstActivityDateTime", when},
    /* ---- mail, investigations */
    {"mail 64", "Data.ProviderAlertId", "providerAlertId", same},
    {"mail 64", "Data.ProviderAlertId", "id", fa},
    {"mail 64", "Data.Severity", "severity", severity},
    {"mail 64", "Data.Status", "status", status_air},
    {"mail 64", "Status", "investigationState", investigation_air},
    {"mail 64", "Data.Intent", "category", intent_air},
    {"mail 64", "Data.AlertDisplayName", "title", visible},
    {"mail 64", "Data.Description", "description", same},
    {"mail 64", "Data.ExtendedLinks[].Href", "alertWebUrl", same},
    {"mail 64", "DeepLinkUrl", "additionalData.DeepLinkUrl", same},
    {"mail 64", "Data.StartTimeUtc", "firstActivityDateTime", when},
    {"mail 64", "Data.EndTimeUtc", "lastActivityDateTime", when},
    {"mail 64", "Data.TimeGenerated", "createdDateTime", when},
    {"mail 64", "LastUpdateTimeUtc", ">lastUpdateDateTime", when},
    {"mail 64", "Data.Entities[mailMessage].Recipient", MESSAGE "recipientEmailAddress",
     alert_fold_upn},
    {"mail 64", "Data.Entities[mailMessage].Sender", MESSAGE "p2Sender.emailAddress",
     alert_fold_upn},
    {"mail 64", "Data.Entities[mailMessage].SenderIP", MESSAGE "senderIp", alert_fold_ip},
    {"mail 64", "Data.Entities[mailMessage].SenderIP", "evidence[ip].ipAddress", alert_fold_ip},
    {"mail 64", "Data.Entities[mailMessage].Urls[]", MESSAGE "urls[]", alert_fold_url},
    {"mail 64", "Data.Entities[mailMessage].NetworkMessageId", MESSAGE "networkMessageId", lower},
    {"mail 64", "Data.Entities[mailMessage].InternetMessageId", MESSAGE "internetMessageId", same},
    {"mail 64", "Data.Entities[mailMessage].Subject", MESSAGE "subject", same},
    {"mail 64", "Data.Entities[mailMessage].ReceivedDate", MESSAGE "receivedDateTime", when},
    {"mail 64", "Data.Entities[mailMessage].DeliveryAction", MESSAGE "deliveryAction", same},
    {"mail 64", "Data.Entities[mailCluster].Query", "evidence[mailCluster].query", same},
    {"mail 64", "Data.Entities[mailCluster].MailCount", "evidence[mailCluster].emailCount", same},
    {"mail 64", "Data.Entities[mailCluster].NetworkMessageIds[]",
     "evidence[mailCluster].networkMessageIds[]", lower},
    {"mail 64", "Data.Entities[mailCluster].ClusterBy", "evidence[mailCluster].clusterBy", same},
    {"mail 64", "Data.Entities[mailbox].MailboxPrimaryAddress", "evidence[mailbox].primaryAddress",
     alert_fold_upn},
    {"mail 64", "Data.Entities[mailbox].Upn", USER "userPrincipalName", alert_fold_upn},
    {"mail 64", "Data.Entities[mailbox].Upn", "evidence[mailbox].upn", alert_fold_upn},
    {"mail 64", "Data.Entities[url].Url", "evidence[url].url", alert_fold_url},
    {"mail 64", "Data.Entities[file].Name", "evidence[file].fileDetails.fileName", same},
    {"mail 64", "Data.Entities[file].FileHashes[].Value", "evidence[file].fileDetails.sha1",
     alert_fold_hash},
    {"mail 64", "Data.Entities[file].MalwareFamily", "evidence[malware].name", same},
    {"mail 64", "Data.Entities[filehash].Value", "evidence[fileHash].value", alert_fold_hash},
    {"mail 64", "Data.Entities[ip].Address", "evidence[ip].ipAddress", alert_fold_ip},
    {"mail 64", "Data.Entities[account].Name", USER "accountName", same},
    {"mail 64", "Data.Entities[account].NTDomain", USER "domainName", same},
    {"mail 64", "Data.Entities[account].Sid", USER "userSid", same},
    {"mail 64", "Data.Entities[account].AadUserId", USER "azureAdUserId", same},
    {"mail 64", "Data.Entities[host].HostName", "evidence[device].hostName", same},
    {"mail 64", "Data.Entities[host].OSFamily", "evidence[device].osPlatform", same},
    {"mail 64", "Data.Entities[process].ProcessId", "evidence[process].processId", same},
    {"mail 64", "Data.Entities[process].CommandLine", "evidence[process].processCommandLine", same},
    {"mail 64", "Data.Entities[registry-key].Key", "evidence[registryKey].registryKey", same},
    {"mail 64", "Data.Entities[registry-value].Key.Key", "evidence[registryValue].registryKey",
     same},
    {"mail 64", "Data.Entities[registry-value].Name", "evidence[registryValue].registryValueName",
     same},
    {"mail 64", "Data.Entities[cloud-application].Name", "evidence[cloudApplication].displayName",
     same},
    {"mail 64", "Data.Entities[security-group].DistinguishedName",
     "evidence[securityGroup].displayName", same},
    {"mail 64", "Data.Entities[malware].Name", "evidence[malware].name", same},
    /* ---- apps */
    {"apps", "_id", "providerAlertId", same},
    {"apps", "_id", "createdDateTime", when_made},
    {"apps", "title", "title", plain},
    {"apps", "description", "description", plain},
    {"apps", "severityValue", "severity", severity_number},
    {"apps", "resolutionStatusValue", "status", status_apps},
    {"apps", "resolutionStatusValue", "classification", class_apps},
    {"apps", "timestamp", "firstActivityDateTime", when_ms},
    {"apps", "timestamp", "lastActivityDateTime", when_ms},
    {"apps", "resolveTime", "resolvedDateTime|additionalData.resolveTime", when},
    {"apps", "handledByUser", "assignedTo", same},
    {"apps", "comment", "comments[].comment", same},
    {"apps", "URL", "alertWebUrl", same},
    {"apps", "idValue", "detectorId", same},
    {"apps", "intent[]", "category", intent},
    {"apps", "entities[account].pa", USER "userPrincipalName", alert_fold_upn},
    {"apps", "entities[account].id", USER "azureAdUserId", alert_fold_guid},
    {"apps", "entities[account].label", USER "displayName", same},
    {"apps", "entities[account].em", "evidence[mailbox].primaryAddress", same},
    {"apps", "entities[user].id", USER "userPrincipalName", alert_fold_upn},
    {"apps", "entities[device].label", "evidence[device].hostName", short_host},
    {"apps", "entities[file].name", "evidence[file].fileDetails.fileName", same},
    {"apps", "entities[ip].id", "evidence[ip].ipAddress", same},
    {"apps", "entities[service].id", "evidence[cloudApplication].saasAppId", same},
    {"apps", "entities[service].label", "evidence[cloudApplication].displayName", same},
    {"apps", "entities[service].inst", "evidence[cloudApplication].instanceId", same},
    {"apps", "entities[policyRule].id", "alertPolicyId", same},
    {"apps", "entities[country].id", "evidence[ip].location.countryName", same},
    {"apps", "entities[groupTag].label", "additionalData.groupTags[]", same},
    /* ---- identity */
    {"identity", "header.name", "title", title},
    {"identity", "header.severity", "severity", severity_cef},
    {"identity", "header.classId", "additionalData.classId", same},
    {"identity", "externalId", "detectorId", same},
    {"identity", "cs1", "providerAlertId", last_part},
    {"identity", "cs1", "id", aa},
    {"identity", "cs1", "alertWebUrl", address},
    {"identity", "msg", "description", same},
    {"identity", "start", "firstActivityDateTime", when},
    {"identity", "shost", "evidence[device].hostName", short_host},
    {"identity", "shost", "evidence[ip].ipAddress", alert_fold_ip},
    {"identity", "shostfqdn", "evidence[device].deviceDnsName", lower},
    {"identity", "dhost", "evidence[device].hostName|evidence[url].url", short_host},
    {"identity", "src", "evidence[ip].ipAddress", alert_fold_ip},
    {"identity", "suser", USER "userPrincipalName", alert_fold_upn},
    {"identity", "suser", USER "displayName", display},
    {"identity", "suser", USER "accountName", bare_name},
    {"identity", "suser", USER "accountName", behind_domain},
    {"identity", "duser", USER "accountName", bare_name},
    {"identity", "app", "additionalData.app", same},
    {"identity", "cnt", "additionalData.cnt", same},
};
enum { ROWS = sizeof rows / sizeof *rows };

/* {source, record, its Data} */
static const struct made_up {
    const char *source, *record, *data;
} made_up[] = {
    {"endpoint",
     "{\"id\":\"637111_7\",\"severity\":\"High\",\"status\":\"InProgress\",\"classification\":"
     "\"TruePositive\",\"determination\":\"Clean\",\"detectionSource\":\"CustomDetection\","
     "\"detectorId\":\"d-1\",\"category\":\"Execution\",\"investigationState\":\"PendingApproval\","
     "\"title\":\"Odd process\",\"description\":\"Text\",\"recommendedAction\":\"Look\","
     "\"assignedTo\":\"a@x.example\",\"threatName\":\"Fam.A\",\"threatFamilyName\":\"Fam\","
     "\"mitreTechniques\":[\"T1059\",\"T1064\"],\"alertCreationTime\":"
     "\"2019-12-02T10:00:00.1234567Z\",\"firstEventTime\":\"2019-12-02T09:00:00.7654321Z\","
     "\"lastEventTime\":\"2019-12-02T09:30:00Z\",\"lastUpdateTime\":\"2019-12-02T10:01:00.2Z\","
     "\"resolvedTime\":\"2019-12-02T11:00:00Z\",\"machineId\":"
     "\"111e6dd8c833c8a052ea231ec1b19adaf497b625\",\"computerDnsName\":\"pc1.x.example\","
     "\"rbacGroupName\":\"Group\",\"relatedUser\":{\"userName\":\"u1\",\"domainName\":\"X\"},"
     "\"loggedOnUsers\":[{\"accountName\":\"u3\",\"domainName\":\"Y\"}],\"comments\":[{\"comment\":"
     "\"c\",\"createdBy\":\"b@x.example\",\"createdTime\":\"2019-12-02T10:00:30Z\"}],"
     "\"alertFiles\":[{\"sha1\":\"a6d237154f2e528f0b503b58b025862d66b02b73\"}],\"alertDomains\":[{"
     "\"host\":\"h.example\"}],\"alertIps\":[{\"id\":\"192.0.2.2\"}],\"evidence\":[{\"entityType\":"
     "\"Process\",\"evidenceCreationTime\":\"2019-12-02T09:00:01Z\",\"sha1\":"
     "\"b6d237154f2e528f0b503b58b025862d66b02b73\",\"sha256\":"
     "\"01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b\",\"fileName\":\"p.exe\","
     "\"filePath\":\"C:\\\\a\",\"processId\":12,\"processCommandLine\":\"p -x\","
     "\"processCreationTime\":\"2019-12-02T08:59:00.1Z\",\"parentProcessId\":1,"
     "\"parentProcessCreationTime\":\"2019-12-02T08:00:00Z\",\"parentProcessFileName\":\"q.exe\","
     "\"parentProcessFilePath\":\"C:\\\\b\",\"accountName\":\"u4\",\"detectionStatus\":"
     "\"Blocked\"},{\"entityType\":\"File\",\"sha1\":\"c6d237154f2e528f0b503b58b025862d66b02b73\","
     "\"sha256\":\"11ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b\","
     "\"fileName\":\"f.doc\",\"filePath\":\"C:\\\\c\",\"detectionStatus\":\"Prevented\"},"
     "{\"entityType\":\"Registry\",\"registryKey\":\"k\",\"registryHive\":\"h\",\"registryValue\":"
     "\"v\",\"registryValueType\":\"Unknown\"},{\"entityType\":\"Ip\",\"ipAddress\":\"192.0.2.3\"},"
     "{\"entityType\":\"Url\",\"url\":\"http://u.example/\"},{\"entityType\":\"User\","
     "\"accountName\":\"u5\",\"domainName\":\"Z\",\"userPrincipalName\":\"u5@x.example\","
     "\"userSid\":\"S-1-5-7\",\"aadUserId\":\"6204bdaf-ad46-4e99-a25d-374a0532c666\"}]}",
     NULL},
    {"mail",
     "{\"CreationTime\":\"2019-12-02T10:00:00\",\"Id\":\"r-1\",\"Operation\":\"AlertTriggered\","
     "\"RecordType\":40,\"AlertId\":\"A-1\",\"AlertLinks\":[{\"AlertLinkHref\":\"https://x/\"}],"
     "\"AlertType\":\"System\",\"Category\":\"ThreatManagement\",\"Comments\":\"seen\",\"Name\":"
     "\"Phish delivered\",\"PolicyId\":\"p-1\",\"Severity\":\"High\",\"Source\":\"Office 365 "
     "Security & Compliance\",\"Status\":\"Dismissed\"}",
     "{\"ts\":\"2019-12-02T09:00:00Z\",\"te\":\"2019-12-02T09:01:00.0000000Z\",\"suid\":"
     "\"v@x.example\",\"f3u\":\"U@x.example\",\"trc\":\"a@x.example\",\"tsd\":\"s@y.example\","
     "\"aii\":\"D6c7276b-3a65-43c7-9e25-525f7e289543\",\"imsgid\":\"<m@y>\",\"ms\":\"Hi\",\"sip\":"
     "\"192.0.2.9\",\"zu\":\"http://U.example/\",\"pud\":\"http://v.example/\",\"zfn\":\"f.doc\","
     "\"zfh\":\"b6d237154f2e528f0b503b58b025862d66b02b73\",\"zmfn\":\"g.doc\",\"zmfh\":"
     "\"c6d237154f2e528f0b503b58b025862d66b02b73\",\"thn\":\"Fam\",\"etype\":\"MaliciousUrl\","
     "\"eid\":\"http://w.example/\"}"},
    {"mail",
     "{\"CreationTime\":\"2019-12-02T10:00:00\",\"Id\":\"R-3\",\"Operation\":\"TIMailData\","
     "\"RecordType\":28,\"MessageTime\":\"2019-12-02T09:00:00\",\"Verdict\":\"Malware\","
     "\"NetworkMessageId\":\"D6c7276b-3a65-43c7-9e25-525f7e289543\",\"InternetMessageId\":"
     "\"<m@y>\",\"P1Sender\":\"s@y.example\",\"P2Sender\":\"t@y.example\",\"SenderIp\":"
     "\"192.0.2.4\",\"Subject\":\"Hi\",\"DeliveryAction\":\"Blocked\",\"EventDeepLink\":"
     "\"https://x/\",\"Recipients\":[\"A@x.example\",\"b@x.example\"],\"AttachmentData\":[{"
     "\"FileName\":\"f\",\"SHA256\":"
     "\"01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b\",\"MalwareFamily\":"
     "\"Fam\"}]}",
     NULL},
    {"mail",
     "{\"CreationTime\":\"2019-12-02T10:00:00\",\"Id\":\"R-4\",\"Operation\":\"TIUrlClickData\","
     "\"RecordType\":41,\"TimeOfClick\":\"2019-12-02T09:00:00\",\"Url\":\"http://u.example/\","
     "\"URLClickAction\":4,\"UserId\":\"a@x.example\",\"UserIp\":\"192.0.2.3\",\"SourceId\":"
     "\"d6c7276b-3a65-43c7-9e25-525f7e289543\"}",
     NULL},
    {"mail",
     "{\"CreationTime\":\"2019-12-02T10:00:00\",\"Id\":\"R-5\",\"Operation\":\"AtpDetection\","
     "\"RecordType\":47,\"DetectionDate\":\"2019-12-02T09:00:00\",\"LastModifiedBy\":"
     "\"a@x.example\",\"SourceWorkload\":1,\"FileData\":{\"FileName\":\"f\",\"FilePath\":"
     "\"https://x/f\",\"FileSize\":\"7\",\"SHA256\":"
     "\"01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b\",\"MalwareFamily\":"
     "\"Fam\"}}",
     NULL},
    {"mail",
     "{\"CreationTime\":\"2019-12-02T11:00:00\",\"Id\":\"r-2\",\"Operation\":"
     "\"AirInvestigationData\",\"RecordType\":64,\"InvestigationId\":\"urn:Z:1\",\"Status\":"
     "\"Threats Found\",\"LastUpdateTimeUtc\":\"2019-12-02T11:00:30\",\"DeepLinkUrl\":"
     "\"https://x/\"}",
     "{\"ProviderAlertId\":\"A-1\",\"StartTimeUtc\":\"2019-12-02T09:00:00Z\",\"EndTimeUtc\":"
     "\"2019-12-02T09:40:00Z\",\"TimeGenerated\":\"2019-12-02T09:05:00Z\",\"Status\":"
     "\"InProgress\",\"Severity\":\"Medium\",\"Intent\":\"Probing\",\"AlertDisplayName\":\"Mail "
     "zapped\",\"Description\":\"d\",\"ExtendedLinks\":[{\"Href\":\"https://y/\"}],\"Entities\":[{"
     "\"Type\":\"mailMessage\",\"Recipient\":\"a@x.example\",\"Sender\":\"s@y.example\","
     "\"SenderIP\":\"192.0.2.4\",\"Urls\":[\"http://u.example/\"],\"NetworkMessageId\":"
     "\"D6c7276b-3a65-43c7-9e25-525f7e289543\",\"InternetMessageId\":\"<m@y>\",\"ReceivedDate\":"
     "\"2019-12-02T08:00:00\",\"Subject\":\"Hi\",\"DeliveryAction\":\"Blocked\"},{\"Type\":"
     "\"mailCluster\",\"MailCount\":3,\"NetworkMessageIds\":[\"E6c7276b-3a65\"],\"Query\":\"q\","
     "\"ClusterBy\":\"Subject\"},{\"Type\":\"mailbox\",\"MailboxPrimaryAddress\":\"b@x.example\","
     "\"Upn\":\"c@x.example\"},{\"Type\":\"url\",\"Url\":\"http://v.example/\"},{\"Type\":\"file\","
     "\"Name\":\"f\",\"FileHashes\":[{\"Algorithm\":\"SHA1\",\"Value\":"
     "\"B6D237154F2E528F0B503B58B025862D66B02B73\"}],\"MalwareFamily\":\"Fam\"},{\"Type\":"
     "\"filehash\",\"Algorithm\":\"SHA1\",\"Value\":\"C6D237154F2E528F0B503B58B025862D66B02B73\"},"
     "{\"Type\":\"ip\",\"Address\":\"192.0.2.5\"},{\"Type\":\"account\",\"Name\":\"n\","
     "\"NTDomain\":\"X\",\"Sid\":\"S-1-5-7\",\"AadUserId\":"
     "\"6204bdaf-ad46-4e99-a25d-374a0532c666\"},{\"Type\":\"host\",\"HostName\":\"pc1\","
     "\"OSFamily\":\"Windows\"},{\"Type\":\"process\",\"ProcessId\":\"4\",\"CommandLine\":\"p "
     "-x\"},{\"Type\":\"registry-key\",\"Hive\":\"h\",\"Key\":\"k\"},{\"Type\":\"registry-value\","
     "\"Key\":{\"Hive\":\"h\",\"Key\":\"l\"},\"Name\":\"n\"},{\"Type\":\"cloud-application\","
     "\"Name\":\"Box\"},{\"Type\":\"security-group\",\"DistinguishedName\":\"CN=g\"},{\"Type\":"
     "\"malware\",\"Name\":\"Fam2\"}]}"},
    {"apps",
     "{\"_id\":\"603f704aaf7417985bbf3b22\",\"title\":\"Impossible travel\",\"description\":"
     "\"seen\",\"severityValue\":2,\"statusValue\":1,\"resolutionStatusValue\":4,\"idValue\":"
     "15859716,\"intent\":[6],\"timestamp\":1575280000123,\"resolveTime\":"
     "\"2019-12-03T00:00:00.904Z\",\"comment\":\"c\",\"handledByUser\":\"h@x.example\",\"URL\":"
     "\"https://x.example/\",\"entities\":[{\"type\":\"account\",\"id\":"
     "\"6204bdaf-ad46-4e99-a25d-374a0532c666\",\"label\":\"U One\",\"pa\":\"u1@x.example\",\"em\":"
     "\"u.one@x.example\"},{\"type\":\"user\",\"id\":\"u2@x.example\",\"label\":\"U Two\"},{"
     "\"type\":\"device\",\"id\":\"d\",\"label\":\"pc1.x.example\"},{\"type\":\"ip\",\"id\":"
     "\"192.0.2.1\"},{\"type\":\"service\",\"id\":20893,\"label\":\"Box\",\"inst\":1},{\"type\":"
     "\"policyRule\",\"id\":\"p-1\",\"label\":\"P\"},{\"type\":\"file\",\"name\":\"f.doc\"},{"
     "\"type\":\"country\",\"id\":\"NL\"},{\"type\":\"groupTag\",\"id\":\"g\",\"label\":"
     "\"Group\"}]}",
     NULL},
    {"apps",
     "{\"_id\":\"603f704aaf7417985bbf3b23\",\"title\":\"Open again\",\"resolutionStatusValue\":0,"
     "\"resolveTime\":\"2019-12-03T00:00:00.904Z\"}",
     NULL},
    {"identity",
     "1 2019-12-02T10:00:00.000001+00:00 DC1 CEF 1 X CEF:0|Microsoft|Azure "
     "ATP|2.1|DnsReconnaissanceSecurityAlert|Reconnaissance using DNS|5|start=2019-12-02T09:59:"
     "00.1234567Z app=Dns shost=PC1 shostfqdn=PC1.x.example dhost=DC1 src=192.0.2.7 "
     "suser=a@x.example duser=svc cnt=3 msg=Text here externalId=2007 cs1Label=url "
     "cs1=https://w.atp.azure.com/securityAlert/6f69e1e7-304a-4054-8edf-33f26c1f004c "
     "cs2Label=trigger cs2=new",
     NULL},
    {"identity",
     "1 2019-12-02T10:00:00.000001+00:00 DC1 CEF 1 X CEF:0|Microsoft|Azure "
     "ATP|2.1|DnsReconnaissanceSecurityAlert|Reconnaissance using DNS|10|start=2019-12-02T09:59:"
     "00.1234567Z shost=192.0.2.8 suser=X\\\\name externalId=2007 cs1Label=url "
     "cs1=https://w.atp.azure.com/securityAlert/6f69e1e7-304a-4054-8edf-33f26c1f004c",
     NULL},
    {"identity",
     "1 2019-12-02T10:00:00.000001+00:00 DC1 CEF 1 X CEF:0|Microsoft|Azure "
     "ATP|2.1|DnsReconnaissanceSecurityAlert|Reconnaissance using DNS|3|start=2019-12-02T09:59:"
     "00.1234567Z suser=Anna Smith externalId=2007 cs1Label=url "
     "cs1=https://w.atp.azure.com/securityAlert/6f69e1e7-304a-4054-8edf-33f26c1f004c",
     NULL},
    {"identity",
     "1 2019-12-02T10:00:00.000001+00:00 DC1 CEF 1 X CEF:0|Microsoft|Azure "
     "ATP|2.1|DnsReconnaissanceSecurityAlert|Reconnaissance using DNS|3|start=2019-12-02T09:59:"
     "00.1234567Z suser=anna externalId=2007 cs1Label=url "
     "cs1=https://w.atp.azure.com/securityAlert/6f69e1e7-304a-4054-8edf-33f26c1f004c",
     NULL},
};
enum { MADE_UP = sizeof made_up / sizeof *made_up };

#endif
