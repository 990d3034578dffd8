/*
 * alert.h: the unified alert, in the words of Graph alerts_v2.
 *
 * What the four sources say, mapped to one vocabulary (sources.md 6 and 7). Texts are borrowed
 * from the arena in which the alert was made. Where a word was mapped, the raw word is kept in
 * `raw_words`. A slice {NULL, 0} is null on the wire.
 */
#ifndef WEIR_ALERT_H
#define WEIR_ALERT_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/json.h"
#include "common/slice.h"

/* The numbers are Graph's (sources.md 6.2). */
enum severity {
    SEVERITY_UNKNOWN = 0,
    SEVERITY_INFORMATIONAL = 32,
    SEVERITY_LOW = 64,
    SEVERITY_MEDIUM = 128,
    SEVERITY_HIGH = 256
};
enum alert_status {
    STATUS_UNKNOWN = 0,
    STATUS_NEW = 2,
    STATUS_IN_PROGRESS = 4,
    STATUS_RESOLVED = 8
};
enum classification {
    CLASS_UNKNOWN = 0,
    CLASS_FALSE_POSITIVE = 10,
    CLASS_TRUE_POSITIVE = 20,
    CLASS_EXPECTED_ACTIVITY = 30
};
enum determination {
    DET_UNKNOWN = 0,
    DET_APT = 10,
    DET_MALWARE = 20,
    DET_SECURITY_PERSONNEL = 30,
    DET_SECURITY_TESTING = 40,
    DET_UNWANTED_SOFTWARE = 50,
    DET_OTHER = 60,
    DET_MULTI_STAGED_ATTACK = 70,
    DET_COMPROMISED_ACCOUNT = 80,
    DET_PHISHING = 90,
    DET_MALICIOUS_USER_ACTIVITY = 100,
    DET_NOT_MALICIOUS = 110,
    DET_NOT_ENOUGH_DATA = 120,
    DET_CONFIRMED_ACTIVITY = 130,
    DET_LINE_OF_BUSINESS = 140,
};
enum service_source {
    SERVICE_UNKNOWN = 0,
    SERVICE_ENDPOINT = 1,
    SERVICE_IDENTITY = 2,
    SERVICE_CLOUD_APPS = 4,
    SERVICE_OFFICE365 = 8,
    SERVICE_M365 = 16,
    SERVICE_IDENTITY_PROTECTION = 32,
    SERVICE_APP_GOVERNANCE = 64,
    SERVICE_DLP = 128,
};
enum detection_source {
    DETECTION_UNKNOWN = 0,
    DETECTION_ENDPOINT = 1,
    DETECTION_ANTIVIRUS = 2,
    DETECTION_SMART_SCREEN = 4,
    DETECTION_CUSTOM_TI = 8,
    DETECTION_OFFICE365 = 512,
    DETECTION_AUTOMATED_INVESTIGATION = 1024,
    DETECTION_THREAT_EXPERTS = 2048,
    DETECTION_CUSTOM_DETECTION = 4096,
    DETECTION_IDENTITY = 8192,
    DETECTION_CLOUD_APP_SECURITY = 16384,
    DETECTION_M365 = 32768,
    DETECTION_IDENTITY_PROTECTION = 65536,
    DETECTION_MANUAL = 262144,
    DETECTION_DLP = 524288,
};
enum evidence_verdict {
    VERDICT_UNKNOWN = 0,
    VERDICT_SUSPICIOUS = 1,
    VERDICT_MALICIOUS = 2,
    VERDICT_NO_THREATS = 3
};
enum remediation_status {
    REMEDIATION_NONE = 0,
    REMEDIATION_REMEDIATED = 1,
    REMEDIATION_PREVENTED = 2,
    REMEDIATION_BLOCKED = 3,
    REMEDIATION_NOT_FOUND = 4
};
enum evidence_role {
    ROLE_UNKNOWN = 0,
    ROLE_CONTEXTUAL = 1,
    ROLE_SCANNED = 2,
    ROLE_SOURCE = 3,
    ROLE_DESTINATION = 4,
    ROLE_COMPROMISED = 7,
    ROLE_ATTACKED = 9,
    ROLE_ATTACKER = 10,
    ROLE_SUSPICIOUS = 13
};

