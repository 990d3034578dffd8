#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/json.h"
#include "ingest/source.h"

extern const struct source source_apps;

#define BASE "https://contoso.eu.portal.example.com"
#define DIRECTORY "206e2965-6533-48a6-ba9e-794364a84bf9"

struct world {
    struct arena *arena;
    struct conf *conf;
    struct source_conf c;
};

static int64_t
at(const char *text)
{
    int64_t t = 0;
    if (!clock_parse(slice_of(text), &t))
        fail_msg("not a time: %s", text);
    return t;
}

static int
setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (w == NULL)
        return -1;
    *state = w;
    const struct opt *const tables[] = {source_apps.opts, NULL};
    w->arena = arena_new((size_t)64 << 20);
    struct err e = conf_load(tables, "/dev/null", NULL, &w->conf);
    if (e.kind || w->arena == NULL)
        return -1;
    w->c = (struct source_conf){
        .conf = w->conf,
        .directory_id = SLICE(DIRECTORY),
        .base_url = SLICE(BASE),
        .now = at("2020-01-20T00:00:00Z"),
        .start = at("2020-01-14T00:00:00Z"),
    };
    return 0;
}

static int
teardown(void **state)
{
    struct world *w = *state;
    arena_free(w->arena);
    conf_free(w->conf);
    free(w);
    return 0;
}

static void
assert_slice(struct slice got, const char *expected)
{
    if (!slice_eq(got, slice_of(expected)))
        fail_msg("got \"%.*s\", expected \"%s\"", SLICE_ARG(got), expected);
}

static const struct cursor never = {CLOCK_NONE, CLOCK_NONE, CLOCK_NONE, false};

static struct source_request *
first(struct world *w, struct cursor cursor)
{
    struct source_request *r = NULL;
    size_t n = 0;
    struct err e = source_apps.first(&w->c, &cursor, w->arena, &r, &n);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(n, 2);
    return r;
}

static struct err
parse(struct world *w, const struct source_request *asked, long status, const char *headers,
      struct slice body, struct page *out)
{
    const struct answer got = {.asked = asked,
                               .conf = &w->c,
                               .status = status,
                               .headers = slice_of(headers),
                               .body = body};
    return source_apps.parse(&got, w->arena, out);
}

static struct page
page(struct world *w, const struct source_request *asked, struct slice body)
{
    struct page out;
    struct err e = parse(w, asked, 200, "", body, &out);
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
    return out;
}

/* n alerts raised a second apart from the time. */
static struct slice
rows(struct world *w, int64_t from, int n, bool more)
{
    size_t room = (size_t)n * 80 + 100;
    char *body = arena_alloc(w->arena, room);
    size_t used = (size_t)snprintf(body, room, "{\"data\":[");
    for (int i = 0; i < n; i++)
        used +=
            (size_t)snprintf(body + used, room - used, "%s{\"_id\":\"%024x\",\"timestamp\":%lld}",
                             i > 0 ? "," : "", i, (long long)(from / 10000 + i * 1000));
    used += (size_t)snprintf(body + used, room - used, "],\"hasNext\":%s,\"total\":%d}",
                             more ? "true" : "false", n);
    return (struct slice){body, used};
}

/* ---- asking */

static void
test_a_round_asks_for_what_was_raised_and_what_was_closed(void **state)
{
    struct world *w = *state;
    struct cursor cursor = never;
    cursor.since = at("2020-01-19T00:00:00Z");
    struct source_request *r = first(w, cursor);
    assert_string_equal(r[0].http.method, "POST");
    assert_slice(r[0].http.url, BASE "/api/v1/alerts/");
    /* one day before the watermark; the other one has none and begins at the start */
    assert_slice(r[0].http.body,
                 "{\"filters\":{\"date\":{\"gte\":1579305600000}},\"sortField\":\"date\","
                 "\"sortDirection\":\"asc\",\"skip\":0,\"limit\":100}");
    assert_slice(r[1].http.body, "{\"filters\":{\"resolutionDate\":{\"gte\":1578960000000}},"
                                 "\"sortField\":\"date\",\"sortDirection\":\"asc\",\"skip\":0,"
                                 "\"limit\":100}");
    struct json doc;
    struct err e = json_parse(r[1].http.body, w->arena, &doc);
    assert_int_equal(e.kind, ERR_NONE);
    w->c.base_url = SLICE("https://portal.example.com/cas/api/v1");
    assert_slice(first(w, never)[0].http.url, "https://portal.example.com/cas/api/v1/alerts/");
}

