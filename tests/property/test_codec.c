/* decode(encode(x)) = x for every record; SEED=n repeats a run. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "schemas/codec.h"

enum { ROUNDS = 2000, TEXT_MAX = 300 };

struct world {
    struct codec *c;
    struct arena *a;
    uint64_t seed;
};

/* splitmix64, so that a seed means the same everywhere */
static uint64_t
draw(struct world *w)
{
    uint64_t z = (w->seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Small numbers, large ones and the edges, each often. */
static int64_t
draw_i64(struct world *w)
{
    static const int64_t edges[] = {0, 1, -1, INT64_MAX, INT64_MIN, INT32_MAX, INT32_MIN, 63, 64};
    switch (draw(w) % 3) {
    case 0:
        return edges[draw(w) % (sizeof edges / sizeof edges[0])];
    case 1:
        return (int64_t)(draw(w) % 1000) - 500;
    default:
        return (int64_t)draw(w);
    }
}

static int32_t
draw_i32(struct world *w)
{
    return (int32_t)draw_i64(w);
}

static struct slice
draw_slice(struct world *w)
{
    size_t n = draw(w) % 4 == 0 ? 0 : draw(w) % TEXT_MAX;
    char *p = arena_alloc(w->a, n + 1);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)draw(w);
    return (struct slice){p, n};
}

static struct oid
draw_oid(struct world *w)
{
    struct oid oid;
    for (size_t i = 0; i < OID_BYTES; i++)
        oid.b[i] = (uint8_t)draw(w);
    return oid;
}

#define SAME(x, y, member) assert_true((x).member == (y).member)
#define SAME_SLICE(x, y, member) assert_true(slice_eq((x).member, (y).member))
#define SAME_HEAD(x, y)                                                                            \
    do {                                                                                           \
        assert_true(oid_eq(&(x).oid, &(y).oid));                                                   \
        SAME(x, y, epoch);                                                                         \
    } while (0)
#define ROUND_TRIP(name, x, y)                                                                     \
    do {                                                                                           \
        struct slice frame = SLICE_NONE;                                                           \
        assert_int_equal(codec_##name(w->c, &(x), w->a, &frame).kind, ERR_NONE);                   \
        assert_int_equal(codec_##name##_read(w->c, frame, w->a, &(y)).kind, ERR_NONE);             \
    } while (0)

static void
tenant_round(struct world *w)
{
    struct tenant_record y, x = {.oid = draw_oid(w),
                                 .epoch = draw_i32(w),
                                 .state = (enum tenant_state)(draw(w) % (TENANT_PURGED + 1)),
                                 .shard = draw_i32(w),
                                 .sources = (uint32_t)draw(w),
                                 .identity_channel = draw_i32(w),
                                 .settings_version = draw_i64(w)};
    ROUND_TRIP(tenant, x, y);
    SAME_HEAD(x, y);
    SAME(x, y, state);
    SAME(x, y, shard);
    SAME(x, y, sources);
    SAME(x, y, identity_channel);
    SAME(x, y, settings_version);
}

static void
raw_round(struct world *w)
{
    struct raw_record y, x = {.oid = draw_oid(w),
                              .epoch = draw_i32(w),
                              .source = draw_slice(w),
                              .native_id = draw_slice(w),
                              .version = draw_i64(w),
                              .received = draw_i64(w),
                              .payload = draw_slice(w)};
    ROUND_TRIP(raw, x, y);
    SAME_HEAD(x, y);
    SAME_SLICE(x, y, source);
    SAME_SLICE(x, y, native_id);
    SAME(x, y, version);
    SAME(x, y, received);
    SAME_SLICE(x, y, payload);
}

static void
control_round(struct world *w)
{
    struct control_record y, x = {.oid = draw_oid(w),
                                  .epoch = draw_i32(w),
                                  .id = draw_slice(w),
                                  .kind = draw_slice(w),
                                  .incident_id = draw_i64(w),
                                  .time = draw_i64(w),
                                  .by = draw_slice(w),
                                  .payload = draw_slice(w)};
    ROUND_TRIP(control, x, y);
    SAME_HEAD(x, y);
    SAME_SLICE(x, y, id);
    SAME_SLICE(x, y, kind);
    SAME(x, y, incident_id);
    SAME(x, y, time);
    SAME_SLICE(x, y, by);
    SAME_SLICE(x, y, payload);
}

static void
event_round(struct world *w)
{
    struct event_record y, x = {.oid = draw_oid(w),
                                .epoch = draw_i32(w),
                                .incident_id = draw_i64(w),
                                .version = draw_i64(w),
                                .kind = draw_slice(w),
                                .severity = draw_slice(w),
                                .status = draw_slice(w),
                                .alerts = draw_i32(w),
                                .users = draw_i32(w),
                                .devices = draw_i32(w),
                                .sources = draw_i32(w),
                                .created = draw_i64(w),
                                .updated = draw_i64(w),
                                .first_activity = draw_i64(w),
                                .last_activity = draw_i64(w),
                                .merged_into = draw_i64(w),
                                .link = draw_slice(w)};
    ROUND_TRIP(event, x, y);
    SAME_HEAD(x, y);
    SAME(x, y, incident_id);
    SAME(x, y, version);
    SAME_SLICE(x, y, kind);
    SAME_SLICE(x, y, severity);
    SAME_SLICE(x, y, status);
    SAME(x, y, alerts);
    SAME(x, y, users);
    SAME(x, y, devices);
    SAME(x, y, sources);
    SAME(x, y, created);
    SAME(x, y, updated);
    SAME(x, y, first_activity);
    SAME(x, y, last_activity);
    SAME(x, y, merged_into);
    SAME_SLICE(x, y, link);
}

static void
incident_round(struct world *w)
{
    struct incident_record y, x = {.oid = draw_oid(w),
                                   .epoch = draw_i32(w),
                                   .incident_id = draw_i64(w),
                                   .version = draw_i64(w),
                                   .sealed = draw_slice(w)};
    ROUND_TRIP(incident, x, y);
    SAME_HEAD(x, y);
    SAME(x, y, incident_id);
    SAME(x, y, version);
    SAME_SLICE(x, y, sealed);
}

static void
test_what_is_written_is_read_back_the_same(void **state)
{
    static void (*const rounds[])(struct world * w) = {tenant_round, raw_round, control_round,
                                                       event_round, incident_round};
    const char *given = getenv("SEED");
    struct world w = {.seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL)};
    (void)state;
    printf("SEED=%" PRIu64 "\n", w.seed);
    assert_int_equal(codec_new(&w.c).kind, ERR_NONE);
    w.a = arena_new(1024 * 1024);
    for (int i = 0; i < ROUNDS; i++) {
        rounds[draw(&w) % 5](&w);
        arena_reset(w.a);
    }
    codec_free(w.c);
    arena_free(w.a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
