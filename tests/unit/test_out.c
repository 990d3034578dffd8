#include "ingest/out.h"

#include <stdio.h>
#include <stdlib.h>

#include "ingest_doubles.h"

static const struct source fake = {.name = "apps", .number = 3};

struct owner {
    struct rig *rig;
    unsigned idles;
    struct err last;
    struct out *out;
    bool ends_at_room;
    unsigned rooms;
};

static void
on_idle(void *arg, struct err e)
{
    struct owner *o = arg;
    o->idles++;
    o->last = e;
}

static void
on_room(void *arg)
{
    struct owner *o = arg;
    o->rooms++;
    if (o->ends_at_room)
        out_free(o->out);
}

static int
setup(void **state)
{
    *state = rig_new(&fake, NULL);
    return 0;
}

static int
teardown(void **state)
{
    rig_free(*state);
    return 0;
}

static void
open_out(struct rig *r, const struct ingest_tenant *t, struct owner *o)
{
    const struct out_owner owner = {o, on_idle, on_room};
    o->rig = r;
    o->out = out_new(&r->env, t, &owner);
    assert_non_null(o->out);
}

/* Sends one alert and confirms it; whether it was sent. */
static bool
give(struct owner *o, unsigned id, unsigned bytes)
{
    char name[32], payload[32];
    bool sent;
    (void)snprintf(name, sizeof name, "id-%u", id);
    (void)snprintf(payload, sizeof payload, "bytes-%u-%u", id, bytes);
    const struct raw_alert r = {slice_of(name), CLOCK_NONE, slice_of(payload)};
    bench_need(out_send(o->out, &r, 1, &sent));
    double_confirm_all(&o->rig->producer);
    o->rig->producer.n_sent = 0;
    return sent;
}

/* Enough for the tables to grow to their end and to give up a generation several times. */
static void
test_what_every_round_sees_is_sent_once_however_much_else_there_is(void **state)
{
    enum { EVERY = 100, OTHERS = 30000 };
    if (getenv("WEIR_TEST_VALGRIND") != NULL) {
        print_message("skipped, under valgrind this takes minutes; make asan runs it\n");
        skip();
    }
    struct owner o = {.idles = 0};
    const struct ingest_tenant t = rig_tenant(1);
    open_out(*state, &t, &o);
    for (unsigned i = 0; i < EVERY; i++)
        assert_true(give(&o, i, 0));
    for (unsigned i = 0; i < OTHERS; i++) {
        assert_true(give(&o, EVERY + i, 0));
        assert_false(give(&o, EVERY + i, 0));
        if (i % 1000 == 0)
            for (unsigned j = 0; j < EVERY; j++)
                assert_false(give(&o, j, 0));
    }
    assert_true(give(&o, EVERY, 0)); /* long forgotten */
    out_free(o.out);
}

static void
test_only_the_last_confirmed_bytes_of_an_alert_count(void **state)
{
    struct rig *r = *state;
    struct owner o = {.idles = 0};
    const struct ingest_tenant t = rig_tenant(1);
    bool sent;
    open_out(r, &t, &o);
    assert_true(give(&o, 1, 0));
    assert_true(give(&o, 1, 1));
    assert_true(give(&o, 1, 0));
    assert_false(give(&o, 1, 0));
    const struct raw_alert other = {SLICE("id-1"), CLOCK_NONE, SLICE("bytes-1-2")};
    bench_need(out_send(o.out, &other, 1, &sent));
    double_confirm(&r->producer, err_make(ERR_RETRY, "bus.produce", "may be there, or not"));
    assert_int_equal(o.last.kind, ERR_RETRY);
    assert_true(give(&o, 1, 0));
    assert_int_equal(o.last.kind, ERR_NONE); /* a failure is told once */
    out_free(o.out);
}

/* One tenant's alerts stay in one partition, in order: sources.md 8.2, line 3. */
static void
test_the_key_of_every_record_is_the_tenants_oid(void **state)
{
    struct rig *r = *state;
    struct arena *a = arena_new(1024);
    for (uint8_t first = 1; first <= 2; first++) {
        struct owner o = {.idles = 0};
        const struct ingest_tenant t = rig_tenant(first);
        open_out(r, &t, &o);
        for (unsigned id = 1; id <= 3; id++) {
            assert_true(give(&o, id, 0));
            assert_string_equal(r->producer.key, slice_hex(a, oid_slice(&t.oid)).p);
        }
        out_free(o.out);
    }
    arena_free(a);
}

/* What is stored is what came, so that a mapping can be repaired by replay: 8.2, line 4. */
static void
test_the_payload_of_a_record_is_what_the_source_gave_byte_for_byte(void **state)
{
    static const char *const rows[] = {" {\"id\" : 1.0e0}\r\n", "{\"id\":1,\"id\":2}",
                                       "\xef\xbb\xbf<35>1 line \\r\\n ", "\xff", "\t"};
    struct rig *r = *state;
    struct owner o = {.idles = 0};
    const struct ingest_tenant t = rig_tenant(1);
    open_out(r, &t, &o);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct raw_alert alert = {SLICE("id"), CLOCK_NONE, slice_of(rows[i])};
        bool sent;
        bench_need(out_send(o.out, &alert, 1, &sent));
        assert_true(sent);
        assert_string_equal(r->producer.sent[i], rows[i]);
        double_confirm_all(&r->producer);
    }
    out_free(o.out);
}

static void
test_an_owner_may_end_others_and_itself_when_there_is_room(void **state)
{
    struct rig *r = *state;
    struct owner o[3] = {{.ends_at_room = true}, {.idles = 0}, {.ends_at_room = true}};
    const struct ingest_tenant t = rig_tenant(1);
    const struct raw_alert a = {SLICE("id"), CLOCK_NONE, SLICE("bytes")};
    bool sent;
    r->producer.most = 0;
    for (size_t i = 0; i < 3; i++) {
        open_out(r, &t, &o[i]);
        for (int twice = 0; twice < 2; twice++) {
            struct err e = out_send(o[i].out, &a, 1, &sent);
            assert_string_equal(e.code, "bus.full");
        }
    }
    out_free(o[1].out);
    assert_true(double_room(&r->producer));
    assert_false(double_room(&r->producer));
    assert_int_equal(o[0].rooms, 1);
    assert_int_equal(o[1].rooms, 0);
    assert_int_equal(o[2].rooms, 1);
}

int
main(void)
{
#define RIGGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        RIGGED(test_what_every_round_sees_is_sent_once_however_much_else_there_is),
        RIGGED(test_only_the_last_confirmed_bytes_of_an_alert_count),
        RIGGED(test_the_key_of_every_record_is_the_tenants_oid),
        RIGGED(test_the_payload_of_a_record_is_what_the_source_gave_byte_for_byte),
        RIGGED(test_an_owner_may_end_others_and_itself_when_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