/* ---- pages */

static void
test_pages_follow_until_there_is_no_next(void **state)
{
    struct world *w = *state;
    struct source_request *r = first(w, never);
    struct page p = page(w, &r[0], rows(w, at("2020-01-15T00:00:00Z"), 100, true));
    assert_int_equal(p.n_alerts, 100);
    assert_int_equal(p.n_next, 1);
    assert_int_equal(p.next[0].skip, 100);
    assert_true(slice_find(p.next[0].http.body, SLICE("\"skip\":100"), 0) < p.next[0].http.body.n);
    assert_int_equal(p.at.since, CLOCK_NONE); /* not before the chain's end */
    struct source_request second = p.next[0];
    p = page(w, &second, rows(w, at("2020-01-14T12:00:00Z"), 2, false));
    assert_int_equal(p.n_next, 0);
    assert_int_equal(p.at.since, at("2020-01-15T00:01:39Z")); /* the newest of both pages */
    assert_int_equal(p.at.closed, CLOCK_NONE);
    assert_false(p.again);
}

static void
test_an_empty_page_ends_the_chain_whatever_it_says(void **state)
{
    struct world *w = *state;
    struct cursor cursor = never;
    cursor.since = at("2020-01-19T00:00:00Z");
    struct source_request *r = first(w, cursor);
    struct page p = page(w, &r[0], SLICE("{\"data\":[],\"hasNext\":true}"));
    assert_int_equal(p.n_next + p.n_alerts, 0);
    assert_int_equal(p.at.since, cursor.since);
}

static void
test_closures_raise_their_own_watermark(void **state)
{
    struct world *w = *state;
    struct source_request *r = first(w, never);
    struct page p = page(w, &r[1],
                         SLICE("{\"data\":[{\"_id\":\"a\",\"timestamp\":1579000000000,"
                               "\"resolveTime\":\"2020-01-16T14:02:34.904Z\"},"
                               "{\"_id\":\"b\",\"resolveTime\":\"null\"}],"
                               "\"hasNext\":false}"));
    assert_int_equal(p.at.since, CLOCK_NONE);
    assert_int_equal(p.at.closed, at("2020-01-16T14:02:34.904Z"));
    assert_int_equal(p.n_alerts, 2);
    assert_int_equal(p.alerts[0].version, CLOCK_NONE);
}

static void
test_a_time_from_the_future_cannot_hide_what_comes(void **state)
{
    struct world *w = *state;
    struct source_request *r = first(w, never);
    struct page p =
        page(w, &r[0], SLICE("{\"data\":[{\"_id\":\"a\",\"timestamp\":99999999999999}]}"));
    assert_int_equal(p.at.since, w->c.now);
}

static void
test_a_long_chain_goes_on_in_the_next_round(void **state)
{
    struct world *w = *state;
    struct source_request *r = first(w, never), asked = r[0];
    asked.skip = 900; /* nine pages were read */
    struct page p = page(w, &asked, rows(w, at("2020-01-17T00:00:00Z"), 100, true));
    assert_int_equal(p.n_next, 0);
    assert_true(p.again);
    assert_int_equal(p.at.since, at("2020-01-17T00:01:39Z"));
    /* but not when the next round would begin where this one did */
    p = page(w, &asked, rows(w, at("2020-01-14T01:00:00Z"), 100, true));
    assert_int_equal(p.n_next, 1);
    assert_false(p.again);
}

