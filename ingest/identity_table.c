#include "ingest/identity_table.h"

#include <string.h>

#include "common/crypto.h"

/* Bits of alert.tactics: correlation.md 3. */
enum {
    IA = 1 << 1,
    EX = 1 << 2,
    PE = 1 << 3,
    PR = 1 << 4,
    DE = 1 << 5,
    CA = 1 << 6,
    DI = 1 << 7,
    LM = 1 << 8,
    CO = 1 << 9,
    C2 = 1 << 10,
    XF = 1 << 11,
    IM = 1 << 12,
};

#define LOW SEVERITY_LOW
#define MED SEVERITY_MEDIUM
#define HIGH SEVERITY_HIGH
#define TICKET "Suspected Golden Ticket usage "

/* clang-format off */
static const struct identity_type types[] = {
    {1106, "Suspected SID-History injection", HIGH, "PrivilegeEscalation", PR, "T1134.005"},
    {2002, "Suspected overpass-the-hash attack (Kerberos)", MED, "LateralMovement", LM, "T1210 T1550.002 T1550.003"},
    {2003, "Account enumeration reconnaissance", MED, "Discovery", DI, "T1087.002"},
    {2004, "Suspected brute force attack (LDAP)", MED, "CredentialAccess", CA, "T1110.001 T1110.003"},
    {2006, "Suspected DCSync attack (replication of directory services)", HIGH, "CredentialAccess", CA | PE, "T1003.006"},
    {2007, "Network mapping reconnaissance (DNS)", MED, "Discovery", DI, "T1087 T1046 T1018"},
    {2008, "Suspected over-pass-the-hash attack (encryption downgrade)", MED, "LateralMovement", LM | DE, "T1550.002 T1550.003"},
    {2009, TICKET "(encryption downgrade)", MED, "Persistence", PE | PR | LM, "T1558.001"},
    {2010, "Suspected skeleton key attack (encryption downgrade)", MED, "Persistence", PE | LM, "T1210 T1556.001"},
    {2012, "User and IP address reconnaissance (SMB)", MED, "Discovery", DI, "T1087.002 T1049"},
    {2013, TICKET "(forged authorization data)", HIGH, "CredentialAccess", CA, "T1558.001"},
    {2014, "Honeytoken activity", MED, "CredentialAccess", CA, "T1087.002"},
    {2017, "Suspected identity theft (pass-the-hash)", HIGH, "LateralMovement", LM, "T1550.002"},
    {2018, "Suspected identity theft (pass-the-ticket)", HIGH, "LateralMovement", LM, "T1550.003"},
    {2019, "Remote code execution attempt", MED, "Execution", EX | LM, "T1059.001 T1021.006"},
    {2020, "Malicious request of Data Protection API master key", HIGH, "CredentialAccess", CA, "T1555"},
    {2021, "User and group membership reconnaissance (SAMR)", MED, "Discovery", DI, "T1087.002 T1069.002"},
    {2022, TICKET "(time anomaly)", HIGH, "Persistence", PE | PR | LM, "T1558.001"},
    {2023, "Suspected brute force attack (Kerberos, NTLM)", MED, "CredentialAccess", CA, "T1110.001 T1110.003"},
    {2024, "Suspicious additions to sensitive groups", MED, "Persistence", PE | CA, "T1098 T1484"},
    {2025, "Suspicious VPN connection", MED, "DefenseEvasion", DE | PE, "T1133"},
    {2026, "Suspicious service creation", MED, "Execution", EX | PE | PR | DE | LM, "T1021 T1059 T1569.002 T1543.003"},
    {2027, TICKET "(nonexistent account)", HIGH, "Persistence", PE | PR | LM, "T1558.001 T1068 T1210"},
    {2028, "Suspected DCShadow attack (domain controller promotion)", HIGH, "DefenseEvasion", DE, "T1207"},
    {2029, "Suspected DCShadow attack (domain controller replication request)", HIGH, "DefenseEvasion", DE, "T1207"},
    {2030, "Data exfiltration over SMB", HIGH, "Exfiltration", XF | LM | C2, "T1048.003 T1570"},
    {2031, "Suspicious communication over DNS", MED, "Exfiltration", XF, "T1048.003 T1041 T1029 T1020 T1071.004"},
    {2032, TICKET "(ticket anomaly)", HIGH, "Persistence", PE | PR | LM, "T1558.001"},
    {2033, "Suspected brute force attack (SMB)", MED, "LateralMovement", LM, "T1110.001 T1110.003"},
    {2034, "Suspected use of Metasploit hacking framework", MED, "LateralMovement", LM, "T1210"},
    /* the one type whose category is no tactic of the guide: sources.md 7.4 has it as ransomware */
    {2035, "Suspected WannaCry ransomware attack", MED, "Ransomware", LM | IM, "T1210"},
    {2036, "Remote code execution over DNS", MED, "LateralMovement", LM | PR, "T1068 T1210"},
    {2037, "Suspected NTLM relay attack (Exchange account)", MED, "LateralMovement", LM | PR, "T1068 T1210 T1557.001"},
    {2038, "Security principal reconnaissance (LDAP)", MED, "Discovery", DI | CA, "T1087.002"},
    {2039, "Suspected NTLM authentication tampering", MED, "LateralMovement", LM | PR, "T1068 T1210"},
    {2040, TICKET "(ticket anomaly using RBCD)", HIGH, "Persistence", PE | PR, "T1558.001"},
    {2047, "Suspected rogue Kerberos certificate usage", HIGH, "LateralMovement", LM | PE | PR, ""},
    {2048, "Suspected Kerberos delegation attempt using BronzeBit method (CVE-2020-17049 exploitation)", MED, "CredentialAccess", CA, "T1558"},
    {2210, "Active Directory attributes reconnaissance (LDAP)", MED, "Discovery", DI, "T1087.002 T1069.002 T1202"},
    {2406, "Suspected SMB packet manipulation (CVE-2020-0796 exploitation)", HIGH, "LateralMovement", LM, "T1210"},
    {2410, "Suspected Kerberos SPN exposure", HIGH, "CredentialAccess", CA, "T1558.003"},
    {2411, "Suspected Netlogon privilege elevation attempt (CVE-2020-1472 exploitation)", HIGH, "PrivilegeEscalation", PR, ""},
    {2412, "Suspected AS-REP Roasting attack", HIGH, "CredentialAccess", CA, "T1558.004"},
    {2413, "Suspected AD FS DKM key read", HIGH, "CredentialAccess", CA, "T1552.004"},
    {2414, "Exchange Server remote code execution (CVE-2021-26855)", HIGH, "LateralMovement", LM, "T1210"},
    {2415, "Suspected exploitation attempt on Windows Print Spooler service", HIGH, "LateralMovement", LM, "T1210"},
    {2416, "Suspicious network connection over Encrypting File System Remote Protocol", HIGH, "LateralMovement", LM, "T1210"},
    {2418, "Suspected suspicious Kerberos ticket request", HIGH, "CredentialAccess", CA | CO, "T1557.001"},
    {2419, "Suspicious modification of a sAMAccountName attribute (CVE-2021-42278 and CVE-2021-42287 exploitation)", HIGH, "CredentialAccess", CA, "T1134.001 T1068 T1558"},
    {2420, "Suspicious modification of the trust relationship of AD FS server", MED, "DefenseEvasion", DE | PR, "T1484.002"},
    {2421, "Suspicious modification of a dNSHostName attribute (CVE-2022-26923)", HIGH, "PrivilegeEscalation", PR | DE, "T1068 T1134.001"},
    {2422, "Suspicious Kerberos delegation attempt by a newly created computer", HIGH, "DefenseEvasion", DE | PR, "T1484"},
    {2423, "Suspicious modification of the Resource Based Constrained Delegation attribute by a machine account", HIGH, "DefenseEvasion", DE | PR, "T1484"},
    {2424, "Abnormal Active Directory Federation Services (AD FS) authentication using a suspicious certificate", HIGH, "CredentialAccess", CA, "T1606"},
    {2425, "Suspicious certificate usage over Kerberos protocol (PKINIT)", HIGH, "LateralMovement", LM, "T1550"},
    {2426, "Suspected DFSCoerce attack using Distributed File System Protocol", HIGH, "CredentialAccess", CA, "T1187"},
    {2427, "Honeytoken user attributes modified", HIGH, "Persistence", PE, "T1098"},
    {2428, "Honeytoken group membership changed", HIGH, "Persistence", PE, "T1098"},
    {2429, "Honeytoken was queried via LDAP", LOW, "Discovery", DI, "T1087.002"},
    {2430, "Suspicious modification of domain AdminSdHolder", HIGH, "Persistence", PE | PR, "T1098"},
    {2431, "Suspected account takeover using shadow credentials", HIGH, "CredentialAccess", CA, "T1003"},
    {2432, "Suspicious domain controller certificate request (ESC8)", HIGH, "DefenseEvasion", DE | PE | PR | IA, "T1078"},
    {2433, "Suspicious deletion of the certificate database entries", MED, "DefenseEvasion", DE, "T1070"},
    {2434, "Suspicious disable of audit filters of AD CS", MED, "DefenseEvasion", DE, "T1562.002"},
    {2435, "Suspicious modifications to the AD CS security permissions or settings", MED, "DefenseEvasion", DE | PR, "T1484"},
    {2437, "Account enumeration reconnaissance (LDAP)", MED, "Discovery", DI, "T1087.002"},
    {2438, "Directory Services Restore Mode password change", MED, "Persistence", PE, "T1098"},
    {2439, "Honeytoken was queried via SAM-R", LOW, "Discovery", DI, "T1087.002"},
    {2440, "Group policy tampering", MED, "DefenseEvasion", DE, "T1553"},
};
/* clang-format on */

