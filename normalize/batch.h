/*
 * batch.h: one batch: records in, rows, events and offsets out, in one transaction.
 *
 * Gathered records are decoded, judged (judge.h), stored and committed together. A record that
 * PostgreSQL refuses is found by halving and becomes a dead row. A tenant that is fenced is left
 * out. Whatever else goes wrong, nothing of the batch is stored, and the caller begins again from
 * the stored offsets. Ref: design.md 5, promises 2 to 4.
 */
#ifndef WEIR_BATCH_H
#define WEIR_BATCH_H
#include "common/bus.h"
#include "common/loop.h"
#include "normalize/tenants.h"
#include "schemas/codec.h"
#include "store/db.h"

/* A partition that is ours. */
struct batch_part {
    int32_t partition;
    int64_t epoch, next_offset;
};

/* What batches work with; all borrowed. */
struct batch_env {
    struct db *db;
    struct codec *codec;
    struct seal *seal;
    struct tenants *tenants;
    const char *topic;    /* weir.R.alerts */
    const char *consumer; /* in progress */
    size_t records_max, bytes_max;
    struct batch_part *parts; /* the caller's; next_offset moves with each commit */
    size_t n_parts;
};

struct batch; /* opaque */

struct batch *batch_new(const struct batch_env *env); /* NULL: out of memory; env is borrowed */
void batch_free(struct batch *b);                     /* not while it runs */

/* batch_add - copies a record; records of a partition come in the order of offsets. True: it is
 * full now. A record that no memory is left for: ERR_STOP. */
MUST_CHECK struct err batch_add(struct batch *b, const struct bus_record *r, bool *full);
size_t batch_count(const struct batch *b);
void batch_clear(struct batch *b); /* forget what was gathered; not while it runs */

/*
 * batch_run - done(arg, e) once, later. ERR_OK: all of it is stored, the batch is empty and env's
 * next offsets have moved. Otherwise nothing of what is left in it is stored; engines of its
 * tenants were dropped: ERR_RETRY "db.*": begin again from the store; ERR_REJECT
 * "db.fenced_partition": a partition is somebody else's now; ERR_STOP: give up.
 */
void batch_run(struct batch *b, void (*done)(void *arg, struct err e), void *arg);

#endif
