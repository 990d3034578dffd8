/*
 * days_pack.h: closed days as the store keeps them: many values in one column.
 *
 * A value a row would be most of a tenant's rows, and most of what a worker loads that takes the
 * tenant over. The same days give the same bytes, whatever order they are given in.
 */
#ifndef WEIR_DAYS_PACK_H
#define WEIR_DAYS_PACK_H
#include "normalize/incident.h"
#include "store/correlator.h"

/* A part ends when it is larger than this. */
enum { DAYS_PACK_BYTES = 256 * 1024 };

/* days_pack - parts by day; numbers of parts begin at 0 for each day. The days are sorted in place.
 * In the arena. ERR_RETRY "days.memory". */
MUST_CHECK struct err days_pack(struct incident_day *days, size_t n, struct arena *a,
                                struct correlator_day **out, size_t *n_out);

/* days_unpack - each value of a part, borrowed until take returns; ends with its first error.
 * ERR_REJECT "days.packed": not such bytes; what was taken by then stays taken. */
MUST_CHECK struct err days_unpack(const struct correlator_day *part,
                                  struct err (*take)(void *arg, const struct incident_day *d),
                                  void *arg);

#endif
