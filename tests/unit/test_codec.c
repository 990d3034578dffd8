#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "schemas/codec.h"

/* A raw alert as a release before ours might have written it: without native_id and payload, with
 * a field of its own, in another order, the version as an int. */
static const char older[] =
    "{\"type\":\"record\",\"name\":\"raw_alert\",\"namespace\":\"weir\",\"fields\":["
    "{\"name\":\"colour\",\"type\":\"string\"},"
    "{\"name\":\"version\",\"type\":\"int\"},"
    "{\"name\":\"source\",\"type\":\"string\"},"
    "{\"name\":\"oid\",\"type\":{\"type\":\"fixed\",\"name\":\"oid\",\"size\":16}}]}";

static const struct oid OID = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

struct world {
    struct codec *c;
    struct arena *a;
};

static int
setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct err e = codec_new(&w->c);
    w->a = arena_new(64 * 1024 * 1024);
    *state = w;
    return e.kind == ERR_NONE && w->a != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
    struct world *w = *state;
    codec_free(w->c);
    arena_free(w->a);
    free(w);
    return 0;
}

static struct raw_record
some_raw(void)
{
    return (struct raw_record){.oid = OID,
                               .epoch = 2,
                               .source = SLICE("endpoint"),
                               .native_id = SLICE("da1_2"),
                               .version = INT64_C(16000000000000000),
                               .received = INT64_C(16000000000000001),
                               .payload = SLICE("\0\1\2sealed")};
}

static void
test_a_frame_begins_with_a_zero_and_the_number_of_the_schema(void **state)
{
    struct world *w = *state;
    struct slice frame = SLICE_NONE;
    struct raw_record r = some_raw();
    assert_int_equal(codec_raw(w->c, &r, w->a, &frame).kind, ERR_NONE);
    assert_memory_equal(frame.p, "\0\0\0\0\2", 5);
    assert_string_equal(codec_schema(w->c, frame), "raw_alert");
}

static void
test_bytes_with_zeros_come_back_and_absent_comes_back_empty(void **state)
{
    struct world *w = *state;
    struct slice frame = SLICE_NONE;
    struct raw_record r = some_raw(), back;
    assert_int_equal(codec_raw(w->c, &r, w->a, &frame).kind, ERR_NONE);
    assert_int_equal(codec_raw_read(w->c, frame, w->a, &back).kind, ERR_NONE);
    assert_true(slice_eq(back.payload, r.payload));
    assert_true(slice_eq(back.native_id, r.native_id));
    assert_int_equal(back.version, r.version);
    assert_true(oid_eq(&back.oid, &r.oid));
    r.payload = SLICE_NONE;
    assert_int_equal(codec_raw(w->c, &r, w->a, &frame).kind, ERR_NONE);
    assert_int_equal(codec_raw_read(w->c, frame, w->a, &back).kind, ERR_NONE);
    assert_int_equal(back.payload.n, 0);
    assert_non_null(back.payload.p);
}

static void
test_a_field_that_an_older_schema_lacks_gets_the_default(void **state)
{
    struct world *w = *state;
    char bytes[64] = {0, 0, 0, 0, 50, 6, 'r', 'e', 'd', 84, 8, 'm', 'a', 'i', 'l'};
    struct raw_record back;
    memset(&back, 0xff, sizeof back);
    memcpy(bytes + 15, OID.b, OID_BYTES);
    struct slice frame = {bytes, 15 + OID_BYTES};
    assert_null(codec_schema(w->c, frame));
    assert_int_equal(codec_schema_add(w->c, 50, older).kind, ERR_NONE);
    assert_string_equal(codec_schema(w->c, frame), "raw_alert");
    assert_int_equal(codec_raw_read(w->c, frame, w->a, &back).kind, ERR_NONE);
    assert_true(oid_eq(&back.oid, &OID));
    assert_true(slice_eq(back.source, SLICE("mail")));
    assert_int_equal(back.version, 42);
    assert_int_equal(back.epoch, 0);
    assert_int_equal(back.received, 0);
    assert_int_equal(back.native_id.n, 0);
    assert_non_null(back.native_id.p);
    assert_int_equal(back.payload.n, 0);
    /* what is read does not change what is written */
    struct raw_record r = some_raw();
    assert_int_equal(codec_raw(w->c, &r, w->a, &frame).kind, ERR_NONE);
    assert_int_equal(frame.p[4], 2);
}

