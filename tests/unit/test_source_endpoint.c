#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/json.h"
#include "ingest/source.h"

extern const struct source source_endpoint;

#define BASE "https://api.example.com/api"

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
    static const char *const flags[] = {"ingest.endpoint.top=3", NULL};
    const struct opt *const tables[] = {source_endpoint.opts, NULL};
    w->arena = arena_new((size_t)256 << 20);
    struct err e = conf_load(tables, "/dev/null", flags, &w->conf);
    if (e.kind || w->arena == NULL)
        return -1;
    w->c = (struct source_conf){
        .conf = w->conf,
        .directory_id = SLICE("206e2965-6533-48a6-ba9e-794364a84bf9"),
        .base_url = SLICE(BASE),
        .now = at("2019-12-02T12:00:00Z"),
        .start = at("2019-12-01T00:00:00Z"),
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

static struct source_request
first(struct world *w, struct cursor cursor)
{
    struct source_request *r = NULL;
    size_t n = 0;
    struct err e = source_endpoint.first(&w->c, &cursor, w->arena, &r, &n);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(n, 1);
    return *r;
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
    return source_endpoint.parse(&got, w->arena, out);
}

static struct page
page(struct world *w, const struct source_request *asked, const char *body)
{
    struct page out;
    struct err e = parse(w, asked, 200, "", slice_of(body), &out);
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
    return out;
}

/* ---- asking */

static void
test_a_first_round_reaches_back_to_the_start(void **state)
{
    struct source_request r = first(*state, never);
    assert_slice(r.http.url,
                 BASE "/alerts?$filter=lastUpdateTime%20ge%202019-12-01T00:00:00Z%20and%20"
                      "lastUpdateTime%20lt%202019-12-02T12:00:00Z&$expand=evidence&$top=3");
    assert_string_equal(r.http.method, "GET");
    assert_null(r.http.body.p);
}

static void
test_a_later_round_begins_five_minutes_before_the_watermark(void **state)
{
    struct cursor cursor = never;
    cursor.since = at("2019-12-02T11:00:00.1234567Z");
    struct source_request r = first(*state, cursor);
    assert_true(slice_find(r.http.url, SLICE("ge%202019-12-02T10:55:00.1234567Z"), 0) <
                r.http.url.n);
}

static void
test_the_base_may_be_the_host_alone(void **state)
{
    struct world *w = *state;
    w->c.base_url = SLICE("http://127.0.0.1:8080");
    assert_true(
        slice_starts(first(w, never).http.url, SLICE("http://127.0.0.1:8080/api/alerts?$filter=")));
    w->c.base_url = SLICE("https://h/api/v1.0");
    assert_true(
        slice_starts(first(w, never).http.url, SLICE("https://h/api/v1.0/alerts?$filter=")));
}

static void
test_a_watermark_ahead_of_the_clock_still_asks_for_a_window(void **state)
{
    struct world *w = *state;
    struct cursor cursor = never;
    cursor.since = at("2019-12-03T00:00:00Z");
    struct source_request r = first(w, cursor);
    assert_true(r.from < r.until);
}

/* ---- pages */

static void
test_a_page_is_sorted_and_raises_the_watermark(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    struct page p =
        page(w, &r,
             "{\"value\":[{\"id\":\"da2\", \"lastUpdateTime\":\"2019-12-01T10:00:00.5Z\"},"
             "{\"id\":\"da1\",\"lastUpdateTime\":\"2019-12-01T09:00:00Z\"}]}");
    assert_int_equal(p.n_alerts, 2);
    assert_slice(p.alerts[0].native_id, "da1");
    assert_slice(p.alerts[1].native_id, "da2");
    assert_int_equal(p.alerts[1].version, at("2019-12-01T10:00:00.5Z"));
    /* byte for byte: the blank is still there */
    assert_slice(p.alerts[1].payload,
                 "{\"id\":\"da2\", \"lastUpdateTime\":\"2019-12-01T10:00:00.5Z\"}");
    assert_int_equal(p.n_next, 0);
    assert_int_equal(p.at.since, at("2019-12-01T10:00:00.5Z"));
    assert_int_equal(p.at.until, CLOCK_NONE);
}

static void
test_an_empty_page_leaves_the_watermark_alone(void **state)
{
    struct world *w = *state;
    struct cursor cursor = never;
    cursor.since = at("2019-12-02T11:00:00Z");
    struct source_request r = first(w, cursor);
    struct page p = page(w, &r, "{\"@odata.context\":\"x\",\"value\":[]}");
    assert_int_equal(p.n_alerts + p.n_next, 0);
    assert_int_equal(p.at.since, cursor.since);
    /* older ones than the watermark, out of the overlap, do not lower it */
    p = page(w, &r, "{\"value\":[{\"id\":\"da1\",\"lastUpdateTime\":\"2019-12-02T10:59:00Z\"}]}");
    assert_int_equal(p.at.since, cursor.since);
}

#define ROW(id, time) "{\"id\":\"" id "\",\"lastUpdateTime\":\"" time "\"}"
#define FULL                                                                                       \
    "{\"value\":[" ROW("a", "2019-12-01T01:00:00Z") "," ROW("b", "2019-12-01T02:00:00Z") "," ROW(  \
        "c", "2019-12-02T03:00:00Z") "]}"

static void
test_a_full_page_is_not_taken_and_its_window_halved(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    struct page p = page(w, &r, FULL);
    assert_int_equal(p.n_alerts, 0);
    assert_int_equal(p.at.since, CLOCK_NONE);
    assert_int_equal(p.n_next, 1);
    struct source_request half = p.next[0];
    assert_int_equal(half.from, w->c.start);
    assert_int_equal(half.until, at("2019-12-01T18:00:00Z"));
    assert_true(slice_find(half.http.url, SLICE("lt%202019-12-01T18:00:00Z"), 0) < half.http.url.n);

    p = page(w, &half, "{\"value\":[" ROW("a", "2019-12-01T01:00:00Z") "]}");
    assert_int_equal(p.n_alerts, 1);
    assert_int_equal(p.at.since, at("2019-12-01T01:00:00Z"));
    assert_int_equal(p.n_next, 1);
    struct source_request rest = p.next[0];
    assert_int_equal(rest.from, at("2019-12-01T18:00:00Z"));
    assert_int_equal(rest.until, w->c.now);

    p = page(w, &rest, "{\"value\":[" ROW("c", "2019-12-02T03:00:00Z") "]}");
    assert_int_equal(p.n_next, 0);
    assert_int_equal(p.at.since, at("2019-12-02T03:00:00Z"));
}

static void
test_one_instant_that_overflows_is_paged_with_skip(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    size_t halvings = 0;
    struct page p = page(w, &r, FULL);
    for (; p.n_alerts == 0 && halvings < 64; halvings++) {
        r = p.next[0];
        p = page(w, &r, FULL);
    }
    assert_in_range(halvings, 10, 40);
    assert_int_equal(p.n_alerts, 3);
    assert_int_equal(p.next[0].skip, 3);
    assert_true(slice_ends(p.next[0].http.url, SLICE("&$skip=3")));
    assert_int_equal(p.next[0].from, r.from);
    struct source_request skipped = p.next[0];
    p = page(w, &skipped, "{\"value\":[]}");
    assert_int_equal(p.next[0].skip, 0);
    assert_int_equal(p.next[0].from, r.until);
}

static void
test_more_rows_than_asked_for_are_a_full_page(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    size_t room = 10001 * 80 + 100;
    char *body = arena_alloc(w->arena, room);
    size_t n = (size_t)snprintf(body, room, "{\"value\":[");
    for (int i = 0; i < 10001; i++)
        n += (size_t)snprintf(body + n, room - n, "%s" ROW("da%d", "2019-12-01T01:00:00Z"),
                              i > 0 ? "," : "", i);
    n += (size_t)snprintf(body + n, room - n, "]}");
    struct page p;
    struct err e = parse(w, &r, 200, "", (struct slice){body, n}, &p);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(p.n_alerts, 0);
    assert_int_equal(p.n_next, 1);
    r.until = r.from + 1; /* and when it cannot be halved, all of them are taken */
    e = parse(w, &r, 200, "", (struct slice){body, n}, &p);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(p.n_alerts, 10001);
    assert_int_equal(p.next[0].skip, 10001);
}

static void
test_a_link_ahead_is_followed_at_the_same_server_only(void **state)
{
    static const struct {
        const char *link;
        bool followed;
    } rows[] = {
        {BASE "/alerts?$skiptoken=x", true},
        {"https://api.example.com/apix/alerts", false},
        {"https://evil.example/api/alerts", false},
        {"https://api.example.com.evil.example/api/alerts", false},
    };
    struct world *w = *state;
    struct source_request r = first(w, never);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice body = slice_printf(w->arena, "{\"@odata.nextLink\":\"%s\",\"value\":[%s]}",
                                         rows[i].link, ROW("a", "2019-12-01T01:00:00Z"));
        struct page p;
        struct err e = parse(w, &r, 200, "", body, &p);
        assert_int_equal(e.kind, ERR_NONE);
        assert_int_equal(p.n_alerts, 1);
        assert_int_equal(p.n_next, 1);
        assert_int_equal(slice_eq(p.next[0].http.url, slice_of(rows[i].link)), rows[i].followed);
        assert_true(slice_starts(p.next[0].http.url, SLICE(BASE "/alerts?")));
    }
}

