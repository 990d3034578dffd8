/*
 * days.h: how ordinary a value has been: on which days it occurred, with which counterparts.
 *
 * Keys and counterparts are numbers that the caller gives; they mean nothing here, but those of
 * keys should be dense: they index. Only closed days are ever asked for, so what an alert's keys
 * weigh does not depend on what comes beside or after it. Pure, integers. Bytes: 8 a key number, 16
 * a key and day, 4 a counterpart beyond the first. Ref: correlation.md 6 and 20.
 */
#ifndef WEIR_DAYS_H
#define WEIR_DAYS_H
#include "common/err.h"
#include "normalize/params.h"

struct days; /* opaque: one tenant's day tables */

/* days_new - params are borrowed. NULL: out of memory. */
struct days *days_new(const struct params *p);
void days_free(struct days *d); /* NULL is fine */
size_t days_bytes(const struct days *d);

/* days_params - other parameters from now on. Days that were forgotten stay forgotten. */
void days_params(struct days *d, const struct params *p);

/* days_learn - the key occurred on the day with these counterparts (they may repeat; NULL, 0: with
 * none). Nothing happens for a closed day; beyond counterparts_day distinct ones of a key and day
 * none is added. ERR_RETRY "days.memory". */
MUST_CHECK struct err days_learn(struct days *d, uint32_t key, int32_t day, const uint32_t *with,
                                 size_t n);

/* days_close - every day before this one is closed from now on; never goes back. Those that no
 * later alert can ask for (older than history_days before it) are forgotten. days_close_all - every
 * day is complete and nothing is forgotten: for a log that was read to its end. */
void days_close(struct days *d, int32_t before);
void days_close_all(struct days *d);
/* days_open - the first day that is not closed; INT32_MIN: none is, INT32_MAX: all are. */
int32_t days_open(const struct days *d);

/* days_damp - in thousandths: what is left of the weight of a key in an alert created on `day`.
 * A key is always asked for with the same type. */
int32_t days_damp(struct days *d, uint32_t key, enum key_type type, int32_t day);

/* days_seen - on how many closed days of an alert's history the key occurred; 0: it is new. */
int32_t days_seen(const struct days *d, uint32_t key, int32_t day);

/* days_pairs - the same, counting on each day its counterparts. */
int32_t days_pairs(const struct days *d, uint32_t key, int32_t day);

/* days_each - every (key, day) at hand, in no order: what the store keeps of days closed just now.
 * with is sorted. */
struct days_row {
    uint32_t key;
    int32_t day;
    const uint32_t *with;
    size_t n_with;
};
void days_each(const struct days *d, int32_t from_day, int32_t before_day,
               void (*row)(void *arg, const struct days_row *r), void *arg);

#endif
