/*
 * purge.h: erasing a tenant epoch, step by step.
 *
 * Every step may be repeated and looks at what is really there; the journal (purge_step) tells
 * people what was done. One process works on a purge, under a lock of its session; when that dies
 * another goes on. In this version: fence, memory (the workers' by the control topic), drop, shared
 * rows, tombstone. Keys, sealing, verification and the receipt have their places between these
 * (erasure.md 7).
 */
#ifndef WEIR_PURGE_H
#define WEIR_PURGE_H
#include "tenant/session.h"

extern const struct cli_command run_purge_command;

enum { PURGE_TABLES_MAX = 64, PURGE_NAME_MAX = 64 };

struct purge_table {
    char name[PURGE_NAME_MAX];
    int64_t rows; /* counted before; -1: the table was gone already */
};

/* What a purge removed, or would remove. */
struct purge_report {
    struct purge_table tables[PURGE_TABLES_MAX];
    size_t n_tables;
    int64_t rows, shared_rows;
};

/* purge_inventory - counts the rows of each table of the tenant; changes nothing. */
MUST_CHECK struct err purge_inventory(struct session *s, const struct tenants_row *t,
                                      struct purge_report *out);

/*
 * purge_run - do all steps of a purge that are not done.
 *
 * Errors: ERR_RETRY "purge.taken": another process works on it; "db.*", "bus.connect": a later call
 *         goes on; ERR_STOP "purge.left": something of the tenant is still there at the end.
 */
MUST_CHECK struct err purge_run(struct session *s, struct slice purge_id, struct purge_report *out);

#endif
