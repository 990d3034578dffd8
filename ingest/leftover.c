#include "ingest/leftover.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "ingest/feed.h"
#include "ingest/state.h"

enum { PATH_BYTES = 4096, ARENA_LIMIT = 1024 * 1024 };

/* One after the other, so that there may be any number of them. */
struct sweep {
    const struct ingest *env;
    bool (*known)(void *arg, const struct oid *oid);
    void *arg;
    DIR *folder;
    struct ingest_tenant tenant; /* that is being looked up */
    struct state_load load;
    struct arena *arena;
};

static void look_up_next(struct sweep *s);

static void
sweep_free(struct sweep *s)
{
    if (s->folder != NULL)
        closedir(s->folder);
    arena_free(s->arena);
    free(s);
}

/* Without an answer nothing more is asked, and the next start begins anew. */
static void
on_looked_up(void *arg, struct err e)
{
    struct sweep *s = arg;
    bool gone = e.kind == ERR_REJECT &&
                (strcmp(e.code, "db.undefined") == 0 || strcmp(e.code, "db.fenced") == 0);
    if (gone && !s->known(s->arg, &s->tenant.oid)) {
        feed_forget(s->env, &s->tenant.oid);
        log_info("ingest.spool_removed", LOG_OID(&s->tenant.oid));
    }
    if (e.kind == ERR_RETRY || loop_stopping(s->env->loop))
        sweep_free(s);
    else
        look_up_next(s);
}

/* The epoch is not known, so nothing can be read; whether the tenant is there shows all the same.
 */
static void
look_up_next(struct sweep *s)
{
    for (struct dirent *f; (f = readdir(s->folder)) != NULL;) {
        s->tenant = (struct ingest_tenant){.epoch = 0};
        if (!oid_parse(slice_of(f->d_name), &s->tenant.oid) || s->known(s->arg, &s->tenant.oid))
            continue;
        arena_reset(s->arena);
        state_load_start(&s->load, s->env, &s->tenant, s->arena, on_looked_up, s);
        return;
    }
    sweep_free(s);
}

void
leftover_sweep(const struct ingest *env, bool (*known)(void *arg, const struct oid *oid), void *arg)
{
    char folder[PATH_BYTES];
    struct sweep *s = calloc(1, sizeof *s);
    if (s == NULL)
        return;
    *s = (struct sweep){.env = env, .known = known, .arg = arg};
    if (feed_folder(env, folder, sizeof folder))
        s->folder = opendir(folder);
    s->arena = arena_new(ARENA_LIMIT);
    if (s->folder == NULL || s->arena == NULL) /* there is none yet */
        sweep_free(s);
    else
        look_up_next(s);
}
