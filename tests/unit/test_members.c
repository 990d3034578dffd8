#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/members.h"

enum { MANY = 10000, ENDPOINT = 1 << 1, MAIL = 1 << 2, IDENTITY = 1 << 4 };

static const struct source endpoint = {.name = "endpoint", .number = 1};
static const struct source identity = {.name = "identity", .number = 4, .listens = true};

/* What the members' owner was told. */
struct told {
    size_t begun, ended;
    bool refuse, at_once;
    int64_t version; /* of the last one begun */
};

static void *
on_begin(void *arg, const struct ingest_tenant *tenant)
{
    struct told *t = arg;
    if (t->refuse)
        return NULL;
    t->begun++;
    t->version = tenant->settings_version;
    t->at_once = tenant->at_once;
    return t;
}

static void
on_end(void *arg, const struct ingest_tenant *tenant, void *work)
{
    struct told *t = arg;
    (void)tenant;
    assert_ptr_equal(work, t);
    t->ended++;
}

static struct members *
members_of(struct told *t, const struct source *source)
{
    const struct members_owner owner = {.arg = t, .begin = on_begin, .end = on_end};
    *t = (struct told){.begun = 0};
    struct members *m = members_new(source, &owner);
    assert_non_null(m);
    return m;
}

static struct tenant_record
record(uint32_t number)
{
    struct tenant_record r = {
        .epoch = 1, .state = TENANT_ACTIVE, .sources = ENDPOINT | MAIL, .settings_version = 1};
    memcpy(r.oid.b, &number, sizeof number);
    return r;
}

static void
tell(struct members *m, const struct tenant_record *r)
{
    struct err e = members_tell(m, r);
    assert_int_equal(e.kind, ERR_NONE);
}

