/* Alerts of Cloud App Security made up for a scenario. Ref: sources.md 4.5, 4.6, 5.9. */
#include <string.h>

#include "tests/simulator/edit.h"
#include "tests/simulator/sim.h"

enum { VERSIONS_MOST = 32 };

struct kind {
    const char *title, *description, *policy;
    int64_t id;
    bool system;
};

static const struct kind kinds[] = {
    {"Impossible travel activity",
     "The user <b>user</b> was involved in an impossible travel incident __siteIcon__",
     "ANOMALY_DETECTION", 15859716, true},
    {"Suspicious administrative activity", "**user** performed an unusual number of activities",
     "ANOMALY_DETECTION", 15859721, true},
    {"Risky sign-in", "Azure AD detected a risky sign-in", "AUDIT", 15795457, false},
    {"File policy 'Confidential'", "A file was shared with <a href=\"https://x.example\">x</a>",
     "FILE", 15728642, false},
};

/* Detections of Azure ATP as they come through this service. */
static const struct kind detections[] = {
    {"Honeytoken activity", "honey performed 2 suspicious activities", "ANOMALY_DETECTION",
     15795464, false},
    {"Suspected DCSync attack (replication of directory services)", "replication was requested",
     "ANOMALY_DETECTION", 15795470, false},
};

struct subject {
    const struct kind *kind;
    struct slice id, description;
    bool detection; /* of Azure ATP */
    int64_t severity;
    unsigned person, ip;
    bool closes;
    bool wrong, missing; /* the same over all versions */
};

static void
subject_make(struct generator *g, int64_t born, struct subject *s)
{
    struct dice *d = &g->dice;
    s->detection = dice_chance(d, g->g->identity_percent);
    s->kind = s->detection ? &detections[dice_below(d, 2)] : &kinds[dice_below(d, 4)];
    s->id = slice_printf(g->arena, "%08llx%.*s", (unsigned long long)(born / CLOCK_SECOND),
                         SLICE_ARG(dice_hex(d, 16, g->arena)));
    s->description = generator_big(g, slice_of(s->kind->description));
    s->severity = dice_between(d, 0, 3);
    s->person = (unsigned)dice_below(d, 20);
    s->ip = 1 + (unsigned)dice_below(d, 254);
    s->closes = dice_chance(d, g->g->close_percent);
    s->wrong = dice_chance(d, g->g->wrong_percent);
    s->missing = dice_chance(d, g->g->missing_percent);
}

static struct json_out *
entity(struct arena *a, const char *type, struct slice id, struct slice label, const char *role)
{
    struct json_out *o = json_out_object(a);
    json_out_text(o, "type", slice_of(type));
    json_out_text(o, "id", id);
    json_out_text(o, "label", label);
    if (role != NULL)
        json_out_text(o, "entityRole", slice_of(role));
    return o;
}

/* Ids are numbers here and texts there. */
static struct json_out *
service_entity(struct arena *a, const struct subject *s)
{
    struct json_out *o = json_out_object(a);
    int64_t id = s->detection ? 20940 : 11161;
    json_out_text(o, "type", SLICE("service"));
    if (s->wrong && !s->detection)
        json_out_text(o, "id", SLICE("11161"));
    else
        json_out_int(o, "id", id);
    json_out_text(o, "label", s->detection ? SLICE("Active Directory") : SLICE("Office 365"));
    return o;
}

static struct json_out *
entities_make(struct generator *g, const struct subject *s)
{
    struct arena *a = g->arena;
    struct json_out *list = json_out_array(a);
    struct slice name = slice_printf(a, "user%u", s->person);
    struct slice mail = slice_printf(a, "%.*s@%.*s", SLICE_ARG(name), SLICE_ARG(g->tenant->domain));
    struct json_out *account = entity(
        a, "account", slice_printf(a, "6204bdaf-0000-4000-8000-%012u", s->person), name, "Source");
    json_out_int(account, "inst", 0);
    json_out_text(account, "pa", mail);
    json_out_int(account, "entityType", 2);
    json_out_add(list, account);
    if (s->detection) {
        json_out_add(list, entity(a, "device", SLICE("34f3ecc9-0000-4df7-af79-14fe2d0d4553"),
                                  SLICE("CLIENT1"), "Source"));
        json_out_add(list, entity(a, "device", SLICE("d68772fe-0000-4124-9f73-0f410340bd54"),
                                  SLICE("DC1"), "Related"));
    } else {
        struct slice ip = slice_printf(a, "198.51.100.%u", s->ip);
        json_out_add(list, entity(a, "ip", ip, ip, "Source"));
        json_out_add(list, entity(a, "country", SLICE("NL"), SLICE("NL"), NULL));
    }
    json_out_add(list, service_entity(a, s));
    struct json_out *policy =
        entity(a, "policyRule", SLICE("5bfd18bfab73c36ba10d38ca"), slice_of(s->kind->title), NULL);
    json_out_text(policy, "policyType", slice_of(s->kind->policy));
    json_out_add(list, policy);
    return list;
}

