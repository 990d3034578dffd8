#include "ingest/leftover.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "ingest/feed.h"
#include "ingest/state.h"

enum { PATH_BYTES = 4096, ARENA_LIMIT = 1024 * 1024, LOOKUPS_MAX = 64 };

struct lookup {
    const struct ingest *env;
    struct ingest_tenant tenant;
    struct state_load load;
    struct arena *arena;
};

static void
on_looked_up(void *arg, struct err e)
{
    struct lookup *l = arg;
    if (e.kind == ERR_REJECT &&
        (strcmp(e.code, "db.undefined") == 0 || strcmp(e.code, "db.fenced") == 0)) {
        feed_forget(l->env, &l->tenant.oid);
        log_info("ingest.spool_removed", LOG_OID(&l->tenant.oid));
    }
    arena_free(l->arena);
    free(l);
}

/* The epoch is not known, so nothing can be read; whether the tenant is there shows all the same.
 */
static void
look_up(const struct ingest *env, const struct oid *oid)
{
    struct lookup *l = calloc(1, sizeof *l);
    if (l == NULL)
        return;
    l->env = env;
    l->tenant.oid = *oid;
    l->arena = arena_new(ARENA_LIMIT);
    if (l->arena != NULL)
        state_load_start(&l->load, env, &l->tenant, l->arena, on_looked_up, l);
    else
        free(l);
}

void
leftover_sweep(const struct ingest *env, bool (*known)(void *arg, const struct oid *oid), void *arg)
{
    char folder[PATH_BYTES];
    DIR *d = feed_folder(env, folder, sizeof folder) ? opendir(folder) : NULL;
    if (d == NULL) /* there is none yet */
        return;
    size_t n = 0;
    for (struct dirent *f; n < LOOKUPS_MAX && (f = readdir(d)) != NULL;) {
        struct oid oid;
        if (!oid_parse(slice_of(f->d_name), &oid) || known(arg, &oid))
            continue;
        look_up(env, &oid);
        n++;
    }
    closedir(d);
}
