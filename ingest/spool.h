/*
 * spool.h: lines that were taken and that Kafka has not confirmed yet, on disk.
 *
 * A queue of one tenant in a folder of its own: segment files, written at their end only and read
 * in order; what was confirmed is deleted, a whole segment at a time, and everything when nothing
 * is left. The content is sealed by the caller. After a crash every record that was synced is
 * there again, and some that had been confirmed: at least once. A torn end is cut; damage
 * in the middle costs the records that it has hit.
 *
 * One process at a time: the folder is locked. Thread: one. Ref: design.md 5, erasure.md 3.
 */
#ifndef WEIR_SPOOL_H
#define WEIR_SPOOL_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/oid.h"
#include "common/slice.h"

enum { SPOOL_RECORD_MAX = 256 * 1024, SPOOL_HEAD = 36 };

struct spool; /* opaque */

struct spool_record {
    struct oid oid;
    int32_t epoch;
    int64_t received;    /* 100 ns */
    struct slice sealed; /* an envelope of seal.h, at most SPOOL_RECORD_MAX */
};

/* What a crash has left. */
struct spool_found {
    int64_t records;
    int64_t torn_bytes;    /* at the ends of segments; cut off */
    int64_t skipped_bytes; /* damaged, with whole records behind */
};

/*
 * spool_open - makes the folder (0700) and those above it, locks it and looks through what is left.
 *
 * max_bytes  of all its files; what is there already may be more
 *
 * Owns:    the caller frees *out by spool_close.
 * Errors:  ERR_RETRY "spool.busy" (another process has it), "spool.open", "spool.memory".
 */
MUST_CHECK struct err spool_open(const char *folder, int64_t max_bytes, struct spool **out,
                                 struct spool_found *found);

/* spool_close - unlocks at once; what is not confirmed stays. NULL is fine. */
void spool_close(struct spool *s);

/* spool_remove - deletes a folder that spool_open made, whoever has it open. ERR_RETRY
 * "spool.remove". A folder that is not there is removed already. */
MUST_CHECK struct err spool_remove(const char *folder);

/*
 * spool_append - one more record, at the end. It is there after a crash of the process at once, of
 * the machine after the next sync.
 *
 * Errors:  ERR_RETRY "spool.full", "spool.write": nothing of it was written; ERR_REJECT
 *          "spool.size".
 */
MUST_CHECK struct err spool_append(struct spool *s, const struct spool_record *r);

/* spool_next - the next record that was not given yet, its bytes in the arena; *have is false when
 * there is none. ERR_RETRY "spool.read", "spool.memory": nothing was given. */
MUST_CHECK struct err spool_next(struct spool *s, struct arena *a, struct spool_record *out,
                                 bool *have);
/* spool_back - the record that spool_next gave last is not done: it will be given again. Once. */
void spool_back(struct spool *s);
/* spool_confirm - all that was given is safe elsewhere. */
void spool_confirm(struct spool *s);
/* spool_rewind - give again what was given and not confirmed. */
void spool_rewind(struct spool *s);

int64_t spool_bytes(const struct spool *s);    /* of its files */
int64_t spool_appended(const struct spool *s); /* bytes ever appended since it was opened */
int64_t spool_synced(const struct spool *s);   /* how many of them need no sync any more */

/*
 * spool_sync_begin - what to sync now: *file, and *dir when a file is new (else -1). Both belong to
 * the caller, who gives them to fdatasync and fsync on another thread, closes them and says
 * spool_sync_end. False: nothing is to be synced, or no descriptor is left. One at a time.
 */
bool spool_sync_begin(struct spool *s, int *file, int *dir);
void spool_sync_end(struct spool *s, bool good);

#endif
