/* When two documents of two channels speak of one detection. Ref: sources.md 5.9. */
#include "tests/unit/twins.h"

#define MINUTE (60 * CLOCK_SECOND)

struct who {
    const char *upn, *account, *display, *host, *dns, *ip;
    enum evidence_role role; /* of the device */
    const char *other;       /* one more device, contextual */
};

static void
add_who(struct alert *al, struct arena *a, const struct who *w)
{
    if (w->upn != NULL || w->account != NULL || w->display != NULL) {
        struct evidence *ev = alert_add(al, a, EVIDENCE_USER);
        ev->upn = slice_of(w->upn);
        ev->account_name = slice_of(w->account);
        ev->display_name = slice_of(w->display);
    }
    if (w->host != NULL || w->dns != NULL) {
        struct evidence *ev = alert_add(al, a, EVIDENCE_DEVICE);
        ev->host_name = slice_of(w->host);
        ev->dns_name = slice_of(w->dns);
        ev->role = w->role;
    }
    if (w->other != NULL) {
        struct evidence *ev = alert_add(al, a, EVIDENCE_DEVICE);
        ev->host_name = slice_of(w->other);
        ev->role = ROLE_CONTEXTUAL;
    }
    if (w->ip != NULL)
        alert_add(al, a, EVIDENCE_IP)->ip = slice_of(w->ip);
}

static struct twin_view *
view(struct arena *a, int32_t source, const char *id, const char *detection, int64_t minute,
     const struct who *w)
{
    struct alert *al = arena_alloc(a, sizeof *al);
    struct twin_view *v = arena_alloc(a, sizeof *v);
    alert_init(al);
    al->created = TWINS_T0 + minute * MINUTE;
    al->first_activity = al->created + MINUTE;
    add_who(al, a, w);
    fine(twin_view_of(al, source, slice_of(id), slice_of(detection), a, v));
    return v;
}

static void
test_account_and_computer_tell_whether_it_may_be_the_same(void **state)
{
    static const struct {
        const char *because;
        struct who apps, line;
        bool same;
    } rows[] = {
        {"a UPN and a plain account", {.upn = "Anna@contoso.com"}, {.account = "anna"}, true},
        {"a display name",
         {.upn = "a.l@contoso.com", .display = "Anna L"},
         {.display = "anna l"},
         true},
        {"another account", {.upn = "anna@contoso.com"}, {.account = "bert"}, false},
        {"two domains",
         {.upn = "anna@contoso.com"},
         {.upn = "anna@fabrikam.com", .account = "anna"},
         false},
        {"computers only", {.host = "CLIENT1"}, {.dns = "client1.corp.contoso.com"}, true},
        {"two full names", {.dns = "c1.corp.contoso.com"}, {.dns = "c1.fabrikam.com"}, false},
        {"account fits, computer does not",
         {.account = "anna", .host = "c1"},
         {.account = "anna", .host = "c2"},
         false},
        {"one names no computer", {.account = "anna", .host = "c1"}, {.account = "anna"}, true},
        {"nothing in common", {.account = "anna"}, {.host = "c1"}, false},
        {"nothing at all", {.ip = NULL}, {.ip = NULL}, false},
        {"an address that was not resolved",
         {.host = "c1", .ip = "::ffff:10.0.0.7"},
         {.ip = "10.0.0.7"},
         true},
        {"the domain controller is in every alert",
         {.host = "c1", .role = ROLE_SOURCE, .other = "DC1"},
         {.host = "c2", .role = ROLE_SOURCE, .other = "DC1"},
         false},
        {"who acts is not known on one side",
         {.host = "c1", .role = ROLE_SOURCE, .other = "DC1"},
         {.host = "DC1"},
         true},
    };
    struct arena *a = arena_new(DESK_BYTES);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct twin_view *x = view(a, 3, "x", "2014", 0, &rows[i].apps);
        struct twin_view *y = view(a, 4, "y", "2014", 0, &rows[i].line);
        struct twin_view *other = view(a, 4, "z", "2003", 0, &rows[i].line);
        struct twin_view *own = view(a, 3, "w", "2014", 0, &rows[i].line);
        if (twin_may_be(x, y) != rows[i].same || twin_may_be(y, x) != rows[i].same)
            fail_msg("%s", rows[i].because);
        assert_false(twin_may_be(x, other)); /* another detection */
        assert_false(twin_may_be(x, own));   /* the same channel */
    }
    arena_free(a);
    (void)state;
}

