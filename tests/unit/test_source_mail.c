#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/arena.h"
#include "common/clock.h"
#include "ingest/mail_map.h"
#include "ingest/source.h"

extern const struct source source_mail;

#define BASE "https://manage.office.com"
#define TENANT "8a1a1157-0272-492d-ab10-3f9853ac8183"
#define FEED BASE "/api/v1.0/" TENANT "/activity/feed"
#define ALERT "F8EDC936-85f8-a603-b800-08d798b19f01"
#define ALERT_LOWER "f8edc936-85f8-a603-b800-08d798b19f01"

static int
arena_setup(void **state)
{
    *state = arena_new((size_t)64 << 20);
    return *state == NULL ? -1 : 0;
}

static int
arena_teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static void
assert_slice(struct slice got, const char *expected)
{
    if (expected == NULL) {
        assert_null(got.p);
        return;
    }
    if (!slice_eq(got, slice_of(expected)))
        fail_msg("got \"%.*s\", expected \"%s\"", SLICE_ARG(got), expected);
}

static int64_t
at(const char *text)
{
    int64_t t = CLOCK_NONE;
    assert_true(clock_parse(slice_of(text), &t));
    return t;
}

/* ---- the wire */

static struct source_conf
conf_at(const char *now)
{
    return (struct source_conf){.directory_id = SLICE(TENANT),
                                .base_url = SLICE(BASE),
                                .publisher_id = SLICE("p1"),
                                .now = at(now),
                                .start = at(now) - 2 * 86400 * CLOCK_SECOND};
}

static struct source_request
first(const struct source_conf *c, const struct cursor *cursor, struct arena *a)
{
    struct source_request *list;
    size_t n;
    assert_int_equal(source_mail.first(c, cursor, a, &list, &n).kind, ERR_NONE);
    assert_int_equal(n, 1);
    return list[0];
}

static struct err
answer(const struct source_conf *c, const struct source_request *asked, long status,
       const char *headers, struct slice body, struct arena *a, struct page *out)
{
    struct answer got = {
        .asked = asked, .conf = c, .status = status, .headers = slice_of(headers), .body = body};
    return source_mail.parse(&got, a, out);
}

static const struct cursor never = {.since = CLOCK_NONE, .closed = CLOCK_NONE, .until = CLOCK_NONE};
static const struct cursor on = {
    .since = INT64_C(15789), .closed = CLOCK_NONE, .until = CLOCK_NONE, .started = true};

static void
test_a_round_begins_with_the_subscription(void **state)
{
    static const struct {
        long status;
        const char *body;
    } rows[] = {
        {200, "{\"contentType\":\"audit.general\",\"status\":\"enabled\",\"webhook\":null}"},
        {400, "{\"error\":{\"code\":\"AF20024\",\"message\":\"already enabled\"}}"},
    };
    struct source_conf c = conf_at("2020-01-14T10:00:00.5Z");
    struct source_request r = first(&c, &never, *state);
    assert_string_equal(r.http.method, "POST");
    assert_slice(r.http.url,
                 FEED "/subscriptions/start?contentType=Audit.General&PublisherIdentifier=p1");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct page p;
        assert_int_equal(
            answer(&c, &r, rows[i].status, "", slice_of(rows[i].body), *state, &p).kind, ERR_NONE);
        assert_true(p.at.started);
        assert_true(p.at.since == CLOCK_NONE);
        assert_int_equal(p.n_next, 1);
        assert_string_equal(p.next[0].http.method, "GET");
        assert_slice(p.next[0].http.url,
                     FEED "/subscriptions/content?contentType=Audit.General&startTime="
                          "2020-01-12T10:00:00&endTime=2020-01-13T10:00:00&PublisherIdentifier=p1");
    }
}