struct state {
    int64_t timestamp; /* 100 ns */
    int64_t closed;    /* 100 ns; CLOCK_NONE: open */
    int64_t seen, score;
};

static void
state_set(struct json_out *o, const struct subject *s, const struct state *now, struct arena *a)
{
    bool open = now->closed == CLOCK_NONE;
    json_out_int(o, "statusValue", open ? now->seen : 2);
    json_out_int(o, "severityValue", s->severity);
    if (s->missing) /* a recording of 2020 has only this */
        json_out_bool(o, "is_open", open);
    else
        json_out_int(o, "resolutionStatusValue", open ? 0 : 5);
    json_out_int(o, "threatScore", now->score);
    if (!open) {
        struct clock_text t = clock_format_full(now->closed);
        json_out_text(o, "resolveTime", slice_printf(a, "%.23sZ", t.s));
        json_out_text(o, "handledByUser", SLICE("administrator@contoso.com"));
    } else if (s->wrong)
        json_out_text(o, "resolveTime", SLICE("null"));
}

static struct slice
alert_make(struct generator *g, const struct subject *s, const struct state *now)
{
    struct arena *a = g->arena;
    struct json_out *o = json_out_object(a);
    json_out_text(o, "_id", s->id);
    json_out_text(o, "contextId", g->tenant->id);
    json_out_int(o, "timestamp", now->timestamp / 10000);
    json_out_text(o, "title", slice_of(s->kind->title));
    json_out_text(o, "description", s->description);
    json_out_int(o, "idValue", s->kind->id);
    if (!s->missing) {
        json_out_bool(o, "isSystemAlert", s->kind->system);
        json_out_set_raw(o, "stories", SLICE("[0]"));
        json_out_set_raw(o, "intent", SLICE("[2,6]"));
    }
    state_set(o, s, now, a);
    if (s->wrong) {
        json_out_text(o, "comment", SLICE("null"));
        json_out_set_raw(o, "threatScoreReasoning", SLICE("{\"a\":[1,\"2\"]}"));
    }
    json_out_set(o, "entities", entities_make(g, s));
    json_out_text(o, "URL",
                  slice_printf(a, "https://contoso.portal.cloudappsecurity.com/#/alerts/%.*s",
                               SLICE_ARG(s->id)));
    return json_out_print(o, a);
}

/* What changes with a version: read, aggregated (then its time moves), graver; closed at the end.
 */
static void
state_next(struct generator *g, const struct subject *s, const struct moment *m, bool last,
           struct state *now)
{
    now->score = now->score < 99 ? now->score + 1 : 1; /* no two versions are alike */
    if (last && s->closes)
        now->closed = m->at;
    else if (dice_chance(&g->dice, 50))
        now->timestamp = m->at;
    else
        now->seen = 1;
}

struct err
generate_apps(struct generator *g)
{
    for (int64_t i = 0; i < g->g->alerts; i++) {
        struct moment moments[VERSIONS_MOST];
        struct subject s;
        size_t n = generator_moments(g, moments, VERSIONS_MOST);
        size_t replaces = 0;
        subject_make(g, moments[0].at, &s);
        struct state now = {.timestamp = moments[0].at,
                            .closed = CLOCK_NONE,
                            .score = dice_between(&g->dice, 1, 50)};
        for (size_t k = 0; k < n; k++) {
            if (k > 0)
                state_next(g, &s, &moments[k], k + 1 == n, &now);
            struct delivery d = {.source = SIM_APPS,
                                 .payload = alert_make(g, &s, &now),
                                 .planned = moments[k].released,
                                 .replaces = replaces,
                                 .hasty = true};
            replaces = generator_add(g, d);
            if (replaces == 0)
                return err_make(ERR_STOP, "generate.memory", "out of memory");
        }
    }
    return ERR_OK;
}