static void
test_a_time_from_the_future_cannot_hide_what_comes(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    struct page p = page(w, &r, "{\"value\":[" ROW("a", "9999-01-01T00:00:00Z") "]}");
    assert_int_equal(p.at.since, w->c.now);
}

static void
test_a_record_without_an_id_is_kept_under_its_hash(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    struct page p = page(w, &r, "{\"value\":[7,{\"title\":\"x\"}]}");
    assert_int_equal(p.n_alerts, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(slice_starts(p.alerts[i].native_id, SLICE("sha256:")));
        struct source_ident ident;
        struct err e = source_endpoint.ident(p.alerts[i].payload, IDENTITY_OFF, w->arena, &ident);
        assert_int_equal(e.kind, ERR_REJECT);
    }
}

/* ---- refusals */

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
    } rows[] = {
        {429, "Retry-After: 37\r\n", "", ERR_RETRY, "endpoint.busy", 37000, ""},
        {429, "Retry-After: Mon, 02 Dec 2019 12:00:37 GMT\r\n", "", ERR_RETRY, "endpoint.busy",
         37000, ""},
        {429, "",
         "{\"error\":{\"code\":\"429\",\"message\":\"API calls quota exceeded! Maximum allowed 30 "
         "per "
         "00:01:00 for the key Destination+TenantID+AppID. You can send requests again in 8 "
         "seconds.\"}}",
         ERR_RETRY, "endpoint.busy", 8000, ""},
        {429, "", "", ERR_RETRY, "endpoint.busy", 10000, ""},
        {401, "", "{\"error\":{\"code\":\"Unauthorized\"}}", ERR_STOP, "endpoint.token", 0, ""},
        {403, "", "{\"error\":{\"code\":\"Forbidden\"}}", ERR_STOP, "endpoint.forbidden", 0,
         "Alert.Read.All"},
        {403, "", "{\"error\":{\"code\":\"Forbidden\"}}", ERR_STOP, "endpoint.forbidden", 0,
         "admin consent"},
        {403, "", "{\"error\":{\"code\":\"DisabledFeature\"}}", ERR_STOP, "endpoint.forbidden", 0,
         "DisabledFeature"},
        {403, "", "<html>", ERR_STOP, "endpoint.forbidden", 0, "Alert.Read.All"},
        {404, "", "", ERR_RETRY, "endpoint.address", 300000, "base_url"},
        {400, "", "{\"error\":{\"code\":\"ODataError\",\"message\":\"bad filter\"}}", ERR_RETRY,
         "endpoint.refused", 60000, "bad filter"},
        {500, "", "", ERR_RETRY, "endpoint.server", 0, ""},
        {503, "Retry-After: 5\r\n", "", ERR_RETRY, "endpoint.server", 5000, ""},
        {408, "", "", ERR_RETRY, "endpoint.server", 0, ""},
        {200, "", "{\"value\":[{\"id\":\"da1\"},", ERR_RETRY, "json.syntax", 0, ""},
        {200, "", "<html><body>Sign in</body></html>", ERR_RETRY, "json.syntax", 0, ""},
        {200, "", "", ERR_RETRY, "json.syntax", 0, ""},
        {200, "", "{\"values\":[]}", ERR_RETRY, "source.shape", 0, "value"},
        {200, "", "{\"value\":{}}", ERR_RETRY, "source.shape", 0, "value"},
        {200, "", "[]", ERR_RETRY, "source.shape", 0, "value"},
    };
    struct world *w = *state;
    struct source_request r = first(w, never);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct page p;
        struct err e = parse(w, &r, rows[i].status, rows[i].headers, slice_of(rows[i].body), &p);
        if (e.kind != rows[i].kind || strcmp(e.code, rows[i].code) != 0 ||
            e.after_ms != rows[i].after_ms || strstr(e.text, rows[i].text) == NULL)
            fail_msg("row %zu: kind %d, %s, %lld ms: %s", i, (int)e.kind,
                     e.kind ? e.code : "no error", (long long)e.after_ms, e.text);
    }
}

