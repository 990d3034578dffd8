/*
 * Real incidents as the simulator composes them, mapped by weir's own sources: what a row of
 * Sentinel names is in the alert's evidence, but for what the native form has no place for.
 *
 * The table of kinds is printed; tests/simulator/README.md repeats it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/source.h"
#include "tests/simulator/replay.h"

#define TENANT "3f2a8c1e-6b7d-4e59-9a40-1c5d7e8f9b20"
#define START INT64_C(15789900000000000) /* 2020-01-14T08:20:00Z */

enum { DOCUMENTS_MAX = 40, SPEED = 100000, TEXT_MAX = 4096 };

/* ---- what is compared */

enum kind {
    K_AAD_ID,
    K_SID,
    K_UPN,
    K_ACCOUNT,
    K_MAILBOX,
    K_MACHINE,
    K_DEVICE_AAD_ID,
    K_HOST,
    K_DNS_NAME,
    K_LOGGED_ON,
    K_IP,
    K_URL,
    K_SHA256,
    K_SHA1,
    K_MD5,
    K_FILE,
    K_PROCESS,
    K_PARENT,
    K_COMMAND,
    K_REGISTRY_KEY,
    K_REGISTRY_VALUE,
    K_MESSAGE,
    K_INTERNET_MESSAGE,
    K_SENDER,
    K_RECIPIENT,
    K_SENDER_IP,
    K_SUBJECT,
    K_MESSAGE_URL,
    K_CLUSTER,
    K_CLUSTER_MESSAGE,
    K_APP,
    K_OAUTH_APP,
    K_SESSION,
    K_LOGON_REQUEST,
    KINDS
};

enum { FIELDS_MAX = 4 };
#define AT(field) (offsetof(struct evidence, field) + 1)

/* Where a value of the kind may be (offset + 1), and how it is written there. */
static const struct {
    const char *name;
    size_t fields[FIELDS_MAX];
    struct slice (*fold)(struct slice s, struct arena *a);
} kinds[KINDS] = {
    [K_AAD_ID] = {"user: object id", {AT(aad_user_id)}, alert_fold_guid},
    [K_SID] = {"user: security id", {AT(user_sid)}, NULL},
    [K_UPN] = {"user: sign-in name", {AT(upn)}, alert_fold_upn},
    [K_ACCOUNT] = {"user: name, no other", {AT(account_name)}, NULL},
    [K_MAILBOX] = {"mailbox", {AT(mailbox_address), AT(upn)}, alert_fold_upn},
    [K_MACHINE] = {"device: machine id", {AT(mde_device_id)}, NULL},
    [K_DEVICE_AAD_ID] = {"device: object id", {AT(aad_device_id)}, alert_fold_guid},
    [K_HOST] = {"device: name", {AT(host_name)}, NULL},
    [K_DNS_NAME] = {"device: full name", {AT(dns_name)}, alert_fold_host},
    [K_LOGGED_ON] = {"user on the device", {AT(account_name)}, NULL},
    [K_IP] = {"address", {AT(ip)}, alert_fold_ip},
    [K_URL] = {"URL", {AT(url)}, alert_fold_url},
    [K_SHA256] = {"file: SHA-256", {AT(sha256)}, alert_fold_hash},
    [K_SHA1] = {"file: SHA-1", {AT(sha1)}, alert_fold_hash},
    [K_MD5] = {"file: MD5", {AT(md5)}, alert_fold_hash},
    [K_FILE] = {"file: name", {AT(file_name)}, NULL},
    [K_PROCESS] = {"process: id", {AT(process_id)}, NULL},
    [K_PARENT] = {"process: parent", {AT(parent_process_id)}, NULL},
    [K_COMMAND] = {"process: command line", {AT(command_line)}, NULL},
    [K_REGISTRY_KEY] = {"registry: key", {AT(registry_key)}, NULL},
    [K_REGISTRY_VALUE] = {"registry: value", {AT(registry_value)}, NULL},
    [K_MESSAGE] = {"message: network id", {AT(network_message_id)}, alert_fold_guid},
    [K_INTERNET_MESSAGE] = {"message: internet id", {AT(internet_message_id)}, NULL},
    [K_SENDER] = {"message: sender", {AT(sender), AT(p2_sender)}, alert_fold_upn},
    [K_RECIPIENT] = {"message: recipient", {AT(recipient), AT(upn)}, alert_fold_upn},
    [K_SENDER_IP] = {"message: sender's address", {AT(sender_ip), AT(ip)}, alert_fold_ip},
    [K_SUBJECT] = {"message: subject", {AT(subject)}, NULL},
    [K_MESSAGE_URL] = {"message: URL", {AT(url)}, alert_fold_url},
    [K_CLUSTER] = {"mail cluster", {AT(cluster_value)}, NULL},
    [K_CLUSTER_MESSAGE] = {"mail cluster: message", {0}, alert_fold_guid},
    [K_APP] = {"application", {AT(saas_app_id)}, NULL},
    [K_OAUTH_APP] = {"application with consent", {AT(app_id), AT(saas_app_id)}, NULL},
    [K_SESSION] = {"session", {AT(session_id)}, NULL},
    [K_LOGON_REQUEST] = {"sign-in request", {AT(session_id)}, NULL},
};