static void
test_windows_are_a_day_at_most_and_reach_back_a_week_at_most(void **state)
{
    static const struct {
        const char *since, *times;
    } rows[] = {
        {"2020-01-14T09:00:00Z", "startTime=2020-01-14T09:00:00&endTime=2020-01-14T10:00:00&"},
        {"2020-01-10T00:00:00.7Z", "startTime=2020-01-10T00:00:00&endTime=2020-01-11T00:00:00&"},
        {"2019-01-01T00:00:00Z", "startTime=2020-01-07T10:05:00&endTime=2020-01-08T10:05:00&"},
        {"2021-01-01T00:00:00Z", "startTime=2020-01-14T09:59:59&endTime=2020-01-14T10:00:00&"},
    };
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cursor cursor = on;
        cursor.since = at(rows[i].since);
        struct source_request r = first(&c, &cursor, *state);
        if (slice_find(r.http.url, slice_of(rows[i].times), 0) == r.http.url.n)
            fail_msg("%.*s has not %s", SLICE_ARG(r.http.url), rows[i].times);
    }
}

static void
test_a_listed_window_moves_the_cursor_less_the_overlap(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct cursor cursor = on;
    struct page p;
    cursor.since = at("2020-01-10T00:00:00Z");
    struct source_request r = first(&c, &cursor, *state);
    struct slice body = SLICE("[{\"contentUri\":\"" FEED "/audit/1$a\",\"contentId\":\"1$a\"},"
                              "{\"contentUri\":\"" FEED "/audit/2$a?PublisherIdentifier=x\"},"
                              "{\"contentUri\":\"https://evil.example/audit/3\"},{},7]");
    assert_int_equal(answer(&c, &r, 200, "", body, *state, &p).kind, ERR_NONE);
    assert_int_equal(p.n_next, 2);
    assert_slice(p.next[0].http.url, FEED "/audit/1$a?PublisherIdentifier=p1");
    assert_slice(p.next[1].http.url, FEED "/audit/2$a?PublisherIdentifier=x");
    assert_string_equal(p.warn.code, "mail.content_uri");
    assert_true(p.at.since == at("2020-01-10T23:00:00Z"));
    assert_true(p.at.until == CLOCK_NONE);
    assert_true(p.again);
    cursor.since = at("2020-01-14T09:30:00Z"); /* shorter than the overlap: it only grows */
    r = first(&c, &cursor, *state);
    assert_int_equal(answer(&c, &r, 200, "", SLICE("[]"), *state, &p).kind, ERR_NONE);
    assert_true(p.at.since == cursor.since);
    assert_false(p.again);
}

static void
test_next_pages_are_followed_also_from_an_empty_one(void **state)
{
    static const char *const headers[] = {
        "HTTP/1.1 200 OK\r\nNextPageUri: " BASE "/api/v1/x?nextPage=2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nnextpageuri: " BASE "/api/v1/x?nextPage=2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nNEXTPAGEURI:" BASE "/api/v1/x?nextPage=2\r\n\r\n",
    };
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct page p, q;
        struct source_request r = first(&c, &on, *state);
        assert_int_equal(answer(&c, &r, 200, headers[i], SLICE("[]"), *state, &p).kind, ERR_NONE);
        assert_int_equal(p.n_next, 1);
        assert_slice(p.next[0].http.url, BASE "/api/v1/x?nextPage=2&PublisherIdentifier=p1");
        assert_true(p.at.since == on.since); /* not before the last page */
        assert_int_equal(answer(&c, &p.next[0], 200, "", SLICE("[]"), *state, &q).kind, ERR_NONE);
        assert_true(q.at.since > on.since);
    }
}

static void
test_a_next_page_elsewhere_is_refused(void **state)
{
    static const char *const urls[] = {
        "https://manage.office.com.evil.example/api",
        "https://evil.example/" BASE,
        "http://manage.office.com/api",
        "https://manage.office.com@evil.example/a",
        "https://manage.office.com",
        "/api/v1/x",
        "https://manage.office.com\\@evil/",
        "https://manage.office.com/a b",
    };
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct source_request r = first(&c, &on, *state);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct page p;
        struct slice h = slice_printf(*state, "A: b\r\nNextPageUri: %s\r\n\r\n", urls[i]);
        struct err e = answer(&c, &r, 200, h.p, SLICE("[]"), *state, &p);
        assert_int_equal(e.kind, ERR_REJECT);
        assert_string_equal(e.code, "mail.next_page");
    }
    struct page p;
    struct slice self = slice_printf(*state, "NextPageUri: %.*s\r\n", SLICE_ARG(r.http.url));
    assert_string_equal(answer(&c, &r, 200, self.p, SLICE("[]"), *state, &p).code,
                        "mail.next_page");
}