static void
test_a_tenant_is_on_when_it_is_active_and_its_switch_is(void **state)
{
    static const struct {
        const struct source *source;
        enum tenant_state state;
        uint32_t sources;
        int32_t channel;
        bool on;
        bool keeps; /* what it has sent */
    } rows[] = {
        {&endpoint, TENANT_ACTIVE, ENDPOINT, IDENTITY_OFF, true, true},
        {&endpoint, TENANT_ACTIVE, ENDPOINT | MAIL | IDENTITY, IDENTITY_SYSLOG, true, true},
        {&endpoint, TENANT_ACTIVE, MAIL | IDENTITY, IDENTITY_OFF, false, false},
        {&endpoint, TENANT_SUSPENDED, ENDPOINT, IDENTITY_OFF, false, true},
        {&endpoint, TENANT_PURGING, ENDPOINT, IDENTITY_OFF, false, false},
        {&endpoint, TENANT_PURGED, ENDPOINT, IDENTITY_OFF, false, false},
        {&identity, TENANT_ACTIVE, IDENTITY, IDENTITY_SYSLOG, true, true},
        {&identity, TENANT_ACTIVE, IDENTITY, IDENTITY_APPS, true,
         true}, /* its lines add to alerts */
        {&identity, TENANT_ACTIVE, ENDPOINT, IDENTITY_APPS, false, false},
        {&identity, TENANT_ACTIVE, IDENTITY, IDENTITY_OFF, false, false},
        {&identity, TENANT_ACTIVE, ENDPOINT, IDENTITY_SYSLOG, false, false},
        {&identity, TENANT_SUSPENDED, IDENTITY, IDENTITY_SYSLOG, false, true},
        {&identity, TENANT_SUSPENDED, IDENTITY, IDENTITY_OFF, false, false},
        {&identity, TENANT_SUSPENDED, ENDPOINT, IDENTITY_SYSLOG, false, false},
        {&identity, TENANT_PURGING, IDENTITY, IDENTITY_SYSLOG, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct told t;
        struct members *m = members_of(&t, rows[i].source);
        struct tenant_record r = record(1);
        r.state = rows[i].state;
        r.sources = rows[i].sources;
        r.identity_channel = rows[i].channel;
        tell(m, &r);
        assert_int_equal(t.begun, rows[i].on);
        assert_int_equal(members_count(m), rows[i].on);
        assert_int_equal(members_keeps(m, &r), rows[i].keeps);
        members_clear(m);
        assert_int_equal(t.ended, rows[i].on);
        members_free(m);
    }
    (void)state;
}

static void
test_only_a_change_of_epoch_or_settings_begins_anew_and_then_at_once(void **state)
{
    static const struct {
        int32_t epoch;
        int64_t version;
        int32_t shard;
        bool anew;
    } rows[] = {{1, 1, 0, false}, {1, 1, 3, false}, {1, 2, 0, true}, {2, 1, 0, true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct told t;
        struct members *m = members_of(&t, &endpoint);
        struct tenant_record r = record(1);
        tell(m, &r);
        assert_false(t.at_once);
        r.epoch = rows[i].epoch;
        r.settings_version = rows[i].version;
        r.shard = rows[i].shard;
        tell(m, &r);
        assert_int_equal(t.begun, rows[i].anew ? 2 : 1);
        assert_int_equal(t.ended, rows[i].anew ? 1 : 0);
        assert_int_equal(t.at_once, rows[i].anew);
        assert_int_equal(members_count(m), 1);
        members_clear(m);
        members_free(m);
    }
    (void)state;
}

static void
test_switched_off_suspended_and_gone_end_it_once(void **state)
{
    struct told t;
    struct members *m = members_of(&t, &endpoint);
    struct tenant_record r[3] = {record(1), record(2), record(3)};
    for (size_t i = 0; i < 3; i++)
        tell(m, &r[i]);
    assert_true(members_has(m, &r[2].oid));
    r[0].sources = MAIL;
    r[1].state = TENANT_SUSPENDED;
    for (int twice = 0; twice < 2; twice++) {
        tell(m, &r[0]);
        tell(m, &r[1]);
        members_gone(m, &r[2].oid);
        assert_false(members_has(m, &r[2].oid));
        assert_int_equal(t.ended, 3);
        assert_int_equal(members_count(m), 0);
    }
    members_free(m);
    (void)state;
}

static void
test_without_memory_a_tenant_is_refused_and_may_come_again(void **state)
{
    struct told t;
    struct members *m = members_of(&t, &endpoint);
    struct tenant_record r = record(1);
    t.refuse = true;
    struct err e = members_tell(m, &r);
    assert_int_equal(e.kind, ERR_STOP);
    assert_string_equal(e.code, "ingest.memory");
    assert_int_equal(members_count(m), 0);
    t.refuse = false;
    tell(m, &r);
    assert_int_equal(t.begun, 1);
    members_clear(m);
    members_free(m);
    (void)state;
}

static void
test_ten_thousand_are_each_found_again(void **state)
{
    struct told t;
    struct members *m = members_of(&t, &endpoint);
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t i = 0; i < MANY; i++) {
            struct tenant_record r = record(i * 64); /* the same low bits */
            r.settings_version = i;
            tell(m, &r);
        }
    assert_int_equal(t.begun, MANY);
    assert_int_equal(members_count(m), MANY);
    for (uint32_t i = 0; i < MANY; i += 2) {
        struct tenant_record r = record(i * 64);
        members_gone(m, &r.oid);
    }
    assert_int_equal(members_count(m), MANY / 2);
    members_clear(m);
    assert_int_equal(t.ended, MANY);
    members_free(m);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tenant_is_on_when_it_is_active_and_its_switch_is),
        cmocka_unit_test(test_only_a_change_of_epoch_or_settings_begins_anew_and_then_at_once),
        cmocka_unit_test(test_switched_off_suspended_and_gone_end_it_once),
        cmocka_unit_test(test_without_memory_a_tenant_is_refused_and_may_come_again),
        cmocka_unit_test(test_ten_thousand_are_each_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
