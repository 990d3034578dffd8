/* Alerts of Defender ATP, and what came by its API: one object with evidence. Ref: sources.md 2.5,
 * 2.8. */
#include <string.h>

#include "tests/simulator/replay.h"
#include "tests/simulator/template.h"

/* One item of evidence: a flat record, every key always there. Times are texts. */
struct flat {
    const char *kind; /* entityType */
    struct slice sha1, sha256, file_name, file_path;
    struct slice process_id, command_line, process_created;
    struct slice parent_id, parent_created, parent_name, parent_path;
    struct slice ip, url;
    struct slice registry_key, registry_hive, registry_type, registry_name, registry_value;
    struct slice account, domain, sid, aad_id, upn;
};

struct writer {
    struct compose *out;
    const struct replay_row *row;
    struct arena *arena;
};

static void
number_or_null(struct compose *o, const char *name, struct slice digits)
{
    int64_t v = 0;
    if (slice_int(digits, &v))
        compose_int(o, name, v);
    else
        compose_text(o, name, SLICE_NONE);
}

static void
flat_write(struct writer *w, const struct flat *f)
{
    struct compose o = compose_begin(w->arena);
    struct clock_text seen = clock_format(w->row->created + w->row->shift);
    compose_raw(&o, "{");
    compose_text(&o, "entityType", slice_of(f->kind));
    compose_text(&o, "evidenceCreationTime", slice_of(seen.s));
    compose_text(&o, "sha1", f->sha1);
    compose_text(&o, "sha256", f->sha256);
    compose_text(&o, "fileName", f->file_name);
    compose_text(&o, "filePath", f->file_path);
    number_or_null(&o, "processId", f->process_id);
    compose_text(&o, "processCommandLine", f->command_line);
    compose_text(&o, "processCreationTime", f->process_created);
    number_or_null(&o, "parentProcessId", f->parent_id);
    compose_text(&o, "parentProcessCreationTime", f->parent_created);
    compose_text(&o, "parentProcessFileName", f->parent_name);
    compose_text(&o, "parentProcessFilePath", f->parent_path);
    compose_text(&o, "ipAddress", f->ip);
    compose_text(&o, "url", f->url);
    compose_text(&o, "registryKey", f->registry_key);
    compose_text(&o, "registryHive", f->registry_hive);
    compose_text(&o, "registryValueType", f->registry_type);
    compose_text(&o, "registryValueName", f->registry_name);
    compose_text(&o, "registryValue", f->registry_value);
    compose_text(&o, "accountName", f->account);
    compose_text(&o, "domainName", f->domain);
    compose_text(&o, "userSid", f->sid);
    compose_text(&o, "aadUserId", f->aad_id);
    compose_text(&o, "userPrincipalName", f->upn);
    compose_text(&o, "detectionStatus", SLICE_NONE);
    compose_raw(&o, "}");
    compose_item_json(w->out, compose_end(&o));
}

/* ---- one function a kind of entity */

static struct slice
either(struct slice x, struct slice y)
{
    return x.n > 0 ? x : y;
}

static void
on_account(struct writer *w, struct json e)
{
    struct arena *a = w->arena;
    struct flat f = {.kind = "User"};
    f.account = either(replay_word(e, "AccountName", a), replay_word(e, "Name", a));
    f.domain = either(replay_word(e, "NTDomain", a), replay_word(e, "DomainName", a));
    f.sid = replay_word(e, "Sid", a);
    f.aad_id = replay_word(e, "AadUserId", a);
    f.upn = replay_upn(e, a);
    flat_write(w, &f);
}

/* A mailbox and a message's recipient are users, too; the message itself has no place here. */
static void
on_mailbox(struct writer *w, struct json e)
{
    struct flat f = {.kind = "User", .upn = replay_upn(e, w->arena)};
    f.account = slice_sub(f.upn, 0, slice_find(f.upn, SLICE("@"), 0));
    f.aad_id = replay_word(e, "AadId", w->arena);
    if (f.upn.n > 0)
        flat_write(w, &f);
}

static void
file_of(const struct writer *w, struct json file, struct flat *f)
{
    f->sha1 = replay_hash(w->row, file, "SHA1");
    f->sha256 = replay_hash(w->row, file, "SHA256");
    f->file_name = replay_word(file, "Name", w->arena);
    f->file_path = replay_word(file, "Directory", w->arena);
}

static void
on_file(struct writer *w, struct json e)
{
    struct flat f = {.kind = "File"};
    file_of(w, e, &f);
    flat_write(w, &f);
}