static void
test_a_list_of_very_many_blobs_is_taken_in_parts(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct source_request r = first(&c, &on, *state);
    char *text = arena_alloc(*state, 200000);
    size_t n = 0, blobs = 0;
    for (int i = 0; i < 1000; i++)
        n += (size_t)sprintf(text + n, "%s{\"contentUri\":\"" FEED "/audit/%d\"}",
                             i == 0 ? "[" : ",", i);
    text[n++] = ']';
    for (int rounds = 0; rounds < 4; rounds++) {
        struct page p;
        assert_int_equal(answer(&c, &r, 200, "", (struct slice){text, n}, *state, &p).kind,
                         ERR_NONE);
        assert_true(p.n_next <= SOURCE_REQUESTS_MAX);
        bool more = p.at.since == on.since;
        blobs += p.n_next - (more ? 1 : 0);
        if (!more)
            break;
        r = p.next[p.n_next - 1];
    }
    assert_int_equal(blobs, 1000);
}

static void
test_refusals_mean_what_the_feed_says(void **state)
{
    static const struct {
        long status;
        const char *code;
        enum err_kind kind;
        const char *is;
        int64_t after_ms;
    } rows[] = {
        {403, "AF429", ERR_RETRY, "mail.busy", 60000},
        {429, "AF429", ERR_RETRY, "mail.busy", 60000},
        {403, "AF10001", ERR_STOP, "mail.forbidden", 0},
        {401, "AF10001", ERR_STOP, "mail.forbidden", 0},
        {401, "x", ERR_STOP, "mail.token", 0},
        {400, "AF20010", ERR_STOP, "mail.tenant", 0},
        {500, "AF50000", ERR_RETRY, "mail.server", 0},
        {400, "AF20031", ERR_RETRY, "mail.status", 0},
        {200, "x", ERR_RETRY, "mail.shape", 0},
    };
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct source_request r = first(&c, &on, *state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct page p;
        struct slice body = slice_printf(*state, "{\"error\":{\"code\":\"%s\"}}", rows[i].code);
        struct err e = answer(&c, &r, rows[i].status, "", body, *state, &p);
        assert_int_equal(e.kind, rows[i].kind);
        assert_string_equal(e.code, rows[i].is);
        if (rows[i].after_ms > 0)
            assert_int_equal(e.after_ms, rows[i].after_ms);
        if (strcmp(e.code, "mail.forbidden") == 0)
            assert_non_null(strstr(e.text, "ActivityFeed.Read"));
    }
    struct page p;
    assert_int_equal(answer(&c, &r, 200, "", SLICE("[{\"cut"), *state, &p).kind, ERR_RETRY);
}

static void
test_a_lost_subscription_is_started_again_once_a_round(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct slice off = SLICE("{\"error\":{\"code\":\"AF20022\"}}");
    struct source_request r = first(&c, &on, *state);
    struct page p, q, s;
    assert_int_equal(answer(&c, &r, 400, "", off, *state, &p).kind, ERR_NONE);
    assert_string_equal(p.next[0].http.method, "POST");
    assert_string_equal(p.warn.code, "mail.subscription");
    assert_int_equal(answer(&c, &p.next[0], 200, "", SLICE("{}"), *state, &q).kind, ERR_NONE);
    struct err e = answer(&c, &q.next[0], 400, "", off, *state, &s);
    assert_int_equal(e.kind, ERR_RETRY);
    assert_int_equal(e.after_ms, 15 * 60 * 1000);
}

static void
test_a_window_too_old_is_cut_once(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct cursor cursor = on;
    struct page p, q;
    cursor.since = at("2020-01-01T00:00:00Z");
    struct source_request r = first(&c, &cursor, *state);
    struct slice old = SLICE("{\"error\":{\"code\":\"AF20055\"}}");
    assert_int_equal(answer(&c, &r, 400, "", old, *state, &p).kind, ERR_NONE);
    assert_true(slice_find(p.next[0].http.url, SLICE("startTime=2020-01-07T11:00:00"), 0) <
                p.next[0].http.url.n);
    assert_int_equal(answer(&c, &p.next[0], 400, "", old, *state, &q).kind, ERR_RETRY);
}

