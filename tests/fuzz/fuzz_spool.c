/*
 * What a crash leaves of a spool. The first byte says how the input is meant: a segment as it
 * stands, or records that are written in order and then hurt at one place. What comes back is
 * whole, and is there again when the spool is opened once more.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ingest/spool.h"

enum { PATH_BYTES = 96, MOST = 1 << 20, INPUT_MAX = 4096, PIECE_MAX = 64 };

struct room {
    char folder[64], segment[PATH_BYTES];
    struct arena *a;
};

static struct room *
the_room(void)
{
    static struct room r;
    if (r.a != NULL)
        return &r;
    (void)snprintf(r.folder, sizeof r.folder, "/tmp/weir-fuzz-spool-XXXXXX");
    if (mkdtemp(r.folder) == NULL)
        abort();
    (void)snprintf(r.segment, sizeof r.segment, "%s/0000000000000001.seg", r.folder);
    r.a = arena_new((size_t)64 << 20);
    if (r.a == NULL)
        abort();
    return &r;
}

static struct spool *
opened(struct room *r, struct spool_found *found)
{
    struct spool *s;
    struct err e = spool_open(r->folder, MOST, &s, found);
    if (e.kind)
        abort();
    return s;
}

static void
write_segment(struct room *r, struct slice bytes)
{
    int fd = open(r->segment, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes.p, bytes.n) != (ssize_t)bytes.n)
        abort();
    close(fd);
}

/* Each record: a length, then so many bytes. How many there are before the place that is hurt. */
static int64_t
write_records(struct room *r, const uint8_t *data, size_t size)
{
    struct spool_found found;
    struct spool *s = opened(r, &found);
    int64_t place = (int64_t)data[0] * 2 + data[1], before = 0;
    for (size_t at = 2; at < size;) {
        size_t n = data[at] % PIECE_MAX, left = size - at - 1;
        struct spool_record k = {.received = (int64_t)at,
                                 .sealed = {(const char *)data + at + 1, n < left ? n : left}};
        struct err e = spool_append(s, &k);
        if (e.kind)
            abort();
        before += spool_appended(s) <= place ? 1 : 0;
        at += 1 + k.sealed.n;
    }
    int64_t end = spool_appended(s);
    spool_close(s);
    int fd = open(r->segment, O_RDWR | O_CLOEXEC);
    char byte = 0;
    if (fd < 0)
        abort();
    if (place < end && pread(fd, &byte, 1, (off_t)place) == 1) {
        byte = (char)(byte ^ 0x40);
        if (pwrite(fd, &byte, 1, (off_t)place) != 1)
            abort();
    }
    close(fd);
    return before;
}

/* Gives all there is; their number. */
static int64_t
give_all(struct room *r, struct spool *s)
{
    struct spool_record k;
    bool have = true;
    int64_t n = 0;
    for (; have; n += have ? 1 : 0) {
        arena_reset(r->a);
        struct err e = spool_next(s, r->a, &k, &have);
        if (e.kind || (have && k.sealed.n > SPOOL_RECORD_MAX))
            abort();
    }
    return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > INPUT_MAX)
        return 0;
    struct room *r = the_room();
    struct spool_found found, again;
    (void)unlink(r->segment);
    int64_t before = 0;
    if (data[0] % 2 == 0)
        write_segment(r, (struct slice){(const char *)data + 1, size - 1});
    else
        before = write_records(r, data + 1, size - 1);
    struct spool *s = opened(r, &found);
    if (found.records < before || give_all(r, s) != found.records)
        abort();
    FUZZ_PLANT(found.records == 2 && found.torn_bytes > 50);
    spool_close(s);
    s = opened(r, &again);
    if (again.torn_bytes != 0 || again.records != found.records || give_all(r, s) != found.records)
        abort();
    spool_confirm(s);
    if (spool_bytes(s) != 0)
        abort();
    spool_close(s);
    return 0;
}
