/*
 * decide.h: a person's decision at its place in the log: opened, applied once, written down.
 *
 * A decision stands alone in its tenant's share of a window (batch_share_out), so that what came
 * before it is stored and what comes after is not yet known, however the log was cut into batches.
 * Its outcome is a row, also when it was refused. Ref: correlation.md 10 and 11; design.md 5.
 */
#ifndef WEIR_DECIDE_H
#define WEIR_DECIDE_H
#include "normalize/recall.h"
#include "normalize/tenants.h"
#include "schemas/codec.h"
#include "schemas/decision.h"

enum decide_outcome {
    DECIDE_OPEN = 0,
    DECIDE_APPLIED,
    DECIDE_REFUSED,  /* `why` says what is against it; nothing changed */
    DECIDE_REPEATED, /* the request was decided before */
    DECIDE_FENCED
};

struct decide {
    struct control_record record;
    struct decision decision;
    struct slice by; /* who, plain */
    bool poison;     /* the store cannot hold it: refused, whatever it says */
    enum decide_outcome outcome;
    struct err why;
    int64_t result_id; /* the incident to look at afterwards; 0: none */
};

const char *decide_outcome_word(enum decide_outcome o); /* "applied" */

/* decide_open - opens and reads the record; what is wrong with it makes it DECIDE_REFUSED, a key
 * that is gone for good DECIDE_FENCED. Errors: ERR_RETRY, ERR_STOP: of seal_open, or memory. */
MUST_CHECK struct err decide_open(struct decide *d, struct seal *seal, const char *topic,
                                  struct arena *a);

/* decide_known - the store's answer to decisions_get. */
void decide_known(struct decide *d, const struct db_rows *rows);

/* decide_recall - the incidents and alerts that it is about have to be in memory. */
MUST_CHECK struct err decide_recall(const struct decide *d, struct recall *r);

/* decide_apply - tells the tenant's engine, unless the outcome is known. ERR_RETRY: memory, the
 * engine is void. */
MUST_CHECK struct err decide_apply(struct decide *d, struct tenant *t, struct arena *a);

/* decide_write - queues its rows: tags, comment, parameters, history, outcome; after those of the
 * incidents. Errors: of seal_close; ERR_RETRY: memory. */
MUST_CHECK struct err decide_write(const struct decide *d, struct seal *seal, struct db *db,
                                   struct arena *a);

#endif