static void
test_a_server_without_expand_is_asked_without_it(void **state)
{
    struct world *w = *state;
    struct source_request r = first(w, never);
    struct page p;
    struct err e = parse(w, &r, 400, "",
                         SLICE("{\"error\":{\"code\":\"ODataError\",\"message\":\"Could not find a "
                               "property named 'evidence' ($expand)\"}}"),
                         &p);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(p.n_next, 1);
    assert_true(slice_find(p.next[0].http.url, SLICE("expand"), 0) == p.next[0].http.url.n);
    assert_string_equal(p.warn.code, "endpoint.no_evidence");
    struct source_request plain = p.next[0];
    e = parse(w, &plain, 400, "", SLICE("expand"), &p);
    assert_int_equal(e.kind, ERR_RETRY);
}

/* ---- ident and map */

static void
test_ident_gives_id_and_version(void **state)
{
    struct world *w = *state;
    struct source_ident ident;
    struct err e = source_endpoint.ident(SLICE(ROW("da1_2", "2019-12-01T01:00:00.57Z")),
                                         IDENTITY_OFF, w->arena, &ident);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(ident.fate, FATE_ALERT);
    assert_slice(ident.native_id, "da1_2");
    assert_null(ident.part_id.p);
    assert_int_equal(ident.version, at("2019-12-01T01:00:00.57Z"));
}

