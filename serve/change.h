/*
 * change.h: what clients ask to change, as a decision. Pure.
 *
 * Two families of words: the classic ones of /api/incidents and those of Graph. Names of members
 * are exact, words take any letter case; a member that cannot be changed is refused by name, so
 * that nothing is done by halves. Ref: service.md 4.3, 6.9 and 8.2; consumers.md 1.1.
 */
#ifndef WEIR_CHANGE_H
#define WEIR_CHANGE_H
#include "schemas/decision.h"

enum change_family { CHANGE_CLASSIC = 1, CHANGE_GRAPH = 2 };

struct change {
    struct decision decision; /* alerts are not known yet: see ids */
    struct slice *ids;        /* unified ids of alerts, as asked */
    size_t n_ids;
};

/*
 * change_read - a body: PATCH of an incident (DECIDED_UPDATE), or one of our actions.
 *
 * comment_only  the body of POST .../comments: DECIDED_UPDATE with a comment and nothing else
 *
 * Owns:    texts lie in the arena.
 * Errors:  ERR_REJECT "change.body" (no JSON object), "change.value" (a member that is not known
 *          or not what it must be; the text names it and says what would be right),
 *          "change.missing", those of decision_check; ERR_RETRY "change.memory".
 */
MUST_CHECK struct err change_read(struct slice body, enum change_family family, enum decided kind,
                                  bool comment_only, int64_t incident_id, struct arena *a,
                                  struct change *out);

/* change_settle - classification and determination beside what the incident has: a determination
 * that the new classification does not allow goes; one that is asked for must fit. ERR_REJECT
 * "decision.class". */
MUST_CHECK struct err change_settle(struct decision *d, int32_t classification,
                                    int32_t determination);

#endif
