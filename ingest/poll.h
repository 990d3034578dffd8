/*
 * poll.h: one tenant of one source that is asked: when to ask and where to go on.
 *
 * Reads settings and cursor from the region's database, then round after round: first(), every
 * further request, every raw alert confirmed by Kafka, and only then the cursor is stored
 * (design.md 5, promise 1). A failed round is begun again from the stored cursor, with growing
 * waits. Ref: style.md 6 and 7, sources.md 1.2.
 */
#ifndef WEIR_POLL_H
#define WEIR_POLL_H
#include "ingest/ingest.h"

struct poll; /* opaque */

/* poll_start - NULL: out of memory. gone runs at most once. */
struct poll *poll_start(const struct ingest *env, const struct ingest_tenant *tenant,
                        ingest_gone *gone, void *arg);

/* poll_close - no request is begun any more; the poller frees itself when what is under way has
 * come back. gone is not called after this. NULL is fine. */
void poll_close(struct poll *p);

/* poll_wake - the source says that this tenant has news: ask now instead of at the end of the pause
 * between two rounds, or once more when a round is under way; and once more after 6 s, when even a
 * round made with a slow clock shows them. A wait after trouble stays. False: it is another
 * tenant's, or its settings have not come yet. */
bool poll_wake(struct poll *p, struct slice directory_id);

/* poll_backoff - wait before try n (from 1) of something that fails: 1 s, doubling, at most 300 s,
 * and a fifth of it spread by `random` (any value). Pure. */
int64_t poll_backoff(unsigned tries, uint32_t random);

#endif
