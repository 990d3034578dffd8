/*
 * judge.h: what becomes of each raw alert: stored, unchanged, dead, ignored or fenced.
 *
 * For the records of one tenant in one batch: which alert each belongs to, whether it says anything
 * new, the alert in our words, its keys, and its place in the correlator. No database, no Kafka.
 * Ref: design.md 5, promises 3 and 4; sources.md 7.
 */
#ifndef WEIR_JUDGE_H
#define WEIR_JUDGE_H
#include "common/crypto.h"
#include "normalize/tenants.h"
#include "schemas/codec.h"
#include "store/alerts.h"

enum outcome {
    OUTCOME_OPEN = 0,
    OUTCOME_STORED,
    OUTCOME_UNCHANGED,
    OUTCOME_DEAD,
    OUTCOME_IGNORED,
    OUTCOME_FENCED
};
const char *outcome_word(enum outcome o); /* "stored" */

/* One raw alert as it came. */
struct delivery {
    struct raw_record record;
    const struct source *source; /* NULL: unknown */
    struct slice plain;          /* opened payload; NONE: it could not be opened */
    uint8_t sha256[CRYPTO_SHA256];
    struct source_ident ident;
    struct err why; /* dead: the reason */
    enum outcome outcome;
    bool poison;  /* it cannot be stored: dead, whatever it says */
    bool nobodys; /* no raw alert of a tenant: dead, but there is no table to keep it in */
    struct delivery *replaced; /* an older version of the same document, in this batch */
};

/* A mail record of an alert, stored or new. */
struct document {
    struct slice record_id, plain;
    int64_t version, received;
    struct slice sha256;
    struct delivery *fresh; /* NULL: as stored */
};

/* An alert that this batch's deliveries speak of. */
struct item {
    int32_t source;
    struct slice native_id;
    bool parts; /* several documents make it up (mail) */
    bool known; /* the store or this batch has it */
    int64_t version, received;
    uint8_t sha256[CRYPTO_SHA256];
    struct document *docs; /* mail: all its records */
    size_t n_docs, docs_capacity;
    struct delivery *delivery; /* the newest that said something new */
    struct alerts_row *row;    /* to be stored */
};

/* One tenant's share of a batch. */
struct share {
    struct tenant *tenant;
    struct delivery **deliveries; /* in the order of the log */
    size_t n_deliveries;
    struct item *items; /* sorted by (source, native id) */
    size_t n_items;
    bool fenced;
    int64_t newest; /* latest received time, 100 ns: when its incidents changed */
};

/* judge_open - opens and identifies one delivery; needs the tenant's settings. What it cannot
 * decide is left OUTCOME_OPEN for judge_share. ERR_RETRY, ERR_STOP: of seal_open. */
MUST_CHECK struct err judge_open(struct delivery *d, struct tenant *t, struct seal *seal,
                                 const char *topic, struct arena *a);

/* judge_items - the items of a share, from its open deliveries. ERR_RETRY "normalize.memory". */
MUST_CHECK struct err judge_items(struct share *s, struct arena *a);
struct item *judge_find(const struct share *s, int32_t source, struct slice native_id); /* NULL */

/* judge_document - one stored mail record of an item. */
MUST_CHECK struct err judge_document(struct item *i, const struct document *d, struct arena *a);

/*
 * judge_share - decides every open delivery; new alerts go into the tenant's engine and get rows.
 * Errors: ERR_RETRY: memory; the engine is void.
 */
MUST_CHECK struct err judge_share(struct share *s, struct seal *seal, struct arena *a);

/* judge_dead_id - the native id under which a dead delivery is kept: its own, or "sha256:<hex>"
 * when that cannot be a key (empty, too long, not UTF-8, a NUL inside). */
struct slice judge_dead_id(const struct delivery *d, struct arena *a);

#endif