enum evidence_type {
    EVIDENCE_NONE = 0,
    EVIDENCE_DEVICE,
    EVIDENCE_USER,
    EVIDENCE_PROCESS,
    EVIDENCE_FILE,
    EVIDENCE_FILE_HASH,
    EVIDENCE_IP,
    EVIDENCE_URL,
    EVIDENCE_REGISTRY_KEY,
    EVIDENCE_REGISTRY_VALUE,
    EVIDENCE_MAILBOX,
    EVIDENCE_MESSAGE, /* analyzedMessageEvidence */
    EVIDENCE_MAIL_CLUSTER,
    EVIDENCE_CLOUD_APPLICATION,
    EVIDENCE_OAUTH_APPLICATION,
    EVIDENCE_SECURITY_GROUP,
    EVIDENCE_MALWARE,
    EVIDENCE_LOGON_SESSION,
    EVIDENCE_RESOURCE, /* azureResourceEvidence */
    EVIDENCE_TYPES
};

/* Some fields serve several types: the account fields those of user, process owner, mailbox. */
struct evidence {
    enum evidence_type type;
    enum evidence_verdict verdict;
    enum remediation_status remediation;
    enum evidence_role role;       /* ROLE_UNKNOWN: none given */
    int64_t created;               /* 100 ns; CLOCK_NONE: the alert's */
    struct slice detection_status; /* detected, blocked, prevented */
    /* account */
    struct slice account_name, domain_name, user_sid, aad_user_id, upn, display_name;
    /* device; mde_device_id is also where a file, process or registry item was seen */
    struct slice mde_device_id, aad_device_id, dns_name, host_name, nt_domain, rbac_group,
        device_sid, os_platform;
    /* file, process image, hash */
    struct slice file_name, file_path, sha1, sha256, md5, file_size;
    /* process */
    struct slice process_id, command_line, parent_process_id, parent_file_name, parent_file_path;
    int64_t process_created, parent_created; /* 100 ns or CLOCK_NONE */
    /* network */
    struct slice ip, country, url;
    /* registry */
    struct slice registry_key, registry_hive, registry_value, registry_value_name,
        registry_value_type;
    /* mail */
    struct slice mailbox_address, network_message_id, internet_message_id, subject, sender,
        p1_sender, p2_sender, sender_ip, recipient, delivery_action, delivery_location, cluster_by,
        cluster_value, cluster_query, urn;
    struct slice *message_ids; /* of a cluster */
    size_t n_message_ids;
    struct slice *urls; /* of a message */
    size_t n_urls;
    int64_t mail_count; /* of a cluster; -1: not given */
    int64_t received;   /* of a message, 100 ns or CLOCK_NONE */
    /* application, group, malware, session, resource */
    struct slice app_id, saas_app_id, instance_id, app_name, group_id, group_name, malware_name,
        malware_category, session_id, resource_id;
};

struct raw_word {
    const char *member; /* "severity" */
    struct slice word;  /* as the source spelled it */
};

struct alert_comment {
    struct slice text, by;
    int64_t created;
};

enum { ALERT_RAW_WORDS_MAX = 10, ALERT_EVIDENCE_MAX = 2000, ALERT_TECHNIQUES_MAX = 64 };

struct alert {
    /* who it is */
    struct slice source;    /* "endpoint", "mail", "apps", "identity" */
    struct slice native_id; /* its key within the source: design.md 5, promise 3 */
    int64_t version;        /* 100 ns since 1970 */
    struct slice id;        /* unified: da..., fa..., ca..., aa... (sources.md 7.1) */
    struct slice provider_alert_id;
    /* what it says */
    struct slice title, description, recommended_actions, web_url;
    struct slice category; /* unified word of 7.4; empty never */
    uint16_t tactics;      /* mask: bit 0 reconnaissance .. 12 impact (correlation.md 3) */
    enum severity severity;
    enum alert_status status;
    enum classification classification;
    enum determination determination;
    enum service_source service;
    enum detection_source detection;
    struct slice detector_id; /* as sent; NULL when the source has none */
    struct slice detector; /* what repeats of this detection share: id or else title, never empty */
    struct slice investigation_id, investigation_state; /* endpoint word, first letter lower */
    struct slice assigned_to, threat_name, threat_family, actor, policy_id, native_incident_id;
    struct slice techniques[ALERT_TECHNIQUES_MAX];
    size_t n_techniques;
    struct alert_comment *comments;
    size_t n_comments;
    /* when; 100 ns since 1970 */
    int64_t created, first_activity, last_activity, updated; /* never CLOCK_NONE */
    int64_t resolved;                                        /* or CLOCK_NONE */
    /* whom and what it concerns */
    struct evidence *evidence;
    size_t n_evidence;
    struct slice additional; /* a JSON object of members that have no place above; NULL: none */
    struct raw_word raw_words[ALERT_RAW_WORDS_MAX];
    size_t n_raw_words;
};