static struct alert
map(struct world *w, const char *text)
{
    struct alert out;
    struct source_document doc = {slice_of(text), at("2019-12-02T12:00:00Z")};
    struct err e = source_endpoint.map(&doc, 1, w->c.directory_id, w->arena, &out);
    if (e.kind)
        fail_msg("%s: %s in %s", e.code, e.text, text);
    return out;
}

static void
test_ids_get_their_prefix(void **state)
{
    struct world *w = *state;
    struct alert al = map(w, "{\"id\":\"636688558380765161_2136280442\",\"title\":\"t\"}");
    assert_slice(al.id, "da636688558380765161_2136280442");
    assert_slice(al.native_id, "636688558380765161_2136280442");
    assert_slice(al.provider_alert_id, "636688558380765161_2136280442");
    assert_slice(map(w, "{\"id\":\"da1_-2\",\"title\":\"t\"}").id, "da1_-2");
    assert_slice(map(w, "{\"id\":\"ed1_-2\",\"title\":\"t\"}").id, "ed1_-2");
}

static void
test_old_and_unknown_categories_are_mapped(void **state)
{
    static const struct {
        const char *sent, *unified;
        uint16_t tactics;
    } rows[] = {
        {"CredentialTheft", "CredentialAccess", 1 << 6},
        {"Reconnaissance", "Discovery", 1 << 7},
        {"MalwareDownload", "Execution", 1 << 2},
        {"WebExploit", "InitialAccess", 1 << 1},
        {"Backdoor", "Malware", 0},
        {"Installation", "Persistence", 1 << 3},
        {"general", "SuspiciousActivity", 0},
        {"null", "SuspiciousActivity", 0},
        {"Ransomware", "Ransomware", 1 << 12},
        {"Exfiltration", "Exfiltration", 1 << 11},
        {"Sorcery", "SuspiciousActivity", 0},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct alert al =
            map(w, slice_printf(w->arena, "{\"id\":\"da1\",\"category\":\"%s\"}", rows[i].sent).p);
        assert_slice(al.category, rows[i].unified);
        assert_int_equal(al.tactics, rows[i].tactics);
        assert_string_equal(al.raw_words[0].member, "category");
        assert_slice(al.raw_words[0].word, rows[i].sent);
    }
}

