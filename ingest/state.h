/*
 * state.h: what the region's database knows of a tenant's source: settings, cursor and status.
 */
#ifndef WEIR_STATE_H
#define WEIR_STATE_H
#include "ingest/ingest.h"
#include "store/source_status.h"

/* A load under way and what it found; lives in its owner. Texts are in the owner's arena. */
struct state_load {
    struct slice settings;           /* JSON of the source, see source_conf_read */
    struct slice directory_id;       /* the tenant's GUID */
    struct cursor cursor;            /* times CLOCK_NONE when there is none yet */
    struct source_notes notes;       /* stored with it; sorted by key */
    struct source_status_row status; /* without its sentence; times CLOCK_NONE when there is none */
    bool asked_before;               /* some worker was about to ask */
    const struct ingest *env;
    const struct ingest_tenant *tenant;
    struct arena *arena;
    bool here;         /* the tenant has a schema */
    struct err failed; /* the first error of an answer */
    void (*done)(void *arg, struct err e);
    void *arg;
};

/* state_load_start - done(arg, e) once, later. Errors: those of db_send ("db.undefined": the tenant
 * is gone), of seal_open, ERR_REJECT "ingest.no_settings" (this source has none), ERR_RETRY
 * "db.tables" (the tenant is there, a table is not: weir db migrate). The latter also of what
 * saves. */
void state_load_start(struct state_load *l, const struct ingest *env,
                      const struct ingest_tenant *tenant, struct arena *a,
                      void (*done)(void *arg, struct err e), void *arg);

/* state_save - the cursor with its notes, if the tenant is still active (the fence); done(arg, e)
 * once, at once when nothing could be queued. */
void state_save(const struct ingest *env, const struct ingest_tenant *tenant,
                const struct cursor *cursor, const struct source_notes *notes,
                void (*done)(void *arg, struct err e), void *arg);

/*
 * state_status_save - how the source is doing, fenced as the cursor. `says` is the sentence about
 * the trouble (SLICE_NONE: none); source, sealed and updated of the row are filled here. done(arg,
 * e) once, at once when nothing could be queued.
 */
void state_status_save(const struct ingest *env, const struct ingest_tenant *tenant,
                       const struct source_status_row *row, struct slice says,
                       void (*done)(void *arg, struct err e), void *arg);

/* state_cursor_text / _read - a cursor and its notes as JSON and back. Text without notes is from
 * a time when there were none. ERR_REJECT "ingest.cursor". */
struct slice state_cursor_text(const struct cursor *c, const struct source_notes *notes,
                               struct arena *a);
MUST_CHECK struct err state_cursor_read(struct slice text, struct arena *a, struct cursor *out,
                                        struct source_notes *notes);

#endif