/* What the forms have no place for (sources.md 2.8, 4.6); whatever else is lost is a fault. */
static const struct {
    enum sim_source source;
    enum kind kind;
} homeless[] = {
    {SIM_ENDPOINT, K_DEVICE_AAD_ID},
    {SIM_ENDPOINT, K_MD5},
    {SIM_ENDPOINT, K_MESSAGE},
    {SIM_ENDPOINT, K_SENDER},
    {SIM_ENDPOINT, K_SUBJECT},
    {SIM_ENDPOINT, K_INTERNET_MESSAGE},
    {SIM_APPS, K_SID},
    {SIM_APPS, K_DNS_NAME},
    {SIM_APPS, K_OAUTH_APP},
    {SIM_APPS, K_SESSION},
    {SIM_APPS, K_LOGON_REQUEST},
};

static bool
is_homeless(enum sim_source s, enum kind k)
{
    for (size_t i = 0; i < sizeof(homeless) / sizeof(homeless[0]); i++)
        if (homeless[i].source == s && homeless[i].kind == k)
            return true;
    return false;
}

struct world {
    struct arena *a;
    struct plan plan;
    struct replay *replay;
    size_t sent[SIM_SOURCES][KINDS], lost[SIM_SOURCES][KINDS];
};

/* The row at hand. */
struct look {
    struct world *w;
    const struct replay_row *row;
    const struct alert *al;
    enum sim_source source;
};

/* ---- looking */

static bool
same(const struct look *l, enum kind k, struct slice found, struct slice want)
{
    if (found.n == 0)
        return false;
    if (kinds[k].fold != NULL)
        found = kinds[k].fold(found, l->w->a);
    if (want.n > TEXT_MAX) /* alert_finish cuts it, at a character's border */
        return found.n > TEXT_MAX - 4 && slice_starts(want, found);
    return slice_eq_nocase(found, want);
}

static bool
listed(const struct look *l, enum kind k, const struct slice *list, size_t n, struct slice want)
{
    for (size_t i = 0; i < n; i++)
        if (same(l, k, list[i], want))
            return true;
    return false;
}

static bool
arrived(const struct look *l, enum kind k, struct slice want)
{
    for (size_t i = 0; i < l->al->n_evidence; i++) {
        const struct evidence *ev = &l->al->evidence[i];
        for (size_t f = 0; f < FIELDS_MAX && kinds[k].fields[f] != 0; f++) {
            struct slice v;
            memcpy(&v, (const char *)ev + kinds[k].fields[f] - 1, sizeof(v));
            if (same(l, k, v, want))
                return true;
        }
        if ((k == K_MESSAGE_URL && listed(l, k, ev->urls, ev->n_urls, want)) ||
            (k == K_CLUSTER_MESSAGE && listed(l, k, ev->message_ids, ev->n_message_ids, want)))
            return true;
    }
    return false;
}