static void
test_refusals_say_what_to_do(void **state)
{
    static const struct {
        long status;
        const char *headers, *body;
        enum err_kind kind;
        const char *code;
        int64_t after_ms;
        const char *text; /* part of it */
    } table[] = {
        {429, "Retry-After: 42\r\n", "", ERR_RETRY, "apps.busy", 42000, ""},
        {429, "", "{\"detail\":\"Request was throttled. Expected available in 42 seconds.\"}",
         ERR_RETRY, "apps.busy", 42000, ""},
        {429, "", "", ERR_RETRY, "apps.busy", 60000, ""},
        {401, "", "Invalid token", ERR_STOP, "apps.token", 0, ""},
        {403, "", "no", ERR_STOP, "apps.forbidden", 0, "API token"},
        {404, "", "", ERR_RETRY, "apps.address", 300000, "base_url"},
        {301, "Location: /x\r\n", "", ERR_RETRY, "apps.address", 300000, "base_url"},
        {400, "", "bad filter", ERR_RETRY, "apps.refused", 60000, "bad filter"},
        {502, "", "<html>", ERR_RETRY, "apps.server", 0, ""},
        {200, "", "<html>", ERR_RETRY, "json.syntax", 0, ""},
        {200, "", "{\"data\":[{\"_id\":", ERR_RETRY, "json.syntax", 0, ""},
        {200, "", "{\"data\":null}", ERR_RETRY, "source.shape", 0, "data"},
    };
    struct world *w = *state;
    struct source_request *r = first(w, never);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct page p;
        struct err e =
            parse(w, &r[0], table[i].status, table[i].headers, slice_of(table[i].body), &p);
        if (e.kind != table[i].kind || strcmp(e.code, table[i].code) != 0 ||
            e.after_ms != table[i].after_ms || strstr(e.text, table[i].text) == NULL)
            fail_msg("row %zu: kind %d, %s, %lld ms: %s", i, (int)e.kind,
                     e.kind ? e.code : "no error", (long long)e.after_ms, e.text);
    }
}

/* ---- ident */

#define AD "{\"type\":\"service\",\"id\":20940,\"label\":\"Active Directory\"}"

static void
test_identity_detections_go_the_way_the_tenant_chose(void **state)
{
    static const struct {
        const char *entities;
        enum identity_channel channel;
        enum source_fate fate;
        const char *reason;
    } table[] = {
        {AD, IDENTITY_APPS, FATE_ALERT, NULL},
        {AD, IDENTITY_SYSLOG, FATE_IGNORE, "apps.identity_by_syslog"},
        {AD, IDENTITY_OFF, FATE_IGNORE, "apps.identity_off"},
        {"{\"type\":\"service\",\"id\":\"20940\"}", IDENTITY_OFF, FATE_IGNORE, "apps.identity_off"},
        {"{\"type\":\"ip\",\"id\":20940}", IDENTITY_OFF, FATE_ALERT, NULL},
        {"{\"type\":\"service\",\"id\":11161}", IDENTITY_OFF, FATE_ALERT, NULL},
        {"null", IDENTITY_SYSLOG, FATE_ALERT, NULL},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct source_ident ident;
        struct slice text =
            slice_printf(w->arena, "{\"_id\":\"5e1d8b2a0c204203a335a3fb\",\"entities\":[%s]}",
                         table[i].entities);
        struct err e = source_apps.ident(text, table[i].channel, w->arena, &ident);
        assert_int_equal(e.kind, ERR_NONE);
        assert_int_equal(ident.fate, table[i].fate);
        if (table[i].reason != NULL)
            assert_string_equal(ident.reason, table[i].reason);
        assert_slice(ident.native_id, "5e1d8b2a0c204203a335a3fb");
        assert_int_equal(ident.version, CLOCK_NONE);
    }
}