/* Names of other years and class ids without their ending, in the form that fold() gives. */
static const struct {
    const char *name;
    int id;
} other_names[] = {
    {"suspectedoverpassthehashattack", 2002},
    {"reconnaissanceusingaccountenumeration", 2003},
    {"accountenumeration", 2003},
    {"bruteforceattackusingldapsimplebind", 2004},
    {"ldapbruteforce", 2004},
    {"maliciousreplicationofdirectoryservices", 2006},
    {"directoryservicesreplication", 2006},
    {"suspecteddcsyncattack", 2006},
    {"reconnaissanceusingdns", 2007},
    {"dnsreconnaissance", 2007},
    {"suspectedoverpassthehashattackforcedencryptiontype", 2008},
    {"goldenticketencryptiondowngrade", 2009},
    {"suspectedskeletonkeyattack", 2010},
    {"reconnaissanceusingsmbsessionenumeration", 2012},
    {"enumeratesessions", 2012},
    {"privilegeescalationusingforgedauthorizationdata", 2013},
    {"forgedpac", 2013},
    {"honeytokenuseractivity", 2014},
    {"honeytokenauthenticationactivity", 2014},
    {"identitytheftusingpassthehashattack", 2017},
    {"passthehash", 2017},
    {"identitytheftusingpasstheticketattack", 2018},
    {"passtheticket", 2018},
    {"remoteexecutionattemptdetected", 2019},
    {"remoteexecution", 2019},
    {"maliciousdataprotectionprivateinformationrequest", 2020},
    {"maliciousrequestofdataprotectionapidpapimasterkey", 2020},
    {"retrievedataprotectionbackupkey", 2020},
    {"reconnaissanceusingdirectoryservicesqueries", 2021},
    {"reconnaissanceusingdirectoryservicesenumeration", 2021},
    {"samrreconnaissance", 2021},
    {"kerberosgoldenticketactivity", 2022},
    {"goldenticket", 2022},
    {"suspiciousauthenticationfailures", 2023},
    {"bruteforce", 2023},
    {"suspiciousmodificationofsensitivegroups", 2024},
    {"abnormalmodificationofsensitivegroups", 2024},
    {"abnormalsensitivegroupmembershipchange", 2024},
    {"abnormalvpn", 2025},
    {"maliciousservicecreation", 2026},
    {"kerberosgoldenticketnonexistingaccount", 2027},
    {"kerberosgoldenticketnonexistentaccount", 2027},
    {"forgedprincipal", 2027},
    {"suspiciousdomaincontrollerpromotionpotentialdcshadowattack", 2028},
    {"directoryservicesroguepromotion", 2028},
    {"suspiciousreplicationrequestpotentialdcshadowattack", 2029},
    {"directoryservicesroguereplication", 2029},
    {"smbdataexfiltration", 2030},
    {"dnssuspiciouscommunication", 2031},
    {"kerberosgoldenticketticketanomaly", 2032},
    {"goldenticketsizeanomaly", 2032},
    {"suspectedbrutforceattack", 2033}, /* spelt so on the wire */
    {"suspectedattackusingmetasploit", 2034},
    {"unusualprotocolimplementationpotentialuseofmetasploithackingtools", 2034},
    {"suspecteduseofmetasploithackingframework", 2034},
    {"unusualprotocolimplementationpotentialuseofmalicioustoolssuchashydra", 2033},
    {"unusualprotocolimplementationpotentialwannacryransomwareattack", 2035},
    {"dnsremotecodeexecution", 2036},
    {"remotecodeexecutionattemptoverdns", 2036},
    {"suspectedntlmrelayattack", 2037},
    {"reconnaissanceusingldapqueries", 2038},
    {"ldapsearchreconnaissance", 2038},
    {"abnormalntlmsigning", 2039},
    {"honeytokenwasqueriedviasamr", 2439},
};