static void
expect(struct look *l, enum kind k, struct slice v)
{
    struct slice want = slice_trim(v);
    if (want.n > 0 && kinds[k].fold != NULL)
        want = kinds[k].fold(want, l->w->a);
    if (want.n == 0)
        return;
    l->w->sent[l->source][k]++;
    if (arrived(l, k, want))
        return;
    l->w->lost[l->source][k]++;
    if (!is_homeless(l->source, k))
        print_error("%.*s, %s: no %s '%.*s'\n", SLICE_ARG(l->row->id), sim_source_names[l->source],
                    kinds[k].name, SLICE_ARG(slice_sub(want, 0, 80)));
}

static void
expect_word(struct look *l, enum kind k, struct json e, const char *name)
{
    expect(l, k, replay_word(e, name, l->w->a));
}

/* ---- one function a kind of entity */

static void
on_account(struct look *l, struct json e)
{
    struct slice upn = replay_upn(e, l->w->a);
    expect_word(l, K_AAD_ID, e, "AadUserId");
    expect_word(l, K_SID, e, "Sid");
    expect(l, K_UPN, upn);
    if (upn.n == 0)
        expect_word(l, K_ACCOUNT, e, "Name");
}

static void
on_mailbox(struct look *l, struct json e)
{
    expect_word(l, K_MAILBOX, e, "MailboxPrimaryAddress");
    expect_word(l, K_AAD_ID, e, "AadId");
}

static void
on_host(struct look *l, struct json e)
{
    struct json v;
    expect_word(l, K_MACHINE, e, "MdatpDeviceId");
    expect_word(l, K_DEVICE_AAD_ID, e, "AadDeviceId");
    expect_word(l, K_HOST, e, "HostName");
    expect_word(l, K_DNS_NAME, e, "FQDN");
    for (struct json_iter it = json_items(json_get(e, "LoggedOnUsers")); json_next(&it, NULL, &v);)
        expect_word(l, K_LOGGED_ON, v, "AccountName");
}

static void
on_file(struct look *l, struct json e)
{
    expect(l, K_SHA256, replay_hash(l->row, e, "SHA256"));
    expect(l, K_SHA1, replay_hash(l->row, e, "SHA1"));
    expect(l, K_MD5, replay_hash(l->row, e, "MD5"));
    expect_word(l, K_FILE, e, "Name");
}

static void
on_hash(struct look *l, struct json e)
{
    struct slice v = replay_word(e, "Value", l->w->a);
    expect(l, v.n == 64 ? K_SHA256 : v.n == 40 ? K_SHA1 : K_MD5, v);
}

static void
on_process(struct look *l, struct json e)
{
    expect_word(l, K_PROCESS, e, "ProcessId");
    expect_word(l, K_COMMAND, e, "CommandLine");
    expect_word(l, K_PARENT, replay_member(l->row, e, "ParentProcess"), "ProcessId");
    on_file(l, replay_member(l->row, e, "ImageFile"));
}

static void
on_ip(struct look *l, struct json e)
{
    expect_word(l, K_IP, e, "Address");
}

static void
on_url(struct look *l, struct json e)
{
    expect_word(l, K_URL, e, "Url");
}

static void
on_registry_key(struct look *l, struct json e)
{
    expect_word(l, K_REGISTRY_KEY, e, "Key");
}

static void
on_registry(struct look *l, struct json e)
{
    expect_word(l, K_REGISTRY_KEY, replay_member(l->row, e, "Key"), "Key");
    expect_word(l, K_REGISTRY_VALUE, e, "Value");
}

static void
on_message(struct look *l, struct json e)
{
    struct json v;
    expect_word(l, K_MESSAGE, e, "NetworkMessageId");
    expect_word(l, K_INTERNET_MESSAGE, e, "InternetMessageId");
    expect_word(l, K_SENDER, e, "Sender");
    expect_word(l, K_RECIPIENT, e, "Recipient");
    expect_word(l, K_SENDER_IP, e, "SenderIP");
    expect_word(l, K_SUBJECT, e, "Subject");
    for (struct json_iter it = json_items(json_get(e, "Urls")); json_next(&it, NULL, &v);)
        expect(l, K_MESSAGE_URL, json_text(v));
}