static void
test_what_is_no_alert_is_dead(void **state)
{
    static const char *const texts[] = {"", "7", "[]", "{}", "{\"_id\":null}", "{\"_id\":\"a\""};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct source_ident ident;
        struct alert al;
        struct source_document doc = {slice_of(texts[i]), 0};
        struct err e = source_apps.ident(doc.payload, IDENTITY_APPS, w->arena, &ident);
        assert_int_equal(e.kind, ERR_REJECT);
        e = source_apps.map(&doc, 1, SLICE(DIRECTORY), w->arena, &al);
        assert_int_equal(e.kind, ERR_REJECT);
    }
}

/* ---- map */

static struct alert
map(struct world *w, const char *members)
{
    struct alert out;
    struct source_document doc = {
        slice_printf(w->arena, "{\"_id\":\"5e1d8b2a0c204203a335a3fb\",\"title\":\"t\"%s%s}",
                     members[0] != 0 ? "," : "", members),
        at("2020-01-20T00:00:00Z")};
    struct err e = source_apps.map(&doc, 1, SLICE(DIRECTORY), w->arena, &out);
    if (e.kind)
        fail_msg("%s: %s in %s", e.code, e.text, members);
    return out;
}

static void
test_an_identity_detection_is_mapped_whole(void **state)
{
    struct world *w = *state;
    struct alert al = map(
        w,
        "\"contextId\":\"x\",\"timestamp\":1578994474000,\"title\":\"ignored, the first counts\","
        "\"description\":\"Account Discovery (T1087), Domain Account (T1087.002), T108, XT1000\","
        "\"idValue\":15795464,\"severityValue\":1,\"statusValue\":1,\"resolutionStatusValue\":0,"
        "\"handledByUser\":\"admin@contoso.com\",\"threatScore\":34,\"entities\":["
        "{\"type\":\"account\",\"id\":\"6204bdaf-0000-4e99-a25d-374a0532c666\",\"inst\":0,"
        "\"label\":\"honey\",\"pa\":\"honey@contoso.com\",\"em\":\"h@contoso.com\","
        "\"entityRole\":\"Source\"},"
        "{\"type\":\"user\",\"id\":\"HONEY@contoso.com\",\"label\":\"honey\"},"
        "{\"type\":\"device\",\"id\":\"34f3ecc9-0000-4df7-af79-14fe2d0d4553\",\"label\":"
        "\"CLIENT1.contoso.com\",\"entityRole\":\"Source\"}," AD ","
        "{\"type\":\"policyRule\",\"id\":\"5bfd18bfab73c36ba10d38ca\",\"label\":\"Honeytoken "
        "activity\"},{\"type\":\"ip\",\"id\":\"192.0.2.7\",\"label\":\"192.0.2.7\"},"
        "{\"type\":\"country\",\"id\":\"NL\"},{\"type\":\"groupTag\",\"id\":\"g\"},{\"type\":"
        "\"file\",\"id\":1,\"name\":\"x.docx\"}],\"URL\":\"https://u/\"");
    assert_true(slice_starts(al.id, SLICE("aa")));
    assert_int_equal(al.id.n, 38);
    assert_int_equal(al.service, SERVICE_IDENTITY);
    assert_int_equal(al.detection, DETECTION_IDENTITY);
    assert_int_equal(al.severity, SEVERITY_MEDIUM);
    assert_int_equal(al.status, STATUS_IN_PROGRESS);
    assert_slice(al.assigned_to, "admin@contoso.com");
    assert_int_equal(al.created, at("2020-01-14T09:34:34Z"));
    assert_int_equal(al.first_activity, at("2020-01-14T09:34:34Z"));
    assert_int_equal(al.updated, at("2020-01-20T00:00:00Z"));
    assert_int_equal(al.n_techniques, 2);
    assert_slice(al.techniques[1], "T1087.002");
    assert_slice(al.policy_id, "5bfd18bfab73c36ba10d38ca");
    assert_slice(al.detector, "5bfd18bfab73c36ba10d38ca");
    assert_slice(al.detector_id, "15795464");
    assert_slice(al.web_url, "https://u/");
    assert_int_equal(al.n_evidence, 6); /* the user is the account again */
    assert_slice(al.evidence[0].upn, "honey@contoso.com");
    assert_slice(al.evidence[0].aad_user_id, "6204bdaf-0000-4e99-a25d-374a0532c666");
    assert_int_equal(al.evidence[0].role, ROLE_SOURCE);
    assert_int_equal(al.evidence[1].type, EVIDENCE_MAILBOX);
    assert_slice(al.evidence[1].mailbox_address, "h@contoso.com");
    assert_slice(al.evidence[2].host_name, "CLIENT1");
    assert_slice(al.evidence[2].dns_name, "CLIENT1.contoso.com");
    assert_null(al.evidence[2].mde_device_id.p);
    assert_slice(al.evidence[3].saas_app_id, "20940");
    assert_slice(al.evidence[4].ip, "192.0.2.7");
    assert_slice(al.evidence[4].country, "NL");
    assert_slice(al.evidence[5].file_name, "x.docx");
    assert_slice(al.additional,
                 "{\"threatScore\":34,\"otherEntities\":[{\"type\":\"country\",\"id\":"
                 "\"NL\"},{\"type\":\"groupTag\",\"id\":\"g\"}]}");
}