static void
on_process(struct writer *w, struct json e)
{
    struct arena *a = w->arena;
    struct flat f = {.kind = "Process"};
    file_of(w, replay_member(w->row, e, "ImageFile"), &f);
    f.process_id = replay_word(e, "ProcessId", a);
    f.command_line = replay_word(e, "CommandLine", a);
    f.process_created = replay_time(w->row, json_get_text(e, "CreationTimeUtc"), a);
    struct json parent = replay_member(w->row, e, "ParentProcess");
    f.parent_id = replay_word(parent, "ProcessId", a);
    f.parent_created = replay_time(w->row, json_get_text(parent, "CreationTimeUtc"), a);
    struct json image = replay_member(w->row, parent, "ImageFile");
    f.parent_name = replay_word(image, "Name", a);
    f.parent_path = replay_word(image, "Directory", a);
    struct json owner = replay_member(w->row, e, "Account");
    if (json_type(owner) == JSON_OBJECT) {
        f.account = replay_word(owner, "Name", a);
        f.domain = replay_word(owner, "NTDomain", a);
        f.sid = replay_word(owner, "Sid", a);
        f.aad_id = replay_word(owner, "AadUserId", a);
        f.upn = replay_upn(owner, a);
    }
    flat_write(w, &f);
}

/* Without an address, too: the service was seen to send such items. */
static void
on_ip(struct writer *w, struct json e)
{
    struct flat f = {.kind = "Ip", .ip = replay_word(e, "Address", w->arena)};
    flat_write(w, &f);
}

static void
on_url(struct writer *w, struct json e)
{
    struct flat f = {.kind = "Url", .url = replay_word(e, "Url", w->arena)};
    flat_write(w, &f);
}

static void
on_message(struct writer *w, struct json e)
{
    struct json v;
    on_mailbox(w, e);
    for (struct json_iter it = json_items(json_get(e, "Urls")); json_next(&it, NULL, &v);) {
        struct flat f = {.kind = "Url", .url = json_text(v)};
        if (f.url.n > 0)
            flat_write(w, &f);
    }
    struct flat f = {.kind = "Ip", .ip = replay_word(e, "SenderIP", w->arena)};
    if (f.ip.n > 0)
        flat_write(w, &f);
}

static void
on_registry(struct writer *w, struct json e)
{
    struct arena *a = w->arena;
    struct json key = replay_member(w->row, e, "Key");
    struct flat f = {.kind = json_type(key) == JSON_OBJECT ? "RegistryValue" : "RegistryKey"};
    f.registry_key = replay_word(json_type(key) == JSON_OBJECT ? key : e, "Key", a);
    f.registry_hive = replay_word(json_type(key) == JSON_OBJECT ? key : e, "Hive", a);
    f.registry_type = replay_word(e, "ValueType", a);
    f.registry_name = replay_word(e, "Name", a);
    f.registry_value = replay_word(e, "Value", a);
    flat_write(w, &f);
}

static const struct {
    const char *type;
    void (*write)(struct writer *w, struct json e);
} kinds[] = {
    {"account", on_account},
    {"mailbox", on_mailbox},
    {"file", on_file},
    {"process", on_process},
    {"ip", on_ip},
    {"url", on_url},
    {"mailMessage", on_message},
    {"registry-key", on_registry},
    {"registry-value", on_registry},
};

static struct slice
evidence(const struct replay_row *r, struct arena *a)
{
    struct compose o = compose_begin(a);
    struct writer w = {&o, r, a};
    compose_raw(&o, "[");
    for (size_t i = 0; i < r->n_entities; i++)
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
            if (replay_is(r->entities[i], kinds[k].type))
                kinds[k].write(&w, r->entities[i]);
    compose_raw(&o, "]");
    return compose_end(&o);
}

/* ---- the alert */

/* An id with its prefix and ticks is whole; newer ones lost their "da" in Sentinel, as the address
 * of the alert shows. */
static struct slice
native_id(const struct replay_row *r, struct arena *a)
{
    struct slice id = r->vendor_id;
    struct slice ticks = slice_split(&id, '_');
    int64_t number = 0;
    if (ticks.n == 20 && slice_int(slice_sub(ticks, 2, ticks.n), &number))
        return r->vendor_id;
    return slice_join(a, SLICE("da"), r->vendor_id);
}