static void
on_cluster(struct look *l, struct json e)
{
    struct json v;
    expect_word(l, K_CLUSTER, e, "ClusterByValue");
    for (struct json_iter it = json_items(json_get(e, "NetworkMessageIds"));
         json_next(&it, NULL, &v);)
        expect(l, K_CLUSTER_MESSAGE, json_text(v));
}

static void
on_app(struct look *l, struct json e)
{
    expect_word(l, K_APP, e, "AppId");
}

static void
on_oauth(struct look *l, struct json e)
{
    expect_word(l, K_OAUTH_APP, e, "OAuthAppId");
}

static void
on_session(struct look *l, struct json e)
{
    expect_word(l, K_SESSION, e, "SessionId");
}

static void
on_request(struct look *l, struct json e)
{
    expect_word(l, K_LOGON_REQUEST, e, "RequestId");
}

static const struct {
    const char *type;
    void (*look)(struct look *l, struct json e);
} entity_types[] = {
    {"account", on_account},
    {"mailbox", on_mailbox},
    {"host", on_host},
    {"file", on_file},
    {"filehash", on_hash},
    {"process", on_process},
    {"ip", on_ip},
    {"url", on_url},
    {"registry-key", on_registry_key},
    {"registry-value", on_registry},
    {"mailMessage", on_message},
    {"mailCluster", on_cluster},
    {"cloud-application", on_app},
    {"oauth-application", on_oauth},
    {"cloud-logon-session", on_session},
    {"cloud-logon-request", on_request},
};

/* Every type must be known here, so that none is passed over. */
static void
look_at(struct look *l, struct json e)
{
    for (size_t i = 0; i < sizeof(entity_types) / sizeof(entity_types[0]); i++)
        if (replay_is(e, entity_types[i].type)) {
            entity_types[i].look(l, e);
            return;
        }
    fail_msg("an entity of type '%.*s'", SLICE_ARG(json_get_text(e, "Type")));
}

/* ---- mapping */

/* All records of a row are one alert, and the source's own map takes it. */
static struct alert
mapped(struct world *w, const struct replay_row *row, enum sim_source *of)
{
    struct source_document docs[DOCUMENTS_MAX];
    struct source_ident ident;
    struct alert al;
    size_t n = 0;
    struct slice id = SLICE_NONE;
    const struct source *s = NULL;
    for (size_t i = 0; i < w->plan.n; i++) {
        const struct delivery *d = &w->plan.items[i];
        if (!slice_eq(d->truth, row->id))
            continue;
        for (size_t k = 0; sources[k] != NULL; k++)
            if (strcmp(sources[k]->name, sim_source_names[d->source]) == 0)
                s = sources[k];
        assert_non_null(s);
        struct err e = s->ident(d->payload, IDENTITY_APPS, w->a, &ident);
        if (e.kind)
            fail_msg("%.*s: %s %s", SLICE_ARG(row->id), e.code, e.text);
        assert_int_equal(ident.fate, FATE_ALERT);
        assert_true(n == 0 || slice_eq(ident.native_id, id));
        assert_true(n < DOCUMENTS_MAX);
        id = ident.native_id;
        *of = d->source;
        docs[n++] = (struct source_document){d->payload, row->due};
    }
    if (n == 0)
        fail_msg("%.*s: no records", SLICE_ARG(row->id));
    struct err e = s->map(docs, n, SLICE(TENANT), w->a, &al);
    if (e.kind)
        fail_msg("%.*s: %s %s", SLICE_ARG(row->id), e.code, e.text);
    assert_true(slice_eq(al.native_id, id));
    return al;
}

static void
assert_near(const struct replay_row *row, const char *what, int64_t found, int64_t want)
{
    int64_t off = found > want ? found - want : want - found;
    if (off >= CLOCK_SECOND) /* some forms have whole seconds */
        fail_msg("%.*s: %s is %s, expected %s", SLICE_ARG(row->id), what, clock_format(found).s,
                 clock_format(want).s);
}

