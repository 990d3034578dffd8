#include "ingest/apps_category.h"

#include "ingest/identity_table.h"

/* By intent (7.4); 0 and what comes later are unknown. */
static const char *const intents_known[] = {
    NULL,
    "InitialAccess",
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
    "Impact",
};

/* The numbers that are known (4.5). */
static const struct {
    int64_t kind;
    const char *category;
} kinds[] = {
    {15859716, "InitialAccess"},       /* impossible travel */
    {15859721, "PrivilegeEscalation"}, /* suspicious administrative activity */
    {APPS_RISKY_SIGN_IN, "InitialAccess"},
    {APPS_FILE_POLICY, "Exfiltration"},
};

struct part {
    const char *part, *category;
};

/* Parts of alert types (4.10); the first hit counts. What is not here is no sign of a tactic:
 * policies of the customer's own, discovery of new services. */
static const struct part types[] = {
    {"RANSOMWARE", "Ransomware"},
    {"MALWARE", "Malware"},
    {"DETECTION_VELOCITY", "InitialAccess"},
    {"NEW_COUNTRY", "InitialAccess"},
    {"NEW_ADMIN_LOCATION", "InitialAccess"},
    {"ANONYMOUS_IP", "InitialAccess"},
    {"SUSPICIOUS_IP", "InitialAccess"},
    {"COMPROMISED_ACCOUNT", "InitialAccess"},
    {"ADMIN_USER", "PrivilegeEscalation"},
    {"ZOMBIE_USER", "Persistence"},
    {"TERMINATED_USER", "Persistence"},
    {"MATCH_FILE", "Exfiltration"},
};

/* Without an intent (2019) the kind of detection shows in the title. The first hit counts. */
static const struct part titles[] = {
    {"ransomware", "Ransomware"},
    {"malware", "Malware"},
    {"impossible travel", "InitialAccess"},
    {"infrequent country", "InitialAccess"},
    {"anonymous ip", "InitialAccess"},
    {"suspicious ip", "InitialAccess"},
    {"risky sign-in", "InitialAccess"},
    {"multiple failed log", "CredentialAccess"},
    {"inbox forwarding", "Exfiltration"},
    {"inbox manipulation", "DefenseEvasion"},
    {"email deletion", "DefenseEvasion"},
    {"delete vm", "Impact"},
    {"vm deletion", "Impact"},
    {"multiple vm", "Impact"},
    {"terminated user", "Persistence"},
    {"unsanctioned app", "Exfiltration"},
    {"mass download", "Exfiltration"},
    {"administrative activit", "PrivilegeEscalation"},
    {"admin activit", "PrivilegeEscalation"},
};

static bool
contains_nocase(struct slice text, struct slice part)
{
    for (size_t i = 0; i + part.n <= text.n; i++)
        if (slice_eq_nocase(slice_sub(text, i, part.n), part))
            return true;
    return false;
}

static void
add_tactic(struct alert *out, struct slice category)
{
    int bit = alert_tactic(category);
    if (bit >= 0)
        out->tactics = (uint16_t)(out->tactics | 1U << bit);
}

static void
add_technique(struct alert *out, struct slice word)
{
    for (size_t i = 0; i < out->n_techniques; i++)
        if (slice_eq(out->techniques[i], word))
            return;
    if (out->n_techniques < ALERT_TECHNIQUES_MAX)
        out->techniques[out->n_techniques++] = word;
}

static bool
by_intent(struct json intents, struct alert *out)
{
    enum { INTENTS_MAX = 64 };
    bool found = false;
    struct slice name;
    struct json item;
    size_t n = 0;
    for (struct json_iter it = json_items(intents);
         n++ < INTENTS_MAX && json_next(&it, &name, &item);) {
        int64_t v = 0;
        if (!json_int(item, &v) || v <= 0 ||
            v >= (int64_t)(sizeof intents_known / sizeof intents_known[0]))
            continue;
        add_tactic(out, slice_of(intents_known[v]));
        if (!found)
            out->category = slice_of(intents_known[v]);
        found = true;
    }
    return found;
}

/* A detection of Azure ATP: its title says which (5.6). */
static bool
by_identity_type(struct alert *out)
{
    const struct identity_type *t =
        out->service == SERVICE_IDENTITY ? identity_type_of_title(out->title) : NULL;
    if (t == NULL)
        return false;
    struct slice techniques[ALERT_TECHNIQUES_MAX];
    size_t n = identity_techniques(t, techniques, ALERT_TECHNIQUES_MAX);
    for (size_t i = 0; i < n; i++)
        add_technique(out, techniques[i]);
    out->category = slice_of(t->category);
    out->tactics = (uint16_t)(out->tactics | t->tactics);
    add_tactic(out, out->category);
    return true;
}

static bool
by_kind(int64_t kind, struct alert *out)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].kind == kind) {
            out->category = slice_of(kinds[i].category);
            return true;
        }
    return false;
}

static bool
by_part(const struct part *parts, size_t n, struct slice text, struct alert *out)
{
    for (size_t i = 0; i < n; i++)
        if (contains_nocase(text, slice_of(parts[i].part))) {
            out->category = slice_of(parts[i].category);
            return true;
        }
    return false;
}

static bool
letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* T1087, T1087.002: what the description tells of techniques (7.4). */
static void
by_description(struct alert *out)
{
    struct slice s = out->description;
    for (size_t i = 0; i + 5 <= s.n; i++) {
        if (s.p[i] != 'T' || (i > 0 && letter(s.p[i - 1])))
            continue;
        size_t end = i + 1;
        while (end < s.n && s.p[end] >= '0' && s.p[end] <= '9')
            end++;
        if (end != i + 5)
            continue;
        size_t sub = end + 1;
        while (end < s.n && s.p[end] == '.' && sub < s.n && s.p[sub] >= '0' && s.p[sub] <= '9')
            sub++;
        if (sub == end + 4)
            end = sub;
        add_technique(out, slice_sub(s, i, end - i));
    }
}

void
apps_say_category(struct json intents, int64_t kind, struct slice type, struct alert *out)
{
    by_description(out);
    if (by_intent(intents, out) || by_identity_type(out))
        return;
    if (!by_kind(kind, out) && !by_part(types, sizeof types / sizeof types[0], type, out))
        (void)by_part(titles, sizeof titles / sizeof titles[0], slice_sub(out->title, 0, 1024),
                      out);
    add_tactic(out, out->category);
}
