/* Alerts of Cloud App Security, and what came through it: Azure ATP by the service Active
 * Directory, Identity Protection by its alert type. Ref: sources.md 4.5, 4.6, 5.9. */
#include <string.h>

#include "common/crypto.h"
#include "tests/simulator/replay.h"

enum { ACTIVE_DIRECTORY = 20940, RISKY_SIGN_IN = 15795457, HONEYTOKEN = 15795464 };

/* 24 hex digits: the second it was raised, then the product's own digits or of their hash. */
static struct slice
object_id(const struct replay_row *r, struct arena *a)
{
    uint8_t hash[CRYPTO_SHA256];
    struct slice rest = r->vendor_id;
    if (rest.n == 24) {
        rest = slice_lower(a, slice_sub(rest, 8, rest.n));
    } else {
        crypto_sha256(r->vendor_id, hash);
        rest = slice_hex(a, (struct slice){(const char *)hash, 8});
    }
    long long raised_s = (long long)((r->created + r->shift) / CLOCK_SECOND);
    return slice_printf(a, "%08llx%.*s", raised_s, SLICE_ARG(rest));
}

/* A directory's own name of a thing that the row does not tell: the same for the same label. */
static struct slice
directory_id(struct slice label, struct arena *a)
{
    static const uint8_t space[16] = {'w', 'e', 'i', 'r', '-', 's', 'i', 'm'};
    char guid[37];
    crypto_guid_of(space, slice_lower(a, label), guid);
    return slice_dup(a, slice_of(guid));
}

/* Only few of the numbers are known; others are made of the type's name. */
static int64_t
type_number(const struct replay_row *r)
{
    uint8_t hash[CRYPTO_SHA256];
    if (slice_eq(r->provider, SLICE("IPC")))
        return RISKY_SIGN_IN;
    crypto_sha256(r->type, hash);
    return HONEYTOKEN + 1 + hash[0];
}

/* ---- entities */

struct writer {
    struct compose *out;
    const struct replay_row *row;
    struct arena *arena;
};

/* Closes an entity and adds it. */
static void
entity_end(struct writer *w, struct compose *o)
{
    compose_raw(o, "}");
    compose_item_json(w->out, compose_end(o));
}

static void
role_write(struct compose *o, struct json e)
{
    static const struct {
        const char *of, *role;
    } roles[] = {
        {"Source", "Source"},
        {"Attacker", "Source"},
        {"Destination", "Destination"},
        {"Contextual", "Related"},
    };
    struct json v;
    for (struct json_iter it = json_items(json_get(e, "Roles")); json_next(&it, NULL, &v);)
        for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
            if (slice_eq(json_text(v), slice_of(roles[i].of))) {
                compose_text(o, "entityRole", slice_of(roles[i].role));
                return;
            }
}

/* The mailbox of the same person is the account's "em". */
static struct slice
mailbox_of(const struct replay_row *r, struct slice aad_id, struct arena *a)
{
    for (size_t i = 0; i < r->n_entities; i++)
        if (replay_is(r->entities[i], "mailbox") &&
            slice_eq_nocase(json_get_text(r->entities[i], "AadId"), aad_id))
            return replay_word(r->entities[i], "MailboxPrimaryAddress", a);
    return SLICE_NONE;
}

static void
account_write(struct writer *w, struct json e, struct slice id, struct slice label)
{
    struct compose o = compose_begin(w->arena);
    struct slice upn = replay_upn(e, w->arena);
    struct slice box = replay_is(e, "mailbox") ? upn : mailbox_of(w->row, id, w->arena);
    compose_raw(&o, "{\"type\":\"account\"");
    compose_text(&o, "id", id);
    compose_raw(&o, ",\"inst\":0,\"saas\":11161");
    compose_text(&o, "label", label);
    if (upn.n > 0)
        compose_text(&o, "pa", upn);
    if (box.n > 0)
        compose_text(&o, "em", box);
    compose_raw(&o, ",\"entityType\":2");
    role_write(&o, e);
    entity_end(w, &o);
}

/* A security identifier has no place here. */
static void
on_account(struct writer *w, struct json e)
{
    struct slice id = replay_word(e, "AadUserId", w->arena);
    struct slice label = replay_word(e, "Name", w->arena);
    if (label.n == 0)
        label = id;
    account_write(w, e, id.n > 0 ? id : directory_id(label, w->arena), label);
}

/* Of somebody who is among the accounts it is there already. */
static void
on_mailbox(struct writer *w, struct json e)
{
    struct slice id = replay_word(e, "AadId", w->arena);
    for (size_t i = 0; i < w->row->n_entities; i++)
        if (replay_is(w->row->entities[i], "account") &&
            slice_eq_nocase(json_get_text(w->row->entities[i], "AadUserId"), id))
            return;
    struct slice label = replay_word(e, "DisplayName", w->arena);
    if (label.n == 0)
        label = replay_upn(e, w->arena);
    account_write(w, e, id.n > 0 ? id : label, label);
}

static void
on_host(struct writer *w, struct json e)
{
    struct compose o = compose_begin(w->arena);
    struct slice label = replay_word(e, "HostName", w->arena);
    struct slice name = replay_word(e, "FQDN", w->arena);
    compose_raw(&o, "{\"type\":\"device\"");
    compose_text(&o, "id", directory_id(name.n > 0 ? name : label, w->arena));
    compose_text(&o, "label", label.n > 0 ? label : name);
    role_write(&o, e);
    entity_end(w, &o);
}

