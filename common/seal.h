/*
 * seal.h: content under a tenant's key; the one way in and out.
 *
 * Everything content-like that lies in Kafka, in sealed columns or in files passes seal_close and
 * seal_open. The envelope's first bytes say how: magic "WEI1", algorithm, flags. Algorithm 0 is
 * plain and accepted only with keys.mode none, which is what a build without the key service runs.
 * Ref: design.md 7, erasure.md 5.3.
 */
#ifndef WEIR_SEAL_H
#define WEIR_SEAL_H
#include <stdint.h>

#include "common/conf.h"
#include "common/err.h"
#include "common/oid.h"
#include "common/slice.h"

extern const struct opt seal_opts[]; /* keys.mode */

enum seal_purpose {
    SEAL_RAW = 1,
    SEAL_DEAD = 2,
    SEAL_CURSOR = 3,
    SEAL_CREDENTIAL = 4,
    SEAL_EXPORT = 5,
    SEAL_AUDIT = 6,
    SEAL_BACKUP = 7,
    SEAL_STATE = 8,
    SEAL_EVENT = 9,
};

struct seal; /* opaque: this process's keys */

MUST_CHECK struct err seal_new(const struct conf *c, struct seal **out); /* ERR_STOP "seal.mode" */
void seal_free(struct seal *s);

/*
 * seal_close - wrap plain bytes; lz4 inside the envelope when that is smaller (flag 1).
 *
 * place   where the envelope will lie: "kafka|topic|id", "pg|table|column|key"; bound to it
 * out     in the arena
 *
 * Errors: ERR_RETRY "seal.memory", "seal.key" (no lease); ERR_REJECT "seal.size" (over 64 MiB).
 */
MUST_CHECK struct err seal_close(struct seal *s, const struct oid *oid, int32_t epoch,
                                 enum seal_purpose purpose, struct slice place, struct slice plain,
                                 struct arena *a, struct slice *out);

/*
 * seal_open - the plain bytes of an envelope, in the arena.
 *
 * Errors: ERR_REJECT "seal.bad" (not an envelope, another tenant's, purpose or place's),
 *         "seal.shredded" (the key is gone for good: skip, count, go on; never dead-letter it),
 *         ERR_STOP "seal.keyloss", ERR_RETRY "seal.memory".
 */
MUST_CHECK struct err seal_open(struct seal *s, const struct oid *oid, int32_t epoch,
                                enum seal_purpose purpose, struct slice place, struct slice sealed,
                                struct arena *a, struct slice *out);

#endif