static void
test_a_title_of_azure_atp_gives_tactic_and_techniques(void **state)
{
    struct world *w = *state;
    struct alert al;
    struct source_document doc = {SLICE("{\"_id\":\"5e1d8b2a0c204203a335a3fb\",\"title\":"
                                        "\"Honeytoken activity\",\"entities\":[" AD "]}"),
                                  at("2020-01-20T00:00:00Z")};
    struct err e = source_apps.map(&doc, 1, SLICE(DIRECTORY), w->arena, &al);
    assert_int_equal(e.kind, ERR_NONE);
    assert_slice(al.category, "CredentialAccess");
    assert_true((al.tactics & 1 << 6) != 0);
    assert_int_equal(al.n_techniques, 1);
    assert_slice(al.techniques[0], "T1087.002");
}

static void
test_the_unified_id_is_stable_and_the_tenants_own(void **state)
{
    struct world *w = *state;
    struct slice id = slice_dup(w->arena, map(w, "").id);
    assert_true(slice_starts(id, SLICE("ca")));
    assert_true(slice_eq(map(w, "\"timestamp\":1578994474000").id, id));
    for (size_t i = 2; i < id.n; i++)
        assert_true(strchr("0123456789ABCDEF-", id.p[i]) != NULL);
    struct alert al;
    struct source_document doc = {SLICE("{\"_id\":\"5e1d8b2a0c204203a335a3fb\",\"title\":\"t\"}"),
                                  1};
    struct err e = source_apps.map(&doc, 1, SLICE("{" DIRECTORY "}"), w->arena, &al);
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(slice_eq(al.id, id));
    e = source_apps.map(&doc, 1, SLICE("another"), w->arena, &al);
    assert_int_equal(e.kind, ERR_NONE);
    assert_false(slice_eq(al.id, id));
}