static void
on_ip(struct writer *w, struct json e)
{
    struct compose o = compose_begin(w->arena);
    struct slice address = replay_word(e, "Address", w->arena);
    struct slice country = json_get_text(json_get(e, "Location"), "CountryCode");
    if (address.n == 0)
        return;
    compose_raw(&o, "{\"type\":\"ip\"");
    compose_text(&o, "id", address);
    compose_text(&o, "label", address);
    role_write(&o, e);
    compose_raw(&o, ",\"triggeredAlert\":true");
    entity_end(w, &o);
    if (country.n == 0)
        return;
    o = compose_begin(w->arena);
    compose_raw(&o, "{\"type\":\"country\"");
    compose_text(&o, "id", country);
    compose_text(&o, "label", country);
    entity_end(w, &o);
}

static void
on_application(struct writer *w, struct json e)
{
    struct compose o = compose_begin(w->arena);
    struct slice id = replay_word(e, "SaasId", w->arena);
    if (id.n == 0)
        id = replay_word(e, "AppId", w->arena);
    compose_raw(&o, "{\"type\":\"service\"");
    compose_json(&o, "id", id.n > 0 ? id : SLICE("null"));
    compose_text(&o, "label", replay_word(e, "Name", w->arena));
    struct slice instance = replay_word(e, "InstanceId", w->arena);
    if (instance.n > 0)
        compose_json(&o, "inst", instance);
    role_write(&o, e);
    entity_end(w, &o);
}

static const struct {
    const char *type;
    void (*write)(struct writer *w, struct json e);
} kinds[] = {
    {"account", on_account},
    {"mailbox", on_mailbox},
    {"host", on_host},
    {"ip", on_ip},
    {"cloud-application", on_application},
};

static struct slice
entities(const struct replay_row *r, struct arena *a)
{
    struct compose o = compose_begin(a);
    struct writer w = {&o, r, a};
    compose_raw(&o, "[");
    for (size_t i = 0; i < r->n_entities; i++)
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
            if (replay_is(r->entities[i], kinds[k].type))
                kinds[k].write(&w, r->entities[i]);
    if (slice_starts(r->provider, SLICE("Azure Advanced")))
        compose_item_json(&o, slice_printf(a,
                                           "{\"type\":\"service\",\"id\":%d,"
                                           "\"label\":\"Active Directory\"}",
                                           ACTIVE_DIRECTORY));
    struct compose policy = compose_begin(a);
    compose_raw(&policy, "{\"type\":\"policyRule\"");
    compose_text(&policy, "id", slice_sub(directory_id(r->title, a), 0, 8));
    compose_text(&policy, "label", r->title);
    compose_raw(&policy, ",\"policyType\":\"ANOMALY_DETECTION\"}");
    compose_item_json(&o, compose_end(&policy));
    compose_raw(&o, "]");
    return compose_end(&o);
}

/* ---- the alert */

static int
severity_number(const struct replay_row *r)
{
    static const char *const words[] = {"Low", "Medium", "High", "Informational"};
    for (int i = 0; i < 4; i++)
        if (slice_eq_nocase(r->severity, slice_of(words[i])))
            return i;
    return 0;
}

/* The place in the list is the number. */
static int
intent_number(const struct replay_row *r)
{
    static const char *const words[] = {"Unknown",
                                        "PreAttack",
                                        "InitialAccess",
                                        "Persistence",
                                        "PrivilegeEscalation",
                                        "DefenseEvasion",
                                        "CredentialAccess",
                                        "Discovery",
                                        "LateralMovement",
                                        "Execution",
                                        "Collection",
                                        "Exfiltration",
                                        "CommandAndControl",
                                        "Impact"};
    for (int i = 0; i < (int)(sizeof(words) / sizeof(words[0])); i++)
        if (slice_eq_nocase(r->category, slice_of(words[i])))
            return i;
    return 0;
}

struct err
replay_apps(struct plan *p, const struct replay_row *r)
{
    struct arena *a = p->arena;
    struct compose o = compose_begin(a);
    struct slice id = object_id(r, a);
    compose_raw(&o, "{");
    compose_text(&o, "_id", id);
    compose_text(&o, "contextId", r->tenant);
    compose_int(&o, "timestamp", (r->first + r->shift) / (CLOCK_SECOND / 1000));
    compose_text(&o, "title", r->title);
    compose_text(&o, "description", r->description);
    compose_int(&o, "idValue", type_number(r));
    compose_raw(&o, ",\"isSystemAlert\":false");
    compose_int(&o, "severityValue", severity_number(r));
    compose_raw(&o, ",\"statusValue\":0,\"resolutionStatusValue\":0,\"stories\":[0]");
    compose_raw(&o, ",\"intent\":[%d]", intent_number(r));
    compose_raw(&o, ",\"threatScore\":0");
    compose_json(&o, "entities", entities(r, a));
    compose_text(&o, "URL",
                 slice_printf(a, "https://contoso.portal.cloudappsecurity.com/#/alerts/%.*s",
                              SLICE_ARG(id)));
    compose_raw(&o, "}");
    return replay_add(p, r, SIM_APPS, compose_end(&o));
}