static void
test_records_of_a_blob_are_taken_byte_for_byte(void **state)
{
    struct source_conf c = conf_at("2020-01-14T10:00:00Z");
    struct source_request blob = {.step = 3, .at = on};
    struct page p;
    struct slice body = SLICE("[ {\"Id\":\"r1\", \"CreationTime\":\"2020-01-14T09:31:07\"} ,"
                              "{\"RecordType\":40},{\"RecordType\":41}, 5]");
    assert_int_equal(answer(&c, &blob, 200, "", body, *state, &p).kind, ERR_NONE);
    assert_int_equal(p.n_alerts, 4);
    assert_slice(p.alerts[0].native_id, "r1");
    assert_slice(p.alerts[0].payload, "{\"Id\":\"r1\", \"CreationTime\":\"2020-01-14T09:31:07\"}");
    assert_true(p.alerts[0].version == at("2020-01-14T09:31:07Z"));
    assert_true(p.alerts[1].version == CLOCK_NONE);
    assert_true(slice_starts(p.alerts[1].native_id, SLICE("record:")));
    assert_false(slice_eq(p.alerts[1].native_id, p.alerts[2].native_id));
    assert_true(p.at.since == on.since);
    static const struct {
        long status;
        const char *code;
    } gone[] = {{404, "AF20050"}, {400, "AF20051"}, {410, "x"}, {400, "AF20052"}};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        struct slice e = slice_printf(*state, "{\"error\":{\"code\":\"%s\"}}", gone[i].code);
        assert_int_equal(answer(&c, &blob, gone[i].status, "", e, *state, &p).kind, ERR_NONE);
        assert_int_equal(p.n_alerts, 0);
        assert_string_equal(p.warn.code, "mail.blob_gone");
    }
}

/* ---- ident */