static void
test_status_and_classification_follow_the_resolution(void **state)
{
    static const struct {
        const char *members;
        enum alert_status status;
        enum classification classification;
    } table[] = {
        {"\"resolutionStatusValue\":0,\"statusValue\":0", STATUS_NEW, CLASS_UNKNOWN},
        {"\"resolutionStatusValue\":0,\"statusValue\":1", STATUS_NEW, CLASS_UNKNOWN},
        {"\"resolutionStatusValue\":0,\"statusValue\":1,\"handledByUser\":\"x\"",
         STATUS_IN_PROGRESS, CLASS_UNKNOWN},
        {"\"resolutionStatusValue\":0,\"statusValue\":1,\"handledByUser\":\"null\"", STATUS_NEW,
         CLASS_UNKNOWN},
        {"\"resolutionStatusValue\":1", STATUS_RESOLVED, CLASS_UNKNOWN},
        {"\"resolutionStatusValue\":2", STATUS_RESOLVED, CLASS_UNKNOWN},
        {"\"resolutionStatusValue\":3", STATUS_RESOLVED, CLASS_FALSE_POSITIVE},
        {"\"resolutionStatusValue\":4", STATUS_RESOLVED, CLASS_EXPECTED_ACTIVITY},
        {"\"resolutionStatusValue\":5", STATUS_RESOLVED, CLASS_TRUE_POSITIVE},
        {"\"is_open\":false", STATUS_RESOLVED, CLASS_UNKNOWN},
        {"\"is_open\":true,\"statusValue\":2", STATUS_NEW, CLASS_UNKNOWN},
        {"\"statusValue\":2", STATUS_RESOLVED, CLASS_UNKNOWN},
        {"", STATUS_NEW, CLASS_UNKNOWN},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct alert al = map(w, table[i].members);
        if (al.status != table[i].status || al.classification != table[i].classification)
            fail_msg("%s: status %d, classification %d", table[i].members, (int)al.status,
                     (int)al.classification);
    }
    assert_int_equal(
        map(w, "\"resolutionStatusValue\":2,\"resolveTime\":\"2020-01-16T14:02:34.904Z\"").resolved,
        at("2020-01-16T14:02:34.904Z"));
    assert_int_equal(
        map(w, "\"resolutionStatusValue\":0,\"resolveTime\":\"2020-01-16T14:02:34.904Z\"").resolved,
        CLOCK_NONE);
}

static void
test_severities_are_numbers(void **state)
{
    static const enum severity severities[] = {SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH,
                                               SEVERITY_INFORMATIONAL, SEVERITY_UNKNOWN};
    struct world *w = *state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(map(w, slice_printf(w->arena, "\"severityValue\":%d", i).p).severity,
                         severities[i]);
    assert_int_equal(map(w, "\"severityValue\":\"2\"").severity, SEVERITY_HIGH);
    assert_int_equal(map(w, "\"severityValue\":-1").severity, SEVERITY_UNKNOWN);
    assert_int_equal(map(w, "\"severityValue\":{}").severity, SEVERITY_UNKNOWN);
}

static void
test_the_category_comes_from_intent_or_else_from_the_title(void **state)
{
    static const struct {
        const char *title, *members, *category;
        uint16_t tactics;
    } table[] = {
        {"x", "\"intent\":[0,6,8]", "CredentialAccess", 1 << 6 | 1 << 8},
        {"x", "\"intent\":[1]", "InitialAccess", 1 << 1},
        {"x", "\"intent\":[13]", "Impact", 1 << 12},
        {"x", "\"intent\":[0]", "SuspiciousActivity", 0},
        {"x", "\"intent\":[99,-1,null,\"a\"]", "SuspiciousActivity", 0},
        {"Impossible travel activity", "\"a\":1", "InitialAccess", 1 << 1},
        {"Multiple failed login attempts", "\"a\":1", "CredentialAccess", 1 << 6},
        {"Suspicious inbox forwarding", "\"a\":1", "Exfiltration", 1 << 11},
        {"Suspicious inbox manipulation rule", "\"a\":1", "DefenseEvasion", 1 << 5},
        {"Malware detection", "\"a\":1", "Malware", 0},
        {"Ransomware activity", "\"a\":1", "Ransomware", 1 << 12},
        {"Activity performed by terminated user", "\"a\":1", "Persistence", 1 << 3},
        {"Shared with everyone", "\"idValue\":15728642", "Exfiltration", 1 << 11},
        {"Anything", "\"idValue\":15795457", "InitialAccess", 1 << 1},
        {"Anything", "\"stories\":[0]", "SuspiciousActivity", 0},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct alert al;
        struct source_document doc = {slice_printf(w->arena, "{\"_id\":\"x\",\"title\":\"%s\",%s}",
                                                   table[i].title, table[i].members),
                                      1};
        struct err e = source_apps.map(&doc, 1, SLICE(DIRECTORY), w->arena, &al);
        assert_int_equal(e.kind, ERR_NONE);
        assert_slice(al.category, table[i].category);
        assert_int_equal(al.tactics, table[i].tactics);
    }
}

