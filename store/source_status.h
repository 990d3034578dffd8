/*
 * source_status.h: how each source of a tenant is doing, as its worker last said.
 *
 * Conventions as in alerts.h. A row is there once a worker had the tenant for the first time. While
 * one has it the row is at most a minute old, five when nothing happens; when none does, older.
 */
#ifndef WEIR_SOURCE_STATUS_H
#define WEIR_SOURCE_STATUS_H
#include "store/db.h"

struct source_status_row {
    int32_t source;      /* number */
    int64_t asked;       /* when a worker was first about to ask; CLOCK_NONE: never, so of the next
                            three */
    int64_t tried;       /* last request */
    int64_t succeeded;   /* end of the last round that went well */
    int64_t newest;      /* newest time that the source's data names: the lag is the time at the
                            source, now + clock_ahead, less this */
    int64_t clock_ahead; /* the source's clock before ours, 100 ns; 0: it does not matter */
    struct slice code;   /* of the trouble; SLICE_NONE: all is well */
    struct slice sealed; /* its sentence, SEAL_STATE, place "pg|source_status|sealed|<source>" */
    int64_t alerts;      /* raw alerts that Kafka confirmed, since the opt-in */
    int64_t requests;    /* since the opt-in */
    struct slice quota;  /* JSON {"<call>":n}: requests that may be made at once; SLICE_NONE: no
                            quota is known */
    int64_t updated;
};

/* All rows of the tenant: at most one a source. */
void source_status_load(struct db *db, struct arena *a, const struct oid *tenant,
                        struct db_answer answer);
void source_status_load_row(const struct db_rows *rows, size_t row, struct source_status_row *out);

/* source_status_save - after fence_check, as every write of a worker. */
void source_status_save(struct db *db, struct arena *a, const struct oid *tenant,
                        const struct source_status_row *row, struct db_answer answer);

#endif