static void
test_schemas_that_cannot_be_walked_are_not_taken(void **state)
{
    static const char *const bad[] = {
        "",
        "nonsense",
        "\"string\"",
        "{\"type\":\"record\",\"name\":\"stranger\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"raw_alert\",\"fields\":[{\"name\":\"l\",\"type\":"
        "{\"type\":\"array\",\"items\":\"string\"}}]}",
        "{\"type\":\"record\",\"name\":\"raw_alert\",\"fields\":[{\"name\":\"oid\",\"type\":"
        "\"string\"}]}",
        "{\"type\":\"record\",\"name\":\"raw_alert\",\"fields\":[{\"name\":\"epoch\",\"type\":"
        "[\"null\",\"int\"]}]}"};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err e = codec_schema_add(w->c, 60 + (int32_t)i, bad[i]);
        assert_int_equal(e.kind, ERR_STOP);
        assert_string_equal(e.code, "codec.schema");
    }
    assert_int_equal(codec_schema_add(w->c, 1, older).kind, ERR_STOP); /* taken */
}

static void
test_what_is_no_such_record_is_rejected_and_nothing_written(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *code;
    } rows[] = {
        {"", 0, "codec.frame"},
        {"\0\0\0\0", 4, "codec.frame"},
        {"\1\0\0\0\2", 5, "codec.frame"},         /* no frame */
        {"\0\0\0\0\77", 5, "codec.frame"},        /* no such number */
        {"\0\377\377\377\377", 5, "codec.frame"}, /* nor this */
        {"\0\0\0\0\1", 5, "codec.frame"},         /* another record */
        {"\0\0\0\0\2", 5, "codec.record"},        /* nothing in it */
        {"\0\0\0\0\2"
         "0123456789abcdef\4\377\377\377\377\17x",
         28, "codec.record"}, /* 2 GB, it says */
        {"\0\0\0\0\2"
         "0123456789abcdef\4\1x",
         24, "codec.record"}, /* a length of -1 */
        {"\0\0\0\0\2"
         "0123456789abcdef\377\377\377\377\377\377\377\377\377\377\1",
         32, "codec.record"},
        {"\0\0\0\0\2"
         "0123456789abcdef\2\2a\2b\2\2\2cx",
         32, "codec.record"}, /* something left */
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct raw_record back = {.epoch = 77};
        struct err e = codec_raw_read(w->c, (struct slice){rows[i].bytes, rows[i].n}, w->a, &back);
        if (e.kind != ERR_REJECT || strcmp(e.code, rows[i].code) != 0)
            fail_msg("row %zu: %d %s", i, (int)e.kind, e.code != NULL ? e.code : "");
        assert_int_equal(back.epoch, 77);
    }
}

static void
test_every_cut_of_a_frame_is_rejected(void **state)
{
    struct world *w = *state;
    struct slice frame = SLICE_NONE;
    struct raw_record r = some_raw(), back;
    assert_int_equal(codec_raw(w->c, &r, w->a, &frame).kind, ERR_NONE);
    for (size_t n = 0; n < frame.n; n++)
        assert_int_equal(codec_raw_read(w->c, slice_sub(frame, 0, n), w->a, &back).kind,
                         ERR_REJECT);
}

static void
test_over_the_limit_is_refused_both_ways(void **state)
{
    struct world *w = *state;
    struct slice frame = SLICE_NONE;
    struct raw_record r = some_raw(), back;
    char *big = calloc(1, CODEC_VALUE_MAX + 1);
    r.payload = (struct slice){big, CODEC_VALUE_MAX};
    struct err e = codec_raw(w->c, &r, w->a, &frame);
    assert_string_equal(e.code, "codec.too_large");
    big[4] = 2;
    e = codec_raw_read(w->c, (struct slice){big, CODEC_VALUE_MAX + 1}, w->a, &back);
    assert_string_equal(e.code, "codec.frame");
    r.payload.n = CODEC_VALUE_MAX - 1000;
    assert_int_equal(codec_raw(w->c, &r, w->a, &frame).kind, ERR_NONE);
    assert_int_equal(codec_raw_read(w->c, frame, w->a, &back).kind, ERR_NONE);
    assert_int_equal(back.payload.n, r.payload.n);
    free(big);
}

static void
test_a_full_arena_is_said_and_can_be_tried_again(void **state)
{
    struct world *w = *state;
    struct slice frame = SLICE_NONE;
    struct raw_record r = some_raw(), back = {.epoch = 77};
    struct arena *small = arena_new(1);
    assert_string_equal(codec_raw(w->c, &r, small, &frame).code, "codec.memory");
    assert_int_equal(codec_raw(w->c, &r, w->a, &frame).kind, ERR_NONE);
    assert_string_equal(codec_raw_read(w->c, frame, small, &back).code, "codec.memory");
    assert_int_equal(back.epoch, 77);
    assert_int_equal(codec_raw_read(w->c, frame, w->a, &back).kind, ERR_NONE);
    arena_free(small);
}