static void
check_row(struct world *w, const struct replay_row *row)
{
    struct look l = {.w = w, .row = row};
    struct alert al = mapped(w, row, &l.source);
    l.al = &al;
    assert_true(slice_starts(row->title, al.title)); /* a zero-width blank at the end is dropped */
    assert_true(row->title.n - al.title.n <= strlen("\u200b"));
    assert_true(severity_of(row->severity) == al.severity);
    assert_int_equal(al.status, STATUS_NEW);
    assert_near(row, "created", al.created, row->created + row->shift);
    assert_near(row, "first activity", al.first_activity, row->first + row->shift);
    for (size_t i = 0; i < row->n_entities; i++)
        look_at(&l, row->entities[i]);
}

static void
table_print(const struct world *w)
{
    print_message("%-26s %16s %16s %16s\n", "kind: sent, lost", sim_source_names[SIM_ENDPOINT],
                  sim_source_names[SIM_MAIL], sim_source_names[SIM_APPS]);
    for (int k = 0; k < KINDS; k++) {
        print_message("%-26s", kinds[k].name);
        for (int s = SIM_ENDPOINT; s <= SIM_APPS; s++) {
            if (w->sent[s][k] == 0)
                print_message(" %16s", "");
            else
                print_message(" %9zu %6zu", w->sent[s][k], w->lost[s][k]);
        }
        print_message("\n");
    }
}

/* ---- worlds */

static int
teardown(void **state)
{
    struct world *w = *state;
    arena_free(w->a);
    free(w);
    return 0;
}

static int
setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return 1;
    w->a = arena_new((size_t)1 << 30);
    w->plan.arena = w->a;
    *state = w;
    return 0;
}

/* False: the folder is not here. */
static bool
load_shared(struct world *w)
{
    const char *shared = getenv("SHARED");
    struct err e = replay_read(shared != NULL ? shared : "../shared", w->a, &w->replay);
    if (e.kind)
        return false;
    e = replay_plan(w->replay, &w->plan, SLICE(TENANT), START, SPEED);
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
    return true;
}

static void
skip_without_data(struct world *w)
{
    if (!load_shared(w)) {
        print_message("skipped, no ../shared/data\n");
        skip();
    }
}

static void
test_all_that_a_form_can_carry_arrives_in_the_evidence(void **state)
{
    struct world *w = *state;
    skip_without_data(w);
    for (size_t i = 0; i < w->replay->n; i++)
        check_row(w, &w->replay->rows[i]);
    table_print(w);
    for (int s = SIM_ENDPOINT; s <= SIM_APPS; s++)
        for (int k = 0; k < KINDS; k++) {
            if (!is_homeless((enum sim_source)s, (enum kind)k))
                assert_int_equal(w->lost[s][k], 0);
            else if (w->sent[s][k] > 0 && w->lost[s][k] == 0)
                fail_msg("%s carries '%s' now: it is no longer homeless", sim_source_names[s],
                         kinds[k].name);
        }
}

static void
test_rows_keep_their_spacing_and_the_last_is_raised_now(void **state)
{
    struct world *w = *state;
    skip_without_data(w);
    const struct replay_row *rows = w->replay->rows;
    const struct replay_row *last = &rows[w->replay->n - 1];
    assert_int_equal(rows[0].due, START);
    assert_int_equal(last->due, last->created + last->shift);
    for (size_t i = 1; i < w->replay->n; i++) {
        assert_int_equal(rows[i].shift, rows[0].shift);
        assert_int_equal(rows[i].due - START, (rows[i].created - rows[0].created) / SPEED);
        assert_true(rows[i].due >= rows[i].created + rows[i].shift);
    }
}

static void
test_every_row_becomes_one_alert_of_its_own(void **state)
{
    struct world *w = *state;
    skip_without_data(w);
    for (size_t i = 0; i < w->plan.n; i++)
        for (size_t k = 0; k < i; k++) {
            const struct delivery *x = &w->plan.items[i];
            const struct delivery *y = &w->plan.items[k];
            bool one = x->source == y->source && slice_eq(x->alert_id, y->alert_id);
            assert_true(one == slice_eq(x->truth, y->truth));
            assert_false(x->source == y->source && slice_eq(x->native_id, y->native_id));
        }
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_all_that_a_form_can_carry_arrives_in_the_evidence),
        T(test_rows_keep_their_spacing_and_the_last_is_raised_now),
        T(test_every_row_becomes_one_alert_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
