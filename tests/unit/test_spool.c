#include "ingest/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { MEBIBYTE = 1 << 20, NAME = 300 };

struct room {
    char folder[64], inner[96];
    struct arena *a;
};

static int
setup(void **state)
{
    struct room *r = calloc(1, sizeof *r);
    assert_non_null(r);
    (void)snprintf(r->folder, sizeof r->folder, "/tmp/weir-test-spool-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    (void)snprintf(r->inner, sizeof r->inner, "%s/a/b", r->folder);
    r->a = arena_new((size_t)64 << 20);
    *state = r;
    return 0;
}

static int
teardown(void **state)
{
    struct room *r = *state;
    char above[96];
    struct err e = spool_remove(r->inner);
    assert_int_equal(e.kind, ERR_NONE);
    (void)snprintf(above, sizeof above, "%s/a", r->folder);
    (void)rmdir(above);
    assert_int_equal(rmdir(r->folder), 0);
    arena_free(r->a);
    free(r);
    return 0;
}

static struct spool *
opened(struct room *r, int64_t records)
{
    struct spool *s;
    struct spool_found found;
    struct err e = spool_open(r->inner, MEBIBYTE, &s, &found);
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
    assert_int_equal(found.records, records);
    assert_int_equal(found.torn_bytes, 0);
    return s;
}

static struct err
put(struct spool *s, const char *text)
{
    return spool_append(s, &(struct spool_record){.oid = {{1, 2}},
                                                  .epoch = -7,
                                                  .received = INT64_C(0x123456789abcdef),
                                                  .sealed = slice_of(text)});
}

static void
must_put(struct spool *s, const char *text)
{
    struct err e = put(s, text);
    assert_int_equal(e.kind, ERR_NONE);
}

/* The next record is this one; NULL: there is none. */
static void
next_is(struct room *r, struct spool *s, const char *text)
{
    struct spool_record k;
    bool have;
    arena_reset(r->a);
    struct err e = spool_next(s, r->a, &k, &have);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(have, text != NULL);
    if (text == NULL)
        return;
    assert_true(slice_eq(k.sealed, slice_of(text)));
    assert_int_equal(k.epoch, -7);
    assert_true(k.received == INT64_C(0x123456789abcdef));
    assert_int_equal(k.oid.b[1], 2);
}

static size_t
files(const struct room *r)
{
    size_t n = 0;
    DIR *d = opendir(r->inner);
    assert_non_null(d);
    for (struct dirent *f; (f = readdir(d)) != NULL;)
        n += f->d_name[0] != '.' ? 1 : 0;
    closedir(d);
    return n;
}

static void
test_records_come_in_order_and_once(void **state)
{
    struct room *r = *state;
    struct spool *s = opened(r, 0);
    next_is(r, s, NULL);
    must_put(s, "one");
    must_put(s, "");
    next_is(r, s, "one");
    next_is(r, s, "");
    next_is(r, s, NULL);
    must_put(s, "three");
    next_is(r, s, "three");
    spool_back(s);
    next_is(r, s, "three");
    spool_close(s);
}

static void
test_damage_in_the_middle_costs_the_record_that_it_has_hit(void **state)
{
    struct room *r = *state;
    static const off_t hit[] = {1, 3, 5, 20, SPOOL_HEAD + 1}; /* of the second record */
    for (size_t i = 0; i < sizeof hit / sizeof hit[0]; i++) {
        char path[128];
        struct spool_found found;
        struct spool *s = opened(r, 0);
        must_put(s, "first");
        must_put(s, "second");
        must_put(s, "third");
        must_put(s, "fourth");
        spool_close(s);
        (void)snprintf(path, sizeof path, "%s/%016x.seg", r->inner, 1);
        int fd = open(path, O_RDWR);
        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, "\x7f", 1, SPOOL_HEAD + 5 + hit[i]), 1);
        close(fd);
        for (int again = 0; again < 2; again++) { /* it stays until all is confirmed */
            struct err e = spool_open(r->inner, MEBIBYTE, &s, &found);
            assert_int_equal(e.kind, ERR_NONE);
            assert_int_equal(found.records, 3);
            assert_int_equal(found.skipped_bytes, SPOOL_HEAD + 6);
            assert_int_equal(found.torn_bytes, 0);
            next_is(r, s, "first");
            next_is(r, s, "third");
            spool_back(s);
            next_is(r, s, "third");
            next_is(r, s, "fourth");
            next_is(r, s, NULL);
            if (again == 0)
                spool_close(s);
        }
        spool_confirm(s);
        assert_int_equal(spool_bytes(s), 0);
        spool_close(s);
    }
}

static void
test_what_is_confirmed_is_gone_and_what_is_not_comes_again(void **state)
{
    struct room *r = *state;
    struct spool *s = opened(r, 0);
    must_put(s, "one");
    must_put(s, "two");
    next_is(r, s, "one");
    spool_confirm(s);
    next_is(r, s, "two");
    spool_rewind(s);
    next_is(r, s, "two");
    spool_rewind(s);
    spool_close(s);
    s = opened(r, 2); /* at least once: a segment goes as a whole */
    next_is(r, s, "one");
    next_is(r, s, "two");
    spool_confirm(s);
    assert_int_equal(spool_bytes(s), 0);
    must_put(s, "three");
    spool_close(s);
    s = opened(r, 1);
    next_is(r, s, "three");
    spool_close(s);
}