static void
test_each_record_has_its_fate(void **state)
{
    static const struct {
        const char *record, *native_id, *reason; /* both NULL: rejected */
    } rows[] = {
        {"{\"Id\":\"R\",\"RecordType\":40,\"AlertId\":\"" ALERT "\"}", ALERT_LOWER, NULL},
        {"{\"Id\":\"R\",\"RecordType\":\"40\",\"AlertId\":\"" ALERT "\"}", ALERT_LOWER, NULL},
        {"{\"Id\":\"R\",\"RecordType\":40,\"AlertId\":\"x\",\"Source\":\"Cloud App Security\"}",
         NULL, "mail.cloud_app_mirror"},
        {"{\"Id\":\"R\",\"RecordType\":64,\"Data\":\"{\\\"ProviderAlertId\\\":\\\"" ALERT
         "\\\"}\"}",
         ALERT_LOWER, NULL},
        {"{\"Id\":\"R\",\"RecordType\":64,\"Data\":\"{}\"}", NULL, "mail.investigation"},
        {"{\"Id\":\"R\",\"RecordType\":28}", "r", NULL},
        {"{\"Id\":\"R\",\"RecordType\":41}", "r", NULL},
        {"{\"Id\":\"R\",\"RecordType\":47}", "r", NULL},
        {"{\"Id\":\"R\",\"RecordType\":98}", NULL, "mail.mirror"},
        {"{\"Id\":\"R\",\"RecordType\":294}", NULL, "mail.mirror"},
        {"{\"Id\":\"R\",\"RecordType\":15}", NULL, "mail.record_type"},
        {"{\"Id\":\"R\",\"RecordType\":-9223372036854775808}", NULL, "mail.record_type"},
        {"{\"Id\":\"R\",\"RecordType\":64,\"Data\":\"{\"}", NULL, NULL},
        {"{\"Id\":\"R\",\"RecordType\":40}", NULL, NULL},
        {"{\"Id\":\"R\"}", NULL, NULL},
        {"{\"RecordType\":40,\"AlertId\":\"x\"}", NULL, NULL},
        {"{\"Id\":7,\"RecordType\":40}", NULL, NULL},
        {"{\"Id\":\"a\\u0000b\",\"RecordType\":28}", NULL, NULL},
        {"{\"Id\":\"R\",\"RecordType\":40,\"AlertId\":\"a\\u0000b\"}", NULL, NULL},
        {"[]", NULL, NULL},
        {"{", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct source_ident id;
        struct err e = source_mail.ident(slice_of(rows[i].record), IDENTITY_OFF, *state, &id);
        bool rejected = rows[i].native_id == NULL && rows[i].reason == NULL;
        assert_int_equal(e.kind, rejected ? ERR_REJECT : ERR_NONE);
        if (rejected)
            continue;
        assert_int_equal(id.fate, rows[i].reason != NULL ? FATE_IGNORE : FATE_ALERT);
        if (rows[i].reason != NULL)
            assert_string_equal(id.reason, rows[i].reason);
        else
            assert_slice(id.native_id, rows[i].native_id);
    }
}

/* ---- map */

#define COMMON                                                                                     \
    "\"RecordType\":40,\"AlertId\":\"" ALERT                                                       \
    "\",\"AlertType\":\"System\",\"Category\":\"ThreatManagement\",\"Name\":"                      \
    "\"A potentially malicious URL click was detected\xe2\x80\x8b\","                              \
    "\"PolicyId\":\"471d921d-0000-41c4-be33-000000000001\",\"Severity\":\"High\""
#define TRIGGERED                                                                                  \
    "{\"Id\":\"r1\",\"Operation\":\"AlertTriggered\",\"CreationTime\":\"2020-01-14T09:31:07\","    \
    "\"Status\":\"Active\",\"Comments\":\"New alert\",\"Data\":\"{\\\"ts\\\":"                     \
    "\\\"2020-01-14T09:20:00.0000000Z\\\",\\\"te\\\":\\\"2020-01-14T09:21:00Z\\\",\\\"ad\\\":"     \
    "\\\"This alert\\nfires -V1.0.0.5\\\"}\"," COMMON "}"
#define ENTITY                                                                                     \
    "{\"Id\":\"r2\",\"Operation\":\"AlertEntityGenerated\",\"CreationTime\":"                      \
    "\"2020-01-14T09:32:00\",\"Status\":\"Active\",\"EntityType\":\"MaliciousUrl\","               \
    "\"AlertEntityId\":\"https://Evil.example/x\",\"Data\":\"{\\\"te\\\":"                         \
    "\\\"2020-01-14T09:25:00Z\\\",\\\"aii\\\":\\\"D6C7276B-3a65-43c7-9e25-525f7e289543\\\","       \
    "\\\"trc\\\":\\\"Anna@contoso.com; bob@contoso.com\\\",\\\"sip\\\":\\\"1.2.3.4\\\","           \
    "\\\"thn\\\":\\\"Phish, Malicious\\\"}\"," COMMON "}"
#define UPDATED                                                                                    \
    "{\"Id\":\"r3\",\"Operation\":\"AlertUpdated\",\"CreationTime\":\"2020-01-14T12:00:00\","      \
    "\"Status\":\"Dismissed\",\"Comments\":\"a drill\",\"Data\":\"\"," COMMON "}"
#define AIR                                                                                        \
    "{\"Id\":\"r4\",\"RecordType\":64,\"CreationTime\":\"2020-01-14T10:24:41\",\"InvestigationId"  \
    "\":\"urn:Zapped:1\",\"LastUpdateTimeUtc\":\"2020-01-14T10:20:19\",\"Status\":\"Pending "      \
    "Action\",\"Actions\":[\"{\\\"$id\\\":\\\"1\\\",\\\"Entities\\\":[{\\\"$id\\\":\\\"2\\\","     \
    "\\\"Address\\\":\\\"5.6.7.8\\\",\\\"Type\\\":\\\"ip\\\"}]}\",\"broken\"],\"Data\":\""         \
    "{\\\"ProviderAlertId\\\":\\\"" ALERT "\\\",\\\"AlertDisplayName\\\":\\\"From AIR\\\","        \
    "\\\"Severity\\\":\\\"Low\\\",\\\"Status\\\":\\\"InProgress\\\",\\\"Intent\\\":"               \
    "\\\"Probing\\\",\\\"TimeGenerated\\\":\\\"2020-01-14T09:30:00Z\\\",\\\"EndTimeUtc\\\":"       \
    "\\\"0001-01-01T00:00:00\\\",\\\"Entities\\\":[{\\\"$ref\\\":\\\"5\\\"},{\\\"$id\\\":"         \
    "\\\"4\\\",\\\"Type\\\":\\\"mail-message\\\",\\\"NetworkMessageId\\\":"                        \
    "\\\"D6C7276B-3a65-43c7-9e25-525f7e289543\\\",\\\"Recipient\\\":\\\"anna@contoso.com\\\","     \
    "\\\"Files\\\":[{\\\"$id\\\":\\\"5\\\",\\\"Type\\\":\\\"file\\\",\\\"Name\\\":\\\"a.exe\\\","  \
    "\\\"FileHashes\\\":[{\\\"$ref\\\":\\\"6\\\"}]}]},{\\\"$id\\\":\\\"6\\\",\\\"Value\\\":"       \
    "\\\"01BA4719C80B6FE911B091A7C05124B64EEECE964E09C058EF8F9805DACA546B\\\"},"                   \
    "{\\\"$ref\\\":\\\"99\\\"},{\\\"Type\\\":\\\"mailCluster\\\",\\\"MailCount\\\":12,"            \
    "\\\"NetworkMessageIds\\\":[\\\"A\\\",\\\"b\\\"],\\\"QueryTime\\\":\\\"x\\\","                 \
    "\\\"QueryTime\\\":\\\"y\\\"},{\\\"Type\\\":\\\"unheard-of\\\"},7,null]}\"}"

static struct err
map(const char *const *records, size_t n, struct arena *a, struct alert *out)
{
    struct source_document docs[8];
    for (size_t i = 0; i < n; i++)
        docs[i] = (struct source_document){.payload = slice_of(records[i]), .received = 1};
    return source_mail.map(docs, n, SLICE(TENANT), a, out);
}

static const struct evidence *
item(const struct alert *al, enum evidence_type type)
{
    for (size_t i = 0; i < al->n_evidence; i++)
        if (al->evidence[i].type == type)
            return &al->evidence[i];
    fail_msg("no evidence of type %d", (int)type);
    return NULL;
}

static void
test_a_set_of_records_is_one_alert(void **state)
{
    static const char *const records[] = {TRIGGERED, ENTITY, UPDATED, AIR};
    struct alert al;
    assert_int_equal(map(records, 4, *state, &al).kind, ERR_NONE);
    assert_slice(al.source, "mail");
    assert_slice(al.native_id, ALERT_LOWER);
    assert_slice(al.id, "fa" ALERT_LOWER);
    assert_slice(al.provider_alert_id, ALERT);
    assert_slice(al.title, "A potentially malicious URL click was detected");
    assert_slice(al.description, "This alert\nfires");
    assert_int_equal(al.severity, SEVERITY_HIGH);
    assert_int_equal(al.status, STATUS_RESOLVED);
    assert_int_equal(al.classification, CLASS_FALSE_POSITIVE);
    assert_slice(al.category, "InitialAccess");
    assert_int_equal(al.tactics, 1 << 1);
    assert_int_equal(al.service, SERVICE_OFFICE365);
    assert_int_equal(al.detection, DETECTION_OFFICE365);
    assert_slice(al.policy_id, "471d921d-0000-41c4-be33-000000000001");
    assert_slice(al.investigation_id, "urn:Zapped:1");
    assert_slice(al.investigation_state, "pendingApproval");
    assert_true(al.created == at("2020-01-14T09:31:07Z"));
    assert_true(al.first_activity == at("2020-01-14T09:20:00Z"));
    assert_true(al.last_activity == at("2020-01-14T09:25:00Z"));
    assert_true(al.updated == at("2020-01-14T12:00:00Z"));
    assert_true(al.resolved == at("2020-01-14T12:00:00Z"));
    assert_true(al.version == at("2020-01-14T12:00:00Z"));
    assert_slice(al.comments[0].text, "a drill");
    assert_slice(item(&al, EVIDENCE_USER)->upn, "anna@contoso.com");
    assert_slice(item(&al, EVIDENCE_URL)->url, "https://evil.example/x");
    assert_slice(item(&al, EVIDENCE_MESSAGE)->network_message_id,
                 "d6c7276b-3a65-43c7-9e25-525f7e289543");
    assert_slice(item(&al, EVIDENCE_FILE)->sha256,
                 "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b");
    assert_int_equal(item(&al, EVIDENCE_MAIL_CLUSTER)->mail_count, 12);
    assert_slice(item(&al, EVIDENCE_MAIL_CLUSTER)->message_ids[0], "a");
    for (size_t i = 0; i < al.n_evidence; i++)
        assert_true(al.evidence[i].type != EVIDENCE_MALWARE); /* a verdict is no family */
}

static void
test_the_order_of_records_does_not_matter(void **state)
{
    static const char *const records[] = {TRIGGERED, ENTITY, UPDATED, AIR};
    struct slice want = SLICE_NONE;
    for (size_t order = 0; order < 256; order++) {
        const char *list[4];
        unsigned used = 0;
        for (size_t i = 0; i < 4; i++) {
            size_t k = order >> (2 * i) & 3;
            list[i] = records[k];
            used |= 1U << k;
        }
        if (used != 15)
            continue; /* not an order of all four */
        struct alert al;
        assert_int_equal(map(list, 4, *state, &al).kind, ERR_NONE);
        struct slice json = alert_json(&al, *state);
        assert_true(json.n > 0);
        if (want.p == NULL)
            want = json;
        assert_true(slice_eq(json, want));
    }
}

static void
test_each_kind_of_record_is_an_alert_alone(void **state)
{
    static const struct {
        const char *record, *title;
        enum severity severity;
        enum detection_source detection;
        const char *created;
    } rows[] = {
        {TRIGGERED, "A potentially malicious URL click was detected", SEVERITY_HIGH,
         DETECTION_OFFICE365, "2020-01-14T09:31:07Z"},
        {ENTITY, "A potentially malicious URL click was detected", SEVERITY_HIGH,
         DETECTION_OFFICE365, "2020-01-14T09:32:00Z"},
        {AIR, "From AIR", SEVERITY_LOW, DETECTION_AUTOMATED_INVESTIGATION, "2020-01-14T09:30:00Z"},
        {"{\"Id\":\"r\",\"RecordType\":28,\"CreationTime\":\"2020-01-14T09:30:00\",\"Verdict\":"
         "\"Phish\",\"NetworkMessageId\":\"X\",\"Recipients\":[\"a@b.c\"]}",
         "Email with verdict Phish was detected", SEVERITY_LOW, DETECTION_OFFICE365,
         "2020-01-14T09:30:00Z"},
        {"{\"Id\":\"r\",\"RecordType\":41,\"CreationTime\":\"2020-01-14T09:30:00\",\"Url\":"
         "\"http://x.y/\",\"UserId\":\"a@b.c\",\"URLClickAction\":4}",
         "A user clicked through the warning about a malicious URL", SEVERITY_MEDIUM,
         DETECTION_OFFICE365, "2020-01-14T09:30:00Z"},
        {"{\"Id\":\"r\",\"RecordType\":47,\"CreationTime\":\"2020-01-14T09:30:00\",\"FileData\":"
         "{\"FileName\":\"a.exe\",\"MalwareFamily\":\"W/X\"}}",
         "Malicious file detected: a.exe", SEVERITY_LOW, DETECTION_OFFICE365,
         "2020-01-14T09:30:00Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct alert al;
        assert_int_equal(map(&rows[i].record, 1, *state, &al).kind, ERR_NONE);
        assert_slice(al.title, rows[i].title);
        assert_int_equal(al.severity, rows[i].severity);
        assert_int_equal(al.detection, rows[i].detection);
        assert_string_equal(clock_format(al.created).s, rows[i].created);
    }
}

static void
test_data_is_read_tolerantly(void **state)
{
    static const struct {
        const char *text, *member; /* member NULL: absent; "!": rejected */
    } rows[] = {
        {"{\"a\":\"x\"}", "x"},
        {"{\"a\":\"x\ny\tz\"}", "x\ny\tz"},
        {"{\n\"a\":\"q\\\"\n\"}", "q\"\n"},
        {"{\"a\":\"first\",\"a\":\"last\"}", "first"},
        {"", NULL},
        {" null ", NULL},
        {"{\"a\":", "!"},
        {"[]", "!"},
        {"\"x", "!"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json v;
        struct err e = mail_data(slice_of(rows[i].text), *state, &v);
        bool rejected = rows[i].member != NULL && strcmp(rows[i].member, "!") == 0;
        assert_int_equal(e.kind, rejected ? ERR_REJECT : ERR_NONE);
        if (!rejected)
            assert_slice(json_get_text(v, "a"), rows[i].member);
    }
    const char *bad =
        "{\"Id\":\"r\",\"CreationTime\":\"2020-01-14T09:31:07\",\"Data\":\"{oops\"," COMMON "}";
    struct alert al;
    assert_int_equal(map(&bad, 1, *state, &al).kind, ERR_NONE);
    struct json more;
    assert_int_equal(json_parse(al.additional, *state, &more).kind, ERR_NONE);
    assert_slice(json_get_text(more, "DataUnreadable"), "{oops");
}

static void
test_policies_have_their_category(void **state)
{
    static const struct {
        const char *name, *category, *unified;
    } rows[] = {
        {"Elevation of Exchange admin privilege", "AccessGovernance", "PrivilegeEscalation"},
        {"eDiscovery search started or exported", "ThreatManagement", "Collection"},
        {"Creation of forwarding/redirect rule", "ThreatManagement", "Exfiltration"},
        {"Unusual volume of file deletion", "DataGovernance", "Impact"},
        {"Malware campaign detected in SharePoint and OneDrive", "ThreatManagement", "Malware"},
        {"Malware campaign detected after delivery", "ThreatManagement", "InitialAccess"},
        {"User restricted from sending email", "ThreatManagement", "SuspiciousActivity"},
        {"Messages have been delayed", "MailFlow", "SuspiciousActivity"},
        {"Low volume of content", "DataLossPrevention", "Exfiltration"},
        {"Something", "Other", "SuspiciousActivity"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct alert al;
        struct slice r =
            slice_printf(*state,
                         "{\"Id\":\"r\",\"RecordType\":40,\"AlertId\":\"x\",\"CreationTime\":"
                         "\"2020-01-14T09:31:07\",\"Name\":\"%s\",\"Category\":\"%s\"}",
                         rows[i].name, rows[i].category);
        assert_int_equal(map(&r.p, 1, *state, &al).kind, ERR_NONE);
        assert_slice(al.category, rows[i].unified);
    }
}

static void
test_a_set_that_makes_no_alert_is_rejected(void **state)
{
    static const char *const rows[] = {
        "{",
        "{}",
        "{\"Id\":\"r\",\"RecordType\":15}",
        "{\"Id\":\"r\",\"RecordType\":40,\"CreationTime\":\"2020-01-14T09:31:07\",\"Name\":\"x\"}",
        "{\"Id\":\"r\",\"RecordType\":40,\"AlertId\":\"x\",\"CreationTime\":\"2020-01-14T09:31:"
        "07\"}",
        "{\"RecordType\":28,\"CreationTime\":\"2020-01-14\"}"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct alert al;
        assert_int_equal(map(&rows[i], 1, *state, &al).kind, ERR_REJECT);
    }
    struct alert al;
    assert_int_equal(source_mail.map(NULL, 0, SLICE("t"), *state, &al).kind, ERR_REJECT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_round_begins_with_the_subscription),
        cmocka_unit_test(test_windows_are_a_day_at_most_and_reach_back_a_week_at_most),
        cmocka_unit_test(test_a_listed_window_moves_the_cursor_less_the_overlap),
        cmocka_unit_test(test_next_pages_are_followed_also_from_an_empty_one),
        cmocka_unit_test(test_a_next_page_elsewhere_is_refused),
        cmocka_unit_test(test_a_list_of_very_many_blobs_is_taken_in_parts),
        cmocka_unit_test(test_refusals_mean_what_the_feed_says),
        cmocka_unit_test(test_a_lost_subscription_is_started_again_once_a_round),
        cmocka_unit_test(test_a_window_too_old_is_cut_once),
        cmocka_unit_test(test_records_of_a_blob_are_taken_byte_for_byte),
        cmocka_unit_test(test_each_record_has_its_fate),
        cmocka_unit_test(test_a_set_of_records_is_one_alert),
        cmocka_unit_test(test_the_order_of_records_does_not_matter),
        cmocka_unit_test(test_each_kind_of_record_is_an_alert_alone),
        cmocka_unit_test(test_data_is_read_tolerantly),
        cmocka_unit_test(test_policies_have_their_category),
        cmocka_unit_test(test_a_set_that_makes_no_alert_is_rejected),
    };
    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
