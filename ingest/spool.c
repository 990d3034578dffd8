#include "ingest/spool.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A record: length of what follows the checksum, checksum of all the rest, oid, epoch, received
 * (integers big-endian), the envelope. Segments have no head: an empty file is an empty one. */
enum {
    AT_CHECKSUM = 4,
    AT_OID = 8,
    AT_EPOCH = 24,
    AT_RECEIVED = 28,
    SEGMENTS = 16, /* a full spool has about so many */
    SEGMENT_LEAST = 64 * 1024,
    SEGMENT_MOST = 4 * 1024 * 1024,
    NAME_DIGITS = 16,
    PATH_BYTES = 4096,
    SEEK_BYTES = 16 * 1024, /* looked through at a time behind damage */
};

struct segment {
    uint64_t number; /* its name; grows */
    int fd;
    int64_t size; /* of whole records */
    int64_t end;  /* spool.appended when its last record was; 0: found there */
};

struct spool {
    int dir;
    int64_t max_bytes, segment_bytes, bytes;
    struct segment *segments; /* the oldest first; at least one */
    size_t n, room;
    int64_t confirmed;  /* offset in the first segment */
    size_t reading;     /* segment of the next record to give, and offset */
    int64_t at, before; /* before: where the record given last begins; -1: none */
    int64_t appended, synced, syncing;
    bool fresh; /* a file was made since the folder was synced */
};

/* ---- bytes */

static void
put(uint8_t *p, size_t bytes, uint64_t v)
{
    for (size_t i = bytes; i-- > 0; v >>= 8)
        p[i] = (uint8_t)v;
}