/* alert_init - everything absent, times CLOCK_NONE, category SuspiciousActivity. */
void alert_init(struct alert *al);

/* alert_add - room for one more evidence item of the type, or NULL: out of memory, or
 * ALERT_EVIDENCE_MAX reached (the alert is then marked in raw_words: member "evidence"). */
struct evidence *alert_add(struct alert *al, struct arena *a, enum evidence_type type);

/* alert_word - remember a raw word; more than ALERT_RAW_WORDS_MAX are dropped. */
void alert_word(struct alert *al, const char *member, struct slice word);

/* alert_finish - what holds for every source: missing times filled (first/last activity from
 * created; created must be set), text cut (title 1 KiB, description 16 KiB, others 4 KiB at a
 * UTF-8 border), zero-width blanks at a title's end dropped, equal evidence items merged.
 * ERR_REJECT "alert.incomplete": no id, title or created time; ERR_RETRY "alert.memory": the arena
 * was short while the alert was made, so that it may lack a part. */
MUST_CHECK struct err alert_finish(struct alert *al, struct arena *a);

/* Words of the enums: Graph's spelling, and that of the classic API (service.md 6.4). NULL never.
 * The _of functions take any letter case; unknown words give the enum's zero. */
const char *severity_graph(enum severity v);   /* "high" */
const char *severity_classic(enum severity v); /* "High", "UnSpecified" */
enum severity severity_of(struct slice word);
const char *alert_status_graph(enum alert_status v);
const char *alert_status_classic(enum alert_status v);
enum alert_status alert_status_of(struct slice word);
const char *classification_graph(enum classification v);
const char *classification_classic(enum classification v);
enum classification classification_of(struct slice word);
const char *determination_graph(enum determination v);
const char *determination_classic(enum determination v); /* 2022+ words */
enum determination determination_of(struct slice word);  /* all spellings of sources.md 7.3 */
const char *service_graph(enum service_source v);
const char *service_classic(enum service_source v); /* MicrosoftDefenderATP, OfficeATP, ... */
const char *service_product(enum service_source v); /* for people, 2019: "Microsoft Defender ATP" */
const char *detection_graph(enum detection_source v);
const char *detection_classic(enum detection_source v);

/* alert_tactic - the bit number 0..12 of a category word, -1 when it is no tactic (Malware ...). */
int alert_tactic(struct slice category);

/* alert_evidence_json - a JSON array of Graph evidence objects (@odata.type first), in the arena:
 * what is stored and served. SLICE_NONE: out of memory. Ref: service.md 8.4, sources.md 6.3. */
struct slice alert_evidence_json(const struct alert *al, struct arena *a);

/* alert_json - the whole alert in Graph alerts_v2 shape, evidence included; for tests and export.
 */
struct slice alert_json(const struct alert *al, struct arena *a);

/* Ways of writing of sources.md 7.5, before anything is compared; in the arena. */
struct slice alert_fold_upn(struct slice s,
                            struct arena *a); /* trim, <> off, lower case; NONE unless x@y */
struct slice alert_fold_host(struct slice s, struct arena *a); /* trim, lower case, final dot off */
struct slice alert_fold_guid(struct slice s,
                             struct arena *a); /* braces off, lower case; NONE unless a GUID */
struct slice alert_fold_hash(struct slice s,
                             struct arena *a); /* lower hex of 32, 40 or 64; else NONE */
struct slice alert_fold_ip(struct slice s,
                           struct arena *a); /* canonical text; mapped IPv4 folded; else NONE */
struct slice alert_fold_url(struct slice s, struct arena *a); /* as 7.5, Safe Links unwrapped */

#endif
