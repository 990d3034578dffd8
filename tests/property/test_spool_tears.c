/* Whatever a crash leaves of the last segment: what was synced comes again, in order and whole,
 * nothing else does, and the spool goes on. Seeds are printed; SEED repeats one. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/spool.h"

enum { MEBIBYTE = 1 << 20, ROUNDS = 60, STEPS = 60 };

/* What the test knows of each record, by its number. */
struct world {
    uint32_t random;
    char folder[64];
    struct arena *a;
    struct spool *spool;
    int64_t appended, synced, confirmed, given; /* counts of records: the first one is 0 */
    bool hole;                                  /* a record in the middle was damaged */
};

static uint32_t
draw(struct world *w, uint32_t below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 17;
    w->random ^= w->random << 5;
    return w->random % below;
}

static void
need(struct err e)
{
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
}

/* A record tells its number and is as long as that says, so that a wrong one shows. */
static struct slice
text_of(struct world *w, int64_t number)
{
    size_t n = 8 + (size_t)(number * 7919 % 3000);
    char *p = arena_alloc(w->a, n);
    assert_non_null(p);
    memset(p, (int)('a' + number % 26), n);
    memcpy(p, &number, sizeof number);
    return (struct slice){p, n};
}

static void
append(struct world *w)
{
    arena_reset(w->a);
    struct err e = spool_append(
        w->spool, &(struct spool_record){
                      .epoch = 3, .received = w->appended, .sealed = text_of(w, w->appended)});
    if (e.kind) { /* a full one is no news */
        assert_string_equal(e.code, "spool.full");
        return;
    }
    w->appended++;
}

static void
sync_all(struct world *w)
{
    int file, dir;
    while (spool_sync_begin(w->spool, &file, &dir)) {
        close(file);
        if (dir >= 0)
            close(dir);
        spool_sync_end(w->spool, true);
    }
    w->synced = w->appended;
}

/* The next record; its number must be the next of what is there. */
static bool
give(struct world *w)
{
    struct spool_record k;
    bool have;
    arena_reset(w->a);
    need(spool_next(w->spool, w->a, &k, &have));
    if (!have)
        return false;
    assert_true(k.received == w->given);
    assert_true(slice_eq(k.sealed, text_of(w, k.received)));
    w->given++;
    return true;
}

static void
step(struct world *w)
{
    switch (draw(w, 8)) {
    case 0:
    case 1:
    case 2:
        for (uint32_t n = draw(w, 40); n > 0; n--)
            append(w);
        break;
    case 3:
        sync_all(w);
        break;
    case 4:
    case 5:
        for (uint32_t n = draw(w, 60); n > 0 && give(w); n--)
            ;
        break;
    case 6:
        spool_confirm(w->spool);
        w->confirmed = w->given;
        break;
    default:
        spool_rewind(w->spool);
        w->given = w->confirmed;
    }
}

/* The newest segment, torn anywhere behind what was synced: cut short, or with noise in it. */
static void
tear(struct world *w, const char *path, int64_t least)
{
    struct stat st;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    if (st.st_size > least) {
        off_t at = (off_t)least + (off_t)draw(w, (uint32_t)(st.st_size - least + 1));
        char noise = (char)(1 + draw(w, 255)), byte = 0;
        switch (draw(w, 3)) {
        case 0:
            assert_int_equal(ftruncate(fd, at), 0);
            break;
        case 1: /* the file has its length but not its content */
            assert_int_equal(ftruncate(fd, at), 0);
            assert_int_equal(ftruncate(fd, st.st_size), 0);
            break;
        default:
            if (pread(fd, &byte, 1, at) == 1) {
                byte = (char)(byte ^ noise);
                assert_int_equal(pwrite(fd, &byte, 1, at), 1);
            }
        }
    }
    close(fd);
}

static void
crash(struct world *w)
{
    char path[160];
    int64_t unsynced_bytes = spool_appended(w->spool) - spool_synced(w->spool);
    int64_t least = -1;
    spool_close(w->spool);
    /* only one segment can hold what is not synced when it is small; else none is torn */
    for (unsigned number = 4096; number > 0 && least < 0; number--) {
        struct stat st;
        (void)snprintf(path, sizeof path, "%s/%016x.seg", w->folder, number);
        if (stat(path, &st) == 0)
            least = st.st_size >= unsynced_bytes ? st.st_size - unsynced_bytes : st.st_size;
    }
    if (least >= 0 && unsynced_bytes > 0)
        tear(w, path, least);
    struct spool_found found;
    need(spool_open(w->folder, MEBIBYTE, &w->spool, &found));
}

/* What comes after a crash begins at or before the first that was not confirmed, is without holes
 * but for the one record that was damaged and not synced, and reaches at least to what was synced.
 */
static void
check(struct world *w)
{
    struct spool_record k;
    bool have = true;
    int64_t first = -1, n = 0;
    while (have) {
        arena_reset(w->a);
        need(spool_next(w->spool, w->a, &k, &have));
        if (!have)
            break;
        int64_t expected = first < 0 ? w->confirmed : first + n;
        if (k.received == expected + 1 && expected >= w->synced && !w->hole) {
            w->hole = true;
            first = first < 0 ? expected : first;
            n++;
        }
        first = first < 0 ? k.received : first;
        assert_true(k.received == first + n);
        assert_true(slice_eq(k.sealed, text_of(w, k.received)));
        n++;
    }
    int64_t end = first < 0 ? w->confirmed : first + n;
    assert_true(first <= w->confirmed);
    assert_true(end >= w->synced && end <= w->appended);
    w->confirmed = end - n; /* all of these are given once more */
    w->appended = w->synced = end;
    spool_rewind(w->spool);
    w->given = w->confirmed;
}

static void
test_what_was_synced_survives_any_tear(void **state)
{
    const char *given = getenv("SEED");
    uint32_t seed = given != NULL ? (uint32_t)strtoul(given, NULL, 10) : (uint32_t)time(NULL);
    printf("SEED=%u\n", seed);
    (void)state;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        static struct world w;
        struct spool_found found;
        w = (struct world){.random = (seed + round) * 2654435761U | 1};
        (void)snprintf(w.folder, sizeof w.folder, "/tmp/weir-test-tears-XXXXXX");
        assert_non_null(mkdtemp(w.folder));
        w.a = arena_new((size_t)1 << 20);
        need(spool_open(w.folder, MEBIBYTE, &w.spool, &found));
        /* with a hole the numbers do not tell any more what has to come */
        for (uint32_t crashes = 1 + draw(&w, 3); crashes > 0 && !w.hole; crashes--) {
            for (uint32_t steps = 1 + draw(&w, STEPS); steps > 0; steps--)
                step(&w);
            crash(&w);
            check(&w);
        }
        spool_close(w.spool);
        need(spool_remove(w.folder));
        arena_free(w.a);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_was_synced_survives_any_tear)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