static uint64_t
get(const uint8_t *p, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

/* CRC-32 of IEEE 802.3, four bits at a step. */
static uint32_t
crc(uint32_t c, const void *data, size_t n)
{
    static const uint32_t steps[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    const uint8_t *p = data;
    c = ~c;
    for (size_t i = 0; i < n; i++) {
        c = steps[(c ^ p[i]) & 15] ^ c >> 4;
        c = steps[(c ^ (uint32_t)(p[i] >> 4)) & 15] ^ c >> 4;
    }
    return ~c;
}

static uint32_t
checksum(const uint8_t head[SPOOL_HEAD], struct slice sealed)
{
    uint32_t c = crc(0, head, AT_CHECKSUM);
    c = crc(c, head + AT_OID, SPOOL_HEAD - AT_OID);
    return crc(c, sealed.p, sealed.n);
}

static bool
write_at(int fd, const void *data, size_t n, int64_t at)
{
    const char *p = data;
    while (n > 0) {
        ssize_t wrote = pwrite(fd, p, n, (off_t)at);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        p += wrote;
        at += wrote;
        n -= (size_t)wrote;
    }
    return true;
}

/* False: the file has less, or cannot be read (errno, 0 for the former). */
static bool
read_at(int fd, void *data, size_t n, int64_t at)
{
    char *p = data;
    errno = 0;
    while (n > 0) {
        ssize_t got = pread(fd, p, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        p += got;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

static struct err
failed(const char *code, const char *what)
{
    return err_make(ERR_RETRY, code, "%.100s: %s", what, strerror(errno));
}

/* ---- segments */

static void
segment_name(uint64_t number, char out[NAME_DIGITS + 5])
{
    (void)snprintf(out, NAME_DIGITS + 5, "%016" PRIx64 ".seg", number);
}

/* False: no name of a segment. */
static bool
segment_number(const char *name, uint64_t *out)
{
    char again[NAME_DIGITS + 5];
    char *end = NULL;
    *out = strtoull(name, &end, 16);
    segment_name(*out, again);
    return strcmp(name, again) == 0;
}

/* Room for one more in the list; the caller fills it. NULL: out of memory. */
static struct segment *
segment_more(struct spool *s)
{
    if (s->n == s->room) {
        size_t room = s->room == 0 ? SEGMENTS + 2 : s->room * 2;
        struct segment *more = reallocarray(s->segments, room, sizeof *more);
        if (more == NULL)
            return NULL;
        s->segments = more;
        s->room = room;
    }
    return &s->segments[s->n];
}

static struct err
segment_new(struct spool *s)
{
    char name[NAME_DIGITS + 5];
    uint64_t number = s->n > 0 ? s->segments[s->n - 1].number + 1 : 1;
    struct segment *g = segment_more(s);
    if (g == NULL)
        return err_make(ERR_RETRY, "spool.memory", "out of memory");
    segment_name(number, name);
    int fd = openat(s->dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return failed("spool.open", name);
    *g = (struct segment){.number = number, .fd = fd};
    s->n++;
    s->fresh = true;
    return ERR_OK;
}

static void
segment_delete_first(struct spool *s)
{
    char name[NAME_DIGITS + 5];
    segment_name(s->segments[0].number, name);
    (void)unlinkat(s->dir, name, 0); /* what stays is given once more after a crash */
    close(s->segments[0].fd);
    s->bytes -= s->segments[0].size;
    s->n--;
    memmove(s->segments, s->segments + 1, s->n * sizeof *s->segments);
}

static struct segment *
last(struct spool *s)
{
    return &s->segments[s->n - 1];
}

/* ---- records */

enum record { RECORD_WHOLE, RECORD_BROKEN, RECORD_UNREADABLE };

/* Could a record begin with these bytes? */
static bool
plausible(const uint8_t *head)
{
    uint64_t n = get(head, AT_CHECKSUM);
    return n >= SPOOL_HEAD - AT_OID && n <= SPOOL_RECORD_MAX + SPOOL_HEAD - AT_OID;
}

/* The record at an offset; its envelope is read into room for SPOOL_RECORD_MAX bytes. */
static enum record
record_read(const struct segment *g, int64_t at, uint8_t *room, struct spool_record *out,
            int64_t *next)
{
    uint8_t head[SPOOL_HEAD];
    if (!read_at(g->fd, head, sizeof head, at))
        return errno == 0 ? RECORD_BROKEN : RECORD_UNREADABLE;
    uint64_t n = get(head, AT_CHECKSUM);
    if (!plausible(head))
        return RECORD_BROKEN;
    struct slice sealed = {(char *)room, (size_t)n - (SPOOL_HEAD - AT_OID)};
    if (!read_at(g->fd, room, sealed.n, at + SPOOL_HEAD))
        return errno == 0 ? RECORD_BROKEN : RECORD_UNREADABLE;
    if (checksum(head, sealed) != get(head + AT_CHECKSUM, 4))
        return RECORD_BROKEN;
    *out = (struct spool_record){.epoch = (int32_t)(uint32_t)get(head + AT_EPOCH, 4),
                                 .received = (int64_t)get(head + AT_RECEIVED, 8),
                                 .sealed = sealed};
    memcpy(out->oid.b, head + AT_OID, OID_BYTES);
    *next = at + SPOOL_HEAD + (int64_t)sealed.n;
    return RECORD_WHOLE;
}

/* The first whole record behind damage at *at, which is moved there; `end`: of the bytes that may
 * be looked at. RECORD_BROKEN: there is none. */
static enum record
record_seek(const struct segment *g, int64_t *at, int64_t end, uint8_t *room,
            struct spool_record *out, int64_t *next)
{
    uint8_t window[SEEK_BYTES];
    int64_t from = *at + 1;
    while (end - from >= SPOOL_HEAD) {
        size_t n = end - from < SEEK_BYTES ? (size_t)(end - from) : SEEK_BYTES;
        if (!read_at(g->fd, window, n, from))
            return errno == 0 ? RECORD_BROKEN : RECORD_UNREADABLE;
        for (size_t i = 0; i + AT_CHECKSUM <= n; i++) {
            if (!plausible(window + i))
                continue;
            enum record what = record_read(g, from + (int64_t)i, room, out, next);
            if (what == RECORD_BROKEN)
                continue;
            *at = from + (int64_t)i;
            return what;
        }
        from += (int64_t)n - (AT_CHECKSUM - 1);
    }
    return RECORD_BROKEN;
}

/* Counts whole records, also behind damage, and cuts what follows the last one. */
static struct err
segment_look(struct segment *g, uint8_t *room, struct spool_found *found)
{
    struct stat st;
    struct spool_record r;
    enum record what = RECORD_BROKEN;
    if (fstat(g->fd, &st) != 0)
        return failed("spool.open", "a segment");
    while (g->size < st.st_size) {
        int64_t at = g->size, next = at;
        what = record_read(g, at, room, &r, &next);
        if (what == RECORD_BROKEN)
            what = record_seek(g, &at, st.st_size, room, &r, &next);
        if (what != RECORD_WHOLE)
            break;
        found->skipped_bytes += at - g->size;
        found->records++;
        g->size = next;
    }
    if (what == RECORD_UNREADABLE)
        return failed("spool.open", "a segment");
    found->torn_bytes += st.st_size - g->size;
    if (st.st_size > g->size && ftruncate(g->fd, (off_t)g->size) != 0)
        return failed("spool.open", "a torn segment");
    return ERR_OK;
}

/* ---- open */

static int
by_number(const void *x, const void *y)
{
    uint64_t a = ((const struct segment *)x)->number, b = ((const struct segment *)y)->number;
    return a < b ? -1 : a > b ? 1 : 0;
}

static struct err
list(struct spool *s)
{
    int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct err e = d == NULL ? failed("spool.open", "the folder") : ERR_OK;
    if (d == NULL && fd >= 0)
        close(fd);
    for (struct dirent *f; e.kind == ERR_NONE && (f = readdir(d)) != NULL;) {
        uint64_t number = 0;
        struct segment *g = segment_number(f->d_name, &number) ? segment_more(s) : NULL;
        if (g == NULL)
            continue;
        *g = (struct segment){.number = number};
        g->fd = openat(s->dir, f->d_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (g->fd < 0)
            e = failed("spool.open", f->d_name);
        else
            s->n++;
    }
    if (d != NULL)
        closedir(d);
    if (s->n > 1)
        qsort(s->segments, s->n, sizeof *s->segments, by_number);
    return e;
}

/* The name of a new folder survives a power cut when the folder above it was synced. */
static bool
sync_above(const char *path)
{
    char above[PATH_BYTES];
    const char *slash = strrchr(path, '/');
    size_t n = slash != NULL ? (size_t)(slash - path) : 0;
    memcpy(above, path, n);
    above[n] = '\0';
    int fd = open(n > 0 ? above : slash != NULL ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool good = fsync(fd) == 0;
    int was = errno;
    close(fd);
    errno = was;
    return good;
}

static struct err
make_folders(const char *folder)
{
    char path[PATH_BYTES];
    size_t n = strlen(folder);
    if (n == 0 || n >= sizeof path)
        return err_make(ERR_RETRY, "spool.open",
                        "the spool's folder has no name or too long a one");
    for (size_t i = 1; i <= n; i++) {
        if (folder[i] != '/' && folder[i] != '\0')
            continue;
        memcpy(path, folder, i);
        path[i] = '\0';
        bool made = mkdir(path, 0700) == 0;
        if (!made && errno != EEXIST)
            return failed("spool.open", path);
        if (made && !sync_above(path)) {
            struct err e = failed("spool.open", path);
            (void)rmdir(path); /* else the next try would find it and not sync it */
            return e;
        }
    }
    return ERR_OK;
}

static struct err
look_through(struct spool *s, struct spool_found *found)
{
    uint8_t *room = malloc(SPOOL_RECORD_MAX);
    struct err e = room == NULL ? err_make(ERR_RETRY, "spool.memory", "out of memory") : list(s);
    for (size_t i = 0; e.kind == ERR_NONE && i < s->n; i++) {
        e = segment_look(&s->segments[i], room, found);
        s->bytes += s->segments[i].size;
    }
    free(room);
    return e.kind == ERR_NONE && s->n == 0 ? segment_new(s) : e;
}

struct err
spool_open(const char *folder, int64_t max_bytes, struct spool **out, struct spool_found *found)
{
    *out = NULL;
    *found = (struct spool_found){0};
    struct err e = make_folders(folder);
    if (e.kind)
        return e;
    struct spool *s = calloc(1, sizeof *s);
    if (s == NULL)
        return err_make(ERR_RETRY, "spool.memory", "out of memory");
    int64_t segment = max_bytes / SEGMENTS;
    segment = segment < SEGMENT_LEAST ? SEGMENT_LEAST : segment;
    *s = (struct spool){.max_bytes = max_bytes,
                        .segment_bytes = segment < SEGMENT_MOST ? segment : SEGMENT_MOST,
                        .before = -1};
    s->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (s->dir < 0)
        e = failed("spool.open", folder);
    else if (flock(s->dir, LOCK_EX | LOCK_NB) != 0)
        e = err_make(ERR_RETRY, errno == EWOULDBLOCK ? "spool.busy" : "spool.open",
                     "%.100s is in use by another process", folder);
    else
        e = look_through(s, found);
    if (e.kind)
        spool_close(s);
    else
        *out = s;
    return e;
}

void
spool_close(struct spool *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n; i++)
        close(s->segments[i].fd);
    if (s->dir >= 0) {
        (void)flock(s->dir, LOCK_UN); /* a descriptor given for a sync may still be open */
        close(s->dir);
    }
    free(s->segments);
    free(s);
}

struct err
spool_remove(const char *folder)
{
    struct err e = ERR_OK;
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir < 0)
        return errno == ENOENT ? ERR_OK : failed("spool.remove", folder);
    DIR *d = fdopendir(dir);
    if (d == NULL) {
        e = failed("spool.remove", folder);
        close(dir);
        return e;
    }
    uint64_t number;
    for (struct dirent *f; (f = readdir(d)) != NULL;)
        if (segment_number(f->d_name, &number) && unlinkat(dir, f->d_name, 0) != 0 &&
            errno != ENOENT)
            e = failed("spool.remove", f->d_name);
    if (fsync(dir) != 0 || (e.kind == ERR_NONE && rmdir(folder) != 0 && errno != ENOENT))
        e = failed("spool.remove", folder);
    closedir(d);
    return e;
}

/* ---- in */

struct err
spool_append(struct spool *s, const struct spool_record *r)
{
    uint8_t head[SPOOL_HEAD] = {0};
    int64_t n = SPOOL_HEAD + (int64_t)r->sealed.n;
    if (r->sealed.n > SPOOL_RECORD_MAX)
        return err_make(ERR_REJECT, "spool.size", "a record of %zu bytes", r->sealed.n);
    if (n > s->max_bytes - s->bytes)
        return err_make(ERR_RETRY, "spool.full", "%" PRId64 " bytes wait for Kafka", s->bytes);
    if (last(s)->size >= s->segment_bytes) {
        struct err e = segment_new(s);
        (void)e; /* then the old one grows */
    }
    struct segment *g = last(s);
    put(head, 4, r->sealed.n + SPOOL_HEAD - AT_OID);
    memcpy(head + AT_OID, r->oid.b, OID_BYTES);
    put(head + AT_EPOCH, 4, (uint32_t)r->epoch);
    put(head + AT_RECEIVED, 8, (uint64_t)r->received);
    put(head + AT_CHECKSUM, 4, checksum(head, r->sealed));
    if (!write_at(g->fd, head, sizeof head, g->size) ||
        !write_at(g->fd, r->sealed.p, r->sealed.n, g->size + SPOOL_HEAD)) {
        struct err e = failed("spool.write", "a segment");
        (void)ftruncate(g->fd, (off_t)g->size); /* else it is a torn end, or written over */
        return e;
    }
    g->size += n;
    s->bytes += n;
    s->appended += n;
    g->end = s->appended;
    return ERR_OK;
}

/* ---- out */

struct err
spool_next(struct spool *s, struct arena *a, struct spool_record *out, bool *have)
{
    *have = false;
    while (s->at >= s->segments[s->reading].size && s->reading + 1 < s->n) {
        s->reading++;
        s->at = 0;
        s->before = -1;
    }
    const struct segment *g = &s->segments[s->reading];
    if (s->at >= g->size)
        return ERR_OK;
    uint8_t *room = arena_alloc(a, SPOOL_RECORD_MAX);
    int64_t at = s->at, next;
    if (room == NULL)
        return err_make(ERR_RETRY, "spool.memory", "no memory for a record");
    enum record what = record_read(g, at, room, out, &next);
    if (what == RECORD_BROKEN) /* spool_open has counted what is skipped */
        what = record_seek(g, &at, g->size, room, out, &next);
    switch (what) {
    case RECORD_WHOLE:
        break;
    case RECORD_BROKEN:
        return err_make(ERR_RETRY, "spool.read", "a segment has changed under our hands");
    case RECORD_UNREADABLE:
        return failed("spool.read", "a segment");
    }
    s->before = at;
    s->at = next;
    *have = true;
    return ERR_OK;
}

void
spool_back(struct spool *s)
{
    assert(s->before >= 0);
    s->at = s->before;
    s->before = -1;
}

void
spool_confirm(struct spool *s)
{
    while (s->reading > 0) {
        segment_delete_first(s);
        s->reading--;
    }
    s->confirmed = s->at;
    s->before = -1;
    struct segment *g = last(s);
    if (s->n > 1 || s->at < g->size || g->size == 0)
        return;
    if (ftruncate(g->fd, 0) != 0)
        return; /* tried again at the next one; after a crash it is given once more */
    s->bytes -= g->size;
    g->size = s->at = s->confirmed = 0;
    s->synced = s->appended;
}

void
spool_rewind(struct spool *s)
{
    s->reading = 0;
    s->at = s->confirmed;
    s->before = -1;
}

int64_t
spool_bytes(const struct spool *s)
{
    return s->bytes;
}

/* ---- sync */

int64_t
spool_appended(const struct spool *s)
{
    return s->appended;
}

int64_t
spool_synced(const struct spool *s)
{
    return s->synced;
}

/* The oldest segment first, so that what is synced has no holes. */
bool
spool_sync_begin(struct spool *s, int *file, int *dir)
{
    size_t i = 0;
    *file = *dir = -1;
    while (i < s->n && s->segments[i].end <= s->synced)
        i++;
    if (i == s->n)
        return false;
    *file = fcntl(s->segments[i].fd, F_DUPFD_CLOEXEC, 0);
    *dir = *file >= 0 && s->fresh ? fcntl(s->dir, F_DUPFD_CLOEXEC, 0) : -1;
    if (*file >= 0 && s->fresh && *dir < 0) {
        close(*file);
        *file = -1;
    }
    if (*file < 0)
        return false;
    s->fresh = false;
    s->syncing = s->segments[i].end;
    return true;
}

void
spool_sync_end(struct spool *s, bool good)
{
    if (good && s->syncing > s->synced)
        s->synced = s->syncing;
    if (!good)
        s->fresh = true;
}