static void
test_services_follow_from_the_detection_source(void **state)
{
    static const struct {
        const char *word;
        enum service_source service;
        enum detection_source detection;
    } rows[] = {
        {"WindowsDefenderAtp", SERVICE_ENDPOINT, DETECTION_ENDPOINT},
        {"CustomerTI", SERVICE_ENDPOINT, DETECTION_CUSTOM_TI},
        {"MTP", SERVICE_M365, DETECTION_M365},
        {"OfficeATP", SERVICE_OFFICE365, DETECTION_OFFICE365},
        {"ThirdPartySensors", SERVICE_ENDPOINT, DETECTION_UNKNOWN},
        {"Something", SERVICE_ENDPOINT, DETECTION_UNKNOWN},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct alert al = map(
            w,
            slice_printf(w->arena, "{\"id\":\"da1\",\"detectionSource\":\"%s\"}", rows[i].word).p);
        assert_int_equal(al.service, rows[i].service);
        assert_int_equal(al.detection, rows[i].detection);
    }
}

static void
test_wrong_types_nulls_and_unknown_members_are_accepted(void **state)
{
    static const char *const texts[] = {
        "{\"id\":12345}",
        "{\"id\":\"da1\",\"title\":7,\"severity\":null,\"status\":[],\"classification\":{},"
        "\"alertCreationTime\":12,\"evidence\":\"none\",\"comments\":3,\"mitreTechniques\":\"T1\","
        "\"relatedUser\":[1],\"machineId\":{\"a\":1},\"loggedOnUsers\":{},\"incidentId\":\"x\"}",
        "{\"id\":\"da1\",\"evidence\":[null,1,\"x\",[],{},{\"entityType\":\"Ip\",\"ipAddress\":"
        "null},"
        "{\"entityType\":\"Martian\"},{\"entityType\":7,\"url\":8}]}",
        "{\"id\":\"da1\",\"mitreTechniques\":[null,1,\"T1064\",\"\"],\"comments\":[null,{}]}",
        "{\"id\":\"da1\",\"comments\":[{\"comment\":null}],\"loggedOnUsers\":[null,{}]}",
        "{\"id\":\"da1\",\"severity\":\"Catastrophic\",\"status\":\"Pending\"}",
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct alert al = map(w, texts[i]);
        assert_int_equal(al.n_evidence, 0);
        assert_int_equal(al.severity, SEVERITY_UNKNOWN);
        assert_true(al.title.n > 0);
        assert_int_equal(al.created, at("2019-12-02T12:00:00Z"));
        struct json doc;
        struct err e = json_parse(alert_json(&al, w->arena), w->arena, &doc);
        assert_int_equal(e.kind, ERR_NONE);
    }
    struct alert al = map(w, "{\"id\":\"da1\",\"severity\":\"Hoog\",\"novelty\":{\"a\":[1]}}");
    assert_string_equal(al.raw_words[0].member, "severity");
    assert_slice(al.raw_words[0].word, "Hoog");
    assert_slice(al.additional, "{\"novelty\":{\"a\":[1]}}");
}

static void
test_a_process_brings_its_image_once(void **state)
{
#define SHA "\"sha1\":\"b6d237154f2e528f0b503b58b025862d66b02b73\""
    struct world *w = *state;
    struct alert al = map(
        w,
        "{\"id\":\"da1\",\"machineId\":\"m1\",\"evidence\":["
        "{\"entityType\":\"Process\"," SHA ",\"fileName\":\"notepad.exe\",\"processId\":4104,"
        "\"parentProcessId\":6012,\"detectionStatus\":\"Prevented\",\"accountName\":\"anna\"},"
        "{\"entityType\":\"File\"," SHA ",\"fileName\":\"notepad.exe\",\"sha256\":null},"
        "{\"entityType\":\"Process\"," SHA ",\"fileName\":\"notepad.exe\",\"processId\":4105}]}");
    assert_int_equal(al.n_evidence, 4); /* device, process, its image, process */
    assert_int_equal(al.evidence[0].type, EVIDENCE_DEVICE);
    assert_int_equal(al.evidence[1].type, EVIDENCE_PROCESS);
    assert_slice(al.evidence[1].process_id, "4104");
    assert_slice(al.evidence[1].account_name, "anna");
    assert_slice(al.evidence[1].mde_device_id, "m1");
    assert_int_equal(al.evidence[1].remediation, REMEDIATION_PREVENTED);
    assert_slice(al.evidence[1].detection_status, "prevented");
    assert_int_equal(al.evidence[2].type, EVIDENCE_FILE);
    assert_slice(al.evidence[2].file_name, "notepad.exe");
    assert_int_equal(al.evidence[3].type, EVIDENCE_PROCESS);
}