static void
test_the_text_of_each_schema_is_there_by_its_number(void **state)
{
    static const char *const names[] = {"tenant_state", "raw_alert", "control_event",
                                        "incident_event", "incident"};
    (void)state;
    for (int32_t i = 0; i < 5; i++) {
        char want[64];
        snprintf(want, sizeof want, "\"name\": \"%s\"", names[i]);
        assert_non_null(codec_schema_text(i + 1));
        assert_non_null(strstr(codec_schema_text(i + 1), want));
    }
    assert_null(codec_schema_text(0));
    assert_null(codec_schema_text(99));
}

static void
test_state_words_go_both_ways(void **state)
{
    (void)state;
    for (int s = TENANT_NONE; s <= TENANT_PURGED; s++)
        assert_int_equal(tenant_state_of(slice_of(tenant_state_word((enum tenant_state)s))), s);
    assert_string_equal(tenant_state_word(TENANT_ACTIVE), "active");
    assert_int_equal(tenant_state_of(SLICE("Active")), TENANT_NONE);
    assert_int_equal(tenant_state_of(SLICE_NONE), TENANT_NONE);
}

/* The other reader: python3-avro of Debian's own Python gets our bytes and our schema. */
#define PYTHON "/usr/bin/python3"
static const char reader[] =
    "import avro.schema, avro.io, io, sys\n"
    "frame = sys.stdin.buffer.read()\n"
    "schema = avro.schema.parse(open('schemas/incident_event.avsc').read())\n"
    "assert frame[:5] == bytes([0, 0, 0, 0, 4]), frame[:5]\n"
    "r = avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(io.BytesIO(frame[5:])))\n"
    "assert r['oid'] == bytes(range(1, 17)), r\n"
    "assert (r['incident_id'], r['version'], r['merged_into']) == (12, -3, 1 << 40), r\n"
    "assert (r['kind'], r['severity'], r['link']) == ('created', 'high', '/incidents/12'), r\n"
    "assert (r['alerts'], r['users'], r['created']) == (3, 2, 16000000000000000), r\n";

static void
test_another_implementation_reads_our_bytes(void **state)
{
    struct world *w = *state;
    struct slice frame = SLICE_NONE;
    struct event_record r = {.oid = OID,
                             .epoch = 1,
                             .incident_id = 12,
                             .version = -3,
                             .kind = SLICE("created"),
                             .severity = SLICE("high"),
                             .status = SLICE("active"),
                             .alerts = 3,
                             .users = 2,
                             .created = INT64_C(16000000000000000),
                             .merged_into = INT64_C(1) << 40,
                             .link = SLICE("/incidents/12")};
    if (system(PYTHON " -c 'import avro.io' 2>/dev/null") != 0) {
        puts("skipped, python3-avro is not installed");
        skip();
    }
    char script[] = "/tmp/weir-codec-XXXXXX";
    int fd = mkstemp(script);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, reader, sizeof reader - 1), sizeof reader - 1);
    close(fd);
    char command[64];
    snprintf(command, sizeof command, PYTHON " %s", script);
    assert_int_equal(codec_event(w->c, &r, w->a, &frame).kind, ERR_NONE);
    FILE *f = popen(command, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(frame.p, 1, frame.n, f), frame.n);
    assert_int_equal(pclose(f), 0);
    unlink(script);
}

#define ALONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ALONE(test_a_frame_begins_with_a_zero_and_the_number_of_the_schema),
        ALONE(test_bytes_with_zeros_come_back_and_absent_comes_back_empty),
        ALONE(test_a_field_that_an_older_schema_lacks_gets_the_default),
        ALONE(test_schemas_that_cannot_be_walked_are_not_taken),
        ALONE(test_what_is_no_such_record_is_rejected_and_nothing_written),
        ALONE(test_every_cut_of_a_frame_is_rejected),
        ALONE(test_over_the_limit_is_refused_both_ways),
        ALONE(test_a_full_arena_is_said_and_can_be_tried_again),
        cmocka_unit_test(test_the_text_of_each_schema_is_there_by_its_number),
        cmocka_unit_test(test_state_words_go_both_ways),
        ALONE(test_another_implementation_reads_our_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
