/* Members of a group share, pause, give back and take over. */
#include "tests/integration/bus.h"

static void
two_members_share_and_one_takes_over(const char *bootstrap)
{
    static struct reader a, b;
    struct world w;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    a.until = b.until = -1;
    a.answer_later = true; /* an answer may come after the call */
    world_open(&w, bootstrap, "share", NULL);
    reader_open(&a, &w, w.group);
    send_many(&w, 0, 200);
    while (a.got < 200)
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    assert_int_equal(a.n_parts, PARTS);
    reader_open(&b, &w, w.group);
    /* how many rebalances it takes is the broker's affair: a slow machine sees one more */
    while (!(a.revoked > 0 && a.answered && a.n_parts == PARTS / 2 && b.n_parts == PARTS / 2))
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    while (a.got + b.got < 400) /* both read theirs from the beginning */
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    reader_close(&a);
    while (b.n_parts < PARTS)
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    assert_true(b.revoked > 0);
    reader_close(&b);
    world_close(&w);
}

static void
a_paused_consumer_hands_over_nothing_and_loses_nothing(const char *bootstrap)
{
    static struct reader r;
    struct world w;
    int64_t until_ms = 0;
    memset(&r, 0, sizeof r);
    r.pause_at = 100;
    r.until = 3000;
    world_open(&w, bootstrap, "pause", NULL);
    send_many(&w, 0, 2000);
    reader_open(&r, &w, NULL);
    turn(&w);
    assert_int_equal(r.got, 100);
    /* a short pause, and one so long that the library itself is paused */
    for (int i = 0; i < 2; i++) {
        until_ms = clock_mono_ms() + (i == 0 ? 50 : 1500);
        send_many(&w, 2000 + 500 * i, 500);
        while (clock_mono_ms() < until_ms)
            uv_run(loop_uv(w.loop), UV_RUN_ONCE);
        assert_int_equal(r.got_while_paused, 0);
        r.pause_at = i == 0 ? 700 : 0;
        r.paused = false;
        w.done = false;
        bus_resume(r.k);
        turn(&w);
        assert_int_equal(r.got, i == 0 ? 700 : 3000);
    }
    assert_each_once(&r, 3000);
    reader_close(&r);
    world_close(&w);
}

static void
a_paused_member_gives_back_and_goes_on(const char *bootstrap)
{
    static struct reader a, b;
    struct world w;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    a.until = b.until = -1;
    a.pause_at = 10;
    world_open(&w, bootstrap, "away", NULL);
    reader_open(&a, &w, w.group);
    send_many(&w, 0, 400);
    while (a.got < 10 || bus_waiting(w.producer) > 0)
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    /* paused for so long that the library was told, then the group changes under it */
    int64_t until_ms = clock_mono_ms() + 1500;
    while (clock_mono_ms() < until_ms)
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    reader_open(&b, &w, w.group);
    while (!(a.n_parts == PARTS / 2 && b.n_parts == PARTS / 2))
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    while (b.caught_up == 0)
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    assert_int_equal(a.got, 10);
    assert_int_equal(a.caught_up, 0);
    a.paused = false;
    bus_resume(a.k);
    while (a.caught_up == 0)
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    assert_int_equal(a.got - 10 + b.got, 400);
    reader_close(&a);
    reader_close(&b);
    world_close(&w);
}

static void
a_member_without_partitions_has_caught_up(const char *bootstrap)
{
    static struct reader members[PARTS + 1];
    struct world w;
    size_t idle = 0;
    memset(members, 0, sizeof members);
    world_open(&w, bootstrap, "idle", NULL);
    for (size_t i = 0; i <= PARTS; i++) {
        members[i].until = -1;
        reader_open(&members[i], &w, w.group);
    }
    for (size_t told = 0; told <= PARTS || idle != 1;) { /* between rebalances more may be idle */
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
        told = idle = 0;
        for (size_t i = 0; i <= PARTS; i++) {
            told += members[i].caught_up > 0 && members[i].n_parts <= 1;
            idle += members[i].caught_up > 0 && members[i].n_parts == 0;
        }
    }
    for (size_t i = 0; i <= PARTS; i++)
        reader_close(&members[i]);
    world_close(&w);
}

ON_BOTH(two_members_share_and_one_takes_over)
ON_BOTH(a_paused_consumer_hands_over_nothing_and_loses_nothing)
ON_BOTH(a_paused_member_gives_back_and_goes_on)
ON_BOTH(a_member_without_partitions_has_caught_up)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(two_members_share_and_one_takes_over),
        BOTH(a_paused_consumer_hands_over_nothing_and_loses_nothing),
        BOTH(a_paused_member_gives_back_and_goes_on),
        BOTH(a_member_without_partitions_has_caught_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
