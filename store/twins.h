/*
 * twins.h: a tenant's documents of identity, of both channels: Cloud App Security and syslog.
 *
 * Functions queue statements (db_send), as those of alerts.h do. Times: 100 ns since 1970.
 * Ref: design.md 7; sources.md 5.9.
 */
#ifndef WEIR_STORE_TWINS_H
#define WEIR_STORE_TWINS_H
#include "store/db.h"

/* A document at hand and where it stands: a key may come more than once, with several places. */
struct twins_place {
    int32_t source;
    struct slice native_id;
    struct slice detection; /* "": nowhere */
    int64_t moment;
};

struct twins_row {
    int32_t source;
    struct slice native_id;
    int64_t version, received;
    struct slice sha256;    /* 32 bytes, of the document; NONE in an answer: it is not kept */
    struct slice detection; /* what both channels call it */
    int64_t moment;         /* when it happened */
    struct slice mate;      /* native id of the same detection in the other channel; NONE: none */
    struct slice sealed;
};

/* One row of twins_near: the document, and what is stored under its key as an alert. */
struct twins_found {
    struct twins_row row; /* sha256 NONE: the key only */
    int64_t alert_version;
    struct slice alert_sha256; /* NONE: it is no alert */
};

/* twins_near - what is kept of the keys and of documents of the same detection at most `reach` from
 * a place, before or now; at most `most` rows, the keys first, then their mates. */
void twins_near(struct db *db, struct arena *a, const struct oid *tenant,
                const struct twins_place *places, size_t n, int64_t reach, int64_t most,
                struct db_answer answer);
void twins_found_row(const struct db_rows *rows, size_t row, struct twins_found *out);

/* twins_upsert - an older version changes nothing. A key may stand in the rows once only. */
void twins_upsert(struct db *db, struct arena *a, const struct oid *tenant,
                  const struct twins_row *rows, size_t n, struct db_answer answer);

/* twins_prune - forgets documents without a mate that were received before. Affected rows: those.
 */
void twins_prune(struct db *db, struct arena *a, const struct oid *tenant, int64_t before,
                 struct db_answer answer);

#endif