static void
test_wrong_types_nulls_and_odd_ids_are_accepted(void **state)
{
    static const char *const texts[] = {
        "{\"_id\":7}",
        "{\"_id\":\"ffffffffffffffffffffffff\",\"timestamp\":null,\"entities\":{},\"intent\":5,"
        "\"description\":[],\"severityValue\":\"high\",\"URL\":3,\"comment\":{}}",
        "{\"_id\":\"a\",\"title\":null,\"entities\":[null,1,[],{},{\"type\":null},{\"type\":"
        "\"account\"},"
        "{\"type\":\"ip\"},{\"type\":\"device\",\"label\":\"\"},{\"type\":\"service\"},"
        "{\"type\":\"file\",\"id\":{}}]}",
        "{\"_id\":\"a\",\"timestamp\":-5}",
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct alert al;
        struct source_document doc = {slice_of(texts[i]), at("2020-01-20T00:00:00Z")};
        struct err e = source_apps.map(&doc, 1, SLICE(DIRECTORY), w->arena, &al);
        assert_int_equal(e.kind, ERR_NONE);
        assert_int_equal(al.n_evidence, 0);
        assert_int_equal(al.created, at("2020-01-20T00:00:00Z"));
        struct json out;
        e = json_parse(alert_json(&al, w->arena), w->arena, &out);
        assert_int_equal(e.kind, ERR_NONE);
    }
}

static void
test_the_last_received_of_several_deliveries_counts_in_any_order(void **state)
{
    struct world *w = *state;
    struct source_document docs[] = {
        {SLICE("{\"_id\":\"a\",\"title\":\"old\"}"), at("2020-01-19T00:00:00Z")},
        {SLICE("{\"_id\":\"a\",\"title\":\"new\"}"), at("2020-01-20T00:00:00Z")},
    };
    for (int i = 0; i < 2; i++) {
        struct alert al;
        struct err e = source_apps.map(docs, 2, SLICE(DIRECTORY), w->arena, &al);
        assert_int_equal(e.kind, ERR_NONE);
        assert_slice(al.title, "new");
        struct source_document swap = docs[0];
        docs[0] = docs[1];
        docs[1] = swap;
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_round_asks_for_what_was_raised_and_what_was_closed),
        T(test_pages_follow_until_there_is_no_next),
        T(test_an_empty_page_ends_the_chain_whatever_it_says),
        T(test_closures_raise_their_own_watermark),
        T(test_a_time_from_the_future_cannot_hide_what_comes),
        T(test_a_long_chain_goes_on_in_the_next_round),
        T(test_refusals_say_what_to_do),
        T(test_identity_detections_go_the_way_the_tenant_chose),
        T(test_what_is_no_alert_is_dead),
        T(test_an_identity_detection_is_mapped_whole),
        T(test_a_title_of_azure_atp_gives_tactic_and_techniques),
        T(test_the_unified_id_is_stable_and_the_tenants_own),
        T(test_status_and_classification_follow_the_resolution),
        T(test_severities_are_numbers),
        T(test_the_category_comes_from_intent_or_else_from_the_title),
        T(test_wrong_types_nulls_and_odd_ids_are_accepted),
        T(test_the_last_received_of_several_deliveries_counts_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
