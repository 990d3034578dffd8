/*
 * facts.h: what the store says of the incidents and alerts that a change is about.
 *
 * For the API and for the commands: what is wrong is said before anything is sent. It may have
 * become wrong when the decision has its turn; then normalize refuses it.
 */
#ifndef WEIR_FACTS_H
#define WEIR_FACTS_H
#include "serve/change.h"
#include "store/db.h"
#include "store/decisions.h"

struct facts {
    struct arena *arena;
    bool known; /* the request was decided already */
    bool found, into_found;
    int64_t redirect_to;
    int32_t classification, determination;
    struct decisions_alert *alerts;
    size_t n_alerts;
};

/* facts_ask - queues the questions; *out is filled by their answers, before db_sync's. id: of the
 * request. */
void facts_ask(struct facts *out, struct db *db, struct arena *a, const struct oid *tenant,
               const struct change *c, struct slice id);

/* facts_settle - makes a whole decision of the change. ERR_REJECT "change.unknown" (no such
 * incident), "change.merged" (it became part of another), "change.value", "decision.*";
 * ERR_RETRY "change.memory". */
MUST_CHECK struct err facts_settle(struct facts *f, struct change *c);

#endif