static void
test_users_are_read_in_all_forms_and_named_once(void **state)
{
    struct world *w = *state;
    struct alert al = map(
        w, "{\"id\":\"da1\",\"relatedUser\":{\"userName\":\"Anna\",\"domainName\":\"CONTOSO\"},"
           "\"alertUser\":\"CONTOSO\\\\berta\",\"loggedOnUsers\":[{\"accountName\":\"carla\","
           "\"domainName\":\"CONTOSO\"}],\"evidence\":[{\"entityType\":\"User\",\"accountName\":"
           "\"anna\",\"domainName\":\"contoso\",\"userPrincipalName\":\"anna@contoso.com\"}]}");
    assert_int_equal(al.n_evidence, 3);
    assert_slice(al.evidence[0].upn, "anna@contoso.com");
    assert_slice(al.evidence[1].account_name, "berta");
    assert_slice(al.evidence[1].domain_name, "CONTOSO");
    assert_slice(al.evidence[2].account_name, "carla");
    assert_int_equal(al.evidence[2].role, ROLE_CONTEXTUAL);
    al = map(w, "{\"id\":\"da1\",\"alertUser\":\"dora@contoso.com\"}");
    assert_slice(al.evidence[0].upn, "dora@contoso.com");
    al = map(w, "{\"id\":\"da1\",\"alertUser\":null}");
    assert_int_equal(al.n_evidence, 0);
}

static void
test_the_newest_of_several_deliveries_counts_in_any_order(void **state)
{
    struct world *w = *state;
    struct source_document docs[] = {
        {SLICE("{\"id\":\"da1\",\"title\":\"old\",\"lastUpdateTime\":\"2019-12-01T01:00:00Z\"}"),
         2},
        {SLICE("{\"id\":\"da1\",\"title\":\"new\",\"lastUpdateTime\":\"2019-12-01T02:00:00Z\"}"),
         1},
    };
    for (int i = 0; i < 2; i++) {
        struct alert al;
        struct err e = source_endpoint.map(docs, 2, SLICE_NONE, w->arena, &al);
        assert_int_equal(e.kind, ERR_NONE);
        assert_slice(al.title, "new");
        struct source_document swap = docs[0];
        docs[0] = docs[1];
        docs[1] = swap;
    }
}

static void
test_what_is_no_alert_is_dead(void **state)
{
    static const char *const texts[] = {
        "", "[]", "7", "{", "{\"id\":null}", "{\"AlertId\":\"da1\"}", "{\"id\":\"null\"}"};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct alert al;
        struct source_document doc = {slice_of(texts[i]), 0};
        struct err e = source_endpoint.map(&doc, 1, SLICE_NONE, w->arena, &al);
        assert_int_equal(e.kind, ERR_REJECT);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_first_round_reaches_back_to_the_start),
        T(test_a_later_round_begins_five_minutes_before_the_watermark),
        T(test_the_base_may_be_the_host_alone),
        T(test_a_watermark_ahead_of_the_clock_still_asks_for_a_window),
        T(test_a_page_is_sorted_and_raises_the_watermark),
        T(test_an_empty_page_leaves_the_watermark_alone),
        T(test_a_full_page_is_not_taken_and_its_window_halved),
        T(test_one_instant_that_overflows_is_paged_with_skip),
        T(test_more_rows_than_asked_for_are_a_full_page),
        T(test_a_link_ahead_is_followed_at_the_same_server_only),
        T(test_a_time_from_the_future_cannot_hide_what_comes),
        T(test_a_record_without_an_id_is_kept_under_its_hash),
        T(test_refusals_say_what_to_do),
        T(test_a_server_without_expand_is_asked_without_it),
        T(test_ident_gives_id_and_version),
        T(test_ids_get_their_prefix),
        T(test_old_and_unknown_categories_are_mapped),
        T(test_services_follow_from_the_detection_source),
        T(test_wrong_types_nulls_and_unknown_members_are_accepted),
        T(test_a_process_brings_its_image_once),
        T(test_users_are_read_in_all_forms_and_named_once),
        T(test_the_newest_of_several_deliveries_counts_in_any_order),
        T(test_what_is_no_alert_is_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
