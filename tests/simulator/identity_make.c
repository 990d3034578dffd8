#include "tests/simulator/identity_make.h"

#include <string.h>

#include "common/clock.h"
#include "tests/simulator/compose.h"

/* Ref: sources.md 5.5, 5.6. */
static const struct type {
    int id;
    const char *type, *title, *app;
    int severity; /* 3 Low, 5 Medium, 10 High */
} types[] = {
    {2002, "AbnormalProtocol", "Suspected overpass-the-hash attack (Kerberos)", "Kerberos", 5},
    {2003, "AccountEnumeration", "Account enumeration reconnaissance", "Kerberos", 5},
    {2004, "LdapBruteForce", "Suspected brute force attack (LDAP)", "Ldap", 5},
    {2006, "DirectoryServicesReplication",
     "Suspected DCSync attack (replication of directory services)", "Drsr", 10},
    {2007, "DnsReconnaissance", "Network mapping reconnaissance (DNS)", "Dns", 5},
    {2008, "EncryptionDowngrade", "Suspected over-pass-the-hash attack (encryption downgrade)",
     "Kerberos", 5},
    {2009, "GoldenTicketEncryptionDowngrade",
     "Suspected Golden Ticket usage (encryption downgrade)", "Kerberos", 5},
    {2013, "ForgedPac", "Suspected Golden Ticket usage (forged authorization data)", "Kerberos",
     10},
    {2014, "HoneytokenActivity", "Honeytoken activity", "Kerberos", 5},
    {2017, "PassTheHash", "Suspected identity theft (pass-the-hash)", "Ntlm", 10},
    {2018, "PassTheTicket", "Suspected identity theft (pass-the-ticket)", "Kerberos", 10},
    {2019, "RemoteExecution", "Remote code execution attempt", "ServiceInstalledEvent", 5},
    {2020, "RetrieveDataProtectionBackupKey", "Malicious request of Data Protection API master key",
     "LsaRpc", 10},
    {2021, "SamrReconnaissance", "User and group membership reconnaissance (SAMR)", "Samr", 5},
    {2023, "BruteForce", "Suspected brute force attack (Kerberos, NTLM)", "Ntlm", 5},
    {2024, "AbnormalSensitiveGroupMembershipChange", "Suspicious additions to sensitive groups",
     "GroupMembershipChangeEvent", 5},
    {2025, "AbnormalVpn", "Suspicious VPN connection", "VpnConnection", 5},
    {2026, "MaliciousServiceCreation", "Suspicious service creation", "ServiceInstalledEvent", 5},
    {2030, "SmbDataExfiltration", "Data exfiltration over SMB", "Smb", 10},
    {2031, "DnsSuspiciousCommunication", "Suspicious communication over DNS", "DnsEvent", 5},
    {2034, "AbnormalProtocol", "Suspected use of Metasploit hacking framework", "Smb", 5},
    {2035, "AbnormalProtocol", "SuspectedWannaCryRansomwareAttack", "Smb", 5},
    {2036, "DnsRemoteCodeExecution", "Remote code execution over DNS", "Dns", 5},
    {2037, "AbnormalNtlmSigning", "Suspected NTLM relay attack (Exchange account)", "Ntlm", 3},
    {2038, "LdapSearchReconnaissance", "Security principal reconnaissance (LDAP)", "LdapSearch", 5},
};

struct identity_case
identity_case_make(struct dice *dice, struct arena *a, struct slice workspace, int64_t start)
{
    static const char *const sensors[] = {"DC1", "DC2", "CENTER", "dc25.contoso.com"};
    static const char *const accounts[] = {"anna.lindholm", "contoso\\bo.karlsen", "Carla Mendes",
                                           "svc-backup", "krbtgt"};
    struct identity_case c = {.dice = dice, .arena = a, .workspace = workspace, .start = start};
    c.type = dice_below(dice, sizeof(types) / sizeof(types[0]));
    c.ata = dice_chance(dice, 8);
    c.later = dice_chance(dice, 20);
    c.id = c.ata ? dice_hex(dice, 24, a) : dice_guid(dice, a);
    c.sensor = slice_of(DICE_PICK(dice, sensors));
    c.computer = slice_printf(a, "CLIENT%d", (int)dice_between(dice, 1, 40));
    c.account = slice_of(DICE_PICK(dice, accounts));
    c.note = SLICE("");
    return c;
}

/* ---- what stands before the CEF header */

static const char *
month(int64_t t, int *day)
{
    static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct clock_text text = clock_format(t);
    int64_t m = 1;
    int64_t d = 1;
    if (!slice_int(slice_sub(slice_of(text.s), 5, 2), &m) ||
        !slice_int(slice_sub(slice_of(text.s), 8, 2), &d))
        m = d = 1;
    *day = (int)d;
    return names[m - 1];
}

/* product is the APP-NAME: "CEF", or "ATA" of the predecessor. */
static void
head(struct compose *o, enum identity_form form, int priority, int64_t sent, struct slice sensor,
     const char *product, const char *type)
{
    struct clock_text t = clock_format_full(sent);
    int day = 0;
    const char *name = month(sent, &day);
    if (form == IDENTITY_3164 || form == IDENTITY_3164_PID) {
        compose_raw(o, "<%d>%s %2d %.8s %.*s %s%s", priority, name, day, t.s + 11,
                    SLICE_ARG(sensor), product, form == IDENTITY_3164 ? ":0" : "[6076]: 0");
        return;
    }
    compose_raw(o, "<%d>1 %.19s.%.6s+00:00 %.*s %s 6076 %.32s ", priority, t.s, t.s + 20,
                SLICE_ARG(sensor), product, type);
    if (form == IDENTITY_BOM)
        compose_raw(o, "\xef\xbb\xbf");
    if (form == IDENTITY_TWICE_BOM)
        compose_raw(o, "\xc3\xaf\xc2\xbb\xc2\xbf");
    if (strcmp(product, "ATA") == 0)
        compose_raw(o, "CEF:");
    if (form != IDENTITY_NO_ZERO)
        compose_raw(o, "0");
}