enum { TYPES = sizeof types / sizeof *types, FOLD_MAX = 128 };

struct folded {
    char s[FOLD_MAX];
    size_t n;
};

static bool
letter_or_digit(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80;
}

/* Lower-case letters and digits only; false when longer than any name known. */
static bool
fold(struct slice s, struct folded *out)
{
    out->n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        c = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
        if (!letter_or_digit((unsigned char)c))
            continue;
        if (out->n == FOLD_MAX)
            return false;
        out->s[out->n++] = c;
    }
    return out->n > 0;
}

static bool
drop_end(struct folded *f, const char *end)
{
    size_t n = strlen(end);
    if (f->n <= n || memcmp(f->s + f->n - n, end, n) != 0)
        return false;
    f->n -= n;
    return true;
}

static bool
folded_is(const struct folded *f, const char *name)
{
    return strlen(name) == f->n && memcmp(f->s, name, f->n) == 0;
}

const struct identity_type *
identity_type_of_id(int64_t external_id)
{
    /* Lines of before 2019 number the three encryption downgrades one higher; 2011 is the only
     * number that became free, so the only one that can be told. */
    if (external_id == 2011)
        external_id = 2010;
    size_t low = 0, high = TYPES;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (types[middle].id < external_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < TYPES && types[low].id == external_id ? &types[low] : NULL;
}

static const struct identity_type *
find(const struct folded *f)
{
    for (size_t i = 0; i < TYPES; i++) {
        struct folded name;
        if (fold(slice_of(types[i].name), &name) && name.n == f->n &&
            memcmp(name.s, f->s, f->n) == 0)
            return &types[i];
    }
    for (size_t i = 0; i < sizeof other_names / sizeof *other_names; i++)
        if (folded_is(f, other_names[i].name))
            return identity_type_of_id(other_names[i].id);
    return NULL;
}

const struct identity_type *
identity_type_of_title(struct slice title)
{
    struct slice s = slice_trim(title);
    if (s.n > 0 && s.p[0] == '[') { /* "[PREVIEW] ", also translated */
        size_t end = slice_find(s, SLICE("]"), 0);
        if (end < s.n)
            s = slice_sub(s, end + 1, s.n);
    }
    struct folded f;
    if (!fold(s, &f))
        return NULL;
    const struct identity_type *t = find(&f);
    if (t == NULL && (drop_end(&f, "preview") || drop_end(&f, "securityalert") ||
                      drop_end(&f, "suspiciousactivity")))
        t = find(&f);
    return t;
}

const struct identity_type *
identity_type_of_alert(struct slice title, int64_t id_value)
{
    enum { HONEYTOKEN_VALUE = 15795464, HONEYTOKEN = 2014 }; /* the one that is known: 4.5 */
    const struct identity_type *t = identity_type_of_title(title);
    return t == NULL && id_value == HONEYTOKEN_VALUE ? identity_type_of_id(HONEYTOKEN) : t;
}

struct slice
identity_detection(const struct identity_type *t, struct slice title, struct arena *a)
{
    if (t != NULL)
        return slice_printf(a, "%d", t->id);
    char *text = arena_alloc(a, title.n + 1);
    size_t n = 0;
    if (text == NULL)
        return SLICE_NONE;
    for (size_t i = 0; i < title.n; i++) {
        char c = title.p[i];
        c = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
        if (letter_or_digit((unsigned char)c))
            text[n++] = c;
    }
    struct slice folded = {text, n};
    if (n > FOLD_MAX) {
        uint8_t sum[CRYPTO_SHA256];
        crypto_sha256(folded, sum);
        folded = slice_hex(a, (struct slice){(const char *)sum, sizeof sum});
    }
    return slice_join(a, SLICE("title:"), folded);
}

size_t
identity_techniques(const struct identity_type *t, struct slice *out, size_t most)
{
    struct slice rest = slice_of(t->techniques);
    size_t n = 0;
    while (rest.n > 0 && n < most)
        out[n++] = slice_split(&rest, ' ');
    return n;
}

const struct identity_type *
identity_table(size_t *n)
{
    *n = TYPES;
    return types;
}
