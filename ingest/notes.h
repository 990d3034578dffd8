/*
 * notes.h: what a source remembers of a tenant, packed between rounds.
 *
 * A worker has 1,000 tenants, most of them idle, so notes lie in one block of bytes; a round reads
 * them as a sorted list. Pure.
 */
#ifndef WEIR_NOTES_H
#define WEIR_NOTES_H
#include "ingest/source.h"

/* A length byte, the key, value and until, note after note, sorted by key. */
struct notes {
    char *packed; /* heap; NULL: none */
    size_t bytes, n;
};

void notes_free(struct notes *n); /* and none are left */

/* notes_list - as a source reads them; the list is in the arena, keys are borrowed from n.
 * ERR_RETRY "ingest.memory". */
MUST_CHECK struct err notes_list(const struct notes *n, struct arena *a, struct source_notes *out);

/*
 * notes_merge - what was known, changed by what pages said.
 *
 * known   sorted, each key once
 * said    in the order in which it was said: of one key the last counts
 * now     notes whose time is over are left out; over SOURCE_NOTES_MAX those that end first are
 * a       for the work in between
 * out     on the heap, to be freed by notes_free
 *
 * Errors:  ERR_RETRY "ingest.memory"; ERR_REJECT "ingest.note": a key that is empty, too long or
 *          not printable ASCII.
 */
MUST_CHECK struct err notes_merge(const struct source_notes *known, const struct source_note *said,
                                  size_t n_said, int64_t now, struct arena *a, struct notes *out);

bool notes_eq(const struct notes *a, const struct notes *b);

#endif