/* ---- extension */

static bool
odd(struct identity_case *c)
{
    return dice_chance(c->dice, c->odd_percent);
}

static void
pair(struct compose *o, struct identity_case *c, const char *key, struct slice value)
{
    if (!dice_chance(c->dice, c->missing_percent))
        compose_raw(o, "%s=%s%.*s ", key, odd(c) ? " " : "", SLICE_ARG(value));
}

/* Later texts name more: an update repeats the whole line with new ones. */
static struct slice
message(struct identity_case *c, int which)
{
    return slice_printf(c->arena,
                        "Something was done on %.*s by %.*s, %d times.%s%.*s Compare a\\=b%s",
                        SLICE_ARG(c->computer), SLICE_ARG(c->account), 3 + 4 * which,
                        odd(c) ? " \\r\\nSee the other computers, too:\\r\\nDC2" : "",
                        SLICE_ARG(c->note), odd(c) ? " **" : "");
}

static struct slice
address(struct identity_case *c)
{
    if (c->ata)
        return slice_printf(c->arena, "https\\://192.168.0.220/suspiciousActivity/%.*s",
                            SLICE_ARG(c->id));
    if (c->later)
        return slice_printf(c->arena, "https\\://security.microsoft.com/alerts/aa%.*s",
                            SLICE_ARG(c->id));
    return slice_printf(c->arena, "https\\://%.*s.atp.azure.com%s/securityAlert/%.*s",
                        SLICE_ARG(c->workspace), odd(c) ? "\\:13000" : "", SLICE_ARG(c->id));
}

static void
tail(struct compose *o, struct identity_case *c, int which)
{
    struct slice url = address(c);
    compose_raw(o, "cs1Label=url cs1=%.*s", SLICE_ARG(url));
    if (!c->ata)
        compose_raw(o, " cs2Label=trigger cs2=%s", which == 0 ? "new" : "update");
    if (c->later)
        compose_raw(o, " cs3Label=shostfqdn cs3=%.*s.contoso.com", SLICE_ARG(c->computer));
}

struct slice
identity_line(struct identity_case *c, enum identity_form form, int64_t sent, int which)
{
    const struct type *t = &types[c->type];
    const char *suffix = c->ata ? "SuspiciousActivity" : "SecurityAlert";
    struct slice type = slice_printf(c->arena, "%s%s", t->type, suffix);
    struct compose o = compose_begin(c->arena);
    struct clock_text start = clock_format_full(c->start);
    head(&o, form,
         t->severity == 10  ? 35
         : t->severity == 5 ? 36
                            : 37,
         sent, c->sensor, c->ata ? "ATA" : "CEF", type.p != NULL ? type.p : "");
    compose_raw(&o, "|Microsoft|%s|%s|%s|%s%s%s|%d|", c->ata ? "ATA" : "Azure ATP",
                c->ata ? "1.9.7478.57683" : "2.105.7617.9427", type.p != NULL ? type.p : "",
                odd(c) ? "[PREVIEW] " : "", t->title, odd(c) ? " **" : "", t->severity);
    compose_raw(&o, "start=%s ", start.s);
    pair(&o, c, "app", slice_of(t->app));
    bool late_keys = odd(c); /* the order of keys is not fixed */
    if (!late_keys)
        pair(&o, c, "shost", c->computer);
    pair(&o, c, "suser", c->account);
    if (t->id == 2023 || t->id == 2004)
        pair(&o, c, "cnt", slice_printf(c->arena, "%d", 60 + which));
    struct slice text = message(c, which);
    compose_raw(&o, "msg=%.*s ", SLICE_ARG(text));
    if (late_keys)
        pair(&o, c, "shost", c->computer);
    compose_raw(&o, "externalId=%d ", t->id);
    tail(&o, c, which);
    return compose_end(&o);
}

struct slice
identity_health(struct identity_case *c, int64_t sent)
{
    static const struct {
        int id;
        const char *type;
    } kinds[] = {{1011, "SensorDisconnectedMonitoringAlert"},
                 {1001, "CenterDiskSpaceMonitoringAlert"},
                 {1017, "DomainControllerNoTrafficMonitoringAlert"}};
    size_t i = dice_below(c->dice, sizeof(kinds) / sizeof(kinds[0]));
    struct compose o = compose_begin(c->arena);
    head(&o, dice_chance(c->dice, 50) ? IDENTITY_BOM : IDENTITY_NO_BOM, 116, sent, c->sensor, "CEF",
         kinds[i].type);
    compose_raw(&o,
                "|Microsoft|Azure ATP|2.117.8234.36397|%s|%s|5|externalId=%d cs1Label=url "
                "cs1=https://%.*s.atp.azure.com/monitoring cs2Label=trigger cs2=new msg=Sensor "
                "%.*s silent for 1 week, last seen 6/23/2020 4:17:11 PM UTC.",
                kinds[i].type, kinds[i].type, kinds[i].id, SLICE_ARG(c->workspace),
                SLICE_ARG(c->sensor));
    return compose_end(&o);
}
