/*
 * apps_listing.h: which alerts of Cloud App Security were open when we last looked.
 *
 * The service tells of a new alert and of a closed one, of no other change. So open alerts are
 * listed again every now and then. Two kinds of notes (source.h) remember what was seen:
 *   "o." and the id   an open alert; value: hash of its bytes; ends with its days
 *   "listed"          when the last listing ended
 *   "at"              where a listing under way goes on
 * Belongs to source_apps.c. Ref: sources.md 4.7.
 */
#ifndef WEIR_APPS_LISTING_H
#define WEIR_APPS_LISTING_H
#include "ingest/source.h"

enum { APPS_PER_ROUND_MAX = 20 }; /* alerts asked for one by one in a round */

/* apps_listing_due - where to list from, 100 ns; false: not now. */
bool apps_listing_due(const struct source_conf *c, int64_t *from);

/* apps_listing_set - the note "listed" or "at", to be stored with the page; value CLOCK_NONE
 * forgets it. ERR_RETRY "apps.memory". */
MUST_CHECK struct err apps_listing_set(const struct source_conf *c, const char *key, int64_t value,
                                       struct arena *a, struct page *out);

/* One alert of a page. */
struct apps_row {
    struct slice id;
    int64_t raised; /* 100 ns, or CLOCK_NONE */
    int64_t hash;   /* of its bytes */
    bool open;
};

int64_t apps_hash(struct slice payload);

/* apps_listing_note - remembers an open alert, forgets one that is closed, when that is news. */
MUST_CHECK struct err apps_listing_note(const struct source_conf *c, const struct apps_row *row,
                                        struct arena *a, struct page *out);

/* apps_listing_forget - the alert is no longer there. */
MUST_CHECK struct err apps_listing_forget(const struct source_conf *c, struct slice id,
                                          struct arena *a, struct page *out);

/*
 * The set of noted alerts that a listing has met: a bit a note, in the order of conf->notes, which
 * stand still during a round. Travels as carry.
 */
struct slice apps_met_new(const struct source_conf *c, struct arena *a); /* NONE: no memory */

/* apps_met_add - this row was met. True: its very bytes were confirmed before, and it was met for
 * the first time, so that it need not be produced. met is the arena's. */
bool apps_met_add(const struct source_conf *c, char *met, const struct apps_row *row);

/*
 * apps_missing - ids noted as open, raised from `from` to `to`, and not met: they were closed,
 * or the listing was shifted by a closure while it was read. At most `most`, a different choice at
 * different times; returns how many were written.
 */
size_t apps_missing(const struct source_conf *c, const char *met, int64_t from, int64_t to,
                    struct slice *out, size_t most);

#endif
