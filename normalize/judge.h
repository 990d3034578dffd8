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
#include "normalize/decide.h"
#include "normalize/recall.h"
#include "normalize/tenants.h"
#include "normalize/twin.h"
#include "schemas/codec.h"
#include "store/alerts.h"
#include "store/twins.h"

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
    bool poison;           /* it cannot be stored: dead, whatever it says */
    bool nobodys;          /* no raw alert of a tenant: dead, but there is no table to keep it in */
    struct alert *alert;   /* what it says, once that was looked at; identity, NULL: see unread */
    struct err unread;     /* identity: why it cannot be mapped */
    struct key_set *keys;  /* of the alert, once that was looked at; identity: NULL */
    struct decide *decide; /* not NULL: no alert but a person's decision; only this is set */
};

/* A mail record of an alert, stored or new. */
struct document {
    struct slice record_id, plain;
    int64_t version, received;
    struct slice sha256;
    struct delivery *fresh; /* NULL: as stored */
};

/* Deliveries are judged one by one in the order of the log, as if each were a batch of its own:
 * what comes out must not depend on where a batch ended. */

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
    struct slice plain;     /* of the newest document that said something new; mail: NONE */
    struct alerts_row *row; /* to be stored */
};

/* A document of identity, of either channel, at hand or kept: judge_twins.c. */
struct twin {
    struct twin_view view; /* first: twin_match gives it back */
    const struct source *source;
    struct slice plain; /* the newest version; NONE: none is known */
    int64_t version, received;
    struct slice sha256, sealed;
    struct alert *alert; /* what plain says; NULL: it is not looked at */
    bool wins;           /* its channel is the tenant's */
    bool kept;           /* the store has a version of it, that said: */
    struct slice detection_was, mate_was;
    int64_t moment_was;
    bool stored; /* the store has it as an alert, with: */
    int64_t alert_version;
    struct slice alert_sha256;
    struct delivery *fresh, *stale; /* the delivery at hand: with news, without */
    struct twin *mate;              /* now */
    bool touched;                   /* mate is known, it may be another than before */
    bool looked;                    /* its alert and view are of what plain says */
    bool changed, rewritten;        /* by this batch: its row; and what is sealed in it */
    struct item item;               /* when it is to be stored as an alert */
};

/* One tenant's share of a batch. */
struct share {
    struct tenant *tenant;
    size_t first;                 /* of its records in the window */
    struct decide *decide;        /* then there is nothing else in this share */
    struct delivery **deliveries; /* in the order of the log */
    size_t n_deliveries;
    struct item *items; /* sorted by (source, native id) */
    size_t n_items;
    struct twin **twins; /* the first n_hand are at hand, sorted by key; the others are kept */
    size_t n_twins, n_hand, twins_capacity;
    bool fenced;
    struct recall recall;
    int64_t at;     /* 100 ns: when the record at hand was received */
    int64_t newest; /* the latest of them */
};

/* judge_open - opens and identifies one delivery; needs the tenant's settings. What it cannot
 * decide is left OUTCOME_OPEN for judge_share. ERR_RETRY, ERR_STOP: of seal_open. */
MUST_CHECK struct err judge_open(struct delivery *d, struct tenant *t, struct seal *seal,
                                 const char *topic, struct arena *a);

/* judge_items - the items and twins of a share, from its open deliveries. ERR_RETRY
 * "normalize.memory". */
MUST_CHECK struct err judge_items(struct share *s, struct arena *a);
struct item *judge_find(const struct share *s, int32_t source, struct slice native_id); /* NULL */

/* judge_document - one stored mail record of an item. */
MUST_CHECK struct err judge_document(struct item *i, const struct document *d, struct arena *a);

/* At most so many kept documents of identity are compared in one batch; with more, which would take
 * a storm of one detection within days, mates stay as they are. */
enum { JUDGE_TWINS_MAX = 2000 };

/* judge_places - where the documents of identity at hand stand, for twins_near with TWIN_REACH and
 * at most n_hand + JUDGE_TWINS_MAX rows; n may be 0. judge_twin - one row of its answer. Errors: of
 * seal_open; ERR_RETRY "normalize.memory". */
MUST_CHECK struct err judge_places(const struct share *s, struct arena *a, struct twins_place **out,
                                   size_t *n);
MUST_CHECK struct err judge_twin(struct share *s, const struct twins_found *f, struct seal *seal,
                                 struct arena *a);

/* judge_recall - what the engine has to have in memory before judge_share: alerts that left it, and
 * those that late ones may meet. ERR_RETRY: memory. */
MUST_CHECK struct err judge_recall(struct share *s, struct recall *r, struct arena *a);

/*
 * judge_share - decides every open delivery; new alerts go into the tenant's engine and get rows.
 * Errors: ERR_RETRY: memory; the engine is void.
 */
MUST_CHECK struct err judge_share(struct share *s, struct seal *seal, struct arena *a);

/* judge_dead_id - the native id under which a dead delivery is kept: its own, or "sha256:<hex>"
 * when that cannot be a key (empty, too long, not UTF-8, a NUL inside). */
struct slice judge_dead_id(const struct delivery *d, struct arena *a);

#endif