static void
test_mates_are_each_others_nearest(void **state)
{
    enum { MOST = 6 };
    static const struct {
        const char *because;
        struct {
            const char *id;
            int64_t minute;
            const char *mate;
        } doc[MOST]; /* ids that begin with a are of apps */
    } rows[] = {
        {"one each", {{"a1", 0, "l1"}, {"l1", 30, "a1"}}},
        {"half a day", {{"a1", 0, "l1"}, {"l1", 720, "a1"}}},
        {"over half a day", {{"a1", 0, NULL}, {"l1", 721, NULL}}},
        {"the nearer one", {{"a1", 0, "l2"}, {"l1", 30, NULL}, {"l2", -20, "a1"}}},
        {"of two as near the smaller id", {{"a1", 0, "l1"}, {"l2", 30, NULL}, {"l1", -30, "a1"}}},
        {"two pairs", {{"a1", 0, "l1"}, {"a2", 60, "l2"}, {"l1", 5, "a1"}, {"l2", 65, "a2"}}},
        {"a second is nobody's", {{"a1", 0, NULL}, {"a2", 9, "l1"}, {"l1", 10, "a2"}}},
    };
    const struct who anna = {.account = "anna"};
    struct arena *a = arena_new(DESK_BYTES);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int turned = 0; turned < 2; turned++) {
            struct twin_view *list[MOST];
            size_t n = 0;
            while (n < MOST && rows[i].doc[n].id != NULL)
                n++;
            for (size_t k = 0; k < n; k++) {
                size_t from = turned ? n - 1 - k : k;
                const char *id = rows[i].doc[from].id;
                list[k] =
                    view(a, id[0] == 'a' ? 3 : 4, id, "2014", rows[i].doc[from].minute, &anna);
            }
            twin_match(list, n);
            for (size_t k = 0; k < n; k++) {
                size_t row = 0;
                while (!slice_eq(list[k]->native_id, slice_of(rows[i].doc[row].id)))
                    row++;
                struct slice want = slice_of(rows[i].doc[row].mate);
                struct slice got = list[k]->mate != NULL ? list[k]->mate->native_id : SLICE_NONE;
                if (!slice_eq(want, got))
                    fail_msg("%s: %.*s has %.*s", rows[i].because, SLICE_ARG(list[k]->native_id),
                             SLICE_ARG(got));
            }
        }
    }
    arena_free(a);
    (void)state;
}

static void
test_more_names_than_fit_are_left_out(void **state)
{
    struct arena *a = arena_new(DESK_BYTES);
    struct alert al;
    struct twin_view v;
    alert_init(&al);
    al.created = al.first_activity = TWINS_T0;
    for (int i = 0; i < 500; i++)
        add_who(&al, a, &(struct who){.account = "u", .host = "h", .ip = "10.0.0.1"});
    fine(twin_view_of(&al, 3, SLICE("x"), SLICE("2014"), a, &v));
    assert_int_equal(v.n_users, TWIN_NAMES_MAX);
    assert_int_equal(v.n_devices, TWIN_NAMES_MAX);
    assert_int_equal(v.n_addresses, TWIN_NAMES_MAX);
    twin_match(NULL, 0);
    arena_free(a);
    (void)state;
}

static struct source_ident
ident_of(struct arena *a, bool apps, enum identity_channel channel, struct slice payload)
{
    struct source_ident out = {.fate = FATE_IGNORE};
    fine(
        source_by_name(apps ? SLICE("apps") : SLICE("identity"))->ident(payload, channel, a, &out));
    return out;
}

static void
test_both_channels_call_a_detection_the_same(void **state)
{
    static const struct {
        const char *apps, *line;
        int id;
        const char *twin; /* NULL: they differ */
    } rows[] = {
        {"Honeytoken activity", "Honeytoken activity", 2014, "2014"},
        {"Suspected DCSync attack (replication of directory services)",
         "[PREVIEW] Suspected DCSync attack (replication of directory services)", 2006, "2006"},
        {"Something New! (v2)", "something new V2", 9999, "title:somethingnewv2"},
        {"Honeytoken activity", "A new name", 2014, "2014"}, /* by the external id */
        {"One", "Another", 9999, NULL},
    };
    struct arena *a = arena_new(DESK_BYTES);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct seen x = {.title = rows[i].apps, .account = "anna", .computer = "C1"};
        const struct seen y = {
            .title = rows[i].line, .account = "anna", .computer = "C1", .external_id = rows[i].id};
        struct source_ident p = ident_of(a, true, IDENTITY_APPS, seen_apps(a, &x));
        struct source_ident q = ident_of(a, false, IDENTITY_APPS, seen_line(a, &y));
        assert_int_equal(p.fate, FATE_ALERT);
        assert_int_equal(q.fate, FATE_IGNORE);
        assert_string_equal(q.reason, "identity.by_apps");
        assert_int_equal(slice_eq(p.twin, q.twin), rows[i].twin != NULL);
        if (rows[i].twin != NULL)
            assert_true(slice_eq(p.twin, slice_of(rows[i].twin)));
        p = ident_of(a, true, IDENTITY_SYSLOG, seen_apps(a, &x));
        q = ident_of(a, false, IDENTITY_SYSLOG, seen_line(a, &y));
        assert_int_equal(p.fate, FATE_IGNORE);
        assert_string_equal(p.reason, "apps.identity_by_syslog");
        assert_int_equal(q.fate, FATE_ALERT);
        p = ident_of(a, true, IDENTITY_OFF, seen_apps(a, &x));
        q = ident_of(a, false, IDENTITY_OFF, seen_line(a, &y));
        assert_int_equal(p.fate, FATE_IGNORE);
        assert_int_equal(q.fate, FATE_IGNORE);
        assert_null(p.twin.p);
        assert_null(q.twin.p);
    }
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_account_and_computer_tell_whether_it_may_be_the_same),
        cmocka_unit_test(test_mates_are_each_others_nearest),
        cmocka_unit_test(test_more_names_than_fit_are_left_out),
        cmocka_unit_test(test_both_channels_call_a_detection_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