static void
test_a_full_spool_takes_nothing_until_something_was_confirmed(void **state)
{
    struct room *r = *state;
    struct spool *s = opened(r, 0);
    static char text[10000];
    memset(text, 'x', sizeof text - 1);
    size_t n = 0;
    struct err e = ERR_OK;
    while ((e = put(s, text)).kind == ERR_NONE)
        n++;
    assert_string_equal(e.code, "spool.full");
    assert_int_equal(n, MEBIBYTE / (SPOOL_HEAD + sizeof text - 1));
    assert_true(files(r) > 10);
    int64_t full = spool_bytes(s);
    for (size_t i = 0; i < n / 2; i++)
        next_is(r, s, text);
    spool_confirm(s);
    assert_true(spool_bytes(s) < full * 6 / 10);
    must_put(s, "more");
    for (size_t i = n / 2; i < n; i++)
        next_is(r, s, text);
    next_is(r, s, "more");
    next_is(r, s, NULL);
    spool_confirm(s);
    assert_int_equal(spool_bytes(s), 0);
    assert_int_equal(files(r), 1);
    spool_close(s);
}

static void
test_a_record_that_is_too_large_is_refused(void **state)
{
    struct room *r = *state;
    struct spool *s = opened(r, 0);
    char *text = calloc(1, SPOOL_RECORD_MAX + 1);
    struct err e = spool_append(s, &(struct spool_record){.sealed = {text, SPOOL_RECORD_MAX + 1}});
    assert_string_equal(e.code, "spool.size");
    assert_int_equal(e.kind, ERR_REJECT);
    e = spool_append(s, &(struct spool_record){.sealed = {text, SPOOL_RECORD_MAX}});
    assert_int_equal(e.kind, ERR_NONE);
    free(text);
    spool_close(s);
}

static void
test_a_folder_is_of_one_process_at_a_time(void **state)
{
    struct room *r = *state;
    struct spool *s = opened(r, 0), *other;
    struct spool_found found;
    int file, dir;
    struct err e = spool_open(r->inner, MEBIBYTE, &other, &found);
    assert_string_equal(e.code, "spool.busy");
    assert_null(other);
    must_put(s, "one");
    assert_true(spool_sync_begin(s, &file, &dir));
    spool_close(s);
    s = opened(r, 1); /* although a sync of the former is under way */
    close(file);
    close(dir);
    spool_close(s);
}

static void
test_a_sync_covers_what_was_there_when_it_began(void **state)
{
    struct room *r = *state;
    struct spool *s = opened(r, 0);
    int file, dir;
    assert_false(spool_sync_begin(s, &file, &dir));
    must_put(s, "one");
    int64_t one = spool_appended(s);
    assert_true(spool_sync_begin(s, &file, &dir));
    assert_true(file >= 0 && dir >= 0);
    must_put(s, "two");
    spool_sync_end(s, true);
    close(file);
    close(dir);
    assert_true(spool_synced(s) == one && spool_appended(s) > one);
    assert_true(spool_sync_begin(s, &file, &dir));
    assert_int_equal(dir, -1); /* its name is known to be there */
    spool_sync_end(s, false);
    close(file);
    assert_true(spool_synced(s) == one);
    assert_true(spool_sync_begin(s, &file, &dir)); /* once more, the folder too */
    assert_true(dir >= 0);
    spool_sync_end(s, true);
    close(file);
    close(dir);
    assert_true(spool_synced(s) == spool_appended(s));
    spool_close(s);
}

static void
test_a_sync_leaves_no_segment_out(void **state)
{
    struct room *r = *state;
    struct spool *s = opened(r, 0);
    static char text[60000];
    int file, dir;
    size_t syncs = 0;
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 10; i++)
        must_put(s, text);
    while (spool_sync_begin(s, &file, &dir)) {
        spool_sync_end(s, true);
        close(file);
        if (dir >= 0)
            close(dir);
        syncs++;
    }
    assert_int_equal(syncs, files(r));
    assert_true(syncs > 1);
    assert_true(spool_synced(s) == spool_appended(s));
    spool_close(s);
}

static void
test_strange_files_are_left_alone(void **state)
{
    struct room *r = *state;
    struct spool *s = opened(r, 0);
    char path[NAME], moved[NAME];
    spool_close(s);
    (void)snprintf(path, sizeof path, "%s/README", r->inner);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("not a segment", f);
    fclose(f);
    s = opened(r, 0);
    spool_close(s);
    struct err e = spool_remove(r->inner); /* says that something is left */
    assert_string_equal(e.code, "spool.remove");
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(moved, sizeof moved, "%s/0000000000000001.seg", r->inner);
    assert_int_equal(symlink("/etc/passwd", moved), 0);
    struct spool_found found;
    e = spool_open(r->inner, MEBIBYTE, &s, &found); /* no link is followed */
    assert_string_equal(e.code, "spool.open");
    assert_int_equal(unlink(moved), 0);
}

static void
test_files_are_private(void **state)
{
    struct room *r = *state;
    struct spool *s = opened(r, 0);
    struct stat st;
    char path[NAME];
    assert_int_equal(stat(r->inner, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    (void)snprintf(path, sizeof path, "%s/0000000000000001.seg", r->inner);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    spool_close(s);
    spool_close(NULL);
}

int
main(void)
{
#define ROOMED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROOMED(test_records_come_in_order_and_once),
        ROOMED(test_damage_in_the_middle_costs_the_record_that_it_has_hit),
        ROOMED(test_what_is_confirmed_is_gone_and_what_is_not_comes_again),
        ROOMED(test_a_full_spool_takes_nothing_until_something_was_confirmed),
        ROOMED(test_a_record_that_is_too_large_is_refused),
        ROOMED(test_a_folder_is_of_one_process_at_a_time),
        ROOMED(test_a_sync_covers_what_was_there_when_it_began),
        ROOMED(test_a_sync_leaves_no_segment_out),
        ROOMED(test_strange_files_are_left_alone),
        ROOMED(test_files_are_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