static struct slice
detection_source(const struct replay_row *r)
{
    static const char *const words[] = {"WindowsDefenderAtp",
                                        "WindowsDefenderAv",
                                        "WindowsDefenderSmartScreen",
                                        "CustomDetection",
                                        "AutomatedInvestigation",
                                        "ThreatExperts",
                                        "MTP",
                                        "OfficeATP",
                                        "ThirdPartySensors"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (slice_eq_nocase(r->type, slice_of(words[i])))
            return slice_of(words[i]);
    /* a rule of Sentinel's is the customer's own knowledge; else it came from across */
    return slice_starts(r->provider, SLICE("ASI")) ? SLICE("CustomerTI") : SLICE("MTP");
}

/* Both columns are lists in text. */
static void
techniques(struct compose *o, const struct replay_row *r, struct arena *a)
{
    static const char *const columns[] = {"Techniques", "SubTechniques"};
    struct json list;
    struct json v;
    compose_name(o, "mitreTechniques");
    compose_raw(o, "[");
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        struct slice text = json_get_text(r->row, columns[i]);
        struct err e = text.n > 0 ? json_parse(text, a, &list) : ERR_OK;
        if (text.n == 0 || e.kind)
            continue;
        for (struct json_iter it = json_items(list); json_next(&it, NULL, &v);)
            compose_item(o, json_text(v));
    }
    compose_raw(o, "]");
}

static void
time_write(struct compose *o, const char *name, int64_t t)
{
    struct clock_text text = clock_format(t);
    compose_text(o, name, slice_of(text.s));
}

/* An alert is of one device (sources.md 2.5): the first that the row names. */
static void
device_write(struct compose *o, const struct replay_row *r, struct arena *a)
{
    struct json host = {{0, 0}};
    for (size_t i = 0; i < r->n_entities && json_type(host) == JSON_ABSENT; i++)
        if (replay_is(r->entities[i], "host"))
            host = r->entities[i];
    compose_text(o, "machineId", replay_word(host, "MdatpDeviceId", a));
    compose_text(o, "computerDnsName",
                 either(replay_word(host, "FQDN", a), replay_word(host, "HostName", a)));
    compose_text(o, "rbacGroupName", replay_word(host, "RbacGroupName", a));
}

static void
logged_on(struct compose *o, const struct replay_row *r, struct arena *a)
{
    struct json v;
    compose_name(o, "loggedOnUsers");
    compose_raw(o, "[");
    for (size_t i = 0; i < r->n_entities; i++) {
        struct json list = json_get(r->entities[i], "LoggedOnUsers");
        for (struct json_iter it = json_items(list); json_next(&it, NULL, &v);) {
            struct compose one = compose_begin(a);
            compose_raw(&one, "{");
            compose_text(&one, "accountName", replay_word(v, "AccountName", a));
            compose_text(&one, "domainName", replay_word(v, "DomainName", a));
            compose_raw(&one, "}");
            compose_item_json(o, compose_end(&one));
        }
    }
    compose_raw(o, "]");
}

static void
head_write(struct compose *o, const struct replay_row *r, struct arena *a)
{
    compose_text(o, "id", native_id(r, a));
    compose_text(o, "incidentId", SLICE_NONE);
    compose_text(o, "investigationId", SLICE_NONE);
    compose_text(o, "assignedTo", SLICE_NONE);
    compose_text(o, "severity", r->severity);
    compose_text(o, "status", SLICE("New"));
    compose_text(o, "classification", SLICE_NONE);
    compose_text(o, "determination", SLICE_NONE);
    compose_text(o, "investigationState",
                 replay_word(r->extra, "MicrosoftDefenderAtp.InvestigationState", a));
    compose_text(o, "detectionSource", detection_source(r));
    compose_text(o, "detectorId", replay_word(r->extra, "DetectorId", a));
    compose_text(o, "category", r->category);
    compose_text(o, "threatFamilyName", replay_word(r->extra, "ThreatFamilyName", a));
    compose_text(o, "title", r->title);
    compose_text(o, "description", r->description);
}

struct err
replay_endpoint(struct plan *p, const struct replay_row *r)
{
    struct arena *a = p->arena;
    struct compose o = compose_begin(a);
    int64_t last = r->last + r->shift;
    compose_raw(&o, "{");
    head_write(&o, r, a);
    time_write(&o, "alertCreationTime", r->created + r->shift);
    time_write(&o, "firstEventTime", r->first + r->shift);
    time_write(&o, "lastEventTime", last < r->due ? last : r->due);
    time_write(&o, "lastUpdateTime", template_sql_time(r->due));
    compose_text(&o, "resolvedTime", SLICE_NONE);
    device_write(&o, r, a);
    compose_text(&o, "aadTenantId", r->tenant);
    compose_text(&o, "threatName", replay_word(r->extra, "ThreatName", a));
    techniques(&o, r, a);
    compose_text(&o, "relatedUser", SLICE_NONE);
    logged_on(&o, r, a);
    compose_raw(&o, ",\"comments\":[]");
    compose_json(&o, "evidence", evidence(r, a));
    compose_raw(&o, "}");
    return replay_add(p, r, SIM_ENDPOINT, compose_end(&o));
}
